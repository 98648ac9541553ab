//! Writes down what happens, as the trace's events.
//!
//! Recording never fails and never changes what the guest sees: a full trace or too much output is noted,
//! and the kernel ends the run at its next look. When a run is not traced, only the bytes of output are
//! counted.

use std::collections::BTreeMap;

use loopbox_trace::model::{Job, Pool, Task};
use loopbox_trace::{
    Diagnostic, Ending, Event, EventKind, JobId, Label, Lane, Level, Limit, Nanos, Outcome, PoolId,
    Stream, TaskId, Trace,
};

use super::short_path;
use crate::config::Limits;

/// So much text is permitted for each event that is.
const TEXT_BYTES_PER_EVENT: usize = 64;

/// The trace of a run that goes on.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    traced: bool,
    limits: Limits,
    /// The first limit that recording ran into.
    exceeded: Option<Limit>,
    labels: Vec<String>,
    /// The labels that were interned to be used again.
    known: BTreeMap<String, Label>,
    tasks: Vec<Task>,
    pools: Vec<Pool>,
    jobs: Vec<Job>,
    /// Names of the workers' lanes.
    workers: Vec<String>,
    diagnostics: Vec<Diagnostic>,
    /// The first report that does not say where, since somebody looked.
    unplaced: Option<usize>,
    events: Vec<Event>,
    /// Bytes of all texts together.
    text_bytes: usize,
    /// Output that is not ended by a newline yet, by lane and stream.
    lines: BTreeMap<(Lane, Stream), Vec<u8>>,
    output_bytes: usize,
}

impl Recorder {
    pub(crate) fn new(traced: bool, limits: &Limits) -> Recorder {
        Recorder {
            traced,
            limits: *limits,
            exceeded: None,
            labels: Vec::new(),
            known: BTreeMap::new(),
            tasks: Vec::new(),
            pools: Vec::new(),
            jobs: Vec::new(),
            workers: Vec::new(),
            diagnostics: Vec::new(),
            unplaced: None,
            events: Vec::new(),
            text_bytes: 0,
            lines: BTreeMap::new(),
            output_bytes: 0,
        }
    }

    /// How many events and bytes of output there are.
    pub(crate) fn used(&self) -> (usize, usize) {
        (self.events.len(), self.output_bytes)
    }

    /// So many events and bytes of output are permitted from now on.
    pub(crate) fn bound(&mut self, trace_events: usize, output_bytes: usize) {
        self.limits.trace_events = trace_events;
        self.limits.output_bytes = output_bytes;
    }

    pub(crate) fn traced(&self) -> bool {
        self.traced
    }

    /// The limit that recording has run into, if any.
    pub(crate) fn exceeded(&self) -> Option<Limit> {
        self.exceeded
    }

    /// Something is more than the scenario permits; the first limit counts.
    pub(crate) fn exceed(&mut self, limit: Limit) {
        self.exceeded.get_or_insert(limit);
    }

    #[inline]
    pub(crate) fn record(&mut self, at: Nanos, lane: Lane, kind: EventKind) {
        if !self.traced {
            return;
        }
        if self.events.len() >= self.limits.trace_events {
            self.exceed(Limit::Trace);
            return;
        }
        self.events.push(Event { at, lane, kind });
    }

    /// The label of a text; one text has one label.
    pub(crate) fn intern(&mut self, text: &str) -> Label {
        if !self.traced {
            return Label(0);
        }
        if let Some(&label) = self.known.get(text) {
            return label;
        }
        let label = self.label(text.into());
        self.known.insert(text.into(), label);
        label
    }

    /// Whether the guest may use this label: it has been given out.
    pub(crate) fn knows(&self, label: Label) -> bool {
        !self.traced || (label.0 as usize) < self.labels.len()
    }

    pub(crate) fn text(&self, label: Label) -> Option<&str> {
        self.labels.get(label.0 as usize).map(String::as_str)
    }

    /// A label for a text that is not expected again.
    pub(crate) fn label(&mut self, text: String) -> Label {
        if !self.traced {
            return Label(0);
        }
        self.count_text(text.len());
        if self.exceeded == Some(Limit::Trace) {
            return Label(0);
        }
        self.labels.push(text);
        Label(index(self.labels.len() - 1))
    }

