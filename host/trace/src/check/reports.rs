//! Rules about what was recorded: blocking calls on workers, diagnostics, the golden.

use globset::GlobMatcher;

use super::{ExpectedDiagnostic, Finding, GoldenExpectation, Ruling, first_lines};
use crate::golden::{self, Divergence};
use crate::measure::{BlockingCall, QueuePeak, blocking_calls, queue_peaks};
use crate::text::{self, one_line};
use crate::{Diagnostic, EventKind, Nanos, Trace};

/// How many entries of a list are shown.
const LIST_MAX: usize = 10;

/// How many lines of a new golden are shown. More is not read anyway, and verdicts are kept on disk.
const NEW_GOLDEN_LINES_MAX: usize = 400;

/// Calls that match happen, and only on workers.
pub(super) fn offloaded(patterns: &[GlobMatcher], trace: &Trace) -> Finding {
    let calls = blocking_calls(trace);
    let name = |call: &BlockingCall| trace.text(call.name);
    let matching: Vec<_> = calls
        .iter()
        .filter(|call| patterns.iter().any(|pattern| pattern.is_match(name(call))))
        .collect();
    let on_loop: Vec<_> = matching.iter().filter(|call| call.on_loop()).collect();
    let unused: Vec<_> = patterns
        .iter()
        .filter(|pattern| !calls.iter().any(|call| pattern.is_match(name(call))))
        .collect();
    let ruling = if !on_loop.is_empty() {
        Ruling::Broken
    } else if patterns.is_empty() || !unused.is_empty() {
        Ruling::NothingMeasured
    } else {
        Ruling::Kept
    };
    let listed = on_loop.iter().map(|call| call.describe(trace));
    let mut detail = first_lines(listed.collect::<Vec<_>>(), LIST_MAX);
    detail.extend(unused.iter().map(|pattern| format!("no call matches `{}`", pattern.glob())));
    let shown: Vec<_> = patterns.iter().map(|pattern| pattern.glob().to_string()).collect();
    Finding {
        ruling,
        expected: format!("{} only on workers", shown.join(", ")),
        actual: match (matching.len(), on_loop.len()) {
            (0, _) => "nothing to measure: there was no such call".into(),
            (all, 0) => format!("{all} of {all} calls on workers"),
            (all, on_loop) => format!("{on_loop} of {all} calls on the loop"),
        },
        detail,
        budget: None,
    }
}

/// No pool's queue is longer.
pub(super) fn queue_length(max: usize, trace: &Trace) -> Finding {
    let peaks = queue_peaks(trace);
    let describe = |peak: &QueuePeak| {
        let pool = &trace.pools[usize::from(peak.pool.0)];
        format!("{} in pool \"{}\" at {}", peak.length, one_line(&pool.name), peak.at)
    };
    let expected = format!("at most {max}");
    // Of equally long ones the first.
    let Some(longest) = peaks.iter().rev().max_by_key(|peak| peak.length) else {
        let actual = "nothing to measure: no pool had a job".into();
        let ruling = Ruling::NothingMeasured;
        return Finding { ruling, expected, actual, detail: Vec::new(), budget: None };
    };
    let over: Vec<String> = peaks.iter().filter(|peak| peak.length > max).map(describe).collect();
    Finding {
        ruling: Ruling::kept_if(longest.length <= max),
        expected,
        actual: describe(longest),
        detail: first_lines(over, LIST_MAX),
        budget: None,
    }
}

