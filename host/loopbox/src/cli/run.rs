//! `loopbox run`: builds, runs, judges and reports.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, thread};

use clap::{Args, value_parser};
use indicatif::{ProgressBar, ProgressStyle};
use smol::Executor;

use super::{Format, Refusal, select};
use crate::cache::Cache;
use crate::exit_code;
use crate::invocation;
use crate::programs::Programs;
use crate::report::human::Human;
use crate::report::{Shown, Tally, json};
use crate::results::{self, Results};
use crate::runner::{self, Stop};
use crate::seeds::{RUNS_MAX, SeedRange, Seeds};
use crate::session::{self, Loaded, Session};
use crate::terminal::{self, Output};

/// More runs at once than this are a typing error rather than a wish.
const JOBS_MAX: u16 = 512;

/// How often the progress is drawn.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// Said when the session is asked to stop.
const FAREWELL: &str = "stopping; what has finished is reported (Ctrl-C again leaves at once)";

/// Run scenarios and say which hold
///
/// Builds the guests that the scenarios name, runs each scenario in a machine of its own, and holds it
/// against what it expects. The same scenario and seed give the same run, on every machine.
#[derive(Debug, Args)]
#[command(after_help = exit_code::HELP)]
pub struct RunCommand {
    /// Scenario files, and folders to look for them in
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Draw everything that the scenarios leave open from this seed, instead of from their own
    ///
    /// Goldens are not compared then: each belongs to its scenario's own seed.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Run each scenario with each of these seeds, such as 0..200
    ///
    /// As in Rust: 0..200 and 0..=199 are the same. A scenario is reported once, with the seeds that fail.
    #[arg(long, value_name = "A..B", conflicts_with_all = ["seed", "bless"])]
    seeds: Option<SeedRange>,

    /// Run only this guest of scenarios that have several, and no others
    #[arg(long, value_name = "NAME")]
    guest: Option<String>,

    /// Write the golden traces anew, of scenarios that hold in everything else
    ///
    /// Of a scenario with several guests the first one writes the golden, and the others are held against it.
    #[arg(long)]
    bless: bool,

    /// How many runs are under way at once [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=JOBS_MAX.into()))]
    jobs: Option<u16>,

    /// How to write the results
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,

    /// Where traces and verdicts are kept
    #[arg(
        long,
        value_name = "DIR",
        env = results::VARIABLE,
        default_value = results::DEFAULT_FOLDER
    )]
    results: PathBuf,
}

impl RunCommand {
    pub(super) fn execute(self) -> Result<u8, Refusal> {
        let jobs = self.jobs.unwrap_or_else(default_jobs);
        runner::drive(jobs.into(), FAREWELL, async |executor, stop| {
            self.session(jobs, executor, stop).await
        })
        .map_err(|error| Refusal::signals(&error))?
    }

    async fn session(
        &self,
        jobs: u16,
        executor: &Executor<'static>,
        stop: &Stop,
    ) -> Result<u8, Refusal> {
        let paths = self.paths.clone();
        let guest = self.guest.clone();
        let load = smol::unblock(move || of_guest(session::load(select(&paths)?), guest));
        let Some(scenarios) = stop.or(load).await.transpose()? else {
            return Ok(exit_code::INTERRUPTED);
        };
        self.refuse_to_bless_for_other_seeds(&scenarios)?;
        let seeds = self.seeds();
        let cache = Cache::of_environment();
        refuse_too_many_runs(&seeds, scenarios.len())?;
        let reporter = Arc::new(Mutex::new(Reporter::new(self.format, &scenarios, &seeds)));
        let session = Arc::new(Session {
            seeds,
            bless: self.bless,
            jobs: jobs.into(),
            programs: Programs::new(cache.clone(), jobs.into()),
            results: Results::under(self.results.clone()),
        });
        // Writing may block, on a pager that waits for its reader, and signals must be heard then too.
        let show = async |shown: Shown| {
            let reporter = Arc::clone(&reporter);
            smol::unblock(move || lock(&reporter).show(&shown)).await;
        };
        let built = session::build(&scenarios, cache.root(), stop).await;
        lock(&reporter).begin();
        let tally = session.run(scenarios, built, executor, stop, show).await;
        if let Some(trouble) = session.programs.cache_trouble() {
            terminal::note(&format!("warning: {trouble}"));
        }
        let exit_code = tally.exit_code();
        smol::unblock(move || lock(&reporter).finish(&tally))
            .await
            .map_err(|error| Refusal::output(&error))?;
        Ok(exit_code)
    }

    fn seeds(&self) -> Seeds {
        match (self.seeds, self.seed) {
            (Some(range), _) => Seeds::Sweep(range),
            (None, Some(seed)) => Seeds::Given(seed),
            (None, None) => Seeds::Own,
        }
    }

