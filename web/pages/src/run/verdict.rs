//! The verdict in words, each check, and what the seed decided.

use loopbox_trace::Trace;
use loopbox_trace::check::{Check, Status};
use loopbox_trace::measure::{self, Doing, Turn, lags, worst_turn};
use loopbox_trace::record::Record;
use loopbox_trace::text::report;
use maud::{Markup, html};

use super::command;
use crate::parts::{Tone, badge, budget_bar, code, duration, name, one_line};
use crate::tables::{Ids, scenario_link, table};

/// How many of the parameters that a seed decided are listed.
const CHOICES_MAX: usize = 100;

/// What came out, as one would tell somebody.
pub(super) fn paragraph(record: &Record, trace: Option<&Trace>) -> Markup {
    let failed: Vec<&Check> = with_status(record, |status| !status.is_good());
    let caught: Vec<&Check> = with_status(record, |status| status == Status::FailsAsItMust);
    html! {
        p class={ "verdict " @if record.holds { "good" } @else { "bad" } } {
            @if record.holds { (badge(Tone::Good, "holds")) } @else { (badge(Tone::Bad, "fails")) }
            " "
            @match (failed.split_first(), caught.split_first()) {
                (Some((first, others)), _) => {
                    bdi { (sentence(first, trace)) } "."
                    (others_too(others, " fails, too", " fail, too"))
                }
                (None, Some((first, others))) => {
                    "The mistake that the scenario shows is caught: " bdi { (sentence(first, trace)) } "."
                    (others_too(others, " is caught, too", " are caught, too"))
                }
                (None, None) => {
                    "Everything is as the scenario expects: the program " bdi { (one_line(&record.ending.to_string())) }
                    " at " (duration(record.summary.finished)) "."
                }
            }
            (numbers(record))
        }
    }
}

fn with_status(record: &Record, wanted: impl Fn(Status) -> bool) -> Vec<&Check> {
    record.checks.iter().filter(|check| wanted(check.status)).collect()
}

fn others_too(others: &[&Check], one: &str, many: &str) -> Markup {
    html! {
        @if !others.is_empty() {
            " "
            @for (index, check) in others.iter().enumerate() {
                @if index > 0 { @if index + 1 == others.len() { " and " } @else { ", " } }
                (code(&check.key))
            }
            (if others.len() == 1 { one } else { many }) "."
        }
    }
}

/// The run in numbers, as a last sentence.
fn numbers(record: &Record) -> Markup {
    let summary = &record.summary;
    html! {
        span.numbers {
            " In " (duration(summary.finished)) " of virtual time"
            @if let Some(stall) = summary.worst_stall { ", the longest turn took " (duration(stall)) }
            @if let Some(lag) = summary.worst_lag { ", nothing was seen more than " (duration(lag)) " late" }
            @if let Some(latency) = summary.worst_signal_latency {
                ", signals were handled within " (duration(latency))
            }
            "."
        }
    }
}

/// What a check found that is not as it should be, as a clause.
pub(crate) fn sentence(check: &Check, trace: Option<&Trace>) -> String {
    let told = match (check.key.as_ref(), check.status, trace) {
        (_, Status::HoldsButMustFail, _) => {
            format!(
                "{} was to fail, but it holds: expected {}, and found {}",
                one_line(&check.key),
                check.expected,
                check.actual
            )
        }
        ("max-stall", _, Some(trace)) => stall(check, trace),
        ("lag", _, Some(trace)) => lag(check, trace),
        ("signal-latency", _, Some(trace)) => signal(check, trace),
        ("exit", ..) => {
            format!("the program {}, and {} was expected", check.actual, check.expected)
        }
        ("finish", ..) => format!("the run ended at {} ({})", check.actual, check.expected),
        ("offloaded", ..) => format!("{} ({} was expected)", check.actual, check.expected),
        ("trace", ..) => format!("what happened is not {}: {}", check.expected, check.actual),
        (key, ..) => format!(
            "{} is not as it should be: {}, where {} was expected",
            one_line(key),
            check.actual,
            check.expected
        ),
    };
    report(&told)
}

/// The stall, from the trace: the check's own line holds everything at once.
fn stall(check: &Check, trace: &Trace) -> String {
    let Some(turn) = worst_turn(trace) else {
        return format!("there is no turn of a loop ({})", check.expected);
    };
    if check.budget.and_then(|budget| budget.allowed).is_some_and(|max| turn.length() <= max) {
        return format!(
            "the longest turn took {} ({} was expected)",
            turn.length(),
            check.expected
        );
    }
    let budget = match check.budget.and_then(|budget| budget.allowed) {
        Some(allowed) => format!("budget {allowed}"),
        None => check.expected.clone(),
    };
    let lead = format!("the loop stalled for {} at {} ({budget})", turn.length(), turn.begin);
    format!("{lead}{}", whose_fault(&turn, trace))
}

