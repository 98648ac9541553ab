//! A session: a selection of scenarios, from their files to their reports.
//!
//! Scenarios are independent, and so are the runs of one scenario with several seeds: whatever happens to
//! one, the others run. They run in any order on as many threads as there are jobs, and are reported in the
//! order of the scenarios' paths, then of the seeds. Of a run that was reported nothing is left here, so a
//! session needs no more memory for more seeds.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use loopbox_machine::Run;
use smol::channel::{self, Receiver, Sender};
use smol::lock::Semaphore;
use smol::{Executor, Task};

use crate::execution::{self, Finished, RunError};
use crate::guests::{self, BuildError, Buildable, Built};
use crate::judge::BlessError;
use crate::programs::{ProgramError, Programs};
use crate::report::sweep::Sweep;
use crate::report::{About, Judged, Outcome, Report, Shown, Tally};
use crate::results::Results;
use crate::runner::Stop;
use crate::scenario::{Found, Scenario, ScenarioError};
use crate::seeds::{SeedRange, Seeds};
use crate::sha256::Sha256;

/// So many runs are begun, or wait to be reported behind a longer one. More would only take memory.
const AHEAD_MAX: usize = 256;

/// A scenario's file and what is in it; of a file with several guests, what is in it for one of them.
pub struct Loaded {
    /// The file.
    pub path: PathBuf,
    /// What it says, or what is wrong with it.
    pub scenario: Result<Arc<Scenario>, ScenarioError>,
}

/// Reads scenario files. The guests of one file follow one another. Blocks.
pub fn load(found: Vec<Found>) -> Vec<Loaded> {
    let load = |found: Found| match found.map(|path| (Scenario::load(&path), path)) {
        Ok((Ok(scenarios), _)) => scenarios.into_iter().map(Loaded::from).collect(),
        Ok((Err(error), path)) => vec![Loaded { path, scenario: Err(error) }],
        Err(error) => vec![Loaded { path: error.file().to_owned(), scenario: Err(error) }],
    };
    found.into_iter().flat_map(load).collect()
}

/// Builds the guests that these scenarios need; `caches` is the folder of all caches. Asked to stop, it builds
/// nothing.
pub async fn build(scenarios: &[Loaded], caches: Option<&Path>, stop: &Stop) -> Built {
    let wanted = scenarios.iter().flat_map(Loaded::to_build).collect();
    // Without the guests nothing can run, and nothing will: the runs are asked to stop too.
    stop.or(guests::build(&wanted, caches)).await.unwrap_or_default()
}

/// What all runs of a session have in common.
pub struct Session {
    /// What scenarios are run with.
    pub seeds: Seeds,
    /// Whether goldens are written anew.
    pub bless: bool,
    /// How many runs are under way at once.
    pub jobs: usize,
    /// The programs.
    pub programs: Arc<Programs>,
    /// Where results are kept.
    pub results: Results,
}

impl From<RunError> for Outcome {
    fn from(error: RunError) -> Outcome {
        match error {
            RunError::Guest(BuildError::NotBuilt(reason)) => Outcome::NotBuilt(reason),
            RunError::Program(error) if matches!(*error, ProgramError::Rejected { .. }) => {
                Outcome::NotBuilt(error.to_string())
            }
            _ => Outcome::CouldNotRun(error.to_string()),
        }
    }
}

/// How runs are begun.
struct Starter<'s> {
    session: &'s Arc<Session>,
    built: Arc<Built>,
    executor: &'s Executor<'static>,
    stop: &'s Stop,
    /// Room for another run.
    free: Arc<Semaphore>,
}

