//! What a scenario expects, as data. Reading it from a file is the command's business.

use std::collections::BTreeSet;

use globset::GlobMatcher;

use crate::{Group, Nanos};

/// What a scenario expects. A field that is `None` is not checked, except `exit`: a run that says nothing
/// of it must exit with status 0.
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    /// The ending, as [`crate::Ending::keyword`] names it: `0`, `SIGTERM`, `deadlock`, `panic` ...
    pub exit: Option<String>,
    /// Standard output, exactly.
    pub stdout: Option<String>,
    /// Texts that standard output contains.
    pub stdout_contains: Vec<String>,
    /// Texts that standard error contains.
    pub stderr_contains: Vec<String>,
    /// Texts that the report of a deadlock contains.
    pub deadlock_contains: Vec<String>,
    /// The longest turn of the loop.
    pub max_stall: Option<Span>,
    /// How late the loop sees timers, completions, messages and signals.
    pub lag: Option<Latency>,
    /// From a signal's raising to its handler's return.
    pub signal_latency: Option<Latency>,
    /// How long jobs wait for a worker.
    pub pool_wait: Option<Latency>,
    /// No pool's queue is longer.
    pub queue_length: Option<usize>,
    /// When the run ends.
    pub finish: Option<Span>,
    /// Blocking calls that happen, and only on workers.
    pub offloaded: Option<Vec<GlobMatcher>>,
    /// The runtime's reports: these and no others, in any order.
    pub diagnostics: Option<Vec<ExpectedDiagnostic>>,
    /// The golden trace.
    pub golden: Option<GoldenExpectation>,
    /// Keys of expectations that must *not* hold: the scenario shows a mistake being caught.
    pub must_fail: BTreeSet<String>,
}

impl Expectations {
    /// Whether nothing is expected: such a scenario could only ever hold, so its reader refuses it.
    pub fn is_empty(&self) -> bool {
        self.exit.is_none() && self.keys() == ["exit"]
    }

    /// The scenario's keys of the checks that will be made, in the order of the verdict. The exit is
    /// always checked.
    pub fn keys(&self) -> Vec<&'static str> {
        let asked = [
            ("exit", true),
            ("stdout", self.stdout.is_some()),
            ("stdout-contains", !self.stdout_contains.is_empty()),
            ("stderr-contains", !self.stderr_contains.is_empty()),
            ("deadlock-contains", !self.deadlock_contains.is_empty()),
            ("max-stall", self.max_stall.is_some()),
            ("lag", self.lag.is_some()),
            ("signal-latency", self.signal_latency.is_some()),
            ("pool-wait", self.pool_wait.is_some()),
            ("queue-length", self.queue_length.is_some()),
            ("finish", self.finish.is_some()),
            ("offloaded", self.offloaded.is_some()),
            ("diagnostics", self.diagnostics.is_some()),
            ("trace", self.golden.is_some()),
        ];
        asked.into_iter().filter(|&(_, asked)| asked).map(|(key, _)| key).collect()
    }
}

/// Bounds of one measured time, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Not shorter than this.
    pub min: Option<Nanos>,
    /// Not longer than this.
    pub max: Option<Nanos>,
}

/// Bounds of a measured distribution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// The largest value is not below this: for scenarios that show a mistake.
    pub min: Option<Nanos>,
    /// The largest value is not above this.
    pub max: Option<Nanos>,
    /// Half of the values are not above this.
    pub p50: Option<Nanos>,
    /// 90 % of the values are not above this.
    pub p90: Option<Nanos>,
    /// 99 % of the values are not above this.
    pub p99: Option<Nanos>,
}

/// One report that must appear.
#[derive(Clone, Debug, Default)]
pub struct ExpectedDiagnostic {
    /// Its code, such as `SLOW-1`.
    pub code: String,
    /// A pattern for its text, if that matters.
    pub text: Option<GlobMatcher>,
    /// A pattern for the place where its subject was made, if that matters.
    pub created: Option<GlobMatcher>,
    /// A pattern for the place where its subject came to its end, if that matters.
    pub ended: Option<GlobMatcher>,
}

/// The golden that a trace is held against.
#[derive(Clone, Debug)]
pub struct GoldenExpectation {
    /// The file's name, for messages.
    pub name: String,
    /// The file's text; `None` if there is no such file.
    pub text: Option<String>,
    /// Which kinds of event it holds.
    pub groups: BTreeSet<Group>,
    /// How far a time may be from the golden's.
    pub tolerance: Nanos,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_that_sets_only_must_fail_expects_nothing() {
        let must_fail = ["exit".to_owned()].into();
        assert!(Expectations { must_fail, ..Expectations::default() }.is_empty());
        assert!(!Expectations { exit: Some("0".into()), ..Expectations::default() }.is_empty());
        assert!(
            !Expectations { diagnostics: Some(Vec::new()), ..Expectations::default() }.is_empty()
        );
    }
}
