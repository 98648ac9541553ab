//! Scenario files that are wrong: each is named with its place, ends with the right exit code, and leaves the
//! other scenarios of the session alone. What every mistake is called is tested beside the reader of scenarios
//! (`host/loopbox/src/scenario/tests`); here is what the command makes of them.

mod support;

use serde_json::{Value, json};
use support::guests::{SUCCEED, USE_DB};
use support::{Done, EXPECT_0, Folder};

/// A session of a bad scenario between two good ones, which must both hold.
struct Session {
    human: Done,
    /// The line of JSON about the bad scenario.
    bad: Value,
}

impl Session {
    /// `make` makes `s/bad.toml` and whatever goes with it.
    fn of(make: impl FnOnce(&Folder)) -> Session {
        let folder = Folder::new();
        folder.scenario("s/a", SUCCEED, EXPECT_0);
        folder.scenario("s/z", SUCCEED, EXPECT_0);
        make(&folder);
        let human = folder.loopbox(&["run", "s"]);
        human.says("ok     s/a.toml").says("ok     s/z.toml").says("\n\n2 hold, 1 ");
        let json = folder.loopbox(&["run", "s", "--format", "json"]);
        assert_eq!(json.code, human.code, "\n{}\n{}", human.stdout, human.stderr);
        assert_eq!(json.json().len(), 4, "\n{}", json.stdout);
        assert_eq!(human.stderr, "", "all of it is a result");
        let bad = json.json().swap_remove(1);
        Session { human, bad }
    }

    /// `s/bad.toml` with this text.
    fn of_text(text: &str) -> Session {
        Session::of(|folder| {
            folder.write("s/bad.toml", text);
        })
    }

    /// The scenario is refused at this place of this file, and the report for people says all of this.
    #[track_caller]
    fn refused_at(&self, file: &str, line: usize, column: usize, says: &[&str]) {
        let place = json!([file, line, column]);
        let error = &self.bad["error"];
        assert_eq!(json!([error["file"], error["line"], error["column"]]), place, "{error}");
        self.refused(&format!("--> {file}:{line}:{column}\n"), says);
    }

    #[track_caller]
    fn refused(&self, place: &str, says: &[&str]) {
        self.human.exits(96).says("error  s/bad.toml\n       error: ").says(place);
        self.human.says("\n\n2 hold, 1 could not run\n");
        for text in says {
            self.human.says(text);
        }
        assert_eq!(self.bad["outcome"], "bad-scenario");
        let message = self.bad["error"]["message"].as_str().expect("a message");
        self.human.says(message);
    }
}

/// A scenario that is right but for what is added to it, from line 5 on.
const RIGHT: &str = "title = \"t\"\nguest = { wasm = \"a.wasm\" }\nexpect.exit = 0\n\n";

fn with(rest: &str) -> Session {
    Session::of_text(&format!("{RIGHT}{rest}\n"))
}

// --- Files that are no scenarios -----------------------------------------------------------------

#[test]
fn an_empty_file() {
    Session::of_text("").refused_at(
        "s/bad.toml",
        1,
        1,
        &["the file is empty", "help: a scenario has"],
    );
    Session::of_text("\n \n").refused_at("s/bad.toml", 1, 1, &["the file is empty"]);
}

#[test]
fn a_file_that_is_not_utf8() {
    let session = Session::of(|folder| {
        folder.write("s/bad.toml", b"title = \"t\"\n# gr\xfc\xdfe\n");
    });
    session.refused_at(
        "s/bad.toml",
        2,
        5,
        &["byte 16 is 0xfc", "2 | # gr", "help: save it as UTF-8"],
    );
}

#[test]
fn a_file_that_is_not_toml() {
    let session = with("[machine\nworkers = 4");
    session.refused_at("s/bad.toml", 5, 9, &["5 | [machine\n", "]"]);
    let session = Session::of(|folder| {
        folder.write("s/bad.toml", support::guests::component("", SUCCEED));
    });
    session.refused("--> s/bad.toml:", &["the file is not UTF-8"]);
}

#[test]
fn a_folder_with_the_name_of_a_scenario_is_a_folder() {
    let session = Session::of(|folder| {
        folder.write("s/bad.toml/bad.toml", "");
    });
    session.human.exits(96).says("error  s/bad.toml/bad.toml\n");
    let folder = Folder::new();
    folder.write("x.toml/notes.txt", "");
    folder.loopbox(&["run", "x.toml"]).exits(4);
}

