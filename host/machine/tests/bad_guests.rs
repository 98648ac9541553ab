//! Guests that are broken, careless or hostile: each ends with a report that says why, and harms nothing
//! else.

mod guests;

use std::sync::Arc;

use futures_lite::future::block_on;
use guests::{events, main, program, run, run_with, said, sandbox};
use loopbox_machine::config::{Draw, Limits, SignalPlan};
use loopbox_machine::{Config, LoadError, Run};
use loopbox_trace::{Ending, EventKind, Lane, Limit, Nanos, Signal};

fn load_error(wasm: &[u8]) -> LoadError {
    sandbox().load(wasm).err().expect("this is not a program for the machine")
}

fn limits(limits: Limits) -> Config {
    Config { limits, ..Config::default() }
}

/// Why the guest trapped, and where.
fn trap(run: &Run) -> (&str, &[String]) {
    match &run.trace.ending {
        Ending::Trapped { reason, backtrace } => (reason, backtrace),
        other => panic!("did not trap: {other:?}"),
    }
}

/// The limit that the run reached, how much it allowed, and where the guest was.
fn limit(run: &Run) -> (Limit, &str, &[String]) {
    match &run.trace.ending {
        Ending::LimitReached { limit, allowed, backtrace } => (*limit, allowed, backtrace),
        other => panic!("reached no limit: {other:?}"),
    }
}

/// What the guest did that has no meaning.
fn misuse(run: &Run) -> &str {
    match &run.trace.ending {
        Ending::Misused { reason, .. } => reason,
        other => panic!("misused nothing: {other:?}"),
    }
}

fn status(run: &Run) -> u8 {
    match run.trace.ending {
        Ending::Exited { status } => status,
        ref other => panic!("did not exit: {other:?}"),
    }
}

// --- Files that are no programs ------------------------------------------------------------------

/// A component whose `wasi:cli/run` does nothing, with this before it.
fn raw_component(imports: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
             {imports}
             (core module $m (func (export "run") (result i32) (i32.const 0)))
             (core instance $i (instantiate $m))
             (func $run (result (result)) (canon lift (core func $i "run")))
             (instance $run-interface (export "run" (func $run)))
             (export "wasi:cli/run@0.2.0" (instance $run-interface)))"#
    );
    wat::parse_str(text).expect("a component")
}

#[test]
fn what_is_not_webassembly_is_refused() {
    for bytes in [&b""[..], b"\0as", b"(component)", b"\x7fELF\x02\x01\x01\0", &[0xff; 4096]] {
        assert_eq!(load_error(bytes), LoadError::NotWasm, "{:?}", &bytes[..bytes.len().min(8)]);
    }
}

#[test]
fn a_core_module_is_refused_with_the_target_to_build_for() {
    let error = load_error(&wat::parse_str("(module)").expect("a module"));
    assert_eq!(error, LoadError::CoreModule);
    assert!(error.to_string().contains("wasm32-wasip2"), "{error}");
}

#[test]
fn no_beginning_of_a_component_is_a_program() {
    // Without names: their sections come last, and a component is whole without them.
    let text = r#"(component
        (core module (func (export "run") (result i32) (i32.const 0)))
        (core instance (instantiate 0))
        (func (result (result)) (canon lift (core func 0 "run")))
        (instance (export "run" (func 0)))
        (export "wasi:cli/run@0.2.0" (instance 0)))"#;
    let whole = wat::parse_str(text).expect("a component");
    for end in 0..whole.len() {
        let error = load_error(&whole[..end]);
        match end {
            0..4 => assert_eq!(error, LoadError::NotWasm, "{end} bytes"),
            // Cut between two sections it is sound, but does not export what it should.
            _ => assert!(
                matches!(error, LoadError::Broken(_) | LoadError::NotAProgram),
                "{end} bytes: {error}"
            ),
        }
    }
    assert!(sandbox().load(&whole).is_ok());
}

#[test]
fn a_component_that_exports_no_start_is_a_library() {
    let library = wat::parse_str("(component)").expect("a component");
    assert_eq!(load_error(&library), LoadError::NotAProgram);
}

