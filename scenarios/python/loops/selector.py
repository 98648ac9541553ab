import asyncio, selectors, signal, time
class Clocked(selectors._BaseSelectorImpl):
    """Waits by sleeping, and knows no descriptors."""
    def select(self, timeout=None):
        time.sleep(0.01 if timeout is None else timeout)
        return []
async def main():
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, lambda: print("term", round(loop.time(), 1)))
    print(await asyncio.to_thread(lambda: "from a thread"))
    await asyncio.sleep(2)
    print("done", round(loop.time(), 1))
asyncio.run(main(), loop_factory=lambda: asyncio.SelectorEventLoop(Clocked()))
