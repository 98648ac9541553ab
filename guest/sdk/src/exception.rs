//! Errors, as asyncio speaks of them: a type's name, a text, and the place where it was raised.
//!
//! An [`Exception`] is what a task or future failed with, once nobody needs the error's own type any more. Any
//! [`std::error::Error`] becomes one by `?` or `into()`, which also notes the place. The named errors here are
//! those that asyncio raises itself, with its texts. This is not a general error library: there is no
//! downcasting and no backtrace.

use std::any;
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::signal::SignalError;
use crate::streams::ReadError;

mod group;
mod os;

pub use group::ExceptionGroup;
pub use os::{OsError, OsErrorKind};

/// What something failed with.
///
/// Cheap to clone, and may be sent to another thread. It is no [`std::error::Error`] itself, so that every such
/// error can be turned into it.
#[derive(Clone)]
pub struct Exception(Arc<Inner>);

struct Inner {
    kind: Cow<'static, str>,
    text: String,
    /// What is between the parentheses of its `repr`.
    arguments: String,
    /// Unknown for an error that was only looked at.
    raised: Option<&'static Location<'static>>,
    cause: Option<Exception>,
    /// Only an `ExceptionGroup` has any.
    group: Vec<Exception>,
}

impl Exception {
    /// An error of this type with this text, raised here: `ValueError('x')`.
    #[track_caller]
    pub fn new(kind: impl Into<Cow<'static, str>>, argument: impl Argument) -> Exception {
        let (text, arguments) = (argument.text(), argument.repr());
        let raised = Some(Location::caller());
        Exception(Arc::new(Inner {
            kind: kind.into(),
            text,
            arguments,
            raised,
            cause: None,
            group: Vec::new(),
        }))
    }

    /// An error that is the fault of whoever called from there.
    pub(crate) fn raised_at(
        kind: &'static str,
        text: &'static str,
        place: &'static Location<'static>,
    ) -> Exception {
        let (text, arguments) = (text.to_owned(), quote(text));
        let (kind, raised) = (kind.into(), Some(place));
        Exception(Arc::new(Inner { kind, text, arguments, raised, cause: None, group: Vec::new() }))
    }

    fn of<E>(error: &E, raised: Option<&'static Location<'static>>) -> Exception
    where
        E: Error + 'static,
    {
        let any: &dyn Error = error;
        // Python's has no text.
        let text = if any.is::<crate::TimeoutError>() { String::new() } else { error.to_string() };
        // Some types of ours stand for several of Python's.
        let (kind, arguments) = if let Some(error) = any.downcast_ref::<OsError>() {
            (error.kind().name().into(), error.arguments())
        } else if let Some(error) = any.downcast_ref::<ReadError>() {
            let exception = error.exception();
            (exception.0.kind.clone(), exception.0.arguments.clone())
        } else {
            let arguments = if text.is_empty() { String::new() } else { quote(&text) };
            let kind = any.downcast_ref::<SignalError>().map(|error| error.kind());
            (kind.unwrap_or_else(kind_of::<E>).into(), arguments)
        };
        Exception(Arc::new(Inner { kind, text, arguments, raised, cause: None, group: Vec::new() }))
    }

    /// The same error, raised while that one was handled.
    #[must_use]
    pub fn caused_by(self, cause: Exception) -> Exception {
        let Inner { kind, text, arguments, raised, group, .. } = &*self.0;
        Exception(Arc::new(Inner {
            kind: kind.clone(),
            text: text.clone(),
            arguments: arguments.clone(),
            raised: *raised,
            cause: Some(cause),
            group: group.clone(),
        }))
    }

    /// The name of its type, such as `ValueError`.
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// Where it was raised: where it was made, or where `?` turned an error into it. `None` for an error of
    /// another type, which does not know.
    pub fn raised(&self) -> Option<&'static Location<'static>> {
        self.0.raised
    }

