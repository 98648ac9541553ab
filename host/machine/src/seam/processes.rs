//! `process` and `pipes`: child processes, and what flows between them.

use loopbox_trace::{EventKind, Label, Nanos, Outcome};
use wasmtime::Result;

use crate::bindings::loopbox::sandbox::{pipes, process};
use crate::guest::Guest;
use crate::kernel::Halt;
use crate::kernel::pipes::{Descriptor, PipeError};
use crate::kernel::world::{
    ExitStatus, Interest, KillError, Pid, Shared, Start, WaitError, Waiting, wait_for_turn,
};
use crate::wasi::io::Pollable;

/// The most bytes of one read: more would let a guest make the host allocate at will.
const READ_MAX: u32 = 1 << 20;

impl Guest {
    /// Does something with what processes share, when it is this one's turn.
    pub(crate) async fn shared<T>(
        &mut self,
        mut act: impl FnMut(&mut Shared, Pid, Nanos) -> T,
    ) -> Result<T, Halt> {
        loop {
            if let Some(done) = self.kernel.try_shared(&mut act)? {
                return Ok(done);
            }
            self.parked().await?;
        }
    }

    /// Waits for this process's turn, if there are others.
    pub(crate) async fn own_turn(&mut self) -> Result<(), Halt> {
        if self.kernel.is_in_company() {
            self.shared(|_, _, _| ()).await?;
        }
        Ok(())
    }

    /// Lets others come as far as this process is, so that it does not run far ahead of them: whatever it
    /// does there is lost if one of them ends it. A job's time is its own.
    pub(crate) async fn others_first(&mut self) -> Result<(), Halt> {
        if self.kernel.is_in_job() { Ok(()) } else { self.own_turn().await }
    }

    /// Lets other processes run until this one can go on.
    pub(crate) async fn parked(&mut self) -> Result<(), Halt> {
        let at = wait_for_turn(self.kernel.world(), self.kernel.pid()).await;
        self.kernel.go_on(at)
    }

    /// Tries until there is an outcome. While there is none, the thread is blocked in a call of this name.
    pub(crate) async fn blocked<T>(
        &mut self,
        name: impl FnOnce(&Shared) -> String,
        on: Waiting,
        mut act: impl FnMut(&mut Shared, Pid, Nanos) -> Option<T>,
    ) -> Result<T, Halt> {
        let mut name = Some(name);
        let mut begun: Option<Label> = None;
        loop {
            if let Some(done) = self.shared(&mut act).await? {
                if let Some(label) = begun {
                    self.kernel.end_blocking(label, Outcome::Done);
                }
                return Ok(done);
            }
            if let Some(name) = name.take() {
                let name = name(&self.kernel.world().lock());
                begun = Some(self.kernel.begin_blocking(&name));
            }
            self.kernel.block_on(on, Nanos::MAX);
            self.parked().await?;
        }
    }

    /// Reads a descriptor; `blocking`: waits until there is something.
    pub(crate) async fn read_descriptor(
        &mut self,
        fd: u32,
        len: u32,
        blocking: bool,
    ) -> Result<Result<Vec<u8>, PipeError>, Halt> {
        let len = len.min(READ_MAX) as usize;
        let pipe = match self.shared(|shared, pid, _| shared.reader(pid, fd)).await? {
            Ok(Some(pipe)) => pipe,
            Ok(None) => return Ok(Ok(Vec::new())),
            Err(error) => return Ok(Err(error)),
        };
        let read = self
            .blocked(
                |shared| format!("pipe.read:{}", shared.pipe(pipe).name),
                Waiting::Reading(pipe),
                |shared, pid, now| match shared.read(pid, fd, len, now) {
                    Err(PipeError::WouldBlock) if blocking => None,
                    read => Some(read),
                },
            )
            .await?;
        if let Ok(bytes) = &read
            && len > 0
        {
            self.note(fd, pipe, |pipe| EventKind::PipeRead { pipe, bytes: count(bytes.len()) });
        }
        Ok(read)
    }

    /// Writes to a descriptor as much as there is room for, but something; waits for that if `blocking`.
    pub(crate) async fn write_descriptor(
        &mut self,
        fd: u32,
        bytes: &[u8],
        blocking: bool,
    ) -> Result<Result<usize, PipeError>, Halt> {
        let pipe = match self.shared(|shared, pid, _| shared.writer(pid, fd)).await? {
            Ok(Some(pipe)) => pipe,
            Ok(None) => return Ok(Ok(bytes.len())),
            Err(error) => return Ok(Err(error)),
        };
        let written = self
            .blocked(
                |shared| format!("pipe.write:{}", shared.pipe(pipe).name),
                Waiting::Writing(pipe),
                |shared, pid, now| match shared.write(pid, fd, bytes, now) {
                    Err(PipeError::WouldBlock) if blocking => None,
                    written => Some(written),
                },
            )
            .await?;
        if let Ok(written) = written {
            self.note(fd, pipe, |pipe| EventKind::PipeWritten { pipe, bytes: count(written) });
        }
        Ok(written)
    }

