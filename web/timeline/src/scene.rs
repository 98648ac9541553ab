//! What there is to see: groups of lanes, made from traces.
//!
//! A lane is made of rows; a row is a list of slices in order of time that do not overlap, in columns, so that
//! a frame looks only at what it draws. A mark is a slice that begins and ends at one moment. Everything
//! that has a text refers to [`Scene::names`] or to the trace that the group was made from.
//!
//! [`Scene::of_run`] makes one; [`Row`] knows what of it a frame draws.

mod children;
mod compare;
mod details;
mod flows;
mod jobs;
mod lookup;
mod names;
mod pack;
mod row;
mod run;
mod signals;
#[cfg(test)]
mod story_tests;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod thread;
mod whose;

use loopbox_trace::{Nanos, Trace};

pub use details::Details;
pub use row::{Row, Slice, Visible};

use names::Names;

/// Everything that a timeline shows.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// One for a run; two for a comparison, on one clock.
    pub groups: Vec<Group>,
    /// When the last of it ends.
    pub end: Nanos,
    /// Texts of slices.
    pub names: Vec<String>,
    /// What is wrong, the worst first.
    pub issues: Vec<Issue>,
    /// A turn that is longer is a stall.
    pub budget: Option<Nanos>,
}

/// The lanes of one trace, or of one golden.
#[derive(Clone, Debug)]
pub struct Group {
    /// Such as `golden` and `this run`; empty if it is the only one.
    pub title: String,
    /// Which of the traces that the scene was made from; `None` for a golden.
    pub trace: Option<usize>,
    /// From top to bottom; those without content are left out.
    pub lanes: Vec<Lane>,
}

/// One lane.
#[derive(Clone, Debug)]
pub struct Lane {
    /// What stands beside it.
    pub title: String,
    /// What it shows.
    pub kind: LaneKind,
    /// Whose it is: 0 is the run's first process, then they are as in [`Trace::processes`].
    pub process: u16,
    /// The thread whose lane it is, if it is one's.
    pub thread: Option<loopbox_trace::Lane>,
    /// From top to bottom; nested slices lie in the row below.
    pub rows: Vec<Row>,
}

/// What a lane shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LaneKind {
    /// Turns of a loop, the steps and callbacks in them, blocking calls in those.
    Loop,
    /// Timers, from due to fired.
    Timers,
    /// Signals, from raised over delivered to handled.
    Signals,
    /// Messages from threads, from posted to received.
    Messages,
    /// Jobs of a pool that wait for a worker.
    Queue,
    /// Jobs on a worker, and blocking calls in them.
    Worker,
    /// Processes, from start to end.
    Processes,
    /// What is written to and read from pipes.
    Pipes,
    /// Log records and handlers, and lines of output.
    Log,
    /// Reports of the runtime.
    Diagnostics,
    /// A lane of a golden, and the run's lane that is held against it.
    Golden,
}

/// How a slice looks. Colours are the theme's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Look {
    /// A turn within its budget.
    Turn,
    /// A turn that is too long.
    Stall,
    /// A step of a task.
    Step,
    /// A callback or a handler.
    Callback,
    /// A blocking call on the loop: red.
    BlockingOnLoop,
    /// A blocking call on a worker: calm.
    BlockingInPool,
    /// A job on a worker.
    Job,
    /// A job that waits for a worker.
    Queued,
    /// A timer.
    Timer,
    /// A signal that waits to be delivered.
    SignalPending,
    /// A signal that is being handled.
    SignalHandled,
    /// A signal that nobody handled, or that ended the process.
    SignalLost,
    /// A signal without an effect of its own: it merged with a pending one, or is ignored by default.
    SignalDropped,
    /// A message from a thread.
    Message,
    /// A process.
    Process,
    /// A pipe.
    Pipe,
    /// A log record or a line of output.
    Log,
    /// A warning.
    Warning,
    /// An error.
    Error,
    /// A line that both sides have.
    Same,
    /// A line at another time than the golden's, beyond the tolerance.
    Moved,
    /// A line that only the golden has.
    Missing,
    /// A line that only the run has.
    Extra,
    /// The end of a process or of the run.
    End,
}

