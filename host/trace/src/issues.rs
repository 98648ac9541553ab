//! What is wrong in a run, worst first, each with its place in the trace.
//!
//! Issues are what somebody who looks into a run wants to be led through: from one to the next, each a sentence
//! and a stretch of time. They judge nothing anew. Checks come from the verdict, and the rest is what the trace
//! says in so many words: reports of the runtime, calls that blocked the loop, signals that nobody handled.
//!
//! What the scenario expects to go wrong, and did, is listed as caught.

mod place;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::check::{Check, Status};
use crate::diff::Diff;
use crate::measure::{self, BlockingCall, SignalLatency};
use crate::text::{self, one_line, printable};
use crate::{Ending, Event, EventKind, Level, Nanos, Trace};

/// How many issues of one sort are listed: expectations, signals, reports, calls, ...
const SORT_MAX: usize = 50;

/// How many lines of detail an issue has.
const DETAIL_LINES_MAX: usize = 12;

/// How many characters a title has.
const TITLE_CHARS_MAX: usize = 300;

/// From when on a call that blocks the loop is worth a warning, if the scenario says nothing of stalls: asyncio's
/// `slow_callback_duration`.
const SLOW: Nanos = Nanos::from_millis(100);

/// The code of the report that a call blocked the loop. It stands at the call's end.
const BLOCK: &str = "BLOCK";

/// How bad an issue is; worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// An expectation of the scenario is not met.
    Failed,
    /// It is wrong, and the scenario expects just that.
    Caught,
    /// Something failed that the scenario does not speak of.
    Error,
    /// Something that a program should not do.
    Warning,
    /// Worth a look.
    Note,
}

impl Severity {
    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Failed => "failed",
            Severity::Caught => "caught",
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// One thing that is wrong. All texts are fit to be shown: short, and of one line each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// How bad.
    pub severity: Severity,
    /// What, in a sentence.
    pub title: String,
    /// More about it, line by line.
    pub detail: Vec<String>,
    /// Where it begins in the trace.
    pub begin: Nanos,
    /// Where it ends.
    pub end: Nanos,
    /// The event that it is about: an index into [`Trace::events`].
    pub event: Option<usize>,
    /// The key of the expectation.
    pub key: Option<String>,
    /// The code of the report.
    pub code: Option<String>,
}

/// What is wrong in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Issues {
    /// Worst first.
    pub list: Vec<Issue>,
    /// How many more there are that are not listed.
    pub more: usize,
}

/// What is wrong in a run that these checks were made on. `diff` is its alignment with the golden, if it has one.
pub fn issues(trace: &Trace, checks: &[Check], diff: Option<&Diff>) -> Issues {
    let mut issues = Issues::default();
    let wrong = checks.iter().filter(|check| check.status != Status::Holds);
    issues.add(wrong.collect(), |_| None, |check| of_check(trace, check, diff));

    let mut signals = measure::signal_latencies(trace);
    signals.retain(|sent| sent.handled.is_none());
    issues.add(signals, |sent| Some(sent.event), |sent| of_signal(trace, &sent));

    let calls = measure::blocking_calls(trace).into_iter().filter(BlockingCall::on_loop);
    let mut calls: BTreeMap<Nanos, BlockingCall> = calls.map(|call| (call.end(), call)).collect();
    // The expectation names the reports that there may be, and no others.
    let expected = checks.iter().any(|check| check.key == "diagnostics" && check.status.is_good());
    let reports = reports(trace);
    // A call that was reported is not listed once more.
    let reported: Vec<_> = reports
        .iter()
        .map(|report| {
            let is_of_call = trace.diagnostics[report.id as usize].code == BLOCK;
            let of_call = is_of_call.then(|| calls.remove(&report.at)).flatten();
            Report { of_call, ..*report }
        })
        .collect();
    issues.add(reported, |report| Some(report.event), |report| of_report(trace, &report, expected));

    let mut calls: Vec<BlockingCall> = calls.into_values().collect();
    calls.retain(|call| call.length > Nanos::ZERO);
    calls.sort_by_key(|call| std::cmp::Reverse(call.length));
    let budget = checks.iter().find(|check| check.key == "max-stall");
    let slow = budget.and_then(|check| check.budget?.allowed).unwrap_or(SLOW);
    issues.add(calls, |call| Some(call.event), |call| of_call(trace, &call, slow));

    let merged = trace.of_first_process().filter_map(|(index, event)| match event.kind {
        EventKind::SignalMerged(signal) => Some((index, event.at, signal)),
        _ => None,
    });
    issues.add(
        merged.collect(),
        |merged| Some(merged.0),
        |(index, at, signal)| {
            let title = format!("{signal} came while one was pending, and the two became one");
            plain(Severity::Note, title, at, index)
        },
    );
    issues.list.extend(of_ending(trace, checks));
    // Stable: within one severity they stay as they were added.
    issues.list.sort_by_key(|issue| issue.severity);
    issues
}

