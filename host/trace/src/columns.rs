//! A whole trace in few bytes: columns, for the viewer in the browser.
//!
//! The stored form is for reading in many years and by other programs; this one is for now. It is small, it
//! compresses well (the stored form's 60 bytes an event become two or so), and a million events are
//! read in the time of one frame or two. The viewer's server makes it of a stored trace when a page asks for one.
//!
//! ```text
//! "loopbox-columns" version | finished, ending | lanes, labels, tasks, pools, jobs, diagnostics, processes |
//! six columns of events, each after its length: kinds, lanes, times, ids, earlier moments, small numbers
//! ```
//!
//! Numbers are varints, texts and lists stand after their lengths ([`bytes`]); [`kinds`] takes events apart.
//!
//! **Versions.** [`VERSION`] goes up with every change of this form. Nobody keeps it but a page in a browser and
//! the single file of a report, and both carry the reader of their own version. So the reader reads this version
//! only; others it refuses.
//!
//! The bytes may be anybody's: reading them never panics, allocates no more than some fifty times their
//! length, and gives a trace only if that speaks of nothing but what it has.

mod bytes;
mod kinds;

use bytes::{Reader, put_length, put_number, put_text};
pub(crate) use kinds::{TAGS, tag};

use crate::intact::{Missing, check_event, check_tables};
use crate::model::{Job, Pool, Process, Task};
use crate::{Diagnostic, Ending, Label, Lane, Limit, Nanos, PoolId, Trace};

/// The version of the form.
pub const VERSION: u32 = 1;

/// What the form begins with.
pub const MAGIC: &[u8] = b"loopbox-columns";

/// Why bytes are no trace in columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// They do not begin as columns do.
    #[error("not the columns of a loopbox trace")]
    NotColumns,
    /// They are of another form than the one that is known here.
    #[error("columns of version {found}, but this loopbox reads version {VERSION} only")]
    OtherVersion {
        /// Their version.
        found: u32,
    },
    /// They end too early.
    #[error("truncated")]
    Truncated,
    /// Something in them is not what it should be.
    #[error("damaged: {0}")]
    Damaged(&'static str),
    /// An event or a table speaks of something that is not there.
    #[error("damaged: {0}")]
    OutOfRange(#[from] Missing),
}

/// A trace as columns.
pub fn write(trace: &Trace) -> Vec<u8> {
    let Trace {
        lanes,
        labels,
        tasks,
        pools,
        jobs,
        diagnostics,
        processes,
        events,
        ending,
        finished,
    } = trace;
    let mut out = MAGIC.to_vec();
    put_number(&mut out, VERSION.into());
    put_number(&mut out, finished.0);
    put_ending(&mut out, ending);
    put_texts(&mut out, lanes);
    put_texts(&mut out, labels);
    put_list(&mut out, tasks, |out, task| {
        put_number(out, task.name.0.into());
        put_number(out, task.place.0.into());
    });
    put_list(&mut out, pools, |out, pool| {
        put_text(out, &pool.name);
        put_number(out, pool.workers.into());
    });
    put_list(&mut out, jobs, |out, job| {
        put_number(out, job.name.0.into());
        put_number(out, job.pool.0.into());
        put_option(out, job.place, |out, place| put_number(out, place.0.into()));
        put_number(out, job.queued.0);
        put_number(out, job.ahead.into());
    });
    put_list(&mut out, diagnostics, |out, diagnostic| {
        put_text(out, &diagnostic.code);
        out.push(kinds::level_number(diagnostic.level));
        put_text(out, &diagnostic.logger);
        put_text(out, &diagnostic.text);
        for place in [&diagnostic.created, &diagnostic.died] {
            put_option(out, place.as_ref(), |out, place| put_text(out, place));
        }
    });
    put_list(&mut out, processes, |out, process| {
        put_text(out, &process.name);
        put_number(out, process.first_lane.0.into());
    });
    kinds::put(&mut out, events, lanes.len());
    out
}

/// The trace that was written.
///
/// # Errors
/// The bytes are no columns of this version, or damaged.
pub fn read(bytes: &[u8]) -> Result<Trace, ReadError> {
    let mut reader = Reader::new(bytes.strip_prefix(MAGIC).ok_or(ReadError::NotColumns)?);
    let version = reader.small()?;
    if version != VERSION {
        return Err(ReadError::OtherVersion { found: version });
    }
    let mut trace = Trace {
        finished: Nanos(reader.number()?),
        ending: read_ending(&mut reader)?,
        lanes: reader.list(Reader::text)?,
        labels: reader.list(Reader::text)?,
        tasks: reader.list(|r| Ok(Task { name: read_label(r)?, place: read_label(r)? }))?,
        pools: reader.list(|r| Ok(Pool { name: r.text()?, workers: r.small()? }))?,
        jobs: reader.list(|r| {
            Ok(Job {
                name: read_label(r)?,
                pool: PoolId(r.small()?),
                place: read_option(r, read_label)?,
                queued: Nanos(r.number()?),
                ahead: r.small()?,
            })
        })?,
        diagnostics: reader.list(|r| {
            Ok(Diagnostic {
                code: r.text()?,
                level: kinds::level(r.byte()?.into())?,
                logger: r.text()?,
                text: r.text()?,
                created: read_option(r, Reader::text)?,
                died: read_option(r, Reader::text)?,
            })
        })?,
        processes: reader
            .list(|r| Ok(Process { name: r.text()?, first_lane: Lane(r.small()?) }))?,
        events: Vec::new(),
    };
    check_tables(&trace)?;
    let lanes = trace.lanes.len();
    trace.events = kinds::read(&mut reader, lanes, |event| Ok(check_event(&trace, event)?))?;
    reader.end()?;
    Ok(trace)
}

fn put_list<T>(out: &mut Vec<u8>, items: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
    put_length(out, items.len());
    for item in items {
        put(out, item);
    }
}

fn put_texts(out: &mut Vec<u8>, texts: &[String]) {
    put_list(out, texts, |out, text| put_text(out, text));
}

fn put_option<T>(out: &mut Vec<u8>, value: Option<T>, put: impl Fn(&mut Vec<u8>, T)) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        put(out, value);
    }
}

