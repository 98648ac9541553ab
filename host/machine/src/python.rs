//! Where a Python program is: the frames of CPython, read out of the guest's memory.
//!
//! To WebAssembly, all Python code is one function of the interpreter. Which line of which file it has come to stands
//! only in the interpreter's own data. CPython 3.14 says how those are laid out, for debuggers that look at a process from
//! outside: `_PyRuntime` begins with `_Py_DebugOffsets`. This follows them as such debuggers do, from the runtime to the
//! interpreter, the thread, and its frames from the innermost outwards.
//!
//! Nothing here trusts the memory. The guest may be stopped anywhere, and it may be malicious: whatever is not as it should
//! be ends the walk, the work is bounded, and nothing panics. Nothing is written, and nothing depends on the host, so the same
//! guest has the same frames on every host.
//!
//! Only 32-bit builds with a GIL are understood, because that is what there is for WebAssembly, and only of 3.14, because the
//! layout of the offsets themselves is not kept from version to version. Of any other there are no frames, and reports show
//! those of WebAssembly, as for every other program.

#[cfg(test)]
mod image;
mod lines;
mod memory;
mod objects;
mod offsets;
#[cfg(test)]
mod tests;

use memory::{Address, Memory};
use offsets::Offsets;

/// More frames than this are not looked at; CPython's own limit of recursion is 1,000.
const FRAMES_MAX: usize = 2_000;
/// More interpreters, or threads of one, than this are not looked at. There is one of each, usually.
const THREADS_MAX: usize = 16;
/// As much of a file's or a function's name is shown.
const NAME_CHARS_MAX: usize = 256;

/// Before the name of a file that came with a requirement.
const REQUIREMENTS: &str = "site-packages/";
/// Where the files of the runtime, and the bindings that it calls the machine with, were when the component was built. They
/// are none of the program's business.
const RUNTIME: [&str; 2] = ["/0/", "/world/"];
/// The function of a loop in which a turn happens. What is further out only says how the loop was started.
const TURN: &str = "._run_once";

/// The interpreter of a program: where it keeps its state, the same in each of the program's instances.
#[derive(Clone, Debug)]
pub(crate) struct Interpreter {
    runtime: Address,
    offsets: Offsets,
}

/// One call of a Python function that has not returned.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'m> {
    memory: Memory<'m>,
    offsets: &'m Offsets,
    code: Address,
    /// The instruction that it has come to.
    instruction: Address,
}

impl Interpreter {
    /// Looks for CPython's runtime in a memory: takes a millisecond or more for a large one.
    pub(crate) fn find(memory: &[u8]) -> Option<Interpreter> {
        // Its first fields are 64 bits wide, so it stands at a multiple of 8.
        let (words, _) = memory.as_chunks();
        let mut cookies = words.iter().enumerate().filter(|&(_, word)| word == offsets::COOKIE);
        cookies.find_map(|(index, _)| {
            let runtime = u32::try_from(8 * index).ok().and_then(Address::new)?;
            let offsets = Offsets::read(Memory::new(memory), runtime)?;
            Some(Interpreter { runtime, offsets })
        })
    }

    /// The frames of the thread that runs, innermost first. Of what is not a Python function's there are none.
    pub(crate) fn frames<'m>(&'m self, memory: &'m [u8]) -> impl Iterator<Item = Frame<'m>> {
        let memory = Memory::new(memory);
        let mut next = self.innermost(memory);
        let frames = std::iter::from_fn(move || {
            let at = next?;
            next = memory.pointer(at, self.offsets.frame_previous);
            Some(at)
        });
        frames.take(FRAMES_MAX).filter_map(move |at| self.frame(memory, at))
    }