/// The runtime reported these things and no others.
pub(super) fn diagnostics(expected: &[ExpectedDiagnostic], trace: &Trace) -> Finding {
    // Those that reached the trace: the table may hold some from after the run's end.
    let actual: Vec<(Nanos, &Diagnostic)> = trace
        .events
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::Diagnostic(index) => Some((event.at, &trace.diagnostics[index as usize])),
            _ => None,
        })
        .collect();
    let matches = |expected: &ExpectedDiagnostic, actual: &Diagnostic| {
        let fits = |pattern: &Option<GlobMatcher>, text: Option<&str>| {
            pattern.as_ref().is_none_or(|pattern| text.is_some_and(|text| pattern.is_match(text)))
        };
        expected.code == actual.code
            && fits(&expected.text, Some(&actual.text))
            && fits(&expected.created, actual.created.as_deref())
            && fits(&expected.ended, actual.died.as_deref())
    };
    let pairs = pair_up(expected.len(), actual.len(), |e, a| matches(&expected[e], actual[a].1));
    let missing = expected
        .iter()
        .enumerate()
        .filter(|(index, _)| !pairs.contains(&Some(*index)))
        .map(|(_, expected)| format!("missing: {}", describe_expected(expected)));
    let extra = actual
        .iter()
        .zip(&pairs)
        .filter(|(_, pair)| pair.is_none())
        .map(|((at, diagnostic), _)| unexpected(*at, diagnostic));
    let detail: Vec<_> = missing.chain(extra).collect();
    let codes = |codes: Vec<&str>| {
        if codes.is_empty() { "none".to_owned() } else { one_line(&codes.join(", ")) }
    };
    Finding {
        ruling: Ruling::kept_if(detail.is_empty()),
        expected: codes(expected.iter().map(|expected| expected.code.as_str()).collect()),
        actual: codes(actual.iter().map(|(_, diagnostic)| diagnostic.code.as_str()).collect()),
        detail: first_lines(detail, LIST_MAX),
        budget: None,
    }
}

fn describe_expected(expected: &ExpectedDiagnostic) -> String {
    let mut line = one_line(&expected.code);
    let pattern = |pattern: &GlobMatcher| one_line(pattern.glob().glob());
    if let Some(text) = &expected.text {
        line.push_str(&format!(" `{}`", pattern(text)));
    }
    for (what, place) in [("created", &expected.created), ("ended", &expected.ended)] {
        if let Some(place) = place {
            line.push_str(&format!(" ({what} at `{}`)", pattern(place)));
        }
    }
    line
}

/// A report that nobody expects.
pub(crate) fn unexpected(at: Nanos, diagnostic: &Diagnostic) -> String {
    format!("unexpected at {at}: {}", describe(diagnostic))
}

fn describe(diagnostic: &Diagnostic) -> String {
    let mut line = format!(
        "{} {} {}: {}",
        one_line(&diagnostic.code),
        diagnostic.level.name(),
        one_line(&diagnostic.logger),
        text::report(&diagnostic.text)
    );
    let places = [("created", &diagnostic.created), ("ended", &diagnostic.died)];
    for (what, place) in
        places.into_iter().filter_map(|(what, place)| Some((what, place.as_ref()?)))
    {
        line.push_str(&format!(" ({what} at {})", one_line(place)));
    }
    line
}

/// Gives as many of `expected` as possible an `actual` of their own that matches; returns for each actual
/// its expected. Patterns can overlap, so an earlier choice is changed where that helps a later one
/// (augmenting paths).
fn pair_up(
    expected: usize,
    actual: usize,
    matches: impl Fn(usize, usize) -> bool,
) -> Vec<Option<usize>> {
    fn place(
        expected: usize,
        pairs: &mut [Option<usize>],
        tried: &mut [bool],
        matches: &impl Fn(usize, usize) -> bool,
    ) -> bool {
        for actual in 0..pairs.len() {
            if tried[actual] || !matches(expected, actual) {
                continue;
            }
            tried[actual] = true;
            if pairs[actual].is_none_or(|other| place(other, pairs, tried, matches)) {
                pairs[actual] = Some(expected);
                return true;
            }
        }
        false
    }
    let mut pairs = vec![None; actual];
    for index in 0..expected {
        place(index, &mut pairs, &mut vec![false; actual], &matches);
    }
    pairs
}

