//! The loop: asyncio's `_run_once`, turn by turn.
//!
//! A turn is: wait (one call of the host, whatever there is to wait for), take the notices, move what is due
//! from the timers to the ready queue, then run exactly what is ready at that point. What becomes ready
//! meanwhile waits for the next turn, so a callback that schedules itself again starves neither timers nor
//! signals.
//!
//! Everything here belongs to one thread and is found through a thread-local, which on wasm is a plain
//! static. No borrow of a `RefCell` is held while code of the program runs: that code may spawn, wake and
//! cancel. The loop keeps nothing that the machine outside knows already: no I/O, no clock, no pool.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use async_task::Runnable;
use slab::Slab;

use crate::callback::Callback;
use crate::executor::PoolJob;
use crate::host::event_loop::{self as host, NoticeKind};
use crate::host::{jobs, tracing};
use crate::signal::Listeners;
use crate::task::{self, Meta};
use crate::timers::Timers;
use crate::watch::Watch;

#[cfg(test)]
mod tests;

/// In what `wait` returns: there are notices to take. The other bits are the time.
const NOTICES_WAIT: u64 = 1 << 63;

/// What `wait` returns if the wait goes on in `park`.
const PARK: u64 = u64::MAX >> 1;

thread_local! {
    static LOOP: EventLoop = const { EventLoop::new() };
}

/// Calls `f` with the loop.
#[inline]
pub(crate) fn with<R>(f: impl FnOnce(&EventLoop) -> R) -> R {
    LOOP.with(f)
}

/// Calls `f` with the loop if it runs, and if this is not a job on the pool: a worker's thread has no loop.
///
/// # Panics
/// Otherwise, with asyncio's words.
#[track_caller]
pub(crate) fn with_running<R>(f: impl FnOnce(&EventLoop) -> R) -> R {
    match mode() {
        Mode::Running => with(f),
        Mode::Stopped => panic!("no running event loop"),
        Mode::InJob => {
            panic!("no running event loop: a job is on a worker's thread; use call_soon_threadsafe")
        }
    }
}

/// What the thread is busy with.
pub(crate) fn mode() -> Mode {
    with(|event_loop| event_loop.mode.get())
}

/// The state of the loop.
pub(crate) struct EventLoop {
    pub(crate) mode: Cell<Mode>,
    /// What runs in the next turn, first come first served.
    pub(crate) ready: RefCell<VecDeque<Ready>>,
    /// What becomes ready at some time.
    pub(crate) timers: RefCell<Timers<Alarm>>,
    /// The tasks that are not complete, each with a waker that also keeps it alive.
    pub(crate) tasks: RefCell<Slab<Waker>>,
    /// How many tasks there have been.
    pub(crate) tasks_spawned: Cell<u32>,
    /// How many of them have a default name.
    pub(crate) tasks_numbered: Cell<u32>,
    /// Jobs given to the pool whose completion has not been seen, by the host's id.
    pub(crate) jobs: RefCell<BTreeMap<u32, Rc<dyn PoolJob>>>,
    /// What jobs have sent that has not arrived, by the host's message id.
    pub(crate) posted: RefCell<BTreeMap<u32, Posted>>,
    pub(crate) listeners: RefCell<Listeners>,
    pub(crate) watch: Watch,
}

/// What the only thread is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// No loop runs.
    Stopped,
    /// The loop runs.
    Running,
    /// A job of the pool runs in place, on a worker's clock.
    InJob,
}

/// An entry of the ready queue.
pub(crate) enum Ready {
    Step(Runnable<Meta>),
    Callback(Rc<Callback>),
    /// Run the handler of this signal.
    Signal(u8),
}

/// What a timer does.
pub(crate) enum Alarm {
    /// Wakes a task; the label names it in the trace.
    Wake(Waker, tracing::Label),
    Call(Rc<Callback>),
}

/// What a job sends to the loop.
pub(crate) enum Posted {
    Wake(Waker),
    Call(Rc<Callback>),
}

/// Runs `main` to its end as the first task, then stops. Like `asyncio.run`.
///
/// When `main` is done, what it has just made ready gets one more turn, the remaining tasks are cancelled in
/// the order of their creation, and the loop goes on turning until the pool has finished its jobs
/// (`shutdown_default_executor`). Then signal handlers, timers and callbacks that are left are dropped.
///
/// # Panics
/// If a loop is running already.
#[track_caller]
pub fn run<F>(main: F) -> F::Output
where
    F: Future + 'static,
    F::Output: 'static,
{
    let place = Location::caller();
    match mode() {
        Mode::Stopped => with(|event_loop| event_loop.run(main, place)),
        Mode::Running => panic!("run() cannot be called from a running event loop"),
        // To wait inside a job has no meaning: the machine ends the run here, and says so.
        Mode::InJob => loop {
            host::wait(u64::MAX);
        },
    }
}

impl EventLoop {
    const fn new() -> EventLoop {
        EventLoop {
            mode: Cell::new(Mode::Stopped),
            ready: RefCell::new(VecDeque::new()),
            timers: RefCell::new(Timers::new()),
            tasks: RefCell::new(Slab::new()),
            tasks_spawned: Cell::new(0),
            tasks_numbered: Cell::new(0),
            jobs: RefCell::new(BTreeMap::new()),
            posted: RefCell::new(BTreeMap::new()),
            listeners: RefCell::new(Listeners::new()),
            watch: Watch::new(),
        }
    }

