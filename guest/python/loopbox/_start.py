"""The beginning and the end of a run: what CPython's own `main` does around a program.

The component was made with the interpreter already started, so what an interpreter takes from its surroundings at
its start (arguments, environment, warning filters, the seed of `random`) is taken here, at the start of the run.
The end is CPython's, too: the error out of the program, threads, exit handlers, and then the modules
are emptied, so that whatever was left pending or unretrieved is reported as it would be by `python app.py`.
"""

import atexit
import collections
import functools
import gc
import io
import logging
import os
import random
import sys
import threading
import time
import traceback
import tracemalloc
import types
import warnings
import weakref
from typing import NoReturn

from . import (
    _frames,
    _host,
    _importer,
    _interpreter,
    _locks,
    _logging,
    _loop,
    _pipes,
    _pools,
    _processes,
    _programs,
    _reports,
    _shell,
    _signals,
    _threads,
    _tracing,
    _watch,
)

_NOT_FLUSHED = 120
"""The exit status of a process whose standard output could not be written."""

TRACEMALLOC_MAX = 65535
"""Frames."""

def configure() -> None:
    """In the build: puts what a program stands on in its place."""
    _signals.install()
    _pipes.install()
    _processes.install()
    _loop.install()
    _threads.connect()
    _pools.install()
    sys.executable = sys._base_executable = _interpreter.PYTHON
    _reports.install()
    _logging.install()
    _watch.install()
    _locks.install()


def run() -> None:
    """Runs the program. Does not return: the machine ends the process."""
    task = _host.isolated.task()
    if task is not None and task.function == _programs.PREPARE:
        _prepare(task.argument)
    what = _take_surroundings(_programs.load(_host.process.bundle()))
    _tracing.start()
    _reports.start()
    if task is not None:
        _pools.serve(task, functools.partial(_run_main_for_pool, what), _finish)
    status = _run_main(what)
    _exit(_finish(status))


def _prepare(sources: bytes) -> NoReturn:
    try:
        outcome = _host.isolated.Outcome_Returned(_programs.prepare(sources))
    except _programs.ProgramError as error:
        outcome = _host.isolated.Outcome_Failed(str(error).encode())
    _host.isolated.finish(outcome)
    raise AssertionError("the machine has ended the process")


def _take_surroundings(program: _programs.Program) -> _interpreter.Run:
    _importer.serve(program)
    arguments = _host.environment.get_arguments()
    os.environ.clear()
    os.environ.update(_host.environment.get_environment())
    if folder := os.environ.pop(_processes.FOLDER, None):
        os.chdir(folder)
    match os.environ.pop(_processes.AS_WHAT, None):
        case None:
            # A run whose `argv[0]` is another file of the program runs that one.
            main = program.files.get(arguments[0]) or program.files[program.main]
            what = _interpreter.program(main, arguments[1:])
        case "python":
            what = _interpreter.command_line(arguments[1:], program.files)
        case name:
            what = _shell.command_line(name, arguments[1:])
    _processes.start(arguments[0])
    _pipes.start()
    sys.argv[:] = what.argv
    sys.orig_argv[:] = ["python3", *sys.argv]
    sys.path[:] = [what.folder]
    if what.ignores_environment:
        sys.flags = _flags_with(ignore_environment=1)
    switches = {**({} if what.ignores_environment else os.environ), **what.switches}
    _make_streams(bool(switches.get("PYTHONUNBUFFERED")))
    random.seed()
    logging._startTime = time.time_ns()
    _take_switches(switches, what.warnings)
    return what


def _make_streams(unbuffered: bool) -> None:
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        raw = _pipes.standard_stream(descriptor)
        raw.name = f"<{name}>"
        errors = "backslashreplace" if name == "stderr" else "strict"
        # As at a terminal: a line is written when it is whole, so that it has its time. But what goes into a pipe
        # is kept until it is much, as anywhere.
        by_line = descriptor == 2 or not _pipes.is_pipe(descriptor)
        buffer = raw if unbuffered else io.BufferedWriter(raw)
        stream = io.TextIOWrapper(buffer, "utf-8", errors, line_buffering=by_line, write_through=unbuffered)
        stream.mode = "w"
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    raw = _pipes.standard_stream(0)
    raw.name = "<stdin>"
    stdin = io.TextIOWrapper(io.BufferedReader(raw), "utf-8")
    stdin.mode = "r"
    sys.stdin = sys.__stdin__ = stdin


def _take_switches(switches: dict[str, str], warning_options: list[str]) -> None:
    """The environment variables that the interpreter itself reads at its start, and its options."""
    filters = []
    if switches.get("PYTHONDEVMODE"):
        filters.append("default")
        sys.flags = _flags_with(dev_mode=True)
    if given := switches.get("PYTHONWARNINGS"):
        filters += given.split(",")
    filters += warning_options
    if filters:
        sys.warnoptions[:] = filters
        warnings._processoptions(filters)
    if frames := switches.get("PYTHONTRACEMALLOC"):
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


def _run_main_for_pool(what: _interpreter.Run, name: str) -> None:
    """Runs the program's top level in a process of a pool, which ends if that fails."""
    if status := _run_main(what, name):
        _exit(_finish(status))


def _run_main(what: _interpreter.Run, name: str = "__main__") -> int:
    main = types.ModuleType(name)
    main.__dict__.update(__builtins__=__builtins__, __annotations__={})
    if what.file is not None:
        main.__dict__.update(__file__=what.file, __loader__=what.loader, __cached__=None)
    sys.modules["__main__"] = sys.modules[name] = main
    try:
        what.main(main)
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
    frames = error.__traceback__
    while frames is not None and _frames.is_runtimes(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    # What the program's own text raises when it is compiled comes from no frame of it.
    if frames is not None or isinstance(error, SyntaxError):
        error = error.with_traceback(frames)
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
    flushed = _flush()
    gc.collect()
    sys.last_exc = None
    _forget_modules()
    _watch.at_end()
    flushed &= _flush()
    return status if flushed else _NOT_FLUSHED


def _forget_modules() -> None:
    """What `finalize_modules` does with those of the program."""
    left = []
    for name in ("__main__", *_importer.found):
        if (module := sys.modules.get(name)) is not None:
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


def _flush() -> bool:
    """False if some output was lost, which is said once."""
    flushed = True
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except Exception as error:
            if name == "stderr":
                continue
            flushed = False
            # What is left in the buffer is lost: nobody shall try again.
            sys.stdout = None
            print("Exception ignored while flushing sys.stdout:", file=sys.stderr)
            print("".join(traceback.format_exception_only(error)), end="", file=sys.stderr)
    return flushed


def _exit(status: int) -> NoReturn:
    if status < 0:
        _signals.die_of(-status)
    _host.process.exit(status)
    raise AssertionError("the machine has ended the process")
