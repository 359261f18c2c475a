//! Writing tags on snapshots that somebody named or adopted: look, compare,
//! set, and only then remove.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use futures::stream::{self, StreamExt};
use smol_str::SmolStr;

use super::batch::{BATCH, first_difference, in_one_call_or_each, look_at};
use super::refusal::{outcome, outcome_before, told};
use super::{CALLS_AT_ONCE, Ending};
use crate::cloud::{Clock, Cloud, CloudError, ErrorKind, Untag};
use crate::id::SnapshotId;
use crate::paced::Paced;
use crate::report::{ActionResult, Outcome};
use crate::retag::{Retag, Tagged};
use crate::tags::Tags;

/// A snapshot to tag, and its place in the list.
type Wanted<'a> = (usize, &'a Retag);

/// What is set and what is removed.
type Change = (Vec<(SmolStr, SmolStr)>, Vec<SmolStr>);

fn change(retag: &Retag) -> Change {
    let set = retag.set.iter().map(|(key, value)| (key.clone(), value.clone()));
    (set.collect(), retag.remove.clone())
}

/// Writes these tags, each batch after a look at it: a snapshot whose tags are
/// not what was shown is left alone. Snapshots that change alike share calls.
pub async fn retag<C: Cloud, K: Clock>(cloud: &Paced<'_, C, K>, retags: &[Retag]) -> Tagged {
    let mut endings = written(cloud, retags, "since it was shown").await;
    let results = retags.iter().enumerate().map(|(action, retag)| {
        let Ending { outcome, snapshot_id, detail } =
            endings.remove(&action).unwrap_or_else(|| Ending::new(Outcome::NotStarted));
        ActionResult { action, resource: retag.snapshot_id.as_str().into(), outcome, snapshot_id, detail }
    });
    Tagged { results: results.collect(), stopped: cloud.cut_short() }
}

/// The same, as how each ended by its place in the list. `since` says in words
/// when its tags were those of the [`Retag`].
pub(super) async fn written<C: Cloud, K: Clock>(
    cloud: &Paced<'_, C, K>,
    retags: &[Retag],
    since: &'static str,
) -> BTreeMap<usize, Ending> {
    let writing = Writing { cloud, since, endings: RefCell::default() };
    let mut wanted: Vec<Wanted<'_>> = Vec::new();
    for (index, retag) in retags.iter().enumerate() {
        if retag.is_nothing() {
            writing.end(index, Ending::new(Outcome::AlreadyDone));
        } else {
            wanted.push((index, retag));
        }
    }
    // What changes alike is in one batch as far as it goes, and so are two changes of one snapshot.
    wanted.sort_by_cached_key(|(_, retag)| (change(retag), retag.snapshot_id.clone()));
    for batch in wanted.chunks(BATCH) {
        writing.batch(batch).await;
    }
    writing.endings.into_inner()
}

struct Writing<'a, 'r, C, K> {
    cloud: &'a Paced<'r, C, K>,
    since: &'static str,
    endings: RefCell<BTreeMap<usize, Ending>>,
}

impl<C: Cloud, K: Clock> Writing<'_, '_, C, K> {
    fn end(&self, index: usize, ending: Ending) {
        self.endings.borrow_mut().insert(index, ending);
    }

    /// One look at all, and then a call for each of the changes.
    async fn batch(&self, batch: &[Wanted<'_>]) {
        let mut alike: BTreeMap<Change, Vec<Wanted<'_>>> = BTreeMap::new();
        for (index, retag) in self.unchanged(batch).await {
            alike.entry(change(retag)).or_default().push((index, retag));
        }
        stream::iter(alike)
            .for_each_concurrent(CALLS_AT_ONCE, async |((set, remove), wanted)| {
                let set: Tags = set.into_iter().collect();
                self.write(wanted, &set, &remove).await;
            })
            .await;
    }

    async fn write(&self, unchanged: Vec<Wanted<'_>>, set: &Tags, remove: &[SmolStr]) {
        let written = if set.is_empty() {
            unchanged
        } else {
            let answers =
                in_one_call_or_each(unchanged, id_of, async |ids| self.cloud.create_tags(ids, set).await).await;
            self.sorted(answers, |error| Ending::new(outcome(error)).detail(told(error)))
        };
        let done = if remove.is_empty() {
            written
        } else {
            let tags = Untag::keys(remove);
            let answers =
                in_one_call_or_each(written, id_of, async |ids| self.cloud.delete_tags(ids, &tags).await).await;
            self.sorted(answers, |error| {
                let before = if set.is_empty() { "" } else { "the new tags are written, the old ones not removed: " };
                Ending::new(outcome(error)).detail(format!("{before}{}", told(error)))
            })
        };
        for (index, _) in done {
            self.end(index, Ending::new(Outcome::Done));
        }
    }

    /// Those of a batch that are still what was shown; the others end here.
    async fn unchanged<'p>(&self, batch: &[Wanted<'p>]) -> Vec<Wanted<'p>> {
        let look = match look_at(self.cloud, batch.iter().map(|(_, retag)| &retag.snapshot_id)).await {
            Ok(look) => look,
            Err(error) => {
                let ending =
                    Ending::new(outcome_before(&error)).detail(format!("the last look failed: {}", told(&error)));
                for (index, _) in batch {
                    self.end(*index, ending.clone());
                }
                return Vec::new();
            }
        };
        let changed = |detail: String| Ending::new(Outcome::Changed).detail(detail);
        let mut unchanged = Vec::new();
        for (index, retag) in batch.iter().copied() {
            match look.found.get(&retag.snapshot_id) {
                None => self.end(index, changed("it is gone".to_owned())),
                Some(snapshot) => match first_difference(&retag.tags, &snapshot.tags, |_| true) {
                    Some(key) => self.end(index, changed(format!("its tag {key:?} changed {}", self.since))),
                    None => unchanged.push((index, retag)),
                },
            }
        }
        unchanged
    }

    /// Ends those that were refused, and gives back the others.
    fn sorted<'p>(
        &self,
        answers: Vec<(Wanted<'p>, Result<(), Rc<CloudError>>)>,
        refused: impl Fn(&CloudError) -> Ending,
    ) -> Vec<Wanted<'p>> {
        let mut taken = Vec::new();
        for (wanted, answer) in answers {
            match answer {
                Ok(()) => taken.push(wanted),
                Err(error) if error.kind == ErrorKind::NotFound => {
                    self.end(wanted.0, Ending::new(Outcome::Changed).detail("it is gone"));
                }
                Err(error) => self.end(wanted.0, refused(&error)),
            }
        }
        taken
    }
}

fn id_of<'w>(wanted: &'w Wanted<'_>) -> &'w SnapshotId {
    &wanted.1.snapshot_id
}
