//! `cargo xtask test`: everything that must hold before a change lands, in one command. `cargo xtask web` builds
//! the viewer's timeline alone, and says what it weighs. `cargo xtask cpython-tests` runs CPython's own tests of asyncio.
//!
//! It only starts cargo, rustup and Python, and says what it starts; the checks themselves are ordinary tests, so
//! that each can be run alone with `cargo test`.

mod browser;

use std::env;
use std::io::{self, Write};
use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask test|web|cpython-tests [--help]";

/// The target that guests are compiled for.
const GUEST_TARGET: &str = "wasm32-wasip2";

/// The target that the viewer's timeline is compiled for.
const WEB_TARGET: &str = "wasm32-unknown-unknown";

/// What runs CPython's tests; `docs/asyncio/cpython-tests.md` tells of it.
const CPYTHON_TESTS: &str = "tests/cpython/run.py";

/// Packages that are compiled for the guest's target.
const GUEST_PACKAGES: [&str; 4] = ["--package", "loopbox-guest", "--package", "loopbox-programs"];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["test"] => test(),
        ["web"] => web(),
        ["cpython-tests", ref options @ ..] => cpython_tests(options),
        _ => {
            say(USAGE);
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(step) => {
            say(&format!("xtask: failed: {step}"));
            ExitCode::FAILURE
        }
    }
}

/// Cheap checks first: a formatting mistake should not take a build to be found.
fn test() -> Result<(), String> {
    step("cargo", &["fmt", "--all", "--check"])?;
    for target in [GUEST_TARGET, WEB_TARGET] {
        if !is_installed(target) {
            step("rustup", &["target", "add", target])?;
        }
    }
    let deny = ["--", "--deny", "warnings"];
    step("cargo", &[&["clippy", "--workspace", "--all-targets"], &deny[..]].concat())?;
    step(
        "cargo",
        &[&["clippy", "--release", "--target", GUEST_TARGET], &GUEST_PACKAGES[..], &deny].concat(),
    )?;
    step(
        "cargo",
        &[&["clippy", "--target", WEB_TARGET, "--package", "loopbox-timeline"], &deny[..]].concat(),
    )?;
    browser::prepare()?;
    // The whole-system tests compare what a debug and a release build of the command print and write.
    step("cargo", &["build", "--release", "--package", "loopbox"])?;
    step("cargo", &["test", "--workspace"])
}

/// The build script of the package compiles the timeline for browsers.
fn web() -> Result<(), String> {
    step("cargo", &["run", "--quiet", "--package", "loopbox-embed", "--example", "sizes"])
}

/// Runs CPython's own tests with the command as it is in the sources.
fn cpython_tests(options: &[&str]) -> Result<(), String> {
    step("cargo", &["build", "--release", "--package", "loopbox"])?;
    let command = ["--loopbox", "target/release/loopbox"];
    step("python3", &[&[CPYTHON_TESTS], &command[..], options].concat())
}

/// Works without rustup too, if the target came another way.
fn is_installed(target: &str) -> bool {
    Command::new("rustc").args(["--print", "target-libdir", "--target", target]).output().is_ok_and(
        |output| {
            let directory = String::from_utf8_lossy(&output.stdout);
            output.status.success() && std::path::Path::new(directory.trim()).is_dir()
        },
    )
}

/// Runs one step with the terminal's own streams.
fn step(program: &str, arguments: &[&str]) -> Result<(), String> {
    let line = format!("{program} {}", arguments.join(" "));
    say(&format!("xtask: {line}"));
    match Command::new(program).args(arguments).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(line),
        Err(error) => Err(format!("{line}: {error}")),
    }
}

fn say(line: &str) {
    // Nobody to tell that nobody listens.
    let _ = writeln!(io::stderr(), "{line}");
}
