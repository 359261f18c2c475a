//! What there is in one Place, as the deciders see it. Knows nothing of policy.

use std::collections::BTreeSet;

use jiff::Timestamp;
use smol_str::SmolStr;

use crate::id::{AccountId, ImageId, InstanceId, Place, SnapshotId, VolumeId};
use crate::site::LocalSite;
use crate::tags::Tags;

/// Everything observed in one Place, and how far the observation went.
#[derive(Clone, Debug, PartialEq)]
pub struct Inventory {
    /// Whose and where.
    pub place: Place,
    /// The instant to decide at: [`Self::observed_at`], unless another was asked
    /// for.
    pub now: Timestamp,
    /// AWS's own clock when this was observed: the `Date` of the first answer
    /// (offline: the machine's). What the clock check compares.
    pub observed_at: Timestamp,
    /// The machine's clock at the moment `observed_at` was received; `None`
    /// offline.
    pub machine_clock: Option<Timestamp>,
    /// Instances in any state, by id.
    pub instances: Listing<Instance>,
    /// Volumes in any state, by id.
    pub volumes: Listing<Volume>,
    /// Snapshots this account owns, by id.
    pub snapshots: Listing<Snapshot>,
    /// Images this account owns: registered, deprecated and disabled.
    pub images: Listing<Image>,
    /// Locks on snapshots, expired ones included, by snapshot. A gap here
    /// keeps nothing from going: AWS refuses to delete a locked snapshot.
    pub locks: Listing<Lock>,
    /// What is known of the snapshots whose listing says that they are
    /// archived, by snapshot. Of others there need be nothing.
    pub tiers: Listing<TierStatus>,
    /// Volumes that a complete listing lacked and that DescribeVolumes by id
    /// answered with `InvalidVolume.NotFound`. Nothing else is *gone*.
    pub confirmed_gone: BTreeSet<VolumeId>,
    /// What there is where copies of snapshots here are wanted, or were made,
    /// in the order of the Places; empty where nobody looked. A gap in one
    /// keeps no snapshot here from going that its own tags let go.
    pub destinations: Vec<DestinationSnapshots>,
    /// Why the parts in which the snapshots were listed could not be believed;
    /// [`Self::snapshots`] was then listed page by page after all.
    pub listing_mismatch: Option<String>,
}

/// The snapshots of one destination of copies that matter to the copier: those
/// that bear `Source_SnapshotId`, and all that are pending.
#[derive(Clone, Debug, PartialEq)]
pub struct DestinationSnapshots {
    /// Whose and where.
    pub place: Place,
    /// What there is, by id.
    pub snapshots: Listing<Snapshot>,
}

impl Inventory {
    /// What was seen at a destination, if anybody looked there.
    pub fn destination(&self, place: &Place) -> Option<&Listing<Snapshot>> {
        self.destinations.iter().find(|seen| seen.place == *place).map(|seen| &seen.snapshots)
    }

    /// A Place in which nothing is, all of it listed, at an instant of AWS's clock.
    pub fn empty(place: Place, now: Timestamp) -> Self {
        Self {
            place,
            now,
            observed_at: now,
            machine_clock: None,
            instances: Listing::default(),
            volumes: Listing::default(),
            snapshots: Listing::default(),
            images: Listing::default(),
            locks: Listing::default(),
            tiers: Listing::default(),
            confirmed_gone: BTreeSet::new(),
            destinations: Vec::new(),
            listing_mismatch: None,
        }
    }

    /// The kinds whose listing is not complete, with the reason.
    pub fn gaps(&self) -> impl Iterator<Item = (&'static str, &Gap)> {
        let Self {
            place: _,
            now: _,
            observed_at: _,
            machine_clock: _,
            instances,
            volumes,
            snapshots,
            images,
            // What is not read of these makes no snapshot go.
            locks: _,
            tiers: _,
            confirmed_gone: _,
            // A plan tells what copies it could not see.
            destinations: _,
            // The listing that was used instead is whole, or has a gap of its own.
            listing_mismatch: _,
        } = self;
        let all = [
            ("instances", &instances.gap),
            ("volumes", &volumes.gap),
            ("snapshots", &snapshots.gap),
            ("images", &images.gap),
        ];
        all.into_iter().filter_map(|(what, gap)| Some((what, gap.as_ref()?)))
    }
}

/// The result of following a listing to its last page, or as far as it went.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing<T> {
    /// What was listed. Sorted by id and without duplicates once observed.
    pub items: Vec<T>,
    /// Why this is not all there is, if it is not. Complete when `None`.
    pub gap: Option<Gap>,
}

impl<T> Listing<T> {
    /// A listing that reached its last page.
    pub fn complete(items: Vec<T>) -> Self {
        Self { items, gap: None }
    }

