//! A child and its pipes, as the loop has them: asyncio's `_UnixSubprocessTransport` and the protocol that feeds
//! the streams.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

use super::watcher;
use crate::debug;
use crate::event_loop;
use crate::exception::{Exception, OsError, OsErrorKind};
use crate::future::{Future, create_future};
use crate::host::process as host;
use crate::logging::{self, Level};
use crate::os::{self, Fd};
use crate::signal::{SIGKILL, Signal};
use crate::streams::{FlowControl, StreamReader, StreamWriter};
use crate::transport::{self, Protocol, ReadTransport, Transport, soon, warn_unclosed};
use crate::waiting::{Kind, ObjectId, Place};

/// A child process with its pipes, at a low level: to close it.
#[derive(Clone)]
pub struct SubprocessTransport(pub(super) Rc<Child>);

impl SubprocessTransport {
    /// Closes its pipes, and kills the child if it lives. Like `transport.close()`.
    pub fn close(&self) {
        self.0.close();
    }

    /// Whether it is closed. Like `transport.is_closing()`.
    pub fn is_closing(&self) -> bool {
        self.0.closed.get()
    }

    /// The child's number. Like `transport.get_pid()`.
    pub fn get_pid(&self) -> u32 {
        self.0.pid
    }

    /// See [`Process::returncode`](super::Process::returncode). Like `transport.get_returncode()`.
    pub fn get_returncode(&self) -> Option<i32> {
        self.0.returncode.get()
    }
}

/// What the loop, the pipes and the process's handle share.
pub(crate) struct Child {
    pid: u32,
    /// By the child's descriptor: 0, 1, 2. An entry is there from the start if that is a pipe.
    pipes: [Option<Rc<PipeProtocol>>; 3],
    stdin: RefCell<Option<StreamWriter>>,
    stdout: Option<StreamReader>,
    stderr: Option<StreamReader>,
    /// Of its standard input.
    flow: Rc<FlowControl>,
    returncode: Cell<Option<i32>>,
    exit_waiters: RefCell<Vec<Future<i32>>>,
    /// The transport is closed, or was warned of.
    closed: Cell<bool>,
    /// The child has ended and its pipes are closed.
    finished: Cell<bool>,
    /// Everybody was told that it has finished.
    lost: Cell<bool>,
    created: Place,
}

/// One pipe of a child, as its transport sees it.
struct PipeProtocol {
    child: Weak<Child>,
    /// The child's descriptor.
    fd: usize,
    transport: RefCell<Option<Transport>>,
    disconnected: Cell<bool>,
}

/// The protocol that `connect_*_pipe` makes is shared with the child.
struct Shared(Rc<PipeProtocol>);

