//! What the loop does with an error that nobody can catch: `call_exception_handler`.
//!
//! A callback that fails, a task that nobody looks at, a generator that cannot be closed: all of them end here,
//! as an [`ErrorContext`]. The program's handler gets it, or else the default one, which logs it at ERROR on the
//! logger "asyncio" in asyncio's form. Whoever handles it, the trace has the report.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::panic::Location;
use std::rc::Rc;

use crate::debug;
use crate::event_loop;
use crate::exception::{Exception, quote};
use crate::host::tracing::{Level, Report};
use crate::logging;

#[cfg(test)]
mod tests;

/// The program's handler.
pub(crate) type Handler = Rc<dyn Fn(&ErrorContext) -> Result<(), Exception>>;

/// What is known of an error: asyncio's `context` dictionary.
#[derive(Clone, Debug)]
pub struct ErrorContext {
    code: &'static str,
    message: Option<String>,
    /// Every other key with its value as it is shown.
    entries: BTreeMap<&'static str, String>,
    exception: Option<Exception>,
    /// Where the thing that the report speaks of was made.
    created: Option<&'static Location<'static>>,
    /// The trace has it.
    recorded: Cell<bool>,
}

impl ErrorContext {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> ErrorContext {
        ErrorContext { code, message: Some(message.into()), ..ErrorContext::default() }
    }

    /// A context of the program's own, for [`call_exception_handler`].
    pub fn with_message(message: impl Into<String>) -> ErrorContext {
        ErrorContext { message: Some(message.into()), ..ErrorContext::default() }
    }

    /// Adds a key with its value as it is to be shown.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> ErrorContext {
        self.entries.insert(key, value.into());
        self
    }

    /// Adds the error.
    #[must_use]
    pub fn exception(mut self, exception: Exception) -> ErrorContext {
        self.exception = Some(exception);
        self
    }

    pub(crate) fn created(mut self, place: &'static Location<'static>) -> ErrorContext {
        self.created = Some(place);
        self
    }

    /// The message. Like `context["message"]`.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The error. Like `context.get("exception")`.
    pub fn get_exception(&self) -> Option<&Exception> {
        self.exception.as_ref()
    }

    /// Another value, as it is shown: `future`, `task`, `handle` ...
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.get(key).map(String::as_str)
    }

    /// The keys that it has, in the order in which they are shown.
    pub fn keys(&self) -> Vec<&'static str> {
        let mut keys: Vec<&'static str> = self.entries.keys().copied().collect();
        keys.extend(self.message.as_ref().map(|_| "message"));
        keys.extend(self.exception.as_ref().map(|_| "exception"));
        keys.extend(self.source_traceback().map(|_| "source_traceback"));
        keys.sort_unstable();
        keys
    }

    /// Only debug mode keeps places.
    fn source_traceback(&self) -> Option<&'static Location<'static>> {
        self.created.filter(|_| debug::get_debug())
    }

    /// As Python shows a dictionary: `{'message': 'm'}`.
    fn as_dictionary(&self) -> String {
        let message = self.message.as_ref().map(|message| ("message", quote(message)));
        let exception = self.exception.as_ref().map(|error| ("exception", format!("{error:?}")));
        let entries = self.entries.iter().map(|(key, value)| (*key, value.clone()));
        let items: Vec<String> = message
            .into_iter()
            .chain(exception)
            .chain(entries)
            .map(|(key, value)| format!("'{key}': {value}"))
            .collect();
        format!("{{{}}}", items.join(", "))
    }

    /// The text that the default handler logs.
    fn text(&self) -> String {
        let mut text = self.message.clone().unwrap_or("Unhandled exception in event loop".into());
        let mut entries = self.entries.clone();
        let frame = |title: &str, place: &Location<'_>| {
            format!(
                "{title} (most recent call last):\n  File \"{}\", line {}",
                place.file(),
                place.line()
            )
        };
        match self.source_traceback() {
            Some(place) => {
                entries.insert("source_traceback", frame("Object created at", place));
            }
            None => {
                let running = event_loop::with(|event_loop| event_loop.running_place());
                if let Some(place) = running.filter(|_| debug::get_debug()) {
                    entries.insert("handle_traceback", frame("Handle created at", place));
                }
            }
        }
        for (key, value) in entries {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n{key}: {value}");
        }
        if let Some(exception) = &self.exception {
            let _ = write!(text, "\n{}", exception.traceback());
        }
        text
    }
}

impl Default for ErrorContext {
    fn default() -> ErrorContext {
        ErrorContext {
            code: "EXC-2",
            message: None,
            entries: BTreeMap::new(),
            exception: None,
            created: None,
            recorded: Cell::new(false),
        }
    }
}

/// Calls the exception handler. Like `loop.call_exception_handler`.
pub fn call_exception_handler(context: ErrorContext) {
    call(context);
}

/// Sets what is called for errors that nobody can catch, or `None` for the default: to log them. Like
/// `loop.set_exception_handler`.
///
/// A handler that fails is reported through the default one.
pub fn set_exception_handler<H>(handler: Option<H>)
where
    H: Fn(&ErrorContext) -> Result<(), Exception> + 'static,
{
    let handler = handler.map(|handler| Rc::new(handler) as Handler);
    let replaced = event_loop::with(|event_loop| event_loop.exception_handler.replace(handler));
    drop(replaced);
}

/// Logs the error, as the loop does by itself. For handlers that deal with some errors only. Like
/// `loop.default_exception_handler`.
pub fn default_exception_handler(context: &ErrorContext) {
    report(context, true);
}

pub(crate) fn call(context: ErrorContext) {
    let handler = event_loop::with(|event_loop| event_loop.exception_handler.borrow().clone());
    let Some(handler) = handler else { return report(&context, true) };
    report(&context, false);
    if let Err(exception) = handler(&context) {
        let failure = ErrorContext::new("EXC-3", "Unhandled error in exception handler")
            .with("context", context.as_dictionary())
            .exception(exception);
        report(&failure, true);
    }
}

/// The trace gets every report; the log only those that no handler of the program's takes.
fn report(context: &ErrorContext, logged: bool) {
    let report = Report {
        code: context.code.into(),
        level: Level::Error,
        logger: "asyncio".into(),
        text: context.text(),
        created: context.created.map(ToString::to_string),
        died: None,
    };
    if !context.recorded.replace(true) {
        event_loop::with(|event_loop| event_loop.watch.record(&report));
    }
    if logged {
        logging::handle(&report.logger, report.level, &report.text);
    }
}
