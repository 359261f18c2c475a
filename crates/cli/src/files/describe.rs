//! The JSON of `aws ec2 describe-…`, as far as anything of it is looked at.
//! Names and values are those of EC2's API reference.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Read;

use ebskeep_core::id::{AccountId, ImageId, InstanceId, SnapshotId, VolumeId};
use ebskeep_core::inventory::{
    Attachment, Device, Image, Instance, InstanceState, Lock, LockState, Snapshot, SnapshotState, StorageTier,
    TierMove, TierStatus, Volume, VolumeState,
};
use ebskeep_core::site::LocalSite;
use ebskeep_core::tags::Tags;
use jiff::Timestamp;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use smol_str::SmolStr;

use super::pages::Pages;
use super::window::Shared;

/// What the files hold.
#[derive(Debug, Default)]
pub struct Listed {
    /// Of all reservations.
    pub instances: Vec<Instance>,
    /// In the order of the files, as all of these.
    pub volumes: Vec<Volume>,
    /// Whoever owns them.
    pub snapshots: Vec<Snapshot>,
    /// With the snapshots that they use.
    pub images: Vec<Image>,
    /// Locks on snapshots, expired ones included.
    pub locks: Vec<Lock>,
    /// Which storage tier snapshots are in, and since when.
    pub tiers: Vec<TierStatus>,
    pub(super) pages: Pages,
}

/// The kinds of things in the JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// EC2 instances.
    Instances,
    /// EBS volumes.
    Volumes,
    /// EBS snapshots.
    Snapshots,
    /// Machine images.
    Images,
    /// Locks on snapshots.
    Locks,
    /// The tiers that snapshots are stored in.
    Tiers,
}

impl Kind {
    /// Each once.
    pub const ALL: [Self; 6] =
        [Self::Instances, Self::Volumes, Self::Snapshots, Self::Images, Self::Locks, Self::Tiers];
    /// Those that a key says; what kind an item under `Snapshots` is it says itself.
    pub const WITH_KEY: [Self; 5] = [Self::Instances, Self::Volumes, Self::Snapshots, Self::Images, Self::Tiers];

    /// The key. Locks share that of snapshots: their items have a `LockState`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Instances => "Reservations",
            Self::Volumes => "Volumes",
            Self::Snapshots | Self::Locks => "Snapshots",
            Self::Images => "Images",
            Self::Tiers => "SnapshotTierStatuses",
        }
    }

    /// What prints it, after `aws ec2`.
    pub(super) fn command(self) -> &'static str {
        match self {
            Self::Instances => "describe-instances",
            Self::Volumes => "describe-volumes",
            Self::Snapshots => "describe-snapshots --owner-ids self",
            Self::Images => "describe-images --owners self --include-deprecated --include-disabled",
            Self::Locks => "describe-locked-snapshots",
            Self::Tiers => "describe-snapshot-tier-status",
        }
    }
}

impl Listed {
    /// What follows is from this file.
    pub fn file_begins(&mut self, name: &str) {
        self.pages.file_begins(name);
    }

    /// Whether the file listed anything.
    pub fn file_had_any(&self) -> bool {
        self.pages.file_had_any()
    }
}

/// One document, or an array of them, read into what is listed.
pub(super) struct Document<'a, R> {
    pub(super) listed: &'a mut Listed,
    /// What it is read through.
    pub(super) window: &'a Shared<R>,
}

impl<'de, R: Read> DeserializeSeed<'de> for Document<'_, R> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, R: Read> Visitor<'de> for Document<'_, R> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with Reservations, Volumes, Snapshots, Images or SnapshotTierStatuses")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        let Self { listed, window } = self;
        while list.next_element_seed(Document { listed: &mut *listed, window })?.is_some() {}
        Ok(())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let Listed { instances, volumes, snapshots, images, locks, tiers, pages } = self.listed;
        let window = self.window;
        let mut here = BTreeSet::new();
        let (mut further, mut empty) = (None, 0);
        while let Some(key) = map.next_key::<String>()? {
            let Some(kind) = Kind::WITH_KEY.into_iter().find(|kind| kind.key() == key) else {
                if key == "NextToken" {
                    further = map.next_value::<Option<String>>()?.filter(|token| !token.is_empty());
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
                continue;
            };
            match kind {
                Kind::Instances => map.next_value_seed(Each::new(window, &mut |reservation: ReservationIn| {
                    instances.extend(reservation.instances.into_iter().map(Instance::from));
                }))?,
                Kind::Volumes => {
                    map.next_value_seed(Each::new(window, &mut |volume: VolumeIn| volumes.push(volume.into())))?;
                }
                Kind::Snapshots | Kind::Locks => {
                    let before = (snapshots.len(), locks.len());
                    map.next_value_seed(Each::new(window, &mut |either: SnapshotOrLock| match either {
                        SnapshotOrLock::Snapshot(snapshot) => snapshots.push(snapshot),
                        SnapshotOrLock::Lock(lock) => locks.push(lock),
                    }))?;
                    here.extend((snapshots.len() > before.0).then_some(Kind::Snapshots));
                    here.extend((locks.len() > before.1).then_some(Kind::Locks));
                    empty += usize::from((snapshots.len(), locks.len()) == before);
                    continue;
                }
                Kind::Images => {
                    map.next_value_seed(Each::new(window, &mut |image: ImageIn| images.push(image.into())))?;
                }
                Kind::Tiers => map.next_value_seed(Each::new(window, &mut |tier: TierIn| tiers.push(tier.into())))?,
            }
            here.insert(kind);
        }
        pages.add(here, empty, further);
        Ok(())
    }
}

