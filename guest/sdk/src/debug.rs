//! Debug mode: asyncio's reports of slow steps and callbacks, in its words.
//!
//! The time is virtual CPU time and blocked time, so the verdict is the same on every machine. As in asyncio
//! a report comes after the fact; a step that never ends is the business of the scenario's limits.

use std::any;
use std::env;
use std::panic::Location;
use std::time::Duration;

use crate::event_loop::{self, Mode, Unwoken, What};
use crate::host::tracing::{self, Level, Report};
use crate::task::core::{AnyTask, State};
use crate::time::to_nanos;

/// Turns debug mode on or off: for the loop that there is, or before that for all loops to come. Like
/// `loop.set_debug`.
///
/// Things that are there already do not get a place of creation by that. For coroutines it takes a turn.
///
/// Without this it is on if the scenario says so, or if the environment variable `PYTHONASYNCIODEBUG` is not
/// empty (`0` means on, in asyncio and here).
pub fn set_debug(debug: bool) {
    event_loop::with(|event_loop| {
        let is_running = event_loop.mode.get() != Mode::Stopped;
        event_loop.watch.set_debug(debug, event_loop.is_open.get(), is_running);
    });
}

/// Whether the loop is in debug mode. Like `loop.get_debug`.
pub fn get_debug() -> bool {
    event_loop::with(|event_loop| event_loop.watch.is_debug())
}

/// From which duration on debug mode reports a step or callback as slow; 100 ms unless told. Like
/// `loop.slow_callback_duration`, and like it without effect outside of debug mode. For the loop that there is,
/// or before that for all loops to come.
pub fn set_slow_callback_duration(duration: Duration) {
    let slow_ns = to_nanos(duration);
    tracing::slow_callback_duration(slow_ns);
    event_loop::with(|event_loop| event_loop.watch.set_slow_ns(slow_ns, event_loop.is_open.get()));
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

/// SLOW-4: how long a wait took, in the words and by the rules of Python 3.7: a look without waiting is none,
/// and a timer that was waited for is worth telling from a second on.
pub(crate) fn slow_wait(began: u64, until: u64, now: u64, has_events: bool) -> Option<Report> {
    if until <= began {
        return None;
    }
    let took_ns = now.saturating_sub(began);
    let millis = |nanos: u64| format!("{}.{:03} ms", nanos / 1_000_000, nanos / 1_000 % 1_000);
    let is_long = took_ns >= 1_000_000_000;
    let level = if is_long { Level::Info } else { Level::Debug };
    let took = millis(took_ns);
    let text = if until == u64::MAX {
        format!("poll took {took}: 1 events")
    } else if has_events {
        format!("poll {} took {took}: 1 events", millis(until - began))
    } else if is_long {
        format!("poll {} took {took}: timeout", millis(until - began))
    } else {
        return None;
    };
    let logger = "asyncio".into();
    Some(Report { code: "SLOW-4".into(), level, logger, text, created: None, died: None })
}

/// A report of ours, which asyncio would not make.
pub(crate) fn ours(code: &str, text: String, created: Option<&Location<'_>>) -> Report {
    Report {
        code: code.into(),
        level: Level::Warning,
        logger: "loopbox".into(),
        text,
        created: created.map(ToString::to_string),
        died: None,
    }
}

/// TURN: many short callbacks.
pub(crate) fn slow_turn(took_ns: u64) -> Report {
    let text = format!(
        "a turn of the loop took {} seconds, though no callback in it was slow by itself",
        seconds(took_ns)
    );
    ours("TURN", text, None)
}

/// LOST-WAKER: a task that can never go on.
pub(crate) fn lost_waker(task: &dyn AnyTask) -> Report {
    let text = format!(
        "{} waits, but nobody holds its waker: it will never be woken again",
        describe_task(task, false)
    );
    ours("LOST-WAKER", text, Some(task.core().place))
}

/// How late the loop is with something that it was not woken for, if that is late at all.
pub(crate) fn lateness(unwoken: &Unwoken, now: u64) -> Option<u64> {
    let due = match unwoken.what {
        What::Ready(_) => unwoken.at,
        What::Timer(when, _) => unwoken.at.max(when),
    };
    now.checked_sub(due).filter(|late_ns| *late_ns > 0)
}

/// LOST-WAKEUP: the mistake that asyncio lets pass in production mode.
pub(crate) fn lost_wakeup(unwoken: &Unwoken, late_ns: u64) -> Report {
    let text = format!(
        "{} was scheduled from another thread without waking the loop, and waited {} seconds for another \
         reason to wake up; use call_soon_threadsafe",
        unwoken.describe,
        seconds(late_ns)
    );
    ours("LOST-WAKEUP", text, Some(unwoken.place))
}

/// The same in a report of a deadlock: there is no other reason to wake up.
pub(crate) fn never_woken(unwoken: &Unwoken) -> String {
    format!(
        "{} ({}:{}) was scheduled from another thread without waking the loop, and nothing else will wake it; \
         use call_soon_threadsafe",
        unwoken.describe,
        unwoken.place.file(),
        unwoken.place.line()
    )
}

/// RET-HIDDEN: an error of a task or future that nobody has looked at, though somebody could.
pub(crate) fn hidden_failure(shown: &str, what: &str, created: &Location<'_>) -> Report {
    let text = format!(
        "{shown} failed, and nobody has looked at the error: a reference to the {what} hid it until the end"
    );
    ours("RET-HIDDEN", text, Some(created))
}

/// CANCEL-IGNORED: a task that goes on as if nobody had cancelled it.
pub(crate) fn ignored_cancellation(task: &dyn AnyTask, caught: &Location<'_>) -> Report {
    let cancelled = task.core().cancelling.get();
    let times = if cancelled == 1 { "once" } else { &format!("{cancelled} times") };
    let text = format!(
        "{} was cancelled {times}, swallowed that at {caught}, and waits there again",
        describe_task(task, false)
    );
    let created = task.core().place;
    Report { died: Some(caught.to_string()), ..ours("CANCEL-IGNORED", text, Some(created)) }
}

/// A task as asyncio shows it. With `debug` with the place of its creation, if it was made in debug mode.
pub(crate) fn describe_task(task: &dyn AnyTask, debug: bool) -> String {
    let core = task.core();
    let state = match core.state.get() {
        State::Pending if core.cancelling.get() > 0 => "cancelling",
        State::Pending => "pending",
        State::Done | State::Failed => "finished",
        State::Cancelled => "cancelled",
    };
    let mut text =
        format!("<Task {state} name='{}' coro=<{}()", core.name(), short_name(core.type_name));
    let waiting = core.waiting.get().filter(|_| !core.is_done());
    let (doing, place) = match core.state.get() {
        State::Pending => ("running", waiting.map_or(core.place, |note| note.place)),
        _ => ("done, defined", core.place),
    };
    text.push_str(&format!(" {doing} at {}:{}>", place.file(), place.line()));
    match core.state.get() {
        State::Pending => {
            if let Some(note) = waiting {
                let created = if debug { created(note.place) } else { String::new() };
                text.push_str(&format!(
                    " wait_for=<Future pending cb=[Task.task_wakeup()]{created}>"
                ));
            }
            if event_loop::with(|event_loop| event_loop.watch.is_main(core.key)) {
                let place = core.place;
                let at = format!("{}:{}", place.file(), place.line());
                text.push_str(&format!(" cb=[_run_until_complete_cb() at {at}]"));
            } else if task.is_awaited() {
                text.push_str(" cb=[Task.task_wakeup()]");
            }
        }
        State::Done => text.push_str(&format!(" {}", describe_type(task.output_type()))),
        State::Failed => {
            if let Some(exception) = task.exception() {
                text.push_str(&format!(" exception={exception:?}"));
            }
        }
        State::Cancelled => {}
    }
    if debug && core.has_origin {
        text.push_str(&created(core.place));
    }
    text.push('>');
    text
}

/// A result as asyncio shows it, as far as Rust lets us look: its type, or `None` for nothing.
pub(crate) fn describe_result<T>() -> String {
    describe_type(any::type_name::<T>())
}

fn describe_type(name: &str) -> String {
    if name == "()" || name.starts_with("core::result::Result<(),") {
        return "result=None".into();
    }
    format!("result=<{}>", short_name(name))
}

/// A handle as asyncio shows it; `when` makes it a timer's.
pub(crate) struct HandleText<'a> {
    pub(crate) name: &'a str,
    pub(crate) when: Option<u64>,
    pub(crate) cancelled: bool,
    pub(crate) place: &'static Location<'static>,
    /// It was made in debug mode: asyncio then shows where.
    pub(crate) has_origin: bool,
}

