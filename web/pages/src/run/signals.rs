//! Signals: when each was raised, when the loop saw it, when its handler was done.

use loopbox_trace::{Event, EventKind, Lane, Nanos, Signal, Trace};
use maud::{Markup, html};

use crate::parts::{Tone, badge, duration};
use crate::tables::{Context, ROWS_MAX, cut_note, folded, or_nothing, table};

/// What became of one signal.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sent {
    /// The event of its raising.
    event: usize,
    lane: Lane,
    signal: Signal,
    raised: Nanos,
    delivered: Option<Nanos>,
    handled: Option<Nanos>,
    merged: bool,
    default: bool,
}

pub(super) fn section(context: &Context<'_>) -> Markup {
    let all = sent(context.trace);
    let rows = html! {
        @for signal in all.iter().take(ROWS_MAX) {
            @let end = signal.handled.or(signal.delivered).unwrap_or(signal.raised);
            tr data-event=(signal.event) {
                th scope="row" { (signal.signal.name()) }
                td { (context.moment(Some(signal.event), signal.raised, end)) }
                td { (or_nothing(signal.delivered.map(duration))) }
                td { (or_nothing(signal.handled.map(duration))) }
                td { (or_nothing(signal.handled.map(|handled| duration(handled - signal.raised)))) }
                td { (fate(signal)) }
                td { (context.lane(signal.lane)) }
                td { (or_nothing(context.signal_line(signal.signal, signal.raised))) }
            }
        }
    };
    let content = html! {
        @if all.is_empty() {
            p.note { "No signal was sent." }
        } @else {
            (cut_note(all.len().min(ROWS_MAX), all.len(), "first"))
            (table("Signals, in the order in which they were sent",
                &["Signal", "Raised", "Delivered", "Handled", "Latency", "Outcome", "Lane", "Scenario"], &rows))
        }
    };
    folded(context.ids, "signals", "Signals", &all.len().to_string(), !all.is_empty(), &content)
}

fn fate(sent: &Sent) -> Markup {
    match sent {
        Sent { merged: true, .. } => badge(Tone::Quiet, "merged with the pending one"),
        Sent { default: true, .. } => badge(Tone::Warn, "took its default action"),
        Sent { handled: Some(_), .. } => badge(Tone::Good, "handled"),
        Sent { delivered: Some(_), .. } => badge(Tone::Bad, "its handler did not return"),
        _ => badge(Tone::Bad, "never delivered"),
    }
}

/// All signals, also to processes that the program started.
fn sent(trace: &Trace) -> Vec<Sent> {
    let mut all: Vec<Sent> = Vec::new();
    let process =
        |lane: Lane| trace.processes.partition_point(|process| process.first_lane <= lane);
    for (index, event) in trace.events.iter().enumerate() {
        let Event { at, lane, kind } = *event;
        // What settles a signal names it by process, number and the moment of its raising.
        let own =
            |all: &mut Vec<Sent>, signal: Signal, raised: Nanos, settle: fn(&mut Sent, Nanos)| {
                // Of two at one moment the later one merged with the other.
                let sent = all.iter_mut().rev().find(|sent| {
                    (sent.signal, sent.raised, process(sent.lane))
                        == (signal, raised, process(lane))
                        && !(sent.merged || sent.default || sent.handled.is_some())
                });
                if let Some(sent) = sent {
                    settle(sent, at);
                }
            };
        match kind {
            EventKind::SignalRaised(signal) => all.push(Sent {
                event: index,
                lane,
                signal,
                raised: at,
                delivered: None,
                handled: None,
                merged: false,
                default: false,
            }),
            EventKind::SignalMerged(signal) => {
                own(&mut all, signal, at, |sent, _| sent.merged = true)
            }
            EventKind::SignalDefault(signal) => {
                own(&mut all, signal, at, |sent, _| sent.default = true)
            }
            EventKind::SignalDelivered { signal, raised } => {
                own(&mut all, signal, raised, |sent, at| sent.delivered = Some(at));
            }
            EventKind::SignalHandled { signal, raised } => {
                own(&mut all, signal, raised, |sent, at| sent.handled = Some(at));
            }
            _ => {}
        }
    }
    all
}
