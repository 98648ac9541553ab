//! The golden and the run side by side: where they part first, and a table in which the row is the difference.
//!
//! The alignment is [`loopbox_trace::diff`]'s; here it is shown. Events that are the same are folded, but for
//! those around a difference.

use std::ops::Range;

use loopbox_trace::check::Check;
use loopbox_trace::diff::{Change, Diff, LaneDiff, Row, RowPlace, align};
use loopbox_trace::golden::{self, Golden};
use loopbox_trace::record::{GoldenText, Record};
use loopbox_trace::text::report;
use loopbox_trace::{Nanos, Trace};
use maud::{Markup, html};

use crate::parts::{Tone, badge, code, count, duration, name, one_line};
use crate::run;
use crate::site::{Delivery, KeptRun, KeptTrace, Page, Site, Step};
use crate::tables::{Ids, or_nothing};
use crate::timeline::{self, Mark, Timeline};

/// How many rows that are the same stand before and after a difference.
const CONTEXT_ROWS: usize = 3;

/// How many rows of one lane stand open, and how many are in one fold.
const ROWS_MAX: usize = 300;

/// How many lanes are shown.
const LANES_MAX: usize = 64;

/// How many differences the keys of the timeline lead to.
const MARKS_MAX: usize = 500;

/// A longer golden is not handed to the timeline.
const GOLDEN_BYTES_MAX: usize = 4_000_000;

/// The page of a run beside its golden.
pub fn page(site: &Site, run: &KeptRun, trace: &KeptTrace) -> String {
    let mut trail = run::trail(site, run);
    trail.push(Step { name: "golden".into(), address: site.golden(&run.id) });
    let title = format!("Golden and run: {}", run::title(run));
    let timeline = run.record.is_ok() && trace.is_ok();
    site.document(&Page { title, trail, body: body(site, run, trace), timeline })
}

/// What the page says, beginning with its `h1`; also for a section of a single file.
pub fn body(site: &Site, run: &KeptRun, trace: &KeptTrace) -> Markup {
    html! {
        article.compare {
            h1 { "Golden and run: " bdi { (run::title(run)) } }
            @match (&run.record, trace) {
                (Ok(record), Ok(trace)) => (found(site, run, record, trace)),
                (Err(why), _) | (_, Err(why)) => {
                    p.note-box { "They cannot be compared: " bdi { (one_line(why)) } "." }
                    p { a href=(site.run(&run.id)) { "To the run" } " for what to do about it." }
                }
            }
        }
    }
}

fn found(site: &Site, run: &KeptRun, record: &Record, trace: &Trace) -> Markup {
    let about = html! {
        p.run-name {
            a href=(site.run(&run.id)) { (code(&record.scenario)) ", seed " (record.seed) }
            @if let Some(golden) = &record.golden { ", held against " (code(&golden.path)) }
        }
    };
    let problem = |what: Markup, advice: Markup| html! { (about) p.note-box { (what) } (advice) };
    let Some(GoldenText { path, text }) = &record.golden else {
        let why = match record.version {
            0 | 1 => {
                "An older Loopbox kept this result, without the golden. Run it again to compare them:"
            }
            _ => {
                "The scenario has no golden. To have one, name its file in the scenario, and bless it:"
            }
        };
        let advice = html! {
            @if record.version >= 2 { pre { code { "[expect]\ntrace = \"name.trace\"" } } (bless(record)) }
            @else { (run::command(&record.reproduce)) }
        };
        return problem(html! { (why) }, advice);
    };
    let Some(text) = text else {
        let what = html! { "There is no file " (code(path)) " yet. Read what happened, and bless it if it is right:" };
        return problem(what, html! { (bless(record)) });
    };
    let golden = match golden::parse(text) {
        Ok(golden) => golden,
        Err(error) => {
            let what = html! {
                "The golden " (code(path)) " cannot be read: " bdi { (one_line(&error.to_string())) }
                ". Restore the file, or bless it again if what happened is right:"
            };
            return problem(what, bless(record));
        }
    };
    let diff = align(&golden, trace);
    let ids = &Ids::of(site, &site.golden(&run.id));
    if site.delivery == Delivery::File && diff.counts.differing == 0 {
        // A file has many of these, and each would say once more what stands in the run's timeline.
        return html! {
            (about)
            (verdict(ids, record, &diff))
            (settings(&golden))
            p.note {
                "So the " a href=(site.run(&run.id)) { "run's page" } " shows the golden's events, too. "
                code { "loopbox view" } " lists them beside each other."
            }
        };
    }
    let timeline = Timeline {
        columns: site.columns(&run.id),
        label: format!("Timeline of the golden and of the run: {}", run::title(run)),
        golden: (text.len() <= GOLDEN_BYTES_MAX).then_some(text),
        issues: marks(&diff),
        ..Timeline::default()
    };
    html! {
        (about)
        (verdict(ids, record, &diff))
        (settings(&golden))
        (timeline::section(ids, &timeline))
        @if timeline.golden.is_none() {
            p.note { "The golden is too long for the timeline; the tables below have its differences." }
        }
        h2 id=(ids.id("lanes")) { "Event by event" }
        @for (index, lane) in diff.lanes.iter().take(LANES_MAX).enumerate() {
            (lane_section(ids, &diff, index, lane))
        }
        @if diff.lanes.len() > LANES_MAX {
            p.note { "The first " (LANES_MAX) " of " (diff.lanes.len()) " lanes are shown." }
        }
        @if diff.counts.differing > 0 {
            h2 { "If the run is right" }
            p {
                "Read the differences first. A golden is rewritten by blessing it, for all of the scenario's lanes at "
                "once; then look at the change of the file before you commit it."
            }
            (bless(record))
        }
    }
}

