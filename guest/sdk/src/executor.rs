//! Work for the pool of workers.
//!
//! A job shares the program's memory, and wasm has no threads here. So the machine decides in virtual time
//! when a worker is free, and the loop then runs the job in place, to its end, on the worker's clock: neither
//! its CPU time nor its blocking calls delay the loop, and its result arrives when the worker is done. What a
//! job changes is changed at its start. What it wakes is woken at the worker's time.
//!
//! A job cannot wait for the loop, which stands still while the job runs.

use std::any;
use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::debug;
use crate::event_loop;
use crate::host::jobs;

/// Runs `f` on a worker of the pool. Like `loop.run_in_executor(None, f)`.
///
/// The job goes by the name of the function, as a closure does by that of the function around it.
#[track_caller]
pub fn run_in_executor<F, T>(f: F) -> Job<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    executor_job(debug::short_name(any::type_name::<F>()), f)
}

/// [`run_in_executor`] by the name that it has in smol.
#[track_caller]
pub fn unblock<F, T>(f: F) -> Job<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    run_in_executor(f)
}

/// [`run_in_executor`], with a name for the trace.
#[track_caller]
pub fn executor_job<F, T>(name: &str, f: F) -> Job<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let work = Rc::new(Work {
        function: Cell::new(Some(Box::new(f))),
        result: Cell::new(None),
        finished: Cell::new(false),
        waker: Cell::new(None),
    });
    let id = jobs::submit(0, name, &Location::caller().to_string(), true);
    event_loop::with(|event_loop| event_loop.jobs.borrow_mut().insert(id, work.clone()));
    Job { id, work, detached: false }
}

/// A job on the pool: a future of its result.
///
/// Dropping it takes the job back if no worker has taken it yet; otherwise the worker goes on and the result
/// is dropped (EXE-4 of asyncio's behaviours). [`Job::detach`] lets it run in any case.
#[must_use = "a job that is dropped before a worker takes it is cancelled"]
pub struct Job<T> {
    id: u32,
    work: Rc<Work<T>>,
    detached: bool,
}

impl<T> Job<T> {
    /// Lets the job run, and drops its result.
    pub fn detach(mut self) {
        self.detached = true;
    }

    /// Takes the job back; false if a worker has taken it already. Like `future.cancel()` of
    /// `concurrent.futures`.
    pub fn cancel(mut self) -> bool {
        // What follows is a drop that has nothing left to do.
        self.detached = true;
        self.take_back()
    }

    fn take_back(&self) -> bool {
        if self.work.finished.get() || !jobs::cancel(self.id) {
            return false;
        }
        let work = event_loop::with(|event_loop| event_loop.jobs.borrow_mut().remove(&self.id));
        drop(work);
        true
    }
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        if !self.detached {
            self.take_back();
        }
    }
}

impl<T> Future for Job<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        if !self.work.finished.get() {
            self.work.waker.set(Some(cx.waker().clone()));
            return Poll::Pending;
        }
        match self.work.result.take() {
            Some(result) => Poll::Ready(result),
            None => panic!("a job was polled after its completion"),
        }
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A job as the loop knows it: without the type of its result.
pub(crate) trait PoolJob {
    /// A worker is free: does the work, and keeps the result back.
    fn run(&self);
    /// The worker is done: hands the result over.
    fn finish(&self);
}

/// What the loop and the future share.
struct Work<T> {
    function: Cell<Option<Box<dyn FnOnce() -> T>>>,
    result: Cell<Option<T>>,
    /// Whether the loop has seen the completion, which is later than the work.
    finished: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

impl<T> PoolJob for Work<T> {
    fn run(&self) {
        if let Some(function) = self.function.take() {
            self.result.set(Some(function()));
        }
    }

    fn finish(&self) {
        self.finished.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
