//! Pools, and what is left in them: EXE-1 to EXE-7.

use std::time::Duration;

use loopbox_guest::logging::{Level, basic_config};
use loopbox_guest::process_pool::ProcessPoolExecutor;
use loopbox_guest::{
    Exception, ThreadPoolExecutor, get_running_loop, job, run, run_in_executor,
    set_default_executor, shutdown_default_executor, sleep, time, try_run_in_executor,
};

use crate::{seconds, time_sleep};

/// With a timeout, which is new in 3.12 and works in 3.13; or without, as before.
pub(crate) fn s25(limit: Option<Duration>) {
    async fn main(limit: Option<Duration>) {
        run_in_executor(|| time_sleep(1.0)).detach();
        sleep(seconds(0.05)).await;
        let t = time();
        shutdown_default_executor(limit).await;
        if limit.is_none() {
            let waited = (time() - t).as_secs_f64();
            println!("no timeout parameter in 3.11: waited {waited:.1} s");
        }
        if let Err(error) = try_run_in_executor(|| ()) {
            println!("RuntimeError: {error}");
        }
    }
    run(main(limit));
}

pub(crate) fn s37() {
    async fn main() {
        let ex = ThreadPoolExecutor::new("ex", 1).expect("a worker");
        let inner = ex.clone();
        let outer = move || -> Result<i32, Exception> {
            // Waits for a slot that its own worker holds.
            inner.submit(|| 1)?.result_timeout(seconds(0.5))
        };
        if ex.run_in_executor(outer).expect("it is open").await.is_err() {
            println!("deadlock (only the timeout saved it)");
        }
        println!("default pool size would be min(32, cpu+4)");
        ex.shutdown(true, false);
    }
    run(main());
}

pub(crate) fn s51() {
    basic_config(Level::WARNING);
    async fn main() {
        let f = run_in_executor(|| time_sleep(0.5));
        sleep(seconds(0.05)).await;
        drop(f); // what cancelling is for a future of Rust
        println!("cancelled at once; the thread still runs: 1");
    }
    let t = time();
    run(main());
    let took = (time() - t).as_secs_f64();
    println!("asyncio.run returned after {took:.1} s (it joins the pool)");

    let ex = ThreadPoolExecutor::new("ex", 1).expect("a worker");
    async fn m2(ex: ThreadPoolExecutor) {
        ex.run_in_executor(|| time_sleep(0.2)).expect("it is open").detach();
        sleep(Duration::ZERO).await;
    }
    run(m2(ex.clone()));
    ex.shutdown(true, false);
    println!("loop closed first: nothing logged above (3.11)");

    fn boom() -> Result<(), Exception> {
        Err(Exception::new("ValueError", "in worker"))
    }
    async fn m3() {
        run_in_executor(boom).detach();
        sleep(seconds(0.05)).await;
    }
    run(m3());
}

/// What a process of a pool sees of the loop.
pub(crate) fn child(_: ()) -> String {
    match get_running_loop() {
        Ok(_) => "running loop visible".into(),
        Err(error) => format!("RuntimeError: {error}"),
    }
}

pub(crate) fn s38() {
    async fn main() {
        let p = ProcessPoolExecutor::new(1).expect("a process");
        let seen = p.submit(job!(child), &()).expect("it is served").await;
        println!("process pool: {}", seen.expect("it ends"));
        if let Err(error) = set_default_executor(&p) {
            println!("TypeError: {error}");
        }
        fn local(_: ()) -> i32 {
            1
        }
        if let Err(error) = p.submit(job!(local), &()) {
            println!("{} | {error}", error.kind());
        }
    }
    run(main());
}
