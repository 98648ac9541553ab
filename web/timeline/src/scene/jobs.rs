//! Jobs that wait for a worker, by pool.

use loopbox_trace::{Event, EventKind, Nanos, Outcome, PoolId, Trace};

use super::names::{Names, fit};
use super::pack::pack;
use super::whose::{Whose, title};
use super::{Lane, LaneKind, Look, Slice};

/// Queues are not shown deeper than this; beyond it they are counted.
const ROWS_MAX: usize = 8;

/// What became of the jobs of a trace.
pub(super) struct Jobs {
    /// By job.
    jobs: Vec<Fate>,
}

#[derive(Clone, Copy, Default)]
struct Fate {
    /// The event by which it came to its pool, and the process whose pool that is.
    queued: Option<(u32, u16)>,
    /// When a worker took it, or nobody wanted it any more.
    left: Option<Nanos>,
}

impl Jobs {
    pub(super) fn new(trace: &Trace) -> Jobs {
        Jobs { jobs: vec![Fate::default(); trace.jobs.len()] }
    }

    /// Takes note of what happened; of anything but jobs that is nothing.
    pub(super) fn take_note_of(&mut self, event: &Event, index: u32, process: u16) {
        match event.kind {
            EventKind::JobQueued(job) => {
                self.jobs[job.0 as usize].queued.get_or_insert((index, process));
            }
            EventKind::JobStarted(job) | EventKind::JobFinished(job, Outcome::Cancelled) => {
                self.jobs[job.0 as usize].left.get_or_insert(event.at);
            }
            _ => {}
        }
    }

    /// A lane for each pool in which a job had to wait. Jobs that a worker took at once never waited.
    pub(super) fn lanes(
        self,
        trace: &Trace,
        names: &mut Names,
        ends: &[Nanos],
    ) -> Vec<(PoolId, Lane)> {
        let mut pools: Vec<(u16, Vec<Slice>)> = vec![(0, Vec::new()); trace.pools.len()];
        for (job, fate) in trace.jobs.iter().zip(&self.jobs) {
            let Some((event, process)) = fate.queued else { continue };
            let end = fate.left.unwrap_or(ends[usize::from(process)]);
            if end > job.queued {
                let (begin, name) = (job.queued, names.label(trace, job.name));
                let (pool_process, slices) = &mut pools[usize::from(job.pool.0)];
                *pool_process = process;
                slices.push(Slice { begin, end, name, look: Look::Queued, event });
            }
        }
        let with_pools = (0..).map(PoolId).zip(&trace.pools).zip(pools);
        with_pools
            .filter(|(_, (_, slices))| !slices.is_empty())
            .map(|((id, pool), (process, slices))| {
                let title = title(trace, process, &format!("{} queue", fit(&pool.name)));
                let rows = pack(slices, ROWS_MAX, names);
                (id, Lane { title, kind: LaneKind::Queue, process, thread: None, rows })
            })
            .collect()
    }
}

impl Whose {
    /// The pool of each worker's lane, as its jobs say.
    pub(super) fn pools(&self, trace: &Trace) -> Vec<PoolId> {
        let mut pools = vec![PoolId(u16::MAX); trace.lanes.len()];
        for event in &trace.events {
            if let EventKind::JobStarted(job) = event.kind {
                pools[usize::from(event.lane.0)] = trace.jobs[job.0 as usize].pool;
            }
        }
        pools
    }
}
