//! What the world outside the guest is like in one run: the scenario, as the machine sees it.
//!
//! Plain data with defaults; reading it from a file, and telling people what is wrong with the file, is
//! the command's business. Values that the scenario leaves open are [`Draw`]s: the kernel decides them
//! from the seed, in one place.

use std::collections::BTreeMap;
use std::time::Duration;

use globset::GlobMatcher;
use loopbox_trace::codes::{self, Origin};
use loopbox_trace::{Nanos, Signal};

/// Everything that a run depends on besides the program and the seed.
#[derive(Clone, Debug)]
pub struct Config {
    /// Command-line arguments after the program's name.
    pub args: Vec<String>,
    /// The program's name, `argv[0]`.
    pub program_name: String,
    /// Environment variables, in this order.
    pub env: Vec<(String, String)>,
    /// What standard input holds.
    pub stdin: Vec<u8>,
    /// Files that exist when the program starts: absolute path and contents.
    pub files: Vec<(String, Vec<u8>)>,
    /// What the wall clock shows at the start, since the Unix epoch.
    pub wall_clock: Duration,
    /// Threads of the worker pool.
    pub workers: u16,
    /// Picoseconds of virtual time for one unit of fuel (about one WebAssembly instruction) of the run's own program;
    /// at least 1. Other programs have a price of their own ([`ProgramPlan::ps_per_fuel`]).
    pub ps_per_fuel: u64,
    /// What ends a run that would not end by itself.
    pub limits: Limits,
    /// Signals that are sent to the process.
    pub signals: Vec<SignalPlan>,
    /// What blocking calls take and return; the first rule that matches counts.
    pub blocking: Vec<BlockingRule>,
    /// Other programs than the run's own that can be started, by name.
    pub programs: Vec<ProgramPlan>,
    /// How many processes may live at once.
    pub processes: u16,
    /// How long a process of a pool needs from its start to its first instruction.
    pub process_start: Draw<Nanos>,
    /// How many bytes a pipe holds for which nothing else was asked.
    pub pipe_capacity: usize,
    /// Whether the guest's loop is told to be in debug mode.
    pub debug: bool,
    /// Which reports are switched on or off, by code; the others are made unless they are on demand.
    pub diagnostics: BTreeMap<String, bool>,
    /// Whether events are recorded. Verdicts need them; load tests of the machine may not.
    pub traced: bool,
}

/// Bounds of one run. Reaching one ends the run with a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Virtual time.
    pub time: Nanos,
    /// Units of fuel, over all threads. A call of the host counts as 100.
    pub fuel: u64,
    /// Bytes of linear memory.
    pub memory_bytes: usize,
    /// Bytes written to standard output and standard error together.
    pub output_bytes: usize,
    /// Events recorded, with 64 bytes of text for each; also things that the machine keeps for the guest.
    pub trace_events: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            time: Nanos::from_secs(600),
            fuel: 10_000_000_000,
            memory_bytes: 64 << 20,
            output_bytes: 1 << 20,
            trace_events: 1_000_000,
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            args: Vec::new(),
            program_name: "guest".into(),
            env: Vec::new(),
            stdin: Vec::new(),
            files: Vec::new(),
            // 2000-01-01T00:00:00Z: obviously not now, and no edge of any calendar.
            wall_clock: Duration::from_secs(946_684_800),
            workers: 4,
            ps_per_fuel: 1_000,
            limits: Limits::default(),
            signals: Vec::new(),
            blocking: Vec::new(),
            programs: Vec::new(),
            processes: 16,
            process_start: Draw::Fixed(Nanos::ZERO),
            pipe_capacity: 64 << 10,
            debug: false,
            diagnostics: BTreeMap::new(),
            traced: true,
        }
    }
}

impl Config {
    /// Whether a report of this code is to be made.
    pub fn wants(&self, code: &str) -> bool {
        let on_demand = codes::find(code).is_some_and(|code| code.origin == Origin::OnDemand);
        self.diagnostics.get(code).copied().unwrap_or(!on_demand)
    }
}

/// A value that is given, or drawn from the seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Draw<T> {
    /// Always this.
    Fixed(T),
    /// Uniformly from this to that, both included.
    Between(T, T),
    /// One of these, each as likely as the others. Never empty.
    OneOf(Vec<T>),
}

/// A program that the run's own can start.
#[derive(Clone, Debug)]
pub struct ProgramPlan {
    /// By which it is started.
    pub name: String,
    /// From its start to its first instruction.
    pub start: Draw<Nanos>,
    /// Picoseconds of virtual time for one unit of its fuel; at least 1. It depends on the language that the program is
    /// written in: an interpreter needs more instructions for the same work.
    pub ps_per_fuel: u64,
}

/// One signal that the scenario sends.
#[derive(Clone, Debug)]
pub struct SignalPlan {
    /// Which.
    pub signal: Signal,
    /// When.
    pub at: Draw<Nanos>,
}

/// What happens in blocking calls whose name matches.
#[derive(Clone, Debug)]
pub struct BlockingRule {
    /// The names that this rule is for, such as `db.*`.
    pub call: GlobMatcher,
    /// How long the calling thread is blocked.
    pub takes: Draw<Nanos>,
    /// How often the call fails, and how.
    pub fails: Option<Failure>,
    /// What a call returns that does not fail.
    pub returns: Vec<u8>,
}

/// A failure that happens with some probability.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Out of a million calls, how many fail.
    pub per_million: u32,
    /// The text of the error.
    pub error: String,
}
