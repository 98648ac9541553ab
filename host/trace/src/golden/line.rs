//! One event as a line of a golden.
//!
//! A line is a time, a text, and for some events the earlier time that they refer to (when a timer was
//! due, when a signal was raised). Both times are compared within the tolerance, so the second one always
//! ends the line and is not part of the text.

use crate::text::{one_line, report as report_text, without_lines, without_times};
use crate::{Ending, Event, EventKind, Nanos, Trace};

/// Words before the second time of a line.
const SINCE_WORDS: [&str; 5] = [", due", ", raised", ", finished", ", posted", ", queued"];

/// First words of the lines that can have a second time. No line that begins with one of these ends in a
/// text of the guest, so such a text is never mistaken for a time.
const SINCE_SUBJECTS: [&str; 4] = ["timer ", "signal ", "job ", "message "];

/// An event, as a golden holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it happened.
    pub at: Nanos,
    /// What happened, without times. One line, whatever the guest's texts are.
    pub text: String,
    /// The earlier time that it refers to; the text ends with a word that says which, such as `due`.
    pub since: Option<Nanos>,
}

impl Line {
    pub(super) fn of(trace: &Trace, event: &Event, version: u32) -> Line {
        let (text, since) = match describe(trace, event.kind) {
            // Version 1 says nothing of a job's time in the queue.
            _ if version == 1
                && let EventKind::JobStarted(job) = event.kind =>
            {
                (format!("job {} started", one_line(trace.job_name(job))), None)
            }
            described => described,
        };
        Line { at: event.at, text, since }
    }

    /// A report without its text.
    pub(super) fn of_code(trace: &Trace, event: &Event) -> Line {
        let EventKind::Diagnostic(index) = event.kind else {
            unreachable!("only reports have a code")
        };
        Line { at: event.at, text: report_head(trace, index), since: None }
    }

    /// The line as it stands in the file, times rounded.
    pub(super) fn show(&self, form: &TimeForm) -> String {
        let mut shown =
            format!("{:>width$}  {}", form.show(self.at), self.text, width = form.width);
        if let Some(since) = self.since {
            shown.push(' ');
            shown.push_str(&form.show(since));
        }
        shown
    }

    /// Reads what [`Line::show`] wrote.
    pub(super) fn parse(shown: &str) -> Result<Line, String> {
        let parsed = shown.trim_start().split_once("  ").and_then(|(at, text)| {
            let at = at.parse::<Nanos>().ok()?;
            let (text, since) = split_since(text);
            Some(Line { at, text: text.into(), since })
        });
        parsed.ok_or_else(|| format!("neither a lane nor an event: `{}`", one_line(shown)))
    }

    /// How far apart the times of two lines with one text are; the larger difference counts.
    pub(crate) fn time_apart(&self, other: &Line) -> Nanos {
        let since = match (self.since, other.since) {
            (Some(here), Some(there)) => here.abs_diff(there),
            _ => Nanos::ZERO,
        };
        self.at.abs_diff(other.at).max(since)
    }

    /// What must be the same in two lines, apart from times.
    pub(crate) fn key(&self) -> (&str, bool) {
        (&self.text, self.since.is_some())
    }
}

/// Takes the second time off the end of a line's text.
fn split_since(text: &str) -> (&str, Option<Nanos>) {
    let split = text.rsplit_once(' ').and_then(|(before, last)| {
        let ours = SINCE_SUBJECTS.iter().any(|subject| text.starts_with(subject))
            && SINCE_WORDS.iter().any(|word| before.ends_with(word));
        Some((before, last.parse::<Nanos>().ok().filter(|_| ours)?))
    });
    match split {
        Some((before, since)) => (before, Some(since)),
        None => (text, None),
    }
}

/// How the times of one golden are written: all in one unit, so that the column can be read.
pub(super) struct TimeForm {
    tolerance: Nanos,
    unit: &'static str,
    unit_nanos: u64,
    /// Of the column; fits an hour.
    width: usize,
}

impl TimeForm {
    /// The largest unit in which multiples of the tolerance are whole numbers.
    pub(super) fn of(tolerance: Nanos) -> TimeForm {
        let (unit, unit_nanos, width) =
            [("s", 1_000_000_000, 8), ("ms", 1_000_000, 10), ("us", 1_000, 13)]
                .into_iter()
                .find(|(_, nanos, _)| tolerance.0 != 0 && tolerance.0.is_multiple_of(*nanos))
                .unwrap_or(("ns", 1, 16));
        TimeForm { tolerance, unit, unit_nanos, width }
    }

