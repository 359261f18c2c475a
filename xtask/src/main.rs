//! The project's chores, run as `cargo xtask <chore>`.
//!
//! Owns the command line alone; each chore is a module.

use std::process::ExitCode;

use clap::Parser;

mod bench;
mod chaos;
mod count;
mod env;
mod moto;
mod mutants;
mod promises;
mod step;
mod test;
mod venv;

/// The project's own chores.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Chore {
    /// Run every check and every test, and close on one line that counts them.
    Test(test::Options),
    /// Measure how long things take, and how much memory.
    Bench(bench::Options),
    /// Live through random worlds and see that nothing is lost.
    Chaos(chaos::Options),
    /// Change the deciders one thing at a time and see that a test notices.
    Mutants(mutants::Options),
}

fn main() -> ExitCode {
    let all_well = match Chore::parse() {
        Chore::Test(options) => test::run(&options),
        Chore::Bench(options) => bench::run(&options),
        Chore::Chaos(options) => chaos::run(&options),
        Chore::Mutants(options) => mutants::run(&options),
    };
    if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
