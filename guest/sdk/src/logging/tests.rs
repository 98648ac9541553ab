//! The rules of Python's `logging`.

use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::host::{take_lines, tracing};

/// Keeps what it gets, as `LEVEL:name:message`.
#[derive(Default)]
struct Kept {
    lines: RefCell<Vec<String>>,
    level: Level,
    fails: bool,
}

impl Handler for Kept {
    fn emit(&self, record: &Record) -> Result<(), EmitError> {
        let line = format!("{}:{}:{}", record.level, record.name, record.message);
        self.lines.borrow_mut().push(line);
        if self.fails { Err(EmitError::Other("no".into())) } else { Ok(()) }
    }

    fn describe(&self) -> String {
        "Kept".into()
    }

    fn level(&self) -> Level {
        self.level
    }
}

impl Kept {
    fn take(&self) -> Vec<String> {
        self.lines.take()
    }
}

#[test]
fn without_set_up_the_level_is_notset_and_warning_is_in_effect() {
    let asyncio = get_logger("asyncio");
    assert_eq!((asyncio.level(), asyncio.effective_level()), (Level::NOTSET, Level::WARNING));
    assert_eq!(root().level(), Level::WARNING);
    assert!(asyncio.is_enabled_for(Level::WARNING) && !asyncio.is_enabled_for(Level::INFO));
    basic_config(Level::DEBUG);
    assert_eq!((asyncio.level(), asyncio.effective_level()), (Level::NOTSET, Level::DEBUG));
}

#[test]
fn a_name_is_one_logger_and_dots_make_a_tree() {
    assert_eq!(get_logger("app.db"), get_logger("app.db"));
    assert_eq!(get_logger(""), root());
    get_logger("app").set_level(Level::ERROR);
    assert_eq!(get_logger("app.db.pool").effective_level(), Level::ERROR);
    assert_eq!(get_logger("apple").effective_level(), Level::WARNING);
    get_logger("app.db").set_level(Level::INFO);
    assert_eq!(get_logger("app.db.pool").effective_level(), Level::INFO);
    assert_eq!(&*get_logger("app.db").name(), "app.db");
}

#[test]
fn records_propagate_to_the_handlers_above_whatever_the_levels_there() {
    let (top, app) = (Rc::new(Kept::default()), Rc::new(Kept::default()));
    root().add_handler(top.clone());
    get_logger("app").add_handler(app.clone());
    get_logger("app.db").set_level(Level::DEBUG);
    get_logger("app.db").debug("one");
    get_logger("app").debug("not enabled");
    get_logger("other").warning("two");
    assert_eq!(app.take(), ["DEBUG:app.db:one"]);
    assert_eq!(top.take(), ["DEBUG:app.db:one", "WARNING:other:two"]);
    get_logger("app").set_propagate(false);
    get_logger("app.db").error("three");
    assert_eq!((app.take().len(), top.take().len()), (1, 0));
}

#[test]
fn a_handler_has_a_level_of_its_own_and_can_be_removed() {
    let errors = Rc::new(Kept { level: Level::ERROR, ..Kept::default() });
    let id = root().add_handler(errors.clone());
    let app = get_logger("app");
    app.warning("a");
    app.error("b");
    assert_eq!(errors.take(), ["ERROR:app:b"]);
    assert!(root().remove_handler(id) && !root().remove_handler(id));
    app.error("c");
    assert_eq!(errors.take().len(), 0);
    assert!(!app.has_handlers());
}

#[test]
fn a_handler_that_fails_does_no_harm_to_the_next() {
    let (bad, good) = (Rc::new(Kept { fails: true, ..Kept::default() }), Rc::new(Kept::default()));
    root().add_handler(bad);
    root().add_handler(good.clone());
    get_logger("app").error("a");
    assert_eq!(good.take(), ["ERROR:app:a"]);
}

#[test]
fn the_trace_has_what_levels_filter() {
    take_lines();
    let app = get_logger("app");
    app.set_level(Level::ERROR);
    app.info(format_args!("order {}", 7));
    app.log(Level::new(5), "finer than DEBUG");
    assert_eq!(take_lines(), ["Info order 7 app"]);
}

#[test]
fn reports_of_the_loop_pass_the_level_of_their_logger() {
    take_lines();
    let kept = Rc::new(Kept::default());
    root().add_handler(kept.clone());
    handle("asyncio", Level::WARNING, "slow");
    get_logger("asyncio").set_level(Level::ERROR);
    handle("asyncio", Level::WARNING, "slow again");
    handle("asyncio", tracing::Level::Error, "bad");
    assert_eq!(kept.take(), ["WARNING:asyncio:slow", "ERROR:asyncio:bad"]);
    // They are diagnostics in the trace already.
    assert_eq!(take_lines(), [""; 0]);
}

#[test]
fn our_own_reports_do_not_pass_the_programs_handlers_unless_asked() {
    let kept = Rc::new(Kept::default());
    root().add_handler(kept.clone());
    handle("loopbox", Level::WARNING, "ours");
    assert_eq!(kept.take().len(), 0);
    get_logger("loopbox").set_propagate(true);
    handle("loopbox", Level::WARNING, "ours");
    assert_eq!(kept.take(), ["WARNING:loopbox:ours"]);
}

#[test]
fn targets_of_the_log_crate_are_loggers() {
    let kept = Rc::new(Kept::default());
    root().add_handler(kept.clone());
    let warning = log::Record::builder()
        .level(log::Level::Warn)
        .target("app::db")
        .args(format_args!("slow"))
        .build();
    log::set_max_level(log::LevelFilter::Warn);
    log::Log::log(&Bridge, &warning);
    assert_eq!(kept.take(), ["WARNING:app.db:slow"]);
}
