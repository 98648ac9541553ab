//! The event model: what a run leaves behind.
//!
//! Events are small and `Copy`: a run may record a million of them. Whatever has a text (names, places,
//! log lines) is interned once as a [`Label`]; tasks, jobs and diagnostics stand in tables of the trace
//! and events hold their index. Ids count up from zero in the order of creation, so they are the same in
//! every run of one scenario and seed. There are no host paths and no host times in here.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Nanos, Signal};

/// An interned text: an index into [`Trace::labels`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Label(pub u32);

/// A task of the event loop: an index into [`Trace::tasks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub u32);

/// A job given to the worker pool: an index into [`Trace::jobs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub u32);

/// A pool of workers: an index into [`Trace::pools`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct PoolId(pub u16);

impl PoolId {
    /// The pool that is there from the start.
    pub const DEFAULT: PoolId = PoolId(0);
}

/// Where an event happened: an index into [`Trace::lanes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lane(pub u16);

impl Lane {
    /// The main thread, which runs the event loop.
    pub const MAIN: Lane = Lane(0);
    /// What reaches the process from outside, whatever its threads do at that moment.
    pub const SIGNALS: Lane = Lane(1);

    /// The lane of the worker with this index, counted from 0 over all pools, as they were first needed.
    pub const fn worker(index: u16) -> Lane {
        Lane(2 + index)
    }

    /// The worker whose lane this is.
    pub fn worker_index(self) -> Option<u16> {
        self.0.checked_sub(2)
    }
}

/// How bad a log record or a diagnostic is; Python's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Details for somebody who hunts a bug.
    Debug,
    /// What goes on, as expected.
    Info,
    /// Something unexpected; the program goes on.
    Warning,
    /// Something failed.
    Error,
    /// The program may be unable to go on.
    Critical,
}

impl Level {
    /// The name as in Python's `logging`.
    pub fn name(self) -> &'static str {
        match self {
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warning => "WARNING",
            Level::Error => "ERROR",
            Level::Critical => "CRITICAL",
        }
    }
}

/// A standard stream that the guest writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// `stdout` or `stderr`.
    pub fn name(self) -> &'static str {
        match self {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        }
    }
}

/// How a step, a job or a blocking call came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It did what it should; a step: the task is complete.
    Done,
    /// A step only: the task waits for something.
    Pending,
    /// It failed with an error.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl Outcome {
    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Pending => "pending",
            Outcome::Failed => "failed",
            Outcome::Cancelled => "cancelled",
        }
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitStatus {
    /// By itself, with this status.
    Exited(u8),
    /// By this signal. SIGABRT also stands for a panic and a trap of WebAssembly.
    Signalled(Signal),
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExitStatus::Exited(status) => write!(f, "exited with status {status}"),
            ExitStatus::Signalled(signal) => write!(f, "died of {signal}"),
        }
    }
}

