"""Keeps the runtime's own frames out of what a program is shown of its stack.

CPython starts a program without a Python frame below it, and its loop without one of ours above. So the frames of
this package are left out where stacks are taken down: source tracebacks of tasks, futures and handles, origins of coroutines,
and `traceback.print_stack`. In the traceback of an error a frame of ours is left out that stands between two that
are not; one at the end is shown, because that is where the error comes from.

Must be installed before `_asyncio` is imported, which keeps `traceback.extract_stack` for itself.
"""

import linecache
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from types import CoroutineType, FrameType, TracebackType

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


def _walk_error(tb: TracebackType | None) -> Iterator[tuple[FrameType, tuple[int | None, ...]]]:
    """`traceback._walk_tb_with_full_positions`."""
    passed = []
    for frame, positions in _walk_error_unfiltered(tb):
        if frame.f_code.co_filename.startswith(RUNTIME):
            passed.append((frame, positions))
            continue
        passed.clear()
        yield frame, positions
    yield from passed


_walk_error_unfiltered = traceback._walk_tb_with_full_positions


def _unraisable(unraisable: sys.UnraisableHookArgs) -> None:
    """`sys.unraisablehook`: the interpreter's would look for lines of source on the disk."""
    file = sys.stderr
    if file is None:
        return
    message, subject = unraisable.err_msg, unraisable.object
    if subject is not None:
        try:
            shown = repr(subject)
        except Exception:
            shown = "<object repr() failed>"
        file.write(f"{message or 'Exception ignored in'}: {shown}\n")
    elif message is not None:
        file.write(f"{message}:\n")
    if unraisable.exc_traceback is not None:
        file.write("Traceback (most recent call last):\n")
        for frame, (line, *_) in _walk_error(unraisable.exc_traceback):
            code = frame.f_code
            file.write(f'  File "{code.co_filename}", line {line}, in {code.co_name}\n')
            if source := linecache.getline(code.co_filename, line).strip():
                file.write(f"    {source}\n")
    kind = unraisable.exc_type
    name = kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    try:
        text = "" if unraisable.exc_value is None else f": {unraisable.exc_value}"
    except Exception:
        text = ": <exception str() failed>"
    file.write(f"{name}{text}\n")
    file.flush()


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
    traceback._walk_tb_with_full_positions = _walk_error
    sys.unraisablehook = sys.__unraisablehook__ = _unraisable
    warnings._warn_unawaited_coroutine = _warn_unawaited_coroutine
