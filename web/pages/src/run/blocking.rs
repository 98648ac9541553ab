//! Blocking calls: on the loop, where they are a stall, and in pools, where they belong.

use std::cmp::Reverse;

use loopbox_trace::EventKind;
use loopbox_trace::measure::{self, BlockingCall};
use maud::{Markup, html};

use super::outcome;
use crate::parts::{Tone, badge, count, duration, name};
use crate::tables::{Context, cut_note, folded, or_nothing, table};

pub(super) fn section(context: &Context<'_>) -> Markup {
    let trace = context.trace;
    // Each call begins with its event.
    let begins = context.events(|lane, kind| {
        trace.is_first_process(lane) && matches!(kind, EventKind::BlockingBegin(_))
    });
    let mut calls: Vec<(BlockingCall, usize)> =
        measure::blocking_calls(trace).into_iter().zip(begins).collect();
    let all = calls.len();
    let on_loop = calls.iter().filter(|(call, _)| call.on_loop()).count();
    calls.sort_by_key(|(call, _)| Reverse((call.on_loop(), call.length)));
    calls.truncate(context.limits.rows);
    let rows = html! {
        @for (call, event) in &calls {
            tr data-event=(event) {
                td { (context.moment(Some(*event), call.begin, call.begin + call.length)) }
                td { (duration(call.length)) }
                td {
                    @if call.on_loop() { (badge(Tone::Bad, "on the loop")) } @else { (badge(Tone::Good, "in a pool")) }
                }
                th.words scope="row" { (name(&measure::describe_call(trace.text(call.name)))) }
                td { (outcome(call.outcome)) }
                td { (context.lane(call.lane)) }
                td { (or_nothing(context.rule_line(trace.text(call.name)))) }
            }
        }
    };
    let content = html! {
        @if calls.is_empty() {
            p.note { "Nothing blocked: the program made no blocking call." }
        } @else {
            (cut_note(context, calls.len(), all, "worst"))
            (table("Blocking calls: those on the loop first, then the longest",
                &["Begin", "Length", "Where", "Call", "Outcome", "Lane", "Scenario"], &rows))
        }
    };
    let number = match on_loop {
        0 => all.to_string(),
        _ => format!("{all}, {} on the loop", count(on_loop, "call", "calls")),
    };
    folded(context.ids, "blocking", "Blocking calls", &number, on_loop > 0, &content)
}
