//! Programs that are ready to run: reads components, compiles them at most once, loads them.
//!
//! Many scenarios share a guest, so each is loaded once a session (and once a stack size, which is a
//! setting of the engine), whoever asks first. Compiling takes seconds and reading may take long, so both
//! happen on `blocking`'s threads.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use loopbox_machine::{LoadError, Program, Sandbox, SandboxError, Settings};
use smol::lock::OnceCell;

use crate::cache::{Cache, Key};
use crate::sha256::Sha256;

/// A program and the sandbox that it was loaded for.
#[derive(Clone)]
pub struct Ready {
    /// Runs the program.
    pub sandbox: Sandbox,
    /// The program.
    pub program: Program,
    /// Of the component's file.
    pub sha256: Sha256,
}

/// Why a component cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// There is no such file, or it may not be read.
    #[error("cannot read `{}`: {error}", path.display())]
    Unreadable {
        /// The component.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is no program for the machine.
    #[error("cannot load `{}`: {error}", path.display())]
    Unloadable {
        /// The component.
        path: PathBuf,
        /// Why.
        error: LoadError,
    },
    /// There is no machine to run it in.
    #[error(transparent)]
    NoSandbox(#[from] SandboxError),
}

/// A program that is, or will be, loaded; or why not. Those who come while it is being loaded wait.
type Slot = Arc<OnceCell<Result<Ready, Arc<ProgramError>>>>;

/// All programs of a session.
pub struct Programs {
    cache: Cache,
    runs_at_once: u32,
    /// By the size of the guest's stack in bytes.
    sandboxes: Mutex<BTreeMap<usize, Sandbox>>,
    /// By component and the size of the guest's stack in bytes.
    slots: Mutex<BTreeMap<(PathBuf, usize), Slot>>,
    /// Why something could not be put into the cache; the first time counts.
    cache_trouble: OnceLock<String>,
}

impl Programs {
    /// No programs yet. So many runs will be under way at once at most.
    pub fn new(cache: Cache, runs_at_once: u32) -> Arc<Programs> {
        Arc::new(Programs {
            cache,
            runs_at_once,
            sandboxes: Mutex::default(),
            slots: Mutex::default(),
            cache_trouble: OnceLock::new(),
        })
    }

    /// The program of this component, for guests with a stack of this size.
    ///
    /// # Errors
    /// The file is no program that can be run; see [`ProgramError`]. Everybody who asks for it is told
    /// the same.
    pub async fn ready(
        self: &Arc<Self>,
        component: &Path,
        stack_bytes: usize,
    ) -> Result<Ready, Arc<ProgramError>> {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            Slot::clone(slots.entry((component.to_owned(), stack_bytes)).or_default())
        };
        let load = || {
            let (programs, component) = (Arc::clone(self), component.to_owned());
            smol::unblock(move || programs.load(&component, stack_bytes).map_err(Arc::new))
        };
        slot.get_or_init(load).await.clone()
    }

    /// Why compiled programs could not be kept for the next session, if so.
    pub fn cache_trouble(&self) -> Option<&str> {
        self.cache_trouble.get().map(String::as_str)
    }

    /// Blocks for as long as it takes.
    fn load(&self, component: &Path, stack_bytes: usize) -> Result<Ready, ProgramError> {
        let sandbox = self.sandbox(stack_bytes)?;
        let wasm = std::fs::read(component)
            .map_err(|error| ProgramError::Unreadable { path: component.to_owned(), error })?;
        let unloadable = |error| ProgramError::Unloadable { path: component.to_owned(), error };
        let sha256 = Sha256::of(&wasm);
        let key = Key { component: sha256, fingerprint: sandbox.fingerprint() };
        if let Some(artefact) = self.cache.get(&key)
            && let Ok(program) = load_artefact(&sandbox, &artefact)
        {
            return Ok(Ready { sandbox, program, sha256 });
        }
        let artefact = sandbox.compile(&wasm).map_err(unloadable)?;
        if let Err(error) = self.cache.put(&key, &artefact) {
            let folder = self.cache.folder().unwrap_or(Path::new("")).display();
            let trouble = format!("compiled guests are not kept in `{folder}`: {error}");
            // Only the first is said; the others have the same cause.
            let _ = self.cache_trouble.set(trouble);
        }
        let program = load_artefact(&sandbox, &artefact).map_err(unloadable)?;
        Ok(Ready { sandbox, program, sha256 })
    }

    fn sandbox(&self, stack_bytes: usize) -> Result<Sandbox, SandboxError> {
        let mut sandboxes = self.sandboxes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sandbox) = sandboxes.get(&stack_bytes) {
            return Ok(sandbox.clone());
        }
        let sandbox = Sandbox::new(&Settings {
            stack_bytes,
            runs_at_once: self.runs_at_once,
            ..Settings::default()
        })?;
        sandboxes.insert(stack_bytes, sandbox.clone());
        Ok(sandbox)
    }
}

/// Loads what this sandbox, or one with the same fingerprint, compiled.
#[expect(unsafe_code, reason = "native code that we made ourselves is loaded as native code")]
fn load_artefact(sandbox: &Sandbox, artefact: &[u8]) -> Result<Program, LoadError> {
    // SAFETY: the bytes are what `compile` returned. Either they come straight from it, or from the
    // cache, which gives back only what `put` was given for the same component and compiler: the entry's
    // own hash rules out damage, and the folder is its owner's, who needs no trick to run code as herself
    // (see `cache`).
    unsafe { sandbox.load_compiled(artefact) }
}
