//! What the loop watches: `add_reader`, `add_writer` and their kin on the ends of pipes.
//!
//! As with asyncio's selector a descriptor has at most one reader and one writer, and they are called in every
//! turn in which it is ready, not once for each arrival. The loop knows descriptors by number, as the selector
//! does: a handle that was not removed before its descriptor was closed stays in the books, and nobody ever calls
//! it. CPython is silent about that; here it is a report (STALE-READER), as is a handle that is called again and
//! again and moves nothing (BUSY-FD).

use std::any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;
use std::rc::{Rc, Weak};

use crate::callback::{self, Outcome};
use crate::debug::{self, HandleText};
use crate::event_loop::{self, EventLoop, Ready};
use crate::exception::{Exception, OsError, RuntimeError};
use crate::host::pipes::{self as host, Interest};
use crate::host::tracing::{Level, Report};
use crate::os::Fd;

#[cfg(test)]
mod tests;

/// How often a handle may be called in a row without moving a byte.
const BUSY_CALLS: u32 = 100;

/// The loop's books of descriptors.
pub(crate) struct Descriptors {
    watched: RefCell<BTreeMap<Fd, Watched>>,
    /// Which transport a descriptor belongs to.
    transports: RefCell<BTreeMap<Fd, Weak<dyn Transport>>>,
    /// Descriptors whose operations must not block.
    nonblocking: RefCell<BTreeSet<Fd>>,
}

/// A transport, as its descriptor sees it.
pub(crate) trait Transport {
    /// Like its `repr`.
    fn describe(&self) -> String;
    fn is_closing(&self) -> bool;
    /// The loop is closed, or nobody has the transport any more: warns if that comes too early for it.
    fn abandon(&self);
}

#[derive(Default)]
struct Watched {
    reader: Option<Rc<IoHandle>>,
    writer: Option<Rc<IoHandle>>,
    /// How often in a row it was ready and nothing moved.
    idle_calls: Cell<u32>,
}

impl Watched {
    fn handle(&mut self, what: Interest) -> &mut Option<Rc<IoHandle>> {
        match what {
            Interest::Readable => &mut self.reader,
            Interest::Writable => &mut self.writer,
        }
    }
}

/// A callback that runs whenever its descriptor is ready.
pub(crate) struct IoHandle {
    /// Taken out while it runs.
    work: RefCell<Option<Work>>,
    cancelled: Cell<bool>,
    type_name: &'static str,
    place: &'static Location<'static>,
    /// It was made in debug mode.
    has_origin: bool,
}

type Work = Box<dyn FnMut() -> Option<Exception>>;

impl IoHandle {
    pub(crate) fn new<F, R>(mut work: F, place: &'static Location<'static>) -> Rc<IoHandle>
    where
        F: FnMut() -> R + 'static,
        R: Outcome,
    {
        let type_name = any::type_name::<F>();
        let work: Work = Box::new(move || work().error());
        let work = RefCell::new(Some(work));
        let has_origin = debug::get_debug();
        Rc::new(IoHandle { work, cancelled: Cell::new(false), type_name, place, has_origin })
    }

    fn text(&self) -> HandleText<'static> {
        HandleText {
            name: debug::short_name(self.type_name),
            when: None,
            cancelled: self.cancelled.get(),
            place: self.place,
            has_origin: self.has_origin,
        }
    }

    /// Runs it, unless it was removed since it became ready.
    pub(crate) fn run(&self, event_loop: &EventLoop) {
        let Some(mut work) = self.work.take() else { return };
        event_loop.callback_place.set(Some(self.place));
        let error = if event_loop.watch.is_on() {
            let name = debug::short_name(self.type_name);
            event_loop.watch.callback(name, self.place, || self.text().show(), &mut work)
        } else {
            work()
        };
        if let Some(error) = error {
            callback::failed(&self.text(), error);
        }
        event_loop.callback_place.set(None);
        if !self.cancelled.get() {
            self.work.replace(Some(work));
        }
    }

    fn cancel(&self) {
        self.cancelled.set(true);
        drop(self.work.take());
    }
}

impl Descriptors {
    pub(crate) const fn new() -> Descriptors {
        Descriptors {
            watched: RefCell::new(BTreeMap::new()),
            transports: RefCell::new(BTreeMap::new()),
            nonblocking: RefCell::new(BTreeSet::new()),
        }
    }

