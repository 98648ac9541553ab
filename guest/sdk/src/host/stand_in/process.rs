//! Children of one line each: `true`, `cat`, `yes N` (writes so many bytes), `sleep` (until it is killed), `early` (closes
//! its standard input and ends with status 3).

use std::collections::{BTreeMap, VecDeque};

use super::event_loop::NoticeKind;
use super::pipes::{End, PipeError, Pipes};
use super::{Machine, with};

#[derive(Default)]
pub(super) struct Family {
    children: BTreeMap<u32, Relative>,
}

/// A child, as it is here.
struct Relative {
    program: Program,
    stdin: Option<End>,
    stdout: Option<End>,
    status: Option<ExitStatus>,
    /// The status was taken.
    reaped: bool,
}

enum Program {
    True,
    /// What was read and is not written yet.
    Cat(VecDeque<u8>),
    /// So many bytes are left to write.
    Yes(usize),
    Sleep,
    Early,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum ExitStatus {
    Exited(u8),
    Signalled(u8),
}

#[expect(dead_code, reason = "as on the real machine; children of one line look at some of it")]
pub(crate) struct Command {
    pub(crate) program: String,
    pub(crate) args: Vec<String>,
    pub(crate) env: Option<Vec<(String, String)>>,
    pub(crate) stdin: Stdio,
    pub(crate) stdout: Stdio,
    pub(crate) stderr: Stdio,
    pub(crate) place: String,
}

pub(crate) enum Stdio {
    Inherit,
    Null,
    Pipe(u64),
    Descriptor(u32),
    SameAsStdout,
}

pub(crate) struct Child {
    pub(crate) pid: u32,
    pub(crate) stdin: Option<u32>,
    pub(crate) stdout: Option<u32>,
    pub(crate) stderr: Option<u32>,
}

pub(crate) enum SpawnError {
    NotFound,
    BadDescriptor,
    #[expect(dead_code, reason = "as on the real machine")]
    TooManyProcesses,
    #[expect(dead_code, reason = "as on the real machine")]
    TooManyFiles,
}

pub(crate) enum WaitError {
    NoChild,
}

pub(crate) enum KillError {
    NoSuchProcess,
    InvalidSignal,
}

impl Relative {
    /// Goes on as far as it can; true if anything has changed.
    fn step(&mut self, pipes: &mut Pipes) -> bool {
        match &mut self.program {
            Program::True => self.end(pipes, ExitStatus::Exited(0)),
            Program::Early => self.end(pipes, ExitStatus::Exited(3)),
            Program::Sleep => false,
            Program::Yes(0) => self.end(pipes, ExitStatus::Exited(0)),
            Program::Yes(left) => {
                let Some(stdout) = self.stdout else {
                    return self.end(pipes, ExitStatus::Exited(0));
                };
                match pipes.write(stdout, &b"y".repeat(*left)) {
                    Ok(written) => {
                        *left -= written;
                        true
                    }
                    Err(PipeError::WouldBlock) => false,
                    Err(_) => self.end(pipes, ExitStatus::Signalled(13)),
                }
            }
            Program::Cat(held) => {
                if held.is_empty()
                    && let Some(stdin) = self.stdin
                {
                    match pipes.read(stdin, 1024) {
                        Ok(bytes) if !bytes.is_empty() => held.extend(bytes),
                        Ok(_) => return self.end(pipes, ExitStatus::Exited(0)),
                        Err(_) => return false,
                    }
                }
                let Some(stdout) = self.stdout else { return !std::mem::take(held).is_empty() };
                match pipes.write(stdout, held.make_contiguous()) {
                    Ok(written) => held.drain(..written).next().is_some(),
                    Err(_) => false,
                }
            }
        }
    }

