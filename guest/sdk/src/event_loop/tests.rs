//! The loop's rules, against the stand-in of the machine.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures_lite::{StreamExt, future};

use crate::host::{blocking::compute, take_lines};
use crate::signal::{self, SIGINT, SIGTERM, SignalError, Signals};
use crate::{
    call_later, call_soon, call_soon_threadsafe, executor_job, run, set_debug, sleep, sleep_until,
    spawn, spawn_named, time, timeout, yield_now,
};

mod debug_mode;
mod signals;
mod threads;

const MS: u64 = 1_000_000;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A list that tasks and callbacks write into.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    fn add(&self, line: impl Into<String>) {
        self.0.borrow_mut().push(line.into());
    }

    fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

/// Something that notes its end.
struct Noted(Log, &'static str);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.add(self.1);
    }
}

#[test]
fn a_turn_runs_what_was_ready_and_nothing_newer() {
    let log = Log::default();
    let lines = log.clone();
    run(async move {
        let (first, second) = (log.clone(), log.clone());
        call_soon(move || {
            first.add("1");
            call_soon(move || first.add("3"));
        });
        call_soon(move || second.add("2"));
        yield_now().await;
        log.add("task");
        yield_now().await;
    });
    assert_eq!(lines.take(), ["1", "2", "task", "3"]);
}

#[test]
fn equal_deadlines_fire_in_the_order_of_their_setting() {
    let log = Log::default();
    let lines = log.clone();
    run(async move {
        for name in ["a", "b", "c"] {
            let log = log.clone();
            spawn(async move {
                sleep(ms(10)).await;
                log.add(name);
            });
        }
        let late = log.clone();
        call_later(ms(10), move || late.add("callback"));
        sleep(ms(20)).await;
    });
    // The callback was set while the tasks were not started yet.
    assert_eq!(lines.take(), ["callback", "a", "b", "c"]);
}

#[test]
fn a_timer_does_not_starve() {
    let turns = run(async {
        let mut turns = 0;
        let mut alarm = std::pin::pin!(sleep(ms(5)));
        while future::poll_once(&mut alarm).await.is_none() {
            turns += 1;
            compute(MS);
            yield_now().await;
        }
        turns
    });
    assert_eq!(turns, 5);
}

#[test]
fn a_dropped_handle_leaves_its_task_alone() {
    let log = Log::default();
    let lines = log.clone();
    run(async move {
        drop(spawn(async move {
            sleep(ms(1)).await;
            log.add("done");
        }));
        sleep(ms(2)).await;
    });
    assert_eq!(lines.take(), ["done"]);
}

#[test]
fn a_cancelled_task_is_dropped_in_the_next_turn() {
    let log = Log::default();
    let lines = log.clone();
    take_lines();
    run(async move {
        let noted = Noted(log.clone(), "dropped");
        let task = spawn_named("sleeper", async move {
            sleep(ms(100)).await;
            drop(noted);
        });
        sleep(ms(1)).await;
        let cancel = task.cancel();
        log.add("cancelled");
        assert_eq!(cancel.await, None);
        log.add("awaited");
        assert_eq!(time(), ms(1));
    });
    assert_eq!(lines.take(), ["cancelled", "dropped", "awaited"]);
    assert!(take_lines().windows(2).any(|pair| pair[1] == "cancelled sleeper"));
}

#[test]
fn cancelling_a_finished_task_gives_its_output() {
    run(async {
        let task = spawn(async { 7 });
        yield_now().await;
        assert!(task.is_finished());
        assert_eq!(task.cancel().await, Some(7));
    });
}

#[test]
fn the_end_cancels_what_is_left_oldest_first() {
    let log = Log::default();
    let lines = log.clone();
    run(async move {
        // At the end the second one is in the ready queue, the others wait for timers.
        for (name, nap) in [("first", 50), ("second", 2), ("third", 50)] {
            let noted = Noted(log.clone(), name);
            spawn(async move {
                sleep(ms(nap)).await;
                loop {
                    yield_now().await;
                    let _ = &noted;
                }
            });
        }
        sleep(ms(2)).await;
        log.add("main is done");
    });
    assert_eq!(lines.take(), ["main is done", "first", "second", "third"]);
}

#[test]
fn what_main_makes_ready_at_its_end_still_runs() {
    let log = Log::default();
    let lines = log.clone();
    run(async move {
        call_soon(move || log.add("callback"));
    });
    assert_eq!(lines.take(), ["callback"]);
}

