//! What if: kept runs again, with something changed, and scenarios made of that.
//!
//! Guests here are small ones that the tests write; `loopbox run` keeps the runs that are asked about.

mod support;

use std::path::{Path, PathBuf};
use std::task::Poll;

use loopbox::cache::Cache;
use loopbox::scenario::Scenario;
use loopbox::what_if::{Engine, Golden, Outcome, Parameters, SaveError, WhatIfError, save};
use loopbox_trace::check::Status;
use loopbox_trace::record::{Choice, Record};
use loopbox_trace::{Nanos, store};
use support::guests::{SPIN, SUCCEED, USE_DB};
use support::{EXPECT_0, Folder};

/// Calls of two rules: one fixed, one drawn. The golden is of seed 3.
const DB: &str = r#"
    seed = 3
    [[signal]]
    name = "SIGTERM"
    at = { between = ["10s", "20s"] }
    [[blocking]] # the first
    call = "db.open"
    takes = "10ms"
    returns = "a handle" # for nobody
    [[blocking]]
    call = "db.*"
    takes = { between = ["1ms", "9ms"] }
    fails = { probability = 0.5, error = "no \"luck\"" }
    [expect]
    exit = 0
    finish = "1s"
    trace = "db.trace"
"#;

/// A folder with a scenario `s/NAME.toml` that was run with these arguments, and the record that was kept.
struct Kept {
    folder: Folder,
    record: Record,
    trace: Vec<u8>,
}

/// Paths in results are relative to the working folder, which all tests of a process share: so paths here
/// are absolute.
fn kept(name: &str, body: &str, rest: &str, arguments: &[&str]) -> Kept {
    let folder = Folder::new();
    folder.scenario(&format!("s/{name}"), body, rest);
    run(folder, name, arguments)
}

fn run(folder: Folder, name: &str, arguments: &[&str]) -> Kept {
    let path = scenario_path(&folder, name);
    let command = [&["run", path.to_str().expect("text"), "--format", "json"], arguments].concat();
    let line = folder.loopbox(&command).json_of(path.to_str().expect("text"));
    let record = folder.path().join(line["kept"].as_str().expect("it was kept"));
    let trace = record.with_file_name(line["result"]["trace"].as_str().expect("a name"));
    let record = Record::read(&std::fs::read(record).expect("there")).expect("a record");
    Kept { folder, record, trace: std::fs::read(trace).expect("there") }
}

fn scenario_path(folder: &Folder, name: &str) -> PathBuf {
    folder.path().join(format!("s/{name}.toml"))
}

/// What the engine makes of a query.
fn ask(engine: &Engine, kept: &Kept, query: &str) -> Result<Outcome, WhatIfError> {
    let parameters = Parameters::read(query).expect("a query");
    smol::block_on(engine.run(&kept.record, &parameters))
}

/// An engine that compiles where the command did.
fn engine(kept: &Kept) -> Engine {
    Engine::new(Cache::under(&kept.folder.path().join("cache")), 2)
}

fn stored(outcome: &Outcome) -> Vec<u8> {
    let mut bytes = Vec::new();
    store::write(&outcome.trace, &mut bytes).expect("to memory");
    bytes
}

fn choice<'r>(record: &'r Record, label: &str) -> Option<&'r Choice> {
    record.choices.iter().find(|choice| choice.label.starts_with(label))
}

fn ms(millis: u64) -> Nanos {
    Nanos::from_millis(millis)
}

#[test]
fn with_nothing_changed_it_is_the_kept_run_byte_for_byte() {
    for arguments in [&[][..], &["--seed", "77"]] {
        let kept = kept("db", USE_DB, DB, arguments);
        let engine = engine(&kept);
        for query in ["", &format!("seed={}&workers=4&blocking.0=10ms", kept.record.seed)] {
            let outcome = ask(&engine, &kept, query).expect("it runs");
            assert_eq!(stored(&outcome), kept.trace, "{query}");
            assert_eq!(outcome.record, kept.record, "{query}");
            assert_eq!(outcome.changes, Parameters::default());
            assert!(!outcome.guest_changed);
        }
    }
}

