//! What a scene tells of a slice: its event, its arrows, its details.

use loopbox_trace::EventKind::*;
use loopbox_trace::{
    EventKind, ExitStatus, Group as Kinds, JobId, Label, Lane as TraceLane, Level, Outcome, Signal,
    Stream, TaskId, diff, golden,
};

use super::testing::{Builder, event, ms, told};
use super::*;

const WORKER: TraceLane = TraceLane::worker(0);

/// A trace with its scene.
struct Shown {
    trace: Trace,
    scene: Scene,
}

impl Shown {
    fn of(b: Builder) -> Shown {
        let trace = b.exit(100);
        let scene = Scene::of_run(&trace, Some(ms(20)), Vec::new());
        Shown { trace, scene }
    }

    /// The slice of an event.
    fn slice(&self, kind: EventKind) -> SliceRef {
        let index = event(&self.trace, kind);
        self.scene.slice_of_event(&[&self.trace], 0, index).expect("the event has a slice")
    }

    /// Where the event is shown: lane, row, name.
    fn place(&self, kind: EventKind) -> String {
        told(&self.scene, self.slice(kind))
    }

    /// The arrows of the slice of an event, in words.
    fn flows(&self, kind: EventKind) -> Vec<String> {
        self.flows_of(self.slice(kind))
    }

    /// The arrows of a slice of a lane, in words.
    fn flows_of(&self, at: SliceRef) -> Vec<String> {
        let flows = self.scene.flows(at, &[&self.trace]);
        let words = flows.iter().map(|flow| {
            let (from, to) = (told(&self.scene, flow.from), told(&self.scene, flow.to));
            format!("{from} @{} {} {to} @{}", flow.from_at, flow.name, flow.to_at)
        });
        words.collect()
    }

    /// The details of the slice of an event, a line for each fact.
    fn details(&self, kind: EventKind) -> String {
        let details = self.scene.details(self.slice(kind), &[&self.trace]).expect("it has details");
        let facts = details.facts.iter().map(|(what, words)| format!("{what}: {words}\n"));
        let text = details.text.map(|text| format!("text: {text}\n")).unwrap_or_default();
        format!("{}\n", details.title) + &facts.collect::<String>() + &text
    }
}

/// A task is woken by a timer, spawns another one and submits a job; a worker takes it and finishes it.
fn work() -> (Shown, [JobId; 2], [TaskId; 2]) {
    let mut b = Builder::new();
    let (main, child, tick) = (b.task("main"), b.task("child"), b.label("main"));
    b.main(1, TurnBegin).main(1, TimerFired { name: tick, due: ms(0) }).main(2, StepBegin(main));
    b.main(3, TaskSpawned(child));
    let first = b.job("hash", 4, 0);
    let second = b.job("zip", 4, 1);
    b.main(5, StepEnd(main, Outcome::Pending)).main(5, TurnEnd).main(6, TurnBegin);
    b.main(6, StepBegin(child)).blocking(TraceLane::MAIN, "sleep", 7, 30);
    b.main(31, StepEnd(child, Outcome::Done)).main(31, TurnEnd);
    b.on(WORKER, 4, JobStarted(first)).on(WORKER, 20, JobFinished(first, Outcome::Done));
    b.on(WORKER, 20, JobStarted(second)).on(WORKER, 40, JobFinished(second, Outcome::Failed));
    b.main(31, TurnBegin).main(31, JobDelivered { job: first, finished: ms(20) });
    b.main(32, StepBegin(main)).main(33, StepEnd(main, Outcome::Pending)).main(33, TurnEnd);
    (Shown::of(b), [first, second], [main, child])
}

