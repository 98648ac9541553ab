"""Imports without a disk: the program's modules, its requirements, and the rest of the standard library.

The finder comes before Python's own, which still finds what lies in the machine's file system. Modules of
the program are compiled in the build and run when they are imported; those of the standard library that nobody
was known to import are unpacked and run then, which costs the run the time that takes.
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


@dataclass(slots=True)
class Module:
    """A module of the program or of a requirement."""

    path: str
    """As tracebacks show it: relative to the program's folder."""
    source: bytes
    is_package: bool
    code: types.CodeType | None
    """None if it does not compile; then importing it says why."""

    def text(self) -> bytes:
        return self.source


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
        code = zlib.decompress(self.marshalled)
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
    def __init__(self, modules: dict[str, Module], library: dict[str, Kept]) -> None:
        self.modules = modules
        self.library = library

    @override
    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        module = self.modules.get(fullname) or self.library.get(fullname)
        if module is None:
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


def install(modules: dict[str, Module], library: dict[str, Kept]) -> None:
    """From now on imports find these."""
    sys.meta_path.insert(0, _Finder(modules, library))


def is_programs(module: types.ModuleType | None) -> bool:
    """Whether a module came with the program: its own, or a requirement's."""
    loader = getattr(getattr(module, "__spec__", None), "loader", None)
    return isinstance(loader, _Loader) and isinstance(loader.module, Module)


def remember_source(path: str, source: bytes | Kept) -> None:
    """Lets `linecache`, and so tracebacks and warnings, know the lines of a file that is not there."""

    def lines() -> str:
        return importlib.util.decode_source(source if isinstance(source, bytes) else source.text())

    linecache.cache[path] = (lines,)
