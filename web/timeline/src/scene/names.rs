//! Texts of slices: each is kept once, on one line, and of a bounded length.

use std::borrow::Cow;
use std::collections::BTreeMap;

use loopbox_trace::text::one_line;
use loopbox_trace::{Diagnostic, Label, Trace};

/// The longest text that is left as it is: as [`one_line`] has it.
const PLAIN_BYTES_MAX: usize = 120;

/// Stands for a label that has no name yet.
const NONE: u32 = u32::MAX;

/// Collects the texts of a scene.
#[derive(Default)]
pub(super) struct Names {
    texts: Vec<String>,
    /// By the text itself: for what is not a label of the trace.
    made: BTreeMap<String, u32>,
    /// By the label of the trace that is being read.
    labels: Vec<u32>,
    /// By the report of the trace that is being read.
    diagnostics: Vec<u32>,
}

impl Names {
    /// Labels are those of another trace from now on.
    pub(super) fn read(&mut self, trace: &Trace) {
        self.labels = vec![NONE; trace.labels.len()];
        self.diagnostics = vec![NONE; trace.diagnostics.len()];
    }

    /// The name for a label of the trace that is being read.
    pub(super) fn label(&mut self, trace: &Trace, label: Label) -> u32 {
        let known = self.labels[label.0 as usize];
        if known != NONE {
            return known;
        }
        let name = self.add(fit(trace.text(label)).into_owned());
        self.labels[label.0 as usize] = name;
        name
    }

    /// The name for a report of the trace that is being read: its code and its text.
    pub(super) fn diagnostic(&mut self, trace: &Trace, diagnostic: u32) -> u32 {
        let known = self.diagnostics[diagnostic as usize];
        if known != NONE {
            return known;
        }
        let Diagnostic { code, text, .. } = &trace.diagnostics[diagnostic as usize];
        let name = self.add(one_line(&format!("{code} {text}")));
        self.diagnostics[diagnostic as usize] = name;
        name
    }

    /// The name for a text that is fit to be shown, such as one made here.
    pub(super) fn text(&mut self, text: &str) -> u32 {
        if let Some(&known) = self.made.get(text) {
            return known;
        }
        let name = self.add(text.to_owned());
        self.made.insert(text.to_owned(), name);
        name
    }

    pub(super) fn into_texts(self) -> Vec<String> {
        self.texts
    }

    fn add(&mut self, text: String) -> u32 {
        self.texts.push(text);
        u32::try_from(self.texts.len() - 1).expect("bounded by the trace limit")
    }
}

/// The text as [`one_line`] shows it. Most texts are as it would show them, and a trace may have a million.
pub(super) fn fit(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'\\';
    if text.len() <= PLAIN_BYTES_MAX && text.bytes().all(plain) && !text.ends_with(' ') {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(one_line(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fit_text_is_what_one_line_makes_of_it() {
        let long = "x".repeat(PLAIN_BYTES_MAX);
        for text in [
            "",
            "plain it's \"fine\"",
            "back\\slash",
            "space at the end ",
            "two\nlines",
            "\u{7f}\u{202e}right to left",
            "Grüße",
            &long,
            &(long.clone() + "y"),
            &"ü".repeat(PLAIN_BYTES_MAX),
        ] {
            assert_eq!(fit(text), one_line(text), "{text:?}");
        }
    }

    #[test]
    fn a_text_is_kept_once() {
        let mut names = Names::default();
        assert_eq!((names.text("a"), names.text("b"), names.text("a")), (0, 1, 0));
        assert_eq!(names.into_texts(), ["a", "b"]);
    }
}
