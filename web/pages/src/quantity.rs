//! The times that are compared over runs: what they are called, and where a record has them.

use loopbox_trace::Nanos;
use loopbox_trace::check::{Check, Status};
use loopbox_trace::record::Record;

/// A time that was measured in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// The longest turn of the loop.
    Stall,
    /// The latest that the loop saw a due thing.
    Lag,
    /// The longest from a signal's sending to its handler's return.
    Signal,
    /// When the run ended.
    Time,
}

/// The worst value of a quantity, and what is allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Worst {
    /// `None` if there was nothing to measure.
    pub measured: Option<Nanos>,
    /// The bound from above, if there is one.
    pub allowed: Option<Nanos>,
    /// How the expectation about it came out, if there is one.
    pub status: Option<Status>,
}

impl Quantity {
    /// All of them.
    pub const ALL: [Quantity; 4] =
        [Quantity::Stall, Quantity::Lag, Quantity::Signal, Quantity::Time];

    /// Its name in addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Quantity::Stall => "stall",
            Quantity::Lag => "lag",
            Quantity::Signal => "signal",
            Quantity::Time => "time",
        }
    }

    /// Its name for people.
    pub fn words(self) -> &'static str {
        match self {
            Quantity::Stall => "Worst stall",
            Quantity::Lag => "Worst lag",
            Quantity::Signal => "Signal latency",
            Quantity::Time => "Virtual time",
        }
    }

    /// The key of the expectation about it.
    fn key(self) -> &'static str {
        match self {
            Quantity::Stall => "max-stall",
            Quantity::Lag => "lag",
            Quantity::Signal => "signal-latency",
            Quantity::Time => "finish",
        }
    }

    fn of_summary(self, record: &Record) -> Option<Nanos> {
        let summary = &record.summary;
        match self {
            Quantity::Stall => summary.worst_stall,
            Quantity::Lag => summary.worst_lag,
            Quantity::Signal => summary.worst_signal_latency,
            Quantity::Time => Some(summary.finished),
        }
    }

    fn check(self, record: &Record) -> Option<&Check> {
        record.checks.iter().find(|check| check.key == self.key())
    }

    /// In one run.
    pub(crate) fn of(self, record: &Record) -> Worst {
        let check = self.check(record);
        let budget = check.and_then(|check| check.budget);
        let measured = budget.map(|budget| budget.measured).or_else(|| self.of_summary(record));
        Worst {
            measured,
            allowed: budget.and_then(|budget| budget.allowed),
            status: check.map(|check| check.status),
        }
    }

    /// In many runs of one scenario. The status is the worst one: a bound on a percentile may fail where the
    /// largest value is within its bound.
    pub(crate) fn worst<'r>(self, records: impl Iterator<Item = &'r Record>) -> Worst {
        records.map(|record| self.of(record)).fold(Worst::default(), |worst, one| Worst {
            measured: worst.measured.max(one.measured),
            allowed: worst.allowed.or(one.allowed),
            status: if worst.fails() { worst.status } else { one.status.or(worst.status) },
        })
    }
}

impl Worst {
    /// Whether it is not as the scenario wants it.
    pub(crate) fn fails(self) -> bool {
        self.status.is_some_and(|status| !status.is_good())
    }
}
