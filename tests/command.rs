//! The command in ordinary use: what it takes, prints and ends with. What it leaves on disk is tested in
//! `kept.rs`; broken scenarios, broken guests and interruptions have files of their own, too.

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use support::guests::{FAIL, SUCCEED, TRAP, USE_DB};
use support::{DRAWN, Done, EXPECT_0, Folder, PASSING, done};

/// Blocking calls of 10 ms each, and a golden `db.trace`.
const GOLDEN: &str = r#"
    [[blocking]]
    call = "db.*"
    takes = "10ms"
    [expect]
    trace = "db.trace"
"#;

// --- Verdicts for people -------------------------------------------------------------------------

#[test]
fn what_holds_is_a_line_and_a_summary_and_nothing_else_is_printed() {
    let folder = Folder::new();
    folder.scenario("a", SUCCEED, EXPECT_0);
    let done = folder.loopbox(&["run", "a.toml"]);
    done.exits(0);
    assert!(done.stdout.starts_with("ok     a.toml  a  (seed 0, "), "{}", done.stdout);
    assert!(done.stdout.ends_with("ns virtual)\n\n1 holds\n"), "{}", done.stdout);
    assert_eq!(done.stdout.lines().count(), 3);
    assert_eq!(done.stderr, "");
}

#[test]
fn one_failure_among_others_is_shown_with_expected_actual_and_place() {
    let folder = Folder::new();
    folder.scenario("a", SUCCEED, EXPECT_0);
    folder.scenario("b", TRAP, EXPECT_0);
    folder.scenario("c", "(call $hello) (i32.const 0)", "[expect]\nstdout = \"hello\\n\"");
    let done = folder.loopbox(&["run", "a.toml", "b.toml", "c.toml"]);
    done.exits(100);
    let words: Vec<_> = done.stdout.lines().filter_map(|line| line.get(..5)).collect();
    assert_eq!(words.iter().filter(|word| **word == "ok   ").count(), 2, "{}", done.stdout);
    done.says("\nFAIL   b.toml  b  (seed 0, ")
        .says("\n         expected  status 0\n         actual    trapped: wasm trap: wasm `unreach")
        .says("\n         | fail\n         | run\n")
        .says("\n       kept      .loopbox/results/b/seed-0.json\n")
        .says("\n       again     loopbox run b.toml --seed 0\n");
    assert!(done.stdout.ends_with("\n\n2 hold, 1 fails\n"), "{}", done.stdout);
}

/// What a shell does with the command that a failure ends with.
fn run_again(folder: &Folder, failed: &Done) -> Done {
    let again = failed.stdout.lines().find_map(|line| line.trim().strip_prefix("again  "));
    let binaries = Path::new(env!("CARGO_BIN_EXE_loopbox")).parent().expect("a folder");
    let path = std::env::var("PATH").expect("a PATH");
    let mut shell = Command::new("sh");
    shell.args(["-c", again.expect("the command is shown")]);
    shell.env("PATH", format!("{}:{path}", binaries.display()));
    folder.at_home(&mut shell);
    done(shell.output().expect("a shell"))
}

#[test]
fn the_command_that_is_shown_gives_the_same_run_again() {
    let folder = Folder::new();
    folder.scenario("it's here/$(db)", USE_DB, DRAWN);
    let first = folder.loopbox(&["run", "it's here", "--seed", "18446744073709551615"]);
    first.exits(100).says("drawn     blocking[0].takes (db.open #0) = ");
    let again = run_again(&folder, &first);
    again.exits(100);
    assert_eq!(again.stdout, first.stdout);
}

#[test]
fn a_seed_on_the_command_line_draws_anew_and_always_the_same() {
    let folder = Folder::new();
    folder.scenario("db", USE_DB, &format!("seed = 7\n{DRAWN}"));
    let choices = |arguments: &[&str]| {
        let run = [&["run", "db.toml", "--format", "json"], arguments].concat();
        let line = folder.loopbox(&run).exits(100).json_of("db.toml");
        assert_eq!(line["seed"], line["result"]["seed"]);
        (line["seed"].clone(), line["result"]["choices"].clone())
    };
    let (seed, own) = choices(&[]);
    assert_eq!((seed, own.as_array().expect("a list").len()), (json!(7), 3));
    assert_eq!(choices(&["--seed", "7"]).1, own);
    let (seed, other) = choices(&["--seed", "8"]);
    assert_eq!(seed, 8);
    assert_ne!(other, own);
    assert_eq!(choices(&["--seed", "8"]).1, other);
    // Each ran twice, so there is what it replaced, too.
    let kept = folder.files(".loopbox/results/db");
    assert_eq!(kept.len(), 6, "a run of each seed is kept: {:?}", kept.keys());
}

