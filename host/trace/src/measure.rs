//! What can be measured in a trace: turns of the loop, lags, latencies of signals, blocking calls.
//!
//! Every function reads a whole trace and judges nothing; whether a value is good is [`crate::check`]'s
//! business. What had not ended when the run did ends at [`Trace::finished`]. All of it is about the run's
//! first process.

mod blocking;
mod pools;
mod turns;

use serde::{Deserialize, Serialize};

use crate::text::one_line;
use crate::{Event, EventKind, JobId, Label, Lane, Nanos, Outcome, Signal, Trace};

pub use blocking::describe_call;
pub use pools::{PoolWait, QueuePeak, pool_waits, queue_lengths, queue_peaks};
pub use turns::{Activity, Doing, Turn, turns, worst_turn};

/// Something that was due and that the loop saw later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Lag {
    /// When the loop saw it.
    pub at: Nanos,
    /// How late that was.
    pub lag: Nanos,
    /// What it was.
    pub due: Due,
    /// The event of seeing it: an index into [`Trace::events`].
    pub event: usize,
}

/// What can be due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Due {
    /// A timer of this name.
    Timer(Label),
    /// The completion of a job.
    Job(JobId),
    /// A message from a thread.
    Message(u32),
    /// A signal.
    Signal(Signal),
}

impl Due {
    /// For people, in a few words.
    pub fn describe(self, trace: &Trace) -> String {
        match self {
            Due::Timer(name) => format!("timer \"{}\"", one_line(trace.text(name))),
            Due::Job(job) => format!("job \"{}\"", one_line(trace.job_name(job))),
            Due::Message(_) => "message from a thread".into(),
            Due::Signal(signal) => signal.name().into(),
        }
    }
}

/// How late the loop saw each due thing, in the order in which it saw them.
pub fn lags(trace: &Trace) -> Vec<Lag> {
    let of_event = |(index, event): (usize, &Event)| {
        let (since, due) = match event.kind {
            EventKind::TimerFired { name, due } => (due, Due::Timer(name)),
            EventKind::JobDelivered { job, finished } => (finished, Due::Job(job)),
            EventKind::MessageReceived { message, posted } => (posted, Due::Message(message)),
            EventKind::SignalDelivered { signal, raised } => (raised, Due::Signal(signal)),
            _ => return None,
        };
        Some(Lag { at: event.at, lag: event.at - since, due, event: index })
    };
    trace.of_first_process().filter_map(of_event).collect()
}

/// A signal that was sent, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SignalLatency {
    /// Which.
    pub signal: Signal,
    /// When it was sent.
    pub raised: Nanos,
    /// When its handler returned; `None` if that never happened.
    pub handled: Option<Nanos>,
    /// The event that tells most of it, the handler's return or else the sending: an index into
    /// [`Trace::events`].
    pub event: usize,
}

impl SignalLatency {
    /// From the sending to the handler's return.
    pub fn latency(&self) -> Option<Nanos> {
        self.handled.map(|handled| handled - self.raised)
    }
}

/// All signals that should have been handled, in the order in which they were sent. One that merged with
/// a pending one shares its fate and is not listed; one that took its default action has no handler.
pub fn signal_latencies(trace: &Trace) -> Vec<SignalLatency> {
    let mut signals: Vec<SignalLatency> = Vec::new();
    for (index, event) in trace.of_first_process() {
        match event.kind {
            EventKind::SignalRaised(signal) => {
                let (raised, event) = (event.at, index);
                signals.push(SignalLatency { signal, raised, handled: None, event });
            }
            // Each of these follows the raising that it is about, and takes it off the list.
            EventKind::SignalMerged(signal) | EventKind::SignalDefault(signal) => {
                if let Some(own) = signals.iter().position(|sent| {
                    sent.signal == signal && sent.raised == event.at && sent.handled.is_none()
                }) {
                    signals.remove(own);
                }
            }
            EventKind::SignalHandled { signal, raised } => {
                if let Some(sent) = signals.iter_mut().find(|sent| {
                    sent.signal == signal && sent.raised == raised && sent.handled.is_none()
                }) {
                    (sent.handled, sent.event) = (Some(event.at), index);
                }
            }
            _ => {}
        }
    }
    signals
}

/// The smallest value that at least `percent` % of the values do not exceed (nearest rank), so it is
/// always one of them. The values must be sorted; `percent` is taken as at least 1 and at most 100.
pub fn percentile(sorted: &[Nanos], percent: u8) -> Option<Nanos> {
    let rank = (sorted.len() * usize::from(percent.clamp(1, 100))).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

/// A call that blocked its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BlockingCall {
    /// As the program named it.
    pub name: Label,
    /// The thread.
    pub lane: Lane,
    /// When it began.
    pub begin: Nanos,
    /// How long the thread was blocked.
    pub length: Nanos,
    /// How it came out; `None` if it had not ended when the run did.
    pub outcome: Option<Outcome>,
    /// The event of its beginning: an index into [`Trace::events`].
    pub event: usize,
}

