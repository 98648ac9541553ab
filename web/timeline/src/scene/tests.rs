//! What scenes are made of: each rule with a trace made by hand.

use loopbox_trace::EventKind::*;
use loopbox_trace::{ExitStatus, JobId, Lane as TraceLane, Level, Outcome, Signal, Stream};

use super::testing::{Builder, ms, text};
use super::*;
use loopbox_trace::PoolId;

const WORKER: TraceLane = TraceLane::worker(0);

/// Holds the lanes of a trace against their text, without the mark where the run ends.
#[track_caller]
fn check(b: Builder, expected: &str) {
    let scene = Scene::of_run(&b.exit(100), Some(ms(20)), Vec::new());
    let shown = text(&scene);
    let lines = shown.lines().filter(|line| !line.starts_with("    100ms End end #"));
    assert_eq!(lines.collect::<Vec<_>>().join("\n"), expected.trim_end());
}

#[test]
fn turns_hold_steps_and_steps_hold_blocking_calls() {
    let mut b = Builder::new();
    let (task, tick, net, app) = (b.task("fetch"), b.label("tick"), b.label("net"), b.label("app"));
    b.main(0, TurnBegin).main(1, StepBegin(task));
    b.blocking(TraceLane::MAIN, "db.query", 2, 12);
    b.main(12, HandlerBegin { handler: net, logger: app });
    b.blocking(TraceLane::MAIN, "send", 12, 13);
    b.main(14, HandlerEnd { handler: net, logger: app });
    b.main(15, StepEnd(task, Outcome::Pending));
    b.main(15, CallbackBegin(tick)).main(20, CallbackEnd(tick));
    b.main(20, TurnEnd).main(30, TurnBegin).main(51, TurnEnd);
    check(
        b,
        "\
loop
  row 0
    0s..20ms Turn turn #0
    30ms..51ms Stall turn #12
  row 1
    1ms..15ms Step fetch #1
    15ms..20ms Callback tick #9
  row 2
    2ms..12ms BlockingOnLoop db.query #2
    12ms..14ms Callback net #4
  row 3
    12ms..13ms BlockingOnLoop send #5
log
  row 0 handlers
    12ms..14ms Log net #4",
    );
}

#[test]
fn what_has_not_ended_ends_with_the_run_or_with_what_is_around_it() {
    let mut b = Builder::new();
    let (task, query) = (b.task("fetch"), b.label("db.query"));
    b.main(0, TurnBegin).main(1, StepBegin(task)).main(2, BlockingBegin(query)).main(5, TurnEnd);
    b.main(10, TurnBegin).main(11, TurnBegin).main(12, StepBegin(task));
    check(
        b,
        "\
loop
  row 0
    0s..5ms Turn turn #0
    10ms..11ms Turn turn #4
    11ms..100ms Stall turn #5
  row 1
    1ms..5ms Step fetch #1
    12ms..100ms Step fetch #6
  row 2
    2ms..5ms BlockingOnLoop db.query #2",
    );
}

#[test]
fn without_a_budget_no_turn_is_a_stall() {
    let mut b = Builder::new();
    b.main(0, TurnBegin).main(99, TurnEnd);
    let scene = Scene::of_run(&b.exit(100), None, Vec::new());
    assert_eq!(scene.groups[0].lanes[0].rows[0].slice(0).map(|turn| turn.look), Some(Look::Turn));
    let mut b = Builder::new();
    b.main(0, TurnBegin).main(20, TurnEnd).main(30, TurnBegin).main(51, TurnEnd);
    let scene = Scene::of_run(&b.exit(100), Some(ms(20)), Vec::new());
    let looks: Vec<Look> =
        scene.groups[0].lanes[0].rows[0].slices().map(|turn| turn.look).collect();
    assert_eq!(looks, [Look::Turn, Look::Stall, Look::End]);
}

