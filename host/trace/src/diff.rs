//! Golden and trace side by side: lane by lane, a row for each event of either.
//!
//! Both are on one virtual clock, so they can be aligned without guessing: the sequence of texts is compared, of
//! events with one text the times tell which belong together, and events that pair up differ only by their times. This is the one alignment that there is:
//! [`crate::golden::compare`] reports its first difference, and the viewer shows all of its rows.
//!
//! What differs is judged by the golden's own kinds and tolerance; whether they are the scenario's is
//! [`crate::golden::compare`]'s question.

mod pair;

use std::ops::Range;

use crate::golden::{self, Golden, Line};
use crate::text::{one_line, printable};
use crate::{Lane, Nanos, Trace};

/// A golden and a trace, aligned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diff {
    /// How far apart the times of a pair may be.
    pub tolerance: Nanos,
    /// All lanes that either side has: the trace's in its order, then those that only the golden has.
    pub lanes: Vec<LaneDiff>,
    /// The difference that happened first in virtual time, over all lanes: what comes after it is often its
    /// consequence.
    pub first_divergence: Option<RowPlace>,
    /// How many rows are what.
    pub counts: Counts,
}

/// Where a row is in a [`Diff`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowPlace {
    /// An index into [`Diff::lanes`].
    pub lane: usize,
    /// An index into [`LaneDiff::rows`].
    pub row: usize,
}

/// How many rows of a [`Diff`] are what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pairs within the tolerance.
    pub same: usize,
    /// Pairs beyond it.
    pub moved: usize,
    /// Events that only the golden has.
    pub missing: usize,
    /// Events that only the trace has.
    pub extra: usize,
    /// How many lines differ: where one event stands in the place of another, both count as one.
    pub differing: usize,
}

/// One lane of golden and trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneDiff {
    /// Its name, fit to be shown.
    pub name: String,
    /// The trace's lane; `None` if it has no such event.
    pub lane: Option<Lane>,
    /// In the order of the lane.
    pub rows: Vec<Row>,
}

/// One event of the golden, of the trace, or of both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// How the sides differ.
    pub change: Change,
    /// What the golden has; `None` if the event is extra.
    pub expected: Option<Expected>,
    /// What the trace has; `None` if the event is missing.
    pub actual: Option<Actual>,
}

/// How the two sides of a row differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// One event, at one time but for so much, which the tolerance allows.
    Same {
        /// The larger difference of its two times.
        off: Nanos,
    },
    /// One event, but at another time.
    Moved {
        /// The larger difference of its two times.
        off: Nanos,
    },
    /// Only the golden has it.
    Missing,
    /// Only the trace has it.
    Extra,
}

impl Change {
    /// Whether the golden does not hold here.
    pub fn is_difference(self) -> bool {
        !matches!(self, Change::Same { .. })
    }
}

/// An event of the golden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The event, fit to be shown.
    pub line: Line,
    /// The number of its line in the golden's file, counted from 1.
    pub number: usize,
}

/// An event of the trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actual {
    /// The event, as a golden would hold it.
    pub line: Line,
    /// An index into [`Trace::events`].
    pub event: usize,
}

impl Row {
    /// When it happened: the earlier of the two sides.
    pub fn at(&self) -> Nanos {
        let expected = self.expected.as_ref().map(|expected| expected.line.at);
        let actual = self.actual.as_ref().map(|actual| actual.line.at);
        expected.into_iter().chain(actual).min().unwrap_or_default()
    }

    /// The text, which is the same on both sides.
    pub fn text(&self) -> &str {
        let expected = self.expected.as_ref().map(|expected| &expected.line);
        let actual = self.actual.as_ref().map(|actual| &actual.line);
        expected.or(actual).map_or("", |line| &line.text)
    }

    /// Whether only one side has it.
    fn is_alone(&self) -> bool {
        matches!(self.change, Change::Missing | Change::Extra)
    }
}

