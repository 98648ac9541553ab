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
from asyncio import events, locks, queues
from dataclasses import dataclass
from types import CodeType
from typing import Any

from . import _reports, _tracing

_MADE = "_loopbox_made"
_HELD = "_loopbox_held"


type _Spot = tuple[CodeType, int] | None
"""An instruction of the program; as text only when somebody asks."""


@dataclass(slots=True, frozen=True)
class Held:
    """Who has a lock, and since where."""

    task: weakref.ref[asyncio.Task[Any]]
    name: str
    spot: _Spot

    @property
    def place(self) -> str:
        return _show(self.spot, False)


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


class _Made:
    """An attribute that notes where the thing that has it was made. Reading it costs nothing more than before."""

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
            _takes(lock)
        elif _MADE in attributes:
            _leaves(lock, attributes)
        else:
            attributes[_MADE] = _spot()


_held: weakref.WeakKeyDictionary[asyncio.Task[Any], list[asyncio.Lock]] = weakref.WeakKeyDictionary()
"""The locks that a task has, in the order in which it took them."""


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
        (locks.Event, "_value"),
        (locks.Condition, "_lock"),
        (locks.Semaphore, "_value"),
        (locks.Barrier, "_cond"),
        (queues.Queue, "_maxsize"),
    ):
        setattr(owner, name, _Made(name))


def made(thing: Any) -> str:
    """Where it was made, with the column: two locks are often made on one line. Empty if nobody knows."""
    return _show(getattr(thing, "__dict__", {}).get(_MADE), True)


def holder(lock: asyncio.Lock) -> Held | None:
    """Who has it."""
    return lock.__dict__.get(_HELD) if lock.locked() else None


def _wants(self: asyncio.Lock) -> asyncio.AbstractEventLoop:
    """`Lock._get_loop`, which `Lock.acquire` calls when somebody else has the lock. It may never be had."""
    loop = _get_loop(self)
    if _tracing.enabled and (task := asyncio.current_task(loop)) is not None:
        _compare_all(self, task, Held(weakref.ref(task), task.get_name(), _spot()))
    return loop


_get_loop = locks.Lock._get_loop


def _takes(lock: asyncio.Lock) -> None:
    loop = events._get_running_loop()
    task = asyncio.current_task(loop) if loop is not None else None
    if task is None:
        lock.__dict__.pop(_HELD, None)
        return
    lock.__dict__[_HELD] = held = Held(weakref.ref(task), task.get_name(), _spot())
    if _tracing.enabled:
        _compare_all(lock, task, held)
        _held.setdefault(task, []).append(lock)


def _leaves(lock: asyncio.Lock, attributes: dict[str, Any]) -> None:
    held = attributes.pop(_HELD, None)
    task = held and held.task()
    if task is not None and (has := _held.get(task)) is not None:
        if lock in has:
            has.remove(lock)
        if not has:
            del _held[task]


def _compare_all(lock: asyncio.Lock, task: asyncio.Task[Any], held: Held) -> None:
    """A task takes a lock, or is going to wait for it: with every other one that it has."""
    before = _held.get(task, ())
    for first in before:
        if first is not lock:
            _compare(first, lock, task, held, [other for other in before if other is not first])


def _compare(first: asyncio.Lock, second: asyncio.Lock, task: asyncio.Task[Any], held: Held, others: list[Any]) -> None:
    since = holder(first)
    now = _Seen(held.task, held.name, since.spot if since else None, held.spot, others)
    same = _seen.setdefault(first, weakref.WeakKeyDictionary()).setdefault(second, [])
    if not any(seen.task() is task and seen.others == others for seen in same):
        same.append(now)
    opposites = _seen.get(second, {}).get(first, [])
    opposites[:] = [seen for seen in opposites if (other := seen.task()) is not None and not other.done()]
    if any(seen.reported for seen in opposites):
        return
    for seen in opposites:
        if seen.task() is not task and not any(other is mine for other in seen.others for mine in others):
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
