//! The report of a sweep for people: a line a scenario, and what failed with the first seeds.

use loopbox_trace::Nanos;

use super::{BAD, GOOD, Human, ODD, STRONG, block, fact, label, of_guest};
use crate::invocation;
use crate::report::sweep::{FailedCheck, Measured, Sweep, Trouble};
use crate::terminal::printable;

/// So many failing seeds are listed.
const SEEDS_MAX: usize = 20;
/// So many come with the command that runs one of them again.
const COMMANDS_MAX: usize = 3;

impl Human {
    /// The lines of one scenario with many seeds.
    pub fn sweep(&self, sweep: &Sweep) -> String {
        let (word, style) = match sweep {
            sweep if sweep.is_good() => ("ok", GOOD),
            Sweep { failing, .. } if !failing.is_empty() => ("FAIL", BAD),
            sweep if sweep.could_not_run.count + sweep.unsaved.count > 0 => ("error", BAD),
            _ => ("-", ODD),
        };
        let more = of_guest(sweep.guest.as_deref(), &in_brief(sweep));
        let mut text = self.scenario_line(word, style, &sweep.path, Some(&sweep.title), &more);
        for failed in &sweep.failed_checks {
            text.push_str(&block(failed_check(failed)));
        }
        let mut facts = Vec::new();
        if let Some(seed) = sweep.golden_seed {
            let range = sweep.seeds.first..=sweep.seeds.last;
            facts.push(match range.contains(&seed) {
                true => fact("golden", &format!("compared with seed {seed} only")),
                false => fact("golden", &format!("not compared: it belongs to seed {seed}")),
            });
        }
        facts.extend(trouble("could not run", &sweep.could_not_run));
        facts.extend(trouble("not kept", &sweep.unsaved));
        if !sweep.failing.is_empty() {
            facts.push(fact("failing", &listed(&sweep.failing)));
        }
        let mut name = "again";
        for seed in sweep.failing.iter().take(COMMANDS_MAX) {
            let command =
                invocation::reproduce(self.invocation, &sweep.path, sweep.guest.as_deref(), *seed);
            facts.push(format!("{}  {STRONG}{}{STRONG:#}", label(name), printable(&command)));
            name = "";
        }
        text + &block(facts)
    }
}

/// How many fail, which first, and the worst of what was measured.
fn in_brief(sweep: &Sweep) -> String {
    let judged = sweep.judged();
    let mut parts = Vec::new();
    match &sweep.failing[..] {
        [] if judged == 0 => {}
        [] if judged == 1 => parts.push("1 seed holds".into()),
        [] => parts.push(format!("all of {judged} seeds hold")),
        [first] if judged == 1 => parts.push(format!("the only seed fails: {first}")),
        [first, ..] => {
            let fail = if sweep.failing.len() == 1 { "fails" } else { "fail" };
            parts.push(format!("{} of {judged} seeds {fail}", sweep.failing.len()));
            parts.push(format!("first seed {first}"));
        }
    }
    if sweep.interrupted > 0 {
        parts.push(format!("{} interrupted", sweep.interrupted));
    }
    let worst = [
        ("worst stall", sweep.worst.worst_stall),
        ("worst signal latency", sweep.worst.worst_signal_latency),
    ];
    for (what, measured) in worst {
        if let Some(Measured { nanos, seed }) = measured.filter(|worst| worst.nanos > Nanos::ZERO) {
            parts.push(format!("{what} {nanos} with seed {seed}"));
        }
    }
    parts.join("; ")
}

fn failed_check(failed: &FailedCheck) -> Vec<String> {
    let FailedCheck { count, first_seed, first } = failed;
    let mut lines = super::failed_check(first);
    // Details belong to one run, and that run's report has them.
    lines.truncate(lines.len() - first.detail.len());
    let seeds = match count {
        1 => format!("seed {first_seed}"),
        _ => format!("{count} seeds, here {first_seed}"),
    };
    lines[0].push_str(&format!("  ({seeds})"));
    lines
}

