//! The component that all programs share: CPython with our runtime in its memory.
//!
//! The tool gets one folder, the *stage*, with the runtime in it, whose module `loopbox_entry` it starts. Two builds give
//! components that behave alike, on Linux: what the tool asks the system for is answered by a library of ours
//! (`steady`), folders have the same age in each build, and neither the user's packages nor her environment are seen.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use walkdir::WalkDir;

use super::super::{BuildError, Component};
use super::environment::{Environment, TOOL_VERSION, cannot_write};
use super::program::relative;
use super::tool;
use super::workshop::Workshop;
use crate::sha256::Sha256;

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// Names a folder that has another runtime than the command's own: for those who change it (`guest/python`).
const RUNTIME_VARIABLE: &str = "LOOPBOX_PYTHON_RUNTIME";

/// A change of what a stage holds, or of how the tool is started, changes the number.
const FORM: &[u8] = b"loopbox python component 2";

/// Of `guest/wit`.
const WORLD: &str = "python";

/// Starts the tool, which is called by no other name.
const START: &str = "import sys; from componentize_py import script; sys.exit(script())";

/// The hash of everything that a component depends on.
pub(super) fn key() -> Sha256 {
    let mut parts: Vec<&[u8]> = vec![FORM, TOOL_VERSION.as_bytes()];
    parts.push(STEADY.unwrap_or_default());
    let runtime = runtime();
    for (path, contents) in &runtime {
        parts.extend([path.as_bytes(), contents]);
    }
    for (path, contents) in WIT {
        parts.extend([path.as_bytes(), contents]);
    }
    Sha256::of_parts(parts)
}

/// Builds a component, unless another process has done it by now.
pub(super) async fn build(
    workshop: &Workshop,
    environment: &Environment,
) -> Result<Component, BuildError> {
    let key = key();
    let begun = {
        let workshop = workshop.clone();
        smol::unblock(move || {
            let lock = workshop.lock_build(key)?;
            let scratch = workshop.scratch()?;
            Ok((lock, workshop.kept(key), scratch))
        })
    };
    let failed = |error: io::Error| cannot_write(&workshop.place("building"), &error);
    let (_lock, kept, scratch) = begun.await.map_err(failed)?;
    if let Some(kept) = kept {
        return Ok(kept);
    }
    let folder = scratch.path().to_owned();
    let staging = folder.clone();
    smol::unblock(move || stage(&staging)).await.map_err(failed)?;
    let aged = folder.clone();
    smol::unblock(move || age(&aged.join("stage"))).await.map_err(failed)?;
    componentize(environment, &folder).await?;
    let workshop = workshop.clone();
    let keep = move || {
        let component = fs::read(scratch.path().join("component.wasm"))?;
        workshop.keep(key, &component)
    };
    smol::unblock(keep).await.map_err(failed)
}

/// Writes everything that the tool is to see into a folder. Blocks.
fn stage(folder: &Path) -> io::Result<()> {
    let stage = folder.join("stage");
    for (path, contents) in runtime() {
        write(&stage.join(path), &contents)?;
    }
    for (path, contents) in WIT {
        write(&folder.join("wit").join(path), contents)?;
    }
    if let Some(library) = STEADY {
        write(&folder.join("libsteady.so"), library)?;
    }
    // An environment with nothing in it, so that the tool looks for no other.
    fs::create_dir_all(folder.join("nothing/lib/site-packages"))?;
    fs::create_dir_all(folder.join("tmp"))
}

/// What is in the interpreter's memory besides CPython, by path. Blocks.
fn runtime() -> BTreeMap<String, Cow<'static, [u8]>> {
    let Some(folder) = env::var_os(RUNTIME_VARIABLE).map(PathBuf::from) else {
        let own = RUNTIME.iter();
        return own.map(|(path, text)| ((*path).to_owned(), Cow::Borrowed(*text))).collect();
    };
    let files = WalkDir::new(&folder).into_iter().filter_map(Result::ok);
    let modules = files.filter(|file| file.path().extension().is_some_and(|kind| kind == "py"));
    let read = |file: walkdir::DirEntry| {
        Some((relative(&folder, file.path()), Cow::Owned(fs::read(file.path()).ok()?)))
    };
    modules.filter_map(read).collect()
}

fn write(path: &Path, contents: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, contents)
}

/// Gives everything in a folder one age, for Python notes it. Blocks.
fn age(folder: &Path) -> io::Result<()> {
    // 2000-01-01T00:00:00Z.
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(946_684_800);
    for entry in WalkDir::new(folder) {
        let path = entry?.into_path();
        // A folder cannot be opened like this everywhere; and where it cannot, builds differ anyway.
        if let Ok(file) = File::open(&path) {
            let _ = file.set_modified(then);
        }
    }
    Ok(())
}

/// Runs the tool in this folder.
async fn componentize(environment: &Environment, folder: &Path) -> Result<(), BuildError> {
    let mut command = environment.python();
    command.current_dir(folder);
    command.env("VIRTUAL_ENV", folder.join("nothing"));
    // What it unpacks there is gone with the build, even if it is killed.
    for name in ["TMPDIR", "TMP", "TEMP"] {
        command.env(name, folder.join("tmp"));
    }
    command.env("RUST_BACKTRACE", "0").env_remove("RUST_LIB_BACKTRACE");
    if STEADY.is_some() {
        command.env("LD_PRELOAD", folder.join("libsteady.so"));
    }
    command.args(["-c", START, "--quiet", "--wit-path", "wit", "--world", WORLD]);
    command.args(["componentize", "--python-path", "stage", "--output", "component.wasm"]);
    command.arg("loopbox_entry");
    let said = tool::run(&mut command).await.map_err(|error| {
        BuildError::NoTools(format!("componentize-py cannot be started: {error}"))
    })?;
    if said.success {
        return Ok(());
    }
    let complaint = said.complaint();
    // What follows is for those who write the tool.
    let words = complaint.split("\nStack backtrace:").next().unwrap_or(&complaint);
    Err(BuildError::NotBuilt(format!(
        "the Python for guests cannot be built; componentize-py says:\n{}",
        words.trim()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stage_has_everything_in_its_place_and_one_age() {
        let folder = tempfile::tempdir().expect("a folder");
        stage(folder.path()).expect("staged");
        age(&folder.path().join("stage")).expect("aged");
        let read = |path: &str| fs::read_to_string(folder.path().join(path)).expect(path);
        assert!(read("stage/loopbox_entry.py").contains("loopbox"));
        assert!(read("wit/sandbox.wit").contains("world python"));
        let modified = |path: &str| {
            let metadata = folder.path().join(path).metadata().expect(path);
            metadata.modified().expect("a time")
        };
        assert_eq!(modified("stage/loopbox"), modified("stage/loopbox/_start.py"));
        assert!(modified("stage") < modified("wit"));
    }
}
