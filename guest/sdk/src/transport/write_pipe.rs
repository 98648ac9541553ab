//! asyncio's `_UnixWritePipeTransport`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

use super::{Protocol, Transport};
use crate::debug;
use crate::descriptors::{self, IoHandle};
use crate::event_loop;
use crate::exception::{AsException, Exception, OsError, OsErrorKind};
use crate::host::pipes::Interest;
use crate::host::tracing::{Level as ReportLevel, Report};
use crate::logging::{self, Level};
use crate::os::Fd;
use crate::waiting::Place;

/// From how many writes into a lost connection on each is reported.
const LOG_THRESHOLD_FOR_CONNLOST_WRITES: u32 = 5;

/// The high-water mark unless told.
const HIGH_WATER_BYTES: usize = 64 * 1024;

/// Writes into a pipe what the protocol's owner gives it. Clones are references to one transport.
#[derive(Clone)]
pub struct WriteTransport(pub(crate) Rc<WritePipe>);

/// What [`WriteTransport`]s share.
pub(crate) struct WritePipe {
    fd: Fd,
    /// Gone when the connection is lost.
    protocol: RefCell<Option<Rc<dyn Protocol>>>,
    /// What the pipe had no room for.
    buffer: RefCell<Vec<u8>>,
    /// Writes since the connection was lost.
    conn_lost: Cell<u32>,
    closing: Cell<bool>,
    /// The descriptor is closed.
    closed: Cell<bool>,
    protocol_paused: Cell<bool>,
    high_water_bytes: Cell<usize>,
    low_water_bytes: Cell<usize>,
    /// Which loop it belongs to.
    run: u32,
    created: Place,
}

impl WriteTransport {
    pub(super) fn start(fd: Fd, protocol: Rc<dyn Protocol>, created: Place) -> WriteTransport {
        let pipe = Rc::new(WritePipe {
            fd,
            protocol: RefCell::new(Some(protocol.clone())),
            buffer: RefCell::default(),
            conn_lost: Cell::new(0),
            closing: Cell::new(false),
            closed: Cell::new(false),
            protocol_paused: Cell::new(false),
            high_water_bytes: Cell::new(HIGH_WATER_BYTES),
            low_water_bytes: Cell::new(HIGH_WATER_BYTES / 4),
            run: super::run_number(),
            created,
        });
        event_loop::with(|event_loop| {
            let transport: Weak<WritePipe> = Rc::downgrade(&pipe);
            event_loop.descriptors.set_blocking(fd, false);
            event_loop.descriptors.belongs_to(fd, transport);
        });
        let transport = WriteTransport(pipe.clone());
        super::soon(created, move || protocol.connection_made(Transport::Write(transport)));
        // A writing end is readable when nobody reads any more.
        let watching = pipe.clone();
        super::soon(created, move || {
            if !watching.closing.get() {
                let this = watching.clone();
                watching.add(Interest::Readable, move || this.read_ready());
            }
        });
        WriteTransport(pipe)
    }

    /// Writes, as far as there is room, and keeps the rest for later turns. Never blocks. Like
    /// `transport.write(data)`.
    ///
    /// After the connection was lost or closed nothing is written, silently at first; from the sixth such write
    /// on each is reported (RES-7).
    pub fn write(&self, data: &[u8]) {
        let pipe = &self.0;
        if data.is_empty() {
            return;
        }
        if pipe.conn_lost.get() > 0 || pipe.closing.get() {
            if pipe.conn_lost.get() >= LOG_THRESHOLD_FOR_CONNLOST_WRITES {
                pipe.report_lost_write();
            }
            pipe.conn_lost.set(pipe.conn_lost.get().saturating_add(1));
            return;
        }
        let mut rest = data;
        if pipe.buffer.borrow().is_empty() {
            match pipe.fd.write(data) {
                Ok(written) => rest = data.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == OsErrorKind::BlockingIOError => {}
                Err(error) => {
                    pipe.conn_lost.set(pipe.conn_lost.get().saturating_add(1));
                    return pipe.fatal_error(&error);
                }
            }
            if rest.is_empty() {
                return;
            }
            let this = pipe.clone();
            pipe.add(Interest::Writable, move || this.write_ready());
        }
        pipe.buffer.borrow_mut().extend_from_slice(rest);
        pipe.maybe_pause_protocol();
    }

    /// Closes the writing end when the buffer is written. Like `transport.write_eof()`.
    pub fn write_eof(&self) {
        let pipe = &self.0;
        if pipe.closing.replace(true) {
            return;
        }
        if pipe.buffer.borrow().is_empty() {
            pipe.remove(Interest::Readable);
            pipe.lose_connection_soon(None);
        }
    }

    /// Closes the writing end when the buffer is written; the protocol's `connection_lost` follows. Like
    /// `transport.close()`.
    pub fn close(&self) {
        if !self.0.closed.get() {
            self.write_eof();
        }
    }

    /// Closes it at once; what is buffered is lost. Like `transport.abort()`.
    pub fn abort(&self) {
        self.0.close(None);
    }

    /// Whether it is closed, or about to be. Like `transport.is_closing()`.
    pub fn is_closing(&self) -> bool {
        self.0.closing.get()
    }

    /// How many bytes the pipe had no room for. Like `transport.get_write_buffer_size()`.
    pub fn get_write_buffer_size(&self) -> usize {
        self.0.buffer.borrow().len()
    }

    /// The low and the high-water mark, in bytes. Like `transport.get_write_buffer_limits()`.
    pub fn get_write_buffer_limits(&self) -> (usize, usize) {
        (self.0.low_water_bytes.get(), self.0.high_water_bytes.get())
    }