#[test]
fn default_names_are_counted_as_asyncio_does() {
    run(async {
        let second = spawn(async {});
        let named = spawn_named("other", async {});
        let third = spawn(async {});
        assert_eq!([second.name(), named.name(), third.name()], ["Task-2", "other", "Task-3"]);
    });
}

#[test]
fn a_timeout_is_an_error_and_drops_its_future() {
    let log = Log::default();
    let lines = log.clone();
    run(async move {
        let noted = Noted(log.clone(), "dropped");
        let late = timeout(ms(10), async move {
            sleep(ms(20)).await;
            drop(noted);
        });
        let late = late.await.expect_err("late");
        assert_eq!(late.to_string(), "timed out");
        assert_eq!(format!("{:?}", crate::Exception::from(late)), "TimeoutError()");
        assert_eq!(lines.take(), ["dropped"]);
        assert_eq!(time(), ms(10));
        assert_eq!(timeout(ms(10), sleep(ms(10))).await, Ok(()));
    });
}

#[test]
fn handles_take_callbacks_back_even_on_the_last_moment() {
    let log = Log::default();
    let lines = log.clone();
    run(async move {
        let (later, soon) = (log.clone(), log.clone());
        call_later(ms(5), move || later.add("later")).cancel();
        call_soon(move || soon.add("soon")).cancel();
        let victim = log.clone();
        let murderer = Rc::new(RefCell::new(None));
        let handle = murderer.clone();
        // Both are moved to the ready queue in one turn.
        call_later(ms(1), move || {
            let victim: crate::TimerHandle = handle.take().expect("set below");
            victim.cancel();
        });
        murderer.replace(Some(call_later(ms(1), move || victim.add("victim"))));
        sleep(ms(10)).await;
    });
    assert_eq!(lines.take(), Vec::<String>::new());
}

#[test]
fn a_job_delays_its_result_and_not_the_loop() {
    run(async {
        let job = executor_job("work", || {
            compute(300 * MS);
            "result"
        });
        let other = executor_job("more", || compute(200 * MS));
        sleep(ms(10)).await;
        assert_eq!(time(), ms(10));
        other.await;
        assert_eq!(time(), ms(200));
        assert_eq!(job.await, "result");
        assert_eq!(time(), ms(300));
    });
}

#[test]
fn what_a_job_sends_arrives_at_the_workers_time() {
    let log = Log::default();
    let lines = log.clone();
    run(async move {
        let (sender, receiver) = async_channel::unbounded();
        let receive = spawn(async move {
            let message = receiver.recv().await;
            (message, time())
        });
        yield_now().await;
        let job = executor_job("sender", move || {
            compute(100 * MS);
            sender.try_send("hello").expect("the receiver is there");
            call_soon_threadsafe(|| assert_eq!(time(), ms(100)));
            compute(100 * MS);
        });
        assert_eq!(receive.await, (Ok("hello"), ms(100)));
        log.add("received");
        job.await;
        assert_eq!(time(), ms(200));
    });
    assert_eq!(lines.take(), ["received"]);
}

#[test]
fn a_task_that_a_job_will_wake_can_be_woken_by_a_timer_before() {
    run(async {
        let (sender, receiver) = async_channel::bounded::<()>(1);
        let task = spawn(async move {
            let _ = timeout(ms(10), receiver.recv()).await;
            time()
        });
        yield_now().await;
        executor_job("slow", move || {
            compute(300 * MS);
            // The wake-up is due at 300 ms.
            drop(sender);
        })
        .detach();
        assert_eq!(task.await, ms(10));
    });
}

#[test]
fn the_end_waits_for_the_pool() {
    run(async {
        executor_job("long", || compute(500 * MS)).detach();
        sleep(ms(1)).await;
    });
    assert_eq!(time(), ms(500));
}

#[test]
fn a_job_that_is_dropped_in_time_never_runs() {
    let started = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let flag = started.clone();
    run(async move {
        let job =
            executor_job("work", move || flag.store(true, std::sync::atomic::Ordering::Relaxed));
        drop(job);
        let job = executor_job("work", || 1);
        assert!(job.cancel());
        let job = executor_job("work", || 2);
        yield_now().await;
        assert!(!job.cancel());
    });
    assert!(!started.load(std::sync::atomic::Ordering::Relaxed));
}

#[test]
fn a_job_has_no_loop() {
    let panic = std::panic::catch_unwind(|| {
        run(async {
            executor_job("wrong", || {
                spawn(async {});
            })
            .await;
        });
    });
    let message = panic.expect_err("spawned in a job");
    assert!(
        message
            .downcast_ref::<&str>()
            .is_some_and(|text| text.starts_with("no running event loop"))
    );
}

