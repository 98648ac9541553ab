//! What is wrong in a run, and since when: a record held against the record that was there before.
//!
//! A finding is an expectation that the run does not meet, or a report of the runtime that the scenario does not
//! expect. What a scenario expects, a mistake that must fail and the reports that it lists, is no finding.

use crate::record::Record;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// An expectation that is not met, by its key.
    Check(String),
    /// A report, by its code.
    Diagnostic(String),
}

impl Finding {
    /// The key or the code.
    pub fn name(&self) -> &str {
        match self {
            Finding::Check(name) | Finding::Diagnostic(name) => name,
        }
    }
}

/// How the findings of a run are related to those of the run before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// They were not there before.
    pub new: Vec<Finding>,
    /// They were there before, too.
    pub ongoing: Vec<Finding>,
    /// They were there before, and are not any more.
    pub resolved: Vec<Finding>,
}

/// What is wrong in a run: first the expectations, then the reports, each in the order of the record.
pub fn findings(record: &Record) -> Vec<Finding> {
    let failed = record.checks.iter().filter(|check| !check.status.is_good());
    let failed = failed.map(|check| Finding::Check(check.key.clone().into_owned()));
    // The expectation names the reports that there may be, and no others.
    let all_expected =
        record.checks.iter().any(|check| check.key == "diagnostics" && check.status.is_good());
    let reported = record.diagnostics.iter().filter(|_| !all_expected);
    failed.chain(reported.map(|reported| Finding::Diagnostic(reported.code.clone()))).collect()
}

/// What is new, what goes on and what was resolved between two records of one scenario and seed.
pub fn changes(now: &Record, before: &Record) -> Changes {
    // The oldest records do not tell what was reported, so nothing can be said about that.
    let comparable = |finding: &Finding| {
        matches!(finding, Finding::Check(_)) || (knows_reports(now) && knows_reports(before))
    };
    let (found, found_before) = (findings(now), findings(before));
    // A report that was expected before is not new because its neighbour made the expectation fail.
    let was_there = |finding: &Finding| match finding {
        Finding::Check(_) => found_before.contains(finding),
        Finding::Diagnostic(code) => before.diagnostics.iter().any(|known| known.code == *code),
    };
    let resolved = found_before.iter().filter(|known| comparable(known) && !found.contains(known));
    let resolved = resolved.cloned().collect();
    let (ongoing, new) = found.into_iter().filter(comparable).partition(was_there);
    Changes { new, ongoing, resolved }
}

fn knows_reports(record: &Record) -> bool {
    record.version >= 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Check, Status};
    use crate::record::{Reported, VERSION};
    use crate::{Ending, Level};

    fn record(checks: &[(&'static str, Status)], codes: &[&str]) -> Record {
        let check = |&(key, status): &(&'static str, Status)| Check {
            key: key.into(),
            status,
            expected: String::new(),
            actual: String::new(),
            detail: Vec::new(),
            budget: None,
        };
        let reported = |code: &&str| Reported {
            code: (*code).into(),
            level: Level::Warning,
            count: 1,
            text: String::new(),
        };
        Record {
            format: Record::FORMAT,
            version: VERSION,
            scenario: "x.toml".into(),
            name: "x".into(),
            title: "X".into(),
            seed: 0,
            guest_sha256: String::new(),
            holds: checks.iter().all(|(_, status)| status.is_good()),
            checks: checks.iter().map(check).collect(),
            ending: Ending::Exited { status: 0 },
            choices: Vec::new(),
            summary: crate::measure::summary(&crate::testing::one_of_everything()),
            diagnostics: codes.iter().map(reported).collect(),
            world: Default::default(),
            source: Default::default(),
            golden: None,
            reproduce: String::new(),
            trace: Record::trace_file_name(0),
        }
    }

    fn names(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(Finding::name).collect()
    }

    #[test]
    fn what_the_scenario_wants_is_no_finding() {
        let wanted = [
            ("lag", Status::FailsAsItMust),
            ("exit", Status::HoldsButMustFail),
            ("max-stall", Status::Fails),
            ("trace", Status::Holds),
        ];
        assert_eq!(names(&findings(&record(&wanted, &["BLOCK"]))), ["exit", "max-stall", "BLOCK"]);
        let expected = record(&[("diagnostics", Status::Holds)], &["BLOCK"]);
        assert_eq!(findings(&expected), []);
        let unexpected = record(&[("diagnostics", Status::Fails)], &["BLOCK"]);
        assert_eq!(names(&findings(&unexpected)), ["diagnostics", "BLOCK"]);
    }

    #[test]
    fn each_finding_is_new_or_goes_on_or_was_resolved() {
        let before =
            record(&[("lag", Status::Fails), ("exit", Status::Fails)], &["SLOW-1", "BLOCK"]);
        let now = record(&[("lag", Status::Fails), ("finish", Status::Fails)], &["BLOCK", "TURN"]);
        let changes = changes(&now, &before);
        assert_eq!(names(&changes.new), ["finish", "TURN"]);
        assert_eq!(names(&changes.ongoing), ["lag", "BLOCK"]);
        assert_eq!(names(&changes.resolved), ["exit", "SLOW-1"]);
    }

    #[test]
    fn a_key_and_a_code_of_one_name_are_two_findings() {
        let before = record(&[("TURN", Status::Fails)], &[]);
        let now = record(&[], &["TURN"]);
        let changes = changes(&now, &before);
        assert_eq!(changes.new, [Finding::Diagnostic("TURN".into())]);
        assert_eq!(changes.resolved, [Finding::Check("TURN".into())]);
    }

    #[test]
    fn a_report_that_was_expected_is_not_new() {
        let before = record(&[("diagnostics", Status::Holds)], &["SLOW-1"]);
        let now = record(&[("diagnostics", Status::Fails)], &["SLOW-1", "BLOCK"]);
        let changes = changes(&now, &before);
        assert_eq!(names(&changes.new), ["diagnostics", "BLOCK"]);
        assert_eq!(names(&changes.ongoing), ["SLOW-1"]);
    }

    #[test]
    fn a_record_that_tells_no_reports_says_nothing_about_them() {
        let mut before = record(&[("lag", Status::Fails)], &[]);
        before.version = 1;
        let now = record(&[], &["BLOCK"]);
        let changes = changes(&now, &before);
        assert_eq!((names(&changes.new), names(&changes.resolved)), (vec![], vec!["lag"]));
    }
}
