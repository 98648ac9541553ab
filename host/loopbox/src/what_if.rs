//! What if: a kept run again, with another moment of a signal, another length of a blocking call, other
//! workers or another seed.
//!
//! A what-if is a function of the scenario, the guest and the [`Parameters`]: it keeps nothing, and asked twice
//! it gives the same twice. With nothing changed it gives the kept run, byte for byte. To keep one,
//! [`save()`] makes a scenario of it, whose run is the what-if.
//!
//! The scenario is read anew each time, and must be what it was when the run was kept: else the old run and
//! the new one would differ in what nobody asked for. Guests are built once and stay loaded; the engine builds
//! them anew when a result shows that there is a newer one, or when told to.
//!
//! - `parameters`: what can be asked for, and its form in an address.
//! - `save`: a scenario file made of it.

mod parameters;
mod save;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use loopbox_trace::Trace;
use loopbox_trace::record::{Record, SourceFile};
use smol::lock::Semaphore;

use crate::cache::Cache;
use crate::execution::{self, Finished, RunError};
use crate::guests::{self, BuildError, Built};
use crate::judge::{self, GoldenNote};
use crate::programs::{Programs, Ready};
use crate::scenario::{Scenario, ScenarioError};

pub use parameters::{ParameterError, Parameters};
pub use save::{SaveError, save};

/// Runs scenarios as somebody wants them to be.
///
/// It belongs to one working folder: results name scenarios by the paths that led to them from there.
pub struct Engine {
    cache: Cache,
    runs_at_once: u16,
    /// Room for another run; who finds none waits.
    room: Semaphore,
    house: Mutex<Arc<House>>,
    /// The guests of results that were not the guests here, and for which everything was built anew already.
    rebuilt_for: Mutex<BTreeSet<String>>,
}

/// Guests that were built and loaded, as they were at one time.
struct House {
    programs: Arc<Programs>,
    /// The folder of all caches.
    caches: Option<PathBuf>,
    /// Those that did build. What did not is tried again.
    built: Mutex<Built>,
    /// One build at a time: cargo would let the second one wait, too.
    building: smol::lock::Mutex<()>,
}

/// What came of a what-if.
#[derive(Debug)]
pub struct Outcome {
    /// The verdict and the rest, as it would be kept. No command gives this run again if the world is another
    /// one, so `reproduce` is empty then.
    pub record: Record,
    /// What happened.
    pub trace: Trace,
    /// What is really otherwise than in the kept run.
    pub changes: Parameters,
    /// Whether the scenario's golden was compared.
    pub golden: Golden,
    /// Whether the guest is another one than that of the kept run, which explains other differences.
    pub guest_changed: bool,
    /// What it took, in the host's time: for logs only, because it differs from one time to the next.
    pub took: Duration,
}

/// Whether the golden had a say in the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Golden {
    /// The scenario has none.
    None,
    /// It was compared.
    Compared,
    /// It was left out: it belongs to this seed.
    OtherSeed(u64),
    /// It was left out: it belongs to the world as the scenario has it.
    OtherWorld,
}

/// Why nothing came of a what-if.
#[derive(Debug, thiserror::Error)]
pub enum WhatIfError {
    /// Fields that make no sense for this scenario; at least one.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Parameters(Vec<ParameterError>),
    /// The result does not have the scenario's text.
    #[error(
        "this result was kept by an older loopbox, without its scenario: run the scenario again first"
    )]
    OldResult,
    /// There is no such file.
    #[error(
        "the scenario `{}` is not where it was: it was moved, or this was started in another folder than \
         the run",
        .0.display()
    )]
    Moved(PathBuf),
    /// It says something else now.
    #[error(
        "the scenario is not what it was when this run was kept: line {line} of `{file}` differs; run it \
         again first"
    )]
    Changed {
        /// The scenario's file, or one that it extends.
        file: String,
        /// The first line that differs, counted from 1.
        line: usize,
    },
    /// It, or a file that it names, is wrong now.
    #[error("the scenario cannot be read any more: {}: {}", place(.0), .0.message())]
    Scenario(ScenarioError),
    /// Its guest did not build.
    #[error("the guest did not build: {0}")]
    NotBuilt(String),
    /// Something that the run needs is missing or does not work.
    #[error("it could not run: {0}")]
    CouldNotRun(String),
}

