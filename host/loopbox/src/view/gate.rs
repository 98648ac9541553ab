//! Who is let in: the rules that every request meets before anything is looked up.
//!
//! The viewer listens on this machine only, but so does every page in a browser on it, and every user. So: the
//! `Host` must be ours (else another site's name could have been pointed at this machine), the path must have the
//! token, and what changes something must come from a page of ours. Nobody learns anything without the token,
//! not even which addresses exist.

use std::sync::{Mutex, PoisonError};

use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, ORIGIN};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, StatusCode};

use super::address::{self, BadPath, Page, WhatIf};
use super::token::Token;

/// A longer path, or what follows its `?`, is none of ours.
const PATH_BYTES_MAX: usize = 4 << 10;
const QUERY_BYTES_MAX: usize = 16 << 10;

/// The longest body that is read.
pub const BODY_BYTES_MAX: usize = 64 << 10;

/// What is asked for, once it may be asked for.
#[derive(Debug)]
pub struct Asked {
    /// The page.
    pub page: Page,
    /// What follows the path's `?`.
    pub query: String,
}

/// Why a request is not answered as it would like.
#[derive(Debug)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// A sentence for people.
    pub reason: &'static str,
    /// Whether the token was right: only then may a page lead further.
    pub trusted: bool,
    /// The methods that the page takes, if it does not take the request's.
    pub allowed: Option<&'static str>,
}

/// The door.
#[derive(Debug)]
pub struct Gate {
    hosts: Vec<String>,
    token: Token,
    /// Leads to the token, once.
    entrance: Mutex<Option<Token>>,
}

impl Gate {
    /// The door of a server on this port.
    pub fn new(port: u16, token: Token) -> Gate {
        let mut hosts = vec![format!("127.0.0.1:{port}"), format!("localhost:{port}")];
        if port == 80 {
            // Browsers leave it out.
            hosts.extend(["127.0.0.1".to_owned(), "localhost".to_owned()]);
        }
        Gate { hosts, token, entrance: Mutex::default() }
    }

    /// The path under which everything is; it begins and ends with a slash.
    pub fn base(&self) -> String {
        format!("/{}/", self.token.as_str())
    }

    /// A path that leads to the other one for the first who comes. For the command line of a browser: every user
    /// of this machine can read that.
    pub fn open_entrance(&self, token: Token) -> String {
        let path = format!("/{}/", token.as_str());
        *self.entrance.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
        path
    }

    /// Whether this is the way in. It is closed behind whoever comes in.
    fn enter(&self, request: &Parts) -> bool {
        let part = request.uri.path().strip_prefix('/').and_then(|path| path.strip_suffix('/'));
        let mut entrance = self.entrance.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |token: &Token| part.is_some_and(|part| token.is(part.as_bytes()));
        request.method == Method::GET && entrance.take_if(|token| is_it(token)).is_some()
    }

    /// Whether a request is let in, and what it asks for.
    ///
    /// # Errors
    /// It is not; or there is no such page.
    pub fn check(&self, request: &Parts) -> Result<Asked, Refusal> {
        let host = self.check_host(request)?;
        let path = request.uri.path();
        let query = request.uri.query().unwrap_or_default();
        if path.len() > PATH_BYTES_MAX || query.len() > QUERY_BYTES_MAX {
            return Err(refusal(StatusCode::URI_TOO_LONG, "The address is too long."));
        }
        if self.enter(request) {
            return Ok(Asked { page: Page::Entrance, query: String::new() });
        }
        let stranger = || {
            let reason = "This address does not have the viewer's key. Use the address that `loopbox view` \
                          printed when it started; each start has another one.";
            refusal(StatusCode::FORBIDDEN, reason)
        };
        // The token first: who does not have it is told nothing about the rest.
        let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        if !path.starts_with('/') || path.starts_with("//") || !self.token.is(first.as_bytes()) {
            return Err(stranger());
        }
        let trusted = |refusal: Refusal| Refusal { trusted: true, ..refusal };
        let page = address::parts_of(path).and_then(|parts| Page::of(&parts[1..]));
        let page = page.map_err(|bad| trusted(bad.into()))?;
        check_method(request, &page).map_err(trusted)?;
        if request.method == Method::POST {
            check_post(&request.headers, host).map_err(trusted)?;
        }
        Ok(Asked { page, query: query.to_owned() })
    }

    /// The host that is asked, if it is us.
    fn check_host<'a>(&self, request: &'a Parts) -> Result<&'a str, Refusal> {
        let bad = |reason| refusal(StatusCode::BAD_REQUEST, reason);
        // Only proxies are asked for whole addresses.
        if request.uri.authority().is_some() || request.method == Method::CONNECT {
            return Err(bad("This is no proxy."));
        }
        let mut hosts = request.headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(bad("The request must name one host."));
        };
        let host = host.to_str().unwrap_or_default();
        if self.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(host)) {
            return Ok(host);
        }
        let reason = "The viewer answers only at the address that `loopbox view` printed.";
        Err(refusal(StatusCode::MISDIRECTED_REQUEST, reason))
    }
}

/// Pages are read; saving a scenario changes something.
fn check_method(request: &Parts, page: &Page) -> Result<(), Refusal> {
    let allowed = match page {
        Page::WhatIf(_, WhatIf::Save) => "POST",
        _ => "GET, HEAD",
    };
    if !allowed.split(", ").any(|method| method == request.method) {
        let reason = "This address does not take such a request.";
        let refusal = refusal(StatusCode::METHOD_NOT_ALLOWED, reason);
        return Err(Refusal { allowed: Some(allowed), ..refusal });
    }
    if has_body(&request.headers) && request.method != Method::POST {
        return Err(refusal(StatusCode::BAD_REQUEST, "Such a request has no body."));
    }
    Ok(())
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(hyper::header::TRANSFER_ENCODING)
        || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0")
}

/// Only a form on a page of ours may change something. Pages hide where they come from (`Referrer-Policy`), and
/// browsers then send `Origin: null` with a form, but also say by themselves which site it is on.
fn check_post(headers: &HeaderMap, host: &str) -> Result<(), Refusal> {
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    let origin = headers.get(ORIGIN).map(|origin| origin.as_bytes());
    let ours = format!("http://{host}").to_ascii_lowercase();
    let is_ours = match (site, origin) {
        (Some(site), None | Some(b"null")) => site == b"same-origin",
        (Some(site), Some(origin)) => site == b"same-origin" && origin == ours.as_bytes(),
        (None, Some(origin)) => origin == ours.as_bytes(),
        (None, None) => false,
    };
    if !is_ours {
        return Err(refusal(StatusCode::FORBIDDEN, "Only the viewer's own pages may do that."));
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let reason = "Only a form can be read.";
        return Err(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > BODY_BYTES_MAX) {
        return Err(TOO_LARGE);
    }
    Ok(())
}

/// The refusal of a body that turned out to be longer than it may be.
pub const TOO_LARGE: Refusal = Refusal {
    status: StatusCode::PAYLOAD_TOO_LARGE,
    reason: "What was sent is too large.",
    trusted: true,
    allowed: None,
};

fn refusal(status: StatusCode, reason: &'static str) -> Refusal {
    Refusal { status, reason, trusted: false, allowed: None }
}

impl From<BadPath> for Refusal {
    fn from(bad: BadPath) -> Refusal {
        match bad {
            BadPath::Malformed => refusal(StatusCode::BAD_REQUEST, "The address is malformed."),
            BadPath::Unknown => refusal(StatusCode::NOT_FOUND, "There is no such page."),
        }
    }
}
