//! The loop from other threads: a [`LoopHandle`] can be sent to a job.
//!
//! asyncio's loop object may be used from any thread, but only `call_soon_threadsafe` and
//! `run_coroutine_threadsafe` may be *meant* to be. The other methods are here so that the mistake can be made
//! and seen: in debug mode it is an error at once (THR-1); in production mode the callback lies in the queue
//! until the loop happens to wake up, which asyncio does not tell and we do (LOST-WAKEUP).

use std::cell::Cell;
use std::fmt;
use std::future::IntoFuture;
use std::panic::Location;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::callback::{Callback, Handle, Outcome, TimerHandle};
use crate::debug;
use crate::event_loop::{self, EventLoop, Mode, Ready, Unwoken, What};
use crate::exception::{AsException, CancelledError, Exception, InvalidStateError, RuntimeError};
use crate::host::clock;
use crate::host::jobs::{self, Waited};
use crate::host::tracing::{Level, Report};
use crate::process_pool;
use crate::task::core::{self, AnyTask, Plan, TaskKey};
use crate::task::{self, Task, TaskHandle};
use crate::time::{TimeoutError, to_nanos};

/// The loop that runs. Like `asyncio.get_running_loop()`.
///
/// # Errors
/// If none does: in a job on the pool, too, which is on another thread.
pub fn get_running_loop() -> Result<LoopHandle, RuntimeError> {
    event_loop::with(|event_loop| match event_loop.mode.get() {
        Mode::Running => Ok(LoopHandle { run: event_loop.run_number.get() }),
        Mode::Stopped => {
            let text = process_pool::explain_no_loop().unwrap_or(RuntimeError::NO_LOOP);
            Err(RuntimeError::new(text))
        }
        Mode::InJob => Err(RuntimeError::new(RuntimeError::NO_LOOP)),
    })
}

/// A reference to a loop, good for any thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopHandle {
    run: u32,
}

/// Whose thread a call comes from.
enum Caller {
    Loop,
    /// A worker of the pool, at this time of its clock.
    Worker(u64),
}

impl LoopHandle {
    pub(crate) fn of_run(run: u32) -> LoopHandle {
        LoopHandle { run }
    }

    /// The calling thread, if the loop can take anything from it.
    fn caller<R>(
        self,
        use_it: impl FnOnce(&EventLoop, Caller) -> Result<R, RuntimeError>,
    ) -> Result<R, RuntimeError> {
        event_loop::with(|event_loop| {
            if !event_loop.is_open.get() || event_loop.run_number.get() != self.run {
                return Err(RuntimeError::new(RuntimeError::CLOSED));
            }
            match event_loop.mode.get() {
                Mode::InJob => use_it(event_loop, Caller::Worker(clock::now())),
                Mode::Running | Mode::Stopped => use_it(event_loop, Caller::Loop),
            }
        })
    }

    /// Like [`call_soon`](crate::call_soon). From a job it is the mistake that asyncio's documentation warns of:
    /// use [`call_soon_threadsafe`](LoopHandle::call_soon_threadsafe).
    ///
    /// # Errors
    /// If the loop is closed; in debug mode from another thread than the loop's (THR-1).
    #[track_caller]
    pub fn call_soon<R: Outcome>(
        self,
        f: impl FnOnce() -> R + Send + 'static,
    ) -> Result<Handle, RuntimeError> {
        let callback = Callback::new(f, None, Location::caller());
        self.caller(|event_loop, caller| {
            let entry = Ready::Callback(callback.clone());
            match caller {
                Caller::Loop => event_loop.push(entry),
                Caller::Worker(at) => {
                    let describe = format!("callback {}()", callback.name());
                    unwoken(event_loop, at, What::Ready(entry), describe, callback.place)?;
                }
            }
            Ok(Handle { callback })
        })
    }

