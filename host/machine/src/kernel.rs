//! The simulated machine itself: time, waiting, signals, the pool, blocking calls.
//!
//! The kernel knows no WebAssembly. It is told what the guest does and how much fuel it has burnt, and
//! answers from its own state, so it can be tested by calling it. Whoever calls it settles the clock first
//! ([`Kernel::settle`]) and then asks for one thing.
//!
//! **Order.** Whatever happens outside the main thread (signals, jobs that arrive or finish, messages) is
//! processed in order of virtual time. A job runs in place, at a moment that its worker chose in the past
//! of the loop's clock, and what it does may come before other things that wait to be processed; so
//! processing stops at a job that the guest has not run yet.
//!
//! **Ending.** Methods return [`Halt`] when the run is over. The caller lets it travel up through the
//! guest and hands it to [`Kernel::finish`].

mod blocked;
mod calls;
mod choices;
mod clock;
mod company;
pub(crate) mod files;
mod isolated;
mod notes;
pub(crate) mod pipes;
mod pool;
mod pressure;
mod queue;
mod recorder;
mod signals;
#[cfg(test)]
mod tests;
mod waits;
pub(crate) mod world;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use loopbox_trace::record::Choice;
use loopbox_trace::{
    Diagnostic, Ending, EventKind, JobId, Label, Lane, Level, Limit, Nanos, Outcome, PoolId,
    Signal, TaskId, Trace,
};

use self::blocked::Blocked;
use self::choices::Choices;
use self::clock::Clock;
use self::isolated::Isolated;
pub(crate) use self::isolated::{Call, IsolatedOutcome};
use self::pool::{Arrival, Pools, WorkerId};
use self::pressure::Reported;
use self::queue::TimeQueue;
use self::recorder::Recorder;
pub(crate) use self::signals::SignalError;
use self::signals::{Disposition, Signals};
pub(crate) use self::waits::JobWait;
use self::waits::Waiting;
use self::world::{Pid, World};
use crate::config::Config;

/// What a host call takes from the fuel that a run may burn. It does not move the clock, which would make
/// traced runs slower than others; it keeps a guest that only calls the host from taking hours of its time.
const FUEL_PER_CALL: u64 = 100;

/// How much of a loop's explanation of a deadlock is kept.
const EXPLANATION_LINES: usize = 256;
const EXPLANATION_LINE_CHARS: usize = 1024;

/// Why a run is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Halt {
    /// The process ended by itself.
    #[error("exited with status {0}")]
    Exit(u8),
    /// A signal's default action.
    #[error("died of {0}")]
    Signalled(Signal),
    /// Nothing can ever happen again.
    #[error("deadlock")]
    Deadlock,
    /// A limit of the scenario.
    #[error("reached the {}", .0.key())]
    Limit(Limit),
    /// A call that has no meaning.
    #[error("{0}")]
    Misuse(String),
}

/// What a wait returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wake {
    pub(crate) now: Nanos,
    /// Whether there is something to take.
    pub(crate) notices: bool,
}

impl Wake {
    /// Nothing can ever happen again: the loop may explain who waits for what ([`Kernel::deadlock`]).
    pub(crate) const NEVER: Wake = Wake { now: Nanos::MAX, notices: true };

    /// It depends on other processes, which have to run first ([`Kernel::wait_on`]).
    pub(crate) const PARK: Wake = Wake { now: Nanos(u64::MAX >> 1), notices: false };
}

/// What the loop is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    Signal(Signal),
    RunJob(JobId),
    JobFinished(JobId),
    Message(u32),
    Readable(u32),
    Writable(u32),
    ChildExited(Pid),
}

/// What happens by itself when its time comes.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// A job reaches the pool's queue.
    JobArrives(JobId),
    /// A worker is done with a job, and free.
    JobFinishes { job: JobId, worker: WorkerId },
    /// The worker was done with it before; now the loop comes to that time.
    JobIsSeen(JobId),
    /// A message reaches the loop.
    MessageArrives(u32),
    /// A child of this process has ended.
    ChildExits(Pid),
    /// A process of a pool is done with a job.
    IsolatedFinishes { job: JobId, worker: WorkerId },
}

