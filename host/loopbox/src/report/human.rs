//! The report for people: a line a scenario, a block for what went wrong, a summary.
//!
//! Texts that come from guests, scenario files or file names are escaped, so they stay on their line and do
//! nothing to the terminal. Colours are always in the text; whoever writes it takes them out where they
//! are not wanted.

mod sweep;

use std::fmt::Write;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use loopbox_trace::check::{Check, Status};
use loopbox_trace::record::Record;

use super::{GoldenNote, Judged, Outcome, Report, Tally};
use crate::invocation;
use crate::terminal::{printable, printable_path};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const ODD: Style = AnsiColor::Yellow.on_default().bold();
const DIM: Style = Style::new().dimmed();
const STRONG: Style = Style::new().bold();

/// A longer finding of a `must-fail` is not shown on the scenario's line.
const CAUGHT_CHARS_MAX: usize = 60;

/// How reports are written for people.
#[derive(Clone, Debug)]
pub struct Human {
    /// What somebody types to start us.
    pub invocation: &'static str,
    /// Whether errors of scenario files are coloured.
    pub colour: bool,
    /// The longest path of all scenarios, in characters: titles stand below one another.
    path_width: usize,
    /// Whether each scenario has many runs, so that runs and not scenarios are counted.
    sweeps: bool,
}

impl Human {
    /// For reports about these scenarios.
    pub fn new<'a>(
        invocation: &'static str,
        colour: bool,
        scenarios: impl Iterator<Item = &'a Path>,
    ) -> Human {
        let path_width =
            scenarios.map(|path| printable_path(path).chars().count()).max().unwrap_or(0);
        Human { invocation, colour, path_width, sweeps: false }
    }

    /// The same for sweeps.
    #[must_use]
    pub fn of_sweeps(self, sweeps: bool) -> Human {
        Human { sweeps, ..self }
    }

    /// The lines of one scenario, each with its end.
    pub fn report(&self, report: &Report) -> String {
        match &report.outcome {
            Outcome::Judged(judged) if judged.record.holds => self.holds(report, judged),
            Outcome::Judged(judged) => self.fails(report, judged),
            Outcome::BadScenario(error) => {
                let rendered = error.render(self.colour);
                self.line("error", BAD, report, "") + &block(rendered.lines().map(String::from))
            }
            Outcome::NotBuilt(reason) => {
                let reason = format!("guest did not build: {reason}");
                self.line("error", BAD, report, "") + &block(reason.lines().map(printable))
            }
            Outcome::CouldNotRun(reason) => {
                let reason = format!("could not run: {reason}");
                self.line("error", BAD, report, "") + &block(reason.lines().map(printable))
            }
            Outcome::Interrupted => self.line("-", ODD, report, "interrupted"),
        }
    }

    /// The last lines of a session.
    pub fn summary(&self, tally: &Tally) -> String {
        let counted = |count: usize, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            _ => Some(format!("{count} {many}")),
        };
        let parts = [
            counted(tally.hold, "holds", "hold"),
            counted(tally.fail, "fails", "fail"),
            counted(tally.could_not_run, "could not run", "could not run"),
            counted(tally.not_built, "did not build", "did not build"),
            counted(tally.interrupted, "interrupted", "interrupted"),
            counted(tally.unsaved, "result not written", "results not written"),
        ];
        let style = if tally.exit_code() == 0 { GOOD } else { BAD };
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let of = if self.sweeps { format!("{} runs: ", tally.runs()) } else { String::new() };
        format!("\n{style}{of}{}{style:#}\n", parts.join(", "))
    }

    fn holds(&self, report: &Report, judged: &Judged) -> String {
        let text = self.line("ok", GOOD, report, &in_brief(&judged.record));
        text + &block(notes(judged))
    }

    fn fails(&self, report: &Report, judged: &Judged) -> String {
        let record = &judged.record;
        let mut text = self.line("FAIL", BAD, report, &in_brief(record));
        let bad = record.checks.iter().filter(|check| !check.status.is_good());
        for check in bad.clone() {
            text.push_str(&block(failed_check(check)));
        }
        let mut facts = notes(judged);
        for choice in &record.choices {
            facts.push(fact("drawn", &format!("{} = {}", choice.label, choice.value)));
        }
        if let Ok(path) = &judged.saved {
            facts.push(fact("kept", &path.to_string_lossy()));
        }
        let golden_differs = bad.clone().any(|check| check.key == "trace");
        if golden_differs && bad.count() == 1 {
            let command = invocation::bless(self.invocation, &report.path);
            facts.push(fact("if right", &format!("{command}  (writes the golden)")));
        }
        let guest = report.about.as_ref().and_then(|about| about.guest.as_deref());
        let command = invocation::reproduce(self.invocation, &report.path, guest, record.seed);
        facts.push(format!("{}  {STRONG}{}{STRONG:#}", label("again"), printable(&command)));
        text + &block(facts)
    }

    /// The first line: word, path, title, and more in brackets.
    fn line(&self, word: &str, style: Style, report: &Report, more: &str) -> String {
        let title = report.about.as_ref().map(|about| about.title.as_str());
        let guest = report.about.as_ref().and_then(|about| about.guest.as_deref());
        self.scenario_line(word, style, &report.path, title, &of_guest(guest, more))
    }

    fn scenario_line(
        &self,
        word: &str,
        style: Style,
        path: &Path,
        title: Option<&str>,
        more: &str,
    ) -> String {
        let title = title.map(printable).unwrap_or_default();
        let path = printable_path(path);
        let width = self.path_width;
        let mut line = format!("{style}{word:<5}{style:#}  {path:<width$}  {title}");
        if !more.is_empty() {
            let _ = write!(line, "  {DIM}({more}){DIM:#}");
        }
        line.truncate(line.trim_end().len());
        line + "\n"
    }
}

