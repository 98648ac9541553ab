//! The loop from jobs of a pool, which are on other threads.

use super::*;
use crate::{
    Exception, Loop, LoopHandle, ThreadPoolExecutor, ValueError, coroutine, create_future,
    create_task, get_running_loop,
};

fn this_loop() -> LoopHandle {
    get_running_loop().expect("it runs")
}

async fn work() -> Result<(), Exception> {
    Ok(())
}

const WRONG_THREAD: &str =
    "Non-thread-safe operation invoked on an event loop other than the current one";

/// Schedules from a job in each way that is for the loop's thread only; gives the errors.
fn misuse(debug: bool) -> (Vec<Option<String>>, Vec<String>) {
    take_lines();
    let errors = run(async move {
        set_debug(debug);
        let this = this_loop();
        let job = executor_job("thread", move || {
            [
                this.call_soon(|| ()).err(),
                this.call_later(ms(1), || ()).err(),
                this.call_at(ms(1), || ()).err(),
                this.create_task(coroutine(work())).err(),
                this.call_soon_threadsafe(|| ()).err(),
            ]
        });
        let errors = job.await;
        sleep(ms(5)).await;
        errors
    });
    (errors.map(|error| error.map(|error| error.to_string())).to_vec(), take_lines())
}

#[test]
fn debug_mode_refuses_other_threads_and_leaves_a_half_made_task() {
    let (errors, lines) = misuse(true);
    let refused = Some(WRONG_THREAD.to_owned());
    assert_eq!(errors, [refused.clone(), refused.clone(), refused.clone(), refused, None]);
    let at = |start: &str| lines.iter().position(|line| line.starts_with(start)).expect(start);
    let never_awaited = "AWAIT-1 RuntimeWarning: coroutine 'work' was never awaited";
    assert!(at("RET-4 Task was destroyed but it is pending!") < at(never_awaited));
    assert_eq!(lines[at(never_awaited)], never_awaited, "a thread notes no origins");
}

#[test]
fn production_mode_takes_everything() {
    let (errors, lines) = misuse(false);
    assert_eq!(errors, [const { None }; 5]);
    assert!(!lines.iter().any(|line| line.starts_with("RET-4")), "{lines:?}");
}

/// When a job's callback of 100 ms runs, if the loop has a timer at 1 s; and the reports.
fn scheduled_at_100_ms(
    schedule: fn(LoopHandle, Box<dyn FnOnce() + Send>),
) -> (Vec<String>, Vec<String>) {
    take_lines();
    let log = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let lines = log.clone();
    run(async move {
        let (this, start) = (this_loop(), time());
        executor_job("thread", move || {
            compute(100 * MS);
            let note =
                move || log.lock().expect("one thread").push(format!("{:?}", time() - start));
            schedule(this, Box::new(note));
            compute(2000 * MS);
        })
        .detach();
        sleep(ms(1000)).await;
    });
    let reports = take_lines().into_iter().filter(|line| line.starts_with("LOST-WAKEUP")).collect();
    let ran = lines.lock().expect("one thread").clone();
    (ran, reports)
}

#[test]
fn a_callback_that_wakes_nobody_waits_for_the_next_wake_up() {
    let (ran, reports) = scheduled_at_100_ms(|this, f| drop(this.call_soon(f)));
    assert_eq!(ran, ["1s"]);
    assert!(reports[0].contains("waited 0.900 seconds"), "{reports:?}");
    let (ran, reports) = scheduled_at_100_ms(|this, f| drop(this.call_later(ms(50), f)));
    assert_eq!(ran, ["1s"]);
    assert!(reports[0].contains("waited 0.850 seconds"), "{reports:?}");
}

#[test]
fn a_timer_of_another_thread_that_is_due_later_is_not_late() {
    let (ran, reports) = scheduled_at_100_ms(|this, f| drop(this.call_later(ms(1500), f)));
    assert_eq!((ran, reports), (vec!["1.6s".to_owned()], vec![]));
}

#[test]
fn call_soon_threadsafe_wakes_the_loop() {
    let (ran, reports) = scheduled_at_100_ms(|this, f| drop(this.call_soon_threadsafe(f)));
    assert_eq!((ran, reports), (vec!["100ms".to_owned()], vec![]));
}

