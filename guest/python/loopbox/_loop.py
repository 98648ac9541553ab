"""The event loop: asyncio's own, with the machine in the place of the operating system.

Everything above `_run_once` is CPython's, unchanged: tasks, futures, timers, runners, streams. A turn is: one
wait for whatever comes first, the notices of the machine, the timers that are due, then exactly what was ready.
Descriptors are in `_pipes`, children in `_processes`. Executors and threads are in `_threads`: they register what
they want to be told of in `Notices`.
"""

import ast
import asyncio
import functools
import heapq
import inspect
import math
import os
import selectors
import time
from asyncio import base_events, events, unix_events
from collections.abc import Callable, Coroutine, Set
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, override

from . import _deadlock, _host, _pipes, _processes, _signals, _threads, _tracing, _watch

_wait = _host.event_loop.wait
_next_notice = _host.event_loop.next_notice
_Kind = _host.event_loop.NoticeKind

_TIMERS_MIN = base_events._MIN_SCHEDULED_TIMER_HANDLES
_CANCELLED_FRACTION = base_events._MIN_CANCELLED_TIMER_HANDLES_FRACTION


class Notices:
    """Who is told of what the machine tells the loop. One table for the process: jobs outlive loops."""

    run_job: Callable[[int], None]
    """A worker is free for this job: run it."""
    job_finished: Callable[[int], None]
    message: Callable[["EventLoop | None", int], None]
    """What a job posted has arrived."""


_loop_waits = False
"""Whether it is a loop that has a selector wait."""


class EpollSelector(_pipes.Selector):
    """What readers and writers are registered with. Our loop waits by itself; a program's may have this one do it."""

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if not _loop_waits:
            return super().select(timeout)
        until = _host.FOREVER
        if timeout is not None:
            until = min(time.monotonic_ns() + max(0, math.ceil(timeout * 1e9)), _host.FOREVER)
        if self.ready:
            until = 0
        loop = events._get_running_loop()
        answer = _wait(until)
        if answer == _host.PARK:
            answer = _host.event_loop.park()
        if answer == _host.NEVER:
            _deadlock.report(loop)
        return take_notices(loop, self) if answer & _host.NOTICES or self.ready else []


_STOCK_SELECTORS = {selectors.SelectSelector, getattr(selectors, "PollSelector", None)}
"""What a program may choose in the place of the default one."""

_WOKEN = selectors.SelectorKey("the self-pipe", -1, selectors.EVENT_READ, (None, None))
"""What is ready when the loop is woken otherwise than by a descriptor."""


def _look(loop: asyncio.AbstractEventLoop) -> None:
    """Takes the notices of the machine, for a loop whose selector knows nothing of it."""
    answer = _wait(0)
    if answer == _host.PARK:
        answer = _host.event_loop.park()
    if answer != _host.NEVER and answer & _host.NOTICES:
        take_notices(loop, None)


def take_notices(
    loop: EventLoop | None, selector: EpollSelector | None
) -> list[tuple[selectors.SelectorKey, int]]:
    """Takes what the machine has to tell; returns what is ready, as `select` does."""
    ready = []
    while (notice := _next_notice()) is not None:
        match notice.kind:
            case _Kind.READABLE | _Kind.WRITABLE:
                event = selectors.EVENT_READ if notice.kind == _Kind.READABLE else selectors.EVENT_WRITE
                # Without a selector: they are told again at the next wait.
                ready += [] if selector is None else selector.notices(notice.id, event)
                continue
            case _Kind.SIGNAL if isinstance(loop, EventLoop):
                loop._signalled(notice.id)
            case _Kind.SIGNAL:
                _signals.run_handler(notice.id)
            case _:
                _deliver(notice, loop)
        ready.append((_WOKEN, selectors.EVENT_READ))
    return ready if selector is None else ready + selector.take_ready()


def _deliver(notice: _host.event_loop.Notice, loop: EventLoop | None) -> None:
    """Hands on what is about jobs, threads and children."""
    match notice.kind:
        case _Kind.RUN_JOB:
            Notices.run_job(notice.id)
        case _Kind.JOB_FINISHED:
            Notices.job_finished(notice.id)
        case _Kind.MESSAGE:
            Notices.message(loop, notice.id)
        case _Kind.CHILD_EXITED:
            _processes.child_exited(notice.id)


class _SignalHandle(events.Handle):
    """The handler of a signal, set up by `add_signal_handler`."""

    __slots__ = ("_number", "_place")

    @override
    def _run(self) -> None:
        super()._run()
        _host.signals.handled(self._number)


