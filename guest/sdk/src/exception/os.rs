//! Errors of the operating system, as Python's: a class for each common number, and its text.

use std::borrow::Cow;
use std::fmt;

/// Python's class of an error of the operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OsErrorKind {
    /// Of none of the other classes.
    OSError,
    /// EAGAIN: it would block, and must not.
    BlockingIOError,
    /// EPIPE: nobody reads any more.
    BrokenPipeError,
    /// ECHILD: not a child of this process, or waited for already.
    ChildProcessError,
    /// The other side is gone.
    ConnectionResetError,
    /// ENOENT.
    FileNotFoundError,
    /// EPERM.
    PermissionError,
    /// ESRCH: there is no such process.
    ProcessLookupError,
}

/// A call of the operating system has failed. Like `OSError` and its subclasses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OsError {
    kind: OsErrorKind,
    errno: Option<i32>,
    text: Cow<'static, str>,
    filename: Option<String>,
}

impl OsError {
    pub(crate) const EPERM: OsError =
        OsError::numbered(OsErrorKind::PermissionError, 1, "Operation not permitted");
    pub(crate) const ENOENT: OsError =
        OsError::numbered(OsErrorKind::FileNotFoundError, 2, "No such file or directory");
    pub(crate) const ESRCH: OsError =
        OsError::numbered(OsErrorKind::ProcessLookupError, 3, "No such process");
    pub(crate) const EBADF: OsError =
        OsError::numbered(OsErrorKind::OSError, 9, "Bad file descriptor");
    pub(crate) const ECHILD: OsError =
        OsError::numbered(OsErrorKind::ChildProcessError, 10, "No child processes");
    pub(crate) const EAGAIN: OsError =
        OsError::numbered(OsErrorKind::BlockingIOError, 11, "Resource temporarily unavailable");
    pub(crate) const EINVAL: OsError =
        OsError::numbered(OsErrorKind::OSError, 22, "Invalid argument");
    pub(crate) const EMFILE: OsError =
        OsError::numbered(OsErrorKind::OSError, 24, "Too many open files");
    pub(crate) const EPIPE: OsError =
        OsError::numbered(OsErrorKind::BrokenPipeError, 32, "Broken pipe");

    const fn numbered(kind: OsErrorKind, errno: i32, text: &'static str) -> OsError {
        OsError { kind, errno: Some(errno), text: Cow::Borrowed(text), filename: None }
    }

    /// An error that the loop raises itself, with a text and no number.
    pub(crate) const fn plain(kind: OsErrorKind, text: &'static str) -> OsError {
        OsError { kind, errno: None, text: Cow::Borrowed(text), filename: None }
    }

    /// The same error, about this file.
    pub(crate) fn about(self, filename: impl Into<String>) -> OsError {
        OsError { filename: Some(filename.into()), ..self }
    }

    /// Python's class.
    pub fn kind(&self) -> OsErrorKind {
        self.kind
    }

    /// The number on Linux. `None` if the loop raised it itself.
    pub fn errno(&self) -> Option<i32> {
        self.errno
    }

    /// What is between the parentheses of Python's `repr`.
    pub(super) fn arguments(&self) -> String {
        match self.errno {
            Some(errno) => format!("{errno}, {}", super::quote(&self.text)),
            None if self.text.is_empty() => String::new(),
            None => super::quote(&self.text),
        }
    }
}

impl OsErrorKind {
    /// The name of the class.
    pub const fn name(self) -> &'static str {
        match self {
            OsErrorKind::OSError => "OSError",
            OsErrorKind::BlockingIOError => "BlockingIOError",
            OsErrorKind::BrokenPipeError => "BrokenPipeError",
            OsErrorKind::ChildProcessError => "ChildProcessError",
            OsErrorKind::ConnectionResetError => "ConnectionResetError",
            OsErrorKind::FileNotFoundError => "FileNotFoundError",
            OsErrorKind::PermissionError => "PermissionError",
            OsErrorKind::ProcessLookupError => "ProcessLookupError",
        }
    }
}

/// Python's `str`: `[Errno 2] No such file or directory: 'x'`.
impl fmt::Display for OsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(errno) = self.errno {
            write!(f, "[Errno {errno}] ")?;
        }
        f.write_str(&self.text)?;
        match &self.filename {
            Some(filename) => write!(f, ": {}", super::quote(filename)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for OsError {}
