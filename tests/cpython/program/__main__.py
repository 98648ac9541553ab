"""Runs one file of CPython's tests in the sandbox: `MODULE FIRST [ID...]`, the tests from number FIRST on, up to the
first of these IDs.

This is the guest's side of `run.py`, which reads what is written here: one JSON object a line, each after a record
separator, so that it stands apart from whatever a test prints. Tests have numbers, because a run that the
machine ends in the middle of a test is taken up again behind it.

The tests themselves are unchanged. What is told to them is what this machine has: `test.support` would conclude from the
platform's name alone that there are neither threads nor processes, and skip whole files.
"""

import errno
import functools
import importlib.util
import io
import json
import socket
import sys
import sysconfig
import threading
import time
import traceback
import types
import unittest
import warnings
from collections.abc import Callable

SEPARATOR = b"\x1e"
"""Before each record, as in JSON text sequences (RFC 7464)."""

_records = io.FileIO(1, "w", closefd=False)


def tell(**record: object) -> None:
    """Writes a record."""
    sys.__stdout__.flush()
    line = SEPARATOR + json.dumps(record).encode() + b"\n"
    while line:
        line = line[_records.write(line) :]


class Result(unittest.TestResult):
    """Tells of each test when it has ended. The worst that happened in it counts, subtests included."""

    in_test = False

    def __init__(self, tests: list[unittest.TestCase], alone: list[str]) -> None:
        super().__init__()
        # By number and not by counting: tests of a class that cannot be set up are not started.
        self.numbers = {id(test): number for number, test in enumerate(tests)}
        self.alone = alone
        self._outcome, self._reason, self._detail = "passed", "", ""

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._outcome, self._reason, self._detail = "passed", "", ""
        self._began = time.monotonic()
        Result.in_test = True

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        Result.in_test = False
        tell(
            event="result", number=self.numbers[id(test)], outcome=self._outcome, reason=self._reason, detail=self._detail,
            seconds=round(time.monotonic() - self._began, 9),
        )
        if test.id() in self.alone:
            self.stop()

    def _failed(self, error: tuple) -> None:
        if self._outcome == "failed":
            return
        # A clean-up may fail over what a test did not get round to, because it needs a socket.
        cause = error[1]
        while cause is not None:
            if isinstance(cause, unittest.SkipTest):
                self._outcome, self._reason = "skipped", str(cause)
                return
            cause = cause.__context__
        self._outcome = "failed"
        self._reason = "".join(traceback.format_exception_only(*error[:2])).strip()
        self._detail = "".join(traceback.format_exception(*error))

    def addError(self, test: unittest.TestCase, err: tuple) -> None:
        if isinstance(test, unittest.TestCase):
            self._failed(err)
        else:
            # A class or the module could not be set up, so its tests will not be started.
            tell(event="setup", name=str(test), outcome="failed", reason=repr(err[1]), detail="".join(traceback.format_exception(*err)))

    def addFailure(self, test: unittest.TestCase, err: tuple) -> None:
        self._failed(err)

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: tuple | None) -> None:
        if err is not None:
            self._failed(err)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        if not isinstance(test, unittest.TestCase):
            tell(event="setup", name=str(test), outcome="skipped", reason=reason, detail="")
        elif self._outcome == "passed":
            self._outcome, self._reason = "skipped", reason

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        self._outcome, self._reason = "failed", "passes, which the test does not expect"


def describe_machine() -> None:
    """Tells `test.support` what there is here."""
    if importlib.util.find_spec("test.support") is None:
        # Our own sample, which needs none of it.
        return
    # `test.support` splits it as a shell would, and it has an odd quote.
    sysconfig.get_config_vars()["CONFIG_ARGS"] = ""
    from test import support
    from test.support import threading_helper

    support.is_wasi = False
    support.has_subprocess_support = True
    threading_helper.can_start_thread = can_start_thread()
    # Whether there are sockets is asked for by the package as a whole, though most of its tests need none.
    support.has_socket_support = True

    socket.socket.__init__ = skip_if_refused(socket.socket.__init__)
    socket.getaddrinfo = skip_if_refused(socket.getaddrinfo)

    # `test_events` imports it for its tests of terminals, which need an `openpty` besides.
    try:
        import tty  # noqa: F401
    except ModuleNotFoundError:
        sys.modules["tty"] = types.ModuleType("tty")


def skip_if_refused(function: Callable[..., object]) -> Callable[..., object]:
    """A function of `socket` that skips the test if the machine refuses, for it has no network."""

    @functools.wraps(function)
    def call(*arguments: object, **options: object) -> object:
        try:
            return function(*arguments, **options)
        except OSError as error:
            if Result.in_test and error.errno in (errno.ENOTSUP, errno.EPROTONOSUPPORT):
                raise unittest.SkipTest("needs a socket") from None
            raise

    return call


def can_start_thread() -> bool:
    """Whether threads can be started."""
    try:
        threading.Thread(target=int).start()
    except RuntimeError:
        return False
    return True


def tests_of(suite: unittest.TestSuite) -> list[unittest.TestCase]:
    """All tests of a suite, in their order."""
    found = []
    for test in suite:
        found += tests_of(test) if isinstance(test, unittest.TestSuite) else [test]
    return found


def main() -> None:
    module, first, alone = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    warnings.simplefilter("default")
    describe_machine()
    try:
        loaded = importlib.import_module(module)
    except unittest.SkipTest as skip:
        tell(event="module", outcome="skipped", reason=str(skip), detail="")
        return
    except BaseException as error:
        if isinstance(error, ModuleNotFoundError) and error.name in sys.stdlib_module_names:
            tell(event="module", outcome="skipped", reason=f"needs the module {error.name}, which CPython for WASI lacks", detail="")
            return
        tell(event="module", outcome="failed", reason=repr(error), detail=traceback.format_exc())
        return
    tests = tests_of(unittest.defaultTestLoader.loadTestsFromModule(loaded))
    tell(event="tests", ids=[test.id() for test in tests])
    result = Result(tests, alone)
    unittest.TestSuite(tests[first:]).run(result)
    tell(event="stopped" if result.shouldStop else "end")


main()
