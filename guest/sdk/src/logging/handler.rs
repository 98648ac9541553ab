//! Handlers: where records go.

use std::io::{self, Write};
use std::rc::Rc;

use super::{Formatter, Level, Record};
use crate::host::tracing;

/// Takes records of the loggers that it is added to. Like `logging.Handler`.
///
/// It runs in place, on the thread that logs: if it blocks, that thread is blocked. On the loop's thread the
/// trace and a report blame the handler, not the task that logged.
pub trait Handler {
    /// Deals with a record of at least its level.
    ///
    /// # Errors
    /// A failure is written to standard error as Python's `handleError` does, and the program goes on.
    fn emit(&self, record: &Record) -> Result<(), EmitError>;

    /// Its name for people, such as `StreamHandler <stderr>`.
    fn describe(&self) -> String;

    /// Records below this level are not for it.
    fn level(&self) -> Level {
        Level::NOTSET
    }
}

/// Why a handler could not deal with a record: the last line of Python's traceback.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmitError {
    /// The queue of a [`QueueHandler`](super::QueueHandler) is full.
    #[error("queue.Full")]
    Full,
    /// The sink refused it, with this text.
    #[error("OSError: {0}")]
    Os(String),
    /// Anything else, in the words of the handler.
    #[error("{0}")]
    Other(String),
}

impl<H: Handler + ?Sized> Handler for Rc<H> {
    fn emit(&self, record: &Record) -> Result<(), EmitError> {
        (**self).emit(record)
    }

    fn describe(&self) -> String {
        (**self).describe()
    }

    fn level(&self) -> Level {
        (**self).level()
    }
}

/// What `logging.Handler.handle` does: lets the handler deal with the record, and looks at how it came out.
pub(super) fn handle(handler: &dyn Handler, record: &Record) {
    let traced = super::is_traced();
    if traced {
        let (name, logger) = (handler.describe(), &record.name);
        tracing::handler_begin(tracing::intern(&name), tracing::intern(logger));
    }
    let result = handler.emit(record);
    if traced {
        tracing::handler_end();
    }
    if let Err(error) = result {
        let message = record.message.replace('\\', "\\\\").replace('\'', "\\'");
        write_line(&format!("--- Logging error ---\n{error}\nMessage: '{message}'\nArguments: ()"));
    }
}

/// Writes a line to standard error.
pub(crate) fn write_line(text: &str) {
    // Nobody is left to tell about a standard error that is broken.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Writes to standard error. Like `logging.StreamHandler()`.
#[derive(Clone, Debug, Default)]
pub struct StreamHandler {
    level: Level,
    formatter: Formatter,
}

impl StreamHandler {
    /// One that takes everything, and writes the message alone.
    pub fn new() -> StreamHandler {
        StreamHandler::default()
    }

    /// Takes records from this level on. Like `setLevel`.
    pub fn with_level(mut self, level: Level) -> StreamHandler {
        self.level = level;
        self
    }

    /// Writes them in this form. Like `setFormatter`.
    pub fn with_formatter(mut self, formatter: Formatter) -> StreamHandler {
        self.formatter = formatter;
        self
    }
}

impl Handler for StreamHandler {
    fn emit(&self, record: &Record) -> Result<(), EmitError> {
        let line = self.formatter.format(record);
        writeln!(io::stderr(), "{line}").map_err(|error| EmitError::Os(error.to_string()))
    }

    fn describe(&self) -> String {
        "StreamHandler <stderr>".into()
    }

    fn level(&self) -> Level {
        self.level
    }
}
