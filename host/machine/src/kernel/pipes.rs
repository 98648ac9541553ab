//! Pipes, and what the descriptors of a process stand for.
//!
//! A pipe is a bounded queue of bytes with a count of its readers and of its writers; it is gone when both
//! are zero. It knows no time: whoever calls has waited for its turn.

use std::collections::VecDeque;

/// The most that one pipe holds, as of Linux for an ordinary user: a guest must not make the host allocate
/// at will.
pub(crate) const CAPACITY_MAX: usize = 1 << 20;

/// A pipe: an index into the table of the run. Numbers are not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PipeId(pub(crate) u32);

/// What a descriptor stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Descriptor {
    /// The scenario's standard input.
    Stdin,
    /// The run's standard output.
    Stdout,
    /// The run's standard error.
    Stderr,
    /// Empty to read, and takes whatever is written.
    Null,
    /// The reading end of a pipe.
    Reader(PipeId),
    /// The writing end of a pipe.
    Writer(PipeId),
}

/// Why an operation on a descriptor was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PipeError {
    /// EBADF.
    BadDescriptor,
    /// EAGAIN.
    WouldBlock,
    /// EPIPE.
    BrokenPipe,
    /// EPERM.
    Permission,
    /// EMFILE.
    TooManyFiles,
}

/// One pipe.
#[derive(Debug)]
pub(crate) struct Pipe {
    /// `pipe 1`, or `cat[2].stdin`.
    pub(crate) name: String,
    capacity: usize,
    bytes: VecDeque<u8>,
    readers: u32,
    writers: u32,
}

impl Pipe {
    /// A pipe without ends; see [`Pipe::open`].
    pub(crate) fn new(name: String, capacity: usize) -> Pipe {
        let capacity = capacity.clamp(1, CAPACITY_MAX);
        Pipe { name, capacity, bytes: VecDeque::new(), readers: 0, writers: 0 }
    }

    /// Another descriptor stands for one of the ends.
    pub(crate) fn open(&mut self, writer: bool) {
        *self.count(writer) += 1;
    }

    /// One of the descriptors is closed. What nobody can read any more is forgotten.
    pub(crate) fn close(&mut self, writer: bool) {
        let count = self.count(writer);
        *count = count.saturating_sub(1);
        if self.readers == 0 {
            self.bytes = VecDeque::new();
        }
    }

    fn count(&mut self, writer: bool) -> &mut u32 {
        if writer { &mut self.writers } else { &mut self.readers }
    }

    /// How full it is: bytes, and how many it holds.
    pub(crate) fn level(&self) -> (usize, usize) {
        (self.bytes.len(), self.capacity)
    }

    /// At most `len` bytes; none if that is its end.
    pub(crate) fn read(&mut self, len: usize) -> Result<Vec<u8>, PipeError> {
        if self.bytes.is_empty() && self.writers > 0 && len > 0 {
            return Err(PipeError::WouldBlock);
        }
        Ok(self.bytes.drain(..len.min(self.bytes.len())).collect())
    }

    /// As many of the bytes as there is room for; returns how many.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<usize, PipeError> {
        if self.readers == 0 {
            return Err(PipeError::BrokenPipe);
        }
        let room = self.room();
        if room == 0 && !bytes.is_empty() {
            return Err(PipeError::WouldBlock);
        }
        let written = bytes.len().min(room);
        self.bytes.extend(&bytes[..written]);
        Ok(written)
    }

    pub(crate) fn room(&self) -> usize {
        self.capacity - self.bytes.len()
    }

    /// Whether reading would not block.
    pub(crate) fn is_readable(&self) -> bool {
        !self.bytes.is_empty() || self.writers == 0
    }

    /// Whether writing would not block.
    pub(crate) fn is_writable(&self) -> bool {
        self.room() > 0 || self.readers == 0
    }

    /// Whether nobody will ever read what is written.
    pub(crate) fn is_broken(&self) -> bool {
        self.readers == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipe(capacity: usize) -> Pipe {
        let mut pipe = Pipe::new("pipe 1".into(), capacity);
        pipe.open(true);
        pipe.open(false);
        pipe
    }

    #[test]
    fn bytes_leave_in_the_order_in_which_they_came() {
        let mut pipe = pipe(4);
        assert_eq!(pipe.read(9), Err(PipeError::WouldBlock));
        assert_eq!(pipe.write(b"abcdef"), Ok(4), "as many as there is room for");
        assert_eq!(pipe.write(b"ef"), Err(PipeError::WouldBlock));
        assert_eq!(pipe.read(3), Ok(b"abc".to_vec()));
        assert_eq!(pipe.write(b"ef"), Ok(2));
        assert_eq!(pipe.read(9), Ok(b"def".to_vec()));
        assert_eq!(pipe.level(), (0, 4));
    }

    #[test]
    fn it_ends_when_the_last_writer_closes() {
        let mut pipe = pipe(4);
        pipe.open(true);
        pipe.write(b"ab").expect("there is room");
        pipe.close(true);
        assert_eq!(pipe.read(2), Ok(b"ab".to_vec()));
        assert_eq!(pipe.read(2), Err(PipeError::WouldBlock), "another writer is left");
        assert!(!pipe.is_readable());
        pipe.close(true);
        assert!(pipe.is_readable());
        assert_eq!(pipe.read(2), Ok(Vec::new()));
    }

    #[test]
    fn it_breaks_when_the_last_reader_closes() {
        let mut pipe = pipe(2);
        pipe.write(b"ab").expect("there is room");
        assert!(!pipe.is_writable());
        pipe.close(false);
        assert!(pipe.is_writable() && pipe.is_broken());
        assert_eq!(pipe.write(b"c"), Err(PipeError::BrokenPipe));
    }

    #[test]
    fn a_pipe_holds_at_least_one_byte_and_not_more_than_the_host_permits() {
        assert_eq!(Pipe::new(String::new(), 0).level(), (0, 1));
        assert_eq!(Pipe::new(String::new(), usize::MAX).level(), (0, CAPACITY_MAX));
    }
}
