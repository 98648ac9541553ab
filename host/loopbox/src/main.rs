//! The command `loopbox`; all of it is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    loopbox::cli::main()
}
