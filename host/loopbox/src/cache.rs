//! Compiled guests on disk, so that a component is compiled once and not in every session.
//!
//! An entry is found by the hash of the component and the fingerprint of the compiler, so it is never out
//! of date and nothing here has to be told of changes. Each entry is sealed (see [`sealed`]): one that was
//! cut off or damaged counts as missing, and is replaced. The cache is a help and never a need: without a
//! folder that can be written, guests are compiled every time.
//!
//! Entries are native code that will be executed. The seal tells damage, not malice: whoever can write to
//! this folder can run code as its owner, as with `~/.cargo/bin`. So the folder is made for its owner
//! alone. An entry is replaced as a whole and never written to, because it may be in use as somebody's memory.
//! Old entries are not removed; it is always safe to remove the folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::sealed;
use crate::sha256::Sha256;

/// The environment variable that names the folder of all caches.
pub const VARIABLE: &str = "LOOPBOX_CACHE";

/// What an entry is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Of the component's bytes.
    pub component: Sha256,
    /// Of the compiler and its settings: letters and digits.
    pub fingerprint: String,
}

/// The cache of compiled guests.
#[derive(Clone, Debug)]
pub struct Cache {
    /// The folder of all caches; `None` if this machine has no place for caches.
    root: Option<PathBuf>,
    /// Where the entries lie.
    folder: Option<PathBuf>,
}

impl Cache {
    /// The cache in `$LOOPBOX_CACHE`, or where the platform keeps caches.
    pub fn of_environment() -> Cache {
        let root = match std::env::var_os(VARIABLE).filter(|root| !root.is_empty()) {
            // Tools are started in folders of their own.
            Some(root) => Some(std::path::absolute(&root).unwrap_or_else(|_| root.into())),
            None => etcetera::choose_base_strategy()
                .ok()
                .map(|strategy| strategy.cache_dir().join("loopbox")),
        };
        root.map_or(Cache { root: None, folder: None }, |root| Cache::under(&root))
    }

    /// The cache in this folder of caches.
    pub fn under(root: &Path) -> Cache {
        Cache { root: Some(root.to_owned()), folder: Some(root.join("compiled")) }
    }

    /// The file that holds what [`Cache::put`] was given for this key, byte for byte; nothing if there is no
    /// such entry or if it is damaged.
    pub fn get(&self, key: &Key) -> Option<PathBuf> {
        let path = self.path(key)?;
        sealed::hash(&path)?;
        Some(path)
    }

    /// Keeps an artefact.
    ///
    /// # Errors
    /// The folder or the file cannot be written. Nothing is lost but time.
    pub fn put(&self, key: &Key, artefact: &[u8]) -> io::Result<()> {
        let Some(path) = self.path(key) else {
            return Ok(());
        };
        if let Some(folder) = path.parent() {
            make_private_folder(folder)?;
        }
        sealed::write(&path, artefact)
    }

    /// The folder of all caches.
    pub fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// Where the entries lie.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    fn path(&self, key: &Key) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(format!("{}-{}.cwasm", key.component, key.fingerprint)))
    }
}

/// Makes a folder, with those above it, for its owner alone. One that is there stays as it is.
///
/// # Errors
/// It cannot be made.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::under(folder.path());
        (folder, cache)
    }

    /// What is kept for the key.
    fn kept(cache: &Cache, key: &Key) -> Option<Vec<u8>> {
        cache.get(key).map(|path| fs::read(path).expect("there"))
    }

    fn key() -> Key {
        Key { component: Sha256::of(b"component"), fingerprint: "f00d".into() }
    }

    #[test]
    fn what_was_put_is_got_back_by_the_same_key_only() {
        let (_folder, cache) = cache();
        assert_eq!(cache.get(&key()), None);
        cache.put(&key(), b"artefact").expect("written");
        assert_eq!(kept(&cache, &key()).as_deref(), Some(&b"artefact"[..]));
        assert_eq!(cache.get(&Key { fingerprint: "beef".into(), ..key() }), None);
        assert_eq!(cache.get(&Key { component: Sha256::of(b"other"), ..key() }), None);
    }

    #[test]
    fn an_entry_damaged_anywhere_counts_as_missing_and_can_be_replaced() {
        let (_folder, cache) = cache();
        cache.put(&key(), b"artefact").expect("written");
        let path = cache.path(&key()).expect("a path");
        let whole = fs::read(&path).expect("there");
        for index in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[index] ^= 1;
            fs::write(&path, damaged).expect("written");
            assert_eq!(cache.get(&key()), None, "bit of byte {index} flipped");
            fs::write(&path, &whole[..index]).expect("written");
            assert_eq!(cache.get(&key()), None, "cut off at {index}");
        }
        cache.put(&key(), b"artefact").expect("replaced");
        assert_eq!(kept(&cache, &key()).as_deref(), Some(&b"artefact"[..]));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_of_put_and_a_miss_of_get() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let cache = Cache::under(file.path());
        assert_eq!(cache.get(&key()), None);
        cache.put(&key(), b"artefact").expect_err("a file is no folder");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_write_the_folder() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, cache) = cache();
        cache.put(&key(), b"artefact").expect("written");
        let folder = cache.folder().expect("a folder");
        let mode = fs::metadata(folder).expect("there").permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
}
