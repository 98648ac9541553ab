//! Descriptors of the processes: opening, closing, reading, writing, watching.

use loopbox_trace::Nanos;

use super::{Pid, Shared};
use crate::kernel::pipes::{Descriptor, Pipe, PipeError, PipeId};

/// As many descriptors a process may have.
const DESCRIPTORS_MAX: usize = 256;

/// What a watched descriptor is watched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Interest {
    Readable,
    Writable,
}

impl Shared {
    pub(crate) fn pipe(&self, id: PipeId) -> &Pipe {
        &self.pipes[id.0 as usize]
    }

    fn pipe_mut(&mut self, id: PipeId) -> &mut Pipe {
        &mut self.pipes[id.0 as usize]
    }

    /// What a descriptor of a process stands for.
    pub(crate) fn descriptor(&self, pid: Pid, fd: u32) -> Result<Descriptor, PipeError> {
        self.process(pid).descriptors.get(&fd).copied().ok_or(PipeError::BadDescriptor)
    }

    /// The name of what a descriptor stands for.
    pub(crate) fn descriptor_name(&self, pid: Pid, fd: u32) -> Result<String, PipeError> {
        Ok(match self.descriptor(pid, fd)? {
            Descriptor::Stdin => "stdin".into(),
            Descriptor::Stdout => "stdout".into(),
            Descriptor::Stderr => "stderr".into(),
            Descriptor::Null => "null".into(),
            Descriptor::Reader(id) | Descriptor::Writer(id) => self.pipe(id).name.clone(),
        })
    }

    /// The pipe that a descriptor reads from; `None` if reading from it gives nothing.
    pub(crate) fn reader(&self, pid: Pid, fd: u32) -> Result<Option<PipeId>, PipeError> {
        match self.descriptor(pid, fd)? {
            Descriptor::Reader(id) => Ok(Some(id)),
            Descriptor::Null => Ok(None),
            _ => Err(PipeError::BadDescriptor),
        }
    }

    /// The pipe that a descriptor writes to; `None` if what is written is lost.
    pub(crate) fn writer(&self, pid: Pid, fd: u32) -> Result<Option<PipeId>, PipeError> {
        match self.descriptor(pid, fd)? {
            Descriptor::Writer(id) => Ok(Some(id)),
            Descriptor::Null => Ok(None),
            _ => Err(PipeError::BadDescriptor),
        }
    }

    /// A new pipe without ends. Without a name it gets the next number.
    pub(crate) fn add_pipe(&mut self, name: Option<String>, capacity: u64) -> PipeId {
        let name = name.unwrap_or_else(|| {
            self.pipes_numbered += 1;
            format!("pipe {}", self.pipes_numbered)
        });
        let capacity = match usize::try_from(capacity) {
            Ok(0) => self.pipe_capacity,
            Ok(capacity) => capacity,
            Err(_) => usize::MAX,
        };
        self.pipes.push(Pipe::new(name, capacity));
        PipeId(
            u32::try_from(self.pipes.len() - 1).expect("bounded by descriptors and the fuel limit"),
        )
    }

    /// Whether the process may open so many descriptors more.
    pub(crate) fn has_room_for(&self, pid: Pid, more: usize) -> bool {
        self.process(pid).descriptors.len() + more <= DESCRIPTORS_MAX
    }

    /// Opens the lowest descriptor that is free, as POSIX has it.
    pub(crate) fn open(&mut self, pid: Pid, descriptor: Descriptor) -> u32 {
        let open = &self.process(pid).descriptors;
        let fd = (0..).find(|fd| !open.contains_key(fd)).expect("few are open");
        self.open_as(pid, fd, descriptor);
        fd
    }

    /// Opens a descriptor that is not open.
    pub(crate) fn open_as(&mut self, pid: Pid, fd: u32, descriptor: Descriptor) {
        match descriptor {
            Descriptor::Reader(id) => self.pipe_mut(id).open(false),
            Descriptor::Writer(id) => self.pipe_mut(id).open(true),
            _ => {}
        }
        self.process_mut(pid).descriptors.insert(fd, descriptor);
    }

