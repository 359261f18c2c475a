//! What there is where copies go, and a narrow look at home for a copier that was
//! told which snapshots to copy.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use jiff::Timestamp;
use smol_str::SmolStr;

use super::{Cut, FILTER_VALUES, Followed, circle, follow, silence};
use crate::cloud::{Clock, Cloud, CloudError, Clouds, ErrorKind, Filter, Query};
use crate::id::{Place, SnapshotId};
use crate::inventory::{DestinationSnapshots, Inventory, Listing, Snapshot, SnapshotState};
use crate::reach::Reach;
use crate::tags::SOURCE_SNAPSHOT;

/// Lists what matters to the copier at each of `places`, all side by side: the
/// copies there, of anything or of `only` these, and whatever is pending, since
/// that counts against AWS's limit whoever began it. What could not be listed
/// is a gap there and nowhere else. `listed` is told how many snapshots of a
/// Place are known by now.
pub async fn destinations<S: Clouds, K: Clock>(
    reach: &Reach<'_, S, K>,
    places: impl IntoIterator<Item = Place>,
    only: Option<&BTreeSet<SnapshotId>>,
    listed: &dyn Fn(&Place, usize),
) -> Vec<DestinationSnapshots> {
    let places: BTreeSet<Place> = places.into_iter().collect();
    let looks = places.into_iter().map(async |place| {
        let cloud = reach.at(&place);
        let heard = |items| listed(&place, items);
        let pending = vec![Filter { name: "status".into(), values: vec!["pending".into()] }];
        let (copies, pending) = futures::join!(copies(&*cloud, only, &heard), one(&*cloud, pending, &heard));
        DestinationSnapshots { snapshots: merged([copies, pending]), place }
    });
    join_all(looks).await
}

/// Copies of anything, or of these.
async fn copies<C: Cloud>(cloud: &C, only: Option<&BTreeSet<SnapshotId>>, heard: &dyn Fn(usize)) -> Listing<Snapshot> {
    let Some(only) = only else {
        let filter = Filter { name: "tag-key".into(), values: vec![SOURCE_SNAPSHOT.into()] };
        return one(cloud, vec![filter], heard).await;
    };
    let ids: Vec<SmolStr> = only.iter().map(|id| id.as_str().into()).collect();
    let parts = ids.chunks(FILTER_VALUES).map(async |ids| {
        let filter = Filter { name: format!("tag:{SOURCE_SNAPSHOT}").into(), values: ids.to_vec() };
        one(cloud, vec![filter], heard).await
    });
    merged(join_all(parts).await)
}

async fn one<C: Cloud>(cloud: &C, filters: Vec<Filter>, heard: &dyn Fn(usize)) -> Listing<Snapshot> {
    let query = Query::Filters(filters);
    let fetch = async |token: Option<&_>| cloud.describe_snapshots(&query, token).await;
    follow(fetch, |snapshot: &Snapshot| snapshot.id.clone(), |_, items| heard(items)).await.listing()
}

/// Several listings as one. Of a snapshot on two that is pending on one only, it
/// is so no longer.
fn merged(all: impl IntoIterator<Item = Listing<Snapshot>>) -> Listing<Snapshot> {
    let mut items: BTreeMap<SnapshotId, Snapshot> = BTreeMap::new();
    let mut gap = None;
    for listing in all {
        gap = gap.or(listing.gap);
        for snapshot in listing.items {
            if snapshot.state != SnapshotState::Pending || !items.contains_key(&snapshot.id) {
                items.insert(snapshot.id.clone(), snapshot);
            }
        }
    }
    Listing { items: items.into_values().collect(), gap }
}

/// Looks at these snapshots and at nothing else. Those that are not there are
/// not in the inventory; all else counts as not listed.
///
/// # Errors
///
/// Only if nothing answered at all.
pub async fn observe_only<C: Cloud, K: Clock>(
    cloud: &C,
    clock: &K,
    now: Option<Timestamp>,
    only: &BTreeSet<SnapshotId>,
) -> Result<Inventory, CloudError> {
    let first: Cell<Option<(Timestamp, Timestamp)>> = Cell::new(None);
    let heard = |at: Timestamp, _| first.set(first.get().or_else(|| Some((at, clock.now()))));
    let ids: Vec<SmolStr> = only.iter().map(|id| id.as_str().into()).collect();
    let mut snapshots = Listing::default();
    let mut failed = None;
    for ids in ids.chunks(FILTER_VALUES) {
        let by = async |query: Query| {
            let fetch = async |token: Option<&_>| cloud.describe_snapshots(&query, token).await;
            follow(fetch, |snapshot: &Snapshot| snapshot.id.clone(), heard).await
        };
        let mut seen = by(Query::Ids(ids.to_vec())).await;
        // AWS fails the call if one of them is gone.
        if matches!(&seen.cut, Cut::Failed(error) if error.kind == ErrorKind::NotFound) {
            seen = by(Query::Filters(vec![Filter { name: "snapshot-id".into(), values: ids.to_vec() }])).await;
        }
        let Followed { items, cut } = seen;
        snapshots.items.extend(items.into_values());
        match cut {
            Cut::AtItsEnd => {}
            Cut::Circle => snapshots.gap = Some(circle()),
            Cut::Failed(error) => {
                snapshots.gap = Some((&error).into());
                failed = Some(error);
            }
        }
    }
    let Some((observed_at, machine_clock)) = first.get() else { return Err(failed.unwrap_or_else(silence)) };
    let mut inventory = Inventory {
        machine_clock: Some(machine_clock),
        observed_at,
        snapshots,
        ..Inventory::empty(cloud.place().clone(), now.unwrap_or(observed_at))
    };
    let unasked = "not asked for";
    inventory.instances.gap = Some(unasked.into());
    inventory.volumes.gap = Some(unasked.into());
    inventory.images.gap = Some(unasked.into());
    Ok(inventory)
}