    /// Like [`call_later`](crate::call_later); not for other threads.
    ///
    /// # Errors
    /// As [`call_soon`](LoopHandle::call_soon).
    #[track_caller]
    pub fn call_later<R: Outcome>(
        self,
        delay: Duration,
        f: impl FnOnce() -> R + Send + 'static,
    ) -> Result<TimerHandle, RuntimeError> {
        self.call_at(Duration::from_nanos(clock::now()) + delay, f)
    }

    /// Like [`call_at`](crate::call_at); not for other threads.
    ///
    /// # Errors
    /// As [`call_soon`](LoopHandle::call_soon).
    #[track_caller]
    pub fn call_at<R: Outcome>(
        self,
        when: Duration,
        f: impl FnOnce() -> R + Send + 'static,
    ) -> Result<TimerHandle, RuntimeError> {
        let when = to_nanos(when);
        let callback = Callback::new(f, Some(when), Location::caller());
        self.caller(|event_loop, caller| match caller {
            Caller::Loop => Ok(TimerHandle::set(event_loop, when, callback)),
            Caller::Worker(at) => {
                let describe = format!("timer {}()", callback.name());
                let timer = What::Timer(when, callback.clone());
                unwoken(event_loop, at, timer, describe, callback.place)?;
                Ok(TimerHandle::from_another_thread(when, callback))
            }
        })
    }

    /// Like [`create_task`](crate::create_task); not for other threads, which use
    /// [`run_coroutine_threadsafe`](LoopHandle::run_coroutine_threadsafe).
    ///
    /// # Errors
    /// As [`call_soon`](LoopHandle::call_soon). As in asyncio the task is half made then: it is destroyed while it
    /// is pending (THR-2).
    #[track_caller]
    pub fn create_task<F, T, E>(self, coroutine: F) -> Result<TaskHandle, RuntimeError>
    where
        F: IntoFuture<Output = Result<T, E>> + Send + 'static,
        F::IntoFuture: 'static,
        T: 'static,
        E: AsException + 'static,
    {
        let place = Location::caller();
        self.caller(|event_loop, caller| {
            let plan = Plan { name: None, place, error_of: Some(task::error_of) };
            let (join, key) = core::create(event_loop, coroutine.into_future(), plan);
            match caller {
                Caller::Loop => event_loop.push(Ready::Step(key)),
                Caller::Worker(at) => {
                    let describe = format!("task {:?}", join.core.name());
                    let step = What::Ready(Ready::Step(key));
                    if let Err(error) = unwoken(event_loop, at, step, describe, place) {
                        event_loop.destroy(key);
                        return Err(error);
                    }
                }
            }
            Ok(TaskHandle(join as Rc<dyn AnyTask>))
        })
    }

    /// Runs `f` in the loop's next turn and wakes the loop for it; from any thread. Like
    /// `loop.call_soon_threadsafe`.
    ///
    /// # Errors
    /// If the loop is closed.
    #[track_caller]
    pub fn call_soon_threadsafe<R: Outcome>(
        self,
        f: impl FnOnce() -> R + Send + 'static,
    ) -> Result<Handle, RuntimeError> {
        let callback = Callback::new(f, None, Location::caller());
        self.caller(|_, _| Ok(Handle::send(callback)))
    }

    /// Starts a task from any thread. Like `asyncio.run_coroutine_threadsafe`.
    ///
    /// # Errors
    /// If the loop is closed.
    #[track_caller]
    pub fn run_coroutine_threadsafe<F, T, E>(
        self,
        coroutine: F,
    ) -> Result<ConcurrentFuture<T>, RuntimeError>
    where
        F: IntoFuture<Output = Result<T, E>> + Send + 'static,
        F::IntoFuture: 'static,
        T: Send + 'static,
        E: Into<Exception> + AsException + 'static,
    {
        let place = Location::caller();
        let state = Arc::new(Mutex::new(Remote::Pending { task: None, cancelled: false }));
        let future = ConcurrentFuture {
            state: state.clone(),
            event_loop: self,
            place,
            retrieved: Cell::new(false),
        };
        let start = move || event_loop::with(|inner| start_remote(inner, coroutine, &state, place));
        let callback = Callback::new(start, None, place);
        self.caller(|_, _| {
            Handle::send(callback);
            Ok(())
        })?;
        Ok(future)
    }

