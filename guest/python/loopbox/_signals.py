"""Signals: what the program sets up becomes the machine's, and what the machine delivers is run.

The machine delivers signals when the loop waits, and takes the default action itself; so the table of handlers
here only has to be the one that `signal.getsignal` shows. `signal.signal` keeps CPython's checks. A handler never
interrupts running code, which CPython's can: that is the machine's rule, and the same for all of its guests.
"""

import _signal
import signal
import threading
from collections.abc import Callable
from typing import Any, NoReturn

from . import _host

SIGINT = signal.SIGINT.value

type Handler = Callable[[int, Any], Any] | int | None

_set_in_interpreter = signal.signal


def _set(signalnum: int, handler: Handler) -> Handler:
    """`signal.signal`."""
    if threading.current_thread() is not threading.main_thread():
        raise ValueError("signal only works in main thread of the main interpreter")
    previous = _set_in_interpreter(signalnum, handler)
    try:
        if handler == signal.SIG_DFL or (signalnum == SIGINT and handler is signal.default_int_handler):
            _host.signals.remove_handler(signalnum)
        else:
            _host.signals.add_handler(signalnum)
    except _host.Err:
        _set_in_interpreter(signalnum, previous)
        raise OSError(22, "Invalid argument") from None
    return previous


_set.__name__ = _set.__qualname__ = "signal"
_set.__doc__ = _signal.signal.__doc__


def _raise(signalnum: int) -> None:
    """`signal.raise_signal`."""
    try:
        _host.signals.raise_(signalnum)
    except _host.Err:
        raise OSError(22, "Invalid argument") from None


def install() -> None:
    """In the build: puts these in the place of the interpreter's."""
    signal.signal = _set
    signal.raise_signal = _raise
    signal.set_wakeup_fd = lambda fd, *, warn_on_full_buffer=True: -1


def run_handler(number: int) -> None:
    """Runs what `signal.signal` set up for a signal that the machine delivered."""
    handler = signal.getsignal(number)
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
