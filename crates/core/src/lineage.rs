//! Which snapshots are ours, and which belong together (docs/semantics.md 1.1).
//!
//! Reads the tags on snapshots. Knows nothing of what keeps them.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan};

use crate::calendar;
use crate::id::{AccountId, Place, Region, VolumeId};
use crate::inventory::{Inventory, Snapshot, SnapshotState, Volume, VolumeState};
use crate::setting::Settings;
use crate::tags::{self, Tags};

/// Source account, source Region and source volume: what all managed snapshots
/// of one volume in one place have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineageKey {
    /// The account of the source volume.
    pub account: AccountId,
    /// The Region of the source volume.
    pub region: Region,
    /// The source volume.
    pub volume: VolumeId,
    /// Copies and primaries never stand in for each other, even in one place.
    pub copies: bool,
}

/// A snapshot that is ours.
#[derive(Clone, Debug)]
pub struct Managed<'a> {
    /// The snapshot.
    pub snapshot: &'a Snapshot,
    /// Its lineage.
    pub key: LineageKey,
    /// Whether it has a slot at all, readable or not: the original's have none.
    pub has_slot: bool,
    /// What rules sort by: the slot if readable and not after the start, else
    /// the start.
    pub time: Timestamp,
    /// What ages count from: when it began; of a copy, when its source began.
    pub start: Timestamp,
    /// Why its slot could not be used, if so (a finding).
    pub slot_unusable: Option<String>,
}

/// Why a snapshot is not ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotOurs {
    /// In plain words, from the facts.
    pub why: String,
    /// It bears tags of ours all the same: a finding.
    pub suspicious: bool,
}

impl Managed<'_> {
    /// Completed: it can be restored from.
    pub fn is_good(&self) -> bool {
        self.snapshot.state == SnapshotState::Completed
    }

    /// Newest first: by time, then start, then id.
    pub fn newest_first(&self) -> impl Ord + use<> {
        std::cmp::Reverse((self.time, self.start, self.snapshot.id.clone()))
    }

    /// The recorded policy as text; what stands in for one not yet written is none.
    pub fn recorded_retention(&self) -> Option<&str> {
        self.snapshot.tags.get(tags::RETENTION).filter(|text| *text != tags::UNSET)
    }

    /// Whether its own tags were never written: a member of a set whose run died.
    pub fn is_unfinished(&self) -> bool {
        self.snapshot.tags.get(tags::RETENTION) == Some(tags::UNSET)
    }
}

/// Whether a snapshot is ours, by docs/semantics.md 1.1 and R10.
pub fn classify<'a>(snapshot: &'a Snapshot, place: &Place, deployment: &str) -> Result<Managed<'a>, NotOurs> {
    let tags = &snapshot.tags;
    if snapshot.owner != place.account {
        return Err(NotOurs { why: format!("account {} owns it", snapshot.owner), suspicious: false });
    }
    if let Some(key) = foreign_mark(tags) {
        let whose = if key.starts_with("aws:backup:") { "AWS Backup" } else { "Data Lifecycle Manager" };
        return Err(NotOurs { why: format!("{whose} manages it (tag {key})"), suspicious: bears_our_tags(tags) });
    }
    if !tags.get(tags::TYPE).is_some_and(|value| value.eq_ignore_ascii_case(tags::AUTOMATED)) {
        return Err(NotOurs {
            why: format!("no tag {}={}", tags::TYPE, tags::AUTOMATED),
            suspicious: bears_our_tags(tags),
        });
    }
    let theirs = tags.get(tags::DEPLOYMENT).unwrap_or("default");
    if theirs != deployment {
        return Err(NotOurs {
            why: format!("deployment {theirs:?} owns it, this is {deployment:?}"),
            suspicious: false,
        });
    }
    let (key, start) = if tags.get(tags::SOURCE_SNAPSHOT).is_some() {
        copy_of(snapshot).map_err(|why| NotOurs { why, suspicious: true })?
    } else {
        let key = primary_of(snapshot, place).map_err(|why| NotOurs { why, suspicious: bears_our_tags(tags) })?;
        (key, snapshot.started)
    };
    let slot = tags.get(tags::SLOT);
    let (time, slot_unusable) = match slot.map(str::parse::<Timestamp>) {
        None => (start, None),
        Some(Ok(slot)) if slot <= start => (slot, None),
        Some(Ok(slot)) => (start, Some(format!("its slot {slot} is after its start {start}"))),
        Some(Err(_)) => (start, Some(format!("its slot {:?} is no time", slot.unwrap_or_default()))),
    };
    Ok(Managed { snapshot, key, has_slot: slot.is_some(), time, start, slot_unusable })
}

/// A mark of R10 among the tags, if there is one.
pub(crate) fn foreign_mark(tags: &Tags) -> Option<&str> {
    tags.iter().map(|(key, _)| key.as_str()).find(|key| {
        let key = key.to_ascii_lowercase();
        key.starts_with("aws:backup:") || key.starts_with("aws:dlm:") || key == "dlm:managed"
    })
}

fn bears_our_tags(tags: &Tags) -> bool {
    tags.iter().any(|(key, _)| key.starts_with("ebskeep:"))
}

