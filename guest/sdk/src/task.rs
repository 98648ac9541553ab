//! Tasks: futures that the loop polls.
//!
//! A task is one allocation of `async-task`, which also brings the waker. This module adds the name and place
//! for the trace, the list of live tasks, and asyncio's rules: a task goes on when its handle is dropped, and
//! cancelling it takes effect at its next step.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use async_task::Runnable;
use pin_project_lite::pin_project;

use crate::event_loop::{self, EventLoop, Mode, Posted, Ready};
use crate::host::{jobs, tracing};

/// What the loop knows of a task.
#[derive(Clone)]
pub(crate) struct Meta {
    /// Counts tasks in the order of creation.
    pub(crate) sequence: u32,
    pub(crate) name: Name,
    /// Where it was spawned.
    pub(crate) place: &'static Location<'static>,
    /// The trace's id; without meaning when nothing is traced.
    pub(crate) id: tracing::TaskId,
    /// The trace's label for the name; without meaning when nothing is traced.
    pub(crate) label: tracing::Label,
}

/// A task's name. The default ones become text only when somebody reads them.
#[derive(Clone)]
pub(crate) enum Name {
    Given(Cow<'static, str>),
    Numbered(u32),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Given(name) => f.write_str(name),
            Name::Numbered(number) => write!(f, "Task-{number}"),
        }
    }
}

/// Starts a task with a name of the form `Task-1`. Like `asyncio.create_task`.
///
/// Its first step is in the next turn. The task goes on if the handle is dropped.
///
/// # Panics
/// If no loop is running: in a job on the pool, too.
#[track_caller]
pub fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let place = Location::caller();
    event_loop::with_running(|event_loop| Task::new(start(event_loop, future, None, place)))
}

/// Starts a task with this name, which is its name in the trace. Like `asyncio.create_task(co, name=name)`.
///
/// # Panics
/// If no loop is running: in a job on the pool, too.
#[track_caller]
pub fn spawn_named<F>(name: impl Into<Cow<'static, str>>, future: F) -> Task<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let place = Location::caller();
    event_loop::with_running(|event_loop| {
        Task::new(start(event_loop, future, Some(name.into()), place))
    })
}

/// Puts a new task into the loop's books and its first step into the ready queue.
pub(crate) fn start<F>(
    event_loop: &EventLoop,
    future: F,
    name: Option<Cow<'static, str>>,
    place: &'static Location<'static>,
) -> async_task::Task<F::Output, Meta>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let name = match name {
        Some(name) => Name::Given(name),
        None => Name::Numbered(count(&event_loop.tasks_numbered)),
    };
    let (id, label) = event_loop.watch.task_spawned(&name, place);
    let meta = Meta { sequence: count(&event_loop.tasks_spawned), name, place, id, label };

    let key = event_loop.tasks.borrow().vacant_key();
    let (runnable, task) = async_task::Builder::new()
        .metadata(meta)
        .spawn_local(move |_| Tracked { future, entry: Entry(key) }, schedule);
    event_loop.tasks.borrow_mut().insert(runnable.waker());
    event_loop.push(Ready::Step(runnable));
    task
}

/// Adds one, and returns the sum.
fn count(counter: &std::cell::Cell<u32>) -> u32 {
    counter.set(counter.get().wrapping_add(1));
    counter.get()
}

/// What a waker does.
fn schedule(runnable: Runnable<Meta>) {
    if event_loop::mode() == Mode::InJob {
        // See `Tracked::poll`.
        runnable.run();
    } else {
        event_loop::with(|event_loop| event_loop.push(Ready::Step(runnable)));
    }
}

pin_project! {
    /// A task's future, watched.
    struct Tracked<F> {
        #[pin]
        future: F,
        entry: Entry,
    }
}

