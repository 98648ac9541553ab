//! turmoil: simulated hosts on one thread, each with a paused tokio runtime. Its time goes by in ticks of
//! a millisecond, whether anything happens in them or not, so it costs what virtual time passes, and not
//! what happens. Tasks on one host are tokio's own, hence there is no ring here.

use std::time::Duration;

use ::turmoil::{Builder, Result, Sim};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::workload::{SMALLEST_SLEEP, Tickers, check_smallest};

/// A simulation with one host, which runs `main`.
fn run(time_limit: Duration, main: impl Future<Output = Result> + 'static) {
    let mut sim: Sim<'_> = Builder::new()
        .simulation_duration(time_limit)
        .rng_seed(0)
        .build();
    sim.client("box", main);
    sim.run()
        .expect("within the time limit, and nothing in it fails");
}

/// All tickers tick to their ends.
pub fn tickers(tickers: Tickers) {
    run(2 * tickers.virtual_time(), async move {
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
        Ok(())
    });
}

/// A simulation that sleeps once.
pub fn smallest() {
    run(Duration::from_secs(1), async {
        let start = Instant::now();
        sleep(SMALLEST_SLEEP).await;
        check_smallest(start.elapsed());
        Ok(())
    });
}
