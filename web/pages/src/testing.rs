//! Hand-made records and traces for this crate's tests.

use loopbox_trace::check::{Budget, Check, Status};
use loopbox_trace::model::{self, Job, Pool, Task};
use loopbox_trace::record::{
    self, CallRule, Choice, GoldenText, Record, SentSignal, Source, SourceFile, SourcePlace, World,
};
use loopbox_trace::{
    Ending, Event, EventKind, JobId, Label, Lane, Level, Nanos, Outcome, PoolId, Signal, Stream,
    TaskId, Trace, golden, measure,
};

use crate::site::{Delivery, KeptRun, Site};

pub(crate) fn server() -> Site {
    Site {
        delivery: Delivery::Server { base: "/T/".into() },
        results: ".loopbox/results".into(),
        generation: Some(1),
    }
}

pub(crate) fn file() -> Site {
    Site { delivery: Delivery::File, generation: None, ..server() }
}

/// A run that fails: its one turn of note is held up by a blocking call, so SIGTERM is late.
pub(crate) fn stalled_run() -> KeptRun {
    let trace = stalled_trace();
    let check = |key: &'static str, status, expected: &str, actual: &str| Check {
        key: key.into(),
        status,
        expected: expected.into(),
        actual: actual.into(),
        detail: Vec::new(),
        budget: None,
    };
    let record = Record {
        format: Record::FORMAT,
        version: record::VERSION,
        scenario: "scenarios/db.toml".into(),
        name: "scenarios/db".into(),
        title: "The database is slow".into(),
        seed: 7,
        guest_sha256: "ab".repeat(32),
        holds: false,
        checks: vec![
            check("exit", Status::Holds, "status 0", "exited with status 0"),
            Check {
                budget: Some(Budget { measured: ms(1050), allowed: Some(ms(20)) }),
                detail: vec!["1 of 2 turns is longer".into()],
                ..check("max-stall", Status::Fails, "at most 20ms", "1.05s at 2s")
            },
            check("offloaded", Status::FailsAsItMust, "db.* only on workers", "1 of 2 calls on the loop"),
        ],
        ending: trace.ending.clone(),
        choices: vec![Choice { label: "signal[0].at".into(), value: "2.5s".into() }],
        summary: measure::summary(&trace),
        diagnostics: record::reported(&trace),
        world: World {
            workers: 2,
            signals: vec![SentSignal { signal: Signal::SIGTERM, at: ms(2500) }],
            blocking: vec![CallRule { call: "db.*".into(), takes: (ms(5), ms(1100)) }],
        },
        source: Source {
            files: vec![
                SourceFile {
                    path: "scenarios/db.toml".into(),
                    text: "title = \"The database is slow\"\nextends = \"_db.toml\"\n\n[[signal]]\nname = \"SIGTERM\"\nat = { between = [\"0s\", \"5s\"] }\n".into(),
                },
                SourceFile {
                    path: "scenarios/_db.toml".into(),
                    text: "[[blocking]]\ncall = \"db.*\"\n".into(),
                },
            ],
            places: [
                ("signal[0].at".to_owned(), SourcePlace { file: 0, line: 6 }),
                ("blocking[0]".to_owned(), SourcePlace { file: 1, line: 1 }),
            ]
            .into(),
        },
        golden: Some(GoldenText { path: "db.trace".into(), text: Some(golden_text(&trace)) }),
        reproduce: "loopbox run scenarios/db.toml --seed 7".into(),
        trace: Record::trace_file_name(7),
    };
    KeptRun { id: "scenarios/db/seed-7".into(), record: Ok(record), previous: None }
}

/// The stalled run with another record.
pub(crate) fn changed_run(change: impl FnOnce(&mut Record)) -> KeptRun {
    let mut run = stalled_run();
    if let Ok(record) = &mut run.record {
        change(record);
    }
    run
}

