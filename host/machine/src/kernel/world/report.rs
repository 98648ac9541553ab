//! Who waits for what, in words, when nothing can ever happen again.

use loopbox_trace::Nanos;

use super::{Interest, Pid, Shared, State, Waiting};
use crate::kernel::pipes::{Descriptor, PipeId};

impl Shared {
    /// One line for each process that waits for another, or for what only another could do.
    pub(crate) fn waiting(&self) -> Vec<String> {
        self.pids().filter_map(|pid| self.waits(pid)).collect()
    }

    fn waits(&self, pid: Pid) -> Option<String> {
        let what = match self.waiting_for(pid)? {
            Waiting::Turn => return None,
            Waiting::Loop => self.watches(pid),
            Waiting::Poll => "is blocked in a poll".into(),
            Waiting::Reading(pipe) => format!(
                "is blocked reading from pipe {:?}, which is empty; {}",
                self.pipe(pipe).name,
                self.other_end(pipe, true)
            ),
            Waiting::Writing(pipe) => format!(
                "is blocked writing to pipe {:?}, which is full ({} bytes); {}",
                self.pipe(pipe).name,
                self.pipe(pipe).level().0,
                self.other_end(pipe, false)
            ),
            Waiting::Child(child) => {
                format!("is blocked waiting for the end of {}", self.speak_of(child))
            }
        };
        Some(format!("{} {what}", self.speak_of(pid)))
    }

    /// What a loop that waits without end could be woken by.
    fn watches(&self, pid: Pid) -> String {
        let watched = self.process(pid).watched.iter().filter_map(|&(fd, what)| {
            let (pipe, wants_writer) = match (self.descriptor(pid, fd).ok()?, what) {
                (Descriptor::Reader(pipe), Interest::Readable) => (pipe, true),
                (Descriptor::Writer(pipe), Interest::Writable) => (pipe, false),
                // A writing end that is watched for its last reader's end: nobody waits for that.
                _ => return None,
            };
            let state = if wants_writer { "empty" } else { "full" };
            let other = self.other_end(pipe, wants_writer);
            Some(format!("pipe {:?}, which is {state}; {other}", self.pipe(pipe).name))
        });
        let watched: Vec<String> = watched.collect();
        if watched.is_empty() {
            return "waits in its event loop".into();
        }
        format!("waits in its event loop for {}", watched.join(", and for "))
    }

    /// Who holds the ends of a pipe that somebody waits for.
    fn other_end(&self, pipe: PipeId, writers: bool) -> String {
        let wanted = if writers { Descriptor::Writer(pipe) } else { Descriptor::Reader(pipe) };
        let holders: Vec<String> = self
            .pids()
            .filter(|&pid| self.process(pid).descriptors.values().any(|held| *held == wanted))
            .map(|pid| self.speak_of(pid))
            .collect();
        let role = if writers { "writer" } else { "reader" };
        match &holders[..] {
            [] => format!("it has no {role}"),
            [one] => format!("its {role} is {one}"),
            several => format!("its {role}s are {}", several.join(" and ")),
        }
    }

    /// `process 2 (cat)`
    pub(crate) fn speak_of(&self, pid: Pid) -> String {
        let name = if pid == Pid::FIRST { "main" } else { &self.process(pid).program };
        format!("process {} ({name})", pid.0)
    }

    /// The children of the first process that were still there when it ended.
    pub(crate) fn left_behind(&self) -> Vec<(Pid, State)> {
        self.pids()
            .filter(|&pid| pid != Pid::FIRST)
            .map(|pid| (pid, self.process(pid).state))
            .filter(|(_, state)| *state != State::Reaped)
            .collect()
    }

    /// When and where a process was started.
    pub(crate) fn origin(&self, pid: Pid) -> (Nanos, &str) {
        (self.process(pid).started, &self.process(pid).place)
    }
}
