//! What a guest can see of the filesystem: here what is opened, found and remembered, and in the modules
//! below the bytes of files, the names in directories, and long sequences of operations.

mod contents;
mod entries;
mod model;

use std::time::Duration;

use super::FileError::*;
use super::*;

const CREATE: OpenFlags =
    OpenFlags { create: true, directory: false, exclusive: false, truncate: false };
const CREATE_NEW: OpenFlags = OpenFlags { exclusive: true, ..CREATE };
const TRUNCATE: OpenFlags = OpenFlags { create: false, truncate: true, ..CREATE };
const DIRECTORY: OpenFlags = OpenFlags { create: false, directory: true, ..CREATE };
const PLAIN: OpenFlags = OpenFlags { create: false, ..CREATE };

const READ: Access = Access { read: true, write: false };
const WRITE: Access = Access { read: false, write: true };
const BOTH: Access = Access { read: true, write: true };

/// A moment that is told apart from others by its number.
fn at(seconds: u64) -> Timestamp {
    Timestamp(Duration::from_secs(seconds))
}

fn limits(bytes: u64, nodes: usize) -> FileLimits {
    FileLimits { bytes, nodes }
}

/// `/docs/a` and `/docs/sub/b`, and the root.
fn sample() -> (FileSystem, Descriptor) {
    let files: [(&str, &[u8]); 2] = [("/docs/a", b"alpha"), ("//docs//sub/b", b"beta")];
    let mut system =
        FileSystem::with_files(files, FileLimits::default(), at(1)).expect("good paths");
    let root = system.open_root();
    (system, root)
}

/// Opens with everything allowed.
fn open(system: &mut FileSystem, base: &Descriptor, path: &str) -> Descriptor {
    system.open_at(base, path, CREATE, BOTH, at(2)).expect("can be opened")
}

fn open_dir(system: &mut FileSystem, base: &Descriptor, path: &str) -> Descriptor {
    system.open_at(base, path, DIRECTORY, READ, at(2)).expect("a directory")
}

fn contents(system: &mut FileSystem, base: &Descriptor, path: &str) -> Vec<u8> {
    let file = system.open_at(base, path, PLAIN, READ, at(2)).expect("can be read");
    let bytes = all(system, &file);
    system.close(file);
    bytes
}

fn all(system: &FileSystem, file: &Descriptor) -> Vec<u8> {
    system.read(file, 0, u64::MAX).expect("readable").0.to_vec()
}

fn names(system: &FileSystem, directory: &Descriptor) -> Vec<String> {
    let entries = system.read_directory(directory).expect("a directory");
    entries.into_iter().map(|entry| entry.name).collect()
}

/// The error of opening, which [`Descriptor`] cannot be compared for.
fn open_error(system: &mut FileSystem, path: &str, flags: OpenFlags, access: Access) -> FileError {
    let root = system.open_root();
    system.open_at(&root, path, flags, access, at(2)).expect_err(path)
}

#[test]
fn given_files_are_there_with_their_parents() {
    let (mut system, root) = sample();
    assert_eq!(contents(&mut system, &root, "docs/a"), b"alpha");
    assert_eq!(contents(&mut system, &root, "docs/sub/b"), b"beta");
    let docs = open_dir(&mut system, &root, "docs");
    let entries = system.read_directory(&docs).expect("a directory");
    let entry = |kind, name: &str| DirectoryEntry { kind, name: name.into() };
    assert_eq!(entries, [entry(FileKind::RegularFile, "a"), entry(FileKind::Directory, "sub")]);
}

#[test]
fn a_given_file_that_cannot_be_placed_is_named() {
    let place = |path, bytes: &[u8]| {
        let files: [(&str, &[u8]); 2] = [("/a", b"x"), (path, bytes)];
        let error = FileSystem::with_files(files, limits(3, 5), at(1)).expect_err(path);
        assert_eq!(error.path, path);
        error.reason
    };
    assert_eq!(place("b", b""), Invalid);
    assert_eq!(place("/a", b""), Exist);
    assert_eq!(place("/a/b", b""), NotDirectory);
    assert_eq!(place("/b/", b""), IsDirectory);
    assert_eq!(place("/../b", b""), NotPermitted);
    assert_eq!(place("/b", b"too long"), InsufficientSpace);
    assert_eq!(place("/1/2/3/4", b""), InsufficientSpace);
    let error = PlaceFileError { path: "/a".into(), reason: Exist };
    assert_eq!(error.to_string(), "cannot place the file `/a`: file exists");
}

#[test]
fn dots_and_empty_steps_are_followed_within_the_base() {
    let (mut system, root) = sample();
    for path in ["docs/a", "./docs//a", "docs/sub/../a", "docs/./sub/.././a"] {
        assert_eq!(contents(&mut system, &root, path), b"alpha", "{path}");
    }
    for path in [".", "docs/..", "./"] {
        let same = open_dir(&mut system, &root, path);
        assert!(system.is_same_object(&root, &same), "{path}");
    }
}