/// The text of a page, without its elements.
pub(crate) fn words(html: &str) -> String {
    let mut words = String::new();
    for piece in html.split('<') {
        let text = piece.split_once('>').map_or(piece, |(_, text)| text);
        words.push_str(text);
    }
    words.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// The golden of a trace with what goldens hold by default.
pub(crate) fn golden_text(trace: &Trace) -> String {
    golden::render(trace, &golden::default_groups(), ms(1))
}

/// What happened in [`stalled_run`].
pub(crate) fn stalled_trace() -> Trace {
    use EventKind::*;
    let labels =
        ["main", "app.rs:3:1", "db.query", "hash", "app.rs:9:5", "beat", "draining", "app"];
    let label = |text: &str| {
        let index = labels.iter().position(|label| *label == text).expect("a label");
        Label(u32::try_from(index).expect("few"))
    };
    let (task, job, call) = (TaskId(0), JobId(0), label("db.query"));
    let (signal, raised) = (Signal::SIGTERM, ms(2500));
    let worker = Lane::worker(0);
    let diagnostic = model::Diagnostic {
        code: "BLOCK".into(),
        level: Level::Warning,
        logger: "loopbox".into(),
        text: "Blocking call on the event loop took 1.050 seconds".into(),
        created: Some("app.rs:3:1".into()),
        died: Some("app.rs:7".into()),
    };
    let output = |text| Output { stream: Stream::Stdout, text: label(text), ended: true };
    let log = Log { level: Level::Info, logger: label("app"), text: label("draining") };
    let events = [
        (0, Lane::MAIN, TaskSpawned(task)),
        (0, Lane::MAIN, TurnBegin),
        (0, Lane::MAIN, StepBegin(task)),
        (1, Lane::MAIN, JobQueued(job)),
        (1, Lane::MAIN, StepEnd(task, Outcome::Pending)),
        (1, Lane::MAIN, TurnEnd),
        (1, worker, JobStarted(job)),
        (1, worker, BlockingBegin(call)),
        (6, worker, BlockingEnd(call, Outcome::Done)),
        (6, worker, JobFinished(job, Outcome::Done)),
        (2000, Lane::MAIN, TurnBegin),
        (2000, Lane::MAIN, TimerFired { name: label("beat"), due: ms(1999) }),
        (2000, Lane::MAIN, StepBegin(task)),
        (2000, Lane::MAIN, BlockingBegin(call)),
        (2500, Lane::SIGNALS, SignalRaised(signal)),
        (3050, Lane::MAIN, BlockingEnd(call, Outcome::Done)),
        (3050, Lane::MAIN, Diagnostic(0)),
        (3050, Lane::MAIN, StepEnd(task, Outcome::Done)),
        (3050, Lane::MAIN, TurnEnd),
        (3050, Lane::MAIN, TurnBegin),
        (3050, Lane::MAIN, SignalDelivered { signal, raised }),
        (3050, Lane::MAIN, SignalHandled { signal, raised }),
        (3050, Lane::MAIN, log),
        (3050, Lane::MAIN, output("draining")),
        (3051, Lane::MAIN, TurnEnd),
        (3051, Lane::MAIN, Ended),
    ];
    Trace {
        lanes: ["main", "signals", "worker-1"].map(String::from).into(),
        labels: labels.map(String::from).into(),
        tasks: vec![Task { name: label("main"), place: label("app.rs:3:1") }],
        pools: vec![Pool { name: "default".into(), workers: 2 }],
        jobs: vec![Job {
            name: label("hash"),
            pool: PoolId::DEFAULT,
            place: Some(label("app.rs:9:5")),
            queued: ms(1),
            ahead: 0,
        }],
        diagnostics: vec![diagnostic],
        processes: Vec::new(),
        events: events.map(|(at, lane, kind)| Event { at: ms(at), lane, kind }).into(),
        ending: Ending::Exited { status: 0 },
        finished: ms(3051),
    }
}

/// So many milliseconds.
pub(crate) fn ms(millis: u64) -> Nanos {
    Nanos::from_millis(millis)
}

/// Texts that would do harm if they were taken for anything but texts.
pub(crate) const HOSTILE: [&str; 4] = [
    "</pre></script><script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "\u{202e}\u{1b}[31m\u{0}",
    "javascript:alert(1)//&lt;",
];

/// The trace with each of its texts replaced.
pub(crate) fn with_texts(mut trace: Trace, text: &str) -> Trace {
    let texts = trace.labels.iter_mut().chain(&mut trace.lanes);
    texts.for_each(|own| *own = text.into());
    trace.pools[0].name = text.into();
    let report = &mut trace.diagnostics[0];
    (report.code, report.logger, report.text) = (text.into(), text.into(), text.into());
    (report.created, report.died) = (Some(text.into()), Some(text.into()));
    trace
}

/// The record with each of its texts replaced.
pub(crate) fn with_record_texts(mut record: Record, text: &str) -> Record {
    for own in [
        &mut record.scenario,
        &mut record.name,
        &mut record.title,
        &mut record.reproduce,
        &mut record.trace,
        &mut record.guest_sha256,
    ] {
        *own = text.into();
    }
    for check in &mut record.checks {
        check.key = text.to_owned().into();
        (check.expected, check.actual) = (text.into(), text.into());
        check.detail = vec![text.into()];
    }
    record.choices = vec![Choice { label: text.into(), value: text.into() }];
    for file in &mut record.source.files {
        (file.path, file.text) = (text.into(), text.into());
    }
    for rule in &mut record.world.blocking {
        rule.call = text.into();
    }
    record.golden = Some(GoldenText { path: text.into(), text: Some(text.into()) });
    record
}

/// Asserts that no text of [`HOSTILE`] became anything but text.
pub(crate) fn assert_harmless(html: &str, context: &str) {
    for harm in ["<script>alert", "<img", "\u{202e}", "\u{1b}", "\u{0}", "href=\"javascript"] {
        assert!(!html.contains(harm), "{harm:?} in {context}");
    }
    if let Err(wrong) = crate::wellformed::check(html) {
        panic!("{wrong} in {context}");
    }
}

/// Asserts that a page is as the file of this name in `goldens`, which is written if `BLESS` is set. Read it
/// before you commit it.
pub(crate) fn assert_golden(name: &str, html: &str) {
    // A line for each element, so that a change can be read.
    let lines = html.replace("><", ">\n<") + "\n";
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &lines).expect("a golden can be written");
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    for (number, (expected, actual)) in golden.lines().zip(lines.lines()).enumerate() {
        assert_eq!(actual, expected, "line {} of {name}; BLESS=1 writes it anew", number + 1);
    }
    assert_eq!(lines.lines().count(), golden.lines().count(), "lines of {name}");
}