#[test]
fn a_blocking_call_outside_of_turns_and_jobs_is_shown_too() {
    let mut b = Builder::new();
    b.blocking(TraceLane::MAIN, "sleep", 1, 3).blocking(WORKER, "sleep", 2, 4);
    check(
        b,
        "\
loop
  row 0
  row 1
    1ms..3ms BlockingOnLoop sleep #0
worker-1
  row 0
    2ms..4ms BlockingInPool sleep #2",
    );
}

#[test]
fn endless_nesting_is_cut() {
    let mut b = Builder::new();
    let call = b.label("call");
    for at in 0..90 {
        b.main(at, BlockingBegin(call));
    }
    let scene = Scene::of_run(&b.exit(100), None, Vec::new());
    assert_eq!(scene.groups[0].lanes[0].rows.len(), 16);
}

#[test]
fn a_clock_that_goes_back_makes_no_slice_that_overlaps() {
    let mut b = Builder::new();
    let task = b.task("fetch");
    b.main(50, TurnBegin)
        .step(task, 60, 40)
        .step(task, 30, 20)
        .main(10, TurnEnd)
        .main(5, TurnBegin);
    check(
        b,
        "\
loop
  row 0
    50ms..60ms Turn turn #0
    60ms..100ms Stall turn #6
  row 1
    60ms Step fetch #1
    60ms Step fetch #3",
    );
}

#[test]
fn jobs_wait_in_their_queue_and_run_on_their_worker() {
    let mut b = Builder::new();
    let first = b.job("hash", 1, 0);
    b.on(WORKER, 1, JobStarted(first));
    let (second, third, fourth) = (b.job("zip", 2, 0), b.job("zip", 3, 1), b.job("late", 50, 0));
    b.blocking(WORKER, "db.query", 4, 8).on(WORKER, 10, JobFinished(first, Outcome::Done));
    b.on(WORKER, 10, JobStarted(second)).on(WORKER, 20, JobFinished(second, Outcome::Failed));
    b.main(12, JobFinished(third, Outcome::Cancelled));
    let _ = fourth;
    check(
        b,
        "\
loop
  row 0
default queue
  row 0
    2ms..10ms Queued zip #2
    50ms..100ms Queued late #4
  row 1
    3ms..12ms Queued zip #3
worker-1
  row 0
    1ms..10ms Job hash #1
    10ms..20ms Job zip #8
  row 1
    4ms..8ms BlockingInPool db.query #5",
    );
}

#[test]
fn each_pool_has_its_queue_above_its_workers() {
    let mut b = Builder::new();
    b.trace.lanes.push("io-1".into());
    b.trace.pools.push(loopbox_trace::model::Pool { name: "io".into(), workers: 1 });
    let jobs: Vec<JobId> = (0..4).map(|job| b.job("job", job, 0)).collect();
    for job in [2, 3] {
        b.trace.jobs[job].pool = PoolId(1);
    }
    for (at, job, lane) in
        [(10, 0, WORKER), (20, 1, WORKER), (10, 2, TraceLane(4)), (20, 3, TraceLane(4))]
    {
        b.on(lane, at, JobStarted(jobs[job])).on(
            lane,
            at + 5,
            JobFinished(jobs[job], Outcome::Done),
        );
    }
    let scene = Scene::of_run(&b.exit(100), None, Vec::new());
    let titles: Vec<&str> = scene.groups[0].lanes.iter().map(|lane| &*lane.title).collect();
    assert_eq!(titles, ["loop", "default queue", "worker-1", "io queue", "io-1"]);
}

#[test]
fn timers_run_from_due_to_fired() {
    let mut b = Builder::new();
    let (tick, tock) = (b.label("tick"), b.label("tock"));
    b.main(10, TimerFired { name: tick, due: ms(4) })
        .main(11, TimerFired { name: tock, due: ms(2) });
    b.main(12, TimerFired { name: tick, due: ms(12) })
        .main(13, TimerFired { name: tick, due: ms(99) });
    check(
        b,
        "\
loop
  row 0
timers
  row 0
    2ms..11ms Timer tock #1
    12ms Timer tick #2
    13ms Timer tick #3
  row 1
    4ms..10ms Timer tick #0",
    );
}

