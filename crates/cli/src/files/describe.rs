//! The JSON of `aws ec2 describe-…`, as far as anything of it is looked at.
//! Names and values are those of EC2's API reference.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ebskeep_core::id::{AccountId, ImageId, InstanceId, SnapshotId, VolumeId};
use ebskeep_core::inventory::{
    Attachment, Device, Image, Instance, InstanceState, Snapshot, SnapshotState, StorageTier, Volume, VolumeState,
};
use ebskeep_core::tags::Tags;
use jiff::Timestamp;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use smol_str::SmolStr;

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
    pub(super) gaps: Gaps,
}

/// The kinds of things, each with a key of its own in the JSON.
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
}

impl Kind {
    /// Each once.
    pub const ALL: [Self; 4] = [Self::Instances, Self::Volumes, Self::Snapshots, Self::Images];

    /// The key.
    pub fn key(self) -> &'static str {
        match self {
            Self::Instances => "Reservations",
            Self::Volumes => "Volumes",
            Self::Snapshots => "Snapshots",
            Self::Images => "Images",
        }
    }

    fn command(self) -> &'static str {
        match self {
            Self::Instances => "describe-instances",
            Self::Volumes => "describe-volumes",
            Self::Snapshots => "describe-snapshots --owner-ids self",
            Self::Images => "describe-images --owners self --include-deprecated --include-disabled",
        }
    }
}

/// Which kinds the files list, and which of those not to the end.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    seen: BTreeSet<Kind>,
    cut: BTreeMap<Kind, String>,
    file: String,
    file_had: usize,
}

impl Gaps {
    /// Why each incomplete kind is so, in words.
    pub(super) fn into_gaps(self) -> BTreeMap<Kind, String> {
        let mut gaps = self.cut;
        for kind in Kind::ALL.into_iter().filter(|kind| !self.seen.contains(kind)) {
            let why = format!("no file has {}; add what `aws ec2 {}` prints", kind.key(), kind.command());
            gaps.insert(kind, why);
        }
        gaps
    }
}

impl Listed {
    /// What follows is from this file.
    pub fn file_begins(&mut self, name: &str) {
        name.clone_into(&mut self.gaps.file);
        self.gaps.file_had = 0;
    }

    /// Whether the file listed anything.
    pub fn file_had_any(&self) -> bool {
        self.gaps.file_had > 0
    }
}

/// One document, read into what is listed.
pub(super) struct Document<'a>(pub(super) &'a mut Listed);

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with Reservations, Volumes, Snapshots or Images")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let Listed { instances, volumes, snapshots, images, gaps } = self.0;
        let mut here = BTreeSet::new();
        let mut further = false;
        while let Some(key) = map.next_key::<String>()? {
            let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.key() == key) else {
                if key == "NextToken" {
                    further |= map.next_value::<Option<String>>()?.is_some_and(|token| !token.is_empty());
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
                continue;
            };
            here.insert(kind);
            match kind {
                Kind::Instances => map.next_value_seed(Each(&mut |reservation: ReservationIn| {
                    instances.extend(reservation.instances.into_iter().map(Instance::from));
                }))?,
                Kind::Volumes => map.next_value_seed(Each(&mut |volume: VolumeIn| volumes.push(volume.into())))?,
                Kind::Snapshots => {
                    map.next_value_seed(Each(&mut |snapshot: SnapshotIn| snapshots.push(snapshot.into())))?;
                }
                Kind::Images => map.next_value_seed(Each(&mut |image: ImageIn| images.push(image.into())))?,
            }
        }
        gaps.file_had += here.len();
        for kind in here {
            gaps.seen.insert(kind);
            if further {
                let why = format!("{} has a NextToken: there are further pages", gaps.file);
                gaps.cut.insert(kind, why);
            }
        }
        Ok(())
    }
}

/// A list whose items are handed on one by one and not kept.
struct Each<'a, T>(&'a mut dyn FnMut(T));

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Each<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Each<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        while let Some(item) = list.next_element()? {
            (self.0)(item);
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
    #[serde(default, deserialize_with = "tags")]
    tags: Tags,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", expecting = "an attachment")]
struct AttachmentIn {
    instance_id: Option<InstanceId>,
    device: Option<SmolStr>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", expecting = "a snapshot")]
struct SnapshotIn {
    snapshot_id: SnapshotId,
    owner_id: AccountId,
    volume_id: VolumeId,
    state: SmolStr,
    state_message: Option<SmolStr>,
    #[serde(deserialize_with = "time")]
    start_time: Timestamp,
    volume_size: u32,
    storage_tier: Option<SmolStr>,
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

/// An instant, as the AWS CLI and boto3 write them.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = SmolStr::deserialize(deserializer)?;
    text.parse().map_err(|_| de::Error::custom(format_args!("{text:?} is no time such as 2026-03-01T02:00:00Z")))
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
    let mut tags = Tags::new();
    for TagIn { key, value } in Vec::<TagIn>::deserialize(deserializer)? {
        if tags.get(&key).is_some() {
            return Err(de::Error::custom(format_args!("the tag key {key:?} is there twice")));
        }
        tags.set_listed(key, value);
    }
    Ok(tags)
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
        let VolumeIn { volume_id, state, size, attachments, tags } = from;
        let attachments = attachments
            .into_iter()
            .filter_map(|on| Some(Attachment { instance: on.instance_id?, device: on.device.unwrap_or_default() }))
            .collect();
        let state = VolumeState::from_aws(&state);
        Self { id: volume_id, state, size_gib: size, attachments, tags }
    }
}

impl From<SnapshotIn> for Snapshot {
    fn from(from: SnapshotIn) -> Self {
        let SnapshotIn {
            snapshot_id,
            owner_id,
            volume_id,
            state,
            state_message,
            start_time,
            volume_size,
            storage_tier,
            encrypted,
            description,
            tags,
        } = from;
        let state = SnapshotState::from_aws(&state);
        Self {
            id: snapshot_id,
            owner: owner_id,
            volume: volume_id,
            state,
            state_message,
            started: start_time,
            size_gib: volume_size,
            tier: StorageTier::from_aws(storage_tier.as_deref().unwrap_or_default()),
            encrypted,
            description,
            tags,
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
