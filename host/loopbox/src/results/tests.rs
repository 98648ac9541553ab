//! Reading results: what is found, what is wrong with it, what changed.

mod writing;

use std::fs;
use std::path::Path;

use loopbox_trace::record::Record;
use tempfile::TempDir;

use super::*;
use crate::testing::{record, trace};

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Keeps a run of this scenario.
fn keep(root: &Path, name: &str, seed: u64) -> PathBuf {
    let trace_name = Record::trace_file_name(seed);
    let record = Record { name: name.into(), seed, trace: trace_name, ..record() };
    Results::under(root.to_owned()).save(&record, &trace()).expect("written")
}

fn index(root: &Path) -> Index {
    let mut index = Index::new(root.to_owned(), None);
    index.refresh().expect("readable");
    index
}

fn ids(index: &Index) -> Vec<&str> {
    index.runs().iter().map(|run| run.id.as_str()).collect()
}

fn reason<'a>(index: &'a Index, id: &str) -> &'a str {
    index.run(id).expect("listed").record.as_ref().expect_err("it cannot be read")
}

#[test]
fn runs_are_found_by_folder_and_seed() {
    let root = folder();
    for (name, seed) in [("s/b", 10), ("s/b", 9), ("s/a", 0), ("top", 1), ("s", 3)] {
        keep(root.path(), name, seed);
    }
    let index = index(root.path());
    let expected = ["s/seed-3", "s/a/seed-0", "s/b/seed-9", "s/b/seed-10", "top/seed-1"];
    assert_eq!(ids(&index), expected);
    for id in expected {
        let run = index.run(id).expect("listed");
        let record = run.record.as_ref().expect("readable");
        assert_eq!(format!("{}/seed-{}", record.name, record.seed), id);
        let trace_path = index.trace_path(id).expect("listed").expect("named");
        assert_eq!(read_trace(&trace_path, TRACE_BYTES_MAX), Ok(trace()));
    }
    assert!(index.run("s/b/seed-8").is_none());
    assert_eq!(index.trace_path("s/b/seed-8"), None);
}

#[test]
fn other_files_are_no_runs() {
    let root = folder();
    for name in [
        "x.json",
        "seed-1.trace.jsonl",
        "seed-1.previous.json",
        "seed-01.json",
        "seed-+1.json",
        "seed-.json",
        "seed-99999999999999999999.json",
        ".loopbox-x.tmp",
    ] {
        fs::write(root.path().join(name), "{}").expect("written");
    }
    fs::create_dir(root.path().join("seed-2.json")).expect("made");
    assert!(ids(&index(root.path())).is_empty());
}

#[test]
fn what_is_wrong_with_a_run_is_said_in_its_place() {
    let root = folder();
    let path = keep(root.path(), "a", 0);
    let whole = fs::read_to_string(&path).expect("there");
    let replaced = |from: &str, to: &str| whole.replacen(from, to, 1).into_bytes();
    let cases = [
        (b"".to_vec(), "not a result of loopbox."),
        (whole.as_bytes()[..whole.len() / 2].to_vec(), "damaged at line "),
        (replaced("\"version\": 2", "\"version\": 99"), "written by a newer loopbox (version 99; "),
        (replaced("loopbox-result", "loopbox-trace"), "not a result of loopbox."),
        (b"{\"format\":\"loopbox-result\",\"version\":2,\"name\":\"\xff\"}".to_vec(), ""),
    ];
    for (text, expected) in cases {
        fs::write(&path, text).expect("written");
        let index = index(root.path());
        let expected = format!("This result cannot be read: {expected}");
        assert!(reason(&index, "a/seed-0").starts_with(&expected), "{index:?}");
        assert_eq!(index.trace_path("a/seed-0"), Some(Err(reason(&index, "a/seed-0").to_owned())));
    }
}