/// What stands in brackets, with the guest before it if the scenario has several.
fn of_guest(guest: Option<&str>, more: &str) -> String {
    match guest {
        None => more.to_owned(),
        Some(guest) if more.is_empty() => guest.to_owned(),
        Some(guest) => format!("{guest}, {more}"),
    }
}

/// Seed, duration, and the mistakes that were caught as the scenario wants it.
fn in_brief(record: &Record) -> String {
    let mut brief = format!("seed {}, {} virtual", record.seed, record.summary.finished);
    for check in record.checks.iter().filter(|check| check.status == Status::FailsAsItMust) {
        let _ = write!(brief, "; caught {}", check.key);
        if check.actual.chars().count() <= CAUGHT_CHARS_MAX {
            let _ = write!(brief, ": {}", printable(&check.actual));
        }
    }
    brief
}

fn failed_check(check: &Check) -> Vec<String> {
    let expected = match check.status {
        Status::HoldsButMustFail => format!("{}, and must fail", check.expected),
        _ => check.expected.clone(),
    };
    let mut lines = vec![
        format!("{STRONG}{}{STRONG:#}", printable(&check.key)),
        format!("  expected  {}", printable(&expected)),
        format!("  actual    {}", printable(&check.actual)),
    ];
    lines.extend(check.detail.iter().map(|line| format!("  {DIM}|{DIM:#} {}", printable(line))));
    lines
}

/// What else somebody has to know of a run that was judged.
fn notes(judged: &Judged) -> Vec<String> {
    let golden = match &judged.golden {
        GoldenNote::Nothing => None,
        GoldenNote::OtherSeed(seed) => Some(format!("not compared: it belongs to seed {seed}")),
        GoldenNote::Written(path) => Some(format!("written: {}", path.display())),
        GoldenNote::Unchanged(path) => Some(format!("unchanged: {}", path.display())),
        GoldenNote::Refused(path) => {
            Some(format!("not written, because something else fails: {}", path.display()))
        }
    };
    let lost = judged.saved.as_ref().err();
    golden
        .map(|note| fact("golden", &note))
        .into_iter()
        .chain(lost.map(|error| format!("{BAD}error{BAD:#}: {}", printable(error))))
        .collect()
}

fn label(name: &str) -> String {
    format!("{DIM}{name:<8}{DIM:#}")
}

