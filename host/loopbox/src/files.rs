//! Writing files so that a kill at any moment leaves the old file or the new one, never half of one.
//!
//! This guards against kills and against readers that look too early. It does not guard against a loss of
//! power: nothing is forced to the disk, because everything written here can be made again.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{PoisonError, RwLock};

use tempfile::NamedTempFile;

/// Held for reading by each write under way. There is one for the whole process, because it is for the
/// process's end.
static UNDER_WAY: RwLock<()> = RwLock::new(());

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Whom the umask permits.
    Everyone,
    /// The owner only.
    Owner,
}

/// Writes a file, replacing what was there. Its folder is made if need be.
///
/// # Errors
/// Something could not be written; then the old file, if any, is untouched. A kill can leave a file
/// `.loopbox-*.tmp` beside it.
pub fn replace(
    path: &Path,
    readers: Readers,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>,
) -> io::Result<()> {
    let _under_way = UNDER_WAY.read().unwrap_or_else(PoisonError::into_inner);
    let file = written_beside(path, readers, write)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Writes a file that is not there yet. `check` looks at what was written, which has another name by then.
///
/// # Errors
/// There is such a file already ([`io::ErrorKind::AlreadyExists`]), something could not be written, or the
/// check fails; then there is no new file.
pub fn create<E: From<io::Error>>(
    path: &Path,
    readers: Readers,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>,
    check: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    let _under_way = UNDER_WAY.read().unwrap_or_else(PoisonError::into_inner);
    let file = written_beside(path, readers, write)?;
    check(file.path())?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}

/// A temporary file in the folder of this path, with what is written to it.
fn written_beside(
    path: &Path,
    readers: Readers,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>,
) -> io::Result<NamedTempFile> {
    // The parent of a bare file name is the empty path, which no system call takes.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".loopbox-").suffix(".tmp");
    #[cfg(unix)]
    if readers == Readers::Everyone {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder)?;
    let mut buffer = BufWriter::new(file.as_file_mut());
    write(&mut buffer)?;
    buffer.flush()?;
    drop(buffer);
    Ok(file)
}

/// Waits for the writes under way and lets no other begin: for the end of the process. Work that was
/// given up may still be going on in some thread, and would else be cut off in the middle of a file.
pub fn finish() {
    std::mem::forget(UNDER_WAY.write().unwrap_or_else(PoisonError::into_inner));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_in(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.json");
        replace(&path, Readers::Everyone, |file| file.write_all(b"old")).expect("written");
        replace(&path, Readers::Everyone, |file| {
            file.write_all(b"half of the n")?;
            file.flush()?;
            Err(io::ErrorKind::StorageFull.into())
        })
        .expect_err("the disk is full");
        assert_eq!(fs::read(&path).expect("still there"), b"old");
        assert_eq!(names_in(folder.path()), ["x.json"]);
    }

    #[test]
    fn a_new_file_replaces_nothing_and_is_checked_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.toml");
        let create = |text: &str, good: bool| {
            let text = text.to_owned();
            create(
                &path,
                Readers::Everyone,
                |file| file.write_all(text.as_bytes()),
                |written| {
                    assert_eq!(fs::read_to_string(written).expect("it is all there"), text);
                    assert_eq!(written.parent(), path.parent());
                    if good { Ok(()) } else { Err(io::Error::from(io::ErrorKind::InvalidData)) }
                },
            )
            .map_err(|error| error.kind())
        };
        assert_eq!(create("bad", false), Err(io::ErrorKind::InvalidData));
        assert!(names_in(folder.path()).is_empty());
        assert_eq!(create("first", true), Ok(()));
        assert_eq!(create("second", true), Err(io::ErrorKind::AlreadyExists));
        assert_eq!(fs::read(&path).expect("still there"), b"first");
        assert_eq!(names_in(folder.path()), ["x.toml"]);
    }

    #[test]
    fn folders_are_made_and_old_files_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/b/x.json");
        for text in ["first, and longer", "second"] {
            replace(&path, Readers::Everyone, |file| file.write_all(text.as_bytes()))
                .expect("written");
            assert_eq!(fs::read_to_string(&path).expect("there"), text);
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_reads_what_is_the_owners() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x");
        replace(&path, Readers::Owner, |file| file.write_all(b"x")).expect("written");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
}
