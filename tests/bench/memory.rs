//! How much memory many sandboxes take that are alive at the same time, and how much a task takes inside one.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use loopbox_machine::config::Limits;
use loopbox_machine::{Config, Sandbox, Settings};
use loopbox_trace::Stream;

use crate::guests::Guests;
use crate::workloads::box_config;

/// The growth of this process's resident memory, in bytes, with so many runs of *box* under way: each in the
/// midst of its CPU burst, where it yields to the host, with all of its tasks, jobs and trace alive.
pub fn of_many_sandboxes(guests: &Guests, count: u32) -> Result<f64, Box<dyn Error>> {
    let sandbox = Sandbox::new(&Settings {
        runs_at_once: count,
        processes_per_run: 1,
        ..Settings::default()
    })?;
    let program = sandbox.load(&guests.wasm("service_box")?)?;
    let config = Arc::new(Config { args: vec!["--burn".into()], ..box_config(true) });
    let before = resident_bytes()?;
    let mut runs: Vec<Pin<Box<dyn Future<Output = _>>>> = Vec::new();
    for seed in 0..count {
        let mut run = Box::pin(sandbox.run(&program, &config, u64::from(seed)));
        let polled = run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Pending), "the run yields in its burst");
        runs.push(run);
    }
    let after = resident_bytes()?;
    Ok((after - before) as f64)
}

/// Bytes of the guest's memory for each of 100,000 tasks that wait, beyond the task's own future, with tracing
/// and debug mode on.
pub fn of_a_task(guests: &Guests) -> Result<f64, Box<dyn Error>> {
    let sandbox = Sandbox::new(&Settings { processes_per_run: 1, ..Settings::default() })?;
    let program = sandbox.load(&guests.wasm("many_tasks")?)?;
    let limits = Limits { memory_bytes: 1 << 30, trace_events: 10_000_000, ..Limits::default() };
    let config = Arc::new(Config { debug: true, limits, ..Config::default() });
    let run = smol::block_on(sandbox.run(&program, &config, 0));
    let output = run.trace.output(Stream::Stdout);
    let mut numbers = output.split_whitespace().filter_map(|word| word.parse::<f64>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(task), Some(future)) => Ok(task - future),
        _ => Err(format!("many_tasks printed {output:?} and {}", run.trace.ending).into()),
    }
}

fn resident_bytes() -> Result<u64, Box<dyn Error>> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split_whitespace().nth(1).ok_or("/proc/self/statm has no second field")?;
    Ok(pages.parse::<u64>()? * 4096)
}
