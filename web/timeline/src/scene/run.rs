//! From a trace to lanes: one pass over its events.

use std::collections::BTreeMap;

use loopbox_trace::text::one_line;
use loopbox_trace::{Event, EventKind, Lane as TraceLane, Level, Nanos, PoolId, Trace};

use super::children::Children;
use super::jobs::Jobs;
use super::names::Names;
use super::pack::pack;
use super::signals::Signals;
use super::thread::{Change, Thread};
use super::whose::{Role, Whose, title};
use super::{Group, Lane, LaneKind, Look, Row, Slice};

/// How many timers, signals, messages or handlers at once are shown; beyond it they are counted.
const ROWS_MAX: usize = 6;

/// What belongs to one process, but not to one of its threads.
#[derive(Default)]
struct Belongings {
    timers: Vec<Slice>,
    signals: Signals,
    /// Messages that the loop has not seen: when they were posted, and by which event.
    posted: BTreeMap<u32, (Nanos, u32)>,
    messages: Vec<Slice>,
    records: Vec<Slice>,
    handlers: Vec<Slice>,
    output: Vec<Slice>,
    diagnostics: Vec<Slice>,
}

/// A group for a trace, the one with this index.
pub(super) fn group(
    trace: &Trace,
    index: usize,
    names: &mut Names,
    budget: Option<Nanos>,
) -> Group {
    names.read(trace);
    let whose = Whose::of(trace);
    let mut threads: Vec<Thread> = (0_u16..)
        .zip(&trace.lanes)
        .map(|(lane, _)| Thread::new(whose.role(TraceLane(lane)) == Role::Main, budget))
        .collect();
    let mut belongings: Vec<Belongings> = Vec::new();
    belongings.resize_with(whose.count(), Belongings::default);
    let mut jobs = Jobs::new(trace);
    let mut children = Children::new(trace);
    for (index, event) in (0_u32..).zip(&trace.events) {
        let process = whose.process(event.lane);
        jobs.take_note_of(event, index, process);
        if let Some(change) = Change::of(event.kind) {
            threads[usize::from(event.lane.0)].change(trace, names, event.at, index, change);
            continue;
        }
        children.take_note_of(trace, names, event, index);
        if ends_its_process(&children, &whose, event) {
            threads[usize::from(event.lane.0)].end_of_process(event.at, names.text("end"), index);
        }
        belongings[usize::from(process)].take_note_of(trace, names, event, index);
    }

    let ends = children.ends(trace);
    let pools = whose.pools(trace);
    // With what they are sorted by: each queue stands above the workers of its pool.
    let mut lanes: Vec<((u16, LaneKind, PoolId), Lane)> = Vec::new();
    for (number, mut thread) in (0_u16..).zip(threads) {
        let lane = TraceLane(number);
        let process = whose.process(lane);
        // Of the first process the verdict says that its main thread must not block, whatever it is.
        let without_loop = process > 0 && !thread.has_turns();
        if without_loop {
            thread.may_block();
        }
        let (rows, handlers) = thread.into_rows(ends[usize::from(process)]);
        belongings[usize::from(process)].handlers.extend(handlers);
        let (kind, title) = match whose.role(lane) {
            Role::Main if without_loop => (LaneKind::Loop, title(trace, process, "main")),
            Role::Main => (LaneKind::Loop, title(trace, process, "loop")),
            Role::Signals => continue,
            Role::Worker => (LaneKind::Worker, one_line(&trace.lanes[usize::from(number)])),
        };
        let key = (process, kind.min(LaneKind::Queue), pools[usize::from(number)]);
        lanes.push((key, Lane { title, kind, process, thread: Some(lane), rows }));
    }
    for (pool, lane) in jobs.lanes(trace, names, &ends) {
        lanes.push(((lane.process, lane.kind, pool), lane));
    }
    for ((process, belongings), end) in (0_u16..).zip(belongings).zip(&ends) {
        for lane in belongings.into_lanes(trace, names, process, *end) {
            lanes.push(((process, lane.kind, PoolId::DEFAULT), lane));
        }
    }
    for lane in children.lanes(trace, &whose, names) {
        lanes.push(((0, lane.kind, PoolId::DEFAULT), lane));
    }
    lanes.retain(|(_, lane)| !lane.rows.is_empty());
    lanes.sort_by_key(|(key, lane)| (*key, lane.kind));
    lanes.truncate(usize::from(u16::MAX));
    let lanes = lanes.into_iter().map(|(_, lane)| lane).collect();
    Group { title: String::new(), trace: Some(index), lanes }
}

