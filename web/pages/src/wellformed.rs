//! A small checker for this crate's tests: whether HTML is well formed, strictly.
//!
//! It takes less than HTML allows: each element that is not void has its end, attributes are quoted, and no text
//! has a bare `<`. What maud writes is like that; a text that broke out of its place would not be.

const VOID: [&str; 5] = ["meta", "link", "input", "br", "hr"];

/// What is wrong first, with what follows it.
pub(crate) fn check(html: &str) -> Result<(), String> {
    let mut rest = html.strip_prefix("<!DOCTYPE html>").unwrap_or(html);
    let mut open: Vec<&str> = Vec::new();
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let wrong =
            |what: &str| Err(format!("{what} at `<{}`", rest.chars().take(80).collect::<String>()));
        if let Some(end) = rest.strip_prefix('/') {
            let Some((name, after)) = end.split_once('>') else { return wrong("an open end") };
            if open.pop() != Some(name) {
                return wrong("the end of another element");
            }
            rest = after;
            continue;
        }
        let name_end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (name, mut attributes) = rest.split_at(name_end);
        if name.is_empty() {
            return wrong("a bare <");
        }
        let mut names: Vec<&str> = Vec::new();
        while let Some(attribute) = attributes.strip_prefix(' ') {
            let end = attribute.find(['=', ' ', '>']).unwrap_or(attribute.len());
            if names.contains(&&attribute[..end]) {
                return wrong("an attribute twice");
            }
            names.push(&attribute[..end]);
            attributes = &attribute[end..];
            if let Some(value) = attributes.strip_prefix("=\"") {
                let Some((_, after)) = value.split_once('"') else { return wrong("an open value") };
                attributes = after;
            }
        }
        let Some(after) = attributes.strip_prefix('>') else { return wrong("no attribute") };
        rest = after;
        if matches!(name, "script" | "style") {
            let Some(end) = rest.find("</") else { return wrong("no end") };
            rest = &rest[end..];
        }
        if !VOID.contains(&name) {
            open.push(name);
        }
    }
    if open.is_empty() { Ok(()) } else { Err(format!("{open:?} have no end")) }
}

#[test]
fn what_is_not_well_formed_is_found() {
    assert_eq!(check("<p class=\"a\" hidden>x<br>&lt;</p>"), Ok(()));
    for wrong in [
        "<p>",
        "</p>",
        "<p><b></p></b>",
        "a < b",
        "<p class=x></p>",
        "<p a=\"\" a=\"\"></p>",
        "<p x",
    ] {
        assert!(check(wrong).is_err(), "{wrong}");
    }
}
