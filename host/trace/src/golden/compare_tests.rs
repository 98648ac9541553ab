//! Tests of comparing. In a file of their own: the hand-made traces take more room than the code.

use super::*;
use crate::golden::{parse, render};
use crate::testing::{Builder, ms, one_of_everything};
use crate::{Event, EventKind, Lane};

fn all() -> BTreeSet<Group> {
    Group::ALL.into()
}

fn golden_of(trace: &Trace) -> Golden {
    parse(&render(trace, &all(), ms(1))).expect("a golden")
}

/// Compares `actual` with the golden of `expected`.
fn diverge(expected: &Trace, actual: &Trace) -> Option<Divergence> {
    compare(&golden_of(expected), actual, &all(), ms(1))
}

fn line(divergence: Option<Divergence>) -> LineDivergence {
    match divergence {
        Some(Divergence::Line(line)) => *line,
        other => panic!("not a diverging line: {other:?}"),
    }
}

/// A trace whose times are not multiples of the tolerance.
fn uneven() -> Trace {
    let mut trace = one_of_everything();
    for (index, event) in trace.events.iter_mut().enumerate() {
        event.at += Nanos(index as u64 * 77_777 % 1_000_000);
    }
    trace
}

/// The event with its second time shifted, if it has one.
fn with_later_since(event: Event, by: Nanos) -> Option<Event> {
    let mut event = event;
    match &mut event.kind {
        EventKind::TimerFired { due: since, .. }
        | EventKind::SignalDelivered { raised: since, .. }
        | EventKind::SignalHandled { raised: since, .. }
        | EventKind::JobDelivered { finished: since, .. }
        | EventKind::MessageReceived { posted: since, .. } => *since += by,
        _ => return None,
    }
    Some(event)
}

#[test]
fn a_trace_holds_against_its_own_golden() {
    for trace in [one_of_everything(), uneven(), Builder::new().exit(0)] {
        for tolerance in [ms(1), ms(7), Nanos(3), Nanos(0), Nanos::from_secs(2)] {
            let golden = parse(&render(&trace, &all(), tolerance)).expect("a golden");
            assert_eq!(compare(&golden, &trace, &all(), tolerance), None, "{tolerance}");
        }
    }
}

#[test]
fn a_shift_of_any_time_is_seen_beyond_the_tolerance_and_not_within_half_of_it() {
    let trace = uneven();
    for index in 0..trace.events.len() {
        let shifted = |by: Nanos| {
            let mut other = trace.clone();
            other.events[index].at += by;
            other
        };
        assert_eq!(diverge(&trace, &shifted(Nanos(499_999))), None);
        let seen = line(diverge(&trace, &shifted(Nanos(2_000_001))));
        assert_eq!(seen.lines_differing, 1);
        assert!(seen.time_off.is_some_and(|off| off > ms(1)), "{seen:?}");
    }
}

#[test]
fn a_shift_of_any_second_time_is_seen() {
    let trace = one_of_everything();
    let mut shifted = 0;
    for index in 0..trace.events.len() {
        let Some(later) = with_later_since(trace.events[index], ms(3)) else {
            continue;
        };
        let mut other = trace.clone();
        other.events[index] = later;
        assert_eq!(line(diverge(&trace, &other)).time_off, Some(ms(3)));
        other.events[index] = with_later_since(trace.events[index], ms(1)).expect("as before");
        assert_eq!(diverge(&trace, &other), None);
        shifted += 1;
    }
    assert_eq!(shifted, 5);
}

#[test]
fn a_second_time_that_the_golden_lost_is_seen() {
    let trace = one_of_everything();
    let shown = render(&trace, &all(), ms(1));
    let golden = parse(&shown.replace("fired, due 1000ms", "fired, due")).expect("a golden");
    assert_eq!(line(compare(&golden, &trace, &all(), ms(1))).time_off, None);
}

