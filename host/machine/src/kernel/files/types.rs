//! What the filesystem's operations are given and return: WASI's records and flags, as far as they have a
//! meaning here.

use std::time::Duration;

/// A moment on the machine's wall clock: the time since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp(pub(crate) Duration);

impl Timestamp {
    /// From WASI's `datetime`, whose nanoseconds must be less than a second.
    pub(crate) fn new(seconds: u64, nanoseconds: u32) -> Result<Timestamp, FileError> {
        if nanoseconds >= 1_000_000_000 {
            return Err(FileError::Invalid);
        }
        Ok(Timestamp(Duration::new(seconds, nanoseconds)))
    }
}

/// Why an operation failed: the names of WASI's `error-code`, as far as they occur here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FileError {
    /// The descriptor was not opened for this.
    #[error("bad descriptor")]
    BadDescriptor,
    /// The name is taken.
    #[error("file exists")]
    Exist,
    /// The file would be longer than a file offset can say.
    #[error("file too large")]
    FileTooLarge,
    /// A limit of the filesystem is reached.
    #[error("no space left on device")]
    InsufficientSpace,
    /// The arguments make no sense, or not together.
    #[error("invalid argument")]
    Invalid,
    /// The operation is for files.
    #[error("is a directory")]
    IsDirectory,
    /// A name or a whole path is too long.
    #[error("file name too long")]
    NameTooLong,
    /// There is nothing of this name.
    #[error("no such file or directory")]
    NoEntry,
    /// The operation, or a step of the path, is for directories.
    #[error("not a directory")]
    NotDirectory,
    /// The directory still has entries.
    #[error("directory not empty")]
    NotEmpty,
    /// The path is absolute or leads out of the base directory.
    #[error("operation not permitted")]
    NotPermitted,
    /// Making a link. There is nothing to look at before refusing it, so the glue does.
    #[error("not supported")]
    Unsupported,
}

/// Bounds of one filesystem. An operation that would pass one fails with `InsufficientSpace`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileLimits {
    /// Bytes in all files together. A hole in a file counts as zeros.
    pub(crate) bytes: u64,
    /// Files and directories, with the root, and with those that are unlinked but open.
    pub(crate) nodes: usize,
}

impl Default for FileLimits {
    fn default() -> FileLimits {
        FileLimits { bytes: 64 << 20, nodes: 1 << 16 }
    }
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// It holds names.
    Directory,
    /// It holds bytes.
    RegularFile,
}

/// What an opened file may be used for. Directories need neither: WASI's `mutate-directory` is not
/// asked for, because C libraries open directories without it and then delete through them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Access {
    /// Its bytes may be read.
    pub(crate) read: bool,
    /// Its bytes may be changed.
    pub(crate) write: bool,
}

/// How to open: WASI's `open-flags`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OpenFlags {
    /// Create the file if there is none.
    pub(crate) create: bool,
    /// Fail unless it is a directory.
    pub(crate) directory: bool,
    /// With `create`: fail if it exists.
    pub(crate) exclusive: bool,
    /// Empty the file.
    pub(crate) truncate: bool,
}

/// The moments that a node remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    /// The last access: the creation, unless the guest set another.
    pub(crate) accessed: Timestamp,
    /// The last change of the bytes or the names.
    pub(crate) modified: Timestamp,
    /// The last change of anything, such as the name or these times.
    pub(crate) changed: Timestamp,
}

/// What `stat` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// File or directory.
    pub(crate) kind: FileKind,
    /// 1, or 0 once it is unlinked.
    pub(crate) links: u64,
    /// Bytes of a file; 0 for a directory.
    pub(crate) size: u64,
    /// When it was used and changed.
    pub(crate) times: Times,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DirectoryEntry {
    /// What has this name.
    pub(crate) kind: FileKind,
    /// The name.
    pub(crate) name: String,
}

/// A node's identity and state as 128 bits.
///
/// C libraries make the inode number of the lower half, and programs take an inode that changed for
/// another file. So the lower half is the identity alone and the upper half the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MetadataHash {
    /// The same for one node, whatever happens to it.
    pub(crate) lower: u64,
    /// Changes with size and time of modification.
    pub(crate) upper: u64,
}

/// A file of the scenario cannot be put into the filesystem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot place the file `{path}`: {reason}")]
pub(crate) struct PlaceFileError {
    /// As the scenario has it.
    pub(crate) path: String,
    /// What is wrong with it.
    pub(crate) reason: FileError,
}
