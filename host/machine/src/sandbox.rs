//! The sandbox: compiles guests, and runs each in an instance of its own.
//!
//! A [`Sandbox`] is costly to make and cheap to use: one serves a whole session. Every run gets a fresh
//! store, instance and kernel, so nothing leaks from run to run, and all of it is gone when the run is
//! over or its future is dropped.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use async_lock::Semaphore;
use loopbox_trace::Trace;
use loopbox_trace::record::Choice;
use wasmtime::component::types::{ComponentItem, Type};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{
    CallHook, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    StoreContextMut, WasmBacktraceDetails,
};

use crate::bindings::{Machine, MachinePre};
use crate::config::Config;
use crate::guest::{Bundle, Guest, TABLE_ELEMENTS};
use crate::kernel::Call;
use crate::scheduler::{Programs, Scheduler};
use crate::stack::{self, Python};
use crate::wasi::sockets;

/// A guest yields to the host's executor this often, in units of fuel: every few milliseconds of host
/// time, so that one run never holds up another for long and an abandoned one can be dropped.
pub(crate) const FUEL_PER_YIELD: u64 = 5_000_000;

/// Host functions run on the guest's stack; this is for them.
const HOST_STACK_BYTES: usize = 512 << 10;

/// Above this a guest's memory cannot grow, whatever the scenario permits: the end of 32-bit addresses.
const MEMORY_BYTES: usize = 4 << 30;

/// What a sandbox is made for.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Stack of the guest, in bytes. Going beyond it ends the run with a report.
    pub stack_bytes: usize,
    /// How many runs may be under way at once; more of them wait. Address space is set aside for each.
    pub runs_at_once: u32,
    /// How many processes may live at once in each run, whatever its scenario permits; at least 1.
    pub processes_per_run: u16,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { stack_bytes: 1 << 20, runs_at_once: 8, processes_per_run: 16 }
    }
}

/// The host has no room for a sandbox as it was asked for.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the WebAssembly engine: {0}")]
pub struct SandboxError(String);

/// Why a file is not a program that can be run here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// It does not begin as WebAssembly does.
    #[error("this is not WebAssembly: it does not begin with `\\0asm`")]
    NotWasm,
    /// A module of WASI 0.1 or none.
    #[error(
        "this is a core WebAssembly module, not a component: build it for the target wasm32-wasip2"
    )]
    CoreModule,
    /// It does not hold together.
    #[error("this WebAssembly component is broken: {0}")]
    Broken(String),
    /// There is nothing to start.
    #[error("this component does not export wasi:cli/run: it is a library, not a program")]
    NotAProgram,
    /// It asks for something that nobody offers.
    #[error("this component imports what the machine does not offer: {}", .0.join(", "))]
    UnknownImports(Vec<String>),
    /// It asks for something that is offered in another form.
    #[error("this component does not fit the machine: {0}")]
    Unlinkable(String),
}

/// Makes and runs programs.
#[derive(Clone)]
pub struct Sandbox {
    engine: Engine,
    /// Everything that guests may import but what only refuses.
    linker: Linker<Guest>,
    settings: Settings,
    /// Room for another run; who finds none waits.
    room: Arc<Semaphore>,
}

/// A guest, compiled and linked, ready to be run any number of times.
#[derive(Clone)]
pub struct Program {
    pub(crate) image: Image,
    /// What it can start besides itself.
    pub(crate) others: Programs,
}

/// What a process is made from.
#[derive(Clone)]
pub(crate) struct Image {
    pub(crate) pre: MachinePre<Guest>,
    pub(crate) bundle: Bundle,
    /// What is known of the component as a Python interpreter.
    pub(crate) python: Python,
}

impl Program {
    /// The same component running this bundle, which [`Sandbox::prepare`] made.
    #[must_use]
    pub fn with_bundle(self, bundle: Arc<[u8]>) -> Program {
        Program { image: Image { bundle, ..self.image }, ..self }
    }

    /// The same program, which can start these others by their names. The configuration of a run says
    /// what starting them takes ([`Config::programs`]).
    #[must_use]
    pub fn with_programs(self, others: BTreeMap<String, Program>) -> Program {
        let others = others.into_iter().map(|(name, program)| (name, program.image)).collect();
        Program { others: Arc::new(others), ..self }
    }
}

/// What a run leaves.
#[derive(Clone, Debug)]
pub struct Run {
    /// The seed that everything open was drawn from.
    pub seed: u64,
    /// What happened.
    pub trace: Trace,
    /// What was drawn.
    pub choices: Vec<Choice>,
}

