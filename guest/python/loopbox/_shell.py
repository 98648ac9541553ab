"""A small `sh`, and a few of the small programs that every Unix has, for machines that have none of their own.

A scenario's own `[[program]]` of the same name comes first. What there is: simple commands, quotes, `$NAME`, `${NAME}`, `$?`,
`$$`, `$0` to `$9`; `;`, `&&`, `||` and `|`; `NAME=value`; `<`, `>`, `>>` and `2>` with files, `/dev/null`, `&1` and `&2`. The rest of the
language (`if`, `for`, `$(...)`, `*`, `&` ...) is refused with exit status 2, and not misunderstood. The words of `sh`'s errors
are those of `dash`.
"""

import os
import re
import signal
import subprocess
import sys
import time
import types
from collections.abc import Callable
from dataclasses import dataclass, field

from . import _interpreter

SHELL = "/bin/sh"
_MISUSED = 2
_NOT_FOUND = 127

_BLANK = " \t"
_OPERATORS = ("&&", "||", ";", "|", "\n")
_REDIRECTION = re.compile(r"(\d?)(>>|>&|<&|>|<)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PARAMETER = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*|[0-9?$])|\{([A-Za-z_][A-Za-z0-9_]*|[0-9?$])\})")
_RESERVED = frozenset("if then else elif fi for while until do done case esac { } ! function".split())


class ShellError(Exception):
    """The command cannot be run; the text is for people."""


@dataclass(slots=True)
class Command:
    """A simple command."""

    words: list[str] = field(default_factory=list)
    assignments: dict[str, str] = field(default_factory=dict)
    redirections: list[tuple[int, str, str]] = field(default_factory=list)
    """Which descriptor, the operator, and what comes after it."""


