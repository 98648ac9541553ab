//! From what a file says to a [`Scenario`]: defaults, files that are named, and checks that need more than
//! one key.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};
use std::sync::Arc;

use loopbox_machine::config::{
    BlockingRule, Config, Draw, Failure, Limits, ProgramPlan, SignalPlan,
};
use loopbox_trace::check::{Expectations, GoldenExpectation};
use loopbox_trace::codes::{self, Origin};
use loopbox_trace::{Group, Nanos, golden};
use toml::Spanned;

use super::error::ScenarioError;
use super::format::{
    BlockingTable, DiagnosticsTable, Document, ExpectTable, FileTable, GuestTable, GuestsTable,
    MachineTable, ProgramTable, SignalTable,
};
use super::sources::{Sources, nearest, read_file};
use super::texts::{EnvName, GuestPath, HostPath};
use super::values::{
    Bytes, DrawnNanos, FuelPrice, Map, Number, PerMillion, Positive, Text, WallClock, Whole,
};
use super::{Golden, Guest, Scenario, name};
use crate::guests::python::program as python;

/// The stack of a guest whose scenario says nothing of it.
const STACK_BYTES: usize = 1 << 20;
/// The same if a program is in Python: CPython's own limit of recursion is to come first.
const PYTHON_STACK_BYTES: usize = 32 << 20;
/// What a unit of fuel costs a program in Python whose scenario says nothing of it, in picoseconds: an interpreter
/// burns some dozens of them for what a processor does at once.
const PYTHON_PS_PER_FUEL: u64 = 30;
/// As much as the machine's filesystem holds, with what the guest writes.
const FILES_BYTES_MAX: u64 = 64 << 20;
/// Half as many files and folders as it holds: the guest may make some, too.
const FILES_MAX: usize = 1 << 15;
/// A larger file is no golden: a trace has not as many events.
const GOLDEN_BYTES_MAX: u64 = 64 << 20;
/// How far a golden's times may be off, unless the scenario says otherwise.
const TOLERANCE: Nanos = Nanos::from_millis(1);

/// The scenarios that a document describes: one for each guest.
pub(super) fn resolve(
    path: &Path,
    document: Document,
    sources: &Sources,
) -> Result<Vec<Scenario>, ScenarioError> {
    let title = title(document.title, sources)?;
    let guests = guests(document.guest, document.guests, sources)?;
    let (programs, plans) = programs(document.program, &guests, sources)?;
    let mut config = Config {
        args: document.args.into_iter().map(|Text(arg)| arg).collect(),
        env: document
            .env
            .into_iter()
            .map(|(Text(EnvName(name)), Text(value))| (name, value))
            .collect(),
        stdin: document.stdin.unwrap_or_default().into(),
        files: files(document.file, sources)?,
        programs: plans,
        signals: document.signal.into_iter().map(signal).collect(),
        blocking: document.blocking.into_iter().map(blocking).collect(),
        ..Config::default()
    };
    let reports = document.diagnostics.unwrap_or_default().0;
    config.diagnostics = diagnostics(reports, sources)?;
    let table = document.machine.unwrap_or_default().0;
    let (price_is_said, stack_is_said) = (table.ns_per_fuel.is_some(), table.stack_limit.is_some());
    let mut stack_bytes = STACK_BYTES;
    machine(&mut config, &mut stack_bytes, table);
    let (expect, golden) = expect(document.expect, sources)?;
    let of_guest = |NamedGuest { name: guest_name, guest, program_name }| {
        let name = match &guest_name {
            Some(guest_name) => format!("{}/{guest_name}", name(path)),
            None => name(path),
        };
        let mut config = Config { program_name, ..config.clone() };
        if !price_is_said {
            config.ps_per_fuel = price(&guest);
        }
        let has_python = programs.values().chain([&guest]).any(is_python);
        let stack_bytes =
            if has_python && !stack_is_said { PYTHON_STACK_BYTES } else { stack_bytes };
        Scenario {
            path: path.to_owned(),
            name,
            title: title.clone(),
            guest,
            guest_name,
            programs: programs.clone(),
            source: Default::default(),
            seed: document.seed.as_ref().map_or(0, |Whole(seed)| *seed),
            config: Arc::new(config),
            stack_bytes,
            expect: expect.clone(),
            golden: golden.clone(),
        }
    };
    Ok(guests.into_iter().map(of_guest).collect())
}

