//! `ebskeep hold` and `ebskeep release`

use anyhow::anyhow;
use ebskeep_core::cloud::{Clock, Clouds};
use ebskeep_core::id::{Place, SnapshotId, VolumeId};
use ebskeep_core::inventory::Inventory;
use ebskeep_core::job::{Event, Run};
use ebskeep_core::paced::Pacing;
use ebskeep_core::plan::unsettled_volumes;
use ebskeep_core::report::text::{retagging_text, tagged_text};
use ebskeep_core::retag::{self, Document, Hold, HoldError, Length, Retagging, Tagged, Verb};
use ebskeep_core::setting::Settings;
use ebskeep_core::stop::Stop;

use super::{exit, runtime, told};
use crate::cli::{AwsArgs, HoldArgs, ReleaseArgs};
use crate::error::{Exit, Failure};
use crate::output::{RETAGS, RetagList, together};
use crate::place::{SystemClock, one_region, places};
use crate::signals::{obeyed, unless_stopped};
use crate::ui::Ui;

pub(crate) fn hold(args: HoldArgs, aws: &AwsArgs, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let HoldArgs { snapshots, until, forever: _, reason, yes } = args;
    // One of the two is given: clap sees to it.
    let hold = Hold { length: until.map_or(Length::Forever, Length::Until), reason };
    let ids = ids(&snapshots)?;
    run(aws, yes, settings, ui, Copies::Left, |inventory| retag::hold(inventory, &ids, &hold, settings))
}

pub(crate) fn release(args: ReleaseArgs, aws: &AwsArgs, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let ReleaseArgs { snapshots, copies, source_deleted, yes } = args;
    if !source_deleted.is_empty() {
        let volumes = volume_ids(&source_deleted)?;
        return run(aws, yes, settings, ui, Copies::Left, |inventory| {
            retag::source_deleted(inventory, &volumes, settings)
        });
    }
    let ids = ids(&snapshots)?;
    if copies {
        return run(aws, yes, settings, ui, Copies::Released(&ids), |inventory| {
            retag::release(inventory, &ids, settings)
        });
    }
    run(aws, yes, settings, ui, Copies::Left, |inventory| retag::release(inventory, &ids, settings))
}

/// What becomes of the copies of what is named.
enum Copies<'a> {
    /// Nothing: the copier goes on with them.
    Left,
    /// They are released too, those of these snapshots.
    Released(&'a [SnapshotId]),
}

fn ids(given: &[String]) -> Result<Vec<SnapshotId>, Failure> {
    if let Some(other) = given.iter().find(|id| !id.starts_with("snap-")) {
        return Err(Failure::usage(anyhow!("{other:?} is no snapshot id; those begin with snap-")));
    }
    Ok(given.iter().map(SnapshotId::new).collect())
}

fn volume_ids(given: &[String]) -> Result<Vec<VolumeId>, Failure> {
    if let Some(other) = given.iter().find(|id| !id.starts_with("vol-")) {
        return Err(Failure::usage(anyhow!("{other:?} is not a volume id; those begin with vol-")));
    }
    Ok(given.iter().map(VolumeId::new).collect())
}

fn run(
    aws: &AwsArgs,
    yes: bool,
    settings: &Settings,
    ui: &Ui,
    copies: Copies<'_>,
    work_out: impl FnOnce(&Inventory) -> Result<Retagging, HoldError>,
) -> Result<Exit, Failure> {
    one_region(aws)?;
    let stop = Stop::new();
    let work = async {
        // Boxed, since what finds credentials is large.
        let there = unless_stopped(&stop, Box::pin(places(aws, None))).await??;
        let Some(place) = there.places.first() else { return Ok(Exit::Done) };
        let pacing = Pacing::new(settings.api_share);
        let on_event = |place: &Place, event: Event<'_>| ui.event(place, event);
        let run = Run::new(&there.aws, place, &SystemClock, settings, &stop, &pacing, &on_event);
        let looking = Box::pin(run.observe(None, |inventory| unsettled_volumes(inventory, settings)));
        let mut inventory = unless_stopped(&stop, looking).await??;
        // What is named first: while it is held, the copier holds its copies.
        let mut all = vec![work_out(&inventory).map_err(refused)?];
        if let Copies::Released(ids) = copies {
            let looking = Box::pin(released_copies(&run, &mut inventory, ids, settings));
            all.extend(unless_stopped(&stop, looking).await??);
        }
        if !ui.json() {
            let texts: Vec<String> = all.iter().map(|retagging| retagging_text(retagging, &ui.style())).collect();
            ui.print(&texts.join("\n\n"))?;
        }
        if !agreed(&all, yes, &stop, ui).await? {
            return Err(Failure {
                exit: Exit::Interrupted,
                error: anyhow!("not confirmed; nothing was done"),
                hint: None,
            });
        }
        let mut tagged = Vec::new();
        for retagging in &all {
            let place = Place { account: retagging.account.clone(), region: retagging.region.clone() };
            tagged.push(run.retag_at(&place, &retagging.retags()).await);
        }
        let done = tagged.iter().any(Tagged::something_done);
        let exits: Vec<Exit> = tagged.iter().map(|tagged| exit(tagged.conclusion(), done)).collect();
        told(tell(&all, &tagged, copies, ui), together(&exits, done))
    };
    runtime()?.block_on(obeyed(work, &stop, ui))?
}

