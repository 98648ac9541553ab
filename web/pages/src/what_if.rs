//! What if: the page on which somebody tries another world for a run and sees what comes of it.
//!
//! The engine that runs the scenario again is the command's; here are the data that it hands over, and the
//! page made from them. What was asked for stands in the address, so the page is a function of its address.

use loopbox_trace::Nanos;
use loopbox_trace::check::Check;
use loopbox_trace::record::Record;
use loopbox_trace::text::report;
use maud::{Markup, html};

use crate::parts::{Tone, badge, code, duration, name, one_line, verdict};
use crate::run;
use crate::site::{KeptRun, KeptTrace, Page, Site, Step};
use crate::source_view;
use crate::tables::{Ids, or_nothing, table};
use crate::timeline::{self, Timeline};

/// How a duration is written, for the browser.
const DURATION: &str = r"\s*[0-9]+(\.[0-9]+)?\s*(h|m|s|ms|us|ns)\s*";

/// Characters of a field that are shown.
const FIELD_CHARS_MAX: usize = 200;

/// How a seed is written, for the browser.
const SEED: &str = r"\s*[0-9]{1,20}\s*";

/// An experiment with a kept run: what was asked for, and what came of it.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// The fields of the form, in its order: the seed, the workers, each signal, each blocking rule.
    pub fields: Vec<Field>,
    /// What was asked for as the address has it, without `?`: `seed=3&signal.0=250ms`. Empty if nothing was.
    pub query: String,
    /// What came of it. `None` if nothing was asked for, or if a field has an error.
    pub outcome: Option<Result<Outcome, String>>,
    /// The form that makes a scenario of it.
    pub save: Save,
}

/// One thing that can be another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What it is about.
    pub subject: Subject,
    /// Its name in the address: `seed`, `workers`, `signal.0`, `blocking.1`.
    pub name: String,
    /// As the kept run has it: `0`, `4`, `250ms`; of a rule that leaves a duration open `5ms to 80ms`.
    pub kept: String,
    /// As it was asked for, as it was typed; empty if it was not.
    pub asked: String,
    /// Why that makes no sense, as a sentence for people.
    pub error: Option<String>,
}

/// What a [`Field`] is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// What is drawn, is drawn from this: a whole number.
    Seed,
    /// The workers of the pool that is there from the start: a number from 1 to so many.
    Workers {
        /// The most that are allowed.
        max: u16,
    },
    /// The moment of a signal, as a duration from the start.
    Signal {
        /// Its name.
        signal: String,
    },
    /// How long the blocking calls of one rule take.
    Blocking {
        /// The pattern of their names.
        call: String,
    },
}

/// What came of an experiment.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The verdict and the rest, as it would be kept.
    pub record: Record,
    /// What else there is to know about it, as sentences for people.
    pub notes: Vec<String>,
}

/// The form that makes a scenario of an experiment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Save {
    /// The folder that the new scenario will be written to, as the command line leads to it.
    pub folder: String,
    /// The name that was asked for, or a proposal; without `.toml`.
    pub name: String,
    /// Why it cannot be saved like that, as a sentence for people.
    pub error: Option<String>,
    /// The file that was written, if the experiment has just been saved.
    pub saved: Option<String>,
}

/// The page of an experiment with a run. Only a server has it.
pub fn page(site: &Site, run: &KeptRun, trace: &KeptTrace, experiment: &Experiment) -> String {
    let address = site.what_if(&run.id).unwrap_or_default();
    let mut trail = run::trail(site, run);
    trail.push(Step { name: "what if".into(), address: address.clone() });
    let title = format!("What if: {}", run::title(run));
    let record = run.record.as_ref();
    let body = html! {
        article.what-if {
            h1 { "What if: " bdi { (run::title(run)) } }
            @match record {
                Ok(record) => (tried(site, run, record, trace, experiment, &address)),
                Err(why) => p.note-box {
                    "Nothing can be tried with it. " bdi { (report(why)) }
                },
            }
        }
    };
    site.document(&Page { title, trail, body, timeline: record.is_ok() && trace.is_ok() })
}

/// What changes on the page when something else is asked for: the verdict, without the form and the timeline.
pub fn fragment(run: &KeptRun, experiment: &Experiment) -> String {
    match &run.record {
        Ok(record) => outcome(record, experiment).into_string(),
        Err(why) => html! { p.note-box { bdi { (one_line(why)) } } }.into_string(),
    }
}

