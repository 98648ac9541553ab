//! Holds a run against its scenario, and writes goldens anew when that is asked for.
//!
//! A golden belongs to the scenario's own seed: with another one other parameters are drawn, so other
//! things happen. A run with another seed is checked against everything but the golden.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use loopbox_trace::check::{self, Expectations, Verdict};
use loopbox_trace::{Trace, golden};
use serde::Serialize;

use crate::files::{self, Readers};
use crate::scenario::{Golden, Scenario};

/// The key by which a scenario names its golden.
const GOLDEN_KEY: &str = "trace";

/// What became of the golden besides being compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GoldenNote {
    /// Nothing to say.
    Nothing,
    /// It was not compared, because it belongs to another seed: this one.
    OtherSeed(u64),
    /// It was written: there was none, or another one.
    Written(PathBuf),
    /// It was to be written, and is as it should be already.
    Unchanged(PathBuf),
    /// It was to be written, but the run fails in something else.
    Refused(PathBuf),
}

/// A golden that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the golden `{}`: {error}", path.display())]
pub struct BlessError {
    path: PathBuf,
    error: io::Error,
}

/// Gives the verdict on a run. With `bless`, writes the golden if everything else holds, and judges by
/// the new one. Writing may block.
///
/// # Errors
/// The golden cannot be written.
pub fn judge(
    scenario: &Scenario,
    seed: u64,
    trace: &Trace,
    bless: bool,
) -> Result<(Verdict, GoldenNote), BlessError> {
    match &scenario.golden {
        Some(_) if seed != scenario.seed => {
            let verdict = check::check(&without_golden(&scenario.expect), trace);
            Ok((verdict, GoldenNote::OtherSeed(scenario.seed)))
        }
        Some(golden) if bless => write_golden(scenario, golden, trace),
        _ => Ok((check::check(&scenario.expect, trace), GoldenNote::Nothing)),
    }
}

fn write_golden(
    scenario: &Scenario,
    golden: &Golden,
    trace: &Trace,
) -> Result<(Verdict, GoldenNote), BlessError> {
    let path = golden.path.clone();
    let text = golden::render(trace, &golden.groups, golden.tolerance);
    let mut expect = scenario.expect.clone();
    let old = expect.golden.as_mut().and_then(|golden| golden.text.replace(text.clone()));
    let verdict = check::check(&expect, trace);
    if !verdict.holds() {
        let verdict = check::check(&scenario.expect, trace);
        return Ok((verdict, GoldenNote::Refused(path)));
    }
    if old.as_ref() == Some(&text) {
        return Ok((verdict, GoldenNote::Unchanged(path)));
    }
    match write(&path, &text) {
        Ok(()) => Ok((verdict, GoldenNote::Written(path))),
        Err(error) => Err(BlessError { path, error }),
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    files::replace(path, Readers::Everyone, |file| file.write_all(text.as_bytes()))
}

/// The expectations of a run that the golden was not made for.
pub fn without_golden(expect: &Expectations) -> Expectations {
    let mut expect = Expectations { golden: None, ..expect.clone() };
    expect.must_fail.remove(GOLDEN_KEY);
    expect
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::sync::Arc;

    use loopbox_machine::Config;
    use loopbox_trace::check::GoldenExpectation;
    use loopbox_trace::{Group, Nanos};

    use super::*;
    use crate::scenario::Guest;
    use crate::testing::trace;

    /// A scenario with a golden in this file, which holds what the program writes.
    fn scenario(path: &Path, exit: &str) -> Scenario {
        let groups = BTreeSet::from([Group::Output]);
        let tolerance = Nanos::from_millis(1);
        let expect = Expectations {
            exit: Some(exit.into()),
            golden: Some(GoldenExpectation {
                name: "x.trace".into(),
                text: fs::read_to_string(path).ok(),
                groups: groups.clone(),
                tolerance,
            }),
            ..Expectations::default()
        };
        Scenario {
            path: "x.toml".into(),
            name: "x".into(),
            title: "x".into(),
            guest: Guest::Wasm("x.wasm".into()),
            guest_name: None,
            programs: Default::default(),
            source: Default::default(),
            seed: 0,
            config: Arc::new(Config::default()),
            stack_bytes: 1 << 20,
            expect,
            golden: Some(Golden { path: path.to_owned(), groups, tolerance }),
        }
    }

    fn failed_keys(verdict: &Verdict) -> Vec<&str> {
        let failed = verdict.checks.iter().filter(|check| !check.status.is_good());
        failed.map(|check| check.key.as_ref()).collect()
    }

    #[test]
    fn a_golden_is_written_once_and_then_holds() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.trace");
        let judge_now = |bless| judge(&scenario(&path, "0"), 0, &trace(), bless).expect("written");

        let (verdict, note) = judge_now(false);
        assert_eq!((failed_keys(&verdict), note), (vec!["trace"], GoldenNote::Nothing));
        assert!(!path.exists(), "nothing is written unasked");
        let (verdict, note) = judge_now(true);
        assert_eq!((failed_keys(&verdict), note), (vec![], GoldenNote::Written(path.clone())));
        let (verdict, note) = judge_now(false);
        assert_eq!((failed_keys(&verdict), note), (vec![], GoldenNote::Nothing));
        let (_, note) = judge_now(true);
        assert_eq!(note, GoldenNote::Unchanged(path.clone()));
    }

    #[test]
    fn a_run_that_fails_in_something_else_is_not_blessed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.trace");
        let (verdict, note) = judge(&scenario(&path, "1"), 0, &trace(), true).expect("judged");
        assert_eq!(failed_keys(&verdict), ["exit", "trace"]);
        assert_eq!(note, GoldenNote::Refused(path.clone()));
        assert!(!path.exists());
    }

    #[test]
    fn another_seed_is_not_held_against_the_golden() {
        let mut scenario = scenario(Path::new("missing/x.trace"), "0");
        scenario.expect.must_fail.insert(GOLDEN_KEY.into());
        let (verdict, note) = judge(&scenario, 7, &trace(), true).expect("judged");
        assert!(verdict.holds(), "{verdict:?}");
        assert_eq!(verdict.checks.len(), 1);
        assert_eq!(note, GoldenNote::OtherSeed(0));
    }

    #[test]
    fn a_golden_that_cannot_be_written_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let path = file.path().join("x.trace");
        let error = judge(&scenario(&path, "0"), 0, &trace(), true).expect_err("no folder");
        assert!(error.to_string().starts_with("cannot write the golden `"), "{error}");
    }
}
