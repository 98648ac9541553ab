//! What processes share: who started whom, and the pipes between them.

use std::collections::BTreeMap;

use loopbox_trace::{Event, EventKind, Label, Nanos, Trace};

use super::names::{Names, fit};
use super::pack::pack;
use super::whose::{Role, Whose};
use super::{Lane, LaneKind, Look, Row, Slice};

/// More processes at once than this are counted only.
const PROCESS_ROWS_MAX: usize = 8;

/// The pipes beyond this share a row.
const PIPE_ROWS_MAX: usize = 24;

/// Processes other than the first, and pipes.
#[derive(Default)]
pub(super) struct Children<'t> {
    /// By name, which is unique in a run.
    spans: BTreeMap<&'t str, Span>,
    /// By name, in the order in which they are first spoken of.
    pipes: BTreeMap<&'t str, usize>,
    /// Marks of each pipe.
    marks: Vec<(&'t str, Vec<Slice>)>,
}

/// How long a process lived.
#[derive(Clone, Copy, Default)]
struct Span {
    /// When it was started, and by which event.
    spawned: Option<(Nanos, u32)>,
    /// The first thing it did, for one that nobody started by name.
    first: Option<(Nanos, u32)>,
    exited: Option<Nanos>,
}

impl<'t> Children<'t> {
    pub(super) fn new(trace: &'t Trace) -> Children<'t> {
        let spans = trace.processes.iter().map(|process| (process.name.as_str(), Span::default()));
        Children { spans: spans.collect(), ..Children::default() }
    }

    /// Takes note of what happened; of anything but processes and pipes that is nothing.
    pub(super) fn take_note_of(
        &mut self,
        trace: &'t Trace,
        names: &mut Names,
        event: &Event,
        index: u32,
    ) {
        let mut mark = |pipe: Label, what: &str| {
            let name = trace.text(pipe);
            let row = *self.pipes.entry(name).or_insert_with(|| {
                self.marks.push((name, Vec::new()));
                self.marks.len() - 1
            });
            let (at, name) = (event.at, names.text(what));
            let mark = Slice { begin: at, end: at, name, look: Look::Pipe, event: index };
            self.marks[row].1.push(mark);
        };
        match event.kind {
            EventKind::ProcessSpawned(name) => {
                let span = self.spans.entry(trace.text(name)).or_default();
                span.spawned.get_or_insert((event.at, index));
            }
            EventKind::ProcessExited { process, .. } => {
                let span = self.spans.entry(trace.text(process)).or_default();
                span.exited.get_or_insert(event.at);
                span.first.get_or_insert((event.at, index));
            }
            EventKind::PipeCreated(pipe) => mark(pipe, "made"),
            EventKind::PipeWritten { pipe, bytes } => mark(pipe, &format!("{bytes} bytes written")),
            EventKind::PipeRead { pipe, bytes: 0 } => mark(pipe, "end read"),
            EventKind::PipeRead { pipe, bytes } => mark(pipe, &format!("{bytes} bytes read")),
            EventKind::PipeClosed { pipe, writer: true } => mark(pipe, "writing end closed"),
            EventKind::PipeClosed { pipe, writer: false } => mark(pipe, "reading end closed"),
            _ => {}
        }
    }

    /// When each process ended, with the first.
    pub(super) fn ends(&self, trace: &Trace) -> Vec<Nanos> {
        let exited = |name: &str| self.spans.get(name).and_then(|span| span.exited);
        let children = trace.processes.iter().map(|process| exited(&process.name));
        let ends = std::iter::once(None).chain(children);
        ends.map(|end| end.unwrap_or(trace.finished)).collect()
    }

    /// The lane of processes and that of pipes.
    pub(super) fn lanes(mut self, trace: &'t Trace, whose: &Whose, names: &mut Names) -> Vec<Lane> {
        self.first_events(trace, whose);
        let slices = self.spans.iter().filter_map(|(name, span)| {
            let (begin, event) = span.spawned.or(span.first)?;
            let end = span.exited.unwrap_or(trace.finished).max(begin);
            Some(Slice { begin, end, name: names.text(&fit(name)), look: Look::Process, event })
        });
        let slices: Vec<Slice> = slices.collect();
        let rows = pack(slices, PROCESS_ROWS_MAX, names);
        let pipes = self.pipe_rows(names);
        [(LaneKind::Processes, "processes", rows), (LaneKind::Pipes, "pipes", pipes)]
            .into_iter()
            .map(|(kind, title, rows)| Lane {
                title: title.into(),
                kind,
                process: 0,
                thread: None,
                rows,
            })
            .collect()
    }

    /// A process of a pool of processes is started by no event of that name: it is there when it does something.
    fn first_events(&mut self, trace: &'t Trace, whose: &Whose) {
        let mut missing = trace.processes.iter().filter(|process| {
            let span = self.spans.get(process.name.as_str());
            span.is_none_or(|span| span.spawned.is_none())
        });
        if missing.next().is_none() {
            return;
        }
        for (index, event) in (0..).zip(&trace.events) {
            let Some(process) = usize::from(whose.process(event.lane)).checked_sub(1) else {
                continue;
            };
            let span = self.spans.entry(trace.processes[process].name.as_str()).or_default();
            if whose.role(event.lane) != Role::Signals {
                let first = span.first.get_or_insert((event.at, index));
                *first = (*first).min((event.at, index));
            }
        }
    }

    fn pipe_rows(&mut self, names: &mut Names) -> Vec<Row> {
        let row = |title: u32, mut marks: Vec<Slice>| {
            marks.sort_by_key(|mark| mark.begin);
            Row::from_slices(marks).titled(title)
        };
        let others = self.marks.split_off(self.marks.len().min(PIPE_ROWS_MAX));
        let pipes = std::mem::take(&mut self.marks).into_iter();
        let mut rows: Vec<Row> =
            pipes.map(|(name, marks)| row(names.text(&fit(name)), marks)).collect();
        if !others.is_empty() {
            let marks = others.into_iter().flat_map(|(_, marks)| marks).collect();
            rows.push(row(names.text("other pipes"), marks));
        }
        rows
    }
}
