//! Snapshots in batches: looking at many with one call, and tagging many with
//! one call or, where one of them may be why AWS refuses that, each with its own.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use smol_str::SmolStr;

use super::CALLS_AT_ONCE;
use crate::cloud::{Clock, Cloud, CloudError, ErrorKind, Filter, Query};
use crate::id::SnapshotId;
use crate::inventory::Snapshot;
use crate::observe::{CIRCLE, Cut, follow};
use crate::paced::Paced;
use crate::tags::Tags;

/// Snapshots in a batch. A full bucket of DeleteSnapshot, and fewer than the 200
/// values that AWS takes in one filter.
pub(super) const BATCH: usize = 100;

/// What a batch was seen to be.
pub(super) struct Look {
    /// Those that are there.
    pub(super) found: BTreeMap<SnapshotId, Snapshot>,
    /// AWS's clock.
    pub(super) at: Timestamp,
    /// The machine's clock when the first answer arrived.
    pub(super) received: Timestamp,
}

/// One look at a whole batch by its ids. AWS fails that call if one is gone;
/// then those that are left are found by a filter.
pub(super) async fn look_at<C: Cloud, K: Clock>(
    cloud: &Paced<'_, C, K>,
    ids: impl Iterator<Item = &SnapshotId>,
) -> Result<Look, CloudError> {
    let ids: Vec<SmolStr> = ids.map(|id| id.as_str().into()).collect();
    match look_by(cloud, &Query::Ids(ids.clone())).await {
        Err(error) if error.kind == ErrorKind::NotFound => {
            look_by(cloud, &Query::Filters(vec![Filter { name: "snapshot-id".into(), values: ids }])).await
        }
        other => other,
    }
}

async fn look_by<C: Cloud, K: Clock>(cloud: &Paced<'_, C, K>, query: &Query) -> Result<Look, CloudError> {
    let first: Cell<Option<(Timestamp, Timestamp)>> = Cell::new(None);
    let seen = follow(
        async |token| cloud.describe_snapshots(query, token).await,
        |snapshot: &Snapshot| snapshot.id.clone(),
        |at, _| first.set(first.get().or_else(|| Some((at, cloud.now())))),
    )
    .await;
    let words = match (seen.cut, first.get()) {
        (Cut::AtItsEnd, Some((at, received))) => return Ok(Look { found: seen.items, at, received }),
        (Cut::Failed(error), _) => return Err(error),
        (Cut::Circle, _) => CIRCLE,
        (Cut::AtItsEnd, None) => "no page was given",
    };
    Err(CloudError {
        kind: ErrorKind::Other,
        operation: "DescribeSnapshots",
        resource: None,
        code: None,
        source: Some(words.into()),
    })
}

/// Tags all with one call; where one of them may be why AWS refused that, each
/// with its own.
pub(super) async fn in_one_call_or_each<T>(
    all: Vec<T>,
    id: impl Fn(&T) -> &SnapshotId,
    call: impl AsyncFn(&[SnapshotId]) -> Result<(), CloudError>,
) -> Vec<(T, Result<(), Rc<CloudError>>)> {
    let ids: Vec<SnapshotId> = all.iter().map(|one| id(one).clone()).collect();
    if ids.is_empty() {
        return Vec::new();
    }
    let error = match call(&ids).await {
        Ok(()) => return all.into_iter().map(|one| (one, Ok(()))).collect(),
        Err(error) => Rc::new(error),
    };
    if ids.len() == 1 || !one_may_fail_all(error.kind) {
        return all.into_iter().map(|one| (one, Err(Rc::clone(&error)))).collect();
    }
    let (id, call) = (&id, &call);
    stream::iter(all)
        .map(async |one| {
            let answer = call(std::slice::from_ref(id(&one))).await;
            (one, answer.map_err(Rc::new))
        })
        .buffered(CALLS_AT_ONCE)
        .collect()
        .await
}

/// Whether a call about many can have failed for one of them.
fn one_may_fail_all(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::NotFound
        | ErrorKind::InUse
        | ErrorKind::ConcurrencyLimit
        | ErrorKind::Quota
        | ErrorKind::Denied
        | ErrorKind::Invalid
        | ErrorKind::Other => true,
        ErrorKind::Throttled
        | ErrorKind::PerVolumeRate
        | ErrorKind::Unavailable
        | ErrorKind::Unknown
        | ErrorKind::Stopped => false,
    }
}

/// The first key, in order, that is not the same in both, except those that do
/// not matter.
pub(super) fn first_difference<'t>(
    planned: &'t Tags,
    now: &'t Tags,
    matters: impl Fn(&str) -> bool,
) -> Option<&'t str> {
    let keys = planned.iter().chain(now.iter()).map(|(key, _)| key.as_str());
    keys.filter(|key| matters(key) && planned.get(key) != now.get(key)).min()
}