    fn refuse_to_bless_for_other_seeds(&self, scenarios: &[Loaded]) -> Result<(), Refusal> {
        let (true, Some(seed)) = (self.bless, self.seed) else {
            return Ok(());
        };
        let mut good = scenarios.iter().filter_map(|loaded| loaded.scenario.as_ref().ok());
        match good.find(|scenario| scenario.seed != seed) {
            None => Ok(()),
            Some(scenario) => Err(Refusal::new(
                exit_code::USAGE,
                format!(
                    "--bless goes with each scenario's own seed, which is {} for `{}`: leave out \
                     --seed {seed}",
                    scenario.seed,
                    scenario.path.display()
                ),
            )),
        }
    }
}

/// Those of this guest, if only one is wanted; and those that cannot be read, for nobody knows.
fn of_guest(mut scenarios: Vec<Loaded>, guest: Option<String>) -> Result<Vec<Loaded>, Refusal> {
    let Some(guest) = guest else { return Ok(scenarios) };
    scenarios
        .retain(|loaded| loaded.scenario.is_err() || loaded.guest_name() == Some(guest.as_str()));
    if scenarios.is_empty() {
        let message = format!("no scenario here has several guests of which one is `{guest}`");
        return Err(Refusal::new(exit_code::NOTHING_SELECTED, message));
    }
    Ok(scenarios)
}

/// A sweep is limited; scenarios that somebody wrote are not.
fn refuse_too_many_runs(seeds: &Seeds, scenarios: usize) -> Result<(), Refusal> {
    let Seeds::Sweep(range) = seeds else { return Ok(()) };
    let runs = range.count().saturating_mul(scenarios as u64);
    if runs <= RUNS_MAX {
        return Ok(());
    }
    let message = format!(
        "{scenarios} scenarios with {} seeds each are {runs} runs, and a session has at most \
         {RUNS_MAX}: give fewer seeds or fewer scenarios",
        range.count()
    );
    Err(Refusal::new(exit_code::USAGE, message))
}

/// Shows reports as they come, and how many are still missing.
struct Reporter {
    form: Form,
    output: Output,
    progress: ProgressBar,
    runs_each: u64,
    /// Runs of scenarios that are done with.
    runs_done: u64,
}

enum Form {
    Human(Human),
    Json,
}

impl Reporter {
    fn new(format: Format, scenarios: &[Loaded], seeds: &Seeds) -> Reporter {
        let sweeps = matches!(seeds, Seeds::Sweep(_));
        let form = match format {
            Format::Human => {
                let paths = scenarios.iter().map(|loaded| loaded.path.as_path());
                let colour = terminal::stdout_has_colour();
                let human = Human::new(invocation::of_this_process(), colour, paths);
                Form::Human(human.of_sweeps(sweeps))
            }
            Format::Json => Form::Json,
        };
        let template = match sweeps {
            true => "{spinner} {pos} of {len} runs ({per_sec})",
            false => "{spinner} {pos} of {len} scenarios",
        };
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let runs_each = seeds.runs_each();
        let runs = runs_each.saturating_mul(scenarios.len() as u64);
        // Hidden by itself where standard error is no terminal.
        let progress = ProgressBar::new(runs).with_style(style);
        Reporter { form, output: Output::stdout(), progress, runs_each, runs_done: 0 }
    }

    /// Nothing else writes to the terminal from now on.
    fn begin(&self) {
        self.progress.enable_steady_tick(PROGRESS_INTERVAL);
    }

    fn show(&mut self, shown: &Shown) {
        let text = match (&self.form, shown) {
            (Form::Human(human), Shown::Scenario(report)) => human.report(report),
            (Form::Human(human), Shown::Sweep(sweep)) => human.sweep(sweep),
            (Form::Human(_), Shown::Seed(_)) => String::new(),
            (Form::Json, Shown::Scenario(report) | Shown::Seed(report)) => json::report(report),
            (Form::Json, Shown::Sweep(sweep)) => json::sweep(sweep),
        };
        if !text.is_empty() {
            self.progress.suspend(|| self.output.write(&text));
        }
        match shown {
            Shown::Seed(_) => self.progress.inc(1),
            Shown::Scenario(_) | Shown::Sweep(_) => {
                self.runs_done += self.runs_each;
                self.progress.set_position(self.runs_done);
            }
        }
    }

    fn finish(&mut self, tally: &Tally) -> io::Result<()> {
        let text = match &self.form {
            Form::Human(human) => human.summary(tally),
            Form::Json => json::summary(tally),
        };
        self.progress.finish_and_clear();
        self.output.write(&text);
        self.output.check()
    }
}

/// A reporter that panicked has at worst lost a line.
fn lock(reporter: &Mutex<Reporter>) -> MutexGuard<'_, Reporter> {
    reporter.lock().unwrap_or_else(PoisonError::into_inner)
}

fn default_jobs() -> u16 {
    let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    u16::try_from(processors).unwrap_or(JOBS_MAX).min(JOBS_MAX)
}
