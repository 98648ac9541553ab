"""The host's interfaces under short names, and the few numbers of the seam.

All times are nanoseconds of virtual time since the start of the run. `guest/wit/sandbox.wit` documents each
call. Nothing here may be called while the component is built: then there is no host.
"""

from componentize_py_types import Err
from wit_world.imports import (
    blocking,
    environment,
    event_loop,
    isolated,
    jobs,
    pipes,
    process,
    signals,
    tracing,
)

__all__ = [
    "FOREVER", "NEVER", "NOTICES", "PARK", "TIME", "Err", "blocking", "environment", "event_loop",
    "isolated", "jobs", "pipes", "process", "signals", "tracing", "value_of",
]

FOREVER = (1 << 64) - 1
"""Until when `event_loop.wait` waits if there is no deadline."""

NEVER = (1 << 64) - 1
"""What `event_loop.wait` returns when nothing can ever happen again."""

NOTICES = 1 << 63
"""The bit in the answer of `event_loop.wait` that says that there are notices to take."""

TIME = (1 << 63) - 1
"""The bits in that answer which are the time."""

PARK = (1 << 63) - 1
"""The answer that says that the wait goes on in `event_loop.park`."""


def value_of(error: Err) -> object:
    """What went wrong. The frame that raises such an error refers to it, so its traceback would be a cycle that keeps
    all of the caller's frames alive, and their locals."""
    return error.with_traceback(None).value
