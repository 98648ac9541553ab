//! Signals, delivered as an event loop does it: never in the middle of something.
//!
//! A signal is seen at the loop's next wait. Its handler runs as a callback of that turn. Without a handler
//! the default action is taken: most signals end the process with no clean-up.
//!
//! A signal counts as *handled*, for its latency in the trace, when its handler has returned or, if it has
//! none, when the first consumer has taken it from its [`Signals`].

use std::any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use crate::callback::{self, Outcome};
use crate::debug::{self, HandleText};
use crate::event_loop::{self, EventLoop, Ready};
use crate::exception::Exception;
use crate::host::signals as host;
use crate::host::tracing::{Level, Report};
use crate::task::TaskHandle;
use crate::waiting::{self, Kind, ObjectId, Place};

/// A signal, by its number on Linux. Whether the machine has it shows when it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(i32);

macro_rules! signals {
    ($($name:ident = $number:literal, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $name: Signal = Signal($number);)*

        impl Signal {
            fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

signals! {
    SIGHUP = 1, "The terminal is gone; by custom: read the configuration again.";
    SIGINT = 2, "Interrupt from the keyboard.";
    SIGQUIT = 3, "Quit from the keyboard.";
    SIGABRT = 6, "Abort.";
    SIGKILL = 9, "Kill: cannot be caught.";
    SIGUSR1 = 10, "For the program to give it a meaning.";
    SIGUSR2 = 12, "For the program to give it a meaning.";
    SIGPIPE = 13, "A pipe without a reader.";
    SIGALRM = 14, "A timer.";
    SIGTERM = 15, "The polite request to end.";
    SIGCHLD = 17, "A child process has ended; ignored by default.";
    SIGCONT = 18, "Go on; ignored by default.";
    SIGWINCH = 28, "The terminal's size has changed; ignored by default.";
}

impl Signal {
    /// The number on Linux.
    pub fn number(self) -> i32 {
        self.0
    }

    fn to_host(self) -> Result<u8, SignalError> {
        u8::try_from(self.0).map_err(|_| SignalError::Invalid(self.0))
    }
}

impl From<i32> for Signal {
    fn from(number: i32) -> Signal {
        Signal(number)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}

/// What is wrong with the use of a signal, in asyncio's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignalError {
    /// The machine has no signal of this number.
    #[error("invalid signal number {0}")]
    Invalid(i32),
    /// No handler ever sees it.
    #[error("sig {0} cannot be caught")]
    Uncatchable(i32),
    /// A job on the pool tried to do what only the main thread may do.
    #[error("set_wakeup_fd only works in main thread of the main interpreter")]
    NotMainThread,
}

impl SignalError {
    /// The name of the error that asyncio raises: `ValueError` or `RuntimeError`.
    pub fn kind(self) -> &'static str {
        match self {
            SignalError::Invalid(_) => "ValueError",
            SignalError::Uncatchable(_) | SignalError::NotMainThread => "RuntimeError",
        }
    }

    fn of(signal: Signal) -> impl Fn(host::SignalError) -> SignalError {
        move |error| match error {
            host::SignalError::Unknown => SignalError::Invalid(signal.0),
            host::SignalError::Uncatchable => SignalError::Uncatchable(signal.0),
            host::SignalError::NotMainThread => SignalError::NotMainThread,
        }
    }
}

/// Calls `handler` for each delivery of the signal. Like `loop.add_signal_handler`: a second registration
/// replaces the first silently.
///
/// # Errors
/// If the machine does not have the signal, or no one can catch it; or in a job on the pool.
#[track_caller]
pub fn add_signal_handler<F, R>(
    signal: impl Into<Signal>,
    mut handler: F,
) -> Result<(), SignalError>
where
    F: FnMut() -> R + 'static,
    R: Outcome,
{
    let signal = signal.into();
    let place = Location::caller();
    let handler = Handler {
        call: Rc::new(RefCell::new(move || handler().error())),
        type_name: any::type_name::<F>(),
        place,
        has_origin: debug::get_debug(),
    };
    event_loop::with(|event_loop| {
        let replaced = listen(event_loop, signal, |listener| listener.handler.replace(handler))?;
        if let Some(replaced) = replaced {
            report_replaced(event_loop, signal, replaced.place, place);
        }
        Ok(())
    })
}

/// HANDLER-REPLACED: asyncio says nothing when a library takes over the program's signal.
fn report_replaced(event_loop: &EventLoop, signal: Signal, old: Place, new: Place) {
    event_loop.watch.report_ours(|| Report {
        code: "HANDLER-REPLACED".into(),
        level: Level::Warning,
        logger: "loopbox".into(),
        text: format!("the handler of {signal} made at {old} is replaced by the one made at {new}"),
        created: Some(old.to_string()),
        died: Some(new.to_string()),
    });
}

/// Takes the handler away: back to the default action, unless a [`Signals`] still listens. False if there was
/// none. Like `loop.remove_signal_handler`.
///
/// # Errors
/// If the machine does not have the signal, or no one can catch it; or in a job on the pool.
pub fn remove_signal_handler(signal: impl Into<Signal>) -> Result<bool, SignalError> {
    let signal = signal.into();
    let number = signal.to_host()?;
    event_loop::with(|event_loop| {
        let mut listeners = event_loop.listeners.borrow_mut();
        let Some(listener) = listeners.get_mut(&number) else {
            if signal == SIGINT && !matches!(*event_loop.interrupt.borrow(), Interrupt::Off) {
                // The runner's own way with it is no handler of the program's.
                return Ok(false);
            }
            // Only to have the same errors as with a handler.
            return host::remove_handler(number).map_err(SignalError::of(signal));
        };
        if listener.handler.is_some() && listener.inboxes.is_empty() {
            host::remove_handler(number).map_err(SignalError::of(signal))?;
        }
        let removed = listener.handler.take();
        if listener.inboxes.is_empty() {
            listeners.remove(&number);
        }
        // What the handler owns may look into the loop when it is dropped.
        drop(listeners);
        Ok(removed.is_some())
    })
}

/// Sends a signal to this process. Like `signal.raise_signal`, or `os.kill(os.getpid(), signal)`.
///
/// # Errors
/// If the machine does not have the signal.
pub fn raise(signal: impl Into<Signal>) -> Result<(), SignalError> {
    let signal = signal.into();
    host::raise(signal.to_host()?).map_err(SignalError::of(signal))
}

/// Waits for the next delivery of the signal. It listens from this call on, not only from the first poll, and
/// until it is dropped.
#[track_caller]
pub fn wait(signal: impl Into<Signal>) -> Wait {
    Wait(Signals::new([signal.into()]))
}

/// A future of a signal. Made by [`wait`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Wait(Result<Signals, SignalError>);

impl Future for Wait {
    type Output = Result<Signal, SignalError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Ok(signals) => signals.poll_signal(cx).map(Ok),
            Err(error) => Poll::Ready(Err(*error)),
        }
    }
}

