//! Transports and protocols for pipes: `connect_read_pipe` and `connect_write_pipe`.
//!
//! A transport moves bytes between a descriptor and a [`Protocol`] in callbacks of the loop. It owns its descriptor:
//! closing the transport closes it, in a later turn. Most programs use the streams in [`crate::streams`] instead,
//! which are made of these.

pub(crate) mod read_pipe;
pub(crate) mod write_pipe;

use std::any;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use crate::callback::Callback;
use crate::debug;
use crate::event_loop::{self, Mode, Ready};
use crate::exception::{Exception, OsError, RuntimeError};
use crate::future::{Future as Waiter, create_future};
use crate::logging::{self, Level};
use crate::os::Fd;
use crate::waiting::Place;
use crate::warnings::{self, Category, Warning};

pub use read_pipe::ReadTransport;
pub use write_pipe::WriteTransport;

#[cfg(test)]
mod tests;

/// What a transport tells: asyncio's `Protocol`.
///
/// The methods take `&self`, because a transport may call one while another runs: `write` calls
/// `pause_writing`. State goes into cells.
pub trait Protocol {
    /// The transport is there. Called once, first.
    fn connection_made(&self, transport: Transport) {
        let _ = transport;
    }

    /// Bytes have come; never none.
    fn data_received(&self, data: Vec<u8>) {
        let _ = data;
    }

    /// There will be no more bytes.
    fn eof_received(&self) {}

    /// The transport is at its end: closed, or by this error. Called once, last.
    fn connection_lost(&self, exception: Option<Exception>) {
        let _ = exception;
    }

    /// More is buffered than the high-water mark.
    fn pause_writing(&self) {}

    /// What is buffered is down to the low-water mark.
    fn resume_writing(&self) {}

    /// How reports show it: like `repr`.
    fn describe(&self) -> String {
        format!("<{} object>", debug::short_name(any::type_name::<Self>()))
    }
}

/// The transport that a protocol is told of.
#[derive(Clone, Debug)]
pub enum Transport {
    /// It reads.
    Read(ReadTransport),
    /// It writes.
    Write(WriteTransport),
}

/// Reads from the end of a pipe into a protocol, until the end or [`ReadTransport::close`]. Like
/// `loop.connect_read_pipe(protocol_factory, pipe)`.
///
/// # Errors
/// `OSError` if the descriptor is closed, `ValueError` if it is no pipe, `RuntimeError` if another transport uses
/// it or no loop runs.
#[track_caller]
pub fn connect_read_pipe<P: Protocol + 'static>(
    protocol_factory: impl FnOnce() -> P,
    pipe: impl Into<Fd>,
) -> impl Future<Output = Result<(ReadTransport, Rc<P>), Exception>> {
    connect_read_pipe_at(protocol_factory, pipe.into(), Location::caller())
}

pub(crate) async fn connect_read_pipe_at<P: Protocol + 'static>(
    protocol_factory: impl FnOnce() -> P,
    pipe: Fd,
    place: Place,
) -> Result<(ReadTransport, Rc<P>), Exception> {
    let protocol = Rc::new(protocol_factory());
    check(pipe, "Pipe transport is for pipes/sockets only.", place)?;
    let transport = ReadTransport::start(pipe, protocol.clone(), place);
    let mut connecting = Connecting(Some(Transport::Read(transport.clone())));
    connected(place).await?;
    connecting.0 = None;
    let (shown, told) = (format!("{transport:?}"), protocol.describe());
    note_connected(format_args!("Read pipe {pipe} connected: ({shown}, {told})"));
    Ok((transport, protocol))
}

/// Makes a transport that writes into a pipe. Like `loop.connect_write_pipe(protocol_factory, pipe)`.
///
/// # Errors
/// As [`connect_read_pipe`].
#[track_caller]
pub fn connect_write_pipe<P: Protocol + 'static>(
    protocol_factory: impl FnOnce() -> P,
    pipe: impl Into<Fd>,
) -> impl Future<Output = Result<(WriteTransport, Rc<P>), Exception>> {
    connect_write_pipe_at(protocol_factory, pipe.into(), Location::caller())
}

