//! `loopbox:sandbox` as a guest sees it: waiting, notices, signals, jobs, blocking calls, CPU time.
//!
//! The kernel's own tests say what it decides; these say that it reaches the guest and the trace through
//! WebAssembly, with the CPU time of real instructions.

mod guests;

use globset::Glob;
use guests::{events, main, run, run_with, said};
use loopbox_machine::config::{BlockingRule, Draw, Failure, SignalPlan};
use loopbox_machine::{Config, Run};
use loopbox_trace::{
    Ending, EventKind, Group, JobId, Label, Lane, Level, Nanos, Outcome, Signal, TaskId,
};

const MS: u64 = 1_000_000;

/// Instructions between two calls, in the tests below, take less than this; spans in them are far longer.
const A_LITTLE: Nanos = Nanos::from_micros(5);

/// Takes the next notice into memory at 0: option at 0, kind at 8, id at 12, time at 16.
const NEXT: &str = "(call $event-loop.next-notice (i32.const 0))";
const SAY_NOTICE: &str = "(call $say (i64.load8_u (i32.const 0)))
    (call $say (i64.load8_u (i32.const 8)))
    (call $say (i64.load32_u (i32.const 12)))
    (call $say (i64.load (i32.const 16)))";
const WAIT_FOR_EVER: &str = "(drop (call $event-loop.wait (i64.const -1)))";
const HANDLE_SIGTERM: &str = "(call $signals.add-handler (i32.const 15) (i32.const 0))";

fn term_at(at: Nanos) -> Config {
    let plan = SignalPlan { signal: Signal::SIGTERM, at: Draw::Fixed(at) };
    Config { signals: vec![plan], ..Config::default() }
}

fn of(run: &Run, group: Group) -> Vec<(Nanos, EventKind)> {
    events(run, |kind| kind.group() == group)
}

/// Whether `at` is `since`, or so little later that only a few instructions lie between.
#[track_caller]
fn assert_just_after(at: Nanos, since: Nanos) {
    assert!(since <= at && at < since + A_LITTLE, "{at} is not just after {since}");
}

fn exited(run: &Run) -> bool {
    run.trace.ending == Ending::Exited { status: 0 }
}

// --- Turns ---------------------------------------------------------------------------------------

#[test]
fn a_wait_returns_at_its_deadline_and_begins_a_turn() {
    let body = format!("(call $say (call $event-loop.wait (i64.const {})))", 10 * MS);
    let run = run(&main(&body));
    assert_eq!(said(&run), [10 * MS], "the time, and no notices");
    let turns = of(&run, Group::Turn);
    assert_eq!(turns[0], (Nanos(10 * MS), EventKind::TurnBegin));
    assert_eq!(turns[1], (run.trace.finished, EventKind::TurnEnd), "the turn ends with the run");
    assert_eq!(turns.len(), 2);
    assert!(exited(&run));
}

#[test]
fn a_wait_for_the_past_only_looks_and_ends_the_turn() {
    let body = "(drop (call $event-loop.wait (i64.const 0)))
        (call $blocking.compute (i64.const 3_000_000))
        (drop (call $event-loop.wait (i64.const 0)))
        (call $event-loop.stop)
        (call $blocking.compute (i64.const 4_000_000))";
    let run = run(&main(body));
    let turns = of(&run, Group::Turn);
    use EventKind::{TurnBegin, TurnEnd};
    let kinds: Vec<_> = turns.iter().map(|&(_, kind)| kind).collect();
    assert_eq!(kinds, [TurnBegin, TurnEnd, TurnBegin, TurnEnd]);
    assert_just_after(turns[1].0, turns[0].0 + Nanos(3 * MS));
    assert_eq!(turns[2].0, turns[1].0, "one wait ends the one and begins the other");
    assert_just_after(turns[3].0, turns[2].0);
    assert_just_after(run.trace.finished, turns[3].0 + Nanos(4 * MS));
}

