//! Signals: when each was raised, when the loop saw it, when its handler was done.

use loopbox_trace::{Event, EventKind, Lane, Nanos, Signal, Trace};
use maud::{Markup, html};

use crate::parts::{Tone, badge, duration};
use crate::tables::{Context, cut_note, folded, or_nothing, table};

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
        @for signal in all.iter().take(context.limits.rows) {
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
            (cut_note(context, all.len().min(context.limits.rows), all.len(), "first"))
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

#[cfg(test)]
mod tests {
    use loopbox_trace::model::Process;

    use super::*;
    use crate::testing::{ms, stalled_trace};

    /// What became of signals: when each was delivered and handled, in milliseconds, and whether it merged or took its
    /// default action. The second lane for signals is another process's.
    fn fates(events: &[(u64, u16, EventKind)]) -> Vec<(Option<u64>, Option<u64>, bool, bool)> {
        let events =
            events.iter().map(|&(at, lane, kind)| Event { at: ms(at), lane: Lane(lane), kind });
        let trace = Trace {
            lanes: ["main", "signals", "cat[2]", "cat[2] signals"].map(String::from).into(),
            processes: vec![Process { name: "cat[2]".into(), first_lane: Lane(2) }],
            events: events.collect(),
            ..stalled_trace()
        };
        let millis = |at: Option<Nanos>| at.map(|at| at.0 / 1_000_000);
        let fate =
            |sent: &Sent| (millis(sent.delivered), millis(sent.handled), sent.merged, sent.default);
        sent(&trace).iter().map(fate).collect()
    }

    #[test]
    fn each_signal_has_its_own_fate() {
        use EventKind::*;
        let signal = Signal::SIGTERM;
        let told = fates(&[
            (1, 1, SignalRaised(signal)),
            (1, 1, SignalRaised(signal)),
            (1, 1, SignalMerged(signal)),
            (1, 3, SignalRaised(signal)),
            (1, 3, SignalDefault(signal)),
            (5, 0, SignalDelivered { signal, raised: ms(1) }),
            (6, 0, SignalHandled { signal, raised: ms(1) }),
            (7, 1, SignalRaised(signal)),
        ]);
        assert_eq!(
            told,
            [
                (Some(5), Some(6), false, false),
                (None, None, true, false),
                (None, None, false, true),
                (None, None, false, false),
            ]
        );
    }
}
