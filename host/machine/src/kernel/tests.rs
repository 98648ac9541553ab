//! The kernel without WebAssembly: a guest here is a test that calls it.

use globset::Glob;
use loopbox_trace::{Group, Stream};

use super::*;
use crate::config::{BlockingRule, Draw, Failure, Limits, SignalPlan};

mod blocked;
mod signals;

const MS: fn(u64) -> Nanos = Nanos::from_millis;
const FOREVER: Nanos = Nanos::MAX;
const TERM: u8 = 15;

fn kernel(config: Config) -> Kernel {
    let mut kernel = Kernel::new(Arc::new(config), 0);
    kernel.fuel_grant().expect("a new kernel grants fuel");
    kernel
}

fn signal(name: &str, at: Nanos) -> SignalPlan {
    SignalPlan { signal: name.parse().expect("a signal"), at: Draw::Fixed(at) }
}

fn rule(call: &str, takes: Nanos) -> BlockingRule {
    BlockingRule {
        call: Glob::new(call).expect("a pattern").compile_matcher(),
        takes: Draw::Fixed(takes),
        fails: None,
        returns: b"rows".to_vec(),
    }
}

/// Burns CPU time, as a guest between two host calls.
fn burn(kernel: &mut Kernel, span: Nanos) -> Result<(), Halt> {
    let fuel = span.0 * 1_000 / kernel.config.ps_per_fuel;
    kernel.fuel_grant();
    match kernel.fuel_seen.checked_sub(fuel) {
        Some(left) => kernel.settle(left),
        None => Err(kernel.out_of_fuel()),
    }
}

/// Gives a job to the pool that is there from the start.
fn submit(kernel: &mut Kernel, name: &str) -> JobId {
    submit_to(kernel, PoolId::DEFAULT, name)
}

fn submit_to(kernel: &mut Kernel, pool: PoolId, name: &str) -> JobId {
    kernel.submit(pool, name, "a.rs:1:1", true).expect("there is such a pool")
}

/// Takes all notices, running each job as a blocking call of its own name.
fn drain(kernel: &mut Kernel) -> Vec<(Nanos, Notice)> {
    let mut taken = Vec::new();
    while let Some((at, notice)) = kernel.next_notice().expect("goes on") {
        if let Notice::RunJob(job) = notice {
            kernel.begin_job(job).expect("was announced");
            kernel.blocking_call("work").expect("goes on").expect("does not fail");
            kernel.end_job(job, Outcome::Done).expect("is running");
        }
        taken.push((at, notice));
    }
    taken
}

/// When each event of a group happened, by lane.
fn times(trace: &Trace, group: Group) -> Vec<(u16, u64)> {
    let of_group = trace.events.iter().filter(|event| event.kind.group() == group);
    of_group.map(|event| (event.lane.0, event.at.0 / 1_000_000)).collect()
}

fn exit(kernel: Kernel) -> Trace {
    kernel.finish(Ending::Exited { status: 0 }).0
}

#[test]
fn a_wait_returns_at_its_deadline_and_not_before() {
    let mut kernel = kernel(Config::default());
    let wake = kernel.wait(MS(10)).expect("goes on");
    assert_eq!(wake, Wake { now: MS(10), notices: false });
    burn(&mut kernel, MS(25)).expect("goes on");
    let wake = kernel.wait(MS(20)).expect("goes on");
    assert_eq!(wake.now, MS(35), "late by the CPU time that was used");
}

#[test]
fn turns_begin_with_a_wake_and_end_with_the_next_wait() {
    let mut kernel = kernel(Config::default());
    kernel.wait(MS(1)).expect("goes on");
    burn(&mut kernel, MS(3)).expect("goes on");
    kernel.wait(MS(10)).expect("goes on");
    kernel.stop();
    kernel.stop();
    assert_eq!(times(&exit(kernel), Group::Turn), [(0, 1), (0, 4), (0, 10), (0, 10)]);
}

#[test]
fn waiting_for_nothing_is_a_deadlock() {
    let mut kernel = kernel(Config::default());
    let (name, place) = (kernel.intern("consumer"), kernel.intern("/home/me/app/src/main.rs:3:5"));
    let place = kernel.place(place);
    let task = kernel.spawn_task(name, place);
    kernel.record(EventKind::StepBegin(task));
    kernel.record(EventKind::StepEnd(task, Outcome::Pending));
    assert_eq!(kernel.wait(FOREVER), Ok(Wake::NEVER), "the loop may explain");
    assert_eq!(kernel.wait(FOREVER), Err(Halt::Deadlock), "it does not");
    let waiting = kernel.waiting();
    assert_eq!(waiting[1], "task \"consumer\" is pending since 0s; spawned at app/src/main.rs:3:5");
}

