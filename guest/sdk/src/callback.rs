//! Plain callbacks: what runs once, in some turn, without being a task.
//!
//! A callback may fail, as in asyncio: what it returns is nothing or a `Result`, and an error goes to the
//! exception handler. Scheduling from another thread is in [`crate::loop_handle`].

use std::any;
use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use crate::debug::{self, HandleText};
use crate::event_loop::{self, Alarm, EventLoop, Mode, Posted, Ready};
use crate::exception::{AsException, Exception};
use crate::exception_handler::{self, ErrorContext};
use crate::host::{clock, jobs};
use crate::task::core::DoneCallback;
use crate::time::to_nanos;
use crate::timers::Key;

/// What a callback comes back with: nothing, or a `Result` whose error goes to the exception handler.
pub trait Outcome {
    /// The error, if it is one.
    fn error(self) -> Option<Exception>;
}

impl Outcome for () {
    fn error(self) -> Option<Exception> {
        None
    }
}

impl<E: AsException> Outcome for Result<(), E> {
    fn error(self) -> Option<Exception> {
        self.err().map(|error| error.as_exception())
    }
}

/// For callbacks that end the process: `!` has no name in stable Rust but as what such a function returns.
impl Outcome for <fn() -> ! as Returns>::Type {
    fn error(self) -> Option<Exception> {
        self
    }
}

/// What a function returns, as a name for it.
#[doc(hidden)]
pub trait Returns {
    /// What it returns.
    type Type;
}

impl<R> Returns for fn() -> R {
    type Type = R;
}

/// The function of a callback.
type Work = Box<dyn FnOnce() -> Option<Exception>>;

/// A callback that is to run, shared by the loop and its handle.
pub(crate) struct Callback {
    /// Gone when it has run or is cancelled.
    work: Cell<Option<Work>>,
    cancelled: Cell<bool>,
    type_name: &'static str,
    pub(crate) place: &'static Location<'static>,
    /// When it is due, if it is a timer's.
    when: Option<u64>,
    /// It was made in debug mode.
    has_origin: bool,
}

impl Callback {
    pub(crate) fn new<F, R>(
        work: F,
        when: Option<u64>,
        place: &'static Location<'static>,
    ) -> Rc<Callback>
    where
        F: FnOnce() -> R + 'static,
        R: Outcome,
    {
        Callback::named(any::type_name::<F>(), work, when, place)
    }

    /// A callback that goes by the name of another function than the one that it calls.
    fn named<R: Outcome>(
        type_name: &'static str,
        work: impl FnOnce() -> R + 'static,
        when: Option<u64>,
        place: &'static Location<'static>,
    ) -> Rc<Callback> {
        Rc::new(Callback {
            work: Cell::new(Some(Box::new(move || work().error()))),
            cancelled: Cell::new(false),
            type_name,
            place,
            when,
            has_origin: debug::get_debug(),
        })
    }

    /// The function's name, for the trace.
    pub(crate) fn name(&self) -> &'static str {
        debug::short_name(self.type_name)
    }

    pub(crate) fn text(&self) -> HandleText<'static> {
        HandleText {
            name: self.name(),
            when: self.when,
            cancelled: self.cancelled.get(),
            place: self.place,
            has_origin: self.has_origin,
        }
    }

    /// Runs it, unless it is cancelled.
    pub(crate) fn run(&self, event_loop: &EventLoop) {
        let Some(work) = self.work.take() else { return };
        event_loop.callback_place.set(Some(self.place));
        let error = if event_loop.watch.is_on() {
            event_loop.watch.callback(self.name(), self.place, || self.text().show(), work)
        } else {
            work()
        };
        if let Some(error) = error {
            failed(&self.text(), error);
        }
        event_loop.callback_place.set(None);
    }

    fn cancel(&self) {
        self.cancelled.set(true);
        drop(self.work.take());
    }
}

/// What runs when a task or future is done, as a callback like others: timed, and with errors that are told.
/// `F` is the program's function.
pub(crate) fn when_done<F, R: Outcome>(
    work: impl FnOnce() -> R + 'static,
    place: &'static Location<'static>,
) -> DoneCallback {
    let callback = Callback::named(any::type_name::<F>(), work, None, place);
    Box::new(move || event_loop::with(|event_loop| callback.run(event_loop)))
}

