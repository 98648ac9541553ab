//! Building the guests that scenarios name by their sources.
//!
//! - [`cargo`]: programs in Rust, by package and bin.
//! - [`python`]: programs in Python, by file or folder.
//!
//! A guest that does not build is the trouble of the scenarios that want it, and of no others. Nothing here runs
//! a guest; files given as `wasm = ...` do not come this way.

pub mod cargo;
pub mod python;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use crate::sha256::Sha256;

pub use cargo::CargoGuest;

/// A guest that has to be built.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Buildable {
    /// By cargo.
    Cargo(CargoGuest),
    /// A Python program: its file or its folder.
    Python(PathBuf),
}

/// A component on disk.
#[derive(Clone, Debug)]
pub struct Component {
    /// Its file.
    pub path: PathBuf,
    /// Of its contents, if they are known without reading them.
    pub sha256: Option<Sha256>,
    /// The program, if the component is an interpreter.
    pub sources: Option<Arc<Sources>>,
    /// What the file lies in, if it is to be gone with the last who needs it.
    _folder: Option<Arc<TempDir>>,
}

impl Component {
    /// A file of which nothing is known.
    pub fn at(path: &Path) -> Component {
        Component { path: path.to_owned(), sha256: None, sources: None, _folder: None }
    }
}

/// A program for an interpreter, as its author wrote it.
#[derive(Debug)]
pub struct Sources {
    /// The program as the scenario names it, for messages.
    pub shown: String,
    /// What [`Sandbox::prepare`](loopbox_machine::Sandbox::prepare) takes.
    pub bytes: Vec<u8>,
    /// Of these bytes.
    pub sha256: Sha256,
}

/// Why a guest cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// There is no such program, or it does not compile.
    #[error("{0}")]
    NotBuilt(String),
    /// The tools to build it are missing.
    #[error("{0}")]
    NoTools(String),
}

/// The component of each guest, or why there is none.
pub type Built = BTreeMap<Buildable, Result<Component, BuildError>>;

/// Builds guests, and keeps in this folder of caches what is of use for the next time. Dropping the future ends
/// the tools that it started.
pub async fn build(wanted: &BTreeSet<Buildable>, caches: Option<&Path>) -> Built {
    let (mut of_cargo, mut of_python) = (BTreeSet::new(), BTreeSet::new());
    for guest in wanted {
        match guest {
            Buildable::Cargo(guest) => of_cargo.insert(guest.clone()),
            Buildable::Python(path) => of_python.insert(path.clone()),
        };
    }
    let built = cargo::build(&of_cargo).await;
    let at = |path: PathBuf| Component::at(&path);
    let mut all: Built =
        built.into_iter().map(|(guest, path)| (Buildable::Cargo(guest), path.map(at))).collect();
    let built = python::build(&of_python, caches).await;
    all.extend(built.into_iter().map(|(path, built)| (Buildable::Python(path), built)));
    all
}
