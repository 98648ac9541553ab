//! Reading the trace of a kept run, within bounds.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;

use loopbox_pages::site::KeptTrace;
use loopbox_trace::store;

/// A stored trace of more bytes is not read: it would not fit into the memory of many machines.
pub const TRACE_BYTES_MAX: u64 = 2 << 30;

const BUFFER_BYTES: usize = 256 << 10;

/// Reads a stored trace of at most so many bytes. Blocks.
///
/// # Errors
/// It is not there, too large, damaged or of a newer version: a sentence for people.
pub fn read_trace(path: &Path, bytes_max: u64) -> KeptTrace {
    let reason = |error: &dyn std::fmt::Display| format!("The trace cannot be read: {error}.");
    // A pipe in its place would never end.
    let metadata = fs::symlink_metadata(path).map_err(|error| reason(&error))?;
    if !metadata.is_file() {
        return Err("The trace cannot be read: it is not a file.".into());
    }
    if metadata.len() > bytes_max {
        let (len, max) = (metadata.len() >> 20, bytes_max >> 20);
        return Err(format!("The trace has {len} MB, and no more than {max} MB are shown."));
    }
    let file = File::open(path).map_err(|error| reason(&error))?;
    // It may have grown meanwhile.
    let file = BufReader::with_capacity(BUFFER_BYTES, file.take(bytes_max));
    store::read(file).map_err(|error| reason(&error))
}
