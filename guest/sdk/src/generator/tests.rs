//! Generators that are iterated, left, closed and shared.

use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use super::*;
use crate::exception::ValueError;
use crate::warnings::{Action, simple_filter};
use crate::{Loop, run, sleep, spawn, yield_now};

type Log = Rc<RefCell<Vec<&'static str>>>;

/// Yields 1 and 2, and cleans up with an await.
fn numbers(log: &Log) -> AsyncGenerator<u32> {
    let log = log.clone();
    generator(|items| async move {
        let body = async {
            items.yield_(1).await?;
            items.yield_(2).await
        };
        let result = body.await;
        yield_now().await;
        log.borrow_mut().push("cleaned up");
        Ok(result?)
    })
}

fn diagnostics() -> Vec<String> {
    let is_ours = |line: &String| line.starts_with("AG-");
    crate::host::take_lines().into_iter().filter(is_ours).collect()
}

#[test]
fn one_that_is_iterated_to_its_end_needs_nothing() {
    let log = Log::default();
    let seen = log.clone();
    run(async move {
        let numbers = numbers(&log);
        let mut items = Vec::new();
        while let Some(item) = numbers.anext().await.expect("it does not fail") {
            items.push(item);
        }
        assert_eq!(items, [1, 2]);
        assert_eq!(numbers.anext().await.expect("it is over"), None);
    });
    assert_eq!(seen.take(), ["cleaned up"]);
    assert_eq!(diagnostics(), [""; 0]);
}

#[test]
fn one_that_is_dropped_half_way_is_closed_by_another_task() {
    let log = Log::default();
    let seen = log.clone();
    run(async move {
        let half = numbers(&log);
        half.anext().await.expect("it does not fail");
        drop(half);
        assert_eq!(log.borrow().len(), 0);
        sleep(Duration::from_millis(1)).await;
        assert_eq!(log.borrow().len(), 1);
    });
    assert_eq!(seen.take(), ["cleaned up"]);
    assert_eq!(
        diagnostics(),
        [
            "AG-1 asynchronous generator <async_generator object numbers> was dropped half way: another task closes it later; use aclose() or aclosing()"
        ]
    );
}

#[test]
fn one_that_was_closed_or_never_begun_is_silent() {
    let log = Log::default();
    let seen = log.clone();
    run(async move {
        drop(numbers(&log));
        numbers(&log).aclose().await.expect("nothing to do");
        let half = numbers(&log);
        half.anext().await.expect("it does not fail");
        half.aclose().await.expect("it cleans up");
        assert_eq!(half.anext().await.expect("it is over"), None);
        let first = aclosing(numbers(&log), async |numbers| numbers.anext().await);
        let first = first.await.expect("it cleans up").expect("it does not fail");
        assert_eq!(first, Some(1));
    });
    assert_eq!(seen.take(), ["cleaned up", "cleaned up"]);
    assert_eq!(diagnostics(), [""; 0]);
}

#[test]
fn the_end_of_the_run_closes_those_that_are_kept() {
    let log = Log::default();
    let (seen, kept) = (log.clone(), Rc::new(RefCell::new(None)));
    let keep = kept.clone();
    run(async move {
        let half = numbers(&log);
        half.anext().await.expect("it does not fail");
        keep.replace(Some(half));
    });
    assert_eq!(seen.take(), ["cleaned up"]);
    drop(kept);
    assert_eq!(diagnostics(), [""; 0]);
}

fn careless() -> AsyncGenerator<u32> {
    generator(|items| async move {
        items.yield_(1).await.ok();
        Err(ValueError::new("in aclose").into())
    })
}

#[test]
fn a_clean_up_that_fails_at_the_end_is_the_exception_handlers() {
    let kept = Rc::new(RefCell::new(None));
    let keep = kept.clone();
    run(async move {
        let half = careless();
        half.anext().await.expect("it does not fail");
        keep.replace(Some(half));
    });
    let text = diagnostics().remove(0);
    let first = text.lines().next();
    assert_eq!(
        first,
        Some(
            "AG-2 an error occurred during closing of asynchronous generator <async_generator object careless>"
        )
    );
    assert!(text.contains("asyncgen: <async_generator object careless>"), "{text}");
}

#[test]
fn one_that_begins_after_the_shutdown_is_warned_of() {
    simple_filter(Action::Default, None);
    run(async {
        shutdown_asyncgens().await;
        let late = numbers(&Log::default());
        late.anext().await.expect("it does not fail");
        late.aclose().await.expect("it cleans up");
    });
    assert_eq!(
        diagnostics(),
        [
            "AG-3 ResourceWarning: asynchronous generator <async_generator object numbers> was scheduled after loop.shutdown_asyncgens() call"
        ]
    );
}

#[test]
fn one_whose_loop_is_closed_never_cleans_up() {
    let log = Log::default();
    let event_loop = Loop::new().expect("there is none");
    let half = numbers(&log);
    let first = half.anext();
    event_loop.run_until_complete(first).expect("it runs").expect("it does not fail");
    event_loop.close();
    drop(half);
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(
        diagnostics(),
        [
            "AG-4 asynchronous generator <async_generator object numbers> was dropped half way after its loop was closed: its clean-up never runs"
        ]
    );
}

#[test]
fn two_cannot_use_one_at_once() {
    run(async {
        let slow: AsyncGenerator<u32> = generator(|items| async move {
            sleep(Duration::from_millis(100)).await;
            Ok(items.yield_(1).await?)
        });
        let other = slow.clone();
        let task = spawn(async move { other.anext().await });
        yield_now().await;
        for (error, method) in [
            (slow.aclose().await.expect_err("it runs"), "aclose"),
            (slow.anext().await.map(drop).expect_err("it runs"), "anext"),
        ] {
            assert_eq!(error.kind(), "RuntimeError");
            let text = format!("{method}(): asynchronous generator is already running");
            assert_eq!(error.to_string(), text);
        }
        assert_eq!(task.await.expect("it does not fail"), Some(1));
        slow.aclose().await.expect("it ends");
    });
}

#[test]
fn one_that_goes_on_yielding_is_an_error() {
    run(async {
        let stubborn: AsyncGenerator<u32> = generator(|items| async move {
            items.yield_(1).await.ok();
            items.yield_(2).await.ok();
            Ok(())
        });
        stubborn.anext().await.expect("it does not fail");
        let error = stubborn.aclose().await.expect_err("it yields");
        assert_eq!(error.to_string(), "async generator ignored GeneratorExit");
    });
}

#[test]
fn one_that_goes_with_a_cancelled_task_is_silent() {
    let log = Log::default();
    let seen = log.clone();
    run(async move {
        let task = spawn(async move {
            let half = numbers(&log);
            half.anext().await.expect("it does not fail");
            pending::<()>().await;
        });
        yield_now().await;
        task.cancel().await;
        sleep(Duration::from_millis(1)).await;
    });
    assert_eq!(seen.take(), ["cleaned up"]);
    assert_eq!(diagnostics(), [""; 0]);
}
