//! What the command carries with it for Python guests: the runtime that is built into each (`guest/python`), the
//! interfaces that it imports (`guest/wit`), and the library that makes builds repeatable (`steady`).

use std::env;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Seen from the package's folder.
const RUNTIME: &str = "../../guest/python";
const WIT: &str = "../../guest/wit";
const STEADY: &str = "steady/steady.rs";

fn main() -> ExitCode {
    match generate() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            println!("cargo::error={reason}");
            ExitCode::FAILURE
        }
    }
}

fn generate() -> Result<(), String> {
    let package = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(variable("OUT_DIR")?);
    for source in [RUNTIME, WIT, STEADY] {
        println!("cargo::rerun-if-changed={}", package.join(source).display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    let mut text = String::new();
    table(&mut text, "RUNTIME", &package.join(RUNTIME), &["py", "typed"])?;
    table(&mut text, "WIT", &package.join(WIT), &["wit"])?;
    let steady = match is_linux_with_glibc() {
        true => {
            let library = out.join("libsteady.so");
            compile(&package.join(STEADY), &library)?;
            format!("Some(include_bytes!({library:?}))")
        }
        false => "None".into(),
    };
    let _ = writeln!(text, "/// Compiled from `steady`, where that is of use.");
    let _ = writeln!(text, "pub(super) const STEADY: Option<&[u8]> = {steady};");
    let file = out.join("embedded.rs");
    fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))
}

fn variable(name: &str) -> Result<OsString, String> {
    env::var_os(name).ok_or_else(|| format!("{name} is not set: this is a build script of cargo's"))
}

/// A constant with the path and the contents of every file of these kinds below a folder, in order of the paths.
fn table(text: &mut String, name: &str, folder: &Path, kinds: &[&str]) -> Result<(), String> {
    let mut files = Vec::new();
    collect(folder, "", kinds, &mut files)
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    files.sort();
    let _ = writeln!(text, "/// Path in the folder, and contents.");
    let _ = writeln!(text, "pub(super) const {name}: &[(&str, &[u8])] = &[");
    for (path, file) in files {
        let _ = writeln!(text, "    ({path:?}, include_bytes!({file:?})),");
    }
    let _ = writeln!(text, "];");
    Ok(())
}

fn collect(
    folder: &Path,
    prefix: &str,
    kinds: &[&str],
    files: &mut Vec<(String, PathBuf)>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let shown = format!("{prefix}{name}");
        if path.is_dir() {
            collect(&path, &format!("{shown}/"), kinds, files)?;
        } else if path.extension().is_some_and(|kind| kinds.iter().any(|known| kind == *known)) {
            files.push((shown, path));
        }
    }
    Ok(())
}

/// Whether the command is compiled for a system on which the library can be preloaded.
fn is_linux_with_glibc() -> bool {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|actual| actual == value);
    is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && is("CARGO_CFG_TARGET_POINTER_WIDTH", "64")
}

fn compile(source: &Path, library: &Path) -> Result<(), String> {
    let rustc = variable("RUSTC")?;
    let mut command = Command::new(&rustc);
    command.args(["--edition", "2024", "--crate-type", "cdylib", "--crate-name", "steady"]);
    command.args(["-C", "opt-level=2", "-C", "panic=abort", "-C", "strip=symbols"]);
    command.arg("--target").arg(variable("TARGET")?);
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut argument = OsString::from("linker=");
        argument.push(linker);
        command.arg("-C").arg(argument);
    }
    let status = command
        .arg(source)
        .arg("-o")
        .arg(library)
        .status()
        .map_err(|error| format!("{} cannot be started: {error}", rustc.display()))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{} does not compile", source.display())),
    }
}
