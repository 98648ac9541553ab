//! Timers, processes and pipes.

use loopbox_trace::{EventKind, golden};
use maud::{Markup, html};

use crate::parts::{duration, name};
use crate::tables::{Context, cut_note, folded, table};

/// Timers, in the order in which they fired.
pub(super) fn timers(context: &Context<'_>) -> Markup {
    let trace = context.trace;
    let fired = context.events(|_, kind| matches!(kind, EventKind::TimerFired { .. }));
    let rows = html! {
        @for &index in fired.iter().take(context.limits.rows) {
            @let event = trace.events[index];
            @if let EventKind::TimerFired { name: timer, due } = event.kind {
                tr data-event=(index) {
                    th.words scope="row" { (name(trace.text(timer))) }
                    td { (context.moment(Some(index), due, event.at)) }
                    td { (duration(event.at)) }
                    td { (duration(event.at - due)) }
                    td { (context.lane(event.lane)) }
                }
            }
        }
    };
    let content = html! {
        @if fired.is_empty() {
            p.note { "No timer fired." }
        } @else {
            (cut_note(context, fired.len().min(context.limits.rows), fired.len(), "first"))
            (table("Timers, in the order in which they fired", &["Timer", "Due", "Fired", "Lag", "Lane"], &rows))
        }
    };
    folded(context.ids, "timers", "Timers", &fired.len().to_string(), false, &content)
}

/// What happened to other processes.
pub(super) fn processes(context: &Context<'_>) -> Markup {
    let wanted = |kind: &EventKind| kind.group() == loopbox_trace::Group::Process;
    in_words(context, "processes", "Processes", "The program started no other process.", wanted)
}

/// What happened to pipes.
pub(super) fn pipes(context: &Context<'_>) -> Markup {
    let wanted = |kind: &EventKind| kind.group() == loopbox_trace::Group::Pipe;
    in_words(context, "pipes", "Pipes", "The program made no pipe.", wanted)
}

/// A table of events that need no columns of their own.
fn in_words(
    context: &Context<'_>,
    part: &str,
    title: &str,
    none: &str,
    wanted: impl Fn(&EventKind) -> bool,
) -> Markup {
    let trace = context.trace;
    let events = context.events(|_, kind| wanted(kind));
    if events.is_empty() && !context.limits.full {
        return html! {};
    }
    let rows = html! {
        @for &index in events.iter().take(context.limits.rows) {
            @let event = trace.events[index];
            tr data-event=(index) {
                td { (context.moment(Some(index), event.at, event.at)) }
                td { (context.lane(event.lane)) }
                td.words { bdi { (golden::words(trace, &event)) } }
            }
        }
    };
    let content = html! {
        @if events.is_empty() {
            p.note { (none) }
        } @else {
            (cut_note(context, events.len().min(context.limits.rows), events.len(), "first"))
            (table(&format!("{title}, in the order of the trace"), &["Time", "Lane", "Event"], &rows))
        }
    };
    folded(context.ids, part, title, &events.len().to_string(), false, &content)
}
