"""The Python workloads of the benchmark, written once for everybody who runs them.

As a guest, and under plain CPython: `workloads.py WORKLOAD`. Under a native simulator: `workloads.py WORKLOAD PEER`, which
prints the host's nanoseconds for one unit of work. Plain CPython has no virtual time, so tickers are not for it.
"""

import asyncio
import sys
import time

TASKS, ROUNDS, SLEEPS = 100, 200, 360
"""The ring's tasks and rounds are those of the Rust ring; tickers sleep a tenth as often."""


async def smallest() -> None:
    await asyncio.sleep(1)


async def yields() -> None:
    for _ in range(20_000):
        await asyncio.sleep(0)


async def ring() -> None:
    queues = [asyncio.Queue() for _ in range(TASKS)]

    async def link(here: asyncio.Queue, there: asyncio.Queue) -> None:
        for _ in range(ROUNDS):
            there.put_nowait(await here.get() + 1)

    links = [asyncio.create_task(link(queues[i], queues[(i + 1) % TASKS])) for i in range(TASKS)]
    queues[0].put_nowait(0)
    await asyncio.gather(*links)
    assert queues[0].get_nowait() == TASKS * ROUNDS


async def tickers() -> None:
    async def ticker(period: float) -> None:
        for _ in range(SLEEPS):
            await asyncio.sleep(period)

    await asyncio.gather(*(ticker(1.00 + 0.01 * i) for i in range(TASKS)))


WORKLOADS = {
    "smallest": (smallest, 1, 100),
    "yields": (yields, 20_000, 1),
    "ring": (ring, TASKS * ROUNDS, 1),
    "tickers": (tickers, TASKS * SLEEPS, 1),
}
"""Each with the units of work in a run, and the runs that make a sample."""


def sample(name: str, peer: str) -> None:
    workload, units, runs = WORKLOADS[name]
    if peer == "simloop":
        from simloop._loop import SimLoop
        from simloop._run import finish

        def run(seed: int) -> None:
            loop = SimLoop(seed)
            loop.run_until_complete(workload())
            finish(loop)
    elif peer == "simloom":
        import simloom

        def run(seed: int) -> None:
            simloom.run(workload, seed=seed)
    else:
        def run(seed: int) -> None:
            asyncio.run(workload())
    run(0)
    begin = time.perf_counter_ns()
    for seed in range(runs):
        run(seed)
    print((time.perf_counter_ns() - begin) / runs / units)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sample(*sys.argv[1:])
    else:
        asyncio.run(WORKLOADS[sys.argv[1]][0]())
