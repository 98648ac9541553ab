//! Debug mode: asyncio's reports of slow steps and callbacks, in its words.
//!
//! The time is virtual CPU time and blocked time, so the verdict is the same on every machine. As in asyncio
//! a report comes after the fact; a step that never ends is the business of the scenario's limits.

use std::env;
use std::panic::Location;
use std::time::Duration;

use crate::event_loop;
use crate::host::tracing::{self, Level, Report};
use crate::task::Name;
use crate::time::to_nanos;

/// Turns debug mode on or off, before or while the loop runs. Like `loop.set_debug`.
///
/// Without this it is on if the scenario says so, or if the environment variable `PYTHONASYNCIODEBUG` is not
/// empty (`0` means on, in asyncio and here).
pub fn set_debug(debug: bool) {
    event_loop::with(|event_loop| event_loop.watch.set_debug(debug));
}

/// Whether the loop is in debug mode. Like `loop.get_debug`.
pub fn get_debug() -> bool {
    event_loop::with(|event_loop| event_loop.watch.is_debug())
}

/// From which duration on debug mode reports a step or callback as slow; 100 ms unless told. Like
/// `loop.slow_callback_duration`.
pub fn set_slow_callback_duration(duration: Duration) {
    event_loop::with(|event_loop| event_loop.watch.set_slow_ns(to_nanos(duration)));
}

/// What holds if the program does not choose.
pub(crate) fn is_default() -> bool {
    tracing::debug() || env::var_os("PYTHONASYNCIODEBUG").is_some_and(|value| !value.is_empty())
}

/// SLOW-1: a step of a task.
pub(crate) fn slow_step(task: &str, took_ns: u64, place: &Location<'_>) -> Report {
    slow("SLOW-1", task, took_ns, place)
}

/// SLOW-2: a plain callback.
pub(crate) fn slow_callback(handle: &str, took_ns: u64, place: &Location<'_>) -> Report {
    slow("SLOW-2", handle, took_ns, place)
}

fn slow(code: &str, what: &str, took_ns: u64, place: &Location<'_>) -> Report {
    Report {
        code: code.into(),
        level: Level::Warning,
        logger: "asyncio".into(),
        text: format!("Executing {what} took {} seconds", seconds(took_ns)),
        created: Some(place.to_string()),
        died: None,
    }
}

/// A task as asyncio shows it in debug mode.
pub(crate) fn describe_task(finished: bool, name: &Name, place: &Location<'_>) -> String {
    let state = if finished { "finished" } else { "pending" };
    format!("<Task {state} name='{name}' {}>", created(place))
}

/// A handle as asyncio shows it in debug mode; `when` makes it a timer's.
pub(crate) fn describe_handle(name: &str, when: Option<u64>, place: &Location<'_>) -> String {
    match when {
        None => format!("<Handle {name}() {}>", created(place)),
        Some(when) => format!("<TimerHandle when={} {name}() {}>", seconds(when), created(place)),
    }
}

fn created(place: &Location<'_>) -> String {
    format!("created at {}:{}", place.file(), place.line())
}

/// Like Python's `%.3f`.
fn seconds(nanos: u64) -> String {
    let millis = nanos.saturating_add(500_000) / 1_000_000;
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

/// The name of a function from its type's: without path, type arguments and closures. So a closure goes by
/// the name of the function that it is written in.
pub(crate) fn short_name(type_name: &str) -> &str {
    let mut name = type_name;
    while let Some(outer) = name.strip_suffix("::{{closure}}") {
        name = outer;
    }
    if name.ends_with('>')
        && let Some((generic, _)) = name.split_once('<')
    {
        name = generic.trim_end_matches("::");
    }
    name.rsplit("::").next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_functions() {
        for (type_name, short) in [
            ("app::report", "report"),
            ("app::main::{{closure}}", "main"),
            ("app::serve::{{closure}}::{{closure}}", "serve"),
            ("app::twice<app::report>", "twice"),
            ("<app::Worker as app::Work>::start::{{closure}}", "start"),
            ("alloc::boxed::Box<dyn core::ops::function::FnOnce()>", "Box"),
        ] {
            assert_eq!(short_name(type_name), short, "{type_name}");
        }
    }

    #[test]
    fn seconds_have_three_places_and_are_rounded() {
        for (nanos, text) in [(0, "0.000"), (250_600_000, "0.251"), (12_000_499_999, "12.000")] {
            assert_eq!(seconds(nanos), text);
        }
    }

    #[test]
    fn texts_are_asyncios() {
        let place = Location::caller();
        let (file, line) = (place.file(), place.line());
        let task = describe_task(true, &Name::Numbered(1), place);
        let report = slow_step(&task, 251_000_000, place);
        assert_eq!(
            report.text,
            format!(
                "Executing <Task finished name='Task-1' created at {file}:{line}> took 0.251 seconds"
            )
        );
        assert_eq!(report.code, "SLOW-1");
        assert_eq!(
            describe_handle("cb", Some(1_500_000_000), place),
            format!("<TimerHandle when=1.500 cb() created at {file}:{line}>")
        );
    }
}