#[test]
fn signals_are_pending_then_handled_or_come_to_nothing() {
    let mut b = Builder::new();
    let (term, int, child) =
        (Signal::SIGTERM, Signal::SIGINT, "SIGCHLD".parse().expect("a signal"));
    b.signals(1, SignalRaised(term)).signals(3, SignalRaised(term)).signals(3, SignalMerged(term));
    b.signals(4, SignalRaised(child)).signals(4, SignalDefault(child));
    b.main(6, SignalDelivered { signal: term, raised: ms(1) });
    b.main(9, SignalHandled { signal: term, raised: ms(1) });
    b.signals(20, SignalRaised(term)).main(21, SignalDelivered { signal: term, raised: ms(20) });
    b.signals(30, SignalRaised(int));
    b.signals(40, SignalRaised(term)).signals(40, SignalDefault(term));
    check(
        b,
        "\
loop
  row 0
signals
  row 0
    1ms..6ms SignalPending SIGTERM pending #0
    6ms..9ms SignalHandled SIGTERM being handled #5
    20ms..21ms SignalPending SIGTERM pending #7
    21ms..100ms SignalLost SIGTERM never handled #8
  row 1
    3ms SignalDropped SIGTERM merged with the pending one #1
    4ms SignalDropped SIGCHLD ignored #3
    30ms..100ms SignalLost SIGINT never delivered #9
  row 2
    40ms SignalLost SIGTERM ends the process #10",
    );
}

#[test]
fn messages_run_from_the_thread_to_the_loop() {
    let mut b = Builder::new();
    b.on(WORKER, 2, MessagePosted(0)).on(WORKER, 3, MessagePosted(1));
    b.main(5, MessageReceived { message: 0, posted: ms(2) });
    b.main(9, MessageReceived { message: 7, posted: ms(8) });
    check(
        b,
        "\
loop
  row 0
messages
  row 0
    2ms..5ms Message message #0
    8ms..9ms Message message #3
  row 1
    3ms..100ms Message message, never received #1",
    );
}

#[test]
fn the_log_has_records_output_and_handlers_and_reports_have_their_level() {
    let mut b = Builder::new();
    let (app, text, net) = (b.label("app"), b.label("hello"), b.label("net"));
    b.on(WORKER, 5, Log { level: Level::Error, logger: app, text });
    b.main(2, Log { level: Level::Info, logger: app, text });
    b.main(3, Log { level: Level::Warning, logger: app, text });
    b.main(3, HandlerBegin { handler: net, logger: app })
        .main(4, HandlerEnd { handler: net, logger: app });
    b.main(6, Output { stream: Stream::Stdout, text, ended: true });
    b.diagnostic(7, "SLOW-1", Level::Warning).diagnostic(7, "BLOCK", Level::Error);
    check(
        b,
        "\
loop
  row 0
  row 1
    3ms..4ms Callback net #3
log
  row 0 records
    2ms Log hello #1
    3ms Warning hello #2
    5ms Error hello #0
  row 1 output
    6ms Log hello #5
  row 2 handlers
    3ms..4ms Log net #3
diagnostics
  row 0
    7ms Warning SLOW-1 took 0.94 seconds #6
  row 1
    7ms Error BLOCK took 0.94 seconds #7",
    );
}

#[test]
fn each_process_has_its_lanes_and_what_it_shares_is_shown_once() {
    let mut b = Builder::new();
    let cat = b.process("cat[2]");
    let dog = b.process("dog[3]");
    let (name, pipe, tick) = (b.label("cat[2]"), b.label("cat[2].stdin"), b.label("tick"));
    b.main(1, ProcessSpawned(name)).main(2, PipeWritten { pipe, bytes: 7 });
    b.main(9, PipeClosed { pipe, writer: true });
    b.on(cat, 2, TurnBegin).on(cat, 3, PipeRead { pipe, bytes: 7 });
    b.on(cat, 4, TimerFired { name: tick, due: ms(3) });
    b.on(cat, 10, PipeRead { pipe, bytes: 0 });
    b.on(cat, 12, ProcessExited { process: name, status: ExitStatus::Exited(0) });
    b.main(13, ProcessReaped { process: name, status: ExitStatus::Exited(0) });
    b.on(dog, 20, TurnBegin);
    check(
        b,
        "\
loop
  row 0
processes
  row 0
    1ms..12ms Process cat[2] #0
    20ms..100ms Process dog[3] #9
pipes
  row 0 cat[2].stdin
    2ms Pipe 7 bytes written #1
    3ms Pipe 7 bytes read #4
    9ms Pipe writing end closed #2
    10ms Pipe end read #6
cat[2] loop
  row 0
    2ms..12ms Turn turn #3
    12ms End end #7
cat[2] timers
  row 0
    3ms..4ms Timer tick #5
dog[3] loop
  row 0
    20ms..100ms Stall turn #9",
    );
}

