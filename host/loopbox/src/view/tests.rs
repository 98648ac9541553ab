//! Requests and answers, without a socket: who is refused, and what the others get.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use hyper::body::Bytes;
use hyper::http::request::Parts;
use hyper::{Request, StatusCode};
use loopbox_trace::record::Record;
use loopbox_trace::{columns, store};
use tempfile::TempDir;

use super::answer::{Answer, Content};
use super::gate::Gate;
use super::site::Site;
use super::token::Token;
use crate::cache::Cache;
use crate::results::{Index, Results};
use crate::testing::{record, trace};
use crate::what_if::Engine;

const HOST: &str = "127.0.0.1:4711";

/// A site of one run, `sigterm-quiet/seed-7`.
struct Fixture {
    results: TempDir,
    site: Arc<Site>,
    base: String,
}

impl Fixture {
    fn new() -> Fixture {
        let results = tempfile::tempdir().expect("a folder");
        Results::under(results.path().to_owned()).save(&record(), &trace()).expect("written");
        Fixture::of(results)
    }

    fn of(results: TempDir) -> Fixture {
        let gate = Gate::new(4711, Token::random().expect("randomness"));
        let base = gate.base();
        let index = Index::new(results.path().to_owned(), None);
        let site = Arc::new(Site::new(gate, index, engine()));
        site.begin().expect("readable");
        Fixture { results, site, base }
    }

    fn path(&self) -> &Path {
        self.results.path()
    }

    /// What is answered to a request like this for a path under the base.
    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let with_host: Vec<_> = [("host", HOST)].iter().chain(headers).copied().collect();
        self.ask_raw(method, &format!("{}{path}", self.base), &with_host)
    }

    fn ask_raw(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let head = head(method, path, headers);
        match self.site.admit(&head) {
            Ok(asked) => smol::block_on(self.site.answer(asked, head.headers, Bytes::new())),
            Err(answer) => *answer,
        }
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[])
    }
}

/// An engine that is asked for nothing, or finds nothing.
fn engine() -> Engine {
    Engine::new(Cache::of_environment(), 1)
}

fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request").into_parts().0
}

fn text(answer: &Answer) -> String {
    String::from_utf8(bytes(answer)).expect("UTF-8")
}

fn bytes(answer: &Answer) -> Vec<u8> {
    match &answer.content {
        Content::Whole(bytes) => bytes.to_vec(),
        Content::News(_) => panic!("news have no end"),
    }
}

// --- Who is let in -------------------------------------------------------------------------------

#[test]
fn without_the_token_nobody_learns_anything() {
    let fixture = Fixture::new();
    let base = &fixture.base;
    let wrong = base.replace(|c: char| c.is_ascii_digit(), "x");
    let other = Token::random().expect("randomness");
    let paths = [
        "/".to_owned(),
        "/favicon.ico".into(),
        "/assets/style.css".into(),
        "/run/sigterm-quiet/seed-7".into(),
        "//".into(),
        format!("/{base}"),
        format!("/x{base}"),
        base[..base.len() - 2].to_owned(),
        format!("{}x/", base.trim_end_matches('/')),
        format!("{wrong}run/sigterm-quiet/seed-7"),
        format!("/{}/run/sigterm-quiet/seed-7", other.as_str()),
        format!("/{}/../..", other.as_str()),
    ];
    for path in paths {
        for method in ["GET", "POST", "DELETE"] {
            let answer = fixture.ask_raw(method, &path, &[("host", HOST)]);
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path}");
            let text = text(&answer);
            assert!(text.contains("Use the address that `loopbox view` printed"), "{text}");
            assert!(!text.contains(base.trim_matches('/')), "the token is given away");
        }
    }
}

#[test]
fn only_our_own_name_is_answered_to() {
    let fixture = Fixture::new();
    let base = &fixture.base;
    let status = |path: &str, hosts: &[&str]| {
        let headers: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
        fixture.ask_raw("GET", path, &headers).status
    };
    for host in [HOST, "localhost:4711", "LOCALHOST:4711"] {
        assert_eq!(status(base, &[host]), StatusCode::OK, "{host}");
    }
    for host in [
        "evil.example:4711",
        "127.0.0.1",
        "127.0.0.1:80",
        "localhost",
        "127.0.0.1:47110",
        "127.0.0.2:4711",
        "[::1]:4711",
        "localhost.evil.example:4711",
        "127.0.0.1:4711, evil",
        "",
    ] {
        assert_eq!(status(base, &[host]), StatusCode::MISDIRECTED_REQUEST, "{host}");
    }
    assert_eq!(status(base, &[]), StatusCode::BAD_REQUEST);
    assert_eq!(status(base, &[HOST, HOST]), StatusCode::BAD_REQUEST);
    let whole = format!("http://evil.example{base}");
    assert_eq!(status(&whole, &[HOST]), StatusCode::BAD_REQUEST);
}

