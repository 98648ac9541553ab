//! Catching a cancellation: asyncio's `except CancelledError`.
//!
//! A Rust future is cancelled by dropping it, and cannot refuse. Here a task may say at an await that it wants to
//! go on: to clean up with further awaits, or to end in its own way. The innermost [`catch_cancel`] that is being
//! awaited gets the cancellation; if there is none, the whole task is dropped.

use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::event_loop;
use crate::exception::CancelledError;
use crate::task::core::AnyTask;
use crate::waiting::Place;

/// Awaits a future; if the task is cancelled meanwhile, drops the future and gives the error instead. Like
/// `try: await future` with `except CancelledError`.
///
/// The task is not cancelled then and goes on. To end it after a clean-up, say
/// [`cancelled`](crate::cancelled)`().await`, which raises the error again.
///
/// A task that catches it and then waits *at the same place* again, as in a loop, cannot be ended, and `run` would
/// wait for it for ever. asyncio is silent about that; here it is reported (CANCEL-IGNORED), unless the task has
/// taken the request back by [`uncancel`](crate::TaskHandle::uncancel).
#[track_caller]
pub fn catch_cancel<F: IntoFuture>(future: F) -> CatchCancel<F::IntoFuture> {
    let place = Some(Location::caller());
    CatchCancel { future: Some(future.into_future()), catching: None, place }
}

/// [`catch_cancel`] for code of ours that catches a cancellation as often as it comes, and passes it on.
pub(crate) fn catch_quietly<F: Future>(future: F) -> CatchCancel<F> {
    CatchCancel { future: Some(future), catching: None, place: None }
}

/// Ends the task as a cancelled one. Like `raise CancelledError`; a [`catch_cancel`] around it catches this, too.
pub fn cancelled() -> Cancelled {
    Cancelled(())
}

pin_project! {
    /// A future that catches a cancellation. Made by [`catch_cancel`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct CatchCancel<F> {
        #[pin]
        future: Option<F>,
        catching: Option<Catching>,
        // None: it is no business of ours how often.
        place: Option<Place>,
    }
}

/// Counts as a catcher of its task for as long as it lives.
struct Catching(Rc<dyn AnyTask>);

impl Catching {
    fn begin(place: Option<Place>) -> Option<Catching> {
        let task = event_loop::with(|event_loop| event_loop.current_task())?;
        let caught = task.core().caught.get();
        if let Some(place) = place.filter(|place| caught == Some(place))
            && task.core().cancelling.get() > 0
        {
            task.core().caught.set(None);
            event_loop::with(|event_loop| event_loop.watch.ignored_cancellation(&*task, place));
        }
        change(&task.core().catchers, 1);
        Some(Catching(task))
    }
}

impl Drop for Catching {
    fn drop(&mut self) {
        change(&self.0.core().catchers, -1);
    }
}

fn change(count: &Cell<u32>, by: i32) {
    count.set(count.get().saturating_add_signed(by));
}

impl<F: Future> Future for CatchCancel<F> {
    type Output = Result<F::Output, CancelledError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if this.catching.is_none() {
            *this.catching = Catching::begin(*this.place);
        }
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            panic!("catch_cancel was polled after its completion")
        };
        // An inner catcher comes first, and takes the cancellation with it. A future that is complete wins, too:
        // then the cancellation strikes at the task's next await.
        let must_cancel = |catching: &Option<Catching>| {
            catching.as_ref().is_some_and(|catching| catching.0.core().must_cancel.get())
        };
        match future.poll(cx) {
            Poll::Ready(output) => {
                *this.catching = None;
                Poll::Ready(Ok(output))
            }
            Poll::Pending if must_cancel(this.catching) => {
                if let Some(catching) = this.catching.take() {
                    catching.0.core().must_cancel.set(false);
                    catching.0.core().raised.set(false);
                    catching.0.core().caught.set(*this.place);
                }
                this.future.set(None);
                Poll::Ready(Err(CancelledError))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<F> fmt::Debug for CatchCancel<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatchCancel").finish_non_exhaustive()
    }
}

/// A future that is never complete, because it cancels its task. Made by [`cancelled`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Cancelled(());

impl Future for Cancelled {
    type Output = std::convert::Infallible;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        crate::task::throw_cancel();
        Poll::Pending
    }
}
