//! What the loop tells the outside about itself: events for the trace, debug mode's reports, and reports of ours.
//!
//! When the run is neither traced nor in debug mode the loop makes no call from here in its hot paths, and no
//! name becomes text. Texts go to the host once, as labels. What the reports say is in [`crate::debug`].

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::Location;

use crate::debug;
use crate::event_loop::Unwoken;
use crate::exception::Exception;
use crate::host::{clock, tracing};
use crate::logging;
use crate::task::core::{AnyTask, Core, Name, State, TaskKey};

/// `slow_callback_duration`, unless told.
const SLOW_NS: u64 = 100_000_000;

/// Who watches, and what they need to know.
pub(crate) struct Watch {
    traced: Cell<bool>,
    debug: Cell<bool>,
    /// Either of the two: the one thing that the hot path looks at.
    on: Cell<bool>,
    /// What the program has chosen for the loops to come.
    debug_chosen: Cell<Option<bool>>,
    /// Whether coroutines note where they are made: debug mode, but from the turn after `set_debug` on.
    origins: Cell<bool>,
    /// Debug mode was turned on in the step that runs. As in asyncio that step is not timed.
    just_on: Cell<bool>,
    /// `slow_callback_duration`.
    slow_ns: Cell<u64>,
    /// The same for the loops to come.
    slow_ns_chosen: Cell<u64>,
    /// SLOW-4 is wanted: how long each wait takes.
    times_waits: Cell<bool>,
    /// When the last step or callback ended, or the turn began, in debug mode: when the next one begins. What the
    /// loop does between them is charged to it, some hundred instructions; to look at the clock twice would
    /// cost as much as the step.
    ended: Cell<u64>,
    /// Something in this turn was reported as slow.
    blamed: Cell<bool>,
    /// The name of the task whose step runs.
    current: Cell<tracing::Label>,
    /// The task that `run` waits for.
    main: Cell<Option<TaskKey>>,
    /// Labels of places in the source. The order, by address, is never seen.
    places: RefCell<BTreeMap<*const Location<'static>, tracing::Label>>,
}

impl Watch {
    pub(crate) const fn new() -> Watch {
        Watch {
            traced: Cell::new(false),
            debug: Cell::new(false),
            on: Cell::new(false),
            debug_chosen: Cell::new(None),
            origins: Cell::new(false),
            just_on: Cell::new(false),
            slow_ns: Cell::new(SLOW_NS),
            slow_ns_chosen: Cell::new(SLOW_NS),
            times_waits: Cell::new(false),
            ended: Cell::new(0),
            blamed: Cell::new(false),
            current: Cell::new(0),
            main: Cell::new(None),
            places: RefCell::new(BTreeMap::new()),
        }
    }

    /// The loop starts: asks who watches.
    pub(crate) fn start(&self) {
        self.traced.set(tracing::enabled());
        self.slow_ns.set(self.slow_ns_chosen.get());
        self.switch_debug(self.debug_chosen.get().unwrap_or_else(debug::is_default));
        self.origins.set(self.debug.get());
    }

