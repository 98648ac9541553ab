"""Child processes: `subprocess`, `os.waitpid`, `os.kill` and asyncio's watcher on the machine's processes.

CPython's `subprocess` runs unchanged but for two methods: where it would make a pipe and fork, the machine makes the
pipe and starts a program. That is a program of the scenario (`[[program]]`), by its name or as one in a folder of
programs (`/bin/cat`); or Python itself (`sys.executable`), which is this component once more, as an interpreter
(`_interpreter`); or, if the scenario has none, the `sh` and the small programs in `_shell`.

A child shares nothing with its parent but the standard streams that it is given. So there is no `fork`, and no
`preexec_fn` or `pass_fds`; a file cannot be a child's standard stream.
"""

import errno
import os
import posix
import subprocess
import sys
from asyncio import unix_events
from typing import Any, NoReturn

from . import _host, _pipes, _shell, _signals, _tracing

AS_WHAT = "LOOPBOX_RUN_AS"
"""The environment variable that tells this component to be an interpreter or a shell. The program does not see it."""

FOLDER = "LOOPBOX_FOLDER"
"""The same for its working directory."""

_process = _host.process
_PROGRAMS = frozenset({"", "/bin", "/usr/bin", "/usr/local/bin"})
_PYTHONS = frozenset({"python", "python3", "python3.14"})

WNOHANG = 1

_children: dict[int, None] = {}
"""Those that nobody has waited for."""

_name = ""
"""This component, as the machine knows it."""


def start(name: str) -> None:
    """At the start of a run."""
    global _name
    _name = name


# Waiting and signals.


def _status(status: Any) -> int:
    """As `waitpid` packs it."""
    return status.value << 8 if isinstance(status, _process.ExitStatus_Exited) else status.value


def _no_child() -> ChildProcessError:
    return _pipes.os_error(errno.ECHILD)


def _reap(pid: int, options: int) -> int | None:
    try:
        status = _process.try_wait(pid) if options & WNOHANG else _process.wait(pid)
    except _host.Err as error:
        _host.value_of(error)
        _children.pop(pid, None)
        raise _no_child() from None
    if status is None:
        return None
    _children.pop(pid, None)
    if _signals.ignores_children():
        raise _no_child()
    return _status(status)


def _waitpid(pid: int, options: int, /) -> tuple[int, int]:
    """Wait for completion of a given child process.

    Returns a tuple of information regarding the child process: (pid, status)
    """
    if pid > 0:
        status = _reap(pid, options)
        return (0, 0) if status is None else (pid, status)
    if not _children:
        raise _no_child()
    if len(_children) > 1 and not options & WNOHANG:
        raise OSError(errno.ENOTSUP, "waiting for any of several children is not supported: name one")
    for child in list(_children):
        status = _reap(child, options)
        if status is not None:
            return child, status
    return 0, 0


def _wait() -> tuple[int, int]:
    """Wait for completion of a child process.

    Returns a tuple of information about the child process: (pid, status)
    """
    return _waitpid(-1, 0)


def _kill(pid: int, signal: int, /) -> None:
    """Kill a process with a signal."""
    if pid < 0:
        raise _pipes.os_error(errno.ESRCH)
    if signal and pid in (0, _process.id()) and 0 < signal < _signals.NSIG:
        _signals.send_self(int(signal), sys._getframe(1))
        return
    try:
        _process.kill(pid, signal)
    except _host.Err as error:
        is_invalid = _host.value_of(error) == _process.KillError.INVALID_SIGNAL or not 0 <= signal < _signals.NSIG
        raise _pipes.os_error(errno.EINVAL if is_invalid else errno.ESRCH) from None


def _getpid() -> int:
    return _process.id()


def _getppid() -> int:
    """Return the parent's process id."""
    return _process.parent_id()


def _pidfd_open(pid: int, flags: int = 0) -> int:
    """Return a file descriptor referring to the process *pid*."""
    _kill(pid, 0)
    return _pipes.open_as(_pipes.Child(pid))


