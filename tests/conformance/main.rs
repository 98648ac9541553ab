//! asyncio's behaviours and texts against ours: the same small programs, in Python on CPython and in Rust in
//! the machine, must print the same.
//!
//! A case is a scenario in `cases/`, runnable by hand, and a text with what CPython printed (`recorded`). The
//! programs are the bin `conformance` of `guest/programs`. `likeness` has the rules of the comparison. The
//! pages of `docs/asyncio` that speak of all this are held against it by `tables`. `scripts` does the same with the Python
//! scripts themselves, on CPython in the machine.

mod likeness;
mod ours;
mod recorded;
mod scripts;
mod tables;

use likeness::normal;
use ours::{Cases, IN_PYTHON, IN_RUST};
use recorded::on_the_page;

#[test]
fn every_case_prints_what_cpython_printed() {
    let mut differences = String::new();
    for (name, ours) in IN_RUST.all() {
        let recorded = IN_RUST.recorded(name);
        let (expected, found) = (normal(recorded.ours()), normal(ours.printed()));
        if expected != found {
            differences += &format!("\n{name}: `{}`\n", recorded.command);
            differences += &difference(&expected, &found);
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

/// Both texts from the first line on that differs.
fn difference(expected: &[String], found: &[String]) -> String {
    let same = expected.iter().zip(found).take_while(|(a, b)| a == b).count();
    let show = |mark: &str, lines: &[String]| -> String {
        lines[same..].iter().take(6).map(|line| format!("  {mark} {line}\n")).collect()
    };
    format!("  after {same} lines\n{}{}", show("CPython:", expected), show("ours:   ", found))
}

/// The texts cannot drift away from what CPython really printed.
#[test]
fn the_recorded_texts_are_those_of_the_page_if_it_is_there() {
    let Some(page) = ours::beside("examples/OUTPUT.md") else { return };
    let check = |cases: &Cases| {
        for name in cases.names() {
            let recorded = cases.recorded(&name);
            let on_the_page = on_the_page(&page, &recorded.command);
            let expected = on_the_page.unwrap_or_else(|| panic!("{name}: `{}`", recorded.command));
            assert_eq!(recorded.cpython(), expected, "{name}");
        }
    };
    check(&IN_RUST);
    check(&IN_PYTHON);
}
