//! Reading and changing the bytes of a file.
//!
//! A change happens wholly or not at all: there are no short writes. Offsets and lengths come from the
//! guest and may be anything.

use super::nodes::NodeId;
use super::{Descriptor, FileError, FileSystem, Timestamp};

/// The longest file that POSIX's signed offsets can speak of.
const FILE_BYTES_MAX: u64 = i64::MAX as u64;

impl FileSystem {
    /// Up to `length` bytes from `offset` on, and whether they reach the end of the file.
    pub(crate) fn read(
        &self,
        descriptor: &Descriptor,
        offset: u64,
        length: u64,
    ) -> Result<(&[u8], bool), FileError> {
        let bytes = self.nodes.get(descriptor.node).bytes()?;
        if !descriptor.access.read {
            return Err(FileError::BadDescriptor);
        }
        let clamp = |at: u64| usize::try_from(at).map_or(bytes.len(), |at| at.min(bytes.len()));
        let (start, end) = (clamp(offset), clamp(offset.saturating_add(length)));
        Ok((&bytes[start..end], end == bytes.len()))
    }

    /// Writes all bytes at `offset`. Between the file's old end and there come zeros.
    pub(crate) fn write(
        &mut self,
        descriptor: &Descriptor,
        offset: u64,
        bytes: &[u8],
        now: Timestamp,
    ) -> Result<(), FileError> {
        self.check_writable(descriptor)?;
        self.write_at(descriptor.node, offset, bytes, now)
    }

    /// Writes all bytes at the end that the file has now.
    pub(crate) fn append(
        &mut self,
        descriptor: &Descriptor,
        bytes: &[u8],
        now: Timestamp,
    ) -> Result<(), FileError> {
        self.check_writable(descriptor)?;
        let end = self.nodes.get(descriptor.node).bytes()?.len() as u64;
        self.write_at(descriptor.node, end, bytes, now)
    }

    /// Cuts the file off at `size`, or fills it with zeros up to there.
    pub(crate) fn set_size(
        &mut self,
        descriptor: &Descriptor,
        size: u64,
        now: Timestamp,
    ) -> Result<(), FileError> {
        self.check_writable(descriptor)?;
        self.resize(descriptor.node, size, now)
    }

    fn check_writable(&self, descriptor: &Descriptor) -> Result<(), FileError> {
        self.nodes.get(descriptor.node).bytes()?;
        if !descriptor.access.write {
            return Err(FileError::BadDescriptor);
        }
        Ok(())
    }

    /// [`FileSystem::write`], whoever has the file open.
    pub(super) fn write_at(
        &mut self,
        node: NodeId,
        offset: u64,
        bytes: &[u8],
        now: Timestamp,
    ) -> Result<(), FileError> {
        if bytes.is_empty() {
            // Not even far behind the end: POSIX's write of nothing changes nothing.
            return Ok(());
        }
        let end = offset.checked_add(bytes.len() as u64).ok_or(FileError::FileTooLarge)?;
        check_size(end)?;
        let size = end.max(self.nodes.get(node).bytes()?.len() as u64);
        let contents = self.nodes.resizing(node, size)?;
        let start = usize::try_from(offset).expect("it is below the size, which fits");
        if start > contents.len() {
            contents.resize(start, 0);
        }
        let over = bytes.len().min(contents.len() - start);
        contents[start..start + over].copy_from_slice(&bytes[..over]);
        contents.extend_from_slice(&bytes[over..]);
        self.nodes.get_mut(node).touch(now);
        Ok(())
    }

    /// [`FileSystem::set_size`], whoever has the file open.
    pub(super) fn resize(
        &mut self,
        node: NodeId,
        size: u64,
        now: Timestamp,
    ) -> Result<(), FileError> {
        let length = check_size(size)?;
        let contents = self.nodes.resizing(node, size)?;
        if length < contents.len() {
            contents.truncate(length);
            // The limit counts sizes, so what is cut off must not stay allocated.
            contents.shrink_to_fit();
        } else {
            contents.resize(length, 0);
        }
        self.nodes.get_mut(node).touch(now);
        Ok(())
    }
}

/// A file's size as the host counts it.
fn check_size(size: u64) -> Result<usize, FileError> {
    if size > FILE_BYTES_MAX {
        return Err(FileError::FileTooLarge);
    }
    usize::try_from(size).map_err(|_| FileError::FileTooLarge)
}