fn tried(
    site: &Site,
    run: &KeptRun,
    record: &Record,
    trace: &KeptTrace,
    experiment: &Experiment,
    address: &str,
) -> Markup {
    let ids = &Ids::of(site, &site.run(&run.id));
    let came = experiment.outcome.as_ref().is_some_and(Result::is_ok);
    let second = came.then(|| (format!("{address}.columns?{}", experiment.query), "what if"));
    let timeline = trace.as_ref().map(|trace| Timeline {
        issues: run::marks(&run::of_run(record, trace)),
        columns: site.columns(&run.id),
        label: format!("Timeline of the kept run and of the experiment: {}", run::title(run)),
        second,
        what_if: Some(format!("{address}/fragment")),
        ..Timeline::of_run(record, trace)
    });
    html! {
        p {
            "The scenario runs again in the sandbox with what you change here, and nothing is kept unless you save it. "
            "The kept run: " a href=(site.run(&run.id)) { (code(&record.scenario)) ", seed " (record.seed) } "."
        }
        (form(address, experiment))
        // The script puts the fragment here.
        section.what-if-outcome id="what-if-outcome" aria-label="What comes of it" aria-live="polite" {
            (outcome(record, experiment))
        }
        @match &timeline {
            Ok(timeline) => (timeline::section(ids, timeline)),
            Err(why) => p.note-box { bdi { (report(why)) } },
        }
        @if came || experiment.save.saved.is_some() { (save(address, experiment)) }
    }
}

fn form(address: &str, experiment: &Experiment) -> Markup {
    html! {
        form.what-if-form method="get" action=(address) data-what-if-form {
            @for (index, field) in experiment.fields.iter().enumerate() { (input(index, field)) }
            p.buttons {
                button type="submit" { "Run it" }
                a href=(address) { "Back to the kept run" }
            }
        }
    }
}

fn input(index: usize, field: &Field) -> Markup {
    let id = format!("field-{index}");
    let (hint, error) = (format!("{id}-hint"), format!("{id}-error"));
    let described = match field.error {
        Some(_) => format!("{error} {hint}"),
        None => hint.clone(),
    };
    let is_number = matches!(field.subject, Subject::Seed | Subject::Workers { .. });
    let (pattern, title) = match field.subject {
        Subject::Seed => (Some(SEED), Some("A whole number of at most 20 digits")),
        Subject::Workers { .. } => (None, None),
        _ => (Some(DURATION), Some("A number and a unit, such as 250ms or 1.5s")),
    };
    let max = match field.subject {
        Subject::Workers { max } => Some(max),
        _ => None,
    };
    html! {
        div.field {
            label for=(id) {
                @match &field.subject {
                    Subject::Seed => "Seed",
                    Subject::Workers { .. } => "Workers",
                    Subject::Signal { signal } => { (name(signal)) " at" },
                    Subject::Blocking { call } => { (code(call)) " takes" },
                }
            }
            input id=(id) name=(field.name) value=(shown(&field.asked)) placeholder=(shown(&field.kept))
                type=(if max.is_some() { "number" } else { "text" }) min=[max.map(|_| 1)] max=[max]
                inputmode=(if is_number { "numeric" } else { "text" }) pattern=[pattern] title=[title]
                autocomplete="off" spellcheck="false" aria-describedby=(described)
                aria-invalid=[field.error.as_ref().map(|_| "true")];
            p.hint id=(hint) {
                "In the kept run " bdi { (one_line(&field.kept)) } "."
                @match field.subject {
                    Subject::Workers { max } => { " From 1 to " (max) "." },
                    Subject::Signal { .. } | Subject::Blocking { .. } => " With a unit, such as 250ms.",
                    Subject::Seed => " What is drawn is drawn from it.",
                }
            }
            @if let Some(why) = &field.error { p.note-box id=(error) { bdi { (one_line(why)) } } }
        }
    }
}

/// What somebody typed goes back into its field, unless it is absurdly long.
fn shown(text: &str) -> String {
    let end = text.char_indices().nth(FIELD_CHARS_MAX).map_or(text.len(), |(end, _)| end);
    source_view::harmless(&text[..end])
}

fn outcome(kept: &Record, experiment: &Experiment) -> Markup {
    match &experiment.outcome {
        None if experiment.fields.iter().any(|field| field.error.is_some()) => html! {
            p.note-box { "Something that was asked for makes no sense; it says so beside its field." }
        },
        None => html! {
            p.note {
                "Nothing is changed yet. Fill in what shall be another, or drag a signal in the timeline, and see what "
                "comes of it."
            }
        },
        Some(Err(why)) => html! {
            p.note-box { "The scenario could not be run like that: " bdi { (one_line(why)) } }
        },
        Some(Ok(outcome)) => html! {
            (beside_each_other(kept, &outcome.record))
            @for note in &outcome.notes { p.note { bdi { (one_line(note)) } } }
        },
    }
}

