//! `cargo bench`: how fast the machine is and how much memory it takes, beside its native peers.
//!
//! Times of different runs, let alone of different computers, cannot be compared; so every sample of ours
//! stands beside one of each peer, in turn, and figures are medians with their spread. The peers
//! (`tests/peers`) run native code in one address space; they start no sandbox and count no CPU time.
//!
//! What is not measured: compiling guests, reading scenarios, writing results. `--quick` takes few samples,
//! to see that everything works; parts of names choose workloads: `cargo bench -- --quick ring`; the viewer alone,
//! which needs Chromium, is `cargo bench -- viewer`, and Python guests alone are `cargo bench -- python`.

#[path = "../browser/chromium.rs"]
#[expect(dead_code, reason = "the browser's tests use the rest")]
mod chromium;
mod guests;
mod memory;
mod peers;
mod python;
mod report;
#[path = "../support/mod.rs"]
mod support;
mod viewer;
#[path = "../browser/viewer.rs"]
#[expect(dead_code, reason = "the browser's tests use the rest")]
mod viewer_process;
mod workloads;

use std::error::Error;
use std::process::ExitCode;

use crate::report::Report;

/// A target of the project and whether the median meets it.
const TARGETS: [(&str, f64); 18] = [
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
    // 200 runs a second.
    (python::SMALLEST, 5_000_000.0),
    (python::YIELD, 15_000.0),
    (python::MANY, 300_000_000.0),
    (viewer::OPEN, 1_500.0),
    // 60 frames a second, as exactly as a browser's clock tells.
    (viewer::PAN_ALL, 16.8),
    (viewer::PAN_PART, 16.8),
    (viewer::MEMORY, 10.0),
    (viewer::SIZE, 307_200.0),
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
    let mut report = Report::default();
    if names == ["viewer"] {
        viewer::sample(samples, &mut report)?;
        return Ok(report);
    }
    if names == ["python"] {
        python::sample(samples, &mut report)?;
        return Ok(report);
    }
    report::line("building the guests and the native peers ...");
    let guests = guests::build()?;
    let peers = peers::build()?;
    let mut workloads = workloads::all(&guests)?;
    let wanted = |name: &str| names.is_empty() || names.iter().any(|part| name.contains(part));
    workloads.retain(|workload| wanted(workload.name));
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
    if names.is_empty() {
        python::sample(samples, &mut report)?;
        viewer::sample(samples, &mut report)?;
    }
    Ok(report)
}
