//! A log record: what handlers get.

use std::rc::Rc;
use std::time::Duration;

use super::Level;
use crate::host::clock;

/// What was logged. The message is text already, as after `QueueHandler.prepare`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The logger that the program called.
    pub name: Rc<str>,
    /// How serious it is.
    pub level: Level,
    /// The message.
    pub message: String,
    /// When it was made, on the clock of the thread that logged.
    pub created: Duration,
}

impl Record {
    pub(super) fn new(name: Rc<str>, level: Level, message: String) -> Record {
        Record { name, level, message, created: Duration::from_nanos(clock::now()) }
    }
}
