//! Patience: the only retry loop, and the only place where calls wait.
//!
//! [`Paced`] is a [`Cloud`] around another one. Each action has a token bucket
//! at the rate AWS documents, times the `api-share` setting, slower for a while
//! where AWS says that even that is too fast; [`Pacing`] holds the buckets, and all
//! runs of one invocation share it. What AWS refuses for a reason that passes is
//! tried again, by kind of error and by whether the call may be repeated; and once
//! the run is told to stop, no call is begun.
//! Knows nothing of what the calls are for.

mod bucket;
mod pacing;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{Either, select};
use jiff::Timestamp;

use crate::cloud::{
    Begun, Clock, Cloud, CloudError, CopySnapshot, CreateSnapshot, CreateSnapshots, ErrorKind, Page, Query, Sharing,
    Token, Untag,
};
use crate::id::{AccountId, Place, SnapshotId};
use crate::inventory::{Image, Instance, Lock, Snapshot, TierStatus, Volume};
use crate::stop::{Stop, Why};
use crate::tags::Tags;
use bucket::{Bucket, Rate};
use pacing::Buckets;
pub use pacing::Pacing;

/// How long calls in flight are awaited once the run was told to stop.
pub const GRACE: Duration = Duration::from_secs(10);

// AWS's documented rates, each for one account, Region and action. Source:
// Amazon EC2 API Reference, "Request throttling for the Amazon EC2 API".

/// Describe calls with a filter or MaxResults.
const PAGED: Rate = Rate { burst: 100, per_second: 20 };
/// Describe calls with neither.
const BY_IDS: Rate = Rate { burst: 50, per_second: 10 };
/// CreateSnapshot, CreateSnapshots, DeleteSnapshot, ModifySnapshotAttribute.
const SNAPSHOTS: Rate = Rate { burst: 100, per_second: 5 };
/// CopySnapshot.
const COPIES: Rate = Rate { burst: 50, per_second: 5 };
/// CreateTags, DeleteTags.
const TAGS: Rate = Rate { burst: 100, per_second: 10 };

// Seconds before each further attempt; after the last one the error stands.
// No jitter: every attempt also takes its token, which spreads them.

/// For `Throttled`: about two and a half minutes.
const THROTTLED: &[u64] = &[1, 2, 4, 8, 16, 30, 30, 30, 30];
/// For `ConcurrencyLimit`: about two minutes; what takes longer is for the next
/// run.
const CONCURRENCY: &[u64] = &[1, 2, 4, 8, 16, 30, 60];
/// For `Unavailable`, and `Unknown` where the call may be repeated.
const UNAVAILABLE: &[u64] = &[1, 2, 4, 8, 16];

/// For what is asked before a run begins: short, since a wrong endpoint looks
/// just like one that is down, and a person waits for the answer. For what a
/// run can do without as well: backups do not wait for it.
const LOOKUP: &[u64] = &[1, 2];

/// A [`Cloud`] that keeps AWS's pace.
pub struct Paced<'a, C, K> {
    cloud: C,
    clock: &'a K,
    stop: &'a Stop,
    buckets: Rc<Buckets>,
    cut_short: Cell<bool>,
}

/// Calls that share a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Lane {
    operation: &'static str,
    class: Class,
}

/// Which rate a call falls under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Paged,
    ByIds,
    Snapshots,
    Copies,
    Tags,
}

impl Class {
    fn of(query: &Query) -> Self {
        match query {
            Query::All | Query::Filters(_) => Self::Paged,
            Query::Ids(_) => Self::ByIds,
        }
    }

    fn rate(self) -> Rate {
        match self {
            Self::Paged => PAGED,
            Self::ByIds => BY_IDS,
            Self::Snapshots => SNAPSHOTS,
            Self::Copies => COPIES,
            Self::Tags => TAGS,
        }
    }
}

/// Whether a call whose outcome is not known may be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    /// Twice is the same as once.
    Idempotent,
    /// As that; but where an attempt had no answer, and AWS refuses the next, the outcome
    /// is not known: the first may have done it. (Of other calls the refusal is told.
    /// Where tags cannot be written, it says why, and of one of many whether it is that one.)
    Deletion,
    /// Twice is the same as once, and the run can do without.
    Dispensable,
    /// Twice is two snapshots: only after an answer that says nothing was done.
    OnlyIfNothingWasDone,
}

