//! `hold` and `release`: what becomes of `KeepForever`, `KeepUntil` and
//! `KeepReason` (docs/semantics.md 6).

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use smol_str::{SmolStr, format_smolstr};

use super::{Change, Foresight, Retag, Retagging, Verb, foresee};
use crate::calendar;
use crate::id::{Region, SnapshotId};
use crate::inventory::{Gap, Inventory, Snapshot};
use crate::plan::ExpireVerdict;
use crate::setting::Settings;
use crate::tags::{self, Tags};

/// The value of `KeepForever`, which means nothing: that it is there keeps.
const FOREVER: &str = "Yes";

/// What is to be kept for how long, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// How long.
    pub length: Length,
    /// Why, in somebody's words. Without it the reason that is there stays.
    pub reason: Option<String>,
}

/// How long something is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// To the end of that date, everywhere on Earth: `KeepUntil`.
    Until(Date),
    /// Until it is released: `KeepForever`.
    Forever,
}

/// Why nothing is held or released.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HoldError {
    /// The date has passed.
    #[error("{date} is in the past: it is {today} (UTC)")]
    Past {
        /// The date asked for.
        date: Date,
        /// Today's UTC date.
        today: Date,
    },
    /// The reason cannot be a tag's value.
    #[error("a reason has 1 to {max} characters, and this one has {0}", max = tags::MAX_VALUE)]
    Reason(usize),
    /// Not among what the account owns there.
    #[error("this account owns no {} in {region}", .ids.join(", no "))]
    Unknown {
        /// The ids.
        ids: Vec<SmolStr>,
        /// Where.
        region: Region,
    },
    /// The listing of snapshots broke off before these were seen.
    #[error("{} could not be looked at: the snapshots could not be listed to the end: {gap}", .ids.join(", "))]
    NotListed {
        /// The ids.
        ids: Vec<SmolStr>,
        /// Why.
        gap: Gap,
    },
    /// There is no good copy here of these volumes.
    #[error("no good copy of {} is in {region}", .ids.join(", or of "))]
    NoCopies {
        /// The volumes.
        ids: Vec<SmolStr>,
        /// Where.
        region: Region,
    },
    /// These volumes were not deleted.
    #[error("{} in {region}: what exists was not deleted", .ids.iter().map(|id| format!("{id} exists")).collect::<Vec<_>>().join(", "))]
    Exists {
        /// The volumes.
        ids: Vec<SmolStr>,
        /// Where.
        region: Region,
    },
    /// Somebody else owns them.
    #[error("{} of another account: only the owner's tags keep a snapshot", .ids.join(", "))]
    NotOwned {
        /// The ids.
        ids: Vec<SmolStr>,
    },
    /// They have no room for the tags.
    #[error("{}, and AWS takes {}: remove a tag first", .full.join("; "), tags::MAX_TAGS)]
    Full {
        /// What each would come to, in words.
        full: Vec<String>,
    },
}

/// Works out what holding these snapshots changes.
///
/// # Errors
///
/// If any of them cannot be held; then none is.
pub fn hold(
    inventory: &Inventory,
    ids: &[SnapshotId],
    hold: &Hold,
    settings: &Settings,
) -> Result<Retagging, HoldError> {
    let today = calendar::utc_date(inventory.now);
    if let Length::Until(date) = hold.length
        && date < today
    {
        return Err(HoldError::Past { date, today });
    }
    if let Some(reason) = &hold.reason {
        let length = reason.chars().count();
        if reason.trim().is_empty() || length > tags::MAX_VALUE {
            return Err(HoldError::Reason(length));
        }
    }
    let named = named(inventory, ids)?;
    worked_out(Verb::Hold, inventory, &named, settings, |snapshot| holding(snapshot, hold))
}

/// Works out what releasing these snapshots changes.
///
/// # Errors
///
/// If any of them cannot be released; then none is.
pub fn release(inventory: &Inventory, ids: &[SnapshotId], settings: &Settings) -> Result<Retagging, HoldError> {
    let named = named(inventory, ids)?;
    worked_out(Verb::Release, inventory, &named, settings, releasing)
}

/// What is wanted of one snapshot.
pub(super) struct Intended {
    pub(super) retag: Retag,
    pub(super) lessens: bool,
    pub(super) notes: Vec<String>,
}

fn holding(snapshot: &Snapshot, hold: &Hold) -> Intended {
    let mut intended = Intended { retag: unchanged(snapshot), lessens: false, notes: Vec::new() };
    let tags = &snapshot.tags;
    match hold.length {
        Length::Forever => {
            if tags.loose(tags::KEEP_FOREVER).next().is_none() {
                intended.retag.set.set(tags::KEEP_FOREVER, FOREVER);
            }
        }
        Length::Until(date) => {
            let longer = |value: &str| value.trim().parse::<Date>().map_or(true, |there| there > date);
            for (key, value) in tags.loose(tags::KEEP_UNTIL).filter(|(_, value)| longer(value)) {
                intended.lessens = true;
                intended.notes.push(format!("shortens its hold: {key}={value} is replaced"));
            }
            replace(&mut intended.retag, tags, tags::KEEP_UNTIL, &date.to_string());
            if let Some((key, _)) = tags.loose(tags::KEEP_FOREVER).next() {
                intended.notes.push(format!("it also has {key}, which keeps it for longer; release takes that away"));
            }
        }
    }
    if let Some(reason) = &hold.reason {
        replace(&mut intended.retag, tags, tags::KEEP_REASON, reason);
    }
    if intended.retag.is_nothing() {
        intended.notes.push("it is held so already".to_owned());
    }
    intended
}

