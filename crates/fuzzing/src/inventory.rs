//! The JSON of `aws ec2 describe-…`, from a file.

use std::collections::BTreeSet;

use ebskeep_core::id::SnapshotId;
use ebskeep_core::inventory::Inventory;
use ebskeep_core::setting::Settings;
use ebskeep_files::{Damage, Listed, documents};

use crate::scene::{NOW, place, plan_of};

/// Takes a file.
///
/// # Panics
///
/// If a promise about it is broken.
pub fn inventory(data: &[u8]) {
    let Some(whole) = read(&[data]) else { return };
    plan_of(&whole);

    // The same file twice says no more; but of two empty lists of `Snapshots` one is
    // that of the locks, which have the same key.
    let twice = read(&[data, data]).map(|mut twice| {
        twice.locks.gap.clone_from(&whole.locks.gap);
        counted_alike(twice)
    });
    assert_eq!(twice, Some(counted_alike(whole.clone())));

    // Cut anywhere it is an error or holds no more than the whole: and what it then
    // lacks makes nothing else go, since that kind has a gap or the volume is gone.
    let cut = &data[..data.len() / 2];
    if let Some(part) = read(&[cut]) {
        assert!(ids(&part).is_subset(&ids(&whole)), "a part holds more than the whole");
    }
}

/// The same inventory, its gaps without their words: those count the lists that were given.
fn counted_alike(mut inventory: Inventory) -> Inventory {
    let Inventory { instances, volumes, snapshots, images, locks, tiers, .. } = &mut inventory;
    let gaps = [
        &mut instances.gap,
        &mut volumes.gap,
        &mut snapshots.gap,
        &mut images.gap,
        &mut locks.gap,
        &mut tiers.gap,
    ];
    for gap in gaps.into_iter().flatten() {
        *gap = "a gap".into();
    }
    inventory
}

/// What these files say, or nothing if one is damaged; where is in the message.
fn read(files: &[&[u8]]) -> Option<Inventory> {
    let mut listed = Listed::default();
    for file in files {
        listed.file_begins("a file");
        match documents(*file, &mut listed) {
            Ok(()) => {}
            Err(Damage::Content { line, column: _, what }) => {
                let lines = file.split(|byte| *byte == b'\n').count();
                assert!((1..=lines).contains(&line), "damage in line {line} of {lines}");
                assert!(!what.is_empty());
                return None;
            }
            Err(Damage::Unreadable(why)) => panic!("memory cannot be read: {why}"),
        }
    }
    Some(listed.into_inventory(place(), NOW, &Settings::default()))
}

fn ids(inventory: &Inventory) -> BTreeSet<&SnapshotId> {
    inventory.snapshots.items.iter().map(|snapshot| &snapshot.id).collect()
}
