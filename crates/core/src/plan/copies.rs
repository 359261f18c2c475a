//! What the copier does, as data: copies to make, and what follows from those
//! that are there.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::Reason;
use crate::cloud::CopyKey;
use crate::destination::{Destination, Destinations};
use crate::id::{AccountId, Place, SnapshotId, VolumeId};
use crate::inventory::Inventory;
use crate::lineage::classify;
use crate::setting::Settings;
use crate::tags::{self, Tags};

/// The Places where copies of what is here are wanted, or were made, or to
/// which it is shared; in their order, each once. What is there has to be seen
/// before the copier decides.
pub fn destinations(inventory: &Inventory, settings: &Settings) -> Vec<Place> {
    let mut places = BTreeSet::new();
    for snapshot in &inventory.snapshots.items {
        let named = [tags::COPY_TO, tags::COPIED_TO, tags::SHARED_WITH].map(|key| snapshot.tags.get(key));
        if named.iter().all(Option::is_none) {
            continue;
        }
        if classify(snapshot, &inventory.place, &settings.deployment).is_ok_and(|managed| !managed.key.copies) {
            for text in named.into_iter().flatten() {
                let Destinations { wanted, here: _, unreadable: _ } = Destinations::parse(text, &inventory.place);
                places.extend(wanted.iter().map(|destination| destination.place(&inventory.place.account)));
            }
        }
    }
    places.into_iter().collect()
}

/// What is to happen with one snapshot and one destination its tags name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CopyVerdict {
    /// The snapshot here.
    pub snapshot_id: SnapshotId,
    /// The volume it came from.
    pub volume_id: VolumeId,
    /// Where a copy is wanted, or is.
    pub destination: Destination,
    /// Copied now, later, already, or not at all.
    pub verdict: CopyState,
    /// Why; never empty.
    pub reasons: Vec<Reason>,
    /// The copy there, good or pending, if one was seen: the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_id: Option<SnapshotId>,
}

/// How far a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CopyState {
    /// A copy is begun.
    Copy,
    /// Wanted, and not now: a later run does it.
    Wait,
    /// Under way.
    Pending,
    /// It is, or was, there.
    Done,
    /// Not wanted any more, or never possible.
    Skip,
}

/// A copy to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCopy {
    /// The snapshot to copy.
    pub snapshot_id: SnapshotId,
    /// The volume it came from.
    pub volume_id: VolumeId,
    /// Where to.
    pub destination: Destination,
    /// Its description.
    pub description: String,
    /// Our tags: what the copy needs to be understood alone.
    pub tags: Tags,
    /// Other tags of the source; left out if AWS refuses the copy because of
    /// its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub carried: Tags,
    /// Whether the source, and so the copy, is encrypted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub encrypted: bool,
    /// The key of an encrypted copy; the destination's own default if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub kms_key_id: Option<SmolStr>,
    /// The size of the volume in GiB (full, not incremental).
    pub size_gib: u32,
    /// Of a destination in another account: what `ebskeep:shared-with` of the
    /// source says from before it is shared until it is no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub shared_with: Option<SmolStr>,
}

impl NewCopy {
    /// How it is encrypted, for the call.
    pub fn key(&self) -> Option<CopyKey> {
        self.encrypted.then(|| self.kms_key_id.clone().map_or(CopyKey::Default, CopyKey::Named))
    }
}

/// A primary whose copies are good: the tag that says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkCopied {
    /// The primary.
    pub snapshot_id: SnapshotId,
    /// The volume it came from.
    pub volume_id: VolumeId,
    /// Its tags when it was decided; anything else at the last look, and it is
    /// left for the next run.
    pub before: Tags,
    /// What is written: `ebskeep:copied-to`.
    pub tags: Tags,
}

/// A copy that follows its source: a hold, or a later date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FollowSource {
    /// The copy.
    pub snapshot_id: SnapshotId,
    /// Where it is.
    pub destination: Destination,
    /// What it was made from.
    pub source_id: SnapshotId,
    /// The volume that came from.
    pub volume_id: VolumeId,
    /// Its tags when it was decided; anything else at the last look, and it is
    /// left for the next run.
    pub before: Tags,
    /// What is written: `KeepForever`, `KeepUntil`, `DeleteOn`. Each makes it
    /// stay longer.
    pub tags: Tags,
}

/// A share of ours that no copy needs any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unshare {
    /// The snapshot here.
    pub snapshot_id: SnapshotId,
    /// The volume it came from.
    pub volume_id: VolumeId,
    /// The account that may no longer use it.
    pub account: AccountId,
    /// What `ebskeep:shared-with` says after that; the tag goes if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub left: Option<SmolStr>,
}
