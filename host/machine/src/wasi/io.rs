//! `wasi:io`: pollables and streams.
//!
//! A pollable is a moment: everything else here is ready at once. Waiting for one blocks the calling
//! thread and is recorded as such. Event loops do better with `loopbox:sandbox/event-loop.wait`.

use loopbox_trace::{Nanos, Outcome, Stream};
use wasmtime::Result;
use wasmtime::component::{Resource, ResourceTableError};

use super::BYTES_PER_CALL;
use crate::bindings::wasi::io::{error, poll, streams};
use crate::guest::Guest;
use crate::kernel::Halt;
use crate::kernel::files;
use crate::kernel::pipes::PipeError;
use crate::kernel::world::{Interest, Waiting};

/// What `wasi:io/error` describes: a failure that the scenario injected, or a file's.
pub struct IoError(String);

/// What a guest can wait for.
#[derive(Clone, Copy)]
pub enum Pollable {
    /// Always ready.
    Ready,
    /// Ready from this moment on.
    At(Nanos),
    /// Ready when the descriptor, which may be a pipe's, can be read or written without blocking.
    Descriptor(u32, Interest),
}

/// What a guest can read.
pub enum InputStream {
    /// The scenario's standard input.
    Stdin,
    /// A descriptor that another process has given: a pipe, or nothing.
    Descriptor(u32),
    /// A file, from a position on.
    File { file: files::Descriptor, position: u64, path: String },
}

/// What a guest can write.
pub enum OutputStream {
    /// Standard output or standard error.
    Standard(Stream),
    /// A descriptor that another process has given: a pipe, or nothing.
    Descriptor(u32),
    /// A file, from a position on, or at its end.
    File { file: files::Descriptor, position: Option<u64>, path: String },
}

/// Why a stream operation did not happen.
pub enum StreamFailure {
    /// The stream's end.
    Closed,
    /// It failed, with this text.
    Failed(String),
    /// The run is over, or the guest passed a handle that it does not have.
    Trap(wasmtime::Error),
}

impl From<ResourceTableError> for StreamFailure {
    fn from(error: ResourceTableError) -> StreamFailure {
        StreamFailure::Trap(error.into())
    }
}

impl From<Halt> for StreamFailure {
    fn from(halt: Halt) -> StreamFailure {
        StreamFailure::Trap(halt.into())
    }
}

impl From<files::FileError> for StreamFailure {
    fn from(error: files::FileError) -> StreamFailure {
        StreamFailure::Failed(error.to_string())
    }
}

impl error::Host for Guest {}

impl error::HostError for Guest {
    fn to_debug_string(&mut self, error: Resource<IoError>) -> Result<String> {
        Ok(self.table.get(&error)?.0.clone())
    }

    fn drop(&mut self, error: Resource<IoError>) -> Result<()> {
        self.table.delete(error)?;
        Ok(())
    }
}

impl Guest {
    /// When the pollable is ready, if that lies ahead; never, if that is up to others.
    fn ready_at(&self, pollable: Pollable) -> Option<Nanos> {
        match pollable {
            Pollable::At(at) if at > self.kernel.now() => Some(at),
            Pollable::At(_) | Pollable::Ready => None,
            Pollable::Descriptor(fd, what) => {
                let ready = self.kernel.world().lock().is_ready(self.kernel.pid(), fd, what);
                (!ready).then_some(Nanos::MAX)
            }
        }
    }

    /// Those that are ready, by their places in the list.
    pub(crate) fn ready_among(&self, pollables: &[Pollable]) -> Vec<u32> {
        let is_ready = |&(_, &pollable): &(u32, &Pollable)| self.ready_at(pollable).is_none();
        (0..).zip(pollables).filter(is_ready).map(|(index, _)| index).collect()
    }

    /// What blocks a thread that waits for this pollable alone, and its name as a blocking call.
    fn blocked_by(&self, pollable: Pollable) -> (String, Waiting) {
        let Pollable::Descriptor(fd, what) = pollable else {
            return ("sleep".into(), Waiting::Turn);
        };
        let shared = self.kernel.world().lock();
        let pipe = match what {
            Interest::Readable => shared.reader(self.kernel.pid(), fd),
            Interest::Writable => shared.writer(self.kernel.pid(), fd),
        };
        match (pipe, what) {
            (Ok(Some(pipe)), Interest::Readable) => {
                (format!("pipe.read:{}", shared.pipe(pipe).name), Waiting::Reading(pipe))
            }
            (Ok(Some(pipe)), Interest::Writable) => {
                (format!("pipe.write:{}", shared.pipe(pipe).name), Waiting::Writing(pipe))
            }
            // It is ready at once.
            _ => ("poll".into(), Waiting::Turn),
        }
    }

