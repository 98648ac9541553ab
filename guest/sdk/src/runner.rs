//! Making a loop, running it, closing it: `run`, [`Runner`], [`Loop`].
//!
//! [`run`] is what programs use. [`Runner`] is the same with the errors in hand: an interrupt by SIGINT, a main
//! task that was cancelled. A [`Loop`] is what both are made of: it cancels nothing and closes nothing by itself,
//! so that a program can show what happens then. There is one loop at a time.

use std::fmt;
use std::future::IntoFuture;
use std::panic::Location;

use crate::event_loop::{self, EventLoop, Mode};
use crate::exception::{AsException, CancelledError, KeyboardInterrupt, RuntimeError};
use crate::exception_handler::{self, ErrorContext};
use crate::executor;
use crate::host::event_loop as host;
use crate::logging::{self, Level};
use crate::loop_handle::LoopHandle;
use crate::process;
use crate::signal;
use crate::task::core::{Plan, State};
use crate::task::{Task, error_of};
use crate::warnings::{self, Category, Warning};

/// Runs `main` to its end as the first task, then stops. Like `asyncio.run`.
///
/// When `main` is done, what it has just made ready gets one more turn, the remaining tasks are cancelled in
/// the order of their creation, and the loop goes on turning until the pool has finished its jobs
/// (`shutdown_default_executor`). Then signal handlers, timers and callbacks that are left are dropped.
///
/// The first SIGINT cancels `main`; when that has ended the process dies of SIGINT, as Python's does after a
/// `KeyboardInterrupt`. The second ends it at once. See [`Runner`] to go on instead.
///
/// # Panics
/// If a loop is running already, or `main` was cancelled by the program itself.
#[track_caller]
pub fn run<F>(main: F) -> F::Output
where
    F: IntoFuture,
    F::IntoFuture: 'static,
    F::Output: 'static,
{
    let place = Location::caller();
    if event_loop::mode() == Mode::InJob {
        // To wait inside a job has no meaning: the machine ends the run here, and says so.
        loop {
            host::wait(u64::MAX);
        }
    }
    match run_at(main.into_future(), None, place) {
        Ok(output) => output,
        Err(RunError::KeyboardInterrupt(interrupt)) => process::die_of_interrupt(&interrupt),
        Err(RunError::Runtime(error)) => panic!("{error}"),
        Err(error) => panic!("the main task ended without a result: {error}"),
    }
}

/// Why a run has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// SIGINT came, and cancelled the main task.
    #[error("KeyboardInterrupt")]
    KeyboardInterrupt(KeyboardInterrupt),
    /// The main task was cancelled otherwise.
    #[error("CancelledError")]
    Cancelled(CancelledError),
    /// The loop cannot run, or stopped too early.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

/// Runs a main task, with its errors in hand. Like `asyncio.Runner`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Runner {
    debug: Option<bool>,
}

impl Runner {
    /// A runner whose debug mode is as the environment or the scenario says.
    pub fn new() -> Runner {
        Runner::default()
    }

    /// Turns debug mode on or off. Like `asyncio.Runner(debug=...)`.
    #[must_use]
    pub fn debug(mut self, debug: bool) -> Runner {
        self.debug = Some(debug);
        self
    }

    /// Runs `main` as [`run`] does.
    ///
    /// The first SIGINT cancels the main task; if it ends by that, this is a `KeyboardInterrupt`, and if it
    /// catches the cancellation and returns, this is its result. The second SIGINT ends the process at once.
    /// Whoever adds a handler for SIGINT replaces all that.
    ///
    /// # Errors
    /// See [`RunError`].
    #[track_caller]
    pub fn run<F>(&self, main: F) -> Result<F::Output, RunError>
    where
        F: IntoFuture,
        F::IntoFuture: 'static,
        F::Output: 'static,
    {
        run_at(main.into_future(), self.debug, Location::caller())
    }
}

fn run_at<F>(
    main: F,
    debug: Option<bool>,
    place: &'static Location<'static>,
) -> Result<F::Output, RunError>
where
    F: Future + 'static,
    F::Output: 'static,
{
    if event_loop::mode() != Mode::Stopped {
        return Err(RuntimeError::new(RuntimeError::RUNNING).into());
    }
    let event_loop = Loop::open(place)?;
    if let Some(debug) = debug {
        crate::set_debug(debug);
    }
    let result = event_loop.run_main(main, place, true);
    event_loop::with(|inner| {
        inner.mode.set(Mode::Running);
        inner.shut_down(place);
        inner.mode.set(Mode::Stopped);
    });
    event_loop.close();
    executor::join_at_exit();
    result
}

impl EventLoop {
    /// What `asyncio.run` does when the main task is done.
    fn shut_down(&self, place: &'static Location<'static>) {
        if !self.ready.borrow().is_empty() {
            self.turn();
        }
        self.cancel_tasks_and_report();
        if crate::generator::are_open() {
            let closing = crate::spawn(crate::generator::shutdown_asyncgens());
            while !closing.is_finished() {
                self.turn();
            }
        }
        executor::join_default(self, place);
        self.cancel_tasks_and_report();
    }

    /// RET-6: a task that ends with an error instead of ending by its cancellation.
    fn cancel_tasks_and_report(&self) {
        for task in self.cancel_tasks() {
            if task.core().state.get() == State::Failed
                && !task.core().retrieved.replace(true)
                && let Some(exception) = task.exception()
            {
                let message = "unhandled exception during asyncio.run() shutdown";
                let debug = crate::get_debug();
                let context = ErrorContext::new("RET-6", message)
                    .with("task", crate::debug::describe_task(&*task, debug))
                    .exception(exception)
                    .created(task.core().place);
                exception_handler::call(context);
            }
        }
    }
}

