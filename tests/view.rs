//! `loopbox view` and `loopbox report` as somebody uses them: the command in a folder, and a client that speaks
//! to it through a socket.
//!
//! What pages say and who is refused is tested without sockets (`host/loopbox/src/view/tests.rs`). Nothing here
//! waits for time to pass: the address is on standard output, answers end, and news come when there are some.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::DeflateDecoder;
use loopbox_trace::{columns, store};
use support::guests::{FAIL, SUCCEED, USE_DB};
use support::{Done, EXPECT_0, Folder};

/// A viewer under way; killed, if need be, when the test ends.
struct Viewer {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// Such as `127.0.0.1:4711`.
    host: String,
    /// Such as `/3f9c.../`.
    base: String,
}

/// What came back.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Viewer {
    fn start(folder: &Folder, arguments: &[&str]) -> Viewer {
        let mut command = folder.command(&[&["view"], arguments].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("UTF-8");
        let address = line.strip_prefix("http://").and_then(|line| line.strip_suffix('\n'));
        let (host, path) = address.and_then(|line| line.split_once('/')).expect("an address");
        Viewer { child, stdout, host: host.into(), base: format!("/{path}") }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.host).expect("it listens")
    }

    /// Sends a request as it is, and reads until the connection is closed.
    fn send(&self, request: &str) -> Answer {
        let mut stream = self.connect();
        // A server that refuses need not read all of it, and then the connection ends with an error.
        let _ = stream.write_all(request.as_bytes());
        let mut read = Vec::new();
        let _ = stream.read_to_end(&mut read);
        let end = read.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head");
        let body = read.split_off(end + 4);
        let head = String::from_utf8(read).expect("UTF-8").to_ascii_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Answer { status: status.expect("a status"), head, body }
    }

    fn get_raw(&self, path: &str, host: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
    }

    fn get(&self, path: &str) -> Answer {
        self.get_raw(&format!("{}{path}", self.base), &self.host)
    }

    #[cfg(unix)]
    fn end(mut self, signal: &str) -> Done {
        // Not every system has the program `kill`, but every shell has the command.
        let command = format!("kill -{signal} {}", self.child.id());
        let shell = std::process::Command::new("sh").args(["-c", &command]).status();
        assert!(shell.expect("a shell").success(), "{command}");
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut stdout).expect("UTF-8");
        let mut pipe = self.child.stderr.take().expect("a pipe");
        pipe.read_to_string(&mut stderr).expect("UTF-8");
        Done { code: self.child.wait().expect("it ends").code(), stdout, stderr }
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    #[track_caller]
    fn is(&self, status: u16) -> &Answer {
        assert_eq!(self.status, status, "{}{}", self.head, String::from_utf8_lossy(&self.body));
        self
    }
}

/// Blocking calls of 10 ms each, and an end in time.
const TIMED: &str = r#"
    [[blocking]]
    call = "db.*"
    takes = "10ms"
    [expect]
    finish = "50ms"
"#;

/// A folder with the results of two scenarios, `s/db` and `s/ok`.
fn with_results() -> Folder {
    let folder = Folder::new();
    folder.scenario("s/db", USE_DB, TIMED);
    folder.scenario("s/ok", SUCCEED, EXPECT_0);
    folder.loopbox(&["run", "s"]).exits(0);
    folder
}

#[test]
fn pages_and_traces_are_served() {
    let folder = with_results();
    let viewer = Viewer::start(&folder, &[]);
    let runs = viewer.get("");
    assert!(runs.is(200).text().contains("s/db"), "{}", runs.text());
    assert!(runs.head.contains("content-security-policy: default-src 'none'"), "{}", runs.head);
    viewer.get("run/s/db/seed-0").is(200);
    let answer = viewer.get("run/s/db/seed-0/trace.columns");
    let stored = &folder.files(".loopbox/results")["s/db/seed-0.trace.jsonl"];
    let trace = columns::read(&answer.is(200).body).expect("columns");
    assert_eq!(trace, store::read(&stored[..]).expect("a trace"));
    for name in ["style.css", "viewer.js", "timeline.js", "timeline.wasm"] {
        assert!(!viewer.get(&format!("assets/{name}")).is(200).body.is_empty(), "{name}");
    }
    let head = viewer.send(&format!(
        "HEAD {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        viewer.base, viewer.host
    ));
    assert!(head.is(200).body.is_empty());
}

