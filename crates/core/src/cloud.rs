//! The port: the only way anything here reaches AWS.
//!
//! One method is one AWS call and one attempt: no paging, no retry, no
//! waiting. [`crate::observe`] pages, [`crate::paced`] retries and waits. What
//! an implementation owes for each call stands beside it; one conformance suite
//! holds all implementations to it.

use std::time::Duration;

use jiff::Timestamp;
use smol_str::SmolStr;

use crate::id::{AccountId, InstanceId, Place, Region, SnapshotId, VolumeId};
use crate::inventory::{Image, Instance, Lock, Snapshot, TierStatus, Volume};
use crate::site::LocalSite;
use crate::tags::Tags;

/// Who the credentials belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account.
    pub account: AccountId,
    /// The caller's ARN.
    pub arn: String,
    /// `aws`, `aws-cn` or `aws-us-gov`, from the ARN.
    pub partition: String,
}

/// All of AWS that one set of credentials reaches.
#[expect(async_fn_in_trait, reason = "one task drives everything; no future crosses a thread")]
pub trait Clouds {
    /// One Place of it.
    type Cloud: Cloud;

    /// Who the credentials belong to (`sts:GetCallerIdentity`).
    async fn identity(&self) -> Result<Identity, CloudError>;

    /// The Regions enabled for the account (`ec2:DescribeRegions`), sorted.
    async fn regions(&self) -> Result<Vec<Region>, CloudError>;

    /// The given Place. Makes no call.
    fn at(&self, place: &Place) -> Self::Cloud;

    /// The given Place of another account, as `role` of that account. Makes no
    /// call: the role is assumed (`sts:AssumeRole`) when its first call needs
    /// it, and again when its session ends. Where it cannot be, each call fails
    /// as `Denied`, or as `Unavailable` where that passes; nothing was done.
    fn through(&self, place: &Place, role: &Role) -> Self::Cloud;
}

/// A role of another account, by which we act there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name, with its path if it has one: the end of its ARN.
    pub name: SmolStr,
    /// What its trust policy may ask for besides.
    pub external_id: Option<SmolStr>,
}

/// A tag to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untag {
    /// Its key.
    pub key: SmolStr,
    /// The value it must have, or it stays: AWS compares and removes at once.
    /// Without one, any.
    pub value: Option<SmolStr>,
}

impl Untag {
    /// Those of these keys, whatever their values.
    pub fn keys(keys: &[SmolStr]) -> Vec<Self> {
        keys.iter().cloned().map(Self::from).collect()
    }
}

/// By its key, whatever its value.
impl<K: Into<SmolStr>> From<K> for Untag {
    fn from(key: K) -> Self {
        Self { key: key.into(), value: None }
    }
}

/// EC2 in one Place.
#[expect(async_fn_in_trait, reason = "one task drives everything; no future crosses a thread")]
pub trait Cloud {
    /// Whose and where this is.
    fn place(&self) -> &Place;

    /// One page of instances, in any state. `NotFound` if an id is unknown.
    async fn describe_instances(&self, query: &Query, token: Option<&Token>) -> Result<Page<Instance>, CloudError>;

    /// One page of volumes, in any state, those managed by AWS services
    /// included. `NotFound` if an id is unknown.
    async fn describe_volumes(&self, query: &Query, token: Option<&Token>) -> Result<Page<Volume>, CloudError>;

    /// One page of the snapshots this account owns, in any state. `NotFound`
    /// if an id is unknown.
    async fn describe_snapshots(&self, query: &Query, token: Option<&Token>) -> Result<Page<Snapshot>, CloudError>;

    /// One page of the images this account owns, deprecated and disabled ones
    /// included.
    async fn describe_images(&self, query: &Query, token: Option<&Token>) -> Result<Page<Image>, CloudError>;

