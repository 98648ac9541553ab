//! The signals of the simulated machine: names, Linux's numbers, default actions.
//!
//! Only signals that one process sends to another on purpose are here. Those that report a fault of the
//! program (SIGSEGV, SIGFPE ...) are traps in WebAssembly, and job control has no terminal to act on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A signal of the simulated machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Signal(u8);

/// What a signal does to a process that has no handler for it (signal(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultAction {
    /// The process ends at once, with no clean-up.
    Terminate,
    /// Nothing happens.
    Ignore,
}

use DefaultAction::{Ignore, Terminate};

/// Name, number on Linux (x86 and arm), default action; by number.
const TABLE: [(&str, u8, DefaultAction); 13] = [
    ("SIGHUP", 1, Terminate),
    ("SIGINT", 2, Terminate),
    ("SIGQUIT", 3, Terminate),
    ("SIGABRT", 6, Terminate),
    ("SIGKILL", 9, Terminate),
    ("SIGUSR1", 10, Terminate),
    ("SIGUSR2", 12, Terminate),
    ("SIGPIPE", 13, Terminate),
    ("SIGALRM", 14, Terminate),
    ("SIGTERM", 15, Terminate),
    ("SIGCHLD", 17, Ignore),
    ("SIGCONT", 18, Ignore),
    ("SIGWINCH", 28, Ignore),
];

impl Signal {
    /// What a program that fails badly ends with.
    pub const SIGABRT: Signal = Signal(6);
    /// A child has ended.
    pub const SIGCHLD: Signal = Signal(17);
    /// Interrupt from the keyboard.
    pub const SIGINT: Signal = Signal(2);
    /// Kill: cannot be caught.
    pub const SIGKILL: Signal = Signal(9);
    /// The polite request to end.
    pub const SIGTERM: Signal = Signal(15);

    /// The signal of this number, if the machine has it.
    pub fn from_number(number: u8) -> Option<Signal> {
        TABLE.iter().any(|row| row.1 == number).then_some(Signal(number))
    }

    /// Linux's number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The name with its `SIG`.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// What happens when there is no handler.
    pub fn default_action(self) -> DefaultAction {
        self.row().2
    }

    /// False for SIGKILL, which no handler sees.
    pub fn can_be_caught(self) -> bool {
        self != Signal::SIGKILL
    }

    /// All names, for error messages.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TABLE.iter().map(|row| row.0)
    }

    fn row(self) -> &'static (&'static str, u8, DefaultAction) {
        TABLE.iter().find(|row| row.1 == self.0).expect("a Signal is only made from the table")
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text is no signal of the machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a signal: use one of {names}", names = Signal::names().collect::<Vec<_>>().join(", "))]
pub struct UnknownSignal(String);

impl FromStr for Signal {
    type Err = UnknownSignal;
    fn from_str(name: &str) -> Result<Signal, UnknownSignal> {
        TABLE
            .iter()
            .find(|row| row.0 == name)
            .map(|row| Signal(row.1))
            .ok_or_else(|| UnknownSignal(name.into()))
    }
}

impl TryFrom<String> for Signal {
    type Error = UnknownSignal;
    fn try_from(name: String) -> Result<Signal, UnknownSignal> {
        name.parse()
    }
}

impl From<Signal> for String {
    fn from(signal: Signal) -> String {
        signal.name().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_to_each_other() {
        for name in Signal::names() {
            let signal: Signal = name.parse().expect("in the table");
            assert_eq!(Signal::from_number(signal.number()), Some(signal));
            assert_eq!(signal.name(), name);
        }
        assert_eq!(Signal::from_number(11), None);
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = "SIGTREM".parse::<Signal>().expect_err("not a signal").to_string();
        assert!(
            error.starts_with("`SIGTREM` is not a signal: use one of SIGHUP, SIGINT"),
            "{error}"
        );
    }
}
