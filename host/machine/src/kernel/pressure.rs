//! Reports about pools that cannot keep up.
//!
//! The machine makes them itself, since only it knows how long a job waited, whatever loop the guest has. They
//! have the logger `loopbox`, and are in the trace at the moment at which they became true.
//!
//! **POOL-SATURATED**: a job waited longer than [`SATURATED_AFTER`] for a worker while all of them were held
//! by jobs of other kinds; a job's kind is its name and the place where it was given to the pool. So a batch
//! of jobs of one kind that wait for each other is no report: there the pool's size is what the program
//! chose. One report until the queue has been empty again.
//!
//! **QUEUE-GROWTH**: more than [`GROWN_BEYOND`] jobs wait in one queue; again at each doubling.

use loopbox_trace::{Diagnostic, JobId, Level, Nanos, PoolId};

use super::Kernel;
use super::pool::WorkerId;

/// A wait for a worker that is longer than this is worth a report: as long as asyncio's
/// `slow_callback_duration`.
const SATURATED_AFTER: Nanos = Nanos::from_millis(100);

/// A queue that is longer than this is worth a report.
const GROWN_BEYOND: usize = 256;

/// So many holders of workers are named.
const HOLDERS_NAMED: usize = 4;

/// What has been reported about one pool.
#[derive(Debug, Default)]
pub(super) struct Reported {
    saturated: bool,
    /// The next length of the queue that is worth a report.
    growth: usize,
}

impl Reported {
    pub(super) fn nothing() -> Reported {
        Reported { saturated: false, growth: GROWN_BEYOND + 1 }
    }
}

impl Kernel {
    /// A job was given to a pool.
    pub(super) fn report_growth(&mut self, pool: PoolId, job: JobId) {
        let length = self.pools.queue_length(pool);
        let reported = &mut self.reported[usize::from(pool.0)];
        if length == 0 {
            *reported = Reported::nothing();
        }
        if length < reported.growth {
            return;
        }
        reported.growth = length.saturating_mul(2);
        let of = self.pools.pool(pool).expect("a job was given to it");
        let text = format!(
            "pool {:?} (max_workers={}) has {length} jobs queued: nothing limits how many are submitted",
            of.name, of.size,
        );
        self.report("QUEUE-GROWTH", text, job);
    }

    /// A worker takes a job at this time.
    pub(super) fn report_saturation(&mut self, job: JobId, worker: WorkerId, at: Nanos) {
        let waited = at - self.pools.queued_at(job);
        let pool = self.pools.pool_of(job);
        if waited <= SATURATED_AFTER || self.reported[usize::from(pool.0)].saturated {
            return;
        }
        // Its own worker was held by the job that it waited for.
        let holders: Vec<(WorkerId, JobId)> = self
            .pools
            .workers_of(pool)
            .filter_map(|(other, busy, before)| {
                let held = if other == worker { before } else { busy.or(before) };
                Some((other, held?))
            })
            .collect();
        if holders.iter().any(|&(_, held)| self.recorder.same_kind(held, job)) {
            return;
        }
        self.reported[usize::from(pool.0)].saturated = true;
        let mut held: Vec<String> = holders
            .iter()
            .take(HOLDERS_NAMED)
            .map(|&(worker, held)| {
                let name = self.recorder.job_name(held);
                format!("{} by {name:?}", self.pools.worker_name(worker))
            })
            .collect();
        if holders.len() > HOLDERS_NAMED {
            held.push(format!("{} more", holders.len() - HOLDERS_NAMED));
        }
        let of = self.pools.pool(pool).expect("a job has a pool");
        let text = format!(
            "pool {:?} is saturated: job {:?} waited {} seconds for {}; held: {}",
            of.name,
            self.recorder.job_name(job),
            seconds(waited),
            match of.size {
                1 => "its one worker".to_owned(),
                size => format!("one of its {size} workers"),
            },
            held.join(", ")
        );
        self.report("POOL-SATURATED", text, job);
    }

    fn report(&mut self, code: &str, text: String, job: JobId) {
        if !self.config.wants(code) {
            return;
        }
        let created = self.recorder.job_place(job).map(ToOwned::to_owned);
        self.diagnostic(Diagnostic {
            code: code.into(),
            level: Level::Warning,
            logger: "loopbox".into(),
            text,
            created,
            died: None,
        });
    }
}

/// Like Python's `%.3f`.
fn seconds(span: Nanos) -> String {
    let millis = span.round_to(Nanos::from_millis(1)).0 / 1_000_000;
    format!("{}.{:03}", millis / 1000, millis % 1000)
}
