//! Hand-made runs for tests.

use std::path::PathBuf;

use loopbox_trace::check::{Check, Status};
use loopbox_trace::measure::Summary;
use loopbox_trace::record::{Choice, Record, VERSION, World};
use loopbox_trace::{Ending, Event, EventKind, Label, Lane, Nanos, Stream, Trace};

use crate::report::sweep::Sweep;
use crate::report::{About, GoldenNote, Judged, Outcome, Report};
use crate::seeds::SeedRange;

/// A trace with one line of output, `hello`, and an ending.
pub fn trace() -> Trace {
    let output = EventKind::Output { stream: Stream::Stdout, text: Label(0), ended: true };
    let event = |at, kind| Event { at: Nanos::from_millis(at), lane: Lane::MAIN, kind };
    Trace {
        lanes: vec!["main".into(), "signals".into()],
        labels: vec!["hello".into()],
        tasks: Vec::new(),
        pools: Vec::new(),
        jobs: Vec::new(),
        processes: Vec::new(),
        diagnostics: Vec::new(),
        events: vec![event(1, output), event(5_350, EventKind::Ended)],
        ending: Ending::Exited { status: 0 },
        finished: Nanos::from_millis(5_350),
    }
}

/// A check that came out like this.
pub fn check(key: &'static str, status: Status, expected: &str, actual: &str) -> Check {
    Check {
        key: key.into(),
        status,
        expected: expected.into(),
        actual: actual.into(),
        detail: Vec::new(),
        budget: None,
    }
}

/// A scenario whose loop stalled, although it must not.
pub fn record() -> Record {
    Record {
        format: Record::FORMAT,
        version: VERSION,
        scenario: "scenarios/sigterm-quiet.toml".into(),
        name: "sigterm-quiet".into(),
        title: "SIGTERM in a quiet loop".into(),
        seed: 7,
        guest_sha256: "ab".repeat(32),
        holds: false,
        checks: vec![
            check("max-stall", Status::Fails, "at most 20ms", "1.05s"),
            check("exit", Status::Holds, "status 0", "exited with status 0"),
        ],
        ending: Ending::Exited { status: 0 },
        choices: vec![Choice { label: "signal[0].at".into(), value: "3.2s".into() }],
        summary: Summary {
            finished: Nanos::from_millis(5_350),
            worst_stall: Some(Nanos::from_millis(1_050)),
            worst_lag: None,
            worst_signal_latency: None,
            events: 2,
            turns: 1,
            tasks: 0,
            jobs: 0,
            calls_on_loop: 0,
            calls_off_loop: 0,
        },
        diagnostics: Vec::new(),
        world: World::default(),
        source: Default::default(),
        golden: None,
        reproduce: "loopbox run scenarios/sigterm-quiet.toml --seed 7".into(),
        trace: Record::trace_file_name(7),
    }
}

/// The report of that record, with an outcome of one's own.
pub fn report(outcome: Outcome) -> Report {
    Report {
        path: PathBuf::from("scenarios/sigterm-quiet.toml"),
        about: Some(About {
            name: "sigterm-quiet".into(),
            title: "SIGTERM in a quiet loop".into(),
            guest: None,
            seed: 7,
        }),
        outcome,
    }
}

/// A run with this record of which nothing else can be said.
pub fn judged(record: Record) -> Outcome {
    Outcome::Judged(Box::new(Judged {
        record,
        golden: GoldenNote::Nothing,
        saved: Ok(PathBuf::from(".loopbox/results/sigterm-quiet/seed-7.json")),
    }))
}

/// A sweep of that scenario with these seeds, of which no run has come in.
pub fn sweep(first: u64, last: u64) -> Sweep {
    let about = About {
        name: "sigterm-quiet".into(),
        title: "SIGTERM in a quiet loop".into(),
        guest: None,
        seed: first,
    };
    Sweep::new("scenarios/sigterm-quiet.toml".into(), about, SeedRange { first, last }, None)
}
