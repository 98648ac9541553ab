//! Verdicts: what a scenario expects, held against a trace.
//!
//! A verdict is a pure function of trace and expectations. It can be computed again from a stored trace,
//! and nothing here prints, reads a file or knows how the trace was made.
//!
//! A check that has nothing to measure fails, because otherwise it could never fail. For the same reason
//! `must-fail` turns only a measured failure into a success: a scenario that shows a mistake being caught
//! must really show it.
//!
//! The rules themselves are in the submodules, a function for each key; [`check`] applies and judges them.

mod expectations;
mod output;
mod reports;
mod timing;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{Nanos, Trace};
pub use expectations::{Expectations, ExpectedDiagnostic, GoldenExpectation, Latency, Span};
pub(crate) use reports::unexpected;

/// How a run fared against its expectations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// One for each key of [`Expectations::keys`], in that order.
    pub checks: Vec<Check>,
}

impl Verdict {
    /// Whether every check came out as the scenario expects.
    pub fn holds(&self) -> bool {
        self.checks.iter().all(|check| check.status.is_good())
    }
}

/// One expectation and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The scenario's key.
    pub key: Cow<'static, str>,
    /// How it came out.
    pub status: Status,
    /// What the scenario expects, in one line.
    pub expected: String,
    /// What the run gave, in one line.
    pub actual: String,
    /// More about it, line by line.
    pub detail: Vec<String>,
    /// What was measured and what was allowed, if the expectation is about a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
}

/// A measured time beside its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// The worst value.
    pub measured: Nanos,
    /// The bound from above, if there is one.
    pub allowed: Option<Nanos>,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It holds.
    Holds,
    /// It does not, or it has nothing to measure.
    Fails,
    /// It does not hold, and the scenario wants just that.
    FailsAsItMust,
    /// It holds, but the scenario wants it not to.
    HoldsButMustFail,
}

impl Status {
    /// Whether the scenario wants it so.
    pub fn is_good(self) -> bool {
        matches!(self, Status::Holds | Status::FailsAsItMust)
    }
}

/// What a rule finds.
struct Finding {
    ruling: Ruling,
    expected: String,
    actual: String,
    detail: Vec<String>,
    budget: Option<Budget>,
}

/// Whether a rule is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ruling {
    Kept,
    Broken,
    /// There is nothing that could have broken it.
    NothingMeasured,
}

impl Ruling {
    fn kept_if(kept: bool) -> Ruling {
        if kept { Ruling::Kept } else { Ruling::Broken }
    }
}

/// Holds a trace against what is expected of it.
pub fn check(expectations: &Expectations, trace: &Trace) -> Verdict {
    let mut checks: Vec<Check> = expectations
        .keys()
        .into_iter()
        .filter_map(|key| {
            let finding = find(key, expectations, trace)?;
            Some(judge(key, finding, expectations.must_fail.contains(key)))
        })
        .collect();
    // The reader of scenarios refuses these; a verdict must not pass over them either.
    let unchecked = expectations
        .must_fail
        .iter()
        .filter(|must_fail| !checks.iter().any(|check| check.key == **must_fail))
        .map(|must_fail| Check {
            key: "must-fail".into(),
            status: Status::HoldsButMustFail,
            expected: format!("`{must_fail}` fails"),
            actual: format!("nothing is expected of `{must_fail}`"),
            detail: Vec::new(),
            budget: None,
        })
        .collect::<Vec<_>>();
    checks.extend(unchecked);
    Verdict { checks }
}

/// Applies the rule of one key; `None` if the key is not among the expectations.
fn find(key: &str, expectations: &Expectations, trace: &Trace) -> Option<Finding> {
    let e = expectations;
    Some(match key {
        "exit" => output::exit(e.exit.as_deref().unwrap_or("0"), trace),
        "stdout" => output::stdout(e.stdout.as_deref()?, trace),
        "stdout-contains" => output::contains(&e.stdout_contains, trace, crate::Stream::Stdout),
        "stderr-contains" => output::contains(&e.stderr_contains, trace, crate::Stream::Stderr),
        "deadlock-contains" => output::deadlock(&e.deadlock_contains, trace),
        "max-stall" => timing::max_stall(e.max_stall?, trace),
        "lag" => timing::lag(e.lag?, trace),
        "signal-latency" => timing::signal_latency(e.signal_latency?, trace),
        "pool-wait" => timing::pool_wait(e.pool_wait?, trace),
        "queue-length" => reports::queue_length(e.queue_length?, trace),
        "finish" => timing::finish(e.finish?, trace),
        "offloaded" => reports::offloaded(e.offloaded.as_deref()?, trace),
        "diagnostics" => reports::diagnostics(e.diagnostics.as_deref()?, trace),
        "trace" => reports::golden(e.golden.as_ref()?, trace),
        _ => return None,
    })
}

fn judge(key: &'static str, finding: Finding, must_fail: bool) -> Check {
    let status = match (finding.ruling, must_fail) {
        (Ruling::Kept, false) => Status::Holds,
        (Ruling::Kept, true) => Status::HoldsButMustFail,
        (Ruling::Broken, true) => Status::FailsAsItMust,
        (Ruling::Broken, false) | (Ruling::NothingMeasured, _) => Status::Fails,
    };
    let Finding { expected, actual, detail, budget, .. } = finding;
    Check { key: key.into(), status, expected, actual, detail, budget }
}

