//! Taking the mark off what was marked to be deleted, and was not.

use std::cell::RefCell;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use smol_str::SmolStr;

use super::batch::in_one_call_or_each;
use super::refusal::told;
use super::{Act, Ending};
use crate::cloud::{Clock, Cloud as _, Clouds, ErrorKind, Untag};
use crate::id::SnapshotId;
use crate::tags::DELETED;

/// How long a mark stays on at least. Where two runs mark a snapshot at once,
/// the later mark takes the place of the earlier one. Were it taken off at
/// once, the other run could delete the snapshot without any, and nobody would
/// know it for a restored one later. That run makes no attempt later than a
/// minute after its look, which was before its mark. (Not covered: an attempt
/// that is ten seconds on its way, and a restoration within this minute.)
const STAYS_FOR: SignedDuration = SignedDuration::from_secs(60);

/// What a mark that stays means, and what to do.
pub(super) const LEFT: &str = "its mark ebskeep:deleted stays on it: run expire again within the hour, or it counts \
                               as restored and stays 14 days; or remove the mark";

/// A mark of ours on a snapshot.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) value: SmolStr,
    /// The machine's clock when AWS had answered.
    pub(super) written: Timestamp,
}

impl Mark {
    fn may_go(&self) -> Timestamp {
        self.written.checked_add(STAYS_FOR).unwrap_or(self.written)
    }
}

/// A snapshot that is not deleted, though we had marked it.
pub(super) struct Kept {
    pub(super) index: usize,
    pub(super) id: SnapshotId,
    pub(super) mark: Mark,
    pub(super) ending: Ending,
}

/// Marks that are still to be taken off.
#[derive(Default)]
pub(super) struct Marks(RefCell<Vec<Kept>>);

impl Marks {
    pub(super) fn add(&self, kept: Kept) {
        self.0.borrow_mut().push(kept);
    }

    /// When the next one may go, if there is one.
    fn next(&self) -> Option<Timestamp> {
        self.0.borrow().iter().map(|kept| kept.mark.may_go()).min()
    }

    /// Takes out those that may go by then.
    fn due(&self, by: Timestamp) -> Vec<Kept> {
        let (due, left) = self.0.take().into_iter().partition(|kept| kept.mark.may_go() <= by);
        self.0.replace(left);
        due
    }
}

impl<S: Clouds, K: Clock> Act<'_, '_, S, K> {
    /// Takes off all marks of what stays, as soon as they may go.
    pub(super) async fn unmark_all(&self, marks: &Marks) {
        while let Some(due) = marks.next() {
            // No longer than that, should somebody set the clock back meanwhile.
            let left = due.duration_since(self.cloud.now()).clamp(SignedDuration::ZERO, STAYS_FOR);
            self.log.unmarks(left);
            // A stop shows where they would be taken off.
            let _ = self.cloud.rest(left.unsigned_abs()).await;
            self.unmark(marks.due(due)).await;
        }
    }

    /// Takes off those marks of what stays that may go by now.
    pub(super) async fn unmark_due(&self, marks: &Marks) {
        self.unmark(marks.due(self.cloud.now())).await;
    }

    /// Takes our marks off; where that fails, or the run is told to stop, the result says
    /// so. The mark of another run, which took the place of ours, is not ours to take.
    async fn unmark(&self, mut kept: Vec<Kept>) {
        let add = |Kept { index, ending, .. }: Kept, more: &str| {
            let detail = format!("{}; {more}", ending.detail);
            self.log.keep(index, 0, ending.detail(detail));
        };
        if self.cloud.rest(Duration::ZERO).await.is_err() {
            for one in kept {
                add(one, LEFT);
            }
            return;
        }
        while let Some(first) = kept.first() {
            let value = first.mark.value.clone();
            let same: Vec<Kept> = kept.extract_if(.., |kept| kept.mark.value == value).collect();
            let own = [Untag { key: DELETED.into(), value: Some(value) }];
            let answers =
                in_one_call_or_each(same, |kept| &kept.id, async |ids| self.cloud.delete_tags(ids, &own).await).await;
            for (kept, answer) in answers {
                if let Err(error) = answer
                    && error.kind != ErrorKind::NotFound
                {
                    add(kept, &format!("its mark ebskeep:deleted stays on it: {}", told(&error)));
                }
            }
        }
    }
}
