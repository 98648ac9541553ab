//! The report for programs: a JSON object a line, one a run and a summary at the end; of sweeps one a
//! scenario, too.
//!
//! `docs/json.md` describes it. **Versions.** [`VERSION`] goes up when a field is removed or changes its
//! meaning; new fields may come at any time, so readers ignore what they do not know.

use loopbox_trace::record::Record;
use serde::Serialize;

use super::sweep::{FailedCheck, Sweep, Trouble, Worst};
use super::{GoldenNote, Outcome, Report, Tally};
use crate::scenario::ScenarioError;

/// The version of the report's form.
pub const VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ScenarioLine<'a> {
    /// Always `scenario`.
    r#type: &'static str,
    version: u32,
    scenario: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    /// Its name, if the scenario has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    guest: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    golden: Option<&'a GoldenNote>,
    /// The file that holds `result` too.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a Record>,
}

/// What kept a scenario from running, or its result from being kept.
#[derive(Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ErrorFacts {
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
}

impl ErrorFacts {
    fn message(message: &str) -> ErrorFacts {
        ErrorFacts { message: message.into(), ..ErrorFacts::default() }
    }

    /// What is wrong with a scenario file, and where.
    pub fn of_scenario(error: &ScenarioError) -> ErrorFacts {
        ErrorFacts {
            message: error.message().into(),
            file: Some(error.file().to_string_lossy().into_owned()),
            line: error.line(),
            column: error.column(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct SweepLine<'a> {
    /// Always `sweep`.
    r#type: &'static str,
    version: u32,
    scenario: String,
    name: &'a str,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    guest: Option<&'a str>,
    first_seed: u64,
    last_seed: u64,
    hold: u64,
    fail: usize,
    could_not_run: u64,
    interrupted: u64,
    unsaved: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorFacts>,
    failing_seeds: &'a [u64],
    failed_checks: &'a [FailedCheck],
    worst: &'a Worst,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct SummaryLine {
    /// Always `summary`.
    r#type: &'static str,
    version: u32,
    hold: usize,
    fail: usize,
    could_not_run: usize,
    not_built: usize,
    interrupted: usize,
    unsaved: usize,
    exit_code: u8,
}

/// The line of one scenario.
pub fn report(report: &Report) -> String {
    let about = report.about.as_ref();
    let mut line = ScenarioLine {
        r#type: "scenario",
        version: VERSION,
        scenario: report.path.to_string_lossy().into_owned(),
        name: about.map(|about| about.name.as_str()),
        title: about.map(|about| about.title.as_str()),
        guest: about.and_then(|about| about.guest.as_deref()),
        seed: about.map(|about| about.seed),
        outcome: "",
        error: None,
        golden: None,
        kept: None,
        result: None,
    };
    match &report.outcome {
        Outcome::Judged(judged) => {
            line.outcome = if judged.record.holds { "holds" } else { "fails" };
            line.golden = Some(&judged.golden).filter(|golden| **golden != GoldenNote::Nothing);
            line.result = Some(&judged.record);
            match &judged.saved {
                Ok(path) => line.kept = Some(path.to_string_lossy().into_owned()),
                Err(error) => line.error = Some(ErrorFacts::message(error)),
            }
        }
        Outcome::BadScenario(error) => {
            line.outcome = "bad-scenario";
            line.error = Some(ErrorFacts::of_scenario(error));
        }
        Outcome::NotBuilt(reason) => {
            line.outcome = "not-built";
            line.error = Some(ErrorFacts::message(reason));
        }
        Outcome::CouldNotRun(reason) => {
            line.outcome = "could-not-run";
            line.error = Some(ErrorFacts::message(reason));
        }
        Outcome::Interrupted => line.outcome = "interrupted",
    }
    one_line(&line)
}

/// The line of all runs of a scenario, after their own.
pub fn sweep(sweep: &Sweep) -> String {
    let troubles = [&sweep.could_not_run, &sweep.unsaved].into_iter();
    let errors = troubles.filter_map(|Trouble { first, .. }| {
        first.as_ref().map(|(_, message)| ErrorFacts::message(message))
    });
    one_line(&SweepLine {
        r#type: "sweep",
        version: VERSION,
        scenario: sweep.path.to_string_lossy().into_owned(),
        name: &sweep.name,
        title: &sweep.title,
        guest: sweep.guest.as_deref(),
        first_seed: sweep.seeds.first,
        last_seed: sweep.seeds.last,
        hold: sweep.hold,
        fail: sweep.failing.len(),
        could_not_run: sweep.could_not_run.count,
        interrupted: sweep.interrupted,
        unsaved: sweep.unsaved.count,
        errors: errors.collect(),
        failing_seeds: &sweep.failing,
        failed_checks: &sweep.failed_checks,
        worst: &sweep.worst,
    })
}

/// The last line.
pub fn summary(tally: &Tally) -> String {
    one_line(&SummaryLine {
        r#type: "summary",
        version: VERSION,
        hold: tally.hold,
        fail: tally.fail,
        could_not_run: tally.could_not_run,
        not_built: tally.not_built,
        interrupted: tally.interrupted,
        unsaved: tally.unsaved,
        exit_code: tally.exit_code(),
    })
}

/// As JSON, with the end of the line.
pub fn one_line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("there are no maps with odd keys in our reports") + "\n"
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{judged, record, report as report_of, sweep as sweep_of};

    fn read(line: &str) -> Value {
        assert_eq!(line.find('\n'), Some(line.len() - 1), "one line: {line:?}");
        serde_json::from_str(line).expect("JSON")
    }

    #[test]
    fn a_verdict_comes_with_the_whole_result() {
        let line = read(&report(&report_of(judged(record()))));
        assert_eq!(line["type"], "scenario");
        assert_eq!(line["version"], VERSION);
        assert_eq!(line["outcome"], "fails");
        assert_eq!(line["kept"], ".loopbox/results/sigterm-quiet/seed-7.json");
        assert_eq!(line["result"], serde_json::to_value(record()).expect("JSON"));
        assert_eq!(line.get("error"), None);
    }

    #[test]
    fn what_did_not_run_says_why_and_has_no_result() {
        for (outcome, name) in [
            (Outcome::NotBuilt("why".into()), "not-built"),
            (Outcome::CouldNotRun("why".into()), "could-not-run"),
        ] {
            let line = read(&report(&report_of(outcome)));
            assert_eq!(line["outcome"], name);
            assert_eq!(line["error"], json!({"message": "why"}));
            assert_eq!(line.get("result"), None);
        }
        assert_eq!(read(&report(&report_of(Outcome::Interrupted)))["outcome"], "interrupted");
    }

    #[test]
    fn a_sweep_lists_every_failing_seed_and_the_worst() {
        let mut runs = sweep_of(3, 6);
        runs.add(3, &report_of(judged(record())));
        runs.add(4, &report_of(judged(Record { holds: true, ..record() })));
        runs.add(5, &report_of(Outcome::CouldNotRun("why".into())));
        runs.add(6, &report_of(Outcome::Interrupted));
        let line = read(&sweep(&runs));
        assert_eq!((&line["type"], &line["version"]), (&json!("sweep"), &json!(VERSION)));
        assert_eq!((&line["first-seed"], &line["last-seed"]), (&json!(3), &json!(6)));
        let counts = ["hold", "fail", "could-not-run", "interrupted", "unsaved"];
        assert_eq!(counts.map(|key| &line[key]), [1, 1, 1, 1, 0]);
        assert_eq!(line["failing-seeds"], json!([3]));
        assert_eq!(line["failed-checks"][0]["first"]["key"], "max-stall");
        let worst = json!({"nanos": 1_050_000_000, "seed": 3});
        assert_eq!(line["worst"]["worst-stall"], worst);
        assert_eq!(line["errors"], json!([{"message": "why"}]));
    }

    #[test]
    fn the_summary_has_the_exit_code() {
        let mut tally = Tally::default();
        tally.add(&report_of(judged(record())));
        let line = read(&summary(&tally));
        assert_eq!((&line["type"], &line["fail"]), (&json!("summary"), &json!(1)));
        assert_eq!(line["exit-code"], 100);
    }
}
