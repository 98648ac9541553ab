//! The record of a run: its verdict, and whatever a reader needs to understand it without anything else.
//!
//! A record lies beside the stored trace of its run. Nothing in it comes from the host, so the same scenario
//! and seed leave the same bytes; and it holds the texts of the scenario and of the golden as they were at
//! that run, so results can be carried away and read anywhere. Where records lie is the command's business.
//!
//! **Versions.** [`VERSION`] goes up with every change of the form. The writer writes only the newest; the
//! reader reads every older one and refuses newer ones. Version 1 has neither diagnostics nor the scenario's
//! text, golden and world.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use globset::{GlobBuilder, GlobSet};
use serde::{Deserialize, Serialize};

use crate::check::Check;
use crate::measure::Summary;
use crate::{Ending, EventKind, Level, Nanos, Signal, Trace};

/// The version of the form that is written, and the newest that is read.
pub const VERSION: u32 = 2;

/// The value of [`Record::format`].
const FORMAT: &str = "loopbox-result";

/// One run and its verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Record {
    /// Always [`Record::FORMAT`].
    pub format: Cow<'static, str>,
    /// See [`VERSION`].
    pub version: u32,
    /// The scenario's file, as the command line leads to it.
    pub scenario: String,
    /// The scenario's name.
    pub name: String,
    /// The scenario's title.
    pub title: String,
    /// What was drawn, was drawn from this.
    pub seed: u64,
    /// The SHA-256 of the guest's component.
    pub guest_sha256: String,
    /// Whether everything is as the scenario expects.
    pub holds: bool,
    /// Each expectation and what was found.
    pub checks: Vec<Check>,
    /// How the run ended.
    pub ending: Ending,
    /// The parameters that were drawn from the seed.
    pub choices: Vec<Choice>,
    /// The run in numbers.
    pub summary: Summary,
    /// What the runtime reported, by code, in the order in which each code first came.
    #[serde(default)]
    pub diagnostics: Vec<Reported>,
    /// The world that the scenario made for the guest, with what was drawn filled in.
    #[serde(default)]
    pub world: World,
    /// The scenario's text.
    #[serde(default)]
    pub source: Source,
    /// The golden that the run was held against, as it was then.
    #[serde(default)]
    pub golden: Option<GoldenText>,
    /// The command that gives this run again.
    pub reproduce: String,
    /// The file with the trace, in the folder of this record.
    pub trace: String,
}

/// One decision that the scenario left open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What was decided, such as `signal[0].at`.
    pub label: String,
    /// What came out.
    pub value: String,
}

/// The reports of one code in a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// Such as `SLOW-1`.
    pub code: String,
    /// How bad the worst of them is.
    pub level: Level,
    /// How many there are.
    pub count: usize,
    /// What the first of them says, shortened to be one line.
    pub text: String,
}

/// What surrounds the guest, as far as somebody would want to try another value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// Workers of the pool that is there from the start.
    pub workers: u16,
    /// The scenario's signals, in its order.
    pub signals: Vec<SentSignal>,
    /// The scenario's rules for blocking calls, in its order. The first one that matches a call counts.
    pub blocking: Vec<CallRule>,
}

/// A signal of the scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentSignal {
    /// Which.
    pub signal: Signal,
    /// When it is sent in this run.
    pub at: Nanos,
}

/// A rule of the scenario for blocking calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRule {
    /// The pattern of the names that it is for.
    pub call: String,
    /// The shortest and the longest that a call takes; the same if nothing is left open.
    pub takes: (Nanos, Nanos),
}

/// The texts of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The scenario's own file first, then what it extends, and so on.
    pub files: Vec<SourceFile>,
    /// Where each key is: `signal[0].at`, `machine.workers`, `expect.max-stall`. Of a table or a list that
    /// is where it begins.
    pub places: BTreeMap<String, SourcePlace>,
}

/// One file of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// As the command line, or the file that it is extended by, leads to it.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// A place in a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourcePlace {
    /// An index into [`Source::files`].
    pub file: usize,
    /// Counted from 1.
    pub line: usize,
}

/// A golden's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoldenText {
    /// As the scenario names it.
    pub path: String,
    /// What is in it; `None` if there was no such file.
    pub text: Option<String>,
}

