"""CPython's own tests of asyncio, run in the sandbox: `cargo xtask cpython-tests --lib PATH`.

The tests are CPython's and are not kept here; PATH is a source tree, its `Lib`, or an installation's library folder. They
become one Python guest together with `program/__main__.py`, which runs one file of them; each file is a run of its own.
When the machine ends a run in the middle of a test (a deadlock, a limit), that test has failed with the machine's report, and
another run takes up the file behind it.

What fails must be in `differences.toml` with its reason, and what is in there must fail. `docs/asyncio/cpython-tests.md` has
the figures of a real run. Needs nothing but Python 3.11 and a built `loopbox`.
"""

import argparse
import collections
import fnmatch
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass, field

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = "test.test_asyncio"

SEPARATOR = "\x1e"
"""Before each record of the guest; see `program/__main__.py`."""

RUNS_PER_FILE_MAX = 40
"""So often a file is begun at most; a file that dies more often has a problem that one more line would not explain."""

MACHINE = """
[machine]
memory-limit = "1GiB"
time-limit = "24h"
fuel-limit = 50_000_000_000
output-limit = "64MiB"
trace-limit = 100_000_000
"""
"""Enough for the largest file; a test that never ends meets the fuel limit within a minute or two."""

EXIT_UNEXPECTED, EXIT_USAGE, EXIT_CANNOT_RUN = 1, 2, 3


class CannotRun(Exception):
    """There is nothing to report of; the text says why."""


@dataclass
class Test:
    """A test and what became of it."""

    name: str
    """Without the package: `test_tasks.Class.test_x`."""
    outcome: str
    reason: str = ""
    detail: str = ""
    known: str | None = None
    """Why it is known to fail."""
    unexpected: bool = False
    """It fails and should not, or is known to fail and does not."""


@dataclass
class File:
    """A file of tests."""

    name: str
    tests: list[Test] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    """All its tests in their order, once a run has told them."""
    first: int = 0
    """The test that the next run begins with."""
    done: bool = False
    runs: int = 0

    def add(self, name: str, outcome: str, reason: str, detail: str = "") -> None:
        self.tests.append(Test(name.removeprefix(PACKAGE + "."), outcome, reason, detail))

    def count(self, outcome: str) -> int:
        return sum(test.outcome == outcome for test in self.tests)


def main() -> int:
    options = arguments()
    options.known = {"difference": [], "alone": [], **tomllib.loads(options.differences.read_text())}
    if found := shutil.which(options.loopbox):
        # It is started in another folder.
        options.loopbox = str(pathlib.Path(found).resolve())
    try:
        files = run(options)
    except CannotRun as error:
        print(f"cpython-tests: {error}", file=sys.stderr)
        return EXIT_CANNOT_RUN
    judge(files, options.known["difference"])
    {"human": show, "json": show_json, "markdown": show_table}[options.format](files)
    return EXIT_UNEXPECTED if any(test.unexpected for file in files for test in file.tests) else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="cpython-tests",
        description="Runs CPython's own tests of asyncio in the sandbox.",
        epilog="Exit codes: 0 all as expected; 1 a test fails that is not in the list of differences, or one of that list "
        "passes; 2 the command line makes no sense; 3 the tests could not be run.",
    )
    parser.add_argument("--lib", type=pathlib.Path, required=True, metavar="PATH", help="a source tree of CPython, or a library folder")
    parser.add_argument("--file", action="append", default=[], metavar="NAME", help="only this file, such as test_tasks; may be repeated")
    parser.add_argument("--jobs", type=int, metavar="N", help="how many files run at once [default: one for each processor]")
    parser.add_argument("--format", choices=["human", "json", "markdown"], default="human", help="markdown: the table of the documentation")
    parser.add_argument("--differences", type=pathlib.Path, default=HERE / "differences.toml", metavar="FILE", help="the tests that are known to fail")
    parser.add_argument("--loopbox", default="loopbox", metavar="COMMAND", help="the command to run [default: loopbox]")
    parser.add_argument("--keep", type=pathlib.Path, metavar="DIR", help="a folder for the scenarios and results, which are thrown away otherwise")
    return parser.parse_args()


