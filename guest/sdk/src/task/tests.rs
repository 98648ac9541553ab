//! Errors of tasks: who looks at them, and what is said when nobody does.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::host::take_lines;
use crate::{
    Exception, Loop, ValueError, cancelled, catch_cancel, create_future, create_task, current_task,
    future, gather, run, shield, sleep, spawn, timeout, yield_now,
};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

async fn bug(text: &'static str) -> Result<(), Exception> {
    yield_now().await;
    Err(ValueError::new(text).into())
}

/// The first lines of the reports since the last call.
fn reports() -> Vec<String> {
    let is_report = |line: &String| line.starts_with("RET-") || line.starts_with("CANCEL-");
    let first_line = |line: String| line.lines().next().unwrap_or_default().to_owned();
    take_lines().into_iter().filter(is_report).map(first_line).collect()
}

const TASK: &str = "RET-1 Task exception was never retrieved";
const FUTURE: &str = "RET-1 Future exception was never retrieved";
const NONE: [String; 0] = [];

#[test]
fn an_error_is_reported_as_soon_as_nobody_can_look_at_it() {
    reports();
    run(async {
        create_task(bug("dropped at once")).detach();
        yield_now().await;
        yield_now().await;
        assert_eq!(reports(), [TASK]);

        let task = create_task(bug("dropped later"));
        sleep(ms(1)).await;
        assert_eq!(reports(), NONE);
        drop(task);
        assert_eq!(reports(), [TASK]);

        let handle = create_task(bug("a handle is a reference, too")).handle();
        sleep(ms(1)).await;
        assert_eq!(reports(), NONE);
        drop(handle);
        assert_eq!(reports(), [TASK]);
    });
    assert_eq!(reports(), NONE);
}

#[test]
fn an_error_that_was_looked_at_is_not_reported() {
    reports();
    run(async {
        assert!(create_task(bug("awaited")).await.is_err());

        let task = create_task(bug("asked for"));
        sleep(ms(1)).await;
        let exception = task.exception().expect("it is done").expect("it failed");
        assert_eq!(format!("{exception:?}"), "ValueError('asked for')");
        drop(task);

        let seen = Rc::new(RefCell::new(None));
        let note = seen.clone();
        let task = create_task(bug("seen by a callback"));
        task.handle().add_done_callback(move |task| {
            note.replace(task.exception().expect("it is done"));
        });
        drop(task);
        sleep(ms(1)).await;
        let exception = seen.take().expect("the callback ran");
        assert_eq!(format!("{exception:?}"), "ValueError('seen by a callback')");
    });
    assert_eq!(reports(), NONE);
}

#[test]
fn a_callback_that_does_not_look_changes_nothing() {
    reports();
    run(async {
        create_task(bug("x")).handle().add_done_callback(|_| {});
        sleep(ms(1)).await;
        assert_eq!(reports(), [TASK]);
    });
}

#[test]
fn an_error_stays_readable_after_it_was_awaited() {
    run(async {
        let task = create_task(bug("x"));
        let handle = task.handle();
        assert!(task.await.is_err());
        let exception = handle.exception().expect("it is done").expect("it failed");
        assert_eq!(format!("{exception:?}"), "ValueError('x')");
    });
}

#[test]
fn an_error_that_a_reference_hides_is_reported_at_the_end() {
    reports();
    let kept = Rc::new(RefCell::new(Vec::new()));
    let tasks = kept.clone();
    run(async move {
        tasks.borrow_mut().push(create_task(bug("x")));
        sleep(ms(300)).await;
        assert_eq!(reports(), NONE);
    });
    let found = reports();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("RET-HIDDEN <Task finished name='Task-2'"), "{found:?}");
    // It was said; that the reference goes now is no news.
    kept.take();
    assert_eq!(reports(), NONE);
}

