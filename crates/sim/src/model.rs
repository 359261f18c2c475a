//! What there is: instances, volumes, snapshots and images of one Place, and
//! the names their states have on the wire. Knows nothing of calls.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ebskeep_core::id::{AccountId, ImageId, InstanceId, Place, SnapshotId, VolumeId};
use ebskeep_core::inventory::{InstanceState, SnapshotState, StorageTier, VolumeState};
use ebskeep_core::site::LocalSite;
use ebskeep_core::tags::Tags;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::bucket::Bucket;
use crate::time::later;

/// An EC2 instance.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    pub(crate) reservation: SmolStr,
    /// Its place among the instances of its reservation.
    pub(crate) index: u32,
    pub(crate) image: ImageId,
    pub(crate) kind: SmolStr,
    pub(crate) zone: SmolStr,
    pub(crate) state: InstanceState,
    pub(crate) launched: Timestamp,
    pub(crate) root_device: SmolStr,
    /// Device names and the volumes behind them.
    pub(crate) devices: BTreeMap<SmolStr, VolumeId>,
    pub(crate) tags: Tags,
}

/// An EBS volume.
#[derive(Clone, Debug)]
pub(crate) struct Volume {
    pub(crate) id: VolumeId,
    pub(crate) state: VolumeState,
    pub(crate) size_gib: u32,
    pub(crate) kind: SmolStr,
    pub(crate) iops: Option<u32>,
    pub(crate) throughput: Option<u32>,
    pub(crate) zone: SmolStr,
    /// What encrypts it, if anything does.
    pub(crate) key: Option<SmolStr>,
    pub(crate) multi_attach: bool,
    /// The snapshot it was made from.
    pub(crate) snapshot: Option<SnapshotId>,
    pub(crate) created: Timestamp,
    pub(crate) attachments: Vec<Attachment>,
    /// The ARN of the Outpost it is on.
    pub(crate) outpost: Option<SmolStr>,
    pub(crate) tags: Tags,
}

impl Volume {
    /// The Outpost or Local Zone it is in.
    pub(crate) fn site(&self) -> Option<LocalSite> {
        LocalSite::of(self.outpost.as_deref(), Some(&self.zone))
    }
}

/// A volume's place on an instance.
#[derive(Clone, Debug)]
pub(crate) struct Attachment {
    pub(crate) volume: VolumeId,
    pub(crate) instance: InstanceId,
    pub(crate) device: SmolStr,
    /// `attaching`, `attached`, `detaching`.
    pub(crate) state: &'static str,
    pub(crate) since: Timestamp,
    pub(crate) delete_on_termination: bool,
}

/// An EBS snapshot.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) id: SnapshotId,
    pub(crate) owner: AccountId,
    pub(crate) volume: VolumeId,
    pub(crate) size_gib: u32,
    pub(crate) state: SnapshotState,
    pub(crate) message: Option<SmolStr>,
    pub(crate) started: Timestamp,
    pub(crate) completed: Option<Timestamp>,
    pub(crate) tier: StorageTier,
    /// The last move between the tiers.
    pub(crate) tiering: Option<Tiering>,
    /// When it was last archived.
    pub(crate) archived: Option<Timestamp>,
    /// When it is in the archive alone again.
    pub(crate) restore_expires: Option<Timestamp>,
    /// The Outpost or Local Zone it is stored in.
    pub(crate) site: Option<LocalSite>,
    /// Its lock, expired or not.
    pub(crate) lock: Option<Lock>,
    /// What encrypts it, if anything does.
    pub(crate) key: Option<SmolStr>,
    pub(crate) description: SmolStr,
    pub(crate) tags: Tags,
    /// When it was made here: `started`, unless it was put there with a past.
    pub(crate) made: Timestamp,
    /// Who made it.
    pub(crate) made_by: SmolStr,
    /// Its siblings' number, if it was made by CreateSnapshots.
    pub(crate) set: Option<u64>,
    /// What it was copied from, if it was made by CopySnapshot.
    pub(crate) copy_of: Option<Source>,
    /// Who else may make volumes and copies of it.
    pub(crate) shared: Shared,
}