impl Look {
    /// How bad it is: of several in one pixel the worst is seen. Zero is fine.
    pub fn severity(self) -> u8 {
        match self {
            Look::BlockingOnLoop | Look::Error => 4,
            Look::Stall | Look::SignalLost | Look::Missing | Look::Extra => 3,
            Look::Moved => 2,
            Look::Warning | Look::SignalDropped => 1,
            Look::Turn
            | Look::Step
            | Look::Callback
            | Look::BlockingInPool
            | Look::Job
            | Look::Queued
            | Look::Timer
            | Look::SignalPending
            | Look::SignalHandled
            | Look::Message
            | Look::Process
            | Look::Pipe
            | Look::Log
            | Look::Same
            | Look::End => 0,
        }
    }
}

/// Where a slice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SliceRef {
    /// An index into [`Scene::groups`].
    pub group: u16,
    /// An index into the group's lanes.
    pub lane: u16,
    /// An index into the lane's rows.
    pub row: u16,
    /// An index into the row's columns.
    pub slice: u32,
}

/// An arrow from one slice to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Where it begins.
    pub from: SliceRef,
    /// The moment at which it begins, in the slice.
    pub from_at: Nanos,
    /// Where it ends.
    pub to: SliceRef,
    /// The moment at which it ends.
    pub to_at: Nanos,
    /// What it means, such as `wakes`.
    pub name: &'static str,
}

/// Something that is wrong, to be jumped to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// In a few words.
    pub title: String,
    /// From when.
    pub begin: Nanos,
    /// Until when.
    pub end: Nanos,
    /// What it is about, if it has a slice.
    pub slice: Option<SliceRef>,
}

/// Something that is wrong, as it is told to a scene.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// In a few words.
    pub title: String,
    /// From when.
    pub begin: Nanos,
    /// Until when.
    pub end: Nanos,
    /// The event that it is about, if there is one: an index into the trace's events.
    pub event: Option<u32>,
}

impl Scene {
    /// What happened in a run. A turn that is longer than the budget is shown as a stall; the problems should
    /// come the worst first.
    pub fn of_run(trace: &Trace, budget: Option<Nanos>, problems: Vec<Problem>) -> Scene {
        let mut names = Names::default();
        let group = run::group(trace, 0, &mut names, budget);
        let mut scene = Scene::of_groups(vec![group], names, trace.finished, budget);
        scene.add_issues(&[trace], 0, problems);
        scene
    }

    /// The slice, if there is one.
    pub fn slice(&self, at: SliceRef) -> Option<Slice> {
        self.lane(at)?.rows.get(usize::from(at.row))?.slice(at.slice)
    }

    /// The lane of a slice, if there is one.
    pub fn lane(&self, at: SliceRef) -> Option<&Lane> {
        self.groups.get(usize::from(at.group))?.lanes.get(usize::from(at.lane))
    }

    fn of_groups(
        groups: Vec<Group>,
        names: Names,
        finished: Nanos,
        budget: Option<Nanos>,
    ) -> Scene {
        let rows = groups.iter().flat_map(|group| &group.lanes).flat_map(|lane| &lane.rows);
        let end = rows.map(Row::end).fold(finished, Nanos::max);
        Scene { groups, end, names: names.into_texts(), issues: Vec::new(), budget }
    }

    /// Adds what is wrong with one of the traces that the scene was made from.
    fn add_issues(&mut self, traces: &[&Trace], trace: usize, problems: Vec<Problem>) {
        for Problem { title, begin, end, event } in problems {
            let slice = event.and_then(|event| self.slice_of_event(traces, trace, event));
            self.issues.push(Issue { title: names::fit(&title).into_owned(), begin, end, slice });
        }
    }
}
