//! Rules about how the process ended and what it wrote.

use similar::{ChangeTag, TextDiff};

use super::{Finding, Ruling, first_lines};
use crate::text::{self, escape, one_line};
use crate::{Ending, Stream, Trace};

/// How many lines of a difference are shown.
const DIFF_LINES_MAX: usize = 40;

/// How many lines of what was written are shown, from its end.
const OUTPUT_LINES_MAX: usize = 10;

/// The ending is the expected one; if not, the detail says all about it.
pub(super) fn exit(expected: &str, trace: &Trace) -> Finding {
    let ending = &trace.ending;
    let report = ending.to_string();
    let mut report_lines = report.lines().filter(|line| !line.trim().is_empty());
    let actual = text::report(report_lines.next().unwrap_or_default());
    let kept = ending.keyword() == expected;
    let mut detail = Vec::new();
    if !kept {
        detail.extend(report_lines.map(escape));
        detail.extend(ending.backtrace().iter().map(|frame| escape(frame)));
        if let Ending::Deadlock { waiting } = ending {
            detail.extend(waiting.iter().map(|line| escape(line)));
        }
        if matches!(ending, Ending::Exited { .. } | Ending::Signalled { .. }) {
            detail.extend(last_lines(trace, Stream::Stderr));
        }
    }
    let expected = if expected.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("status {expected}")
    } else {
        expected.to_owned()
    };
    Finding { ruling: Ruling::kept_if(kept), expected, actual, detail, budget: None }
}

/// The end of what was written to a stream, with a headline; nothing if nothing was written.
fn last_lines(trace: &Trace, stream: Stream) -> Vec<String> {
    let written = trace.output(stream);
    let lines: Vec<&str> = written.lines().collect();
    if lines.is_empty() {
        return Vec::new();
    }
    let last = &lines[lines.len().saturating_sub(OUTPUT_LINES_MAX)..];
    let what = if last.len() == lines.len() { "" } else { "the end of " };
    let headline = format!("{what}{}:", stream.name());
    [headline].into_iter().chain(last.iter().map(|line| format!("  {}", one_line(line)))).collect()
}

/// Standard output is exactly this.
pub(super) fn stdout(expected: &str, trace: &Trace) -> Finding {
    let written = trace.output(Stream::Stdout);
    let kept = written == expected;
    Finding {
        ruling: Ruling::kept_if(kept),
        expected: amount(expected),
        actual: if kept { "the same".into() } else { format!("{}, other text", amount(&written)) },
        detail: if kept {
            Vec::new()
        } else {
            first_lines(diff(expected, &written), DIFF_LINES_MAX)
        },
        budget: None,
    }
}

/// How much text there is.
fn amount(text: &str) -> String {
    match text.lines().count() {
        0 => "nothing".into(),
        1 => format!("1 line ({} bytes)", text.len()),
        lines => format!("{lines} lines ({} bytes)", text.len()),
    }
}

/// The lines that differ: `-` is expected, `+` was written.
fn diff(expected: &str, written: &str) -> Vec<String> {
    let diff = TextDiff::from_lines(expected, written);
    let mut lines = Vec::new();
    for group in diff.grouped_ops(3) {
        if !lines.is_empty() {
            lines.push("...".into());
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            let text = change.value();
            let (text, note) = match text.strip_suffix('\n') {
                Some(line) => (line, ""),
                None => (text, " (no newline at the end)"),
            };
            lines.push(format!("{sign} {}{note}", one_line(text)));
        }
    }
    lines
}

/// A stream contains each of these texts.
pub(super) fn contains(texts: &[String], trace: &Trace, stream: Stream) -> Finding {
    all_in(texts, &trace.output(stream), stream.name(), || last_lines(trace, stream))
}

/// The report of a deadlock contains each of these texts.
pub(super) fn deadlock(texts: &[String], trace: &Trace) -> Finding {
    match &trace.ending {
        Ending::Deadlock { waiting } => {
            let lines = || waiting.iter().map(|line| escape(line)).collect();
            all_in(texts, &waiting.join("\n"), "the report", lines)
        }
        ending => {
            all_in(texts, "", &format!("the report, since there is none: {ending}"), Vec::new)
        }
    }
}

