//! What the peers have to do. The same programs exist as guests of Loopbox; a change here is one there.
//!
//! Whatever a workload measures includes building and dropping the runtime and its tasks. For the ring
//! and the tickers that is below 1 % of the work, for the smallest run it is the point.

use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

/// Tasks in a ring pass one token round and round. No time passes: it is the cost of a task switch.
#[derive(Clone, Copy, Debug)]
pub struct Ring {
    /// Tasks in the ring.
    pub tasks: u32,
    /// How often the token comes to each.
    pub rounds: u32,
}

impl Ring {
    /// How often the token is passed on.
    pub fn hops(self) -> u32 {
        self.tasks * self.rounds
    }

    /// For each task in the ring a future: it takes the token from the task before it, counts up, and
    /// hands it to the task behind it. The channels are tokio's on all peers, for they need no runtime.
    pub fn links(self) -> impl Iterator<Item = impl Future<Output = u32> + Send + 'static> {
        let (mut senders, receivers): (Vec<_>, Vec<_>) =
            (0..self.tasks).map(|_| mpsc::unbounded_channel()).unzip();
        senders[0].send(0).expect("the receiver is here");
        senders.rotate_left(1);
        let ends = receivers.into_iter().zip(senders);
        ends.map(move |(from, to)| link(from, to, self.rounds))
    }

    /// Fails unless the token was passed on as often as it should; `counts` is what the links returned.
    pub fn check(self, counts: impl IntoIterator<Item = u32>) {
        assert_eq!(
            counts.into_iter().max(),
            Some(self.hops()),
            "hops of the token"
        );
    }
}

async fn link(mut from: UnboundedReceiver<u32>, to: UnboundedSender<u32>, rounds: u32) -> u32 {
    let mut hops = 0;
    for _ in 0..rounds {
        hops = 1 + from
            .recv()
            .await
            .expect("the task before this one goes on until it has sent");
        // After the last hop the first task is done and gone.
        let _ = to.send(hops);
    }
    hops
}

/// Tasks sleep again and again, each with a period of its own. It is the cost of a timer.
#[derive(Clone, Copy, Debug)]
pub struct Tickers {
    /// Tasks that sleep.
    pub tasks: u32,
    /// How often each sleeps.
    pub sleeps: u32,
}

impl Tickers {
    /// 1.00 s for the first task, and 10 ms more for each that follows.
    pub fn period(task: u32) -> Duration {
        Duration::from_millis(1_000 + 10 * u64::from(task))
    }

    /// How many sleeps end.
    pub fn firings(self) -> u32 {
        self.tasks * self.sleeps
    }

    /// When the last sleep ends, in virtual time.
    pub fn virtual_time(self) -> Duration {
        Tickers::period(self.tasks - 1) * self.sleeps
    }

    /// Fails unless a run took as long as its sleeps, give or take what a peer's clock is coarse: one
    /// millisecond for a sleep is 0.1 %.
    pub fn check(self, elapsed: Duration) {
        check_between(
            elapsed,
            self.virtual_time(),
            self.virtual_time().mul_f64(1.002),
        );
    }
}

/// The sleep of the smallest run: one tick of turmoil, and no matter to the others.
pub const SMALLEST_SLEEP: Duration = Duration::from_millis(1);

/// Fails unless the virtual time of a smallest run is that of its one sleep, on a clock of milliseconds.
pub fn check_smallest(elapsed: Duration) {
    check_between(elapsed, SMALLEST_SLEEP, 3 * SMALLEST_SLEEP);
}

/// Fails unless virtual time passed as it should: then something else was measured.
pub fn check_between(elapsed: Duration, from: Duration, to: Duration) {
    assert!(
        (from..=to).contains(&elapsed),
        "{elapsed:?} of virtual time passed, and not {from:?} to {to:?}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICKERS: Tickers = Tickers {
        tasks: 100,
        sleeps: 3_600,
    };

    #[test]
    fn the_last_ticker_ends_the_run() {
        assert_eq!(TICKERS.virtual_time(), Duration::from_secs(7_164));
        assert_eq!(TICKERS.firings(), 360_000);
        TICKERS.check(Duration::from_secs(7_164));
    }

    #[test]
    #[should_panic = "hops of the token"]
    fn a_lost_token_is_noticed() {
        Ring {
            tasks: 2,
            rounds: 2,
        }
        .check([1, 2]);
    }

    #[test]
    #[should_panic = "of virtual time passed"]
    fn a_clock_that_stood_still_is_noticed() {
        TICKERS.check(Duration::from_secs(7_163));
    }
}
