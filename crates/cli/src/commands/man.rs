//! `ebskeep man`: one page for all verbs, so that one file installs it.

use crate::cli;
use crate::error::{Exit, Failure};
use crate::ui::Ui;

pub(crate) fn run(ui: &Ui) -> Result<Exit, Failure> {
    let mut page = Vec::new();
    let written = render(&mut page);
    written.map_err(|error| Failure::failed(error.into()))?;
    ui.print(&String::from_utf8_lossy(&page))?;
    Ok(Exit::Done)
}

fn render(page: &mut Vec<u8>) -> std::io::Result<()> {
    let mut command = cli::command();
    command.build();
    let verbs: Vec<clap::Command> =
        command.get_subcommands().filter(|verb| verb.get_name() != "help").cloned().collect();
    let whole = clap_mangen::Man::new(command);
    whole.render_title(page)?;
    whole.render_name_section(page)?;
    whole.render_synopsis_section(page)?;
    whole.render_description_section(page)?;
    whole.render_options_section(page)?;
    for verb in verbs {
        let title = format!(".SH \"EBSKEEP {}\"\n", verb.get_name().to_uppercase());
        page.extend(title.bytes());
        let own = own_arguments(verb);
        let man = clap_mangen::Man::new(own);
        let mut part = Vec::new();
        man.render_description_section(&mut part)?;
        man.render_options_section(&mut part)?;
        // Sections of the page become parts of the verb's.
        page.extend(String::from_utf8_lossy(&part).replace(".SH ", ".SS ").bytes());
    }
    whole.render_extra_section(page)?;
    whole.render_version_section(page)
}

/// A verb without the global flags, which the page has told already.
fn own_arguments(verb: clap::Command) -> clap::Command {
    verb.mut_args(|arg| if arg.is_global_set() { arg.hide(true) } else { arg })
}
