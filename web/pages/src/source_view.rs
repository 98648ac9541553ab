//! The text of a scenario, with an anchor for each line.

use loopbox_trace::record::{Source, SourceFile, SourcePlace};
use maud::{Markup, html};
use sha2::{Digest, Sha256};

use crate::parts::{code, count};
use crate::tables::Ids;

/// Lines of one file that are shown.
const LINES_MAX: usize = 2_000;

/// Characters of one line that are shown.
const LINE_CHARS_MAX: usize = 400;

/// The part of a page that shows this line. Lines of the scenario's own file are `scenario-12`; those of a file
/// that it extends have its number, too.
pub fn anchor(file: usize, line: usize) -> String {
    match file {
        0 => format!("scenario-{line}"),
        _ => format!("scenario-{file}-{line}"),
    }
}

/// All files of a scenario, its own first.
pub fn files(ids: &Ids, source: &Source) -> Markup {
    html! {
        @for (index, file) in source.files.iter().enumerate() {
            @if let Some(shared) = ids.shared(index, file) {
                p { "extends " a href={ "#" (shared) } { (code(&file.path)) } }
            } @else {
                h3 { @if index > 0 { "extends " } (code(&file.path)) }
                (lines(file, |line| ids.line_id(source, SourcePlace { file: index, line })))
            }
        }
    }
}

/// The id of the section of a single file that has this text for all scenarios that extend it.
pub(crate) fn shared_id(file: &SourceFile) -> String {
    let hash = Sha256::new().chain_update(&file.path).chain_update([0]).chain_update(&file.text);
    let hash: String = hash.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("source/{hash}")
}

/// What that section says.
pub(crate) fn shared(file: &SourceFile) -> Markup {
    let id = shared_id(file);
    html! {
        h1 { "Scenarios extend " (code(&file.path)) }
        (lines(file, |line| Some(format!("{id}/{line}"))))
    }
}

/// `id`: of a line, beginning with 1.
fn lines(file: &SourceFile, id: impl Fn(usize) -> Option<String>) -> Markup {
    let all = file.text.lines().count();
    let label = format!("Text of {}", loopbox_trace::text::one_line(&file.path));
    html! {
        div.source-scroll tabindex="0" role="region" aria-label=(label) {
            ol.source {
                @for (line, text) in file.text.lines().take(LINES_MAX).enumerate() {
                    li id=[id(line + 1)] { code { bdi { (shown(text)) } } }
                }
            }
        }
        @if all > LINES_MAX {
            p.note { "The first " (LINES_MAX) " of " (count(all, "line", "lines")) " are shown." }
        }
    }
}

/// A line as far as it is shown.
fn shown(line: &str) -> String {
    match line.char_indices().nth(LINE_CHARS_MAX) {
        Some((end, _)) => format!("{}… (cut)", harmless(&line[..end])),
        None => harmless(line),
    }
}

/// A text of many lines as it stands, but for the characters that would do something to the page.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        // What has an escape of its own, but is as harmless as a letter.
        match c {
            '\n' | '\t' | '\\' | '\'' | '"' | ' ' => shown.push(c),
            _ => shown.extend(c.escape_debug()),
        }
        shown
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{file, server};

    fn source(texts: &[&str]) -> Source {
        let files = texts.iter().zip(["x.toml", "_base.toml"]);
        let files =
            files.map(|(text, path)| SourceFile { path: path.into(), text: (*text).into() });
        Source { files: files.collect(), places: Default::default() }
    }

    #[test]
    fn each_line_can_be_linked_to() {
        let ids = Ids::of(&server(), "/T/run/x/seed-0");
        let html = files(&ids, &source(&["title = \"x\"\n\n[expect]", "[machine]"])).into_string();
        assert!(
            html.contains(r#"<li id="scenario-3"><code><bdi>[expect]</bdi></code></li>"#),
            "{html}"
        );
        assert!(
            html.contains(r#"<li id="scenario-1-1"><code><bdi>[machine]</bdi></code></li>"#),
            "{html}"
        );
        assert!(html.contains("title = &quot;x&quot;"), "quotes stay quotes: {html}");
        let ids = Ids::of(&file(), "#run/x/seed-0");
        let mut source = source(&["a\nb"]);
        source.places.insert("a".into(), SourcePlace { file: 0, line: 1 });
        let html = files(&ids, &source).into_string();
        assert!(html.contains(r#"<li id="run/x/seed-0/scenario-1">"#), "{html}");
        assert!(html.contains("<li><code><bdi>b<"), "nothing leads there: {html}");
    }

    #[test]
    fn a_hostile_text_is_shown_and_does_nothing() {
        let ids = Ids::of(&server(), "/T/run/x/seed-0");
        let long = "x".repeat(1_000_000);
        let text = format!(
            "<script>alert(1)</script>\n\u{202e}\u{1b}[31m\n{long}\n{}",
            "\n".repeat(5_000)
        );
        let html = files(&ids, &source(&[&text])).into_string();
        assert!(!html.contains("<script") && html.contains("&lt;script&gt;"));
        assert!(!html.contains('\u{202e}') && !html.contains('\u{1b}'));
        assert!(html.contains("\\u{202e}\\u{1b}[31m"));
        assert!(html.len() < 200_000 && html.contains("The first 2000 of 5003 lines are shown."));
    }
}