/// A stream of the deliveries of some signals, like that of async-signal. It never ends. Several streams, and
/// a handler, may listen to one signal: each sees every delivery.
#[derive(Debug)]
pub struct Signals {
    inbox: Rc<Inbox>,
    numbers: Vec<u8>,
    /// Where it was made, for reports of who waits for what.
    place: Place,
}

impl Signals {
    /// Listens to these signals until it is dropped.
    ///
    /// # Errors
    /// If the machine does not have a signal, or no one can catch it; or in a job on the pool.
    #[track_caller]
    pub fn new<S: Into<Signal>>(
        signals: impl IntoIterator<Item = S>,
    ) -> Result<Signals, SignalError> {
        let place = Location::caller();
        let mut this = Signals { inbox: Rc::default(), numbers: Vec::new(), place };
        for signal in signals {
            this.add(signal.into())?;
        }
        Ok(this)
    }

    fn add(&mut self, signal: Signal) -> Result<(), SignalError> {
        let number = signal.to_host()?;
        if !self.numbers.contains(&number) {
            event_loop::with(|event_loop| {
                listen(event_loop, signal, |listener| listener.inboxes.push(self.inbox.clone()))
            })?;
            self.numbers.push(number);
        }
        Ok(())
    }

    fn poll_signal(&mut self, cx: &mut Context<'_>) -> Poll<Signal> {
        let Some(number) = self.inbox.arrived.borrow_mut().pop_front() else {
            self.inbox.waker.set(Some(cx.waker().clone()));
            let first = self.numbers.first().copied().unwrap_or_default();
            waiting::note(Kind::Signal, ObjectId(first.into()), self.place);
            return Poll::Pending;
        };
        if event_loop::with(|event_loop| take_unhandled(event_loop, number)) {
            host::handled(number);
        }
        Poll::Ready(Signal(number.into()))
    }
}

