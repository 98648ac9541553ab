//! Tasks sleep again and again, each with a period of its own: the cost of a timer.
//!
//! The same work as `Tickers` in `tests/peers`: `--tasks` (100) tasks with periods of 1.00 s, 1.01 s and so
//! on, `--sleeps` (3600) sleeps each.

use std::time::Duration;

use loopbox_guest::{run, sleep, spawn};
use loopbox_programs::Options;

fn main() {
    let mut options = Options::from_env();
    let tasks = options.number("--tasks").unwrap_or(100);
    let sleeps = options.number("--sleeps").unwrap_or(3600);
    options.end();

    let firings: u32 = run(async move {
        let tickers: Vec<_> = (0..tasks)
            .map(|task| spawn(tick(Duration::from_millis(1_000 + 10 * u64::from(task)), sleeps)))
            .collect();
        let mut firings = 0;
        for ticker in tickers {
            firings += ticker.await;
        }
        firings
    });
    assert_eq!(firings, tasks * sleeps);
}

async fn tick(period: Duration, sleeps: u32) -> u32 {
    for _ in 0..sleeps {
        sleep(period).await;
    }
    sleeps
}
