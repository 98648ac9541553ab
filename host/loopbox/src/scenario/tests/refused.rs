//! What is refused, and the exact words that say so.
//!
//! The files in `refused/` hold cases of one scenario each: a name, what the scenario says, and the report.
//! All that a case does not say itself is right, so the report can only be about what it says.

use std::fs;

use super::{HEAD, folder};
use crate::scenario::{Scenario, ScenarioError};

fn error(files: &[(&str, &str)]) -> (String, ScenarioError) {
    let folder = folder(files);
    let error = Scenario::load(&folder.path().join(files[0].0)).expect_err("it is refused");
    (format!("{}/", folder.path().display()), error)
}

/// What loading the first of these files reports, with paths relative to their folder.
fn report(files: &[(&str, &str)]) -> String {
    let (folder, error) = error(files);
    let report = error.to_string();
    // The renderer counts lines and columns for itself.
    if let (Some(line), Some(column)) = (error.line(), error.column()) {
        let place = format!("--> {}:{line}:{column}\n", error.file().display());
        assert!(report.contains(&place), "{place} in\n{report}");
    }
    report.replace(&folder, "")
}

/// Checks each case of a file; `given` goes before what it says.
fn check(cases: &str, given: &str) {
    assert!(cases.contains("=== "), "no case");
    for case in cases.split("=== ").skip(1) {
        let (name, case) = case.split_once('\n').expect("a name");
        let (text, expected) = case.split_once("---\n").expect("a report");
        let report = report(&[("x.toml", &format!("{given}{text}"))]);
        assert_eq!(report, expected.trim_end(), "{name}");
    }
}

#[test]
fn files_that_are_no_scenarios() {
    check(include_str!("refused/file.txt"), "");
}

#[test]
fn worlds_that_cannot_be() {
    check(include_str!("refused/world.txt"), &format!("{HEAD}expect.exit = 0\n"));
}

#[test]
fn expectations_that_have_no_meaning() {
    check(include_str!("refused/expect.txt"), &format!("{HEAD}[expect]\n"));
}

