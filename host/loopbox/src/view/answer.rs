//! What is sent back, with the headers that everything has.

use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LOCATION};
use hyper::{HeaderMap, Response, StatusCode};

use super::assets::Asset;
use super::changes::Listener;

/// What every answer says: what a page may do, and that nobody else may use what is in it.
const ALWAYS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; \
         img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Whether it is what was asked for.
    pub status: StatusCode,
    /// What is said about it.
    pub headers: HeaderMap,
    /// What is in it.
    pub content: Content,
}

/// The content of an answer.
#[derive(Debug)]
pub enum Content {
    /// All of it.
    Whole(Bytes),
    /// News, as long as somebody listens.
    News(Listener),
}

impl Answer {
    /// A page. It is never kept by a browser: results change, and so does the token.
    pub fn page(status: StatusCode, html: String) -> Answer {
        Answer::new(status, "text/html; charset=utf-8", html.into())
    }

    /// A sentence for whoever gets no page.
    pub fn text(status: StatusCode, sentence: &str) -> Answer {
        Answer::new(status, "text/plain; charset=utf-8", format!("{sentence}\n").into())
    }

    /// Bytes for a script.
    pub fn bytes(bytes: Bytes) -> Answer {
        Answer::new(StatusCode::OK, "application/octet-stream", bytes)
    }

    /// A file that pages need, to somebody who may have files with these tags already.
    pub fn asset(asset: &Asset, known_tags: &str) -> Answer {
        let is_known = known_tags.split(',').any(|tag| tag.trim() == asset.etag);
        let (status, bytes) = match is_known {
            true => (StatusCode::NOT_MODIFIED, Bytes::new()),
            false => (StatusCode::OK, Bytes::from_static(asset.bytes)),
        };
        // It may be kept, but must be asked for: another version of this program has others.
        Answer::new(status, asset.kind, bytes)
            .with(CACHE_CONTROL, "no-cache")
            .with(ETAG, &asset.etag)
    }

    /// News of the results.
    pub fn news(listener: Listener) -> Answer {
        let answer = Answer::new(StatusCode::OK, "text/event-stream", Bytes::new());
        Answer { content: Content::News(listener), ..answer }
    }

    /// The way to another page, which is then got.
    pub fn see(location: &str) -> Answer {
        Answer::text(StatusCode::SEE_OTHER, "It is elsewhere.").with(LOCATION, location)
    }

    /// The refusal of a method where only these are allowed.
    pub fn allowing(self, methods: &'static str) -> Answer {
        self.with(ALLOW, methods)
    }

    fn new(status: StatusCode, kind: &str, bytes: Bytes) -> Answer {
        let answer = Answer { status, headers: HeaderMap::new(), content: Content::Whole(bytes) };
        ALWAYS
            .into_iter()
            .fold(answer, |answer, (name, value)| answer.with(HeaderName::from_static(name), value))
            .with(CONTENT_TYPE, kind)
            .with(CACHE_CONTROL, "no-store")
    }

    /// Says something more. All that is said here is made by us, so it is fit for a header.
    fn with(mut self, name: HeaderName, value: &str) -> Answer {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// The answer in the server's terms.
    pub fn into_response(self) -> Response<Content> {
        let mut response = Response::new(self.content);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