fn read_option<'a, T>(
    reader: &mut Reader<'a>,
    read: impl Fn(&mut Reader<'a>) -> Result<T, ReadError>,
) -> Result<Option<T>, ReadError> {
    match reader.byte()? {
        0 => Ok(None),
        1 => read(reader).map(Some),
        _ => Err(ReadError::Damaged("neither there nor not there")),
    }
}

fn read_label(reader: &mut Reader<'_>) -> Result<Label, ReadError> {
    reader.small().map(Label)
}

fn put_ending(out: &mut Vec<u8>, ending: &Ending) {
    match ending {
        Ending::Exited { status } => out.extend([0, *status]),
        Ending::Signalled { signal } => out.extend([1, signal.number()]),
        Ending::Panicked { message, backtrace } => {
            out.push(2);
            put_text(out, message);
            put_texts(out, backtrace);
        }
        Ending::Trapped { reason, backtrace } => {
            out.push(3);
            put_text(out, reason);
            put_texts(out, backtrace);
        }
        Ending::Deadlock { waiting } => {
            out.push(4);
            put_texts(out, waiting);
        }
        Ending::LimitReached { limit, allowed, backtrace } => {
            out.extend([5, limit_number(*limit)]);
            put_text(out, allowed);
            put_texts(out, backtrace);
        }
        Ending::Misused { reason, backtrace } => {
            out.push(6);
            put_text(out, reason);
            put_texts(out, backtrace);
        }
    }
}

fn read_ending(reader: &mut Reader<'_>) -> Result<Ending, ReadError> {
    Ok(match reader.byte()? {
        0 => Ending::Exited { status: reader.byte()? },
        1 => Ending::Signalled { signal: kinds::signal(reader.byte()?.into())? },
        2 => Ending::Panicked { message: reader.text()?, backtrace: reader.list(Reader::text)? },
        3 => Ending::Trapped { reason: reader.text()?, backtrace: reader.list(Reader::text)? },
        4 => Ending::Deadlock { waiting: reader.list(Reader::text)? },
        5 => Ending::LimitReached {
            limit: limit(reader.byte()?)?,
            allowed: reader.text()?,
            backtrace: reader.list(Reader::text)?,
        },
        6 => Ending::Misused { reason: reader.text()?, backtrace: reader.list(Reader::text)? },
        _ => return Err(ReadError::Damaged("no such ending")),
    })
}

fn limit_number(limit: Limit) -> u8 {
    match limit {
        Limit::Time => 0,
        Limit::Fuel => 1,
        Limit::Memory => 2,
        Limit::Stack => 3,
        Limit::Output => 4,
        Limit::Trace => 5,
    }
}

