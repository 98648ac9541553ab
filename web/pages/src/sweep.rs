//! All seeds of one scenario: how a measured time is distributed over them, and which of them fail.

mod histogram;

use std::collections::{BTreeMap, BTreeSet};

use loopbox_trace::Nanos;
use loopbox_trace::measure::percentile;
use loopbox_trace::record::Record;
use maud::{Markup, html};

use crate::parts::{self, Tone, badge, count, duration, one_line};
use crate::quantity::Quantity;
use crate::run;
use crate::site::{Delivery, KeptRun, Page, Site, Step};
use histogram::Histogram;

/// More rows than this make a page that nobody reads.
const ROWS_MAX: usize = 1_000;

/// How many drawn values one row shows.
const CHOICES_MAX: usize = 3;

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// What is shown over the seeds; `None`: whatever the scenario bounds.
    pub of: Option<Quantity>,
}

impl Query {
    /// From the part of an address behind `?`. What has no meaning is as if it were not there.
    pub fn parse(query: &str) -> Query {
        let mut values = form_urlencoded::parse(query.as_bytes());
        let value = values.find(|(key, _)| key == "of").map(|(_, value)| value);
        let of =
            value.and_then(|value| Quantity::ALL.into_iter().find(|known| known.name() == value));
        Query { of }
    }
}

/// All seeds of a scenario, as a document; `None` if there is no run of it. Of the runs, those with this
/// [`KeptRun::scenario_id`] count.
pub fn page(site: &Site, runs: &[KeptRun], scenario_id: &str, query: &Query) -> Option<String> {
    let sweep = Sweep::of(runs, scenario_id)?;
    let trail = vec![Step { name: scenario_id.into(), address: site.sweep(scenario_id) }];
    let body = sweep.body(site, query);
    Some(site.document(&Page { title: sweep.title(), trail, body, timeline: false }))
}

/// The same as a part of a document.
pub fn body(site: &Site, runs: &[KeptRun], scenario_id: &str, query: &Query) -> Option<Markup> {
    Some(Sweep::of(runs, scenario_id)?.body(site, query))
}

/// The runs of one scenario.
struct Sweep<'a> {
    scenario_id: &'a str,
    /// By seed.
    readable: BTreeMap<u64, (&'a KeptRun, &'a Record)>,
    unreadable: Vec<(&'a KeptRun, &'a str)>,
}

