//! What an event is called in Chrome's form, and what more is said of it.

use serde_json::{Map, Value};

use crate::measure::describe_call;
use crate::text::{one_line, report};
use crate::{Event, EventKind, Label, Nanos, Trace};

/// Name and arguments of an event.
pub(super) struct Description {
    pub(super) name: String,
    pub(super) args: Map<String, Value>,
}

impl Description {
    fn new(name: String) -> Description {
        Description { name, args: Map::new() }
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Description {
        self.args.insert(name.into(), value.into());
        self
    }

    fn with_text(self, name: &str, text: &str) -> Description {
        self.with(name, report(text))
    }

    /// A moment, exactly.
    fn with_time(self, name: &str, time: Nanos) -> Description {
        self.with(&format!("{name}_ns"), time.0)
    }
}

/// What is written of an event; `None` for those that end something, which says it itself. `end` is the event that
/// ended what this one began.
pub(super) fn event(trace: &Trace, event: &Event, end: Option<usize>) -> Option<Description> {
    use EventKind::*;
    let new = Description::new;
    let label = |label: Label| one_line(trace.text(label));
    let described = match event.kind {
        TurnEnd | StepEnd(..) | CallbackEnd(_) | BlockingEnd(..) | HandlerEnd { .. } => {
            return None;
        }
        TurnBegin => new("turn".into()),
        TaskSpawned(task) => {
            let of_task = trace.tasks[task.0 as usize];
            new(format!("spawn {}", label(of_task.name)))
                .with_text("place", trace.text(of_task.place))
        }
        TaskCancelled(task) => new(format!("cancel {}", one_line(trace.task_name(task)))),
        StepBegin(task) => {
            let of_task = trace.tasks[task.0 as usize];
            new(label(of_task.name))
                .with("task", task.0)
                .with_text("place", trace.text(of_task.place))
        }
        CallbackBegin(name) => new(label(name)),
        TimerFired { name, due } => new(format!("timer {}", label(name)))
            .with_time("due", due)
            .with_time("lag", event.at - due),
        SignalRaised(signal) => new(format!("{signal} raised")),
        SignalMerged(signal) => new(format!("{signal} merged with the pending one")),
        SignalDefault(signal) => new(format!("{signal} takes its default action")),
        SignalDelivered { signal, raised } => new(format!("{signal} delivered"))
            .with_time("raised", raised)
            .with_time("lag", event.at - raised),
        SignalHandled { signal, raised } => new(format!("{signal} handled"))
            .with_time("raised", raised)
            .with_time("latency", event.at - raised),
        BlockingBegin(name) => new(describe_call(trace.text(name))),
        JobQueued(job) => {
            let of_job = trace.jobs[job.0 as usize];
            let pool = &trace.pools[usize::from(of_job.pool.0)];
            let described = new(format!("submit {}", label(of_job.name)))
                .with("job", job.0)
                .with_text("pool", &pool.name)
                .with("ahead", of_job.ahead);
            match of_job.place {
                Some(place) => described.with_text("place", trace.text(place)),
                None => described,
            }
        }
        JobStarted(job) => {
            let of_job = trace.jobs[job.0 as usize];
            new(label(of_job.name)).with("job", job.0).with_time("waited", event.at - of_job.queued)
        }
        JobFinished(job, outcome) => new(format!("{} finished", one_line(trace.job_name(job))))
            .with("job", job.0)
            .with("outcome", outcome.name()),
        JobDelivered { job, finished } => {
            new(format!("{} delivered", one_line(trace.job_name(job))))
                .with("job", job.0)
                .with_time("finished", finished)
                .with_time("lag", event.at - finished)
        }
        MessagePosted(message) => new("message posted".into()).with("message", message),
        MessageReceived { message, posted } => new("message received".into())
            .with("message", message)
            .with_time("posted", posted)
            .with_time("lag", event.at - posted),
        Log { level, logger, text } => {
            new(format!("{} {}", level.name(), label(logger))).with_text("text", trace.text(text))
        }
        HandlerBegin { handler, logger } => {
            new(format!("log handler {}", label(handler))).with_text("logger", trace.text(logger))
        }
        Diagnostic(index) => {
            let diagnostic = &trace.diagnostics[index as usize];
            let mut described = new(one_line(&diagnostic.code))
                .with("level", diagnostic.level.name())
                .with_text("logger", &diagnostic.logger)
                .with_text("text", &diagnostic.text);
            for (what, place) in [("created", &diagnostic.created), ("ended", &diagnostic.died)] {
                if let Some(place) = place {
                    described = described.with_text(what, place);
                }
            }
            described
        }
        Output { stream, text, .. } => {
            new(format!("line on {}", stream.name())).with_text("text", trace.text(text))
        }
        ProcessSpawned(process) => new(format!("start {}", label(process))),
        ProcessExited { process, status } => new(format!("{} {status}", label(process))),
        ProcessReaped { process, status } => {
            new(format!("waited for {}: it {status}", label(process)))
        }
        PipeCreated(pipe) => new(format!("pipe {} made", label(pipe))),
        PipeWritten { pipe, bytes } => {
            new(format!("pipe {} written", label(pipe))).with("bytes", bytes)
        }
        PipeRead { pipe, bytes } => new(format!("pipe {} read", label(pipe))).with("bytes", bytes),
        PipeClosed { pipe, writer } => {
            let end = if writer { "writing" } else { "reading" };
            new(format!("pipe {}: {end} end closed", label(pipe)))
        }
        Ended => {
            let ending = trace.ending.to_string();
            new(one_line(ending.lines().next().unwrap_or_default())).with_text("ending", &ending)
        }
    };
    let outcome = end.and_then(|end| match trace.events[end].kind {
        StepEnd(_, outcome) | BlockingEnd(_, outcome) | JobFinished(_, outcome) => Some(outcome),
        _ => None,
    });
    Some(match outcome {
        Some(outcome) => described.with("outcome", outcome.name()),
        None => described,
    })
}
