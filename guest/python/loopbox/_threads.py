"""Threads without threads: what `threading`, `queue` and locks stand on.

A thread is a job on a pool of one, and the machine says when it runs: then it runs in place, in one piece, on its
own clock, while the thread below stands still. Code of the standard library stays as it is; this replaces what
it stands on:

- `threading`'s low-level hooks: starting, joining, idents, locks, `local`.
- What threads share has a *history*: an event that a worker sets at 3 s is not set for whoever looks at 1 s,
  although the worker has run already. So do permits of semaphores, items of queues, results of futures.
- A `Lock` remembers when it was held: whoever wants it within such a span is blocked until its end.

Whoever waits lets the jobs run that the machine has ready (`block`). What a thread needs from one that stands below it
can never come: that ends the run with a report which says who waits for what. A thread's effects on other
memory are visible from the moment at which it runs.
"""

import _thread
import _threading_local
import collections
import contextvars
import functools
import queue
import sys
import threading
import time
import traceback
from bisect import bisect_right, insort
from collections import deque
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, NoReturn, override

from . import _host

FOREVER = _host.FOREVER

_wait_for = _host.jobs.wait_for
_Run = _host.jobs.Waited_Run
_Finished = _host.jobs.Waited_Finished
now = time.monotonic_ns

MAIN_IDENT = 0x7F00_0000_0000
MAIN_NATIVE_ID = 1
"""The numbers of the main thread; those of others follow."""

SPANS = 64
"""How many spans a lock remembers: more than are open at a time."""

CHANGES = 64
"""How many changes of an event are remembered."""

THREADS = 50_000
"""How many threads a process may start."""

used = False
"""Whether there has been a job: until then there is one thread, whose time needs no looking at."""

running: list[Job] = []
"""The jobs that run in place, innermost last."""

waiting: dict[int, Job] = {}
"""The jobs that were given to the machine and have not run, by its numbers."""

_blocked: list[tuple[str, str, Callable[[], int | None]]] = []
"""Who is blocked in what, outermost first, and when that would be over."""

_idents = MAIN_IDENT
_threads = 0


class Job:
    """What the machine runs on a worker."""

    name: str
    number = -1
    pool = -1
    ident = MAIN_IDENT
    native_id = MAIN_NATIVE_ID
    ended_at: int | None = None
    """When it was done, on its worker's clock."""
    is_daemon = False
    is_paused = False
    """Whether it has run as far as it could, and goes on as another job."""

    def run(self) -> bool:
        """Does it; returns whether it succeeded. Nothing may be raised from here."""
        raise NotImplementedError

    def describe(self) -> str:
        return f'job "{self.name}"'

    def submit(self, pool: int, place: str) -> None:
        """Gives it to the machine."""
        global used
        used = True
        self.is_paused = False
        self.pool = pool
        self.number = _host.jobs.submit(pool, self.name, place, False)
        waiting[self.number] = self

    def take_back(self) -> bool:
        """Takes it back; false if a worker has it or had it."""
        if self.number not in waiting or not _host.jobs.cancel(self.number):
            return False
        del waiting[self.number]
        return True

    def wait(self, call: str, until: int = FOREVER) -> bool:
        """Blocks the calling thread until it is done; false if it is `until` before."""
        while isinstance(waited := _wait_for(self.number, call, until), _Run):
            run_job(waited.value)
        return isinstance(waited, _Finished)


def run_job(number: int) -> None:
    """A worker is free for this job: runs it in place."""
    job = waiting.pop(number)
    _host.jobs.begin(number)
    below = _leave_thread()
    running.append(job)
    succeeded = False
    try:
        succeeded = job.run()
    finally:
        running.pop()
        job.ended_at = None if job.is_paused else now()
        _enter_thread(below)
        _host.jobs.end(number, succeeded)


def _leave_thread() -> Any:
    """Puts aside what belongs to the thread below."""
    loop = _get_running_loop()
    task = None
    if loop is not None:
        task = _swap_current_task(loop, None)
        _set_running_loop(None)
        if hasattr(loop, "_leave"):
            loop._leave()
    below = loop, task, sys.get_asyncgen_hooks(), sys.get_coroutine_origin_tracking_depth()
    sys.set_asyncgen_hooks(None, None)
    sys.set_coroutine_origin_tracking_depth(0)
    return below


def _enter_thread(below: Any) -> None:
    loop, task, hooks, depth = below
    sys.set_asyncgen_hooks(*hooks)
    sys.set_coroutine_origin_tracking_depth(depth)
    if loop is not None:
        _set_running_loop(loop)
        _swap_current_task(loop, task)
        if hasattr(loop, "_enter"):
            loop._enter()


