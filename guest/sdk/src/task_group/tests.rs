//! Groups, as CPython 3.11 has them.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::TaskGroup;
use crate::host::take_lines;
use crate::{
    Exception, ExceptionGroup, Runner, ValueError, cancelled, catch_cancel, create_task, run,
    sleep, time, yield_now,
};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

async fn bug(text: &'static str) -> Result<(), Exception> {
    yield_now().await;
    Err(ValueError::new(text).into())
}

async fn naps(millis: u64) -> Result<(), Exception> {
    sleep(ms(millis)).await;
    Ok(())
}

/// The reports of these codes that were made since the last call.
fn reports() -> Vec<String> {
    let is_report = |line: &String| line.starts_with("RET-") || line.starts_with("CANCEL-");
    take_lines().into_iter().filter(is_report).collect()
}

#[test]
fn a_group_waits_for_all_its_tasks() {
    run(async {
        let result = TaskGroup::run(async |group| {
            group.create_task(naps(10))?;
            group.create_task(naps(30))?;
            assert_eq!(format!("{group:?}"), "<TaskGroup tasks=2 entered>");
            Ok::<_, Exception>(())
        });
        assert!(result.await.is_ok());
        assert_eq!(time(), ms(30));
    });
}

#[test]
fn the_first_error_cancels_the_others_and_interrupts_the_body() {
    take_lines();
    let body_went_on = run(async {
        let body_went_on = RefCell::new(false);
        let result = TaskGroup::run(async |group| {
            group.create_task(naps(1000))?;
            group.create_task(bug("x"))?;
            sleep(ms(500)).await;
            body_went_on.replace(true);
            Ok::<_, Exception>(())
        });
        let errors: ExceptionGroup = result.await.expect_err("a task fails");
        assert_eq!(errors.to_string(), "unhandled errors in a TaskGroup (1 sub-exception)");
        assert_eq!(format!("{:?}", errors.exceptions()), "[ValueError('x')]");
        assert_eq!(time(), ms(0));
        body_went_on.take()
    });
    assert!(!body_went_on);
    assert_eq!(reports(), Vec::<String>::new());
}

#[test]
fn errors_of_the_clean_up_and_of_the_body_are_in_the_group() {
    run(async {
        let result = TaskGroup::run(async |group| {
            group.create_task(async {
                let _ = catch_cancel(sleep(ms(50))).await;
                Err::<(), _>(Exception::new("KeyError", "clean-up"))
            })?;
            yield_now().await;
            Err(Exception::new("OSError", "body"))
        });
        let errors = result.await.expect_err("both fail");
        assert_eq!(
            format!("{errors:?}"),
            "ExceptionGroup('unhandled errors in a TaskGroup', [KeyError('clean-up'), OSError('body')])"
        );
    });
}

#[test]
fn a_cancelled_parent_waits_for_the_clean_up_of_its_tasks() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let lines = log.clone();
    run(async move {
        let child_log = log.clone();
        let parent = create_task(async move {
            TaskGroup::run(async |group| {
                group.create_task(async move {
                    if catch_cancel(sleep(ms(100))).await.is_err() {
                        sleep(ms(5)).await;
                        child_log.borrow_mut().push("cleaned up");
                        cancelled().await;
                    }
                    Ok::<_, Exception>(())
                })?;
                Ok::<_, Exception>(())
            })
            .await
        });
        sleep(ms(1)).await;
        let handle = parent.handle();
        handle.cancel();
        assert!(catch_cancel(parent).await.is_err());
        assert!(handle.cancelled());
        assert_eq!(time(), ms(6));
    });
    assert_eq!(lines.take(), ["cleaned up"]);
}

#[test]
fn a_group_can_be_cancelled_without_an_error() {
    run(async {
        let result = TaskGroup::run(async |group| {
            group.create_task(naps(1000))?;
            group.cancel();
            let refused = group.create_task(naps(1)).expect_err("it shuts down");
            assert_eq!(
                refused.to_string(),
                "TaskGroup <TaskGroup tasks=1 cancelling> is shutting down"
            );
            sleep(ms(500)).await;
            Ok::<_, Exception>(())
        });
        assert!(result.await.is_ok());
        assert_eq!(time(), ms(0));
    });
}

#[test]
fn a_finished_group_takes_no_tasks() {
    run(async {
        let kept = RefCell::new(None);
        let result = TaskGroup::run(async |group| {
            kept.replace(Some(group));
            Ok::<_, Exception>(())
        });
        assert!(result.await.is_ok());
        let group = kept.take().expect("the body ran");
        let refused = group.create_task(naps(1)).expect_err("it is finished");
        assert_eq!(refused.to_string(), "TaskGroup <TaskGroup entered> is finished");
    });
}

#[test]
fn an_error_after_the_end_of_the_parent_is_reported() {
    take_lines();
    run(async {
        let parent = create_task(async {
            let group = TaskGroup::run(async |group| {
                group.create_task(async {
                    let _ = catch_cancel(sleep(ms(50))).await;
                    Err::<(), _>(Exception::new("ValueError", "late"))
                })?;
                sleep(ms(50)).await;
                Ok::<_, Exception>(())
            });
            // Nobody waits for the tasks that the group cancels here.
            let _ = crate::timeout(ms(1), group).await;
            Ok::<_, Exception>(())
        });
        assert!(parent.await.is_ok());
        sleep(ms(10)).await;
    });
    let reports = reports();
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(reports[0].starts_with("RET-7 Task <Task finished name='Task-3' coro="), "{reports:?}");
    let end = "is already completed\ntask: <Task finished name='Task-3'";
    assert!(
        reports[0].contains("has errored out but its parent task <Task finished"),
        "{reports:?}"
    );
    assert!(reports[0].contains(end), "{reports:?}");
}

#[test]
fn an_interrupt_reaches_the_tasks_of_a_group() {
    let result = Runner::new().run(async {
        let me = crate::current_task().expect("main is a task");
        crate::call_later(ms(5), move || {
            me.cancel();
        });
        TaskGroup::run(async |group| {
            group.create_task(naps(1000))?;
            Ok::<_, Exception>(())
        })
        .await
    });
    assert!(matches!(result, Err(crate::RunError::Cancelled(_))));
    assert_eq!(time(), ms(5));
}
