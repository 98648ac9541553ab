//! What is wrong, worst first: each a link into the timeline, and to its event.

use loopbox_trace::Trace;
use loopbox_trace::diff;
use loopbox_trace::golden;
use loopbox_trace::issues::{self, Issue, Issues, Severity};
use loopbox_trace::record::Record;
use maud::{Markup, html};

use crate::parts::{Tone, badge, count, duration};
use crate::tables::Context;
use crate::timeline::Mark;

/// What is wrong in a run; also where it parts from its golden, if the verdict looks at that.
pub(crate) fn of_run(record: &Record, trace: &Trace) -> Issues {
    let is_held_against = record.checks.iter().any(|check| check.key == "trace");
    let text =
        record.golden.as_ref().filter(|_| is_held_against).and_then(|golden| golden.text.as_ref());
    let golden = text.and_then(|text| golden::parse(text).ok());
    let diff = golden.map(|golden| diff::align(&golden, trace));
    issues::issues(trace, &record.checks, diff.as_ref())
}

/// The same for the timeline.
pub(crate) fn marks(issues: &Issues) -> Vec<Mark> {
    let mark = |issue: &Issue| Mark {
        title: format!("{}: {}", issue.severity.name(), issue.title),
        begin: issue.begin.0,
        end: issue.end.0,
        event: issue.event,
    };
    issues.list.iter().map(mark).collect()
}

/// The list beside the timeline.
pub(super) fn section(context: &Context<'_>, issues: &Issues) -> Markup {
    html! {
        section id=(context.ids.id("issues")) {
            h2 { "Issues" }
            @if issues.list.is_empty() {
                p.note { "Nothing is wrong: every check holds, and nothing was reported." }
            } @else {
                ol.issues {
                    @for issue in &issues.list { li { (row(context, issue)) } }
                }
            }
            @if issues.more > 0 {
                p.note { (count(issues.more, "more is", "more are")) " not listed. The tables below have them." }
            }
        }
    }
}

fn row(context: &Context<'_>, issue: &Issue) -> Markup {
    let tone = match issue.severity {
        Severity::Failed | Severity::Error => Tone::Bad,
        Severity::Caught => Tone::Good,
        Severity::Warning => Tone::Warn,
        Severity::Note => Tone::Quiet,
    };
    html! {
        span { (badge(tone, issue.severity.name())) }
        span.what {
            a href=(context.timeline_address(issue.event)) data-goto={ (issue.begin.0) "-" (issue.end.0) }
                data-select=[issue.event] { bdi { (issue.title) } }
        }
        span.where {
            (duration(issue.begin))
            @if let Some(address) = issue.event.and_then(|event| context.address_of(event)) {
                " " a href=(address) { "event" span.visually-hidden { " of this issue" } }
            }
        }
        @if !issue.detail.is_empty() {
            details.detail {
                summary { "More" span.visually-hidden { " about this issue" } }
                ul { @for line in &issue.detail { li { bdi { (line) } } } }
            }
        }
    }
}
