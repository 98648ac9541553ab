//! Guests in Rust, which scenarios name by package and bin.
//!
//! One `cargo build` a package builds all of its wanted bins, in release mode for `wasm32-wasip2`. Cargo
//! writes its progress and the compiler's messages to standard error itself, once. A bin that does not
//! build is the trouble of the scenarios that want it, and of no others.
//!
//! Profiles are the package's own: its release profile decides on names and debug information. Cargo's
//! default keeps function names, which is what a backtrace needs, and `strip = "symbols"` gives them up.
//! Nothing here knows what a component is.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use cargo_metadata::{Message, Metadata, MetadataCommand};
use smol::process::Command;

use super::BuildError;
use crate::terminal;

const TARGET: &str = "wasm32-wasip2";

/// A guest that cargo builds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CargoGuest {
    /// A folder of the workspace that has the package.
    pub dir: PathBuf,
    /// The package's name.
    pub package: String,
    /// The name of one of its bins.
    pub bin: String,
}

/// The component of each guest, or why there is none.
pub type Built = BTreeMap<CargoGuest, Result<PathBuf, BuildError>>;

/// Builds guests. Dropping the future ends cargo.
pub async fn build(wanted: &BTreeSet<CargoGuest>) -> Built {
    let mut built = Built::new();
    let mut workspaces: BTreeMap<&Path, Result<Metadata, BuildError>> = BTreeMap::new();
    let mut packages: BTreeMap<(PathBuf, &str), Vec<&CargoGuest>> = BTreeMap::new();
    for guest in wanted {
        let dir = guest.dir.as_path();
        if !workspaces.contains_key(dir) {
            workspaces.insert(dir, read_workspace(dir).await);
        }
        let workspace = workspaces[dir].as_ref().map_err(BuildError::clone);
        match workspace.and_then(|workspace| root_if_it_has(workspace, guest)) {
            Ok(root) => packages.entry((root, &guest.package)).or_default().push(guest),
            Err(error) => {
                built.insert(guest.clone(), Err(error));
            }
        }
    }
    let mut targets: BTreeMap<PathBuf, Result<(), BuildError>> = BTreeMap::new();
    for ((root, package), guests) in packages {
        if !targets.contains_key(&root) {
            targets.insert(root.clone(), ensure_target(&root).await);
        }
        let artefacts = match &targets[&root] {
            Ok(()) => build_package(&root, package, &guests).await,
            Err(error) => Err(error.clone()),
        };
        for guest in guests {
            let artefact = artefacts.clone().and_then(|artefacts| {
                artefacts.get(&guest.bin).cloned().ok_or_else(|| {
                    BuildError::NotBuilt(format!(
                        "bin `{}` of package `{package}` did not build: see cargo's messages on \
                         standard error",
                        guest.bin
                    ))
                })
            });
            built.insert(guest.clone(), artefact);
        }
    }
    built
}

/// Asks cargo what the workspace around this folder holds.
async fn read_workspace(dir: &Path) -> Result<Metadata, BuildError> {
    let output = command(&cargo(), dir)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .stderr(Stdio::inherit())
        .output()
        .await
        .map_err(|error| cannot_start("cargo", dir, &error))?;
    let unreadable = || {
        BuildError::NotBuilt(format!(
            "there is no cargo workspace to build from in `{}`: see cargo's messages on standard \
             error",
            dir.display()
        ))
    };
    let text = str::from_utf8(&output.stdout).map_err(|_| unreadable())?;
    MetadataCommand::parse(text).map_err(|_| unreadable())
}

