//! Results as a single file that opens from disk, without a server and without scripts.
//!
//! The file is one document: the list of runs, and a section for each sweep and run, of which the style sheet shows
//! the one that the address names. It is written as it comes, so that it need not fit into memory; traces lie
//! inside as compressed columns, for the timeline. Its policy allows nothing but its own style and scripts, by their
//! hashes. The browser reads all pages to show one, so each lists less than a server's would, those of runs that hold
//! least: see [`Limits`](crate::tables::Limits). What was left out is said where it is missing.

use std::collections::BTreeSet;
use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::compare;
use crate::parts::{self, one_line};
use crate::run;
use crate::runs;
use crate::site::{Delivery, KeptRun, KeptTrace, Page, Site, Step};
use crate::source_view;
use crate::sweep;

/// When the pages have become as large as this, the runs that follow get a short one.
const PAGES_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The id of the element that has the timeline's module.
const WASM_ID: &str = "timeline-wasm";

/// Takes the place of the content while the frame is rendered. No text of a result can be this: texts are escaped.
const CONTENT: &str = "<!--content-->";

/// What the pages of a file need to be alive.
#[derive(Clone, Copy, Debug)]
pub struct Assets<'a> {
    /// The script between the page and the timeline.
    pub timeline_js: &'a str,
    /// The script of all pages.
    pub viewer_js: &'a str,
    /// The timeline: base64 of the raw deflated module.
    pub timeline_wasm: &'a str,
}

/// A file that is being written.
#[derive(Debug)]
pub struct File<'a, W> {
    out: W,
    site: Site,
    assets: Assets<'a>,
    /// What comes behind the content.
    tail: String,
    /// The bytes of pages so far.
    pages_bytes: u64,
    /// The ids of the texts that scenarios extend, as far as they are written.
    sources: BTreeSet<String>,
}

