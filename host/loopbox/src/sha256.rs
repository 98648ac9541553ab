//! SHA-256 of a file's contents: what a component, or an entry of the cache, is known by.

use std::fmt;
use std::io::{self, Read};

use sha2::Digest;

/// A SHA-256. Shown as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Sha256 {
        Sha256(sha2::Sha256::digest(bytes).into())
    }

    /// Of everything that can be read here.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of_reader(mut reader: impl Read) -> io::Result<Sha256> {
        let mut hasher = sha2::Sha256::new();
        let mut buffer = vec![0; 256 << 10];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(Sha256(hasher.finalize().into())),
                Ok(len) => hasher.update(&buffer[..len]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Of a list of texts or bytes: of another list it is another one.
    pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Sha256 {
        let mut hasher = sha2::Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Sha256(hasher.finalize().into())
    }

    /// From 64 hexadecimal digits, as they are shown.
    pub fn read(text: &str) -> Option<Sha256> {
        let digits = text.as_bytes();
        let mut hash = [0; 32];
        if digits.len() != 2 * hash.len() || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Sha256(hash))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_shown_as_everybody_shows_it() {
        // The first example of FIPS 180-2.
        let shown = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Sha256::of(b"abc").to_string(), shown);
        assert_eq!(Sha256::read(shown), Some(Sha256::of(b"abc")));
        assert_eq!(Sha256::read(&shown[1..]), None);
        assert_eq!(Sha256::read(&shown.replace('b', "g")), None);
    }

    #[test]
    fn a_reader_and_its_bytes_have_one_hash() {
        let bytes = vec![7; 1_000_000];
        assert_eq!(Sha256::of_reader(&bytes[..]).expect("read"), Sha256::of(&bytes));
    }

    #[test]
    fn a_list_is_not_its_parts_joined_otherwise() {
        let of = |parts: &[&str]| Sha256::of_parts(parts.iter().map(|part| part.as_bytes()));
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
        assert_ne!(of(&["a", "b"]), of(&["ab"]));
        assert_ne!(of(&["a", "b"]), of(&["a", "b", ""]));
        assert_ne!(of(&["ab", ""]), of(&["a", "b"]));
    }
}
