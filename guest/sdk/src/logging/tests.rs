//! The rules of Python's `logging`.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::*;
use crate::host::{clock, take_lines};

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

/// Takes 20 ms for each record, as a slow sink does, and keeps them with their times in milliseconds.
#[derive(Default)]
struct Slow(RefCell<Vec<(u64, String)>>);

impl Handler for Slow {
    fn emit(&self, record: &Record) -> Result<(), EmitError> {
        crate::blocking::compute(Duration::from_millis(20));
        self.0.borrow_mut().push((clock::now() / 1_000_000, record.message.clone()));
        Ok(())
    }

    fn describe(&self) -> String {
        "Slow".into()
    }

    fn level(&self) -> Level {
        Level::ERROR
    }
}

impl Slow {
    fn times(&self) -> Vec<u64> {
        self.0.borrow().iter().map(|&(at, _)| at).collect()
    }

    fn messages(&self) -> String {
        self.0.borrow().iter().map(|(_, message)| message.as_str()).collect()
    }
}

/// Runs a task that logs `a`, `b`, `c` ... every `gap`, through a queue to a slow sink; returns the sink, the
/// queue, and how long the task took in milliseconds.
fn through_a_queue(queue: LogQueue, messages: &'static str, gap: u64) -> (Rc<Slow>, u64) {
    let slow = Rc::new(Slow::default());
    let id = root().add_handler(QueueHandler::new(&queue));
    let listener = QueueListener::new(&queue).with_handler(slow.clone());
    let took = crate::run(async move {
        listener.start();
        let began = crate::time();
        for message in messages.chars() {
            get_logger("app").warning(message);
            if gap > 0 {
                crate::sleep(Duration::from_millis(gap)).await;
            }
        }
        (crate::time() - began).as_millis()
    });
    root().remove_handler(id);
    (slow, u64::try_from(took).unwrap_or(u64::MAX))
}

#[test]
fn a_queue_takes_a_slow_handlers_time_off_the_loop_and_keeps_the_order() {
    let (slow, took) = through_a_queue(LogQueue::unbounded(), "abc", 5);
    assert_eq!((slow.messages(), slow.times()), ("abc".to_owned(), vec![20, 40, 60]));
    assert_eq!(took, 15);
}

#[test]
fn what_a_step_puts_in_later_is_not_handled_before() {
    let slow = Rc::new(Slow::default());
    let queue = LogQueue::unbounded();
    root().add_handler(QueueHandler::new(&queue));
    let listener = QueueListener::new(&queue).with_handler(slow.clone());
    crate::run(async move {
        listener.start();
        get_logger("app").warning("a");
        crate::blocking::compute(Duration::from_millis(100));
        get_logger("app").warning("b");
    });
    assert_eq!(slow.times(), [20, 120]);
}

#[test]
fn a_full_queue_does_what_its_policy_says() {
    // The listener takes one at 0 ms, 20 ms, 40 ms ...; the queue is full at 15 ms and at 25 ms.
    for (overflow, handled) in
        [(Overflow::Raise, "abce"), (Overflow::DropNewest, "abce"), (Overflow::DropOldest, "acef")]
    {
        let queue = LogQueue::bounded(2, overflow);
        take_lines();
        let (slow, took) = through_a_queue(queue.clone(), "abcdef", 5);
        assert_eq!((slow.messages().as_str(), took), (handled, 30), "{overflow:?}");
        let text = "LOG-LOST 2 of 6 log records are lost: the QueueHandler's queue of 2 was full, first at ";
        let reports = take_lines();
        assert_eq!(reports.iter().filter(|line| line.starts_with(text)).count(), 1, "{reports:?}");
    }
}

#[test]
fn stopping_a_listener_waits_for_what_is_queued() {
    let slow = Rc::new(Slow::default());
    let queue = LogQueue::unbounded();
    root().add_handler(QueueHandler::new(&queue));
    let listener = QueueListener::new(&queue).with_handler(slow.clone());
    take_lines();
    let stopped_at = crate::run(async move {
        get_logger("app").warning("before the start");
        listener.start();
        get_logger("app").warning("after it");
        listener.stop().await;
        let stopped_at = crate::time();
        get_logger("app").warning("too late");
        stopped_at
    });
    assert_eq!((slow.times(), stopped_at), (vec![20, 40], Duration::from_millis(40)));
    let left = "LOG-LEFT 1 log records are left in the QueueHandler's queue: no QueueListener has taken them";
    assert!(take_lines().contains(&left.to_owned()));
}

#[test]
fn a_listener_heeds_levels_only_if_told() {
    let slow = Rc::new(Slow::default());
    let queue = LogQueue::unbounded();
    root().add_handler(QueueHandler::new(&queue));
    let listener =
        QueueListener::new(&queue).with_handler(slow.clone()).respect_handler_level(true);
    crate::run(async move {
        listener.start();
        get_logger("app").warning("no");
        get_logger("app").error("yes");
    });
    assert_eq!(slow.messages(), "yes");
}
