//! Levels of records, loggers and handlers: Python's numbers under Python's names.

use std::fmt;

use crate::host::tracing;

/// How serious a record is, or from where on records count. Python's numbers: there is room between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(u8);

impl Level {
    /// For a logger: whatever its parent says. For a handler: everything.
    pub const NOTSET: Level = Level(0);
    /// Details for somebody who hunts a bug.
    pub const DEBUG: Level = Level(10);
    /// What goes on, as expected.
    pub const INFO: Level = Level(20);
    /// Something unexpected; the program goes on.
    pub const WARNING: Level = Level(30);
    /// Something failed.
    pub const ERROR: Level = Level(40);
    /// The program may be unable to go on.
    pub const CRITICAL: Level = Level(50);

    /// A level of one's own.
    pub const fn new(number: u8) -> Level {
        Level(number)
    }

    /// The number, as in Python.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// As the trace has it: the next lower one that has a name.
    pub(crate) fn traced(self) -> tracing::Level {
        match self.0 {
            ..20 => tracing::Level::Debug,
            20..30 => tracing::Level::Info,
            30..40 => tracing::Level::Warning,
            40..50 => tracing::Level::Error,
            50.. => tracing::Level::Critical,
        }
    }
}

/// As `logging.getLevelName` has it.
impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.pad("NOTSET"),
            10 => f.pad("DEBUG"),
            20 => f.pad("INFO"),
            30 => f.pad("WARNING"),
            40 => f.pad("ERROR"),
            50 => f.pad("CRITICAL"),
            number => write!(f, "Level {number}"),
        }
    }
}

impl From<log::Level> for Level {
    fn from(level: log::Level) -> Level {
        match level {
            log::Level::Error => Level::ERROR,
            log::Level::Warn => Level::WARNING,
            log::Level::Info => Level::INFO,
            log::Level::Debug => Level::DEBUG,
            log::Level::Trace => Level(5),
        }
    }
}

impl From<tracing::Level> for Level {
    fn from(level: tracing::Level) -> Level {
        match level {
            tracing::Level::Debug => Level::DEBUG,
            tracing::Level::Info => Level::INFO,
            tracing::Level::Warning => Level::WARNING,
            tracing::Level::Error => Level::ERROR,
            tracing::Level::Critical => Level::CRITICAL,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_pythons_names_and_numbers() {
        let named = [
            (Level::NOTSET, 0, "NOTSET"),
            (Level::DEBUG, 10, "DEBUG"),
            (Level::INFO, 20, "INFO"),
            (Level::WARNING, 30, "WARNING"),
            (Level::ERROR, 40, "ERROR"),
            (Level::CRITICAL, 50, "CRITICAL"),
            (Level::new(25), 25, "Level 25"),
        ];
        for (level, number, name) in named {
            assert_eq!((level.number(), level.to_string()), (number, name.to_owned()));
        }
        assert!(named[..6].is_sorted());
    }
}
