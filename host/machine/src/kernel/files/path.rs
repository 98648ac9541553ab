//! From a path to a place in the tree.
//!
//! Paths are relative to a base directory, and no path leaves it: that is WASI's sandbox. Without
//! symbolic links a directory is reached on one way only, so `..` is one step back on that way.

use super::nodes::{NodeId, Nodes};
use super::{FileError, FileKind};

/// The longest name of a directory entry, as on Linux.
const NAME_BYTES_MAX: usize = 255;
/// The longest path, as on Linux. It bounds the work of following one.
const PATH_BYTES_MAX: usize = 4096;

/// Where a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'p> {
    /// To a directory that is there. The path ends with `.` or `..`, so it does not say its name.
    Directory(NodeId),
    /// To a name in a directory. The directory is there, the name may be free.
    Name {
        /// The directory.
        parent: NodeId,
        /// The name in it.
        name: &'p str,
        /// Whether a slash follows: then only a directory can be meant.
        slash: bool,
    },
}

impl Place<'_> {
    /// What is at this place.
    pub(super) fn existing(&self, nodes: &Nodes) -> Result<NodeId, FileError> {
        match *self {
            Place::Directory(node) => Ok(node),
            Place::Name { parent, name, slash } => {
                let entries = &nodes.get(parent).directory()?.entries;
                let node = *entries.get(name).ok_or(FileError::NoEntry)?;
                if slash && nodes.get(node).kind() != FileKind::Directory {
                    return Err(FileError::NotDirectory);
                }
                Ok(node)
            }
        }
    }
}

/// Follows `path` from the directory `base`. Every step but the last must be there.
pub(super) fn resolve<'p>(
    nodes: &Nodes,
    base: NodeId,
    path: &'p str,
) -> Result<Place<'p>, FileError> {
    nodes.get(base).directory()?;
    if path.is_empty() {
        return Err(FileError::NoEntry);
    }
    if path.starts_with('/') {
        return Err(FileError::NotPermitted);
    }
    if path.len() > PATH_BYTES_MAX {
        return Err(FileError::NameTooLong);
    }
    if path.contains('\0') {
        return Err(FileError::Invalid);
    }
    // The directories between the base and here.
    let mut way = Vec::new();
    let mut steps = path.split('/').filter(|step| !step.is_empty()).peekable();
    while let Some(step) = steps.next() {
        let here = way.last().copied().unwrap_or(base);
        match step {
            "." => {}
            ".." => {
                way.pop().ok_or(FileError::NotPermitted)?;
            }
            name if name.len() > NAME_BYTES_MAX => return Err(FileError::NameTooLong),
            name if steps.peek().is_none() => {
                return Ok(Place::Name { parent: here, name, slash: path.ends_with('/') });
            }
            name => {
                let directory = Place::Name { parent: here, name, slash: true };
                way.push(directory.existing(nodes)?);
            }
        }
    }
    Ok(Place::Directory(way.last().copied().unwrap_or(base)))
}
