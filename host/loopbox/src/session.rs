//! A session: a selection of scenarios, from their files to their reports.
//!
//! Scenarios are independent: whatever happens to one, the others run. They run in any order on as many
//! threads as there are jobs, and are reported in the order of their paths.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use loopbox_machine::Run;
use loopbox_trace::check::Verdict;
use loopbox_trace::record::{self, Choice, GoldenText, Record};
use loopbox_trace::{Trace, measure};
use smol::Executor;
use smol::future::FutureExt;
use smol::lock::Semaphore;

use crate::guests::{self, BuildError, Built, CargoGuest};
use crate::invocation;
use crate::judge::{self, BlessError};
use crate::programs::{ProgramError, Programs, Ready};
use crate::report::{About, Judged, Outcome, Report, Tally};
use crate::results::Results;
use crate::runner::Stop;
use crate::scenario::{Found, Guest, Scenario, ScenarioError};
use crate::sha256::Sha256;

/// A scenario's file and what is in it.
pub struct Loaded {
    /// The file.
    pub path: PathBuf,
    /// What it says, or what is wrong with it.
    pub scenario: Result<Arc<Scenario>, ScenarioError>,
}

/// Reads scenario files. Blocks.
pub fn load(found: Vec<Found>) -> Vec<Loaded> {
    let load = |found: Found| match found {
        Ok(path) => {
            let scenario = Scenario::load(&path).map(Arc::new);
            Loaded { path, scenario }
        }
        Err(error) => Loaded { path: error.file().to_owned(), scenario: Err(error) },
    };
    found.into_iter().map(load).collect()
}

/// Builds the guests that these scenarios need. Asked to stop, it builds nothing.
pub async fn build(scenarios: &[Loaded], stop: &Stop) -> Built {
    let wanted = scenarios.iter().flat_map(Loaded::cargo_guests).collect();
    // Without the guests nothing can run, and nothing will: the runs are asked to stop too.
    stop.or(guests::build(&wanted)).await.unwrap_or_default()
}

/// What all runs of a session have in common.
pub struct Session {
    /// Instead of the scenarios' own seeds.
    pub seed: Option<u64>,
    /// Whether goldens are written anew.
    pub bless: bool,
    /// How many runs are under way at once.
    pub jobs: usize,
    /// The programs.
    pub programs: Arc<Programs>,
    /// Where results are kept.
    pub results: Results,
}

