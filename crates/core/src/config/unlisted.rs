//! Volumes that are attached to an instance which a complete listing lacks
//! (docs/semantics.md 2.6): what that instance's tags say is not known.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, ToSpan};
use smol_str::SmolStr;

use crate::id::{InstanceId, VolumeId};
use crate::inventory::{Inventory, Snapshot};
use crate::lineage;
use crate::tags;

/// Hours within which a good backup that names the instance began, where it shows that the
/// instance's volumes are backed up: 31 days, so that a monthly backup is one
/// (docs/semantics.md 2.6).
const LATELY: i64 = 31 * 24;

/// An attachment to an instance that the listing lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unlisted<'a> {
    /// The instance.
    pub instance: &'a InstanceId,
    /// The device name there.
    pub device: &'a SmolStr,
    /// When the volume was attached, if AWS says so.
    pub attached_at: Option<Timestamp>,
    /// Whether a good backup of the volume that names the instance began lately.
    pub backed_up_lately: bool,
}

/// All of them, by volume. None where the instances were not listed to the end: then a
/// missing instance means nothing.
pub(super) fn find<'a>(inventory: &'a Inventory, deployment: &str) -> BTreeMap<&'a VolumeId, Vec<Unlisted<'a>>> {
    let mut found: BTreeMap<&VolumeId, Vec<Unlisted<'_>>> = BTreeMap::new();
    if !inventory.instances.is_complete() {
        return found;
    }
    // Of every state: of one that is terminated it is known that its tags no longer count.
    let listed: BTreeSet<&InstanceId> = inventory.instances.items.iter().map(|instance| &instance.id).collect();
    for volume in inventory.volumes.items.iter().filter(|volume| lineage::exists(volume)) {
        for attachment in volume.attachments.iter().filter(|attachment| !listed.contains(&attachment.instance)) {
            found.entry(&volume.id).or_default().push(Unlisted {
                instance: &attachment.instance,
                device: &attachment.device,
                attached_at: attachment.attached_at,
                backed_up_lately: false,
            });
        }
    }
    if found.is_empty() {
        return found;
    }
    for snapshot in &inventory.snapshots.items {
        let Some(unlisted) = found.get_mut(&snapshot.volume) else { continue };
        if is_late_backup(snapshot, inventory, deployment) {
            let named = snapshot.tags.get(tags::INSTANCE);
            for one in unlisted.iter_mut().filter(|one| named == Some(one.instance.as_str())) {
                one.backed_up_lately = true;
            }
        }
    }
    for unlisted in found.values_mut() {
        unlisted.sort_by(|a, b| a.instance.cmp(b.instance));
    }
    found
}

/// Whether a snapshot is a good primary that began lately.
fn is_late_backup(snapshot: &Snapshot, inventory: &Inventory, deployment: &str) -> bool {
    let lately = snapshot.started.saturating_add(LATELY.hours()).is_ok_and(|end| end >= inventory.now);
    lately
        && lineage::classify(snapshot, &inventory.place, deployment)
            .is_ok_and(|managed| managed.is_good() && !managed.key.copies)
}