#[test]
fn strangers_and_strange_requests_are_refused() {
    let folder = with_results();
    folder.write("secret", "secret");
    let viewer = Viewer::start(&folder, &[]);
    let (host, base) = (&viewer.host, &viewer.base);
    viewer.get_raw("/", host).is(403);
    viewer.get_raw("/00000000000000000000000000000000/", host).is(403);
    viewer.get_raw(base, "evil.example").is(421);
    let port = host.split(':').nth(1).expect("a port");
    viewer.get_raw(base, &format!("localhost:{port}")).is(200);
    for path in ["../../secret", "run/../../secret", "run/%2e%2e%2fsecret/seed-0", "assets/%00"] {
        assert!(!viewer.get(path).is(400).text().contains("secret"));
    }
    viewer.get_raw(&format!("http://{host}{base}"), host).is(400);
    viewer.send(&format!("GET {base} HTTP/1.1\r\nConnection: close\r\n\r\n")).is(400);
    viewer.send(&format!("GET {base} HTTP/1.0\r\n\r\n")).is(400);
    viewer
        .send(&format!("DELETE {base} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
        .is(405);
    viewer.send("nonsense\r\n\r\n").is(400);
    let many: String = (0..100).map(|n| format!("x-{n}: x\r\n")).collect();
    viewer.send(&format!("GET {base} HTTP/1.1\r\nHost: {host}\r\n{many}\r\n")).is(431);
    viewer
        .send(&format!("GET {base} HTTP/1.1\r\nHost: {host}\r\nx: {}", "x".repeat(40_000)))
        .is(431);
    // A form whose length is a lie, or is not told.
    let form = format!(
        "POST {base}run/s/db/seed-0/what-if/save HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n\
         Connection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    );
    viewer.send(&format!("{form}Content-Length: 100000\r\n\r\n")).is(413);
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    viewer
        .send(&format!("{form}Transfer-Encoding: chunked\r\n\r\n{chunk}1\r\nx\r\n0\r\n\r\n"))
        .is(413);
    // It is still there for others.
    viewer.get("").is(200);
}

#[test]
fn damaged_results_are_shown_as_such() {
    let folder = with_results();
    let record = ".loopbox/results/s/db/seed-0.json";
    let newer = folder.read(record).replace("\"version\": 2", "\"version\": 99");
    folder.write(record, newer);
    folder.write(".loopbox/results/s/ok/seed-0.trace.jsonl", "no trace");
    let viewer = Viewer::start(&folder, &[]);
    let newer = "written by a newer loopbox (version 99";
    for path in ["", "run/s/db/seed-0"] {
        let page = viewer.get(path);
        assert!(page.is(200).text().contains(newer), "{path}: {}", page.text());
    }
    let page = viewer.get("run/s/ok/seed-0");
    assert!(page.is(200).text().contains("not a trace of loopbox"), "{}", page.text());
    viewer.get("run/s/ok/seed-0/trace.columns").is(422);
    viewer.get("run/s/no/seed-0").is(404);
}

#[test]
fn a_run_that_finishes_is_announced_and_shown() {
    let folder = Folder::new();
    let viewer = Viewer::start(&folder, &[]);
    let before = viewer.get("");
    assert!(!before.is(200).text().contains("s/ok"));
    let mut stream = viewer.connect();
    let path = format!("{}changes", viewer.base);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", viewer.host).expect("sent");
    let mut news = BufReader::new(stream).lines().map(|line| line.expect("UTF-8"));
    assert_eq!(news.next().as_deref(), Some("HTTP/1.1 200 OK"));
    assert!(news.any(|line| line == ": listening"));
    folder.scenario("s/ok", SUCCEED, EXPECT_0);
    folder.loopbox(&["run", "s"]).exits(0);
    assert!(news.any(|line| line == "event: changed"));
    assert!(viewer.get("").is(200).text().contains("s/ok"));
    viewer.get("run/s/ok/seed-0").is(200);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_viewer_in_good_order() {
    let folder = with_results();
    for signal in ["INT", "TERM"] {
        let viewer = Viewer::start(&folder, &[]);
        // Connections that would stay do not keep it.
        let (idle, mut listening) = (viewer.connect(), viewer.connect());
        let path = format!("{}changes", viewer.base);
        write!(listening, "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", viewer.host).expect("sent");
        let mut byte = [0];
        listening.read_exact(&mut byte).expect("an answer begins");
        let done = viewer.end(signal);
        done.exits(0).says("loopbox: 2 runs in `.loopbox/results`; Ctrl-C ends the viewer");
        done.says("loopbox: the viewer has ended");
        assert_eq!(done.stdout, "", "nothing but the address");
        drop(idle);
    }
}

#[test]
fn what_cannot_be_viewed_is_an_error() {
    let folder = with_results();
    folder.write("file", "");
    folder.loopbox(&["view", "file"]).exits(96).says("cannot read results in `file`: ");
    let viewer = Viewer::start(&folder, &[]);
    let port = viewer.host.split(':').nth(1).expect("a port");
    let taken = folder.loopbox(&["view", "--port", port]);
    taken.exits(96).says(&format!("cannot listen on port {port}: "));
    folder.loopbox(&["view", "--port", "x"]).exits(2);
}

// --- What if ---------------------------------------------------------------------------------------

#[test]
fn another_world_is_tried_and_saved() {
    let folder = Folder::new();
    folder.scenario("s/db", USE_DB, TIMED);
    folder.loopbox(&["run", "s"]).exits(0);
    let viewer = Viewer::start(&folder, &[]);
    let page = viewer.get("run/s/db/seed-0/what-if");
    assert!(page.is(200).text().contains("name=\"blocking.0\""), "{}", page.text());
    let query = "blocking.0=80ms&workers=";
    let page = viewer.get(&format!("run/s/db/seed-0/what-if?{query}"));
    assert!(page.is(200).text().contains("It held, and now it fails."), "{}", page.text());
    let fragment = viewer.get(&format!("run/s/db/seed-0/what-if/fragment?{query}"));
    assert!(fragment.is(200).text().contains("It held, and now it fails."));
    assert!(!fragment.text().contains("<html"));
    let answer = viewer.get(&format!("run/s/db/seed-0/what-if.columns?{query}"));
    let trace = columns::read(&answer.is(200).body).expect("columns");
    let old = columns::read(&viewer.get("run/s/db/seed-0/trace.columns").body).expect("columns");
    assert!(trace.finished > old.finished, "{} {}", trace.finished, old.finished);

    let save = |form: &str, headers: &str| {
        let (host, base) = (&viewer.host, &viewer.base);
        viewer.send(&format!(
            "POST {base}run/s/db/seed-0/what-if/save HTTP/1.1\r\nHost: {host}\r\n{headers}Connection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        ))
    };
    let ours = format!("Origin: http://{}\r\n", viewer.host);
    let form = "blocking.0=80ms&name=slow-db";
    save(form, "Origin: http://evil.example\r\n").is(403);
    save(form, "").is(403);
    assert!(!folder.path().join("s/slow-db.toml").exists());
    let saved = save(form, &ours);
    assert!(saved.is(200).text().contains("s/slow-db.toml"), "{}", saved.text());
    folder.loopbox(&["run", "s/slow-db.toml"]).exits(100);
    save(form, &ours).is(409);
    save("blocking.0=80ms&name=../../x", &ours).is(422);
    save("name=same", &ours).is(422);
}

#[test]
fn a_world_that_makes_no_sense_is_refused() {
    let folder = Folder::new();
    folder.scenario("s/db", USE_DB, TIMED);
    folder.loopbox(&["run", "s"]).exits(0);
    let viewer = Viewer::start(&folder, &[]);
    let what_if = |query: &str| viewer.get(&format!("run/s/db/seed-0/what-if{query}"));
    for query in [
        "workers=0",
        "workers=99999999999",
        "seed=-1",
        "seed=1&seed=2",
        "signal.0=1s",
        "blocking.1=1s",
        "blocking.0=-1s",
        "blocking.0=9e99s",
        "blocking.18446744073709551616=1s",
        "x=1",
        "%00=%ff",
    ] {
        what_if(&format!("?{query}")).is(422);
        what_if(&format!("/fragment?{query}")).is(422);
        what_if(&format!(".columns?{query}")).is(422);
    }
    viewer.get("run/s/no/seed-0/what-if?seed=1").is(404);
    folder.scenario("s/db", USE_DB, &TIMED.replace("10ms", "20ms"));
    let page = what_if("?seed=1");
    assert!(page.is(409).text().contains("the scenario is not what it was"), "{}", page.text());
}

// --- The report ------------------------------------------------------------------------------------

#[test]
fn the_report_is_one_file_with_everything_in_it() {
    let folder = with_results();
    let done = folder.loopbox(&["report", "--html", "out/report.html"]);
    done.exits(0).says("loopbox: 2 runs in `out/report.html`, ");
    assert_eq!(done.stdout, "");
    let html = folder.read("out/report.html");
    assert!(html.starts_with("<!DOCTYPE html>") && html.contains("s/db") && html.contains("s/ok"));
    // The timeline of each run, as a browser unpacks it.
    let files = folder.files(".loopbox/results");
    let mut found = 0;
    for (name, stored) in files.iter().filter(|(name, _)| name.ends_with(".trace.jsonl")) {
        let id = format!("columns/{}", name.strip_suffix(".trace.jsonl").expect("a trace"));
        let (_, rest) = html.split_once(&format!("id=\"{id}\">")).expect("the columns");
        let (base64, _) = rest.split_once('<').expect("the end of the element");
        let packed = STANDARD.decode(base64).expect("base64");
        let mut unpacked = Vec::new();
        DeflateDecoder::new(&packed[..]).read_to_end(&mut unpacked).expect("raw deflate");
        let trace = columns::read(&unpacked).expect("columns");
        assert_eq!(trace, store::read(&stored[..]).expect("a trace"));
        found += 1;
    }
    assert_eq!(found, 2);
    // The same again, and to standard output.
    let again = folder.loopbox(&["report", "--html", "-"]);
    assert!(again.exits(0).stdout == html, "the same results give the same file");
    again.says("2 runs in standard output");
    let names: Vec<_> = folder.files("out").into_keys().collect();
    assert_eq!(names, ["report.html"], "nothing temporary is left");
}

#[test]
fn a_report_has_its_bounds() {
    let folder = with_results();
    for (option, left_out) in [("--limit", 2), ("--trace-limit", 2)] {
        let done = folder.loopbox(&["report", "--html", "r.html", option, "10B"]);
        done.exits(0).says(&format!("{left_out} timelines left out"));
        let html = folder.read("r.html");
        assert!(html.contains(&format!("{option} leaves ")), "{option}");
        assert!(!html.contains("id=\"columns/"));
    }
    folder.loopbox(&["report", "--html", "r.html", "--limit", "10MB"]).exits(2);
}

#[test]
fn what_cannot_be_reported_is_an_error() {
    let folder = with_results();
    folder
        .loopbox(&["report", "--html", "r.html", "missing"])
        .exits(4)
        .says("no results in `missing`");
    folder.loopbox(&["report"]).exits(2);
    folder.write("folder/x", "");
    folder.loopbox(&["report", "--html", "folder"]).exits(96).says("cannot write `folder`: ");
    folder
        .loopbox(&["report", "--html", "r.html", "folder/x"])
        .exits(96)
        .says("cannot read results in");
    folder.write(".loopbox/results/s/ok/seed-0.trace.jsonl", "no trace");
    folder.write(".loopbox/results/s/db/seed-0.json", "{}");
    let done = folder.loopbox(&["report", "--html", "r.html"]);
    done.exits(96)
        .says("warning: `s/ok/seed-0`: The trace cannot be read: not a trace of loopbox.");
    done.says("warning: `s/db/seed-0`: This result cannot be read: ").says("2 runs in `r.html`");
    assert!(folder.read("r.html").contains("not a trace of loopbox"));
}

#[test]
fn results_are_compared_with_those_of_another_folder() {
    let folder = with_results();
    folder.loopbox(&["run", "s", "--results", "main"]).exits(0);
    folder.scenario("s/ok", FAIL, EXPECT_0);
    folder.loopbox(&["run", "s"]).exits(100);
    for arguments in [&["--against", "main"][..], &[]] {
        let viewer = Viewer::start(&folder, arguments);
        assert!(viewer.get("").is(200).text().contains("1 new"), "{arguments:?}");
    }
}