    /// Blocks until one of these is ready, in a call of this name.
    pub(crate) async fn block_on_any(
        &mut self,
        name: &str,
        on: Waiting,
        pollables: &[Pollable],
    ) -> Result<()> {
        self.others_first().await?;
        let mut begun = None;
        loop {
            let mut first = Nanos::MAX;
            let mut asks_others = false;
            for &pollable in pollables {
                let Some(at) = self.ready_at(pollable) else {
                    if let Some(label) = begun {
                        self.kernel.end_blocking(label, Outcome::Done);
                    }
                    return Ok(());
                };
                first = first.min(at);
                asks_others |= at == Nanos::MAX;
            }
            // A job is alone on its clock, unless it waits for others.
            if !self.kernel.is_in_company() || (self.kernel.is_in_job() && !asks_others) {
                return Ok(self.kernel.block_until(name, first, Outcome::Done)?);
            }
            if begun.is_none() {
                begun = Some(self.kernel.begin_blocking(name));
            }
            self.kernel.block_on(if asks_others { on } else { Waiting::Turn }, first);
            self.parked().await?;
            self.own_turn().await?;
        }
    }
}

impl poll::Host for Guest {
    async fn poll(&mut self, pollables: Vec<Resource<Pollable>>) -> Result<Vec<u32>> {
        if pollables.is_empty() {
            // WASI 0.2: an empty list would wait for ever, and is an error.
            return Err(Halt::Misuse("polled an empty list of pollables".into()).into());
        }
        let pollables: Vec<Pollable> = pollables
            .iter()
            .map(|pollable| self.table.get(pollable).copied())
            .collect::<Result<_, _>>()?;
        self.block_on_any("poll", Waiting::Poll, &pollables).await?;
        Ok(self.ready_among(&pollables))
    }
}

impl poll::HostPollable for Guest {
    async fn ready(&mut self, pollable: Resource<Pollable>) -> Result<bool> {
        self.others_first().await?;
        let pollable = *self.table.get(&pollable)?;
        Ok(self.ready_at(pollable).is_none())
    }

    async fn block(&mut self, pollable: Resource<Pollable>) -> Result<()> {
        let pollable = *self.table.get(&pollable)?;
        let (name, on) = self.blocked_by(pollable);
        self.block_on_any(&name, on, &[pollable]).await
    }

    fn drop(&mut self, pollable: Resource<Pollable>) -> Result<()> {
        self.table.delete(pollable)?;
        Ok(())
    }
}

type StreamResult<T> = Result<T, StreamFailure>;

impl streams::Host for Guest {
    fn convert_stream_error(&mut self, failure: StreamFailure) -> Result<streams::StreamError> {
        Ok(match failure {
            StreamFailure::Closed => streams::StreamError::Closed,
            StreamFailure::Failed(text) => {
                streams::StreamError::LastOperationFailed(self.table.push(IoError(text))?)
            }
            StreamFailure::Trap(error) => return Err(error),
        })
    }
}

impl Guest {
    async fn read_stream(
        &mut self,
        stream: &Resource<InputStream>,
        len: u64,
        blocking: bool,
    ) -> StreamResult<Vec<u8>> {
        let len = len.min(BYTES_PER_CALL);
        let call = match self.table.get(stream)? {
            InputStream::Stdin => "stdin.read".to_owned(),
            InputStream::File { path, .. } => format!("file.read:{path}"),
            InputStream::Descriptor(fd) => {
                let (fd, asked) = (*fd, u32::try_from(len).unwrap_or(u32::MAX));
                return match self.read_descriptor(fd, asked, blocking).await? {
                    Ok(bytes) if bytes.is_empty() && len > 0 => Err(StreamFailure::Closed),
                    Ok(bytes) => Ok(bytes),
                    Err(PipeError::WouldBlock) => Ok(Vec::new()),
                    Err(_) => Err(StreamFailure::Closed),
                };
            }
        };
        self.others_first().await?;
        self.kernel.blocking_io(&call)?.map_err(StreamFailure::Failed)?;
        let bytes = match self.table.get_mut(stream)? {
            InputStream::Stdin => {
                let rest = &self.kernel.config().stdin[self.stdin_position..];
                let len = usize::try_from(len).unwrap_or(usize::MAX).min(rest.len());
                let bytes = rest[..len].to_vec();
                self.stdin_position += len;
                bytes
            }
            InputStream::File { file, position, .. } => {
                let bytes = self.files.read(file, *position, len)?.0.to_vec();
                *position += bytes.len() as u64;
                bytes
            }
            InputStream::Descriptor(_) => Vec::new(),
        };
        if bytes.is_empty() && len > 0 {
            return Err(StreamFailure::Closed);
        }
        Ok(bytes)
    }

