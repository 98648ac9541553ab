//! From a program to a component.
//!
//! The tool gets one folder, the *stage*: the runtime, whose module `loopbox_entry` it starts; the program as it
//! is, in `loopbox_program`; what pip installed, in `loopbox_requirements`; and `loopbox_manifest.json`, which says
//! what to start. An error that is the program's own, such as one of syntax, comes from the entry between two lines
//! that mark it, and is shown in Python's words.
//!
//! Two builds of one source give guests that behave alike, on Linux: what the tool asks the system for is answered
//! by a library of ours (`steady`), folders have the same age in each build, and neither the user's packages nor
//! her environment are seen.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use walkdir::WalkDir;

use super::super::{BuildError, Component};
use super::environment::{Environment, TOOL_VERSION, cannot_write};
use super::program::Program;
use super::requirements;
use super::tool;
use super::workshop::Workshop;
use crate::sha256::Sha256;

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// A change of what a stage holds, or of how the tool is started, changes the number.
const FORM: &[u8] = b"loopbox python component 1";

/// Of `guest/wit`.
const WORLD: &str = "python";

/// Starts the tool, which is called by no other name.
const START: &str = "import sys; from componentize_py import script; sys.exit(script())";

/// Around an error that is the program's own.
const ERROR: &str = "LOOPBOX-BUILD-ERROR";
const ERROR_END: &str = "LOOPBOX-BUILD-ERROR-END";

/// What the entry has to know.
#[derive(Serialize)]
struct Manifest<'p> {
    main: &'p str,
    name: &'p str,
}

fn manifest(program: &Program) -> String {
    let manifest = Manifest { main: &program.main, name: &program.name };
    serde_json::to_string(&manifest).expect("texts can be written as JSON")
}

/// The hash of everything that a component depends on.
pub(super) fn key(program: &Program) -> Sha256 {
    let manifest = manifest(program);
    let mut parts: Vec<&[u8]> = vec![FORM, TOOL_VERSION.as_bytes(), manifest.as_bytes()];
    parts.push(STEADY.unwrap_or_default());
    for (path, contents) in RUNTIME.iter().chain(WIT) {
        parts.extend([path.as_bytes(), contents]);
    }
    parts.push(if program.requirements.is_some() { b"requires" } else { b"" });
    for (path, contents) in &program.files {
        parts.extend([path.as_bytes(), contents]);
    }
    Sha256::of_parts(parts)
}

/// Builds a component, unless another process has done it by now.
pub(super) async fn build(
    program: &Program,
    workshop: &Workshop,
    environment: &Environment,
) -> Result<Component, BuildError> {
    let key = key(program);
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
    let staging = (folder.clone(), program.clone());
    smol::unblock(move || stage(&staging.0, &staging.1)).await.map_err(failed)?;
    if let Some(file) = &program.requirements {
        let target = folder.join("stage/loopbox_requirements");
        requirements::install(program, file, environment, &target).await?;
    }
    let aged = folder.clone();
    smol::unblock(move || age(&aged.join("stage"))).await.map_err(failed)?;
    componentize(program, environment, &folder).await?;
    let workshop = workshop.clone();
    let keep = move || {
        let component = fs::read(scratch.path().join("component.wasm"))?;
        workshop.keep(key, &component)
    };
    smol::unblock(keep).await.map_err(failed)
}

