//! `cargo xtask bench`: how long things take, and how much memory
//! (docs/performance.md).
//!
//! The decision is measured by criterion, in `crates/core/benches`; the programs over
//! the wire, from files and from a clean clone by `tests/bench`. It measures and says
//! so. No figure fails it: another machine, or somebody else on this one, would.

use clap::{Args, ValueEnum};

use crate::env::{cargo, target};
use crate::step::show;
use crate::venv::Venv;

/// Measure how long things take, and how much memory.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What to measure; all but `clone` if nothing is named
    what: Vec<Measure>,

    /// Only those decisions whose name contains this
    #[arg(long)]
    decision: Option<String>,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Measure {
    /// Memory of the decision over a million snapshots
    Memory,
    /// Time of the decision
    Decide,
    /// Whether the server's buckets are AWS's: a minute
    Buckets,
    /// Snapshots of 1,000 instances, beside the Python baseline: 10 minutes
    Create,
    /// 2,000 deletions, beside the Python baseline: 7 minutes
    Expire,
    /// A plan over 100,000 snapshots, a second for each page
    List,
    /// Plans over snapshots of 7,685 volumes that no longer exist: up to 15 minutes
    Gone,
    /// A plan over a million snapshots in files
    Files,
    /// The function's start and answer, beside the Python baseline
    Function,
    /// From a clean clone to the demo, and to tests that have passed: 20 minutes
    Clone,
}

impl Measure {
    fn run(self, options: &Options) -> anyhow::Result<bool> {
        let mut command = match self {
            Self::Memory => decision("memory"),
            Self::Decide => {
                let mut command = decision("decide");
                command.args(options.decision.as_deref());
                command
            }
            Self::Buckets
            | Self::Create
            | Self::Expire
            | Self::List
            | Self::Gone
            | Self::Files
            | Self::Function
            | Self::Clone => {
                let mut build = cargo();
                build.args(["build", "--quiet", "--release", "--package", "ebskeep", "--package", "ebskeep-lambda"]);
                if !show(&mut build)?.status.success() {
                    return Ok(false);
                }
                let mut python = Venv::ready()?.python();
                let released = target().join("release");
                python.env("EBSKEEP_BIN", released.join("ebskeep"));
                python.env("EBSKEEP_BOOTSTRAP", released.join("bootstrap")).env("PYTHONPATH", "tests");
                python
                    .args(["-m", "bench.run"])
                    .args(self.to_possible_value().iter().map(clap::builder::PossibleValue::get_name));
                python
            }
        };
        Ok(show(&mut command)?.status.success())
    }
}

fn decision(bench: &str) -> std::process::Command {
    let mut command = cargo();
    command.args(["bench", "--quiet", "--package", "ebskeep-core", "--bench", bench, "--"]);
    command
}

/// Runs the benchmarks; says whether all of them ran.
pub(crate) fn run(options: &Options) -> bool {
    let all = Measure::value_variants().iter().copied().filter(|measure| *measure != Measure::Clone).collect();
    let wanted = if options.what.is_empty() { all } else { options.what.clone() };
    wanted.into_iter().all(|measure| {
        measure.run(options).unwrap_or_else(|error| {
            eprintln!("{error:#}");
            false
        })
    })
}
