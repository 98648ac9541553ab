//! Pools, jobs and their futures, on the stand-in for the machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::*;
use crate::host::take_lines;
use crate::{
    ValueError, blocking, catch_cancel, executor_job, run, sleep, spawn, time, timeout, yield_now,
};

const MS: Duration = Duration::from_millis(1);

fn pool(workers: u32) -> ThreadPoolExecutor {
    ThreadPoolExecutor::new("db", workers).expect("there are workers")
}

fn fails() -> Result<u32, ValueError> {
    Err(ValueError::new("in worker"))
}

/// What was reported, by code and first line.
fn reports() -> Vec<String> {
    let known = ["EXE-5", "EXE-6", "RET-SUBMIT"];
    let lines = take_lines().into_iter();
    lines
        .filter(|line| known.iter().any(|code| line.starts_with(code)))
        .map(|line| line.lines().next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn a_pool_has_from_one_to_1024_workers() {
    let texts = [0, 1025]
        .map(|workers| ThreadPoolExecutor::new("db", workers).expect_err("impossible").to_string());
    assert_eq!(texts, ["max_workers must be greater than 0", "max_workers must be at most 1024"]);
}

#[test]
fn a_result_blocks_the_thread_that_waits_for_it() {
    run(async {
        let job = pool(1).submit_named("query", || {
            blocking::compute(50 * MS);
            42
        });
        let job = job.expect("the pool is open");
        assert!(!job.done());
        assert_eq!(format!("{job:?}"), "<Future state=pending>");
        assert_eq!(job.result().expect("it ran"), 42);
        assert!(job.done());
        assert_eq!(time(), 50 * MS, "without a turn of the loop");
        let taken = job.result().expect_err("only one can have it");
        assert_eq!(taken.kind(), "InvalidStateError");
    });
    assert!(take_lines().iter().any(|line| line == "blocked in job.result:query until 50000000"));
}

#[test]
fn a_result_can_be_waited_for_outside_of_a_loop() {
    let job = pool(1).submit(|| 7).expect("the pool is open");
    assert_eq!(job.result().expect("it ran"), 7);
}

#[test]
fn a_wait_for_a_result_times_out() {
    run(async {
        let pool = pool(1);
        let job = pool.submit(|| blocking::compute(50 * MS)).expect("the pool is open");
        let error = job.result_timeout(20 * MS).expect_err("too early");
        assert_eq!(error.kind(), "TimeoutError");
        assert_eq!(time(), 20 * MS);
        assert!(!job.cancel(), "it runs");
        assert!(job.result_timeout(30 * MS).is_ok());
    });
}

#[test]
fn a_job_waits_for_another_one() {
    run(async {
        let pool = pool(2);
        let inner_pool = pool.clone();
        let outer = pool.run_in_executor(move || {
            blocking::compute(10 * MS);
            let inner = inner_pool.submit(|| {
                blocking::compute(20 * MS);
                1
            })?;
            inner.result()
        });
        assert_eq!(outer.expect("the pool is open").await.expect("it ran"), 1);
        assert_eq!(time(), 30 * MS);
    });
}

#[test]
fn a_pool_takes_nothing_after_its_shutdown() {
    run(async {
        let pool = pool(1);
        let before = pool.submit(|| blocking::compute(50 * MS)).expect("the pool is open");
        pool.shutdown(true, false);
        assert_eq!(time(), 50 * MS, "it waited");
        assert!(before.done());
        let text = "cannot schedule new futures after shutdown";
        assert_eq!(pool.submit(|| 1).expect_err("is shut down").to_string(), text);
        assert_eq!(pool.run_in_executor(|| 1).expect_err("is shut down").to_string(), text);
        set_default_executor(&pool).expect("a pool of threads");
        assert_eq!(try_run_in_executor(|| 1).expect_err("is shut down").to_string(), text);
    });
}

#[test]
fn a_shutdown_can_take_back_what_waits() {
    run(async {
        let pool = pool(1);
        let submitted = pool.submit(|| 1).expect("the pool is open");
        let awaited = pool.run_in_executor(|| 1).expect("the pool is open");
        let waiter = spawn(async move { catch_cancel(awaited).await.is_err() });
        pool.shutdown(false, true);
        assert!(submitted.cancelled() && submitted.done());
        assert_eq!(submitted.result().expect_err("was taken back").kind(), "CancelledError");
        assert!(waiter.await, "whoever awaits such a job is cancelled");
    });
}

#[test]
fn the_default_executor_can_be_replaced_by_threads_only() {
    struct ProcessPool;
    impl Executor for ProcessPool {
        fn as_thread_pool(&self) -> Option<&ThreadPoolExecutor> {
            None
        }
    }
    let error = set_default_executor(&ProcessPool).expect_err("no threads");
    assert_eq!(error.to_string(), "executor must be ThreadPoolExecutor instance");
}

#[test]
fn the_default_executor_takes_nothing_after_its_shutdown() {
    run(async {
        executor_job("slow", || blocking::compute(50 * MS)).detach();
        yield_now().await;
        shutdown_default_executor(None).await;
        assert_eq!(time(), 50 * MS);
        let error = try_run_in_executor(|| 1).expect_err("is shut down");
        assert_eq!(error.to_string(), "Executor shutdown has been called");
    });
    run(async { assert_eq!(run_in_executor(|| 1).await, 1, "the next loop has a new one") });
    assert_eq!(reports(), [""; 0]);
}

#[test]
fn a_shutdown_that_takes_too_long_warns_in_cpythons_words() {
    run(async {
        executor_job("slow", || blocking::compute(1000 * MS)).detach();
        sleep(50 * MS).await;
        shutdown_default_executor(Some(100 * MS)).await;
        assert_eq!(time(), 150 * MS);
    });
    assert_eq!(time(), 1000 * MS, "the loop's end waits all the same");
    assert_eq!(
        reports(),
        [
            "EXE-5 RuntimeWarning: The executor did not finishing joining its threads within 0.1 seconds."
        ]
    );
}

#[test]
fn cancelling_returns_at_once_and_the_worker_goes_on() {
    let ran = Arc::new(AtomicU32::new(0));
    let flag = ran.clone();
    run(async move {
        let job = executor_job("slow", move || {
            blocking::compute(500 * MS);
            flag.fetch_add(1, Ordering::Relaxed);
        });
        sleep(50 * MS).await;
        assert!(timeout(MS, job).await.is_err());
        assert_eq!(time(), 51 * MS);
    });
    assert_eq!((ran.load(Ordering::Relaxed), time()), (1, 500 * MS), "the run waited for it");
}

#[test]
fn the_error_of_a_job_that_was_let_go_is_reported() {
    run(async {
        executor_job("fails", fails).detach();
        sleep(MS).await;
        let unread = executor_job("fails", fails);
        sleep(MS).await;
        drop(unread);
    });
    assert_eq!(reports(), ["EXE-6 Future exception was never retrieved"; 2]);
}

#[test]
fn an_error_that_somebody_sees_or_cancels_is_not_reported() {
    run(async {
        assert!(executor_job("fails", fails).await.is_err());
        // Whoever gives up waiting does not want to know.
        let job = executor_job("fails", || {
            blocking::compute(10 * MS);
            fails()
        });
        assert!(timeout(MS, job).await.is_err());
        let submitted = pool(1).submit(fails).expect("the pool is open");
        assert!(submitted.result().expect("it ran").is_err());
        let submitted = pool(1).submit(fails).expect("the pool is open");
        let seen = submitted.exception().expect("it ran").expect("it failed");
        assert_eq!(format!("{seen:?}"), "ValueError('in worker')");
        unblock(fails).detach();
    });
    assert_eq!(reports(), [""; 0]);
}

#[test]
fn the_error_of_a_submitted_job_that_was_let_go_is_ours_to_report() {
    run(async {
        drop(pool(1).submit(fails).expect("the pool is open"));
        sleep(MS).await;
        let submitted = pool(1).submit(fails).expect("the pool is open");
        sleep(MS).await;
        drop(submitted);
    });
    let text = "RET-SUBMIT the future of submit() was dropped, and its error with it: ValueError('in worker')";
    assert_eq!(reports(), [text; 2]);
}

#[test]
fn a_failed_job_is_told_to_the_machine() {
    run(async {
        assert!(executor_job("fails", fails).await.is_err());
        executor_job("succeeds", || Ok::<_, ValueError>(())).await.expect("it succeeds");
    });
    let failed = take_lines().iter().filter(|line| line.ends_with(" failed")).count();
    assert_eq!(failed, 1);
}

#[test]
fn own_pools_finish_their_jobs_before_the_process_ends() {
    let ran = Arc::new(AtomicU32::new(0));
    let flag = ran.clone();
    run(async move {
        let job = pool(1).submit(move || {
            blocking::compute(500 * MS);
            flag.fetch_add(1, Ordering::Relaxed);
        });
        drop(job.expect("the pool is open"));
    });
    assert_eq!((ran.load(Ordering::Relaxed), time()), (1, 500 * MS));
}