impl<'a, W: Write> File<'a, W> {
    /// Begins a file with the list of these runs, and with their sweeps.
    ///
    /// # Errors
    /// It cannot be written there.
    pub fn begin(
        out: W,
        results: &str,
        runs: &[KeptRun],
        assets: Assets<'a>,
    ) -> io::Result<File<'a, W>> {
        let site = Site { delivery: Delivery::File, results: results.into(), generation: None };
        let scripts = [assets.timeline_js, assets.viewer_js].map(script_text);
        let style = crate::STYLE_CSS.replace('\r', "");
        let policy = format!(
            "default-src 'none'; script-src {} {} 'wasm-unsafe-eval'; style-src {}; img-src data:; base-uri 'none'; \
             form-action 'none'",
            hash(&scripts[0]),
            hash(&scripts[1]),
            hash(&style)
        );
        let head = html! {
            meta http-equiv="Content-Security-Policy" content=(policy);
            style { (PreEscaped(style)) }
        };
        let tail = html! {
            script { (PreEscaped(&scripts[0])) }
            script data-wasm={ "#" (WASM_ID) } { (PreEscaped(&scripts[1])) }
        };
        let page = Page {
            title: runs::title(runs),
            trail: Vec::new(),
            body: PreEscaped(CONTENT.into()),
            timeline: true,
        };
        let frame = site.frame(&page, &head, &tail).into_string();
        let (before, after) = frame.split_once(CONTENT).unwrap_or((&frame, ""));
        let tail = after.to_owned();
        let mut file = File { out, site, assets, tail, pages_bytes: 0, sources: BTreeSet::new() };
        file.write(before)?;
        file.section(
            &file.site.runs(),
            &[],
            &runs::body(&file.site, runs, &runs::Query::default()),
        )?;
        for scenario_id in runs::scenarios(runs) {
            let address = file.site.sweep(scenario_id);
            let mut seeds = runs.iter().filter(|run| run.scenario_id() == scenario_id);
            if let (Some(run), None) = (seeds.next(), seeds.next()) {
                file.section(&address, &[], &only_seed(&file.site, run))?;
                continue;
            }
            let query = sweep::Query::default();
            if let Some(body) = sweep::body(&file.site, runs, scenario_id, &query) {
                let trail = [Step { name: scenario_id.into(), address: address.clone() }];
                file.section(&address, &trail, &body)?;
            }
        }
        Ok(file)
    }

    /// How the pages of this file refer to each other.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Whether the next run gets a whole page. If not, its trace is not needed.
    pub fn has_room(&self) -> bool {
        self.pages_bytes < PAGES_BYTES_MAX
    }

    /// Adds the page of a run. `columns` is base64 of the raw deflated columns of its trace; or why they were left out,
    /// as a sentence for people.
    ///
    /// # Errors
    /// It cannot be written there.
    pub fn run(
        &mut self,
        run: &KeptRun,
        trace: &KeptTrace,
        columns: Result<&str, String>,
    ) -> io::Result<()> {
        let trail = run::trail(&self.site, run);
        let address = self.site.run(&run.id);
        if !self.has_room() {
            return self.section(&address, &trail, &left_out(run));
        }
        let query = run::Query { left_out: columns.as_ref().err().cloned(), ..Default::default() };
        self.section(&address, &trail, &run::body(&self.site, run, trace, &query))?;
        if run.record.as_ref().is_ok_and(|record| record.golden.is_some()) {
            let address = self.site.golden(&run.id);
            let mut trail = trail;
            trail.push(Step { name: "golden".into(), address: address.clone() });
            self.section(&address, &trail, &compare::body(&self.site, run, trace))?;
        }
        for source in run.record.iter().flat_map(|record| record.source.files.iter().skip(1)) {
            let id = source_view::shared_id(source);
            if self.sources.insert(id.clone()) {
                self.section(&id, &[], &source_view::shared(source))?;
            }
        }
        if let Ok(columns) = columns {
            let id = self.site.columns(&run.id);
            self.data(Site::section_id(&id), columns)?;
        }
        Ok(())
    }

    /// Ends the file. Gives back where it was written to.
    ///
    /// # Errors
    /// It cannot be written there.
    pub fn finish(mut self) -> io::Result<W> {
        self.data(WASM_ID, self.assets.timeline_wasm)?;
        let tail = std::mem::take(&mut self.tail);
        self.write(&tail)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn section(&mut self, address: &str, trail: &[Step], body: &Markup) -> io::Result<()> {
        let section = html! {
            div.file-page id=(Site::section_id(address)) {
                @if !trail.is_empty() { (self.site.trail(trail)) }
                (body)
            }
        };
        self.pages_bytes += section.0.len() as u64;
        self.write(&section.0)
    }

    /// Data that a script looks for. The browser does nothing with it.
    fn data(&mut self, id: &str, base64: &str) -> io::Result<()> {
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
        if !base64.bytes().all(is_base64) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not base64"));
        }
        let element = html! {
            script type="application/octet-stream" id=(id) { (PreEscaped(base64)) }
        };
        self.write(&element.0)
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }
}

/// The page of all seeds of a scenario that ran with one.
fn only_seed(site: &Site, run: &KeptRun) -> Markup {
    html! {
        h1 { bdi { (run::title(run)) } }
        p { "There is one run of it: " a href=(site.run(&run.id)) { (parts::code(&run.id)) } }
    }
}

/// The page of a run for which there is no room.
fn left_out(run: &KeptRun) -> Markup {
    html! {
        h1 { bdi { (run::title(run)) } }
        @match &run.record {
            Ok(record) => {
                p { (parts::verdict(record)) " with seed " (record.seed) }
                p.note-box role="note" {
                    "More is not told here, for the file would become too large. To see it, run it again and open "
                    code { "loopbox view" } ":"
                }
                (run::command(&record.reproduce))
            },
            Err(reason) => p.note-box role="note" { bdi { (one_line(reason)) } },
        }
    }
}

/// A script as it may stand inside a document: nothing in it ends the element, or begins another one.
fn script_text(script: &str) -> String {
    // Both mean the same to a script: in texts, patterns and comments.
    let script = script.replace('\r', "").replace("<!--", "<\\!--");
    script.replace("</s", "<\\/s").replace("</S", "<\\/S")
}

/// The hash of an inline style or script for the policy.
fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

#[cfg(test)]
mod tests;
