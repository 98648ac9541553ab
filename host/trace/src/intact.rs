//! Whether a trace that was read speaks only of what it has.
//!
//! Both readers, [`crate::store`]'s and [`crate::columns`]', ask here, so the accessors of a [`Trace`] do not
//! panic, whoever wrote the bytes.

use crate::{Event, EventKind, Label, Trace};

/// Something is spoken of that is in no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no {what} {index}, only {count} of them")]
pub struct Missing {
    /// The kind of thing.
    pub what: &'static str,
    /// Its index, counted from 0.
    pub index: usize,
    /// How many there are.
    pub count: usize,
}

/// What the tables of the trace speak of exists.
pub(crate) fn check_tables(trace: &Trace) -> Result<(), Missing> {
    let task_labels = trace.tasks.iter().flat_map(|task| [task.name, task.place]);
    let job_labels = trace.jobs.iter().flat_map(|job| job.place.into_iter().chain([job.name]));
    for label in task_labels.chain(job_labels) {
        in_range("label", label.0, trace.labels.len())?;
    }
    for job in &trace.jobs {
        in_range("pool", job.pool.0.into(), trace.pools.len())?;
    }
    for process in &trace.processes {
        in_range("lane", process.first_lane.0.into(), trace.lanes.len())?;
    }
    Ok(())
}

/// What the event speaks of exists.
pub(crate) fn check_event(trace: &Trace, event: &Event) -> Result<(), Missing> {
    use EventKind::*;
    in_range("lane", event.lane.0.into(), trace.lanes.len())?;
    let label = |label: Label| in_range("label", label.0, trace.labels.len());
    match event.kind {
        TurnBegin
        | TurnEnd
        | SignalRaised(_)
        | SignalMerged(_)
        | SignalDelivered { .. }
        | SignalHandled { .. }
        | SignalDefault(_)
        | MessagePosted(_)
        | MessageReceived { .. }
        | Ended => Ok(()),
        TaskSpawned(task) | TaskCancelled(task) | StepBegin(task) | StepEnd(task, _) => {
            in_range("task", task.0, trace.tasks.len())
        }
        CallbackBegin(name) | CallbackEnd(name) | BlockingBegin(name) | BlockingEnd(name, _) => {
            label(name)
        }
        TimerFired { name, .. } => label(name),
        JobQueued(job) | JobStarted(job) | JobFinished(job, _) | JobDelivered { job, .. } => {
            in_range("job", job.0, trace.jobs.len())
        }
        Log { logger, text, .. } => label(logger).and(label(text)),
        HandlerBegin { handler, logger } | HandlerEnd { handler, logger } => {
            label(handler).and(label(logger))
        }
        Diagnostic(index) => in_range("diagnostic", index, trace.diagnostics.len()),
        Output { text, .. } => label(text),
        ProcessSpawned(name)
        | ProcessExited { process: name, .. }
        | ProcessReaped { process: name, .. }
        | PipeCreated(name)
        | PipeWritten { pipe: name, .. }
        | PipeRead { pipe: name, .. }
        | PipeClosed { pipe: name, .. } => label(name),
    }
}

fn in_range(what: &'static str, index: u32, count: usize) -> Result<(), Missing> {
    let index = index as usize;
    if index < count { Ok(()) } else { Err(Missing { what, index, count }) }
}
