"""What asyncio programs do with executors and the loop from other threads; the argument says what."""

import asyncio
import concurrent.futures
import contextvars
import logging
import logging.handlers
import queue
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

START = time.monotonic()
request = contextvars.ContextVar("request", default="none")


def say(*what):
    print(f"{time.monotonic() - START:.2f}", threading.current_thread().name, *what)


def job(number):
    time.sleep(0.05)
    return number


def fails():
    raise ValueError("in worker")


def look_around():
    for ask in asyncio.get_running_loop, asyncio.current_task:
        try:
            ask()
        except RuntimeError as error:
            say(error)
    me = threading.current_thread()
    say(request.get(), me is threading.main_thread(), threading.get_ident() == me.ident)
    return me.ident


async def where():
    """What a job sees of where it runs."""
    request.set("mine")
    ident = await asyncio.to_thread(look_around)
    say(ident != threading.get_ident(), asyncio.current_task().get_name())
    await asyncio.get_running_loop().run_in_executor(None, look_around)


async def many():
    """64 jobs on the workers that the scenario gives."""
    results = await asyncio.gather(*(asyncio.to_thread(job, number) for number in range(64)))
    say(sum(results))


async def own_pool():
    """A pool of the program's own, with all that futures can do."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(2, "db", initializer=lambda: say("init")) as pool:
        say(list(pool.map(job, range(4))))
        say(await loop.run_in_executor(pool, job, 7))
        futures = [pool.submit(job, number) for number in range(4)]
        say(futures[0].done())
        done, _ = concurrent.futures.wait(futures, return_when="FIRST_COMPLETED")
        say([future.result() for future in done if future is futures[0]])
        say(sorted(future.result() for future in concurrent.futures.as_completed(futures)))
        say(repr(pool.submit(fails).exception()))
        try:
            pool.submit(time.sleep, 1).result(timeout=0.25)
        except TimeoutError as error:
            say(repr(error))
    say("closed")
    for wrong in (lambda: pool.submit(job, 1), lambda: ThreadPoolExecutor(0)):
        try:
            wrong()
        except (RuntimeError, ValueError) as error:
            say(repr(error))
    loop.set_default_executor(ThreadPoolExecutor(1, "mine"))
    say(await asyncio.to_thread(lambda: threading.current_thread().name))


async def error():
    """The error of a job, with the frames that CPython shows."""
    try:
        await asyncio.to_thread(fails)
    except ValueError as error:
        for frame in traceback.extract_tb(error.__traceback__):
            print(frame.filename.rpartition("/")[2], frame.name, frame.line)


async def cancelled():
    """A worker goes on with what nobody waits for any more, and the end waits for it."""
    waiting = asyncio.get_running_loop().run_in_executor(None, lambda: (time.sleep(2), say("worker is done")))
    await asyncio.sleep(0.1)
    waiting.cancel()
    try:
        await waiting
    except asyncio.CancelledError:
        say("cancelled")
    try:
        await asyncio.wait_for(asyncio.to_thread(time.sleep, 1), 0.4)
    except TimeoutError:
        say("timeout")


async def slow_end():
    """The default executor is not done in time."""
    loop = asyncio.get_running_loop()
    loop.run_in_executor(None, lambda: (time.sleep(2), say("worker is done")))
    await asyncio.sleep(0.1)
    await loop.shutdown_default_executor(timeout=0.5)
    say("main ends")
    try:
        loop.run_in_executor(None, print)
    except RuntimeError as error:
        say(error)


async def back():
    """From a job back to the loop, as it should be done."""
    loop = asyncio.get_running_loop()
    event = asyncio.Event()

    async def answer():
        await asyncio.sleep(0.2)
        return 42

    def worker():
        time.sleep(0.1)
        loop.call_soon_threadsafe(event.set)
        time.sleep(0.3)
        return asyncio.run_coroutine_threadsafe(answer(), loop)

    running = asyncio.create_task(asyncio.to_thread(worker))
    await event.wait()
    say("event")
    future = await running
    say(future.done(), await asyncio.wrap_future(future), future.result())


async def unsafe():
    """The same mistake that asyncio's documentation warns of: nothing wakes the loop."""
    loop = asyncio.get_running_loop()

    def worker():
        time.sleep(0.1)
        for schedule in loop.call_soon, lambda call, *what: loop.call_later(0, call, *what):
            try:
                schedule(say, "at last")
            except RuntimeError as error:
                say(error)

    threading.Thread(target=worker).start()
    await asyncio.sleep(1)


async def own_loop():
    """A loop of its own in another thread."""

    async def inner():
        await asyncio.sleep(0.2)
        return await asyncio.to_thread(job, 5)

    say(await asyncio.to_thread(lambda: asyncio.run(inner())))


async def full_pool():
    """A job that waits for another one in its own full pool."""
    with ThreadPoolExecutor(1, "solo") as pool:
        await asyncio.get_running_loop().run_in_executor(pool, lambda: pool.submit(job, 1).result())


async def own_coroutine():
    """The loop's thread waits for what only the loop can do."""
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), asyncio.get_running_loop()).result()


async def lock_in_job():
    """The loop wants a lock that a job holds."""
    lock = threading.Lock()

    def worker():
        with lock:
            time.sleep(0.5)

    holding = asyncio.create_task(asyncio.to_thread(worker))
    await asyncio.sleep(0.1)
    with lock:
        say("the loop has it")
    await holding


async def lock_across_await():
    """A job wants a lock that the loop holds while it waits for the job."""
    lock = threading.Lock()

    def worker():
        with lock:
            pass

    with lock:
        await asyncio.to_thread(worker)


async def listener():
    """A listener deals with log records beside the loop, each at its time."""

    class Slow(logging.Handler):
        def emit(self, record):
            time.sleep(0.02)
            say(record.getMessage())

    records = queue.Queue() if "simple" not in sys.argv else queue.SimpleQueue()
    logger = logging.getLogger("app")
    logger.addHandler(logging.handlers.QueueHandler(records))
    listener = logging.handlers.QueueListener(records, Slow())
    listener.start()
    for number in range(3):
        logger.warning("record %d", number)
        await asyncio.sleep(0.1)
    logger.warning("the last")
    listener.stop()
    say("stopped")


asyncio.run(globals()[sys.argv[1]]())
say("end")