    /// Closes a descriptor; returns what it stood for.
    pub(crate) fn close(&mut self, pid: Pid, fd: u32, now: Nanos) -> Result<Descriptor, PipeError> {
        let process = self.process_mut(pid);
        let descriptor = process.descriptors.remove(&fd).ok_or(PipeError::BadDescriptor)?;
        process.watched.retain(|&(watched, _)| watched != fd);
        match descriptor {
            Descriptor::Reader(id) => {
                self.pipe_mut(id).close(false);
                self.wake_for_pipe(now, id);
            }
            Descriptor::Writer(id) => {
                self.pipe_mut(id).close(true);
                self.wake_for_pipe(now, id);
            }
            _ => {}
        }
        Ok(descriptor)
    }

    /// Closes whatever the process has open.
    pub(super) fn close_all(&mut self, pid: Pid, now: Nanos) {
        while let Some((&fd, _)) = self.process(pid).descriptors.first_key_value() {
            let _ = self.close(pid, fd, now);
        }
    }

    /// Reads without blocking.
    pub(crate) fn read(
        &mut self,
        pid: Pid,
        fd: u32,
        len: usize,
        now: Nanos,
    ) -> Result<Vec<u8>, PipeError> {
        let Some(id) = self.reader(pid, fd)? else { return Ok(Vec::new()) };
        let bytes = self.pipe_mut(id).read(len)?;
        if !bytes.is_empty() {
            self.wake_for_pipe(now, id);
        }
        Ok(bytes)
    }

    /// Writes without blocking.
    pub(crate) fn write(
        &mut self,
        pid: Pid,
        fd: u32,
        bytes: &[u8],
        now: Nanos,
    ) -> Result<usize, PipeError> {
        let Some(id) = self.writer(pid, fd)? else { return Ok(bytes.len()) };
        let written = self.pipe_mut(id).write(bytes)?;
        if written > 0 {
            self.wake_for_pipe(now, id);
        }
        Ok(written)
    }

    /// How many bytes can be written without blocking.
    pub(crate) fn room(&self, pid: Pid, fd: u32) -> Result<usize, PipeError> {
        let Some(id) = self.writer(pid, fd)? else { return Ok(usize::MAX) };
        let pipe = self.pipe(id);
        if pipe.is_broken() { Err(PipeError::BrokenPipe) } else { Ok(pipe.room()) }
    }

    /// Watches a descriptor, or no longer.
    pub(crate) fn watch(
        &mut self,
        pid: Pid,
        fd: u32,
        what: Interest,
        on: bool,
    ) -> Result<(), PipeError> {
        if !matches!(self.descriptor(pid, fd)?, Descriptor::Reader(_) | Descriptor::Writer(_)) {
            return Err(PipeError::Permission);
        }
        let watched = &mut self.process_mut(pid).watched;
        if on {
            watched.insert((fd, what));
        } else {
            watched.remove(&(fd, what));
        }
        Ok(())
    }

    /// The watched descriptors that are ready, by number.
    pub(crate) fn ready(&self, pid: Pid) -> Vec<(u32, Interest)> {
        let process = self.process(pid);
        let is_ready = |&(fd, what): &(u32, Interest)| self.is_ready(pid, fd, what);
        process.watched.iter().copied().filter(is_ready).collect()
    }

    /// Whether an operation on the descriptor would not block.
    pub(crate) fn is_ready(&self, pid: Pid, fd: u32, what: Interest) -> bool {
        match (self.descriptor(pid, fd), what) {
            (Ok(Descriptor::Reader(id)), Interest::Readable) => self.pipe(id).is_readable(),
            (Ok(Descriptor::Writer(id)), Interest::Writable) => self.pipe(id).is_writable(),
            // As with epoll, whoever watches a writing end for reading learns that nobody reads.
            (Ok(Descriptor::Writer(id)), Interest::Readable) => self.pipe(id).is_broken(),
            (Ok(Descriptor::Reader(_)), Interest::Writable) => false,
            // Whatever else there is never blocks; a descriptor that is closed fails at once.
            _ => true,
        }
    }
}
