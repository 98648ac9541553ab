//! Signals: SIG-1 to SIG-11, and the Runner's SIGINT.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use loopbox_guest::signal::{
    SIGHUP, SIGINT, SIGKILL, SIGTERM, SIGUSR1, add_signal_handler, raise, remove_signal_handler,
};
use loopbox_guest::{
    Exception, Loop, RunError, Runner, cancelled, catch_cancel, current_task, run, run_in_executor,
    sleep,
};

use crate::{python, seconds, time_sleep};

pub(crate) fn s08() {
    async fn main() {
        run_in_executor(|| {
            let error = add_signal_handler(SIGTERM, || ()).expect_err("not the main thread");
            println!("Thread-1 (th) add_signal_handler RuntimeError | {error}");
        })
        .await;
        let error = add_signal_handler(SIGKILL, || ()).expect_err("refused");
        println!("add_signal_handler 9 RuntimeError | {error}");
        let error = add_signal_handler(999, || ()).expect_err("refused");
        println!("add_signal_handler 999 ValueError | {error}");
        let removed = remove_signal_handler(SIGHUP).expect("SIGHUP exists");
        println!("remove unregistered -> {}", python(removed));
    }
    run(main());
}

pub(crate) fn s09() {
    async fn main() {
        let hits = Rc::new(Cell::new(0));
        let count = hits.clone();
        add_signal_handler(SIGUSR1, move || count.set(count.get() + 1)).expect("allowed");
        for _ in 0..3 {
            raise(SIGUSR1).expect("it exists"); // while the loop is not polling
        }
        let mut turns = 0;
        while hits.get() == 0 && turns < 10 {
            sleep(Duration::ZERO).await;
            turns += 1;
        }
        println!(
            "3 kills before the loop polls: first hit after {turns} turns; hits: {}",
            hits.get()
        );
        // With the loop blocked, the handler does not run.
        hits.set(0);
        raise(SIGUSR1).expect("it exists");
        time_sleep(0.2);
        let n = hits.get();
        sleep(seconds(0.01)).await;
        println!("during a 0.2 s block: {n}; afterwards: {}", hits.get());
        // Two handlers for one signal: the second replaces the first.
        let a = Rc::new(RefCell::new(Vec::new()));
        for which in [1, 2] {
            let a = a.clone();
            add_signal_handler(SIGUSR1, move || a.borrow_mut().push(which)).expect("allowed");
        }
        raise(SIGUSR1).expect("it exists");
        sleep(seconds(0.01)).await;
        println!("two handlers for one signal: {:?}", a.borrow());
        remove_signal_handler(SIGUSR1).expect("it exists");
        // A handler that fails.
        let fails = || Err::<(), _>(Exception::new("ZeroDivisionError", "division by zero"));
        add_signal_handler(SIGUSR1, fails).expect("allowed");
        raise(SIGUSR1).expect("it exists");
        sleep(seconds(0.01)).await;
    }
    run(main());
}

/// What came out of a run, as the scripts print it.
fn raised<T>(result: Result<T, RunError>) {
    match result {
        Ok(_) => {}
        Err(error) => println!("asyncio.run raised {error}"),
    }
}

/// The scenario sends SIGINT, where the script has a timer that does: 0.1 s after the start of each part.
pub(crate) fn s28() {
    async fn main() {
        let slept = catch_cancel(sleep(seconds(10.0))).await;
        if slept.is_err() {
            let cancelling = current_task().expect("this is one").cancelling();
            println!("main task cancelled; cancelling() = {cancelling}");
        }
        println!("cleanup");
        if slept.is_err() {
            cancelled().await;
        }
    }
    raised(Runner::new().run(main()));
    println!("--- cancellation swallowed");
    async fn main2() -> &'static str {
        match catch_cancel(sleep(seconds(10.0))).await {
            Ok(()) => "slept",
            Err(_) => "swallowed",
        }
    }
    match Runner::new().run(main2()) {
        Ok(result) => println!("result: {result}"),
        error => raised(error),
    }
    println!("--- SIGINT while a sync block runs: nothing until the task yields");
    async fn main4() {
        time_sleep(0.3);
        println!("sync part was not interrupted");
        sleep(seconds(1.0)).await;
    }
    raised(Runner::new().run(main4()));
}

/// The part of `s28` with the second SIGINT, which ends the process.
pub(crate) fn s28_second() {
    async fn main3() {
        if catch_cancel(sleep(seconds(10.0))).await.is_err() {
            println!("slow cleanup starts");
            sleep(seconds(10.0)).await;
            println!("never");
        }
    }
    raised(Runner::new().run(main3()));
}

/// Without a Runner nobody has a handler for SIGINT.
pub(crate) fn s29() {
    async fn main() {
        sleep(seconds(10.0)).await;
    }
    let event_loop = Loop::new().expect("there is no other");
    let _ = event_loop.run_until_complete(main());
    println!("never");
}

pub(crate) fn s49() {
    println!("1: a custom SIGINT handler is left alone");
    async fn main() -> &'static str {
        let hits = Rc::new(RefCell::new(Vec::new()));
        let push = hits.clone();
        add_signal_handler(SIGINT, move || push.borrow_mut().push(2)).expect("allowed");
        raise(SIGINT).expect("it exists");
        sleep(seconds(0.05)).await;
        println!("finished {:?}", hits.borrow());
        "finished"
    }
    raised(Runner::new().run(main()));
    println!("4: add_signal_handler(SIGINT) inside the task replaces the Runner handler");
    async fn m4() -> &'static str {
        let ev = loopbox_guest::create_future();
        let set = ev.clone();
        let handler = move || drop(set.set_result("handled by the event"));
        add_signal_handler(SIGINT, handler).expect("allowed");
        raise(SIGINT).expect("it exists");
        ev.await.expect("it is set")
    }
    if let Ok(result) = Runner::new().run(m4()) {
        println!("{result}");
    }
}
