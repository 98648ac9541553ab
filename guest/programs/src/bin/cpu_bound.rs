//! A second of computation, beside a heartbeat of 100 ms.
//!
//! "If a function performs a CPU-intensive calculation for 1 second, all concurrent asyncio Tasks and IO
//! operations would be delayed by 1 second." With `--offload` the same function runs on a worker of the
//! pool, and no beat is late.

use std::time::Duration;

use loopbox_guest::{executor_job, run, sleep, spawn_named};
use loopbox_programs::{Options, burn, heartbeat};

fn main() {
    let mut options = Options::from_env();
    let offload = options.flag("--offload");
    options.end();

    run(async move {
        spawn_named("heartbeat", heartbeat(Duration::from_millis(100)));
        sleep(Duration::from_millis(250)).await;
        println!("computing");
        if offload {
            executor_job("compute", compute).await;
        } else {
            spawn_named("compute", async { compute() }).await;
        }
        println!("computed");
        sleep(Duration::from_millis(300)).await;
    });
}

fn compute() {
    burn(Duration::from_secs(1));
}