/// The old and the new verdict. What changed comes first.
fn beside_each_other(kept: &Record, new: &Record) -> Markup {
    let mut keys: Vec<&str> = kept.checks.iter().map(|check| check.key.as_ref()).collect();
    for check in &new.checks {
        if !keys.contains(&check.key.as_ref()) {
            keys.push(&check.key);
        }
    }
    let find =
        |record: &Record, key: &str| record.checks.iter().find(|check| check.key == key).cloned();
    let mut pairs: Vec<(&str, Option<Check>, Option<Check>)> =
        keys.into_iter().map(|key| (key, find(kept, key), find(new, key))).collect();
    let status = |check: &Option<Check>| check.as_ref().map(|check| check.status);
    let turned = |old: &Option<Check>, new: &Option<Check>| status(old) != status(new);
    // Stable: otherwise they stay in the order of the verdict.
    pairs.sort_by_key(|(_, old, new)| !turned(old, new));
    let rows = html! {
        tr.total {
            th scope="row" { "Verdict" }
            td { (verdict(kept)) }
            td { (verdict(new)) }
            td {
                @match (kept.holds, new.holds) {
                    (true, false) => (badge(Tone::Bad, "holds → fails")),
                    (false, true) => (badge(Tone::Good, "fails → holds")),
                    _ => span.nothing { "same" },
                }
            }
        }
        @for (key, old, new) in &pairs {
            tr {
                th scope="row" { (code(key)) }
                td { (or_nothing(old.as_ref().map(checked))) }
                td { (or_nothing(new.as_ref().map(checked))) }
                td { (turn(old.as_ref(), new.as_ref())) }
            }
        }
        @for (title, old, new) in numbers(kept, new) {
            tr {
                th scope="row" { (title) }
                td { (or_nothing(old.map(duration))) }
                td { (or_nothing(new.map(duration))) }
                td { (difference(old, new)) }
            }
        }
    };
    html! {
        p class={ "verdict " @if new.holds { "good" } @else { "bad" } } {
            @match (kept.holds, new.holds) {
                (true, false) => "It held, and now it fails. ",
                (false, true) => "It failed, and now it holds. ",
                (true, true) => "It still holds. ",
                (false, false) => "It still fails. ",
            }
            @if let Some(check) = new.checks.iter().find(|check| !check.status.is_good()) {
                bdi { (run::sentence(check, None)) } "."
            } @else {
                "The program " bdi { (one_line(&new.ending.to_string())) } " at " (duration(new.summary.finished)) "."
            }
        }
        (table("The kept run and the experiment", &["Of the run", "Kept run", "What if", "Change"], &rows))
    }
}

fn checked(check: &Check) -> Markup {
    html! { (run::status(check.status)) " " bdi { (one_line(&check.actual)) } }
}

/// What became of a check.
fn turn(old: Option<&Check>, new: Option<&Check>) -> Markup {
    let word = |check: Option<&Check>| check.map_or("not checked", |check| run::word(check.status));
    let tone = match new {
        _ if word(old) == word(new) => return html! { span.nothing { "same" } },
        Some(new) if !new.status.is_good() => Tone::Bad,
        _ => Tone::New,
    };
    badge(tone, &format!("{} → {}", word(old), word(new)))
}

fn numbers(old: &Record, new: &Record) -> [(&'static str, Option<Nanos>, Option<Nanos>); 4] {
    let (old, new) = (&old.summary, &new.summary);
    [
        ("Longest turn", old.worst_stall, new.worst_stall),
        ("Largest lag", old.worst_lag, new.worst_lag),
        ("Longest signal latency", old.worst_signal_latency, new.worst_signal_latency),
        ("End of the run", Some(old.finished), Some(new.finished)),
    ]
}

/// How far a time is from what it was, with its sign.
fn difference(old: Option<Nanos>, new: Option<Nanos>) -> Markup {
    html! {
        @match (old, new) {
            (Some(old), Some(new)) if new > old => { "+" (duration(new - old)) },
            (Some(old), Some(new)) if new < old => { "−" (duration(old - new)) },
            (old, new) if old == new => span.nothing { "same" },
            _ => (badge(Tone::New, "changed")),
        }
    }
}

fn save(address: &str, experiment: &Experiment) -> Markup {
    let save = &experiment.save;
    let folder = save.folder.trim_end_matches('/');
    html! {
        section.save id="save" {
            h2 { "Keep it as a scenario" }
            @if let Some(path) = &save.saved {
                p.saved role="status" { "Saved as " (code(path)) ". Run it with:" }
                (run::command(&format!("loopbox run {path}")))
            }
            form.what-if-save method="post" action={ (address) "/save" } {
                @for field in experiment.fields.iter().filter(|field| !field.asked.is_empty()) {
                    input type="hidden" name=(field.name) value=(shown(&field.asked));
                }
                div.field {
                    label for="save-name" { "Name" }
                    input id="save-name" name="name" type="text" required maxlength="100" autocomplete="off"
                        spellcheck="false" value=(shown(&save.name)) aria-describedby=(if save.error.is_some() { "save-error save-hint" } else { "save-hint" })
                        aria-invalid=[save.error.as_ref().map(|_| "true")];
                    p.hint id="save-hint" {
                        "Writes a new file " code { bdi { (one_line(folder)) } "/" i { "name" } ".toml" }
                        ", which extends the scenario with what is changed above. No file is replaced."
                    }
                    @if let Some(why) = &save.error { p.note-box id="save-error" role="alert" { bdi { (one_line(why)) } } }
                }
                p.buttons { button type="submit" { "Save as a new scenario" } }
            }
        }
    }
}

#[cfg(test)]
mod tests;