# --- Waiting -------------------------------------------------------------------------------------------


def until_of(timeout: float | None) -> int:
    """The moment at which a wait of so many seconds ends."""
    if timeout is None:
        return FOREVER
    return min(FOREVER, now() + max(0, round(timeout * 1e9)))


def block(call: str, ready: Callable[[], int | None], until: int, for_what: Callable[[], str] | None = None) -> bool:
    """Blocks the calling thread until something is so, or until `until`, and lets other threads run meanwhile.

    `ready` says since when or from when on it is so, as far as is known; `None` if that depends on others.
    Returns whether it is so.
    """
    return block_since(call, ready, until, for_what) is not None


def block_since(
    call: str,
    ready: Callable[[], int | None],
    until: int,
    for_what: Callable[[], str] | None = None,
    is_limit: bool = False,
    source: Any = None,
) -> int | None:
    """The same, but returns since when it is so; `None` if it is not.

    What only limits how many threads go on (`is_limit`) is waited for alone once its moment is known: first come,
    first served. A daemon may be given up that waits for something to take from `source`, a queue.
    """
    at = ready()
    time_now = now()
    if at is not None and at <= time_now:
        return at
    if until <= time_now:
        return None
    _blocked.append((who(), call, ready))
    try:
        return _block(call, ready, until, for_what, is_limit, source)
    finally:
        _blocked.pop()


def _block(
    call: str,
    ready: Callable[[], int | None],
    until: int,
    for_what: Callable[[], str] | None,
    is_limit: bool,
    source: Any,
) -> int | None:
    is_open = False
    while True:
        at = ready()
        time_now = now()
        is_so = at is not None and at <= time_now
        if is_so or until <= time_now:
            if not is_open:
                return at if is_so else None
            target = time_now
        else:
            target = until if at is None else min(at, until)
            if is_limit and at is not None and not is_open:
                _host.blocking.wait_until(call, target)
                continue
        if target == FOREVER and not _can_go_on():
            if source is not None and running and running[-1].is_daemon:
                _give_up(running[-1], source)
            never(for_what() if for_what else f"waits in {call}")
        waited = _wait_for(None, call, target)
        # Otherwise the machine has closed the wait; what ran meanwhile may have changed the answer.
        is_open = isinstance(waited, _Run)
        if is_open:
            run_job(waited.value)


def _can_go_on() -> bool:
    """Whether a worker has a job to run, or will have one: nobody else can bring about what a job waits for."""
    busy = collections.Counter(job.pool for job in running)
    return any(busy[job.pool] < _sizes.get(job.pool, FOREVER) for job in waiting.values())


def create_pool(name: str, workers: int) -> int:
    """A pool of the machine."""
    pool = _host.jobs.create_pool(name, workers)
    _sizes[pool] = workers
    return pool


_sizes: dict[int, int] = {}
"""How many workers each pool has; that of the machine's own pool is the scenario's to say."""


def look() -> None:
    """Lets the jobs run that are due, for a program's main thread that asks again and again whether something is so."""
    if waiting and not running:
        while isinstance(waited := _wait_for(None, "sched_yield", now()), _Run):
            run_job(waited.value)


def _look_for(asking: CodeType) -> None:
    """The same, if the program itself has called `asking`, which wants to know."""
    if waiting and not running:
        frame = sys._getframe(1)
        if frame.f_code is not asking:
            frame = frame.f_back
        if frame.f_code is asking and frame.f_back is not None and not is_foreign(frame.f_back.f_code.co_filename):
            look()


def who() -> str:
    """Who calls, for reports."""
    if running:
        return running[-1].describe()
    task = _current_task() if _get_running_loop() is not None else None
    return f'task "{task.get_name()}"' if task is not None else "the main thread"


def never(what: str) -> NoReturn:
    """What the calling thread waits for can never come: says why, which ends the run."""
    lines = [f"DEADLOCK(thread): {who()} {what}, at {place_of_caller() or '?'}; no other thread can bring that about"]
    could_go_on = None
    for blocked, in_call, ready in reversed(_blocked[:-1]):
        lines.append(f"{blocked} is blocked in {in_call}")
        at = ready()
        if at is not None and could_go_on is None:
            could_go_on = blocked
    lines += _given_up
    if could_go_on is not None:
        lines.append(
            f"{could_go_on} could go on, but stands below on the stack: a thread runs in one piece here, on top of whoever "
            "waits; give the rest of its work to a thread of its own"
        )
    elif running:
        lines.append(
            "a thread runs in one piece here, while whoever waits for it stands still: it cannot wait for what the event "
            "loop, or the thread below, has to do later; await that on the loop, and start a job for the rest"
        )
    _host.jobs.deadlock(lines)
    raise AssertionError("the machine has ended the run")


