//! Warnings, as in Python's `warnings`: about coroutines nobody awaited, and things nobody closed.
//!
//! A warning is a line on standard error, `FILE:LINE: RuntimeWarning: TEXT`. As in Python a `ResourceWarning` is
//! hidden unless asked for, and the same warning of the same line is shown once. The trace has every one of
//! them, shown or not, as a diagnostic of the logger `py.warnings`.
//!
//! `PYTHONWARNINGS` (such as `default`, or `ignore::RuntimeWarning,always::ResourceWarning`) and `PYTHONDEVMODE`
//! work as in Python, but for messages, modules and lines in a filter; `error` shows the warning, because the
//! loop has nowhere to raise it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::env;
use std::fmt;
use std::panic::Location;

use crate::host::tracing::{self, Report};
use crate::logging::{self, Level};

/// The logger that captured warnings go to, and that the trace names.
const LOGGER: &str = "py.warnings";

thread_local! {
    static STATE: State = const { State::new() };
}

struct State {
    /// The first that matches counts. `None` until somebody warns or sets one.
    filters: RefCell<Option<Vec<Filter>>>,
    /// What was shown and need not be shown again.
    shown: RefCell<BTreeSet<Shown>>,
    captured: Cell<bool>,
}

/// A category, a text, and the file and line unless those do not matter.
type Shown = (Category, String, Option<(String, u32)>);

impl State {
    const fn new() -> State {
        State {
            filters: RefCell::new(None),
            shown: RefCell::new(BTreeSet::new()),
            captured: Cell::new(false),
        }
    }
}

/// The kind of a warning: Python's class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// A dubious thing at run time: a coroutine that was never awaited.
    RuntimeWarning,
    /// Something was not closed. Hidden unless asked for.
    ResourceWarning,
}

impl Category {
    /// The name of Python's class.
    pub const fn name(self) -> &'static str {
        match self {
            Category::RuntimeWarning => "RuntimeWarning",
            Category::ResourceWarning => "ResourceWarning",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is done about a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Shown once for each line of the program.
    Default,
    /// Shown every time.
    Always,
    /// Shown once.
    Once,
    /// Not shown.
    Ignore,
}

/// An action for one category, or for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Filter {
    action: Action,
    category: Option<Category>,
}

/// Puts a filter before those that there are: for one category, or for all. Like `warnings.simplefilter`.
pub fn simple_filter(action: Action, category: Option<Category>) {
    with_filters(|filters| filters.insert(0, Filter { action, category }));
}

/// Whether warnings go to the logger `py.warnings` instead of standard error. Like `logging.captureWarnings`.
pub fn capture_warnings(capture: bool) {
    STATE.with(|state| state.captured.set(capture));
}

/// Something to warn of.
#[derive(Clone, Copy)]
pub(crate) struct Warning<'a> {
    pub(crate) category: Category,
    /// Stable, such as `AWAIT-1`.
    pub(crate) code: &'a str,
    pub(crate) text: &'a str,
    /// The line that is shown: where the thing came to its end.
    pub(crate) place: &'a Location<'a>,
    /// Where it was made, if that is known.
    pub(crate) created: Option<&'a Location<'a>>,
}

/// Warns: in the trace in any case, on standard error or by the logger if the filters let it through.
pub(crate) fn warn(warning: &Warning<'_>) {
    let Warning { category, code, text, place, created } = *warning;
    if logging::is_traced() {
        tracing::diagnostic(&Report {
            code: code.into(),
            level: tracing::Level::Warning,
            logger: LOGGER.into(),
            text: format!("{category}: {text}"),
            created: created.map(ToString::to_string),
            died: Some(place).filter(|died| created != Some(died)).map(ToString::to_string),
        });
    }
    if !is_shown(warning) {
        return;
    }
    let line = format!("{}:{}: {category}: {text}", place.file(), place.line());
    if STATE.with(|state| state.captured.get()) {
        logging::handle(LOGGER, Level::WARNING, &line);
    } else {
        logging::write_line(&line);
    }
}

/// What the filters say, and whether it was said already.
fn is_shown(warning: &Warning<'_>) -> bool {
    let matching = |filter: &&Filter| filter.category.is_none_or(|own| own == warning.category);
    let action = with_filters(|filters| filters.iter().find(matching).map(|found| found.action));
    let place = match action.unwrap_or(Action::Default) {
        Action::Always => return true,
        Action::Ignore => return false,
        Action::Default => Some((warning.place.file().to_owned(), warning.place.line())),
        Action::Once => None,
    };
    let shown = (warning.category, warning.text.to_owned(), place);
    STATE.with(|state| state.shown.borrow_mut().insert(shown))
}

