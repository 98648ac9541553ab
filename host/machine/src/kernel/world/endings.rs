//! How processes end: signals between them, statuses, who is told.

use loopbox_trace::{Nanos, Signal};

use super::{Arrival, Pid, Shared, State, Waiting};

/// How a process ended.
pub(crate) use loopbox_trace::ExitStatus;

/// Why a process cannot be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitError {
    /// ECHILD.
    NoChild,
}

/// Why a signal was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KillError {
    /// ESRCH.
    NoSuchProcess,
    /// EINVAL.
    InvalidSignal,
}

impl Shared {
    /// The process ends of itself at this moment, which may lie ahead of the others.
    pub(crate) fn ends(&mut self, pid: Pid, at: Nanos, status: ExitStatus) {
        let at = at.max(self.frontier);
        self.process_mut(pid).state = State::Ending { at, status };
    }

    /// The moment of a process's end has come: closes what it had open, and tells its parent.
    pub(crate) fn has_ended(&mut self, pid: Pid) {
        let State::Ending { at, status } = self.process(pid).state else { return };
        self.frontier = self.frontier.max(at);
        self.close_all(pid, at);
        self.process_mut(pid).state = State::Zombie { at, status };
        for child in self.pids() {
            if self.process(child).parent == Some(pid) {
                // Nobody is left to wait for it: the system does.
                self.process_mut(child).parent = None;
                if matches!(self.process(child).state, State::Zombie { .. }) {
                    self.process_mut(child).state = State::Reaped;
                }
            }
        }
        match self.process(pid).parent {
            Some(parent) => {
                self.send(parent, at, Arrival::ChildExited(pid));
                self.send(parent, at, Arrival::Signal(Signal::SIGCHLD));
            }
            None if pid != Pid::FIRST => self.process_mut(pid).state = State::Reaped,
            None => {}
        }
    }

    /// The status of a child that has ended, once; `None` if it goes on.
    pub(crate) fn reap(
        &mut self,
        parent: Pid,
        child: Pid,
    ) -> Result<Option<ExitStatus>, WaitError> {
        let is_known = child.0 > 0 && child.index() < self.processes.len();
        if !is_known || self.process(child).parent != Some(parent) {
            return Err(WaitError::NoChild);
        }
        match self.process(child).state {
            State::Zombie { status, .. } => {
                self.process_mut(child).state = State::Reaped;
                Ok(Some(status))
            }
            State::Reaped => Err(WaitError::NoChild),
            _ => Ok(None),
        }
    }

    /// One process sends another a signal. To oneself is the kernel's own business.
    pub(crate) fn kill(&mut self, to: Pid, number: u8, now: Nanos) -> Result<(), KillError> {
        let signal = Signal::from_number(number);
        if number != 0 && signal.is_none() {
            return Err(KillError::InvalidSignal);
        }
        let is_known = to.0 > 0 && to.index() < self.processes.len();
        if !is_known || self.process(to).state == State::Reaped {
            return Err(KillError::NoSuchProcess);
        }
        let Some(signal) = signal else { return Ok(()) };
        match self.process(to).state {
            State::Zombie { .. } => {}
            // Its own end came first.
            State::Ending { at, .. } if at <= now => {}
            _ if self.would_terminate(to, signal) => {
                let status = ExitStatus::Signalled(signal);
                self.process_mut(to).state = State::Ending { at: now, status };
            }
            _ => self.send(to, now, Arrival::Signal(signal)),
        }
        Ok(())
    }

    /// What the process waits for, if it does.
    pub(crate) fn waiting_for(&self, pid: Pid) -> Option<Waiting> {
        match self.process(pid).state {
            State::Blocked { on, .. } => Some(on),
            _ => None,
        }
    }
}