class _At:
    """Where something was made, kept cheaply."""

    __slots__ = ("code", "line")

    def __init__(self, frame: FrameType) -> None:
        self.code = frame.f_code
        self.line = frame.f_lineno

    def __str__(self) -> str:
        if is_foreign(self.code.co_filename):
            return self.code.co_qualname
        return f"{self.code.co_filename}:{self.line}"


# --- Locks ---------------------------------------------------------------------------------------------


class lock:
    """`threading.Lock`."""

    __slots__ = ("__weakref__", "_holder", "_last", "_made", "_since", "_spans")

    def __init__(self) -> None:
        self._holder: Job | int | None = None
        """Who has it, as far as code has run."""
        self._since = 0
        self._last = 0
        """When it was free for good, of all spans."""
        self._spans: deque[tuple[int, int, Job | int]] | None = None
        self._made = _At(sys._getframe(1))

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if self._holder is None and not used:
            self._holder = MAIN_IDENT
            return True
        if not blocking:
            if timeout != -1:
                raise ValueError("can't specify a timeout for a non-blocking call")
            until = 0
            _look_for(_ACQUIRE)
        elif timeout == -1:
            until = FOREVER
        elif timeout < 0:
            raise ValueError("timeout value must be a non-negative number")
        elif timeout > threading.TIMEOUT_MAX:
            raise OverflowError("timeout value is too large")
        else:
            until = until_of(timeout)
        return self._take(until)

    def _take(self, until: int) -> bool:
        since = now()
        if self._holder is not None or since < self._last:
            free_at = block_since(self._call(), self._free_at, until, self._describe, True)
            if free_at is None:
                return False
            # Not a moment later, or another one would find it free in between.
            since = max(since, free_at)
        self._holder = running[-1] if running else MAIN_IDENT
        self._since = since
        return True

    def _free_at(self) -> int | None:
        if self._holder is not None:
            return None
        span = self._span_at(now())
        return span[1] if span else 0

    def _span_at(self, moment: int) -> tuple[int, int, Job | int] | None:
        """When it was held at this moment."""
        if moment >= self._last or self._spans is None:
            return None
        return max((span for span in self._spans if span[0] <= moment < span[1]), key=lambda span: span[1], default=None)

    def _call(self) -> str:
        made = str(self._made)
        if made == "Condition.wait":
            return made
        span = self._span_at(now())
        holder = self._holder if self._holder is not None else span and span[2]
        return f"lock:{made} held by {_name_of(holder)}"

    def _describe(self) -> str:
        if str(self._made) == "Condition.wait":
            return "waits for a notification of a condition"
        holder = self._holder
        mine = holder is (running[-1] if running else MAIN_IDENT)
        has = "which it holds itself" if mine else f"which {_name_of(holder)} holds"
        return f"waits for the lock made at {self._made}, {has} since {self._since / 1e9:.6f} s"

    def release(self) -> None:
        if self._holder is None:
            raise RuntimeError("release unlocked lock")
        if used:
            time_now = now()
            if self._since < time_now:
                if self._spans is None:
                    self._spans = deque(maxlen=SPANS)
                self._spans.append((self._since, time_now, self._holder))
                self._last = max(self._last, time_now)
        self._holder = None

    def locked(self) -> bool:
        return self._holder is not None or (used and self._span_at(now()) is not None)

    def __enter__(self) -> bool:
        if self._holder is None and not used:
            self._holder = MAIN_IDENT
            return True
        return self._take(FOREVER)

    def __exit__(self, *_: object) -> None:
        self.release()

    acquire_lock = acquire
    release_lock = release
    locked_lock = locked

    def _at_fork_reinit(self) -> None:
        self._holder = None

    def __reduce_ex__(self, protocol: int) -> NoReturn:
        raise TypeError("cannot pickle '_thread.lock' object")

    def __repr__(self) -> str:
        state = "locked" if self.locked() else "unlocked"
        return f"<{state} _thread.lock object at {id(self):#x}>"


_ACQUIRE = lock.acquire.__code__
lock.__module__ = "_thread"


def _name_of(holder: Job | int | None) -> str:
    return holder.describe() if isinstance(holder, Job) else "the main thread"