/// The command that rewrites the golden. It belongs to the scenario's own seed, which needs no telling.
fn bless(record: &Record) -> Markup {
    let without_seed = record.reproduce.split(" --seed ").next().unwrap_or_default();
    run::command(&format!("{without_seed} --bless"))
}

/// What came out, in words.
fn verdict(ids: &Ids, record: &Record, diff: &Diff) -> Markup {
    let counts = diff.counts;
    let same = counts.differing == 0;
    let check = record.checks.iter().find(|check| check.key == "trace");
    html! {
        div class={ "headline " @if same { "good" } @else { "bad" } } {
            p.verdict {
                @if same { (badge(Tone::Good, "the same")) } @else { (badge(Tone::Bad, "different")) }
                " "
                @if same {
                    "All " (count(counts.same, "event", "events")) " of the golden happened, in order and in time."
                } @else {
                    (count(counts.differing, "line differs", "lines differ")) ": "
                    (counts.moved) " at another time, " (counts.missing) " missing, " (counts.extra) " extra. "
                    (counts.same) " are the same."
                }
            }
            (judged(check, same))
            @if let Some(place) = diff.first_divergence { (first_divergence(ids, diff, place)) }
        }
    }
}

/// What the verdict says of the golden, if it is not what the table shows anyway.
fn judged(check: Option<&Check>, same: bool) -> Markup {
    html! {
        @match check {
            None => p {
                "The golden belongs to the scenario's own seed, and this run has another one. So the verdict does not "
                "look at it, and what differs here may be what the seed decides."
            },
            Some(check) if same && !check.status.is_good() => p {
                "The check fails all the same: " bdi { (report(&check.actual)) } "."
            },
            Some(_) => {},
        }
    }
}

fn first_divergence(ids: &Ids, diff: &Diff, place: RowPlace) -> Markup {
    let lane = &diff.lanes[place.lane];
    let row = &lane.rows[place.row];
    let (begin, end) = span(row);
    let event = row.actual.as_ref().map(|actual| actual.event);
    html! {
        p {
            "They part at " (duration(row.at())) " on lane " bdi { (&lane.name) } ": " bdi { (words(row)) } " "
            (change(row, diff.tolerance)) "."
        }
        @if place.lane < LANES_MAX {
            p.run-links {
                a.button.primary href=(ids.link("first-divergence")) data-goto={ (begin.0) "-" (end.0) } data-select=[event] {
                    "Go to the first divergence"
                }
                a href=(ids.link("first-divergence")) { "Its row in the table" }
            }
        }
    }
}

fn settings(golden: &Golden) -> Markup {
    html! {
        dl.facts {
            dt { "Tolerance" }
            dd { "times may be " (duration(golden.tolerance)) " apart" }
            dt { "Kinds of event" }
            dd {
                @if golden.groups.is_empty() { "none" }
                @for group in &golden.groups { code { (group.name()) } " " }
            }
        }
    }
}

