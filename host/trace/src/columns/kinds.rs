//! Events taken apart into columns, and put together again.
//!
//! An event's kind is a tag of one byte; what belongs to it goes to the column of its type: the ids of tables
//! and messages, the earlier moment that it refers to, and small numbers. Ids are written as the difference
//! from the last one of the same tag: jobs and messages count up, and a task that steps again is the same one.
//! Times are differences from the last one of the same lane. So most bytes are small, and many the same, which
//! is what compresses well.
//!
//! A tag stands for its kind for ever; a new kind takes a new tag, and a new version of the form.

use super::ReadError;
use super::bytes::{Reader, put_difference, put_length, put_number};
use crate::{
    Event, EventKind, ExitStatus, JobId, Label, Lane, Level, Nanos, Outcome, Signal, Stream, TaskId,
};

/// How many tags there are; each is less.
pub(crate) const TAGS: usize = 35;

/// How an exit by a signal is told from an exit status, which is less.
const SIGNALLED: u64 = 256;

/// The columns as they are written.
#[derive(Default)]
struct Columns {
    tags: Vec<u8>,
    lanes: Vec<u8>,
    times: Vec<u8>,
    ids: Vec<u8>,
    sinces: Vec<u8>,
    smalls: Vec<u8>,
}

/// What the next difference is from.
struct Last {
    /// By lane: the time of the last event.
    times: Vec<u64>,
    /// By tag: the first and the second id of the last event.
    ids: [[u32; 2]; TAGS],
}

impl Last {
    fn new(lanes: usize) -> Last {
        Last { times: vec![0; lanes], ids: [[0; 2]; TAGS] }
    }
}

/// The columns of these events, of a trace with so many lanes.
pub(super) fn put(out: &mut Vec<u8>, events: &[Event], lanes: usize) {
    let mut columns = Columns::default();
    let mut last = Last::new(lanes);
    for event in events {
        columns.add(event, &mut last);
    }
    let Columns { tags, lanes, times, ids, sinces, smalls } = columns;
    for column in [tags, lanes, times, ids, sinces, smalls] {
        put_length(out, column.len());
        out.extend(column);
    }
}

/// What of an event goes into the columns.
#[derive(Default)]
struct Parts {
    tag: u8,
    ids: [Option<u32>; 2],
    since: Option<Nanos>,
    small: Option<u64>,
}

impl Parts {
    fn new(tag: u8) -> Parts {
        Parts { tag, ..Parts::default() }
    }

    fn id(self, id: u32) -> Parts {
        Parts { ids: [Some(id), None], ..self }
    }

    fn ids(self, first: Label, second: Label) -> Parts {
        Parts { ids: [Some(first.0), Some(second.0)], ..self }
    }

    fn since(self, since: Nanos) -> Parts {
        Parts { since: Some(since), ..self }
    }

    fn small(self, small: impl Into<u64>) -> Parts {
        Parts { small: Some(small.into()), ..self }
    }
}

impl Columns {
    fn add(&mut self, event: &Event, last: &mut Last) {
        let Parts { tag, ids, since, small } = take_apart(event.kind);
        self.tags.push(tag);
        put_number(&mut self.lanes, event.lane.0.into());
        let time = &mut last.times[usize::from(event.lane.0)];
        put_difference(&mut self.times, *time, event.at.0);
        *time = event.at.0;
        for (id, before) in ids.into_iter().zip(&mut last.ids[usize::from(tag)]) {
            if let Some(id) = id {
                put_difference(&mut self.ids, (*before).into(), id.into());
                *before = id;
            }
        }
        if let Some(since) = since {
            put_difference(&mut self.sinces, event.at.0, since.0);
        }
        if let Some(small) = small {
            put_number(&mut self.smalls, small);
        }
    }
}

/// The tag of a kind: a small number, less than [`TAGS`].
pub(crate) fn tag(kind: EventKind) -> u8 {
    take_apart(kind).tag
}

