//! Copies that follow their source: holds, and a date that moved later. Nothing
//! here makes a copy go sooner.

use jiff::civil::Date;
use smol_str::SmolStr;

use super::Copier;
use crate::destination::Destination;
use crate::inventory::Snapshot;
use crate::lineage::Managed;
use crate::plan::{Action, FollowSource};
use crate::tags::{self, Tags};

impl<'a> Copier<'a> {
    /// What the copies of a primary at one destination are to be tagged with.
    pub(super) fn follow(&mut self, managed: &Managed<'a>, destination: &Destination) {
        let place = destination.place(&self.inventory.place.account);
        let Some(there) = self.there.get(&place) else { return };
        for copy in there.of(managed).alive() {
            let written = written(managed, copy);
            if !written.is_empty() {
                self.out.actions.push(Action::FollowSource(Box::new(FollowSource {
                    snapshot_id: copy.id.clone(),
                    destination: destination.clone(),
                    source_id: managed.snapshot.id.clone(),
                    volume_id: managed.key.volume.clone(),
                    before: copy.tags.clone(),
                    tags: written,
                })));
            }
        }
    }
}

fn written(managed: &Managed<'_>, copy: &Snapshot) -> Tags {
    let mut written = Tags::new();
    let source = &managed.snapshot.tags;
    if let Some((_, value)) = source.loose(tags::KEEP_FOREVER).next()
        && copy.tags.loose(tags::KEEP_FOREVER).next().is_none()
    {
        written.set(tags::KEEP_FOREVER, value.clone());
    }
    let hold = Dates::of(source, tags::KEEP_UNTIL).later_than(&Dates::of(&copy.tags, tags::KEEP_UNTIL));
    if let Some(later) = hold {
        written.set(tags::KEEP_UNTIL, later);
    }
    if !written.is_empty()
        && let Some((_, why)) = source.loose(tags::KEEP_REASON).next()
        && copy.tags.loose(tags::KEEP_REASON).next().is_none()
    {
        written.set(tags::KEEP_REASON, why.clone());
    }
    // A copy with a policy of its own goes by that.
    if source.get(tags::COPY_RETENTION).is_none() {
        let (theirs, its) = (Dates::of(source, tags::DELETE_ON), Dates::of(&copy.tags, tags::DELETE_ON));
        // One without a date may be under rules, or have had it removed, which keeps.
        if let Some(later) = its.latest.and_then(|_| theirs.later_than(&its)) {
            written.set(tags::DELETE_ON, later);
        }
    }
    written
}

/// The dates under one key, in whatever spelling.
struct Dates<'t> {
    latest: Option<Date>,
    /// One that nobody can read, which keeps.
    unreadable: Option<&'t SmolStr>,
}

impl<'t> Dates<'t> {
    fn of(tags: &'t Tags, key: &'t str) -> Self {
        let mut dates = Self { latest: None, unreadable: None };
        for (_, value) in tags.loose(key) {
            match value.trim().parse::<Date>() {
                Ok(date) => dates.latest = dates.latest.max(Some(date)),
                Err(_) => dates.unreadable = Some(value),
            }
        }
        dates
    }

    /// What is to be written where `other` says so far; nothing where that keeps
    /// as long or longer.
    fn later_than(&self, other: &Self) -> Option<SmolStr> {
        if other.unreadable.is_some() {
            return None;
        }
        if let Some(text) = self.unreadable {
            return Some(text.clone());
        }
        self.latest.filter(|date| Some(*date) > other.latest).map(|date| date.to_string().into())
    }
}
