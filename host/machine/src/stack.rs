//! Where a guest is, told in its own language: on the stack of WebAssembly, or of the interpreter that it runs on.
//!
//! An interpreter's frames stand in the guest's memory, and a component keeps its memory to itself. One thing shows it: the
//! core dump that wasmtime makes when WebAssembly traps names all memories of the store. So at the first look at such a guest a
//! module that does nothing but trap is instantiated beside it. From then on a look costs what reading some hundred
//! bytes costs. Guests that nobody looks at pay nothing, and none burns fuel for it.
//!
//! It cannot be done before the guest has begun: of a store in which something has trapped no component can be
//! entered any more. What runs already goes on.

use std::sync::{Arc, OnceLock};

use futures_lite::future::block_on;
use wasmtime::{
    AsContext, FrameInfo, Instance, Memory, Module, StoreContext, StoreContextMut, WasmBacktrace,
    WasmCoreDump,
};

use crate::guest::Guest;
use crate::kernel::short_path;
use crate::python::Interpreter;

/// More frames than this say nothing more: endless recursion shows itself in the first few.
pub(crate) const BACKTRACE_FRAMES: usize = 24;

/// `(module (func unreachable) (start 0))`: the sections of types, functions, start and code.
const TRAPS: &[u8] = b"\0asm\x01\0\0\0\
    \x01\x04\x01\x60\0\0\
    \x03\x02\x01\0\
    \x08\x01\0\
    \x0a\x05\x01\x03\0\0\x0b";

/// Enough for the module that traps.
const TRAPS_FUEL: u64 = 1_000;

/// What is known of a component as a Python interpreter, and shared by its processes.
#[derive(Clone, Default)]
pub(crate) struct Python(Arc<Known>);

#[derive(Default)]
struct Known {
    /// The module that traps, compiled at the first look.
    traps: OnceLock<Module>,
    /// Which of the component's memories an interpreter is in, and how to read it; or that there is none.
    interpreter: OnceLock<Option<(usize, Interpreter)>>,
}

/// A process of such a component, and what it is looked at with.
pub(crate) struct PythonProcess {
    known: Arc<Known>,
    /// Known after the first look.
    memories: Option<Vec<Memory>>,
}

impl Python {
    pub(crate) fn process(&self) -> PythonProcess {
        PythonProcess { known: Arc::clone(&self.0), memories: None }
    }
}

impl PythonProcess {
    /// The memory with the interpreter, and how to read it, if the component is one.
    fn look<'s>(
        &'s self,
        store: &'s StoreContext<'_, Guest>,
    ) -> Option<(&'s [u8], &'s Interpreter)> {
        let (index, interpreter) = self.known.interpreter.get()?.as_ref()?;
        let memory = self.memories.as_ref()?.get(*index)?;
        Some((memory.data(store), interpreter))
    }
}

/// Makes it possible to look at the process, if it is a Python interpreter. `has_begun`: the guest has run, so if none is
/// found now there never will be one.
fn open(store: &mut StoreContextMut<'_, Guest>, has_begun: bool) {
    let process = &store.data().python;
    let known = Arc::clone(&process.known);
    if process.memories.is_some() || known.interpreter.get().is_some_and(Option::is_none) {
        return;
    }
    // Whatever stands in the way, there are no memories then.
    let memories = memories(store, &known).unwrap_or_default();
    if known.interpreter.get().is_none() {
        let context = store.as_context();
        let found = memories
            .iter()
            .enumerate()
            .find_map(|(index, memory)| Some((index, Interpreter::find(memory.data(&context))?)));
        if found.is_some() || (has_begun && !memories.is_empty()) {
            // Somebody else may have found the same.
            let _ = known.interpreter.set(found);
        }
    }
    store.data_mut().python.memories = Some(memories);
}

/// All memories of a store, out of the core dump of a module that traps in it. The fuel stays what it is.
fn memories(
    store: &mut StoreContextMut<'_, Guest>,
    known: &Known,
) -> wasmtime::Result<Vec<Memory>> {
    let traps = match known.traps.get() {
        Some(traps) => traps,
        None => {
            let traps = Module::new(store.engine(), TRAPS)?;
            known.traps.get_or_init(|| traps)
        }
    };
    let fuel = store.get_fuel()?;
    store.set_fuel(TRAPS_FUEL)?;
    // It runs to its trap at once, and waits for nothing; it is only that a store whose guests yield has no other way to
    // instantiate.
    let instance = block_on(Instance::new_async(&mut *store, traps, &[]));
    store.set_fuel(fuel)?;
    let dump = instance.err().and_then(|trap| trap.downcast::<WasmCoreDump>().ok());
    Ok(dump.map_or_else(Vec::new, |dump| dump.memories().to_vec()))
}

