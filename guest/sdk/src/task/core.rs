//! A task as the loop has it: its future, its waker, and what is known of it.
//!
//! One allocation has the books of a task ([`Join`]), shared by the loop and the handles; the future in them is
//! dropped by the loop, in a turn of its own, and never by a handle. Wakers
//! know the task by number, not by reference, so a waker that outlives its task is harmless. They are counted,
//! which tells when a task can never be woken again. What a handle can do is in [`super`].

use std::any;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::event_loop::{self, EventLoop, Mode, Posted, Ready};
use crate::exception::Exception;
use crate::host::{jobs, tracing};
use crate::waiting::Note;

/// Which task: its slot in the loop's books, and its number, which no other task has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskKey {
    pub(crate) slot: u32,
    pub(crate) sequence: u32,
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

/// What has become of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Pending,
    Done,
    /// Done, with an error that somebody should look at.
    Failed,
    Cancelled,
}

/// What is known of a task, whatever it returns.
pub(crate) struct Core {
    pub(crate) key: TaskKey,
    wake: Arc<TaskWaker>,
    /// The same, as a poll wants it.
    waker: Waker,
    name: RefCell<Name>,
    /// Where it was spawned.
    pub(crate) place: &'static Location<'static>,
    /// It was made in debug mode, whose reports show where.
    pub(crate) has_origin: bool,
    /// It has had its first step.
    pub(crate) started: Cell<bool>,
    /// The trace's id; without meaning when nothing is traced.
    pub(crate) id: tracing::TaskId,
    /// The trace's label for the name; without meaning when nothing is traced.
    pub(crate) label: tracing::Label,
    /// The type of its future, which has the name of the function in it.
    pub(crate) type_name: &'static str,
    pub(crate) state: Cell<State>,
    /// How often it was asked to end, less how often that was taken back.
    pub(crate) cancelling: Cell<u32>,
    /// A cancellation is to be thrown into it.
    pub(crate) must_cancel: Cell<bool>,
    /// The step that runs has raised a cancellation itself: it is not to come back from its await.
    pub(crate) raised: Cell<bool>,
    /// The trace knows that it was cancelled.
    pub(crate) told_cancelled: Cell<bool>,
    /// How many places in it would catch a cancellation now.
    pub(crate) catchers: Cell<u32>,
    /// Where it caught the last cancellation.
    pub(crate) caught: Cell<Option<&'static Location<'static>>>,
    /// What it waits for, as far as the last step said.
    pub(crate) waiting: Cell<Option<Note>>,
    /// Somebody has looked at its error, or has seen it succeed.
    pub(crate) retrieved: Cell<bool>,
}

impl Core {
    pub(crate) fn name(&self) -> String {
        self.name.borrow().to_string()
    }

    pub(crate) fn set_name(&self, name: Cow<'static, str>) {
        self.name.replace(Name::Given(name));
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state.get() != State::Pending
    }

    /// The step that was scheduled begins.
    #[inline]
    pub(crate) fn begin(&self) {
        self.wake.scheduled.store(false, Ordering::Relaxed);
    }

    /// Puts its next step into the ready queue, if it is not there.
    pub(crate) fn wake(&self) {
        self.wake.wake_by_ref();
    }

    /// Whether nobody is left who could wake the task: these books hold two references.
    #[inline]
    pub(crate) fn has_lost_its_waker(&self) -> bool {
        Arc::strong_count(&self.wake) == 2 && !self.wake.scheduled.load(Ordering::Relaxed)
    }

    /// How many others hold a waker of the task.
    pub(crate) fn wakers_elsewhere(&self) -> usize {
        Arc::strong_count(&self.wake).saturating_sub(2)
    }
}

/// What the loop and the handles share of a task.
pub(crate) struct Join<T> {
    pub(crate) core: Core,
    /// Gone when it is complete or was cancelled.
    future: RefCell<Option<Pin<Box<dyn Future<Output = T>>>>>,
    output: RefCell<Option<T>>,
    /// The error in the output, which stays when the output is taken.
    exception: RefCell<Option<Exception>>,
    /// Wakes who waits for the end.
    waiter: Cell<Option<Waker>>,
    callbacks: RefCell<Vec<DoneCallback>>,
    /// Finds the error in the output, if this is a task whose error somebody should look at.
    error_of: Option<fn(&T) -> Option<Exception>>,
}

/// What runs when a task or future is done.
pub(crate) type DoneCallback = Box<dyn FnOnce()>;

/// A task without the type of its output.
pub(crate) trait AnyTask {
    fn core(&self) -> &Core;
    /// Polls its future. Ready: it is complete, and its output is in the books.
    fn poll(&self) -> Poll<()>;
    /// Drops its future, which runs destructors of the program.
    fn drop_future(&self);
    /// Its error, if it has failed.
    fn exception(&self) -> Option<Exception>;
    /// The type of what it returns.
    fn output_type(&self) -> &'static str;
    /// Whether another task waits for its end.
    fn is_awaited(&self) -> bool;
    /// It ends by cancellation.
    fn cancelled(&self);
    /// Runs `callback` when it is done; at once, in the next turn, if it is.
    fn add_done_callback(&self, callback: DoneCallback);
}

impl<T> Join<T> {
    /// Takes the output; `None` while there is none, or none any more.
    pub(crate) fn take_output(&self) -> Option<T> {
        self.output.take()
    }

    pub(crate) fn wait(&self, waker: &Waker) {
        self.waiter.set(Some(waker.clone()));
    }

    fn complete(&self, state: State, output: Option<T>) {
        self.core.state.set(state);
        self.core.must_cancel.set(false);
        self.output.replace(output);
        if let Some(waiter) = self.waiter.take() {
            waiter.wake();
        }
        for callback in self.callbacks.take() {
            schedule_done_callback(callback);
        }
    }
}

