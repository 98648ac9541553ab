//! `loopbox report`: results as one file that opens anywhere.
//!
//! Nothing in the file comes from the host: the same results give the same bytes.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use loopbox_pages::file;
use loopbox_pages::site::{KeptRun, KeptTrace};
use loopbox_trace::columns;

use super::Refusal;
use crate::exit_code;
use crate::files::{self, Readers};
use crate::results::{self, Index, TRACE_BYTES_MAX};
use crate::runner;
use crate::size;
use crate::terminal;

/// Said when the command is asked to stop.
const FAREWELL: &str = "stopping; no report is written";

/// So many unreadable results are named.
const NAMED_MAX: usize = 10;

const EXIT_CODES: &str = "\
Exit codes:
  0    the file is written
  2    the command line makes no sense
  4    there are no results in RESULTS
  96   the file cannot be written, or it is, but some result cannot be read
  130  interrupted by Ctrl-C or SIGTERM";

/// Write results as one HTML file
///
/// The file needs nothing else: it opens from disk, or as an artefact of CI. It shows what `loopbox view` shows,
/// but tries no other worlds.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct ReportCommand {
    /// Where traces and verdicts are kept
    #[arg(value_name = "RESULTS", env = results::VARIABLE, default_value = results::DEFAULT_FOLDER)]
    results: PathBuf,

    /// The file to write; `-` is standard output
    #[arg(long, value_name = "FILE")]
    html: PathBuf,

    /// Compare with these results, instead of with those that each run replaced
    #[arg(long, value_name = "DIR")]
    against: Option<PathBuf>,

    /// Leave out a timeline that would take more of the file than this
    #[arg(long, value_name = "SIZE", default_value = "8MiB", value_parser = size::parse)]
    trace_limit: u64,

    /// Leave out timelines, last those of runs that fail, so that all take no more than this
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = size::parse)]
    limit: u64,
}

/// What was written.
#[derive(Debug, Default)]
struct Written {
    runs: usize,
    bytes: u64,
    timelines_left_out: usize,
    /// Runs with a record or a trace that cannot be read, and why.
    unreadable: Vec<String>,
}

/// The wish not to go on, seen from another thread.
type Given = Arc<AtomicBool>;

