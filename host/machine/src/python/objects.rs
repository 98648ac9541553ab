//! Python's objects, as far as frames need them: code, bytes and texts.

use super::memory::{Address, Memory};
use super::offsets::Offsets;

/// A larger table of lines is not looked at: there is one for each function.
const BYTES_MAX: u32 = 1 << 20;

/// Size of a pointer.
const POINTER: u32 = 4;

/// Whether the object there is code: the name of its type says so.
pub(super) fn is_code(memory: Memory<'_>, offsets: &Offsets, object: Address) -> bool {
    let name = memory
        .pointer(object, offsets.object_type)
        .and_then(|of_type| memory.pointer(of_type, offsets.type_name));
    name.and_then(|name| memory.bytes(name, 0, 5)) == Some(b"code\0")
}

/// The contents of a `bytes` object.
pub(super) fn bytes<'m>(
    memory: Memory<'m>,
    offsets: &Offsets,
    object: Address,
) -> Option<&'m [u8]> {
    let size = memory.word(object, offsets.bytes_size)?;
    if size > BYTES_MAX {
        return None;
    }
    memory.bytes(object, offsets.bytes_data, size as usize)
}

/// A `str` object, of which no more than `max` characters are read. Half of a surrogate pair is shown as U+FFFD.
pub(super) fn text(
    memory: Memory<'_>,
    offsets: &Offsets,
    object: Address,
    max: usize,
) -> Option<String> {
    // 2 bits say whether it is interned; then 3 bits are the width of a character.
    let flags = memory.word(object, offsets.text_state)? >> 2;
    let (width, is_compact, is_ascii) = (flags & 7, flags & 8 != 0, flags & 16 != 0);
    let length = memory.word(object, offsets.text_length)? as usize;
    let chars = length.min(max);
    let (start, data) = match (is_compact, is_ascii) {
        (true, true) => (object, offsets.text_ascii_structure),
        // Its data follow where the full structure has a pointer to them.
        (true, false) => (object, offsets.text_structure.checked_sub(POINTER)?),
        (false, _) => (memory.pointer(object, offsets.text_structure.checked_sub(POINTER)?)?, 0),
    };
    let bytes = memory.bytes(start, data, chars.checked_mul(width as usize)?)?;
    let from_units = |units: &mut dyn Iterator<Item = u32>| -> String {
        units.map(|unit| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    let mut text = match width {
        1 => from_units(&mut bytes.iter().map(|&byte| u32::from(byte))),
        2 => {
            let (units, _) = bytes.as_chunks();
            from_units(&mut units.iter().map(|&unit| u32::from(u16::from_le_bytes(unit))))
        }
        4 => {
            let (units, _) = bytes.as_chunks();
            from_units(&mut units.iter().map(|&unit| u32::from_le_bytes(unit)))
        }
        _ => return None,
    };
    if chars < length {
        text.push_str("...");
    }
    Some(text)
}
