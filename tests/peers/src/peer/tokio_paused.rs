//! tokio with `start_paused`: its clock stands still while a task can run, and jumps to the next timer
//! when none can.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::workload::{Ring, SMALLEST_SLEEP, Tickers, check_smallest};

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O needs nothing that could be missing")
}

/// The token goes round once for every round.
pub fn ring(ring: Ring) {
    runtime().block_on(async {
        let start = Instant::now();
        let tasks: JoinSet<_> = ring.links().collect();
        ring.check(tasks.join_all().await);
        assert_eq!(
            start.elapsed(),
            Duration::ZERO,
            "nothing sleeps in the ring"
        );
    });
}

/// All tickers tick to their ends.
pub fn tickers(tickers: Tickers) {
    runtime().block_on(async {
        let start = Instant::now();
        let tasks: JoinSet<_> = (0..tickers.tasks)
            .map(|task| async move {
                for _ in 0..tickers.sleeps {
                    sleep(Tickers::period(task)).await;
                }
            })
            .collect();
        tasks.join_all().await;
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
