//! The workloads of Loopbox's benchmark on other simulators.
//!
//! The bench harness starts this program and shows its figures beside Loopbox's own of the same run, since
//! figures of different runs, let alone machines, cannot be compared. One line of JSON is printed for
//! every sample:
//!
//! ```json
//! {"peer":"tokio paused","workload":"ring","unit":"ns/hop","value":123.4,"version":"1.54.1"}
//! ```
//!
//! The samples are interleaved, each peer once and then again from the first, so that noise hits all
//! alike. This is no contest of equals: the peers run native code in one address space, start no sandbox
//! and count no CPU time. It must be built in its own directory, see `.cargo/config.toml`.

#[cfg(not(madsim))]
compile_error!("start cargo in tests/peers: its .cargo/config.toml sets `--cfg madsim`");

mod benches;
mod peer;
mod workload;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser;

/// Runs Loopbox's bench workloads on other simulators and prints one line of JSON a sample.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Samples of each workload on each peer.
    #[arg(long, default_value_t = 5)]
    samples: u32,
    /// A tenth of the work: to see that it runs, not to compare.
    #[arg(long)]
    quick: bool,
}

fn main() -> ExitCode {
    let Arguments { samples, quick } = Arguments::parse();
    let mut out = io::stdout().lock();
    let printed = benches::run_all(samples, quick, |sample| {
        serde_json::to_writer(&mut out, sample)?;
        writeln!(out)?;
        // The harness shows progress; it must not wait for a full buffer.
        out.flush()
    });
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        // Who listened has heard enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            // If standard error is gone as well, the exit code must do.
            let _ = writeln!(io::stderr(), "peers: cannot print a sample: {error}");
            ExitCode::FAILURE
        }
    }
}
