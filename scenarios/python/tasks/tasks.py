"""Every way to make a task and to run a loop: what the trace has of each."""

import asyncio


async def child(seconds):
    await asyncio.sleep(seconds)


async def fail():
    raise KeyError("failed")


async def main():
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        group.create_task(child(0.01), name="in a group")
    await asyncio.gather(child(0.01), child(0.02))
    await asyncio.ensure_future(child(0.01))
    await asyncio.wait_for(child(0.01), 1)
    cancelled = asyncio.create_task(child(10), name="cancelled")
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.wait([cancelled])
    try:
        async with asyncio.timeout(0.01):
            await child(1)
    except TimeoutError:
        print("timeout")
    loop.set_task_factory(asyncio.eager_task_factory)
    print(loop.create_task(asyncio.sleep(0), name="eager").done())
    eager = loop.create_task(fail(), name="eager and failed")
    print(eager.done(), repr(eager.exception()))
    await child(0.01)


def leave():
    raise SystemExit(3)


asyncio.run(main())
loop = asyncio.new_event_loop()
loop.run_until_complete(child(0.01))
loop.run_until_complete(child(0.01))
loop.call_later(0.01, loop.stop)
loop.run_forever()
loop.call_soon(leave)
try:
    loop.run_forever()
except SystemExit as status:
    print("status", status)
loop.run_until_complete(child(0.01))
loop.close()
with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
    runner.run(child(0.01))
