//! What a slice is, in words: for the panel beside the timeline.
//!
//! Everything here is text of a bounded length on one line, whatever the guest wrote.

use loopbox_trace::measure::{describe_call, turns};
use loopbox_trace::text::{one_line, report};
use loopbox_trace::{
    Event, EventKind, JobId, Label, Lane, Nanos, Outcome, Signal, TaskId, Trace, golden,
};

use super::lookup::Lookup;
use super::whose::Role;
use super::{LaneKind, Look, Scene, Slice, SliceRef};

/// What is known of a slice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// What it is, in a few words.
    pub title: String,
    /// What there is to say, the most important first: what is said, and the words for it.
    pub facts: Vec<(&'static str, String)>,
    /// A text that may be long: of a log record, a line of output, or a report.
    pub text: Option<String>,
    /// The event of the trace with which it begins; a golden has none.
    pub event: Option<u32>,
}

impl Scene {
    /// What is known of a slice; the traces are those that the scene was made from.
    pub fn details(&self, at: SliceRef, traces: &[&Trace]) -> Option<Details> {
        let slice = self.slice(at)?;
        let name = self.names.get(slice.name as usize)?;
        let mut said = Said { facts: Vec::new(), text: None };
        said.times(slice);
        let row = self.lane(at)?.rows.get(usize::from(at.row))?;
        let counts = row.counts;
        if self.lane(at)?.kind == LaneKind::Golden {
            self.compared(at, slice, &mut said);
        }
        let Some(lookup) = Lookup::new(self, traces, at.group).filter(|_| !counts) else {
            if !counts {
                said.fact("line of the golden", slice.event.to_string());
            }
            let title = if counts { format!("{name} than there are rows") } else { name.clone() };
            return Some(Details { title, facts: said.facts, text: None, event: None });
        };
        let event = *lookup.event(slice.event)?;
        let title = said.of(&lookup, slice, slice.event, event);
        said.fact("thread", one_line(&lookup.trace.lanes[usize::from(event.lane.0)]));
        said.fact("event", format!("#{}", slice.event));
        Some(Details { title, facts: said.facts, text: said.text, event: Some(slice.event) })
    }
}

impl Scene {
    /// How an event of a golden or of the run compares with the other side.
    fn compared(&self, at: SliceRef, slice: Slice, said: &mut Said) {
        said.fact("compared", crate::words::look(slice.look));
        if let Some(flow) = self.counterpart(at) {
            let (golden, run) = (flow.from_at, flow.to_at);
            said.fact("in the golden", golden.exact());
            said.fact("in this run", run.exact());
            if golden != run {
                let direction = if run > golden { "later" } else { "earlier" };
                said.fact("off by", format!("{} {direction}", golden.abs_diff(run).exact()));
            }
        }
    }
}

/// What is being said.
struct Said {
    facts: Vec<(&'static str, String)>,
    text: Option<String>,
}

impl Said {
    fn fact(&mut self, what: &'static str, words: impl Into<String>) {
        self.facts.push((what, words.into()));
    }

    fn times(&mut self, slice: Slice) {
        if slice.begin == slice.end {
            self.fact("at", slice.begin.exact());
        } else {
            self.fact("length", slice.length().exact());
            self.fact("from", slice.begin.exact());
            self.fact("to", slice.end.exact());
        }
    }

