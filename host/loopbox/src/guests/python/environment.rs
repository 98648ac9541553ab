//! The virtual environment with the tool that makes components: made once, shared by all builds.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use smol::process::Command;

use super::super::BuildError;
use super::interpreter;
use super::tool;
use super::workshop::Workshop;
use crate::terminal;

/// The tool. A guest's Python comes with it, so another version of it makes other guests.
pub(super) const TOOL: &str = "componentize-py";
pub(super) const TOOL_VERSION: &str = "0.25.1";

/// Whether everything in an environment is there and starts.
const CHECK: &str = "import pip, componentize_py";

/// A virtual environment.
#[derive(Clone, Debug)]
pub(super) struct Environment {
    folder: PathBuf,
}

impl Environment {
    /// The environment of this workshop; made if it is missing or broken.
    ///
    /// # Errors
    /// There is no Python, or it cannot install the tool.
    pub(super) async fn ready(workshop: &Workshop) -> Result<Environment, BuildError> {
        let place = workshop.place(&format!("{TOOL}-{TOOL_VERSION}"));
        let environment = Environment { folder: place.clone() };
        // Of another process that makes one, each would remove the other's.
        let _lock = {
            let workshop = workshop.clone();
            let lock = move || workshop.lock("environment", "prepares to build Python guests");
            smol::unblock(lock).await.map_err(|error| cannot_write(&place, &error))?
        };
        if environment.works().await {
            return Ok(environment);
        }
        let python = interpreter::find().await?;
        terminal::note(&format!(
            "preparing to build Python guests, which is done once: {TOOL} {TOOL_VERSION}, with Python {}",
            python.version
        ));
        let scratch = workshop.scratch().map_err(|error| cannot_write(&place, &error))?;
        // An environment can be moved as long as nothing but its Python is started by name.
        let new = Environment { folder: scratch.path().join("environment") };
        let mut venv = tool::python(&python.program);
        venv.args(["-m", "venv"]).arg(&new.folder);
        finish(&mut venv, &python.program.to_string_lossy(), "make a virtual environment").await?;
        let mut pip = new.pip();
        pip.arg("install").arg(format!("{TOOL}=={TOOL_VERSION}"));
        finish(&mut pip, "pip", &format!("install {TOOL} {TOOL_VERSION}")).await?;
        if !new.works().await {
            let text = format!("{TOOL} {TOOL_VERSION} does not start on this machine");
            return Err(BuildError::NoTools(text));
        }
        let (from, to) = (new.folder, place.clone());
        let put = move || replace_folder(&from, &to);
        smol::unblock(put).await.map_err(|error| cannot_write(&place, &error))?;
        Ok(environment)
    }

    /// Python in this environment.
    pub(super) fn python(&self) -> Command {
        let (folder, name) = match cfg!(windows) {
            true => ("Scripts", "python.exe"),
            false => ("bin", "python"),
        };
        tool::python(self.folder.join(folder).join(name).as_os_str())
    }

    /// pip in this environment; a subcommand is to follow.
    pub(super) fn pip(&self) -> Command {
        let mut pip = self.python();
        pip.args(["-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check"]);
        pip
    }

    async fn works(&self) -> bool {
        let mut check = self.python();
        tool::run(check.args([OsStr::new("-c"), OsStr::new(CHECK)])).await.is_ok_and(|s| s.success)
    }
}

/// Runs a step to its end.
async fn finish(command: &mut Command, name: &str, to: &str) -> Result<(), BuildError> {
    match tool::run(command).await {
        Ok(said) if said.success => Ok(()),
        Ok(said) => Err(BuildError::NoTools(format!(
            "Python guests cannot be built: {name} cannot {to}:\n{}",
            said.complaint()
        ))),
        Err(error) => Err(BuildError::NoTools(format!("{name} cannot be started: {error}"))),
    }
}

/// Puts a folder in the place of another one, which may be missing. Blocks.
fn replace_folder(from: &Path, to: &Path) -> io::Result<()> {
    match fs::remove_dir_all(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::rename(from, to)
}

pub(super) fn cannot_write(place: &Path, error: &io::Error) -> BuildError {
    BuildError::NoTools(format!("cannot write `{}`: {error}", place.display()))
}
