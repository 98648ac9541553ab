//! Small parts that many pages are made of: times, names, badges, bars.
//!
//! Colour never says anything alone: whatever has a tone has a word.

use loopbox_trace::Nanos;
use loopbox_trace::check::Status;
use loopbox_trace::record::Record;
use maud::{Markup, PreEscaped, html};

use crate::quantity::Worst;

pub use loopbox_trace::text::one_line;

/// The icon of every page: a loop in a box.
pub const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' stroke='%230b7285' stroke-width='2'%3E%3Crect x='2' y='2' width='20' height='20' rx='5'/%3E%3Cpath d='M16.5 9.5A5 5 0 1 0 17 12.8M17 6.5v3.3h-3.3' stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E";

/// The same as a part of the page, in the colour of the text.
pub fn mark() -> Markup {
    html! {
        svg.mark viewBox="0 0 24 24" width="24" height="24" fill="none" stroke="currentColor"
            stroke-width="2" aria-hidden="true" {
            rect x="2" y="2" width="20" height="20" rx="5" {}
            path d="M16.5 9.5A5 5 0 1 0 17 12.8M17 6.5v3.3h-3.3" stroke-linecap="round"
                stroke-linejoin="round" {}
        }
    }
}

/// How something is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Worth a look.
    Warn,
    /// New since last time.
    New,
    /// By the way.
    Quiet,
}

impl Tone {
    /// The class of the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Bad => "bad",
            Tone::Warn => "warn",
            Tone::New => "new",
            Tone::Quiet => "quiet",
        }
    }

    /// A sign for those who see no colours. Readers of text have the word behind it.
    fn sign(self) -> &'static str {
        match self {
            Tone::Good => "✓",
            Tone::Bad => "✗",
            Tone::Warn => "!",
            Tone::New => "+",
            Tone::Quiet => "·",
        }
    }
}

/// A word or two in a coloured frame.
pub fn badge(tone: Tone, words: &str) -> Markup {
    html! {
        span class={ "badge " (tone.class()) } { span.sign aria-hidden="true" { (tone.sign()) } (words) }
    }
}

/// A time, for people and, in nanoseconds, for programs.
pub fn duration(time: Nanos) -> Markup {
    html! { data.time value=(time.0) { (maud::display(time)) } }
}

/// A text of the guest, or a name of somebody's choosing, in one line.
pub fn name(text: &str) -> Markup {
    html! { bdi { (one_line(text)) } }
}

/// The same as code.
pub fn code(text: &str) -> Markup {
    html! { code { bdi { (one_line(text)) } } }
}

/// `1 run`, `2 runs`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Whether a run is as its scenario expects.
pub fn verdict(record: &Record) -> Markup {
    match record.holds {
        true => badge(Tone::Good, "holds"),
        false => badge(Tone::Bad, "fails"),
    }
}

/// The keys of the expectations that a run does not meet.
pub fn failed_keys(record: &Record) -> impl Iterator<Item = &str> {
    record.checks.iter().filter(|check| !check.status.is_good()).map(|check| check.key.as_ref())
}

/// The keys of the expectations that a run does not meet and is not to meet.
pub fn caught_keys(record: &Record) -> impl Iterator<Item = &str> {
    let caught = record.checks.iter().filter(|check| check.status == Status::FailsAsItMust);
    caught.map(|check| check.key.as_ref())
}

/// Width of the drawing of [`budget_bar`], and where its line is.
const BAR_WIDTH: u64 = 96;
const BAR_BUDGET_X: u64 = 64;

/// A measured time beside what is allowed, and whether that is as the scenario wants it. It draws what the text
/// beside it says.
pub fn budget_bar(measured: Nanos, allowed: Nanos, is_good: bool) -> Markup {
    let per_mille = u128::from(measured.0) * 1_000 / u128::from(allowed.0.max(1));
    let tenths = (per_mille * u128::from(BAR_BUDGET_X) / 100).min(u128::from(BAR_WIDTH * 10));
    let width = PreEscaped(format!("{}.{}", tenths / 10, tenths % 10));
    let fill = match (is_good, measured > allowed) {
        (false, _) => "fill bad",
        // The scenario wants to see it.
        (true, true) => "fill over",
        (true, false) => "fill",
    };
    html! {
        svg.bar viewBox={ "0 0 " (BAR_WIDTH) " 12" } width=(BAR_WIDTH) height="12" aria-hidden="true" {
            rect.ground x="0" y="3" width=(BAR_WIDTH) height="6" rx="3" {}
            rect class=(fill) x="0" y="3" width=(width) height="6" rx="3" {}
            line.limit x1=(BAR_BUDGET_X) x2=(BAR_BUDGET_X) y1="0" y2="12" {}
        }
    }
}

/// A cell with a measured time, beside what is allowed if that is known.
pub(crate) fn time_cell(label: &str, worst: Worst) -> Markup {
    let fails = worst.fails();
    html! {
        td.measure data-label=(label) data-value=[worst.measured.map(|time| time.0)] {
            @match (worst.measured, worst.allowed) {
                (Some(measured), Some(allowed)) => {
                    span class={ "against" (if fails { " bad" } else { "" }) } {
                        @if fails { span.sign { "✗ " } }
                        strong { (duration(measured)) } " of " (duration(allowed))
                    }
                    (budget_bar(measured, allowed, !fails))
                }
                (Some(measured), None) => span class=[fails.then_some("bad")] {
                    @if fails { span.sign { "✗ " } }
                    (duration(measured))
                },
                (None, _) => @if fails { span.bad { span.sign { "✗ " } "none" } },
            }
        }
    }
}