    /// Ends the loop after the turn that runs. Like `loop.stop()`.
    pub fn stop(self) {
        event_loop::with(|event_loop| event_loop.stopping.set(true));
    }

    /// Whether it is closed. Like `loop.is_closed()`.
    pub fn is_closed(self) -> bool {
        event_loop::with(|event_loop| {
            !event_loop.is_open.get() || event_loop.run_number.get() != self.run
        })
    }
}

/// Puts something into the loop's queue from another thread, as asyncio does in production mode.
fn unwoken(
    event_loop: &EventLoop,
    at: u64,
    what: What,
    describe: String,
    place: &'static Location<'static>,
) -> Result<(), RuntimeError> {
    if event_loop.watch.is_debug() {
        return Err(RuntimeError::new(RuntimeError::WRONG_THREAD));
    }
    event_loop.unwoken.borrow_mut().push(Unwoken { at, what, describe, place });
    Ok(())
}

/// What has become of a coroutine that another thread has started.
enum Remote<T> {
    Pending {
        task: Option<TaskKey>,
        cancelled: bool,
    },
    Done(Result<T, Exception>),
    Cancelled,
    /// Somebody has the result.
    Taken,
}

/// On the loop's thread: starts the task, and puts its result where the other thread finds it.
fn start_remote<F, T, E>(
    event_loop: &EventLoop,
    coroutine: F,
    state: &Arc<Mutex<Remote<T>>>,
    place: &'static Location<'static>,
) where
    F: IntoFuture<Output = Result<T, E>> + 'static,
    F::IntoFuture: 'static,
    T: 'static,
    E: Into<Exception> + AsException + 'static,
{
    if matches!(*lock(state), Remote::Pending { cancelled: true, .. }) {
        *lock(state) = Remote::Cancelled;
        // A task that is cancelled before its first step: nobody has forgotten to await anything.
        drop(coroutine.into_future());
        return;
    }
    let plan = Plan { name: None, place, error_of: None };
    let future = coroutine.into_future();
    let ending = Ending(state.clone());
    let run = async move {
        let output = future.await.map_err(Into::into);
        let abandoned = Arc::strong_count(&ending.0) == 1;
        if let (Err(exception), true) = (&output, abandoned) {
            dropped(exception, place);
        }
        *lock(&ending.0) = Remote::Done(output);
    };
    let task = Task::start(event_loop, run, plan);
    let key = task.handle().0.core().key;
    *lock(state) = Remote::Pending { task: Some(key), cancelled: false };
}

/// Goes with the task: if that comes to no result, it was cancelled.
struct Ending<T>(Arc<Mutex<Remote<T>>>);

impl<T> Drop for Ending<T> {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        if matches!(*state, Remote::Pending { .. }) {
            *state = Remote::Cancelled;
        }
    }
}

/// RET-THREADSAFE: an error in a future that nobody holds any more. asyncio says nothing, because the callback
/// that links the task to the future has looked at it.
fn dropped(exception: &Exception, place: &'static Location<'static>) {
    event_loop::with(|event_loop| {
        event_loop.watch.report_ours(|| Report {
            code: "RET-THREADSAFE".into(),
            level: Level::Warning,
            logger: "loopbox".into(),
            text: format!(
                "the future of run_coroutine_threadsafe() was dropped, and its error with it: {exception:?}"
            ),
            created: Some(place.to_string()),
            died: exception.raised().map(ToString::to_string),
        });
    });
}

fn lock<T>(state: &Arc<Mutex<Remote<T>>>) -> std::sync::MutexGuard<'_, Remote<T>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The result of a coroutine that another thread has started. Like `concurrent.futures.Future`.
pub struct ConcurrentFuture<T> {
    state: Arc<Mutex<Remote<T>>>,
    /// The loop that runs the coroutine.
    event_loop: LoopHandle,
    place: &'static Location<'static>,
    retrieved: Cell<bool>,
}

