//! Sessions that end early: by Ctrl-C, by SIGTERM, by a kill. What finished is reported and kept whole.
//!
//! Each test waits for what the command writes, never for time to pass.

#![cfg(unix)]

mod support;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use loopbox_trace::store;
use serde_json::Value;
use support::guests::{SPIN, SUCCEED, USE_DB};
use support::{Done, EXPECT_0, Folder};

/// Limits that would let a guest spin for years.
const FOR_EVER: &str =
    "[machine]\nfuel-limit = 9_000_000_000_000_000_000\ntime-limit = \"100000h\"\n";

/// So many blocking calls: it takes longer to write their trace than to make it.
fn fill_trace(calls: u32) -> String {
    format!(
        "(local $i i32)
         (loop $again
           (call $db.query)
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $again (i32.lt_u (local.get $i) (i32.const {calls}))))
         (i32.const 0)"
    )
}

/// A session under way; killed, if need be, when the test ends.
struct Session {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
}

impl Session {
    fn start(folder: &Folder, arguments: &[&str]) -> Session {
        let mut command = folder.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        Session { child, stdout, stderr }
    }

    fn signal(&self, name: &str) {
        // Not every system has the program `kill`, but every shell has the command.
        let command = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &command]).status().expect("a shell");
        assert!(status.success(), "{command}");
    }

    /// Reads standard output up to the line of this scenario.
    fn read_to(&mut self, scenario: &str) -> String {
        let mut read = String::new();
        while self.stdout.read_line(&mut read).expect("UTF-8") > 0 {
            if read.lines().last().is_some_and(|line| line.contains(scenario)) {
                return read;
            }
        }
        panic!("{scenario} was not reported:\n{read}");
    }

    /// How it ends. `stdout` is what was read of it.
    fn end(mut self, mut stdout: String) -> Done {
        let mut stderr = String::new();
        self.stdout.read_to_string(&mut stdout).expect("UTF-8");
        self.stderr.read_to_string(&mut stderr).expect("UTF-8");
        let code = self.child.wait().expect("it ends").code();
        Done { code, stdout, stderr }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every result in the folder is whole; returns how many runs there are.
fn check_results(folder: &Folder) -> usize {
    let files = folder.files(".loopbox/results");
    let with_end = |end: &'static str| files.iter().filter(move |(name, _)| name.ends_with(end));
    for (name, bytes) in with_end(".trace.jsonl") {
        store::read(&bytes[..]).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for (name, bytes) in with_end(".json") {
        let record: Value = serde_json::from_slice(bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        let trace = name.replace(".json", ".trace.jsonl");
        assert!(files.contains_key(&trace), "{name} has no trace");
        assert!(trace.ends_with(record["trace"].as_str().expect("a name")));
    }
    with_end(".json").count()
}

/// Nothing but results and compiled guests with their seals is left.
fn check_nothing_temporary(folder: &Folder) {
    let names = |name| folder.files(name).into_keys();
    for name in names(".loopbox").chain(names("cache")) {
        assert!(
            [".json", ".jsonl", ".cwasm", ".seal"].iter().any(|end| name.ends_with(end)),
            "{name}"
        );
    }
}

/// Two scenarios that hold, one that spins for ever, and one more.
fn folder_with_a_spinning_guest() -> Folder {
    let folder = Folder::new();
    folder.scenario("s/a", SUCCEED, EXPECT_0);
    folder.scenario("s/b", "(call $hello) (i32.const 0)", EXPECT_0);
    folder.scenario("s/spin", SPIN, &format!("{FOR_EVER}{EXPECT_0}"));
    folder.scenario("s/z", SUCCEED, EXPECT_0);
    folder
}

/// Each has a longer trace than the one before: at any moment some of them run, and the results of others
/// are being written.
const LONG_TRACES: [&str; 6] = ["s/a", "s/b", "s/c", "s/d", "s/e", "s/f"];

fn folder_with_long_traces() -> Folder {
    let folder = Folder::new();
    let rest = format!("blocking = [{{ call = \"*\", takes = \"1ns\" }}]\n{EXPECT_0}");
    for (name, calls) in LONG_TRACES.into_iter().zip((1..).map(|n| 10_000 * n)) {
        folder.scenario(name, &fill_trace(calls), &rest);
    }
    folder
}

#[test]
fn what_finished_is_reported_when_a_signal_ends_the_session() {
    for (signal, jobs) in [("INT", "1"), ("INT", "2"), ("TERM", "2")] {
        let folder = folder_with_a_spinning_guest();
        let mut session = Session::start(&folder, &["run", "s", "--jobs", jobs]);
        let read = session.read_to("s/b.toml");
        session.signal(signal);
        let done = session.end(read);
        done.exits(130)
            .says("ok     s/a.toml")
            .says("ok     s/b.toml")
            .says("\n-      s/spin.toml  spin  (interrupted)\n");
        assert!(done.stdout.ends_with(" interrupted\n"), "a summary: {}", done.stdout);
        let note =
            "loopbox: stopping; what has finished is reported (Ctrl-C again leaves at once)\n";
        assert_eq!(done.stderr, note);
        // The last one may have run beside the one that spins.
        let holding = done.stdout.matches("ok     ").count();
        assert_eq!(check_results(&folder), holding, "{}", done.stdout);
        check_nothing_temporary(&folder);
    }
}

#[test]
fn programs_are_told_of_the_interruption_too() {
    let folder = folder_with_a_spinning_guest();
    let arguments = ["run", "s", "--jobs", "1", "--format", "json"];
    let mut session = Session::start(&folder, &arguments);
    let read = session.read_to("\"s/b.toml\"");
    session.signal("INT");
    let done = session.end(read);
    let lines = done.exits(130).json();
    assert_eq!(lines.len(), 5, "every scenario and the summary");
    assert_eq!(done.json_of("s/spin.toml")["outcome"], "interrupted");
    assert_eq!(lines[4]["exit-code"], 130);
    assert!(lines[4]["interrupted"].as_u64() >= Some(1));
}

#[test]
fn a_sweep_that_is_interrupted_keeps_what_finished() {
    let folder = Folder::new();
    folder.scenario("s/a", SUCCEED, EXPECT_0);
    folder.scenario("s/spin", SPIN, &format!("{FOR_EVER}{EXPECT_0}"));
    let arguments = ["run", "s", "--seeds", "0..300", "--jobs", "2"];
    let mut session = Session::start(&folder, &arguments);
    let read = session.read_to("s/a.toml");
    session.signal("INT");
    let done = session.end(read);
    done.exits(130)
        .says("ok     s/a.toml     a  (all of 300 seeds hold)\n")
        .says("-      s/spin.toml  spin  (300 interrupted)\n")
        .says("\n\n600 runs: 300 hold, 300 interrupted\n");
    assert_eq!(check_results(&folder), 300);
    check_nothing_temporary(&folder);
}

/// Each line is a run that is kept, and no line is of one that is not.
#[test]
fn programs_are_told_of_every_run_of_a_sweep_that_finished() {
    let folder = folder_with_long_traces();
    let arguments = ["run", "s/c.toml", "--seeds", "0..100000", "--jobs", "2", "--format", "json"];
    let mut session = Session::start(&folder, &arguments);
    let read = session.read_to("\"seed\":2,");
    session.signal("INT");
    let lines = session.end(read).exits(130).json();
    let [runs @ .., sweep, summary] = &lines[..] else { panic!("a sweep and a summary") };
    let seeds: Vec<_> = runs.iter().map(|run| run["seed"].as_u64().expect("a number")).collect();
    assert!(seeds.is_sorted() && seeds.len() >= 3, "in order: {seeds:?}");
    assert_eq!(check_results(&folder), runs.len());
    assert_eq!((&sweep["hold"], &summary["hold"]), (&runs.len().into(), &runs.len().into()));
    assert_eq!(sweep["interrupted"], 100_000 - runs.len());
    assert_eq!(summary["interrupted"], sweep["interrupted"]);
    check_nothing_temporary(&folder);
}

/// When the signal comes, one result has been reported, and others are most likely being written.
#[test]
fn a_result_that_is_being_written_is_written_to_its_end() {
    let folder = folder_with_long_traces();
    folder.scenario("s/spin", SPIN, &format!("{FOR_EVER}{EXPECT_0}"));
    for last in LONG_TRACES {
        let mut session = Session::start(&folder, &["run", "s", "--jobs", "7"]);
        let read = session.read_to(last);
        session.signal("INT");
        let done = session.end(read);
        done.exits(130).says("\n-      s/spin.toml  spin  (interrupted)\n");
        assert_eq!(check_results(&folder), done.stdout.matches("ok     ").count());
        check_nothing_temporary(&folder);
        std::fs::remove_dir_all(folder.path().join(".loopbox")).expect("removed");
    }
}

#[test]
fn a_kill_leaves_no_torn_result() {
    let folder = folder_with_long_traces();
    for last in LONG_TRACES {
        let mut session = Session::start(&folder, &["run", "s", "--jobs", "6"]);
        let read = session.read_to(last);
        session.signal("KILL");
        // After the last one it may have ended by itself.
        assert!([None, Some(0)].contains(&session.end(read).code));
        assert!(check_results(&folder) >= 1);
        std::fs::remove_dir_all(folder.path().join(".loopbox")).expect("removed");
    }
    folder.loopbox(&["run", "s"]).exits(0).says("6 hold");
    assert_eq!(check_results(&folder), LONG_TRACES.len());
}

/// Nobody reads what is printed, so the first Ctrl-C cannot end the session in good order.
#[test]
fn a_second_signal_leaves_at_once() {
    let folder = Folder::new();
    let many = "(call $db.query)".repeat(2000) + "(i32.const 0)";
    let drawn = "blocking = [{ call = \"*\", takes = { between = [\"1ns\", \"9s\"] } }]\n";
    folder.scenario("a", &many, &format!("machine.time-limit = \"9h\"\n{drawn}{EXPECT_0}"));
    let mut session = Session::start(&folder, &["run", "a.toml", "--format", "json"]);
    // It has begun to write a line that no pipe can hold.
    session.stdout.fill_buf().expect("readable");
    session.signal("INT");
    let mut note = String::new();
    session.stderr.read_line(&mut note).expect("UTF-8");
    assert!(note.starts_with("loopbox: stopping"), "{note}");
    session.signal("INT");
    let status = session.child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130));
    let mut line = String::new();
    session.stdout.read_to_string(&mut line).expect("UTF-8");
    assert!(!line.contains('\n'), "the line was not written to its end");
    assert_eq!(check_results(&folder), 1);
}

/// The build script says that it runs by opening a pipe, and then never ends by itself.
#[test]
fn a_build_is_given_up() {
    let folder = Folder::new();
    let manifest = "[package]\nname = \"programs\"\nedition = \"2024\"\n[workspace]\n";
    folder.write("Cargo.toml", manifest);
    folder.write("src/main.rs", "fn main() {}\n");
    let script = "fn main() {
        let mut pipe = std::fs::File::create(\"building\").unwrap();
        while std::io::Write::write_all(&mut pipe, b\"x\").is_ok() {}
    }";
    folder.write("build.rs", script);
    let guest = "title = \"t\"\nguest = { package = \"programs\", bin = \"programs\" }\n";
    folder.write("s/a.toml", format!("{guest}{EXPECT_0}"));
    folder.scenario("s/b", USE_DB, EXPECT_0);
    let pipe = folder.path().join("building");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let session = Session::start(&folder, &["run", "s"]);
    let building = File::open(&pipe).expect("the build script opens the other end");
    session.signal("INT");
    let done = session.end(String::new());
    drop(building);
    done.exits(130).says("\n-      s/b.toml  b  (interrupted)\n");
    assert!(done.stdout.ends_with("\n\n2 interrupted\n"), "{}", done.stdout);
    assert!(folder.files(".loopbox").is_empty());
}
