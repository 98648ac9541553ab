"""Descriptors that are the machine's: ends of pipes, children, and standard streams.

WASI knows no pipes, so its C library has no descriptor for one. Each pipe end of the machine gets a number there all the
same, held by a placeholder: so all descriptors of a program come from one row of numbers, the lowest free one
first, and a number means one thing. What `os`, `open`, `io.FileIO` and `select` do with such a number is done here; with
any other number they do what they always did.

A read or write that has to wait is the machine's blocking call `pipe.read:NAME` or `pipe.write:NAME`. Who waits in the loop
is told by `watch` and `take_ready`.

**Limits.** A descriptor cannot become another one's number (`dup2`), and a write to a pipe that must not block is cut
where the pipe is full, even if it is small.
"""

import _io
import builtins
import errno
import functools
import io
import os
import posix
import select
import selectors
import stat
import sys
import time
import warnings
from collections.abc import Buffer, Callable, Iterable
from typing import Any, NoReturn, override

from . import _frames, _host, _reports, _tracing

READABLE = selectors.EVENT_READ
WRITABLE = selectors.EVENT_WRITE

_pipes = _host.pipes
_INTERESTS = ((READABLE, _pipes.Interest.READABLE), (WRITABLE, _pipes.Interest.WRITABLE))
_BUSY_CALLS = 100
"""How often a handler may be called in a row without moving a byte."""
_WRITE_BYTES = 1 << 16
"""As much is written at once."""
_READ_BYTES_MAX = 1 << 20
"""The most that the machine reads at once."""

_ERRNOS = {
    _pipes.PipeError.BAD_DESCRIPTOR: errno.EBADF,
    _pipes.PipeError.WOULD_BLOCK: errno.EAGAIN,
    _pipes.PipeError.BROKEN_PIPE: errno.EPIPE,
    _pipes.PipeError.PERMISSION: errno.EPERM,
    _pipes.PipeError.TOO_MANY_FILES: errno.EMFILE,
}


def os_error(number: int, *filename: str) -> OSError:
    """An `OSError` with the text for its number."""
    return OSError(number, os.strerror(number), *filename)


def _failed(error: _host.Err) -> OSError:
    return os_error(_ERRNOS[_host.value_of(error)])


class Description:
    """What a descriptor stands for; several descriptors may stand for the same (`os.dup`)."""

    mode = stat.S_IFIFO | 0o600

    def __init__(self) -> None:
        self.numbers: set[int] = set()
        """The descriptors."""
        self.blocking = True
        self.watched: dict[int, set[Selector]] = {READABLE: set(), WRITABLE: set()}
        """Whose loops want to know of what."""

    def read(self, length: int) -> bytes:
        raise os_error(errno.EBADF)

    def write(self, data: Buffer) -> int:
        raise os_error(errno.EBADF)

    def close(self) -> None:
        """Its last descriptor is closed."""

    def watch(self, event: int, on: bool) -> None:
        """Somebody wants to know when it is ready; or nobody does any more."""
        raise os_error(errno.EPERM)

    def is_ready(self) -> bool:
        """Whether it is ready for all that it can do, as far as that is known without the machine."""
        return True


class Pipe(Description):
    """An end of a pipe."""

    host: int | None = None
    """The machine's number of it. None until the child is started that the other end is for."""
    idle_calls = 0
    """How often in a row a handler was called for it that moved nothing."""

    def __init__(self, host: int | None = None) -> None:
        super().__init__()
        if host is not None:
            self.bind(host)

    def bind(self, host: int) -> None:
        """This is its number."""
        self.host = host
        _by_host[host] = self

    @override
    def read(self, length: int) -> bytes:
        length = min(length, _READ_BYTES_MAX)
        try:
            data = (_pipes.read_blocking if self.blocking else _pipes.read)(self.host, length)
        except _host.Err as error:
            raise _failed(error) from None
        if data:
            self.idle_calls = 0
        return data

    @override
    def write(self, data: Buffer) -> int:
        view, written = memoryview(data), 0
        try:
            while True:
                # Not all at once: each call copies what it is given, and a pipe holds little.
                part = bytes(view[written : written + _WRITE_BYTES])
                if self.blocking:
                    _pipes.write_blocking(self.host, part)
                    now = len(part)
                else:
                    now = _pipes.write(self.host, part)
                written += now
                if now < _WRITE_BYTES or written == len(view):
                    break
        except _host.Err as error:
            number = _ERRNOS[_host.value_of(error)]
            if not written or number != errno.EAGAIN:
                raise os_error(number) from None
        if written:
            self.idle_calls = 0
        return written

    @override
    def close(self) -> None:
        if self.host is not None:
            del _by_host[self.host]
            _pipes.close(self.host)

    @override
    def watch(self, event: int, on: bool) -> None:
        try:
            _pipes.watch(self.host, dict(_INTERESTS)[event], on)
        except _host.Err as error:
            raise _failed(error) from None

    @override
    def is_ready(self) -> bool:
        return False


