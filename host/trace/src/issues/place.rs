//! Where in the trace a check is about, and what happened there in a sentence.
//!
//! The same functions that measured for the verdict find the place again.

use crate::check::{Check, unexpected};
use crate::diff::Diff;
use crate::measure::{self, BlockingCall, SignalLatency, describe_call};
use crate::text::one_line;
use crate::{Ending, EventKind, JobId, Nanos, Trace};

/// A stretch of the trace.
pub(super) struct Place {
    /// What happened there, without a full stop.
    pub(super) sentence: String,
    pub(super) begin: Nanos,
    pub(super) end: Nanos,
    pub(super) event: Option<usize>,
}

/// The place of a check; `None` if it is about no place, or had nothing to measure.
pub(super) fn of_check(trace: &Trace, check: &Check, diff: Option<&Diff>) -> Option<Place> {
    match &*check.key {
        "exit" | "deadlock-contains" => Some(ending(trace)),
        "max-stall" => stall(trace),
        "lag" => lag(trace),
        "signal-latency" => signal(trace),
        "pool-wait" => wait(trace),
        "queue-length" => queue(trace),
        "finish" => Some(Place {
            sentence: format!("The run ended at {}", trace.finished),
            ..ending(trace)
        }),
        "offloaded" => call(trace, check),
        "diagnostics" => report(trace, check),
        "trace" => divergence(check, diff?),
        _ => None,
    }
}

/// The end of the run.
pub(super) fn ending(trace: &Trace) -> Place {
    let sentence = match &trace.ending {
        Ending::Deadlock { .. } => {
            "The run ended in a deadlock: nothing could ever happen again".into()
        }
        other => {
            let text = other.to_string();
            format!("The run {}", text.lines().next().unwrap_or_default())
        }
    };
    let event = trace.events.iter().rposition(|event| event.kind == EventKind::Ended);
    Place { sentence, begin: trace.finished, end: trace.finished, event }
}

/// The worst turn.
fn stall(trace: &Trace) -> Option<Place> {
    let turn = measure::worst_turn(trace)?;
    let sentence =
        format!("The loop stood still for {}: {}", turn.length(), turn.describe_blame(trace));
    Some(Place { sentence, begin: turn.begin, end: turn.end, event: Some(turn.event()) })
}

/// What the loop saw latest.
fn lag(trace: &Trace) -> Option<Place> {
    let lag = first_max(measure::lags(trace), |lag| lag.lag)?;
    let sentence = format!("The loop saw {} {} late", lag.due.describe(trace), lag.lag);
    Some(Place { sentence, begin: lag.at - lag.lag, end: lag.at, event: Some(lag.event) })
}

/// A signal that was never handled, or else the one that took longest.
fn signal(trace: &Trace) -> Option<Place> {
    let signals = measure::signal_latencies(trace);
    let unhandled_one = signals.iter().copied().find(|sent| sent.handled.is_none());
    let sent = unhandled_one.or_else(|| first_max(signals, SignalLatency::latency))?;
    let (sentence, end) = match sent.handled {
        None => (unhandled(&sent), trace.finished),
        Some(handled) => {
            let taken = handled - sent.raised;
            (
                format!("{}, sent at {}, was handled after {taken}", sent.signal, sent.raised),
                handled,
            )
        }
    };
    Some(Place { sentence, begin: sent.raised, end, event: Some(sent.event) })
}

/// That nobody handled this signal.
pub(super) fn unhandled(sent: &SignalLatency) -> String {
    format!("{}, sent at {}, was never handled", sent.signal, sent.raised)
}

/// The job that waited longest for a worker.
fn wait(trace: &Trace) -> Option<Place> {
    let wait = first_max(measure::pool_waits(trace), |wait| wait.waited)?;
    let pool = &trace.pools[usize::from(trace.jobs[wait.job.0 as usize].pool.0)];
    let (job, pool) = (one_line(trace.job_name(wait.job)), one_line(&pool.name));
    let sentence = format!("Job \"{job}\" waited {} for a worker of pool \"{pool}\"", wait.waited);
    Some(Place { sentence, begin: wait.at - wait.waited, end: wait.at, event: Some(wait.event) })
}

/// When the longest queue was longest.
fn queue(trace: &Trace) -> Option<Place> {
    let peak = first_max(measure::queue_peaks(trace), |peak| peak.length)?;
    let pool = one_line(&trace.pools[usize::from(peak.pool.0)].name);
    let of_pool = |job: JobId| trace.jobs[job.0 as usize].pool == peak.pool;
    let event = trace.events.iter().position(|event| {
        event.at == peak.at && matches!(event.kind, EventKind::JobQueued(job) if of_pool(job))
    });
    let sentence = format!("The queue of pool \"{pool}\" grew to {}", peak.length);
    Some(Place { sentence, begin: peak.at, end: peak.at, event })
}

/// The longest of the calls that the check names.
fn call(trace: &Trace, check: &Check) -> Option<Place> {
    let named = measure::blocking_calls(trace)
        .into_iter()
        .filter(|call| call.on_loop() && check.detail.contains(&call.describe(trace)));
    let call = first_max(named, |call| call.length)?;
    let (begin, end, event) = (call.begin, call.end(), Some(call.event));
    Some(Place { sentence: blocked(trace, &call), begin, end, event })
}

/// That this call blocked the loop.
pub(super) fn blocked(trace: &Trace, call: &BlockingCall) -> String {
    let mut what = describe_call(trace.text(call.name));
    if let Some(first) = what.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!("{what} blocked the loop for {}", call.length)
}

/// The first report that the check did not expect.
fn report(trace: &Trace, check: &Check) -> Option<Place> {
    trace.events.iter().enumerate().find_map(|(index, event)| {
        let EventKind::Diagnostic(id) = event.kind else { return None };
        let diagnostic = &trace.diagnostics[id as usize];
        check.detail.contains(&unexpected(event.at, diagnostic)).then(|| Place {
            sentence: format!("{} was reported", one_line(&diagnostic.code)),
            begin: event.at,
            end: event.at,
            event: Some(index),
        })
    })
}

/// Where golden and trace differ first.
fn divergence(check: &Check, diff: &Diff) -> Option<Place> {
    let place = diff.first_divergence?;
    let lane = &diff.lanes[place.lane];
    // The other event may stand beside the one that is missing.
    let block = &lane.rows[lane.block(place.row)];
    let expected = block.iter().find_map(|row| row.expected.as_ref());
    let actual = block.iter().find_map(|row| row.actual.as_ref());
    let times = [expected.map(|side| side.line.at), actual.map(|side| side.line.at)];
    Some(Place {
        sentence: format!("The run is not the golden one: {}", check.actual),
        begin: lane.rows[place.row].at(),
        end: times.into_iter().flatten().max().unwrap_or_default(),
        event: actual.map(|actual| actual.event),
    })
}

/// Of equally large ones the first.
fn first_max<T, K: Ord>(items: impl IntoIterator<Item = T>, key: impl Fn(&T) -> K) -> Option<T> {
    let mut largest: Option<T> = None;
    for item in items {
        if largest.as_ref().is_none_or(|known| key(&item) > key(known)) {
            largest = Some(item);
        }
    }
    largest
}