fn trouble(what: &str, trouble: &Trouble) -> Option<String> {
    let (seed, message) = trouble.first.as_ref()?;
    let count = trouble.count;
    Some(format!("{BAD}{what}{BAD:#}: {count}, first seed {seed}: {}", printable(message)))
}

fn listed(seeds: &[u64]) -> String {
    let shown: Vec<String> = seeds.iter().take(SEEDS_MAX).map(u64::to_string).collect();
    let more = match seeds.len().saturating_sub(SEEDS_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    shown.join(", ") + &more
}

#[cfg(test)]
mod tests {
    use loopbox_trace::check::Status;
    use loopbox_trace::record::Record;

    use super::*;
    use crate::report::Outcome;
    use crate::testing::{check, judged, record, report, sweep};

    /// What is seen without colours.
    fn shown(sweep: &Sweep) -> String {
        let human = Human::new("loopbox", false, [sweep.path.as_path()].into_iter());
        anstream::adapter::strip_str(&human.sweep(sweep)).to_string()
    }

    fn holding() -> Record {
        Record { holds: true, checks: Vec::new(), ..record() }
    }

    #[test]
    fn a_sweep_that_holds_is_one_line() {
        let mut sweep = sweep(7, 8);
        sweep.add(7, &report(judged(holding())));
        sweep.add(8, &report(judged(holding())));
        assert_eq!(
            shown(&sweep),
            "ok     scenarios/sigterm-quiet.toml  SIGTERM in a quiet loop  \
             (all of 2 seeds hold; worst stall 1.05s with seed 7)\n"
        );
    }

    #[test]
    fn failing_seeds_are_listed_with_what_failed_and_how_to_see_it_again() {
        let mut sweep = sweep(0, 39);
        sweep.golden_seed = Some(40);
        for seed in 0..40 {
            let mut record = if seed % 2 == 0 { holding() } else { record() };
            record.checks.iter_mut().for_each(|check| check.detail = vec!["turn 4".into()]);
            if seed == 5 {
                record.checks.push(check("exit", Status::Fails, "status 0", "SIGTERM"));
            }
            sweep.add(seed, &report(judged(record)));
        }
        assert_eq!(
            shown(&sweep),
            "\
FAIL   scenarios/sigterm-quiet.toml  SIGTERM in a quiet loop  (20 of 40 seeds fail; first seed 1; worst stall 1.05s with seed 0)
       max-stall  (20 seeds, here 1)
         expected  at most 20ms
         actual    1.05s
       exit  (seed 5)
         expected  status 0
         actual    SIGTERM
       golden    not compared: it belongs to seed 40
       failing   1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 35, 37, 39
       again     loopbox run scenarios/sigterm-quiet.toml --seed 1
                 loopbox run scenarios/sigterm-quiet.toml --seed 3
                 loopbox run scenarios/sigterm-quiet.toml --seed 5
"
        );
    }

    #[test]
    fn a_long_list_is_cut() {
        let seeds: Vec<u64> = (0..=20).collect();
        assert!(listed(&seeds).ends_with(", 19 and 1 more"), "{}", listed(&seeds));
        assert!(listed(&seeds[..20]).ends_with(", 19"));
    }

    #[test]
    fn what_did_not_run_is_said() {
        let mut runs = sweep(0, 3);
        runs.golden_seed = Some(0);
        runs.add(0, &report(judged(holding())));
        runs.add(1, &report(Outcome::CouldNotRun("no\u{1b}[2J".into())));
        runs.add(2, &report(Outcome::Interrupted));
        runs.add(3, &report(Outcome::Interrupted));
        assert_eq!(
            shown(&runs),
            "\
error  scenarios/sigterm-quiet.toml  SIGTERM in a quiet loop  (1 seed holds; 2 interrupted; worst stall 1.05s with seed 0)
       golden    compared with seed 0 only
       could not run: 1, first seed 1: no\\u{1b}[2J
"
        );
        let mut none = sweep(0, 0);
        none.add(0, &report(Outcome::Interrupted));
        assert!(shown(&none).starts_with("-      scenarios/"), "{}", shown(&none));
        assert!(shown(&none).ends_with("  (1 interrupted)\n"), "{}", shown(&none));
    }
}
