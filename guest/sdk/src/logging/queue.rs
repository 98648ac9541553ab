//! The cure for handlers that block: a queue, and a listener on a thread of its own.
//!
//! As the logging cookbook has it under "Dealing with handlers that block": loggers get a [`QueueHandler`], which
//! never blocks, and a [`QueueListener`] gives the records to the slow handlers on another thread.
//!
//! That thread is the one worker of a pool of its own. Jobs run in place and to their end, so a listener that waits
//! for records for ever cannot be one job: it is a job for each record, one after the other, in order. Each takes its record when
//! the listener has done with the one before, at that time on the listener's clock, which pays for what the
//! handlers take. So a queue is as full at any moment as it would be beside a real thread, with one limit: while a
//! step of the loop runs, nothing is taken. A step that logs more records than the queue has room for overflows it
//! even if it takes long enough for a thread to keep up.
//!
//! `run` waits until the listener has handled what is queued, as it waits for every job.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::handler::{self, EmitError, Handler};
use super::{Level, Record};
use crate::debug::seconds;
use crate::event_loop;
use crate::executor::PoolJob;
use crate::host::{blocking, clock, jobs};
use crate::time::to_nanos;

thread_local! {
    /// All queues, for what there is to say at the end.
    static QUEUES: RefCell<Vec<Rc<Shared>>> = const { RefCell::new(Vec::new()) };
}

/// What becomes of a record for which there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// It is lost, and `queue.Full` is written to standard error: what `put_nowait` does in Python.
    Raise,
    /// It is lost.
    DropNewest,
    /// The record that has waited longest is lost.
    DropOldest,
}

/// A queue of records between a [`QueueHandler`] and a [`QueueListener`]. Like the `queue.Queue` of these.
///
/// When the loop ends, a report says how many records were lost, and how many nobody took.
#[derive(Clone)]
pub struct LogQueue(Rc<Shared>);

struct Shared {
    /// `None`: no bound.
    capacity: Option<usize>,
    overflow: Overflow,
    waiting: RefCell<VecDeque<Item>>,
    put: Cell<u64>,
    lost: Cell<u64>,
    /// When the first one was lost, in nanoseconds.
    lost_since: Cell<u64>,
    /// Gets the records, once it is started.
    listener: RefCell<Option<Listening>>,
    /// The listener's thread: a pool of one worker, from its first record on.
    pool: OnceCell<u32>,
    /// How many jobs of the listener have not finished in the loop's eyes.
    jobs: Cell<u32>,
    /// Whether one of them has not taken its item.
    submitted: Cell<bool>,
    /// Until when the listener is busy with what it has taken, in nanoseconds.
    busy_until: Cell<u64>,
}

struct Listening {
    handlers: Vec<Rc<dyn Handler>>,
    respect_levels: bool,
}

enum Item {
    Record(Record),
    /// What was put before it is handled: Python's sentinel.
    Stop {
        put: u64,
        stopped: Rc<Stopped>,
    },
}

impl LogQueue {
    /// A queue that takes everything.
    pub fn unbounded() -> LogQueue {
        LogQueue::new(None, Overflow::Raise)
    }

    /// A queue for so many records, at least one.
    pub fn bounded(capacity: usize, overflow: Overflow) -> LogQueue {
        LogQueue::new(Some(capacity.max(1)), overflow)
    }

    fn new(capacity: Option<usize>, overflow: Overflow) -> LogQueue {
        QUEUES.with_borrow_mut(|queues| {
            let shared = Rc::new(Shared {
                capacity,
                overflow,
                waiting: RefCell::default(),
                put: Cell::new(0),
                lost: Cell::new(0),
                lost_since: Cell::new(0),
                listener: RefCell::new(None),
                pool: OnceCell::new(),
                jobs: Cell::new(0),
                submitted: Cell::new(false),
                busy_until: Cell::new(0),
            });
            queues.push(shared.clone());
            LogQueue(shared)
        })
    }

    /// How many records wait. Like `queue.qsize`.
    pub fn len(&self) -> usize {
        self.0.waiting.borrow().len()
    }

    /// Whether none waits. Like `queue.empty`.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many records were lost because the queue was full.
    pub fn lost(&self) -> u64 {
        self.0.lost.get()
    }
}

impl Shared {
    fn put(self: &Rc<Shared>, record: Record) -> Result<(), EmitError> {
        self.put.set(self.put.get() + 1);
        let full = self.capacity.is_some_and(|capacity| self.waiting.borrow().len() >= capacity);
        if full {
            if self.lost.get() == 0 {
                self.lost_since.set(clock::now());
            }
            self.lost.set(self.lost.get() + 1);
            match self.overflow {
                Overflow::Raise => return Err(EmitError::Full),
                Overflow::DropNewest => return Ok(()),
                Overflow::DropOldest => drop(self.waiting.borrow_mut().pop_front()),
            }
        }
        self.waiting.borrow_mut().push_back(Item::Record(record));
        self.listen();
        Ok(())
    }

    /// Sees to it that the listener takes what waits, when it is done with what it has.
    fn listen(self: &Rc<Shared>) {
        let nothing = self.listener.borrow().is_none() || self.waiting.borrow().is_empty();
        let busy = self.jobs.get() > 0 && clock::now() < self.busy_until.get();
        if !nothing && !busy && !self.submitted.replace(true) {
            self.jobs.set(self.jobs.get() + 1);
            let pool = *self.pool.get_or_init(|| jobs::create_pool("log-listener", 1));
            let id = jobs::submit(pool, "QueueListener", "", true);
            let job = Rc::new(TakeNext(self.clone()));
            event_loop::with(|event_loop| event_loop.jobs.borrow_mut().insert(id, job));
        }
    }