/// Where the program's own code is, as `src/main.rs:12` or `app.py:12`: the innermost frame that belongs to the program
/// and not to a library.
pub(crate) fn place(store: &mut StoreContextMut<'_, Guest>) -> Option<String> {
    open(store, true);
    let store = store.as_context();
    let guest = store.data();
    match guest.python.look(&store) {
        Some((memory, interpreter)) => interpreter.place(memory),
        None => {
            let backtrace = WasmBacktrace::force_capture(&store);
            program_place(&backtrace, &guest.kernel.config().program_name)
        }
    }
}

/// The frames of a guest that was stopped by this error, innermost first: `function (file:line)`. Those of WebAssembly, unless
/// it is an interpreter that has frames of its own.
pub(crate) fn backtrace(
    error: &wasmtime::Error,
    store: &mut StoreContextMut<'_, Guest>,
) -> Vec<String> {
    open(store, false);
    let store = store.as_context();
    if let Some((memory, interpreter)) = store.data().python.look(&store) {
        let lines = interpreter.backtrace(memory, BACKTRACE_FRAMES + 1);
        if !lines.is_empty() {
            return bounded(lines);
        }
    }
    let frames = error.downcast_ref::<WasmBacktrace>().map_or(&[][..], WasmBacktrace::frames);
    bounded(frames.iter().filter_map(wasm_frame).collect())
}

/// Whether it is known that the guest is a Python interpreter.
pub(crate) fn is_python(guest: &Guest) -> bool {
    guest.python.known.interpreter.get().is_some_and(Option::is_some)
}

/// As many frames as are shown, of one more.
fn bounded(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > BACKTRACE_FRAMES {
        lines.truncate(BACKTRACE_FRAMES);
        lines.push("... and more frames".into());
    }
    lines
}

fn wasm_frame(frame: &FrameInfo) -> Option<String> {
    // Functions without a name are adapters that the component's linker made.
    let name = frame.func_name()?;
    // The alternate form leaves out the hash, which differs from build to build.
    let name = format!("{:#}", rustc_demangle::demangle(name));
    let place = frame.symbols().iter().find_map(|symbol| Some((symbol.file()?, symbol.line()?)));
    Some(match place {
        Some((file, line)) => format!("{name} ({}:{line})", short_path(file)),
        None => name,
    })
}

/// The innermost frame of the program. The line is known if the guest was built with line tables, otherwise only the
/// function.
fn program_place(backtrace: &WasmBacktrace, program: &str) -> Option<String> {
    // A bin's crate goes by its name, with the dashes that Rust does not have.
    let own = program.replace('-', "_");
    backtrace.frames().iter().find_map(|frame| {
        let line = frame.symbols().iter().find_map(|symbol| {
            let (file, line) = (symbol.file()?, symbol.line()?);
            is_the_programs(file).then(|| format!("{}:{line}", short_path(file)))
        });
        line.or_else(|| {
            let name = format!("{:#}", rustc_demangle::demangle(frame.func_name()?));
            is_in_crate(&name, &own).then(|| format!("fn {name}"))
        })
    })
}

/// Whether a source file is neither the standard library's, nor from a registry, nor the loop's own.
fn is_the_programs(file: &str) -> bool {
    !["/rustc/", "/rust/deps/", "/.cargo/registry/", "wasi-libc", "guest/sdk/src/"]
        .iter()
        .any(|library| file.contains(library))
}

/// Whether a function's path begins in this crate: `app::main`, `<app::Worker as app::Work>::run`.
fn is_in_crate(name: &str, own: &str) -> bool {
    let path = name.trim_start_matches(['<', '&']);
    path.strip_prefix(own).is_some_and(|rest| rest.starts_with("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_own_code_is_told_from_libraries() {
        for (name, is_own) in [
            ("app::main::{closure#0}", true),
            ("<app::Worker as app::Work>::run", true),
            ("<&app::Worker as core::fmt::Debug>::fmt", true),
            ("application::main", false),
            ("core::ptr::drop_in_place::<app::Worker>", false),
        ] {
            assert_eq!(is_in_crate(name, "app"), is_own, "{name}");
        }
        for (file, is_own) in [
            ("/home/me/service/src/main.rs", true),
            ("/home/me/loopbox/guest/sdk/src/task.rs", false),
            ("/rustc/59807616/library/core/src/ptr/mod.rs", false),
            ("/home/me/.cargo/registry/src/x/async-channel-2.5.0/src/lib.rs", false),
            ("wasisdk://v30.0/build/wasi-libc/nanosleep.c", false),
        ] {
            assert_eq!(is_the_programs(file), is_own, "{file}");
        }
    }
}