#[test]
fn a_mistake_that_must_fail_holds_while_it_is_there() {
    let folder = Folder::new();
    let must_fail = |max| {
        format!(
            "[[blocking]]\ncall = \"*\"\ntakes = \"10ms\"\n\
             [expect]\nfinish = \"{max}\"\nmust-fail = [\"finish\"]\n"
        )
    };
    folder.scenario("db", USE_DB, &must_fail("29ms"));
    folder.loopbox(&["run", "db.toml"]).exits(0).says("; caught finish: ");
    folder.scenario("db", USE_DB, &must_fail("31ms"));
    folder.loopbox(&["run", "db.toml"]).exits(100).says("expected  at most 31ms, and must fail");
}

// --- Goldens -------------------------------------------------------------------------------------

#[test]
fn blessing_writes_the_golden_which_then_holds() {
    let folder = Folder::new();
    folder.scenario("s/db", USE_DB, GOLDEN);
    let first = folder.loopbox(&["run", "s"]);
    first.exits(100).says("there is no golden db.trace yet").says("bless it with --bless");
    assert!(!folder.path().join("s/db.trace").exists(), "nothing is written unasked");
    folder.loopbox(&["run", "s", "--bless"]).exits(0).says("golden    written: s/db.trace");
    let golden = folder.read("s/db.trace");
    assert!(golden.contains("\nlane main\n       0ms  blocking db.open begins\n"), "{golden}");
    folder.loopbox(&["run", "s"]).exits(0);
    folder.loopbox(&["run", "s", "--bless"]).exits(0).says("golden    unchanged: s/db.trace");
    assert_eq!(folder.read("s/db.trace"), golden);
    assert_eq!(folder.files("s").len(), 3, "no other file is left");
}

#[test]
fn the_first_line_that_differs_from_the_golden_is_shown_with_its_surroundings() {
    let folder = Folder::new();
    folder.scenario("db", USE_DB, GOLDEN);
    folder.loopbox(&["run", "db.toml", "--bless"]).exits(0);
    let slow = "[[blocking]]\ncall = \"db.query\"\ntakes = \"12ms\"\n";
    folder.scenario("db", USE_DB, &format!("{slow}{GOLDEN}"));
    let done = folder.loopbox(&["run", "db.toml"]);
    done.exits(100)
        .says("trace\n         expected  as in db.trace, times within 1ms")
        .says("actual    lane main, line 8 of the golden: ");
    let difference = "
         |            0ms  blocking db.open begins
         |           10ms  blocking db.open ends, done
         |           10ms  blocking db.query begins
         |   the golden:
         |   >       20ms  blocking db.query ends, done
         |           20ms  blocking db.close begins
         |           30ms  blocking db.close ends, done
         |           30ms  exited with status 0
         |   this run:
         |   >       22ms  blocking db.query ends, done
         |           22ms  blocking db.close begins
         |           32ms  blocking db.close ends, done
         |           32ms  exited with status 0
         | 4 lines differ in all
";
    done.says(difference);
    done.says("if right  loopbox run db.toml --bless  (writes the golden)");
    folder.loopbox(&["run", "db.toml", "--bless"]).exits(0).says("golden    written: db.trace");
    folder.loopbox(&["run", "db.toml"]).exits(0);
}

#[test]
fn a_run_that_fails_in_something_else_is_not_blessed() {
    let folder = Folder::new();
    folder.scenario("db", USE_DB, &format!("{GOLDEN}exit = 1\n"));
    let done = folder.loopbox(&["run", "db.toml", "--bless"]);
    done.exits(100).says("golden    not written, because something else fails: db.trace");
    assert!(!folder.path().join("db.trace").exists());
}

/// A scenario with two guests, `one` and `two`, and a golden.
fn two_guests(one: &str, two: &str) -> Folder {
    let folder = Folder::new();
    folder.guest("one.wasm", one);
    folder.guest("two.wasm", two);
    let blocking = "[[blocking]]\ncall = \"*\"\ntakes = \"10ms\"\n";
    folder.write(
        "db.toml",
        format!(
            "title = \"t\"\n[guests]\none = {{ wasm = \"one.wasm\" }}\n\
             two = {{ wasm = \"two.wasm\" }}\n{blocking}[expect]\ntrace = \"db.trace\"\n"
        ),
    );
    folder
}