#[test]
fn no_path_leaves_its_base_directory() {
    let (mut system, root) = sample();
    let sub = open_dir(&mut system, &root, "docs/sub");
    for path in ["..", "../a", "../sub/b", "b/../..", "/docs/a", "/"] {
        let expected = if path.starts_with("b/") { NotDirectory } else { NotPermitted };
        assert_eq!(system.stat_at(&sub, path), Err(expected), "{path}");
    }
    assert_eq!(system.stat_at(&root, "docs/../.."), Err(NotPermitted));
}

#[test]
fn bad_paths_are_refused() {
    let (mut system, root) = sample();
    let longest_name = "n".repeat(255);
    let too_long_name = "n".repeat(256);
    let longest_path = format!("{}ab", "./".repeat(2047));
    let too_long_path = format!("{}a", "./".repeat(2048));
    for (path, error) in [
        ("", NoEntry),
        ("missing", NoEntry),
        ("missing/../docs", NoEntry),
        ("docs/a/x", NotDirectory),
        ("docs/a/..", NotDirectory),
        ("docs/a/", NotDirectory),
        ("nul\0byte", Invalid),
        (&longest_name, NoEntry),
        (&too_long_name, NameTooLong),
        (&longest_path, NoEntry),
        (&too_long_path, NameTooLong),
    ] {
        assert_eq!(system.stat_at(&root, path), Err(error), "{path}");
    }
    let file = open(&mut system, &root, "docs/a");
    assert_eq!(system.stat_at(&file, "x"), Err(NotDirectory));
    assert_eq!(system.stat_at(&file, "."), Err(NotDirectory));
}

#[test]
fn open_creates_truncates_and_excludes() {
    let (mut system, root) = sample();
    assert_eq!(open_error(&mut system, "new", PLAIN, BOTH), NoEntry);
    open(&mut system, &root, "new");
    assert_eq!(contents(&mut system, &root, "new"), b"");
    open(&mut system, &root, "docs/a");
    assert_eq!(contents(&mut system, &root, "docs/a"), b"alpha");
    assert_eq!(open_error(&mut system, "docs/a", CREATE_NEW, BOTH), Exist);
    assert_eq!(open_error(&mut system, "docs", CREATE_NEW, BOTH), Exist);
    system.open_at(&root, "newer", CREATE_NEW, BOTH, at(2)).expect("it is new");
    system.open_at(&root, "docs/a", TRUNCATE, WRITE, at(2)).expect("it exists");
    assert_eq!(contents(&mut system, &root, "docs/a"), b"");
    assert_eq!(open_error(&mut system, "none", TRUNCATE, WRITE), NoEntry);
}

#[test]
fn open_tells_files_and_directories_apart() {
    let (mut system, _) = sample();
    assert_eq!(open_error(&mut system, "docs/a", DIRECTORY, READ), NotDirectory);
    assert_eq!(open_error(&mut system, "docs", PLAIN, WRITE), IsDirectory);
    assert_eq!(open_error(&mut system, "docs", CREATE, READ), IsDirectory);
    assert_eq!(open_error(&mut system, "docs", TRUNCATE, READ), IsDirectory);
    assert_eq!(open_error(&mut system, ".", CREATE, READ), IsDirectory);
    assert_eq!(open_error(&mut system, "new/", CREATE, READ), IsDirectory);
    let both = OpenFlags { directory: true, ..CREATE };
    assert_eq!(open_error(&mut system, "new", both, READ), Invalid);
}

#[test]
fn a_descriptor_allows_only_what_it_was_opened_for() {
    let (mut system, root) = sample();
    let reader = system.open_at(&root, "docs/a", PLAIN, READ, at(2)).expect("exists");
    assert_eq!(system.access(&reader), READ);
    assert_eq!(system.write(&reader, 0, b"x", at(3)), Err(BadDescriptor));
    assert_eq!(system.append(&reader, b"x", at(3)), Err(BadDescriptor));
    assert_eq!(system.set_size(&reader, 0, at(3)), Err(BadDescriptor));
    let writer = system.open_at(&root, "docs/a", PLAIN, WRITE, at(2)).expect("exists");
    assert_eq!(system.read(&writer, 0, 1), Err(BadDescriptor));
    assert_eq!(all(&system, &reader), b"alpha");
}

#[test]
fn nodes_are_counted_while_they_exist() {
    let mut system = FileSystem::new(limits(10, 3), at(1));
    let root = system.open_root();
    let file = open(&mut system, &root, "f");
    system.create_directory_at(&root, "d", at(2)).expect("the third node");
    assert_eq!(system.create_directory_at(&root, "e", at(2)), Err(InsufficientSpace));
    assert_eq!(open_error(&mut system, "e", CREATE, BOTH), InsufficientSpace);
    assert_eq!(system.create_directory_at(&root, "d", at(2)), Err(Exist));
    system.unlink_file_at(&root, "f", at(2)).expect("a file");
    assert_eq!(system.create_directory_at(&root, "e", at(2)), Err(InsufficientSpace));
    system.close(file);
    system.create_directory_at(&root, "e", at(2)).expect("the file is gone");
}