#[test]
fn a_loops_explanation_of_a_deadlock_is_kept_within_bounds() {
    let mut kernel = kernel(Config::default());
    let early = kernel.deadlock(vec!["too early".into()]);
    assert!(matches!(early, Halt::Misuse(_)), "{early:?}");
    assert_eq!(kernel.wait(FOREVER), Ok(Wake::NEVER));
    let long = "é".repeat(EXPLANATION_LINE_CHARS + 1);
    let mut lines = vec!["a waits for b".to_owned(), long];
    lines.extend((2..EXPLANATION_LINES + 3).map(|number| number.to_string()));
    assert_eq!(kernel.deadlock(lines), Halt::Deadlock);
    let waiting = kernel.waiting();
    assert_eq!(waiting[1], "a waits for b");
    assert_eq!(waiting[2].chars().count(), EXPLANATION_LINE_CHARS + 3);
    assert_eq!(waiting.len(), 1 + EXPLANATION_LINES + 1);
    assert_eq!(waiting.last().map(String::as_str), Some("... and 3 more lines"));
}

#[test]
fn a_signal_to_come_is_no_deadlock() {
    let mut kernel =
        kernel(Config { signals: vec![signal("SIGTERM", MS(100))], ..Config::default() });
    kernel.set_signal_handler(TERM, true).expect("can be caught");
    assert_eq!(kernel.wait(FOREVER), Ok(Wake { now: MS(100), notices: true }));
    assert_eq!(kernel.next_notice(), Ok(Some((MS(100), Notice::Signal(Signal::SIGTERM)))));
    assert_eq!(kernel.wait(FOREVER), Ok(Wake::NEVER));
}

#[test]
fn a_signal_during_a_computation_is_seen_at_the_next_wait() {
    let mut kernel = kernel(Config {
        signals: vec![signal("SIGTERM", MS(10)), signal("SIGTERM", MS(20))],
        ..Config::default()
    });
    kernel.set_signal_handler(TERM, true).expect("can be caught");
    burn(&mut kernel, MS(50)).expect("a handled signal interrupts nothing");
    assert_eq!(kernel.wait(FOREVER), Ok(Wake { now: MS(50), notices: true }), "two became one");
    drain(&mut kernel);
    burn(&mut kernel, MS(5)).expect("goes on");
    kernel.signal_handled(TERM).expect("was delivered");
    let again = kernel.signal_handled(TERM);
    assert!(matches!(again, Err(Halt::Misuse(_))), "once for each delivery");
    let trace = exit(kernel);
    assert_eq!(times(&trace, Group::Signal), [(1, 10), (1, 20), (1, 20), (0, 50), (0, 55)]);
    let handled = EventKind::SignalHandled { signal: Signal::SIGTERM, raised: MS(10) };
    assert!(trace.events.iter().any(|event| event.kind == handled));
}

#[test]
fn a_signal_without_a_handler_ends_the_process_at_its_moment() {
    let config = || Config { signals: vec![signal("SIGTERM", MS(10))], ..Config::default() };
    let mut waiting = kernel(config());
    assert_eq!(waiting.wait(MS(50)), Err(Halt::Signalled(Signal::SIGTERM)));
    let mut computing = kernel(config());
    assert_eq!(burn(&mut computing, MS(50)), Err(Halt::Signalled(Signal::SIGTERM)));
    assert_eq!(exit(computing).finished, MS(10), "not when it was noticed");
    let mut blocked = kernel(config());
    let halted = blocked.block_until("sleep", MS(50), Outcome::Done);
    assert_eq!(halted, Err(Halt::Signalled(Signal::SIGTERM)));
    let spinning = kernel(config());
    let grant = spinning.fuel_seen;
    assert!((MS(10).0..MS(11).0).contains(&grant), "fuel up to the signal, not beyond: {grant}");
}

#[test]
fn an_ignored_signal_changes_nothing() {
    let mut kernel =
        kernel(Config { signals: vec![signal("SIGWINCH", MS(10))], ..Config::default() });
    assert_eq!(kernel.wait(MS(50)), Ok(Wake { now: MS(50), notices: false }));
}

#[test]
fn sending_oneself_a_signal_is_as_good_as_getting_one() {
    let mut kernel = kernel(Config::default());
    assert_eq!(kernel.raise(99), Ok(Err(SignalError::Unknown)));
    kernel.set_signal_handler(TERM, true).expect("can be caught");
    assert_eq!(kernel.raise(TERM), Ok(Ok(())));
    assert!(kernel.wait(FOREVER).expect("goes on").notices);
    kernel.set_signal_handler(TERM, false).expect("can be caught");
    assert_eq!(kernel.raise(TERM), Err(Halt::Signalled(Signal::SIGTERM)));
}

