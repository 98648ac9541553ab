//! `loopbox export`: a kept run in a form that other programs read.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use clap::{Args, ValueEnum};
use loopbox_trace::record::Record;
use loopbox_trace::{Trace, chrome};

use super::Refusal;
use crate::exit_code;
use crate::files::{self, Readers};
use crate::results::{self, Index, TRACE_BYTES_MAX, read_record, read_trace};
use crate::terminal;

/// What the file that is standard output is called.
const STDOUT: &str = "-";

/// How many runs are listed when it is not clear which is meant.
const LISTED_MAX: usize = 10;

const EXIT_CODES: &str = "\
Exit codes:
  0    the file is written
  2    the command line makes no sense
  4    there is no such run, or several and none is named
  96   the run cannot be read, or the file cannot be written";

/// Export a kept run for other programs
///
/// `chrome` is the JSON form of Chrome's traces, which Perfetto (<https://ui.perfetto.dev>) opens: processes and lanes, slices,
/// arrows from signals to their handlers and from jobs to their ends, lengths of queues.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct ExportCommand {
    /// The form
    #[arg(long, value_enum)]
    format: ExportFormat,

    /// Where to write it; `-` is standard output
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Which run: a file with its trace or its result, or its name among the results, such as
    /// `scenarios/signals/twice/seed-0` [default: the only one]
    #[arg(value_name = "RUN")]
    run: Option<OsString>,

    /// Where traces and verdicts are kept
    #[arg(long, value_name = "DIR", env = results::VARIABLE, default_value = results::DEFAULT_FOLDER)]
    results: PathBuf,
}

/// The forms that there are.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ExportFormat {
    /// Chrome's JSON form, for Perfetto
    Chrome,
}

/// A run that was found.
struct Found {
    trace: PathBuf,
    /// There is none if the trace itself was named.
    record: Option<Record>,
}

impl ExportCommand {
    pub(super) fn execute(self) -> Result<u8, Refusal> {
        let found = match &self.run {
            Some(run) if Path::new(run).is_file() => in_file(Path::new(run))?,
            run => in_results(&self.results, run.as_deref())?,
        };
        let trace = read_trace(&found.trace, TRACE_BYTES_MAX)
            .map_err(|reason| bad(format!("`{}`: {reason}", found.trace.display())))?;
        let title = found.record.as_ref().map_or("run", |record| &record.name);
        let facts = facts(&trace, found.record.as_ref());
        let ExportFormat::Chrome = self.format;
        let write = |out: &mut dyn Write| chrome::write(&trace, title, &facts, out);
        if self.file == OsStr::new(STDOUT) {
            return match write(&mut io::stdout().lock()) {
                // A reader that went away has seen enough.
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    Err(Refusal::output(&error))
                }
                _ => Ok(exit_code::ALL_HOLD),
            };
        }
        let path = self.file.display();
        files::replace(&self.file, Readers::Everyone, |file| write(file))
            .map_err(|error| bad(format!("cannot write `{path}`: {error}")))?;
        terminal::note(&format!("Perfetto (https://ui.perfetto.dev) opens `{path}`"));
        Ok(exit_code::ALL_HOLD)
    }
}

fn bad(message: String) -> Refusal {
    Refusal::new(exit_code::BAD_SETUP, message)
}

/// The run whose trace or record is in this file.
fn in_file(path: &Path) -> Result<Found, Refusal> {
    let problem = |reason: &str| bad(format!("`{}`: {reason}", path.display()));
    let mut beginning = Vec::new();
    let read = File::open(path).and_then(|file| file.take(64).read_to_end(&mut beginning));
    read.map_err(|error| problem(&error.to_string()))?;
    // A record says so, too; whatever is neither is told to be no trace.
    if !String::from_utf8_lossy(&beginning).contains(&*Record::FORMAT) {
        return Ok(Found { trace: path.to_owned(), record: None });
    }
    let record = read_record(path).map_err(|reason| problem(&reason))?;
    let mut parts = Path::new(&record.trace).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(name)), None) => {
            Ok(Found { trace: path.with_file_name(name), record: Some(record) })
        }
        _ => Err(problem("damaged: it does not name its trace")),
    }
}

/// The run of this name among the results; without a name, the only one.
fn in_results(results: &Path, name: Option<&OsStr>) -> Result<Found, Refusal> {
    let folder = results.display();
    let mut index = Index::new(results.to_owned(), None);
    index.refresh().map_err(|error| bad(format!("cannot read results in `{folder}`: {error}")))?;
    let nothing = |message| Refusal::new(exit_code::NOTHING_SELECTED, message);
    let id = match (name, index.runs()) {
        (Some(name), _) => name.to_string_lossy().trim_end_matches(".json").to_owned(),
        (None, [run]) => run.id.clone(),
        (None, []) => return Err(nothing(format!("there are no results in `{folder}`"))),
        (None, runs) => {
            let listed: Vec<_> =
                runs.iter().take(LISTED_MAX).map(|run| format!("`{}`", run.id)).collect();
            let (number, listed) = (runs.len(), listed.join(", "));
            let message = format!("there are {number} runs in `{folder}`: name one of {listed}");
            let more = if number > LISTED_MAX { " ..." } else { "" };
            return Err(nothing(message + more));
        }
    };
    match index.trace_path(&id) {
        Some(Ok(trace)) => {
            Ok(Found { trace, record: index.run(&id).and_then(|run| run.record.clone().ok()) })
        }
        Some(Err(reason)) => Err(bad(format!("`{id}` in `{folder}`: {reason}"))),
        None => Err(nothing(format!("there is neither a file nor, in `{folder}`, a run `{id}`"))),
    }
}

/// What is said of the run beside its events.
fn facts(trace: &Trace, record: Option<&Record>) -> chrome::Facts {
    let mut facts = BTreeMap::from([("ending".to_owned(), trace.ending.to_string())]);
    if let Some(record) = record {
        let verdict = if record.holds { "holds" } else { "does not hold" };
        for (name, fact) in [
            ("scenario", record.scenario.clone()),
            ("title", record.title.clone()),
            ("seed", record.seed.to_string()),
            ("verdict", verdict.to_owned()),
            ("reproduce", record.reproduce.clone()),
        ] {
            facts.insert(name.to_owned(), fact);
        }
    }
    facts
}
