//! Traces that were opened lately.
//!
//! A trace is read when somebody looks at its run, and once for all that is shown of it: the page, the timeline's
//! columns, the golden. A file that was replaced is another trace. Damaged ones are remembered as such.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use hyper::body::Bytes;
use loopbox_pages::site::KeptTrace;
use loopbox_trace::columns;

use crate::results::{self, Stamp, TRACE_BYTES_MAX};

/// So many traces are remembered ...
const TRACES_MAX: usize = 16;

/// ... as long as they have no more events than this together; the one that is asked for is kept in any case.
const EVENTS_MAX: usize = 4_000_000;

/// The traces that were opened lately.
#[derive(Debug, Default)]
pub struct Traces {
    /// The latest last.
    recent: Mutex<Vec<(Key, Entry)>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Key {
    path: PathBuf,
    stamp: Option<Stamp>,
}

/// Read once, by whoever comes first; others wait for it.
type Entry = Arc<OnceLock<Arc<Opened>>>;

/// A trace that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The trace.
    pub trace: KeptTrace,
    columns: OnceLock<Bytes>,
}

impl Opened {
    /// The trace as the timeline takes it.
    ///
    /// # Errors
    /// There is no trace; why, as a sentence.
    pub fn columns(&self) -> Result<Bytes, String> {
        let trace = self.trace.as_ref().map_err(Clone::clone)?;
        Ok(self.columns.get_or_init(|| columns::write(trace).into()).clone())
    }
}

impl Traces {
    /// The trace in this file. Blocks.
    pub fn open(&self, path: &Path) -> Arc<Opened> {
        let stamp = fs::symlink_metadata(path).ok().map(|metadata| Stamp::of(&metadata));
        let entry = self.entry(Key { path: path.to_owned(), stamp });
        // Outside the lock: who wants another trace need not wait.
        let opened = entry.get_or_init(|| {
            let trace = results::read_trace(path, TRACE_BYTES_MAX);
            Arc::new(Opened { trace, columns: OnceLock::new() })
        });
        self.forget();
        Arc::clone(opened)
    }

    /// The entry of a file, which becomes the latest.
    fn entry(&self, key: Key) -> Entry {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let place = recent.iter().position(|(known, _)| *known == key);
        let entry = place.map(|place| recent.remove(place).1).unwrap_or_default();
        // What the file was before will not be asked for again.
        recent.retain(|(known, _)| known.path != key.path);
        recent.push((key, Arc::clone(&entry)));
        entry
    }

    /// Forgets the oldest, until the rest is within the bounds.
    fn forget(&self) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let events = |entry: &Entry| match entry.get().map(|opened| &opened.trace) {
            Some(Ok(trace)) => trace.events.len(),
            _ => 0,
        };
        let mut sum = 0;
        let kept = recent.iter().rev().enumerate().take_while(|(place, (_, entry))| {
            sum += events(entry);
            *place == 0 || (*place < TRACES_MAX && sum <= EVENTS_MAX)
        });
        let forgotten = recent.len() - kept.count();
        recent.drain(..forgotten);
    }
}
