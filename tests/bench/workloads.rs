//! What is measured: the guests of the benchmark, each with the configuration that it runs in.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use globset::{Glob, GlobMatcher};
use loopbox_machine::config::{BlockingRule, Draw, Limits, SignalPlan};
use loopbox_machine::{Config, Program, Run, Sandbox, Settings};
use loopbox_trace::check::{Expectations, Span, check};
use loopbox_trace::{Nanos, Signal};

use crate::guests::Guests;

/// One thing that is measured.
pub struct Workload {
    /// As the report shows it.
    pub name: &'static str,
    /// Of one sample.
    pub unit: &'static str,
    /// Runs that make one sample.
    runs: u32,
    /// What one run is divided by: hops, firings.
    per_run: f64,
    sandbox: Sandbox,
    program: Program,
    config: Arc<Config>,
    /// What is expected of every run; its verdict is part of the work.
    expect: Option<Expectations>,
}

impl Workload {
    /// Runs of this program, of which nothing but status 0 is expected.
    pub fn new(
        name: &'static str,
        unit: &'static str,
        runs: u32,
        per_run: f64,
        sandbox: &Sandbox,
        program: &Program,
        config: Config,
    ) -> Workload {
        let (sandbox, program) = (sandbox.clone(), program.clone());
        let config = Arc::new(config);
        Workload { name, unit, runs, per_run, sandbox, program, config, expect: None }
    }

    /// Nanoseconds of the host for one unit.
    pub fn sample(&self) -> f64 {
        let begin = Instant::now();
        for seed in 0..self.runs {
            let run = self.run(u64::from(seed));
            match &self.expect {
                Some(expect) => {
                    assert!(check(expect, &run.trace).holds(), "{:?}", run.trace.ending)
                }
                None => assert_eq!(run.trace.ending.keyword(), "0", "{:?}", run.trace.ending),
            }
            black_box(run);
        }
        begin.elapsed().as_secs_f64() * 1e9 / f64::from(self.runs) / self.per_run
    }

    fn run(&self, seed: u64) -> Run {
        smol::block_on(self.sandbox.run(&self.program, &self.config, seed))
    }
}

/// All workloads.
pub fn all(guests: &Guests) -> Result<Vec<Workload>, Box<dyn Error>> {
    let sandbox = Sandbox::new(&Settings::default())?;
    let workload = |name, guest, unit, runs, per_run, config, expect| {
        let program = sandbox.load(&guests.wasm(guest)?)?;
        let (sandbox, config) = (sandbox.clone(), Arc::new(config));
        Ok::<_, Box<dyn Error>>(Workload {
            name,
            unit,
            runs,
            per_run,
            sandbox,
            program,
            config,
            expect,
        })
    };
    let debug = || Config { debug: true, ..plain(false) };
    let (hops, firings) = (20_000.0, 360_000.0);
    Ok(vec![
        workload("fresh sandbox, empty main", "empty", "ns/run", 1_000, 1.0, plain(false), None)?,
        workload("smallest", "smallest", "ns/run", 1_000, 1.0, plain(false), None)?,
        workload("ring, tracing off", "ring", "ns/hop", 3, hops, plain(false), None)?,
        workload("ring, tracing on", "ring", "ns/hop", 3, hops, plain(true), None)?,
        workload("ring, debug mode", "ring", "ns/hop", 3, hops, debug(), None)?,
        workload("tickers, tracing off", "tickers", "ns/firing", 1, firings, plain(false), None)?,
        workload("tickers, debug mode", "tickers", "ns/firing", 1, firings, debug(), None)?,
        workload("tickers, tracing on", "tickers", "ns/firing", 1, firings, plain(true), None)?,
        workload(
            "box, burst modelled, traced and judged",
            "service_box",
            "ns/run",
            100,
            1.0,
            box_config(true),
            Some(box_expectations()),
        )?,
        workload(
            "box, burst modelled, tracing off",
            "service_box",
            "ns/run",
            100,
            1.0,
            box_config(false),
            None,
        )?,
        workload(
            "box, burst executed at 100 ns a unit of fuel",
            "service_box",
            "ns/run",
            20,
            1.0,
            Config { args: vec!["--burn".into()], ps_per_fuel: 100_000, ..box_config(false) },
            None,
        )?,
    ])
}

/// A world in which nothing happens, for as long as it takes.
pub fn plain(traced: bool) -> Config {
    let limits =
        Limits { time: Nanos::from_secs(10_000), trace_events: 10_000_000, ..Limits::default() };
    Config { traced, limits, ..Config::default() }
}

/// The world of *box*: every blocking call that the program makes, and SIGTERM at 5.25 s.
pub fn box_config(traced: bool) -> Config {
    let rule = |call: &str, millis| BlockingRule {
        call: pattern(call),
        takes: Draw::Fixed(Nanos::from_millis(millis)),
        fails: None,
        returns: Vec::new(),
    };
    Config {
        traced,
        blocking: vec![rule("work.*", 50), rule("report.*", 300)],
        signals: vec![SignalPlan {
            signal: Signal::SIGTERM,
            at: Draw::Fixed(Nanos::from_millis(5_250)),
        }],
        ..Config::default()
    }
}

/// The burst is there and is flagged; everything that blocks is off the loop.
fn box_expectations() -> Expectations {
    Expectations {
        max_stall: Some(Span {
            min: Some(Nanos::from_millis(120)),
            max: Some(Nanos::from_millis(125)),
        }),
        offloaded: Some(vec![pattern("work.*"), pattern("report.*")]),
        ..Expectations::default()
    }
}

fn pattern(glob: &str) -> GlobMatcher {
    Glob::new(glob).expect("a pattern").compile_matcher()
}
