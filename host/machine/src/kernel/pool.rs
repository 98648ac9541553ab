//! The worker pools: who works on what, and who waits.
//!
//! A job waits first come, first served, for the idle worker with the lowest number. The pools know no
//! time of their own: the kernel tells them what happens in order of virtual time, so that a job never starts
//! because of something that happens later. The one exception are jobs that wait for jobs
//! ([`waits`](super::waits)): for them the pools go ahead of the loop, and a worker then remembers since when it is
//! idle, so that what the loop submits later starts no earlier on it.

use std::collections::VecDeque;

use loopbox_trace::{JobId, Nanos, PoolId};

/// How many workers all pools of a run have together, at most: each has a lane of its own.
const WORKERS: usize = 60_000;

/// A worker, of any pool: its lane's index.
pub(crate) type WorkerId = u16;

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobState {
    /// Given to the pool; no worker has it.
    Waiting,
    /// This worker took it; the guest has not run it yet.
    Taken(WorkerId),
    /// The guest runs it, on this worker's clock.
    Running(WorkerId),
    /// The worker is done with it, at that time.
    Finished(Nanos),
    /// Taken back before a worker took it.
    Cancelled,
}

/// What becomes of a job that reaches the queue of its pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// An idle worker takes it at once.
    Taken(WorkerId),
    /// All workers are busy; so many jobs are before it.
    Queued { ahead: usize },
    /// The worker that it could have went ahead of this moment, and is idle from then on.
    Later(Nanos),
    /// It was taken back.
    Gone,
}

/// All pools, their workers and jobs.
#[derive(Debug)]
pub(crate) struct Pools {
    pools: Vec<Pool>,
    /// In the order in which they were first needed.
    workers: Vec<Worker>,
    /// Every job, by id.
    jobs: Vec<Job>,
}

/// One pool.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) name: String,
    pub(crate) size: u16,
    /// Grows up to `size` as workers are first needed, as a ThreadPoolExecutor's threads do.
    workers: Vec<WorkerId>,
    /// Jobs that arrived and found no idle worker.
    waiting: VecDeque<JobId>,
    /// Jobs that were given to the pool and that no worker has taken, whether they have arrived or not.
    backlog: usize,
}

/// One worker.
#[derive(Debug)]
struct Worker {
    pool: PoolId,
    /// Counted from 1 within the pool.
    number: usize,
    /// What it works on.
    busy: Option<JobId>,
    /// What it worked on before.
    before: Option<JobId>,
    /// Since when it is idle, if it is.
    idle_since: Nanos,
}

#[derive(Debug)]
struct Job {
    pool: PoolId,
    state: JobState,
    queued: Nanos,
    /// Whether the loop is to hear of its completion.
    notified: bool,
}

impl Pools {
    /// The pool that is there from the start.
    pub(crate) fn new(size: u16) -> Pools {
        let mut pools = Pools { pools: Vec::new(), workers: Vec::new(), jobs: Vec::new() };
        pools.add_pool("default", size);
        pools
    }

    /// A new pool; `None` if that is more than a machine can have.
    pub(crate) fn add_pool(&mut self, name: &str, size: u16) -> Option<PoolId> {
        let workers: usize = self.pools.iter().map(|pool| usize::from(pool.size)).sum();
        if size == 0 || workers + usize::from(size) > WORKERS {
            return None;
        }
        let id = PoolId(u16::try_from(self.pools.len()).ok()?);
        self.pools.push(Pool {
            name: name.into(),
            size,
            workers: Vec::new(),
            waiting: VecDeque::new(),
            backlog: 0,
        });
        Some(id)
    }

    pub(crate) fn pool(&self, pool: PoolId) -> Option<&Pool> {
        self.pools.get(usize::from(pool.0))
    }

    /// A new job; it still has to [`arrive`](Pools::arrive).
    pub(crate) fn create(&mut self, pool: PoolId, queued: Nanos, notified: bool) -> JobId {
        let id = JobId(u32::try_from(self.jobs.len()).expect("the trace limit is far below 2^32"));
        self.jobs.push(Job { pool, state: JobState::Waiting, queued, notified });
        self.pools[usize::from(pool.0)].backlog += 1;
        id
    }

    /// How many jobs there have been.
    pub(crate) fn jobs(&self) -> usize {
        self.jobs.len()
    }

    pub(crate) fn state(&self, job: JobId) -> Option<JobState> {
        self.jobs.get(job.0 as usize).map(|job| job.state)
    }

    /// The pool that a job was given to.
    pub(crate) fn pool_of(&self, job: JobId) -> PoolId {
        self.jobs[job.0 as usize].pool
    }

