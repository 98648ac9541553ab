//! The keys of a scenario file, as they are written. What they mean is in `docs/scenarios.md`.
//!
//! An optional value that has a default gets it in `resolve`, where the machine's own defaults are. A
//! value that is checked later, together with others, carries its place with it.

use std::collections::BTreeMap;

use globset::GlobMatcher;
use loopbox_trace::{Group, Signal};
use serde::Deserialize;
use toml::Spanned;

use super::WORKERS_MAX;
use super::chain::Table;
use super::expected::{Exit, LatencyBounds, MaxOr, Report, SpanBounds};
use super::texts::{EnvName, GuestPath, HostPath, OneOrMany};
use super::values::{
    Bytes, DrawnNanos, FuelPrice, Map, Number, PerMillion, Positive, Shape, Text, WallClock, Whole,
};

/// Reads a merged table.
pub(super) fn read(table: Table<'_>) -> Result<Document, toml::de::Error> {
    Document::deserialize(toml::de::Deserializer::from(table))
}

/// A scenario, with everything from its bases.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Document {
    pub(super) title: Option<Spanned<String>>,
    #[expect(dead_code, reason = "`chain` has followed it; it is here to be a known key")]
    extends: Option<Text<HostPath>>,
    #[expect(dead_code, reason = "`chain` has taken it out; it is here to be a known key")]
    #[serde(default)]
    without: Vec<String>,
    pub(super) guest: Option<Spanned<Map<GuestTable>>>,
    pub(super) guests: Option<Spanned<Map<GuestsTable>>>,
    #[serde(default)]
    pub(super) args: Vec<Text<String>>,
    #[serde(default)]
    pub(super) env: BTreeMap<Text<EnvName>, Text<String>>,
    pub(super) seed: Option<Whole<0, { u64::MAX }>>,
    pub(super) stdin: Option<String>,
    #[serde(default)]
    pub(super) file: Vec<Spanned<Map<FileTable>>>,
    pub(super) machine: Option<Map<MachineTable>>,
    pub(super) diagnostics: Option<Map<DiagnosticsTable>>,
    #[serde(default)]
    pub(super) program: Vec<Spanned<Map<ProgramTable>>>,
    #[serde(default)]
    pub(super) signal: Vec<Map<SignalTable>>,
    #[serde(default)]
    pub(super) blocking: Vec<Map<BlockingTable>>,
    pub(super) expect: Option<Spanned<Map<ExpectTable>>>,
}

/// The program.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GuestTable {
    pub(super) package: Option<String>,
    pub(super) bin: Option<String>,
    pub(super) wasm: Option<String>,
    pub(super) python: Option<Spanned<String>>,
    pub(super) main: Option<Spanned<String>>,
}

impl Shape for GuestTable {
    const EXPECTED: &'static str = "a table: { package = \"..\", bin = \"..\" }, { python = \"app.py\" } or { wasm = \"x.wasm\" }";
}

/// Several programs, each of which is run, by name.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct GuestsTable(pub(super) BTreeMap<Spanned<String>, Spanned<Map<GuestTable>>>);

impl Shape for GuestsTable {
    const EXPECTED: &'static str = "a table of guests: { rust = { package = \"..\", bin = \"..\" }, other = { wasm = \"x.wasm\" } }";
}

/// A file in the machine.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileTable {
    pub(super) path: Spanned<Text<GuestPath>>,
    pub(super) text: Option<String>,
    pub(super) source: Option<Spanned<Text<HostPath>>>,
}

impl Shape for FileTable {
    const EXPECTED: &'static str = "a table: { path = \"/etc/app.conf\", text = \"..\" }";
}

