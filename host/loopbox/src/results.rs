//! Results on disk: what a run left behind and what was thought of it.
//!
//! ```text
//! .loopbox/results/
//!   scenarios/signals/sigterm-quiet/    a scenario, by its name
//!     seed-0.trace.jsonl                the trace, in the stored form of `loopbox_trace::store`
//!     seed-0.json                       the verdict and everything else: a `Record`
//!     seed-0.previous.json              the record that was there before, if there was one
//! ```
//!
//! The record is written last, so a record always has its trace. All are replaced as a whole. Nothing in
//! them comes from the host: two sessions of one scenario and seed leave the same bytes. The previous record
//! tells what is new, what goes on and what was resolved; its trace is not kept.
//!
//! [`Index`] finds all that again.

mod index;
#[cfg(test)]
mod tests;
mod traces;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use loopbox_trace::record::Record;
use loopbox_trace::{Trace, store};

use crate::files::{self, Readers};
use crate::sha256::Sha256;
pub use index::{Index, Stamp, read_record};
pub use traces::{TRACE_BYTES_MAX, read_trace};

/// The folder of the results, unless told otherwise.
pub const DEFAULT_FOLDER: &str = ".loopbox/results";

/// The environment variable that names another one.
pub const VARIABLE: &str = "LOOPBOX_RESULTS";

/// Longer parts of a scenario's name are cut: file systems end at 255 bytes.
const FOLDER_BYTES_MAX: usize = 100;

/// Where results are kept.
#[derive(Clone, Debug)]
pub struct Results {
    root: PathBuf,
}

/// A result that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the result `{}`: {error}", path.display())]
pub struct WriteError {
    path: PathBuf,
    error: io::Error,
}

impl Results {
    /// Results under this folder, which is made when it is needed.
    pub fn under(root: PathBuf) -> Results {
        Results { root }
    }

    /// Writes a run's trace, puts the record that was there aside, and writes the new one. Gives its path.
    ///
    /// # Errors
    /// One of the files cannot be written; an older result may still be there.
    pub fn save(&self, record: &Record, trace: &Trace) -> Result<PathBuf, WriteError> {
        let folder = self.root.join(folder_of(&record.name));
        let trace_path = folder.join(&record.trace);
        replace(&trace_path, |file| store::write(trace, file))?;
        let record_path = folder.join(format!("seed-{}.json", record.seed));
        if let Ok(before) = fs::read(&record_path) {
            let previous = folder.join(format!("seed-{}.previous.json", record.seed));
            replace(&previous, |file| file.write_all(&before))?;
        }
        replace(&record_path, |file| record.write(file))?;
        Ok(record_path)
    }
}

fn replace(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), WriteError> {
    files::replace(path, Readers::Everyone, |file| write(file))
        .map_err(|error| WriteError { path: path.to_owned(), error })
}

/// The folder of a scenario's results, which mirrors the scenario's name.
fn folder_of(scenario_name: &str) -> PathBuf {
    scenario_name.split('/').map(folder_name).collect()
}

/// One part of a scenario's name as one folder, on every system and whatever the part is. A part that had
/// to be changed gets a hash, so that two of them stay two.
fn folder_name(part: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let plain = part.chars().map(|c| if is_plain(c) { c } else { '_' });
    let mut folder: String = plain.take(FOLDER_BYTES_MAX).collect();
    // `.` and `..` are no names, and what begins with a dot is hidden.
    if folder.is_empty() || folder.starts_with('.') {
        folder.insert(0, '_');
    }
    if folder != part {
        folder.push('-');
        folder.push_str(&Sha256::of(part.as_bytes()).to_string()[..8]);
    }
    folder
}
