//! Streams: reading and writing pipes in straight-line code, as asyncio's `StreamReader` and `StreamWriter`.
//!
//! A child's pipes come as streams ([`crate::subprocess`]). For other pipes, and for a child's own standard
//! streams, there are [`open_read_pipe`] and [`open_write_pipe`]: the lines that programs for asyncio write
//! around `StreamReaderProtocol`.

mod flow;
mod reader;
mod writer;

use std::panic::Location;
use std::rc::{Rc, Weak};

use crate::exception::Exception;
use crate::os::Fd;
use crate::transport::{self, Protocol};

pub use reader::{IncompleteReadError, LimitOverrunError, ReadError, StreamReader};
pub use writer::StreamWriter;

pub(crate) use flow::FlowControl;
pub(crate) use reader::Shared as SharedReader;

#[cfg(test)]
mod tests;

/// A stream's limit unless told: how long a line may be, and half of what is buffered before reading pauses. In
/// bytes.
pub const DEFAULT_LIMIT: usize = 64 * 1024;

/// A stream that reads from the end of a pipe, which is closed at its end. `limit` is in bytes.
///
/// # Errors
/// As [`connect_read_pipe`](crate::connect_read_pipe); `ValueError` if the limit is 0.
#[track_caller]
pub fn open_read_pipe(
    pipe: impl Into<Fd>,
    limit: usize,
) -> impl Future<Output = Result<StreamReader, Exception>> {
    let (pipe, place) = (pipe.into(), Location::caller());
    async move {
        let reader = StreamReader::new(limit, place)?;
        let feeds = Feeds { reader: Rc::downgrade(&reader.shared) };
        let (transport, _) = transport::connect_read_pipe_at(|| feeds, pipe, place).await?;
        reader.set_transport(transport);
        Ok(reader)
    }
}

/// A stream that writes into a pipe.
///
/// # Errors
/// As [`connect_write_pipe`](crate::connect_write_pipe).
#[track_caller]
pub fn open_write_pipe(
    pipe: impl Into<Fd>,
) -> impl Future<Output = Result<StreamWriter, Exception>> {
    let (pipe, place) = (pipe.into(), Location::caller());
    async move {
        let (transport, flow) =
            transport::connect_write_pipe_at(FlowControl::new, pipe, place).await?;
        Ok(StreamWriter::new(transport, flow, true))
    }
}

/// From a transport into a reader: asyncio's `StreamReaderProtocol`. Does not keep the reader alive.
struct Feeds {
    reader: Weak<SharedReader>,
}

impl Protocol for Feeds {
    fn data_received(&self, data: Vec<u8>) {
        if let Some(reader) = self.reader.upgrade() {
            reader.feed_data(&data);
        }
    }

    fn eof_received(&self) {
        if let Some(reader) = self.reader.upgrade() {
            reader.feed_eof();
        }
    }

    fn connection_lost(&self, exception: Option<Exception>) {
        if let Some(reader) = self.reader.upgrade() {
            match exception {
                Some(exception) => reader.set_exception(exception),
                None => reader.feed_eof(),
            }
        }
    }

    fn describe(&self) -> String {
        "<StreamReaderProtocol object>".into()
    }
}
