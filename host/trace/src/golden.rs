//! The golden text form of a trace: for people, for diffs, and to hold later runs against.
//!
//! ```text
//! # loopbox golden, version 2
//! # tolerance 1ms; kinds: task timer signal exit
//!
//! lane main
//!        0ms  task main spawned
//!     1000ms  timer main fired, due 1000ms
//!     1000ms  signal SIGTERM delivered, raised 950ms
//!     5350ms  exited with status 0
//! ```
//!
//! A golden outlives a compiler upgrade, though fuel counts do not: it is compared lane by lane, the
//! sequence of events exactly and the times within a tolerance. It is written rounded to that tolerance,
//! and holds only the kinds of event that the scenario asks for. It has no places in the source and no
//! ids, which change with every edit of the guest. It cannot be turned back into a trace; that is what
//! [`crate::store`] is for.
//!
//! This module writes and reads the form; `golden/line.rs` knows how one event looks, and
//! [`compare`] finds what differs.

mod compare;
mod line;

use std::collections::{BTreeMap, BTreeSet};

use crate::text::one_line;
use crate::{Event, EventKind, Group, Lane, Nanos, Trace};

pub use compare::{Divergence, LineDivergence, Side, compare};
pub use line::Line;
use line::TimeForm;

/// The version that is written. A golden of an older one is read, and compared in its own form: version 1
/// does not say how long a job waited for its worker, and how many were before it. A further kind of event is no
/// other version: who does not know the kind says so.
pub const VERSION: u32 = 2;

const TITLE: &str = "# loopbox golden, version ";
const TOLERANCE: &str = "# tolerance ";
const KINDS: &str = "; kinds:";
const LANE: &str = "lane ";

/// A golden that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Golden {
    /// Of its form.
    pub(crate) version: u32,
    /// How far a time may be from the one here.
    pub tolerance: Nanos,
    /// The kinds of event that it holds.
    pub groups: BTreeSet<Group>,
    /// In the order of the file.
    pub(crate) lanes: Vec<Section>,
}

/// One lane of a golden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    /// As the file writes it.
    pub(crate) name: String,
    /// Events with the number of their line in the file, counted from 1.
    pub(crate) lines: Vec<(usize, Line)>,
}

/// Why a text is not a golden.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GoldenError {
    /// It does not begin as a golden does.
    #[error("line 1: not a golden: it does not begin with `{TITLE}{VERSION}`")]
    NotAGolden,
    /// Its form is not known here.
    #[error("line 1: a golden of version {found}, but this loopbox reads up to version {VERSION}")]
    OtherVersion {
        /// Its version.
        found: u32,
    },
    /// A line is not what it should be.
    #[error("line {line}: {reason}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// What a golden holds unless the scenario says otherwise: everything but turns, steps, callbacks,
/// messages and log handlers, which change with any rewrite of a loop that keeps the program's behaviour, but
/// processes and pipes, which few scenarios have, and but codes of reports, which are in the reports.
pub fn default_groups() -> BTreeSet<Group> {
    let left_out = [
        Group::Turn,
        Group::Step,
        Group::Callback,
        Group::Message,
        Group::Handler,
        Group::Process,
        Group::Pipe,
        Group::DiagnosticCode,
    ];
    Group::ALL.into_iter().filter(|group| !left_out.contains(group)).collect()
}

/// The golden of a trace.
pub fn render(trace: &Trace, groups: &BTreeSet<Group>, tolerance: Nanos) -> String {
    let form = TimeForm::of(tolerance);
    let mut text = format!("{TITLE}{VERSION}\n{TOLERANCE}{}{KINDS}", form.show(tolerance));
    for group in groups {
        text.push(' ');
        text.push_str(group.name());
    }
    text.push('\n');
    for (lane, lines) in lines(trace, groups, VERSION) {
        text.push_str(&format!("\n{LANE}{}\n", one_line(&trace.lanes[usize::from(lane.0)])));
        for (_, line) in lines {
            text.push_str(&line.show(&form));
            text.push('\n');
        }
    }
    text
}

/// An event in the words of a golden, without its own time; whatever else it tells of time is exact.
pub fn words(trace: &Trace, event: &Event) -> String {
    let Line { text, since, .. } = Line::of(trace, event, VERSION);
    match since {
        Some(since) => format!("{text} {since}"),
        None => text,
    }
}

