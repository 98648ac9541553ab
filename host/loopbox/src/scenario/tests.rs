//! What is read from scenario files; what is refused is in `refused`.

mod documented;
mod refused;

use std::fs;
use std::time::Duration;

use loopbox_machine::config::Draw;
use loopbox_trace::check::{Latency, Span};
use loopbox_trace::golden::default_groups;
use tempfile::TempDir;

use super::*;

/// The smallest scenario, without its `[expect]`.
const HEAD: &str = "title = \"t\"\nguest = { wasm = \"x.wasm\" }\n";

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    folder
}

fn loaded(folder: &TempDir, name: &str) -> Scenario {
    let scenarios = Scenario::load(&folder.path().join(name));
    let mut scenarios = scenarios.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(scenarios.len(), 1, "one guest");
    scenarios.remove(0)
}

/// The scenario of a text after [`HEAD`].
fn scenario(rest: &str) -> Scenario {
    loaded(&folder(&[("x.toml", &format!("{HEAD}{rest}"))]), "x.toml")
}

fn machine(rest: &str) -> Config {
    Config::clone(&scenario(&format!("expect.exit = 0\n{rest}")).config)
}

fn ms(millis: u64) -> Nanos {
    Nanos::from_millis(millis)
}

#[test]
fn a_small_scenario_is_the_machines_defaults() {
    let folder = folder(&[("x.toml", &format!("{HEAD}expect.exit = 0"))]);
    let scenario = loaded(&folder, "x.toml");
    let defaults = Config { program_name: "x".into(), ..Config::default() };
    assert_eq!(format!("{:?}", scenario.config), format!("{defaults:?}"));
    assert_eq!((scenario.title.as_str(), scenario.seed), ("t", 0));
    assert_eq!(scenario.guest, Guest::Wasm(folder.path().join("x.wasm")));
    assert_eq!(scenario.stack_bytes, 1 << 20);
    assert_eq!(scenario.expect.keys(), ["exit"]);
    assert_eq!(scenario.golden, None);
}

#[test]
fn what_is_left_out_of_a_base_is_as_if_it_were_not_there() {
    let base = r#"
        title = "base"
        env = { A = "1", "b.c" = "2" }
        [[signal]]
        name = "SIGTERM"
        at = "1s"
        [machine]
        workers = 7
        [expect]
        exit = 0
        finish = "5s"
        trace = "x.trace"
        trace-kinds = ["exit"]
        must-fail = ["trace"]
    "#;
    let without =
        r#"["signal", "env.b.c", "expect.trace", "expect.trace-kinds", "expect.must-fail"]"#;
    let middle = format!("extends = \"_base.toml\"\nwithout = {without}\nexpect.lag = \"9ms\"");
    let files = [
        ("_base.toml", base),
        ("middle.toml", &format!("{middle}\nguest = {{ wasm = \"x.wasm\" }}")),
        ("top.toml", "extends = \"middle.toml\"\nwithout = [\"expect.finish\", \"expect.lag\"]"),
        ("again.toml", "extends = \"middle.toml\"\nsignal = [{ name = \"SIGINT\", at = \"2s\" }]"),
    ];
    let folder = folder(&files);
    let scenario = loaded(&folder, "middle.toml");
    assert_eq!(scenario.expect.keys(), ["exit", "lag", "finish"]);
    assert_eq!((&scenario.golden, scenario.expect.must_fail.len()), (&None, 0));
    assert!(scenario.config.signals.is_empty());
    assert_eq!(scenario.config.workers, 7);
    assert_eq!(scenario.config.env, [("A".into(), "1".into())]);
    assert!(!scenario.source.places.contains_key("expect.trace"));
    let top = loaded(&folder, "top.toml");
    assert_eq!(top.expect.keys(), ["exit"], "left out in the middle, and at the top");
    let again = loaded(&folder, "again.toml");
    assert_eq!(again.config.signals.len(), 1, "only what is further down is left out");
}

