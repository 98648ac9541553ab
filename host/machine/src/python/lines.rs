//! The table from instructions to lines in a code object (`co_linetable`, since CPython 3.11).
//!
//! Entries follow each other, each for a few code units (2 bytes each) of bytecode. Only the first byte of an entry has its
//! highest bit set: 4 bits for the form, and 3 for the number of code units less one. The form says what else there is: how far
//! the line is from that of the entry before, and columns.

/// The line of the code unit of this number, given the table and the line before its first entry.
///
/// None if the unit has no line, or the table ends before it.
pub(super) fn line_of(table: &[u8], first_line: u32, unit: u32) -> Option<u32> {
    let mut line = i64::from(first_line);
    let mut end = 0;
    let mut rest = table;
    while let [head, tail @ ..] = rest {
        let is_head = |byte: &u8| byte & 0x80 != 0;
        let length = tail.iter().position(is_head).unwrap_or(tail.len());
        let (details, after) = tail.split_at(length);
        let form = head >> 3 & 15;
        line = line.checked_add(match form {
            // One line and its columns, near those of the entry before; on the same line, or on one of the next two.
            10..=12 => i64::from(form) - 10,
            // With and without columns.
            13 | 14 => signed(details),
            _ => 0,
        })?;
        end += u32::from(head & 7) + 1;
        if unit < end {
            let has_line = form != 15;
            return has_line.then(|| u32::try_from(line).ok()).flatten();
        }
        rest = after;
    }
    None
}

/// A number in groups of 6 bits, lowest first, of which all but the last have bit 6 set. The lowest bit is the sign.
fn signed(bytes: &[u8]) -> i64 {
    let mut value: i64 = 0;
    for (group, byte) in bytes.iter().take(7).enumerate() {
        value |= i64::from(byte & 63) << (6 * group);
        if byte & 64 == 0 {
            break;
        }
    }
    if value & 1 == 0 { value >> 1 } else { -(value >> 1) }
}