class RLock:
    """`threading.RLock`."""

    __slots__ = ("__weakref__", "_block", "_count", "_owner")

    def __init__(self) -> None:
        self._block = lock()
        self._block._made = _At(sys._getframe(1))
        self._owner: int | None = None
        self._count = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        me = running[-1].ident if running else MAIN_IDENT
        if self._owner == me:
            self._count += 1
            return True
        if not self._block.acquire(blocking, timeout):
            return False
        self._owner = me
        self._count = 1
        return True

    def __enter__(self) -> bool:
        return self.acquire()

    def release(self) -> None:
        if self._owner != (running[-1].ident if running else MAIN_IDENT):
            raise RuntimeError("cannot release un-acquired lock")
        self._count -= 1
        if not self._count:
            self._owner = None
            self._block.release()

    def __exit__(self, *_: object) -> None:
        self.release()

    def locked(self) -> bool:
        return self._block.locked()

    def _is_owned(self) -> bool:
        return self._owner == get_ident()

    def _recursion_count(self) -> int:
        return self._count if self._is_owned() else 0

    def _release_save(self) -> tuple[int, int | None]:
        if not self._count:
            raise RuntimeError("cannot release un-acquired lock")
        state = self._count, self._owner
        self._count = 0
        self._owner = None
        self._block.release()
        return state

    def _acquire_restore(self, state: tuple[int, int | None]) -> None:
        self._block.acquire()
        self._count, self._owner = state

    def _at_fork_reinit(self) -> None:
        self._block._at_fork_reinit()
        self._owner = None
        self._count = 0

    def __reduce_ex__(self, protocol: int) -> NoReturn:
        raise TypeError("cannot pickle '_thread.RLock' object")

    def __repr__(self) -> str:
        state = "locked" if self._block.locked() else "unlocked"
        return f"<{state} _thread.RLock object owner={self._owner or 0} count={self._count} at {id(self):#x}>"


RLock.__module__ = "_thread"


# --- What has a history --------------------------------------------------------------------------------


class Unlocked:
    """Stands where a condition of the standard library guards something that has a history: nobody interrupts."""

    __slots__ = ()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        return True

    def release(self) -> None:
        pass

    def locked(self) -> bool:
        return False

    def __enter__(self) -> bool:
        return True

    def __exit__(self, *_: object) -> None:
        pass

    def notify(self, n: int = 1) -> None:
        pass

    def notify_all(self) -> None:
        pass

    def _at_fork_reinit(self) -> None:
        pass


class _EventCondition(Unlocked):
    __slots__ = ("_event",)

    def __init__(self, event: threading.Event) -> None:
        self._event = event

    def wait(self, timeout: float | None = None) -> bool:
        return block("Event.wait", self._event._set_at, until_of(timeout), lambda: "waits for an event")


class Event(threading.Event):
    """`threading.Event`: knows when it was set and cleared."""

    def __init__(self) -> None:
        # The latest changes by time; before them it was clear.
        self._changes: list[tuple[int, bool]] = []

    @property
    def _cond(self) -> _EventCondition:
        return _EventCondition(self)

    @property
    def _flag(self) -> bool:
        if not used:
            return bool(self._changes) and self._changes[-1][1]
        _look_for(_IS_SET)
        return self._flag_at(now())

    @_flag.setter
    def _flag(self, value: bool) -> None:
        time_now = now() if used else 0
        if not used:
            self._changes = [(0, value)]
        elif self._flag_at(time_now) != value:
            insort(self._changes, (time_now, value), key=lambda change: change[0])
            if len(self._changes) > CHANGES:
                del self._changes[0]

    def _flag_at(self, moment: int) -> bool:
        for when, value in reversed(self._changes):
            if when <= moment:
                return value
        return False

    def _set_at(self) -> int | None:
        time_now = now()
        if self._flag_at(time_now):
            return time_now
        return next((when for when, value in self._changes if when > time_now and value), None)

    def _at_fork_reinit(self) -> None:
        pass


_IS_SET = threading.Event.is_set.__code__
Event.__module__ = "threading"


class _SemaphoreCondition(Unlocked):
    __slots__ = ("_semaphore",)

    def __init__(self, semaphore: _Permits) -> None:
        self._semaphore = semaphore

    def wait(self, timeout: float | None = None) -> bool:
        semaphore = self._semaphore
        _pause_if_idle(semaphore, semaphore._free_at())
        call, for_what = f"{type(semaphore).__name__}.acquire", "waits for a semaphore"
        if semaphore.queue is not None:
            call, for_what = "SimpleQueue.get", "waits for an item of a queue"
        return (
            block_since(
                call, semaphore._free_at, until_of(timeout), lambda: for_what, semaphore._is_limit, semaphore.queue
            )
            is not None
        )