/// An event loop in the program's own hands. Like `asyncio.new_event_loop()`.
///
/// Nothing is cancelled at its end: [`Loop::close`] destroys the tasks that are pending, which is reported.
pub struct Loop {
    number: u32,
    created: &'static Location<'static>,
}

impl Loop {
    /// Makes a loop.
    ///
    /// # Errors
    /// If there is one that is not closed: a thread has one loop here.
    #[track_caller]
    pub fn new() -> Result<Loop, RuntimeError> {
        Loop::open(Location::caller())
    }

    fn open(created: &'static Location<'static>) -> Result<Loop, RuntimeError> {
        event_loop::with(|event_loop| {
            if event_loop.is_open.replace(true) {
                let text = "Cannot run the event loop while another loop is running";
                return Err(RuntimeError::new(text));
            }
            event_loop.run_number.set(event_loop.run_number.get().wrapping_add(1));
            event_loop.watch.start();
            executor::open_default();
            logging::init();
            Ok(Loop { number: event_loop.run_number.get(), created })
        })
    }

    /// Runs the loop until this future is done. Like `loop.run_until_complete`.
    ///
    /// # Errors
    /// If the loop runs already, was stopped before that, or the future was cancelled.
    #[track_caller]
    pub fn run_until_complete<F>(&self, future: F) -> Result<F::Output, RunError>
    where
        F: IntoFuture,
        F::IntoFuture: 'static,
        F::Output: 'static,
    {
        let place = Location::caller();
        if event_loop::mode() != Mode::Stopped {
            return Err(RuntimeError::new("This event loop is already running").into());
        }
        let result = self.run_main(future.into_future(), place, false);
        event_loop::with(|event_loop| event_loop.mode.set(Mode::Stopped));
        result
    }

    fn run_main<F>(
        &self,
        main: F,
        place: &'static Location<'static>,
        interruptible: bool,
    ) -> Result<F::Output, RunError>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        event_loop::with(|event_loop| {
            event_loop.mode.set(Mode::Running);
            event_loop.stopping.set(false);
            let plan = Plan { name: None, place, error_of: None };
            let main = Task::start(event_loop, main, plan);
            event_loop.watch.main_is(main.handle().0.core().key);
            if interruptible {
                signal::arm_interrupt(event_loop, main.handle());
            }
            while !main.is_finished() && !event_loop.stopping.get() {
                event_loop.turn();
            }
            // A SIGINT that came during the last slice is seen only now. In Python it has cancelled the main task
            // before that could return.
            let interrupted_late = interruptible && signal::is_armed(event_loop) && {
                event_loop.take_notices();
                !signal::is_armed(event_loop)
            };
            let interrupted = interruptible && signal::disarm_interrupt(event_loop);
            let handle = main.handle();
            match main.take_output() {
                _ if interrupted_late => Err(RunError::KeyboardInterrupt(KeyboardInterrupt)),
                Some(output) => Ok(output),
                None if !handle.done() => {
                    let text = "Event loop stopped before Future completed.";
                    Err(RuntimeError::new(text).into())
                }
                None if interrupted && handle.uncancel() == 0 => {
                    Err(RunError::KeyboardInterrupt(KeyboardInterrupt))
                }
                None => Err(RunError::Cancelled(CancelledError)),
            }
        })
    }

    /// Starts a task, which takes its first step when the loop runs. Like `loop.create_task()`.
    #[track_caller]
    pub fn create_task<F, T, E>(&self, coroutine: F) -> Task<Result<T, E>>
    where
        F: IntoFuture<Output = Result<T, E>>,
        F::IntoFuture: 'static,
        T: 'static,
        E: AsException + 'static,
    {
        let plan = Plan { name: None, place: Location::caller(), error_of: Some(error_of) };
        event_loop::with(|event_loop| Task::start(event_loop, coroutine.into_future(), plan))
    }

    /// A reference to it, good for any thread and after its end.
    pub fn handle(&self) -> LoopHandle {
        LoopHandle::of_run(self.number)
    }

    /// Whether it runs now. Like `loop.is_running()`.
    pub fn is_running(&self) -> bool {
        event_loop::mode() != Mode::Stopped
    }

    /// Closes it. Like `loop.close()`: pending tasks are destroyed, which is reported (RET-4).
    pub fn close(self) {
        if crate::get_debug() {
            logging::note("asyncio", Level::DEBUG, format_args!("Close {self:?}"));
        }
        event_loop::with(|event_loop| {
            event_loop.mode.set(Mode::Running);
            event_loop.close();
        });
        host::stop();
        std::mem::forget(self);
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let is_open = event_loop::with(|event_loop| {
            event_loop.is_open.get() && event_loop.run_number.get() == self.number
        });
        if is_open {
            let text = format!("unclosed event loop {self:?}");
            warnings::warn(&Warning {
                category: Category::ResourceWarning,
                code: "RES-1",
                text: &text,
                place: self.created,
                created: Some(self.created),
            });
            event_loop::with(EventLoop::close);
            host::stop();
        }
    }
}

impl fmt::Debug for Loop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (running, closed) = event_loop::with(|event_loop| {
            (event_loop.mode.get() != Mode::Stopped, !event_loop.is_open.get())
        });
        let python = |value| if value { "True" } else { "False" };
        write!(
            f,
            "<_UnixSelectorEventLoop running={} closed={} debug={}>",
            python(running),
            python(closed),
            python(crate::get_debug())
        )
    }
}
