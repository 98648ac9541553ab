"""Programs: what the command hands over, and what becomes of it.

One component serves all programs. The command gives it the *sources* of a program once, in a process that does nothing
else, and gets a *bundle* back: the same files with their code compiled, as `__pycache__` would hold it. Each run
is then given the bundle and only has to unpack it.

Errors of syntax are found here, and told in Python's own words. Requirements come with files that are not
meant for this version of Python; of those it matters only whether somebody imports them.
"""

import json
import linecache
import marshal
import traceback
from dataclasses import dataclass
from types import CodeType

PREPARE = "loopbox.prepare"
"""The task of a process that is to make a bundle."""


@dataclass(slots=True, frozen=True)
class Module:
    """A file of the program or of a requirement."""

    path: str
    """As tracebacks show it: relative to the program's folder."""
    source: bytes
    is_package: bool
    marshalled: bytes | None
    """Its code; None if it does not compile, and then importing it says why."""

    @property
    def code(self) -> CodeType:
        """Its code, unpacked anew each time."""
        if self.marshalled is None:
            return compile(self.source, self.path, "exec", dont_inherit=True)
        return marshal.loads(self.marshalled)

    def text(self) -> bytes:
        return self.source


@dataclass(slots=True, frozen=True)
class Program:
    """A program that can run."""

    main: str | None
    """Its main file, unless a run names another one."""
    files: dict[str, Module]
    """Those that can be the main file, by their paths."""
    modules: dict[str, Module]
    """Those that can be imported, by their full names."""


class ProgramError(Exception):
    """The program cannot run; the text is for its author."""


def prepare(sources: bytes) -> bytes:
    """From sources to a bundle.

    Sources are a line of JSON, `{"main": PATH or null, "files": [[PATH, BYTES, IS_OF_REQUIREMENT], ...]}`, and the contents
    of the files, one after the other. Raises `ProgramError`.
    """
    header, _, contents = sources.partition(b"\n")
    about = json.loads(header)
    files, modules = {}, {}
    begin = 0
    for path, length, is_of_requirement in about["files"]:
        source = contents[begin : begin + length]
        begin += length
        name, is_package = _name_of(path)
        if not (name or path.endswith(".py") or path == about["main"]):
            continue
        shown = f"site-packages/{path}" if is_of_requirement else path
        entry = (shown, source, is_package, _compile(source, shown, is_of_requirement))
        if not is_of_requirement:
            files[path] = entry
        # A program's own modules come before those of its requirements.
        if name and not (is_of_requirement and name in modules):
            modules[name] = entry
    if about["main"] is not None and about["main"] not in files:
        raise ProgramError(f"there is no `{about['main']}` in the program")
    return marshal.dumps((about["main"], files, modules))


def load(bundle: bytes) -> Program:
    """The program of a bundle."""
    main, files, modules = marshal.loads(bundle)
    unpack = lambda entries: {name: Module(*entry) for name, entry in entries.items()}
    return Program(main, unpack(files), unpack(modules))


def _name_of(path: str) -> tuple[str, bool]:
    """The full name of the module in a file, empty if it cannot be imported; and whether it is a package."""
    if not path.endswith(".py"):
        return "", False
    parts = path.removesuffix(".py").split("/")
    is_package = parts[-1] == "__init__" and len(parts) > 1
    if is_package:
        parts.pop()
    if parts == ["__main__"]:
        return "", False
    return (".".join(parts) if all(part.isidentifier() for part in parts) else ""), is_package


def _compile(source: bytes, shown: str, may_fail: bool) -> bytes | None:
    try:
        return marshal.dumps(compile(source, shown, "exec", dont_inherit=True))
    except (SyntaxError, ValueError) as error:
        if may_fail:
            return None
        text = source.decode("utf-8", "replace")
        linecache.cache[shown] = (len(text), None, text.splitlines(keepends=True), shown)
        raise ProgramError("".join(traceback.format_exception_only(error)).rstrip()) from None
