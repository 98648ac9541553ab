//! Jobs in processes of their own: `ProcessPoolExecutor`.
//!
//! A job is a function by name with an argument; each runs in a fresh, isolated instance of this program, and
//! really beside the loop: neither its CPU time nor a crash is the loop's. Argument and result travel as JSON
//! through serde. `main` begins with [`serve`], like `multiprocessing.freeze_support()`: in a process of a pool
//! it runs the function and does not come back.
//!
//! ```no_run
//! use loopbox_guest::process_pool::{ProcessPoolExecutor, serve};
//! use loopbox_guest::{job, run};
//!
//! fn hash_block(block: u32) -> u64 {
//!     u64::from(block).pow(2)
//! }
//!
//! fn main() {
//!     serve(&[&job!(hash_block)]);
//!     run(async {
//!         let pool = ProcessPoolExecutor::new(4).expect("there are processes");
//!         let hash = pool.submit(job!(hash_block), &7).expect("it is served").await;
//!         println!("{hash:?}");
//!     });
//! }
//! ```
//!
//! A process of a pool knows nothing of the loop that waits for it: there is no way to schedule a callback from
//! there. If it ends without a result, the pool is broken ([`BrokenProcessPool`]).
//!
//! Missing on purpose: `result()` that blocks, initialisers, `max_tasks_per_child`, `map`.

use std::any;
use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::event_loop;
use crate::exception::{AsException, Exception, PicklingError, RuntimeError, ValueError};
use crate::executor::{Executor, JobResult, PoolJob, ThreadPoolExecutor, job_left};
use crate::host::isolated::{self as host, Call, Outcome};
use crate::host::jobs;
use crate::task::throw_cancel;
use crate::waiting::{self, Kind, ObjectId};

thread_local! {
    /// The functions that processes of pools can run.
    static SERVED: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// A process of a pool ended without a result, and took the pool with it. Like
/// `concurrent.futures.process.BrokenProcessPool`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BrokenProcessPool(&'static str);

/// What fails when a process dies.
const DIED: &str = "A process in the process pool was terminated abruptly while the future was running or pending.";

/// What whoever comes later is told.
const UNUSABLE: &str =
    "A child process terminated abruptly, the process pool is not usable anymore";

/// A function that can be a job for a process, with its name: made by [`job!`](crate::job).
pub struct Function<A, R> {
    name: &'static str,
    function: fn(A) -> R,
}

impl<A, R> Function<A, R> {
    /// Use [`job!`](crate::job), which gives the function its own name.
    pub const fn new(name: &'static str, function: fn(A) -> R) -> Function<A, R> {
        Function { name, function }
    }
}

/// A function as a job for a [`ProcessPoolExecutor`].
#[macro_export]
macro_rules! job {
    ($function:path) => {
        $crate::process_pool::Function::new(::core::stringify!($function), $function)
    };
}

/// A function that [`serve`] can run, whatever its types.
pub trait Served {
    /// Its name.
    fn name(&self) -> &'static str;
    #[doc(hidden)]
    fn call(&self, argument: &[u8]) -> Reply;
}

/// What a call came to, on its way.
#[doc(hidden)]
pub enum Reply {
    /// What was returned, and whether that is a success.
    Returned { ok: bool, bytes: Vec<u8> },
    /// There is no result.
    Refused(String),
}

impl<A: DeserializeOwned, R: JobResult + Serialize> Served for Function<A, R> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn call(&self, argument: &[u8]) -> Reply {
        let argument = match serde_json::from_slice(argument) {
            Ok(argument) => argument,
            Err(error) => {
                return Reply::Refused(format!(
                    "Can't unpickle the argument of {}: {error}",
                    self.name
                ));
            }
        };
        let result = (self.function)(argument);
        match serde_json::to_vec(&result) {
            Ok(bytes) => Reply::Returned { ok: result.error().is_none(), bytes },
            Err(error) => Reply::Refused(cannot_pickle(self.name, "result", &error)),
        }
    }
}

fn cannot_pickle(function: &str, what: &str, error: &serde_json::Error) -> String {
    format!("Can't pickle the {what} of {function}: {error}")
}

/// Says which functions processes of pools can run; the first thing that `main` does.
///
/// In a process of a pool it runs the function that the process is there for, and ends the process.
pub fn serve(functions: &[&dyn Served]) {
    SERVED.with_borrow_mut(|served| served.extend(functions.iter().map(|one| one.name())));
    let Some(Call { function, argument }) = host::task() else { return };
    let reply = match functions.iter().find(|served| served.name() == function) {
        Some(served) => served.call(&argument),
        None => Reply::Refused(format!("Can't get attribute '{function}' on <module '__main__'>")),
    };
    host::finish(&match reply {
        Reply::Returned { ok: true, bytes } => Outcome::Returned(bytes),
        Reply::Returned { ok: false, bytes } => Outcome::Failed(bytes),
        Reply::Refused(why) => Outcome::Refused(why),
    });
}