# As asyncio's in texts such as `handle: <Handle cb() at app.py:4>`.
_SignalHandle.__name__ = _SignalHandle.__qualname__ = "Handle"


class _NoSocket:
    """Stands for an end of the self-pipe. It has a descriptor, so that those of a program are what they are elsewhere."""

    def __init__(self) -> None:
        self._fd = os.open(os.devnull, os.O_RDWR)

    def fileno(self) -> int:
        return self._fd

    def close(self) -> None:
        os.close(self._fd)


class _SlowCallbackDuration:
    """An attribute that the machine is told of, which reports what blocks the loop for as long as that."""

    told = 0.1

    def __set__(self, loop: EventLoop, seconds: float) -> None:
        loop.__dict__["slow_callback_duration"] = seconds
        if seconds != self.told and _tracing.enabled:
            self.told = seconds
            _host.tracing.slow_callback_duration(min(max(0, round(seconds * 1e9)), _host.FOREVER))


class EventLoop(unix_events._UnixSelectorEventLoop):
    """`asyncio.new_event_loop()` in the sandbox."""

    _selector: Any
    """An `EpollSelector`, or the program's own."""
    slow_callback_duration = _SlowCallbackDuration()

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        self._from_threads: list[_FromThread] = []
        self._before_it_runs: list[_FromThread] = []
        """What is in the ready queue already if the loop runs in the main thread."""
        if type(selector) in _STOCK_SELECTORS and not selector.get_map():
            # Whichever of the system's calls it would make, the machine does that.
            selector = None
        super().__init__(EpollSelector() if selector is None else selector)
        # One that waits or tells the time in its own way is asked, as by CPython.
        self._asked = type(self._selector) is not EpollSelector or type(self).time is not EventLoop.time

    # What a selector loop keeps to be woken by other threads and by signals; the machine does that here.

    @override
    def _make_self_pipe(self) -> None:
        self._ssock, self._csock = _NoSocket(), _NoSocket()
        self._internal_fds += 1

    @override
    def _close_self_pipe(self) -> None:
        self._ssock.close()
        self._csock.close()
        self._ssock = self._csock = None
        self._internal_fds -= 1

    @override
    def _write_to_self(self) -> None:
        # Something was put into the ready queue by whoever knows that it may be another thread's.
        if not _threads.used or self is events._get_running_loop():
            return
        if not isinstance(self._ready, _ForeignReady):
            # It does not run: perhaps it will in a thread that is not there yet, whose clock is behind.
            entry = _FromThread(_threads.now(), self._ready[-1], True, "")
            if _threads.running:
                self._ready.pop()
                self._from_threads.append(entry)
            else:
                self._before_it_runs.append(entry)
        elif self._thread_id == _threads.MAIN_IDENT:
            _posted[_host.jobs.post()] = self._from_threads.pop().handle
        else:
            self._from_threads[-1].wakes = True

    @override
    def _run_forever_setup(self) -> None:
        super()._run_forever_setup()
        if self._thread_id != _threads.MAIN_IDENT:
            for entry in self._before_it_runs:
                if entry.handle in self._ready:
                    self._ready.remove(entry.handle)
                    self._from_threads.append(entry)
        self._before_it_runs.clear()

    @override
    def _run_forever_cleanup(self) -> None:
        super()._run_forever_cleanup()
        if not _threads.running:
            _host.event_loop.stop()

    @override
    def create_task(self, coro: Any, **kwargs: Any) -> asyncio.Task[Any]:
        task = super().create_task(coro, **kwargs)
        try:
            if _tracing.enabled and not _threads.running:
                _tracing.made(task)
            return task
        finally:
            # As in CPython: a traceback out of an eager task holds this frame.
            del task

    @override
    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        if executor is None and self._default_executor is None and not self._executor_shutdown_called:
            self._default_executor = default_executor()
        return super().run_in_executor(executor, func, *args)

    def shutdown_default_executor(self, timeout: float | None = None) -> Coroutine[Any, Any, None]:
        # CPython starts a thread that waits for nothing. Its own coroutine, which finds nothing to do then, so that
        # stacks and texts are its own.
        if executor_is_idle(self._default_executor):
            self._executor_shutdown_called = True
            self._default_executor.shutdown()
            self._default_executor = None
        return super().shutdown_default_executor(timeout)

    # Threads: while a job runs on top of this loop, what it puts into the loop's books is held back until its time.

    def _leave(self) -> None:
        """A job runs in place of this loop."""
        self._below = self._ready, self._scheduled
        self._ready, self._scheduled = _ForeignReady(self), []

    def _enter(self) -> None:
        """It has run."""
        timers = self._scheduled
        self._ready, self._scheduled = self._below
        for timer in timers:
            self._from_threads.append(_FromThread(_threads.now(), timer, False, ""))

    def _see_threads(self) -> None:
        """Takes what other threads have put into the books by now: the loop would find it there already."""
        now = _threads.now()
        entries = sorted(self._from_threads, key=lambda entry: entry.at)
        self._from_threads = [entry for entry in entries if entry.at > now]
        for entry in entries:
            if entry.at <= now:
                self._accept(entry)

    def _until_woken(self, until: int) -> int:
        """What comes later wakes the loop only if it was sent to do so."""
        return min([until, *(entry.at for entry in self._from_threads if entry.wakes)])

    def _take_threads(self, now: float) -> None:
        """The loop has woken up, perhaps for another reason."""
        now = round(now * 1e9)
        self._from_threads.sort(key=lambda entry: entry.at)
        while self._from_threads and self._from_threads[0].at <= now:
            entry = self._from_threads.pop(0)
            if not entry.wakes and now > entry.at:
                _report_lost_wakeup(entry, now)
            self._accept(entry)

    def _accept(self, entry: _FromThread) -> None:
        if isinstance(entry.handle, events.TimerHandle):
            heapq.heappush(self._scheduled, entry.handle)
        else:
            self._ready.append(entry.handle)

    def _wait_in_job(self, until: int) -> int:
        """The wait of a loop that runs in another thread than the main one."""

        def wakes_at() -> int | None:
            return min((entry.at for entry in self._from_threads if entry.wakes), default=None)

        _threads.block("loop.wait", wakes_at, until, lambda: "runs a loop to which nothing can happen any more")
        return _threads.now()

    @override
    def _run_once(self) -> None:
        # CPython's, but for the wait and the trace. Locals, because this is where all the time goes.
        scheduled, ready = self._scheduled, self._ready
        if len(scheduled) > _TIMERS_MIN and self._timer_cancelled_count / len(scheduled) > _CANCELLED_FRACTION:
            kept = []
            for handle in scheduled:
                if handle._cancelled:
                    handle._scheduled = False
                else:
                    kept.append(handle)
            heapq.heapify(kept)
            self._scheduled = scheduled = kept
            self._timer_cancelled_count = 0
        else:
            while scheduled and scheduled[0]._cancelled:
                self._timer_cancelled_count -= 1
                heapq.heappop(scheduled)._scheduled = False

        if self._from_threads:
            self._see_threads()
        in_job = bool(_threads.running)
        if self._asked and not in_job:
            timeout = None
            if ready or self._stopping:
                timeout = 0
            elif scheduled:
                timeout = min(max(0, scheduled[0]._when - self.time()), base_events.MAXIMUM_SELECT_TIMEOUT)
            global _loop_waits
            _loop_waits = True
            try:
                ready_now = self._selector.select(timeout)
            finally:
                _loop_waits = False
            self._process_events(ready_now)
            if not isinstance(self._selector, EpollSelector):
                # It knows nothing of signals, jobs and children.
                _look(self)
            now = self.time()
        else:
            until = _host.FOREVER
            if ready or self._stopping or (not in_job and self._selector.ready):
                until = 0
            elif scheduled:
                until = min(max(0, round(scheduled[0]._when * 1e9)), _host.FOREVER)
            if self._from_threads:
                until = self._until_woken(until)
            if in_job:
                answer = self._wait_in_job(until)
            else:
                answer = _wait(until)
                if answer == _host.PARK:
                    answer = _host.event_loop.park()
                if answer == _host.NEVER:
                    _deadlock.report(self)
                if answer & _host.NOTICES or self._selector.ready:
                    self._process_events(take_notices(self, self._selector))
                    answer &= _host.TIME
            now = answer / 1e9
        if self._from_threads:
            self._take_threads(now)

        traced = _tracing.enabled and not in_job
        end_time = now + self._clock_resolution
        while scheduled and scheduled[0]._when < end_time:
            handle = heapq.heappop(scheduled)
            handle._scheduled = False
            ready.append(handle)
            if traced:
                _tracing.fired(handle)

        debug, slow = self._debug, False
        running = None
        try:
            for _ in range(len(ready)):
                handle = ready.popleft()
                if handle._cancelled:
                    continue
                if traced:
                    running = _tracing.begin(handle)
                if self._debug:
                    try:
                        self._current_handle = handle
                        t0 = self.time()
                        handle._run()
                        dt = self.time() - t0
                        if dt >= self.slow_callback_duration:
                            slow = True
                            base_events.logger.warning("Executing %s took %.3f seconds", base_events._format_handle(handle), dt)
                    finally:
                        self._current_handle = None
                else:
                    handle._run()
                if traced:
                    running = _tracing.end(running)
        except BaseException:
            # Nothing else comes through: what a callback raises is reported where it runs.
            if traced:
                _tracing.end(running)
            raise
        if debug and not slow and (took := self.time() - now) >= self.slow_callback_duration > 0:
            _watch.slow_turn(took)
        # A cycle through a traceback would keep it alive.
        handle = None

    @override
    def _asyncgen_finalizer_hook(self, agen: Any) -> None:
        _watch.generator_left(agen, self.is_closed())
        super()._asyncgen_finalizer_hook(agen)

    # Signals, as in asyncio's loop for Unix.

    @override
    def add_signal_handler(self, sig: int, callback: Callable[..., Any], *args: Any) -> None:
        old = self._signal_handlers.get(sig)
        super().add_signal_handler(sig, callback, *args)
        handle = _SignalHandle(callback, args, self, None)
        handle._number = int(sig)
        handle._place = _tracing.place_of_caller() if _tracing.enabled else ""
        if old is not None:
            _watch.handler_replaced(sig, old._place, handle._place)
        self._signal_handlers[sig] = handle
        _signals.wanted_by_loop.add(int(sig))

    @override
    def remove_signal_handler(self, sig: int) -> bool:
        removed = super().remove_signal_handler(sig)
        _signals.wanted_by_loop.discard(int(sig))
        return removed

    def _signalled(self, number: int) -> None:
        handle = self._signal_handlers.get(number)
        if handle is None:
            _signals.run_handler(number)
        elif _signals.is_held(number):
            pass
        elif handle._cancelled:
            self.remove_signal_handler(number)
        else:
            # What `signal.signal` set up after it is run as well, and first: only the loop's knows of the loop.
            _signals.run_on_top(number)
            self._add_callback_signalsafe(handle)


