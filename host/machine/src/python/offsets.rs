//! `_Py_DebugOffsets` of CPython 3.14, with which `_PyRuntime` begins: where in its structures what is.

use super::memory::{Address, Memory};

/// How it begins.
pub(super) const COOKIE: &[u8; 8] = b"xdebugpy";

/// `_frameowner`: from here on, frames are the interpreter's own.
pub(super) const FRAME_OWNED_BY_INTERPRETER: u8 = 3;
/// `Py_TAG_BITS` of a `_PyStackRef`.
pub(super) const TAG_BITS: u32 = 3;
/// `sizeof(_Py_CODEUNIT)`.
pub(super) const BYTES_PER_CODE_UNIT: u32 = 2;

/// 3.14 in `PY_VERSION_HEX`.
const VERSION: u64 = 0x030e;
/// No structure is larger; `_PyRuntimeState` has 166,624 bytes.
const OFFSET_MAX: u32 = 1 << 20;

/// The offsets that frames are found with, in bytes. Named as in CPython: structure, then field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offsets {
    pub(super) interpreters_head: u32,
    pub(super) interpreter_next: u32,
    pub(super) threads_head: u32,
    pub(super) thread_next: u32,
    pub(super) thread_current_frame: u32,
    pub(super) frame_previous: u32,
    pub(super) frame_executable: u32,
    pub(super) frame_instr_ptr: u32,
    pub(super) frame_owner: u32,
    pub(super) code_filename: u32,
    pub(super) code_qualname: u32,
    pub(super) code_linetable: u32,
    pub(super) code_firstlineno: u32,
    pub(super) code_adaptive: u32,
    pub(super) object_type: u32,
    pub(super) type_name: u32,
    pub(super) bytes_size: u32,
    pub(super) bytes_data: u32,
    /// Size of a text's structure that has the pointer to its data.
    pub(super) text_structure: u32,
    pub(super) text_state: u32,
    pub(super) text_length: u32,
    /// Size of an ASCII text's structure: its data follow.
    pub(super) text_ascii_structure: u32,
}

impl Offsets {
    /// Those of the runtime there, if it is one that we understand.
    pub(super) fn read(memory: Memory<'_>, runtime: Address) -> Option<Offsets> {
        let cookie = memory.bytes(runtime, 0, COOKIE.len())?;
        // All fields are 64 bits wide, whatever the platform; the cookie counts as the first of them.
        let field = |index: u32| memory.long(runtime, index * 8);
        if cookie != COOKIE || field(1)? >> 16 != VERSION || field(2)? != 0 {
            return None;
        }
        let offset = |index| {
            let offset = u32::try_from(field(index)?).ok()?;
            (offset <= OFFSET_MAX).then_some(offset)
        };
        Some(Offsets {
            interpreters_head: offset(5)?,
            interpreter_next: offset(8)?,
            threads_head: offset(9)?,
            thread_next: offset(24)?,
            thread_current_frame: offset(26)?,
            frame_previous: offset(32)?,
            frame_executable: offset(33)?,
            frame_instr_ptr: offset(34)?,
            frame_owner: offset(36)?,
            code_filename: offset(40)?,
            code_qualname: offset(42)?,
            code_linetable: offset(43)?,
            code_firstlineno: offset(44)?,
            code_adaptive: offset(48)?,
            object_type: offset(51)?,
            type_name: offset(53)?,
            bytes_size: offset(75)?,
            bytes_data: offset(76)?,
            text_structure: offset(77)?,
            text_state: offset(78)?,
            text_length: offset(79)?,
            text_ascii_structure: offset(80)?,
        })
    }
}
