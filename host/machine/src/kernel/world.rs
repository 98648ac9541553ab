//! What the processes of one run share: who lives, whose turn it is, descriptors, pipes.
//!
//! Each process has a kernel of its own, whose clock runs ahead of the others' for as long as the process keeps
//! to itself. Before it touches or looks at something in here it waits for its turn: until no other
//! process could still do so at an earlier time, or with a smaller number at the same time. So what happens
//! in here happens in order of virtual time, whatever the host does.
//!
//! A process that has neither children nor watched descriptors never comes here while it runs.

mod endings;
mod files;
mod report;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use loopbox_trace::{Nanos, Signal};

use super::pipes::{Descriptor, Pipe, PipeId};
use super::{Call, IsolatedOutcome};
use crate::config::Config;

pub(crate) use endings::{ExitStatus, KillError, WaitError};
pub(crate) use files::Interest;

/// A process: the first has 1. Numbers are not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pid(pub(crate) u32);

impl Pid {
    /// The process with which the run begins and ends.
    pub(crate) const FIRST: Pid = Pid(1);

    fn index(self) -> usize {
        self.0 as usize - 1
    }
}

/// What a process waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// Its turn, or a moment: nothing that others do.
    Turn,
    /// Its loop waits: for a signal, a child, a descriptor.
    Loop,
    /// The pipe, which is empty.
    Reading(PipeId),
    /// The pipe, which is full.
    Writing(PipeId),
    /// The end of a child.
    Child(Pid),
    /// One of several things, in `wasi:io/poll`.
    Poll,
}

/// Where a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It runs, or can: its clock shows at least this.
    Running { at: Nanos },
    /// It goes on at this moment, or when what it waits for happens.
    Blocked { until: Nanos, on: Waiting },
    /// It will have ended at this moment, unless something happens to it before.
    Ending { at: Nanos, status: ExitStatus },
    /// It has ended; nobody has asked how.
    Zombie { at: Nanos, status: ExitStatus },
    /// It is gone.
    Reaped,
}

/// What is on its way to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    Signal(Signal),
    ChildExited(Pid),
    /// A process of a pool: its outcome is there to be taken.
    IsolatedEnded(Pid),
}

/// What a process has used up of what the run has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) fuel: u64,
    pub(crate) events: usize,
    pub(crate) output_bytes: usize,
}

/// A process, as the others see it.
#[derive(Debug)]
pub(crate) struct Process {
    /// The program's name.
    pub(crate) program: String,
    pub(crate) parent: Option<Pid>,
    /// Where in the source it was started, for people.
    pub(crate) place: String,
    /// When it was started.
    pub(crate) started: Nanos,
    pub(crate) state: State,
    /// Numbers of the signals that have a handler, as bits.
    handled: u32,
    /// In order of time.
    inbox: VecDeque<(Nanos, Arrival)>,
    descriptors: BTreeMap<u32, Descriptor>,
    watched: BTreeSet<(u32, Interest)>,
    usage: Usage,
}

/// A child that is to be started.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub(crate) pid: Pid,
    pub(crate) program: String,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    /// When its first instruction runs.
    pub(crate) at: Nanos,
    /// What it is to do, if it is one of a pool of processes.
    pub(crate) task: Option<Call>,
}

/// Everything that is shared, for one at a time.
#[derive(Debug)]
pub(crate) struct Shared {
    processes: Vec<Process>,
    pipes: Vec<Pipe>,
    /// How many pipes got their name from their number.
    pipes_numbered: u32,
    /// The time of the last turn: no turn comes earlier.
    frontier: Nanos,
    /// Children that nobody has started yet.
    starts: Vec<Start>,
    /// What processes of pools have come to, and nobody has taken.
    isolated: BTreeMap<Pid, IsolatedOutcome>,
    /// Who has started which process of a pool.
    isolated_parents: BTreeMap<Pid, Pid>,
    /// Processes of pools that are to be stopped.
    killed: Vec<Pid>,
    /// Nothing can ever happen again: the first process's loop may say who waits for what.
    pub(crate) stuck: bool,
    pipe_capacity: usize,
    processes_max: usize,
}

/// Everything that is shared.
#[derive(Debug)]
pub(crate) struct World(Mutex<Shared>);