def _wait_for_signal(wanted: Set[int], until: int = _host.FOREVER) -> int:
    """`_signals.wait_for_signal`. Callbacks of a loop do not run meanwhile; jobs of pools do."""
    loop = events._get_running_loop()
    came, looked = 0, False
    while not came and not (looked and until == 0):
        looked = True
        if _wait(until) == _host.PARK:
            _host.event_loop.park()
        while (notice := _next_notice()) is not None:
            match notice.kind:
                case _Kind.SIGNAL if notice.id in wanted:
                    _host.signals.handled(notice.id)
                    came = came or notice.id
                case _Kind.SIGNAL:
                    if isinstance(loop, EventLoop):
                        loop._signalled(notice.id)
                    else:
                        _signals.run_handler(notice.id)
                    if not wanted and callable(_signals.handler_of(notice.id)):
                        came = notice.id
                case _:
                    _deliver(notice, loop)
    if loop is None:
        _host.event_loop.stop()
    return came


def _placed_as_asyncios(run_once: Callable[[EventLoop], None]) -> Callable[[EventLoop], None]:
    """The same function, standing in stacks where asyncio's would: its file, its name, and its lines that run handles."""

    def parsed(function: Callable[..., Any]) -> ast.FunctionDef:
        # Not by `linecache`, which would remember the file as one that is there.
        first = function.__code__.co_firstlineno
        with open(function.__code__.co_filename, encoding="utf-8") as file:
            lines = inspect.getblock(file.readlines()[first - 1 :])
        tree = ast.parse("if True:\n" + "".join(lines))
        ast.increment_lineno(tree, first - 2)
        return tree.body[0].body[0]

    def lines_that_run(function: ast.FunctionDef) -> list[ast.Expr]:
        return [n for n in ast.walk(function) if isinstance(n, ast.Expr) and ast.unparse(n) == "handle._run()"]

    def line_that_takes(function: ast.FunctionDef) -> ast.Assign:
        lines = (n for n in ast.walk(function) if isinstance(n, ast.Assign))
        return next(n for n in lines if ast.unparse(n).endswith("ready.popleft()"))

    ours, theirs = parsed(run_once), parsed(base_events.BaseEventLoop._run_once)
    ours.decorator_list.clear()
    running = list(zip(lines_that_run(ours), lines_that_run(theirs), strict=True))
    # A handle that is left dies where the next one takes its place.
    taken, model = line_that_takes(ours), line_that_takes(theirs)
    for node in ast.walk(ours):
        if hasattr(node, "lineno"):
            ast.copy_location(node, theirs).end_lineno = theirs.lineno
    for node in ast.walk(taken):
        if hasattr(node, "lineno"):
            ast.copy_location(node, model)
    for line, place in running:
        for node, model in zip(ast.walk(line), ast.walk(place), strict=True):
            if hasattr(model, "lineno"):
                ast.copy_location(node, model)
    namespace: dict[str, Any] = {}
    exec(compile(ast.Module([ours], []), base_events.__file__, "exec"), globals(), namespace)
    placed = namespace["_run_once"]
    placed.__qualname__ = base_events.BaseEventLoop._run_once.__qualname__
    placed.__code__ = placed.__code__.replace(co_qualname=placed.__qualname__)
    return placed


