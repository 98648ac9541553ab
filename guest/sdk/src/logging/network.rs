//! The handler that blocks: records go over a network that the scenario simulates.

use super::handler::{EmitError, Handler};
use super::{Formatter, Level, Record};
use crate::host::blocking;

/// Sends each record to a sink of this name. Like a `SocketHandler` or `HTTPHandler`.
///
/// A record is one blocking call `log.NAME`: the scenario's `[[blocking]]` rules say how long it takes and whether
/// it fails. The thread that logs is blocked for so long, so on the loop's thread this stalls the loop: put a
/// [`QueueHandler`](super::QueueHandler) in front.
#[derive(Clone, Debug)]
pub struct NetworkHandler {
    name: String,
    call: String,
    level: Level,
    formatter: Formatter,
}

impl NetworkHandler {
    /// One that sends everything to the sink of this name, the message alone.
    pub fn new(name: impl Into<String>) -> NetworkHandler {
        let name = name.into();
        let call = format!("log.{name}");
        NetworkHandler { name, call, level: Level::NOTSET, formatter: Formatter::default() }
    }

    /// Takes records from this level on. Like `setLevel`.
    pub fn with_level(mut self, level: Level) -> NetworkHandler {
        self.level = level;
        self
    }

    /// Sends them in this form. Like `setFormatter`.
    pub fn with_formatter(mut self, formatter: Formatter) -> NetworkHandler {
        self.formatter = formatter;
        self
    }
}

impl Handler for NetworkHandler {
    fn emit(&self, record: &Record) -> Result<(), EmitError> {
        let line = self.formatter.format(record);
        blocking::call(&self.call, line.as_bytes()).map(drop).map_err(EmitError::Os)
    }

    fn describe(&self) -> String {
        format!("NetworkHandler {}", self.name)
    }

    fn level(&self) -> Level {
        self.level
    }
}