/// The job that the guest runs in place, and its worker's clock.
#[derive(Debug)]
struct Detached {
    job: JobId,
    worker: WorkerId,
    clock: Clock,
    /// What it waits for, if it does.
    waiting: Option<Waiting>,
}

/// What the end of a process leaves: its part of the run's trace.
#[derive(Debug)]
pub(crate) struct Remains {
    recorder: Recorder,
    choices: Choices,
    /// What a process of a pool has come to.
    pub(crate) result: Option<IsolatedOutcome>,
}

/// Where a process leaves what remains of it, even if it is cut off in the midst of what it does.
pub(crate) type Heir = Arc<Mutex<Option<Remains>>>;

/// The machine of one process.
#[derive(Debug)]
pub(crate) struct Kernel {
    config: Arc<Config>,
    world: Arc<World>,
    pid: Pid,
    /// Whether others, or descriptors, can have a say in what this process sees.
    in_company: bool,
    /// Until when the loop waits, as it said at the last wait.
    waits_until: Nanos,
    /// Since when a thread has been blocked for as long as others say.
    blocked_since: Nanos,
    heir: Option<Heir>,
    /// How many children were started: numbers what is drawn for them.
    starts: u64,
    isolated: Isolated,
    /// How many things were made that the machine keeps to its end.
    starts_and_pipes: usize,
    choices: Choices,
    recorder: Recorder,
    /// The main thread's clock.
    main: Clock,
    detached: Option<Detached>,
    /// Jobs that wait for jobs, below the one that runs: outermost first.
    suspended: Vec<Detached>,
    /// The job that the main thread waits for.
    main_waiting: Option<Waiting>,
    /// What will happen to the pool and the loop.
    queue: TimeQueue<Event>,
    /// Signals on their way to the process, in order of time.
    arrivals: VecDeque<(Nanos, Signal)>,
    signals: Signals,
    pools: Pools,
    /// What was reported about each pool.
    reported: Vec<Reported>,
    /// Who waits for what, if the pools can never go on.
    stuck_pools: Vec<String>,
    /// What has happened and the loop has not taken yet, in order of time.
    ready: VecDeque<(Nanos, Notice)>,
    /// The job that was announced and has not been begun: nothing later is processed before it.
    announced: Option<(JobId, Nanos)>,
    messages: u32,
    /// How many calls each blocking rule has seen: numbers its choices.
    calls: Vec<u64>,
    in_turn: bool,
    /// Whether the loop was told that nothing can happen any more.
    stuck: bool,
    /// What the loop said to that, in lines of text.
    explanation: Vec<String>,
    /// The task whose step runs, as far as the loop has said.
    in_step: Option<TaskId>,
    /// What is reported if it blocks the loop.
    blocked: Blocked,
    /// Fuel that the guest had left when it was last looked at.
    fuel_seen: u64,
    /// Fuel that the run may still burn, whatever was granted so far.
    fuel_left: u64,
    /// Fuel that this process has used up.
    fuel_burnt: u64,
    /// The running thread's clock must not pass this unnoticed: the time limit, or a fatal signal.
    edge: Nanos,
    /// Whether the guest's fuel must be granted anew.
    regrant: bool,
}

impl Kernel {
    /// The run's first process, in a world of its own.
    pub(crate) fn new(config: Arc<Config>, seed: u64) -> Kernel {
        let world = Arc::new(World::new(&config));
        Kernel::of(config, Choices::new(seed), world, Pid::FIRST)
    }

    /// A child, whose first instruction runs at `start`.
    pub(crate) fn child(
        config: Arc<Config>,
        seed: u64,
        world: Arc<World>,
        pid: Pid,
        start: Nanos,
    ) -> Kernel {
        let name = world.lock().name(pid);
        let mut kernel = Kernel::of(config, Choices::of_process(seed, &name), world, pid);
        kernel.main = Clock::at(start);
        kernel.find_edge();
        kernel.join_company();
        kernel
    }

    /// A process of a pool, in a world of its own: its first instruction runs at `start`.
    pub(crate) fn isolated(
        config: Arc<Config>,
        seed: u64,
        name: &str,
        call: Call,
        start: Nanos,
    ) -> Kernel {
        let world = Arc::new(World::new(&config));
        let mut kernel = Kernel::of(config, Choices::of_process(seed, name), world, Pid::FIRST);
        kernel.main = Clock::at(start);
        kernel.set_task(call);
        kernel.find_edge();
        kernel
    }

