//! Holding a trace against a golden.
//!
//! Lane by lane: the sequence of events must be the same, and each time within the tolerance of the
//! golden's. What is reported is the difference that happened first in virtual time, since what comes
//! after it is often its consequence.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::line::{Line, TimeForm};
use super::{Golden, sections};
use crate::{Group, Nanos, Trace};

/// How many lines before and after a difference are shown.
const CONTEXT_LINES: usize = 3;

/// How a trace differs from its golden.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Divergence {
    /// The golden holds other kinds of event than the scenario asks for.
    Kinds {
        /// What the golden holds.
        golden: BTreeSet<Group>,
        /// What the scenario asks for.
        scenario: BTreeSet<Group>,
    },
    /// The golden was rounded to another tolerance than the scenario's.
    Tolerance {
        /// The golden's.
        golden: Nanos,
        /// The scenario's.
        scenario: Nanos,
    },
    /// The events differ.
    Line(Box<LineDivergence>),
}

/// The first line that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineDivergence {
    /// The name of the lane.
    pub lane: String,
    /// The line of the golden's file, counted from 1: that of the expected event, or if the trace has one
    /// too many, that of the event before which it stands. `None` at the end of the golden's lane.
    pub golden_line: Option<usize>,
    /// What the golden has there.
    pub expected: Side,
    /// What the trace has there.
    pub actual: Side,
    /// The event is the right one, but this far from its time.
    pub time_off: Option<Nanos>,
    /// How far it may be.
    pub tolerance: Nanos,
    /// How many lines differ, over all lanes.
    pub lines_differing: usize,
}

/// One side of a difference, as a golden shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Side {
    /// Up to three lines before it.
    pub before: Vec<String>,
    /// The line that differs; `None` if only the other side has it.
    pub line: Option<String>,
    /// Up to three lines after it.
    pub after: Vec<String>,
}

/// One lane of the golden and of the trace.
struct LanePair<'a> {
    name: String,
    /// The golden's events, with the numbers of their lines in the file.
    expected: &'a [(usize, Line)],
    actual: Vec<Line>,
}

/// Where two lanes differ first.
struct Difference {
    expected: Place,
    actual: Place,
    time_off: Option<Nanos>,
}

/// Where one side of a difference is.
struct Place {
    index: usize,
    /// Whether the line at the index is the one that differs; if not, the side lacks one before it.
    present: bool,
}

/// The first difference between a golden and a trace, of which these groups are to be compared; `None` if
/// the golden holds.
pub fn compare(
    golden: &Golden,
    trace: &Trace,
    groups: &BTreeSet<Group>,
    tolerance: Nanos,
) -> Option<Divergence> {
    if golden.groups != *groups {
        let (golden, scenario) = (golden.groups.clone(), groups.clone());
        return Some(Divergence::Kinds { golden, scenario });
    }
    if golden.tolerance != tolerance {
        let (golden, scenario) = (golden.tolerance, tolerance);
        return Some(Divergence::Tolerance { golden, scenario });
    }
    let mut lines_differing = 0;
    let mut first: Option<(LanePair<'_>, Difference)> = None;
    for lane in lane_pairs(golden, trace, groups) {
        let (difference, count) = lane.difference(tolerance);
        lines_differing += count;
        let Some(difference) = difference else {
            continue;
        };
        let is_first = |(other_lane, other): &(LanePair<'_>, Difference)| {
            lane.moment(&difference) < other_lane.moment(other)
        };
        if first.as_ref().is_none_or(is_first) {
            first = Some((lane, difference));
        }
    }
    let (lane, difference) = first?;
    let line = lane.report(&difference, tolerance, lines_differing);
    Some(Divergence::Line(Box::new(line)))
}

/// All lanes that either side has: the trace's in its order, then those that only the golden has.
fn lane_pairs<'a>(
    golden: &'a Golden,
    trace: &Trace,
    groups: &BTreeSet<Group>,
) -> Vec<LanePair<'a>> {
    let mut actual = sections(trace, groups, golden.version);
    for section in &golden.lanes {
        if !actual.iter().any(|(name, _)| *name == section.name) {
            actual.push((section.name.clone(), Vec::new()));
        }
    }
    let pair = |(name, actual): (String, Vec<Line>)| {
        let section = golden.lanes.iter().find(|section| section.name == name);
        let expected = section.map_or(&[][..], |section| &section.lines);
        LanePair { name, expected, actual }
    };
    actual.into_iter().map(pair).collect()
}