impl HandleText<'_> {
    pub(crate) fn show(&self) -> String {
        let place = self.place;
        let cancelled = if self.cancelled { "cancelled " } else { "" };
        let created = if self.has_origin { created(place) } else { String::new() };
        let call = format!("{}() at {}:{}{created}>", self.name, place.file(), place.line());
        match self.when {
            None => format!("<Handle {cancelled}{call}"),
            Some(when) => format!("<TimerHandle {cancelled}when={} {call}", exact_seconds(when)),
        }
    }
}

/// ` created at FILE:LINE`
pub(crate) fn created(place: &Location<'_>) -> String {
    format!(" created at {}:{}", place.file(), place.line())
}

/// Where something was made, as Python shows a stack of one frame.
pub(crate) fn origin(title: &str, place: &Location<'_>) -> String {
    format!("\n{title} (most recent call last)\n  File \"{}\", line {}", place.file(), place.line())
}

/// Like Python's `%.3f`.
pub(crate) fn seconds(nanos: u64) -> String {
    let millis = nanos.saturating_add(500_000) / 1_000_000;
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

/// Like Python's `repr` of a float: as many places as it takes.
fn exact_seconds(nanos: u64) -> String {
    let text = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
    let short = text.trim_end_matches('0');
    if short.ends_with('.') { format!("{short}0") } else { short.into() }
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
        let report = slow_step("<Task>", 251_000_000, place);
        assert_eq!(report.text, "Executing <Task> took 0.251 seconds");
        assert_eq!(report.code, "SLOW-1");
        let handle = |when, cancelled, has_origin| HandleText {
            name: "cb",
            when,
            cancelled,
            place,
            has_origin,
        };
        assert_eq!(
            handle(Some(1_500_000_000), false, true).show(),
            format!("<TimerHandle when=1.5 cb() at {file}:{line} created at {file}:{line}>")
        );
        assert_eq!(
            handle(None, true, false).show(),
            format!("<Handle cancelled cb() at {file}:{line}>")
        );
    }
}
