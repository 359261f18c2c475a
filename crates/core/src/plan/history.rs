//! A lineage with all that its snapshots are judged by, worked out once.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::keep::{self, Facts};
use super::policy::{Policies, policies};
use crate::config::{Fleet, Scope};
use crate::id::{ImageId, InstanceId, SnapshotId, VolumeId};
use crate::inventory::{Inventory, Lock, TierStatus, Volume};
use crate::job::Grace;
use crate::lineage::{self, LineageKey, Managed, SourceVolume};
use crate::setting::Settings;

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
    /// The good snapshots that count, newest first: one for each slot.
    pub(super) good: Vec<&'a Managed<'a>>,
    /// The place of each of `snapshots` among those.
    pub(super) ranks: Vec<Option<usize>>,
    /// The live volume or instance that bears `KeepForever`, if one does.
    pub(super) live_keep_forever: Option<SmolStr>,
    /// Why its volume's backups count as failing, if they do.
    pub(super) failing: Option<SmolStr>,
    /// The instance that its volume is attached to and that a complete listing lacks, if there is one.
    pub(super) unlisted: Option<&'a InstanceId>,
}

impl<'a> Lineage<'a> {
    pub(super) fn new(key: &LineageKey, snapshots: &'a [Managed<'a>], world: &World<'a>) -> Self {
        let volume = lineage::source_volume(key, world.inventory, &world.volumes);
        let scopes = match volume {
            SourceVolume::Exists(volume) => world.fleet.scopes(volume),
            _ => Vec::new(),
        };
        let mut good: Vec<&Managed<'_>> = Vec::new();
        let mut ranks = Vec::with_capacity(snapshots.len());
        for managed in snapshots {
            let same_slot = |newer: &&Managed<'_>| managed.has_slot && newer.has_slot && newer.time == managed.time;
            let counts = managed.is_good() && !good.last().is_some_and(same_slot);
            ranks.push(counts.then_some(good.len()));
            if counts {
                good.push(managed);
            }
        }
        let now = world.inventory.now;
        let mut policies = policies(snapshots, &scopes, world.settings, now);
        if world.grace == Grace::Over {
            policies.grace.clear();
        }
        policies.weigh(&good, volume, world.settings);
        let failing = keep::failing(good.first().copied(), &scopes, now);
        let live_keep_forever = keep::live_keep_forever(volume, &scopes);
        let unlisted = scopes.iter().find_map(|scope| scope.unlisted);
        Self { snapshots, volume, scopes, policies, good, ranks, live_keep_forever, failing, unlisted }
    }

    /// What the rules look at for one of its snapshots.
    pub(super) fn facts<'s>(&'s self, managed: &'s Managed<'s>, rank: Option<usize>, world: &World<'s>) -> Facts<'s> {
        let id = &managed.snapshot.id;
        Facts {
            managed,
            volume: self.volume,
            policies: &self.policies,
            good_rank: rank,
            good: &self.good,
            live_keep_forever: self.live_keep_forever.as_ref(),
            failing: self.failing.as_ref(),
            unlisted: self.unlisted,
            image: world.images.get(id).copied(),
            lock: world.locks.get(id).copied(),
            tier: world.tiers.get(id).copied(),
            settings: world.settings,
            now: world.inventory.now,
        }
    }
}