impl Issues {
    /// Adds what is wrong of one sort. An event that is listed already needs no second mention, and of what is not
    /// listed nothing is written.
    fn add<T>(
        &mut self,
        mut sort: Vec<T>,
        event_of: impl Fn(&T) -> Option<usize>,
        issue_of: impl Fn(T) -> Issue,
    ) {
        let known: BTreeSet<usize> = self.list.iter().filter_map(|issue| issue.event).collect();
        sort.retain(|wrong| event_of(wrong).is_none_or(|event| !known.contains(&event)));
        self.more += sort.len().saturating_sub(SORT_MAX);
        self.list.extend(sort.into_iter().take(SORT_MAX).map(issue_of));
    }
}

fn of_check(trace: &Trace, check: &Check, diff: Option<&Diff>) -> Issue {
    let place = place::of_check(trace, check, diff);
    let key = &check.key;
    let title = match (check.status, &place) {
        (Status::HoldsButMustFail, _) => {
            format!("`{key}` holds, but it must fail in this scenario: {}", check.actual)
        }
        (_, Some(place)) => format!("{} (expected: {})", place.sentence, check.expected),
        (_, None) => format!("`{key}`: {} (expected: {})", check.actual, check.expected),
    };
    let (begin, end, event) = match place {
        Some(place) => (place.begin, place.end, place.event),
        // It is about the run as a whole, which can be said only when that is over.
        None => (trace.finished, trace.finished, None),
    };
    let severity = match check.status {
        Status::Holds | Status::FailsAsItMust => Severity::Caught,
        Status::Fails | Status::HoldsButMustFail => Severity::Failed,
    };
    let lines = std::iter::once(&check.actual).chain(&check.detail);
    let mut detail: Vec<String> = lines.take(DETAIL_LINES_MAX).map(|line| cut(line)).collect();
    let more = (check.detail.len() + 1).saturating_sub(DETAIL_LINES_MAX);
    if more > 0 {
        detail.push(format!("... and {more} more lines"));
    }
    let (title, key) = (cut(&title), Some(cut(key)));
    Issue { severity, title, detail, begin, end, event, key, code: None }
}

/// A signal that should have been handled and never was.
fn of_signal(trace: &Trace, sent: &SignalLatency) -> Issue {
    let title = place::unhandled(sent);
    Issue { end: trace.finished, ..plain(Severity::Warning, title, sent.raised, sent.event) }
}

/// Something that the runtime reported.
#[derive(Clone, Copy)]
struct Report {
    level: Level,
    at: Nanos,
    event: usize,
    /// An index into the trace's diagnostics.
    id: u32,
    /// The call that it is about, if it is about one.
    of_call: Option<BlockingCall>,
}

/// What the runtime reported, worst first.
fn reports(trace: &Trace) -> Vec<Report> {
    let report = |(index, event): (usize, &Event)| match event.kind {
        EventKind::Diagnostic(id) => {
            let level = trace.diagnostics[id as usize].level;
            Some(Report { level, at: event.at, event: index, id, of_call: None })
        }
        _ => None,
    };
    let mut reports: Vec<_> = trace.events.iter().enumerate().filter_map(report).collect();
    // Stable: of one level in the order of the trace.
    reports.sort_by_key(|report| std::cmp::Reverse(report.level));
    reports
}