fn releasing(snapshot: &Snapshot) -> Intended {
    let mut intended = Intended { retag: unchanged(snapshot), lessens: false, notes: Vec::new() };
    for key in [tags::KEEP_FOREVER, tags::KEEP_UNTIL, tags::KEEP_REASON] {
        for (spelt, _) in snapshot.tags.loose(key) {
            intended.retag.remove.push(spelt.clone());
            intended.lessens |= key != tags::KEEP_REASON;
        }
    }
    if intended.retag.is_nothing() {
        intended.notes.push("no tag holds it".to_owned());
    }
    intended
}

/// Writes a tag under its own spelling, and removes it under every other.
fn replace(retag: &mut Retag, tags: &Tags, key: &'static str, value: &str) {
    if tags.get(key) != Some(value) {
        retag.set.set(key, value);
    }
    retag.remove.extend(tags.loose(key).map(|(spelt, _)| spelt.clone()).filter(|spelt| spelt != key));
}

fn unchanged(snapshot: &Snapshot) -> Retag {
    Retag { snapshot_id: snapshot.id.clone(), tags: snapshot.tags.clone(), set: Tags::new(), remove: Vec::new() }
}

/// The snapshots of these ids, each once, by id; or those that cannot be.
fn named<'a>(inventory: &'a Inventory, ids: &[SnapshotId]) -> Result<Vec<&'a Snapshot>, HoldError> {
    let known: BTreeMap<&SnapshotId, &Snapshot> =
        inventory.snapshots.items.iter().map(|snapshot| (&snapshot.id, snapshot)).collect();
    let wanted: BTreeSet<&SnapshotId> = ids.iter().collect();
    let in_words = |ids: Vec<&SnapshotId>| ids.into_iter().map(|id| SmolStr::new(id.as_str())).collect::<Vec<_>>();
    let missing: Vec<&SnapshotId> = wanted.iter().copied().filter(|id| !known.contains_key(id)).collect();
    if !missing.is_empty() {
        let ids = in_words(missing);
        return Err(match &inventory.snapshots.gap {
            Some(gap) => HoldError::NotListed { ids, gap: gap.clone() },
            None => HoldError::Unknown { ids, region: inventory.place.region.clone() },
        });
    }
    let named: Vec<&Snapshot> = wanted.into_iter().filter_map(|id| known.get(id).copied()).collect();
    let foreign = named.iter().filter(|snapshot| snapshot.owner != inventory.place.account);
    let foreign: Vec<SmolStr> =
        foreign.map(|snapshot| format_smolstr!("{} is {}", snapshot.id, snapshot.owner)).collect();
    if foreign.is_empty() { Ok(named) } else { Err(HoldError::NotOwned { ids: foreign }) }
}

pub(super) fn worked_out(
    verb: Verb,
    inventory: &Inventory,
    named: &[&Snapshot],
    settings: &Settings,
    intend: impl Fn(&Snapshot) -> Intended,
) -> Result<Retagging, HoldError> {
    let intended: Vec<Intended> = named.iter().map(|snapshot| intend(snapshot)).collect();
    let full: Vec<String> = intended
        .iter()
        .filter(|intended| !intended.retag.fits())
        .map(|intended| format!("{} would come to {} tags", intended.retag.snapshot_id, intended.retag.at_most()))
        .collect();
    if !full.is_empty() {
        return Err(HoldError::Full { full });
    }
    let Foresight { mut before, mut after, others } =
        foresee(inventory, intended.iter().map(|intended| &intended.retag), settings);
    let changes = named.iter().zip(intended).filter_map(|(snapshot, intended)| {
        let Intended { retag, lessens, mut notes } = intended;
        // Every snapshot has its verdict.
        let (before, after) = (before.remove(&snapshot.id)?, after.remove(&snapshot.id)?);
        if after.verdict == ExpireVerdict::Ignore {
            notes.push("it is not ours: ebskeep never deletes it, held or not".to_owned());
        }
        Some(Change {
            volume_id: after.volume_id.clone(),
            started: snapshot.started,
            retag,
            lessens,
            before,
            after,
            notes,
        })
    });
    Ok(Retagging {
        verb,
        now: inventory.now,
        account: inventory.place.account.clone(),
        region: inventory.place.region.clone(),
        changes: changes.collect(),
        others,
        unseen: inventory.gaps().map(|(what, gap)| format!("{what}: {gap}")).collect(),
    })
}
