//! Opening an address in the browser of whoever sits here.

use std::process::{Command, Stdio};

use crate::terminal;

/// The program that opens addresses, and what it is told before the address.
#[cfg(target_os = "macos")]
const OPENER: (&str, &[&str]) = ("open", &[]);
#[cfg(windows)]
const OPENER: (&str, &[&str]) = ("rundll32", &["url.dll,FileProtocolHandler"]);
#[cfg(not(any(target_os = "macos", windows)))]
const OPENER: (&str, &[&str]) = ("xdg-open", &[]);

/// Opens an address; if that does not work, says so and leaves it to the reader. Blocks, perhaps for as long as
/// the browser runs.
pub fn open(address: &str) {
    let (program, arguments) = OPENER;
    let mut command = Command::new(program);
    command.args(arguments).arg(address);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Ctrl-C in this terminal is for us, and not for the browser.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let trouble = match command.status() {
        Ok(status) if status.success() => return,
        Ok(status) => format!("`{program}` failed ({status})"),
        Err(error) => format!("`{program}`: {error}"),
    };
    terminal::note(&format!("cannot open a browser: {trouble}; open the address above in one"));
}
