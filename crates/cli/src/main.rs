//! `ebskeep`, the command: what it is asked, and how it tells.
//!
//! Everything it does is [`ebskeep_core::job`]; this crate reads arguments and
//! files, connects, asks, prints and chooses the exit code.

mod cli;
mod commands;
#[cfg(test)]
mod docs;
mod error;
mod inventory;
mod output;
mod place;
mod saved;
mod settings;
mod signals;
mod ui;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::cli::{Cli, Command};
use crate::error::Failure;
use crate::ui::Ui;

/// A plan over a million snapshots is made of as many small pieces, over which the
/// system's allocator takes a good deal longer (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let matches = cli::command().get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.format(&mut Cli::command()).exit(),
    };
    let ui = Ui::new(&cli.output);
    let code = run(cli, &matches, &ui).unwrap_or_else(|failure| {
        ui.fail(&failure);
        failure.exit
    });
    ExitCode::from(code.code())
}

fn run(cli: Cli, matches: &clap::ArgMatches, ui: &Ui) -> Result<error::Exit, Failure> {
    let Cli { aws, output: _, settings, command } = cli;
    match command {
        Command::Completions { shell } => {
            cli::refuse_meaningless(matches, "completions")?;
            commands::completions::run(shell, ui)
        }
        Command::Man => {
            cli::refuse_meaningless(matches, "man")?;
            commands::man::run(ui)
        }
        Command::Plan(plan) => commands::plan::run(plan, aws, &settings.read()?, ui),
        Command::Apply(apply) => commands::apply::run(apply, aws, &settings.read()?, ui),
        Command::Explain(explain) => commands::explain::run(&explain, &aws, &settings.read()?, ui),
        Command::Hold(hold) => commands::hold::hold(hold, &aws, &settings.read()?, ui),
        Command::Release(release) => commands::hold::release(release, &aws, &settings.read()?, ui),
        Command::Adopt(adopt) => commands::adopt::run(adopt, &aws, &settings.read()?, ui),
        Command::Watch(watch) => commands::watch::run(watch, &aws, &settings.read()?, ui),
        Command::Forecast(forecast) => {
            cli::refuse_meaningless(matches, "forecast")?;
            commands::forecast::run(forecast, &aws, &settings.read()?, ui)
        }
        Command::Demo(demo) => {
            cli::refuse_meaningless(matches, "demo")?;
            commands::demo::run(demo, ui)
        }
    }
}
