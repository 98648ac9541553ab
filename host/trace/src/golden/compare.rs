//! Holding a trace against a golden.
//!
//! Lane by lane: the sequence of events must be the same, and each time within the tolerance of the
//! golden's. What is reported is the first difference of [`crate::diff`].

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use serde::Serialize;

use super::Golden;
use super::line::{Line, TimeForm};
use crate::diff::{self, Change, LaneDiff, Row, RowPlace};
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
    let diff = diff::align(golden, trace);
    let RowPlace { lane, row } = diff.first_divergence?;
    let line = report(&diff.lanes[lane], row, tolerance, diff.counts.differing);
    Some(Divergence::Line(Box::new(line)))
}

/// The surroundings of the first difference of a lane.
fn report(lane: &LaneDiff, row: usize, tolerance: Nanos, lines_differing: usize) -> LineDivergence {
    let form = TimeForm::of(tolerance);
    let block = lane.block(row);
    let time_off = match lane.rows[row].change {
        Change::Moved { off } => Some(off),
        _ => None,
    };
    let in_file = lane.rows[block.start..].iter().find_map(|row| row.expected.as_ref());
    LineDivergence {
        lane: lane.name.clone(),
        golden_line: in_file.map(|expected| expected.number),
        expected: side(&lane.rows, &block, |row| Some(&row.expected.as_ref()?.line), &form),
        actual: side(&lane.rows, &block, |row| Some(&row.actual.as_ref()?.line), &form),
        time_off,
        tolerance,
        lines_differing,
    }
}

/// What one side has around the rows that differ, and in them.
fn side(
    rows: &[Row],
    block: &Range<usize>,
    line_of: fn(&Row) -> Option<&Line>,
    form: &TimeForm,
) -> Side {
    let show = |line: &Line| line.show(form);
    let mut before: Vec<String> = rows[..block.start]
        .iter()
        .rev()
        .filter_map(line_of)
        .take(CONTEXT_LINES)
        .map(show)
        .collect();
    before.reverse();
    let mut differing = rows[block.clone()].iter().filter_map(line_of);
    let line = differing.next().map(show);
    let after = differing.chain(rows[block.end..].iter().filter_map(line_of));
    Side { before, line, after: after.take(CONTEXT_LINES).map(show).collect() }
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
