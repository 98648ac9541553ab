//! Pools of the program's own: `ThreadPoolExecutor`.

use std::any;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

use super::future::{JobFuture, block_on};
use super::job::Job;
use super::work::{JobResult, PoolJob, Work};
use crate::debug;
use crate::event_loop;
use crate::exception::{RuntimeError, ValueError};
use crate::host::{clock, jobs};

/// What CPython says to whoever uses a pool after its end.
const SHUT_DOWN: &str = "cannot schedule new futures after shutdown";

/// What the machine permits for one pool.
const MAX_WORKERS: u32 = 1024;

/// How long after its end a job is still looked at by a shutdown; more than the rounding of clocks.
const LINGER_NS: u64 = 1_000_000;

thread_local! {
    static POOLS: RefCell<Vec<PoolState>> = const { RefCell::new(Vec::new()) };
}

/// What the program knows of a pool, by the machine's number.
#[derive(Clone, Debug, Default)]
struct PoolState {
    /// The program has made it: it is joined at the end of the process and not of the loop.
    own: bool,
    shut_down: bool,
    /// Jobs that have run and that the loop does not hear of, each with its worker's time at the end.
    ended: Vec<(u32, u64)>,
}

/// Calls `f` with what is known of a pool.
fn with<R>(pool: u32, f: impl FnOnce(&mut PoolState) -> R) -> R {
    POOLS.with_borrow_mut(|pools| {
        let index = pool as usize;
        if pools.len() <= index {
            pools.resize_with(index + 1, PoolState::default);
        }
        f(&mut pools[index])
    })
}

pub(super) fn is_shut_down(pool: u32) -> bool {
    with(pool, |state| state.shut_down)
}

pub(super) fn set_shut_down(pool: u32, shut_down: bool) {
    with(pool, |state| state.shut_down = shut_down);
}

/// A job has run that the loop does not hear of.
pub(crate) fn note_end(pool: u32, job: u32) {
    let now = clock::now();
    with(pool, |state| {
        state.ended.retain(|&(_, ended)| ended.saturating_add(LINGER_NS) > now);
        state.ended.push((job, now));
    });
}

/// When the last job that the loop does not hear of has ended, of those that have run.
pub(super) fn last_end(pool: u32) -> u64 {
    with(pool, |state| state.ended.iter().map(|&(_, ended)| ended).max().unwrap_or(0))
}

/// Blocks this thread until the pool has finished its jobs.
fn join(pool: u32, call: &str) {
    let mut joined = BTreeSet::new();
    loop {
        // Those that have run are among them until the loop has seen their completion.
        let left = event_loop::with(|event_loop| {
            let jobs = event_loop.jobs.borrow();
            let of_pool = jobs.iter().filter(|(_, job)| job.pool() == pool);
            of_pool.map(|(id, _)| *id).find(|id| !joined.contains(id))
        });
        let Some(left) = left else { break };
        joined.insert(left);
        block_on(left, call, u64::MAX);
    }
    let ended = with(pool, |state| std::mem::take(&mut state.ended));
    let now = clock::now();
    let going_on = ended.into_iter().filter(|&(_, at)| at.saturating_add(LINGER_NS) > now);
    going_on.for_each(|(job, _)| {
        block_on(job, call, u64::MAX);
    });
}

/// Whether this is a pool that the program has made.
pub(super) fn is_own(pool: u32) -> bool {
    with(pool, |state| state.own)
}

/// What Python's interpreter does at its end: the threads of all pools are joined. Until then they go on with
/// what was submitted.
pub(crate) fn join_at_exit() {
    let pools = POOLS.with_borrow(Vec::len);
    for pool in 0..u32::try_from(pools).unwrap_or(u32::MAX) {
        join(pool, "threading._shutdown");
    }
}

/// A pool of worker threads. Like `concurrent.futures.ThreadPoolExecutor`; clones are references to one pool.
///
/// Its workers' lanes in the trace are called after it: `db-1`, `db-2`. A pool that is dropped goes on with what
/// it was given. `loop.run_in_executor(pool, f)` is [`run_in_executor`](ThreadPoolExecutor::run_in_executor).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadPoolExecutor {
    pub(super) id: u32,
}