impl Session {
    /// Runs scenarios, and hands out a report of each run, in order.
    ///
    /// When the session is asked to stop, runs under way are dropped; those that have finished are kept and
    /// reported, and the others are reported as interrupted.
    pub async fn run(
        self: &Arc<Self>,
        scenarios: Vec<Loaded>,
        built: Built,
        executor: &Executor<'static>,
        stop: &Stop,
        mut show: impl AsyncFnMut(Shown),
    ) -> Tally {
        let free = Arc::new(Semaphore::new(self.jobs));
        let starter = Starter { session: self, built: Arc::new(built), executor, stop, free };
        let mut tally = Tally::default();
        if let Seeds::Sweep(range) = self.seeds {
            for loaded in scenarios {
                starter.sweep(loaded, range, &mut tally, &mut show).await;
            }
            return tally;
        }
        let mut roles = Roles { bless: self.bless, first: None };
        let start = |Loaded { path, scenario }| match scenario {
            Ok(scenario) => {
                let seed = *self.seeds.of(scenario.seed).start();
                let role = roles.of(&scenario);
                (path, Some(about(&scenario, seed)), Ok(starter.start(scenario, seed, role)))
            }
            Err(error) => (path, None, Err(error)),
        };
        let started: Vec<_> = scenarios.into_iter().map(start).collect();
        for (path, about, run) in started {
            let outcome = match run {
                Ok(task) => task.await,
                Err(error) => Outcome::BadScenario(error),
            };
            let report = Report { path, about, outcome };
            tally.add(&report);
            show(Shown::Scenario(report)).await;
        }
        tally
    }

    /// What comes out of one run, whatever happens.
    async fn outcome(
        self: &Arc<Self>,
        scenario: &Arc<Scenario>,
        seed: u64,
        bless: bool,
        built: &Built,
        stop: &Stop,
    ) -> Outcome {
        // A panic in here is a bug of ours, and no reason to lose the other runs.
        match execution::caught(self.judged(scenario, seed, bless, built, stop)).await {
            Ok(Ok(Some(judged))) => Outcome::Judged(Box::new(judged)),
            Ok(Ok(None)) => Outcome::Interrupted,
            Ok(Err(error)) => error.into(),
            Err(bug) => Outcome::CouldNotRun(bug),
        }
    }

    /// Runs and judges a scenario; `None` if the session is to end before the run has.
    async fn judged(
        self: &Arc<Self>,
        scenario: &Arc<Scenario>,
        seed: u64,
        bless: bool,
        built: &Built,
        stop: &Stop,
    ) -> Result<Option<Judged>, RunError> {
        let run = async {
            let ready = execution::prepare(&self.programs, scenario, built).await?;
            let run = ready.sandbox.run(&ready.program, &scenario.config, seed).await;
            Ok::<_, RunError>((ready.sha256, run))
        };
        let Some((component, run)) = stop.or(run).await.transpose()? else {
            return Ok(None);
        };
        let (session, scenario) = (Arc::clone(self), Arc::clone(scenario));
        // Goldens and results are files. Nothing cuts this off: what is kept is reported too.
        smol::unblock(move || Ok(Some(session.judge_and_keep(&scenario, component, run, bless)?)))
            .await
    }

    fn judge_and_keep(
        &self,
        scenario: &Scenario,
        component: Sha256,
        run: Run,
        bless: bool,
    ) -> Result<Judged, BlessError> {
        let Finished { record, trace, golden } =
            execution::finish(scenario, component, run, bless)?;
        let saved = self.results.save(&record, &trace).map_err(|error| error.to_string());
        Ok(Judged { record, golden, saved })
    }
}

