//! The command `loopbox`: reads scenarios, builds their guests, runs them, and says which hold.
//!
//! From the outside in:
//! - [`cli`] is the command line, one module a subcommand; [`exit_code`] and [`report`] are what others
//!   see of it, [`terminal`] is how it is written.
//! - [`session`] runs a selection of scenarios on the threads and under the signals of [`runner`].
//! - [`scenario`] reads scenario files; [`guests`] builds what they name; [`programs`] compiles and loads
//!   that, with [`cache`]; [`execution`] is one run of it, [`judge`] holds a run against its scenario,
//!   [`results`] keeps it.
//! - [`what_if`] runs a kept run's scenario again, with something changed.
//! - [`view`] serves what [`results`] kept to a browser.
//!
//! The machine is `loopbox-machine`'s business, and verdicts are `loopbox-trace`'s. This crate is the only
//! one that reads files and the environment, starts processes, and prints.

pub mod cache;
pub mod cli;
pub mod execution;
pub mod exit_code;
pub mod files;
pub mod guests;
pub mod invocation;
pub mod judge;
pub mod programs;
pub mod report;
pub mod results;
pub mod runner;
pub mod scenario;
pub mod sealed;
pub mod seeds;
pub mod session;
pub mod sha256;
pub mod size;
pub mod terminal;
#[cfg(test)]
mod testing;
pub mod view;
pub mod what_if;
