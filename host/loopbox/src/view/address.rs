//! The addresses of the viewer: what a path means.
//!
//! A path is taken apart before it is decoded, and a part that would mean something else after that (a slash, a
//! step upwards) is refused. What is left is looked up; no part of an address ever becomes a part of a file's path.

use percent_encoding::percent_decode_str;

/// What somebody wants to see, after the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// The way in, which has no token.
    Entrance,
    /// All runs.
    Runs,
    /// All seeds of a scenario, by its name.
    Sweep(String),
    /// A run, by its id.
    Run(String),
    /// A run beside its golden.
    Golden(String),
    /// The trace of a run, for the timeline.
    Columns(String),
    /// A run in another world.
    WhatIf(String, WhatIf),
    /// A file that pages need.
    Asset(String),
    /// News of the results.
    Changes,
}

/// What of a run in another world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhatIf {
    /// The page with the old and the new run.
    Page,
    /// The new trace, for the timeline.
    Columns,
    /// The new verdict, for a page that is there already.
    Fragment,
    /// Writing it as a new scenario.
    Save,
}

/// Why a path means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadPath {
    /// It is no path that a link of ours has.
    Malformed,
    /// There is nothing there.
    Unknown,
}

/// The parts of a path, decoded. The first one is the token's.
///
/// # Errors
/// A part is empty (the last one may be), goes upwards, or is no plain text.
pub fn parts_of(path: &str) -> Result<Vec<String>, BadPath> {
    let raw: Vec<&str> = path.strip_prefix('/').ok_or(BadPath::Malformed)?.split('/').collect();
    let last = raw.len() - 1;
    raw.iter()
        .enumerate()
        .map(|(place, part)| match decoded(part) {
            Some(part) if place == last || !part.is_empty() => Ok(part),
            _ => Err(BadPath::Malformed),
        })
        .collect()
}

/// A part of a path as text, if it can be no other than that.
fn decoded(part: &str) -> Option<String> {
    let bytes = part.as_bytes();
    let escapes_are_whole =
        bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%').all(|(place, _)| {
            let digits = bytes.get(place + 1..place + 3);
            digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        });
    let text = escapes_are_whole.then(|| percent_decode_str(part).decode_utf8().ok()).flatten()?;
    let is_plain = !matches!(&*text, "." | "..")
        && !text.contains(|c: char| c == '/' || c == '\\' || c.is_control());
    is_plain.then(|| text.into_owned())
}

impl Page {
    /// What the parts after the token mean.
    ///
    /// # Errors
    /// Nothing.
    pub fn of(parts: &[String]) -> Result<Page, BadPath> {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match parts[..] {
            [""] => Ok(Page::Runs),
            ["changes"] => Ok(Page::Changes),
            ["assets", name] => Ok(Page::Asset(name.to_owned())),
            ["sweep", ref name @ ..] if !name.is_empty() => Ok(Page::Sweep(name.join("/"))),
            ["run", ref rest @ ..] => of_run(rest).ok_or(BadPath::Unknown),
            _ => Err(BadPath::Unknown),
        }
    }
}

/// An id ends with `seed-N`, so it is plain where it ends.
fn of_run(parts: &[&str]) -> Option<Page> {
    let end = parts.iter().rposition(|part| part.starts_with("seed-"))? + 1;
    let id = parts[..end].join("/");
    match parts[end..] {
        [] => Some(Page::Run(id)),
        ["golden"] => Some(Page::Golden(id)),
        ["trace.columns"] => Some(Page::Columns(id)),
        ["what-if"] => Some(Page::WhatIf(id, WhatIf::Page)),
        ["what-if.columns"] => Some(Page::WhatIf(id, WhatIf::Columns)),
        ["what-if", "fragment"] => Some(Page::WhatIf(id, WhatIf::Fragment)),
        ["what-if", "save"] => Some(Page::WhatIf(id, WhatIf::Save)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(path: &str) -> Result<Page, BadPath> {
        parts_of(path).and_then(|parts| Page::of(&parts[1..]))
    }

    #[test]
    fn every_address_means_one_page() {
        let id = || "a/golden/seed-7".to_owned();
        let expected = [
            ("", Page::Runs),
            ("changes", Page::Changes),
            ("assets/style.css", Page::Asset("style.css".into())),
            ("sweep/a/b", Page::Sweep("a/b".into())),
            ("sweep/tmp%20x", Page::Sweep("tmp x".into())),
            ("run/seed-0", Page::Run("seed-0".into())),
            ("run/seed-1/seed-0", Page::Run("seed-1/seed-0".into())),
            ("run/a/golden/seed-7", Page::Run(id())),
            ("run/a/golden/seed-7/golden", Page::Golden(id())),
            ("run/a/golden/seed-7/trace.columns", Page::Columns(id())),
            ("run/a/golden/seed-7/what-if", Page::WhatIf(id(), WhatIf::Page)),
            ("run/a/golden/seed-7/what-if.columns", Page::WhatIf(id(), WhatIf::Columns)),
            ("run/a/golden/seed-7/what-if/fragment", Page::WhatIf(id(), WhatIf::Fragment)),
            ("run/a/golden/seed-7/what-if/save", Page::WhatIf(id(), WhatIf::Save)),
        ];
        for (path, expected) in expected {
            assert_eq!(page(&format!("/token/{path}")), Ok(expected), "{path}");
        }
        for path in ["/t/x", "/t/run/", "/t/run/a", "/t/run/seed-0/x", "/t/sweep", "/t/assets/a/b"]
        {
            assert_eq!(page(path), Err(BadPath::Unknown), "{path}");
        }
    }

    #[test]
    fn a_path_that_could_mean_another_file_is_refused() {
        for part in [
            "..", ".", "%2e%2e", "%2E.", ".%2e", "a%2fb", "a%2Fb", "a%5cb", "a\\b", "a%00", "%0a",
            "%7f", "%c3%28", "%", "%4", "%zz", "%+1", "/",
        ] {
            for path in [format!("/t/run/{part}/seed-0"), format!("/t/assets/{part}")] {
                assert_eq!(page(&path), Err(BadPath::Malformed), "{path}");
            }
        }
        assert_eq!(page("/t//run/seed-0"), Err(BadPath::Malformed));
        assert_eq!(page("*"), Err(BadPath::Malformed));
        // Decoding once is enough: this is a name, if a strange one.
        assert_eq!(page("/t/run/%252e%252e/seed-0"), Ok(Page::Run("%2e%2e/seed-0".into())));
    }
}