class Standard(Description):
    """A standard stream that leads out of the machine. Reading and writing is the C library's, and never waits for
    anybody; but it looks like a pipe, so that a loop may read its input and write its output."""

    def __init__(self, stream: int) -> None:
        super().__init__()
        self.stream = stream
        """The C library's descriptor."""

    @override
    def read(self, length: int) -> bytes:
        return _c_read(self.stream, length)

    @override
    def write(self, data: Buffer) -> int:
        return _c_write(self.stream, data)

    @override
    def watch(self, event: int, on: bool) -> None:
        pass


class Null(Description):
    """`/dev/null`."""

    mode = stat.S_IFCHR | 0o666

    @override
    def read(self, length: int) -> bytes:
        return b""

    @override
    def write(self, data: Buffer) -> int:
        return len(data)


class Child(Description):
    """A child process (`os.pidfd_open`): readable when it has ended."""

    mode = stat.S_IFREG | 0o600

    def __init__(self, pid: int) -> None:
        super().__init__()
        self.pid = pid

    @override
    def watch(self, event: int, on: bool) -> None:
        pass

    @override
    def is_ready(self) -> bool:
        return self.pid in ended


_table: dict[int, Description] = {}
"""The descriptors that are not the C library's alone."""

_by_host: dict[int, Pipe] = {}

ended: set[int] = set()
"""Children that have ended, as far as the machine has told. Their numbers are not used again."""

_for_child = False
"""Whether pipes that are made now have one end in a child that is not there yet."""


def lookup(fd: int) -> Description | None:
    """What a descriptor stands for, if it is one of these."""
    return _table.get(fd)


def open_as(description: Description) -> int:
    """Gives it the lowest number that is free."""
    # Any file would do to hold the number; this one is always there.
    fd = _c_open("/", os.O_RDONLY)
    _table[fd] = description
    description.numbers.add(fd)
    return fd


def start() -> None:
    """At the start of a run: standard streams may be pipes to another process."""
    for fd in range(3):
        try:
            description = Pipe(fd) if _pipes.is_pipe(fd) else Standard(fd)
        except _host.Err as error:
            _host.value_of(error)
            continue
        _table[fd] = description
        description.numbers.add(fd)


class pipes_for_child:
    """While this lasts, `os.pipe` makes pipes whose ends are bound when a child is started."""

    def __enter__(self) -> None:
        global _for_child
        _for_child = True

    def __exit__(self, *error: object) -> None:
        global _for_child
        _for_child = False


# What `os` does.

_c_open, _c_read, _c_readinto, _c_write, _c_close = posix.open, posix.read, posix.readinto, posix.write, posix.close
_c_fstat, _c_dup, _c_lseek, _c_closerange = posix.fstat, posix.dup, posix.lseek, posix.closerange
_c_get_blocking, _c_set_blocking = posix.get_blocking, posix.set_blocking
_c_io_open, _c_FileIO, _c_select, _c_poll = _io.open, _io.FileIO, select.select, select.poll


def _of(fd: object) -> Description | None:
    """What does the work for a descriptor; None if the C library does."""
    description = _table.get(fd) if isinstance(fd, int) else None
    return None if isinstance(description, Standard) and description.stream == fd else description


