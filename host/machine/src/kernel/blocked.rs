//! Reports of what blocks the loop, which CPython has no way to see.
//!
//! `BLOCK`: one call blocked a turn of the loop for at least `slow_callback_duration`: a sleep, a read of a file, a
//! call that the program named. `SLOW-7`: a handler of the program's log records did, whatever it did; its calls are
//! not reported once more. Both work without debug mode, because nothing is measured for them that is not
//! recorded anyway.
//!
//! A report needs a turn: what blocks before the loop runs, or on a worker, harms nobody. A call that takes no time
//! is not reported, whatever the threshold.
//!
//! Reports are diagnostics in the trace, with the place where the task was created, and lines on standard error, as if
//! the program's runtime had printed them.

use loopbox_trace::measure::describe_call;
use loopbox_trace::{Diagnostic, EventKind, Label, Lane, Level, Nanos, Stream};

use super::{Halt, Kernel};

/// The logger of reports that CPython does not have.
const LOGGER: &str = "loopbox";

/// What is reported, and what it would be blamed on.
#[derive(Debug)]
pub(super) struct Blocked {
    /// From this duration on.
    threshold: Nanos,
    /// The callback that runs.
    pub(super) in_callback: Option<Label>,
    /// The handlers that deal with log records now, innermost last.
    handlers: Vec<Handling>,
}

impl Default for Blocked {
    fn default() -> Blocked {
        Blocked { threshold: Nanos::from_millis(100), in_callback: None, handlers: Vec::new() }
    }
}

/// A handler that deals with a log record.
#[derive(Clone, Copy, Debug)]
struct Handling {
    handler: Label,
    logger: Label,
    lane: Lane,
    began: Nanos,
}

impl Kernel {
    /// What counts as slow: asyncio's `slow_callback_duration`.
    pub(crate) fn set_slow_callback_duration(&mut self, duration: Nanos) {
        self.blocked.threshold = duration;
    }

    /// A handler of the program begins to deal with a log record.
    pub(crate) fn begin_handler(&mut self, handler: Label, logger: Label) {
        if self.recorder.traced() {
            let (lane, began) = (self.lane(), self.now());
            self.blocked.handlers.push(Handling { handler, logger, lane, began });
            self.record(EventKind::HandlerBegin { handler, logger });
        }
    }

    /// The innermost handler is done.
    pub(crate) fn end_handler(&mut self) -> Result<(), Halt> {
        let Some(Handling { handler, logger, began, .. }) = self.blocked.handlers.pop() else {
            return if self.recorder.traced() {
                Err(Halt::Misuse("a log handler was ended, but none was begun".into()))
            } else {
                Ok(())
            };
        };
        // Found before the end of the handler hides what it was about.
        let record = self.recorder.last_logged(self.lane());
        let about = record.map(|(level, logger, text)| (level, logger.to_owned(), text.to_owned()));
        self.record(EventKind::HandlerEnd { handler, logger });
        // Of handlers inside each other the outermost is reported.
        if self.is_slow(began) && !self.is_handling() {
            self.report_handler(handler, about, began);
        }
        Ok(())
    }

    fn report_handler(
        &mut self,
        handler: Label,
        about: Option<(Level, String, String)>,
        began: Nanos,
    ) {
        let what = match about {
            Some((level, logger, text)) => {
                format!("{} '{text}' of logger '{logger}'", level.name())
            }
            None => "a record".to_owned(),
        };
        let handler = self.recorder.text(handler).unwrap_or("?");
        let text = format!(
            "Log handler blocked the event loop for {} seconds: <{handler}> with {what}, logged{}",
            seconds(self.now() - began),
            self.where_it_runs()
        );
        self.report_blocked("SLOW-7", text);
    }

    /// A call has blocked the calling thread since `began`.
    pub(super) fn report_call(&mut self, name: &str, began: Nanos) {
        if !self.is_slow(began) || self.is_handling() {
            return;
        }
        let text = format!(
            "Blocking call on the event loop took {} seconds: {}{}",
            seconds(self.now() - began),
            describe_call(name),
            self.where_it_runs()
        );
        self.report_blocked("BLOCK", text);
    }

    /// Whether a turn of the loop has lost too much time since then.
    fn is_slow(&self, began: Nanos) -> bool {
        let took = self.now() - began;
        self.in_turn
            && self.lane() == Lane::MAIN
            && took > Nanos::ZERO
            && took >= self.blocked.threshold
    }

    /// Whether the calling thread is inside of a log handler.
    fn is_handling(&self) -> bool {
        self.blocked.handlers.iter().any(|handling| handling.lane == self.lane())
    }

    /// The step or callback that runs, in words.
    fn where_it_runs(&self) -> String {
        if let Some((name, _)) = self.in_step.and_then(|task| self.recorder.task(task)) {
            return format!(" in a step of task '{name}'");
        }
        match self.blocked.in_callback.and_then(|name| self.recorder.text(name)) {
            Some(name) => format!(" in callback '{name}'"),
            None => String::new(),
        }
    }

    fn report_blocked(&mut self, code: &str, text: String) {
        if !self.recorder.traced() || !self.config.wants(code) {
            return;
        }
        let task = self.in_step.and_then(|task| self.recorder.task(task));
        let created = task.map(|(_, place)| place.to_owned());
        let line = format!("{text}\n");
        self.diagnostic(Diagnostic {
            code: code.into(),
            level: Level::Warning,
            logger: LOGGER.into(),
            text,
            created,
            died: None,
        });
        // Too much output is noted, and ends the run at the next look.
        self.recorder.output(self.now(), self.lane(), Stream::Stderr, line.as_bytes());
    }
}

/// Like Python's `%.3f`.
fn seconds(nanos: Nanos) -> String {
    let millis = nanos.0.saturating_add(500_000) / 1_000_000;
    format!("{}.{:03}", millis / 1000, millis % 1000)
}
