//! What pages are made from, how they refer to each other, and the frame around each of them.

use maud::{DOCTYPE, Markup, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use loopbox_trace::Trace;
use loopbox_trace::record::Record;

use crate::parts::{self, one_line};

/// How pages are delivered, which decides how they refer to each other and to their assets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// By `loopbox view`: pages have addresses under this path, which begins and ends with a slash and has the
    /// token in it.
    Server {
        /// Such as `/3f9c.../`.
        base: String,
    },
    /// All in one file, which is opened from disk: pages are sections with ids.
    File,
}

/// What a page needs to know about the whole it is a part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// How its pages get to the reader.
    pub delivery: Delivery,
    /// The folder of the results, as the command line leads to it.
    pub results: String,
    /// Which generation of the results is shown, for whoever listens for a newer one.
    pub generation: Option<u64>,
}

/// A run that was kept.
#[derive(Clone, Debug)]
pub struct KeptRun {
    /// Its record's path under the folder of results, without `.json`: `scenarios/signals/twice/seed-0`.
    pub id: String,
    /// Its record; or why that cannot be read, as a sentence for people.
    pub record: Result<Record, String>,
    /// The record that was there before.
    pub previous: Option<Record>,
}

impl KeptRun {
    /// What the runs of one scenario have in common: the id without its last part. It is the scenario's name, unless
    /// that makes no good path, and it is there if the record cannot be read, too.
    pub fn scenario_id(&self) -> &str {
        self.id.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

/// The trace of a run; or why it cannot be shown, as a sentence for people.
pub type KeptTrace = Result<Trace, String>;

/// What stays as it is in an address: the characters that are unreserved, and the slash between parts.
const IN_PATHS: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// A text as a part of an address. No part of what is encoded becomes a step upwards: results have no such ids.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, IN_PATHS).to_string()
}

// Addresses.
impl Site {
    /// Of the list of runs.
    pub fn runs(&self) -> String {
        self.address("", "runs")
    }

    /// Of all seeds of a scenario, by [`KeptRun::scenario_id`].
    pub fn sweep(&self, scenario_id: &str) -> String {
        let address = format!("sweep/{}", encode(scenario_id));
        self.address(&address, &address)
    }

    /// Of a run, by its id.
    pub fn run(&self, id: &str) -> String {
        let address = format!("run/{}", encode(id));
        self.address(&address, &address)
    }

    /// Of a run beside its golden.
    pub fn golden(&self, id: &str) -> String {
        let id = encode(id);
        self.address(&format!("run/{id}/golden"), &format!("golden/{id}"))
    }

    /// Of a run in another world. A file has none: there is nobody who could run it.
    pub fn what_if(&self, id: &str) -> Option<String> {
        match &self.delivery {
            Delivery::Server { base } => Some(format!("{base}run/{}/what-if", encode(id))),
            Delivery::File => None,
        }
    }

    /// Of the trace of a run, for the timeline.
    pub fn columns(&self, id: &str) -> String {
        let id = encode(id);
        self.address(&format!("run/{id}/trace.columns"), &format!("columns/{id}"))
    }

    /// Of where news of the results come from.
    pub fn changes(&self) -> Option<String> {
        match (&self.delivery, self.generation) {
            (Delivery::Server { base }, Some(generation)) => {
                Some(format!("{base}changes?since={generation}"))
            }
            _ => None,
        }
    }

    /// The id that the section of an address has in a single file: [`Site::run`] without its `#`.
    pub fn section_id(address: &str) -> &str {
        address.strip_prefix('#').unwrap_or(address)
    }

    fn address(&self, path: &str, section: &str) -> String {
        match &self.delivery {
            Delivery::Server { base } => format!("{base}{path}"),
            Delivery::File => format!("#{section}"),
        }
    }
}

/// A page without its frame.
#[derive(Clone, Debug)]
pub struct Page {
    /// What it is, for the window's title.
    pub title: String,
    /// The way to it from the list of runs, which is the first step and not among these.
    pub trail: Vec<Step>,
    /// What it says, with exactly one `h1`.
    pub body: Markup,
    /// Whether there is a timeline on it.
    pub timeline: bool,
}

/// One step of the way to a page. The last one is the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
}

// The frame.
impl Site {
    /// A whole document around a page of a server. A single file has one frame for all its pages: see
    /// [`crate::file`].
    pub fn document(&self, page: &Page) -> String {
        let asset = |name: &str| self.address(&format!("assets/{name}"), name);
        let head = html! {
            link rel="stylesheet" href=(asset("style.css"));
            @if page.timeline {
                script src=(asset("timeline.js")) defer {}
            }
            script src=(asset("viewer.js")) defer data-wasm=(asset("timeline.wasm")) {}
        };
        self.frame(page, &head, &html! {}).into_string()
    }

    /// The frame with these additions at the end of head and body.
    pub(crate) fn frame(&self, page: &Page, head: &Markup, tail: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    // The address of the server holds a secret.
                    meta name="referrer" content="no-referrer";
                    title { (one_line(&page.title)) " · Loopbox" }
                    link rel="icon" href=(parts::ICON);
                    (head)
                }
                body data-changes=[self.changes()] {
                    // In a file it would lead away from the page that is shown.
                    @if self.delivery != Delivery::File {
                        a.skip href="#content" { "Skip to the content" }
                    }
                    (self.header(&page.trail))
                    main #content tabindex="-1" { (page.body) }
                    (self.footer())
                    (tail)
                }
            }
        }
    }

    fn header(&self, trail: &[Step]) -> Markup {
        html! {
            header.top {
                a.brand href=(self.runs()) { (parts::mark()) span { "Loopbox" } }
                // A file has a trail for each of its pages.
                @if self.delivery != Delivery::File { (self.trail(trail)) }
                // Filled by the script when there are newer results.
                p.news role="status" aria-live="polite" {}
            }
        }
    }

    /// The way from the list of runs to a page.
    pub(crate) fn trail(&self, steps: &[Step]) -> Markup {
        let current = |is_last: bool| is_last.then_some("page");
        html! {
            nav.trail aria-label="Breadcrumb" {
                ol {
                    li { a href=(self.runs()) aria-current=[current(steps.is_empty())] { "Runs" } }
                    @for (index, step) in steps.iter().enumerate() {
                        li {
                            a href=(step.address) aria-current=[current(index + 1 == steps.len())] {
                                bdi { (one_line(&step.name)) }
                            }
                        }
                    }
                }
            }
        }
    }

    fn footer(&self) -> Markup {
        html! {
            footer.bottom {
                p {
                    "All times are virtual: they come out the same on every machine. Results from "
                    bdi { code { (one_line(&self.results)) } } "."
                }
            }
        }
    }
}