#[test]
fn what_is_changed_and_nothing_else_is_otherwise() {
    let kept = kept("db", USE_DB, DB, &[]);
    let engine = engine(&kept);
    let ask = |query: &str| ask(&engine, &kept, query).expect("it runs");
    // The trace of the three calls: open, query, close.
    let before = kept.record.summary.finished;
    let slower = ask("blocking.0=510ms");
    assert_eq!(slower.record.summary.finished, before + ms(500));
    assert_eq!(slower.record.choices, kept.record.choices);
    assert_eq!(slower.record.world.blocking[0].takes, (ms(510), ms(510)));

    let fixed = ask("blocking.1=5ms");
    assert!(choice(&kept.record, "blocking[1].takes").is_some());
    assert!(choice(&fixed.record, "blocking[1].takes").is_none(), "it is fixed now");
    assert_eq!(
        choice(&fixed.record, "blocking[1].fails"),
        choice(&kept.record, "blocking[1].fails")
    );

    let signal = ask("signal.0=12ms");
    assert_eq!(signal.record.world.signals[0].at, ms(12));
    assert_eq!(signal.record.ending.keyword(), "SIGTERM");
    assert_eq!(signal.record.summary.finished, ms(12));

    let workers = ask("workers=9");
    assert_eq!((workers.record.world.workers, kept.record.world.workers), (9, 4));

    let seed = ask("seed=4");
    assert_eq!(seed.record.seed, 4);
    assert_ne!(seed.record.choices, kept.record.choices);
    let query = "seed=4&workers=9&signal.0=30s&blocking.1=5ms";
    assert_eq!(ask(query).changes.to_query(), query);
}

#[test]
fn asked_twice_it_is_the_same_twice_whoever_is_asked() {
    let kept = kept("db", USE_DB, DB, &[]);
    let query = "seed=9&signal.0=15ms&blocking.0=1ms";
    let one = engine(&kept);
    let runs =
        [&one, &one, &engine(&kept)].map(|engine| ask(engine, &kept, query).expect("it runs"));
    for run in &runs {
        assert_eq!((stored(run), &run.record), (stored(&runs[0]), &runs[0].record));
    }
    assert_ne!(stored(&runs[0]), kept.trace);
}

#[test]
fn the_golden_counts_only_where_it_belongs() {
    let blessed = {
        let kept = kept("db", USE_DB, DB, &[]);
        let path = scenario_path(&kept.folder, "db");
        kept.folder.loopbox(&["run", path.to_str().expect("text"), "--bless"]).exits(0);
        run(kept.folder, "db", &[])
    };
    let engine = engine(&blessed);
    let golden = |kept: &Kept, query: &str| {
        let outcome = ask(&engine, kept, query).expect("it runs");
        let compared = outcome.record.checks.iter().any(|check| check.key == "trace");
        assert_eq!(compared, outcome.golden == Golden::Compared, "{query}");
        assert_eq!(outcome.record.golden.is_some(), compared, "{query}");
        outcome.golden
    };
    assert_eq!(golden(&blessed, ""), Golden::Compared);
    assert_eq!(golden(&blessed, "workers=4&blocking.0=10ms"), Golden::Compared);
    assert_eq!(golden(&blessed, "seed=4"), Golden::OtherSeed(3));
    assert_eq!(golden(&blessed, "workers=5"), Golden::OtherWorld);
    assert_eq!(golden(&blessed, "seed=4&signal.0=1s"), Golden::OtherWorld);
    // A run with another seed, put back to the scenario's own, is what the golden is of.
    let other = run(blessed.folder, "db", &["--seed", "8"]);
    assert_eq!(golden(&other, ""), Golden::OtherSeed(3));
    assert_eq!(golden(&other, "seed=3"), Golden::Compared);
    let plain = kept("plain", SUCCEED, EXPECT_0, &[]);
    assert_eq!(golden(&plain, "workers=5"), Golden::None);
}

#[test]
fn only_a_run_that_a_command_gives_has_the_command() {
    let kept = kept("db", USE_DB, DB, &[]);
    let engine = engine(&kept);
    let command = |query: &str| ask(&engine, &kept, query).expect("it runs").record.reproduce;
    assert!(command("seed=5").ends_with("s/db.toml --seed 5"), "{}", command("seed=5"));
    assert_eq!(command("seed=5&workers=1"), "");
}

#[test]
fn what_the_scenario_does_not_have_is_named() {
    let kept = kept("db", USE_DB, DB, &[]);
    let plain = self::kept("plain", SUCCEED, EXPECT_0, &[]);
    let engine = engine(&kept);
    let error = |kept: &Kept, query: &str| match ask(&engine, kept, query) {
        Err(error @ WhatIfError::Parameters(_)) => error.to_string(),
        other => panic!("{query}: {other:?}"),
    };
    assert_eq!(
        error(&kept, "signal.1=1s"),
        "`signal.1`: the scenario has one signal only: `signal.0`"
    );
    assert_eq!(
        error(&kept, "blocking.2=1s&signal.9=1s&workers=1"),
        "`signal.9`: the scenario has one signal only: `signal.0`; \
         `blocking.2`: the last rule of blocking calls of the scenario is `blocking.1`"
    );
    assert_eq!(error(&plain, "signal.0=1s"), "`signal.0`: the scenario has no signal");
}