impl BlockingCall {
    /// Whether it blocked the event loop.
    pub fn on_loop(&self) -> bool {
        self.lane == Lane::MAIN
    }

    /// When the thread went on.
    pub fn end(&self) -> Nanos {
        self.begin + self.length
    }

    /// For people: which, when, for how long and where.
    pub fn describe(&self, trace: &Trace) -> String {
        let lane = one_line(&trace.lanes[usize::from(self.lane.0)]);
        let name = one_line(trace.text(self.name));
        format!("{name} at {} for {} on lane {lane}", self.begin, self.length)
    }
}

/// All blocking calls, in the order in which they were recorded.
pub fn blocking_calls(trace: &Trace) -> Vec<BlockingCall> {
    let mut calls: Vec<BlockingCall> = Vec::new();
    // Indices of the calls that have not ended, innermost last.
    let mut open: Vec<usize> = Vec::new();
    for (index, event) in trace.of_first_process() {
        match event.kind {
            EventKind::BlockingBegin(name) => {
                open.push(calls.len());
                calls.push(BlockingCall {
                    name,
                    lane: event.lane,
                    begin: event.at,
                    length: trace.finished - event.at,
                    outcome: None,
                    event: index,
                });
            }
            EventKind::BlockingEnd(name, outcome) => {
                let ended =
                    |&index: &usize| calls[index].lane == event.lane && calls[index].name == name;
                if let Some(position) = open.iter().rposition(ended) {
                    let call = &mut calls[open.remove(position)];
                    call.length = event.at - call.begin;
                    call.outcome = Some(outcome);
                }
            }
            _ => {}
        }
    }
    calls
}

/// A run in numbers, for reports. A worst value is `None` if there was nothing to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    /// When the run ended.
    pub finished: Nanos,
    /// The longest turn of the loop.
    pub worst_stall: Option<Nanos>,
    /// The latest that the loop saw a due thing.
    pub worst_lag: Option<Nanos>,
    /// The longest from a signal's sending to its handler's return.
    pub worst_signal_latency: Option<Nanos>,
    /// Number of events.
    pub events: usize,
    /// Number of turns of the loop.
    pub turns: usize,
    /// Number of tasks.
    pub tasks: usize,
    /// Number of jobs.
    pub jobs: usize,
    /// Blocking calls that blocked the loop.
    pub calls_on_loop: usize,
    /// Blocking calls on workers.
    pub calls_off_loop: usize,
}