    /// What it was raised for, if it says so.
    pub fn cause(&self) -> Option<&Exception> {
        self.0.cause.as_ref()
    }

    /// As Python shows it at the end of a traceback: `ValueError: x`.
    pub(crate) fn last_line(&self) -> String {
        let Inner { kind, text, arguments, .. } = &*self.0;
        // A traceback names the module, unless it is Python itself.
        let module = match &**kind {
            "CancelledError"
            | "InvalidStateError"
            | "IncompleteReadError"
            | "LimitOverrunError" => "asyncio.exceptions.",
            _ => "",
        };
        match &**kind {
            _ if text.is_empty() => format!("{module}{kind}"),
            // The one type of Python's that shows its key as it would be written.
            "KeyError" => format!("{kind}: {arguments}"),
            _ => format!("{module}{kind}: {text}"),
        }
    }

    /// Like Python's traceback, as far as places are known: one frame for each error of the chain.
    pub(crate) fn traceback(&self) -> String {
        let mut text = String::new();
        if let Some(cause) = self.cause() {
            text.push_str(&cause.traceback());
            text.push_str(
                "\n\nDuring handling of the above exception, another exception occurred:\n\n",
            );
        }
        if !self.0.group.is_empty() {
            text.push_str(&group::traceback(&self.0, &self.last_line()));
            return text;
        }
        if let Some(place) = self.0.raised {
            text.push_str("Traceback (most recent call last):\n");
            text.push_str(&format!("  File \"{}\", line {}\n", place.file(), place.line()));
        }
        text.push_str(&self.last_line());
        text
    }
}

/// Python's `repr`: `ValueError('x')`.
impl fmt::Debug for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.0.kind, self.0.arguments)
    }
}

/// Python's `str`: the text alone.
impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.text)
    }
}

impl<E: Error + 'static> From<E> for Exception {
    #[track_caller]
    fn from(error: E) -> Exception {
        Exception::of(&error, Some(Location::caller()))
    }
}

/// An error that can be shown as an [`Exception`]: every [`std::error::Error`], and `Exception` itself.
pub trait AsException {
    /// The error as it would be shown.
    fn as_exception(&self) -> Exception;
}

impl<E: Error + 'static> AsException for E {
    fn as_exception(&self) -> Exception {
        Exception::of(self, None)
    }
}

impl AsException for Exception {
    fn as_exception(&self) -> Exception {
        self.clone()
    }
}

/// What an exception is made with: a text or a number.
pub trait Argument {
    /// Python's `str` of it.
    fn text(&self) -> String;
    /// Python's `repr` of it.
    fn repr(&self) -> String;
}

macro_rules! arguments {
    ($($text:ty)*; $($number:ty)*) => {
        $(impl Argument for $text {
            fn text(&self) -> String {
                self.to_string()
            }

            fn repr(&self) -> String {
                if self.is_empty() { String::new() } else { quote(self) }
            }
        })*
        $(impl Argument for $number {
            fn text(&self) -> String {
                self.to_string()
            }

            fn repr(&self) -> String {
                self.to_string()
            }
        })*
    };
}

arguments! { &str String Cow<'_, str>; i32 u32 i64 u64 usize }

/// The name that asyncio's reports give an error of this Rust type.
fn kind_of<E>() -> &'static str {
    match any::type_name::<E>() {
        // Python has had one name for these since 3.3.
        "std::io::error::Error" => "OSError",
        path => crate::debug::short_name(path),
    }
}

/// A text as Python's `repr` writes it.
pub(crate) fn quote(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut quoted = String::from(quote);
    for character in text.chars() {
        match character {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\\' => quoted.push_str("\\\\"),
            _ if character == quote => quoted.extend(['\\', quote]),
            _ => quoted.push(character),
        }
    }
    quoted.push(quote);
    quoted
}

