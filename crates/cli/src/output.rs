//! The JSON documents of several Regions, and how runs side by side end
//! together. One Region's documents are core's.

use ebskeep_core::id::Region;
use ebskeep_core::plan::Plan;
use ebskeep_core::report::Report;
use ebskeep_core::retag;
use ebskeep_core::watch::Watch;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::Exit;

/// The schema of several reports.
pub(crate) const REPORTS: &str = "ebskeep.reports/1";

/// `ebskeep.plans/1`: the plans of several Regions.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PlanList<'a> {
    /// `ebskeep.plans/1`.
    pub(crate) schema: &'static str,
    /// One for each Region that could be seen, sorted by Region.
    pub(crate) plans: Vec<&'a Plan>,
    /// The Regions that could not.
    pub(crate) errors: &'a [RegionError],
}

/// `ebskeep.reports/1`: the reports of several Regions.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ReportList<'a> {
    /// `ebskeep.reports/1`.
    pub(crate) schema: &'static str,
    /// One for each Region that could be seen, sorted by Region.
    pub(crate) reports: &'a [Report],
    /// The Regions that could not.
    pub(crate) errors: &'a [RegionError],
}

/// The schema of several watches.
pub(crate) const WATCHES: &str = "ebskeep.watches/1";

/// `ebskeep.watches/1`: what `watch` found in several Regions.
#[derive(Serialize, JsonSchema)]
pub(crate) struct WatchList<'a> {
    /// `ebskeep.watches/1`.
    pub(crate) schema: &'static str,
    /// One for each Region that could be seen, sorted by Region.
    pub(crate) watches: &'a [Watch],
    /// The Regions that could not.
    pub(crate) errors: &'a [RegionError],
}

/// The schema of several retaggings.
pub(crate) const RETAGS: &str = "ebskeep.retags/1";

/// `ebskeep.retags/1`: what `release --copies` changed at home, and where copies
/// are.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RetagList<'a> {
    /// `ebskeep.retags/1`.
    pub(crate) schema: &'static str,
    /// One for each Place: the snapshots named first, then their copies.
    pub(crate) retags: Vec<retag::Document<'a>>,
}

/// A Region in which nothing answered.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct RegionError {
    /// The Region.
    pub(crate) region: Region,
    /// The error and its causes, in words.
    pub(crate) error: String,
}

/// How runs side by side end together: as all of them do, or else partly done.
/// `something_done` tells whether any of them changed anything.
pub(crate) fn together(exits: &[Exit], something_done: bool) -> Exit {
    let Some(first) = exits.first() else { return Exit::Done };
    if exits.iter().all(|exit| exit == first) {
        *first
    } else if exits.contains(&Exit::Interrupted) && !something_done {
        Exit::Interrupted
    } else {
        Exit::Partly
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_side_by_side_end_as_all_of_them_or_partly_done() {
        for (exits, done, expected) in [
            (&[Exit::Done, Exit::Done][..], true, Exit::Done),
            (&[Exit::Failed, Exit::Failed], false, Exit::Failed),
            (&[Exit::Refused, Exit::Refused], false, Exit::Refused),
            (&[Exit::Done, Exit::Failed], false, Exit::Partly),
            (&[Exit::Refused, Exit::Done], true, Exit::Partly),
            (&[Exit::Interrupted, Exit::Done], false, Exit::Interrupted),
            (&[Exit::Interrupted, Exit::Done], true, Exit::Partly),
            (&[Exit::Interrupted, Exit::Interrupted], false, Exit::Interrupted),
        ] {
            assert_eq!(together(exits, done), expected, "{exits:?}");
        }
    }
}
