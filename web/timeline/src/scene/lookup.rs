//! From an event of a trace to the slice that shows it.
//!
//! Nothing is kept for this: slices know the event they begin with, and what belongs together is looked for
//! in the trace when somebody selects something.

use loopbox_trace::{Event, EventKind, JobId, Label, Lane, Nanos, Trace};

use super::thread::Change;
use super::whose::Whose;
use super::{LaneKind, Scene, SliceRef};

impl Scene {
    /// The slice that shows an event of one of the traces that the scene was made from: the one that the event
    /// begins, ends or belongs to, or else the innermost one that goes on then on its thread.
    pub fn slice_of_event(&self, traces: &[&Trace], trace: usize, event: u32) -> Option<SliceRef> {
        let group = self.groups.iter().position(|group| group.trace == Some(trace))?;
        let lookup = Lookup::new(self, traces, u16::try_from(group).ok()?)?;
        lookup.event(event)?;
        lookup.slice_of(event)
    }

    /// The slice of a lane that is nearest to a moment; of several that go on then, the innermost.
    pub fn nearest(&self, group: u16, lane: u16, at: Nanos) -> Option<SliceRef> {
        let rows = &self.groups.get(usize::from(group))?.lanes.get(usize::from(lane))?.rows;
        let nearest = (0..u16::MAX).zip(rows).filter_map(|(row, slices)| {
            let index = slices.nearest(at)?;
            let slice = slices.slice(index)?;
            let distance = (at - slice.end).max(slice.begin - at);
            let place = SliceRef { group, lane, row, slice: index };
            Some((distance, std::cmp::Reverse(row), place))
        });
        nearest.min().map(|(.., place)| place)
    }
}

/// A trace beside the group that was made from it.
pub(super) struct Lookup<'a> {
    pub(super) scene: &'a Scene,
    pub(super) trace: &'a Trace,
    pub(super) whose: Whose,
    group: u16,
}

