//! Compiles the timeline for browsers, so that a plain `cargo build` of the command has the viewer in it.
//!
//! A cargo inside of cargo: it builds in a folder of its own (`web` beside `debug` and `release`, which share
//! it), because the outer one holds the lock of its folder; and without what the outer one says of the
//! package that it builds, because flags and wrappers for this machine's code are wrong for a browser's.
//! The second half of what `wasm-pack` would do is a library here, so there is nothing to be installed
//! but the target.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use wasm_bindgen_cli_support::Bindgen;

const TARGET: &str = "wasm32-unknown-unknown";
const PACKAGE: &str = "loopbox-timeline";
/// See the workspace's `Cargo.toml`.
const PROFILE: &str = "web";

/// What the compiled timeline depends on, seen from the workspace's root.
const SOURCES: [&str; 4] = ["Cargo.toml", "Cargo.lock", "host/trace", "web/timeline"];

fn main() -> ExitCode {
    match embed() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            println!("cargo::error=the timeline of the viewer cannot be built: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn embed() -> Result<(), String> {
    let root = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../..");
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(variable("OUT_DIR")?);
    ensure_target(&root)?;
    let module = compile(&root, &target_folder(&out)?)?;
    bind(&module, &out)
}

fn variable(name: &str) -> Result<OsString, String> {
    env::var_os(name).ok_or_else(|| format!("{name} is not set: this is a build script of cargo's"))
}

/// A folder beside that of the outer build's profile.
fn target_folder(out: &Path) -> Result<PathBuf, String> {
    // `<target>/<profile>/build/<package>/out`, and in between may come more.
    let build = out.ancestors().find(|folder| folder.file_name() == Some(OsStr::new("build")));
    let target = build.and_then(Path::parent).and_then(Path::parent);
    target.map(|target| target.join("web")).ok_or_else(|| {
        format!("{} is in no folder of cargo's, which has a `build` in it", out.display())
    })
}

/// Sees to it that the standard library for the target is installed.
fn ensure_target(root: &Path) -> Result<(), String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = command(&rustc, root)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .map_err(|error| format!("{} cannot be started: {error}", rustc.display()))?;
    let folder = String::from_utf8_lossy(&output.stdout);
    // The compiler knows the folder's name whether or not there is such a folder.
    if output.status.success() && Path::new(folder.trim()).is_dir() {
        return Ok(());
    }
    println!("cargo::warning=installing the Rust target {TARGET} (rustup target add {TARGET})");
    let status = command("rustup".as_ref(), root).args(["target", "add", TARGET]).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!(
            "the Rust target {TARGET} could not be installed: `rustup target add {TARGET}` failed"
        )),
        Err(error) => Err(format!(
            "the Rust target {TARGET} is missing, and rustup cannot be started to install it \
             ({error}): install rustup, or your distribution's standard library for {TARGET}"
        )),
    }
}

/// Gives the module as the compiler leaves it.
fn compile(root: &Path, target: &Path) -> Result<PathBuf, String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // The outer cargo has brought the lock file up to date.
    let status = command(&cargo, root)
        .args(["rustc", "--locked", "--lib", "--crate-type", "cdylib"])
        .args(["--package", PACKAGE, "--target", TARGET, "--profile", PROFILE])
        .arg("--target-dir")
        .arg(target)
        .status()
        .map_err(|error| format!("{} cannot be started: {error}", cargo.display()))?;
    if !status.success() {
        return Err("see what cargo says of it below".into());
    }
    let file = format!("{}.wasm", PACKAGE.replace('-', "_"));
    Ok(target.join(TARGET).join(PROFILE).join(file))
}

/// Writes the script and the module that a browser takes.
fn bind(module: &Path, out: &Path) -> Result<(), String> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).no_modules(true).map_err(|error| error.to_string())?;
    bindgen.typescript(false).demangle(false);
    bindgen.remove_name_section(true).remove_producers_section(true);
    let mut output = bindgen.generate_output().map_err(|error| format!("{error:#}"))?;
    let write = |name: &str, bytes: &[u8]| {
        let file = out.join(name);
        fs::write(&file, bytes).map_err(|error| format!("{}: {error}", file.display()))
    };
    write("timeline.js", output.js().as_bytes())?;
    write("timeline.wasm", &output.wasm_mut().emit_wasm())
}

/// A tool to be started in this folder.
fn command(program: &OsStr, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null());
    for (name, _) in env::vars_os().filter(|(name, _)| is_of_the_outer_build(name)) {
        command.env_remove(name);
    }
    command
}

/// Whether this variable speaks of what is built outside: of this package, or of how code for this machine
/// is compiled. `cargo clippy` is a wrapper of the compiler, and would only check.
fn is_of_the_outer_build(name: &OsStr) -> bool {
    const PREFIXES: [&str; 5] =
        ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CFG_", "CARGO_FEATURE_", "CARGO_BIN_"];
    const NAMES: [&str; 16] = [
        "CARGO_BUILD_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "CARGO_CRATE_NAME",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_PRIMARY_PACKAGE",
        "CLIPPY_ARGS",
        "DEBUG",
        "HOST",
        "NUM_JOBS",
        "OPT_LEVEL",
        "OUT_DIR",
        "PROFILE",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
        "RUSTFLAGS",
        "TARGET",
    ];
    let name = name.to_string_lossy();
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || NAMES.contains(&&*name)
}
