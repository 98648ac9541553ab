//! The command line. One module and one clap struct a subcommand; their doc comments are the help.

mod export;
mod list;
mod new;
mod report;
mod run;
mod view;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::exit_code;
use crate::files;
use crate::scenario::{self, Found};
use crate::terminal;

/// Runs asynchronous programs in a deterministic machine, in virtual time, and checks what their event
/// loops do.
#[derive(Debug, Parser)]
#[command(name = "loopbox", version, after_help = exit_code::HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(new::NewCommand),
    Run(run::RunCommand),
    List(list::ListCommand),
    View(view::ViewCommand),
    Report(report::ReportCommand),
    Export(export::ExportCommand),
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Human,
    /// For programs: one JSON object a line (see docs/json.md).
    Json,
}

/// Why a command does not begin, or cannot go on.
#[derive(Debug)]
struct Refusal {
    message: String,
    exit_code: u8,
}

impl Refusal {
    fn new(exit_code: u8, message: impl Into<String>) -> Refusal {
        Refusal { message: message.into(), exit_code }
    }

    /// Ctrl-C would not be heard.
    fn signals(error: &io::Error) -> Refusal {
        Refusal::new(exit_code::BAD_SETUP, format!("cannot listen for signals: {error}"))
    }

    /// The results cannot be written.
    fn output(error: &io::Error) -> Refusal {
        Refusal::new(exit_code::BAD_SETUP, format!("cannot write to standard output: {error}"))
    }
}

/// Everything from the arguments to the exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::New(command) => command.execute(),
        Command::Run(command) => command.execute(),
        Command::List(command) => command.execute(),
        Command::View(command) => command.execute(),
        Command::Report(command) => command.execute(),
        Command::Export(command) => command.execute(),
    };
    let code = result.unwrap_or_else(|refusal| {
        terminal::note(&format!("error: {}", refusal.message));
        refusal.exit_code
    });
    files::finish();
    ExitCode::from(code)
}

/// The scenario files in these paths. Blocks.
fn select(paths: &[PathBuf]) -> Result<Vec<Found>, Refusal> {
    let found = scenario::find(paths)
        .map_err(|error| Refusal::new(exit_code::BAD_SETUP, error.to_string()))?;
    if found.is_empty() {
        let paths: Vec<_> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
        let message = format!("there is no scenario (*.toml) in {}", paths.join(", "));
        return Err(Refusal::new(exit_code::NOTHING_SELECTED, message));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_empty_folder_has_nothing_to_select() {
        let folder = tempfile::tempdir().expect("a folder");
        let refusal = select(&[folder.path().to_owned()]).expect_err("nothing there");
        assert_eq!(refusal.exit_code, exit_code::NOTHING_SELECTED);
        assert!(refusal.message.starts_with("there is no scenario (*.toml) in `"), "{refusal:?}");
        let refusal = select(&[folder.path().join("missing")]).expect_err("not there");
        assert_eq!(refusal.exit_code, exit_code::BAD_SETUP);
    }
}
