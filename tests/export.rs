//! `loopbox export`: a kept run becomes a file that Perfetto opens. What is in the file is tested where it is made
//! (`host/trace/src/chrome/tests.rs`); here it is about finding the run, real traces, and what goes wrong.

mod support;

use std::collections::BTreeMap;

use serde_json::Value;
use support::guests::{SUCCEED, USE_DB};
use support::{EXPECT_0, Folder};

const RESULTS: &str = ".loopbox/results";

/// A folder in which a scenario with blocking calls has run, with this seed.
fn folder_with_a_run() -> Folder {
    let folder = Folder::new();
    let rest = "[[blocking]]\ncall = \"db.*\"\ntakes = \"10ms\"\n[expect]\nexit = 0\n";
    folder.scenario("s/db", USE_DB, rest);
    folder.loopbox(&["run", "s"]).exits(0);
    folder
}

fn export(folder: &Folder, arguments: &[&str]) -> support::Done {
    folder.loopbox(&[&["export", "--format", "chrome"], arguments].concat())
}

/// The slices of a file by their names, as milliseconds of their beginnings and lengths.
fn slices(text: &str) -> BTreeMap<String, Vec<(u64, u64)>> {
    let whole: Value = serde_json::from_str(text).expect("JSON");
    let events = whole["traceEvents"].as_array().expect("a list").clone();
    let mut slices: BTreeMap<String, Vec<(u64, u64)>> = BTreeMap::new();
    for event in events.iter().filter(|event| event["ph"] == "X") {
        let millis = |key: &str| {
            let micros = event[key].as_f64().expect("a number");
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "few")]
            let millis = (micros / 1_000.0) as u64;
            millis
        };
        let name = event["name"].as_str().expect("a name").to_owned();
        slices.entry(name).or_default().push((millis("ts"), millis("dur")));
    }
    slices
}

#[test]
fn a_run_is_exported_by_its_name_its_result_its_trace_or_as_the_only_one() {
    let folder = folder_with_a_run();
    let record = format!("{RESULTS}/s/db/seed-0.json");
    let trace = format!("{RESULTS}/s/db/seed-0.trace.jsonl");
    let done = export(&folder, &["by-name.json", "s/db/seed-0"]);
    done.exits(0).says("Perfetto (https://ui.perfetto.dev) opens `by-name.json`");
    assert_eq!(done.stdout, "");
    let by_name = folder.read("by-name.json");
    for (file, run) in
        [("a.json", Some(&*record)), ("b.json", None), ("c.json", Some("s/db/seed-0.json"))]
    {
        export(&folder, &[&[file], run.as_slice()].concat()).exits(0);
        assert_eq!(folder.read(file), by_name, "{file}");
    }
    let whole: Value = serde_json::from_str(&by_name).expect("JSON");
    assert_eq!(whole["otherData"]["scenario"], "s/db.toml");
    assert_eq!(whole["otherData"]["reproduce"], "loopbox run s/db.toml --seed 0");
    assert_eq!(whole["otherData"]["verdict"], "holds");
    // The trace alone knows less of the run, and as much of what happened in it.
    let by_trace = export(&folder, &["-", &trace]);
    by_trace.exits(0);
    assert_eq!(by_trace.stderr, "");
    assert_eq!(slices(&by_trace.stdout), slices(&by_name));
    let calls = &slices(&by_name)["blocking call \"db.query\""];
    assert!(calls.iter().all(|&(_, length)| length == 10) && !calls.is_empty(), "{calls:?}");
}

#[test]
fn without_a_name_there_must_be_one_run_only() {
    let folder = Folder::new();
    export(&folder, &["x.json"]).exits(4).says("there are no results in `.loopbox/results`");
    folder.scenario("a", SUCCEED, EXPECT_0);
    for seed in ["1", "2"] {
        folder.loopbox(&["run", "a.toml", "--seed", seed]).exits(0);
    }
    export(&folder, &["x.json"])
        .exits(4)
        .says("there are 2 runs in `.loopbox/results`: name one of `a/seed-1`, `a/seed-2`");
    export(&folder, &["x.json", "a/seed-3"])
        .exits(4)
        .says("there is neither a file nor, in `.loopbox/results`, a run `a/seed-3`");
    assert!(folder.files("").keys().all(|name| name != "x.json"));
}

#[test]
fn what_cannot_be_read_or_written_is_named() {
    let folder = folder_with_a_run();
    let trace = format!("{RESULTS}/s/db/seed-0.trace.jsonl");
    let text = folder.read(&trace);
    let cut: String = text.lines().take(2).map(|line| format!("{line}\n")).collect();
    folder.write(&trace, cut);
    export(&folder, &["x.json", "s/db/seed-0"])
        .exits(96)
        .says("seed-0.trace.jsonl`: The trace cannot");
    folder.write(&trace, text.replacen("\"version\":3", "\"version\":99", 1));
    export(&folder, &["x.json", "s/db/seed-0"])
        .exits(96)
        .says("written by a newer loopbox (version 99");
    folder.write("other", "something else");
    export(&folder, &["x.json", "other"])
        .exits(96)
        .says("`other`: The trace cannot be read: not a trace");
    let record = folder.read(&format!("{RESULTS}/s/db/seed-0.json"));
    folder.write("gone/seed-0.json", &record);
    export(&folder, &["x.json", "gone/seed-0.json"]).exits(96).says("gone/seed-0.trace.jsonl`: ");
    let elsewhere = record.replace("\"seed-0.trace.jsonl\"", "\"../seed-0.trace.jsonl\"");
    assert_ne!(record, elsewhere);
    folder.write("bad/seed-0.json", elsewhere);
    export(&folder, &["x.json", "bad/seed-0.json"]).exits(96).says("it does not name its trace");
    folder.write("cut/seed-0.json", &record[..record.len() / 2]);
    export(&folder, &["x.json", "cut/seed-0.json"])
        .exits(96)
        .says("`cut/seed-0.json`: damaged at line");
    folder.write(&trace, text);
    export(&folder, &["other/x.json", "s/db/seed-0"]).exits(96).says("cannot write `other/x.json`");
    folder.loopbox(&["export", "x.json"]).exits(2).says("--format");
    assert!(folder.files("").keys().all(|name| name != "x.json"));
}