    fn of(config: Arc<Config>, mut choices: Choices, world: Arc<World>, pid: Pid) -> Kernel {
        assert!(config.ps_per_fuel > 0, "fuel that takes no time would let the clock stand still");
        let mut arrivals: Vec<(Nanos, Signal)> = config
            .signals
            .iter()
            .enumerate()
            .map(|(index, plan)| {
                let label = || format!("signal[{index}].at ({})", plan.signal);
                (choices.nanos(label, &plan.at), plan.signal)
            })
            .collect();
        arrivals.sort_by_key(|&(at, _)| at);
        let mut kernel = Kernel {
            world,
            pid,
            in_company: false,
            waits_until: Nanos::ZERO,
            blocked_since: Nanos::ZERO,
            heir: None,
            starts: 0,
            isolated: Isolated::default(),
            starts_and_pipes: 0,
            choices,
            recorder: Recorder::new(config.traced, &config.limits),
            main: Clock::default(),
            detached: None,
            suspended: Vec::new(),
            main_waiting: None,
            queue: TimeQueue::new(),
            arrivals: arrivals.into(),
            signals: Signals::default(),
            pools: Pools::new(config.workers),
            reported: vec![Reported::nothing()],
            stuck_pools: Vec::new(),
            ready: VecDeque::new(),
            announced: None,
            messages: 0,
            calls: vec![0; config.blocking.len()],
            in_turn: false,
            stuck: false,
            explanation: Vec::new(),
            in_step: None,
            blocked: Blocked::default(),
            fuel_seen: 0,
            fuel_left: config.limits.fuel,
            fuel_burnt: 0,
            edge: Nanos::MAX,
            regrant: false,
            config,
        };
        kernel.recorder.add_pool("default", kernel.config.workers);
        kernel.find_edge();
        kernel
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// The calling thread's time.
    pub(crate) fn now(&self) -> Nanos {
        self.detached.as_ref().map_or(self.main.now(), |detached| detached.clock.now())
    }

    // --- Fuel and time ---------------------------------------------------------------------------

    /// Charges the fuel that the calling thread has burnt, given what it has left.
    #[inline]
    pub(crate) fn settle(&mut self, fuel_now: u64) -> Result<(), Halt> {
        let burnt = self.fuel_seen.saturating_sub(fuel_now);
        self.fuel_seen = fuel_now;
        self.fuel_left = self.fuel_left.saturating_sub(burnt + FUEL_PER_CALL);
        self.fuel_burnt += burnt + FUEL_PER_CALL;
        let ps_per_fuel = self.config.ps_per_fuel;
        self.clock().burn(burnt, ps_per_fuel);
        self.look_up()?;
        if self.fuel_left == 0 {
            return Err(Halt::Limit(Limit::Fuel));
        }
        Ok(())
    }

    /// How much fuel the guest may burn before the kernel must look again, if that has changed.
    #[inline]
    pub(crate) fn fuel_grant(&mut self) -> Option<u64> {
        if !self.regrant {
            return None;
        }
        self.regrant = false;
        let picos = u128::from((self.edge - self.now()).0) * 1_000;
        let to_edge = picos.div_ceil(u128::from(self.config.ps_per_fuel)) + 1;
        self.fuel_seen = u64::try_from(to_edge).unwrap_or(u64::MAX).min(self.fuel_left);
        Some(self.fuel_seen)
    }

    /// The guest has used up its grant: says which limit that was.
    pub(crate) fn out_of_fuel(&mut self) -> Halt {
        match self.settle(0) {
            Err(halt) => halt,
            Ok(()) => Halt::Limit(Limit::Fuel),
        }
    }

    /// The thread that runs uses CPU time that it did not burn fuel for.
    pub(crate) fn compute(&mut self, span: Nanos) -> Result<(), Halt> {
        self.jump_to(self.now() + span)
    }

    fn clock(&mut self) -> &mut Clock {
        self.detached.as_mut().map_or(&mut self.main, |detached| &mut detached.clock)
    }

    fn lane(&self) -> Lane {
        self.detached.as_ref().map_or(Lane::MAIN, |detached| Lane::worker(detached.worker))
    }

    /// Moves the running thread's clock without fuel.
    fn jump_to(&mut self, then: Nanos) -> Result<(), Halt> {
        self.clock().advance_to(then);
        // Only if the fuel that is left could carry the thread over the edge unnoticed.
        let ahead = self.fuel_seen.saturating_mul(self.config.ps_per_fuel) / 1_000;
        if self.now() + Nanos(ahead) > self.edge {
            self.regrant = true;
        }
        self.look_up()
    }

    /// Ends the run if a limit was passed or a fatal signal has come.
    #[inline]
    fn look_up(&mut self) -> Result<(), Halt> {
        if self.now() >= self.edge {
            self.over_the_edge()?;
        }
        match self.recorder.exceeded() {
            Some(limit) => Err(Halt::Limit(limit)),
            None => Ok(()),
        }
    }

    #[cold]
    fn over_the_edge(&mut self) -> Result<(), Halt> {
        if self.detached.is_none() {
            while let Some(&(at, signal)) = self.arrivals.front()
                && at <= self.main.now()
                && at <= self.config.limits.time
            {
                self.arrivals.pop_front();
                self.arrive(at, signal)?;
            }
        }
        if self.now() > self.config.limits.time {
            *self.clock() = Clock::at(self.config.limits.time);
            return Err(Halt::Limit(Limit::Time));
        }
        Ok(())
    }

    /// Finds out where the running thread must be looked at again.
    fn find_edge(&mut self) {
        let limit = self.config.limits.time + Nanos(1);
        let fatal = self.arrivals.iter().find(|(_, signal)| self.signals.would_terminate(*signal));
        self.edge = match fatal {
            // A job's clock runs on its own; the process's end is the main thread's to notice.
            Some(&(at, _)) if self.detached.is_none() => limit.min(at),
            _ => limit,
        };
        self.regrant = true;
    }

    // --- Waiting ---------------------------------------------------------------------------------

    /// Ends the turn and waits until `until` or until there is a notice.
    pub(crate) fn wait(&mut self, until: Nanos) -> Result<Wake, Halt> {
        if let Some(detached) = &self.detached {
            return Err(Halt::Misuse(format!(
                "job {:?} waits for the event loop, which waits for the job: a job must not block on the loop",
                self.recorder.job_name(detached.job)
            )));
        }
        if let Some((job, _)) = self.announced
            && !self.ready.iter().any(|&(_, notice)| notice == Notice::RunJob(job))
        {
            return Err(Halt::Misuse(format!(
                "job {:?} was announced to the event loop, which waits without running it",
                self.recorder.job_name(job)
            )));
        }
        self.stop();
        if self.in_company {
            return self.wait_in_company(until);
        }
        loop {
            self.absorb()?;
            if self.has_isolated_news() {
                self.join_company();
                return self.wait_in_company(until);
            }
            if until <= self.main.now() || !self.ready.is_empty() {
                return Ok(self.begin_turn());
            }
            let Some(next) = self.next_moment(until) else { return self.never() };
            self.jump_to(next)?;
        }
    }

    #[inline]
    fn begin_turn(&mut self) -> Wake {
        let now = self.main.now();
        self.in_turn = true;
        self.recorder.record(now, Lane::MAIN, EventKind::TurnBegin);
        Wake { now, notices: !self.ready.is_empty() }
    }

    /// When the next thing happens that a loop that waits until then would see.
    #[inline]
    fn next_moment(&self, until: Nanos) -> Option<Nanos> {
        let signal_at = self.arrivals.front().map(|&(at, _)| at);
        let deadline = (until != Nanos::MAX).then_some(until);
        [deadline, self.queue.next_at(), signal_at].into_iter().flatten().min()
    }

    /// Nothing can ever happen again. The first time the loop is told; if it waits again, that is the end.
    #[cold]
    fn never(&mut self) -> Result<Wake, Halt> {
        if std::mem::replace(&mut self.stuck, true) {
            return Err(Halt::Deadlock);
        }
        Ok(Wake::NEVER)
    }

    /// The loop explains who waits for what, after [`Wake::NEVER`].
    pub(crate) fn deadlock(&mut self, explanation: Vec<String>) -> Halt {
        if !self.stuck {
            return Halt::Misuse("a deadlock was reported, but things can still happen".into());
        }
        self.explanation = within_bounds(explanation);
        Halt::Deadlock
    }

    /// Whether the run has come to a deadlock, whatever the guest does after it was told.
    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck
    }

