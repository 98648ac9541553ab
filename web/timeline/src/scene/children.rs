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
pub(super) struct Children<'t> {
    processes: ByName<'t>,
    /// By process, those of the trace's table first.
    spans: Vec<Span>,
    pipes: ByName<'t>,
    /// Marks of each pipe.
    marks: Vec<Vec<Slice>>,
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

/// Things that have unique names in a run. Each process has labels of its own, so a name may have several; each
/// label is looked at once, however long its text is.
#[derive(Default)]
struct ByName<'t> {
    names: Vec<&'t str>,
    by_name: BTreeMap<&'t str, usize>,
    by_label: BTreeMap<Label, usize>,
}

impl<'t> ByName<'t> {
    fn number(&mut self, name: &'t str) -> usize {
        *self.by_name.entry(name).or_insert_with(|| {
            self.names.push(name);
            self.names.len() - 1
        })
    }

    fn number_of_label(&mut self, trace: &'t Trace, label: Label) -> usize {
        if let Some(&known) = self.by_label.get(&label) {
            return known;
        }
        let number = self.number(trace.text(label));
        self.by_label.insert(label, number);
        number
    }
}

impl<'t> Children<'t> {
    pub(super) fn new(trace: &'t Trace) -> Children<'t> {
        let mut processes = ByName::default();
        for process in &trace.processes {
            processes.number(&process.name);
        }
        let spans = vec![Span::default(); processes.names.len()];
        Children { processes, spans, pipes: ByName::default(), marks: Vec::new() }
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
            let pipe = self.pipes.number_of_label(trace, pipe);
            self.marks.resize_with(self.pipes.names.len(), Vec::new);
            let (at, name) = (event.at, names.text(what));
            let mark = Slice { begin: at, end: at, name, look: Look::Pipe, event: index };
            self.marks[pipe].push(mark);
        };
        match event.kind {
            EventKind::ProcessSpawned(name) => {
                self.span(trace, name).spawned.get_or_insert((event.at, index));
            }
            EventKind::ProcessExited { process, .. } => {
                let span = self.span(trace, process);
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

    fn span(&mut self, trace: &'t Trace, name: Label) -> &mut Span {
        let process = self.processes.number_of_label(trace, name);
        self.spans.resize(self.processes.names.len(), Span::default());
        &mut self.spans[process]
    }

    /// Whether a name that an event spoke of is that of the process with this number.
    pub(super) fn is(&self, name: Label, process: u16) -> bool {
        let child = usize::from(process).checked_sub(1);
        child.is_some() && self.processes.by_label.get(&name).copied() == child
    }

    /// When each process ended, with the first.
    pub(super) fn ends(&self, trace: &Trace) -> Vec<Nanos> {
        let exited = |name: &str| self.spans[*self.processes.by_name.get(name)?].exited;
        let children = trace.processes.iter().map(|process| exited(&process.name));
        let ends = std::iter::once(None).chain(children);
        ends.map(|end| end.unwrap_or(trace.finished)).collect()
    }

    /// The lane of processes and that of pipes.
    pub(super) fn lanes(mut self, trace: &Trace, whose: &Whose, names: &mut Names) -> Vec<Lane> {
        self.first_events(trace, whose);
        let named = self.processes.names.iter().zip(&self.spans);
        let slices = named.filter_map(|(name, span)| {
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
    fn first_events(&mut self, trace: &Trace, whose: &Whose) {
        if self.spans.iter().all(|span| span.spawned.is_some()) {
            return;
        }
        let by_name = &self.processes.by_name;
        let numbers = trace.processes.iter().map(|process| by_name[process.name.as_str()]);
        let numbers: Vec<usize> = numbers.collect();
        for (index, event) in (0..).zip(&trace.events) {
            let process = usize::from(whose.process(event.lane)).checked_sub(1);
            if let Some(process) = process
                && whose.role(event.lane) != Role::Signals
            {
                let first = &mut self.spans[numbers[process]].first;
                let first = first.get_or_insert((event.at, index));
                *first = (*first).min((event.at, index));
            }
        }
    }

    fn pipe_rows(self, names: &mut Names) -> Vec<Row> {
        let row = |title: u32, mut marks: Vec<Slice>| {
            marks.sort_by_key(|mark| mark.begin);
            Row::from_slices(marks).titled(title)
        };
        let mut pipes = self.pipes.names.into_iter().zip(self.marks);
        let own = pipes.by_ref().take(PIPE_ROWS_MAX);
        let mut rows: Vec<Row> =
            own.map(|(name, marks)| row(names.text(&fit(name)), marks)).collect();
        let others: Vec<Slice> = pipes.flat_map(|(_, marks)| marks).collect();
        if !others.is_empty() {
            rows.push(row(names.text("other pipes"), others));
        }
        rows
    }
}
