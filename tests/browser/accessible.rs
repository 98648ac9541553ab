//! axe-core finds nothing on any page, in light and dark, wide and narrow.

use std::path::Path;

use serde_json::Value;

use crate::chromium::{Chromium, Page};
use crate::viewer::{Viewer, late};

/// `cargo xtask test` puts it there.
const AXE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/browser/node_modules/axe-core/axe.min.js");

/// What axe finds on the page as it is.
fn findings(page: &mut Page) -> Vec<String> {
    let axe = std::fs::read_to_string(Path::new(AXE))
        .unwrap_or_else(|error| panic!("{AXE}: {error}: `cargo xtask test` installs it"));
    page.call("Runtime.evaluate", serde_json::json!({ "expression": axe }));
    let found = page.eval(
        "axe.run(document, { resultTypes: ['violations'] }).then(r => r.violations.map(v => \
         v.id + ': ' + v.help + ': ' + v.nodes.slice(0, 3).map(n => n.target.join(' ') + ' ' + n.failureSummary).join(' | ')))",
    );
    let found: Vec<Value> = found.as_array().cloned().expect("a list");
    found.iter().map(|finding| finding.as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn axe_finds_nothing() {
    let (folder, id) = late();
    folder.loopbox(&["report", "--html", "report.html"]).exits(0);
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    let mut page = browser.page();
    let file = |anchor: &str| format!("file://{}/report.html{anchor}", folder.path().display());
    let addresses = [
        viewer.url.clone(),
        viewer.at("sweep/late"),
        viewer.at(&format!("run/{id}")),
        viewer.at(&format!("run/{id}/golden")),
        viewer.at(&format!("run/{id}/what-if?signal.0=500ms")),
        viewer.at(&format!("run/{id}/what-if?signal.0=x")),
        viewer.at("run/nothing/here"),
        file(""),
        file(&format!("#run/{id}")),
    ];
    let mut all = Vec::new();
    for address in &addresses {
        for (dark, width) in [(false, 1280), (true, 1280), (false, 400)] {
            page.dark(dark);
            page.size(width, 900);
            // Else another part of a file that is open already is not loaded anew.
            page.open("about:blank");
            page.open(address);
            let seen = "[...document.querySelectorAll('[data-timeline]')].some(t => t.offsetParent !== null)";
            if page.eval(seen) == true {
                page.until_drawn();
            }
            let found = findings(&mut page);
            all.extend(
                found
                    .into_iter()
                    .map(|finding| format!("{address}, {width}, dark {dark}: {finding}")),
            );
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}
