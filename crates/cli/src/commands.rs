//! One module for each verb.

pub(crate) mod adopt;
pub(crate) mod apply;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod explain;
pub(crate) mod forecast;
pub(crate) mod hold;
pub(crate) mod man;
pub(crate) mod plan;
pub(crate) mod watch;
pub(crate) mod what_if;

use ebskeep_core::cloud::CloudError;
use ebskeep_core::id::Place;
use ebskeep_core::inventory::Inventory;
use ebskeep_core::job::{Event, Run};
use ebskeep_core::paced::Pacing;
use ebskeep_core::plan::unsettled_volumes;
use ebskeep_core::report::{Conclusion, words};
use ebskeep_core::setting::Settings;
use ebskeep_core::stop::Stop;

use crate::cli::{AwsArgs, InventoryArgs};
use crate::error::{Exit, Failure, hint};
use crate::inventory;
use crate::output::RegionError;
use crate::place::{SystemClock, one_region, places};
use crate::signals::{obeyed, unless_stopped};
use crate::ui::Ui;

/// A runtime for one task, which is all that anything here needs.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| Failure::failed(error.into()))
}

/// How far a verb looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Far {
    /// One Place.
    Here,
    /// And where the copies of what is there go.
    WhereCopiesGo,
}

/// What there is in one Place: in AWS, or in the files given.
fn one_inventory(
    seen: &InventoryArgs,
    aws: &AwsArgs,
    far: Far,
    settings: &Settings,
    ui: &Ui,
) -> Result<Inventory, Failure> {
    if !seen.inventory.is_empty() {
        return inventory::read(seen, aws, settings);
    }
    one_region(aws)?;
    let stop = Stop::new();
    let work = async {
        // Boxed, since what finds credentials is large.
        let there = Box::pin(places(aws, None)).await?;
        let place =
            there.places.first().ok_or_else(|| Failure::failed(anyhow::anyhow!("there is no Region to look at")))?;
        let pacing = Pacing::new(settings.api_share);
        let on_event = |place: &Place, event: Event<'_>| ui.event(place, event);
        let run = Run::new(&there.aws, place, &SystemClock, settings, &stop, &pacing, &on_event);
        let mut inventory = run.observe(seen.now, |inventory| unsettled_volumes(inventory, settings)).await?;
        if far == Far::WhereCopiesGo {
            run.observe_destinations(&mut inventory).await;
        }
        Ok(inventory)
    };
    runtime()?.block_on(obeyed(unless_stopped(&stop, work), &stop, ui))??
}

/// How a run that ended so ends the command.
fn exit(conclusion: Conclusion, something_done: bool) -> Exit {
    match conclusion {
        Conclusion::Done => Exit::Done,
        Conclusion::Partial => Exit::Partly,
        Conclusion::Unfinished if something_done => Exit::Partly,
        Conclusion::Unfinished => Exit::Interrupted,
        Conclusion::Refused => Exit::Refused,
        Conclusion::Failed => Exit::Failed,
    }
}

/// What was done is done; that it could not be told is a part that failed.
fn told(told: Result<(), Failure>, exit: Exit) -> Result<Exit, Failure> {
    match told {
        Err(failure) if exit == Exit::Done => Err(Failure { exit: Exit::Partly, ..failure }),
        Err(failure) => Err(Failure { exit, ..failure }),
        Ok(()) => Ok(exit),
    }
}

/// Parts the Places that answered from those that did not, and tells of the
/// latter.
fn parted<T>(
    places: &[Place],
    answers: impl IntoIterator<Item = Result<T, CloudError>>,
    ui: &Ui,
) -> (Vec<(usize, T)>, Vec<RegionError>) {
    let mut answered = Vec::new();
    let mut errors = Vec::new();
    for (index, (place, answer)) in places.iter().zip(answers).enumerate() {
        match answer {
            Ok(answer) => answered.push((index, answer)),
            Err(error) => {
                let region = place.region.clone();
                ui.error(&anyhow::anyhow!("{region}: {}", words(&error)), hint(&error).as_deref());
                errors.push(RegionError { region, error: words(&error) });
            }
        }
    }
    (answered, errors)
}