    /// When a job was given to its pool.
    pub(crate) fn queued_at(&self, job: JobId) -> Nanos {
        self.jobs[job.0 as usize].queued
    }

    /// Whether the loop is to hear of the job's completion.
    pub(crate) fn is_notified(&self, job: JobId) -> bool {
        self.jobs[job.0 as usize].notified
    }

    /// How many jobs of this pool wait for a worker; those that idle workers are about to take do not.
    pub(crate) fn queue_length(&self, pool: PoolId) -> usize {
        let pool = &self.pools[usize::from(pool.0)];
        let busy = |&&worker: &&WorkerId| self.workers[usize::from(worker)].busy.is_some();
        let busy = pool.workers.iter().filter(busy).count();
        pool.backlog.saturating_sub(usize::from(pool.size) - busy)
    }

    /// The job reaches the queue at this time: an idle worker takes it at once, or it waits.
    pub(crate) fn arrive(&mut self, job: JobId, at: Nanos) -> Arrival {
        if self.state(job) != Some(JobState::Waiting) {
            return Arrival::Gone;
        }
        let id = self.pool_of(job);
        let pool = &self.pools[usize::from(id.0)];
        let idle = |&worker: &WorkerId| self.workers[usize::from(worker)].busy.is_none();
        let since = |&worker: &WorkerId| self.workers[usize::from(worker)].idle_since;
        let idle_now =
            pool.workers.iter().copied().find(|worker| idle(worker) && since(worker) <= at);
        if let Some(worker) = idle_now {
            self.take(job, worker);
            return Arrival::Taken(worker);
        }
        if pool.workers.len() < usize::from(pool.size) {
            let worker = self.add_worker(id);
            self.take(job, worker);
            return Arrival::Taken(worker);
        }
        if let Some(later) =
            pool.workers.iter().copied().filter(idle).map(|worker| since(&worker)).min()
        {
            return Arrival::Later(later);
        }
        let pool = &mut self.pools[usize::from(id.0)];
        pool.waiting.push_back(job);
        Arrival::Queued { ahead: pool.waiting.len() - 1 }
    }

    /// The guest begins to run a job that a worker took: returns the worker.
    pub(crate) fn begin(&mut self, job: JobId) -> Option<WorkerId> {
        match self.state(job)? {
            JobState::Taken(worker) => {
                self.jobs[job.0 as usize].state = JobState::Running(worker);
                Some(worker)
            }
            _ => None,
        }
    }

    /// The guest has run the job; its worker stays busy until [`release`](Pools::release).
    pub(crate) fn finish(&mut self, job: JobId, at: Nanos) {
        self.jobs[job.0 as usize].state = JobState::Finished(at);
    }

    /// A worker is free at this time: it takes the job that has waited longest, which is returned.
    pub(crate) fn release(&mut self, worker: WorkerId, at: Nanos) -> Option<JobId> {
        let freed = &mut self.workers[usize::from(worker)];
        freed.before = freed.busy.take();
        freed.idle_since = at;
        let pool = freed.pool;
        while let Some(job) = self.pools[usize::from(pool.0)].waiting.pop_front() {
            if self.state(job) == Some(JobState::Waiting) {
                self.take(job, worker);
                return Some(job);
            }
        }
        None
    }

    /// Takes a job back; false if a worker has it or had it.
    pub(crate) fn cancel(&mut self, job: JobId) -> bool {
        match self.jobs.get_mut(job.0 as usize) {
            Some(Job { state: state @ JobState::Waiting, pool, .. }) => {
                *state = JobState::Cancelled;
                self.pools[usize::from(pool.0)].backlog -= 1;
                true
            }
            _ => false,
        }
    }

    /// The workers of a pool with what each works on, and worked on before.
    pub(crate) fn workers_of(
        &self,
        pool: PoolId,
    ) -> impl Iterator<Item = (WorkerId, Option<JobId>, Option<JobId>)> {
        self.pools[usize::from(pool.0)].workers.iter().map(|&worker| {
            let Worker { busy, before, .. } = self.workers[usize::from(worker)];
            (worker, busy, before)
        })
    }

    /// The name of a worker's lane: `worker-1` in the pool that is there from the start, and `db-1` in one
    /// that is called `db`.
    pub(crate) fn worker_name(&self, worker: WorkerId) -> String {
        let Worker { pool, number, .. } = self.workers[usize::from(worker)];
        match pool {
            PoolId::DEFAULT => format!("worker-{number}"),
            PoolId(index) => format!("{}-{number}", self.pools[usize::from(index)].name),
        }
    }

    fn take(&mut self, job: JobId, worker: WorkerId) {
        let taken = &mut self.workers[usize::from(worker)];
        taken.busy = Some(job);
        self.pools[usize::from(taken.pool.0)].backlog -= 1;
        self.jobs[job.0 as usize].state = JobState::Taken(worker);
    }

