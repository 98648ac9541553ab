//! Large files of ours whose contents are known without reading them.
//!
//! A component of a Python program has twenty megabytes and its native code forty; to read and hash them at each
//! start would take longer than most runs. So beside such a file stands its *seal*: the hash of what was written,
//! and by what the system tells a changed file (its number, its size, its times). As long as the system says that
//! the file is the one that was sealed, its contents are; if it says otherwise, as after a copy, the file is
//! hashed and sealed again, or counts as missing. So damage by whoever wrote into the file, cut it off or put
//! another one in its place is found, as if it were read each time. What a disk does to a file behind the system's
//! back is not, as with every program on that disk.
//!
//! A seal tells damage, not malice: whoever can write the file can write its seal. A file that was changed just
//! before it was sealed might be changed again within the same tick of the file system's clock; such a seal
//! is not believed, and the next one is made later.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::files::{self, Readers};
use crate::sha256::Sha256;

/// The first line of a seal. A change of its form changes the number.
const HEADER: &str = "loopbox seal 1";

/// A file has to be this old when it is sealed. No file system that caches lie on has coarser times, but FAT.
const SETTLED: Duration = Duration::from_millis(100);

/// Writes a file for its owner alone, replacing what was there, and seals it.
///
/// # Errors
/// Something could not be written; then there may be no such file.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut written = None;
    files::replace(path, Readers::Owner, |file| {
        file.write_all(bytes)?;
        file.flush()?;
        // A seal must not outlive a loss of power that the contents do not.
        file.get_ref().sync_all()?;
        written = Some(file.get_ref().try_clone()?);
        Ok(())
    })?;
    match written {
        // Asked after the file got its name, which counts as a change.
        Some(file) => seal(path, Sha256::of(bytes), &file.metadata()?),
        None => Ok(()),
    }
}

/// The hash of what was written to this file; nothing if it is missing, damaged or was never sealed.
pub fn hash(path: &Path) -> Option<Sha256> {
    let text = fs::read_to_string(seal_of(path)).ok()?;
    let mut lines = text.lines();
    if lines.next()? != HEADER {
        return None;
    }
    let sha256 = Sha256::read(lines.next()?)?;
    let metadata = fs::metadata(path).ok()?;
    if lines.next()? == stamp(&metadata) && is_settled(path, &metadata) {
        return Some(sha256);
    }
    let file = File::open(path).ok()?;
    let before = file.metadata().ok()?;
    if Sha256::of_reader(&file).ok()? != sha256 {
        return None;
    }
    // A seal that cannot be written costs time and nothing else.
    let _ = seal(path, sha256, &before);
    Some(sha256)
}

fn seal(path: &Path, sha256: Sha256, metadata: &Metadata) -> io::Result<()> {
    let text = format!("{HEADER}\n{sha256}\n{}\n", stamp(metadata));
    files::replace(&seal_of(path), Readers::Owner, |file| file.write_all(text.as_bytes()))
}

fn seal_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".seal");
    path.with_file_name(name)
}

/// Whether the file was left alone for a while before it was sealed.
fn is_settled(path: &Path, metadata: &Metadata) -> bool {
    let sealed = fs::metadata(seal_of(path)).and_then(|seal| seal.modified());
    let (Ok(sealed), Ok(changed)) = (sealed, metadata.modified()) else { return false };
    sealed.duration_since(changed).is_ok_and(|age| age >= SETTLED)
}

/// By what the system tells one file, and one state of it, from another.
#[cfg(unix)]
fn stamp(metadata: &Metadata) -> String {
    use std::os::unix::fs::MetadataExt;
    format!(
        "{}:{} {} bytes, modified {}.{:09}, changed {}.{:09}",
        metadata.dev(),
        metadata.ino(),
        metadata.size(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec()
    )
}

#[cfg(not(unix))]
fn stamp(metadata: &Metadata) -> String {
    let modified = metadata.modified().ok();
    let since = modified.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    format!("{} bytes, modified {}", metadata.len(), since.unwrap_or_default().as_nanos())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn sealed(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x");
        write(&path, text.as_bytes()).expect("written");
        (folder, path)
    }

    /// As if the file had been written long ago.
    fn age(path: &Path) {
        let file = File::options().write(true).open(path).expect("opens");
        file.set_modified(SystemTime::now() - Duration::from_secs(60)).expect("set");
    }

    #[test]
    fn what_was_written_is_known_and_what_never_was_is_not() {
        let (folder, path) = sealed("text");
        assert_eq!(hash(&path), Some(Sha256::of(b"text")));
        assert_eq!(hash(&folder.path().join("y")), None);
        fs::write(folder.path().join("y"), "text").expect("written");
        assert_eq!(hash(&folder.path().join("y")), None, "nobody sealed it");
        write(&path, b"another text").expect("written");
        assert_eq!(hash(&path), Some(Sha256::of(b"another text")));
    }

    #[test]
    fn a_file_that_was_left_alone_is_not_read() {
        let (_folder, path) = sealed("text");
        age(&path);
        // Seals it again: its times have changed.
        assert_eq!(hash(&path), Some(Sha256::of(b"text")));
        let seal = fs::read_to_string(seal_of(&path)).expect("a seal");
        let other = Sha256::of(b"other").to_string();
        let forged = seal.replace(&Sha256::of(b"text").to_string(), &other);
        fs::write(seal_of(&path), forged).expect("written");
        // That this is believed shows that nobody looked.
        assert_eq!(hash(&path), Some(Sha256::of(b"other")));
    }

    #[test]
    fn a_file_that_was_changed_is_found_out_whether_or_not_it_is_old() {
        for old in [false, true] {
            for damaged in ["tex7", "tex", "texts", ""] {
                let (_folder, path) = sealed("text");
                if old {
                    age(&path);
                    assert!(hash(&path).is_some());
                }
                fs::write(&path, damaged).expect("written");
                assert_eq!(hash(&path), None, "{damaged}, old: {old}");
            }
        }
    }

    #[test]
    fn a_copy_of_the_same_contents_is_as_good() {
        let (folder, path) = sealed("text");
        let copy = folder.path().join("copy");
        fs::copy(&path, &copy).expect("copied");
        fs::rename(&copy, &path).expect("renamed");
        assert_eq!(hash(&path), Some(Sha256::of(b"text")));
    }

    #[test]
    fn a_seal_that_is_damaged_counts_as_none() {
        let (_folder, path) = sealed("text");
        let seal = fs::read_to_string(seal_of(&path)).expect("a seal");
        for text in ["", HEADER, &seal[..HEADER.len() + 30], &seal.replacen("seal 1", "seal 2", 1)]
        {
            fs::write(seal_of(&path), text).expect("written");
            assert_eq!(hash(&path), None, "{text:?}");
        }
    }
}