impl<F: Future> Future for Tracked<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if event_loop::mode() == Mode::InJob {
            // A job has woken this task, at the worker's time, which the loop may not have reached. The
            // wake-up travels as a message. Were the task to stay scheduled meanwhile, a timer that is due
            // before the message arrives could not wake it: so it is polled, but not run, which makes it a
            // waiting task again.
            let waker = Posted::Wake(cx.waker().clone());
            event_loop::with(|event_loop| {
                event_loop.posted.borrow_mut().insert(jobs::post(), waker)
            });
            return Poll::Pending;
        }
        let poll = self.project().future.poll(cx);
        if poll.is_ready() {
            event_loop::with(|event_loop| event_loop.watch.set_outcome(tracing::Outcome::Done));
        }
        poll
    }
}

/// A task's place among the live ones. It is dropped with the future: on completion or cancellation.
struct Entry(usize);

impl Drop for Entry {
    fn drop(&mut self) {
        event_loop::with(|event_loop| {
            event_loop.watch.future_dropped();
            let waker = event_loop.tasks.borrow_mut().try_remove(self.0);
            drop(waker);
        });
    }
}

/// A handle of a task: a future of its output.
///
/// Dropping the handle does not stop the task (as in asyncio; in smol it would). In asyncio the loop holds
/// tasks weakly and asks programs to keep a reference; here the loop keeps a task alive until it is done.
pub struct Task<T> {
    /// `None` only while the handle is taken apart.
    task: Option<async_task::Task<T, Meta>>,
    /// A handle stays with its loop: a job on the pool has to use `call_soon_threadsafe`.
    not_send: PhantomData<Rc<()>>,
}

impl<T> Task<T> {
    fn new(task: async_task::Task<T, Meta>) -> Task<T> {
        Task { task: Some(task), not_send: PhantomData }
    }

    /// Cancels the task: its future is dropped at its next step, in the next turn. What has finished already
    /// stays finished. Like `task.cancel()`, but nothing in the task can refuse.
    ///
    /// The returned future waits for that; it may as well be dropped.
    pub fn cancel(mut self) -> Cancel<T>
    where
        T: 'static,
    {
        let Some(task) = self.task.take() else { unreachable!("a handle is taken apart once") };
        if !task.is_finished() {
            event_loop::with(|event_loop| event_loop.watch.task_cancelled(task.metadata().id));
        }
        let mut cancelled: Pin<Box<dyn Future<Output = Option<T>>>> = Box::pin(task.cancel());
        // `async-task` cancels at the first poll; here calling is enough.
        match cancelled.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Cancel(CancelState::Done(Some(output))),
            Poll::Pending => Cancel(CancelState::Waiting(cancelled)),
        }
    }

    /// Drops the handle, as an explicit statement.
    pub fn detach(self) {}

    /// Whether the task is done or cancelled. Like `task.done()`.
    pub fn is_finished(&self) -> bool {
        self.task.as_ref().is_none_or(async_task::Task::is_finished)
    }

    /// The task's name. Like `task.get_name()`.
    pub fn name(&self) -> String {
        self.task.as_ref().map(|task| task.metadata().name.to_string()).unwrap_or_default()
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.detach();
        }
    }
}

impl<T> Future for Task<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(task) = &mut self.task else { unreachable!("a handle is taken apart once") };
        Pin::new(task).poll(cx)
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_finished() { "finished" } else { "pending" };
        write!(f, "<Task {state} name='{}'>", self.name())
    }
}

/// Waits until a cancelled task is gone: `None`, or its output if it had finished before.
pub struct Cancel<T>(CancelState<T>);

enum CancelState<T> {
    Done(Option<Option<T>>),
    Waiting(Pin<Box<dyn Future<Output = Option<T>>>>),
}

impl<T> Unpin for Cancel<T> {}

impl<T> Future for Cancel<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        match &mut self.0 {
            CancelState::Done(output) => Poll::Ready(output.take().flatten()),
            CancelState::Waiting(cancelled) => cancelled.as_mut().poll(cx),
        }
    }
}

impl<T> fmt::Debug for Cancel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel").finish_non_exhaustive()
    }
}