impl Snapshot {
    /// A snapshot that begins now, untagged and not encrypted.
    pub(crate) fn begun(
        id: SnapshotId,
        owner: AccountId,
        volume: VolumeId,
        size_gib: u32,
        now: Timestamp,
        by: SmolStr,
    ) -> Self {
        Self {
            id,
            owner,
            volume,
            size_gib,
            state: SnapshotState::Pending,
            message: None,
            started: now,
            completed: None,
            tier: StorageTier::Standard,
            tiering: None,
            archived: None,
            restore_expires: None,
            site: None,
            lock: None,
            key: None,
            description: SmolStr::default(),
            tags: Tags::new(),
            made: now,
            made_by: by,
            set: None,
            copy_of: None,
            shared: Shared::default(),
        }
    }
}

/// What a copy was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Whose and where.
    pub place: Place,
    /// Its id there.
    pub id: SnapshotId,
}

/// Whom a snapshot is shared with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shared {
    pub(crate) accounts: BTreeSet<AccountId>,
    pub(crate) everybody: bool,
}

impl Shared {
    pub(crate) fn only(account: AccountId) -> Self {
        Self { accounts: BTreeSet::from([account]), everybody: false }
    }
}

/// A move of a snapshot between the storage tiers.
#[derive(Clone, Debug)]
pub(crate) struct Tiering {
    pub(crate) began: Timestamp,
    /// What it is and how far, such as `archival-in-progress`.
    pub(crate) operation: &'static str,
}

/// A lock on a snapshot.
#[derive(Clone, Debug)]
pub(crate) struct Lock {
    pub(crate) mode: LockMode,
    pub(crate) ends: Ends,
    pub(crate) created: Timestamp,
    /// How long a compliance lock can still be undone.
    pub(crate) cool_off: Option<Duration>,
}

/// Whether a lock can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockMode {
    /// By nobody, once its cooling-off period is over.
    Compliance,
    /// By whoever is permitted.
    Governance,
}

impl LockMode {
    pub(crate) fn named(word: &str) -> Option<Self> {
        match word {
            "compliance" => Some(Self::Compliance),
            "governance" => Some(Self::Governance),
            _ => None,
        }
    }
}

/// When a lock ends.
#[derive(Clone, Debug)]
pub(crate) enum Ends {
    /// So many days after it began to count: a pending snapshot's waits.
    AfterDays(u32),
    At(Timestamp),
}

impl Lock {
    /// Since when it counts; `None` while the snapshot is pending.
    pub(crate) fn counts_from(&self, snapshot: &Snapshot) -> Option<Timestamp> {
        snapshot.completed.map(|completed| completed.max(self.created))
    }

    pub(crate) fn expires(&self, snapshot: &Snapshot) -> Option<Timestamp> {
        match self.ends {
            Ends::AfterDays(days) => {
                self.counts_from(snapshot).map(|from| later(from, Duration::from_hours(24 * u64::from(days))))
            }
            Ends::At(at) => Some(at),
        }
    }

    pub(crate) fn cool_off_ends(&self) -> Option<Timestamp> {
        self.cool_off.map(|long| later(self.created, long))
    }

    pub(crate) fn state(&self, snapshot: &Snapshot, now: Timestamp) -> &'static str {
        if self.expires(snapshot).is_some_and(|at| now >= at) {
            return "expired";
        }
        match self.mode {
            LockMode::Governance => "governance",
            LockMode::Compliance if self.cool_off_ends().is_some_and(|at| now < at) => "compliance-cooloff",
            LockMode::Compliance => "compliance",
        }
    }
}

/// An Amazon machine image.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) id: ImageId,
    pub(crate) owner: AccountId,
    pub(crate) name: SmolStr,
    pub(crate) description: SmolStr,
    pub(crate) architecture: SmolStr,
    pub(crate) root_device: SmolStr,
    pub(crate) created: Timestamp,
    pub(crate) disabled: bool,
    pub(crate) deprecated_at: Option<Timestamp>,
    pub(crate) devices: Vec<ImageDevice>,
    pub(crate) tags: Tags,
}