/// What releasing the copies of these changes, Place by Place.
async fn released_copies<S: Clouds, K: Clock>(
    run: &Run<'_, S, K>,
    inventory: &mut Inventory,
    ids: &[SnapshotId],
    settings: &Settings,
) -> Result<Vec<Retagging>, Failure> {
    run.observe_copies_of(inventory, ids).await;
    let gaps = inventory.destinations.iter().filter_map(|there| Some((&there.place, there.snapshots.gap.as_ref()?)));
    let gaps: Vec<String> = gaps.map(|(place, gap)| format!("{place}: {gap}")).collect();
    if !gaps.is_empty() {
        let error = anyhow!("copies could not be listed: {}; nothing was done", gaps.join("; "));
        return Err(Failure::failed(error).hint("without --copies only what is named is released"));
    }
    let mut all = Vec::new();
    for (place, copies) in retag::copies_of(inventory, ids, settings) {
        let there = run.observe_at(&place).await?;
        all.push(retag::release(&there, &copies, settings).map_err(refused)?);
    }
    Ok(all)
}

fn tell(all: &[Retagging], tagged: &[Tagged], copies: Copies<'_>, ui: &Ui) -> Result<(), Failure> {
    let pairs = || all.iter().zip(tagged);
    if !ui.json() {
        let texts: Vec<String> = pairs()
            .map(|(retagging, tagged)| {
                let said = tagged_text(tagged, &ui.style());
                if all.len() == 1 { said } else { format!("{}: {said}", retagging.region) }
            })
            .collect();
        return ui.print(&format!("\n{}", texts.join("\n")));
    }
    let mut documents: Vec<Document<'_>> =
        pairs().map(|(retagging, tagged)| Document::new(retagging, tagged)).collect();
    match copies {
        Copies::Released(_) => ui.print_json(&RetagList { schema: RETAGS, retags: documents }),
        Copies::Left => documents.pop().map_or(Ok(()), |document| ui.print_json(&document)),
    }
}

fn refused(error: HoldError) -> Failure {
    match &error {
        HoldError::NotListed { gap, .. } => {
            let hint = Some(gap.remedy.clone()).filter(|remedy| !remedy.is_empty());
            Failure { hint, ..Failure::failed(error.into()) }
        }
        HoldError::Unknown { .. } => {
            Failure::usage(error.into()).hint("look at the ids, and name the Region they are in with --region")
        }
        HoldError::NoCopies { .. } => {
            Failure::usage(error.into()).hint("look at the ids, and name the Region of the copies with --region")
        }
        HoldError::Past { .. }
        | HoldError::Reason(_)
        | HoldError::Exists { .. }
        | HoldError::NotOwned { .. }
        | HoldError::Full { .. } => Failure::usage(error.into()),
    }
}

/// Whether it is agreed that holds are taken away or shortened. Keeping longer
/// needs no asking.
async fn agreed(all: &[Retagging], yes: bool, stop: &Stop, ui: &Ui) -> Result<bool, Failure> {
    if yes || !all.iter().any(Retagging::lessens) {
        return Ok(true);
    }
    let number = all.iter().flat_map(|retagging| &retagging.changes).filter(|change| change.lessens).count();
    let ends = all.iter().any(|retagging| retagging.verb == Verb::SourceDeleted);
    let what = match (ends, number) {
        (true, 1) => "mark the source volume of 1 copy as deleted".to_owned(),
        (true, _) => format!("mark the source volumes of {number} copies as deleted"),
        (false, 1) => "take away or shorten the hold of 1 snapshot".to_owned(),
        (false, _) => format!("take away or shorten the holds of {number} snapshots"),
    };
    if !ui.can_ask() {
        return Err(Failure::usage(anyhow!("this would {what}, and there is no terminal to ask on; nothing was done"))
            .hint("add --yes to do it without asking"));
    }
    if ui.json() {
        let texts: Vec<String> = all.iter().map(|retagging| retagging_text(retagging, &ui.asking_style())).collect();
        ui.talk(&texts.join("\n\n"));
    }
    let regions: Vec<&str> = all.iter().map(|retagging| retagging.region.as_str()).collect();
    let mut question = what;
    if let Some(first) = question.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    ui.confirm(&format!("{question} in {}?", regions.join(", ")), stop).await
}
