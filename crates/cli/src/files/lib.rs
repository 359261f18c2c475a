//! What the command reads that others wrote: inventories and plans in files.
//!
//! A library of its own so that it can be tried without the command around it:
//! by tests, and with the random input of a fuzzer. Knows no arguments and opens no
//! files.

mod describe;
mod pages;
mod plans;
mod reader;
mod text;
mod window;

use std::collections::BTreeSet;

use ebskeep_core::id::Place;
use ebskeep_core::inventory::{Gap, Inventory, Listing};
use ebskeep_core::lineage::missing_volumes;
use ebskeep_core::setting::Settings;
use jiff::Timestamp;

pub use describe::{Kind, Listed};
pub use plans::{NoPlan, PLANS, plans};
pub use reader::{Damage, documents};
pub use text::Utf8;

impl Listed {
    /// What was listed in this Place, as an observation at `now` would have it.
    /// A kind that no file has, or that goes on elsewhere, is incomplete.
    pub fn into_inventory(self, place: Place, now: Timestamp, settings: &Settings) -> Inventory {
        let Self { instances, volumes, snapshots, images, locks, tiers, pages } = self;
        let mut gaps = pages.into_gaps();
        let mut gap = |kind: Kind| gaps.remove(&kind);
        let mut inventory = Inventory {
            place,
            now,
            observed_at: now,
            machine_clock: None,
            instances: listing(instances, |instance| &instance.id, gap(Kind::Instances)),
            volumes: listing(volumes, |volume| &volume.id, gap(Kind::Volumes)),
            snapshots: listing(snapshots, |snapshot| &snapshot.id, gap(Kind::Snapshots)),
            images: listing(images, |image| &image.id, gap(Kind::Images)),
            locks: listing(locks, |lock| &lock.snapshot, gap(Kind::Locks)),
            tiers: listing(tiers, |tier| &tier.snapshot, gap(Kind::Tiers)),
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
fn listing<T, I: Ord + Clone>(mut items: Vec<T>, id: fn(&T) -> &I, gap: Option<Gap>) -> Listing<T> {
    if !items.is_sorted_by(|one, next| id(one) < id(next)) {
        // Stable, so that the later of two stays behind the earlier.
        items.sort_by_cached_key(|item| id(item).clone());
        items.dedup_by(|next, kept| {
            let same = id(next) == id(kept);
            if same {
                std::mem::swap(next, kept);
            }
            same
        });
    }
    Listing { items, gap }
}
