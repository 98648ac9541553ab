//! One run: from a scenario whose guests are built to a record and a trace.
//!
//! A session does this for a selection of scenarios, a what-if for one scenario that is changed. Which
//! scenarios, how many at once, and what is kept of them is theirs to say.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;

use loopbox_machine::Run;
use loopbox_trace::check::Verdict;
use loopbox_trace::record::{self, Choice, GoldenText, Record};
use loopbox_trace::{Trace, golden, measure};
use smol::future::FutureExt;

use crate::guests::{BuildError, Buildable, Built, CargoGuest, Component};
use crate::invocation;
use crate::judge::{self, BlessError, GoldenNote};
use crate::programs::{ProgramError, Programs, Ready};
use crate::scenario::{Guest, Scenario};
use crate::sha256::Sha256;

/// Why a scenario has no verdict.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Its guest, or another program of it, did not build.
    #[error(transparent)]
    Guest(#[from] BuildError),
    /// Its guest, or another program of it, is none.
    #[error(transparent)]
    Program(#[from] Arc<ProgramError>),
    /// Its golden was to be written.
    #[error(transparent)]
    Bless(#[from] BlessError),
}

/// A run that was judged.
#[derive(Debug)]
pub struct Finished {
    /// The verdict and everything that goes with it.
    pub record: Record,
    /// What happened.
    pub trace: Trace,
    /// What became of the golden.
    pub golden: GoldenNote,
}

/// What has to be built for a scenario.
pub fn to_build(scenario: &Scenario) -> Vec<Buildable> {
    let guests = std::iter::once(&scenario.guest).chain(scenario.programs.values());
    guests.filter_map(|guest| buildable(guest).ok()).collect()
}

/// The scenario's program with those that it can start, loaded. Among what was built is all that it needs.
///
/// # Errors
/// One of them did not build or is no program.
pub async fn prepare(
    programs: &Arc<Programs>,
    scenario: &Scenario,
    built: &Built,
) -> Result<Ready, RunError> {
    let ready = load(programs, &scenario.guest, scenario, built).await?;
    let mut others = BTreeMap::new();
    for (name, guest) in &scenario.programs {
        others.insert(name.clone(), load(programs, guest, scenario, built).await?.program);
    }
    Ok(Ready { program: ready.program.with_programs(others), ..ready })
}

/// One program of a scenario.
async fn load(
    programs: &Arc<Programs>,
    guest: &Guest,
    scenario: &Scenario,
    built: &Built,
) -> Result<Ready, RunError> {
    let component = match buildable(guest) {
        Ok(guest) => built.get(&guest).expect("everything that is wanted was built").clone()?,
        Err(path) => Component::at(path),
    };
    Ok(programs.ready(&component, scenario.stack_bytes).await?)
}

/// How a guest is built; or where it is, if it is there already.
fn buildable(guest: &Guest) -> Result<Buildable, &Path> {
    match guest {
        Guest::Cargo { package, bin, dir } => Ok(Buildable::Cargo(CargoGuest {
            dir: dir.to_owned(),
            package: package.clone(),
            bin: bin.clone(),
        })),
        Guest::Python(path) => Ok(Buildable::Python(path.clone())),
        Guest::Wasm(path) => Err(path),
    }
}

/// Holds a run of this component against its scenario. Takes a while for a long trace; with `bless`,
/// writing may block.
///
/// # Errors
/// The golden cannot be written.
pub fn finish(
    scenario: &Scenario,
    component: Sha256,
    run: Run,
    bless: bool,
) -> Result<Finished, BlessError> {
    let Run { seed, trace, choices, .. } = run;
    let (verdict, golden) = judge::judge(scenario, seed, &trace, bless)?;
    let mut record = record_of(scenario, component, verdict, &trace, seed, choices);
    if let (GoldenNote::Written(_), Some(written), Some(kept)) =
        (&golden, &scenario.golden, &mut record.golden)
    {
        // The verdict looked at the new one.
        kept.text = Some(golden::render(&trace, &written.groups, written.tolerance));
    }
    Ok(Finished { record, trace, golden })
}

/// Everything that is kept of a run besides its trace.
fn record_of(
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
        reproduce: invocation::reproduce(
            invocation::PLAIN,
            &scenario.path,
            scenario.guest_name.as_deref(),
            seed,
        ),
        trace: Record::trace_file_name(seed),
    }
}

/// What the work gives; or what to say of its panic, which is a bug of ours and no reason to lose other work.
///
/// # Errors
/// The work panicked.
pub async fn caught<T>(work: impl Future<Output = T>) -> Result<T, String> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|panic| {
        let message = message_of(&*panic);
        format!("loopbox itself panicked, which is a bug of loopbox: {message}")
    })
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_as_a_bug_of_ours() {
        let caught = |work: fn()| smol::block_on(caught(async move { work() }));
        assert_eq!(caught(|| ()), Ok(()));
        let told = "loopbox itself panicked, which is a bug of loopbox: 1 is not 2";
        assert_eq!(caught(|| panic!("{} is not 2", 1)), Err(told.into()));
    }
}
