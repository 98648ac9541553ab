//! What the whole-system tests share: a folder of one's own, the command, small guests.
//!
//! Small guests are WebAssembly text (`guests`), so that a test needs no compiler and shows what its guest
//! does. What needs the standard library uses the programs of `guest/programs`, through the scenarios of
//! the repository.

#![allow(dead_code, reason = "each test program uses its own part")]

pub mod guests;
pub mod made;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// An empty folder that is gone with the test.
pub struct Folder {
    temp: TempDir,
}

/// Blocking calls whose length is drawn, and an expectation that they break.
pub const DRAWN: &str = r#"
    [[blocking]]
    call = "db.*"
    takes = { between = ["1ms", "60s"] }
    [expect]
    finish = { max = "1ns" }
"#;

/// What the command did.
pub struct Done {
    /// `None` if a signal ended it.
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

    /// A guest whose start function has this body; see `guests`.
    pub fn guest(&self, name: &str, body: &str) {
        self.write(name, guests::component("", body));
    }

    /// A scenario `NAME.toml` for a guest `NAME.wasm` with this body. Its title is its name; `rest` is the
    /// rest of it.
    pub fn scenario(&self, name: &str, body: &str, rest: &str) {
        self.guest(&format!("{name}.wasm"), body);
        let stem = name.rsplit('/').next().expect("a name");
        let head = format!("title = \"{stem}\"\nguest = {{ wasm = \"{stem}.wasm\" }}\n");
        self.write(&format!("{name}.toml"), head + rest);
    }

    /// Every file below a folder in here, by its path in there; none if there is no such folder.
    pub fn files(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let folder = self.path().join(name);
        walkdir::WalkDir::new(&folder)
            .into_iter()
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| {
                let name = entry.path().strip_prefix(&folder).expect("below it");
                let bytes = std::fs::read(entry.path()).expect("readable");
                (name.to_string_lossy().into_owned(), bytes)
            })
            .collect()
    }

    /// Starts the command here, with results and cache here as well.
    pub fn loopbox(&self, arguments: &[&str]) -> Done {
        done(self.command(arguments).output().expect("the command starts"))
    }

    /// The command as somebody starts it who has it installed.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loopbox"));
        command.args(arguments);
        self.at_home(&mut command);
        command
    }

    /// Lets a command run here and know nothing of who runs the tests.
    pub fn at_home(&self, command: &mut Command) {
        for variable in ["CARGO", "CARGO_TARGET_DIR", "LOOPBOX_RESULTS", "CLICOLOR_FORCE"] {
            command.env_remove(variable);
        }
        command
            .current_dir(self.path())
            .env("LOOPBOX_CACHE", self.path().join("cache"))
            .env("NO_COLOR", "1");
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

    /// Standard output, which is JSON line by line.
    #[track_caller]
    pub fn json(&self) -> Vec<Value> {
        let read = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        self.stdout.lines().map(read).collect()
    }

    /// The line of JSON about one scenario.
    #[track_caller]
    pub fn json_of(&self, scenario: &str) -> Value {
        let found = self.json().into_iter().find(|line| line["scenario"] == scenario);
        found.unwrap_or_else(|| panic!("{scenario} is not in:\n{}\n{}", self.stdout, self.stderr))
    }
}

/// A scenario for `guest.wasm` that expects it to exit with 0.
pub const PASSING: &str = r#"
title = "passes"
guest = { wasm = "guest.wasm" }
[expect]
exit = 0
"#;

/// The end of a scenario that expects no more than success.
pub const EXPECT_0: &str = "[expect]\nexit = 0\n";