fn title(title: Option<Spanned<String>>, sources: &Sources) -> Result<String, ScenarioError> {
    let (span, message) = match title {
        None => (Sources::BEGINNING, "missing key `title`"),
        Some(title) if title.get_ref().trim().is_empty() => (title.span(), "the title is empty"),
        Some(title) => return Ok(title.into_inner()),
    };
    let help = "say what the scenario shows: title = \"SIGTERM in a quiet loop ends it at once\"";
    Err(sources.error(span, message).help(help))
}

/// A guest that is run.
struct NamedGuest {
    /// What the file calls it, if it has several.
    name: Option<String>,
    guest: Guest,
    /// The name by which the program knows itself.
    program_name: String,
}

const GUEST_HELP: &str = "write guest = { package = \"..\", bin = \"..\" }, { python = \"app.py\" } or { wasm = \"x.wasm\" }";

/// The guest, or the guests in the order of the file.
fn guests(
    one: Option<Spanned<Map<GuestTable>>>,
    many: Option<Spanned<Map<GuestsTable>>>,
    sources: &Sources,
) -> Result<Vec<NamedGuest>, ScenarioError> {
    let many = match (one, many) {
        (Some(one), None) => {
            let (guest, program_name) = guest(one, sources)?;
            return Ok(vec![NamedGuest { name: None, guest, program_name }]);
        }
        (None, Some(many)) => many,
        (Some(_), Some(many)) => {
            let error = sources.error(many.span(), "a scenario has either `guest` or `guests`");
            return Err(error.help("one of them may come from a base: without = [\"guest\"]"));
        }
        (None, None) => {
            return Err(sources.error(Sources::BEGINNING, "missing key `guest`").help(GUEST_HELP));
        }
    };
    let span = many.span();
    let Map(GuestsTable(tables)) = many.into_inner();
    if tables.len() < 2 {
        let error = sources.error(span, "`guests` are several");
        return Err(error.help("a single one is written as `guest`"));
    }
    let mut tables: Vec<_> = tables.into_iter().collect();
    tables.sort_by_key(|(name, _)| name.span().start);
    let named = |(name, table): (Spanned<String>, _)| {
        // It is a part of the scenario's name, and an argument of the command line.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let begins_well = name.get_ref().starts_with(|c: char| c.is_ascii_alphanumeric());
        if !begins_well || !name.get_ref().chars().all(is_plain) {
            let message = format!("`{}` is not a name for a guest", name.get_ref());
            let help = "a name begins with a letter or digit, and has these, `-` and `_` in it";
            return Err(sources.error(name.span(), message).help(help));
        }
        let (guest, program_name) = guest(table, sources)?;
        Ok(NamedGuest { name: Some(name.into_inner()), guest, program_name })
    };
    tables.into_iter().map(named).collect()
}