/// A list whose items are handed on one by one and not kept.
struct Each<'a, T, R> {
    window: &'a Shared<R>,
    each: &'a mut dyn FnMut(T),
}

impl<'a, T, R> Each<'a, T, R> {
    fn new(window: &'a Shared<R>, each: &'a mut dyn FnMut(T)) -> Self {
        Self { window, each }
    }
}

impl<'de, T: DeserializeOwned, R: Read> DeserializeSeed<'de> for Each<'_, T, R> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: DeserializeOwned, R: Read> Visitor<'de> for Each<'_, T, R> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        while let Some(item) = list.next_element()? {
            (self.each)(item);
            self.window.take_following(self.each);
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", expecting = "a reservation")]
struct ReservationIn {
    #[serde(default)]
    instances: Vec<InstanceIn>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", expecting = "an instance")]
struct InstanceIn {
    instance_id: InstanceId,
    state: StateIn,
    root_device_name: Option<SmolStr>,
    #[serde(default)]
    block_device_mappings: Vec<MappingIn>,
    #[serde(default, deserialize_with = "tags")]
    tags: Tags,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", expecting = "an instance's state")]
struct StateIn {
    name: SmolStr,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", expecting = "a block device mapping")]
struct MappingIn {
    device_name: Option<SmolStr>,
    ebs: Option<EbsIn>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", expecting = "an EBS device")]
struct EbsIn {
    volume_id: Option<VolumeId>,
    snapshot_id: Option<SnapshotId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", expecting = "a volume")]
struct VolumeIn {
    volume_id: VolumeId,
    state: SmolStr,
    size: u32,
    #[serde(default)]
    attachments: Vec<AttachmentIn>,
    availability_zone: Option<SmolStr>,
    outpost_arn: Option<SmolStr>,
    #[serde(default, deserialize_with = "tags")]
    tags: Tags,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", expecting = "an attachment")]
struct AttachmentIn {
    instance_id: Option<InstanceId>,
    device: Option<SmolStr>,
    attach_time: Option<Timestamp>,
}

/// An item under the key that snapshots and locks share.
#[derive(Deserialize)]
#[serde(try_from = "SnapshotIn")]
enum SnapshotOrLock {
    Snapshot(Snapshot),
    Lock(Lock),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", expecting = "a snapshot")]
struct SnapshotIn {
    snapshot_id: SnapshotId,
    owner_id: Option<AccountId>,
    volume_id: Option<VolumeId>,
    state: Option<SmolStr>,
    state_message: Option<SmolStr>,
    #[serde(default, deserialize_with = "maybe_time")]
    start_time: Option<Timestamp>,
    volume_size: Option<u32>,
    lock_state: Option<SmolStr>,
    #[serde(default, deserialize_with = "maybe_time")]
    lock_expires_on: Option<Timestamp>,
    storage_tier: Option<SmolStr>,
    #[serde(default, deserialize_with = "maybe_time")]
    restore_expiry_time: Option<Timestamp>,
    availability_zone: Option<SmolStr>,
    outpost_arn: Option<SmolStr>,
    #[serde(default)]
    encrypted: bool,
    #[serde(default)]
    description: SmolStr,
    #[serde(default, deserialize_with = "tags")]
    tags: Tags,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", expecting = "an image")]
struct ImageIn {
    image_id: ImageId,
    #[serde(default)]
    state: SmolStr,
    #[serde(default)]
    block_device_mappings: Vec<MappingIn>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", expecting = "the tier status of a snapshot")]
struct TierIn {
    snapshot_id: SnapshotId,
    storage_tier: Option<SmolStr>,
    #[serde(default, deserialize_with = "maybe_time")]
    archival_complete_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "maybe_time")]
    restore_expiry_time: Option<Timestamp>,
    last_tiering_operation_status: Option<SmolStr>,
}

/// An instant, as the AWS CLI and boto3 write them.
fn maybe_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let Some(text) = Option::<SmolStr>::deserialize(deserializer)? else { return Ok(None) };
    let time = text.parse();
    time.map(Some).map_err(|_| de::Error::custom(format_args!("{text:?} is no time such as 2026-03-01T02:00:00Z")))
}

/// AWS's list of keys and values.
fn tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tags, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase", expecting = "a tag with Key and Value")]
    struct TagIn {
        key: SmolStr,
        #[serde(default)]
        value: SmolStr,
    }
    let tags = Vec::<TagIn>::deserialize(deserializer)?;
    for (before, TagIn { key, value: _ }) in tags.iter().enumerate() {
        if tags.iter().take(before).any(|present| present.key == *key) {
            return Err(de::Error::custom(format_args!("the tag key {key:?} is there twice")));
        }
    }
    // Of the same size, and so in the same memory.
    Ok(Tags::listed(tags.into_iter().map(|TagIn { key, value }| (key, value)).collect()))
}

impl From<InstanceIn> for Instance {
    fn from(from: InstanceIn) -> Self {
        let InstanceIn { instance_id, state, root_device_name, block_device_mappings, tags } = from;
        let devices = block_device_mappings
            .into_iter()
            .filter_map(|mapping| Some(Device { name: mapping.device_name?, volume: mapping.ebs?.volume_id? }))
            .collect();
        let state = InstanceState::from_aws(&state.name);
        Self { id: instance_id, state, root_device: root_device_name, devices, tags }
    }
}

impl From<VolumeIn> for Volume {
    fn from(from: VolumeIn) -> Self {
        let VolumeIn { volume_id, state, size, attachments, availability_zone, outpost_arn, tags } = from;
        let attachments = attachments
            .into_iter()
            .filter_map(|on| {
                let AttachmentIn { instance_id, device, attach_time } = on;
                Some(Attachment {
                    instance: instance_id?,
                    device: device.unwrap_or_default(),
                    attached_at: attach_time,
                })
            })
            .collect();
        let state = VolumeState::from_aws(&state);
        let site = LocalSite::of(outpost_arn.as_deref(), availability_zone.as_deref());
        Self { id: volume_id, state, size_gib: size, attachments, site, tags }
    }
}

impl TryFrom<SnapshotIn> for SnapshotOrLock {
    type Error = String;

