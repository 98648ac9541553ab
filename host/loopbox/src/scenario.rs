//! Scenario files: what happens to a guest, and what is expected of it, as TOML.
//!
//! [`Scenario::load`] reads one file, with the files that it `extends` and those that it names, and gives
//! what the machine and the checks take. A scenario that loads can be run: whatever is impossible, unknown
//! or without effect in it is a [`ScenarioError`] that shows the line. [`find()`] looks for scenario files.
//!
//! Nothing is built or run here. Whether a guest exists is not looked at, but for a program in Python, whose main file
//! is named by nobody. `docs/scenarios.md` tells
//! users of the format; a test holds that file and this module together.
//!
//! - `chain`: a file and its bases, read and merged into one table.
//! - `format`: the keys, as structs for serde; `values`, `texts` and `expected`: the values.
//! - `resolve`: from those to a [`Scenario`], with the checks that need more than one key.
//! - `sources` and `error`: from a place in a text to a message that shows it.
//! - `find`: scenario files on disk.

mod chain;
mod error;
mod expected;
mod find;
mod format;
mod resolve;
mod sources;
#[cfg(test)]
mod tests;
mod texts;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use loopbox_machine::config::{Config, Draw};
use loopbox_trace::check::Expectations;
use loopbox_trace::record::{CallRule, Choice, SentSignal, Source, World};
use loopbox_trace::{Group, Nanos};

pub use error::ScenarioError;
pub use find::{FindError, Found, find};

/// A pool of threads has at most so many workers, and at least one.
pub const WORKERS_MAX: u16 = 1024;

/// A scenario, ready to be run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its file, as it was given.
    pub path: PathBuf,
    /// Its id in reports: the path with `/` between its parts, and without `.toml`. If the file has several guests,
    /// `/` and the guest's name follow.
    pub name: String,
    /// What it shows, in the author's words.
    pub title: String,
    /// The program that it is about.
    pub guest: Guest,
    /// What the file calls that program, if it has several.
    pub guest_name: Option<String>,
    /// Other programs that it can start, by name.
    pub programs: BTreeMap<String, Guest>,
    /// Its text.
    pub source: Source,
    /// What everything open is drawn from, unless the command line says otherwise.
    pub seed: u64,
    /// The world outside the guest.
    pub config: Arc<Config>,
    /// The guest's call stack, which is a matter of the sandbox's settings.
    pub stack_bytes: usize,
    /// What must come out.
    pub expect: Expectations,
    /// Where the golden trace is, if there is to be one. Its text is in `expect`.
    pub golden: Option<Golden>,
}

/// The program that a scenario runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guest {
    /// A program that cargo builds.
    Cargo {
        /// The package.
        package: String,
        /// The program in it.
        bin: String,
        /// Where cargo is to be run: the folder of the file that names the package.
        dir: PathBuf,
    },
    /// A Python program: a file, or a folder with its main file.
    Python(PathBuf),
    /// A component that is there already.
    Wasm(PathBuf),
}

/// The golden trace of a scenario, for those who write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Golden {
    /// The file, which need not exist yet.
    pub path: PathBuf,
    /// The kinds of event that it holds.
    pub groups: BTreeSet<Group>,
    /// What times are rounded to, and how far they may be off.
    pub tolerance: Nanos,
}

impl Scenario {
    /// Reads a scenario file and every file that it names, except the guests. If it has several guests, it
    /// is one scenario for each, in the order of the file, which differ in nothing else; at least one in any case.
    /// Blocks.
    ///
    /// # Errors
    /// A file cannot be read, or says something that is not right.
    pub fn load(path: &Path) -> Result<Vec<Scenario>, ScenarioError> {
        let sources = chain::read(path)?;
        let table = chain::merge(&sources)?;
        let source = sources.kept(&table);
        let document = format::read(table).map_err(|error| sources.format_error(&error))?;
        let scenarios = resolve::resolve(path, document, &sources)?.into_iter();
        Ok(scenarios.map(|scenario| Scenario { source: source.clone(), ..scenario }).collect())
    }

    /// The same scenario, held against its golden as it is on disk now. Blocks.
    pub fn with_golden_of_now(mut self) -> Scenario {
        if let (Some(golden), Some(expected)) = (&self.golden, &mut self.expect.golden) {
            let bytes = std::fs::read(&golden.path).ok();
            expected.text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        }
        self
    }

    /// The world of a run in which these choices were made.
    pub fn world(&self, choices: &[Choice]) -> World {
        let drawn = |key: &str| {
            let choice = choices.iter().find(|choice| choice.label.starts_with(key));
            choice.and_then(|choice| choice.value.parse().ok())
        };
        let signals = self.config.signals.iter().enumerate().map(|(index, plan)| {
            let (earliest, _) = range(&plan.at);
            let at = drawn(&format!("signal[{index}].at")).unwrap_or(earliest);
            SentSignal { signal: plan.signal, at }
        });
        let blocking = self
            .config
            .blocking
            .iter()
            .map(|rule| CallRule { call: rule.call.glob().to_string(), takes: range(&rule.takes) });
        World {
            workers: self.config.workers,
            signals: signals.collect(),
            blocking: blocking.collect(),
        }
    }
}

/// The least and the most that can be drawn.
fn range(draw: &Draw<Nanos>) -> (Nanos, Nanos) {
    match draw {
        Draw::Fixed(nanos) => (*nanos, *nanos),
        Draw::Between(low, high) => (*low, *high),
        Draw::OneOf(options) => {
            let least = options.iter().min().copied().unwrap_or_default();
            (least, options.iter().max().copied().unwrap_or_default())
        }
    }
}

/// The scenario's id: its path in one way of writing, without `.toml`.
fn name(path: &Path) -> String {
    let path = if path.extension().is_some_and(|extension| extension == "toml") {
        path.with_extension("")
    } else {
        path.to_owned()
    };
    let parts = path.components().filter_map(|component| match component {
        Component::CurDir => None,
        // The parts are joined by slashes, so an absolute path begins with an empty part.
        Component::RootDir => Some("".into()),
        component => Some(component.as_os_str().to_string_lossy()),
    });
    parts.collect::<Vec<_>>().join("/")
}
