//! `ebskeep explain`

use anyhow::anyhow;
use ebskeep_core::plan::explain::explain;
use ebskeep_core::report::text::explanation_text;
use ebskeep_core::setting::Settings;
use smol_str::SmolStr;

use super::{Far, one_inventory};
use crate::cli::{AwsArgs, ExplainArgs};
use crate::error::{Exit, Failure};
use crate::ui::Ui;

pub(crate) fn run(args: &ExplainArgs, aws: &AwsArgs, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let ExplainArgs { ids, seen } = args;
    // What is no id is told before AWS is asked.
    if let Some(other) = ids.iter().find(|id| !["snap-", "vol-", "i-"].iter().any(|kind| id.starts_with(kind))) {
        return Err(Failure::usage(anyhow!("{other:?} is no id of a snapshot, a volume or an instance"))
            .hint("those begin with snap-, vol- and i-"));
    }
    let inventory = one_inventory(seen, aws, Far::WhereCopiesGo, settings, ui)?;
    let ids: Vec<SmolStr> = ids.iter().map(SmolStr::new).collect();
    let explanation = explain(&inventory, &ids, settings);
    if ui.json() {
        ui.print_json(&explanation)?;
    } else {
        ui.print(&explanation_text(&explanation, &ui.style()))?;
    }
    if explanation.unknown.is_empty() {
        return Ok(if explanation.not_listed.is_empty() { Exit::Done } else { Exit::Partly });
    }
    if !explanation.not_listed.is_empty() {
        ui.say("not all could be listed: what is not there by this may be there");
        return Ok(Exit::Partly);
    }
    ui.say("look at the ids that are not there, and name the Region they are in with --region");
    Ok(if explanation.subjects.is_empty() { Exit::Usage } else { Exit::Partly })
}
