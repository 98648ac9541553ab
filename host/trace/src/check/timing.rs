//! Rules about measured times: stalls, lags, latencies of signals, the end of the run.

use super::{Budget, Finding, Latency, Ruling, Span, first_lines};
use crate::measure::{self, percentile};
use crate::{Nanos, Trace};

/// How many offenders are listed.
const WORST_MAX: usize = 5;

/// No turn of the loop is longer.
pub(super) fn max_stall(span: Span, trace: &Trace) -> Finding {
    let expected = span.describe();
    if span == Span::default() {
        return nothing_measured(expected, "no bound is given");
    }
    let mut turns = measure::turns(trace);
    // Stable, so that of equally long turns the first one stays first.
    turns.sort_by_key(|turn| std::cmp::Reverse(turn.length()));
    let Some(worst) = turns.first() else {
        return nothing_measured(expected, "nothing to measure: no loop ran a turn");
    };
    let describe = |turn: &measure::Turn| {
        format!(
            "{} at {} ({}): {}",
            turn.length(),
            turn.begin,
            turn.describe_split(trace),
            turn.describe_blame(trace)
        )
    };
    let ruling = span.check(worst.length());
    let is_over = |turn: &measure::Turn| span.max.is_some_and(|max| turn.length() > max);
    let over = &turns[..turns.partition_point(is_over)];
    let mut detail = Vec::new();
    if !over.is_empty() {
        detail.push(format!("{} of {} turns are longer; the longest:", over.len(), turns.len()));
        detail.extend(first_lines(over.iter().map(describe), WORST_MAX));
    }
    let budget = Some(Budget { measured: worst.length(), allowed: span.max });
    Finding { ruling, expected, actual: describe(worst), detail, budget }
}

/// The loop sees due things in time.
pub(super) fn lag(latency: Latency, trace: &Trace) -> Finding {
    let samples = measure::lags(trace).into_iter().map(|lag| (lag.lag, lag)).collect();
    let describe =
        |lag: &measure::Lag| format!("{} late at {}: {}", lag.lag, lag.at, lag.due.describe(trace));
    distribution(latency, samples, describe, "nothing to measure: nothing was due on the loop")
}

/// Signals are handled, and in time.
pub(super) fn signal_latency(latency: Latency, trace: &Trace) -> Finding {
    let signals = measure::signal_latencies(trace);
    let samples = signals.iter().filter_map(|sent| Some((sent.latency()?, sent)));
    let describe = |sent: &&measure::SignalLatency| {
        let taken = sent.latency().unwrap_or_default();
        format!("{taken} for {} raised at {}", sent.signal, sent.raised)
    };
    let none = "nothing to measure: no signal was handled";
    let mut finding = distribution(latency, samples.collect(), describe, none);
    let unhandled: Vec<_> = signals
        .iter()
        .filter(|sent| sent.handled.is_none())
        .map(|sent| format!("{} raised at {} was never handled", sent.signal, sent.raised))
        .collect();
    if let Some(first) = unhandled.first() {
        // A lost signal is a finding of its own, whether or not others were handled.
        finding.ruling = Ruling::Broken;
        finding.actual = format!("{first}; {}", finding.actual);
        finding.detail.extend(first_lines(unhandled, WORST_MAX));
    }
    finding
}

/// Jobs find a worker in time.
pub(super) fn pool_wait(latency: Latency, trace: &Trace) -> Finding {
    let waits = measure::pool_waits(trace);
    let samples = waits.into_iter().map(|wait| (wait.waited, wait)).collect();
    let describe = |wait: &measure::PoolWait| wait.describe(trace);
    distribution(latency, samples, describe, "nothing to measure: no job was run")
}

/// The run ends when it should.
pub(super) fn finish(span: Span, trace: &Trace) -> Finding {
    if span == Span::default() {
        return nothing_measured(span.describe(), "no bound is given");
    }
    Finding {
        ruling: span.check(trace.finished),
        expected: span.describe(),
        actual: trace.finished.to_string(),
        detail: Vec::new(),
        budget: Some(Budget { measured: trace.finished, allowed: span.max }),
    }
}

fn nothing_measured(expected: String, why: &str) -> Finding {
    Finding {
        ruling: Ruling::NothingMeasured,
        expected,
        actual: why.into(),
        detail: Vec::new(),
        budget: None,
    }
}