#[test]
fn a_scenario_that_is_not_what_it_was_is_not_run() {
    let kept = kept("db", USE_DB, DB, &[]);
    let engine = engine(&kept);
    let file = scenario_path(&kept.folder, "db");
    let error = |record: &Record| {
        let asked = smol::block_on(engine.run(record, &Parameters::default()));
        let error = asked.expect_err("it cannot be").to_string();
        error.replace(file.to_str().expect("text"), "db.toml")
    };
    let text = kept.folder.read("s/db.toml");
    // Line 3 is the first of `DB`, which is empty.
    kept.folder.write("s/db.toml", text.replace("seed = 3", "seed = 4"));
    assert_eq!(
        error(&kept.record),
        "the scenario is not what it was when this run was kept: line 4 of `db.toml` differs; run it \
         again first"
    );
    kept.folder.write("s/db.toml", text.replace("10ms", "10"));
    let wrong = error(&kept.record);
    assert!(wrong.starts_with("the scenario cannot be read any more: db.toml:10: "), "{wrong}");
    std::fs::remove_file(&file).expect("removed");
    let moved = error(&kept.record);
    assert!(moved.starts_with("the scenario `db.toml` is not where it was: "), "{moved}");
    let old = Record { source: Default::default(), ..kept.record.clone() };
    assert!(error(&old).starts_with("this result was kept by an older loopbox"), "{}", error(&old));
    kept.folder.write("s/db.toml", text);
    ask(&engine, &kept, "").expect("it is what it was");
}

#[test]
fn a_guest_that_cannot_be_had_is_named_and_is_tried_again() {
    let kept = kept("db", USE_DB, DB, &[]);
    let wasm = std::fs::read(kept.folder.path().join("s/db.wasm")).expect("there");
    kept.folder.write("s/db.wasm", "no component");
    let engine = engine(&kept);
    let error = ask(&engine, &kept, "").expect_err("no component").to_string();
    assert!(error.starts_with("it could not run: cannot load `"), "{error}");
    kept.folder.write("s/db.wasm", wasm);
    engine.rebuild();
    ask(&engine, &kept, "").expect("it runs");

    let built = Record { scenario: cargo_scenario(&kept.folder), ..kept.record.clone() };
    let scenarios = Scenario::load(Path::new(&built.scenario));
    let source = scenarios.expect("a scenario").remove(0).source;
    let built = Record { source, ..built };
    let error = smol::block_on(engine.run(&built, &Parameters::default()));
    assert!(matches!(error, Err(WhatIfError::NotBuilt(_))), "{error:?}");
}

/// A scenario whose guest is in no workspace.
fn cargo_scenario(folder: &Folder) -> String {
    let guest = "title = \"t\"\nguest = { package = \"programs\", bin = \"x\" }\n";
    let path = folder.write("c/x.toml", format!("{guest}{EXPECT_0}"));
    path.to_str().expect("text").into()
}

#[test]
fn a_newer_guest_is_loaded_when_a_result_shows_it() {
    let old =
        kept("a", SUCCEED, "[[blocking]]\ncall = \"*\"\ntakes = \"1ms\"\n[expect]\nexit = 0", &[]);
    let engine = engine(&old);
    assert!(!ask(&engine, &old, "").expect("it runs").guest_changed);
    old.folder.guest("s/a.wasm", USE_DB);
    // Nobody told the engine.
    assert!(!ask(&engine, &old, "").expect("it runs").guest_changed);
    let Kept { folder, record: old_record, .. } = old;
    let new = run(folder, "a", &[]);
    assert_ne!(new.record.guest_sha256, old_record.guest_sha256);
    let outcome = ask(&engine, &new, "").expect("it runs");
    assert_eq!((stored(&outcome), outcome.guest_changed), (new.trace.clone(), false));
    // The old result is of a guest that is gone.
    let outcome = smol::block_on(engine.run(&old_record, &Parameters::default()));
    assert!(outcome.expect("it runs").guest_changed);
}

/// What is kept of a run that would take years.
fn kept_of_endless_run() -> Kept {
    let kept = kept("a", SUCCEED, EXPECT_0, &[]);
    let limits = "[machine]\nfuel-limit = 9_000_000_000_000_000_000\ntime-limit = \"100000h\"\n";
    kept.folder.scenario("s/spin", SPIN, &format!("{limits}{EXPECT_0}"));
    let path = scenario_path(&kept.folder, "spin");
    let source = Scenario::load(&path).expect("a scenario").remove(0).source;
    let scenario = path.to_str().expect("text").into();
    Kept { record: Record { scenario, source, ..kept.record }, ..kept }
}