    pub(super) fn show(&self, time: Nanos) -> String {
        format!("{}{}", time.round_to(self.tolerance).0 / self.unit_nanos, self.unit)
    }
}

/// The text of an event without times, and its second time.
fn describe(trace: &Trace, kind: EventKind) -> (String, Option<Nanos>) {
    use EventKind::*;
    let label = |label| one_line(trace.text(label));
    let task = |task| one_line(trace.task_name(task));
    let job = |job| one_line(trace.job_name(job));
    let text = match kind {
        TurnBegin => "turn begins".into(),
        TurnEnd => "turn ends".into(),
        TaskSpawned(id) => format!("task {} spawned", task(id)),
        TaskCancelled(id) => format!("task {} cancelled", task(id)),
        StepBegin(id) => format!("step {} begins", task(id)),
        StepEnd(id, outcome) => format!("step {} ends, {}", task(id), outcome.name()),
        CallbackBegin(name) => format!("callback {} begins", label(name)),
        CallbackEnd(name) => format!("callback {} ends", label(name)),
        TimerFired { name, due } => {
            return (format!("timer {} fired, due", label(name)), Some(due));
        }
        SignalRaised(signal) => format!("signal {signal} raised"),
        SignalMerged(signal) => format!("signal {signal} merged with the pending one"),
        SignalDelivered { signal, raised } => {
            return (format!("signal {signal} delivered, raised"), Some(raised));
        }
        SignalHandled { signal, raised } => {
            return (format!("signal {signal} handled, raised"), Some(raised));
        }
        SignalDefault(signal) => format!("signal {signal} takes its default action"),
        BlockingBegin(name) => format!("blocking {} begins", label(name)),
        BlockingEnd(name, outcome) => {
            format!("blocking {} ends, {}", label(name), outcome.name())
        }
        JobQueued(id) => format!("job {} queued", job(id)),
        JobStarted(id) => {
            let of_job = &trace.jobs[id.0 as usize];
            let ahead = match of_job.ahead {
                0 => String::new(),
                ahead => format!(", {ahead} ahead"),
            };
            return (format!("job {} started{ahead}, queued", job(id)), Some(of_job.queued));
        }
        JobFinished(id, outcome) => format!("job {} finished, {}", job(id), outcome.name()),
        JobDelivered { job: id, finished } => {
            return (format!("job {} delivered, finished", job(id)), Some(finished));
        }
        MessagePosted(_) => "message posted".into(),
        MessageReceived { posted, .. } => {
            return ("message received, posted".into(), Some(posted));
        }
        Log { level, logger, text } => {
            ending_in(format!("log {} {}:", level.name(), label(logger)), trace.text(text))
        }
        HandlerBegin { handler, logger } => {
            format!("handler {} of {} begins", label(handler), label(logger))
        }
        HandlerEnd { handler, logger } => {
            format!("handler {} of {} ends", label(handler), label(logger))
        }
        Diagnostic(index) => {
            let report = &trace.diagnostics[index as usize];
            let head = report_head(trace, index);
            // Whole, but without what changes with every edit of the guest or every compiler.
            format!("{head}: {}", report_text(&without_times(&without_lines(&report.text))))
        }
        Output { stream, text, ended } => {
            let not_ended = if ended { "" } else { ", not ended" };
            ending_in(format!("output {}{not_ended}:", stream.name()), trace.text(text))
        }
        ProcessSpawned(process) => format!("process {} started", label(process)),
        ProcessExited { process, status } => format!("process {} {status}", label(process)),
        ProcessReaped { process, status } => {
            format!("process {} waited for: it {status}", label(process))
        }
        PipeCreated(pipe) => format!("pipe {} made", label(pipe)),
        PipeWritten { pipe, bytes } => format!("pipe {}: {bytes} bytes written", label(pipe)),
        PipeRead { pipe, bytes: 0 } => format!("pipe {}: its end is read", label(pipe)),
        PipeRead { pipe, bytes } => format!("pipe {}: {bytes} bytes read", label(pipe)),
        PipeClosed { pipe, writer } => {
            let end = if writer { "writing" } else { "reading" };
            format!("pipe {}: {end} end closed", label(pipe))
        }
        Ended => ending_text(&trace.ending),
    };
    (text, None)
}

