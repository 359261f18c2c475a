//! The JSON of `aws ec2 describe-…`, from a file.

use std::collections::BTreeSet;

use ebskeep_core::id::SnapshotId;
use ebskeep_core::inventory::{Gap, Inventory};
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
    // that of the locks, which have the same key, and pages that are given twice are not the
    // pages of one listing.
    let twice = read(&[data, data]).map(|twice| {
        let mut once = whole.clone();
        let gaps = gaps(&mut once).into_iter().zip(gaps(&mut twice.clone()).map(|gap| gap.clone()));
        for (once, twice) in gaps {
            *once = twice.or(once.take());
        }
        (alike(once), alike(twice))
    });
    assert!(twice.as_ref().is_some_and(|(once, twice)| once == twice), "{twice:?}");

    // Cut anywhere it is an error or holds no more than the whole: and what it then
    // lacks makes nothing else go, since that kind has a gap or the volume is gone.
    let cut = &data[..data.len() / 2];
    if let Some(part) = read(&[cut]) {
        assert!(ids(&part).is_subset(&ids(&whole)), "a part holds more than the whole");
    }
}

/// The gaps of all kinds of an inventory.
fn gaps(inventory: &mut Inventory) -> [&mut Option<Gap>; 6] {
    let Inventory { instances, volumes, snapshots, images, locks, tiers, .. } = inventory;
    [&mut instances.gap, &mut volumes.gap, &mut snapshots.gap, &mut images.gap, &mut locks.gap, &mut tiers.gap]
}

/// The same inventory, its gaps without their words, which count the lists that were given; and
/// without that of the locks.
fn alike(mut inventory: Inventory) -> Inventory {
    for gap in gaps(&mut inventory).into_iter().flatten() {
        *gap = "a gap".into();
    }
    inventory.locks.gap = None;
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