/// A guest, and the name by which it knows itself.
fn guest(
    guest: Spanned<Map<GuestTable>>,
    sources: &Sources,
) -> Result<(Guest, String), ScenarioError> {
    const PYTHON_HELP: &str = "name a Python file, or a folder with `__main__.py` or `main.py` in it, relative to this file";
    const MAIN_HELP: &str = "name a file of the folder that `python` names, relative to that folder: { python = \"tools\", main = \"load.py\" }";
    let span = guest.span();
    let folder = sources.folder(&span);
    match guest.into_inner().0 {
        GuestTable { package: None, bin: None, wasm: None, python: Some(python), main } => {
            let path = folder.join(python.get_ref());
            if let Some(main) = main {
                python::check_main(&path, main.get_ref())
                    .map_err(|reason| sources.error(main.span(), reason).help(MAIN_HELP))?;
                return Ok((Guest::Python(path), main.into_inner()));
            }
            python::main_file(&path)
                .map_err(|reason| sources.error(python.span(), reason).help(PYTHON_HELP))?;
            let name = python::name(&path);
            Ok((Guest::Python(path), name))
        }
        GuestTable { python: Some(python), .. } => {
            let message = "a guest in Python has no other keys than `python` and `main`";
            Err(sources.error(python.span(), message).help(GUEST_HELP))
        }
        GuestTable { main: Some(main), .. } => {
            Err(sources.error(main.span(), "only a guest in Python has a `main`").help(MAIN_HELP))
        }
        GuestTable { package: Some(package), bin: Some(bin), wasm: None, .. } => {
            // For the system an empty path is no folder.
            let dir =
                if folder.as_os_str().is_empty() { Path::new(".") } else { folder }.to_owned();
            Ok((Guest::Cargo { package, bin: bin.clone(), dir }, bin))
        }
        GuestTable { package: None, bin: None, wasm: Some(wasm), .. } => {
            let wasm = folder.join(wasm);
            let name = wasm.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            Ok((Guest::Wasm(wasm), name))
        }
        GuestTable { wasm: Some(_), .. } => {
            let message = "a guest is built from a package or is a wasm file, not both";
            Err(sources.error(span, message).help(GUEST_HELP))
        }
        GuestTable { package: Some(_), .. } => {
            Err(sources.error(span, "missing key `bin`").help(GUEST_HELP))
        }
        GuestTable { bin: Some(_), .. } => {
            Err(sources.error(span, "missing key `package`").help(GUEST_HELP))
        }
        _ => Err(sources.error(span, "this names no guest").help(GUEST_HELP)),
    }
}

/// What the guest can start: the programs, and what starting them takes.
fn programs(
    tables: Vec<Spanned<Map<ProgramTable>>>,
    own: &[NamedGuest],
    sources: &Sources,
) -> Result<(BTreeMap<String, Guest>, Vec<ProgramPlan>), ScenarioError> {
    let (mut programs, mut plans) = (BTreeMap::new(), Vec::new());
    for table in tables {
        let Map(ProgramTable { name, guest: own_guest, start }) = table.into_inner();
        let span = name.span();
        let name = name.into_inner();
        if let Some(main) = &own_guest.as_ref().0.main {
            let message = "`main` is for the scenario's own guest";
            let help = "a program that is called like a file of its folder runs that file";
            return Err(sources.error(main.span(), message).help(help));
        }
        let (own_guest, _) = guest(own_guest, sources)?;
        let ps_per_fuel = price(&own_guest);
        if name.is_empty() {
            return Err(sources.error(span, "a program has a name"));
        }
        if own.iter().any(|guest| guest.program_name == name) {
            let message = format!("`{name}` is the guest itself, which can start itself anyway");
            return Err(sources.error(span, message));
        }
        if programs.insert(name.clone(), own_guest).is_some() {
            return Err(sources.error(span, format!("two programs are called `{name}`")));
        }
        let start = start.map_or(Draw::Fixed(Nanos::ZERO), |DrawnNanos(start)| start);
        plans.push(ProgramPlan { name, start, ps_per_fuel });
    }
    Ok((programs, plans))
}

