//! Tasks: futures that the loop polls, by asyncio's rules.
//!
//! A task goes on when its handle is dropped, and a cancellation takes effect at its next step. Two functions
//! make tasks: [`spawn`] takes any future, as smol does; [`create_task`] takes one that may fail, as asyncio's
//! tasks may, and sees to it that an error which nobody looks at is reported. The books are in `core`.

pub(crate) mod core;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use self::core::{AnyTask, Join, Plan, State};
use crate::callback::{self, Outcome};
use crate::debug;
use crate::event_loop::{self, EventLoop, Ready};
use crate::exception::{AsException, Exception, InvalidStateError};
use crate::exception_handler::{self, ErrorContext};
use crate::waiting::{self, Kind, ObjectId};

/// Starts a task with a name of the form `Task-1`. Like `asyncio.create_task`, for a future that cannot fail.
///
/// Its first step is in the next turn. The task goes on if the handle is dropped. Nobody watches its output:
/// if that is a `Result`, [`create_task`] reports an error that is never looked at.
///
/// # Panics
/// If no loop is running: in a job on the pool, too.
#[track_caller]
pub fn spawn<F>(future: F) -> Task<F::Output>
where
    F: IntoFuture,
    F::IntoFuture: 'static,
    F::Output: 'static,
{
    let place = Location::caller();
    let plan = Plan { name: None, place, error_of: None };
    event_loop::with_running(|event_loop| Task::start(event_loop, future.into_future(), plan))
}

/// Starts a task with this name, which is its name in the trace. Like `asyncio.create_task(co, name=name)`.
///
/// # Panics
/// If no loop is running: in a job on the pool, too.
#[track_caller]
pub fn spawn_named<F>(name: impl Into<Cow<'static, str>>, future: F) -> Task<F::Output>
where
    F: IntoFuture,
    F::IntoFuture: 'static,
    F::Output: 'static,
{
    let plan = Plan { name: Some(name.into()), place: Location::caller(), error_of: None };
    event_loop::with_running(|event_loop| Task::start(event_loop, future.into_future(), plan))
}

/// Starts a task that may fail. Like `asyncio.create_task`.
///
/// If it fails, somebody must look: await the task, or ask for its [`exception`](Task::exception). Otherwise
/// the exception handler is told `Task exception was never retrieved`, as soon as nobody can look any more.
///
/// # Panics
/// If no loop is running: in a job on the pool, too.
#[track_caller]
pub fn create_task<F, T, E>(coroutine: F) -> Task<Result<T, E>>
where
    F: IntoFuture<Output = Result<T, E>>,
    F::IntoFuture: 'static,
    T: 'static,
    E: AsException + 'static,
{
    let plan = Plan { name: None, place: Location::caller(), error_of: Some(error_of) };
    event_loop::with_running(|event_loop| Task::start(event_loop, coroutine.into_future(), plan))
}

/// [`create_task`] with a name, which is the task's name in the trace.
///
/// # Panics
/// If no loop is running: in a job on the pool, too.
#[track_caller]
pub fn create_task_named<F, T, E>(
    name: impl Into<Cow<'static, str>>,
    coroutine: F,
) -> Task<Result<T, E>>
where
    F: IntoFuture<Output = Result<T, E>>,
    F::IntoFuture: 'static,
    T: 'static,
    E: AsException + 'static,
{
    let name = Some(name.into());
    let plan = Plan { name, place: Location::caller(), error_of: Some(error_of) };
    event_loop::with_running(|event_loop| Task::start(event_loop, coroutine.into_future(), plan))
}

/// The error in an output, as it is shown.
pub(crate) fn error_of<T, E: AsException>(output: &Result<T, E>) -> Option<Exception> {
    output.as_ref().err().map(AsException::as_exception)
}

/// The task whose step runs. Like `asyncio.current_task`.
pub fn current_task() -> Option<TaskHandle> {
    event_loop::with(|event_loop| event_loop.current_task()).map(TaskHandle)
}

/// The tasks that are not done, oldest first. Like `asyncio.all_tasks`.
pub fn all_tasks() -> Vec<TaskHandle> {
    let mut tasks: Vec<Rc<dyn AnyTask>> = event_loop::with(|event_loop| {
        event_loop.tasks.borrow().iter().map(|(_, task)| task.clone()).collect()
    });
    tasks.sort_by_key(|task| task.core().key.sequence);
    tasks.into_iter().map(TaskHandle).collect()
}

/// A handle of a task: a future of its output.
///
/// Dropping the handle does not stop the task (as in asyncio; in smol it would), unless somebody was waiting for
/// it: like a cancelled `await task`, a dropped one cancels the task; [`shield`](crate::shield) prevents that. In
/// asyncio the loop holds tasks weakly and asks programs to keep a reference; here the loop keeps a task alive
/// until it is done.
///
/// To await a task that was cancelled is to be cancelled: asyncio's `CancelledError`, which
/// [`catch_cancel`](crate::catch_cancel) catches.
///
/// # Panics
/// A task that awaits itself panics, where asyncio's gets a `RuntimeError`.
pub struct Task<T> {
    join: Rc<Join<T>>,
    /// It was polled: whoever waits for it may stop waiting by dropping it.
    awaited: bool,
    /// A handle stays with its loop: a job on the pool has to use `call_soon_threadsafe`.
    not_send: PhantomData<Rc<()>>,
}

impl<T: 'static> Task<T> {
    /// Puts a new task into the books and its first step into the ready queue.
    pub(crate) fn start<F>(event_loop: &EventLoop, future: F, plan: Plan<T>) -> Task<T>
    where
        F: Future<Output = T> + 'static,
    {
        let (join, key) = core::create(event_loop, future, plan);
        event_loop.push(Ready::Step(key));
        Task::of(join)
    }

    pub(crate) fn of(join: Rc<Join<T>>) -> Task<T> {
        Task { join, awaited: false, not_send: PhantomData }
    }

    /// The task as such, without its output.
    pub fn handle(&self) -> TaskHandle {
        TaskHandle(self.join.clone())
    }

    /// Lets the task go on, and keeps its books: whoever takes them looks at the error.
    pub(crate) fn release(mut self) -> Rc<dyn AnyTask> {
        self.awaited = false;
        self.join.core.retrieved.set(true);
        self.join.clone()
    }

    /// Cancels the task, and waits until it is gone: its output, if it had finished before. As in smol.
    ///
    /// The cancellation takes effect at its next step, in the next turn, whether or not the returned future is
    /// polled. asyncio's `task.cancel()` is [`TaskHandle::cancel`].
    pub fn cancel(self) -> Cancel<T> {
        self.handle().cancel();
        Cancel(self)
    }
}

