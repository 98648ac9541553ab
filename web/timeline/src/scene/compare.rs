//! Two groups of lanes on one clock: a golden and a run, or a run and another one.

use loopbox_trace::diff::{Change, Diff};
use loopbox_trace::{Nanos, Trace};

use super::names::{Names, fit};
use super::whose::Whose;
use super::{Group, Lane, LaneKind, Look, Problem, Row, Scene, Slice, run};

impl Scene {
    /// A golden and the run that was held against it: a mark for each event of either. The trace's index is 0.
    pub fn of_comparison(trace: &Trace, diff: &Diff, problems: Vec<Problem>) -> Scene {
        let mut names = Names::default();
        let golden = side(trace, diff, "golden", None, &mut names);
        let actual = side(trace, diff, "this run", Some(0), &mut names);
        let mut scene = Scene::of_groups(vec![golden, actual], names, trace.finished, None);
        scene.add_issues(&[trace], 0, problems);
        scene
    }

    /// A run and another one below it. The traces' indices are 0 and 1; the problems are the first one's.
    pub fn of_two(
        traces: [&Trace; 2],
        titles: [&str; 2],
        budget: Option<Nanos>,
        problems: Vec<Problem>,
    ) -> Scene {
        let mut names = Names::default();
        let groups = [0, 1].map(|index| {
            let group = run::group(traces[index], index, &mut names, budget);
            Group { title: fit(titles[index]).into_owned(), ..group }
        });
        let finished = traces[0].finished.max(traces[1].finished);
        let mut scene = Scene::of_groups(groups.into(), names, finished, budget);
        scene.add_issues(&traces, 0, problems);
        scene
    }
}

/// One side of a comparison; the golden's has no trace.
fn side(trace: &Trace, diff: &Diff, title: &str, index: Option<usize>, names: &mut Names) -> Group {
    let whose = Whose::of(trace);
    let lanes = diff.lanes.iter().filter_map(|lane| {
        let mut marks: Vec<Slice> = lane
            .rows
            .iter()
            .filter_map(|row| {
                let (line, event) = match (index, &row.expected, &row.actual) {
                    (None, Some(expected), _) => (&expected.line, expected.number),
                    (Some(_), _, Some(actual)) => (&actual.line, actual.event),
                    _ => return None,
                };
                let look = match row.change {
                    Change::Same { .. } => Look::Same,
                    Change::Moved { .. } => Look::Moved,
                    Change::Missing => Look::Missing,
                    Change::Extra => Look::Extra,
                };
                let name = names.text(&fit(&line.text));
                let event = u32::try_from(event).unwrap_or(u32::MAX);
                Some(Slice { begin: line.at, end: line.at, name, look, event })
            })
            .collect();
        marks.sort_by_key(|mark| mark.begin);
        let rows = vec![Row::from_slices(marks)];
        let process = lane.lane.map_or(0, |lane| whose.process(lane));
        let thread = lane.lane;
        let title = lane.name.clone();
        let lane = Lane { title, kind: LaneKind::Golden, process, thread, rows };
        (!lane.rows[0].is_empty()).then_some(lane)
    });
    Group { title: title.into(), trace: index, lanes: lanes.collect() }
}
