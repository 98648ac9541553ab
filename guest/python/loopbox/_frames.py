"""Keeps the runtime's own frames out of what a program is shown of its stack.

CPython starts a program without a Python frame below it, and its loop without one of ours above. So the frames of
this package are left out where stacks are taken down: source tracebacks of tasks, futures and handles, origins of coroutines,
and `traceback.print_stack`. In the traceback of an error a frame of ours is left out that stands between two that
are not; one at the end is shown, because that is where the error comes from, unless it stands where CPython has a
function in C.

Must be installed before `_asyncio` is imported, which keeps `traceback.extract_stack` for itself.
"""

import gc
import linecache
import os
import sys
import traceback
from collections.abc import Iterator
from types import AsyncGeneratorType, CoroutineType, FrameType, GeneratorType, TracebackType
from typing import Any

RUNTIME = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + "/loopbox"
"""File names of the runtime's code begin with this."""

IN_PLACE_OF_C = tuple(f"{RUNTIME}/{name}.py" for name in ("_pipes", "_processes", "_signals"))
"""Modules whose functions have no frames in CPython."""

THREADS = os.path.dirname(linecache.__file__) + "/threading.py"
"""Where threads begin. It must not be imported before what it stands on is in its place."""

STEPPED = (CoroutineType, GeneratorType, AsyncGeneratorType)
"""What has a frame that can be waiting."""

DEPTH_MAX = 1000
"""Of a chain of awaits."""


def is_runtimes(file: str) -> bool:
    """Whether this is a file of the runtime's."""
    return file.startswith(RUNTIME)


def _walk_stack(f: FrameType | None) -> Iterator[tuple[FrameType, int]]:
    """`traceback.walk_stack`."""
    if f is None:
        f = sys._getframe().f_back
    return _visible(f)


def _visible(frame: FrameType | None) -> Iterator[tuple[FrameType, int]]:
    while frame is not None:
        if not frame.f_code.co_filename.startswith(RUNTIME):
            yield frame, frame.f_lineno
        if frame.f_code.co_name == "_bootstrap" and frame.f_code.co_filename == THREADS:
            # A thread begins here; what lies below is the loop in whose place it runs.
            return
        frame = frame.f_back


def _walk_error(tb: TracebackType | None) -> Iterator[tuple[FrameType, tuple[int | None, ...]]]:
    """`traceback._walk_tb_with_full_positions`."""
    passed = []
    shown = False
    for frame, positions in _walk_error_unfiltered(tb):
        if frame.f_code.co_filename.startswith(RUNTIME):
            passed.append((frame, positions))
            continue
        passed.clear()
        shown = True
        yield frame, positions
    if not shown or not all(frame.f_code.co_filename in IN_PLACE_OF_C for frame, _ in passed):
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


def unawaited(coro: CoroutineType, origin: tuple[tuple[str, int, str], ...] | None) -> str:
    """What `warnings._warn_unawaited_coroutine` says, with this origin."""
    lines = [f"coroutine '{coro.__qualname__}' was never awaited\n"]
    if origin is not None:
        shown = [
            (file, line, function, linecache.getline(file, line))
            for file, line, function in reversed(origin)
            if not is_runtimes(file)
        ]
        lines += ["Coroutine created at (most recent call last)\n", *traceback.format_list(shown)]
    return "".join(lines).rstrip("\n")


def place_below(frame: FrameType) -> tuple[str, int]:
    """Where CPython would be in the place of a frame of the runtime's: file and line."""
    for shown, line in _visible(frame):
        return shown.f_code.co_filename, line
    return "<sys>", 0


def awaiting(task: Any) -> Iterator[FrameType]:
    """The frames of a task that waits, outermost first: its coroutine's, and that of each one it awaits."""
    awaited = task.get_coro()
    for _ in range(DEPTH_MAX):
        if awaited is None:
            return
        for frame, further in (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await")):
            if (found := getattr(awaited, frame, None)) is not None:
                yield found
                awaited = getattr(awaited, further)
                break
        else:
            # The interpreter's own awaitables, such as a step of an asynchronous generator, do not tell of whom.
            awaited = next((thing for thing in gc.get_referents(awaited) if isinstance(thing, STEPPED)), None)


def install() -> None:
    """In the build, before anything imports asyncio."""
    assert "_asyncio" not in sys.modules
    traceback.walk_stack = _walk_stack
    traceback._walk_tb_with_full_positions = _walk_error
    sys.unraisablehook = sys.__unraisablehook__ = _unraisable
