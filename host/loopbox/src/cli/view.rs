//! `loopbox view`: results in a browser.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use smol::Executor;

use super::Refusal;
use crate::cache::Cache;
use crate::exit_code;
use crate::results::{self, Index};
use crate::runner::{self, Stop};
use crate::terminal::{self, Output};
use crate::view::gate::Gate;
use crate::view::site::Site;
use crate::view::token::Token;
use crate::view::{open, serve};
use crate::what_if::Engine;

/// Threads for connections and for runs. Files are read and pages are rendered on others.
const THREADS: u16 = 2;

/// Said when the server is asked to stop.
const FAREWELL: &str = "the viewer has ended";

const EXIT_CODES: &str = "\
Exit codes:
  0    ended by Ctrl-C or SIGTERM
  2    the command line makes no sense
  96   RESULTS cannot be read, or the port cannot be had";

/// Look at results in a browser
///
/// Prints the address and serves it, to this machine only, until Ctrl-C. Who knows the address sees the results;
/// each start has another one. A run that finishes meanwhile appears.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct ViewCommand {
    /// Where traces and verdicts are kept
    #[arg(value_name = "RESULTS", env = results::VARIABLE, default_value = results::DEFAULT_FOLDER)]
    results: PathBuf,

    /// Listen on this port [default: a free one]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    port: u16,

    /// Open the address in a browser
    #[arg(long)]
    open: bool,

    /// Compare with these results, instead of with those that each run replaced
    #[arg(long, value_name = "DIR")]
    against: Option<PathBuf>,
}

impl ViewCommand {
    pub(super) fn execute(self) -> Result<u8, Refusal> {
        runner::drive(THREADS.into(), FAREWELL, async |executor, stop| {
            self.serve(executor, stop).await
        })
        .map_err(|error| Refusal::signals(&error))?
    }

    async fn serve(&self, executor: &Executor<'static>, stop: &Stop) -> Result<u8, Refusal> {
        let refusal = |message| Refusal::new(exit_code::BAD_SETUP, message);
        let secret = || {
            Token::random()
                .map_err(|error| refusal(format!("cannot make a secret address: {error}")))
        };
        let (listener, port) = serve::listen(self.port)
            .map_err(|error| refusal(format!("cannot listen on port {}: {error}", self.port)))?;
        let gate = Gate::new(port, secret()?);
        let address = |path: &str| format!("http://127.0.0.1:{port}{path}");
        let entrance = match self.open {
            true => Some(address(&gate.open_entrance(secret()?))),
            false => None,
        };
        let index = Index::new(self.results.clone(), self.against.clone());
        let engine = Engine::new(Cache::of_environment(), THREADS);
        let site = Arc::new(Site::new(gate, index, engine));
        let first = Arc::clone(&site);
        let Some(runs) = stop.or(smol::unblock(move || first.begin())).await else {
            return Ok(exit_code::ALL_HOLD);
        };
        let path = self.results.display();
        let runs = match runs {
            Err(error) => return Err(refusal(format!("cannot read results in `{path}`: {error}"))),
            Ok(0) => "no results yet".to_owned(),
            Ok(1) => "1 run".to_owned(),
            Ok(runs) => format!("{runs} runs"),
        };
        let mut output = Output::stdout();
        output.write(&format!("{}\n", address(&site.base())));
        output.check().map_err(|error| Refusal::output(&error))?;
        terminal::note(&format!("{runs} in `{path}`; Ctrl-C ends the viewer"));
        if let Some(entrance) = entrance {
            smol::unblock(move || open::open(&entrance)).detach();
        }
        stop.or(serve::serve(&listener, &site, executor)).await;
        // That is how it is meant to end.
        Ok(exit_code::ALL_HOLD)
    }
}
