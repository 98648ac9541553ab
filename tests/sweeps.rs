//! Sweeps: one scenario with many seeds, through the command line.

mod support;

use serde_json::{Value, json};
use support::guests::{SUCCEED, TRAP, USE_DB};
use support::{EXPECT_0, Folder};

/// Three calls, each of a drawn length: with some seeds the run is too long, with others it is not.
const SOME_FAIL: &str = r#"
    seed = 4
    [[blocking]]
    call = "db.*"
    takes = { between = ["0s", "20ms"] }
    [expect]
    finish = "30ms"
    trace = "db.trace"
"#;

/// What each seed alone comes to, by the command for one seed.
fn one_by_one(folder: &Folder, scenario: &str, seeds: impl Iterator<Item = u64>) -> Vec<Value> {
    let run = |seed: u64| {
        let seed = seed.to_string();
        folder.loopbox(&["run", scenario, "--seed", &seed, "--format", "json"]).json_of(scenario)
    };
    seeds.map(run).collect()
}

#[test]
fn a_sweep_is_what_its_seeds_are_one_by_one_whatever_the_jobs() {
    let folder = Folder::new();
    folder.scenario("db", USE_DB, SOME_FAIL);
    let single = one_by_one(&folder, "db.toml", 3..23);
    let alone = folder.files(".loopbox");
    for jobs in ["1", "2", "7"] {
        std::fs::remove_dir_all(folder.path().join(".loopbox")).expect("removed");
        let run = ["run", "db.toml", "--seeds", "3..23", "--jobs", jobs, "--format", "json"];
        let lines = folder.loopbox(&run).exits(100).json();
        assert_eq!(lines[..20], single[..], "{jobs} jobs");
        let kinds: Vec<_> = lines[20..].iter().map(|line| &line["type"]).collect();
        assert_eq!(kinds, ["sweep", "summary"]);
        assert_eq!(folder.files(".loopbox"), alone, "the same is kept");
    }
}

#[test]
fn a_sweep_counts_and_names_the_worst() {
    let folder = Folder::new();
    folder.scenario("db", USE_DB, SOME_FAIL);
    let lines = folder.loopbox(&["run", "db.toml", "--seeds", "0..=39", "--format", "json"]).json();
    let [runs @ .., sweep, summary] = &lines[..] else { panic!("a sweep and a summary") };
    assert_eq!(runs.len(), 40);
    let failing: Vec<&Value> =
        runs.iter().filter(|run| run["outcome"] == "fails").map(|run| &run["seed"]).collect();
    assert!((2..38).contains(&failing.len()), "some fail and some do not: {}", failing.len());
    assert_eq!(sweep["failing-seeds"], json!(failing));
    assert_eq!((&sweep["first-seed"], &sweep["last-seed"]), (&json!(0), &json!(39)));
    assert_eq!(sweep["fail"], failing.len());
    assert_eq!(sweep["hold"], 40 - failing.len());
    assert_eq!((&summary["fail"], &summary["hold"]), (&sweep["fail"], &sweep["hold"]));
    let finished = |run: &&Value| run["result"]["summary"]["finished"].as_u64();
    // The first of those that are the longest.
    let longest = runs.iter().rev().max_by_key(finished).expect("there are runs");
    let expected = json!({ "nanos": finished(&longest), "seed": longest["seed"] });
    assert_eq!(sweep["worst"]["longest-run"], expected);
    assert_eq!(sweep["worst"]["worst-stall"], Value::Null, "the guest has no loop");
    // The golden is missing, which only the scenario's own seed is told.
    let checks = sweep["failed-checks"].as_array().expect("a list");
    let golden = checks.iter().find(|check| check["first"]["key"] == "trace").expect("it failed");
    assert_eq!((&golden["count"], &golden["first-seed"]), (&json!(1), &json!(4)));
}

