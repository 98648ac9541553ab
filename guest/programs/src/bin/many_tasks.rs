//! Very many tasks that wait: what one costs in memory.
//!
//! `--tasks` (100,000) tasks sleep at once, with whatever diagnostics the scenario turns on. Prints how much the
//! program's memory grew for each, and how much of that is the task's own future. The memory grows in
//! steps and never shrinks, so the figure is a bound from above.

use std::time::Duration;

use loopbox_guest::{run, sleep, spawn};
use loopbox_programs::Options;

/// As wasm counts its memory.
const PAGE_BYTES: usize = 65_536;

fn main() {
    let mut options = Options::from_env();
    let tasks = options.number("--tasks").unwrap_or(100_000);
    options.end();

    run(async move {
        let future_bytes = size_of_val(&wait());
        let before = memory_bytes();
        let waiting: Vec<_> = (0..tasks).map(|_| spawn(wait())).collect();
        sleep(Duration::from_secs(1)).await;
        let handles = waiting.capacity() * size_of_val(&waiting[0]);
        let grown = memory_bytes() - before - handles;
        let each = grown / waiting.len();
        println!("{each} bytes a task, {future_bytes} of them its future");
    });
}

async fn wait() {
    sleep(Duration::from_secs(2)).await;
}

#[cfg(target_family = "wasm")]
fn memory_bytes() -> usize {
    core::arch::wasm32::memory_size(0) * PAGE_BYTES
}

/// Elsewhere nobody measures.
#[cfg(not(target_family = "wasm"))]
fn memory_bytes() -> usize {
    PAGE_BYTES
}