def _exit(status: int) -> NoReturn:
    """Exit to the system with specified status, without normal exit processing."""
    _process.exit(status & 0xFF)
    raise AssertionError("the machine has ended the process")


def _abort() -> NoReturn:
    """Abort the interpreter immediately."""
    _signals.die_of(6)


def _WIFEXITED(status: int) -> bool:
    return status & 0x7F == 0


def _WEXITSTATUS(status: int) -> int:
    return status >> 8 & 0xFF


def _WIFSIGNALED(status: int) -> bool:
    return not _WIFEXITED(status)


def _WTERMSIG(status: int) -> int:
    return status & 0x7F


def _WIFSTOPPED(status: int) -> bool:
    return False


def _WSTOPSIG(status: int) -> int:
    return status >> 8 & 0xFF


def _waitstatus_to_exitcode(status: int) -> int:
    """Convert a wait status to an exit code."""
    return _WEXITSTATUS(status) if _WIFEXITED(status) else -_WTERMSIG(status)


def child_exited(pid: int) -> None:
    """The machine tells the loop that a child has ended."""
    _pipes.child_ended(pid)
    if _signals.ignores_children():
        # As on Unix: nobody needs to wait for it, and nobody can.
        _children.pop(pid, None)
        try:
            _process.try_wait(pid)
        except _host.Err as error:
            # Somebody has waited for it already.
            _host.value_of(error)


# Starting.


def _get_handles(self: subprocess.Popen, stdin: Any, stdout: Any, stderr: Any) -> tuple[int, ...]:
    with _pipes.pipes_for_child():
        return _popen_get_handles(self, stdin, stdout, stderr)


_popen_get_handles = subprocess.Popen._get_handles


def _execute_child(
    self: subprocess.Popen, args: Any, executable: Any, preexec_fn: Any, close_fds: bool, pass_fds: Any, cwd: Any, env: Any,
    startupinfo: Any, creationflags: int, shell: bool, p2cread: int, p2cwrite: int, c2pread: int, c2pwrite: int,
    errread: int, errwrite: int, restore_signals: bool, gid: Any, gids: Any, uid: Any, umask: int,
    start_new_session: bool, process_group: int,
) -> None:
    """Execute program (the machine's version)"""
    if isinstance(args, (str, bytes)):
        args = [args]
    elif isinstance(args, os.PathLike):
        if shell:
            raise TypeError("path-like args is not allowed when shell is true")
        args = [args]
    else:
        args = list(args)
    if shell:
        args = ["/bin/sh", "-c", *args]
        if executable:
            args[0] = executable
    executable_given = executable is not None
    if executable is None:
        executable = args[0]
    sys.audit("subprocess.Popen", executable, args, cwd, env)
    for given, name in ((preexec_fn, "preexec_fn"), (pass_fds, "pass_fds"), (gid, "group"), (uid, "user")):
        if given:
            raise OSError(errno.ENOTSUP, f"{name} is not supported: a child is another instance, and not a fork")

    program = _text(executable)
    environment = _environment(env)
    if cwd is not None:
        folder = os.path.abspath(_text(cwd))
        if not os.path.isdir(folder):
            raise _pipes.os_error(errno.ENOENT if not os.path.exists(folder) else errno.ENOTDIR, cwd)
        environment[FOLDER] = folder
    pipe = _process.Stdio_Pipe(max(self.pipesize, 0))
    streams = [
        _stream(p2cread, pipe),
        _stream(c2pwrite, pipe),
        _process.Stdio_SameAsStdout() if errwrite != -1 and errwrite == c2pwrite else _stream(errwrite, pipe),
    ]
    words = [_text(arg) for arg in args]
    child = None
    if shell and not executable_given and (simple := _shell.simple(words[2])):
        # As a shell that becomes its last command.
        try:
            child = _spawn(simple[0], simple, environment, streams)
        except FileNotFoundError:
            # The shell says so, with its own words and status.
            pass
    if child is None:
        child = _spawn(program, words, environment, streams)
    self.pid = child.pid
    self._child_created = True
    _children[child.pid] = None
    for fd, host in ((p2cwrite, child.stdin), (c2pread, child.stdout), (errread, child.stderr)):
        if host is not None:
            _pipes.lookup(fd).bind(host)
    self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)