#[test]
fn an_error_in_a_future_that_a_reference_hides_is_reported_at_the_end() {
    reports();
    let kept = run(async {
        let (seen, unseen): (future::Future<()>, _) = (create_future(), create_future());
        for future in [&seen, &unseen] {
            future.set_exception(Exception::new("KeyError", "k")).expect("it is pending");
        }
        assert!(seen.clone().await.is_err());
        Some(unseen)
    });
    let found = reports();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("RET-HIDDEN <Future finished exception=KeyError('k')> failed"));
    drop(kept);
    assert_eq!(reports(), NONE);
}

#[test]
fn the_failure_of_a_task_that_was_cancelled_at_the_end_is_said_once() {
    reports();
    run(async {
        let in_cleanup = async {
            let _ = catch_cancel(sleep(ms(100))).await;
            Err::<(), _>(Exception::new("ValueError", "in cleanup"))
        };
        create_task(in_cleanup).detach();
        yield_now().await;
    });
    assert_eq!(reports(), ["RET-6 unhandled exception during asyncio.run() shutdown"]);
}

#[test]
fn an_error_in_a_future_is_reported_unless_somebody_looked_or_cancelled() {
    reports();
    run(async {
        let fails = || {
            let future: future::Future<()> = create_future();
            future.set_exception(Exception::new("KeyError", "k")).expect("it is pending");
            future
        };
        drop(fails());
        assert_eq!(reports(), [FUTURE]);
        assert!(fails().exception().expect("it is done").is_some());
        assert!(fails().result().is_err());
        assert!(fails().await.is_err());
        assert!(!fails().cancel());
        assert_eq!(reports(), NONE);
    });
}

#[test]
fn states_are_refused_in_asyncios_words() {
    run(async {
        let future = create_future();
        assert_eq!(future.result().expect_err("pending").to_string(), "Result is not set.");
        assert_eq!(future.exception().expect_err("pending").to_string(), "Exception is not set.");
        future.set_result(1).expect("it is pending");
        let again = future.set_result(2).expect_err("it is done");
        assert_eq!(format!("{:?}", Exception::from(again)), "InvalidStateError('invalid state')");
        let again = future.set_exception(Exception::new("ValueError", "x")).expect_err("done");
        assert_eq!(again.to_string(), "invalid state");
        assert_eq!(future.result().expect("it is there"), 1);

        let task = create_task(bug("x"));
        assert_eq!(task.exception().expect_err("pending").to_string(), "Exception is not set.");
        let handle = task.handle();
        assert_eq!(handle.exception().expect_err("pending").to_string(), "Exception is not set.");
        assert!(task.await.is_err());
    });
}

#[test]
fn a_task_that_awaits_itself_panics_in_asyncios_words() {
    let panic = std::panic::catch_unwind(|| {
        run(async {
            let own = Rc::new(RefCell::new(None));
            let its_own = own.clone();
            let task: crate::Task<()> = spawn(async move {
                yield_now().await;
                let task: crate::Task<()> = its_own.take().expect("set below");
                task.await;
            });
            own.replace(Some(task));
            sleep(ms(1)).await;
        });
    });
    let message = panic.expect_err("it awaits itself");
    let text = message.downcast_ref::<String>().expect("a text");
    let start = "Task cannot await on itself: <Task pending name='Task-2'";
    assert!(text.starts_with(start), "{text}");
}

#[test]
fn gathers_second_error_is_reported_as_ours() {
    reports();
    run(async {
        let result = gather([bug("first"), bug("second")]).await;
        assert_eq!(format!("{:?}", result.expect_err("both fail")), "ValueError('first')");
        sleep(ms(1)).await;
    });
    let found = reports();
    assert_eq!(found.len(), 1, "{found:?}");
    let text = "failed after gather() had already raised ValueError('first')";
    assert!(found[0].starts_with("RET-GATHER") && found[0].contains(text), "{found:?}");
}

