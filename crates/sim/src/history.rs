//! What happened: every call, and every snapshot that ever was.

use std::collections::BTreeMap;

use ebskeep_core::id::{AccountId, Place, Region, SnapshotId, VolumeId};
use ebskeep_core::tags::Tags;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::model::{Snapshot, Source, snapshot_state};

/// One call, as it arrived and as it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub region: Region,
    /// The caller's ARN.
    pub caller: String,
    /// `ec2` or `sts`.
    pub service: SmolStr,
    /// Such as `DescribeVolumes`.
    pub action: SmolStr,
    /// Its parameters, as the wire has them, without those of the signature.
    pub params: BTreeMap<String, String>,
    /// How it ended.
    pub outcome: Outcome,
    /// The faults that hit it, by [`crate::What::name`]: one that stopped it
    /// alone, else all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<SmolStr>,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It did what it was asked.
    Done,
    /// It answered with this error code.
    Refused(SmolStr),
    /// It did nothing, and no answer arrived.
    LostBefore,
    /// It did what it was asked, and no answer, or half of one, arrived.
    LostAfter,
}

/// A snapshot that is or was there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// Whose and where.
    pub place: Place,
    /// Its id.
    pub id: SnapshotId,
    /// Its volume.
    pub volume: VolumeId,
    /// When it began.
    pub started: Timestamp,
    /// When it was good, if ever.
    pub completed: Option<Timestamp>,
    /// Its state, or its last.
    pub state: SmolStr,
    /// Its description.
    pub description: SmolStr,
    /// Its tags, or its last.
    pub tags: Tags,
    /// The ARN of who made it.
    pub made_by: SmolStr,
    /// The KMS key that encrypts it, if one does.
    pub key: Option<SmolStr>,
    /// What it was copied from, if it was made by CopySnapshot.
    pub copy_of: Option<Source>,
    /// The accounts it is shared with.
    pub shared_with: Vec<AccountId>,
    /// Its end, if it is gone.
    pub deleted: Option<Deleted>,
}

/// How a snapshot ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// When.
    pub at: Timestamp,
    /// The ARN of who did it.
    pub by: SmolStr,
}

impl Past {
    pub(crate) fn of(place: &Place, snapshot: &Snapshot, deleted: Option<Deleted>) -> Self {
        Self {
            place: place.clone(),
            id: snapshot.id.clone(),
            volume: snapshot.volume.clone(),
            started: snapshot.started,
            completed: snapshot.completed,
            state: snapshot_state(snapshot.state).into(),
            description: snapshot.description.clone(),
            tags: snapshot.tags.clone(),
            made_by: snapshot.made_by.clone(),
            key: snapshot.key.clone(),
            copy_of: snapshot.copy_of.clone(),
            shared_with: snapshot.shared.accounts.iter().cloned().collect(),
            deleted,
        }
    }
}
