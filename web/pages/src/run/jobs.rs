//! Jobs and the pools that they were given to.

use loopbox_trace::measure::{self, QueuePeak};
use loopbox_trace::{EventKind, JobId, Lane, Nanos, Outcome};
use maud::{Markup, html};

use super::{outcome, place};
use crate::parts::{duration, name};
use crate::tables::{Context, cut_note, folded, or_nothing, table};

/// What became of a job.
#[derive(Clone, Debug, Default)]
struct Fate {
    queued: Option<usize>,
    started: Option<(Nanos, Lane)>,
    finished: Option<(Nanos, Outcome)>,
    delivered: Option<Nanos>,
}

pub(super) fn section(context: &Context<'_>) -> Markup {
    let trace = context.trace;
    let mut fates = vec![Fate::default(); trace.jobs.len()];
    for (index, event) in trace.events.iter().enumerate() {
        match event.kind {
            EventKind::JobQueued(job) => fates[job.0 as usize].queued = Some(index),
            EventKind::JobStarted(job) => {
                fates[job.0 as usize].started = Some((event.at, event.lane));
            }
            EventKind::JobFinished(job, outcome) => {
                fates[job.0 as usize].finished = Some((event.at, outcome));
            }
            EventKind::JobDelivered { job, .. } => {
                fates[job.0 as usize].delivered = Some(event.at);
            }
            _ => {}
        }
    }
    let jobs = (0..).map(JobId).zip(&trace.jobs).zip(&fates).take(context.limits.rows);
    let rows = html! {
        @for ((id, job), fate) in jobs {
            @let end = fate.finished.map_or(job.queued, |(at, _)| at);
            tr data-event=[fate.queued] {
                th.words scope="row" { (name(trace.job_name(id))) }
                td { (name(&trace.pools[usize::from(job.pool.0)].name)) }
                td { (context.moment(fate.queued, job.queued, end)) }
                td { (or_nothing(fate.started.map(|(at, _)| duration(at - job.queued)))) }
                td.number { (job.ahead) }
                td { (or_nothing(fate.started.map(|(_, lane)| context.lane(lane)))) }
                td { (or_nothing(fate.started.zip(fate.finished).map(|((from, _), (to, _))| duration(to - from)))) }
                td { (or_nothing(fate.delivered.map(duration))) }
                td { (outcome(fate.finished.map(|(_, outcome)| outcome))) }
                td { (place(job.place.map(|place| trace.text(place)))) }
            }
        }
    };
    let all = trace.jobs.len();
    let content = html! {
        (pools(context))
        @if all == 0 {
            p.note { "No job was given to a pool." }
        } @else {
            (cut_note(context, all.min(context.limits.rows), all, "first"))
            (table("Jobs, in the order in which they were queued",
                &["Job", "Pool", "Queued", "Waited", "Ahead", "Worker", "Took", "Delivered", "Outcome", "Program"], &rows))
        }
    };
    folded(context.ids, "jobs", "Jobs and pools", &all.to_string(), false, &content)
}

fn pools(context: &Context<'_>) -> Markup {
    let trace = context.trace;
    let peaks = measure::queue_peaks(trace);
    let peak = |index: usize| peaks.iter().find(|peak| usize::from(peak.pool.0) == index);
    let longest = |peak: &QueuePeak| {
        html! {
            (peak.length)
            @if peak.length > 0 { " at " (context.moment(None, peak.at, peak.at)) }
        }
    };
    let rows = html! {
        @for (index, pool) in trace.pools.iter().take(context.limits.rows).enumerate() {
            tr {
                th scope="row" { (name(&pool.name)) }
                td.number { (pool.workers) }
                td { (or_nothing(peak(index).map(longest))) }
            }
        }
    };
    html! {
        @if !trace.jobs.is_empty() {
            (cut_note(context, trace.pools.len().min(context.limits.rows), trace.pools.len(), "first"))
            (table("Pools", &["Pool", "Workers", "Longest queue"], &rows))
        }
    }
}
