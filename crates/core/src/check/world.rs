//! What the checks look at: the plan beside what it was made from, arranged for
//! looking up by plain facts. Nothing here is the deciders'.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;

use super::policy::moved;
use super::{NOT_LIVE, utc_date};
use crate::id::{SnapshotId, VolumeId};
use crate::inventory::{Inventory, LockState, Snapshot, SnapshotState, StorageTier, TierStatus, Volume, VolumeState};
use crate::plan::{Action, Deletion, ExpireVerdict, Plan};
use crate::setting::Settings;
use crate::tags::Tags;

/// The plan and what it was made from, arranged for looking up by plain facts. What
/// there may be a million of is brought together once, and found by its place.
pub(super) struct World<'a> {
    pub(super) plan: &'a Plan,
    pub(super) inventory: &'a Inventory,
    pub(super) settings: &'a Settings,
    /// The default retention as it would stand on a tag.
    pub(super) default_retention: &'a str,
    /// What was due at this instant, as long ago as `backlog` says, is overdue.
    pub(super) then: Timestamp,
    /// All that is listed, by id.
    pub(super) listed: Vec<Listed<'a>>,
    pub(super) live_volumes: BTreeMap<&'a VolumeId, &'a Volume>,
    /// Volumes that are listed on their way out.
    pub(super) leaving: BTreeSet<&'a VolumeId>,
    /// The deletions, in the plan's order, and where each is among what is listed.
    pub(super) deletions: Vec<(&'a Deletion, Option<usize>)>,
    /// Deletions of what is not listed.
    pub(super) unlisted: BTreeSet<&'a SnapshotId>,
    /// Snapshots whose verdict is delete, but no action does it; in the plan's order.
    pub(super) silent: Vec<&'a SnapshotId>,
    /// What AWS says is locked now.
    pub(super) locked: BTreeSet<&'a SnapshotId>,
    /// When locks end or ended, where that is known.
    pub(super) lock_ends: BTreeMap<&'a SnapshotId, Timestamp>,
    /// What AWS says of the storage tiers of snapshots.
    pub(super) tiers: BTreeMap<&'a SnapshotId, &'a TierStatus>,
    /// The tags of instances that count, by the volumes they have.
    pub(super) instances: BTreeMap<&'a VolumeId, Vec<&'a Tags>>,
    /// The places of snapshots by where they came from.
    pub(super) histories: BTreeMap<Origin<'a>, Vec<usize>>,
}

/// A snapshot, and what the plan says of it.
pub(super) struct Listed<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) ours: bool,
    pub(super) verdict: Option<ExpireVerdict>,
    /// How many actions delete it.
    pub(super) deletions: usize,
}

/// Where a snapshot came from: of one made here the volume alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin<'a> {
    /// Whether it is a copy, be its volume one of here or of elsewhere.
    pub(super) copied: bool,
    pub(super) account: &'a str,
    pub(super) region: &'a str,
    pub(super) volume: &'a str,
}