/// One thing that happened, at one moment, on one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, on the lane's own clock.
    pub at: Nanos,
    /// Where.
    pub lane: Lane,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// The loop's wait returned: one iteration begins.
    TurnBegin,
    /// The loop waits again, or has ended.
    TurnEnd,
    /// A task was created.
    TaskSpawned(TaskId),
    /// A task was cancelled: it will not be polled again.
    TaskCancelled(TaskId),
    /// The loop polls a task.
    StepBegin(TaskId),
    /// The poll returned.
    StepEnd(TaskId, Outcome),
    /// A plain callback (a handle, a signal handler) begins.
    CallbackBegin(Label),
    /// It returned.
    CallbackEnd(Label),
    /// A timer was seen by the loop; its lag is the event's time less `due`.
    TimerFired {
        /// Who waits: the task's or the callback's name.
        name: Label,
        /// When it should have fired.
        due: Nanos,
    },
    /// A signal was sent to the process.
    SignalRaised(Signal),
    /// It was already pending, so the two became one.
    SignalMerged(Signal),
    /// The loop's wait returned it.
    SignalDelivered {
        /// Which.
        signal: Signal,
        /// When it was sent (the first of those that merged).
        raised: Nanos,
    },
    /// Its handler returned; its latency is the event's time less `raised`.
    SignalHandled {
        /// Which.
        signal: Signal,
        /// When it was sent.
        raised: Nanos,
    },
    /// No handler: the process ends or ignores it.
    SignalDefault(Signal),
    /// The thread blocks in the named call.
    BlockingBegin(Label),
    /// The call returned.
    BlockingEnd(Label, Outcome),
    /// A job was given to the pool.
    JobQueued(JobId),
    /// A worker took it.
    JobStarted(JobId),
    /// The worker is done with it.
    JobFinished(JobId, Outcome),
    /// The loop saw the completion; its lag is the event's time less `finished`.
    JobDelivered {
        /// Which.
        job: JobId,
        /// When the worker was done.
        finished: Nanos,
    },
    /// A thread sent the loop a wake-up (`call_soon_threadsafe`).
    MessagePosted(u32),
    /// The loop saw it.
    MessageReceived {
        /// Which.
        message: u32,
        /// When it was sent.
        posted: Nanos,
    },
    /// The program logged something.
    Log {
        /// How bad.
        level: Level,
        /// Which logger.
        logger: Label,
        /// The message.
        text: Label,
    },
    /// A handler of the program begins to deal with a log record.
    HandlerBegin {
        /// Its name for people.
        handler: Label,
        /// The logger that the program called.
        logger: Label,
    },
    /// It returned.
    HandlerEnd {
        /// Which.
        handler: Label,
        /// The logger that the program called.
        logger: Label,
    },
    /// The runtime reported something: an index into [`Trace::diagnostics`].
    Diagnostic(u32),
    /// The program wrote a line.
    Output {
        /// To which stream.
        stream: Stream,
        /// The line without its end; bytes that are not UTF-8 replaced.
        text: Label,
        /// Whether the line was ended.
        ended: bool,
    },
    /// The process started another, of this name.
    ProcessSpawned(Label),
    /// The process, which is not the run's first, ended.
    ProcessExited {
        /// Its name.
        process: Label,
        /// How it ended.
        status: ExitStatus,
    },
    /// The process asked how a child ended, and was told.
    ProcessReaped {
        /// The child's name.
        process: Label,
        /// How it ended.
        status: ExitStatus,
    },
    /// The process made a pipe of this name.
    PipeCreated(Label),
    /// The process wrote to a pipe.
    PipeWritten {
        /// The pipe's name.
        pipe: Label,
        /// How many bytes.
        bytes: u32,
    },
    /// The process read from a pipe; no bytes are the pipe's end.
    PipeRead {
        /// The pipe's name.
        pipe: Label,
        /// How many bytes.
        bytes: u32,
    },
    /// The process closed an end of a pipe.
    PipeClosed {
        /// The pipe's name.
        pipe: Label,
        /// Whether it was the end to write to.
        writer: bool,
    },
    /// The run is over: see [`Trace::ending`].
    Ended,
}

/// What a scenario may ask its golden to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Turns of the loop.
    Turn,
    /// Steps of tasks.
    Step,
    /// Tasks created and cancelled.
    Task,
    /// Plain callbacks.
    Callback,
    /// Timers fired.
    Timer,
    /// Signals raised, merged, delivered, handled.
    Signal,
    /// Blocking calls.
    Blocking,
    /// Jobs queued, started, finished, delivered.
    Job,
    /// Messages from threads to the loop.
    Message,
    /// Log records.
    Log,
    /// Handlers of log records.
    Handler,
    /// Diagnostics of the runtime.
    Diagnostic,
    /// The same, but only their code, level and logger: for programs in several languages, which word them each
    /// in its own way.
    DiagnosticCode,
    /// Lines written.
    Output,
    /// Processes started, ended, waited for.
    Process,
    /// Pipes made, written, read, closed.
    Pipe,
    /// How the run ended.
    Exit,
}

impl Group {
    /// All of them, in the order in which they are listed for people.
    pub const ALL: [Group; 17] = [
        Group::Turn,
        Group::Step,
        Group::Task,
        Group::Callback,
        Group::Timer,
        Group::Signal,
        Group::Blocking,
        Group::Job,
        Group::Message,
        Group::Log,
        Group::Handler,
        Group::Diagnostic,
        Group::DiagnosticCode,
        Group::Output,
        Group::Process,
        Group::Pipe,
        Group::Exit,
    ];

    /// The name, as scenarios and goldens write it.
    pub fn name(self) -> &'static str {
        match self {
            Group::Turn => "turn",
            Group::Step => "step",
            Group::Task => "task",
            Group::Callback => "callback",
            Group::Timer => "timer",
            Group::Signal => "signal",
            Group::Blocking => "blocking",
            Group::Job => "job",
            Group::Message => "message",
            Group::Log => "log",
            Group::Handler => "handler",
            Group::Diagnostic => "diagnostic",
            Group::DiagnosticCode => "diagnostic-code",
            Group::Output => "output",
            Group::Process => "process",
            Group::Pipe => "pipe",
            Group::Exit => "exit",
        }
    }
}

