"""What comes from outside of the loop: signals, the pool, blocking calls, processes."""

import asyncio
import signal
import sys
import time
from asyncio.subprocess import PIPE

from loopbox import blocking


async def stall() -> None:
    """The loop is in a long call when SIGTERM comes, and SIGUSR1 twice."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def stopping() -> None:
        print("SIGTERM")
        stop.set()

    async def write() -> None:
        await asyncio.sleep(0.1)
        # The mistake that this is about.
        blocking.call("report.write")
        print("report written")

    loop.add_signal_handler(signal.SIGTERM, stopping)
    loop.add_signal_handler(signal.SIGUSR1, print, "SIGUSR1")
    report = asyncio.create_task(write(), name="report")
    await stop.wait()
    print("stopping")
    await report


async def drain() -> None:
    """A service that ends well: on SIGTERM it takes no more requests, and saves those that it has."""
    loop = asyncio.get_running_loop()
    requests: asyncio.Queue[int] = asyncio.Queue()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    listener = asyncio.create_task(listen(requests), name="listener")
    workers = [asyncio.create_task(serve(number, requests), name=f"worker-{number}") for number in (1, 2)]
    await stop.wait()
    print(f"SIGTERM: no more requests, {requests.qsize()} wait")
    await end(listener)
    await requests.join()
    for worker in workers:
        await end(worker)
    loop.remove_signal_handler(signal.SIGTERM)
    print("drained")


async def end(task: asyncio.Task[None]) -> None:
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass


async def listen(requests: asyncio.Queue[int]) -> None:
    request = 0
    while True:
        await asyncio.sleep(0.02)
        request += 1
        await requests.put(request)


async def serve(number: int, requests: asyncio.Queue[int]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        request = await requests.get()
        await loop.run_in_executor(None, save)
        print(f"worker {number} saved {request}")
        requests.task_done()


def save() -> None:
    blocking.call("db.save")


async def twice() -> None:
    """The first SIGTERM asks, the second one, which finds no handler any more, kills."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def stopping() -> None:
        print("draining")
        stop.set()

    loop.add_signal_handler(signal.SIGTERM, stopping)
    await stop.wait()
    loop.remove_signal_handler(signal.SIGTERM)
    await asyncio.sleep(10)
    print("never")


async def pool() -> None:
    """Sixty-four jobs for four workers."""
    loop = asyncio.get_running_loop()
    rows = await asyncio.gather(*(loop.run_in_executor(None, query) for _ in range(64)))
    print(len(rows), "results")


def query() -> bytes:
    return blocking.call("db.query", "SELECT 1")


async def message() -> None:
    """A job tells the loop how far it is."""
    loop = asyncio.get_running_loop()
    heartbeat = asyncio.create_task(beat(5), name="heartbeat")
    await loop.run_in_executor(None, crunch, loop)
    print("crunched")
    await heartbeat


def crunch(loop: asyncio.AbstractEventLoop) -> None:
    for _ in range(3):
        blocking.compute(0.04)
        loop.call_soon_threadsafe(progress)


def progress() -> None:
    print("progress")


async def beat(times: int) -> None:
    for number in range(1, times + 1):
        await asyncio.sleep(0.05)
        print("beat", number)


async def on_loop() -> None:
    """A blocking call on the loop's thread: the heartbeat stops meanwhile."""
    heartbeat = asyncio.create_task(beat(5), name="heartbeat")
    await asyncio.sleep(0.075)
    query()
    print("queried")
    await heartbeat


async def offloaded() -> None:
    """The same call on a worker: the heartbeat goes on."""
    heartbeat = asyncio.create_task(beat(5), name="heartbeat")
    await asyncio.sleep(0.075)
    await asyncio.get_running_loop().run_in_executor(None, query)
    print("queried")
    await heartbeat


async def processes() -> None:
    """Three children, which end in three ways."""
    child = await asyncio.create_subprocess_exec("twins", "child")
    print(f"ended with {await child.wait()}")
    child = await asyncio.create_subprocess_exec("twins", "child")
    await asyncio.sleep(0.01)
    child.terminate()
    print(f"terminated: {await child.wait()}")
    try:
        await asyncio.create_subprocess_exec("nothing")
        print("it started")
    except OSError:
        print("no such program")


def child() -> None:
    """Works for 50 ms, and fails."""
    time.sleep(0.05)
    sys.exit(3)


async def pipes() -> None:
    """Lines to a child and back."""
    child = await asyncio.create_subprocess_exec("twins", "echo", stdin=PIPE, stdout=PIPE)
    for line in (b"one\n", b"two\n", b"three\n"):
        await asyncio.sleep(0.02)
        child.stdin.write(line)
        await child.stdin.drain()
    child.stdin.close()
    answer = await child.stdout.read()
    print(answer.decode(), end="")
    print(f"ended with {await child.wait()}")


def echo() -> None:
    """Gives back each line when it has come."""
    for line in sys.stdin:
        print("echo", line.rstrip("\n"), flush=True)
