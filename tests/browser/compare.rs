//! Golden against actual: what differs is seen at once.

use crate::chromium::Chromium;
use crate::support::Folder;
use crate::viewer::{LATE, Viewer, guest};

/// A run that parts from its golden, which was written when SIGTERM came at another moment.
fn diverging() -> (Folder, &'static str) {
    let folder = Folder::new();
    guest(&folder, "graceful");
    let held = "[expect]\nexit = 0\ntrace = \"late.trace\"\n";
    let head = LATE.split("[expect]").next().expect("a scenario");
    folder.write("late.toml", format!("{}{held}", head.replace("at = \"1s\"", "at = \"700ms\"")));
    folder.loopbox(&["run", "late.toml", "--bless"]).exits(0);
    folder.write("late.toml", format!("{head}{held}"));
    folder.loopbox(&["run", "late.toml"]).exits(100);
    (folder, "late/seed-0")
}

#[test]
fn the_first_divergence_is_one_click_away() {
    let (folder, id) = diverging();
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    let mut page = browser.page();
    page.open(&viewer.at(&format!("run/{id}/golden")));
    page.until_drawn();
    let text = page.text("main");
    assert!(text.contains("1ms"), "the tolerance is shown");
    page.screenshot("golden-diverges");
    page.click("a[data-goto]");
    page.until("location.hash.includes('t=')");
    page.frames();
    page.screenshot("golden-first-divergence");
    page.size(400, 900);
    page.frames();
    page.screenshot("golden-400");
    page.has_no_troubles();
}

#[test]
fn a_golden_that_holds_says_so() {
    let folder = Folder::new();
    guest(&folder, "graceful");
    let head = LATE.split("[expect]").next().expect("a scenario");
    folder.write("late.toml", format!("{head}[expect]\nexit = 0\ntrace = \"late.trace\"\n"));
    folder.loopbox(&["run", "late.toml", "--bless"]).exits(0);
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    let mut page = browser.page();
    page.open(&viewer.at("run/late/seed-0/golden"));
    page.until_drawn();
    assert_eq!(page.eval("document.querySelectorAll('.change.missing, .change.extra').length"), 0);
    page.screenshot("golden-holds");
    page.has_no_troubles();
}
