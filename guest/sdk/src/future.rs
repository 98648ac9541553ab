//! Futures that somebody completes by hand: `loop.create_future()`.
//!
//! A [`Future`] is a slot for a result that arrives later. Any number of tasks may await it; each gets a clone. If
//! it is completed with an error that nobody looks at, the exception handler is told when the last reference
//! goes (RET-1). The trait of the same name is Rust's, and always written `std::future::Future` here.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future as _, poll_fn};
use std::panic::Location;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use crate::callback::{self, Outcome};
use crate::debug;
use crate::event_loop;
use crate::exception::{AsException, Exception, InvalidStateError, RuntimeError};
use crate::exception_handler::{self, ErrorContext};
use crate::host::tracing::Report;
use crate::task::core::{DoneCallback, schedule_done_callback};
use crate::task::throw_cancel;
use crate::waiting::{self, Kind, Object, ObjectId, Place};

/// A new future that is pending. Like `loop.create_future()`.
#[track_caller]
pub fn create_future<T: 'static>() -> Future<T> {
    Future::named("Future", Location::caller())
}

/// A result that arrives later. Like `asyncio.Future`; clones are references to one future.
///
/// Awaiting gives the result, or the error that it was completed with. If it was cancelled, whoever awaits it is
/// cancelled too.
pub struct Future<T: 'static> {
    shared: Rc<Shared<T>>,
    /// Where it is awaited, for reports.
    place: Place,
}

struct Shared<T> {
    id: ObjectId,
    /// `Future`, or the name of another class of asyncio's.
    class: &'static str,
    created: Place,
    /// Which run of the loop it belongs to.
    run: u32,
    /// It was made in debug mode, which shows where.
    has_origin: bool,
    state: RefCell<State<T>>,
    waiters: RefCell<Vec<Waker>>,
    callbacks: RefCell<Vec<DoneCallback>>,
    /// There is an error that nobody has looked at.
    log_traceback: Cell<bool>,
}

enum State<T> {
    Pending,
    Result(T),
    Exception(Exception),
    Cancelled,
}

impl<T: 'static> Future<T> {
    pub(crate) fn named(class: &'static str, created: Place) -> Future<T> {
        let id = waiting::next_id();
        let run = event_loop::with(|event_loop| event_loop.run_number.get());
        let shared = Rc::new(Shared {
            id,
            class,
            created,
            run,
            has_origin: debug::get_debug(),
            state: RefCell::new(State::Pending),
            waiters: RefCell::default(),
            callbacks: RefCell::default(),
            log_traceback: Cell::new(false),
        });
        let object: Weak<dyn Object> = Rc::downgrade(&(shared.clone() as Rc<dyn Object>));
        waiting::register(id, object);
        Future { shared, place: created }
    }

    /// Completes it. Like `future.set_result`.
    ///
    /// # Errors
    /// If it is done.
    pub fn set_result(&self, result: T) -> Result<(), InvalidStateError> {
        self.shared.finish(State::Result(result))
    }

    /// Completes it with an error. Like `future.set_exception`.
    ///
    /// # Errors
    /// If it is done.
    pub fn set_exception(&self, exception: impl Into<Exception>) -> Result<(), InvalidStateError> {
        self.shared.finish(State::Exception(exception.into()))?;
        self.shared.log_traceback.set(true);
        let failed: Weak<dyn Failed> = Rc::downgrade(&(self.shared.clone() as Rc<dyn Failed>));
        event_loop::with(|event_loop| event_loop.note_failed_future(failed));
        Ok(())
    }

    /// Cancels it; false if it is done. Like `future.cancel`, which forgets an error that nobody looked at.
    pub fn cancel(&self) -> bool {
        self.shared.log_traceback.set(false);
        self.shared.finish(State::Cancelled).is_ok()
    }

    /// Whether it has a result, an error, or was cancelled. Like `future.done`.
    pub fn done(&self) -> bool {
        !matches!(*self.shared.state.borrow(), State::Pending)
    }

    /// Whether it was cancelled. Like `future.cancelled`.
    pub fn cancelled(&self) -> bool {
        matches!(*self.shared.state.borrow(), State::Cancelled)
    }

    /// The error that it was completed with, if it was. Counts as looking at it. Like `future.exception`.
    ///
    /// # Errors
    /// If it is not done.
    pub fn exception(&self) -> Result<Option<Exception>, InvalidStateError> {
        self.shared.log_traceback.set(false);
        match &*self.shared.state.borrow() {
            State::Pending => Err(InvalidStateError::new("Exception is not set.")),
            State::Exception(exception) => Ok(Some(exception.clone())),
            State::Result(_) | State::Cancelled => Ok(None),
        }
    }

    /// Runs `callback` in the turn after it is done. Like `future.add_done_callback`.
    #[track_caller]
    pub fn add_done_callback<F, R>(&self, callback: F)
    where
        F: FnOnce() -> R + 'static,
        R: Outcome,
    {
        let callback = callback::when_done::<F, R>(callback, Location::caller());
        if self.done() {
            schedule_done_callback(callback);
        } else {
            self.shared.callbacks.borrow_mut().push(callback);
        }
    }
}

