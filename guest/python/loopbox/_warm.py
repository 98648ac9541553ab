"""Makes the memory that all runs begin with one that they write to in few places.

A page of it is shared by all runs until one of them writes to it; then that run has a page of its own, which takes
time and memory. So, in the build: a small program runs, because CPython rewrites the bytecode of what runs often, and counts
how often in the code itself; and the gaps in the heap are filled. The host is played by stand-ins; nothing of them stays.
"""

import asyncio
import contextlib
import itertools
import sys
import types
from collections.abc import Iterator
from unittest import mock

from . import _host, _loop, _tracing


@contextlib.contextmanager
def _stand_ins() -> Iterator[None]:
    now = itertools.count(1_000_000, 1_000_000)
    numbers = itertools.count()
    answers = {
        "wait": lambda until: min(until, 1 << 62) if until < (1 << 63) else next(now),
        "next_notice": lambda: None,
        "enabled": lambda: True,
        "debug": lambda: False,
        "wants": lambda code: False,
        "intern": lambda text: next(numbers),
        "task_spawned": lambda name, place: next(numbers),
    }
    with contextlib.ExitStack() as stack:
        for interface in (_host.event_loop, _host.tracing, _host.signals, _host.jobs, _host.process, _host.pipes):
            for name, value in vars(interface).items():
                if isinstance(value, types.FunctionType):
                    stand_in = answers.get(name, lambda *arguments: None)
                    stack.enter_context(mock.patch.object(interface, name, stand_in))
                    for module in (_loop, _tracing):
                        for own, held in vars(module).items():
                            if held is value:
                                stack.enter_context(mock.patch.object(module, own, stand_in))
        stack.enter_context(mock.patch.object(_tracing, "enabled", True))
        for name in ("_make_self_pipe", "_close_self_pipe"):
            # A descriptor needs a file system.
            stack.enter_context(mock.patch.object(_loop.EventLoop, name, lambda loop: None))
        yield


async def _program() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(1)

    async def produce() -> None:
        for number in range(30):
            await queue.put(number)
            await asyncio.sleep(0)

    async def consume() -> None:
        for _ in range(30):
            await queue.get()

    async with asyncio.TaskGroup() as group:
        group.create_task(produce())
        group.create_task(consume(), name="consume")
    for _ in range(30):
        await asyncio.sleep(0)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.Event().wait()
    await asyncio.gather(*(asyncio.sleep(0) for _ in range(3)))


def run() -> None:
    """Runs it."""
    with _stand_ins():
        for _ in range(20):
            loop = asyncio.new_event_loop()
            # Tasks without a name are numbered, and the program's begin with 1.
            loop.set_task_factory(lambda loop, coro, **_: asyncio.Task(coro, loop=loop, name="warm"))
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(_program())
    _tracing._labels.clear()


_ballast: list[bytes] = []


def fill_gaps() -> None:
    """Fills what the build has left free between things that stay, so that what a run makes lies together.

    The allocator would put it into the gaps, all over the memory; and a page that a run has written to is one that it does not
    share with other runs. The large gaps come first, or small things would be put into them.
    """
    empty = sys.getsizeof(b"")
    for size in (*range(16384, 1024, -1024), *range(1024, 16, -16)):
        # The allocator's unit is 16 bytes, of which 4 are its own.
        made, last, in_a_row = [], 0, 0
        while in_a_row < max(16, 16384 // size) and len(made) < 20_000:
            thing = bytes(size - 4 - empty)
            in_a_row = in_a_row + 1 if id(thing) == last + size else 0
            last = id(thing)
            made.append(thing)
        del made[len(made) - in_a_row - 1 :]
        _ballast.extend(made)