/// The files of the machine: those that it can hold, so that a run never fails over them.
fn files(
    files: Vec<Spanned<Map<FileTable>>>,
    sources: &Sources,
) -> Result<Vec<(String, Vec<u8>)>, ScenarioError> {
    let mut tree = BTreeMap::new();
    let mut given = Vec::new();
    let mut bytes_left = FILES_BYTES_MAX;
    for file in files {
        let span = file.span();
        let Map(FileTable { path, text, source }) = file.into_inner();
        let path_span = path.span();
        let Text(GuestPath(path)) = path.into_inner();
        plant(&mut tree, &path).map_err(|message| sources.error(path_span, message))?;
        let contents = match (text, source) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(source)) => {
                let span = source.span();
                let Text(HostPath(source)) = source.into_inner();
                let source = sources.folder(&span).join(source);
                read_file(&source, FILES_BYTES_MAX).map_err(|reason| {
                    let source = source.to_string_lossy();
                    sources.error(span, format!("cannot read `{source}`: {reason}"))
                })?
            }
            (None, None) | (Some(_), Some(_)) => {
                let message = "a file has either `text` or `source`";
                return Err(sources.error(span, message));
            }
        };
        bytes_left = bytes_left.checked_sub(contents.len() as u64).ok_or_else(|| {
            let message = format!("files have at most {} MiB together", FILES_BYTES_MAX >> 20);
            sources.error(span, message)
        })?;
        given.push((path, contents));
    }
    Ok(given)
}

/// What a path is in the tree of files.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Node {
    File,
    Folder,
}

/// Adds a file and its folders, unless something else is there.
fn plant(tree: &mut BTreeMap<String, Node>, path: &str) -> Result<(), String> {
    for (slash, _) in path.match_indices('/').skip(1) {
        let folder = &path[..slash];
        if tree.get(folder) == Some(&Node::File) {
            return Err(format!("`{folder}` is a file already, so it cannot hold `{path}`"));
        }
        tree.insert(folder.into(), Node::Folder);
    }
    match tree.insert(path.into(), Node::File) {
        None if tree.len() > FILES_MAX => Err(format!("at most {FILES_MAX} files and folders")),
        None => Ok(()),
        Some(Node::File) => Err(format!("`{path}` is given twice")),
        Some(Node::Folder) => Err(format!("`{path}` is a folder already: other files are in it")),
    }
}

/// Which reports are switched, by code: those that are not asyncio's own.
fn diagnostics(
    table: DiagnosticsTable,
    sources: &Sources,
) -> Result<BTreeMap<String, bool>, ScenarioError> {
    let mut switched = BTreeMap::new();
    let on = table.on.into_iter().map(|code| (code, true));
    for (code, wanted) in on.chain(table.off.into_iter().map(|code| (code, false))) {
        let span = code.span();
        let code = code.into_inner();
        match codes::find(&code).map(|code| code.origin) {
            Some(Origin::Ours | Origin::OnDemand) => {}
            Some(Origin::Asyncio) => {
                let message =
                    format!("`{code}` is asyncio's own report, which cannot be switched here");
                let help =
                    "use the program's own means: debug mode, levels of loggers, warning filters";
                return Err(sources.error(span, message).help(help));
            }
            None => {
                let known: Vec<&str> = codes::CODES
                    .iter()
                    .filter(|code| code.origin != Origin::Asyncio)
                    .map(|code| code.name)
                    .collect();
                let error = sources.error(span, format!("`{code}` is not the code of a report"));
                return Err(match nearest(&code, &known) {
                    Some(nearest) => error.help(format!("did you mean `{nearest}`?")),
                    None => error.help(format!("the codes here are {}", known.join(", "))),
                });
            }
        }
        if switched.insert(code.clone(), wanted).is_some() {
            return Err(sources.error(span, format!("`{code}` is switched twice")));
        }
    }
    Ok(switched)
}

fn signal(Map(table): Map<SignalTable>) -> SignalPlan {
    let SignalTable { name: Text(signal), at: DrawnNanos(at) } = table;
    SignalPlan { signal, at }
}

