//! The table of nodes: what exists, how long it lives, and how much there may be.
//!
//! A node lives while it has a name or is open. Ids are never used twice, so an id that is equal means
//! the same file. The table is flat and directories hold ids, so that a tree of any depth is dropped
//! without recursion.

use std::collections::BTreeMap;

use super::{FileError, FileKind, FileLimits, MetadataHash, Stat, Times, Timestamp};

/// A node of the filesystem, as other systems' inode numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeId(u64);

impl NodeId {
    /// The root directory, which is always there.
    pub(super) const ROOT: NodeId = NodeId(0);
}

/// A file or a directory.
#[derive(Debug)]
pub(super) struct Node {
    /// What it holds.
    pub(super) body: Body,
    /// Whether a directory has a name for it. The root needs none.
    pub(super) linked: bool,
    /// Descriptors that are not closed.
    pub(super) opens: u64,
    times: Times,
}

/// What a node holds.
#[derive(Debug)]
pub(super) enum Body {
    /// A regular file's bytes.
    File(Vec<u8>),
    /// A directory's names, in order.
    Directory(Directory),
}

/// The inside of a directory.
#[derive(Debug)]
pub(super) struct Directory {
    /// What each name stands for.
    pub(super) entries: BTreeMap<String, NodeId>,
    /// Where it is itself; the root is in the root.
    pub(super) parent: NodeId,
}

impl Directory {
    /// An empty directory in `parent`.
    pub(super) fn new(parent: NodeId) -> Directory {
        Directory { entries: BTreeMap::new(), parent }
    }
}

impl Node {
    fn new(body: Body, now: Timestamp) -> Node {
        let times = Times { accessed: now, modified: now, changed: now };
        Node { body, linked: true, opens: 0, times }
    }

    pub(super) fn kind(&self) -> FileKind {
        match self.body {
            Body::File(_) => FileKind::RegularFile,
            Body::Directory(_) => FileKind::Directory,
        }
    }

    /// The inside, if it is a directory.
    pub(super) fn directory(&self) -> Result<&Directory, FileError> {
        match &self.body {
            Body::Directory(directory) => Ok(directory),
            Body::File(_) => Err(FileError::NotDirectory),
        }
    }

    /// The bytes, if it is a file.
    pub(super) fn bytes(&self) -> Result<&[u8], FileError> {
        match &self.body {
            Body::File(bytes) => Ok(bytes),
            Body::Directory(_) => Err(FileError::IsDirectory),
        }
    }

    /// The bytes of a file; none of a directory.
    fn size(&self) -> u64 {
        self.bytes().map_or(0, |bytes| bytes.len() as u64)
    }

    pub(super) fn stat(&self) -> Stat {
        Stat {
            kind: self.kind(),
            links: u64::from(self.linked),
            size: self.size(),
            times: self.times,
        }
    }

    /// Its bytes or names have changed.
    pub(super) fn touch(&mut self, now: Timestamp) {
        self.times.modified = now;
        self.times.changed = now;
    }

    /// Something else about it has changed.
    pub(super) fn touch_status(&mut self, now: Timestamp) {
        self.times.changed = now;
    }

    pub(super) fn set_times(
        &mut self,
        accessed: Option<Timestamp>,
        modified: Option<Timestamp>,
        now: Timestamp,
    ) {
        self.times = Times {
            accessed: accessed.unwrap_or(self.times.accessed),
            modified: modified.unwrap_or(self.times.modified),
            changed: now,
        };
    }
}

/// All nodes of a filesystem.
#[derive(Debug)]
pub(super) struct Nodes {
    table: BTreeMap<NodeId, Node>,
    /// The id of the next node.
    next: u64,
    /// The sizes of all files together.
    bytes: u64,
    limits: FileLimits,
}

impl Nodes {
    /// The root directory alone.
    pub(super) fn new(limits: FileLimits, now: Timestamp) -> Nodes {
        let root = Node::new(Body::Directory(Directory::new(NodeId::ROOT)), now);
        Nodes { table: BTreeMap::from([(NodeId::ROOT, root)]), next: 1, bytes: 0, limits }
    }

    /// The node, which a name or a descriptor keeps alive.
    pub(super) fn get(&self, id: NodeId) -> &Node {
        self.table.get(&id).expect("a node lives while it has a name or is open")
    }

