//! `ebskeep plan --what-if`

use anyhow::anyhow;
use ebskeep_core::job::Request;
use ebskeep_core::report::text::what_if_text;
use ebskeep_core::setting::Settings;
use ebskeep_core::whatif::{Change, WhatIfError, what_if};

use super::{Far, one_inventory};
use crate::cli::{AwsArgs, PlanArgs};
use crate::error::{Exit, Failure};
use crate::ui::Ui;

pub(crate) fn run(args: &PlanArgs, aws: &AwsArgs, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let changes = args
        .what_if
        .iter()
        .map(|text| Change::parse(text, settings).map_err(|why| Failure::usage(anyhow!("--what-if {text}: {why}"))));
    let changes: Vec<Change> = changes.collect::<Result<_, _>>()?;
    let inventory = one_inventory(&args.seen, aws, Far::Here, settings, ui)?;
    let request = Request::new(args.jobs());
    let compared = what_if(&inventory, &changes, &args.ids(), &request, settings).map_err(refused)?;
    if ui.json() {
        ui.print_json(&compared)?;
    } else {
        ui.print(&what_if_text(&compared, &ui.style()))?;
    }
    Ok(if args.detailed_exitcode && compared.differs() { Exit::Changes } else { Exit::Done })
}

fn refused(error: WhatIfError) -> Failure {
    let hint = match &error {
        WhatIfError::Unknown(_) => Some("look at the id, and name the Region it is in with --region"),
        WhatIfError::NothingTagged(_) => Some("name the volumes or instances that the tag would be on"),
        WhatIfError::Settings(_) => None,
    };
    let failure = Failure::usage(error.into());
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