impl Stream for Signals {
    type Item = Signal;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Signal>> {
        self.poll_signal(cx).map(Some)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        event_loop::with(|event_loop| {
            let mut listeners = event_loop.listeners.borrow_mut();
            for number in &self.numbers {
                let Some(listener) = listeners.get_mut(number) else { continue };
                listener.inboxes.retain(|inbox| !Rc::ptr_eq(inbox, &self.inbox));
                if listener.handler.is_none() && listener.inboxes.is_empty() {
                    listeners.remove(number);
                    // It was there; and off the main thread a stream cannot be, as it is not `Send`.
                    let _ = host::remove_handler(*number);
                }
            }
        });
    }
}

/// Who listens, by the number of the signal.
pub(crate) type Listeners = BTreeMap<u8, Listener>;

/// Who listens to one signal.
#[derive(Default)]
pub(crate) struct Listener {
    handler: Option<Handler>,
    inboxes: Vec<Rc<Inbox>>,
    /// Deliveries that no one has dealt with.
    unhandled: u32,
}

struct Handler {
    call: Rc<RefCell<dyn FnMut() -> Option<Exception>>>,
    type_name: &'static str,
    place: &'static Location<'static>,
    /// It was added in debug mode.
    has_origin: bool,
}

/// What has arrived for one stream.
#[derive(Default)]
struct Inbox {
    arrived: RefCell<VecDeque<u8>>,
    waker: Cell<Option<Waker>>,
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.arrived.fmt(f)
    }
}

/// Adds a listener, after asking the host to deliver the signal; to ask again does no harm.
fn listen<R>(
    event_loop: &EventLoop,
    signal: Signal,
    change: impl FnOnce(&mut Listener) -> R,
) -> Result<R, SignalError> {
    let number = signal.to_host()?;
    host::add_handler(number).map_err(SignalError::of(signal))?;
    if signal == SIGINT {
        // As in asyncio: whoever handles it replaces the runner's way with it.
        event_loop.interrupt.replace(Interrupt::Off);
    }
    Ok(change(event_loop.listeners.borrow_mut().entry(number).or_default()))
}

/// Whether a delivery was waiting to be dealt with, which the caller does now.
fn take_unhandled(event_loop: &EventLoop, number: u8) -> bool {
    let mut listeners = event_loop.listeners.borrow_mut();
    let Some(listener) = listeners.get_mut(&number) else { return false };
    let waiting = listener.unhandled > 0;
    listener.unhandled = listener.unhandled.saturating_sub(1);
    waiting
}

/// What SIGINT does while a [`Runner`](crate::Runner) runs and nobody else handles it.
#[derive(Default)]
pub(crate) enum Interrupt {
    /// The default action.
    #[default]
    Off,
    /// The first one cancels the main task.
    Armed(TaskHandle),
    /// It has come; the second one ends the process.
    Came,
}

