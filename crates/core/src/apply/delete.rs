//! Deleting snapshots: look, compare, mark, delete.
//!
//! In batches, one after the other, so that every deletion follows a look at
//! that very snapshot which is no more than a minute old.

use std::cell::RefCell;
use std::collections::VecDeque;

use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};

use super::batch::{BATCH, first_difference, in_one_call_or_each, look_at};
use super::refusal::{outcome, outcome_before, told};
use super::unmark::{Kept, LEFT, Mark, Marks};
use super::{Act, CALLS_AT_ONCE, Ending};
use crate::cloud::{Clock, Cloud as _, CloudError, Clouds, ErrorKind};
use crate::id::SnapshotId;
use crate::inventory::{Snapshot, SnapshotState, StorageTier};
use crate::paced::Timely;
use crate::plan::Deletion;
use crate::report::Outcome;
use crate::tags::{DELETED, MAX_TAGS, Tags};

/// How long after its answer arrived a look is good for: a minute, less what
/// the answer and the deletion take on their way.
const LOOK_GOOD_FOR: SignedDuration = SignedDuration::from_secs(50);
/// Looks at one snapshot before it is left for the next run.
const LOOKS: u32 = 4;

/// A deletion not settled yet.
struct Wanted<'a> {
    index: usize,
    deletion: &'a Deletion,
    /// Looks so far.
    looks: u32,
    /// Our marks that may be on it: more than one where it is not known which is.
    marks: Vec<Mark>,
    /// How it ended, unless the next look shows more: perhaps it is deleted.
    perhaps: Option<Ending>,
}

fn id_of<'w>(wanted: &'w Wanted<'_>) -> &'w SnapshotId {
    &wanted.deletion.snapshot_id
}

/// How a deletion went.
enum Deleted {
    /// This is the end of it.
    Ended(Ending),
    /// AWS kept the snapshot.
    Refused(Ending),
    /// The look got too old; perhaps it is deleted, which is how it ended then.
    TooLate(Option<Ending>),
}

