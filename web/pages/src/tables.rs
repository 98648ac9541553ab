//! Events and what follows from them as tables: what the timeline shows, for readers without it.
//!
//! A row leads to its place in the timeline and to its event in the list of all events, tells where in the
//! program it comes from, and which line of the scenario made it. No table has more rows than its [`Limits`]
//! allow; a note says what is not there.

use loopbox_trace::record::{Record, Source, SourceFile, SourcePlace};
use loopbox_trace::text::report;
use loopbox_trace::{EventKind, Lane, Nanos, Trace, golden};
use maud::{Markup, html};

use crate::parts::{code, count, duration, name};
use crate::site::{Delivery, Site};
use crate::source_view;

/// How much of a run its tables list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rows of a table of what was measured.
    pub rows: usize,
    /// Rows of one page of the list of all events.
    pub events: usize,
    /// Whether what is not there gets a section that says so, and what was measured a drawing.
    pub full: bool,
}

impl Limits {
    /// Of a page that is asked for by itself.
    pub const PAGE: Limits = Limits { rows: 100, events: 500, full: true };

    /// Of a run that fails, in a file: it is one of many there, and a browser reads all of them to show one.
    pub const FAILING_IN_FILE: Limits = Limits { rows: 20, events: 50, full: true };

    /// Of a run that holds, in a file. Its timeline has all of its events.
    pub const HOLDING_IN_FILE: Limits = Limits { rows: 5, events: 0, full: false };

    /// Of a run that holds or does not.
    pub fn of(site: &Site, holds: bool) -> Limits {
        match (&site.delivery, holds) {
            (Delivery::Server { .. }, _) => Limits::PAGE,
            (Delivery::File, false) => Limits::FAILING_IN_FILE,
            (Delivery::File, true) => Limits::HOLDING_IN_FILE,
        }
    }
}

/// The ids of one run's page in its document. In a single file each begins with the address of the run's section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ids {
    prefix: String,
    /// Whether lines of a scenario to which nothing leads have ids, too: somebody may write such an address.
    all_lines: bool,
}

impl Ids {
    /// Of the page with this address.
    pub fn of(site: &Site, address: &str) -> Ids {
        match site.delivery {
            Delivery::Server { .. } => Ids { prefix: String::new(), all_lines: true },
            Delivery::File => {
                Ids { prefix: format!("{}/", Site::section_id(address)), all_lines: false }
            }
        }
    }

    /// The address of a line of the scenario.
    fn line_link(&self, source: &Source, place: SourcePlace) -> String {
        match source.files.get(place.file).and_then(|file| self.shared(place.file, file)) {
            Some(shared) => format!("#{shared}/{}", place.line),
            None => self.link(&source_view::anchor(place.file, place.line)),
        }
    }

    /// The section that has the text of a scenario's file, if that is not on the page: in a file, many runs extend
    /// one.
    pub(crate) fn shared(&self, index: usize, file: &SourceFile) -> Option<String> {
        (!self.all_lines && index > 0).then(|| source_view::shared_id(file))
    }

    /// The id of a line of the scenario: in a file only of one to which something may lead.
    pub(crate) fn line_id(&self, source: &Source, place: SourcePlace) -> Option<String> {
        let wanted = self.all_lines || source.places.values().any(|linked| *linked == place);
        wanted.then(|| self.id(&source_view::anchor(place.file, place.line)))
    }

    /// The id of a part of the page.
    pub fn id(&self, part: &str) -> String {
        format!("{}{part}", self.prefix)
    }

    /// The address of a part from anywhere on the page.
    pub fn link(&self, part: &str) -> String {
        format!("#{}{part}", self.prefix)
    }
}

/// What tables are made from.
#[derive(Clone, Debug)]
pub(crate) struct Context<'a> {
    pub(crate) ids: &'a Ids,
    pub(crate) record: &'a Record,
    pub(crate) trace: &'a Trace,
    /// The event that the list of all events begins with.
    pub(crate) events_from: usize,
    /// How much is listed.
    pub(crate) limits: Limits,
    /// Whether other pages of the list can be asked for.
    pub(crate) has_pages: bool,
}

