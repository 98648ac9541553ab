//! Logging, as in Python's `logging`: loggers, levels, handlers; and the logger "asyncio" of the loop.
//!
//! A program that sets nothing up has what Python has: the root's level is WARNING, and records from there on
//! go to standard error through the *handler of last resort*, the message alone. The loop's reports go through
//! the logger `asyncio`, whose own level is NOTSET (so that WARNING is in effect):
//! `get_logger("asyncio").set_level(Level::ERROR)` silences its warnings. Reports that only a simulator can make
//! go through the logger `loopbox`, which does not propagate: they must not take the time of the program's
//! handlers.
//!
//! The macros of the `log` crate (`log::info!(target: "app", ...)`) feed the logger of their target.
//!
//! **The trace** has every record of the program from DEBUG on, and every report of the loop, whether or not a
//! level or a handler lets it through: what is missing on standard error was filtered.
//!
//! Missing on purpose: filters, `logging.config`, formats with dates, and loggers shared between processes.

use std::fmt;

use crate::host::tracing;

mod format;
mod handler;
mod level;
mod logger;
mod network;
mod queue;
mod record;

pub use format::{FormatError, Formatter};
pub use handler::{EmitError, Handler, StreamHandler};
pub use level::Level;
pub use logger::{HandlerId, Logger, get_logger, root};
pub use network::NetworkHandler;
pub use queue::{LogQueue, Overflow, QueueHandler, QueueListener};
pub use record::Record;

pub(crate) use handler::write_line;
pub(crate) use logger::is_traced;

/// The format of [`basic_config`] unless told. Like `logging.BASIC_FORMAT`.
pub const BASIC_FORMAT: &str = "%(levelname)s:%(name)s:%(message)s";

/// Gives the root a handler for standard error and this level, unless the root has a handler already. Like
/// `logging.basicConfig(level=level)`; for another format add a [`StreamHandler`] with a [`Formatter`].
pub fn basic_config(level: Level) {
    let root = root();
    if root.has_handlers() {
        return;
    }
    if let Ok(formatter) = Formatter::new(BASIC_FORMAT) {
        root.add_handler(StreamHandler::new().with_formatter(formatter));
    }
    root.set_level(level);
}

/// Sends the `log` crate's records here, unless the program has a logger of its own. The loop does this when
/// it starts.
pub fn init() {
    if log::set_logger(&Bridge).is_ok() {
        refresh_max_level();
    }
    note("asyncio", Level::DEBUG, format_args!("Using selector: EpollSelector"));
}

/// The loop is about to close.
pub(crate) fn shutdown() {
    queue::report_all();
}

/// A report of ours about logging itself.
fn report(code: &str, text: &str) {
    if !tracing::wants(code) {
        return;
    }
    if is_traced() {
        tracing::diagnostic(&tracing::Report {
            code: code.into(),
            level: tracing::Level::Warning,
            logger: logger::LOOPBOX.into(),
            text: text.into(),
            created: None,
            died: None,
        });
    }
    handle(logger::LOOPBOX, Level::WARNING, text);
}

/// A report of the loop, which is a diagnostic in the trace already: to the handlers of this logger, if its
/// level permits.
pub(crate) fn handle(logger: &str, level: impl Into<Level>, text: &str) {
    let (logger, level) = (get_logger(logger), level.into());
    if logger.is_enabled_for(level) {
        logger.handle(level, text.to_owned());
    }
}

/// A plain record of the loop, as asyncio makes them at DEBUG and INFO: if its level permits, it goes into the
/// trace and to the handlers of this logger. It is made into text only then.
pub(crate) fn note(logger: &str, level: Level, text: fmt::Arguments<'_>) {
    let logger = get_logger(logger);
    if logger.is_enabled_for(level) {
        logger.log(level, text);
    }
}

/// The `log` crate asks whether it need make a record at all.
fn refresh_max_level() {
    let lowest = if logger::is_traced() { Level::DEBUG } else { logger::lowest_level() };
    let filter = match lowest.min(logger::lowest_level()).number() {
        ..10 => log::LevelFilter::Trace,
        10..20 => log::LevelFilter::Debug,
        20..30 => log::LevelFilter::Info,
        30..40 => log::LevelFilter::Warn,
        40..50 => log::LevelFilter::Error,
        50.. => log::LevelFilter::Off,
    };
    log::set_max_level(filter);
}

/// From the `log` crate to our loggers.
struct Bridge;

impl log::Log for Bridge {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            // A target that nobody has given is the module's path: Python's dots for Rust's colons.
            let name = record.target().replace("::", ".");
            get_logger(&name).log(record.level().into(), record.args());
        }
    }

    fn flush(&self) {}
}

#[cfg(test)]
mod tests;