fn limit(number: u8) -> Result<Limit, ReadError> {
    Ok(match number {
        0 => Limit::Time,
        1 => Limit::Fuel,
        2 => Limit::Memory,
        3 => Limit::Stack,
        4 => Limit::Output,
        5 => Limit::Trace,
        _ => return Err(ReadError::Damaged("no such limit")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Random, endings, generated, ms, one_of_everything};
    use crate::{Event, EventKind};

    #[test]
    fn what_was_written_is_read_back() {
        let mut both = one_of_everything();
        both.add_process("cat[2]", one_of_everything());
        for trace in [one_of_everything(), both, generated(1, 100_000), generated(2, 0)] {
            assert_eq!(read(&write(&trace)).expect("reads back"), trace);
        }
        for ending in endings() {
            let trace = Trace { ending, ..one_of_everything() };
            assert_eq!(read(&write(&trace)).expect("reads back"), trace);
        }
    }

    #[test]
    fn times_may_be_any_and_in_any_order() {
        let mut trace = generated(3, 1_000);
        for (event, at) in trace.events.iter_mut().zip([u64::MAX, 0, 1, u64::MAX, 5].iter().cycle())
        {
            event.at = Nanos(*at);
        }
        trace.finished = Nanos::MAX;
        assert_eq!(read(&write(&trace)).expect("reads back"), trace);
    }

    #[test]
    fn an_event_takes_few_bytes() {
        let trace = generated(4, 100_000);
        let bytes = write(&trace).len() as f64 / trace.events.len() as f64;
        assert!(bytes < 10.0, "{bytes} bytes an event");
    }

    #[test]
    fn what_is_cut_anywhere_is_refused() {
        let whole = write(&one_of_everything());
        for length in 0..whole.len() {
            let error = read(&whole[..length]).expect_err("cut");
            let expected =
                if length < MAGIC.len() { ReadError::NotColumns } else { ReadError::Truncated };
            assert_eq!(error, expected, "{length}");
        }
        let longer = [&whole[..], &[0]].concat();
        assert!(matches!(read(&longer), Err(ReadError::Damaged(_))));
    }

    #[test]
    fn damage_is_an_error_or_another_trace_but_never_a_panic() {
        let (mut refused, mut others) = (0, 0);
        let mut random = Random(5);
        for trace in [one_of_everything(), generated(6, 200)] {
            let whole = write(&trace);
            for _ in 0..1_500 {
                let mut bytes = whole.clone();
                for _ in 0..=random.below(3) {
                    let at = usize::try_from(random.below(bytes.len() as u64)).expect("an index");
                    bytes[at] = random.next().to_le_bytes()[0];
                }
                match read(&bytes) {
                    Ok(other) => {
                        use_everything(&other);
                        others += 1;
                    }
                    Err(_) => refused += 1,
                }
            }
        }
        assert!(refused > 300 && others > 300, "{refused} refused, {others} read");
    }

    /// Whatever was read can be shown.
    fn use_everything(trace: &Trace) {
        let groups = crate::Group::ALL.into();
        crate::golden::render(trace, &groups, ms(1));
        crate::measure::summary(trace);
        assert_eq!(read(&write(trace)).as_ref(), Ok(trace));
    }

    #[test]
    fn other_versions_and_other_files_are_refused() {
        let mut bytes = write(&one_of_everything());
        bytes[MAGIC.len()] = 2;
        assert_eq!(
            read(&bytes).expect_err("newer").to_string(),
            "columns of version 2, but this loopbox reads version 1 only"
        );
        assert_eq!(read(b"{\"format\":\"loopbox-trace\""), Err(ReadError::NotColumns));
    }

    #[test]
    fn an_event_that_speaks_of_nothing_is_refused() {
        let mut trace = one_of_everything();
        for (kind, what) in [
            (EventKind::StepBegin(crate::TaskId(1)), "task"),
            (EventKind::JobQueued(crate::JobId(1)), "job"),
            (EventKind::Diagnostic(1), "diagnostic"),
            (EventKind::BlockingBegin(Label(99)), "label"),
        ] {
            trace.events[0] = Event { kind, ..trace.events[0] };
            match read(&write(&trace)) {
                Err(ReadError::OutOfRange(missing)) => assert_eq!(missing.what, what),
                other => panic!("{what}: {other:?}"),
            }
        }
    }
}