    /// The loop neither runs nor waits any more: its turn ends.
    pub(crate) fn stop(&mut self) {
        self.end_step(Outcome::Pending);
        self.end_turn();
    }

    fn end_turn(&mut self) {
        if std::mem::take(&mut self.in_turn) {
            self.recorder.record(self.main.now(), Lane::MAIN, EventKind::TurnEnd);
        }
    }

    /// The next thing that the loop is to be told.
    pub(crate) fn next_notice(&mut self) -> Result<Option<(Nanos, Notice)>, Halt> {
        self.on_main_thread("takes the loop's notices")?;
        loop {
            self.absorb()?;
            let Some((at, notice)) = self.ready.pop_front() else {
                return Ok(None);
            };
            let delivered = match notice {
                Notice::Signal(signal) => match self.signals.deliver(signal) {
                    Some(raised) => Some(EventKind::SignalDelivered { signal, raised }),
                    // The handler was removed since: asyncio drops such a signal too.
                    None => continue,
                },
                Notice::RunJob(_)
                | Notice::Readable(_)
                | Notice::Writable(_)
                | Notice::ChildExited(_) => None,
                Notice::JobFinished(job) => Some(EventKind::JobDelivered { job, finished: at }),
                Notice::Message(message) => {
                    Some(EventKind::MessageReceived { message, posted: at })
                }
            };
            if let Some(kind) = delivered {
                self.recorder.record(self.main.now(), Lane::MAIN, kind);
            }
            return Ok(Some((at, notice)));
        }
    }

