//! Guests in Python, which scenarios name by file or folder.
//!
//! A guest is CPython itself as a component, with our runtime (`guest/python`) in its memory: componentize-py starts
//! CPython once and keeps what its memory is like then. That takes a while and is done once; all programs
//! share it. A program is handed to it as sources, which the machine compiles to Python's bytecode.
//!
//! - [`program`]: what a program consists of, read from disk within bounds.
//! - [`interpreter`]: the Python of this machine, which runs the tools. The guest's own comes with the tool.
//! - [`environment`]: a virtual environment with the tool, made once.
//! - [`requirements`]: what pip installs for a program.
//! - [`component`]: the interpreter of all guests.
//! - [`workshop`]: the folder in which all of it happens and is kept.
//!
//! What is kept is found by the hash of everything that goes into it. A second build starts nothing: no Python need
//! be there.

mod component;
mod environment;
mod interpreter;
pub mod program;
mod requirements;
mod tool;
mod workshop;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use self::environment::Environment;
use self::program::Program;
use self::workshop::Workshop;
use super::{BuildError, Component, Sources};
use crate::sha256::Sha256;
use crate::terminal;

/// The component of each program, or why there is none.
type Built = BTreeMap<PathBuf, Result<Component, BuildError>>;

/// The tools, which are got ready when the first one is needed.
struct Tools {
    caches: Option<PathBuf>,
    ready: Option<(Workshop, Environment)>,
}

/// Builds programs. Dropping the future ends the tools.
pub async fn build(wanted: &BTreeSet<PathBuf>, caches: Option<&Path>) -> Built {
    let mut built = Built::new();
    if wanted.is_empty() {
        return built;
    }
    let mut tools = Tools { caches: caches.map(Path::to_owned), ready: None };
    // Everybody's trouble, which is said with each.
    let interpreter = tools.interpreter().await;
    for path in wanted {
        let component = match &interpreter {
            Ok(interpreter) => tools.component(interpreter, path).await,
            Err(error) => Err(error.clone()),
        };
        built.insert(path.clone(), component);
    }
    built
}

impl Tools {
    async fn ready(&mut self) -> Result<&(Workshop, Environment), BuildError> {
        if self.ready.is_none() {
            let caches = self.caches.clone();
            let workshop = smol::unblock(move || Workshop::open(caches.as_deref())).await?;
            let environment = Environment::ready(&workshop).await?;
            self.ready = Some((workshop, environment));
        }
        Ok(self.ready.as_ref().expect("made above"))
    }

    /// What runs all programs.
    async fn interpreter(&mut self) -> Result<Component, BuildError> {
        let caches = self.caches.clone();
        if let Some(kept) = smol::unblock(move || workshop::kept(caches.as_deref())).await {
            return Ok(kept);
        }
        let (workshop, environment) = self.ready().await?;
        terminal::note("building the Python for guests, which is done once");
        let begin = Instant::now();
        let interpreter = component::build(workshop, environment).await?;
        let seconds = begin.elapsed().as_secs_f32();
        terminal::note(&format!("built the Python for guests in {seconds:.1} s"));
        Ok(interpreter)
    }

    /// A program, with what it requires.
    async fn component(
        &mut self,
        interpreter: &Component,
        path: &Path,
    ) -> Result<Component, BuildError> {
        let reading = path.to_owned();
        let program = smol::unblock(move || Program::read(&reading)).await?;
        let required = self.requirements(&program).await?;
        let bytes = program.sources(&required);
        let sha256 = Sha256::of(&bytes);
        let sources = Sources { shown: program.shown, bytes, sha256 };
        Ok(Component { sources: Some(Arc::new(sources)), ..interpreter.clone() })
    }

    /// The modules that a program requires, by path.
    async fn requirements(
        &mut self,
        program: &Program,
    ) -> Result<BTreeMap<String, Vec<u8>>, BuildError> {
        let Some(file) = &program.requirements else {
            return Ok(BTreeMap::new());
        };
        let key = requirements::key(program);
        let caches = self.caches.clone();
        if let Some(kept) = smol::unblock(move || requirements::kept(caches.as_deref()?, key)).await
        {
            return Ok(kept);
        }
        let (workshop, environment) = self.ready().await?;
        terminal::note(&format!("installing what {} requires", program.shown));
        requirements::install(program, file, key, workshop, environment).await
    }
}
