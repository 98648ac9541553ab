//! Half of the twins: this program and the one in Python, `guest/programs/python/twins`, do the same, and the
//! scenarios in `scenarios/twins` hold both to one golden.
//!
//! Whoever changes a behaviour here changes it there. Names that a trace shows (tasks, jobs, callbacks, loggers)
//! are the same on both sides. A mode is one behaviour; `tasks`, `outside` and `reports` have them, and so do the modules
//! of the other half.

mod outside;
mod reports;
mod tasks;

use std::time::Duration;

use loopbox_guest::{exit, run};
use loopbox_programs::Options;

fn main() {
    let mut options = Options::from_env();
    let mode = options.word().unwrap_or_default();
    options.end();
    match mode.as_str() {
        "timers" => run(tasks::timers()),
        "cancellation" => run(tasks::cancellation()),
        "timeouts" => run(tasks::timeouts()),
        "group" => run(tasks::group()),
        "queue" => run(tasks::queue()),
        "lock" => run(tasks::lock()),
        "stall" => run(outside::stall()),
        "drain" => run(outside::drain()),
        "twice" => run(outside::twice()),
        "pool" => run(outside::pool()),
        "message" => run(outside::message()),
        "on-loop" => run(outside::on_loop()),
        "offloaded" => run(outside::offloaded()),
        "child" => outside::child(),
        "processes" => run(outside::processes()),
        "pipes" => run(outside::pipes()),
        "echo" => outside::echo(),
        "never-retrieved" => run(reports::never_retrieved()),
        "never-awaited" => run(reports::never_awaited()),
        "log" => run(reports::log()),
        "deadlock" => run(reports::deadlock()),
        _ => {
            eprintln!("unknown mode {mode:?}");
            exit(2);
        }
    }
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