    /// Processes, in order, whatever has happened up to the main thread's time.
    #[inline]
    fn absorb(&mut self) -> Result<(), Halt> {
        let now = self.main.now();
        while self.announced.is_none() {
            let signal_at = self.arrivals.front().map_or(Nanos::MAX, |&(at, _)| at);
            if signal_at <= now && signal_at <= self.queue.next_at().unwrap_or(Nanos::MAX) {
                let (at, signal) = self.arrivals.pop_front().expect("it was at the front");
                self.arrive(at, signal)?;
            } else if let Some((at, event)) = self.queue.pop_due(now) {
                self.happen(at, event);
            } else {
                break;
            }
        }
        Ok(())
    }

    fn happen(&mut self, at: Nanos, event: Event) {
        match event {
            Event::JobArrives(job) => {
                self.job_arrives(at, job);
                if let Some((job, _)) = self.announced {
                    self.ready.push_back((at, Notice::RunJob(job)));
                }
            }
            Event::JobFinishes { job, worker } => {
                if self.pools.is_notified(job) {
                    self.ready.push_back((at, Notice::JobFinished(job)));
                }
                if let Some(next) = self.pools.release(worker, at) {
                    self.announced = Some((next, at));
                    self.ready.push_back((at, Notice::RunJob(next)));
                }
            }
            Event::JobIsSeen(job) => self.ready.push_back((at, Notice::JobFinished(job))),
            Event::MessageArrives(message) => {
                self.ready.push_back((at, Notice::Message(message)));
            }
            Event::ChildExits(child) => self.ready.push_back((at, Notice::ChildExited(child))),
            Event::IsolatedFinishes { job, worker } => self.isolated_finishes(at, job, worker),
        }
    }

    /// A job reaches the queue of its pool; if a worker takes it at once, the guest is to run it.
    fn job_arrives(&mut self, at: Nanos, job: JobId) {
        match self.pools.arrive(job, at) {
            Arrival::Taken(worker) => {
                self.recorder.name_worker(worker, || self.pools.worker_name(worker));
                if self.is_isolated(job) {
                    self.start_isolated(at, job, worker);
                } else {
                    self.announced = Some((job, at));
                }
            }
            Arrival::Queued { ahead } => self.recorder.set_jobs_ahead(job, ahead),
            Arrival::Later(at) => self.queue.push(at, Event::JobArrives(job)),
            Arrival::Gone => {}
        }
    }

    fn on_main_thread(&self, what: &str) -> Result<(), Halt> {
        match &self.detached {
            None => Ok(()),
            Some(detached) => Err(Halt::Misuse(format!(
                "job {:?} {what}: only the main thread may",
                self.recorder.job_name(detached.job)
            ))),
        }
    }

