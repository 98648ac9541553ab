//! Child processes and pipes through the seam: small guests that start themselves.

#[expect(dead_code, reason = "these guests need less")]
mod guests;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_lite::future::block_on;
use loopbox_machine::config::{Draw, ProgramPlan, SignalPlan};
use loopbox_machine::{Config, Run};
use loopbox_trace::{Ending, EventKind, ExitStatus, Limit, Nanos, Signal, Stream};

use crate::guests::{program, run, run_with, sandbox};

const MS: fn(u64) -> Nanos = Nanos::from_millis;

/// A guest that does `parent` as the first process and `child` as any other. `$spawn` starts a child with pipes of 8
/// bytes for standard input and output and returns its number; `$to` and `$from` are the parent's ends.
fn family(parent: &str, child: &str) -> String {
    format!(
        r#"
        (data (i32.const 0) "guest")
        (data (i32.const 16) "a.rs:1:2")
        (data (i32.const 32) "hello, world")
        (global $to (mut i32) (i32.const 0))
        (global $from (mut i32) (i32.const 0))
        (func $spawn (result i32)
          (call $process.spawn
            (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 2) (i64.const 8) (i32.const 2) (i64.const 8) (i32.const 0) (i64.const 0)
            (i32.const 16) (i32.const 8) (i32.const 128))
          (if (i32.load8_u (i32.const 128)) (then (unreachable)))
          (global.set $to (i32.load (i32.const 140)))
          (global.set $from (i32.load (i32.const 148)))
          (i32.load (i32.const 132)))
        (func $sleep (param $nanos i64) (local $pollable i32)
          (local.set $pollable (call $monotonic-clock.subscribe-duration (local.get $nanos)))
          (call $pollable.block (local.get $pollable))
          (call $pollable.drop (local.get $pollable)))
        (func $now (result i64) (call $monotonic-clock.now))
        (func $write (param $fd i32) (param $len i32) (result i32)
          (call $pipes.write-blocking (local.get $fd) (i32.const 32) (local.get $len) (i32.const 160))
          (i32.load8_u (i32.const 160)))
        (func $read (param $fd i32) (result i32)
          (call $pipes.read-blocking (local.get $fd) (i32.const 100) (i32.const 160))
          (if (result i32) (i32.load8_u (i32.const 160))
            (then (i32.const -1)) (else (i32.load (i32.const 168)))))
        (func $close (param $fd i32) (call $pipes.close (local.get $fd) (i32.const 160)))
        (func $wait (param $pid i32) (result i32)
          (call $process.wait (local.get $pid) (i32.const 160))
          (if (i32.load8_u (i32.const 160)) (then (return (i32.const -1))))
          (i32.add (i32.mul (i32.const 1000) (i32.load8_u (i32.const 161))) (i32.load8_u (i32.const 162))))
        (func $parent (local $pid i32) (local $n i32) {parent})
        (func $child (local $n i32) {child})
        (func $run (result i32)
          (if (i32.eq (call $process.id) (i32.const 1))
            (then (call $parent)) (else (call $child)))
          (i32.const 0))"#
    )
}

/// The numbers that all processes said, in order of time.
fn said(run: &Run) -> Vec<u64> {
    guests::said(run)
}

fn exited(run: &Run) -> Vec<(Nanos, ExitStatus)> {
    let picked = run.trace.events.iter().filter_map(|event| match event.kind {
        EventKind::ProcessExited { status, .. } => Some((event.at, status)),
        _ => None,
    });
    picked.collect()
}

#[test]
fn bytes_flow_through_a_full_pipe_at_the_pace_of_its_reader() {
    // 12 bytes into a pipe of 8: the parent is blocked until the child, which sleeps first, has read.
    let run = run(&family(
        "(local.set $pid (call $spawn))
         (drop (call $write (global.get $to) (i32.const 12)))
         (call $say (i64.div_u (call $now) (i64.const 1000000)))
         (call $close (global.get $to))
         (call $say (i64.extend_i32_u (call $wait (local.get $pid))))",
        "(call $sleep (i64.const 50000000))
         (loop $more
           (local.set $n (call $read (i32.const 0)))
           (if (local.get $n) (then (br $more))))
         (call $sleep (i64.const 5000000))
         (call $process.exit (i32.const 7))",
    ));
    assert_eq!(run.trace.ending, Ending::Exited { status: 0 }, "{:?}", run.trace);
    assert_eq!(said(&run), [50, 7]);
    let name = |text: &str| run.trace.labels.iter().any(|label| label == text);
    assert!(name("pipe.write:guest[2].stdin") && name("waitpid:guest"), "{:?}", run.trace.labels);
    assert_eq!(run.trace.lanes, ["main", "signals", "guest[2]", "guest[2] signals"]);
    assert_eq!(exited(&run).len(), 1);
    assert_eq!(run.trace.diagnostics, []);
}

