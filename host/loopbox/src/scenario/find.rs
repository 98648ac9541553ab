//! Scenario files on disk.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::error::ScenarioError;

/// A scenario file; or something in a folder that cannot be looked at, so that nobody knows whether it
/// is one. That is the trouble of this one scenario.
pub type Found = Result<PathBuf, ScenarioError>;

/// Why there is no list of scenarios.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// Nothing has this path.
    #[error("`{}`: there is no such file or folder", .0.display())]
    Missing(PathBuf),
    /// It is there, but it is no scenario.
    #[error("`{}` is not a scenario: its name does not end in `.toml`", .0.display())]
    NotAScenario(PathBuf),
    /// The system does not let us look.
    #[error("cannot look at `{}`: {reason}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
}

/// The scenario files of these paths. A file stands for itself. A folder stands for the `.toml` files in it
/// and in its folders, in the order of their paths' bytes, but not for those whose name begins with `_`
/// (they are there to be extended) or `.` (they belong to editors and tools). No file is listed twice.
///
/// # Errors
/// One of these paths does not exist, or is no scenario. That a folder has no scenario is no error.
pub fn find(paths: &[PathBuf]) -> Result<Vec<Found>, FindError> {
    let mut found = Vec::new();
    for path in paths {
        let metadata = path.metadata().map_err(|reason| match reason.kind() {
            std::io::ErrorKind::NotFound => FindError::Missing(path.clone()),
            _ => FindError::Io { path: path.clone(), reason },
        })?;
        if metadata.is_dir() {
            found.extend(walk(path));
        } else if is_toml(path) {
            found.push(Ok(path.clone()));
        } else {
            return Err(FindError::NotAScenario(path.clone()));
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|found| {
        let path = path_of(found);
        seen.insert(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
    });
    Ok(found)
}

fn path_of(found: &Found) -> &Path {
    match found {
        Ok(path) => path,
        Err(error) => error.file(),
    }
}

/// The scenario files in a folder.
fn walk(folder: &Path) -> Vec<Found> {
    let mut found = Vec::new();
    let entries = WalkDir::new(folder).follow_links(true).into_iter();
    for entry in entries.filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry.path())) {
        let entry = match entry {
            Ok(entry) => entry,
            // A hidden link to nothing, as Emacs makes one for a file that is being edited.
            Err(error) if error.depth() > 0 && error.path().is_some_and(is_hidden) => continue,
            Err(error) => {
                found.push(Err(walk_error(&error, folder)));
                continue;
            }
        };
        let is_base = entry.file_name().as_encoded_bytes().starts_with(b"_");
        if entry.file_type().is_file() && is_toml(entry.path()) && !is_base {
            found.push(Ok(entry.into_path()));
        }
    }
    let bytes = |found: &Found| path_of(found).as_os_str().as_encoded_bytes().to_owned();
    found.sort_by_cached_key(bytes);
    found
}

fn walk_error(error: &walkdir::Error, folder: &Path) -> ScenarioError {
    let path = error.path().unwrap_or(folder);
    let message = match (error.loop_ancestor(), error.io_error()) {
        (Some(ancestor), _) => {
            format!("this is a link in a circle: it leads back to `{}`", ancestor.display())
        }
        (None, Some(reason)) if reason.kind() == std::io::ErrorKind::NotFound => {
            "this is a link to nothing".into()
        }
        (None, Some(reason)) => format!("cannot look at it: {reason}"),
        (None, None) => error.to_string(),
    };
    ScenarioError::of_file(path, message)
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn folder(files: &[&str]) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for name in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, "").expect("written");
        }
        folder
    }

    /// What is found from these paths, all relative to the folder.
    fn found(folder: &TempDir, paths: &[&str]) -> Vec<String> {
        let paths: Vec<_> = paths.iter().map(|path| folder.path().join(path)).collect();
        let relative = |path: PathBuf| {
            let path = path.strip_prefix(folder.path()).expect("inside").to_owned();
            path.into_os_string().into_string().expect("UTF-8")
        };
        let found = find(&paths).expect("all is there").into_iter();
        found.map(|found| relative(found.expect("it can be looked at"))).collect()
    }

    #[test]
    fn a_folder_is_walked_in_the_order_of_bytes() {
        let folder = folder(&[
            "b.toml",
            "a/z.toml",
            "a-.toml",
            "B.toml",
            "a/_base.toml",
            "a/x.trace",
            "a/.#z.toml",
            ".git/x.toml",
            "toml",
            "d.toml/e.toml",
        ]);
        let expected = ["B.toml", "a-.toml", "a/z.toml", "b.toml", "d.toml/e.toml"];
        assert_eq!(found(&folder, &[""]), expected);
    }

    #[test]
    fn a_file_is_taken_as_it_is_and_nothing_twice() {
        let folder = folder(&["s/_x.toml", "s/y.toml", "z.toml"]);
        let paths = ["z.toml", "s/_x.toml", "s", "./s/./y.toml", "z.toml"];
        assert_eq!(found(&folder, &paths), ["z.toml", "s/_x.toml", "s/y.toml"]);
    }

    #[test]
    fn a_folder_without_scenarios_is_an_empty_list() {
        assert!(found(&folder(&["x.txt"]), &[""]).is_empty());
    }

    #[test]
    fn what_is_no_scenario_is_named() {
        let folder = folder(&["x.txt"]);
        let message = |name: &str| {
            let error = find(&[folder.path().join(name)]).expect_err("no scenario").to_string();
            error.replace(&format!("{}/", folder.path().display()), "")
        };
        assert_eq!(message("none"), "`none`: there is no such file or folder");
        let expected = "`x.txt` is not a scenario: its name does not end in `.toml`";
        assert_eq!(message("x.txt"), expected);
        assert!(message("x.txt/y.toml").starts_with("cannot look at `x.txt/y.toml`: "));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_but_not_in_circles_and_not_to_nothing() {
        use std::os::unix::fs::symlink;
        let folder = folder(&["real/x.toml", "s/y.toml"]);
        let path = |name: &str| folder.path().join(name);
        symlink(path("real"), path("s/link")).expect("linked");
        symlink("nowhere", path("s/.#y.toml")).expect("linked");
        assert_eq!(found(&folder, &["s"]), ["s/link/x.toml", "s/y.toml"]);

        symlink(path("s"), path("real/back")).expect("linked");
        symlink("nowhere", path("s/z.toml")).expect("linked");
        let found = find(&[path("s")]).expect("the folder is there");
        let found: Vec<_> = found
            .into_iter()
            .map(|found| match found {
                Ok(path) => path.display().to_string(),
                Err(error) => format!("{}: {}", error.file().display(), error.message()),
            })
            .map(|shown| shown.replace(&format!("{}/", folder.path().display()), ""))
            .collect();
        let expected = [
            "s/link/back: this is a link in a circle: it leads back to `s`",
            "s/link/x.toml",
            "s/y.toml",
            "s/z.toml: this is a link to nothing",
        ];
        assert_eq!(found, expected, "each is the trouble of one scenario");
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_not_utf8_is_found() {
        use std::os::unix::ffi::OsStrExt;
        let folder = folder(&["a.toml"]);
        let odd = folder.path().join(std::ffi::OsStr::from_bytes(b"\xff.toml"));
        fs::write(&odd, "").expect("written");
        let found = find(&[folder.path().to_owned()]).expect("all is there");
        assert_eq!(found, [Ok(folder.path().join("a.toml")), Ok(odd)]);
    }
}
