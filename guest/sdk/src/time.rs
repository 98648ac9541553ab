//! The clock, sleeping, and giving up after a time.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::event_loop::{self, Alarm};
use crate::host::clock;
use crate::timers::Key;
use crate::waiting::{self, Kind, ObjectId, Place};

/// The loop's clock: virtual time since the start of the run. Like `loop.time()`.
///
/// `std::time::Instant` shows the same clock. It moves while code runs, not only between turns; in a job it
/// is the worker's.
pub fn time() -> Duration {
    Duration::from_nanos(clock::now())
}

/// Waits for `duration`, from now on. Like `asyncio.sleep`; a duration of zero waits for the next turn.
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    let state = if duration.is_zero() {
        State::Yield(yield_now())
    } else {
        State::New(clock::now().saturating_add(to_nanos(duration)))
    };
    Sleep { state, place: Location::caller() }
}

/// Waits until the loop's clock, [`time`], shows `when`.
#[track_caller]
pub fn sleep_until(when: Duration) -> Sleep {
    Sleep { state: State::New(to_nanos(when)), place: Location::caller() }
}

/// Waits for the next turn, so that others may run. Like `asyncio.sleep(0)`.
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// Runs `future` for at most `duration`; after that it is dropped. Like `asyncio.wait_for`, but that the future
/// cannot catch this and go on.
#[track_caller]
pub fn timeout<F: Future>(duration: Duration, future: F) -> Timeout<F> {
    Timeout { future, sleep: sleep(duration) }
}

/// Nanoseconds; what does not fit is the end of time.
pub(crate) fn to_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A future that is complete at its time. Made by [`sleep`] and [`sleep_until`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep {
    state: State,
    place: Place,
}

#[derive(Debug)]
enum State {
    /// Zero: one turn.
    Yield(YieldNow),
    /// Not polled yet; due at this time.
    New(u64),
    /// The loop has the timer, until it fires.
    Set(Key),
    Over,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.state {
            State::Yield(yielding) => Pin::new(yielding).poll(cx),
            State::New(due) => {
                let due = *due;
                let key = event_loop::with_running(|event_loop| {
                    let alarm = Alarm::Wake(cx.waker().clone(), event_loop.watch.current());
                    event_loop.timers.borrow_mut().insert(due, alarm)
                });
                self.state = State::Set(key);
                waiting::note(Kind::Timer, ObjectId::NONE, self.place);
                Poll::Pending
            }
            State::Set(key) => {
                let key = *key;
                let is_set = event_loop::with(|event_loop| {
                    match event_loop.timers.borrow_mut().get_mut(key) {
                        Some(Alarm::Wake(waker, _)) => {
                            waker.clone_from(cx.waker());
                            true
                        }
                        _ => false,
                    }
                });
                if is_set {
                    waiting::note(Kind::Timer, ObjectId::NONE, self.place);
                    return Poll::Pending;
                }
                self.state = State::Over;
                Poll::Ready(())
            }
            State::Over => Poll::Ready(()),
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let State::Set(key) = self.state {
            let alarm = event_loop::with(|event_loop| event_loop.timers.borrow_mut().remove(key));
            drop(alarm);
        }
    }
}

/// A future that is complete in the next turn. Made by [`yield_now`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

pin_project! {
    /// A future with a time limit. Made by [`timeout`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        sleep: Sleep,
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, TimeoutError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // A result that is there in time counts, even when the timer has fired in the same turn.
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        // What the task waits for is the future; the timer only ends that.
        let noted = waiting::take();
        let poll = Pin::new(this.sleep).poll(cx).map(|()| Err(TimeoutError));
        if noted.is_some() {
            waiting::put_back(noted);
        }
        poll
    }
}

impl<F> fmt::Debug for Timeout<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout").finish_non_exhaustive()
    }
}

/// The time was up before the future was done. As an [`Exception`](crate::Exception) it has no text, as in
/// Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("timed out")]
pub struct TimeoutError;
