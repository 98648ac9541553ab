//! `asyncio.Queue`, `PriorityQueue` and `LifoQueue`.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::Location;
use std::rc::{Rc, Weak};

use super::growth::Growth;
use super::waiters::{Identity, Waiters};
use crate::exception::ValueError;
use crate::waiting::{self, Kind, Object, Place};

/// A queue between tasks. Like `asyncio.Queue`; a clone is a reference to the same queue.
///
/// The order in which items come out is the store's: [`Fifo`] unless told, [`PriorityQueue`] and [`LifoQueue`]
/// are the others of asyncio.
pub struct Queue<T, S = Fifo<T>> {
    inner: Rc<Inner<S>>,
    items: PhantomData<T>,
}

/// A queue that gives the lowest item first. Like `asyncio.PriorityQueue`.
#[derive(Debug)]
pub struct PriorityQueue<T>(Queue<T, Priority<T>>);

/// A queue that gives the newest item first. Like `asyncio.LifoQueue`.
#[derive(Debug)]
pub struct LifoQueue<T>(Queue<T, Lifo<T>>);

struct Inner<S> {
    identity: Identity,
    /// Zero is no limit.
    maxsize: usize,
    items: RefCell<S>,
    len: Cell<usize>,
    getters: Waiters,
    putters: Waiters,
    /// Items that were put and whose `task_done` is missing.
    unfinished: Cell<usize>,
    joiners: Waiters,
    shut_down: Cell<bool>,
    growth: Growth,
}

/// A queue is full.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("")]
pub struct QueueFull<T>(
    /// The item that was not put.
    pub T,
);

impl<T> fmt::Debug for QueueFull<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueueFull()")
    }
}

/// A queue is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("")]
pub struct QueueEmpty;

/// A queue was shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("")]
pub struct QueueShutDown;

/// Why an item was not put at once.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PutError<T> {
    /// There is no room.
    #[error(transparent)]
    Full(#[from] QueueFull<T>),
    /// The queue was shut down.
    #[error("")]
    ShutDown,
}

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PutError::Full(_) => "QueueFull()",
            PutError::ShutDown => "QueueShutDown()",
        })
    }
}

/// Why no item was taken at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GetError {
    /// There is none.
    #[error(transparent)]
    Empty(#[from] QueueEmpty),
    /// There is none, and the queue was shut down.
    #[error(transparent)]
    ShutDown(#[from] QueueShutDown),
}

impl<T: 'static> Queue<T> {
    /// An empty queue with room for so many items; zero is no limit.
    #[track_caller]
    pub fn new(maxsize: usize) -> Queue<T> {
        Queue::of(maxsize, Location::caller())
    }
}

impl<T: Ord + 'static> PriorityQueue<T> {
    /// An empty queue with room for so many items; zero is no limit.
    #[track_caller]
    pub fn new(maxsize: usize) -> PriorityQueue<T> {
        PriorityQueue(Queue::of(maxsize, Location::caller()))
    }

    /// Gives it a name for reports.
    #[must_use]
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> PriorityQueue<T> {
        PriorityQueue(self.0.named(name))
    }
}

impl<T: 'static> LifoQueue<T> {
    /// An empty queue with room for so many items; zero is no limit.
    #[track_caller]
    pub fn new(maxsize: usize) -> LifoQueue<T> {
        LifoQueue(Queue::of(maxsize, Location::caller()))
    }

    /// Gives it a name for reports.
    #[must_use]
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> LifoQueue<T> {
        LifoQueue(self.0.named(name))
    }
}