class _Permits:
    """The value of a semaphore: how many permits there are, and from when on."""

    queue: SimpleQueue | None = None
    """Whose items it counts."""

    def __init__(self, value: int = 1) -> None:
        self._free = 0
        self._later: list[int] = []
        """Permits that were given back, by time."""
        self._is_made = False
        super().__init__(value)
        self._is_made = True
        self._is_limit = value > 0

    @property
    def _cond(self) -> _SemaphoreCondition:
        return _SemaphoreCondition(self)

    @_cond.setter
    def _cond(self, _: object) -> None:
        pass

    @property
    def _value(self) -> int:
        return self._free + (bisect_right(self._later, now()) if self._later else 0)

    @_value.setter
    def _value(self, value: int) -> None:
        more = value - self._value
        if not used or not self._is_made:
            self._free += more
        elif more > 0:
            for _ in range(more):
                insort(self._later, now())
        else:
            # The latest that are there, so that earlier ones are left for whoever is earlier.
            there = bisect_right(self._later, now())
            taken = min(there, -more)
            del self._later[there - taken : there]
            self._free += more + taken

    def _free_at(self) -> int | None:
        if self._value:
            return 0
        return self._later[0] if self._later else None


class Semaphore(_Permits, threading.Semaphore):
    """`threading.Semaphore`."""


class BoundedSemaphore(_Permits, threading.BoundedSemaphore):
    """`threading.BoundedSemaphore`."""


class Barrier(threading.Barrier):
    """`threading.Barrier`: nobody passes before the latest has come, whoever ran first."""

    _latest = 0

    @override
    def _enter(self) -> None:
        super()._enter()
        self._latest = max(self._latest, now())

    @override
    def _release(self) -> None:
        latest, self._latest = self._latest, 0
        if latest > now():
            _host.blocking.wait_until("Barrier.wait", latest)
        super()._release()


for _class in (Semaphore, BoundedSemaphore, Barrier):
    _class.__module__ = "threading"


class _QueueCondition(Unlocked):
    """One of a queue's three conditions."""

    __slots__ = ("_call", "_for_what", "_queue", "_ready")

    def __init__(self, owner: queue.Queue, call: str, ready: Callable[[queue.Queue], int | None], for_what: str) -> None:
        self._queue = owner
        self._call = call
        self._ready = ready
        self._for_what = for_what

    def wait(self, timeout: float | None = None) -> bool:
        _pause_if_idle(self._queue, self._ready(self._queue))
        source = self._queue if self is self._queue.not_empty else None
        ready, until = lambda: self._ready(self._queue), until_of(timeout)
        return block_since(self._call, ready, until, lambda: self._for_what, source=source) is not None


class _JoinCondition(_QueueCondition):
    __slots__ = ()

    def __enter__(self) -> bool:
        # Another thread may have done the last one already, at a later time.
        if used and sys._getframe(1).f_code is _JOIN and not self._queue.unfinished_tasks:
            self.wait()
        return True

    def notify_all(self) -> None:
        self._queue._done_at = now() if used else 0


_made_queue = queue.Queue.__init__
_JOIN = queue.Queue.join.__code__
_GET = queue.Queue.get.__code__
_PUT = queue.Queue.put.__code__


@functools.wraps(_made_queue)
def _make_queue(self: queue.Queue, maxsize: int = 0) -> None:
    """`queue.Queue.__init__`."""
    self._coming = []
    self._gone = []
    self._done_at = 0
    self._listener = None
    _made_queue(self, maxsize)
    name = type(self).__name__
    self.mutex = Unlocked()
    self.not_empty = _QueueCondition(self, f"{name}.get", _item_at, "waits for an item of a queue")
    self.not_full = _QueueCondition(self, f"{name}.put", _room_at, "waits for room in a queue")
    self.all_tasks_done = _JoinCondition(self, f"{name}.join", _done_at, "waits for all items of a queue to be done")


def _there(self: queue.Queue) -> int:
    """How many items have come by now, of those that came after others could have looked."""
    return bisect_right(self._coming, now(), key=lambda item: item[0]) if self._coming else 0


def _arrive(self: queue.Queue, most: int) -> None:
    """Puts so many of them where they belong."""
    for _ in range(min(most, _there(self))):
        self._put_now(self._coming.pop(0)[2])


def _item_at(self: queue.Queue) -> int | None:
    if self.is_shutdown or self._qsize():
        return 0
    return self._coming[0][0] if self._coming else None


def _room_at(self: queue.Queue) -> int | None:
    time_now = now()
    later = [gone for gone in self._gone if gone > time_now]
    self._gone = later
    if self.is_shutdown or self._qsize() + len(later) < self.maxsize:
        return 0
    return min(later, default=None)


