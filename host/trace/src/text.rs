//! Text that comes from the guest, made fit for one line of a report.
//!
//! A guest may write anything: line breaks, terminal controls, marks that turn the reading direction
//! around. What is shown here keeps ordinary letters of every script and escapes the rest, so one text
//! stays on one line and does nothing to the terminal. Different texts stay different.

/// How many characters of a text fit a line of a golden or a table.
const LINE_CHARS_MAX: usize = 120;

/// How many characters of a text are shown where it is the point of a report.
const REPORT_CHARS_MAX: usize = 1_000;

/// More than any line of a golden has that we wrote: three names and a report, all of it escaped.
const PRINTABLE_CHARS_MAX: usize = 16_000;

/// The text with everything unprintable escaped as in a Rust string, quotes left alone.
///
/// A last space becomes `\u{20}`: editors and version control remove spaces at line ends.
pub fn escape(text: &str) -> String {
    // Each quote is escaped by its own backslash, and no other backslash stands before a quote that
    // is not itself escaped. So this undoes exactly the quotes.
    let mut escaped = text.escape_debug().to_string().replace("\\'", "'").replace("\\\"", "\"");
    if escaped.ends_with(' ') {
        escaped.pop();
        escaped.push_str("\\u{20}");
    }
    escaped
}

/// The text as [`escape`] shows it, cut after 120 characters. A cut text is followed by its length and a
/// hash, so that two long texts with one beginning can be told apart.
pub fn one_line(text: &str) -> String {
    cut(text, LINE_CHARS_MAX)
}

/// A text that is meant to be escaped already, made harmless in case it is not, and cut if it is longer than
/// any of ours: the lines of a golden, which people may edit. What [`escape`] wrote stays as it is.
pub fn printable(text: &str) -> String {
    let (kept, note) = match text.char_indices().nth(PRINTABLE_CHARS_MAX) {
        Some((end, _)) => (&text[..end], "…"),
        None => (text, ""),
    };
    let mut shown = String::with_capacity(kept.len() + note.len());
    for c in kept.chars() {
        if is_harmless(c) {
            shown.push(c);
        } else {
            shown.extend(c.escape_unicode());
        }
    }
    shown + note
}

/// Whether [`escape`] leaves it alone somewhere in a text, as it does with marks behind their letter; quotes and
/// backslashes are harmless, too.
fn is_harmless(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    let behind_a_letter = format!("a{c}");
    behind_a_letter.escape_debug().eq(behind_a_letter.chars())
}

/// As [`one_line`], but cut after 1,000 characters only.
pub fn report(text: &str) -> String {
    cut(text, REPORT_CHARS_MAX)
}

/// The text without the lines of source places in it: `src/bin/app.rs:12:5` becomes `app.rs`, and so does
/// the path in `File "src/bin/app.rs", line 12`.
pub fn without_lines(text: &str) -> String {
    let mut rest = text;
    let mut shown = String::with_capacity(text.len());
    while let Some(found) = [".rs", ".py"].iter().filter_map(|end| rest.find(end)).min() {
        let (before, after) = rest.split_at(found + ".rs".len());
        let path = before.rfind(|c: char| c.is_whitespace() || "\"'(<=[`".contains(c));
        let (lead, path) = before.split_at(
            path.map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8)),
        );
        shown.push_str(lead);
        shown.push_str(path.rsplit('/').next().unwrap_or(path));
        rest = after.strip_prefix("\", line ").map_or_else(
            || skip_number(skip_number(after, ":"), ":"),
            |number| {
                shown.push('"');
                number.trim_start_matches(|c: char| c.is_ascii_digit())
            },
        );
    }
    shown + rest
}

/// The text without exact moments: `when=0.229022992` becomes `when=...`, and `at 17.116us` becomes `at ...`.
pub fn without_times(text: &str) -> String {
    let deadlines = without_numbers(text, "when=", |_, rest| Some(rest));
    without_numbers(&deadlines, " at ", |number, rest| {
        // Only with a unit behind it: a place or an address is no moment.
        let unit = ["ns", "us", "ms", "s"].iter().find_map(|unit| rest.strip_prefix(unit))?;
        let ends = !unit.starts_with(|c: char| c.is_ascii_alphanumeric());
        (ends && !number.ends_with('.')).then_some(unit)
    })
}

