//! A trace of a million events.

use crate::chromium::Chromium;
use crate::support::{Folder, made};
use crate::viewer::Viewer;

#[test]
fn a_million_events_open_and_can_be_moved_through() {
    let folder = Folder::new();
    let trace = made::long_trace(1_000_000);
    assert!(trace.events.len() > 990_000, "{}", trace.events.len());
    let id = made::keep(&folder, "long", &trace);
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    let mut page = browser.page();
    page.open(&viewer.at(&format!("run/{id}")));
    page.until_drawn();
    page.screenshot("million-whole");
    page.eval("document.querySelector('[data-timeline] canvas').focus()");
    for _ in 0..12 {
        page.key("w");
    }
    page.screenshot("million-zoomed");
    let elements = page.eval("document.querySelectorAll('*').length");
    assert!(elements.as_u64().is_some_and(|elements| elements < 100_000), "{elements} elements");
    page.has_no_troubles();
}
