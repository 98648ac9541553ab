//! From a trace to lanes: one pass over its events.

use loopbox_trace::{EventKind, Lane as TraceLane, Nanos, Trace};

use super::names::Names;
use super::thread::{Change, Thread};
use super::{Group, Lane, LaneKind, Row};

/// The lanes of one process of a trace.
struct Process {
    /// Empty for the first.
    name: String,
    /// Its lanes in the trace.
    lanes: std::ops::Range<u16>,
}

fn processes(trace: &Trace) -> Vec<Process> {
    let count = u16::try_from(trace.lanes.len()).unwrap_or(u16::MAX);
    let mut firsts: Vec<(String, u16)> = vec![(String::new(), 0)];
    firsts.extend(trace.processes.iter().map(|p| (p.name.clone(), p.first_lane.0)));
    let ends: Vec<u16> = firsts.iter().skip(1).map(|first| first.1).chain([count]).collect();
    let lanes = firsts.into_iter().zip(ends);
    lanes.map(|((name, first), end)| Process { name, lanes: first..end }).collect()
}

/// The lanes of a run.
pub(super) fn lanes(trace: &Trace, names: &mut Names, budget: Option<Nanos>) -> Vec<Lane> {
    names.read(trace);
    let processes = processes(trace);
    let mut threads: Vec<Thread> = (0..trace.lanes.len())
        .map(|lane| {
            let is_loop = processes.iter().any(|p| usize::from(p.lanes.start) == lane);
            Thread::new(is_loop, budget)
        })
        .collect();
    for (index, event) in (0_u32..).zip(&trace.events) {
        let thread = &mut threads[usize::from(event.lane.0)];
        match (Change::of(event.kind), event.kind) {
            (Some(change), _) => thread.change(trace, names, event.at, index, change),
            (None, EventKind::Ended | EventKind::ProcessExited { .. }) => {
                thread.end_of_process(event.at, names.text("end"), index);
            }
            _ => {}
        }
    }
    let mut threads: Vec<Option<Thread>> = threads.into_iter().map(Some).collect();
    let mut made = Vec::new();
    for (number, process) in (0_u16..).zip(&processes) {
        for lane in process.lanes.clone() {
            let kind = match lane - process.lanes.start {
                0 => LaneKind::Loop,
                1 => continue,
                _ => LaneKind::Worker,
            };
            let thread = threads[usize::from(lane)].take().expect("each is taken once");
            let mut rows: Vec<Row> = thread.into_rows(trace.finished);
            rows.retain(|row| !row.is_empty());
            rows.iter_mut().for_each(Row::seal);
            if rows.is_empty() {
                continue;
            }
            let title = match (kind, process.name.as_str()) {
                (LaneKind::Loop, "") => "loop".into(),
                (LaneKind::Loop, name) => format!("{} loop", super::names::fit(name)),
                _ => super::names::fit(&trace.lanes[usize::from(lane)]).into_owned(),
            };
            made.push(Lane { title, kind, process: number, thread: Some(TraceLane(lane)), rows });
        }
    }
    made
}

/// The only group of a scene of one run.
pub(super) fn group(trace: &Trace, names: &mut Names, budget: Option<Nanos>) -> Group {
    Group { title: String::new(), trace: Some(0), lanes: lanes(trace, names, budget) }
}