/// A pool of processes. Like `concurrent.futures.ProcessPoolExecutor`; clones are references to one pool.
///
/// In the trace its workers are `process-1`, `process-2`, and each job's process has lanes of its own. A worker's
/// first job has to wait until its process has started (`[machine] process-start`).
#[derive(Clone)]
pub struct ProcessPoolExecutor {
    id: u32,
    state: Rc<std::cell::Cell<State>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    ShutDown,
}

impl ProcessPoolExecutor {
    /// A pool of at most `max_workers` processes. The scenario's `[machine] processes` bounds them.
    ///
    /// # Errors
    /// Without workers.
    pub fn new(max_workers: u32) -> Result<ProcessPoolExecutor, ValueError> {
        if max_workers == 0 {
            return Err(ValueError::new("max_workers must be greater than 0"));
        }
        let id = host::create_pool("process", max_workers);
        Ok(ProcessPoolExecutor { id, state: Rc::new(std::cell::Cell::new(State::Open)) })
    }

    /// Gives a job to the pool: `pool.submit(job!(hash_block), &block)`. Like `loop.run_in_executor(pool, f, x)`.
    ///
    /// # Errors
    /// `RuntimeError` after the shutdown, `BrokenProcessPool` if a process has died, `PicklingError` if the function is
    /// not served or the argument cannot be sent.
    #[track_caller]
    pub fn submit<A, R>(
        &self,
        function: Function<A, R>,
        argument: &A,
    ) -> Result<ProcessJob<R>, Exception>
    where
        A: Serialize,
        R: DeserializeOwned + 'static,
    {
        let place = Location::caller();
        if self.state.get() == State::ShutDown {
            return Err(RuntimeError::new("cannot schedule new futures after shutdown").into());
        }
        let name = function.name;
        if !SERVED.with_borrow(|served| served.contains(&name)) {
            let text = format!(
                "Can't pickle function '{name}': processes cannot find it; begin main with process_pool::serve(&[&job!({name})])"
            );
            return Err(PicklingError::new(text).into());
        }
        let argument = serde_json::to_vec(argument)
            .map_err(|error| PicklingError::new(cannot_pickle(name, "argument", &error)))?;
        let call = Call { function: name.into(), argument };
        let Some(id) = host::submit(self.id, &call, &place.to_string()) else {
            return Err(BrokenProcessPool(UNUSABLE).into());
        };
        let work = Rc::new(RefCell::new(Shared { outcome: None, waker: None, cancelled: false }));
        let entry = Entry { pool: self.id, id, work: work.clone() };
        event_loop::with(|event_loop| event_loop.jobs.borrow_mut().insert(id, Rc::new(entry)));
        Ok(ProcessJob { id, work, place, result: PhantomData })
    }

    /// Ends the pool: it takes no more jobs. With `cancel_futures` jobs that no worker has taken are taken back.
    /// Like `executor.shutdown(wait=False, cancel_futures=...)`; await the jobs to wait for them.
    pub fn shutdown(&self, cancel_futures: bool) {
        self.state.set(State::ShutDown);
        if cancel_futures {
            let waiting: Vec<Rc<dyn PoolJob>> = event_loop::with(|event_loop| {
                let jobs = event_loop.jobs.borrow();
                jobs.values().filter(|job| job.pool() == self.id).cloned().collect()
            });
            waiting.iter().for_each(|job| job.cancel());
        }
    }
}

/// Not one of threads: it cannot be the default executor.
impl Executor for ProcessPoolExecutor {
    fn as_thread_pool(&self) -> Option<&ThreadPoolExecutor> {
        None
    }
}

impl fmt::Debug for ProcessPoolExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessPoolExecutor").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What the loop and the future share.
struct Shared {
    outcome: Option<Outcome>,
    waker: Option<Waker>,
    cancelled: bool,
}

/// The job as the loop knows it.
struct Entry {
    pool: u32,
    id: u32,
    work: Rc<RefCell<Shared>>,
}

