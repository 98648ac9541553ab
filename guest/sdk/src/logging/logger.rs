//! Loggers: a tree by dotted names, with levels and handlers.
//!
//! Asking for `a.b.c` makes `a` and `a.b` as well, which have no level and no handlers until somebody gives
//! them some: it makes no difference that Python keeps placeholders for them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use super::handler::{self, Handler};
use super::{Level, Record};
use crate::host::tracing;

/// The root's place in the table.
const ROOT: usize = 0;

/// The logger of our own reports, which CPython does not have.
pub(super) const LOOPBOX: &str = "loopbox";

thread_local! {
    static LOGGERS: Loggers = Loggers::new();
}

struct Loggers {
    nodes: RefCell<Vec<Rc<Node>>>,
    by_name: RefCell<BTreeMap<Rc<str>, usize>>,
    handlers_added: Cell<u64>,
    /// Whether the run is traced; asked once.
    traced: Cell<Option<bool>>,
}

struct Node {
    name: Rc<str>,
    /// `None` only for the root.
    parent: Option<usize>,
    level: Cell<Level>,
    propagate: Cell<bool>,
    handlers: RefCell<Vec<(HandlerId, Rc<dyn Handler>)>>,
}

/// A logger. Like the `logging.Logger` of this name: two of one name are the same.
///
/// It is a small value that may be copied, also into a job.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Logger(usize);

/// A handler of a logger, to remove it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandlerId(u64);

/// The logger of a dotted name; the empty name is the root. Like `logging.getLogger(name)`.
pub fn get_logger(name: &str) -> Logger {
    LOGGERS.with(|loggers| Logger(loggers.find_or_add(name)))
}

/// The logger at the top. Like `logging.getLogger()`.
pub fn root() -> Logger {
    Logger(ROOT)
}

impl Logger {
    /// Its dotted name; `root` for the root.
    pub fn name(self) -> Rc<str> {
        self.node().name.clone()
    }

    /// Its own level; `NOTSET` if it has none. Like `logger.level`.
    pub fn level(self) -> Level {
        self.node().level.get()
    }

    /// Sets its own level. Like `logger.setLevel`.
    pub fn set_level(self, level: Level) {
        self.node().level.set(level);
        super::refresh_max_level();
    }

    /// Its own level, or that of the nearest logger above that has one. Like `logger.getEffectiveLevel`.
    pub fn effective_level(self) -> Level {
        let mut node = self.node();
        loop {
            let level = node.level.get();
            match node.parent {
                Some(parent) if level == Level::NOTSET => node = Logger(parent).node(),
                _ => return level,
            }
        }
    }

    /// Whether a record of this level is handled. Like `logger.isEnabledFor`.
    pub fn is_enabled_for(self, level: Level) -> bool {
        level >= self.effective_level()
    }

    /// Whether its records go to the handlers of the loggers above, too; true unless told. Like
    /// `logger.propagate`.
    pub fn set_propagate(self, propagate: bool) {
        self.node().propagate.set(propagate);
    }

    /// Adds a handler: for its own records, and for those of the loggers below. Like `logger.addHandler`.
    pub fn add_handler(self, handler: impl Handler + 'static) -> HandlerId {
        let id = LOGGERS.with(|loggers| {
            loggers.handlers_added.set(loggers.handlers_added.get() + 1);
            HandlerId(loggers.handlers_added.get())
        });
        self.node().handlers.borrow_mut().push((id, Rc::new(handler)));
        id
    }

    /// Removes a handler; false if it is not there. Like `logger.removeHandler`.
    pub fn remove_handler(self, id: HandlerId) -> bool {
        let node = self.node();
        let position = node.handlers.borrow().iter().position(|&(known, _)| known == id);
        // Dropped when the table is free again: its destructor may log.
        let removed = position.map(|position| node.handlers.borrow_mut().remove(position));
        removed.is_some()
    }

    /// Whether the logger, or one that its records propagate to, has a handler. Like `logger.hasHandlers`.
    pub fn has_handlers(self) -> bool {
        !self.handlers().is_empty()
    }

    /// Logs a message at this level; `format_args!(...)` is made into text only if somebody wants it.
    pub fn log(self, level: Level, message: impl fmt::Display) {
        let traced = is_traced() && level >= Level::DEBUG;
        let enabled = self.is_enabled_for(level);
        if !traced && !enabled {
            return;
        }
        let message = message.to_string();
        if traced {
            tracing::log(level.traced(), tracing::intern(&self.name()), &message);
        }
        if enabled {
            self.handle(level, message);
        }
    }

