//! What came out of one scenario with many seeds, counted while the runs come in.
//!
//! Runs come in the order of their seeds, so whatever is said to be first is the smallest seed. Of each run a
//! few numbers stay; the runs themselves are on disk.

use std::path::PathBuf;

use loopbox_trace::Nanos;
use loopbox_trace::check::Check;
use loopbox_trace::record::Record;
use serde::Serialize;

use super::{About, Outcome, Report};
use crate::seeds::SeedRange;

/// One scenario with many seeds.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The scenario's file.
    pub path: PathBuf,
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Which guest, if the scenario has several.
    pub guest: Option<String>,
    /// The seeds.
    pub seeds: SeedRange,
    /// The seed that the scenario's golden belongs to, if it has one.
    pub golden_seed: Option<u64>,
    /// With so many seeds it holds.
    pub hold: u64,
    /// The seeds with which it does not.
    pub failing: Vec<u64>,
    /// What failed, in the order in which it first did.
    pub failed_checks: Vec<FailedCheck>,
    /// Runs without a verdict.
    pub could_not_run: Trouble,
    /// Runs that the end of the session cut off.
    pub interrupted: u64,
    /// Results that could not be written.
    pub unsaved: Trouble,
    /// The worst of what was measured.
    pub worst: Worst,
}

/// An expectation that failed with some seeds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FailedCheck {
    /// With how many.
    pub count: u64,
    /// The first of them.
    pub first_seed: u64,
    /// What came out with that one.
    pub first: Check,
}

/// Something that happened to some runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// How often.
    pub count: u64,
    /// With which seed first, and what it was.
    pub first: Option<(u64, String)>,
}

/// The worst runs, each by one measure. `None` if no run has measured it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Worst {
    /// The longest turn of a loop.
    pub worst_stall: Option<Measured>,
    /// The latest sight of something due.
    pub worst_lag: Option<Measured>,
    /// The longest time from a signal to the return of its handler.
    pub worst_signal_latency: Option<Measured>,
    /// The longest run.
    pub longest_run: Option<Measured>,
}

/// A time, and the first seed with which it was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Measured {
    /// How long.
    pub nanos: Nanos,
    /// With which seed.
    pub seed: u64,
}

impl Sweep {
    /// A sweep of which no run has come in. The seed that it is about stands in `seeds`.
    pub fn new(
        path: PathBuf,
        About { name, title, guest, .. }: About,
        seeds: SeedRange,
        golden_seed: Option<u64>,
    ) -> Sweep {
        Sweep {
            path,
            name,
            title,
            guest,
            seeds,
            golden_seed,
            hold: 0,
            failing: Vec::new(),
            failed_checks: Vec::new(),
            could_not_run: Trouble::default(),
            interrupted: 0,
            unsaved: Trouble::default(),
            worst: Worst::default(),
        }
    }

    /// Counts the run with this seed, which is larger than those before.
    pub fn add(&mut self, seed: u64, report: &Report) {
        match &report.outcome {
            Outcome::Judged(judged) => {
                if let Err(error) = &judged.saved {
                    self.unsaved.add(seed, error);
                }
                self.add_record(seed, &judged.record);
            }
            Outcome::BadScenario(error) => self.could_not_run.add(seed, error.message()),
            Outcome::NotBuilt(reason) | Outcome::CouldNotRun(reason) => {
                self.could_not_run.add(seed, reason);
            }
            Outcome::Interrupted => self.interrupted += 1,
        }
    }

    fn add_record(&mut self, seed: u64, record: &Record) {
        let summary = &record.summary;
        let Worst { worst_stall, worst_lag, worst_signal_latency, longest_run } = &mut self.worst;
        raise(worst_stall, seed, summary.worst_stall);
        raise(worst_lag, seed, summary.worst_lag);
        raise(worst_signal_latency, seed, summary.worst_signal_latency);
        raise(longest_run, seed, Some(summary.finished));
        if record.holds {
            self.hold += 1;
            return;
        }
        self.failing.push(seed);
        for check in record.checks.iter().filter(|check| !check.status.is_good()) {
            match self.failed_checks.iter_mut().find(|known| known.first.key == check.key) {
                Some(known) => known.count += 1,
                None => self.failed_checks.push(FailedCheck {
                    count: 1,
                    first_seed: seed,
                    first: check.clone(),
                }),
            }
        }
    }