def _pipe() -> tuple[int, int]:
    """Create a pipe.

    Returns a tuple of two file descriptors:
      (read_fd, write_fd)
    """
    if _for_child:
        return open_as(Pipe()), open_as(Pipe())
    try:
        ends = _pipes.create(0)
    except _host.Err as error:
        raise _failed(error) from None
    return open_as(Pipe(ends.reader)), open_as(Pipe(ends.writer))


def _pipe2(flags: int, /) -> tuple[int, int]:
    """Create a pipe with flags set atomically."""
    ends = _pipe()
    if flags & os.O_NONBLOCK:
        for fd in ends:
            _table[fd].blocking = False
    return ends


def _open(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
    if path == os.devnull:
        return open_as(Null())
    if not flags & os.O_ACCMODE:
        # Elsewhere reading is what no flag says, and programs rely on that.
        flags |= os.O_RDONLY
    return _c_open(path, flags, mode, dir_fd=dir_fd)


def _read(fd: int, length: int, /) -> bytes:
    description = _of(fd)
    if description is None:
        return _c_read(fd, length)
    if length < 0:
        raise os_error(errno.EINVAL)
    return description.read(length)


def _readinto(fd: int, buffer: Any, /) -> int:
    description = _of(fd)
    if description is None:
        return _c_readinto(fd, buffer)
    view = memoryview(buffer).cast("B")
    data = description.read(len(view))
    view[: len(data)] = data
    return len(data)


def _write(fd: int, data: Any, /) -> int:
    description = _of(fd)
    if description is None:
        return _c_write(fd, data)
    return description.write(memoryview(data).cast("B"))


def _close(fd: int) -> None:
    description = _table.pop(fd, None) if isinstance(fd, int) else None
    _c_close(fd)
    if description is not None:
        description.numbers.discard(fd)
        for selector in description.watched[READABLE] | description.watched[WRITABLE]:
            selector.closed(fd)
        if not description.numbers:
            description.close()


def _closerange(fd_low: int, fd_high: int, /) -> None:
    for fd in [fd for fd in _table if fd_low <= fd < fd_high]:
        _close(fd)
    _c_closerange(fd_low, fd_high)


def _fstat(fd: int) -> os.stat_result:
    description = _table.get(fd) if isinstance(fd, int) else None
    if description is None:
        return _c_fstat(fd)
    return os.stat_result((description.mode, 0, 0, 1, 0, 0, 0, 0, 0, 0))


def _dup(fd: int, /) -> int:
    description = _table.get(fd)
    if description is None:
        return _c_dup(fd)
    return open_as(description)


def _lseek(fd: int, position: int, whence: int, /) -> int:
    if isinstance(fd, int) and fd in _table:
        raise os_error(errno.ESPIPE)
    return _c_lseek(fd, position, whence)


def _get_blocking(fd: int, /) -> bool:
    description = _of(fd)
    return _c_get_blocking(fd) if description is None else description.blocking


def _set_blocking(fd: int, blocking: bool, /) -> None:
    description = _table.get(fd) if isinstance(fd, int) else None
    if description is None:
        _c_set_blocking(fd, blocking)
    else:
        # Standard streams never wait for anybody, whatever the C library would make of it.
        description.blocking = bool(blocking)


# Files.


class PipeFile(_c_FileIO):
    """`io.FileIO` for these descriptors."""

    _fd = -1
    _closefd = True
    _readable = _writable = False
    name: Any

    def __init__(self, file: int, mode: str = "r", closefd: bool = True, opener: object = None) -> None:
        if not set(mode) <= set("xrwab+"):
            raise ValueError(f"invalid mode: {mode}")
        if sum(letter in "rwax" for letter in mode) != 1 or mode.count("+") > 1:
            raise ValueError("Must have exactly one of create/read/write/append mode and at most one plus")
        self._readable = "r" in mode or "+" in mode
        self._writable = "r" not in mode or "+" in mode
        self._fd, self._closefd, self.name = int(file), bool(closefd), file

    def _open_description(self) -> Description:
        self._checkClosed()
        description = _of(self._fd)
        if description is None:
            # Somebody has closed the descriptor behind its file's back.
            raise os_error(errno.EBADF)
        return description

    def _checkClosed(self) -> None:
        if self._fd < 0:
            raise ValueError("I/O operation on closed file")

    def _unsupported(self, action: str) -> NoReturn:
        raise io.UnsupportedOperation(f"File not open for {action}")

    @override
    def fileno(self) -> int:
        self._checkClosed()
        return self._fd

    @override
    def readable(self) -> bool:
        self._checkClosed()
        return self._readable

    @override
    def writable(self) -> bool:
        self._checkClosed()
        return self._writable

    @override
    def seekable(self) -> bool:
        self._checkClosed()
        return False

    @override
    def isatty(self) -> bool:
        self._checkClosed()
        return False

    def _isatty_open_only(self) -> bool:
        return False

    @override
    def read(self, size: int | None = -1, /) -> bytes | None:
        description = self._open_description()
        if not self._readable:
            self._unsupported("reading")
        if size is None or size < 0:
            return self.readall()
        try:
            return description.read(size)
        except BlockingIOError:
            return None

    @override
    def readall(self) -> bytes | None:
        parts = []
        while True:
            part = self.read(_READ_BYTES_MAX)
            if not part:
                return b"".join(parts) if parts or part is not None else None
            parts.append(part)

    @override
    def readinto(self, buffer: Any, /) -> int | None:
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        if data is None:
            return None
        view[: len(data)] = data
        return len(data)

    @override
    def write(self, data: Any, /) -> int | None:
        description = self._open_description()
        if not self._writable:
            self._unsupported("writing")
        try:
            return description.write(memoryview(data).cast("B"))
        except BlockingIOError:
            return None

    @override
    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._checkClosed()
        raise os_error(errno.ESPIPE)

    @override
    def tell(self) -> int:
        return self.seek(0, 1)

    @override
    def truncate(self, size: int | None = None, /) -> int:
        self._checkClosed()
        if not self._writable:
            self._unsupported("writing")
        raise os_error(errno.EINVAL)

    @override
    def close(self) -> None:
        if self._fd < 0:
            return
        if self._finalizing:
            self._dealloc_warn(self)
        fd, self._fd = self._fd, -1
        super().close()
        if self._closefd:
            _close(fd)

    def _dealloc_warn(self, source: object) -> None:
        if self._fd >= 0 and self._closefd:
            warnings.warn(
                f"unclosed file {source!r}", ResourceWarning, stacklevel=2, source=source,
                skip_file_prefixes=(_frames.RUNTIME,),
            )

    @property
    @override
    def closed(self) -> bool:
        return self._fd < 0

    @property
    def closefd(self) -> bool:
        return self._closefd

    @property
    @override
    def mode(self) -> str:
        return {(True, True): "rb+", (True, False): "rb"}.get((self._readable, self._writable), "wb")

    @override
    def __repr__(self) -> str:
        if self._fd < 0:
            return "<_io.FileIO [closed]>"
        return f"<_io.FileIO name={self.name!r} mode='{self.mode}' closefd={self._closefd}>"


class _FileIOType(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _c_FileIO)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _c_FileIO)


