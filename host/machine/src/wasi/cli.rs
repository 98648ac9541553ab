//! `wasi:cli`: arguments, environment, standard streams, exit. There is never a terminal.

use loopbox_trace::Stream;
use wasmtime::Result;
use wasmtime::component::Resource;

use super::io::{InputStream, OutputStream};
use crate::bindings::wasi::cli::{
    environment, exit, stderr, stdin, stdout, terminal_input, terminal_output, terminal_stderr,
    terminal_stdin, terminal_stdout,
};
use crate::guest::Guest;
use crate::kernel::Halt;
use crate::kernel::pipes::Descriptor;
use crate::kernel::world::Pid;

/// A terminal, of which no guest ever gets one.
pub enum Terminal {}

impl environment::Host for Guest {
    fn get_environment(&mut self) -> Result<Vec<(String, String)>> {
        Ok(self.kernel.config().env.clone())
    }

    fn get_arguments(&mut self) -> Result<Vec<String>> {
        let config = self.kernel.config();
        let name = std::iter::once(&config.program_name);
        Ok(name.chain(&config.args).cloned().collect())
    }

    fn initial_cwd(&mut self) -> Result<Option<String>> {
        Ok(Some("/".into()))
    }
}

impl exit::Host for Guest {
    fn exit(&mut self, status: Result<(), ()>) -> Result<()> {
        Err(Halt::Exit(status.is_err().into()).into())
    }

    fn exit_with_code(&mut self, status_code: u8) -> Result<()> {
        Err(Halt::Exit(status_code).into())
    }
}

impl Guest {
    /// What a standard stream is.
    fn standard(&self, fd: u32) -> Descriptor {
        let pid = self.kernel.pid();
        if pid == Pid::FIRST {
            return [Descriptor::Stdin, Descriptor::Stdout, Descriptor::Stderr][fd as usize];
        }
        self.kernel.world().lock().descriptor(pid, fd).unwrap_or(Descriptor::Null)
    }

    fn standard_output(&self, fd: u32) -> OutputStream {
        match self.standard(fd) {
            Descriptor::Stdout => OutputStream::Standard(Stream::Stdout),
            Descriptor::Stderr => OutputStream::Standard(Stream::Stderr),
            _ => OutputStream::Descriptor(fd),
        }
    }
}

impl stdin::Host for Guest {
    fn get_stdin(&mut self) -> Result<Resource<InputStream>> {
        let stream = match self.standard(0) {
            Descriptor::Stdin => InputStream::Stdin,
            _ => InputStream::Descriptor(0),
        };
        Ok(self.table.push(stream)?)
    }
}

impl stdout::Host for Guest {
    fn get_stdout(&mut self) -> Result<Resource<OutputStream>> {
        Ok(self.table.push(self.standard_output(1))?)
    }
}

impl stderr::Host for Guest {
    fn get_stderr(&mut self) -> Result<Resource<OutputStream>> {
        Ok(self.table.push(self.standard_output(2))?)
    }
}

impl terminal_input::Host for Guest {}

impl terminal_input::HostTerminalInput for Guest {
    fn drop(&mut self, terminal: Resource<Terminal>) -> Result<()> {
        self.table.delete(terminal)?;
        Ok(())
    }
}

impl terminal_output::Host for Guest {}

impl terminal_output::HostTerminalOutput for Guest {
    fn drop(&mut self, terminal: Resource<Terminal>) -> Result<()> {
        self.table.delete(terminal)?;
        Ok(())
    }
}

impl terminal_stdin::Host for Guest {
    fn get_terminal_stdin(&mut self) -> Result<Option<Resource<Terminal>>> {
        Ok(None)
    }
}

impl terminal_stdout::Host for Guest {
    fn get_terminal_stdout(&mut self) -> Result<Option<Resource<Terminal>>> {
        Ok(None)
    }
}

impl terminal_stderr::Host for Guest {
    fn get_terminal_stderr(&mut self) -> Result<Option<Resource<Terminal>>> {
        Ok(None)
    }
}