/// From the earlier to the later side of a row.
fn span(row: &Row) -> (Nanos, Nanos) {
    let sides = [
        row.expected.as_ref().map(|expected| expected.line.at),
        row.actual.as_ref().map(|actual| actual.line.at),
    ];
    let times = || sides.into_iter().flatten();
    (times().min().unwrap_or_default(), times().max().unwrap_or_default())
}

/// Each difference, for the keys that lead from one to the next, in order of time.
fn marks(diff: &Diff) -> Vec<Mark> {
    let rows = diff.lanes.iter().flat_map(|lane| &lane.rows);
    let mut differing: Vec<&Row> = rows.filter(|row| row.change.is_difference()).collect();
    differing.sort_by_key(|row| row.at());
    let mark = |row: &Row| {
        let (begin, end) = span(row);
        let word = match row.change {
            Change::Same { .. } => "same",
            Change::Moved { .. } => "at another time",
            Change::Missing => "missing",
            Change::Extra => "extra",
        };
        let event = row.actual.as_ref().map(|actual| actual.event);
        Mark {
            title: format!("{word}: {}", one_line(row.text())),
            begin: begin.0,
            end: end.0,
            event,
        }
    };
    differing.into_iter().take(MARKS_MAX).map(mark).collect()
}

fn lane_section(ids: &Ids, diff: &Diff, index: usize, lane: &LaneDiff) -> Markup {
    let differing = lane.rows.iter().filter(|row| row.change.is_difference()).count();
    let only = match (lane.lane.is_some(), lane.rows.iter().any(|row| row.expected.is_some())) {
        (false, _) => Some("only the golden has this lane"),
        (true, false) => Some("only the run has this lane"),
        (true, true) => None,
    };
    let (parts, is_cut) = cut(parts(lane));
    html! {
        section.lane id=(ids.id(&format!("lane-{index}"))) {
            h3 {
                "Lane " (name(&lane.name)) " "
                @if differing == 0 { (badge(Tone::Good, "the same")) }
                @else { (badge(Tone::Bad, &count(differing, "difference", "differences"))) }
                @if let Some(only) = only { " " (badge(Tone::Warn, only)) }
            }
            @for Part { rows, folded } in parts {
                @if folded {
                    details.same {
                        summary { (count(rows.len(), "event is", "events are")) " the same" }
                        @let listed = rows.start..rows.end.min(rows.start + ROWS_MAX);
                        (rows_table(ids, diff, index, listed.clone()))
                        @if listed.end < rows.end { p.note { "The first " (ROWS_MAX) " of them are listed." } }
                    }
                } @else {
                    (rows_table(ids, diff, index, rows))
                }
            }
            @if is_cut { p.note { "More of this lane is not listed. The timeline has all of it." } }
        }
    }
}

/// Ends the list when enough rows stand open, and says whether it had to.
fn cut(parts: Vec<Part>) -> (Vec<Part>, bool) {
    let mut kept = Vec::new();
    let mut left = ROWS_MAX;
    for part in parts {
        if left == 0 {
            return (kept, true);
        }
        if part.folded {
            kept.push(part);
            continue;
        }
        let rows = part.rows.start..part.rows.end.min(part.rows.start + left);
        left -= rows.len();
        let is_cut = rows.end < part.rows.end;
        kept.push(Part { rows, folded: false });
        if is_cut {
            return (kept, true);
        }
    }
    (kept, false)
}

/// Rows of a lane that stand open or are folded together.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    rows: Range<usize>,
    folded: bool,
}

/// Everything around a difference stands open.
fn parts(lane: &LaneDiff) -> Vec<Part> {
    let mut open: Vec<Range<usize>> = Vec::new();
    for (row, _) in lane.rows.iter().enumerate().filter(|(_, row)| row.change.is_difference()) {
        let near = row.saturating_sub(CONTEXT_ROWS)..row + CONTEXT_ROWS + 1;
        // A fold of one row would hide nothing.
        let start = if near.start <= 1 { 0 } else { near.start };
        let end = if near.end + 1 >= lane.rows.len() { lane.rows.len() } else { near.end };
        match open.last_mut() {
            Some(last) if start <= last.end + 1 => last.end = end,
            _ => open.push(start..end),
        }
    }
    let mut parts = Vec::new();
    let mut from = 0;
    for rows in open {
        if from < rows.start {
            parts.push(Part { rows: from..rows.start, folded: true });
        }
        from = rows.end;
        parts.push(Part { rows, folded: false });
    }
    if from < lane.rows.len() {
        parts.push(Part { rows: from..lane.rows.len(), folded: true });
    }
    parts
}