class FileIO(_c_FileIO, metaclass=_FileIOType):
    """`io.FileIO`: the interpreter's own, or the one for the machine's descriptors."""

    def __new__(cls, file: Any, *args: Any, **kwargs: Any) -> Any:
        if cls is not FileIO:
            return super().__new__(cls, file, *args, **kwargs)
        if _of(file) is not None:
            return PipeFile(file, *args, **kwargs)
        return _c_FileIO(file, *args, **kwargs)


for _class in (PipeFile, FileIO):
    _class.__name__ = _class.__qualname__ = "FileIO"
    _class.__module__ = "_io"
FileIO.__doc__ = _c_FileIO.__doc__


def _io_open(
    file: Any,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: Any = None,
) -> Any:
    if isinstance(file, str) and file == os.devnull and opener is None and mode.strip("rwabt+") == "":
        file = open_as(Null())
    elif _of(file) is None:
        return _c_io_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
    return _open_file(file, mode, buffering, encoding, errors, newline, closefd)


def _open_file(
    fd: int, mode: str, buffering: int, encoding: str | None, errors: str | None, newline: str | None, closefd: bool
) -> Any:
    """`open` for one of these descriptors, step by step as in `_pyio`."""
    kinds = set(mode)
    if kinds - set("axrwb+t") or len(mode) > len(kinds):
        raise ValueError(f"invalid mode: {mode!r}")
    binary = "b" in kinds
    if binary and "t" in kinds:
        raise ValueError("can't have text and binary mode at once")
    if len(kinds & set("axrw")) != 1:
        raise ValueError("must have exactly one of create/read/write/append mode")
    if binary:
        for what, value in (("an encoding", encoding), ("an errors", errors), ("a newline", newline)):
            if value is not None:
                raise ValueError(f"binary mode doesn't take {what} argument")
        if buffering == 1:
            warnings.warn(
                "line buffering (buffering=1) isn't supported in binary mode, the default buffer size will be used",
                RuntimeWarning, stacklevel=2, skip_file_prefixes=(_frames.RUNTIME,),
            )
    result: Any = PipeFile(fd, mode.replace("b", "").replace("t", ""), closefd)
    try:
        if buffering == 0:
            if not binary:
                raise ValueError("can't have unbuffered text I/O")
            return result
        size = io.DEFAULT_BUFFER_SIZE if buffering in (-1, 1) else buffering
        if size < 0:
            raise ValueError("invalid buffering size")
        if "+" in kinds:
            result = io.BufferedRandom(result, size)
        else:
            result = (io.BufferedReader if "r" in kinds else io.BufferedWriter)(result, size)
        if not binary:
            result = io.TextIOWrapper(result, io.text_encoding(encoding), errors, newline, buffering == 1)
            result.mode = mode
        return result
    except BaseException:
        result.close()
        raise