impl<'a> Lookup<'a> {
    /// For a group that was made from one of these traces.
    pub(super) fn new(scene: &'a Scene, traces: &[&'a Trace], group: u16) -> Option<Lookup<'a>> {
        let trace = *traces.get(scene.groups.get(usize::from(group))?.trace?)?;
        Some(Lookup { scene, trace, whose: Whose::of(trace), group })
    }

    pub(super) fn event(&self, event: u32) -> Option<&'a Event> {
        self.trace.events.get(event as usize)
    }

    /// As [`Scene::slice_of_event`].
    pub(super) fn slice_of(&self, event: u32) -> Option<SliceRef> {
        self.own_slice_of(event).or_else(|| self.around(event))
    }

    /// The slice that the event begins, ends or belongs to.
    pub(super) fn own_slice_of(&self, event: u32) -> Option<SliceRef> {
        use EventKind::*;
        let &Event { at, lane, kind } = self.event(event)?;
        if self.lanes().any(|(_, lane)| lane.kind == LaneKind::Golden) {
            return self.find(|_, thread| thread == Some(lane), |row| row.find(event));
        }
        match kind {
            JobQueued(job) => self.queued(event).or_else(|| self.job(job)),
            JobDelivered { job, .. } => self.job(job),
            JobFinished(job, _) => self
                .job(job)
                .or_else(|| self.queued(self.first(|event| event.kind == JobQueued(job))?)),
            SignalMerged(signal) | SignalDefault(signal) => {
                let raised = self.last_before(event, |other| {
                    other.lane == lane && other.at == at && other.kind == SignalRaised(signal)
                });
                self.in_lane(LaneKind::Signals, raised.unwrap_or(event))
            }
            SignalHandled { signal, raised } => {
                let delivered = self.last_before(event, |other| {
                    other.lane == lane && other.kind == SignalDelivered { signal, raised }
                })?;
                self.in_lane(LaneKind::Signals, delivered)
            }
            SignalRaised(_) | SignalDelivered { .. } => self.in_lane(LaneKind::Signals, event),
            TimerFired { .. } => self.in_lane(LaneKind::Timers, event),
            MessagePosted(_) => self.in_lane(LaneKind::Messages, event),
            MessageReceived { message, .. } => {
                let posted = self.posted(message, lane);
                self.in_lane(LaneKind::Messages, posted.unwrap_or(event))
            }
            Log { .. } | Output { .. } => self.in_lane(LaneKind::Log, event),
            Diagnostic(_) => self.in_lane(LaneKind::Diagnostics, event),
            ProcessSpawned(name)
            | ProcessExited { process: name, .. }
            | ProcessReaped { process: name, .. } => self.process(name),
            PipeCreated(_) | PipeWritten { .. } | PipeRead { .. } | PipeClosed { .. } => {
                self.in_lane(LaneKind::Pipes, event)
            }
            _ => match Change::of(kind) {
                Some(Change::Ends(_)) => self.in_thread(lane, self.begin_of(event)?),
                Some(Change::Begins(_)) => self.in_thread(lane, event),
                None => self.in_thread(lane, event),
            },
        }
    }

    /// The innermost slice that goes on, on its thread, when the event happens.
    pub(super) fn around(&self, event: u32) -> Option<SliceRef> {
        let &Event { at, lane, .. } = self.event(event)?;
        let (number, thread) = self.lanes().find(|(_, made)| made.thread == Some(lane))?;
        (0..u16::MAX).zip(&thread.rows).rev().find_map(|(row, slices)| {
            let slice = slices.last_from_before(event)?;
            let goes_on = slices.slice(slice).is_some_and(|it| it.begin <= at && at <= it.end);
            goes_on.then_some(SliceRef { group: self.group, lane: number, row, slice })
        })
    }

    /// The event that began what this event ends, on the same thread.
    pub(super) fn begin_of(&self, event: u32) -> Option<u32> {
        let &Event { lane, kind, .. } = self.event(event)?;
        let Some(Change::Ends(doing)) = Change::of(kind) else { return None };
        let is = partner(lane, Change::Begins(doing), Change::Ends(doing));
        self.last_before(event, is)
    }

    /// The event that ends what this event begins, on the same thread.
    pub(super) fn end_of(&self, event: u32) -> Option<u32> {
        let &Event { lane, kind, .. } = self.event(event)?;
        let Some(Change::Begins(doing)) = Change::of(kind) else { return None };
        let is = partner(lane, Change::Ends(doing), Change::Begins(doing));
        self.first_after(event, is)
    }

    /// The event by which a process posted a message; `lane` is one of its lanes.
    pub(super) fn posted(&self, message: u32, lane: Lane) -> Option<u32> {
        let process = self.whose.process(lane);
        self.first(|event| {
            event.kind == EventKind::MessagePosted(message)
                && self.whose.process(event.lane) == process
        })
    }

    /// The slice of a job on its worker.
    pub(super) fn job(&self, job: JobId) -> Option<SliceRef> {
        let started = self.first(|event| event.kind == EventKind::JobStarted(job))?;
        self.in_thread(self.event(started)?.lane, started)
    }

    /// The slice of a job in the queue, by the event by which it came there. One that waited but found no
    /// room there is a part of what is counted.
    pub(super) fn queued(&self, event: u32) -> Option<SliceRef> {
        self.in_lane(LaneKind::Queue, event)
    }

    /// By label: whether it has the text of this one. Each process has labels of its own.
    pub(super) fn labels_of(&self, label: Label) -> Vec<bool> {
        let text = self.trace.text(label);
        self.trace.labels.iter().map(|label| label == text).collect()
    }

    /// The slice of a process other than the first.
    pub(super) fn process(&self, name: Label) -> Option<SliceRef> {
        let name = self.trace.text(name);
        let shown = super::names::fit(name);
        self.find(
            |kind, _| kind == LaneKind::Processes,
            |row| {
                let mut slices = (0..).zip(row.slices());
                slices
                    .find(|(_, slice)| self.scene.names[slice.name as usize] == shown)
                    .map(|(at, _)| at)
            },
        )
    }

    /// The slice that begins with this event, on the lane of a thread.
    pub(super) fn in_thread(&self, lane: Lane, event: u32) -> Option<SliceRef> {
        self.find(|_, thread| thread == Some(lane), |row| row.find(event))
    }

    /// The slice that begins with this event, on a lane of this kind.
    fn in_lane(&self, kind: LaneKind, event: u32) -> Option<SliceRef> {
        self.find(|made, _| made == kind, |row| row.find(event))
    }

    fn find(
        &self,
        lane: impl Fn(LaneKind, Option<Lane>) -> bool,
        find: impl Fn(&super::Row) -> Option<u32>,
    ) -> Option<SliceRef> {
        let mut lanes = self.lanes().filter(|(_, made)| lane(made.kind, made.thread));
        lanes.find_map(|(number, lane)| {
            let mut rows = (0..u16::MAX).zip(&lane.rows);
            rows.find_map(|(row, slices)| {
                Some(SliceRef { group: self.group, lane: number, row, slice: find(slices)? })
            })
        })
    }

    pub(super) fn lanes(&self) -> impl Iterator<Item = (u16, &'a super::Lane)> {
        (0..u16::MAX).zip(&self.scene.groups[usize::from(self.group)].lanes)
    }

    /// The first event of the trace that is so.
    pub(super) fn first(&self, is: impl Fn(&Event) -> bool) -> Option<u32> {
        (0..).zip(&self.trace.events).find(|(_, event)| is(event)).map(|(index, _)| index)
    }

    /// The last event before this one that is so.
    pub(super) fn last_before(
        &self,
        event: u32,
        mut is: impl FnMut(&Event) -> bool,
    ) -> Option<u32> {
        let before = self.trace.events.get(..event as usize)?;
        (0..event).zip(before).rev().find(|(_, event)| is(event)).map(|(index, _)| index)
    }

    /// The first event after this one that is so.
    pub(super) fn first_after(
        &self,
        event: u32,
        mut is: impl FnMut(&Event) -> bool,
    ) -> Option<u32> {
        let after = self.trace.events.get(event as usize + 1..)?;
        (event + 1..).zip(after).find(|(_, event)| is(event)).map(|(index, _)| index)
    }
}

/// Finds the wanted change of a thread, beyond pairs of the other one and the wanted one: what is inside of
/// something may be of the same name.
fn partner(lane: Lane, wanted: Change, other: Change) -> impl FnMut(&Event) -> bool {
    let mut inside = 0_u32;
    move |event| {
        let change = Change::of(event.kind).filter(|_| event.lane == lane);
        if change == Some(other) {
            inside += 1;
        } else if change == Some(wanted) {
            match inside.checked_sub(1) {
                Some(fewer) => inside = fewer,
                None => return true,
            }
        }
        false
    }
}
