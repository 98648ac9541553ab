//! From the way in which WebAssembly stopped to the way in which the run ended.

use loopbox_trace::{Ending, Limit};
use wasmtime::{Trap, WasmBacktrace};

use crate::guest::Guest;
use crate::kernel::{Halt, short_path};
use crate::sandbox::Settings;

/// More frames than this say nothing more: endless recursion shows itself in the first few.
pub(crate) const BACKTRACE_FRAMES: usize = 24;

/// How a run ended, given what the guest's start function came back with and the fuel that was left.
pub(crate) fn of(
    result: wasmtime::Result<Result<(), ()>>,
    fuel: u64,
    guest: &mut Guest,
    settings: &Settings,
) -> Ending {
    let error = match result {
        Ok(status) => {
            let halt = guest.kernel.settle(fuel).err();
            let halt = halt.unwrap_or(Halt::Exit(status.is_err().into()));
            return halted(halt, Vec::new(), guest, settings);
        }
        Err(error) => error,
    };
    let backtrace = backtrace(&error);
    if let Some(halt) = error.downcast_ref::<Halt>() {
        return halted(halt.clone(), backtrace, guest, settings);
    }
    let trap = error.downcast_ref::<Trap>();
    if trap == Some(&Trap::OutOfFuel) {
        let halt = guest.kernel.out_of_fuel();
        return halted(halt, backtrace, guest, settings);
    }
    // A signal may have ended the process before it came to this.
    if let Err(halt) = guest.kernel.settle(fuel) {
        return halted(halt, backtrace, guest, settings);
    }
    match trap {
        Some(Trap::StackOverflow) => halted(Halt::Limit(Limit::Stack), backtrace, guest, settings),
        _ if guest.memory.refused => halted(Halt::Limit(Limit::Memory), backtrace, guest, settings),
        Some(Trap::UnreachableCodeReached) => match panic_message(&guest.kernel.stderr_text()) {
            Some(message) => Ending::Panicked { message, backtrace: below_panic(backtrace) },
            None => Ending::Trapped { reason: Trap::UnreachableCodeReached.to_string(), backtrace },
        },
        Some(Trap::MemoryOutOfBounds) => {
            let reason = match recursive_function(&backtrace) {
                // Compilers keep a second stack in linear memory, and it is often the first to run out.
                Some(name) => format!(
                    "{}: {name} calls itself without end, and the stack in the program's memory ran out",
                    Trap::MemoryOutOfBounds
                ),
                None => Trap::MemoryOutOfBounds.to_string(),
            };
            Ending::Trapped { reason, backtrace }
        }
        Some(trap) => Ending::Trapped { reason: trap.to_string(), backtrace },
        None => Ending::Trapped { reason: error.root_cause().to_string(), backtrace },
    }
}

fn halted(halt: Halt, backtrace: Vec<String>, guest: &Guest, settings: &Settings) -> Ending {
    match halt {
        // Told that nothing can happen any more, a guest that goes on has not understood.
        Halt::Exit(_) if guest.kernel.is_stuck() => {
            Ending::Deadlock { waiting: guest.kernel.waiting() }
        }
        Halt::Exit(status) => Ending::Exited { status },
        Halt::Signalled(signal) => Ending::Signalled { signal },
        Halt::Deadlock => Ending::Deadlock { waiting: guest.kernel.waiting() },
        Halt::Limit(limit) => {
            let limits = &guest.kernel.config().limits;
            let allowed = match limit {
                Limit::Time => limits.time.to_string(),
                Limit::Fuel => limits.fuel.to_string(),
                Limit::Trace => limits.trace_events.to_string(),
                Limit::Memory => bytes(limits.memory_bytes),
                Limit::Stack => bytes(settings.stack_bytes),
                Limit::Output => bytes(limits.output_bytes),
            };
            Ending::LimitReached { limit, allowed, backtrace }
        }
        Halt::Misuse(reason) => Ending::Misused { reason, backtrace },
    }
}

/// The largest unit that divides the number, as a scenario would write it.
fn bytes(bytes: usize) -> String {
    [("GiB", 30), ("MiB", 20), ("KiB", 10)]
        .into_iter()
        .find(|&(_, shift)| bytes != 0 && bytes.is_multiple_of(1 << shift))
        .map_or_else(|| format!("{bytes}B"), |(unit, shift)| format!("{}{unit}", bytes >> shift))
}

/// The guest's frames, innermost first: `function (file:line)`.
fn backtrace(error: &wasmtime::Error) -> Vec<String> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for frame in backtrace.frames() {
        if lines.len() == BACKTRACE_FRAMES {
            lines.push("... and more frames".into());
            break;
        }
        // Functions without a name are adapters that the component's linker made.
        let Some(name) = frame.func_name() else { continue };
        // The alternate form leaves out the hash, which differs from build to build.
        let name = format!("{:#}", rustc_demangle::demangle(name));
        let place =
            frame.symbols().iter().find_map(|symbol| Some((symbol.file()?, symbol.line()?)));
        lines.push(match place {
            Some((file, line)) => format!("{name} ({}:{line})", short_path(file)),
            None => name,
        });
    }
    lines
}

/// Where the program's own code is: the innermost frame that belongs to the program and not to a library. The line
/// is known if the guest was built with line tables, otherwise only the function.
pub(crate) fn program_place(backtrace: &WasmBacktrace, program: &str) -> Option<String> {
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

/// The frames from the one that panicked on, without those of the standard library's panic machinery.
fn below_panic(mut backtrace: Vec<String>) -> Vec<String> {
    let is_machinery = |frame: &String| {
        ["core::panicking::", "std::panicking::", "__rustc::rust_begin_unwind"]
            .iter()
            .any(|prefix| frame.starts_with(prefix))
    };
    let first = backtrace.iter().rposition(is_machinery).map_or(0, |last| last + 1);
    backtrace.split_off(first)
}

/// The function that fills the innermost frames, if one does: half of so many are no accident.
fn recursive_function(backtrace: &[String]) -> Option<&str> {
    let innermost = &backtrace[..backtrace.len().min(16)];
    let occurrences = |name: &&str| innermost.iter().filter(|frame| frame == name).count();
    let most = innermost.iter().map(String::as_str).max_by_key(occurrences)?;
    (innermost.len() == 16 && occurrences(&most) >= 8).then_some(most)
}

/// A panic leaves `thread 'main' panicked at FILE:LINE:COLUMN:` and the message on standard error before
/// it traps. Returns both in one text.
fn panic_message(stderr: &str) -> Option<String> {
    let (_, panic) = stderr.rsplit_once(" panicked at ")?;
    let (place, rest) = panic.split_once(":\n")?;
    let message = rest.split("\nnote: ").next().unwrap_or(rest).trim_end();
    Some(format!("{message}, at {}", short_path(place)))
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
