//! `docs/scenarios.md` and the reader know the same keys, and the same defaults.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;

use super::{folder, loaded, scenario};
use crate::scenario::expected::{LatencyBounds, ReportTable, SpanBounds};
use crate::scenario::format::{
    BlockingTable, DiagnosticsTable, Document, ExpectTable, FailsTable, FileTable, GuestTable,
    MachineTable, ProgramTable, SignalTable,
};
use crate::scenario::sources::unknown_key;
use crate::scenario::values::DrawTable;

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/scenarios.md"));

/// The keys that the reader knows in a table: those that it lists when it is given another one.
fn known<T: DeserializeOwned>() -> BTreeSet<String> {
    let Err(error) = toml::from_str::<T>("'?' = 0") else { panic!("`?` is a known key") };
    let (_, known) = unknown_key(error.message()).expect("an unknown key");
    known.into_iter().map(str::to_owned).collect()
}

/// The cells of the rows of the table under a heading, each a key's.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let mut lines = PAGE.lines().skip_while(|line| *line != heading).skip(1);
    let section = lines.by_ref().take_while(|line| !line.starts_with('#'));
    section
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

#[test]
fn the_page_lists_the_keys_that_the_reader_knows() {
    for (heading, known) in [
        ("## Values that are drawn", known::<DrawTable>()),
        ("## The scenario", known::<Document>()),
        ("## `guest`", known::<GuestTable>()),
        ("## `[[file]]`", known::<FileTable>()),
        ("## `[machine]`", known::<MachineTable>()),
        ("## `[diagnostics]`", known::<DiagnosticsTable>()),
        ("## `[[program]]`", known::<ProgramTable>()),
        ("## `[[signal]]`", known::<SignalTable>()),
        ("## `[[blocking]]`", known::<BlockingTable>()),
        ("### `fails`", known::<FailsTable>()),
        ("## `[expect]`", known::<ExpectTable>()),
        ("### Bounds of one time", known::<SpanBounds>()),
        ("### Bounds of many times", known::<LatencyBounds>()),
        ("### Reports", known::<ReportTable>()),
    ] {
        let listed: BTreeSet<_> =
            rows(heading).iter().map(|cells| cells[0].trim_matches('`').to_owned()).collect();
        assert_eq!(listed, known, "{heading}");
    }
}

#[test]
fn the_machines_defaults_are_those_of_the_page() {
    let mut text = "expect.exit = 0\n[machine]\n".to_owned();
    for cells in rows("## `[machine]`") {
        text += &format!("{} = {}\n", cells[0].trim_matches('`'), cells[2].trim_matches('`'));
    }
    let (spelled_out, silent) = (scenario(&text), scenario("expect.exit = 0"));
    assert_eq!(format!("{:?}", spelled_out.config), format!("{:?}", silent.config));
    assert_eq!(spelled_out.stack_bytes, silent.stack_bytes);
}

#[test]
fn the_pages_example_is_a_scenario() {
    let (_, rest) = PAGE.split_once("```toml\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    let scenario = loaded(&folder(&[("x.toml", example)]), "x.toml");
    assert_eq!(scenario.expect.keys().len(), 7);
}
