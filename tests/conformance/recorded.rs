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
//! ```
//!
//! So a difference is never only tolerated: it stands here, with its reason. What differs everywhere (places,
//! addresses) is in `likeness`.

use std::fs;
use std::path::Path;

/// One run of CPython, and what we make of it.
pub struct Recorded {
    /// As typed into a shell.
    pub command: String,
    lines: Vec<(Whose, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Both,
    CPython,
    Ours,
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
        let mut recorded = Recorded { command, lines: Vec::new() };
        let mut has_reason = false;
        for (index, line) in lines.enumerate() {
            let number = index + 2;
            let Some((mark, rest)) = line.split_at_checked(2) else {
                return Err(format!("{number}: a line begins with two characters of ours"));
            };
            let whose = match mark {
                "# " => {
                    has_reason = true;
                    continue;
                }
                "  " => Whose::Both,
                "- " => Whose::CPython,
                "+ " => Whose::Ours,
                _ => return Err(format!("{number}: `{mark}` is none of `  `, `- `, `+ `, `# `")),
            };
            if whose == Whose::Both {
                has_reason = false;
            } else if !has_reason {
                return Err(format!("{number}: a difference needs its reason before it"));
            }
            recorded.lines.push((whose, rest.to_owned()));
        }
        Ok(recorded)
    }

    /// What CPython printed.
    pub fn cpython(&self) -> Vec<&str> {
        self.all_but(Whose::Ours)
    }

    /// What we are to print.
    pub fn ours(&self) -> Vec<&str> {
        self.all_but(Whose::CPython)
    }

    fn all_but(&self, other: Whose) -> Vec<&str> {
        let lines = self.lines.iter().filter(|(whose, _)| *whose != other);
        lines.map(|(_, line)| line.as_str()).collect()
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
fn a_difference_has_a_reason() {
    let recorded = Recorded::parse("$ p s.py\n  a\n# why\n- b\n+ c\n  d\n").expect("well-formed");
    assert_eq!(recorded.cpython(), ["a", "b", "d"]);
    assert_eq!(recorded.ours(), ["a", "c", "d"]);
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
