//! The stored form of a trace: line-delimited JSON, versioned, written and read as a stream.
//!
//! The first line is a header with the tables and the ending; each further line is one event. The header
//! says how many events follow, so a file that was cut off is noticed.
//!
//! ```text
//! {"format":"loopbox-trace","version":3,"lanes":["main","signals"],"labels":[...],...,"events":2}
//! {"at":0,"lane":0,"kind":"turn-begin"}
//! {"at":0,"lane":0,"kind":{"task-spawned":0}}
//! ```
//!
//! **Versions.** [`VERSION`] goes up with every change of this form, whether or not an old reader would
//! stumble over it. The writer writes only the newest version. The reader must go on reading every older
//! one, and refuses a newer one instead of guessing.
//!
//! A trace that was read holds only indices that exist, so its accessors do not panic, whoever wrote
//! the file. Neither compression nor where the files lie is decided here.

use std::borrow::Cow;
use std::io::{self, BufRead, BufWriter, Read, Write};

use serde::{Deserialize, Serialize};

use crate::intact::{Missing, check_event, check_tables};
use crate::model::{Job, Pool, Process, Task};
use crate::{Diagnostic, Ending, Event, EventKind, Nanos, Trace};

/// The version of the stored form that this crate writes, and the newest that it reads.
pub const VERSION: u32 = 3;

/// Every stored trace of any version begins with these bytes.
const MAGIC: &[u8] = br#"{"format":"loopbox-trace","version":"#;

/// The value of the header's `format`.
const FORMAT: &str = "loopbox-trace";

/// Why a stored trace cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It does not begin as a stored trace does.
    #[error("not a trace of loopbox")]
    NotATrace,
    /// Its form is not known here yet.
    #[error("written by a newer loopbox (version {found}; this one reads up to {VERSION})")]
    NewerVersion {
        /// Its version.
        found: u32,
    },
    /// A line is not what it should be.
    #[error("damaged at line {line}: {reason}")]
    Damaged {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The file was cut off.
    #[error("truncated: {found} of {promised} events")]
    Truncated {
        /// How many events the header speaks of.
        promised: usize,
        /// How many there are.
        found: usize,
    },
    /// A line speaks of something that is in no table.
    #[error("damaged at line {line}: {missing}")]
    OutOfRange {
        /// Counted from 1.
        line: usize,
        /// What it speaks of.
        missing: Missing,
    },
    /// Reading itself failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The first line. `format` and `version` come first: see [`MAGIC`].
#[derive(Serialize, Deserialize)]
struct Header<'a> {
    format: Cow<'a, str>,
    version: u32,
    finished: Nanos,
    ending: Cow<'a, Ending>,
    lanes: Cow<'a, [String]>,
    labels: Cow<'a, [String]>,
    tasks: Cow<'a, [Task]>,
    /// Since version 2.
    #[serde(default)]
    pools: Cow<'a, [Pool]>,
    jobs: Cow<'a, [Job]>,
    diagnostics: Cow<'a, [Diagnostic]>,
    /// Since version 2.
    #[serde(default)]
    processes: Cow<'a, [Process]>,
    events: usize,
}

/// What a header of any version has.
#[derive(Deserialize)]
struct Preamble {
    version: u32,
}

