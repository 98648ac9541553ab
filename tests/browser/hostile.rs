//! Guests, scenarios and visitors that mean harm.

use std::io::{Read, Write};
use std::net::TcpStream;

use loopbox_trace::{EventKind, Level, Stream};

use crate::chromium::Chromium;
use crate::support::{Folder, made};
use crate::viewer::Viewer;

/// Would set the title of a page in which it is run.
const SCRIPT: &str =
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">";

/// A trace whose every text is hostile.
fn hostile_trace() -> loopbox_trace::Trace {
    let mut trace = made::long_trace(200);
    let long = "x".repeat(1 << 20);
    for (index, label) in trace.labels.iter_mut().enumerate() {
        *label = match index % 3 {
            0 => format!("{SCRIPT}{index}"),
            1 => format!("\u{202e}right to left \u{2066}{index}\u{0}\u{7}"),
            _ => format!("{long}{index}"),
        };
    }
    trace.lanes[2] = SCRIPT.into();
    trace.pools[0].name = SCRIPT.into();
    trace.diagnostics.push(loopbox_trace::Diagnostic {
        code: SCRIPT.into(),
        level: Level::Error,
        logger: SCRIPT.into(),
        text: format!("{SCRIPT}\n\u{202e}{long}"),
        created: Some(SCRIPT.into()),
        died: Some(SCRIPT.into()),
    });
    let text = loopbox_trace::Label(0);
    for kind in [
        EventKind::Output { stream: Stream::Stdout, text, ended: true },
        EventKind::Log { level: Level::Error, logger: text, text },
        EventKind::Diagnostic(0),
    ] {
        let last = trace.events.len() - 1;
        let event = loopbox_trace::Event { kind, ..trace.events[last] };
        trace.events.insert(last, event);
    }
    trace
}

#[test]
fn texts_of_guests_are_shown_and_never_run() {
    let folder = Folder::new();
    let id = made::keep(&folder, "evil", &hostile_trace());
    let (viewer, browser) = (Viewer::of(&folder), Chromium::start());
    let mut page = browser.page();
    folder.loopbox(&["report", "--html", "report.html"]).exits(0);
    let file = format!("file://{}/report.html#run/{id}", folder.path().display());
    for address in [viewer.url.clone(), viewer.at(&format!("run/{id}")), file] {
        page.open(&address);
        page.frames();
        assert_ne!(page.eval("document.title"), "owned", "{address}");
        assert_eq!(page.eval("document.querySelectorAll('main script:not([type=\"application/octet-stream\"]), main img').length"), 0);
        assert_eq!(
            page.eval("document.documentElement.scrollWidth <= innerWidth"),
            true,
            "{address}"
        );
    }
    page.open(&viewer.at(&format!("run/{id}")));
    page.until_drawn();
    page.eval("document.querySelector('[data-timeline] canvas').focus()");
    page.key("n");
    page.screenshot("hostile");
    assert_eq!(
        page.eval(
            "document.querySelectorAll('.timeline-details script, .timeline-details img').length"
        ),
        0
    );
    page.has_no_troubles();
}

/// The first line of the answer to a request as it is.
fn answer(url: &str, request: &str) -> String {
    let address =
        url.strip_prefix("http://").and_then(|rest| rest.split('/').next()).expect("an address");
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = request.replace("HOST", address);
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn who_does_not_know_the_address_is_refused() {
    let folder = Folder::new();
    let id = made::keep(&folder, "x", &made::long_trace(100));
    let viewer = Viewer::of(&folder);
    let base = format!("/{}", viewer.url.splitn(4, '/').nth(3).expect("a path"));
    let get = |path: &str, host: &str| {
        answer(
            &viewer.url,
            &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
        )
    };
    assert!(get(&base, "HOST").contains(" 200 "), "{}", get(&base, "HOST"));
    assert!(get(&format!("{base}run/{id}"), "HOST").contains(" 200 "));
    let wrong = format!("/{}/", "0".repeat(base.len() - 2));
    for (path, host, status) in [
        ("/", "HOST", " 40"),
        (wrong.as_str(), "HOST", " 40"),
        (base.as_str(), "evil.example", " 4"),
        (&format!("{base}run/../../../../etc/passwd"), "HOST", " 40"),
        (&format!("{base}run/%2e%2e/%2e%2e/etc/passwd"), "HOST", " 40"),
        (&format!("{base}assets/../../Cargo.toml"), "HOST", " 40"),
    ] {
        let line = get(path, host);
        assert!(line.contains(status), "{path} for {host}: {line}");
    }
    let post = answer(
        &viewer.url,
        &format!(
            "POST {base}run/{id}/what-if/save HTTP/1.1\r\nHost: HOST\r\nOrigin: http://evil.example\r\nContent-Length: 6\r\nConnection: close\r\n\r\nname=x"
        ),
    );
    assert!(post.contains(" 403 "), "{post}");
}
