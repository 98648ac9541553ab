//! The folder in which Python guests are built and kept.
//!
//! In the folder of all caches, `python` holds the environment of the tool, the components, and what is under way.
//! Whatever is kept there was made beside its place and then renamed, so a kill leaves nothing half made. Locks
//! are files that the system unlocks when their process ends.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::super::{BuildError, Component};
use super::component;
use crate::cache;
use crate::sealed;
use crate::sha256::Sha256;
use crate::terminal;

/// A build that is older than this was killed.
const LONGEST_BUILD: Duration = Duration::from_secs(24 * 3600);

/// Builds that are under way have one of so many locks each, by their hash.
const BUILD_LOCKS: u8 = 16;

/// Where guests are built.
#[derive(Clone, Debug)]
pub(super) struct Workshop {
    folder: PathBuf,
    /// The folder, if it is to be gone with the session.
    temporary: Option<Arc<TempDir>>,
}

/// The interpreter if it was built before. Blocks.
pub(super) fn kept(caches: Option<&Path>) -> Option<Component> {
    let workshop = Workshop { folder: folder_in(caches?), temporary: None };
    workshop.kept(component::key())
}

/// The workshop's folder in that of all caches.
pub(super) fn folder_in(caches: &Path) -> PathBuf {
    caches.join("python")
}

impl Workshop {
    /// Makes the folder in that of all caches; if nothing can be written there, one for this session alone.
    /// Blocks.
    ///
    /// # Errors
    /// Nothing can be written anywhere.
    pub(super) fn open(caches: Option<&Path>) -> Result<Workshop, BuildError> {
        let trouble = match caches {
            Some(caches) => {
                let workshop = Workshop { folder: folder_in(caches), temporary: None };
                match workshop.prepare() {
                    Ok(()) => return Ok(workshop),
                    Err(error) => format!("`{}`: {error}", workshop.folder.display()),
                }
            }
            None => {
                format!("this machine has no folder for caches; name one by {}", cache::VARIABLE)
            }
        };
        let temporary = tempfile::Builder::new().prefix("loopbox-python-").tempdir();
        let workshop = temporary.and_then(|folder| {
            let workshop = Workshop {
                folder: folder.path().join("python"),
                temporary: Some(Arc::new(folder)),
            };
            workshop.prepare().map(|()| workshop)
        });
        match workshop {
            Ok(workshop) => {
                terminal::note(&format!(
                    "warning: Python guests are not kept ({trouble}): they are built in each session"
                ));
                Ok(workshop)
            }
            Err(error) => Err(BuildError::NoTools(format!(
                "there is no folder to build Python guests in ({trouble}; the temporary folder: {error})"
            ))),
        }
    }

    fn prepare(&self) -> io::Result<()> {
        for folder in ["building", "components", "locks"] {
            cache::make_private_folder(&self.folder.join(folder))?;
        }
        // Whether there can be files, too.
        drop(self.scratch()?);
        for entry in fs::read_dir(self.folder.join("building"))?.filter_map(Result::ok) {
            let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
            if age > LONGEST_BUILD {
                // What cannot be removed is in nobody's way.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Ok(())
    }

    /// A folder for something that is being made, which is gone with its value. It is on the same disk as what is
    /// kept.
    pub(super) fn scratch(&self) -> io::Result<TempDir> {
        tempfile::Builder::new().prefix("").tempdir_in(self.folder.join("building"))
    }

    /// Something of this name that is kept.
    pub(super) fn place(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Waits until nobody else holds the lock of this name; it is given back with the file. Blocks.
    pub(super) fn lock(&self, name: &str, meanwhile: &str) -> io::Result<File> {
        let file = File::create(self.folder.join("locks").join(name))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                terminal::note(&format!("waiting for another loopbox that {meanwhile}"));
                file.lock()?;
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        Ok(file)
    }

    /// Waits until nobody else builds this component. Blocks.
    pub(super) fn lock_build(&self, key: Sha256) -> io::Result<File> {
        let number = key.0[0] % BUILD_LOCKS;
        self.lock(&format!("build-{number:x}"), "builds a Python guest")
    }

    /// A component that was built before. Blocks.
    pub(super) fn kept(&self, key: Sha256) -> Option<Component> {
        let path = self.component(key);
        let sha256 = sealed::hash(&path)?;
        Some(Component {
            path,
            sha256: Some(sha256),
            sources: None,
            _folder: self.temporary.clone(),
        })
    }

    /// Keeps a component. Blocks.
    pub(super) fn keep(&self, key: Sha256, component: &[u8]) -> io::Result<Component> {
        let path = self.component(key);
        sealed::write(&path, component)?;
        let sha256 = Some(Sha256::of(component));
        Ok(Component { path, sha256, sources: None, _folder: self.temporary.clone() })
    }

    fn component(&self, key: Sha256) -> PathBuf {
        self.folder.join("components").join(format!("{key}.wasm"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_found_in_the_next_session_unless_it_is_damaged() {
        let caches = tempfile::tempdir().expect("a folder");
        let key = Sha256::of(b"program");
        let open = || Workshop::open(Some(caches.path())).expect("a workshop");
        assert!(open().kept(key).is_none());
        let kept = open().keep(key, b"component").expect("kept");
        assert_eq!(kept.sha256, Some(Sha256::of(b"component")));
        let found = open().kept(key).expect("found");
        assert_eq!((found.path.clone(), found.sha256), (kept.path, kept.sha256));
        fs::write(&found.path, "componenx").expect("damaged");
        assert!(open().kept(key).is_none());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_replaced_by_one_for_the_session() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let workshop = Workshop::open(Some(&file.path().join("x"))).expect("a workshop");
        let kept = workshop.keep(Sha256::of(b"program"), b"component").expect("kept");
        drop(workshop);
        assert!(kept.path.is_file(), "whoever has the component has the folder");
        let path = kept.path.clone();
        drop(kept);
        assert!(!path.exists(), "it is gone with the last");
    }

    #[cfg(unix)]
    #[test]
    fn what_a_killed_build_left_is_removed_after_a_while() {
        use std::time::SystemTime;
        let caches = tempfile::tempdir().expect("a folder");
        let workshop = Workshop::open(Some(caches.path())).expect("a workshop");
        let left = |name: &str| workshop.place("building").join(name);
        for name in ["old", "new"] {
            fs::create_dir_all(left(name).join("stage")).expect("made");
        }
        let long_ago = SystemTime::now() - LONGEST_BUILD - Duration::from_secs(60);
        File::open(left("old")).and_then(|f| f.set_modified(long_ago)).expect("set");
        Workshop::open(Some(caches.path())).expect("a workshop");
        assert_eq!((left("old").exists(), left("new").exists()), (false, true));
    }
}