#[test]
fn a_missing_and_an_additional_event_are_seen_wherever_they_are() {
    let trace = one_of_everything();
    for index in 0..trace.events.len() {
        let mut shorter = trace.clone();
        shorter.events.remove(index);
        let missing = line(diverge(&trace, &shorter));
        let additional = line(diverge(&shorter, &trace));
        assert!(missing.expected.line.is_some(), "{missing}");
        assert!(additional.actual.line.is_some(), "{additional}");
        if missing.time_off.is_none() {
            assert_eq!((missing.lines_differing, missing.actual.line), (1, None));
            assert_eq!((additional.lines_differing, additional.expected.line), (1, None));
        }
    }
}

#[test]
fn the_report_shows_both_sides_with_context() {
    let run = |ticks: &[(u64, &str)]| {
        let mut b = Builder::new();
        for &(at, name) in ticks {
            let name = b.label(name);
            b.main(at, EventKind::TimerFired { name, due: ms(at) });
        }
        b.exit(100)
    };
    let expected = run(&[(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "e"), (6, "f")]);
    let actual = run(&[(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "x"), (6, "f")]);
    assert_eq!(
        diverge(&expected, &actual).expect("they differ").to_string(),
        "\
lane main, line 9 of the golden: another event than expected
           2ms  timer b fired, due 2ms
           3ms  timer c fired, due 3ms
           4ms  timer d fired, due 4ms
  the golden:
  >        5ms  timer e fired, due 5ms
           6ms  timer f fired, due 6ms
         100ms  exited with status 0
    (end of the lane)
  this run:
  >        5ms  timer x fired, due 5ms
           6ms  timer f fired, due 6ms
         100ms  exited with status 0
    (end of the lane)
1 line differs in all"
    );
    let late = run(&[(1, "a"), (2, "b"), (5, "c"), (7, "d"), (5, "e"), (6, "f")]);
    let late = line(diverge(&expected, &late));
    assert_eq!(
        late.headline(),
        "lane main, line 7 of the golden: the time differs by 2ms, 1ms are allowed"
    );
    assert_eq!(late.lines_differing, 2);
    let longer = run(&[(1, "a"), (2, "b"), (3, "c"), (3, "c2"), (4, "d"), (5, "e"), (6, "f")]);
    let longer = line(diverge(&expected, &longer));
    assert_eq!(longer.headline(), "lane main, line 8 of the golden: an event too many");
    assert_eq!(longer.expected.before.last(), longer.actual.before.last());
}

#[test]
fn the_earliest_difference_of_all_lanes_is_reported() {
    let run = |main_at, worker_at| {
        let mut b = Builder::new();
        let job = b.job("hash");
        b.on(Lane::worker(0), worker_at, EventKind::JobStarted(job));
        b.main(main_at, EventKind::JobQueued(job));
        b.exit(1000)
    };
    let seen = line(diverge(&run(500, 100), &run(600, 200)));
    assert_eq!((seen.lane.as_str(), seen.lines_differing), ("worker-1", 2));
}

#[test]
fn a_lane_that_only_one_side_has_is_seen() {
    let with_worker = one_of_everything();
    let mut without = with_worker.clone();
    without.events.retain(|event| event.lane != Lane::worker(0));
    let missing = line(diverge(&with_worker, &without));
    assert_eq!((missing.lane.as_str(), missing.lines_differing), ("worker-1", 5));
    assert_eq!(missing.actual, Side::default());
    let additional = line(diverge(&without, &with_worker));
    assert_eq!((additional.lane.as_str(), additional.golden_line), ("worker-1", None));
}

#[test]
fn a_golden_for_other_kinds_or_another_tolerance_is_to_be_blessed_again() {
    let trace = one_of_everything();
    let golden = golden_of(&trace);
    let kinds = [Group::Task, Group::Exit].into();
    let seen = compare(&golden, &trace, &kinds, ms(1)).expect("other kinds").to_string();
    assert!(
        seen.ends_with("pipe exit, but the scenario asks for task exit; bless it again"),
        "{seen}"
    );
    assert_eq!(
        compare(&golden, &trace, &all(), ms(2)).expect("another tolerance").to_string(),
        "the golden was written for a tolerance of 1ms, but the scenario says 2ms; bless it again"
    );
}
