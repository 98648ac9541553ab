//! Several errors as one: Python's `ExceptionGroup`.

use std::fmt::{self, Write};
use std::sync::Arc;

use super::{AsException, Exception, Inner, quote};

/// What several tasks failed with. A [`TaskGroup`](crate::TaskGroup) gives it.
///
/// Like [`Exception`] it is no [`std::error::Error`], and `?` turns it into an `Exception`.
#[derive(Clone)]
pub struct ExceptionGroup(Exception);

impl ExceptionGroup {
    /// These errors, at least one, under a common message.
    pub(crate) fn new(message: &str, exceptions: Vec<Exception>) -> ExceptionGroup {
        let mut shown = String::new();
        for exception in &exceptions {
            let separator = if shown.is_empty() { "" } else { ", " };
            // Writing to a String cannot fail.
            let _ = write!(shown, "{separator}{exception:?}");
        }
        let plural = if exceptions.len() == 1 { "" } else { "s" };
        ExceptionGroup(Exception(Arc::new(Inner {
            kind: "ExceptionGroup".into(),
            text: format!("{message} ({} sub-exception{plural})", exceptions.len()),
            arguments: format!("{}, [{shown}]", quote(message)),
            raised: None,
            cause: None,
            group: exceptions,
        })))
    }

    /// The errors, in the order in which they came. Like `group.exceptions`.
    pub fn exceptions(&self) -> &[Exception] {
        &self.0.0.group
    }
}

/// Python's `repr`.
impl fmt::Debug for ExceptionGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Python's `str`: `unhandled errors in a TaskGroup (2 sub-exceptions)`.
impl fmt::Display for ExceptionGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl AsException for ExceptionGroup {
    fn as_exception(&self) -> Exception {
        self.0.clone()
    }
}

impl From<ExceptionGroup> for Exception {
    fn from(group: ExceptionGroup) -> Exception {
        group.0
    }
}

/// As Python draws it: the group's own line, then each error in a box.
pub(super) fn traceback(group: &Inner, last_line: &str) -> String {
    let mut text =
        format!("  + Exception Group Traceback (most recent call last):\n  | {last_line}");
    for (index, exception) in group.group.iter().enumerate() {
        let corner = if index == 0 { "  +-" } else { "    " };
        let dashes = "-".repeat(16);
        let _ = write!(text, "\n{corner}+{dashes} {} {dashes}", index + 1);
        for line in exception.traceback().lines() {
            let _ = write!(text, "\n    | {line}");
        }
    }
    text.push_str("\n    +");
    text.push_str(&"-".repeat(36));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_looks_as_in_python() {
        let errors = vec![Exception::new("ValueError", 1), Exception::new("KeyError", "k")];
        let group = ExceptionGroup::new("unhandled errors in a TaskGroup", errors);
        assert_eq!(group.to_string(), "unhandled errors in a TaskGroup (2 sub-exceptions)");
        assert_eq!(
            format!("{group:?}"),
            "ExceptionGroup('unhandled errors in a TaskGroup', [ValueError(1), KeyError('k')])"
        );
        let text = Exception::from(group).traceback();
        let file = file!();
        let lines: Vec<&str> = text.lines().filter(|line| !line.contains(file)).collect();
        let expected = [
            "  + Exception Group Traceback (most recent call last):",
            "  | ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)",
            "  +-+---------------- 1 ----------------",
            "    | Traceback (most recent call last):",
            "    | ValueError: 1",
            "    +---------------- 2 ----------------",
            "    | Traceback (most recent call last):",
            "    | KeyError: 'k'",
            "    +------------------------------------",
        ];
        assert_eq!(lines, expected);
    }
}
