//! Answers of the system that are the same on every machine, for the tool that builds Python guests.
//!
//! CPython is started once while a guest is built, and its memory becomes part of the guest. It draws the seed
//! of its hashes then, and with the seed the order of every set, from the system's entropy; it looks at clocks,
//! too. This library is preloaded into the tool (`LD_PRELOAD`) and answers in the system's place, so that one
//! source gives one guest. A guest that runs gets entropy and time from the machine and not from here.
//!
//! Compiled by the command's build script, for Linux with glibc only. It has no standard library, because it is
//! loaded into somebody else's process.

#![no_std]

use core::ffi::{c_int, c_uint, c_void};

/// What every byte of entropy is. Answers must not depend on the order in which threads ask.
const BYTE: u8 = 0x5a;

/// What every clock shows, in seconds: 2000-01-01T00:00:00Z, as the machine's wall clock does at its start.
const SECONDS: i64 = 946_684_800;

/// `struct timespec` of a 64-bit Linux.
#[repr(C)]
pub struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

/// See getrandom(2).
///
/// # Safety
/// As there: the buffer can be written, as far as it is long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut c_void, len: usize, _flags: c_uint) -> isize {
    // SAFETY: the caller's contract.
    unsafe { buffer.cast::<u8>().write_bytes(BYTE, len) };
    len as isize
}

/// See getentropy(3).
///
/// # Safety
/// As there: the buffer can be written, as far as it is long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getentropy(buffer: *mut c_void, len: usize) -> c_int {
    // SAFETY: the caller's contract.
    unsafe { buffer.cast::<u8>().write_bytes(BYTE, len) };
    0
}

/// See clock_gettime(2). The clocks stand still: one that moved would show how long things took.
///
/// # Safety
/// As there: the time can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(_clock: c_int, time: *mut Timespec) -> c_int {
    // SAFETY: the caller's contract.
    unsafe { time.write(Timespec { seconds: SECONDS, nanoseconds: 0 }) };
    0
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