impl Context<'_> {
    /// Where the list of all events has an event; `None` if that cannot be reached.
    pub(crate) fn address_of(&self, event: usize) -> Option<String> {
        let part = format!("event-{event}");
        if (self.events_from..self.events_from.saturating_add(self.limits.events)).contains(&event)
        {
            return Some(self.ids.link(&part));
        }
        self.has_pages.then(|| {
            let page = event / self.limits.events * self.limits.events;
            format!("?events={page}#{part}")
        })
    }

    /// A moment, which leads to its place in the timeline and to its event.
    pub(crate) fn moment(&self, event: Option<usize>, begin: Nanos, end: Nanos) -> Markup {
        html! {
            a.moment href=(self.timeline_address(event)) data-goto={ (begin.0) "-" (end.0) }
                data-select=[event] { (duration(begin)) }
        }
    }

    /// Without scripts the timeline shows nothing, so a link to it leads to the event if it can.
    pub(crate) fn timeline_address(&self, event: Option<usize>) -> String {
        event.and_then(|event| self.address_of(event)).unwrap_or_else(|| self.ids.link("timeline"))
    }

    /// A key of the scenario, which leads to its line.
    pub(crate) fn scenario_line(&self, key: &str) -> Option<Markup> {
        let place = self.record.source.places.get(key)?;
        Some(scenario_link(self.ids, &self.record.source, *place, key))
    }

    /// The rule of the scenario for a blocking call.
    pub(crate) fn rule_line(&self, call: &str) -> Option<Markup> {
        let rule = self.record.world.rule_for(call)?;
        self.scenario_line(&format!("blocking[{rule}]"))
    }

    /// The signal of the scenario that is sent then.
    pub(crate) fn signal_line(&self, signal: loopbox_trace::Signal, at: Nanos) -> Option<Markup> {
        let index = self.record.world.signal_at(signal, at)?;
        self.scenario_line(&format!("signal[{index}].at"))
            .or_else(|| self.scenario_line(&format!("signal[{index}]")))
    }

    /// The line of the scenario that made the event.
    fn line_of(&self, at: Nanos, kind: &EventKind) -> Option<Markup> {
        match *kind {
            EventKind::BlockingBegin(call) | EventKind::BlockingEnd(call, _) => {
                self.rule_line(self.trace.text(call))
            }
            EventKind::SignalRaised(signal) => self.signal_line(signal, at),
            EventKind::SignalDelivered { signal, raised }
            | EventKind::SignalHandled { signal, raised } => self.signal_line(signal, raised),
            _ => None,
        }
    }

    /// Where in the program the subject of the event comes from.
    fn place_of(&self, kind: &EventKind) -> Option<&str> {
        use EventKind::*;
        match *kind {
            TaskSpawned(task) | TaskCancelled(task) | StepBegin(task) | StepEnd(task, _) => {
                Some(self.trace.text(self.trace.tasks[task.0 as usize].place))
            }
            JobQueued(job) | JobStarted(job) | JobFinished(job, _) | JobDelivered { job, .. } => {
                self.trace.jobs[job.0 as usize].place.map(|place| self.trace.text(place))
            }
            Diagnostic(index) => {
                let report = &self.trace.diagnostics[index as usize];
                report.created.as_deref().or(report.died.as_deref())
            }
            _ => None,
        }
    }

    pub(crate) fn lane(&self, lane: Lane) -> Markup {
        name(&self.trace.lanes[usize::from(lane.0)])
    }

    /// The indices of the events of a kind, in their order.
    pub(crate) fn events(&self, wanted: impl Fn(Lane, &EventKind) -> bool) -> Vec<usize> {
        let events = self.trace.events.iter().enumerate();
        events
            .filter(|(_, event)| wanted(event.lane, &event.kind))
            .map(|(index, _)| index)
            .collect()
    }
}