#[test]
fn a_child_that_spins_is_killed_at_the_right_moment_and_leaves_nothing_after_it() {
    let run = run(&family(
        "(local.set $pid (call $spawn))
         (call $sleep (i64.const 100000000))
         (call $process.kill (local.get $pid) (i32.const 9) (i32.const 160))
         (call $say (i64.extend_i32_u (call $wait (local.get $pid))))",
        "(loop $for-ever
           (local.set $n (i32.add (local.get $n) (i32.const 1)))
           (br $for-ever))",
    ));
    assert_eq!(said(&run), [1009]);
    let [(at, status)] = exited(&run)[..] else { panic!("one child") };
    assert_eq!(status, ExitStatus::Signalled(Signal::SIGKILL));
    assert!((MS(100)..MS(101)).contains(&at), "{at}");
    let late = run.trace.events.iter().filter(|event| !run.trace.is_first_process(event.lane));
    assert!(late.into_iter().all(|event| event.at <= at));
}

#[test]
fn each_program_has_a_price_for_its_fuel() {
    let spins = "(loop $more
           (local.set $n (i32.add (local.get $n) (i32.const 1)))
           (br_if $more (i32.lt_u (local.get $n) (i32.const 10000))))";
    let starts_one = "(local.set $pid (call $spawn)) (drop (call $wait (local.get $pid)))";
    let child = program(&family("(unreachable)", spins));
    let parent = program(&family(starts_one, "(unreachable)"));
    let parent = parent.with_programs(BTreeMap::from([("guest".to_owned(), child)]));
    let ends_at = |own, childs| {
        let start = Draw::Fixed(Nanos::ZERO);
        let plan = ProgramPlan { name: "guest".into(), start, ps_per_fuel: childs };
        let config = Config {
            program_name: "parent".into(),
            ps_per_fuel: own,
            programs: vec![plan],
            ..Config::default()
        };
        let run = block_on(sandbox().run(&parent, &Arc::new(config), 0));
        assert_eq!(run.trace.ending, Ending::Exited { status: 0 });
        let [(at, _)] = exited(&run)[..] else { panic!("one child") };
        at.0
    };
    let (cheap, dear) = (ends_at(1_000, 1_000), ends_at(1_000, 10_000));
    // The parent, who burns next to nothing, has its own.
    assert!((9 * cheap..10 * cheap).contains(&dear), "{cheap} {dear}");
    let parents = ends_at(10_000, 1_000) - cheap;
    assert!(parents < cheap / 10, "{cheap} {parents}");
}

#[test]
fn a_wait_of_the_loop_depends_on_the_others_and_is_told_of_their_ends() {
    // wait says "park"; parked until the child has ended at 30 ms, long before the deadline.
    let run = run(&family(
        "(local $wake i64)
         (local.set $pid (call $spawn))
         (local.set $wake (call $event-loop.wait (i64.const 900000000)))
         (call $say (i64.extend_i32_u (i64.eq (local.get $wake) (i64.const 0x7fffffffffffffff))))
         (local.set $wake (call $event-loop.park))
         (call $say (i64.div_u (i64.and (local.get $wake) (i64.const 0x7fffffffffffffff)) (i64.const 1000000)))
         (call $event-loop.next-notice (i32.const 200))
         (call $say (i64.extend_i32_u (i32.load8_u (i32.const 208))))
         (call $say (i64.extend_i32_u (i32.load (i32.const 212))))
         (call $process.try-wait (i32.const 2) (i32.const 160))
         (call $say (i64.extend_i32_u (i32.load8_u (i32.const 161))))
         (call $process.try-wait (i32.const 2) (i32.const 160))
         (call $say (i64.extend_i32_u (i32.load8_u (i32.const 160))))",
        "(call $sleep (i64.const 30000000))",
    ));
    assert_eq!(said(&run), [1, 30, 6, 2, 1, 1], "{:?}", run.trace.ending);
}