#[test]
fn an_unlinked_file_lives_until_its_last_descriptor_is_closed() {
    let (mut system, root) = sample();
    let before = system.nodes.usage();
    let file = open(&mut system, &root, "docs/a");
    let second = system.duplicate(&file);
    system.unlink_file_at(&root, "docs/a", at(3)).expect("a file");
    assert_eq!(system.stat_at(&root, "docs/a"), Err(NoEntry));
    assert_eq!(system.stat(&file).links, 0);
    system.close(file);
    system.append(&second, b"!", at(4)).expect("still open");
    assert_eq!(all(&system, &second), b"alpha!");
    assert_eq!(system.nodes.usage(), (before.0, before.1 + 1));
    system.close(second);
    assert_eq!(system.nodes.usage(), (before.0 - 1, before.1 - 5));
}

#[test]
fn times_follow_the_changes() {
    let (mut system, root) = sample();
    let times = |system: &FileSystem, path: &str| {
        let Times { accessed, modified, changed } =
            system.stat_at(&root, path).expect("there").times;
        [accessed, modified, changed].map(|time| time.0.as_secs())
    };
    assert_eq!(times(&system, "docs/a"), [1, 1, 1]);
    let file = system.open_at(&root, "docs/a", PLAIN, BOTH, at(2)).expect("there");
    system.read(&file, 0, 1).expect("readable");
    assert_eq!(times(&system, "docs/a"), [1, 1, 1]);
    system.write(&file, 0, b"x", at(3)).expect("writable");
    assert_eq!(times(&system, "docs/a"), [1, 3, 3]);
    system.set_size(&file, 1, at(4)).expect("writable");
    assert_eq!(times(&system, "docs/a"), [1, 4, 4]);
    assert_eq!(times(&system, "docs"), [1, 1, 1]);
    system.rename_at(&root, "docs/a", &root, "docs/sub/a", at(5)).expect("free");
    assert_eq!(times(&system, "docs/sub/a"), [1, 4, 5]);
    assert_eq!(times(&system, "docs"), [1, 5, 5]);
    assert_eq!(times(&system, "docs/sub"), [1, 5, 5]);
    system.set_times(&file, Some(at(100)), None, at(6));
    assert_eq!(times(&system, "docs/sub/a"), [100, 4, 6]);
    system.set_times_at(&root, "docs", None, Some(at(200)), at(7)).expect("there");
    assert_eq!(times(&system, "docs"), [1, 200, 7]);
    system.create_directory_at(&root, "docs/new", at(8)).expect("free");
    assert_eq!(times(&system, "docs"), [1, 8, 8]);
    assert_eq!(times(&system, "docs/new"), [8, 8, 8]);
    system.unlink_file_at(&root, "docs/sub/a", at(9)).expect("a file");
    assert_eq!(times(&system, "docs/sub"), [1, 9, 9]);
    assert_eq!(system.set_times_at(&root, "x", None, None, at(9)), Err(NoEntry));
}

#[test]
fn a_timestamp_has_less_than_a_second_of_nanoseconds() {
    assert_eq!(
        Timestamp::new(u64::MAX, 999_999_999),
        Ok(Timestamp(Duration::new(u64::MAX, 999_999_999)))
    );
    assert_eq!(Timestamp::new(u64::MAX, 1_000_000_000), Err(Invalid));
}

#[test]
fn the_metadata_hash_tells_identity_and_state_apart() {
    let (mut system, root) = sample();
    let file = open(&mut system, &root, "docs/a");
    let before = system.metadata_hash(&file);
    system.append(&file, b"!", at(3)).expect("writable");
    let after = system.metadata_hash(&file);
    assert_eq!(after.lower, before.lower);
    assert_ne!(after.upper, before.upper);
    system.rename_at(&root, "docs/a", &root, "b", at(4)).expect("free");
    assert_eq!(system.metadata_hash_at(&root, "b"), Ok(after));
    assert_eq!(system.metadata_hash_at(&root, "docs/a"), Err(NoEntry));
    // A file that comes in the place of another is another, also at the same moment.
    system.close(file);
    system.unlink_file_at(&root, "b", at(4)).expect("a file");
    open(&mut system, &root, "b");
    assert_ne!(system.metadata_hash_at(&root, "b").expect("made").lower, after.lower);
}

#[test]
fn the_metadata_hash_is_the_same_in_every_release() {
    let (system, root) = sample();
    let MetadataHash { lower, upper } = system.metadata_hash(&root);
    // Written down from the first run. Inode numbers are part of some guests' output.
    assert_eq!((lower, upper), (0xe220_a839_7b1d_cdaf, 0xd9ee_f7f0_73d3_7c42));
}

#[test]
fn reading_a_link_tells_a_missing_one_from_what_is_none() {
    let (system, root) = sample();
    assert_eq!(system.read_link_error_at(&root, "docs/a"), Invalid);
    assert_eq!(system.read_link_error_at(&root, "docs/x"), NoEntry);
}