    /// Writes all of the bytes, and is blocked while there is no room.
    pub(crate) async fn write_all(
        &mut self,
        fd: u32,
        mut bytes: &[u8],
    ) -> Result<Result<(), PipeError>, Halt> {
        while !bytes.is_empty() {
            match self.write_descriptor(fd, bytes, true).await? {
                Ok(written) => bytes = &bytes[written..],
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(()))
    }

    /// Notes something about a pipe.
    fn note(
        &mut self,
        _fd: u32,
        pipe: crate::kernel::pipes::PipeId,
        kind: impl FnOnce(Label) -> EventKind,
    ) {
        if self.kernel.config().traced {
            let name = self.kernel.world().lock().pipe(pipe).name.clone();
            let label = self.kernel.intern(&name);
            self.kernel.record(kind(label));
        }
    }

    /// Notes something about a process.
    fn note_process(&mut self, process: Pid, kind: impl FnOnce(Label) -> EventKind) {
        if self.kernel.config().traced {
            let name = self.kernel.world().lock().name(process);
            let label = self.kernel.intern(&name);
            self.kernel.record(kind(label));
        }
    }
}

fn count(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

impl pipes::Host for Guest {
    async fn create(&mut self, capacity: u64) -> Result<Result<pipes::Ends, pipes::PipeError>> {
        self.kernel.bound_texts()?;
        let made = self.shared(|shared, pid, _| {
            if !shared.has_room_for(pid, 2) {
                return Err(PipeError::TooManyFiles);
            }
            let pipe = shared.add_pipe(None, capacity);
            let reader = shared.open(pid, Descriptor::Reader(pipe));
            let writer = shared.open(pid, Descriptor::Writer(pipe));
            Ok((pipe, pipes::Ends { reader, writer }))
        });
        let made = made.await?;
        if let Ok((pipe, ends)) = &made {
            self.note(ends.reader, *pipe, EventKind::PipeCreated);
        }
        Ok(made.map(|(_, ends)| ends).map_err(Into::into))
    }

    fn name(&mut self, descriptor: u32) -> Result<Result<String, pipes::PipeError>> {
        let shared = self.kernel.world().lock();
        Ok(shared.descriptor_name(self.kernel.pid(), descriptor).map_err(Into::into))
    }

    fn is_pipe(&mut self, descriptor: u32) -> Result<Result<bool, pipes::PipeError>> {
        let shared = self.kernel.world().lock();
        let descriptor = shared.descriptor(self.kernel.pid(), descriptor);
        Ok(descriptor
            .map(|what| matches!(what, Descriptor::Reader(_) | Descriptor::Writer(_)))
            .map_err(Into::into))
    }

    async fn read(
        &mut self,
        descriptor: u32,
        len: u32,
    ) -> Result<Result<Vec<u8>, pipes::PipeError>> {
        Ok(self.read_descriptor(descriptor, len, false).await?.map_err(Into::into))
    }

    async fn read_blocking(
        &mut self,
        descriptor: u32,
        len: u32,
    ) -> Result<Result<Vec<u8>, pipes::PipeError>> {
        Ok(self.read_descriptor(descriptor, len, true).await?.map_err(Into::into))
    }

    async fn write(
        &mut self,
        descriptor: u32,
        bytes: Vec<u8>,
    ) -> Result<Result<u32, pipes::PipeError>> {
        let written = self.write_descriptor(descriptor, &bytes, false).await?;
        Ok(written.map(count).map_err(Into::into))
    }

    async fn write_blocking(
        &mut self,
        descriptor: u32,
        bytes: Vec<u8>,
    ) -> Result<Result<(), pipes::PipeError>> {
        Ok(self.write_all(descriptor, &bytes).await?.map_err(Into::into))
    }

    async fn close(&mut self, descriptor: u32) -> Result<Result<(), pipes::PipeError>> {
        let closed = self.shared(|shared, pid, now| shared.close(pid, descriptor, now)).await?;
        match closed {
            Ok(Descriptor::Reader(pipe)) => {
                self.note(descriptor, pipe, |pipe| EventKind::PipeClosed { pipe, writer: false });
            }
            Ok(Descriptor::Writer(pipe)) => {
                self.note(descriptor, pipe, |pipe| EventKind::PipeClosed { pipe, writer: true });
            }
            _ => {}
        }
        Ok(closed.map(drop).map_err(Into::into))
    }

    async fn watch(
        &mut self,
        descriptor: u32,
        what: pipes::Interest,
        on: bool,
    ) -> Result<Result<(), pipes::PipeError>> {
        let what = what.into();
        self.kernel.join_company();
        let watched = self.shared(|shared, pid, _| shared.watch(pid, descriptor, what, on)).await?;
        Ok(watched.map_err(Into::into))
    }

    async fn poll(
        &mut self,
        descriptors: Vec<(u32, pipes::Interest)>,
        until: u64,
    ) -> Result<Result<Vec<u32>, pipes::PipeError>> {
        let mut pollables = Vec::with_capacity(descriptors.len() + 1);
        for (fd, what) in descriptors {
            if let Err(error) = self.kernel.world().lock().descriptor(self.kernel.pid(), fd) {
                return Ok(Err(error.into()));
            }
            pollables.push(Pollable::Descriptor(fd, what.into()));
        }
        // The moment comes last.
        let ends = u32::try_from(pollables.len()).unwrap_or(u32::MAX);
        pollables.push(Pollable::At(Nanos(until)));
        self.block_on_any("poll", Waiting::Poll, &pollables).await?;
        let mut ready = self.ready_among(&pollables);
        ready.retain(|&index| index < ends);
        Ok(Ok(ready))
    }
}

impl From<pipes::Interest> for Interest {
    fn from(what: pipes::Interest) -> Interest {
        match what {
            pipes::Interest::Readable => Interest::Readable,
            pipes::Interest::Writable => Interest::Writable,
        }
    }
}

impl From<PipeError> for pipes::PipeError {
    fn from(error: PipeError) -> pipes::PipeError {
        match error {
            PipeError::BadDescriptor => pipes::PipeError::BadDescriptor,
            PipeError::WouldBlock => pipes::PipeError::WouldBlock,
            PipeError::BrokenPipe => pipes::PipeError::BrokenPipe,
            PipeError::Permission => pipes::PipeError::Permission,
            PipeError::TooManyFiles => pipes::PipeError::TooManyFiles,
        }
    }
}

impl process::Host for Guest {
    fn exit(&mut self, status: u8) -> Result<()> {
        Err(Halt::Exit(status).into())
    }

    fn id(&mut self) -> Result<u32> {
        Ok(self.kernel.pid().0)
    }

    fn parent_id(&mut self) -> Result<u32> {
        let shared = self.kernel.world().lock();
        Ok(shared.process(self.kernel.pid()).parent.map_or(0, |parent| parent.0))
    }

    fn bundle(&mut self) -> Result<Vec<u8>> {
        Ok(self.bundle.to_vec())
    }

    async fn spawn(
        &mut self,
        command: process::Command,
    ) -> Result<Result<process::Child, process::SpawnError>> {
        self.kernel.bound_texts()?;
        let config = self.kernel.config();
        let plan = config.programs.iter().find(|plan| plan.name == command.program);
        if plan.is_none() && command.program != config.program_name {
            return Ok(Err(process::SpawnError::NotFound));
        }
        let env = command.env.clone().unwrap_or_else(|| config.env.clone());
        let start = plan.map(|plan| plan.start.clone());
        let takes =
            start.map_or(Nanos::ZERO, |start| self.kernel.draw_start(&command.program, &start));
        self.kernel.join_company();
        let spawned = self.shared(|shared, pid, now| {
            let child = open_child(shared, pid, now, &command)?;
            shared.start(Start {
                pid: Pid(child.pid),
                program: command.program.clone(),
                args: command.args.clone(),
                env: env.clone(),
                at: now + takes,
                task: None,
            });
            Ok(child)
        });
        let spawned = spawned.await?;
        if let Ok(child) = &spawned {
            self.note_process(Pid(child.pid), EventKind::ProcessSpawned);
        }
        Ok(spawned)
    }

    async fn try_wait(
        &mut self,
        child: u32,
    ) -> Result<Result<Option<process::ExitStatus>, process::WaitError>> {
        let reaped = self.shared(|shared, pid, _| shared.reap(pid, Pid(child))).await?;
        if let Ok(Some(status)) = reaped {
            self.note_process(Pid(child), |process| EventKind::ProcessReaped { process, status });
        }
        Ok(reaped.map(|status| status.map(Into::into)).map_err(Into::into))
    }

    async fn wait(
        &mut self,
        child: u32,
    ) -> Result<Result<process::ExitStatus, process::WaitError>> {
        let child = Pid(child);
        let reaped = self
            .blocked(
                |shared| format!("waitpid:{}", shared.process(child).program),
                Waiting::Child(child),
                |shared, pid, _| shared.reap(pid, child).transpose(),
            )
            .await?;
        if let Ok(status) = reaped {
            self.note_process(child, |process| EventKind::ProcessReaped { process, status });
        }
        Ok(reaped.map(Into::into).map_err(Into::into))
    }

    async fn kill(&mut self, process: u32, signal: u8) -> Result<Result<(), process::KillError>> {
        self.own_turn().await?;
        let own = self.kernel.pid();
        if process == 0 || process == own.0 {
            if signal == 0 {
                return Ok(Ok(()));
            }
            let raised = self.kernel.raise(signal)?;
            return Ok(raised.map_err(|_| process::KillError::InvalidSignal));
        }
        let killed = self.shared(|shared, _, now| shared.kill(Pid(process), signal, now)).await?;
        Ok(killed.map_err(Into::into))
    }
}

/// Makes a child and what it and its parent hold of each other.
fn open_child(
    shared: &mut Shared,
    parent: Pid,
    now: Nanos,
    command: &process::Command,
) -> Result<process::Child, process::SpawnError> {
    let streams = [&command.stdin, &command.stdout, &command.stderr];
    let asks_pipe = |stream: &&&process::Stdio| matches!(stream, process::Stdio::Pipe(_));
    if shared.is_full() {
        return Err(process::SpawnError::TooManyProcesses);
    }
    if !shared.has_room_for(parent, streams.iter().filter(asks_pipe).count()) {
        return Err(process::SpawnError::TooManyFiles);
    }
    // What the child gets, as far as it is there already.
    let mut given = [None; 3];
    for (given, (fd, stream)) in given.iter_mut().zip((0..).zip(streams)) {
        let of_parent = |fd| shared.descriptor(parent, fd);
        *given = match stream {
            // A stream that the parent has closed is one that the child does not have either.
            process::Stdio::Inherit => Some(of_parent(fd).unwrap_or(Descriptor::Null)),
            process::Stdio::Null => Some(Descriptor::Null),
            process::Stdio::Descriptor(fd) => {
                Some(of_parent(*fd).map_err(|_| process::SpawnError::BadDescriptor)?)
            }
            process::Stdio::Pipe(_) => None,
            process::Stdio::SameAsStdout if fd == 2 => None,
            process::Stdio::SameAsStdout => return Err(process::SpawnError::BadDescriptor),
        };
    }
    let child = shared.add_process(parent, command.program.clone(), command.place.clone(), now);
    let mut parents = [None; 3];
    for (fd, stream) in (0..).zip(streams) {
        let index = fd as usize;
        let descriptor = match stream {
            process::Stdio::Pipe(capacity) => {
                let stream_name = ["stdin", "stdout", "stderr"][index];
                let name = format!("{}.{stream_name}", shared.name(child));
                let pipe = shared.add_pipe(Some(name), *capacity);
                let (own, others) = match fd {
                    0 => (Descriptor::Reader(pipe), Descriptor::Writer(pipe)),
                    _ => (Descriptor::Writer(pipe), Descriptor::Reader(pipe)),
                };
                parents[index] = Some(shared.open(parent, others));
                own
            }
            process::Stdio::SameAsStdout => shared.descriptor(child, 1).unwrap_or(Descriptor::Null),
            _ => given[index].unwrap_or(Descriptor::Null),
        };
        shared.open_as(child, fd, descriptor);
    }
    let [stdin, stdout, stderr] = parents;
    Ok(process::Child { pid: child.0, stdin, stdout, stderr })
}

impl From<ExitStatus> for process::ExitStatus {
    fn from(status: ExitStatus) -> process::ExitStatus {
        match status {
            ExitStatus::Exited(status) => process::ExitStatus::Exited(status),
            ExitStatus::Signalled(signal) => process::ExitStatus::Signalled(signal.number()),
        }
    }
}

impl From<WaitError> for process::WaitError {
    fn from(WaitError::NoChild: WaitError) -> process::WaitError {
        process::WaitError::NoChild
    }
}

impl From<KillError> for process::KillError {
    fn from(error: KillError) -> process::KillError {
        match error {
            KillError::NoSuchProcess => process::KillError::NoSuchProcess,
            KillError::InvalidSignal => process::KillError::InvalidSignal,
        }
    }
}
