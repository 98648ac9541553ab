//! What there is to see: groups of lanes, made from traces.
//!
//! A lane is made of rows; a row is a list of slices in order of time that do not overlap, in columns, so that
//! a frame looks only at what it draws. A mark is a slice that begins and ends at one moment. Everything
//! that has a text refers to [`Scene::names`] or to the trace that the group was made from.

use loopbox_trace::Nanos;

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
}

/// The lanes of one trace, or of one golden.
#[derive(Clone, Debug)]
pub struct Group {
    /// Such as `golden` and `this run`; empty if it is the only one.
    pub title: String,
    /// From top to bottom.
    pub lanes: Vec<Lane>,
}

/// One lane.
#[derive(Clone, Debug)]
pub struct Lane {
    /// What stands beside it.
    pub title: String,
    /// What it shows.
    pub kind: LaneKind,
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

/// Slices in order of time, in columns of one length.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// In nanoseconds, ascending.
    pub begins: Vec<u64>,
    /// In nanoseconds; not before the begin, and not after the next one's begin.
    pub ends: Vec<u64>,
    /// Indices into [`Scene::names`].
    pub names: Vec<u32>,
    /// How each looks.
    pub looks: Vec<Look>,
    /// The event that each begins with: an index into the trace's events; for a golden, the line of its file.
    pub events: Vec<u32>,
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

/// One slice.
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