fn blocking(Map(table): Map<BlockingTable>) -> BlockingRule {
    let BlockingTable { call: Text(call), takes: DrawnNanos(takes), fails, returns } = table;
    let fails = fails.map(|Map(fails)| {
        let Number(PerMillion(per_million)) = fails.probability;
        Failure { per_million, error: fails.error }
    });
    BlockingRule { call, takes, fails, returns: returns.into() }
}

fn is_python(guest: &Guest) -> bool {
    matches!(guest, Guest::Python(_))
}

/// What a unit of a program's fuel costs in picoseconds, unless the scenario says it for all of them.
fn price(guest: &Guest) -> u64 {
    if is_python(guest) { PYTHON_PS_PER_FUEL } else { Config::default().ps_per_fuel }
}

/// Takes over what `[machine]` says.
fn machine(config: &mut Config, stack_bytes: &mut usize, table: MachineTable) {
    let Config {
        workers,
        ps_per_fuel,
        limits,
        programs,
        processes,
        process_start,
        pipe_capacity,
        wall_clock,
        debug,
        ..
    } = config;
    let Limits { time, fuel, memory_bytes, output_bytes, trace_events } = limits;
    let usize_of = |number| usize::try_from(number).unwrap_or(usize::MAX);
    set(workers, table.workers.map(|Whole(n)| u16::try_from(n).unwrap_or(u16::MAX)));
    if let Some(Number(FuelPrice(ps))) = table.ns_per_fuel {
        *ps_per_fuel = ps;
        programs.iter_mut().for_each(|plan| plan.ps_per_fuel = ps);
    }
    set(time, table.time_limit.map(|Text(Positive(nanos))| nanos));
    set(fuel, table.fuel_limit.map(|Whole(fuel)| fuel));
    set(memory_bytes, table.memory_limit.map(|Text(Bytes(bytes))| bytes));
    set(stack_bytes, table.stack_limit.map(|Text(Bytes(bytes))| bytes));
    set(output_bytes, table.output_limit.map(|Text(Bytes(bytes))| bytes));
    set(trace_events, table.trace_limit.map(|Whole(events)| usize_of(events)));
    set(processes, table.processes.map(|Whole(n)| u16::try_from(n).unwrap_or(u16::MAX)));
    set(process_start, table.process_start.map(|DrawnNanos(start)| start));
    set(pipe_capacity, table.pipe_capacity.map(|Text(Bytes(bytes))| bytes));
    set(wall_clock, table.wall_clock.map(|WallClock(since_epoch)| since_epoch));
    set(debug, table.debug);
}

/// Replaces a default, if there is something to replace it with.
fn set<T>(default: &mut T, said: Option<T>) {
    if let Some(said) = said {
        *default = said;
    }
}

fn expect(
    table: Option<Spanned<Map<ExpectTable>>>,
    sources: &Sources,
) -> Result<(Expectations, Option<Golden>), ScenarioError> {
    let span = table.as_ref().map_or(Sources::BEGINNING, Spanned::span);
    let nothing = || {
        let error = sources.error(span.clone(), "expects nothing: such a scenario cannot fail");
        error.help(
            "say in `[expect]` what must come out, such as `exit = 0` or `max-stall = \"20ms\"`",
        )
    };
    let Map(mut table) = table.ok_or_else(nothing)?.into_inner();
    let must_fail = std::mem::take(&mut table.must_fail);
    let (golden, golden_expectation) = golden(&mut table, sources)?.unzip();
    let mut expectations = Expectations {
        exit: table.exit.map(|exit| exit.0),
        stdout: table.stdout,
        stdout_contains: table.stdout_contains.0,
        stderr_contains: table.stderr_contains.0,
        deadlock_contains: table.deadlock_contains.0,
        max_stall: table.max_stall.map(|bounds| bounds.0),
        lag: table.lag.map(|bounds| bounds.0),
        signal_latency: table.signal_latency.map(|bounds| bounds.0),
        pool_wait: table.pool_wait.map(|bounds| bounds.0),
        queue_length: table
            .queue_length
            .map(|Whole(jobs)| usize::try_from(jobs).unwrap_or(usize::MAX)),
        finish: table.finish.map(|bounds| bounds.0),
        // A list that names no call would hold whatever happens.
        offloaded: Some(table.offloaded.into_iter().map(|Text(glob)| glob).collect())
            .filter(|calls: &Vec<_>| !calls.is_empty()),
        diagnostics: table
            .diagnostics
            .map(|reports| reports.into_iter().map(|report| report.0).collect()),
        golden: golden_expectation,
        must_fail: Default::default(),
    };
    if expectations.is_empty() {
        return Err(nothing());
    }
    let mut made = expectations.keys();
    // Always checked, but not always asked for.
    made.retain(|key| *key != "exit" || expectations.exit.is_some());
    for key in must_fail {
        if !made.contains(&key.get_ref().as_str()) {
            let message = format!("`{}` is not expected here, so it cannot fail", key.get_ref());
            let help = format!("the expectations here are {}", made.join(", "));
            return Err(sources.error(key.span(), message).help(help));
        }
        expectations.must_fail.insert(key.into_inner());
    }
    Ok((expectations, golden))
}