impl<T> Deref for PriorityQueue<T> {
    type Target = Queue<T, Priority<T>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T> Deref for LifoQueue<T> {
    type Target = Queue<T, Lifo<T>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T> Clone for PriorityQueue<T> {
    fn clone(&self) -> PriorityQueue<T> {
        PriorityQueue(self.0.clone())
    }
}

impl<T> Clone for LifoQueue<T> {
    fn clone(&self) -> LifoQueue<T> {
        LifoQueue(self.0.clone())
    }
}

impl<T, S: Store<T> + 'static> Queue<T, S> {
    fn of(maxsize: usize, made: Place) -> Queue<T, S> {
        let inner = Rc::new(Inner {
            identity: Identity::new("queue", made),
            maxsize,
            items: RefCell::new(S::default()),
            len: Cell::new(0),
            getters: Waiters::default(),
            putters: Waiters::default(),
            unfinished: Cell::new(0),
            joiners: Waiters::default(),
            shut_down: Cell::new(false),
            growth: Growth::default(),
        });
        let object: Weak<Inner<S>> = Rc::downgrade(&inner);
        waiting::register(inner.identity.id, object);
        Queue { inner, items: PhantomData }
    }

    /// Gives it a name for reports.
    #[must_use]
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Queue<T, S> {
        self.inner.identity.set_name(name.into());
        self
    }

    /// Puts an item, when there is room. Like `await queue.put(item)`.
    ///
    /// # Errors
    /// If the queue is shut down.
    ///
    /// # Panics
    /// If it has to wait, and somebody has waited for this queue on an earlier loop.
    #[track_caller]
    pub fn put(&self, item: T) -> impl Future<Output = Result<(), QueueShutDown>> + use<T, S> {
        let (queue, place) = (self.clone(), Location::caller());
        async move {
            let inner = &*queue.inner;
            while queue.full() {
                if inner.shut_down.get() {
                    return Err(QueueShutDown);
                }
                inner.identity.bind(&queue);
                let give_up = |woken: bool| {
                    if woken && !queue.full() {
                        inner.putters.wake_next();
                    }
                };
                inner.putters.wait(Kind::QueuePut, inner.identity.id, place, give_up).await;
            }
            queue.put_nowait(item).map_err(|_| QueueShutDown)
        }
    }

    /// Puts an item now. Like `queue.put_nowait(item)`.
    ///
    /// # Errors
    /// If there is no room, or the queue is shut down.
    pub fn put_nowait(&self, item: T) -> Result<(), PutError<T>> {
        let inner = &*self.inner;
        if inner.shut_down.get() {
            return Err(PutError::ShutDown);
        }
        if self.full() {
            return Err(QueueFull(item).into());
        }
        inner.items.borrow_mut().put(item);
        inner.len.set(inner.len.get() + 1);
        inner.unfinished.set(inner.unfinished.get() + 1);
        if inner.maxsize == 0 {
            inner.growth.put(inner.len.get(), &inner.identity);
        }
        inner.getters.wake_next();
        Ok(())
    }

    /// Takes an item, when there is one. Like `await queue.get()`.
    ///
    /// # Errors
    /// If the queue is empty and shut down.
    ///
    /// # Panics
    /// As [`put`](Queue::put).
    #[track_caller]
    pub fn get(&self) -> impl Future<Output = Result<T, QueueShutDown>> + use<T, S> {
        let (queue, place) = (self.clone(), Location::caller());
        async move {
            let inner = &*queue.inner;
            loop {
                match queue.get_nowait() {
                    Ok(item) => return Ok(item),
                    Err(GetError::ShutDown(error)) => return Err(error),
                    Err(GetError::Empty(_)) => {}
                }
                inner.identity.bind(&queue);
                let give_up = |woken: bool| {
                    if woken && !queue.empty() {
                        inner.getters.wake_next();
                    }
                };
                inner.getters.wait(Kind::QueueGet, inner.identity.id, place, give_up).await;
            }
        }
    }

    /// Takes an item now. Like `queue.get_nowait()`.
    ///
    /// # Errors
    /// If there is none.
    pub fn get_nowait(&self) -> Result<T, GetError> {
        let inner = &*self.inner;
        let item = inner.items.borrow_mut().get();
        match item {
            Some(item) => {
                inner.len.set(inner.len.get() - 1);
                inner.growth.got(inner.len.get());
                inner.putters.wake_next();
                Ok(item)
            }
            None if inner.shut_down.get() => Err(QueueShutDown.into()),
            None => Err(QueueEmpty.into()),
        }
    }

    /// One of the items that were taken is done. Like `queue.task_done()`.
    ///
    /// # Errors
    /// If it is called more often than items were put.
    pub fn task_done(&self) -> Result<(), ValueError> {
        if self.inner.finish_one() {
            Ok(())
        } else {
            Err(ValueError::new("task_done() called too many times"))
        }
    }

    /// Waits until all items that were put are taken and done. Like `await queue.join()`.
    #[track_caller]
    pub fn join(&self) -> impl Future<Output = ()> + use<T, S> {
        let (queue, place) = (self.clone(), Location::caller());
        async move {
            let inner = &*queue.inner;
            if inner.unfinished.get() > 0 {
                inner.identity.bind(&queue);
                inner.joiners.wait(Kind::QueueJoin, inner.identity.id, place, |_woken| {}).await;
            }
        }
    }

    /// Nothing more can be put; what is in the queue can be taken, unless `immediate`. Like `queue.shutdown`.
    pub fn shutdown(&self, immediate: bool) {
        let inner = &*self.inner;
        inner.shut_down.set(true);
        if immediate {
            loop {
                let item = inner.items.borrow_mut().get();
                if item.is_none() {
                    break;
                }
                inner.len.set(inner.len.get() - 1);
                inner.finish_one();
            }
        }
        inner.getters.wake_all();
        inner.putters.wake_all();
    }

    /// How many items are in it. Like `queue.qsize()`.
    pub fn qsize(&self) -> usize {
        self.inner.len.get()
    }

    /// How many there is room for; zero is no limit. Like `queue.maxsize`.
    pub fn maxsize(&self) -> usize {
        self.inner.maxsize
    }

    /// Whether there is no item in it. Like `queue.empty()`.
    pub fn empty(&self) -> bool {
        self.qsize() == 0
    }

    /// Whether there is no room left. Like `queue.full()`.
    pub fn full(&self) -> bool {
        self.maxsize() != 0 && self.qsize() >= self.maxsize()
    }
}

impl<S> Inner<S> {
    /// False if all are done already.
    fn finish_one(&self) -> bool {
        let Some(left) = self.unfinished.get().checked_sub(1) else { return false };
        self.unfinished.set(left);
        if left == 0 {
            self.joiners.wake_all();
        }
        true
    }
}

impl<S> Object for Inner<S> {
    fn describe(&self) -> String {
        let Inner { identity, maxsize, len, unfinished, .. } = self;
        format!(
            "{identity} (maxsize {maxsize}, {} items in it, {} not done)",
            len.get(),
            unfinished.get()
        )
    }

