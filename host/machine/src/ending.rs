//! From the way in which WebAssembly stopped to the way in which the run ended.

use loopbox_trace::{Ending, Limit};
use wasmtime::{AsContextMut, Store, Trap};

use crate::guest::Guest;
use crate::kernel::{Halt, short_path};
use crate::sandbox::Settings;
use crate::stack;

/// How a run ended, given what the guest's start function came back with.
pub(crate) fn of(
    result: wasmtime::Result<Result<(), ()>>,
    store: &mut Store<Guest>,
    settings: &Settings,
) -> Ending {
    let fuel = store.get_fuel().expect("the engine meters fuel");
    let error = match result {
        Ok(status) => {
            let guest = store.data_mut();
            let halt = guest.kernel.settle(fuel).err();
            let halt = halt.unwrap_or(Halt::Exit(status.is_err().into()));
            return halted(halt, Vec::new(), guest, settings);
        }
        Err(error) => error,
    };
    let backtrace = match error.downcast_ref::<Halt>() {
        // The end of most runs, which has none.
        Some(Halt::Exit(_)) => Vec::new(),
        _ => stack::backtrace(&error, &mut store.as_context_mut()),
    };
    let guest = store.data_mut();
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
        Some(Trap::UnreachableCodeReached) => {
            let stderr = guest.kernel.stderr_text();
            // What a Python program prints is no panic, even if it reads like one.
            if stack::is_python(guest) {
                let reason = fatal_error(&stderr).map(str::to_owned);
                let reason = reason.unwrap_or_else(|| Trap::UnreachableCodeReached.to_string());
                return Ending::Trapped { reason, backtrace };
            }
            match panic_message(&stderr) {
                Some(message) => Ending::Panicked { message, backtrace: below_panic(backtrace) },
                None => {
                    Ending::Trapped { reason: Trap::UnreachableCodeReached.to_string(), backtrace }
                }
            }
        }
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

/// What CPython says of itself before it gives up: the last `Fatal Python error: ...` of a line.
fn fatal_error(stderr: &str) -> Option<&str> {
    stderr.lines().rev().find(|line| line.starts_with("Fatal Python error: "))
}
