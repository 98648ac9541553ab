//! The list of runs: what a stranger sees first.
//!
//! The verdict in words, then a row for each scenario, the failing ones first. Filter and order are a form whose
//! answer is another page, so they need no scripts. Several seeds of one scenario are one row.

mod query;
mod row;

use loopbox_trace::Level;
use loopbox_trace::findings::{Changes, Finding};
use loopbox_trace::record::Reported;
use maud::{Markup, html};

pub use query::{Query, Shown, Sort};
use row::Row;

use crate::parts::{self, Tone, badge, count, one_line};
use crate::quantity::Quantity;
use crate::run;
use crate::site::{Delivery, KeptRun, Page, Site};

/// More rows than this make a page that nobody reads and a browser is slow with.
const ROWS_MAX: usize = 2_000;

/// How many codes, keys or findings one cell shows.
const NAMES_MAX: usize = 4;

/// The list of runs, as a document.
pub fn page(site: &Site, runs: &[KeptRun], query: &Query) -> String {
    let body = body(site, runs, query);
    site.document(&Page { title: title(runs), trail: Vec::new(), body, timeline: false })
}

/// The verdict over all runs, in words.
pub fn title(runs: &[KeptRun]) -> String {
    let all = row::rows(runs);
    if all.is_empty() { "No results yet".into() } else { verdict(&all) }
}

/// All scenarios, by [`KeptRun::scenario_id`].
pub(crate) fn scenarios(runs: &[KeptRun]) -> Vec<&str> {
    row::rows(runs).iter().map(|row| row.runs[0].scenario_id()).collect()
}

/// The list of runs, as a part of a document.
pub fn body(site: &Site, runs: &[KeptRun], query: &Query) -> Markup {
    let all = row::rows(runs);
    if all.is_empty() {
        return nothing_yet(site);
    }
    let number = all.len();
    let headline = headline(&all);
    let shown = row::select(all, query);
    html! {
        (headline)
        (form(site, query))
        p.shown role="status" {
            @if query.is_everything() {
                (count(number, "scenario", "scenarios"))
            } @else {
                (shown.len()) " of " (count(number, "scenario", "scenarios"))
            }
            @if shown.len() > ROWS_MAX {
                ". Only the first " (ROWS_MAX) " are shown: search for a word, or choose what is shown"
            }
            "."
        }
        @if shown.is_empty() {
            div.empty {
                p { "Nothing here is like that." }
                p { a href=(site.runs()) { "Show everything" } }
            }
        } @else {
            (table(site, &shown[..shown.len().min(ROWS_MAX)], query))
        }
    }
}

fn nothing_yet(site: &Site) -> Markup {
    html! {
        div.empty {
            h1 { "No results yet" }
            p { "Every run leaves its trace and its verdict in " (parts::code(&site.results)) ". Make the first ones:" }
            (run::command("loopbox run scenarios"))
            p { "Many seeds of one scenario:" }
            (run::command("loopbox run scenarios/signals/at-any-moment.toml --seeds 0..200"))
            p.muted { "This page shows them as they come." }
        }
    }
}