/// Each of these texts is in what was written; if not, the detail says more.
fn all_in(
    texts: &[String],
    written: &str,
    place: &str,
    more: impl FnOnce() -> Vec<String>,
) -> Finding {
    let missing: Vec<_> = texts.iter().filter(|text| !written.contains(text.as_str())).collect();
    let mut detail: Vec<String> =
        missing.iter().map(|text| format!("missing: \"{}\"", one_line(text))).collect();
    if !missing.is_empty() {
        detail.extend(more());
    }
    let shown: Vec<_> = texts.iter().map(|text| format!("\"{}\"", one_line(text))).collect();
    Finding {
        ruling: Ruling::kept_if(missing.is_empty()),
        expected: shown.join(", "),
        actual: match missing.len() {
            0 => "contained".into(),
            count => format!("{count} of {} missing in {place}", texts.len()),
        },
        detail,
        budget: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Builder;

    fn panicked() -> Ending {
        Ending::Panicked {
            message: "boom\nat a.rs:1:2".into(),
            backtrace: vec!["inner (a.rs:1:2)".into(), "main (a.rs:9:1)".into()],
        }
    }

    #[test]
    fn an_unexpected_ending_is_reported_in_full() {
        let finding = exit("0", &Builder::new().end(5, panicked()));
        assert_eq!(finding.ruling, Ruling::Broken);
        assert_eq!(
            (finding.expected.as_str(), finding.actual.as_str()),
            ("status 0", "panicked: boom")
        );
        assert_eq!(finding.detail, ["at a.rs:1:2", "inner (a.rs:1:2)", "main (a.rs:9:1)"]);
        let waiting = vec!["task main waits for nothing".to_owned()];
        let finding = exit("SIGTERM", &Builder::new().end(5, Ending::Deadlock { waiting }));
        assert_eq!(finding.detail, ["task main waits for nothing"]);
        assert_eq!(finding.expected, "SIGTERM");
    }

    #[test]
    fn a_deadlock_report_is_searched_and_shown() {
        let waiting = vec!["task a waits for b".to_owned()];
        let trace = Builder::new().end(5, Ending::Deadlock { waiting });
        let look_for = |text: &str, trace: &Trace| deadlock(&[text.to_owned()], trace);
        assert_eq!(look_for("waits for b", &trace).ruling, Ruling::Kept);
        let finding = look_for("waits for c", &trace);
        assert_eq!(finding.ruling, Ruling::Broken);
        assert_eq!(finding.detail, ["missing: \"waits for c\"", "task a waits for b"]);
        let finding = look_for("waits for b", &Builder::new().exit(1));
        assert_eq!(finding.ruling, Ruling::Broken);
        assert!(finding.actual.contains("there is none"), "{}", finding.actual);
    }

    #[test]
    fn an_expected_ending_needs_no_report() {
        let finding = exit("panic", &Builder::new().end(5, panicked()));
        assert_eq!((finding.ruling, finding.detail.len()), (Ruling::Kept, 0));
    }

    #[test]
    fn another_status_comes_with_the_end_of_standard_error() {
        let mut b = Builder::new();
        for line in 0..12 {
            b.output(line, Stream::Stderr, &format!("line {line}\u{7}"));
        }
        let finding = exit("0", &b.end(20, Ending::Exited { status: 2 }));
        assert_eq!(finding.detail.len(), 11);
        assert_eq!(finding.detail[0], "the end of stderr:");
        assert_eq!(finding.detail[10], "  line 11\\u{7}");
    }

    #[test]
    fn standard_output_is_compared_exactly() {
        let mut b = Builder::new();
        b.output(1, Stream::Stdout, "one").output(2, Stream::Stderr, "noise");
        b.output(3, Stream::Stdout, "two");
        let trace = b.exit(4);
        assert_eq!(stdout("one\ntwo\n", &trace).ruling, Ruling::Kept);
        assert_eq!(stdout("one\ntwo", &trace).ruling, Ruling::Broken);
        let finding = stdout("one\r\n2\ntwo", &trace);
        assert_eq!(finding.ruling, Ruling::Broken);
        assert_eq!(
            finding.detail,
            ["- one\\r", "- 2", "- two (no newline at the end)", "+ one", "+ two"]
        );
        assert_eq!(finding.expected, "3 lines (10 bytes)");
        assert_eq!(finding.actual, "2 lines (8 bytes), other text");
        assert_eq!(stdout("", &trace).detail, ["+ one", "+ two"]);
    }

    #[test]
    fn a_missing_text_is_named() {
        let mut b = Builder::new();
        b.output(1, Stream::Stderr, "drained 3 jobs");
        let trace = b.exit(2);
        let texts = ["drained".to_owned(), "lost".to_owned()];
        let finding = contains(&texts, &trace, Stream::Stderr);
        assert_eq!(finding.ruling, Ruling::Broken);
        assert_eq!(finding.actual, "1 of 2 missing in stderr");
        assert_eq!(finding.detail, ["missing: \"lost\"", "stderr:", "  drained 3 jobs"]);
        assert_eq!(contains(&texts[..1], &trace, Stream::Stderr).ruling, Ruling::Kept);
        assert_eq!(contains(&texts[..1], &trace, Stream::Stdout).ruling, Ruling::Broken);
    }
}
