//! The loop's future of a job: what `loop.run_in_executor` gives.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::work::{Owner, Work};
use crate::debug;
use crate::exception::Exception;
use crate::exception_handler::{self, ErrorContext};
use crate::task::throw_cancel;
use crate::waiting::{self, Kind, ObjectId};

/// A job on a pool: a future of its result.
///
/// Dropping it is cancelling it: the job is taken back if no worker has taken it yet; otherwise the worker goes
/// on and the result is dropped (EXE-4 of asyncio's behaviours). [`Job::detach`] lets it run in any case; if it
/// fails then, nobody will ever look at the error, and that is reported (EXE-6).
#[must_use = "a job that is dropped before a worker takes it is cancelled"]
pub struct Job<T> {
    work: Arc<Work<T>>,
    detached: bool,
    /// It belongs to the loop's thread.
    not_send: PhantomData<Rc<()>>,
}

impl<T> Job<T> {
    pub(super) fn new(work: Arc<Work<T>>) -> Job<T> {
        Job { work, detached: false, not_send: PhantomData }
    }

    /// Lets the job run, and drops its result.
    pub fn detach(mut self) {
        self.detached = true;
        let unseen = {
            let mut state = self.work.state();
            state.owner = Owner::LetGo;
            state.finished.then(|| state.unseen.take()).flatten()
        };
        if let Some(exception) = unseen {
            never_retrieved(exception, self.work.place);
        }
    }

    /// Takes the job back; false if a worker has taken it already. Like `future.cancel()` of
    /// `concurrent.futures`.
    pub fn cancel(mut self) -> bool {
        // What follows is a drop that has nothing left to do.
        self.detached = true;
        self.work.state().owner = Owner::Cancelled;
        self.work.take_back()
    }
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        if self.detached {
            return;
        }
        let unseen = {
            let mut state = self.work.state();
            if !state.finished {
                state.owner = Owner::Cancelled;
            }
            state.finished.then(|| state.unseen.take()).flatten()
        };
        match unseen {
            Some(exception) => never_retrieved(exception, self.work.place),
            None => {
                self.work.take_back();
            }
        }
    }
}

impl<T> Future for Job<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut state = self.work.state();
        if state.cancelled {
            // Not by this future, but by a shutdown of the pool: whoever awaits it is cancelled too.
            throw_cancel();
            return Poll::Pending;
        }
        if !state.finished {
            state.waker = Some(cx.waker().clone());
            waiting::note(Kind::Job, ObjectId(self.work.id), self.work.place);
            return Poll::Pending;
        }
        state.unseen = None;
        match state.result.take() {
            Some(result) => Poll::Ready(result),
            None => panic!("a job was polled after its completion"),
        }
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("id", &self.work.id).finish_non_exhaustive()
    }
}

/// EXE-6: a job failed, and nobody will look at the error.
pub(super) fn never_retrieved(exception: Exception, place: &'static Location<'static>) {
    let created = if debug::get_debug() { debug::created(place) } else { String::new() };
    let context = ErrorContext::new("EXE-6", "Future exception was never retrieved")
        .with("future", format!("<Future finished exception={exception:?}{created}>"))
        .exception(exception)
        .created(place);
    exception_handler::call(context);
}
