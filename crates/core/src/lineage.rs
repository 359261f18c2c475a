//! Which snapshots are ours, and which belong together (docs/semantics.md 1.1).
//!
//! Reads the tags on snapshots. Knows nothing of what keeps them.

use std::cmp::Ordering;
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
    /// Its place in the listing; zero where it was classified by itself.
    pub at: usize,
    /// Its lineage.
    pub key: LineageKey,
    /// Whether it has a slot at all, readable or not: the original's have none.
    pub has_slot: bool,
    /// What rules sort by: the slot if readable and not after the start, else
    /// the start.
    pub time: Timestamp,
    /// Its slot, if that can be read and is not after the start.
    pub slot: Option<Timestamp>,
    /// What ages count from: when it began; of a copy, when its source began.
    pub start: Timestamp,
    /// Why its slot could not be used, if so (a finding).
    pub slot_unusable: Option<String>,
    /// Which of the keys that are matched loosely it bears.
    pub bears: Bears,
    /// The recorded policy, [`tags::UNSET`] included.
    retention: Option<&'a str>,
}

/// Which of the keys that keep a snapshot it bears, however they are spelt. Looked
/// for once: most bear none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bears {
    /// `KeepForever`.
    pub keep_forever: bool,
    /// `KeepUntil`.
    pub keep_until: bool,
    /// `DeleteOn`.
    pub delete_on: bool,
}

impl Bears {
    const NONE: Self = Self { keep_forever: false, keep_until: false, delete_on: false };

    fn notice(&mut self, key: &str) {
        // No letter or digit but these begins any of the three.
        if key.starts_with(|c: char| c.is_ascii_alphanumeric() && !['K', 'k', 'D', 'd'].contains(&c)) {
            return;
        }
        self.keep_forever |= tags::same_key(key, tags::KEEP_FOREVER);
        self.keep_until |= tags::same_key(key, tags::KEEP_UNTIL);
        self.delete_on |= tags::same_key(key, tags::DELETE_ON);
    }
}

/// What the tags of one snapshot say of whose it is, read in one go: there may be a
/// million.
struct Said<'a> {
    kind: Option<&'a str>,
    deployment: Option<&'a str>,
    source_snapshot: bool,
    volume: Option<&'a str>,
    slot: Option<&'a str>,
    delete_on: Option<&'a str>,
    retention: Option<&'a str>,
    /// A mark of R10.
    foreign: Option<&'a str>,
    /// Some tag that only we write.
    ours: bool,
    bears: Bears,
}

impl<'a> Said<'a> {
    fn read(tags: &'a Tags) -> Self {
        let mut said = Self {
            kind: None,
            deployment: None,
            source_snapshot: false,
            volume: None,
            slot: None,
            delete_on: None,
            retention: None,
            foreign: None,
            ours: false,
            bears: Bears::NONE,
        };
        for (key, value) in tags.iter() {
            let key = key.as_str();
            said.ours |= key.starts_with("ebskeep:");
            match key {
                tags::TYPE => said.kind = Some(value),
                tags::DEPLOYMENT => said.deployment = Some(value),
                tags::SOURCE_SNAPSHOT => said.source_snapshot = true,
                tags::VOLUME => said.volume = Some(value),
                tags::SLOT => said.slot = Some(value),
                tags::DELETE_ON => said.delete_on = Some(value),
                tags::RETENTION => said.retention = Some(value),
                _ if said.foreign.is_none() && is_foreign(key) => said.foreign = Some(key),
                _ => {}
            }
            said.bears.notice(key);
        }
        said
    }
}

/// Why a snapshot is not ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotOurs {
    /// In plain words, from the facts.
    pub why: String,
    /// It bears tags of ours all the same: a finding.
    pub suspicious: bool,
}

impl<'a> Managed<'a> {
    /// Completed: it can be restored from.
    pub fn is_good(&self) -> bool {
        self.snapshot.state == SnapshotState::Completed
    }

    /// Newest first: by time, then start, then id.
    pub fn newest_first(&self, other: &Self) -> Ordering {
        let key = |managed: &Self| (managed.time, managed.start, &managed.snapshot.id);
        key(other).cmp(&key(self))
    }