    // --- Signals ---------------------------------------------------------------------------------

    /// Sets or removes the handler of a signal; returns whether there was one.
    pub(crate) fn set_signal_handler(
        &mut self,
        number: u8,
        handled: bool,
    ) -> Result<bool, SignalError> {
        if self.detached.is_some() {
            return Err(SignalError::NotMainThread);
        }
        let had = self.signals.set_handler(number, handled)?;
        if self.in_company {
            self.show_handlers();
        }
        self.find_edge();
        Ok(had)
    }

    /// Sets a handler for one delivery; the next signal takes the default action.
    pub(crate) fn set_signal_handler_once(&mut self, number: u8) -> Result<bool, SignalError> {
        let had = self.set_signal_handler(number, true)?;
        self.signals.set_once(number);
        Ok(had)
    }

    /// The guest sends itself a signal.
    pub(crate) fn raise(&mut self, number: u8) -> Result<Result<(), SignalError>, Halt> {
        let Some(signal) = Signal::from_number(number) else {
            return Ok(Err(SignalError::Unknown));
        };
        let now = self.now();
        let position = self.arrivals.partition_point(|&(at, _)| at <= now);
        self.arrivals.insert(position, (now, signal));
        self.find_edge();
        self.bound_what_is_kept();
        self.look_up()?;
        Ok(Ok(()))
    }

    /// The handler of a delivered signal has run.
    pub(crate) fn signal_handled(&mut self, number: u8) -> Result<(), Halt> {
        let delivered = Signal::from_number(number)
            .and_then(|signal| Some((signal, self.signals.handled(signal)?)));
        let Some((signal, raised)) = delivered else {
            return Err(Halt::Misuse(format!(
                "signal {number} was reported as handled, but was not delivered"
            )));
        };
        self.record(EventKind::SignalHandled { signal, raised });
        Ok(())
    }

    /// A signal reaches the process.
    fn arrive(&mut self, at: Nanos, signal: Signal) -> Result<(), Halt> {
        self.recorder.record(at, Lane::SIGNALS, EventKind::SignalRaised(signal));
        let disposition = self.signals.raise(signal, at);
        self.find_edge();
        match disposition {
            Disposition::Pending => self.ready.push_back((at, Notice::Signal(signal))),
            Disposition::Merged => {
                self.recorder.record(at, Lane::SIGNALS, EventKind::SignalMerged(signal));
                if self.config.wants("SIGNAL-COALESCED") {
                    let text = format!(
                        "{signal} was sent again while it was pending: its handler runs once for both"
                    );
                    self.recorder.add_diagnostic(at, Lane::SIGNALS, ours("SIGNAL-COALESCED", text));
                }
            }
            Disposition::Ignored => {
                self.recorder.record(at, Lane::SIGNALS, EventKind::SignalDefault(signal));
            }
            Disposition::Terminates => {
                self.recorder.record(at, Lane::SIGNALS, EventKind::SignalDefault(signal));
                self.main = Clock::at(at);
                return Err(Halt::Signalled(signal));
            }
        }
        Ok(())
    }

    // --- Jobs ------------------------------------------------------------------------------------

    /// A pool of its own beside the one that is there from the start.
    pub(crate) fn add_pool(&mut self, name: &str, workers: u32) -> Result<PoolId, Halt> {
        let size = u16::try_from(workers).unwrap_or(u16::MAX);
        let Some(pool) = self.pools.add_pool(name, size) else {
            return Err(Halt::Misuse(format!(
                "a pool {name:?} of {workers} workers: a pool has at least one, and all pools together have at most 60,000"
            )));
        };
        self.recorder.add_pool(name, size);
        self.reported.push(Reported::nothing());
        self.bound_what_is_kept();
        Ok(pool)
    }

    /// Gives a job to a pool, at the calling thread's time. The loop hears of its completion if it is to be
    /// `notified`.
    pub(crate) fn submit(
        &mut self,
        pool: PoolId,
        name: &str,
        place: &str,
        notified: bool,
    ) -> Result<JobId, Halt> {
        if self.pools.pool(pool).is_none() {
            return Err(Halt::Misuse(format!("there is no pool {}", pool.0)));
        }
        let now = self.now();
        let job = self.pools.create(pool, now, notified);
        self.recorder.add_job(name, place, pool, now);
        self.record(EventKind::JobQueued(job));
        self.queue.push(now, Event::JobArrives(job));
        self.bound_what_is_kept();
        self.report_growth(pool, job);
        Ok(job)
    }

