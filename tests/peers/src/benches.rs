//! The table of benches, and the loop that takes their samples in turn.

use std::io;
use std::time::Instant;

use serde::Serialize;

use crate::peer::{madsim, tokio_paused, turmoil};
use crate::workload::{Ring, Tickers};

/// One figure: a line of the output.
#[derive(Debug, Serialize)]
pub struct Sample {
    peer: &'static str,
    workload: &'static str,
    unit: &'static str,
    value: f64,
    version: &'static str,
}

/// One workload on one peer.
struct Bench {
    peer: &'static str,
    /// The crate whose version is told.
    package: &'static str,
    work: Work,
}

/// What is run for one sample, and how large it is.
#[derive(Clone, Copy)]
enum Work {
    Ring(Ring, fn(Ring)),
    Tickers(Tickers, fn(Tickers)),
    /// So many runs for a sample: one is too short to be measured.
    Smallest(u32, fn()),
}

const RING: Ring = Ring {
    tasks: 100,
    rounds: 200,
};
const TICKERS: Tickers = Tickers {
    tasks: 100,
    sleeps: 3_600,
};
/// A hundredth, because turmoil pays for the virtual time. The figure is for one firing, as of the others.
const FEW_TICKERS: Tickers = Tickers {
    sleeps: TICKERS.sleeps / 100,
    ..TICKERS
};
const SMALLEST_RUNS: u32 = 1_000;

/// By workload, so that what is compared is measured close together.
const BENCHES: [Bench; 8] = [
    bench(
        "tokio paused",
        "tokio",
        Work::Ring(RING, tokio_paused::ring),
    ),
    bench("madsim", "madsim", Work::Ring(RING, madsim::ring)),
    bench(
        "tokio paused",
        "tokio",
        Work::Tickers(TICKERS, tokio_paused::tickers),
    ),
    bench("madsim", "madsim", Work::Tickers(TICKERS, madsim::tickers)),
    bench(
        "turmoil",
        "turmoil",
        Work::Tickers(FEW_TICKERS, turmoil::tickers),
    ),
    bench(
        "tokio paused",
        "tokio",
        Work::Smallest(SMALLEST_RUNS, tokio_paused::smallest),
    ),
    bench(
        "madsim",
        "madsim",
        Work::Smallest(SMALLEST_RUNS, madsim::smallest),
    ),
    bench(
        "turmoil",
        "turmoil",
        Work::Smallest(SMALLEST_RUNS, turmoil::smallest),
    ),
];

const fn bench(peer: &'static str, package: &'static str, work: Work) -> Bench {
    Bench {
        peer,
        package,
        work,
    }
}

/// Takes so many samples of every bench and hands each on as soon as it is there.
pub fn run_all(
    samples: u32,
    quick: bool,
    mut print: impl FnMut(&Sample) -> io::Result<()>,
) -> io::Result<()> {
    // Nobody should pay for being the first: page faults, cold caches, a slow clock rate.
    for bench in &BENCHES {
        bench.work.tenth().run();
    }
    for _ in 0..samples {
        for Bench {
            peer,
            package,
            work,
        } in &BENCHES
        {
            let work = if quick { work.tenth() } else { *work };
            let start = Instant::now();
            work.run();
            let value = start.elapsed().as_secs_f64() * 1e9 / f64::from(work.count());
            let (workload, unit) = work.name_and_unit();
            print(&Sample {
                peer,
                workload,
                unit,
                value,
                version: version_of(package),
            })?;
        }
    }
    Ok(())
}

impl Work {
    fn run(self) {
        match self {
            Work::Ring(ring, run) => run(ring),
            Work::Tickers(tickers, run) => run(tickers),
            Work::Smallest(runs, run) => (0..runs).for_each(|_| run()),
        }
    }

    /// The same with a tenth of the repetitions.
    fn tenth(self) -> Work {
        match self {
            Work::Ring(ring, run) => Work::Ring(
                Ring {
                    rounds: ring.rounds.div_ceil(10),
                    ..ring
                },
                run,
            ),
            Work::Tickers(tickers, run) => Work::Tickers(
                Tickers {
                    sleeps: tickers.sleeps.div_ceil(10),
                    ..tickers
                },
                run,
            ),
            Work::Smallest(runs, run) => Work::Smallest(runs.div_ceil(10), run),
        }
    }

    /// What the time of one [`Work::run`] is divided by.
    fn count(self) -> u32 {
        match self {
            Work::Ring(ring, _) => ring.hops(),
            Work::Tickers(tickers, _) => tickers.firings(),
            Work::Smallest(runs, _) => runs,
        }
    }

    fn name_and_unit(self) -> (&'static str, &'static str) {
        match self {
            Work::Ring(..) => ("ring", "ns/hop"),
            Work::Tickers(..) => ("tickers", "ns/firing"),
            Work::Smallest(..) => ("smallest", "ns/run"),
        }
    }
}

/// The version of a dependency, from the lock file that this program was built with.
fn version_of(package: &str) -> &'static str {
    const LOCK: &str = include_str!("../Cargo.lock");
    let mut lines = LOCK.lines();
    lines.find(|line| line.strip_prefix("name = ") == Some(&format!("{package:?}")));
    lines
        .next()
        .and_then(|line| line.strip_prefix("version = "))
        .map(|version| version.trim_matches('"'))
        .expect("the lock file has all dependencies, with their versions below their names")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bench_gives_a_sample_in_turn() {
        let mut lines = Vec::new();
        let printed = run_all(2, true, |sample| {
            assert!(sample.value > 0.0, "{sample:?}");
            lines.push((sample.peer, sample.workload, sample.unit, sample.version));
            Ok(())
        });
        printed.expect("nothing is written");
        assert_eq!(lines.len(), 2 * BENCHES.len());
        assert_eq!(lines[..BENCHES.len()], lines[BENCHES.len()..]);
        assert!(lines.contains(&("turmoil", "tickers", "ns/firing", version_of("turmoil"))));
    }

    #[test]
    fn versions_come_from_the_lock_file() {
        assert!(version_of("madsim").starts_with("0.2."));
        assert!(version_of("tokio").starts_with("1."));
    }
}
