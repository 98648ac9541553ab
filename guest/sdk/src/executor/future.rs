//! What `executor.submit` gives: a future that any thread can wait for, by blocking.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::work::{Owner, Work};
use crate::debug;
use crate::event_loop;
use crate::exception::{AsException, CancelledError, Exception, InvalidStateError};
use crate::host::clock;
use crate::host::jobs::{self, Waited};
use crate::host::tracing::{Level, Report};
use crate::time::{TimeoutError, to_nanos};

/// A job's result, for any thread. Like `concurrent.futures.Future`.
///
/// The loop does not hear of it: [`JobFuture::result`] blocks the calling thread until the job is done, which on
/// the loop's thread is a stall. Dropping it neither cancels nor stops the job.
pub struct JobFuture<T> {
    work: Arc<Work<T>>,
}

impl<T: Send + 'static> JobFuture<T> {
    pub(super) fn new(work: Arc<Work<T>>) -> JobFuture<T> {
        JobFuture { work }
    }

    /// Waits for the job, blocking this thread, and takes what it returned. Like `future.result()`.
    ///
    /// In the trace that is a blocking call `job.result:NAME`. A job that needs a worker which is held by jobs that
    /// wait is a deadlock: it ends the run, with a report of who waits for what.
    ///
    /// # Errors
    /// `CancelledError` if the job was taken back, `InvalidStateError` if somebody has the result.
    pub fn result(&self) -> Result<T, Exception> {
        self.wait(u64::MAX)
    }

    /// [`result`](JobFuture::result), but waits no longer than this. Like `future.result(timeout)`.
    ///
    /// # Errors
    /// `TimeoutError` after that time, and as `result`.
    pub fn result_timeout(&self, timeout: Duration) -> Result<T, Exception> {
        self.wait(clock::now().saturating_add(to_nanos(timeout)))
    }

    /// Waits for the job, blocking this thread: the error that it failed with, if it did. Like
    /// `future.exception()`.
    ///
    /// # Errors
    /// `CancelledError` if the job was taken back.
    pub fn exception(&self) -> Result<Option<Exception>, Exception> {
        self.wait_until(u64::MAX)?;
        Ok(self.work.state().unseen.take())
    }

    /// Whether the job is done or was taken back. Like `future.done()`.
    pub fn done(&self) -> bool {
        let state = self.work.state();
        state.cancelled || state.ended.is_some_and(|ended| ended <= clock::now())
    }

    /// Whether the job was taken back. Like `future.cancelled()`.
    pub fn cancelled(&self) -> bool {
        self.work.state().cancelled
    }

    /// Takes the job back; false if a worker has taken it already. Like `future.cancel()`.
    pub fn cancel(&self) -> bool {
        self.work.state().cancelled || self.work.take_back()
    }

    fn wait(&self, until: u64) -> Result<T, Exception> {
        self.wait_until(until)?;
        let mut state = self.work.state();
        state.unseen = None;
        let result = state.result.take();
        result.ok_or_else(|| InvalidStateError::new("the result was taken").as_exception())
    }

    fn wait_until(&self, until: u64) -> Result<(), Exception> {
        if self.work.state().cancelled {
            return Err(CancelledError.into());
        }
        match block_on(self.work.id, &format!("job.result:{}", self.work.name), until) {
            Waited::Cancelled => Err(CancelledError.into()),
            Waited::TimedOut => Err(TimeoutError.into()),
            Waited::Finished | Waited::Run(_) => Ok(()),
        }
    }
}

/// Blocks this thread until the job is done, and runs what the pools need to have run meanwhile.
pub(super) fn block_on(job: u32, call: &str, until: u64) -> Waited {
    loop {
        match jobs::wait_for(Some(job), call, until) {
            Waited::Run(next) => event_loop::with(|event_loop| event_loop.run_job(next)),
            came_to => return came_to,
        }
    }
}

impl<T> Drop for JobFuture<T> {
    fn drop(&mut self) {
        let unseen = {
            let mut state = self.work.state();
            state.owner = Owner::LetGo;
            state.unseen.take()
        };
        if let Some(exception) = unseen {
            dropped(&exception, self.work.place);
        }
    }
}

/// RET-SUBMIT: an error in a future that nobody holds any more. Python says nothing.
pub(super) fn dropped(exception: &Exception, place: &'static Location<'static>) {
    event_loop::with(|event_loop| {
        event_loop.watch.report_ours(|| Report {
            code: "RET-SUBMIT".into(),
            level: Level::Warning,
            logger: "loopbox".into(),
            text: format!(
                "the future of submit() was dropped, and its error with it: {exception:?}"
            ),
            created: Some(place.to_string()),
            died: exception.raised().map(ToString::to_string),
        });
    });
}

impl<T: Send + 'static> fmt::Debug for JobFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = self.done();
        let state = self.work.state();
        match (&state.unseen, done) {
            _ if state.cancelled => f.write_str("<Future state=cancelled>"),
            (_, false) => f.write_str("<Future state=pending>"),
            (Some(exception), true) => {
                write!(f, "<Future state=finished raised {}>", exception.kind())
            }
            (None, true) => {
                write!(f, "<Future state=finished {}>", debug::describe_result::<T>())
            }
        }
    }
}