    /// Takes back a job that no worker has taken by now; false if it is too late.
    pub(crate) fn cancel_job(&mut self, job: JobId) -> bool {
        let cancelled = self.pools.cancel(job);
        if cancelled {
            self.forget_call(job);
            self.record(EventKind::JobFinished(job, Outcome::Cancelled));
        }
        cancelled
    }

    /// The guest begins to run the job that was announced: its worker's clock runs from here. A job that
    /// waits for another one stays below.
    pub(crate) fn begin_job(&mut self, job: JobId) -> Result<(), Halt> {
        if self.detached.as_ref().is_some_and(|detached| detached.waiting.is_none()) {
            self.on_main_thread("begins another job")?;
        }
        let announced = self.announced.take_if(|&mut (announced, _)| announced == job);
        let (Some((_, at)), Some(worker)) = (announced, self.pools.begin(job)) else {
            return Err(Halt::Misuse(format!(
                "job {} was begun, but no worker is waiting to run it",
                job.0
            )));
        };
        let below =
            self.detached.replace(Detached { job, worker, clock: Clock::at(at), waiting: None });
        self.suspended.extend(below);
        self.find_edge();
        self.record(EventKind::JobStarted(job));
        self.report_saturation(job, worker, at);
        Ok(())
    }

    /// The guest has run the job: its worker is done at that worker's time.
    pub(crate) fn end_job(&mut self, job: JobId, outcome: Outcome) -> Result<(), Halt> {
        let Some(detached) = self.detached.take_if(|detached| detached.job == job) else {
            return Err(Halt::Misuse(format!("job {} was ended, but is not being run", job.0)));
        };
        let Detached { worker, clock, .. } = detached;
        self.recorder.record(
            clock.now(),
            Lane::worker(worker),
            EventKind::JobFinished(job, outcome),
        );
        self.pools.finish(job, clock.now());
        self.queue.push(clock.now(), Event::JobFinishes { job, worker });
        self.detached = self.suspended.pop();
        self.find_edge();
        Ok(())
    }

    /// Sends the loop a message at the calling thread's time.
    pub(crate) fn post(&mut self) -> u32 {
        let message = self.messages;
        self.messages += 1;
        self.record(EventKind::MessagePosted(message));
        self.queue.push(self.now(), Event::MessageArrives(message));
        self.bound_what_is_kept();
        message
    }

    /// A guest can give the machine things to keep faster than it takes them back, recorded or not.
    fn bound_what_is_kept(&mut self) {
        let kept = self.queue.len() + self.arrivals.len() + self.pools.jobs();
        if kept > self.config.limits.trace_events {
            self.recorder.exceed(Limit::Trace);
        }
    }

    // --- The end ---------------------------------------------------------------------------------

    /// Who waits for what, when nothing can happen any more.
    pub(crate) fn waiting(&self) -> Vec<String> {
        if !self.stuck_pools.is_empty() {
            return self.stuck_pools.clone();
        }
        let mut waiting =
            vec!["the loop waits without a deadline; no timer, job or signal is left".to_owned()];
        if !self.explanation.is_empty() {
            waiting.extend_from_slice(&self.explanation);
            return waiting;
        }
        for (name, place, last_step) in self.recorder.live_tasks() {
            let since = match last_step {
                Some(at) => format!("is pending since {at}"),
                None => "never ran".to_owned(),
            };
            waiting.push(format!("task {name:?} {since}; spawned at {place}"));
        }
        waiting
    }

