"""CPython's own reports, in the trace: which code each of them has, and where its subject was made.

asyncio speaks through `call_exception_handler`, the logger `asyncio` and `warnings`. All of these stay as they are,
with whatever handlers, levels and filters the program sets up. Beside them the trace gets each report once, with
CPython's text, also if a filter, a level or a handler of the program's hides it: what is in the trace and not on
standard error was hidden. `docs/asyncio/codes.md` lists the codes. A report of ours, which CPython would not make, goes
through the logger `loopbox`, which does not propagate, so that it takes no time of the program's handlers.

Whatever the loop measures itself (`BLOCK`, `SLOW-7`) is the machine's to report. Records of the program's loggers are
`_logging`'s business.
"""

import asyncio
import contextlib
import logging
import sys
import types
import warnings
from asyncio import base_events, base_subprocess, coroutines, selector_events, streams, unix_events
from collections.abc import Iterator
from typing import Any

from . import _frames, _host, _tracing

type Context = dict[str, Any]

_Level = _host.tracing.Level

CONTEXTS = (
    ("Exception in callback ", "EXC-1"),
    ("Task exception was never retrieved", "RET-1"),
    ("Future exception was never retrieved", "RET-1"),
    ("_GatheringFuture exception was never retrieved", "RET-1"),
    ("Task was destroyed but it is pending!", "RET-4"),
    ("unhandled exception during asyncio.run() shutdown", "RET-6"),
    ("an error occurred during closing of asynchronous generator ", "AG-2"),
    ("Unhandled error in exception handler", "EXC-3"),
    ("Fatal read error on ", "EXC-18"),
    ("Fatal write error on ", "EXC-18"),
    ("Fatal error on ", "EXC-18"),
)
"""How messages of asyncio's begin that reach `call_exception_handler`."""

RECORDS = {
    "Executing %s took %.3f seconds": "SLOW",
    "Close running child process: kill %r": "RES-3",
    "child process pid %d exit status already read:  will report returncode 255": "RES-4",
    "Unknown child process pid %d, will report returncode 255": "RES-4",
    "Loop %r that handles pid %r is closed": "RES-5",
    "socket.send() raised exception.": "RES-7",
    "pipe closed by peer or os.write(pipe, data) raised exception.": "RES-7",
}
"""What asyncio logs as a warning, before its arguments are put in."""

LAST_RESORT = (
    "Exception in default exception handler",
    "Exception in default exception handler while handling an unexpected error in custom exception handler",
)
"""What asyncio logs when its own handler fails."""

WARNINGS = (
    (RuntimeWarning, "was never awaited", "AWAIT-1"),
    (RuntimeWarning, "The executor did not finishing joining its threads within ", "EXE-5"),
    (ResourceWarning, "unclosed event loop ", "RES-1"),
    (ResourceWarning, "was scheduled after loop.shutdown_asyncgens() call", "AG-3"),
    (ResourceWarning, "unclosed transport ", "RES-2"),
    (ResourceWarning, "unclosed <StreamWriter ", "RES-2"),
    (ResourceWarning, "loop is closed", "RES-2"),
)
"""What asyncio and the interpreter warn of, by a part of the text."""

_original_call = base_events.BaseEventLoop.call_exception_handler
_original_default = base_events.BaseEventLoop.default_exception_handler

_told: list[Context] = []
"""The contexts that are being handled and are in the trace already, innermost last."""

_formatter = logging.Formatter()

is_warning = False
"""A warning that is in the trace already is being shown, perhaps by a logger."""

is_reporting = False
"""A report that is in the trace already is being logged."""


def install() -> None:
    """In the build: hooks into everything that asyncio speaks through."""
    base = base_events.BaseEventLoop
    base.call_exception_handler = _call_exception_handler
    base.default_exception_handler = _default_exception_handler
    # asyncio keeps `warnings.warn` as a default argument, for the time when modules are being emptied.
    for finalizer in (
        base.__del__,
        base_subprocess.BaseSubprocessTransport.__del__,
        selector_events._SelectorTransport.__del__,
        unix_events._UnixReadPipeTransport.__del__,
        unix_events._UnixWritePipeTransport.__del__,
    ):
        finalizer.__defaults__ = (_warn,)
    shown = types.ModuleType("warnings")
    shown.__dict__.update(warnings.__dict__, warn=_warn)
    base_events.warnings = shown
    streams.StreamWriter.__del__.__defaults__ = (shown,)
    warnings._warn_unawaited_coroutine = _warn_unawaited_coroutine
    _wrap_showing()
    _Logger.__name__ = _Logger.__qualname__ = "Logger"
    _Logger.__module__ = "logging"
    as_logging(_Logger.warning)
    _Logger.warning.__qualname__ = "Logger.warning"
    logging.getLogger("asyncio").__class__ = _Logger
    coroutines._is_debug_mode = _is_debug_mode
    base_events.coroutines._is_debug_mode = _is_debug_mode