/// Holds values against bounds. There may be a million of them; only those that are shown are described.
fn distribution<T>(
    latency: Latency,
    mut samples: Vec<(Nanos, T)>,
    describe: impl Fn(&T) -> String,
    none: &str,
) -> Finding {
    let expected = latency.describe();
    if latency == Latency::default() {
        return nothing_measured(expected, "no bound is given");
    }
    samples.sort_by_key(|&(value, _)| std::cmp::Reverse(value));
    let Some((largest, worst)) = samples.first() else {
        return nothing_measured(expected, none);
    };
    let sorted: Vec<Nanos> = samples.iter().rev().map(|&(value, _)| value).collect();
    let bounds = [(latency.p50, 50), (latency.p90, 90), (latency.p99, 99)];
    let percentiles = bounds.map(|(bound, percent)| {
        let value = percentile(&sorted, percent).unwrap_or_default();
        (percent, value, bound.is_none_or(|bound| value <= bound))
    });
    let span = Span { min: latency.min, max: latency.max };
    let kept = span.check(*largest) == Ruling::Kept && percentiles.iter().all(|&(.., kept)| kept);
    let shown: Vec<_> =
        percentiles.iter().map(|(percent, value, _)| format!("p{percent} {value}")).collect();
    let number = samples.len();
    let actual = format!("{}; {} of {number}", describe(worst), shown.join(", "));
    let mut detail = Vec::new();
    if let Some(max) = latency.max {
        let over = &samples[..samples.partition_point(|&(value, _)| value > max)];
        if !over.is_empty() {
            detail.push(format!("{} of {number} are over {max}; the largest:", over.len()));
            detail.extend(first_lines(over.iter().map(|(_, sample)| describe(sample)), WORST_MAX));
        }
    }
    let budget = Some(Budget { measured: *largest, allowed: latency.max });
    Finding { ruling: Ruling::kept_if(kept), expected, actual, detail, budget }
}

impl Span {
    fn check(self, value: Nanos) -> Ruling {
        let long_enough = self.min.is_none_or(|min| value >= min);
        let short_enough = self.max.is_none_or(|max| value <= max);
        Ruling::kept_if(long_enough && short_enough)
    }

    fn describe(self) -> String {
        match (self.min, self.max) {
            (None, None) => "any".into(),
            (Some(min), None) => format!("at least {min}"),
            (None, Some(max)) => format!("at most {max}"),
            (Some(min), Some(max)) => format!("{min} to {max}"),
        }
    }
}

impl Latency {
    fn describe(self) -> String {
        let largest = Span { min: self.min, max: self.max };
        let largest = (largest != Span::default()).then(|| largest.describe());
        let percentiles = [("p50", self.p50), ("p90", self.p90), ("p99", self.p99)]
            .into_iter()
            .filter_map(|(name, bound)| Some(format!("{name} at most {}", bound?)));
        let bounds: Vec<_> = largest.into_iter().chain(percentiles).collect();
        if bounds.is_empty() { "any".into() } else { bounds.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Builder, ms};
    use crate::{EventKind, Lane, Outcome, Signal};

    const AT_MOST_20MS: Span = Span { min: None, max: Some(Nanos::from_millis(20)) };

    /// Turns of these lengths, one every second; the last has a blocking call.
    fn run(turn_lengths_ms: &[u64]) -> Trace {
        let mut b = Builder::new();
        let report = b.task("report");
        for (turn, length) in (0u64..).zip(turn_lengths_ms) {
            let begin = turn * 1000 + 500;
            b.main(begin, EventKind::TurnBegin).main(begin, EventKind::StepBegin(report));
            b.blocking(Lane::MAIN, "db.query", begin, begin + length);
            b.main(begin + length, EventKind::StepEnd(report, Outcome::Done));
            b.main(begin + length, EventKind::TurnEnd);
        }
        b.exit(100_000)
    }

    #[test]
    fn a_stall_names_who_is_to_blame() {
        let finding = max_stall(AT_MOST_20MS, &run(&[10, 300, 20, 21]));
        assert_eq!(finding.ruling, Ruling::Broken);
        assert_eq!(finding.expected, "at most 20ms");
        let worst = "300ms at 1.5s (300ms blocked, 0s CPU): step of task \"report\" (guest/a.rs:12:5), blocking call \"db.query\"";
        assert_eq!(finding.actual, worst);
        assert_eq!(finding.detail[0], "2 of 4 turns are longer; the longest:");
        assert_eq!(finding.detail[1], worst);
        assert!(finding.detail[2].starts_with("21ms at 3.5s"), "{:?}", finding.detail);
        assert_eq!(max_stall(AT_MOST_20MS, &run(&[10, 20])).ruling, Ruling::Kept);
    }

    #[test]
    fn the_least_stall_is_about_the_longest_turn() {
        let span = Span { min: Some(ms(20)), max: None };
        assert_eq!(max_stall(span, &run(&[1, 20])).ruling, Ruling::Kept);
        assert_eq!(max_stall(span, &run(&[1, 19])).ruling, Ruling::Broken);
    }

    #[test]
    fn without_samples_or_without_bounds_nothing_is_measured() {
        let empty = Builder::new().exit(1);
        let latency = Latency { max: Some(ms(20)), ..Latency::default() };
        for finding in [
            max_stall(AT_MOST_20MS, &empty),
            lag(latency, &empty),
            signal_latency(latency, &empty),
            max_stall(Span::default(), &run(&[1])),
            lag(Latency::default(), &lagging(&[1])),
            finish(Span::default(), &empty),
        ] {
            assert_eq!(finding.ruling, Ruling::NothingMeasured, "{}", finding.actual);
        }
    }

    /// Timers that fire this late.
    fn lagging(lags_ms: &[u64]) -> Trace {
        let mut b = Builder::new();
        let name = b.label("tick");
        for (index, lag) in (0u64..).zip(lags_ms) {
            let due = ms(index * 1000);
            b.main(index * 1000 + lag, EventKind::TimerFired { name, due });
        }
        b.exit(100_000)
    }

    #[test]
    fn each_bound_of_a_distribution_counts() {
        let trace = lagging(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 100]);
        let bound = |set: fn(&mut Latency, Option<Nanos>), millis| {
            let mut latency = Latency::default();
            set(&mut latency, Some(ms(millis)));
            lag(latency, &trace).ruling
        };
        for (set, holds, breaks) in [
            ((|l, v| l.max = v) as fn(&mut Latency, Option<Nanos>), 100, 99),
            (|l, v| l.min = v, 100, 101),
            (|l, v| l.p50 = v, 5, 4),
            (|l, v| l.p90 = v, 9, 8),
            (|l, v| l.p99 = v, 100, 99),
        ] {
            assert_eq!(bound(set, holds), Ruling::Kept);
            assert_eq!(bound(set, breaks), Ruling::Broken);
        }
    }

