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

/// What `wasi:io/error` describes: a failure that the scenario injected, or a file's.
pub struct IoError(String);

/// What a guest can wait for.
#[derive(Clone, Copy)]
pub enum Pollable {
    /// Always ready.
    Ready,
    /// Ready from this moment on.
    At(Nanos),
}

/// What a guest can read.
pub enum InputStream {
    /// The scenario's standard input.
    Stdin,
    /// A file, from a position on.
    File { file: files::Descriptor, position: u64, path: String },
}

/// What a guest can write.
pub enum OutputStream {
    /// Standard output or standard error.
    Standard(Stream),
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
    /// When the pollable is ready, if that lies ahead.
    fn ready_at(&self, pollable: &Resource<Pollable>) -> Result<Option<Nanos>> {
        Ok(match self.table.get(pollable)? {
            Pollable::At(at) if *at > self.kernel.now() => Some(*at),
            Pollable::At(_) | Pollable::Ready => None,
        })
    }
}

impl poll::Host for Guest {
    fn poll(&mut self, pollables: Vec<Resource<Pollable>>) -> Result<Vec<u32>> {
        if pollables.is_empty() {
            // WASI 0.2: an empty list would wait for ever, and is an error.
            return Err(Halt::Misuse("polled an empty list of pollables".into()).into());
        }
        let mut ready = self.ready_among(&pollables)?;
        if ready.is_empty() {
            let mut first = Nanos::MAX;
            for pollable in &pollables {
                first = first.min(self.ready_at(pollable)?.unwrap_or(first));
            }
            self.kernel.block_until("poll", first, Outcome::Done)?;
            ready = self.ready_among(&pollables)?;
        }
        Ok(ready)
    }
}

impl Guest {
    fn ready_among(&self, pollables: &[Resource<Pollable>]) -> Result<Vec<u32>> {
        let mut ready = Vec::new();
        for (index, pollable) in (0..).zip(pollables) {
            if self.ready_at(pollable)?.is_none() {
                ready.push(index);
            }
        }
        Ok(ready)
    }
}

impl poll::HostPollable for Guest {
    fn ready(&mut self, pollable: Resource<Pollable>) -> Result<bool> {
        Ok(self.ready_at(&pollable)?.is_none())
    }

    fn block(&mut self, pollable: Resource<Pollable>) -> Result<()> {
        if let Some(at) = self.ready_at(&pollable)? {
            self.kernel.block_until("sleep", at, Outcome::Done)?;
        }
        Ok(())
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

impl streams::HostInputStream for Guest {
    fn read(&mut self, stream: Resource<InputStream>, len: u64) -> StreamResult<Vec<u8>> {
        let len = len.min(BYTES_PER_CALL);
        let call = match self.table.get(&stream)? {
            InputStream::Stdin => "stdin.read".to_owned(),
            InputStream::File { path, .. } => format!("file.read:{path}"),
        };
        self.kernel.blocking_io(&call)?.map_err(StreamFailure::Failed)?;
        let bytes = match self.table.get_mut(&stream)? {
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
        };
        if bytes.is_empty() && len > 0 {
            return Err(StreamFailure::Closed);
        }
        Ok(bytes)
    }

    fn blocking_read(&mut self, stream: Resource<InputStream>, len: u64) -> StreamResult<Vec<u8>> {
        self.read(stream, len)
    }

    fn skip(&mut self, stream: Resource<InputStream>, len: u64) -> StreamResult<u64> {
        Ok(self.read(stream, len)?.len() as u64)
    }

    fn blocking_skip(&mut self, stream: Resource<InputStream>, len: u64) -> StreamResult<u64> {
        self.skip(stream, len)
    }

    fn subscribe(&mut self, stream: Resource<InputStream>) -> Result<Resource<Pollable>> {
        self.table.get(&stream)?;
        Ok(self.table.push(Pollable::Ready)?)
    }

    fn drop(&mut self, stream: Resource<InputStream>) -> Result<()> {
        if let InputStream::File { file, .. } = self.table.delete(stream)? {
            self.files.close(file);
        }
        Ok(())
    }
}

impl streams::HostOutputStream for Guest {
    fn check_write(&mut self, stream: Resource<OutputStream>) -> StreamResult<u64> {
        self.table.get(&stream)?;
        Ok(BYTES_PER_CALL)
    }

    fn write(&mut self, stream: Resource<OutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        let call = match self.table.get(&stream)? {
            OutputStream::Standard(stream) => {
                let stream = *stream;
                return Ok(self.kernel.output(stream, &bytes)?);
            }
            OutputStream::File { path, .. } => format!("file.write:{path}"),
        };
        self.kernel.blocking_io(&call)?.map_err(StreamFailure::Failed)?;
        let now = self.wall_clock();
        if let OutputStream::File { file, position, .. } = self.table.get_mut(&stream)? {
            match position {
                Some(position) => {
                    self.files.write(file, *position, &bytes, now)?;
                    *position += bytes.len() as u64;
                }
                None => self.files.append(file, &bytes, now)?,
            }
        }
        Ok(())
    }

    fn blocking_write_and_flush(
        &mut self,
        stream: Resource<OutputStream>,
        bytes: Vec<u8>,
    ) -> StreamResult<()> {
        self.write(stream, bytes)
    }

    fn flush(&mut self, stream: Resource<OutputStream>) -> StreamResult<()> {
        self.table.get(&stream)?;
        Ok(())
    }

    fn blocking_flush(&mut self, stream: Resource<OutputStream>) -> StreamResult<()> {
        self.flush(stream)
    }

    fn subscribe(&mut self, stream: Resource<OutputStream>) -> Result<Resource<Pollable>> {
        self.table.get(&stream)?;
        Ok(self.table.push(Pollable::Ready)?)
    }

    fn write_zeroes(&mut self, stream: Resource<OutputStream>, len: u64) -> StreamResult<()> {
        if len > BYTES_PER_CALL {
            return Err(Halt::Misuse(format!(
                "wrote {len} zeroes in one call; check-write permits {BYTES_PER_CALL}"
            ))
            .into());
        }
        self.write(stream, vec![0; usize::try_from(len).unwrap_or_default()])
    }

    fn blocking_write_zeroes_and_flush(
        &mut self,
        stream: Resource<OutputStream>,
        len: u64,
    ) -> StreamResult<()> {
        self.write_zeroes(stream, len)
    }

    fn splice(
        &mut self,
        stream: Resource<OutputStream>,
        source: Resource<InputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        let bytes = streams::HostInputStream::read(self, source, len)?;
        let moved = bytes.len() as u64;
        self.write(stream, bytes)?;
        Ok(moved)
    }

    fn blocking_splice(
        &mut self,
        stream: Resource<OutputStream>,
        source: Resource<InputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        self.splice(stream, source, len)
    }

    fn drop(&mut self, stream: Resource<OutputStream>) -> Result<()> {
        if let OutputStream::File { file, .. } = self.table.delete(stream)? {
            self.files.close(file);
        }
        Ok(())
    }
}
