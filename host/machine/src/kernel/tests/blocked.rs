//! What is reported of calls and handlers that block the loop, and what is not.

use super::*;

/// A kernel in a turn, in a step of the task `pay`, with calls of 250 ms.
fn in_step() -> Kernel {
    let mut kernel = kernel(Config { blocking: vec![rule("*", MS(250))], ..Config::default() });
    kernel.wait(Nanos::ZERO).expect("goes on");
    let (name, place) = (kernel.intern("pay"), kernel.intern("a.rs:3:5"));
    let task = kernel.spawn_task(name, place);
    kernel.begin_step(task);
    kernel
}

/// The codes and texts of all reports, and what went to standard error.
fn reports(kernel: Kernel) -> (Vec<(String, String)>, String) {
    let stderr = kernel.stderr_text();
    let of = |report: Diagnostic| (report.code, report.text);
    (exit(kernel).diagnostics.into_iter().map(of).collect(), stderr)
}

fn call(kernel: &mut Kernel, name: &str) {
    kernel.blocking_call(name).expect("goes on").expect("does not fail");
}

#[test]
fn a_call_that_blocks_a_turn_is_reported_with_its_task() {
    let mut kernel = in_step();
    call(&mut kernel, "db.query");
    let (reports, stderr) = reports(kernel);
    let text = "Blocking call on the event loop took 0.250 seconds: blocking call \"db.query\" in a step of task 'pay'";
    assert_eq!(reports, [("BLOCK".to_owned(), text.to_owned())]);
    assert_eq!(stderr, format!("{text}\n"));
}

#[test]
fn a_callback_is_named_while_it_runs() {
    let mut kernel = in_step();
    let name = kernel.intern("rebuild");
    kernel.begin_callback(name);
    kernel.block_until("sleep", MS(100), Outcome::Done).expect("goes on");
    kernel.end_callback(name);
    kernel.block_until("sleep", MS(200), Outcome::Done).expect("goes on");
    let texts: Vec<_> = reports(kernel).0.into_iter().map(|(_, text)| text).collect();
    assert_eq!(
        texts,
        [
            "Blocking call on the event loop took 0.100 seconds: sleep in callback 'rebuild'",
            "Blocking call on the event loop took 0.100 seconds: sleep",
        ]
    );
}

#[test]
fn what_delays_no_turn_is_not_reported() {
    // Before the loop, too short, no time at all, and on a worker.
    let mut kernel = kernel(Config { blocking: vec![rule("*", MS(250))], ..Config::default() });
    call(&mut kernel, "setup");
    let job = kernel.submit(PoolId::DEFAULT, "hash", "", true).expect("goes on");
    kernel.wait(FOREVER).expect("goes on");
    assert_eq!(kernel.next_notice().map(|notice| notice.is_some()), Ok(true));
    kernel.begin_job(job).expect("was announced");
    call(&mut kernel, "work");
    kernel.end_job(job, Outcome::Done).expect("is running");
    let now = kernel.now();
    kernel.block_until("sleep", now + MS(100) - Nanos(1), Outcome::Done).expect("goes on");
    kernel.set_slow_callback_duration(Nanos::ZERO);
    kernel.block_until("sleep", Nanos::ZERO, Outcome::Done).expect("goes on");
    kernel.stop();
    call(&mut kernel, "teardown");
    assert_eq!(reports(kernel), (Vec::new(), String::new()));
}

#[test]
fn the_threshold_is_the_loops() {
    let mut kernel = in_step();
    kernel.set_slow_callback_duration(MS(300));
    call(&mut kernel, "db.query");
    kernel.set_slow_callback_duration(MS(250));
    call(&mut kernel, "db.query");
    assert_eq!(reports(kernel).0.len(), 1);
}

#[test]
fn a_handler_is_reported_instead_of_its_calls() {
    let mut kernel = in_step();
    let (app, net, text) = (kernel.intern("app"), kernel.intern("NetworkHandler net"), "paid");
    kernel.log(Level::Info, app, text.into());
    kernel.begin_handler(net, app);
    call(&mut kernel, "log.net");
    kernel.end_handler().expect("was begun");
    let (reports, _) = reports(kernel);
    let text = "Log handler blocked the event loop for 0.250 seconds: <NetworkHandler net> with INFO 'paid' of logger 'app', logged in a step of task 'pay'";
    assert_eq!(reports, [("SLOW-7".to_owned(), text.to_owned())]);
}

#[test]
fn of_handlers_inside_each_other_the_outermost_is_reported() {
    let mut kernel = in_step();
    let (app, outer, inner) =
        (kernel.intern("app"), kernel.intern("Outer"), kernel.intern("Inner"));
    kernel.begin_handler(outer, app);
    kernel.begin_handler(inner, app);
    call(&mut kernel, "log.net");
    kernel.end_handler().expect("was begun");
    kernel.end_handler().expect("was begun");
    let [(_, text)] = &reports(kernel).0[..] else { panic!("one report") };
    assert!(text.contains("<Outer> with a record"), "{text}");
}

#[test]
fn a_handler_ends_only_once() {
    let mut kernel = in_step();
    let label = kernel.intern("x");
    kernel.begin_handler(label, label);
    kernel.end_handler().expect("was begun");
    assert!(matches!(kernel.end_handler(), Err(Halt::Misuse(_))));
}

#[test]
fn nothing_is_reported_of_a_run_that_is_not_traced() {
    let mut kernel =
        kernel(Config { traced: false, blocking: vec![rule("*", MS(250))], ..Config::default() });
    kernel.wait(Nanos::ZERO).expect("goes on");
    let label = kernel.intern("x");
    kernel.begin_handler(label, label);
    call(&mut kernel, "log.net");
    kernel.end_handler().expect("asks nothing of it");
    call(&mut kernel, "db.query");
    assert_eq!(reports(kernel), (Vec::new(), String::new()));
}

#[test]
fn waiting_for_a_jobs_result_on_the_loop_is_reported() {
    let mut kernel = in_step();
    let job = submit(&mut kernel, "hash");
    assert_eq!(wait_for(&mut kernel, job, FOREVER), Ok(JobWait::Finished));
    let text = "Blocking call on the event loop took 0.250 seconds: wait for the result of job \"work\" in a step of task 'pay'";
    assert_eq!(reports(kernel).0, [("BLOCK".to_owned(), text.to_owned())]);
}
