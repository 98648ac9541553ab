//! The report for programs: a JSON object a line, one a scenario and a summary at the end.
//!
//! `docs/json.md` describes it. **Versions.** [`VERSION`] goes up when a field is removed or changes its
//! meaning; new fields may come at any time, so readers ignore what they do not know.

use loopbox_trace::record::Record;
use serde::Serialize;

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
    use crate::testing::{judged, record, report as report_of};

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
    fn the_summary_has_the_exit_code() {
        let mut tally = Tally::default();
        tally.add(&report_of(judged(record())));
        let line = read(&summary(&tally));
        assert_eq!((&line["type"], &line["fail"]), (&json!("summary"), &json!(1)));
        assert_eq!(line["exit-code"], 100);
    }
}
