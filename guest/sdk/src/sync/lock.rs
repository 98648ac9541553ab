//! `asyncio.Lock`.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::rc::{Rc, Weak};

use super::order;
use super::waiters::{Holder, Identity, Waiters, write_state};
use crate::exception::RuntimeError;
use crate::waiting::{self, Kind, Object, Place};

/// A lock for tasks. Like `asyncio.Lock`; not re-entrant, and first come first served.
///
/// [`lock`](Lock::lock) gives a guard, which releases when it is dropped. [`acquire`](Lock::acquire) and
/// [`release`](Lock::release) are asyncio's.
#[derive(Clone)]
pub struct Lock {
    pub(super) inner: Rc<Inner>,
}

pub(super) struct Inner {
    pub(super) identity: Identity,
    /// Whoever has it.
    pub(super) holder: Cell<Option<Holder>>,
    waiters: Waiters,
}

impl Lock {
    /// A lock that nobody holds.
    #[expect(clippy::new_without_default, reason = "the place where a lock is made is part of it")]
    #[track_caller]
    pub fn new() -> Lock {
        Lock::of("lock", Location::caller())
    }

    pub(super) fn of(what: &'static str, made: Place) -> Lock {
        let identity = Identity::new(what, made);
        let inner =
            Rc::new(Inner { identity, holder: Cell::new(None), waiters: Waiters::default() });
        let object: Weak<Inner> = Rc::downgrade(&inner);
        waiting::register(inner.identity.id, object);
        Lock { inner }
    }

    /// Gives it a name for reports.
    #[must_use]
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Lock {
        self.inner.identity.set_name(name.into());
        self
    }

    /// Waits until the lock is free, and takes it. Like `await lock.acquire()`.
    ///
    /// # Panics
    /// If it has to wait, and somebody has waited for this lock on an earlier loop.
    #[track_caller]
    pub fn acquire(&self) -> impl Future<Output = ()> + use<> {
        let (lock, place) = (self.clone(), Location::caller());
        async move { lock.inner.acquire(place).await }
    }

    /// Waits until the lock is free, and takes it until the guard is dropped. Like `async with lock`.
    ///
    /// # Panics
    /// As [`acquire`](Lock::acquire).
    #[track_caller]
    pub fn lock(&self) -> impl Future<Output = LockGuard> + use<> {
        let (lock, place) = (self.clone(), Location::caller());
        async move {
            lock.inner.acquire(place).await;
            LockGuard { holder: lock.inner.holder.get(), lock }
        }
    }

    /// Lets the lock go; the first in line gets it, in the next turn. Like `lock.release()`.
    ///
    /// # Errors
    /// If nobody holds it. As in asyncio, whoever calls this need not be the holder.
    pub fn release(&self) -> Result<(), RuntimeError> {
        if self.inner.release() { Ok(()) } else { Err(RuntimeError::new("Lock is not acquired.")) }
    }

    /// Whether somebody holds it. Like `lock.locked()`.
    pub fn locked(&self) -> bool {
        self.inner.holder.get().is_some()
    }
}

impl Inner {
    pub(super) async fn acquire(self: &Rc<Inner>, place: Place) {
        if self.holder.get().is_some() || !self.waiters.is_empty() {
            self.identity.bind(&Lock { inner: self.clone() });
            // Who gives up must not leave the next in line asleep.
            let give_up = |_woken: bool| {
                if self.holder.get().is_none() {
                    self.waiters.wake_first();
                }
            };
            order::wants(self, place);
            self.waiters.wait(Kind::Lock, self.identity.id, place, give_up).await;
        } else {
            order::wants(self, place);
        }
        let holder = Holder::current(place);
        self.holder.set(Some(holder));
        order::takes(self, holder);
    }

    /// False if nobody holds it.
    pub(super) fn release(&self) -> bool {
        let Some(_) = self.holder.take() else { return false };
        order::leaves(self.identity.id);
        self.waiters.wake_first();
        true
    }

    /// Releases for a guard, unless somebody else has taken the lock since: a guard outlives an explicit
    /// `release`, and a `Condition` lends its lock to others while its guard waits.
    pub(super) fn release_for(&self, guard: Option<Holder>) {
        let (now, then) = (self.holder.get(), guard);
        if now.is_some_and(|now| then.is_some_and(|then| now.task == then.task)) {
            self.release();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        order::forget(self.identity.id);
    }
}

impl Object for Inner {
    fn describe(&self) -> String {
        self.identity.to_string()
    }

    fn holders(&self) -> Vec<(u32, Place)> {
        self.holder.get().and_then(|holder| holder.listed()).into_iter().collect()
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.locked() { "locked" } else { "unlocked" };
        write_state(f, "locks.Lock", &state, self.inner.waiters.len())
    }
}

/// Holds a [`Lock`] until it is dropped.
#[must_use = "a lock is released when its guard is dropped"]
pub struct LockGuard {
    lock: Lock,
    holder: Option<Holder>,
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        self.lock.inner.release_for(self.holder);
    }
}

impl fmt::Debug for LockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LockGuard").field(&self.lock).finish()
    }
}