def standard_stream(fd: int) -> Any:
    """The raw file of a standard stream."""
    mode = "r" if fd == 0 else "w"
    return PipeFile(fd, mode, False) if _of(fd) is not None else _c_FileIO(fd, mode, False)


def describe(fd: int) -> str:
    """`pipe "cat[2].stdout" (descriptor 6)`."""
    description = _table.get(fd)
    if not isinstance(description, Pipe):
        return f"descriptor {fd}"
    return f'pipe "{_pipes.name(description.host)}" (descriptor {fd})'


def is_pipe(fd: int) -> bool:
    """Whether this descriptor is an end of a pipe to another process, or within this one."""
    return isinstance(_table.get(fd), Pipe)


# Waiting for several descriptors, without a loop.


def _wait(wanted: list[tuple[int, int]], until: int) -> list[tuple[int, int]]:
    """Which of these descriptors are ready for which event; blocks until one is, or it is `until`."""
    ready, asked, places = [], [], []
    for fd, event in wanted:
        description = _of(fd)
        if description is None:
            # Whatever the C library has never waits. This fails if it has nothing of this number.
            _c_fstat(fd)
            ready.append((fd, event))
        elif isinstance(description, Pipe):
            asked.append((description.host, dict(_INTERESTS)[event]))
            places.append((fd, event))
        elif description.is_ready():
            ready.append((fd, event))
    try:
        answer = _pipes.poll(asked, 0 if ready else until)
    except _host.Err as error:
        raise _failed(error) from None
    return ready + [places[index] for index in answer]


def _until(seconds: float | None) -> int:
    if seconds is None or seconds < 0:
        return _host.FOREVER
    return time.monotonic_ns() + round(seconds * 1e9)


def _fileno(file: Any) -> int:
    if isinstance(file, int):
        fd = file
    else:
        try:
            fd = file.fileno()
        except AttributeError:
            raise TypeError("argument must be an int, or have a fileno() method.") from None
    if fd < 0:
        raise ValueError(f"file descriptor cannot be a negative integer ({fd})")
    return fd


def _select(rlist: Iterable[Any], wlist: Iterable[Any], xlist: Iterable[Any], timeout: float | None = None, /) -> Any:
    lists = [list(files) for files in (rlist, wlist, xlist)]
    numbers = [[(file, _fileno(file)) for file in files] for files in lists]
    if not any(fd in _table for files in numbers for _, fd in files):
        return _c_select(*lists, timeout)
    if timeout is not None and timeout < 0:
        raise ValueError("timeout must be non-negative")
    wanted = [(fd, event) for event, files in zip((READABLE, WRITABLE), numbers, strict=False) for _, fd in files]
    ready = set(_wait(wanted, _until(timeout)))
    readable, writable = (
        [file for file, fd in files if (fd, event) in ready]
        for event, files in zip((READABLE, WRITABLE), numbers, strict=False)
    )
    return readable, writable, []


