//! What a session says about its scenarios: the facts, and the two forms in which they are given.
//!
//! Reports come in the order of the scenarios and seeds, whichever run ended first.

pub mod human;
pub mod json;
pub mod sweep;

use std::collections::BTreeSet;
use std::path::PathBuf;

use loopbox_trace::record::Record;

use crate::exit_code;
pub use crate::judge::GoldenNote;
use crate::scenario::ScenarioError;

/// What a session says, in the order in which it says it.
#[derive(Debug)]
pub enum Shown {
    /// A scenario that was run with one seed, or could not be run with any.
    Scenario(Report),
    /// One run of a sweep.
    Seed(Report),
    /// All runs of a sweep, after each of them was shown.
    Sweep(Box<sweep::Sweep>),
}

/// What became of one run.
#[derive(Debug)]
pub struct Report {
    /// The scenario's file.
    pub path: PathBuf,
    /// What the file says; `None` if it cannot be read.
    pub about: Option<About>,
    /// What came out.
    pub outcome: Outcome,
}

/// A scenario in a few words.
#[derive(Clone, Debug)]
pub struct About {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Which guest, if the scenario has several.
    pub guest: Option<String>,
    /// The seed of this run.
    pub seed: u64,
}

/// What came out.
#[derive(Debug)]
pub enum Outcome {
    /// It ran, and there is a verdict.
    Judged(Box<Judged>),
    /// The file is wrong.
    BadScenario(ScenarioError),
    /// Its guest did not build.
    NotBuilt(String),
    /// Something that the run needs is missing or does not work.
    CouldNotRun(String),
    /// The session ended before the run did.
    Interrupted,
}

/// A run with its verdict.
#[derive(Debug)]
pub struct Judged {
    /// The run, as it is kept.
    pub record: Record,
    /// What became of its golden.
    pub golden: GoldenNote,
    /// Where the record was written, or why it could not be.
    pub saved: Result<PathBuf, String>,
}

impl Report {
    /// The exit codes that this report calls for.
    fn exit_codes(&self) -> Vec<u8> {
        match &self.outcome {
            Outcome::Judged(judged) => {
                let verdict = (!judged.record.holds).then_some(exit_code::EXPECTATION_FAILED);
                let saved = judged.saved.is_err().then_some(exit_code::BAD_SETUP);
                verdict.into_iter().chain(saved).collect()
            }
            Outcome::BadScenario(_) | Outcome::CouldNotRun(_) => vec![exit_code::BAD_SETUP],
            Outcome::NotBuilt(_) => vec![exit_code::GUEST_NOT_BUILT],
            Outcome::Interrupted => vec![exit_code::INTERRUPTED],
        }
    }
}

/// How many runs came out how. A scenario that cannot be run with any seed counts as one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All is as expected.
    pub hold: usize,
    /// Some expectation failed.
    pub fail: usize,
    /// The scenario is wrong, or something is missing.
    pub could_not_run: usize,
    /// The guest did not build.
    pub not_built: usize,
    /// The session ended before.
    pub interrupted: usize,
    /// Results that could not be written.
    pub unsaved: usize,
    codes: BTreeSet<u8>,
}

impl Tally {
    /// Counts a report.
    pub fn add(&mut self, report: &Report) {
        let count = match &report.outcome {
            Outcome::Judged(judged) if judged.record.holds => &mut self.hold,
            Outcome::Judged(_) => &mut self.fail,
            Outcome::BadScenario(_) | Outcome::CouldNotRun(_) => &mut self.could_not_run,
            Outcome::NotBuilt(_) => &mut self.not_built,
            Outcome::Interrupted => &mut self.interrupted,
        };
        *count += 1;
        if matches!(&report.outcome, Outcome::Judged(judged) if judged.saved.is_err()) {
            self.unsaved += 1;
        }
        self.codes.extend(report.exit_codes());
    }

    /// How many there were.
    pub fn runs(&self) -> usize {
        self.hold + self.fail + self.could_not_run + self.not_built + self.interrupted
    }

    /// What the session ends with.
    pub fn exit_code(&self) -> u8 {
        exit_code::worst(self.codes.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{judged, record, report};

    fn tally(outcomes: Vec<Outcome>) -> Tally {
        let mut tally = Tally::default();
        for outcome in outcomes {
            tally.add(&report(outcome));
        }
        tally
    }

    #[test]
    fn each_outcome_has_its_exit_code() {
        let holding = || judged(Record { holds: true, ..record() });
        let code = |outcome| tally(vec![holding(), outcome]).exit_code();
        assert_eq!(code(holding()), exit_code::ALL_HOLD);
        assert_eq!(code(judged(record())), exit_code::EXPECTATION_FAILED);
        assert_eq!(code(Outcome::CouldNotRun("no file".into())), exit_code::BAD_SETUP);
        assert_eq!(code(Outcome::NotBuilt("no bin".into())), exit_code::GUEST_NOT_BUILT);
        assert_eq!(code(Outcome::Interrupted), exit_code::INTERRUPTED);
    }

    #[test]
    fn a_verdict_that_could_not_be_kept_is_still_a_verdict_but_no_success() {
        let Outcome::Judged(mut lost) = judged(Record { holds: true, ..record() }) else {
            unreachable!("it is judged")
        };
        lost.saved = Err("disk full".into());
        let tally = tally(vec![Outcome::Judged(lost)]);
        assert_eq!((tally.hold, tally.unsaved), (1, 1));
        assert_eq!(tally.exit_code(), exit_code::BAD_SETUP);
    }
}