def _done_at(self: queue.Queue) -> int | None:
    return None if self.unfinished_tasks else self._done_at


_order = 0


def _with_history(kind: type[queue.Queue]) -> None:
    """Lets a queue of the standard library know when its items were put; `put` and `get` stay as they are."""
    put_now, get_now, size = kind._put, kind._get, kind._qsize
    is_first_in_first_out = kind is queue.Queue

    def _put(self: queue.Queue, item: object) -> None:
        global _order
        if not running and not waiting:
            # There is nobody who could be earlier.
            put_now(self, item)
        else:
            _order += 1
            insort(self._coming, (now(), _order, item), key=lambda item: item[:2])
        if self._listener is not None:
            self._listener.go_on()

    def _get(self: queue.Queue) -> object:
        if used and self.maxsize > 0:
            self._gone.append(now())
        if self._coming and not (is_first_in_first_out and size(self)):
            _arrive(self, 1 if is_first_in_first_out else len(self._coming))
        return get_now(self)

    def _qsize(self: queue.Queue) -> int:
        if not used:
            return size(self)
        caller = sys._getframe(1)
        asking = caller.f_code
        if asking is not _GET and asking is not _PUT and asking in _ASKING:
            _look_for(asking)
        there = size(self) + _there(self)
        if asking is _PUT or asking in _ASKING:
            time_now = now()
            self._gone = [gone for gone in self._gone if gone > time_now]
            there += len(self._gone)
        elif asking is _GET and not there and waiting and not running and not caller.f_locals.get("block", True):
            look()
            there = size(self) + _there(self)
        return there

    kind._put_now = put_now
    kind._put, kind._get, kind._qsize = _put, _get, _qsize


_ASKING = {method.__code__ for method in (queue.Queue.qsize, queue.Queue.empty, queue.Queue.full)}


class _ByTime(deque):
    """The items of a `SimpleQueue`, in the order in which they were put."""

    def append(self, item: object) -> None:
        when = now() if used else 0
        later = []
        while self and self[-1][0] > when:
            later.append(self.pop())
        super().append((when, item))
        self.extend(reversed(later))

    def popleft(self) -> object:
        return super().popleft()[1]


class SimpleQueue(queue._PySimpleQueue):
    """`queue.SimpleQueue`."""

    def __init__(self) -> None:
        super().__init__()
        self._queue = _ByTime()
        self._count.queue = self
        self._listener: _ListenerJob | _GivenUp | None = None

    @override
    def put(self, item: object, block: bool = True, timeout: float | None = None) -> None:
        super().put(item, block, timeout)
        if self._listener is not None:
            self._listener.go_on()

    @override
    def put_nowait(self, item: object) -> None:
        self.put(item)

    @override
    def get(self, block: bool = True, timeout: float | None = None) -> object:
        return super().get(block, timeout if block else None)

    def __reduce_ex__(self, protocol: int) -> NoReturn:
        raise TypeError("cannot pickle '_queue.SimpleQueue' object")

    @override
    def empty(self) -> bool:
        return self.qsize() == 0

    @override
    def qsize(self) -> int:
        look()
        return self._count._value


SimpleQueue.__module__ = "_queue"


# --- Threads -------------------------------------------------------------------------------------------


def get_ident() -> int:
    """`threading.get_ident`."""
    return running[-1].ident if running else MAIN_IDENT


def get_native_id() -> int:
    """`threading.get_native_id`."""
    return running[-1].native_id if running else MAIN_NATIVE_ID


def new_idents() -> tuple[int, int]:
    """The two numbers of a new thread."""
    global _idents, _threads
    if _threads >= THREADS:
        raise RuntimeError("can't start new thread")
    _threads += 1
    _idents += 0x1000
    return _idents, MAIN_NATIVE_ID + _threads


class _ThreadJob(Job):
    """A `threading.Thread`, or what `_thread` has started."""

    def __init__(self, name: str, function: Callable[[], object]) -> None:
        self.name = name
        self.function = function
        self.has_failed = False
        self.ident, self.native_id = new_idents()

    @override
    def describe(self) -> str:
        return f'thread "{self.name}"'

    @override
    def run(self) -> bool:
        function = self.function
        del self.function
        try:
            contextvars.Context().run(function)
        except SystemExit:
            pass
        except BaseException as error:
            print(f"Exception ignored in thread started by: {function!r}", file=sys.stderr)
            traceback.print_exception(error)
            return False
        return not self.has_failed


class _Pause(BaseException):
    """Unwinds a thread that has nothing to do; it is not to be seen by any program."""