#[test]
fn the_machine_is_set_up_as_it_says() {
    let config = machine(
        r#"
        args = ["--x", ""]
        env = { B = "2", A = "1" }
        stdin = "in"
        [machine]
        workers = 1024
        ns-per-fuel = 0.0015
        time-limit = "1m"
        fuel-limit = 7
        memory-limit = "4GiB"
        output-limit = "1 B"
        trace-limit = 9
        wall-clock = 2026-01-01T01:00:00+01:00
        debug = true
        "#,
    );
    assert_eq!(config.args, ["--x", ""]);
    assert_eq!(config.env, [("A".into(), "1".into()), ("B".into(), "2".into())]);
    assert_eq!(config.stdin, b"in");
    assert_eq!((config.workers, config.ps_per_fuel), (1024, 2));
    let limits = config.limits;
    assert_eq!((limits.time, limits.fuel, limits.trace_events), (Nanos::from_secs(60), 7, 9));
    assert_eq!((limits.memory_bytes, limits.output_bytes), (4 << 30, 1));
    assert_eq!(config.wall_clock, Duration::from_secs(1_767_225_600));
    assert!(config.debug && config.traced);
    let text = machine("machine.wall-clock = \"2026-01-01T00:00:00Z\"");
    assert_eq!(text.wall_clock, config.wall_clock);
    assert_eq!(machine("machine.ns-per-fuel = 2").ps_per_fuel, 2_000);
    let stack = scenario("expect.exit = 0\nmachine.stack-limit = \"64KiB\"");
    assert_eq!(stack.stack_bytes, 64 << 10);
    assert_eq!(scenario("expect.exit = 0\nseed = 18446744073709551615").seed, u64::MAX);
}

#[test]
fn signals_and_blocking_calls_are_fixed_or_drawn() {
    let config = machine(
        r#"
        [[signal]]
        name = "SIGTERM"
        at = "250ms"
        [[signal]]
        name = "SIGINT"
        at = { between = ["0s", "5s"] }
        [[blocking]]
        call = "db.*"
        takes = { one-of = ["1ms", "9ms"] }
        fails = { probability = 0.01, error = "timed out" }
        returns = "rows"
        [[blocking]]
        call = "*"
        takes = "0s"
        fails = { probability = 1, error = "" }
        "#,
    );
    assert_eq!(config.signals[0].signal, loopbox_trace::Signal::SIGTERM);
    assert_eq!(config.signals[0].at, Draw::Fixed(ms(250)));
    assert_eq!(config.signals[1].at, Draw::Between(Nanos::ZERO, Nanos::from_secs(5)));
    let [first, second] = &config.blocking[..] else { panic!("two rules") };
    assert!(first.call.is_match("db.query/all") && !first.call.is_match("dbx"));
    assert_eq!(first.takes, Draw::OneOf(vec![ms(1), ms(9)]));
    let fails = first.fails.as_ref().expect("it may fail");
    assert_eq!((fails.per_million, fails.error.as_str()), (10_000, "timed out"));
    assert_eq!(first.returns, b"rows");
    assert_eq!(second.fails.as_ref().map(|fails| fails.per_million), Some(1_000_000));
    assert!(second.returns.is_empty());
}

#[test]
fn expectations_are_short_or_in_full() {
    let expect = |text: &str| scenario(&format!("[expect]\n{text}")).expect;
    let short = expect(
        r#"
        exit = "SIGTERM"
        stdout = "x"
        stdout-contains = "a"
        stderr-contains = ["b", "c"]
        deadlock-contains = "d"
        max-stall = "20ms"
        lag = "1ms"
        signal-latency = "2ms"
        finish = "3ms"
        offloaded = ["db.*"]
        diagnostics = ["SLOW-1", { code = "LOST-1", text = "*never*" }]
        trace = "x.trace"
        must-fail = ["lag", "exit"]
        "#,
    );
    assert_eq!(short.exit.as_deref(), Some("SIGTERM"));
    assert_eq!((short.stdout_contains, short.stderr_contains.len()), (vec!["a".into()], 2));
    assert_eq!(short.deadlock_contains, ["d"]);
    assert_eq!(short.max_stall, Some(Span { min: None, max: Some(ms(20)) }));
    assert_eq!(short.lag, Some(Latency { max: Some(ms(1)), ..Latency::default() }));
    let reports = short.diagnostics.expect("said");
    assert!(reports[0].code == "SLOW-1" && reports[0].text.is_none());
    assert!(reports[1].text.as_ref().is_some_and(|text| text.is_match("was never awaited")));
    assert_eq!(short.must_fail, ["exit".into(), "lag".into()].into());
    let full = expect(
        r#"
        exit = 255
        max-stall = { min = "1s" }
        finish = { min = "1s", max = "1s" }
        lag = { min = "1ms", max = "5ms", p50 = "2ms", p90 = "3ms", p99 = "4ms" }
        diagnostics = []
        "#,
    );
    assert_eq!(full.exit.as_deref(), Some("255"));
    assert_eq!(full.max_stall, Some(Span { min: Some(ms(1000)), max: None }));
    let latency = Latency {
        min: Some(ms(1)),
        max: Some(ms(5)),
        p50: Some(ms(2)),
        p90: Some(ms(3)),
        p99: Some(ms(4)),
    };
    assert_eq!(full.lag, Some(latency));
    assert_eq!(full.keys(), ["exit", "max-stall", "lag", "finish", "diagnostics"]);
    assert_eq!(expect("exit = 0\noffloaded = []").keys(), ["exit"]);
}

