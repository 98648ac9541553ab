"""What asyncio programs do with a pool of processes; the argument says what."""

import asyncio
import os
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor, as_completed, wait

START = time.monotonic()
prepared = None


class Box:
    def __init__(self, value):
        self.value = value


def say(*what):
    print(f"{time.monotonic() - START:.2f}", *what)


def square(number):
    time.sleep(0.2)
    return number * number


def more(box):
    return Box(box.value + 1)


def fails(what):
    raise ValueError(f"bad {what}")


def dies():
    os._exit(3)


def prepare(value):
    global prepared
    prepared = value


def cannot_prepare():
    raise OSError("no licence")


def tell():
    return prepared, __name__


async def calls():
    """Calls with their results and errors."""
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(2) as pool:
        say(await asyncio.gather(*(loop.run_in_executor(pool, square, number) for number in range(4))))
        say((await loop.run_in_executor(pool, more, Box(1))).value)
        try:
            await loop.run_in_executor(pool, fails, 7)
        except ValueError as error:
            say(repr(error))
            print("".join(traceback.format_exception(error.__cause__)).partition(", in fails")[2].strip())
        for unpicklable in lambda: 1, Box(lambda: 1):
            try:
                await loop.run_in_executor(pool, more, unpicklable)
            except Exception as error:
                say(type(error).__name__, str(error).partition(" at 0x")[0])
    with ProcessPoolExecutor(1, initializer=prepare, initargs=("yes",)) as pool:
        say(await loop.run_in_executor(pool, tell))
    try:
        pool.submit(square, 1)
    except RuntimeError as error:
        say(error)


async def broken():
    """A process that dies takes its pool with it."""
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(1) as pool:
        for function in dies, tell:
            try:
                await loop.run_in_executor(pool, function)
            except Exception as error:
                say(type(error).__name__, error)
    with ProcessPoolExecutor(1, initializer=cannot_prepare) as pool:
        try:
            await loop.run_in_executor(pool, tell)
        except Exception as error:
            say(type(error).__name__, error)


def blocking():
    """Without a loop: the main thread waits."""
    with ProcessPoolExecutor(2) as pool:
        say(list(pool.map(square, range(5), chunksize=2)))
        say(sorted(future.result() for future in as_completed([pool.submit(square, number) for number in range(3)])))
        say(repr(pool.submit(fails, 1).exception()))
        say(len(wait([pool.submit(square, number) for number in range(3)]).done))
        late = pool.submit(square, 2)
        try:
            late.result(timeout=0.05)
        except TimeoutError as error:
            say(repr(error))
        say(late.done())
    say(late.done(), late.result())


if __name__ == "__main__":
    mode = globals().get(sys.argv[1])
    if mode is blocking:
        blocking()
    elif mode is not None:
        asyncio.run(mode())
if sys.argv[1] == "unguarded":
    ProcessPoolExecutor(1).submit(square, 1).result()
