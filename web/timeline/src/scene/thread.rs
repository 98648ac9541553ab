//! Lanes of threads: the loop with its turns, a worker with its jobs, and what goes on in them.
//!
//! What begins inside something else lies one row below it and ends with it at the latest.

use loopbox_trace::{EventKind, JobId, Label, Nanos, TaskId, Trace};

use super::names::Names;
use super::{Look, Row, Slice};

/// Deeper than this nothing is shown: nobody could see it, and a hostile trace nests without end.
const ROWS_MAX: usize = 16;

/// What a thread can be busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Turn,
    Job(JobId),
    Step(TaskId),
    Callback(Label),
    Handler(Label, Label),
    Blocking(Label),
}

/// What an event says about what its thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Begins(Doing),
    Ends(Doing),
}

impl Change {
    /// What this kind of event says, if it says anything of that kind.
    pub(super) fn of(kind: EventKind) -> Option<Change> {
        use Change::{Begins, Ends};
        Some(match kind {
            EventKind::TurnBegin => Begins(Doing::Turn),
            EventKind::TurnEnd => Ends(Doing::Turn),
            EventKind::JobStarted(job) => Begins(Doing::Job(job)),
            EventKind::JobFinished(job, _) => Ends(Doing::Job(job)),
            EventKind::StepBegin(task) => Begins(Doing::Step(task)),
            EventKind::StepEnd(task, _) => Ends(Doing::Step(task)),
            EventKind::CallbackBegin(name) => Begins(Doing::Callback(name)),
            EventKind::CallbackEnd(name) => Ends(Doing::Callback(name)),
            EventKind::HandlerBegin { handler, logger } => Begins(Doing::Handler(handler, logger)),
            EventKind::HandlerEnd { handler, logger } => Ends(Doing::Handler(handler, logger)),
            EventKind::BlockingBegin(name) => Begins(Doing::Blocking(name)),
            EventKind::BlockingEnd(name, _) => Ends(Doing::Blocking(name)),
            _ => return None,
        })
    }
}

/// A lane that is being made.
pub(super) struct Thread {
    /// Whether it runs an event loop; otherwise it is a worker.
    is_loop: bool,
    /// A turn that is longer is a stall.
    budget: Option<Nanos>,
    rows: Vec<Row>,
    /// What goes on, outermost first.
    open: Vec<Open>,
    /// What handlers of log records did.
    handlers: Vec<Slice>,
    /// Whether it had a turn.
    has_turns: bool,
    /// The clock: it never goes back, whatever the trace says.
    now: Nanos,
}

/// Something that goes on.
struct Open {
    doing: Doing,
    begin: Nanos,
    name: u32,
    event: u32,
    /// Its row and its index there, unless it is too deep.
    slice: Option<(usize, u32)>,
}

impl Thread {
    pub(super) fn new(is_loop: bool, budget: Option<Nanos>) -> Thread {
        let (rows, open, handlers) = (Vec::new(), Vec::new(), Vec::new());
        Thread { is_loop, budget, rows, open, handlers, has_turns: false, now: Nanos::ZERO }
    }

    /// Takes note of an event of this thread.
    pub(super) fn change(
        &mut self,
        trace: &Trace,
        names: &mut Names,
        at: Nanos,
        index: u32,
        change: Change,
    ) {
        self.now = self.now.max(at);
        match change {
            Change::Begins(doing) => {
                if self.is_outermost(doing) {
                    self.close_from(0);
                }
                let name = match doing {
                    Doing::Turn => names.text("turn"),
                    Doing::Job(job) => names.label(trace, trace.jobs[job.0 as usize].name),
                    Doing::Step(task) => names.label(trace, trace.tasks[task.0 as usize].name),
                    Doing::Callback(name) | Doing::Handler(name, _) | Doing::Blocking(name) => {
                        names.label(trace, name)
                    }
                };
                self.begin(doing, name, index);
            }
            Change::Ends(doing) => {
                if let Some(position) = self.open.iter().rposition(|open| open.doing == doing) {
                    self.close_from(position);
                }
            }
        }
    }

    /// The process ends: a mark on the loop, and what goes on ends with it.
    pub(super) fn end_of_process(&mut self, at: Nanos, name: u32, index: u32) {
        self.now = self.now.max(at);
        self.close_from(0);
        let now = self.now;
        self.row(0).push(Slice { begin: now, end: now, name, look: Look::End, event: index });
    }

    /// The rows that have something, the outermost first, and what handlers of log records did. What goes on
    /// ends then.
    pub(super) fn into_rows(mut self, end: Nanos) -> (Vec<Row>, Vec<Slice>) {
        self.now = self.now.max(end);
        self.close_from(0);
        self.rows.retain(|row| !row.is_empty());
        self.rows.iter_mut().for_each(Row::seal);
        (self.rows, self.handlers)
    }

    /// Whether it had a turn: a program may have no loop at all.
    pub(super) fn has_turns(&self) -> bool {
        self.has_turns
    }

    /// Nothing waits for this thread, so it may block.
    pub(super) fn may_block(&mut self) {
        self.is_loop = false;
        self.rows
            .iter_mut()
            .for_each(|row| row.look_instead(Look::BlockingOnLoop, Look::BlockingInPool));
    }

    fn begin(&mut self, doing: Doing, name: u32, index: u32) {
        self.has_turns |= doing == Doing::Turn;
        let around = self.open.iter().filter(|open| !self.is_outermost(open.doing)).count();
        let row = if self.is_outermost(doing) { 0 } else { around + 1 };
        let now = self.now;
        let look = self.look(doing, Nanos::ZERO);
        let slice = (row < ROWS_MAX).then(|| (row, self.row(row).open(now, name, look, index)));
        self.open.push(Open { doing, begin: now, name, event: index, slice });
    }

    fn close_from(&mut self, position: usize) {
        while self.open.len() > position {
            let open = self.open.pop().expect("it is longer than the position");
            let (end, look) = (self.now, self.look(open.doing, self.now - open.begin));
            if let Some((row, index)) = open.slice {
                self.rows[row].close(index, end, look);
            }
            if let Open { doing: Doing::Handler(..), begin, name, event, .. } = open {
                self.handlers.push(Slice { begin, end, name, look: Look::Log, event });
            }
        }
    }

    /// Turns and jobs are in nothing else.
    fn is_outermost(&self, doing: Doing) -> bool {
        matches!(doing, Doing::Turn | Doing::Job(_))
    }

    fn look(&self, doing: Doing, length: Nanos) -> Look {
        match doing {
            Doing::Turn if self.budget.is_some_and(|budget| length > budget) => Look::Stall,
            Doing::Turn => Look::Turn,
            Doing::Job(_) => Look::Job,
            Doing::Step(_) => Look::Step,
            Doing::Callback(_) | Doing::Handler(..) => Look::Callback,
            Doing::Blocking(_) if self.is_loop => Look::BlockingOnLoop,
            Doing::Blocking(_) => Look::BlockingInPool,
        }
    }

    fn row(&mut self, row: usize) -> &mut Row {
        if self.rows.len() <= row {
            self.rows.resize_with(row + 1, Row::default);
        }
        &mut self.rows[row]
    }
}
