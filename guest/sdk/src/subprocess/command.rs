//! What is to be started, and how.

use std::fmt;
use std::future::IntoFuture;
use std::panic::Location;
use std::pin::Pin;

use super::child::Child;
use super::{Process, Stdio};
use crate::debug;
use crate::event_loop::{self, Mode};
use crate::exception::{AsException, Exception, OsError, RuntimeError, ValueError, quote};
use crate::host::process::{self as host, SpawnError};
use crate::logging::{self, Level};
use crate::streams::DEFAULT_LIMIT;
use crate::waiting::Place;

/// A child process to be started: awaiting it starts it. Like `asyncio.create_subprocess_exec(program, ...)`.
///
/// `program` is a program of the scenario's, or this one by its name (`argv[0]`).
#[track_caller]
pub fn create_subprocess_exec(program: impl Into<String>) -> Command {
    Command {
        program: program.into(),
        args: Vec::new(),
        env: None,
        stdin: Stdio::Inherit,
        stdout: Stdio::Inherit,
        stderr: Stdio::Inherit,
        limit: DEFAULT_LIMIT,
        place: Location::caller(),
    }
}

/// What is to be started. Made by [`create_subprocess_exec`].
#[derive(Clone, Debug)]
#[must_use = "a process is started when its command is awaited"]
pub struct Command {
    program: String,
    args: Vec<String>,
    env: Option<Vec<(String, String)>>,
    stdin: Stdio,
    stdout: Stdio,
    stderr: Stdio,
    /// Of the streams, in bytes.
    limit: usize,
    place: Place,
}

impl Command {
    /// Adds arguments.
    pub fn args<A: Into<String>>(mut self, args: impl IntoIterator<Item = A>) -> Command {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// The environment, all of it; the parent's unless told.
    pub fn env<K: Into<String>, V: Into<String>>(
        mut self,
        env: impl IntoIterator<Item = (K, V)>,
    ) -> Command {
        self.env = Some(env.into_iter().map(|(key, value)| (key.into(), value.into())).collect());
        self
    }

    /// Its standard input.
    pub fn stdin(mut self, stdin: Stdio) -> Command {
        self.stdin = stdin;
        self
    }

    /// Its standard output.
    pub fn stdout(mut self, stdout: Stdio) -> Command {
        self.stdout = stdout;
        self
    }

    /// Its standard error.
    pub fn stderr(mut self, stderr: Stdio) -> Command {
        self.stderr = stderr;
        self
    }

    /// The limit of the streams that read from it, in bytes; 64 KiB unless told.
    pub fn limit(mut self, limit: usize) -> Command {
        self.limit = limit;
        self
    }

    async fn start(self) -> Result<Process, Exception> {
        if event_loop::mode() != Mode::Running {
            return Err(RuntimeError::new(RuntimeError::NO_LOOP).into());
        }
        let text = format!("execute program {}", quote(&self.program));
        let debug = debug::get_debug();
        if debug {
            logging::note("asyncio", Level::DEBUG, format_args!("{text}{}", Streams(&self)));
        }
        let started = host::spawn(&self.to_host()?);
        let started = started.map_err(|error| self.explain(error).as_exception())?;
        if debug {
            let (program, pid) = (quote(&self.program), started.pid);
            let text = format_args!("process {program} created: pid {pid}");
            logging::note("asyncio", Level::DEBUG, text);
        }
        let child = Child::connect(&started, self.limit, self.place).await?;
        if debug {
            logging::note("asyncio", Level::INFO, format_args!("{text}: {child:?}"));
        }
        Ok(Process::new(child))
    }

    fn to_host(&self) -> Result<host::Command, Exception> {
        if self.limit == 0 {
            return Err(ValueError::new("Limit cannot be <= 0").as_exception());
        }
        if self.stdin == Stdio::Stdout || self.stdout == Stdio::Stdout {
            return Err(ValueError::new("STDOUT can only be used for stderr").as_exception());
        }
        Ok(host::Command {
            program: self.program.clone(),
            args: self.args.clone(),
            env: self.env.clone(),
            stdin: self.stdin.to_host(),
            stdout: self.stdout.to_host(),
            stderr: self.stderr.to_host(),
            place: self.place.to_string(),
        })
    }

    fn explain(&self, error: SpawnError) -> OsError {
        match error {
            SpawnError::NotFound => OsError::ENOENT.about(&self.program),
            SpawnError::BadDescriptor => OsError::EBADF,
            SpawnError::TooManyProcesses => OsError::EAGAIN,
            SpawnError::TooManyFiles => OsError::EMFILE,
        }
    }
}

impl IntoFuture for Command {
    type Output = Result<Process, Exception>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Process, Exception>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}

impl Stdio {
    fn to_host(self) -> host::Stdio {
        match self {
            Stdio::Inherit => host::Stdio::Inherit,
            Stdio::Pipe(capacity) => host::Stdio::Pipe(capacity),
            Stdio::Stdout => host::Stdio::SameAsStdout,
            Stdio::DevNull => host::Stdio::Null,
            Stdio::Descriptor(fd) => host::Stdio::Descriptor(fd.0),
        }
    }
}

/// As asyncio's debug log shows a stream: Python's numbers for what has no name.
impl fmt::Display for Stdio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stdio::Inherit => f.write_str("None"),
            Stdio::Pipe(_) => f.write_str("<pipe>"),
            Stdio::Stdout => f.write_str("<stdout>"),
            Stdio::DevNull => f.write_str("-3"),
            Stdio::Descriptor(fd) => write!(f, "{fd}"),
        }
    }
}

/// The streams of a command that are not inherited, as asyncio's debug log shows them.
struct Streams<'a>(&'a Command);

impl fmt::Display for Streams<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Command { stdin, stdout, stderr, .. } = self.0;
        if *stdin != Stdio::Inherit {
            write!(f, " stdin={stdin}")?;
        }
        if *stdout != Stdio::Inherit && *stderr == Stdio::Stdout {
            return write!(f, " stdout=stderr={stdout}");
        }
        if *stdout != Stdio::Inherit {
            write!(f, " stdout={stdout}")?;
        }
        if *stderr != Stdio::Inherit {
            write!(f, " stderr={stderr}")?;
        }
        Ok(())
    }
}