/// Writes everything that the tool is to see into a folder. Blocks.
fn stage(folder: &Path, program: &Program) -> io::Result<()> {
    let stage = folder.join("stage");
    for (path, contents) in RUNTIME {
        write(&stage.join(path), contents)?;
    }
    for (path, contents) in &program.files {
        write(&stage.join("loopbox_program").join(path), contents)?;
    }
    write(&stage.join("loopbox_manifest.json"), manifest(program).as_bytes())?;
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
async fn componentize(
    program: &Program,
    environment: &Environment,
    folder: &Path,
) -> Result<(), BuildError> {
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
    let reason = match own_error(&said.stderr) {
        Some(error) => format!("`{}` is no program that can be run:\n{error}", program.shown),
        None => {
            let complaint = said.complaint();
            // What follows is for those who write the tool.
            let words = complaint.split("\nStack backtrace:").next().unwrap_or(&complaint);
            format!("`{}` cannot be built; componentize-py says:\n{}", program.shown, words.trim())
        }
    };
    Err(BuildError::NotBuilt(reason))
}

/// The error that is the program's own, in Python's words, if the tool says that there is one.
fn own_error(stderr: &str) -> Option<String> {
    let mut lines = stderr.lines().skip_while(|line| line.trim() != ERROR);
    let indent = lines.next()?.find(ERROR)?;
    let own = lines.take_while(|line| line.trim() != ERROR_END);
    let own: Vec<&str> = own.map(|line| line.get(indent..).unwrap_or_default()).collect();
    Some(own.join("\n"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn program(files: &[(&str, &str)]) -> Program {
        let files = files.iter().map(|(path, text)| ((*path).into(), text.as_bytes().to_vec()));
        Program {
            shown: "shop".into(),
            main: "main.py".into(),
            name: "shop".into(),
            files: files.collect::<BTreeMap<_, _>>(),
            requirements: None,
        }
    }

    #[test]
    fn a_component_depends_on_every_file_and_on_what_is_started() {
        let one = program(&[("main.py", "import a\n"), ("a.py", "")]);
        assert_eq!(key(&one), key(&Program { shown: "another/shop".into(), ..one.clone() }));
        let others = [
            program(&[("main.py", "import a\n"), ("a.py", "1")]),
            program(&[("main.py", "import a\n"), ("b.py", "")]),
            program(&[("main.py", "import a\n")]),
            Program { main: "a.py".into(), ..one.clone() },
            Program { name: "store".into(), ..one.clone() },
            Program { requirements: Some("shop/requirements.txt".into()), ..one.clone() },
        ];
        for other in others {
            assert_ne!(key(&one), key(&other), "{other:?}");
        }
    }

    #[test]
    fn the_stage_has_everything_in_its_place_and_one_age() {
        let folder = tempfile::tempdir().expect("a folder");
        let program = program(&[("main.py", "import a\n"), ("a/b.py", "c")]);
        stage(folder.path(), &program).expect("staged");
        age(&folder.path().join("stage")).expect("aged");
        let read = |path: &str| fs::read_to_string(folder.path().join(path)).expect(path);
        assert_eq!(read("stage/loopbox_program/a/b.py"), "c");
        assert_eq!(read("stage/loopbox_manifest.json"), r#"{"main":"main.py","name":"shop"}"#);
        assert!(read("stage/loopbox_entry.py").contains("loopbox"));
        assert!(read("wit/sandbox.wit").contains("world python"));
        let modified = |path: &str| {
            let metadata = folder.path().join(path).metadata().expect(path);
            metadata.modified().expect("a time")
        };
        assert_eq!(modified("stage/loopbox"), modified("stage/loopbox_program/a/b.py"));
        assert!(modified("stage") < modified("wit"));
    }

    #[test]
    fn a_programs_own_error_is_found_among_the_tools_words() {
        let stderr = "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\n\
            AssertionError: Traceback (most recent call last):\nLOOPBOX-BUILD-ERROR\n  File \"app.py\", line 3\n    def x(:\n\
            SyntaxError: invalid syntax\nLOOPBOX-BUILD-ERROR-END\n\nCaused by:\n";
        let own = "  File \"app.py\", line 3\n    def x(:\nSyntaxError: invalid syntax";
        assert_eq!(own_error(stderr).as_deref(), Some(own));
        let indented: String = stderr.lines().map(|line| format!("    {line}\n")).collect();
        assert_eq!(own_error(&indented).as_deref(), Some(own));
        assert_eq!(own_error("AssertionError: something else"), None);
    }
}
