//! How the run ended, if there is more to say than one line; what changed since the result before; and what the result
//! is about, in numbers.

use loopbox_trace::Ending;
use loopbox_trace::findings::{self, Finding};
use loopbox_trace::record::Record;
use loopbox_trace::text::report;
use maud::{Markup, html};

use crate::parts::{Tone, badge, code, duration};
use crate::source_view::harmless;
use crate::tables::Ids;

/// Lines of a backtrace, or of who waits for what.
const LINES_MAX: usize = 100;

/// A panic, a deadlock, a limit: with what is known about it.
pub(super) fn section(ids: &Ids, ending: &Ending) -> Markup {
    let (title, lines) = match ending {
        Ending::Exited { .. } | Ending::Signalled { .. } => return html! {},
        Ending::Deadlock { waiting } => ("Who waits for what", &waiting[..]),
        other => ("Where the program was, innermost first", other.backtrace()),
    };
    html! {
        section id=(ids.id("ending")) {
            h2 { "The end" }
            // A panic's message may have lines.
            pre.output tabindex="0" role="region" aria-label="How the run ended" {
                bdi { (harmless(&cut(&ending.to_string()))) }
            }
            @if !lines.is_empty() {
                h3 { (title) }
                ol.waiting { @for line in lines.iter().take(LINES_MAX) { li { code { bdi { (report(line)) } } } } }
                @if lines.len() > LINES_MAX {
                    p.note { "The first " (LINES_MAX) " of " (lines.len()) " are listed." }
                }
            }
        }
    }
}

/// A text of the guest that may have a megabyte.
fn cut(text: &str) -> String {
    const CHARS_MAX: usize = 4_000;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}… (cut)", &text[..end]),
        None => text.into(),
    }
}

/// What is new, what goes on and what was resolved since the result before.
pub(super) fn changes(now: &Record, before: Option<&Record>) -> Markup {
    let Some(before) = before else { return html! {} };
    let changes = findings::changes(now, before);
    let groups = [
        (Tone::New, "new", &changes.new),
        (Tone::Warn, "ongoing", &changes.ongoing),
        (Tone::Good, "resolved", &changes.resolved),
    ];
    html! {
        @if groups.iter().any(|(_, _, findings)| !findings.is_empty()) {
            p.changes {
                "Since the result before: "
                @for (tone, word, findings) in groups {
                    @if !findings.is_empty() { (badge(tone, word)) " " (names(findings)) " " }
                }
            }
        }
    }
}

fn names(findings: &[Finding]) -> Markup {
    html! {
        @for finding in findings.iter().take(LINES_MAX) { (code(finding.name())) " " }
    }
}

/// The run in numbers.
pub(super) fn about(ids: &Ids, record: &Record) -> Markup {
    let summary = &record.summary;
    html! {
        section id=(ids.id("about")) {
            h2 { "About this run" }
            dl.facts {
                dt { "Ended" } dd { (duration(summary.finished)) }
                dt { "Events" } dd { (summary.events) }
                dt { "Turns" } dd { (summary.turns) }
                dt { "Tasks" } dd { (summary.tasks) }
                dt { "Jobs" } dd { (summary.jobs) }
                dt { "Blocking calls" }
                dd { (summary.calls_on_loop) " on the loop, " (summary.calls_off_loop) " in pools" }
                dt { "Program" } dd { "SHA-256 " (code(&record.guest_sha256)) }
            }
        }
    }
}
