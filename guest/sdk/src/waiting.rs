//! What a pending step waits for.
//!
//! A future of ours that returns `Pending` says so with [`note`]: what kind of thing, which one, and where the
//! program waits. The loop takes the last note after the step ([`take`]) and keeps it with the task, for the
//! day on which nothing moves any more. A note is a few stores; nothing is allocated, and no text is made
//! until a report needs one.
//!
//! Things that are waited for (locks, events, queues, futures) have an [`ObjectId`] and are in a register
//! from their creation to their end, so that a report can ask them who holds them. Timers, tasks, jobs and
//! signals need no entry: their id is the number that the loop knows them by.
//!
//! Futures of other crates note nothing. A task without a note waits for something that we do not know, and a
//! report has to say that.

#![allow(dead_code, reason = "not all reports exist yet")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::Location;
use std::rc::{Rc, Weak};

/// A place in the program's source.
pub(crate) type Place = &'static Location<'static>;

/// Which of a task's kind of things a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A timer: `sleep`, a timeout. Its object is [`ObjectId::NONE`].
    Timer,
    /// Another task; the object is its sequence number.
    Task,
    Future,
    Lock,
    Event,
    Condition,
    Semaphore,
    Barrier,
    /// An item to take.
    QueueGet,
    /// A free slot.
    QueuePut,
    /// All items done: `join`.
    QueueJoin,
    /// The next item of an asynchronous generator.
    Generator,
    /// A job of a pool; the object is the machine's id.
    Job,
    /// A signal; the object is its number.
    Signal,
    /// An end of a pipe; the object is the machine's id.
    Pipe,
    /// The end of a child process; the object is the machine's id.
    Process,
}

/// Which thing of its [`Kind`]. Ids from the register are never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectId(pub(crate) u32);

impl ObjectId {
    /// For what needs no identity.
    pub(crate) const NONE: ObjectId = ObjectId(0);
}

/// What a step that stayed pending said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) kind: Kind,
    pub(crate) object: ObjectId,
    /// Where the program waits.
    pub(crate) place: Place,
}

thread_local! {
    static LAST: Cell<Option<Note>> = const { Cell::new(None) };
    static REGISTER: RefCell<Register> = const { RefCell::new(Register::new()) };
}

/// A future of ours returns `Pending`: the last one in a step is what the task waits for.
#[inline]
pub(crate) fn note(kind: Kind, object: ObjectId, place: Place) {
    LAST.set(Some(Note { kind, object, place }));
}

/// The last note since this was called before. The loop calls it after a step.
#[inline]
pub(crate) fn take() -> Option<Note> {
    LAST.take()
}

/// Puts back what [`take`] gave: for futures that poll several and know which one is the reason.
#[inline]
pub(crate) fn put_back(note: Option<Note>) {
    LAST.set(note);
}

/// Something that a task can wait for, as reports see it.
pub(crate) trait Object {
    /// What it is, with its name and the place where it was made, such as `lock "db" made at a.rs:3`.
    fn describe(&self) -> String;

    /// The tasks that could end the waiting, by sequence number, each with the place where it came to
    /// that; empty if nobody is known.
    fn holders(&self) -> Vec<(u32, Place)>;

    /// What a report of a deadlock should add, if the thing itself shows what is missing. There are so many
    /// references to it.
    fn remark(&self, _references: usize) -> Option<String> {
        None
    }
}

struct Register {
    objects: BTreeMap<ObjectId, Weak<dyn Object>>,
    last: u32,
}

impl Register {
    const fn new() -> Register {
        Register { objects: BTreeMap::new(), last: 0 }
    }
}

/// The next free id of the register.
pub(crate) fn next_id() -> ObjectId {
    REGISTER.with_borrow_mut(|register| {
        register.last = register.last.wrapping_add(1);
        ObjectId(register.last)
    })
}

/// Puts a new object into the register, under an id from [`next_id`].
pub(crate) fn register(id: ObjectId, object: Weak<dyn Object>) {
    REGISTER.with_borrow_mut(|register| register.objects.insert(id, object));
}

/// An object is at its end.
pub(crate) fn forget(id: ObjectId) {
    let object = REGISTER.with_borrow_mut(|register| register.objects.remove(&id));
    drop(object);
}

/// The object of this id, if it lives.
pub(crate) fn find(id: ObjectId) -> Option<Rc<dyn Object>> {
    REGISTER.with_borrow(|register| register.objects.get(&id)?.upgrade())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing;

    impl Object for Thing {
        fn describe(&self) -> String {
            "thing".into()
        }

        fn holders(&self) -> Vec<(u32, Place)> {
            Vec::new()
        }
    }

    #[test]
    fn the_last_note_counts_and_is_taken_once() {
        let place = Location::caller();
        note(Kind::Timer, ObjectId::NONE, place);
        note(Kind::Lock, ObjectId(7), place);
        assert_eq!(take(), Some(Note { kind: Kind::Lock, object: ObjectId(7), place }));
        assert_eq!(take(), None);
    }

    #[test]
    fn an_object_is_found_while_it_lives_and_its_id_is_not_used_again() {
        let thing: Rc<dyn Object> = Rc::new(Thing);
        let id = next_id();
        register(id, Rc::downgrade(&thing));
        assert_eq!(find(id).map(|thing| thing.describe()).as_deref(), Some("thing"));
        drop(thing);
        assert!(find(id).is_none());
        forget(id);
        assert_ne!(next_id(), id);
    }
}
