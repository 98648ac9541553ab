//! Plain callbacks: what runs once, in some turn, without being a task.

use std::any;
use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use crate::debug;
use crate::event_loop::{self, Alarm, EventLoop, Mode, Posted, Ready};
use crate::host::{clock, jobs};
use crate::time::to_nanos;
use crate::timers::Key;

/// A callback that is to run, shared by the loop and its handle.
pub(crate) struct Callback {
    /// Gone when it has run or is cancelled.
    work: Cell<Option<Box<dyn FnOnce()>>>,
    type_name: &'static str,
    place: &'static Location<'static>,
    /// When it is due, if it is a timer's.
    when: Option<u64>,
}

impl Callback {
    fn new<F: FnOnce() + 'static>(
        work: F,
        when: Option<u64>,
        place: &'static Location<'static>,
    ) -> Rc<Callback> {
        Rc::new(Callback {
            work: Cell::new(Some(Box::new(work))),
            type_name: any::type_name::<F>(),
            place,
            when,
        })
    }

    /// The function's name, for the trace.
    pub(crate) fn name(&self) -> &'static str {
        debug::short_name(self.type_name)
    }

    /// Runs it, unless it is cancelled.
    pub(crate) fn run(&self, event_loop: &EventLoop) {
        let Some(work) = self.work.take() else { return };
        if event_loop.watch.is_on() {
            let describe = || debug::describe_handle(self.name(), self.when, self.place);
            event_loop.watch.callback(self.name(), self.place, describe, work);
        } else {
            work();
        }
    }
}

/// Runs `f` in the next turn, after what is ready already. Like `loop.call_soon`.
///
/// # Panics
/// If no loop is running: in a job on the pool, too.
#[track_caller]
pub fn call_soon(f: impl FnOnce() + 'static) -> Handle {
    let callback = Callback::new(f, None, Location::caller());
    event_loop::with_running(|event_loop| event_loop.push(Ready::Callback(callback.clone())));
    Handle { callback }
}

/// Runs `f` in the next turn; from a job on the pool, in the turn that begins when the loop's clock has
/// reached the worker's. Like `loop.call_soon_threadsafe`.
///
/// # Panics
/// If no loop is running.
#[track_caller]
pub fn call_soon_threadsafe(f: impl FnOnce() + Send + 'static) -> Handle {
    let callback = Callback::new(f, None, Location::caller());
    if event_loop::mode() == Mode::InJob {
        let call = Posted::Call(callback.clone());
        event_loop::with(|event_loop| event_loop.posted.borrow_mut().insert(jobs::post(), call));
    } else {
        event_loop::with_running(|event_loop| event_loop.push(Ready::Callback(callback.clone())));
    }
    Handle { callback }
}

/// Runs `f` after `delay`. Like `loop.call_later`.
///
/// # Panics
/// If no loop is running: in a job on the pool, too.
#[track_caller]
pub fn call_later(delay: Duration, f: impl FnOnce() + 'static) -> TimerHandle {
    let when = clock::now().saturating_add(to_nanos(delay));
    TimerHandle::new(when, Callback::new(f, Some(when), Location::caller()))
}

/// Runs `f` when the loop's clock, [`time`](crate::time()), shows `when`. Like `loop.call_at`.
///
/// # Panics
/// If no loop is running: in a job on the pool, too.
#[track_caller]
pub fn call_at(when: Duration, f: impl FnOnce() + 'static) -> TimerHandle {
    let when = to_nanos(when);
    TimerHandle::new(when, Callback::new(f, Some(when), Location::caller()))
}

/// A callback that will run, which can be cancelled. Dropping the handle does not cancel it.
pub struct Handle {
    callback: Rc<Callback>,
}

impl Handle {
    /// Takes the callback back; without effect if it has run. Like `handle.cancel()`.
    pub fn cancel(self) {
        drop(self.callback.work.take());
    }
}

/// A callback that will run at its time, which can be cancelled. Dropping the handle does not cancel it.
pub struct TimerHandle {
    when: u64,
    key: Key,
    callback: Rc<Callback>,
}

impl TimerHandle {
    #[track_caller]
    fn new(when: u64, callback: Rc<Callback>) -> TimerHandle {
        let alarm = Alarm::Call(callback.clone());
        let key = event_loop::with_running(|event_loop| {
            event_loop.timers.borrow_mut().insert(when, alarm)
        });
        TimerHandle { when, key, callback }
    }

    /// When it is due, on the loop's clock. Like `handle.when()`.
    pub fn when(&self) -> Duration {
        Duration::from_nanos(self.when)
    }

    /// Takes the callback back; without effect if it has run. Like `handle.cancel()`.
    pub fn cancel(self) {
        // It may be among the timers still, or in the ready queue already.
        let alarm = event_loop::with(|event_loop| event_loop.timers.borrow_mut().remove(self.key));
        drop(alarm);
        drop(self.callback.work.take());
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&debug::describe_handle(self.callback.name(), None, self.callback.place))
    }
}

impl fmt::Debug for TimerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&debug::describe_handle(
            self.callback.name(),
            Some(self.when),
            self.callback.place,
        ))
    }
}
