//! A day in the life of a service, in six seconds: everything that Loopbox watches, once.
//!
//! - a heartbeat every 10 ms, until the end;
//! - at the start 64 blocking calls `work.item` in the pool;
//! - at 2 s a computation of 120 ms on the loop: the mistake (`--burn` really computes);
//! - at 5.2 s the blocking call `report.write` in the pool;
//! - on SIGTERM a shutdown with 100 ms of grace, which the call in the pool may need longer than.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use loopbox_guest::signal::{self, SIGTERM};
use loopbox_guest::{blocking, executor_job, run, sleep_until, spawn_named, time, timeout};
use loopbox_programs::{Options, burn};

fn main() {
    let mut options = Options::from_env();
    let really = options.flag("--burn");
    options.end();

    run(async move {
        let shutdown = signal::wait(SIGTERM);
        let beats = Rc::new(Cell::new(0));
        let heart = spawn_named("heartbeat", heartbeat(beats.clone()));
        for item in 0..64 {
            spawn_named("item", async move {
                executor_job("item", move || blocking::call("work.item", [item])).await
            });
        }
        spawn_named("burst", async move {
            sleep_until(Duration::from_secs(2)).await;
            let duration = Duration::from_millis(120);
            if really { burn(duration) } else { blocking::compute(duration) }
        });
        let report = spawn_named("report", async {
            sleep_until(Duration::from_millis(5_200)).await;
            executor_job("report", || blocking::call("report.write", "")).await
        });

        shutdown.await.expect("SIGTERM can be caught");
        println!("shutting down");
        match timeout(Duration::from_millis(100), report).await {
            Ok(_) => println!("the report is written"),
            Err(_) => println!("the report has timed out; the pool finishes it"),
        }
        heart.cancel().await;
        println!("{} beats", beats.get());
    });
}

async fn heartbeat(beats: Rc<Cell<u32>>) {
    let period = Duration::from_millis(10);
    let mut due = time();
    loop {
        // A beat that is missed is not made up for.
        due = due.max(time().saturating_sub(period)) + period;
        sleep_until(due).await;
        beats.set(beats.get() + 1);
    }
}
