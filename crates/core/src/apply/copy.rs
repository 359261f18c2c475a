//! Beginning one copy, and looking for one that a call without an answer may
//! have begun.

use std::time::Duration;

use super::create::{LOOKS, filter, merged, tag_filter};
use super::refusal::{because_of_tags, outcome, told_of};
use super::{Act, Ending};
use crate::cloud::{Clock, Cloud as _, CloudError, Clouds, CopySnapshot, ErrorKind, Query};
use crate::id::{Place, SnapshotId};
use crate::inventory::{Snapshot, SnapshotState};
use crate::observe::{Cut, follow};
use crate::paced::Paced;
use crate::plan::NewCopy;
use crate::report::Outcome;
use crate::tags;

/// Seconds before further attempts at a copy whose source another account does
/// not see yet: it was shared a moment ago.
const SEEN: [u64; 4] = [2, 2, 4, 8];

impl<S: Clouds, K: Clock> Act<'_, '_, S, K> {
    /// Begins one copy. After an unknown outcome it looks first, and tries once
    /// more only if none is there.
    pub(super) async fn copy(&self, place: &Place, new: &NewCopy) -> Ending {
        let cloud = self.reach.at(place);
        let caller = if place.account == self.plan.account {
            "the role or user that runs ebskeep".to_owned()
        } else {
            format!("the role of {} that copies are made as", place.account)
        };
        let told = |error: &CloudError| told_of(error, &caller);
        let mut with_carried = true;
        let mut looked = false;
        let mut not_seen = SEEN.iter();
        loop {
            let request = CopySnapshot {
                source_region: self.plan.region.clone(),
                source: new.snapshot_id.clone(),
                description: new.description.clone(),
                tags: if with_carried { merged(&new.carried, &new.tags) } else { new.tags.clone() },
                encrypted: new.key(),
            };
            let error = match cloud.copy_snapshot(&request).await {
                Ok(id) => return begun(id, with_carried),
                Err(error) => error,
            };
            if error.kind == ErrorKind::Unknown && !looked {
                looked = true;
                match find_copy(&cloud, new).await {
                    Ok(Some(id)) => return begun(id, with_carried),
                    Ok(None) => {}
                    Err(blind) => {
                        let detail = format!("{}; could not look for it: {}", told(&error), told(&blind));
                        return Ending::new(Outcome::Unknown).detail(detail);
                    }
                }
            } else if with_carried && !new.carried.is_empty() && because_of_tags(&error) {
                with_carried = false;
                self.carried_refused(new.snapshot_id.as_str(), &error);
            } else if error.kind == ErrorKind::NotFound {
                if place.account == self.plan.account {
                    return Ending::new(Outcome::Changed)
                        .detail(format!("{}: gone since it was planned", told(&error)));
                }
                let Some(wait) = not_seen.next() else {
                    let detail = format!(
                        "{}: {} does not see it, though it is shared; the next run tries again",
                        told(&error),
                        place.account
                    );
                    return Ending::new(Outcome::Failed).detail(detail);
                };
                // A stop shows at the call, which is then not made.
                let _ = cloud.pause(Duration::from_secs(*wait)).await;
            } else {
                return Ending::new(outcome(&error)).detail(told(&error));
            }
        }
    }
}

/// Looks at the destination for a copy of it, good or on its way.
async fn find_copy<C: crate::cloud::Cloud, K: Clock>(
    cloud: &Paced<'_, C, K>,
    new: &NewCopy,
) -> Result<Option<SnapshotId>, CloudError> {
    let query = Query::Filters(vec![filter(tag_filter(tags::SOURCE_SNAPSHOT), new.snapshot_id.as_str())]);
    let same = |snapshot: &Snapshot, key| snapshot.tags.get(key) == new.tags.get(key);
    let fits = |snapshot: &Snapshot| {
        matches!(snapshot.state, SnapshotState::Pending | SnapshotState::Completed)
            && [tags::SOURCE_SNAPSHOT, tags::SOURCE_REGION, tags::SOURCE_ACCOUNT, tags::DEPLOYMENT]
                .into_iter()
                .all(|key| same(snapshot, key))
    };
    for wait in LOOKS {
        // A stop shows at the call, which is then not made.
        let _ = cloud.pause(Duration::from_secs(wait)).await;
        let seen = follow(
            async |token| cloud.describe_snapshots(&query, token).await,
            |snapshot: &Snapshot| snapshot.id.clone(),
            |_, _| {},
        )
        .await;
        if let Cut::Failed(error) = seen.cut {
            return Err(error);
        }
        if let Some((id, _)) = seen.items.into_iter().find(|(_, snapshot)| fits(snapshot)) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

fn begun(id: SnapshotId, with_carried: bool) -> Ending {
    let ending = Ending::new(Outcome::Done).snapshot(id);
    if with_carried { ending } else { ending.detail("without the tags carried over: AWS refused them") }
}
