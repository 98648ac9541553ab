//! What the browser tests need beside cargo: Debian's Chromium, and axe-core, which judges accessibility.
//!
//! Installed if missing, or the user is told what to install. Where the tests find them is agreed with
//! `tests/browser`.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::step;

/// The folder of what is installed for the browser tests; `target` is cleaned by cargo.
const FOLDER: &str = "target/browser";

/// What the tests load into pages.
const AXE: &str = "target/browser/node_modules/axe-core/axe.min.js";

/// Pinned: another version has other rules.
const AXE_PACKAGE: &str = "axe-core@4.14.1";

/// Sees to it that the browser tests can run.
pub fn prepare() -> Result<(), String> {
    if !starts("chromium", &["--version"]) {
        install_chromium()?;
    }
    if !Path::new(AXE).is_file() {
        let arguments =
            ["install", "--no-save", "--no-audit", "--no-fund", "--prefix", FOLDER, AXE_PACKAGE];
        step("npm", &arguments).map_err(|failed| {
            format!("{failed}: the browser tests need Node.js with npm to get {AXE_PACKAGE}")
        })?;
    }
    Ok(())
}

fn install_chromium() -> Result<(), String> {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    if is_root && starts("apt-get", &["--version"]) {
        step("apt-get", &["update", "--quiet"])?;
        return step("apt-get", &["install", "--yes", "--quiet", "chromium"]);
    }
    Err("the browser tests need Chromium: install Debian's package `chromium`, or name the program by \
         the environment variable CHROMIUM"
        .into())
}

/// Whether there is such a program, and it works.
fn starts(program: &str, arguments: &[&str]) -> bool {
    let program = match std::env::var_os("CHROMIUM") {
        Some(named) if program == "chromium" => named,
        _ => program.into(),
    };
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