impl ReportCommand {
    pub(super) fn execute(self) -> Result<u8, Refusal> {
        let given_up = Given::default();
        let work = async |_: &smol::Executor<'static>, stop: &runner::Stop| {
            let (command, given) = (self.clone(), Arc::clone(&given_up));
            let done = stop.or(smol::unblock(move || command.write(&given))).await;
            // What is under way then ends by itself, and leaves nothing; the end of the process waits for that.
            given_up.store(true, Ordering::Relaxed);
            done
        };
        match runner::drive(0, FAREWELL, work).map_err(|error| Refusal::signals(&error))? {
            Some(written) => Ok(self.tell(&written?)),
            None => Ok(exit_code::INTERRUPTED),
        }
    }

    fn write(&self, given_up: &AtomicBool) -> Result<Written, Refusal> {
        let refusal = |message| Refusal::new(exit_code::BAD_SETUP, message);
        let folder = self.results.display();
        let mut index = Index::new(self.results.clone(), self.against.clone());
        index
            .refresh()
            .map_err(|error| refusal(format!("cannot read results in `{folder}`: {error}")))?;
        if index.runs().is_empty() {
            let message = format!("there are no results in `{folder}`: `loopbox run` makes some");
            return Err(Refusal::new(exit_code::NOTHING_SELECTED, message));
        }
        let mut written = Written::default();
        if self.to_stdout() {
            let out = io::BufWriter::new(io::stdout().lock());
            match self.write_to(out, &index, given_up, &mut written) {
                // Whoever read it has seen enough.
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    return Err(Refusal::output(&error));
                }
                _ => {}
            }
        } else {
            let write =
                |out: &mut BufWriter<&mut File>| self.write_to(out, &index, given_up, &mut written);
            files::replace(&self.html, Readers::Everyone, write).map_err(|error| {
                refusal(format!("cannot write `{}`: {error}", self.html.display()))
            })?;
        }
        Ok(written)
    }

    fn to_stdout(&self) -> bool {
        self.html == Path::new("-")
    }

    /// Failing runs come first: if there is not room for all, there is for them.
    fn write_to(
        &self,
        out: impl Write,
        index: &Index,
        given_up: &AtomicBool,
        written: &mut Written,
    ) -> io::Result<()> {
        let timeline_wasm = packed(loopbox_embed::TIMELINE_WASM);
        let assets = file::Assets {
            timeline_js: loopbox_embed::TIMELINE_JS,
            viewer_js: loopbox_pages::VIEWER_JS,
            timeline_wasm: &timeline_wasm,
        };
        let folder = self.results.to_string_lossy();
        let out = Counted { out, bytes: 0 };
        let mut report = file::File::begin(out, &folder, index.runs(), assets)?;
        let holds = |run: &&KeptRun| run.record.as_ref().is_ok_and(|record| record.holds);
        let (holding, failing): (Vec<_>, Vec<_>) = index.runs().iter().partition(holds);
        let mut room = self.limit;
        for run in failing.into_iter().chain(holding) {
            if given_up.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let trace = match report.has_room() {
                true => trace_of(index, run),
                false => Err("There was no room for it.".into()),
            };
            if report.has_room()
                && let Err(reason) = &trace
            {
                written.unreadable.push(format!("`{}`: {reason}", run.id));
            }
            let timeline = self.timeline(&trace, room);
            if let Ok(timeline) = &timeline {
                room = room.saturating_sub(timeline.len() as u64);
            }
            written.timelines_left_out += usize::from(trace.is_ok() && timeline.is_err());
            written.runs += 1;
            report.run(run, &trace, timeline.as_deref().map_err(Clone::clone))?;
        }
        written.bytes = report.finish()?.bytes;
        Ok(())
    }

    /// What the timeline needs of a trace, if there is room for it.
    fn timeline(&self, trace: &KeptTrace, room: u64) -> Result<String, String> {
        let trace = trace.as_ref().map_err(Clone::clone)?;
        let timeline = packed(&columns::write(trace));
        let bytes = timeline.len() as u64;
        let too_large = |option, limit| {
            format!(
                "The timeline would take {} of this file, and {option} leaves {}.",
                size::about(bytes),
                size::about(limit)
            )
        };
        if bytes > self.trace_limit {
            return Err(too_large("--trace-limit", self.trace_limit));
        }
        if bytes > room {
            return Err(too_large("--limit", room));
        }
        Ok(timeline)
    }

    /// Says what was written, and gives the exit code.
    fn tell(&self, written: &Written) -> u8 {
        for reason in written.unreadable.iter().take(NAMED_MAX) {
            terminal::note(&format!("warning: {reason}"));
        }
        if let Some(more) = written.unreadable.len().checked_sub(NAMED_MAX).filter(|more| *more > 0)
        {
            terminal::note(&format!("warning: {more} more results cannot be read"));
        }
        let count = |number: usize, what: &str| match number {
            1 => format!("1 {what}"),
            _ => format!("{number} {what}s"),
        };
        let runs = count(written.runs, "run");
        let bytes = size::about(written.bytes);
        let place = match self.to_stdout() {
            true => "standard output".to_owned(),
            false => format!("`{}`", self.html.display()),
        };
        let left_out = match written.timelines_left_out {
            0 => String::new(),
            left_out => {
                let timelines = count(left_out, "timeline");
                format!("; {timelines} left out (see --trace-limit and --limit)")
            }
        };
        terminal::note(&format!("{runs} in {place}, {bytes}{left_out}"));
        match written.unreadable.is_empty() {
            true => exit_code::ALL_HOLD,
            false => exit_code::BAD_SETUP,
        }
    }
}

/// The trace of a run, or why there is none.
fn trace_of(index: &Index, run: &KeptRun) -> KeptTrace {
    let path = index.trace_path(&run.id).unwrap_or_else(|| Err("It is gone.".into()))?;
    results::read_trace(&path, TRACE_BYTES_MAX)
}

/// Base64 of the bytes, raw deflated: what scripts in the file can unpack.
fn packed(bytes: &[u8]) -> String {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    let deflated = encoder.write_all(bytes).and_then(|()| encoder.finish());
    STANDARD.encode(deflated.expect("memory takes everything"))
}

/// Counts what is written.
struct Counted<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let written = self.out.write(buf)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