/// Where the golden is, and what is in it.
fn golden(
    table: &mut ExpectTable,
    sources: &Sources,
) -> Result<Option<(Golden, GoldenExpectation)>, ScenarioError> {
    let kinds = table.trace_kinds.take();
    let tolerance = table.trace_tolerance.take();
    let Some(trace) = table.trace.take() else {
        let without = |key: &str, span| {
            Err(sources.error(span, format!("`{key}` says nothing without `trace`")))
        };
        return match (kinds, tolerance) {
            (Some(kinds), _) => without("trace-kinds", kinds.span()),
            (None, Some(tolerance)) => without("trace-tolerance", tolerance.span()),
            (None, None) => Ok(None),
        };
    };
    let groups = match kinds {
        None => golden::default_groups(),
        Some(kinds) if kinds.get_ref().is_empty() => {
            return Err(sources.error(kinds.span(), "a golden of no kinds of event is empty"));
        }
        Some(kinds) => {
            let span = kinds.span();
            let groups: BTreeSet<Group> =
                kinds.into_inner().into_iter().map(|Text(group)| group).collect();
            if groups.contains(&Group::Diagnostic) && groups.contains(&Group::DiagnosticCode) {
                let message = "`diagnostic-code` says nothing beside `diagnostic`, which has it";
                return Err(sources.error(span, message));
            }
            groups
        }
    };
    let tolerance = tolerance.map_or(TOLERANCE, |tolerance| {
        let Text(Positive(tolerance)) = tolerance.into_inner();
        tolerance
    });
    let span = trace.span();
    let Text(HostPath(name)) = trace.into_inner();
    let shown = name.to_string_lossy().into_owned();
    // Blessing writes the file, so it must not be one that somebody else has written.
    if name.components().any(|component| component == Component::ParentDir) {
        let message =
            format!("`{shown}` leads out of this folder: a golden is beside its scenario");
        return Err(sources.error(span, message));
    }
    if name.extension().is_some_and(|extension| extension == "toml") {
        let message = format!("`{shown}` is a scenario file, which `--bless` would overwrite");
        return Err(sources.error(span, message).help("name the golden like \"x.trace\""));
    }
    let path = sources.folder(&span).join(name);
    let text = if path.exists() {
        let bytes = read_file(&path, GOLDEN_BYTES_MAX)
            .map_err(|reason| sources.error(span, format!("cannot read `{shown}`: {reason}")))?;
        // Whatever is not UTF-8 is no golden; the check says so, and blessing cures it.
        Some(String::from_utf8_lossy(&bytes).into_owned())
    } else {
        None
    };
    let golden = Golden { path, groups: groups.clone(), tolerance };
    Ok(Some((golden, GoldenExpectation { name: shown, text, groups, tolerance })))
}