#[test]
fn leaving_out_what_is_not_there_is_an_error() {
    let base =
        ("_b.toml", "title = \"b\"\nsignal = []\nenv = { A = \"1\" }\n[expect]\nlag = \"1s\"\n");
    let message = |text: &str| {
        let text = format!("extends = \"_b.toml\"\n{text}");
        error(&[("x.toml", &text), base]).1.message().to_owned()
    };
    for key in
        ["expect.trace", "trace", "expect.lag.max", "env.B", "signal.0", "expect", "", "machine.x"]
    {
        let expected = match key {
            // All of it may be left out; then something must be said instead.
            "expect" => "missing key `guest`".to_owned(),
            _ => format!("nothing that this file extends has `{key}`"),
        };
        assert_eq!(message(&format!("without = [\"{key}\"]\n")), expected);
    }
    let own = "without = [\"expect.lag\"]\nexpect.lag = \"2s\"\n";
    assert_eq!(message(own), "`expect.lag` is said in this file, which wins anyway");
    assert_eq!(message("without = 1\n"), "invalid type: integer `1`, expected a list");
    let alone = ("x.toml", "without = [\"signal\"]\n");
    assert_eq!(
        report(&[alone]),
        "\
error: nothing that this file extends has `signal`
 --> x.toml:1:12
  |
1 | without = [\"signal\"]
  |            ^^^^^^^^
  |
  = help: name a key as it stands there: without = [\"signal\", \"expect.trace\"]"
    );
}

#[test]
fn a_mistake_in_a_base_is_shown_there() {
    let files = [
        ("x.toml", "extends = \"b/_a.toml\"\n# a comment that is longer than the other file\n"),
        ("b/_a.toml", "extends = \"_b.toml\"\n"),
        ("b/_b.toml", "\n[machine]\nworkers = 0\n"),
    ];
    assert_eq!(
        report(&files),
        "\
error: invalid value: integer `0`, expected a whole number from 1 to 1024
 --> b/_b.toml:3:11
  |
3 | workers = 0
  |           ^"
    );
    assert!(error(&files).1.file().ends_with("b/_b.toml"));
    // The last byte of one file and the first of the next are told apart.
    let last =
        [("x.toml", "extends = \"_a.toml\"\nmachine.workers = 0"), ("_a.toml", "title = \"t\"")];
    assert!(report(&last).contains("--> x.toml:2:19\n"), "{}", report(&last));
    let broken = [files[0], ("b/_a.toml", "\n?")];
    assert!(report(&broken).contains("--> b/_a.toml:2:2\n"), "{}", report(&broken));
}

#[test]
fn a_base_that_is_missing() {
    assert_eq!(
        report(&[("x.toml", "title = \"t\"\nextends = \"_a.toml\"\n")]),
        "\
error: cannot read the base `_a.toml`: there is no such file
 --> x.toml:2:11
  |
2 | extends = \"_a.toml\"
  |           ^^^^^^^^^"
    );
}

#[test]
fn a_circle_is_shown_with_its_files() {
    let files = [
        ("x.toml", "extends = \"_a.toml\""),
        ("_a.toml", "extends = \"./_b.toml\""),
        ("_b.toml", "extends = \"_a.toml\""),
    ];
    assert_eq!(
        report(&files),
        "\
error: `extends` goes in a circle: x.toml -> _a.toml -> ./_b.toml -> _a.toml
 --> ./_b.toml:1:11
  |
1 | extends = \"_a.toml\"
  |           ^^^^^^^^^"
    );
    let itself = report(&[("x.toml", "extends = \"x.toml\"")]);
    assert!(
        itself.starts_with("error: `extends` goes in a circle: x.toml -> x.toml\n"),
        "{itself}"
    );
}

#[test]
fn a_chain_without_end() {
    let files: Vec<_> =
        (0..40).map(|n| (format!("{n}.toml"), format!("extends = \"{}.toml\"", n + 1))).collect();
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let report = report(&files);
    assert!(
        report.starts_with("error: a chain of `extends` has at most 32 files\n --> 31.toml:1:11\n")
    );
}

#[test]
fn a_file_that_is_not_utf8() {
    let folder = folder(&[]);
    let path = folder.path().join("x.toml");
    fs::write(&path, b"title = \"t\"\n# gr\xfc\xdfe\n").expect("written");
    let error = Scenario::load(&path).expect_err("it is Latin-1");
    assert_eq!(
        error.to_string().replace(&format!("{}/", folder.path().display()), ""),
        "\
error: the file is not UTF-8: byte 16 is 0xfc
 --> x.toml:2:5
  |
2 | # gr\u{fffd}\u{fffd}e
  |     ^
  |
  = help: save it as UTF-8"
    );
}

#[test]
fn a_file_that_cannot_be_read_has_no_line() {
    let folder = folder(&[("x.toml/y", ""), ("large.toml", &"#".repeat((4 << 20) + 1))]);
    for (name, reason) in [
        ("none.toml", "there is no such file"),
        ("x.toml", "it is not a file"),
        ("large.toml", "it is larger than 4 MiB"),
    ] {
        let path = folder.path().join(name);
        let error = Scenario::load(&path).expect_err("it cannot be read");
        let expected = format!("error: cannot read it: {reason}\n--> {}", path.display());
        assert_eq!(error.to_string(), expected);
        assert_eq!((error.line(), error.column()), (None, None));
    }
}

#[test]
fn what_is_too_large_for_the_machine() {
    let rest = "expect.exit = 0\nfile = [{ path = \"/a\", source = \"a\" }, { path = \"/b\", text = \"b\" }]";
    let folder = folder(&[("x.toml", &format!("{HEAD}{rest}"))]);
    let source = fs::File::create(folder.path().join("a")).expect("made");
    let message = |bytes| {
        source.set_len(bytes).expect("enough space");
        Scenario::load(&folder.path().join("x.toml")).map_err(|error| error.message().to_owned())
    };
    assert!(message((64 << 20) - 1).is_ok());
    let together = message(64 << 20).expect_err("a byte too much");
    assert_eq!(together, "files have at most 64 MiB together");
    let alone = message((64 << 20) + 1).expect_err("too large");
    assert!(alone.ends_with("/a`: it is larger than 64 MiB"), "{alone}");
}

#[test]
fn more_files_than_the_machine_holds() {
    let steps = "/d".repeat(1000);
    let files: Vec<_> =
        (0..33).map(|n| format!("{{ path = \"/{n}{steps}\", text = \"\" }}")).collect();
    let text = format!("{HEAD}expect.exit = 0\nfile = [\n{}\n]", files.join(",\n"));
    let report = report(&[("x.toml", &text)]);
    assert!(
        report.starts_with("error: at most 32768 files and folders\n  --> x.toml:37:10\n"),
        "{report}"
    );
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let key = "\"\\u001b[31m\\u202e\" = 1 # \u{202e}";
    let (_, error) = error(&[("x\u{1b}[0m.toml", key)]);
    let key_report = error.to_string();
    assert!(key_report.starts_with("error: unknown key `\\u{1b}[31m\\u{202e}`\n"), "{key_report}");
    assert!(key_report.contains("/x\\u{1b}[0m.toml:1:1\n"), "{key_report}");
    let raw_report = report(&[("x.toml", "# \u{1b}[2J\u{7}")]);
    for report in [key_report, raw_report] {
        let bad = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!report.contains(bad), "{report:?}");
    }
}

#[test]
fn colours_are_used_on_request() {
    let (_, error) = error(&[("x.toml", "")]);
    assert!(error.render(true).contains("\u{1b}["));
    assert_eq!(error.render(false), error.to_string());
}

#[test]
fn columns_are_counted_in_characters() {
    for text in ["env = { \"ü世界\" = 1 }", "\tseed = -1", "\u{feff}seed = -1", "seed = -1\r\n"]
    {
        // The report compares its own column with the renderer's.
        report(&[("x.toml", text)]);
    }
    let (_, marked) = error(&[("x.toml", "\u{feff}seed = -1")]);
    assert_eq!((marked.line(), marked.column()), (Some(1), Some(8)));
}

#[test]
fn absurd_nesting_and_long_lines_do_no_harm() {
    for text in [
        format!("x = {}", "[".repeat(100_000)),
        format!("x = {}", "{a=".repeat(100_000)),
        format!("{}x = 1", "a.".repeat(100_000)),
        format!("[{}x]", "a.".repeat(100_000)),
        format!("args = [{}1]", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaa\",".repeat(10_000)),
    ] {
        let report = report(&[("x.toml", &text)]);
        assert!(report.len() < 1000, "{} bytes", report.len());
    }
}