    /// Texts take memory as events do, and a long one costs the guest next to nothing.
    pub(crate) fn count_text(&mut self, bytes: usize) {
        let limit = self.limits.trace_events;
        self.text_bytes = self.text_bytes.saturating_add(bytes);
        if self.labels.len() >= limit
            || self.text_bytes > limit.saturating_mul(TEXT_BYTES_PER_EVENT)
        {
            self.exceed(Limit::Trace);
        }
    }

    pub(crate) fn add_task(&mut self, name: Label, place: Label) -> TaskId {
        self.tasks.push(Task { name, place });
        TaskId(index(self.tasks.len() - 1))
    }

    pub(crate) fn knows_task(&self, task: TaskId) -> bool {
        (task.0 as usize) < self.tasks.len()
    }

    /// Pool ids are the kernel's; this tells the trace of the next of them.
    pub(crate) fn add_pool(&mut self, name: &str, workers: u16) {
        self.pools.push(Pool { name: name.into(), workers });
    }

    /// A worker is needed, perhaps for the first time: its lane gets a name.
    pub(crate) fn name_worker(&mut self, worker: u16, name: impl FnOnce() -> String) {
        if usize::from(worker) == self.workers.len() {
            self.workers.push(name());
        }
    }

    /// Job ids are the pools'; this says what the next of them is.
    pub(crate) fn add_job(&mut self, name: &str, place: &str, pool: PoolId, queued: Nanos) {
        if self.traced {
            let name = self.intern(name);
            let place = (!place.is_empty()).then(|| self.intern(short_path(place)));
            self.jobs.push(Job { name, pool, place, queued, ahead: 0 });
        }
    }

    /// So many jobs were before this one when it came to its pool's queue.
    pub(crate) fn set_jobs_ahead(&mut self, job: JobId, ahead: usize) {
        if let Some(job) = self.jobs.get_mut(job.0 as usize) {
            job.ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
        }
    }

    pub(crate) fn add_diagnostic(&mut self, at: Nanos, lane: Lane, diagnostic: Diagnostic) {
        if self.traced {
            let Diagnostic { code, logger, text, created, died, .. } = &diagnostic;
            let places = [created, died].into_iter().flatten();
            let texts = [code, logger, text].into_iter().chain(places);
            self.count_text(texts.map(String::len).sum());
            if diagnostic.died.is_none() {
                self.unplaced.get_or_insert(self.diagnostics.len());
            }
            self.diagnostics.push(diagnostic);
            self.record(at, lane, EventKind::Diagnostic(index(self.diagnostics.len() - 1)));
        }
    }

    /// Whether there are new reports that do not say where their subject came to its end.
    #[inline]
    pub(crate) fn has_unplaced(&self) -> bool {
        self.unplaced.is_some()
    }

    /// Says it for them, if it is known.
    pub(crate) fn place_reports(&mut self, place: Option<&str>) {
        let Some(first) = self.unplaced.take() else { return };
        let Some(place) = place else { return };
        for diagnostic in &mut self.diagnostics[first..] {
            if diagnostic.died.is_none() {
                diagnostic.died = Some(place.to_owned());
            }
        }
    }

    /// How many reports there are.
    #[cfg(test)]
    pub(crate) fn diagnostics(&self) -> usize {
        self.diagnostics.len()
    }

