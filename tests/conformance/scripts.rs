//! asyncio's 60 example scripts as they are, on CPython in the machine, held against what CPython printed outside.
//!
//! The scripts are in `python/scripts`, one program for the machine; each scenario in `python` runs one of them. The text
//! beside it has CPython's output as the page of all scripts has it, of the newest version there, and every difference
//! with its reason, which begins with its kind:
//!
//! - `3.14:` another version than the page's prints this, and the guest is CPython 3.14. Then what CPython 3.14
//!   printed outside the machine is recorded, too, beside the text, in `NAME.py314.txt`.
//! - `more:` we say what CPython is silent about.
//! - `machine:` the machine answers otherwise than Linux, where nobody may count on Linux's answer.
//! - `cannot:` the machine does not have what the script needs here.
//!
//! `docs/asyncio/python-scripts.md` has a row for each script, which is held against all this.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::likeness::of_script;
use crate::ours::{self, IN_PYTHON, IN_RUST};
use crate::recorded::Recorded;
use crate::tables::{cells, page, quoted};

/// How many scripts there are.
const SCRIPTS: usize = 60;

/// Kinds of reasons, as their texts begin.
const KINDS: [&str; 4] = [VERSION, "more: ", "machine: ", "cannot: "];
const VERSION: &str = "3.14: ";

/// The names of all scripts.
fn scripts() -> BTreeSet<String> {
    let entries = fs::read_dir(IN_PYTHON.path().join("scripts")).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    names.map(|name| name.into_string().expect("UTF-8")).collect()
}

/// The script that a command runs.
fn script(command: &str) -> &str {
    command.split(' ').find(|word| word.ends_with(".py")).expect("a script")
}

/// The cases of each script.
fn cases() -> BTreeMap<String, Vec<(String, Recorded)>> {
    let mut cases: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for name in IN_PYTHON.names() {
        let recorded = IN_PYTHON.recorded(&name);
        cases.entry(script(&recorded.command).to_owned()).or_default().push((name, recorded));
    }
    cases
}

#[test]
fn every_script_runs_in_the_machine() {
    let run: BTreeSet<String> = cases().into_keys().collect();
    assert_eq!(run, scripts());
    assert_eq!(run.len(), SCRIPTS);
}

#[test]
fn every_script_prints_what_cpython_printed() {
    let mut differences = String::new();
    for (name, ours) in IN_PYTHON.all() {
        let recorded = IN_PYTHON.recorded(name);
        let (expected, found) = (of_script(recorded.ours()), of_script(ours.printed()));
        if expected != found {
            differences += &format!("\n{name}: `{}`\n", recorded.command);
            differences += &crate::difference(&expected, &found);
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

/// A difference is a version's only if that version shows it outside the machine, too.
#[test]
fn what_is_said_of_version_3_14_is_what_it_printed() {
    for (name, recorded) in cases().into_values().flatten() {
        let is_of_version = |reason: &str| reason.starts_with(VERSION);
        let path = IN_PYTHON.path().join(format!("{name}.py314.txt"));
        if !recorded.reasons.iter().any(|reason| is_of_version(reason)) {
            assert!(!path.exists(), "{name}: the version makes no difference");
            continue;
        }
        let outside = Recorded::read(&path);
        assert_eq!(script(&outside.command), script(&recorded.command), "{name}");
        assert!(outside.command.contains("python3.14 "), "{name}: {}", outside.command);
        let said = of_script(recorded.with(is_of_version));
        assert_eq!(said, of_script(outside.cpython()), "{name}");
    }
}

#[test]
fn the_scripts_are_those_of_the_page_if_they_are_there() {
    for name in scripts() {
        let Some(theirs) = ours::beside(&format!("examples/{name}")) else { return };
        let path = IN_PYTHON.path().join("scripts").join(&name);
        assert_eq!(fs::read_to_string(path).expect("a script"), theirs, "{name}");
    }
}

// --- The table -----------------------------------------------------------------------------------

/// What all differences together come to.
fn verdict(reasons: &BTreeSet<&str>) -> &'static str {
    let has = |kind: &str| reasons.iter().any(|reason| reason.starts_with(kind));
    match KINDS.map(has) {
        [_, _, _, true] => "cannot",
        [_, _, true, false] => "differs by machine",
        [true, _, false, false] => "differs by version",
        [false, true, false, false] => "same, and more",
        [false, false, false, false] => "same",
    }
}

#[test]
fn the_page_has_the_verdict_on_every_script() {
    let mut listed = BTreeMap::new();
    for row in cells(&page("python-scripts.md")) {
        let [name, verdict, why, codes] = &row[..] else { panic!("four cells: {row:?}") };
        listed.insert(quoted(name).concat(), (verdict.clone(), why.clone(), codes.clone()));
    }
    let mut expected = BTreeMap::new();
    for (script, cases) in cases() {
        let all: Vec<&str> =
            cases.iter().flat_map(|(_, text)| text.reasons.iter().map(String::as_str)).collect();
        for reason in &all {
            let is_known = KINDS.iter().any(|kind| reason.starts_with(kind));
            assert!(is_known, "{script}: `{reason}` is of none of the kinds {KINDS:?}");
        }
        let verdict = verdict(&all.iter().copied().collect());
        // Each reason once, in the order of the texts.
        let mut why: Vec<&str> = Vec::new();
        all.iter().for_each(|reason| {
            if !why.contains(reason) {
                why.push(reason);
            }
        });
        let codes = cases.iter().map(|(name, _)| match cases.len() {
            1 => codes(name),
            _ => format!("`{name}` {}", codes(name)),
        });
        let codes: Vec<String> = codes.collect();
        let row = (verdict.to_owned(), why.join("; "), codes.join("; "));
        expected.insert(script.trim_end_matches(".py").to_owned(), row);
    }
    let table: String = expected.iter().map(|(name, row)| line_of_table(name, row)).collect();
    assert_eq!(listed, expected, "the table would be\n{table}");
}

fn line_of_table(name: &str, (verdict, why, codes): &(String, String, String)) -> String {
    let line = format!("| `{name}` | {verdict} | {} | {codes} |\n", why.replace('|', "\\|"));
    line.replace("  ", " ")
}

/// The codes of a run's reports, and whether the same program in Rust has them, too.
fn codes(name: &str) -> String {
    let found = codes_in(&IN_PYTHON.all()[name]);
    let shown = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
    let in_rust = IN_RUST.names().into_iter().find(|other| other == name);
    let in_rust = in_rust.map(|name| codes_in(&IN_RUST.all()[&name]));
    match in_rust {
        Some(codes) if codes == found => format!("{shown} (so in Rust)"),
        Some(codes) if codes.is_empty() => format!("{shown} (none in Rust)"),
        Some(codes) => format!("{shown} (in Rust {})", codes.join(", ")),
        None => shown,
    }
}

fn codes_in(ours: &ours::Ours) -> Vec<&str> {
    let mut codes: Vec<&str> = ours.reports().iter().map(|report| report.code.as_str()).collect();
    codes.sort_unstable();
    codes
}
