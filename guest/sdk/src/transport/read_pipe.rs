//! asyncio's `_UnixReadPipeTransport`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

use super::{Protocol, Transport};
use crate::debug;
use crate::descriptors::{self, IoHandle};
use crate::event_loop;
use crate::exception::{AsException, Exception, OsError, OsErrorKind};
use crate::host::pipes::Interest;
use crate::logging::{self, Level};
use crate::os::Fd;
use crate::waiting::Place;

/// The most that is read in one turn.
const READ_BYTES_MAX: u32 = 256 * 1024;

/// Reads from a pipe into a protocol. Clones are references to one transport.
#[derive(Clone)]
pub struct ReadTransport(pub(crate) Rc<ReadPipe>);

/// What [`ReadTransport`]s share.
pub(crate) struct ReadPipe {
    fd: Fd,
    /// Gone when the connection is lost.
    protocol: RefCell<Option<Rc<dyn Protocol>>>,
    closing: Cell<bool>,
    paused: Cell<bool>,
    /// The descriptor is closed.
    closed: Cell<bool>,
    /// Which loop it belongs to.
    run: u32,
    created: Place,
}

impl ReadTransport {
    pub(super) fn start(fd: Fd, protocol: Rc<dyn Protocol>, created: Place) -> ReadTransport {
        let pipe = Rc::new(ReadPipe {
            fd,
            protocol: RefCell::new(Some(protocol.clone())),
            closing: Cell::new(false),
            paused: Cell::new(false),
            closed: Cell::new(false),
            run: super::run_number(),
            created,
        });
        event_loop::with(|event_loop| {
            let transport: Weak<ReadPipe> = Rc::downgrade(&pipe);
            event_loop.descriptors.set_blocking(fd, false);
            event_loop.descriptors.belongs_to(fd, transport);
        });
        let transport = ReadTransport(pipe.clone());
        super::soon(created, move || protocol.connection_made(Transport::Read(transport)));
        // Only when the protocol knows of it.
        let reading = pipe.clone();
        super::soon(created, move || {
            if !reading.closing.get() && !reading.paused.get() {
                reading.add_reader();
            }
        });
        ReadTransport(pipe)
    }

    /// Stops reading: the pipe fills up, and its writer waits. Like `transport.pause_reading()`.
    pub fn pause_reading(&self) {
        let pipe = &self.0;
        if !pipe.closing.get() && !pipe.paused.replace(true) {
            pipe.remove_reader();
            pipe.note("pauses reading");
        }
    }

    /// Goes on reading. Like `transport.resume_reading()`.
    pub fn resume_reading(&self) {
        let pipe = &self.0;
        if !pipe.closing.get() && pipe.paused.replace(false) {
            pipe.add_reader();
            pipe.note("resumes reading");
        }
    }

    /// Reads no more; the protocol's `connection_lost` follows. Like `transport.close()`.
    pub fn close(&self) {
        if !self.0.closing.get() {
            self.0.close(None);
        }
    }

    /// Whether it is closed, or about to be. Like `transport.is_closing()`.
    pub fn is_closing(&self) -> bool {
        self.0.closing.get()
    }

    /// Its descriptor. Like `transport.get_extra_info("pipe").fileno()`.
    pub fn fd(&self) -> Fd {
        self.0.fd
    }
}

impl ReadPipe {
    fn add_reader(self: &Rc<ReadPipe>) {
        let this = self.clone();
        let handle = IoHandle::new(move || this.read_ready(), self.created);
        let added = event_loop::with(|event_loop| {
            event_loop.descriptors.add(self.fd, Interest::Readable, handle)
        });
        if let Err(error) = added {
            self.fatal_error(&error);
        }
    }

    fn remove_reader(&self) {
        event_loop::with(|event_loop| event_loop.descriptors.remove(self.fd, Interest::Readable));
    }

    fn read_ready(self: &Rc<ReadPipe>) {
        match self.fd.read(READ_BYTES_MAX) {
            Err(error) if error.kind() == OsErrorKind::BlockingIOError => {}
            Err(error) => self.fatal_error(&error),
            Ok(data) if data.is_empty() => {
                if debug::get_debug() {
                    let text = format_args!("{self:?} was closed by peer");
                    logging::note("asyncio", Level::INFO, text);
                }
                self.closing.set(true);
                self.remove_reader();
                if let Some(protocol) = self.protocol() {
                    super::soon(self.created, move || protocol.eof_received());
                }
                self.lose_connection_soon(None);
            }
            Ok(data) => {
                if let Some(protocol) = self.protocol() {
                    protocol.data_received(data);
                }
            }
        }
    }

    fn protocol(&self) -> Option<Rc<dyn Protocol>> {
        self.protocol.borrow().clone()
    }

    fn fatal_error(self: &Rc<ReadPipe>, error: &OsError) {
        let protocol = self.protocol().map(|protocol| protocol.describe()).unwrap_or_default();
        let (message, transport) = ("Fatal read error on pipe transport", format!("{self:?}"));
        super::fatal_error(message, error, &transport, &protocol, self.created);
        self.close(Some(error.as_exception()));
    }

    fn close(self: &Rc<ReadPipe>, exception: Option<Exception>) {
        self.closing.set(true);
        self.remove_reader();
        self.lose_connection_soon(exception);
    }

    fn lose_connection_soon(self: &Rc<ReadPipe>, exception: Option<Exception>) {
        let this = self.clone();
        super::soon(self.created, move || {
            let protocol = this.protocol.take();
            if let Some(protocol) = protocol {
                protocol.connection_lost(exception);
            }
            if !this.closed.replace(true) {
                super::close(this.fd, this.created);
            }
        });
    }

    fn note(&self, what: &str) {
        if debug::get_debug() {
            logging::note("asyncio", Level::DEBUG, format_args!("{self:?} {what}"));
        }
    }
}

impl descriptors::Transport for ReadPipe {
    fn describe(&self) -> String {
        format!("{self:?}")
    }

    fn is_closing(&self) -> bool {
        self.closing.get()
    }

    fn abandon(&self) {
        if !self.closed.get() {
            super::warn_unclosed(&format!("transport {self:?}"), self.created);
            self.closed.set(true);
            super::close(self.fd, self.created);
        }
        drop(self.protocol.take());
    }
}

impl Drop for ReadPipe {
    fn drop(&mut self) {
        descriptors::Transport::abandon(self);
    }
}

impl fmt::Debug for ReadPipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<_UnixReadPipeTransport")?;
        if self.closed.get() {
            f.write_str(" closed")?;
        } else if self.closing.get() {
            f.write_str(" closing")?;
        }
        write!(f, " fd={}", self.fd)?;
        let polling = || {
            event_loop::with(|event_loop| event_loop.descriptors.has(self.fd, Interest::Readable))
        };
        f.write_str(match () {
            () if self.closed.get() => " closed>",
            () if !super::is_open(self.run) => " open>",
            () if polling() => " polling>",
            () => " idle>",
        })
    }
}

impl fmt::Debug for ReadTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
