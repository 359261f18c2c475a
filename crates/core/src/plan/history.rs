//! A lineage with all that its snapshots are judged by, worked out once.

use std::collections::BTreeMap;

use jiff::Timestamp;
use smol_str::SmolStr;

use super::grace::{Policies, newest_good, policies};
use super::keep::{self, Ask, Facts, Opinion};
use super::marking;
use super::order::{Ending, Order};
use super::policy::Around;
use crate::config::{Fleet, Scope};
use crate::id::{ImageId, InstanceId, SnapshotId, VolumeId};
use crate::inventory::{Inventory, Lock, Snapshot, SnapshotState, TierStatus, Volume};
use crate::job::Grace;
use crate::lineage::{self, LineageKey, Managed, SourceVolume};
use crate::setting::Settings;
use crate::tags;

/// An inventory arranged for looking up.
pub(super) struct World<'a> {
    /// All that was observed.
    pub(super) inventory: &'a Inventory,
    /// What live tags say.
    pub(super) fleet: &'a Fleet<'a>,
    /// The settings.
    pub(super) settings: &'a Settings,
    grace: Grace,
    volumes: BTreeMap<&'a VolumeId, &'a Volume>,
    images: BTreeMap<&'a SnapshotId, &'a ImageId>,
    locks: BTreeMap<&'a SnapshotId, &'a Lock>,
    tiers: BTreeMap<&'a SnapshotId, &'a TierStatus>,
}

impl<'a> World<'a> {
    pub(super) fn new(inventory: &'a Inventory, fleet: &'a Fleet<'a>, settings: &'a Settings, grace: Grace) -> Self {
        let mut images = BTreeMap::new();
        for image in &inventory.images.items {
            for snapshot in &image.snapshots {
                // Of several the first by id.
                images.entry(snapshot).or_insert(&image.id);
            }
        }
        Self {
            inventory,
            fleet,
            settings,
            grace,
            volumes: lineage::volumes_by_id(inventory),
            images,
            locks: inventory.locks.items.iter().map(|lock| (&lock.snapshot, lock)).collect(),
            tiers: inventory.tiers.items.iter().map(|tier| (&tier.snapshot, tier)).collect(),
        }
    }
}

impl World<'_> {
    /// When a snapshot's temporary restore from the archive ends, if it has one. What
    /// AWS says of the tier was read later than the listing.
    pub(super) fn restore_expires(&self, snapshot: &Snapshot) -> Option<Timestamp> {
        self.tiers.get(&snapshot.id).and_then(|tier| tier.restore_expires).or(snapshot.restore_expires)
    }
}

/// A lineage and what governs it.
pub(super) struct Lineage<'a> {
    /// Its snapshots, newest first.
    pub(super) snapshots: &'a [Managed<'a>],
    /// What can be said of its volume.
    pub(super) volume: SourceVolume<'a>,
    /// What the live tags say, if the volume exists.
    pub(super) scopes: Vec<Scope<'a>>,
    /// What governs it.
    pub(super) policies: Policies,
    /// Whether its history has an end.
    pub(super) ending: Ending,
    /// Where the volume is to be marked as deleted: whether there is room for the mark.
    pub(super) marks_gone: Option<bool>,
    /// The good snapshots that count, newest first, in each order.
    pub(super) orders: Vec<Order<'a>>,
    /// The good snapshot that began last.
    pub(super) begun_last: Option<&'a Managed<'a>>,
    /// The live volume or instance that bears `KeepForever`, if one does.
    pub(super) live_keep_forever: Option<SmolStr>,
    /// Why its volume's backups count as failing, if they do.
    pub(super) failing: Option<SmolStr>,
    /// The instance that its volume is attached to and that a complete listing lacks, if there is one.
    pub(super) unlisted: Option<&'a InstanceId>,
}

/// What is taken for granted of a volume that is not listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presumed {
    /// Nothing beyond what was observed.
    Nothing,
    /// It was found deleted long ago, where no mark says when.
    Gone,
    /// It was found deleted when the newest snapshot began, where no mark says when.
    Marked,
}