/// EXC-1: a callback has failed.
pub(crate) fn failed(handle: &HandleText<'_>, error: Exception) {
    let place = handle.place;
    let message =
        format!("Exception in callback {}() at {}:{}", handle.name, place.file(), place.line());
    let context = ErrorContext::new("EXC-1", message)
        .with("handle", handle.show())
        .exception(error)
        .created(place);
    exception_handler::call(context);
}

/// Runs `f` in the next turn, after what is ready already. Like `loop.call_soon`.
///
/// # Panics
/// If no loop is running: in a job on the pool, too.
#[track_caller]
pub fn call_soon<R: Outcome>(f: impl FnOnce() -> R + 'static) -> Handle {
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
pub fn call_soon_threadsafe<R: Outcome>(f: impl FnOnce() -> R + Send + 'static) -> Handle {
    let callback = Callback::new(f, None, Location::caller());
    if event_loop::mode() == Mode::Stopped {
        panic!("no running event loop");
    }
    Handle::send(callback)
}

/// Runs `f` after `delay`. Like `loop.call_later`.
///
/// # Panics
/// If no loop is running: in a job on the pool, too.
#[track_caller]
pub fn call_later<R: Outcome>(delay: Duration, f: impl FnOnce() -> R + 'static) -> TimerHandle {
    let when = clock::now().saturating_add(to_nanos(delay));
    TimerHandle::new(when, Callback::new(f, Some(when), Location::caller()))
}

/// Runs `f` when the loop's clock, [`time`](crate::time()), shows `when`. Like `loop.call_at`.
///
/// # Panics
/// If no loop is running: in a job on the pool, too.
#[track_caller]
pub fn call_at<R: Outcome>(when: Duration, f: impl FnOnce() -> R + 'static) -> TimerHandle {
    let when = to_nanos(when);
    TimerHandle::new(when, Callback::new(f, Some(when), Location::caller()))
}

/// A callback that will run, which can be cancelled. Dropping the handle does not cancel it.
pub struct Handle {
    pub(crate) callback: Rc<Callback>,
}

impl Handle {
    /// Hands a callback to the loop from whatever thread this is, and wakes the loop.
    pub(crate) fn send(callback: Rc<Callback>) -> Handle {
        event_loop::with(|event_loop| match event_loop.mode.get() {
            Mode::InJob => {
                let call = Posted::Call(callback.clone());
                event_loop.posted.borrow_mut().insert(jobs::post(), call);
            }
            Mode::Running | Mode::Stopped => event_loop.push(Ready::Callback(callback.clone())),
        });
        Handle { callback }
    }

    /// Takes the callback back; without effect if it has run. Like `handle.cancel()`.
    pub fn cancel(&self) {
        self.callback.cancel();
    }

    /// Whether it was taken back. Like `handle.cancelled()`.
    pub fn cancelled(&self) -> bool {
        self.callback.cancelled.get()
    }
}

/// A callback that will run at its time, which can be cancelled. Dropping the handle does not cancel it.
pub struct TimerHandle {
    when: u64,
    /// Where it is among the timers; a timer from another thread is not there yet.
    key: Option<Key>,
    callback: Rc<Callback>,
}

impl TimerHandle {
    #[track_caller]
    fn new(when: u64, callback: Rc<Callback>) -> TimerHandle {
        event_loop::with_running(|event_loop| TimerHandle::set(event_loop, when, callback))
    }

    pub(crate) fn set(event_loop: &EventLoop, when: u64, callback: Rc<Callback>) -> TimerHandle {
        let alarm = Alarm::Call(callback.clone());
        let key = Some(event_loop.timers.borrow_mut().insert(when, alarm));
        TimerHandle { when, key, callback }
    }

    pub(crate) fn from_another_thread(when: u64, callback: Rc<Callback>) -> TimerHandle {
        TimerHandle { when, key: None, callback }
    }

    /// When it is due, on the loop's clock. Like `handle.when()`.
    pub fn when(&self) -> Duration {
        Duration::from_nanos(self.when)
    }

    /// Takes the callback back; without effect if it has run. Like `handle.cancel()`.
    pub fn cancel(&self) {
        // It may be among the timers still, or in the ready queue already.
        if let Some(key) = self.key {
            let alarm = event_loop::with(|event_loop| event_loop.timers.borrow_mut().remove(key));
            drop(alarm);
        }
        self.callback.cancel();
    }

    /// Whether it was taken back. Like `handle.cancelled()`.
    pub fn cancelled(&self) -> bool {
        self.callback.cancelled.get()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.callback.text().show())
    }
}

impl fmt::Debug for TimerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.callback.text().show())
    }
}