#[test]
fn a_signal_handler_runs_in_the_turn_after_the_signal() {
    let log = Log::default();
    let lines = log.clone();
    take_lines();
    run(async move {
        let handler = log.clone();
        signal::add_signal_handler(SIGTERM, move || handler.add("handler")).expect("can be caught");
        signal::raise(SIGTERM).expect("exists");
        log.add("raised");
        yield_now().await;
        yield_now().await;
        assert_eq!(signal::remove_signal_handler(SIGTERM), Ok(true));
        assert_eq!(signal::remove_signal_handler(SIGTERM), Ok(false));
    });
    assert_eq!(lines.take(), ["raised", "handler"]);
    let trace = take_lines();
    let at = |line: &str| trace.iter().position(|other| other == line).expect(line);
    assert!(at("callback SIGTERM handler") < at("handled 15"));
}

#[test]
fn every_stream_sees_a_signal_and_it_is_handled_once() {
    take_lines();
    run(async {
        let mut both = Signals::new([SIGTERM, SIGINT]).expect("can be caught");
        let one = signal::wait(SIGTERM);
        signal::raise(SIGINT).expect("exists");
        signal::raise(SIGTERM).expect("exists");
        assert_eq!(both.next().await, Some(SIGINT));
        assert_eq!(both.next().await, Some(SIGTERM));
        assert_eq!(one.await, Ok(SIGTERM));
    });
    let handled: Vec<_> =
        take_lines().into_iter().filter(|line| line.starts_with("handled")).collect();
    assert_eq!(handled, ["handled 2", "handled 15"]);
}

#[test]
fn a_job_may_not_listen_to_signals() {
    run(async {
        let result = executor_job("wrong", || signal::add_signal_handler(SIGTERM, || {})).await;
        assert_eq!(result, Err(SignalError::NotMainThread));
    });
}

#[test]
fn debug_mode_reports_slow_steps_and_callbacks() {
    take_lines();
    set_debug(true);
    run(async {
        call_soon(|| compute(100 * MS));
        spawn_named("quick", async { compute(99 * MS) }).await;
        compute(100 * MS);
    });
    set_debug(false);
    let reports: Vec<_> =
        take_lines().into_iter().filter(|line| line.starts_with("SLOW")).collect();
    assert_eq!(reports.len(), 2, "{reports:?}");
    assert!(
        reports[0].starts_with(
            "SLOW-2 Executing <Handle debug_mode_reports_slow_steps_and_callbacks() at"
        )
    );
    assert!(reports[0].ends_with("took 0.100 seconds"));
    assert!(reports[1].starts_with(
        "SLOW-1 Executing <Task finished name='Task-1' coro=<debug_mode_reports_slow_steps_and_callbacks() done"
    ));
    assert!(reports[1].contains(" result=None created at "), "{}", reports[1]);
    assert!(reports[1].ends_with("took 0.100 seconds"));
}

#[test]
fn debug_mode_reports_a_turn_that_is_slow_though_no_callback_is() {
    let turns = |yields: bool| {
        take_lines();
        set_debug(true);
        run(async move {
            for _ in 0..10 {
                call_soon(|| compute(20 * MS));
                if yields {
                    yield_now().await;
                }
            }
            yield_now().await;
        });
        set_debug(false);
        take_lines().into_iter().filter(|line| line.starts_with("TURN")).collect::<Vec<_>>()
    };
    let reports = turns(false);
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(reports[0].contains("took 0.200 seconds"), "{reports:?}");
    assert_eq!(turns(true), [""; 0]);
}

#[test]
fn timers_in_the_trace_have_the_sleepers_name() {
    take_lines();
    run(async {
        spawn_named("sleeper", sleep_until(ms(3)));
        call_later(ms(4), || {});
        sleep(ms(5)).await;
    });
    let fired: Vec<_> = take_lines().into_iter().filter(|line| line.starts_with("due")).collect();
    assert_eq!(
        fired,
        [
            "due 3000000 sleeper",
            "due 4000000 timers_in_the_trace_have_the_sleepers_name",
            "due 5000000 Task-1"
        ]
    );
}

#[test]
fn a_second_run_starts_afresh() {
    for _ in 0..2 {
        run(async {
            call_later(ms(5), || panic!("left over"));
            signal::add_signal_handler(SIGTERM, || panic!("left over")).expect("can be caught");
        });
    }
    run(sleep(ms(10)));
}
