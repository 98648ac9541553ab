//! Arrows from and to a selected slice: what woke it, what it started, where a signal or a job went on.
//!
//! They are looked for in the trace when somebody selects something. Where a trace leaves open what caused
//! what, there is no arrow.

use loopbox_trace::{Event, EventKind, JobId, Label, Lane, Nanos, Signal, TaskId, Trace};

use super::lookup::Lookup;
use super::{Flow, LaneKind, Look, Scene, Slice, SliceRef};

/// More arrows than this would hide each other. Of nothing that a slice did are more looked for, either: each
/// may take a look at the whole trace.
const FLOWS_MAX: usize = 64;

impl Scene {
    /// The arrows of a slice; the traces are those that the scene was made from.
    pub fn flows(&self, at: SliceRef, traces: &[&Trace]) -> Vec<Flow> {
        let found = || {
            let slice = self.slice(at)?;
            if self.lane(at)?.kind == LaneKind::Golden {
                return self.counterpart(at).map(|flow| vec![flow]);
            }
            let lookup = Lookup::new(self, traces, at.group)?;
            let event = *lookup.event(slice.event)?;
            let mut flows = Flows { lookup, flows: Vec::new() };
            flows.of(slice.event, event);
            flows.flows.truncate(FLOWS_MAX);
            Some(flows.flows)
        };
        found().unwrap_or_default()
    }

    /// The arrow between an event of a golden and the same event of the run: what is on both sides is in one
    /// order.
    pub(super) fn counterpart(&self, at: SliceRef) -> Option<Flow> {
        let is_paired = |slice: &Slice| matches!(slice.look, Look::Same | Look::Moved);
        let slice = self.slice(at).filter(is_paired)?;
        let row = self.lane(at)?.rows.get(usize::from(at.row))?;
        let before = row.slices().take(at.slice as usize).filter(is_paired).count();
        let group = 1 - at.group.min(1);
        let lanes = (0..u16::MAX).zip(&self.groups.get(usize::from(group))?.lanes);
        let (lane, other) = lanes
            .into_iter()
            .find(|(_, lane)| lane.title == self.lane(at).map_or("", |own| &own.title))?;
        let mut paired =
            (0..).zip(other.rows.first()?.slices()).filter(|(_, slice)| is_paired(slice));
        let (index, counterpart) = paired.nth(before)?;
        let here = (at, slice.begin);
        let there = (SliceRef { group, lane, row: 0, slice: index }, counterpart.begin);
        let ((from, from_at), (to, to_at)) =
            if at.group == 0 { (here, there) } else { (there, here) };
        Some(Flow { from, from_at, to, to_at, name: "the same event" })
    }
}

struct Flows<'a> {
    lookup: Lookup<'a>,
    flows: Vec<Flow>,
}

/// The end of an arrow.
type End = Option<(SliceRef, Nanos)>;

