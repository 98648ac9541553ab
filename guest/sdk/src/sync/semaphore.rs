//! `asyncio.Semaphore` and `asyncio.BoundedSemaphore`.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::rc::{Rc, Weak};

use super::waiters::{Holder, Identity, Waiters, current_task, write_state};
use crate::exception::ValueError;
use crate::waiting::{self, Kind, Object, Place};

/// Lets a number of tasks pass at a time. Like `asyncio.Semaphore`.
#[derive(Clone)]
pub struct Semaphore {
    inner: Rc<Inner>,
}

struct Inner {
    identity: Identity,
    value: Cell<usize>,
    /// The value that must not be passed, if it is a bounded one.
    bound: Option<usize>,
    waiters: Waiters,
    /// Who has acquired it and not released it, as far as it can be told: whoever releases need not be the
    /// one who acquired.
    holders: RefCell<Vec<Holder>>,
}

impl Semaphore {
    /// A semaphore that lets so many pass.
    #[track_caller]
    pub fn new(value: usize) -> Semaphore {
        Semaphore::of(value, None, Location::caller())
    }

    fn of(value: usize, bound: Option<usize>, made: Place) -> Semaphore {
        let inner = Rc::new(Inner {
            identity: Identity::new("semaphore", made),
            value: Cell::new(value),
            bound,
            waiters: Waiters::default(),
            holders: RefCell::default(),
        });
        let object: Weak<Inner> = Rc::downgrade(&inner);
        waiting::register(inner.identity.id, object);
        Semaphore { inner }
    }

    /// Gives it a name for reports.
    #[must_use]
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Semaphore {
        self.inner.identity.set_name(name.into());
        self
    }

    /// Waits until it may pass. Like `await semaphore.acquire()`.
    ///
    /// # Panics
    /// If it has to wait, and somebody has waited for this semaphore on an earlier loop.
    #[track_caller]
    pub fn acquire(&self) -> impl Future<Output = ()> + use<> {
        let (semaphore, place) = (self.clone(), Location::caller());
        async move { semaphore.acquire_at(place).await }
    }

    /// Waits until it may pass, and holds that until the guard is dropped. Like `async with semaphore`.
    ///
    /// # Panics
    /// As [`acquire`](Semaphore::acquire).
    #[track_caller]
    pub fn lock(&self) -> impl Future<Output = SemaphoreGuard> + use<> {
        let (semaphore, place) = (self.clone(), Location::caller());
        async move {
            semaphore.acquire_at(place).await;
            SemaphoreGuard { semaphore, holder: Holder::current(place) }
        }
    }

    async fn acquire_at(&self, place: Place) {
        let inner = &self.inner;
        if self.locked() {
            inner.identity.bind(self);
            // What one who gives up was given goes to the next in line.
            let give_up = |woken: bool| {
                inner.value.set(inner.value.get() + usize::from(woken));
                inner.hand_out();
            };
            inner.waiters.wait(Kind::Semaphore, inner.identity.id, place, give_up).await;
            inner.hand_out();
        } else {
            inner.value.set(inner.value.get() - 1);
        }
        inner.holders.borrow_mut().push(Holder::current(place));
    }

    /// Lets one more pass. Like `semaphore.release()`.
    ///
    /// # Errors
    /// Of a [`BoundedSemaphore`] alone: if it was released more often than acquired.
    pub fn release(&self) -> Result<(), ValueError> {
        self.inner.release(|holder| holder.task == current_task())
    }

    /// Whether it would have to wait. Like `semaphore.locked()`.
    pub fn locked(&self) -> bool {
        self.inner.value.get() == 0 || !self.inner.waiters.is_empty()
    }
}

impl Inner {
    /// Releases what the first holder has for which this is true; the oldest, if it is true for none.
    fn release(&self, is_it: impl Fn(&Holder) -> bool) -> Result<(), ValueError> {
        if self.bound.is_some_and(|bound| self.value.get() >= bound) {
            return Err(ValueError::new("BoundedSemaphore released too many times"));
        }
        let mut holders = self.holders.borrow_mut();
        if !holders.is_empty() {
            let index = holders.iter().position(is_it).unwrap_or(0);
            holders.remove(index);
        }
        drop(holders);
        self.value.set(self.value.get() + 1);
        if self.waiters.wake_next() {
            self.value.set(self.value.get() - 1);
        }
        Ok(())
    }

    /// Wakes as many as may pass.
    fn hand_out(&self) {
        while self.value.get() > 0 && self.waiters.wake_next() {
            self.value.set(self.value.get() - 1);
        }
    }
}

impl Object for Inner {
    fn describe(&self) -> String {
        self.identity.to_string()
    }

    fn holders(&self) -> Vec<(u32, Place)> {
        self.holders.borrow().iter().filter_map(Holder::listed).collect()
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (class, value) = match self.inner.bound {
            Some(_) => ("locks.BoundedSemaphore", self.inner.value.get()),
            None => ("locks.Semaphore", self.inner.value.get()),
        };
        let state =
            if self.locked() { "locked".into() } else { format!("unlocked, value:{value}") };
        write_state(f, class, &state, self.inner.waiters.len())
    }
}

/// A [`Semaphore`] that cannot be released more often than it was acquired. Like `asyncio.BoundedSemaphore`.
#[derive(Clone, Debug)]
pub struct BoundedSemaphore(Semaphore);

impl BoundedSemaphore {
    /// A semaphore that lets so many pass, and never more.
    #[track_caller]
    pub fn new(value: usize) -> BoundedSemaphore {
        BoundedSemaphore(Semaphore::of(value, Some(value), Location::caller()))
    }

    /// Gives it a name for reports.
    #[must_use]
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> BoundedSemaphore {
        BoundedSemaphore(self.0.named(name))
    }
}

impl Deref for BoundedSemaphore {
    type Target = Semaphore;

    fn deref(&self) -> &Semaphore {
        &self.0
    }
}

/// Holds one of a [`Semaphore`]'s places until it is dropped.
#[must_use = "a semaphore is released when its guard is dropped"]
#[derive(Debug)]
pub struct SemaphoreGuard {
    semaphore: Semaphore,
    holder: Holder,
}

impl Drop for SemaphoreGuard {
    fn drop(&mut self) {
        // A bounded one that was released by hand, too, has had its error.
        drop(self.semaphore.inner.release(|holder| *holder == self.holder));
    }
}
