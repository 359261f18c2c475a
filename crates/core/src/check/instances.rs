//! Volumes attached to instances that are not listed: nothing good of them may go. Read plainly,
//! from the two listings alone.

use std::collections::BTreeSet;

use crate::id::VolumeId;
use crate::inventory::{Inventory, Snapshot, SnapshotState};

/// The volumes that name an instance which is not in the listing. Where that broke off, a
/// missing instance means nothing.
pub(super) fn on_unlisted(inventory: &Inventory) -> BTreeSet<&VolumeId> {
    if inventory.instances.gap.is_some() {
        return BTreeSet::new();
    }
    let known: BTreeSet<&str> = inventory.instances.items.iter().map(|instance| instance.id.as_str()).collect();
    let mut volumes = BTreeSet::new();
    for volume in &inventory.volumes.items {
        if volume.attachments.iter().any(|there| !known.contains(there.instance.as_str())) {
            volumes.insert(&volume.id);
        }
    }
    volumes
}

/// Why a snapshot made here stays, if it is of such a volume. A failed one holds nothing.
pub(super) fn stays(snapshot: &Snapshot, on_unlisted: &BTreeSet<&VolumeId>) -> Option<&'static str> {
    let copy = snapshot.tags.get("Source_SnapshotId").is_some();
    let of_one = !copy && snapshot.state != SnapshotState::Error && on_unlisted.contains(&snapshot.volume);
    of_one.then_some("its volume is attached to an instance that is not listed")
}