impl<'a> World<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        inventory: &'a Inventory,
        settings: &'a Settings,
        default_retention: &'a str,
    ) -> Self {
        let gone = |state| matches!(state, VolumeState::Deleting | VolumeState::Deleted);
        let mut world = Self {
            plan,
            inventory,
            settings,
            default_retention,
            then: moved(plan.now, settings.backlog, -1).unwrap_or(Timestamp::MIN),
            listed: Vec::new(),
            live_volumes: inventory.volumes.items.iter().filter(|v| !gone(v.state)).map(|v| (&v.id, v)).collect(),
            leaving: inventory.volumes.items.iter().filter(|v| gone(v.state)).map(|v| &v.id).collect(),
            deletions: Vec::new(),
            unlisted: BTreeSet::new(),
            silent: Vec::new(),
            locked: inventory
                .locks
                .items
                .iter()
                .filter(|lock| lock.state != LockState::Expired)
                .map(|lock| &lock.snapshot)
                .collect(),
            lock_ends: inventory.locks.items.iter().filter_map(|lock| Some((&lock.snapshot, lock.expires?))).collect(),
            tiers: inventory.tiers.items.iter().map(|tier| (&tier.snapshot, tier)).collect(),
            instances: BTreeMap::new(),
            histories: BTreeMap::new(),
        };
        for instance in inventory.instances.items.iter().filter(|i| !NOT_LIVE.contains(&i.state)) {
            for device in &instance.devices {
                world.instances.entry(&device.volume).or_default().push(&instance.tags);
            }
        }
        world.list();
        world.join();
        world
    }

    /// Lists the snapshots, and finds those that came from the same volume.
    fn list(&mut self) {
        let listed = self.inventory.snapshots.items.iter();
        self.listed = listed
            .map(|snapshot| Listed { snapshot, ours: self.ours(snapshot), verdict: None, deletions: 0 })
            .collect();
        self.listed.sort_by(|a, b| a.snapshot.id.cmp(&b.snapshot.id));
        // First by a number that is the same where the volume is, since numbers are quickly sorted.
        let mut order: Vec<(u64, usize)> = Vec::with_capacity(self.listed.len());
        for (place, listed) in self.listed.iter().enumerate() {
            let volume = origin(listed.snapshot).volume;
            order.push((volume.as_bytes().last_chunk().map_or(0, |end| u64::from_le_bytes(*end)), place));
        }
        order.sort_unstable();
        for alike in order.chunk_by(|(one, _), (other, _)| one == other) {
            let mut histories: BTreeMap<Origin<'a>, Vec<usize>> = BTreeMap::new();
            for (listed, place) in alike.iter().filter_map(|(_, place)| Some((self.listed.get(*place)?, *place))) {
                histories.entry(origin(listed.snapshot)).or_default().push(place);
            }
            self.histories.extend(histories);
        }
    }

    /// Puts what the plan says beside what is listed.
    fn join(&mut self) {
        let deletions: Vec<&Deletion> = self
            .plan
            .actions
            .iter()
            .filter_map(|action| match action {
                Action::DeleteSnapshot(deletion) => Some(deletion),
                _ => None,
            })
            .collect();
        let places = self.places(deletions.iter().map(|deletion| &deletion.snapshot_id));
        for (deletion, place) in deletions.into_iter().zip(places) {
            self.deletions.push((deletion, place));
            match place.and_then(|place| self.listed.get_mut(place)) {
                Some(listed) => listed.deletions += 1,
                None => {
                    self.unlisted.insert(&deletion.snapshot_id);
                }
            }
        }
        let verdicts = &self.plan.snapshots;
        for (verdict, place) in verdicts.iter().zip(self.places(verdicts.iter().map(|verdict| &verdict.snapshot_id))) {
            let id = &verdict.snapshot_id;
            let done = match place.and_then(|place| self.listed.get_mut(place)) {
                Some(listed) => {
                    listed.verdict = Some(verdict.verdict);
                    listed.deletions > 0
                }
                None => self.unlisted.contains(id),
            };
            if verdict.verdict == ExpireVerdict::Delete && !done {
                self.silent.push(id);
            }
        }
    }

    /// Where each of these is among what is listed. They are sorted and gone through
    /// side by side: a million searches would take longer than everything else.
    fn places<'i>(&self, ids: impl Iterator<Item = &'i SnapshotId>) -> Vec<Option<usize>> {
        let mut wanted: Vec<(SnapshotId, usize)> = ids.cloned().zip(0..).collect();
        wanted.sort();
        let mut places = vec![None; wanted.len()];
        let mut listed = self.listed.iter().map(|listed| &listed.snapshot.id).enumerate().peekable();
        for (id, which) in wanted {
            while listed.next_if(|(_, there)| **there < id).is_some() {}
            let found = listed.peek().filter(|(_, there)| **there == id).map(|(place, _)| *place);
            if let Some(place) = places.get_mut(which) {
                *place = found;
            }
        }
        places
    }

    /// Whether a snapshot's own tags say that it is ours, read plainly.
    fn ours(&self, snapshot: &Snapshot) -> bool {
        let tag = |key| snapshot.tags.get(key);
        let automated = tag("Type").is_some_and(|value| value.eq_ignore_ascii_case("automated"));
        let deployment = tag("ebskeep:deployment").unwrap_or("default") == self.settings.deployment.as_str();
        let copied = tag("Source_SnapshotId").is_some();
        let copy = copied
            && ["ebskeep:volume", "ebskeep:source-region", "ebskeep:source-account"]
                .iter()
                .all(|key| tag(key).is_some());
        let date = || tag("DeleteOn").and_then(|text| text.trim().parse::<Date>().ok());
        let dated = || date().is_some_and(|date| date > utc_date(snapshot.started));
        let volume = tag("ebskeep:volume").is_none_or(|volume| volume == snapshot.volume.as_str());
        let made_here = !copied && !snapshot.volume.is_dummy() && (tag("ebskeep:slot").is_some() || dated()) && volume;
        let foreign = snapshot.tags.iter().any(|(key, _)| is_foreign(key));
        let owned = snapshot.owner == self.inventory.place.account && !foreign;
        owned && automated && deployment && (copy || made_here)
    }

    /// Ours of a volume here.
    pub(super) fn ours_of(&self, volume: &'a VolumeId) -> impl Iterator<Item = &'a Snapshot> {
        let here = Origin { copied: false, account: "", region: "", volume: volume.as_str() };
        let places = self.histories.get(&here).map_or(&[][..], Vec::as_slice);
        self.at(places).filter(|listed| listed.ours).map(|listed| listed.snapshot)
    }

    /// What is at these places.
    pub(super) fn at(&self, places: &[usize]) -> impl Iterator<Item = &Listed<'a>> {
        places.iter().filter_map(|place| self.listed.get(*place))
    }

    /// What is listed under an id.
    pub(super) fn find(&self, id: &SnapshotId) -> Option<&'a Snapshot> {
        let place = self.listed.binary_search_by(|listed| listed.snapshot.id.cmp(id)).ok()?;
        self.listed.get(place).map(|listed| listed.snapshot)
    }

    /// The volume of a snapshot made here, if it is live.
    pub(super) fn live_volume(&self, snapshot: &Snapshot) -> Option<&'a Volume> {
        let copy = snapshot.tags.get("Source_SnapshotId").is_some();
        self.live_volumes.get(&snapshot.volume).copied().filter(|_| !copy)
    }

    /// The tags of the instances that have a volume.
    pub(super) fn instances_of(&self, volume: &VolumeId) -> Vec<&'a Tags> {
        self.instances.get(volume).cloned().unwrap_or_default()
    }

    /// Whether a snapshot is less than an hour old. A copy is as old as its source,
    /// whatever its own start.
    pub(super) fn is_young(&self, snapshot: &Snapshot) -> bool {
        let copy = snapshot.tags.get("Source_SnapshotId").is_some();
        !copy && snapshot.started.as_second() + 60 * 60 > self.plan.now.as_second()
    }

    /// Why a snapshot's way through the archive keeps it.
    pub(super) fn stays_in_archive(&self, snapshot: &Snapshot) -> Option<&'static str> {
        let now = self.plan.now.as_second();
        let status = self.tiers.get(&snapshot.id);
        let ends = status.and_then(|status| status.restore_expires).or(snapshot.restore_expires);
        let archived = status.and_then(|status| status.archived_at).map(Timestamp::as_second);
        if status.is_some_and(|status| status.moving.is_some()) {
            return Some("it is on its way between the storage tiers");
        }
        if ends.is_some_and(|end| end.as_second() > now) {
            return Some("its temporary restore from the archive is not over");
        }
        // One that is said to be restored for a time is archived, too.
        let shown = snapshot.tier == StorageTier::Archive
            || status.is_some_and(|status| status.tier == StorageTier::Archive)
            || ends.is_some();
        let young = archived.is_none_or(|at| at + 90 * 86_400 > now);
        ((shown || archived.is_some()) && young).then_some("it is not known to be archived for 90 days")
    }

    /// How many are ours. Failed and pending ones are in no limit's number.
    pub(super) fn managed(&self) -> usize {
        let counts = |state| !matches!(state, SnapshotState::Error | SnapshotState::Pending);
        self.listed.iter().filter(|listed| listed.ours && counts(listed.snapshot.state)).count()
    }
}

pub(super) fn origin(snapshot: &Snapshot) -> Origin<'_> {
    let tag = |key| snapshot.tags.get(key).unwrap_or_default();
    match snapshot.tags.get("Source_SnapshotId") {
        Some(_) => Origin {
            copied: true,
            account: tag("ebskeep:source-account"),
            region: tag("ebskeep:source-region"),
            volume: tag("ebskeep:volume"),
        },
        None => Origin { copied: false, account: "", region: "", volume: snapshot.volume.as_str() },
    }
}

/// Whether a key is another service's mark.
fn is_foreign(key: &str) -> bool {
    // Most keys begin otherwise.
    if !key.get(..3).is_some_and(|begin| begin.eq_ignore_ascii_case("aws") || begin.eq_ignore_ascii_case("dlm")) {
        return false;
    }
    let key = key.to_lowercase();
    key.starts_with("aws:backup:") || key.starts_with("aws:dlm:") || key == "dlm:managed"
}