/// The machine.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct MachineTable {
    pub(super) workers: Option<Whole<1, { WORKERS_MAX as u64 }>>,
    pub(super) process_start: Option<DrawnNanos>,
    pub(super) ns_per_fuel: Option<Number<FuelPrice>>,
    pub(super) time_limit: Option<Text<Positive>>,
    pub(super) fuel_limit: Option<Whole<1, { i64::MAX as u64 }>>,
    pub(super) memory_limit: Option<Text<Bytes<1, { 4 << 30 }>>>,
    pub(super) stack_limit: Option<Text<Bytes<{ 64 << 10 }, { 64 << 20 }>>>,
    pub(super) output_limit: Option<Text<Bytes<1, { 4 << 30 }>>>,
    pub(super) trace_limit: Option<Whole<1, { i64::MAX as u64 }>>,
    pub(super) processes: Option<Whole<1, 16>>,
    pub(super) pipe_capacity: Option<Text<Bytes<1, { 1 << 20 }>>>,
    pub(super) wall_clock: Option<WallClock>,
    pub(super) debug: Option<bool>,
}

impl Shape for MachineTable {
    const EXPECTED: &'static str = "a table such as { workers = 4 }";
}

/// Reports that are switched on or off.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DiagnosticsTable {
    #[serde(default)]
    pub(super) on: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) off: Vec<Spanned<String>>,
}

impl Shape for DiagnosticsTable {
    const EXPECTED: &'static str = "a table such as { off = [\"TURN\"] }";
}

/// Another program, for the guest to start.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProgramTable {
    pub(super) name: Spanned<String>,
    pub(super) guest: Spanned<Map<GuestTable>>,
    pub(super) start: Option<DrawnNanos>,
}

impl Shape for ProgramTable {
    const EXPECTED: &'static str =
        "a table: { name = \"cat\", guest = { package = \"..\", bin = \"cat\" } }";
}

/// A signal that is sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignalTable {
    pub(super) name: Text<Signal>,
    pub(super) at: DrawnNanos,
}

impl Shape for SignalTable {
    const EXPECTED: &'static str = "a table: { name = \"SIGTERM\", at = \"250ms\" }";
}

/// What blocking calls do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BlockingTable {
    pub(super) call: Text<GlobMatcher>,
    pub(super) takes: DrawnNanos,
    pub(super) fails: Option<Map<FailsTable>>,
    #[serde(default)]
    pub(super) returns: String,
}

impl Shape for BlockingTable {
    const EXPECTED: &'static str = "a table: { call = \"db.*\", takes = \"5ms\" }";
}

/// How blocking calls fail.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FailsTable {
    pub(super) probability: Number<PerMillion>,
    pub(super) error: String,
}

impl Shape for FailsTable {
    const EXPECTED: &'static str = "a table: { probability = 0.01, error = \"timed out\" }";
}

/// What must come out.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ExpectTable {
    pub(super) exit: Option<Exit>,
    pub(super) stdout: Option<String>,
    #[serde(default)]
    pub(super) stdout_contains: OneOrMany,
    #[serde(default)]
    pub(super) stderr_contains: OneOrMany,
    #[serde(default)]
    pub(super) deadlock_contains: OneOrMany,
    pub(super) max_stall: Option<MaxOr<SpanBounds>>,
    pub(super) lag: Option<MaxOr<LatencyBounds>>,
    pub(super) signal_latency: Option<MaxOr<LatencyBounds>>,
    pub(super) pool_wait: Option<MaxOr<LatencyBounds>>,
    pub(super) queue_length: Option<Whole<0, { i64::MAX as u64 }>>,
    pub(super) finish: Option<MaxOr<SpanBounds>>,
    #[serde(default)]
    pub(super) offloaded: Vec<Text<GlobMatcher>>,
    pub(super) diagnostics: Option<Vec<Report>>,
    pub(super) trace: Option<Spanned<Text<HostPath>>>,
    pub(super) trace_kinds: Option<Spanned<Vec<Text<Group>>>>,
    pub(super) trace_tolerance: Option<Spanned<Text<Positive>>>,
    #[serde(default)]
    pub(super) must_fail: Vec<Spanned<String>>,
}

impl Shape for ExpectTable {
    const EXPECTED: &'static str = "a table such as { exit = 0 }";
}
