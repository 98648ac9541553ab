"""What asyncio and the loopbox report, by the name of the scenario."""

import asyncio
import gc
import logging
import logging.handlers
import signal
import sys
import time

from loopbox import blocking


async def callback():
    loop = asyncio.get_running_loop()
    loop.call_soon(divide, 1, 0)
    await asyncio.sleep(0)


def divide(a, b):
    return a / b


async def handlers():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: print("handled", sorted(context)))
    loop.call_soon(divide, 1, 0)
    await asyncio.sleep(0)
    loop.set_exception_handler(lambda loop, context: divide(2, 0))
    loop.call_exception_handler({"message": "the program's own"})


async def pending():
    # Nobody holds the task, and the future that it waits for.
    asyncio.create_task(wait_for_ever(), name="lonely")
    await asyncio.sleep(0)
    gc.collect()


async def wait_for_ever():
    await asyncio.get_running_loop().create_future()


async def shutdown():
    async def background():
        try:
            await asyncio.sleep(10)
        finally:
            raise ValueError("in clean-up")

    task = asyncio.create_task(background(), name="background")
    await asyncio.sleep(0)
    return task


async def gathered():
    async def fail(after):
        await asyncio.sleep(after)
        raise ValueError(f"after {after}")

    try:
        await asyncio.gather(fail(0.01), fail(0.02))
    except ValueError as error:
        print(error)
    await asyncio.sleep(0.05)


async def stubborn():
    async def worker():
        cancelled = 0
        while cancelled < 2:
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                cancelled += 1

    task = asyncio.create_task(worker(), name="worker")
    await asyncio.sleep(0.01)
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0.01)
    await task


async def cancellable():
    """A cancelled group waits for its tasks to clean up: nothing is ignored."""

    async def clean_up():
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(0.01)

    async def group():
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(clean_up(), name="child")

    task = asyncio.create_task(group(), name="group")
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    print(task.cancelled())


async def generators():
    async def numbers():
        yield 1
        yield 2

    async for _ in numbers():
        break
    numbers().asend(None)
    await asyncio.sleep(0.01)
    await asyncio.get_running_loop().shutdown_asyncgens()
    async for _ in numbers():
        pass


async def replaced():
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, print, "first")
    loop.add_signal_handler(signal.SIGUSR1, print, "second")


async def turn():
    loop = asyncio.get_running_loop()
    for _ in range(10):
        loop.call_soon(blocking.compute, 0.01)
    await asyncio.sleep(0)


async def threshold():
    loop = asyncio.get_running_loop()
    loop.slow_callback_duration = 0.5
    loop.call_soon(time.sleep, 0.4)
    await asyncio.sleep(1)
    loop.call_soon(time.sleep, 0.6)
    await asyncio.sleep(1)


class Collector(logging.Handler):
    def emit(self, record):
        time.sleep(0.2)


async def logs():
    logging.basicConfig(format="%(levelname)s:%(name)s:%(funcName)s:%(message)s", stream=sys.stdout)
    log = logging.getLogger("app")
    log.addHandler(Collector())
    log.warning("order %d", 1)
    log.info("not made: the level forbids it")
    log.setLevel(logging.INFO)
    log.addFilter(lambda record: record.levelno != logging.INFO)
    log.info("filtered")
    try:
        divide(1, 0)
    except ZeroDivisionError:
        log.exception("no order")


async def queue():
    records = logging.handlers.queue.Queue(2)
    log = logging.getLogger("app")
    log.propagate = False
    log.addHandler(logging.handlers.QueueHandler(records))
    logging.raiseExceptions = False
    for number in range(5):
        log.warning("record %d", number)


async def warnings():
    logging.captureWarnings(True)
    logging.basicConfig(format="%(name)s: %(message)s", stream=sys.stdout)
    wait_for_ever()
    loop = asyncio.SelectorEventLoop()
    del loop


asyncio.run(globals()[sys.argv[1]]())
