"""Signals: what the program sets up becomes the machine's, and what the machine delivers is run.

The machine delivers signals when the loop waits, and takes the default action itself; so the table of handlers
here only has to be the one that `signal.getsignal` shows. A handler never interrupts running code, which CPython's
can: that is the machine's rule, and the same for all of its guests.

WASI's `signal` module lacks what Unix has besides; the part that asyncio and services use is added here, with Linux's
numbers. Signals of faults (SIGSEGV ...) and of job control exist by name, but nothing raises them.
"""

import _thread
import errno
import os
import signal
import sys
import threading
from asyncio import unix_events
from collections.abc import Callable, Iterable
from types import FrameType
from typing import NoReturn

from . import _host

SIGINT = signal.SIGINT.value
NSIG = 65
"""As on Linux: one more than the largest number, with those for real-time signals."""

type Handler = Callable[[int, FrameType | None], object] | signal.Handlers | int | None

_UNCATCHABLE = {signal.SIGKILL, signal.SIGSTOP}
_handlers: dict[int, Handler] = {}
"""What was set up and is not the default action. The interpreter itself begins with a handler for SIGINT."""

_blocked: set[int] = set()
_pending: set[int] = set()
"""Those that were delivered and are blocked."""

wanted_by_loop: set[int] = set()
"""Those for which a loop has a handler. It hears of them even if `signal.signal` has put another one on top."""

_ran_at_once: set[int] = set()
"""Those whose handler has run, and which the loop is still to hear of."""


def _check(signalnum: int) -> int:
    number = int(signalnum)
    if not 0 < number < NSIG:
        raise ValueError("signal number out of range")
    return number


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _signal(signalnum: int, handler: Handler, /) -> Handler:
    """Set the action for the given signal: SIG_DFL, SIG_IGN, or a callable. Returns the previous one."""
    if not (callable(handler) or handler in (signal.SIG_DFL, signal.SIG_IGN)):
        raise TypeError("signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object")
    if not _is_main_thread():
        raise ValueError("signal only works in main thread of the main interpreter")
    number = _check(signalnum)
    if number in _UNCATCHABLE:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    previous = _getsignal(number)
    if number not in _blocked:
        _catch(number, not _is_default(number, handler))
    _handlers[number] = handler
    return previous


def _getsignal(signalnum: int, /) -> Handler:
    """Return the current action for the given signal."""
    number = _check(signalnum)
    default = signal.default_int_handler if number == SIGINT else signal.SIG_DFL
    handler = _handlers.get(number, default)
    return handler if callable(handler) else signal.Handlers(handler)


def _raise_signal(signalnum: int, /) -> None:
    """Send a signal to the executing process."""
    send_self(_check(signalnum), sys._getframe(1))


def _interrupt_main(signum: int = signal.SIGINT, /) -> None:
    """Simulate the arrival of the given signal in the main thread."""
    if callable(_getsignal(signum)):
        _raise_signal(signum)


def _valid_signals() -> set[signal.Signals | int]:
    """Return a set of valid signal numbers on this platform."""
    real_time = range(34, NSIG)
    return {*signal.Signals, *real_time}


def _pthread_sigmask(how: int, mask: Iterable[int], /) -> set[signal.Signals | int]:
    """Fetch and/or change the signal mask of the calling thread."""
    previous = set(_blocked)
    given = {_check(number) for number in mask}
    if how == signal.SIG_BLOCK:
        now = _blocked | given
    elif how == signal.SIG_UNBLOCK:
        now = _blocked - given
    elif how == signal.SIG_SETMASK:
        now = given
    else:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    now -= _UNCATCHABLE
    for number in now - _blocked:
        _catch(number, True)
    released = _blocked - now
    _blocked.clear()
    _blocked.update(now)
    for number in sorted(released):
        _catch(number, not _is_default(number, _getsignal(number)))
        if number in _pending:
            _pending.discard(number)
            _raise_signal(number)
    return {_as_signal(number) for number in previous}


def _sigpending() -> set[signal.Signals | int]:
    """Examine pending signals."""
    # The machine delivers them to who asks.
    wait_for_signal(frozenset(), 0)
    return {_as_signal(number) for number in _pending}


