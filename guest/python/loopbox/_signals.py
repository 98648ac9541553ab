"""Signals: what the program sets up becomes the machine's, and what the machine delivers is run.

The machine delivers signals when the loop waits, and takes the default action itself; so the table of handlers
here only has to be the one that `signal.getsignal` shows. A handler never interrupts running code, which CPython's
can: that is the machine's rule, and the same for all of its guests.

WASI's `signal` module lacks what Unix has besides; the part that asyncio and services use is added here, with Linux's
numbers. Signals of faults (SIGSEGV ...) and of job control exist by name, but nothing raises them.
"""

import errno
import os
import signal
import threading
from collections.abc import Callable
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


def _check(signalnum: int) -> int:
    number = int(signalnum)
    if not 0 < number < NSIG:
        raise ValueError("signal number out of range")
    return number


def _signal(signalnum: int, handler: Handler, /) -> Handler:
    """Set the action for the given signal: SIG_DFL, SIG_IGN, or a callable. Returns the previous one."""
    if not (callable(handler) or handler in (signal.SIG_DFL, signal.SIG_IGN)):
        raise TypeError("signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object")
    if threading.current_thread() is not threading.main_thread():
        raise ValueError("signal only works in main thread of the main interpreter")
    number = _check(signalnum)
    if number in _UNCATCHABLE:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    previous = _getsignal(number)
    is_default = handler == signal.SIG_DFL or (number == SIGINT and handler is signal.default_int_handler)
    try:
        if is_default:
            _host.signals.remove_handler(number)
        else:
            _host.signals.add_handler(number)
    except _host.Err:
        # The machine has no such signal, so nobody sends it.
        pass
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
    try:
        _host.signals.raise_(_check(signalnum))
    except _host.Err:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL)) from None


def _valid_signals() -> set[signal.Signals | int]:
    """Return a set of valid signal numbers on this platform."""
    real_time = range(34, NSIG)
    return {*signal.Signals, *real_time}


def _siginterrupt(signalnum: int, flag: bool, /) -> None:
    """Change system call restart behaviour: no call is interrupted by a signal here."""
    _check(signalnum)


def _set_wakeup_fd(fd: int, /, *, warn_on_full_buffer: bool = True) -> int:
    """There is nothing to be woken: the machine wakes the loop."""
    return -1


def install() -> None:
    """In the build: puts these in the place of the interpreter's."""
    for function in (_signal, _getsignal, _raise_signal, _valid_signals, _siginterrupt, _set_wakeup_fd):
        name = function.__name__[1:]
        function.__name__ = function.__qualname__ = name
        function.__module__ = "signal"
        setattr(signal, name, function)
    signal.NSIG = NSIG


def run_handler(number: int) -> None:
    """Runs what `signal.signal` set up for a signal that the machine delivered."""
    handler = _getsignal(number)
    try:
        if callable(handler):
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