    /// Registers a handle in the place of the one that may be there.
    pub(crate) fn add(&self, fd: Fd, what: Interest, handle: Rc<IoHandle>) -> Result<(), OsError> {
        let known = self.watched.borrow_mut().get_mut(&fd).and_then(|at| at.handle(what).take());
        if let Some(known) = known {
            // The selector is told of a change only if there is one: after a close and a reuse of the number it
            // goes on watching nothing, as epoll does.
            known.cancel();
        } else {
            host::watch(fd.0, what, true)?;
        }
        let mut watched = self.watched.borrow_mut();
        let at = watched.entry(fd).or_default();
        at.idle_calls.set(0);
        *at.handle(what) = Some(handle);
        Ok(())
    }

    /// Takes a handle back; false if there is none.
    pub(crate) fn remove(&self, fd: Fd, what: Interest) -> bool {
        let mut watched = self.watched.borrow_mut();
        let Some(at) = watched.get_mut(&fd) else { return false };
        let handle = at.handle(what).take();
        if at.reader.is_none() && at.writer.is_none() {
            watched.remove(&fd);
        }
        drop(watched);
        let Some(handle) = handle else { return false };
        handle.cancel();
        // The descriptor may be closed already, and is not watched then.
        let _ = host::watch(fd.0, what, false);
        true
    }

    /// Whether a handle is registered.
    pub(crate) fn has(&self, fd: Fd, what: Interest) -> bool {
        self.watched.borrow_mut().get_mut(&fd).is_some_and(|at| at.handle(what).is_some())
    }

    /// The machine says that a descriptor is ready.
    pub(crate) fn ready(&self, event_loop: &EventLoop, fd: Fd, what: Interest) {
        let mut watched = self.watched.borrow_mut();
        let Some(at) = watched.get_mut(&fd) else { return };
        let Some(handle) = at.handle(what).clone() else { return };
        let idle_calls = at.idle_calls.get().saturating_add(1);
        at.idle_calls.set(idle_calls);
        drop(watched);
        if idle_calls == BUSY_CALLS {
            event_loop.watch.report_ours(|| busy(fd, what, &handle));
        }
        event_loop.push(Ready::Io(handle));
    }

    /// Bytes have gone through a descriptor.
    pub(crate) fn moved(&self, fd: Fd) {
        if let Some(at) = self.watched.borrow().get(&fd) {
            at.idle_calls.set(0);
        }
    }

    /// A descriptor was closed here.
    pub(crate) fn closed(&self, event_loop: &EventLoop, fd: Fd, place: &'static Location<'static>) {
        self.nonblocking.borrow_mut().remove(&fd);
        let watched = self.watched.borrow();
        let handles = watched.get(&fd).map(|at| (at.reader.clone(), at.writer.clone()));
        drop(watched);
        let Some((reader, writer)) = handles else { return };
        for (role, handle) in [("reader", reader), ("writer", writer)] {
            if let Some(handle) = handle {
                event_loop.watch.report_ours(|| stale(fd, role, &handle, place));
            }
        }
    }

    pub(crate) fn is_blocking(&self, fd: Fd) -> bool {
        !self.nonblocking.borrow().contains(&fd)
    }

    pub(crate) fn set_blocking(&self, fd: Fd, blocking: bool) {
        let mut nonblocking = self.nonblocking.borrow_mut();
        if blocking {
            nonblocking.remove(&fd);
        } else {
            nonblocking.insert(fd);
        }
    }

    /// A descriptor is a transport's from now on, until that is gone.
    pub(crate) fn belongs_to(&self, fd: Fd, transport: Weak<dyn Transport>) {
        self.transports.borrow_mut().insert(fd, transport);
    }

    /// RES-10: nobody else may watch a descriptor of a transport.
    pub(crate) fn ensure_no_transport(&self, fd: Fd) -> Result<(), RuntimeError> {
        let transport = self.transports.borrow().get(&fd).and_then(Weak::upgrade);
        match transport.filter(|transport| !transport.is_closing()) {
            None => Ok(()),
            Some(transport) => Err(RuntimeError::new(format!(
                "File descriptor {fd} is used by transport {}",
                transport.describe()
            ))),
        }
    }

