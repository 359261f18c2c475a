//! `ebskeep demo`: the whole job on an EC2 in memory.

mod fleet;
mod serve;
mod story;

use crate::cli::DemoArgs;
use crate::error::{Exit, Failure};
use crate::ui::Ui;

/// The account of the demo.
const ACCOUNT: &str = "123456789012";
/// Its Region.
const REGION: &str = "eu-west-1";
/// Its seed: every run of the demo is the same.
const SEED: u64 = 30;

pub(crate) fn run(args: DemoArgs, ui: &Ui) -> Result<Exit, Failure> {
    match args.serve {
        None => story::tell(ui),
        Some(address) => serve::serve(address, args.empty, ui),
    }
}

/// The access key that EC2 in memory takes for the demo's account.
fn access_key() -> String {
    format!("AKIASIM{ACCOUNT}")
}