impl Sandbox {
    /// Sets up an engine.
    ///
    /// # Errors
    /// The host cannot set aside the address space, or lacks a feature of the processor.
    pub fn new(settings: &Settings) -> Result<Sandbox, SandboxError> {
        let engine = Engine::new(&engine_config(settings))
            .map_err(|error| SandboxError(format!("{error:#}")))?;
        let mut linker = Linker::new(&engine);
        Machine::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)
            .map_err(|error| SandboxError(format!("{error:#}")))?;
        let room = Arc::new(Semaphore::new(runs_at_once(settings)));
        Ok(Sandbox { engine, linker, settings: *settings, room })
    }

    /// What a compiled program depends on besides the component: compiler, version, settings, processor.
    pub fn fingerprint(&self) -> String {
        use std::hash::{Hash, Hasher};
        let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
        self.engine.precompile_compatibility_hash().hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    /// Compiles a component to native code: seconds of CPU time for a large one.
    ///
    /// # Errors
    /// The bytes are no component; see [`LoadError`].
    pub fn compile(&self, wasm: &[u8]) -> Result<Vec<u8>, LoadError> {
        let Some(version) = wasm.strip_prefix(b"\0asm") else {
            return Err(LoadError::NotWasm);
        };
        if version.starts_with(&[1, 0, 0, 0]) {
            return Err(LoadError::CoreModule);
        }
        self.engine
            .precompile_component(wasm)
            .map_err(|error| LoadError::Broken(format!("{error:#}")))
    }

    /// Loads what [`Sandbox::compile`] made.
    ///
    /// # Safety
    /// The bytes are executed as native code: they must be exactly what `compile` returned.
    ///
    /// # Errors
    /// The component asks for what the machine does not have, or was compiled for another one.
    #[expect(unsafe_code, reason = "the caller vouches for the bytes, as the contract says")]
    pub unsafe fn load_compiled(&self, artefact: &[u8]) -> Result<Program, LoadError> {
        // SAFETY: the caller's contract is wasmtime's.
        let component = unsafe { Component::deserialize(&self.engine, artefact) }
            .map_err(|error| LoadError::Broken(format!("{error:#}")))?;
        self.link(&component)
    }

    /// Loads a file with what [`Sandbox::compile`] made. It is not read but mapped, so a large program costs what
    /// it uses of it.
    ///
    /// # Safety
    /// As for [`Sandbox::load_compiled`]; and the file is not written to for as long as the program is there.
    ///
    /// # Errors
    /// As there; also if the file cannot be mapped.
    #[expect(unsafe_code, reason = "the caller vouches for the file, as the contract says")]
    pub unsafe fn load_compiled_file(&self, path: &Path) -> Result<Program, LoadError> {
        // SAFETY: the caller's contract is wasmtime's.
        let component = unsafe { Component::deserialize_file(&self.engine, path) }
            .map_err(|error| LoadError::Broken(format!("{error:#}")))?;
        self.link(&component)
    }

    /// Compiles and loads a component.
    ///
    /// # Errors
    /// As [`Sandbox::compile`] and [`Sandbox::load_compiled`].
    #[expect(unsafe_code, reason = "the bytes come from the line above")]
    pub fn load(&self, wasm: &[u8]) -> Result<Program, LoadError> {
        let artefact = self.compile(wasm)?;
        // SAFETY: this is what `compile` returned.
        unsafe { self.load_compiled(&artefact) }
    }

    fn link(&self, component: &Component) -> Result<Program, LoadError> {
        let unlinkable = |error: wasmtime::Error| LoadError::Unlinkable(format!("{error:#}"));
        let ty = component.component_type();
        let unknown: Vec<String> = ty
            .imports(&self.engine)
            .map(|(name, _)| name.to_owned())
            .filter(|name| !is_offered(name) && !sockets::is_refused(name))
            .collect();
        if !unknown.is_empty() {
            return Err(LoadError::UnknownImports(unknown));
        }
        let mut exports = ty.exports(&self.engine);
        let Some((_, start)) = exports.find(|(name, _)| name.starts_with("wasi:cli/run@0.2"))
        else {
            return Err(LoadError::NotAProgram);
        };
        if !is_start_interface(&start.ty, &self.engine) {
            return Err(LoadError::Unlinkable(
                "its wasi:cli/run has no `run: func() -> result`".into(),
            ));
        }
        let mut linker = self.linker.clone();
        sockets::refuse(&mut linker, component, &self.engine).map_err(unlinkable)?;
        let pre = linker.instantiate_pre(component).map_err(unlinkable)?;
        let pre = MachinePre::new(pre).map_err(unlinkable)?;
        let image = Image { pre, bundle: [].into(), python: Python::default() };
        Ok(Program { image, others: Programs::default() })
    }

    /// Lets an interpreter make a bundle from the sources of a program, in a machine of its own.
    ///
    /// # Errors
    /// The sources are no program; the text is for their author. Or the interpreter came to an end without an answer.
    pub async fn prepare(
        &self,
        interpreter: &Program,
        sources: Vec<u8>,
    ) -> Result<Vec<u8>, String> {
        let _room = self.room.acquire().await;
        let call = Call { function: "loopbox.prepare".into(), argument: sources };
        let scheduler = Scheduler::of_call(&self.engine, &self.settings, interpreter, call);
        scheduler.outcome().await
    }

    /// Runs a program in a machine of its own, to its end.
    ///
    /// The same program, configuration and seed give the same trace, on every host. The future yields to
    /// its executor every few milliseconds; dropping it abandons the run.
    pub async fn run(&self, program: &Program, config: &Arc<Config>, seed: u64) -> Run {
        let _room = self.room.acquire().await;
        let scheduler = Scheduler::new(&self.engine, &self.settings, program, config, seed);
        let (trace, choices) = scheduler.run().await;
        Run { seed, trace, choices }
    }
}

