"""Keeps the runtime's own frames out of what a program is shown of its stack.

CPython starts a program without a Python frame below it, and its loop without one of ours above. So the frames of
this package are left out where stacks are taken down: source tracebacks of tasks, futures and handles, origins of coroutines,
and `traceback.print_stack`. What raises here is a bug of ours; tracebacks of errors are not touched.

Must be installed before `_asyncio` is imported, which keeps `traceback.extract_stack` for itself.
"""

import linecache
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from types import CoroutineType, FrameType

RUNTIME = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + "/loopbox"
"""File names of the runtime's code begin with this."""


def _walk_stack(f: FrameType | None) -> Iterator[tuple[FrameType, int]]:
    """`traceback.walk_stack`."""
    if f is None:
        f = sys._getframe().f_back
    return _visible(f)


def _visible(frame: FrameType | None) -> Iterator[tuple[FrameType, int]]:
    while frame is not None:
        if not frame.f_code.co_filename.startswith(RUNTIME):
            yield frame, frame.f_lineno
        frame = frame.f_back


def _warn_unawaited_coroutine(coro: CoroutineType) -> None:
    """`warnings._warn_unawaited_coroutine`, which the interpreter calls when a coroutine dies."""
    lines = [f"coroutine '{coro.__qualname__}' was never awaited\n"]
    if coro.cr_origin is not None:
        origin = [
            (file, line, function, linecache.getline(file, line))
            for file, line, function in reversed(coro.cr_origin)
            if not file.startswith(RUNTIME)
        ]
        lines += ["Coroutine created at (most recent call last)\n", *traceback.format_list(origin)]
    warnings.warn("".join(lines).rstrip("\n"), category=RuntimeWarning, stacklevel=2, source=coro)


def install() -> None:
    """In the build, before anything imports asyncio."""
    assert "_asyncio" not in sys.modules
    traceback.walk_stack = _walk_stack
    warnings._warn_unawaited_coroutine = _warn_unawaited_coroutine