    fn end(&mut self, pipes: &mut Pipes, status: ExitStatus) -> bool {
        if self.status.is_some() {
            return false;
        }
        self.status = Some(status);
        [self.stdin.take(), self.stdout.take()].into_iter().flatten().for_each(|end| {
            pipes.close(end);
        });
        true
    }
}

impl Machine {
    /// Lets every child run as far as it can.
    pub(super) fn run_children(&mut self) {
        let mut ended = Vec::new();
        loop {
            let mut moved = false;
            for (pid, child) in &mut self.family.children {
                if child.status.is_none() && child.step(&mut self.pipes) {
                    moved = true;
                    ended.extend(child.status.map(|_| *pid));
                }
            }
            if !moved {
                break;
            }
        }
        ended.into_iter().for_each(|pid| self.notify(self.now, NoticeKind::ChildExited, pid));
    }

    /// The child's and the parent's end of one of its streams.
    fn stream(
        &mut self,
        stdio: &Stdio,
        writes: bool,
    ) -> Result<(Option<End>, Option<u32>), SpawnError> {
        match stdio {
            Stdio::Inherit | Stdio::Null | Stdio::SameAsStdout => Ok((None, None)),
            Stdio::Descriptor(fd) => {
                let end = self.pipes.end(*fd).map_err(|_| SpawnError::BadDescriptor)?;
                self.pipes.share(end);
                Ok((Some(end), None))
            }
            Stdio::Pipe(capacity) => {
                let (reader, writer) = self.pipes.create(*capacity);
                let (own, other) = if writes { (writer, reader) } else { (reader, writer) };
                Ok((Some(own), Some(self.pipes.open(other))))
            }
        }
    }
}

pub(crate) fn exit(status: u8) {
    std::process::exit(status.into());
}

pub(crate) fn id() -> u32 {
    1
}

pub(crate) fn parent_id() -> u32 {
    0
}

pub(crate) fn spawn(command: &Command) -> Result<Child, SpawnError> {
    let count = || command.args.first().and_then(|arg| arg.parse().ok()).unwrap_or(0);
    let program = match command.program.as_str() {
        "true" => Program::True,
        "cat" => Program::Cat(VecDeque::new()),
        "yes" => Program::Yes(count()),
        "sleep" => Program::Sleep,
        "early" => Program::Early,
        _ => return Err(SpawnError::NotFound),
    };
    with(|machine| {
        let (stdin, to) = machine.stream(&command.stdin, false)?;
        let (stdout, from) = machine.stream(&command.stdout, true)?;
        // No child here writes to its standard error, which is at its end from the start.
        let (own_error, stderr) = machine.stream(&command.stderr, true)?;
        own_error.into_iter().for_each(|end| machine.pipes.close(end));
        // As on the real machine the first process is number 1.
        let pid = u32::try_from(machine.family.children.len()).unwrap_or(u32::MAX - 2) + 2;
        let child = Relative { program, stdin, stdout, status: None, reaped: false };
        machine.family.children.insert(pid, child);
        Ok(Child { pid, stdin: to, stdout: from, stderr })
    })
}

fn take_status(machine: &mut Machine, pid: u32) -> Result<Option<ExitStatus>, WaitError> {
    let child = machine.family.children.get_mut(&pid).ok_or(WaitError::NoChild)?;
    if child.reaped {
        return Err(WaitError::NoChild);
    }
    child.reaped = child.status.is_some();
    Ok(child.status)
}

pub(crate) fn try_wait(pid: u32) -> Result<Option<ExitStatus>, WaitError> {
    with(|machine| take_status(machine, pid))
}

pub(crate) fn wait(pid: u32) -> Result<ExitStatus, WaitError> {
    with(|machine| {
        machine.run_children();
        match take_status(machine, pid)? {
            Some(status) => Ok(status),
            None => panic!("blocked for ever waiting for process {pid}"),
        }
    })
}

pub(crate) fn kill(pid: u32, signal: u8) -> Result<(), KillError> {
    if signal > 31 {
        return Err(KillError::InvalidSignal);
    }
    with(|machine| {
        let Machine { family, pipes, .. } = machine;
        let child = family.children.get_mut(&pid).ok_or(KillError::NoSuchProcess)?;
        if child.reaped {
            return Err(KillError::NoSuchProcess);
        }
        if signal != 0 && child.end(pipes, ExitStatus::Signalled(signal)) {
            machine.notify(machine.now, NoticeKind::ChildExited, pid);
        }
        Ok(())
    })
}
