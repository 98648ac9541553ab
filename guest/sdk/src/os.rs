//! Descriptors and processes, as Python's `os` has them.
//!
//! A descriptor is a number, as in Python: it owns nothing, and may be used after it was closed, which is an error
//! then. [`read`] and [`write`] block the thread, which is the loop's unless a job calls them; [`set_blocking`]
//! makes them fail with `BlockingIOError` instead. The loop's own ways to pipes are
//! [`add_reader`](crate::add_reader) and [`connect_read_pipe`](crate::connect_read_pipe).

use std::fmt;
use std::panic::Location;

use crate::event_loop;
use crate::exception::OsError;
use crate::host::pipes::{self as host, PipeError};
use crate::host::process::{self, ExitStatus, KillError, WaitError};
use crate::signal::Signal;

/// A descriptor of this process. 0, 1 and 2 are the standard streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fd(pub u32);

impl From<u32> for Fd {
    fn from(number: u32) -> Fd {
        Fd(number)
    }
}

impl fmt::Display for Fd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Fd {
    /// Whether it is an end of a pipe.
    pub(crate) fn is_pipe(self) -> Result<bool, OsError> {
        host::is_pipe(self.0).map_err(OsError::from)
    }

    /// Reads without blocking, whatever the descriptor's mode.
    pub(crate) fn read(self, len: u32) -> Result<Vec<u8>, OsError> {
        let bytes = host::read(self.0, len)?;
        self.moved(bytes.len());
        Ok(bytes)
    }

    /// Writes without blocking, whatever the descriptor's mode.
    pub(crate) fn write(self, bytes: &[u8]) -> Result<usize, OsError> {
        let written = usize::try_from(host::write(self.0, bytes)?).unwrap_or(usize::MAX);
        self.moved(written);
        Ok(written)
    }

    /// So many bytes have gone through it.
    fn moved(self, count: usize) {
        if count > 0 {
            event_loop::with(|event_loop| event_loop.descriptors.moved(self));
        }
    }
}

impl From<PipeError> for OsError {
    fn from(error: PipeError) -> OsError {
        match error {
            PipeError::BadDescriptor => OsError::EBADF,
            PipeError::WouldBlock => OsError::EAGAIN,
            PipeError::BrokenPipe => OsError::EPIPE,
            PipeError::Permission => OsError::EPERM,
            PipeError::TooManyFiles => OsError::EMFILE,
        }
    }
}

/// A pipe within this process, of the scenario's `pipe-capacity`: its reading and its writing end. Like
/// `os.pipe()`.
///
/// # Errors
/// EMFILE if the process has too many descriptors.
pub fn pipe() -> Result<(Fd, Fd), OsError> {
    pipe_of(0)
}

/// A [`pipe`] that holds so many bytes, at least one.
///
/// # Errors
/// EMFILE if the process has too many descriptors.
pub fn pipe_with_capacity(capacity: u64) -> Result<(Fd, Fd), OsError> {
    pipe_of(capacity.max(1))
}

fn pipe_of(capacity: u64) -> Result<(Fd, Fd), OsError> {
    let ends = host::create(capacity)?;
    Ok((Fd(ends.reader), Fd(ends.writer)))
}

/// At most `len` bytes; none if it is the end. Like `os.read`: blocks the thread until there is something, unless
/// [`set_blocking`] says otherwise.
///
/// # Errors
/// EBADF if the descriptor is closed or is no end to read from; EAGAIN if it must not block.
pub fn read(fd: impl Into<Fd>, len: u32) -> Result<Vec<u8>, OsError> {
    let fd = fd.into();
    if event_loop::with(|event_loop| event_loop.descriptors.is_blocking(fd)) {
        let bytes = host::read_blocking(fd.0, len)?;
        fd.moved(bytes.len());
        return Ok(bytes);
    }
    fd.read(len)
}

/// Writes, and returns how many bytes that were. Like `os.write`: blocks the thread until all are written, unless
/// [`set_blocking`] says otherwise.
///
/// # Errors
/// EBADF if the descriptor is closed or is no end to write to; EPIPE if nobody reads; EAGAIN if it must not block
/// and there is no room at all.
pub fn write(fd: impl Into<Fd>, bytes: &[u8]) -> Result<usize, OsError> {
    let fd = fd.into();
    if event_loop::with(|event_loop| event_loop.descriptors.is_blocking(fd)) {
        host::write_blocking(fd.0, bytes)?;
        fd.moved(bytes.len());
        return Ok(bytes.len());
    }
    fd.write(bytes)
}

/// Closes a descriptor. Like `os.close`. A reader or writer that is registered for it is lost, which is
/// reported (STALE-READER).
///
/// # Errors
/// EBADF if it is not open.
#[track_caller]
pub fn close(fd: impl Into<Fd>) -> Result<(), OsError> {
    let fd = fd.into();
    host::close(fd.0)?;
    let place = Location::caller();
    event_loop::with(|event_loop| event_loop.descriptors.closed(event_loop, fd, place));
    Ok(())
}

/// Whether [`read`] and [`write`] may block the thread. Like `os.set_blocking`. Transports turn it off for their
/// descriptors.
///
/// # Errors
/// EBADF if it is not open.
pub fn set_blocking(fd: impl Into<Fd>, blocking: bool) -> Result<(), OsError> {
    let fd = fd.into();
    fd.is_pipe()?;
    event_loop::with(|event_loop| event_loop.descriptors.set_blocking(fd, blocking));
    Ok(())
}

/// The number of this process; the run's first is 1. Like `os.getpid()`.
pub fn getpid() -> u32 {
    process::id()
}

/// The number of the process that started this one; 0 for the first. Like `os.getppid()`.
pub fn getppid() -> u32 {
    process::parent_id()
}

/// Sends a signal to a process; signal 0 only asks whether it exists. Like `os.kill`.
///
/// # Errors
/// ESRCH if there is no such process; EINVAL if there is no such signal.
pub fn kill(pid: u32, signal: impl Into<Signal>) -> Result<(), OsError> {
    let number = u8::try_from(signal.into().number()).map_err(|_| OsError::EINVAL)?;
    process::kill(pid, number).map_err(|error| match error {
        KillError::NoSuchProcess => OsError::ESRCH,
        KillError::InvalidSignal => OsError::EINVAL,
    })
}

/// Blocks the thread until a child has ended: its return code, which is the negative number of a signal that
/// killed it. Like `os.waitpid(pid, 0)`.
///
/// Whoever waits for a child of the loop so takes its status away from the loop (RES-4).
///
/// # Errors
/// ECHILD if it is no child of this process, or was waited for already.
pub fn waitpid(pid: u32) -> Result<i32, OsError> {
    match process::wait(pid) {
        Ok(status) => Ok(returncode(status)),
        Err(WaitError::NoChild) => Err(OsError::ECHILD),
    }
}

/// As [`waitpid`], but only looks: `None` if the child lives. Like `os.waitpid(pid, os.WNOHANG)`.
///
/// # Errors
/// ECHILD if it is no child of this process, or was waited for already.
pub fn try_waitpid(pid: u32) -> Result<Option<i32>, OsError> {
    match process::try_wait(pid) {
        Ok(status) => Ok(status.map(returncode)),
        Err(WaitError::NoChild) => Err(OsError::ECHILD),
    }
}

/// Like `os.waitstatus_to_exitcode`.
fn returncode(status: ExitStatus) -> i32 {
    match status {
        ExitStatus::Exited(status) => status.into(),
        ExitStatus::Signalled(signal) => -i32::from(signal),
    }
}
