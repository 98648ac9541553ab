//! A child process, as its parent has it: asyncio's `Process`.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;

use super::SubprocessTransport;
use super::child::Child;
use crate::debug;
use crate::exception::{AsException, Exception, OsError, ValueError};
use crate::gather::gather;
use crate::logging::{self, Level};
use crate::signal::{SIGKILL, SIGTERM, Signal};
use crate::streams::{StreamReader, StreamWriter};
use crate::transport::ReadTransport;

/// A child process. Dropping it neither ends the child nor waits for it, as in asyncio: await
/// [`wait`](Process::wait) or [`communicate`](Process::communicate), even after [`kill`](Process::kill).
pub struct Process {
    /// Its standard input, if that is a pipe.
    pub stdin: Option<StreamWriter>,
    /// Its standard output, if that is a pipe.
    pub stdout: Option<StreamReader>,
    /// Its standard error, if that is a pipe.
    pub stderr: Option<StreamReader>,
    child: Rc<Child>,
}

/// What a child wrote to its standard output and standard error; `None` for a stream that is no pipe.
pub type Output = (Option<Vec<u8>>, Option<Vec<u8>>);

type Part = Pin<Box<dyn Future<Output = Result<Option<Vec<u8>>, Exception>>>>;

impl Process {
    pub(super) fn new(child: Rc<Child>) -> Process {
        let (stdin, stdout, stderr) = child.streams();
        Process { stdin, stdout, stderr, child }
    }

    /// The child's number. Like `process.pid`.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// How the child ended, once the loop knows: its exit status, or the negative number of the signal that
    /// killed it. Like `process.returncode`.
    pub fn returncode(&self) -> Option<i32> {
        self.child.returncode()
    }

    /// Waits until the child has ended and its pipes are closed. Like `await process.wait()`.
    ///
    /// It never returns if the child writes more into a pipe than fits and nobody reads it; use
    /// [`communicate`](Process::communicate).
    ///
    /// # Errors
    /// If the process is of another loop.
    #[track_caller]
    pub fn wait(&self) -> impl Future<Output = Result<i32, Exception>> + use<> {
        let (child, place) = (self.child.clone(), Location::caller());
        async move { child.wait(place).await }
    }

    /// Writes `input` to the child, closes its standard input, reads all that it writes, and waits for its end.
    /// Like `await process.communicate(input)`.
    ///
    /// If this is cancelled the child lives on: kill it and wait for it.
    ///
    /// # Errors
    /// `ValueError` if there is input and standard input is no pipe; a stream's error. That the child does not
    /// read all of its input is none.
    #[track_caller]
    pub fn communicate(
        &self,
        input: Option<&[u8]>,
    ) -> impl Future<Output = Result<Output, Exception>> + use<> {
        let place = Location::caller();
        let child = self.child.clone();
        let no_pipe = input.is_some() && self.stdin.is_none();
        let stdin: Part = match self.stdin.clone() {
            Some(stdin) => Box::pin(feed(child.pid(), stdin, input.map(<[u8]>::to_vec))),
            None => Box::pin(async { Ok(None) }),
        };
        let stdout = self.read_all("stdout", 1, self.stdout.clone());
        let stderr = self.read_all("stderr", 2, self.stderr.clone());
        async move {
            if no_pipe {
                let text = "communicate() was given input, but stdin is not a pipe";
                return Err(ValueError::new(text).as_exception());
            }
            let mut parts = gather([stdin, stdout, stderr]).await?;
            let (stderr, stdout) = (parts.pop().flatten(), parts.pop().flatten());
            child.wait(place).await?;
            Ok((stdout, stderr))
        }
    }

    fn read_all(&self, name: &'static str, fd: usize, stream: Option<StreamReader>) -> Part {
        let (pid, transport) = (self.pid(), self.child.read_transport(fd));
        match (stream, transport) {
            (Some(stream), Some(transport)) => Box::pin(read_stream(pid, name, stream, transport)),
            _ => Box::pin(async { Ok(None) }),
        }
    }

    /// Sends a signal to the child. Like `process.send_signal(signal)`.
    ///
    /// # Errors
    /// `ProcessLookupError` if the loop knows that the child has ended; EINVAL for a signal that does not exist.
    pub fn send_signal(&self, signal: impl Into<Signal>) -> Result<(), OsError> {
        self.child.send_signal(signal.into())
    }

    /// Sends SIGTERM. Like `process.terminate()`.
    ///
    /// # Errors
    /// As [`send_signal`](Process::send_signal).
    pub fn terminate(&self) -> Result<(), OsError> {
        self.send_signal(SIGTERM)
    }

    /// Sends SIGKILL. The child stays a zombie until somebody waits for it. Like `process.kill()`.
    ///
    /// # Errors
    /// As [`send_signal`](Process::send_signal).
    pub fn kill(&self) -> Result<(), OsError> {
        self.send_signal(SIGKILL)
    }

    /// Its transport, as `process._transport`.
    pub fn transport(&self) -> SubprocessTransport {
        SubprocessTransport(self.child.clone())
    }
}

/// Writes the input and closes the child's standard input.
async fn feed(
    pid: u32,
    stdin: StreamWriter,
    input: Option<Vec<u8>>,
) -> Result<Option<Vec<u8>>, Exception> {
    if let Some(input) = input {
        stdin.write(&input);
        note(pid, format_args!("feed stdin ({} bytes)", input.len()));
    }
    if let Err(exception) = stdin.drain().await {
        if !matches!(exception.kind(), "BrokenPipeError" | "ConnectionResetError") {
            return Err(exception);
        }
        note(pid, format_args!("stdin got {exception:?}"));
    }
    note(pid, format_args!("close stdin"));
    stdin.close();
    Ok(None)
}

async fn read_stream(
    pid: u32,
    name: &'static str,
    stream: StreamReader,
    transport: ReadTransport,
) -> Result<Option<Vec<u8>>, Exception> {
    note(pid, format_args!("read {name}"));
    let output = stream.read().await?;
    note(pid, format_args!("close {name}"));
    transport.close();
    Ok(Some(output))
}

fn note(pid: u32, what: fmt::Arguments<'_>) {
    if debug::get_debug() {
        let text = format_args!("<Process {pid}> communicate: {what}");
        logging::note("asyncio", Level::DEBUG, text);
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Process {}>", self.pid())
    }
}
