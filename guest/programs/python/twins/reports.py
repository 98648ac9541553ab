"""What the runtime says of a program: its reports, log records, the end of all progress."""

import asyncio
import logging


async def never_retrieved() -> None:
    """One error that nobody looks at, and one that somebody does."""
    asyncio.create_task(sync("inbox", 0.01), name="forgotten")
    seen = asyncio.create_task(sync("outbox", 0.02), name="seen")
    await asyncio.sleep(0.05)
    error = seen.exception()
    print(f"saw {type(error).__name__}: {error}")
    await asyncio.sleep(0.05)
    print("the end of main")


async def sync(folder: str, seconds: float) -> None:
    await asyncio.sleep(seconds)
    raise ValueError(f"no folder {folder}")


async def never_awaited() -> None:
    """A coroutine that nobody awaits, between two that somebody does."""
    await save("first")
    save("second")
    await asyncio.sleep(0.02)
    await save("third")


async def save(name: str) -> None:
    await asyncio.sleep(0.01)
    print("saved", name)


async def log() -> None:
    """Records of several loggers and levels."""
    app, orders = logging.getLogger("app"), logging.getLogger("app.orders")
    app.setLevel(logging.INFO)

    async def sell() -> None:
        for number in range(1, 4):
            await asyncio.sleep(0.1)
            orders.info("order %d accepted", number)
        orders.warning("sold out")

    await asyncio.create_task(sell(), name="shop")
    app.error("no more orders")


async def deadlock() -> None:
    """Two transfers in opposite directions, each with a lock that the other one wants."""
    ada, bob = asyncio.Lock(), asyncio.Lock()
    there = asyncio.create_task(transfer(ada, bob), name="ada-to-bob")
    back = asyncio.create_task(transfer(bob, ada), name="bob-to-ada")
    await there
    await back


async def transfer(first: asyncio.Lock, second: asyncio.Lock) -> None:
    async with first:
        print("holds one")
        await asyncio.sleep(0.01)
        async with second:
            print("never")