/// `3 of 258 scenarios fail`.
fn verdict(rows: &[Row<'_>]) -> String {
    let failing = rows.iter().filter(|row| row.failing > 0).count();
    let unreadable = rows.iter().filter(|row| row.failing == 0 && row.unreadable > 0).count();
    let scenarios = count(rows.len(), "scenario", "scenarios");
    match (failing, unreadable, rows.len()) {
        (0, 0, 1) => "1 scenario holds".into(),
        (0, 0, _) => format!("{scenarios} hold"),
        (0, unreadable, _) => {
            let holding = rows.len() - unreadable;
            let verb = if holding == 1 { "holds" } else { "hold" };
            format!("{unreadable} of {scenarios} cannot be read, {holding} {verb}")
        }
        (1, _, 1) => "1 scenario fails".into(),
        (1, ..) => format!("1 of {scenarios} fails"),
        (failing, ..) => format!("{failing} of {scenarios} fail"),
    }
}

fn headline(rows: &[Row<'_>]) -> Markup {
    let failing = rows.iter().any(|row| row.failing > 0);
    let unreadable: usize = rows.iter().map(|row| row.unreadable).sum();
    let runs: usize = rows.iter().map(|row| row.runs.len()).sum();
    let tone = match (failing, unreadable) {
        (true, _) => Tone::Bad,
        (false, 1..) => Tone::Warn,
        (false, 0) => Tone::Good,
    };
    let all_changes = || rows.iter().filter_map(|row| row.changes.as_ref());
    let sum = |of: fn(&Changes) -> &Vec<Finding>| all_changes().map(|c| of(c).len()).sum::<usize>();
    let (new, ongoing) = (sum(|changes| &changes.new), sum(|changes| &changes.ongoing));
    let resolved = sum(|changes| &changes.resolved);
    html! {
        div class={ "headline " (tone.class()) } {
            h1 { (verdict(rows)) }
            p {
                @if runs > rows.len() { (runs) " runs in all. " }
                @if unreadable > 0 { (count(unreadable, "result", "results")) " cannot be read. " }
                @if all_changes().next().is_some() {
                    @if new + ongoing + resolved == 0 {
                        "No findings, and none before."
                    } @else {
                        "Since the results before: "
                        (badge(Tone::New, &format!("{new} new"))) " "
                        (badge(Tone::Quiet, &format!("{ongoing} ongoing"))) " "
                        (badge(Tone::Good, &format!("{resolved} resolved")))
                    }
                }
            }
        }
    }
}

fn form(site: &Site, query: &Query) -> Markup {
    // A file has nobody who could answer; the script shows the form and answers itself.
    let is_file = site.delivery == Delivery::File;
    html! {
        form.filter method="get" action=(site.runs()) role="search" data-filter hidden[is_file] {
            label { "Search " input type="search" name="q" value=(query.words) placeholder="title, path, code"; }
            label {
                "Show "
                select name="verdict" {
                    @for (shown, value, words) in Shown::ALL {
                        option value=(value) selected[shown == query.shown] { (words) }
                    }
                }
            }
            label {
                "Order "
                select name="sort" {
                    @for (sort, value, words) in Sort::ALL {
                        option value=(value) selected[sort == query.sort] { (words) }
                    }
                }
            }
            button type="submit" { "Apply" }
        }
    }
}

fn table(site: &Site, rows: &[Row<'_>], query: &Query) -> Markup {
    let heading = |words: &str, sort: Sort, kind: &str| {
        let sorted = (query.sort == sort).then_some(match sort {
            Sort::Verdict | Sort::Scenario => "ascending",
            Sort::Largest(_) => "descending",
        });
        // What fails is 0.
        let first = (sort == Sort::Verdict).then_some("ascending");
        let address = format!("{}{}", site.runs(), Query { sort, ..query.clone() });
        html! {
            th scope="col" aria-sort=[sorted] data-sort=(kind) data-first=[first] {
                @if site.delivery == Delivery::File { (words) } @else { a href=(address) { (words) } }
            }
        }
    };
    html! {
        div.table-scroll role="region" aria-label="Scenarios" tabindex="0" {
            table.cards data-sortable {
                caption { "Scenarios, with what was measured against what is allowed" }
                thead {
                    tr {
                        (heading("Scenario", Sort::Scenario, "text"))
                        (heading("Verdict", Sort::Verdict, "number"))
                        @for quantity in Quantity::ALL {
                            (heading(quantity.words(), Sort::Largest(quantity), "number"))
                        }
                        th scope="col" data-sort="number" { "Diagnostics" }
                        th scope="col" data-sort="number" { "Seed" }
                    }
                }
                tbody { @for row in rows { (row_of(site, row)) } }
            }
        }
    }
}

fn row_of(site: &Site, row: &Row<'_>) -> Markup {
    let first = row.runs[0];
    let (id, many) = (first.scenario_id(), row.runs.len() > 1);
    let address = if many { site.sweep(id) } else { site.run(&first.id) };
    let record = row.record();
    let title = record.map(|record| one_line(&record.title)).filter(|title| !title.is_empty());
    let path = record.map_or(id, |record| record.scenario.as_str());
    html! {
        tr data-verdict=(row.kinds()) {
            th.scenario scope="row" data-value=(one_line(id)) {
                a href=(address) { bdi { @if let Some(title) = &title { (title) } @else { (one_line(id)) } } }
                @if title.is_some() { span.path { bdi { (one_line(path)) } } }
            }
            td data-label="Verdict" data-value=(row.rank()) {
                (verdict_of(row))
            }
            @for (quantity, worst) in &row.worst { (parts::time_cell(quantity.words(), *worst)) }
            td data-label="Diagnostics" data-value=(row.reported.iter().map(|r| r.count).sum::<usize>()) {
                (reported_of(&row.reported))
            }
            td.number data-label="Seed" data-value=[record.map(|record| record.seed)] {
                @if many {
                    a href=(address) { (row.runs.len()) " seeds" }
                } @else if let Some(record) = record {
                    (record.seed)
                }
            }
        }
    }
}

fn verdict_of(row: &Row<'_>) -> Markup {
    let number = row.runs.len();
    let seeds = |some: usize, one: &str, many: &str| {
        format!("{some} of {number} seeds {}", if some == 1 { one } else { many })
    };
    let mut failed: Vec<&str> = Vec::new();
    for key in row.records().flat_map(parts::failed_keys) {
        // What is new or goes on is named with that.
        let is_named = |changes: &Changes| {
            let key = Finding::Check(key.to_owned());
            changes.new.contains(&key) || changes.ongoing.contains(&key)
        };
        if !failed.contains(&key) && !row.changes.as_ref().is_some_and(is_named) {
            failed.push(key);
        }
    }
    let caught: Vec<&str> = row.record().map(parts::caught_keys).into_iter().flatten().collect();
    let reason = row.runs.iter().find_map(|run| run.record.as_ref().err());
    html! {
        @if number == 1 {
            @if let Ok(record) = &row.runs[0].record { (parts::verdict(record)) }
        } @else if row.failing > 0 {
            (badge(Tone::Bad, &seeds(row.failing, "fails", "fail")))
        } @else if row.unreadable < number {
            (badge(Tone::Good, &format!("{} seeds hold", number - row.unreadable)))
        }
        @if let Some(reason) = reason {
            @if number == 1 {
                (badge(Tone::Warn, "cannot be read"))
            } @else {
                " " (badge(Tone::Warn, &seeds(row.unreadable, "cannot be read", "cannot be read")))
            }
            span.note { bdi { (one_line(reason)) } }
        }
        @if let Some(changes) = &row.changes { (changes_of(changes)) }
        @if !failed.is_empty() { span.note { (names(&failed)) } }
        @else if !caught.is_empty() { span.note { "caught " (names(&caught)) } }
    }
}

/// Names with commas, as many as fit a cell.
fn names(names: &[&str]) -> Markup {
    html! {
        @for (index, name) in names.iter().take(NAMES_MAX).enumerate() {
            @if index > 0 { ", " }
            (parts::code(name))
        }
        @if names.len() > NAMES_MAX { " and " (names.len() - NAMES_MAX) " more" }
    }
}

fn changes_of(changes: &Changes) -> Markup {
    let group = |tone: Tone, word: &str, findings: &[Finding]| {
        let found: Vec<&str> = findings.iter().map(Finding::name).collect();
        html! {
            @if !found.is_empty() { li { (badge(tone, word)) " " (names(&found)) } }
        }
    };
    let is_calm =
        changes.new.is_empty() && changes.resolved.is_empty() && changes.ongoing.is_empty();
    html! {
        @if !is_calm {
            ul.plain.ages {
                (group(Tone::New, "new", &changes.new))
                (group(Tone::Good, "resolved", &changes.resolved))
                (group(Tone::Quiet, "ongoing", &changes.ongoing))
            }
        }
    }
}

fn reported_of(reported: &[Reported]) -> Markup {
    html! {
        @if !reported.is_empty() {
            ul.plain {
                @for reported in reported.iter().take(NAMES_MAX) {
                    li {
                        span class={ "level " (level_class(reported.level)) } {
                            (parts::code(&reported.code)) " ×" (reported.count)
                            " " span.word { (reported.level.name().to_lowercase()) }
                        }
                    }
                }
                @if reported.len() > NAMES_MAX { li.muted { "and " (reported.len() - NAMES_MAX) " more" } }
            }
        }
    }
}

fn level_class(level: Level) -> &'static str {
    match level {
        Level::Debug | Level::Info => "quiet",
        Level::Warning => "warn",
        Level::Error | Level::Critical => "bad",
    }
}

#[cfg(test)]
mod tests;
