//! The place of a timeline in a page, and what its script needs to know.
//!
//! Without scripts it says where the same facts stand. Data for the script lie in hidden elements as text, so
//! nothing in them can end the element or be run.

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
    let issues = serde_json::to_string(&timeline.issues).unwrap_or_else(|_| "[]".into());
    let keys = ids.id("timeline-keys");
    html! {
        section.timeline id=(ids.id("timeline")) aria-label="Timeline" data-timeline
            data-columns=(timeline.columns)
            data-second=[timeline.second.as_ref().map(|(columns, _)| columns)]
            data-second-title=[timeline.second.as_ref().map(|(_, title)| title)]
            data-golden=[timeline.golden.map(|_| ids.link("timeline-golden"))]
            data-what-if=[timeline.what_if.as_ref()]
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
        pre hidden id=(ids.id("timeline-issues")) { (issues) }
        @if let Some(golden) = timeline.golden {
            pre hidden id=(ids.id("timeline-golden")) { (golden) }
        }
    }
}
