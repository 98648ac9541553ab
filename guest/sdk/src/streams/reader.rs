//! asyncio's `StreamReader`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use super::DEFAULT_LIMIT;
use crate::exception::{AsException, Exception, RuntimeError, ValueError};
use crate::future::{Future, create_future};
use crate::os::Fd;
use crate::transport::ReadTransport;
use crate::waiting::{Kind, ObjectId, Place};

/// Reads from a pipe. Clones are references to one stream, which only one task may read at a time.
///
/// It buffers what comes, and stops reading above twice its limit: then the pipe fills up and its writer waits,
/// until somebody reads here.
#[derive(Clone)]
pub struct StreamReader {
    pub(crate) shared: Rc<Shared>,
}

pub(crate) struct Shared {
    /// In bytes; more than 0.
    limit: usize,
    buffer: RefCell<Vec<u8>>,
    eof: Cell<bool>,
    /// The task that waits for data.
    waiter: RefCell<Option<Future<()>>>,
    exception: RefCell<Option<Exception>>,
    transport: RefCell<Option<ReadTransport>>,
    paused: Cell<bool>,
}

/// The stream ended too early. Like `asyncio.IncompleteReadError`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} bytes read on a total of {} expected bytes", partial.len(), Self::show(*expected))]
pub struct IncompleteReadError {
    /// What was read before the end.
    pub partial: Vec<u8>,
    /// How many bytes were to be read, if that was known.
    pub expected: Option<usize>,
}

impl IncompleteReadError {
    fn show(expected: Option<usize>) -> String {
        expected.map_or("undefined".into(), |expected| expected.to_string())
    }
}

/// There is no separator within the stream's limit. Like `asyncio.LimitOverrunError`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct LimitOverrunError {
    text: &'static str,
    /// How many bytes have no separator; they are still in the stream.
    pub consumed: usize,
}