/// The events of these groups, each with its index, as this version writes them; by lane.
pub(crate) fn lines(
    trace: &Trace,
    groups: &BTreeSet<Group>,
    version: u32,
) -> BTreeMap<Lane, Vec<(usize, Line)>> {
    let mut lanes: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (index, event) in trace.events.iter().enumerate() {
        let line = match event.kind {
            kind if groups.contains(&kind.group()) => Line::of(trace, event, version),
            EventKind::Diagnostic(_) if groups.contains(&Group::DiagnosticCode) => {
                Line::of_code(trace, event)
            }
            _ => continue,
        };
        lanes.entry(event.lane).or_default().push((index, line));
    }
    lanes
}

/// Reads a golden.
pub fn parse(text: &str) -> Result<Golden, GoldenError> {
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    let version = lines.next().and_then(|(_, first)| first.strip_prefix(TITLE));
    let version = match version.and_then(|version| version.trim_end().parse().ok()) {
        Some(version @ 1..=VERSION) => version,
        Some(found) => return Err(GoldenError::OtherVersion { found }),
        None => return Err(GoldenError::NotAGolden),
    };
    let second = lines.next().map_or("", |(_, second)| second);
    let (tolerance, groups) =
        parse_settings(second).map_err(|reason| GoldenError::Line { line: 2, reason })?;
    let mut lanes: Vec<Section> = Vec::new();
    for (number, text) in lines.filter(|(_, text)| !text.trim().is_empty()) {
        parse_body_line(text, number, &mut lanes)
            .map_err(|reason| GoldenError::Line { line: number, reason })?;
    }
    Ok(Golden { version, tolerance, groups, lanes })
}

/// `# tolerance 1ms; kinds: task timer`
fn parse_settings(text: &str) -> Result<(Nanos, BTreeSet<Group>), String> {
    let (tolerance, kinds) = text
        .strip_prefix(TOLERANCE)
        .and_then(|rest| rest.split_once(KINDS))
        .ok_or_else(|| format!("expected `{TOLERANCE}1ms{KINDS} ...`"))?;
    let tolerance = tolerance.parse::<Nanos>().map_err(|error| error.to_string())?;
    let groups = kinds.split_whitespace().map(|name| {
        Group::ALL.into_iter().find(|group| group.name() == name).ok_or_else(|| {
            let known = Group::ALL.map(Group::name).join(" ");
            format!("`{}` is not a kind of event: use {known}", one_line(name))
        })
    });
    Ok((tolerance, groups.collect::<Result<_, _>>()?))
}

