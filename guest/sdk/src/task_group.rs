//! Tasks that end together: `asyncio.TaskGroup`.
//!
//! [`TaskGroup::run`] is asyncio's `async with`: it is complete when its body and every task of the group are, and
//! when one of them fails the others are cancelled and waited for. So no error gets lost, and no task outlives
//! the group. What differs: asyncio interrupts the body by cancelling the parent task; here the body is dropped,
//! and the parent's count of cancellations stays as it is.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{IntoFuture, poll_fn};
use std::panic::Location;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use crate::cancel::catch_quietly;
use crate::debug;
use crate::event_loop;
use crate::exception::{AsException, Exception, ExceptionGroup, RuntimeError};
use crate::exception_handler::{self, ErrorContext};
use crate::task::core::{AnyTask, Plan};
use crate::task::{Task, TaskHandle, error_of};
use crate::waiting::{self, Kind, ObjectId, Place};

#[cfg(test)]
mod tests;

/// Starts tasks that are waited for together. Like `asyncio.TaskGroup`; clones are references to one group.
#[derive(Clone)]
pub struct TaskGroup(Rc<Group>);

struct Group {
    /// The task that runs the body.
    parent: Rc<dyn AnyTask>,
    place: Place,
    /// Those that are not done.
    tasks: RefCell<Vec<TaskHandle>>,
    errors: RefCell<Vec<Exception>>,
    /// The rest is being cancelled.
    aborting: Cell<bool>,
    /// The body is over.
    exiting: Cell<bool>,
    /// Wakes the parent when the group is empty, or the body is to be interrupted.
    waiter: Cell<Option<Waker>>,
}

impl TaskGroup {
    /// Runs `body`, which starts tasks in the group, and waits for all of them. Like `async with TaskGroup()`.
    ///
    /// ```
    /// use loopbox_guest::{Exception, TaskGroup, run};
    ///
    /// async fn fetch(number: u32) -> Result<(), Exception> {
    ///     if number == 2 { Err(Exception::new("ValueError", "bad number")) } else { Ok(()) }
    /// }
    ///
    /// run(async {
    ///     let group = TaskGroup::run(async |group| {
    ///         group.create_task(fetch(1))?;
    ///         group.create_task(fetch(2))?;
    ///         Ok::<_, Exception>(())
    ///     });
    ///     let errors = group.await.unwrap_err();
    ///     assert_eq!(errors.to_string(), "unhandled errors in a TaskGroup (1 sub-exception)");
    /// });
    /// ```
    ///
    /// The first error, of the body or of a task, ends the body at its next await and cancels the other tasks. If
    /// the parent is cancelled, so are the tasks; when they are gone the cancellation goes on. Whoever drops the
    /// returned future cancels the tasks without waiting for them.
    ///
    /// # Errors
    /// What the body and the tasks failed with.
    ///
    /// # Panics
    /// If it is not awaited in a task.
    #[track_caller]
    pub fn run<E: AsException>(
        body: impl AsyncFnOnce(TaskGroup) -> Result<(), E>,
    ) -> impl Future<Output = Result<(), ExceptionGroup>> {
        let place = Location::caller();
        async move {
            let Some(parent) = event_loop::with(|event_loop| event_loop.current_task()) else {
                panic!("TaskGroup <TaskGroup> cannot determine the parent task")
            };
            let group = Rc::new(Group {
                parent,
                place,
                tasks: RefCell::default(),
                errors: RefCell::default(),
                aborting: Cell::new(false),
                exiting: Cell::new(false),
                waiter: Cell::new(None),
            });
            let _unfinished = AbortOnDrop(&group);
            group.enter(body(TaskGroup(group.clone()))).await
        }
    }

    /// Starts a task in the group. Like `group.create_task(co)`.
    ///
    /// # Errors
    /// If the group is finished or shutting down.
    #[track_caller]
    pub fn create_task<F, T, E>(&self, coroutine: F) -> Result<Task<Result<T, E>>, RuntimeError>
    where
        F: IntoFuture<Output = Result<T, E>>,
        F::IntoFuture: 'static,
        T: 'static,
        E: AsException + 'static,
    {
        let group = &self.0;
        if group.exiting.get() && group.tasks.borrow().is_empty() {
            return Err(RuntimeError::new(format!("TaskGroup {self:?} is finished")));
        }
        if group.aborting.get() {
            return Err(RuntimeError::new(format!("TaskGroup {self:?} is shutting down")));
        }
        let plan = Plan { name: None, place: Location::caller(), error_of: Some(error_of) };
        let task = event_loop::with_running(|event_loop| {
            Task::start(event_loop, coroutine.into_future(), plan)
        });
        group.tasks.borrow_mut().push(task.handle());
        let group = group.clone();
        task.handle().add_done_callback(move |task| group.task_done(&task));
        Ok(task)
    }