#[test]
fn a_path_that_could_mean_another_file_is_refused() {
    let fixture = Fixture::new();
    fs::write(fixture.path().join("secret"), "secret").expect("written");
    for path in [
        "../",
        "run/../../etc/passwd",
        "run/%2e%2e/%2e%2e/etc/passwd",
        "run/..%2f..%2fetc%2fpasswd/seed-0",
        "run/..%5c..%5c/seed-0",
        "assets/../secret",
        "assets/%00",
        "assets/%ff",
        "assets//style.css",
        "run//etc/passwd/seed-0",
    ] {
        let answer = fixture.get(path);
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
    }
    for path in ["secret", "assets/secret", "run/secret", "run/etc/passwd/seed-0", "run/seed-0/x"] {
        assert_eq!(fixture.get(path).status, StatusCode::NOT_FOUND, "{path}");
    }
    let long = format!("run/{}/seed-0", "x".repeat(5000));
    assert_eq!(fixture.get(&long).status, StatusCode::URI_TOO_LONG);
    let long = format!("?{}", "x".repeat(20_000));
    assert_eq!(fixture.get(&long).status, StatusCode::URI_TOO_LONG);
}

#[test]
fn pages_are_read_and_nothing_else() {
    let fixture = Fixture::new();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "X"] {
        for path in ["", "run/sigterm-quiet/seed-7", "changes", "assets/style.css"] {
            let answer = fixture.ask(method, path, &[]);
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(answer.headers["allow"], "GET, HEAD");
        }
    }
    for headers in [[("content-length", "3")], [("transfer-encoding", "chunked")]] {
        assert_eq!(fixture.ask("GET", "", &headers).status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(fixture.ask("GET", "", &[("content-length", "0")]).status, StatusCode::OK);
    assert_eq!(fixture.ask("HEAD", "", &[]).status, StatusCode::OK);
}

#[test]
fn only_a_form_of_ours_may_change_something() {
    let fixture = Fixture::new();
    let save = "run/sigterm-quiet/seed-7/what-if/save";
    let status = |headers: &[(&str, &str)]| {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let headers: Vec<_> = form.iter().chain(headers).copied().collect();
        let head = head(
            "POST",
            &format!("{}{save}", fixture.base),
            &[&[("host", HOST)], &headers[..]].concat(),
        );
        fixture.site.admit(&head).map_or_else(|answer| answer.status, |_| StatusCode::OK)
    };
    let ours = ("origin", "http://127.0.0.1:4711");
    let same = ("sec-fetch-site", "same-origin");
    for headers in [&[ours][..], &[same], &[ours, same], &[same, ("origin", "null")]] {
        assert_eq!(status(headers), StatusCode::OK, "{headers:?}");
    }
    for headers in [
        &[][..],
        &[("origin", "null")],
        &[("origin", "http://evil.example")],
        &[("origin", "http://127.0.0.1:4712")],
        &[("origin", "https://127.0.0.1:4711")],
        // The other name of this host is another origin.
        &[("origin", "http://localhost:4711")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ours],
        &[("sec-fetch-site", "none"), ours],
        &[same, ("origin", "http://evil.example")],
    ] {
        assert_eq!(status(headers), StatusCode::FORBIDDEN, "{headers:?}");
    }
    let large = [same, ("content-length", "65537")];
    assert_eq!(status(&large), StatusCode::PAYLOAD_TOO_LARGE);
    let answer = fixture.ask("POST", save, &[same, ("content-type", "text/plain")]);
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let answer = fixture.get(save);
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers["allow"], "POST");
}

