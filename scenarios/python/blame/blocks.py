"""Each way to block the loop's thread; the argument says which one."""

import asyncio
import select
import sys
import time

from loopbox import blocking


def sleeps():
    time.sleep(0.2)


def selects():
    select.select([], [], [], 0.3)


def reads():
    with open("/etc/settings.toml") as file:
        return file.read()


def asks():
    return input()


def queries():
    return blocking.call(
        "db.query",
        "SELECT 1",
    )


async def main():
    globals()[sys.argv[1]]()


asyncio.run(main())