#[test]
fn a_pipe_that_nobody_reads_any_more_is_broken_and_one_without_writers_ends() {
    let run = run(&family(
        "(local.set $pid (call $spawn))
         (call $sleep (i64.const 10000000))
         (call $say (i64.extend_i32_u (call $write (global.get $to) (i32.const 1))))
         (call $say (i64.extend_i32_u (i32.load8_u (i32.const 161))))
         (call $say (i64.extend_i32_u (call $read (global.get $from))))
         (call $say (i64.extend_i32_u (call $wait (local.get $pid))))
         (call $say (i64.extend_i32_u (i32.eq (call $wait (local.get $pid)) (i32.const -1))))",
        "(nop)",
    ));
    // `broken-pipe` is the third of the errors.
    assert_eq!(said(&run), [1, 2, 0, 0, 1]);
}

#[test]
fn both_ways_full_is_a_deadlock_that_names_the_pipes() {
    let run = run(&family(
        "(drop (call $spawn))
         (drop (call $write (global.get $to) (i32.const 12)))",
        "(drop (call $write (i32.const 1) (i32.const 12)))",
    ));
    let Ending::Deadlock { waiting } = &run.trace.ending else { panic!("{:?}", run.trace.ending) };
    assert_eq!(
        waiting[..],
        [
            "process 1 (main) is blocked writing to pipe \"guest[2].stdin\", which is full (8 bytes); its reader is process 2 (guest)",
            "process 2 (guest) is blocked writing to pipe \"guest[2].stdout\", which is full (8 bytes); its reader is process 1 (main)",
        ]
    );
}

#[test]
fn a_child_that_polls_its_output_is_blocked_on_that_pipe() {
    let run = run(&family(
        "(drop (call $wait (call $spawn)))",
        "(drop (call $write (i32.const 1) (i32.const 8)))
         (call $pollable.block (call $output-stream.subscribe (call $stdout.get-stdout)))",
    ));
    let Ending::Deadlock { waiting } = &run.trace.ending else { panic!("{:?}", run.trace.ending) };
    assert_eq!(
        waiting[..],
        [
            "process 1 (main) is blocked waiting for the end of process 2 (guest)",
            "process 2 (guest) is blocked writing to pipe \"guest[2].stdout\", which is full (8 bytes); its reader is process 1 (main)",
        ]
    );
    let name = |text: &str| run.trace.labels.iter().any(|label| label == text);
    assert!(name("pipe.write:guest[2].stdout"));
}

#[test]
fn a_thread_waits_for_several_descriptors_or_a_moment() {
    let poll = |until: &str| {
        format!(
            "(call $pipes.poll (i32.const 300) (i32.const 2) ({until}) (i32.const 320))
             (call $say (i64.div_u (call $now) (i64.const 1000000)))
             (call $say (i64.extend_i32_u (i32.load (i32.const 328))))"
        )
    };
    let (at_10_ms, for_ever) = (poll("i64.const 10000000"), poll("i64.const -1"));
    let run = run(&family(
        &format!(
            "(local.set $pid (call $spawn))
             (i32.store (i32.const 300) (global.get $from))
             (i32.store (i32.const 308) (global.get $to))
             {at_10_ms}
             {for_ever}
             (call $say (i64.extend_i32_u (i32.load (i32.load (i32.const 324)))))
             {at_10_ms}
             (drop (call $read (global.get $from)))
             {for_ever}
             (i32.store (i32.const 300) (i32.const 99))
             (call $pipes.poll (i32.const 300) (i32.const 1) (i64.const -1) (i32.const 320))
             (call $say (i64.extend_i32_u (i32.load8_u (i32.const 320))))"
        ),
        "(call $sleep (i64.const 50000000))
         (drop (call $write (i32.const 1) (i32.const 1)))
         (call $sleep (i64.const 100000000))",
    ));
    assert_eq!(run.trace.ending, Ending::Exited { status: 0 }, "{:?}", run.trace);
    let nothing_in_time = [10, 0];
    let bytes_from_the_first = [50, 1, 0];
    let at_once_though_the_moment_is_past = [50, 1];
    let both_ends_when_the_child_ends = [150, 2];
    let no_such_descriptor = [1];
    let expected = [
        &nothing_in_time[..],
        &bytes_from_the_first,
        &at_once_though_the_moment_is_past,
        &both_ends_when_the_child_ends,
        &no_such_descriptor,
    ];
    assert_eq!(said(&run), expected.concat());
    assert!(run.trace.labels.iter().any(|label| label == "poll"), "{:?}", run.trace.labels);
}