    /// The recorded policy as text; what stands in for one not yet written is none.
    pub fn recorded_retention(&self) -> Option<&'a str> {
        self.retention.filter(|text| *text != tags::UNSET)
    }

    /// Whether it was taken by ebskeep, and not by the original, which wrote no slot. A copy
    /// always was, whatever became of its slot.
    pub fn is_own(&self) -> bool {
        self.has_slot || self.key.copies
    }

    /// Whether its own tags were never written: a member of a set whose run died.
    pub fn is_unfinished(&self) -> bool {
        self.retention == Some(tags::UNSET)
    }
}

/// Whether a snapshot is ours, by docs/semantics.md 1.1 and R10.
pub fn classify<'a>(snapshot: &'a Snapshot, place: &Place, deployment: &str) -> Result<Managed<'a>, NotOurs> {
    if snapshot.owner != place.account {
        return Err(NotOurs { why: format!("account {} owns it", snapshot.owner), suspicious: false });
    }
    let said = Said::read(&snapshot.tags);
    if let Some(key) = said.foreign {
        let whose = if key.starts_with("aws:backup:") { "AWS Backup" } else { "Data Lifecycle Manager" };
        return Err(NotOurs { why: format!("{whose} manages it (tag {key})"), suspicious: said.ours });
    }
    if !said.kind.is_some_and(|value| value.eq_ignore_ascii_case(tags::AUTOMATED)) {
        return Err(NotOurs { why: format!("no tag {}={}", tags::TYPE, tags::AUTOMATED), suspicious: said.ours });
    }
    let theirs = said.deployment.unwrap_or("default");
    if theirs != deployment {
        return Err(NotOurs {
            why: format!("deployment {theirs:?} owns it, this is {deployment:?}"),
            suspicious: false,
        });
    }
    let (key, start) = if said.source_snapshot {
        copy_of(snapshot).map_err(|why| NotOurs { why, suspicious: true })?
    } else {
        let key = primary_of(snapshot, &said, place).map_err(|why| NotOurs { why, suspicious: said.ours })?;
        (key, snapshot.started)
    };
    let written = said.slot;
    let (slot, slot_unusable) = match written.map(str::parse::<Timestamp>) {
        None => (None, None),
        Some(Ok(slot)) if slot <= start => (Some(slot), None),
        Some(Ok(slot)) => (None, Some(format!("its slot {slot} is after its start {start}"))),
        Some(Err(_)) => (None, Some(format!("its slot {:?} is not a time", written.unwrap_or_default()))),
    };
    Ok(Managed {
        snapshot,
        at: 0,
        key,
        has_slot: written.is_some(),
        time: slot.unwrap_or(start),
        slot,
        start,
        slot_unusable,
        bears: said.bears,
        retention: said.retention,
    })
}

/// A mark of R10 among the tags, if there is one.
pub(crate) fn foreign_mark(tags: &Tags) -> Option<&str> {
    tags.iter().map(|(key, _)| key.as_str()).find(|key| is_foreign(key))
}

fn is_foreign(key: &str) -> bool {
    let begins =
        |mark: &str| key.as_bytes().get(..mark.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(mark.as_bytes()));
    begins("aws:backup:") || begins("aws:dlm:") || key.eq_ignore_ascii_case("dlm:managed")
}