/// Why a record cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It does not say that it is one.
    #[error("not a result of loopbox")]
    NotARecord,
    /// Its form is not known here yet.
    #[error("written by a newer loopbox (version {found}; this one reads up to {VERSION})")]
    NewerVersion {
        /// Its version.
        found: u32,
    },
    /// Something in it is not what it should be.
    #[error("damaged at line {line}: {reason}")]
    Damaged {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// What a record of any version has.
#[derive(Deserialize)]
struct Preamble {
    format: String,
    version: u32,
}

impl Record {
    /// The value of [`Record::format`].
    pub const FORMAT: Cow<'static, str> = Cow::Borrowed(FORMAT);

    /// The value of [`Record::trace`] for a run with this seed.
    pub fn trace_file_name(seed: u64) -> String {
        format!("seed-{seed}.trace.jsonl")
    }

    /// Writes the record as JSON for people to read, too.
    ///
    /// # Errors
    /// It cannot be written there.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut out, self)?;
        out.write_all(b"\n")
    }

    /// Reads a record.
    ///
    /// # Errors
    /// The text is no record, is damaged, or is of a newer version.
    pub fn read(text: &[u8]) -> Result<Record, ReadError> {
        let preamble: Preamble = match serde_json::from_slice(text) {
            Ok(preamble) => preamble,
            // Whether it is meant as JSON at all tells a cut record from another file.
            Err(error) if text.starts_with(b"{") && !error.is_data() => {
                return Err(damaged(&error));
            }
            Err(_) => return Err(ReadError::NotARecord),
        };
        if preamble.format != FORMAT {
            return Err(ReadError::NotARecord);
        }
        if preamble.version > VERSION {
            return Err(ReadError::NewerVersion { found: preamble.version });
        }
        serde_json::from_slice(text).map_err(|error| damaged(&error))
    }
}

fn damaged(error: &serde_json::Error) -> ReadError {
    ReadError::Damaged { line: error.line(), reason: error.to_string() }
}

impl World {
    /// Which of the rules is for a call of this name: an index into [`World::blocking`].
    pub fn rule_for(&self, call: &str) -> Option<usize> {
        self.blocking.iter().position(|rule| matches(&rule.call, call).unwrap_or(false))
    }

    /// Which of the signals is sent then: an index into [`World::signals`].
    pub fn signal_at(&self, signal: Signal, at: Nanos) -> Option<usize> {
        self.signals.iter().position(|sent| sent.signal == signal && sent.at == at)
    }
}

/// Whether a call is of this pattern, as scenarios read patterns. A scenario has none that makes no sense, but
/// a record may come from anywhere.
fn matches(pattern: &str, call: &str) -> Result<bool, globset::Error> {
    let pattern = GlobBuilder::new(pattern).backslash_escape(true).build()?;
    // Unlike `compile_matcher`, a set has an error for a pattern that is too large.
    Ok(GlobSet::new([pattern])?.is_match(call))
}

