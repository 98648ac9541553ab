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

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use loopbox_trace::record::Record;
use loopbox_trace::{Trace, store};

use crate::files::{self, Readers};
use crate::sha256::Sha256;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{record, trace};

    #[test]
    fn folders_mirror_plain_names() {
        let folder = folder_of("scenarios/signals/sigterm-quiet_2.v1");
        assert_eq!(folder, Path::new("scenarios/signals/sigterm-quiet_2.v1"));
    }

    #[test]
    fn no_name_escapes_or_meets_another() {
        let long = "x".repeat(300);
        let longer = "x".repeat(301);
        let names = [
            "",
            ".",
            "..",
            "../../etc/passwd",
            "/tmp/x",
            "//tmp/x",
            "tmp/x",
            "tmp\\x",
            "tmp x",
            "tmp_x",
            "ä",
            ".git",
            &long,
            &longer,
        ];
        let folders: Vec<PathBuf> = names.iter().map(|name| folder_of(name)).collect();
        for (index, folder) in folders.iter().enumerate() {
            for part in folder.components() {
                assert!(matches!(part, std::path::Component::Normal(_)), "{folder:?}");
                let part = part.as_os_str().to_str().expect("text");
                assert!(part.is_ascii() && part.len() <= 120 && !part.contains('\\'), "{folder:?}");
            }
            assert!(folder.components().count() > 0);
            assert!(!folders[..index].contains(folder), "{folder:?} stands for two names");
        }
    }

    #[test]
    fn a_result_is_a_record_and_the_trace_that_it_names() {
        let root = tempfile::tempdir().expect("a folder");
        let results = Results::under(root.path().join("results"));
        let path = results.save(&record(), &trace()).expect("written");
        assert_eq!(path, root.path().join("results/sigterm-quiet/seed-7.json"));
        let text = fs::read_to_string(&path).expect("there");
        assert!(
            text.starts_with("{\n  \"format\": \"loopbox-result\",\n  \"version\": 2,\n"),
            "{text}"
        );
        let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(read["checks"][0]["status"], "fails");
        assert_eq!(read["summary"]["worst-stall"], 1_050_000_000);
        let trace_path = path.with_file_name(read["trace"].as_str().expect("a name"));
        let stored = fs::File::open(trace_path).expect("there");
        assert_eq!(store::read(io::BufReader::new(stored)).expect("a trace"), trace());
    }

    #[test]
    fn the_same_run_leaves_the_same_bytes() {
        let root = tempfile::tempdir().expect("a folder");
        let results = Results::under(root.path().to_owned());
        let save = || {
            let path = results.save(&record(), &trace()).expect("written");
            let trace_path = path.with_file_name(Record::trace_file_name(7));
            (fs::read(path).expect("there"), fs::read(trace_path).expect("there"))
        };
        assert_eq!(save(), save());
    }

    #[test]
    fn the_record_that_was_there_is_put_aside() {
        let root = tempfile::tempdir().expect("a folder");
        let results = Results::under(root.path().to_owned());
        let path = results.save(&record(), &trace()).expect("written");
        let first = fs::read(&path).expect("there");
        let previous = path.with_file_name("seed-7.previous.json");
        assert!(!previous.exists());
        let second = Record { title: "other".into(), ..record() };
        results.save(&second, &trace()).expect("written");
        assert_eq!(fs::read(&previous).expect("there"), first);
        assert_ne!(fs::read(&path).expect("there"), first);
    }

    #[test]
    fn a_record_without_its_trace_is_never_left_behind() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("sigterm-quiet");
        // Nothing can replace a folder that is not empty.
        fs::create_dir_all(folder.join("seed-7.trace.jsonl/x")).expect("made");
        let results = Results::under(root.path().to_owned());
        let error = results.save(&record(), &trace()).expect_err("in the way").to_string();
        assert!(error.starts_with("cannot write the result `"), "{error}");
        assert!(error.contains("seed-7.trace.jsonl`: "), "{error}");
        assert!(!folder.join("seed-7.json").exists());
    }
}
