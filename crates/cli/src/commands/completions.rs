//! `ebskeep completions`

use clap_complete::Shell;

use crate::cli;
use crate::error::{Exit, Failure};
use crate::ui::Ui;

pub(crate) fn run(shell: Shell, ui: &Ui) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::command(), "ebskeep", &mut script);
    ui.print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
