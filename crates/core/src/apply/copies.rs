//! What the copier does, in its order: what follows from copies that are there
//! comes first, then new copies.
//!
//! At home the marks are written and shares that nothing needs any more are
//! taken back. Then each destination goes on by itself: one that is denied or
//! slow holds up no other.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, join_all, select};

use super::retag::written;
use super::share::Shares;
use super::{Act, Ending};
use crate::cloud::{Clock, Clouds};
use crate::destination::Destination;
use crate::id::SnapshotId;
use crate::paced::Paced;
use crate::plan::{Action, Deletion, FollowSource, MarkCopied, NewCopy, WriteMarks};
use crate::report::Outcome;
use crate::retag::Retag;

/// How long deletions wait for the copies of their run: a destination that is
/// slow or down holds up the job at home for no longer.
const COPIES_FIRST: Duration = Duration::from_mins(1);

/// What is to be done at one destination.
#[derive(Default)]
struct There<'p> {
    tag: Vec<(usize, Retag)>,
    copy: Vec<(usize, &'p NewCopy)>,
}

impl<S: Clouds, K: Clock> Act<'_, '_, S, K> {
    /// Carries out what the copier planned of `actions`, then the deletions; or
    /// beside them, where the copies take long.
    pub(super) async fn copies_then<'p>(
        &self,
        actions: impl Iterator<Item = (usize, &'p Action)>,
        deletions: impl Iterator<Item = (usize, &'p Deletion)>,
    ) {
        let copies = pin!(self.copies(actions));
        match select(copies, pin!(self.reach.clock().sleep(COPIES_FIRST))).await {
            Either::Left(((), _)) => self.deletions(deletions).await,
            Either::Right(((), copies)) => {
                futures::join!(copies, self.deletions(deletions));
            }
        }
    }

    async fn copies<'p>(&self, actions: impl Iterator<Item = (usize, &'p Action)>) {
        let mut marks: Vec<(usize, Retag)> = Vec::new();
        let mut unshares = Vec::new();
        let mut there: BTreeMap<&Destination, There<'p>> = BTreeMap::new();
        for (index, action) in actions {
            match action {
                Action::MarkCopied(mark) => marks.push((index, written_on(mark))),
                Action::WriteMarks(mark) => match &mark.destination {
                    None => marks.push((index, marked(mark))),
                    Some(destination) => there.entry(destination).or_default().tag.push((index, marked(mark))),
                },
                Action::Unshare(unshare) => unshares.push((index, &**unshare)),
                Action::FollowSource(follow) => {
                    there.entry(&follow.destination).or_default().tag.push((index, followed(follow)));
                }
                Action::CopySnapshot(copy) => there.entry(&copy.destination).or_default().copy.push((index, copy)),
                Action::CreateSnapshot(_)
                | Action::CreateSet(_)
                | Action::FinishTags(_)
                | Action::DeleteSnapshot(_) => {}
            }
        }
        // Marks first: they are written on tags as the plan saw them.
        self.mark(marks).await;
        let taken_back = self.unshare(&unshares).await;
        let copies = there.values().flat_map(|there| there.copy.iter().map(|(_, copy)| *copy));
        let shares = Shares::of(copies, taken_back);
        let all = there.into_iter().map(async |(destination, There { tag, copy })| {
            let place = destination.place(&self.plan.account);
            self.retag(&self.reach.at(&place), tag, |ending| ending.at(destination)).await;
            let copying = copy.into_iter().map(async |(index, new)| {
                let ending = match self.shared(&shares, new).await {
                    Ok(()) => self.copy(&place, new).await,
                    Err(ending) => ending,
                };
                self.log.record(index, 0, ending.at(destination));
            });
            // At most as many as may be in flight there.
            join_all(copying).await;
        });
        join_all(all).await;
    }

    /// Writes marks on snapshots here.
    async fn mark(&self, marks: Vec<(usize, Retag)>) {
        for (_, Retag { snapshot_id, set, remove, .. }) in &marks {
            let keys = set.iter().map(|(key, _)| key).chain(remove);
            self.rewritten.borrow_mut().extend(keys.map(|key| (snapshot_id.clone(), key.clone())));
        }
        self.retag(self.cloud, marks, |ending| ending).await;
    }

    /// Writes tags, each batch after a last look, and records how that ended.
    async fn retag(
        &self,
        cloud: &Paced<'_, S::Cloud, K>,
        wanted: Vec<(usize, Retag)>,
        told: impl Fn(Ending) -> Ending,
    ) {
        if wanted.is_empty() {
            return;
        }
        let (indexes, retags): (Vec<_>, Vec<_>) = together(wanted).into_iter().unzip();
        let mut endings = written(cloud, &retags, "since it was planned").await;
        for (at, indexes) in indexes.into_iter().enumerate() {
            let ending = endings.remove(&at).unwrap_or_else(|| Ending::new(Outcome::NotStarted));
            for index in indexes {
                self.log.record(index, 0, told(ending.clone()));
            }
        }
    }
}

/// What several actions write on one snapshot, as one change: after the first, its tags would
/// not be those that the others were planned on. Too many tags for AWS stay apart.
fn together(wanted: Vec<(usize, Retag)>) -> Vec<(Vec<usize>, Retag)> {
    let mut all: Vec<(Vec<usize>, Retag)> = Vec::with_capacity(wanted.len());
    let mut first: BTreeMap<SnapshotId, usize> = BTreeMap::new();
    for (index, retag) in wanted {
        let same = first.get(&retag.snapshot_id).and_then(|at| all.get_mut(*at));
        if let Some((indexes, earlier)) = same.filter(|(_, earlier)| earlier.tags == retag.tags) {
            let mut both = earlier.clone();
            retag.set.iter().for_each(|(key, value)| both.set.set(key.clone(), value.clone()));
            both.remove.extend(retag.remove.iter().cloned());
            if both.fits() {
                indexes.push(index);
                *earlier = both;
                continue;
            }
        }
        first.entry(retag.snapshot_id.clone()).or_insert(all.len());
        all.push((vec![index], retag));
    }
    all
}

fn written_on(mark: &MarkCopied) -> Retag {
    Retag {
        snapshot_id: mark.snapshot_id.clone(),
        tags: mark.before.clone(),
        set: mark.tags.clone(),
        remove: Vec::new(),
    }
}

fn followed(follow: &FollowSource) -> Retag {
    Retag {
        snapshot_id: follow.snapshot_id.clone(),
        tags: follow.before.clone(),
        set: follow.tags.clone(),
        remove: Vec::new(),
    }
}

fn marked(marks: &WriteMarks) -> Retag {
    Retag {
        snapshot_id: marks.snapshot_id.clone(),
        tags: marks.before.clone(),
        set: marks.tags.clone(),
        remove: marks.remove.clone(),
    }
}

impl Ending {
    /// Says where it happened.
    fn at(self, destination: &Destination) -> Self {
        let detail = match self.detail.as_str() {
            "" => destination.to_string(),
            detail => format!("{destination}: {detail}"),
        };
        self.detail(detail)
    }
}