/// From now on the first SIGINT cancels this task, and the second ends the process: unless somebody handles
/// SIGINT already.
pub(crate) fn arm_interrupt(event_loop: &EventLoop, main: TaskHandle) {
    let number = SIGINT.to_host().unwrap_or_default();
    if event_loop.listeners.borrow().contains_key(&number) {
        return;
    }
    // A machine without SIGINT, or a job, cannot be here; then the default action remains.
    if host::add_handler_once(number).is_ok() {
        event_loop.interrupt.replace(Interrupt::Armed(main));
    }
}

/// Whether a runner's first SIGINT is still to come.
pub(crate) fn is_armed(event_loop: &EventLoop) -> bool {
    matches!(*event_loop.interrupt.borrow(), Interrupt::Armed(_))
}

/// The main task is done: back to the default action. Whether SIGINT has come.
pub(crate) fn disarm_interrupt(event_loop: &EventLoop) -> bool {
    match event_loop.interrupt.take() {
        Interrupt::Off => false,
        Interrupt::Armed(_) => {
            let _ = host::remove_handler(SIGINT.to_host().unwrap_or_default());
            false
        }
        Interrupt::Came => true,
    }
}

/// The first SIGINT of a runner. True if this was it.
fn interrupt(event_loop: &EventLoop, number: u8) -> bool {
    if i32::from(number) != SIGINT.number() {
        return false;
    }
    match event_loop.interrupt.replace(Interrupt::Came) {
        Interrupt::Armed(main) => {
            main.cancel();
            host::handled(number);
            true
        }
        other => {
            event_loop.interrupt.replace(other);
            false
        }
    }
}

/// The machine has delivered a signal: the handler runs in this turn, consumers of streams wake.
pub(crate) fn deliver(event_loop: &EventLoop, number: u32) {
    let Ok(number) = u8::try_from(number) else { return };
    if interrupt(event_loop, number) {
        return;
    }
    let inboxes = {
        let mut listeners = event_loop.listeners.borrow_mut();
        let Some(listener) = listeners.get_mut(&number) else { return };
        listener.unhandled += 1;
        if listener.handler.is_some() {
            event_loop.push(Ready::Signal(number));
        }
        listener.inboxes.clone()
    };
    for inbox in inboxes {
        inbox.arrived.borrow_mut().push_back(number);
        if let Some(waker) = inbox.waker.take() {
            waker.wake();
        }
    }
}

/// Runs a handler as a callback, unless it has been removed since the delivery.
pub(crate) fn run_handler(event_loop: &EventLoop, number: u8) {
    let (call, text) = {
        let listeners = event_loop.listeners.borrow();
        let Some(handler) = listeners.get(&number).and_then(|listener| listener.handler.as_ref())
        else {
            return;
        };
        let name = debug::short_name(handler.type_name);
        let Handler { place, has_origin, .. } = *handler;
        (handler.call.clone(), HandleText { name, when: None, cancelled: false, place, has_origin })
    };
    let is_first = take_unhandled(event_loop, number);
    let place = text.place;
    let work = || (call.borrow_mut())();
    event_loop.callback_place.set(Some(place));
    let error = if event_loop.watch.is_on() {
        let name = format!("{} handler", Signal(number.into()));
        event_loop.watch.callback(&name, place, || text.show(), work)
    } else {
        work()
    };
    if let Some(error) = error {
        callback::failed(&text, error);
    }
    event_loop.callback_place.set(None);
    if is_first {
        host::handled(number);
    }
}

/// The loop ends: back to the default actions.
pub(crate) fn remove_all(event_loop: &EventLoop) {
    let listeners = event_loop.listeners.take();
    for number in listeners.keys() {
        // It was there.
        let _ = host::remove_handler(*number);
    }
    drop(listeners);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_errors_are_those_of_python() {
        assert_eq!(SIGTERM.to_string(), "SIGTERM");
        assert_eq!(Signal(11).to_string(), "signal 11");
        assert_eq!(SignalError::Uncatchable(9).to_string(), "sig 9 cannot be caught");
        assert_eq!(
            add_signal_handler(999, || ()).expect_err("no such signal").to_string(),
            "invalid signal number 999"
        );
    }
}