impl<T> ConcurrentFuture<T> {
    /// Whether there is a result, or it was cancelled. Like `future.done()`.
    pub fn done(&self) -> bool {
        !matches!(*lock(&self.state), Remote::Pending { .. })
    }

    /// Whether it was cancelled. Like `future.cancelled()`.
    pub fn cancelled(&self) -> bool {
        matches!(*lock(&self.state), Remote::Cancelled)
    }

    /// Cancels the coroutine, on the loop's thread; false if it is done, or if its loop is closed. Like
    /// `future.cancel()`.
    #[track_caller]
    pub fn cancel(&self) -> bool
    where
        T: Send + 'static,
    {
        if self.event_loop.is_closed() {
            return false;
        }
        let mut state = lock(&self.state);
        let Remote::Pending { cancelled, .. } = &mut *state else { return false };
        *cancelled = true;
        drop(state);
        let state = self.state.clone();
        let cancel = move || {
            let Remote::Pending { task: Some(key), .. } = *lock(&state) else { return };
            event_loop::with(|event_loop| {
                if let Some(task) = event_loop.find_task(key) {
                    TaskHandle(task).cancel();
                }
            });
        };
        Handle::send(Callback::new(cancel, None, Location::caller()));
        true
    }

    /// Waits for the result, blocking this thread: the blocking call `future.result`. Like `future.result()`.
    ///
    /// The loop has to run the coroutine. On its own thread this wait can never end, and ends the run with a
    /// deadlock report unless a signal ends the process. In a job it cannot either, since a job runs in one piece
    /// while the loop stands still: that is a limit of the machine, and the run ends with a report.
    ///
    /// # Errors
    /// What the coroutine failed with; `CancelledError`, or `InvalidStateError` if somebody has the result.
    pub fn result(&self) -> Result<T, Exception> {
        self.wait(u64::MAX)
    }

    /// [`result`](ConcurrentFuture::result), but waits no longer than this. Like `future.result(timeout)`.
    ///
    /// # Errors
    /// `TimeoutError` after that time, and as `result`.
    pub fn result_timeout(&self, timeout: Duration) -> Result<T, Exception> {
        self.wait(clock::now().saturating_add(to_nanos(timeout)))
    }

    fn wait(&self, until: u64) -> Result<T, Exception> {
        while !self.done() {
            match jobs::wait_for(None, "future.result", until) {
                Waited::Run(job) => event_loop::with(|event_loop| event_loop.run_job(job)),
                _ => return Err(TimeoutError.into()),
            }
        }
        if self.cancelled() {
            return Err(CancelledError.into());
        }
        let taken = || Err(InvalidStateError::new("the result was taken").into());
        self.try_result().unwrap_or_else(taken)
    }

    /// The result, if it is there: looks, and does not wait.
    pub fn try_result(&self) -> Option<Result<T, Exception>> {
        let mut state = lock(&self.state);
        match std::mem::replace(&mut *state, Remote::Taken) {
            Remote::Done(result) => {
                self.retrieved.set(true);
                Some(result)
            }
            other => {
                *state = other;
                None
            }
        }
    }
}

impl<T> Drop for ConcurrentFuture<T> {
    fn drop(&mut self) {
        if let Remote::Done(Err(exception)) = &*lock(&self.state) {
            dropped(exception, self.place);
        }
    }
}

impl<T> fmt::Debug for ConcurrentFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &*lock(&self.state) {
            Remote::Pending { .. } => "pending".to_owned(),
            Remote::Done(Ok(_)) | Remote::Taken => {
                format!("finished {}", debug::describe_result::<T>())
            }
            Remote::Done(Err(exception)) => format!("finished raised {}", exception.kind()),
            Remote::Cancelled => "cancelled".to_owned(),
        };
        write!(f, "<Future state={state}>")
    }
}
