//! What the loop tells the outside about itself: events for the trace, and debug mode's reports.
//!
//! When the run is neither traced nor in debug mode the loop makes no call from here in its hot paths, and no
//! name becomes text. Texts go to the host once, as labels.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::Location;

use async_task::Runnable;

use crate::debug;
use crate::host::{clock, tracing};
use crate::task::{Meta, Name};

/// Who watches, and what they need to know.
pub(crate) struct Watch {
    traced: Cell<bool>,
    debug: Cell<bool>,
    /// Either of the two: the one thing that the hot path looks at.
    on: Cell<bool>,
    /// What the program has chosen with `set_debug`.
    debug_chosen: Cell<Option<bool>>,
    /// `slow_callback_duration`.
    slow_ns: Cell<u64>,
    /// How the step that runs has come out so far.
    outcome: Cell<tracing::Outcome>,
    /// The name of the task whose step runs.
    current: Cell<tracing::Label>,
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
            slow_ns: Cell::new(100_000_000),
            outcome: Cell::new(tracing::Outcome::Pending),
            current: Cell::new(0),
            places: RefCell::new(BTreeMap::new()),
        }
    }

    /// The loop starts: asks who watches.
    pub(crate) fn start(&self) {
        self.traced.set(tracing::enabled());
        self.debug.set(self.debug_chosen.get().unwrap_or_else(debug::is_default));
        self.on.set(self.traced.get() || self.debug.get());
    }

    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.on.get()
    }

    pub(crate) fn is_debug(&self) -> bool {
        self.debug.get()
    }

    pub(crate) fn set_debug(&self, debug: bool) {
        self.debug_chosen.set(Some(debug));
        self.debug.set(debug);
        self.on.set(self.traced.get() || debug);
    }

    pub(crate) fn set_slow_ns(&self, slow_ns: u64) {
        self.slow_ns.set(slow_ns);
    }

    /// Polls a task under observation.
    pub(crate) fn step(&self, runnable: Runnable<Meta>) {
        let meta = runnable.metadata();
        let id = meta.id;
        self.current.set(meta.label);
        self.outcome.set(tracing::Outcome::Pending);
        // The metadata is gone after the last step.
        let slow = self.debug.get().then(|| (meta.clone(), clock::now()));
        if self.traced.get() {
            tracing::step_begin(id);
        }
        runnable.run();
        // A pending step ends by itself with whatever the loop does next: one call less for most steps.
        if self.traced.get() && self.outcome.get() != tracing::Outcome::Pending {
            tracing::step_end(id, self.outcome.get());
        }
        if let Some((meta, began)) = slow {
            let took_ns = clock::now().saturating_sub(began);
            if took_ns >= self.slow_ns.get() {
                let finished = self.outcome.get() != tracing::Outcome::Pending;
                let task = debug::describe_task(finished, &meta.name, meta.place);
                self.report(&debug::slow_step(&task, took_ns, meta.place));
            }
        }
    }

    /// Drops a task at the loop's end, under observation: its destructors may take time.
    pub(crate) fn cancel(&self, runnable: Runnable<Meta>) {
        let id = runnable.metadata().id;
        self.task_cancelled(id);
        if self.traced.get() {
            tracing::step_begin(id);
        }
        drop(runnable);
        if self.traced.get() {
            tracing::step_end(id, tracing::Outcome::Cancelled);
        }
    }

    /// Runs a plain callback under observation. `describe` is for debug mode.
    pub(crate) fn callback(
        &self,
        name: &str,
        place: &'static Location<'static>,
        describe: impl FnOnce() -> String,
        work: impl FnOnce(),
    ) {
        let began = if self.debug.get() { clock::now() } else { 0 };
        if self.traced.get() {
            let name = tracing::intern(name);
            self.current.set(name);
            tracing::callback_begin(name);
            work();
            tracing::callback_end(name);
        } else {
            work();
        }
        if self.debug.get() {
            let took_ns = clock::now().saturating_sub(began);
            if took_ns >= self.slow_ns.get() {
                self.report(&debug::slow_callback(&describe(), took_ns, place));
            }
        }
    }

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

    pub(crate) fn task_cancelled(&self, id: tracing::TaskId) {
        if self.traced.get() {
            tracing::task_cancelled(id);
        }
    }

    /// The future of the task whose step runs is complete.
    #[inline]
    pub(crate) fn set_outcome(&self, outcome: tracing::Outcome) {
        self.outcome.set(outcome);
    }

    /// The future of the task whose step runs is dropped: it was cancelled, unless it has completed.
    pub(crate) fn future_dropped(&self) {
        if self.outcome.get() == tracing::Outcome::Pending {
            self.outcome.set(tracing::Outcome::Cancelled);
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

    /// Says something about the program, to the trace and on standard error.
    fn report(&self, report: &tracing::Report) {
        if self.traced.get() {
            tracing::diagnostic(report);
        }
        crate::logging::handle(&report.logger, report.level, &report.text);
    }
}
