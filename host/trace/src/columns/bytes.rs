//! Numbers and texts as bytes: LEB128 varints, zigzag differences, texts with their length before them.
//!
//! The reader trusts nothing: whatever is allocated is bounded by the bytes that are there.

use super::ReadError;

/// Appends a number, seven bits to a byte, the lowest first.
pub(super) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(0x80 | low_bits(number));
        number >>= 7;
    }
    out.push(low_bits(number));
}

fn low_bits(number: u64) -> u8 {
    number.to_le_bytes()[0] & 0x7f
}

/// Appends how far `to` is from `from`, in either direction; a small distance takes few bytes.
pub(super) fn put_difference(out: &mut Vec<u8>, from: u64, to: u64) {
    let difference = to.wrapping_sub(from);
    // Zigzag: 0, -1, 1, -2 ... become 0, 1, 2, 3 ...
    let sign = 0u64.wrapping_sub(difference >> 63);
    put_number(out, (difference << 1) ^ sign);
}

/// Appends a length.
pub(super) fn put_length(out: &mut Vec<u8>, length: usize) {
    put_number(out, length as u64);
}

pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_length(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// What is left to read.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn byte(&mut self) -> Result<u8, ReadError> {
        let (&first, rest) = self.rest.split_first().ok_or(ReadError::Truncated)?;
        self.rest = rest;
        Ok(first)
    }

    /// The next so many bytes.
    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8], ReadError> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(ReadError::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    #[inline]
    pub(super) fn number(&mut self) -> Result<u64, ReadError> {
        let first = self.byte()?;
        if first < 0x80 { Ok(first.into()) } else { self.long_number(first) }
    }

    fn long_number(&mut self, first: u8) -> Result<u64, ReadError> {
        let mut number = u64::from(first & 0x7f);
        for shift in (7..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(ReadError::Damaged("a number is too large"))
    }

    /// The number that is so far from `from`.
    #[inline]
    pub(super) fn difference(&mut self, from: u64) -> Result<u64, ReadError> {
        let zigzag = self.number()?;
        let sign = 0u64.wrapping_sub(zigzag & 1);
        Ok(from.wrapping_add((zigzag >> 1) ^ sign))
    }

    /// A number that fits a smaller type.
    pub(super) fn small<T: TryFrom<u64>>(&mut self) -> Result<T, ReadError> {
        T::try_from(self.number()?).map_err(|_| ReadError::Damaged("a number is too large"))
    }

    /// A length of something of which each item takes at least one byte.
    pub(super) fn length(&mut self) -> Result<usize, ReadError> {
        let length = self.small()?;
        if length <= self.left() { Ok(length) } else { Err(ReadError::Truncated) }
    }

    pub(super) fn text(&mut self) -> Result<String, ReadError> {
        let length = self.length()?;
        let bytes = self.bytes(length)?;
        let text = std::str::from_utf8(bytes).map_err(|_| ReadError::Damaged("text is no UTF-8"));
        Ok(text?.to_owned())
    }

    /// A list: its length, then its items.
    pub(super) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Reader<'a>) -> Result<T, ReadError>,
    ) -> Result<Vec<T>, ReadError> {
        let length = self.length()?;
        // Items are larger here than there, so room for all is made only as they come.
        let mut items = Vec::with_capacity(length.min(1024));
        for _ in 0..length {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// Nothing must be left.
    pub(super) fn end(&self) -> Result<(), ReadError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(ReadError::Damaged("there is more than there should be"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_differences_are_read_back() {
        let numbers = [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX / 2, u64::MAX];
        for from in numbers {
            for to in numbers {
                let mut out = Vec::new();
                put_number(&mut out, to);
                put_difference(&mut out, from, to);
                let mut reader = Reader::new(&out);
                assert_eq!(reader.number().expect("a number"), to);
                assert_eq!(reader.difference(from).expect("a number"), to);
                reader.end().expect("nothing more");
            }
        }
        let mut near = Vec::new();
        put_difference(&mut near, 1_000, 999);
        assert_eq!(near, [1]);
    }

    #[test]
    fn numbers_beyond_64_bits_are_refused() {
        let mut most = vec![0xff; 9];
        most.push(1);
        assert_eq!(Reader::new(&most).number().expect("the largest"), u64::MAX);
        for last in [2, 0x81] {
            most[9] = last;
            most.push(0);
            assert!(matches!(Reader::new(&most).number(), Err(ReadError::Damaged(_))), "{last}");
            most.pop();
        }
        assert!(matches!(Reader::new(&[0x80]).number(), Err(ReadError::Truncated)));
    }

    #[test]
    fn a_length_never_promises_more_than_there_is() {
        let mut out = Vec::new();
        put_length(&mut out, 5);
        out.extend([1, 1, 1, 1]);
        assert!(matches!(Reader::new(&out).list(Reader::number), Err(ReadError::Truncated)));
        out.push(1);
        assert_eq!(Reader::new(&out).list(Reader::number).expect("five"), [1; 5]);
    }
}