impl<'a> Sweep<'a> {
    fn of(runs: &'a [KeptRun], scenario_id: &'a str) -> Option<Sweep<'a>> {
        let mut sweep = Sweep { scenario_id, readable: BTreeMap::new(), unreadable: Vec::new() };
        for run in runs.iter().filter(|run| run.scenario_id() == scenario_id) {
            match &run.record {
                Ok(record) => {
                    sweep.readable.insert(record.seed, (run, record));
                }
                Err(reason) => sweep.unreadable.push((run, reason)),
            }
        }
        let is_empty = sweep.readable.is_empty() && sweep.unreadable.is_empty();
        (!is_empty).then_some(sweep)
    }

    fn records(&self) -> impl Iterator<Item = &'a Record> + Clone {
        self.readable.values().map(|&(_, record)| record)
    }

    fn title(&self) -> String {
        let titled = self.records().map(|record| one_line(&record.title)).next();
        titled.filter(|title| !title.is_empty()).unwrap_or_else(|| one_line(self.scenario_id))
    }

    fn number(&self) -> usize {
        self.readable.len() + self.unreadable.len()
    }

    fn body(&self, site: &Site, query: &Query) -> Markup {
        html! {
            (self.headline(site))
            @if self.readable.len() > 1 { (self.distribution(site, query)) }
            (self.table(site))
        }
    }

    fn headline(&self, site: &Site) -> Markup {
        let failing: Vec<_> = self.readable.values().filter(|(_, record)| !record.holds).collect();
        let number = self.number();
        let mut failed: BTreeMap<&str, usize> = BTreeMap::new();
        for key in failing.iter().flat_map(|(_, record)| parts::failed_keys(record)) {
            *failed.entry(key).or_default() += 1;
        }
        let tone = match (failing.len(), self.unreadable.len()) {
            (1.., _) => Tone::Bad,
            (0, 1..) => Tone::Warn,
            (0, 0) => Tone::Good,
        };
        html! {
            div class={ "headline " (tone.class()) } {
                h1 { bdi { (self.title()) } }
                p {
                    @if failing.is_empty() && self.unreadable.is_empty() {
                        (badge(Tone::Good, &match number {
                            1 => "the only seed holds".into(),
                            number => format!("all {number} seeds hold"),
                        }))
                    } @else if !failing.is_empty() {
                        @let verb = if failing.len() == 1 { "fails" } else { "fail" };
                        (badge(Tone::Bad, &format!("{} of {} {verb}", failing.len(), count(number, "seed", "seeds"))))
                        " in "
                        @for (index, (key, number)) in failed.iter().enumerate() {
                            @if index > 0 { ", " }
                            (parts::code(key)) " (" (number) ")"
                        }
                    }
                    @if !self.unreadable.is_empty() {
                        " " (badge(Tone::Warn, &format!("{} cannot be read", self.unreadable.len())))
                    }
                }
            }
            @if let Some((run, record)) = failing.first() {
                div.card {
                    p {
                        "The first that fails is " a href=(site.run(&run.id)) { "seed " (record.seed) } ". To run it again:"
                    }
                    (run::command(&record.reproduce))
                }
            }
        }
    }

    /// What was measured in the seeds, smallest first.
    fn measured(&self, quantity: Quantity) -> Vec<(Nanos, &'a KeptRun, &'a Record)> {
        let measured = self.readable.values();
        let mut measured: Vec<_> = measured
            .filter_map(|&(run, record)| Some((quantity.of(record).measured?, run, record)))
            .collect();
        measured.sort_by_key(|&(value, ..)| value);
        measured
    }

    /// What is shown if nothing is asked for: what the scenario bounds, or else the first that was measured.
    fn first(&self) -> Quantity {
        let rank = |quantity: &Quantity| {
            let worst = quantity.worst(self.records());
            (worst.measured.is_none(), !worst.fails(), worst.allowed.is_none())
        };
        Quantity::ALL.into_iter().min_by_key(rank).unwrap_or(Quantity::Stall)
    }

    fn distribution(&self, site: &Site, query: &Query) -> Markup {
        let shown = query.of.unwrap_or_else(|| self.first());
        let address = site.sweep(self.scenario_id);
        html! {
            @if site.delivery == Delivery::File {
                @for quantity in Quantity::ALL {
                    @if !self.measured(quantity).is_empty() { (self.distribution_of(site, quantity)) }
                }
            } @else {
                nav.tabs aria-label="Measured quantity" {
                    @for quantity in Quantity::ALL {
                        a href={ (address) "?of=" (quantity.name()) }
                            aria-current=[(quantity == shown).then_some("page")] { (quantity.words()) }
                    }
                }
                (self.distribution_of(site, shown))
            }
        }
    }

    fn distribution_of(&self, site: &Site, quantity: Quantity) -> Markup {
        let measured = self.measured(quantity);
        let allowed = quantity.worst(self.records()).allowed;
        let values: Vec<Nanos> = measured.iter().map(|&(value, ..)| value).collect();
        let (Some(smallest), Some(largest)) = (measured.first(), measured.last()) else {
            return html! {
                section.card {
                    h2 { (quantity.words()) " over the seeds" }
                    p.muted { "No seed has anything to measure here." }
                }
            };
        };
        let fails = |record: &Record| quantity.of(record).fails();
        let bins = Histogram::of(measured.iter().map(|&(value, _, r)| (value, fails(r))), allowed);
        let over = allowed.map(|allowed| values.iter().filter(|value| **value > allowed).count());
        let at = |percent| duration(percentile(&values, percent).unwrap_or_default());
        let seed = |&(value, run, record): &(Nanos, &KeptRun, &Record)| {
            html! {
                (duration(value)) " (" a href=(site.run(&run.id)) { "seed " (record.seed) } ")"
            }
        };
        html! {
            section.card {
                h2 { (quantity.words()) " over the seeds" }
                p {
                    "Half of the " (values.len()) " seeds are at " (at(50)) " or less, 90 % at " (at(90))
                    ", 99 % at " (at(99)) ". The smallest is " (seed(smallest)) ", the largest " (seed(largest)) "."
                    @if let (Some(allowed), Some(over)) = (allowed, over) {
                        " Allowed are " (duration(allowed)) "; "
                        @if over == 0 { "no seed is" } @else { (count(over, "seed is", "seeds are")) } " over it."
                    }
                }
                // Where all are alike there is nothing to draw.
                @if smallest.0 < largest.0 {
                    (bins.draw(&format!("{} over the seeds", quantity.words()), allowed))
                    (bins.table())
                }
            }
        }
    }

    fn table(&self, site: &Site) -> Markup {
        let open = open_choices(self.records());
        let mut rows: Vec<_> = self.readable.values().collect();
        // Stable: by seed otherwise.
        rows.sort_by_key(|(_, record)| record.holds);
        let more = self.number().saturating_sub(ROWS_MAX);
        let room = ROWS_MAX.saturating_sub(self.unreadable.len());
        html! {
            h2 { "Seeds" }
            @if more > 0 {
                p.shown { "Only " (ROWS_MAX) " of them are listed; the failing ones come first." }
            }
            div.table-scroll role="region" aria-label="Seeds" tabindex="0" {
                table.cards data-sortable {
                    caption { "Each seed, the failing ones first; and what was drawn that differs from seed to seed" }
                    thead {
                        tr {
                            th scope="col" data-sort="number" data-first="ascending" { "Seed" }
                            th scope="col" data-sort="number" data-first="ascending" { "Verdict" }
                            @for quantity in Quantity::ALL { th scope="col" data-sort="number" { (quantity.words()) } }
                            @if !open.is_empty() { th scope="col" { "Drawn" } }
                        }
                    }
                    tbody {
                        @for (run, reason) in self.unreadable.iter().take(ROWS_MAX) {
                            tr data-verdict="unreadable" {
                                th scope="row" { a href=(site.run(&run.id)) { (parts::name(last_part(&run.id))) } }
                                td.wide data-label="Verdict" data-value="1" colspan=(5 + usize::from(!open.is_empty())) {
                                    (badge(Tone::Warn, "cannot be read"))
                                    span.note { bdi { (one_line(reason)) } }
                                }
                            }
                        }
                        @for (run, record) in rows.iter().take(room) { (row(site, run, record, &open)) }
                    }
                }
            }
        }
    }
}

