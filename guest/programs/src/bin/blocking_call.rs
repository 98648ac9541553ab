//! A database query through a driver that blocks, beside a heartbeat of 100 ms.
//!
//! How long `db.query` takes, and what it returns, is the scenario's to say. On the loop it delays every
//! task by as much; with `--offload` it blocks a worker of the pool instead.

use std::time::Duration;

use loopbox_guest::blocking::{self, BlockingError};
use loopbox_guest::{run, run_in_executor, sleep, spawn_named};
use loopbox_programs::{Options, heartbeat};

fn main() {
    let mut options = Options::from_env();
    let offload = options.flag("--offload");
    options.end();

    run(async move {
        spawn_named("heartbeat", heartbeat(Duration::from_millis(100)));
        sleep(Duration::from_millis(250)).await;
        println!("asking");
        let answer = if offload { run_in_executor(query).await } else { query() };
        match answer {
            Ok(rows) => println!("answer: {}", String::from_utf8_lossy(&rows)),
            Err(error) => println!("failed: {error}"),
        }
        sleep(Duration::from_millis(300)).await;
    });
}

fn query() -> Result<Vec<u8>, BlockingError> {
    blocking::call("db.query", "SELECT name FROM users")
}