/// The first lines of a list that may be long, and how many more there are.
fn first_lines<I>(lines: I, count_max: usize) -> Vec<String>
where
    I: IntoIterator<Item = String, IntoIter: ExactSizeIterator>,
{
    let lines = lines.into_iter();
    let more = lines.len().saturating_sub(count_max);
    let note = (more > 0).then(|| format!("... and {more} more"));
    lines.take(count_max).chain(note).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Builder, ms, one_of_everything};

    fn status(expectations: Expectations, trace: &Trace) -> Vec<(String, Status)> {
        let checks = check(&expectations, trace).checks;
        checks.into_iter().map(|check| (check.key.into(), check.status)).collect()
    }

    #[test]
    fn a_run_that_is_told_nothing_must_exit_with_0() {
        let good = check(&Expectations::default(), &Builder::new().exit(1));
        assert!(good.holds());
        assert_eq!(good.checks.len(), 1);
        let ending = crate::Ending::Exited { status: 1 };
        assert!(!check(&Expectations::default(), &Builder::new().end(1, ending)).holds());
    }

    #[test]
    fn each_key_is_checked_once_in_order() {
        let expectations = Expectations {
            exit: Some("0".into()),
            stdout: Some("bye\n".into()),
            stdout_contains: vec!["bye".into()],
            stderr_contains: vec!["Gr".into()],
            // The run of the others has another end.
            deadlock_contains: Vec::new(),
            max_stall: Some(Span { min: None, max: Some(ms(1000)) }),
            lag: Some(Latency { max: Some(ms(50)), ..Latency::default() }),
            signal_latency: Some(Latency { max: Some(ms(51)), ..Latency::default() }),
            pool_wait: Some(Latency { max: Some(ms(0)), ..Latency::default() }),
            queue_length: Some(0),
            finish: Some(Span { min: Some(ms(6000)), max: Some(ms(6000)) }),
            offloaded: Some(vec![globset::Glob::new("db.*").expect("a pattern").compile_matcher()]),
            diagnostics: Some(vec![ExpectedDiagnostic {
                code: "SLOW-1".into(),
                ..ExpectedDiagnostic::default()
            }]),
            golden: Some(GoldenExpectation {
                name: "x.trace".into(),
                text: Some(crate::golden::render(
                    &one_of_everything(),
                    &crate::golden::default_groups(),
                    ms(1),
                )),
                groups: crate::golden::default_groups(),
                tolerance: ms(1),
            }),
            must_fail: Default::default(),
        };
        let verdict = check(&expectations, &one_of_everything());
        assert!(verdict.holds(), "{verdict:#?}");
        let keys: Vec<_> = verdict.checks.iter().map(|check| check.key.as_ref()).collect();
        assert_eq!(keys, expectations.keys());
        assert_eq!(keys.len(), 13);
        assert!(verdict.checks.iter().all(|check| check.detail.is_empty()), "{verdict:#?}");
    }

    #[test]
    fn must_fail_turns_the_outcome_around() {
        let stall = |max, must_fail: &str| Expectations {
            max_stall: Some(Span { min: None, max: Some(max) }),
            must_fail: [must_fail.to_owned()].into(),
            ..Expectations::default()
        };
        let trace = one_of_everything();
        let caught = stall(ms(20), "max-stall");
        assert_eq!(
            status(caught.clone(), &trace),
            [("exit".into(), Status::Holds), ("max-stall".into(), Status::FailsAsItMust)]
        );
        assert!(check(&caught, &trace).holds());
        let not_caught = stall(ms(2000), "max-stall");
        let found = status(not_caught.clone(), &trace);
        assert_eq!(found[1], ("max-stall".into(), Status::HoldsButMustFail));
        assert!(!check(&not_caught, &trace).holds());
    }

    #[test]
    fn a_check_without_anything_to_measure_fails_even_if_it_must_fail() {
        let expectations = Expectations {
            max_stall: Some(Span { min: None, max: Some(ms(20)) }),
            must_fail: ["max-stall".to_owned()].into(),
            ..Expectations::default()
        };
        let verdict = check(&expectations, &Builder::new().exit(1));
        assert_eq!(verdict.checks[1].status, Status::Fails);
        assert_eq!(verdict.checks[1].actual, "nothing to measure: no loop ran a turn");
    }

    #[test]
    fn a_must_fail_without_its_check_does_not_hold() {
        let must_fail = ["lag".to_owned()].into();
        let expectations = Expectations { must_fail, ..Expectations::default() };
        let verdict = check(&expectations, &one_of_everything());
        assert_eq!(verdict.checks[1].status, Status::HoldsButMustFail);
        assert!(!verdict.holds());
    }

    #[test]
    fn a_verdict_is_written_with_the_scenarios_words() {
        let verdict = check(&Expectations::default(), &Builder::new().exit(1));
        assert_eq!(
            serde_json::to_string(&verdict).expect("plain data"),
            r#"{"checks":[{"key":"exit","status":"holds","expected":"status 0","actual":"exited with status 0","detail":[]}]}"#
        );
    }

    #[test]
    fn a_long_list_is_cut_with_a_note() {
        let lines = || (0..5).map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(first_lines(lines(), 5).len(), 5);
        assert_eq!(first_lines(lines(), 2), ["0", "1", "... and 3 more"]);
    }
}
