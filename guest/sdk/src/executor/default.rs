//! The default executor: the pool whose size the scenario says, or one that the program has put in its place.

use std::any;
use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::job::Job;
use super::thread_pool::{self, ThreadPoolExecutor};
use super::work::{JobResult, Work};
use crate::debug;
use crate::event_loop::{self, EventLoop};
use crate::exception::{Exception, RuntimeError, TypeError};
use crate::host::clock;
use crate::time::{sleep_until, timeout};
use crate::warnings::{self, Category, Warning};

/// The pool that is there from the start.
const DEFAULT_POOL: u32 = 0;

/// How long `asyncio.run` waits for the default executor before it complains.
const JOIN_TIMEOUT: Duration = Duration::from_secs(300);

thread_local! {
    static STATE: State = const {
        State {
            pool: Cell::new(DEFAULT_POOL),
            shut_down: Cell::new(false),
            joiners: RefCell::new(Vec::new()),
        }
    };
}

struct State {
    /// Which pool it is.
    pool: Cell<u32>,
    shut_down: Cell<bool>,
    /// Who waits for a pool to finish its jobs, with that pool.
    joiners: RefCell<Vec<(u32, Waker)>>,
}

/// What can be an executor: a [`ThreadPoolExecutor`] or a process pool.
pub trait Executor {
    /// The pool, if it is one of threads.
    fn as_thread_pool(&self) -> Option<&ThreadPoolExecutor>;
}

impl Executor for ThreadPoolExecutor {
    fn as_thread_pool(&self) -> Option<&ThreadPoolExecutor> {
        Some(self)
    }
}

/// Runs `f` on a worker of the default executor. Like `loop.run_in_executor(None, f)`.
///
/// The job goes by the name of the function, as a closure does by that of the function around it.
///
/// # Panics
/// After [`shutdown_default_executor`]; see [`try_run_in_executor`].
#[track_caller]
pub fn run_in_executor<F, T>(f: F) -> Job<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: JobResult + Send + 'static,
{
    executor_job(debug::short_name(any::type_name::<F>()), f)
}

/// [`run_in_executor`], with the error in hand.
///
/// # Errors
/// After [`shutdown_default_executor`].
#[track_caller]
pub fn try_run_in_executor<F, T>(f: F) -> Result<Job<T>, RuntimeError>
where
    F: FnOnce() -> T + Send + 'static,
    T: JobResult + Send + 'static,
{
    let name = debug::short_name(any::type_name::<F>());
    give(name, T::error, f, Location::caller())
}

/// [`run_in_executor`] by the name that it has in asyncio's high-level functions. There are no context variables
/// here that it could copy.
///
/// # Panics
/// After [`shutdown_default_executor`].
#[track_caller]
pub fn to_thread<F, T>(f: F) -> Job<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: JobResult + Send + 'static,
{
    executor_job(debug::short_name(any::type_name::<F>()), f)
}

/// [`run_in_executor`] by the name that it has in smol, for results of any type: no result is a failure.
///
/// # Panics
/// After [`shutdown_default_executor`].
#[track_caller]
pub fn unblock<F, T>(f: F) -> Job<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let name = debug::short_name(any::type_name::<F>());
    must(give(name, |_| None, f, Location::caller()))
}

/// [`run_in_executor`], with a name for the trace.
///
/// # Panics
/// After [`shutdown_default_executor`].
#[track_caller]
pub fn executor_job<F, T>(name: &str, f: F) -> Job<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: JobResult + Send + 'static,
{
    must(give(name, T::error, f, Location::caller()))
}

fn must<T>(job: Result<Job<T>, RuntimeError>) -> Job<T> {
    job.unwrap_or_else(|error| panic!("{error}"))
}