#[test]
fn a_golden_is_beside_the_scenario_and_may_be_missing() {
    let text = format!("{HEAD}[expect]\ntrace = \"g/x.trace\"");
    let folder = folder(&[("x.toml", &text)]);
    let scenario = loaded(&folder, "x.toml");
    let golden = scenario.golden.expect("it has one");
    assert_eq!(golden.path, folder.path().join("g/x.trace"));
    assert_eq!((golden.groups, golden.tolerance), (default_groups(), ms(1)));
    let expected = scenario.expect.golden.expect("it is checked");
    assert_eq!((expected.name.as_str(), expected.text), ("g/x.trace", None));

    fs::create_dir(folder.path().join("g")).expect("made");
    fs::write(golden.path, b"lane \xff").expect("written");
    let more = "\ntrace-kinds = [\"turn\", \"exit\"]\ntrace-tolerance = \"5ms\"";
    fs::write(folder.path().join("x.toml"), text + more).expect("written");
    let expected = loaded(&folder, "x.toml").expect.golden.expect("it is checked");
    assert_eq!(expected.text.as_deref(), Some("lane \u{fffd}"));
    assert_eq!(expected.groups, [Group::Turn, Group::Exit].into());
    assert_eq!(expected.tolerance, ms(5));
}

#[test]
fn files_hold_a_text_or_what_another_file_holds() {
    let rest = "expect.exit = 0
        file = [{ path = \"/etc/a\", text = \"1\" }, { path = \"/etc/b\", source = \"data/b\" }]";
    let folder = folder(&[("x.toml", &format!("{HEAD}{rest}")), ("data/b", "2")]);
    let scenario = loaded(&folder, "x.toml");
    let expected = [("/etc/a".into(), b"1".to_vec()), ("/etc/b".into(), b"2".to_vec())];
    assert_eq!(scenario.config.files, expected);
}

#[test]
fn what_a_file_says_wins_over_what_it_extends() {
    let folder = folder(&[
        (
            "one/x.toml",
            r#"
            extends = "../two/_a.toml"
            title = "x"
            args = ["x"]
            env = { A = "x" }
            expect = { max-stall = { min = "1ms" }, must-fail = [] }
            "#,
        ),
        (
            "two/_a.toml",
            r#"
            extends = "_b.toml"
            title = "a"
            guest = { package = "p", bin = "b" }
            args = ["a", "a"]
            env = { A = "a", B = "a" }
            expect = { exit = 1, trace = "a.trace", must-fail = ["exit"] }
            "#,
        ),
        (
            "two/_b.toml",
            r#"
            guest = { wasm = "b.wasm" }
            seed = 5
            machine = { workers = 2 }
            file = [{ path = "/b", source = "b.txt" }]
            expect = { exit = 2, max-stall = "9ms", stdout = "b" }
            "#,
        ),
        ("two/b.txt", "b"),
    ]);
    let scenario = loaded(&folder, "one/x.toml");
    assert_eq!((scenario.title.as_str(), scenario.seed), ("x", 5));
    // Paths stay relative to the file in which they are written.
    let two = folder.path().join("one/../two");
    let guest = Guest::Cargo { package: "p".into(), bin: "b".into(), dir: two.clone() };
    assert_eq!(scenario.guest, guest);
    assert_eq!(scenario.golden.map(|golden| golden.path), Some(two.join("a.trace")));
    assert_eq!((scenario.config.args.as_slice(), scenario.config.workers), (&["x".into()][..], 2));
    assert_eq!(scenario.config.env, [("A".into(), "x".into()), ("B".into(), "a".into())]);
    assert_eq!(scenario.config.files, [("/b".into(), b"b".to_vec())]);
    assert_eq!(scenario.config.program_name, "b");
    let expect = scenario.expect;
    assert_eq!(expect.keys(), ["exit", "stdout", "max-stall", "trace"]);
    assert_eq!(expect.exit.as_deref(), Some("1"));
    assert_eq!(expect.max_stall, Some(Span { min: Some(ms(1)), max: None }));
    assert!(expect.must_fail.is_empty());
}

#[test]
fn a_program_in_python_is_a_file_or_a_folder_beside_the_file_that_names_it() {
    let folder = folder(&[
        ("one/x.toml", "title = \"t\"\nextends = \"../two/base.toml\"\nexpect.exit = 0"),
        ("two/base.toml", "guest = { python = \"shop\" }"),
        ("two/shop/main.py", ""),
        ("y.toml", "title = \"t\"\nguest = { python = \"app.py\" }\nexpect.exit = 0"),
        ("app.py", ""),
    ]);
    let scenario = loaded(&folder, "one/x.toml");
    assert_eq!(scenario.guest, Guest::Python(folder.path().join("one/../two/shop")));
    assert_eq!(scenario.config.program_name, "shop");
    let scenario = loaded(&folder, "y.toml");
    assert_eq!(scenario.guest, Guest::Python(folder.path().join("app.py")));
    assert_eq!(scenario.config.program_name, "app");
}

#[test]
fn fuel_has_a_price_for_each_language_unless_the_scenario_names_one_for_all() {
    let rest = r#"
        title = "t"
        guest = { python = "app.py" }
        program = [
            { name = "rust", guest = { package = "p", bin = "b" } },
            { name = "python", guest = { python = "app.py" } },
        ]
        expect.exit = 0
    "#;
    let said = format!("{rest}\nmachine.ns-per-fuel = 2\nmachine.stack-limit = \"1MiB\"");
    let folder = folder(&[("x.toml", rest), ("said.toml", &said), ("app.py", "")]);
    let scenario = loaded(&folder, "x.toml");
    let prices = |config: &Config| {
        let others = config.programs.iter().map(|plan| plan.ps_per_fuel);
        std::iter::once(config.ps_per_fuel).chain(others).collect::<Vec<_>>()
    };
    assert_eq!(prices(&scenario.config), [30, 1_000, 30]);
    assert_eq!(scenario.stack_bytes, 32 << 20, "a frame of Python's takes more of the stack");
    let scenario = loaded(&folder, "said.toml");
    assert_eq!(prices(&scenario.config), [2_000; 3]);
    assert_eq!(scenario.stack_bytes, 1 << 20);
}

#[test]
fn a_program_in_python_makes_the_stack_of_all_larger() {
    let rest = "program = [{ name = \"py\", guest = { python = \"app.py\" } }]\nexpect.exit = 0";
    let folder = folder(&[("x.toml", &format!("{HEAD}{rest}")), ("app.py", "")]);
    let scenario = loaded(&folder, "x.toml");
    assert_eq!(scenario.stack_bytes, 32 << 20);
    assert_eq!((scenario.config.ps_per_fuel, scenario.config.programs[0].ps_per_fuel), (1_000, 30));
}

#[test]
fn a_scenarios_name_is_its_path_in_one_way_of_writing() {
    for (path, expected) in [
        ("scenarios/x.toml", "scenarios/x"),
        ("./scenarios//x.y.toml", "scenarios/x.y"),
        ("../x.toml", "../x"),
        ("/a/x.toml", "/a/x"),
        ("x.conf", "x.conf"),
    ] {
        assert_eq!(name(Path::new(path)), expected);
    }
}

#[test]
fn cargo_is_run_in_a_folder_that_the_system_knows() {
    // An empty path is none; so a scenario in the current folder is said to be in `.`.
    let toml = "title = \"t\"\nguest = { package = \"p\", bin = \"b\" }\nexpect.exit = 0";
    let mut sources = sources::Sources::default();
    sources.add("x.toml".into(), toml.into());
    let document = format::read(chain::merge(&sources).expect("TOML")).expect("a document");
    let scenario = resolve::resolve(Path::new("x.toml"), document, &sources).expect("a scenario");
    let Guest::Cargo { dir, .. } = &scenario[0].guest else { panic!("it is built") };
    assert_eq!(dir, Path::new("."));
}

#[test]
fn each_of_several_guests_is_a_scenario_of_its_own_in_the_order_of_the_file() {
    let folder = folder(&[(
        "x.toml",
        "title = \"t\"\n[guests]\nrust = { package = \"p\", bin = \"b\" }\n\
         old = { wasm = \"old.wasm\" }\n[expect]\ntrace = \"x.trace\"",
    )]);
    let path = folder.path().join("x.toml");
    let scenarios = Scenario::load(&path).expect("it is fine");
    let [rust, old] = &scenarios[..] else { panic!("two guests") };
    let is = |scenario: &Scenario, guest_name: &str, program_name: &str| {
        assert_eq!(scenario.guest_name.as_deref(), Some(guest_name));
        assert!(scenario.name.ends_with(&format!("/x/{guest_name}")), "{}", scenario.name);
        assert_eq!(scenario.config.program_name, program_name);
    };
    is(rust, "rust", "b");
    is(old, "old", "old");
    assert!(matches!(rust.guest, Guest::Cargo { .. }));
    assert_eq!(old.guest, Guest::Wasm(folder.path().join("old.wasm")));
    // Whatever else there is, they have in common.
    assert_eq!((&rust.path, &rust.title), (&old.path, &old.title));
    assert_eq!(rust.golden, old.golden);
    assert_eq!(rust.source, old.source);
    assert_eq!(scenario("expect.exit = 0").guest_name, None);
}

#[test]
fn a_golden_is_read_anew_when_somebody_has_written_it() {
    let folder = folder(&[("x.toml", &format!("{HEAD}expect.trace = \"x.trace\""))]);
    let scenario = loaded(&folder, "x.toml");
    let text = |scenario: &Scenario| scenario.expect.golden.as_ref().expect("one").text.clone();
    assert_eq!(text(&scenario), None);
    fs::write(folder.path().join("x.trace"), "new").expect("written");
    assert_eq!(text(&scenario.with_golden_of_now()).as_deref(), Some("new"));
}

#[cfg(unix)]
#[test]
fn a_path_that_is_not_utf8_can_be_loaded() {
    use std::os::unix::ffi::OsStrExt;
    let folder = folder(&[]);
    let path = folder.path().join(std::ffi::OsStr::from_bytes(b"\xff.toml"));
    fs::write(&path, format!("{HEAD}expect.exit = 0")).expect("written");
    let scenario = Scenario::load(&path).expect("it is fine").remove(0);
    assert!(scenario.name.ends_with("/\u{fffd}"));
    fs::write(&path, "x").expect("written");
    assert!(Scenario::load(&path).expect_err("broken").to_string().contains("/\u{fffd}.toml:1:"));
}

#[test]
fn results_know_the_texts_and_the_line_of_each_key() {
    let own =
        "extends = \"_base.toml\"\ntitle = \"t\"\n[[signal]]\nname = \"SIGTERM\"\nat = \"1s\"\n";
    let base =
        "guest = { wasm = \"x.wasm\" }\n\n[expect]\nexit = \"SIGTERM\"\n[machine]\nworkers = 2\n";
    let folder = folder(&[("x.toml", own), ("_base.toml", base)]);
    let source = loaded(&folder, "x.toml").source;
    assert_eq!(source.files.len(), 2);
    assert_eq!((source.files[0].text.as_str(), source.files[1].text.as_str()), (own, base));
    let place = |key: &str| source.places.get(key).map(|place| (place.file, place.line));
    for (key, expected) in [
        ("title", (0, 2)),
        ("signal[0]", (0, 3)),
        ("signal[0].at", (0, 5)),
        ("guest.wasm", (1, 1)),
        ("expect.exit", (1, 4)),
        ("machine.workers", (1, 6)),
    ] {
        assert_eq!(place(key), Some(expected), "{key}");
    }
}

#[test]
fn the_world_of_a_run_has_what_was_drawn() {
    let scenario = scenario(
        "expect.exit = 0\n[[signal]]\nname = \"SIGTERM\"\nat = { between = [\"1s\", \"2s\"] }\n\
         [[signal]]\nname = \"SIGINT\"\nat = \"3s\"\n\
         [[blocking]]\ncall = \"db.*\"\ntakes = { one-of = [\"9ms\", \"5ms\"] }\n",
    );
    let drawn = Choice { label: "signal[0].at (SIGTERM)".into(), value: "1.5s".into() };
    let world = scenario.world(&[drawn]);
    let moments: Vec<_> = world.signals.iter().map(|sent| sent.at).collect();
    assert_eq!(moments, [ms(1500), ms(3000)]);
    assert_eq!(
        (world.blocking[0].call.as_str(), world.blocking[0].takes),
        ("db.*", (ms(5), ms(9)))
    );
    assert_eq!(world.workers, 4);
}
