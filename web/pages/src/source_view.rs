//! The text of a scenario, with an anchor for each line.

use loopbox_trace::record::{Source, SourceFile};
use maud::{Markup, html};

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
            h3 { @if index > 0 { "extends " } (code(&file.path)) }
            (lines(ids, index, file))
        }
    }
}

fn lines(ids: &Ids, index: usize, file: &SourceFile) -> Markup {
    let all = file.text.lines().count();
    let label = format!("Text of {}", loopbox_trace::text::one_line(&file.path));
    html! {
        div.source-scroll tabindex="0" role="region" aria-label=(label) {
            ol.source {
                @for (line, text) in file.text.lines().take(LINES_MAX).enumerate() {
                    li id=(ids.id(&anchor(index, line + 1))) { code { bdi { (shown(text)) } } }
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
        let html = files(&ids, &source(&["a"])).into_string();
        assert!(html.contains(r#"<li id="run/x/seed-0/scenario-1">"#), "{html}");
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
