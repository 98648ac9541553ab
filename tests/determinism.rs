//! The product's promise: the same scenario and seed give the same results, byte for byte.
//!
//! Every scenario of the repository is run several times, with one and with eight runs at once, by a debug and
//! by a release build of the command, and all that is written and printed is compared.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Folder, done};

/// Runs all scenarios of the repository with this build of the command.
fn run(command: &Path, jobs: &str) -> (String, BTreeMap<String, Vec<u8>>) {
    let folder = Folder::new();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(command)
        .args(["run", "scenarios", "--jobs", jobs, "--results"])
        .arg(folder.path())
        .current_dir(workspace)
        .env("NO_COLOR", "1")
        .env_remove("CARGO")
        .output()
        .expect("the command starts");
    let done = done(output);
    done.exits(0);
    (done.stdout, folder.files(""))
}

#[test]
fn results_do_not_depend_on_the_run_the_jobs_or_the_build() {
    let this = Path::new(env!("CARGO_BIN_EXE_loopbox"));
    let (printed, written) = run(this, "1");
    assert!(written.len() >= 28, "at least 14 scenarios, a trace and a result each");
    let other = other_build(this);
    for (command, jobs) in [(this, "8"), (this, "1"), (&other, "8"), (&other, "1")] {
        let (printed_again, written_again) = run(command, jobs);
        let what = format!("{} --jobs {jobs}", command.display());
        assert_eq!(printed, printed_again, "{what}");
        let names: Vec<_> = written.keys().collect();
        assert_eq!(names, written_again.keys().collect::<Vec<_>>(), "{what}");
        for (name, bytes) in &written {
            assert!(*bytes == written_again[name], "{what}: {name} differs");
        }
    }
}

/// The command as the other profile builds it: `target/release` beside `target/debug`.
fn other_build(this: &Path) -> PathBuf {
    let profile = this.parent().expect("target/<profile>/loopbox");
    let (name, flags) = match profile.file_name().and_then(|name| name.to_str()) {
        Some("release") => ("debug", None),
        _ => ("release", Some("--release")),
    };
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "loopbox"])
        .args(flags)
        .status()
        .expect("cargo starts");
    assert!(status.success(), "the {name} build");
    profile.with_file_name(name).join("loopbox")
}
