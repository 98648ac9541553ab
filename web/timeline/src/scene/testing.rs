//! Traces made by hand, and scenes as text, for tests.

use std::fmt::Write as _;

use loopbox_trace::model::{Job, Pool, Process, Task};
use loopbox_trace::{
    Diagnostic, Ending, Event, EventKind, JobId, Label, Lane, Level, Nanos, Outcome, PoolId,
    TaskId, Trace,
};

use super::{Scene, SliceRef};

/// Builds a trace event by event; times are in milliseconds.
pub(crate) struct Builder {
    pub trace: Trace,
}

pub(crate) fn ms(millis: u64) -> Nanos {
    Nanos::from_millis(millis)
}

impl Builder {
    pub(crate) fn new() -> Builder {
        Builder {
            trace: Trace {
                lanes: ["main", "signals", "worker-1", "worker-2"].map(String::from).to_vec(),
                labels: Vec::new(),
                tasks: Vec::new(),
                pools: vec![Pool { name: "default".into(), workers: 2 }],
                jobs: Vec::new(),
                diagnostics: Vec::new(),
                processes: Vec::new(),
                events: Vec::new(),
                ending: Ending::Exited { status: 0 },
                finished: Nanos::ZERO,
            },
        }
    }

    pub(crate) fn label(&mut self, text: &str) -> Label {
        let labels = &mut self.trace.labels;
        let index = labels.iter().position(|label| label == text).unwrap_or_else(|| {
            labels.push(text.into());
            labels.len() - 1
        });
        Label(index.try_into().expect("few labels"))
    }

    pub(crate) fn task(&mut self, name: &str) -> TaskId {
        let task = Task { name: self.label(name), place: self.label("a.rs:12:5") };
        self.trace.tasks.push(task);
        TaskId((self.trace.tasks.len() - 1).try_into().expect("few tasks"))
    }

    /// A job that comes to the default pool then, with so many before it.
    pub(crate) fn job(&mut self, name: &str, queued_ms: u64, ahead: u32) -> JobId {
        let (name, place) = (self.label(name), Some(self.label("a.rs:20:9")));
        let queued = ms(queued_ms);
        self.trace.jobs.push(Job { name, pool: PoolId::DEFAULT, place, queued, ahead });
        let job = JobId((self.trace.jobs.len() - 1).try_into().expect("few jobs"));
        self.main(queued_ms, EventKind::JobQueued(job));
        job
    }

    /// The lanes of another process come next.
    pub(crate) fn process(&mut self, name: &str) -> Lane {
        let first_lane = Lane(self.trace.lanes.len().try_into().expect("few lanes"));
        self.trace.processes.push(Process { name: name.into(), first_lane });
        let lanes = ["", " signals", " worker-1"].map(|lane| format!("{name}{lane}"));
        self.trace.lanes.extend(lanes);
        first_lane
    }

    pub(crate) fn on(&mut self, lane: Lane, at_ms: u64, kind: EventKind) -> &mut Builder {
        self.trace.events.push(Event { at: ms(at_ms), lane, kind });
        self
    }

    pub(crate) fn main(&mut self, at_ms: u64, kind: EventKind) -> &mut Builder {
        self.on(Lane::MAIN, at_ms, kind)
    }

    pub(crate) fn signals(&mut self, at_ms: u64, kind: EventKind) -> &mut Builder {
        self.on(Lane::SIGNALS, at_ms, kind)
    }

    /// A blocking call from one moment to another.
    pub(crate) fn blocking(
        &mut self,
        lane: Lane,
        name: &str,
        from_ms: u64,
        to_ms: u64,
    ) -> &mut Builder {
        let name = self.label(name);
        self.on(lane, from_ms, EventKind::BlockingBegin(name));
        self.on(lane, to_ms, EventKind::BlockingEnd(name, Outcome::Done))
    }

    /// A step of a task from one moment to another.
    pub(crate) fn step(&mut self, task: TaskId, from_ms: u64, to_ms: u64) -> &mut Builder {
        self.main(from_ms, EventKind::StepBegin(task));
        self.main(to_ms, EventKind::StepEnd(task, Outcome::Pending))
    }

    pub(crate) fn diagnostic(&mut self, at_ms: u64, code: &str, level: Level) -> &mut Builder {
        self.trace.diagnostics.push(Diagnostic {
            code: code.into(),
            level,
            logger: "asyncio".into(),
            text: "took 0.94 seconds".into(),
            created: Some("a.rs:3:1".into()),
            died: None,
        });
        let index = (self.trace.diagnostics.len() - 1).try_into().expect("few diagnostics");
        self.main(at_ms, EventKind::Diagnostic(index))
    }

    /// The run ends now, with status 0.
    pub(crate) fn exit(mut self, at_ms: u64) -> Trace {
        self.main(at_ms, EventKind::Ended);
        Trace { finished: ms(at_ms), ..self.trace }
    }
}

/// The index of the first event of this kind.
pub(crate) fn event(trace: &Trace, kind: EventKind) -> u32 {
    let index = trace.events.iter().position(|event| event.kind == kind);
    index.expect("the event is there").try_into().expect("few events")
}

/// The scene as text: a line for each lane, row and slice.
pub(crate) fn text(scene: &Scene) -> String {
    let mut text = String::new();
    for group in &scene.groups {
        if !group.title.is_empty() {
            writeln!(text, "== {}", group.title).expect("a String takes everything");
        }
        for lane in &group.lanes {
            writeln!(text, "{}", lane.title).expect("a String takes everything");
            for (number, row) in lane.rows.iter().enumerate() {
                let title = row.title.map_or("", |title| &*scene.names[title as usize]);
                let title = format!("  row {number} {title}");
                writeln!(text, "{}", title.trim_end()).expect("a String takes everything");
                for slice in row.slices() {
                    let (begin, end, look) = (slice.begin, slice.end, slice.look);
                    let span =
                        if begin == end { format!("{begin}") } else { format!("{begin}..{end}") };
                    let (name, event) = (&scene.names[slice.name as usize], slice.event);
                    writeln!(text, "    {span} {look:?} {name} #{event}")
                        .expect("a String takes everything");
                }
            }
        }
    }
    text
}

/// A slice in words: lane, row and name.
pub(crate) fn told(scene: &Scene, at: SliceRef) -> String {
    let slice = scene.slice(at).expect("the slice is there");
    let lane = &scene.groups[usize::from(at.group)].lanes[usize::from(at.lane)];
    format!("{} {} {}", lane.title, at.row, scene.names[slice.name as usize])
}