fn rows_table(ids: &Ids, diff: &Diff, lane: usize, rows: Range<usize>) -> Markup {
    let name = &diff.lanes[lane].name;
    let label = format!("Lane {name}, rows {} to {}", rows.start + 1, rows.end);
    let rows = diff.lanes[lane].rows.iter().enumerate().take(rows.end).skip(rows.start);
    let is_first = |row| diff.first_divergence == Some(RowPlace { lane, row });
    html! {
        div.table-scroll tabindex="0" role="region" aria-label=(label) {
            table.diff {
                thead {
                    tr {
                        th.number scope="col" { "Golden line" }
                        th scope="col" { "Golden time" }
                        th scope="col" { "Event" }
                        th scope="col" { "Run time" }
                        th scope="col" { "Off by" }
                        th scope="col" { "Change" }
                    }
                }
                tbody {
                    @for (index, row) in rows {
                        tr.(class(row)) id=[is_first(index).then(|| ids.id("first-divergence"))]
                            data-event=[row.actual.as_ref().map(|actual| actual.event)] {
                            td.number { (or_nothing(row.expected.as_ref().map(|expected| html! { (expected.number) }))) }
                            td { (or_nothing(row.expected.as_ref().map(|expected| duration(expected.line.at)))) }
                            td.words { bdi { (words(row)) } }
                            td { (or_nothing(row.actual.as_ref().map(|actual| moment(ids, row, actual.line.at, actual.event)))) }
                            td { (off_by(row)) }
                            td { (change(row, diff.tolerance)) }
                        }
                    }
                }
            }
        }
    }
}

fn moment(ids: &Ids, row: &Row, at: Nanos, event: usize) -> Markup {
    let (begin, end) = span(row);
    html! {
        a.moment href=(ids.link("timeline")) data-goto={ (begin.0) "-" (end.0) } data-select=(event) { (duration(at)) }
    }
}

fn class(row: &Row) -> &'static str {
    match row.change {
        Change::Same { .. } => "same",
        Change::Moved { .. } => "moved",
        Change::Missing => "missing",
        Change::Extra => "extra",
    }
}

/// The event with the earlier time that it refers to; of both sides, if they are not the same.
fn words(row: &Row) -> String {
    let since = |line: &loopbox_trace::golden::Line| line.since.map(|since| since.to_string());
    let expected = row.expected.as_ref().and_then(|expected| since(&expected.line));
    let actual = row.actual.as_ref().and_then(|actual| since(&actual.line));
    let text = row.text();
    match (expected, actual, row.change) {
        (Some(expected), Some(actual), Change::Moved { .. }) if expected != actual => {
            format!("{text} {expected} (run: {actual})")
        }
        (Some(since), ..) | (None, Some(since), _) => format!("{text} {since}"),
        (None, None, _) => text.into(),
    }
}

/// How much later or earlier the run has the event.
fn off_by(row: &Row) -> Markup {
    let (Some(expected), Some(actual)) = (&row.expected, &row.actual) else {
        return or_nothing(None);
    };
    let (expected, actual) = (expected.line.at, actual.line.at);
    html! {
        @if actual > expected { "+" (duration(actual - expected)) }
        @else if actual < expected { "−" (duration(expected - actual)) }
        @else { (duration(Nanos::ZERO)) }
    }
}

/// The difference as a sign and words.
fn change(row: &Row, tolerance: Nanos) -> Markup {
    match row.change {
        Change::Same { .. } => badge(Tone::Quiet, "same"),
        Change::Moved { off } => {
            let times = (row.expected.as_ref(), row.actual.as_ref());
            let word = match times {
                (Some(expected), Some(actual)) if actual.line.at > expected.line.at + tolerance => {
                    "later"
                }
                (Some(expected), Some(actual)) if actual.line.at + tolerance < expected.line.at => {
                    "earlier"
                }
                _ => "refers to another time",
            };
            badge(Tone::Warn, &format!("{word}, by {off}"))
        }
        Change::Missing => badge(Tone::Bad, "missing"),
        Change::Extra => badge(Tone::New, "extra"),
    }
}

#[cfg(test)]
mod tests;
