//! What the command leaves on disk: results, which can be judged again, and compiled guests.

mod support;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::process::Stdio;

use loopbox::scenario::Scenario;
use loopbox_trace::record::{self, Record};
use loopbox_trace::{check, store};
use serde_json::{Value, json};
use support::guests::{FAIL, SUCCEED, TRAP, USE_DB};
use support::{DRAWN, EXPECT_0, Folder, done};

/// Blocking calls of 10 ms each, in a run that must end before the last of them does.
const LATE: &str = r#"
    [[blocking]]
    call = "db.*"
    takes = "10ms"
    [expect]
    finish = "29ms"
"#;

// --- Results -------------------------------------------------------------------------------------

#[test]
fn a_kept_run_can_be_judged_again() {
    let folder = Folder::new();
    folder.scenario("s/db", USE_DB, &format!("{LATE}trace = \"db.trace\"\n"));
    folder.write("s/db.trace", "not a golden");
    folder.loopbox(&["run", "s"]).exits(100);
    let path = ".loopbox/results/s/db/seed-0.json";
    let record: Value = serde_json::from_str(&folder.read(path)).expect("JSON");
    assert_eq!(
        (&record["format"], &record["version"]),
        (&json!(Record::FORMAT), &json!(record::VERSION))
    );
    let trace = folder.path().join(path).with_file_name(record["trace"].as_str().expect("a name"));
    let trace = File::open(trace).expect("the trace is beside the record");
    let trace = store::read(BufReader::new(trace)).expect("a trace");
    let path = folder.path().join("s/db.toml");
    let scenario = Scenario::load(&path).expect("a scenario").remove(0);
    let verdict = check::check(&scenario.expect, &trace);
    let again = serde_json::to_value(&verdict).expect("plain data");
    assert_eq!(again["checks"], record["checks"]);
    assert_eq!(record["checks"].as_array().map(Vec::len), Some(3));
    assert_eq!((verdict.holds(), &record["holds"]), (false, &json!(false)));
}

#[test]
fn a_result_holds_the_golden_that_its_verdict_looked_at() {
    let folder = Folder::new();
    folder.scenario(
        "s/db",
        USE_DB,
        &format!("{LATE}trace = \"db.trace\"\n").replace("29ms", "60ms"),
    );
    for arguments in [&["run", "s", "--bless"][..], &["run", "s"]] {
        folder.loopbox(arguments).exits(0);
        let record: Value =
            serde_json::from_str(&folder.read(".loopbox/results/s/db/seed-0.json")).expect("JSON");
        assert_eq!(record["golden"]["text"], folder.read("s/db.trace"), "{arguments:?}");
    }
}

/// What a session in a folder of its own leaves there.
fn results_of_a_session() -> BTreeMap<String, Vec<u8>> {
    let folder = Folder::new();
    folder.scenario("s/db", USE_DB, DRAWN);
    folder.scenario("s/trap", TRAP, EXPECT_0);
    folder.loopbox(&["run", "s"]).exits(100);
    folder.files(".loopbox/results")
}

/// Two folders, so two absolute paths; two moments, so two host times.
#[test]
fn results_know_neither_where_nor_when_they_were_made() {
    let results = results_of_a_session();
    let names: Vec<_> = results.keys().map(String::as_str).collect();
    let expected = ["s/db/seed-0.json", "s/db/seed-0.trace.jsonl"];
    assert_eq!(names[..2], expected);
    assert_eq!(names.len(), 4);
    assert_eq!(results, results_of_a_session());
}

#[test]
fn results_go_where_they_are_told_to() {
    let folder = Folder::new();
    folder.scenario("a", SUCCEED, EXPECT_0);
    folder.loopbox(&["run", "a.toml", "--results", "by-option"]).exits(0);
    let mut command = folder.command(&["run", "a.toml"]);
    done(command.env("LOOPBOX_RESULTS", "by-variable").output().expect("started")).exits(0);
    for name in ["by-option", "by-variable"] {
        assert_eq!(folder.files(name).len(), 2, "{name}");
    }
    assert!(!folder.path().join(".loopbox").exists());
}

#[test]
fn a_result_that_cannot_be_kept_is_an_error_beside_the_verdict() {
    let folder = Folder::new();
    folder.scenario("a", SUCCEED, EXPECT_0);
    folder.write("file", "");
    let done = folder.loopbox(&["run", "a.toml", "--results", "file"]);
    done.exits(96).says("ok     a.toml").says("error: cannot write the result `file/a/seed-0");
    assert!(done.stdout.ends_with("\n\n1 holds, 1 result not written\n"), "{}", done.stdout);
    let done = folder.loopbox(&["run", "a.toml", "--results", "file", "--format", "json"]);
    let line = done.exits(96).json_of("a.toml");
    assert_eq!((&line["outcome"], line.get("kept")), (&json!("holds"), None));
    assert!(line["error"]["message"].as_str().is_some_and(|text| text.contains("file/a/")));
}