#[test]
fn a_callback_that_nothing_will_ever_wake_the_loop_for_is_named() {
    let ending = std::panic::catch_unwind(|| {
        run(async {
            let (sender, receiver) = async_channel::bounded::<()>(1);
            let this = this_loop();
            let pool = ThreadPoolExecutor::new("sensor", 1).expect("one worker");
            let send = move || assert!(sender.try_send(()).is_ok());
            let schedule = move || {
                compute(100 * MS);
                drop(this.call_soon(send));
            };
            let job = pool.submit(schedule).expect("it is open");
            let _ = receiver.recv().await;
            drop(job);
        });
    });
    let text = *ending.expect_err("a deadlock").downcast::<String>().expect("a text");
    assert!(text.contains("was scheduled from another thread without waking the loop"), "{text}");
}

#[test]
fn the_future_of_another_thread_has_the_result_or_is_cancelled() {
    run(async {
        let this = this_loop();
        let (quick, slow) = executor_job("thread", move || {
            let quick = this.run_coroutine_threadsafe(async { Ok::<_, Exception>(7) });
            let slow = this.run_coroutine_threadsafe(async {
                sleep(ms(1000)).await;
                Ok::<_, Exception>(8)
            });
            compute(100 * MS);
            slow.as_ref().map(|slow| assert!(slow.cancel())).expect("it is open");
            (quick.expect("it is open"), slow.expect("it is open"))
        })
        .await;
        yield_now().await;
        assert_eq!(
            quick.try_result().map(|result| result.map_err(|error| error.to_string())),
            Some(Ok(7))
        );
        assert!(slow.cancelled() && slow.try_result().is_none());
        assert_eq!(time(), ms(100));
    });
}

#[test]
fn a_coroutine_that_is_cancelled_before_it_starts_is_nobodys_mistake() {
    take_lines();
    run(async {
        let this = this_loop();
        let future = executor_job("thread", move || {
            let future = this.run_coroutine_threadsafe(coroutine(work())).expect("it is open");
            future.cancel();
            Some(future)
        })
        .await;
        yield_now().await;
        assert!(future.is_some_and(|future| future.cancelled()));
    });
    assert!(!take_lines().iter().any(|line| line.starts_with("AWAIT-1")));
}

#[test]
fn an_error_that_nobody_keeps_is_told() {
    take_lines();
    run(async {
        let this = this_loop();
        let fails = async { Err::<(), _>(Exception::from(ValueError::new("gone"))) };
        executor_job("thread", move || drop(this.run_coroutine_threadsafe(fails))).await;
        sleep(ms(1)).await;
    });
    assert!(take_lines().iter().any(|line| line.starts_with("RET-THREADSAFE")));
}

#[test]
fn a_closed_loop_takes_nothing() {
    // Closed before the coroutine has begun, so that its future is pending for ever.
    let event_loop = Loop::new().expect("there is no other");
    let (this, future) = event_loop
        .run_until_complete(async {
            let this = this_loop();
            (this, this.run_coroutine_threadsafe(work()).expect("it is open"))
        })
        .expect("it ends");
    event_loop.close();
    let closed = |error: Option<crate::RuntimeError>| {
        assert_eq!(error.map(|error| error.to_string()).as_deref(), Some("Event loop is closed"));
    };
    closed(this.call_soon(|| ()).err());
    closed(this.call_soon_threadsafe(|| ()).err());
    closed(this.create_task(work()).err());
    closed(this.run_coroutine_threadsafe(work()).err());
    assert!(!future.done() && !future.cancel(), "nothing goes into the queue of the next loop");
}

#[test]
fn a_job_finds_no_loop_and_a_loop_no_future_of_another() {
    let (future, ()) = run(async { (create_future::<()>(), ()) });
    run(async move {
        let error = executor_job("thread", || get_running_loop().err()).await;
        assert_eq!(error.map(|error| error.to_string()).as_deref(), Some("no running event loop"));
        let error = create_task(future).await.expect_err("of another loop").to_string();
        assert!(error.starts_with("Task <Task pending name="), "{error}");
        assert!(
            error.ends_with(" got Future <Future pending> attached to a different loop"),
            "{error}"
        );
    });
}
