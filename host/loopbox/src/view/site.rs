//! The site: from a request to an answer, without a socket.
//!
//! Files are read and pages are rendered on threads of `blocking`; scenarios run where they are asked for. What is wrong with a result is said on its page; nothing that is in one ends the server.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::body::Bytes;
use hyper::header::IF_NONE_MATCH;
use hyper::http::request::Parts;
use hyper::{HeaderMap, StatusCode};
use loopbox_pages as pages;
use loopbox_pages::site::{Delivery, KeptRun, KeptTrace};

use super::address::{Page, WhatIf};
use super::answer::Answer;
use super::assets::Assets;
use super::changes::Changes;
use super::experiments::{self, Experiments, Wish};
use super::gate::{Asked, Gate, Refusal};
use super::traces::Traces;
use crate::results::Index;
use crate::terminal;
use crate::what_if::{Engine, SaveError};

const NO_SUCH_RUN: &str = "There is no such run, or not any more.";

/// What is shown, to whom.
pub struct Site {
    gate: Gate,
    /// The folder of the results, for people.
    results: String,
    assets: Assets,
    index: Mutex<Index>,
    traces: Traces,
    experiments: Experiments,
    /// Who listens for news.
    pub changes: Changes,
}

impl Site {
    /// The site of these results, behind this door, with this engine to try other worlds.
    pub fn new(gate: Gate, index: Index, engine: Engine) -> Site {
        Site {
            gate,
            results: index.root().to_string_lossy().into_owned(),
            assets: Assets::embedded(),
            index: Mutex::new(index),
            traces: Traces::default(),
            experiments: Experiments::new(engine),
            changes: Changes::default(),
        }
    }

    /// The path of the first page, for everybody whom it is told.
    pub fn base(&self) -> String {
        self.gate.base()
    }

    /// Reads the results; says how many runs there are. Blocks.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn begin(&self) -> io::Result<usize> {
        let mut index = self.index();
        index.refresh()?;
        Ok(index.runs().len())
    }

    /// What a request asks for, if it is let in. Does not block.
    ///
    /// # Errors
    /// It is not, and is answered with this.
    pub fn admit(&self, request: &Parts) -> Result<Asked, Box<Answer>> {
        self.gate.check(request).map_err(|refusal| Box::new(self.refuse(&refusal)))
    }

    /// What is answered to somebody who is not let in.
    pub fn refuse(&self, refusal: &Refusal) -> Answer {
        let answer = match refusal.trusted {
            true => self.problem(refusal.status, refusal.reason),
            // A page would need the style sheet, and that has an address with the token.
            false => Answer::text(refusal.status, refusal.reason),
        };
        match refusal.allowed {
            Some(methods) => answer.allowing(methods),
            None => answer,
        }
    }

    /// What is answered to somebody who was let in. If nobody waits for it any more, it is dropped.
    pub async fn answer(self: &Arc<Self>, asked: Asked, headers: HeaderMap, form: Bytes) -> Answer {
        if let Page::WhatIf(id, what) = asked.page {
            let form = if what == WhatIf::Save { form } else { asked.query.into() };
            return self.what_if(id, what, form).await;
        }
        let site = Arc::clone(self);
        smol::unblock(move || site.answer_from_files(&asked, &headers)).await
    }

    /// What is answered with nothing but files. Blocks.
    fn answer_from_files(&self, asked: &Asked, headers: &HeaderMap) -> Answer {
        match &asked.page {
            Page::Entrance => Answer::see(&self.gate.base()),
            Page::Runs => self.runs(&asked.query),
            Page::Sweep(scenario_id) => self.sweep(scenario_id, &asked.query),
            Page::Run(id) => self.run(id, &asked.query),
            Page::Golden(id) => self.golden(id),
            Page::Columns(id) => self.columns(id),
            Page::Asset(name) => self.asset(name, headers),
            Page::Changes => self.news(asked, headers),
            Page::WhatIf(..) => self.problem(StatusCode::NOT_FOUND, NO_SUCH_RUN),
        }
    }

    /// The generation of the results as they are now. Blocks.
    pub fn look(&self) -> u64 {
        self.index_of_now().generation()
    }

    /// The index as it was when somebody looked last.
    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The index as it is now. If the folder cannot be read, what was there before is better than nothing.
    fn index_of_now(&self) -> MutexGuard<'_, Index> {
        let mut index = self.index();
        if let Err(error) = index.refresh() {
            terminal::note(&format!("cannot read `{}`: {error}", index.root().display()));
        }
        index
    }

    /// What pages know about the site that shows this generation of the results.
    fn frame(&self, generation: u64) -> pages::site::Site {
        pages::site::Site {
            delivery: Delivery::Server { base: self.gate.base() },
            results: self.results.clone(),
            generation: Some(generation),
        }
    }
}

// Pages.
impl Site {
    fn runs(&self, query: &str) -> Answer {
        let index = self.index_of_now();
        let frame = self.frame(index.generation());
        let query = pages::runs::Query::parse(query);
        Answer::page(StatusCode::OK, pages::runs::page(&frame, index.runs(), &query))
    }

    fn sweep(&self, scenario_id: &str, query: &str) -> Answer {
        let index = self.index_of_now();
        let frame = self.frame(index.generation());
        let query = pages::sweep::Query::parse(query);
        match pages::sweep::page(&frame, index.runs(), scenario_id, &query) {
            Some(page) => Answer::page(StatusCode::OK, page),
            None => self.problem(StatusCode::NOT_FOUND, "There is no run of such a scenario."),
        }
    }

