//! Starting Python and its tools, and what they say.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::process::Stdio;

use smol::process::Command;

/// How a tool ended.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) success: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Python at this path, which takes nothing from the user's environment but what speaks of the network, and
/// which ends when its future is dropped.
pub(super) fn python(path: &OsStr) -> Command {
    let mut command = Command::new(path);
    for (name, _) in env::vars_os().filter(|(name, _)| is_of_another_python(name)) {
        command.env_remove(name);
    }
    // Neither the current folder nor the user's packages are looked at.
    command.arg("-I");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    command
}

/// Runs a command to its end.
pub(super) async fn run(command: &mut Command) -> io::Result<Said> {
    let output = command.output().await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Said {
        success: output.status.success(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    })
}

impl Said {
    /// What there is to show of a tool that failed: its words, or that it has none.
    pub(super) fn complaint(&self) -> String {
        let said: Vec<&str> = [self.stdout.trim(), self.stderr.trim()]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect();
        if said.is_empty() { "it says nothing".into() } else { said.join("\n") }
    }
}

/// Whether this variable speaks of the Python, or the virtual environment, that the user works with.
fn is_of_another_python(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("PYTHON")
        || ["VIRTUAL_ENV", "__PYVENV_LAUNCHER__", "PIP_TARGET", "PIP_PREFIX", "PIP_USER"]
            .contains(&&*name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_python_is_not_passed_on_but_the_way_to_packages_is() {
        for name in ["PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET"] {
            assert!(is_of_another_python(name.as_ref()), "{name}");
        }
        for name in ["PATH", "HOME", "PIP_FIND_LINKS", "PIP_CERT", "HTTPS_PROXY"] {
            assert!(!is_of_another_python(name.as_ref()), "{name}");
        }
    }
}
