//! What the command reads that others wrote: inventories and plans in files.
//!
//! A library of its own so that it can be tried without the command around it:
//! by tests, and with the random input of a fuzzer. Knows no arguments and opens no
//! files.

mod describe;
mod plans;
mod reader;

use std::collections::BTreeSet;

use ebskeep_core::id::Place;
use ebskeep_core::inventory::{Inventory, Listing};
use ebskeep_core::lineage::missing_volumes;
use ebskeep_core::setting::Settings;
use jiff::Timestamp;

pub use describe::{Kind, Listed};
pub use plans::{NoPlan, PLANS, plans};
pub use reader::{Damage, documents};

impl Listed {
    /// What was listed in this Place, as an observation at `now` would have it.
    /// A kind that no file has, or that goes on elsewhere, is incomplete.
    pub fn into_inventory(self, place: Place, now: Timestamp, settings: &Settings) -> Inventory {
        let Self { instances, volumes, snapshots, images, locks, tiers, gaps } = self;
        let mut gaps = gaps.into_gaps();
        let mut gap = |kind: Kind| gaps.remove(&kind);
        let mut inventory = Inventory {
            place,
            now,
            observed_at: now,
            machine_clock: None,
            instances: listing(instances, |instance| instance.id.clone(), gap(Kind::Instances)),
            volumes: listing(volumes, |volume| volume.id.clone(), gap(Kind::Volumes)),
            snapshots: listing(snapshots, |snapshot| snapshot.id.clone(), gap(Kind::Snapshots)),
            images: listing(images, |image| image.id.clone(), gap(Kind::Images)),
            locks: listing(locks, |lock| lock.snapshot.clone(), gap(Kind::Locks)),
            tiers: listing(tiers, |tier| tier.snapshot.clone(), gap(Kind::Tiers)),
            confirmed_gone: BTreeSet::new(),
            destinations: Vec::new(),
            listing_mismatch: None,
        };
        // The files are all there is to ask: a volume in none of them is gone, if
        // they list volumes at all.
        if inventory.volumes.is_complete() {
            inventory.confirmed_gone = missing_volumes(&inventory, settings).into_iter().collect();
        }
        inventory
    }
}

/// Sorted and each once, as an observation is; of an item in two files the
/// later one counts.
fn listing<T, I: Ord>(mut items: Vec<T>, id: impl Fn(&T) -> I, gap: Option<String>) -> Listing<T> {
    // Stable, so that the later of two stays behind the earlier.
    items.sort_by_cached_key(&id);
    items.reverse();
    items.dedup_by(|a, b| id(a) == id(b));
    items.reverse();
    Listing { items, gap }
}
