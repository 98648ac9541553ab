//! What a program requires: installed by pip, for the Python in a guest, and kept for the next time.
//!
//! A guest loads no native code. So pip is first asked for packages that have none, of the guest's own version of
//! Python; many a package that is fast on this machine has a slower form in Python. If there is none, pip installs
//! what it would install here, which is what packages in source form need; whatever has native code in it then
//! is refused by name.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::super::BuildError;
use super::environment::{Environment, cannot_write};
use super::program::{Program, REQUIREMENTS, is_module, is_native, native, relative};
use super::tool;
use super::workshop::{Workshop, folder_in};
use crate::cache;
use crate::sha256::Sha256;

/// The Python in a guest.
const GUEST_PYTHON: &str = "3.14";

/// What pip says of packages that it does not find in the wanted form, or at all.
const NOT_FOUND: [&str; 2] = ["No matching distribution found", "ResolutionImpossible"];
/// What pip says when it cannot reach the place where packages are. It then says that it found none, too.
const NO_NETWORK: &str = "Retrying (";

/// What the packages of a program are known by: its file of requirements. A file that is named in there, and changes,
/// is not seen.
pub(super) fn key(program: &Program) -> Sha256 {
    let text = program.files.get(REQUIREMENTS).map(Vec::as_slice).unwrap_or_default();
    Sha256::of_parts([b"loopbox requirements 1", GUEST_PYTHON.as_bytes(), text])
}

/// The modules that were installed before. Blocks.
pub(super) fn kept(caches: &Path, key: Sha256) -> Option<BTreeMap<String, Vec<u8>>> {
    let folder = place(&folder_in(caches), key);
    folder.is_dir().then(|| modules(&folder).ok())?
}

fn place(workshop: &Path, key: Sha256) -> PathBuf {
    workshop.join("requirements").join(key.to_string())
}

/// The modules in a folder, by path. Blocks.
fn modules(folder: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in WalkDir::new(folder) {
        let entry = entry?;
        let path = relative(folder, entry.path());
        if entry.file_type().is_file() && is_module(&path) {
            found.insert(path, fs::read(entry.path())?);
        }
    }
    Ok(found)
}

/// Installs what this file of requirements names, and keeps it.
pub(super) async fn install(
    program: &Program,
    requirements: &Path,
    key: Sha256,
    workshop: &Workshop,
    environment: &Environment,
) -> Result<BTreeMap<String, Vec<u8>>, BuildError> {
    let failed = |error: io::Error| cannot_write(&workshop.place("requirements"), &error);
    let scratch = workshop.scratch().map_err(failed)?;
    let target = scratch.path().join("packages");
    let pip = async |only: &[&str]| {
        let mut pip = environment.pip();
        pip.args(["install", "--no-compile", "--target"]).arg(&target);
        pip.args(only).arg("--requirement").arg(requirements);
        tool::run(&mut pip)
            .await
            .map_err(|error| BuildError::NoTools(format!("pip cannot be started: {error}")))
    };
    let pure = ["--only-binary", ":all:", "--implementation", "py", "--abi", "none"];
    let of_guest = ["--platform", "any", "--python-version", GUEST_PYTHON];
    let mut said = pip(&[&pure[..], &of_guest].concat()).await?;
    if !said.success && is_worth_another_try(&said.stderr) {
        said = pip(&[]).await?;
    }
    if !said.success {
        return Err(BuildError::NotBuilt(format!(
            "what `{}` requires cannot be installed; pip says:\n{}",
            program.shown,
            said.complaint()
        )));
    }
    let place = place(&workshop.place(""), key);
    let keep = move || {
        if let Some(file) = first_native(&target) {
            return Ok(Err(native(&file)));
        }
        // A program may require nothing after all; then pip makes no folder.
        fs::create_dir_all(&target)?;
        let modules = modules(&target)?;
        if let Some(folder) = place.parent() {
            cache::make_private_folder(folder)?;
        }
        // Another process may have been faster.
        if !place.is_dir() {
            fs::rename(&target, &place)?;
        }
        drop(scratch);
        Ok(Ok(modules))
    };
    smol::unblock(keep).await.map_err(failed)?
}

/// Whether packages with native code, or without any build of them, might be what is missing.
fn is_worth_another_try(stderr: &str) -> bool {
    NOT_FOUND.iter().any(|words| stderr.contains(words)) && !stderr.contains(NO_NETWORK)
}

/// Native code in a folder.
fn first_native(folder: &Path) -> Option<String> {
    let files = WalkDir::new(folder).sort_by_file_name().into_iter().filter_map(Result::ok);
    let mut paths =
        files.map(|entry| entry.path().to_owned()).filter(|path: &PathBuf| path.is_file());
    paths.find(|path| is_native(path)).map(|path| relative(folder, &path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_in_pure_form_is_tried_otherwise_but_not_without_a_network() {
        let missing = "ERROR: No matching distribution found for fast==1.0";
        assert!(is_worth_another_try(missing));
        let retrying =
            format!("WARNING: Retrying (Retry(total=4)) after connection broken\n{missing}");
        assert!(!is_worth_another_try(&retrying));
        assert!(!is_worth_another_try("ERROR: Invalid requirement: 'a b'"));
    }
}