fn primary_of(snapshot: &Snapshot, place: &Place) -> Result<LineageKey, String> {
    let tags = &snapshot.tags;
    if snapshot.volume.is_dummy() {
        return Err(format!(
            "it was made from no volume here ({}), and its tags do not make it a copy of ours",
            snapshot.volume
        ));
    }
    if let Some(said) = tags.get(tags::VOLUME).filter(|said| *said != snapshot.volume.as_str()) {
        return Err(format!("its tag {} says {said}, but AWS says {}", tags::VOLUME, snapshot.volume));
    }
    if tags.get(tags::SLOT).is_none() {
        let began = calendar::utc_date(snapshot.started);
        match tags.get(tags::DELETE_ON).map(|value| value.trim().parse::<jiff::civil::Date>()) {
            None => return Err(format!("no {} and no {}", tags::SLOT, tags::DELETE_ON)),
            Some(Err(_)) => return Err(format!("no {}, and its {} is no date", tags::SLOT, tags::DELETE_ON)),
            Some(Ok(date)) if date <= began => {
                return Err(format!(
                    "no {}, and its {} {date} is not after the day it began",
                    tags::SLOT,
                    tags::DELETE_ON
                ));
            }
            Some(Ok(_)) => {}
        }
    }
    Ok(LineageKey {
        account: place.account.clone(),
        region: place.region.clone(),
        volume: snapshot.volume.clone(),
        copies: false,
    })
}

/// The lineage and the source's start of a copy. Where the source's start is
/// missing or unreadable the copy's own, which is later, keeps it longer.
fn copy_of(snapshot: &Snapshot) -> Result<(LineageKey, Timestamp), String> {
    let tags = &snapshot.tags;
    let need = |key: &str| tags.get(key).ok_or_else(|| format!("a copy without {key}"));
    let key = LineageKey {
        account: AccountId::new(need(tags::SOURCE_ACCOUNT)?),
        region: Region::new(need(tags::SOURCE_REGION)?),
        volume: VolumeId::new(need(tags::VOLUME)?),
        copies: true,
    };
    let start = tags.get(tags::STARTED).and_then(|text| text.parse().ok()).unwrap_or(snapshot.started);
    Ok((key, start))
}

/// All managed snapshots of an inventory by lineage, each newest first.
pub fn lineages<'a>(inventory: &'a Inventory, settings: &Settings) -> BTreeMap<LineageKey, Vec<Managed<'a>>> {
    let mut lineages: BTreeMap<LineageKey, Vec<Managed<'a>>> = BTreeMap::new();
    for snapshot in &inventory.snapshots.items {
        if let Ok(managed) = classify(snapshot, &inventory.place, &settings.deployment) {
            lineages.entry(managed.key.clone()).or_default().push(managed);
        }
    }
    for lineage in lineages.values_mut() {
        lineage.sort_by_cached_key(Managed::newest_first);
    }
    lineages
}

/// What can be said of a lineage's source volume.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SourceVolume<'a> {
    /// Listed, in a state that is not going.
    Exists(&'a Volume),
    /// Not listed, but not known to be gone: treated as existing.
    NotSeen,
    /// Known to be gone.
    Gone,
    /// A copy's: it is elsewhere.
    CannotBeKnown,
}

/// What the inventory says of a lineage's source volume.
pub fn source_volume<'a>(
    key: &LineageKey,
    inventory: &'a Inventory,
    by_id: &BTreeMap<&VolumeId, &'a Volume>,
) -> SourceVolume<'a> {
    if key.copies {
        return SourceVolume::CannotBeKnown;
    }
    match by_id.get(&key.volume) {
        Some(volume) if exists(volume) => SourceVolume::Exists(volume),
        None if inventory.volumes.is_complete() && inventory.confirmed_gone.contains(&key.volume) => SourceVolume::Gone,
        // On its way out but listed, or not looked up: not gone until AWS says NotFound.
        Some(_) | None => SourceVolume::NotSeen,
    }
}

/// Whether a listed volume exists: in every state but `deleting` and `deleted`.
pub fn exists(volume: &Volume) -> bool {
    !matches!(volume.state, VolumeState::Deleting | VolumeState::Deleted)
}

/// The volumes by id, for looking up.
pub fn volumes_by_id(inventory: &Inventory) -> BTreeMap<&VolumeId, &Volume> {
    inventory.volumes.items.iter().map(|volume| (&volume.id, volume)).collect()
}

/// The volumes that a complete listing lacks and whose being gone could change
/// a verdict: their lineage holds something older than the grace that a deleted
/// volume's history has at least. Each is to be looked up by its id; only
/// NotFound makes it gone.
pub fn unsettled_volumes(inventory: &Inventory, settings: &Settings) -> Vec<VolumeId> {
    if !inventory.volumes.is_complete() {
        return Vec::new();
    }
    let old = |m: &Managed<'_>| calendar::after(m.start, settings.orphan_grace, &settings.time_zone) <= inventory.now;
    missing(inventory, settings).filter(|(_, lineage)| lineage.iter().any(old)).map(|(key, _)| key.volume).collect()
}

/// The source volumes of ours that the listing lacks.
pub fn missing_volumes(inventory: &Inventory, settings: &Settings) -> Vec<VolumeId> {
    missing(inventory, settings).map(|(key, _)| key.volume).collect()
}

/// The lineages of primaries whose volume the listing lacks.
fn missing<'a>(
    inventory: &'a Inventory,
    settings: &Settings,
) -> impl Iterator<Item = (LineageKey, Vec<Managed<'a>>)> + use<'a> {
    let listed = volumes_by_id(inventory);
    lineages(inventory, settings).into_iter().filter(move |(key, _)| !key.copies && !listed.contains_key(&key.volume))
}

/// Whether a pending snapshot is so old that it no longer counts: 24 hours
/// (docs/semantics.md 2.1).
pub fn is_stuck(snapshot: &Snapshot, now: Timestamp) -> bool {
    snapshot.state == SnapshotState::Pending && snapshot.started.saturating_add(24.hours()).is_ok_and(|end| end <= now)
}