#[test]
fn the_way_in_is_closed_behind_the_first() {
    let gate = Gate::new(4711, Token::random().expect("randomness"));
    let base = gate.base();
    let entrance = gate.open_entrance(Token::random().expect("randomness"));
    let site = Arc::new(Site::new(gate, Index::new("missing".into(), None), engine()));
    let ask = |method, path: &str| {
        let head = head(method, path, &[("host", HOST)]);
        let asked = site.admit(&head)?;
        Ok::<_, Box<Answer>>(smol::block_on(site.answer(asked, head.headers, Bytes::new())))
    };
    for (method, path) in [("HEAD", entrance.clone()), ("GET", format!("{entrance}run"))] {
        assert_eq!(ask(method, &path).expect_err("refused").status, StatusCode::FORBIDDEN);
    }
    let answer = ask("GET", &entrance).expect("let in");
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.headers["location"], base.as_str());
    assert_eq!(ask("GET", &entrance).expect_err("refused").status, StatusCode::FORBIDDEN);
    assert_eq!(ask("GET", &base).expect("let in").status, StatusCode::OK);
}

#[test]
fn every_answer_says_what_a_page_may_do() {
    let fixture = Fixture::new();
    let asked = ["", "run/sigterm-quiet/seed-7", "assets/style.css", "assets/x", "..", "changes"];
    let stranger = fixture.ask_raw("GET", "/", &[("host", HOST)]);
    for answer in asked.iter().map(|path| fixture.get(path)).chain([stranger]) {
        let header = |name: &str| answer.headers[name].to_str().expect("text").to_owned();
        let policy = header("content-security-policy");
        for rule in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(rule), "{policy}");
        }
        assert!(!policy.contains("unsafe-inline") && !policy.contains("unsafe-eval'; '"));
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin");
        let is_asset = answer.headers.contains_key("etag");
        assert_eq!(header("cache-control"), if is_asset { "no-cache" } else { "no-store" });
    }
}

// --- What they get -------------------------------------------------------------------------------

#[test]
fn the_timeline_gets_the_trace_in_columns() {
    let fixture = Fixture::new();
    let answer = fixture.get("run/sigterm-quiet/seed-7/trace.columns");
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(columns::read(&bytes(&answer)).expect("columns"), trace());
    assert_eq!(answer.headers["content-type"], "application/octet-stream");
    // Again, and after the file was replaced by another one.
    assert_eq!(bytes(&fixture.get("run/sigterm-quiet/seed-7/trace.columns")), bytes(&answer));
    let mut other = trace();
    other.labels[0] = "other".into();
    Results::under(fixture.path().to_owned()).save(&record(), &other).expect("written");
    let answer = fixture.get("run/sigterm-quiet/seed-7/trace.columns");
    assert_eq!(columns::read(&bytes(&answer)).expect("columns"), other);
}

#[test]
fn a_trace_that_cannot_be_read_says_so_to_the_timeline() {
    let fixture = Fixture::new();
    let path = fixture.path().join("sigterm-quiet").join(Record::trace_file_name(7));
    let mut stored = Vec::new();
    store::write(&trace(), &mut stored).expect("to memory");
    fs::write(&path, &stored[..stored.len() - 1]).expect("written");
    let answer = fixture.get("run/sigterm-quiet/seed-7/trace.columns");
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(text(&answer), "The trace cannot be read: truncated: 1 of 2 events.\n");
    let answer = fixture.get("run/other/seed-7/trace.columns");
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[test]
fn assets_are_sent_once() {
    let fixture = Fixture::new();
    for (name, kind) in [
        ("style.css", "text/css; charset=utf-8"),
        ("viewer.js", "text/javascript; charset=utf-8"),
        ("timeline.js", "text/javascript; charset=utf-8"),
        ("timeline.wasm", "application/wasm"),
    ] {
        let path = format!("assets/{name}");
        let answer = fixture.get(&path);
        assert_eq!(answer.status, StatusCode::OK, "{name}");
        assert_eq!(answer.headers["content-type"], kind);
        assert!(!bytes(&answer).is_empty());
        let tag = answer.headers["etag"].to_str().expect("text");
        for tags in [tag, &format!("\"x\", {tag}")] {
            let again = fixture.ask("GET", &path, &[("if-none-match", tags)]);
            assert_eq!(again.status, StatusCode::NOT_MODIFIED);
            assert!(bytes(&again).is_empty());
        }
        let other = fixture.ask("GET", &path, &[("if-none-match", "\"x\"")]);
        assert_eq!(bytes(&other), bytes(&answer));
    }
}
