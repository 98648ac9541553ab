//! The single file, from disk: no server, no network, with and without scripts.

use crate::chromium::Chromium;
use crate::viewer::late;

#[test]
fn a_report_opens_from_disk_with_its_timeline() {
    let (folder, _) = late();
    folder.loopbox(&["report", "--html", "report.html"]).exits(0);
    let url = format!("file://{}/report.html", folder.path().display());
    let browser = Chromium::start();
    let mut page = browser.page();
    page.open(&url);
    assert!(page.text("h1").contains("fail"), "{}", page.text("h1"));
    page.screenshot("file-runs");
    page.click("tbody th a");
    page.until_drawn();
    page.screenshot("file-run");
    page.eval("document.querySelector('[data-timeline][data-started] canvas').focus()");
    page.key("w");
    page.until("location.hash.includes('t=')");
    // What is copied from the address bar shows the same again.
    let address = page.eval("location.href");
    let mut again = browser.page();
    again.open(address.as_str().expect("an address"));
    again.until_drawn();
    again.settle();
    assert_eq!(again.eval("location.href"), address);
    page.has_no_troubles();
    again.has_no_troubles();
}

#[test]
fn a_report_is_complete_without_scripts() {
    let (folder, id) = late();
    folder.loopbox(&["report", "--html", "report.html"]).exits(0);
    let browser = Chromium::start();
    let mut page = browser.page();
    page.scripts(false);
    page.open(&format!("file://{}/report.html#run/{id}", folder.path().display()));
    page.screenshot("file-run-without-scripts");
    let html = folder.read("report.html");
    for said in ["signal-latency", "db.save", "drained", "loopbox run late.toml --seed 0"] {
        assert!(html.contains(said), "{said}");
    }
    assert!(!html.contains("http://") || !html.contains("src=\"http"), "nothing is fetched");
}
