//! Turns of the loop, the longest first.

use std::cmp::Reverse;

use loopbox_trace::measure::{self, Doing, Turn};
use loopbox_trace::{EventKind, Lane};
use maud::{Markup, html};

use crate::parts::{duration, name};
use crate::tables::{Context, cut_note, folded, or_nothing, table};

pub(super) fn section(context: &Context<'_>) -> Markup {
    let trace = context.trace;
    // Each turn begins with its event.
    let begins = context.events(|lane, kind| lane == Lane::MAIN && *kind == EventKind::TurnBegin);
    let mut turns: Vec<(Turn, usize)> = measure::turns(trace).into_iter().zip(begins).collect();
    let all = turns.len();
    turns.sort_by_key(|(turn, _)| Reverse(turn.length()));
    turns.truncate(context.limits.rows);
    let rows = html! {
        @for (turn, event) in &turns {
            tr data-event=(event) {
                td { (context.moment(Some(*event), turn.begin, turn.end)) }
                td { (duration(turn.length())) }
                @let blocked = turn.blocked(trace);
                td { (duration(turn.length() - blocked)) }
                td { (duration(blocked)) }
                td.words { (name(&turn.describe_blame(trace))) }
                td { (or_nothing(rule_of(context, turn))) }
            }
        }
    };
    let content = html! {
        @if turns.is_empty() {
            p.note { "No event loop ran a turn." }
        } @else {
            (cut_note(context, turns.len(), all, "longest"))
            (table("Turns of the loop, the longest first",
                &["Begin", "Length", "CPU", "Blocked", "What took the time", "Scenario"], &rows))
        }
    };
    folded(context.ids, "turns", "Turns", &all.to_string(), true, &content)
}

/// The rule for the blocking call that took the time.
fn rule_of(context: &Context<'_>, turn: &Turn) -> Option<Markup> {
    match turn.blame(context.trace).last()?.doing {
        Doing::Blocking(call) => context.rule_line(context.trace.text(call)),
        _ => None,
    }
}
