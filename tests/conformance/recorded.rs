//! What CPython printed, as the cases keep it, and how it is told apart from what is ours.
//!
//! A case's text is the output of one run of one script, line by line, with one of these in front:
//!
//! ```text
//! $ python3.11 s01_slow_task.py    the command, on the first line
//!   a line                         both print it
//! # because ...                    why the next lines differ
//! - a line                         CPython prints it, and we do not
//! + a line                         we print it, and CPython does not
//! ~ a line                         the version of CPython that the reason names prints it: neither the script's page nor we do
//! ```
//!
//! So a difference is never only tolerated: it stands here, with its reason. What differs everywhere (places,
//! addresses) is in `likeness`. The texts of the Python scripts say in one word what kind of reason it is: `scripts`
//! has the kinds.

use std::fs;
use std::path::Path;

/// One run of CPython, and what we make of it.
pub struct Recorded {
    /// As typed into a shell.
    pub command: String,
    /// Why lines differ, each reason once, in order.
    pub reasons: Vec<String>,
    lines: Vec<Line>,
}

struct Line {
    whose: Whose,
    text: String,
    /// Which of the reasons, if it is not everybody's.
    reason: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Both,
    CPython,
    Ours,
    OfVersion,
}

impl Recorded {
    /// Reads a case's text.
    ///
    /// # Panics
    /// If it is not written as above.
    pub fn read(path: &Path) -> Recorded {
        let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Recorded::parse(&text).unwrap_or_else(|error| panic!("{}:{error}", path.display()))
    }

    fn parse(text: &str) -> Result<Recorded, String> {
        let mut lines = text.lines();
        let command = lines.next().and_then(|line| line.strip_prefix("$ "));
        let command = command.ok_or("1: the first line is `$ ` and the command")?.to_owned();
        let mut recorded = Recorded { command, reasons: Vec::new(), lines: Vec::new() };
        let mut has_reason = false;
        let mut reason = 0;
        for (index, line) in lines.enumerate() {
            let number = index + 2;
            let Some((mark, rest)) = line.split_at_checked(2) else {
                return Err(format!("{number}: a line begins with two characters of ours"));
            };
            let whose = match mark {
                "# " => {
                    has_reason = true;
                    let known = recorded.reasons.iter().position(|known| known == rest);
                    reason = known.unwrap_or(recorded.reasons.len());
                    if known.is_none() {
                        recorded.reasons.push(rest.to_owned());
                    }
                    continue;
                }
                "  " => Whose::Both,
                "- " => Whose::CPython,
                "+ " => Whose::Ours,
                "~ " => Whose::OfVersion,
                _ => {
                    return Err(format!(
                        "{number}: `{mark}` is none of `  `, `- `, `+ `, `~ `, `# `"
                    ));
                }
            };
            if whose == Whose::Both {
                has_reason = false;
            } else if !has_reason {
                return Err(format!("{number}: a difference needs its reason before it"));
            }
            recorded.lines.push(Line { whose, text: rest.to_owned(), reason });
        }
        Ok(recorded)
    }

    /// What CPython printed.
    pub fn cpython(&self) -> Vec<&str> {
        self.with(|_| false)
    }

    /// What we are to print.
    pub fn ours(&self) -> Vec<&str> {
        let lines =
            self.lines.iter().filter(|line| matches!(line.whose, Whose::Both | Whose::Ours));
        lines.map(|line| line.text.as_str()).collect()
    }

    /// What would be printed if the differences with these reasons were the only ones.
    pub fn with(&self, differs: impl Fn(&str) -> bool) -> Vec<&str> {
        let lines = self.lines.iter().filter(|line| match line.whose {
            Whose::Both => true,
            Whose::CPython => !differs(&self.reasons[line.reason]),
            Whose::Ours | Whose::OfVersion => differs(&self.reasons[line.reason]),
        });
        lines.map(|line| line.text.as_str()).collect()
    }
}

/// The output that follows a command in the page of all scripts and their output; `None` if it does not have
/// the command.
pub fn on_the_page<'p>(page: &'p str, command: &str) -> Option<Vec<&'p str>> {
    let heading = format!("`{command}` → rc ");
    let mut lines = page.lines().skip_while(|line| !line.starts_with(&heading));
    lines.next()?;
    let lines = lines.skip_while(|line| *line != "```").skip(1).take_while(|line| *line != "```");
    Some(lines.filter(|line| *line != "(no output)").collect())
}

#[test]
fn differences_are_told_apart_by_their_reasons() {
    let recorded =
        Recorded::parse("$ p\n# x\n- a\n+ b\n# y\n- c\n  d\n# x\n+ e\n").expect("well-formed");
    assert_eq!(recorded.reasons, ["x", "y"]);
    assert_eq!(recorded.with(|reason| reason == "x"), ["b", "c", "d", "e"]);
    assert_eq!(recorded.with(|reason| reason == "y"), ["a", "d"]);
    let recorded = Recorded::parse("$ p\n# x\n- a\n~ b\n# y\n+ c\n").expect("well-formed");
    assert_eq!(recorded.with(|reason| reason == "x"), ["b"]);
    assert_eq!((recorded.cpython(), recorded.ours()), (vec!["a"], vec!["c"]));
}

#[test]
fn a_difference_has_a_reason() {
    let recorded = Recorded::parse("$ p s.py\n  a\n# why\n- b\n+ c\n  d\n").expect("well-formed");
    assert_eq!(recorded.cpython(), ["a", "b", "d"]);
    assert_eq!(recorded.ours(), ["a", "c", "d"]);
    assert_eq!(recorded.reasons, ["why"]);
    for (text, error) in [
        ("  a\n", "1: the first line"),
        ("$ p\n  a\n- b\n", "3: a difference needs its reason"),
        ("$ p\n# why\n- b\n  c\n+ d\n", "5: a difference needs its reason"),
        ("$ p\na\n", "2: a line begins"),
        ("$ p\n* a\n", "2: `* ` is none"),
    ] {
        let found = Recorded::parse(text).err().expect("refused");
        assert!(found.starts_with(error), "{found}");
    }
}