macro_rules! errors {
    ($($(#[doc = $meaning:literal])* $name:ident;)*) => {
        $(
            $(#[doc = $meaning])*
            #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
            #[error("{0}")]
            pub struct $name(Cow<'static, str>);

            impl $name {
                /// An error with this text.
                pub fn new(text: impl Into<Cow<'static, str>>) -> $name {
                    $name(text.into())
                }
            }
        )*
    };
}

errors! {
    /// Something is used in a state or place where it cannot be used.
    RuntimeError;
    /// A value is of the right type, but makes no sense.
    ValueError;
    /// A value is not of the type that is needed.
    TypeError;
    /// A future or task is not in the state for this.
    InvalidStateError;
    /// Something cannot be handed to another process.
    PicklingError;
}

impl RuntimeError {
    /// What asyncio says of anything that needs a running loop.
    pub(crate) const NO_LOOP: &'static str = "no running event loop";
    /// What asyncio says of a second loop inside of the first.
    pub(crate) const RUNNING: &'static str =
        "asyncio.run() cannot be called from a running event loop";
    /// What asyncio says of anything that needs a loop which is not closed.
    pub(crate) const CLOSED: &'static str = "Event loop is closed";
    /// What debug mode says of a call from another thread.
    pub(crate) const WRONG_THREAD: &'static str =
        "Non-thread-safe operation invoked on an event loop other than the current one";
}

/// The task, future or job was cancelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("")]
pub struct CancelledError;

/// The run was interrupted from the keyboard: SIGINT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("")]
pub struct KeyboardInterrupt;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_looks_as_in_python() {
        for (exception, repr, line) in [
            (Exception::new("ValueError", "x"), "ValueError('x')", "ValueError: x"),
            (Exception::new("ValueError", 3), "ValueError(3)", "ValueError: 3"),
            (Exception::new("ValueError", ""), "ValueError()", "ValueError"),
            (Exception::new("KeyError", "k"), "KeyError('k')", "KeyError: 'k'"),
            (Exception::new("OSError", "it's\n"), "OSError(\"it's\\n\")", "OSError: it's\n"),
            (RuntimeError::new("no").into(), "RuntimeError('no')", "RuntimeError: no"),
            (CancelledError.into(), "CancelledError()", "asyncio.exceptions.CancelledError"),
            (crate::TimeoutError.into(), "TimeoutError()", "TimeoutError"),
            (std::io::Error::other("gone").into(), "OSError('gone')", "OSError: gone"),
            (
                OsError::ENOENT.about("x").into(),
                "FileNotFoundError(2, 'No such file or directory')",
                "FileNotFoundError: [Errno 2] No such file or directory: 'x'",
            ),
            (
                SignalError::Invalid(999).into(),
                "ValueError('invalid signal number 999')",
                "ValueError: invalid signal number 999",
            ),
            (
                SignalError::Uncatchable(9).into(),
                "RuntimeError('sig 9 cannot be caught')",
                "RuntimeError: sig 9 cannot be caught",
            ),
        ] {
            assert_eq!(format!("{exception:?}"), repr);
            assert_eq!(exception.last_line(), line);
        }
    }

    #[test]
    fn the_question_mark_notes_the_place() {
        fn fails() -> Result<(), Exception> {
            Err(ValueError::new("x"))?;
            Ok(())
        }
        let exception = fails().expect_err("it fails");
        assert!(exception.raised().is_some_and(|place| place.file().ends_with("exception.rs")));
        assert!(exception.traceback().ends_with("\nValueError: x"), "{}", exception.traceback());
    }

    #[test]
    fn a_cause_comes_first_in_the_traceback() {
        let exception =
            Exception::new("ValueError", "late").caused_by(Exception::new("KeyError", "first"));
        let text = exception.traceback();
        let (first, late) = (text.find("KeyError: 'first'"), text.find("ValueError: late"));
        assert!(first < late && text.contains("During handling of the above"), "{text}");
    }
}
