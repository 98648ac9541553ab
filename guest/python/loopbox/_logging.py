"""Log records in the trace, and the handlers that deal with them, so that one that blocks the loop is blamed.

Every record that `logging` makes is in the trace, with logger, level and message, whether or not a filter or a
handler lets it through; one that the level of its logger forbids is never made. Reports of asyncio and of ours are
there as reports (`_reports`) and not once more as records. Without a trace all this costs a test or two for each record.
"""

import logging
from logging.handlers import QueueHandler
from queue import Full
from typing import Any

from . import _host, _reports, _tracing

_Level = _host.tracing.Level

_handle_record = logging.Logger.handle
_handle = logging.Handler.handle
_enqueue = QueueHandler.enqueue


class _Lost:
    """What a queue had no room for."""

    put = 0
    lost = 0
    since = 0.0


_queues: dict[int, tuple[Any, _Lost]] = {}
"""Every queue that a handler has put records into, by its `id`."""


def install() -> None:
    """In the build."""
    logging.Logger.handle = _named_as(_log, _handle_record)
    logging.Handler.handle = _named_as(_deal_with, _handle)
    QueueHandler.enqueue = _named_as(_put, _enqueue)


def _named_as(function: Any, original: Any) -> Any:
    _reports.as_logging(function)
    function.__name__, function.__qualname__ = original.__name__, original.__qualname__
    function.__doc__, function.__module__ = original.__doc__, original.__module__
    return function


def _log(self: logging.Logger, record: logging.LogRecord) -> None:
    if _tracing.enabled and not self.disabled and not _reports.is_told(record):
        _host.tracing.log(level_of(record.levelno), _tracing.label(record.name), _message_of(record))
    _handle_record(self, record)


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:
        # The handlers will say what is wrong with it.
        return str(record.msg)


def level_of(number: int) -> Any:
    """The level of the trace that a level of `logging` counts as."""
    if number >= logging.CRITICAL:
        return _Level.CRITICAL
    if number >= logging.ERROR:
        return _Level.ERROR
    if number >= logging.WARNING:
        return _Level.WARNING
    return _Level.INFO if number >= logging.INFO else _Level.DEBUG


def _deal_with(self: logging.Handler, record: logging.LogRecord) -> Any:
    if not _tracing.enabled or self is logging.lastResort:
        return _handle(self, record)
    _host.tracing.handler_begin(_tracing.label(_name_of(self)), _tracing.label(record.name))
    try:
        return _handle(self, record)
    finally:
        _host.tracing.handler_end()


def _name_of(handler: logging.Handler) -> str:
    shown = repr(handler)
    if shown.startswith("<") and " at 0x" not in shown:
        return shown[1:-1]
    return type(handler).__name__


def _put(self: QueueHandler, record: logging.LogRecord) -> None:
    _, lost = _queues.setdefault(id(self.queue), (self.queue, _Lost()))
    lost.put += 1
    try:
        _enqueue(self, record)
    except Full:
        if not lost.lost:
            lost.since = record.relativeCreated / 1000
        lost.lost += 1
        raise


def at_end() -> None:
    """When the program has ended: what was lost in queues, and what is left in them."""
    for queue, lost in list(_queues.values()):
        if lost.lost:
            size = getattr(queue, "maxsize", 0)
            _reports.ours(
                "LOG-LOST",
                f"{lost.lost} of {lost.put} log records are lost: the QueueHandler's queue of {size} was full, "
                f"first at {lost.since:.3f} seconds",
            )
        left = queue.qsize() if hasattr(queue, "qsize") else 0
        if left:
            text = f"{left} log records are left in the QueueHandler's queue: no QueueListener has taken them"
            _reports.ours("LOG-LEFT", text)