impl<'a> Lineage<'a> {
    pub(super) fn new(key: &LineageKey, snapshots: &'a [Managed<'a>], world: &World<'a>) -> Self {
        let mut lineage = Self::presuming(Presumed::Nothing, key, snapshots, world);
        if lineage.volume == SourceVolume::Gone && lineage.ending == Ending::NotBegun {
            let room = |newest: &Managed<'_>| marking::has_room(newest, tags::GONE);
            lineage.marks_gone = Some(lineage.begun_last.is_some_and(room));
        }
        lineage
    }

    /// Whether a good snapshot would go if a volume that is not listed were deleted, and the
    /// grace after that were over.
    pub(super) fn would_lose(key: &LineageKey, snapshots: &'a [Managed<'a>], world: &World<'a>) -> bool {
        let mut lost = false;
        Self::presuming(Presumed::Gone, key, snapshots, world).judge(world, |_, managed, opinions| {
            lost |= managed.snapshot.state != SnapshotState::Error && !opinions.iter().any(Opinion::keeps);
        });
        lost
    }

    /// How many snapshots, failed ones aside, would go if a mark said that the volume was found
    /// deleted when the newest of them began.
    pub(super) fn would_go_if_marked(key: &LineageKey, snapshots: &'a [Managed<'a>], world: &World<'a>) -> usize {
        let mut going = 0;
        Self::presuming(Presumed::Marked, key, snapshots, world).judge(world, |_, managed, opinions| {
            let goes = managed.snapshot.state != SnapshotState::Error && !opinions.iter().any(Opinion::keeps);
            going += usize::from(goes);
        });
        going
    }

    fn presuming(presumed: Presumed, key: &LineageKey, snapshots: &'a [Managed<'a>], world: &World<'a>) -> Self {
        let volume = match (presumed, lineage::source_volume(key, world.inventory, &world.volumes)) {
            (Presumed::Gone, SourceVolume::NotSeen) => SourceVolume::Gone,
            (_, volume) => volume,
        };
        let (live, scopes) = match volume {
            SourceVolume::Exists(volume) => (Some(volume), world.fleet.scopes(volume)),
            _ => (None, Vec::new()),
        };
        let now = world.inventory.now;
        let ending = match (presumed, Ending::of(volume, snapshots, now)) {
            (Presumed::Gone, Ending::NotBegun) => Ending::Begun(Timestamp::MIN),
            (Presumed::Marked, Ending::NotBegun) => {
                Ending::Begun(snapshots.iter().map(|managed| managed.start).max().unwrap_or(now))
            }
            (_, ending) => ending,
        };
        let orders = Order::all(snapshots);
        let around = Around { volume: live, scopes: &scopes, ending, settings: world.settings, now };
        let mut policies = policies(snapshots, &around);
        if world.grace == Grace::Over {
            policies.grace.clear();
        }
        policies.weigh(&orders, ending, world.settings);
        let failing = keep::failing(&orders, &scopes, now);
        let live_keep_forever = keep::live_keep_forever(volume, &scopes);
        let begun_last = newest_good(snapshots);
        let unlisted = scopes.iter().find_map(|scope| scope.unlisted);
        Self {
            snapshots,
            volume,
            scopes,
            policies,
            ending,
            marks_gone: None,
            orders,
            begun_last,
            live_keep_forever,
            failing,
            unlisted,
        }
    }

    /// When the volume was found deleted: by the mark, or now, where this run writes it.
    pub(super) fn marked(&self, now: Timestamp) -> Option<Timestamp> {
        match (self.ending, self.marks_gone) {
            (Ending::Begun(mark), _) => Some(mark),
            (Ending::NotBegun, Some(true)) => Some(now),
            (Ending::None | Ending::NotBegun, _) => None,
        }
    }

    /// What the rules look at for the snapshot at a place of its lineage.
    pub(super) fn facts<'s>(&'s self, at: usize, managed: &'s Managed<'s>, world: &World<'s>) -> Facts<'s> {
        let id = &managed.snapshot.id;
        Facts {
            managed,
            lineage: self,
            at,
            image: world.images.get(id).copied(),
            lock: world.locks.get(id).copied(),
            tier: world.tiers.get(id).copied(),
            settings: world.settings,
            now: world.inventory.now,
        }
    }

    /// What every rule that matters says of each of its snapshots.
    pub(super) fn judge<'s>(
        &'s self,
        world: &World<'s>,
        mut each: impl FnMut(usize, &'s Managed<'s>, &mut Vec<Opinion>),
    ) {
        let mut opinions = Vec::new();
        for (at, managed) in self.snapshots.iter().enumerate() {
            keep::judge(&self.facts(at, managed, world), Ask::Passed, &mut opinions);
            each(at, managed, &mut opinions);
        }
    }
}
