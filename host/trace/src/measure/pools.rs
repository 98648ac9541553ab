//! How long jobs wait for a worker, and how long the queues of the pools get.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::text::one_line;
use crate::{EventKind, JobId, Nanos, Outcome, PoolId, Trace};

/// A job that a worker took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PoolWait {
    /// Which.
    pub job: JobId,
    /// When the worker took it.
    pub at: Nanos,
    /// How long it had waited in the queue of its pool.
    pub waited: Nanos,
    /// The event of taking it: an index into [`Trace::events`].
    pub event: usize,
}

impl PoolWait {
    /// For people: the job, its pool, and how many were before it.
    pub fn describe(&self, trace: &Trace) -> String {
        let job = &trace.jobs[self.job.0 as usize];
        let pool = &trace.pools[usize::from(job.pool.0)];
        format!(
            "{} until {}: job \"{}\" in pool \"{}\", {} ahead of it",
            self.waited,
            self.at,
            one_line(trace.job_name(self.job)),
            one_line(&pool.name),
            job.ahead
        )
    }
}

/// How long each job waited for a worker, in the order in which they were taken.
pub fn pool_waits(trace: &Trace) -> Vec<PoolWait> {
    let of_event = |(index, event): (usize, &crate::Event)| match event.kind {
        EventKind::JobStarted(job) => {
            let queued = trace.jobs[job.0 as usize].queued;
            Some(PoolWait { job, at: event.at, waited: event.at - queued, event: index })
        }
        _ => None,
    };
    trace.events.iter().enumerate().filter_map(of_event).collect()
}

/// The longest queue of one pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct QueuePeak {
    /// Whose.
    pub pool: PoolId,
    /// How many jobs waited for a worker; those that a worker took at once never did.
    pub length: usize,
    /// When it first was so long.
    pub at: Nanos,
}

/// The longest queue of each pool that had jobs.
pub fn queue_peaks(trace: &Trace) -> Vec<QueuePeak> {
    let peak = |(pool, lengths): (PoolId, Vec<(Nanos, usize)>)| {
        let mut peak = QueuePeak { pool, length: 0, at: Nanos::ZERO };
        for (at, length) in lengths {
            if length > peak.length {
                (peak.length, peak.at) = (length, at);
            }
        }
        peak
    };
    queue_lengths(trace).into_iter().map(peak).collect()
}

/// How many jobs waited for a worker of each pool that had jobs: the moments at which one came or left, in order,
/// with the length from then on.
pub fn queue_lengths(trace: &Trace) -> BTreeMap<PoolId, Vec<(Nanos, usize)>> {
    let mut left: Vec<Option<Nanos>> = vec![None; trace.jobs.len()];
    for event in &trace.events {
        if let EventKind::JobStarted(job) | EventKind::JobFinished(job, Outcome::Cancelled) =
            event.kind
        {
            left[job.0 as usize].get_or_insert(event.at);
        }
    }
    // At one moment those that leave make room for those that come.
    let mut moves: BTreeMap<PoolId, Vec<(Nanos, bool)>> = BTreeMap::new();
    for (job, left) in trace.jobs.iter().zip(left) {
        let moves = moves.entry(job.pool).or_default();
        if left != Some(job.queued) {
            moves.push((job.queued, true));
            moves.extend(left.map(|left| (left, false)));
        }
    }
    let lengths = |mut moves: Vec<(Nanos, bool)>| {
        moves.sort_unstable();
        let mut length = 0_usize;
        let length_after = |(at, comes)| {
            length = if comes { length + 1 } else { length.saturating_sub(1) };
            (at, length)
        };
        moves.into_iter().map(length_after).collect()
    };
    moves.into_iter().map(|(pool, moves)| (pool, lengths(moves))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lane;
    use crate::testing::{Builder, ms};

    /// A job that was queued and taken at these times.
    fn job(b: &mut Builder, queued_ms: u64, started_ms: u64) -> JobId {
        let job = b.job("hash");
        b.queued(job, queued_ms, 0).main(queued_ms, EventKind::JobQueued(job));
        b.on(Lane::worker(0), started_ms, EventKind::JobStarted(job));
        job
    }

    #[test]
    fn a_wait_runs_from_the_queue_to_the_worker() {
        let mut b = Builder::new();
        job(&mut b, 1, 1);
        let second = job(&mut b, 2, 50);
        b.queued(second, 2, 3);
        let trace = b.exit(60);
        let waits = pool_waits(&trace);
        assert_eq!(waits.iter().map(|wait| wait.waited).collect::<Vec<_>>(), [ms(0), ms(48)]);
        assert_eq!(
            waits[1].describe(&trace),
            "48ms until 50ms: job \"hash\" in pool \"default\", 3 ahead of it"
        );
    }

    #[test]
    fn a_queue_holds_those_that_wait() {
        let mut b = Builder::new();
        // Taken at once; two that wait; one that comes when another leaves; one that is never taken.
        for (queued, started) in [(1, 1), (2, 10), (3, 20), (10, 30)] {
            job(&mut b, queued, started);
        }
        let cancelled = b.job("hash");
        b.queued(cancelled, 15, 0).main(15, EventKind::JobQueued(cancelled));
        b.main(16, EventKind::JobFinished(cancelled, Outcome::Cancelled));
        let never = b.job("hash");
        b.queued(never, 25, 0).main(25, EventKind::JobQueued(never));
        let peaks = queue_peaks(&b.exit(60));
        assert_eq!(peaks, [QueuePeak { pool: PoolId::DEFAULT, length: 3, at: ms(15) }]);
        assert_eq!(queue_peaks(&Builder::new().exit(1)), []);
    }
}