fn take_apart(kind: EventKind) -> Parts {
    use EventKind::*;
    let tag = Parts::new;
    match kind {
        TurnBegin => tag(0),
        TurnEnd => tag(1),
        TaskSpawned(task) => tag(2).id(task.0),
        TaskCancelled(task) => tag(3).id(task.0),
        StepBegin(task) => tag(4).id(task.0),
        StepEnd(task, outcome) => tag(5).id(task.0).small(outcome_number(outcome)),
        CallbackBegin(name) => tag(6).id(name.0),
        CallbackEnd(name) => tag(7).id(name.0),
        TimerFired { name, due } => tag(8).id(name.0).since(due),
        SignalRaised(signal) => tag(9).small(signal.number()),
        SignalMerged(signal) => tag(10).small(signal.number()),
        SignalDelivered { signal, raised } => tag(11).small(signal.number()).since(raised),
        SignalHandled { signal, raised } => tag(12).small(signal.number()).since(raised),
        SignalDefault(signal) => tag(13).small(signal.number()),
        BlockingBegin(name) => tag(14).id(name.0),
        BlockingEnd(name, outcome) => tag(15).id(name.0).small(outcome_number(outcome)),
        JobQueued(job) => tag(16).id(job.0),
        JobStarted(job) => tag(17).id(job.0),
        JobFinished(job, outcome) => tag(18).id(job.0).small(outcome_number(outcome)),
        JobDelivered { job, finished } => tag(19).id(job.0).since(finished),
        MessagePosted(message) => tag(20).id(message),
        MessageReceived { message, posted } => tag(21).id(message).since(posted),
        Log { level, logger, text } => tag(22).ids(logger, text).small(level_number(level)),
        HandlerBegin { handler, logger } => tag(23).ids(handler, logger),
        HandlerEnd { handler, logger } => tag(24).ids(handler, logger),
        Diagnostic(index) => tag(25).id(index),
        Output { stream, text, ended } => {
            let stream = u64::from(stream == Stream::Stderr);
            tag(26).id(text.0).small(stream * 2 + u64::from(ended))
        }
        ProcessSpawned(process) => tag(27).id(process.0),
        ProcessExited { process, status } => tag(28).id(process.0).small(status_number(status)),
        ProcessReaped { process, status } => tag(29).id(process.0).small(status_number(status)),
        PipeCreated(pipe) => tag(30).id(pipe.0),
        PipeWritten { pipe, bytes } => tag(31).id(pipe.0).small(bytes),
        PipeRead { pipe, bytes } => tag(32).id(pipe.0).small(bytes),
        PipeClosed { pipe, writer } => tag(33).id(pipe.0).small(writer),
        Ended => tag(34),
    }
}

/// The columns as they are read.
struct Sources<'a> {
    lanes: Reader<'a>,
    times: Reader<'a>,
    ids: Reader<'a>,
    sinces: Reader<'a>,
    smalls: Reader<'a>,
    last: Last,
}

/// Reads the events of a trace with so many lanes; `check` is asked about each.
pub(super) fn read(
    reader: &mut Reader<'_>,
    lanes: usize,
    check: impl Fn(&Event) -> Result<(), ReadError>,
) -> Result<Vec<Event>, ReadError> {
    let mut column = || {
        let length = reader.length()?;
        reader.bytes(length)
    };
    let tags = column()?;
    let mut sources = Sources {
        lanes: Reader::new(column()?),
        times: Reader::new(column()?),
        ids: Reader::new(column()?),
        sinces: Reader::new(column()?),
        smalls: Reader::new(column()?),
        last: Last::new(lanes),
    };
    // A tag is a byte, so a short input never has many events.
    let mut events = Vec::with_capacity(tags.len());
    for &tag in tags {
        let event = sources.event(tag)?;
        check(&event)?;
        events.push(event);
    }
    let Sources { lanes, times, ids, sinces, smalls, .. } = sources;
    [lanes, times, ids, sinces, smalls].iter().try_for_each(Reader::end)?;
    Ok(events)
}