/// Done callbacks run as callbacks of the next turn.
pub(crate) fn schedule_done_callback(callback: DoneCallback) {
    event_loop::with(|event_loop| event_loop.push(Ready::Done(callback)));
}

impl<T> AnyTask for Join<T> {
    #[inline]
    fn core(&self) -> &Core {
        &self.core
    }

    fn poll(&self) -> Poll<()> {
        let mut slot = self.future.borrow_mut();
        let Some(future) = slot.as_mut() else { return Poll::Pending };
        let mut context = Context::from_waker(&self.core.waker);
        let Poll::Ready(output) = future.as_mut().poll(&mut context) else { return Poll::Pending };
        drop(slot);
        self.drop_future();
        let exception = self.error_of.and_then(|error_of| error_of(&output));
        let state = if exception.is_some() { State::Failed } else { State::Done };
        self.exception.replace(exception);
        self.complete(state, Some(output));
        Poll::Ready(())
    }

    fn drop_future(&self) {
        // Taken out first: its destructors may look into the books.
        let future = self.future.take();
        drop(future);
    }

    fn exception(&self) -> Option<Exception> {
        self.exception.borrow().clone()
    }

    fn output_type(&self) -> &'static str {
        any::type_name::<T>()
    }

    fn is_awaited(&self) -> bool {
        let waiter = self.waiter.take();
        let is_awaited = waiter.is_some();
        self.waiter.set(waiter);
        is_awaited
    }

    fn cancelled(&self) {
        self.complete(State::Cancelled, None);
    }

    fn add_done_callback(&self, callback: DoneCallback) {
        if self.core.is_done() {
            schedule_done_callback(callback);
        } else {
            self.callbacks.borrow_mut().push(callback);
        }
    }
}

/// The last reference is gone: what nobody has looked at by now, nobody ever will.
impl<T> Drop for Join<T> {
    fn drop(&mut self) {
        if self.core.state.get() == State::Failed
            && !self.core.retrieved.replace(true)
            && let Some(exception) = self.exception()
        {
            super::never_retrieved(self, exception);
        }
    }
}

/// Wakes one task. There is one thread; the atomics are what [`Waker`] asks for, and cost nothing on wasm.
pub(crate) struct TaskWaker {
    key: TaskKey,
    /// The task's next step is in the ready queue, or on its way there.
    scheduled: AtomicBool,
}

impl Wake for TaskWaker {
    #[inline]
    fn wake(self: Arc<TaskWaker>) {
        self.wake_by_ref();
    }

    #[inline]
    fn wake_by_ref(self: &Arc<TaskWaker>) {
        event_loop::with(|event_loop| match event_loop.mode.get() {
            // From a worker's thread, at the worker's time, which the loop may not have reached.
            Mode::InJob => {
                let wake = Posted::Wake(self.clone().into());
                event_loop.posted.borrow_mut().insert(jobs::post(), wake);
            }
            Mode::Running | Mode::Stopped => {
                if !self.scheduled.swap(true, Ordering::Relaxed) {
                    event_loop.push(Ready::Step(self.key));
                }
            }
        });
    }
}

/// What a new task is to be.
pub(crate) struct Plan<T> {
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) place: &'static Location<'static>,
    pub(crate) error_of: Option<fn(&T) -> Option<Exception>>,
}

/// Puts a new task into the loop's books. Its first step is not scheduled yet.
pub(crate) fn create<F>(
    event_loop: &EventLoop,
    future: F,
    plan: Plan<F::Output>,
) -> (Rc<Join<F::Output>>, TaskKey)
where
    F: Future + 'static,
    F::Output: 'static,
{
    let name = match plan.name {
        Some(name) => Name::Given(name),
        None => Name::Numbered(count(&event_loop.tasks_numbered)),
    };
    let (id, label) = event_loop.watch.task_spawned(&name, plan.place);
    let sequence = count(&event_loop.tasks_spawned);
    let mut tasks = event_loop.tasks.borrow_mut();
    let entry = tasks.vacant_entry();
    let slot = u32::try_from(entry.key()).expect("tasks are fewer than 2^32");
    let key = TaskKey { slot, sequence };
    let wake = Arc::new(TaskWaker { key, scheduled: AtomicBool::new(true) });
    let join = Rc::new(Join {
        core: Core {
            key,
            waker: wake.clone().into(),
            wake,
            name: RefCell::new(name),
            place: plan.place,
            has_origin: event_loop.watch.is_debug(),
            started: Cell::new(false),
            id,
            label,
            type_name: any::type_name::<F>(),
            state: Cell::new(State::Pending),
            cancelling: Cell::new(0),
            must_cancel: Cell::new(false),
            raised: Cell::new(false),
            told_cancelled: Cell::new(false),
            catchers: Cell::new(0),
            caught: Cell::new(None),
            waiting: Cell::new(None),
            retrieved: Cell::new(false),
        },
        future: RefCell::new(Some(Box::pin(future))),
        output: RefCell::new(None),
        exception: RefCell::new(None),
        waiter: Cell::new(None),
        callbacks: RefCell::new(Vec::new()),
        error_of: plan.error_of,
    });
    entry.insert(join.clone());
    (join, key)
}

/// Adds one, and returns the sum.
fn count(counter: &Cell<u32>) -> u32 {
    counter.set(counter.get().wrapping_add(1));
    counter.get()
}

/// Tasks that have failed while there was a reference to them: somebody may still look at the error.
pub(crate) type Unretrieved = Vec<Weak<dyn AnyTask>>;
