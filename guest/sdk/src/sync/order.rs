//! LOCK-ORDER: two tasks that take two locks in opposite order, seen before they meet.
//!
//! Whoever takes a lock while holding another one leaves a note: first this lock, then that one. If another task
//! does it the other way round while the first one is still there, the two may come to wait for each other on
//! another day, and that is reported once for a pair of locks, with all four places.
//!
//! No report if one task does both (it cannot meet itself), if the first one has ended, or if both held a
//! third lock meanwhile, which keeps them apart. Programs in which something else keeps them apart can switch the
//! report off.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::lock::Inner;
use super::waiters::Holder;
use crate::deadlock;
use crate::debug;
use crate::event_loop;
use crate::task::core::TaskKey;
use crate::waiting::{self, ObjectId, Place};

thread_local! {
    static BOOKS: RefCell<Books> = const {
        RefCell::new(Books { held: Vec::new(), seen: BTreeMap::new() })
    };
}

struct Books {
    /// Locks that a task has, in the order in which they were taken.
    held: Vec<Held>,
    /// Which lock was taken while which other one was held: how that came first.
    seen: BTreeMap<(ObjectId, ObjectId), Vec<Seen>>,
}

#[derive(Clone, Copy)]
struct Held {
    lock: ObjectId,
    task: TaskKey,
    place: Place,
}

#[derive(Clone)]
struct Seen {
    task: TaskKey,
    first_place: Place,
    second_place: Place,
    /// What else the task held.
    others: Vec<ObjectId>,
    reported: bool,
}

/// The task that runs is about to take a lock, or to wait for it.
#[inline]
pub(super) fn wants(lock: &Rc<Inner>, place: Place) {
    if BOOKS.with_borrow(|books| books.held.is_empty()) {
        return;
    }
    if let Some(task) = super::waiters::current_task() {
        compare(lock, task, place);
    }
}

/// A lock is taken.
#[inline]
pub(super) fn takes(lock: &Inner, holder: Holder) {
    if let Some(task) = holder.task {
        let held = Held { lock: lock.identity.id, task, place: holder.place };
        BOOKS.with_borrow_mut(|books| books.held.push(held));
    }
}

/// A lock is let go.
#[inline]
pub(super) fn leaves(lock: ObjectId) {
    BOOKS.with_borrow_mut(|books| {
        if let Some(index) = books.held.iter().rposition(|held| held.lock == lock) {
            books.held.remove(index);
        }
    });
}

/// A lock is at its end.
pub(super) fn forget(lock: ObjectId) {
    BOOKS.with_borrow_mut(|books| {
        books.held.retain(|held| held.lock != lock);
        books.seen.retain(|(first, second), _| *first != lock && *second != lock);
    });
}

fn compare(lock: &Rc<Inner>, task: TaskKey, place: Place) {
    let second = lock.identity.id;
    let held: Vec<Held> = BOOKS
        .with_borrow(|books| books.held.iter().filter(|held| held.task == task).copied().collect());
    for first in &held {
        if first.lock == second {
            continue;
        }
        let others = held.iter().map(|held| held.lock).filter(|other| *other != first.lock);
        let now = Seen {
            task,
            first_place: first.place,
            second_place: place,
            others: others.collect(),
            reported: false,
        };
        let opposite = BOOKS.with_borrow_mut(|books| {
            let seen = books.seen.entry((first.lock, second)).or_default();
            seen.retain(|seen| is_alive(seen.task));
            if !seen.iter().any(|seen| seen.task == task && seen.others == now.others) {
                seen.push(now.clone());
            }
            let opposite = books.seen.get_mut(&(second, first.lock))?;
            if opposite.iter().any(|seen| seen.reported) {
                return None;
            }
            let apart = |seen: &Seen| seen.others.iter().any(|other| now.others.contains(other));
            let found = opposite
                .iter_mut()
                .find(|seen| seen.task != task && is_alive(seen.task) && !apart(seen))?;
            found.reported = true;
            Some(found.clone())
        });
        if let Some(opposite) = opposite {
            report(first.lock, lock, &now, &opposite);
        }
    }
}

fn is_alive(task: TaskKey) -> bool {
    event_loop::with(|event_loop| event_loop.find_task(task)).is_some()
}

#[cold]
fn report(first: ObjectId, second: &Inner, now: &Seen, opposite: &Seen) {
    let first = waiting::find(first).map_or_else(|| "a lock".to_owned(), |first| first.describe());
    let second_text = second.identity.to_string();
    let text = format!(
        "locks are taken in opposite order: task {} took the first at {} and the second at {}; task {} took the \
         second at {} and the first at {}; the first is {first}, the second is {second_text}",
        deadlock::task_name(now.task.sequence),
        deadlock::show(now.first_place),
        deadlock::show(now.second_place),
        deadlock::task_name(opposite.task.sequence),
        deadlock::show(opposite.first_place),
        deadlock::show(opposite.second_place),
    );
    event_loop::with(|event_loop| {
        let made = second.identity.made();
        event_loop.watch.report_ours(|| debug::ours("LOCK-ORDER", text, Some(made)));
    });
}