/// Whether the event is the end of the process on whose main thread it happened.
fn ends_its_process(children: &Children<'_>, whose: &Whose, event: &Event) -> bool {
    let ends = match event.kind {
        EventKind::Ended => true,
        EventKind::ProcessExited { process: name, .. } => {
            children.is(name, whose.process(event.lane))
        }
        _ => false,
    };
    ends && whose.role(event.lane) == Role::Main
}

/// How a record or a report of this level looks.
fn look_of(level: Level) -> Look {
    match level {
        Level::Debug | Level::Info => Look::Log,
        Level::Warning => Look::Warning,
        Level::Error | Level::Critical => Look::Error,
    }
}

impl Belongings {
    fn take_note_of(&mut self, trace: &Trace, names: &mut Names, event: &Event, index: u32) {
        let at = event.at;
        let mark = |name: u32, look: Look| Slice { begin: at, end: at, name, look, event: index };
        match event.kind {
            EventKind::TimerFired { name, due } => {
                let begin = due.min(at);
                self.timers.push(Slice { begin, ..mark(names.label(trace, name), Look::Timer) });
            }
            EventKind::MessagePosted(message) => {
                self.posted.insert(message, (at, index));
            }
            EventKind::MessageReceived { message, posted } => {
                let (begin, event) = self.posted.remove(&message).unwrap_or((posted, index));
                let begin = begin.min(at);
                let received = mark(names.text("message"), Look::Message);
                self.messages.push(Slice { begin, event, ..received });
            }
            EventKind::Log { level, text, .. } => {
                self.records.push(mark(names.label(trace, text), look_of(level)));
            }
            EventKind::Output { text, .. } => {
                self.output.push(mark(names.label(trace, text), Look::Log));
            }
            EventKind::Diagnostic(diagnostic) => {
                let look = look_of(trace.diagnostics[diagnostic as usize].level);
                self.diagnostics.push(mark(names.diagnostic(trace, diagnostic), look));
            }
            kind => self.signals.take_note_of(at, kind, index),
        }
    }

    fn into_lanes(
        mut self,
        trace: &Trace,
        names: &mut Names,
        process: u16,
        end: Nanos,
    ) -> Vec<Lane> {
        let never = names.text("message, never received");
        self.messages.extend(self.posted.values().map(|&(begin, event)| Slice {
            begin,
            end: end.max(begin),
            name: never,
            look: Look::Message,
            event,
        }));
        let signals = self.signals.slices(end, names);
        let mut log = Vec::new();
        for (title, mut marks) in [("records", self.records), ("output", self.output)] {
            marks.sort_by_key(|mark| mark.begin);
            if !marks.is_empty() {
                log.push(Row::from_slices(marks).titled(names.text(title)));
            }
        }
        let handlers = pack(self.handlers, ROWS_MAX, names);
        log.extend(handlers.into_iter().map(|row| match row.title {
            None => row.titled(names.text("handlers")),
            Some(_) => row,
        }));
        let mut rows = |slices: Vec<Slice>| pack(slices, ROWS_MAX, names);
        [
            (LaneKind::Timers, "timers", rows(self.timers)),
            (LaneKind::Signals, "signals", rows(signals)),
            (LaneKind::Messages, "messages", rows(self.messages)),
            (LaneKind::Diagnostics, "diagnostics", rows(self.diagnostics)),
            (LaneKind::Log, "log", log),
        ]
        .into_iter()
        .map(|(kind, name, rows)| Lane {
            title: title(trace, process, name),
            kind,
            process,
            thread: None,
            rows,
        })
        .collect()
    }
}
