//! The timeline by keyboard. What is looked at is read from the address, which is what a user copies.

use crate::chromium::{Chromium, Page};
use crate::viewer::{Viewer, late};

/// The time range that is looked at, from the address; none if it is everything.
fn range(page: &mut Page) -> Option<(f64, f64)> {
    page.settle();
    let hash = page.eval("location.hash");
    let hash = hash.as_str().expect("a text");
    let text = hash.split(['#', '&']).find_map(|part| part.strip_prefix("t="))?;
    let (from, to) = text.split_once('-').expect("two ends");
    Some((from.parse().expect("a number"), to.parse().expect("a number")))
}

#[test]
fn each_key_does_what_the_help_says() {
    let (folder, id) = late();
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    let mut page = browser.page();
    page.open(&viewer.at(&format!("run/{id}")));
    page.until_drawn();
    page.eval("document.querySelector('[data-timeline] canvas').focus()");
    assert_eq!(range(&mut page), None, "at first everything is seen");

    page.key("w");
    let zoomed = range(&mut page).expect("w zooms in");
    page.key("w");
    let more = range(&mut page).expect("a range");
    assert!(more.1 - more.0 < zoomed.1 - zoomed.0, "w again zooms in more");
    page.key("s");
    let less = range(&mut page).expect("a range");
    assert!(less.1 - less.0 > more.1 - more.0, "s zooms out");
    page.key("d");
    let later = range(&mut page).expect("a range");
    assert!(later.0 > less.0, "d moves to later");
    page.key("a");
    let earlier = range(&mut page).expect("a range");
    assert!(earlier.0 < later.0, "a moves to earlier");
    page.key("F");
    assert_eq!(range(&mut page), None, "F shows everything");
    page.key("z");
    assert!(range(&mut page).is_some(), "z undoes that");
    page.key("F");

    page.key("n");
    page.until("/sel=\\d+/.test(location.hash)");
    let first = page.text(".timeline-status");
    page.key("n");
    assert_ne!(page.text(".timeline-status"), first, "n goes to the next issue");
    page.key("p");
    assert_eq!(page.text(".timeline-status"), first, "p goes back");
    page.key("f");
    assert!(range(&mut page).is_some(), "f shows the selected slice");
    page.key("Escape");
    page.until("document.querySelector('.timeline-details').hidden");

    page.key("g");
    page.type_text("1s");
    page.key("Enter");
    let (from, to) = range(&mut page).expect("g goes to a moment");
    assert!(from <= 1e9 && 1e9 <= to, "{from} to {to}");

    page.key("/");
    page.type_text("db.save");
    page.key("Enter");
    page.until("location.hash.includes('q=db.save')");
    page.until("/\\d+ match/.test(document.querySelector('.timeline-found').textContent)");
    page.key("Escape");

    page.eval("document.querySelector('[data-timeline] canvas').focus()");
    page.key("?");
    page.until("document.querySelector('dialog[open]') !== null");
    let help = page.text("dialog[open]");
    for key in ["w", "s", "a", "d", "/", "n", "p", "g", "f", "z", "?"] {
        assert!(help.contains(key), "{key} is in the help");
    }
    page.screenshot("help");
    page.key("Escape");
    page.until("document.querySelector('dialog[open]') === null");
    page.has_no_troubles();
}

#[test]
fn arrows_walk_from_slice_to_slice_and_a_screen_reader_hears_it() {
    let (folder, id) = late();
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    let mut page = browser.page();
    page.open(&viewer.at(&format!("run/{id}")));
    page.until_drawn();
    page.eval("document.querySelector('[data-timeline] canvas').focus()");
    page.key("n");
    page.until("/sel=\\d+/.test(location.hash)");
    let heard = page.text(".timeline-status");
    assert!(!heard.is_empty());
    page.key("ArrowRight");
    assert_ne!(page.text(".timeline-status"), heard, "the next one is told");
    page.key("Enter");
    page.has_no_troubles();
}

#[test]
fn the_keyboard_reaches_everything_and_leaves_the_timeline_again() {
    let (folder, id) = late();
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    let mut page = browser.page();
    page.open(&viewer.at(&format!("run/{id}")));
    page.until_drawn();
    let mut seen = Vec::new();
    for _ in 0..400 {
        page.key("Tab");
        let focused = page.eval(
            "(e => e === document.body ? 'body' : e.tagName + (e.closest('[data-timeline]') ? ' in timeline' : ''))\
             (document.activeElement)",
        );
        let focused = focused.as_str().unwrap_or_default().to_owned();
        if focused == "body" && !seen.is_empty() {
            break;
        }
        seen.push(focused);
    }
    assert!(seen.iter().any(|focused| focused == "CANVAS in timeline"), "{seen:?}");
    let canvas = seen.iter().position(|focused| focused == "CANVAS in timeline").expect("found");
    assert!(
        seen[canvas..].iter().any(|focused| !focused.contains("timeline")),
        "the focus goes on behind the timeline: {seen:?}"
    );
}
