//! Listing and changing the names in a directory.

use super::nodes::{Body, Directory, NodeId};
use super::path::{self, Place};
use super::{Descriptor, DirectoryEntry, FileError, FileKind, FileSystem, Timestamp};

impl FileSystem {
    /// The entries as they are now, sorted by name, without `.` and `..`.
    pub(crate) fn read_directory(
        &self,
        descriptor: &Descriptor,
    ) -> Result<Vec<DirectoryEntry>, FileError> {
        let entries = &self.nodes.get(descriptor.node).directory()?.entries;
        Ok(entries
            .iter()
            .map(|(name, node)| DirectoryEntry {
                kind: self.nodes.get(*node).kind(),
                name: name.clone(),
            })
            .collect())
    }

    /// Makes an empty directory.
    pub(crate) fn create_directory_at(
        &mut self,
        base: &Descriptor,
        path: &str,
        now: Timestamp,
    ) -> Result<(), FileError> {
        self.make_directory(base.node, path, now)
    }

    pub(super) fn make_directory(
        &mut self,
        base: NodeId,
        path: &str,
        now: Timestamp,
    ) -> Result<(), FileError> {
        match path::resolve(&self.nodes, base, path)? {
            Place::Directory(_) => Err(FileError::Exist),
            Place::Name { parent, name, .. } => {
                let body = Body::Directory(Directory::new(parent));
                self.nodes.create(parent, name, body, now)?;
                Ok(())
            }
        }
    }

    /// Removes an empty directory. Those who have it open see it empty for ever.
    pub(crate) fn remove_directory_at(
        &mut self,
        base: &Descriptor,
        path: &str,
        now: Timestamp,
    ) -> Result<(), FileError> {
        let place = path::resolve(&self.nodes, base.node, path)?;
        let node = place.existing(&self.nodes)?;
        if !self.nodes.get(node).directory()?.entries.is_empty() {
            return Err(FileError::NotEmpty);
        }
        match place {
            // As POSIX says; and the base itself must not go.
            Place::Directory(_) => Err(FileError::Invalid),
            Place::Name { parent, name, .. } => self.nodes.unlink(parent, name, now),
        }
    }

    /// Removes a file's name. Those who have it open keep the file.
    pub(crate) fn unlink_file_at(
        &mut self,
        base: &Descriptor,
        path: &str,
        now: Timestamp,
    ) -> Result<(), FileError> {
        let place = path::resolve(&self.nodes, base.node, path)?;
        let node = place.existing(&self.nodes)?;
        match place {
            Place::Name { parent, name, .. }
                if self.nodes.get(node).kind() == FileKind::RegularFile =>
            {
                self.nodes.unlink(parent, name, now)
            }
            Place::Name { .. } | Place::Directory(_) => Err(FileError::IsDirectory),
        }
    }

    /// Gives a file or directory another name. What had that name is replaced: a file by a file, an
    /// empty directory by a directory.
    pub(crate) fn rename_at(
        &mut self,
        old_base: &Descriptor,
        old_path: &str,
        new_base: &Descriptor,
        new_path: &str,
        now: Timestamp,
    ) -> Result<(), FileError> {
        let old = path::resolve(&self.nodes, old_base.node, old_path)?;
        let new = path::resolve(&self.nodes, new_base.node, new_path)?;
        let node = old.existing(&self.nodes)?;
        let (
            Place::Name { parent: old_parent, name: old_name, .. },
            Place::Name { parent: new_parent, name: new_name, slash },
        ) = (old, new)
        else {
            return Err(FileError::Invalid);
        };
        let kind = self.nodes.get(node).kind();
        if slash && kind != FileKind::Directory {
            return Err(FileError::NotDirectory);
        }
        // First that the new parent still has a name: then all directories above it have theirs.
        let at_new_name = self.nodes.entries_mut(new_parent)?.get(new_name).copied();
        if kind == FileKind::Directory && self.nodes.is_within(new_parent, node) {
            return Err(FileError::Invalid);
        }
        match at_new_name {
            Some(replaced) if replaced == node => return Ok(()),
            Some(replaced) => {
                let replaced = self.nodes.get(replaced);
                match (kind, &replaced.body) {
                    (FileKind::Directory, Body::File(_)) => return Err(FileError::NotDirectory),
                    (FileKind::RegularFile, Body::Directory(_)) => {
                        return Err(FileError::IsDirectory);
                    }
                    (FileKind::Directory, Body::Directory(inner)) if !inner.entries.is_empty() => {
                        return Err(FileError::NotEmpty);
                    }
                    _ => {}
                }
                self.nodes.unlink(new_parent, new_name, now)?;
            }
            None => {}
        }
        self.nodes.entries_mut(old_parent)?.remove(old_name);
        self.nodes.entries_mut(new_parent)?.insert(new_name.into(), node);
        self.nodes.get_mut(old_parent).touch(now);
        self.nodes.get_mut(new_parent).touch(now);
        let moved = self.nodes.get_mut(node);
        moved.touch_status(now);
        if let Body::Directory(directory) = &mut moved.body {
            directory.parent = new_parent;
        }
        Ok(())
    }

    /// Why a link cannot be read: there is nothing there, or it is no link. The difference matters to
    /// C libraries, whose `realpath` asks this of every step of a path.
    pub(crate) fn read_link_error_at(&self, base: &Descriptor, path: &str) -> FileError {
        match self.find(base, path) {
            Ok(_) => FileError::Invalid,
            Err(error) => error,
        }
    }
}