fn of_report(trace: &Trace, report: &Report, expected: bool) -> Issue {
    let diagnostic = &trace.diagnostics[report.id as usize];
    let severity = match diagnostic.level {
        _ if expected => Severity::Caught,
        Level::Critical | Level::Error => Severity::Error,
        Level::Warning => Severity::Warning,
        Level::Info | Level::Debug => Severity::Note,
    };
    let mut lines = diagnostic.text.lines().map(text::report);
    let code = cut(&diagnostic.code);
    let title = format!("{code}: {}", lines.next().unwrap_or_default());
    let head = format!("{} from {}", diagnostic.level.name(), one_line(&diagnostic.logger));
    let places = [("created", &diagnostic.created), ("ended", &diagnostic.died)];
    let places = places
        .iter()
        .filter_map(|(what, place)| Some(format!("{what} at {}", cut(place.as_ref()?))));
    let detail = std::iter::once(head).chain(places).chain(lines.take(DETAIL_LINES_MAX)).collect();
    let issue = plain(severity, title, report.at, report.event);
    let begin = report.of_call.map_or(report.at, |call| call.begin);
    Issue { begin, detail, code: Some(code), ..issue }
}

/// A call that blocked the loop.
fn of_call(trace: &Trace, call: &BlockingCall, slow: Nanos) -> Issue {
    let severity = if call.length > slow { Severity::Warning } else { Severity::Note };
    let title = place::blocked(trace, call);
    Issue { end: call.end(), ..plain(severity, title, call.begin, call.event) }
}

/// An end that is no ordinary one. If the scenario expects another one, that check says it.
fn of_ending(trace: &Trace, checks: &[Check]) -> Option<Issue> {
    let ordinary = trace.ending == Ending::Exited { status: 0 };
    let expected = checks.iter().find(|check| check.key == "exit").map(|check| check.status);
    let severity = match expected {
        _ if ordinary => return None,
        Some(Status::Holds) => Severity::Caught,
        Some(_) => return None,
        None => Severity::Error,
    };
    let place = place::ending(trace);
    let title = match severity {
        Severity::Caught => format!("{}, as expected", place.sentence),
        _ => place.sentence,
    };
    let waiting = match &trace.ending {
        Ending::Deadlock { waiting } => &waiting[..],
        other => other.backtrace(),
    };
    let detail = waiting.iter().take(DETAIL_LINES_MAX).map(|line| cut(line)).collect();
    Some(Issue { event: place.event, detail, ..plain(severity, title, trace.finished, 0) })
}

/// An issue of one moment that is in no verdict.
fn plain(severity: Severity, title: String, at: Nanos, event: usize) -> Issue {
    Issue {
        severity,
        title: cut(&title),
        detail: Vec::new(),
        begin: at,
        end: at,
        event: Some(event),
        key: None,
        code: None,
    }
}

