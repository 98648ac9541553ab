"""The page's advice about blocking code: a calculation of a second, on the loop and in an executor."""

import asyncio
import logging
import sys
import time

from loopbox import blocking


def calculation():
    blocking.compute(1)
    return 42


async def ticker():
    loop = asyncio.get_running_loop()
    for _ in range(12):
        due = loop.time() + 0.1
        await asyncio.sleep(0.1)
        if loop.time() - due > 0.01:
            print(f"tick, {loop.time() - due:.1f} s late")


async def main():
    tick = asyncio.create_task(ticker(), name="ticker")
    await asyncio.sleep(0.25)
    if sys.argv[1] == "executor":
        loop = asyncio.get_running_loop()
        print(await loop.run_in_executor(None, calculation))
    elif sys.argv[1] == "sleep":
        time.sleep(1)
    else:
        print(calculation())
    await tick


if "quiet" in sys.argv:
    logging.getLogger("asyncio").setLevel(logging.ERROR)

asyncio.run(main())