impl EventKind {
    /// The group that a golden selects this event by; reports are also selected by
    /// [`Group::DiagnosticCode`], if not all of their text is wanted.
    pub fn group(&self) -> Group {
        use EventKind::*;
        match self {
            TurnBegin | TurnEnd => Group::Turn,
            TaskSpawned(_) | TaskCancelled(_) => Group::Task,
            StepBegin(_) | StepEnd(..) => Group::Step,
            CallbackBegin(_) | CallbackEnd(_) => Group::Callback,
            TimerFired { .. } => Group::Timer,
            SignalRaised(_)
            | SignalMerged(_)
            | SignalDelivered { .. }
            | SignalHandled { .. }
            | SignalDefault(_) => Group::Signal,
            BlockingBegin(_) | BlockingEnd(..) => Group::Blocking,
            JobQueued(_) | JobStarted(_) | JobFinished(..) | JobDelivered { .. } => Group::Job,
            MessagePosted(_) | MessageReceived { .. } => Group::Message,
            Log { .. } => Group::Log,
            HandlerBegin { .. } | HandlerEnd { .. } => Group::Handler,
            Diagnostic(_) => Group::Diagnostic,
            Output { .. } => Group::Output,
            ProcessSpawned(_) | ProcessExited { .. } | ProcessReaped { .. } => Group::Process,
            PipeCreated(_) | PipeWritten { .. } | PipeRead { .. } | PipeClosed { .. } => {
                Group::Pipe
            }
            Ended => Group::Exit,
        }
    }
}

/// A task of the event loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// As the program named it.
    pub name: Label,
    /// `file:line:column` of the spawn.
    pub place: Label,
}

/// A pool of workers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// As the program named it; the names of its workers' lanes begin with it. That of the pool that is
    /// there from the start is `default`.
    pub name: String,
    /// How many workers it has at most.
    pub workers: u16,
}

/// A job of a worker pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// As the program named it.
    pub name: Label,
    /// The pool that it was given to.
    #[serde(default)]
    pub pool: PoolId,
    /// `file:line:column` where it was given to the pool, if that is known.
    #[serde(default)]
    pub place: Option<Label>,
    /// When it was given to the pool.
    #[serde(default)]
    pub queued: Nanos,
    /// How many jobs stood before it in the queue of its pool when it came there.
    #[serde(default)]
    pub ahead: u32,
}

/// A report of the runtime about the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Stable code, such as `SLOW-1`.
    pub code: String,
    /// How bad.
    pub level: Level,
    /// The logger that says it.
    pub logger: String,
    /// What it says.
    pub text: String,
    /// Where the thing it speaks of was made.
    pub created: Option<String>,
    /// Where that thing came to its end.
    pub died: Option<String>,
}

/// What a machine may run out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// Virtual time.
    Time,
    /// Fuel: instructions executed.
    Fuel,
    /// Linear memory.
    Memory,
    /// The call stack.
    Stack,
    /// Bytes written to the standard streams.
    Output,
    /// Events recorded.
    Trace,
}

impl Limit {
    /// The scenario's key that sets it.
    pub fn key(self) -> &'static str {
        match self {
            Limit::Time => "time-limit",
            Limit::Fuel => "fuel-limit",
            Limit::Memory => "memory-limit",
            Limit::Stack => "stack-limit",
            Limit::Output => "output-limit",
            Limit::Trace => "trace-limit",
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "how")]
pub enum Ending {
    /// The process ended by itself.
    Exited {
        /// Its exit status.
        status: u8,
    },
    /// A signal without a handler ended the process.
    Signalled {
        /// Which.
        signal: Signal,
    },
    /// The program panicked.
    Panicked {
        /// The message and place.
        message: String,
        /// Where it was, innermost first.
        backtrace: Vec<String>,
    },
    /// WebAssembly trapped.
    Trapped {
        /// Why.
        reason: String,
        /// Where it was, innermost first.
        backtrace: Vec<String>,
    },
    /// Nothing could ever happen again.
    Deadlock {
        /// Who waits for what.
        waiting: Vec<String>,
    },
    /// A limit of the scenario was reached.
    LimitReached {
        /// Which.
        limit: Limit,
        /// The limit as the scenario would write it.
        allowed: String,
        /// Where the guest was, innermost first.
        backtrace: Vec<String>,
    },
    /// The guest used the sandbox in a way that has no meaning.
    Misused {
        /// What it did and what to do instead.
        reason: String,
        /// Where it was, innermost first.
        backtrace: Vec<String>,
    },
}

impl Ending {
    /// The word by which `exit` in a scenario expects this ending: a status, a signal, or a kind.
    pub fn keyword(&self) -> String {
        match self {
            Ending::Exited { status } => status.to_string(),
            Ending::Signalled { signal } => signal.name().into(),
            Ending::Panicked { .. } => "panic".into(),
            Ending::Trapped { .. } => "trap".into(),
            Ending::Deadlock { .. } => "deadlock".into(),
            Ending::LimitReached { limit, .. } => limit.key().into(),
            Ending::Misused { .. } => "misuse".into(),
        }
    }