impl<S: Clouds, K: Clock> Act<'_, '_, S, K> {
    pub(super) async fn deletions<'p>(&self, wanted: impl Iterator<Item = (usize, &'p Deletion)>) {
        let mut queue: VecDeque<Wanted<'p>> = wanted
            .map(|(index, deletion)| Wanted { index, deletion, looks: 0, marks: Vec::new(), perhaps: None })
            .collect();
        let marks = Marks::default();
        while !queue.is_empty() {
            let batch = queue.drain(..queue.len().min(BATCH)).collect();
            // Those that were too late are next: their marks are on.
            for late in self.batch(batch, &marks).await.into_iter().rev() {
                queue.push_front(late);
            }
            self.unmark_due(&marks).await;
        }
        self.unmark_all(&marks).await;
    }

    /// One batch; gives back what needs another look.
    async fn batch<'p>(&self, batch: Vec<Wanted<'p>>, marks: &Marks) -> Vec<Wanted<'p>> {
        let (marked, until) = self.prepare(batch, marks).await;
        let late = RefCell::new(Vec::new());
        stream::iter(marked)
            .for_each_concurrent(CALLS_AT_ONCE, async |wanted: Wanted<'p>| match self.delete(&wanted, until).await {
                Deleted::Ended(ending) => self.log.record(wanted.index, 0, ending),
                Deleted::Refused(ending) => self.stays(wanted, ending, marks),
                Deleted::TooLate(perhaps) => late.borrow_mut().push(Wanted { perhaps, ..wanted }),
            })
            .await;
        late.into_inner()
    }

    /// Records a snapshot that is not deleted. Our marks on it are to be taken off.
    fn stays(&self, wanted: Wanted<'_>, ending: Ending, marks: &Marks) {
        let Wanted { index, deletion, looks: _, marks: on_it, perhaps: _ } = wanted;
        for mark in on_it {
            marks.add(Kept { index, id: deletion.snapshot_id.clone(), mark, ending: ending.clone() });
        }
        self.log.record(index, 0, ending);
    }

    /// Looks at a batch and marks what is to be deleted.
    async fn prepare<'p>(&self, mut batch: Vec<Wanted<'p>>, marks: &Marks) -> (Vec<Wanted<'p>>, Timestamp) {
        let gone = |wanted: Wanted<'p>| self.log.record(wanted.index, 0, Ending::new(Outcome::AlreadyDone));
        for wanted in &mut batch {
            wanted.looks += 1;
        }
        let look = match look_at(self.cloud, batch.iter().map(|wanted| &wanted.deletion.snapshot_id)).await {
            Ok(look) => look,
            Err(error) => {
                let ending = Ending::new(outcome_before(&error)).detail(not_deleted("the last look failed", &error));
                for mut wanted in batch {
                    match wanted.perhaps.take() {
                        Some(perhaps) => self.log.record(wanted.index, 0, perhaps),
                        None => self.stays(wanted, ending.clone(), marks),
                    }
                }
                return (Vec::new(), self.cloud.now());
            }
        };
        let mut unchanged = Vec::new();
        for wanted in batch {
            let Some(snapshot) = look.found.get(&wanted.deletion.snapshot_id) else {
                gone(wanted);
                continue;
            };
            let ending = if wanted.looks > LOOKS {
                let detail = "not deleted: AWS took no calls for minutes; the next run tries again";
                Some(Ending::new(Outcome::Failed).detail(detail))
            } else {
                not_as_planned(wanted.deletion, snapshot, |key| self.rewrote(snapshot, key))
            };
            match ending {
                Some(ending) => self.stays(wanted, ending, marks),
                None => unchanged.push(Wanted { perhaps: None, ..wanted }),
            }
        }
        let value = look.at.to_string();
        let tags: Tags = [(DELETED, value.as_str())].into_iter().collect();
        let answers = in_one_call_or_each(unchanged, id_of, async |ids| self.cloud.create_tags(ids, &tags).await).await;
        let mark = Mark { value: value.into(), written: self.cloud.now() };
        let mut marked = Vec::new();
        for (mut wanted, answer) in answers {
            match answer {
                Ok(()) => marked.push(Wanted { marks: vec![mark.clone()], ..wanted }),
                Err(error) if error.kind == ErrorKind::NotFound => gone(wanted),
                Err(error) => {
                    if error.kind == ErrorKind::Unknown {
                        wanted.marks.push(mark.clone());
                    }
                    let why = "it could not be marked with ebskeep:deleted first";
                    let ending = Ending::new(outcome_before(&error)).detail(not_deleted(why, &error));
                    self.stays(wanted, ending, marks);
                }
            }
        }
        (marked, look.received.checked_add(LOOK_GOOD_FOR).unwrap_or(look.received))
    }

    /// Whether a tag of a snapshot is another because of this run.
    fn rewrote(&self, snapshot: &Snapshot, key: &str) -> bool {
        self.rewritten.borrow().contains(&(snapshot.id.clone(), key.into()))
    }

    async fn delete(&self, wanted: &Wanted<'_>, until: Timestamp) -> Deleted {
        match self.cloud.delete_snapshot_until(&wanted.deletion.snapshot_id, until).await {
            Ok(Timely::Answered(())) => Deleted::Ended(Ending::new(Outcome::Done)),
            Ok(Timely::TooLate(unknown)) => {
                Deleted::TooLate(unknown.map(|error| Ending::new(outcome(&error)).detail(told(&error))))
            }
            Err(error) => {
                let ending = Ending::new(outcome(&error)).detail(told(&error));
                match error.kind {
                    ErrorKind::NotFound => Deleted::Ended(Ending::new(Outcome::AlreadyDone)),
                    // Perhaps deleted: the mark must be on it if it comes back.
                    ErrorKind::Unknown => Deleted::Ended(ending),
                    // No call is made any more. The next run takes it up within
                    // the hour in which a mark says nothing.
                    ErrorKind::Stopped => Deleted::Ended(Ending::new(Outcome::NotStarted).detail(LEFT)),
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
}

/// Why a snapshot is not deleted after the last look, if so. What this run
/// `rewrote` is no reason.
fn not_as_planned(deletion: &Deletion, snapshot: &Snapshot, rewrote: impl Fn(&str) -> bool) -> Option<Ending> {
    let changed = |detail: String| Some(Ending::new(Outcome::Changed).detail(detail));
    let planned = if deletion.failed { SnapshotState::Error } else { SnapshotState::Completed };
    if snapshot.state != planned {
        return changed(format!("not deleted: its state is {:?} now", snapshot.state).to_lowercase());
    }
    let planned = if deletion.archived { StorageTier::Archive } else { StorageTier::Standard };
    if snapshot.tier != planned {
        let what = if deletion.archived { "taken out of the archive" } else { "archived" };
        return changed(format!("not deleted: it was {what} since it was planned"));
    }
    if snapshot.restore_expires != deletion.restore_expires {
        return changed("not deleted: its restore from the archive changed since it was planned".to_owned());
    }
    if let Some(key) = first_difference(&deletion.tags, &snapshot.tags, |key| key != DELETED && !rewrote(key)) {
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

fn not_deleted(why: &str, error: &CloudError) -> String {
    format!("not deleted: {why}: {}", told(error))
}
