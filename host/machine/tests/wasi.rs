//! WASI 0.2 as a guest sees it. That real standard libraries get along with it is tested with real
//! programs; these pin down what they would hide.

mod guests;

use std::sync::Arc;
use std::time::Duration;

use futures_lite::future::block_on;
use globset::Glob;
use guests::{events, main, program, run, run_with, said, sandbox};
use loopbox_machine::config::{BlockingRule, Draw, Failure};
use loopbox_machine::{Config, Run};
use loopbox_trace::{Ending, EventKind, Group, Label, Nanos, Outcome, Stream};

fn output(run: &Run) -> String {
    assert_eq!(run.trace.ending, Ending::Exited { status: 0 });
    run.trace.output(Stream::Stdout)
}

/// The blocking calls of a run: name, how long, how it came out.
fn blocked(run: &Run) -> Vec<(&str, Nanos, Outcome)> {
    let calls = events(run, |kind| kind.group() == Group::Blocking);
    let pairs = calls.chunks(2).map(|pair| match pair {
        [(begin, EventKind::BlockingBegin(Label(_))), (end, EventKind::BlockingEnd(name, out))] => {
            (run.trace.text(*name), *end - *begin, *out)
        }
        other => panic!("calls do not nest: {other:?}"),
    });
    pairs.collect()
}

fn rule(call: &str, takes: Nanos, error: Option<&str>) -> Config {
    let fails = error.map(|error| Failure { per_million: 1_000_000, error: error.into() });
    let call = Glob::new(call).expect("a pattern").compile_matcher();
    let rule = BlockingRule { call, takes: Draw::Fixed(takes), fails, returns: Vec::new() };
    Config { blocking: vec![rule], ..Config::default() }
}

// --- Clocks --------------------------------------------------------------------------------------

#[test]
fn sleeping_is_a_blocking_call_that_ends_at_its_moment() {
    let body = "(local $timer i32) (local $from i64)
        (local.set $from (call $monotonic-clock.now))
        (local.set $timer (call $monotonic-clock.subscribe-instant
          (i64.add (local.get $from) (i64.const 5_000_000))))
        (call $say (i64.extend_i32_u (call $pollable.ready (local.get $timer))))
        (call $pollable.block (local.get $timer))
        (call $say (i64.extend_i32_u (call $pollable.ready (local.get $timer))))
        (call $pollable.block (local.get $timer))
        (call $say (i64.sub (call $monotonic-clock.now) (local.get $from)))";
    let run = run(&main(body));
    let said = said(&run);
    assert_eq!(said[..2], [0, 1]);
    assert!((5_000_000..5_010_000).contains(&said[2]), "{}ns", said[2]);
    let calls = events(&run, |kind| kind.group() == Group::Blocking);
    assert_eq!(calls.len(), 2, "the second block returned at once: {calls:?}");
    assert_eq!(blocked(&run)[0].0, "sleep");
}

#[test]
fn polling_waits_for_the_first_and_lists_all_that_are_ready() {
    // Three timers of 9, 4 and 4 ms at 0; the list of those ready goes to memory at 32.
    let body = "
        (i32.store (i32.const 0) (call $monotonic-clock.subscribe-instant (i64.const 9_000_000)))
        (i32.store (i32.const 4) (call $monotonic-clock.subscribe-instant (i64.const 4_000_000)))
        (i32.store (i32.const 8) (call $monotonic-clock.subscribe-instant (i64.const 4_000_000)))
        (call $poll.poll (i32.const 0) (i32.const 3) (i32.const 32))
        (call $say (i64.load32_u (i32.const 36)))
        (call $say (i64.load32_u (i32.load (i32.const 32))))
        (call $say (i64.load32_u (i32.add (i32.load (i32.const 32)) (i32.const 4))))";
    let run = run(&main(body));
    assert_eq!(said(&run), [2, 1, 2], "two: the second and the third");
    let ends = events(&run, |kind| matches!(kind, EventKind::BlockingEnd(..)));
    assert_eq!(ends.iter().map(|&(at, _)| at).collect::<Vec<_>>(), [Nanos::from_millis(4)]);
    assert_eq!(blocked(&run)[0].0, "poll");
}

