//! Jobs in processes of their own: the machine's side of a process pool.
//!
//! Such a job shares nothing with the rest of the run, so it can be run at any time and on any thread of the
//! host: what others see of it is only its result, at the moment at which it ends. Until that is known it is a
//! process of the [`World`](super::world::World) that runs from the moment of its start on, and nobody who waits
//! passes that moment before it has ended. So the trace does not depend on how many of the host's threads
//! there are and how fast they are.
//!
//! A worker that takes its first job needs the time in which a process starts, as the scenario says; later ones
//! start at once. Every job has a fresh instance of the program. If one ends without a result, the pool is
//! broken: all jobs that it has fail, and it takes no more.

use std::collections::{BTreeMap, BTreeSet};

use loopbox_trace::{EventKind, JobId, Lane, Nanos, Outcome, PoolId};

use super::pool::WorkerId;
use super::world::{Pid, Shared};
use super::{Event, Halt, Kernel, Notice};

/// What a process of a pool is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) function: String,
    pub(crate) argument: Vec<u8>,
}

/// What has become of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IsolatedOutcome {
    /// What the function returned; `ok` is false if that is a failure.
    Returned { ok: bool, bytes: Vec<u8> },
    /// The process could not run the function, and says why.
    Refused(String),
    /// The process ended without a result.
    Died,
    /// Another process of the pool did.
    Broken,
}

/// What a kernel knows of process pools.
#[derive(Debug, Default)]
pub(super) struct Isolated {
    /// What this process is there for, if it is one of a pool.
    task: Option<Call>,
    /// What came of it.
    result: Option<IsolatedOutcome>,
    pools: BTreeMap<PoolId, ProcessPool>,
    /// What jobs that have not started are to do.
    calls: BTreeMap<JobId, Call>,
    /// Jobs that have started, of which the world is to know.
    starting: Vec<Starting>,
    running: BTreeMap<Pid, (JobId, WorkerId)>,
    /// Processes that nobody needs any more.
    killed: Vec<Pid>,
    outcomes: BTreeMap<JobId, IsolatedOutcome>,
}

#[derive(Debug, Default)]
struct ProcessPool {
    broken: bool,
    /// The workers whose process has started.
    started: BTreeSet<WorkerId>,
}

#[derive(Debug)]
struct Starting {
    job: JobId,
    worker: WorkerId,
    call: Call,
    at: Nanos,
}

impl Kernel {
    /// Makes this kernel that of a process of a pool.
    pub(crate) fn set_task(&mut self, task: Call) {
        self.isolated.task = Some(task);
    }

    /// What this process is there for, if it is one of a pool.
    pub(crate) fn isolated_task(&self) -> Option<Call> {
        self.isolated.task.clone()
    }

    /// The process of a pool has done what it is there for.
    pub(crate) fn set_result(&mut self, result: IsolatedOutcome) -> Halt {
        if self.isolated.task.is_none() {
            return Halt::Misuse("this is no process of a pool: it has no result to give".into());
        }
        self.isolated.result = Some(result);
        Halt::Exit(0)
    }

    pub(super) fn take_result(&mut self) -> Option<IsolatedOutcome> {
        self.isolated.result.take()
    }

    /// A pool of processes.
    pub(crate) fn add_process_pool(&mut self, name: &str, workers: u32) -> Result<PoolId, Halt> {
        if self.isolated.task.is_some() {
            return Err(Halt::Misuse(
                "an attempt has been made to start a new process before the current process has finished its bootstrapping phase: a process of a pool makes no pool; call process_pool::serve first in main".into(),
            ));
        }
        // One process is the one that makes the pool.
        let most = u32::from(self.config.processes.saturating_sub(1));
        if workers > most {
            return Err(Halt::Misuse(format!(
                "a pool {name:?} of {workers} processes: there are at most {most} beside this one"
            )));
        }
        let pool = self.add_pool(name, workers)?;
        self.isolated.pools.insert(pool, ProcessPool::default());
        Ok(pool)
    }

    /// Gives a job to a pool of processes; `None` if the pool is broken.
    pub(crate) fn submit_call(
        &mut self,
        pool: PoolId,
        call: Call,
        place: &str,
    ) -> Result<Option<JobId>, Halt> {
        let Some(state) = self.isolated.pools.get(&pool) else {
            return Err(Halt::Misuse(format!("pool {} is no pool of processes", pool.0)));
        };
        if state.broken {
            return Ok(None);
        }
        self.recorder.count_text(call.argument.len());
        let job = self.submit(pool, &call.function, place, true)?;
        self.isolated.calls.insert(job, call);
        Ok(Some(job))
    }

    /// A job was taken back.
    pub(super) fn forget_call(&mut self, job: JobId) {
        self.isolated.calls.remove(&job);
    }

    /// What has become of a job whose completion the loop was told of; once.
    pub(crate) fn take_outcome(&mut self, job: JobId) -> Option<IsolatedOutcome> {
        self.isolated.outcomes.remove(&job)
    }