    #[test]
    fn a_wait_for_a_worker_names_the_job() {
        let mut b = Builder::new();
        let job = b.job("hash");
        b.queued(job, 1, 2).on(crate::Lane::worker(0), 31, crate::EventKind::JobStarted(job));
        let trace = b.exit(40);
        let within = |max| pool_wait(Latency { max: Some(ms(max)), ..Latency::default() }, &trace);
        assert_eq!(within(30).ruling, Ruling::Kept);
        assert_eq!(within(29).ruling, Ruling::Broken);
        let named = "30ms until 31ms: job \"hash\" in pool \"default\", 2 ahead of it";
        assert!(within(29).actual.starts_with(named), "{}", within(29).actual);
        let none = Builder::new().exit(1);
        let bound = Latency { max: Some(ms(1)), ..Latency::default() };
        assert_eq!(pool_wait(bound, &none).ruling, Ruling::NothingMeasured);
    }

    #[test]
    fn a_lag_names_what_was_late() {
        let latency = Latency { max: Some(ms(5)), p50: Some(ms(9)), ..Latency::default() };
        let finding = lag(latency, &lagging(&[1, 70, 8]));
        assert_eq!(finding.expected, "at most 5ms, p50 at most 9ms");
        assert_eq!(
            finding.actual,
            "70ms late at 1.07s: timer \"tick\"; p50 8ms, p90 70ms, p99 70ms of 3"
        );
        assert_eq!(finding.detail[0], "2 of 3 are over 5ms; the largest:");
    }

    #[test]
    fn a_signal_that_was_never_handled_breaks_the_rule() {
        let latency = Latency { max: Some(ms(50)), ..Latency::default() };
        let run = |second: EventKind| {
            let mut b = Builder::new();
            let signal = Signal::SIGTERM;
            b.signals(1, EventKind::SignalRaised(signal));
            b.main(5, EventKind::SignalHandled { signal, raised: ms(1) });
            b.signals(7, EventKind::SignalRaised(Signal::SIGINT)).signals(7, second);
            signal_latency(latency, &b.exit(9))
        };
        let lost = run(EventKind::SignalRaised(Signal::SIGINT));
        assert_eq!(lost.ruling, Ruling::Broken);
        assert_eq!(
            lost.actual,
            "SIGINT raised at 7ms was never handled; 4ms for SIGTERM raised at 1ms; \
             p50 4ms, p90 4ms, p99 4ms of 1"
        );
        assert_eq!(lost.detail.len(), 2);
        assert_eq!(run(EventKind::SignalDefault(Signal::SIGINT)).ruling, Ruling::Kept);
    }

    #[test]
    fn the_end_of_the_run_has_bounds_on_both_sides() {
        let span = Span { min: Some(ms(5)), max: Some(ms(7)) };
        assert_eq!(finish(span, &Builder::new().exit(4)).ruling, Ruling::Broken);
        for at in 5..=7 {
            assert_eq!(finish(span, &Builder::new().exit(at)).ruling, Ruling::Kept);
        }
        let late = finish(span, &Builder::new().exit(8));
        assert_eq!(late.ruling, Ruling::Broken);
        assert_eq!((late.expected.as_str(), late.actual.as_str()), ("5ms to 7ms", "8ms"));
    }
}
