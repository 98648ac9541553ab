//! Whose a lane of a trace is: which process, and what of it.

use std::borrow::Cow;

use loopbox_trace::{Lane, Trace};

use super::names::fit;

/// What a lane is to its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Its main thread, which runs the loop.
    Main,
    /// What reaches it from outside.
    Signals,
    /// A worker of one of its pools.
    Worker,
}

/// The processes of a trace by their lanes.
pub(super) struct Whose {
    /// The first lane of each process.
    firsts: Vec<u16>,
    /// By lane: the number of its process. 0 is the first, then they are as in [`Trace::processes`].
    processes: Vec<u16>,
}

impl Whose {
    pub(super) fn of(trace: &Trace) -> Whose {
        let mut firsts = vec![0];
        firsts.extend(trace.processes.iter().map(|process| process.first_lane.0));
        // Whatever a file says, each lane gets one process.
        let mut processes = vec![0; trace.lanes.len()];
        for (number, &first) in (0..u16::MAX).zip(&firsts) {
            let from = usize::from(first).min(processes.len());
            processes[from..].fill(number);
        }
        Whose { firsts, processes }
    }

    /// How many processes, with the first.
    pub(super) fn count(&self) -> usize {
        self.firsts.len()
    }

    /// The process of a lane.
    pub(super) fn process(&self, lane: Lane) -> u16 {
        self.processes[usize::from(lane.0)]
    }

    /// What the lane is to its process.
    pub(super) fn role(&self, lane: Lane) -> Role {
        match lane.0.saturating_sub(self.first_lane(self.process(lane)).0) {
            0 => Role::Main,
            1 => Role::Signals,
            _ => Role::Worker,
        }
    }

    /// The lane of the process's main thread.
    pub(super) fn first_lane(&self, process: u16) -> Lane {
        Lane(self.firsts[usize::from(process)])
    }
}

/// The title of a process's lane: with the name of the process, unless it is the first.
pub(super) fn title(trace: &Trace, process: u16, title: &str) -> String {
    match process_name(trace, process) {
        Some(name) => format!("{name} {title}"),
        None => title.into(),
    }
}

/// The name of a process, fit to be shown; the first has none.
pub(super) fn process_name(trace: &Trace, process: u16) -> Option<Cow<'_, str>> {
    let index = usize::from(process).checked_sub(1)?;
    Some(fit(&trace.processes.get(index)?.name))
}