/// What a report is, without what it says.
fn report_head(trace: &Trace, index: u32) -> String {
    let report = &trace.diagnostics[index as usize];
    let (code, logger) = (one_line(&report.code), one_line(&report.logger));
    format!("diagnostic {code} {} {logger}", report.level.name())
}

/// A line that ends in a text of the guest. No line ends in a space.
fn ending_in(head: String, text: &str) -> String {
    if text.is_empty() { head } else { format!("{head} {}", one_line(text)) }
}

/// How the run ended, in one line without places.
fn ending_text(ending: &Ending) -> String {
    match ending {
        Ending::Panicked { message, .. } => ending_in("panicked:".into(), panic_message(message)),
        other => one_line(other.to_string().lines().next().unwrap_or_default()),
    }
}

/// The first line of a panic's message, without the place of the panic: that changes with every edit.
fn panic_message(message: &str) -> &str {
    let mut lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    // Rust's own form puts the place into a line of its own: `thread 'main' panicked at a.rs:1:2:`.
    if let Some((_, place)) = first.split_once("panicked at ")
        && is_place(place.trim_end_matches(':'))
    {
        return lines.next().unwrap_or_default();
    }
    // And others put it behind the message: `boom, a.rs:1:2`, `boom at a.rs:1:2`, `boom (a.rs:1:2)`.
    match first.rsplit_once(' ') {
        Some((before, last)) if is_place(last.trim_matches(['(', ')'])) => {
            before.strip_suffix(" at").unwrap_or(before).trim_end_matches([',', ':'])
        }
        _ => first,
    }
}

/// `file:line:column`
fn is_place(text: &str) -> bool {
    let number = |part: Option<&str>| {
        part.is_some_and(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut parts = text.rsplitn(3, ':');
    number(parts.next()) && number(parts.next()) && parts.next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limit, Signal};

    #[test]
    fn times_share_a_unit_that_fits_the_tolerance() {
        for (tolerance, time, shown) in [
            (1_000_000, 1_499_999, "1ms"),
            (1_000_000, 1_500_000, "2ms"),
            (10_000_000, 1_234_000_000, "1230ms"),
            (1_500_000, 3_000_000, "3000us"),
            (2_000_000_000, 5_000_000_000, "6s"),
            (7, 22, "21ns"),
            (0, 22, "22ns"),
        ] {
            assert_eq!(TimeForm::of(Nanos(tolerance)).show(Nanos(time)), shown);
        }
    }

    #[test]
    fn endings_are_one_line_without_places() {
        let panicked = |message: &str| Ending::Panicked {
            message: message.into(),
            backtrace: vec!["main (a.rs:1:1)".into()],
        };
        for (ending, text) in [
            (Ending::Exited { status: 3 }, "exited with status 3"),
            (Ending::Signalled { signal: Signal::SIGTERM }, "died of SIGTERM"),
            (panicked("boom (src/a.rs:1:2)"), "panicked: boom"),
            (panicked("boom at src/a.rs:1:2\nmore"), "panicked: boom"),
            (panicked("boom, src/a.rs:1:2"), "panicked: boom"),
            (
                panicked("\nthread 'main' (1) panicked at src/a.rs:1:2:\nboom\nnote"),
                "panicked: boom",
            ),
            (panicked("thread 'main' panicked at src/a.rs:1:2:"), "panicked:"),
            (panicked("no place: 1:2"), "panicked: no place: 1:2"),
            (panicked(""), "panicked:"),
            (
                Ending::Deadlock { waiting: vec!["main waits".into()] },
                "deadlock: nothing can ever happen again",
            ),
            (
                Ending::LimitReached {
                    limit: Limit::Time,
                    allowed: "60s".into(),
                    backtrace: Vec::new(),
                },
                "reached time-limit = 60s",
            ),
            (
                Ending::Trapped { reason: "unreachable\nat x".into(), backtrace: Vec::new() },
                "trapped: unreachable",
            ),
        ] {
            assert_eq!(ending_text(&ending), text);
        }
    }

    #[test]
    fn the_second_time_is_found_only_where_it_can_be() {
        for (text, split) in [
            ("timer x fired, due 5ms", ("timer x fired, due", Some(Nanos::from_millis(5)))),
            ("job a, due 5ms queued", ("job a, due 5ms queued", None)),
            ("job a took 5ms", ("job a took 5ms", None)),
            ("output stdout: rent, due 5ms", ("output stdout: rent, due 5ms", None)),
            ("timer x fired, due", ("timer x fired, due", None)),
        ] {
            assert_eq!(split_since(text), split);
        }
    }
}
