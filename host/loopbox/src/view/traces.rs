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
    /// A trace, or why there is none.
    pub fn new(trace: KeptTrace) -> Opened {
        Opened { trace, columns: OnceLock::new() }
    }

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
        let opened =
            entry.get_or_init(|| Arc::new(Opened::new(results::read_trace(path, TRACE_BYTES_MAX))));
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

#[cfg(test)]
mod tests {
    use loopbox_trace::{Trace, store};

    use super::*;
    use crate::testing::trace;

    fn write(path: &Path, trace: &Trace) {
        let mut stored = Vec::new();
        store::write(trace, &mut stored).expect("to memory");
        fs::write(path, stored).expect("written");
    }

    /// So many files with a trace in each.
    fn files(folder: &Path, count: usize, trace: &Trace) -> Vec<PathBuf> {
        let path = |n| folder.join(format!("{n}.trace.jsonl"));
        let paths: Vec<PathBuf> = (0..count).map(path).collect();
        paths.iter().for_each(|path| write(path, trace));
        paths
    }

    #[test]
    fn a_trace_is_read_once_until_its_file_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = &files(folder.path(), 1, &trace())[0];
        let traces = Traces::default();
        let first = traces.open(path);
        assert_eq!(first.trace, Ok(trace()));
        assert!(Arc::ptr_eq(&first, &traces.open(path)));
        write(path, &Trace { events: Vec::new(), ..trace() });
        let second = traces.open(path);
        assert_eq!(second.trace.as_ref().map(|trace| trace.events.len()), Ok(0));
        assert_eq!(traces.recent.lock().expect("no panic").len(), 1, "the old one is forgotten");
        fs::remove_file(path).expect("removed");
        assert!(traces.open(path).trace.is_err());
    }

    #[test]
    fn the_traces_that_were_not_asked_for_lately_are_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = files(folder.path(), TRACES_MAX + 1, &trace());
        let traces = Traces::default();
        let opened: Vec<_> = paths[..TRACES_MAX].iter().map(|path| traces.open(path)).collect();
        // The first one is asked for again, so the second one is the oldest.
        assert!(Arc::ptr_eq(&opened[0], &traces.open(&paths[0])));
        traces.open(&paths[TRACES_MAX]);
        assert!(Arc::ptr_eq(&opened[0], &traces.open(&paths[0])));
        assert!(!Arc::ptr_eq(&opened[1], &traces.open(&paths[1])));
    }

    #[test]
    fn large_traces_leave_room_for_few_others() {
        let (large, small) = (trace_of(EVENTS_MAX + 1), trace_of(1));
        let traces = Traces::default();
        let open = |name: &str, trace: &Trace| {
            let entry = traces.entry(Key { path: name.into(), stamp: None });
            entry.get_or_init(|| Arc::new(Opened::new(Ok(trace.clone()))));
            traces.forget();
            let recent = traces.recent.lock().expect("no panic");
            recent.iter().map(|(key, _)| key.path.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(open("a", &small), ["a"]);
        assert_eq!(open("b", &small), ["a", "b"]);
        assert_eq!(open("c", &large), ["c"], "the latest stays in any case");
        assert_eq!(open("d", &small), ["d"]);
    }

    fn trace_of(events: usize) -> Trace {
        let event = trace().events[0];
        Trace { events: vec![event; events], ..trace() }
    }
}