    /// Above how many bytes in the buffer the protocol is told to pause; it is told to go on at a quarter of
    /// that. Like `transport.set_write_buffer_limits(high=high)`.
    pub fn set_write_buffer_limits(&self, high: usize) {
        self.0.high_water_bytes.set(high);
        self.0.low_water_bytes.set(high / 4);
        self.0.maybe_pause_protocol();
    }

    /// Its descriptor. Like `transport.get_extra_info("pipe").fileno()`.
    pub fn fd(&self) -> Fd {
        self.0.fd
    }
}

impl WritePipe {
    /// Where it was connected.
    pub(crate) fn created(&self) -> Place {
        self.created
    }

    fn add(self: &Rc<WritePipe>, what: Interest, work: impl FnMut() + 'static) {
        let handle = IoHandle::new(work, self.created);
        let added =
            event_loop::with(|event_loop| event_loop.descriptors.add(self.fd, what, handle));
        if let Err(error) = added {
            self.fatal_error(&error);
        }
    }

    fn remove(&self, what: Interest) {
        event_loop::with(|event_loop| event_loop.descriptors.remove(self.fd, what));
    }

    /// The reader is gone.
    fn read_ready(self: &Rc<WritePipe>) {
        if debug::get_debug() {
            logging::note("asyncio", Level::INFO, format_args!("{self:?} was closed by peer"));
        }
        let broken = OsError::plain(OsErrorKind::BrokenPipeError, "");
        let unwritten = !self.buffer.borrow().is_empty();
        self.close(unwritten.then(|| broken.as_exception()));
    }

    fn write_ready(self: &Rc<WritePipe>) {
        let written = self.fd.write(&self.buffer.borrow());
        match written {
            Ok(written) => {
                let mut buffer = self.buffer.borrow_mut();
                let written = written.min(buffer.len());
                buffer.drain(..written);
                if !buffer.is_empty() {
                    return;
                }
                drop(buffer);
                self.remove(Interest::Writable);
                self.maybe_resume_protocol();
                if self.closing.get() {
                    self.remove(Interest::Readable);
                    self.lose_connection(None);
                }
            }
            Err(error) if error.kind() == OsErrorKind::BlockingIOError => {}
            Err(error) => {
                self.buffer.borrow_mut().clear();
                self.conn_lost.set(self.conn_lost.get().saturating_add(1));
                self.remove(Interest::Writable);
                self.fatal_error(&error);
            }
        }
    }

    fn maybe_pause_protocol(&self) {
        if self.buffer.borrow().len() > self.high_water_bytes.get()
            && !self.protocol_paused.replace(true)
            && let Some(protocol) = self.protocol()
        {
            protocol.pause_writing();
        }
    }

    fn maybe_resume_protocol(&self) {
        if self.buffer.borrow().len() <= self.low_water_bytes.get()
            && self.protocol_paused.replace(false)
            && let Some(protocol) = self.protocol()
        {
            protocol.resume_writing();
        }
    }

    fn protocol(&self) -> Option<Rc<dyn Protocol>> {
        self.protocol.borrow().clone()
    }

    /// An error of the operating system is no news to whoever writes: only debug mode logs it.
    fn fatal_error(self: &Rc<WritePipe>, error: &OsError) {
        if debug::get_debug() {
            let message = "Fatal write error on pipe transport";
            let exception = error.as_exception().traceback();
            let text = format_args!("{self:?}: {message}\n{exception}");
            logging::note("asyncio", Level::DEBUG, text);
        }
        self.close(Some(error.as_exception()));
    }

    /// RES-7.
    #[cold]
    fn report_lost_write(&self) {
        let text = "pipe closed by peer or os.write(pipe, data) raised exception.".into();
        let created = Some(self.created.to_string());
        let (code, level, logger) = ("RES-7".into(), ReportLevel::Warning, "asyncio".into());
        let report = Report { code, level, logger, text, created, died: None };
        event_loop::with(|event_loop| event_loop.watch.report(&report));
    }

    fn close(self: &Rc<WritePipe>, exception: Option<Exception>) {
        self.closing.set(true);
        if !self.buffer.take().is_empty() {
            self.remove(Interest::Writable);
        }
        self.remove(Interest::Readable);
        self.lose_connection_soon(exception);
    }

    fn lose_connection_soon(self: &Rc<WritePipe>, exception: Option<Exception>) {
        let this = self.clone();
        super::soon(self.created, move || this.lose_connection(exception));
    }

    fn lose_connection(&self, exception: Option<Exception>) {
        let protocol = self.protocol.take();
        if let Some(protocol) = protocol {
            protocol.connection_lost(exception);
        }
        if !self.closed.replace(true) {
            super::close(self.fd, self.created);
        }
    }
}

impl descriptors::Transport for WritePipe {
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

impl Drop for WritePipe {
    fn drop(&mut self) {
        descriptors::Transport::abandon(self);
    }
}

impl fmt::Debug for WritePipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<_UnixWritePipeTransport")?;
        if self.closed.get() {
            f.write_str(" closed")?;
        } else if self.closing.get() {
            f.write_str(" closing")?;
        }
        write!(f, " fd={}", self.fd)?;
        if self.closed.get() {
            return f.write_str(" closed>");
        }
        if !super::is_open(self.run) {
            return f.write_str(" open>");
        }
        let polling =
            event_loop::with(|event_loop| event_loop.descriptors.has(self.fd, Interest::Writable));
        let state = if polling { "polling" } else { "idle" };
        write!(f, " {state} bufsize={}>", self.buffer.borrow().len())
    }
}

impl fmt::Debug for WriteTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
