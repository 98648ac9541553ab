//! Linear memory, read with checks only.

use std::num::NonZeroU32;

/// Where something is in linear memory; never null.
pub(super) type Address = NonZeroU32;

/// A guest's linear memory, or bytes that claim to be one.
#[derive(Clone, Copy)]
pub(super) struct Memory<'m>(&'m [u8]);

impl<'m> Memory<'m> {
    pub(super) fn new(bytes: &'m [u8]) -> Memory<'m> {
        Memory(bytes)
    }

    /// So many bytes, `offset` after an address. None if they do not all exist.
    pub(super) fn bytes(self, at: Address, offset: u32, len: usize) -> Option<&'m [u8]> {
        let from = usize::try_from(at.get().checked_add(offset)?).ok()?;
        self.0.get(from..from.checked_add(len)?)
    }

    fn array<const N: usize>(self, at: Address, offset: u32) -> Option<[u8; N]> {
        self.bytes(at, offset, N)?.try_into().ok()
    }

    pub(super) fn byte(self, at: Address, offset: u32) -> Option<u8> {
        self.array(at, offset).map(|[byte]| byte)
    }

    /// What is as large as an address.
    pub(super) fn word(self, at: Address, offset: u32) -> Option<u32> {
        self.array(at, offset).map(u32::from_le_bytes)
    }

    pub(super) fn long(self, at: Address, offset: u32) -> Option<u64> {
        self.array(at, offset).map(u64::from_le_bytes)
    }

    /// An address that is not null.
    pub(super) fn pointer(self, at: Address, offset: u32) -> Option<Address> {
        self.word(at, offset).and_then(Address::new)
    }
}
