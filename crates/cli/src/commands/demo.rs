//! `ebskeep demo`

use crate::cli::DemoArgs;
use crate::error::{Exit, Failure};
use crate::ui::Ui;

pub(crate) fn run(_args: DemoArgs, _ui: &Ui) -> Result<Exit, Failure> {
    Err(Failure::failed(anyhow::anyhow!("the demo is still being built")))
}