impl LaneDiff {
    /// The rows around this one of which only one side has the event: what stands in the place of what.
    pub fn block(&self, row: usize) -> Range<usize> {
        let alone = |row: &&Row| row.is_alone();
        let before = self.rows[..row].iter().rev().take_while(alone).count();
        let after = self.rows[row..].iter().take_while(alone).count();
        if after == 0 { row..row + 1 } else { row - before..row + after }
    }

    /// The first row that differs.
    pub fn first_difference(&self) -> Option<usize> {
        self.rows.iter().position(|row| row.change.is_difference())
    }

    fn add_to(&self, counts: &mut Counts) {
        for row in &self.rows {
            match row.change {
                Change::Same { .. } => counts.same += 1,
                Change::Moved { .. } => {
                    counts.moved += 1;
                    counts.differing += 1;
                }
                Change::Missing => counts.missing += 1,
                Change::Extra => counts.extra += 1,
            }
        }
        for block in self.rows.chunk_by(|one, next| one.is_alone() && next.is_alone()) {
            let missing = block.iter().filter(|row| row.change == Change::Missing).count();
            let extra = block.iter().filter(|row| row.change == Change::Extra).count();
            counts.differing += missing.max(extra);
        }
    }
}

/// Aligns a golden and a trace, of which the golden's kinds of event are looked at.
pub fn align(golden: &Golden, trace: &Trace) -> Diff {
    let mut actual = golden::lines(trace, &golden.groups, golden.version);
    let mut lanes: Vec<LaneDiff> = Vec::new();
    let mut paired = vec![false; golden.lanes.len()];
    for (&lane, lines) in &mut actual {
        let name = one_line(&trace.lanes[usize::from(lane.0)]);
        let section = golden.lanes.iter().position(|section| section.name == name);
        if let Some(section) = section {
            paired[section] = true;
        }
        let expected = section.map_or(&[][..], |section| &golden.lanes[section].lines);
        let rows = align_lane(expected, std::mem::take(lines), golden.tolerance);
        lanes.push(LaneDiff { name, lane: Some(lane), rows });
    }
    let unpaired = golden.lanes.iter().zip(paired).filter(|(_, paired)| !paired);
    lanes.extend(unpaired.map(|(section, _)| {
        let rows = align_lane(&section.lines, Vec::new(), golden.tolerance);
        LaneDiff { name: printable(&section.name), lane: None, rows }
    }));
    let mut counts = Counts::default();
    let mut first: Option<(Nanos, RowPlace)> = None;
    for (lane, diff) in lanes.iter().enumerate() {
        diff.add_to(&mut counts);
        if let Some(row) = diff.first_difference() {
            let at = diff.rows[row].at();
            if first.is_none_or(|(earliest, _)| at < earliest) {
                first = Some((at, RowPlace { lane, row }));
            }
        }
    }
    let first_divergence = first.map(|(_, place)| place);
    Diff { tolerance: golden.tolerance, lanes, first_divergence, counts }
}

/// The rows of one lane.
fn align_lane(
    expected: &[(usize, Line)],
    actual: Vec<(usize, Line)>,
    tolerance: Nanos,
) -> Vec<Row> {
    let missing = |(number, line): &(usize, Line)| Row {
        change: Change::Missing,
        expected: Some(shown(*number, line)),
        actual: None,
    };
    let extra = |(event, line)| Row {
        change: Change::Extra,
        expected: None,
        actual: Some(Actual { line, event }),
    };
    let mut rows = Vec::with_capacity(expected.len().max(actual.len()));
    let pairs = pair::pairs(expected, &actual);
    let (mut expected, mut actual) = (expected.iter(), actual.into_iter());
    let mut actual_done = 0;
    // The end of both sides is like one more pair.
    let ends = [(expected.len(), actual.len())];
    let pairs = pairs.iter().enumerate().filter_map(|(at, pair)| Some((at, (*pair)?)));
    for (expected_at, actual_at) in pairs.chain(ends) {
        // In the order of time, as far as each side is in it.
        let before = expected.len() - (ends[0].0 - expected_at);
        let mut missing = expected.by_ref().take(before).map(missing).peekable();
        let mut extra = actual.by_ref().take(actual_at - actual_done).map(extra).peekable();
        while let Some(row) = match (missing.peek(), extra.peek()) {
            (Some(one), Some(other)) if other.at() < one.at() => extra.next(),
            (Some(_), _) => missing.next(),
            (None, _) => extra.next(),
        } {
            rows.push(row);
        }
        actual_done = actual_at + 1;
        if let (Some((number, line)), Some((event, actual))) = (expected.next(), actual.next()) {
            let off = line.time_apart(&actual);
            let change = if off > tolerance { Change::Moved { off } } else { Change::Same { off } };
            let actual = Some(Actual { line: actual, event });
            rows.push(Row { change, expected: Some(shown(*number, line)), actual });
        }
    }
    rows
}

