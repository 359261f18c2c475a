//! What new tags do: the decider over the same inventory with them on.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::Retag;
use crate::id::SnapshotId;
use crate::inventory::Inventory;
use crate::job::Request;
use crate::plan::{self, ExpireVerdict, Job, SnapshotVerdict};
use crate::setting::Settings;

/// A snapshot whose own tags stay as they are and whose end moves all the same.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Affected {
    /// What `expire` would do with it now.
    pub before: SnapshotVerdict,
    /// What `expire` would do with it once the tags are so.
    pub after: SnapshotVerdict,
}

/// What `expire` would do before and after.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Foresight {
    /// Every snapshot's verdict now.
    pub before: BTreeMap<SnapshotId, SnapshotVerdict>,
    /// Every snapshot's verdict with the new tags.
    pub after: BTreeMap<SnapshotId, SnapshotVerdict>,
    /// Those whose end moves although their own tags stay as they are, by id.
    pub others: Vec<Affected>,
}

/// Asks the decider what these tags would do.
pub fn foresee<'a>(
    inventory: &Inventory,
    retags: impl IntoIterator<Item = &'a Retag>,
    settings: &Settings,
) -> Foresight {
    let retags: BTreeMap<&SnapshotId, &Retag> = retags.into_iter().map(|retag| (&retag.snapshot_id, retag)).collect();
    let before = verdicts(inventory, settings);
    let after = verdicts(&retagged(inventory, &retags), settings);
    let others = before
        .iter()
        .filter(|(id, _)| !retags.contains_key(id))
        .filter_map(|(id, before)| Some((before, after.get(id)?)))
        .filter(|(before, after)| end(before) != end(after))
        .map(|(before, after)| Affected { before: before.clone(), after: after.clone() })
        .collect();
    Foresight { before, after, others }
}

/// The inventory with these tags on its snapshots.
pub(crate) fn retagged(inventory: &Inventory, retags: &BTreeMap<&SnapshotId, &Retag>) -> Inventory {
    let mut inventory = inventory.clone();
    for snapshot in &mut inventory.snapshots.items {
        if let Some(retag) = retags.get(&snapshot.id) {
            snapshot.tags = retag.after();
        }
    }
    inventory
}

fn verdicts(inventory: &Inventory, settings: &Settings) -> BTreeMap<SnapshotId, SnapshotVerdict> {
    let plan = plan::decide(inventory, &Request::new([Job::Expire]), settings);
    plan.snapshots.into_iter().map(|verdict| (verdict.snapshot_id.clone(), verdict)).collect()
}

/// What of a verdict says when it goes.
fn end(verdict: &SnapshotVerdict) -> (ExpireVerdict, Option<jiff::civil::Date>) {
    (verdict.verdict, verdict.expires_on)
}