    fn switch_debug(&self, debug: bool) {
        self.debug.set(debug);
        self.on.set(self.traced.get() || debug);
        self.times_waits.set(debug && tracing::wants("SLOW-4"));
        if !debug {
            self.origins.set(false);
            self.just_on.set(false);
        }
    }

    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.on.get()
    }

    pub(crate) fn is_debug(&self) -> bool {
        self.debug.get()
    }

    /// Whether a coroutine that is made now notes where.
    pub(crate) fn notes_origins(&self) -> bool {
        self.origins.get()
    }

    /// For the loop that is open, as it is an attribute of the loop; if there is none, for those to come.
    pub(crate) fn set_debug(&self, debug: bool, is_open: bool, is_running: bool) {
        if !is_open {
            self.debug_chosen.set(Some(debug));
        }
        if debug && is_running && !self.debug.get() {
            self.just_on.set(true);
        }
        self.switch_debug(debug);
    }

    /// As [`Watch::set_debug`].
    pub(crate) fn set_slow_ns(&self, slow_ns: u64, is_open: bool) {
        if !is_open {
            self.slow_ns_chosen.set(slow_ns);
        }
        self.slow_ns.set(slow_ns);
    }

    /// This task is the one that `run` waits for.
    pub(crate) fn main_is(&self, key: TaskKey) {
        self.main.set(Some(key));
    }

    pub(crate) fn is_main(&self, key: TaskKey) -> bool {
        self.main.get() == Some(key)
    }

    // --- Steps and callbacks ---------------------------------------------------------------------

    /// The poll of a task begins.
    #[inline]
    pub(crate) fn step_begins(&self, core: &Core) {
        if !self.on.get() {
            return;
        }
        self.current.set(core.label);
        if self.traced.get() {
            tracing::step_begin(core.id);
        }
    }

    /// The poll of a task has returned.
    #[inline]
    pub(crate) fn step_ends(&self, task: &dyn AnyTask) {
        if self.on.get() {
            self.step_seen(task);
        }
    }

    fn step_seen(&self, task: &dyn AnyTask) {
        let core = task.core();
        if self.traced.get() {
            // A pending step ends by itself with whatever the loop does next: one call less for most steps.
            let outcome = match core.state.get() {
                State::Pending => None,
                State::Done => Some(tracing::Outcome::Done),
                State::Failed => Some(tracing::Outcome::Failed),
                State::Cancelled => Some(tracing::Outcome::Cancelled),
            };
            if let Some(outcome) = outcome {
                tracing::step_end(core.id, outcome);
            }
        }
        if self.debug.get() {
            let report =
                |took_ns| debug::slow_step(&debug::describe_task(task, true), took_ns, core.place);
            self.time(report);
        }
    }

    /// A step or callback has ended: reports it if it was slow.
    fn time(&self, report: impl FnOnce(u64) -> tracing::Report) {
        let ended = clock::now();
        let took_ns = ended.saturating_sub(self.ended.replace(ended));
        // A threshold of zero makes everything slow, as in asyncio.
        if took_ns >= self.slow_ns.get() && !self.just_on.get() {
            self.blamed.set(true);
            self.report(&report(took_ns));
        }
        self.just_on.set(false);
    }

    /// Runs a plain callback under observation. `describe` is for debug mode.
    pub(crate) fn callback(
        &self,
        name: &str,
        place: &'static Location<'static>,
        describe: impl FnOnce() -> String,
        work: impl FnOnce() -> Option<Exception>,
    ) -> Option<Exception> {
        let error = if self.traced.get() {
            let name = tracing::intern(name);
            self.current.set(name);
            tracing::callback_begin(name);
            let error = work();
            tracing::callback_end(name);
            error
        } else {
            work()
        };
        if self.debug.get() {
            self.time(|took_ns| debug::slow_callback(&describe(), took_ns, place));
        }
        error
    }

    // --- Turns -----------------------------------------------------------------------------------

    /// The loop is about to wait: when that is, if somebody wants to know.
    #[inline]
    pub(crate) fn before_wait(&self) -> u64 {
        if self.times_waits.get() { clock::now() } else { 0 }
    }

    /// The wait for `until`, which began at `began`, has returned at `now`, with events or without. SLOW-4 is
    /// asyncio's until 3.7.
    #[inline]
    pub(crate) fn after_wait(&self, began: u64, until: u64, now: u64, has_events: bool) {
        self.ended.set(now);
        if self.times_waits.get()
            && let Some(report) = debug::slow_wait(began, until, now, has_events)
        {
            self.report(&report);
        }
    }

    /// The turn that began at `began` is over. TURN: it was slow, and no single callback is to blame.
    #[inline]
    pub(crate) fn after_turn(&self, began: u64) {
        if !self.debug.get() {
            return;
        }
        // In the turn of `set_debug` not everything was timed.
        let is_first = !self.origins.replace(true);
        let took_ns = self.ended.get().saturating_sub(began);
        let blamed = self.blamed.replace(false);
        if took_ns >= self.slow_ns.get() && took_ns > 0 && !blamed && !is_first {
            self.report_ours(|| debug::slow_turn(took_ns));
        }
    }

    // --- Tasks and timers ------------------------------------------------------------------------

    /// The trace's id of a new task, and the label of its name.
    pub(crate) fn task_spawned(
        &self,
        name: &Name,
        place: &'static Location<'static>,
    ) -> (tracing::TaskId, tracing::Label) {
        if !self.traced.get() {
            return (0, 0);
        }
        let label = match name {
            Name::Given(name) => tracing::intern(name),
            numbered @ Name::Numbered(_) => tracing::intern(&numbered.to_string()),
        };
        let place = *self
            .places
            .borrow_mut()
            .entry(place)
            .or_insert_with(|| tracing::intern(&place.to_string()));
        (tracing::task_spawned(label, place), label)
    }

    /// A task will not be polled again; said once.
    pub(crate) fn task_cancelled(&self, core: &Core) {
        if self.traced.get() && !core.told_cancelled.replace(true) {
            tracing::task_cancelled(core.id);
        }
    }

    /// The name of what runs now, for a timer that it sets.
    #[inline]
    pub(crate) fn current(&self) -> tracing::Label {
        self.current.get()
    }

    #[inline]
    pub(crate) fn timer_fired(&self, due: u64, name: impl FnOnce() -> tracing::Label) {
        if self.traced.get() {
            tracing::timer_fired(name(), due);
        }
    }

    // --- Reports ---------------------------------------------------------------------------------

    /// A task is idle, and nobody is left to wake it.
    #[cold]
    pub(crate) fn lost_waker(&self, task: &dyn AnyTask) {
        self.report_ours(|| debug::lost_waker(task));
    }

    /// The loop has found, at `now`, what another thread had put into its books without waking it.
    #[cold]
    pub(crate) fn lost_wakeup(&self, unwoken: &Unwoken, now: u64) {
        if let Some(late_ns) = debug::lateness(unwoken, now) {
            self.report_ours(|| debug::lost_wakeup(unwoken, late_ns));
        }
    }

    /// A task has caught its cancellation, and waits again at the place where it did.
    #[cold]
    pub(crate) fn ignored_cancellation(
        &self,
        task: &dyn AnyTask,
        caught: &'static Location<'static>,
    ) {
        self.report_ours(|| debug::ignored_cancellation(task, caught));
    }

    /// A task has failed, and the handle that could tell of it is alive until the end.
    #[cold]
    pub(crate) fn hidden_failure(&self, task: &dyn AnyTask) {
        self.report_ours(|| {
            debug::hidden_failure(&debug::describe_task(task, false), "task", task.core().place)
        });
    }

    /// Says something about the program: to the trace, and through the logger.
    pub(crate) fn report(&self, report: &tracing::Report) {
        self.record(report);
        logging::handle(&report.logger, report.level, &report.text);
        // A handler that blocks is not the next callback's fault.
        self.ended.set(clock::now());
    }

    /// As [`Watch::report`], for what asyncio would not say: unless the scenario does not want it.
    pub(crate) fn report_ours(&self, report: impl FnOnce() -> tracing::Report) {
        let report = report();
        if tracing::wants(&report.code) {
            self.report(&report);
        }
    }

    /// To the trace alone.
    pub(crate) fn record(&self, report: &tracing::Report) {
        if self.traced.get() {
            tracing::diagnostic(report);
        }
    }
}