/// A link to a line of the scenario; of another file than its own with that file's name.
pub(crate) fn scenario_link(ids: &Ids, source: &Source, place: SourcePlace, key: &str) -> Markup {
    let file = source.files.get(place.file).filter(|_| place.file > 0);
    html! {
        a href=(ids.line_link(source, place)) {
            (code(key)) " line " (place.line)
            @if let Some(file) = file { " of " (name(file.path.rsplit('/').next().unwrap_or_default())) }
        }
    }
}

/// What a cell has if there is nothing.
pub(crate) fn or_nothing(content: Option<Markup>) -> Markup {
    content.unwrap_or_else(|| html! { span.nothing { "–" } })
}

/// A table that is too wide for some windows: it scrolls within itself, by keys, too.
pub(crate) fn table(caption: &str, head: &[&str], rows: &Markup) -> Markup {
    html! {
        div.table-scroll tabindex="0" role="region" aria-label=(caption) {
            table.facts {
                caption { (caption) }
                thead { tr { @for title in head { th scope="col" { (title) } } } }
                tbody { (rows) }
            }
        }
    }
}

/// Says that a table does not have everything.
pub(crate) fn cut_note(context: &Context<'_>, shown: usize, all: usize, which: &str) -> Markup {
    html! {
        @if shown < all {
            p.note {
                "The " (which) " " (shown) " of " (all) " are listed. "
                @if context.has_pages {
                    "The timeline and the list of events have all of them."
                } @else {
                    code { "loopbox view" } " lists more."
                }
            }
        }
    }
}

/// A part of a page that is folded until somebody wants it.
pub(crate) fn folded(
    ids: &Ids,
    part: &str,
    title: &str,
    number: &str,
    open: bool,
    content: &Markup,
) -> Markup {
    html! {
        details.fold id=(ids.id(part)) open[open] {
            summary { h2 { (title) } " " span.number { (number) } }
            (content)
        }
    }
}

/// One page of the list of all events.
pub(crate) fn all_events(context: &Context<'_>) -> Markup {
    let trace = context.trace;
    let all = trace.events.len();
    let from = context.events_from.min(all);
    let to = from.saturating_add(context.limits.events).min(all);
    let rows = html! {
        @for (index, event) in trace.events.iter().enumerate().take(to).skip(from) {
            tr id=(context.ids.id(&format!("event-{index}"))) data-event=(index) {
                td.number { (index) }
                td { (context.moment(Some(index), event.at, event.at)) }
                td { (context.lane(event.lane)) }
                td.words { bdi { (golden::words(trace, event)) } }
                td { (or_nothing(context.place_of(&event.kind).map(code))) }
                td { (or_nothing(context.line_of(event.at, &event.kind))) }
            }
        }
    };
    let pages = |label: &str| {
        html! {
            @if to - from < all {
                @if context.has_pages {
                    nav.pages aria-label=(label) {
                        @if from > 0 {
                            a rel="prev" href={ "?events=" (from.saturating_sub(context.limits.events)) (context.ids.link("events")) } {
                                "Earlier events"
                            }
                        }
                        @if to < all {
                            a rel="next" href={ "?events=" (to) (context.ids.link("events")) } { "Later events" }
                        }
                    }
                } @else {
                    p.note {
                        @if to == from { "None" } @else { "The first " (to - from) }
                        " of " (count(all, "event", "events"))
                        " are listed in this file; " code { "loopbox view" } " shows all of them."
                    }
                }
            }
        }
    };
    let caption = match to {
        0 => "No event was recorded".to_owned(),
        _ => {
            format!("Events {from} to {} of {all}, in the order of the trace", to.saturating_sub(1))
        }
    };
    html! {
        (pages("Pages of events"))
        @if from < to {
            (table(&caption, &["No.", "Time", "Lane", "Event", "Program", "Scenario"], &rows))
        } @else if all > context.events_from {
            // The note above says that none is listed.
        } @else if all > 0 {
            p.note { "There is no event " (context.events_from) ": the trace has " (all) "." }
        } @else {
            p.note { "No event was recorded." }
        }
        @if from < to { (pages("Pages of events, again")) }
    }
}

/// A long text of the guest in full, as far as that is reasonable.
pub(crate) fn long_text(text: &str) -> Markup {
    html! { bdi { (report(text)) } }
}
