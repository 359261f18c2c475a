//! `cargo xtask chaos`: random worlds in which everything goes wrong, and what must
//! hold of them (`crates/chaos`, docs/reliability.md).

use clap::Args;

use crate::env::cargo;
use crate::step::show;

/// Live through random worlds and see that nothing is lost.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Options {
    /// As the worlds' own program takes them: `--help` tells
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Lives through them; says whether everything held.
pub(crate) fn run(options: &Options) -> bool {
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "ebskeep-chaos", "--"]).args(&options.arguments);
    match show(&mut command) {
        Ok(said) => said.status.success(),
        Err(error) => {
            eprintln!("{error:#}");
            false
        }
    }
}