def start() -> None:
    """At the start of a run, when it is known whether it is traced."""
    if _tracing.enabled:
        _watch_origins()


def as_logging(function: types.FunctionType) -> None:
    """Lets a function count as one of `logging`'s own, which finds the caller of a record by its file."""
    function.__code__ = function.__code__.replace(co_filename=logging._srcfile)


# Telling the trace.


def tell(code: str, level: Any, logger: str, text: str, created: str | None = None, died: str | None = None) -> None:
    """Puts a report into the trace."""
    if _tracing.enabled:
        _host.tracing.diagnostic(_host.tracing.Report(code, level, logger, text, created, died))


def ours(code: str, text: str, created: str | None = None, died: str | None = None) -> None:
    """Makes a report that CPython would not make, unless the scenario does not want it."""
    global is_reporting
    if not _host.tracing.wants(code):
        return
    tell(code, _Level.WARNING, "loopbox", text, created, died)
    logger = logging.root.manager.loggerDict.get("loopbox")
    if logger is None:
        # What the simulator says must not take the program's time.
        logger = logging.getLogger("loopbox")
        logger.propagate = False
    outer, is_reporting = is_reporting, True
    try:
        logger.warning("%s", text)
    finally:
        is_reporting = outer


def place_of(subject: Any) -> str | None:
    """Where a task, future, handle or coroutine was made, if somebody knows."""
    place = getattr(subject, "_loopbox_place", None)
    if place:
        return place
    traceback = getattr(subject, "_source_traceback", None)
    return _innermost((frame.filename, frame.lineno) for frame in reversed(traceback)) if traceback else None


def _innermost(frames: Iterator[tuple[str, int]]) -> str | None:
    """The first of these that belongs to the program."""
    for file, line in frames:
        if not _tracing.is_foreign(file):
            return f"{file}:{line}"
    return None


# The exception handler.


def _call_exception_handler(self: Any, context: Context) -> None:
    if not _tracing.enabled:
        return _original_call(self, context)
    _tell_context(self, context)
    _told.append(context)
    try:
        _original_call(self, context)
    finally:
        _told.pop()


def _default_exception_handler(self: Any, context: Context) -> None:
    global is_reporting
    if not _tracing.enabled:
        return _original_default(self, context)
    # The program's handler may pass on what it was called for. If it failed, that is another matter.
    if not _told or any(told is context.get("context") for told in _told):
        _tell_context(self, context)
    outer, is_reporting = is_reporting, True
    try:
        _original_default(self, context)
    finally:
        is_reporting = outer


for _ours, _theirs in ((_call_exception_handler, _original_call), (_default_exception_handler, _original_default)):
    _ours.__name__, _ours.__qualname__, _ours.__doc__ = _theirs.__name__, _theirs.__qualname__, _theirs.__doc__


class _Text:
    """Takes the place of the logger, to see what asyncio would log."""

    text = ""

    def error(self, text: str, exc_info: Any) -> None:
        self.text = f"{text}\n{_formatter.formatException(exc_info)}" if exc_info else text


def _tell_context(loop: Any, context: Context) -> None:
    subject = next((context[key] for key in ("task", "future", "handle") if context.get(key) is not None), None)
    created = place_of(subject)
    if created is None and context.get("source_traceback"):
        created = _innermost((frame.filename, frame.lineno) for frame in reversed(context["source_traceback"]))
    tell(_code_of(context, subject), _Level.ERROR, "asyncio", _text_of(loop, context), created)


def _text_of(loop: Any, context: Context) -> str:
    logger, seen = base_events.logger, _Text()
    base_events.logger = seen
    try:
        # A copy: the handler that the program has set up must not find a key more than in CPython.
        _original_default(loop, dict(context))
    except Exception:
        # Something in the context cannot be shown; asyncio will say so.
        return str(context.get("message"))
    finally:
        base_events.logger = logger
    return seen.text


def _code_of(context: Context, subject: Any) -> str:
    message = str(context.get("message", ""))
    if message.endswith(" exception in shielded future"):
        return "RET-1"
    if " has errored out but its parent task " in message:
        return "RET-7"
    for beginning, code in CONTEXTS:
        if message.startswith(beginning):
            is_job = code == "RET-1" and getattr(subject, "_loopbox_job", False)
            return "EXE-6" if is_job else code
    return "EXC-2"


# The logger.


class _Logger(logging.Logger):
    """The logger `asyncio`."""

    def warning(self, msg: object, *args: object, **kwargs: Any) -> None:
        if _tracing.enabled:
            _tell_record(msg, args)
        super(_Logger, self).warning(msg, *args, **kwargs)