impl Sources<'_> {
    fn event(&mut self, tag: u8) -> Result<Event, ReadError> {
        let lane = Lane(self.lanes.small()?);
        let last = self.last.times.get_mut(usize::from(lane.0));
        let last = last.ok_or(ReadError::Damaged("an event is on no lane"))?;
        *last = self.times.difference(*last)?;
        let at = Nanos(*last);
        Ok(Event { at, lane, kind: self.kind(tag, at)? })
    }

    /// What [`take_apart`] took apart.
    fn kind(&mut self, tag: u8, at: Nanos) -> Result<EventKind, ReadError> {
        use EventKind::*;
        Ok(match tag {
            0 => TurnBegin,
            1 => TurnEnd,
            2 => TaskSpawned(self.task(tag)?),
            3 => TaskCancelled(self.task(tag)?),
            4 => StepBegin(self.task(tag)?),
            5 => StepEnd(self.task(tag)?, self.outcome()?),
            6 => CallbackBegin(self.label(tag)?),
            7 => CallbackEnd(self.label(tag)?),
            8 => TimerFired { name: self.label(tag)?, due: self.since(at)? },
            9 => SignalRaised(self.signal()?),
            10 => SignalMerged(self.signal()?),
            11 => SignalDelivered { signal: self.signal()?, raised: self.since(at)? },
            12 => SignalHandled { signal: self.signal()?, raised: self.since(at)? },
            13 => SignalDefault(self.signal()?),
            14 => BlockingBegin(self.label(tag)?),
            15 => BlockingEnd(self.label(tag)?, self.outcome()?),
            16 => JobQueued(self.job(tag)?),
            17 => JobStarted(self.job(tag)?),
            18 => JobFinished(self.job(tag)?, self.outcome()?),
            19 => JobDelivered { job: self.job(tag)?, finished: self.since(at)? },
            20 => MessagePosted(self.id(tag, 0)?),
            21 => MessageReceived { message: self.id(tag, 0)?, posted: self.since(at)? },
            22 => Log {
                logger: self.label(tag)?,
                text: Label(self.id(tag, 1)?),
                level: level(self.smalls.number()?)?,
            },
            23 => HandlerBegin { handler: self.label(tag)?, logger: Label(self.id(tag, 1)?) },
            24 => HandlerEnd { handler: self.label(tag)?, logger: Label(self.id(tag, 1)?) },
            25 => Diagnostic(self.id(tag, 0)?),
            26 => {
                let flags = self.smalls.number()?;
                let stream = match flags / 2 {
                    0 => Stream::Stdout,
                    1 => Stream::Stderr,
                    _ => return Err(ReadError::Damaged("no such stream")),
                };
                Output { stream, text: self.label(tag)?, ended: flags % 2 == 1 }
            }
            27 => ProcessSpawned(self.label(tag)?),
            28 => ProcessExited { process: self.label(tag)?, status: self.status()? },
            29 => ProcessReaped { process: self.label(tag)?, status: self.status()? },
            30 => PipeCreated(self.label(tag)?),
            31 => PipeWritten { pipe: self.label(tag)?, bytes: self.smalls.small()? },
            32 => PipeRead { pipe: self.label(tag)?, bytes: self.smalls.small()? },
            33 => {
                let writer = match self.smalls.number()? {
                    0 => false,
                    1 => true,
                    _ => return Err(ReadError::Damaged("no such end of a pipe")),
                };
                PipeClosed { pipe: self.label(tag)?, writer }
            }
            34 => Ended,
            _ => return Err(ReadError::Damaged("no such kind of event")),
        })
    }

    fn id(&mut self, tag: u8, which: usize) -> Result<u32, ReadError> {
        let last = &mut self.last.ids[usize::from(tag)][which];
        let id = self.ids.difference((*last).into())?;
        *last = id.try_into().map_err(|_| ReadError::Damaged("an id is too large"))?;
        Ok(*last)
    }

    fn label(&mut self, tag: u8) -> Result<Label, ReadError> {
        self.id(tag, 0).map(Label)
    }

    fn task(&mut self, tag: u8) -> Result<TaskId, ReadError> {
        self.id(tag, 0).map(TaskId)
    }

    fn job(&mut self, tag: u8) -> Result<JobId, ReadError> {
        self.id(tag, 0).map(JobId)
    }

    fn since(&mut self, at: Nanos) -> Result<Nanos, ReadError> {
        self.sinces.difference(at.0).map(Nanos)
    }

    fn signal(&mut self) -> Result<Signal, ReadError> {
        signal(self.smalls.number()?)
    }

    fn outcome(&mut self) -> Result<Outcome, ReadError> {
        Ok(match self.smalls.number()? {
            0 => Outcome::Done,
            1 => Outcome::Pending,
            2 => Outcome::Failed,
            3 => Outcome::Cancelled,
            _ => return Err(ReadError::Damaged("no such outcome")),
        })
    }

    fn status(&mut self) -> Result<ExitStatus, ReadError> {
        let number = self.smalls.number()?;
        Ok(match u8::try_from(number) {
            Ok(status) => ExitStatus::Exited(status),
            Err(_) => ExitStatus::Signalled(signal(number - SIGNALLED)?),
        })
    }
}

fn outcome_number(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Done => 0,
        Outcome::Pending => 1,
        Outcome::Failed => 2,
        Outcome::Cancelled => 3,
    }
}

fn status_number(status: ExitStatus) -> u64 {
    match status {
        ExitStatus::Exited(status) => status.into(),
        ExitStatus::Signalled(signal) => SIGNALLED + u64::from(signal.number()),
    }
}

pub(super) fn level_number(level: Level) -> u8 {
    match level {
        Level::Debug => 0,
        Level::Info => 1,
        Level::Warning => 2,
        Level::Error => 3,
        Level::Critical => 4,
    }
}

pub(super) fn level(number: u64) -> Result<Level, ReadError> {
    Ok(match number {
        0 => Level::Debug,
        1 => Level::Info,
        2 => Level::Warning,
        3 => Level::Error,
        4 => Level::Critical,
        _ => return Err(ReadError::Damaged("no such level")),
    })
}

pub(super) fn signal(number: u64) -> Result<Signal, ReadError> {
    let known = u8::try_from(number).ok().and_then(Signal::from_number);
    known.ok_or(ReadError::Damaged("no such signal"))
}