@dataclass(slots=True)
class _FromThread:
    """What another thread has put into a loop's books."""

    at: int
    """When, on that thread's clock."""
    handle: events.Handle
    wakes: bool
    """Whether it wakes the loop."""
    place: str
    """Where, for reports."""


class _ForeignReady:
    """Stands in the place of a loop's ready queue while another thread runs."""

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop

    def append(self, handle: events.Handle) -> None:
        place = _tracing.place_of_caller()
        self._loop._from_threads.append(_FromThread(_threads.now(), handle, False, place))


_posted: dict[int, events.Handle] = {}
"""What jobs have sent that has not arrived."""


def _message(_: EventLoop | None, number: int) -> None:
    handle = _posted.pop(number)
    handle._loop._ready.append(handle)


Notices.message = _message


def _report_lost_wakeup(entry: _FromThread, now: int) -> None:
    if not _host.tracing.wants("LOST-WAKEUP"):
        return
    due, what = entry.at, "callback"
    callback = entry.handle._callback
    if isinstance(entry.handle, events.TimerHandle):
        due, what = max(due, round(entry.handle._when * 1e9)), "timer"
    if now <= due:
        return
    task = getattr(callback, "__self__", None)
    is_task = isinstance(task, asyncio.Task)
    name = f'task "{task.get_name()}"' if is_task else f"{what} {getattr(callback, '__qualname__', repr(callback))}()"
    _host.tracing.diagnostic(_host.tracing.Report(
        "LOST-WAKEUP", _host.tracing.Level.WARNING, "loopbox",
        f"{name} was scheduled from another thread without waking the loop, and waited {(now - due) / 1e9:g} seconds "
        "for another reason to wake up; use call_soon_threadsafe",
        entry.place or None, None,
    ))