#[test]
fn a_record_leads_to_no_file_but_its_own_trace() {
    let root = folder();
    let path = keep(root.path(), "a", 0);
    for name in ["../seed-0.trace.jsonl", "/etc/passwd", "..", "", ".", "x/y"] {
        let record = Record { trace: name.into(), ..record() };
        let mut text = Vec::new();
        record.write(&mut text).expect("to memory");
        fs::write(&path, text).expect("written");
        let trace_path = index(root.path()).trace_path("a/seed-0").expect("listed");
        assert!(trace_path.is_err_and(|reason| reason.contains("damaged")), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    use std::os::unix::fs::symlink;
    let (root, elsewhere) = (folder(), folder());
    let path = keep(elsewhere.path(), "a", 0);
    fs::create_dir(root.path().join("b")).expect("made");
    symlink(&path, root.path().join("b/seed-0.json")).expect("linked");
    symlink(elsewhere.path().join("a"), root.path().join("c")).expect("linked");
    assert!(ids(&index(root.path())).is_empty());
    let trace_path = keep(root.path(), "d", 0).with_file_name(Record::trace_file_name(0));
    fs::remove_file(&trace_path).expect("removed");
    symlink(path.with_file_name(Record::trace_file_name(0)), &trace_path).expect("linked");
    assert_eq!(
        read_trace(&trace_path, TRACE_BYTES_MAX),
        Err("The trace cannot be read: it is not a file.".into())
    );
    // The folder itself may be one.
    let link = root.path().join("results");
    symlink(elsewhere.path(), &link).expect("linked");
    assert_eq!(ids(&index(&link)), ["a/seed-0"]);
}

#[test]
fn a_folder_that_is_not_there_yet_is_empty_and_a_file_is_no_folder() {
    let root = folder();
    assert!(ids(&index(&root.path().join("missing"))).is_empty());
    fs::write(root.path().join("file"), "").expect("written");
    let mut index = Index::new(root.path().join("file"), None);
    index.refresh().expect_err("not a folder");
}

#[test]
fn the_generation_changes_with_the_results_only() {
    let root = folder();
    let path = keep(root.path(), "a", 0);
    let mut index = index(root.path());
    let mut generations = vec![index.generation()];
    let mut look = |what: &str, changed: bool| {
        index.refresh().expect("readable");
        let is_new = !generations.contains(&index.generation());
        assert_eq!(is_new, changed, "{what}");
        generations.push(index.generation());
        ids(&index).join(" ")
    };
    assert_eq!(look("nothing happened", false), "a/seed-0");
    keep(root.path(), "b", 0);
    assert_eq!(look("a run came", true), "a/seed-0 b/seed-0");
    keep(root.path(), "a", 0);
    assert_eq!(look("a run was replaced by the same", true), "a/seed-0 b/seed-0");
    fs::write(root.path().join("a/x"), "x").expect("written");
    assert_eq!(look("a file came that is none of ours", false), "a/seed-0 b/seed-0");
    fs::remove_file(path).expect("removed");
    assert_eq!(look("a run went", true), "b/seed-0");
    assert_eq!(look("nothing happened", false), "b/seed-0");
}

#[test]
fn a_run_is_compared_with_what_it_replaced_or_with_another_folder() {
    let (root, other) = (folder(), folder());
    let title = |index: &Index| {
        let run = index.run("a/seed-7").expect("listed");
        run.previous.as_ref().map(|record| record.title.clone())
    };
    let save = |root: &Path, title: &str| {
        let record = Record { name: "a".into(), title: title.into(), ..record() };
        Results::under(root.to_owned()).save(&record, &trace()).expect("written")
    };
    save(root.path(), "first");
    let mut index = index(root.path());
    assert_eq!(title(&index), None);
    save(root.path(), "second");
    index.refresh().expect("readable");
    assert_eq!(title(&index).as_deref(), Some("first"));

    let mut against = Index::new(root.path().to_owned(), Some(other.path().to_owned()));
    against.refresh().expect("readable");
    assert_eq!(title(&against), None);
    save(other.path(), "other");
    against.refresh().expect("readable");
    assert_eq!(title(&against).as_deref(), Some("other"));
    let path = root.path().join("a/seed-7.previous.json");
    fs::write(path, "damaged").expect("written");
    index.refresh().expect("readable");
    assert_eq!(title(&index), None);
}

#[test]
fn a_trace_that_cannot_be_read_says_why() {
    let root = folder();
    let path = keep(root.path(), "a", 0).with_file_name(Record::trace_file_name(0));
    let whole = fs::read(&path).expect("there");
    let reason = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("written");
        read_trace(&path, TRACE_BYTES_MAX).expect_err("no trace")
    };
    assert_eq!(
        reason(&whole[..whole.len() - 1]),
        "The trace cannot be read: truncated: 1 of 2 events."
    );
    assert_eq!(reason(b"x"), "The trace cannot be read: not a trace of loopbox.");
    assert!(
        read_trace(&root.path().join("missing"), 1)
            .is_err_and(|reason| reason.starts_with("The trace cannot be read: "))
    );
    fs::write(&path, &whole).expect("written");
    let len = whole.len() as u64;
    assert_eq!(read_trace(&path, len), Ok(trace()));
    assert!(read_trace(&path, len - 1).is_err_and(|reason| reason.contains("no more than")));
}