#[test]
fn the_wall_clock_starts_where_the_scenario_says_and_moves_with_virtual_time() {
    let body = "(call $blocking.compute (i64.const 1_500_000_000))
        (call $wall-clock.now (i32.const 0))
        (call $say (i64.load (i32.const 0)))
        (call $say (i64.div_u (i64.load32_u (i32.const 8)) (i64.const 1_000_000)))
        (call $wall-clock.resolution (i32.const 0))
        (call $say (i64.load (i32.const 0)))
        (call $say (i64.load32_u (i32.const 8)))
        (call $say (call $monotonic-clock.resolution))";
    let wall_clock = Duration::from_millis(1_700_000_000_250);
    let run = run_with(Config { wall_clock, ..Config::default() }, &main(body));
    assert_eq!(said(&run), [1_700_000_001, 750, 0, 1, 1]);
}

// --- The command line ----------------------------------------------------------------------------

/// Prints texts from an array of pointers and lengths, a line each.
const PRINT_TEXTS: &str = r#"(data (i32.const 1000) "\n")
    (func $print-texts (param $at i32) (param $count i32)
      (block $done (loop $again
        (br_if $done (i32.eqz (local.get $count)))
        (call $print (i32.load (local.get $at)) (i32.load offset=4 (local.get $at)))
        (call $print (i32.const 1000) (i32.const 1))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $again))))"#;

#[test]
fn arguments_and_environment_are_the_scenarios() {
    let body = "(call $environment.get-arguments (i32.const 0))
        (call $print-texts (i32.load (i32.const 0)) (i32.load (i32.const 4)))
        (call $environment.get-environment (i32.const 0))
        (call $print-texts (i32.load (i32.const 0))
          (i32.mul (i32.const 2) (i32.load (i32.const 4))))
        (call $environment.initial-cwd (i32.const 0))
        (call $print-texts (i32.const 4) (i32.load8_u (i32.const 0)))";
    let config = Config {
        program_name: "resize".into(),
        args: vec!["--workers".into(), "4".into(), "naïve ☃".into()],
        env: vec![("LANG".into(), "C".into()), ("EMPTY".into(), String::new())],
        ..Config::default()
    };
    let run = run_with(config, &format!("{PRINT_TEXTS} {}", main(body)));
    assert_eq!(output(&run), "resize\n--workers\n4\nnaïve ☃\nLANG\nC\nEMPTY\n\n/\n");
}

#[test]
fn there_is_no_terminal() {
    let body = "(i64.store (i32.const 0) (i64.const -1))
        (call $terminal-stdin.get-terminal-stdin (i32.const 0))
        (call $say (i64.load8_u (i32.const 0)))
        (i64.store (i32.const 0) (i64.const -1))
        (call $terminal-stdout.get-terminal-stdout (i32.const 0))
        (call $say (i64.load8_u (i32.const 0)))
        (i64.store (i32.const 0) (i64.const -1))
        (call $terminal-stderr.get-terminal-stderr (i32.const 0))
        (call $say (i64.load8_u (i32.const 0)))";
    assert_eq!(said(&run(&main(body))), [0, 0, 0]);
}

// --- Standard streams ----------------------------------------------------------------------------

/// Reads standard input in pieces of four bytes, prints them, and then how the stream ended: 0 failed, 1
/// closed.
const READ_STDIN: &str = "(local $in i32)
    (local.set $in (call $stdin.get-stdin))
    (block $end (loop $again
      (call $input-stream.blocking-read (local.get $in) (i64.const 4) (i32.const 0))
      (br_if $end (i32.load8_u (i32.const 0)))
      (call $print (i32.load (i32.const 4)) (i32.load (i32.const 8)))
      (br $again)))
    (call $say (i64.load8_u (i32.const 4)))";

#[test]
fn standard_input_is_read_to_its_end() {
    let config = Config { stdin: b"ten bytes\n".into(), ..Config::default() };
    let run = run_with(config, &main(READ_STDIN));
    assert_eq!(output(&run), "ten bytes\n1\n");
    let reads = blocked(&run);
    assert_eq!(reads, [("stdin.read", Nanos::ZERO, Outcome::Done); 4], "three pieces and the end");
}

#[test]
fn two_handles_of_standard_input_share_its_position() {
    let body = "(call $input-stream.read (call $stdin.get-stdin) (i64.const 3) (i32.const 0))
        (call $input-stream.read (call $stdin.get-stdin) (i64.const 9) (i32.const 0))
        (call $print (i32.load (i32.const 4)) (i32.load (i32.const 8)))";
    let run = run_with(Config { stdin: b"onetwo".into(), ..Config::default() }, &main(body));
    assert_eq!(output(&run), "two");
}