    fn run(&self, id: &str, query: &str) -> Answer {
        let query = pages::run::Query::read(query);
        self.about(id, |frame, run, trace| pages::run::page(frame, run, trace, &query))
    }

    fn golden(&self, id: &str) -> Answer {
        self.about(id, pages::compare::page)
    }

    /// A page about a run and its trace.
    fn about(
        &self,
        id: &str,
        page: impl FnOnce(&pages::site::Site, &KeptRun, &KeptTrace) -> String,
    ) -> Answer {
        let (frame, run, path) = {
            let index = self.index_of_now();
            let frame = self.frame(index.generation());
            match (index.run(id), index.trace_path(id)) {
                (Some(run), Some(path)) => (frame, run.clone(), path),
                _ => return self.problem(StatusCode::NOT_FOUND, NO_SUCH_RUN),
            }
        };
        // Without the index's lock: a large trace takes a while.
        let page = match path {
            Ok(path) => page(&frame, &run, &self.traces.open(&path).trace),
            Err(reason) => page(&frame, &run, &Err(reason)),
        };
        Answer::page(StatusCode::OK, page)
    }

    /// A page that says what is wrong.
    pub fn problem(&self, status: StatusCode, reason: &str) -> Answer {
        // Without the index's lock, which may be what is wrong; so it does not listen for news.
        let frame = pages::site::Site { generation: None, ..self.frame(0) };
        Answer::page(status, pages::problem::page(&frame, status.as_u16(), reason))
    }
}

// What if.
impl Site {
    async fn what_if(self: &Arc<Self>, id: String, what: WhatIf, form: Bytes) -> Answer {
        let site = Arc::clone(self);
        let kept = smol::unblock(move || {
            let index = site.index_of_now();
            index.run(&id).map(|run| Wish::new(run.clone(), index.generation(), &form))
        });
        let Some(wish) = kept.await else {
            return self.problem(StatusCode::NOT_FOUND, NO_SUCH_RUN);
        };
        let tried = match wish.is_empty() && what != WhatIf::Columns {
            true => None,
            false => Some(self.experiments.try_it(&wish, what == WhatIf::Page).await),
        };
        let site = Arc::clone(self);
        smol::unblock(move || match what {
            WhatIf::Page => site.what_if_page(&wish, tried.as_ref(), None),
            WhatIf::Save => {
                let saved = experiments::save(&wish);
                site.what_if_page(&wish, tried.as_ref(), Some(&saved))
            }
            WhatIf::Fragment => {
                let (status, experiment) = site.experiments.experiment(&wish, tried.as_ref(), None);
                Answer::page(status, pages::what_if::fragment(&wish.run, &experiment))
            }
            WhatIf::Columns => match tried {
                Some(Ok(tried)) => match tried.opened.columns() {
                    Ok(columns) => Answer::bytes(columns),
                    Err(reason) => Answer::text(StatusCode::UNPROCESSABLE_ENTITY, &reason),
                },
                Some(Err(error)) => {
                    Answer::text(experiments::status_of(&error), &error.to_string())
                }
                None => Answer::text(StatusCode::NOT_FOUND, NO_SUCH_RUN),
            },
        })
        .await
    }

    fn what_if_page(
        &self,
        wish: &Wish,
        tried: Option<&experiments::Outcome>,
        saved: Option<&Result<String, SaveError>>,
    ) -> Answer {
        let frame = self.frame(wish.generation);
        let (status, experiment) = self.experiments.experiment(wish, tried, saved);
        let path = self.index().trace_path(&wish.run.id);
        let page = match path.unwrap_or_else(|| Err(NO_SUCH_RUN.into())) {
            Ok(path) => {
                let opened = self.traces.open(&path);
                pages::what_if::page(&frame, &wish.run, &opened.trace, &experiment)
            }
            Err(reason) => pages::what_if::page(&frame, &wish.run, &Err(reason), &experiment),
        };
        Answer::page(status, page)
    }
}

// What is not for people.
impl Site {
    fn columns(&self, id: &str) -> Answer {
        let Some(path) = self.index().trace_path(id) else {
            return Answer::text(StatusCode::NOT_FOUND, NO_SUCH_RUN);
        };
        match path.and_then(|path| self.traces.open(&path).columns()) {
            Ok(columns) => Answer::bytes(columns),
            Err(reason) => Answer::text(StatusCode::UNPROCESSABLE_ENTITY, &reason),
        }
    }

    fn asset(&self, name: &str, headers: &HeaderMap) -> Answer {
        let known = headers.get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
        match self.assets.get(name) {
            Some(asset) => Answer::asset(asset, known.unwrap_or_default()),
            None => Answer::text(StatusCode::NOT_FOUND, "There is no such file."),
        }
    }

    /// News since the generation that the page shows (`?since=`), or that it heard of last.
    fn news(&self, asked: &Asked, headers: &HeaderMap) -> Answer {
        let heard = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
        let shown = || {
            let mut parameters = form_urlencoded::parse(asked.query.as_bytes());
            parameters.find(|(key, _)| key == "since").and_then(|(_, value)| value.parse().ok())
        };
        let known = heard.or_else(shown).unwrap_or_else(|| self.look());
        match self.changes.listen(known) {
            Some(listener) => Answer::news(listener),
            None => Answer::text(StatusCode::SERVICE_UNAVAILABLE, "Too many pages listen."),
        }
    }
}
