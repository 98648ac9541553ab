//! Calls from other threads: THR-1 to THR-8. A thread is a job of the pool here.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use loopbox_guest::{
    Exception, LoopHandle, RuntimeError, get_running_loop, run, run_in_executor, set_debug, sleep,
    time, unblock,
};

use crate::{python, seconds, time_sleep};

pub(crate) fn s06() {
    fn th(event_loop: LoopHandle, debug: bool) {
        let say = |name: &str, result: Result<(), RuntimeError>| {
            // Otherwise this thread and the loop's would print at the same time.
            time_sleep(0.001);
            match result {
                Ok(()) => println!("{} {name} -> no error", python(debug)),
                Err(error) => println!("{} {name} -> RuntimeError: {error}", python(debug)),
            }
        };
        let print = || println!("x");
        // Until the loop has gone to sleep.
        time_sleep(0.001);
        say("call_soon", event_loop.call_soon(print).map(drop));
        say("call_later", event_loop.call_later(Duration::ZERO, print).map(drop));
        say("call_at", event_loop.call_at(Duration::ZERO, print).map(drop));
        async fn sleep() -> Result<(), Exception> {
            loopbox_guest::sleep(Duration::ZERO).await;
            Ok(())
        }
        say("create_task", event_loop.create_task(sleep()).map(drop));
        let print = || println!("ran: threadsafe");
        say("call_soon_threadsafe", event_loop.call_soon_threadsafe(print).map(drop));
    }
    async fn main(debug: bool) {
        set_debug(debug);
        let event_loop = get_running_loop().expect("this is one");
        run_in_executor(move || th(event_loop, debug)).await;
        sleep(seconds(0.01)).await;
    }
    run(main(true));
    run(main(false));
}

pub(crate) fn s07() {
    async fn main() {
        let (event_loop, t0) = (get_running_loop().expect("this is one"), time());
        let got = Arc::new(Mutex::new(Vec::new()));
        let ran = got.clone();
        run_in_executor(move || {
            time_sleep(0.1);
            event_loop
                .call_soon(move || ran.lock().expect("one thread").push(time() - t0))
                .expect("no error in production mode");
            time_sleep(5.0);
        })
        .detach();
        sleep(seconds(1.0)).await;
        sleep(Duration::ZERO).await;
        let at = got.lock().expect("one thread")[0].as_secs_f64();
        println!("scheduled at 0.1 s, ran at {at:.1} s");
    }
    run(main());
}

pub(crate) fn s35() {
    async fn co() -> Result<i32, Exception> {
        sleep(seconds(0.01)).await;
        Ok(7)
    }
    async fn long() -> Result<(), Exception> {
        sleep(seconds(10.0)).await;
        Ok(())
    }
    async fn main() {
        let event_loop = get_running_loop().expect("this is one");
        let mut out = Vec::new();
        let th = move || {
            let first = event_loop.run_coroutine_threadsafe(co()).expect("it is open");
            let second = event_loop.run_coroutine_threadsafe(long()).expect("it is open");
            Some((first, second))
        };
        let (first, second) = unblock(th).await.expect("both");
        sleep(seconds(0.05)).await;
        match first.try_result() {
            Some(Ok(result)) => out.push(result.to_string()),
            _ => out.push("?".to_owned()),
        }
        out.push(format!("'TimeoutError; cancel -> {}'", python(second.cancel())));
        println!("[{}]", out.join(", "));
        async fn bug() -> Result<(), Exception> {
            Err(Exception::new("ValueError", "dropped"))
        }
        drop(event_loop.run_coroutine_threadsafe(bug())); // result never looked at
        sleep(seconds(0.01)).await;
        println!("dropped exception of run_coroutine_threadsafe: nothing logged above");
    }
    run(main());
}
