//! Finding events by words.
//!
//! A query is one or more words, and an event is found if each of them is somewhere in it, in upper or lower case: in
//! what kind it is (`timer fired`, `job queued`), in the names of its task, job, signal, call, pipe or process, in the
//! place in the source where its task or job was made, in the text of its log record, line of output or report.
//!
//! A trace has many events and few names. So the tables are searched first, once, and then an event is
//! found by looking up its ids: a million events take some ten milliseconds.

use crate::columns::{TAGS, tag};
use crate::model::{Label, Task};
use crate::{Event, EventKind, ExitStatus, Level, Outcome, Signal, Stream, Trace};

/// What kind an event is, in words, by its tag.
const KINDS: [&str; TAGS] = [
    "turn begins",
    "turn ends",
    "task spawned",
    "task cancelled",
    "step begins",
    "step ends",
    "callback begins",
    "callback ends",
    "timer fired",
    "signal raised",
    "signal merged",
    "signal delivered",
    "signal handled",
    "signal default action",
    "blocking begins",
    "blocking ends",
    "job queued",
    "job started",
    "job finished",
    "job delivered",
    "message posted",
    "message received",
    "log",
    "handler begins",
    "handler ends",
    "diagnostic",
    "output",
    "process started",
    "process ended",
    "process waited for",
    "pipe made",
    "pipe written",
    "pipe read",
    "pipe closed",
    "run ended",
];

/// How things come out.
const OUTCOMES: [Outcome; 4] =
    [Outcome::Done, Outcome::Pending, Outcome::Failed, Outcome::Cancelled];

/// A query, and what of a trace's tables it is found in.
pub struct Search<'a> {
    trace: &'a Trace,
    /// Each must be found.
    words: Vec<Word>,
}

/// Where one word is found.
struct Word {
    /// In lower case.
    word: String,
    /// By tag.
    kinds: [bool; TAGS],
    /// By label, task, job and diagnostic.
    labels: Vec<bool>,
    tasks: Vec<bool>,
    jobs: Vec<bool>,
    diagnostics: Vec<bool>,
    /// By [`OUTCOMES`].
    outcomes: [bool; 4],
    /// Whether it is in how the run ended.
    ending: bool,
}

impl<'a> Search<'a> {
    /// Looks the query's words up in the trace's tables.
    pub fn new(trace: &'a Trace, query: &str) -> Search<'a> {
        let words = query.split_whitespace().map(|word| Word::new(word, trace)).collect();
        Search { trace, words }
    }

    /// The events that are found, as indices into [`Trace::events`]; in the order of virtual time. A query
    /// without words finds nothing.
    pub fn events(&self) -> Vec<usize> {
        let events = &self.trace.events;
        let mut found: Vec<usize> =
            (0..events.len()).filter(|&at| self.finds(&events[at])).collect();
        found.sort_by_key(|&index| events[index].at);
        found
    }

    /// Whether an event of the trace is found.
    pub fn finds(&self, event: &Event) -> bool {
        !self.words.is_empty() && self.words.iter().all(|word| word.is_in(event.kind))
    }
}

impl Word {
    fn new(word: &str, trace: &Trace) -> Word {
        let word = word.to_lowercase();
        let labels: Vec<bool> = trace.labels.iter().map(|text| is_in(&word, text)).collect();
        let label = |label: Label| labels[label.0 as usize];
        let task = |task: &Task| label(task.name) || label(task.place);
        let ending = is_in(&word, &trace.ending.keyword())
            || is_in(&word, &trace.ending.to_string())
            || "ended".contains(&word);
        Word {
            kinds: KINDS.map(|kind| kind.contains(&word)),
            tasks: trace.tasks.iter().map(task).collect(),
            jobs: trace
                .jobs
                .iter()
                .map(|job| label(job.name) || job.place.is_some_and(label))
                .collect(),
            diagnostics: trace
                .diagnostics
                .iter()
                .map(|diagnostic| {
                    let places = [&diagnostic.created, &diagnostic.died].into_iter().flatten();
                    let texts = [&diagnostic.code, &diagnostic.logger, &diagnostic.text];
                    texts.into_iter().chain(places).any(|text| is_in(&word, text))
                        || is_in(&word, diagnostic.level.name())
                })
                .collect(),
            outcomes: OUTCOMES.map(|outcome| outcome.name().contains(&word)),
            ending,
            labels,
            word,
        }
    }

