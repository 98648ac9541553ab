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
use crate::guests::{Component, Sources};
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
    /// It is no program for the interpreter that is to run it; the words are the interpreter's.
    #[error("`{shown}` is no program that can be run:\n{reason}")]
    Rejected {
        /// The program, as the scenario names it.
        shown: String,
        /// Why.
        reason: String,
    },
    /// There is no machine to run it in.
    #[error(transparent)]
    NoSandbox(#[from] SandboxError),
}

/// A program that is, or will be, loaded; or why not. Those who come while it is being loaded wait.
type Slot = Arc<OnceCell<Result<Ready, Arc<ProgramError>>>>;

/// A program for an interpreter that is, or will be, made ready; or why not.
type BundleSlot = Arc<OnceCell<Result<Arc<[u8]>, Arc<ProgramError>>>>;

/// All programs of a session.
pub struct Programs {
    cache: Cache,
    runs_at_once: u32,
    /// By the size of the guest's stack in bytes.
    sandboxes: Mutex<BTreeMap<usize, Sandbox>>,
    /// By component and the size of the guest's stack in bytes.
    slots: Mutex<BTreeMap<(PathBuf, usize), Slot>>,
    /// By the hashes of interpreter and sources.
    bundles: Mutex<BTreeMap<Sha256, BundleSlot>>,
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
            bundles: Mutex::default(),
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
        component: &Component,
        stack_bytes: usize,
    ) -> Result<Ready, Arc<ProgramError>> {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            Slot::clone(slots.entry((component.path.clone(), stack_bytes)).or_default())
        };
        let load = || {
            let (programs, component) = (Arc::clone(self), component.clone());
            smol::unblock(move || programs.load(&component, stack_bytes).map_err(Arc::new))
        };
        let ready = slot.get_or_init(load).await.clone()?;
        match &component.sources {
            Some(sources) => self.with_sources(ready, sources).await,
            None => Ok(ready),
        }
    }

    /// The interpreter with a program to run.
    async fn with_sources(
        self: &Arc<Self>,
        interpreter: Ready,
        sources: &Arc<Sources>,
    ) -> Result<Ready, Arc<ProgramError>> {
        let sha256 = Sha256::of_parts([&interpreter.sha256.0[..], &sources.sha256.0[..]]);
        let slot = {
            let mut bundles = self.bundles.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(bundles.entry(sha256).or_default())
        };
        let prepare = || self.prepare(&interpreter, sources, sha256);
        let bundle = slot.get_or_init(prepare).await.clone()?;
        let Ready { sandbox, program, .. } = interpreter;
        Ok(Ready { sandbox, program: program.with_bundle(bundle), sha256 })
    }

    /// Makes a bundle, unless one was made in another session.
    async fn prepare(
        self: &Arc<Self>,
        interpreter: &Ready,
        sources: &Sources,
        sha256: Sha256,
    ) -> Result<Arc<[u8]>, Arc<ProgramError>> {
        let key = Key { component: sha256, fingerprint: "bundle".into() };
        let (programs, of_kept) = (Arc::clone(self), key.clone());
        let kept = smol::unblock(move || std::fs::read(programs.cache.get(&of_kept)?).ok());
        if let Some(kept) = kept.await {
            return Ok(kept.into());
        }
        let prepared = interpreter.sandbox.prepare(&interpreter.program, sources.bytes.clone());
        let bundle: Arc<[u8]> = match prepared.await {
            Ok(bundle) => bundle.into(),
            Err(reason) => {
                let shown = sources.shown.clone();
                return Err(Arc::new(ProgramError::Rejected { shown, reason }));
            }
        };
        let (programs, keeping) = (Arc::clone(self), Arc::clone(&bundle));
        smol::unblock(move || programs.keep(&key, &keeping)).await;
        Ok(bundle)
    }

    /// Why compiled programs could not be kept for the next session, if so.
    pub fn cache_trouble(&self) -> Option<&str> {
        self.cache_trouble.get().map(String::as_str)
    }

    /// Blocks for as long as it takes.
    fn load(&self, component: &Component, stack_bytes: usize) -> Result<Ready, ProgramError> {
        let sandbox = self.sandbox(stack_bytes)?;
        let path = &component.path;
        // Who is known by its hash may be large, and is not needed if it was compiled before.
        if let Some(sha256) = component.sha256
            && let Some(program) = self.compiled_before(&sandbox, sha256)
        {
            return Ok(Ready { sandbox, program, sha256 });
        }
        let wasm = std::fs::read(path)
            .map_err(|error| ProgramError::Unreadable { path: path.clone(), error })?;
        let unloadable = |error| ProgramError::Unloadable { path: path.clone(), error };
        let sha256 = Sha256::of(&wasm);
        if component.sha256 != Some(sha256)
            && let Some(program) = self.compiled_before(&sandbox, sha256)
        {
            return Ok(Ready { sandbox, program, sha256 });
        }
        let artefact = sandbox.compile(&wasm).map_err(unloadable)?;
        self.keep(&key(&sandbox, sha256), &artefact);
        let program = load_artefact(&sandbox, &artefact).map_err(unloadable)?;
        Ok(Ready { sandbox, program, sha256 })
    }

    /// Keeps something for the next session.
    fn keep(&self, key: &Key, artefact: &[u8]) {
        if let Err(error) = self.cache.put(key, artefact) {
            let folder = self.cache.folder().unwrap_or(Path::new("")).display();
            let trouble = format!("compiled guests are not kept in `{folder}`: {error}");
            // Only the first is said; the others have the same cause.
            let _ = self.cache_trouble.set(trouble);
        }
    }

    /// The program of a component that was compiled in another session, if it is kept and as it should be.
    fn compiled_before(&self, sandbox: &Sandbox, component: Sha256) -> Option<Program> {
        let path = self.cache.get(&key(sandbox, component))?;
        load_entry(sandbox, &path).ok()
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

fn key(sandbox: &Sandbox, component: Sha256) -> Key {
    Key { component, fingerprint: sandbox.fingerprint() }
}

/// Loads what this sandbox, or one with the same fingerprint, compiled: it was compiled just now, or is the
/// contents of an entry.
#[expect(unsafe_code, reason = "native code that we made ourselves is loaded as native code")]
fn load_artefact(sandbox: &Sandbox, artefact: &[u8]) -> Result<Program, LoadError> {
    // SAFETY: the bytes are what `compile` returned; see `load_entry` for those that were kept.
    unsafe { sandbox.load_compiled(artefact) }
}

/// Loads an entry of the cache, which this sandbox, or one with the same fingerprint, compiled.
#[expect(unsafe_code, reason = "native code that we made ourselves is loaded as native code")]
fn load_entry(sandbox: &Sandbox, path: &Path) -> Result<Program, LoadError> {
    // SAFETY: the cache gives the name of a file only if it holds what `put` was given for the same component
    // and compiler: the entry's seal rules out damage, and the folder is its owner's, who needs no trick to run
    // code as herself (see `cache`). Nobody writes to an entry; it is replaced, and who has it keeps the old one.
    let mapped = unsafe { sandbox.load_compiled_file(path) };
    mapped.or_else(|error| {
        // Some file systems hold no code that can be executed, but what is read from there can be.
        let artefact = std::fs::read(path).map_err(|_| error)?;
        load_artefact(sandbox, &artefact)
    })
}