    /// One page of the locks on this account's snapshots, expired ones
    /// included; a snapshot that never was locked is not on it. The one filter
    /// AWS has is `lock-state`.
    async fn describe_locked_snapshots(&self, query: &Query, token: Option<&Token>) -> Result<Page<Lock>, CloudError>;

    /// One page of what is known of this account's snapshots and their storage
    /// tiers. AWS takes no ids here: [`Query::Ids`] is refused as `Invalid`. The
    /// filters are `snapshot-id`, `volume-id` and `last-tiering-operation`; an
    /// id that is unknown matches nothing.
    async fn describe_snapshot_tier_status(
        &self,
        query: &Query,
        token: Option<&Token>,
    ) -> Result<Page<TierStatus>, CloudError>;

    /// Begins a snapshot of one volume. Not idempotent: after
    /// [`ErrorKind::Unknown`] there may be one.
    async fn create_snapshot(&self, request: &CreateSnapshot) -> Result<Begun, CloudError>;

    /// Begins snapshots of an instance's volumes, crash-consistent together.
    /// Not idempotent: after [`ErrorKind::Unknown`] there may be some.
    async fn create_snapshots(&self, request: &CreateSnapshots) -> Result<Vec<Begun>, CloudError>;

    /// Begins a copy, in this Place, of a snapshot of another Region, or of one
    /// that another account shares with this one. Not idempotent: after
    /// [`ErrorKind::Unknown`] there may be one. `NotFound` if there is no such
    /// source or it is not shared with us; `ConcurrencyLimit` if 20 are under
    /// way here. That its key cannot be used AWS finds out later: the copy then
    /// ends in `error`, with the reason as its state message.
    async fn copy_snapshot(&self, request: &CopySnapshot) -> Result<SnapshotId, CloudError>;

    /// The accounts that may make volumes or copies of a snapshot of ours
    /// (DescribeSnapshotAttribute, `createVolumePermission`), sorted. That all
    /// may is no account.
    async fn describe_snapshot_sharing(&self, id: &SnapshotId) -> Result<Vec<AccountId>, CloudError>;

    /// Lets one account use a snapshot of ours, or no longer
    /// (ModifySnapshotAttribute). Twice is the same as once. `Invalid` or
    /// `Denied` where it is encrypted under the account's `aws/ebs` key, which
    /// cannot be shared.
    async fn modify_snapshot_sharing(&self, id: &SnapshotId, change: &Sharing) -> Result<(), CloudError>;

    /// Deletes a snapshot. `NotFound` if it is gone already; `InUse` if an
    /// image uses it.
    async fn delete_snapshot(&self, id: &SnapshotId) -> Result<(), CloudError>;

    /// Writes tags on up to 1,000 snapshots, replacing values of the same key.
    /// All or none of them: `NotFound` if one is unknown.
    async fn create_tags(&self, ids: &[SnapshotId], tags: &Tags) -> Result<(), CloudError>;

    /// Removes tags from up to 1,000 snapshots; one that a snapshot does not
    /// have is no error. Never called with no tags, which would remove all.
    async fn delete_tags(&self, ids: &[SnapshotId], tags: &[Untag]) -> Result<(), CloudError>;
}

/// A Cloud that is lent is one.
impl<C: Cloud> Cloud for &C {
    fn place(&self) -> &Place {
        C::place(self)
    }

    async fn describe_instances(&self, query: &Query, token: Option<&Token>) -> Result<Page<Instance>, CloudError> {
        C::describe_instances(self, query, token).await
    }

    async fn describe_volumes(&self, query: &Query, token: Option<&Token>) -> Result<Page<Volume>, CloudError> {
        C::describe_volumes(self, query, token).await
    }

    async fn describe_snapshots(&self, query: &Query, token: Option<&Token>) -> Result<Page<Snapshot>, CloudError> {
        C::describe_snapshots(self, query, token).await
    }

    async fn describe_images(&self, query: &Query, token: Option<&Token>) -> Result<Page<Image>, CloudError> {
        C::describe_images(self, query, token).await
    }

