//! What the guest tells the trace, and the entropy that it asks for.
//!
//! Labels and tasks that a guest passes are checked here: nothing else in the kernel sees one that was never given
//! out.

use loopbox_trace::{Diagnostic, EventKind, Label, Level, Outcome, Stream, TaskId};

use super::{Halt, Kernel, short_path};

impl Kernel {
    /// Random bytes for the guest, from the seed.
    pub(crate) fn fill_random(&mut self, bytes: &mut [u8]) {
        self.choices.fill(bytes);
    }

    /// Notes something on the calling thread's lane, now.
    #[inline]
    pub(crate) fn record(&mut self, kind: EventKind) {
        if self.recorder.traced() {
            let (now, lane) = (self.now(), self.lane());
            self.recorder.record(now, lane, kind);
        }
    }

    pub(crate) fn intern(&mut self, text: &str) -> Label {
        self.recorder.intern(text)
    }

    /// A label that the guest passes.
    pub(crate) fn label(&self, label: u32) -> Result<Label, Halt> {
        let label = Label(label);
        if self.recorder.knows(label) {
            return Ok(label);
        }
        Err(Halt::Misuse(format!("label {} was never interned", label.0)))
    }

    /// The label of a place in the source, without the directories of the machine that compiled it.
    pub(crate) fn place(&mut self, label: Label) -> Label {
        let short = self.recorder.text(label).filter(|text| text.starts_with('/')).map(short_path);
        match short.map(ToOwned::to_owned) {
            Some(short) => self.recorder.intern(&short),
            None => label,
        }
    }

    /// A task that the guest passes.
    pub(crate) fn task(&self, task: u32) -> Result<TaskId, Halt> {
        let task = TaskId(task);
        if self.recorder.knows_task(task) {
            return Ok(task);
        }
        Err(Halt::Misuse(format!("task {} was never spawned", task.0)))
    }

    pub(crate) fn spawn_task(&mut self, name: Label, place: Label) -> TaskId {
        if !self.recorder.traced() {
            return TaskId(0);
        }
        let task = self.recorder.add_task(name, place);
        self.record(EventKind::TaskSpawned(task));
        task
    }

    /// The loop polls a task.
    pub(crate) fn begin_step(&mut self, task: TaskId) {
        self.end_step(Outcome::Pending);
        self.in_step = Some(task);
        self.record(EventKind::StepBegin(task));
    }

    /// The step that runs, if one does, is over.
    pub(crate) fn end_step(&mut self, outcome: Outcome) {
        if let Some(task) = self.in_step.take() {
            self.record(EventKind::StepEnd(task, outcome));
        }
    }

    /// The loop runs a plain callback.
    pub(crate) fn begin_callback(&mut self, name: Label) {
        self.end_step(Outcome::Pending);
        self.blocked.in_callback = Some(name);
        self.record(EventKind::CallbackBegin(name));
    }

    /// The callback is over.
    pub(crate) fn end_callback(&mut self, name: Label) {
        self.blocked.in_callback = None;
        self.record(EventKind::CallbackEnd(name));
    }

    pub(crate) fn log(&mut self, level: Level, logger: Label, text: String) {
        let text = self.recorder.label(text);
        self.record(EventKind::Log { level, logger, text });
    }

    pub(crate) fn diagnostic(&mut self, diagnostic: Diagnostic) {
        let (now, lane) = (self.now(), self.lane());
        self.recorder.add_diagnostic(now, lane, diagnostic);
    }

    /// Whether there are reports of things that came to their end in the call of the host that returns now, and
    /// nobody has said where.
    #[inline]
    pub(crate) fn wants_place(&self) -> bool {
        self.recorder.has_unplaced()
    }

    /// This is where.
    pub(crate) fn place_reports(&mut self, place: Option<&str>) {
        self.recorder.place_reports(place);
    }

    /// The guest wrote to a stream.
    pub(crate) fn output(&mut self, stream: Stream, bytes: &[u8]) -> Result<(), Halt> {
        let (now, lane) = (self.now(), self.lane());
        self.recorder.output(now, lane, stream, bytes);
        self.look_up()
    }

    /// What standard error holds: a panic leaves its message there.
    pub(crate) fn stderr_text(&self) -> String {
        self.recorder.stderr_text()
    }
}
