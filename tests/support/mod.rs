//! What the whole-system tests share: a folder of one's own, the command, small guests.
//!
//! Small guests are WebAssembly text, so that a test needs no compiler and shows what its guest does. What
//! needs the standard library uses the programs of `guest/programs`, through the scenarios of the repository.

#![allow(dead_code, reason = "each test program uses its own part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// An empty folder that is gone with the test.
pub struct Folder {
    temp: TempDir,
}

/// What the command did.
pub struct Done {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Folder {
    pub fn new() -> Folder {
        Folder { temp: tempfile::tempdir().expect("a temporary folder") }
    }

    pub fn path(&self) -> &Path {
        self.temp.path()
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a file in a folder")).expect("a folder");
        std::fs::write(&path, contents).expect("a file");
        path
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// A guest from the body of its start function, which leaves 0 for success.
    pub fn guest(&self, name: &str, imports: &str, body: &str) {
        self.write(name, wat::parse_str(component(imports, body)).expect("a component"));
    }

    /// Starts the command here, with results and cache here as well.
    pub fn loopbox(&self, arguments: &[&str]) -> Done {
        done(self.command(arguments).output().expect("the command starts"))
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loopbox"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env("LOOPBOX_CACHE", self.path().join("cache"))
            .env("NO_COLOR", "1");
        command
    }
}

pub fn done(output: Output) -> Done {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Done { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

impl Done {
    /// The exit code, with all that was printed if it is another.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Done {
        assert_eq!(self.code, Some(code), "\n{}\n{}", self.stdout, self.stderr);
        self
    }

    /// The text stands somewhere in what was printed.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Done {
        let all = format!("{}\n{}", self.stdout, self.stderr);
        assert!(all.contains(text), "`{text}` is not in:\n{all}");
        self
    }
}

/// A component that exports `wasi:cli/run`, and whose start function has this body.
pub fn component(imports: &str, body: &str) -> String {
    format!(
        r#"(component
             {imports}
             (core module $main
               (memory 1)
               (func $recurse (call $recurse) (call $recurse))
               (func (export "run") (result i32) {body}))
             (core instance $main (instantiate $main))
             (func $run (result (result)) (canon lift (core func $main "run")))
             (instance $command (export "run" (func $run)))
             (export "wasi:cli/run@0.2.0" (instance $command)))"#
    )
}

/// A scenario for `guest.wasm` that expects it to exit with 0.
pub const PASSING: &str = r#"
title = "passes"
guest = { wasm = "guest.wasm" }
[expect]
exit = 0
"#;
