//! The tool that runs CPython's own tests of asyncio in the sandbox, with a suite of ours in their place. What
//! CPython's tests say of the sandbox is in `docs/asyncio/cpython-tests.md`.

mod support;

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::{Done, Folder, done};

/// Runs the tool with these differences; `docs/asyncio/cpython-tests.md` tells what its exit codes mean.
fn cpython_tests(folder: &Folder, differences: &[&str], format: &str) -> Done {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cpython");
    let known = format!("[[difference]]\ntests = {differences:?}\nreason = \"it is so\"\n");
    let known = folder.write("differences.toml", known);
    let mut command = Command::new("python3");
    command.arg(tools.join("run.py")).arg("--lib").arg(tools.join("sample"));
    command.arg("--differences").arg(known).args(["--format", format]);
    command.args(["--loopbox", env!("CARGO_BIN_EXE_loopbox")]);
    folder.at_home(&mut command);
    // The Python for guests takes long to build: the cache is shared, as by the tests of Python guests.
    let caches = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-caches");
    done(command.env("LOOPBOX_CACHE", caches).output().expect("python3 starts"))
}

/// What became of each test: its number, outcome, the beginning of the reason, and whether it was unexpected.
fn outcomes(done: &Done) -> Vec<(u32, String, String, bool)> {
    let lines = done.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    lines
        .filter(|line: &Value| line["type"] == "test")
        .map(|line| {
            let name = text(&line["test"]);
            let number = name.split("test_").nth(2).and_then(|rest| rest[..1].parse().ok());
            let unexpected = line["unexpected"].as_bool().expect("true or false");
            (number.expect("a number"), text(&line["outcome"]), text(&line["reason"]), unexpected)
        })
        .collect()
}

#[test]
fn a_file_is_run_to_its_end_though_a_test_deadlocks_and_each_failure_has_its_reason() {
    let folder = Folder::new();
    let done = cpython_tests(&folder, &[], "json");
    done.exits(1);
    let deadlock = "ends the run: deadlock: nothing can ever happen again";
    let expected = [
        (1, "passed", "", false),
        (2, "failed", "AssertionError: 1 != 2", true),
        (3, "skipped", "not here", false),
        (4, "failed", deadlock, true),
        (5, "passed", "", false),
        (6, "failed", "AssertionError: 1 == 1", true),
    ];
    let expected = expected.map(|(n, how, why, odd)| (n, how.to_owned(), why.to_owned(), odd));
    assert_eq!(outcomes(&done), expected);
    let sum: Value =
        serde_json::from_str(done.stdout.lines().last().expect("a sum")).expect("JSON");
    assert_eq!(
        (&sum["passed"], &sum["failed"], &sum["skipped"]),
        (&2.into(), &3.into(), &1.into())
    );
}

#[test]
fn known_differences_are_no_failure_but_one_that_passes_is() {
    let folder = Folder::new();
    let failing =
        ["*.test_2_fails", "*.test_4_*", "test_sample.SampleTests.test_6_fails_in_a_part"];
    let done = cpython_tests(&folder, &failing, "human");
    done.exits(0)
        .says("\n       known  SampleTests.test_2_fails\n              it is so\n")
        .says("\n       1 skipped: not here\n");
    let done = cpython_tests(&folder, &[&failing[..], &["*.test_5_*"]].concat(), "json");
    done.exits(1);
    let unexpected: Vec<u32> =
        outcomes(&done).into_iter().filter_map(|(number, .., odd)| odd.then_some(number)).collect();
    assert_eq!(unexpected, [5]);
}