#[test]
fn sixty_four_jobs_on_four_workers_take_sixteen_rounds() {
    let mut kernel = kernel(Config { blocking: vec![rule("work", MS(50))], ..Config::default() });
    for _ in 0..64 {
        submit(&mut kernel, "work");
    }
    let mut finished = Vec::new();
    while finished.len() < 64 {
        kernel.wait(FOREVER).expect("goes on");
        let notices = drain(&mut kernel);
        finished.extend(notices.iter().filter_map(|&(at, notice)| match notice {
            Notice::JobFinished(_) => Some(at),
            _ => None,
        }));
    }
    let rounds: Vec<Nanos> = (1..=16).flat_map(|round| [MS(50 * round); 4]).collect();
    assert_eq!(finished, rounds);
    assert_eq!(kernel.now(), MS(800));
}

#[test]
fn workers_go_on_while_the_loop_is_stalled() {
    let mut kernel =
        kernel(Config { workers: 1, blocking: vec![rule("work", MS(50))], ..Config::default() });
    for _ in 0..3 {
        submit(&mut kernel, "work");
    }
    burn(&mut kernel, MS(1_000)).expect("goes on");
    kernel.wait(MS(1_000)).expect("goes on");
    let finished: Vec<Nanos> = drain(&mut kernel)
        .into_iter()
        .filter_map(|(at, notice)| matches!(notice, Notice::JobFinished(_)).then_some(at))
        .collect();
    assert_eq!(finished, [MS(50), MS(100), MS(150)], "all seen in one turn, at their own times");
    assert_eq!(kernel.now(), MS(1_000));
}

#[test]
fn a_job_is_charged_to_its_worker() {
    let mut kernel = kernel(Config::default());
    let job = submit(&mut kernel, "hash");
    kernel.wait(FOREVER).expect("goes on");
    kernel.next_notice().expect("goes on");
    kernel.begin_job(job).expect("was announced");
    burn(&mut kernel, MS(300)).expect("goes on");
    assert_eq!(kernel.now(), MS(300));
    kernel.end_job(job, Outcome::Done).expect("is running");
    assert_eq!(kernel.now(), MS(0), "the loop's clock has not moved");
    assert_eq!(kernel.wait(FOREVER), Ok(Wake { now: MS(300), notices: true }));
}

#[test]
fn an_earlier_worker_takes_a_job_before_a_later_one() {
    // Worker 1 is done at 100 ms and known to be so before worker 2's job, done at 60 ms, has run.
    let mut kernel = kernel(Config { workers: 2, ..Config::default() });
    let jobs = [0, 1, 2].map(|_| submit(&mut kernel, "job"));
    kernel.wait(FOREVER).expect("goes on");
    for (job, span) in [(jobs[0], MS(100)), (jobs[1], MS(60))] {
        assert_eq!(kernel.next_notice(), Ok(Some((MS(0), Notice::RunJob(job)))));
        kernel.begin_job(job).expect("was announced");
        burn(&mut kernel, span).expect("goes on");
        kernel.end_job(job, Outcome::Done).expect("is running");
    }
    burn(&mut kernel, MS(200)).expect("goes on");
    kernel.wait(MS(0)).expect("goes on");
    assert_eq!(kernel.next_notice(), Ok(Some((MS(60), Notice::JobFinished(jobs[1])))));
    assert_eq!(kernel.next_notice(), Ok(Some((MS(60), Notice::RunJob(jobs[2])))));
}

#[test]
fn nothing_later_is_processed_before_an_announced_job_has_run() {
    let mut kernel =
        kernel(Config { signals: vec![signal("SIGTERM", MS(70))], ..Config::default() });
    kernel.set_signal_handler(TERM, true).expect("can be caught");
    let job = submit(&mut kernel, "job");
    burn(&mut kernel, MS(100)).expect("goes on");
    kernel.wait(FOREVER).expect("goes on");
    kernel.next_notice().expect("goes on");
    kernel.begin_job(job).expect("was announced");
    burn(&mut kernel, MS(50)).expect("goes on");
    let message = kernel.post();
    kernel.end_job(job, Outcome::Done).expect("is running");
    let rest = drain(&mut kernel);
    assert_eq!(
        rest,
        [
            (MS(50), Notice::Message(message)),
            (MS(50), Notice::JobFinished(job)),
            (MS(70), Notice::Signal(Signal::SIGTERM)),
        ]
    );
}

#[test]
fn a_cancelled_job_never_runs() {
    let mut kernel =
        kernel(Config { workers: 1, blocking: vec![rule("work", MS(5))], ..Config::default() });
    let (first, second) = (submit(&mut kernel, "work"), submit(&mut kernel, "work"));
    kernel.wait(FOREVER).expect("goes on");
    assert!(kernel.cancel_job(second));
    assert!(!kernel.cancel_job(first), "its worker has it");
    drain(&mut kernel);
    assert_eq!(kernel.wait(FOREVER).expect("goes on").now, MS(5));
    drain(&mut kernel);
    assert_eq!(kernel.wait(FOREVER), Ok(Wake::NEVER));
}

