//! Hand-made traces for this crate's tests.

use crate::model::{Job, Pool, PoolId, Task};
use crate::{
    Diagnostic, Ending, Event, EventKind, ExitStatus, JobId, Label, Lane, Level, Nanos, Outcome,
    Signal, Stream, TaskId, Trace, store,
};

/// Builds a trace event by event; times are in milliseconds.
pub(crate) struct Builder {
    trace: Trace,
}

pub(crate) fn ms(millis: u64) -> Nanos {
    Nanos::from_millis(millis)
}

impl Builder {
    pub(crate) fn new() -> Builder {
        Builder {
            trace: Trace {
                lanes: ["main", "signals", "worker-1", "worker-2"].map(String::from).to_vec(),
                labels: Vec::new(),
                tasks: Vec::new(),
                pools: vec![Pool { name: "default".into(), workers: 2 }],
                jobs: Vec::new(),
                diagnostics: Vec::new(),
                processes: Vec::new(),
                events: Vec::new(),
                ending: Ending::Exited { status: 0 },
                finished: Nanos::ZERO,
            },
        }
    }

    pub(crate) fn label(&mut self, text: &str) -> Label {
        let labels = &mut self.trace.labels;
        let index = labels.iter().position(|label| label == text).unwrap_or_else(|| {
            labels.push(text.into());
            labels.len() - 1
        });
        Label(u32::try_from(index).expect("few labels"))
    }

    pub(crate) fn task(&mut self, name: &str) -> TaskId {
        let task = Task { name: self.label(name), place: self.label("guest/a.rs:12:5") };
        self.trace.tasks.push(task);
        TaskId(u32::try_from(self.trace.tasks.len() - 1).expect("few tasks"))
    }

    pub(crate) fn job(&mut self, name: &str) -> JobId {
        let job = Job {
            name: self.label(name),
            pool: PoolId::DEFAULT,
            place: Some(self.label("guest/a.rs:20:9")),
            queued: Nanos::ZERO,
            ahead: 0,
        };
        self.trace.jobs.push(job);
        JobId(u32::try_from(self.trace.jobs.len() - 1).expect("few jobs"))
    }

    /// A job was given to the pool then, with so many before it.
    pub(crate) fn queued(&mut self, job: JobId, at_ms: u64, ahead: u32) -> &mut Builder {
        let job = &mut self.trace.jobs[job.0 as usize];
        (job.queued, job.ahead) = (ms(at_ms), ahead);
        self
    }

    pub(crate) fn on(&mut self, lane: Lane, at_ms: u64, kind: EventKind) -> &mut Builder {
        self.trace.events.push(Event { at: ms(at_ms), lane, kind });
        self
    }

    pub(crate) fn main(&mut self, at_ms: u64, kind: EventKind) -> &mut Builder {
        self.on(Lane::MAIN, at_ms, kind)
    }

    pub(crate) fn signals(&mut self, at_ms: u64, kind: EventKind) -> &mut Builder {
        self.on(Lane::SIGNALS, at_ms, kind)
    }

    pub(crate) fn output(&mut self, at_ms: u64, stream: Stream, text: &str) -> &mut Builder {
        let text = self.label(text);
        self.main(at_ms, EventKind::Output { stream, text, ended: true })
    }

    /// A blocking call from `from_ms` to `to_ms`.
    pub(crate) fn blocking(
        &mut self,
        lane: Lane,
        name: &str,
        from_ms: u64,
        to_ms: u64,
    ) -> &mut Builder {
        let name = self.label(name);
        self.on(lane, from_ms, EventKind::BlockingBegin(name));
        self.on(lane, to_ms, EventKind::BlockingEnd(name, Outcome::Done))
    }

