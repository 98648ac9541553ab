//! The loop: asyncio's `_run_once`, turn by turn.
//!
//! A turn is: wait (one call of the host, whatever there is to wait for), take the notices, move what is due
//! from the timers to the ready queue, then run exactly what is ready at that point. What becomes ready
//! meanwhile waits for the next turn, so a callback that schedules itself again starves neither timers nor
//! signals.
//!
//! Everything here belongs to one thread and is found through a thread-local, which on wasm is a plain
//! static. No borrow of a `RefCell` is held while code of the program runs: that code may spawn, wake and
//! cancel. The loop keeps nothing that the machine outside knows already: no I/O, no clock, no pool. How a loop
//! is made, run and closed is in [`crate::runner`].

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::task::Waker;

use slab::Slab;

use crate::callback::{Callback, TimerHandle};
use crate::deadlock;
use crate::descriptors::{Descriptors, IoHandle};
use crate::exception_handler;
use crate::executor::{self, PoolJob};
use crate::future::Failed;
use crate::host::event_loop::{self as host, NoticeKind};
use crate::host::pipes::Interest;
use crate::host::{clock, jobs, tracing};
use crate::os::Fd;
use crate::signal::{Interrupt, Listeners};
use crate::subprocess::watcher::Children;
use crate::task::core::{AnyTask, DoneCallback, State, TaskKey, Unretrieved};
use crate::threading;
use crate::timers::Timers;
use crate::waiting;
use crate::watch::Watch;

#[cfg(test)]
mod tests;

/// In what `wait` returns: there are notices to take. The other bits are the time.
const NOTICES_WAIT: u64 = 1 << 63;

/// What `wait` returns if the wait goes on in `park`.
const PARK: u64 = u64::MAX >> 1;

thread_local! {
    /// Never dropped, so that finding it is not more than knowing its address.
    static LOOP: ManuallyDrop<EventLoop> = const { ManuallyDrop::new(EventLoop::new()) };
}