#[test]
fn what_has_no_meaning_ends_the_run() {
    let misuse = |halt: Result<(), Halt>, text: &str| match halt {
        Err(Halt::Misuse(reason)) => assert!(reason.contains(text), "{reason}"),
        other => panic!("{other:?}"),
    };
    let mut kernel = kernel(Config::default());
    let job = submit(&mut kernel, "job");
    misuse(kernel.begin_job(job), "no worker is waiting to run it");
    misuse(kernel.end_job(job, Outcome::Done), "is not being run");
    misuse(kernel.blocking_call("db").map(drop), "no [[blocking]] rule");
    misuse(kernel.label(7).map(drop), "never interned");
    misuse(kernel.task(7).map(drop), "never spawned");
    kernel.wait(FOREVER).expect("goes on");
    kernel.next_notice().expect("goes on");
    misuse(kernel.wait(FOREVER).map(drop), "was announced");
    kernel.begin_job(job).expect("was announced");
    misuse(kernel.wait(FOREVER).map(drop), "waits for the event loop");
    misuse(kernel.next_notice().map(drop), "only the main thread may");
    assert_eq!(kernel.set_signal_handler(TERM, true), Err(SignalError::NotMainThread));
}

#[test]
fn blocking_calls_do_what_the_first_matching_rule_says() {
    let fails = Failure { per_million: 1_000_000, error: "timed out".into() };
    let mut kernel = kernel(Config {
        blocking: vec![
            BlockingRule { fails: Some(fails), ..rule("db.write", MS(80)) },
            rule("db.*", MS(20)),
        ],
        ..Config::default()
    });
    assert_eq!(kernel.blocking_call("db.read"), Ok(Ok(b"rows".to_vec())));
    assert_eq!(kernel.now(), MS(20));
    assert_eq!(kernel.blocking_call("db.write"), Ok(Err("timed out".into())));
    assert_eq!(kernel.now(), MS(100));
    let (trace, tape) = kernel.finish(Ending::Exited { status: 0 });
    assert_eq!(times(&trace, Group::Blocking), [(0, 0), (0, 20), (0, 20), (0, 100)]);
    assert_eq!(tape.len(), 1, "a probability is a choice, a fixed time is none");
}

#[test]
fn limits_end_a_run() {
    let limits = Limits {
        time: MS(10),
        fuel: 5_000_000,
        output_bytes: 4,
        trace_events: 3,
        ..Limits::default()
    };
    let fresh = || kernel(Config { limits, ..Config::default() });
    let limit = |limit| Err(Halt::Limit(limit));
    assert_eq!(fresh().wait(MS(11)).map(drop), limit(Limit::Time));
    assert_eq!(fresh().block_until("sleep", MS(11), Outcome::Done), limit(Limit::Time));
    assert_eq!(fresh().wait(MS(10)).map(drop), Ok(()), "the limit itself may be reached");
    assert_eq!(fresh().out_of_fuel(), Halt::Limit(Limit::Fuel));
    assert_eq!(fresh().output(Stream::Stdout, b"12345"), limit(Limit::Output));
    let mut talkative = fresh();
    for _ in 0..4 {
        talkative.post();
    }
    assert_eq!(talkative.settle(talkative.fuel_seen), limit(Limit::Trace));
    let mut late = fresh();
    late.wait(MS(11)).expect_err("over the limit");
    assert_eq!(exit(late).finished, MS(10));
}

#[test]
fn fuel_is_granted_up_to_the_time_limit() {
    let limits = Limits { time: MS(10), ..Limits::default() };
    let mut kernel = kernel(Config { limits, ..Config::default() });
    kernel.wait(MS(8)).expect("goes on");
    let grant = kernel.fuel_grant().expect("less time is left than fuel");
    assert!((MS(2).0..=MS(2).0 + 3).contains(&grant), "{grant}");
    assert_eq!(kernel.out_of_fuel(), Halt::Limit(Limit::Time));
}

#[test]
fn output_is_recorded_by_lines() {
    let mut kernel = kernel(Config::default());
    kernel.output(Stream::Stdout, b"one\ntw").expect("fits");
    kernel.output(Stream::Stderr, b"oh \xff\n").expect("fits");
    kernel.output(Stream::Stdout, b"o\nthree").expect("fits");
    let trace = exit(kernel);
    assert_eq!(trace.output(Stream::Stdout), "one\ntwo\nthree");
    assert_eq!(trace.output(Stream::Stderr), "oh \u{fffd}\n");
}