    /// What asyncio is silent about: a process that a signal ended in the midst of its tasks, and signals that
    /// no loop has ever looked at.
    fn report_signals(&mut self, ending: &Ending) {
        if let Ending::Signalled { signal } = ending {
            let tasks = self.recorder.live_tasks().len();
            if tasks > 0 && self.config.wants("EXIT-UNCLEAN") {
                let text = format!(
                    "died of {signal}, which has no handler, with {tasks} tasks pending: no clean-up has run"
                );
                self.diagnostic(ours("EXIT-UNCLEAN", text));
            }
        }
        if matches!(ending, Ending::Exited { .. }) && self.config.wants("SIGNAL-UNDELIVERED") {
            self.see_last_signals();
            for (signal, raised) in self.signals.undelivered() {
                let text = format!(
                    "{signal}, raised at {raised}, has a handler that never ran: no loop was running to see it"
                );
                self.diagnostic(ours("SIGNAL-UNDELIVERED", text));
            }
        }
    }

    /// Signals with a handler that have come since the last wait: no wait will see them any more.
    fn see_last_signals(&mut self) {
        while let Some(&(at, signal)) = self.arrivals.front()
            && at <= self.main.now()
        {
            self.arrivals.pop_front();
            if self.signals.has_handler(signal) && self.arrive(at, signal).is_err() {
                break;
            }
        }
    }

    /// Whatever way the process ends, `heir` gets what remains of it.
    pub(crate) fn leave_to(&mut self, heir: &Heir) {
        self.heir = Some(Arc::clone(heir));
    }

    /// When the process ends, if it ends now.
    pub(crate) fn end(&mut self, ending: &Ending) -> Nanos {
        // A step that was under way stays without an end: it did not come to one.
        self.end_turn();
        self.report_signals(ending);
        // Inside a job the process ends at the worker's time, if that is ahead of the loop's.
        self.main.now().max(self.now())
    }

    /// Closes the run of a process that is alone: its trace, and the choices that were drawn for it.
    #[cfg(test)]
    pub(crate) fn finish(mut self, ending: Ending) -> (Trace, Vec<Choice>) {
        let finished = self.end(&ending);
        self.remains().finish(finished, Some(ending))
    }

    fn remains(&mut self) -> Remains {
        Remains {
            recorder: std::mem::take(&mut self.recorder),
            choices: std::mem::take(&mut self.choices),
            result: self.take_result(),
        }
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        if let Some(heir) = self.heir.take() {
            *heir.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.remains());
        }
    }
}

impl Remains {
    /// Closes the trace of a process that ended at `finished`; of one that is not the run's first,
    /// without an ending.
    pub(crate) fn finish(self, finished: Nanos, ending: Option<Ending>) -> (Trace, Vec<Choice>) {
        (self.recorder.finish(finished, ending), self.choices.into_tape())
    }

    /// Adds something that happened to the process when it could not say so itself any more.
    pub(crate) fn record(&mut self, at: Nanos, lane: Lane, kind: EventKind) {
        self.recorder.record(at, lane, kind);
    }

    /// A label of the process's own trace.
    pub(crate) fn intern(&mut self, text: &str) -> Label {
        self.recorder.intern(text)
    }

    /// Adds a report of the machine about the process.
    pub(crate) fn diagnostic(&mut self, at: Nanos, diagnostic: Diagnostic) {
        self.recorder.add_diagnostic(at, Lane::MAIN, diagnostic);
    }
}

/// As much of a guest's explanation as is kept.
pub(crate) fn within_bounds(mut explanation: Vec<String>) -> Vec<String> {
    let lines = explanation.len();
    explanation.truncate(EXPLANATION_LINES);
    for line in &mut explanation {
        if let Some((cut, _)) = line.char_indices().nth(EXPLANATION_LINE_CHARS) {
            line.truncate(cut);
            line.push_str("...");
        }
    }
    if lines > EXPLANATION_LINES {
        explanation.push(format!("... and {} more lines", lines - EXPLANATION_LINES));
    }
    explanation
}

/// A source path from its package's own directory on: what lies before differs from machine to machine.
pub(crate) fn short_path(path: &str) -> &str {
    if !path.starts_with('/') {
        return path;
    }
    let Some(src) = path.rfind("/src/") else {
        return path.rsplit('/').next().unwrap_or(path);
    };
    path[..src].rfind('/').map_or(path, |slash| &path[slash + 1..])
}

/// A report of ours about the process as a whole, which was made nowhere.
fn ours(code: &str, text: String) -> Diagnostic {
    Diagnostic {
        code: code.into(),
        level: Level::Warning,
        logger: "loopbox".into(),
        text,
        created: None,
        died: None,
    }
}