def run(options: argparse.Namespace) -> list[File]:
    """Runs the files that were asked for."""
    tests = tests_below(options.lib)
    names = sorted(path.stem for path in (tests / "test_asyncio").glob("test_*.py"))
    if unknown := set(options.file) - set(names):
        raise CannotRun(f"there is no {sorted(unknown)[0]}.py in {tests / 'test_asyncio'}")
    files = [File(name) for name in names if not options.file or name in options.file]
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        data = stage(tests, folder)
        while pending := [file for file in files if not file.done]:
            run_once(pending, folder, data, options)
    return files


def tests_below(path: pathlib.Path) -> pathlib.Path:
    """The folder `test` of a source tree, of its `Lib`, of an installation, or that folder itself."""
    for candidate in (path / "Lib" / "test", path / "test", path):
        if (candidate / "test_asyncio").is_dir():
            return candidate
    raise CannotRun(f"there is no test/test_asyncio in {path}")


def stage(tests: pathlib.Path, folder: pathlib.Path) -> list[str]:
    """Makes the program in `folder`; returns the paths of what the tests read from disk."""
    program = folder / "program"
    shutil.rmtree(program, ignore_errors=True)
    program.mkdir()
    shutil.copy(HERE / "program" / "__main__.py", program)
    for package in ("support", "test_asyncio"):
        if (tests / package).is_dir():
            shutil.copytree(tests / package, program / "test" / package, ignore=shutil.ignore_patterns("__pycache__"))
    (program / "test" / "__init__.py").touch()
    data = sorted(path for path in (tests / "certdata").glob("*") if path.suffix in (".pem", ".reference"))
    (folder / "data").mkdir(exist_ok=True)
    for path in data:
        shutil.copy(path, folder / "data")
    return [path.name for path in data]


def run_once(files: list[File], folder: pathlib.Path, data: list[str], options: argparse.Namespace) -> None:
    """One run of each file, from the test on that it has come to."""
    for file in files:
        alone = [f"{PACKAGE}.{name}" for entry in options.known["alone"] for name in entry["tests"] if name.startswith(file.name + ".")]
        given = "".join(f'\n[[file]]\npath = "/test/certdata/{name}"\nsource = "data/{name}"\n' for name in data)
        (folder / f"{file.name}.toml").write_text(
            f'title = "{PACKAGE}.{file.name} from test {file.first} on"\n'
            'guest = { python = "program" }\n'
            f'args = {json.dumps([f"{PACKAGE}.{file.name}", str(file.first), *alone])}\n{given}{MACHINE}\n[expect]\nexit = 0\n'
        )
    command = [options.loopbox, "run", "--format", "json", "--results", "results"]
    command += ["--jobs", str(options.jobs)] if options.jobs else []
    command += [f"{file.name}.toml" for file in files]
    try:
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    except OSError as error:
        raise CannotRun(f"{options.loopbox}: {error.strerror}") from None
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    results = {line.get("name"): line for line in lines if line["type"] == "scenario"}
    for file in files:
        line = results.get(file.name)
        if line is None or "result" not in line:
            raise CannotRun((line or {}).get("error", {}).get("message") or f"{file.name} was not run")
        trace = folder / pathlib.Path(line["kept"]).parent / line["result"]["trace"]
        take(file, standard_output(trace), line["result"])


def standard_output(trace: pathlib.Path) -> str:
    with trace.open(encoding="utf-8") as lines:
        labels = json.loads(next(lines))["labels"]
        text = []
        for line in lines:
            kind = json.loads(line)["kind"]
            if isinstance(kind, dict) and kind.get("output", {}).get("stream") == "stdout":
                text.append(labels[kind["output"]["text"]] + ("\n" if kind["output"]["ended"] else ""))
    return "".join(text)


