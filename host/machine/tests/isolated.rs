//! Pools of processes through the seam: small guests whose jobs are instances of themselves.

#[expect(dead_code, reason = "these guests need less")]
mod guests;

use std::sync::Arc;

use futures_lite::future::block_on;
use loopbox_machine::Config;
use loopbox_machine::config::Draw;
use loopbox_trace::{Ending, EventKind, Nanos};

use crate::guests::{program, run_with, said, sandbox};

const MS: fn(u64) -> Nanos = Nanos::from_millis;

/// A guest that gives six jobs to a pool of two processes, and says of each: its number and the kind of its
/// outcome (0 returned, 3 broken) when the loop hears of it, in milliseconds. As a process it does `task`.
fn pool(task: &str) -> String {
    format!(
        r#"
        (data (i32.const 0) "process")
        (data (i32.const 16) "hash")
        (data (i32.const 32) "0")
        (func $spin (param $times i64)
          (loop $again
            (local.set $times (i64.sub (local.get $times) (i64.const 1)))
            (br_if $again (i64.ne (local.get $times) (i64.const 0)))))
        (func $return (call $isolated.finish (i32.const 0) (i32.const 32) (i32.const 1)))
        (func $task {task})
        (func $submit (param $pool i32)
          (call $isolated.submit (local.get $pool)
            (i32.const 16) (i32.const 4) (i32.const 32) (i32.const 1)
            (i32.const 0) (i32.const 0) (i32.const 160))
          (call $say (i64.load8_u (i32.const 160))))
        (func $run (result i32) (local $pool i32) (local $left i32)
          (call $isolated.task (i32.const 128))
          (if (i32.load8_u (i32.const 128)) (then (call $task)))
          (local.set $pool (call $isolated.create-pool
            (i32.const 0) (i32.const 7) (i32.const 2)))
          (local.set $left (i32.const 6))
          (loop $more
            (call $submit (local.get $pool))
            (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
          (local.set $left (i32.const 6))
          (loop $turn
            (if (i64.eq (call $event-loop.wait (i64.const -1)) (i64.const 0x7fffffffffffffff))
              (then (drop (call $event-loop.park))))
            (loop $notice
              (call $event-loop.next-notice (i32.const 200))
              (if (i32.load8_u (i32.const 200)) (then
                (call $isolated.take-outcome (i32.load (i32.const 212)) (i32.const 240))
                (call $say (i64.extend_i32_u (i32.add
                  (i32.mul (i32.load (i32.const 212)) (i32.const 10))
                  (i32.load8_u (i32.const 244)))))
                (call $say (i64.div_u (call $monotonic-clock.now) (i64.const 1000000)))
                (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                (br $notice))))
            (br_if $turn (local.get $left)))
          (call $submit (local.get $pool))
          (i32.const 0))"#
    )
}

fn config() -> Config {
    Config { process_start: Draw::Fixed(MS(30)), ..Config::default() }
}

/// Some CPU time, and 20 ms on the clock.
const HASH: &str =
    "(call $spin (i64.const 100000)) (call $blocking.compute (i64.const 20000000)) (call $return)";

#[test]
fn each_worker_starts_once_and_runs_its_jobs_one_after_the_other() {
    let run = run_with(config(), &pool(HASH));
    assert!(matches!(run.trace.ending, Ending::Exited { status: 0 }), "{:?}", run.trace.ending);
    let said = said(&run);
    assert_eq!(said[..6], [1; 6], "the pool takes all of them");
    let rounds = [0, 50, 10, 50, 20, 70, 30, 70, 40, 90, 50, 90];
    // The loop's own microseconds are below a millisecond, the jobs' spinning is not.
    let near =
        said[6..18].iter().zip(rounds).all(|(said, round)| (round..=round + 4).contains(said));
    assert!(near, "{said:?}");
}

#[test]
fn the_trace_does_not_depend_on_the_hosts_threads() {
    let program = program(&pool(HASH));
    let config = Arc::new(config());
    let first = block_on(sandbox().run(&program, &config, 0));
    assert_eq!(first.trace.processes.len(), 6);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let run = block_on(sandbox().run(&program, &config, 0));
                assert_eq!(run.trace, first.trace);
            });
        }
    });
}

#[test]
fn a_process_that_dies_breaks_its_pool_at_that_moment() {
    let run =
        run_with(config(), &pool("(call $blocking.compute (i64.const 20000000)) (unreachable)"));
    assert!(matches!(run.trace.ending, Ending::Exited { status: 0 }), "{:?}", run.trace.ending);
    let said = said(&run);
    let outcomes: Vec<u64> = said[6..18].iter().step_by(2).map(|said| said % 10).collect();
    assert_eq!(outcomes, [3; 6], "all of them fail");
    assert!(said[7..18].iter().step_by(2).all(|&at| at == 50), "at once: {said:?}");
    assert_eq!(said[18], 0, "it takes no more");
    assert_eq!(run.trace.processes.len(), 1, "the other one is stopped, whatever it has come to");
    assert_eq!(run.trace.diagnostics[0].code, "CHILD-CRASHED");
}

#[test]
fn the_run_ends_without_waiting_for_processes() {
    let run = run_with(
        config(),
        &format!(
            "{} ",
            pool(HASH).replace(
                "(local.set $left (i32.const 6))
          (loop $turn",
                "(local.set $left (i32.const 6)) (return (i32.const 0))
          (loop $turn"
            )
        ),
    );
    assert!(matches!(run.trace.ending, Ending::Exited { status: 0 }), "{:?}", run.trace.ending);
    assert!(run.trace.processes.is_empty());
    let queued =
        run.trace.events.iter().filter(|event| matches!(event.kind, EventKind::JobQueued(_)));
    assert_eq!(queued.count(), 6);
}

#[test]
fn misuse_is_reported() {
    for (task, reason) in [
        (
            "(drop (call $isolated.create-pool (i32.const 0) (i32.const 7) (i32.const 1)))",
            "a process of a pool makes no pool",
        ),
        (
            "(drop (call $event-loop.wait (i64.const -1))) (drop (call $event-loop.wait (i64.const -1)))",
            "",
        ),
    ] {
        let run = run_with(config(), &pool(task));
        match &run.trace.ending {
            Ending::Misused { reason: found, .. } => {
                assert!(
                    found.contains("in child process hash[2]") && found.contains(reason),
                    "{found}"
                );
            }
            Ending::Deadlock { .. } if reason.is_empty() => {}
            other => panic!("{other:?}"),
        }
    }
    let outside = run_with(
        config(),
        "(func $run (result i32) (call $isolated.finish (i32.const 3) (i32.const 0) (i32.const 0)) (i32.const 0))",
    );
    assert!(matches!(outside.trace.ending, Ending::Misused { .. }), "{:?}", outside.trace.ending);
}