def _text(value: Any) -> str:
    text = os.fsdecode(value)
    if "\0" in text:
        raise ValueError("embedded null byte")
    return text


def _environment(env: Any) -> dict[str, str]:
    given = {}
    for name, value in (os.environ if env is None else env).items():
        name = _text(name)
        if "=" in name:
            raise ValueError("illegal environment variable name")
        given[name] = _text(value)
    return given


def _stream(fd: int, pipe: Any) -> Any:
    """What the machine is to give a child for one of its standard streams."""
    if fd == -1:
        return _process.Stdio_Inherit()
    match _pipes.lookup(fd):
        case _pipes.Pipe(host=None):
            return pipe
        case _pipes.Pipe(host=host):
            return _process.Stdio_Descriptor(host)
        case _pipes.Standard(stream=stream):
            return _process.Stdio_Descriptor(stream)
        case _pipes.Null():
            return _process.Stdio_Null()
    # This fails if it is no descriptor at all.
    os.fstat(fd)
    raise OSError(errno.ENOTSUP, "a child can be given pipes and standard streams, but no files")


def _spawn(executable: str, args: list[str], environment: dict[str, str], streams: list[Any]) -> Any:
    folder, name = os.path.split(executable)
    programs: list[tuple[str, str | None]] = []
    if folder in _PROGRAMS:
        programs.append((name, None))
        if name in _PYTHONS:
            programs.append((_name, "python"))
        elif name == "sh" or name in _shell.PROGRAMS:
            programs.append((_name, name))
    for program, as_what in programs:
        variables = dict(environment)
        if as_what is None:
            # Only this component knows what these mean.
            variables.pop(FOLDER, None)
        else:
            variables[AS_WHAT] = as_what
        command = _process.Command(
            program, args[1:], list(variables.items()), *streams, _tracing.place_of_caller()
        )
        try:
            return _process.spawn(command)
        except _host.Err as error:
            match _host.value_of(error):
                case _process.SpawnError.NOT_FOUND:
                    continue
                case _process.SpawnError.BAD_DESCRIPTOR:
                    raise _pipes.os_error(errno.EBADF) from None
                case _process.SpawnError.TOO_MANY_PROCESSES:
                    raise _pipes.os_error(errno.EAGAIN) from None
                case _process.SpawnError.TOO_MANY_FILES:
                    raise _pipes.os_error(errno.EMFILE) from None
    raise _pipes.os_error(errno.ENOENT, executable)


_OS = {
    "waitpid": _waitpid, "wait": _wait, "kill": _kill, "getpid": _getpid, "getppid": _getppid, "pidfd_open": _pidfd_open,
    "_exit": _exit, "abort": _abort, "WIFEXITED": _WIFEXITED, "WEXITSTATUS": _WEXITSTATUS, "WIFSIGNALED": _WIFSIGNALED,
    "WTERMSIG": _WTERMSIG, "WIFSTOPPED": _WIFSTOPPED, "WSTOPSIG": _WSTOPSIG,
    "waitstatus_to_exitcode": _waitstatus_to_exitcode,
}


def install() -> None:
    """In the build."""
    for name, function in _OS.items():
        _pipes.replace(posix, name, function, os)
    posix.WNOHANG = os.WNOHANG = WNOHANG
    subprocess._can_fork_exec = True
    subprocess.Popen._get_handles = _get_handles
    subprocess.Popen._execute_child = _execute_child
    for name in ("waitpid", "waitstatus_to_exitcode", "WIFSTOPPED", "WSTOPSIG", "WNOHANG"):
        setattr(subprocess._del_safe, name, getattr(os, name))
    # What it asks the system for is there without asking.
    unix_events.can_use_pidfd = lambda: True