    /// Where the guest was when it ended, if that says anything.
    pub fn backtrace(&self) -> &[String] {
        match self {
            Ending::Exited { .. } | Ending::Signalled { .. } | Ending::Deadlock { .. } => &[],
            Ending::Panicked { backtrace, .. }
            | Ending::Trapped { backtrace, .. }
            | Ending::LimitReached { backtrace, .. }
            | Ending::Misused { backtrace, .. } => backtrace,
        }
    }
}

/// One line: `exited with status 0`, `died of SIGTERM`, `panicked: ...`.
impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Exited { status } => write!(f, "exited with status {status}"),
            Ending::Signalled { signal } => write!(f, "died of {signal}"),
            Ending::Panicked { message, .. } => write!(f, "panicked: {message}"),
            Ending::Trapped { reason, .. } => write!(f, "trapped: {reason}"),
            Ending::Deadlock { .. } => f.write_str("deadlock: nothing can ever happen again"),
            Ending::LimitReached { limit, allowed, .. } => {
                write!(f, "reached {} = {allowed}", limit.key())
            }
            Ending::Misused { reason, .. } => write!(f, "misused the sandbox: {reason}"),
        }
    }
}

/// A process that another one started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its program and number, such as `cat[2]`; the names of its lanes begin with it.
    pub name: String,
    /// The first of its lanes, of its main thread. They reach up to the next process's.
    pub first_lane: Lane,
}

/// Everything that one run left behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// Names of the lanes, by [`Lane`].
    pub lanes: Vec<String>,
    /// Interned texts, by [`Label`].
    pub labels: Vec<String>,
    /// Tasks, by [`TaskId`].
    pub tasks: Vec<Task>,
    /// Pools, by [`PoolId`].
    pub pools: Vec<Pool>,
    /// Jobs, by [`JobId`].
    pub jobs: Vec<Job>,
    /// Reports of the runtime.
    pub diagnostics: Vec<Diagnostic>,
    /// Processes other than the first, in the order in which they were started.
    pub processes: Vec<Process>,
    /// What happened; in order of time within each lane.
    pub events: Vec<Event>,
    /// How it ended.
    pub ending: Ending,
    /// When it ended.
    pub finished: Nanos,
}

impl Trace {
    /// The text of a label.
    pub fn text(&self, label: Label) -> &str {
        &self.labels[label.0 as usize]
    }

    /// The name of a task.
    pub fn task_name(&self, task: TaskId) -> &str {
        self.text(self.tasks[task.0 as usize].name)
    }

    /// The name of a job.
    pub fn job_name(&self, job: JobId) -> &str {
        self.text(self.jobs[job.0 as usize].name)
    }

    /// Whether the lane is one of the run's first process, of which the checks speak.
    pub fn is_first_process(&self, lane: Lane) -> bool {
        self.processes.first().is_none_or(|process| lane < process.first_lane)
    }

    /// By lane: the main lane of the process that it belongs to.
    pub fn main_lanes(&self) -> Vec<Lane> {
        let mut begins = vec![false; self.lanes.len()];
        for process in &self.processes {
            begins[usize::from(process.first_lane.0)] = true;
        }
        let mut main = Lane::MAIN;
        let main_lane = |(lane, begins)| {
            if begins {
                main = lane;
            }
            main
        };
        (0..).map(Lane).zip(begins).map(main_lane).collect()
    }

    /// The events of the run's first process, each with its index.
    pub fn of_first_process(&self) -> impl Iterator<Item = (usize, &Event)> {
        self.events.iter().enumerate().filter(|(_, event)| self.is_first_process(event.lane))
    }

    /// The events of one lane, in order.
    pub fn on(&self, lane: Lane) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(move |event| event.lane == lane)
    }

    /// What the program wrote to a stream, as text.
    pub fn output(&self, wanted: Stream) -> String {
        let mut lines: Vec<_> = self
            .events
            .iter()
            .filter_map(|event| match event.kind {
                EventKind::Output { stream, text, ended } if stream == wanted => {
                    Some((event.at, self.text(text), ended))
                }
                _ => None,
            })
            .collect();
        // A job's events are recorded when the guest runs it, which is not when its worker did.
        lines.sort_by_key(|&(at, ..)| at);
        lines.iter().fold(String::new(), |written, &(_, text, ended)| {
            written + text + if ended { "\n" } else { "" }
        })
    }
}