    /// How many runs came to a verdict.
    pub fn judged(&self) -> u64 {
        self.hold + self.failing.len() as u64
    }

    /// Whether there is nothing to look into.
    pub fn is_good(&self) -> bool {
        self.hold == self.seeds.count() && self.unsaved.count == 0
    }
}

impl Trouble {
    fn add(&mut self, seed: u64, message: &str) {
        self.count += 1;
        self.first.get_or_insert_with(|| (seed, message.into()));
    }
}

fn raise(worst: &mut Option<Measured>, seed: u64, nanos: Option<Nanos>) {
    if let Some(nanos) = nanos
        && worst.is_none_or(|worst| nanos > worst.nanos)
    {
        *worst = Some(Measured { nanos, seed });
    }
}

#[cfg(test)]
mod tests {
    use loopbox_trace::check::Status;

    use super::*;
    use crate::testing::{check, judged, record, report, sweep};

    fn ms(millis: u64) -> Nanos {
        Nanos::from_millis(millis)
    }

    /// A run with this longest turn, which must not be longer than 20 ms.
    fn stall(millis: u64) -> Record {
        let mut record = record();
        record.holds = millis <= 20;
        record.summary.worst_stall = Some(ms(millis));
        record.checks = match record.holds {
            true => vec![check("max-stall", Status::Holds, "at most 20ms", "ok")],
            false => {
                vec![check("max-stall", Status::Fails, "at most 20ms", &ms(millis).to_string())]
            }
        };
        record
    }

    #[test]
    fn the_worst_and_the_first_are_named_by_their_seeds() {
        let mut sweep = sweep(10, 14);
        for (seed, millis) in [(10, 3), (11, 30), (12, 50), (13, 50), (14, 4)] {
            sweep.add(seed, &report(judged(stall(millis))));
        }
        assert_eq!((sweep.hold, sweep.judged()), (2, 5));
        assert_eq!(sweep.failing, [11, 12, 13]);
        assert_eq!(sweep.worst.worst_stall, Some(Measured { nanos: ms(50), seed: 12 }));
        assert_eq!(sweep.worst.worst_lag, None);
        assert_eq!(sweep.worst.longest_run.map(|longest| longest.seed), Some(10));
        let [failed] = &sweep.failed_checks[..] else { panic!("one check failed") };
        assert_eq!((failed.count, failed.first_seed), (3, 11));
        assert_eq!(failed.first.actual, "30ms");
        assert!(!sweep.is_good());
    }

    #[test]
    fn a_sweep_is_good_if_every_seed_holds_and_is_kept() {
        let outcome = || judged(stall(3));
        let sweep_with = |last| {
            let mut sweep = sweep(0, 1);
            sweep.add(0, &report(outcome()));
            sweep.add(1, &report(last));
            sweep
        };
        assert!(sweep_with(outcome()).is_good());
        let interrupted = sweep_with(Outcome::Interrupted);
        assert_eq!((interrupted.is_good(), interrupted.interrupted), (false, 1));
        let broken = sweep_with(Outcome::CouldNotRun("why".into()));
        assert_eq!(broken.could_not_run, Trouble { count: 1, first: Some((1, "why".into())) });
        assert!(!broken.is_good());
        let Outcome::Judged(mut lost) = outcome() else { unreachable!("it is judged") };
        lost.saved = Err("disk full".into());
        let lost = sweep_with(Outcome::Judged(lost));
        assert_eq!((lost.hold, lost.is_good()), (2, false));
        assert_eq!(lost.unsaved.first, Some((1, "disk full".into())));
    }
}
