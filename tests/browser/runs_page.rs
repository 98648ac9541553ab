//! The list of runs: verdicts, changes, order, filter, news.

use crate::chromium::Chromium;
use crate::support::guests::{SUCCEED, USE_DB};
use crate::support::{DRAWN, EXPECT_0, Folder};
use crate::viewer::Viewer;

/// One scenario that holds and one that fails.
fn mixed() -> Folder {
    let folder = Folder::new();
    folder.scenario("s/good", SUCCEED, EXPECT_0);
    folder.scenario("s/slow", USE_DB, DRAWN);
    folder.loopbox(&["run", "s"]).exits(100);
    folder
}

#[test]
fn the_verdict_comes_first_and_what_fails_before_what_holds() {
    let folder = mixed();
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    let mut page = browser.page();
    page.open(&viewer.url);
    assert_eq!(page.text("h1"), "1 of 2 scenarios fails");
    assert!(page.text("tbody tr:first-child").contains("slow"), "what fails is first");
    assert!(page.text("tbody tr:first-child").contains("finish"), "and says what failed");
    page.screenshot("runs-light-1280");
    page.dark(true);
    page.screenshot("runs-dark-1280");
    page.size(400, 800);
    page.screenshot("runs-dark-400");
    let overflow = page.eval("document.documentElement.scrollWidth <= innerWidth");
    assert_eq!(overflow, true, "nothing stands out of a narrow window");
    page.has_no_troubles();
}

#[test]
fn a_filter_and_an_order_are_addresses_with_and_without_scripts() {
    let folder = mixed();
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    for scripts in [true, false] {
        let mut page = browser.page();
        page.scripts(scripts);
        page.open(&viewer.at("?verdict=holds"));
        let dom = page.call("DOM.getDocument", serde_json::json!({ "depth": 0 }));
        let html =
            page.call("DOM.getOuterHTML", serde_json::json!({ "nodeId": dom["root"]["nodeId"] }));
        let html = html["outerHTML"].as_str().expect("a page").to_owned();
        assert!(html.contains("s/good"), "scripts {scripts}");
        assert!(!html.contains("s/slow"), "scripts {scripts}");
    }
}

#[test]
fn what_is_typed_into_the_filter_narrows_the_list_and_its_address() {
    let folder = mixed();
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    let mut page = browser.page();
    page.open(&viewer.url);
    page.click("input[name=q]");
    page.type_text("good");
    page.until("document.querySelectorAll('tbody tr').length === 1");
    assert!(page.text("tbody tr").contains("good"));
    assert!(page.eval("location.search").as_str().is_some_and(|query| query.contains("q=good")));
    assert_eq!(page.eval("document.activeElement.name"), "q", "the focus stays");
    page.has_no_troubles();
}

#[test]
fn a_run_that_finishes_appears_without_a_reload() {
    let folder = Folder::new();
    folder.scenario("s/good", SUCCEED, EXPECT_0);
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    let mut page = browser.page();
    page.open(&viewer.url);
    assert_eq!(page.text("h1"), "No results yet");
    page.screenshot("runs-empty");
    folder.loopbox(&["run", "s"]).exits(0);
    page.until("document.querySelector('h1').textContent === '1 scenario holds'");
    page.has_no_troubles();
}

#[test]
fn what_is_new_and_what_was_resolved_is_told_apart() {
    let folder = mixed();
    // Now the one fails that held, and the other way round.
    folder.scenario("s/good", SUCCEED, "[expect]\nexit = 3\n");
    let quick = "[[blocking]]\ncall = \"db.*\"\ntakes = \"1ms\"\n";
    folder.scenario("s/slow", USE_DB, &format!("{quick}{EXPECT_0}"));
    folder.loopbox(&["run", "s"]).exits(100);
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    let mut page = browser.page();
    page.open(&viewer.url);
    let headline = page.text(".headline");
    assert!(headline.contains("1 new") && headline.contains("1 resolved"), "{headline}");
    assert!(page.text("tbody tr:first-child").contains("new"));
}

#[test]
fn many_seeds_are_one_row_and_a_page_with_a_histogram() {
    let folder = Folder::new();
    folder.scenario(
        "s/slow",
        USE_DB,
        "[[blocking]]\ncall = \"db.*\"\ntakes = { between = [\"1ms\", \"60ms\"] }\n[expect]\nfinish = \"120ms\"\n",
    );
    folder.loopbox(&["run", "s", "--seeds", "0..40"]).exits(100);
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    let mut page = browser.page();
    page.open(&viewer.url);
    assert_eq!(page.eval("document.querySelectorAll('tbody tr').length"), 1);
    page.click("tbody th a");
    page.until("location.pathname.includes('/sweep/')");
    page.until("document.querySelector('svg') !== null");
    let first = page.text("table[data-sortable] tbody tr:first-child");
    assert!(first.contains("finish"), "failing seeds are first: {first}");
    page.screenshot("sweep");
    page.has_no_troubles();
}

#[test]
fn damaged_and_newer_results_say_so() {
    let folder = mixed();
    folder.write(".loopbox/results/s/torn/seed-0.json", "{\"format\": \"loopbox-result\", \"ver");
    folder.write(
        ".loopbox/results/s/newer/seed-0.json",
        "{\"format\": \"loopbox-result\", \"version\": 99}",
    );
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    let mut page = browser.page();
    page.open(&viewer.url);
    let list = page.text("main");
    assert!(list.contains("damaged at line 1"), "{list}");
    assert!(list.contains("written by a newer loopbox (version 99"), "{list}");
    page.open(&viewer.at("run/s/newer/seed-0"));
    assert!(page.text("main").contains("newer"), "its own page says so, too");
    page.screenshot("problem-newer");
}
