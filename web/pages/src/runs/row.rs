//! One row of the list of runs: one scenario, with one seed or with many.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use loopbox_trace::findings::{Changes, changes};
use loopbox_trace::record::{Record, Reported};
use loopbox_trace::{Level, Nanos};

use super::query::{Query, Shown, Sort};
use crate::quantity::{Quantity, Worst};
use crate::site::KeptRun;

/// What is known of a scenario: all of its runs.
pub(super) struct Row<'a> {
    /// All runs, in the order of their ids.
    pub runs: Vec<&'a KeptRun>,
    /// How many of them fail.
    pub failing: usize,
    /// How many of them cannot be read.
    pub unreadable: usize,
    /// What changed in any of them; `None` if none of them has a predecessor.
    pub changes: Option<Changes>,
    /// What was reported in all of them together.
    pub reported: Vec<Reported>,
    /// What is shown in the columns of times.
    pub worst: [(Quantity, Worst); 4],
}

impl<'a> Row<'a> {
    fn of(runs: Vec<&'a KeptRun>) -> Row<'a> {
        let readable = || runs.iter().filter_map(|run| run.record.as_ref().ok());
        let mut all_changes: Option<Changes> = None;
        for run in &runs {
            if let (Ok(now), Some(before)) = (&run.record, &run.previous) {
                add(all_changes.get_or_insert_default(), changes(now, before));
            }
        }
        Row {
            failing: readable().filter(|record| !record.holds).count(),
            unreadable: runs.len() - readable().count(),
            changes: all_changes,
            reported: reported(readable()),
            worst: Quantity::ALL.map(|quantity| (quantity, quantity.worst(readable()))),
            runs,
        }
    }

    /// The record that stands for all: the first failing one, or else the first one.
    pub fn record(&self) -> Option<&'a Record> {
        self.records().find(|record| !record.holds).or_else(|| self.records().next())
    }

    /// What can be read.
    pub fn records(&self) -> impl Iterator<Item = &'a Record> {
        self.runs.iter().filter_map(|run| run.record.as_ref().ok())
    }

    fn measured(&self, quantity: Quantity) -> Option<Nanos> {
        self.worst
            .iter()
            .find(|(known, _)| *known == quantity)
            .and_then(|(_, worst)| worst.measured)
    }

    /// What is worst comes first.
    pub fn rank(&self) -> u8 {
        match (self.failing, self.unreadable) {
            (1.., _) => 0,
            (0, 1..) => 1,
            (0, 0) => 2,
        }
    }

    /// Everything that it is, as it can be asked for.
    pub fn kinds(&self) -> String {
        let kinds =
            Shown::ALL.iter().filter(|(shown, name, _)| !name.is_empty() && self.is_shown(*shown));
        kinds.map(|(_, name, _)| *name).collect::<Vec<_>>().join(" ")
    }

    fn is_shown(&self, shown: Shown) -> bool {
        match shown {
            Shown::All => true,
            Shown::Fails => self.failing > 0,
            Shown::Holds => self.failing == 0 && self.unreadable == 0,
            Shown::Changed => self
                .changes
                .as_ref()
                .is_some_and(|changes| !changes.new.is_empty() || !changes.resolved.is_empty()),
            Shown::Reported => !self.reported.is_empty(),
            Shown::Unreadable => self.unreadable > 0,
        }
    }

    /// Whether a word, in small letters, is somewhere in the row.
    fn has(&self, word: &str) -> bool {
        let has = |text: &str| text.to_lowercase().contains(word);
        has(&self.runs[0].id)
            || self.record().is_some_and(|record| has(&record.title) || has(&record.scenario))
            || self.reported.iter().any(|reported| has(&reported.code))
    }
}

/// The rows that are asked for, in the order that is asked for.
pub(super) fn select<'a>(rows: Vec<Row<'a>>, query: &Query) -> Vec<Row<'a>> {
    let words = query.words.to_lowercase();
    let words: Vec<&str> = words.split_whitespace().collect();
    let mut rows: Vec<_> = rows
        .into_iter()
        .filter(|row| row.is_shown(query.shown) && words.iter().all(|word| row.has(word)))
        .collect();
    // Stable: whatever is equal stays in the order of names.
    match query.sort {
        Sort::Verdict => rows.sort_by_key(Row::rank),
        Sort::Scenario => {}
        Sort::Largest(quantity) => rows.sort_by_key(|row| Reverse(row.measured(quantity))),
    }
    rows
}

/// All rows, by name.
pub(super) fn rows(runs: &[KeptRun]) -> Vec<Row<'_>> {
    let mut scenarios: BTreeMap<&str, Vec<&KeptRun>> = BTreeMap::new();
    for run in runs {
        scenarios.entry(run.scenario_id()).or_default().push(run);
    }
    scenarios.into_values().map(Row::of).collect()
}

fn reported<'r>(records: impl Iterator<Item = &'r Record>) -> Vec<Reported> {
    let mut all: Vec<Reported> = Vec::new();
    for reported in records.flat_map(|record| &record.diagnostics) {
        match all.iter_mut().find(|known| known.code == reported.code) {
            Some(known) => {
                known.count = known.count.saturating_add(reported.count);
                known.level = known.level.max(reported.level);
            }
            None => all.push(reported.clone()),
        }
    }
    // What is worst may be the last thing that came.
    all.sort_by_key(|reported| Reverse(reported.level.max(Level::Info)));
    all
}

fn add(all: &mut Changes, of_one: Changes) {
    let of_one = [
        (&mut all.new, of_one.new),
        (&mut all.ongoing, of_one.ongoing),
        (&mut all.resolved, of_one.resolved),
    ];
    for (all, of_one) in of_one {
        for finding in of_one {
            if !all.contains(&finding) {
                all.push(finding);
            }
        }
    }
}