/// The trace is the golden one.
pub(super) fn golden(expected: &GoldenExpectation, trace: &Trace) -> Finding {
    let name = one_line(&expected.name);
    let finding = |ruling, actual: String, detail| Finding {
        ruling,
        expected: format!("as in {name}, times within {}", expected.tolerance),
        actual,
        detail,
        budget: None,
    };
    let Some(text) = &expected.text else {
        let why = format!(
            "there is no golden {name} yet; read the trace below, then bless it with --bless"
        );
        let shown = golden::render(trace, &expected.groups, expected.tolerance);
        let lines =
            first_lines(shown.lines().map(String::from).collect::<Vec<_>>(), NEW_GOLDEN_LINES_MAX);
        return finding(Ruling::NothingMeasured, why, lines);
    };
    let golden = match golden::parse(text) {
        Ok(golden) => golden,
        Err(error) => {
            return finding(Ruling::NothingMeasured, format!("{name}, {error}"), Vec::new());
        }
    };
    match golden::compare(&golden, trace, &expected.groups, expected.tolerance) {
        None => finding(Ruling::Kept, "the same".into(), Vec::new()),
        Some(Divergence::Line(line)) => {
            // The first line of the report is the headline, which is shown already.
            let shown = line.to_string();
            let detail = shown.lines().skip(1).map(String::from).collect();
            finding(Ruling::Broken, line.headline(), detail)
        }
        Some(other) => finding(Ruling::NothingMeasured, other.to_string(), Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Builder, ms, one_of_everything};
    use crate::{Group, Lane};

    fn glob(pattern: &str) -> GlobMatcher {
        globset::Glob::new(pattern).expect("a pattern").compile_matcher()
    }

    #[test]
    fn a_queue_that_is_too_long_names_its_pool() {
        let mut b = Builder::new();
        for started in [1, 10, 20, 30] {
            let job = b.job("hash");
            b.queued(job, 1, 0).on(Lane::worker(0), started, EventKind::JobStarted(job));
        }
        let trace = b.exit(40);
        assert_eq!(queue_length(3, &trace).ruling, Ruling::Kept);
        let finding = queue_length(2, &trace);
        assert_eq!(finding.ruling, Ruling::Broken);
        assert_eq!(finding.expected, "at most 2");
        assert_eq!(finding.actual, "3 in pool \"default\" at 1ms");
        let none = queue_length(2, &Builder::new().exit(1));
        assert_eq!(none.ruling, Ruling::NothingMeasured);
    }

    #[test]
    fn a_call_on_the_loop_is_listed() {
        let mut b = Builder::new();
        b.blocking(Lane::worker(0), "db.query", 1, 5).blocking(Lane::MAIN, "db.commit", 7, 9);
        b.blocking(Lane::MAIN, "log.flush", 10, 11);
        let trace = b.exit(20);
        let finding = offloaded(&[glob("db.*")], &trace);
        assert_eq!(finding.ruling, Ruling::Broken);
        assert_eq!(finding.expected, "db.* only on workers");
        assert_eq!(finding.actual, "1 of 2 calls on the loop");
        assert_eq!(finding.detail, ["db.commit at 7ms for 2ms on lane main"]);
        let finding = offloaded(&[glob("db.query")], &trace);
        assert_eq!((finding.ruling, finding.detail.len()), (Ruling::Kept, 0));
    }

    #[test]
    fn each_pattern_must_match_a_call() {
        let mut b = Builder::new();
        b.blocking(Lane::worker(0), "db.query", 1, 5);
        let trace = b.exit(20);
        let finding = offloaded(&[glob("db.*"), glob("http.*")], &trace);
        assert_eq!(finding.ruling, Ruling::NothingMeasured);
        assert_eq!(finding.detail, ["no call matches `http.*`"]);
        let finding = offloaded(&[glob("http.*")], &trace);
        assert_eq!(finding.actual, "nothing to measure: there was no such call");
        assert_eq!(offloaded(&[], &trace).ruling, Ruling::NothingMeasured);
    }

    fn expect(code: &str, text: Option<&str>) -> ExpectedDiagnostic {
        ExpectedDiagnostic { code: code.into(), text: text.map(glob), ..Default::default() }
    }

    #[test]
    fn diagnostics_are_a_multiset() {
        let mut b = Builder::new();
        b.diagnostic(1, "SLOW-1", "took 1 s").diagnostic(2, "SLOW-1", "took 2 s");
        let trace = b.exit(9);
        let twice = [expect("SLOW-1", None), expect("SLOW-1", None)];
        assert_eq!(diagnostics(&twice, &trace).ruling, Ruling::Kept);
        let once = diagnostics(&twice[..1], &trace);
        assert_eq!(once.ruling, Ruling::Broken);
        assert_eq!(
            once.detail,
            ["unexpected at 2ms: SLOW-1 WARNING asyncio: took 2 s (created at guest/a.rs:3:1)"]
        );
        assert_eq!((once.expected.as_str(), once.actual.as_str()), ("SLOW-1", "SLOW-1, SLOW-1"));
        let other = diagnostics(&[expect("NEVER-1", Some("x*")), expect("SLOW-1", None)], &trace);
        assert_eq!(other.detail.len(), 2);
        assert_eq!(other.detail[0], "missing: NEVER-1 `x*`");
        let other_codes = [expect("NEVER-1", None), expect("SLOW-1", None)];
        assert_eq!(diagnostics(&other_codes, &trace).detail.len(), 2);
        assert_eq!(diagnostics(&[], &Builder::new().exit(1)).ruling, Ruling::Kept);
    }

    #[test]
    fn the_places_of_a_report_can_be_expected() {
        let mut b = Builder::new();
        b.diagnostic(1, "SLOW-1", "took 1 s");
        let trace = b.exit(9);
        let at = |created: Option<&str>, ended: Option<&str>| {
            let (created, ended) = (created.map(glob), ended.map(glob));
            let expected = ExpectedDiagnostic { created, ended, ..expect("SLOW-1", None) };
            diagnostics(&[expected], &trace)
        };
        assert_eq!(at(Some("*a.rs:3:*"), None).ruling, Ruling::Kept);
        assert_eq!(at(Some("*b.rs:*"), None).detail[0], "missing: SLOW-1 (created at `*b.rs:*`)");
        let nobody_knows = at(None, Some("*"));
        assert_eq!(nobody_knows.detail[0], "missing: SLOW-1 (ended at `*`)");
    }

    #[test]
    fn overlapping_patterns_find_their_reports() {
        let mut b = Builder::new();
        b.diagnostic(1, "SLOW-1", "a1").diagnostic(2, "SLOW-1", "a2").diagnostic(3, "SLOW-1", "b");
        let trace = b.exit(9);
        let any_order =
            [expect("SLOW-1", None), expect("SLOW-1", Some("a*")), expect("SLOW-1", Some("a1"))];
        assert_eq!(diagnostics(&any_order, &trace).detail, Vec::<String>::new());
        let too_many_a = [
            expect("SLOW-1", Some("a*")),
            expect("SLOW-1", Some("a*")),
            expect("SLOW-1", Some("a1")),
        ];
        assert_eq!(diagnostics(&too_many_a, &trace).detail.len(), 2);
    }

    #[test]
    fn a_report_from_after_the_end_does_not_count() {
        let mut b = Builder::new();
        b.diagnostic(5, "SLOW-1", "too late");
        let mut trace = b.exit(4);
        trace.events.retain(|event| event.at <= trace.finished);
        assert_eq!(diagnostics(&[], &trace).ruling, Ruling::Kept);
    }

    fn held_against(text: Option<String>, tolerance_ms: u64) -> Finding {
        let expected = GoldenExpectation {
            name: "x.trace".into(),
            text,
            groups: Group::ALL.into(),
            tolerance: ms(tolerance_ms),
        };
        golden(&expected, &one_of_everything())
    }

    #[test]
    fn a_golden_is_compared_and_the_difference_shown() {
        let text = golden::render(&one_of_everything(), &Group::ALL.into(), ms(1));
        assert_eq!(held_against(Some(text.clone()), 1).ruling, Ruling::Kept);
        let finding = held_against(Some(text.replace("tick fired", "tock fired")), 1);
        assert_eq!(finding.ruling, Ruling::Broken);
        assert_eq!(finding.expected, "as in x.trace, times within 1ms");
        assert_eq!(finding.actual, "lane main, line 20 of the golden: another event than expected");
        assert!(finding.detail.iter().any(|line| line.contains("tock fired")));
        assert_eq!(finding.detail.last().map(String::as_str), Some("1 line differs in all"));
        assert_eq!(held_against(Some(text), 2).ruling, Ruling::NothingMeasured);
    }

    #[test]
    fn a_missing_golden_shows_what_would_be_blessed() {
        let finding = held_against(None, 1);
        assert_eq!(finding.ruling, Ruling::NothingMeasured);
        assert_eq!(
            finding.actual,
            "there is no golden x.trace yet; read the trace below, then bless it with --bless"
        );
        assert_eq!(finding.detail[0], "# loopbox golden, version 2");
    }

    #[test]
    fn a_broken_golden_is_named_with_its_line() {
        let text = "# loopbox golden, version 2\n# tolerance 1ms; kinds: task\n=======\n";
        let finding = held_against(Some(text.into()), 1);
        assert_eq!(finding.ruling, Ruling::NothingMeasured);
        assert_eq!(finding.actual, "x.trace, line 3: neither a lane nor an event: `=======`");
    }
}
