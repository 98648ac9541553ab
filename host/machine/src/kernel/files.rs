//! The filesystem of the simulated machine: directories and regular files, in memory.
//!
//! It begins with the files that the scenario gives, the guest may change everything, and it is gone
//! after the run. The operations are those of `wasi:filesystem/types@0.2`, with POSIX's rules where WASI
//! leaves a question open, so that the glue only translates types and keeps handles.
//!
//! What it is not: there are no links of any kind, no permissions, no devices, and one filesystem with
//! one root. Nothing here takes virtual time or reads a clock: whoever changes something says when. As on
//! a disk mounted with `noatime`, reading does not change the time of last access.
//!
//! Every size that a guest can name is held against a limit before anything is allocated.
//!
//! - `nodes`: the table of files and directories, and the limits.
//! - `path`: from a path to a place in the tree, and never out of the base directory.
//! - `contents`: the bytes of a file.
//! - `entries`: the names in a directory.
//! - `types`: what operations are given and return.

mod contents;
mod entries;
mod nodes;
mod path;
#[cfg(test)]
mod tests;
mod types;

use nodes::{Body, NodeId, Nodes};
use path::Place;
pub(crate) use types::*;

/// An open file or directory. It keeps its node alive, also without a name, until it is given back to
/// [`FileSystem::close`]; that is why it cannot be copied.
#[derive(Debug)]
pub(crate) struct Descriptor {
    node: NodeId,
    access: Access,
}

/// The machine's files and directories.
#[derive(Debug)]
pub(crate) struct FileSystem {
    nodes: Nodes,
}

impl FileSystem {
    /// An empty root directory.
    pub(crate) fn new(limits: FileLimits, now: Timestamp) -> FileSystem {
        FileSystem { nodes: Nodes::new(limits, now) }
    }

