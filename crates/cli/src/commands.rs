//! One module for each verb.

pub(crate) mod apply;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod man;
pub(crate) mod plan;

use ebskeep_core::cloud::CloudError;
use ebskeep_core::id::Place;
use ebskeep_core::report::words;

use crate::error::{Failure, hint};
use crate::output::RegionError;
use crate::ui::Ui;

/// A runtime for one task, which is all that anything here needs.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| Failure::failed(error.into()))
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