_tracing.SHUTDOWN.add(EventLoop.shutdown_default_executor.__code__)


def _looking_after_threads(run_once: Callable[[base_events.BaseEventLoop], None]) -> Callable[[base_events.BaseEventLoop], None]:
    """The same for a loop that is not ours: threads run when the machine is waited for, and its selector may not do so."""

    @functools.wraps(run_once)
    def _run_once(self: base_events.BaseEventLoop) -> None:
        run_once(self)
        if _threads.waiting and not _threads.running:
            _look(self)

    return _run_once


# The name is in texts such as `<_UnixSelectorEventLoop running=True closed=False debug=False>`.
EventLoop.__name__ = EventLoop.__qualname__ = "_UnixSelectorEventLoop"


default_executor: Callable[[], Executor]
executor_is_idle: Callable[[Executor | None], bool]
"""Both are from `_pools`."""


def install() -> None:
    """In the build: makes this the loop of `asyncio.run` and of everything that makes one."""
    EventLoop._run_once = _placed_as_asyncios(EventLoop._run_once)
    base_events.BaseEventLoop._run_once = _looking_after_threads(base_events.BaseEventLoop._run_once)
    selectors.DefaultSelector = selectors.EpollSelector = EpollSelector
    asyncio.SelectorEventLoop = asyncio.EventLoop = EventLoop
    unix_events.SelectorEventLoop = unix_events.EventLoop = EventLoop
    unix_events._UnixDefaultEventLoopPolicy._loop_factory = EventLoop
    _signals.wait_for_signal = _wait_for_signal