fn fact(name: &str, text: &str) -> String {
    format!("{}  {}", label(name), printable(text))
}

/// Lines that belong to the line before them.
fn block(lines: impl IntoIterator<Item = String>) -> String {
    lines.into_iter().fold(String::new(), |mut block, line| {
        let line = format!("       {line}");
        block.push_str(line.trim_end());
        block.push('\n');
        block
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::testing::{check, judged, record, report};

    /// What is seen without colours, and with the spaces that make blocks shown as they are.
    fn shown_report(report: &Report) -> String {
        let human = Human::new("loopbox", false, [report.path.as_path()].into_iter());
        anstream::adapter::strip_str(&human.report(report)).to_string()
    }

    fn holding() -> Record {
        Record { holds: true, checks: Vec::new(), ..record() }
    }

    #[test]
    fn a_scenario_that_holds_is_one_line() {
        assert_eq!(
            shown_report(&report(judged(holding()))),
            "ok     scenarios/sigterm-quiet.toml  SIGTERM in a quiet loop  (seed 7, 5.35s virtual)\n"
        );
    }

    #[test]
    fn a_caught_mistake_is_named_on_the_line() {
        let checks = vec![check("max-stall", Status::FailsAsItMust, "at most 20ms", "1.05s")];
        let text = shown_report(&report(judged(Record { checks, ..holding() })));
        assert!(text.ends_with("(seed 7, 5.35s virtual; caught max-stall: 1.05s)\n"), "{text}");
        let long = "x".repeat(CAUGHT_CHARS_MAX + 1);
        let checks = vec![check("stdout", Status::FailsAsItMust, "y", &long)];
        let text = shown_report(&report(judged(Record { checks, ..holding() })));
        assert!(text.ends_with("(seed 7, 5.35s virtual; caught stdout)\n"), "{text}");
    }

    #[test]
    fn a_failure_shows_expected_actual_what_was_drawn_and_how_to_see_it_again() {
        let mut record = record();
        record.checks[0].detail = vec!["turn 4, from 2s to 3.05s".into()];
        assert_eq!(
            shown_report(&report(judged(record))),
            "\
FAIL   scenarios/sigterm-quiet.toml  SIGTERM in a quiet loop  (seed 7, 5.35s virtual)
       max-stall
         expected  at most 20ms
         actual    1.05s
         | turn 4, from 2s to 3.05s
       drawn     signal[0].at = 3.2s
       kept      .loopbox/results/sigterm-quiet/seed-7.json
       again     loopbox run scenarios/sigterm-quiet.toml --seed 7
"
        );
    }

    #[test]
    fn the_guest_is_named_if_there_are_several() {
        let python = |outcome| {
            let mut report = report(outcome);
            report.about.as_mut().expect("a scenario").guest = Some("python".into());
            shown_report(&report)
        };
        let holds = python(judged(holding()));
        assert!(holds.ends_with("SIGTERM in a quiet loop  (python, seed 7, 5.35s virtual)\n"));
        let fails = python(judged(record()));
        let again = "again     loopbox run scenarios/sigterm-quiet.toml --guest python --seed 7\n";
        assert!(fails.ends_with(again), "{fails}");
        let not_built = python(Outcome::NotBuilt("no bin".into()));
        assert!(not_built.contains("SIGTERM in a quiet loop  (python)\n"), "{not_built}");
    }

    #[test]
    fn blessing_is_offered_if_nothing_but_the_golden_differs() {
        let golden = || check("trace", Status::Fails, "as x.trace", "line 4 differs");
        let offered = |checks| {
            let text = shown_report(&report(judged(Record { checks, ..record() })));
            text.contains("if right  loopbox run scenarios/sigterm-quiet.toml --bless")
        };
        assert!(offered(vec![golden()]));
        assert!(!offered(vec![golden(), check("exit", Status::Fails, "status 0", "status 1")]));
    }

    #[test]
    fn a_mistake_that_was_not_caught_says_that_it_must_fail() {
        let checks = vec![check("max-stall", Status::HoldsButMustFail, "at most 20ms", "3ms")];
        let text = shown_report(&report(judged(Record { checks, ..record() })));
        assert!(text.contains("  expected  at most 20ms, and must fail\n"), "{text}");
    }

    #[test]
    fn what_could_not_run_says_why() {
        let text = shown_report(&report(Outcome::NotBuilt("there is no bin `x`".into())));
        assert_eq!(
            text,
            "error  scenarios/sigterm-quiet.toml  SIGTERM in a quiet loop\n       \
             guest did not build: there is no bin `x`\n"
        );
        let text = shown_report(&report(Outcome::CouldNotRun("cannot read `x.wasm`".into())));
        assert!(text.ends_with("       could not run: cannot read `x.wasm`\n"), "{text}");
        let text = shown_report(&report(Outcome::Interrupted));
        assert!(text.starts_with("-      scenarios/sigterm-quiet.toml"), "{text}");
        assert!(text.ends_with("(interrupted)\n"), "{text}");
    }

    #[test]
    fn nothing_of_a_guest_reaches_the_terminal_raw() {
        let evil = "a\u{1b}[2Jb\r\nc\u{202e}d\u{7}";
        let mut checks = vec![check("stdout", Status::Fails, evil, evil)];
        checks[0].detail = vec![evil.into()];
        checks.push(check("exit", Status::FailsAsItMust, evil, evil));
        let mut record = Record { checks, ..record() };
        record.choices[0].value = evil.into();
        let mut reports = vec![report(judged(record))];
        reports.push(report(Outcome::CouldNotRun(evil.into())));
        reports.push(report(Outcome::NotBuilt(evil.into())));
        for report in &mut reports {
            report.path = PathBuf::from(evil);
            if let Some(about) = &mut report.about {
                about.title = evil.into();
            }
            let human = Human::new("loopbox", false, [report.path.as_path()].into_iter());
            // Our own colours are the only controls: without them nothing is left.
            let text = human.report(report);
            assert!(text.contains(r"a\u{1b}[2Jb\r\nc\u{202e}d\u{7}"), "{text}");
            for style in [GOOD, BAD, ODD, DIM, STRONG] {
                assert!(!style.render().to_string().contains("[2J"));
            }
            let plain = anstream::adapter::strip_str(&text).to_string();
            let left = plain.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
            assert_eq!(left, None, "{plain:?}");
            assert!(!text.contains("\u{1b}[2J"), "{text:?}");
        }
    }

    #[test]
    fn the_summary_counts_what_there_is() {
        let human = Human::new("loopbox", false, [].into_iter());
        let summary =
            |tally: &Tally| anstream::adapter::strip_str(&human.summary(tally)).to_string();
        let mut tally = Tally { hold: 14, ..Tally::default() };
        assert_eq!(summary(&tally), "\n14 hold\n");
        tally = Tally { fail: 1, could_not_run: 2, not_built: 1, interrupted: 3, ..tally };
        assert_eq!(
            summary(&tally),
            "\n14 hold, 1 fails, 2 could not run, 1 did not build, 3 interrupted\n"
        );
    }

    #[test]
    fn sweeps_count_runs() {
        let human = Human::new("loopbox", false, [].into_iter()).of_sweeps(true);
        let tally = Tally { hold: 163, fail: 37, unsaved: 1, ..Tally::default() };
        let summary = anstream::adapter::strip_str(&human.summary(&tally)).to_string();
        assert_eq!(summary, "\n200 runs: 163 hold, 37 fail, 1 result not written\n");
    }

    #[test]
    fn a_golden_that_was_written_is_named() {
        let with = |golden| {
            let Outcome::Judged(mut judged) = judged(holding()) else { unreachable!("judged") };
            judged.golden = golden;
            shown_report(&report(Outcome::Judged(judged)))
        };
        let path = || PathBuf::from("scenarios/x.trace");
        assert!(
            with(GoldenNote::Written(path())).ends_with("golden    written: scenarios/x.trace\n")
        );
        assert!(with(GoldenNote::Unchanged(path())).contains("unchanged: scenarios/x.trace\n"));
        assert!(with(GoldenNote::OtherSeed(0)).contains("not compared: it belongs to seed 0\n"));
    }
}
