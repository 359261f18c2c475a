//! The copies of snapshots that are released, where they are.

use std::collections::BTreeSet;

use crate::id::{Place, SnapshotId};
use crate::inventory::Inventory;
use crate::lineage::classify;
use crate::setting::Settings;
use crate::tags::SOURCE_SNAPSHOT;

/// Our copies of these snapshots in every Place where copies were looked for
/// ([`Inventory::destinations`]), by Place; Places that have none are left out.
pub fn copies_of(inventory: &Inventory, ids: &[SnapshotId], settings: &Settings) -> Vec<(Place, Vec<SnapshotId>)> {
    let ids: BTreeSet<&str> = ids.iter().map(SnapshotId::as_str).collect();
    let home = &inventory.place;
    let all = inventory.destinations.iter().map(|there| {
        let copies = there.snapshots.items.iter().filter(|snapshot| {
            let of_these = snapshot.tags.get(SOURCE_SNAPSHOT).is_some_and(|source| ids.contains(source));
            of_these
                && classify(snapshot, &there.place, &settings.deployment).is_ok_and(|managed| {
                    managed.key.copies && managed.key.account == home.account && managed.key.region == home.region
                })
        });
        (there.place.clone(), copies.map(|copy| copy.id.clone()).collect::<Vec<_>>())
    });
    all.filter(|(_, copies)| !copies.is_empty()).collect()
}