/// The root of the workspace, which a build is started in.
///
/// This is found out before cargo builds anything, because one unknown name would fail the whole build.
fn root_if_it_has(workspace: &Metadata, guest: &CargoGuest) -> Result<PathBuf, BuildError> {
    let CargoGuest { package, bin, .. } = guest;
    let root = workspace.workspace_root.as_std_path();
    let members = workspace.workspace_packages();
    let Some(member) = members.iter().find(|member| member.name.as_str() == package) else {
        let names = members.iter().map(|member| member.name.as_str());
        return Err(BuildError::NotBuilt(format!(
            "there is no package `{package}` in the workspace `{}`; it has {}",
            root.display(),
            list(names)
        )));
    };
    let bins = member.targets.iter().filter(|target| target.is_bin());
    let bins: Vec<&str> = bins.map(|target| target.name.as_str()).collect();
    if !bins.contains(&bin.as_str()) {
        return Err(BuildError::NotBuilt(format!(
            "there is no bin `{bin}` in package `{package}`; it has {}",
            list(bins.into_iter())
        )));
    }
    Ok(root.to_owned())
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: BTreeSet<String> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        return "none".into();
    }
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// Sees to it that the standard library for the target is installed.
async fn ensure_target(root: &Path) -> Result<(), BuildError> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = command(&rustc, root)
        .args(["--print", "target-libdir", "--target", TARGET])
        .stderr(Stdio::inherit())
        .output()
        .await
        .map_err(|error| cannot_start("rustc", root, &error))?;
    let folder = String::from_utf8_lossy(&output.stdout).into_owned();
    // The compiler knows the folder's name whether or not there is such a folder.
    if output.status.success() && smol::unblock(move || Path::new(folder.trim()).is_dir()).await {
        return Ok(());
    }
    terminal::note(&format!("installing the Rust target {TARGET} (rustup target add {TARGET})"));
    let status = command("rustup".as_ref(), root)
        .args(["target", "add", TARGET])
        .stdout(Stdio::null())
        .status()
        .await;
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(BuildError::NoTools(format!(
            "the Rust target {TARGET} could not be installed: `rustup target add {TARGET}` failed"
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(BuildError::NoTools(format!(
            "the Rust target {TARGET} is missing and there is no rustup to install it: install \
                 rustup, or your distribution's standard library for {TARGET}"
        ))),
        Err(error) => Err(cannot_start("rustup", root, &error)),
    }
}

/// Builds bins of one package. Gives the components of those that did build, by bin.
async fn build_package(
    root: &Path,
    package: &str,
    guests: &[&CargoGuest],
) -> Result<BTreeMap<String, PathBuf>, BuildError> {
    let bins: BTreeSet<&str> = guests.iter().map(|guest| guest.bin.as_str()).collect();
    let mut build = command(&cargo(), root);
    build.args(["build", "--release", "--target", TARGET, "--package", package]);
    build.args(bins.iter().flat_map(|bin| ["--bin", bin]));
    build.args(["--keep-going", "--message-format=json-render-diagnostics"]);
    let output = build
        .stderr(Stdio::inherit())
        .output()
        .await
        .map_err(|error| cannot_start("cargo", root, &error))?;
    Ok(artefacts(&output.stdout))
}

/// What cargo says that it built: the component of each bin.
fn artefacts(messages: &[u8]) -> BTreeMap<String, PathBuf> {
    // A line that is no message of cargo's, such as a build script's, says nothing of a bin.
    Message::parse_stream(messages)
        .filter_map(Result::ok)
        .filter_map(|message| match message {
            Message::CompilerArtifact(artifact) if artifact.target.is_bin() => {
                Some((artifact.target.name, artifact.executable?.into_std_path_buf()))
            }
            _ => None,
        })
        .collect()
}

/// The cargo that started us, or the one that the shell would find.
fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// A tool to be started in this folder, which ends when its future is dropped.
fn command(program: &OsStr, dir: &Path) -> Command {
    let mut command = Command::new(program);
    if !dir.as_os_str().is_empty() {
        command.current_dir(dir);
    }
    for (name, _) in env::vars_os().filter(|(name, _)| is_of_an_outer_cargo(name)) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Whether `cargo run` or `cargo test` set this variable to speak of the package that it runs, which is
/// not the package that is built here. Build scripts that look at such a variable would run every time.
fn is_of_an_outer_cargo(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|prefix| name.starts_with(prefix))
        || ["CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "CARGO_TARGET_TMPDIR", "OUT_DIR"]
            .contains(&&*name)
}

fn cannot_start(program: &str, dir: &Path, error: &io::Error) -> BuildError {
    // A folder that is missing looks just like a program that is missing.
    if !dir.as_os_str().is_empty() && !dir.is_dir() {
        return BuildError::NotBuilt(format!("there is no folder `{}`", dir.display()));
    }
    let hint = match error.kind() {
        io::ErrorKind::NotFound => ": install Rust with rustup",
        _ => "",
    };
    BuildError::NoTools(format!("{program} cannot be started: {error}{hint}"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn workspace_of(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        }
        folder
    }

    const MANIFEST: &str = "[package]\nname = 'programs'\nedition = '2024'\n[workspace]\n";

    fn build_all(
        dir: &Path,
        wanted: &[(&str, &str)],
    ) -> BTreeMap<String, Result<PathBuf, BuildError>> {
        let guest = |&(package, bin): &(&str, &str)| CargoGuest {
            dir: dir.to_owned(),
            package: package.into(),
            bin: bin.into(),
        };
        let built = smol::block_on(build(&wanted.iter().map(guest).collect()));
        built.into_iter().map(|(guest, result)| (guest.bin, result)).collect()
    }

    #[test]
    fn a_guest_that_does_not_build_leaves_the_others_alone() {
        let workspace = workspace_of(&[
            ("Cargo.toml", MANIFEST),
            // One after the other, so that the bad one comes before some of the good ones.
            (".cargo/config.toml", "build.jobs = 1"),
            ("src/bin/another.rs", "fn main() {}"),
            ("src/bin/zeta.rs", "fn main() {}"),
            ("src/bin/good.rs", "fn main() {}"),
            ("src/bin/bad.rs", "fn main() { let x: u8 = \"this test wants this error\"; }"),
        ]);
        let wanted = [
            ("programs", "another"),
            ("programs", "good"),
            ("programs", "zeta"),
            ("programs", "bad"),
            ("programs", "ugly"),
            ("plays", "hamlet"),
        ];
        let built = build_all(workspace.path(), &wanted);
        for bin in ["another", "good", "zeta"] {
            let component = fs::read(built[bin].as_ref().expect("builds")).expect("is there");
            assert_eq!(component[..8], *b"\0asm\x0d\0\x01\0", "a component, not a core module");
        }
        let reason = |bin: &str| match &built[bin] {
            Err(BuildError::NotBuilt(reason)) => reason.clone(),
            other => panic!("{bin}: {other:?}"),
        };
        assert!(reason("bad").starts_with("bin `bad` of package `programs` did not build"));
        assert_eq!(
            reason("ugly"),
            "there is no bin `ugly` in package `programs`; it has `another`, `bad`, `good`, `zeta`"
        );
        assert!(reason("hamlet").starts_with("there is no package `plays` in the workspace `"));
        assert!(reason("hamlet").ends_with("it has `programs`"));
    }

    #[test]
    fn a_folder_without_a_workspace_has_no_guests() {
        let folder = tempfile::tempdir().expect("a folder");
        for dir in [folder.path().to_owned(), folder.path().join("missing")] {
            let built = build_all(&dir, &[("programs", "good")]);
            assert!(matches!(built["good"], Err(BuildError::NotBuilt(_))), "{built:?}");
        }
    }

    #[test]
    fn components_are_found_among_cargos_messages() {
        let message = |kind: &str, name: &str, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"path+file:///p#programs@0.1.0",
                "manifest_path":"/p/Cargo.toml","target":{{"kind":["{kind}"],"crate_types":["{kind}"],
                "name":"{name}","src_path":"/p/{name}.rs","edition":"2024","doc":true,
                "doctest":false,"test":true}},"profile":{{"opt_level":"3","debuginfo":0,
                "debug_assertions":false,"overflow_checks":false,"test":false}},"features":[],
                "filenames":[],"executable":{executable},"fresh":true}}"#
            )
            .replace('\n', "")
        };
        let lines = [
            message("lib", "programs", "null"),
            "a build script that prints".into(),
            message("bin", "graceful", r#""/t/graceful.wasm""#),
            message("custom-build", "build-script-build", "null"),
            message("bin", "pool", r#""/t/pool.wasm""#),
            r#"{"reason":"build-finished","success":true}"#.into(),
        ];
        let found = artefacts(lines.join("\n").as_bytes());
        let found: Vec<_> =
            found.iter().map(|(bin, path)| (bin.as_str(), path.to_str().expect("text"))).collect();
        assert_eq!(found, [("graceful", "/t/graceful.wasm"), ("pool", "/t/pool.wasm")]);
    }

    #[test]
    fn what_an_outer_cargo_says_of_its_package_is_not_passed_on_but_the_users_wishes_are() {
        for name in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "CARGO_BIN_EXE_loopbox", "OUT_DIR"] {
            assert!(is_of_an_outer_cargo(name.as_ref()), "{name}");
        }
        for name in ["CARGO", "CARGO_HOME", "CARGO_TARGET_DIR", "RUSTFLAGS", "RUSTUP_TOOLCHAIN"] {
            assert!(!is_of_an_outer_cargo(name.as_ref()), "{name}");
        }
    }
}
