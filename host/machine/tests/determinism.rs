//! The same program, configuration and seed give the same trace: again, on other threads, in another
//! sandbox, from a stored artefact, and whatever else has been running.

mod guests;

use std::pin::pin;
use std::sync::Arc;
use std::thread;

use futures_lite::future::{block_on, poll_once, zip};
use globset::Glob;
use guests::{component, events, main, program, run, said, sandbox};
use loopbox_machine::config::{BlockingRule, Draw, Failure, SignalPlan};
use loopbox_machine::{Config, Program, Run, Sandbox, Settings};
use loopbox_trace::{Ending, Group, Nanos, Signal};

/// Leaves as much open as a scenario can.
fn config() -> Arc<Config> {
    let ms = Nanos::from_millis;
    let rule = BlockingRule {
        call: Glob::new("db.*").expect("a pattern").compile_matcher(),
        takes: Draw::Between(ms(5), ms(80)),
        fails: Some(Failure { per_million: 300_000, error: "timed out".into() }),
        returns: b"rows".to_vec(),
    };
    let at = Draw::OneOf((0..100).map(Nanos::from_millis).collect());
    Arc::new(Config {
        blocking: vec![rule],
        signals: vec![SignalPlan { signal: Signal::SIGTERM, at }],
        workers: 2,
        ps_per_fuel: 333,
        ..Config::default()
    })
}

/// Handles SIGTERM, submits four jobs that each call `db.query`, runs them, sleeps, prints random
/// numbers and what it computed, until the time is 200 ms.
fn busy_guest() -> String {
    let body = r#"(local $i i64)
        (call $signals.add-handler (i32.const 15) (i32.const 0))
        (drop (call $jobs.submit
          (i32.const 0) (i32.const 512) (i32.const 8) (i32.const 0) (i32.const 0) (i32.const 1)))
        (drop (call $jobs.submit
          (i32.const 0) (i32.const 512) (i32.const 8) (i32.const 0) (i32.const 0) (i32.const 1)))
        (drop (call $jobs.submit
          (i32.const 0) (i32.const 512) (i32.const 8) (i32.const 0) (i32.const 0) (i32.const 1)))
        (drop (call $jobs.submit
          (i32.const 0) (i32.const 512) (i32.const 8) (i32.const 0) (i32.const 0) (i32.const 1)))
        (loop $turn
          (drop (call $event-loop.wait
            (i64.add (call $monotonic-clock.now) (i64.const 10_000_000))))
          (block $taken (loop $take
            (call $event-loop.next-notice (i32.const 0))
            (br_if $taken (i32.eqz (i32.load8_u (i32.const 0))))
            (if (i32.eq (i32.load8_u (i32.const 8)) (i32.const 1)) (then
              (call $jobs.begin (i32.load (i32.const 12)))
              (call $blocking.call
                (i32.const 512) (i32.const 8) (i32.const 0) (i32.const 0) (i32.const 32))
              (call $jobs.end (i32.load (i32.const 12)) (i32.const 1))))
            (call $say (i64.load (i32.const 16)))
            (br $take)))
          (local.set $i (i64.and (call $random.get-random-u64) (i64.const 0xffff)))
          (call $say (local.get $i))
          (loop $burn
            (br_if $burn (i64.ge_s
              (local.tee $i (i64.sub (local.get $i) (i64.const 1))) (i64.const 0))))
          (br_if $turn (i64.lt_u (call $monotonic-clock.now) (i64.const 200_000_000))))"#;
    format!(r#"(data (i32.const 512) "db.query") {}"#, main(body))
}

fn once(sandbox: &Sandbox, program: &Program, seed: u64) -> Run {
    block_on(sandbox.run(program, &config(), seed))
}

/// The trace of the busy guest, which has really done something.
fn expected(seed: u64) -> Run {
    let run = once(sandbox(), &program(&busy_guest()), seed);
    assert_eq!(run.trace.ending, Ending::Exited { status: 0 });
    assert_eq!(run.choices.len(), 9, "a signal, four calls that take a time and may fail");
    assert_eq!(events(&run, |kind| kind.group() == Group::Blocking).len(), 8);
    run
}

#[track_caller]
fn assert_same(run: &Run, expected: &Run) {
    assert_eq!(run.trace, expected.trace);
    assert_eq!((run.seed, &run.choices), (expected.seed, &expected.choices));
}

#[test]
fn fifty_runs_are_equal() {
    let (program, expected) = (program(&busy_guest()), expected(1));
    for _ in 0..50 {
        assert_same(&once(sandbox(), &program, 1), &expected);
    }
}

#[test]
fn other_seeds_give_other_runs() {
    let program = program(&busy_guest());
    let mut finished: Vec<_> =
        (0..20).map(|seed| once(sandbox(), &program, seed).trace.finished).collect();
    finished.sort_unstable();
    finished.dedup();
    assert_eq!(finished.len(), 20);
}

#[test]
fn runs_on_eight_threads_at_once_are_equal() {
    let (program, expected) = (program(&busy_guest()), [expected(1), expected(2)]);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    assert_same(&once(sandbox(), &program, 1), &expected[0]);
                    assert_same(&once(sandbox(), &program, 2), &expected[1]);
                }
            });
        }
    });
}

#[test]
fn runs_that_take_turns_on_one_thread_are_equal() {
    let (program, config) = (program(&busy_guest()), config());
    let sandbox = sandbox();
    let both = zip(sandbox.run(&program, &config, 1), sandbox.run(&program, &config, 2));
    let (one, two) = block_on(both);
    assert_same(&one, &expected(1));
    assert_same(&two, &expected(2));
}

