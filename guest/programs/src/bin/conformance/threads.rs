//! Calls from other threads: THR-1 to THR-8. A thread is a job of the pool here.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use loopbox_guest::{
    Exception, LoopHandle, RuntimeError, get_running_loop, run, run_in_executor, set_debug, sleep,
    time,
};

use crate::{python, seconds, time_sleep};

pub(crate) fn s06() {
    fn th(event_loop: LoopHandle, debug: bool) {
        let say = |name: &str, result: Result<(), RuntimeError>| match result {
            Ok(()) => println!("{} {name} -> no error", python(debug)),
            Err(error) => println!("{} {name} -> RuntimeError: {error}", python(debug)),
        };
        let print = || println!("x");
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
