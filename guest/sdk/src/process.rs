//! The end of the process.

use std::io::{self, Write};

use crate::host;

/// Ends the process at once with this exit status; no destructor runs. Like `os._exit`, but what was written
/// to standard output is not lost.
///
/// `std::process::exit` can carry no other status than 0 and 1 out of a WASI program.
pub fn exit(status: u8) -> ! {
    // An output that is broken is no reason to stay.
    let _ = io::stdout().flush();
    host::process::exit(status);
    unreachable!("the machine has ended the process")
}