    async fn describe_locked_snapshots(&self, query: &Query, token: Option<&Token>) -> Result<Page<Lock>, CloudError> {
        C::describe_locked_snapshots(self, query, token).await
    }

    async fn describe_snapshot_tier_status(
        &self,
        query: &Query,
        token: Option<&Token>,
    ) -> Result<Page<TierStatus>, CloudError> {
        C::describe_snapshot_tier_status(self, query, token).await
    }

    async fn create_snapshot(&self, request: &CreateSnapshot) -> Result<Begun, CloudError> {
        C::create_snapshot(self, request).await
    }

    async fn create_snapshots(&self, request: &CreateSnapshots) -> Result<Vec<Begun>, CloudError> {
        C::create_snapshots(self, request).await
    }

    async fn copy_snapshot(&self, request: &CopySnapshot) -> Result<SnapshotId, CloudError> {
        C::copy_snapshot(self, request).await
    }

    async fn describe_snapshot_sharing(&self, id: &SnapshotId) -> Result<Vec<AccountId>, CloudError> {
        C::describe_snapshot_sharing(self, id).await
    }

    async fn modify_snapshot_sharing(&self, id: &SnapshotId, change: &Sharing) -> Result<(), CloudError> {
        C::modify_snapshot_sharing(self, id, change).await
    }

    async fn delete_snapshot(&self, id: &SnapshotId) -> Result<(), CloudError> {
        C::delete_snapshot(self, id).await
    }

    async fn create_tags(&self, ids: &[SnapshotId], tags: &Tags) -> Result<(), CloudError> {
        C::create_tags(self, ids, tags).await
    }

    async fn delete_tags(&self, ids: &[SnapshotId], tags: &[Untag]) -> Result<(), CloudError> {
        C::delete_tags(self, ids, tags).await
    }
}

/// For waiting and deadlines only; decisions take their `now` as a value.
#[expect(async_fn_in_trait, reason = "one task drives everything; no future crosses a thread")]
pub trait Clock {
    /// The machine's time.
    fn now(&self) -> Timestamp;

    /// Returns once that long has passed.
    async fn sleep(&self, duration: Duration);
}

/// What a describe call asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// Everything, in pages as large as AWS gives (`MaxResults` 1,000).
    All,
    /// These ids, in one page without `MaxResults`; 1 to 1,000 of them. Empty
    /// would mean everything to AWS; implementations refuse it as `Invalid`.
    Ids(Vec<SmolStr>),
    /// What all of these match, in pages as large as AWS gives.
    Filters(Vec<Filter>),
}

/// One filter: a name AWS documents, and values of which any may match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Such as `volume-id` or `tag:ebskeep:slot`.
    pub name: SmolStr,
    /// Case-sensitive; `*` and `?` are wildcards.
    pub values: Vec<SmolStr>,
}

/// Where the next page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token(pub String);

/// One page of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The next page's token; the last page has none.
    pub next: Option<Token>,
    /// AWS's clock: the answer's `Date`.
    pub at: Timestamp,
}

/// What CreateSnapshot is told.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateSnapshot {
    /// The volume.
    pub volume: VolumeId,
    /// At most 255 characters.
    pub description: String,
    /// Written by the same call (TagSpecifications), so never missing.
    pub tags: Tags,
    /// The volume's own Outpost (`OutpostArn`) or Local Zone (`Location=local`),
    /// to store it there; in the Region if none.
    pub site: Option<LocalSite>,
}

/// What CreateSnapshots is told.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateSnapshots {
    /// The instance.
    pub instance: InstanceId,
    /// Leave the root volume out.
    pub exclude_boot: bool,
    /// Leave these out: data volumes only, at most 40.
    pub exclude_data: Vec<VolumeId>,
    /// The same for all; at most 255 characters.
    pub description: String,
    /// The same for all; written by the same call.
    pub tags: Tags,
    /// The instance's own Outpost or Local Zone, to store them there; in the
    /// Region if none.
    pub site: Option<LocalSite>,
}