impl Again {
    /// The waits before further attempts after an error of this kind.
    fn waits(self, kind: ErrorKind) -> &'static [u64] {
        match kind {
            ErrorKind::Throttled | ErrorKind::ConcurrencyLimit | ErrorKind::Unavailable | ErrorKind::Unknown
                if self == Self::Dispensable =>
            {
                LOOKUP
            }
            ErrorKind::Throttled => THROTTLED,
            ErrorKind::ConcurrencyLimit => CONCURRENCY,
            ErrorKind::Unavailable => UNAVAILABLE,
            ErrorKind::Unknown => match self {
                Self::Idempotent | Self::Deletion | Self::Dispensable => UNAVAILABLE,
                Self::OnlyIfNothingWasDone => &[],
            },
            // After a wait the slot may have its backup: whoever asked looks first.
            ErrorKind::PerVolumeRate
            | ErrorKind::NotFound
            | ErrorKind::InUse
            | ErrorKind::Quota
            | ErrorKind::Denied
            | ErrorKind::Invalid
            | ErrorKind::Stopped
            | ErrorKind::Other => &[],
        }
    }
}

/// A call that only reads and has no bucket of ours (who we are, which Regions
/// there are), tried again after what passes by itself.
pub async fn patiently<T>(clock: &impl Clock, call: impl AsyncFn() -> Result<T, CloudError>) -> Result<T, CloudError> {
    for wait in LOOKUP {
        match call().await {
            Err(error) if matches!(error.kind, ErrorKind::Throttled | ErrorKind::Unavailable | ErrorKind::Unknown) => {
                clock.sleep(Duration::from_secs(*wait)).await;
            }
            answer => return answer,
        }
    }
    call().await
}

/// Whether a call was answered within the time it was good for.
#[derive(Debug)]
pub enum Timely<T> {
    /// It was.
    Answered(T),
    /// The time was over before the call, or its next attempt, could be made. If there
    /// was an attempt whose outcome is not known, it may have taken effect.
    TooLate(Option<CloudError>),
}

impl<'a, C: Cloud, K: Clock> Paced<'a, C, K> {
    /// Paces `cloud`, with the buckets that `pacing` has for its Place.
    pub fn new(cloud: C, clock: &'a K, stop: &'a Stop, pacing: &Pacing) -> Self {
        let buckets = pacing.at(cloud.place());
        Self { cloud, clock, stop, buckets, cut_short: Cell::new(false) }
    }

    /// Why calls were not made or not awaited, if that ever happened. A stop
    /// raised after the last call has cut nothing short.
    pub fn cut_short(&self) -> Option<Why> {
        self.stop.raised().filter(|_| self.cut_short.get())
    }

    /// The machine's time, for deadlines.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits, unless and until the run is told to stop, which cuts it short then.
    pub async fn pause(&self, duration: Duration) -> Result<(), Why> {
        self.rest(duration).await.inspect_err(|_| self.cut_short.set(true))
    }

    /// As [`Self::pause`], but before something without which the run is whole: a stop
    /// cuts nothing short.
    pub async fn rest(&self, duration: Duration) -> Result<(), Why> {
        if let Some(why) = self.stop.raised() {
            return Err(why);
        }
        if duration.is_zero() {
            return Ok(());
        }
        match select(pin!(self.stop.wait()), pin!(self.clock.sleep(duration))).await {
            Either::Left((why, _)) => Err(why),
            Either::Right(((), _)) => Ok(()),
        }
    }

    /// As [`Cloud::delete_snapshot`], but makes no attempt after `until` (by the
    /// clock): the look that allowed it would be too old.
    pub async fn delete_snapshot_until(&self, id: &SnapshotId, until: Timestamp) -> Result<Timely<()>, CloudError> {
        let lane = Lane { operation: "DeleteSnapshot", class: Class::Snapshots };
        self.attempts(lane, Again::Deletion, Some(id.as_str()), Some(until), async || {
            self.cloud.delete_snapshot(id).await
        })
        .await
    }

    async fn call<T>(
        &self,
        lane: Lane,
        again: Again,
        resource: Option<&str>,
        once: impl AsyncFn() -> Result<T, CloudError>,
    ) -> Result<T, CloudError> {
        match self.attempts(lane, again, resource, None, once).await? {
            Timely::Answered(answer) => Ok(answer),
            // Without a deadline nothing is late; if it were, nothing was done.
            Timely::TooLate(_) => Err(error(ErrorKind::Unavailable, lane, resource, "no time was left")),
        }
    }