impl<T> Task<T> {
    /// Drops the handle, as an explicit statement.
    pub fn detach(self) {}

    /// Whether the task is done or cancelled. Like `task.done()`.
    pub fn is_finished(&self) -> bool {
        self.join.core.is_done()
    }

    /// The task's name. Like `task.get_name()`.
    pub fn name(&self) -> String {
        self.join.core.name()
    }

    /// Lets the task go on, whoever was waiting for it.
    pub(crate) fn let_go(mut self) {
        self.awaited = false;
    }

    /// Takes the output of a task that is done.
    pub(crate) fn take_output(&self) -> Option<T> {
        self.join.core.retrieved.set(true);
        self.join.take_output()
    }
}

impl<T, E: AsException> Task<Result<T, E>> {
    /// The error that the task failed with; `None` if it succeeded or was cancelled. Counts as looking at it. Like
    /// `task.exception()`.
    ///
    /// # Errors
    /// If the task is not done.
    pub fn exception(&self) -> Result<Option<Exception>, InvalidStateError> {
        look_at_error(&*self.join)
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        let core = &self.join.core;
        if self.awaited && core.state.get() == State::Pending {
            request_cancel(core);
        }
    }
}

impl<T> Future for Task<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match self.join.core.state.get() {
            State::Pending => {
                let core = &self.join.core;
                if event_loop::with(|event_loop| event_loop.current.get()) == Some(core.key) {
                    let task = debug::describe_task(&*self.join, false);
                    panic!("Task cannot await on itself: {task}");
                }
                self.join.wait(cx.waker());
                waiting::note(Kind::Task, ObjectId(core.key.sequence), core.place);
                self.awaited = true;
                Poll::Pending
            }
            State::Cancelled => {
                throw_cancel();
                Poll::Pending
            }
            State::Done | State::Failed => match self.take_output() {
                Some(output) => Poll::Ready(output),
                None => panic!("cannot reuse already awaited coroutine"),
            },
        }
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&debug::describe_task(&*self.join, debug::get_debug()))
    }
}

/// A task, whatever it returns: to look at it, and to cancel it.
#[derive(Clone)]
pub struct TaskHandle(pub(crate) Rc<dyn AnyTask>);

impl TaskHandle {
    /// The task's name. Like `task.get_name()`.
    pub fn name(&self) -> String {
        self.0.core().name()
    }