def take(file: File, output: str, result: dict) -> None:
    """Takes down what a run has told."""
    file.runs += 1
    whole = stopped = False
    for record in output.split(SEPARATOR)[1:]:
        record = json.loads(record.partition("\n")[0])
        match record["event"]:
            case "tests":
                file.ids = record["ids"]
            case "result":
                file.add(file.ids[record["number"]], record["outcome"], record["reason"], record["detail"])
                file.first = record["number"] + 1
            case "setup":
                file.add(f"{file.name}.{record['name']}", record["outcome"], record["reason"], record["detail"])
            case "module":
                file.add(file.name, record["outcome"], record["reason"], record["detail"])
                whole = True
            case "end":
                whole = True
            case "stopped":
                stopped = True
    if whole:
        file.done = True
    if whole or stopped:
        return
    name = file.ids[file.first] if file.first < len(file.ids) else f"{file.name} (its end)"
    report = next(check for check in result["checks"] if check["key"] == "exit")
    file.add(name, "failed", f"ends the run: {report['actual']}", "\n".join(report.get("detail", [])))
    file.first += 1
    file.done = file.first >= len(file.ids) or file.runs == RUNS_PER_FILE_MAX
    for test in file.ids[file.first :] if file.done else []:
        file.add(test, "failed", f"was not run, because {file.runs} runs of the file were ended before it")


def judge(files: list[File], differences: list[dict[str, str]]) -> None:
    """Holds the outcomes against the list of differences."""
    for test in (test for file in files for test in file.tests):
        reasons = [entry["reason"] for entry in differences for name in entry["tests"] if fnmatch.fnmatchcase(test.name, name)]
        test.known = reasons[0] if reasons else None
        test.unexpected = (test.outcome == "failed") != (test.known is not None) and test.outcome != "skipped"


def skips(tests: list[Test]) -> collections.Counter[str]:
    return collections.Counter(test.reason for test in tests if test.outcome == "skipped")


def show(files: list[File]) -> None:
    """For people."""
    for file in files:
        failed, known = file.count("failed"), sum(test.outcome == "failed" and not test.unexpected for test in file.tests)
        word = "FAIL" if any(test.unexpected for test in file.tests) else "ok"
        counts = f"{file.count('passed')} passed, {failed} failed"
        print(f"{word:<5}{file.name:<26}{counts}{f' ({known} known)' if known else ''}, {file.count('skipped')} skipped")
        for test in file.tests:
            if test.outcome == "failed":
                reason = test.known or test.reason.partition("\n")[0]
                print(f"       {'known ' if test.known else 'FAILED'} {test.name.partition('.')[2] or test.name}\n              {reason}")
            elif test.unexpected:
                print(f"       PASSES {test.name.partition('.')[2]}\n              but is known to fail: {test.known}")
        for reason, count in skips(file.tests).most_common():
            print(f"       {count} skipped: {reason}")
    tests = [test for file in files for test in file.tests]
    counts = collections.Counter(test.outcome for test in tests)
    print(f"\n{len(files)} files: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped; "
          f"{sum(test.unexpected for test in tests)} not as expected")


def show_json(files: list[File]) -> None:
    """For programs: an object a test, then one a file, then the sum."""
    for file in files:
        for test in file.tests:
            print(json.dumps({
                "type": "test", "file": file.name, "test": test.name, "outcome": test.outcome, "reason": test.reason,
                "detail": test.detail, "known": test.known, "unexpected": test.unexpected,
            }))
        print(json.dumps({"type": "file", "file": file.name, "runs": file.runs, **totals(file.tests)}))
    tests = [test for file in files for test in file.tests]
    print(json.dumps({"type": "summary", "files": len(files), **totals(tests)}))


def totals(tests: list[Test]) -> dict[str, int]:
    counts = collections.Counter(test.outcome for test in tests)
    return {
        **{outcome: counts[outcome] for outcome in ("passed", "failed", "skipped")},
        "unexpected": sum(test.unexpected for test in tests),
    }


def show_table(files: list[File]) -> None:
    """For the documentation."""
    print("| file | passed | failed | skipped | why skipped |\n|---|---|---|---|---|")
    for file in files:
        why = "; ".join(f"{reason} ({count})" for reason, count in skips(file.tests).most_common())
        print(f"| {file.name} | {file.count('passed')} | {file.count('failed')} | {file.count('skipped')} | {why.replace('|', chr(92) + '|')} |")
    sums = totals([test for file in files for test in file.tests])
    print(f"| **all** | {sums['passed']} | {sums['failed']} | {sums['skipped']} | |")


if __name__ == "__main__":
    sys.exit(main())
