//! The page of a run: the verdict, the timeline, the issues, the tables, without scripts, damaged.

use crate::chromium::Chromium;
use crate::viewer::{Viewer, late};

#[test]
fn the_verdict_is_in_words_and_the_timeline_is_drawn() {
    let (folder, id) = late();
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    let mut page = browser.page();
    page.open(&viewer.at(&format!("run/{id}")));
    page.until_drawn();
    let text = page.text("main");
    for said in ["signal-latency", "at most 50ms", "loopbox run late.toml --seed 0", "SIGTERM"] {
        assert!(text.contains(said), "{said}");
    }
    // A canvas of one colour is one on which nothing was drawn.
    let colours = page.eval(
        "(() => { const c = document.querySelector('[data-timeline] canvas'); \
         const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; const s = new Set(); \
         for (let i = 0; i < d.length; i += 4) s.add(d[i] << 16 | d[i + 1] << 8 | d[i + 2]); return s.size; })()",
    );
    assert!(colours.as_u64().is_some_and(|colours| colours > 8), "{colours} colours");
    page.screenshot("run-light-1280");
    page.dark(true);
    page.frames();
    page.screenshot("run-dark-1280");
    page.size(400, 900);
    page.frames();
    page.screenshot("run-dark-400");
    assert_eq!(page.eval("document.documentElement.scrollWidth <= innerWidth"), true);
    page.has_no_troubles();
}

#[test]
fn an_issue_leads_into_the_timeline() {
    let (folder, id) = late();
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    let mut page = browser.page();
    page.open(&viewer.at(&format!("run/{id}")));
    page.until_drawn();
    page.click(".issues a[data-goto]");
    page.until("location.hash.includes('t=')");
    page.until("!document.querySelector('.timeline-details').hidden");
    page.screenshot("run-issue-selected");
    page.has_no_troubles();
}

#[test]
fn a_row_of_a_table_selects_its_slice_and_the_address_shows_the_same_again() {
    let (folder, id) = late();
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    let mut page = browser.page();
    page.open(&viewer.at(&format!("run/{id}")));
    page.until_drawn();
    page.eval("document.querySelectorAll('details').forEach(d => d.open = true)");
    page.click("tr[data-event]");
    page.until("/sel=\\d+/.test(location.hash)");
    page.until("!document.querySelector('.timeline-details').hidden");
    let details = page.text(".timeline-details");
    let address = page.eval("location.href");
    let mut again = browser.page();
    again.open(address.as_str().expect("an address"));
    again.until_drawn();
    again.until("!document.querySelector('.timeline-details').hidden");
    assert_eq!(again.text(".timeline-details"), details);
    again.has_no_troubles();
}

#[test]
fn the_same_facts_are_there_without_scripts() {
    let (folder, id) = late();
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    let mut page = browser.page();
    page.scripts(false);
    page.open(&viewer.at(&format!("run/{id}")));
    let dom = page.call("DOM.getDocument", serde_json::json!({ "depth": 0 }));
    let html = page
        .call("DOM.getOuterHTML", serde_json::json!({ "nodeId": dom["root"]["nodeId"] }))
        .to_string();
    for said in ["db.save", "SIGTERM", "drained", "signal-latency", "at = &quot;1s&quot;"] {
        let plain = said.replace("&quot;", "\\\"");
        assert!(html.contains(said) || html.contains(&plain), "{said}");
    }
    page.screenshot("run-without-scripts");
}

#[test]
fn a_trace_that_is_damaged_leaves_the_verdict() {
    let (folder, id) = late();
    let path = format!(".loopbox/results/{id}.trace.jsonl");
    let whole = folder.read(&path);
    folder.write(&path, &whole[..whole.len() / 2]);
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    let mut page = browser.page();
    page.open(&viewer.at(&format!("run/{id}")));
    let text = page.text("main");
    assert!(text.contains("truncated") && text.contains("signal-latency"), "{text}");
    page.screenshot("run-damaged-trace");
}