    /// Bytes that the guest wrote; whole lines become events.
    pub(crate) fn output(&mut self, at: Nanos, lane: Lane, stream: Stream, bytes: &[u8]) {
        self.output_bytes = self.output_bytes.saturating_add(bytes.len());
        if self.output_bytes > self.limits.output_bytes {
            self.exceed(Limit::Output);
            return;
        }
        if !self.traced {
            return;
        }
        let mut line = self.lines.remove(&(lane, stream)).unwrap_or_default();
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            line.extend_from_slice(piece);
            if line.last() == Some(&b'\n') {
                line.pop();
                self.line(at, lane, stream, &std::mem::take(&mut line), true);
            }
        }
        if !line.is_empty() {
            self.lines.insert((lane, stream), line);
        }
    }

    fn line(&mut self, at: Nanos, lane: Lane, stream: Stream, bytes: &[u8], ended: bool) {
        let text = self.label(String::from_utf8_lossy(bytes).into_owned());
        self.record(at, lane, EventKind::Output { stream, text, ended });
    }

    /// Name and place of the spawn of a task.
    pub(crate) fn task(&self, task: TaskId) -> Option<(&str, &str)> {
        let task = self.tasks.get(task.0 as usize)?;
        Some((self.text(task.name)?, self.text(task.place)?))
    }

    /// The last thing that was logged or reported on a lane: level, logger and text.
    pub(crate) fn last_logged(&self, lane: Lane) -> Option<(Level, &str, &str)> {
        self.events.iter().rev().filter(|event| event.lane == lane).find_map(|event| {
            match event.kind {
                EventKind::Log { level, logger, text } => {
                    Some((level, self.text(logger)?, self.text(text)?))
                }
                EventKind::Diagnostic(index) => {
                    let report = self.diagnostics.get(index as usize)?;
                    Some((report.level, &report.logger, &report.text))
                }
                _ => None,
            }
        })
    }

    /// The last lines that went to standard error: a panic leaves its message there.
    pub(crate) fn stderr_text(&self) -> String {
        let mut text = String::new();
        for event in &self.events {
            if let EventKind::Output { stream: Stream::Stderr, text: line, .. } = event.kind {
                text.push_str(&self.labels[line.0 as usize]);
                text.push('\n');
            }
        }
        for ((_, stream), line) in &self.lines {
            if *stream == Stream::Stderr {
                text.push_str(&String::from_utf8_lossy(line));
            }
        }
        text
    }

    /// Tasks that are neither complete nor cancelled: name, place of the spawn, end of the last step.
    pub(crate) fn live_tasks(&self) -> Vec<(&str, &str, Option<Nanos>)> {
        let mut live: Vec<Option<Option<Nanos>>> = vec![Some(None); self.tasks.len()];
        for event in &self.events {
            match event.kind {
                EventKind::StepEnd(task, Outcome::Pending) => {
                    live[task.0 as usize] = Some(Some(event.at));
                }
                EventKind::StepEnd(task, _) | EventKind::TaskCancelled(task) => {
                    live[task.0 as usize] = None;
                }
                _ => {}
            }
        }
        let text = |label: Label| self.labels[label.0 as usize].as_str();
        self.tasks
            .iter()
            .zip(live)
            .filter_map(|(task, live)| Some((text(task.name), text(task.place), live?)))
            .collect()
    }

    pub(crate) fn job_name(&self, job: JobId) -> &str {
        self.jobs.get(job.0 as usize).map_or("?", |job| &self.labels[job.name.0 as usize])
    }

    /// `file:line:column` where the job was given to its pool.
    pub(crate) fn job_place(&self, job: JobId) -> Option<&str> {
        let place = self.jobs.get(job.0 as usize)?.place?;
        self.text(place)
    }

    /// Whether two jobs are of one kind: of one name, and given to the pool at one place.
    pub(crate) fn same_kind(&self, one: JobId, other: JobId) -> bool {
        let kind = |job: JobId| self.jobs.get(job.0 as usize).map(|job| (job.name, job.place));
        kind(one) == kind(other)
    }

    /// Closes the trace of a run, or of a part of it, that ended at `finished`.
    pub(crate) fn finish(mut self, finished: Nanos, ending: Option<Ending>) -> Trace {
        for ((lane, stream), line) in std::mem::take(&mut self.lines) {
            let at = self.events.iter().rev().find(|event| event.lane == lane).map(|e| e.at);
            self.line(at.unwrap_or(finished), lane, stream, &line, false);
        }
        // A job runs in place when its worker starts it, so it may have run ahead of the moment at
        // which the process ended. What came after that moment did not happen.
        self.events.retain(|event| event.at <= finished);
        if self.traced && ending.is_some() {
            self.events.push(Event { at: finished, lane: Lane::MAIN, kind: EventKind::Ended });
        }
        let last_worker = self.events.iter().filter_map(|event| event.lane.worker_index()).max();
        let workers = last_worker.map_or(0, |index| index + 1);
        let lanes = ["main".to_owned(), "signals".to_owned()]
            .into_iter()
            .chain(self.workers.into_iter().take(workers.into()))
            .collect();
        Trace {
            lanes,
            labels: self.labels,
            tasks: self.tasks,
            pools: self.pools,
            jobs: self.jobs,
            diagnostics: self.diagnostics,
            processes: Vec::new(),
            events: self.events,
            ending: ending.unwrap_or(Ending::Exited { status: 0 }),
            finished,
        }
    }
}

/// Tables stay far below 2^32 entries: the trace limit bounds them.
fn index(position: usize) -> u32 {
    u32::try_from(position).expect("bounded by the trace limit")
}
