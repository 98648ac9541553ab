//! Writing results: where they go, and what is there if something fails.

use super::super::*;
use crate::testing::{record, trace};

#[test]
fn folders_mirror_plain_names() {
    let folder = folder_of("scenarios/signals/sigterm-quiet_2.v1");
    assert_eq!(folder, Path::new("scenarios/signals/sigterm-quiet_2.v1"));
}

#[test]
fn no_name_escapes_or_meets_another() {
    let long = "x".repeat(300);
    let longer = "x".repeat(301);
    let names = [
        "",
        ".",
        "..",
        "../../etc/passwd",
        "/tmp/x",
        "//tmp/x",
        "tmp/x",
        "tmp\\x",
        "tmp x",
        "tmp_x",
        "ä",
        ".git",
        &long,
        &longer,
    ];
    let folders: Vec<PathBuf> = names.iter().map(|name| folder_of(name)).collect();
    for (index, folder) in folders.iter().enumerate() {
        for part in folder.components() {
            assert!(matches!(part, std::path::Component::Normal(_)), "{folder:?}");
            let part = part.as_os_str().to_str().expect("text");
            assert!(part.is_ascii() && part.len() <= 120 && !part.contains('\\'), "{folder:?}");
        }
        assert!(folder.components().count() > 0);
        assert!(!folders[..index].contains(folder), "{folder:?} stands for two names");
    }
}

#[test]
fn a_result_is_a_record_and_the_trace_that_it_names() {
    let root = tempfile::tempdir().expect("a folder");
    let results = Results::under(root.path().join("results"));
    let path = results.save(&record(), &trace()).expect("written");
    assert_eq!(path, root.path().join("results/sigterm-quiet/seed-7.json"));
    let text = fs::read_to_string(&path).expect("there");
    assert!(
        text.starts_with("{\n  \"format\": \"loopbox-result\",\n  \"version\": 2,\n"),
        "{text}"
    );
    let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(read["checks"][0]["status"], "fails");
    assert_eq!(read["summary"]["worst-stall"], 1_050_000_000);
    let trace_path = path.with_file_name(read["trace"].as_str().expect("a name"));
    let stored = fs::File::open(trace_path).expect("there");
    assert_eq!(store::read(io::BufReader::new(stored)).expect("a trace"), trace());
}

#[test]
fn the_same_run_leaves_the_same_bytes() {
    let root = tempfile::tempdir().expect("a folder");
    let results = Results::under(root.path().to_owned());
    let save = || {
        let path = results.save(&record(), &trace()).expect("written");
        let trace_path = path.with_file_name(Record::trace_file_name(7));
        (fs::read(path).expect("there"), fs::read(trace_path).expect("there"))
    };
    assert_eq!(save(), save());
}

#[test]
fn the_record_that_was_there_is_put_aside() {
    let root = tempfile::tempdir().expect("a folder");
    let results = Results::under(root.path().to_owned());
    let path = results.save(&record(), &trace()).expect("written");
    let first = fs::read(&path).expect("there");
    let previous = path.with_file_name("seed-7.previous.json");
    assert!(!previous.exists());
    let second = Record { title: "other".into(), ..record() };
    results.save(&second, &trace()).expect("written");
    assert_eq!(fs::read(&previous).expect("there"), first);
    assert_ne!(fs::read(&path).expect("there"), first);
}

#[test]
fn a_record_without_its_trace_is_never_left_behind() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = root.path().join("sigterm-quiet");
    // Nothing can replace a folder that is not empty.
    fs::create_dir_all(folder.join("seed-7.trace.jsonl/x")).expect("made");
    let results = Results::under(root.path().to_owned());
    let error = results.save(&record(), &trace()).expect_err("in the way").to_string();
    assert!(error.starts_with("cannot write the result `"), "{error}");
    assert!(error.contains("seed-7.trace.jsonl`: "), "{error}");
    assert!(!folder.join("seed-7.json").exists());
}
