"""Prepares the component while it is built: what a run needs is in memory afterwards.

The program is *compiled* here and not run: its top level runs in the run, in virtual time, as `__main__`. What it
imports from the standard library is imported here, because that costs a run nothing; the rest of the standard
library is kept compressed, for `_importer` to find when somebody asks for it after all.

Errors that are the program's own (its syntax) end the build with Python's own words, between two lines that
the command looks for.
"""

import ast
import gc
import importlib.util
import json
import linecache
import os
import sys
import traceback
import types
import zlib

from . import _frames, _importer

_frames.install()

STAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""The folder that the component is built from."""

PROGRAM = os.path.join(STAGE, "loopbox_program")
REQUIREMENTS = os.path.join(STAGE, "loopbox_requirements")
LIBRARY = os.path.dirname(linecache.__file__)

LEFT_OUT = frozenset({
    "__pycache__", "config-3.14-wasm32-wasi", "ensurepip", "idlelib", "lib-dynload", "pydoc_data", "site-packages", "test",
    "tkinter", "turtledemo", "venv",
})
"""Folders of the standard library that no program in a sandbox can use."""

PRELOADED = (
    "_strptime", "argparse", "ast", "asyncio", "atexit", "bisect", "calendar", "collections.abc", "concurrent.futures.thread",
    "contextlib", "contextvars", "copy", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools", "gc",
    "heapq", "inspect", "io", "itertools", "json", "linecache", "locale", "logging", "logging.config", "logging.handlers",
    "math", "operator", "os", "pathlib", "pickle", "pprint", "queue", "random", "re", "select", "selectors", "shlex",
    "shutil", "signal", "socket", "statistics", "string", "struct", "subprocess", "tempfile", "textwrap", "threading",
    "time", "traceback", "tracemalloc", "types", "typing", "uuid", "warnings", "weakref", "zlib", "encodings.ascii",
    "encodings.idna", "encodings.latin_1", "encodings.utf_8", "encodings.utf_16", "encodings.cp437", "unittest",
    "concurrent.futures.process",
)
"""What asyncio and most programs use, directly or behind a function-level import."""


PYC_HEADER = 16
"""Bytes before the code in a compiled module."""


class ProgramError(Exception):
    """The program cannot be built; the text is for its author."""

    def __init__(self, text: str) -> None:
        super().__init__(f"\nLOOPBOX-BUILD-ERROR\n{text.rstrip()}\nLOOPBOX-BUILD-ERROR-END\n")


def prepare() -> types.ModuleType:
    """Does all of it; returns the module whose `run` is the run."""
    with open(os.path.join(STAGE, "loopbox_manifest.json"), encoding="utf-8") as file:
        manifest = json.load(file)
    main = manifest["main"]
    modules = _modules(REQUIREMENTS, "site-packages/", {}, None)
    files: dict[str, _importer.Module] = {}
    requirements = list(modules.values())
    modules |= _modules(PROGRAM, "", files, main)
    if main is not None and main not in files:
        raise ProgramError(f"there is no `{main}` in the program")
    library = _library()
    sources = [*requirements, *files.values()]
    _preload([*PRELOADED, *sorted(_imports(sources))], modules)
    _importer.install(modules, library)
    _keep_sources(sources, library)

    # A program may import the second one, which cannot be found any more in a run.
    from . import _start, blocking  # noqa: F401

    _start.configure(main, files)
    # A collection in a run need not look at what was made here.
    gc.collect()
    gc.freeze()
    return _start


def _modules(
    root: str, prefix: str, runnable: dict[str, _importer.Module], main: str | None
) -> dict[str, _importer.Module]:
    """All modules below a folder, compiled, by their full names; adds to `runnable` what can be the main file."""
    found = {}
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        package = os.path.relpath(folder, root).replace(os.sep, ".")
        for file in sorted(files):
            stem, extension = os.path.splitext(file)
            path = os.path.join(folder, file)
            relative = os.path.relpath(path, root).replace(os.sep, "/")
            if extension != ".py" and relative != main:
                continue
            parts = [] if package == "." else package.split(".")
            parts += [] if stem == "__init__" and parts else [stem]
            is_module = extension == ".py" and parts != ["__main__"] and all(part.isidentifier() for part in parts)
            if not is_module and prefix:
                continue
            module = _compile(path, prefix + relative, stem == "__init__", prefix == "")
            runnable[relative] = module
            if is_module:
                found[".".join(parts)] = module
    return found


def _compile(path: str, shown: str, is_package: bool, must_compile: bool) -> _importer.Module:
    source = _read(path)
    try:
        code = compile(source, shown, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        if must_compile:
            raise ProgramError("".join(_syntax_error(error, shown, source))) from None
        # Packages come with files that are not meant for this version; it matters if they are imported.
        code = None
    return _importer.Module(shown, source, is_package, code)


def _syntax_error(error: SyntaxError | ValueError, shown: str, source: bytes) -> list[str]:
    text = source.decode("utf-8", "replace")
    linecache.cache[shown] = (len(text), None, text.splitlines(keepends=True), shown)
    return traceback.format_exception_only(error)


def _imports(modules: list[_importer.Module]) -> set[str]:
    """The names that these modules import, anywhere in their code."""
    names: set[str] = set()
    for module in modules:
        if module.code is None:
            continue
        for node in ast.walk(ast.parse(module.source)):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module)
                names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def _preload(names: list[str], modules: dict[str, _importer.Module]) -> None:
    """Imports those that belong to the standard library, if they can be imported here."""
    for name in names:
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names or top in modules or top in LEFT_OUT or top in ("antigravity", "this"):
            continue
        parent, _, last = name.rpartition(".")
        if parent and hasattr(sys.modules.get(parent), last):
            continue
        try:
            importlib.import_module(name)
        except Exception:
            # Either it is no module but a name in one, or it is missing here: then the run says so.
            sys.modules.pop(name, None)


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


def _keep_sources(modules: list[_importer.Module], library: dict[str, _importer.Kept]) -> None:
    """Lets tracebacks and warnings show lines of source."""
    for module in modules:
        _importer.remember_source(module.path, module.source)
    for kept in library.values():
        _importer.remember_source(kept.path, kept)
