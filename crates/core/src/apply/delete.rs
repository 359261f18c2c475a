//! Deleting snapshots: look, compare, mark, delete, and unmark what AWS kept.
//!
//! In batches, one after the other, so that every deletion follows a look at
//! that very snapshot which is no more than a minute old.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};

use super::refusal::{outcome, outcome_before, told};
use super::{Act, CALLS_AT_ONCE, Ending};
use crate::cloud::{Clock, Cloud, CloudError, ErrorKind, Filter, Query};
use crate::id::SnapshotId;
use crate::inventory::{Snapshot, SnapshotState, StorageTier};
use crate::observe::{Cut, follow};
use crate::paced::Timely;
use crate::plan::Deletion;
use crate::report::Outcome;
use crate::tags::{DELETED, MAX_TAGS, Tags};

/// Snapshots in a batch: a full bucket of DeleteSnapshot.
const BATCH: usize = 100;
/// How long after its answer arrived a look is good for: a minute, less what
/// the answer and the deletion take on their way.
const LOOK_GOOD_FOR: SignedDuration = SignedDuration::from_secs(50);
/// Looks at one snapshot before it is left for the next run.
const LOOKS: u32 = 4;

/// A deletion not settled yet.
struct Wanted<'a> {
    index: usize,
    deletion: &'a Deletion,
    /// Looks so far. After the first it bears our mark.
    looks: u32,
}

/// What a batch was seen to be.
struct Look {
    found: BTreeMap<SnapshotId, Snapshot>,
    /// AWS's clock.
    at: Timestamp,
    /// No deletion after this, by the machine's clock.
    until: Timestamp,
}

/// How a deletion went.
enum Deleted {
    /// This is the end of it.
    Ended(Ending),
    /// AWS kept the snapshot: the mark goes.
    Refused(Ending),
    /// The look got too old.
    TooLate,
}