class Shell:
    """What a shell knows."""

    def __init__(self, arguments: list[str]) -> None:
        self.arguments = arguments
        self.status = 0

    def run(self, text: str) -> int:
        """Runs a command line; returns its exit status."""
        position, operator = 0, ";"
        while True:
            pipeline, following, position = self._pipeline(text, position)
            if pipeline and (operator in ";\n" or (operator == "&&") == (self.status == 0)):
                self.status = self._run_pipeline(pipeline)
            if following is None:
                return self.status
            operator = following

    # Reading. Words are expanded when their command is reached, because `$?` changes.

    def _pipeline(self, text: str, position: int) -> tuple[list[Command], str | None, int]:
        commands: list[Command] = []
        while True:
            command, operator, position = self._command(text, position)
            if command.words or command.assignments or command.redirections:
                commands.append(command)
            elif operator in ("&&", "||", "|") or commands:
                raise ShellError(f'Syntax error: "{operator or "end of file"}" unexpected')
            if operator != "|":
                return commands, operator, position

    def _command(self, text: str, position: int) -> tuple[Command, str | None, int]:
        command = Command()
        while True:
            while position < len(text) and text[position] in _BLANK:
                position += 1
            if position == len(text):
                return command, None, position
            if text[position] == "#":
                end = text.find("\n", position)
                position = len(text) if end < 0 else end
                continue
            for operator in _OPERATORS:
                if text.startswith(operator, position):
                    return command, operator, position + len(operator)
            if match := _REDIRECTION.match(text, position):
                number, operator = match.groups()
                word, _, position = self._word(text, self._skip(text, match.end()))
                if not word:
                    raise ShellError("Syntax error: redirection unexpected")
                descriptor = int(number) if number else (0 if operator.startswith("<") else 1)
                command.redirections.append((descriptor, operator, word[0]))
                continue
            start = position
            words, quoted, position = self._word(text, position)
            name, equals, value = text[start:position].partition("=")
            if equals and not command.words and _NAME.fullmatch(name):
                command.assignments[name] = "".join(self._word(value, 0)[0])
                continue
            if not command.words and not quoted and words and words[0] in _RESERVED:
                raise ShellError(f"{words[0]}: not supported here")
            command.words += words

    @staticmethod
    def _skip(text: str, position: int) -> int:
        while position < len(text) and text[position] in _BLANK:
            position += 1
        return position

    def _word(self, text: str, position: int) -> tuple[list[str], bool, int]:
        """One word of the text, which may become several or none; and whether it was quoted."""
        words: list[str] = []
        current: str | None = None
        quoted = False
        while position < len(text):
            letter = text[position]
            if letter in _BLANK or letter in "\n;|<>":
                break
            if letter in "&`()*?[" or (letter == "$" and text[position + 1 : position + 2] == "("):
                if letter == "&" and text.startswith("&&", position):
                    break
                raise ShellError(f"{letter}: not supported here")
            if letter == "'":
                end = text.find("'", position + 1)
                if end < 0:
                    raise ShellError("Syntax error: Unterminated quoted string")
                current = (current or "") + text[position + 1 : end]
                position, quoted = end + 1, True
            elif letter == '"':
                part, position = self._double_quoted(text, position + 1)
                current, quoted = (current or "") + part, True
            elif letter == "\\":
                current = (current or "") + text[position + 1 : position + 2]
                position, quoted = position + 2, True
            elif letter == "$" and (match := _PARAMETER.match(text, position)):
                # What is not quoted falls apart at blanks.
                value = self._value(match)
                parts = value.split()
                if parts:
                    if value[:1].isspace() and current is not None:
                        words.append(current)
                        current = None
                    words += [(current or "") + parts[0], *parts[1:]][:-1]
                    current = (current or "") + parts[0] if len(parts) == 1 else parts[-1]
                    if value[-1:].isspace():
                        words.append(current)
                        current = None
                position = match.end()
            else:
                current = (current or "") + letter
                position += 1
        if current is not None:
            words.append(current)
        return words, quoted, position

    def _double_quoted(self, text: str, position: int) -> tuple[str, int]:
        part = ""
        while position < len(text):
            letter = text[position]
            if letter == '"':
                return part, position + 1
            if letter == "\\" and text[position + 1 : position + 2] in ("$", '"', "\\", "`", "\n"):
                part += text[position + 1]
                position += 2
            elif letter == "`" or text.startswith("$(", position):
                raise ShellError(f"{letter}: not supported here")
            elif letter == "$" and (match := _PARAMETER.match(text, position)):
                part += self._value(match)
                position = match.end()
            else:
                part += letter
                position += 1
        raise ShellError("Syntax error: Unterminated quoted string")

    def _value(self, match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name == "?":
            return str(self.status)
        if name == "$":
            return str(os.getpid())
        if name.isdigit():
            return dict(enumerate(self.arguments)).get(int(name), "")
        return os.environ.get(name, "")

    # Running.

    def _run_pipeline(self, pipeline: list[Command]) -> int:
        if len(pipeline) == 1:
            return self._run_command(pipeline[0])
        children: list[subprocess.Popen[bytes] | None] = []
        previous: int | None = None
        for index, command in enumerate(pipeline):
            reader, writer = os.pipe() if index + 1 < len(pipeline) else (None, None)
            children.append(self._start(command, previous, writer))
            for fd in (previous, writer):
                if fd is not None:
                    os.close(fd)
            previous = reader
        statuses = [_NOT_FOUND if child is None else _status(child.wait()) for child in children]
        return statuses[-1]

    def _run_command(self, command: Command) -> int:
        if not command.words:
            os.environ.update(command.assignments)
            return 0
        name, *arguments = command.words
        if name == "exec" and arguments:
            raise SystemExit(self._run_command(Command(arguments, command.assignments, command.redirections)))
        if (builtin := _BUILTINS.get(name)) is not None:
            return self._run_here(builtin, command)
        child = self._start(command, None, None)
        if child is not None:
            return _status(child.wait())
        return _NOT_FOUND

    def _run_here(self, builtin: Callable[[list[str]], int], command: Command) -> int:
        # Only what it writes with `print` can be sent elsewhere.
        opened = []
        kept = sys.stdout
        try:
            for descriptor, operator, target in command.redirections:
                if descriptor != 1:
                    continue
                if operator == ">&":
                    sys.stdout = sys.stderr if target == "2" else kept
                else:
                    sys.stdout = _open(target, "a" if operator == ">>" else "w")
                    opened.append(sys.stdout)
            return builtin(command.words[1:])
        finally:
            sys.stdout.flush()
            sys.stdout = kept
            for file in opened:
                file.close()

    def _start(self, command: Command, stdin: int | None, stdout: int | None) -> "subprocess.Popen[bytes] | None":
        """Starts a program; None if there is none of this name."""
        streams: list[int | None] = [stdin, stdout, None]
        files = []
        for descriptor, operator, target in command.redirections:
            if descriptor > 2:
                raise ShellError(f"{descriptor}: not supported here")
            if operator in (">&", "<&"):
                source = streams[int(target)] if target in ("0", "1", "2") else None
                streams[descriptor] = int(target) if source is None else source
            else:
                mode = {"<": "r", ">": "w", ">>": "a"}[operator]
                files.append(_open(target, mode))
                streams[descriptor] = files[-1].fileno()
        words = command.words
        if words and words[0] in _BUILTINS and words[0] not in PROGRAMS:
            import shlex

            words = [SHELL, "-c", shlex.join(words)]
        sys.stdout.flush()
        try:
            return subprocess.Popen(
                words, stdin=streams[0], stdout=streams[1], stderr=streams[2],
                env={**os.environ, **command.assignments},
            )
        except FileNotFoundError:
            _complain(f"{words[0]}: not found")
            return None
        finally:
            for file in files:
                file.close()


def _status(returncode: int) -> int:
    return returncode if returncode >= 0 else 128 - returncode


def _open(path: str, mode: str) -> "types.SimpleNamespace | object":
    try:
        return open(path, mode)
    except OSError as error:
        action = "open" if mode == "r" else "create"
        raise ShellError(f"cannot {action} {path}: {error.strerror}") from None


def _complain(text: str) -> None:
    print(f"{SHELL}: 1: {text}", file=sys.stderr)


# What it can do by itself.


def _echo(arguments: list[str]) -> int:
    end = "\n"
    if arguments[:1] == ["-n"]:
        end, arguments = "", arguments[1:]
    print(" ".join(arguments), end=end)
    return 0


def _printf(arguments: list[str]) -> int:
    if not arguments:
        _complain("printf: usage: printf format [arg ...]")
        return _MISUSED
    form, *values = arguments
    form = form.replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\")
    pieces = re.split(r"(%[sd%])", form)
    takes = sum(piece in ("%s", "%d") for piece in pieces)
    while True:
        for piece in pieces:
            if piece in ("%s", "%d"):
                print(values.pop(0) if values else "" if piece == "%s" else "0", end="")
            else:
                print("%" if piece == "%%" else piece, end="")
        if not values or not takes:
            return 0


def _exit(arguments: list[str]) -> int:
    raise SystemExit(int(arguments[0]) & 0xFF if arguments else _running.status)


def _cd(arguments: list[str]) -> int:
    folder = arguments[0] if arguments else os.environ.get("HOME", "/")
    try:
        os.chdir(folder)
    except OSError:
        _complain(f"cd: can't cd to {folder}")
        return _MISUSED
    return 0


def _pwd(arguments: list[str]) -> int:
    print(os.getcwd())
    return 0


def _kill(arguments: list[str]) -> int:
    number = signal.SIGTERM
    if arguments[:1] and arguments[0].startswith("-"):
        given = arguments.pop(0)[1:]
        number = int(given) if given.isdigit() else signal.Signals["SIG" + given.removeprefix("SIG")]
    status = 0
    for pid in arguments:
        try:
            os.kill(int(pid), number)
        except (OSError, ValueError) as error:
            _complain(f"kill: {error.strerror if isinstance(error, OSError) else f'Illegal number: {pid}'}")
            status = 1
    return status


def _sleep(arguments: list[str]) -> int:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    try:
        spans = [float(word.rstrip("smhd")) * units.get(word[-1], 1) for word in arguments]
    except ValueError:
        print(f"sleep: invalid time interval '{arguments[0]}'", file=sys.stderr)
        return 1
    if not spans:
        print("sleep: missing operand", file=sys.stderr)
        return 1
    time.sleep(sum(spans))
    return 0


def _cat(arguments: list[str]) -> int:
    status = 0
    sys.stdout.flush()
    for path in arguments or ["-"]:
        try:
            fd = 0 if path == "-" else os.open(path, os.O_RDONLY)
            while data := os.read(fd, 65536):
                while data:
                    data = data[os.write(1, data) :]
            if fd:
                os.close(fd)
        except BrokenPipeError:
            # Of SIGPIPE, which Python programs are spared.
            os.kill(os.getpid(), signal.SIGPIPE)
        except OSError as error:
            print(f"cat: {path}: {error.strerror}", file=sys.stderr)
            status = 1
    return status


def _env(arguments: list[str]) -> int:
    for name, value in os.environ.items():
        print(f"{name}={value}")
    return 0


PROGRAMS: dict[str, Callable[[list[str]], int]] = {
    "cat": _cat, "echo": _echo, "env": _env, "false": lambda arguments: 1, "printf": _printf, "pwd": _pwd, "sleep": _sleep,
    "true": lambda arguments: 0,
}
"""Programs that can be started by their names, too."""

_BUILTINS: dict[str, Callable[[list[str]], int]] = {
    ":": PROGRAMS["true"], "cd": _cd, "echo": _echo, "exit": _exit, "false": PROGRAMS["false"], "kill": _kill, "printf": _printf,
    "pwd": _pwd, "true": PROGRAMS["true"],
}

_running: Shell


def simple(command: str) -> list[str] | None:
    """The words of a command line that is nothing but the start of one program: the shell becomes that."""
    shell = Shell([SHELL])
    try:
        pipeline, operator, _ = shell._pipeline(command, 0)
    except ShellError:
        return None
    if operator is not None or len(pipeline) != 1 or "$?" in command or "$$" in command:
        return None
    only = pipeline[0]
    is_plain = only.words and not only.assignments and not only.redirections and only.words[0] not in _BUILTINS
    return only.words if is_plain and only.words[0] != "exec" else None


def command_line(name: str, arguments: list[str]) -> _interpreter.Run:
    """What `sh`, or one of the programs, runs with these arguments."""

    def main(module: types.ModuleType) -> None:
        global _running
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if name != "sh":
            raise SystemExit(PROGRAMS[name](arguments))
        if arguments[:1] == ["-c"] and len(arguments) > 1:
            text, given = arguments[1], arguments[2:] or [SHELL]
        else:
            text, given = sys.stdin.read(), [SHELL]
        _running = Shell(given)
        try:
            raise SystemExit(_running.run(text))
        except ShellError as error:
            _complain(str(error))
            raise SystemExit(_MISUSED) from None

    return _interpreter.Run([name, *arguments], "", main)