#[test]
fn two_guests_are_held_to_one_golden() {
    let folder = two_guests(USE_DB, USE_DB);
    let done = folder.loopbox(&["run", "db.toml", "--bless"]);
    done.exits(0).says("(one, seed 0").says("golden    written: db.trace").says("(two, seed 0");
    let done = folder.loopbox(&["run", "db.toml"]);
    done.exits(0).says("2 hold");
    for guest in ["one", "two"] {
        let kept = folder.read(&format!(".loopbox/results/db/{guest}/seed-0.json"));
        assert!(kept.contains(&format!("loopbox run db.toml --guest {guest} --seed 0")), "{kept}");
    }
    let done = folder.loopbox(&["run", "db.toml", "--guest", "two"]);
    done.exits(0).says("(two, seed 0").says("1 holds");
    folder.guest("two.wasm", SUCCEED);
    let done = folder.loopbox(&["run", "db.toml"]);
    done.exits(100).says("1 holds, 1 fails").says("loopbox run db.toml --guest two --seed 0");
    folder.loopbox(&["run", "db.toml", "--guest", "one"]).exits(0);
}

#[test]
fn a_golden_that_one_guest_has_written_does_not_hold_for_another_one_because_of_that() {
    let folder = two_guests(USE_DB, SUCCEED);
    for _ in 0..2 {
        let done = folder.loopbox(&["run", "db.toml", "--bless"]);
        done.exits(100).says("1 holds, 1 fails");
        assert!(folder.read("db.trace").contains("db.query"), "the first guest has written it");
    }
    // Both have changed in the same way: one blessing is enough for both.
    folder.guest("one.wasm", SUCCEED);
    let done = folder.loopbox(&["run", "db.toml", "--bless"]);
    done.exits(0).says("golden    written: db.trace").says("2 hold");
}

#[test]
fn a_guest_that_no_scenario_has_is_named() {
    let folder = two_guests(USE_DB, USE_DB);
    folder.scenario("ok", SUCCEED, "[expect]\nexit = 0\n");
    let done = folder.loopbox(&["run", ".", "--guest", "three"]);
    done.exits(4).says("no scenario here has several guests of which one is `three`");
}

#[test]
fn goldens_are_neither_compared_nor_blessed_with_another_seed() {
    let folder = Folder::new();
    folder.scenario("db", USE_DB, GOLDEN);
    folder.write("db.trace", "not a golden");
    let done = folder.loopbox(&["run", "db.toml", "--seed", "1"]);
    done.exits(0).says("golden    not compared: it belongs to seed 0");
    let done = folder.loopbox(&["run", "db.toml", "--seed", "1", "--bless"]);
    done.exits(2).says("leave out --seed 1");
    assert_eq!(done.stdout, "");
    assert_eq!(folder.read("db.trace"), "not a golden");
    folder.loopbox(&["run", "db.toml", "--seed", "0", "--bless"]).exits(0);
}

// --- Reports for programs ------------------------------------------------------------------------

/// The fields that `docs/json.md` names in the first column of its tables: of a scenario, of a result.
fn documented_fields() -> Vec<BTreeSet<String>> {
    let document = include_str!("../docs/json.md");
    let tables = document.split("\n| field |").skip(1);
    let first_cells = |table: &str| {
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
        let cells: Vec<_> =
            rows.map(|row| row.split('|').nth(1).unwrap_or_default().to_owned()).collect();
        let names = cells.iter().flat_map(|cell| cell.split('`').skip(1).step_by(2));
        names.map(String::from).collect()
    };
    tables.map(first_cells).collect()
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().expect("an object").keys().cloned().collect()
}

