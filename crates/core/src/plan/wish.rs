//! What a primary's own tags want of copies: where, until when, and what is done.
//!
//! Read from the snapshot alone, so that R6 needs no look at any destination.

use std::collections::BTreeSet;

use jiff::Timestamp;
use smol_str::SmolStr;

use super::keep::dated_end;
use super::policy::{age_ends, in_its_zone};
use crate::calendar;
use crate::destination::{Destination, Destinations};
use crate::id::Place;
use crate::lineage::Managed;
use crate::retention::Policy;
use crate::setting::Settings;
use crate::tags;

/// The copies that are wanted of one primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish<'a> {
    /// Where to.
    pub(super) to: Destinations,
    /// Where there is, or was, a good one.
    pub(super) done: BTreeSet<Destination>,
    /// The policy of the copies as text, if one is recorded.
    pub(super) policy: Option<&'a str>,
    /// From when on none is wanted any more; `None` where their policy has no end.
    pub(super) ends: Option<Timestamp>,
}

impl<'a> Wish<'a> {
    /// What `managed` wants; nothing of a copy, and of what names no destination.
    pub(super) fn of(managed: &Managed<'a>, settings: &Settings) -> Option<Self> {
        if managed.key.copies {
            return None;
        }
        let home = home(managed);
        let of = &managed.snapshot.tags;
        let to = Destinations::parse(of.get(tags::COPY_TO)?, &home);
        let done = of.get(tags::COPIED_TO).map(|text| Destinations::parse(text, &home).wanted).unwrap_or_default();
        let policy = copy_policy(managed);
        let ends = span_ends(managed, policy, settings);
        Some(Self { to, done, policy, ends })
    }

    /// Destinations that have none yet.
    pub(super) fn open(&self) -> impl Iterator<Item = &Destination> {
        self.to.wanted.difference(&self.done)
    }

    /// Whether the time for which copies are wanted is over.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.ends.is_some_and(|end| end <= now)
    }
}

/// Where a primary is.
pub(super) fn home(managed: &Managed<'_>) -> Place {
    Place { account: managed.key.account.clone(), region: managed.key.region.clone() }
}

/// The policy of its copies as it is recorded on a primary: their own, else its.
pub(super) fn copy_policy<'a>(managed: &Managed<'a>) -> Option<&'a str> {
    managed.snapshot.tags.get(tags::COPY_RETENTION).or_else(|| managed.recorded_retention())
}

/// The start of the source plus the span of the policy of copies. Without a
/// recorded policy its `DeleteOn` is the whole policy, else the default is.
fn span_ends(managed: &Managed<'_>, policy: Option<&str>, settings: &Settings) -> Option<Timestamp> {
    let named = managed.snapshot.tags.get(tags::TZ);
    let zone = named.and_then(calendar::zone).unwrap_or_else(|| settings.time_zone.clone());
    let policy = match policy {
        // One that nobody understands keeps copies, so it has no end.
        Some(text) => in_its_zone(Policy::parse_record(text), named).ok()?,
        None if managed.bears.delete_on => {
            let readable = |(_, value): (&SmolStr, &SmolStr)| value.trim().parse::<jiff::civil::Date>().is_ok();
            let all = managed.snapshot.tags.loose(tags::DELETE_ON).all(readable);
            return dated_end(managed).filter(|_| all);
        }
        None => settings.default_retention.clone(),
    };
    match policy {
        Policy::Age(age) => Some(age_ends(managed, age, &zone)),
        policy => policy.span_ends(managed.start, &zone),
    }
}
