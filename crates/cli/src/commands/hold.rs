//! `ebskeep hold` and `ebskeep release`

use anyhow::anyhow;
use ebskeep_core::id::{Place, SnapshotId};
use ebskeep_core::inventory::Inventory;
use ebskeep_core::job::{Event, Run};
use ebskeep_core::lineage::unsettled_volumes;
use ebskeep_core::report::text::{retagging_text, tagged_text};
use ebskeep_core::retag::{self, Document, Hold, HoldError, Length, Retagging};
use ebskeep_core::setting::Settings;
use ebskeep_core::stop::Stop;

use super::{exit, runtime, told};
use crate::cli::{AwsArgs, HoldArgs, ReleaseArgs};
use crate::error::{Exit, Failure};
use crate::place::{SystemClock, one_region, places};
use crate::signals::{obeyed, unless_stopped};
use crate::ui::Ui;

pub(crate) fn hold(args: HoldArgs, aws: &AwsArgs, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let HoldArgs { snapshots, until, forever: _, reason, yes } = args;
    // One of the two is given: clap sees to it.
    let hold = Hold { length: until.map_or(Length::Forever, Length::Until), reason };
    let ids = ids(&snapshots)?;
    run(aws, yes, settings, ui, |inventory| retag::hold(inventory, &ids, &hold, settings))
}

pub(crate) fn release(args: ReleaseArgs, aws: &AwsArgs, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let ReleaseArgs { snapshots, yes } = args;
    let ids = ids(&snapshots)?;
    run(aws, yes, settings, ui, |inventory| retag::release(inventory, &ids, settings))
}

fn ids(given: &[String]) -> Result<Vec<SnapshotId>, Failure> {
    if let Some(other) = given.iter().find(|id| !id.starts_with("snap-")) {
        return Err(Failure::usage(anyhow!("{other:?} is no snapshot id; those begin with snap-")));
    }
    Ok(given.iter().map(SnapshotId::new).collect())
}

fn run(
    aws: &AwsArgs,
    yes: bool,
    settings: &Settings,
    ui: &Ui,
    work_out: impl FnOnce(&Inventory) -> Result<Retagging, HoldError>,
) -> Result<Exit, Failure> {
    one_region(aws)?;
    let stop = Stop::new();
    let work = async {
        // Boxed, since what finds credentials is large.
        let there = unless_stopped(&stop, Box::pin(places(aws, None))).await??;
        let Some(place) = there.places.first() else { return Ok(Exit::Done) };
        let on_event = |place: &Place, event: Event<'_>| ui.event(place, event);
        let run = Run::new(&there.aws, place, &SystemClock, settings, &stop, &on_event);
        let looking = Box::pin(run.observe(None, |inventory| unsettled_volumes(inventory, settings)));
        let inventory = unless_stopped(&stop, looking).await??;
        let retagging = work_out(&inventory).map_err(refused)?;
        if !ui.json() {
            ui.print(&retagging_text(&retagging, &ui.style()))?;
        }
        if !agreed(&retagging, yes, &stop, ui).await? {
            return Err(Failure {
                exit: Exit::Interrupted,
                error: anyhow!("not confirmed; nothing was done"),
                hint: None,
            });
        }
        let tagged = run.retag(&retagging.retags()).await;
        let printed = if ui.json() {
            ui.print_json(&Document::new(&retagging, &tagged))
        } else {
            ui.print(&format!("\n{}", tagged_text(&tagged, &ui.style())))
        };
        told(printed, exit(tagged.conclusion(), tagged.something_done()))
    };
    runtime()?.block_on(obeyed(work, &stop, ui))?
}

fn refused(error: HoldError) -> Failure {
    match &error {
        HoldError::NotListed { .. } => Failure::failed(error.into()),
        HoldError::Unknown { .. } => {
            Failure::usage(error.into()).hint("look at the ids, and name the Region they are in with --region")
        }
        HoldError::Past { .. } | HoldError::Reason(_) | HoldError::NotOwned { .. } | HoldError::Full { .. } => {
            Failure::usage(error.into())
        }
    }
}

/// Whether it is agreed that holds are taken away or shortened. Keeping longer
/// needs no asking.
async fn agreed(retagging: &Retagging, yes: bool, stop: &Stop, ui: &Ui) -> Result<bool, Failure> {
    if yes || !retagging.lessens() {
        return Ok(true);
    }
    let number = retagging.changes.iter().filter(|change| change.lessens).count();
    let holds =
        if number == 1 { "the hold of 1 snapshot".to_owned() } else { format!("the holds of {number} snapshots") };
    if !ui.can_ask() {
        return Err(Failure::usage(anyhow!(
            "this would take away or shorten {holds}, and there is no terminal to ask on; nothing was done"
        ))
        .hint("add --yes to do it without asking"));
    }
    if ui.json() {
        ui.talk(&retagging_text(retagging, &ui.asking_style()));
    }
    ui.confirm(&format!("Take away or shorten {holds} in {}?", retagging.region), stop).await
}