#[test]
fn json_lines_have_the_documented_fields_and_the_summary_comes_last() {
    let folder = Folder::new();
    folder.scenario("s/db", USE_DB, GOLDEN);
    folder.scenario("s/fails", FAIL, EXPECT_0);
    folder.scenario("s/holds", SUCCEED, EXPECT_0);
    folder.write("s/bad.toml", "title = \"bad\"\nguest = 5\n");
    folder.write("s/lost.toml", PASSING.replace("guest.wasm", "none.wasm"));
    folder
        .write("s/unbuilt.toml", PASSING.replace("wasm = \"guest.wasm\"", "package='x', bin='y'"));
    let two = "guests = { one = { wasm = \"holds.wasm\" }, two = { wasm = \"holds.wasm\" } }";
    folder.write("s/two.toml", PASSING.replace("guest = { wasm = \"guest.wasm\" }", two));
    let done = folder.loopbox(&["run", "s", "--seed", "1", "--format", "json"]);
    done.exits(96);
    let mut lines = done.json();
    let summary = lines.pop().expect("a summary");
    let expected = json!({
        "type": "summary", "version": 1, "hold": 4, "fail": 1, "could-not-run": 2, "not-built": 1,
        "interrupted": 0, "unsaved": 0, "exit-code": 96,
    });
    assert_eq!(summary, expected);

    let outcomes: Vec<_> =
        lines.iter().map(|line| (line["scenario"].as_str(), line["outcome"].as_str())).collect();
    let expected = [
        ("s/bad.toml", "bad-scenario"),
        ("s/db.toml", "holds"),
        ("s/fails.toml", "fails"),
        ("s/holds.toml", "holds"),
        ("s/lost.toml", "could-not-run"),
        ("s/two.toml", "holds"),
        ("s/two.toml", "holds"),
        ("s/unbuilt.toml", "not-built"),
    ];
    assert_eq!(outcomes, expected.map(|(scenario, outcome)| (Some(scenario), Some(outcome))));
    let error = &lines[0]["error"];
    assert_eq!((&error["file"], &error["line"]), (&json!("s/bad.toml"), &json!(2)));
    assert_eq!(lines[1]["golden"], json!({"other-seed": 0}));
    assert_eq!((&lines[5]["guest"], &lines[6]["guest"]), (&json!("one"), &json!("two")));

    let documented = documented_fields();
    let used: BTreeSet<_> = lines.iter().flat_map(keys).collect();
    assert_eq!(used, documented[0]);
    for line in lines.iter().filter(|line| line.get("result").is_some()) {
        assert_eq!(keys(&line["result"]), documented[1]);
        let kept = folder.read(line["kept"].as_str().expect("a path"));
        assert_eq!(serde_json::from_str::<Value>(&kept).expect("JSON"), line["result"]);
    }
    let document = include_str!("../docs/json.md");
    for name in keys(&summary) {
        assert!(document.contains(&format!("`{name}`")), "{name} is not documented");
    }
}

#[test]
fn a_list_says_what_there_is_and_runs_nothing() {
    let folder = Folder::new();
    folder.scenario("s/a", FAIL, EXPECT_0);
    folder.scenario("s/long-name", FAIL, &format!("seed = 5\n{EXPECT_0}"));
    let done = folder.loopbox(&["list", "s"]);
    done.exits(0);
    let expected =
        "s/a.toml          a  (s/a.wasm)\ns/long-name.toml  long-name  (s/long-name.wasm)\n";
    assert_eq!(done.stdout, expected);
    assert_eq!(done.stderr, "");

    folder.write("s/bad.toml", "title = \"bad\"\n\nguest = 5\n");
    folder.loopbox(&["list", "s"]).exits(96).says("s/bad.toml        cannot be read:\nerror: ");
    let done = folder.loopbox(&["list", "s", "--format", "json"]);
    let lines = done.exits(96).json();
    let good = json!({
        "scenario": "s/long-name.toml", "name": "s/long-name", "title": "long-name",
        "guest": "s/long-name.wasm", "seed": 5,
    });
    assert_eq!(lines[2], good);
    let place = (&lines[1]["error"]["line"], &lines[1]["error"]["column"]);
    assert_eq!(place, (&json!(3), &json!(9)));
    assert_eq!(keys(&lines[1]), ["error", "scenario"].map(String::from).into());
    assert_eq!(lines.len(), 3);
    assert!(folder.files(".loopbox").is_empty() && folder.files("cache").is_empty());
}

// --- What is selected ----------------------------------------------------------------------------

#[test]
fn folders_are_searched_bases_are_skipped_and_nothing_runs_twice() {
    let folder = Folder::new();
    folder.scenario("s/b/x", SUCCEED, EXPECT_0);
    folder.scenario("s/a", SUCCEED, EXPECT_0);
    folder.scenario("s/_base", FAIL, EXPECT_0);
    folder.write("s/.hidden.toml", "?");
    folder.write("s/notes.txt", "?");
    let scenarios = |arguments: &[&str]| {
        let done = folder.loopbox(&[&["run", "--format", "json"], arguments].concat());
        let lines = done.json();
        let scenarios = lines.iter().filter_map(|line| line["scenario"].as_str().map(String::from));
        (done.code, scenarios.collect::<Vec<_>>().join(" "))
    };
    assert_eq!(scenarios(&["s"]), (Some(0), "s/a.toml s/b/x.toml".into()));
    assert_eq!(scenarios(&["s/b", "s/b/x.toml", "./s/a.toml", "s"]).1, "s/b/x.toml ./s/a.toml");
    assert_eq!(scenarios(&["s/_base.toml"]), (Some(100), "s/_base.toml".into()));
}