/// Why a read with a fixed end came to none.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// The stream ended.
    #[error(transparent)]
    IncompleteRead(#[from] IncompleteReadError),
    /// The separator is too far away.
    #[error(transparent)]
    LimitOverrun(#[from] LimitOverrunError),
    /// The stream has failed, or is misused.
    #[error("{0}")]
    Other(Exception),
}

impl ReadError {
    /// The error itself, as asyncio would raise it.
    pub fn exception(&self) -> Exception {
        match self {
            ReadError::IncompleteRead(error) => error.as_exception(),
            ReadError::LimitOverrun(error) => error.as_exception(),
            ReadError::Other(exception) => exception.clone(),
        }
    }
}

impl StreamReader {
    pub(crate) fn new(limit: usize, place: Place) -> Result<StreamReader, Exception> {
        if limit == 0 {
            return Err(Exception::raised_at("ValueError", "Limit cannot be <= 0", place));
        }
        let shared = Rc::new(Shared {
            limit,
            buffer: RefCell::default(),
            eof: Cell::new(false),
            waiter: RefCell::default(),
            exception: RefCell::default(),
            transport: RefCell::default(),
            paused: Cell::new(false),
        });
        Ok(StreamReader { shared })
    }

    pub(crate) fn set_transport(&self, transport: ReadTransport) {
        self.shared.transport.replace(Some(transport));
    }

    /// Reads to the end. Like `await reader.read()`.
    ///
    /// # Errors
    /// If the stream has failed, or another task reads.
    #[track_caller]
    pub fn read(&self) -> impl std::future::Future<Output = Result<Vec<u8>, Exception>> + use<> {
        let (shared, place) = (self.shared.clone(), Location::caller());
        async move {
            let mut all = Vec::new();
            loop {
                let block = shared.read_some(shared.limit, place).await?;
                if block.is_empty() {
                    return Ok(all);
                }
                all.extend(block);
            }
        }
    }

    /// Reads what there is, at least one byte and at most `n`; none at the end. Like `await reader.read(n)`.
    ///
    /// # Errors
    /// If the stream has failed, or another task reads.
    #[track_caller]
    pub fn read_some(
        &self,
        n: usize,
    ) -> impl std::future::Future<Output = Result<Vec<u8>, Exception>> + use<> {
        let (shared, place) = (self.shared.clone(), Location::caller());
        async move { shared.read_some(n, place).await }
    }

    /// Reads a line, with its end; the last one may have none, and at the end it is empty. Like
    /// `await reader.readline()`.
    ///
    /// # Errors
    /// `ValueError` if the line is longer than the limit, and it is dropped then; otherwise as
    /// [`read`](StreamReader::read).
    #[track_caller]
    pub fn readline(
        &self,
    ) -> impl std::future::Future<Output = Result<Vec<u8>, Exception>> + use<> {
        let (shared, place) = (self.shared.clone(), Location::caller());
        async move {
            match shared.read_until(b"\n", place).await {
                Ok(line) => Ok(line),
                Err(ReadError::IncompleteRead(error)) => Ok(error.partial),
                Err(ReadError::LimitOverrun(error)) => {
                    shared.skip_line(error.consumed);
                    Err(ValueError::new(error.text).as_exception())
                }
                Err(ReadError::Other(exception)) => Err(exception),
            }
        }
    }

    /// Reads up to a separator, and with it. Like `await reader.readuntil(separator)`.
    ///
    /// # Errors
    /// If the stream ends before that, if the separator is not within the limit (everything stays in the stream
    /// then), or as [`read`](StreamReader::read).
    #[track_caller]
    pub fn readuntil(
        &self,
        separator: &[u8],
    ) -> impl std::future::Future<Output = Result<Vec<u8>, ReadError>> + use<> {
        let (shared, separator, place) =
            (self.shared.clone(), separator.to_vec(), Location::caller());
        async move { shared.read_until(&separator, place).await }
    }

    /// Reads exactly so many bytes. Like `await reader.readexactly(n)`.
    ///
    /// # Errors
    /// If the stream ends before that, or as [`read`](StreamReader::read).
    #[track_caller]
    pub fn readexactly(
        &self,
        n: usize,
    ) -> impl std::future::Future<Output = Result<Vec<u8>, ReadError>> + use<> {
        let (shared, place) = (self.shared.clone(), Location::caller());
        async move { shared.read_exactly(n, place).await }
    }

    /// Whether everything was read. Like `reader.at_eof()`.
    pub fn at_eof(&self) -> bool {
        self.shared.eof.get() && self.shared.buffer.borrow().is_empty()
    }

    /// How many bytes it has buffered.
    pub fn buffered(&self) -> usize {
        self.shared.buffer.borrow().len()
    }

    /// The error that the stream failed with. Like `reader.exception()`.
    pub fn exception(&self) -> Option<Exception> {
        self.shared.exception.borrow().clone()
    }
}

impl Shared {
    pub(crate) fn feed_data(&self, data: &[u8]) {
        self.buffer.borrow_mut().extend_from_slice(data);
        self.wake_waiter();
        let buffered = self.buffer.borrow().len();
        if buffered > 2 * self.limit
            && !self.paused.get()
            && let Some(transport) = &*self.transport.borrow()
        {
            transport.pause_reading();
            self.paused.set(true);
        }
    }

    pub(crate) fn feed_eof(&self) {
        self.eof.set(true);
        self.wake_waiter();
    }

    pub(crate) fn set_exception(&self, exception: Exception) {
        self.exception.replace(Some(exception.clone()));
        if let Some(waiter) = self.waiter.take() {
            // The reader may have given up.
            let _ = waiter.set_exception(exception);
        }
    }

    fn wake_waiter(&self) {
        if let Some(waiter) = self.waiter.take() {
            // As above.
            let _ = waiter.set_result(());
        }
    }

    fn resume(&self) {
        self.paused.set(false);
        if let Some(transport) = &*self.transport.borrow() {
            transport.resume_reading();
        }
    }

    /// Takes bytes out of the buffer, and goes on reading if there is room again.
    fn take(&self, count: usize) -> Vec<u8> {
        let mut buffer = self.buffer.borrow_mut();
        let count = count.min(buffer.len());
        let taken = buffer.drain(..count).collect();
        let left = buffer.len();
        drop(buffer);
        if self.paused.get() && left <= self.limit {
            self.resume();
        }
        taken
    }

    fn skip_line(&self, consumed: usize) {
        let has_end = self.buffer.borrow().get(consumed) == Some(&b'\n');
        self.take(if has_end { consumed + 1 } else { usize::MAX });
    }

    fn check(&self) -> Result<(), Exception> {
        self.exception.borrow().clone().map_or(Ok(()), Err)
    }

    async fn wait_for_data(&self, reader: &str, place: Place) -> Result<(), Exception> {
        if self.waiter.borrow().is_some() {
            let text = format!(
                "{reader}() called while another coroutine is already waiting for incoming data"
            );
            return Err(RuntimeError::new(text).as_exception());
        }
        // To wait while paused would be to wait for ever.
        if self.paused.get() {
            self.resume();
        }
        let waiter = create_future();
        self.waiter.replace(Some(waiter.clone()));
        let waiting = Waiting { shared: self, waiter: &waiter };
        let fd = self.transport.borrow().as_ref().map_or(Fd(0), ReadTransport::fd);
        let result = waiter.clone().noting(Kind::Pipe, ObjectId(fd.0), place).await;
        drop(waiting);
        result
    }

    async fn read_some(&self, n: usize, place: Place) -> Result<Vec<u8>, Exception> {
        self.check()?;
        if n == 0 {
            return Ok(Vec::new());
        }
        if self.buffer.borrow().is_empty() && !self.eof.get() {
            self.wait_for_data("read", place).await?;
        }
        Ok(self.take(n))
    }

    async fn read_exactly(&self, n: usize, place: Place) -> Result<Vec<u8>, ReadError> {
        self.check().map_err(ReadError::Other)?;
        while self.buffer.borrow().len() < n {
            if self.eof.get() {
                let (partial, expected) = (self.take(usize::MAX), Some(n));
                return Err(IncompleteReadError { partial, expected }.into());
            }
            self.wait_for_data("readexactly", place).await.map_err(ReadError::Other)?;
        }
        Ok(self.take(n))
    }

    async fn read_until(&self, separator: &[u8], place: Place) -> Result<Vec<u8>, ReadError> {
        if separator.is_empty() {
            let error = ValueError::new("Separator should be at least one-byte string");
            return Err(ReadError::Other(error.as_exception()));
        }
        self.check().map_err(ReadError::Other)?;
        // So many bytes at the beginning have no separator in them.
        let mut clear = 0;
        loop {
            let buffered = self.buffer.borrow().len();
            if buffered - clear >= separator.len() {
                let found = find(&self.buffer.borrow(), separator, clear);
                if let Some(consumed) = found {
                    if consumed > self.limit {
                        let text = "Separator is found, but chunk is longer than limit";
                        return Err(LimitOverrunError { text, consumed }.into());
                    }
                    return Ok(self.take(consumed + separator.len()));
                }
                clear = buffered + 1 - separator.len();
                if clear > self.limit {
                    let text = "Separator is not found, and chunk exceed the limit";
                    return Err(LimitOverrunError { text, consumed: clear }.into());
                }
            }
            if self.eof.get() {
                let (partial, expected) = (self.take(usize::MAX), None);
                return Err(IncompleteReadError { partial, expected }.into());
            }
            self.wait_for_data("readuntil", place).await.map_err(ReadError::Other)?;
        }
    }
}

/// A task that waits for data. When it gives up, another one may wait.
struct Waiting<'a> {
    shared: &'a Shared,
    waiter: &'a Future<()>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut current = self.shared.waiter.borrow_mut();
        if current.as_ref().is_some_and(|current| current.is(self.waiter)) {
            *current = None;
        }
    }
}

/// Where a separator begins, from this position on.
fn find(bytes: &[u8], separator: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let found = rest.windows(separator.len()).position(|window| window == separator)?;
    Some(from + found)
}

impl fmt::Debug for StreamReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = &self.shared;
        f.write_str("<StreamReader")?;
        if self.buffered() > 0 {
            write!(f, " {} bytes", self.buffered())?;
        }
        if shared.eof.get() {
            f.write_str(" eof")?;
        }
        if shared.limit != DEFAULT_LIMIT {
            write!(f, " limit={}", shared.limit)?;
        }
        if let Some(waiter) = &*shared.waiter.borrow() {
            write!(f, " waiter={waiter:?}")?;
        }
        if let Some(exception) = &*shared.exception.borrow() {
            write!(f, " exception={exception:?}")?;
        }
        if let Some(transport) = &*shared.transport.borrow() {
            write!(f, " transport={transport:?}")?;
        }
        if shared.paused.get() {
            f.write_str(" paused")?;
        }
        f.write_str(">")
    }
}
