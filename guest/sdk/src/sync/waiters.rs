//! Who waits for a thing, in order of arrival, and what all the things here have in common.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::event_loop;
use crate::task::core::TaskKey;
use crate::waiting::{self, Kind, ObjectId, Place};

/// One that waits. Woken means: it was chosen, and will see that at its next step.
pub(super) struct Waiter {
    woken: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

/// A line of tasks.
#[derive(Default)]
pub(super) struct Waiters {
    line: RefCell<VecDeque<Rc<Waiter>>>,
}

impl Waiters {
    /// Gets in line. `cancelled` runs if the future is dropped before it is done, out of line already, and is
    /// told whether it had been woken.
    pub(super) fn wait<C: FnMut(bool)>(
        &self,
        kind: Kind,
        object: ObjectId,
        place: Place,
        cancelled: C,
    ) -> Waiting<'_, C> {
        let waiter = Rc::new(Waiter { woken: Cell::new(false), waker: Cell::new(None) });
        self.line.borrow_mut().push_back(waiter.clone());
        Waiting { waiters: self, waiter, kind, object, place, cancelled: Some(cancelled) }
    }

    /// Wakes the first in line, again if it was woken already: it is first until it has taken its turn.
    pub(super) fn wake_first(&self) {
        let first = self.line.borrow().front().cloned();
        if let Some(first) = first {
            first.wake();
        }
    }

    /// Wakes the first that is not woken yet; false if there is none.
    pub(super) fn wake_next(&self) -> bool {
        let next = self.line.borrow().iter().find(|waiter| !waiter.woken.get()).cloned();
        next.inspect(|next| next.wake()).is_some()
    }

    /// Wakes up to so many that are not woken yet.
    pub(super) fn wake_up_to(&self, count: usize) {
        for _ in 0..count {
            if !self.wake_next() {
                break;
            }
        }
    }

    pub(super) fn wake_all(&self) {
        while self.wake_next() {}
    }

    /// How many are in line, woken or not.
    pub(super) fn len(&self) -> usize {
        self.line.borrow().len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.line.borrow().is_empty()
    }

    fn leave(&self, waiter: &Rc<Waiter>) {
        let mut line = self.line.borrow_mut();
        if let Some(index) = line.iter().position(|other| Rc::ptr_eq(other, waiter)) {
            line.remove(index);
        }
    }
}

impl Waiter {
    fn wake(&self) {
        self.woken.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// A place in line: a future that is done when it is woken, and out of line then.
pub(super) struct Waiting<'a, C: FnMut(bool)> {
    waiters: &'a Waiters,
    waiter: Rc<Waiter>,
    kind: Kind,
    object: ObjectId,
    place: Place,
    /// `None` when it is done.
    cancelled: Option<C>,
}

impl<C: FnMut(bool)> Unpin for Waiting<'_, C> {}

impl<C: FnMut(bool)> Future for Waiting<'_, C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.waiter.woken.get() {
            if self.cancelled.take().is_some() {
                self.waiters.leave(&self.waiter);
            }
            return Poll::Ready(());
        }
        self.waiter.waker.set(Some(cx.waker().clone()));
        waiting::note(self.kind, self.object, self.place);
        Poll::Pending
    }
}

impl<C: FnMut(bool)> Drop for Waiting<'_, C> {
    fn drop(&mut self) {
        if let Some(mut cancelled) = self.cancelled.take() {
            self.waiters.leave(&self.waiter);
            cancelled(self.waiter.woken.get());
        }
    }
}

/// What reports say of a thing: which one it is.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) id: ObjectId,
    what: &'static str,
    name: RefCell<Option<Cow<'static, str>>>,
    made: Place,
    /// The loop on which somebody has waited for it first.
    run: Cell<Option<u32>>,
}

impl Identity {
    pub(super) fn new(what: &'static str, made: Place) -> Identity {
        Identity {
            id: waiting::next_id(),
            what,
            name: RefCell::default(),
            made,
            run: Cell::new(None),
        }
    }

    pub(super) fn set_name(&self, name: Cow<'static, str>) {
        self.name.replace(Some(name));
    }

    pub(super) fn made(&self) -> Place {
        self.made
    }

    /// Somebody has to wait.
    ///
    /// # Panics
    /// If somebody did so on another loop, with asyncio's words.
    #[track_caller]
    pub(super) fn bind(&self, described: &dyn fmt::Debug) {
        let run = event_loop::with(|event_loop| event_loop.run_number.get());
        match self.run.get() {
            None => self.run.set(Some(run)),
            Some(first) if first == run => {}
            Some(_) => panic!("{described:?} is bound to a different event loop"),
        }
    }
}

/// Such as `lock "db" made at app.rs:3`.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        if let Some(name) = &*self.name.borrow() {
            write!(f, " {name:?}")?;
        }
        write!(f, " made at {}:{}", self.made.file(), self.made.line())
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        waiting::forget(self.id);
    }
}

/// Who has something, and since which place in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    /// `None` outside of tasks.
    pub(super) task: Option<TaskKey>,
    pub(super) place: Place,
}

impl Holder {
    /// What runs now.
    pub(super) fn current(place: Place) -> Holder {
        Holder { task: current_task(), place }
    }

    /// As [`waiting::Object::holders`] wants it.
    pub(super) fn listed(&self) -> Option<(u32, Place)> {
        Some((self.task?.sequence, self.place))
    }
}

/// The task whose step runs.
pub(super) fn current_task() -> Option<TaskKey> {
    event_loop::with(|event_loop| event_loop.current.get())
}

/// The end of asyncio's `repr`: ` [locked, waiters:2]>`.
pub(super) fn write_state(
    f: &mut fmt::Formatter<'_>,
    class: &str,
    state: &dyn fmt::Display,
    waiters: usize,
) -> fmt::Result {
    write!(f, "<asyncio.{class} object [{state}")?;
    if waiters > 0 {
        write!(f, ", waiters:{waiters}")?;
    }
    f.write_str("]>")
}
