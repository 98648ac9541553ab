"""Prepares the component while it is built: what every program needs is in memory afterwards.

The interpreter is started, and the standard library imported, because in memory that costs a run nothing; the little
that is not imported is kept compressed, for `_importer` to find when somebody asks for it after all. Programs
are no part of the component: see `_programs`.
"""

import gc
import importlib.util
import linecache
import os
import sys
import types
import zlib

from . import _frames, _importer, _threads

_frames.install()
_threads.install()

LIBRARY = os.path.dirname(linecache.__file__)

LEFT_OUT = frozenset({
    "__pycache__", "__phello__", "_pyrepl", "config-3.14-wasm32-wasi", "curses", "dbm", "ensurepip", "idlelib", "lib-dynload", "pydoc_data",
    "site-packages", "test", "tkinter", "turtledemo", "venv",
})
"""Folders of the standard library that no program in a sandbox can use."""

NOT_IMPORTED = frozenset({
    "__hello__", "antigravity", "idlelib", "pip", "this", "turtle",
    # What it adds would be in every program.
    "rlcompleter", "sitecustomize", "usercustomize",
})
"""Modules whose import does something that a program would notice."""

PYC_HEADER = 16
"""Bytes before the code in a compiled module."""


def prepare() -> types.ModuleType:
    """Does all of it; returns the module whose `run` is the run."""
    library = _library()
    for name in library:
        _import(name)
    _importer.install(library)

    # A program may import the second one, which cannot be found any more in a run.
    from . import _start, _warm, blocking  # noqa: F401

    _start.configure()
    _warm.run()
    # What folders looked like here is of no use in a run, and differs from machine to machine.
    sys.path_importer_cache.clear()
    gc.collect()
    _warm.fill_gaps()
    # A collection in a run need not look at what was made here.
    gc.freeze()
    return _start


def _import(name: str) -> None:
    top, _, last = name.partition(".")[0], *name.rpartition(".")[1:]
    if top in NOT_IMPORTED or last == "__main__" or last.startswith("_aix") or top.startswith("_sysconfigdata"):
        return
    before = set(sys.modules)
    try:
        importlib.import_module(name)
    except BaseException:
        # It needs what WASI lacks, such as `_ctypes`; whoever imports it is told so by Python.
        for half_done in set(sys.modules) - before:
            sys.modules.pop(half_done)


def _library() -> dict[str, _importer.Kept]:
    """The standard library, compressed, by module name."""
    found = {}
    for folder, folders, files in os.walk(LIBRARY):
        folders[:] = sorted(set(folders) - LEFT_OUT)
        package = os.path.relpath(folder, LIBRARY).replace(os.sep, ".")
        for file in sorted(files):
            stem, extension = os.path.splitext(file)
            if extension != ".py":
                continue
            parts = [] if package == "." else package.split(".")
            parts += [] if stem == "__init__" else [stem]
            path = os.path.join(folder, file)
            source, code = _read(path), b""
            compiled = importlib.util.cache_from_source(path)
            if os.path.exists(compiled):
                code = _read(compiled)[PYC_HEADER:]
            found[".".join(parts)] = _importer.Kept(
                path, zlib.compress(source, 1), zlib.compress(code, 1), stem == "__init__"
            )
    return found


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