    fn run<F>(&self, main: F, place: &'static Location<'static>) -> F::Output
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.mode.set(Mode::Running);
        self.watch.start();
        crate::logging::init();

        let mut main = task::start(self, main, None, place);
        while !main.is_finished() {
            self.turn();
        }
        let Poll::Ready(output) = Pin::new(&mut main).poll(&mut Context::from_waker(Waker::noop()))
        else {
            unreachable!("a finished task has its output")
        };
        if !self.ready.borrow().is_empty() {
            self.turn();
        }

        self.cancel_tasks();
        while !self.jobs.borrow().is_empty() {
            self.turn();
        }
        self.cancel_tasks();
        self.close();
        output
    }

    /// One iteration.
    fn turn(&self) {
        let until = if self.ready.borrow().is_empty() {
            self.timers.borrow_mut().next_due().unwrap_or(u64::MAX)
        } else {
            0
        };
        let mut wake = host::wait(until);
        if wake == PARK {
            wake = host::park();
        }
        if wake & NOTICES_WAIT != 0 {
            self.take_notices();
        }
        self.fire_timers(wake & !NOTICES_WAIT);

        let ready_now = self.ready.borrow().len();
        for _ in 0..ready_now {
            let Some(next) = self.ready.borrow_mut().pop_front() else { break };
            match next {
                Ready::Step(runnable) => self.step(runnable),
                Ready::Callback(callback) => callback.run(self),
                Ready::Signal(number) => crate::signal::run_handler(self, number),
            }
        }
    }

    /// Polls a task.
    fn step(&self, runnable: Runnable<Meta>) {
        if self.watch.is_on() {
            self.watch.step(runnable);
        } else {
            runnable.run();
        }
    }

    /// Takes what the machine has to tell. A job that runs in place may have more to tell when it is done.
    fn take_notices(&self) {
        while let Some(notice) = host::next_notice() {
            match notice.kind {
                NoticeKind::Signal => crate::signal::deliver(self, notice.id),
                NoticeKind::RunJob => self.run_job(notice.id),
                NoticeKind::JobFinished => {
                    let job = self.jobs.borrow_mut().remove(&notice.id);
                    if let Some(job) = job {
                        job.finish();
                    }
                }
                NoticeKind::Message => {
                    let posted = self.posted.borrow_mut().remove(&notice.id);
                    match posted {
                        Some(Posted::Wake(waker)) => waker.wake(),
                        Some(Posted::Call(callback)) => self.push(Ready::Callback(callback)),
                        None => {}
                    }
                }
                // Nothing of the loop's watches descriptors or starts children yet.
                NoticeKind::Readable | NoticeKind::Writable | NoticeKind::ChildExited => {}
            }
        }
    }

    /// Runs a job in place, between two looks at the worker's clock.
    fn run_job(&self, id: u32) {
        let job = self.jobs.borrow().get(&id).cloned();
        if let Some(job) = job {
            jobs::begin(id);
            self.mode.set(Mode::InJob);
            job.run();
            self.mode.set(Mode::Running);
            jobs::end(id, true);
        }
    }

    fn fire_timers(&self, now: u64) {
        loop {
            // A statement of its own: the borrow must end before a waker runs.
            let due = self.timers.borrow_mut().pop_due(now);
            match due {
                None => break,
                Some((due, Alarm::Wake(waker, name))) => {
                    self.watch.timer_fired(due, || name);
                    waker.wake();
                }
                Some((due, Alarm::Call(callback))) => {
                    self.watch.timer_fired(due, || tracing::intern(callback.name()));
                    self.push(Ready::Callback(callback));
                }
            }
        }
    }

    pub(crate) fn push(&self, entry: Ready) {
        self.ready.borrow_mut().push_back(entry);
    }

    /// Drops all tasks, oldest first; what they spawn while they are dropped, too.
    fn cancel_tasks(&self) {
        while !self.tasks.borrow().is_empty() {
            // A task is in the ready queue or waits for its waker; this brings all of them into the queue.
            let wakers: Vec<Waker> =
                self.tasks.borrow().iter().map(|(_, waker)| waker.clone()).collect();
            wakers.into_iter().for_each(Waker::wake);
            let mut steps = Vec::new();
            for entry in self.ready.take() {
                match entry {
                    Ready::Step(runnable) => steps.push(runnable),
                    other => self.push(other),
                }
            }
            steps.sort_by_key(|runnable| runnable.metadata().sequence);
            for runnable in steps {
                self.watch.cancel(runnable);
            }
        }
    }

    /// Forgets what is left: like `loop.close()`.
    fn close(&self) {
        crate::signal::remove_all(self);
        // Taken out first and dropped afterwards: what is dropped may look into the loop.
        drop(self.timers.borrow_mut().clear());
        drop(self.ready.take());
        drop(self.posted.take());
        self.mode.set(Mode::Stopped);
        host::stop();
    }
}