impl From<RunError> for WhatIfError {
    fn from(error: RunError) -> WhatIfError {
        match error {
            RunError::Guest(BuildError::NotBuilt(reason)) => WhatIfError::NotBuilt(reason),
            error => WhatIfError::CouldNotRun(error.to_string()),
        }
    }
}

/// A file and a line, as compilers name them.
fn place(error: &ScenarioError) -> String {
    let file = error.file().display();
    error.line().map_or_else(|| file.to_string(), |line| format!("{file}:{line}"))
}

/// A scenario as somebody wants it to be.
struct Variant {
    scenario: Scenario,
    seed: u64,
    changes: Parameters,
    golden: Golden,
}

impl Engine {
    /// An engine that has built nothing yet, and lets so many runs be under way at once.
    pub fn new(cache: Cache, runs_at_once: u16) -> Engine {
        let house = Mutex::new(House::new(&cache, runs_at_once));
        let room = Semaphore::new(runs_at_once.max(1).into());
        Engine { cache, runs_at_once, room, house, rebuilt_for: Mutex::default() }
    }

    /// Runs the scenario of a kept run again, with these parameters.
    ///
    /// The future computes for long stretches, and gives way every few milliseconds. Dropping it abandons the
    /// run.
    ///
    /// # Errors
    /// The parameters make no sense for the scenario, it cannot be read or is not what it was, or its guest
    /// cannot be had.
    pub async fn run(
        &self,
        record: &Record,
        parameters: &Parameters,
    ) -> Result<Outcome, WhatIfError> {
        let work = self.run_it(record, parameters);
        execution::caught(work).await.unwrap_or_else(|bug| Err(WhatIfError::CouldNotRun(bug)))
    }

    /// Forgets every guest, so that each is built and loaded anew when it is needed.
    pub fn rebuild(&self) {
        *lock(&self.house) = House::new(&self.cache, self.runs_at_once);
    }

    async fn run_it(
        &self,
        record: &Record,
        parameters: &Parameters,
    ) -> Result<Outcome, WhatIfError> {
        let _room = self.room.acquire().await;
        let begin = Instant::now();
        let (kept, parameters) = (Kept::of(record), parameters.clone());
        let variant = smol::unblock(move || kept.variant(&parameters)).await?;
        let Variant { scenario, seed, changes, golden } = variant;
        let ready = self.ready(&scenario, &record.guest_sha256).await?;
        let run = ready.sandbox.run(&ready.program, &scenario.config, seed).await;
        let component = ready.sha256;
        let finish = move || execution::finish(&scenario, component, run, false);
        let Finished { record: mut new, trace, golden: note } =
            smol::unblock(finish).await.map_err(RunError::from)?;
        if !changes.leave_the_world() {
            new.reproduce.clear();
        }
        let golden = match note {
            GoldenNote::OtherSeed(seed) => Golden::OtherSeed(seed),
            _ => golden,
        };
        let guest_changed = new.guest_sha256 != record.guest_sha256;
        Ok(Outcome { record: new, trace, changes, golden, guest_changed, took: begin.elapsed() })
    }

    /// The scenario's guest: that of the result, if it can be had.
    async fn ready(&self, scenario: &Scenario, sha256: &str) -> Result<Ready, RunError> {
        let house = Arc::clone(&lock(&self.house));
        let ready = house.ready(scenario).await?;
        if ready.sha256.to_string() == sha256 || !lock(&self.rebuilt_for).insert(sha256.into()) {
            return Ok(ready);
        }
        // Somebody changed the guest and ran the scenario: the guest here may be the old one.
        self.rebuild();
        let house = Arc::clone(&lock(&self.house));
        house.ready(scenario).await
    }
}