#[test]
fn a_run_that_nobody_waits_for_ends_and_makes_room() {
    let endless = kept_of_endless_run();
    let quick = kept("a", SUCCEED, EXPECT_0, &[]);
    let engine = Engine::new(Cache::under(&quick.folder.path().join("cache")), 1);
    let nothing = Parameters::default();
    let mut first = Box::pin(engine.run(&endless.record, &nothing));
    // It computes by now: to read, compile and load takes a handful of polls, and each poll is 5 ms of it.
    let mut polls = 0;
    smol::block_on(std::future::poll_fn(|context| {
        assert!(first.as_mut().poll(context).is_pending());
        polls += 1;
        if polls == 50 { Poll::Ready(()) } else { Poll::Pending }
    }));
    let mut second = Box::pin(engine.run(&quick.record, &nothing));
    let at_once = smol::block_on(smol::future::poll_once(second.as_mut()));
    assert!(at_once.is_none(), "there is room for one only");
    drop(first);
    smol::block_on(second).expect("it runs");
}

// --- Saving --------------------------------------------------------------------------------------

fn saved(kept: &Kept, query: &str, name: &str) -> Result<PathBuf, SaveError> {
    save(&kept.record, &Parameters::read(query).expect("a query"), name)
}

/// Saves, and holds the run of the new scenario against the what-if.
fn check_saved(kept: Kept, query: &str) -> (Folder, String) {
    let outcome = ask(&engine(&kept), &kept, query).expect("it runs");
    saved(&kept, query, "new").expect("saved");
    let new = run(kept.folder, "new", &[]);
    assert_eq!(new.trace, stored(&outcome), "the same trace");
    assert_eq!(new.record.checks, outcome.record.checks, "the same verdict");
    assert_eq!(new.record.choices, outcome.record.choices);
    assert_eq!(new.record.world, outcome.record.world);
    let text = new.folder.read("s/new.toml");
    (new.folder, text)
}

#[test]
fn a_saved_scenario_gives_what_the_what_if_showed() {
    for query in [
        "seed=4",
        "signal.0=12ms",
        "blocking.1=5ms",
        "seed=9&workers=2&signal.0=15ms&blocking.0=1ms",
    ] {
        check_saved(kept("db", USE_DB, DB, &[]), query);
    }
    check_saved(kept("db", USE_DB, DB, &["--seed", "18446744073709551615"]), "");
}

#[test]
fn a_saved_scenario_says_what_is_otherwise_and_no_more() {
    let (_, text) =
        check_saved(kept("db", USE_DB, DB, &[]), "workers=2&signal.0=15ms&blocking.0=1ms");
    assert_eq!(
        text,
        r#"# Made from a what-if: say in the title what it shows.
title = "db (what if: 2 workers, SIGTERM at 15ms, db.open takes 1ms)"
extends = "db.toml"
# The golden is another run's. For one of its own: take this out, say
# expect.trace = "new.trace", and run it with --bless.
without = ["expect.trace"]
seed = 3

[machine]
workers = 2

[[signal]]
name = "SIGTERM"
at = "15ms"

[[blocking]]
call = "db.open"
takes = "1ms"
returns = "a handle"

[[blocking]]
call = "db.*"
takes = { between = ["1ms", "9ms"] }
fails = { error = 'no "luck"', probability = 0.5 }
"#
    );
}

