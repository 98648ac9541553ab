//! More jobs than workers: `--jobs` (64) blocking calls, handed to the pool at once.
//!
//! With 4 workers and 50 ms a call they are done in batches of 4, the last at 800 ms. Nobody waits but those
//! who asked: a pool that is exhausted shows as a queue, not as a stall.

use std::time::Duration;

use loopbox_guest::{blocking, executor_job, run, spawn_named, time};
use loopbox_programs::{Options, heartbeat, millis};

fn main() {
    let mut options = Options::from_env();
    let jobs = options.number("--jobs").unwrap_or(64);
    let beats = options.duration("--heartbeat");
    options.end();

    run(async move {
        if let Some(period) = beats {
            spawn_named("heartbeat", heartbeat(period));
        }
        let (done, completions) = async_channel::unbounded();
        for job in 1..=jobs {
            let done = done.clone();
            spawn_named(format!("item-{job}"), async move {
                let item =
                    executor_job("item", move || blocking::call("work.item", job.to_string()));
                let succeeded = item.await.is_ok();
                // The receiver lives until all are done.
                let _ = done.send((millis(time()), succeeded)).await;
            });
        }
        drop(done);

        let (mut batch, mut at) = (0, 0);
        let mut failed = 0;
        while let Ok((now, succeeded)) = completions.recv().await {
            if now != at && batch > 0 {
                println!("{at:>4} ms: {batch} done");
                batch = 0;
            }
            at = now;
            batch += 1;
            failed += u32::from(!succeeded);
        }
        println!("{at:>4} ms: {batch} done");
        println!("all {jobs} done, {failed} failed");
        // Not the time of the last call's return, but that of its completion on the loop.
        sleep_a_little().await;
    });
}

/// Lets the heartbeat show that the loop is well.
async fn sleep_a_little() {
    loopbox_guest::sleep(Duration::from_millis(1)).await;
}