impl LanePair<'_> {
    /// The first difference, and how many lines differ.
    fn difference(&self, tolerance: Nanos) -> (Option<Difference>, usize) {
        let expected: Vec<_> = self.expected.iter().map(|(_, line)| line.key()).collect();
        let actual: Vec<_> = self.actual.iter().map(Line::key).collect();
        let mut first = None;
        let mut count = 0;
        // Without a deadline, which would make the result depend on the host's speed.
        for op in capture_diff_slices(Algorithm::Myers, &expected, &actual) {
            let (expected, actual) = (op.old_range(), op.new_range());
            if let DiffOp::Equal { .. } = op {
                for (expected, actual) in expected.zip(actual) {
                    let off = self.expected[expected].1.time_apart(&self.actual[actual]);
                    if off > tolerance {
                        count += 1;
                        first.get_or_insert(Difference {
                            expected: Place { index: expected, present: true },
                            actual: Place { index: actual, present: true },
                            time_off: Some(off),
                        });
                    }
                }
            } else {
                count += expected.len().max(actual.len());
                first.get_or_insert(Difference {
                    expected: Place { index: expected.start, present: !expected.is_empty() },
                    actual: Place { index: actual.start, present: !actual.is_empty() },
                    time_off: None,
                });
            }
        }
        (first, count)
    }

    /// When a difference happened: the earlier time of the lines that differ.
    fn moment(&self, difference: &Difference) -> Nanos {
        let Difference { expected, actual, .. } = difference;
        let expected = expected.present.then(|| self.expected[expected.index].1.at);
        let actual = actual.present.then(|| self.actual[actual.index].at);
        expected.into_iter().chain(actual).min().unwrap_or_default()
    }

    fn report(
        &self,
        difference: &Difference,
        tolerance: Nanos,
        lines_differing: usize,
    ) -> LineDivergence {
        let form = TimeForm::of(tolerance);
        let expected: Vec<&Line> = self.expected.iter().map(|(_, line)| line).collect();
        let actual: Vec<&Line> = self.actual.iter().collect();
        let in_file = self.expected.get(difference.expected.index);
        LineDivergence {
            lane: self.name.clone(),
            golden_line: in_file.map(|&(number, _)| number),
            expected: side(&expected, &difference.expected, &form),
            actual: side(&actual, &difference.actual, &form),
            time_off: difference.time_off,
            tolerance,
            lines_differing,
        }
    }
}

/// The surroundings of a place.
fn side(lines: &[&Line], place: &Place, form: &TimeForm) -> Side {
    let show = |lines: &[&Line]| lines.iter().map(|line| line.show(form)).collect::<Vec<_>>();
    let after = place.index + usize::from(place.present);
    Side {
        before: show(&lines[place.index.saturating_sub(CONTEXT_LINES)..place.index]),
        line: show(&lines[place.index..after]).pop(),
        after: show(&lines[after..lines.len().min(after + CONTEXT_LINES)]),
    }
}

/// For a terminal: a headline, then the lines around the difference.
impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Divergence::Kinds { golden, scenario } => write!(
                f,
                "the golden was written for the kinds {}, but the scenario asks for {}; bless it again",
                names(golden),
                names(scenario)
            ),
            Divergence::Tolerance { golden, scenario } => write!(
                f,
                "the golden was written for a tolerance of {golden}, but the scenario says {scenario}; \
                 bless it again"
            ),
            Divergence::Line(line) => line.fmt(f),
        }
    }
}

fn names(groups: &BTreeSet<Group>) -> String {
    if groups.is_empty() {
        return "(none)".into();
    }
    groups.iter().map(|group| group.name()).collect::<Vec<_>>().join(" ")
}

impl fmt::Display for LineDivergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.headline())?;
        // Up to the difference, both sides are the same but for times within the tolerance.
        for line in &self.expected.before {
            writeln!(f, "    {line}")?;
        }
        for (title, side) in [("the golden", &self.expected), ("this run", &self.actual)] {
            writeln!(f, "  {title}:")?;
            match &side.line {
                Some(line) => writeln!(f, "  > {line}")?,
                None => writeln!(f, "  > (no such event)")?,
            }
            for line in &side.after {
                writeln!(f, "    {line}")?;
            }
            if side.after.len() < CONTEXT_LINES {
                writeln!(f, "    (end of the lane)")?;
            }
        }
        match self.lines_differing {
            1 => f.write_str("1 line differs in all"),
            lines => write!(f, "{lines} lines differ in all"),
        }
    }
}

impl LineDivergence {
    /// What differs and where, in one line.
    pub fn headline(&self) -> String {
        let what = match (self.time_off, &self.expected.line, &self.actual.line) {
            (Some(off), ..) => {
                return format!(
                    "lane {}, {}: the time differs by {off}, {} are allowed",
                    self.lane,
                    self.place(),
                    self.tolerance
                );
            }
            (None, Some(_), Some(_)) => "another event than expected",
            (None, Some(_), None) => "an event is missing",
            (None, None, _) => "an event too many",
        };
        format!("lane {}, {}: {what}", self.lane, self.place())
    }

    fn place(&self) -> String {
        match self.golden_line {
            Some(number) => format!("line {number} of the golden"),
            None => "after the lane's last line in the golden".into(),
        }
    }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
