//! The kernel among others: turns, what other processes send, waits that depend on them.
//!
//! What has to wait for others comes in attempts: the process is noted as blocked and the attempt gives
//! nothing; whoever calls lets others run ([`World`]) and tries again when the process goes on
//! ([`Kernel::go_on`]).
//!
//! **Limits.** A job runs in place, at a time that may lie behind what other processes have seen by then. What
//! it shares with them it does at the time that they have come to. While it waits for another process, its
//! own loop stands still, so a job must not wait for a process that waits for that loop.

use std::sync::Arc;

use loopbox_trace::{EventKind, Label, Limit, Nanos, Outcome, Signal};

use super::world::{Arrival, Interest, Pid, Shared, Usage, Waiting, World};
use super::{Event, Halt, Kernel, Notice, Wake};
use crate::config::Draw;

impl Kernel {
    /// The world that this process lives in.
    pub(crate) fn world(&self) -> &Arc<World> {
        &self.world
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Whether others, or descriptors, can have a say in what this process sees.
    pub(crate) fn is_in_company(&self) -> bool {
        self.in_company
    }

    /// Whether a job runs in place.
    pub(crate) fn is_in_job(&self) -> bool {
        self.detached.is_some()
    }

    /// How long the program needs from its start to its first instruction.
    pub(crate) fn draw_start(&mut self, program: &str, draw: &Draw<Nanos>) -> Nanos {
        let number = self.starts;
        self.starts += 1;
        self.choices.nanos(|| format!("program.start ({program} #{number})"), draw)
    }

    /// Ends the run if the guest has made the machine keep more than the scenario permits.
    pub(crate) fn bound_texts(&mut self) -> Result<(), Halt> {
        self.starts_and_pipes += 1;
        if self.starts_and_pipes > self.config.limits.trace_events {
            self.recorder.exceed(Limit::Trace);
        }
        self.look_up()
    }

    /// From now on others may have a say.
    pub(crate) fn join_company(&mut self) {
        if !std::mem::replace(&mut self.in_company, true) {
            self.show_handlers();
        }
    }

    /// Lets others know which signals would not end this process.
    pub(super) fn show_handlers(&self) {
        let signals = (1..32).filter_map(Signal::from_number);
        let handled = signals.filter(|&signal| self.signals.has_handler(signal));
        self.world.lock().set_handled(self.pid, handled);
    }

    /// Does something with what is shared, when it is this process's turn: `None` if it is not yet.
    pub(crate) fn try_shared<T>(
        &mut self,
        act: impl FnOnce(&mut Shared, Pid, Nanos) -> T,
    ) -> Result<Option<T>, Halt> {
        let world = Arc::clone(&self.world);
        let mut shared = world.lock();
        if !self.take_turn(&mut shared)? {
            return Ok(None);
        }
        Ok(Some(act(&mut shared, self.pid, self.now())))
    }

    /// Takes the turn if it is this process's.
    fn take_turn(&mut self, shared: &mut Shared) -> Result<bool, Halt> {
        let at = self.now().max(shared.frontier());
        if !shared.is_first(self.pid, at) {
            shared.block(self.pid, at, Waiting::Turn);
            return Ok(false);
        }
        shared.take_turn(self.pid, at);
        self.jump_to(at)?;
        self.account(shared);
        let mut arrived = false;
        while let Some((at, arrival)) = shared.take_arrival(self.pid, self.now()) {
            arrived = true;
            match arrival {
                Arrival::Signal(signal) => {
                    let position = self.arrivals.partition_point(|&(other, _)| other <= at);
                    self.arrivals.insert(position, (at, signal));
                }
                Arrival::ChildExited(child) => self.queue.push(at, Event::ChildExits(child)),
                Arrival::IsolatedEnded(pid) => {
                    if let Some(outcome) = shared.take_isolated(pid) {
                        self.isolated_ended(at, pid, outcome);
                    }
                }
            }
        }
        if arrived {
            self.find_edge();
        }
        Ok(true)
    }

    /// Limits are the run's: takes account of what the others have used up.
    fn account(&mut self, shared: &mut Shared) {
        let limits = self.config.limits;
        let (events, output_bytes) = self.recorder.used();
        let usage = Usage { fuel: self.fuel_burnt, events, output_bytes };
        let others = shared.exchange_usage(self.pid, usage);
        let left = limits.fuel.saturating_sub(self.fuel_burnt).saturating_sub(others.fuel);
        if left < self.fuel_left {
            self.fuel_left = left;
            self.regrant = true;
        }
        self.recorder.bound(
            limits.trace_events.saturating_sub(others.events),
            limits.output_bytes.saturating_sub(others.output_bytes),
        );
    }

    /// The process is blocked until something happens, or a signal ends it.
    pub(crate) fn block_on(&mut self, on: Waiting, until: Nanos) {
        let fatal = self.fatal_at().unwrap_or(Nanos::MAX);
        self.world.lock().block(self.pid, until.min(fatal), on);
    }

    /// When a signal that is on its way will end the process, as far as it knows.
    fn fatal_at(&self) -> Option<Nanos> {
        let fatal = self.arrivals.iter().find(|(_, signal)| self.signals.would_terminate(*signal));
        fatal.map(|&(at, _)| at).filter(|_| self.detached.is_none())
    }

    /// Others have let this process go on at this moment.
    pub(crate) fn go_on(&mut self, at: Nanos) -> Result<(), Halt> {
        self.jump_to(at)
    }

    /// A thread begins to be blocked, for as long as others say.
    pub(crate) fn begin_blocking(&mut self, name: &str) -> Label {
        let name = self.recorder.intern(name);
        self.blocked_since = self.now();
        self.record(EventKind::BlockingBegin(name));
        name
    }

    /// It goes on. A process is blocked in one call at a time: its other threads stand still meanwhile.
    pub(crate) fn end_blocking(&mut self, name: Label, outcome: Outcome) {
        self.record(EventKind::BlockingEnd(name, outcome));
        if let Some(name) = self.recorder.text(name).map(str::to_owned) {
            self.report_call(&name, self.blocked_since);
        }
    }

    /// A wait whose outcome may depend on others. [`Wake::PARK`]: it is not known yet.
    #[cold]
    pub(super) fn wait_in_company(&mut self, until: Nanos) -> Result<Wake, Halt> {
        self.waits_until = until;
        let world = Arc::clone(&self.world);
        let mut shared = world.lock();
        loop {
            if !self.take_turn(&mut shared)? {
                return Ok(Wake::PARK);
            }
            let now = self.main.now();
            self.absorb()?;
            if self.has_isolated_news() {
                if shared.is_full() {
                    return Err(Halt::Misuse(
                        "there are more processes than `[machine] processes` permits".into(),
                    ));
                }
                self.tell_isolated_news(&mut shared);
                // What has started may end before anything else happens.
                continue;
            }
            for (fd, what) in shared.ready(self.pid) {
                let notice = match what {
                    Interest::Readable => Notice::Readable(fd),
                    Interest::Writable => Notice::Writable(fd),
                };
                if !self.ready.iter().any(|&(_, other)| other == notice) {
                    self.ready.push_back((now, notice));
                }
            }
            if until <= now || !self.ready.is_empty() {
                return Ok(self.begin_turn());
            }
            let next = self.next_moment(until).unwrap_or(Nanos::MAX);
            if next == Nanos::MAX && shared.stuck {
                return self.never();
            }
            if next == Nanos::MAX || !shared.is_first(self.pid, next) {
                shared.block(self.pid, next, Waiting::Loop);
                return Ok(Wake::PARK);
            }
            self.jump_to(next)?;
        }
    }

    /// Goes on with the wait that was answered with [`Wake::PARK`].
    pub(crate) fn wait_on(&mut self) -> Result<Wake, Halt> {
        self.wait_in_company(self.waits_until)
    }
}
