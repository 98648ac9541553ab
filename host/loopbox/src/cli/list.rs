//! `loopbox list`: what there is to run. Nothing is built and nothing is run.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{Format, Refusal, select};
use crate::exit_code;
use crate::report::json::{self, ErrorFacts};
use crate::scenario::{Guest, Scenario};
use crate::session::{self, Loaded};
use crate::terminal::{self, Output, printable, printable_path};

/// List scenarios: file, title and guest
#[derive(Debug, Args)]
pub struct ListCommand {
    /// Scenario files, and folders to look for them in
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// How to write the list
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// A line of the list for programs: what the file says, or what is wrong with it.
#[derive(Default, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Line<'a> {
    scenario: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    guest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorFacts>,
}

impl ListCommand {
    pub(super) fn execute(self) -> Result<u8, Refusal> {
        let scenarios = session::load(select(&self.paths)?);
        let mut output = Output::stdout();
        let width =
            scenarios.iter().map(|loaded| printable_path(&loaded.path).chars().count()).max();
        for loaded in &scenarios {
            let text = match self.format {
                Format::Human => for_people(loaded, width.unwrap_or(0)),
                Format::Json => for_programs(loaded),
            };
            output.write(&text);
        }
        output.check().map_err(|error| Refusal::output(&error))?;
        let all_good = scenarios.iter().all(|loaded| loaded.scenario.is_ok());
        Ok(if all_good { exit_code::ALL_HOLD } else { exit_code::BAD_SETUP })
    }
}

fn for_people(loaded: &Loaded, width: usize) -> String {
    let path = printable_path(&loaded.path);
    match &loaded.scenario {
        Ok(scenario) => {
            let (title, guest) = (printable(&scenario.title), printable(&guest(scenario)));
            format!("{path:<width$}  {title}  ({guest})\n")
        }
        Err(error) => {
            let rendered = error.render(terminal::stdout_has_colour());
            format!("{path:<width$}  cannot be read:\n{}\n", rendered.trim_end())
        }
    }
}

fn for_programs(loaded: &Loaded) -> String {
    let scenario = loaded.path.to_string_lossy().into_owned();
    json::one_line(&match &loaded.scenario {
        Ok(content) => Line {
            scenario,
            name: Some(&content.name),
            title: Some(&content.title),
            guest: Some(guest(content)),
            seed: Some(content.seed),
            error: None,
        },
        Err(error) => {
            Line { scenario, error: Some(ErrorFacts::of_scenario(error)), ..Line::default() }
        }
    })
}

fn guest(scenario: &Scenario) -> String {
    match &scenario.guest {
        Guest::Cargo { package, bin, .. } => format!("{package}:{bin}"),
        Guest::Python(path) | Guest::Wasm(path) => path.to_string_lossy().into_owned(),
    }
}