impl<C: Cloud, K: Clock> Act<'_, C, K> {
    pub(super) async fn deletions<'p>(&self, wanted: impl Iterator<Item = (usize, &'p Deletion)>) {
        let mut queue: VecDeque<Wanted<'p>> =
            wanted.map(|(index, deletion)| Wanted { index, deletion, looks: 0 }).collect();
        while !queue.is_empty() {
            let batch = queue.drain(..queue.len().min(BATCH)).collect();
            // Those that were too late are next: their marks are on.
            for late in self.batch(batch).await.into_iter().rev() {
                queue.push_front(late);
            }
        }
    }

    /// One batch; gives back what needs another look.
    async fn batch<'p>(&self, batch: Vec<Wanted<'p>>) -> Vec<Wanted<'p>> {
        let kept = RefCell::new(Vec::new());
        let (marked, until) = self.prepare(batch, &kept).await;
        let late = RefCell::new(Vec::new());
        stream::iter(marked)
            .for_each_concurrent(CALLS_AT_ONCE, async |wanted: Wanted<'p>| match self.delete(&wanted, until).await {
                Deleted::Ended(ending) => self.log.record(wanted.index, 0, ending),
                Deleted::Refused(ending) => kept.borrow_mut().push((wanted, ending)),
                Deleted::TooLate => late.borrow_mut().push(wanted),
            })
            .await;
        self.unmark(kept.into_inner()).await;
        late.into_inner()
    }

    /// Looks at a batch and marks what is to be deleted. Records the rest, or
    /// adds it to `kept` where an earlier round has marked it.
    async fn prepare<'p>(
        &self,
        mut batch: Vec<Wanted<'p>>,
        kept: &RefCell<Vec<(Wanted<'p>, Ending)>>,
    ) -> (Vec<Wanted<'p>>, Timestamp) {
        let settle = |wanted: Wanted<'p>, ending: Ending| {
            if wanted.looks > 1 && ending.outcome != Outcome::AlreadyDone {
                kept.borrow_mut().push((wanted, ending));
            } else {
                self.log.record(wanted.index, 0, ending);
            }
        };
        for wanted in &mut batch {
            wanted.looks += 1;
        }
        let look = match self.look_at(&batch).await {
            Ok(look) => look,
            Err(error) => {
                let ending = Ending::new(outcome_before(&error)).detail(not_deleted("the last look failed", &error));
                for wanted in batch {
                    settle(wanted, ending.clone());
                }
                return (Vec::new(), self.cloud.now());
            }
        };
        let mut unchanged = Vec::new();
        for wanted in batch {
            let ending = match look.found.get(&wanted.deletion.snapshot_id) {
                None => Some(Ending::new(Outcome::AlreadyDone)),
                Some(_) if wanted.looks > LOOKS => Some(
                    Ending::new(Outcome::Failed)
                        .detail("not deleted: AWS took no calls for minutes; the next run tries again"),
                ),
                Some(snapshot) => stays(wanted.deletion, snapshot),
            };
            match ending {
                Some(ending) => settle(wanted, ending),
                None => unchanged.push(wanted),
            }
        }
        let marks: Tags = [(DELETED, look.at.to_string())].into_iter().collect();
        let mut marked = Vec::new();
        for (wanted, answer) in
            self.in_one_call_or_each(unchanged, async |ids| self.cloud.create_tags(ids, &marks).await).await
        {
            match answer {
                Ok(()) => marked.push(wanted),
                Err(error) if error.kind == ErrorKind::NotFound => {
                    settle(wanted, Ending::new(Outcome::AlreadyDone));
                }
                Err(error) => {
                    let why = "it could not be marked with ebskeep:deleted first";
                    settle(wanted, Ending::new(outcome_before(&error)).detail(not_deleted(why, &error)));
                }
            }
        }
        (marked, look.until)
    }

    async fn delete(&self, wanted: &Wanted<'_>, until: Timestamp) -> Deleted {
        match self.cloud.delete_snapshot_until(&wanted.deletion.snapshot_id, until).await {
            Ok(Timely::Answered(())) => Deleted::Ended(Ending::new(Outcome::Done)),
            Ok(Timely::TooLate) => Deleted::TooLate,
            Err(error) => {
                let ending = Ending::new(outcome(&error)).detail(told(&error));
                match error.kind {
                    ErrorKind::NotFound => Deleted::Ended(Ending::new(Outcome::AlreadyDone)),
                    // Perhaps deleted: the mark must be on it if it comes back.
                    ErrorKind::Unknown => Deleted::Ended(ending),
                    // No call is made any more. The next run takes it up within
                    // the hour in which a mark says nothing.
                    ErrorKind::Stopped => Deleted::Ended(Ending::new(Outcome::NotStarted)),
                    ErrorKind::InUse
                    | ErrorKind::Throttled
                    | ErrorKind::PerVolumeRate
                    | ErrorKind::ConcurrencyLimit
                    | ErrorKind::Quota
                    | ErrorKind::Denied
                    | ErrorKind::Invalid
                    | ErrorKind::Unavailable
                    | ErrorKind::Other => Deleted::Refused(ending),
                }
            }
        }
    }

    /// Takes the mark off what was not deleted, and records it.
    async fn unmark(&self, kept: Vec<(Wanted<'_>, Ending)>) {
        let (wanted, endings): (Vec<_>, Vec<_>) = kept.into_iter().unzip();
        let mut endings: BTreeMap<usize, Ending> = wanted.iter().map(|wanted| wanted.index).zip(endings).collect();
        let keys = [DELETED.into()];
        let answers = self.in_one_call_or_each(wanted, async |ids| self.cloud.delete_tags(ids, &keys).await).await;
        for (wanted, answer) in answers {
            let Some(ending) = endings.remove(&wanted.index) else { continue };
            let ending = match answer {
                Err(error) if error.kind != ErrorKind::NotFound => {
                    let detail = format!("{}; its mark ebskeep:deleted stays on it: {}", ending.detail, told(&error));
                    ending.detail(detail)
                }
                Ok(()) | Err(_) => ending,
            };
            self.log.record(wanted.index, 0, ending);
        }
    }

    /// One look at a whole batch by its ids. AWS fails that call if one is gone;
    /// then those that are left are found by a filter.
    async fn look_at(&self, batch: &[Wanted<'_>]) -> Result<Look, CloudError> {
        let ids: Vec<_> = batch.iter().map(|wanted| wanted.deletion.snapshot_id.as_str().into()).collect();
        match self.look_by(&Query::Ids(ids.clone())).await {
            Err(error) if error.kind == ErrorKind::NotFound => {
                self.look_by(&Query::Filters(vec![Filter { name: "snapshot-id".into(), values: ids }])).await
            }
            other => other,
        }
    }

    async fn look_by(&self, query: &Query) -> Result<Look, CloudError> {
        let first: Cell<Option<(Timestamp, Timestamp)>> = Cell::new(None);
        let seen = follow(
            async |token| self.cloud.describe_snapshots(query, token).await,
            |snapshot: &Snapshot| snapshot.id.clone(),
            |at, _| first.set(first.get().or_else(|| Some((at, self.cloud.now())))),
        )
        .await;
        let words = match (seen.cut, first.get()) {
            (Cut::AtItsEnd, Some((at, received))) => {
                let until = received.checked_add(LOOK_GOOD_FOR).unwrap_or(received);
                return Ok(Look { found: seen.items, at, until });
            }
            (Cut::Failed(error), _) => return Err(error),
            (Cut::Circle, _) => "AWS gave the same page token twice",
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

    /// Tags all with one call; where one of them may be why AWS refused that,
    /// each with its own.
    async fn in_one_call_or_each<'p>(
        &self,
        all: Vec<Wanted<'p>>,
        call: impl AsyncFn(&[SnapshotId]) -> Result<(), CloudError>,
    ) -> Vec<(Wanted<'p>, Result<(), Rc<CloudError>>)> {
        let ids: Vec<SnapshotId> = all.iter().map(|wanted| wanted.deletion.snapshot_id.clone()).collect();
        if ids.is_empty() {
            return Vec::new();
        }
        let error = match call(&ids).await {
            Ok(()) => return all.into_iter().map(|wanted| (wanted, Ok(()))).collect(),
            Err(error) => Rc::new(error),
        };
        if ids.len() == 1 || !one_may_fail_all(error.kind) {
            return all.into_iter().map(|wanted| (wanted, Err(Rc::clone(&error)))).collect();
        }
        let call = &call;
        stream::iter(all)
            .map(async |wanted| {
                let answer = call(std::slice::from_ref(&wanted.deletion.snapshot_id)).await;
                (wanted, answer.map_err(Rc::new))
            })
            .buffered(CALLS_AT_ONCE)
            .collect()
            .await
    }
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

/// Why a snapshot is not deleted after the last look, if so.
fn stays(deletion: &Deletion, snapshot: &Snapshot) -> Option<Ending> {
    let changed = |detail: String| Some(Ending::new(Outcome::Changed).detail(detail));
    let planned = if deletion.failed { SnapshotState::Error } else { SnapshotState::Completed };
    if snapshot.state != planned {
        return changed(format!("not deleted: its state is {:?} now", snapshot.state).to_lowercase());
    }
    if snapshot.tier != StorageTier::Standard {
        return changed("not deleted: it was archived since it was planned".to_owned());
    }
    if let Some(key) = first_difference(&deletion.tags, &snapshot.tags) {
        return changed(format!("not deleted: its tag {key:?} changed since it was planned"));
    }
    // Told beforehand, so that it does not fail the whole batch's mark.
    if snapshot.tags.counted() >= MAX_TAGS && snapshot.tags.get(DELETED).is_none() {
        return Some(Ending::new(Outcome::Failed).detail(
            "not deleted: it has 50 tags, so it cannot be marked with ebskeep:deleted first; remove one of its tags",
        ));
    }
    None
}

/// The first key, in order, that is not the same in both, our mark aside.
fn first_difference<'t>(planned: &'t Tags, now: &'t Tags) -> Option<&'t str> {
    let keys = planned.iter().chain(now.iter()).map(|(key, _)| key.as_str());
    keys.filter(|key| *key != DELETED && planned.get(key) != now.get(key)).min()
}

fn not_deleted(why: &str, error: &CloudError) -> String {
    format!("not deleted: {why}: {}", told(error))
}
