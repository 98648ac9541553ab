"""Reports of ours: what asyncio is silent about, and what only the loop and its tasks know.

Each of them can be switched off by a scenario (`[diagnostics]`). Those that need a look at tasks while they run are made
only if the run is traced. What locks have to say is in `_locks`, what queues of log records lose in `_logging`.
"""

import asyncio
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from . import _frames, _reports, _tracing


def install() -> None:
    """In the build."""
    _tracing.Hooks.before_cancelled = _before_cancelled
    _tracing.Hooks.after_cancelled = _after_cancelled
    _tracing.Hooks.gathered = _gathered


def slow_turn(seconds: float) -> None:
    """A turn took that long, and no single callback in it did."""
    text = f"a turn of the loop took {seconds:.3f} seconds, though no callback in it was slow by itself"
    _reports.ours("TURN", text)


def handler_replaced(number: int, old: str, new: str) -> None:
    """A signal has a new handler of the loop's, and had one before."""
    if not _tracing.enabled:
        return
    name = signal.Signals(number).name
    text = f"the handler of {name} made at {old} is replaced by the one made at {new}"
    _reports.ours("HANDLER-REPLACED", text, old, new)


def generator_left(generator: Any, is_closed: bool) -> None:
    """An asynchronous generator was dropped; that is worth a word if it had begun and was not at its end."""
    if not _tracing.enabled or not generator.ag_suspended:
        return
    code = generator.ag_code
    what = f"{generator.__qualname__!r} ({code.co_filename}:{code.co_firstlineno})"
    if is_closed:
        text = "was dropped half way after its loop was closed: its clean-up never runs"
        _reports.ours("AG-4", f"asynchronous generator {what} {text}")
    else:
        text = "was dropped half way: another task closes it later; use aclose() or aclosing()"
        _reports.ours("AG-1", f"asynchronous generator {what} {text}")


type _Caught = tuple[FrameType, int, FrameType | None]
"""A frame of the program, the line at which it waits, and the frame that it waits for."""


def _waits_at(task: asyncio.Task[Any]) -> _Caught | None:
    """The innermost frame of the program."""
    frames = list(_frames.awaiting(task))
    for index in range(len(frames) - 1, -1, -1):
        frame = frames[index]
        if not _tracing.is_foreign(frame.f_code.co_filename):
            return frame, frame.f_lineno, frames[index + 1] if index + 1 < len(frames) else None
    return None


def _before_cancelled(task: asyncio.Task[Any]) -> _Caught | None:
    waiter = task._fut_waiter
    if task._must_cancel or (waiter is not None and waiter.cancelled()):
        return _waits_at(task)
    return None


def _after_cancelled(task: asyncio.Task[Any], before: _Caught) -> None:
    """CANCEL-IGNORED: the task waits again at the line where it was cancelled."""
    times = task.cancelling()
    now = _waits_at(task)
    if not times or now is None or now[:2] != before[:2]:
        return
    if now[2] is not None and now[2] is before[2]:
        # It was caught further down: a TaskGroup waits for its tasks to end.
        return
    place = f"{now[0].f_code.co_filename}:{now[1]}"
    often = "once" if times == 1 else f"{times} times"
    text = f"{task!r} was cancelled {often}, swallowed that at {place}, and waits there again"
    _reports.ours("CANCEL-IGNORED", text, _reports.place_of(task), place)


def _gathered(callback: Callable[..., Any], future: asyncio.Future[Any]) -> None:
    """RET-GATHER: one of the futures of a `gather` has failed that raised an error before."""
    cells = dict(zip(callback.__code__.co_freevars, callback.__closure__ or (), strict=True))
    outer = cells["outer"].cell_contents
    if outer is None or not outer.done() or outer.cancelled() or not future._log_traceback or outer._exception is None:
        return
    text = f"{future!r} failed after gather() had already raised {outer._exception!r}: nobody sees this error"
    _reports.ours("RET-GATHER", text, _reports.place_of(future))


def at_end() -> None:
    """RET-HIDDEN: after the end of the program, what failed, nobody looked at, and somebody holds to the last."""
    for _, task in sorted(_tracing.failed.items()):
        if task._log_traceback:
            text = f"{task!r} failed, and nobody has looked at the error: a reference to the task hid it until the end"
            _reports.ours("RET-HIDDEN", text, _reports.place_of(task))
