//! Whether a writer may go on: asyncio's `FlowControlMixin`.

use std::cell::{Cell, RefCell};

use crate::debug;
use crate::exception::{AsException, Exception, OsError, OsErrorKind};
use crate::future::{Future, create_future};
use crate::logging::{self, Level};
use crate::os::Fd;
use crate::transport::Protocol;
use crate::waiting::{Kind, ObjectId, Place};

/// The state between a transport that pauses its protocol and the tasks that drain.
pub(crate) struct FlowControl {
    paused: Cell<bool>,
    connection_lost: Cell<bool>,
    drain_waiters: RefCell<Vec<Future<()>>>,
    /// Done when the connection is lost.
    closed: Future<()>,
}

impl FlowControl {
    pub(crate) fn new() -> FlowControl {
        FlowControl {
            paused: Cell::new(false),
            connection_lost: Cell::new(false),
            drain_waiters: RefCell::default(),
            closed: create_future(),
        }
    }

    /// Waits while the transport has too much to write.
    pub(crate) async fn drain(&self, fd: Fd, place: Place) -> Result<(), Exception> {
        if self.connection_lost.get() {
            let lost = OsError::plain(OsErrorKind::ConnectionResetError, "Connection lost");
            return Err(lost.as_exception());
        }
        if !self.paused.get() {
            return Ok(());
        }
        let waiter = create_future();
        self.drain_waiters.borrow_mut().push(waiter.clone());
        waiter.noting(Kind::Pipe, ObjectId(fd.0), place).await
    }

    /// Waits for the end of the connection.
    pub(crate) async fn wait_closed(&self, fd: Fd, place: Place) -> Result<(), Exception> {
        self.closed.clone().noting(Kind::Pipe, ObjectId(fd.0), place).await
    }

    fn note(&self, what: &str) {
        if debug::get_debug() {
            let text = format_args!("{} {what} writing", self.describe());
            logging::note("asyncio", Level::DEBUG, text);
        }
    }
}

// Whoever waits may have given up, and then its waiter is done: no result of a waiter's is looked at here.
impl Protocol for FlowControl {
    fn pause_writing(&self) {
        self.paused.set(true);
        self.note("pauses");
    }

    fn resume_writing(&self) {
        self.paused.set(false);
        self.note("resumes");
        for waiter in self.drain_waiters.take() {
            let _ = waiter.set_result(());
        }
    }

    fn connection_lost(&self, exception: Option<Exception>) {
        self.connection_lost.set(true);
        for waiter in self.drain_waiters.take() {
            let _ = match &exception {
                None => waiter.set_result(()),
                Some(exception) => waiter.set_exception(exception.clone()),
            };
        }
        let _ = match exception {
            None => self.closed.set_result(()),
            Some(exception) => {
                let set = self.closed.set_exception(exception);
                // Nobody need wait for the end: it counts as looked at.
                let _ = self.closed.exception();
                set
            }
        };
    }

    fn describe(&self) -> String {
        "<FlowControlMixin object>".into()
    }
}
