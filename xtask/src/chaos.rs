//! `cargo xtask chaos`: random worlds in which everything goes wrong, and what must
//! hold of them (`crates/chaos`, docs/reliability.md).

use clap::Args;

use crate::env::cargo;
use crate::step::show;

/// Live through random worlds and see that nothing is lost.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many worlds
    #[arg(long, default_value_t = 200)]
    seeds: u64,

    /// The first one's seed
    #[arg(long, default_value_t = 0)]
    from: u64,

    /// Tell what happened in each
    #[arg(long)]
    story: bool,
}

/// Lives through them; says whether everything held.
pub(crate) fn run(options: &Options) -> bool {
    let Options { seeds, from, story } = options;
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "ebskeep-chaos", "--"]);
    command.args(["--seeds", &seeds.to_string(), "--from", &from.to_string()]);
    command.args(story.then_some("--story"));
    match show(&mut command) {
        Ok(said) => said.status.success(),
        Err(error) => {
            eprintln!("{error:#}");
            false
        }
    }
}
