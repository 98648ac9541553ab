//! Child processes: `create_subprocess_exec`, as in asyncio.
//!
//! A child is another instance of this program (by its name, `argv[0]`) or one of the scenario's `[[program]]`s. It
//! shares nothing with its parent but the descriptors that it is given. There is no shell here, so there is no
//! `create_subprocess_shell`.
//!
//! As in asyncio [`Process::wait`] returns when the child has ended *and* its pipes are closed: with a pipe that
//! nobody reads, a child that writes more than fits never ends. [`Process::communicate`] reads and writes
//! everything at once and cannot hang so.

mod child;
mod command;
mod process;
pub(crate) mod watcher;

use crate::os::Fd;

pub use child::SubprocessTransport;
pub use command::{Command, create_subprocess_exec};
pub use process::Process;

#[cfg(test)]
mod tests;

/// What a standard stream of a child is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stdio {
    /// The same as the parent's. Python's `None`.
    Inherit,
    /// A new pipe that holds so many bytes; 0 stands for the scenario's `pipe-capacity`.
    Pipe(u64),
    /// For standard error only: the same as the child's standard output.
    Stdout,
    /// Nothing to read; what is written is lost.
    DevNull,
    /// The same as this descriptor of the parent, which stays open in the parent.
    Descriptor(Fd),
}

/// A new pipe, as `asyncio.subprocess.PIPE`.
pub const PIPE: Stdio = Stdio::Pipe(0);

/// Where standard output goes, as `asyncio.subprocess.STDOUT`.
pub const STDOUT: Stdio = Stdio::Stdout;

/// Nowhere, as `asyncio.subprocess.DEVNULL`.
pub const DEVNULL: Stdio = Stdio::DevNull;