#[test]
fn what_a_job_would_have_done_after_the_end_did_not_happen() {
    let mut kernel = kernel(Config::default());
    let job = submit(&mut kernel, "job");
    kernel.wait(FOREVER).expect("goes on");
    kernel.next_notice().expect("goes on");
    kernel.begin_job(job).expect("was announced");
    burn(&mut kernel, MS(50)).expect("goes on");
    kernel.output(Stream::Stdout, b"from the future\n").expect("fits");
    kernel.end_job(job, Outcome::Done).expect("is running");
    burn(&mut kernel, MS(1)).expect("goes on");
    let trace = exit(kernel);
    assert_eq!(trace.finished, MS(1));
    assert_eq!(trace.output(Stream::Stdout), "");
}

#[test]
fn an_untraced_run_costs_the_same_time_and_records_nothing() {
    let run = |traced| {
        let mut kernel =
            kernel(Config { traced, blocking: vec![rule("work", MS(7))], ..Config::default() });
        let (name, place) = (kernel.intern("t"), kernel.intern("p"));
        kernel.spawn_task(name, place);
        submit(&mut kernel, "work");
        kernel.wait(FOREVER).expect("goes on");
        drain(&mut kernel);
        kernel.wait(FOREVER).expect("goes on");
        exit(kernel)
    };
    assert_eq!(run(true).finished, run(false).finished);
    assert!(run(false).events.is_empty() && run(false).labels.is_empty());
}

#[test]
fn a_pending_step_ends_with_whatever_the_loop_does_next() {
    let mut kernel = kernel(Config::default());
    let (name, place) = (kernel.intern("t"), kernel.intern("p"));
    let task = kernel.spawn_task(name, place);
    kernel.wait(MS(0)).expect("goes on");
    kernel.begin_step(task);
    burn(&mut kernel, MS(1)).expect("goes on");
    kernel.begin_step(task);
    burn(&mut kernel, MS(1)).expect("goes on");
    kernel.end_step(Outcome::Done);
    kernel.end_step(Outcome::Done);
    kernel.begin_step(task);
    burn(&mut kernel, MS(1)).expect("goes on");
    kernel.begin_callback(name);
    kernel.begin_step(task);
    kernel.wait(MS(0)).expect("goes on");
    kernel.begin_step(task);
    let trace = exit(kernel);
    let steps: Vec<(u64, EventKind)> = trace
        .events
        .iter()
        .filter(|event| event.kind.group() == Group::Step)
        .map(|event| (event.at.0 / 1_000_000, event.kind))
        .collect();
    let (begin, end) = (EventKind::StepBegin(task), |outcome| EventKind::StepEnd(task, outcome));
    assert_eq!(
        steps,
        [
            (0, begin),
            (1, end(Outcome::Pending)),
            (1, begin),
            (2, end(Outcome::Done)),
            (2, begin),
            (3, end(Outcome::Pending)),
            (3, begin),
            (3, end(Outcome::Pending)),
            (3, begin),
        ],
        "and the step in which the run ends has no end"
    );
}

#[test]
fn calls_of_the_host_use_up_the_fuel_limit_but_no_time() {
    let limits = Limits { fuel: 10_000, ..Limits::default() };
    let mut kernel = kernel(Config { limits, ..Config::default() });
    for _ in 0..99 {
        kernel.settle(kernel.fuel_seen).expect("goes on");
    }
    assert_eq!(kernel.now(), Nanos::ZERO);
    assert_eq!(kernel.settle(kernel.fuel_seen), Err(Halt::Limit(Limit::Fuel)));
}

/// Waits for a job as the guest does, running what the pools ask for: each job is a blocking call `work`.
fn wait_for(kernel: &mut Kernel, job: JobId, until: Nanos) -> Result<JobWait, Halt> {
    loop {
        match kernel.wait_for(Some(job), "job.result:work", until)? {
            JobWait::Run(next) => {
                kernel.begin_job(next)?;
                kernel.blocking_call("work")?.expect("does not fail");
                kernel.end_job(next, Outcome::Done)?;
            }
            came_to => return Ok(came_to),
        }
    }
}

fn working(workers: u16) -> Kernel {
    kernel(Config { workers, blocking: vec![rule("work", MS(50))], ..Config::default() })
}

/// Begins the next job that the loop is told of.
fn begin_next(kernel: &mut Kernel) -> JobId {
    kernel.wait(FOREVER).expect("goes on");
    let Ok(Some((_, Notice::RunJob(job)))) = kernel.next_notice() else { panic!("no job") };
    kernel.begin_job(job).expect("was announced");
    job
}