    async fn attempts<T>(
        &self,
        lane: Lane,
        again: Again,
        resource: Option<&str>,
        until: Option<Timestamp>,
        once: impl AsyncFn() -> Result<T, CloudError>,
    ) -> Result<Timely<T>, CloudError> {
        let stopped = || error(ErrorKind::Stopped, lane, resource, "the run was told to stop");
        let mut failed: BTreeMap<ErrorKind, usize> = BTreeMap::new();
        // Once an outcome is not known, no later "nothing was done" makes it so: that
        // tells of its own attempt.
        let mut unknown: Option<CloudError> = None;
        loop {
            let turn = self.with_bucket(lane, Bucket::take);
            if self.pause(turn.wait).await.is_err() {
                return Err(unknown.unwrap_or_else(stopped));
            }
            if !turn.wait.is_zero() && !self.with_bucket(lane, |bucket, _| bucket.is_current(turn)) {
                continue;
            }
            if until.is_some_and(|until| self.clock.now() > until) {
                return Ok(Timely::TooLate(unknown));
            }
            let failure = match self.attempt(lane, resource, &once).await {
                Ok(answer) => return Ok(Timely::Answered(answer)),
                Err(failure) => failure,
            };
            let kind = failure.kind;
            if kind == ErrorKind::Throttled {
                self.with_bucket(lane, Bucket::refused);
            }
            let waits = again.waits(kind);
            let count = failed.entry(kind).or_default();
            let wait = waits.get(*count).copied();
            *count += 1;
            let Some(wait) = wait else {
                let passing = !waits.is_empty();
                // These two say how it is with the snapshot, whatever the first attempt did.
                let hidden = again == Again::Deletion && !matches!(kind, ErrorKind::NotFound | ErrorKind::InUse);
                return Err(if passing || hidden { unknown.unwrap_or(failure) } else { failure });
            };
            if kind == ErrorKind::Unknown {
                unknown = Some(failure);
            }
            if self.pause(Duration::from_secs(wait)).await.is_err() {
                return Err(unknown.unwrap_or_else(stopped));
            }
        }
    }

    /// One attempt. Once the run is told to stop, it is awaited for [`GRACE`]
    /// and then given up, its outcome not known.
    async fn attempt<T>(
        &self,
        lane: Lane,
        resource: Option<&str>,
        once: impl AsyncFn() -> Result<T, CloudError>,
    ) -> Result<T, CloudError> {
        let given_up = async {
            self.stop.wait().await;
            self.clock.sleep(GRACE).await;
        };
        match select(pin!(once()), pin!(given_up)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(((), _)) => {
                self.cut_short.set(true);
                Err(error(ErrorKind::Unknown, lane, resource, "given up 10 s after the run was told to stop"))
            }
        }
    }

    fn with_bucket<T>(&self, lane: Lane, act: impl FnOnce(&mut Bucket, Timestamp) -> T) -> T {
        self.buckets.with(lane, self.clock.now(), act)
    }
}

fn error(kind: ErrorKind, lane: Lane, resource: Option<&str>, words: &'static str) -> CloudError {
    CloudError {
        kind,
        operation: lane.operation,
        resource: resource.map(str::to_owned),
        code: None,
        source: Some(words.into()),
    }
}

