//! Where the next snapshot of a volume on an Outpost or in a Local Zone is
//! stored (docs/semantics.md 6).
//!
//! AWS wants all snapshots of a volume in one place: "If the most recent
//! snapshot of a volume is local, all successive snapshots must be local", and
//! the reverse. Source: Amazon EBS User Guide, "Local snapshots".

use std::collections::BTreeMap;

use crate::id::VolumeId;
use crate::inventory::{Inventory, Snapshot, SnapshotState, Volume};
use crate::setting::{Outposts, Settings};
use crate::site::{Location, Stored};

/// Where a snapshot is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// There; `None` where AWS gives no choice.
    At(Option<Location>),
    /// Nowhere: the setting `outposts` skips the volume.
    Skipped,
}

/// The newest snapshot of each volume that is on an Outpost or in a Local Zone,
/// whoever took it, failed ones aside.
pub(super) fn newest_of_local_volumes(inventory: &Inventory) -> BTreeMap<&VolumeId, &Snapshot> {
    let mut newest: BTreeMap<&VolumeId, Option<&Snapshot>> = inventory
        .volumes
        .items
        .iter()
        .filter(|volume| volume.site.is_some())
        .map(|volume| (&volume.id, None))
        .collect();
    if newest.is_empty() {
        return BTreeMap::new();
    }
    for snapshot in inventory.snapshots.items.iter().filter(|snapshot| snapshot.state != SnapshotState::Error) {
        if let Some(so_far) = newest.get_mut(&snapshot.volume)
            && so_far.is_none_or(|other| (other.started, &other.id) < (snapshot.started, &snapshot.id))
        {
            *so_far = Some(snapshot);
        }
    }
    newest.into_iter().filter_map(|(volume, snapshot)| Some((volume, snapshot?))).collect()
}

/// Where the next snapshot of a volume is stored: where its newest one is, else
/// where the setting says.
pub(super) fn next(volume: &Volume, newest: Option<&Snapshot>, settings: &Settings) -> Next {
    let Some(site) = &volume.site else { return Next::At(None) };
    let stored = match (newest, settings.outposts) {
        (Some(newest), _) if newest.site.is_some() => Stored::Local,
        (Some(_), _) | (None, Outposts::Region) => Stored::Region,
        (None, Outposts::Local) => Stored::Local,
        (None, Outposts::Skip) => return Next::Skipped,
    };
    Next::At(Some(Location { site: site.clone(), stored }))
}
