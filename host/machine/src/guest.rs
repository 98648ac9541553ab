//! One process: what belongs to a running guest on the host's side.

use std::sync::Arc;

use wasmtime::component::ResourceTable;

use crate::config::Config;
use crate::kernel::Kernel;
use crate::kernel::files::{FileLimits, FileSystem, Timestamp};
use crate::sandbox::Image;
use crate::stack::PythonProcess;

/// The state that host functions work on.
pub(crate) struct Guest {
    /// The machine that the process runs on.
    pub(crate) kernel: Kernel,
    /// What the guest holds handles to.
    pub(crate) table: ResourceTable,
    pub(crate) files: FileSystem,
    /// How much of standard input was read.
    pub(crate) stdin_position: usize,
    pub(crate) memory: MemoryLimit,
    /// The program, if the component is an interpreter.
    pub(crate) bundle: Bundle,
    /// What it is looked at with, if it is a Python interpreter.
    pub(crate) python: PythonProcess,
}

/// What an interpreter runs; empty for a program that is a component of its own.
pub(crate) type Bundle = Arc<[u8]>;

/// Bounds linear memory, and remembers that it did: a program that cannot allocate traps or panics, and
/// the report should say why.
pub(crate) struct MemoryLimit {
    bytes: usize,
    /// What every memory of the process holds together.
    used: usize,
    /// Whether growing was refused.
    pub(crate) refused: bool,
}

impl Guest {
    /// A process on its kernel. Its files are those of the scenario: processes share none that they write.
    pub(crate) fn new(config: &Arc<Config>, kernel: Kernel, image: Image) -> Guest {
        let given = config.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
        let limits = FileLimits::default();
        let files = FileSystem::with_files(given, limits, Timestamp(config.wall_clock));
        Guest {
            kernel,
            table: ResourceTable::new(),
            files: files
                .unwrap_or_else(|error| panic!("the scenario's files were checked: {error}")),
            stdin_position: 0,
            memory: MemoryLimit { bytes: config.limits.memory_bytes, used: 0, refused: false },
            bundle: image.bundle,
            python: image.python.process(),
        }
    }

    /// What the wall clock shows now.
    pub(crate) fn wall_clock(&self) -> Timestamp {
        let start = self.kernel.config().wall_clock;
        Timestamp(start + std::time::Duration::from_nanos(self.kernel.now().0))
    }
}

impl wasmtime::ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let used = self.used.saturating_sub(current).saturating_add(desired);
        let fits = used <= self.bytes;
        if fits {
            self.used = used;
        } else {
            self.refused = true;
        }
        Ok(fits)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS)
    }
}

/// Tables hold function references; a program has as many as it has functions whose address is taken.
pub(crate) const TABLE_ELEMENTS: usize = 200_000;