impl<T: Clone + 'static> Future<T> {
    /// What it was completed with. Counts as looking at an error. Like `future.result`.
    ///
    /// # Errors
    /// If it is not done or was cancelled; the error that it was completed with.
    pub fn result(&self) -> Result<T, Exception> {
        self.shared.log_traceback.set(false);
        match &*self.shared.state.borrow() {
            State::Pending => Err(InvalidStateError::new("Result is not set.").into()),
            State::Result(result) => Ok(result.clone()),
            State::Exception(exception) => Err(exception.clone()),
            State::Cancelled => Err(crate::CancelledError.into()),
        }
    }
}

impl<T: Clone + 'static> Future<T> {
    /// Awaits it, as part of a wait for something else, which is what reports are told.
    pub(crate) async fn noting(
        mut self,
        kind: Kind,
        object: ObjectId,
        place: Place,
    ) -> Result<T, Exception> {
        poll_fn(|cx| {
            let poll = Pin::new(&mut self).poll(cx);
            if poll.is_pending() {
                waiting::note(kind, object, place);
            }
            poll
        })
        .await
    }

    /// Whether both are references to one future.
    pub(crate) fn is(&self, other: &Future<T>) -> bool {
        Rc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Shared<T> {
    fn finish(&self, state: State<T>) -> Result<(), InvalidStateError> {
        if !matches!(*self.state.borrow(), State::Pending) {
            return Err(InvalidStateError::new("invalid state"));
        }
        self.state.replace(state);
        self.waiters.take().into_iter().for_each(Waker::wake);
        self.callbacks.take().into_iter().for_each(schedule_done_callback);
        Ok(())
    }

    /// As asyncio shows it: `<Future finished exception=KeyError('k')>`.
    fn describe_as_future(&self, debug: bool) -> String {
        let class = self.class;
        let state = match &*self.state.borrow() {
            State::Pending => "pending".to_owned(),
            State::Result(_) => format!("finished {}", debug::describe_result::<T>()),
            State::Exception(exception) => format!("finished exception={exception:?}"),
            State::Cancelled => "cancelled".to_owned(),
        };
        let has_origin = debug && self.has_origin;
        let created = if has_origin { debug::created(self.created) } else { String::new() };
        format!("<{class} {state}{created}>")
    }
}

/// A future with an error, whatever its result would have been.
pub(crate) trait Failed {
    /// Nobody has looked at the error.
    fn is_unseen(&self) -> bool;
    /// RET-HIDDEN, if nobody has looked at the error by the end of the loop.
    fn hidden(&self) -> Option<Report>;
}

impl<T> Failed for Shared<T> {
    fn is_unseen(&self) -> bool {
        self.log_traceback.get()
    }

    fn hidden(&self) -> Option<Report> {
        let is_unseen = self.log_traceback.replace(false);
        is_unseen
            .then(|| debug::hidden_failure(&self.describe_as_future(false), "future", self.created))
    }
}

impl<T> Object for Shared<T> {
    fn describe(&self) -> String {
        format!("{} made at {}", self.class.to_lowercase(), crate::deadlock::show(self.created))
    }

    fn holders(&self) -> Vec<(u32, Place)> {
        Vec::new()
    }

    fn remark(&self, references: usize) -> Option<String> {
        // Those who wait have one reference each.
        (references <= self.waiters.borrow().len())
            .then(|| "nobody else holds it, so nobody can complete it".into())
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        waiting::forget(self.id);
        if !self.log_traceback.get() {
            return;
        }
        let debug = debug::get_debug();
        if let State::Exception(exception) = &*self.state.borrow() {
            let message = format!("{} exception was never retrieved", self.class);
            let context = ErrorContext::new("RET-1", message)
                .with("future", self.describe_as_future(debug))
                .exception(exception.clone())
                .created(self.created);
            exception_handler::call(context);
        }
    }
}

impl<T: 'static> Clone for Future<T> {
    fn clone(&self) -> Future<T> {
        Future { shared: self.shared.clone(), place: self.place }
    }
}

impl<T: Clone + 'static> std::future::Future for Future<T> {
    type Output = Result<T, Exception>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, Exception>> {
        let shared = &self.shared;
        let run = event_loop::with(|event_loop| event_loop.run_number.get());
        if shared.run != run {
            let task = event_loop::with(|event_loop| event_loop.current_task());
            let debug = debug::get_debug();
            let task = task.map_or("Task".into(), |task| debug::describe_task(&*task, debug));
            let future = shared.describe_as_future(debug);
            let text = format!("Task {task} got Future {future} attached to a different loop");
            return Poll::Ready(Err(RuntimeError::new(text).as_exception()));
        }
        match &*shared.state.borrow() {
            State::Pending => {
                let mut waiters = shared.waiters.borrow_mut();
                if !waiters.iter().any(|waiter| waiter.will_wake(cx.waker())) {
                    waiters.push(cx.waker().clone());
                }
                waiting::note(Kind::Future, shared.id, self.place);
                Poll::Pending
            }
            State::Result(result) => Poll::Ready(Ok(result.clone())),
            State::Exception(exception) => {
                shared.log_traceback.set(false);
                Poll::Ready(Err(exception.clone()))
            }
            State::Cancelled => {
                throw_cancel();
                Poll::Pending
            }
        }
    }
}

impl<T: 'static> fmt::Debug for Future<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shared.describe_as_future(debug::get_debug()))
    }
}