fn misuse<T: std::fmt::Debug>(result: Result<T, Halt>) -> String {
    match result {
        Err(Halt::Misuse(reason)) => reason,
        other => panic!("no misuse: {other:?}"),
    }
}

#[test]
fn waiting_for_a_job_on_the_loop_blocks_it_until_the_job_is_done() {
    let mut kernel = working(1);
    submit(&mut kernel, "first");
    let second = submit(&mut kernel, "second");
    assert_eq!(wait_for(&mut kernel, second, FOREVER), Ok(JobWait::Finished));
    assert_eq!(kernel.now(), MS(100), "two jobs on one worker");
    assert_eq!(wait_for(&mut kernel, second, FOREVER), Ok(JobWait::Finished), "at once");
    assert_eq!(kernel.now(), MS(100));
    let told: Vec<_> = drain(&mut kernel);
    assert_eq!(told.iter().map(|&(at, _)| at).collect::<Vec<_>>(), [MS(50), MS(100)]);
    let trace = exit(kernel);
    let calls = loopbox_trace::measure::blocking_calls(&trace);
    assert_eq!(calls.iter().filter(|call| call.on_loop()).count(), 1, "what is done blocks nobody");
    let on_loop: Vec<_> = calls.iter().filter(|call| call.on_loop()).collect();
    assert_eq!((on_loop[0].begin, on_loop[0].length), (MS(0), MS(100)));
    assert_eq!(trace.text(on_loop[0].name), "job.result:work");
}

#[test]
fn waiting_for_a_job_ends_at_the_deadline() {
    let mut kernel = working(1);
    let job = submit(&mut kernel, "slow");
    assert_eq!(wait_for(&mut kernel, job, MS(20)), Ok(JobWait::TimedOut));
    assert_eq!(kernel.now(), MS(20));
    assert_eq!(wait_for(&mut kernel, job, MS(50)), Ok(JobWait::Finished), "the last moment counts");
    assert!(kernel.cancel_job(job).eq(&false));
    let other = submit(&mut kernel, "other");
    let third = submit(&mut kernel, "third");
    assert!(kernel.cancel_job(third));
    assert_eq!(wait_for(&mut kernel, third, FOREVER), Ok(JobWait::Cancelled));
    assert_eq!(kernel.now(), MS(50));
    assert!(misuse(wait_for(&mut kernel, JobId(99), FOREVER)).contains("never submitted"));
    let _ = other;
}

#[test]
fn a_signal_that_ends_the_process_ends_a_wait_for_a_job_too() {
    let mut kernel = kernel(Config {
        blocking: vec![rule("work", MS(50))],
        signals: vec![signal("SIGTERM", MS(20))],
        ..Config::default()
    });
    let job = submit(&mut kernel, "slow");
    let ended = wait_for(&mut kernel, job, FOREVER);
    assert_eq!(ended, Err(Halt::Signalled(Signal::SIGTERM)));
    assert_eq!(exit(kernel).finished, MS(20));
}

#[test]
fn a_job_runs_the_job_that_it_waits_for_on_another_worker() {
    let mut kernel = working(2);
    submit(&mut kernel, "outer");
    let outer = begin_next(&mut kernel);
    kernel.compute(MS(10)).expect("goes on");
    let inner = submit(&mut kernel, "inner");
    assert_eq!(wait_for(&mut kernel, inner, FOREVER), Ok(JobWait::Finished));
    assert_eq!(kernel.now(), MS(60), "the worker's clock");
    kernel.end_job(outer, Outcome::Done).expect("is running");
    assert_eq!(kernel.now(), MS(0), "the loop was not delayed");
    // The loop sees each completion when it comes to that time.
    for (at, job) in [(MS(60), inner), (MS(60), outer)] {
        let wake = kernel.wait(FOREVER).expect("goes on");
        assert_eq!(wake.now, at);
        assert_eq!(kernel.next_notice(), Ok(Some((at, Notice::JobFinished(job)))));
    }
    let trace = exit(kernel);
    assert_eq!(trace.lanes, ["main", "signals", "worker-1", "worker-2"]);
    let on_second = trace.on(Lane::worker(1)).map(|event| event.at);
    assert_eq!(on_second.collect::<Vec<_>>(), [MS(10), MS(10), MS(60), MS(60)]);
}

#[test]
fn a_worker_that_went_ahead_is_not_used_twice_at_a_time() {
    let mut kernel = working(2);
    submit(&mut kernel, "outer");
    let outer = begin_next(&mut kernel);
    let inner = submit(&mut kernel, "inner");
    assert_eq!(wait_for(&mut kernel, inner, FOREVER), Ok(JobWait::Finished));
    let inner = submit(&mut kernel, "inner again");
    assert_eq!(wait_for(&mut kernel, inner, FOREVER), Ok(JobWait::Finished));
    kernel.end_job(outer, Outcome::Done).expect("is running");
    kernel.compute(MS(5)).expect("goes on");
    let late = submit(&mut kernel, "late");
    assert_eq!(wait_for(&mut kernel, late, FOREVER), Ok(JobWait::Finished));
    assert_eq!(kernel.now(), MS(150), "both workers are busy up to 100 ms");
}

