//! Results made by hand, for what no small guest leaves behind: a trace of a million events.

use loopbox::results::Results;
use loopbox_trace::model::{Job, Pool, Task};
use loopbox_trace::record::{self, Record};
use loopbox_trace::{
    Ending, Event, EventKind, JobId, Label, Lane, Nanos, Outcome, PoolId, Signal, TaskId, Trace,
    measure,
};

use super::Folder;

/// The tasks of [`long_trace`], each of which gives a job to the pool in each of its steps.
const TASKS: [&str; 8] =
    ["accept", "heartbeat", "session-1", "session-2", "session-3", "flush", "metrics", "reaper"];
const WORKERS: u16 = 4;
/// Events of one turn and of the job that it submits.
const EVENTS_A_TURN: usize = 11;
/// One turn in so many is long: the loop is blocked in a call.
const TURNS_A_STALL: usize = 5_000;

/// The trace of a busy service, with about so many events: a turn about every millisecond, a job in each,
/// now and then a stall, and SIGTERM during the last one.
pub fn long_trace(events_wanted: usize) -> Trace {
    let mut labels: Vec<String> = TASKS.iter().map(|&name| name.to_owned()).collect();
    let mut label = |text: &str| {
        labels.push(text.into());
        Label(u32::try_from(labels.len() - 1).expect("few labels"))
    };
    let (place, query, job_name, sync) =
        (label("src/main.rs:12:5"), label("db.query"), label("fetch"), label("fs.sync"));
    let turns = events_wanted / EVENTS_A_TURN;
    let mut made = Made { events: Vec::with_capacity(events_wanted + 16), now: 0, noise: 1 };
    let mut jobs = Vec::with_capacity(turns);
    let mut ends = Vec::with_capacity(turns);
    for turn in 0..turns {
        let task = TaskId(u32::try_from(turn % TASKS.len()).expect("few tasks"));
        let job = JobId(u32::try_from(turn).expect("fewer than 2^32 turns"));
        let due = Nanos(made.now);
        made.now += made.noise(50_000);
        made.main(EventKind::TurnBegin);
        made.main(EventKind::TimerFired { name: Label(task.0), due });
        // By now a worker is done with the job of its last turn.
        if let Some(done) = turn.checked_sub(usize::from(WORKERS)) {
            let job = JobId(u32::try_from(done).expect("fewer than 2^32 turns"));
            made.main(EventKind::JobDelivered { job, finished: ends[done] });
        }
        made.main(EventKind::StepBegin(task));
        made.now += 20_000 + made.noise(300_000);
        let queued = Nanos(made.now);
        jobs.push(Job {
            name: job_name,
            pool: PoolId::DEFAULT,
            place: Some(place),
            queued,
            ahead: 0,
        });
        made.main(EventKind::JobQueued(job));
        if turn % TURNS_A_STALL == TURNS_A_STALL - 1 {
            made.main(EventKind::BlockingBegin(sync));
            if turn + TURNS_A_STALL >= turns {
                let raised = Nanos(made.now + 1_000);
                made.at(Lane::SIGNALS, raised.0, EventKind::SignalRaised(Signal::SIGTERM));
            }
            made.now += 250_000_000;
            made.main(EventKind::BlockingEnd(sync, Outcome::Done));
        }
        made.main(EventKind::StepEnd(task, Outcome::Pending));
        made.main(EventKind::TurnEnd);
        let worker = Lane::worker(u16::try_from(turn % usize::from(WORKERS)).expect("few workers"));
        let begin = made.now;
        let end = begin + 200_000 + made.noise(2_000_000);
        ends.push(Nanos(end));
        made.at(worker, begin, EventKind::JobStarted(job));
        made.at(worker, begin + 1_000, EventKind::BlockingBegin(query));
        made.at(worker, end - 1_000, EventKind::BlockingEnd(query, Outcome::Done));
        made.at(worker, end, EventKind::JobFinished(job, Outcome::Done));
        made.now += made.noise(1_200_000).max(600_000);
    }
    made.main(EventKind::Ended);
    let finished = Nanos(made.now);
    Trace {
        lanes: ["main", "signals", "worker-1", "worker-2", "worker-3", "worker-4"]
            .map(String::from)
            .into(),
        tasks: (0..8).map(|index| Task { name: Label(index), place }).collect(),
        pools: vec![Pool { name: "default".into(), workers: WORKERS }],
        processes: Vec::new(),
        diagnostics: Vec::new(),
        labels,
        jobs,
        events: made.events,
        ending: Ending::Exited { status: 0 },
        finished,
    }
}

/// What is being made.
struct Made {
    events: Vec<Event>,
    now: u64,
    noise: u64,
}

impl Made {
    fn main(&mut self, kind: EventKind) {
        self.at(Lane::MAIN, self.now, kind);
    }

    fn at(&mut self, lane: Lane, at: u64, kind: EventKind) {
        self.events.push(Event { at: Nanos(at), lane, kind });
    }

    /// A number below the bound, which looks random and is the same each time.
    fn noise(&mut self, bound: u64) -> u64 {
        self.noise = self.noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.noise >> 33) % bound
    }
}

/// Keeps a trace and a record for it in a folder's results; returns the run's id.
pub fn keep(folder: &Folder, name: &str, trace: &Trace) -> String {
    let record = Record {
        format: Record::FORMAT,
        version: record::VERSION,
        scenario: format!("{name}.toml"),
        name: name.into(),
        title: format!("Made by hand: {name}"),
        seed: 0,
        guest_sha256: "00".repeat(32),
        holds: true,
        checks: Vec::new(),
        ending: trace.ending.clone(),
        choices: Vec::new(),
        summary: measure::summary(trace),
        diagnostics: record::reported(trace),
        world: Default::default(),
        source: Default::default(),
        golden: None,
        reproduce: format!("loopbox run {name}.toml --seed 0"),
        trace: Record::trace_file_name(0),
    };
    let results = Results::under(folder.path().join(".loopbox/results"));
    results.save(&record, trace).expect("a folder to write to");
    format!("{name}/seed-0")
}
