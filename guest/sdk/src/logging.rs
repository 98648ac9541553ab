//! The `log` crate's records: into the trace, and on standard error as Python does without any set-up.
//!
//! Python's `logging` has a *handler of last resort*, which writes records from WARNING on to standard error,
//! the message alone. All records from `Debug` on reach the trace; the logger is the record's target.

use std::io::{self, Write};

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::event_loop;
use crate::host::tracing;

/// Sends the `log` crate's records here, unless the program has a logger of its own. The loop does this when
/// it starts.
pub fn init() {
    if log::set_logger(&Logger).is_ok() {
        let traced = event_loop::with(|event_loop| event_loop.watch.is_traced());
        log::set_max_level(if traced { LevelFilter::Debug } else { LevelFilter::Warn });
    }
}

/// Writes a line to standard error.
pub(crate) fn last_resort(text: &str) {
    // Nobody is left to tell about a standard error that is broken.
    let _ = writeln!(io::stderr(), "{text}");
}

struct Logger;

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let text = record.args().to_string();
        if event_loop::with(|event_loop| event_loop.watch.is_traced()) {
            tracing::log(trace_level(record.level()), tracing::intern(record.target()), &text);
        }
        if record.level() <= Level::Warn {
            last_resort(&text);
        }
    }

    fn flush(&self) {}
}

fn trace_level(level: Level) -> tracing::Level {
    match level {
        Level::Error => tracing::Level::Error,
        Level::Warn => tracing::Level::Warning,
        Level::Info => tracing::Level::Info,
        Level::Debug | Level::Trace => tracing::Level::Debug,
    }
}
