//! `cargo xtask bench`: how long the decision takes, and how much memory
//! (docs/performance.md).
//!
//! It measures and says so. No figure fails it: another machine, or somebody else on
//! this one, would.

use clap::Args;

use crate::env::cargo;
use crate::step::show;

/// Measure how long the decision takes, and how much memory.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only benchmarks whose name contains this
    filter: Option<String>,
}

/// Runs the benchmarks; says whether all of them ran.
pub(crate) fn run(options: &Options) -> bool {
    let one_of = |bench: &str| {
        let mut command = cargo();
        command.args(["bench", "--quiet", "--package", "ebskeep-core", "--bench", bench, "--"]);
        command
    };
    let mut time = one_of("decide");
    time.args(options.filter.as_deref());
    let runs = if options.filter.is_none() { vec![one_of("memory"), time] } else { vec![time] };
    runs.into_iter().all(|mut command| match show(&mut command) {
        Ok(said) => said.status.success(),
        Err(error) => {
            eprintln!("{error:#}");
            false
        }
    })
}
