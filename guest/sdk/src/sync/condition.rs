//! `asyncio.Condition`.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::rc::{Rc, Weak};

use super::lock::{Lock, LockGuard};
use super::waiters::{Identity, Waiters, write_state};
use crate::exception::RuntimeError;
use crate::waiting::{self, Kind, Object, Place};

/// Waiting, under a lock, for something to change. Like `asyncio.Condition`.
///
/// One difference: in asyncio a wait that is cancelled takes the lock again before it ends. A future that is
/// dropped cannot wait for that, so here the lock is not held then; its guard knows.
#[derive(Clone)]
pub struct Condition {
    lock: Lock,
    inner: Rc<Inner>,
}

struct Inner {
    identity: Identity,
    waiters: Waiters,
}

/// Holds the lock of a [`Condition`] until it is dropped.
pub type ConditionGuard = LockGuard;

impl Condition {
    /// A condition with a lock of its own.
    #[expect(clippy::new_without_default, reason = "the place where it is made is part of it")]
    #[track_caller]
    pub fn new() -> Condition {
        let made = Location::caller();
        Condition::of(Lock::of("lock of the condition", made), made)
    }

    /// A condition on a lock that there is. Like `asyncio.Condition(lock)`.
    #[track_caller]
    pub fn with_lock(lock: &Lock) -> Condition {
        Condition::of(lock.clone(), Location::caller())
    }

    fn of(lock: Lock, made: Place) -> Condition {
        let identity = Identity::new("condition", made);
        let inner = Rc::new(Inner { identity, waiters: Waiters::default() });
        let object: Weak<Inner> = Rc::downgrade(&inner);
        waiting::register(inner.identity.id, object);
        Condition { lock, inner }
    }

    /// Gives it a name for reports.
    #[must_use]
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Condition {
        self.inner.identity.set_name(name.into());
        self
    }

    /// Takes the lock. Like `await condition.acquire()`.
    #[track_caller]
    pub fn acquire(&self) -> impl Future<Output = ()> + use<> {
        self.lock.acquire()
    }

    /// Takes the lock until the guard is dropped. Like `async with condition`.
    #[track_caller]
    pub fn lock(&self) -> impl Future<Output = ConditionGuard> + use<> {
        self.lock.lock()
    }

    /// Lets the lock go. Like `condition.release()`.
    ///
    /// # Errors
    /// If nobody holds it.
    pub fn release(&self) -> Result<(), RuntimeError> {
        self.lock.release()
    }

    /// Whether somebody holds the lock. Like `condition.locked()`.
    pub fn locked(&self) -> bool {
        self.lock.locked()
    }

    /// Lets the lock go, waits to be notified, and takes the lock again. Like `await condition.wait()`.
    ///
    /// # Errors
    /// If nobody holds the lock.
    #[track_caller]
    pub fn wait(&self) -> impl Future<Output = Result<(), RuntimeError>> + use<> {
        let (condition, place) = (self.clone(), Location::caller());
        async move { condition.wait_at(place).await }
    }

    /// Waits until the predicate holds, which is asked under the lock. Like `await condition.wait_for(f)`.
    ///
    /// # Errors
    /// If it has to wait, and nobody holds the lock.
    #[track_caller]
    pub fn wait_for(
        &self,
        mut predicate: impl FnMut() -> bool,
    ) -> impl Future<Output = Result<(), RuntimeError>> {
        let (condition, place) = (self.clone(), Location::caller());
        async move {
            while !predicate() {
                condition.wait_at(place).await?;
            }
            Ok(())
        }
    }

    async fn wait_at(&self, place: Place) -> Result<(), RuntimeError> {
        let Some(holder) = self.lock.inner.holder.get() else {
            return Err(RuntimeError::new("cannot wait on un-acquired lock"));
        };
        self.inner.identity.bind(self);
        self.lock.inner.release();
        let inner = &self.inner;
        // A notification that strikes one who gives up goes to another, until the lock is taken again.
        let pass_on = |_woken: bool| inner.waiters.wake_up_to(1);
        inner.waiters.wait(Kind::Condition, inner.identity.id, place, pass_on).await;
        let pass_on = PassOn(Some(&inner.waiters));
        self.lock.inner.acquire(holder.place).await;
        pass_on.forget();
        Ok(())
    }

    /// Wakes so many of those who wait. Like `condition.notify(n)`.
    ///
    /// # Errors
    /// If nobody holds the lock.
    pub fn notify(&self, count: usize) -> Result<(), RuntimeError> {
        if !self.locked() {
            return Err(RuntimeError::new("cannot notify on un-acquired lock"));
        }
        self.inner.waiters.wake_up_to(count);
        Ok(())
    }

    /// Wakes all who wait. Like `condition.notify_all()`.
    ///
    /// # Errors
    /// If nobody holds the lock.
    pub fn notify_all(&self) -> Result<(), RuntimeError> {
        self.notify(usize::MAX)
    }
}

/// Notifies another one if it is dropped without having been told to forget it.
struct PassOn<'a>(Option<&'a Waiters>);

impl PassOn<'_> {
    fn forget(mut self) {
        self.0 = None;
    }
}

impl Drop for PassOn<'_> {
    fn drop(&mut self) {
        if let Some(waiters) = self.0 {
            waiters.wake_up_to(1);
        }
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

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.locked() { "locked" } else { "unlocked" };
        write_state(f, "locks.Condition", &state, self.inner.waiters.len())
    }
}