impl Flows<'_> {
    fn of(&mut self, index: u32, event: Event) {
        use EventKind::*;
        let Event { at, lane, kind } = event;
        match kind {
            SignalRaised(signal) => self.signal(signal, at, lane),
            SignalDelivered { signal, raised } => self.signal(signal, raised, lane),
            JobQueued(job) | JobStarted(job) => self.job(job),
            MessagePosted(message) => {
                let slice = self.lookup.own_slice_of(index);
                self.add(self.around(index), slice.map(|slice| (slice, at)), "posts");
                let process = self.lookup.whose.process(lane);
                let received = self.lookup.first_after(index, |event| {
                    matches!(event.kind, MessageReceived { message: other, .. } if other == message)
                        && self.lookup.whose.process(event.lane) == process
                });
                self.wakes(received);
            }
            TimerFired { .. } | MessageReceived { .. } => self.wakes(Some(index)),
            StepBegin(_) | CallbackBegin(_) => self.activity(index, event),
            TurnBegin => self.turn(index, lane),
            Log { .. } | Output { .. } | Diagnostic(_) => {
                self.add(self.around(index), self.mark(index), "says");
            }
            ProcessSpawned(name) => self.process(index, name),
            PipeWritten { pipe, .. } | PipeRead { pipe, .. } | PipeClosed { pipe, .. } => {
                self.add(self.around(index), self.mark(index), "does");
                self.pipe(index, pipe);
            }
            _ => {}
        }
    }

    fn add(&mut self, from: End, to: End, name: &'static str) {
        if let (Some((from, from_at)), Some((to, to_at))) = (from, to)
            && from != to
        {
            let flow = Flow { from, from_at, to, to_at, name };
            if self.flows.len() < FLOWS_MAX && !self.flows.contains(&flow) {
                self.flows.push(flow);
            }
        }
    }

    /// What goes on when the event happens, at that moment.
    fn around(&self, event: u32) -> End {
        Some((self.lookup.around(event)?, self.lookup.event(event)?.at))
    }

    /// The slice of an event, at the moment of the event.
    fn mark(&self, event: u32) -> End {
        Some((self.lookup.own_slice_of(event)?, self.lookup.event(event)?.at))
    }

    fn begin(&self, slice: Option<SliceRef>) -> End {
        Some((slice?, self.lookup.scene.slice(slice?)?.begin))
    }

    fn end(&self, slice: Option<SliceRef>) -> End {
        Some((slice?, self.lookup.scene.slice(slice?)?.end))
    }

    /// What the loop saw with this event, at the moment from which on it could.
    fn due(&self, seen: u32) -> End {
        let slice = self.lookup.own_slice_of(seen);
        match self.lookup.event(seen)?.kind {
            // The slice is that of its handling, which is still to come.
            EventKind::SignalDelivered { .. } => self.begin(slice),
            _ => self.end(slice),
        }
    }

    /// Raised, delivered, handled; `lane` is one of its process.
    fn signal(&mut self, signal: Signal, raised: Nanos, lane: Lane) {
        let process = self.lookup.whose.process(lane);
        let find = |wanted: EventKind| {
            self.lookup.first(|event| {
                event.kind == wanted && self.lookup.whose.process(event.lane) == process
            })
        };
        let sent = self.lookup.first(|event| {
            event.kind == EventKind::SignalRaised(signal)
                && event.at == raised
                && self.lookup.whose.process(event.lane) == process
        });
        let delivered = find(EventKind::SignalDelivered { signal, raised });
        let handled = find(EventKind::SignalHandled { signal, raised });
        let pending = sent.and_then(|event| self.lookup.own_slice_of(event));
        let handling = delivered.and_then(|event| self.lookup.own_slice_of(event));
        self.add(self.end(pending), self.begin(handling), "delivered");
        if let (Some(delivered), Some(handled)) = (delivered, handled) {
            // The handler may have been at work for long when the signal came.
            let handler = self.begin(self.handler(delivered, handled));
            let from = self.begin(handling);
            let at = from.map(|(_, at)| at).unwrap_or_default();
            self.add(from, handler.map(|(slice, begin)| (slice, begin.max(at))), "handled");
        }
    }

    /// What handled a signal: the step or callback in which it was handled, or the last one before.
    fn handler(&self, delivered: u32, handled: u32) -> Option<SliceRef> {
        let lane = self.lookup.event(handled)?.lane;
        let last = self.lookup.last_before(handled, |event| {
            event.lane == lane
                && matches!(event.kind, EventKind::StepBegin(_) | EventKind::CallbackBegin(_))
        })?;
        if last > delivered { self.lookup.own_slice_of(last) } else { self.lookup.around(handled) }
    }

    /// Submitted, started, finished, delivered.
    fn job(&mut self, job: JobId) {
        let find = |wanted: EventKind| self.lookup.first(|event| event.kind == wanted);
        let submitted = find(EventKind::JobQueued(job));
        let queue = submitted.and_then(|event| self.lookup.queued(event));
        let worker = self.lookup.job(job);
        if let Some(submitted) = submitted {
            self.add(self.around(submitted), self.begin(queue.or(worker)), "submits");
        }
        self.add(self.end(queue), self.begin(worker), "starts");
        let delivered = self.lookup.first(|event| {
            matches!(event.kind, EventKind::JobDelivered { job: other, .. } if other == job)
        });
        self.wakes(delivered);
    }

    /// From what was due to what the loop did about it.
    fn wakes(&mut self, seen: Option<u32>) {
        let Some(seen) = seen else { return };
        let from = self.due(seen);
        match self.woken_by(seen) {
            Some(activity) => {
                self.add(from, self.begin(self.lookup.own_slice_of(activity)), "wakes")
            }
            None => self.add(from, self.around(seen), "seen"),
        }
    }

    /// A step or a callback: what woke it, and what it began.
    fn activity(&mut self, index: u32, event: Event) {
        let own = self.begin(self.lookup.own_slice_of(index));
        if let Some(waker) = self.waker_of(index) {
            self.add(self.due(waker), own, "wakes");
        }
        if let EventKind::StepBegin(task) = event.kind
            && let Some(spawned) = self.spawned(task)
            && self.first_step(task) == Some(index)
        {
            self.add(self.around(spawned), own, "spawns");
        }
        let end = self.lookup.end_of(index).unwrap_or(u32::MAX);
        let inside: Vec<(u32, Event)> = (0..end)
            .zip(&self.lookup.trace.events)
            .skip(index as usize + 1)
            .filter(|(_, other)| other.lane == event.lane)
            .map(|(number, other)| (number, *other))
            .take_while(|(_, other)| other.kind != EventKind::TurnEnd)
            .filter(|(_, other)| begins_elsewhere(other.kind))
            .take(FLOWS_MAX)
            .collect();
        for (number, begun) in inside {
            let from = own.map(|(slice, _)| (slice, begun.at));
            match begun.kind {
                EventKind::TaskSpawned(task) => {
                    let step =
                        self.first_step(task).and_then(|step| self.lookup.own_slice_of(step));
                    self.add(from, self.begin(step), "spawns");
                }
                EventKind::JobQueued(_) => {
                    self.add(from, self.begin(self.lookup.own_slice_of(number)), "submits");
                }
                EventKind::ProcessSpawned(name) => {
                    self.add(from, self.begin(self.lookup.process(name)), "starts");
                }
                EventKind::SignalHandled { signal, raised } => {
                    self.signal(signal, raised, begun.lane)
                }
                _ => {}
            }
        }
    }

    /// What the loop saw when the turn began.
    fn turn(&mut self, index: u32, lane: Lane) {
        let turn = self.lookup.own_slice_of(index);
        let due = self.turn_of(index, lane).filter(|(_, seen)| is_due(seen.kind));
        for (number, seen) in due.take(FLOWS_MAX) {
            self.add(self.due(number), turn.map(|turn| (turn, seen.at)), "seen");
        }
    }

    /// Who started a process, its loop, and who waited for its end.
    fn process(&mut self, spawned: u32, name: Label) {
        let process = self.lookup.process(name);
        self.add(self.around(spawned), self.begin(process), "starts");
        let is_named = self.lookup.labels_of(name);
        let name = self.lookup.trace.text(name);
        let processes = self.lookup.trace.processes.iter();
        let own_loop = processes.zip(1..).find(|(process, _)| process.name == name);
        if let Some((_, number)) = own_loop {
            let found = self.lookup.lanes().find(|(_, lane)| {
                lane.process == number && lane.kind == LaneKind::Loop && !lane.rows.is_empty()
            });
            let first = found
                .and_then(|(lane, _)| process.map(|at| SliceRef { lane, row: 0, slice: 0, ..at }));
            self.add(self.begin(process), self.begin(first), "runs");
        }
        let reaped = self.lookup.first(|event| {
            matches!(event.kind, EventKind::ProcessReaped { process, .. }
                if is_named[process.0 as usize])
        });
        if let Some(reaped) = reaped {
            self.add(self.end(process), self.around(reaped), "waited for");
        }
    }

    /// From the write to the reads of the same bytes, or back.
    fn pipe(&mut self, index: u32, pipe: Label) {
        use EventKind::{PipeClosed, PipeRead, PipeWritten};
        let trace = self.lookup.trace;
        let is_named = self.lookup.labels_of(pipe);
        let mut events: Vec<(Nanos, u32, EventKind)> = Vec::new();
        for (number, event) in (0..).zip(&trace.events) {
            if let PipeWritten { pipe, .. } | PipeRead { pipe, .. } | PipeClosed { pipe, .. } =
                event.kind
                && is_named[pipe.0 as usize]
            {
                events.push((event.at, number, event.kind));
            }
        }
        events.sort_by_key(|&(at, number, _)| (at, number));
        // Bytes since the pipe was made; a read of none sees the end that somebody closed.
        let (mut written, mut read) = (0_u64, 0_u64);
        let mut writes: Vec<(u32, std::ops::Range<u64>)> = Vec::new();
        let mut closed = None;
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        for (_, number, kind) in events {
            match kind {
                PipeWritten { bytes, .. } => {
                    writes.push((number, written..written + u64::from(bytes)));
                    written += u64::from(bytes);
                }
                PipeRead { bytes: 0, .. } => pairs.extend(closed.map(|closed| (closed, number))),
                PipeRead { bytes, .. } => {
                    let end = read + u64::from(bytes);
                    let first = writes.partition_point(|(_, bytes)| bytes.end <= read);
                    let from = writes[first..].iter().take_while(|(_, bytes)| bytes.start < end);
                    pairs.extend(from.map(|(write, _)| (*write, number)));
                    read = end;
                }
                PipeClosed { writer: true, .. } => closed = Some(number),
                _ => {}
            }
        }
        for (from, to) in pairs.into_iter().filter(|(from, to)| *from == index || *to == index) {
            self.add(self.mark(from), self.mark(to), "reads");
        }
    }

    /// The event by which a task was created.
    fn spawned(&self, task: TaskId) -> Option<u32> {
        self.lookup.first(|event| event.kind == EventKind::TaskSpawned(task))
    }

    fn first_step(&self, task: TaskId) -> Option<u32> {
        self.lookup.first(|event| event.kind == EventKind::StepBegin(task))
    }

    /// The events of a turn on its thread, by its begin.
    fn turn_of(&self, begin: u32, lane: Lane) -> impl Iterator<Item = (u32, Event)> + use<> {
        let after = self.lookup.trace.events.iter().copied();
        let after: Vec<(u32, Event)> = (0..)
            .zip(after)
            .skip(begin as usize + 1)
            .filter(|(_, event)| event.lane == lane)
            .take_while(|(_, event)| {
                !matches!(event.kind, EventKind::TurnEnd | EventKind::TurnBegin)
            })
            .collect();
        after.into_iter()
    }

    /// The event that woke a step or a callback: the timer of its name in its turn, or the only thing that the
    /// loop saw in that turn, if it is the first that ran.
    fn waker_of(&self, activity: u32) -> Option<u32> {
        let &Event { lane, kind, .. } = self.lookup.event(activity)?;
        let name = self.name_of(kind)?;
        let turn = self.lookup.last_before(activity, |event| {
            event.lane == lane && matches!(event.kind, EventKind::TurnBegin | EventKind::TurnEnd)
        })?;
        let (mut timers, mut due, mut others) = (Vec::new(), Vec::new(), 0);
        // Of several with one name, the first is woken by the first timer.
        let mut namesakes = 0;
        for (number, event) in self.turn_of(turn, lane) {
            let running = self.name_of(event.kind);
            if number < activity {
                namesakes += usize::from(running == Some(name));
                others += usize::from(running.is_some());
            }
            match event.kind {
                EventKind::TimerFired { name: timer, .. } if timer == name => timers.push(number),
                kind if is_due(kind) => due.push(number),
                _ => {}
            }
        }
        if !timers.is_empty() {
            return timers.get(namesakes).copied().filter(|timer| *timer < activity);
        }
        match due[..] {
            [only] if only < activity && others == 0 => {
                let timer = matches!(self.lookup.event(only)?.kind, EventKind::TimerFired { .. });
                (!timer).then_some(only)
            }
            _ => None,
        }
    }

    /// The step or the callback that something woke which the loop saw: [`Flows::waker_of`], backwards.
    fn woken_by(&self, seen: u32) -> Option<u32> {
        let &Event { lane, kind, .. } = self.lookup.event(seen)?;
        let turn = self.lookup.last_before(seen, |event| {
            event.lane == lane && matches!(event.kind, EventKind::TurnBegin | EventKind::TurnEnd)
        })?;
        let activities = self
            .turn_of(turn, lane)
            .filter_map(|(number, event)| Some((number, self.name_of(event.kind)?)));
        let mut activities: Vec<(u32, Label)> = activities.collect();
        if let EventKind::TimerFired { name, .. } = kind {
            let namesakes = self.turn_of(turn, lane).filter(|(number, event)| {
                *number < seen
                    && matches!(event.kind, EventKind::TimerFired { name: other, .. } if other == name)
            });
            let position = namesakes.count();
            activities.retain(|activity| activity.1 == name);
            let woken = activities.get(position)?.0;
            return (woken > seen).then_some(woken);
        }
        let first = activities.first()?.0;
        (self.waker_of(first) == Some(seen)).then_some(first)
    }

    /// The name of a step or of a callback; timers have it, too.
    fn name_of(&self, kind: EventKind) -> Option<Label> {
        match kind {
            EventKind::StepBegin(task) => Some(self.lookup.trace.tasks[task.0 as usize].name),
            EventKind::CallbackBegin(name) => Some(name),
            _ => None,
        }
    }
}

/// Whether what a step does is seen in another slice.
fn begins_elsewhere(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::TaskSpawned(_)
            | EventKind::JobQueued(_)
            | EventKind::ProcessSpawned(_)
            | EventKind::SignalHandled { .. }
    )
}

/// Whether the loop saw something that was due.
fn is_due(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::TimerFired { .. }
            | EventKind::JobDelivered { .. }
            | EventKind::MessageReceived { .. }
            | EventKind::SignalDelivered { .. }
    )
}
