//! A snapshot's copies, or what it is a copy of.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use smol_str::SmolStr;

use super::Asked;
use crate::destination::Destination;
use crate::id::{AccountId, Region, SnapshotId};
use crate::lineage::Managed;
use crate::plan::copy::seen;
use crate::plan::{CopyState, Reason};
use crate::tags;

/// What a copy was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CopyOf {
    /// Its source.
    pub snapshot_id: SnapshotId,
    /// Where that is, or was.
    pub region: Region,
    /// Whose.
    pub account: AccountId,
    /// When the copy itself began.
    #[schemars(with = "String")]
    pub copied: Timestamp,
}

/// The copies of a snapshot at one destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CopiesAt {
    /// Where.
    pub destination: Destination,
    /// Copied by the next run, later, already, or not at all.
    pub state: CopyState,
    /// Why, and what is waited for.
    pub reasons: Vec<Reason>,
    /// Those that are there, failed ones too, the newest first.
    pub copies: Vec<Copy>,
}

/// One copy as it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Copy {
    /// The copy.
    pub snapshot_id: SnapshotId,
    /// AWS's word for its state.
    pub state: &'static str,
    /// AWS's words about that state.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub state_message: Option<SmolStr>,
    /// When it began.
    #[schemars(with = "String")]
    pub started: Timestamp,
}

/// Of a copy, what its tags say it was made from.
pub(super) fn source(managed: &Managed<'_>) -> Option<CopyOf> {
    if !managed.key.copies {
        return None;
    }
    Some(CopyOf {
        snapshot_id: SnapshotId::new(managed.snapshot.tags.get(tags::SOURCE_SNAPSHOT)?),
        region: managed.key.region.clone(),
        account: managed.key.account.clone(),
        copied: managed.snapshot.started,
    })
}

/// Where copies of a primary are wanted, or were made, and how far each is.
pub(super) fn copies(managed: &Managed<'_>, asked: &Asked<'_>) -> Vec<CopiesAt> {
    let inventory = asked.world.inventory;
    let of_it = asked.plan.copies.iter().filter(|verdict| verdict.snapshot_id == managed.snapshot.id);
    let told = of_it.map(|verdict| CopiesAt {
        destination: verdict.destination.clone(),
        state: verdict.verdict,
        reasons: verdict.reasons.clone(),
        copies: seen(managed, &verdict.destination, inventory, asked.world.settings)
            .into_iter()
            .map(|copy| Copy {
                snapshot_id: copy.id.clone(),
                state: copy.state.as_aws(),
                state_message: copy.message().cloned(),
                started: copy.started,
            })
            .collect(),
    });
    told.collect()
}
