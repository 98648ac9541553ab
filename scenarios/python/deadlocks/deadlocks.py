"""Programs that come to a standstill, by the name of the scenario."""

import asyncio
import sys


async def re_entrant_lock():
    lock = asyncio.Lock()
    async with lock:
        await update(lock)


async def update(lock):
    async with lock:
        print("updated")


async def lock_order():
    ada, bob = asyncio.Lock(), asyncio.Lock()
    async with asyncio.TaskGroup() as group:
        group.create_task(move(ada, bob), name="ada-to-bob")
        group.create_task(move(bob, ada), name="bob-to-ada")


async def move(source, target):
    async with source:
        await asyncio.sleep(0.01)
        async with target:
            print("moved")


async def lucky_lock_order():
    ada, bob = asyncio.Lock(), asyncio.Lock()
    first = asyncio.create_task(quick_move(ada, bob), name="ada-to-bob")
    second = asyncio.create_task(quick_move(bob, ada), name="bob-to-ada")
    await asyncio.gather(first, second)


async def quick_move(source, target):
    async with source, target:
        print("moved")
    await asyncio.sleep(0.01)


async def await_cycle():
    async def first():
        await asyncio.sleep(0)
        await tasks[1]

    async def second():
        await tasks[0]

    tasks = [asyncio.create_task(first(), name="first"), asyncio.create_task(second(), name="second")]
    await asyncio.wait(tasks)


async def orphan_future():
    answer = asyncio.get_running_loop().create_future()
    await answer


async def join():
    jobs = asyncio.Queue()

    async def worker():
        while True:
            await jobs.get()

    task = asyncio.create_task(worker(), name="worker")
    for job in range(3):
        jobs.put_nowait(job)
    await jobs.join()
    task.cancel()


async def never_released():
    lock = asyncio.Lock()

    async def forgetful():
        await lock.acquire()

    await asyncio.create_task(forgetful(), name="forgetful")
    await update(lock)


asyncio.run(globals()[sys.argv[1]]())