    fn holders(&self) -> Vec<(u32, Place)> {
        Vec::new()
    }

    fn remark(&self, _references: usize) -> Option<String> {
        let missing = self.unfinished.get().saturating_sub(self.len.get());
        (missing > 0 && !self.joiners.is_empty()).then(|| {
            format!("{missing} of its items were taken without task_done(), which join() waits for")
        })
    }
}

impl<T, S> Clone for Queue<T, S> {
    fn clone(&self) -> Queue<T, S> {
        Queue { inner: self.inner.clone(), items: PhantomData }
    }
}

impl<T, S> fmt::Debug for Queue<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { maxsize, len, getters, putters, unfinished, .. } = &*self.inner;
        write!(f, "<Queue maxsize={maxsize}")?;
        for (what, count) in [
            ("_queue", len.get()),
            ("_getters", getters.len()),
            ("_putters", putters.len()),
            ("tasks", unfinished.get()),
        ] {
            if count > 0 {
                write!(f, " {what}={count}")?;
            }
        }
        f.write_str(">")
    }
}

/// Where a [`Queue`] keeps its items: this decides their order.
pub trait Store<T>: Default {
    /// Takes an item in.
    fn put(&mut self, item: T);
    /// Gives the next item.
    fn get(&mut self) -> Option<T>;
}

/// First in, first out.
#[derive(Debug)]
pub struct Fifo<T>(VecDeque<T>);

/// Lowest first; equal ones in any, but always the same order.
#[derive(Debug)]
pub struct Priority<T>(BinaryHeap<Reverse<T>>);

/// Last in, first out.
#[derive(Debug)]
pub struct Lifo<T>(Vec<T>);

impl<T> Default for Fifo<T> {
    fn default() -> Fifo<T> {
        Fifo(VecDeque::new())
    }
}

impl<T: Ord> Default for Priority<T> {
    fn default() -> Priority<T> {
        Priority(BinaryHeap::new())
    }
}

impl<T> Default for Lifo<T> {
    fn default() -> Lifo<T> {
        Lifo(Vec::new())
    }
}

impl<T> Store<T> for Fifo<T> {
    fn put(&mut self, item: T) {
        self.0.push_back(item);
    }

    fn get(&mut self) -> Option<T> {
        self.0.pop_front()
    }
}

impl<T: Ord> Store<T> for Priority<T> {
    fn put(&mut self, item: T) {
        self.0.push(Reverse(item));
    }

    fn get(&mut self) -> Option<T> {
        self.0.pop().map(|Reverse(item)| item)
    }
}

impl<T> Store<T> for Lifo<T> {
    fn put(&mut self, item: T) {
        self.0.push(item);
    }

    fn get(&mut self) -> Option<T> {
        self.0.pop()
    }
}