    fn add_worker(&mut self, pool: PoolId) -> WorkerId {
        let id = WorkerId::try_from(self.workers.len()).expect("there are at most WORKERS");
        let workers = &mut self.pools[usize::from(pool.0)].workers;
        workers.push(id);
        let number = workers.len();
        self.workers.push(Worker {
            pool,
            number,
            busy: None,
            before: None,
            idle_since: Nanos::ZERO,
        });
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Nanos = Nanos(10);

    fn arrive_in(pools: &mut Pools, pool: PoolId) -> (JobId, Arrival) {
        let job = pools.create(pool, NOW, true);
        (job, pools.arrive(job, NOW))
    }

    fn arrive(pools: &mut Pools) -> (JobId, Arrival) {
        arrive_in(pools, PoolId::DEFAULT)
    }

    #[test]
    fn jobs_wait_first_come_first_served() {
        let mut pools = Pools::new(2);
        assert_eq!(arrive(&mut pools).1, Arrival::Taken(0));
        assert_eq!(arrive(&mut pools).1, Arrival::Taken(1));
        let (third, arrival) = arrive(&mut pools);
        assert_eq!(arrival, Arrival::Queued { ahead: 0 });
        let (fourth, arrival) = arrive(&mut pools);
        assert_eq!(arrival, Arrival::Queued { ahead: 1 });
        assert_eq!(pools.queue_length(PoolId::DEFAULT), 2);
        assert_eq!(pools.release(1, NOW), Some(third));
        assert_eq!(pools.release(0, NOW), Some(fourth));
        assert_eq!(pools.release(0, NOW), None);
        assert_eq!(pools.queue_length(PoolId::DEFAULT), 0);
        assert_eq!(
            arrive(&mut pools).1,
            Arrival::Taken(0),
            "the idle worker with the lowest number"
        );
    }

    #[test]
    fn pools_do_not_share_workers() {
        let mut pools = Pools::new(1);
        let db = pools.add_pool("db", 1).expect("there is room");
        assert_eq!(arrive(&mut pools).1, Arrival::Taken(0));
        assert_eq!(arrive_in(&mut pools, db).1, Arrival::Taken(1));
        let (second, arrival) = arrive_in(&mut pools, db);
        assert_eq!(arrival, Arrival::Queued { ahead: 0 });
        assert_eq!(pools.release(0, NOW), None, "not this pool's job");
        assert_eq!(pools.release(1, NOW), Some(second));
        assert_eq!([0, 1].map(|worker| pools.worker_name(worker)), ["worker-1", "db-1"]);
    }

    #[test]
    fn a_pool_has_workers_and_a_machine_not_too_many() {
        let mut pools = Pools::new(1024);
        assert_eq!(pools.add_pool("none", 0), None);
        assert_eq!(pools.add_pool("huge", u16::MAX), None);
        assert_eq!(pools.add_pool("large", 50_000), Some(PoolId(1)));
        assert_eq!(pools.add_pool("another", 50_000), None);
    }

    #[test]
    fn a_worker_that_went_ahead_takes_nothing_in_its_past() {
        let mut pools = Pools::new(1);
        let (first, _) = arrive(&mut pools);
        pools.begin(first);
        pools.finish(first, Nanos(50));
        assert_eq!(pools.release(0, Nanos(50)), None);
        let (second, arrival) = arrive(&mut pools);
        assert_eq!(arrival, Arrival::Later(Nanos(50)));
        assert_eq!(pools.arrive(second, Nanos(50)), Arrival::Taken(0));
    }

    #[test]
    fn only_a_waiting_job_can_be_cancelled() {
        let mut pools = Pools::new(1);
        let (first, _) = arrive(&mut pools);
        let (second, _) = arrive(&mut pools);
        let (third, _) = arrive(&mut pools);
        assert!(!pools.cancel(first), "a worker has it");
        assert!(pools.cancel(second));
        assert!(!pools.cancel(second), "once");
        assert!(!pools.cancel(JobId(99)), "no such job");
        assert_eq!(pools.queue_length(PoolId::DEFAULT), 1);
        assert_eq!(pools.release(0, NOW), Some(third), "the cancelled one is passed over");
        assert_eq!(pools.begin(second), None);
    }

    #[test]
    fn a_job_is_begun_once() {
        let mut pools = Pools::new(1);
        let (job, _) = arrive(&mut pools);
        assert_eq!(pools.begin(job), Some(0));
        assert_eq!(pools.begin(job), None);
        pools.finish(job, NOW);
        assert_eq!(pools.state(job), Some(JobState::Finished(NOW)));
    }
}
