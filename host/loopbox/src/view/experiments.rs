//! What if: from an address to the page that shows what comes of it.
//!
//! The engine runs scenarios; what to run stands in the address. A page, the verdict for it and the columns for its
//! timeline are asked for one by one, and are of one run: it is remembered for as long as nobody asks for the
//! page again, which always runs it anew. If whoever asked goes away, the run is dropped.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::StatusCode;
use loopbox_pages::site::KeptRun;
use loopbox_pages::what_if::{self as page, Experiment, Field, Save, Subject};
use loopbox_trace::Nanos;
use loopbox_trace::record::Record;
use smol::lock::OnceCell;

use super::traces::Opened;
use crate::scenario::WORKERS_MAX;
use crate::what_if::{self, Engine, Golden, ParameterError, Parameters, SaveError, WhatIfError};

/// So many runs are remembered.
const RUNS_MAX: usize = 8;

/// The field of the form that has the new scenario's name.
const NAME: &str = "name";

/// What can be tried, and what was lately.
pub struct Experiments {
    engine: Engine,
    /// The latest last.
    recent: Mutex<Vec<(Key, Entry)>>,
}

/// A run of these results with these parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    id: String,
    generation: u64,
    query: String,
}

/// Run once, by whoever comes first; if that one goes away, by the next.
type Entry = Arc<OnceCell<Arc<Tried>>>;

/// What came of a wish.
pub type Outcome = Result<Arc<Tried>, WhatIfError>;

/// A run that was tried.
#[derive(Debug)]
pub struct Tried {
    record: Record,
    notes: Vec<String>,
    /// Its trace.
    pub opened: Opened,
}

/// What somebody asks for: a kept run, and the fields of the form.
#[derive(Debug)]
pub struct Wish {
    /// The run.
    pub run: KeptRun,
    /// The generation of the results that it is from.
    pub generation: u64,
    fields: Vec<(String, String)>,
}

impl Wish {
    /// What an address or a form asks for.
    pub fn new(run: KeptRun, generation: u64, form: &[u8]) -> Wish {
        let fields = form_urlencoded::parse(form).into_owned().collect();
        Wish { run, generation, fields }
    }

    fn parameters(&self) -> Result<Parameters, Vec<ParameterError>> {
        Parameters::from_fields(self.fields.iter().filter(|(field, _)| field != NAME).cloned())
    }

    /// Whether nothing is to be otherwise.
    pub fn is_empty(&self) -> bool {
        self.fields.iter().all(|(field, value)| field == NAME || value.is_empty())
    }

    /// The value of a field as it was typed; empty if there is none.
    fn typed(&self, name: &str) -> String {
        let field = self.fields.iter().find(|(field, _)| field == name);
        field.map(|(_, value)| value.clone()).unwrap_or_default()
    }
}

impl Experiments {
    /// Nothing was tried yet.
    pub fn new(engine: Engine) -> Experiments {
        Experiments { engine, recent: Mutex::default() }
    }

    /// Tries what somebody wishes. `anew` runs it also if it was tried before.
    ///
    /// # Errors
    /// Nothing comes of it.
    pub async fn try_it(&self, wish: &Wish, anew: bool) -> Outcome {
        let Ok(record) = &wish.run.record else { return Err(WhatIfError::OldResult) };
        let parameters = wish.parameters().map_err(WhatIfError::Parameters)?;
        let entry = self.entry(wish, parameters.to_query(), anew);
        let run = async {
            let outcome = self.engine.run(record, &parameters).await?;
            let notes = notes(&outcome);
            let opened = Opened::new(Ok(outcome.trace));
            Ok(Arc::new(Tried { record: outcome.record, notes, opened }))
        };
        entry.get_or_try_init(|| run).await.cloned()
    }

    /// The experiment for the page, and the status of that. `tried` is what came of it, if it was tried.
    pub fn experiment(
        &self,
        wish: &Wish,
        tried: Option<&Outcome>,
        saved: Option<&Result<String, SaveError>>,
    ) -> (StatusCode, Experiment) {
        let Ok(record) = &wish.run.record else {
            let nothing = Experiment {
                fields: Vec::new(),
                query: String::new(),
                outcome: None,
                save: Save::default(),
            };
            return (StatusCode::UNPROCESSABLE_ENTITY, nothing);
        };
        let mut errors = BTreeMap::new();
        if let Some(Err(WhatIfError::Parameters(found))) = tried {
            errors.extend(found.iter().map(|error| (error.field.clone(), error.message.clone())));
        }
        let fields: Vec<Field> = fields(record)
            .into_iter()
            .map(|(name, subject, kept)| Field {
                asked: wish.typed(&name),
                error: errors.remove(&name),
                subject,
                name,
                kept,
            })
            .collect();
        let of_no_field: Vec<String> =
            errors.iter().map(|(field, message)| format!("`{field}`: {message}")).collect();
        let outcome = match tried {
            None => None,
            Some(Ok(tried)) => Some(Ok(tried.outcome())),
            // Said beside the fields, unless there is none.
            Some(Err(WhatIfError::Parameters(_))) if of_no_field.is_empty() => None,
            Some(Err(WhatIfError::Parameters(_))) => Some(Err(of_no_field.join("; "))),
            Some(Err(error)) => Some(Err(error.to_string())),
        };
        let status = match (saved, tried) {
            (Some(Err(error)), _) => status_of_save(error),
            (_, Some(Err(error))) => status_of(error),
            _ => StatusCode::OK,
        };
        let query = wish.parameters().map(|parameters| parameters.to_query()).unwrap_or_default();
        let save = save_form(record, wish, saved);
        (status, Experiment { fields, query, outcome, save })
    }