fn primary_of(snapshot: &Snapshot, said: &Said<'_>, place: &Place) -> Result<LineageKey, String> {
    if snapshot.volume.is_dummy() {
        return Err(format!(
            "it was made from no volume here ({}), and its tags do not make it a copy of ours",
            snapshot.volume
        ));
    }
    if let Some(volume) = said.volume.filter(|volume| *volume != snapshot.volume.as_str()) {
        return Err(format!("its tag {} says {volume}, but AWS says {}", tags::VOLUME, snapshot.volume));
    }
    if said.slot.is_none() {
        let began = calendar::utc_date(snapshot.started);
        match said.delete_on.map(|value| value.trim().parse::<jiff::civil::Date>()) {
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
    let mut lineages = BTreeMap::new();
    each_lineage(inventory, settings, |found| {
        if let Found::Lineage(key, snapshots) = found {
            lineages.insert(key.clone(), snapshots.to_vec());
        }
    });
    lineages
}

/// What [`each_lineage`] finds.
#[derive(Debug)]
pub enum Found<'a, 'l> {
    /// A whole lineage, newest first.
    Lineage(&'l LineageKey, &'l [Managed<'a>]),
    /// A snapshot that is not ours: its place in the listing, itself, and why.
    NotOurs(usize, &'a Snapshot, NotOurs),
}

/// Goes through an inventory lineage by lineage, in no order that means anything.
/// Every snapshot comes once, and no more than one volume's are held at a time, so
/// that a million of them need neither much time nor much memory.
pub fn each_lineage<'a>(inventory: &'a Inventory, settings: &Settings, each: impl FnMut(Found<'a, '_>)) {
    each_among(inventory, settings, |_| true, each);
}

/// The same of such snapshots alone.
fn each_among<'a>(
    inventory: &'a Inventory,
    settings: &Settings,
    such: impl Fn(&Snapshot) -> bool,
    mut each: impl FnMut(Found<'a, '_>),
) {
    let listed = &inventory.snapshots.items;
    // A primary is of the volume that AWS says it came from: brought together here, by a number and then by itself.
    let such = listed.iter().enumerate().filter(|(_, snapshot)| such(snapshot));
    let mut order: Vec<(u64, usize)> = such.map(|(at, snapshot)| (snapshot.volume.tail(), at)).collect();
    order.sort_unstable_by_key(|(tail, _)| *tail);
    let mut copies: BTreeMap<LineageKey, Vec<Managed<'a>>> = BTreeMap::new();
    let mut together: Vec<(usize, &Snapshot)> = Vec::new();
    let mut primaries: Vec<Managed<'a>> = Vec::new();
    for alike in order.chunk_by(|(one, _), (other, _)| one == other) {
        together.clear();
        together.extend(alike.iter().filter_map(|(_, at)| Some((*at, listed.get(*at)?))));
        at_hand(&together);
        together.sort_by(|(_, one), (_, other)| one.volume.cmp(&other.volume));
        for of_one in together.chunk_by(|(_, one), (_, other)| one.volume == other.volume) {
            primaries.clear();
            for (at, snapshot) in of_one.iter().copied() {
                match classify(snapshot, &inventory.place, &settings.deployment) {
                    Ok(managed) if managed.key.copies => {
                        copies.entry(managed.key.clone()).or_default().push(Managed { at, ..managed });
                    }
                    Ok(managed) => primaries.push(Managed { at, ..managed }),
                    Err(not_ours) => each(Found::NotOurs(at, snapshot, not_ours)),
                }
            }
            primaries.sort_unstable_by(Managed::newest_first);
            if let Some(first) = primaries.first() {
                each(Found::Lineage(&first.key, &primaries));
            }
        }
    }
    for (key, lineage) in &mut copies {
        lineage.sort_unstable_by(Managed::newest_first);
        each(Found::Lineage(key, lineage));
    }
}

/// Reads a little of each: they lie far apart in memory, and what is asked for all
/// at once is waited for but once.
fn at_hand(snapshots: &[(usize, &Snapshot)]) {
    let here: usize = snapshots.iter().map(|(_, snapshot)| snapshot.tags.len() + snapshot.owner.as_str().len()).sum();
    let there: usize = snapshots.iter().map(|(_, snapshot)| snapshot.tags.glance()).sum();
    std::hint::black_box((here, there));
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

/// The source volumes of ours that the listing lacks.
pub fn missing_volumes(inventory: &Inventory, settings: &Settings) -> Vec<VolumeId> {
    missing(inventory, settings, |_, _| true)
}

/// The volumes of such lineages of primaries as the listing lacks, sorted.
pub(crate) fn missing(
    inventory: &Inventory,
    settings: &Settings,
    mut such: impl FnMut(&LineageKey, &[Managed<'_>]) -> bool,
) -> Vec<VolumeId> {
    let volumes = volumes_by_id(inventory);
    let mut missing = Vec::new();
    let of_others = |snapshot: &Snapshot| !volumes.contains_key(&snapshot.volume);
    each_among(inventory, settings, of_others, |found| match found {
        Found::Lineage(key, lineage) if !key.copies && such(key, lineage) => missing.push(key.volume.clone()),
        _ => {}
    });
    missing.sort();
    missing
}

/// Whether a pending snapshot is so old that it no longer counts: 24 hours
/// (docs/semantics.md 2.1).
pub fn is_stuck(snapshot: &Snapshot, now: Timestamp) -> bool {
    snapshot.state == SnapshotState::Pending && snapshot.started.saturating_add(24.hours()).is_ok_and(|end| end <= now)
}
