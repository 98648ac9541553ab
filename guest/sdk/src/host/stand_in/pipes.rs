//! Descriptors and pipes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::event_loop::NoticeKind;
use super::{Machine, with};

/// The capacity of a pipe that is made without one.
const CAPACITY: usize = 64 * 1024;

#[derive(Default)]
pub(super) struct Pipes {
    /// Descriptors of the only real process, from 3 on.
    descriptors: BTreeMap<u32, End>,
    pipes: Vec<Pipe>,
    watched: BTreeSet<(u32, Interest)>,
}

/// One end of a pipe, held by somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pipe: usize,
    writes: bool,
}

struct Pipe {
    bytes: VecDeque<u8>,
    capacity: usize,
    readers: u32,
    writers: u32,
}

#[derive(Debug)]
pub(crate) enum PipeError {
    BadDescriptor,
    WouldBlock,
    BrokenPipe,
    Permission,
    #[expect(dead_code, reason = "as on the real machine; here a process may have any number")]
    TooManyFiles,
}

pub(crate) struct Ends {
    pub(crate) reader: u32,
    pub(crate) writer: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Interest {
    Readable,
    Writable,
}

impl Pipes {
    /// A pipe, and its reading and writing end.
    pub(super) fn create(&mut self, capacity: u64) -> (End, End) {
        let capacity = usize::try_from(capacity).ok().filter(|capacity| *capacity > 0);
        let capacity = capacity.unwrap_or(CAPACITY);
        self.pipes.push(Pipe { bytes: VecDeque::new(), capacity, readers: 1, writers: 1 });
        let pipe = self.pipes.len() - 1;
        (End { pipe, writes: false }, End { pipe, writes: true })
    }

    /// The lowest number that is free stands for this end.
    pub(super) fn open(&mut self, end: End) -> u32 {
        let free = (3..).find(|fd| !self.descriptors.contains_key(fd)).unwrap_or_default();
        self.descriptors.insert(free, end);
        free
    }

    pub(super) fn end(&self, fd: u32) -> Result<End, PipeError> {
        self.descriptors.get(&fd).copied().ok_or(PipeError::BadDescriptor)
    }

    /// Somebody else holds the end, too.
    pub(super) fn share(&mut self, end: End) {
        *self.holders(end) += 1;
    }

    pub(super) fn close(&mut self, end: End) {
        *self.holders(end) -= 1;
    }

    fn holders(&mut self, end: End) -> &mut u32 {
        let pipe = &mut self.pipes[end.pipe];
        if end.writes { &mut pipe.writers } else { &mut pipe.readers }
    }

    pub(super) fn read(&mut self, end: End, len: usize) -> Result<Vec<u8>, PipeError> {
        if end.writes {
            return Err(PipeError::BadDescriptor);
        }
        let pipe = &mut self.pipes[end.pipe];
        if pipe.bytes.is_empty() && pipe.writers > 0 && len > 0 {
            return Err(PipeError::WouldBlock);
        }
        Ok(pipe.bytes.drain(..len.min(pipe.bytes.len())).collect())
    }

    pub(super) fn write(&mut self, end: End, bytes: &[u8]) -> Result<usize, PipeError> {
        if !end.writes {
            return Err(PipeError::BadDescriptor);
        }
        let pipe = &mut self.pipes[end.pipe];
        if pipe.readers == 0 {
            return Err(PipeError::BrokenPipe);
        }
        let written = bytes.len().min(pipe.capacity - pipe.bytes.len());
        if written == 0 {
            return Err(PipeError::WouldBlock);
        }
        pipe.bytes.extend(&bytes[..written]);
        Ok(written)
    }

    fn is_ready(&self, fd: u32, what: Interest) -> bool {
        let Some(end) = self.descriptors.get(&fd) else { return false };
        let pipe = &self.pipes[end.pipe];
        match (end.writes, what) {
            (false, Interest::Readable) => !pipe.bytes.is_empty() || pipe.writers == 0,
            (true, Interest::Writable) => pipe.bytes.len() < pipe.capacity || pipe.readers == 0,
            (true, Interest::Readable) => pipe.readers == 0,
            (false, Interest::Writable) => false,
        }
    }
}

impl Machine {
    /// A notice for each watched descriptor that is ready, unless there is one already.
    pub(super) fn notice_descriptors(&mut self) {
        for (fd, what) in self.pipes.watched.clone() {
            if !self.pipes.is_ready(fd, what) {
                continue;
            }
            let kind = match what {
                Interest::Readable => NoticeKind::Readable,
                Interest::Writable => NoticeKind::Writable,
            };
            self.notify(self.now, kind, fd);
        }
    }
}

pub(crate) fn create(capacity: u64) -> Result<Ends, PipeError> {
    with(|machine| {
        let (reader, writer) = machine.pipes.create(capacity);
        let (reader, writer) = (machine.pipes.open(reader), machine.pipes.open(writer));
        Ok(Ends { reader, writer })
    })
}

pub(crate) fn name(fd: u32) -> Result<String, PipeError> {
    with(|machine| machine.pipes.end(fd)).map(|end| format!("pipe {}", end.pipe + 1))
}

pub(crate) fn is_pipe(fd: u32) -> Result<bool, PipeError> {
    match fd {
        0..3 => Ok(false),
        _ => with(|machine| machine.pipes.end(fd)).map(|_| true),
    }
}

pub(crate) fn read(fd: u32, len: u32) -> Result<Vec<u8>, PipeError> {
    with(|machine| {
        let end = machine.pipes.end(fd)?;
        machine.pipes.read(end, usize::try_from(len).unwrap_or(usize::MAX))
    })
}

pub(crate) fn read_blocking(fd: u32, len: u32) -> Result<Vec<u8>, PipeError> {
    match read(fd, len) {
        Err(PipeError::WouldBlock) => panic!("blocked for ever reading from descriptor {fd}"),
        result => result,
    }
}

pub(crate) fn write(fd: u32, bytes: &[u8]) -> Result<u32, PipeError> {
    with(|machine| {
        let end = machine.pipes.end(fd)?;
        let written = machine.pipes.write(end, bytes)?;
        Ok(u32::try_from(written).unwrap_or(u32::MAX))
    })
}

pub(crate) fn write_blocking(fd: u32, bytes: &[u8]) -> Result<(), PipeError> {
    match write(fd, bytes) {
        Ok(written) if usize::try_from(written).is_ok_and(|written| written == bytes.len()) => {
            Ok(())
        }
        Err(error @ (PipeError::BadDescriptor | PipeError::BrokenPipe)) => Err(error),
        _ => panic!("blocked for ever writing to descriptor {fd}"),
    }
}

pub(crate) fn close(fd: u32) -> Result<(), PipeError> {
    with(|machine| {
        let pipes = &mut machine.pipes;
        let end = pipes.descriptors.remove(&fd).ok_or(PipeError::BadDescriptor)?;
        pipes.close(end);
        pipes.watched.retain(|(watched, _)| *watched != fd);
        Ok(())
    })
}

pub(crate) fn watch(fd: u32, what: Interest, on: bool) -> Result<(), PipeError> {
    if !is_pipe(fd)? {
        return Err(PipeError::Permission);
    }
    with(|machine| {
        if on {
            machine.pipes.watched.insert((fd, what));
        } else {
            machine.pipes.watched.remove(&(fd, what));
        }
    });
    Ok(())
}
