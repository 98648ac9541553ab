//! Work for pools of workers: `run_in_executor`, [`ThreadPoolExecutor`], the default executor.
//!
//! A job shares the program's memory, and wasm has no threads here. So the machine decides in virtual time
//! when a worker is free, and the loop then runs the job in place, to its end, on the worker's clock: neither
//! its CPU time nor its blocking calls delay the loop, and its result arrives when the worker is done. What a
//! job changes is changed at its start. What it wakes is woken at the worker's time.
//!
//! A job may wait for another job, which then runs on top of it. It cannot wait for the loop, which stands still
//! while the job runs.
//!
//! - [`Job`] is what `loop.run_in_executor` gives: a future for the loop. Dropping it is cancelling it.
//! - [`JobFuture`] is what `executor.submit` gives: a `concurrent.futures.Future`, whose `result()` blocks the
//!   thread that calls it.
//!
//! A job whose function returns an `Err` has failed ([`JobResult`]).

mod default;
mod future;
mod job;
mod thread_pool;
mod work;

#[cfg(test)]
mod tests;

pub use default::{
    Executor, executor_job, run_in_executor, set_default_executor, shutdown_default_executor,
    to_thread, try_run_in_executor, unblock,
};
pub use future::JobFuture;
pub use job::Job;
pub use thread_pool::ThreadPoolExecutor;
pub use work::JobResult;

pub(crate) use default::{job_left, join_default, open_default};
pub(crate) use thread_pool::{join_at_exit, note_end};
pub(crate) use work::PoolJob;
