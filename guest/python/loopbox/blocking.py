"""Blocking calls that a scenario describes, by name.

A call of a database, a library or a service that does not exist in the sandbox takes the time that the first
matching ``[[blocking]]`` rule of the scenario says, and returns or fails as that says. It blocks the thread that
makes it: in the event loop's thread it is a stall, in an executor's it is not.

    from loopbox import blocking

    rows = await asyncio.to_thread(blocking.call, "db.query", b"SELECT 1")

A name without a rule ends the run with a report.
"""

from . import _host

__all__ = ["BlockingError", "call", "compute"]


class BlockingError(OSError):
    """The call failed, as the scenario says; `str` of it is the scenario's text."""


def call(name: str, payload: bytes | str = b"") -> bytes:
    """Makes the blocking call `name` and returns what the scenario says.

    Raises `BlockingError` if the scenario lets it fail.
    """
    if isinstance(payload, str):
        payload = payload.encode()
    try:
        return _host.blocking.call(name, payload)
    except _host.Err as error:
        raise BlockingError(_host.value_of(error)) from None


def compute(seconds: float) -> None:
    """Charges this many seconds of CPU time to the calling thread without burning them.

    For models of load; real code is charged by itself. `seconds` is zero or more.
    """
    if seconds < 0:
        raise ValueError("compute: seconds must be zero or more")
    _host.blocking.compute(round(seconds * 1e9))