/// What the runtime reported in a run, by code.
pub fn reported(trace: &Trace) -> Vec<Reported> {
    let mut reported: Vec<Reported> = Vec::new();
    for event in &trace.events {
        let EventKind::Diagnostic(index) = event.kind else { continue };
        let diagnostic = &trace.diagnostics[index as usize];
        match reported.iter_mut().find(|known| known.code == diagnostic.code) {
            Some(known) => {
                known.count += 1;
                known.level = known.level.max(diagnostic.level);
            }
            None => reported.push(Reported {
                code: diagnostic.code.clone(),
                level: diagnostic.level,
                count: 1,
                text: crate::text::one_line(&diagnostic.text),
            }),
        }
    }
    reported
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Budget, Status};
    use crate::testing::{ms, one_of_everything};

    fn record() -> Record {
        let trace = one_of_everything();
        Record {
            format: Record::FORMAT,
            version: VERSION,
            scenario: "scenarios/x.toml".into(),
            name: "scenarios/x".into(),
            title: "X".into(),
            seed: 7,
            guest_sha256: "ab".repeat(32),
            holds: false,
            checks: vec![Check {
                key: "max-stall".into(),
                status: Status::Fails,
                expected: "at most 20ms".into(),
                actual: "1.05s".into(),
                detail: vec!["more".into()],
                budget: Some(Budget { measured: ms(1050), allowed: Some(ms(20)) }),
            }],
            ending: trace.ending.clone(),
            choices: vec![Choice { label: "signal[0].at".into(), value: "3.2s".into() }],
            summary: crate::measure::summary(&trace),
            diagnostics: reported(&trace),
            world: World {
                workers: 4,
                signals: vec![SentSignal { signal: Signal::SIGTERM, at: ms(3200) }],
                blocking: vec![CallRule { call: "db.*".into(), takes: (ms(5), ms(80)) }],
            },
            source: Source {
                files: vec![SourceFile { path: "scenarios/x.toml".into(), text: "title".into() }],
                places: [("title".to_owned(), SourcePlace { file: 0, line: 1 })].into(),
            },
            golden: Some(GoldenText { path: "x.trace".into(), text: None }),
            reproduce: "loopbox run scenarios/x.toml --seed 7".into(),
            trace: Record::trace_file_name(7),
        }
    }

    fn stored(record: &Record) -> Vec<u8> {
        let mut text = Vec::new();
        record.write(&mut text).expect("to memory");
        text
    }

    #[test]
    fn what_was_written_is_read_back() {
        assert_eq!(Record::read(&stored(&record())).expect("a record"), record());
    }

    #[test]
    fn version_1_knows_less() {
        let mut old = serde_json::to_value(record()).expect("plain data");
        let fields = old.as_object_mut().expect("an object");
        for new in ["diagnostics", "world", "source", "golden"] {
            assert!(fields.remove(new).is_some(), "{new}");
        }
        fields["checks"][0].as_object_mut().expect("a check").remove("budget");
        fields["version"] = 1.into();
        let read = Record::read(old.to_string().as_bytes()).expect("an old record");
        assert_eq!((read.diagnostics, read.golden, read.source), Default::default());
        assert_eq!((read.world, read.version), (World::default(), 1));
    }

    #[test]
    fn what_is_no_record_of_ours_says_so() {
        for text in ["", "x", "[]", "{}", r#"{"format":"loopbox-trace","version":1}"#] {
            let error = Record::read(text.as_bytes()).expect_err("no record");
            assert_eq!(error.to_string(), "not a result of loopbox", "{text}");
        }
        let newer = r#"{"format":"loopbox-result","version":3,"new":[]}"#;
        assert_eq!(
            Record::read(newer.as_bytes()).expect_err("newer").to_string(),
            "written by a newer loopbox (version 3; this one reads up to 2)"
        );
    }

    #[test]
    fn damage_is_reported_with_its_line() {
        let text = stored(&record());
        let error = Record::read(&text[..text.len() / 2]).expect_err("cut").to_string();
        assert!(error.starts_with("damaged at line "), "{error}");
        let wrong = String::from_utf8(text).expect("text").replace("\"fails\"", "\"falls\"");
        let error = Record::read(wrong.as_bytes()).expect_err("no such status").to_string();
        assert!(error.contains("unknown variant `falls`"), "{error}");
    }

    #[test]
    fn the_first_rule_that_matches_is_the_one_for_a_call() {
        let rule = |call: &str| CallRule { call: call.into(), takes: (ms(1), ms(1)) };
        let world = World {
            blocking: ["[", &"x".repeat(1_000_000), "db.query", "db.*"].map(rule).into(),
            ..record().world
        };
        let found = ["db.query", "db.write", "cache.get"].map(|call| world.rule_for(call));
        assert_eq!(found, [Some(2), Some(3), None]);
        let sent = |at| world.signal_at(Signal::SIGTERM, ms(at));
        assert_eq!((sent(3200), sent(3201)), (Some(0), None));
        assert_eq!(world.signal_at(Signal::SIGINT, ms(3200)), None);
    }

    #[test]
    fn reports_are_counted_by_code() {
        let mut trace = one_of_everything();
        let again = *trace
            .events
            .iter()
            .find(|event| matches!(event.kind, EventKind::Diagnostic(_)))
            .expect("one of everything");
        trace.events.push(again);
        let reported = reported(&trace);
        assert_eq!(reported.len(), 1);
        assert_eq!((reported[0].code.as_str(), reported[0].count), ("SLOW-1", 2));
    }
}
