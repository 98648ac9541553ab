//! `loopbox new`: a folder to begin with. Nothing that is there already is touched.
//!
//! The program in it has a mistake that its scenario catches, so that the first run shows what there is to see.
//! Only for Python: a program in Rust needs our SDK, and where that is, is for its `Cargo.toml` to say.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Refusal;
use crate::exit_code;
use crate::files::{self, Readers};
use crate::invocation;
use crate::terminal::{Output, printable_path};

const APP: &str = include_str!("new/app.py");
const SCENARIO: &str = include_str!("new/responsive.toml");

/// The line with the mistake, and what it should be.
const MISTAKE: &str = "print(write_report(number))";
const CURE: &str = "print(await asyncio.to_thread(write_report, number))";

/// Make a folder with a small program in it, and a scenario that catches its mistake
#[derive(Debug, Args)]
#[command(after_help = exit_code::HELP)]
pub struct NewCommand {
    /// A program in Python; the only kind there is so far
    #[arg(long, required = true)]
    python: bool,

    /// The folder, which must not be there yet, or be empty
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl NewCommand {
    pub(super) fn execute(self) -> Result<u8, Refusal> {
        make(&self.folder)?;
        let mut output = Output::stdout();
        output.write(&next_steps(invocation::of_this_process(), &self.folder));
        output.check().map_err(|error| Refusal::output(&error))?;
        Ok(exit_code::ALL_HOLD)
    }
}

fn make(folder: &Path) -> Result<(), Refusal> {
    let shown = folder.display();
    match fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(true) => {}
        Ok(false) => {
            let message = format!("`{shown}` is there already, and is not empty");
            return Err(Refusal::new(exit_code::BAD_SETUP, message));
        }
        Err(_) if !folder.exists() => {}
        Err(error) => {
            let message = format!("`{shown}` cannot be used: {error}");
            return Err(Refusal::new(exit_code::BAD_SETUP, message));
        }
    }
    for (name, text) in [("app.py", APP), ("scenarios/responsive.toml", SCENARIO)] {
        let path = folder.join(name);
        files::replace(&path, Readers::Everyone, |file| file.write_all(text.as_bytes())).map_err(
            |error| {
                let message = format!("cannot write `{}`: {error}", path.display());
                Refusal::new(exit_code::BAD_SETUP, message)
            },
        )?;
    }
    Ok(())
}

fn next_steps(invocation: &str, folder: &Path) -> String {
    let app = printable_path(&folder.join("app.py"));
    let line = APP.lines().position(|line| line.contains(MISTAKE)).map_or(0, |index| index + 1);
    let scenarios = printable_path(&folder.join("scenarios"));
    format!(
        "\
Made {app}, an asyncio program, and {scenarios}/responsive.toml, which says what must come out of it.

1. {invocation} run {scenarios}
   fails: the program blocks its event loop. (The first build takes a minute.)
2. In {app}, line {line}, write
       {CURE}
   in place of `{MISTAKE}`.
3. Run it again: it holds.
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let shop = folder.path().join("shop");
        make(&shop).expect("made");
        assert_eq!(fs::read_to_string(shop.join("app.py")).expect("there"), APP);
        fs::write(shop.join("app.py"), "mine").expect("written");
        let refusal = make(&shop).expect_err("there is something in it");
        assert_eq!(refusal.exit_code, exit_code::BAD_SETUP);
        assert!(refusal.message.ends_with("is there already, and is not empty"), "{refusal:?}");
        assert_eq!(fs::read_to_string(shop.join("app.py")).expect("there"), "mine");
        let file = shop.join("app.py");
        assert!(make(&file).expect_err("a file").message.contains("cannot be used"));
    }

    #[test]
    fn the_next_steps_name_the_line_of_the_mistake() {
        let text = next_steps("loopbox", Path::new("shop"));
        let line = APP.lines().position(|line| line.trim() == MISTAKE).expect("the mistake") + 1;
        assert!(text.contains(&format!("In shop/app.py, line {line}, write\n")), "{text}");
        assert!(text.contains("1. loopbox run shop/scenarios\n"), "{text}");
    }
}
