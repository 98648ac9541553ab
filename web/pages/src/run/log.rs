//! What the program logged, and what the runtime reported.

use loopbox_trace::{EventKind, Level};
use maud::{Markup, html};

use super::place;
use crate::parts::{Tone, badge, code, name};
use crate::tables::{Context, cut_note, folded, long_text, table};

/// The runtime's reports.
pub(super) fn diagnostics(context: &Context<'_>) -> Markup {
    let trace = context.trace;
    let reports = context.events(|_, kind| matches!(kind, EventKind::Diagnostic(_)));
    let rows = html! {
        @for &index in reports.iter().take(context.limits.rows) {
            @let event = trace.events[index];
            @if let EventKind::Diagnostic(report) = event.kind {
                @let report = &trace.diagnostics[report as usize];
                tr data-event=(index) {
                    td { (context.moment(Some(index), event.at, event.at)) }
                    td { (level(report.level)) }
                    th scope="row" { (code(&report.code)) }
                    td.words { (long_text(&report.text)) }
                    td { (place(report.created.as_deref())) }
                    td { (place(report.died.as_deref())) }
                    td { (name(&report.logger)) }
                }
            }
        }
    };
    let content = html! {
        @if reports.is_empty() {
            p.note { "The runtime reported nothing." }
        } @else {
            (cut_note(context, reports.len().min(context.limits.rows), reports.len(), "first"))
            (table("Reports of the runtime",
                &["Time", "Level", "Code", "Text", "Created", "Ended", "Logger"], &rows))
        }
    };
    let number = reports.len().to_string();
    folded(context.ids, "diagnostics", "Diagnostics", &number, !reports.is_empty(), &content)
}

/// What the program logged.
pub(super) fn log(context: &Context<'_>) -> Markup {
    let trace = context.trace;
    let records = context.events(|_, kind| matches!(kind, EventKind::Log { .. }));
    let rows = html! {
        @for &index in records.iter().take(context.limits.rows) {
            @let event = trace.events[index];
            @if let EventKind::Log { level: how_bad, logger, text } = event.kind {
                tr data-event=(index) {
                    td { (context.moment(Some(index), event.at, event.at)) }
                    td { (level(how_bad)) }
                    td { (name(trace.text(logger))) }
                    td.words { (long_text(trace.text(text))) }
                    td { (context.lane(event.lane)) }
                }
            }
        }
    };
    let content = html! {
        @if records.is_empty() {
            p.note { "The program logged nothing." }
        } @else {
            (cut_note(context, records.len().min(context.limits.rows), records.len(), "first"))
            (table("Log records", &["Time", "Level", "Logger", "Text", "Lane"], &rows))
        }
    };
    folded(context.ids, "log", "Log", &records.len().to_string(), false, &content)
}

fn level(level: Level) -> Markup {
    let tone = match level {
        Level::Debug | Level::Info => Tone::Quiet,
        Level::Warning => Tone::Warn,
        Level::Error | Level::Critical => Tone::Bad,
    };
    badge(tone, level.name())
}