/// Writes a trace in its stored form. Buffers by itself.
pub fn write(trace: &Trace, out: impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let header = Header {
        format: FORMAT.into(),
        version: VERSION,
        finished: trace.finished,
        ending: Cow::Borrowed(&trace.ending),
        lanes: Cow::Borrowed(&trace.lanes),
        labels: Cow::Borrowed(&trace.labels),
        tasks: Cow::Borrowed(&trace.tasks),
        pools: Cow::Borrowed(&trace.pools),
        jobs: Cow::Borrowed(&trace.jobs),
        diagnostics: Cow::Borrowed(&trace.diagnostics),
        processes: Cow::Borrowed(&trace.processes),
        events: trace.events.len(),
    };
    serde_json::to_writer(&mut out, &header)?;
    out.write_all(b"\n")?;
    for event in &trace.events {
        serde_json::to_writer(&mut out, event)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Reads a trace from its stored form.
pub fn read(mut input: impl BufRead) -> Result<Trace, ReadError> {
    // The beginning decides before anything else is read: a file that is no trace may have no lines.
    let mut buffer = Vec::new();
    input.by_ref().take(MAGIC.len() as u64).read_to_end(&mut buffer)?;
    if buffer != MAGIC {
        return Err(ReadError::NotATrace);
    }
    input.read_until(b'\n', &mut buffer)?;
    let Preamble { version } = parse(&buffer, 1)?;
    if version > VERSION {
        return Err(ReadError::NewerVersion { found: version });
    }
    if version == 0 {
        return Err(ReadError::Damaged { line: 1, reason: "there is no version 0".into() });
    }
    let header: Header<'_> = parse(&buffer, 1)?;
    let promised = header.events;
    let mut trace = Trace {
        lanes: header.lanes.into_owned(),
        labels: header.labels.into_owned(),
        tasks: header.tasks.into_owned(),
        pools: header.pools.into_owned(),
        jobs: header.jobs.into_owned(),
        diagnostics: header.diagnostics.into_owned(),
        processes: header.processes.into_owned(),
        events: Vec::new(),
        ending: header.ending.into_owned(),
        finished: header.finished,
    };
    if version == 1 {
        one_pool(&mut trace);
    }
    check_tables(&trace).map_err(|missing| ReadError::OutOfRange { line: 1, missing })?;
    for found in 0.. {
        let line = found + 2;
        buffer.clear();
        input.read_until(b'\n', &mut buffer)?;
        if found == promised {
            if buffer.is_empty() {
                break;
            }
            let reason =
                format!("the header speaks of {promised} events, but here is another line");
            return Err(ReadError::Damaged { line, reason });
        }
        // The writer ends every line, so a line without an end is one that was cut.
        if buffer.last() != Some(&b'\n') {
            return Err(ReadError::Truncated { promised, found });
        }
        let event: Event = parse(&buffer, line)?;
        check_event(&trace, &event).map_err(|missing| ReadError::OutOfRange { line, missing })?;
        if let EventKind::JobQueued(job) = event.kind {
            // Version 1 has this in no other place.
            trace.jobs[job.0 as usize].queued = event.at;
        }
        trace.events.push(event);
    }
    Ok(trace)
}

/// Version 1 knows only the pool that is there from the start, and not its size.
fn one_pool(trace: &mut Trace) {
    let workers = trace.lanes.len().saturating_sub(2).max(1);
    let workers = u16::try_from(workers).unwrap_or(u16::MAX);
    trace.pools = vec![Pool { name: "default".into(), workers }];
}

fn parse<'a, T: Deserialize<'a>>(text: &'a [u8], line: usize) -> Result<T, ReadError> {
    serde_json::from_slice(text)
        .map_err(|error| ReadError::Damaged { line, reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{endings, one_of_everything, stored};

    fn read_text(text: &str) -> Result<Trace, ReadError> {
        read(text.as_bytes())
    }

    #[test]
    fn what_was_written_is_read_back() {
        let trace = one_of_everything();
        assert_eq!(read_text(&stored(&trace)).expect("reads back"), trace);
    }

    #[test]
    fn the_form_of_version_3_does_not_change() {
        let text = stored(&one_of_everything());
        let mut lines = text.lines();
        let header = lines.next().expect("a header");
        assert!(
            header.starts_with(r#"{"format":"loopbox-trace","version":3,"finished":6000000000,"#),
            "{header}"
        );
        assert!(
            header.ends_with(&format!(r#""events":{}}}"#, text.lines().count() - 1)),
            "{header}"
        );
        assert!(text.contains("\n{\"at\":0,\"lane\":0,\"kind\":\"turn-begin\"}\n"), "{text}");
        assert!(text.contains(r#""kind":{"step-end":[0,"pending"]}}"#), "{text}");
        assert!(
            text.contains(
                r#""kind":{"signal-delivered":{"signal":"SIGTERM","raised":950000000}}}"#
            ),
            "{text}"
        );
        assert!(
            header.contains(
                r#""pools":[{"name":"default","workers":2}],"jobs":[{"name":5,"pool":0,"place":6,"queued":1000000,"ahead":2}]"#
            ),
            "{header}"
        );
    }

    #[test]
    fn version_1_knows_one_pool_and_no_places_of_jobs() {
        let trace = one_of_everything();
        let of_version_1 = stored(&trace)
            .replacen("\"version\":3", "\"version\":1", 1)
            .replacen(r#""pools":[{"name":"default","workers":2}],"#, "", 1)
            .replacen(r#","pool":0,"place":6,"queued":1000000,"ahead":2"#, "", 1);
        let read = read_text(&of_version_1).expect("an old trace");
        assert_eq!(read.pools, trace.pools, "as many workers as there are lanes");
        assert_eq!(read.jobs[0].queued, Nanos::from_millis(1), "from the event");
        assert_eq!((read.jobs[0].place, read.jobs[0].ahead), (None, 0));
        assert_eq!(read.events, trace.events);
    }

    #[test]
    fn version_2_is_read_which_had_no_handlers() {
        let mut trace = one_of_everything();
        trace.events.retain(|event| event.kind.group() != crate::Group::Handler);
        let old = stored(&trace).replacen("\"version\":3", "\"version\":2", 1);
        assert_eq!(read_text(&old).expect("an old trace"), trace);
    }

    #[test]
    fn other_files_are_not_traces() {
        for text in
            ["", "\n", "hello", "{}", "{\"format\":\"loopbox-verdict\",\"version\":1}", "\0asm"]
        {
            assert!(matches!(read_text(text), Err(ReadError::NotATrace)), "{text:?}");
        }
    }

    #[test]
    fn a_newer_version_is_refused_whatever_it_holds() {
        let error = read_text("{\"format\":\"loopbox-trace\",\"version\":4,\"new\":[]}\n...")
            .expect_err("newer than this reader");
        assert_eq!(
            error.to_string(),
            "written by a newer loopbox (version 4; this one reads up to 3)"
        );
        let zero = stored(&one_of_everything()).replacen("\"version\":3", "\"version\":0", 1);
        assert!(matches!(read_text(&zero), Err(ReadError::Damaged { line: 1, .. })));
    }

    #[test]
    fn damage_is_reported_with_its_line() {
        let text = stored(&one_of_everything());
        let broken_event = text.replacen("\"turn-begin\"", "\"turn-bgin\"", 1);
        let error = read_text(&broken_event).expect_err("no such event").to_string();
        assert!(error.starts_with("damaged at line 2: unknown variant `turn-bgin`"), "{error}");
        let header_end = text.find('\n').expect("a header");
        assert!(matches!(
            read_text(&text[..header_end - 5]),
            Err(ReadError::Damaged { line: 1, .. })
        ));
        let longer = text.clone() + "{\"at\":0,\"lane\":0,\"kind\":\"ended\"}\n";
        let line_after = text.lines().count() + 1;
        assert!(matches!(
            read_text(&longer),
            Err(ReadError::Damaged { line, .. }) if line == line_after
        ));
        let mut not_utf8 = text.into_bytes();
        not_utf8[header_end + 5] = 0xff;
        assert!(matches!(read(&*not_utf8), Err(ReadError::Damaged { line: 2, .. })));
    }

    #[test]
    fn a_file_cut_off_anywhere_in_its_events_is_truncated() {
        let text = stored(&one_of_everything());
        let events = text.lines().count() - 1;
        let header_end = text.find('\n').expect("a header");
        for end in header_end + 1..text.len() {
            let whole_lines = text[..end].matches('\n').count() - 1;
            match read_text(&text[..end]) {
                Err(ReadError::Truncated { promised, found }) => {
                    assert_eq!((promised, found), (events, whole_lines));
                }
                other => panic!("cut at {end}: {other:?}"),
            }
        }
    }

    #[test]
    fn an_index_that_is_in_no_table_is_an_error() {
        let text = stored(&one_of_everything());
        for (from, to, what) in [
            ("\"lane\":2,", "\"lane\":4,", "lane"),
            ("{\"step-begin\":0}", "{\"step-begin\":1}", "task"),
            ("{\"step-end\":[0,", "{\"step-end\":[1,", "task"),
            ("{\"task-spawned\":0}", "{\"task-spawned\":1}", "task"),
            ("{\"task-cancelled\":0}", "{\"task-cancelled\":1}", "task"),
            ("{\"job-queued\":0}", "{\"job-queued\":1}", "job"),
            ("{\"job-started\":0}", "{\"job-started\":1}", "job"),
            ("{\"job-finished\":[0,", "{\"job-finished\":[1,", "job"),
            ("{\"job-delivered\":{\"job\":0", "{\"job-delivered\":{\"job\":1", "job"),
            ("{\"diagnostic\":0}", "{\"diagnostic\":1}", "diagnostic"),
            ("{\"callback-begin\":", "{\"callback-begin\":9", "label"),
            ("{\"blocking-end\":[", "{\"blocking-end\":[9", "label"),
            ("{\"timer-fired\":{\"name\":", "{\"timer-fired\":{\"name\":9", "label"),
            ("{\"level\":\"info\",\"logger\":", "{\"level\":\"info\",\"logger\":9", "label"),
            ("\"logger\":0,\"text\":", "\"logger\":0,\"text\":9", "label"),
            ("{\"handler-begin\":{\"handler\":", "{\"handler-begin\":{\"handler\":9", "label"),
            ("{\"callback-end\":", "{\"callback-end\":9", "label"),
            ("{\"blocking-begin\":", "{\"blocking-begin\":9", "label"),
            ("\"stream\":\"stdout\",\"text\":", "\"stream\":\"stdout\",\"text\":9", "label"),
            ("\"tasks\":[{\"name\":", "\"tasks\":[{\"name\":9", "label"),
            ("\"place\":", "\"place\":9", "label"),
            ("\"jobs\":[{\"name\":", "\"jobs\":[{\"name\":9", "label"),
        ] {
            assert!(text.contains(from), "{from} is not in {text}");
            match read_text(&text.replacen(from, to, 1)) {
                Err(ReadError::OutOfRange { missing, .. }) => {
                    assert_eq!(missing.what, what, "{to}")
                }
                other => panic!("{to}: {other:?}"),
            }
        }
    }

    #[test]
    fn endings_are_read_back() {
        for ending in endings() {
            let trace = Trace { ending, ..one_of_everything() };
            assert_eq!(read_text(&stored(&trace)).expect("reads back"), trace);
        }
    }
}