    /// On the listener's thread: takes an item and deals with it.
    fn take_next(self: &Rc<Shared>) {
        self.submitted.set(false);
        let Some(item) = self.waiting.borrow_mut().pop_front() else { return };
        // The job runs when the loop waits, on a clock that may be behind what the loop has done since. No time
        // passes for anybody else.
        let put = match &item {
            Item::Record(record) => to_nanos(record.created),
            Item::Stop { put, .. } => *put,
        };
        blocking::compute(put.saturating_sub(clock::now()));
        match item {
            Item::Record(record) => self.handle(&record),
            Item::Stop { stopped, .. } => {
                drop(self.listener.take());
                stopped.done.set(true);
                if let Some(waker) = stopped.waker.take() {
                    waker.wake();
                }
            }
        }
        self.busy_until.set(clock::now());
        self.listen();
    }

    fn handle(&self, record: &Record) {
        let (handlers, respect_levels) = match &*self.listener.borrow() {
            Some(listening) => (listening.handlers.clone(), listening.respect_levels),
            None => return,
        };
        for handler in handlers {
            if !respect_levels || record.level >= handler.level() {
                handler::handle(&*handler, record);
            }
        }
    }

    /// What there is to say when the loop ends.
    fn report(&self) {
        let lost = self.lost.replace(0);
        if lost > 0 {
            let (all, capacity) = (self.put.get(), self.capacity.unwrap_or_default());
            let since = seconds(self.lost_since.get());
            super::report(
                "LOG-LOST",
                &format!(
                    "{lost} of {all} log records are lost: the QueueHandler's queue of {capacity} was full, first at {since} seconds"
                ),
            );
        }
        let left = self.waiting.take().len();
        if left > 0 {
            super::report(
                "LOG-LEFT",
                &format!(
                    "{left} log records are left in the QueueHandler's queue: no QueueListener has taken them"
                ),
            );
        }
    }
}

/// The job: the listener takes one item.
struct TakeNext(Rc<Shared>);

impl PoolJob for TakeNext {
    fn pool(&self) -> u32 {
        self.0.pool.get().copied().unwrap_or_default()
    }

    fn run(&self) -> bool {
        self.0.take_next();
        true
    }

    fn finish(&self) {
        self.0.jobs.set(self.0.jobs.get() - 1);
        self.0.listen();
    }
}

/// The loop ends.
pub(super) fn report_all() {
    let queues = QUEUES.with_borrow(Clone::clone);
    for queue in queues {
        queue.report();
    }
}

/// Puts records into a queue, which does not block. Like `logging.handlers.QueueHandler`.
#[derive(Clone)]
pub struct QueueHandler {
    queue: LogQueue,
    level: Level,
}

impl QueueHandler {
    /// One that puts everything into this queue.
    pub fn new(queue: &LogQueue) -> QueueHandler {
        QueueHandler { queue: queue.clone(), level: Level::NOTSET }
    }

    /// Takes records from this level on. Like `setLevel`.
    pub fn with_level(mut self, level: Level) -> QueueHandler {
        self.level = level;
        self
    }
}

impl Handler for QueueHandler {
    fn emit(&self, record: &Record) -> Result<(), EmitError> {
        self.queue.0.put(record.clone())
    }

    fn describe(&self) -> String {
        "QueueHandler".into()
    }

    fn level(&self) -> Level {
        self.level
    }
}

/// Takes the records of a queue on a thread of its own, and gives them to its handlers. Like
/// `logging.handlers.QueueListener`.
pub struct QueueListener {
    queue: LogQueue,
    handlers: Vec<Rc<dyn Handler>>,
    respect_levels: bool,
}

impl QueueListener {
    /// A listener that is not started. As in Python, it gives every record to every handler, whatever the
    /// handler's level; see [`respect_handler_level`](QueueListener::respect_handler_level).
    pub fn new(queue: &LogQueue) -> QueueListener {
        QueueListener { queue: queue.clone(), handlers: Vec::new(), respect_levels: false }
    }

    /// Adds a handler.
    #[must_use]
    pub fn with_handler(mut self, handler: impl Handler + 'static) -> QueueListener {
        self.handlers.push(Rc::new(handler));
        self
    }

    /// Whether a handler gets only records of its level.
    #[must_use]
    pub fn respect_handler_level(mut self, respect: bool) -> QueueListener {
        self.respect_levels = respect;
        self
    }

    /// Begins to listen. What is in the queue already is taken, too.
    pub fn start(&self) {
        let listening =
            Listening { handlers: self.handlers.clone(), respect_levels: self.respect_levels };
        drop(self.queue.0.listener.replace(Some(listening)));
        self.queue.0.listen();
    }

    /// Waits until what is in the queue now is handled; then nobody listens any more. In Python this blocks; here
    /// it is awaited.
    pub async fn stop(self) {
        let stopped = Rc::new(Stopped::default());
        let sentinel = Item::Stop { put: clock::now(), stopped: stopped.clone() };
        self.queue.0.waiting.borrow_mut().push_back(sentinel);
        if self.queue.0.listener.borrow().is_none() {
            // Never started: nobody will take the sentinel.
            self.queue.0.waiting.borrow_mut().pop_back();
            return;
        }
        self.queue.0.listen();
        WaitFor(stopped).await;
    }
}

/// What the sentinel says when it is taken.
#[derive(Default)]
struct Stopped {
    done: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

struct WaitFor(Rc<Stopped>);

impl Future for WaitFor {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0.done.get() {
            return Poll::Ready(());
        }
        self.0.waker.set(Some(cx.waker().clone()));
        Poll::Pending
    }
}
