//! One trace out of those of several processes.
//!
//! Each process writes down what happens to it with ids of its own. Here they become the ids of one trace:
//! tables are put behind each other, and events are told where theirs begins.

use crate::model::{Job, Process, Task};
use crate::{Event, EventKind, JobId, Label, Lane, PoolId, TaskId, Trace};

/// How far the ids of a process's trace move.
struct Shift {
    lanes: u16,
    labels: u32,
    tasks: u32,
    pools: u16,
    jobs: u32,
    diagnostics: u32,
}

impl Trace {
    /// Adds what happened in another process of the run, which is called `name`: `cat[2]`. What the other
    /// trace says of the end of the run is left out.
    pub fn add_process(&mut self, name: &str, other: Trace) {
        let shift = Shift {
            lanes: u16::try_from(self.lanes.len()).expect("few processes of few workers"),
            labels: length(&self.labels),
            tasks: length(&self.tasks),
            pools: u16::try_from(self.pools.len()).expect("few processes of few pools"),
            jobs: length(&self.jobs),
            diagnostics: length(&self.diagnostics),
        };
        self.processes.push(Process { name: name.into(), first_lane: Lane(shift.lanes) });
        self.lanes.extend(other.lanes.iter().enumerate().map(|(index, lane)| match index {
            0 => name.to_owned(),
            _ => format!("{name} {lane}"),
        }));
        self.labels.extend(other.labels);
        self.tasks.extend(
            other
                .tasks
                .into_iter()
                .map(|task| Task { name: shift.label(task.name), place: shift.label(task.place) }),
        );
        self.pools.extend(other.pools);
        self.jobs.extend(other.jobs.into_iter().map(|job| Job {
            name: shift.label(job.name),
            pool: PoolId(job.pool.0 + shift.pools),
            place: job.place.map(|place| shift.label(place)),
            ..job
        }));
        self.diagnostics.extend(other.diagnostics);
        self.events.extend(other.events.into_iter().map(|event| shift.event(event)));
    }
}

/// Tables stay far below 2^32 entries: the trace limit bounds them.
fn length<T>(table: &[T]) -> u32 {
    u32::try_from(table.len()).expect("bounded by the trace limit")
}

impl Shift {
    fn label(&self, label: Label) -> Label {
        Label(label.0 + self.labels)
    }

    fn event(&self, Event { at, lane, kind }: Event) -> Event {
        Event { at, lane: Lane(lane.0 + self.lanes), kind: self.kind(kind) }
    }

    fn kind(&self, kind: EventKind) -> EventKind {
        use EventKind::*;
        let label = |label| self.label(label);
        let task = |task: TaskId| TaskId(task.0 + self.tasks);
        let job = |job: JobId| JobId(job.0 + self.jobs);
        match kind {
            TurnBegin
            | TurnEnd
            | SignalRaised(_)
            | SignalMerged(_)
            | SignalDelivered { .. }
            | SignalHandled { .. }
            | SignalDefault(_)
            | MessagePosted(_)
            | MessageReceived { .. }
            | Ended => kind,
            TaskSpawned(id) => TaskSpawned(task(id)),
            TaskCancelled(id) => TaskCancelled(task(id)),
            StepBegin(id) => StepBegin(task(id)),
            StepEnd(id, outcome) => StepEnd(task(id), outcome),
            CallbackBegin(name) => CallbackBegin(label(name)),
            CallbackEnd(name) => CallbackEnd(label(name)),
            TimerFired { name, due } => TimerFired { name: label(name), due },
            BlockingBegin(name) => BlockingBegin(label(name)),
            BlockingEnd(name, outcome) => BlockingEnd(label(name), outcome),
            JobQueued(id) => JobQueued(job(id)),
            JobStarted(id) => JobStarted(job(id)),
            JobFinished(id, outcome) => JobFinished(job(id), outcome),
            JobDelivered { job: id, finished } => JobDelivered { job: job(id), finished },
            Log { level, logger, text } => Log { level, logger: label(logger), text: label(text) },
            HandlerBegin { handler, logger } => {
                HandlerBegin { handler: label(handler), logger: label(logger) }
            }
            HandlerEnd { handler, logger } => {
                HandlerEnd { handler: label(handler), logger: label(logger) }
            }
            Diagnostic(index) => Diagnostic(index + self.diagnostics),
            Output { stream, text, ended } => Output { stream, text: label(text), ended },
            ProcessSpawned(process) => ProcessSpawned(label(process)),
            ProcessExited { process, status } => ProcessExited { process: label(process), status },
            ProcessReaped { process, status } => ProcessReaped { process: label(process), status },
            PipeCreated(pipe) => PipeCreated(label(pipe)),
            PipeWritten { pipe, bytes } => PipeWritten { pipe: label(pipe), bytes },
            PipeRead { pipe, bytes } => PipeRead { pipe: label(pipe), bytes },
            PipeClosed { pipe, writer } => PipeClosed { pipe: label(pipe), writer },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{one_of_everything, stored};
    use crate::{golden, store};

    #[test]
    fn a_process_keeps_its_events_under_new_ids() {
        let mut both = one_of_everything();
        both.add_process("cat[2]", one_of_everything());
        assert_eq!(
            both.lanes[4..],
            ["cat[2]", "cat[2] signals", "cat[2] worker-1", "cat[2] worker-2"]
        );
        assert!(both.is_first_process(Lane(3)) && !both.is_first_process(Lane(4)));
        let groups = crate::Group::ALL.into_iter().collect();
        let lines = |trace: &Trace, from: u16| -> Vec<String> {
            let mut part = trace.clone();
            part.events.retain(|event| (from..from + 4).contains(&event.lane.0));
            let golden = golden::render(&part, &groups, crate::Nanos(1));
            golden.lines().filter(|line| line.starts_with(' ')).map(ToOwned::to_owned).collect()
        };
        assert_eq!(lines(&both, 0), lines(&both, 4));
        let read = store::read(stored(&both).as_bytes()).expect("all ids are in their tables");
        assert_eq!(read, both);
    }
}
