//! Runs the processes of one run, one at a time, in order of virtual time.
//!
//! Each process is a future with a store of its own. Of those that can go on, the one whose clock is furthest
//! back is polled, until it has to wait for others or has used up its share of fuel; so what the processes
//! do to each other is a function of the scenario and the seed. The run ends with its first process.
//!
//! A process that runs without calling the host only shows a bound of its clock: what it must have burnt since
//! it was last heard of. That is enough for others to get their turn.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};

use blocking::Task;
use futures_lite::future::block_on;
use loopbox_trace::record::Choice;
use loopbox_trace::{
    Diagnostic, Ending, Event, EventKind, ExitStatus, Label, Lane, Level, Nanos, Signal, Trace,
};
use wasmtime::{Engine, Store};

use crate::bindings::MachinePre;
use crate::config::Config;
use crate::ending;
use crate::guest::Guest;
use crate::kernel::world::{Pid, Start, State, Waiting, World};
use crate::kernel::{Call, Heir, IsolatedOutcome, Kernel, Remains};
use crate::sandbox::{FUEL_PER_YIELD, Image, Program, Settings, settle};

/// The programs that can be started, by name.
pub(crate) type Programs = Arc<BTreeMap<String, Image>>;

/// How a process came to its end, by itself.
struct Finish {
    ending: Ending,
    at: Nanos,
}

/// A process on the host's side.
struct Process {
    /// Gone when the process has ended.
    future: Option<Pin<Box<dyn Future<Output = Finish> + Send>>>,
    /// For a process of a pool: a run of its own, on another thread.
    isolated: Option<Isolated>,
    /// Where its part of the trace is when the future is gone.
    heir: Heir,
    finish: Option<Finish>,
    /// What its clock was said to show when it last yielded, and where that counts from.
    bound: Nanos,
    base: Nanos,
    yields: u64,
    /// What its fuel costs, in picoseconds a unit.
    ps_per_fuel: u64,
}

/// A process of a pool: a run of its own, on a thread of `blocking`.
struct Isolated {
    /// Gone when it has come to its end, or was stopped.
    run: Option<Task<Option<IsolatedRun>>>,
    /// Asks it to stop soon.
    stop: Arc<AtomicBool>,
    /// What it has left, when that is known; its part of the trace is used only if its end was seen.
    left: Option<IsolatedRun>,
    end_seen: bool,
}

/// What such a run leaves.
struct IsolatedRun {
    trace: Trace,
    choices: Vec<Choice>,
    outcome: Option<IsolatedOutcome>,
}

/// A run that goes on.
pub(crate) struct Scheduler {
    engine: Engine,
    settings: Settings,
    program: Program,
    config: Arc<Config>,
    seed: u64,
    world: Arc<World>,
    /// By number, from 1.
    processes: Vec<Process>,
}

/// Runs one process of a program to its end: instantiates it, and calls its start function.
async fn run_process(
    engine: Engine,
    program: MachinePre<Guest>,
    guest: Guest,
    settings: Settings,
) -> Finish {
    let mut store = Store::new(&engine, guest);
    store.limiter(|guest| &mut guest.memory);
    store.call_hook(settle);
    let result = async {
        let grant = store.data_mut().kernel.fuel_grant();
        store.set_fuel(grant.expect("a new kernel grants fuel"))?;
        store.fuel_async_yield_interval(Some(FUEL_PER_YIELD))?;
        let machine = program.instantiate_async(&mut store).await?;
        machine.wasi_cli_run().call_run(&mut store).await
    }
    .await;
    let ending = ending::of(result, &mut store, &settings);
    let at = store.data_mut().kernel.end(&ending);
    Finish { ending, at }
}

impl Scheduler {
    pub(crate) fn new(
        engine: &Engine,
        settings: &Settings,
        program: &Program,
        config: &Arc<Config>,
        seed: u64,
    ) -> Scheduler {
        let kernel = Kernel::new(Arc::clone(config), seed);
        Scheduler::of_kernel(engine, settings, program, config, seed, kernel)
    }

    /// A run that is one call of a function of this program, in the world of a scenario that says nothing.
    pub(crate) fn of_call(
        engine: &Engine,
        settings: &Settings,
        program: &Program,
        call: Call,
    ) -> Scheduler {
        let mut config = Config { traced: false, ..Config::default() };
        config.limits.time = Nanos::MAX;
        let config = Arc::new(config);
        let kernel = Kernel::isolated(Arc::clone(&config), 0, "", call, Nanos::ZERO);
        Scheduler::of_kernel(engine, settings, program, &config, 0, kernel)
    }

