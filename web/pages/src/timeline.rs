//! The place of a timeline in a page, and what its script needs to know.
//!
//! Without scripts it says where the same facts stand. Data for the script lie in hidden elements as text, so
//! nothing in them can end the element or be run.

use loopbox_trace::record::{Record, SentSignal};
use loopbox_trace::{Event, EventKind, Nanos, Trace};
use maud::{Markup, html};
use serde::Serialize;

use crate::tables::Ids;

/// What a timeline shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline<'a> {
    /// The address of the trace's columns, or of the element that has them.
    pub(crate) columns: String,
    /// What it is, for those who do not see it.
    pub(crate) label: String,
    /// Another trace below the first one, and its title.
    pub(crate) second: Option<(String, &'static str)>,
    /// The text of a golden, to be shown above the trace.
    pub(crate) golden: Option<&'a str>,
    /// The address that answers what would be if something were another.
    pub(crate) what_if: Option<String>,
    /// What is wrong, worst first.
    pub(crate) issues: Vec<Mark>,
    /// The scenario's signals, which can be dragged if there is somebody who answers.
    pub(crate) signals: Vec<Draggable>,
    /// How long a turn may take.
    pub(crate) budget: Option<Nanos>,
}

impl Timeline<'_> {
    /// What a run's record and trace say about the timeline of the run.
    pub(crate) fn of_run(record: &Record, trace: &Trace) -> Self {
        let stall = record.checks.iter().find(|check| check.key == "max-stall");
        Timeline {
            budget: stall.and_then(|check| check.budget?.allowed),
            signals: draggable(record, trace),
            ..Timeline::default()
        }
    }
}

/// A signal of the scenario, as the script reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Draggable {
    /// Which of the scenario's signals it is.
    signal: usize,
    /// The event of its raising.
    event: usize,
}

/// The scenario's signals, as far as the run came to them.
fn draggable(record: &Record, trace: &Trace) -> Vec<Draggable> {
    let raised = |signal: usize, sent: &SentSignal| {
        let is_it = |event: &Event| {
            event.kind == EventKind::SignalRaised(sent.signal)
                && event.at == sent.at
                && trace.is_first_process(event.lane)
        };
        Some(Draggable { signal, event: trace.events.iter().position(is_it)? })
    };
    let signals = record.world.signals.iter().enumerate();
    signals.filter_map(|(signal, sent)| raised(signal, sent)).collect()
}

/// Something to jump to, as the script reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Mark {
    pub(crate) title: String,
    pub(crate) begin: u64,
    pub(crate) end: u64,
    pub(crate) event: Option<usize>,
}

/// The section of a timeline. Its canvas is hidden until the script has something to draw.
pub(crate) fn section(ids: &Ids, timeline: &Timeline<'_>) -> Markup {
    let can_drag = timeline.what_if.is_some() && !timeline.signals.is_empty();
    let keys = ids.id("timeline-keys");
    html! {
        section.timeline id=(ids.id("timeline")) aria-label="Timeline" data-timeline
            data-columns=(timeline.columns)
            data-second=[timeline.second.as_ref().map(|(columns, _)| columns)]
            data-second-title=[timeline.second.as_ref().map(|(_, title)| title)]
            data-golden=[timeline.golden.map(|_| ids.link("timeline-golden"))]
            data-what-if=[timeline.what_if.as_ref()]
            data-signals=[can_drag.then(|| ids.link("timeline-signals"))]
            data-budget=[timeline.budget.map(|budget| budget.0)]
            data-issues=(ids.link("timeline-issues")) {
            canvas tabindex="0" role="application" aria-label=(timeline.label) aria-describedby=(keys) {}
            p.timeline-keys id=(keys) {
                kbd { "w" } kbd { "s" } " zoom, " kbd { "a" } kbd { "d" } " pan, " kbd { "n" } kbd { "p" }
                " next and previous issue, " kbd { "/" } " search, " kbd { "?" } " all keys. "
                "The same facts stand in the tables below."
            }
            div.timeline-status role="status" aria-live="polite" {}
            aside.timeline-details aria-label="Details of the selection" hidden {}
            noscript { p.note { "The timeline needs scripts. The tables below say the same." } }
        }
        pre hidden id=(ids.id("timeline-issues")) { (json(&timeline.issues)) }
        @if can_drag {
            pre hidden id=(ids.id("timeline-signals")) { (json(&timeline.signals)) }
        }
        @if let Some(golden) = timeline.golden {
            pre hidden id=(ids.id("timeline-golden")) { (golden) }
        }
    }
}

/// Plain data always have a form.
fn json(data: &[impl Serialize]) -> String {
    serde_json::to_string(data).unwrap_or_else(|_| "[]".into())
}

#[cfg(test)]
mod tests {
    use loopbox_trace::Lane;
    use loopbox_trace::model::Process;

    use super::*;
    use crate::testing::{ms, stalled_run, stalled_trace};

    #[test]
    fn a_signal_that_the_scenario_sent_can_be_dragged() {
        let record = stalled_run().record.expect("a record");
        let mut trace = stalled_trace();
        // Neither the program's own signal nor a child's is the scenario's.
        let raised = trace.events[14];
        trace.events.insert(0, Event { at: ms(2600), ..raised });
        trace.events.insert(1, Event { lane: Lane(3), ..raised });
        trace.lanes.push("cat[2] signals".into());
        trace.processes.push(Process { name: "cat[2]".into(), first_lane: Lane(3) });
        assert_eq!(draggable(&record, &trace), [Draggable { signal: 0, event: 16 }]);
        trace.events.remove(16);
        assert_eq!(draggable(&record, &trace), [], "the run did not come to it");
    }
}
