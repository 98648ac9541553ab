//! `cargo xtask test`: everything that must hold before a change lands, in one command.
//!
//! It only starts cargo and rustup, and says what it starts; the checks themselves are ordinary tests, so
//! that each can be run alone with `cargo test`.

use std::env;
use std::io::{self, Write};
use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask test";

/// The target that guests are compiled for.
const GUEST_TARGET: &str = "wasm32-wasip2";

/// Packages that are compiled for the guest's target.
const GUEST_PACKAGES: [&str; 4] = ["--package", "loopbox-guest", "--package", "loopbox-programs"];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments != ["test"] {
        say(USAGE);
        return ExitCode::from(2);
    }
    match test() {
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
    if !guest_target_installed() {
        step("rustup", &["target", "add", GUEST_TARGET])?;
    }
    let deny = ["--", "--deny", "warnings"];
    step("cargo", &[&["clippy", "--workspace", "--all-targets"], &deny[..]].concat())?;
    step(
        "cargo",
        &[&["clippy", "--release", "--target", GUEST_TARGET], &GUEST_PACKAGES[..], &deny].concat(),
    )?;
    // The whole-system tests compare what a debug and a release build of the command print and write.
    step("cargo", &["build", "--release", "--package", "loopbox"])?;
    step("cargo", &["test", "--workspace"])
}

/// Works without rustup too, if the target came another way.
fn guest_target_installed() -> bool {
    Command::new("rustc")
        .args(["--print", "target-libdir", "--target", GUEST_TARGET])
        .output()
        .is_ok_and(|output| {
            let directory = String::from_utf8_lossy(&output.stdout);
            output.status.success() && std::path::Path::new(directory.trim()).is_dir()
        })
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