impl Entry {
    fn wake(&self) {
        let waker = self.work.borrow_mut().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl PoolJob for Entry {
    fn pool(&self) -> u32 {
        self.pool
    }

    fn run(&self) -> bool {
        unreachable!("a process runs it")
    }

    fn finish(&self) {
        self.work.borrow_mut().outcome =
            Some(host::take_outcome(self.id).unwrap_or(Outcome::Broken));
        self.wake();
    }

    fn cancel(&self) {
        if jobs::cancel(self.id) {
            self.work.borrow_mut().cancelled = true;
            let entry =
                event_loop::with(|event_loop| event_loop.jobs.borrow_mut().remove(&self.id));
            self.wake();
            drop(entry);
            job_left(self.pool);
        }
    }
}

/// A job for a process: a future of what the function returns.
///
/// The error is the pool's: the process died, or the result could not be sent. Dropping it takes the job back if
/// no worker has taken it; otherwise the process goes on and its result is dropped.
#[must_use = "a job that is dropped before a worker takes it is cancelled"]
pub struct ProcessJob<R> {
    id: u32,
    work: Rc<RefCell<Shared>>,
    place: &'static Location<'static>,
    result: PhantomData<fn() -> R>,
}

impl<R: DeserializeOwned> Future for ProcessJob<R> {
    type Output = Result<R, Exception>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<R, Exception>> {
        let mut work = self.work.borrow_mut();
        if work.cancelled {
            throw_cancel();
            return Poll::Pending;
        }
        let Some(outcome) = work.outcome.take() else {
            work.waker = Some(cx.waker().clone());
            waiting::note(Kind::Job, ObjectId(self.id), self.place);
            return Poll::Pending;
        };
        Poll::Ready(match outcome {
            Outcome::Returned(bytes) | Outcome::Failed(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| {
                    let text = format!("Can't unpickle a {}: {error}", any::type_name::<R>());
                    PicklingError::new(text).as_exception()
                }),
            Outcome::Refused(why) => Err(Exception::new("AttributeError", why)),
            Outcome::Broken => Err(BrokenProcessPool(DIED).into()),
        })
    }
}

impl<R> Drop for ProcessJob<R> {
    fn drop(&mut self) {
        let entry = event_loop::with(|event_loop| event_loop.jobs.borrow().get(&self.id).cloned());
        if let Some(entry) = entry {
            entry.cancel();
        }
    }
}

impl<R> fmt::Debug for ProcessJob<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessJob").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What is said to whoever looks for the loop in a process of a pool.
pub(crate) fn explain_no_loop() -> Option<&'static str> {
    host::task().map(|_| {
        "no running event loop: this is a process of a pool, and there is no way to schedule callbacks from another process"
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::host::take_lines;
    use crate::{catch_cancel, run, spawn};

    fn double(number: u32) -> u32 {
        number * 2
    }

    fn fails(text: String) -> Result<(), ValueError> {
        Err(ValueError::new(text))
    }

    fn unsendable(_: BTreeMap<(u32, u32), u32>) {}

    /// What becomes of a call in a process of a pool.
    fn call<A: DeserializeOwned, R: JobResult + Serialize>(
        function: fn(A) -> R,
        argument: &str,
    ) -> (bool, String) {
        match Function::new("f", function).call(argument.as_bytes()) {
            Reply::Returned { ok, bytes } => (ok, String::from_utf8(bytes).expect("JSON is UTF-8")),
            Reply::Refused(why) => (false, why),
        }
    }

    #[test]
    fn a_call_takes_and_gives_json() {
        assert_eq!(call(double, "21"), (true, "42".into()));
        let (ok, why) = call(double, "\"x\"");
        assert!(!ok && why.starts_with("Can't unpickle the argument of f: "), "{why}");
        let failed: (bool, String) =
            call(|text: String| fails(text).map_err(|error| Shown(error.to_string())), "\"no\"");
        assert_eq!(failed, (false, "{\"Err\":\"no\"}".into()), "a failure is a result, too");
    }

    #[derive(Debug, thiserror::Error, Serialize)]
    #[error("{0}")]
    struct Shown(String);

    #[test]
    fn what_cannot_be_sent_is_refused_at_the_call() {
        let text = |result: Result<(), Exception>| {
            let error = result.expect_err("it is refused");
            format!("{}: {error}", error.kind())
        };
        let none = ProcessPoolExecutor::new(0).expect_err("no workers");
        assert_eq!(none.to_string(), "max_workers must be greater than 0");
        let pool = ProcessPoolExecutor::new(1).expect("there is one");
        assert_eq!(
            text(pool.submit(job!(double), &1).map(drop)),
            "PicklingError: Can't pickle function 'double': processes cannot find it; begin main with process_pool::serve(&[&job!(double)])"
        );
        serve(&[&job!(double), &job!(unsendable)]);
        let argument = BTreeMap::from([((1, 2), 3)]);
        assert_eq!(
            text(pool.submit(job!(unsendable), &argument).map(drop)),
            "PicklingError: Can't pickle the argument of unsendable: key must be a string"
        );
        pool.shutdown(false);
        assert_eq!(
            text(pool.submit(job!(double), &1).map(drop)),
            "RuntimeError: cannot schedule new futures after shutdown"
        );
        assert!(crate::set_default_executor(&pool).is_err(), "it has no threads");
    }

    #[test]
    fn a_job_that_no_process_has_taken_is_taken_back() {
        serve(&[&job!(double)]);
        run(async {
            let pool = ProcessPoolExecutor::new(1).expect("there is one");
            drop(pool.submit(job!(double), &21).expect("it is open"));
            let waits = pool.submit(job!(double), &42).expect("it is open");
            let waiter = spawn(async move { catch_cancel(waits).await.is_err() });
            pool.shutdown(true);
            assert!(waiter.await, "whoever awaits such a job is cancelled");
        });
        assert!(take_lines().iter().any(|line| line == "call double(21)"));
    }
}