#[test]
fn lists_are_found_wherever_and_however_they_are_written() {
    let base = r#"
        title = "base"
        blocking = [{ takes = "1ms", call = "db.open" }, { call = "*", takes.one-of = ["2ms"] }]
        [[signal]]
        name = "SIGINT"
        [signal.at]
        between = ["10s", "20s"]
        [[signal]]
        at = "30s"
        name = "SIGTERM"
    "#;
    let folder = Folder::new();
    folder.write("_base.toml", base);
    let seed = u64::MAX;
    folder.scenario(
        "s/db",
        USE_DB,
        &format!("extends = \"../_base.toml\"\nseed = {seed}\n{EXPECT_0}"),
    );
    let kept = run(folder, "db", &[]);
    let (_, text) = check_saved(kept, "signal.1=25s&blocking.0=7ms");
    for part in [
        "\n[[signal]]\nname = \"SIGINT\"\nat = { between = [\"10s\", \"20s\"] }\n",
        "\n[[signal]]\nat = \"25s\"\nname = \"SIGTERM\"\n",
        "\n[[blocking]]\ntakes = \"7ms\"\ncall = \"db.open\"\n",
        "\n[[blocking]]\ncall = \"*\"\ntakes = { one-of = [\"2ms\"] }\n",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
}

#[test]
fn a_scenario_that_expected_nothing_but_its_golden_still_expects_something() {
    let rest = "[[blocking]]\ncall = \"*\"\ntakes = \"1ms\"\n\
                [expect]\ntrace = \"x.trace\"\ntrace-kinds = [\"exit\"]\nmust-fail = [\"trace\"]\n";
    let (_, text) = check_saved(kept("db", USE_DB, rest, &[]), "blocking.0=2ms");
    assert!(text.contains("without = [\"expect.trace\", \"expect.trace-kinds\"]\n"), "{text}");
    assert!(text.ends_with("\n[expect]\nexit = 0\nmust-fail = []\n"), "{text}");
}

#[test]
fn what_must_fail_besides_the_golden_still_must() {
    let rest = "[[blocking]]\ncall = \"*\"\ntakes = \"10ms\"\n\
                [expect]\nfinish = \"1ms\"\ntrace = \"x.trace\"\nmust-fail = [\"finish\", \"trace\"]\n";
    let kept = kept("db", USE_DB, rest, &[]);
    assert_eq!(kept.record.checks.len(), 3);
    let (folder, text) = check_saved(kept, "blocking.0=9ms");
    assert!(text.ends_with("\n[expect]\nmust-fail = [\"finish\"]\n"), "{text}");
    let path = folder.path().join("s/new.toml");
    let scenario = Scenario::load(&path).expect("a scenario").remove(0);
    assert!(scenario.golden.is_none());
    folder.loopbox(&["run", "s/new.toml"]).exits(0).says("caught finish");
}

#[test]
fn no_file_is_overwritten_and_no_name_leads_elsewhere() {
    let kept = kept("db", USE_DB, DB, &[]);
    let before = kept.folder.files("");
    for name in [
        "",
        ".toml",
        ".",
        "..",
        ".x",
        "_x",
        "-x",
        "a/b",
        "../x",
        "/tmp/x",
        "a\\b",
        "x.",
        "a b",
        "a\0",
        "a\nb",
        "a\u{202e}b",
        "a:b",
        "con",
        "CON.x",
        "com1",
        "lpt9.toml",
        &"x".repeat(201),
    ] {
        let error = saved(&kept, "workers=2", name);
        assert!(matches!(error, Err(SaveError::Name(_))), "{name:?}: {error:?}");
    }
    let error = saved(&kept, "workers=2", "db").expect_err("the scenario itself");
    assert!(error.to_string().ends_with("s/db.toml` already: choose another name"), "{error}");
    let error = saved(&kept, "seed=3&workers=4", "new").expect_err("nothing changed");
    assert!(matches!(error, SaveError::NothingChanged), "{error:?}");
    let error = saved(&kept, "signal.7=1s", "new").expect_err("no such signal");
    assert!(matches!(error, SaveError::WhatIf(WhatIfError::Parameters(_))), "{error:?}");
    assert_eq!(kept.folder.files(""), before, "nothing was written");
    for name in ["com", "console", "ä-1_2.x", "2.toml"] {
        let path = saved(&kept, "workers=2", name).expect("a name");
        let name = name.strip_suffix(".toml").unwrap_or(name);
        assert_eq!(path, scenario_path(&kept.folder, name));
        assert!(path.exists());
    }
}

#[test]
fn what_if_of_what_if_ends_where_chains_of_files_end() {
    let mut kept = kept("x0", SUCCEED, EXPECT_0, &[]);
    for next in 1.. {
        let name = format!("x{next}");
        match saved(&kept, &format!("seed={next}"), &name) {
            Ok(_) => kept = run(kept.folder, &name, &[]),
            Err(error) => {
                assert_eq!(next, 32);
                assert!(
                    error.to_string().starts_with("it would be no scenario: a chain of"),
                    "{error}"
                );
                assert!(!scenario_path(&kept.folder, &name).exists());
                return;
            }
        }
    }
}

#[test]
fn a_verdict_of_a_what_if_is_judged_by_the_scenarios_expectations() {
    let kept = kept("db", USE_DB, DB, &[]);
    let outcome = ask(&engine(&kept), &kept, "blocking.0=2s").expect("it runs");
    let failed = outcome.record.checks.iter().find(|check| check.status == Status::Fails);
    assert_eq!(failed.map(|check| check.key.as_ref()), Some("finish"));
    assert!(!outcome.record.holds);
}