/// The text of a golden may be anybody's.
fn shown(number: usize, line: &Line) -> Expected {
    Expected { line: Line { text: printable(&line.text), ..*line }, number }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Builder, generated, ms, one_of_everything};
    use crate::{EventKind, Group, JobId};

    fn golden_of(trace: &Trace) -> Golden {
        let text = golden::render(trace, &Group::ALL.into(), ms(1));
        golden::parse(&text).expect("a golden")
    }

    /// Timers of these names at these milliseconds.
    fn ticks(ticks: &[(u64, &str)]) -> Trace {
        let mut b = Builder::new();
        for &(at, name) in ticks {
            let name = b.label(name);
            b.main(at, EventKind::TimerFired { name, due: ms(at) });
        }
        b.exit(100)
    }

    /// The rows of the main lane: sign, milliseconds on both sides, text.
    fn shown(diff: &Diff) -> Vec<String> {
        let millis = |at: Option<Nanos>| at.map_or("-".into(), |at| (at.0 / 1_000_000).to_string());
        let show = |row: &Row| {
            let sign = match row.change {
                Change::Same { .. } => "=".to_owned(),
                Change::Moved { off } => format!("~{off}"),
                Change::Missing => "<".into(),
                Change::Extra => ">".into(),
            };
            let expected = row.expected.as_ref().map(|expected| expected.line.at);
            let actual = row.actual.as_ref().map(|actual| actual.line.at);
            format!("{sign} {} {} {}", millis(expected), millis(actual), row.text())
        };
        diff.lanes[0].rows.iter().map(show).collect()
    }

    #[test]
    fn a_row_is_the_difference_of_one_event() {
        let expected = ticks(&[(1, "a"), (2, "b"), (3, "c"), (6, "d"), (7, "e")]);
        let actual = ticks(&[(1, "a"), (4, "b"), (5, "x"), (7, "y"), (9, "e")]);
        let diff = align(&golden_of(&expected), &actual);
        assert_eq!(
            shown(&diff),
            [
                "= 1 1 timer a fired, due",
                "~2ms 2 4 timer b fired, due",
                "< 3 - timer c fired, due",
                "> - 5 timer x fired, due",
                "< 6 - timer d fired, due",
                "> - 7 timer y fired, due",
                "~2ms 7 9 timer e fired, due",
                "= 100 100 exited with status 0",
            ]
        );
        let counts = Counts { same: 2, moved: 2, missing: 2, extra: 2, differing: 4 };
        assert_eq!(diff.counts, counts);
        assert_eq!(diff.first_divergence, Some(RowPlace { lane: 0, row: 1 }));
        assert_eq!(diff.lanes[0].block(4), 2..6);
        assert_eq!(diff.lanes[0].block(1), 1..2);
    }

    #[test]
    fn each_side_knows_where_it_comes_from() {
        let trace = one_of_everything();
        let text = golden::render(&trace, &Group::ALL.into(), ms(1));
        let lines: Vec<&str> = text.lines().collect();
        let diff = align(&golden_of(&trace), &trace);
        let mut seen = 0;
        for lane in &diff.lanes {
            for row in &lane.rows {
                assert_eq!(row.change, Change::Same { off: Nanos::ZERO });
                let expected = row.expected.as_ref().expect("both");
                let actual = row.actual.as_ref().expect("both");
                assert!(lines[expected.number - 1].contains(row.text()), "{row:?}");
                assert_eq!(trace.events[actual.event].at, actual.line.at);
                assert_eq!(Some(trace.events[actual.event].lane), lane.lane);
                assert_eq!(expected.line, actual.line);
                seen += 1;
            }
        }
        assert_eq!((seen, diff.counts.same), (trace.events.len(), trace.events.len()));
    }

    #[test]
    fn every_event_of_either_side_has_one_row() {
        for (one, other) in [(1, 2), (2, 1), (3, 3)] {
            let (expected, actual) = (generated(one, 3_000), generated(other, 2_000));
            let diff = align(&golden_of(&expected), &actual);
            let Counts { same, moved, missing, extra, .. } = diff.counts;
            assert_eq!(same + moved + missing, expected.events.len());
            assert_eq!(same + moved + extra, actual.events.len());
            for lane in &diff.lanes {
                let events: Vec<_> =
                    lane.rows.iter().filter_map(|row| Some(row.actual.as_ref()?.event)).collect();
                assert!(events.is_sorted(), "in the lane's order");
            }
        }
    }

    #[test]
    fn a_lane_that_the_trace_has_not_comes_last() {
        let full = one_of_everything();
        let mut short = full.clone();
        short.events.retain(|event| event.lane != Lane::SIGNALS);
        let diff = align(&golden_of(&full), &short);
        let lanes: Vec<_> =
            diff.lanes.iter().map(|lane| (lane.name.as_str(), lane.lane.is_some())).collect();
        assert_eq!(lanes, [("main", true), ("worker-1", true), ("signals", false)]);
        assert_eq!(diff.first_divergence, Some(RowPlace { lane: 2, row: 0 }));
    }

    #[test]
    fn a_golden_cannot_bring_harmful_text() {
        let text = "# loopbox golden, version 2\n# tolerance 1ms; kinds: task\n\n\
                    lane a\u{202e}b\n  1ms  task \u{1b}[2Jx spawned\n";
        let golden = golden::parse(text).expect("a golden");
        let diff = align(&golden, &Builder::new().exit(1));
        assert_eq!(diff.lanes[0].name, "a\\u{202e}b");
        assert_eq!(diff.lanes[0].rows[0].text(), "task \\u{1b}[2Jx spawned");
    }

    #[test]
    fn a_long_trace_that_has_nothing_to_do_with_its_golden_is_aligned_all_the_same() {
        let mut b = Builder::new();
        let jobs: Vec<JobId> = (0..2_000).map(|index| b.job(&format!("job-{index}"))).collect();
        for at in 0..20_000 {
            let job = jobs[usize::try_from(at * at % 1_999).expect("small")];
            b.main(at, EventKind::JobQueued(job));
        }
        let trace = b.exit(30_000);
        let mut other = trace.clone();
        other.events.reverse();
        let diff = align(&golden_of(&trace), &other);
        assert_eq!(diff.counts.missing, diff.counts.extra);
    }

    #[test]
    fn of_events_with_one_text_the_times_tell_which_is_missing() {
        let ticks_without = |left_out: &[u64]| {
            let mut b = Builder::new();
            let (tick, task) = (b.label("tick"), b.task("main"));
            for at in (1..=8).filter(|at| !left_out.contains(at)) {
                b.main(at * 10, EventKind::TimerFired { name: tick, due: ms(at * 10) });
                b.main(at * 10, EventKind::StepBegin(task));
            }
            b.exit(100)
        };
        for left_out in 1..=8 {
            for (expected, actual) in [(vec![], vec![left_out]), (vec![left_out], vec![])] {
                let diff = align(&golden_of(&ticks_without(&expected)), &ticks_without(&actual));
                let counts = &diff.counts;
                assert_eq!((counts.same, counts.moved, counts.differing), (15, 0, 2), "{left_out}");
                let first = diff.first_divergence.expect("one");
                assert_eq!(diff.lanes[0].rows[first.row].at(), ms(left_out * 10));
            }
        }
    }
}
