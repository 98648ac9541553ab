//! How late the loop saw what was due.

use std::cmp::Reverse;

use loopbox_trace::measure::{self, percentile};
use loopbox_trace::{EventKind, Nanos};
use maud::{Markup, html};

use super::histogram;
use crate::parts::{duration, name};
use crate::tables::{Context, cut_note, folded, table};

pub(super) fn section(context: &Context<'_>) -> Markup {
    let trace = context.trace;
    // Each lag was seen with one of these.
    let seen = context.events(|lane, kind| {
        trace.is_first_process(lane)
            && matches!(
                kind,
                EventKind::TimerFired { .. }
                    | EventKind::JobDelivered { .. }
                    | EventKind::MessageReceived { .. }
                    | EventKind::SignalDelivered { .. }
            )
    });
    let mut lags: Vec<_> = measure::lags(trace).into_iter().zip(seen).collect();
    let all = lags.len();
    let mut values: Vec<Nanos> = lags.iter().map(|(lag, _)| lag.lag).collect();
    values.sort_unstable();
    lags.sort_by_key(|(lag, _)| Reverse(lag.lag));
    lags.truncate(context.limits.rows);
    let rows = html! {
        @for (lag, event) in &lags {
            tr data-event=(event) {
                td { (context.moment(Some(*event), lag.at - lag.lag, lag.at)) }
                td { (duration(lag.lag)) }
                td.words { (name(&lag.due.describe(trace))) }
            }
        }
    };
    let content = html! {
        @if lags.is_empty() {
            p.note { "Nothing was due on the loop." }
        } @else {
            dl.percentiles {
                @for percent in [50, 90, 99, 100] {
                    div {
                        dt { @if percent == 100 { "worst" } @else { "p" (percent) } }
                        dd { (duration(percentile(&values, percent).unwrap_or_default())) }
                    }
                }
            }
            @if context.limits.full { (histogram::draw(&values, budget(context))) }
            (cut_note(context, lags.len(), all, "largest"))
            (table("Lags of timers, jobs, messages and signals, the largest first", &["Due", "Late by", "What"], &rows))
        }
    };
    folded(context.ids, "lags", "Lags", &all.to_string(), false, &content)
}

/// What the scenario allows, if it says something.
fn budget(context: &Context<'_>) -> Option<Nanos> {
    context.record.checks.iter().find(|check| check.key == "lag")?.budget?.allowed
}