#[cfg(unix)]
#[test]
fn a_link_to_nothing() {
    let session = Session::of(|folder| {
        std::os::unix::fs::symlink("nowhere", folder.path().join("s/bad.toml")).expect("linked");
    });
    session.refused("--> s/bad.toml\n", &["this is a link to nothing"]);
}

#[cfg(unix)]
#[test]
fn a_link_in_a_circle() {
    let session = Session::of(|folder| {
        std::os::unix::fs::symlink("../s", folder.path().join("s/bad.toml")).expect("linked");
    });
    session.refused("--> s/bad.toml\n", &["this is a link in a circle: it leads back to `s`"]);
}

// --- What they say -------------------------------------------------------------------------------

#[test]
fn an_unknown_key() {
    let session = with("[machine]\nworkres = 4");
    let says = ["unknown key `workres`", "6 | workres = 4\n", "^^^^^^^", "did you mean `workers`?"];
    session.refused_at("s/bad.toml", 6, 1, &says);
}

#[test]
fn a_chain_of_extends_in_a_circle() {
    let session = Session::of(|folder| {
        folder.write("s/bad.toml", "extends = \"_base.toml\"\n");
        folder.write("s/_base.toml", "title = \"t\"\nextends = \"bad.toml\"\n");
    });
    let says =
        ["in a circle: s/bad.toml -> s/_base.toml -> s/bad.toml", "2 | extends = \"bad.toml\"\n"];
    session.refused_at("s/_base.toml", 2, 11, &says);
}

#[test]
fn durations_that_are_none() {
    let limit = |text: &str| with(&format!("[machine]\ntime-limit = {text}"));
    limit("\"-1s\"").refused_at("s/bad.toml", 6, 14, &["6 | time-limit = \"-1s\"\n", "negative"]);
    limit("\"5\"").refused_at(
        "s/bad.toml",
        6,
        14,
        &["`5` has no unit: write `5ms`, or one of h, m, s"],
    );
    limit("5").refused_at("s/bad.toml", 6, 14, &["expected a duration such as \"250ms\""]);
}

#[test]
fn an_unknown_signal() {
    let session = with("[[signal]]\nname = \"SIGFOO\"\nat = \"1s\"");
    session.refused_at("s/bad.toml", 6, 8, &["6 | name = \"SIGFOO\"\n", "SIGFOO", "SIGTERM"]);
}

#[test]
fn a_file_for_the_machine_that_is_missing() {
    let session = with("[[file]]\npath = \"/etc/app.conf\"\nsource = \"none.conf\"");
    let says = ["cannot read `s/none.conf`: there is no such file", "7 | source = \"none.conf\"\n"];
    session.refused_at("s/bad.toml", 7, 10, &says);
}

#[test]
fn nothing_is_expected() {
    let text = "title = \"t\"\nguest = { wasm = \"a.wasm\" }\n\n[expect]\n";
    let says = [
        "expects nothing: such a scenario cannot fail",
        "4 | [expect]\n",
        "help: say in `[expect]`",
    ];
    Session::of_text(text).refused_at("s/bad.toml", 4, 1, &says);
    let without = text.replace("[expect]\n", "");
    Session::of_text(&without).refused_at("s/bad.toml", 1, 1, &says[..1]);
}

#[test]
fn a_must_fail_of_what_is_not_expected() {
    let session = with("expect.must-fail = [\"lag\"]");
    let says =
        ["`lag` is not expected here", "5 | expect.must-fail", "the expectations here are exit"];
    session.refused_at("s/bad.toml", 5, 21, &says);
}

/// A right scenario, but for its guest, which is in Python.
fn in_python(path: &str, make: impl FnOnce(&Folder)) -> Session {
    let text = RIGHT.replace("wasm = \"a.wasm\"", &format!("python = \"{path}\""));
    Session::of(|folder| {
        folder.write("s/bad.toml", text);
        make(folder);
    })
}

#[test]
fn a_guest_in_python_that_is_missing() {
    let session = in_python("app.py", |_| {});
    let says =
        ["there is no `s/app.py`", "2 | guest = { python = \"app.py\" }\n", "help: name a Python"];
    session.refused_at("s/bad.toml", 2, 20, &says);
}