/// The head of a lane, or an event of the last lane.
fn parse_body_line(text: &str, number: usize, lanes: &mut Vec<Section>) -> Result<(), String> {
    if let Some(name) = text.strip_prefix(LANE) {
        if lanes.iter().any(|lane| lane.name == name) {
            return Err(format!("a second lane `{}`", one_line(name)));
        }
        lanes.push(Section { name: name.into(), lines: Vec::new() });
        return Ok(());
    }
    let line = Line::parse(text)?;
    let lane = lanes.last_mut().ok_or("an event before the first lane")?;
    lane.lines.push((number, line));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;
    use crate::testing::{Builder, ms, one_of_everything};

    fn all() -> BTreeSet<Group> {
        Group::ALL.into()
    }

    #[test]
    fn every_kind_of_event_has_a_line() {
        let shown = render(&one_of_everything(), &all(), ms(1));
        let expected = "\
# loopbox golden, version 2
# tolerance 1ms; kinds: turn step task callback timer signal blocking job message log handler diagnostic diagnostic-code output process pipe exit

lane main
       0ms  turn begins
       0ms  task main spawned
       0ms  step main begins
       1ms  job hash queued
       1ms  step main ends, pending
       1ms  turn ends
       2ms  turn begins
       2ms  message received, posted 2ms
       2ms  turn ends
      60ms  turn begins
      60ms  job hash delivered, finished 60ms
      60ms  blocking sleep begins
    1000ms  blocking sleep ends, done
    1000ms  turn ends
    1000ms  turn begins
    1000ms  timer tick fired, due 1000ms
    1000ms  signal SIGTERM delivered, raised 950ms
    1000ms  callback tick begins
    1001ms  callback tick ends
    1001ms  signal SIGTERM handled, raised 950ms
    1001ms  log INFO app: Grüße\\n
    1001ms  handler net of app begins
    1002ms  handler net of app ends
    1002ms  diagnostic SLOW-1 WARNING asyncio: took 0.940 seconds
    1002ms  output stdout: bye
    1002ms  output stderr, not ended: Grüße\\n
    1002ms  process cat[2] started
    1002ms  process cat[2] died of SIGKILL
    1002ms  process cat[2] waited for: it died of SIGKILL
    1002ms  pipe cat[2].stdin made
    1002ms  pipe cat[2].stdin: 7 bytes written
    1002ms  pipe cat[2].stdin: its end is read
    1002ms  pipe cat[2].stdin: writing end closed
    1002ms  task main cancelled
    1003ms  turn ends
    6000ms  exited with status 0

lane signals
     900ms  signal SIGWINCH raised
     900ms  signal SIGWINCH takes its default action
     950ms  signal SIGTERM raised
     970ms  signal SIGTERM raised
     970ms  signal SIGTERM merged with the pending one

lane worker-1
       1ms  job hash started, 2 ahead, queued 1ms
       2ms  message posted
       2ms  blocking db.query begins
      52ms  blocking db.query ends, done
      60ms  job hash finished, done
";
        assert_eq!(shown, expected);
    }

    #[test]
    fn an_event_in_words_tells_exact_times() {
        let mut b = Builder::new();
        let name = b.label("tick");
        b.main(7, EventKind::TimerFired { name, due: Nanos(6_999_900) });
        let trace = b.exit(8);
        let shown: Vec<_> = trace.events.iter().map(|event| words(&trace, event)).collect();
        assert_eq!(shown, ["timer tick fired, due 6.999ms", "exited with status 0"]);
    }

    #[test]
    fn reading_gives_the_lines_that_were_written() {
        for (tolerance, trace) in [ms(1), ms(10), ms(1000), Nanos(1_500), Nanos(7), Nanos(0)]
            .map(|t| (t, one_of_everything()))
        {
            let golden = parse(&render(&trace, &all(), tolerance)).expect("a golden");
            let rounded = |line: Line| Line {
                at: line.at.round_to(tolerance),
                since: line.since.map(|since| since.round_to(tolerance)),
                ..line
            };
            let read: Vec<(String, Vec<Line>)> = golden
                .lanes
                .into_iter()
                .map(|lane| (lane.name, lane.lines.into_iter().map(|(_, line)| line).collect()))
                .collect();
            let written: Vec<(String, Vec<Line>)> = lines(&trace, &all(), VERSION)
                .into_iter()
                .map(|(lane, lines)| {
                    let name = trace.lanes[usize::from(lane.0)].clone();
                    (name, lines.into_iter().map(|(_, line)| rounded(line)).collect())
                })
                .collect();
            assert_eq!(read, written);
            assert_eq!((golden.tolerance, golden.groups), (tolerance, all()));
        }
    }

    #[test]
    fn only_the_kinds_asked_for_are_held_and_empty_lanes_are_left_out() {
        let groups = [Group::Exit].into();
        assert_eq!(
            render(&one_of_everything(), &groups, ms(100)),
            "# loopbox golden, version 2\n# tolerance 100ms; kinds: exit\n\nlane main\n    6000ms  exited with status 0\n"
        );
        let default = default_groups();
        assert!(default.contains(&Group::Task) && default.contains(&Group::Output));
        assert_eq!(default.len(), Group::ALL.len() - 8);
        assert!(!render(&one_of_everything(), &default, ms(1)).contains("turn begins"));
    }

    #[test]
    fn codes_of_reports_stand_for_reports_whose_texts_are_not_wanted() {
        let trace = one_of_everything();
        let shown = |groups: &[Group]| {
            let shown = render(&trace, &groups.iter().copied().collect(), ms(100));
            shown.lines().skip(4).map(str::to_owned).collect::<Vec<_>>()
        };
        let code = "    1000ms  diagnostic SLOW-1 WARNING asyncio";
        assert_eq!(shown(&[Group::DiagnosticCode]), [code]);
        let whole = format!("{code}: took 0.940 seconds");
        assert_eq!(shown(&[Group::Diagnostic]), [&whole[..]]);
        assert_eq!(shown(&[Group::Diagnostic, Group::DiagnosticCode]), [whole]);
        let groups = [Group::DiagnosticCode].into();
        let golden = render(&trace, &groups, ms(1));
        let compared =
            |text: &str| compare(&parse(text).expect("a golden"), &trace, &groups, ms(1));
        assert_eq!(compared(&golden), None);
        assert!(compared(&golden.replace("SLOW-1", "SLOW-2")).is_some());
        assert!(compared(&golden.replace("WARNING", "ERROR")).is_some());
        assert!(compared(&golden.replace(" asyncio", " app")).is_some());
    }

    #[test]
    fn text_of_the_guest_cannot_forge_lines() {
        let mut b = Builder::new();
        let name = "x fired, due 5ms\nlane other\n";
        let (task, job, timer) = (b.task(name), b.job(name), b.label(name));
        b.main(1, EventKind::TaskSpawned(task)).main(2, EventKind::JobQueued(job));
        b.main(3, EventKind::TimerFired { name: timer, due: ms(2) });
        b.output(4, Stream::Stdout, "job x delivered, finished 3ms");
        b.output(5, Stream::Stdout, "  spaces  ").output(6, Stream::Stdout, "");
        b.output(7, Stream::Stderr, "\u{1b}[31m\u{202e}red");
        b.on(Lane::worker(0), 1, EventKind::JobStarted(job));
        let trace = b.exit(8);
        let shown = render(&trace, &all(), ms(1));
        assert_eq!(shown.lines().count(), 4 + 8 + 2 + 1, "{shown}");
        assert!(
            shown.lines().all(|line| line == line.trim_end() && !line.contains(char::is_control))
        );
        let golden = parse(&shown).expect("a golden");
        assert_eq!(compare(&golden, &trace, &all(), ms(1)), None);
        assert_eq!(golden.lanes.len(), 2);
        assert_eq!(golden.lanes[0].lines[2].1.since, Some(ms(2)));
        assert_eq!(golden.lanes[0].lines[3].1.since, None);
    }

    #[test]
    fn a_golden_of_version_1_is_compared_in_its_own_form() {
        let trace = one_of_everything();
        let old = render(&trace, &all(), ms(1))
            .replace("golden, version 2", "golden, version 1")
            .replace("started, 2 ahead, queued 1ms", "started");
        let golden = parse(&old).expect("a golden");
        assert_eq!(compare(&golden, &trace, &all(), ms(1)), None);
        let wrong = parse(&old.replace("hash started", "hush started")).expect("a golden");
        assert!(compare(&wrong, &trace, &all(), ms(1)).is_some());
    }

    #[test]
    fn line_ends_of_another_system_do_no_harm() {
        let trace = one_of_everything();
        let golden = parse(&render(&trace, &all(), ms(1)).replace('\n', "\r\n")).expect("a golden");
        assert_eq!(compare(&golden, &trace, &all(), ms(1)), None);
    }

    #[test]
    fn what_is_not_a_golden_is_refused_with_its_line() {
        let head = "# loopbox golden, version 2\n# tolerance 1ms; kinds: task\n";
        for (text, error) in [
            ("", "line 1: not a golden: it does not begin with `# loopbox golden, version 2`"),
            (
                "# loopbox golden, version 3\n?",
                "line 1: a golden of version 3, but this loopbox reads up to version 2",
            ),
            ("# loopbox golden, version 2\n", "line 2: expected `# tolerance 1ms; kinds: ...`"),
            (
                "# loopbox golden, version 2\n# tolerance 1; kinds: task",
                "line 2: `1` has no unit: write `1ms`, or one of h, m, s, ms, us, ns",
            ),
            (&format!("{head}\n 0ms  task x spawned"), "line 4: an event before the first lane"),
            (&format!("{head}lane main\nlane main"), "line 4: a second lane `main`"),
            (
                &format!("{head}lane main\n<<<<<<< HEAD"),
                "line 4: neither a lane nor an event: `<<<<<<< HEAD`",
            ),
            (
                &format!("{head}lane main\n   7  task x spawned"),
                "line 4: neither a lane nor an event: `   7  task x spawned`",
            ),
        ] {
            assert_eq!(parse(text).expect_err("not a golden").to_string(), error);
        }
        let error = parse(&head.replace("kinds: task", "kinds: tasks")).expect_err("no such kind");
        assert!(
            error.to_string().starts_with("line 2: `tasks` is not a kind of event: use turn step"),
            "{error}"
        );
    }
}