    /// What came of the call.
    pub(crate) async fn outcome(self) -> Result<Vec<u8>, String> {
        let run = self.run_isolated(&AtomicBool::new(false)).await.expect("nobody stops it");
        match run.outcome {
            Some(IsolatedOutcome::Returned { ok: true, bytes }) => Ok(bytes),
            Some(IsolatedOutcome::Returned { ok: false, bytes }) => {
                Err(String::from_utf8_lossy(&bytes).into_owned())
            }
            Some(IsolatedOutcome::Refused(why)) => Err(why),
            _ => Err(format!("the interpreter {}", run.trace.ending)),
        }
    }

    /// The run whose first process is on this kernel.
    fn of_kernel(
        engine: &Engine,
        settings: &Settings,
        program: &Program,
        config: &Arc<Config>,
        seed: u64,
        kernel: Kernel,
    ) -> Scheduler {
        let mut scheduler = Scheduler {
            engine: engine.clone(),
            settings: *settings,
            program: program.clone(),
            config: Arc::clone(config),
            seed,
            world: Arc::clone(kernel.world()),
            processes: Vec::new(),
        };
        scheduler.add(program.image.clone(), config, kernel);
        scheduler
    }

    /// Starts a process of a pool on another thread, at once: only its outcome has a moment.
    fn start_isolated(&mut self, name: &str, call: Call, at: Nanos) {
        let config = Arc::new(Config {
            signals: Vec::new(),
            // It has children neither of its own nor in a pool.
            processes: 1,
            ..Config::clone(&self.config)
        });
        let kernel = Kernel::isolated(Arc::clone(&config), self.seed, name, call, at);
        let scheduler = Scheduler::of_kernel(
            &self.engine,
            &self.settings,
            &self.program,
            &config,
            self.seed,
            kernel,
        );
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let run = blocking::unblock(move || block_on(scheduler.run_isolated(&stopped)));
        self.processes.push(Process {
            future: None,
            isolated: Some(Isolated { run: Some(run), stop, left: None, end_seen: false }),
            heir: Heir::default(),
            finish: None,
            bound: Nanos::ZERO,
            base: Nanos::ZERO,
            yields: 0,
            ps_per_fuel: config.ps_per_fuel,
        });
    }

    /// Runs a process of a pool to its end; nothing if it was told to stop.
    async fn run_isolated(mut self, stop: &AtomicBool) -> Option<IsolatedRun> {
        let (ending, at) = poll_fn(|context| {
            if stop.load(Ordering::Relaxed) {
                return Poll::Ready(None);
            }
            self.poll(context).map(Some)
        })
        .await?;
        let heir = Arc::clone(&self.process(Pid::FIRST).heir);
        let remains = heir.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = remains.as_ref().and_then(|remains| remains.result.clone());
        drop(remains);
        let (mut trace, choices) = self.close(ending, at);
        // It is one process of a larger run, which ends elsewhere.
        trace.events.retain(|event| event.kind != EventKind::Ended);
        Some(IsolatedRun { trace, choices, outcome })
    }

    fn add(&mut self, image: Image, config: &Arc<Config>, mut kernel: Kernel) {
        let heir = Heir::default();
        kernel.leave_to(&heir);
        let program = image.pre.clone();
        let guest = Guest::new(config, kernel, image);
        let future = run_process(self.engine.clone(), program, guest, self.settings);
        self.processes.push(Process {
            future: Some(Box::pin(future)),
            isolated: None,
            heir,
            finish: None,
            bound: Nanos::ZERO,
            base: Nanos::ZERO,
            yields: 0,
            ps_per_fuel: config.ps_per_fuel,
        });
    }

    /// Runs to the end.
    pub(crate) async fn run(mut self) -> (Trace, Vec<Choice>) {
        let (ending, at) = poll_fn(|context| self.poll(context)).await;
        // What has not ended by now never does. Nothing of it may go on when the run is over.
        for process in &mut self.processes {
            if let Some(isolated) = &mut process.isolated
                && let Some(run) = isolated.run.take()
            {
                isolated.stop.store(true, Ordering::Relaxed);
                run.await;
            }
        }
        self.close(ending, at)
    }

    fn process(&mut self, pid: Pid) -> &mut Process {
        &mut self.processes[pid.0 as usize - 1]
    }