fn give<F, T>(
    name: &str,
    error_of: fn(&T) -> Option<Exception>,
    f: F,
    place: &'static Location<'static>,
) -> Result<Job<T>, RuntimeError>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let (pool, shut_down) = STATE.with(|state| (state.pool.get(), state.shut_down.get()));
    if shut_down {
        return Err(RuntimeError::new("Executor shutdown has been called"));
    }
    if thread_pool::is_shut_down(pool) {
        return Err(RuntimeError::new("cannot schedule new futures after shutdown"));
    }
    Ok(Job::new(Work::submit(pool, name, true, error_of, f, place)))
}

/// Puts a pool in the place of the default one. Like `loop.set_default_executor`.
///
/// # Errors
/// If it is no pool of threads (EXE-2).
pub fn set_default_executor(executor: &impl Executor) -> Result<(), TypeError> {
    let Some(pool) = executor.as_thread_pool() else {
        return Err(TypeError::new("executor must be ThreadPoolExecutor instance"));
    };
    STATE.with(|state| state.pool.set(pool.id));
    Ok(())
}

/// Ends the default executor: it takes no more jobs, and this waits until those that it has are done. Like
/// `loop.shutdown_default_executor(timeout)`.
///
/// With a timeout it waits no longer than that, and warns if there are jobs left (EXE-5); their workers go on.
#[track_caller]
pub fn shutdown_default_executor(limit: Option<Duration>) -> impl Future<Output = ()> {
    let place = Location::caller();
    async move {
        let pool = STATE.with(|state| {
            state.shut_down.set(true);
            state.pool.get()
        });
        match limit {
            None => join(pool).await,
            Some(limit) => {
                if timeout(limit, join(pool)).await.is_err() {
                    warn(limit, place);
                }
            }
        }
    }
}

/// EXE-5, with CPython's grammar.
fn warn(limit: Duration, place: &'static Location<'static>) {
    warnings::warn(&Warning {
        code: "EXE-5",
        category: Category::RuntimeWarning,
        text: &format!(
            "The executor did not finishing joining its threads within {} seconds.",
            limit.as_secs_f64()
        ),
        place,
        created: None,
    });
}

/// Waits, without blocking, until a pool has nothing left to do.
async fn join(pool: u32) {
    std::future::poll_fn(|cx| {
        if has_jobs(pool) {
            STATE.with(|state| state.joiners.borrow_mut().push((pool, cx.waker().clone())));
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
    let last = thread_pool::last_end(pool);
    if last > clock::now() {
        sleep_until(Duration::from_nanos(last)).await;
    }
}

fn has_jobs(pool: u32) -> bool {
    event_loop::with(|event_loop| event_loop.jobs.borrow().values().any(|job| job.pool() == pool))
}

/// A job of this pool has left the books.
pub(crate) fn job_left(pool: u32) {
    let mut woken = Vec::new();
    STATE.with(|state| {
        state.joiners.borrow_mut().retain(|(of, waker)| {
            if *of == pool {
                woken.push(waker.clone());
            }
            *of != pool
        });
    });
    woken.into_iter().for_each(Waker::wake);
}

/// A loop is made: it has a default executor that nobody has shut down.
pub(crate) fn open_default() {
    STATE.with(|state| {
        state.pool.set(DEFAULT_POOL);
        state.shut_down.set(false);
    });
}

/// What `asyncio.run` does at its end: turns until the default executor has finished its jobs, and the loop's
/// own threads theirs.
pub(crate) fn join_default(event_loop: &EventLoop, place: &'static Location<'static>) {
    let pool = STATE.with(|state| {
        state.shut_down.set(true);
        state.pool.get()
    });
    let limit = u64::try_from(JOIN_TIMEOUT.as_nanos()).unwrap_or(u64::MAX);
    let late = clock::now().saturating_add(limit);
    let mut warned = false;
    let is_left = || {
        let jobs = event_loop.jobs.borrow();
        jobs.values().any(|job| job.pool() == pool || !thread_pool::is_own(job.pool()))
    };
    while is_left() {
        event_loop.turn();
        if clock::now() > late && !warned {
            warned = true;
            warn(JOIN_TIMEOUT, place);
        }
    }
}