/// The numbers of a run.
pub fn summary(trace: &Trace) -> Summary {
    let turns = turns(trace);
    let calls = blocking_calls(trace);
    let calls_on_loop = calls.iter().filter(|call| call.on_loop()).count();
    Summary {
        finished: trace.finished,
        worst_stall: turns.iter().map(Turn::length).max(),
        worst_lag: lags(trace).iter().map(|lag| lag.lag).max(),
        worst_signal_latency: signal_latencies(trace)
            .iter()
            .filter_map(SignalLatency::latency)
            .max(),
        events: trace.events.len(),
        turns: turns.len(),
        tasks: trace.tasks.len(),
        jobs: trace.jobs.len(),
        calls_on_loop,
        calls_off_loop: calls.len() - calls_on_loop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Builder, ms, one_of_everything};
    use EventKind::*;

    #[test]
    fn a_lag_runs_from_the_due_time_to_the_sight_of_it() {
        let mut b = Builder::new();
        let (tick, job) = (b.label("tick"), b.job("hash"));
        b.main(10, TimerFired { name: tick, due: ms(7) });
        b.main(11, JobDelivered { job, finished: ms(9) });
        b.main(12, MessageReceived { message: 4, posted: ms(11) });
        b.main(13, SignalDelivered { signal: Signal::SIGINT, raised: ms(8) });
        let trace = b.exit(20);
        let seen: Vec<_> =
            lags(&trace).iter().map(|lag| (lag.at, lag.lag, lag.due.describe(&trace))).collect();
        assert_eq!(
            seen,
            [
                (ms(10), ms(3), "timer \"tick\"".to_owned()),
                (ms(11), ms(2), "job \"hash\"".to_owned()),
                (ms(12), ms(1), "message from a thread".to_owned()),
                (ms(13), ms(5), "SIGINT".to_owned()),
            ]
        );
    }

    /// What became of the signals: time of raising and latency, in milliseconds.
    fn fates(build: impl FnOnce(&mut Builder, Signal)) -> Vec<(u64, Option<u64>)> {
        let mut b = Builder::new();
        build(&mut b, Signal::SIGTERM);
        let millis = |nanos: Nanos| nanos.0 / 1_000_000;
        signal_latencies(&b.exit(100))
            .iter()
            .map(|sent| (millis(sent.raised), sent.latency().map(millis)))
            .collect()
    }

    #[test]
    fn a_signals_latency_ends_with_its_handler() {
        let handled = fates(|b, signal| {
            b.signals(1, SignalRaised(signal));
            b.main(5, SignalDelivered { signal, raised: ms(1) });
            b.main(7, SignalHandled { signal, raised: ms(1) });
        });
        assert_eq!(handled, [(1, Some(6))]);
        let never_handled = fates(|b, signal| {
            b.signals(1, SignalRaised(signal));
            b.main(5, SignalDelivered { signal, raised: ms(1) });
        });
        assert_eq!(never_handled, [(1, None)]);
    }

    #[test]
    fn a_merged_signal_shares_the_fate_of_the_pending_one() {
        let merged = fates(|b, signal| {
            b.signals(1, SignalRaised(signal)).signals(3, SignalRaised(signal));
            b.signals(3, SignalMerged(signal));
            b.main(7, SignalHandled { signal, raised: ms(1) });
            b.signals(8, SignalRaised(signal));
        });
        assert_eq!(merged, [(1, Some(6)), (8, None)]);
        let at_one_moment = fates(|b, signal| {
            b.signals(1, SignalRaised(signal)).signals(1, SignalRaised(signal));
            b.signals(1, SignalMerged(signal));
            b.main(7, SignalHandled { signal, raised: ms(1) });
        });
        assert_eq!(at_one_moment, [(1, Some(6))]);
        // A merger whose own raising was not recorded takes nothing else away.
        let alone = fates(|b, signal| {
            b.signals(1, SignalRaised(signal)).signals(3, SignalMerged(signal));
        });
        assert_eq!(alone, [(1, None)]);
    }

    #[test]
    fn a_signal_that_took_its_default_action_needs_no_handler() {
        let ended = fates(|b, signal| {
            b.signals(1, SignalRaised(Signal::SIGINT));
            b.signals(1, SignalRaised(signal)).signals(1, SignalDefault(signal));
        });
        assert_eq!(ended, [(1, None)]);
    }

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let values: Vec<Nanos> = (1..=10).map(Nanos).collect();
        for (percent, value) in [(1, 1), (50, 5), (51, 6), (90, 9), (99, 10), (100, 10), (0, 1)] {
            assert_eq!(percentile(&values, percent), Some(Nanos(value)), "{percent} %");
        }
        assert_eq!(percentile(&values[..1], 50), Some(Nanos(1)));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn blocking_calls_are_told_apart_by_lane_and_end_with_the_run() {
        let mut b = Builder::new();
        let (outer, inner) = (b.label("outer"), b.label("inner"));
        b.main(1, BlockingBegin(outer)).on(Lane::worker(0), 2, BlockingBegin(outer));
        b.main(3, BlockingBegin(inner)).main(4, BlockingEnd(inner, Outcome::Failed));
        b.main(6, BlockingEnd(outer, Outcome::Done));
        // An end without a beginning says nothing.
        b.main(7, BlockingEnd(inner, Outcome::Done));
        let calls = blocking_calls(&b.exit(10));
        let seen: Vec<_> = calls
            .iter()
            .map(|call| (call.name, call.on_loop(), call.begin, call.length, call.outcome))
            .collect();
        assert_eq!(
            seen,
            [
                (outer, true, ms(1), ms(5), Some(Outcome::Done)),
                (outer, false, ms(2), ms(8), None),
                (inner, true, ms(3), ms(1), Some(Outcome::Failed)),
            ]
        );
    }

    #[test]
    fn the_summary_counts_and_takes_the_worst() {
        let expected = Summary {
            finished: ms(6000),
            worst_stall: Some(ms(940)),
            worst_lag: Some(ms(50)),
            worst_signal_latency: Some(ms(51)),
            events: one_of_everything().events.len(),
            turns: 4,
            tasks: 1,
            jobs: 1,
            calls_on_loop: 1,
            calls_off_loop: 1,
        };
        assert_eq!(summary(&one_of_everything()), expected);
        let empty = summary(&Builder::new().exit(1));
        assert_eq!(
            (empty.worst_stall, empty.worst_lag, empty.worst_signal_latency),
            (None, None, None)
        );
    }
}
