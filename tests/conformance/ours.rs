//! Runs all cases of a kind in the machine, once, and gives what they printed and reported.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use loopbox_trace::{Diagnostic, EventKind, Trace, store};

use crate::recorded::Recorded;

/// The same programs in Rust.
pub static IN_RUST: Cases = Cases::new("tests/conformance/cases");
/// The scripts themselves.
pub static IN_PYTHON: Cases = Cases::new("tests/conformance/python");

/// Cases of one kind: each is a scenario in this folder, with CPython's output beside it.
pub struct Cases {
    /// From the workspace's folder.
    folder: &'static str,
    run: OnceLock<BTreeMap<String, Ours>>,
}

/// One case, run.
pub struct Ours {
    trace: Trace,
}

/// The workspace.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A file of the folder beside the repository's with what CPython really does. It is not part of the repository:
/// without it there is nothing to compare with, and no other test depends on it.
#[expect(clippy::print_stdout, reason = "a test that compares nothing has to say so")]
pub fn beside(name: &str) -> Option<String> {
    let path = root().join("../shared/asyncio").join(name);
    let text = fs::read_to_string(&path).ok();
    if text.is_none() {
        println!("nothing compared: {} is not there", path.display());
    }
    text
}

impl Cases {
    const fn new(folder: &'static str) -> Cases {
        Cases { folder, run: OnceLock::new() }
    }

    /// The folder.
    pub fn path(&self) -> PathBuf {
        root().join(self.folder)
    }

    /// The names of all cases.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).expect("a folder");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let mut names: Vec<String> = paths
            .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
            .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
            .filter(|name| !name.starts_with('_'))
            .collect();
        names.sort();
        names
    }

    /// What CPython printed in a case, and what we make of it.
    pub fn recorded(&self, name: &str) -> Recorded {
        Recorded::read(&self.path().join(format!("{name}.txt")))
    }

    /// All cases, run, by their names.
    ///
    /// # Panics
    /// If one of them does not hold: if it reports other codes than its scenario says, for example.
    pub fn all(&self) -> &BTreeMap<String, Ours> {
        self.run.get_or_init(|| {
            let results = tempfile::tempdir().expect("a temporary folder");
            let done = Command::new(env!("CARGO_BIN_EXE_loopbox"))
                .args(["run", self.folder, "--results"])
                .arg(results.path())
                .current_dir(root())
                .env("NO_COLOR", "1")
                .env_remove("CARGO")
                .output()
                .expect("the command starts");
            let said = String::from_utf8_lossy(&done.stdout);
            let said: Vec<&str> = said.lines().filter(|line| !line.starts_with("ok ")).collect();
            let complaints = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "\n{}\n{complaints}", said.join("\n"));
            let folder = results.path().join(self.folder);
            let load = |name: &String| (name.clone(), Ours::load(&folder.join(name)));
            self.names().iter().map(load).collect()
        })
    }
}

impl Ours {
    fn load(results: &Path) -> Ours {
        let path = results.join("seed-0.trace.jsonl");
        let file = File::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Ours { trace: store::read(BufReader::new(file)).expect("a trace") }
    }

    /// What it printed on both standard streams, in order of time, as a terminal would have shown it.
    pub fn printed(&self) -> Vec<&str> {
        let lines = self.trace.events.iter().filter_map(|event| match event.kind {
            EventKind::Output { text, .. } => Some((event.at, self.trace.text(text))),
            _ => None,
        });
        let mut lines: Vec<_> = lines.collect();
        // A job's events are recorded when the guest runs it, which is not when its worker did.
        lines.sort_by_key(|&(at, _)| at);
        lines.into_iter().map(|(_, line)| line).collect()
    }

    /// What it reported.
    pub fn reports(&self) -> &[Diagnostic] {
        &self.trace.diagnostics
    }
}
