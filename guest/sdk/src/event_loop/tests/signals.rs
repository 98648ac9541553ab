//! Handlers of signals, and what a runner makes of SIGINT.

use super::*;
use crate::signal::{SIGKILL, SIGUSR1, add_signal_handler, raise, remove_signal_handler};
use crate::{
    AsException, KeyboardInterrupt, Loop, RunError, Runner, ValueError, cancelled, catch_cancel,
};

const INTERRUPTED: RunError = RunError::KeyboardInterrupt(KeyboardInterrupt);

#[test]
fn errors_are_those_of_asyncio() {
    run(async {
        let kind = |error: SignalError| error.as_exception().kind().to_owned();
        let error = |signal: i32| add_signal_handler(signal, || ()).expect_err("is refused");
        assert_eq!(
            (error(999), kind(error(999))),
            (SignalError::Invalid(999), "ValueError".into())
        );
        let kill = error(SIGKILL.number());
        assert_eq!((kill, kind(kill)), (SignalError::Uncatchable(9), "RuntimeError".into()));
        let in_job = executor_job("thread", || add_signal_handler(SIGTERM, || ())).await;
        assert_eq!(in_job.map_err(kind), Err("RuntimeError".into()));
    });
}

#[test]
fn a_second_handler_replaces_the_first_and_that_is_told() {
    let log = Log::default();
    let lines = log.clone();
    take_lines();
    run(async move {
        for name in ["first", "second"] {
            let log = log.clone();
            add_signal_handler(SIGUSR1, move || log.add(name)).expect("exists");
        }
        raise(SIGUSR1).expect("exists");
        yield_now().await;
    });
    assert_eq!(lines.take(), ["second"]);
    assert!(take_lines().iter().any(|line| line.starts_with("HANDLER-REPLACED")));
}

#[test]
fn a_handler_that_fails_is_told_like_any_callback() {
    take_lines();
    run(async {
        let fails = || Err::<(), _>(ValueError::new("no"));
        add_signal_handler(SIGUSR1, fails).expect("exists");
        raise(SIGUSR1).expect("exists");
        yield_now().await;
    });
    let lines = take_lines();
    let exception =
        "EXC-1 Exception in callback a_handler_that_fails_is_told_like_any_callback() at";
    assert!(lines.iter().any(|line| line.starts_with(exception)), "{lines:?}");
}

#[test]
fn the_first_interrupt_cancels_the_main_task_which_cleans_up() {
    let log = Log::default();
    let lines = log.clone();
    let result = Runner::new().run(async move {
        raise(SIGINT).expect("exists");
        if catch_cancel(sleep(ms(1000))).await.is_err() {
            sleep(ms(10)).await;
            log.add("cleanup");
            cancelled().await;
        }
    });
    assert_eq!((result, lines.take()), (Err(INTERRUPTED), vec!["cleanup".to_owned()]));
    assert_eq!(time(), ms(10));
}

#[test]
fn a_cancellation_that_is_swallowed_gives_the_result() {
    let result = Runner::new().run(async {
        raise(SIGINT).expect("exists");
        catch_cancel(sleep(ms(1000))).await.is_err()
    });
    assert_eq!(result, Ok(true));
}

#[test]
fn an_interrupt_in_the_last_slice_is_not_lost() {
    let result = Runner::new().run(async { raise(SIGINT).expect("exists") });
    assert_eq!(result, Err(INTERRUPTED));
}

#[test]
fn a_handler_of_the_program_replaces_the_runners() {
    for before in [true, false] {
        let log = Log::default();
        let lines = log.clone();
        let add = move || {
            let log = log.clone();
            add_signal_handler(SIGINT, move || log.add("own")).expect("can be caught");
        };
        if before {
            add();
        }
        let result = Runner::new().run(async move {
            if !before {
                add();
            }
            raise(SIGINT).expect("exists");
            sleep(ms(1)).await;
        });
        assert_eq!((result, lines.take()), (Ok(()), vec!["own".to_owned()]));
    }
}

#[test]
fn the_runners_interrupt_is_no_handler_to_remove() {
    let result = Runner::new().run(async {
        assert_eq!(remove_signal_handler(SIGINT), Ok(false));
        raise(SIGINT).expect("exists");
        sleep(ms(1000)).await;
    });
    assert_eq!(result, Err(INTERRUPTED));
}

#[test]
fn a_signal_between_two_runs_of_a_loop_waits_for_the_second() {
    let log = Log::default();
    let lines = log.clone();
    let event_loop = Loop::new().expect("there is no other");
    let add =
        async move { add_signal_handler(SIGUSR1, move || log.add("handler")).expect("exists") };
    event_loop.run_until_complete(add).expect("it ends");
    raise(SIGUSR1).expect("exists");
    assert_eq!(lines.take(), Vec::<String>::new());
    event_loop.run_until_complete(yield_now()).expect("it ends");
    assert_eq!(lines.take(), ["handler"]);
    event_loop.close();
}
