//! Guests in Python, which scenarios name by file or folder.
//!
//! A guest is CPython itself as a component, with the program, what it requires and our runtime (`guest/python`)
//! in its memory: componentize-py starts CPython once and keeps what its memory is like then. So whatever a
//! program imports has to be there when it is built, and nothing else is there when it runs.
//!
//! - [`program`]: what a program consists of, read from disk within bounds.
//! - [`interpreter`]: the Python of this machine, which runs the tools. The guest's own comes with the tool.
//! - [`environment`]: a virtual environment with the tool, made once.
//! - [`requirements`]: what pip installs for a program.
//! - [`component`]: from all that to a component.
//! - [`workshop`]: the folder in which all of it happens and is kept.
//!
//! Components are kept by the hash of everything that goes into them. A second build of the same source starts
//! nothing: no Python need be there.

mod component;
mod environment;
mod interpreter;
pub mod program;
mod requirements;
mod tool;
mod workshop;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use smol::Executor;
use smol::lock::Semaphore;

use self::environment::Environment;
use self::program::Program;
use self::workshop::Workshop;
use super::{BuildError, Component};
use crate::terminal;

/// The component of each program, or why there is none.
type Built = BTreeMap<PathBuf, Result<Component, BuildError>>;

/// Builds programs, as many at a time as this machine has processors. Dropping the future ends the tools.
pub async fn build(wanted: &BTreeSet<PathBuf>, caches: Option<&Path>) -> Built {
    let mut built = Built::new();
    let mut missing = Vec::new();
    for path in wanted {
        let (path, caches) = (path.clone(), caches.map(Path::to_owned));
        let (path, program, kept) = smol::unblock(move || {
            let program = Program::read(&path);
            let kept = program.as_ref().ok().and_then(|p| workshop::kept(caches.as_deref(), p));
            (path, program, kept)
        })
        .await;
        match (program, kept) {
            (Ok(program), None) => missing.push((path, program)),
            (Ok(_), Some(kept)) => drop(built.insert(path, Ok(kept))),
            (Err(error), _) => drop(built.insert(path, Err(error))),
        }
    }
    if !missing.is_empty() {
        built.extend(build_missing(missing, caches).await);
    }
    built
}

async fn build_missing(missing: Vec<(PathBuf, Program)>, caches: Option<&Path>) -> Built {
    let tools = async {
        let caches = caches.map(Path::to_owned);
        let workshop = smol::unblock(move || Workshop::open(caches.as_deref())).await?;
        let environment = Environment::ready(&workshop).await?;
        Ok::<_, BuildError>((workshop, environment))
    };
    let (workshop, environment) = match tools.await {
        Ok(tools) => tools,
        Err(error) => {
            return missing.into_iter().map(|(path, _)| (path, Err(error.clone()))).collect();
        }
    };
    let free = Semaphore::new(thread::available_parallelism().map_or(1, NonZeroUsize::get));
    let one = async |path: &Path, program: &Program| {
        let _permit = free.acquire().await;
        let begin = Instant::now();
        terminal::note(&format!("building Python guest {}", path.display()));
        let built = component::build(program, &workshop, &environment).await;
        if built.is_ok() {
            let seconds = begin.elapsed().as_secs_f32();
            terminal::note(&format!("built Python guest {} in {seconds:.1} s", path.display()));
        }
        built
    };
    let executor = Executor::new();
    let builds: Vec<_> =
        missing.iter().map(|(path, program)| (path, executor.spawn(one(path, program)))).collect();
    executor
        .run(async {
            let mut built = Built::new();
            for (path, build) in builds {
                built.insert(path.clone(), build.await);
            }
            built
        })
        .await
}