impl Starter<'_> {
    /// Begins a run, as soon as there is room for it.
    fn start(&self, scenario: Arc<Scenario>, seed: u64, role: Role) -> Task<Outcome> {
        let (session, built) = (Arc::clone(self.session), Arc::clone(&self.built));
        let (stop, free) = (self.stop.clone(), Arc::clone(&self.free));
        self.executor.spawn(async move {
            let (scenario, bless, _first) = match role {
                Role::Alone { bless } => (scenario, bless, None),
                Role::First(done) => (scenario, true, Some(done)),
                Role::After(first) => {
                    // Nothing is ever sent. If the session ends meanwhile, the permit is not to be had.
                    let _ = stop.or(first.recv()).await;
                    let scenario = Arc::unwrap_or_clone(scenario);
                    let now = smol::unblock(move || Arc::new(scenario.with_golden_of_now()));
                    (now.await, false, None)
                }
            };
            let Some(_permit) = stop.or(free.acquire()).await else {
                return Outcome::Interrupted;
            };
            session.outcome(&scenario, seed, bless, &built, &stop).await
        })
    }

    /// Runs one scenario with all of these seeds.
    async fn sweep(
        &self,
        Loaded { path, scenario }: Loaded,
        range: SeedRange,
        tally: &mut Tally,
        show: &mut impl AsyncFnMut(Shown),
    ) {
        // What keeps it from running with any seed is said once.
        let scenario = match scenario {
            Ok(scenario) => scenario,
            Err(error) => {
                let report = Report { path, about: None, outcome: Outcome::BadScenario(error) };
                tally.add(&report);
                return show(Shown::Scenario(report)).await;
            }
        };
        let prepare = execution::prepare(&self.session.programs, &scenario, &self.built);
        if let Some(Err(error)) = self.stop.or(prepare).await {
            let about = Some(about(&scenario, range.first));
            let report = Report { path, about, outcome: error.into() };
            tally.add(&report);
            return show(Shown::Scenario(report)).await;
        }
        let golden_seed = scenario.golden.as_ref().map(|_| scenario.seed);
        let of_sweep = about(&scenario, range.first);
        let mut sweep = Sweep::new(path.clone(), of_sweep, range, golden_seed);
        let mut seeds = range.first..=range.last;
        let mut ahead = VecDeque::new();
        loop {
            while ahead.len() < AHEAD_MAX
                && let Some(seed) = seeds.next()
            {
                let run = self.start(Arc::clone(&scenario), seed, Role::Alone { bless: false });
                ahead.push_back((seed, run));
            }
            let Some((seed, run)) = ahead.pop_front() else { break };
            let about = Some(about(&scenario, seed));
            let report = Report { path: path.clone(), about, outcome: run.await };
            tally.add(&report);
            sweep.add(seed, &report);
            // The sweep counts those that were cut off; to name each is no help.
            if !matches!(report.outcome, Outcome::Interrupted) {
                show(Shown::Seed(report)).await;
            }
        }
        show(Shown::Sweep(Box::new(sweep))).await;
    }
}

fn about(scenario: &Scenario, seed: u64) -> About {
    About {
        name: scenario.name.clone(),
        title: scenario.title.clone(),
        guest: scenario.guest_name.clone(),
        seed,
    }
}

/// What a run has to do with the golden.
enum Role {
    /// Its own business.
    Alone {
        /// Whether it writes it.
        bless: bool,
    },
    /// It writes the golden that other guests of its scenario are held against, who wait until this is dropped.
    First(Sender<Infallible>),
    /// It is held against what the first guest has written; it writes nothing itself.
    After(Receiver<Infallible>),
}

/// Gives the runs of a session their roles, in the order of the session.
struct Roles {
    bless: bool,
    /// The last file with several guests, and the end of its first guest's run.
    first: Option<(PathBuf, Receiver<Infallible>)>,
}

impl Roles {
    fn of(&mut self, scenario: &Scenario) -> Role {
        if !self.bless || scenario.guest_name.is_none() || scenario.golden.is_none() {
            return Role::Alone { bless: self.bless };
        }
        if let Some((path, first)) = &self.first
            && *path == scenario.path
        {
            return Role::After(first.clone());
        }
        let (done, over) = channel::bounded(1);
        self.first = Some((scenario.path.clone(), over));
        Role::First(done)
    }
}

impl From<Scenario> for Loaded {
    fn from(scenario: Scenario) -> Loaded {
        Loaded { path: scenario.path.clone(), scenario: Ok(Arc::new(scenario)) }
    }
}

impl Loaded {
    /// What the file calls the guest, if it has several.
    pub fn guest_name(&self) -> Option<&str> {
        self.scenario.as_ref().ok()?.guest_name.as_deref()
    }

    /// What has to be built for it.
    fn to_build(&self) -> Vec<Buildable> {
        self.scenario.as_ref().map_or_else(|_| Vec::new(), |s| execution::to_build(s))
    }
}