    /// Of all threads that run Python code, the first one's innermost frame.
    fn innermost(&self, memory: Memory<'_>) -> Option<Address> {
        let Offsets { interpreters_head, interpreter_next, threads_head, thread_next, .. } =
            self.offsets;
        let list = |first, link| {
            let mut next = first;
            let items = std::iter::from_fn(move || {
                let at = next?;
                next = memory.pointer(at, link);
                Some(at)
            });
            items.take(THREADS_MAX)
        };
        let interpreters = list(memory.pointer(self.runtime, interpreters_head), interpreter_next);
        interpreters
            .flat_map(|interpreter| list(memory.pointer(interpreter, threads_head), thread_next))
            .find_map(|thread| memory.pointer(thread, self.offsets.thread_current_frame))
    }

    /// The frame there, unless it is one that the interpreter made for itself.
    fn frame<'m>(&'m self, memory: Memory<'m>, at: Address) -> Option<Frame<'m>> {
        let offsets = &self.offsets;
        let owner = memory.byte(at, offsets.frame_owner)?;
        if owner >= offsets::FRAME_OWNED_BY_INTERPRETER {
            return None;
        }
        // A reference, which has flags where an address has zeroes.
        let executable = memory.word(at, offsets.frame_executable)? & !offsets::TAG_BITS;
        let code = Address::new(executable)?;
        let instruction = memory.pointer(at, offsets.frame_instr_ptr)?;
        objects::is_code(memory, offsets, code).then_some(Frame {
            memory,
            offsets,
            code,
            instruction,
        })
    }

    /// Where the program's own code is, as `app.py:12`: in the innermost frame that belongs neither to a library nor to the
    /// runtime, nor lies further out than the loop's turn.
    pub(crate) fn place(&self, memory: &[u8]) -> Option<String> {
        for frame in self.frames(memory) {
            let file = frame.file()?;
            if is_the_programs(&file) {
                let Some(line) = frame.line() else { continue };
                return Some(format!("{file}:{line}"));
            }
            if frame.function().is_some_and(|function| function.ends_with(TURN)) {
                return None;
            }
        }
        None
    }

    /// The frames in words, innermost first, as `main (app.py:12)`, without those of the runtime; no more than `max`.
    pub(crate) fn backtrace(&self, memory: &[u8], max: usize) -> Vec<String> {
        let frames = self.frames(memory).filter_map(|frame| {
            let file = frame.file()?;
            if RUNTIME.iter().any(|folder| file.starts_with(folder)) {
                return None;
            }
            // Without a line it is a frame that only prepares a call.
            Some(format!("{} ({file}:{})", frame.function()?, frame.line()?))
        });
        frames.take(max).collect()
    }
}

impl Frame<'_> {
    /// The file that its code was compiled from, as Python shows it.
    pub(crate) fn file(&self) -> Option<String> {
        self.name(self.offsets.code_filename)
    }

    /// The function's qualified name, such as `Worker.run` or `main.<locals>.inner`.
    pub(crate) fn function(&self) -> Option<String> {
        self.name(self.offsets.code_qualname)
    }

    fn name(&self, field: u32) -> Option<String> {
        let text = self.memory.pointer(self.code, field)?;
        objects::text(self.memory, self.offsets, text, NAME_CHARS_MAX)
    }

    /// The line that it has come to, from 1. None of what the compiler added, and of a broken table.
    pub(crate) fn line(&self) -> Option<u32> {
        let Offsets { code_adaptive, code_linetable, code_firstlineno, .. } = *self.offsets;
        let begin = self.code.get().checked_add(code_adaptive)?;
        let unit = self.instruction.get().checked_sub(begin)? / offsets::BYTES_PER_CODE_UNIT;
        let table = self.memory.pointer(self.code, code_linetable)?;
        let table = objects::bytes(self.memory, self.offsets, table)?;
        let first = self.memory.word(self.code, code_firstlineno)?;
        lines::line_of(table, first, unit)
    }
}

/// Whether code of this file is neither the standard library's nor the runtime's, nor a requirement's, nor made out of
/// a text in the run. The program's files have names that begin in its own folder.
fn is_the_programs(file: &str) -> bool {
    !file.is_empty() && !["/", "<", REQUIREMENTS].iter().any(|foreign| file.starts_with(foreign))
}