fn last_part(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

fn row(site: &Site, run: &KeptRun, record: &Record, open: &BTreeSet<&str>) -> Markup {
    let failed: Vec<_> = record.checks.iter().filter(|check| !check.status.is_good()).collect();
    let drawn: Vec<_> =
        record.choices.iter().filter(|choice| open.contains(choice.label.as_str())).collect();
    html! {
        tr data-verdict=(if record.holds { "holds" } else { "fails" }) {
            th scope="row" data-value=(record.seed) { a href=(site.run(&run.id)) { "Seed " (record.seed) } }
            td.wide data-label="Verdict" data-value=(if record.holds { 2 } else { 0 }) {
                (parts::verdict(record))
                @for check in failed.iter().take(CHOICES_MAX) {
                    span.note { (parts::code(&check.key)) ": " bdi { (one_line(&check.actual)) } }
                }
                @if failed.len() > CHOICES_MAX { span.note { "and " (failed.len() - CHOICES_MAX) " more" } }
            }
            @for quantity in Quantity::ALL { (parts::time_cell(quantity.words(), quantity.of(record))) }
            @if !open.is_empty() {
                td.wide data-label="Drawn" {
                    ul.plain.drawn {
                        @for choice in drawn.iter().take(CHOICES_MAX) {
                            li { span.muted { (parts::name(&choice.label)) } " " (parts::name(&choice.value)) }
                        }
                        @if drawn.len() > CHOICES_MAX { li.muted { "and " (drawn.len() - CHOICES_MAX) " more" } }
                    }
                }
            }
        }
    }
}

/// The labels of what was drawn otherwise in some seed. What all seeds drew alike explains no difference.
fn open_choices<'r>(records: impl Iterator<Item = &'r Record> + Clone) -> BTreeSet<&'r str> {
    let Some(first) = records.clone().next() else { return BTreeSet::new() };
    let firsts: BTreeMap<&str, &str> =
        first.choices.iter().map(|choice| (choice.label.as_str(), choice.value.as_str())).collect();
    let mut open = BTreeSet::new();
    for record in records {
        let mut same = 0;
        for choice in &record.choices {
            if firsts.get(choice.label.as_str()) == Some(&choice.value.as_str()) {
                same += 1;
            } else {
                open.insert(choice.label.as_str());
            }
        }
        // A seed that did not come as far drew less.
        if same < firsts.len() {
            let labels: BTreeSet<&str> =
                record.choices.iter().map(|choice| choice.label.as_str()).collect();
            open.extend(firsts.keys().filter(|label| !labels.contains(*label)));
        }
    }
    open
}

#[cfg(test)]
mod tests;