class _Poll:
    """`select.poll()`."""

    def __init__(self) -> None:
        self._masks: dict[int, int] = {}

    def register(self, fd: Any, eventmask: int = select.POLLIN | select.POLLPRI | select.POLLOUT, /) -> None:
        self._masks[_fileno(fd)] = eventmask

    def modify(self, fd: Any, eventmask: int, /) -> None:
        number = _fileno(fd)
        if number not in self._masks:
            raise os_error(errno.ENOENT)
        self._masks[number] = eventmask

    def unregister(self, fd: Any, /) -> None:
        del self._masks[_fileno(fd)]

    def poll(self, timeout: float | None = None, /) -> list[tuple[int, int]]:
        if not any(fd in _table for fd in self._masks):
            poll = _c_poll()
            for fd, mask in self._masks.items():
                poll.register(fd, mask)
            return poll.poll(timeout)
        found = [
            (fd, select.POLLNVAL)
            for fd in self._masks
            if fd not in _table and not _is_open(fd)
        ]
        wanted = [
            (fd, event)
            for fd, mask in self._masks.items()
            for event, bits in ((READABLE, select.POLLIN), (WRITABLE, select.POLLOUT))
            if mask & bits and (fd, select.POLLNVAL) not in found
        ]
        bits = dict.fromkeys((fd for fd, _ in found), select.POLLNVAL)
        for fd, event in _wait(wanted, 0 if found else _until(None if timeout is None else timeout / 1000)):
            bits[fd] = bits.get(fd, 0) | (select.POLLIN if event == READABLE else select.POLLOUT)
        return list(bits.items())


_Poll.__name__ = _Poll.__qualname__ = "poll"
_Poll.__module__ = "select"


def _is_open(fd: int) -> bool:
    try:
        _c_fstat(fd)
    except OSError:
        return False
    return True


# Waiting in a loop.


def _name_of_handler(key: selectors.SelectorKey, event: int) -> str:
    """The name of the function that a loop calls; empty if it is not a loop's."""
    match key.data:
        case (reader, writer):
            handle = reader if event == READABLE else writer
            callback = getattr(handle, "_callback", None)
            while isinstance(callback, functools.partial):
                callback = callback.func
            return getattr(callback, "__name__", type(callback).__name__) if callback is not None else ""
    return ""