#[test]
fn a_guest_in_python_whose_folder_has_nothing_to_start() {
    let empty = in_python("app", |folder| {
        std::fs::create_dir(folder.path().join("s/app")).expect("a folder");
    });
    let why = "there is neither `__main__.py` nor `main.py` in the folder `s/app`";
    empty.refused_at("s/bad.toml", 2, 20, &[why]);
    let other = in_python("app", |folder| drop(folder.write("s/app/service.py", "")));
    other.refused_at("s/bad.toml", 2, 20, &[why]);
}

#[test]
fn a_guest_in_python_that_is_another_kind_of_file() {
    let session = in_python("app.txt", |folder| drop(folder.write("s/app.txt", "")));
    session.refused_at("s/bad.toml", 2, 20, &["`s/app.txt` is not a Python file (*.py)"]);
}

#[test]
fn a_guest_that_is_in_python_and_something_else() {
    let text = RIGHT.replace("wasm =", "python = \"app.py\", wasm =");
    let why = ["a guest in Python has no other keys than `python` and `main`"];
    Session::of_text(&text).refused_at("s/bad.toml", 2, 20, &why);
}

// --- Goldens -------------------------------------------------------------------------------------

/// A scenario that holds but for its golden.
fn with_golden(golden: Option<&str>) -> Session {
    Session::of(|folder| {
        let rest = "blocking = [{ call = \"*\", takes = \"1ms\" }]\nexpect.trace = \"bad.trace\"\n";
        folder.scenario("s/bad", USE_DB, rest);
        if let Some(golden) = golden {
            folder.write("s/bad.trace", golden);
        }
    })
}

/// The scenario ran and fails in its golden alone, and blessing is offered.
#[track_caller]
fn fails(session: &Session, why: &str) {
    assert_eq!(session.bad["outcome"], "fails");
    session.human.exits(100).says("FAIL   s/bad.toml").says("\n\n2 hold, 1 fails\n").says(why);
    session.human.says("if right  loopbox run s/bad.toml --bless  (writes the golden)");
}

#[test]
fn a_golden_that_is_missing() {
    let session = with_golden(None);
    fails(
        &session,
        "there is no golden bad.trace yet; read the trace below, then bless it with --bless",
    );
    session.human.says("|        0ms  blocking db.open begins\n");
}

#[test]
fn a_golden_that_is_damaged() {
    fails(&with_golden(Some("")), "actual    bad.trace, line 1: not a golden");
    let merged =
        "# loopbox golden, version 1\n# tolerance 1ms; kinds: exit\n\nlane main\n<<<<<<< HEAD\n";
    fails(
        &with_golden(Some(merged)),
        "bad.trace, line 5: neither a lane nor an event: `<<<<<<< HEAD`",
    );
}

#[test]
fn a_golden_of_a_newer_version() {
    let newer = "# loopbox golden, version 9\n";
    let why = "bad.trace, line 1: a golden of version 9, but this loopbox reads up to version 2";
    fails(&with_golden(Some(newer)), why);
}

#[test]
fn a_golden_that_is_not_a_file() {
    let session = Session::of(|folder| {
        folder.write("s/bad.toml", format!("{RIGHT}expect.trace = \"bad.trace\"\n"));
        folder.write("s/bad.trace/x", "");
    });
    session.refused_at("s/bad.toml", 5, 16, &["cannot read `bad.trace`: it is not a file"]);
}

// --- All of them ---------------------------------------------------------------------------------

#[test]
fn many_bad_scenarios_are_all_reported_in_one_session() {
    let folder = Folder::new();
    folder.write("s/0.toml", "");
    folder.scenario("s/1", SUCCEED, EXPECT_0);
    folder.write("s/2.toml", "?");
    folder.write("s/3.toml", "title = \"t\"\n");
    folder.scenario("s/4", SUCCEED, EXPECT_0);
    let done = folder.loopbox(&["run", "s"]);
    done.exits(96);
    assert_eq!(done.stdout.matches("\n --> ").count() + done.stdout.matches("  --> ").count(), 3);
    assert!(done.stdout.ends_with("\n\n2 hold, 3 could not run\n"), "{}", done.stdout);
}
