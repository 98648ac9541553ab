//! The page of a run: the verdict in words first, then what is wrong, the timeline, and the facts as tables.
//!
//! The page has everything without scripts. What is large is cut, and says so.

mod blocking;
mod ending;
mod histogram;
mod jobs;
mod lags;
mod log;
mod others;
mod rail;
mod signals;
mod turns;
mod verdict;

use loopbox_trace::record::Record;
use loopbox_trace::text::report;
use loopbox_trace::{Ending, Limit, Outcome, Stream, Trace};
use maud::{Markup, html};

use crate::parts::{Tone, badge, code, one_line};
use crate::site::{Delivery, KeptRun, KeptTrace, Page, Site, Step};
use crate::source_view;
use crate::tables::{self, Context, Ids, Limits, folded, or_nothing};
use crate::timeline::{self, Timeline};

pub(crate) use rail::{marks, of_run};
pub(crate) use verdict::{reproduce, sentence, status, word};

/// Characters of one stream that are shown.
const OUTPUT_CHARS_MAX: usize = 20_000;

/// What the address asks of the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The event that the list of all events begins with.
    pub events_from: usize,
    /// What had to be left out of the trace to show it at all, as a sentence for people.
    pub left_out: Option<String>,
}

impl Query {
    /// Reads what stands behind the `?` of an address: `events=500`. What makes no sense asks for nothing.
    pub fn read(query: &str) -> Query {
        let events = query.split('&').find_map(|pair| pair.strip_prefix("events="));
        Query {
            events_from: events.and_then(|from| from.parse().ok()).unwrap_or(0),
            left_out: None,
        }
    }
}

/// The page of a run.
pub fn page(site: &Site, run: &KeptRun, trace: &KeptTrace, query: &Query) -> String {
    let page = Page {
        title: title(run),
        trail: trail(site, run),
        body: body(site, run, trace, query),
        timeline: run.record.is_ok() && trace.is_ok(),
    };
    site.document(&page)
}

/// The title of a run, for a window or a heading.
pub(crate) fn title(run: &KeptRun) -> String {
    match &run.record {
        Ok(record) if !record.title.trim().is_empty() => one_line(&record.title),
        _ => one_line(&run.id),
    }
}

/// The way to a run.
pub(crate) fn trail(site: &Site, run: &KeptRun) -> Vec<Step> {
    let scenario = run.scenario_id();
    let seed = run.id.rsplit('/').next().unwrap_or_default().to_owned();
    let sweep = Step { name: scenario.to_owned(), address: site.sweep(scenario) };
    let own = Step { name: seed, address: site.run(&run.id) };
    if scenario.is_empty() { vec![own] } else { vec![sweep, own] }
}

/// What the page of a run says, beginning with its `h1`; also for a section of a single file.
pub fn body(site: &Site, run: &KeptRun, trace: &KeptTrace, query: &Query) -> Markup {
    let record = match &run.record {
        Ok(record) => record,
        Err(why) => return unreadable_record(run, why),
    };
    let ids = &Ids::of(site, &site.run(&run.id));
    html! {
        article.run {
            h1 { bdi { (title(run)) } }
            p.run-name { (code(&record.scenario)) ", seed " (record.seed) }
            (verdict::paragraph(record, trace.as_ref().ok()))
            (ending::changes(record, run.previous.as_ref()))
            (reproduce(record))
            nav.run-links aria-label="More about this run" { (links(site, run, record)) }
            @if record.version < 2 { (old_record(record)) }
            (ending::section(ids, &record.ending))
            (verdict::checks(ids, record))
            (verdict::drawn(ids, record))
            @match trace {
                Ok(trace) => (seen(site, run, record, trace, query, ids)),
                Err(why) => (unreadable_trace(why, record)),
            }
            (beside(ids, record, trace.as_ref().ok()))
        }
    }
}

/// What is known of a run whose trace can be read.
fn seen(
    site: &Site,
    run: &KeptRun,
    record: &Record,
    trace: &Trace,
    query: &Query,
    ids: &Ids,
) -> Markup {
    let has_pages = matches!(site.delivery, Delivery::Server { .. });
    // Without the timeline the list is all that tells of the events.
    let limits = Limits::of(site, record.holds && query.left_out.is_none());
    let events_from = query.events_from;
    let context = &Context { ids, record, trace, events_from, limits, has_pages };
    let issues = rail::of_run(record, trace);
    let timeline = Timeline {
        issues: rail::marks(&issues),
        columns: site.columns(&run.id),
        label: format!("Timeline of {}", title(run)),
        what_if: what_if(site, run, record).map(|address| format!("{address}/fragment")),
        ..Timeline::of_run(record, trace)
    };
    // Whoever asks for a page of the list wants to see it.
    let asked_for_events = query.events_from > 0;
    let events = trace.events.len().to_string();
    html! {
        (rail::section(context, &issues))
        @if trace.events.is_empty() { (empty_trace(record)) }
        @if let Some(why) = &query.left_out { p.note-box { (one_line(why)) } }
        @if let Ending::LimitReached { limit: Limit::Trace, allowed, .. } = &trace.ending {
            p.note-box {
                "The trace ends where the run reached its limit of events. Raise "
                code { "trace-limit" } " (now " (one_line(allowed)) ") in the scenario's " code { "[machine]" }
                " to see more."
            }
        }
        (timeline::section(ids, &timeline))
        div.facts-list {
            (turns::section(context))
            (lags::section(context))
            (signals::section(context))
            (blocking::section(context))
            (jobs::section(context))
            (others::timers(context))
            (others::processes(context))
            (others::pipes(context))
            (log::diagnostics(context))
            (log::log(context))
            (folded(ids, "events", "All events", &events, asked_for_events, &tables::all_events(context)))
        }
    }
}