#[test]
fn many_pipes_share_a_row() {
    let mut b = Builder::new();
    for pipe in 0..30 {
        let pipe = b.label(&format!("pipe-{pipe}"));
        b.main(1, PipeCreated(pipe));
    }
    let scene = Scene::of_run(&b.exit(100), None, Vec::new());
    let pipes = scene.groups[0].lanes.last().expect("the lane of pipes");
    assert_eq!((pipes.kind, pipes.rows.len(), pipes.rows[24].len()), (LaneKind::Pipes, 25, 6));
}

#[test]
fn names_are_bounded_and_harmless() {
    let mut b = Builder::new();
    let evil = "<script>\u{202e}\u{1b}[2J\n".to_owned() + &"x".repeat(1_000_000);
    let (task, label, process) = (b.task(&evil), b.label(&evil), b.process(&evil));
    let job = b.job(&evil, 1, 0);
    b.trace.pools[0].name.clone_from(&evil);
    b.trace.lanes[2].clone_from(&evil);
    b.step(task, 1, 2).main(3, TimerFired { name: label, due: ms(1) }).main(3, PipeCreated(label));
    b.main(3, Output { stream: Stream::Stdout, text: label, ended: true });
    b.diagnostic(3, &evil, Level::Error).main(3, ProcessSpawned(label));
    b.on(WORKER, 3, JobStarted(job)).on(process, 4, TurnBegin);
    let trace = b.exit(100);
    let problem = Problem { title: evil, begin: ms(1), end: ms(2), event: Some(1) };
    let scene = Scene::of_two([&trace, &trace], ["\u{202e}", "new"], None, vec![problem]);
    let titles = scene.groups.iter().flat_map(|group| {
        group.lanes.iter().map(|lane| &lane.title).chain(std::iter::once(&group.title))
    });
    let issues = scene.issues.iter().map(|issue| &issue.title);
    let mut facts = Vec::new();
    for index in 0..trace.events.len() {
        let event = u32::try_from(index).expect("few events");
        if let Some(at) = scene.slice_of_event(&[&trace, &trace], 1, event) {
            let details = scene.details(at, &[&trace, &trace]).expect("details of a slice");
            facts.push(details.title);
            facts.extend(details.facts.into_iter().map(|(_, words)| words));
            facts.extend(details.text);
        }
    }
    for text in scene.names.iter().chain(titles).chain(issues).chain(&facts) {
        assert!(text.chars().count() < 1_500, "{} characters", text.chars().count());
        assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'), "{text:?}");
    }
    assert!(scene.names.iter().any(|name| name.starts_with("<script>")));
}

#[test]
fn a_trace_with_nothing_is_a_scene_with_its_end() {
    let scene = Scene::of_run(&Builder::new().exit(100), None, Vec::new());
    assert_eq!(text(&scene), "loop\n  row 0\n    100ms End end #0\n");
    assert_eq!(scene.end, ms(100));
    let mut empty = Builder::new().exit(3);
    (empty.events, empty.lanes) = (Vec::new(), Vec::new());
    let scene = Scene::of_run(&empty, None, Vec::new());
    assert_eq!((text(&scene).as_str(), scene.end), ("", ms(3)));
}

