//! Making, removing and renaming.

use super::*;

#[test]
fn create_directory_refuses_what_is_there() {
    let (mut system, root) = sample();
    system.create_directory_at(&root, "docs/new/", at(2)).expect("free");
    assert_eq!(system.stat_at(&root, "docs/new").expect("made").kind, FileKind::Directory);
    for (path, error) in [
        ("docs/new", Exist),
        ("docs/a", Exist),
        (".", Exist),
        ("docs/..", Exist),
        ("x/y", NoEntry),
        ("docs/a/y", NotDirectory),
    ] {
        assert_eq!(system.create_directory_at(&root, path, at(2)), Err(error), "{path}");
    }
}

#[test]
fn remove_directory_wants_an_empty_directory() {
    let (mut system, root) = sample();
    for (path, error) in [
        ("docs", NotEmpty),
        ("docs/a", NotDirectory),
        ("docs/x", NoEntry),
        ("docs/sub/..", NotEmpty),
    ] {
        assert_eq!(system.remove_directory_at(&root, path, at(2)), Err(error), "{path}");
    }
    system.unlink_file_at(&root, "docs/sub/b", at(2)).expect("a file");
    assert_eq!(system.remove_directory_at(&root, "docs/sub/.", at(2)), Err(Invalid));
    system.remove_directory_at(&root, "docs/sub/", at(2)).expect("empty");
    let docs = open_dir(&mut system, &root, "docs");
    assert_eq!(names(&system, &docs), ["a"]);
}

#[test]
fn an_open_directory_that_was_removed_stays_empty() {
    let (mut system, root) = sample();
    system.create_directory_at(&root, "x", at(2)).expect("free");
    system.create_directory_at(&root, "x/y", at(2)).expect("free");
    let gone = open_dir(&mut system, &root, "x/y");
    system.remove_directory_at(&root, "x/y", at(2)).expect("empty");
    system.remove_directory_at(&root, "x", at(2)).expect("empty");
    assert_eq!(names(&system, &gone), Vec::<String>::new());
    assert_eq!(system.create_directory_at(&gone, "z", at(2)), Err(NoEntry));
    assert_eq!(
        system.open_at(&gone, "z", CREATE, BOTH, at(2)).expect_err("nowhere to put it"),
        NoEntry
    );
    assert_eq!(system.rename_at(&root, "docs", &gone, "z", at(2)), Err(NoEntry));
    assert_eq!(system.rename_at(&root, "docs/a", &gone, "z", at(2)), Err(NoEntry));
    assert_eq!(contents(&mut system, &root, "docs/a"), b"alpha");
}

#[test]
fn unlink_wants_a_file() {
    let (mut system, root) = sample();
    for (path, error) in [
        ("docs", IsDirectory),
        ("docs/..", IsDirectory),
        ("docs/x", NoEntry),
        ("docs/a/", NotDirectory),
    ] {
        assert_eq!(system.unlink_file_at(&root, path, at(2)), Err(error), "{path}");
    }
}

#[test]
fn rename_moves_files_and_whole_directories() {
    let (mut system, root) = sample();
    system.rename_at(&root, "docs/a", &root, "b", at(2)).expect("free");
    assert_eq!(contents(&mut system, &root, "b"), b"alpha");
    assert_eq!(system.stat_at(&root, "docs/a"), Err(NoEntry));
    let docs = open_dir(&mut system, &root, "docs");
    system.rename_at(&docs, "sub/", &root, "moved/", at(2)).expect("free");
    assert_eq!(contents(&mut system, &root, "moved/b"), b"beta");
    // The old parent is below the moved directory now only if the move was noted there.
    system.rename_at(&root, "docs", &root, "moved/docs", at(2)).expect("not into itself");
    assert_eq!(system.rename_at(&root, "moved", &docs, "m", at(2)), Err(Invalid));
}

#[test]
fn rename_replaces_like_by_like() {
    let (mut system, root) = sample();
    let replaced = open(&mut system, &root, "docs/sub/b");
    system.rename_at(&root, "docs/a", &root, "docs/sub/b", at(2)).expect("file by file");
    assert_eq!(contents(&mut system, &root, "docs/sub/b"), b"alpha");
    assert_eq!(all(&system, &replaced), b"beta");
    system.close(replaced);
    assert_eq!(system.nodes.usage(), (4, 5));
    system.create_directory_at(&root, "empty", at(2)).expect("free");
    system.rename_at(&root, "docs", &root, "empty", at(2)).expect("directory by directory");
    assert_eq!(names(&system, &root), ["empty"]);
}

#[test]
fn rename_refuses_what_posix_refuses() {
    let (mut system, root) = sample();
    system.create_directory_at(&root, "empty", at(2)).expect("free");
    for (old, new, error) in [
        ("x", "y", NoEntry),
        ("docs/a", "x/y", NoEntry),
        ("docs/a", "empty", IsDirectory),
        ("empty", "docs/a", NotDirectory),
        ("empty", "docs", NotEmpty),
        ("docs", "docs/x", Invalid),
        ("docs", "docs/sub/x", Invalid),
        ("docs/a", "y/", NotDirectory),
        ("docs/a/", "y", NotDirectory),
        (".", "y", Invalid),
        ("docs", "empty/.", Invalid),
        ("docs/a", "../y", NotPermitted),
    ] {
        assert_eq!(system.rename_at(&root, old, &root, new, at(2)), Err(error), "{old} -> {new}");
    }
    let before = system.stat_at(&root, "docs/a");
    system.rename_at(&root, "docs/a", &root, "docs/sub/../a", at(9)).expect("to itself");
    assert_eq!(system.stat_at(&root, "docs/a"), before);
}