impl ThreadPoolExecutor {
    /// A pool of at most `max_workers` (1 to 1024) workers, which are started as they are needed; their threads are
    /// called `thread_name_prefix`, a dash and a number.
    ///
    /// # Errors
    /// Without workers, or with more than 1024.
    pub fn new(
        thread_name_prefix: &str,
        max_workers: u32,
    ) -> Result<ThreadPoolExecutor, ValueError> {
        match max_workers {
            0 => Err(ValueError::new("max_workers must be greater than 0")),
            1..=MAX_WORKERS => {
                let id = jobs::create_pool(thread_name_prefix, max_workers);
                with(id, |state| *state = PoolState { own: true, ..PoolState::default() });
                Ok(ThreadPoolExecutor { id })
            }
            _ => Err(ValueError::new(format!("max_workers must be at most {MAX_WORKERS}"))),
        }
    }

    /// Gives a job to the pool, from any thread. Like `executor.submit(f)`.
    ///
    /// The job goes by the name of the function, as a closure does by that of the function around it.
    ///
    /// # Errors
    /// After [`shutdown`](ThreadPoolExecutor::shutdown).
    #[track_caller]
    pub fn submit<F, T>(&self, f: F) -> Result<JobFuture<T>, RuntimeError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: JobResult + Send + 'static,
    {
        self.submit_named(debug::short_name(any::type_name::<F>()), f)
    }

    /// [`submit`](ThreadPoolExecutor::submit), with a name for the trace.
    ///
    /// # Errors
    /// After [`shutdown`](ThreadPoolExecutor::shutdown).
    #[track_caller]
    pub fn submit_named<F, T>(&self, name: &str, f: F) -> Result<JobFuture<T>, RuntimeError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: JobResult + Send + 'static,
    {
        let work = self.give(name, false, f, Location::caller())?;
        Ok(JobFuture::new(work))
    }

    /// Gives a job to the pool, for the loop to await. Like `loop.run_in_executor(executor, f)`.
    ///
    /// # Errors
    /// After [`shutdown`](ThreadPoolExecutor::shutdown).
    #[track_caller]
    pub fn run_in_executor<F, T>(&self, f: F) -> Result<Job<T>, RuntimeError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: JobResult + Send + 'static,
    {
        self.executor_job(debug::short_name(any::type_name::<F>()), f)
    }

    /// [`run_in_executor`](ThreadPoolExecutor::run_in_executor), with a name for the trace.
    ///
    /// # Errors
    /// After [`shutdown`](ThreadPoolExecutor::shutdown).
    #[track_caller]
    pub fn executor_job<F, T>(&self, name: &str, f: F) -> Result<Job<T>, RuntimeError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: JobResult + Send + 'static,
    {
        let work = self.give(name, true, f, Location::caller())?;
        Ok(Job::new(work))
    }

    fn give<F, T>(
        &self,
        name: &str,
        notified: bool,
        f: F,
        place: &'static Location<'static>,
    ) -> Result<Arc<Work<T>>, RuntimeError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: JobResult + Send + 'static,
    {
        if is_shut_down(self.id) {
            return Err(RuntimeError::new(SHUT_DOWN));
        }
        Ok(Work::submit(self.id, name, notified, T::error, f, place))
    }

    /// Ends the pool: it takes no more jobs. With `wait` this blocks the calling thread until the jobs are done,
    /// which on the loop's thread is a stall; with `cancel_futures` jobs that no worker has taken are taken
    /// back. Like `executor.shutdown(wait=..., cancel_futures=...)`.
    pub fn shutdown(&self, wait: bool, cancel_futures: bool) {
        set_shut_down(self.id, true);
        if cancel_futures {
            let waiting: Vec<Rc<dyn PoolJob>> = event_loop::with(|event_loop| {
                let jobs = event_loop.jobs.borrow();
                jobs.values().filter(|job| job.pool() == self.id).cloned().collect()
            });
            waiting.iter().for_each(|job| job.cancel());
        }
        if wait {
            join(self.id, "executor.shutdown");
        }
    }
}
