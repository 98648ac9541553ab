"""Python itself, for a child that is `sys.executable`: `-c`, `-m`, a script, or standard input.

Of the interpreter's options the usual ones are understood; those that can have no effect here are passed over. A
script is one of the program's own files, or a file in the machine's file system; the program's modules and those of
its requirements can be imported.
"""

import functools
import importlib.util
import linecache
import os
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from . import _importer
from ._programs import Module

PYTHON = "/usr/local/bin/python3"
"""`sys.executable`."""

WITHOUT_VALUE = frozenset("bBdEhiIOPqRsSuvxV?")
WITH_VALUE = frozenset("cmWX")


@dataclass(slots=True)
class Run:
    """What a process runs."""

    argv: list[str]
    """`sys.argv`."""
    folder: str
    """What comes first in `sys.path`."""
    main: Callable[[types.ModuleType], None]
    """Runs it, in this module."""
    file: str | None = None
    """Where the code is."""
    warnings: list[str] = field(default_factory=list)
    """Each `-W`."""
    switches: dict[str, str] = field(default_factory=dict)
    """Options as the environment variables that stand for the same."""
    ignores_environment: bool = False
    """Whether the variables `PYTHON*` are without effect (`-E`)."""
    loader: object = None
    """What knows its source, if that is no file of the machine."""


def program(main: Module, arguments: list[str]) -> Run:
    """The program itself."""
    return Run([main.path, *arguments], os.path.dirname(main.path), functools.partial(_exec, main.code), main.path, loader=_importer.loader_of(main))


def command_line(arguments: list[str], files: Mapping[str, Module]) -> Run:
    """What `python3` with these arguments runs."""
    warnings: list[str] = []
    switches: dict[str, str] = {}
    ignores_environment = False
    rest = list(arguments)

    def made(argv: list[str], folder: str, body: Callable[[types.ModuleType], None], file: str | None = None) -> Run:
        return Run(argv, folder, body, file, warnings, switches, ignores_environment)

    while rest and rest[0].startswith("-") and rest[0] != "-":
        option = rest.pop(0)
        if option == "--version":
            return made([""], "", _version)
        if option == "--":
            break
        letters = option[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in WITH_VALUE:
                if not letters and not rest:
                    return made([""], "", functools.partial(_usage, f"Argument expected for the -{letter} option"))
                value, letters = letters or rest.pop(0), ""
                match letter:
                    case "c":
                        return made(["-c", *rest], "", functools.partial(_source, value, "<string>"))
                    case "m":
                        return made(["-m", *rest], "", functools.partial(_module, value))
                    case "W":
                        warnings.append(value)
                    case "X" if value == "dev":
                        switches["PYTHONDEVMODE"] = "1"
                    case "X" if value.partition("=")[0] == "tracemalloc":
                        switches["PYTHONTRACEMALLOC"] = value.partition("=")[2] or "1"
            elif letter == "V":
                return made([""], "", _version)
            elif letter in "EI":
                ignores_environment = True
            elif letter == "u":
                switches["PYTHONUNBUFFERED"] = "1"
            elif letter not in WITHOUT_VALUE:
                return made([""], "", functools.partial(_usage, f"Unknown option: -{letter}"))
    if not rest or rest[0] == "-":
        return made([rest[0] if rest else "", *rest[1:]], "", _standard_input)
    script = rest[0]
    return made(rest, os.path.dirname(script), functools.partial(_script, script, files), script)


def _exec(code: types.CodeType, main: types.ModuleType) -> None:
    exec(code, main.__dict__)


def _source(text: str, file: str, main: types.ModuleType) -> None:
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    _exec(compile(text, file, "exec", dont_inherit=True), main)


def _standard_input(main: types.ModuleType) -> None:
    _source(sys.stdin.read(), "<stdin>", main)


def _module(name: str, main: types.ModuleType) -> None:
    import runpy

    for target in (name, f"{name}.__main__"):
        _importer.lend_loader(target)
    runpy._run_module_as_main(name)


def _script(path: str, files: Mapping[str, Module], main: types.ModuleType) -> None:
    module = files.get(os.path.normpath(path))
    if module is not None:
        return _exec(module.code, main)
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        shown = os.path.abspath(path)
        print(
            f"{PYTHON}: can't open file {shown!r}: [Errno {error.errno}] {error.strerror}", file=sys.stderr
        )
        raise SystemExit(2) from None
    return _source(importlib.util.decode_source(source), path, main)


def _version(main: types.ModuleType) -> None:
    print("Python " + sys.version.split()[0])


def _usage(text: str, main: types.ModuleType) -> None:
    print(f"{text}\nusage: {PYTHON} [option] ... [-c cmd | -m mod | file | -] [arg] ...", file=sys.stderr)
    raise SystemExit(2)
