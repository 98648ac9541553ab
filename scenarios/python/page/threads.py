"""The page's examples of concurrency and threads, in the order of the page."""

import asyncio
import sys
import threading


def callback(*args):
    print("callback", *args, "in", threading.current_thread().name)


async def coro_func():
     return await asyncio.sleep(1, 42)


def blocking_code():
    print("blocking code in", threading.current_thread().name)
    return "done"


def another_thread(loop, fut):
    # To schedule a callback from another OS thread:
    loop.call_soon_threadsafe(callback, 1, 2)

    loop.call_soon_threadsafe(fut.cancel)


def later(loop):
    # Later in another OS thread:
    future = asyncio.run_coroutine_threadsafe(coro_func(), loop)
    if "wait" in sys.argv:
        # Wait for the result:
        result = future.result()
        return result
    return future


async def main():
    loop = asyncio.get_running_loop()
    loop.call_soon(callback, 0)
    fut = loop.create_future()
    await asyncio.to_thread(another_thread, loop, fut)
    try:
        await fut
    except asyncio.CancelledError:
        print("fut is cancelled")
    future = await asyncio.to_thread(later, loop)
    print(await asyncio.wrap_future(future))
    print(await loop.run_in_executor(None, blocking_code))


asyncio.run(main())