impl Child {
    /// Makes transports of the pipes of a child that was started.
    pub(super) async fn connect(
        started: &host::Child,
        limit: usize,
        created: Place,
    ) -> Result<Rc<Child>, Exception> {
        let reader = |fd: Option<u32>| fd.map(|_| StreamReader::new(limit, created)).transpose();
        let (stdout, stderr) = (reader(started.stdout)?, reader(started.stderr)?);
        let fds = [started.stdin, started.stdout, started.stderr];
        let child = Rc::new_cyclic(|child: &Weak<Child>| {
            let mut pipes = [None, None, None];
            for (fd, (pipe, known)) in pipes.iter_mut().zip(fds).enumerate() {
                *pipe = known.map(|_| {
                    let (transport, disconnected) = (RefCell::default(), Cell::new(false));
                    Rc::new(PipeProtocol { child: child.clone(), fd, transport, disconnected })
                });
            }
            Child {
                pid: started.pid,
                pipes,
                stdin: RefCell::default(),
                stdout,
                stderr,
                flow: Rc::new(FlowControl::new()),
                returncode: Cell::new(None),
                exit_waiters: RefCell::default(),
                closed: Cell::new(false),
                finished: Cell::new(false),
                lost: Cell::new(false),
                created,
            }
        });
        event_loop::with(|event_loop| event_loop.children.add(child.clone()));
        let mut connecting = Connecting(Some(child.clone()));
        for (pipe, fd) in child.pipes.iter().zip(fds) {
            let (Some(pipe), Some(fd)) = (pipe, fd) else { continue };
            let protocol = Shared(pipe.clone());
            if pipe.fd == 0 {
                let (transport, _) =
                    transport::connect_write_pipe_at(|| protocol, Fd(fd), created).await?;
                let writer = StreamWriter::new(transport, child.flow.clone(), false);
                child.stdin.replace(Some(writer));
            } else {
                let (transport, _) =
                    transport::connect_read_pipe_at(|| protocol, Fd(fd), created).await?;
                if let Some(reader) = child.reader(pipe.fd) {
                    reader.set_transport(transport);
                }
            }
        }
        connecting.0 = None;
        Ok(child)
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn returncode(&self) -> Option<i32> {
        self.returncode.get()
    }

    pub(super) fn created(&self) -> Place {
        self.created
    }

    pub(super) fn streams(
        &self,
    ) -> (Option<StreamWriter>, Option<StreamReader>, Option<StreamReader>) {
        (self.stdin.borrow().clone(), self.stdout.clone(), self.stderr.clone())
    }

    fn reader(&self, fd: usize) -> Option<&StreamReader> {
        if fd == 1 { self.stdout.as_ref() } else { self.stderr.as_ref() }
    }

    /// The transport of standard output or standard error.
    pub(super) fn read_transport(&self, fd: usize) -> Option<ReadTransport> {
        let pipe = self.pipes.get(fd)?.as_ref()?;
        match &*pipe.transport.borrow() {
            Some(Transport::Read(transport)) => Some(transport.clone()),
            _ => None,
        }
    }

    pub(super) async fn wait(&self, place: Place) -> Result<i32, Exception> {
        if let Some(returncode) = self.returncode.get() {
            return Ok(returncode);
        }
        let waiter = create_future();
        self.exit_waiters.borrow_mut().push(waiter.clone());
        waiter.noting(Kind::Process, ObjectId(self.pid), place).await
    }

    pub(super) fn send_signal(&self, signal: Signal) -> Result<(), OsError> {
        if self.lost.get() {
            return Err(OsError::plain(OsErrorKind::ProcessLookupError, ""));
        }
        match os::kill(self.pid, signal) {
            // It has ended, and the loop is about to hear of it.
            Err(error) if error.kind() == OsErrorKind::ProcessLookupError => Ok(()),
            result => result,
        }
    }

    /// The child has ended.
    pub(super) fn process_exited(self: &Rc<Child>, returncode: i32) {
        if debug::get_debug() {
            let text = format_args!("{self:?} exited with return code {returncode}");
            logging::note("asyncio", Level::INFO, text);
        }
        self.returncode.set(Some(returncode));
        let this = self.clone();
        soon(self.created, move || this.maybe_close());
        self.try_finish();
    }

    /// A pipe is closed.
    fn pipe_connection_lost(self: &Rc<Child>, fd: usize, exception: Option<Exception>) {
        let this = self.clone();
        soon(self.created, move || {
            if fd == 0 {
                this.flow.connection_lost(exception);
            } else if let Some(reader) = this.reader(fd) {
                match exception {
                    None => reader.shared.feed_eof(),
                    Some(exception) => reader.shared.set_exception(exception),
                }
            }
            this.maybe_close();
        });
        self.try_finish();
    }

    fn pipe_data_received(self: &Rc<Child>, fd: usize, data: Vec<u8>) {
        let this = self.clone();
        soon(self.created, move || {
            if let Some(reader) = this.reader(fd) {
                reader.shared.feed_data(&data);
            }
        });
    }

    /// Closes the transport when there is nothing to read any more and the child has ended.
    fn maybe_close(self: &Rc<Child>) {
        let is_read = |pipe: &Rc<PipeProtocol>| pipe.fd == 0 || pipe.disconnected.get();
        if self.returncode.get().is_some() && self.pipes.iter().flatten().all(is_read) {
            self.close();
        }
    }

    fn try_finish(self: &Rc<Child>) {
        let disconnected = |pipe: &Rc<PipeProtocol>| pipe.disconnected.get();
        if self.returncode.get().is_none()
            || self.finished.get()
            || !self.pipes.iter().flatten().all(disconnected)
        {
            return;
        }
        self.finished.set(true);
        let this = self.clone();
        soon(self.created, move || {
            this.flow.connection_lost(None);
            this.lost.set(true);
            let returncode = this.returncode.get().unwrap_or_default();
            for waiter in this.exit_waiters.take() {
                // Whoever waited may have given up.
                let _ = waiter.set_result(returncode);
            }
        });
    }

    fn close(self: &Rc<Child>) {
        if self.closed.replace(true) {
            return;
        }
        for pipe in self.pipes.iter().flatten() {
            match &*pipe.transport.borrow() {
                Some(Transport::Read(transport)) => transport.close(),
                Some(Transport::Write(transport)) => transport.close(),
                None => {}
            }
        }
        if self.returncode.get().is_some() {
            return;
        }
        match os::try_waitpid(self.pid) {
            Ok(None) => self.kill_running(),
            // It has ended, and the loop was about to hear of it. (CPython forgets the status here.)
            Ok(Some(returncode)) => {
                event_loop::with(|event_loop| event_loop.children.forget(self.pid));
                let this = self.clone();
                soon(self.created, move || this.process_exited(returncode));
            }
            Err(_) => {}
        }
    }

    fn kill_running(&self) {
        if debug::get_debug() {
            watcher::killed_running(self);
        }
        // It may have ended meanwhile.
        let _ = os::kill(self.pid, SIGKILL);
    }

    /// The loop is closed before the child's end was seen. True if the child is nobody's business any more.
    ///
    /// As in asyncio the transport is warned of and closed; with open pipes that fails there (a closed loop takes no
    /// callbacks), and the child lives on.
    pub(super) fn loop_closed(&self) -> bool {
        if self.closed.replace(true) {
            return false;
        }
        self.closed.set(false);
        warn_unclosed(&format!("transport {self:?}"), self.created);
        self.closed.set(true);
        let is_open = |pipe: &Rc<PipeProtocol>| !pipe.disconnected.get();
        if self.pipes.iter().flatten().any(is_open) {
            return false;
        }
        match os::try_waitpid(self.pid) {
            Ok(None) => {
                self.kill_running();
                false
            }
            Ok(Some(_)) | Err(_) => true,
        }
    }
}

impl Protocol for Shared {
    fn connection_made(&self, transport: Transport) {
        self.0.transport.replace(Some(transport));
    }