    /// Ends the body and the tasks early; that is no error. Like `group.cancel()`, which asyncio has since 3.15.
    pub fn cancel(&self) {
        self.0.abort();
    }
}

impl Group {
    async fn enter<E: AsException>(
        &self,
        body: impl Future<Output = Result<(), E>>,
    ) -> Result<(), ExceptionGroup> {
        let mut interrupted = false;
        let mut body_error = None;
        match catch_quietly(self.until_aborted(body)).await {
            Ok(Some(Err(error))) => {
                body_error = Some(error.as_exception());
                self.abort();
            }
            Ok(Some(Ok(())) | None) => {}
            Err(_cancelled) => {
                interrupted = true;
                self.abort();
            }
        }
        self.exiting.set(true);
        while !self.tasks.borrow().is_empty() {
            // A second cancellation changes nothing: the tasks are on their way out.
            if catch_quietly(self.empty()).await.is_err() && !self.aborting.get() {
                interrupted = true;
                self.abort();
            }
        }
        let mut errors = self.errors.take();
        if interrupted && errors.is_empty() {
            crate::cancelled().await;
        }
        errors.extend(body_error);
        if errors.is_empty() {
            return Ok(());
        }
        Err(ExceptionGroup::new("unhandled errors in a TaskGroup", errors))
    }

    /// Runs the body to its end, or until the group is aborted.
    async fn until_aborted<R>(&self, body: impl Future<Output = R>) -> Option<R> {
        let mut body = pin!(body);
        poll_fn(|cx| match body.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending if self.aborting.get() => Poll::Ready(None),
            Poll::Pending => {
                self.waiter.set(Some(cx.waker().clone()));
                Poll::Pending
            }
        })
        .await
    }

    /// Waits until no task is left.
    async fn empty(&self) {
        poll_fn(|cx| {
            let tasks = self.tasks.borrow();
            let Some(task) = tasks.first() else { return Poll::Ready(()) };
            waiting::note(Kind::Task, ObjectId(task.0.core().key.sequence), self.place);
            self.waiter.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    fn task_done(&self, task: &TaskHandle) {
        self.tasks.borrow_mut().retain(|other| other != task);
        if let Ok(Some(exception)) = task.exception() {
            self.errors.borrow_mut().push(exception.clone());
            if self.parent.core().is_done() {
                self.report_orphan(task, exception);
            } else {
                self.abort();
            }
        }
        if self.tasks.borrow().is_empty() {
            self.wake();
        }
    }

    /// RET-7: there is nobody left to give the error to.
    fn report_orphan(&self, task: &TaskHandle, exception: Exception) {
        let debug = debug::get_debug();
        let shown = debug::describe_task(&*task.0, debug);
        let parent = debug::describe_task(&*self.parent, debug);
        let message = format!(
            "Task {shown} has errored out but its parent task {parent} is already completed"
        );
        let context = ErrorContext::new("RET-7", message).with("task", shown).exception(exception);
        exception_handler::call(context);
    }

    fn abort(&self) {
        if self.aborting.replace(true) {
            return;
        }
        let tasks = self.tasks.borrow().clone();
        for task in tasks {
            task.cancel();
        }
        self.wake();
    }

    fn wake(&self) {
        if let Some(waiter) = self.waiter.take() {
            waiter.wake();
        }
    }
}

/// Cancels what is left when nobody waits any more.
struct AbortOnDrop<'a>(&'a Group);

impl Drop for AbortOnDrop<'_> {
    fn drop(&mut self) {
        if !self.0.tasks.borrow().is_empty() {
            self.0.abort();
        }
        self.0.exiting.set(true);
    }
}

/// As asyncio shows it: `<TaskGroup tasks=1 entered>`.
impl fmt::Debug for TaskGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<TaskGroup")?;
        let (tasks, errors) = (self.0.tasks.borrow().len(), self.0.errors.borrow().len());
        if tasks > 0 {
            write!(f, " tasks={tasks}")?;
        }
        if errors > 0 {
            write!(f, " errors={errors}")?;
        }
        f.write_str(if self.0.aborting.get() { " cancelling>" } else { " entered>" })
    }
}
