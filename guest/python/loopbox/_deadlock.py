"""Who waits for what, when nothing can ever happen again.

The machine knows that no timer, job, message or signal is left. Each task knows the future that it awaits, and the
chain of frames that leads there; the innermost one of asyncio's own says what is really waited for: a lock, a
queue, a group of tasks. From that come, in this order: cycles in words, things that nobody is left to provide, and a
line for each task.

A place is a file and line of the program. There are no addresses, and the order is that in which the tasks were made
(if the run is not traced, that of their names).
"""

import asyncio
import gc
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, NoReturn

from . import _frames, _host, _locks, _pipes, _reports, _tracing

type Task = asyncio.Task[Any]


@dataclass(slots=True)
class _Waiting:
    """A task, and what it waits for."""

    task: Task
    subject: str
    """`task "a" (app.py:3)`"""
    place: str = ""
    """Where in the program it waits."""
    what: str = "for something that is not asyncio's"
    edges: list[tuple[Task, str]] = field(default_factory=list)
    """Whom it waits for, and since where that one holds what this one wants; empty if it is awaited itself."""
    remarks: list[str] = field(default_factory=list)
    """Why that can never come, if it is known."""

    def awaited(self) -> str:
        return f"at {self.place} {self.what}" if self.place else self.what


def report(loop: asyncio.AbstractEventLoop) -> NoReturn:
    """Explains, which ends the run."""
    _host.event_loop.deadlock(lines(loop))
    raise AssertionError("the machine has ended the run")


def lines(loop: asyncio.AbstractEventLoop) -> list[str]:
    """What there is to say of the tasks of a loop."""
    picture = {task: _look_at(task) for task in sorted(asyncio.all_tasks(loop), key=_order)}
    found = _cycles(picture)
    for waiting in picture.values():
        found += [remark for remark in waiting.remarks if remark not in found]
    return found + [_line(waiting, picture) for waiting in picture.values()]


def _order(task: Task) -> tuple[int, str, int, str]:
    name, number = re.fullmatch(r"(.*?)(\d*)", task.get_name(), re.DOTALL).groups()
    return getattr(task, "_loopbox", 0), name, int(number or 0), task.get_coro().__qualname__


def _subject(task: Task) -> str:
    place = _reports.place_of(task)
    if not place:
        place = getattr(task.get_coro(), "__qualname__", "")
    return f'task "{task.get_name()}" ({place})' if place else f'task "{task.get_name()}"'


def _line(waiting: _Waiting, picture: dict[Task, _Waiting]) -> str:
    line = f"{waiting.subject} waits {waiting.awaited()}"
    holders = [(task, since) for task, since in waiting.edges if since]
    for index, (task, since) in enumerate(holders):
        holder = "itself" if task is waiting.task else _name(task, picture)
        line += f"{' and' if index else ', held by'} {holder} since {since}"
    return line


def _name(task: Task, picture: dict[Task, _Waiting]) -> str:
    known = picture.get(task)
    return known.subject if known else _subject(task)


# Cycles.


def _cycles(picture: dict[Task, _Waiting]) -> list[str]:
    """Every cycle once, from its oldest task on."""
    found: list[str] = []
    done: set[Task] = set()
    for start in picture:
        cycle = _cycle_through(start, picture)
        if cycle and not any(task in done for task, _ in cycle):
            done.update(task for task, _ in cycle)
            found.append(_describe_cycle(cycle, picture))
    return found


def _cycle_through(start: Task, picture: dict[Task, _Waiting]) -> list[tuple[Task, tuple[Task, str]]] | None:
    """The shortest way from a task back to itself: each task with the edge that leaves it."""
    ways: list[list[tuple[Task, tuple[Task, str]]]] = [[]]
    seen: set[Task] = set()
    while ways:
        longer = []
        for way in ways:
            at = way[-1][1][0] if way else start
            for edge in picture[at].edges if at in picture else ():
                further = [*way, (at, edge)]
                if edge[0] is start:
                    return further
                if edge[0] not in seen:
                    seen.add(edge[0])
                    longer.append(further)
        ways = longer
    return None


