//! madsim: a simulator for distributed systems. It draws the next task at random, charges each poll 50
//! to 100 ns of virtual time, and jumps to the next timer when no task can run.

use std::time::Duration;

use ::madsim::Config;
use ::madsim::runtime::Runtime;
use ::madsim::task::spawn;
use ::madsim::time::{Instant, sleep};

use crate::workload::{Ring, SMALLEST_SLEEP, Tickers, check_between, check_smallest};

/// Always the same run: other seeds give other orders, and with them other costs.
fn runtime() -> Runtime {
    Runtime::with_seed_and_config(0, Config::default())
}

/// The token goes round once for every round.
pub fn ring(ring: Ring) {
    runtime().block_on(async {
        let start = Instant::now();
        let tasks: Vec<_> = ring.links().map(spawn).collect();
        let mut counts = Vec::new();
        for task in tasks {
            counts.push(task.await.expect("no link panics"));
        }
        ring.check(counts);
        // At least a poll for a hop, and not many more.
        let hops = ring.hops();
        check_between(
            start.elapsed(),
            Duration::from_nanos(50) * hops,
            Duration::from_nanos(200) * hops,
        );
    });
}

/// All tickers tick to their ends.
pub fn tickers(tickers: Tickers) {
    runtime().block_on(async {
        let start = Instant::now();
        let ticker = |task| async move {
            for _ in 0..tickers.sleeps {
                sleep(Tickers::period(task)).await;
            }
        };
        let tasks: Vec<_> = (0..tickers.tasks).map(|task| spawn(ticker(task))).collect();
        for task in tasks {
            task.await.expect("no ticker panics");
        }
        tickers.check(start.elapsed());
    });
}

/// A runtime that sleeps once.
pub fn smallest() {
    runtime().block_on(async {
        let start = Instant::now();
        sleep(SMALLEST_SLEEP).await;
        check_smallest(start.elapsed());
    });
}