    /// Says what there is to say of a slice and the event with which it begins; gives the title.
    fn of(&mut self, lookup: &Lookup<'_>, slice: Slice, index: u32, event: Event) -> String {
        use EventKind::*;
        let trace = lookup.trace;
        let text = |label: Label| one_line(trace.text(label));
        match event.kind {
            TurnBegin => {
                self.turn(lookup, slice, event.lane);
                "turn of the loop".into()
            }
            StepBegin(task) => {
                self.task(lookup, task, index);
                self.outcome(lookup, index);
                format!("step of task \"{}\"", one_line(trace.task_name(task)))
            }
            CallbackBegin(name) => format!("callback \"{}\"", text(name)),
            HandlerBegin { handler, logger } => {
                self.fact("logger", text(logger));
                format!("handler \"{}\"", text(handler))
            }
            BlockingBegin(name) => {
                let blocks = match slice.look {
                    Look::BlockingOnLoop => "the event loop",
                    _ if lookup.whose.role(event.lane) == Role::Worker => {
                        "a worker; the loop goes on"
                    }
                    _ => "a program without a loop",
                };
                self.fact("blocks", blocks);
                self.outcome(lookup, index);
                self.inside(lookup, index);
                describe_call(trace.text(name))
            }
            JobQueued(job) | JobStarted(job) => {
                self.job(lookup, job);
                format!("job \"{}\"", one_line(trace.job_name(job)))
            }
            TimerFired { name, due } => {
                self.fact("due", due.exact());
                self.fact("fired", event.at.exact());
                self.fact("lag", (event.at - due).exact());
                format!("timer \"{}\"", text(name))
            }
            SignalRaised(signal) => self.signal(lookup, signal, event.at, event.lane, slice),
            SignalDelivered { signal, raised } => {
                self.signal(lookup, signal, raised, event.lane, slice)
            }
            MessagePosted(_) | MessageReceived { .. } => {
                self.fact("lag", slice.length().exact());
                "message from a thread".into()
            }
            Log { level, logger, text } => {
                self.fact("level", level.name());
                self.fact("logger", one_line(trace.text(logger)));
                self.text = Some(report(trace.text(text)));
                "log record".into()
            }
            Output { stream, text, ended } => {
                if !ended {
                    self.fact("line", "not ended");
                }
                self.text = Some(report(trace.text(text)));
                format!("line on {}", stream.name())
            }
            Diagnostic(diagnostic) => {
                let diagnostic = &trace.diagnostics[diagnostic as usize];
                self.fact("level", diagnostic.level.name());
                self.fact("logger", one_line(&diagnostic.logger));
                for (what, place) in
                    [("created at", &diagnostic.created), ("died at", &diagnostic.died)]
                {
                    if let Some(place) = place {
                        self.fact(what, one_line(place));
                    }
                }
                self.text = Some(report(&diagnostic.text));
                format!("report {}", one_line(&diagnostic.code))
            }
            ProcessSpawned(name) => {
                self.process(lookup, name);
                format!("process \"{}\"", text(name))
            }
            PipeCreated(pipe)
            | PipeWritten { pipe, .. }
            | PipeRead { pipe, .. }
            | PipeClosed { pipe, .. } => {
                self.fact("pipe", text(pipe));
                golden::words(trace, &event)
            }
            Ended => {
                for place in trace.ending.backtrace().iter().take(16) {
                    self.fact("where it was", one_line(place));
                }
                if let loopbox_trace::Ending::Deadlock { waiting } = &trace.ending {
                    for who in waiting.iter().take(16) {
                        self.fact("waits", one_line(who));
                    }
                }
                format!("the run {}", one_line(&trace.ending.to_string()))
            }
            _ => golden::words(trace, &event),
        }
    }

    fn turn(&mut self, lookup: &Lookup<'_>, slice: Slice, lane: Lane) {
        if let Some(budget) = lookup.scene.budget {
            let over = slice.length() - budget;
            let judged = if over > Nanos::ZERO {
                format!("{}, exceeded by {}", budget.exact(), over.exact())
            } else {
                budget.exact()
            };
            self.fact("budget", judged);
        }
        if lane != Lane::MAIN {
            return;
        }
        let turns = turns(lookup.trace);
        let first = turns.partition_point(|turn| turn.begin < slice.begin);
        let same = turns[first..].iter().take_while(|turn| turn.begin == slice.begin);
        if let Some((number, turn)) =
            (first + 1..).zip(same).find(|(_, turn)| turn.end == slice.end)
        {
            self.fact("number", format!("{number} of {}", turns.len()));
            self.fact("time", turn.describe_split(lookup.trace));
            self.fact("what took the time", turn.describe_blame(lookup.trace));
        }
    }

    fn task(&mut self, lookup: &Lookup<'_>, task: TaskId, index: u32) {
        let trace = lookup.trace;
        self.fact("spawned at", one_line(trace.text(trace.tasks[task.0 as usize].place)));
        let (mut number, mut before) = (1_usize, None);
        for event in &trace.events[..index as usize] {
            match event.kind {
                EventKind::StepBegin(other) if other == task => number += 1,
                EventKind::StepEnd(other, _) if other == task => before = Some(event.at),
                _ => {}
            }
        }
        self.fact("step", format!("number {number} of this task"));
        if let (Some(before), Some(event)) = (before, lookup.event(index)) {
            self.fact("waited", (event.at - before).exact());
        }
    }

    /// How what begins with this event came out.
    fn outcome(&mut self, lookup: &Lookup<'_>, index: u32) {
        let end = lookup.end_of(index).and_then(|end| lookup.event(end));
        let words = match end.map(|event| event.kind) {
            Some(
                EventKind::StepEnd(_, outcome)
                | EventKind::BlockingEnd(_, outcome)
                | EventKind::JobFinished(_, outcome),
            ) => match outcome {
                Outcome::Done => "done",
                Outcome::Pending => "waits",
                Outcome::Failed => "failed",
                Outcome::Cancelled => "cancelled",
            },
            _ => "not ended when its process was",
        };
        self.fact("outcome", words);
    }