def _tell_record(message: object, args: tuple[object, ...]) -> None:
    code = RECORDS.get(message) if isinstance(message, str) else None
    if code is None:
        return
    created = None
    if code == "SLOW":
        code = "SLOW-1" if str(args[0]).startswith("<Task") else "SLOW-2"
        loop = asyncio._get_running_loop()
        handle = getattr(loop, "_current_handle", None)
        task = getattr(getattr(handle, "_callback", None), "__self__", None)
        created = place_of(task if isinstance(task, asyncio.Task) else handle)
    tell(code, _Level.WARNING, "asyncio", message % args, created)


def is_told(record: logging.LogRecord) -> bool:
    """Whether the trace has a record already, as a report."""
    if is_reporting:
        return record.name in ("asyncio", "loopbox")
    if record.name == "py.warnings":
        return is_warning
    if record.name != "asyncio":
        return False
    if record.msg in LAST_RESORT:
        tell("EXC-3", _Level.ERROR, "asyncio", _formatter.format(record))
        return True
    return record.msg in RECORDS


# Warnings.


def _warn(
    message: str, category: type[Warning] | None = None, stacklevel: int = 1, source: object = None, **kwargs: Any
) -> None:
    """`warnings.warn`, as asyncio calls it."""
    with _telling(message, category or UserWarning):
        warnings.warn(message, category, stacklevel + 1, source, **kwargs)


@contextlib.contextmanager
def _telling(message: str, category: type[Warning], created: str | None = None) -> Iterator[None]:
    global is_warning
    code = _warning_code(message, category)
    if code is not None:
        tell(code, _Level.WARNING, "py.warnings", f"{category.__name__}: {message}", created)
    outer, is_warning = is_warning, code is not None
    try:
        yield
    finally:
        is_warning = outer


def _warning_code(message: str, category: type[Warning]) -> str | None:
    for known, part, code in WARNINGS:
        if known is category and part in message:
            return code
    return None


_shown_without_frame: dict[Any, Any] = {}
"""The registry of warnings that no module of the program is blamed for."""


def _warn_unawaited_coroutine(coro: types.CoroutineType[Any, Any, Any]) -> None:
    """`warnings._warn_unawaited_coroutine`, which the interpreter calls when a coroutine dies."""
    global is_warning
    origin = coro.cr_origin or ()
    # One frame alone was kept for the trace: CPython's origins go down to the runtime's own frames.
    message = _frames.unawaited(coro, origin if len(origin) > 1 else None)
    created = _innermost((file, line) for file, line, _ in origin)
    tell("AWAIT-1", _Level.WARNING, "py.warnings", f"RuntimeWarning: {message}", created)
    outer, is_warning = is_warning, True
    try:
        frame = sys._getframe(1)
        if not _frames.is_runtimes(frame.f_code.co_filename):
            warnings.warn(message, category=RuntimeWarning, stacklevel=2, source=coro)
        else:
            file, line = _frames.place_below(frame)
            warnings.warn_explicit(message, RuntimeWarning, file, line, "sys", _shown_without_frame, source=coro)
    finally:
        is_warning = outer


def modules_are_gone() -> None:
    """From now on warnings are shown as the interpreter shows them without its module `warnings`."""

    def _showwarnmsg(msg: warnings.WarningMessage) -> None:
        sys.stderr.write(f"{msg.filename}:{msg.lineno}: {msg.category.__name__}: {msg.message}\n")

    warnings._showwarnmsg = _showwarnmsg


def _wrap_showing() -> None:
    show = warnings._showwarnmsg

    def _showwarnmsg(msg: warnings.WarningMessage) -> None:
        # The interpreter itself warns of methods of asynchronous generators that were not awaited.
        text = str(msg.message)
        if not is_warning and msg.category is RuntimeWarning and text.startswith("coroutine method "):
            with _telling(text, RuntimeWarning):
                show(msg)
        else:
            show(msg)

    warnings._showwarnmsg = _showwarnmsg


# Where coroutines are made. The trace knows one frame of it without debug mode, too.

_get_depth = sys.get_coroutine_origin_tracking_depth
_set_depth = sys.set_coroutine_origin_tracking_depth
_depth = 0
"""What the program believes."""


def _watch_origins() -> None:
    def get_coroutine_origin_tracking_depth() -> int:
        return _depth

    def set_coroutine_origin_tracking_depth(depth: int) -> None:
        global _depth
        _set_depth(depth)
        _depth = depth
        _set_depth(max(depth, 1))

    for function, original in (
        (get_coroutine_origin_tracking_depth, _get_depth),
        (set_coroutine_origin_tracking_depth, _set_depth),
    ):
        function.__qualname__, function.__doc__, function.__module__ = original.__name__, original.__doc__, "sys"
        setattr(sys, original.__name__, function)
    _set_depth(1)


def _is_debug_mode() -> bool:
    """`asyncio.coroutines._is_debug_mode`: the scenario may turn it on, as the environment may."""
    return _original_is_debug_mode() or _host.tracing.debug()


_original_is_debug_mode = coroutines._is_debug_mode
