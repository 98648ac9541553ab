//! What if: the page on which somebody tries another world for a run and sees what comes of it.
//!
//! The engine that runs the scenario again is the command's; here are the data that it hands over, and the
//! page made from them. What was asked for stands in the address, so the page is a function of its address.

use loopbox_trace::Trace;
use loopbox_trace::record::Record;

/// An experiment with a kept run: what was asked for, and what came of it.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// The fields of the form, in its order: the seed, the workers, each signal, each blocking rule.
    pub fields: Vec<Field>,
    /// What was asked for as the address has it, without `?`: `seed=3&signal.0=250ms`. Empty if nothing was.
    pub query: String,
    /// What came of it. `None` if nothing was asked for, or if a field has an error.
    pub outcome: Option<Result<Outcome, String>>,
    /// The form that makes a scenario of it.
    pub save: Save,
}

/// One thing that can be another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What it is about.
    pub subject: Subject,
    /// Its name in the address: `seed`, `workers`, `signal.0`, `blocking.1`.
    pub name: String,
    /// As the kept run has it: `0`, `4`, `250ms`; of a rule that leaves a duration open `5ms to 80ms`.
    pub kept: String,
    /// As it was asked for, as it was typed; empty if it was not.
    pub asked: String,
    /// Why that makes no sense, as a sentence for people.
    pub error: Option<String>,
}

/// What a [`Field`] is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// What is drawn, is drawn from this: a whole number.
    Seed,
    /// The workers of the pool that is there from the start: a number from 1 to so many.
    Workers {
        /// The most that are allowed.
        max: u16,
    },
    /// The moment of a signal, as a duration from the start.
    Signal {
        /// Its name.
        signal: String,
    },
    /// How long the blocking calls of one rule take.
    Blocking {
        /// The pattern of their names.
        call: String,
    },
}

/// What came of an experiment.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The verdict and the rest, as it would be kept.
    pub record: Record,
    /// What happened.
    pub trace: Trace,
}

/// The form that makes a scenario of an experiment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Save {
    /// The folder that the new scenario will be written to, as the command line leads to it.
    pub folder: String,
    /// The name that was asked for, or a proposal; without `.toml`.
    pub name: String,
    /// Why it cannot be saved like that, as a sentence for people.
    pub error: Option<String>,
    /// The file that was written, if the experiment has just been saved.
    pub saved: Option<String>,
}