#[test]
fn waiting_for_what_can_never_come_is_a_deadlock_at_once() {
    let spawn = r#"(drop (call $tracing.task-spawned
        (call $tracing.intern (i32.const 0) (i32.const 6))
        (call $tracing.intern (i32.const 6) (i32.const 9))))"#;
    let data = r#"(data (i32.const 0) "readerapp.rs:42")"#;
    let run = run(&format!("{data} {}", main(&format!("{spawn} {WAIT_FOR_EVER}"))));
    let Ending::Deadlock { waiting } = &run.trace.ending else { panic!("{:?}", run.trace.ending) };
    assert!(waiting[1].contains(r#""reader""#), "{waiting:?}");
    assert!(waiting[1].contains("app.rs:42"), "{waiting:?}");
    assert_just_after(run.trace.finished, Nanos::ZERO);
}

#[test]
fn a_loop_is_told_of_a_deadlock_and_explains_it() {
    // A list of one string: its address and its length.
    let data = r#"(data (i32.const 0) "\08\00\00\00\09\00\00\00a waits b")"#;
    let body =
        "(if (i64.ne (call $event-loop.wait (i64.const -1)) (i64.const -1)) (then (unreachable)))
        (call $event-loop.deadlock (i32.const 0) (i32.const 1))
        (unreachable)";
    let run = run(&format!("{data} {}", main(body)));
    let Ending::Deadlock { waiting } = &run.trace.ending else { panic!("{:?}", run.trace.ending) };
    assert_eq!(waiting[1..], ["a waits b"]);
}

#[test]
fn without_a_notice_there_is_none_to_take() {
    let body = format!("(i32.store8 (i32.const 0) (i32.const 7)) {NEXT} {SAY_NOTICE}");
    assert_eq!(said(&run(&main(&body)))[0], 0);
}

// --- CPU time ------------------------------------------------------------------------------------

/// Loops so many times.
fn looping(times: u64) -> String {
    let body = format!(
        "(local $i i64)
         (loop $again (br_if $again (i64.lt_u
           (local.tee $i (i64.add (local.get $i) (i64.const 1))) (i64.const {times}))))"
    );
    main(&body)
}

#[test]
fn cpu_time_is_linear_in_the_instructions_executed() {
    let finished = |times| run(&looping(times)).trace.finished.0;
    let per_iteration = (finished(2_000) - finished(1_000)) / 1_000;
    assert!((2..20).contains(&per_iteration), "{per_iteration}ns for a handful of instructions");
    assert_eq!(finished(2_000) - finished(1_000), per_iteration * 1_000);
    assert_eq!(finished(1_001_000) - finished(1_000), per_iteration * 1_000_000);
}

#[test]
fn the_scenario_says_how_long_an_instruction_takes() {
    let finished = |ps_per_fuel| {
        let config = Config { ps_per_fuel, ..Config::default() };
        run_with(config, &looping(1_000_000)).trace.finished.0
    };
    assert_eq!(finished(3_000), finished(1_000) * 3);
    assert_eq!(finished(250), finished(1_000) / 4);
}

#[test]
fn the_clock_moves_during_a_busy_loop_that_waits_for_it() {
    let body = "(local $last i64) (local $now i64) (local $moved i64)
        (loop $again
          (local.set $now (call $monotonic-clock.now))
          (local.set $moved (i64.add (local.get $moved)
            (i64.extend_i32_u (i64.gt_u (local.get $now) (local.get $last)))))
          (local.set $last (local.get $now))
          (br_if $again (i64.lt_u (local.get $now) (i64.const 1_000_000))))
        (call $say (local.get $moved))
        (call $say (local.get $last))";
    let run = run(&main(body));
    let said = said(&run);
    assert!(said[0] > 10_000, "each look shows a later time, of which there were {}", said[0]);
    assert_just_after(Nanos(said[1]), Nanos(MS));
    assert!(exited(&run));
}

#[test]
fn a_computation_is_charged_to_the_nanosecond() {
    let took = |span: u64| {
        run(&main(&format!("(call $blocking.compute (i64.const {span}))"))).trace.finished.0
    };
    assert_eq!(took(3_000_001) - took(0), 3_000_001);
}

// --- Signals -------------------------------------------------------------------------------------

#[test]
fn a_signal_wakes_the_loop_and_its_latency_is_in_the_trace() {
    let body = format!(
        "{HANDLE_SIGTERM} (call $say (call $event-loop.wait (i64.const -1))) {NEXT} {SAY_NOTICE}
         (call $blocking.compute (i64.const {})) (call $signals.handled (i32.const 15))",
        2 * MS
    );
    let run = run_with(term_at(Nanos(5 * MS)), &main(&body));
    let notices: u64 = 1 << 63;
    assert_eq!(said(&run), [notices + 5 * MS, 1, 0, 15, 5 * MS], "one notice: SIGTERM at 5 ms");
    let (signal, raised) = (Signal::SIGTERM, Nanos(5 * MS));
    let signals = of(&run, Group::Signal);
    assert_eq!(signals[0], (raised, EventKind::SignalRaised(signal)));
    assert_eq!(signals[1].1, EventKind::SignalDelivered { signal, raised });
    assert_just_after(signals[1].0, raised);
    assert_eq!(signals[2].1, EventKind::SignalHandled { signal, raised });
    assert!(signals[2].0 >= raised + Nanos(2 * MS));
    assert_eq!(signals.len(), 3);
}

#[test]
fn a_busy_loop_sees_a_signal_only_at_its_next_wait() {
    let body = format!(
        "{HANDLE_SIGTERM} (call $blocking.compute (i64.const {})) {NEXT}
         (call $signals.handled (i32.const 15))",
        100 * MS
    );
    let signals = of(&run_with(term_at(Nanos(5 * MS)), &main(&body)), Group::Signal);
    assert_eq!(signals[0].0, Nanos(5 * MS));
    assert_just_after(signals[1].0, Nanos(100 * MS));
}

#[test]
fn signals_of_one_number_that_are_pending_merge() {
    let mut config = term_at(Nanos(5 * MS));
    config.signals.push(SignalPlan { signal: Signal::SIGTERM, at: Draw::Fixed(Nanos(7 * MS)) });
    let body = format!(
        "{HANDLE_SIGTERM} (call $blocking.compute (i64.const {})) {NEXT} {SAY_NOTICE} {NEXT}
         (call $say (i64.load8_u (i32.const 0)))",
        10 * MS
    );
    let run = run_with(config, &main(&body));
    assert_eq!(said(&run), [1, 0, 15, 5 * MS, 0], "one notice, with the time of the first");
    let merged = (Nanos(7 * MS), EventKind::SignalMerged(Signal::SIGTERM));
    assert!(of(&run, Group::Signal).contains(&merged));
}

#[test]
fn without_a_handler_a_signal_takes_its_default_action() {
    let body = format!(
        "{HANDLE_SIGTERM} (call $signals.remove-handler (i32.const 15) (i32.const 0))
         (call $say (i64.load16_u (i32.const 0)))
         (call $signals.remove-handler (i32.const 15) (i32.const 0))
         (call $say (i64.load16_u (i32.const 0)))
         {WAIT_FOR_EVER}"
    );
    let run = run_with(term_at(Nanos(5 * MS)), &main(&body));
    assert_eq!(said(&run), [0x0100, 0], "there was a handler, then there was none");
    assert_eq!(run.trace.ending, Ending::Signalled { signal: Signal::SIGTERM });
    assert_eq!(run.trace.finished, Nanos(5 * MS));
    let default = (Nanos(5 * MS), EventKind::SignalDefault(Signal::SIGTERM));
    assert_eq!(of(&run, Group::Signal).last(), Some(&default));
}

#[test]
fn a_guest_can_send_itself_a_signal() {
    let raise = "(call $signals.raise (i32.const 15) (i32.const 32))";
    let body = format!("{HANDLE_SIGTERM} {raise} {WAIT_FOR_EVER} {NEXT} {SAY_NOTICE}");
    let handled = run(&main(&body));
    assert_eq!(said(&handled)[..3], [1, 0, 15]);
    let fatal = run(&main(&format!("{raise} (unreachable)")));
    assert_eq!(fatal.trace.ending, Ending::Signalled { signal: Signal::SIGTERM });
}

// --- Jobs ----------------------------------------------------------------------------------------

const SUBMIT: &str = "(drop (call $jobs.submit (i32.const 0) (i32.const 64) (i32.const 6) (i32.const 0) (i32.const 0) (i32.const 1)))";
const JOB_NAME: &str = r#"(data (i32.const 64) "resize")"#;

/// Waits for the notice to run a job, and runs it as this. Its id is in the notice.
fn run_job(body: &str) -> String {
    format!(
        "{WAIT_FOR_EVER} {NEXT}
         (if (i32.ne (i32.load8_u (i32.const 8)) (i32.const 1)) (then (unreachable)))
         (call $jobs.begin (i32.load (i32.const 12)))
         {body}
         (call $jobs.end (i32.load (i32.const 12)) (i32.const 1))"
    )
}

#[test]
fn a_job_runs_on_its_workers_clock_and_does_not_delay_the_loop() {
    // The job burns fuel, and also computes for 50 ms.
    let job = run_job(
        "(loop $again (br_if $again (i64.lt_u (call $monotonic-clock.now) (i64.const 1_000_000))))
         (call $blocking.compute (i64.const 50_000_000))
         (call $say (call $monotonic-clock.now))",
    );
    let body = format!(
        "{SUBMIT} {job} (call $say (call $monotonic-clock.now)) {WAIT_FOR_EVER} {NEXT} {SAY_NOTICE}"
    );
    let run = run(&format!("{JOB_NAME} {}", main(&body)));
    let said = said(&run);
    // What a job prints is printed at its worker's time: after what the loop prints meanwhile.
    let (on_loop, on_worker) = (Nanos(said[0]), Nanos(said[1]));
    assert_just_after(on_loop, Nanos::ZERO);
    assert_just_after(on_worker, Nanos(51 * MS));
    assert_eq!(said[2..5], [1, 2, 0], "a notice: job 0 has finished");
    assert_just_after(Nanos(said[5]), on_worker);

    assert_eq!(run.trace.job_name(JobId(0)), "resize");
    assert_eq!(run.trace.lanes.last().map(String::as_str), Some("worker-1"));
    let finished = Nanos(said[5]);
    let on_worker: Vec<_> = run.trace.on(Lane::worker(0)).collect();
    assert_eq!(on_worker[0].kind, EventKind::JobStarted(JobId(0)));
    let last = on_worker.last().expect("there are events");
    assert_eq!(last.kind, EventKind::JobFinished(JobId(0), Outcome::Done));
    assert_eq!(last.at, finished);
    let delivered = EventKind::JobDelivered { job: JobId(0), finished };
    assert!(run.trace.on(Lane::MAIN).any(|event| event.kind == delivered));
}

#[test]
fn one_worker_runs_two_jobs_one_after_the_other() {
    let job = run_job("(call $blocking.compute (i64.const 50_000_000))");
    // The first completion comes with the second job's turn to run.
    let second = run_job("(call $blocking.compute (i64.const 30_000_000))");
    let second = second.replacen(NEXT, &format!("{NEXT} {NEXT}"), 1);
    let body = format!("{SUBMIT} {SUBMIT} {job} {second} {WAIT_FOR_EVER} {NEXT} {SAY_NOTICE}");
    let config = Config { workers: 1, ..Config::default() };
    let run = run_with(config, &format!("{JOB_NAME} {}", main(&body)));
    assert!(exited(&run), "{:?}", run.trace.ending);
    let times =
        events(&run, |kind| matches!(kind, EventKind::JobStarted(_) | EventKind::JobFinished(..)));
    let order: Vec<_> = times.iter().map(|(_, kind)| *kind).collect();
    let [first, second] = [JobId(0), JobId(1)];
    use EventKind::{JobFinished, JobStarted};
    let done = Outcome::Done;
    assert_eq!(
        order,
        [
            JobStarted(first),
            JobFinished(first, done),
            JobStarted(second),
            JobFinished(second, done)
        ]
    );
    assert_just_after(times[1].0, Nanos(50 * MS));
    assert_eq!(times[2].0, times[1].0, "the worker takes the next at once");
    assert_just_after(times[3].0, Nanos(80 * MS));
    assert_eq!(said(&run)[2], 1, "the last notice is about the second job");
}

#[test]
fn a_job_that_no_worker_has_taken_can_be_cancelled() {
    let body = format!(
        "{SUBMIT} (call $say (i64.extend_i32_u (call $jobs.cancel (i32.const 0))))
         {SUBMIT} {} (call $say (i64.extend_i32_u (call $jobs.cancel (i32.const 1))))",
        run_job("")
    );
    let run = run(&format!("{JOB_NAME} {}", main(&body)));
    assert_eq!(said(&run), [1, 0], "the first was still queued, the second has run");
    let cancelled = EventKind::JobFinished(JobId(0), Outcome::Cancelled);
    assert!(run.trace.events.iter().any(|event| event.kind == cancelled));
}

#[test]
fn a_message_from_a_job_reaches_the_loop_at_the_workers_time() {
    let job = run_job(
        "(call $blocking.compute (i64.const 10_000_000))
         (i32.store (i32.const 128) (call $jobs.post))
         (call $blocking.compute (i64.const 40_000_000))",
    );
    let body = format!(
        "{SUBMIT} {job} {WAIT_FOR_EVER} {NEXT} {SAY_NOTICE}
         (call $say (i64.load32_u (i32.const 128)))"
    );
    let run = run(&format!("{JOB_NAME} {}", main(&body)));
    let said = said(&run);
    assert_eq!(said[..3], [1, 3, said[4]], "a message, with the id that post returned");
    assert_just_after(Nanos(said[3]), Nanos(10 * MS));
    let received = EventKind::MessageReceived { message: 0, posted: Nanos(said[3]) };
    let message = run.trace.on(Lane::MAIN).find(|event| event.kind == received);
    assert_just_after(message.expect("it was received").at, Nanos(10 * MS));
}

#[test]
fn a_signal_ends_the_process_at_its_moment_though_a_job_ran_ahead_of_it() {
    let job = run_job("(call $blocking.compute (i64.const 50_000_000)) (call $say (i64.const 1))");
    let body = format!("{SUBMIT} {job} {WAIT_FOR_EVER}");
    let run = run_with(term_at(Nanos(5 * MS)), &format!("{JOB_NAME} {}", main(&body)));
    assert_eq!(run.trace.ending, Ending::Signalled { signal: Signal::SIGTERM });
    assert_eq!(run.trace.finished, Nanos(5 * MS));
    assert_eq!(said(&run), [] as [u64; 0], "the worker did not come that far");
    let on_worker: Vec<_> = run.trace.on(Lane::worker(0)).map(|event| event.kind).collect();
    assert_eq!(on_worker, [EventKind::JobStarted(JobId(0))]);
}

// --- Blocking calls ------------------------------------------------------------------------------

fn query(fails: Option<Failure>) -> Config {
    let rule = BlockingRule {
        call: Glob::new("db.*").expect("a pattern").compile_matcher(),
        takes: Draw::Fixed(Nanos(30 * MS)),
        fails,
        returns: b"three rows".to_vec(),
    };
    Config { blocking: vec![rule], ..Config::default() }
}

/// Calls `db.query` and prints what comes back: whether it failed, and the text.
fn querying() -> String {
    let body = "(call $blocking.call
          (i32.const 32) (i32.const 8) (i32.const 32) (i32.const 8) (i32.const 0))
        (call $say (i64.load8_u (i32.const 0)))
        (call $print (i32.load (i32.const 4)) (i32.load (i32.const 8)))";
    format!(r#"(data (i32.const 32) "db.query") {}"#, main(body))
}

fn output(run: &Run) -> String {
    run.trace.output(loopbox_trace::Stream::Stdout)
}

#[test]
fn a_blocking_call_takes_its_time_and_returns_the_scenarios_bytes() {
    let run = run_with(query(None), &querying());
    assert_eq!(output(&run), "0\nthree rows");
    let calls = of(&run, Group::Blocking);
    let [(begin, EventKind::BlockingBegin(name)), (end, EventKind::BlockingEnd(_, outcome))] =
        calls[..]
    else {
        panic!("{calls:?}")
    };
    assert_eq!((run.trace.text(name), outcome), ("db.query", Outcome::Done));
    assert_just_after(begin, Nanos::ZERO);
    assert_eq!(end, begin + Nanos(30 * MS));
    assert!(run.trace.on(Lane::MAIN).any(|event| event.kind == EventKind::BlockingBegin(name)));
}

#[test]
fn a_blocking_call_can_fail_with_the_scenarios_text() {
    let failure = Failure { per_million: 1_000_000, error: "timed out".into() };
    let run = run_with(query(Some(failure)), &querying());
    assert_eq!(output(&run), "1\ntimed out");
    let (at, end) = of(&run, Group::Blocking)[1];
    assert!(matches!(end, EventKind::BlockingEnd(_, Outcome::Failed)), "{end:?}");
    assert_just_after(at, Nanos(30 * MS));
    assert_eq!(run.choices.len(), 1, "whether it fails was drawn: {:?}", run.choices);
}

#[test]
fn a_blocking_call_in_a_job_blocks_the_worker() {
    let call = "(call $blocking.call
        (i32.const 32) (i32.const 8) (i32.const 0) (i32.const 0) (i32.const 128))";
    let body = format!(
        "{SUBMIT} {} (call $say (call $monotonic-clock.now)) {WAIT_FOR_EVER}",
        run_job(call)
    );
    let items = format!(r#"{JOB_NAME} (data (i32.const 32) "db.query") {}"#, main(&body));
    let run = run_with(query(None), &items);
    assert_just_after(Nanos(said(&run)[0]), Nanos::ZERO);
    let on_worker = |event: &&loopbox_trace::Event| event.kind.group() == Group::Blocking;
    assert_eq!(run.trace.on(Lane::worker(0)).filter(on_worker).count(), 2);
    assert_eq!(run.trace.on(Lane::MAIN).filter(on_worker).count(), 0);
}

// --- Tracing -------------------------------------------------------------------------------------

#[test]
fn what_the_loop_tells_reaches_the_trace() {
    let data = r#"(data (i32.const 0) "reader") (data (i32.const 16) "app.rs:4:2")
        (data (i32.const 32) "SLOW-1") (data (i32.const 48) "took 120 ms")"#;
    let body = "(local $name i32) (local $task i32)
        (local.set $name (call $tracing.intern (i32.const 0) (i32.const 6)))
        (call $say (i64.extend_i32_u (i32.eq (local.get $name)
          (call $tracing.intern (i32.const 0) (i32.const 6)))))
        (local.set $task (call $tracing.task-spawned (local.get $name)
          (call $tracing.intern (i32.const 16) (i32.const 10))))
        (call $tracing.step-begin (local.get $task))
        (call $tracing.step-end (local.get $task) (i32.const 1))
        (call $tracing.timer-fired (local.get $name) (i64.const 77))
        (call $tracing.callback-begin (local.get $name))
        (call $tracing.callback-end (local.get $name))
        (call $tracing.task-cancelled (local.get $task))
        (call $tracing.log (i32.const 2) (local.get $name) (i32.const 48) (i32.const 11))
        (call $tracing.diagnostic (i32.const 32) (i32.const 6) (i32.const 3)
          (i32.const 0) (i32.const 6) (i32.const 48) (i32.const 11)
          (i32.const 1) (i32.const 16) (i32.const 10) (i32.const 0) (i32.const 0) (i32.const 0))";
    let run = run(&format!("{data} {}", main(body)));
    assert_eq!(said(&run), [1], "the same text has the same label");
    let trace = &run.trace;
    let told = |kind: &EventKind| !matches!(kind.group(), Group::Output | Group::Exit);
    let kinds: Vec<_> = events(&run, told).into_iter().map(|(_, kind)| kind).collect();
    let (task, name) = (TaskId(0), trace.tasks[0].name);
    let EventKind::Log { level: Level::Warning, logger, text } = kinds[7] else {
        panic!("{kinds:?}")
    };
    assert_eq!((trace.text(logger), trace.text(text)), ("reader", "took 120 ms"));
    assert_eq!(
        kinds,
        [
            EventKind::TaskSpawned(task),
            EventKind::StepBegin(task),
            EventKind::StepEnd(task, Outcome::Pending),
            EventKind::TimerFired { name, due: Nanos(77) },
            EventKind::CallbackBegin(name),
            EventKind::CallbackEnd(name),
            EventKind::TaskCancelled(task),
            EventKind::Log { level: Level::Warning, logger, text },
            EventKind::Diagnostic(0),
        ]
    );
    assert_eq!((trace.task_name(task), trace.text(trace.tasks[0].place)), ("reader", "app.rs:4:2"));
    let diagnostic = &trace.diagnostics[0];
    assert_eq!((diagnostic.code.as_str(), diagnostic.level), ("SLOW-1", Level::Error));
    assert_eq!((diagnostic.logger.as_str(), diagnostic.text.as_str()), ("reader", "took 120 ms"));
    let places = (diagnostic.created.as_deref(), diagnostic.died.as_deref());
    assert_eq!(places, (Some("app.rs:4:2"), None));
}

#[test]
fn a_guest_learns_whether_it_is_traced_and_in_debug_mode() {
    // Exit status: bit 0 traced, bit 1 debug. Without a trace there is no output to look at.
    let body = "(call $process.exit (i32.or (call $tracing.enabled)
        (i32.shl (call $tracing.debug) (i32.const 1))))";
    for (traced, debug, status) in [(true, false, 1), (false, true, 2), (false, false, 0)] {
        let config = Config { traced, debug, ..Config::default() };
        assert_eq!(run_with(config, &main(body)).trace.ending, Ending::Exited { status });
    }
}

#[test]
fn a_run_that_is_not_traced_takes_the_same_time_and_records_nothing() {
    let job = run_job("(call $blocking.compute (i64.const 50_000_000))");
    let body = format!(
        "{SUBMIT} (drop (call $tracing.task-spawned (call $tracing.intern (i32.const 64) (i32.const 6))
           (call $tracing.intern (i32.const 64) (i32.const 6))))
         {job} {WAIT_FOR_EVER} {NEXT} (call $say (i64.const 1))"
    );
    let items = format!("{JOB_NAME} {}", main(&body));
    let traced = run(&items).trace;
    let bare = run_with(Config { traced: false, ..Config::default() }, &items).trace;
    assert_eq!((bare.finished, &bare.ending), (traced.finished, &traced.ending));
    assert!(traced.events.len() > 5 && bare.events.is_empty());
    assert_eq!(bare.labels, [] as [String; 0]);
    assert_eq!(traced.text(Label(0)), "resize");
}