    /// A root with these files, given by their absolute paths. Parent directories are made as needed.
    pub(crate) fn with_files<'f>(
        files: impl IntoIterator<Item = (&'f str, &'f [u8])>,
        limits: FileLimits,
        now: Timestamp,
    ) -> Result<FileSystem, PlaceFileError> {
        let mut system = FileSystem::new(limits, now);
        for (path, bytes) in files {
            system
                .place_file(path, bytes, now)
                .map_err(|reason| PlaceFileError { path: path.into(), reason })?;
        }
        Ok(system)
    }

    fn place_file(&mut self, path: &str, bytes: &[u8], now: Timestamp) -> Result<(), FileError> {
        let path = path.strip_prefix('/').ok_or(FileError::Invalid)?.trim_start_matches('/');
        for (slash, _) in path.match_indices('/') {
            match self.make_directory(NodeId::ROOT, &path[..slash], now) {
                Ok(()) | Err(FileError::Exist) => {}
                Err(error) => return Err(error),
            }
        }
        match path::resolve(&self.nodes, NodeId::ROOT, path)? {
            Place::Name { parent, name, slash: false } => {
                let node = self.nodes.create(parent, name, Body::File(Vec::new()), now)?;
                self.write_at(node, 0, bytes, now)
            }
            Place::Name { .. } | Place::Directory(_) => Err(FileError::IsDirectory),
        }
    }

    /// A descriptor of the root directory, the machine's only preopen.
    pub(crate) fn open_root(&mut self) -> Descriptor {
        self.open(NodeId::ROOT, Access { read: true, write: false })
    }

    /// Opens what the path names, or creates a file there.
    pub(crate) fn open_at(
        &mut self,
        base: &Descriptor,
        path: &str,
        flags: OpenFlags,
        access: Access,
        now: Timestamp,
    ) -> Result<Descriptor, FileError> {
        if flags.directory && (flags.create || flags.exclusive || flags.truncate) {
            return Err(FileError::Invalid);
        }
        let place = path::resolve(&self.nodes, base.node, path)?;
        match place.existing(&self.nodes) {
            Ok(_) if flags.create && flags.exclusive => Err(FileError::Exist),
            Ok(node) => {
                match self.nodes.get(node).kind() {
                    FileKind::Directory if flags.create || flags.truncate || access.write => {
                        return Err(FileError::IsDirectory);
                    }
                    FileKind::RegularFile if flags.directory => {
                        return Err(FileError::NotDirectory);
                    }
                    FileKind::Directory | FileKind::RegularFile => {}
                }
                if flags.truncate {
                    self.resize(node, 0, now)?;
                }
                Ok(self.open(node, access))
            }
            Err(FileError::NoEntry) if flags.create => match place {
                Place::Name { parent, name, slash: false } => {
                    let node = self.nodes.create(parent, name, Body::File(Vec::new()), now)?;
                    Ok(self.open(node, access))
                }
                Place::Name { .. } | Place::Directory(_) => Err(FileError::IsDirectory),
            },
            Err(error) => Err(error),
        }
    }

    /// A second descriptor of the same kind, for a stream that may outlive the first.
    pub(crate) fn duplicate(&mut self, descriptor: &Descriptor) -> Descriptor {
        self.open(descriptor.node, descriptor.access)
    }

    /// Gives a descriptor back. A node without a name goes with its last descriptor.
    pub(crate) fn close(&mut self, descriptor: Descriptor) {
        self.nodes.close(descriptor.node);
    }

    /// File or directory.
    pub(crate) fn kind(&self, descriptor: &Descriptor) -> FileKind {
        self.nodes.get(descriptor.node).kind()
    }

    /// What the descriptor was opened for.
    pub(crate) fn access(&self, descriptor: &Descriptor) -> Access {
        descriptor.access
    }

    /// The attributes of what is open.
    pub(crate) fn stat(&self, descriptor: &Descriptor) -> Stat {
        self.nodes.get(descriptor.node).stat()
    }

    /// The attributes of what the path names.
    pub(crate) fn stat_at(&self, base: &Descriptor, path: &str) -> Result<Stat, FileError> {
        Ok(self.nodes.get(self.find(base, path)?).stat())
    }

    /// Sets the times of what is open; `None` leaves one as it is.
    pub(crate) fn set_times(
        &mut self,
        descriptor: &Descriptor,
        accessed: Option<Timestamp>,
        modified: Option<Timestamp>,
        now: Timestamp,
    ) {
        self.nodes.get_mut(descriptor.node).set_times(accessed, modified, now);
    }

    /// Sets the times of what the path names; `None` leaves one as it is.
    pub(crate) fn set_times_at(
        &mut self,
        base: &Descriptor,
        path: &str,
        accessed: Option<Timestamp>,
        modified: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), FileError> {
        let node = self.find(base, path)?;
        self.nodes.get_mut(node).set_times(accessed, modified, now);
        Ok(())
    }

    /// Whether both are the same file or directory.
    pub(crate) fn is_same_object(&self, one: &Descriptor, other: &Descriptor) -> bool {
        one.node == other.node
    }

    /// The hash of what is open.
    pub(crate) fn metadata_hash(&self, descriptor: &Descriptor) -> MetadataHash {
        self.nodes.metadata_hash(descriptor.node)
    }

    /// The hash of what the path names.
    pub(crate) fn metadata_hash_at(
        &self,
        base: &Descriptor,
        path: &str,
    ) -> Result<MetadataHash, FileError> {
        Ok(self.nodes.metadata_hash(self.find(base, path)?))
    }

    fn open(&mut self, node: NodeId, access: Access) -> Descriptor {
        self.nodes.get_mut(node).opens += 1;
        Descriptor { node, access }
    }

    /// The node that the path names.
    fn find(&self, base: &Descriptor, path: &str) -> Result<NodeId, FileError> {
        path::resolve(&self.nodes, base.node, path)?.existing(&self.nodes)
    }
}