#[test]
fn sessions_at_the_same_time_do_not_harm_each_other() {
    let make = |folder: &Folder| {
        for name in ["s/a", "s/b", "s/c", "s/d"] {
            folder.scenario(name, USE_DB, LATE);
        }
        folder.scenario("s/e", TRAP, EXPECT_0);
    };
    let (alone, together) = (Folder::new(), Folder::new());
    make(&alone);
    make(&together);
    let expected = alone.loopbox(&["run", "s"]);
    expected.exits(100);
    let start = |_| {
        let mut command = together.command(&["run", "s"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started")
    };
    let sessions: Vec<_> = (0..4).map(start).collect();
    for session in sessions {
        let done = done(session.wait_with_output().expect("it ends"));
        assert_eq!((done.stdout, done.stderr), (expected.stdout.clone(), String::new()));
    }
    // Those that came later put aside what they found, which was the same.
    let mut results = together.files(".loopbox");
    results.retain(|name, _| !name.ends_with(".previous.json"));
    assert_eq!(results, alone.files(".loopbox"));
    assert_eq!(entries(&together), entries(&alone));
}

// --- The cache -----------------------------------------------------------------------------------

/// The compiled guests in a folder's cache, by name. Each has a seal beside it, which tells it from its copies.
fn entries(folder: &Folder) -> BTreeMap<String, Vec<u8>> {
    let (seals, entries): (BTreeMap<_, _>, BTreeMap<_, _>) =
        folder.files("cache").into_iter().partition(|(name, _)| name.ends_with(".seal"));
    let sealed: Vec<String> = entries.keys().map(|name| format!("{name}.seal")).collect();
    assert_eq!(seals.into_keys().collect::<Vec<_>>(), sealed);
    entries
}

/// A folder in which a scenario has been run, and the name of the only entry of its cache.
fn cached() -> (Folder, String) {
    let folder = Folder::new();
    folder.scenario("a", SUCCEED, EXPECT_0);
    folder.loopbox(&["run", "a.toml"]).exits(0);
    let cache = entries(&folder);
    assert_eq!(cache.len(), 1);
    let name = cache.into_keys().next().expect("an entry");
    (folder, format!("cache/{name}"))
}

#[cfg(unix)]
#[test]
fn a_guest_is_compiled_once_and_not_in_every_session() {
    use std::os::unix::fs::MetadataExt;
    let (folder, entry) = cached();
    // Entries are replaced as a whole, so one that was written again is another file.
    let inode = || std::fs::metadata(folder.path().join(&entry)).expect("an entry").ino();
    let before = inode();
    folder.loopbox(&["run", "a.toml"]).exits(0);
    assert_eq!(inode(), before);
    assert_eq!(entries(&folder).len(), 1);
    folder.scenario("a", FAIL, EXPECT_0);
    folder.loopbox(&["run", "a.toml"]).exits(100);
    assert_eq!(inode(), before);
    assert_eq!(entries(&folder).len(), 2, "another guest has its own entry");
}

#[test]
fn a_damaged_entry_of_the_cache_is_replaced() {
    let (folder, entry) = cached();
    let path = folder.path().join(&entry);
    let whole = std::fs::read(&path).expect("an entry");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let cut = whole[..whole.len() / 2].to_vec();
    for damaged in [flipped, cut, Vec::new(), b"garbage".repeat(1000), vec![0; whole.len()]] {
        folder.write(&entry, damaged);
        let done = folder.loopbox(&["run", "a.toml"]);
        done.exits(0);
        assert_eq!(done.stderr, "");
        assert!(std::fs::read(&path).expect("an entry") == whole, "it is as it was");
    }
    assert_eq!(entries(&folder).len(), 1);
}

#[test]
fn without_a_cache_everything_still_runs() {
    let folder = Folder::new();
    folder.scenario("a", SUCCEED, EXPECT_0);
    folder.write("cache", "this is a file");
    let without = folder.loopbox(&["run", "a.toml"]);
    without.exits(0);
    assert!(
        without.stderr.starts_with("loopbox: warning: compiled guests are not kept in `"),
        "{}",
        without.stderr
    );
    assert_eq!(without.stderr.lines().count(), 1);
    std::fs::remove_file(folder.path().join("cache")).expect("removed");
    let with = folder.loopbox(&["run", "a.toml"]);
    assert_eq!((without.stdout, ""), (with.stdout, &*with.stderr));
}
