//! What leads to what: from a signal's raising to its handler's return, from the submitting of a job to the sight
//! of its end, from a message's sending to its receipt.
//!
//! Readers go through the events in order of time, and of those at one moment in the order of the file. A flow must
//! have begun before it goes on, and the slice that it binds to must stand before it, so the order of the file
//! matters: [`Flows::order`].

use std::collections::BTreeMap;

use super::spans::Spans;
use crate::{EventKind, JobId, Lane, Nanos, Signal, Trace};

/// The phase of the end of a flow.
pub(super) const END: &str = "f";

/// One point of a flow.
#[derive(Clone, Copy)]
pub(super) struct Flow {
    /// Which.
    pub(super) id: usize,
    /// `s` for its start, `t` for a step, `f` for its end.
    pub(super) phase: &'static str,
}

/// What the points of one flow have in common. Each process has signals and messages of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Signal(Lane, Signal, Nanos),
    Job(JobId),
    Message(Lane, u32),
}

/// The flows of a trace.
pub(super) struct Flows {
    /// By event: which flow it is a point of.
    of_event: Vec<Option<Flow>>,
    /// By event: the point of the same flow before it.
    before: Vec<Option<usize>>,
}

impl Flows {
    pub(super) fn of(trace: &Trace, spans: &Spans) -> Flows {
        let mut chains: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
        let processes = trace.main_lanes();
        for (index, event) in trace.events.iter().enumerate() {
            let process = processes[usize::from(event.lane.0)];
            if let Some((key, _)) = point(event.kind, event.at, process) {
                chains.entry(key).or_default().push(index);
            }
        }
        let number = trace.events.len();
        let mut flows = Flows { of_event: vec![None; number], before: vec![None; number] };
        for (id, mut chain) in chains.into_values().filter(|chain| chain.len() > 1).enumerate() {
            chain.sort_by_key(|&index| {
                let event = trace.events[index];
                let stage = point(event.kind, event.at, event.lane).map(|(_, stage)| stage);
                (spans.at(index), stage)
            });
            for (place, &index) in chain.iter().enumerate() {
                let phase = match place {
                    0 => "s",
                    _ if place + 1 == chain.len() => END,
                    _ => "t",
                };
                flows.of_event[index] = Some(Flow { id: id + 1, phase });
                flows.before[index] = place.checked_sub(1).map(|before| chain[before]);
            }
        }
        flows
    }

    /// The flow that the event is a point of.
    pub(super) fn of_event(&self, event: usize) -> Option<Flow> {
        self.of_event[event]
    }

    /// All events in order of time. Of those at one moment, each comes after the one before it on its lane, and
    /// after the one before it in its flow.
    pub(super) fn order(&self, trace: &Trace, spans: &Spans) -> Vec<usize> {
        let mut on_lane: Vec<Option<usize>> = Vec::with_capacity(trace.events.len());
        let mut last: BTreeMap<Lane, usize> = BTreeMap::new();
        for (index, event) in trace.events.iter().enumerate() {
            on_lane.push(last.insert(event.lane, index));
        }
        let mut by_time: Vec<usize> = (0..trace.events.len()).collect();
        by_time.sort_by_key(|&index| spans.at(index));
        // Depth first: before an event comes what must come before it. Nothing of that is later in time. What
        // waits for itself, which only a forged trace can have, is taken as it comes.
        let mut seen = vec![false; trace.events.len()];
        let mut order = Vec::with_capacity(trace.events.len());
        let mut waiting: Vec<(usize, u8)> = Vec::new();
        for index in by_time {
            if !std::mem::replace(&mut seen[index], true) {
                waiting.push((index, 0));
            }
            while let Some((index, asked)) = waiting.last_mut() {
                let before = match *asked {
                    0 => on_lane[*index],
                    1 => self.before[*index],
                    _ => {
                        order.push(*index);
                        waiting.pop();
                        continue;
                    }
                };
                *asked += 1;
                if let Some(before) = before
                    && !std::mem::replace(&mut seen[before], true)
                {
                    waiting.push((before, 0));
                }
            }
        }
        order
    }
}

/// Whether an event of this kind can be a point of a flow.
pub(super) fn may_flow(kind: EventKind) -> bool {
    point(kind, Nanos::ZERO, Lane::MAIN).is_some()
}

/// The flow that an event of a process is a point of, and at which stage.
fn point(kind: EventKind, at: Nanos, process: Lane) -> Option<(Key, u8)> {
    use EventKind::*;
    Some(match kind {
        SignalRaised(signal) => (Key::Signal(process, signal, at), 0),
        SignalDefault(signal) => (Key::Signal(process, signal, at), 1),
        SignalDelivered { signal, raised } => (Key::Signal(process, signal, raised), 2),
        SignalHandled { signal, raised } => (Key::Signal(process, signal, raised), 3),
        JobQueued(job) => (Key::Job(job), 0),
        JobStarted(job) => (Key::Job(job), 1),
        JobFinished(job, _) => (Key::Job(job), 2),
        JobDelivered { job, .. } => (Key::Job(job), 3),
        MessagePosted(message) => (Key::Message(process, message), 0),
        MessageReceived { message, .. } => (Key::Message(process, message), 1),
        _ => return None,
    })
}
