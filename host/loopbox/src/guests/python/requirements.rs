//! What a program requires: installed by pip, for the Python in a guest.
//!
//! A guest loads no native code. So pip is first asked for packages that have none, of the guest's own version of
//! Python; many a package that is fast on this machine has a slower form in Python. If there is none, pip installs
//! what it would install here, which is what packages in source form need; whatever has native code in it then
//! is refused by name.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::super::BuildError;
use super::environment::Environment;
use super::program::{Program, is_native, native, relative};
use super::tool;

/// The Python in a guest.
const GUEST_PYTHON: &str = "3.14";

/// What pip says of packages that it does not find in the wanted form, or at all.
const NOT_FOUND: [&str; 2] = ["No matching distribution found", "ResolutionImpossible"];
/// What pip says when it cannot reach the place where packages are. It then says that it found none, too.
const NO_NETWORK: &str = "Retrying (";

/// Installs what this file of requirements names into a folder.
pub(super) async fn install(
    program: &Program,
    requirements: &Path,
    environment: &Environment,
    target: &Path,
) -> Result<(), BuildError> {
    let pip = async |only: &[&str]| {
        let mut pip = environment.pip();
        pip.args(["install", "--no-compile", "--target"]).arg(target);
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
    let target = target.to_owned();
    match smol::unblock(move || first_native(&target)).await {
        Some(file) => Err(native(&file)),
        None => Ok(()),
    }
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