/// Settles the guest's clock whenever it calls the host, and grants it fuel anew where the kernel asks for
/// that. No host function can forget it, because none has to do it.
pub(crate) fn settle(
    mut store: StoreContextMut<'_, Guest>,
    hook: CallHook,
) -> wasmtime::Result<()> {
    match hook {
        CallHook::CallingHost => {
            let fuel = store.get_fuel()?;
            store.data_mut().kernel.settle(fuel)?;
        }
        CallHook::ReturningFromHost => {
            if store.data().kernel.wants_place() {
                let place = stack::place(&mut store);
                store.data_mut().kernel.place_reports(place.as_deref());
            }
            if let Some(fuel) = store.data_mut().kernel.fuel_grant() {
                store.set_fuel(fuel)?;
                store.fuel_async_yield_interval(Some(FUEL_PER_YIELD))?;
            }
        }
        CallHook::CallingWasm | CallHook::ReturningFromWasm => {}
    }
    Ok(())
}

fn is_offered(import: &str) -> bool {
    [
        "loopbox:sandbox/",
        "wasi:io/",
        "wasi:clocks/",
        "wasi:random/",
        "wasi:cli/",
        "wasi:filesystem/",
    ]
    .iter()
    .any(|package| import.starts_with(package))
}

/// Whether this is an instance with `run: func() -> result`. Instantiation would find out too, but then it
/// is a run that failed and not a program that cannot be loaded.
fn is_start_interface(item: &ComponentItem, engine: &Engine) -> bool {
    let ComponentItem::ComponentInstance(interface) = item else {
        return false;
    };
    let run = interface.exports(engine).find(|(name, _)| *name == "run");
    let Some(ComponentItem::ComponentFunc(run)) = run.map(|(_, export)| export.ty) else {
        return false;
    };
    let results: Vec<Type> = run.results().collect();
    run.params().len() == 0
        && matches!(&results[..], [Type::Result(ty)] if ty.ok().is_none() && ty.err().is_none())
}

fn runs_at_once(settings: &Settings) -> usize {
    settings.runs_at_once.max(1) as usize
}

fn engine_config(settings: &Settings) -> wasmtime::Config {
    let runs = u32::try_from(runs_at_once(settings)).unwrap_or(u32::MAX);
    let runs = runs.saturating_mul(settings.processes_per_run.max(1).into());
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(runs)
        // One to run on, one more for a moment when a handle that was lent is given back, and one for the moment of the
        // first look at a Python interpreter.
        .total_stacks(runs.saturating_mul(3))
        .total_memories(runs)
        // A component of Rust's standard library has a handful of core instances and tables: the
        // program, and small ones that adapt it to WASI. CPython consists of 14, and one more to look at it.
        .total_core_instances(runs.saturating_mul(24))
        .total_tables(runs.saturating_mul(4))
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(MEMORY_BYTES)
        // Ask the kernel which pages were written, and reset only those: a guest that touches little
        // costs little.
        .pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(64 << 10)
        .async_stack_keep_resident(32 << 10);
    let mut config = wasmtime::Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .consume_fuel(true)
        // A dump holds handles, not contents: it costs what a second backtrace does.
        .coredump_on_trap(true)
        .max_wasm_stack(settings.stack_bytes)
        .async_stack_size(settings.stack_bytes + HOST_STACK_BYTES)
        .cranelift_opt_level(OptLevel::Speed)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        // One more than is shown, to know that there are more.
        .wasm_backtrace_max_frames(NonZeroUsize::new(stack::BACKTRACE_FRAMES + 1))
        // The two places where WebAssembly leaves the result of an instruction to the processor.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true);
    config
}

/// FNV-1a: a hasher that gives the same result in every process.
struct Fnv(u64);

impl std::hash::Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