/// Where something else can be tried: old records do not tell what there is to try.
fn what_if(site: &Site, run: &KeptRun, record: &Record) -> Option<String> {
    site.what_if(&run.id).filter(|_| record.version >= 2)
}

fn links(site: &Site, run: &KeptRun, record: &Record) -> Markup {
    html! {
        @if record.golden.is_some() {
            a href=(site.golden(&run.id)) { "Compare with the golden" }
        }
        @if let Some(address) = what_if(site, run, record) {
            a href=(address) { "What if …" }
        }
        @if run.id.contains('/') {
            a href=(site.sweep(run.scenario_id())) { "All seeds" }
        }
    }
}

/// What stands beside the facts: what the program wrote, and the scenario.
fn beside(ids: &Ids, record: &Record, trace: Option<&Trace>) -> Markup {
    html! {
        div.halves.beside-facts {
            div {
                @if let Some(trace) = trace {
                    section id=(ids.id("output")) {
                        h2 { "Output" }
                        @for stream in [Stream::Stdout, Stream::Stderr] { (output(trace, stream)) }
                    }
                }
                (ending::about(ids, record))
            }
            @if !record.source.files.is_empty() {
                section id=(ids.id("scenario")) {
                    h2 { "Scenario" }
                    (source_view::files(ids, &record.source))
                }
            }
        }
    }
}

fn output(trace: &Trace, stream: Stream) -> Markup {
    let text = trace.output(stream);
    let cut = text.char_indices().nth(OUTPUT_CHARS_MAX).map(|(at, _)| at);
    let label = format!("What the program wrote to {}", stream.name());
    html! {
        h3 { (code(stream.name())) }
        @if text.is_empty() {
            p.note { "Nothing was written." }
        } @else {
            pre.output tabindex="0" role="region" aria-label=(label) {
                bdi { (source_view::harmless(&text[..cut.unwrap_or(text.len())])) }
            }
        }
        @if cut.is_some() {
            p.note {
                "The first " (OUTPUT_CHARS_MAX) " characters are shown. The trace beside the result has all of them."
            }
        }
    }
}

fn unreadable_record(run: &KeptRun, why: &str) -> Markup {
    html! {
        article.run {
            h1 { bdi { (title(run)) } }
            p.note-box { bdi { (report(why)) } }
            p {
                "Run the scenario again to replace it, or remove the file. A result that a newer Loopbox wrote needs "
                "that Loopbox to be read."
            }
            p { "It is " (code(&format!("{}.json", run.id))) " in the folder of results." }
        }
    }
}

fn unreadable_trace(why: &str, record: &Record) -> Markup {
    html! {
        p.note-box {
            bdi { (report(why)) }
            " The verdict above was computed when it was there. To see the run again:"
        }
        (command(&record.reproduce))
    }
}

fn old_record(record: &Record) -> Markup {
    html! {
        p.note-box {
            "An older Loopbox kept this result, with neither the scenario's text, nor the golden, nor what could be "
            "tried otherwise. Run it again to have them:"
        }
        (command(&record.reproduce))
    }
}

fn empty_trace(record: &Record) -> Markup {
    html! {
        p.note-box {
            "Nothing was recorded: the program " bdi { (one_line(&record.ending.to_string())) }
            " before its event loop did anything. Its output below may say why."
        }
    }
}

/// A command to be copied.
pub(crate) fn command(text: &str) -> Markup {
    html! {
        p.command { code { bdi { (loopbox_trace::text::report(text)) } } }
    }
}

/// A place in the program.
fn place(text: Option<&str>) -> Markup {
    or_nothing(text.map(code))
}

/// How something came out; nothing of what had not ended when the run did.
fn outcome(outcome: Option<Outcome>) -> Markup {
    match outcome {
        Some(Outcome::Done) => badge(Tone::Good, "done"),
        Some(Outcome::Pending) => badge(Tone::Quiet, "pending"),
        Some(Outcome::Failed) => badge(Tone::Bad, "failed"),
        Some(Outcome::Cancelled) => badge(Tone::Warn, "cancelled"),
        None => badge(Tone::Warn, "not ended"),
    }
}

#[cfg(test)]
mod tests;