fn with_filters<R>(f: impl FnOnce(&mut Vec<Filter>) -> R) -> R {
    STATE.with(|state| {
        let mut filters = state.filters.borrow_mut();
        f(filters.get_or_insert_with(|| {
            let text = env::var("PYTHONWARNINGS").unwrap_or_default();
            let dev_mode = env::var_os("PYTHONDEVMODE").is_some_and(|value| !value.is_empty());
            first_filters(&text, dev_mode)
        }))
    })
}

/// The filters that Python would begin with.
fn first_filters(text: &str, dev_mode: bool) -> Vec<Filter> {
    let mut filters = Vec::new();
    // The last one counts most.
    for option in text.split(',').rev().map(str::trim).filter(|option| !option.is_empty()) {
        match parse(option) {
            Ok(filter) => filters.push(filter),
            Err(reason) => logging::write_line(&format!("Invalid -W option ignored: {reason}")),
        }
    }
    filters.push(if dev_mode {
        Filter { action: Action::Default, category: None }
    } else {
        Filter { action: Action::Ignore, category: Some(Category::ResourceWarning) }
    });
    filters
}

/// `action` or `action::category`, with what may stand around the category left empty.
fn parse(option: &str) -> Result<Filter, String> {
    let mut parts = option.split(':').map(str::trim);
    let action = match parts.next().unwrap_or_default() {
        "default" | "module" => Action::Default,
        "always" | "all" | "error" => Action::Always,
        "once" => Action::Once,
        "ignore" => Action::Ignore,
        other => return Err(format!("invalid action: '{other}'")),
    };
    if parts.next().is_some_and(|message| !message.is_empty()) {
        return Err(format!("a message in '{option}' is not supported"));
    }
    let category = match parts.next().unwrap_or_default() {
        "" | "Warning" => None,
        "RuntimeWarning" => Some(Category::RuntimeWarning),
        "ResourceWarning" => Some(Category::ResourceWarning),
        other => return Err(format!("unknown warning category: '{other}'")),
    };
    if parts.any(|rest| !rest.is_empty()) {
        return Err(format!("a module or line in '{option}' is not supported"));
    }
    Ok(Filter { action, category })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warning<'a>(category: Category, text: &'a str, place: &'a Location<'a>) -> Warning<'a> {
        Warning { category, code: "X-1", text, place, created: None }
    }

    fn actions(text: &str, dev_mode: bool) -> Vec<(Action, Option<Category>)> {
        first_filters(text, dev_mode)
            .iter()
            .map(|filter| (filter.action, filter.category))
            .collect()
    }

    #[test]
    fn a_line_is_warned_of_once_and_resources_not_at_all() {
        use Category::{ResourceWarning, RuntimeWarning};
        let here = Location::caller();
        let elsewhere = Location::caller();
        assert!(is_shown(&warning(RuntimeWarning, "never awaited", here)));
        assert!(!is_shown(&warning(RuntimeWarning, "never awaited", here)));
        assert!(is_shown(&warning(RuntimeWarning, "another", here)));
        assert!(is_shown(&warning(RuntimeWarning, "never awaited", elsewhere)));
        assert!(!is_shown(&warning(ResourceWarning, "unclosed", here)));
        simple_filter(Action::Default, None);
        assert!(is_shown(&warning(ResourceWarning, "unclosed", here)));
        simple_filter(Action::Always, Some(ResourceWarning));
        assert!(is_shown(&warning(ResourceWarning, "unclosed", here)));
        assert!(!is_shown(&warning(RuntimeWarning, "never awaited", here)));
    }

    #[test]
    fn filters_come_from_the_environment_and_the_last_counts_most() {
        let hidden = (Action::Ignore, Some(Category::ResourceWarning));
        assert_eq!(actions("", false), [hidden]);
        assert_eq!(actions("", true), [(Action::Default, None)]);
        assert_eq!(
            actions("ignore, always::ResourceWarning::", false),
            [(Action::Always, hidden.1), (Action::Ignore, None), hidden]
        );
        assert_eq!(actions("loud,default::Nothing,once:text", false), [hidden]);
    }

    #[test]
    fn what_is_hidden_is_in_the_trace() {
        crate::host::take_lines();
        let here = Location::caller();
        warn(&warning(Category::ResourceWarning, "unclosed event loop", here));
        assert_eq!(crate::host::take_lines(), ["X-1 ResourceWarning: unclosed event loop"]);
    }

    #[test]
    fn captured_warnings_are_records() {
        crate::host::take_lines();
        capture_warnings(true);
        logging::get_logger(LOGGER).set_level(Level::ERROR);
        warn(&warning(Category::RuntimeWarning, "never awaited", Location::caller()));
        assert_eq!(crate::host::take_lines(), ["X-1 RuntimeWarning: never awaited"]);
    }
}