    /// A listing that stopped before its end, with the reason.
    pub fn partial(items: Vec<T>, gap: impl Into<Gap>) -> Self {
        Self { items, gap: Some(gap.into()) }
    }

    /// Whether the last page was reached.
    pub fn is_complete(&self) -> bool {
        self.gap.is_none()
    }
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self::complete(Vec::new())
    }
}

/// Why a listing is not complete, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// What ended it, in AWS's words if AWS said so.
    pub why: String,
    /// What to do about it; empty where there is nothing to do.
    pub remedy: String,
}

impl Gap {
    /// `<why>. <effect>. What to do: <remedy>`, as findings say it.
    pub(crate) fn with_effect(&self, effect: &str) -> String {
        let why = self.why.trim_end_matches('.');
        let to_do = if self.remedy.is_empty() { String::new() } else { format!(". What to do: {}", self.remedy) };
        format!("{why}. {effect}{to_do}")
    }
}

/// Of which there is nothing to do.
impl From<&str> for Gap {
    fn from(why: &str) -> Self {
        Self { why: why.to_owned(), remedy: String::new() }
    }
}

impl std::fmt::Display for Gap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.why)
    }
}

/// An EC2 instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// Its state when listed.
    pub state: InstanceState,
    /// The device name of its root volume, such as `/dev/xvda`.
    pub root_device: Option<SmolStr>,
    /// Its EBS mappings. Instance-store devices have no volume and are not here.
    pub devices: Vec<Device>,
    /// Its tags.
    pub tags: Tags,
}

/// An EBS volume as an instance sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Device {
    /// The device name, such as `/dev/sdf`.
    pub name: SmolStr,
    /// The volume behind it.
    pub volume: VolumeId,
}

/// The states an instance can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceState {
    /// Starting for the first time, or again.
    Pending,
    /// Up.
    Running,
    /// On its way down, to come back.
    Stopping,
    /// Down, volumes kept.
    Stopped,
    /// On its way to being gone.
    ShuttingDown,
    /// Gone; listed for about an hour more.
    Terminated,
    /// A state this version does not know.
    Other,
}

impl InstanceState {
    /// The state that AWS names so.
    pub fn from_aws(word: &str) -> Self {
        match word {
            "pending" => Self::Pending,
            "running" => Self::Running,
            "stopping" => Self::Stopping,
            "stopped" => Self::Stopped,
            "shutting-down" => Self::ShuttingDown,
            "terminated" => Self::Terminated,
            _ => Self::Other,
        }
    }
}

/// An EBS volume.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    /// Its id.
    pub id: VolumeId,
    /// Its state when listed.
    pub state: VolumeState,
    /// Its size in GiB.
    pub size_gib: u32,
    /// The instances it is attached to, with the device name there. More than
    /// one with Multi-Attach.
    pub attachments: Vec<Attachment>,
    /// The Outpost or Local Zone it is in, if it is in one.
    pub site: Option<LocalSite>,
    /// Its tags.
    pub tags: Tags,
}

/// A volume's place on an instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attachment {
    /// The instance.
    pub instance: InstanceId,
    /// The device name there.
    pub device: SmolStr,
    /// When it was attached, if AWS says so (`AttachTime`).
    pub attached_at: Option<Timestamp>,
}

/// The states a volume can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeState {
    /// Being made.
    Creating,
    /// Unattached.
    Available,
    /// Attached.
    InUse,
    /// Going.
    Deleting,
    /// Gone, still listed.
    Deleted,
    /// AWS could not make it, or lost it.
    Error,
    /// A state this version does not know.
    Other,
}

impl VolumeState {
    /// The state that AWS names so.
    pub fn from_aws(word: &str) -> Self {
        match word {
            "creating" => Self::Creating,
            "available" => Self::Available,
            "in-use" => Self::InUse,
            "deleting" => Self::Deleting,
            "deleted" => Self::Deleted,
            "error" => Self::Error,
            _ => Self::Other,
        }
    }
}

/// An EBS snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Its id.
    pub id: SnapshotId,
    /// The account that owns it.
    pub owner: AccountId,
    /// The volume AWS says it came from; a dummy on copies.
    pub volume: VolumeId,
    /// Its state when listed.
    pub state: SnapshotState,
    /// AWS's words about that state, if any: why a copy failed.
    pub state_message: Option<SmolStr>,
    /// When it began.
    pub started: Timestamp,
    /// The size of its volume in GiB (full, not incremental).
    pub size_gib: u32,
    /// Where it is stored.
    pub tier: StorageTier,
    /// When its temporary restore from the archive ends, if it is restored so
    /// (`RestoreExpiryTime`).
    pub restore_expires: Option<Timestamp>,
    /// The Outpost or Local Zone it is stored in, if not in the Region. Boxed:
    /// hardly any has one, and there may be a million snapshots.
    pub site: Option<Box<LocalSite>>,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// Its description.
    pub description: SmolStr,
    /// Its tags.
    pub tags: Tags,
}