    /// Writes all of the bytes, and is blocked while there is no room for them.
    async fn write_stream(
        &mut self,
        stream: &Resource<OutputStream>,
        bytes: &[u8],
    ) -> StreamResult<()> {
        let call = match self.table.get(stream)? {
            OutputStream::Standard(stream) => {
                let stream = *stream;
                return Ok(self.kernel.output(stream, bytes)?);
            }
            OutputStream::Descriptor(fd) => {
                let fd = *fd;
                return self.write_all(fd, bytes).await?.map_err(|_| StreamFailure::Closed);
            }
            OutputStream::File { path, .. } => format!("file.write:{path}"),
        };
        self.others_first().await?;
        self.kernel.blocking_io(&call)?.map_err(StreamFailure::Failed)?;
        let now = self.wall_clock();
        if let OutputStream::File { file, position, .. } = self.table.get_mut(stream)? {
            match position {
                Some(position) => {
                    self.files.write(file, *position, bytes, now)?;
                    *position += bytes.len() as u64;
                }
                None => self.files.append(file, bytes, now)?,
            }
        }
        Ok(())
    }
}

impl streams::HostInputStream for Guest {
    async fn read(&mut self, stream: Resource<InputStream>, len: u64) -> StreamResult<Vec<u8>> {
        self.read_stream(&stream, len, false).await
    }

    async fn blocking_read(
        &mut self,
        stream: Resource<InputStream>,
        len: u64,
    ) -> StreamResult<Vec<u8>> {
        self.read_stream(&stream, len, true).await
    }

    async fn skip(&mut self, stream: Resource<InputStream>, len: u64) -> StreamResult<u64> {
        Ok(self.read_stream(&stream, len, false).await?.len() as u64)
    }

    async fn blocking_skip(
        &mut self,
        stream: Resource<InputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        Ok(self.read_stream(&stream, len, true).await?.len() as u64)
    }

    fn subscribe(&mut self, stream: Resource<InputStream>) -> Result<Resource<Pollable>> {
        let pollable = match self.table.get(&stream)? {
            InputStream::Descriptor(fd) => Pollable::Descriptor(*fd, Interest::Readable),
            _ => Pollable::Ready,
        };
        Ok(self.table.push(pollable)?)
    }

    fn drop(&mut self, stream: Resource<InputStream>) -> Result<()> {
        if let InputStream::File { file, .. } = self.table.delete(stream)? {
            self.files.close(file);
        }
        Ok(())
    }
}

impl streams::HostOutputStream for Guest {
    async fn check_write(&mut self, stream: Resource<OutputStream>) -> StreamResult<u64> {
        let OutputStream::Descriptor(fd) = self.table.get(&stream)? else {
            return Ok(BYTES_PER_CALL);
        };
        let fd = *fd;
        match self.shared(|shared, pid, _| shared.room(pid, fd)).await? {
            Ok(room) => Ok(BYTES_PER_CALL.min(room as u64)),
            Err(_) => Err(StreamFailure::Closed),
        }
    }

    async fn write(&mut self, stream: Resource<OutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        self.write_stream(&stream, &bytes).await
    }

    async fn blocking_write_and_flush(
        &mut self,
        stream: Resource<OutputStream>,
        bytes: Vec<u8>,
    ) -> StreamResult<()> {
        self.write_stream(&stream, &bytes).await
    }

    fn flush(&mut self, stream: Resource<OutputStream>) -> StreamResult<()> {
        self.table.get(&stream)?;
        Ok(())
    }

    fn blocking_flush(&mut self, stream: Resource<OutputStream>) -> StreamResult<()> {
        self.flush(stream)
    }

    fn subscribe(&mut self, stream: Resource<OutputStream>) -> Result<Resource<Pollable>> {
        let pollable = match self.table.get(&stream)? {
            OutputStream::Descriptor(fd) => Pollable::Descriptor(*fd, Interest::Writable),
            _ => Pollable::Ready,
        };
        Ok(self.table.push(pollable)?)
    }

    async fn write_zeroes(&mut self, stream: Resource<OutputStream>, len: u64) -> StreamResult<()> {
        if len > BYTES_PER_CALL {
            return Err(Halt::Misuse(format!(
                "wrote {len} zeroes in one call; check-write permits {BYTES_PER_CALL}"
            ))
            .into());
        }
        let zeroes = vec![0; usize::try_from(len).unwrap_or_default()];
        self.write_stream(&stream, &zeroes).await
    }

    async fn blocking_write_zeroes_and_flush(
        &mut self,
        stream: Resource<OutputStream>,
        len: u64,
    ) -> StreamResult<()> {
        streams::HostOutputStream::write_zeroes(self, stream, len).await
    }

    async fn splice(
        &mut self,
        stream: Resource<OutputStream>,
        source: Resource<InputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        let bytes = self.read_stream(&source, len, false).await?;
        self.write_stream(&stream, &bytes).await?;
        Ok(bytes.len() as u64)
    }

    async fn blocking_splice(
        &mut self,
        stream: Resource<OutputStream>,
        source: Resource<InputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        let bytes = self.read_stream(&source, len, true).await?;
        self.write_stream(&stream, &bytes).await?;
        Ok(bytes.len() as u64)
    }

    fn drop(&mut self, stream: Resource<OutputStream>) -> Result<()> {
        if let OutputStream::File { file, .. } = self.table.delete(stream)? {
            self.files.close(file);
        }
        Ok(())
    }
}