_given_up: list[str] = []
"""What daemons wait for that were given up, for reports."""


class _GivenUp:
    """A daemon that waited for an item of a queue when nothing else could go on.

    Programs leave such threads behind, waiting for work that never comes. So whoever stands below it goes on. Should
    there be work after all, then the daemon could not do it.
    """

    def __init__(self, line: str) -> None:
        self.line = line

    def go_on(self) -> NoReturn:
        _host.jobs.deadlock([
            f"DEADLOCK(thread): {who()} gives work to a daemon that cannot go on any more, at {place_of_caller() or '?'}",
            self.line,
            "a thread runs in one piece here: when a daemon waits for work and nothing else can go on, it is left behind",
        ])
        raise AssertionError("the machine has ended the run")


def _give_up(job: Job, source: Any) -> NoReturn:
    """Leaves a daemon behind."""
    line = f"{job.describe()}, a daemon, waits for an item of a queue, at {place_of_caller() or '?'}"
    _given_up.append(line)
    source._listener = _GivenUp(line)
    raise _Pause


def _pause_if_idle(waits_for: object, at: int | None) -> None:
    """A listener leaves its loop if there is no record for it."""
    if at is None and running and isinstance(running[-1], _ListenerJob) and running[-1].source is waits_for:
        raise _Pause


class _ListenerJob(_ThreadJob):
    """The thread of a `logging.handlers.QueueListener`.

    It waits for what the event loop logs, which a thread cannot do here. But its loop keeps nothing from one record to
    the next: so it is left when there is no record, and begun anew, as another job, with the next one.
    """

    def __init__(self, thread: threading.Thread, queue_: Any) -> None:
        super().__init__(thread.name, thread._target)
        self.thread = thread
        self.queue = queue_
        self.source = queue_._count if isinstance(queue_, SimpleQueue) else queue_
        """What it waits for."""

    @override
    def run(self) -> bool:
        thread = self.thread
        threading._active[self.ident] = thread
        threading._limbo.pop(thread, None)
        try:
            thread._context.run(self.function)
        except _Pause:
            self.is_paused = True
            self.queue._listener = self
            return True
        except BaseException:
            thread._invoke_excepthook(thread)
        _leaving.append(self)
        return not self.has_failed

    def go_on(self) -> None:
        """There is something to do."""
        self.queue._listener = None
        self.submit(self.pool, place_of_caller())


class ThreadHandle:
    """`_thread._ThreadHandle`."""

    def __init__(self) -> None:
        self.ident = 0
        self._job: _ThreadJob | None = None
        self._done = False

    def is_done(self) -> bool:
        if self._done or self._job is None:
            return self._done
        _look_for(_IS_ALIVE)
        ended_at = self._job.ended_at
        return ended_at is not None and ended_at <= now()

    def join(self, timeout: float | None = None) -> None:
        if self._job is None:
            raise RuntimeError("thread not started")
        until = until_of(None if timeout is None or timeout < 0 else timeout)
        job, call = self._job, f"Thread.join:{self._job.name}"
        while True:
            if job.is_paused and not block(call, lambda: None if job.is_paused else 0, until, lambda: f"waits for {job.describe()}"):
                return
            if not wait_for_end(job, call, until) or not job.is_paused:
                return

    def _set_done(self) -> None:
        self._done = True


_IS_ALIVE = threading.Thread.is_alive.__code__


def wait_for_end(job: Job, call: str, until: int = FOREVER) -> bool:
    """Blocks the calling thread until a job is done."""
    _blocked.append((who(), call, lambda: job.ended_at))
    try:
        return job.wait(call, until)
    finally:
        _blocked.pop()


_leaving: list[_ThreadJob] = []
"""Threads that have run; for others they may still be there."""


def _delete(self: threading.Thread) -> None:
    """`Thread._delete`: a thread has run."""
    _leaving.append(running[-1])


def _forget_threads() -> None:
    """Takes threads that are at their end by now out of the list of those that are there."""
    if _leaving:
        time_now = now()
        for job in [job for job in _leaving if job.ended_at is not None and job.ended_at <= time_now]:
            _leaving.remove(job)
            threading._active.pop(job.ident, None)


def _enumerate() -> list[threading.Thread]:
    """`threading.enumerate`."""
    _forget_threads()
    return _enumerate_all()


def _active_count() -> int:
    """`threading.active_count`."""
    return len(_enumerate())


_enumerate_all = threading.enumerate
_enumerate.__name__ = _enumerate.__qualname__ = "enumerate"
_active_count.__name__ = _active_count.__qualname__ = "active_count"

_unjoined: list[_ThreadJob] = []
"""Threads that the end of the program waits for."""


