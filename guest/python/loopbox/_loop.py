"""The event loop: asyncio's own, with the machine in the place of the operating system.

Everything above `_run_once` is CPython's, unchanged: tasks, futures, timers, runners, streams. A turn is: one
wait for whatever comes first, the notices of the machine, the timers that are due, then exactly what was ready.
Executors and threads are in `_threads`, pipes and children in `_processes`: they register what they want to be
told of in `Notices`.
"""

import asyncio
import heapq
import selectors
import signal
from asyncio import base_events, events, unix_events
from asyncio.log import logger
from collections.abc import Callable
from typing import Any, override

from . import _deadlock, _host, _signals, _tracing

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
    child_exited: Callable[[int], None]


class EpollSelector(selectors._BaseSelectorImpl):
    """What readers and writers are registered with; the loop itself waits. It is called as in CPython on Linux."""

    @override
    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = super().register(fileobj, events, data)
        self._watch(key.fd, 0, events)
        return key

    @override
    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key = super().unregister(fileobj)
        self._watch(key.fd, key.events, 0)
        return key

    @override
    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = self.get_key(fileobj)
        if events != key.events:
            self._watch(key.fd, key.events, events)
        key = key._replace(events=events, data=data)
        self._fd_to_key[key.fd] = key
        return key

    @staticmethod
    def _watch(fd: int, before: int, now: int) -> None:
        for event, interest in (
            (selectors.EVENT_READ, _host.pipes.Interest.READABLE),
            (selectors.EVENT_WRITE, _host.pipes.Interest.WRITABLE),
        ):
            if (before ^ now) & event:
                _host.pipes.watch(fd, interest, bool(now & event))

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        raise AssertionError("the loop waits by itself")


class _SignalHandle(events.Handle):
    """The handler of a signal, set up by `add_signal_handler`."""

    __slots__ = ("_number",)

    @override
    def _run(self) -> None:
        super()._run()
        _host.signals.handled(self._number)


class EventLoop(unix_events._UnixSelectorEventLoop):
    """`asyncio.new_event_loop()` in the sandbox."""

    _selector: EpollSelector

    def __init__(self) -> None:
        super().__init__(EpollSelector())
        if _host.tracing.debug():
            self.set_debug(True)

    # What a selector loop keeps to be woken by other threads and by signals; the machine does that here.

    @override
    def _make_self_pipe(self) -> None:
        self._internal_fds += 1

    @override
    def _close_self_pipe(self) -> None:
        self._internal_fds -= 1

    @override
    def _write_to_self(self) -> None:
        pass

    @override
    def run_forever(self) -> None:
        try:
            super().run_forever()
        finally:
            _host.event_loop.stop()

    @override
    def create_task(self, coro: Any, **kwargs: Any) -> asyncio.Task[Any]:
        task = super().create_task(coro, **kwargs)
        if _tracing.enabled and not hasattr(task, "_loopbox"):
            _tracing.spawned(task)
        return task

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

        if ready or self._stopping:
            until = 0
        elif scheduled:
            until = min(max(0, round(scheduled[0]._when * 1e9)), _host.FOREVER)
        else:
            until = _host.FOREVER
        answer = _wait(until)
        if answer == _host.PARK:
            answer = _host.event_loop.park()
        if answer == _host.NEVER:
            _deadlock.report(self)
        if answer & _host.NOTICES:
            self._take_notices()
            answer &= _host.TIME

        traced = _tracing.enabled
        end_time = answer / 1e9 + self._clock_resolution
        while scheduled and scheduled[0]._when < end_time:
            handle = heapq.heappop(scheduled)
            handle._scheduled = False
            ready.append(handle)
            if traced:
                _tracing.fired(handle)

        run = _tracing.run_traced if traced else events.Handle._run
        debug = self._debug
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            if debug:
                try:
                    self._current_handle = handle
                    t0 = self.time()
                    run(handle)
                    dt = self.time() - t0
                    if dt >= self.slow_callback_duration:
                        logger.warning("Executing %s took %.3f seconds", base_events._format_handle(handle), dt)
                finally:
                    self._current_handle = None
            else:
                run(handle)
        # A cycle through a traceback would keep it alive.
        handle = None

    def _take_notices(self) -> None:
        while (notice := _next_notice()) is not None:
            match notice.kind:
                case _Kind.SIGNAL:
                    self._signalled(notice.id)
                case _Kind.RUN_JOB:
                    Notices.run_job(notice.id)
                case _Kind.JOB_FINISHED:
                    Notices.job_finished(notice.id)
                case _Kind.MESSAGE:
                    Notices.message(self, notice.id)
                case _Kind.READABLE:
                    self._descriptor_ready(notice.id, selectors.EVENT_READ)
                case _Kind.WRITABLE:
                    self._descriptor_ready(notice.id, selectors.EVENT_WRITE)
                case _Kind.CHILD_EXITED:
                    Notices.child_exited(notice.id)

    def _descriptor_ready(self, fd: int, event: int) -> None:
        key = self._selector._fd_to_key.get(fd)
        if key is not None:
            self._process_events([(key, event & key.events)])

    # Signals, as in asyncio's loop for Unix.

    @override
    def add_signal_handler(self, sig: int, callback: Callable[..., Any], *args: Any) -> None:
        if asyncio.iscoroutine(callback) or asyncio.iscoroutinefunction(callback):
            raise TypeError("coroutines cannot be used with add_signal_handler()")
        self._check_signal(sig)
        self._check_closed()
        handle = _SignalHandle(callback, args, self, None)
        handle._number = int(sig)
        try:
            signal.signal(sig, unix_events._sighandler_noop)
        except ValueError as error:
            raise RuntimeError(str(error)) from None
        except OSError:
            raise RuntimeError(f"sig {sig} cannot be caught") from None
        self._signal_handlers[sig] = handle

    def _signalled(self, number: int) -> None:
        handle = self._signal_handlers.get(number)
        if handle is None:
            _signals.run_handler(number)
        elif handle._cancelled:
            self.remove_signal_handler(number)
        else:
            self._add_callback_signalsafe(handle)


# The name is in texts such as `<_UnixSelectorEventLoop running=True closed=False debug=False>`.
EventLoop.__name__ = EventLoop.__qualname__ = "_UnixSelectorEventLoop"


def install() -> None:
    """In the build: makes this the loop of `asyncio.run` and of everything that makes one."""
    asyncio.SelectorEventLoop = asyncio.EventLoop = EventLoop
    unix_events.SelectorEventLoop = unix_events.EventLoop = EventLoop
    unix_events._UnixDefaultEventLoopPolicy._loop_factory = EventLoop