/// One block device of an image.
#[derive(Clone, Debug)]
pub(crate) struct ImageDevice {
    pub(crate) name: SmolStr,
    pub(crate) snapshot: SnapshotId,
    pub(crate) size_gib: u32,
    pub(crate) kind: SmolStr,
    pub(crate) encrypted: bool,
    pub(crate) delete_on_termination: bool,
}

impl Image {
    pub(crate) fn state(&self) -> &'static str {
        if self.disabled { "disabled" } else { "available" }
    }

    pub(crate) fn root_snapshot(&self) -> Option<&SnapshotId> {
        self.devices.iter().find(|d| d.name == self.root_device).map(|d| &d.snapshot)
    }
}

/// Everything in one Place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Site {
    pub(crate) instances: BTreeMap<InstanceId, Instance>,
    pub(crate) volumes: BTreeMap<VolumeId, Volume>,
    pub(crate) snapshots: BTreeMap<SnapshotId, Snapshot>,
    pub(crate) images: BTreeMap<ImageId, Image>,
    /// When the latest snapshot of a volume began.
    pub(crate) latest_start: BTreeMap<VolumeId, Timestamp>,
    /// Snapshots that count against a volume's concurrency: those not yet
    /// through, deleted or not, and those in `error`.
    pub(crate) in_flight: BTreeMap<VolumeId, BTreeSet<SnapshotId>>,
    /// Copies to here that are not yet through, deleted or not.
    pub(crate) copying: BTreeSet<SnapshotId>,
    /// The images whose root a snapshot is.
    pub(crate) roots: BTreeMap<SnapshotId, BTreeSet<ImageId>>,
    /// The members of sets that CreateSnapshots made.
    pub(crate) sets: BTreeMap<u64, Vec<SnapshotId>>,
    pub(crate) buckets: BTreeMap<(SmolStr, bool), Bucket>,
    /// What was made for a client token: by action and token, the request and
    /// the ids of what it made.
    pub(crate) client_tokens: BTreeMap<(&'static str, String), (u64, Vec<SmolStr>)>,
}

impl Site {
    /// A snapshot no longer counts against its volume's concurrency.
    pub(crate) fn landed(&mut self, volume: &VolumeId, snapshot: &SnapshotId) {
        if let Some(flying) = self.in_flight.get_mut(volume) {
            flying.remove(snapshot);
            if flying.is_empty() {
                self.in_flight.remove(volume);
            }
        }
    }
}

/// All Places.
pub(crate) type Sites = BTreeMap<Place, Site>;

pub(crate) fn instance_state(state: InstanceState) -> (u8, &'static str) {
    match state {
        InstanceState::Pending => (0, "pending"),
        InstanceState::Running => (16, "running"),
        InstanceState::ShuttingDown => (32, "shutting-down"),
        InstanceState::Terminated | InstanceState::Other => (48, "terminated"),
        InstanceState::Stopping => (64, "stopping"),
        InstanceState::Stopped => (80, "stopped"),
    }
}

pub(crate) fn volume_state(state: VolumeState) -> &'static str {
    match state {
        VolumeState::Creating => "creating",
        VolumeState::Available => "available",
        VolumeState::InUse => "in-use",
        VolumeState::Deleting => "deleting",
        VolumeState::Deleted => "deleted",
        VolumeState::Error | VolumeState::Other => "error",
    }
}

pub(crate) fn snapshot_state(state: SnapshotState) -> &'static str {
    match state {
        SnapshotState::Pending => "pending",
        SnapshotState::Completed => "completed",
        SnapshotState::Error | SnapshotState::Other => "error",
        SnapshotState::Recoverable => "recoverable",
        SnapshotState::Recovering => "recovering",
    }
}

pub(crate) fn tier(tier: StorageTier) -> &'static str {
    match tier {
        StorageTier::Standard => "standard",
        StorageTier::Archive => "archive",
    }
}
