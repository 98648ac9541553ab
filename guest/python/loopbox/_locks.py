"""What asyncio's locks, queues and events do not note: who holds a lock since where, and where each of them was made.

`asyncio.Lock` knows that it is locked and not by whom. The one attribute that says so is made to note the task and the
line of the program; asyncio's code is unchanged. For the other classes one attribute that their `__init__` sets notes
the place. From that come reports of deadlocks (`_deadlock`) and LOCK-ORDER: two tasks that take two locks in
opposite order, seen before they meet.

There is no LOCK-ORDER if one task does both (it cannot meet itself), if the first one has ended, or if both held a
third lock meanwhile, which keeps them apart.
"""

import asyncio
import itertools
import sys
import weakref
from asyncio import locks, queues
from dataclasses import dataclass
from types import CodeType
from typing import Any

from . import _reports, _tracing

_MADE = "_loopbox_made"
_HELD = "_loopbox_held"

type _Spot = tuple[CodeType, int] | None
"""An instruction of the program; as text only when somebody asks."""

type _Held = tuple[weakref.ref[asyncio.Task[Any]], str, _Spot]
"""A task, its name, and where it took the lock."""


class _Made:
    """An attribute, set by `__init__`, that notes where the thing that has it was made. Reading it costs no more."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __set__(self, thing: Any, value: Any) -> None:
        attributes = thing.__dict__
        attributes[self.name] = value
        if _MADE not in attributes:
            attributes[_MADE] = _spot()


class _Locked:
    """`Lock._locked`."""

    def __set__(self, lock: asyncio.Lock, locked: bool) -> None:
        attributes = lock.__dict__
        attributes["_locked"] = locked
        if locked:
            _takes(lock, attributes)
        elif _MADE in attributes:
            held = attributes.pop(_HELD, None)
            if held is not None and (task := held[0]()) is not None and lock in (has := _locks_of(task)):
                has.remove(lock)
        else:
            attributes[_MADE] = _spot()


@dataclass(slots=True)
class _Seen:
    """A task took one lock while it held another one."""

    task: weakref.ref[asyncio.Task[Any]]
    name: str
    first: _Spot
    second: _Spot
    others: list[asyncio.Lock]
    reported: bool = False


_seen: weakref.WeakKeyDictionary[asyncio.Lock, weakref.WeakKeyDictionary[asyncio.Lock, list[_Seen]]]
_seen = weakref.WeakKeyDictionary()
"""For each lock those that were taken while it was held."""


def install() -> None:
    """In the build."""
    locks.Lock._locked = _Locked()
    locks.Lock._get_loop = _wants
    for owner, name in (
        (locks.Event, "_waiters"),
        (locks.Condition, "_lock"),
        (locks.Semaphore, "_waiters"),
        (locks.Barrier, "_cond"),
        (queues.Queue, "_maxsize"),
    ):
        setattr(owner, name, _Made(name))


def made(thing: Any) -> str:
    """Where it was made, with the column: two locks are often made on one line. Empty if nobody knows."""
    return _show(getattr(thing, "__dict__", {}).get(_MADE), True)


def holder(lock: asyncio.Lock) -> tuple[asyncio.Task[Any] | None, str] | None:
    """Who has it, unless that task is gone, and since where; None if nobody knows."""
    held: _Held | None = lock.__dict__.get(_HELD) if lock.locked() else None
    return held and (held[0](), _show(held[2], False))


def _wants(self: asyncio.Lock) -> asyncio.AbstractEventLoop:
    """`Lock._get_loop`, which `Lock.acquire` calls when somebody else has the lock. It may never be had."""
    loop = _get_loop(self)
    if _tracing.enabled and (task := asyncio.current_task(loop)) is not None and (has := _locks_of(task)):
        _compare_all(has, self, (weakref.ref(task), task.get_name(), _spot()))
    return loop


_get_loop = locks.Lock._get_loop


def _spot() -> _Spot:
    frame = sys._getframe(2)
    while frame is not None and _tracing.is_foreign(frame.f_code.co_filename):
        frame = frame.f_back
    return frame and (frame.f_code, frame.f_lasti)


def _show(spot: _Spot, with_column: bool) -> str:
    if spot is None:
        return ""
    code, instruction = spot
    line, _, column, _ = next(itertools.islice(code.co_positions(), instruction // 2, None))
    place = f"{code.co_filename}:{line}"
    return place if column is None or not with_column else f"{place}:{column + 1}"


def _locks_of(task: asyncio.Task[Any]) -> list[asyncio.Lock]:
    """Those that a task has, in the order in which it took them; noted only if the run is traced."""
    return getattr(task, "_loopbox_locks", [])


def _takes(lock: asyncio.Lock, attributes: dict[str, Any]) -> None:
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    if task is None:
        attributes.pop(_HELD, None)
        return
    attributes[_HELD] = held = (weakref.ref(task), task.get_name(), _spot())
    if not _tracing.enabled:
        return
    try:
        has = task._loopbox_locks
    except AttributeError:
        task._loopbox_locks = [lock]
        return
    _compare_all(has, lock, held)
    has.append(lock)


def _compare_all(has: list[asyncio.Lock], lock: asyncio.Lock, held: _Held) -> None:
    """A task takes a lock, or is going to wait for it: with every other one that it has."""
    for first in has:
        if first is not lock:
            _compare(first, lock, held, [other for other in has if other is not first])


def _compare(first: asyncio.Lock, second: asyncio.Lock, held: _Held, others: list[asyncio.Lock]) -> None:
    since = first.__dict__.get(_HELD)
    now = _Seen(held[0], held[1], since and since[2], held[2], others)
    same = _seen.setdefault(first, weakref.WeakKeyDictionary()).setdefault(second, [])
    if not any(seen.task() is held[0]() and seen.others == others for seen in same):
        same.append(now)
    opposites = _seen.get(second, {}).get(first, [])
    opposites[:] = [seen for seen in opposites if (other := seen.task()) is not None and not other.done()]
    if any(seen.reported for seen in opposites):
        return
    for seen in opposites:
        if seen.task() is not held[0]() and not any(other is mine for other in seen.others for mine in others):
            seen.reported = True
            _reports.ours(
                "LOCK-ORDER",
                f"locks are taken in opposite order: {_task(now)} took the first at {_show(now.first, False)} and the "
                f"second at {_show(now.second, False)}; {_task(seen)} took the second at {_show(seen.first, False)} and "
                f"the first at {_show(seen.second, False)}; "
                f"the first is lock made at {made(first)}, the second is lock made at {made(second)}",
                made(second),
            )
            return


def _task(seen: _Seen) -> str:
    place = _reports.place_of(seen.task())
    return f'task "{seen.name}" ({place})' if place else f'task "{seen.name}"'