impl House {
    fn new(cache: &Cache, runs_at_once: u16) -> Arc<House> {
        Arc::new(House {
            programs: Programs::new(cache.clone(), runs_at_once.into()),
            caches: cache.root().map(Path::to_owned),
            built: Mutex::default(),
            building: smol::lock::Mutex::new(()),
        })
    }

    async fn ready(&self, scenario: &Scenario) -> Result<Ready, RunError> {
        let built = match self.known(scenario) {
            Some(built) => built,
            None => {
                let _building = self.building.lock().await;
                match self.known(scenario) {
                    Some(built) => built,
                    None => self.build(scenario).await,
                }
            }
        };
        execution::prepare(&self.programs, scenario, &built).await
    }

    /// The scenario's guests, if all of them were built before.
    fn known(&self, scenario: &Scenario) -> Option<Built> {
        let known = lock(&self.built);
        let guests = execution::to_build(scenario).into_iter();
        guests.map(|guest| known.get(&guest).cloned().map(|built| (guest, built))).collect()
    }

    async fn build(&self, scenario: &Scenario) -> Built {
        let wanted = execution::to_build(scenario).into_iter().collect();
        let built = guests::build(&wanted, self.caches.as_deref()).await;
        let good = built.iter().filter(|(_, built)| built.is_ok());
        lock(&self.built).extend(good.map(|(guest, built)| (guest.clone(), built.clone())));
        built
    }
}

/// What a what-if needs of a kept run.
struct Kept {
    scenario: PathBuf,
    /// The scenario's name, which tells the guest if it has several.
    name: String,
    files: Vec<SourceFile>,
    seed: u64,
}

impl Kept {
    fn of(record: &Record) -> Kept {
        Kept {
            scenario: PathBuf::from(&record.scenario),
            name: record.name.clone(),
            files: record.source.files.clone(),
            seed: record.seed,
        }
    }

    /// The scenario as it is on disk, if that is what it was. Blocks.
    fn load(&self) -> Result<Scenario, WhatIfError> {
        if self.files.is_empty() {
            return Err(WhatIfError::OldResult);
        }
        let path: &Path = &self.scenario;
        if !path.exists() {
            return Err(WhatIfError::Moved(path.to_owned()));
        }
        let mut scenarios = Scenario::load(path).map_err(WhatIfError::Scenario)?;
        if let Some((file, line)) = first_difference(&self.files, &scenarios[0].source.files) {
            return Err(WhatIfError::Changed { file, line });
        }
        // A file that is the same has the same guests; a result may have been carried here from elsewhere, though.
        let place = scenarios.iter().position(|scenario| scenario.name == self.name);
        Ok(scenarios.swap_remove(place.unwrap_or(0)))
    }

    /// The scenario as somebody wants it to be. Blocks.
    fn variant(&self, parameters: &Parameters) -> Result<Variant, WhatIfError> {
        let mut scenario = self.load()?;
        let changes = parameters.changes(&scenario, self.seed).map_err(WhatIfError::Parameters)?;
        let mut golden = scenario.golden.as_ref().map_or(Golden::None, |_| Golden::Compared);
        if !changes.leave_the_world() {
            scenario.config = Arc::new(changes.apply(&scenario.config));
            scenario.expect = judge::without_golden(&scenario.expect);
            if scenario.golden.take().is_some() {
                golden = Golden::OtherWorld;
            }
        }
        Ok(Variant { scenario, seed: changes.seed.unwrap_or(self.seed), changes, golden })
    }
}

/// The first file and line in which two scenarios differ.
fn first_difference(old: &[SourceFile], new: &[SourceFile]) -> Option<(String, usize)> {
    let differ = old.iter().zip(new).find(|(old, new)| old.text != new.text);
    if let Some((old, new)) = differ {
        let same = old.text.lines().zip(new.text.lines()).take_while(|(old, new)| old == new);
        return Some((new.path.clone(), same.count() + 1));
    }
    // `extends` stands in a file that is compared before, so this is a change of its target's name only.
    (old.len() != new.len()).then(|| (new[0].path.clone(), 1))
}

/// Whoever panicked with the lock left nothing half done: what is behind it is replaced or added to.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