    fn entry(&self, wish: &Wish, query: String, anew: bool) -> Entry {
        let key = Key { id: wish.run.id.clone(), generation: wish.generation, query };
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let place = recent.iter().position(|(known, _)| *known == key);
        let known = place.map(|place| recent.remove(place).1).filter(|_| !anew);
        let entry = known.unwrap_or_default();
        recent.push((key, Arc::clone(&entry)));
        let forgotten = recent.len().saturating_sub(RUNS_MAX);
        recent.drain(..forgotten);
        entry
    }
}

impl Tried {
    fn outcome(&self) -> page::Outcome {
        page::Outcome { record: self.record.clone(), notes: self.notes.clone() }
    }
}

/// What the form asks for, with the value in the kept run: name, subject, value.
fn fields(record: &Record) -> Vec<(String, Subject, String)> {
    let world = &record.world;
    let plain = [
        ("seed".to_owned(), Subject::Seed, record.seed.to_string()),
        ("workers".to_owned(), Subject::Workers { max: WORKERS_MAX }, world.workers.to_string()),
    ];
    let signals = world.signals.iter().enumerate().map(|(index, sent)| {
        let subject = Subject::Signal { signal: sent.signal.to_string() };
        (format!("signal.{index}"), subject, sent.at.exact())
    });
    let blocking = world.blocking.iter().enumerate().map(|(index, rule)| {
        let subject = Subject::Blocking { call: rule.call.clone() };
        (format!("blocking.{index}"), subject, span(rule.takes))
    });
    plain.into_iter().chain(signals).chain(blocking).collect()
}

fn span((min, max): (Nanos, Nanos)) -> String {
    match min == max {
        true => min.exact(),
        false => format!("{} to {}", min.exact(), max.exact()),
    }
}

/// The form to save, with what was typed into it or a proposal.
fn save_form(record: &Record, wish: &Wish, saved: Option<&Result<String, SaveError>>) -> Save {
    let scenario = Path::new(&record.scenario);
    let part =
        |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let folder = part(scenario.parent().map(Path::as_os_str));
    let typed = wish.typed(NAME);
    Save {
        folder: if folder.is_empty() { ".".into() } else { folder },
        name: match typed.is_empty() {
            true => format!("{}-what-if", part(scenario.file_stem())),
            false => typed,
        },
        error: saved
            .and_then(|saved| saved.as_ref().err())
            .map(|error| format!("Not saved: {error}.")),
        saved: saved.and_then(|saved| saved.as_ref().ok()).cloned(),
    }
}

/// Writes a scenario that gives what was tried. Gives its file, as the command line leads to it. Blocks.
///
/// # Errors
/// There is no scenario to be made of it, or it cannot be written.
pub fn save(wish: &Wish) -> Result<String, SaveError> {
    let Ok(record) = &wish.run.record else { return Err(WhatIfError::OldResult.into()) };
    let parameters = wish.parameters().map_err(WhatIfError::Parameters)?;
    let path = what_if::save(record, &parameters, &wish.typed(NAME))?;
    Ok(path.to_string_lossy().into_owned())
}

/// The status of a page that says this.
pub fn status_of(error: &WhatIfError) -> StatusCode {
    match error {
        WhatIfError::Parameters(_) => StatusCode::UNPROCESSABLE_ENTITY,
        WhatIfError::OldResult
        | WhatIfError::Moved(_)
        | WhatIfError::Changed { .. }
        | WhatIfError::Scenario(_) => StatusCode::CONFLICT,
        WhatIfError::NotBuilt(_) | WhatIfError::CouldNotRun(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn status_of_save(error: &SaveError) -> StatusCode {
    match error {
        SaveError::WhatIf(error) => status_of(error),
        SaveError::Exists(_) => StatusCode::CONFLICT,
        SaveError::Unwritable(_) => StatusCode::INTERNAL_SERVER_ERROR,
        SaveError::Name(_) | SaveError::NothingChanged | SaveError::NoScenario(_) => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
    }
}

/// What there is to know about a run that was tried, besides its verdict.
fn notes(outcome: &what_if::Outcome) -> Vec<String> {
    let golden = match outcome.golden {
        Golden::None | Golden::Compared => None,
        Golden::OtherSeed(seed) => {
            Some(format!("The golden was not compared: it belongs to seed {seed}."))
        }
        Golden::OtherWorld => Some(
            "The golden was not compared: it belongs to the world as the scenario has it.".into(),
        ),
    };
    let guest = outcome.guest_changed.then(|| {
        "The guest is not the one of the kept run: it was built anew, and that may be why something is otherwise."
            .to_owned()
    });
    golden.into_iter().chain(guest).collect()
}
