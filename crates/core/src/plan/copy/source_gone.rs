//! The mark on copies that says that their source volume was deleted: which copies get
//! it, and of which volumes that is worth asking (docs/semantics.md 6).
//!
//! Only where the volume is can be seen whether it exists, so only the copier there
//! writes it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::destination::{Destination, Destinations};
use crate::id::VolumeId;
use crate::inventory::Inventory;
use crate::lineage::{self, Managed, classify, exists, volumes_by_id};
use crate::marks;
use crate::plan::expire::LOOKUPS;
use crate::plan::grace::newest_good;
use crate::plan::marking::{has_room, no_room};
use crate::plan::order::Ending;
use crate::plan::wish::home;
use crate::plan::{Action, Notice, WriteMarks};
use crate::setting::Settings;
use crate::tags::{self, Tags};

/// The copies of what is here at one destination, by source volume.
struct Copies<'a> {
    destination: Destination,
    /// Whether all of them were listed.
    complete: bool,
    of: BTreeMap<VolumeId, Vec<Managed<'a>>>,
}

impl<'a> Copies<'a> {
    /// What was seen at each destination of the copies that this account, Region and
    /// deployment made.
    fn everywhere(inventory: &'a Inventory, settings: &Settings) -> Vec<Self> {
        let home = &inventory.place;
        let all = inventory.destinations.iter().map(|seen| {
            let mut of: BTreeMap<VolumeId, Vec<Managed<'a>>> = BTreeMap::new();
            for snapshot in &seen.snapshots.items {
                let Ok(managed) = classify(snapshot, &seen.place, &settings.deployment) else { continue };
                let key = &managed.key;
                if key.copies && key.account == home.account && key.region == home.region {
                    of.entry(key.volume.clone()).or_default().push(managed);
                }
            }
            let destination = Destination::of(&seen.place, &home.account);
            Self { destination, complete: seen.snapshots.is_complete(), of }
        });
        all.collect()
    }

    /// The newest good copy of a volume, where no copy of it bears the mark.
    fn unmarked(&self, volume: &VolumeId, now: Timestamp) -> Option<&Managed<'a>> {
        let copies = self.of.get(volume).filter(|_| self.complete)?;
        newest_good(copies).filter(|_| Ending::marked(copies, now).is_none())
    }
}

/// A volume that the listing lacks, and the copies of it that the mark is to stand on.
struct Unmarked<'l, 'a> {
    /// When the newest good snapshot of it here began.
    newest: Option<Timestamp>,
    volume: VolumeId,
    copies: Vec<(&'l Destination, &'l Managed<'a>)>,
}

/// The volumes that the listing lacks and that have copies without the mark, at destinations
/// that their snapshots here name. None where a listing is not complete.
fn unmarked<'l, 'a>(inventory: &Inventory, settings: &Settings, everywhere: &'l [Copies<'a>]) -> Vec<Unmarked<'l, 'a>> {
    let mut all = Vec::new();
    if everywhere.is_empty() || !inventory.volumes.is_complete() || !inventory.snapshots.is_complete() {
        return all;
    }
    lineage::missing(inventory, settings, |key, primaries| {
        let named: BTreeSet<Destination> = primaries.iter().flat_map(named).collect();
        let there = everywhere.iter().filter(|copies| named.contains(&copies.destination));
        let copies: Vec<_> = there
            .filter_map(|copies| Some((&copies.destination, copies.unmarked(&key.volume, inventory.now)?)))
            .collect();
        if !copies.is_empty() {
            let newest = newest_good(primaries).map(|managed| managed.start);
            all.push(Unmarked { newest, volume: key.volume.clone(), copies });
        }
        false
    });
    all.sort_by(|one, other| one.volume.cmp(&other.volume));
    all
}

/// Where a primary wants copies, or had them made.
fn named(managed: &Managed<'_>) -> BTreeSet<Destination> {
    let texts = [tags::COPY_TO, tags::COPIED_TO].into_iter().filter_map(|key| managed.snapshot.tags.get(key));
    texts.flat_map(|text| Destinations::parse(text, &home(managed)).wanted).collect()
}

/// The volumes that a complete listing lacks and that the copier asks about, since only
/// NotFound makes one deleted: those with copies that lack the mark, at most [`LOOKUPS`] of them in
/// one run. Those whose copies have room for the mark come first, then the newest, so
/// that what cannot be marked holds up no other. Asked once the destinations are listed.
pub(crate) fn unsettled_sources(inventory: &Inventory, settings: &Settings) -> Vec<VolumeId> {
    let everywhere = Copies::everywhere(inventory, settings);
    let mut all = unmarked(inventory, settings, &everywhere);
    all.retain(|unmarked| !inventory.confirmed_gone.contains(&unmarked.volume));
    let room = |of: &Unmarked<'_, '_>| of.copies.iter().any(|(_, copy)| has_room(copy, tags::SOURCE_GONE));
    all.sort_by_cached_key(|of| std::cmp::Reverse((room(of), of.newest, of.volume.clone())));
    // One of them is the filter that names them all.
    all.into_iter().take(LOOKUPS - 1).map(|unmarked| unmarked.volume).collect()
}

/// Since when the source of copies of one lineage counts as deleted, by the marks on them.
pub(crate) fn source_gone_since(copies: &[Managed<'_>], now: Timestamp) -> Option<Timestamp> {
    Ending::marked(copies, now)
}

/// The marks to write on copies, and those that have no room.
pub(super) fn marks(inventory: &Inventory, settings: &Settings) -> (Vec<Action>, Vec<Notice>) {
    let everywhere = Copies::everywhere(inventory, settings);
    let mut actions = seen_again(inventory, &everywhere);
    let mut findings = Vec::new();
    for Unmarked { volume, copies, .. } in unmarked(inventory, settings, &everywhere) {
        if !inventory.confirmed_gone.contains(&volume) {
            continue;
        }
        for (destination, copy) in copies {
            if has_room(copy, tags::SOURCE_GONE) {
                actions.push(write(destination, copy, marks::gone(inventory.now, &volume)));
            } else {
                let detail = format!("copies in {destination}: {}", no_room(copy, tags::SOURCE_GONE));
                findings.push(Notice { resource: volume.as_str().into(), code: "mark-not-written", detail });
            }
        }
    }
    (actions, findings)
}

/// Where a volume is listed, no mark on its copies is to count, whatever becomes of it
/// later. It makes copies stay, so what else could not be listed does not matter.
fn seen_again(inventory: &Inventory, everywhere: &[Copies<'_>]) -> Vec<Action> {
    let volumes = volumes_by_id(inventory);
    let mut actions = Vec::new();
    for Copies { destination, of, .. } in everywhere {
        for (_, copies) in of.iter().filter(|(id, _)| volumes.get(id).is_some_and(|volume| exists(volume))) {
            let marked = |copy: &&Managed<'_>| {
                copy.snapshot.tags.get(tags::SOURCE_GONE).is_some_and(|text| text != marks::NOT_GONE)
            };
            actions.extend(copies.iter().filter(marked).map(|copy| write(destination, copy, marks::NOT_GONE.into())));
        }
    }
    actions
}

fn write(destination: &Destination, copy: &Managed<'_>, mark: String) -> Action {
    Action::WriteMarks(Box::new(WriteMarks {
        snapshot_id: copy.snapshot.id.clone(),
        volume_id: copy.key.volume.clone(),
        destination: Some(destination.clone()),
        before: copy.snapshot.tags.clone(),
        tags: Tags::from_iter([(tags::SOURCE_GONE, mark)]),
        remove: Vec::new(),
    }))
}
