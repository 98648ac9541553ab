//! Reading, writing and resizing files, and the limits on that.

use super::*;

#[test]
fn operations_on_bytes_refuse_a_directory() {
    let (mut system, root) = sample();
    assert_eq!(system.kind(&root), FileKind::Directory);
    assert_eq!(system.read(&root, 0, 1), Err(IsDirectory));
    assert_eq!(system.write(&root, 0, b"x", at(3)), Err(IsDirectory));
    assert_eq!(system.append(&root, b"x", at(3)), Err(IsDirectory));
    assert_eq!(system.set_size(&root, 0, at(3)), Err(IsDirectory));
    let file = open(&mut system, &root, "docs/a");
    assert_eq!(system.kind(&file), FileKind::RegularFile);
    assert_eq!(system.read_directory(&file), Err(NotDirectory));
}

#[test]
fn reads_are_cut_off_at_the_end_of_the_file() {
    let (mut system, root) = sample();
    let file = open(&mut system, &root, "docs/a");
    for (offset, length, bytes, at_end) in [
        (0, 5, "alpha", true),
        (0, 4, "alph", false),
        (1, 3, "lph", false),
        (3, 100, "ha", true),
        (5, 1, "", true),
        (2, 0, "", false),
        (u64::MAX, u64::MAX, "", true),
        (1, u64::MAX, "lpha", true),
    ] {
        let expected = Ok((bytes.as_bytes(), at_end));
        assert_eq!(system.read(&file, offset, length), expected, "{offset}, {length}");
    }
}

#[test]
fn writes_overwrite_extend_and_fill_holes_with_zeros() {
    let (mut system, root) = sample();
    let file = open(&mut system, &root, "docs/a");
    system.write(&file, 1, b"LP", at(3)).expect("within");
    assert_eq!(all(&system, &file), b"aLPha");
    system.write(&file, 4, b"AB", at(3)).expect("over the end");
    assert_eq!(all(&system, &file), b"aLPhAB");
    system.write(&file, 8, b"C", at(3)).expect("behind the end");
    assert_eq!(all(&system, &file), b"aLPhAB\0\0C");
    system.append(&file, b"D", at(3)).expect("room is left");
    assert_eq!(all(&system, &file), b"aLPhAB\0\0CD");
    system.write(&file, u64::MAX, b"", at(3)).expect("nothing to write");
    assert_eq!(system.stat(&file).size, 10);
}

#[test]
fn set_size_cuts_and_fills() {
    let (mut system, root) = sample();
    let file = open(&mut system, &root, "docs/a");
    system.set_size(&file, 2, at(3)).expect("shorter");
    system.set_size(&file, 4, at(3)).expect("longer");
    assert_eq!(all(&system, &file), b"al\0\0");
}

#[test]
fn absurd_sizes_are_refused_before_anything_is_allocated() {
    let (mut system, root) = sample();
    let file = open(&mut system, &root, "docs/a");
    assert_eq!(system.set_size(&file, u64::MAX, at(3)), Err(FileTooLarge));
    assert_eq!(system.write(&file, u64::MAX, b"x", at(3)), Err(FileTooLarge));
    assert_eq!(system.write(&file, i64::MAX as u64, b"x", at(3)), Err(FileTooLarge));
    assert_eq!(system.set_size(&file, i64::MAX as u64, at(3)), Err(InsufficientSpace));
    assert_eq!(system.write(&file, 1 << 50, b"x", at(3)), Err(InsufficientSpace));
    assert_eq!(all(&system, &file), b"alpha");
    assert_eq!(system.stat(&file).times.modified, at(1));
}

#[test]
fn all_files_together_stay_under_the_limit_of_bytes() {
    let mut system = FileSystem::new(limits(10, 100), at(1));
    let root = system.open_root();
    let (one, two) = (open(&mut system, &root, "one"), open(&mut system, &root, "two"));
    system.write(&one, 0, &[1; 6], at(2)).expect("6 of 10");
    assert_eq!(system.write(&two, 0, &[2; 5], at(2)), Err(InsufficientSpace));
    system.write(&two, 0, &[2; 4], at(2)).expect("10 of 10");
    assert_eq!(system.append(&two, &[2], at(2)), Err(InsufficientSpace));
    system.write(&one, 0, &[3; 6], at(2)).expect("overwriting takes no room");
    system.set_size(&one, 5, at(2)).expect("shorter");
    system.append(&two, &[2], at(2)).expect("the room was given back");
    assert_eq!(system.nodes.usage(), (3, 10));
}

#[test]
fn cut_off_bytes_do_not_stay_allocated() {
    let mut system = FileSystem::new(FileLimits::default(), at(1));
    let root = system.open_root();
    let file = open(&mut system, &root, "f");
    system.set_size(&file, 1 << 20, at(2)).expect("within the limit");
    system.set_size(&file, 1, at(2)).expect("shorter");
    let Body::File(bytes) = &system.nodes.get(file.node).body else { panic!("a file") };
    assert!(bytes.capacity() < 4096, "{}", bytes.capacity());
}
