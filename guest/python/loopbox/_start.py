"""The beginning and the end of a run: what CPython's own `main` does around a program.

The component was made with the interpreter already started, so what an interpreter takes from its surroundings at
its start (arguments, environment, warning filters, the seed of `random`) is taken here, at the start of the run.
The end is CPython's, too: the error out of the program, threads, exit handlers, and then the modules
are emptied, so that whatever was left pending or unretrieved is reported as it would be by `python app.py`.
"""

import atexit
import collections
import gc
import io
import logging
import os
import random
import sys
import threading
import time
import tracemalloc
import types
import warnings
import weakref
from typing import NoReturn

from . import _host, _importer, _locks, _logging, _loop, _reports, _signals, _tracing, _watch

TRACEMALLOC_MAX = 65535
"""Frames."""

_files: dict[str, _importer.Module] = {}
"""The program's files that can be run, by their paths in its folder."""

_main: _importer.Module
"""The file that is run."""


def configure(main: str | None, files: dict[str, _importer.Module]) -> None:
    """In the build: which program this is, and whatever can be made ready before a run.

    A run whose `argv[0]` is another of its files runs that one.
    """
    global _main
    _files.update(files)
    if main is not None:
        _main = files[main]
    _loop.install()
    _signals.install()
    _reports.install()
    _logging.install()
    _watch.install()
    _locks.install()


def run() -> None:
    """Runs the program. Does not return: the machine ends the process."""
    _take_surroundings()
    _tracing.start()
    _reports.start()
    status = _run_main()
    _exit(_finish(status))


def _take_surroundings() -> None:
    global _main
    arguments = _host.environment.get_arguments()
    if arguments[0] in _files:
        _main = _files[arguments[0]]
    sys.argv[:] = [_main.path, *arguments[1:]]
    sys.orig_argv[:] = ["python3", *sys.argv]
    os.environ.clear()
    os.environ.update(_host.environment.get_environment())
    sys.path[:] = [os.path.dirname(_main.path) or ""]
    # As at a terminal: a line is written when it is whole, so that it has its time.
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        raw = io.FileIO(descriptor, "w", closefd=False)
        raw.name = f"<{name}>"
        errors = "backslashreplace" if name == "stderr" else "strict"
        stream = io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", errors, line_buffering=True)
        stream.mode = "w"
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, "r", closefd=False)), "utf-8")
    sys.stdin = sys.__stdin__ = stdin
    random.seed()
    logging._startTime = time.time_ns()
    _take_switches()


def _take_switches() -> None:
    """The environment variables that the interpreter itself reads at its start."""
    filters = []
    if os.environ.get("PYTHONDEVMODE"):
        filters.append("default")
        sys.flags = _flags_with(dev_mode=True)
    if given := os.environ.get("PYTHONWARNINGS"):
        filters += given.split(",")
    if filters:
        sys.warnoptions[:] = filters
        warnings._processoptions(filters)
    if frames := os.environ.get("PYTHONTRACEMALLOC"):
        if not frames.isdecimal() or int(frames) > TRACEMALLOC_MAX:
            what = "config_init_tracemalloc: PYTHONTRACEMALLOC: invalid number of frames"
            print(f"Fatal Python error: {what}", file=sys.stderr)
            _exit(1)
        if int(frames):
            tracemalloc.start(int(frames))


def _flags_with(**changed: bool) -> object:
    """`sys.flags` with some of them changed: the interpreter's own cannot be made a second time."""
    flags = sys.flags
    kind = collections.namedtuple("flags", type(flags).__match_args__, module="sys")
    for name in set(dir(flags)) - set(dir(kind)):
        # Those that are no fields.
        setattr(kind, name, getattr(flags, name))
    kind.__name__ = kind.__qualname__ = "sys.flags"
    return kind(*flags)._replace(**changed)


def _run_main() -> int | NoReturn:
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=_main.path, __builtins__=__builtins__, __cached__=None, __annotations__={})
    sys.modules["__main__"] = main
    try:
        exec(_main.code, main.__dict__)
    except SystemExit as error:
        return _exit_status(error)
    except KeyboardInterrupt as error:
        _report(error)
        return -_signals.SIGINT
    except BaseException as error:
        _report(error)
        return 1
    return 0


def _exit_status(error: SystemExit) -> int:
    match error.code:
        case None:
            return 0
        case int(code):
            return code & 0xFF
        case message:
            sys.stdout.flush()
            print(message, file=sys.stderr)
            return 1


def _report(error: BaseException) -> None:
    # The frames of the runtime are none of the program's business.
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_code is not _main.code:
        traceback = traceback.tb_next
    error = error.with_traceback(traceback or error.__traceback__)
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except BaseException as another:
        sys.__excepthook__(type(another), another, another.__traceback__)
    sys.last_exc = error


def _finish(status: int) -> int:
    """What `Py_FinalizeEx` does that a program can see."""
    threading._shutdown()
    atexit._run_exitfuncs()
    _logging.at_end()
    _flush()
    gc.collect()
    sys.last_exc = None
    _forget_modules()
    _watch.at_end()
    _flush()
    return status


def _forget_modules() -> None:
    """What `finalize_modules` does with those of the program."""
    left = []
    for name, module in list(sys.modules.items()):
        if name == "__main__" or _importer.is_programs(module):
            left.append(weakref.ref(module))
            sys.modules[name] = None
    module = None
    _reports.modules_are_gone()
    gc.collect()
    for reference in reversed(left):
        if (module := reference()) is not None:
            _clear(module.__dict__)
    gc.collect()


def _clear(names: dict[str, object]) -> None:
    """Names with one underscore first, then the others, as a module is cleared."""
    for is_private in (True, False):
        for name in list(names):
            if (name.startswith("_") and not name.startswith("__")) == is_private and name != "__builtins__":
                names[name] = None


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass


def _exit(status: int) -> NoReturn:
    if status < 0:
        _signals.die_of(-status)
    _host.process.exit(status)
    raise AssertionError("the machine has ended the process")
