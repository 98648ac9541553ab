"""Who waits for what, when nothing can ever happen again.

The machine knows that no timer, job, message or signal is left. Each task knows the future that it awaits, and
its own frame. From that comes a line for each task that is not done.
"""

import asyncio
from typing import NoReturn

from . import _host


def report(loop: asyncio.AbstractEventLoop) -> NoReturn:
    """Explains, which ends the run."""
    tasks = sorted(asyncio.all_tasks(loop), key=lambda task: getattr(task, "_loopbox", 0))
    _host.event_loop.deadlock([_line(task) for task in tasks])
    raise AssertionError("the machine has ended the run")


def _line(task: asyncio.Task) -> str:
    frames = task.get_stack(limit=1)
    place = f" at {frames[-1].f_code.co_filename}:{frames[-1].f_lineno}" if frames else ""
    waiting = getattr(task, "_fut_waiter", None)
    return f'task "{task.get_name()}" waits for {waiting!r}{place}'
