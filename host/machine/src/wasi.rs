//! WASI 0.2 for `wasi:cli/command` programs, on the kernel.
//!
//! Only the kernel decides what things cost and what the guest sees; these modules translate between
//! its answers and WASI's types, and keep the guest's handles. What WASI offers and the machine does not
//! have is refused with WASI's own error codes, so that a guest's standard library turns it into an
//! ordinary error: see [`sockets`].

pub(crate) mod cli;
mod clocks;
pub(crate) mod filesystem;
pub(crate) mod io;
mod random;
pub(crate) mod sockets;

/// The most bytes that one call may ask for. More would let a guest make the host allocate at will.
const BYTES_PER_CALL: u64 = 1 << 20;