    fn is_in(&self, kind: EventKind) -> bool {
        use EventKind::*;
        let label = |label: Label| self.labels[label.0 as usize];
        let task = |task: crate::TaskId| self.tasks[task.0 as usize];
        let job = |job: crate::JobId| self.jobs[job.0 as usize];
        let status = |status: ExitStatus| self.is_in_text(&status.to_string());
        self.kinds[usize::from(tag(kind))]
            || match kind {
                TurnBegin | TurnEnd | MessagePosted(_) | MessageReceived { .. } => false,
                TaskSpawned(id) | TaskCancelled(id) | StepBegin(id) => task(id),
                StepEnd(id, outcome) => task(id) || self.is_in_outcome(outcome),
                CallbackBegin(name) | CallbackEnd(name) | TimerFired { name, .. } => label(name),
                SignalRaised(signal)
                | SignalMerged(signal)
                | SignalDelivered { signal, .. }
                | SignalHandled { signal, .. }
                | SignalDefault(signal) => self.is_in_signal(signal),
                BlockingBegin(name) => label(name),
                BlockingEnd(name, outcome) => label(name) || self.is_in_outcome(outcome),
                JobQueued(id) | JobStarted(id) | JobDelivered { job: id, .. } => job(id),
                JobFinished(id, outcome) => job(id) || self.is_in_outcome(outcome),
                Log { level, logger, text } => {
                    label(logger) || label(text) || self.is_in_level(level)
                }
                HandlerBegin { handler, logger } | HandlerEnd { handler, logger } => {
                    label(handler) || label(logger)
                }
                Diagnostic(index) => self.diagnostics[index as usize],
                Output { stream, text, .. } => label(text) || self.is_in_stream(stream),
                ProcessSpawned(process) => label(process),
                ProcessExited { process, status: how } | ProcessReaped { process, status: how } => {
                    label(process) || status(how)
                }
                PipeCreated(pipe)
                | PipeWritten { pipe, .. }
                | PipeRead { pipe, .. }
                | PipeClosed { pipe, .. } => label(pipe),
                Ended => self.ending,
            }
    }

    fn is_in_text(&self, text: &str) -> bool {
        is_in(&self.word, text)
    }

    fn is_in_outcome(&self, outcome: Outcome) -> bool {
        OUTCOMES.iter().zip(self.outcomes).any(|(known, found)| found && *known == outcome)
    }

    fn is_in_signal(&self, signal: Signal) -> bool {
        self.is_in_text(signal.name())
    }

    fn is_in_level(&self, level: Level) -> bool {
        self.is_in_text(level.name())
    }

    fn is_in_stream(&self, stream: Stream) -> bool {
        self.is_in_text(stream.name())
    }
}

/// Whether a word, in lower case, is in a text, in any case.
fn is_in(word: &str, text: &str) -> bool {
    if !text.is_ascii() {
        return text.to_lowercase().contains(word);
    }
    let (word, text) = (word.as_bytes(), text.as_bytes());
    text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;
    use crate::testing::{generated, one_of_everything};

    /// What is found, in the words of a golden.
    fn found(query: &str) -> Vec<String> {
        let trace = one_of_everything();
        let events = Search::new(&trace, query).events();
        events.into_iter().map(|index| golden::words(&trace, &trace.events[index])).collect()
    }

    #[test]
    fn each_word_must_be_found_in_any_case() {
        assert_eq!(
            found("sigterm"),
            [
                "signal SIGTERM raised",
                "signal SIGTERM raised",
                "signal SIGTERM merged with the pending one",
                "signal SIGTERM delivered, raised 950ms",
                "signal SIGTERM handled, raised 950ms",
            ]
        );
        assert_eq!(found(" HANDLED  Term "), ["signal SIGTERM handled, raised 950ms"]);
        assert_eq!(found("GRÜẞE").len(), 2);
        assert_eq!(found("handled hash"), Vec::<String>::new());
        assert_eq!(found("  "), Vec::<String>::new());
    }

    #[test]
    fn every_text_of_an_event_is_searched() {
        for (query, words) in [
            ("hash queued", "job hash queued"),
            ("a.rs:20 finished", "job hash finished, done"),
            ("a.rs:12 spawned", "task main spawned"),
            ("pending", "step main ends, pending"),
            ("query done", "blocking db.query ends, done"),
            ("tick fired", "timer tick fired, due 1s"),
            ("tick callback ends", "callback tick ends"),
            ("0.940", "diagnostic SLOW-1 WARNING asyncio: took 0.940 seconds"),
            ("warning", "diagnostic SLOW-1 WARNING asyncio: took 0.940 seconds"),
            ("a.rs:3:1", "diagnostic SLOW-1 WARNING asyncio: took 0.940 seconds"),
            ("app info", "log INFO app: Grüße\\n"),
            ("stderr", "output stderr, not ended: Grüße\\n"),
            ("bye", "output stdout: bye"),
            ("net begins app", "handler net of app begins"),
            ("sigkill waited", "process cat[2] waited for: it died of SIGKILL"),
            ("stdin written", "pipe cat[2].stdin: 7 bytes written"),
            ("message posted", "message posted"),
            ("exited status", "exited with status 0"),
        ] {
            assert_eq!(found(query), [words], "{query}");
        }
    }

    #[test]
    fn the_kind_of_every_event_is_found_by_its_words() {
        let trace = one_of_everything();
        for (index, event) in trace.events.iter().enumerate() {
            let kind = KINDS[usize::from(tag(event.kind))];
            assert!(Search::new(&trace, kind).events().contains(&index), "{kind}");
            let words = golden::words(&trace, event);
            let first = kind.split(' ').next().expect("a word");
            let same = words.contains(first) || event.kind == EventKind::Ended;
            assert!(same, "`{kind}` is not what `{words}` is");
        }
    }

    #[test]
    fn what_is_found_is_in_order_of_time() {
        let trace = generated(1, 20_000);
        let found = Search::new(&trace, "db.query").events();
        assert!(found.len() > 100);
        assert!(found.is_sorted_by_key(|&index| (trace.events[index].at, index)));
    }
}