def _sigwait(sigset: Iterable[int], /) -> signal.Signals | int:
    """Wait for a signal."""
    wanted = {_check(number) for number in sigset}
    waiting = sorted(wanted & _pending)
    if waiting:
        _pending.discard(waiting[0])
        return _as_signal(waiting[0])
    loose = [number for number in wanted if number not in _blocked and _is_default(number, _getsignal(number))]
    for number in loose:
        _catch(number, True)
    try:
        return _as_signal(wait_for_signal(wanted))
    finally:
        for number in loose:
            _catch(number, False)


def _pause() -> None:
    """Wait until a signal arrives."""
    wait_for_signal(frozenset())


wait_for_signal: Callable[..., int]
"""Waits for one of these signals, and does nothing about it; or else for the return of the handler of any. Until 0, only
looks. The loop's module knows how."""


def _as_signal(number: int) -> signal.Signals | int:
    try:
        return signal.Signals(number)
    except ValueError:
        return number


def _catch(number: int, on: bool) -> None:
    """Whether the machine is to deliver this signal, and not to take its default action."""
    try:
        (_host.signals.add_handler if on else _host.signals.remove_handler)(number)
    except _host.Err as error:
        # The machine has no such signal, so nobody sends it.
        _host.value_of(error)


def _is_default(number: int, handler: Handler) -> bool:
    """Whether the machine's default action is what is to happen."""
    return handler == signal.SIG_DFL or (number == SIGINT and handler is signal.default_int_handler)


def is_held(number: int) -> bool:
    """Whether a delivered signal is blocked (`pthread_sigmask`); then it is kept until it no longer is."""
    if number not in _blocked:
        return False
    _pending.add(number)
    return True


def _siginterrupt(signalnum: int, flag: bool, /) -> None:
    """Change system call restart behaviour: no call is interrupted by a signal here."""
    _check(signalnum)


def _set_wakeup_fd(fd: int, /, *, warn_on_full_buffer: bool = True) -> int:
    """There is nothing to be woken: the machine wakes the loop."""
    if not _is_main_thread():
        raise ValueError("set_wakeup_fd only works in main thread of the main interpreter")
    return -1


def install() -> None:
    """In the build: puts these in the place of the interpreter's."""
    functions = (
        _signal, _getsignal, _raise_signal, _valid_signals, _siginterrupt, _set_wakeup_fd, _pthread_sigmask, _sigpending, _sigwait,
        _pause,
    )
    for function in functions:
        name = function.__name__[1:]
        function.__name__ = function.__qualname__ = name
        function.__module__ = "signal"
        setattr(signal, name, function)
    _thread.interrupt_main = _interrupt_main
    signal.NSIG = NSIG
    signal.SIG_BLOCK, signal.SIG_UNBLOCK, signal.SIG_SETMASK = 0, 1, 2


def handler_of(number: int) -> Handler:
    """What `signal.signal` set up, or the default."""
    return _getsignal(number)


def send_self(number: int, frame: FrameType) -> None:
    """Sends this process a signal, from this frame of the program."""
    handler = _getsignal(number)
    is_asyncios = handler is unix_events._sighandler_noop
    if callable(handler) and not is_asyncios and number not in _blocked and _is_main_thread():
        # CPython runs it before the call returns. So nothing is pending, and the machine need not know.
        handler(number, frame)
        if number not in wanted_by_loop:
            return
        _ran_at_once.add(number)
    try:
        _host.signals.raise_(number)
    except _host.Err as error:
        _host.value_of(error)
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL)) from None


def ignores_children() -> bool:
    """Whether the program wants to hear nothing of its children: their ends are not kept for it then."""
    return _handlers.get(signal.SIGCHLD) == signal.SIG_IGN


def run_on_top(number: int) -> None:
    """Runs what `signal.signal` set up on top of a loop's handler, unless that was done when the signal was raised."""
    if number in _ran_at_once:
        _ran_at_once.discard(number)
        return
    handler = _getsignal(number)
    if callable(handler) and handler is not unix_events._sighandler_noop:
        handler(number, None)


def run_handler(number: int) -> None:
    """Runs what `signal.signal` set up for a signal that the machine delivered."""
    if is_held(number):
        return
    handler = _getsignal(number)
    try:
        if number in _ran_at_once:
            _ran_at_once.discard(number)
        elif callable(handler):
            handler(number, None)
    finally:
        _host.signals.handled(number)


def die_of(number: int) -> NoReturn:
    """Ends the process by the default action of a signal."""
    try:
        _host.signals.remove_handler(number)
        _host.signals.raise_(number)
    finally:
        _host.process.exit(128 + number)
    raise AssertionError("the machine has ended the process")
