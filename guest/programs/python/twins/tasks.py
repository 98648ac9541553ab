"""Tasks among themselves: nothing from outside the program happens here."""

import asyncio


async def timers() -> None:
    """Three callbacks that are due at one moment, twice; then two tasks whose periods meet."""
    loop = asyncio.get_running_loop()
    for _ in range(2):
        rung = asyncio.Event()
        when = loop.time() + 0.1
        # No more than three, and no other timer: of more, CPython's heap changes the order.
        loop.call_at(when, first)
        loop.call_at(when, second)
        loop.call_at(when, third, rung)
        await rung.wait()
    early = asyncio.create_task(tick("early", 0.04), name="early")
    late = asyncio.create_task(tick("late", 0.06), name="late")
    await early
    await late


def first() -> None:
    print("first")


def second() -> None:
    print("second")


def third(rung: asyncio.Event) -> None:
    print("third")
    rung.set()


async def tick(name: str, period: float) -> None:
    for beat in range(1, 4):
        await asyncio.sleep(period)
        print(name, beat)


async def cancellation() -> None:
    """One task cleans up when it is cancelled, one never began, one catches it and goes on."""
    tidying = asyncio.create_task(tidy(), name="tidy")
    stubbornly = asyncio.create_task(stubborn(), name="stubborn")
    await asyncio.sleep(0.1)
    unborn = asyncio.create_task(asyncio.sleep(1), name="unborn")
    unborn.cancel()
    tidying.cancel()
    stubbornly.cancel()
    try:
        await tidying
    except asyncio.CancelledError:
        print("tidy has gone")
    try:
        await unborn
    except asyncio.CancelledError:
        print("unborn has gone")
    print(f"stubborn gave {await stubbornly}")


async def tidy() -> None:
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        print("tidy: cleaning up")
        await asyncio.sleep(0.05)
        print("tidy: clean")
        raise


async def stubborn() -> int:
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        print("stubborn: not yet")
    await asyncio.sleep(0.2)
    return 7


async def timeouts() -> None:
    """In time, too late, and one limit within another."""
    for milliseconds in (50, 500):
        try:
            async with asyncio.timeout(0.1):
                await work(milliseconds)
            print("in time")
        except TimeoutError:
            print("too late")
    try:
        async with asyncio.timeout(0.3):
            await nested()
        print("outer: in time")
    except TimeoutError:
        print("outer: too late")


async def nested() -> None:
    try:
        async with asyncio.timeout(0.1):
            await work(500)
        print("inner: in time")
    except TimeoutError:
        print("inner: too late")
    await work(500)


async def work(milliseconds: int) -> None:
    await asyncio.sleep(milliseconds / 1000)
    print(f"worked for {milliseconds} ms")


async def group() -> None:
    """Of three tasks of a group one fails: the others are cancelled, and the group has its error."""
    try:
        async with asyncio.TaskGroup() as tg:
            tg.create_task(step("fetch", 0.03))
            tg.create_task(failing())
            tg.create_task(step("store", 5))
        print("all is well")
    except ExceptionGroup as errors:
        print(errors)
        for error in errors.exceptions:
            print(f"- {type(error).__name__}: {error}")


async def step(name: str, seconds: float) -> None:
    try:
        await asyncio.sleep(seconds)
        print(f"{name}: done")
    except asyncio.CancelledError:
        print(f"{name}: cancelled")
        raise


async def failing() -> None:
    await asyncio.sleep(0.07)
    raise ValueError("no such table")


async def queue() -> None:
    """A producer that is faster than its two consumers, and a queue with room for two."""
    items: asyncio.Queue[int] = asyncio.Queue(2)
    producer = asyncio.create_task(produce(items), name="producer")
    left = asyncio.create_task(consume("left", items, 0.03), name="left")
    right = asyncio.create_task(consume("right", items, 0.05), name="right")
    await producer
    await items.join()
    print("all done")
    for task in (left, right):
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass


async def produce(items: asyncio.Queue[int]) -> None:
    for item in range(1, 9):
        await items.put(item)
        print("put", item)


async def consume(name: str, items: asyncio.Queue[int], seconds: float) -> None:
    while True:
        item = await items.get()
        await asyncio.sleep(seconds)
        print(name, "took", item)
        items.task_done()


async def lock() -> None:
    """Three tasks want one lock, which goes to them in their order; one that gives up is passed over."""
    shared = asyncio.Lock()
    tasks = [asyncio.create_task(hold(name, shared), name=name) for name in ("ada", "bob", "cleo")]
    hasty = asyncio.create_task(impatient(shared))
    for task in tasks:
        await task
    await hasty


async def hold(name: str, shared: asyncio.Lock) -> None:
    for round in (1, 2):
        async with shared:
            print(f"{name} has it, round {round}")
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.005)


async def impatient(shared: asyncio.Lock) -> None:
    try:
        async with asyncio.timeout(0.03):
            await shared.acquire()
    except TimeoutError:
        print("nobody waits for me")