    fn try_from(from: SnapshotIn) -> Result<Self, String> {
        let SnapshotIn {
            snapshot_id,
            owner_id,
            volume_id,
            state,
            state_message,
            start_time,
            volume_size,
            lock_state,
            lock_expires_on,
            storage_tier,
            restore_expiry_time,
            availability_zone,
            outpost_arn,
            encrypted,
            description,
            tags,
        } = from;
        if let (Some(lock), None, None) = (&lock_state, &state, start_time) {
            let state = LockState::from_aws(lock);
            return Ok(Self::Lock(Lock { snapshot: snapshot_id, state, expires: lock_expires_on }));
        }
        let missing = |field| move || format!("missing field `{field}`");
        Ok(Self::Snapshot(Snapshot {
            id: snapshot_id,
            owner: owner_id.ok_or_else(missing("OwnerId"))?,
            volume: volume_id.ok_or_else(missing("VolumeId"))?,
            state: SnapshotState::from_aws(&state.ok_or_else(missing("State"))?),
            state_message,
            started: start_time.ok_or_else(missing("StartTime"))?,
            size_gib: volume_size.ok_or_else(missing("VolumeSize"))?,
            tier: StorageTier::from_aws(storage_tier.as_deref().unwrap_or_default()),
            restore_expires: restore_expiry_time,
            site: LocalSite::of(outpost_arn.as_deref(), availability_zone.as_deref()).map(Box::new),
            encrypted,
            description,
            tags,
        }))
    }
}

impl From<TierIn> for TierStatus {
    fn from(from: TierIn) -> Self {
        let TierIn {
            snapshot_id,
            storage_tier,
            archival_complete_time,
            restore_expiry_time,
            last_tiering_operation_status,
        } = from;
        Self {
            snapshot: snapshot_id,
            tier: StorageTier::from_aws(storage_tier.as_deref().unwrap_or_default()),
            archived_at: archival_complete_time,
            restore_expires: restore_expiry_time,
            moving: TierMove::in_progress(last_tiering_operation_status.as_deref().unwrap_or_default()),
        }
    }
}

impl From<ImageIn> for Image {
    fn from(from: ImageIn) -> Self {
        let ImageIn { image_id, state, block_device_mappings } = from;
        let snapshots = block_device_mappings.into_iter().filter_map(|mapping| mapping.ebs?.snapshot_id).collect();
        Self { id: image_id, state, snapshots }
    }
}