/// Calls `f` with the loop.
#[inline]
pub(crate) fn with<R>(f: impl FnOnce(&EventLoop) -> R) -> R {
    LOOP.with(|event_loop| f(event_loop))
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
    /// Counts the loops that there have been: things of an earlier one do not belong to this one.
    pub(crate) run_number: Cell<u32>,
    /// The loop was made and is not closed.
    pub(crate) is_open: Cell<bool>,
    /// `stop` was called: the turn that runs is the last.
    pub(crate) stopping: Cell<bool>,
    /// Counts turns.
    pub(crate) turns: Cell<u32>,
    /// What runs in the next turn, first come first served.
    pub(crate) ready: RefCell<VecDeque<Ready>>,
    /// What becomes ready at some time.
    pub(crate) timers: RefCell<Timers<Alarm>>,
    /// The tasks that are not complete.
    pub(crate) tasks: RefCell<Slab<Rc<dyn AnyTask>>>,
    /// The task whose step runs.
    pub(crate) current: Cell<Option<TaskKey>>,
    /// Where the callback that runs was made.
    pub(crate) callback_place: Cell<Option<&'static Location<'static>>>,
    /// How many tasks there have been.
    pub(crate) tasks_spawned: Cell<u32>,
    /// How many of them have a default name.
    pub(crate) tasks_numbered: Cell<u32>,
    /// Tasks that failed while somebody could still look at the error.
    pub(crate) unretrieved: RefCell<Unretrieved>,
    /// Futures that got an error at which somebody may still look.
    pub(crate) failed_futures: RefCell<Vec<Weak<dyn Failed>>>,
    /// Jobs given to the pool whose completion has not been seen, by the host's id.
    pub(crate) jobs: RefCell<BTreeMap<u32, Rc<dyn PoolJob>>>,
    /// What jobs have sent that has not arrived, by the host's message id.
    pub(crate) posted: RefCell<BTreeMap<u32, Posted>>,
    /// What jobs have put into the ready queue without waking the loop, and when.
    pub(crate) unwoken: RefCell<Vec<Unwoken>>,
    pub(crate) listeners: RefCell<Listeners>,
    pub(crate) interrupt: RefCell<Interrupt>,
    pub(crate) exception_handler: RefCell<Option<exception_handler::Handler>>,
    /// What is watched for being ready.
    pub(crate) descriptors: Descriptors,
    /// Child processes whose end somebody wants to know.
    pub(crate) children: Children,
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
    Step(TaskKey),
    Callback(Rc<Callback>),
    /// A descriptor is ready.
    Io(Rc<IoHandle>),
    /// Run the handler of this signal.
    Signal(u8),
    /// A task or future is done, and somebody wanted to know.
    Done(DoneCallback),
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

/// What can lie in the loop's books without the loop knowing.
pub(crate) enum What {
    Ready(Ready),
    /// A timer, due at this time.
    Timer(u64, Rc<Callback>),
}

/// What another thread has put into the ready queue as if it were the loop's: nothing wakes the loop for it.
pub(crate) struct Unwoken {
    /// When, on the other thread's clock.
    pub(crate) at: u64,
    pub(crate) what: What,
    /// For the report.
    pub(crate) describe: String,
    pub(crate) place: &'static Location<'static>,
}

impl EventLoop {
    const fn new() -> EventLoop {
        EventLoop {
            mode: Cell::new(Mode::Stopped),
            run_number: Cell::new(0),
            is_open: Cell::new(false),
            stopping: Cell::new(false),
            turns: Cell::new(0),
            ready: RefCell::new(VecDeque::new()),
            timers: RefCell::new(Timers::new()),
            tasks: RefCell::new(Slab::new()),
            current: Cell::new(None),
            callback_place: Cell::new(None),
            tasks_spawned: Cell::new(0),
            tasks_numbered: Cell::new(0),
            unretrieved: RefCell::new(Vec::new()),
            failed_futures: RefCell::new(Vec::new()),
            jobs: RefCell::new(BTreeMap::new()),
            posted: RefCell::new(BTreeMap::new()),
            unwoken: RefCell::new(Vec::new()),
            listeners: RefCell::new(Listeners::new()),
            interrupt: RefCell::new(Interrupt::Off),
            exception_handler: RefCell::new(None),
            descriptors: Descriptors::new(),
            children: Children::new(),
            watch: Watch::new(),
        }
    }

    /// One iteration.
    pub(crate) fn turn(&self) {
        let until = if self.ready.borrow().is_empty() {
            self.timers.borrow_mut().next_due().unwrap_or(u64::MAX)
        } else {
            0
        };
        let until = if self.unwoken.borrow().is_empty() { until } else { self.see_unwoken(until) };
        let began = self.watch.before_wait();
        let mut wake = host::wait(until);
        if wake & PARK == PARK {
            wake = self.wait_longer(wake);
        }
        self.turns.set(self.turns.get().wrapping_add(1));
        let now = wake & !NOTICES_WAIT;
        self.watch.after_wait(began, until, now, wake & NOTICES_WAIT != 0);
        if !self.unwoken.borrow().is_empty() {
            self.take_unwoken(now);
        }
        if wake & NOTICES_WAIT != 0 {
            self.take_notices();
        }
        self.fire_timers(now);

        let ready_now = self.ready.borrow().len();
        for _ in 0..ready_now {
            let Some(next) = self.ready.borrow_mut().pop_front() else { break };
            match next {
                Ready::Step(key) => self.step(key),
                Ready::Callback(callback) => callback.run(self),
                Ready::Io(handle) => handle.run(self),
                Ready::Signal(number) => crate::signal::run_handler(self, number),
                Ready::Done(callback) => callback(),
            }
        }
        self.watch.after_turn(now);
    }

    /// The machine could not answer at once.
    #[cold]
    fn wait_longer(&self, wake: u64) -> u64 {
        let wake = if wake == PARK { host::park() } else { wake };
        if wake == deadlock::NEVER {
            deadlock::report(self);
        }
        wake
    }

    /// Polls a task, or ends it if it was cancelled.
    #[inline]
    fn step(&self, key: TaskKey) {
        let Some(task) = self.find_task(key) else { return };
        let core = task.core();
        core.begin();
        self.current.set(Some(key));
        self.watch.step_begins(core);
        let cancelling = core.must_cancel.get();
        if cancelling && core.catchers.get() == 0 {
            return self.end_cancelled(&*task);
        }
        core.started.set(true);
        let poll = task.poll();
        core.waiting.set(waiting::take());
        if poll.is_ready() {
            self.remove(key);
            self.watch.step_ends(&*task);
            self.current.set(None);
            return self.note_failure(&task);
        }
        // A cancellation that was thrown into this step, or raised by it, and that nothing has caught.
        if core.must_cancel.get() && (cancelling || core.raised.get()) {
            return self.end_cancelled(&*task);
        }
        self.watch.step_ends(&*task);
        self.current.set(None);
        // The main task may well wait for nothing but its end; if nothing else can happen that is a deadlock.
        if core.has_lost_its_waker() && !self.watch.is_main(key) {
            self.watch.lost_waker(&*task);
        }
    }

    /// The books of a task that is done are closed.
    fn remove(&self, key: TaskKey) {
        let task = self.tasks.borrow_mut().try_remove(key.slot as usize);
        // Dropped without the borrow: an output may look into the loop.
        drop(task);
    }

    /// Drops the future of a cancelled task: its destructors are its last step.
    #[cold]
    fn end_cancelled(&self, task: &dyn AnyTask) {
        self.remove(task.core().key);
        task.drop_future();
        task.cancelled();
        // Unless its end was sure from the moment of the request: it has cleaned up first, or awaited a task that
        // was cancelled.
        self.watch.task_cancelled(task.core());
        self.watch.step_ends(task);
        self.current.set(None);
    }

    /// A task has failed: unless somebody can still look at the error, it is reported as soon as this is dropped.
    fn note_failure(&self, task: &Rc<dyn AnyTask>) {
        let core = task.core();
        let is_referenced = Rc::strong_count(task) > 1;
        if core.state.get() == State::Failed && !core.retrieved.get() && is_referenced {
            let mut unretrieved = self.unretrieved.borrow_mut();
            if unretrieved.len() == unretrieved.capacity() {
                let is_open = |task: &Rc<dyn AnyTask>| !task.core().retrieved.get();
                unretrieved.retain(|task| task.upgrade().as_ref().is_some_and(is_open));
            }
            unretrieved.push(Rc::downgrade(task));
        }
    }

    /// A future got an error, which somebody should look at.
    pub(crate) fn note_failed_future(&self, future: Weak<dyn Failed>) {
        let mut failed = self.failed_futures.borrow_mut();
        if failed.len() == failed.capacity() {
            failed.retain(|future| future.upgrade().is_some_and(|future| future.is_unseen()));
        }
        failed.push(future);
    }

    /// The task whose step runs.
    pub(crate) fn current_task(&self) -> Option<Rc<dyn AnyTask>> {
        self.find_task(self.current.get()?)
    }

    /// A task that is not done.
    pub(crate) fn find_task(&self, key: TaskKey) -> Option<Rc<dyn AnyTask>> {
        let tasks = self.tasks.borrow();
        tasks
            .get(key.slot as usize)
            .filter(|task| task.core().key.sequence == key.sequence)
            .cloned()
    }

    /// Where what runs now was made: the task or the callback.
    pub(crate) fn running_place(&self) -> Option<&'static Location<'static>> {
        match self.current_task() {
            Some(task) => Some(task.core().place),
            None => self.callback_place.get(),
        }
    }

    /// Puts the next step of a task into the ready queue, if it is not there.
    pub(crate) fn wake(&self, key: TaskKey) {
        if let Some(task) = self.find_task(key) {
            task.core().wake();
        }
    }

    /// Takes what the machine has to tell. A job that runs in place may have more to tell when it is done.
    pub(crate) fn take_notices(&self) {
        while let Some(notice) = host::next_notice() {
            match notice.kind {
                NoticeKind::Signal => crate::signal::deliver(self, notice.id),
                NoticeKind::RunJob => self.run_job(notice.id),
                NoticeKind::JobFinished => {
                    let job = self.jobs.borrow_mut().remove(&notice.id);
                    if let Some(job) = job {
                        job.finish();
                        executor::job_left(job.pool());
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
                // The machine tells of the reader of a descriptor before its writer, as asyncio does.
                NoticeKind::Readable => {
                    self.descriptors.ready(self, Fd(notice.id), Interest::Readable);
                }
                NoticeKind::Writable => {
                    self.descriptors.ready(self, Fd(notice.id), Interest::Writable);
                }
                NoticeKind::ChildExited => self.children.exited(self, notice.id),
            }
        }
    }

    /// Runs a job in place, between two looks at the worker's clock.
    pub(crate) fn run_job(&self, id: u32) {
        let job = self.jobs.borrow().get(&id).cloned();
        if let Some(job) = job {
            jobs::begin(id);
            // The loop may stand below, or another job that waits for this one, or nobody.
            let below = self.mode.replace(Mode::InJob);
            threading::enter(&job);
            let succeeded = job.run();
            threading::leave();
            if !job.is_notified() {
                self.jobs.borrow_mut().remove(&id);
                executor::note_end(job.pool(), id);
            }
            self.mode.set(below);
            jobs::end(id, succeeded);
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

    /// What other threads have put into the books by now keeps the loop from waiting, as it would be there
    /// already; what they put there later does not.
    fn see_unwoken(&self, until: u64) -> u64 {
        let found = self.unwoken_until(clock::now());
        let until = found.iter().fold(until, |until, unwoken| match unwoken.what {
            What::Ready(_) => 0,
            What::Timer(when, _) => until.min(when),
        });
        found.into_iter().for_each(|unwoken| self.accept(unwoken.what));
        until
    }

    /// The loop has woken up for another reason, and finds what it was not woken for.
    fn take_unwoken(&self, now: u64) {
        for unwoken in self.unwoken_until(now) {
            self.watch.lost_wakeup(&unwoken, now);
            self.accept(unwoken.what);
        }
    }

    fn accept(&self, what: What) {
        match what {
            What::Ready(entry) => self.push(entry),
            What::Timer(when, callback) => {
                TimerHandle::set(self, when, callback);
            }
        }
    }

    /// In the order of their times.
    fn unwoken_until(&self, now: u64) -> Vec<Unwoken> {
        let mut unwoken = self.unwoken.borrow_mut();
        unwoken.sort_by_key(|unwoken| unwoken.at);
        let later = unwoken.partition_point(|unwoken| unwoken.at <= now);
        let later = unwoken.split_off(later);
        std::mem::replace(&mut *unwoken, later)
    }

    #[inline]
    pub(crate) fn push(&self, entry: Ready) {
        self.ready.borrow_mut().push_back(entry);
    }

    /// Cancels the tasks that are left, oldest first, and goes on until they are gone. What they spawn
    /// meanwhile is cancelled, too. Gives the tasks, for a look at how they ended.
    pub(crate) fn cancel_tasks(&self) -> Vec<Rc<dyn AnyTask>> {
        let mut asked: Vec<Rc<dyn AnyTask>> = Vec::new();
        let mut seen = 0;
        loop {
            // Sequence numbers grow, so whoever is newer was not asked yet.
            let mut left: Vec<Rc<dyn AnyTask>> =
                self.tasks.borrow().iter().map(|(_, task)| task.clone()).collect();
            left.retain(|task| task.core().key.sequence > seen);
            left.sort_by_key(|task| task.core().key.sequence);
            if left.is_empty() && self.tasks.borrow().is_empty() {
                return asked;
            }
            for task in &left {
                self.cancel_at_the_end(task);
                seen = task.core().key.sequence;
            }
            asked.extend(left);
            if !self.tasks.borrow().is_empty() {
                self.turn();
            }
        }
    }

    /// Drops a task at once, unless something in it wants to clean up first.
    fn cancel_at_the_end(&self, task: &Rc<dyn AnyTask>) {
        let core = task.core();
        // Its own destructors may have been faster.
        if core.is_done() {
            return;
        }
        core.cancelling.set(core.cancelling.get().saturating_add(1));
        core.must_cancel.set(true);
        if core.catchers.get() > 0 {
            return self.wake(core.key);
        }
        self.watch.task_cancelled(core);
        self.current.set(Some(core.key));
        self.watch.step_begins(core);
        self.end_cancelled(&**task);
    }

    /// Forgets what is left: like `loop.close()`. Tasks that are left are destroyed while they are pending.
    pub(crate) fn close(&self) {
        crate::signal::remove_all(self);
        self.destroy_tasks();
        self.report_hidden_failures();
        self.is_open.set(false);
        // A process before its pipes, as asyncio finds them.
        self.children.close();
        self.descriptors.close();
        crate::logging::shutdown();
        // Taken out first and dropped afterwards: what is dropped may look into the loop.
        drop(self.timers.borrow_mut().clear());
        drop(self.ready.take());
        drop(self.posted.take());
        drop(self.unwoken.take());
        self.mode.set(Mode::Stopped);
        drop(self.exception_handler.take());
    }

    /// RET-4, for every task that is left, oldest first; also for what they spawn while they are dropped.
    fn destroy_tasks(&self) {
        loop {
            let keys = self.tasks.borrow().iter().map(|(_, task)| task.core().key).collect();
            let mut keys: Vec<TaskKey> = keys;
            keys.sort_by_key(|key| key.sequence);
            if keys.is_empty() {
                return;
            }
            keys.into_iter().for_each(|key| self.destroy(key));
        }
    }

    /// Drops a task that is neither done nor cancelled.
    pub(crate) fn destroy(&self, key: TaskKey) {
        if let Some(task) = self.find_task(key) {
            let core = task.core();
            // Whoever ran the loop for a main task was told that it did not complete.
            if !self.watch.is_main(key) {
                crate::task::destroyed_pending(&*task);
                if !core.started.get() {
                    let has_origin = core.has_origin && self.mode.get() != Mode::InJob;
                    let name = crate::debug::short_name(core.type_name);
                    let what = format!("coroutine '{name}'");
                    crate::coroutine::never_awaited(&what, core.place, has_origin);
                }
            }
            self.remove(key);
            core.state.set(State::Cancelled);
            task.drop_future();
        }
    }

    /// RET-HIDDEN: errors of tasks and futures to which there are references, so that asyncio would say nothing
    /// for ever.
    fn report_hidden_failures(&self) {
        for task in self.unretrieved.take() {
            if let Some(task) = task.upgrade()
                && !task.core().retrieved.replace(true)
            {
                self.watch.hidden_failure(&*task);
            }
        }
        for future in self.failed_futures.take() {
            if let Some(report) = future.upgrade().and_then(|future| future.hidden()) {
                self.watch.report_ours(|| report);
            }
        }
    }
}
