//! What happened in a run, and what follows from it.
//!
//! A [`Trace`] is the list of a run's [`Event`]s on [`Lane`]s of virtual time. This crate holds that
//! model, its forms (the stored form of [`store`], the golden text of [`golden`], the [`columns`] that the
//! viewer loads, the [`chrome`] form for other viewers), the functions that judge it ([`measure`], [`check`], [`diff`], [`issues`]), and [`search`]. A
//! [`record`] is what is kept of a run beside its trace, and [`findings`] compares two of them.
//!
//! It knows neither the machine that makes traces nor the command that shows them, so a verdict can
//! be computed again from a stored trace, by anyone, anywhere.

pub mod check;
pub mod chrome;
pub mod codes;
pub mod columns;
pub mod diff;
pub mod findings;
pub mod golden;
mod intact;
pub mod issues;
pub mod measure;
mod merge;
pub mod model;
pub mod nanos;
pub mod record;
pub mod search;
pub mod signal;
pub mod store;
#[cfg(test)]
mod testing;
pub mod text;

pub use intact::Missing;
pub use model::{
    Diagnostic, Ending, Event, EventKind, ExitStatus, Group, JobId, Label, Lane, Level, Limit,
    Outcome, PoolId, Stream, TaskId, Trace,
};
pub use nanos::Nanos;
pub use signal::{DefaultAction, Signal};
