//! asyncio's `StreamWriter`.

use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use super::FlowControl;
use crate::event_loop;
use crate::exception::Exception;
use crate::time::yield_now;
use crate::transport::{WriteTransport, warn_unclosed};
use crate::waiting::Place;

/// Writes into a pipe. Clones are references to one stream.
///
/// `write` never blocks and never fails: it buffers what the pipe has no room for, without end. Await
/// [`drain`](StreamWriter::drain) after it to keep step with the reader.
#[derive(Clone)]
pub struct StreamWriter {
    shared: Rc<Shared>,
}

struct Shared {
    transport: WriteTransport,
    flow: Rc<FlowControl>,
    /// Nobody else closes it.
    is_owner: bool,
    created: Place,
}

impl StreamWriter {
    pub(crate) fn new(
        transport: WriteTransport,
        flow: Rc<FlowControl>,
        is_owner: bool,
    ) -> StreamWriter {
        let created = transport.0.created();
        StreamWriter { shared: Rc::new(Shared { transport, flow, is_owner, created }) }
    }

    /// Its transport. Like `writer.transport`.
    pub fn transport(&self) -> &WriteTransport {
        &self.shared.transport
    }

    /// Writes; what the pipe has no room for is buffered. Like `writer.write(data)`.
    pub fn write(&self, data: impl AsRef<[u8]>) {
        self.shared.transport.write(data.as_ref());
    }

    /// Waits while more than the high-water mark is buffered, 64 KiB unless told. Like `await writer.drain()`.
    ///
    /// # Errors
    /// `ConnectionResetError` if the connection is lost, `BrokenPipeError` if it breaks meanwhile.
    #[track_caller]
    pub fn drain(&self) -> impl Future<Output = Result<(), Exception>> + use<> {
        let (shared, place) = (self.shared.clone(), Location::caller());
        async move {
            if shared.transport.is_closing() {
                // A turn for connection_lost, which a loop of writes and drains would never see.
                yield_now().await;
            }
            shared.flow.drain(shared.transport.fd(), place).await
        }
    }

    /// Closes the writing end when all is written: its reader gets to the end. Like `writer.write_eof()`.
    pub fn write_eof(&self) {
        self.shared.transport.write_eof();
    }

    /// Closes the stream when all is written. Like `writer.close()`.
    pub fn close(&self) {
        self.shared.transport.close();
    }

    /// Whether it is closed, or about to be. Like `writer.is_closing()`.
    pub fn is_closing(&self) -> bool {
        self.shared.transport.is_closing()
    }

    /// Waits until it is closed. Like `await writer.wait_closed()`.
    ///
    /// # Errors
    /// The error that it was closed by.
    #[track_caller]
    pub fn wait_closed(&self) -> impl Future<Output = Result<(), Exception>> + use<> {
        let (shared, place) = (self.shared.clone(), Location::caller());
        async move { shared.flow.wait_closed(shared.transport.fd(), place).await }
    }
}

/// RES-2 for streams that nobody closes.
impl Drop for Shared {
    fn drop(&mut self) {
        if !self.is_owner || self.transport.is_closing() {
            return;
        }
        if event_loop::with(|event_loop| event_loop.is_open.get()) {
            let what = describe(self);
            self.transport.close();
            warn_unclosed(&what, self.created);
        }
    }
}

fn describe(shared: &Shared) -> String {
    format!("<StreamWriter transport={:?}>", shared.transport)
}

impl fmt::Debug for StreamWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&describe(&self.shared))
    }
}