    /// Logs at DEBUG.
    pub fn debug(self, message: impl fmt::Display) {
        self.log(Level::DEBUG, message);
    }

    /// Logs at INFO.
    pub fn info(self, message: impl fmt::Display) {
        self.log(Level::INFO, message);
    }

    /// Logs at WARNING.
    pub fn warning(self, message: impl fmt::Display) {
        self.log(Level::WARNING, message);
    }

    /// Logs at ERROR.
    pub fn error(self, message: impl fmt::Display) {
        self.log(Level::ERROR, message);
    }

    /// Logs at CRITICAL.
    pub fn critical(self, message: impl fmt::Display) {
        self.log(Level::CRITICAL, message);
    }

    /// Gives a record that is enabled to all its handlers. Without any it goes to the handler of last resort:
    /// the message alone, on standard error, from WARNING on.
    pub(super) fn handle(self, level: Level, message: String) {
        let record = Record::new(self.name(), level, message);
        let handlers = self.handlers();
        for handler in &handlers {
            if level >= handler.level() {
                handler::handle(&**handler, &record);
            }
        }
        if handlers.is_empty() && level >= Level::WARNING {
            handler::write_line(&record.message);
        }
    }

    /// Its handlers and those above, nearest first. A copy: a handler may log, and add handlers.
    fn handlers(self) -> Vec<Rc<dyn Handler>> {
        let mut found = Vec::new();
        let mut node = self.node();
        loop {
            found.extend(node.handlers.borrow().iter().map(|(_, handler)| handler.clone()));
            match node.parent {
                Some(parent) if node.propagate.get() => node = Logger(parent).node(),
                _ => return found,
            }
        }
    }

    /// Elsewhere than on the thread that made it (which is possible outside of Loopbox only) it is the root.
    fn node(self) -> Rc<Node> {
        LOGGERS.with(|loggers| {
            let nodes = loggers.nodes.borrow();
            nodes.get(self.0).unwrap_or(&nodes[ROOT]).clone()
        })
    }
}

impl fmt::Debug for Logger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Logger {} ({})>", self.name(), self.effective_level())
    }
}

impl Loggers {
    fn new() -> Loggers {
        let root = Node {
            name: "root".into(),
            parent: None,
            level: Cell::new(Level::WARNING),
            propagate: Cell::new(true),
            handlers: RefCell::default(),
        };
        let loggers = Loggers {
            nodes: RefCell::new(vec![Rc::new(root)]),
            by_name: RefCell::default(),
            handlers_added: Cell::new(0),
            traced: Cell::new(None),
        };
        // What the simulator says must not take the program's time: it does not go through the program's
        // handlers unless the program asks for it.
        let ours = loggers.find_or_add(LOOPBOX);
        loggers.nodes.borrow()[ours].propagate.set(false);
        loggers
    }

    fn find_or_add(&self, name: &str) -> usize {
        if name.is_empty() || name == "root" {
            return ROOT;
        }
        if let Some(&known) = self.by_name.borrow().get(name) {
            return known;
        }
        let parent = name.rsplit_once('.').map_or(ROOT, |(above, _)| self.find_or_add(above));
        let name: Rc<str> = name.into();
        let node = Node {
            name: name.clone(),
            parent: Some(parent),
            level: Cell::new(Level::NOTSET),
            propagate: Cell::new(true),
            handlers: RefCell::default(),
        };
        let mut nodes = self.nodes.borrow_mut();
        nodes.push(Rc::new(node));
        self.by_name.borrow_mut().insert(name, nodes.len() - 1);
        nodes.len() - 1
    }
}

/// Whether somebody reads the trace.
pub(crate) fn is_traced() -> bool {
    LOGGERS.with(|loggers| {
        loggers.traced.get().unwrap_or_else(|| {
            let traced = tracing::enabled();
            loggers.traced.set(Some(traced));
            traced
        })
    })
}

/// The lowest level at which any logger handles records.
pub(super) fn lowest_level() -> Level {
    let levels = LOGGERS.with(|loggers| {
        loggers.nodes.borrow().iter().map(|node| node.level.get()).collect::<Vec<_>>()
    });
    // A root without a level handles everything.
    if levels[ROOT] == Level::NOTSET {
        return Level::NOTSET;
    }
    levels.into_iter().filter(|&level| level != Level::NOTSET).min().unwrap_or_default()
}