    pub(crate) fn diagnostic(&mut self, at_ms: u64, code: &str, text: &str) -> &mut Builder {
        self.trace.diagnostics.push(Diagnostic {
            code: code.into(),
            level: Level::Warning,
            logger: "asyncio".into(),
            text: text.into(),
            created: Some("guest/a.rs:3:1".into()),
            died: None,
        });
        let index = u32::try_from(self.trace.diagnostics.len() - 1).expect("few diagnostics");
        self.main(at_ms, EventKind::Diagnostic(index))
    }

    /// The run ends now, in this way.
    pub(crate) fn end(mut self, at_ms: u64, ending: Ending) -> Trace {
        self.main(at_ms, EventKind::Ended);
        Trace { ending, finished: ms(at_ms), ..self.trace }
    }

    /// The run ends now, with status 0.
    pub(crate) fn exit(self, at_ms: u64) -> Trace {
        self.end(at_ms, Ending::Exited { status: 0 })
    }
}

/// A trace with every kind of event.
pub(crate) fn one_of_everything() -> Trace {
    use EventKind::*;
    let mut b = Builder::new();
    let (app, tick, note) = (b.label("app"), b.label("tick"), b.label("Grüße\n"));
    let (task, job, net) = (b.task("main"), b.job("hash"), b.label("net"));
    let (term, winch) = (Signal::SIGTERM, "SIGWINCH".parse().expect("a signal"));
    let raised = ms(950);
    b.main(0, TurnBegin).main(0, TaskSpawned(task)).main(0, StepBegin(task));
    b.queued(job, 1, 2);
    b.main(1, JobQueued(job)).main(1, StepEnd(task, Outcome::Pending)).main(1, TurnEnd);
    b.on(Lane::worker(0), 1, JobStarted(job)).on(Lane::worker(0), 2, MessagePosted(0));
    b.blocking(Lane::worker(0), "db.query", 2, 52);
    b.on(Lane::worker(0), 60, JobFinished(job, Outcome::Done));
    b.main(2, TurnBegin).main(2, MessageReceived { message: 0, posted: ms(2) }).main(2, TurnEnd);
    b.main(60, TurnBegin).main(60, JobDelivered { job, finished: ms(60) });
    b.blocking(Lane::MAIN, "sleep", 60, 1000).main(1000, TurnEnd);
    b.signals(900, SignalRaised(winch)).signals(900, SignalDefault(winch));
    b.signals(950, SignalRaised(term)).signals(970, SignalRaised(term));
    b.signals(970, SignalMerged(term));
    b.main(1000, TurnBegin).main(1000, TimerFired { name: tick, due: ms(1000) });
    b.main(1000, SignalDelivered { signal: term, raised });
    b.main(1000, CallbackBegin(tick)).main(1001, CallbackEnd(tick));
    b.main(1001, SignalHandled { signal: term, raised });
    b.main(1001, Log { level: Level::Info, logger: app, text: note });
    b.main(1001, HandlerBegin { handler: net, logger: app });
    b.main(1002, HandlerEnd { handler: net, logger: app });
    b.diagnostic(1002, "SLOW-1", "took 0.940 seconds").output(1002, Stream::Stdout, "bye");
    b.main(1002, Output { stream: Stream::Stderr, text: note, ended: false });
    let (cat, pipe) = (b.label("cat[2]"), b.label("cat[2].stdin"));
    let status = ExitStatus::Signalled(Signal::SIGKILL);
    b.main(1002, ProcessSpawned(cat)).main(1002, ProcessExited { process: cat, status });
    b.main(1002, ProcessReaped { process: cat, status }).main(1002, PipeCreated(pipe));
    b.main(1002, PipeWritten { pipe, bytes: 7 }).main(1002, PipeRead { pipe, bytes: 0 });
    b.main(1002, PipeClosed { pipe, writer: true });
    b.main(1002, TaskCancelled(task)).main(1003, TurnEnd);
    b.exit(6000)
}

