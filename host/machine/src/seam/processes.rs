//! `process` and `pipes`: child processes, and what flows between them.

use wasmtime::Result;

use crate::bindings::loopbox::sandbox::{pipes, process};
use crate::guest::Guest;
use crate::kernel::Halt;

fn not_yet<T>() -> Result<T> {
    Err(Halt::Misuse("child processes and pipes are not supported yet".into()).into())
}

impl pipes::Host for Guest {
    async fn create(&mut self, _capacity: u64) -> Result<Result<pipes::Ends, pipes::PipeError>> {
        not_yet()
    }

    fn name(&mut self, _descriptor: u32) -> Result<Result<String, pipes::PipeError>> {
        not_yet()
    }

    fn is_pipe(&mut self, _descriptor: u32) -> Result<Result<bool, pipes::PipeError>> {
        not_yet()
    }

    async fn read(
        &mut self,
        _descriptor: u32,
        _len: u32,
    ) -> Result<Result<Vec<u8>, pipes::PipeError>> {
        not_yet()
    }

    async fn read_blocking(
        &mut self,
        _descriptor: u32,
        _len: u32,
    ) -> Result<Result<Vec<u8>, pipes::PipeError>> {
        not_yet()
    }

    async fn write(
        &mut self,
        _descriptor: u32,
        _bytes: Vec<u8>,
    ) -> Result<Result<u32, pipes::PipeError>> {
        not_yet()
    }

    async fn write_blocking(
        &mut self,
        _descriptor: u32,
        _bytes: Vec<u8>,
    ) -> Result<Result<(), pipes::PipeError>> {
        not_yet()
    }

    async fn close(&mut self, _descriptor: u32) -> Result<Result<(), pipes::PipeError>> {
        not_yet()
    }

    async fn watch(
        &mut self,
        _descriptor: u32,
        _what: pipes::Interest,
        _on: bool,
    ) -> Result<Result<(), pipes::PipeError>> {
        not_yet()
    }
}

impl process::Host for Guest {
    fn exit(&mut self, status: u8) -> Result<()> {
        Err(Halt::Exit(status).into())
    }

    fn id(&mut self) -> Result<u32> {
        Ok(1)
    }

    fn parent_id(&mut self) -> Result<u32> {
        Ok(0)
    }

    async fn spawn(
        &mut self,
        _command: process::Command,
    ) -> Result<Result<process::Child, process::SpawnError>> {
        not_yet()
    }

    async fn try_wait(
        &mut self,
        _child: u32,
    ) -> Result<Result<Option<process::ExitStatus>, process::WaitError>> {
        not_yet()
    }

    async fn wait(
        &mut self,
        _child: u32,
    ) -> Result<Result<process::ExitStatus, process::WaitError>> {
        not_yet()
    }

    async fn kill(&mut self, _process: u32, _signal: u8) -> Result<Result<(), process::KillError>> {
        not_yet()
    }
}