    /// As [`Nodes::get`].
    pub(super) fn get_mut(&mut self, id: NodeId) -> &mut Node {
        self.table.get_mut(&id).expect("a node lives while it has a name or is open")
    }

    /// The names in a directory, to change them. A directory that was removed gets no new ones.
    pub(super) fn entries_mut(
        &mut self,
        id: NodeId,
    ) -> Result<&mut BTreeMap<String, NodeId>, FileError> {
        let node = self.get_mut(id);
        match &mut node.body {
            Body::Directory(directory) if node.linked => Ok(&mut directory.entries),
            Body::Directory(_) => Err(FileError::NoEntry),
            Body::File(_) => Err(FileError::NotDirectory),
        }
    }

    /// A new node under a name that is free.
    pub(super) fn create(
        &mut self,
        parent: NodeId,
        name: &str,
        body: Body,
        now: Timestamp,
    ) -> Result<NodeId, FileError> {
        let full = self.table.len() >= self.limits.nodes;
        let id = NodeId(self.next);
        let entries = self.entries_mut(parent)?;
        if entries.contains_key(name) {
            return Err(FileError::Exist);
        }
        if full {
            return Err(FileError::InsufficientSpace);
        }
        entries.insert(name.into(), id);
        self.get_mut(parent).touch(now);
        self.next += 1;
        self.table.insert(id, Node::new(body, now));
        Ok(id)
    }

    /// Takes a node's name away. Without descriptors that is its end.
    pub(super) fn unlink(
        &mut self,
        parent: NodeId,
        name: &str,
        now: Timestamp,
    ) -> Result<(), FileError> {
        let id = self.entries_mut(parent)?.remove(name).ok_or(FileError::NoEntry)?;
        self.get_mut(parent).touch(now);
        let node = self.get_mut(id);
        node.linked = false;
        node.touch_status(now);
        self.drop_if_unused(id);
        Ok(())
    }

    /// One descriptor fewer.
    pub(super) fn close(&mut self, id: NodeId) {
        self.get_mut(id).opens -= 1;
        self.drop_if_unused(id);
    }

    fn drop_if_unused(&mut self, id: NodeId) {
        let node = self.get(id);
        if !node.linked && node.opens == 0 {
            self.bytes -= node.size();
            self.table.remove(&id);
        }
    }

    /// A file's bytes, to bring them to `size`: the room for that is taken.
    pub(super) fn resizing(&mut self, id: NodeId, size: u64) -> Result<&mut Vec<u8>, FileError> {
        let others = self.bytes - self.get(id).size();
        if size > self.limits.bytes.saturating_sub(others) {
            return Err(FileError::InsufficientSpace);
        }
        // Through the field, so that the total can be set while the bytes are lent.
        let node = self.table.get_mut(&id).expect("it was there a line ago");
        match &mut node.body {
            Body::File(bytes) => {
                self.bytes = others + size;
                Ok(bytes)
            }
            Body::Directory(_) => Err(FileError::IsDirectory),
        }
    }

    /// Whether `inner`, a directory that is linked, is `outer` or somewhere below it.
    pub(super) fn is_within(&self, inner: NodeId, outer: NodeId) -> bool {
        let mut at = inner;
        while at != outer {
            match &self.get(at).body {
                Body::Directory(directory) if at != NodeId::ROOT => at = directory.parent,
                Body::Directory(_) | Body::File(_) => return false,
            }
        }
        true
    }

    /// See [`MetadataHash`].
    pub(super) fn metadata_hash(&self, id: NodeId) -> MetadataHash {
        let Stat { size, times, .. } = self.get(id).stat();
        let modified = times.modified.0;
        let parts = [id.0, size, modified.as_secs(), u64::from(modified.subsec_nanos())];
        MetadataHash {
            lower: mix(id.0),
            upper: parts.into_iter().fold(0, |hash, part| mix(hash ^ part)),
        }
    }
}

/// Spreads a number over all bits (SplitMix64's finaliser). The standard library's hasher may change
/// from one release of Rust to the next, and what a guest sees may not.
fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
impl Nodes {
    /// Nodes that exist, and bytes that count against the limit.
    pub(super) fn usage(&self) -> (usize, u64) {
        (self.table.len(), self.bytes)
    }
}