#[test]
fn two_runs_stand_on_one_clock() {
    let (mut old, mut new) = (Builder::new(), Builder::new());
    old.main(1, TurnBegin).main(2, TurnEnd);
    new.main(1, TurnBegin).main(30, TurnEnd);
    let (old, new) = (old.exit(10), new.exit(40));
    let problem = Problem { title: "late".into(), begin: ms(1), end: ms(2), event: Some(1) };
    let scene = Scene::of_two([&old, &new], ["old", "new"], Some(ms(20)), vec![problem]);
    assert_eq!(
        text(&scene),
        "\
== old
loop
  row 0
    1ms..2ms Turn turn #0
    10ms End end #2
== new
loop
  row 0
    1ms..30ms Stall turn #0
    40ms End end #2
"
    );
    assert_eq!(scene.end, ms(40));
    let place = |group| Some(SliceRef { group, lane: 0, row: 0, slice: 0 });
    assert_eq!(scene.issues[0].slice, place(0));
    assert_eq!(scene.slice_of_event(&[&old, &new], 1, 1), place(1));
}

/// The traces are those of scenarios in `scenarios/asyncio`: a loop that reads a pipe itself, and a log whose
/// handler goes to the network on a worker.
#[test]
fn the_scenes_of_whole_runs_are_as_their_goldens() {
    for name in ["blocking-read", "network-fails"] {
        let goldens = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens");
        let stored = std::fs::read(goldens.join(format!("{name}.trace.jsonl"))).expect("a trace");
        let trace = loopbox_trace::store::read(&stored[..]).expect("a trace");
        let shown = text(&Scene::of_run(&trace, Some(ms(20)), Vec::new()));
        let golden = goldens.join(format!("{name}.scene"));
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&golden, &shown).expect("a golden can be written");
        }
        let golden = std::fs::read_to_string(&golden).unwrap_or_default().replace("\r\n", "\n");
        assert_eq!(shown, golden, "{name}: BLESS=1 writes it anew");
    }
}

#[test]
fn a_child_without_a_loop_may_block() {
    let mut b = Builder::new();
    let (cat, dog) = (b.process("cat[2]"), b.process("dog[3]"));
    let sleep = b.label("sleep");
    b.blocking(cat, "sleep", 1, 3).on(cat, 5, BlockingBegin(sleep));
    b.blocking(dog, "sleep", 1, 3).on(dog, 5, TurnBegin);
    let scene = Scene::of_run(&b.exit(100), None, Vec::new());
    let shown: Vec<(&str, Vec<Look>)> = scene.groups[0]
        .lanes
        .iter()
        .filter(|lane| lane.process > 0)
        .map(|lane| {
            (&*lane.title, lane.rows.iter().flat_map(Row::slices).map(|it| it.look).collect())
        })
        .collect();
    let calm = vec![Look::BlockingInPool; 2];
    let red = vec![Look::Turn, Look::BlockingOnLoop];
    assert_eq!(shown, [("cat[2] main", calm), ("dog[3] loop", red)]);
}

#[test]
fn what_a_child_has_not_ended_ends_with_the_child() {
    let mut b = Builder::new();
    let cat = b.process("cat[2]");
    let (name, sleep) = (b.label("cat[2]"), b.label("sleep"));
    let (signals, worker) = (TraceLane(cat.0 + 1), TraceLane(cat.0 + 2));
    b.on(worker, 3, BlockingBegin(sleep)).on(signals, 4, SignalRaised(Signal::SIGINT));
    b.on(worker, 5, MessagePosted(0)).on(cat, 6, TurnBegin);
    b.on(cat, 9, ProcessExited { process: name, status: ExitStatus::Exited(0) });
    check(
        b,
        "\
loop
  row 0
processes
  row 0
    3ms..9ms Process cat[2] #0
cat[2] loop
  row 0
    6ms..9ms Turn turn #3
    9ms End end #4
cat[2] signals
  row 0
    4ms..9ms SignalLost SIGINT never delivered #1
cat[2] messages
  row 0
    5ms..9ms Message message, never received #2
cat[2] worker-1
  row 0
    3ms..9ms BlockingInPool sleep #0",
    );
}
