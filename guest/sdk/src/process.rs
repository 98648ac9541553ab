//! The end of the process.

use std::io::{self, Write};

use crate::exception::{AsException, KeyboardInterrupt};
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

/// The end of a Python program that a `KeyboardInterrupt` has come out of: it says so and dies of SIGINT.
pub(crate) fn die_of_interrupt(interrupt: &KeyboardInterrupt) -> ! {
    let _ = io::stdout().flush();
    crate::logging::write_line(&interrupt.as_exception().last_line());
    // There is no handler any more, so the default action is taken at the machine's next look.
    let _ = crate::signal::raise(crate::signal::SIGINT);
    host::event_loop::wait(0);
    unreachable!("the machine has ended the process")
}
