//! What there is: instances, volumes, snapshots and images of one Place, and
//! the names their states have on the wire. Knows nothing of calls.

use std::collections::{BTreeMap, BTreeSet};

use ebskeep_core::id::{AccountId, ImageId, InstanceId, Place, SnapshotId, VolumeId};
use ebskeep_core::inventory::{InstanceState, SnapshotState, StorageTier, VolumeState};
use ebskeep_core::tags::Tags;
use jiff::Timestamp;
use smol_str::SmolStr;

use crate::bucket::Bucket;

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
    pub(crate) encrypted: bool,
    pub(crate) multi_attach: bool,
    /// The snapshot it was made from.
    pub(crate) snapshot: Option<SnapshotId>,
    pub(crate) created: Timestamp,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) tags: Tags,
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
    pub(crate) encrypted: bool,
    pub(crate) description: SmolStr,
    pub(crate) tags: Tags,
    /// When it was made here: `started`, unless it was put there with a past.
    pub(crate) made: Timestamp,
    /// Who made it.
    pub(crate) made_by: SmolStr,
    /// Its siblings' number, if it was made by CreateSnapshots.
    pub(crate) set: Option<u64>,
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
