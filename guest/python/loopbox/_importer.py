"""Imports without a disk: the program's modules, its requirements, and the rest of the standard library.

The finder comes before Python's own, which still finds what lies in the machine's file system. What of the standard
library was not imported when the component was built is unpacked and run when somebody imports it, which
costs the run the time that takes.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import marshal
import sys
import types
import zlib
from dataclasses import dataclass
from typing import override

from ._programs import Module, Program


@dataclass(slots=True)
class Kept:
    """A module of the standard library, compressed."""

    path: str
    source: bytes
    marshalled: bytes
    """Its code; empty if it came without."""
    is_package: bool

    @property
    def code(self) -> types.CodeType | None:
        code = zlib.decompress(self.marshalled) if self.marshalled else b""
        return marshal.loads(code) if code else None

    def text(self) -> bytes:
        return zlib.decompress(self.source)


class _Loader(importlib.abc.InspectLoader):
    def __init__(self, module: Module | Kept) -> None:
        self.module = module

    @override
    def get_code(self, fullname: str) -> types.CodeType:
        code = self.module.code
        return code or compile(self.module.text(), self.module.path, "exec", dont_inherit=True)

    @override
    def get_source(self, fullname: str) -> str:
        return importlib.util.decode_source(self.module.text())

    @override
    def is_package(self, fullname: str) -> bool:
        return self.module.is_package

    def get_filename(self, fullname: str) -> str:
        return self.module.path


class _Finder(importlib.abc.MetaPathFinder):
    """The only one of its kind: `sys.meta_path` has it from the build on, and a run gives it the program."""

    def __init__(self) -> None:
        self.modules: dict[str, Module] = {}
        self.library: dict[str, Kept] = {}

    @override
    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if (module := self.modules.get(fullname)) is not None:
            found.append(fullname)
        elif (module := self.library.get(fullname)) is None:
            return self._namespace(fullname)
        spec = importlib.machinery.ModuleSpec(
            fullname, _Loader(module), origin=module.path, is_package=module.is_package
        )
        # `__file__` is what tracebacks show, as anywhere; `spec_from_file_location` would make it absolute.
        spec.has_location = True
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(module.path.rpartition("/")[0])
        return spec

    def _namespace(self, fullname: str) -> importlib.machinery.ModuleSpec | None:
        """A folder with modules and without `__init__.py` is a package, too."""
        if not any(name.startswith(fullname + ".") for name in self.modules):
            return None
        spec = importlib.machinery.ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations = [fullname.replace(".", "/")]
        return spec


_finder = _Finder()

found: list[str] = []
"""Modules of the program and of its requirements that somebody wanted to import, in that order."""

_imported: dict[str, Kept] = {}
"""What was left of the standard library and has been imported in the build."""

_AT_START = frozenset(sys.modules)
"""What an interpreter has imported before any program."""


def install(library: dict[str, Kept]) -> None:
    """In the build: from now on imports find what is left of the standard library, and `linecache` its sources."""
    for name, kept in library.items():
        _remember_source(kept)
        if name in sys.modules:
            kept.marshalled = b""
            _imported[name] = kept
        else:
            _finder.library[name] = kept
    sys.meta_path.insert(0, _finder)


def serve(program: Program) -> None:
    """In a run: imports find the modules of this program first."""
    _finder.modules = program.modules
    for name in program.modules:
        # It hides one of the standard library, which in another Python would not have been imported yet.
        if name not in _AT_START:
            sys.modules.pop(name, None)
    for module in (*program.files.values(), *program.modules.values()):
        _remember_source(module)


def lend_loader(name: str) -> None:
    """Lets a module that was imported in the build be run again, as `__main__`: its own loader would look on the disk."""
    kept, module = _imported.get(name), sys.modules.get(name)
    if kept is not None and module is not None and module.__spec__ is not None:
        module.__spec__.loader = _Loader(kept)


def loader_of(module: Module) -> importlib.abc.Loader:
    """What `__loader__` of a module that is run as `__main__` is."""
    return _Loader(module)


def _remember_source(module: Module | Kept) -> None:
    """Lets tracebacks and warnings show lines of a file that is not there."""

    def lines() -> str:
        return importlib.util.decode_source(module.text())

    linecache.cache[module.path] = (lines,)