#[test]
fn a_gather_that_nobody_awaits_is_reported_when_it_is_dropped() {
    reports();
    run(async {
        let unawaited = gather([bug("first"), bug("second")]);
        sleep(ms(1)).await;
        assert_eq!(reports(), NONE);
        drop(unawaited);
        assert_unseen(&reports());

        drop(gather([bug("first"), bug("second")]));
        sleep(ms(1)).await;
        assert_unseen(&reports());
    });
}

/// The first error is what asyncio reports; the second one nobody sees there.
fn assert_unseen(reports: &[String]) {
    assert_eq!(reports.len(), 2, "{reports:?}");
    assert_eq!(reports[0], "RET-1 _GatheringFuture exception was never retrieved");
    assert!(reports[1].starts_with("RET-GATHER"), "{reports:?}");
}

#[test]
fn a_gather_that_is_given_up_cancels_its_tasks() {
    reports();
    run(async {
        let naps = || async {
            sleep(ms(50)).await;
            Ok::<_, Exception>(())
        };
        assert!(timeout(ms(1), gather([naps(), naps()])).await.is_err());
        yield_now().await;
        assert_eq!(crate::all_tasks().len(), 1);
    });
    assert_eq!(reports(), NONE);
}

#[test]
fn what_a_shield_has_kept_alive_is_nobodys() {
    reports();
    run(async {
        let inner = create_task(async {
            sleep(ms(10)).await;
            Err::<(), _>(Exception::new("ValueError", "x"))
        });
        assert!(timeout(ms(1), shield(inner)).await.is_err());
        sleep(ms(20)).await;
    });
    assert_eq!(reports(), [TASK]);
}

#[test]
fn closing_a_loop_destroys_what_is_pending() {
    reports();
    let event_loop = Loop::new().expect("there is no other");
    event_loop
        .run_until_complete(async {
            spawn(sleep(ms(100))).detach();
            yield_now().await;
        })
        .expect("it ends");
    event_loop.close();
    assert_eq!(reports(), ["RET-4 Task was destroyed but it is pending!"]);
}

#[test]
fn a_second_loop_is_refused() {
    let event_loop = Loop::new().expect("there is no other");
    let second = Loop::new().expect_err("there is one");
    assert_eq!(second.to_string(), "Cannot run the event loop while another loop is running");
    event_loop.close();
}

#[test]
fn a_task_that_ignores_its_cancellation_is_reported() {
    reports();
    run(async {
        let task = create_task(async {
            while catch_cancel(sleep(ms(50))).await.is_err() {
                if current_task().is_some_and(|task| task.cancelling() == 3) {
                    break;
                }
            }
            Ok::<_, Exception>("gave up after 3 cancels")
        });
        for _ in 0..3 {
            sleep(ms(1)).await;
            task.handle().cancel();
        }
        assert_eq!(task.await.expect("it ends"), "gave up after 3 cancels");
    });
    let found = reports();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("CANCEL-IGNORED <Task cancelling name='Task-2'"), "{found:?}");
    assert!(found[0].contains("> was cancelled once, swallowed that at "), "{found:?}");
    assert!(found[1].contains("> was cancelled 2 times, swallowed that at "), "{found:?}");
}

#[test]
fn a_cancellation_may_be_caught_to_clean_up_or_taken_back() {
    reports();
    run(async {
        let cleans_up = create_task(async {
            if catch_cancel(sleep(ms(50))).await.is_err() {
                let _ = catch_cancel(sleep(ms(5))).await;
                cancelled().await;
            }
            Ok::<_, Exception>(())
        });
        let takes_back = spawn(async {
            for _ in 0..3 {
                if catch_cancel(sleep(ms(50))).await.is_err() {
                    current_task().expect("this is a task").uncancel();
                }
            }
        });
        sleep(ms(1)).await;
        cleans_up.handle().cancel();
        takes_back.handle().cancel();
        assert!(catch_cancel(cleans_up).await.is_err());
        takes_back.await;
    });
    assert_eq!(reports(), NONE);
}
