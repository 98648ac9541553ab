//! What pages are made from, and how they refer to each other.

use loopbox_trace::Trace;
use loopbox_trace::record::Record;

/// How pages are delivered, which decides how they refer to each other and to their assets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// By `loopbox view`: pages have addresses under this path, which begins and ends with a slash and has the
    /// token in it.
    Server {
        /// Such as `/3f9c.../`.
        base: String,
    },
    /// All in one file, which is opened from disk: pages are sections with ids.
    File,
}

/// A run that was kept.
#[derive(Clone, Debug)]
pub struct KeptRun {
    /// Its record's path under the folder of results, without `.json`: `scenarios/signals/twice/seed-0`.
    pub id: String,
    /// Its record; or why that cannot be read, as a sentence for people.
    pub record: Result<Record, String>,
    /// The record that was there before.
    pub previous: Option<Record>,
}

/// The trace of a run; or why it cannot be shown, as a sentence for people.
pub type KeptTrace = Result<Trace, String>;
