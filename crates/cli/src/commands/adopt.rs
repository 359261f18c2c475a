//! `ebskeep adopt`

use anyhow::anyhow;
use ebskeep_core::adopt::{self, Adoption, Document, Tool};
use ebskeep_core::id::Place;
use ebskeep_core::job::{Event, Run};
use ebskeep_core::paced::Pacing;
use ebskeep_core::report::text::{adoption_text, tagged_text};
use ebskeep_core::setting::Settings;
use ebskeep_core::stop::Stop;

use super::{exit, runtime, told};
use crate::cli::{AdoptArgs, AwsArgs};
use crate::error::{Exit, Failure};
use crate::inventory;
use crate::place::{SystemClock, one_region, places};
use crate::signals::{obeyed, unless_stopped};
use crate::ui::Ui;

pub(crate) fn run(args: AdoptArgs, aws: &AwsArgs, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let from = args.from.as_deref().and_then(Tool::named);
    if !args.seen.inventory.is_empty() {
        let mut inventory = inventory::read(&args.seen, aws, settings)?;
        // As for what is ours: a volume in none of the files is gone.
        if inventory.volumes.is_complete() {
            inventory.confirmed_gone.extend(adopt::unsettled_volumes(&inventory, settings));
        }
        return shown(&adopt::adopt(&inventory, from, settings), ui);
    }
    one_region(aws)?;
    let stop = Stop::new();
    runtime()?.block_on(obeyed(online(&args, from, aws, settings, &stop, ui), &stop, ui))?
}

async fn online(
    args: &AdoptArgs,
    from: Option<Tool>,
    aws: &AwsArgs,
    settings: &Settings,
    stop: &Stop,
    ui: &Ui,
) -> Result<Exit, Failure> {
    // Boxed, since what finds credentials is large.
    let there = unless_stopped(stop, Box::pin(places(aws, None))).await??;
    let Some(place) = there.places.first() else { return Ok(Exit::Done) };
    let pacing = Pacing::new(settings.api_share);
    let on_event = |place: &Place, event: Event<'_>| ui.event(place, event);
    let run = Run::new(&there.aws, place, &SystemClock, settings, stop, &pacing, &on_event);
    let looking = Box::pin(run.observe(args.seen.now, |inventory| adopt::unsettled_volumes(inventory, settings)));
    let inventory = unless_stopped(stop, looking).await??;
    let adoption = adopt::adopt(&inventory, from, settings);
    let number = adoption.adoptable();
    if number == 0 || args.seen.now.is_some() {
        return shown(&adoption, ui);
    }
    if !args.yes && !ui.can_ask() {
        let ended = shown(&adoption, ui)?;
        ui.say("nothing was tagged; `ebskeep adopt --yes` with the same flags does it");
        return Ok(ended);
    }
    if ui.json() {
        if !args.yes {
            ui.talk(&adoption_text(&adoption, &ui.asking_style()));
        }
    } else {
        ui.print(&adoption_text(&adoption, &ui.style()))?;
    }
    let snapshots = if number == 1 { "1 snapshot".to_owned() } else { format!("{number} snapshots") };
    let question = format!("Adopt {snapshots} in {}, so that they expire as shown?", adoption.region);
    if !args.yes && !ui.confirm(&question, stop).await? {
        return Err(Failure { exit: Exit::Interrupted, error: anyhow!("not confirmed; nothing was done"), hint: None });
    }
    let tagged = run.retag(&adoption.retags()).await;
    let printed = if ui.json() {
        ui.print_json(&Document::new(&adoption, Some(&tagged)))
    } else {
        ui.print(&format!("\n{}", tagged_text(&tagged, &ui.style())))
    };
    told(printed, exit(tagged.conclusion(), tagged.something_done()))
}

fn shown(adoption: &Adoption, ui: &Ui) -> Result<Exit, Failure> {
    if ui.json() {
        ui.print_json(&Document::new(adoption, None))?;
    } else {
        ui.print(&adoption_text(adoption, &ui.style()))?;
    }
    Ok(Exit::Done)
}