    /// What goes on around a blocking call.
    fn inside(&mut self, lookup: &Lookup<'_>, index: u32) {
        let Some(at) = lookup.own_slice_of(index) else { return };
        let Some(slice) = lookup.scene.slice(at) else { return };
        let Some(lane) = lookup.scene.lane(at) else { return };
        for row in lane.rows[..usize::from(at.row)].iter().rev() {
            let around = row.last_from_before(index).and_then(|index| row.slice(index));
            let around = around.filter(|it| it.begin <= slice.begin && slice.end <= it.end);
            if let Some(event) = around.and_then(|around| lookup.event(around.event)) {
                let words = match event.kind {
                    EventKind::StepBegin(task) => {
                        format!("step of task \"{}\"", one_line(lookup.trace.task_name(task)))
                    }
                    EventKind::JobStarted(job) => {
                        format!("job \"{}\"", one_line(lookup.trace.job_name(job)))
                    }
                    EventKind::CallbackBegin(name) => {
                        format!("callback \"{}\"", one_line(lookup.trace.text(name)))
                    }
                    EventKind::HandlerBegin { handler, .. } => {
                        format!("handler \"{}\"", one_line(lookup.trace.text(handler)))
                    }
                    _ => continue,
                };
                self.fact("inside", words);
                return;
            }
        }
    }

    fn job(&mut self, lookup: &Lookup<'_>, job: JobId) {
        let trace = lookup.trace;
        let given = &trace.jobs[job.0 as usize];
        self.fact("pool", one_line(&trace.pools[usize::from(given.pool.0)].name));
        if let Some(place) = given.place {
            self.fact("submitted at", one_line(trace.text(place)));
        }
        self.fact("queued", given.queued.exact());
        self.fact("ahead of it", format!("{} jobs", given.ahead));
        let started = lookup.first(|event| event.kind == EventKind::JobStarted(job));
        match started.and_then(|started| Some((started, lookup.event(started)?))) {
            Some((index, event)) => {
                self.fact("waited", (event.at - given.queued).exact());
                self.fact("worker", one_line(&trace.lanes[usize::from(event.lane.0)]));
                self.outcome(lookup, index);
            }
            None => self.fact("started", "never"),
        }
        for event in &trace.events {
            if let EventKind::JobDelivered { job: other, finished } = event.kind
                && other == job
            {
                self.fact("finished", finished.exact());
                self.fact("delivered", event.at.exact());
                self.fact("lag", (event.at - finished).exact());
            }
        }
    }

    fn signal(
        &mut self,
        lookup: &Lookup<'_>,
        signal: Signal,
        raised: Nanos,
        lane: Lane,
        slice: Slice,
    ) -> String {
        self.fact("raised", raised.exact());
        let process = lookup.whose.process(lane);
        let at = |wanted: EventKind| {
            let found = lookup
                .first(|event| event.kind == wanted && lookup.whose.process(event.lane) == process);
            found.and_then(|event| lookup.event(event)).map(|event| event.at)
        };
        // One that had no fate of its own has none of another's.
        if slice.look != Look::SignalDropped {
            let delivered = at(EventKind::SignalDelivered { signal, raised });
            self.fact("delivered", delivered.map_or("never".into(), Nanos::exact));
            let handled = at(EventKind::SignalHandled { signal, raised });
            self.fact("handled", handled.map_or("never".into(), Nanos::exact));
            if let Some(handled) = handled {
                self.fact("latency", (handled - raised).exact());
            }
        }
        lookup.scene.names[slice.name as usize].clone()
    }

    fn process(&mut self, lookup: &Lookup<'_>, name: Label) {
        let is_named = lookup.labels_of(name);
        let mut fate = "still running when the run ended".to_owned();
        let mut waited = None;
        for event in &lookup.trace.events {
            match event.kind {
                EventKind::ProcessExited { process, status } if is_named[process.0 as usize] => {
                    fate = status.to_string();
                }
                EventKind::ProcessReaped { process, .. } if is_named[process.0 as usize] => {
                    waited = Some(event.at);
                }
                _ => {}
            }
        }
        self.fact("fate", fate);
        self.fact("waited for", waited.map_or("never".into(), Nanos::exact));
    }
}