    /// Gives it another name, for reports; the trace keeps the first. Like `task.set_name()`.
    pub fn set_name(&self, name: impl Into<Cow<'static, str>>) {
        self.0.core().set_name(name.into());
    }

    /// Whether the task is done or cancelled. Like `task.done()`.
    pub fn done(&self) -> bool {
        self.0.core().is_done()
    }

    /// Whether the task ended by cancellation. Like `task.cancelled()`.
    pub fn cancelled(&self) -> bool {
        self.0.core().state.get() == State::Cancelled
    }

    /// The error that the task failed with; `None` if it succeeded or was cancelled, or was started by [`spawn`].
    /// Counts as looking at it. Like `task.exception()`.
    ///
    /// # Errors
    /// If the task is not done.
    pub fn exception(&self) -> Result<Option<Exception>, InvalidStateError> {
        look_at_error(&*self.0)
    }

    /// Asks the task to end; false if it is done. Like `task.cancel()`.
    ///
    /// At its next step, in the next turn, a [`CancelledError`](crate::CancelledError) is thrown into it:
    /// [`catch_cancel`](crate::catch_cancel) may catch it, otherwise the future is dropped.
    pub fn cancel(&self) -> bool {
        let core = self.0.core();
        if core.is_done() {
            return false;
        }
        core.cancelling.set(core.cancelling.get().saturating_add(1));
        request_cancel(core);
        true
    }

    /// How often the task was asked to end, less how often that was taken back. Like `task.cancelling()`.
    pub fn cancelling(&self) -> u32 {
        self.0.core().cancelling.get()
    }

    /// Takes one request to end back; returns how many are left. Like `task.uncancel()`.
    pub fn uncancel(&self) -> u32 {
        let cancelling = &self.0.core().cancelling;
        cancelling.set(cancelling.get().saturating_sub(1));
        cancelling.get()
    }

    /// Runs `callback` in the turn after the task is done. Like `task.add_done_callback`.
    #[track_caller]
    pub fn add_done_callback<F, R>(&self, callback: F)
    where
        F: FnOnce(TaskHandle) -> R + 'static,
        R: Outcome,
    {
        let this = self.clone();
        let place = Location::caller();
        self.0.add_done_callback(callback::when_done::<F, R>(move || callback(this), place));
    }
}

impl PartialEq for TaskHandle {
    fn eq(&self, other: &TaskHandle) -> bool {
        self.0.core().key == other.0.core().key
    }
}

impl fmt::Debug for TaskHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&debug::describe_task(&*self.0, debug::get_debug()))
    }
}

fn look_at_error(task: &dyn AnyTask) -> Result<Option<Exception>, InvalidStateError> {
    if !task.core().is_done() {
        return Err(InvalidStateError::new("Exception is not set."));
    }
    task.core().retrieved.set(true);
    Ok(task.exception())
}

/// A cancellation is to be thrown into the task at its next step.
fn request_cancel(core: &core::Core) {
    core.must_cancel.set(true);
    event_loop::with(|event_loop| {
        if core.catchers.get() == 0 {
            event_loop.watch.task_cancelled(core);
        }
        event_loop.wake(core.key);
    });
}

/// Raises `CancelledError` in the step that runs: it is the step's end, unless something catches it.
pub(crate) fn throw_cancel() {
    if let Some(task) = event_loop::with(|event_loop| event_loop.current_task()) {
        task.core().must_cancel.set(true);
        task.core().raised.set(true);
    }
}

/// Waits until a cancelled task is gone: `None`, or its output if it had finished before.
#[derive(Debug)]
pub struct Cancel<T>(Task<T>);

impl<T> Future for Cancel<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        match self.0.join.core.state.get() {
            State::Cancelled => Poll::Ready(None),
            _ => Pin::new(&mut self.0).poll(cx).map(Some),
        }
    }
}

/// RET-1: nobody can look at the error any more.
pub(crate) fn never_retrieved(task: &dyn AnyTask, exception: Exception) {
    let debug = debug::get_debug();
    let core = task.core();
    let context = ErrorContext::new("RET-1", "Task exception was never retrieved")
        .with("future", debug::describe_task(task, debug))
        .exception(exception)
        .created(core.place);
    exception_handler::call(context);
}

/// RET-4: a task is dropped that was neither done nor cancelled.
pub(crate) fn destroyed_pending(task: &dyn AnyTask) {
    let debug = debug::get_debug();
    let context = ErrorContext::new("RET-4", "Task was destroyed but it is pending!")
        .with("task", debug::describe_task(task, debug))
        .created(task.core().place);
    exception_handler::call(context);
}
