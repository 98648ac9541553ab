"""What the trace is told of the loop: tasks with their names and places, steps, callbacks, timers.

Everything here is without effect unless the run is traced. Reports are `_reports`' business, log records are `_logging`'s. Places
of what blocks are not told from here: the machine reads them off the interpreter's frames itself.
"""

import functools
import sys
import weakref
from asyncio import BaseEventLoop, Future, Handle, Task, Timeout, TimerHandle, current_task, futures, gather
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType
from typing import Any

from . import _host

enabled = False
"""Whether this run is traced."""

step_begin = _host.tracing.step_begin
callback_begin = _host.tracing.callback_begin
callback_end = _host.tracing.callback_end

_labels: dict[str, int] = {}

failed: weakref.WeakValueDictionary[int, Task[Any]] = weakref.WeakValueDictionary()
"""Tasks that have failed, for as long as somebody holds them."""

GATHERED = next(
    code for code in gather.__code__.co_consts if isinstance(code, CodeType) and code.co_name == "_done_callback"
)
"""What `gather` has called when one of its futures is done."""

SHUTDOWN = {BaseEventLoop.shutdown_asyncgens.__code__, BaseEventLoop.shutdown_default_executor.__code__}
"""What `asyncio.run` does by tasks of its own when those of the program are done. They are callbacks in the trace."""

NO_TASK = -1
"""The number of such a task."""


class Hooks:
    """What `_watch` looks at while steps and callbacks run."""

    before_cancelled: Callable[[Task[Any]], object]
    """A task that somebody wants to cancel takes a step. Returns what `after_cancelled` is to know, or None."""
    after_cancelled: Callable[[Task[Any], Any], None]
    """It has not ended by that."""
    gathered: Callable[[Callable[..., Any], Any], None]
    """`GATHERED` will be called."""


@dataclass(slots=True)
class Cancelling:
    """A step of a task that somebody wants to cancel."""

    task: Task[Any]
    before: object
    """What `Hooks.before_cancelled` saw."""


def start() -> None:
    """At the start of a run."""
    global enabled
    enabled = _host.tracing.enabled()


def label(text: str) -> int:
    """The label of a text, which the host is asked for once."""
    known = _labels.get(text)
    if known is None:
        known = _labels[text] = _host.tracing.intern(text)
    return known


def place_of_caller() -> str:
    """`file:line` of the innermost frame that belongs to the program; empty if there is none."""
    frame = sys._getframe(1)
    while frame is not None and is_foreign(frame.f_code.co_filename):
        frame = frame.f_back
    return "" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


@functools.cache
def is_foreign(file: str) -> bool:
    """Whether code of this file is the runtime's, the standard library's or a requirement's."""
    return file.startswith(("/", "<frozen", "site-packages/")) or file == "<string>"


def spawned(task: Task[Any], place: str | None = None) -> int:
    """A task was made, by the program's innermost line unless told; returns what the trace knows it by."""
    if place is None:
        place = place_of_caller()
    number = _host.tracing.task_spawned(label(task.get_name()), label(place))
    task._loopbox, task._loopbox_place = number, place
    return number


def made(task: Task[Any]) -> None:
    """The loop has made a task, whose first step may have run already: inside the step of whoever made it."""
    if hasattr(task, "_loopbox"):
        return
    if getattr(task.get_coro(), "cr_code", None) in SHUTDOWN:
        task._loopbox = NO_TASK
        return
    number = spawned(task)
    if task.done():
        step_begin(number)
        stepped(number, task)
        outer = current_task()
        if outer is not None and (number := number_of(outer)) != NO_TASK:
            step_begin(number)


def number_of(task: Task[Any]) -> int:
    """What the trace knows a task by."""
    try:
        return task._loopbox
    except AttributeError:
        # Made by other means than the loop's `create_task`: where, nobody has looked.
        code = getattr(task.get_coro(), "cr_code", None)
        return spawned(task, f"{code.co_filename}:{code.co_firstlineno}" if code else "")


def stepped(number: int, task: Task[Any]) -> None:
    """A step has ended, and the task with it."""
    if task.cancelled():
        # A request to cancel is none yet: the task may catch it.
        _host.tracing.task_cancelled(number)
        outcome = _host.tracing.Outcome.CANCELLED
    elif task._exception is not None:
        outcome = _host.tracing.Outcome.FAILED
        failed[number] = task
    else:
        outcome = _host.tracing.Outcome.DONE
    _host.tracing.step_end(number, outcome)


def fired(handle: TimerHandle) -> None:
    """A timer is seen by the loop. One that a task waits for goes by the task's name, whatever asyncio calls."""
    callback = handle._callback
    if callback is futures._set_result_unless_cancelled:
        task = _awaiting(handle._args[0])
    elif getattr(callback, "__func__", None) is Timeout._on_timeout:
        task = callback.__self__._task
    else:
        task = None
    name = name_of(callback) if task is None else label(task.get_name())
    _host.tracing.timer_fired(name, max(0, round(handle._when * 1e9)))


def _awaiting(future: Future[Any]) -> Task[Any] | None:
    """The task that awaits a future of `asyncio.sleep`."""
    for callback, _ in future._callbacks or ():
        task = getattr(callback, "__self__", None)
        if isinstance(task, Task):
            return task
    return None


def name_of(callback: Callable[..., Any]) -> int:
    """The label of a callback's name."""
    while isinstance(callback, functools.partial):
        callback = callback.func
    name = getattr(callback, "__qualname__", None) or type(callback).__qualname__
    return label(name)


def begin(handle: Handle) -> Task[Any] | Cancelling | int:
    """A handle is about to run, as one step of a task or as one callback; returns what `end` wants."""
    callback = handle._callback
    task = getattr(callback, "__self__", None)
    if isinstance(task, Task) and (number := number_of(task)) != NO_TASK:
        step_begin(number)
        return task if not task.cancelling() else Cancelling(task, Hooks.before_cancelled(task))
    if isinstance(task, Task):
        callback = task.get_coro()
    if getattr(callback, "__code__", None) is GATHERED:
        Hooks.gathered(callback, *handle._args)
    name = name_of(callback)
    callback_begin(name)
    return name


def end(running: Task[Any] | Cancelling | int | None) -> None:
    """It has run."""
    if isinstance(running, Task):
        if running.done():
            stepped(running._loopbox, running)
    elif isinstance(running, int):
        callback_end(running)
    elif running is not None:
        task, before = running.task, running.before
        if task.done():
            stepped(task._loopbox, task)
        elif before is not None:
            Hooks.after_cancelled(task, before)