#[test]
fn a_job_that_waits_for_its_own_full_pool_is_a_deadlock_with_its_chain() {
    let mut kernel = working(4);
    let db = kernel.add_pool("db", 1).expect("there is room");
    submit_to(&mut kernel, db, "outer");
    begin_next(&mut kernel);
    kernel.compute(MS(10)).expect("goes on");
    let inner = submit_to(&mut kernel, db, "inner");
    assert_eq!(wait_for(&mut kernel, inner, FOREVER), Err(Halt::Deadlock));
    let waiting = kernel.waiting();
    assert_eq!(
        waiting,
        [
            "DEADLOCK(pool): nothing can ever run job \"inner\"; all workers of pool \"db\" (max_workers=1) wait for jobs",
            "job \"outer\" on db-1 is blocked since 10ms (submitted at a.rs:1:1): it waits for the result of job \"inner\" (submitted at a.rs:1:1)",
            "job \"inner\" is queued in pool \"db\", whose workers are held: db-1 by job \"outer\"",
        ]
    );
}

#[test]
fn with_a_deadline_a_full_pool_is_no_deadlock() {
    let mut kernel = working(1);
    submit(&mut kernel, "outer");
    let outer = begin_next(&mut kernel);
    let inner = submit(&mut kernel, "inner");
    assert_eq!(wait_for(&mut kernel, inner, MS(500)), Ok(JobWait::TimedOut));
    assert_eq!(kernel.now(), MS(500));
    kernel.end_job(outer, Outcome::Done).expect("is running");
    assert_eq!(wait_for(&mut kernel, inner, FOREVER), Ok(JobWait::Finished), "now it can run");
    assert_eq!(kernel.now(), MS(550));
}

#[test]
fn two_pools_that_wait_for_each_other_are_a_deadlock() {
    let mut kernel = working(1);
    let db = kernel.add_pool("db", 1).expect("there is room");
    submit(&mut kernel, "a");
    begin_next(&mut kernel);
    let b = submit_to(&mut kernel, db, "b");
    assert_eq!(kernel.wait_for(Some(b), "job.result:b", FOREVER), Ok(JobWait::Run(b)));
    kernel.begin_job(b).expect("was announced");
    let c = submit(&mut kernel, "c");
    assert_eq!(wait_for(&mut kernel, c, FOREVER), Err(Halt::Deadlock));
    let waiting = kernel.waiting();
    assert_eq!(waiting.len(), 4, "{waiting:#?}");
    assert!(waiting[1].starts_with("job \"b\" on db-1 is blocked since 0s"), "{waiting:#?}");
    assert!(waiting[3].starts_with("job \"a\" on worker-1 is blocked since 0s"), "{waiting:#?}");
}

#[test]
fn a_job_cannot_wait_for_one_below_that_could_go_on() {
    let mut kernel = working(2);
    submit(&mut kernel, "outer");
    let outer = begin_next(&mut kernel);
    let inner = submit(&mut kernel, "inner");
    assert_eq!(kernel.wait_for(Some(inner), "wait", MS(100)), Ok(JobWait::Run(inner)));
    kernel.begin_job(inner).expect("was announced");
    let reason = misuse(kernel.wait_for(Some(outer), "wait", FOREVER));
    assert!(reason.contains("what job \"outer\" on worker-1 has to do first"), "{reason}");
}

#[test]
fn waiting_for_the_loop_on_its_own_thread_is_a_deadlock_unless_a_signal_ends_it() {
    let mut alone = working(1);
    submit(&mut alone, "job");
    let JobWait::Run(job) = alone.wait_for(None, "future.result", FOREVER).expect("goes on") else {
        panic!("the pool has work");
    };
    alone.begin_job(job).expect("was announced");
    alone.end_job(job, Outcome::Done).expect("is running");
    assert_eq!(alone.wait_for(None, "future.result", FOREVER), Err(Halt::Deadlock));
    assert!(alone.waiting()[0].starts_with("DEADLOCK(self)"), "{:?}", alone.waiting());
    let mut timed = working(1);
    assert_eq!(timed.wait_for(None, "future.result", MS(200)), Ok(JobWait::TimedOut));
    assert_eq!(timed.now(), MS(200));
    let config = Config { signals: vec![signal("SIGTERM", MS(10))], ..Config::default() };
    let ended = kernel(config).wait_for(None, "future.result", FOREVER);
    assert_eq!(ended, Err(Halt::Signalled(Signal::SIGTERM)));
}