#[test]
fn nothing_to_run_and_nothing_there_are_told_apart() {
    let folder = Folder::new();
    folder.write("empty/notes.txt", "?");
    folder.write("notes.txt", "?");
    for command in ["run", "list"] {
        let done = folder.loopbox(&[command, "empty"]);
        done.exits(4).says("there is no scenario (*.toml) in `empty`");
        assert_eq!(done.stdout, "");
        let done = folder.loopbox(&[command, "empty", "none"]);
        done.exits(96).says("`none`: there is no such file or folder");
        folder.loopbox(&[command, "notes.txt"]).exits(96).says("its name does not end in `.toml`");
    }
}

#[test]
fn a_command_line_that_makes_no_sense_is_refused_before_anything_runs() {
    let folder = Folder::new();
    folder.scenario("a", SUCCEED, EXPECT_0);
    for arguments in [
        &["run"][..],
        &["list"],
        &["walk", "a.toml"],
        &["run", "a.toml", "--unknown"],
        &["run", "a.toml", "--jobs", "0"],
        &["run", "a.toml", "--jobs", "513"],
        &["run", "a.toml", "--seed", "x"],
        &["run", "a.toml", "--seed", "-1"],
        &["run", "a.toml", "--seed", "18446744073709551616"],
        &["run", "a.toml", "--format", "xml"],
        &["list", "a.toml", "--bless"],
        &[],
    ] {
        let done = folder.loopbox(arguments);
        done.exits(2);
        assert_eq!(done.stdout, "", "{arguments:?}");
        assert!(done.stderr.contains("Usage:") || done.stderr.contains("--help"), "{arguments:?}");
    }
    assert!(folder.files(".loopbox").is_empty());
}

#[test]
fn help_and_version_are_printed() {
    let folder = Folder::new();
    let done = folder.loopbox(&["--version"]);
    assert_eq!(done.exits(0).stdout, concat!("loopbox ", env!("CARGO_PKG_VERSION"), "\n"));
    folder.loopbox(&["--help"]).exits(0).says("run").says("list").says("Exit codes:\n");
    let done = folder.loopbox(&["run", "--help"]);
    for option in ["--seed", "--bless", "--jobs", "--format", "--results", "LOOPBOX_RESULTS"] {
        done.exits(0).says(option);
    }
    done.says("  130  interrupted");
}

// --- Where it prints to --------------------------------------------------------------------------

#[test]
fn colours_are_used_where_they_are_wanted() {
    let folder = Folder::new();
    folder.scenario("s/a", FAIL, EXPECT_0);
    folder.write("s/bad.toml", "title = 5\n");
    for arguments in [["run", "s"], ["list", "s"]] {
        let stdout = |variables: &[(&str, &str)]| {
            let mut command = folder.command(&arguments);
            command.env_remove("NO_COLOR").envs(variables.iter().copied());
            done(command.output().expect("started")).stdout
        };
        let force = ("CLICOLOR_FORCE", "1");
        let plain = stdout(&[]);
        assert!(!plain.contains('\u{1b}'), "a pipe has no colours: {plain:?}");
        let coloured = stdout(&[force]);
        assert!(coloured.contains('\u{1b}'), "{coloured:?}");
        assert_eq!(stdout(&[force, ("NO_COLOR", "1")]), plain);
    }
}

#[test]
fn a_reader_that_went_away_changes_nothing() {
    let folder = Folder::new();
    folder.scenario("s/a", SUCCEED, EXPECT_0);
    folder.scenario("s/b", FAIL, EXPECT_0);
    for (arguments, code) in [(["run", "s"], 100), (["list", "s"], 0)] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = folder.command(&arguments).stdout(writer).output().expect("started");
        let done = done(output);
        done.exits(code);
        assert_eq!(done.stderr, "", "{arguments:?}");
    }
    assert_eq!(folder.files(".loopbox/results").len(), 4);
}

#[cfg(target_os = "linux")]
#[test]
fn results_that_cannot_be_printed_are_an_error() {
    let folder = Folder::new();
    folder.scenario("a", SUCCEED, EXPECT_0);
    for command in ["run", "list"] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has one");
        let output = folder.command(&[command, "a.toml"]).stdout(full).output();
        let done = done(output.expect("started"));
        done.exits(96).says("loopbox: error: cannot write to standard output: ");
    }
}