#[test]
fn reading_standard_input_can_be_slow_or_fail() {
    let slow = Config { stdin: b"x".into(), ..rule("stdin.*", Nanos::from_millis(20), None) };
    let slow = run_with(slow, &main(READ_STDIN));
    assert_eq!(blocked(&slow), [("stdin.read", Nanos::from_millis(20), Outcome::Done); 2]);
    let failing = rule("stdin.*", Nanos::ZERO, Some("device lost"));
    let body = format!(
        "{READ_STDIN} (call $error.to-debug-string (i32.load (i32.const 8)) (i32.const 16))
         (call $print (i32.load (i32.const 16)) (i32.load (i32.const 20)))"
    );
    assert_eq!(output(&run_with(failing, &main(&body))), "0\ndevice lost");
}

#[test]
fn what_is_written_becomes_lines_of_the_trace_by_stream() {
    let data = r#"(data (i32.const 0) "one\ntwo\nthr") (data (i32.const 16) "ee\n")
        (data (i32.const 32) "oops\ff")"#;
    let body = "(call $print (i32.const 0) (i32.const 11))
        (call $output-stream.write
          (call $stderr.get-stderr) (i32.const 32) (i32.const 5) (i32.const 64))
        (call $blocking.compute (i64.const 7_000_000))
        (call $print (i32.const 16) (i32.const 3))";
    let run = run(&format!("{data} {}", main(body)));
    let lines: Vec<_> = events(&run, |kind| kind.group() == Group::Output)
        .into_iter()
        .map(|(at, kind)| match kind {
            EventKind::Output { stream, text, ended } => {
                (at.0 / 1_000_000, stream, run.trace.text(text), ended)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        lines,
        [
            (0, Stream::Stdout, "one", true),
            (0, Stream::Stdout, "two", true),
            (7, Stream::Stdout, "three", true),
            (7, Stream::Stderr, "oops\u{fffd}", false),
        ]
    );
}

// --- Randomness ----------------------------------------------------------------------------------

#[test]
fn randomness_is_a_function_of_the_seed() {
    let body = "(call $say (call $random.get-random-u64))
        (call $say (call $insecure.get-insecure-random-u64))
        (call $insecure-seed.insecure-seed (i32.const 0))
        (call $say (i64.load (i32.const 0)))
        (call $say (i64.load (i32.const 8)))
        (call $random.get-random-bytes (i64.const 8) (i32.const 0))
        (call $say (i64.load (i32.load (i32.const 0))))
        (call $insecure.get-insecure-random-bytes (i64.const 8) (i32.const 0))
        (call $say (i64.load (i32.load (i32.const 0))))";
    let (program, config) = (program(&main(body)), Arc::new(Config::default()));
    let numbers = |seed| said(&block_on(sandbox().run(&program, &config, seed)));
    assert_eq!(numbers(1), numbers(1));
    let mut all = [numbers(1), numbers(2), numbers(u64::MAX)].concat();
    assert_eq!(all.len(), 18);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 18, "no number comes twice, in one run or in runs of different seeds");
}

// --- Files ---------------------------------------------------------------------------------------

const CREATE: u32 = 1;
const READ: u32 = 1;
const WRITE: u32 = 2;
const IO: u64 = 13;
const IS_DIRECTORY: u64 = 14;
const NO_ENTRY: u64 = 20;
const NOT_PERMITTED: u64 = 31;

/// A guest with a path in its memory at 512, and `$open`, which opens it with these flags (those of
/// opening, those of the descriptor). It ends the program if that fails, after saying the error's code.
fn with_file(path: &str, open: u32, access: u32, body: &str) -> String {
    format!(
        r#"(data (i32.const 512) "{path}")
        (func $open (result i32)
          (call $preopens.get-directories (i32.const 0))
          (call $descriptor.open-at (i32.load (i32.load (i32.const 0))) (i32.const 0)
            (i32.const 512) (i32.const {}) (i32.const {open}) (i32.const {access}) (i32.const 0))
          (if (i32.load8_u (i32.const 0)) (then
            (call $say (i64.load8_u (i32.const 4)))
            (call $exit.exit (i32.const 0))))
          (i32.load (i32.const 4)))
        {}"#,
        path.len(),
        main(&format!("(local $file i32) (local.set $file (call $open)) {body}"))
    )
}

fn given_file() -> Config {
    let files = vec![("/data/in.txt".into(), b"hello, world".into())];
    Config { files, ..Config::default() }
}

const READ_FILE: &str =
    "(call $descriptor.read (local.get $file) (i64.const 5) (i64.const 7) (i32.const 0))
     (if (i32.load8_u (i32.const 0)) (then
       (call $say (i64.load8_u (i32.const 4)))
       (call $exit.exit (i32.const 0))))
     (call $print (i32.load (i32.const 4)) (i32.load (i32.const 8)))
     (call $say (i64.load8_u (i32.const 12)))";

#[test]
fn a_given_file_is_read() {
    let run = run_with(given_file(), &with_file("data/in.txt", 0, READ, READ_FILE));
    assert_eq!(output(&run), "world1\n", "five bytes from the seventh, and that is the end");
    assert_eq!(blocked(&run), [("file.read:/data/in.txt", Nanos::ZERO, Outcome::Done)]);
}

#[test]
fn reading_a_file_can_be_slow_or_fail() {
    let guest = with_file("data/in.txt", 0, READ, READ_FILE);
    let ms = Nanos::from_millis(40);
    let with = |error| Config { files: given_file().files, ..rule("file.read:/data/*", ms, error) };
    let slow = run_with(with(None), &guest);
    assert_eq!(blocked(&slow), [("file.read:/data/in.txt", ms, Outcome::Done)]);
    let failing = run_with(with(Some("bad sector")), &guest);
    assert_eq!(said(&failing), [IO]);
}

#[test]
fn opening_a_file_blocks_only_if_a_rule_says_so() {
    let guest = with_file("data/in.txt", 0, READ, READ_FILE);
    let ms = Nanos::from_millis(40);
    let with = |error| Config { files: given_file().files, ..rule("file.open:/data/*", ms, error) };
    let slow = run_with(with(None), &guest);
    assert_eq!(blocked(&slow)[0], ("file.open:/data/in.txt", ms, Outcome::Done));
    let failing = run_with(with(Some("stale handle")), &guest);
    assert_eq!(said(&failing), [IO]);
}

#[test]
fn a_new_file_is_written_and_read_back() {
    let body = r#"(call $descriptor.write
          (local.get $file) (i32.const 600) (i32.const 3) (i64.const 2) (i32.const 0))
        (call $say (i64.load (i32.const 8)))
        (call $descriptor.stat (local.get $file) (i32.const 128))
        (call $say (i64.load8_u (i32.const 136)))
        (call $say (i64.load (i32.const 152)))
        (call $descriptor.read (local.get $file) (i64.const -1) (i64.const 0) (i32.const 0))
        (call $say (i64.load32_u (i32.const 8)))
        (call $say (i64.load16_u (i32.load (i32.const 4))))
        (call $print (i32.add (i32.load (i32.const 4)) (i32.const 2)) (i32.const 3))"#;
    let data = r#"(data (i32.const 600) "abc")"#;
    let guest = format!("{data} {}", with_file("new.txt", CREATE, READ | WRITE, body));
    let regular_file = 6;
    let run = run(&guest);
    let expected = format!("3\n{regular_file}\n5\n5\n0\nabc");
    assert_eq!(output(&run), expected, "three bytes at 2 make a file of five, the first two zero");
}

#[test]
fn a_file_of_one_run_is_gone_in_the_next() {
    let exclusive = 4;
    let guest = with_file("new.txt", CREATE | exclusive, WRITE, "(call $say (i64.const 0))");
    assert_eq!(said(&run(&guest)), [0]);
    assert_eq!(said(&run(&guest)), [0]);
}

#[test]
fn what_cannot_be_opened_is_refused_with_its_code() {
    for (path, access, code) in [
        ("data/none.txt", READ, NO_ENTRY),
        ("nowhere/in.txt", READ, NO_ENTRY),
        ("../etc/passwd", READ, NOT_PERMITTED),
        ("data/../../etc/passwd", READ, NOT_PERMITTED),
        ("/data/in.txt", READ, NOT_PERMITTED),
        ("data", WRITE, IS_DIRECTORY),
    ] {
        let run = run_with(given_file(), &with_file(path, 0, access, "(call $say (i64.const 99))"));
        assert_eq!(said(&run), [code], "{path}");
    }
}
