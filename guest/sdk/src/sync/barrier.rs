//! `asyncio.Barrier`.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::rc::{Rc, Weak};

use super::waiters::{Identity, Waiters, write_state};
use crate::exception::ValueError;
use crate::waiting::{self, Kind, Object, Place};

/// Lets tasks go on when a certain number of them have come. Like `asyncio.Barrier`.
#[derive(Clone)]
pub struct Barrier {
    inner: Rc<Inner>,
}

struct Inner {
    identity: Identity,
    parties: usize,
    state: Cell<State>,
    /// How many are in.
    count: Cell<usize>,
    /// Those who are in and wait for the others.
    inside: Waiters,
    /// Those who have come while the last group leaves.
    outside: Waiters,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Filling,
    Draining,
    Resetting,
    Broken,
}

/// A barrier was aborted or reset while somebody waited, or was aborted before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BrokenBarrierError(&'static str);

impl Barrier {
    /// A barrier for so many tasks.
    ///
    /// # Errors
    /// If that is none.
    #[track_caller]
    pub fn new(parties: usize) -> Result<Barrier, ValueError> {
        if parties < 1 {
            return Err(ValueError::new("parties must be > 0"));
        }
        let inner = Rc::new(Inner {
            identity: Identity::new("barrier", Location::caller()),
            parties,
            state: Cell::new(State::Filling),
            count: Cell::new(0),
            inside: Waiters::default(),
            outside: Waiters::default(),
        });
        let object: Weak<Inner> = Rc::downgrade(&inner);
        waiting::register(inner.identity.id, object);
        Ok(Barrier { inner })
    }

    /// Gives it a name for reports.
    #[must_use]
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Barrier {
        self.inner.identity.set_name(name.into());
        self
    }

    /// Waits until all have come; gives a number below [`parties`](Barrier::parties) that no other task of the
    /// group gets. Like `await barrier.wait()`.
    ///
    /// # Errors
    /// If the barrier is aborted, or is reset meanwhile.
    #[track_caller]
    pub fn wait(&self) -> impl Future<Output = Result<usize, BrokenBarrierError>> + use<> {
        let (barrier, place) = (self.clone(), Location::caller());
        async move { barrier.wait_at(place).await }
    }

    async fn wait_at(&self, place: Place) -> Result<usize, BrokenBarrierError> {
        let inner = &*self.inner;
        let id = inner.identity.id;
        while matches!(inner.state.get(), State::Draining | State::Resetting) {
            inner.identity.bind(self);
            inner.outside.wait(Kind::Barrier, id, place, |_woken| {}).await;
        }
        if inner.state.get() == State::Broken {
            return Err(BrokenBarrierError("Barrier aborted"));
        }
        let index = inner.count.get();
        inner.count.set(index + 1);
        let _inside = Inside(inner);
        if index + 1 == inner.parties {
            inner.state.set(State::Draining);
            inner.inside.wake_all();
            return Ok(index);
        }
        while inner.state.get() == State::Filling {
            inner.identity.bind(self);
            inner.inside.wait(Kind::Barrier, id, place, |_woken| {}).await;
        }
        match inner.state.get() {
            State::Broken | State::Resetting => {
                Err(BrokenBarrierError("Abort or reset of barrier"))
            }
            State::Filling | State::Draining => Ok(index),
        }
    }

    /// Sends those who wait away, with an error, and begins anew. Like `await barrier.reset()`.
    pub fn reset(&self) {
        let inner = &*self.inner;
        let is_empty = inner.count.get() == 0;
        inner.state.set(if is_empty { State::Filling } else { State::Resetting });
        inner.wake_all();
    }

    /// Breaks the barrier: those who wait and those who come get an error. Like `await barrier.abort()`.
    pub fn abort(&self) {
        self.inner.state.set(State::Broken);
        self.inner.wake_all();
    }

    /// How many have to come. Like `barrier.parties`.
    pub fn parties(&self) -> usize {
        self.inner.parties
    }

    /// How many have come. Like `barrier.n_waiting`.
    pub fn n_waiting(&self) -> usize {
        if self.inner.state.get() == State::Filling { self.inner.count.get() } else { 0 }
    }

    /// Whether it was aborted. Like `barrier.broken`.
    pub fn broken(&self) -> bool {
        self.inner.state.get() == State::Broken
    }
}

impl Inner {
    fn wake_all(&self) {
        self.inside.wake_all();
        self.outside.wake_all();
    }
}

/// One task is in, until this is dropped: also when it is cancelled.
struct Inside<'a>(&'a Inner);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let inner = self.0;
        inner.count.set(inner.count.get() - 1);
        if inner.count.get() == 0 {
            if matches!(inner.state.get(), State::Draining | State::Resetting) {
                inner.state.set(State::Filling);
            }
            inner.outside.wake_all();
        }
    }
}

impl Object for Inner {
    fn describe(&self) -> String {
        format!("{} ({} of {} have come)", self.identity, self.count.get(), self.parties)
    }

    fn holders(&self) -> Vec<(u32, Place)> {
        Vec::new()
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.inner.state.get() {
            State::Filling => "filling",
            State::Draining => "draining",
            State::Resetting => "resetting",
            State::Broken => return write_state(f, "locks.Barrier", &"broken", 0),
        };
        let state = format!("{state}, waiters:{}/{}", self.n_waiting(), self.parties());
        write_state(f, "locks.Barrier", &state, 0)
    }
}