/// The stored form, as text.
pub(crate) fn stored(trace: &Trace) -> String {
    let mut bytes = Vec::new();
    store::write(trace, &mut bytes).expect("writing to memory cannot fail");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

/// Every way to end, one of each.
pub(crate) fn endings() -> [Ending; 7] {
    let place = || vec!["main (a.rs:1:1)".to_owned()];
    [
        Ending::Exited { status: 3 },
        Ending::Signalled { signal: Signal::SIGKILL },
        Ending::Panicked { message: "boom\nbang".into(), backtrace: place() },
        Ending::Trapped { reason: "unreachable".into(), backtrace: place() },
        Ending::Deadlock { waiting: vec!["main waits for ever".into()] },
        Ending::LimitReached {
            limit: crate::Limit::Fuel,
            allowed: "10".into(),
            backtrace: place(),
        },
        Ending::Misused { reason: "no".into(), backtrace: place() },
    ]
}

/// A stream of numbers (SplitMix64), the same everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// A trace of about so many events, as a busy loop with workers and a hundred tasks leaves it.
pub(crate) fn generated(seed: u64, events: usize) -> Trace {
    use EventKind::*;
    let mut random = Random(seed);
    let mut b = Builder::new();
    let db = b.label("db.query");
    let tick = b.label("tick");
    let app = b.label("app");
    let tasks: Vec<TaskId> = (0..100).map(|index| b.task(&format!("task-{index}"))).collect();
    let mut workers_free = [Nanos::ZERO; 2];
    let mut now = Nanos::ZERO;
    let on = |trace: &mut Trace, lane, at, kind| trace.events.push(Event { at, lane, kind });
    let mut delivered: Vec<(Nanos, JobId)> = Vec::new();
    while b.trace.events.len() + 1 < events {
        now += Nanos(random.below(3_000_000));
        on(&mut b.trace, Lane::MAIN, now, TurnBegin);
        let due = now - Nanos(random.below(100_000));
        on(&mut b.trace, Lane::MAIN, now, TimerFired { name: tick, due });
        delivered.sort_unstable();
        while delivered.first().is_some_and(|&(finished, _)| finished <= now) {
            let (finished, job) = delivered.remove(0);
            on(&mut b.trace, Lane::MAIN, now, JobDelivered { job, finished });
        }
        for _ in 0..=random.below(4) {
            let task = tasks[usize::try_from(random.below(100)).expect("small")];
            on(&mut b.trace, Lane::MAIN, now, StepBegin(task));
            now += Nanos(random.below(40_000));
            if random.below(8) == 0 {
                let text = b.label(&format!("line {}", random.below(1_000)));
                on(&mut b.trace, Lane::MAIN, now, Log { level: Level::Info, logger: app, text });
            }
            if random.below(50) == 0 {
                on(&mut b.trace, Lane::MAIN, now, BlockingBegin(db));
                now += Nanos(random.below(9_000_000));
                on(&mut b.trace, Lane::MAIN, now, BlockingEnd(db, Outcome::Done));
            }
            on(&mut b.trace, Lane::MAIN, now, StepEnd(task, Outcome::Pending));
        }
        if random.below(4) == 0 {
            let id = JobId(u32::try_from(b.trace.jobs.len()).expect("few jobs"));
            let job = Job { name: db, pool: PoolId::DEFAULT, place: None, queued: now, ahead: 0 };
            b.trace.jobs.push(job);
            on(&mut b.trace, Lane::MAIN, now, JobQueued(id));
            let worker = u16::from(workers_free[1] < workers_free[0]);
            let free = &mut workers_free[usize::from(worker)];
            let begin = now.max(*free);
            *free = begin + Nanos(random.below(20_000_000));
            on(&mut b.trace, Lane::worker(worker), begin, JobStarted(id));
            on(&mut b.trace, Lane::worker(worker), *free, JobFinished(id, Outcome::Done));
            delivered.push((*free, id));
        }
        on(&mut b.trace, Lane::MAIN, now, TurnEnd);
    }
    let end = now + ms(100);
    b.trace.events.push(Event { at: end, lane: Lane::MAIN, kind: Ended });
    Trace { finished: end, ..b.trace }
}