/// The states a snapshot can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotState {
    /// Begun, its data still being copied.
    Pending,
    /// Good.
    Completed,
    /// Failed; it never becomes good.
    Error,
    /// In the Recycle Bin.
    Recoverable,
    /// Being restored from the Recycle Bin.
    Recovering,
    /// A state this version does not know.
    Other,
}

impl Snapshot {
    /// Whether the listing says that it is archived: one restored from there for a
    /// time is so, too, whatever tier it is shown in.
    pub fn is_archived(&self) -> bool {
        self.tier == StorageTier::Archive || self.restore_expires.is_some()
    }

    /// AWS's words about its state, if there are any: an empty message is none.
    pub fn message(&self) -> Option<&SmolStr> {
        self.state_message.as_ref().filter(|message| !message.is_empty())
    }
}

impl SnapshotState {
    /// The state that AWS names so.
    pub fn from_aws(word: &str) -> Self {
        match word {
            "pending" => Self::Pending,
            "completed" => Self::Completed,
            "error" => Self::Error,
            "recoverable" => Self::Recoverable,
            "recovering" => Self::Recovering,
            _ => Self::Other,
        }
    }

    /// AWS's word for it.
    pub fn as_aws(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Error => "error",
            Self::Recoverable => "recoverable",
            Self::Recovering => "recovering",
            Self::Other => "unknown",
        }
    }
}

/// Where a snapshot is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageTier {
    /// Ready to restore.
    Standard,
    /// In the archive: 90 days at least, hours to restore.
    Archive,
}

impl StorageTier {
    /// The tier that AWS names so; one of days to come is treated as the one
    /// that keeps longer.
    pub fn from_aws(word: &str) -> Self {
        match word {
            "standard" | "" => Self::Standard,
            _ => Self::Archive,
        }
    }
}

/// A lock on a snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct Lock {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// What the lock is at present.
    pub state: LockState,
    /// When it ends or ended. None while the snapshot is pending: its time
    /// does not run yet.
    pub expires: Option<Timestamp>,
}

/// The states a lock can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockState {
    /// Nobody can unlock or delete the snapshot before the lock expires.
    Compliance,
    /// As compliance, but it can still be unlocked for some hours.
    ComplianceCooloff,
    /// Whoever is permitted can unlock the snapshot.
    Governance,
    /// Locked no more.
    Expired,
    /// A state this version does not know.
    Other,
}

impl LockState {
    /// The state that AWS names so.
    pub fn from_aws(word: &str) -> Self {
        match word {
            "compliance" => Self::Compliance,
            "compliance-cooloff" => Self::ComplianceCooloff,
            "governance" => Self::Governance,
            "expired" => Self::Expired,
            _ => Self::Other,
        }
    }
}

/// What AWS tells of a snapshot's way between the storage tiers.
#[derive(Clone, Debug, PartialEq)]
pub struct TierStatus {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// Where it is stored.
    pub tier: StorageTier,
    /// When it was last archived (`ArchivalCompleteTime`).
    pub archived_at: Option<Timestamp>,
    /// When a temporary restore ends, if it is restored so
    /// (`RestoreExpiryTime`).
    pub restore_expires: Option<Timestamp>,
    /// The move between the tiers that is in progress, if one is
    /// (`LastTieringOperationStatus`).
    pub moving: Option<TierMove>,
}

/// A move of a snapshot between the storage tiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TierMove {
    /// Into the archive.
    Archival,
    /// Out of the archive, for some days.
    TemporaryRestore,
    /// Out of the archive for good.
    PermanentRestore,
    /// A move this version does not know, or does not know to be over.
    Other,
}

impl TierMove {
    /// The move that is in progress, by AWS's word for the last one and how far it is.
    pub fn in_progress(word: &str) -> Option<Self> {
        let moves = [
            ("archival", Self::Archival),
            ("temporary-restore", Self::TemporaryRestore),
            ("permanent-restore", Self::PermanentRestore),
        ];
        if word.is_empty() {
            return None;
        }
        for (name, which) in moves {
            match word.strip_prefix(name) {
                Some("-completed" | "-failed") => return None,
                Some("-in-progress") => return Some(which),
                _ => {}
            }
        }
        Some(Self::Other)
    }
}

/// An Amazon machine image.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Its id.
    pub id: ImageId,
    /// The state AWS says, such as `available` or `disabled`.
    pub state: SmolStr,
    /// The snapshots it is made of.
    pub snapshots: Vec<SnapshotId>,
}