def start_joinable_thread(function: Callable[[], object], handle: ThreadHandle | None = None, daemon: bool = True) -> ThreadHandle:
    """`_thread.start_joinable_thread`."""
    thread = getattr(function, "__self__", None)
    is_thread = isinstance(thread, threading.Thread)
    listener = getattr(thread._target, "__self__", None) if is_thread else None
    if isinstance(listener, _QueueListener) and isinstance(listener.queue, (queue.Queue, SimpleQueue)):
        job = _ListenerJob(thread, listener.queue)
    else:
        job = _ThreadJob(thread.name if is_thread else getattr(function, "__qualname__", repr(function)), function)
    job.is_daemon = daemon and is_thread
    handle = handle or ThreadHandle()
    handle._job, handle.ident = job, job.ident
    if is_thread:
        # It is started, although it runs only when somebody waits.
        thread._ident, thread._native_id = job.ident, job.native_id
        thread._started.set()
        thread._invoke_excepthook = functools.partial(_note_failure, job, thread._invoke_excepthook)
    _forget_threads()
    job.submit(create_pool(job.name, 1), place_of_caller())
    if not daemon:
        time_now = now()
        _unjoined[:] = [one for one in _unjoined if one.ended_at is None or one.ended_at > time_now]
        _unjoined.append(job)
    return handle


def _note_failure(job: _ThreadJob, report: Callable[[threading.Thread], None], thread: threading.Thread) -> None:
    """`Thread._invoke_excepthook`: a thread has raised something."""
    error = sys.exception()
    if isinstance(error, _Pause):
        job.is_paused = True
        return
    job.has_failed = not isinstance(error, SystemExit)
    report(thread)


def start_new_thread(function: Callable[..., object], args: tuple, kwargs: dict[str, Any] | None = None) -> int:
    """`_thread.start_new_thread`."""
    if not callable(function):
        raise TypeError("first arg must be callable")
    if not isinstance(args, tuple):
        raise TypeError("2nd arg must be a tuple")

    def call() -> None:
        function(*args, **(kwargs or {}))

    call.__qualname__ = getattr(function, "__qualname__", repr(function))
    return start_joinable_thread(call).ident


def _join_all() -> None:
    """`_thread._shutdown`: waits for all threads that are no daemons."""
    while _unjoined:
        job = _unjoined[0]
        wait_for_end(job, "threading._shutdown")
        if job in _unjoined:
            _unjoined.remove(job)


# --- In the build --------------------------------------------------------------------------------------


def install() -> None:
    """Before anything that makes locks is imported."""
    assert not {"asyncio", "concurrent.futures", "logging"} & sys.modules.keys()
    for name, replacement in {
        "get_ident": get_ident,
        "get_native_id": get_native_id,
        "Lock": lock,
        "_LockType": lock,
        "_allocate_lock": lock,
        "_CRLock": RLock,
        "RLock": RLock,
        "Event": Event,
        "Semaphore": Semaphore,
        "BoundedSemaphore": BoundedSemaphore,
        "Barrier": Barrier,
        "local": _threading_local.local,
        "_ThreadHandle": ThreadHandle,
        "_start_joinable_thread": start_joinable_thread,
        "_thread_shutdown": _join_all,
        "_set_name": None,
        "enumerate": _enumerate,
        "active_count": _active_count,
    }.items():
        setattr(threading, name, replacement)
    threading._active_limbo_lock = RLock()
    threading.Thread._delete = _delete
    main = threading.main_thread()
    main._ident, main._native_id = MAIN_IDENT, MAIN_NATIVE_ID
    threading._active.clear()
    threading._active[MAIN_IDENT] = main
    _threading_local.RLock = RLock
    _thread.start_new_thread = _thread.start_new = start_new_thread
    _thread.start_joinable_thread = start_joinable_thread
    queue.Queue.__init__ = _make_queue
    for kind in (queue.Queue, queue.PriorityQueue, queue.LifoQueue):
        _with_history(kind)
    queue.SimpleQueue = SimpleQueue


def connect() -> None:
    """Once asyncio is there."""
    global _get_running_loop, _set_running_loop, _swap_current_task, _current_task, place_of_caller, is_foreign, _QueueListener
    from asyncio import current_task, events, tasks
    from logging.handlers import QueueListener as _QueueListener

    from . import _tracing

    _get_running_loop, _set_running_loop = events._get_running_loop, events._set_running_loop
    _swap_current_task, _current_task = tasks._swap_current_task, current_task
    place_of_caller, is_foreign = _tracing.place_of_caller, _tracing.is_foreign