def _describe_cycle(cycle: list[tuple[Task, tuple[Task, str]]], picture: dict[Task, _Waiting]) -> str:
    text = "deadlock: "
    for index, (task, (to, since)) in enumerate(cycle):
        waiting = picture[task]
        text += f"{waiting.subject} waits " if index == 0 else ", which waits "
        if since and len(cycle) == 1:
            text += f"{waiting.awaited()}, which it holds itself since {since}: it is not re-entrant"
        elif since:
            text += f"{waiting.awaited()}, held by {_name(to, picture)} since {since}"
        elif len(cycle) == 1:
            text += "for itself"
        else:
            text += waiting.awaited()
    return text


# What a task waits for.


def _look_at(task: Task) -> _Waiting:
    waiting = _Waiting(task, _subject(task))
    frames = list(_frames.awaiting(task))
    for frame in frames:
        if not _tracing.is_foreign(frame.f_code.co_filename):
            waiting.place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
    future = task._fut_waiter
    for frame in _by_meaning(frames):
        look = _KNOWN.get(frame.f_code.co_qualname)
        if look is not None and _is_asyncio(frame):
            look(waiting, frame.f_locals)
            return waiting
    if future is not None:
        _look_at_future(waiting, future, frames)
    return waiting


def _is_asyncio(frame: FrameType) -> bool:
    return "/asyncio/" in frame.f_code.co_filename


def _by_meaning(frames: list[FrameType]) -> list[FrameType]:
    """asyncio's frames at the end of a chain, that one first which says most."""
    inner = len(frames)
    while inner and _is_asyncio(frames[inner - 1]):
        inner -= 1
    own = frames[inner:]
    # A condition that was notified waits for its lock; otherwise the outermost is what the program called.
    if own and own[-1].f_code.co_qualname == "Lock.acquire":
        return [own[-1]]
    return own


def _thing(kind: str, thing: Any, more: str = "") -> str:
    place = _locks.made(thing)
    return f"{kind}{f' made at {place}' if place else ''}{f' ({more})' if more else ''}"


def _lock(waiting: _Waiting, known: dict[str, Any]) -> None:
    lock = known["self"]
    name = _thing("lock", lock)
    waiting.what = f"for {name}"
    held = _locks.holder(lock)
    if held is None:
        return
    task, since = held
    if task is None or task.done():
        waiting.remarks.append(f"{name}: its holder has ended and never released it; taken at {since}")
    else:
        waiting.edges.append((task, since))


def _simply(kind: str) -> Callable[[_Waiting, dict[str, Any]], None]:
    def look(waiting: _Waiting, known: dict[str, Any]) -> None:
        waiting.what = f"for {_thing(kind, known['self'])}"

    return look


def _semaphore(waiting: _Waiting, known: dict[str, Any]) -> None:
    semaphore = known["self"]
    waiting.what = f"for {_thing('semaphore', semaphore, f'value {semaphore._value}')}"


def _queue(queue: asyncio.Queue[Any]) -> str:
    state = f"maxsize {queue.maxsize}, {queue.qsize()} items in it, {queue._unfinished_tasks} not done"
    return _thing("queue", queue, state)


def _queue_get(waiting: _Waiting, known: dict[str, Any]) -> None:
    waiting.what = f"for an item of {_queue(known['self'])}"


def _queue_put(waiting: _Waiting, known: dict[str, Any]) -> None:
    waiting.what = f"for room in {_queue(known['self'])}"


def _queue_join(waiting: _Waiting, known: dict[str, Any]) -> None:
    queue = known["self"]
    waiting.what = f"for all items of {_queue(queue)} to be done"
    taken = queue._unfinished_tasks - queue.qsize()
    if taken > 0:
        waiting.remarks.append(
            f"{_queue(queue)}: {taken} of its items were taken without task_done(), which join() waits for"
        )


def _group(waiting: _Waiting, known: dict[str, Any]) -> None:
    _look_at_tasks(waiting, known["self"]._tasks, "of the TaskGroup")