    fn data_received(&self, data: Vec<u8>) {
        if let Some(child) = self.0.child.upgrade() {
            child.pipe_data_received(self.0.fd, data);
        }
    }

    fn connection_lost(&self, exception: Option<Exception>) {
        self.0.disconnected.set(true);
        if let Some(child) = self.0.child.upgrade() {
            child.pipe_connection_lost(self.0.fd, exception);
        }
    }

    fn pause_writing(&self) {
        if let Some(child) = self.0.child.upgrade() {
            child.flow.pause_writing();
        }
    }

    fn resume_writing(&self) {
        if let Some(child) = self.0.child.upgrade() {
            child.flow.resume_writing();
        }
    }

    fn describe(&self) -> String {
        let class = if self.0.fd == 0 { "Write" } else { "Read" };
        format!("<{class}SubprocessPipeProto fd={} pipe={:?}>", self.0.fd, self.0)
    }
}

/// A child that is closed again unless its pipes are connected.
struct Connecting(Option<Rc<Child>>);

impl Drop for Connecting {
    fn drop(&mut self) {
        if let Some(child) = self.0.take() {
            child.close();
        }
    }
}

/// Its transport.
impl fmt::Debug for PipeProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.transport.borrow() {
            Some(Transport::Read(transport)) => transport.fmt(f),
            Some(Transport::Write(transport)) => transport.fmt(f),
            None => f.write_str("None"),
        }
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<_UnixSubprocessTransport")?;
        if self.closed.get() {
            f.write_str(" closed")?;
        }
        write!(f, " pid={}", self.pid)?;
        match self.returncode.get() {
            Some(returncode) => write!(f, " returncode={returncode}")?,
            None => f.write_str(" running")?,
        }
        for (name, pipe) in ["stdin", "stdout", "stderr"].iter().zip(&self.pipes) {
            if let Some(pipe) = pipe {
                write!(f, " {name}={pipe:?}")?;
            }
        }
        f.write_str(">")
    }
}

impl fmt::Debug for SubprocessTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