    /// The loop is closed: nothing is watched any more.
    pub(crate) fn close(&self) {
        let watched = self.watched.take();
        for fd in watched.keys() {
            for what in [Interest::Readable, Interest::Writable] {
                // As in `remove`.
                let _ = host::watch(fd.0, what, false);
            }
        }
        // Before the handles, which may be all that keeps a transport: so they are told in order.
        for transport in self.transports.take().into_values() {
            if let Some(transport) = transport.upgrade() {
                transport.abandon();
            }
        }
        for at in watched.into_values() {
            [at.reader, at.writer].iter().flatten().for_each(|handle| handle.cancel());
        }
    }
}

/// STALE-READER: a handle that nobody will ever call.
fn stale(fd: Fd, role: &str, handle: &IoHandle, place: &Location<'_>) -> Report {
    let text = format!(
        "descriptor {fd} was closed while a {role} is registered for it: {}() will not be called again, even if \
         the number is used again; call remove_{role} before close",
        handle.text().name
    );
    let created = Some(handle.place.to_string());
    let died = Some(place.to_string());
    let (level, logger) = (Level::Warning, "loopbox".into());
    Report { code: "STALE-READER".into(), level, logger, text, created, died }
}

/// BUSY-FD: a loop that turns for nothing.
fn busy(fd: Fd, what: Interest, handle: &IoHandle) -> Report {
    let (ready, moved) = match what {
        Interest::Readable => ("readable", "read"),
        Interest::Writable => ("writable", "written"),
    };
    let text = format!(
        "descriptor {fd} was {ready} {BUSY_CALLS} times in a row, and {}() was called each time: 0 bytes {moved}",
        handle.text().name
    );
    let created = Some(handle.place.to_string());
    let (level, logger) = (Level::Warning, "loopbox".into());
    Report { code: "BUSY-FD".into(), level, logger, text, created, died: None }
}

/// Calls `callback` whenever there is something to read, or the end: in every turn until it is read. Replaces the
/// reader that may be there. Like `loop.add_reader`.
///
/// # Errors
/// `OSError` if the descriptor is closed, `PermissionError` if it is no end of a pipe, `RuntimeError` if no loop
/// runs or a transport uses it.
#[track_caller]
pub fn add_reader<F, R>(fd: impl Into<Fd>, callback: F) -> Result<(), Exception>
where
    F: FnMut() -> R + 'static,
    R: Outcome,
{
    add(fd.into(), Interest::Readable, IoHandle::new(callback, Location::caller()))
}

/// Calls `callback` whenever there is room to write, in every turn. Replaces the writer that may be there. Like
/// `loop.add_writer`.
///
/// # Errors
/// As [`add_reader`].
#[track_caller]
pub fn add_writer<F, R>(fd: impl Into<Fd>, callback: F) -> Result<(), Exception>
where
    F: FnMut() -> R + 'static,
    R: Outcome,
{
    add(fd.into(), Interest::Writable, IoHandle::new(callback, Location::caller()))
}

/// Takes the reader back; false if there is none. Like `loop.remove_reader`.
///
/// # Errors
/// If a transport uses the descriptor.
pub fn remove_reader(fd: impl Into<Fd>) -> Result<bool, RuntimeError> {
    remove(fd.into(), Interest::Readable)
}

/// Takes the writer back; false if there is none. Like `loop.remove_writer`.
///
/// # Errors
/// If a transport uses the descriptor.
pub fn remove_writer(fd: impl Into<Fd>) -> Result<bool, RuntimeError> {
    remove(fd.into(), Interest::Writable)
}

#[track_caller]
fn add(fd: Fd, what: Interest, handle: Rc<IoHandle>) -> Result<(), Exception> {
    event_loop::with(|event_loop| {
        if event_loop.mode.get() != event_loop::Mode::Running {
            return Err(RuntimeError::new(RuntimeError::NO_LOOP).into());
        }
        event_loop.descriptors.ensure_no_transport(fd)?;
        Ok(event_loop.descriptors.add(fd, what, handle)?)
    })
}

fn remove(fd: Fd, what: Interest) -> Result<bool, RuntimeError> {
    event_loop::with(|event_loop| {
        event_loop.descriptors.ensure_no_transport(fd)?;
        Ok(event_loop.descriptors.remove(fd, what))
    })
}
