//! The Python guests of the benchmark, beside native CPython and the simulators simloop and simloom.
//!
//! All run one file, `python/workloads.py`. The simulators live in a virtual environment under `target`, made here; they need
//! Python 3.12 or later (`LOOPBOX_BENCH_PYTHON` names one), and without it there are only our own figures.
//! `cargo bench -- python` measures this alone.

use std::collections::BTreeSet;
use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use loopbox::cache::Cache;
use loopbox::guests::{self, Buildable};
use loopbox::programs::{Programs, Ready};
use loopbox_machine::Config;

use crate::guests::workspace;
use crate::report::{self, Report};
use crate::workloads::{Workload, plain};

/// A small program, start to end, its component compiled before.
pub const SMALLEST: &str = "python: smallest, one sleep; traced";
/// One turn of the loop with one step of a task.
pub const YIELD: &str = "python: sleep(0); tracing off";
/// Memory that programs which are alive at once do not share.
pub const MANY: &str = "python: 100 programs at once";

/// The simulators' releases that are compared.
const SIMULATORS: [&str; 2] = ["simloop==0.2.2", "simloom==0.5.0"];

/// The interpreters that may serve, the newest first.
const INTERPRETERS: [&str; 5] = ["python3.14", "python3.13", "python3.12", "python3", "python"];

const NEW_ENOUGH: &str = "import sys; sys.exit(sys.version_info < (3, 12))";

/// Programs alive at once for [`MANY`].
const ALIVE: u32 = 100;

/// As the machine prices a Python program whose scenario says nothing of it.
const PS_PER_FUEL: u64 = 30;

/// The name in the report, that in `workloads.py`, the unit, runs in a sample, units in a run, tracing.
const WORKLOADS: [(&str, &str, &str, u32, f64, bool); 8] = [
    (SMALLEST, "smallest", "ns/run", 100, 1.0, true),
    ("python: smallest, one sleep; tracing off", "smallest", "ns/run", 100, 1.0, false),
    (YIELD, "yields", "ns/turn", 1, 20_000.0, false),
    ("python: sleep(0); traced", "yields", "ns/turn", 1, 20_000.0, true),
    ("python: ring; tracing off", "ring", "ns/hop", 1, 20_000.0, false),
    ("python: ring; traced", "ring", "ns/hop", 1, 20_000.0, true),
    ("python: tickers; tracing off", "tickers", "ns/firing", 1, 36_000.0, false),
    ("python: tickers; traced", "tickers", "ns/firing", 1, 36_000.0, true),
];

/// Samples everything into the report.
pub fn sample(samples: u32, report: &mut Report) -> Result<(), Box<dyn Error>> {
    report::line("building the Python guest and its peers ...");
    let ready = guest()?;
    let python = simulators()?;
    if python.is_none() {
        report::line("no Python 3.12 or later: LOOPBOX_BENCH_PYTHON can name one for the peers");
    }
    let workloads = WORKLOADS.map(|(name, workload, unit, runs, per_run, traced)| {
        let config = config(workload, traced);
        Workload::new(name, unit, runs, per_run, &ready.sandbox, &ready.program, config)
    });
    for sample in 1..=samples {
        report::line(&format!("sample {sample} of {samples}"));
        for workload in &workloads {
            report.add("loopbox", workload.name, workload.unit, workload.sample());
        }
        if let Some(python) = &python {
            peers(python, report)?;
        }
    }
    report.add("loopbox", MANY, "bytes", of_many()?);
    Ok(())
}

/// The guest, ready to be run.
fn guest() -> Result<Ready, Box<dyn Error>> {
    guest_for(1)
}

fn guest_for(runs_at_once: u32) -> Result<Ready, Box<dyn Error>> {
    let cache = Cache::of_environment();
    let wanted = BTreeSet::from([Buildable::Python(script())]);
    let mut built = smol::block_on(guests::build(&wanted, cache.root()));
    let (_, component) = built.pop_first().expect("it was wanted");
    let component = component?;
    let programs = Programs::new(cache, runs_at_once);
    Ok(smol::block_on(programs.ready(&component, 32 << 20))?)
}

fn script() -> PathBuf {
    workspace().join("tests/bench/python/workloads.py")
}

fn config(workload: &str, traced: bool) -> Config {
    let args = vec![workload.to_owned()];
    Config { args, program_name: "workloads".into(), ps_per_fuel: PS_PER_FUEL, ..plain(traced) }
}

/// A Python with the simulators, in an environment of the benchmark's own.
fn simulators() -> Result<Option<PathBuf>, Box<dyn Error>> {
    let given = env::var_os("LOOPBOX_BENCH_PYTHON").into_iter();
    let mut candidates = given.chain(INTERPRETERS.map(OsString::from));
    let is_new = |python: &OsString| {
        let mut probe = Command::new(python);
        probe.args(["-c", NEW_ENOUGH]).output().is_ok_and(|output| output.status.success())
    };
    let Some(python) = candidates.find(is_new) else {
        return Ok(None);
    };
    let folder = workspace().join("target/bench-python");
    let own = folder.join("bin/python");
    let imports = Command::new(&own).args(["-c", "import simloop, simloom"]).output();
    if imports.is_ok_and(|output| output.status.success()) {
        return Ok(Some(own));
    }
    run(Command::new(python).args(["-m", "venv", "--clear"]).arg(&folder))?;
    run(Command::new(&own).args(["-m", "pip", "install", "--quiet"]).args(SIMULATORS))?;
    Ok(Some(own))
}

/// One sample of every workload on every peer that can run it.
fn peers(python: &Path, report: &mut Report) -> Result<(), Box<dyn Error>> {
    for (name, workload, unit, _, _, traced) in WORKLOADS {
        // Who records nothing is compared with us when we record nothing.
        if traced != (name == SMALLEST) {
            continue;
        }
        for peer in ["simloop", "simloom", "cpython"] {
            let value = match (peer, workload) {
                // In real time it would take ten minutes.
                ("cpython", "tickers") => continue,
                ("cpython", "smallest") => {
                    let begin = Instant::now();
                    run(Command::new(python).arg(script()).arg(workload))?;
                    // Less the second that it sleeps.
                    begin.elapsed().as_secs_f64() * 1e9 - 1e9
                }
                _ => run(Command::new(python).arg(script()).args([workload, peer]))?
                    .trim()
                    .parse()?,
            };
            report.add(peer, name, unit, value);
        }
    }
    Ok(())
}

/// Runs a command to its end; returns what it printed.
fn run(command: &mut Command) -> Result<String, Box<dyn Error>> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The growth of what this process has written to and shares with nobody, in bytes, with so many programs under way:
/// each in the midst of its work, where it yields to the host.
fn of_many() -> Result<f64, Box<dyn Error>> {
    let Ready { sandbox, program, .. } = guest_for(ALIVE)?;
    let config = Arc::new(config("yields", true));
    let before = dirty_bytes()?;
    let mut runs: Vec<Pin<Box<dyn Future<Output = _>>>> = Vec::new();
    for seed in 0..ALIVE {
        let mut run = Box::pin(sandbox.run(&program, &config, u64::from(seed)));
        for _ in 0..8 {
            let polled = run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(polled, Poll::Pending), "the run yields in its work");
        }
        runs.push(run);
    }
    Ok(dirty_bytes()? - before)
}

fn dirty_bytes() -> Result<f64, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/self/smaps_rollup")?;
    let line = text.lines().find_map(|line| line.strip_prefix("Private_Dirty:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kilobytes: f64 = kilobytes.ok_or("smaps_rollup has no Private_Dirty")?.trim().parse()?;
    Ok(kilobytes * 1024.0)
}