/// A text that may come from anywhere, fit for a title.
fn cut(text: &str) -> String {
    let text = printable(text);
    match text.char_indices().nth(TITLE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Expectations, ExpectedDiagnostic, Latency, Span, check};
    use crate::testing::{Builder, endings, generated, ms, one_of_everything};
    use crate::{Group, Lane, Outcome, Signal, diff, golden};

    fn titles(trace: &Trace, expectations: &Expectations) -> Vec<(Severity, String)> {
        let issues = issues(trace, &check(expectations, trace).checks, None);
        issues.list.into_iter().map(|issue| (issue.severity, issue.title)).collect()
    }

    /// A bound that nothing keeps.
    const NONE: Latency =
        Latency { min: None, max: Some(Nanos(0)), p50: None, p90: None, p99: None };

    /// What the event says, as in a golden; for looking it up.
    fn shown(trace: &Trace, issue: &Issue) -> String {
        let event = issue.event.map(|event| trace.events[event]);
        event
            .map_or("none".into(), |event| format!("{} {}", event.at, golden::words(trace, &event)))
    }

    #[test]
    fn each_failed_check_has_its_place() {
        let trace = {
            let mut b = Builder::new();
            let (tick, report, job) = (b.label("tick"), b.task("report"), b.job("hash"));
            b.queued(job, 10, 0).main(10, EventKind::JobQueued(job));
            b.on(Lane::worker(0), 40, EventKind::JobStarted(job));
            b.on(Lane::worker(0), 45, EventKind::JobFinished(job, Outcome::Done));
            b.main(10, EventKind::TurnBegin).main(11, EventKind::TurnEnd);
            b.main(50, EventKind::TurnBegin)
                .main(50, EventKind::TimerFired { name: tick, due: ms(49) });
            b.main(50, EventKind::StepBegin(report)).blocking(Lane::MAIN, "db.query", 50, 130);
            b.main(150, EventKind::StepEnd(report, Outcome::Done)).main(150, EventKind::TurnEnd);
            b.signals(60, EventKind::SignalRaised(Signal::SIGTERM));
            b.main(150, EventKind::TurnBegin);
            b.main(150, EventKind::TimerFired { name: tick, due: ms(80) });
            b.main(151, EventKind::SignalHandled { signal: Signal::SIGTERM, raised: ms(60) });
            b.diagnostic(152, "SLOW-1", "took 0.1 seconds\nreally").main(152, EventKind::TurnEnd);
            b.exit(200)
        };
        let expectations = Expectations {
            exit: Some("3".into()),
            stdout_contains: vec!["bye".into()],
            max_stall: Some(Span { min: None, max: Some(ms(20)) }),
            lag: Some(NONE),
            signal_latency: Some(NONE),
            pool_wait: Some(NONE),
            queue_length: Some(0),
            finish: Some(Span { min: None, max: Some(ms(5)) }),
            offloaded: Some(vec![globset::Glob::new("db.*").expect("a pattern").compile_matcher()]),
            diagnostics: Some(Vec::new()),
            ..Expectations::default()
        };
        let verdict = check(&expectations, &trace);
        let issues = issues(&trace, &verdict.checks, None);
        let seen: Vec<_> = issues
            .list
            .iter()
            .map(|issue| {
                let key = issue.key.as_deref().unwrap_or("-");
                format!(
                    "{} {key} {}..{} [{}] {}",
                    issue.severity.name(),
                    issue.begin,
                    issue.end,
                    shown(&trace, issue),
                    issue.title
                )
            })
            .collect();
        let expected = [
            "failed exit 200ms..200ms [200ms exited with status 0] The run exited with status 0 (expected: status 3)",
            "failed stdout-contains 200ms..200ms [none] `stdout-contains`: 1 of 1 missing in stdout (expected: \"bye\")",
            "failed max-stall 50ms..150ms [50ms turn begins] The loop stood still for 100ms: step of task \"report\" (guest/a.rs:12:5), blocking call \"db.query\" (expected: at most 20ms)",
            "failed lag 80ms..150ms [150ms timer tick fired, due 80ms] The loop saw timer \"tick\" 70ms late (expected: at most 0s)",
            "failed signal-latency 60ms..151ms [151ms signal SIGTERM handled, raised 60ms] SIGTERM, sent at 60ms, was handled after 91ms (expected: at most 0s)",
            "failed pool-wait 10ms..40ms [40ms job hash started, queued 10ms] Job \"hash\" waited 30ms for a worker of pool \"default\" (expected: at most 0s)",
            "failed queue-length 10ms..10ms [10ms job hash queued] The queue of pool \"default\" grew to 1 (expected: at most 0)",
            "failed finish 200ms..200ms [200ms exited with status 0] The run ended at 200ms (expected: at most 5ms)",
            "failed offloaded 50ms..130ms [50ms blocking db.query begins] Blocking call \"db.query\" blocked the loop for 80ms (expected: db.* only on workers)",
            "failed diagnostics 152ms..152ms [152ms diagnostic SLOW-1 WARNING asyncio: took 0.1 seconds\\nreally] SLOW-1 was reported (expected: none)",
        ];
        assert_eq!(seen, expected);
        assert_eq!(issues.list[2].detail[1], "1 of 3 turns are longer; the longest:");
        assert_eq!(issues.more, 0);
    }

    #[test]
    fn what_no_check_speaks_of_is_listed_after_them() {
        let trace = one_of_everything();
        let seen = titles(&trace, &Expectations::default());
        let expected = [
            (Severity::Warning, "SLOW-1: took 0.940 seconds"),
            (Severity::Warning, "Sleep blocked the loop for 940ms"),
            (Severity::Note, "SIGTERM came while one was pending, and the two became one"),
        ];
        assert_eq!(seen, expected.map(|(severity, title)| (severity, title.to_owned())));
        let lax = Span { min: None, max: Some(ms(1000)) };
        let lax = Expectations { max_stall: Some(lax), ..Expectations::default() };
        assert!(titles(&trace, &lax).contains(&(Severity::Note, expected[1].1.to_owned())));
    }

    #[test]
    fn a_call_that_was_reported_is_listed_once_with_its_stretch() {
        let mut b = Builder::new();
        b.blocking(Lane::MAIN, "sleep", 10, 300).diagnostic(
            300,
            "BLOCK",
            "took 0.29 seconds: sleep",
        );
        b.blocking(Lane::MAIN, "sleep", 400, 401).diagnostic(401, "TURN", "something else");
        let trace = b.exit(500);
        let issues = issues(&trace, &[], None);
        let seen: Vec<_> = issues
            .list
            .iter()
            .map(|issue| (issue.code.as_deref(), issue.begin, issue.end))
            .collect();
        let expected = [
            (Some("BLOCK"), ms(10), ms(300)),
            (Some("TURN"), ms(401), ms(401)),
            (None, ms(400), ms(401)),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn what_must_go_wrong_is_caught() {
        let trace = one_of_everything();
        let expectations = Expectations {
            max_stall: Some(Span { min: None, max: Some(ms(20)) }),
            lag: Some(Latency { max: Some(ms(5000)), ..Latency::default() }),
            diagnostics: Some(vec![ExpectedDiagnostic {
                code: "SLOW-1".into(),
                ..ExpectedDiagnostic::default()
            }]),
            must_fail: ["max-stall".to_owned(), "lag".to_owned()].into(),
            ..Expectations::default()
        };
        let seen = titles(&trace, &expectations);
        assert!(seen[0].1.starts_with("`lag` holds, but it must fail"), "{seen:?}");
        assert_eq!(seen[0].0, Severity::Failed);
        assert!(seen[1].1.starts_with("The loop stood still for 940ms"), "{seen:?}");
        assert_eq!(seen[1].0, Severity::Caught);
        assert_eq!(seen[2], (Severity::Caught, "SLOW-1: took 0.940 seconds".into()));
    }

    #[test]
    fn a_check_without_anything_to_measure_says_so() {
        let expectations = Expectations {
            max_stall: Some(Span { min: None, max: Some(ms(20)) }),
            ..Expectations::default()
        };
        let seen = titles(&Builder::new().exit(1), &expectations);
        let title = "`max-stall`: nothing to measure: no loop ran a turn (expected: at most 20ms)"
            .to_owned();
        assert_eq!(seen, [(Severity::Failed, title)]);
    }

    #[test]
    fn a_signal_that_nobody_handled_is_listed_once() {
        let mut b = Builder::new();
        for (at, signal) in [(1, Signal::SIGINT), (2, Signal::SIGTERM)] {
            b.signals(at, EventKind::SignalRaised(signal));
        }
        let trace = b.exit(9);
        let expectations = Expectations { signal_latency: Some(NONE), ..Expectations::default() };
        let seen = titles(&trace, &expectations);
        assert_eq!(seen.len(), 2);
        // Nothing was handled, which the check says first; it is about the first signal.
        assert!(seen[0].1.starts_with("SIGINT, sent at 1ms, was never handled (exp"), "{seen:?}");
        assert_eq!(seen[1].1, "SIGTERM, sent at 2ms, was never handled");
    }

    #[test]
    fn the_golden_tells_where_it_differs() {
        let trace = one_of_everything();
        let groups = [Group::Timer, Group::Exit].into();
        let text = golden::render(&trace, &groups, ms(1)).replace("timer tick", "timer tock");
        let golden = golden::parse(&text).expect("a golden");
        let expectations = Expectations {
            golden: Some(crate::check::GoldenExpectation {
                name: "x.trace".into(),
                text: Some(text),
                groups,
                tolerance: ms(1),
            }),
            ..Expectations::default()
        };
        let checks = check(&expectations, &trace).checks;
        let diff = diff::align(&golden, &trace);
        let issues = issues(&trace, &checks, Some(&diff));
        assert_eq!(shown(&trace, &issues.list[0]), "1s timer tick fired, due 1s");
        assert_eq!((issues.list[0].begin, issues.list[0].end), (ms(1000), ms(1000)));
        let title = "The run is not the golden one: lane main, line 5 of the golden: another event";
        assert!(issues.list[0].title.starts_with(title), "{}", issues.list[0].title);
    }

    #[test]
    fn an_end_is_wrong_expected_or_ordinary() {
        for ending in endings() {
            let trace = Builder::new().end(5, ending.clone());
            let expected = Expectations { exit: Some(ending.keyword()), ..Expectations::default() };
            let caught = titles(&trace, &expected);
            assert_eq!(caught[0].0, Severity::Caught);
            assert!(caught[0].1.ends_with(", as expected"), "{caught:?}");
            let failed = titles(&trace, &Expectations::default());
            assert_eq!((failed.len(), failed[0].0), (1, Severity::Failed));
            let unjudged = issues(&trace, &[], None);
            assert_eq!((unjudged.list.len(), unjudged.list[0].severity), (1, Severity::Error));
            let place =
                usize::from(!matches!(ending, Ending::Exited { .. } | Ending::Signalled { .. }));
            assert_eq!((unjudged.list[0].event, unjudged.list[0].detail.len()), (Some(0), place));
        }
        assert_eq!(issues(&Builder::new().exit(1), &[], None), Issues::default());
    }

    #[test]
    fn a_long_list_is_cut_with_a_count() {
        let mut b = Builder::new();
        for at in 0..70 {
            b.diagnostic(at, "TURN", "too many\ncallbacks\n<script>\u{202e}");
        }
        let issues = issues(&b.exit(100), &[], None);
        assert_eq!((issues.list.len(), issues.more), (50, 20));
        assert_eq!(issues.list[0].title, "TURN: too many");
        let detail = &issues.list[0].detail;
        assert_eq!(detail[2..], ["callbacks", "<script>\\u{202e}"], "{detail:?}");
        let large = generated(1, 50_000);
        assert!(super::issues(&large, &[], None).more > 100);
    }

    #[test]
    fn texts_from_anywhere_are_cut_and_harmless() {
        let mut verdict = check(&Expectations::default(), &Builder::new().exit(1)).checks;
        verdict[0].status = Status::Fails;
        verdict[0].key = "\u{1b}[2J".into();
        verdict[0].actual = "x\n".repeat(100_000);
        verdict[0].detail = vec!["\u{202e}".repeat(100_000); 1_000];
        let issues = issues(&Builder::new().exit(1), &verdict, None);
        let [issue] = &issues.list[..] else { panic!("one issue") };
        assert_eq!(issue.key.as_deref(), Some("\\u{1b}[2J"));
        let size: usize = issue.detail.iter().map(String::len).sum();
        assert!(issue.title.len() < 400 && size < 10_000, "{size}");
        assert_eq!(issue.detail.len(), 13);
    }
}
