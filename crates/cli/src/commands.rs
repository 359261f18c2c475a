//! One module for each verb.

pub(crate) mod adopt;
pub(crate) mod apply;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod hold;
pub(crate) mod man;
pub(crate) mod plan;

use ebskeep_core::cloud::CloudError;
use ebskeep_core::id::Place;
use ebskeep_core::report::{Conclusion, words};

use crate::error::{Exit, Failure, hint};
use crate::output::RegionError;
use crate::ui::Ui;

/// A runtime for one task, which is all that anything here needs.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| Failure::failed(error.into()))
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