impl<C: Cloud, K: Clock> Cloud for Paced<'_, C, K> {
    fn place(&self) -> &Place {
        self.cloud.place()
    }

    async fn describe_instances(&self, query: &Query, token: Option<&Token>) -> Result<Page<Instance>, CloudError> {
        let lane = Lane { operation: "DescribeInstances", class: Class::of(query) };
        self.call(lane, Again::Idempotent, None, async || self.cloud.describe_instances(query, token).await).await
    }

    async fn describe_volumes(&self, query: &Query, token: Option<&Token>) -> Result<Page<Volume>, CloudError> {
        let lane = Lane { operation: "DescribeVolumes", class: Class::of(query) };
        self.call(lane, Again::Idempotent, None, async || self.cloud.describe_volumes(query, token).await).await
    }

    async fn describe_snapshots(&self, query: &Query, token: Option<&Token>) -> Result<Page<Snapshot>, CloudError> {
        let lane = Lane { operation: "DescribeSnapshots", class: Class::of(query) };
        self.call(lane, Again::Idempotent, None, async || self.cloud.describe_snapshots(query, token).await).await
    }

    async fn describe_images(&self, query: &Query, token: Option<&Token>) -> Result<Page<Image>, CloudError> {
        let lane = Lane { operation: "DescribeImages", class: Class::of(query) };
        self.call(lane, Again::Idempotent, None, async || self.cloud.describe_images(query, token).await).await
    }

    async fn describe_locked_snapshots(&self, query: &Query, token: Option<&Token>) -> Result<Page<Lock>, CloudError> {
        let lane = Lane { operation: "DescribeLockedSnapshots", class: Class::of(query) };
        let once = async || self.cloud.describe_locked_snapshots(query, token).await;
        self.call(lane, Again::Dispensable, None, once).await
    }

    async fn describe_snapshot_tier_status(
        &self,
        query: &Query,
        token: Option<&Token>,
    ) -> Result<Page<TierStatus>, CloudError> {
        let lane = Lane { operation: "DescribeSnapshotTierStatus", class: Class::of(query) };
        let once = async || self.cloud.describe_snapshot_tier_status(query, token).await;
        self.call(lane, Again::Dispensable, None, once).await
    }

    async fn create_snapshot(&self, request: &CreateSnapshot) -> Result<Begun, CloudError> {
        let lane = Lane { operation: "CreateSnapshot", class: Class::Snapshots };
        let resource = Some(request.volume.as_str());
        let once = async || self.cloud.create_snapshot(request).await;
        self.call(lane, Again::OnlyIfNothingWasDone, resource, once).await
    }

    async fn create_snapshots(&self, request: &CreateSnapshots) -> Result<Vec<Begun>, CloudError> {
        let lane = Lane { operation: "CreateSnapshots", class: Class::Snapshots };
        let resource = Some(request.instance.as_str());
        let once = async || self.cloud.create_snapshots(request).await;
        self.call(lane, Again::OnlyIfNothingWasDone, resource, once).await
    }

    async fn copy_snapshot(&self, request: &CopySnapshot) -> Result<SnapshotId, CloudError> {
        let lane = Lane { operation: "CopySnapshot", class: Class::Copies };
        let resource = Some(request.source.as_str());
        let once = async || self.cloud.copy_snapshot(request).await;
        self.call(lane, Again::OnlyIfNothingWasDone, resource, once).await
    }

    async fn describe_snapshot_sharing(&self, id: &SnapshotId) -> Result<Vec<AccountId>, CloudError> {
        // AWS documents no rate for it: one snapshot by its id, as the others that are asked so.
        let lane = Lane { operation: "DescribeSnapshotAttribute", class: Class::ByIds };
        let once = async || self.cloud.describe_snapshot_sharing(id).await;
        self.call(lane, Again::Idempotent, Some(id.as_str()), once).await
    }

    async fn modify_snapshot_sharing(&self, id: &SnapshotId, change: &Sharing) -> Result<(), CloudError> {
        let lane = Lane { operation: "ModifySnapshotAttribute", class: Class::Snapshots };
        let once = async || self.cloud.modify_snapshot_sharing(id, change).await;
        self.call(lane, Again::Idempotent, Some(id.as_str()), once).await
    }

    async fn delete_snapshot(&self, id: &SnapshotId) -> Result<(), CloudError> {
        let lane = Lane { operation: "DeleteSnapshot", class: Class::Snapshots };
        let once = async || self.cloud.delete_snapshot(id).await;
        self.call(lane, Again::Deletion, Some(id.as_str()), once).await
    }

    async fn create_tags(&self, ids: &[SnapshotId], tags: &Tags) -> Result<(), CloudError> {
        let lane = Lane { operation: "CreateTags", class: Class::Tags };
        let once = async || self.cloud.create_tags(ids, tags).await;
        self.call(lane, Again::Idempotent, only(ids), once).await
    }

    async fn delete_tags(&self, ids: &[SnapshotId], tags: &[Untag]) -> Result<(), CloudError> {
        let lane = Lane { operation: "DeleteTags", class: Class::Tags };
        let once = async || self.cloud.delete_tags(ids, tags).await;
        self.call(lane, Again::Idempotent, only(ids), once).await
    }
}

/// The one snapshot a call is about, if it is about one.
fn only(ids: &[SnapshotId]) -> Option<&str> {
    match ids {
        [id] => Some(id.as_str()),
        _ => None,
    }
}