#[test]
fn imports_that_nobody_offers_are_listed() {
    let guest = raw_component(
        r#"(import "foo:bar/baz" (instance (export "f" (func))))
           (import "wasi:http/outgoing-handler@0.2.0" (instance))
           (import "f" (func))"#,
    );
    let error = load_error(&guest);
    let unknown = ["foo:bar/baz", "wasi:http/outgoing-handler@0.2.0", "f"].map(String::from);
    assert_eq!(error, LoadError::UnknownImports(unknown.into()));
    assert!(error.to_string().contains("foo:bar/baz, wasi:http"), "{error}");
}

#[test]
fn an_import_in_another_form_is_named() {
    let clock = r#"import "wasi:clocks/monotonic-clock@0.2.0""#;
    for (import, named) in [
        (format!(r#"({clock} (instance (export "later" (func (result u64)))))"#), "later"),
        (format!(r#"({clock} (instance (export "now" (func (result string)))))"#), "now"),
        (format!(r#"({clock} (instance (export "now" (func (param "x" u8)))))"#), "now"),
        (r#"(import "wasi:cli/nothing@0.2.0" (instance (export "f" (func))))"#.into(), "nothing"),
        (r#"(import "wasi:io/poll@0.3.0" (instance (export "f" (func))))"#.into(), "poll@0.3.0"),
        (
            r#"(import "loopbox:sandbox/jobs@9.0.0" (instance (export "f" (func))))"#.into(),
            "jobs@9",
        ),
    ] {
        let error = load_error(&raw_component(&import));
        assert!(matches!(error, LoadError::Unlinkable(_)), "{import}: {error:?}");
        assert!(error.to_string().contains(named), "{import}: {error}");
    }
}

#[test]
fn a_start_function_of_another_type_is_named() {
    let guest = r#"(component
        (core module $m (func (export "run")))
        (core instance $i (instantiate $m))
        (func $run (canon lift (core func $i "run")))
        (instance $run-interface (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $run-interface)))"#;
    let error = load_error(&wat::parse_str(guest).expect("a component"));
    assert!(matches!(error, LoadError::Unlinkable(_)), "{error:?}");
    assert!(error.to_string().contains("run"), "{error}");
}

// --- Traps ---------------------------------------------------------------------------------------

/// A `$run` that calls `$fail`.
fn failing(body: &str) -> String {
    format!("(func $fail {body}) {}", main("(call $fail)"))
}

#[test]
fn a_trap_is_reported_with_its_reason_and_the_names_of_the_functions() {
    for (body, why) in [
        ("(unreachable)", "`unreachable`"),
        ("(drop (i32.load (i32.const 0x7fff_ffff)))", "out of bounds memory access"),
        ("(i64.store (i32.const 131065) (i64.const 0))", "out of bounds memory access"),
        ("(drop (i32.div_s (i32.const 1) (i32.const 0)))", "integer divide by zero"),
        ("(drop (i32.div_s (i32.const 0x8000_0000) (i32.const -1)))", "integer overflow"),
        ("(drop (i32.trunc_f64_s (f64.const nan)))", "invalid conversion to integer"),
    ] {
        let run = run(&failing(body));
        let (reason, backtrace) = trap(&run);
        assert!(reason.contains(why), "{body}: {reason}");
        assert!(backtrace.len() >= 2, "{body}: {backtrace:?}");
        assert_eq!(backtrace[..2], ["fail", "run"], "{body}");
    }
}

#[test]
fn a_trap_while_the_guest_is_set_up_is_reported_too() {
    let run = run(&format!("(func $set-up (unreachable)) (start $set-up) {}", main("")));
    let (reason, backtrace) = trap(&run);
    assert!(reason.contains("`unreachable`"), "{reason}");
    assert_eq!(backtrace[0], "set-up");
}

#[test]
fn endless_recursion_ends_at_the_stack_limit() {
    let run = run(&format!("(func $dig (call $dig) (call $dig)) {}", main("(call $dig)")));
    let (limit, allowed, backtrace) = limit(&run);
    assert_eq!((limit, allowed), (Limit::Stack, "1MiB"));
    assert_eq!(backtrace[..2], ["dig", "dig"]);
    let last = backtrace.last().expect("there are frames");
    assert!(last.ends_with("more frames") && backtrace.len() < 50, "{backtrace:?}");
}

#[test]
fn a_failing_start_function_is_exit_status_1() {
    assert_eq!(status(&run("(func $run (result i32) (i32.const 1))")), 1);
    assert_eq!(status(&run(&main("(call $exit.exit (i32.const 1))"))), 1);
}

#[test]
fn exit_ends_the_process_with_its_status() {
    for call in ["process.exit", "exit.exit-with-code"] {
        let body = format!("(call $say (i64.const 1)) (call ${call} (i32.const 7)) (unreachable)");
        let run = run(&main(&body));
        assert_eq!(status(&run), 7, "{call}");
        assert_eq!(said(&run), [1], "{call}");
    }
}

// --- Spinning ------------------------------------------------------------------------------------

const SPIN: &str = "(func $spin (loop $again (br $again)))";

fn spinning() -> String {
    format!("{SPIN} {}", main("(call $spin)"))
}

#[test]
fn spinning_ends_at_the_fuel_limit() {
    let config = limits(Limits { fuel: 20_000_000, ..Limits::default() });
    let run = run_with(config, &spinning());
    let (limit, allowed, backtrace) = limit(&run);
    assert_eq!((limit, allowed), (Limit::Fuel, "20000000"));
    assert_eq!(backtrace[..2], ["spin", "run"]);
    assert_eq!(run.trace.finished, Nanos::from_millis(20), "a nanosecond for each unit");
}

#[test]
fn spinning_ends_at_the_time_limit_if_that_is_nearer() {
    let config = limits(Limits { time: Nanos::from_millis(20), ..Limits::default() });
    let run = run_with(config, &spinning());
    let (limit, allowed, backtrace) = limit(&run);
    assert_eq!((limit, allowed), (Limit::Time, "20ms"));
    assert_eq!(backtrace[..2], ["spin", "run"]);
    assert_eq!(run.trace.finished, Nanos::from_millis(20));
}

#[test]
fn spinning_inside_a_job_ends_at_the_time_limit() {
    let job = "(drop (call $jobs.submit (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1)))
        (drop (call $event-loop.wait (i64.const 0)))
        (call $event-loop.next-notice (i32.const 0))
        (call $jobs.begin (i32.const 0))
        (call $spin)";
    let config = limits(Limits { time: Nanos::from_millis(20), ..Limits::default() });
    let run = run_with(config, &format!("{SPIN} {}", main(job)));
    assert_eq!(limit(&run).0, Limit::Time);
    assert_eq!(run.trace.finished, Nanos::from_millis(20));
}

#[test]
fn spinning_while_the_guest_is_set_up_ends_at_the_limit() {
    let config = limits(Limits { fuel: 1_000_000, ..Limits::default() });
    let run = run_with(config, &format!("{SPIN} (start $spin) {}", main("")));
    let (limit, _, backtrace) = limit(&run);
    assert_eq!((limit, backtrace[0].as_str()), (Limit::Fuel, "spin"));
}

#[test]
fn a_signal_without_a_handler_ends_a_spinning_guest_at_its_exact_moment() {
    let at = Nanos(12_345_678);
    let plan = SignalPlan { signal: Signal::SIGTERM, at: Draw::Fixed(at) };
    let run = run_with(Config { signals: vec![plan], ..Config::default() }, &spinning());
    assert_eq!(run.trace.ending, Ending::Signalled { signal: Signal::SIGTERM });
    assert_eq!(run.trace.finished, at);
    let raised = run.trace.on(Lane::SIGNALS).map(|event| (event.at, event.kind)).next();
    assert_eq!(raised, Some((at, EventKind::SignalRaised(Signal::SIGTERM))));
}

#[test]
fn waiting_for_longer_than_the_time_limit_ends_there() {
    let config = limits(Limits { time: Nanos::from_secs(2), ..Limits::default() });
    let run = run_with(config, &main("(drop (call $event-loop.wait (i64.const 3_000_000_000)))"));
    assert_eq!(limit(&run).0, Limit::Time);
    assert_eq!(run.trace.finished, Nanos::from_secs(2));
}

// --- Taking without end --------------------------------------------------------------------------

fn repeating(body: &str) -> String {
    main(&format!("(loop $again {body} (br $again))"))
}

#[test]
fn allocating_without_end_ends_at_the_memory_limit() {
    let grow = "(if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then (unreachable)))";
    let config = limits(Limits { memory_bytes: 4 << 20, ..Limits::default() });
    let run = run_with(config, &repeating(grow));
    let (limit, allowed, backtrace) = limit(&run);
    assert_eq!((limit, allowed), (Limit::Memory, "4MiB"));
    assert_eq!(backtrace[0], "run");
}

#[test]
fn a_guest_may_live_with_a_refused_allocation() {
    let body = "(call $say (i64.extend_i32_s (memory.grow (i32.const 62))))
        (call $say (i64.extend_i32_s (memory.grow (i32.const 1))))";
    let run = run_with(limits(Limits { memory_bytes: 4 << 20, ..Limits::default() }), &main(body));
    assert_eq!(said(&run), [2, u64::MAX], "64 pages are 4 MiB");
    assert_eq!(status(&run), 0);
}

#[test]
fn a_guest_that_begins_with_too_much_memory_ends_at_the_memory_limit() {
    let guest = format!(r#"(memory (export "memory") 65) {}"#, main(""));
    let config = limits(Limits { memory_bytes: 4 << 20, ..Limits::default() });
    let run = run_with(config, &guest);
    assert_eq!(limit(&run), (Limit::Memory, "4MiB", &[][..]));
}

#[test]
fn printing_without_end_ends_at_the_output_limit() {
    let config = limits(Limits { output_bytes: 64 << 10, ..Limits::default() });
    let run = run_with(config, &repeating("(call $say (i64.const 1234567))"));
    let (limit, allowed, backtrace) = limit(&run);
    assert_eq!((limit, allowed), (Limit::Output, "64KiB"));
    assert!(backtrace.iter().any(|frame| frame == "say"), "{backtrace:?}");
    assert_eq!(said(&run).len(), (64 << 10) / "1234567\n".len(), "what fits is kept");
}

#[test]
fn one_line_without_end_ends_at_the_output_limit() {
    let config = limits(Limits { output_bytes: 64 << 10, ..Limits::default() });
    let run = run_with(config, &repeating("(call $print (i32.const 0) (i32.const 100))"));
    assert_eq!(limit(&run).0, Limit::Output);
}

#[test]
fn recording_without_end_ends_at_the_trace_limit() {
    let new_label = "(i64.store (i32.const 0)
          (i64.and (call $random.get-random-u64) (i64.const 0x7f7f_7f7f_7f7f_7f7f)))
        (drop (call $tracing.intern (i32.const 0) (i32.const 8)))";
    let task = "(drop (call $tracing.task-spawned
        (call $tracing.intern (i32.const 0) (i32.const 0))
        (call $tracing.intern (i32.const 0) (i32.const 0))))";
    let log = "(call $tracing.log (i32.const 0)
        (call $tracing.intern (i32.const 0) (i32.const 0)) (i32.const 0) (i32.const 4))";
    for body in [
        "(drop (call $jobs.post))",
        "(drop (call $jobs.submit (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1)))",
        "(drop (call $event-loop.wait (i64.const 0)))",
        new_label,
        task,
        log,
    ] {
        let config = limits(Limits { trace_events: 1_000, ..Limits::default() });
        let run = run_with(config, &repeating(body));
        let (limit, allowed, _) = limit(&run);
        assert_eq!((limit, allowed), (Limit::Trace, "1000"), "{body}");
        let trace = &run.trace;
        for len in [trace.events.len(), trace.labels.len(), trace.tasks.len(), trace.jobs.len()] {
            assert!(len <= 1_001, "{body}: {len}");
        }
    }
}

/// The signals that a guest sends itself wait for its next look, and it never looks.
#[test]
fn signalling_itself_without_end_ends_at_the_trace_limit() {
    let body = "(call $signals.raise (i32.const 28) (i32.const 0))";
    let config = Limits { trace_events: 1_000, fuel: 200_000, ..Limits::default() };
    assert_eq!(limit(&run_with(limits(config), &repeating(body))).0, Limit::Trace);
}

/// Nothing is recorded, but the kernel keeps what it was given.
#[test]
fn queueing_without_end_ends_at_a_limit_in_a_run_that_is_not_traced() {
    for body in [
        "(drop (call $jobs.post))",
        "(drop (call $jobs.submit (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1)))",
        "(call $signals.raise (i32.const 28) (i32.const 0))",
    ] {
        let limits = Limits { trace_events: 1_000, fuel: 200_000, ..Limits::default() };
        let config = Config { traced: false, limits, ..Config::default() };
        assert_eq!(limit(&run_with(config, &repeating(body))).0, Limit::Trace, "{body}");
    }
}

/// A megabyte of text costs the guest no fuel, and the host a megabyte.
#[test]
fn logging_long_texts_without_end_ends_at_a_limit() {
    let memory = r#"(memory (export "memory") 17)"#;
    let body = "(local $i i32) (loop $again
        (call $tracing.log (i32.const 0) (call $tracing.intern (i32.const 0) (i32.const 1))
          (i32.const 0) (i32.const 0x100000))
        (br_if $again (i32.lt_u
          (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 256))))";
    let run = run(&format!("{memory} {}", main(body)));
    assert_eq!(limit(&run).0, Limit::Trace, "256 MiB of text are too much for a trace");
}

// --- Handles -------------------------------------------------------------------------------------

#[test]
fn a_handle_is_gone_after_its_drop() {
    let body = "(local $timer i32)
        (local.set $timer (call $monotonic-clock.subscribe-duration (i64.const 5)))
        (call $pollable.drop (local.get $timer))
        (call $pollable.block (local.get $timer))";
    let run = run(&main(body));
    let (reason, backtrace) = trap(&run);
    assert!(reason.contains("handle"), "{reason}");
    assert!(backtrace.iter().any(|frame| frame == "run"), "{backtrace:?}");
    assert_eq!(events(&run, |kind| matches!(kind, EventKind::BlockingBegin(_))), []);
}

#[test]
fn taking_handles_without_end_is_a_trap() {
    for body in [
        "(drop (call $monotonic-clock.subscribe-duration (i64.const 5)))",
        "(drop (call $stdout.get-stdout))",
        "(drop (call $instance-network.instance-network))",
    ] {
        let run = run(&repeating(body));
        assert!(trap(&run).0.contains("handle limit"), "{body}: {}", trap(&run).0);
    }
}

#[test]
fn a_handle_that_never_was_is_reported() {
    for body in [
        "(call $pollable.block (i32.const 77))",
        "(call $pollable.drop (i32.const 0))",
        "(call $pollable.drop (i32.const -1))",
        "(call $output-stream.flush (i32.const 3) (i32.const 0))",
    ] {
        let run = run(&main(body));
        assert!(trap(&run).0.contains("handle"), "{body}: {}", trap(&run).0);
    }
}

#[test]
fn a_handle_of_another_kind_is_reported() {
    let run = run(&main("(call $pollable.block (call $stdout.get-stdout))"));
    assert!(trap(&run).0.contains("handle"), "{}", trap(&run).0);
}

#[test]
fn polling_nothing_is_reported() {
    let run = run(&main("(call $poll.poll (i32.const 0) (i32.const 0) (i32.const 0))"));
    assert!(misuse(&run).contains("empty list of pollables"), "{}", misuse(&run));
}

// --- Absurd lengths and texts --------------------------------------------------------------------

#[test]
fn absurd_lengths_are_reported_and_not_allocated() {
    let random = "(call $random.get-random-bytes (i64.const 0x8000_0000_0000_0000) (i32.const 0))";
    let zeroes = "(call $output-stream.write-zeroes
        (call $stdout.get-stdout) (i64.const -1) (i32.const 0))";
    for (body, why) in
        [(random, "9223372036854775808 random bytes"), (zeroes, "zeroes in one call")]
    {
        let run = run(&main(body));
        assert!(misuse(&run).contains(why), "{}", misuse(&run));
    }
}

#[test]
fn a_list_or_text_outside_of_memory_is_a_trap() {
    for (body, why) in [
        ("(drop (call $tracing.intern (i32.const 0xffff_fff0) (i32.const 100)))", "out of bounds"),
        ("(drop (call $tracing.intern (i32.const 0) (i32.const -1)))", "out of bounds"),
        // 2^30 handles of 4 bytes: the length in bytes overflows 32 bits.
        ("(call $poll.poll (i32.const 0) (i32.const 0x4000_0000) (i32.const 0))", "out of bounds"),
        ("(call $poll.poll (i32.const 2) (i32.const 1) (i32.const 0))", "not aligned"),
        ("(call $event-loop.next-notice (i32.const 0xffff_fff8))", "out of bounds"),
        ("(call $event-loop.next-notice (i32.const 4))", "not aligned"),
    ] {
        let run = run(&main(body));
        assert!(trap(&run).0.contains(why), "{body}: {}", trap(&run).0);
    }
}

#[test]
fn a_text_that_is_not_utf8_is_a_trap() {
    let body = "(drop (call $tracing.intern (i32.const 0) (i32.const 2)))";
    let run = run(&format!(r#"(data (i32.const 0) "\c3\28") {}"#, main(body)));
    assert!(trap(&run).0.contains("utf-8"), "{}", trap(&run).0);
}

#[test]
fn a_number_that_is_no_case_of_an_enum_is_a_trap() {
    let body = "(call $tracing.step-end (i32.const 0) (i32.const 9))";
    let run = run(&main(body));
    assert!(trap(&run).0.contains("discriminant"), "{}", trap(&run).0);
}

#[test]
fn an_allocator_that_lies_is_a_trap() {
    for address in ["0xffff_0000", "131070"] {
        let realloc = format!(
            r#"(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                 (i32.const {address}))"#
        );
        let body = "(call $random.get-random-bytes (i64.const 100) (i32.const 0))";
        let run = run(&format!("{realloc} {}", main(body)));
        assert!(trap(&run).0.contains("beyond end of memory"), "{address}: {}", trap(&run).0);
    }
}

#[test]
fn reading_as_much_as_there_can_be_gives_what_there_is() {
    let body = "(call $input-stream.read (call $stdin.get-stdin) (i64.const -1) (i32.const 0))
        (call $say (i64.load32_u (i32.const 8)))";
    let run = run_with(Config { stdin: b"hello".into(), ..Config::default() }, &main(body));
    assert_eq!(said(&run), [5]);
}

// --- Calls that have no meaning ------------------------------------------------------------------

#[test]
fn ids_that_were_never_given_out_are_reported() {
    for (body, why) in [
        ("(call $tracing.step-begin (i32.const 99))", "task 99 was never spawned"),
        ("(call $tracing.task-cancelled (i32.const 0))", "task 0 was never spawned"),
        ("(drop (call $tracing.task-spawned (i32.const 7) (i32.const 7)))", "label 7"),
        ("(call $tracing.callback-begin (i32.const -1))", "label 4294967295"),
        ("(call $tracing.timer-fired (i32.const 0) (i64.const 0))", "label 0"),
        ("(call $jobs.begin (i32.const 99))", "job 99 was begun"),
        ("(call $jobs.end (i32.const 99) (i32.const 1))", "job 99 was ended"),
        ("(call $signals.handled (i32.const 15))", "signal 15 was reported as handled"),
        ("(call $signals.handled (i32.const 200))", "signal 200 was reported as handled"),
    ] {
        let run = run(&main(body));
        assert!(misuse(&run).contains(why), "{body}: {}", misuse(&run));
    }
}

#[test]
fn cancelling_a_job_that_never_was_is_too_late() {
    let run = run(&main("(call $say (i64.extend_i32_u (call $jobs.cancel (i32.const 99))))"));
    assert_eq!(said(&run), [0]);
}

#[test]
fn signals_that_the_machine_lacks_are_refused() {
    let body = "(call $signals.add-handler (i32.const 200) (i32.const 0))
        (call $say (i64.load16_u (i32.const 0)))
        (call $signals.add-handler (i32.const 9) (i32.const 0))
        (call $say (i64.load16_u (i32.const 0)))
        (call $signals.raise (i32.const 200) (i32.const 0))
        (call $say (i64.load16_u (i32.const 0)))";
    // The first byte says that it is an error, the second which: unknown, uncatchable.
    assert_eq!(said(&run(&main(body))), [0x0001, 0x0101, 0x0001]);
}

/// A guest with the job "work" running, that then does this.
fn in_a_job(body: &str) -> String {
    let begun = "(drop (call $jobs.submit (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 1)))
        (drop (call $event-loop.wait (i64.const 0)))
        (call $event-loop.next-notice (i32.const 16))
        (call $jobs.begin (i32.const 0))";
    format!(r#"(data (i32.const 0) "work") {}"#, main(&format!("{begun} {body}")))
}

#[test]
fn what_a_job_may_not_do_is_reported_with_its_name() {
    for (body, why) in [
        ("(drop (call $event-loop.wait (i64.const 0)))", r#"job "work" waits for the event loop"#),
        ("(call $event-loop.next-notice (i32.const 16))", r#"job "work" takes the loop's notices"#),
        ("(call $jobs.begin (i32.const 0))", r#"job "work" begins another job"#),
        ("(call $jobs.end (i32.const 1) (i32.const 1))", "job 1 was ended"),
    ] {
        let run = run(&in_a_job(body));
        assert!(misuse(&run).contains(why), "{body}: {}", misuse(&run));
    }
}

#[test]
fn a_job_runs_once() {
    let end = "(call $jobs.end (i32.const 0) (i32.const 1))";
    let twice = run(&in_a_job(&format!("{end} {end}")));
    assert!(misuse(&twice).contains("job 0 was ended"), "{}", misuse(&twice));
    let again = run(&in_a_job(&format!("{end} (call $jobs.begin (i32.const 0))")));
    assert!(misuse(&again).contains("job 0 was begun"), "{}", misuse(&again));
}

#[test]
fn an_announced_job_must_be_run_before_the_next_wait() {
    let body = "(drop (call $jobs.submit (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 1)))
        (drop (call $event-loop.wait (i64.const 0)))
        (call $event-loop.next-notice (i32.const 16))
        (drop (call $event-loop.wait (i64.const 0)))";
    let run = run(&format!(r#"(data (i32.const 0) "work") {}"#, main(body)));
    assert!(misuse(&run).contains(r#"job "work" was announced"#), "{}", misuse(&run));
}

#[test]
fn a_blocking_call_without_a_rule_is_reported_with_the_rule_to_write() {
    let body = "(call $blocking.call
        (i32.const 0) (i32.const 8) (i32.const 0) (i32.const 0) (i32.const 16))";
    let run = run(&format!(r#"(data (i32.const 0) "db.query") {}"#, main(body)));
    assert!(misuse(&run).contains(r#"`call = "db.query"`"#), "{}", misuse(&run));
    let Ending::Misused { backtrace, .. } = &run.trace.ending else { unreachable!() };
    assert!(backtrace.iter().any(|frame| frame == "run"), "{backtrace:?}");
}

#[test]
fn sockets_are_refused_with_an_error_code() {
    let body = "(call $tcp-create-socket.create-tcp-socket (i32.const 0) (i32.const 0))
        (call $say (i64.load8_u (i32.const 0)))
        (call $say (i64.load8_u (i32.const 4)))";
    // An error, and the third of wasi:sockets' codes: not-supported.
    assert_eq!(said(&run(&main(body))), [1, 2]);
}

// --- The others ----------------------------------------------------------------------------------

#[test]
fn bad_runs_leave_nothing_behind() {
    let good = main(
        "(local $i i32) (call $say (i64.load (i32.const 4096)))
         (i64.store (i32.const 4096) (i64.const 42))
         (drop (call $event-loop.wait (i64.const 1_000_000)))
         (call $say (call $random.get-random-u64))",
    );
    let before = run(&good);
    assert_eq!((status(&before), said(&before)[0]), (0, 0));
    let config = || limits(Limits { fuel: 1_000_000, memory_bytes: 4 << 20, ..Limits::default() });
    for bad in [
        failing("(i64.store (i32.const 4096) (i64.const -1)) (unreachable)"),
        format!("(func $dig (call $dig)) {}", main("(call $dig)")),
        spinning(),
        repeating("(drop (memory.grow (i32.const 1)))"),
        main("(call $pollable.block (i32.const 77))"),
    ] {
        assert!(!matches!(run_with(config(), &bad).trace.ending, Ending::Exited { .. }), "{bad}");
        let after = run(&good);
        assert_eq!(after.trace, before.trace, "after {bad}");
    }
}

#[test]
fn a_program_that_fails_can_be_run_again() {
    let (program, config) = (program(&failing("(unreachable)")), Arc::new(Config::default()));
    let once = || block_on(sandbox().run(&program, &config, 3)).trace;
    assert_eq!(once(), once());
}
