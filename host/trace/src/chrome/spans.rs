//! Beginnings and ends, paired so that what lies on one lane nests perfectly.
//!
//! What our machine records does so anyway. But a trace may have been cut in the middle of something, and a file may
//! be anybody's: an end closes what was begun inside, an end without a beginning says nothing, what has
//! not ended does so with the lane or the run, and a lane never goes back in time.

use std::collections::BTreeMap;

use crate::{EventKind, Lane, Nanos, Trace};

/// How deep in what is open an event may find what it ends. Programs do not nest so deep, and only a forged trace
/// would have us look further, again and again.
const DEPTH_MAX: usize = 256;

/// When the events of a trace begin and end; by their index.
pub(super) struct Spans {
    times: Vec<Nanos>,
    ends: Vec<Option<End>>,
}

/// The end of something.
#[derive(Clone, Copy)]
struct End {
    at: Nanos,
    /// The event that ended it, if one did.
    event: Option<usize>,
}

impl Spans {
    pub(super) fn of(trace: &Trace) -> Spans {
        let mut spans = Spans {
            times: Vec::with_capacity(trace.events.len()),
            ends: vec![None; trace.events.len()],
        };
        let mut lanes: BTreeMap<Lane, OpenLane> = BTreeMap::new();
        for (index, event) in trace.events.iter().enumerate() {
            let lane = lanes.entry(event.lane).or_default();
            lane.now = lane.now.max(event.at);
            spans.times.push(lane.now);
            if let Some(ended) = lane.ended_by(event.kind, trace) {
                for (depth, open) in lane.open.drain(ended..).enumerate() {
                    let event = (depth == 0).then_some(index);
                    spans.ends[open] = Some(End { at: lane.now, event });
                }
            }
            if begins(event.kind) {
                lane.open.push(index);
            }
        }
        for lane in lanes.into_values() {
            for open in lane.open {
                let at = lane.now.max(trace.finished);
                spans.ends[open] = Some(End { at, event: None });
            }
        }
        spans
    }

    /// When the event happened.
    pub(super) fn at(&self, event: usize) -> Nanos {
        self.times[event]
    }

    /// When what began with the event ended; `None` if nothing did.
    pub(super) fn end(&self, event: usize) -> Option<Nanos> {
        self.ends[event].map(|end| end.at)
    }

    /// The event that ended what began with this one.
    pub(super) fn end_event(&self, event: usize) -> Option<usize> {
        self.ends[event].and_then(|end| end.event)
    }
}

/// A lane while it is gone through.
#[derive(Default)]
struct OpenLane {
    now: Nanos,
    /// What has begun and not ended, outermost first.
    open: Vec<usize>,
}

impl OpenLane {
    /// The innermost of what is open that the event ends.
    fn ended_by(&self, kind: EventKind, trace: &Trace) -> Option<usize> {
        let innermost = self.open.len().saturating_sub(DEPTH_MAX);
        let ends = |open: &usize| ends(kind, trace.events[*open].kind);
        Some(innermost + self.open[innermost..].iter().rposition(ends)?)
    }
}

/// Whether something begins that takes time.
fn begins(kind: EventKind) -> bool {
    use EventKind::*;
    matches!(
        kind,
        TurnBegin
            | StepBegin(_)
            | CallbackBegin(_)
            | BlockingBegin(_)
            | HandlerBegin { .. }
            | JobStarted(_)
    )
}

/// Whether an event ends what began with another. A turn ends at the latest where the next one begins.
fn ends(kind: EventKind, begun: EventKind) -> bool {
    use EventKind::*;
    match (kind, begun) {
        (TurnEnd | TurnBegin, TurnBegin) => true,
        (StepEnd(task, _), StepBegin(begun)) => task == begun,
        (CallbackEnd(name), CallbackBegin(begun)) => name == begun,
        (BlockingEnd(name, _), BlockingBegin(begun)) => name == begun,
        (JobFinished(job, _), JobStarted(begun)) => job == begun,
        (HandlerEnd { handler, logger }, HandlerBegin { handler: begun, logger: of }) => {
            (handler, logger) == (begun, of)
        }
        _ => false,
    }
}