/// What CopySnapshot is told, in the Place where the copy is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct CopySnapshot {
    /// Where the source is.
    pub source_region: Region,
    /// The source.
    pub source: SnapshotId,
    /// At most 255 characters.
    pub description: String,
    /// Written by the same call (TagSpecifications), so never missing.
    pub tags: Tags,
    /// How the copy of an encrypted source is encrypted; `None` for a source
    /// that is not.
    pub encrypted: Option<CopyKey>,
}

/// The key of an encrypted copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyKey {
    /// The one that the destination uses where none is named.
    Default,
    /// This one (`KmsKeyId`): an id, an alias or an ARN.
    Named(SmolStr),
}

/// A change of who may use a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// This account may from now on.
    Add(AccountId),
    /// This account no longer may.
    Remove(AccountId),
}

/// A snapshot that began. It may be missing from listings for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The new snapshot.
    pub id: SnapshotId,
    /// Its volume.
    pub volume: VolumeId,
}

/// A call that did not give what it should.
#[derive(Debug, thiserror::Error)]
#[error("{operation}{}: {}", on(.resource.as_deref()), said(.kind, .code.as_deref()))]
pub struct CloudError {
    /// What callers act on.
    pub kind: ErrorKind,
    /// The AWS action, such as `CreateSnapshot`.
    pub operation: &'static str,
    /// What it was about, if one thing.
    pub resource: Option<String>,
    /// AWS's error code, if AWS answered with one.
    pub code: Option<SmolStr>,
    /// AWS's message, or what went wrong on the way.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

fn on(resource: Option<&str>) -> String {
    resource.map(|r| format!(" on {r}")).unwrap_or_default()
}

fn said(kind: &ErrorKind, code: Option<&str>) -> String {
    code.map_or_else(|| kind.to_string(), str::to_owned)
}

/// The kinds of failure that callers act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorKind {
    /// No such resource (`Invalid…NotFound`).
    NotFound,
    /// Something uses it (`InvalidSnapshot.InUse`).
    InUse,
    /// The account's bucket for this action is empty (`RequestLimitExceeded`).
    /// Nothing was done.
    Throttled,
    /// This volume was snapshotted less than 15 s ago
    /// (`SnapshotCreationPerVolumeRateExceeded`). Nothing was done.
    PerVolumeRate,
    /// Too many at once; cured by waiting (`ConcurrentSnapshotLimitExceeded`,
    /// `PendingSnapshotLimitExceeded`, `ResourceLimitExceeded`,
    /// `ConcurrentTagAccess`). Nothing was done.
    ConcurrencyLimit,
    /// A quota that waiting does not cure (`SnapshotLimitExceeded`,
    /// `TagLimitExceeded`).
    Quota,
    /// Not permitted, no or expired credentials, Region not enabled.
    Denied,
    /// AWS does not take this request; the same again fails again.
    Invalid,
    /// Never sent, or AWS said it did nothing: safe to send again.
    Unavailable,
    /// Sent, outcome not known: timed out, cut off, or a 5xx.
    Unknown,
    /// The run was told to stop before this call was made.
    Stopped,
    /// Anything else AWS answered with.
    Other,
}

impl std::fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotFound => "not found",
            Self::InUse => "in use",
            Self::Throttled => "throttled",
            Self::PerVolumeRate => "volume snapshotted too recently",
            Self::ConcurrencyLimit => "too many at once",
            Self::Quota => "quota reached",
            Self::Denied => "denied",
            Self::Invalid => "refused as invalid",
            Self::Unavailable => "unavailable",
            Self::Unknown => "no answer, outcome unknown",
            Self::Stopped => "stopped before the call",
            Self::Other => "failed",
        })
    }
}