#[test]
fn events_are_shown_where_they_begin_end_or_belong() {
    let (shown, [first, second], [main, child]) = work();
    for (kind, place) in [
        (TurnBegin, "loop 0 turn"),
        (TurnEnd, "loop 0 turn"),
        (StepEnd(child, Outcome::Done), "loop 1 child"),
        (BlockingEnd(Label(4), Outcome::Done), "loop 2 sleep"),
        (TaskSpawned(child), "loop 1 main"),
        // It never waited.
        (JobQueued(first), "worker-1 0 hash"),
        (JobQueued(second), "default queue 0 zip"),
        (JobFinished(second, Outcome::Failed), "worker-1 0 zip"),
        (JobDelivered { job: first, finished: ms(20) }, "worker-1 0 hash"),
        (TimerFired { name: Label(0), due: ms(0) }, "timers 0 main"),
        (Ended, "loop 0 end"),
    ] {
        let label = |text: &str| shown.trace.labels.iter().position(|label| label == text);
        let kind = match kind {
            BlockingEnd(_, outcome) => {
                let sleep = label("sleep").and_then(|index| index.try_into().ok());
                BlockingEnd(Label(sleep.expect("a label")), outcome)
            }
            kind => kind,
        };
        assert_eq!(shown.place(kind), place, "{kind:?}");
    }
    let of_main: Vec<SliceRef> = (0..)
        .zip(&shown.trace.events)
        .filter(|(_, event)| event.kind == StepEnd(main, Outcome::Pending))
        .filter_map(|(index, _)| shown.scene.slice_of_event(&[&shown.trace], 0, index))
        .collect();
    assert_eq!(of_main.iter().map(|at| at.slice).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(shown.scene.slice_of_event(&[&shown.trace], 0, 9_999), None);
    assert_eq!(shown.scene.slice_of_event(&[&shown.trace], 1, 0), None);
}

#[test]
fn every_slice_is_found_by_its_event() {
    let (shown, ..) = work();
    for (lane, made) in (0..).zip(&shown.scene.groups[0].lanes) {
        for (row, slices) in (0..).zip(&made.rows) {
            for (slice, it) in (0..).zip(slices.slices()) {
                let at = SliceRef { group: 0, lane, row, slice };
                let found = shown.scene.slice_of_event(&[&shown.trace], 0, it.event);
                assert_eq!(found, Some(at), "{}", told(&shown.scene, at));
            }
        }
    }
}

#[test]
fn the_nearest_slice_of_a_lane_is_the_innermost() {
    let (shown, ..) = work();
    let near = |at: u64| told(&shown.scene, shown.scene.nearest(0, 0, ms(at)).expect("a slice"));
    assert_eq!(
        [near(10), near(30), near(31), near(99)],
        ["loop 2 sleep", "loop 2 sleep", "loop 1 child", "loop 0 end"]
    );
    assert_eq!(shown.scene.nearest(0, 99, ms(1)), None);
}

#[test]
fn arrows_lead_from_what_wakes_to_the_step_and_on_to_what_it_begins() {
    let (shown, [first, second], [main, child]) = work();
    assert_eq!(
        shown.flows(StepBegin(main)),
        [
            "timers 0 main @1ms wakes loop 1 main @2ms",
            "loop 1 main @3ms spawns loop 1 child @6ms",
            "loop 1 main @4ms submits worker-1 0 hash @4ms",
            "loop 1 main @4ms submits default queue 0 zip @4ms",
        ]
    );
    assert_eq!(shown.flows(StepBegin(child)), ["loop 1 main @3ms spawns loop 1 child @6ms"]);
    assert_eq!(
        shown.flows(JobStarted(first)),
        [
            "loop 1 main @4ms submits worker-1 0 hash @4ms",
            "worker-1 0 hash @20ms wakes loop 1 main @32ms",
        ]
    );
    // Nobody saw its completion.
    let of_second = [
        "loop 1 main @4ms submits default queue 0 zip @4ms",
        "default queue 0 zip @20ms starts worker-1 0 zip @20ms",
    ];
    assert_eq!(shown.flows(JobQueued(second)), of_second);
    assert_eq!(shown.flows(JobStarted(second)), of_second);
    assert_eq!(
        shown.flows(TimerFired { name: Label(0), due: ms(0) }),
        ["timers 0 main @1ms wakes loop 1 main @2ms"]
    );
    assert_eq!(shown.flows(TurnBegin), ["timers 0 main @1ms seen loop 0 turn @1ms"]);
}

#[test]
fn of_several_that_might_have_woken_it_none_is_named() {
    let mut b = Builder::new();
    let (one, two, tick) = (b.task("tick"), b.task("tick"), b.label("tick"));
    let fired = |due: u64| TimerFired { name: tick, due: ms(due) };
    b.main(5, TurnBegin).main(5, fired(1)).main(6, fired(2)).step(one, 7, 8).step(two, 9, 10);
    b.main(10, TurnEnd).on(WORKER, 11, MessagePosted(0)).on(WORKER, 12, MessagePosted(1));
    let received = |message: u32| MessageReceived { message, posted: ms(11 + u64::from(message)) };
    b.main(20, TurnBegin).main(20, received(0)).main(21, received(1)).step(one, 22, 23);
    b.main(24, TurnEnd).on(WORKER, 25, MessagePosted(2)).main(26, TurnBegin);
    b.main(26, received(2)).step(two, 27, 28).step(one, 29, 30);
    let shown = Shown::of(b);
    assert_eq!(shown.flows(fired(1)), ["timers 0 tick @5ms wakes loop 1 tick @7ms"]);
    assert_eq!(shown.flows(fired(2)), ["timers 1 tick @6ms wakes loop 1 tick @9ms"]);
    // Two messages: which of them it was is not known.
    assert_eq!(shown.flows(MessagePosted(1)), ["messages 1 message @21ms seen loop 0 turn @21ms"]);
    assert_eq!(shown.flows(MessagePosted(2)), ["messages 0 message @26ms wakes loop 1 tick @27ms"]);
    // The same from the steps' side: the second of a name has the second timer, and only the first of the last
    // turn was woken by the message.
    let step = |slice: u32| shown.flows_of(SliceRef { group: 0, lane: 0, row: 1, slice });
    assert_eq!(step(0), ["timers 0 tick @5ms wakes loop 1 tick @7ms"]);
    assert_eq!(step(1), ["timers 1 tick @6ms wakes loop 1 tick @9ms"]);
    assert_eq!(step(2), [""; 0]);
    assert_eq!(step(3), ["messages 0 message @26ms wakes loop 1 tick @27ms"]);
    assert_eq!(step(4), [""; 0]);
}

#[test]
fn a_signal_leads_to_its_handler() {
    let mut b = Builder::new();
    let (signal, handler, task) = (Signal::SIGTERM, b.label("on_term"), b.task("main"));
    b.signals(2, SignalRaised(signal)).main(5, TurnBegin);
    b.main(5, SignalDelivered { signal, raised: ms(2) }).main(6, CallbackBegin(handler));
    b.main(8, CallbackEnd(handler)).main(8, SignalHandled { signal, raised: ms(2) });
    b.main(9, TurnEnd).signals(20, SignalRaised(signal)).main(21, TurnBegin);
    b.main(21, SignalDelivered { signal, raised: ms(20) }).main(22, StepBegin(task));
    b.main(23, SignalHandled { signal, raised: ms(20) });
    b.main(24, StepEnd(task, Outcome::Pending)).main(24, TurnEnd);
    let shown = Shown::of(b);
    let story = [
        "signals 0 SIGTERM pending @5ms delivered signals 0 SIGTERM being handled @5ms",
        "signals 0 SIGTERM being handled @5ms handled loop 1 on_term @6ms",
    ];
    assert_eq!(shown.flows(SignalRaised(signal)), story);
    assert_eq!(shown.flows(SignalDelivered { signal, raised: ms(2) }), story);
    assert_eq!(
        shown.flows(SignalDelivered { signal, raised: ms(20) })[1],
        "signals 0 SIGTERM being handled @21ms handled loop 1 main @22ms"
    );
    assert_eq!(
        shown.flows(TurnBegin),
        ["signals 0 SIGTERM being handled @5ms seen loop 0 turn @5ms"]
    );
    // Its handler leads back.
    assert!(
        shown.flows(StepBegin(task)).contains(
            &"signals 0 SIGTERM being handled @21ms handled loop 1 main @22ms".to_owned()
        )
    );
    assert_eq!(
        shown.details(SignalDelivered { signal, raised: ms(2) }),
        "\
SIGTERM being handled
length: 3ms
from: 5ms
to: 8ms
raised: 2ms
delivered: 5ms
handled: 8ms
latency: 6ms
thread: main
event: #2
"
    );
}

#[test]
fn a_signal_that_no_step_handled_leads_to_what_goes_on() {
    let mut b = Builder::new();
    let (signal, task) = (Signal::SIGTERM, b.task("main"));
    b.main(1, TurnBegin).step(task, 1, 2).signals(3, SignalRaised(signal));
    b.signals(3, SignalRaised(signal)).signals(3, SignalMerged(signal));
    b.main(4, SignalDelivered { signal, raised: ms(3) });
    b.main(5, SignalHandled { signal, raised: ms(3) }).main(6, TurnEnd);
    let shown = Shown::of(b);
    assert_eq!(
        shown.flows(SignalRaised(signal))[1..],
        ["signals 0 SIGTERM being handled @4ms handled loop 0 turn @4ms"]
    );
    // The one that merged has no fate of its own, though it was sent at the same moment.
    let merged = shown.details(SignalMerged(signal));
    assert_eq!(
        merged,
        "\
SIGTERM merged with the pending one
at: 3ms
raised: 3ms
thread: signals
event: #4
"
    );
}

#[test]
fn only_the_first_step_comes_from_the_spawn() {
    let mut b = Builder::new();
    let (main, child) = (b.task("main"), b.task("child"));
    b.main(1, StepBegin(main)).main(2, TaskSpawned(child)).main(3, StepEnd(main, Outcome::Pending));
    b.step(child, 4, 5).step(child, 6, 7);
    let shown = Shown::of(b);
    let step = |slice: u32| shown.flows_of(SliceRef { group: 0, lane: 0, row: 1, slice });
    assert_eq!(step(1), ["loop 1 main @2ms spawns loop 1 child @4ms"]);
    assert_eq!(step(2), [""; 0]);
}

#[test]
fn a_call_inside_of_one_of_its_name_has_an_end_of_its_own() {
    let mut b = Builder::new();
    let sleep = b.label("sleep");
    b.main(1, BlockingBegin(sleep));
    b.blocking(TraceLane::MAIN, "sleep", 2, 3).main(4, BlockingEnd(sleep, Outcome::Failed));
    let shown = Shown::of(b);
    let of_event = |event| shown.scene.slice_of_event(&[&shown.trace], 0, event);
    assert_eq!([2, 3].map(of_event), [1, 0].map(of_event));
    let outer = shown.details(BlockingBegin(sleep));
    assert!(outer.contains("outcome: failed"), "{outer}");
}

#[test]
fn a_read_that_begins_where_a_write_ended_is_of_the_next_one() {
    let mut b = Builder::new();
    let pipe = b.label("pipe 1");
    b.main(1, PipeWritten { pipe, bytes: 4 }).main(2, PipeWritten { pipe, bytes: 6 });
    b.main(3, PipeRead { pipe, bytes: 4 }).main(4, PipeRead { pipe, bytes: 6 });
    let shown = Shown::of(b);
    assert_eq!(
        shown.flows(PipeRead { pipe, bytes: 6 }),
        ["pipes 0 6 bytes written @2ms reads pipes 0 6 bytes read @4ms"]
    );
    assert_eq!(
        shown.flows(PipeWritten { pipe, bytes: 4 }),
        ["pipes 0 4 bytes written @1ms reads pipes 0 4 bytes read @3ms"]
    );
}

/// A parent starts a child and writes it two lines, which it reads in other pieces.
fn processes() -> (Shown, Label, Label) {
    let mut b = Builder::new();
    let cat = b.process("cat[2]");
    let (name, pipe, task) = (b.label("cat[2]"), b.label("cat[2].stdin"), b.task("main"));
    let status = ExitStatus::Exited(3);
    b.main(1, StepBegin(task)).main(2, ProcessSpawned(name));
    b.main(3, PipeWritten { pipe, bytes: 4 }).main(4, PipeWritten { pipe, bytes: 6 });
    b.main(9, PipeClosed { pipe, writer: true });
    b.main(20, ProcessReaped { process: name, status }).main(21, StepEnd(task, Outcome::Done));
    b.on(cat, 3, TurnBegin).on(cat, 5, PipeRead { pipe, bytes: 5 });
    b.on(cat, 6, PipeRead { pipe, bytes: 3 }).on(cat, 7, PipeRead { pipe, bytes: 2 });
    b.on(cat, 10, PipeRead { pipe, bytes: 0 }).on(cat, 11, TurnEnd);
    b.on(cat, 12, ProcessExited { process: name, status });
    (Shown::of(b), name, pipe)
}

#[test]
fn bytes_lead_from_the_write_to_the_reads() {
    let (shown, _, pipe) = processes();
    let read = |bytes: u32| PipeRead { pipe, bytes };
    assert_eq!(
        shown.flows(PipeWritten { pipe, bytes: 6 }),
        [
            "loop 1 main @4ms does pipes 0 6 bytes written @4ms",
            "pipes 0 6 bytes written @4ms reads pipes 0 5 bytes read @5ms",
            "pipes 0 6 bytes written @4ms reads pipes 0 3 bytes read @6ms",
            "pipes 0 6 bytes written @4ms reads pipes 0 2 bytes read @7ms",
        ]
    );
    assert_eq!(
        shown.flows(read(5)),
        [
            "cat[2] loop 0 turn @5ms does pipes 0 5 bytes read @5ms",
            "pipes 0 4 bytes written @3ms reads pipes 0 5 bytes read @5ms",
            "pipes 0 6 bytes written @4ms reads pipes 0 5 bytes read @5ms",
        ]
    );
    assert_eq!(
        shown.flows(read(0))[1..],
        ["pipes 0 writing end closed @9ms reads pipes 0 end read @10ms"]
    );
}

#[test]
fn a_process_leads_from_its_spawn_to_its_loop_and_to_who_waits_for_it() {
    let (shown, name, pipe) = processes();
    assert_eq!(
        shown.flows(ProcessSpawned(name)),
        [
            "loop 1 main @2ms starts processes 0 cat[2] @2ms",
            "processes 0 cat[2] @2ms runs cat[2] loop 0 turn @3ms",
            "processes 0 cat[2] @12ms waited for loop 1 main @20ms",
        ]
    );
    let status = ExitStatus::Exited(3);
    for kind in [ProcessReaped { process: name, status }, ProcessExited { process: name, status }] {
        assert_eq!(shown.place(kind), "processes 0 cat[2]");
    }
    assert_eq!(
        shown.details(ProcessSpawned(name)),
        "\
process \"cat[2]\"
length: 10ms
from: 2ms
to: 12ms
fate: exited with status 3
waited for: 20ms
thread: main
event: #1
"
    );
    assert_eq!(
        shown.details(PipeRead { pipe, bytes: 0 }),
        "\
pipe cat[2].stdin: its end is read
at: 10ms
pipe: cat[2].stdin
thread: cat[2]
event: #11
"
    );
}

#[test]
fn details_say_of_work_what_it_cost_and_where_it_comes_from() {
    let (shown, [first, second], [_, child]) = work();
    assert_eq!(
        shown.details(JobQueued(second)),
        "\
job \"zip\"
length: 16ms
from: 4ms
to: 20ms
pool: default
submitted at: a.rs:20:9
queued: 4ms
ahead of it: 1 jobs
waited: 16ms
worker: worker-1
outcome: failed
thread: main
event: #5
"
    );
    let of_first = shown.details(JobStarted(first));
    assert!(of_first.contains("finished: 20ms\ndelivered: 31ms\nlag: 11ms\n"), "{of_first}");
    assert_eq!(
        shown.details(StepBegin(child)),
        "\
step of task \"child\"
length: 25ms
from: 6ms
to: 31ms
spawned at: a.rs:12:5
step: number 1 of this task
outcome: done
thread: main
event: #9
"
    );
    let sleep = shown.trace.labels.iter().position(|label| label == "sleep").expect("a label");
    assert_eq!(
        shown.details(BlockingBegin(Label(sleep.try_into().expect("few labels")))),
        "\
sleep
length: 23ms
from: 7ms
to: 30ms
blocks: the event loop
outcome: done
inside: step of task \"child\"
thread: main
event: #10
"
    );
    let turn = event(&shown.trace, StepBegin(child)) - 1;
    let at = shown.scene.slice_of_event(&[&shown.trace], 0, turn).expect("a turn");
    let details = shown.scene.details(at, &[&shown.trace]).expect("details");
    assert_eq!(
        details.facts[3..7],
        [
            ("budget", "20ms, exceeded by 5ms".to_owned()),
            ("number", "2 of 3".into()),
            ("time", "23ms blocked, 2ms CPU".into()),
            ("what took the time", "step of task \"child\" (a.rs:12:5), sleep".into()),
        ]
    );
}

#[test]
fn a_later_step_says_how_long_it_waited() {
    let (shown, ..) = work();
    let step = SliceRef { group: 0, lane: 0, row: 1, slice: 2 };
    let details = shown.scene.details(step, &[&shown.trace]).expect("details");
    assert_eq!(
        details.facts[4..6],
        [("step", "number 2 of this task".to_owned()), ("waited", "27ms".into())]
    );
}

#[test]
fn details_have_the_texts_of_records_output_and_reports() {
    let mut b = Builder::new();
    let (app, text) = (b.label("app"), b.label("two\nlines"));
    let tick = b.label("tick");
    b.main(2, Log { level: Level::Info, logger: app, text });
    b.main(3, Output { stream: Stream::Stderr, text, ended: false });
    b.diagnostic(4, "SLOW-1", Level::Warning).main(9, TimerFired { name: tick, due: ms(5) });
    let shown = Shown::of(b);
    assert_eq!(
        shown.details(Log { level: Level::Info, logger: app, text }),
        "log record\nat: 2ms\nlevel: INFO\nlogger: app\nthread: main\nevent: #0\ntext: two\\nlines\n"
    );
    assert_eq!(
        shown.details(Output { stream: Stream::Stderr, text, ended: false }),
        "line on stderr\nat: 3ms\nline: not ended\nthread: main\nevent: #1\ntext: two\\nlines\n"
    );
    assert_eq!(
        shown.details(Diagnostic(0)),
        "report SLOW-1\nat: 4ms\nlevel: WARNING\nlogger: asyncio\ncreated at: a.rs:3:1\nthread: main\nevent: #2\ntext: took 0.94 seconds\n"
    );
    let timer = shown.details(TimerFired { name: tick, due: ms(5) });
    assert!(timer.contains("due: 5ms\nfired: 9ms\nlag: 4ms\n"), "{timer}");
    assert_eq!(shown.details(Ended).lines().next(), Some("the run exited with status 0"));
}

#[test]
fn issues_know_their_slices() {
    let mut b = Builder::new();
    b.blocking(TraceLane::MAIN, "sleep", 2, 30);
    let trace = b.exit(100);
    let problem = |event| Problem { title: "slow\n".into(), begin: ms(2), end: ms(30), event };
    let scene = Scene::of_run(&trace, None, vec![problem(Some(1)), problem(None)]);
    let slices: Vec<_> =
        scene.issues.iter().map(|issue| issue.slice.map(|at| told(&scene, at))).collect();
    assert_eq!(slices, [Some("loop 1 sleep".to_owned()), None]);
    assert_eq!(scene.issues[0].title, "slow\\n");
}

#[test]
fn a_golden_and_a_run_stand_side_by_side() {
    let run = |late: u64, extra: bool| {
        let mut b = Builder::new();
        let (tick, gone) = (b.label("tick"), b.label("gone"));
        b.main(1, TimerFired { name: tick, due: ms(1) });
        b.main(10 + late, TimerFired { name: tick, due: ms(10) });
        if extra {
            b.main(30, CallbackBegin(gone));
        }
        b.exit(50)
    };
    let (before, trace) = (run(0, true), run(7, false));
    let text = golden::render(&before, &Kinds::ALL.into(), ms(1));
    let golden = golden::parse(&text).expect("a golden");
    let diff = diff::align(&golden, &trace);
    let problem = Problem { title: "late".into(), begin: ms(17), end: ms(17), event: Some(1) };
    let scene = Scene::of_comparison(&trace, &diff, vec![problem]);
    assert_eq!(
        super::testing::text(&scene),
        "\
== golden
main
  row 0
    1ms Same timer tick fired, due #5
    10ms Moved timer tick fired, due #6
    30ms Missing callback gone begins #7
    50ms Same exited with status 0 #8
== this run
main
  row 0
    1ms Same timer tick fired, due #0
    17ms Moved timer tick fired, due #1
    50ms Same exited with status 0 #2
"
    );
    let at = |group, slice| SliceRef { group, lane: 0, row: 0, slice };
    let flow = Flow {
        from: at(0, 1),
        from_at: ms(10),
        to: at(1, 1),
        to_at: ms(17),
        name: "the same event",
    };
    assert_eq!(scene.flows(at(0, 1), &[&trace]), [flow]);
    assert_eq!(scene.flows(at(1, 1), &[&trace]), [flow]);
    assert_eq!(scene.flows(at(0, 2), &[&trace]), []);
    assert_eq!(scene.flows(at(0, 3), &[&trace])[0].to, at(1, 2));
    assert_eq!(scene.issues[0].slice, Some(at(1, 1)));
    let details = scene.details(at(0, 1), &[&trace]).expect("details");
    assert_eq!((details.title.as_str(), details.event), ("timer tick fired, due", None));
    assert_eq!(
        details.facts,
        [
            ("at", "10ms".to_owned()),
            ("compared", "at another time than in the golden".into()),
            ("in the golden", "10ms".into()),
            ("in this run", "17ms".into()),
            ("off by", "7ms later".into()),
            ("line of the golden", "6".into()),
        ]
    );
}

#[test]
fn what_found_no_room_is_told_as_a_number() {
    let mut b = Builder::new();
    for at in 0..12 {
        b.job("hash", at, 0);
    }
    let shown = Shown::of(b);
    let at = shown.slice(JobQueued(JobId(10)));
    assert_eq!(told(&shown.scene, at), "default queue 8 3 more");
    let details = shown.scene.details(at, &[&shown.trace]).expect("details");
    assert_eq!(details.title, "3 more than there are rows");
}
