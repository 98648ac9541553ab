"""A small service: a heartbeat every 100 ms, and a report now and then."""

import asyncio
import time


async def heartbeat():
    while True:
        print("alive", flush=True)
        await asyncio.sleep(0.1)


def write_report(number):
    """Stands for any call that takes a while and blocks its thread: a query, a request, a file."""
    time.sleep(0.25)
    return f"report {number}"


async def reports():
    for number in range(3):
        await asyncio.sleep(0.3)
        print(write_report(number))


async def main():
    beat = asyncio.create_task(heartbeat(), name="heartbeat")
    await reports()
    beat.cancel()


asyncio.run(main())
