//! What if: another moment for the signal, another duration, other workers, another seed; and saving it.

use crate::chromium::Chromium;
use crate::viewer::{Viewer, late};

#[test]
fn a_signal_that_comes_before_the_stall_is_handled_in_time() {
    let (folder, id) = late();
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    let mut page = browser.page();
    page.open(&viewer.at(&format!("run/{id}/what-if")));
    page.until_drawn();
    page.screenshot("what-if-before");
    page.eval("document.querySelector('[name=\"signal.0\"]').select()");
    page.click("[name=\"signal.0\"]");
    page.eval("document.querySelector('[name=\"signal.0\"]').select()");
    page.type_text("500ms");
    page.key("Enter");
    page.until("location.search.includes('signal.0=500ms')");
    page.until("document.querySelector('#what-if-outcome').textContent.includes('olds')");
    page.frames();
    page.screenshot("what-if-after");
    let outcome = page.text("#what-if-outcome");
    assert!(outcome.contains("signal-latency"), "{outcome}");
    page.has_no_troubles();
}

#[test]
fn a_signal_is_dragged_along_the_timeline() {
    let (folder, id) = late();
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    let mut page = browser.page();
    page.open(&viewer.at(&format!("run/{id}/what-if")));
    page.until_drawn();
    // The selected signal moves by keys as well: who cannot drag can do the same.
    page.eval("document.querySelector('[data-timeline] canvas').focus()");
    page.eval("document.querySelector('[data-timeline] canvas').scrollIntoView({ block: 'center', behavior: 'instant' })");
    let place = page.eval(
        "(() => { const s = document.querySelector('[data-timeline]'); const r = s.querySelector('canvas').getBoundingClientRect(); \
         return [r.x, r.y, r.width, r.height]; })()",
    );
    let at = |index: usize| place[index].as_f64().expect("a number");
    let (left, top, width, height) = (at(0), at(1), at(2), at(3));
    // The mark of the signal is somewhere on its lane: the pointer says when it is on it.
    let mut grip = None;
    let steps = |step: f64, end: f64| {
        (0..500_u16).map(move |n| f64::from(n) * step).take_while(move |at| *at < end)
    };
    'search: for y in steps(8.0, height) {
        for x in steps(40.0, width) {
            let (x, y) = (left + x, top + y);
            page.call(
                "Input.dispatchMouseEvent",
                serde_json::json!({ "type": "mouseMoved", "x": x, "y": y }),
            );
            let cursor = page.eval("document.querySelector('[data-timeline] canvas').style.cursor");
            if cursor == "ew-resize" {
                grip = Some((x, y));
                break 'search;
            }
        }
    }
    let (x, y) = grip.expect("the signal can be taken");
    page.pointer("mouseMoved", x, y);
    page.pointer("mousePressed", x, y);
    page.pointer("mouseMoved", x - 60.0, y);
    page.screenshot("what-if-dragging");
    page.pointer("mouseMoved", x - 120.0, y);
    page.pointer("mouseReleased", x - 120.0, y);
    page.until("/signal\\.0=/.test(location.search)");
    page.has_no_troubles();
}

#[test]
fn what_was_found_is_saved_as_a_scenario_that_runs() {
    let (folder, id) = late();
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    let mut page = browser.page();
    page.open(&viewer.at(&format!("run/{id}/what-if?signal.0=500ms&workers=1")));
    page.until_drawn();
    page.click("form[method=post] input[name=name]");
    page.eval("document.querySelector('form[method=post] input[name=name]').value = ''");
    page.type_text("in-time");
    page.click_through("form[method=post] button");
    assert!(page.text("main").contains("in-time.toml"), "the page names the file");
    page.screenshot("what-if-saved");
    let saved = folder.read("in-time.toml");
    assert!(saved.contains("extends = \"late.toml\"") && saved.contains("500ms"), "{saved}");
    folder.loopbox(&["list", "in-time.toml"]).exits(0);
    folder.loopbox(&["run", "in-time.toml"]).says("in-time.toml");
}

#[test]
fn absurd_values_are_refused_beside_their_fields() {
    let (folder, id) = late();
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    let mut page = browser.page();
    for (query, said) in [
        ("workers=0", "from 1 to 1024"),
        ("workers=99999999999", "from 1 to 1024"),
        ("signal.0=-1s", "`-1s`"),
        ("signal.7=1s", "signal.7"),
        ("blocking.0=1", "`1` has no unit"),
        ("seed=x", "`x`"),
        ("y=1", "`y`"),
    ] {
        page.open(&viewer.at(&format!("run/{id}/what-if?{query}")));
        let status = page.eval("performance.getEntriesByType('navigation')[0].responseStatus");
        assert!(status == 400 || status == 422, "{query}: {status}");
        let text = page.text("main");
        assert!(text.contains(said), "{query}: {text}");
    }
    page.screenshot("what-if-refused");
}
