//! Calls that block the thread that makes them.
//!
//! The scenario says how long each takes and what it returns. On the loop such a call is a stall, which the
//! trace shows; in a job ([`run_in_executor`](crate::run_in_executor)) it costs the worker's time only. What
//! blocks in the standard library (`std::thread::sleep`, reading standard input or files) does so here, too.

use std::time::Duration;

use crate::host::blocking as host;
use crate::time::to_nanos;

/// Makes the blocking call of this name: a database query, a request, a lock of another process.
///
/// # Errors
/// When the scenario lets the call fail, with its text.
pub fn call(name: &str, payload: impl AsRef<[u8]>) -> Result<Vec<u8>, BlockingError> {
    host::call(name, payload.as_ref()).map_err(BlockingError)
}

/// Takes CPU time without computing anything: the thread's clock advances as if it had. For models of load;
/// real code is charged for what it does.
pub fn compute(duration: Duration) {
    host::compute(to_nanos(duration));
}

/// A blocking call that the scenario lets fail: the text of the error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BlockingError(String);