    /// Goes on until the run is over or the host's executor is to have its turn.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<(Ending, Nanos)> {
        loop {
            let starts = self.world.lock().take_starts();
            for start in starts {
                self.start(start);
            }
            if self.stop_killed(context).is_pending() {
                return Poll::Pending;
            }
            let next = self.world.lock().next();
            let Some((at, pid)) = next else {
                match self.nothing_left() {
                    Some(end) => return Poll::Ready(end),
                    None => continue,
                }
            };
            let mut shared = self.world.lock();
            match shared.process(pid).state {
                State::Ending { at, status } => {
                    drop(shared);
                    if let Some(ending) = self.ended(pid, at, status) {
                        return Poll::Ready((ending, at));
                    }
                    continue;
                }
                State::Blocked { .. } => shared.resume(pid, at),
                _ => {}
            }
            drop(shared);
            if self.process(pid).isolated.is_some() {
                // Nobody may pass the moment of its start before its end is known.
                if self.poll_isolated(pid, context).is_pending() {
                    return Poll::Pending;
                }
                continue;
            }
            let future = self.process(pid).future.as_mut().expect("it has not ended");
            match future.as_mut().poll(context) {
                Poll::Ready(finish) => {
                    let status = status_of(&finish.ending);
                    let process = self.process(pid);
                    process.future = None;
                    let at = finish.at;
                    process.finish = Some(finish);
                    self.world.lock().ends(pid, at, status);
                }
                Poll::Pending if self.has_yielded(pid) => return Poll::Pending,
                Poll::Pending => {}
            }
        }
    }

    /// Waits for the end of a process of a pool, which the host's threads bring about.
    fn poll_isolated(&mut self, pid: Pid, context: &mut Context<'_>) -> Poll<()> {
        let isolated = self.process(pid).isolated.as_mut().expect("it is one");
        let Some(run) = &mut isolated.run else { return Poll::Ready(()) };
        let Poll::Ready(left) = Pin::new(run).poll(context) else { return Poll::Pending };
        isolated.run = None;
        let left = left.expect("it was not told to stop");
        let (at, status) = (left.trace.finished, status_of(&left.trace.ending));
        isolated.left = Some(left);
        self.world.lock().isolated_ends(pid, at, status);
        Poll::Ready(())
    }

    /// Stops processes of broken pools, and waits until the host's threads are done with them.
    fn stop_killed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let killed = self.world.lock().take_killed();
        for pid in killed {
            if let Some(isolated) = &self.process(pid).isolated {
                isolated.stop.store(true, Ordering::Relaxed);
            }
        }
        for process in &mut self.processes {
            let Some(isolated) = &mut process.isolated else { continue };
            if isolated.stop.load(Ordering::Relaxed)
                && let Some(run) = &mut isolated.run
            {
                if Pin::new(run).poll(context).is_pending() {
                    return Poll::Pending;
                }
                isolated.run = None;
            }
        }
        Poll::Ready(())
    }

    /// The moment of the end of a process of a pool has come. Returns how the run ended, if that is its end.
    fn isolated_ended(&mut self, pid: Pid, at: Nanos, status: ExitStatus) -> Option<Ending> {
        let name = self.world.lock().name(pid);
        let reports_crashes = self.config.wants("CHILD-CRASHED");
        let isolated = self.process(pid).isolated.as_mut().expect("it is one");
        isolated.end_seen = true;
        let left = isolated.left.as_mut().expect("it has ended");
        match &left.trace.ending {
            // What ends a process in this way is about the whole run.
            ending @ (Ending::LimitReached { .. }
            | Ending::Misused { .. }
            | Ending::Deadlock { .. }) => return Some(in_process(&name, ending.clone())),
            ending @ (Ending::Panicked { .. } | Ending::Trapped { .. }) if reports_crashes => {
                let index = u32::try_from(left.trace.diagnostics.len()).unwrap_or(u32::MAX);
                left.trace.diagnostics.push(crash(&name, ending));
                let kind = EventKind::Diagnostic(index);
                left.trace.events.push(Event { at, lane: Lane::MAIN, kind });
            }
            _ => {}
        }
        let label = Label(u32::try_from(left.trace.labels.len()).unwrap_or(u32::MAX));
        left.trace.labels.push(name);
        let kind = EventKind::ProcessExited { process: label, status };
        left.trace.events.push(Event { at, lane: Lane::MAIN, kind });
        let outcome = left.outcome.take().unwrap_or(IsolatedOutcome::Died);
        self.world.lock().isolated_has_ended(pid, at, outcome);
        None
    }

    /// Whether a process that is pending has only used up its share of fuel; then its clock shows more.
    fn has_yielded(&mut self, pid: Pid) -> bool {
        let mut shared = self.world.lock();
        let State::Running { at } = shared.process(pid).state else { return false };
        let process = &mut self.processes[pid.0 as usize - 1];
        let interval = u128::from(FUEL_PER_YIELD) * u128::from(process.ps_per_fuel) / 1_000;
        let interval = u64::try_from(interval).unwrap_or(u64::MAX);
        if at != process.bound || process.yields == 0 {
            (process.base, process.yields) = (at, 0);
        }
        // The first interval may have begun before it was last heard of.
        process.bound = process.base + Nanos(interval.saturating_mul(process.yields));
        process.yields += 1;
        shared.has_come_to(pid, process.bound);
        true
    }

    /// Sets up a child; it runs when its time comes.
    fn start(&mut self, start: Start) {
        let Start { pid, program, args, env, at, task } = start;
        if let Some(call) = task {
            let name = self.world.lock().name(pid);
            return self.start_isolated(&name, call, at);
        }
        let own = || (self.program.image.clone(), self.config.ps_per_fuel);
        let (image, ps_per_fuel) = if program == self.config.program_name {
            own()
        } else {
            let plan = self.config.programs.iter().find(|plan| plan.name == program);
            let other = self.program.others.get(&program).zip(plan);
            other.map_or_else(own, |(image, plan)| (image.clone(), plan.ps_per_fuel))
        };
        let config = Arc::new(Config {
            args,
            env,
            program_name: program,
            ps_per_fuel,
            stdin: self.config.stdin.clone(),
            signals: Vec::new(),
            ..Config::clone(&self.config)
        });
        let world = Arc::clone(&self.world);
        let kernel = Kernel::child(Arc::clone(&config), self.seed, world, pid, at);
        self.add(image, &config, kernel);
    }

    /// The moment of a process's end has come. Returns how the run ended, if it did.
    fn ended(&mut self, pid: Pid, at: Nanos, status: ExitStatus) -> Option<Ending> {
        if self.process(pid).isolated.is_some() {
            return self.isolated_ended(pid, at, status);
        }
        let process = self.process(pid);
        // Something else may have ended it before it came to its own end.
        process.future = None;
        let own = process
            .finish
            .take()
            .filter(|finish| finish.at <= at && status_of(&finish.ending) == status);
        let killed = own.is_none();
        let ending = own.map(|finish| finish.ending);
        let signal = match status {
            ExitStatus::Signalled(signal) if killed => Some(signal),
            _ => None,
        };
        if let Some(signal) = signal {
            self.with_remains(pid, |remains| {
                remains.record(at, Lane::SIGNALS, EventKind::SignalRaised(signal));
                remains.record(at, Lane::SIGNALS, EventKind::SignalDefault(signal));
            });
        }
        if pid == Pid::FIRST {
            return Some(ending.unwrap_or(match status {
                ExitStatus::Signalled(signal) => Ending::Signalled { signal },
                ExitStatus::Exited(status) => Ending::Exited { status },
            }));
        }
        let name = self.world.lock().name(pid);
        match ending {
            // What ends a child in this way is about the whole run.
            Some(
                ending @ (Ending::LimitReached { .. }
                | Ending::Misused { .. }
                | Ending::Deadlock { .. }),
            ) => {
                return Some(in_process(&name, ending));
            }
            Some(ending @ (Ending::Panicked { .. } | Ending::Trapped { .. }))
                if self.config.wants("CHILD-CRASHED") =>
            {
                self.with_remains(pid, |remains| remains.diagnostic(at, crash(&name, &ending)));
            }
            _ => {}
        }
        self.with_remains(pid, |remains| {
            let process = remains.intern(&name);
            remains.record(at, Lane::MAIN, EventKind::ProcessExited { process, status });
        });
        self.world.lock().has_ended(pid);
        None
    }

    fn with_remains(&mut self, pid: Pid, change: impl FnOnce(&mut Remains)) {
        let heir = Arc::clone(&self.process(pid).heir);
        let mut remains = heir.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(remains) = remains.as_mut() {
            change(remains);
        }
    }

    /// Nobody can ever go on. The first process's loop may say why, once; then the run is over.
    fn nothing_left(&mut self) -> Option<(Ending, Nanos)> {
        let mut shared = self.world.lock();
        let at = shared.frontier();
        let asks_loop = shared.waiting_for(Pid::FIRST) == Some(Waiting::Loop);
        if !std::mem::replace(&mut shared.stuck, true) && asks_loop {
            shared.resume(Pid::FIRST, at);
            return None;
        }
        Some((Ending::Deadlock { waiting: shared.waiting() }, at))
    }

    /// Puts together what the processes have left.
    fn close(mut self, ending: Ending, at: Nanos) -> (Trace, Vec<Choice>) {
        for process in &mut self.processes {
            process.future = None;
        }
        let ending = self.explain(ending);
        if matches!(ending, Ending::Exited { .. } | Ending::Signalled { .. }) {
            self.report_left_behind(at);
        }
        let pids: Vec<Pid> = self.world.lock().pids().collect();
        let mut processes = pids.into_iter().zip(std::mem::take(&mut self.processes));
        let remains_of = |process: &Process| {
            let remains = process.heir.lock().unwrap_or_else(PoisonError::into_inner).take();
            remains.expect("a kernel leaves its remains when it is dropped")
        };
        let (_, first) = processes.next().expect("there is a first process");
        let (mut trace, mut choices) = remains_of(&first).finish(at, Some(ending));
        for (pid, process) in processes {
            let shared = self.world.lock();
            let ended = match shared.process(pid).state {
                State::Ending { at, .. } | State::Zombie { at, .. } => at,
                _ => at,
            };
            let name = shared.name(pid);
            drop(shared);
            let (part, drawn) = match process.isolated {
                Some(Isolated { end_seen: true, left: Some(left), .. }) => {
                    (left.trace, left.choices)
                }
                Some(_) => continue,
                None => remains_of(&process).finish(ended.min(at), None),
            };
            trace.add_process(&name, part);
            choices.extend(drawn);
        }
        (trace, choices)
    }

    /// Adds to a deadlock what other processes wait for.
    fn explain(&self, ending: Ending) -> Ending {
        let Ending::Deadlock { mut waiting } = ending else { return ending };
        for line in self.world.lock().waiting() {
            if !waiting.contains(&line) {
                waiting.push(line);
            }
        }
        Ending::Deadlock { waiting }
    }

    /// Children that the first process has not waited for.
    fn report_left_behind(&mut self, at: Nanos) {
        let shared = self.world.lock();
        let reports: Vec<Diagnostic> = shared
            .left_behind()
            .into_iter()
            .map(|(pid, state)| {
                let (started, place) = shared.origin(pid);
                let name = shared.name(pid);
                let (code, text) = match state {
                    State::Zombie { at, status } => (
                        "ZOMBIE",
                        format!("child process {name} {status} at {at} and was never waited for"),
                    ),
                    _ => (
                        "ORPHAN-CHILD",
                        format!(
                            "child process {name} still runs at the end of the process that started it at {started}"
                        ),
                    ),
                };
                Diagnostic {
                    code: code.into(),
                    level: Level::Warning,
                    logger: "loopbox".into(),
                    text,
                    created: (!place.is_empty()).then(|| place.to_owned()),
                    died: None,
                }
            })
            .filter(|report| self.config.wants(&report.code))
            .collect();
        drop(shared);
        self.with_remains(Pid::FIRST, |remains| {
            for report in reports {
                remains.diagnostic(at, report);
            }
        });
    }
}

/// What a process's parent is told.
fn status_of(ending: &Ending) -> ExitStatus {
    match ending {
        Ending::Exited { status } => ExitStatus::Exited(*status),
        Ending::Signalled { signal } => ExitStatus::Signalled(*signal),
        _ => ExitStatus::Signalled(Signal::SIGABRT),
    }
}

/// The report of a child that failed badly.
fn crash(name: &str, ending: &Ending) -> Diagnostic {
    Diagnostic {
        code: "CHILD-CRASHED".into(),
        level: Level::Critical,
        logger: "loopbox".into(),
        text: format!("child process {name} {ending}"),
        created: None,
        died: ending.backtrace().first().cloned(),
    }
}

/// An ending of the run that a child has brought about.
fn in_process(name: &str, ending: Ending) -> Ending {
    match ending {
        Ending::Misused { reason, backtrace } => {
            Ending::Misused { reason: format!("in child process {name}: {reason}"), backtrace }
        }
        other => other,
    }
}
