//! The cases, each one promise of the port.

use std::pin::Pin;

use crate::check::Verdict;
use crate::stage::Stage;

mod copies;
mod failures;
mod filters;
mod ids;
mod images;
mod instances;
mod listing;
mod locks;
mod place;
mod sets;
mod sharing;
mod snapshots;
mod tags;
mod tiers;
mod volumes;

/// One promise, and what shows whether it is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    /// `module::what_is_promised`.
    pub(crate) name: &'static str,
    pub(crate) run: for<'a> fn(&'a Stage) -> Pin<Box<dyn Future<Output = Verdict> + 'a>>,
}

/// A module's functions as its list of cases.
macro_rules! cases {
    ($module:literal: $($case:ident),* $(,)?) => {
        pub(super) const CASES: &[crate::cases::Case] = &[$(crate::cases::Case {
            name: concat!($module, "::", stringify!($case)),
            run: |stage| Box::pin($case(stage)),
        }),*];
    };
}
use cases;

/// All of them, in the order in which they are shown.
pub(crate) fn all() -> Vec<Case> {
    [
        place::CASES,
        listing::CASES,
        ids::CASES,
        filters::CASES,
        instances::CASES,
        volumes::CASES,
        images::CASES,
        snapshots::CASES,
        locks::CASES,
        tiers::CASES,
        sets::CASES,
        copies::CASES,
        sharing::CASES,
        tags::CASES,
        failures::CASES,
    ]
    .concat()
}
