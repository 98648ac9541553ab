//! The Python of this machine that runs the tools. Which one it is does not matter to a guest.

use std::env;
use std::ffi::{OsStr, OsString};

use super::super::BuildError;
use super::tool;

/// The environment variable that names it.
pub(super) const VARIABLE: &str = "LOOPBOX_PYTHON";

/// The oldest one that the tool runs on, and that says in its errors what pip needs.
const OLDEST: (u32, u32) = (3, 10);

/// Where it is looked for, the newest first.
const NAMES: [&str; 7] =
    ["python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python3", "python"];

/// Says its version and what it lacks.
const PROBE: &str = "\
import sys
lacks = []
for name in ('venv', 'ensurepip'):
    try:
        __import__(name)
    except ImportError:
        lacks.append(name)
print('loopbox', *sys.version_info[:2], *lacks)
";

/// A Python that can make virtual environments.
#[derive(Clone, Debug)]
pub(super) struct Interpreter {
    pub(super) program: OsString,
    /// Such as `3.11`.
    pub(super) version: String,
}

/// What a program said to the probe.
#[derive(Debug, PartialEq, Eq)]
enum Probed {
    /// It will do, and is of this version.
    Good(String),
    /// Why it will not do.
    Bad(String),
}

/// Looks for one.
///
/// # Errors
/// There is none; the text says what to install.
pub(super) async fn find() -> Result<Interpreter, BuildError> {
    let wanted = env::var_os(VARIABLE).filter(|name| !name.is_empty());
    if let Some(program) = wanted {
        return match probe(&program).await {
            Some(Probed::Good(version)) => Ok(Interpreter { program, version }),
            Some(Probed::Bad(why)) => Err(no_python(Some(&program), &[why])),
            None => {
                let why = format!("`{}` cannot be started", program.display());
                Err(no_python(Some(&program), &[why]))
            }
        };
    }
    let mut tried = Vec::new();
    for name in NAMES {
        match probe(OsStr::new(name)).await {
            Some(Probed::Good(version)) => {
                return Ok(Interpreter { program: name.into(), version });
            }
            Some(Probed::Bad(why)) => tried.push(why),
            None => {}
        }
    }
    Err(no_python(None, &tried))
}

/// Nothing if there is no such program, or if it is not Python at all.
async fn probe(program: &OsStr) -> Option<Probed> {
    let said = tool::run(tool::python(program).args(["-c", PROBE])).await.ok()?;
    read_probe(&program.to_string_lossy(), &said.stdout)
}

fn read_probe(program: &str, stdout: &str) -> Option<Probed> {
    let line = stdout.lines().find_map(|line| line.strip_prefix("loopbox "))?;
    let mut words = line.split_whitespace();
    let version: (u32, u32) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let shown = format!("{}.{}", version.0, version.1);
    if version < OLDEST {
        return Some(Probed::Bad(format!("`{program}` is Python {shown}, which is too old")));
    }
    let lacks: Vec<&str> = words.collect();
    if lacks.is_empty() {
        return Some(Probed::Good(shown));
    }
    let lacks = lacks.join(" and ");
    let help = format!("on Debian and Ubuntu `apt install python{shown}-venv`");
    Some(Probed::Bad(format!("`{program}`, Python {shown}, comes without {lacks}: {help}")))
}

fn no_python(named: Option<&OsStr>, tried: &[String]) -> BuildError {
    let (major, minor) = OLDEST;
    let wanted = format!("Python {major}.{minor} or later, with venv and pip");
    let mut text = match named {
        Some(_) => format!("{VARIABLE} does not name what builds Python guests: {wanted}"),
        None => format!(
            "Python guests are built by {wanted}, and there is none on this machine: install it \
             (Debian, Ubuntu: `apt install python3 python3-venv`; Fedora: `dnf install python3`; macOS: \
             `brew install python`), or name one by {VARIABLE}"
        ),
    };
    for why in tried {
        text.push('\n');
        text.push_str(why);
    }
    BuildError::NoTools(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_python_is_good_or_it_is_said_why_not() {
        let good = Some(Probed::Good("3.11".into()));
        assert_eq!(read_probe("python3", "a greeting\nloopbox 3 11\n"), good);
        let bad = |stdout: &str| match read_probe("python3", stdout) {
            Some(Probed::Bad(why)) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(bad("loopbox 3 9\n"), "`python3` is Python 3.9, which is too old");
        assert_eq!(bad("loopbox 2 7\n"), "`python3` is Python 2.7, which is too old");
        assert_eq!(
            bad("loopbox 3 12 ensurepip\n"),
            "`python3`, Python 3.12, comes without ensurepip: on Debian and Ubuntu `apt install python3.12-venv`"
        );
        assert_eq!(read_probe("python3", "pyenv: no such command\n"), None);
        assert_eq!(read_probe("python3", "loopbox three\n"), None);
    }

    #[test]
    fn what_is_missing_is_said_with_everything_that_was_tried() {
        let BuildError::NoTools(text) = no_python(None, &["`python3` is Python 3.9".into()]) else {
            panic!("a tool is missing");
        };
        assert!(
            text.starts_with("Python guests are built by Python 3.10 or later, with venv and pip")
        );
        assert!(text.contains("`apt install python3 python3-venv`"), "{text}");
        assert!(text.ends_with("\n`python3` is Python 3.9"), "{text}");
    }
}