#[test]
fn another_sandbox_gives_the_same() {
    let other =
        Sandbox::new(&Settings { stack_bytes: 2 << 20, runs_at_once: 1, ..Settings::default() });
    let other = other.expect("the host can run guests");
    let program = other.load(&guests::component(&busy_guest())).expect("a program");
    assert_same(&once(&other, &program, 1), &expected(1));
}

#[test]
fn a_stored_artefact_gives_the_same() {
    let artefact = sandbox().compile(&guests::component(&busy_guest())).expect("a program");
    let other = Sandbox::new(&Settings { runs_at_once: 1, ..Settings::default() });
    let other = other.expect("the host can run guests");
    assert_eq!(other.fingerprint(), sandbox().fingerprint(), "so the artefact fits");
    #[expect(unsafe_code, reason = "loading an artefact is what is tested")]
    // SAFETY: the bytes come from `compile`, two lines above.
    let program = unsafe { other.load_compiled(&artefact) }.expect("made for this");
    assert_same(&once(&other, &program, 1), &expected(1));
}

#[test]
fn compiling_twice_gives_the_same_artefact() {
    let wasm = guests::component(&busy_guest());
    let artefact = || sandbox().compile(&wasm).expect("a program");
    assert!(artefact() == artefact());
}

#[test]
fn an_abandoned_run_leaves_the_sandbox_as_it_was() {
    // There is room for one run only: an abandoned one must give it back.
    let sandbox = Sandbox::new(&Settings { runs_at_once: 1, ..Settings::default() });
    let sandbox = sandbox.expect("the host can run guests");
    let load = |items: &str| sandbox.load(&guests::component(items)).expect("a program");
    let spinning = load(&main("(i64.store (i32.const 0) (i64.const -1)) (loop $spin (br $spin))"));
    let busy = load(&busy_guest());
    for _ in 0..3 {
        let config = Arc::new(Config::default());
        let mut run = pin!(sandbox.run(&spinning, &config, 0));
        for _ in 0..3 {
            assert!(block_on(poll_once(run.as_mut())).is_none(), "it would go on for long");
        }
        // The future is dropped here.
    }
    assert_same(&once(&sandbox, &busy, 1), &expected(1));
}

// --- Where WebAssembly leaves the result open ------------------------------------------------------

#[test]
fn every_nan_has_the_same_bits() {
    for nan in [
        "(f64.div (f64.const 0) (f64.const 0))",
        "(f64.sqrt (f64.const -1))",
        "(f64.sub (f64.const inf) (f64.const inf))",
        "(f64.mul (f64.const 0) (f64.const -inf))",
        "(f64.add (f64.const -nan:0x8000000001234) (f64.const 1))",
        "(f64.min (f64.const 1) (f64.const -nan:0xc000000000777))",
        "(f64.promote_f32 (f32.const -nan:0x600001))",
    ] {
        let body = format!("(call $say (i64.reinterpret_f64 {nan}))");
        assert_eq!(said(&run(&main(&body))), [0x7ff8_0000_0000_0000], "{nan}");
    }
    for nan in [
        "(f32.div (f32.const 0) (f32.const 0))",
        "(f32.demote_f64 (f64.const -nan:0xc000000000777))",
    ] {
        let body = format!("(call $say (i64.extend_i32_u (i32.reinterpret_f32 {nan})))");
        assert_eq!(said(&run(&main(&body))), [0x7fc0_0000], "{nan}");
    }
    let lanes = "(f64x2.sqrt (v128.const f64x2 -1 -1))";
    let body = format!("(call $say (i64x2.extract_lane 1 {lanes}))");
    assert_eq!(said(&run(&main(&body))), [0x7ff8_0000_0000_0000], "{lanes}");
}

#[test]
fn relaxed_simd_has_one_result_on_every_processor() {
    // (1 + 2^-12)^2 - (1 + 2^-11) is 2^-24 if the product is not rounded, and 0 if it is.
    let madd = "(i64.extend_i32_u (i32x4.extract_lane 0 (f32x4.relaxed_madd
        (v128.const f32x4 0x1.001p0 0 0 0)
        (v128.const f32x4 0x1.001p0 0 0 0)
        (v128.const f32x4 -0x1.002p0 0 0 0))))";
    // An index beyond the last byte: 0, or wrapped around.
    let swizzle = "(i64.extend_i32_u (i8x16.extract_lane_u 0 (i8x16.relaxed_swizzle
        (v128.const i8x16 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7)
        (v128.const i8x16 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0))))";
    // Not a number: 0, or the smallest integer.
    let trunc = "(i64.extend_i32_u (i32x4.extract_lane 0 (i32x4.relaxed_trunc_f32x4_s
        (v128.const f32x4 nan 0 0 0))))";
    for (expression, bits) in [(madd, 0x3380_0000), (swizzle, 0), (trunc, 0)] {
        assert_eq!(said(&run(&main(&format!("(call $say {expression})")))), [bits], "{expression}");
    }
}

#[test]
fn more_runs_than_there_is_room_for_wait_for_each_other() {
    let sandbox = Sandbox::new(&Settings { runs_at_once: 2, ..Settings::default() });
    let sandbox = sandbox.expect("the host can run guests");
    let program = sandbox.load(&component(&main(""))).expect("a program");
    let config = Arc::new(Config::default());
    let runs: Vec<_> = thread::scope(|scope| {
        let run = || block_on(sandbox.run(&program, &config, 0));
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(runs.iter().all(|run| run.trace.ending == Ending::Exited { status: 0 }));
}