#[test]
fn a_child_that_traps_dies_of_sigabrt_with_a_report() {
    let run =
        run(&family("(call $say (i64.extend_i32_u (call $wait (call $spawn))))", "(unreachable)"));
    assert_eq!(said(&run), [1006]);
    assert_eq!(run.trace.diagnostics.len(), 1);
    let report = &run.trace.diagnostics[0];
    assert_eq!(report.code, "CHILD-CRASHED");
    assert!(report.text.starts_with("child process guest[2] trapped:"), "{}", report.text);
}

#[test]
fn children_that_were_left_behind_are_reported() {
    let run = run(&family(
        "(drop (call $spawn)) (call $sleep (i64.const 20000000)) (drop (call $spawn))",
        "(if (i32.eq (call $process.id) (i32.const 3)) (then (call $sleep (i64.const 900000000))))",
    ));
    let reports: Vec<_> = run.trace.diagnostics.iter().map(|report| &report.code).collect();
    assert_eq!(reports, ["ZOMBIE", "ORPHAN-CHILD"]);
    assert_eq!(run.trace.diagnostics[1].created.as_deref(), Some("a.rs:1:2"));
    assert!(run.trace.finished < MS(21));
}

#[test]
fn limits_are_the_runs_and_not_each_processs() {
    let limits = loopbox_machine::config::Limits { fuel: 40_000_000, ..Default::default() };
    let config = Config { limits, ..Config::default() };
    let spins = "(loop $for-ever (br $for-ever))";
    let run = run_with(config, &family(&format!("(drop (call $spawn)) {spins}"), spins));
    let Ending::LimitReached { limit: Limit::Fuel, .. } = run.trace.ending else {
        panic!("{:?}", run.trace.ending)
    };
}

#[test]
fn a_fatal_signal_of_the_scenario_ends_a_process_that_is_blocked_on_another() {
    let at = loopbox_machine::config::Draw::Fixed(MS(15));
    let config =
        Config { signals: vec![SignalPlan { signal: Signal::SIGTERM, at }], ..Config::default() };
    let run = run_with(
        config,
        &family(
            "(drop (call $spawn)) (drop (call $read (global.get $from)))",
            "(call $sleep (i64.const 900000000))",
        ),
    );
    assert_eq!(run.trace.ending, Ending::Signalled { signal: Signal::SIGTERM });
    assert_eq!(run.trace.finished, MS(15));
}

#[test]
fn several_processes_leave_the_same_trace_every_time() {
    let guest = family(
        "(drop (call $spawn)) (drop (call $spawn)) (drop (call $spawn))
         (call $sleep (i64.const 1000000))
         (loop $more
           (local.set $n (call $read (global.get $from)))
           (if (local.get $n) (then (call $say (i64.extend_i32_u (local.get $n))) (br $more))))",
        "(loop $more
           (local.set $n (i32.add (local.get $n) (i32.const 1)))
           (drop (call $write (i32.const 1) (i32.rem_u (local.get $n) (i32.const 12))))
           (call $sleep (i64.const 100000))
           (br_if $more (i32.lt_u (local.get $n) (i32.const 50))))",
    );
    let (program, config) = (program(&guest), std::sync::Arc::new(Config::default()));
    let runs: Vec<Run> = (0..3).map(|_| block_on(sandbox().run(&program, &config, 0))).collect();
    assert!(runs[0].trace.output(Stream::Stdout).len() > 20, "{:?}", runs[0].trace.ending);
    assert_eq!(runs[0].trace, runs[1].trace);
    assert_eq!(runs[0].trace, runs[2].trace);
}