impl World {
    /// A world with one process, which has not begun.
    pub(crate) fn new(config: &Config) -> World {
        let descriptors = [Descriptor::Stdin, Descriptor::Stdout, Descriptor::Stderr];
        let first = Process {
            program: config.program_name.clone(),
            parent: None,
            place: String::new(),
            started: Nanos::ZERO,
            state: State::Running { at: Nanos::ZERO },
            handled: 0,
            inbox: VecDeque::new(),
            descriptors: (0..).zip(descriptors).collect(),
            watched: BTreeSet::new(),
            usage: Usage::default(),
        };
        World(Mutex::new(Shared {
            processes: vec![first],
            pipes: Vec::new(),
            pipes_numbered: 0,
            frontier: Nanos::ZERO,
            starts: Vec::new(),
            isolated: BTreeMap::new(),
            isolated_parents: BTreeMap::new(),
            killed: Vec::new(),
            stuck: false,
            pipe_capacity: config.pipe_capacity,
            processes_max: config.processes.into(),
        }))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Shared> {
        // A poisoned lock: a bug of ours has panicked while it held it, and is on its way to whoever runs us.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Completes when the scheduler lets the process go on; gives the moment.
pub(crate) fn wait_for_turn(world: &Arc<World>, pid: Pid) -> impl Future<Output = Nanos> + use<> {
    let world = Arc::clone(world);
    poll_fn(move |_| match world.lock().process(pid).state {
        State::Running { at } => Poll::Ready(at),
        // Whoever schedules the processes polls this one again when its state has changed.
        _ => Poll::Pending,
    })
}

impl Shared {
    pub(crate) fn process(&self, pid: Pid) -> &Process {
        &self.processes[pid.index()]
    }

    fn process_mut(&mut self, pid: Pid) -> &mut Process {
        &mut self.processes[pid.index()]
    }

    pub(crate) fn pids(&self) -> impl Iterator<Item = Pid> + use<> {
        (1..).take(self.processes.len()).map(Pid)
    }

    /// `cat[2]`: how a process is named for people and in the trace.
    pub(crate) fn name(&self, pid: Pid) -> String {
        format!("{}[{}]", self.process(pid).program, pid.0)
    }

    // --- Whose turn it is --------------------------------------------------------------------------

    /// When the process can next do something that others see; `None` if only others can bring that about.
    fn next_of(&self, pid: Pid) -> Option<Nanos> {
        match self.process(pid).state {
            State::Running { at } | State::Ending { at, .. } => Some(at),
            State::Blocked { until, .. } => (until != Nanos::MAX).then_some(until),
            State::Zombie { .. } | State::Reaped => None,
        }
    }

    /// The process that comes next, and when.
    pub(crate) fn next(&self) -> Option<(Nanos, Pid)> {
        self.pids().filter_map(|pid| Some((self.next_of(pid)?, pid))).min()
    }

    /// Whether nobody else could do something before this process does at `at`.
    pub(crate) fn is_first(&self, pid: Pid, at: Nanos) -> bool {
        self.pids()
            .filter(|&other| other != pid)
            .all(|other| self.next_of(other).is_none_or(|next| (next, other) > (at, pid)))
    }

    /// No turn comes before this moment.
    pub(crate) fn frontier(&self) -> Nanos {
        self.frontier
    }

    /// The process takes its turn, now.
    pub(crate) fn take_turn(&mut self, pid: Pid, at: Nanos) {
        self.frontier = self.frontier.max(at);
        self.process_mut(pid).state = State::Running { at };
    }

    /// The process goes on, at the moment for which it waited.
    pub(crate) fn resume(&mut self, pid: Pid, at: Nanos) {
        self.process_mut(pid).state = State::Running { at };
    }

    /// The process waits.
    pub(crate) fn block(&mut self, pid: Pid, until: Nanos, on: Waiting) {
        let process = self.process_mut(pid);
        if !matches!(process.state, State::Ending { .. }) {
            process.state = State::Blocked { until, on };
        }
    }

    /// The process has run for so long that its clock shows at least this.
    pub(crate) fn has_come_to(&mut self, pid: Pid, then: Nanos) {
        if let State::Running { at } = &mut self.process_mut(pid).state {
            *at = then.max(*at);
        }
    }

    /// Whoever waits for one of these goes on now, at the latest.
    fn wake(&mut self, at: Nanos, wanted: impl Fn(Pid, Waiting) -> bool) {
        for (pid, process) in (1..).map(Pid).zip(&mut self.processes) {
            if let State::Blocked { until, on } = &mut process.state
                && wanted(pid, *on)
            {
                *until = at.min(*until);
            }
        }
    }

    fn wake_for_pipe(&mut self, at: Nanos, pipe: PipeId) {
        self.wake(at, |_, on| match on {
            Waiting::Reading(other) | Waiting::Writing(other) => other == pipe,
            Waiting::Loop | Waiting::Poll => true,
            Waiting::Turn | Waiting::Child(_) => false,
        });
    }

    // --- What arrives --------------------------------------------------------------------------------

    fn send(&mut self, to: Pid, at: Nanos, arrival: Arrival) {
        self.process_mut(to).inbox.push_back((at, arrival));
        self.wake(at, |pid, on| pid == to && matches!(on, Waiting::Loop | Waiting::Child(_)));
    }

    /// What has arrived by now, oldest first.
    pub(crate) fn take_arrival(&mut self, pid: Pid, now: Nanos) -> Option<(Nanos, Arrival)> {
        let inbox = &mut self.process_mut(pid).inbox;
        inbox.pop_front_if(|(at, _)| *at <= now)
    }

    /// What the process has used, in exchange for what all others have.
    pub(crate) fn exchange_usage(&mut self, pid: Pid, usage: Usage) -> Usage {
        self.process_mut(pid).usage = usage;
        let mut others = Usage::default();
        for other in self.pids().filter(|&other| other != pid) {
            let used = self.process(other).usage;
            others.fuel = others.fuel.saturating_add(used.fuel);
            others.events = others.events.saturating_add(used.events);
            others.output_bytes = others.output_bytes.saturating_add(used.output_bytes);
        }
        others
    }

    /// Whether the signal would be the process's end.
    fn would_terminate(&self, pid: Pid, signal: Signal) -> bool {
        self.process(pid).handled & (1 << signal.number()) == 0
            && signal.default_action() == loopbox_trace::DefaultAction::Terminate
    }

    /// These signals, and no others, have a handler in the process.
    pub(crate) fn set_handled(&mut self, pid: Pid, signals: impl Iterator<Item = Signal>) {
        self.process_mut(pid).handled = signals.fold(0, |mask, signal| mask | 1 << signal.number());
    }

    // --- Children --------------------------------------------------------------------------------------

    /// How many processes live.
    fn living(&self) -> usize {
        let ended =
            |process: &&Process| matches!(process.state, State::Zombie { .. } | State::Reaped);
        self.processes.len() - self.processes.iter().filter(ended).count()
    }

    /// Whether one more process would be too many. All that ever lived count, too, but far later.
    pub(crate) fn is_full(&self) -> bool {
        self.living() >= self.processes_max || self.processes.len() >= PROCESSES_EVER
    }

    /// A new process, which has to be started. It has no descriptors yet.
    pub(crate) fn add_process(
        &mut self,
        parent: Pid,
        program: String,
        place: String,
        now: Nanos,
    ) -> Pid {
        self.processes.push(Process {
            program,
            parent: Some(parent),
            place,
            started: now,
            state: State::Running { at: now },
            handled: 0,
            inbox: VecDeque::new(),
            descriptors: BTreeMap::new(),
            watched: BTreeSet::new(),
            usage: Usage::default(),
        });
        Pid(u32::try_from(self.processes.len()).expect("bounded by PROCESSES_EVER"))
    }

    /// The process's first instruction runs at this moment.
    pub(crate) fn start(&mut self, start: Start) {
        self.process_mut(start.pid).state = State::Blocked { until: start.at, on: Waiting::Turn };
        self.starts.push(start);
    }

    /// A process of a pool starts. It runs by itself, and may end at any moment from `at` on.
    pub(crate) fn start_isolated(&mut self, parent: Pid, call: Call, at: Nanos) -> Pid {
        let program = call.function.clone();
        let pid = self.add_process(parent, program.clone(), String::new(), at);
        // It is nobody's child: nobody waits for it.
        self.process_mut(pid).parent = None;
        self.isolated_parents.insert(pid, parent);
        let (args, env) = (Vec::new(), Vec::new());
        self.starts.push(Start { pid, program, args, env, at, task: Some(call) });
        pid
    }

    /// A process of a pool has ended at this moment, which nobody who waits has passed.
    pub(crate) fn isolated_ends(&mut self, pid: Pid, at: Nanos, status: ExitStatus) {
        self.process_mut(pid).state = State::Ending { at, status };
    }

    /// The moment of that end has come.
    pub(crate) fn isolated_has_ended(&mut self, pid: Pid, at: Nanos, outcome: IsolatedOutcome) {
        self.process_mut(pid).state = State::Reaped;
        if let Some(parent) = self.isolated_parents.remove(&pid) {
            self.isolated.insert(pid, outcome);
            self.send(parent, at, Arrival::IsolatedEnded(pid));
        }
    }

    /// Nobody needs this process of a pool any more.
    pub(crate) fn kill_isolated(&mut self, pid: Pid) {
        if self.process(pid).state != State::Reaped {
            self.process_mut(pid).state = State::Reaped;
            self.isolated_parents.remove(&pid);
            self.killed.push(pid);
        }
    }

    pub(crate) fn take_killed(&mut self) -> Vec<Pid> {
        std::mem::take(&mut self.killed)
    }

    pub(crate) fn take_isolated(&mut self, pid: Pid) -> Option<IsolatedOutcome> {
        self.isolated.remove(&pid)
    }

    /// The children that are to be started now.
    pub(crate) fn take_starts(&mut self) -> Vec<Start> {
        std::mem::take(&mut self.starts)
    }
}

/// A guest must not make the host keep processes without end.
const PROCESSES_EVER: usize = 10_000;
