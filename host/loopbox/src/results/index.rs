//! What is in a folder of results: an index of the runs that were kept, which can be brought up to date.
//!
//! A run is a file `seed-N.json`, at any depth. Whatever is wrong with it (it is damaged, of a newer version, too
//! large, or may not be read) is kept in its place, for readers must see that there is something. Other files
//! are none of our business. Symbolic links are not followed: results that came from elsewhere lead nowhere else.
//!
//! Bringing an index up to date looks at the folder and reads only what changed. Traces are not read here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use loopbox_pages::site::KeptRun;
use loopbox_trace::record::Record;
use walkdir::WalkDir;

/// A larger record is none of ours.
const RECORD_BYTES_MAX: u64 = 64 << 20;

/// Folders that lie deeper were not made by us.
const DEPTH_MAX: usize = 64;

/// The runs in a folder of results.
#[derive(Debug)]
pub struct Index {
    root: PathBuf,
    /// Where the runs are that these are compared with; those that were replaced, if there is no such folder.
    against: Option<PathBuf>,
    /// In the order of their scenarios' folders, then of their seeds.
    runs: Vec<KeptRun>,
    /// What each run was read from, and where it is in `runs`; by the run's id.
    files: BTreeMap<String, Files>,
    generation: u64,
}

/// The files of one run.
#[derive(Debug)]
struct Files {
    place: usize,
    record: Seen,
    previous: Option<Seen>,
}

/// A file as it was when it was read. Files are replaced, not written to: a new one is another file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    path: PathBuf,
    stamp: Stamp,
}

/// What tells whether a file is still the same without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    len_bytes: u64,
    modified: Option<SystemTime>,
    number: u64,
}

impl Stamp {
    /// The stamp of the file that this is about.
    pub fn of(metadata: &Metadata) -> Stamp {
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let number = 0;
        Stamp { len_bytes: metadata.len(), modified: metadata.modified().ok(), number }
    }
}

