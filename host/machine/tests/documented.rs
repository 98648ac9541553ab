//! `docs/wasi.md` against what the host really offers.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn every_offered_interface_is_documented_and_nothing_else() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |name: &str| fs::read_to_string(root.join(name)).expect("a file of the repository");
    let (wit, page) = (read("guest/wit/sandbox.wit"), read("docs/wasi.md"));
    let offered: BTreeSet<&str> = wit
        .lines()
        .filter_map(|line| line.trim().strip_prefix("import wasi:")?.split('@').next())
        .collect();
    let documented: BTreeSet<&str> = page
        .lines()
        .filter(|line| line.contains("| simulated |"))
        .filter_map(|line| line.strip_prefix("| `wasi:")?.split('`').next())
        .collect();
    assert!(offered.len() >= 20);
    assert_eq!(offered, documented);
}