/// Why a scenario has no verdict.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Guest(#[from] BuildError),
    #[error(transparent)]
    Program(#[from] Arc<ProgramError>),
    #[error(transparent)]
    Bless(#[from] BlessError),
}

impl From<RunError> for Outcome {
    fn from(error: RunError) -> Outcome {
        match error {
            RunError::Guest(BuildError::NotBuilt(reason)) => Outcome::NotBuilt(reason),
            _ => Outcome::CouldNotRun(error.to_string()),
        }
    }
}

impl Session {
    /// Runs scenarios, and hands out a report of each, in order.
    ///
    /// When the session is asked to stop, runs under way are dropped; those that have finished are kept and
    /// reported, and the others are reported as interrupted.
    pub async fn run(
        self: &Arc<Self>,
        scenarios: Vec<Loaded>,
        built: Built,
        executor: &Executor<'static>,
        stop: &Stop,
        mut show: impl AsyncFnMut(Report),
    ) -> Tally {
        let built = Arc::new(built);
        let free = Arc::new(Semaphore::new(self.jobs));
        let mut tasks = Vec::new();
        for Loaded { path, scenario } in scenarios {
            let about = scenario.as_ref().ok().map(|scenario| self.about(scenario));
            let (session, built) = (Arc::clone(self), Arc::clone(&built));
            let (stop, free) = (stop.clone(), Arc::clone(&free));
            let task = executor.spawn(async move {
                let scenario = match scenario {
                    Ok(scenario) => scenario,
                    Err(error) => return Outcome::BadScenario(error),
                };
                let Some(_permit) = stop.or(free.acquire()).await else {
                    return Outcome::Interrupted;
                };
                session.outcome(&scenario, &built, &stop).await
            });
            tasks.push((path, about, task));
        }
        let mut tally = Tally::default();
        for (path, about, task) in tasks {
            let report = Report { path, about, outcome: task.await };
            tally.add(&report);
            show(report).await;
        }
        tally
    }

    fn about(&self, scenario: &Scenario) -> About {
        About {
            name: scenario.name.clone(),
            title: scenario.title.clone(),
            seed: self.seed_of(scenario),
        }
    }

    fn seed_of(&self, scenario: &Scenario) -> u64 {
        self.seed.unwrap_or(scenario.seed)
    }

    /// What comes out of one scenario, whatever happens.
    async fn outcome(
        self: &Arc<Self>,
        scenario: &Arc<Scenario>,
        built: &Built,
        stop: &Stop,
    ) -> Outcome {
        // A panic in here is a bug of ours, and no reason to lose the other scenarios.
        match AssertUnwindSafe(self.judged(scenario, built, stop)).catch_unwind().await {
            Ok(Ok(Some(judged))) => Outcome::Judged(Box::new(judged)),
            Ok(Ok(None)) => Outcome::Interrupted,
            Ok(Err(error)) => error.into(),
            Err(panic) => Outcome::CouldNotRun(format!(
                "loopbox itself panicked, which is a bug of loopbox: {}",
                message_of(&*panic)
            )),
        }
    }

    /// Runs and judges a scenario; `None` if the session is to end before the run has.
    async fn judged(
        self: &Arc<Self>,
        scenario: &Arc<Scenario>,
        built: &Built,
        stop: &Stop,
    ) -> Result<Option<Judged>, RunError> {
        let Some((component, run)) = stop.or(self.run_one(scenario, built)).await.transpose()?
        else {
            return Ok(None);
        };
        let (session, scenario) = (Arc::clone(self), Arc::clone(scenario));
        // Goldens and results are files. Nothing cuts this off: what is kept is reported too.
        smol::unblock(move || Ok(Some(session.judge_and_keep(&scenario, component, run)?))).await
    }

    /// Runs a scenario; gives the hash of its component, too.
    async fn run_one(&self, scenario: &Scenario, built: &Built) -> Result<(Sha256, Run), RunError> {
        let ready = self.ready(&scenario.guest, scenario, built).await?;
        let mut others = BTreeMap::new();
        for (name, guest) in &scenario.programs {
            others.insert(name.clone(), self.ready(guest, scenario, built).await?.program);
        }
        let program = ready.program.with_programs(others);
        let seed = self.seed_of(scenario);
        let run = ready.sandbox.run(&program, &scenario.config, seed).await;
        Ok((ready.sha256, run))
    }

    /// A program of a scenario, loaded.
    async fn ready(
        &self,
        guest: &Guest,
        scenario: &Scenario,
        built: &Built,
    ) -> Result<Ready, RunError> {
        let component = match guest {
            Guest::Wasm(path) => path,
            Guest::Cargo { package, bin, dir } => {
                let guest = cargo_guest(package, bin, dir);
                let built = built.get(&guest).expect("everything that is wanted was built");
                built.as_ref().map_err(BuildError::clone)?
            }
        };
        Ok(self.programs.ready(component, scenario.stack_bytes).await?)
    }

    fn judge_and_keep(
        &self,
        scenario: &Scenario,
        component: Sha256,
        run: Run,
    ) -> Result<Judged, BlessError> {
        let Run { seed, trace, choices, .. } = run;
        let (verdict, golden) = judge::judge(scenario, seed, &trace, self.bless)?;
        let record = record_of(scenario, component, verdict, &trace, seed, choices);
        let saved = self.results.save(&record, &trace).map_err(|error| error.to_string());
        Ok(Judged { record, golden, saved })
    }
}

/// Everything that is kept of a run besides its trace.
pub fn record_of(
    scenario: &Scenario,
    component: Sha256,
    verdict: Verdict,
    trace: &Trace,
    seed: u64,
    choices: Vec<Choice>,
) -> Record {
    let golden = scenario.expect.golden.as_ref();
    Record {
        format: Record::FORMAT,
        version: record::VERSION,
        scenario: scenario.path.to_string_lossy().into_owned(),
        name: scenario.name.clone(),
        title: scenario.title.clone(),
        seed,
        guest_sha256: component.to_string(),
        holds: verdict.holds(),
        checks: verdict.checks,
        ending: trace.ending.clone(),
        diagnostics: record::reported(trace),
        world: scenario.world(&choices),
        choices,
        summary: measure::summary(trace),
        source: scenario.source.clone(),
        // It belongs to the scenario's own seed, and was compared with no other.
        golden: golden
            .filter(|_| seed == scenario.seed)
            .map(|golden| GoldenText { path: golden.name.clone(), text: golden.text.clone() }),
        // How this process was started must not show in what is kept.
        reproduce: invocation::reproduce(invocation::PLAIN, &scenario.path, seed),
        trace: Record::trace_file_name(seed),
    }
}

impl Loaded {
    /// What cargo is to build for it.
    fn cargo_guests(&self) -> Vec<CargoGuest> {
        let Ok(scenario) = &self.scenario else { return Vec::new() };
        let guests = std::iter::once(&scenario.guest).chain(scenario.programs.values());
        let cargo = guests.filter_map(|guest| match guest {
            Guest::Cargo { package, bin, dir } => Some(cargo_guest(package, bin, dir)),
            Guest::Wasm(_) => None,
        });
        cargo.collect()
    }
}

fn cargo_guest(package: &str, bin: &str, dir: &Path) -> CargoGuest {
    CargoGuest { dir: dir.to_owned(), package: package.into(), bin: bin.into() }
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