pub(crate) async fn connect_write_pipe_at<P: Protocol + 'static>(
    protocol_factory: impl FnOnce() -> P,
    pipe: Fd,
    place: Place,
) -> Result<(WriteTransport, Rc<P>), Exception> {
    let protocol = Rc::new(protocol_factory());
    check(pipe, "Pipe transport is only for pipes, sockets and character devices", place)?;
    let transport = WriteTransport::start(pipe, protocol.clone(), place);
    let mut connecting = Connecting(Some(Transport::Write(transport.clone())));
    connected(place).await?;
    connecting.0 = None;
    let (shown, told) = (format!("{transport:?}"), protocol.describe());
    note_connected(format_args!("Write pipe {pipe} connected: ({shown}, {told})"));
    Ok((transport, protocol))
}

/// Whether a transport can be made of a descriptor. `text` says that it is no pipe.
fn check(pipe: Fd, text: &'static str, place: Place) -> Result<(), Exception> {
    if event_loop::mode() != Mode::Running {
        return Err(RuntimeError::new(RuntimeError::NO_LOOP).into());
    }
    if !pipe.is_pipe()? {
        return Err(Exception::raised_at("ValueError", text, place));
    }
    event_loop::with(|event_loop| event_loop.descriptors.ensure_no_transport(pipe))?;
    Ok(())
}

/// The turn after the one in which the protocol is told of its transport.
fn connected(place: Place) -> Waiter<()> {
    let waiter = create_future();
    let made = waiter.clone();
    soon(place, move || {
        // It may be cancelled.
        let _ = made.set_result(());
    });
    waiter
}

fn note_connected(text: fmt::Arguments<'_>) {
    if debug::get_debug() {
        logging::note("asyncio", Level::DEBUG, text);
    }
}

/// A transport that is closed again unless somebody takes it.
struct Connecting(Option<Transport>);

impl Drop for Connecting {
    fn drop(&mut self) {
        match self.0.take() {
            Some(Transport::Read(transport)) => transport.close(),
            Some(Transport::Write(transport)) => transport.close(),
            None => {}
        }
    }
}

/// Runs `f` in the next turn, unless the loop is closed.
pub(crate) fn soon(place: Place, f: impl FnOnce() + 'static) {
    event_loop::with(|event_loop| {
        if event_loop.is_open.get() {
            event_loop.push(Ready::Callback(Callback::new(f, None, place)));
        }
    });
}

/// Whether the loop of this number is open: transports of earlier ones are not watched any more.
fn is_open(run: u32) -> bool {
    event_loop::with(|event_loop| event_loop.is_open.get() && event_loop.run_number.get() == run)
}

/// The loop that runs.
fn run_number() -> u32 {
    event_loop::with(|event_loop| event_loop.run_number.get())
}

/// Closes a transport's descriptor, which is nobody else's.
fn close(fd: Fd, place: Place) {
    event_loop::with(|event_loop| {
        // Somebody may have closed it behind the transport's back.
        let _ = crate::host::pipes::close(fd.0);
        event_loop.descriptors.closed(event_loop, fd, place);
    });
}

/// RES-2: nobody has closed it.
pub(crate) fn warn_unclosed(what: &str, created: Place) {
    warnings::warn(&Warning {
        category: Category::ResourceWarning,
        code: "RES-2",
        text: &format!("unclosed {what}"),
        place: created,
        created: Some(created),
    });
}

/// EXC-18: an error of a transport that nobody can catch.
fn fatal_error(message: &str, error: &OsError, transport: &str, protocol: &str, place: Place) {
    let context = crate::exception_handler::ErrorContext::new("EXC-18", message)
        .with("transport", transport)
        .with("protocol", protocol)
        .exception(crate::exception::AsException::as_exception(error))
        .created(place);
    crate::exception_handler::call_exception_handler(context);
}