def _wait(waiting: _Waiting, known: dict[str, Any]) -> None:
    _look_at_tasks(waiting, known["fs"], "of asyncio.wait()")


def _reader(waiting: _Waiting, known: dict[str, Any]) -> None:
    waiting.what = _pipe(known["self"]._transport) or "for bytes of a StreamReader"


def _writer(waiting: _Waiting, known: dict[str, Any]) -> None:
    waiting.what = _pipe(known["self"]._transport) or "for a StreamWriter to be drained"


def _pipe(transport: Any) -> str:
    pipe = transport.get_extra_info("pipe") if transport is not None else None
    return "" if pipe is None else f"for {_pipes.describe(pipe.fileno())}"


def _child(waiting: _Waiting, known: dict[str, Any]) -> None:
    waiting.what = f"for the end of child process {known['self'].pid}, and of its pipes"


_KNOWN: dict[str, Callable[[_Waiting, dict[str, Any]], None]] = {
    "Lock.acquire": _lock,
    "Event.wait": _simply("event"),
    "Condition.wait": _simply("condition"),
    "Condition.wait_for": _simply("condition"),
    "Barrier.wait": _simply("barrier"),
    "Barrier.__aenter__": _simply("barrier"),
    "Semaphore.acquire": _semaphore,
    "Queue.get": _queue_get,
    "Queue.put": _queue_put,
    "Queue.join": _queue_join,
    "TaskGroup._aexit": _group,
    "_wait": _wait,
    "StreamReader._wait_for_data": _reader,
    "StreamWriter.drain": _writer,
    "Process.wait": _child,
}
"""By the names of asyncio's functions."""


def _look_at_tasks(waiting: _Waiting, futures: Any, whose: str) -> None:
    pending = [future for future in futures if not future.done()]
    tasks = sorted((future for future in pending if isinstance(future, asyncio.Task)), key=_order)
    waiting.edges += [(task, "") for task in tasks]
    others = len(pending) - len(tasks)
    parts = [_subject(task) for task in tasks]
    if others:
        parts.append("1 future" if others == 1 else f"{others} futures")
    waiting.what = f"for {', '.join(parts)} {whose}" if parts else f"for nothing more {whose}"


def _look_at_future(waiting: _Waiting, future: asyncio.Future[Any], frames: list[FrameType]) -> None:
    if isinstance(future, asyncio.Task):
        waiting.what = f"for {_subject(future)}"
        waiting.edges.append((future, ""))
        return
    if isinstance(future, asyncio.tasks._GatheringFuture):
        _look_at_tasks(waiting, future._children, "of gather()")
        return
    for callback, _ in future._callbacks or ():
        name = getattr(callback, "__qualname__", "")
        if name == "shield.<locals>._outer_done_callback":
            cells = dict(zip(callback.__code__.co_freevars, callback.__closure__, strict=True))
            _look_at_tasks(waiting, [cells["inner"].cell_contents], "of shield()")
            return
        if name == "_chain_future.<locals>._call_check_cancel":
            waiting.what = "for the result of a call in another thread"
            return
    place = _reports.place_of(future)
    name = f"future made at {place}" if place else "a future"
    waiting.what = f"for {name}"
    if _is_orphan(future, waiting.task, frames):
        told = f"{name} that {waiting.subject} waits for" if not place else name
        waiting.remarks.append(f"{told}: nobody else holds it, so nobody can complete it")


def _is_orphan(future: asyncio.Future[Any], task: Task, frames: list[FrameType]) -> bool:
    """Whether only the task that waits for a future refers to it."""
    own = [task, task.get_coro(), *frames]
    own += [frame.f_generator for frame in frames if getattr(frame, "f_generator", None) is not None]
    for referrer in gc.get_referrers(future):
        if any(referrer is known for known in own) or type(referrer).__name__ == "FutureIter":
            continue
        if type(referrer).__module__ == "builtins" and type(referrer).__name__ in ("frame", "list_iterator"):
            continue
        return False
    return True
