//! Catching a cancellation: asyncio's `except CancelledError`.
//!
//! A Rust future is cancelled by dropping it, and cannot refuse. Here a task may say at an await that it wants to
//! go on: to clean up with further awaits, or to end in its own way. The innermost [`catch_cancel`] that is being
//! awaited gets the cancellation; if there is none, the whole task is dropped.

use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::event_loop;
use crate::exception::CancelledError;
use crate::task::core::AnyTask;

/// Awaits a future; if the task is cancelled meanwhile, drops the future and gives the error instead. Like
/// `try: await future` with `except CancelledError`.
///
/// The task is not cancelled then and goes on. To end it after a clean-up, say
/// [`cancelled`](crate::cancelled)`().await`, which raises the error again.
pub fn catch_cancel<F: IntoFuture>(future: F) -> CatchCancel<F::IntoFuture> {
    CatchCancel { future: Some(future.into_future()), catching: None }
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
    }
}

/// Counts as a catcher of its task for as long as it lives.
struct Catching(Rc<dyn AnyTask>);

impl Catching {
    fn begin() -> Option<Catching> {
        let task = event_loop::with(|event_loop| event_loop.current_task())?;
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
            *this.catching = Catching::begin();
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
