//! `asyncio.Event`.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::rc::{Rc, Weak};

use super::waiters::{Identity, Waiters, write_state};
use crate::waiting::{self, Kind, Object, Place};

/// A flag that tasks can wait for. Like `asyncio.Event`.
#[derive(Clone)]
pub struct Event {
    inner: Rc<Inner>,
}

struct Inner {
    identity: Identity,
    set: Cell<bool>,
    waiters: Waiters,
}

impl Event {
    /// An event that is not set.
    #[expect(clippy::new_without_default, reason = "the place where it is made is part of it")]
    #[track_caller]
    pub fn new() -> Event {
        let identity = Identity::new("event", Location::caller());
        let inner = Rc::new(Inner { identity, set: Cell::new(false), waiters: Waiters::default() });
        let object: Weak<Inner> = Rc::downgrade(&inner);
        waiting::register(inner.identity.id, object);
        Event { inner }
    }

    /// Gives it a name for reports.
    #[must_use]
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Event {
        self.inner.identity.set_name(name.into());
        self
    }

    /// Waits until it is set; goes on at once if it is. Like `await event.wait()`.
    ///
    /// # Panics
    /// If it has to wait, and somebody has waited for this event on an earlier loop.
    #[track_caller]
    pub fn wait(&self) -> impl Future<Output = ()> + use<> {
        let (event, place) = (self.clone(), Location::caller());
        async move {
            let inner = &event.inner;
            if !inner.set.get() {
                inner.identity.bind(&event);
                inner.waiters.wait(Kind::Event, inner.identity.id, place, |_woken| {}).await;
            }
        }
    }

    /// Sets it: all who wait go on in the next turn. Like `event.set()`.
    pub fn set(&self) {
        if !self.inner.set.replace(true) {
            self.inner.waiters.wake_all();
        }
    }

    /// Unsets it. Like `event.clear()`.
    pub fn clear(&self) {
        self.inner.set.set(false);
    }

    /// Whether it is set. Like `event.is_set()`.
    pub fn is_set(&self) -> bool {
        self.inner.set.get()
    }
}

impl Object for Inner {
    fn describe(&self) -> String {
        self.identity.to_string()
    }

    fn holders(&self) -> Vec<(u32, Place)> {
        Vec::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_set() { "set" } else { "unset" };
        write_state(f, "locks.Event", &state, self.inner.waiters.len())
    }
}