/// The text without the numbers that follow a mark. `rest_of` is what is left behind the number, if it is one to
/// leave out.
fn without_numbers(
    text: &str,
    mark: &str,
    rest_of: impl for<'a> Fn(&str, &'a str) -> Option<&'a str>,
) -> String {
    let mut pieces = text.split(mark);
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |shown, piece| {
        let rest = piece.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number = &piece[..piece.len() - rest.len()];
        match rest_of(number, rest).filter(|_| !number.is_empty()) {
            Some(rest) => format!("{shown}{mark}...{rest}"),
            None => format!("{shown}{mark}{piece}"),
        }
    })
}

/// What follows `:12`; everything, if that is not there.
fn skip_number<'a>(text: &'a str, mark: &str) -> &'a str {
    match text.strip_prefix(mark) {
        Some(number) if number.starts_with(|c: char| c.is_ascii_digit()) => {
            number.trim_start_matches(|c: char| c.is_ascii_digit())
        }
        _ => text,
    }
}

fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => escape(text),
        Some((end, _)) => format!(
            "{}… [{} characters, {:08x}]",
            escape(&text[..end]),
            text.chars().count(),
            fnv1a(text.as_bytes())
        ),
    }
}

/// FNV-1a: short, and the same for ever. Goldens hold its values, so it must never change.
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in ["it's \"fine\"", "Grüße, 世界", "a  b", "e\u{301}", ""] {
            assert_eq!(escape(text), text);
        }
    }

    #[test]
    fn controls_and_direction_marks_are_escaped() {
        for (text, shown) in [
            ("two\nlines\r\n", "two\\nlines\\r\\n"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("a\u{202e}b\u{2028}", "a\\u{202e}b\\u{2028}"),
            ("\\n", "\\\\n"),
            ("\\' and \\\\\"", "\\\\' and \\\\\\\\\""),
            ("ends with spaces  ", "ends with spaces \\u{20}"),
        ] {
            assert_eq!(escape(text), shown);
        }
    }

    #[test]
    fn an_escaped_text_is_printable_and_any_other_becomes_so() {
        for text in
            ["it's \"fine\"", "Grüße, 世界", "two\nlines", "\u{1b}\u{202e}", "e\u{301} ", "\\"]
        {
            let escaped = escape(text);
            assert_eq!(printable(&escaped), escaped);
        }
        assert_eq!(printable("a\u{1b}[2J\u{202e}b\t"), "a\\u{1b}[2J\\u{202e}b\\u{9}");
        assert_eq!(printable(&"\u{7}".repeat(20_000)).len(), 16_000 * 5 + "…".len());
    }

    #[test]
    fn source_places_lose_their_lines() {
        for (text, shown) in [
            ("coro=<main() running at guest/src/bin/a.rs:5> x", "coro=<main() running at a.rs> x"),
            ("a.rs:1:2: RuntimeWarning: b.rs", "a.rs: RuntimeWarning: b.rs"),
            ("File \"src/a.rs\", line 12\nKeyError: 3", "File \"a.rs\"\nKeyError: 3"),
            ("took 0.100 seconds", "took 0.100 seconds"),
        ] {
            assert_eq!(without_lines(text), shown);
        }
        assert_eq!(
            without_times("<TimerHandle when=0.229 cb()> when=x"),
            "<TimerHandle when=... cb()> when=x"
        );
        for (text, shown) in [
            ("started at 17.116us", "started at ..."),
            ("ended at 300ms and was at 3s.", "ended at ... and was at ...."),
            (
                "running at 5:3 at 12 sheep, at 0x7f, at 4msg",
                "running at 5:3 at 12 sheep, at 0x7f, at 4msg",
            ),
        ] {
            assert_eq!(without_times(text), shown);
        }
    }

    #[test]
    fn a_long_text_is_cut_and_still_told_apart() {
        let long = "x".repeat(120);
        assert_eq!(one_line(&long), long);
        let (first, second) = (one_line(&(long.clone() + "a")), one_line(&(long.clone() + "b")));
        assert_eq!(first, format!("{long}… [121 characters, 0d55e58c]"));
        assert_ne!(first, second);
        assert_eq!(one_line(&"ü".repeat(130)).chars().filter(|c| *c == 'ü').count(), 120);
    }
}