impl Index {
    /// An index of this folder, in which nothing was looked at yet.
    pub fn new(root: PathBuf, against: Option<PathBuf>) -> Index {
        Index { root, against, runs: Vec::new(), files: BTreeMap::new(), generation: 0 }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The runs, in the order of their scenarios' folders, then of their seeds.
    pub fn runs(&self) -> &[KeptRun] {
        &self.runs
    }

    /// The run with this id.
    pub fn run(&self, id: &str) -> Option<&KeptRun> {
        self.files.get(id).map(|files| &self.runs[files.place])
    }

    /// Another number whenever something changed.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The file with a run's trace; or why there is none, as a sentence. `None` if there is no such run.
    pub fn trace_path(&self, id: &str) -> Option<Result<PathBuf, String>> {
        let files = self.files.get(id)?;
        let record = match &self.runs[files.place].record {
            Ok(record) => record,
            Err(reason) => return Some(Err(reason.clone())),
        };
        let mut parts = Path::new(&record.trace).components();
        Some(match (parts.next(), parts.next()) {
            (Some(Component::Normal(name)), None) => Ok(files.record.path.with_file_name(name)),
            _ => Err("The result is damaged: it does not name its trace.".into()),
        })
    }

    /// Looks at the folder and reads what changed. A folder that is not there (yet) has no runs. Blocks.
    ///
    /// # Errors
    /// The folder itself cannot be read; the index stays as it was.
    pub fn refresh(&mut self) -> io::Result<()> {
        let found = records_under(&self.root)?;
        let mut before: BTreeMap<String, (Files, KeptRun)> = {
            let mut runs: Vec<Option<KeptRun>> =
                std::mem::take(&mut self.runs).into_iter().map(Some).collect();
            let files = std::mem::take(&mut self.files).into_iter();
            files
                .filter_map(|(id, files)| {
                    let run = runs[files.place].take()?;
                    Some((id, (files, run)))
                })
                .collect()
        };
        let mut changed = false;
        for Found { id, record, .. } in found {
            let previous = seen(self.previous_path(&id, &record.path));
            let known = before
                .remove(&id)
                .filter(|(files, _)| files.record == record && files.previous == previous);
            let run = known.map(|(_, run)| run).unwrap_or_else(|| {
                changed = true;
                read_run(&id, &record, previous.as_ref())
            });
            self.files.insert(id, Files { place: self.runs.len(), record, previous });
            self.runs.push(run);
        }
        if changed || !before.is_empty() || self.generation == 0 {
            self.generation += 1;
        }
        Ok(())
    }

    fn previous_path(&self, id: &str, record: &Path) -> PathBuf {
        match &self.against {
            None => record.with_extension("previous.json"),
            Some(folder) => {
                let mut path = folder.join(id);
                path.as_mut_os_string().push(".json");
                path
            }
        }
    }
}

/// A record that was found.
struct Found {
    id: String,
    /// By what runs are put in order: the folder, the seed.
    place: (String, u64),
    record: Seen,
}

/// The records under a folder, in order.
fn records_under(root: &Path) -> io::Result<Vec<Found>> {
    match fs::metadata(root) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    }
    let walk = WalkDir::new(root).max_depth(DEPTH_MAX);
    let mut found = Vec::new();
    let mut ids = BTreeSet::new();
    // What cannot be looked into has nothing that could be shown.
    for entry in walk.into_iter().filter_map(Result::ok) {
        let Some(seed) = entry.file_name().to_str().and_then(seed_of) else { continue };
        let Ok(metadata) = entry.metadata() else { continue };
        if !metadata.is_file() {
            continue;
        }
        let path = entry.into_path();
        let Some(folder) = path.parent().and_then(|folder| folder.strip_prefix(root).ok()) else {
            continue;
        };
        let folder = address_of(folder);
        let name = format!("seed-{seed}");
        let id = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        // Names that are no text could meet; the first one has the address.
        if ids.insert(id.clone()) {
            let record = Seen { stamp: Stamp::of(&metadata), path };
            found.push(Found { id, place: (folder, seed), record });
        }
    }
    found.sort_by(|one, other| one.place.cmp(&other.place));
    Ok(found)
}

/// The seed in the name of a record's file, which is written in one way only.
fn seed_of(file_name: &str) -> Option<u64> {
    let digits = file_name.strip_prefix("seed-")?.strip_suffix(".json")?;
    let seed: u64 = digits.parse().ok()?;
    (seed.to_string() == digits).then_some(seed)
}

/// A path below the root as part of an address, with slashes on every system.
fn address_of(path: &Path) -> String {
    let parts = path.components().map(|part| part.as_os_str().to_string_lossy());
    parts.collect::<Vec<_>>().join("/")
}

fn seen(path: PathBuf) -> Option<Seen> {
    let metadata = fs::symlink_metadata(&path).ok().filter(Metadata::is_file)?;
    Some(Seen { stamp: Stamp::of(&metadata), path })
}

fn read_run(id: &str, record: &Seen, previous: Option<&Seen>) -> KeptRun {
    let reason = |reason| format!("This result cannot be read: {reason}.");
    KeptRun {
        id: id.to_owned(),
        record: read_record(&record.path).map_err(reason),
        // What is there to compare with is no less a result if it cannot be read, but there is nothing to see.
        previous: previous.and_then(|previous| read_record(&previous.path).ok()),
    }
}

/// Reads a record, within bounds. Blocks.
///
/// # Errors
/// It is not there, too large, damaged or of a newer version: a part of a sentence for people.
pub fn read_record(path: &Path) -> Result<Record, String> {
    let mut text = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(RECORD_BYTES_MAX + 1).read_to_end(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 > RECORD_BYTES_MAX {
        return Err(format!("it is larger than {} MB", RECORD_BYTES_MAX >> 20));
    }
    Record::read(&text).map_err(|error| error.to_string())
}
