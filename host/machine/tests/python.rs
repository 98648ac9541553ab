//! Guests that pretend to be CPython: their memory holds an interpreter's frames, and the machine says where they are.
//!
//! What a real one looks like is tested with real Python programs elsewhere.

#[expect(dead_code, reason = "these guests need less")]
mod guests;
#[path = "../src/python/image.rs"]
mod image;

use std::fmt::Write;

use loopbox_machine::Config;
use loopbox_machine::config::Limits;
use loopbox_trace::{Ending, Limit, Nanos};

use crate::guests::{main, run_with, said};
use crate::image::{Image, RUNTIME_AT};

/// A guest that does this while its Python code is in `app.py`, line 12.
fn python(body: &str) -> String {
    let mut image = Image::new();
    image.call("/python/selectors.py", "select", 500);
    image.call("app.py", "work", 12);
    image.call("/0/loopbox/_loop.py", "EventLoop._run_once", 170);
    image.call("app.py", "<module>", 20);
    let mut data = String::new();
    for byte in &image.bytes[RUNTIME_AT..] {
        write!(data, "\\{byte:02x}").expect("it is a text");
    }
    format!(
        r#"(data (i32.const {RUNTIME_AT}) "{data}")
        (data (i32.const 1000) "thread 'main' panicked at a.rs:1:2:\0aboom\0a")
        (func $sleep (param $nanos i64) (local $pollable i32)
          (local.set $pollable (call $monotonic-clock.subscribe-duration (local.get $nanos)))
          (call $pollable.block (local.get $pollable))
          (call $pollable.drop (local.get $pollable)))
        (func $turn (drop (call $event-loop.wait (i64.const 0))))
        {}"#,
        main(body)
    )
}

/// A second in a turn of the loop, blocked, and what the clock shows then.
const BLOCKS: &str =
    "(call $turn) (call $sleep (i64.const 1000000000)) (call $say (call $monotonic-clock.now))";

const FRAMES: [&str; 3] =
    ["select (/python/selectors.py:500)", "work (app.py:12)", "<module> (app.py:20)"];

#[test]
fn what_blocks_the_loop_is_blamed_on_a_line_of_python() {
    let run = run_with(Config::default(), &python(BLOCKS));
    assert_eq!(run.trace.ending, Ending::Exited { status: 0 });
    let [report] = &run.trace.diagnostics[..] else { panic!("{:?}", run.trace.diagnostics) };
    assert_eq!((report.code.as_str(), report.died.as_deref()), ("BLOCK", Some("app.py:12")));
}

#[test]
fn a_look_at_the_frames_takes_no_time() {
    let looked = run_with(Config::default(), &python(BLOCKS));
    let diagnostics = [("BLOCK".to_owned(), false)].into();
    let unlooked = run_with(Config { diagnostics, ..Config::default() }, &python(BLOCKS));
    assert_eq!(unlooked.trace.diagnostics, []);
    assert_eq!(said(&looked), said(&unlooked));
    assert_eq!(looked.trace.finished, unlooked.trace.finished);
}

#[test]
fn each_report_is_looked_at_anew() {
    // The line of the second one: the instruction is in the function's first line.
    let mut image = Image::new();
    image.call("/python/selectors.py", "select", 500);
    let link = image.link;
    let mut longer = Image::new();
    longer.call("/python/selectors.py", "select", 500);
    longer.call("app.py", "work", 12);
    let frame =
        u32::from_le_bytes(longer.bytes[link as usize..][..4].try_into().expect("four bytes"));
    let earlier = format!(
        "(i32.store (i32.const {0}) (i32.sub (i32.load (i32.const {0})) (i32.const 4)))",
        frame + 28
    );
    let run = run_with(Config::default(), &python(&format!("{BLOCKS} {earlier} {BLOCKS}")));
    let places: Vec<_> =
        run.trace.diagnostics.iter().map(|report| report.died.as_deref()).collect();
    assert_eq!(places, [Some("app.py:12"), Some("app.py:11")]);
}

#[test]
fn an_endless_loop_ends_with_the_frames_of_python() {
    let limits = Limits { time: Nanos::from_secs(1), ..Limits::default() };
    let run = run_with(Config { limits, ..Config::default() }, &python("(loop $more (br $more))"));
    let Ending::LimitReached { limit: Limit::Time, backtrace, .. } = &run.trace.ending else {
        panic!("{:?}", run.trace.ending)
    };
    assert_eq!(backtrace[..], FRAMES);
}

#[test]
fn a_trap_ends_with_the_frames_of_python_and_is_no_panic_whatever_was_printed() {
    let shout = "(local $out i32)
        (local.set $out (call $stderr.get-stderr))
        (call $output-stream.blocking-write-and-flush
          (local.get $out) (i32.const 1000) (i32.const 41) (i32.const 60000))";
    // After a look, and without one before.
    for before in ["", BLOCKS] {
        let run = run_with(Config::default(), &python(&format!("{shout} {before} (unreachable)")));
        let Ending::Trapped { reason, backtrace } = &run.trace.ending else {
            panic!("{:?}", run.trace.ending)
        };
        assert!(reason.contains("unreachable"), "{reason}");
        assert_eq!(backtrace[..], FRAMES);
    }
}

#[test]
fn a_call_without_meaning_ends_with_the_frames_of_python() {
    let run = run_with(Config::default(), &python("(call $jobs.end (i32.const 7) (i32.const 1))"));
    let Ending::Misused { backtrace, .. } = &run.trace.ending else {
        panic!("{:?}", run.trace.ending)
    };
    assert_eq!(backtrace[..], FRAMES);
}

#[test]
fn a_guest_without_frames_is_shown_as_webassembly() {
    let cookie = r#"(data (i32.const 4096) "xdebugpy") "#;
    let run = run_with(Config::default(), &format!("{cookie}{}", main("(unreachable)")));
    let Ending::Trapped { backtrace, .. } = &run.trace.ending else {
        panic!("{:?}", run.trace.ending)
    };
    assert_eq!(backtrace[..], ["run"]);
}
