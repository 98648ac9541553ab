//! `cargo bench`: how fast the machine is and how much memory it takes, beside its native peers.
//!
//! Times of different runs, let alone of different computers, cannot be compared; so every sample of ours
//! stands beside one of each peer, in turn, and figures are medians with their spread. The peers
//! (`tests/peers`) run native code in one address space; they start no sandbox and count no CPU time.
//!
//! What is not measured: compiling guests, reading scenarios, writing results. `--quick` takes few samples,
//! to see that everything works; parts of names choose workloads: `cargo bench -- --quick ring`.

mod guests;
mod memory;
mod peers;
mod report;
mod workloads;

use std::error::Error;
use std::process::ExitCode;

use crate::report::Report;

/// A target of the project and whether the median meets it.
const TARGETS: [(&str, f64); 10] = [
    ("fresh sandbox, empty main", 25_000.0),
    ("ring, tracing off", 200.0),
    ("ring, tracing on", 400.0),
    ("tickers, tracing off", 700.0),
    ("tickers, tracing on", 1_400.0),
    ("box, burst modelled, traced and judged", 500_000.0),
    ("box, burst modelled, tracing off", 500_000.0),
    ("box, burst executed at 100 ns a unit of fuel", 500_000.0),
    ("1,000 sandboxes at once", 1_073_741_824.0),
    (TASK_MEMORY, 500.0),
];

/// What one of very many tasks takes.
const TASK_MEMORY: &str = "a task of 100,000, tracing and debug on";

fn main() -> ExitCode {
    // Cargo passes `--bench`; people pass `--quick`, and parts of the names of workloads.
    let (flags, names): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let quick = flags.iter().any(|flag| flag == "--quick");
    match run(if quick { 3 } else { 15 }, &names) {
        Ok(report) => {
            report.print(&TARGETS);
            ExitCode::SUCCESS
        }
        Err(error) => {
            report::line(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs the workloads whose names contain one of these texts, and the peers; without any, everything.
fn run(samples: u32, names: &[String]) -> Result<Report, Box<dyn Error>> {
    report::line("building the guests and the native peers ...");
    let guests = guests::build()?;
    let peers = peers::build()?;
    let mut workloads = workloads::all(&guests)?;
    let wanted = |name: &str| names.is_empty() || names.iter().any(|part| name.contains(part));
    workloads.retain(|workload| wanted(workload.name));
    let mut report = Report::default();
    for sample in 1..=samples {
        report::line(&format!("sample {sample} of {samples}"));
        for workload in &workloads {
            report.add("loopbox", workload.name, workload.unit, workload.sample());
        }
        peers::sample(&peers, &mut report)?;
    }
    let many = "1,000 sandboxes at once";
    if wanted(many) {
        report.add("loopbox", many, "bytes", memory::of_many_sandboxes(&guests, 1_000)?);
    }
    if wanted(TASK_MEMORY) {
        report.add("loopbox", TASK_MEMORY, "bytes", memory::of_a_task(&guests)?);
    }
    Ok(report)
}