#[test]
fn a_job_that_waits_for_the_loop_can_only_time_out() {
    let mut kernel = working(1);
    submit(&mut kernel, "job");
    begin_next(&mut kernel);
    assert_eq!(kernel.wait_for(None, "future.result", MS(5)), Ok(JobWait::TimedOut));
    let reason = misuse(kernel.wait_for(None, "future.result", FOREVER));
    assert!(reason.starts_with("job \"job\" waits for the event loop"), "{reason}");
}

#[test]
fn a_job_is_begun_only_by_the_loop_or_by_one_who_waits() {
    let mut kernel = working(2);
    submit(&mut kernel, "first");
    submit(&mut kernel, "second");
    begin_next(&mut kernel);
    assert!(misuse(kernel.begin_job(JobId(1))).contains("begins another job"));
}

#[test]
fn the_loop_hears_only_of_jobs_that_it_asked_for() {
    let mut kernel = working(1);
    let quiet = kernel.submit(PoolId::DEFAULT, "work", "", false).expect("the pool is there");
    kernel.wait(MS(1)).expect("goes on");
    assert_eq!(drain(&mut kernel), [(MS(0), Notice::RunJob(quiet))]);
    assert_eq!(kernel.wait(MS(100)), Ok(Wake { now: MS(100), notices: false }));
}

/// The codes and texts of the reports.
fn reports(trace: &Trace) -> Vec<(&str, &str)> {
    let reports = trace.diagnostics.iter();
    reports.map(|report| (report.code.as_str(), report.text.as_str())).collect()
}

#[test]
fn a_job_that_waits_behind_slow_ones_of_another_kind_is_reported_once() {
    let config = Config { workers: 2, blocking: vec![rule("work", MS(500))], ..Config::default() };
    let mut kernel = kernel(config);
    submit(&mut kernel, "slow");
    submit(&mut kernel, "slow");
    submit(&mut kernel, "getaddrinfo");
    let last = submit(&mut kernel, "getaddrinfo");
    wait_for(&mut kernel, last, FOREVER).expect("goes on");
    let trace = exit(kernel);
    assert_eq!(trace.jobs[3].ahead, 1);
    assert_eq!(
        reports(&trace),
        [(
            "POOL-SATURATED",
            "pool \"default\" is saturated: job \"getaddrinfo\" waited 0.500 seconds for one of its 2 workers; held: worker-1 by \"slow\", worker-2 by \"slow\""
        )]
    );
    assert_eq!(trace.diagnostics[0].created.as_deref(), Some("a.rs:1:1"));
}

#[test]
fn a_pool_of_its_own_for_slow_jobs_is_no_saturation_nor_is_a_batch_of_one_kind() {
    let mut kernel = working(1);
    let slow = kernel.add_pool("slow", 1).expect("there is room");
    for _ in 0..10 {
        submit_to(&mut kernel, slow, "slow");
    }
    let quick = submit(&mut kernel, "getaddrinfo");
    wait_for(&mut kernel, quick, FOREVER).expect("goes on");
    let last = submit_to(&mut kernel, slow, "slow");
    wait_for(&mut kernel, last, FOREVER).expect("goes on");
    assert_eq!(reports(&exit(kernel)), []);
}

#[test]
fn a_queue_that_grows_is_reported_at_each_doubling() {
    let mut kernel = working(4);
    for _ in 0..4 + 256 {
        submit(&mut kernel, "work");
    }
    assert_eq!(kernel.recorder.diagnostics(), 0);
    for _ in 0..300 {
        submit(&mut kernel, "work");
    }
    let text = |length: u32| {
        format!(
            "pool \"default\" (max_workers=4) has {length} jobs queued: nothing limits how many are submitted"
        )
    };
    let trace = exit(kernel);
    assert_eq!(reports(&trace), [("QUEUE-GROWTH", &*text(257)), ("QUEUE-GROWTH", &*text(514))]);
}

#[test]
fn signals_that_become_one_are_reported_if_the_scenario_wants_it() {
    for wanted in [true, false] {
        let mut config = Config::default();
        config.diagnostics.insert("SIGNAL-COALESCED".into(), wanted);
        let mut kernel = kernel(config);
        kernel.set_signal_handler(TERM, true).expect("can be caught");
        for _ in 0..3 {
            assert_eq!(kernel.raise(TERM), Ok(Ok(())));
        }
        kernel.wait(MS(0)).expect("goes on");
        let trace = exit(kernel);
        let coalesced = trace.diagnostics.iter().filter(|report| report.code == "SIGNAL-COALESCED");
        assert_eq!(coalesced.count(), if wanted { 2 } else { 0 });
    }
}