    pub(super) fn is_isolated(&self, job: JobId) -> bool {
        !self.isolated.pools.is_empty()
            && self.isolated.pools.contains_key(&self.pools.pool_of(job))
    }

    /// A worker takes a job at this time.
    pub(super) fn start_isolated(&mut self, at: Nanos, job: JobId, worker: WorkerId) {
        let pool = self.pools.pool_of(job);
        let Some(call) = self.isolated.calls.remove(&job) else { return };
        let started = &mut self.isolated.pools.get_mut(&pool).expect("it has jobs").started;
        let takes = if started.insert(worker) {
            let draw = self.config.process_start.clone();
            let name = self.pools.worker_name(worker);
            self.choices.nanos(|| format!("process-start ({name})"), &draw)
        } else {
            Nanos::ZERO
        };
        self.pools.begin(job);
        self.recorder.record(at, Lane::worker(worker), EventKind::JobStarted(job));
        self.report_saturation(job, worker, at);
        self.isolated.starting.push(Starting { job, worker, call, at: at + takes });
    }

    /// Whether the world has to be told of something.
    #[inline]
    pub(super) fn has_isolated_news(&self) -> bool {
        !self.isolated.starting.is_empty() || !self.isolated.killed.is_empty()
    }

    /// Tells the world what has started, and what nobody needs any more.
    pub(super) fn tell_isolated_news(&mut self, shared: &mut Shared) {
        for pid in std::mem::take(&mut self.isolated.killed) {
            shared.kill_isolated(pid);
        }
        for Starting { job, worker, call, at } in std::mem::take(&mut self.isolated.starting) {
            let pid = shared.start_isolated(self.pid, call, at);
            self.isolated.running.insert(pid, (job, worker));
        }
    }

    /// A process of a pool has ended.
    pub(super) fn isolated_ended(&mut self, at: Nanos, pid: Pid, outcome: IsolatedOutcome) {
        // One that was killed meanwhile is not known any more.
        if let Some((job, worker)) = self.isolated.running.remove(&pid) {
            self.isolated.outcomes.insert(job, outcome);
            self.queue.push(at, Event::IsolatedFinishes { job, worker });
        }
    }

    /// The moment of a job's end has come for the loop.
    pub(super) fn isolated_finishes(&mut self, at: Nanos, job: JobId, worker: WorkerId) {
        let outcome = match self.isolated.outcomes.get(&job) {
            Some(IsolatedOutcome::Returned { ok: true, .. }) => Outcome::Done,
            Some(_) => Outcome::Failed,
            // The pool broke at the same moment, before.
            None => return,
        };
        self.finish_isolated(at, job, worker, outcome);
        if self.isolated.outcomes.get(&job) == Some(&IsolatedOutcome::Died) {
            self.break_pool(at, self.pools.pool_of(job));
            return;
        }
        if let Some(next) = self.pools.release(worker, at) {
            self.start_isolated(at, next, worker);
        }
    }

    fn finish_isolated(&mut self, at: Nanos, job: JobId, worker: WorkerId, outcome: Outcome) {
        self.recorder.record(at, Lane::worker(worker), EventKind::JobFinished(job, outcome));
        self.pools.finish(job, at);
        self.ready.push_back((at, Notice::JobFinished(job)));
    }

    /// Everything that the pool has fails at this moment, in the order of submission.
    fn break_pool(&mut self, at: Nanos, pool: PoolId) {
        self.isolated.pools.get_mut(&pool).expect("it had jobs").broken = true;
        let of_pool = |job: &JobId| self.pools.pool_of(*job) == pool;
        let waiting: Vec<JobId> = self.isolated.calls.keys().copied().filter(of_pool).collect();
        let running: Vec<(Pid, JobId, WorkerId)> = self
            .isolated
            .running
            .iter()
            .map(|(&pid, &(job, worker))| (pid, job, worker))
            .filter(|(_, job, _)| of_pool(job))
            .collect();
        let starting = std::mem::take(&mut self.isolated.starting);
        let (broken, others): (Vec<_>, Vec<_>) =
            starting.into_iter().partition(|start| self.pools.pool_of(start.job) == pool);
        self.isolated.starting = others;
        for Starting { job, worker, .. } in broken {
            self.finish_broken(at, job, worker);
        }
        for (pid, job, worker) in running {
            self.isolated.running.remove(&pid);
            self.isolated.killed.push(pid);
            self.finish_broken(at, job, worker);
        }
        for job in waiting {
            self.isolated.calls.remove(&job);
            if self.pools.cancel(job) {
                self.isolated.outcomes.insert(job, IsolatedOutcome::Broken);
                self.recorder.record(at, Lane::MAIN, EventKind::JobFinished(job, Outcome::Failed));
                self.ready.push_back((at, Notice::JobFinished(job)));
            }
        }
    }

    fn finish_broken(&mut self, at: Nanos, job: JobId, worker: WorkerId) {
        self.isolated.outcomes.insert(job, IsolatedOutcome::Broken);
        self.finish_isolated(at, job, worker, Outcome::Failed);
    }
}