/// Who held the loop up: the task or callback, and the call that it made.
fn whose_fault(turn: &Turn, trace: &Trace) -> String {
    let blame = turn.blame(trace);
    let Some(inner) = blame.last() else {
        return ", with nothing recorded that explains it".into();
    };
    match (inner.doing, blame.first().filter(|outer| outer.doing != inner.doing)) {
        (Doing::Blocking(call), outer) => {
            let outer = outer.map(|outer| format!(" by the {},", outer.doing.describe(trace)));
            let call = measure::describe_call(trace.text(call));
            format!(", held up{} in the {call} on the loop", outer.unwrap_or_default())
        }
        _ => {
            let split = turn.describe_split(trace);
            format!(", held up by the {} ({split})", inner.doing.describe(trace))
        }
    }
}

fn lag(check: &Check, trace: &Trace) -> String {
    // Of equally late ones the first.
    match lags(trace).into_iter().rev().max_by_key(|lag| lag.lag) {
        Some(worst) => format!(
            "the loop saw {} only {} after it was due, at {} ({} was expected)",
            worst.due.describe(trace),
            worst.lag,
            worst.at,
            check.expected
        ),
        None => format!("nothing was due on the loop ({} was expected)", check.expected),
    }
}

/// A signal that nobody handled, or the one that waited longest.
fn signal(check: &Check, trace: &Trace) -> String {
    let signals = measure::signal_latencies(trace);
    let lost = signals.iter().find(|sent| sent.handled.is_none());
    // Of equally late ones the first.
    let worst = signals.iter().rev().max_by_key(|sent| sent.latency());
    match (lost, worst.and_then(|worst| Some((worst, worst.latency()?)))) {
        (Some(lost), _) => format!("{}, raised at {}, was never handled", lost.signal, lost.raised),
        (None, Some((worst, latency))) => format!(
            "{}, raised at {}, was handled only {latency} later ({} was expected)",
            worst.signal, worst.raised, check.expected
        ),
        (None, None) => format!("no signal was handled ({} was expected)", check.expected),
    }
}

/// The command that gives the run again.
pub(crate) fn reproduce(record: &Record) -> Markup {
    html! {
        div.reproduce { h2 { "Reproduce" } (command(&record.reproduce)) }
    }
}

/// Each check, with what was expected and what was found.
pub(super) fn checks(ids: &Ids, record: &Record) -> Markup {
    let rows = html! {
        @for check in &record.checks {
            tr {
                td { (status(check.status)) }
                th scope="row" { (key(ids, record, check)) }
                td.words { bdi { (report(&check.expected)) } }
                td.words {
                    bdi { (report(&check.actual)) }
                    @if let Some(budget) = check.budget && let Some(allowed) = budget.allowed {
                        div { (budget_bar(budget.measured, allowed, check.status.is_good())) }
                    }
                    (detail(check))
                }
            }
        }
    };
    html! {
        section id=(ids.id("checks")) {
            h2 { "Checks" }
            (table("What the scenario expects, and what the run gave", &["Outcome", "Check", "Expected", "Found"], &rows))
        }
    }
}

fn key(ids: &Ids, record: &Record, check: &Check) -> Markup {
    match record.source.places.get(&format!("expect.{}", check.key)) {
        Some(place) => scenario_link(ids, &record.source, *place, &check.key),
        None => code(&check.key),
    }
}

fn detail(check: &Check) -> Markup {
    html! {
        @if !check.detail.is_empty() {
            details {
                summary { "More" span.visually-hidden { " about " (one_line(&check.key)) } }
                pre.detail tabindex="0" { bdi {
                    @for line in check.detail.iter().take(500) { (report(line)) "\n" }
                } }
            }
        }
    }
}

/// A check's outcome.
pub(crate) fn status(status: Status) -> Markup {
    badge(if status.is_good() { Tone::Good } else { Tone::Bad }, word(status))
}

/// The same in a word or two.
pub(crate) fn word(status: Status) -> &'static str {
    match status {
        Status::Holds => "holds",
        Status::Fails => "fails",
        Status::FailsAsItMust => "caught",
        Status::HoldsButMustFail => "not caught",
    }
}

/// What the seed decided.
pub(super) fn drawn(ids: &Ids, record: &Record) -> Markup {
    let rows = html! {
        @for choice in record.choices.iter().take(CHOICES_MAX) {
            tr {
                th scope="row" {
                    @match record.source.places.get(&choice.label) {
                        Some(place) => (scenario_link(ids, &record.source, *place, &choice.label)),
                        None => (code(&choice.label)),
                    }
                }
                td { (name(&choice.value)) }
            }
        }
    };
    html! {
        section id=(ids.id("drawn")) {
            h2 { "Drawn from seed " (record.seed) }
            @if record.choices.is_empty() {
                p.note { "The scenario leaves nothing open before the run: every seed has these parameters." }
            } @else {
                (table("What the scenario leaves open, and what was drawn", &["Parameter", "Value"], &rows))
            }
        }
    }
}