#[test]
fn people_get_a_line_a_scenario_and_commands_for_the_first_failing_seeds() {
    let folder = Folder::new();
    folder.scenario("s/db", USE_DB, SOME_FAIL);
    folder.scenario("s/good", SUCCEED, EXPECT_0);
    let lines = folder.loopbox(&["run", "s", "--seeds", "0..40", "--format", "json"]).json();
    let sweep = lines.iter().find(|line| line["type"] == "sweep").expect("a sweep");
    let failing = sweep["failing-seeds"].as_array().expect("a list");
    let done = folder.loopbox(&["run", "s", "--seeds", "0..40"]);
    let (fail, hold) = (failing.len(), 80 - failing.len());
    done.exits(100)
        .says(&format!(
            "FAIL   s/db.toml    db  ({fail} of 40 seeds fail; first seed {})\n",
            failing[0]
        ))
        .says("\n       golden    compared with seed 4 only\n")
        .says(&format!("\n       failing   {}, {}, ", failing[0], failing[1]))
        .says("ok     s/good.toml  good  (all of 40 seeds hold)\n")
        .says(&format!("\n\n80 runs: {hold} hold, {fail} fail\n"));
    let commands: Vec<_> =
        done.stdout.lines().filter(|line| line.contains("loopbox run")).collect();
    let command = |seed: &Value| format!("loopbox run s/db.toml --seed {seed}");
    assert_eq!(commands.len(), 3, "{}", done.stdout);
    for (line, seed) in commands.iter().zip(failing) {
        assert!(line.ends_with(&command(seed)), "{line}");
    }
    assert_eq!(done.stderr, "");
}

#[test]
fn what_keeps_a_scenario_from_running_is_said_once() {
    let folder = Folder::new();
    folder.scenario("s/a", SUCCEED, EXPECT_0);
    folder.write("s/b.toml", "title = 1");
    folder
        .write("s/c.toml", format!("title = \"c\"\nguest = {{ wasm = \"no.wasm\" }}\n{EXPECT_0}"));
    folder.write(
        "s/d.toml",
        format!("title = \"d\"\nguest = {{ package = \"no\", bin = \"no\" }}\n{EXPECT_0}"),
    );
    let run = |format| folder.loopbox(&["run", "s", "--seeds", "0..9", "--format", format]);
    let lines = run("json").exits(96).json();
    let told = |scenario: &str| {
        let of = |line: &&Value| line["scenario"] == scenario && line["type"] == "scenario";
        lines.iter().filter(of).map(|line| &line["outcome"]).collect::<Vec<_>>()
    };
    assert_eq!(told("s/a.toml"), vec!["holds"; 9]);
    assert_eq!(told("s/b.toml"), ["bad-scenario"]);
    assert_eq!(told("s/c.toml"), ["could-not-run"]);
    assert_eq!(told("s/d.toml"), ["not-built"]);
    let summary = lines.last().expect("a summary");
    let counts = ["hold", "could-not-run", "not-built"].map(|key| summary[key].clone());
    assert_eq!(counts, [9, 2, 1]);
    run("human")
        .exits(96)
        .says("ok     s/a.toml  a  (all of 9 seeds hold)\n")
        .says("could not run: cannot read `s/no.wasm`")
        .says("\n\n12 runs: 9 hold, 2 could not run, 1 did not build\n");
}

#[test]
fn one_bad_run_does_not_hide_among_many() {
    let folder = Folder::new();
    folder.scenario("a", TRAP, EXPECT_0);
    folder
        .loopbox(&["run", "a.toml", "--seeds", "7..8"])
        .exits(100)
        .says("(the only seed fails: 7)");
    // A file where the folder of the results is to be.
    folder.write("results", "");
    folder.scenario("b", SUCCEED, EXPECT_0);
    folder
        .loopbox(&["run", "b.toml", "--seeds", "0..3", "--results", "results"])
        .exits(96)
        .says("error  b.toml  b  (all of 3 seeds hold)\n")
        .says("not kept: 3, first seed 0: cannot write the result `")
        .says("3 runs: 3 hold, 3 results not written");
}

#[test]
fn seeds_that_make_no_sense_are_refused() {
    let folder = Folder::new();
    folder.scenario("s/a", SUCCEED, EXPECT_0);
    folder.scenario("s/b", SUCCEED, EXPECT_0);
    for (arguments, why) in [
        (
            &["--seeds", "5"][..],
            "write the first seed, `..` and the seed behind the last one: 0..200",
        ),
        (&["--seeds", "5..5"], "no seed is in it"),
        (
            &["--seeds", "0..=100000"],
            "100001 seeds are too many: a session has at most 100000 runs",
        ),
        (&["--seeds", "0..2", "--seed", "1"], "cannot be used with"),
        (&["--seeds", "0..2", "--bless"], "cannot be used with"),
        (
            &["--seeds", "0..50001"],
            "2 scenarios with 50001 seeds each are 100002 runs, and a session has at most 100000: give \
             fewer seeds or fewer scenarios",
        ),
    ] {
        folder.loopbox(&[&["run", "s"], arguments].concat()).exits(2).says(why);
    }
    assert!(!folder.path().join(".loopbox").exists());
}
