//! Several futures at once: `gather` and `shield`.
//!
//! [`gather`] runs each as a task. As in asyncio the first error ends the wait and the other tasks go on; what
//! they fail with afterwards nobody sees there. That silence is CPython's; here it is a report of ours.

use std::cell::RefCell;
use std::fmt;
use std::future::IntoFuture;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::debug;
use crate::event_loop;
use crate::exception::{AsException, Exception};
use crate::exception_handler::{self, ErrorContext};
use crate::host::tracing::{Level, Report};
use crate::task::core::{AnyTask, Plan};
use crate::task::{Task, TaskHandle, error_of};

/// Runs these as tasks and waits for all of them: their results in this order, or the first error. Like
/// `asyncio.gather(*aws)`.
///
/// They begin with this call. After an error the others go on; a second error is reported (RET-GATHER), since
/// nobody can see it. A gather that is dropped with an error that nobody looked at is reported as asyncio does.
#[track_caller]
pub fn gather<I, T, E>(coroutines: I) -> Gather<T, E>
where
    I: IntoIterator,
    I::Item: IntoFuture<Output = Result<T, E>>,
    <I::Item as IntoFuture>::IntoFuture: 'static,
    T: 'static,
    E: AsException + 'static,
{
    let place = Location::caller();
    let tasks = coroutines
        .into_iter()
        .map(|coroutine| {
            let plan = Plan { name: None, place, error_of: Some(error_of) };
            let task = event_loop::with_running(|event_loop| {
                Task::start(event_loop, coroutine.into_future(), plan)
            });
            Member::Running(task)
        })
        .collect();
    Gather { tasks, failed: None, polled: false, done: false, place }
}

/// A wait for several tasks. Made by [`gather`].
#[must_use = "a gather that nobody awaits hides errors"]
pub struct Gather<T: 'static, E: AsException + 'static> {
    tasks: Vec<Member<T, E>>,
    /// The first error, when it was given out.
    failed: Option<Exception>,
    polled: bool,
    done: bool,
    place: &'static Location<'static>,
}

enum Member<T, E> {
    Running(Task<Result<T, E>>),
    Succeeded(Option<T>),
}

impl<T: 'static, E: AsException + 'static> Unpin for Gather<T, E> {}

impl<T: 'static, E: AsException + 'static> Future for Gather<T, E> {
    type Output = Result<Vec<T>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Vec<T>, E>> {
        self.polled = true;
        let mut pending = false;
        let mut error = None;
        for member in &mut self.tasks {
            let Member::Running(task) = member else { continue };
            match Pin::new(task).poll(cx) {
                Poll::Pending => pending = true,
                Poll::Ready(Ok(result)) => *member = Member::Succeeded(Some(result)),
                Poll::Ready(Err(first)) => {
                    *member = Member::Succeeded(None);
                    error = Some(first);
                    break;
                }
            }
        }
        if let Some(error) = error {
            self.done = true;
            self.failed = Some(error.as_exception());
            return Poll::Ready(Err(error));
        }
        if pending {
            return Poll::Pending;
        }
        self.done = true;
        let results = self.tasks.drain(..).filter_map(|member| match member {
            Member::Succeeded(result) => result,
            Member::Running(_) => None,
        });
        Poll::Ready(Ok(results.collect()))
    }
}

impl<T: 'static, E: AsException + 'static> Drop for Gather<T, E> {
    fn drop(&mut self) {
        let first = self.failed.take().map(|first| format!("{first:?}"));
        let unseen = Unseen { first: Rc::new(RefCell::new(first)), place: self.place };
        for member in self.tasks.drain(..) {
            let Member::Running(task) = member else { continue };
            // Whoever stops waiting for a gather cancels what is in it.
            if self.polled && !self.done && !task.is_finished() {
                continue;
            }
            // After the first error, or if nobody ever waited, they go on and their errors are nobody's.
            let task = TaskHandle(task.release());
            if task.done() {
                unseen.look_at(&*task.0);
            } else {
                let unseen = unseen.clone();
                task.add_done_callback(move |task| unseen.look_at(&*task.0));
            }
        }
    }
}

/// What becomes of errors in a gather that is gone.
#[derive(Clone)]
struct Unseen {
    /// The first error, which asyncio gives out or reports.
    first: Rc<RefCell<Option<String>>>,
    place: &'static Location<'static>,
}

impl Unseen {
    fn look_at(&self, task: &dyn AnyTask) {
        let Some(exception) = task.exception() else { return };
        let first = self.first.borrow().clone();
        match first {
            Some(first) => report_hidden(task, &exception, &first, self.place),
            None => {
                self.first.replace(Some(format!("{exception:?}")));
                let future = format!("<_GatheringFuture finished exception={exception:?}>");
                let message = "_GatheringFuture exception was never retrieved";
                let context = ErrorContext::new("RET-1", message)
                    .with("future", future)
                    .exception(exception)
                    .created(self.place);
                exception_handler::call(context);
            }
        }
    }
}

/// RET-GATHER: an error that `gather` has swallowed.
fn report_hidden(
    task: &dyn AnyTask,
    exception: &Exception,
    first: &str,
    place: &'static Location<'static>,
) {
    let text = format!(
        "{} failed after gather() had already raised {first}: nobody sees this error",
        debug::describe_task(task, false)
    );
    event_loop::with(|event_loop| {
        event_loop.watch.report_ours(|| Report {
            code: "RET-GATHER".into(),
            level: Level::Warning,
            logger: "loopbox".into(),
            text: format!("{text}\n{}", exception.last_line()),
            created: Some(place.to_string()),
            died: exception.raised().map(ToString::to_string),
        });
    });
}

/// Waits for a task without taking it along: when this is dropped, the task goes on. Like `asyncio.shield`.
pub fn shield<T: 'static>(task: Task<T>) -> Shield<T> {
    Shield(Some(task))
}

/// A wait for a task that does not cancel it. Made by [`shield`].
#[must_use = "futures do nothing unless awaited"]
pub struct Shield<T: 'static>(Option<Task<T>>);

impl<T: 'static> Unpin for Shield<T> {}

impl<T: 'static> Future for Shield<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(task) = &mut self.0 else { panic!("a shield was polled after its completion") };
        let output = Pin::new(task).poll(cx);
        if output.is_ready() {
            self.0 = None;
        }
        output
    }
}

impl<T: 'static> Drop for Shield<T> {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.let_go();
        }
    }
}

impl<T: 'static, E: AsException + 'static> fmt::Debug for Gather<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather").field("tasks", &self.tasks.len()).finish_non_exhaustive()
    }
}

impl<T: 'static> fmt::Debug for Shield<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shield").field(&self.0).finish()
    }
}