class Selector(selectors._BaseSelectorImpl):
    """What readers and writers of a loop are registered with. It behaves as CPython's `EpollSelector` on Linux."""

    def __init__(self) -> None:
        super().__init__()
        self.ready: dict[int, None] = {}
        """Registered descriptors that are ready, and of which the machine gives no notice."""
        self._places: dict[tuple[int, int], str | None] = {}
        """Where in the program who wants to know of what was registered, if the run is traced."""

    @override
    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = super().register(fileobj, events, data)
        try:
            self._watch(key.fd, 0, events)
        except BaseException:
            super().unregister(fileobj)
            raise
        return key

    @override
    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key = super().unregister(fileobj)
        try:
            self._watch(key.fd, key.events, 0)
        except OSError:
            # It is closed: then nobody watches it either.
            pass
        return key

    @override
    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = self.get_key(fileobj)
        if events != key.events:
            try:
                self._watch(key.fd, key.events, events)
            except BaseException:
                super().unregister(fileobj)
                raise
        key = key._replace(events=events, data=data)
        self._fd_to_key[key.fd] = key
        return key

    @override
    def close(self) -> None:
        for key in list(self._fd_to_key.values()):
            self.unregister(key.fd)
        super().close()

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        wanted = [
            (fd, event)
            for fd, key in self._fd_to_key.items()
            for event in (READABLE, WRITABLE)
            if key.events & event
        ]
        found: dict[int, int] = {}
        for fd, event in _wait(wanted, _until(None if timeout is None else max(0, timeout))):
            found[fd] = found.get(fd, 0) | event
        return [(self._fd_to_key[fd], events) for fd, events in found.items()]

    def _watch(self, fd: int, before: int, now: int) -> None:
        description = _table.get(fd)
        if description is None:
            # A plain file cannot be watched, and a number that is not open even less.
            _c_fstat(fd)
            raise os_error(errno.EPERM)
        for event, watchers in description.watched.items():
            if not (before ^ now) & event:
                continue
            others = watchers - {self}
            if not others:
                description.watch(event, bool(now & event))
            if now & event:
                watchers.add(self)
                if _tracing.enabled:
                    self._places[fd, event] = _tracing.place_of_caller() or None
            else:
                watchers.discard(self)
        if now and description.is_ready():
            self.ready[fd] = None
        else:
            self.ready.pop(fd, None)

    def notices(self, host: int, event: int) -> list[tuple[selectors.SelectorKey, int]]:
        """What it means for this loop that the machine says that a descriptor is ready."""
        pipe = _by_host.get(host)
        if pipe is not None:
            pipe.idle_calls += 1
        keys = [self._fd_to_key.get(fd) for fd in sorted(pipe.numbers)] if pipe else []
        found = [(key, event) for key in keys if key is not None and key.events & event]
        if found and pipe.idle_calls == _BUSY_CALLS:
            self._busy(found[0][0], event)
        return found

    def _busy(self, key: selectors.SelectorKey, event: int) -> None:
        """BUSY-FD: a loop that turns for nothing."""
        ready, moved = ("readable", "read") if event == READABLE else ("writable", "written")
        name = _name_of_handler(key, event)
        text = (
            f"descriptor {key.fd} was {ready} {_BUSY_CALLS} times in a row, and {name}() was called each time: "
            f"0 bytes {moved}"
        )
        _reports.ours("BUSY-FD", text, self._places.get((key.fd, event)))

    def closed(self, fd: int) -> None:
        """STALE-READER: a descriptor is closed, and there are handlers that nobody will ever call."""
        self.ready.pop(fd, None)
        key = self._fd_to_key.get(fd)
        if key is None:
            return
        for event, role in ((READABLE, "reader"), (WRITABLE, "writer")):
            if key.events & event and (name := _name_of_handler(key, event)):
                text = (
                    f"descriptor {fd} was closed while a {role} is registered for it: {name}() will not be called "
                    f"again, even if the number is used again; call remove_{role} before close"
                )
                _reports.ours("STALE-READER", text, self._places.get((fd, event)), _tracing.place_of_caller())

    def take_ready(self) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready without a notice of the machine."""
        keys = [self._fd_to_key.get(fd) for fd in self.ready]
        return [(key, key.events) for key in keys if key is not None]


def child_ended(pid: int) -> None:
    """The machine says so."""
    ended.add(pid)
    for fd, description in _table.items():
        if isinstance(description, Child) and description.pid == pid:
            for selector in description.watched[READABLE]:
                selector.ready[fd] = None


_REPLACED: dict[str, Callable[..., Any]] = {
    "pipe": _pipe, "pipe2": _pipe2, "open": _open, "read": _read, "readinto": _readinto, "write": _write, "close": _close,
    "closerange": _closerange, "fstat": _fstat, "dup": _dup, "lseek": _lseek, "get_blocking": _get_blocking,
    "set_blocking": _set_blocking,
}


def replace(module: Any, name: str, function: Callable[..., Any], *others: Any) -> None:
    """Puts a function in the place of a module's own, also in `others`, which have the same names."""
    own = getattr(module, name, None)
    function.__name__ = function.__qualname__ = name
    function.__module__ = module.__name__
    if own is not None:
        function.__doc__ = own.__doc__
    for place in (module, *others):
        setattr(place, name, function)


def install() -> None:
    """In the build."""
    for name, function in _REPLACED.items():
        replace(posix, name, function, os)
    os.supports_dir_fd.discard(_c_open)
    os.supports_dir_fd.add(_open)
    replace(_io, "open", _io_open, io, builtins)
    io.FileIO = FileIO
    replace(select, "select", _select)
    select.poll = selectors.PollSelector._selector_cls = _Poll
    selectors.SelectSelector._select = staticmethod(_select)
