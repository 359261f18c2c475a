//! CreateVolume, AttachVolume, DetachVolume, DeleteVolume, DescribeVolumes.

use std::collections::BTreeSet;

use ebskeep_core::id::{InstanceId, SnapshotId, VolumeId};
use ebskeep_core::inventory::{InstanceState, SnapshotState, VolumeState};
use ebskeep_core::site::LocalSite;
use ebskeep_core::tags::Tags;
use smol_str::SmolStr;

use super::filter::Filters;
use super::once::ClientToken;
use super::paging::{Paging, Part};
use super::{Read, Scene, builtin, id, tag};
use crate::keys::OWN_KEY;
use crate::model::{Attachment, Volume, volume_state};
use crate::params::Params;
use crate::refusal::Refusal;
use crate::state::Due;
use crate::wire::xml::iso;

/// Instances one Multi-Attach volume can be on.
const MOST_ATTACHMENTS: usize = 16;
/// The largest volume, in GiB.
const LARGEST_GIB: u32 = 65_536;

const FILTERS: [&str; 14] = [
    "attachment.attach-time",
    "attachment.delete-on-termination",
    "attachment.device",
    "attachment.instance-id",
    "attachment.status",
    "availability-zone",
    "create-time",
    "encrypted",
    "multi-attach-enabled",
    "size",
    "snapshot-id",
    "status",
    "volume-id",
    "volume-type",
];

/// What a volume is made of: by CreateVolume, or for an instance's device.
#[derive(Clone, Debug, Default)]
pub(crate) struct VolumeSpec {
    pub(crate) size_gib: Option<u32>,
    pub(crate) snapshot: Option<SnapshotId>,
    pub(crate) kind: Option<SmolStr>,
    pub(crate) iops: Option<u32>,
    pub(crate) throughput: Option<u32>,
    pub(crate) encrypted: Option<bool>,
    pub(crate) key: Option<SmolStr>,
    pub(crate) multi_attach: bool,
}

impl VolumeSpec {
    /// Takes what `CreateVolume` and `BlockDeviceMapping.N.Ebs` have in common;
    /// they differ in the name of the size.
    pub(crate) fn read(params: &mut Params, size: &str) -> Result<Self, Refusal> {
        Ok(Self {
            size_gib: params.number(size)?,
            snapshot: params.take("SnapshotId").filter(|s| !s.is_empty()).map(|s| id::snapshot(&s)).transpose()?,
            kind: params.take("VolumeType").map(SmolStr::new),
            iops: params.number("Iops")?,
            throughput: params.number("Throughput")?,
            encrypted: params.flag("Encrypted")?,
            key: params.take("KmsKeyId").map(SmolStr::new),
            multi_attach: false,
        })
    }
}

/// What CreateVolume is told.
pub(crate) struct CreateVolume {
    pub(crate) id: Option<VolumeId>,
    pub(crate) zone: SmolStr,
    pub(crate) outpost: Option<SmolStr>,
    pub(crate) spec: VolumeSpec,
    pub(crate) tags: Tags,
    pub(crate) client_token: Option<ClientToken>,
}

impl Read for CreateVolume {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        let client_token = ClientToken::read(params, "CreateVolume");
        let mut spec = VolumeSpec::read(params, "Size")?;
        spec.multi_attach = params.flag("MultiAttachEnabled")?.unwrap_or(false);
        Ok(Self {
            id: None,
            zone: params.need("AvailabilityZone")?.into(),
            outpost: params.take("OutpostArn").map(SmolStr::new),
            spec,
            tags: tag::specifications(params, &["volume"])?.remove("volume").unwrap_or_default(),
            client_token,
        })
    }
}

/// What AttachVolume is told.
pub(crate) struct AttachVolume {
    pub(crate) volume: VolumeId,
    pub(crate) instance: InstanceId,
    pub(crate) device: SmolStr,
}

impl Read for AttachVolume {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        Ok(Self {
            volume: id::volume(&params.need("VolumeId")?)?,
            instance: id::instance(&params.need("InstanceId")?)?,
            device: params.need("Device")?.into(),
        })
    }
}

/// What DetachVolume is told.
pub(crate) struct DetachVolume {
    pub(crate) volume: VolumeId,
    pub(crate) instance: Option<InstanceId>,
    pub(crate) device: Option<SmolStr>,
}

impl Read for DetachVolume {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        // A forced detachment looks the same from outside the instance.
        params.flag("Force")?;
        Ok(Self {
            volume: id::volume(&params.need("VolumeId")?)?,
            instance: params.take("InstanceId").map(|i| id::instance(&i)).transpose()?,
            device: params.take("Device").map(SmolStr::new),
        })
    }
}

/// What DeleteVolume is told.
pub(crate) struct DeleteVolume {
    pub(crate) volume: VolumeId,
}

impl Read for DeleteVolume {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        Ok(Self { volume: id::volume(&params.need("VolumeId")?)? })
    }
}

/// What DescribeVolumes is told.
pub(crate) struct DescribeVolumes {
    paging: Paging,
    filters: Filters,
}

impl Read for DescribeVolumes {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        let paging = Paging::read(params, "VolumeId")?;
        // No volume here is managed by a service: with or without, all come.
        params.flag("IncludeManagedResources")?;
        Ok(Self { paging, filters: Filters::read(params, &FILTERS)? })
    }
}

impl Scene<'_> {
    pub(crate) fn zone(&self, zone: &SmolStr) -> Result<(), Refusal> {
        let letter = zone.strip_prefix(self.place.region.as_str()).unwrap_or_default();
        // Every Local Zone one can think of is here.
        if letter.starts_with('-') && LocalSite::of(None, Some(zone)).is_some() {
            return Ok(());
        }
        if letter.len() == 1 && letter.bytes().all(|b| b.is_ascii_lowercase()) {
            Ok(())
        } else {
            Err(Refusal::new("InvalidZone.NotFound", format!("The zone '{zone}' does not exist.")))
        }
    }

    pub(crate) fn create_volume(&mut self, request: CreateVolume) -> Result<Volume, Refusal> {
        if let Some(made) = self.made_before(request.client_token.as_ref())? {
            let id = VolumeId::new(made.first().cloned().unwrap_or_default());
            return self.site().volumes.get(&id).cloned().ok_or_else(|| id::no_volume(&id));
        }
        self.zone(&request.zone)?;
        tag::check(&request.tags, self.is_aws)?;
        let mut volume = self.made_volume(request.id, &request.spec, &request.zone, request.tags)?;
        volume.outpost = request.outpost;
        self.site().volumes.insert(volume.id.clone(), volume.clone());
        self.made_once(request.client_token, vec![volume.id.as_str().into()]);
        self.settles(Due::VolumeReady(volume.id.clone()));
        Ok(volume)
    }

    /// A volume by its specification, not yet anywhere.
    pub(crate) fn made_volume(
        &mut self,
        id: Option<VolumeId>,
        spec: &VolumeSpec,
        zone: &SmolStr,
        tags: Tags,
    ) -> Result<Volume, Refusal> {
        let mut least = 1;
        if spec.key.is_some() && spec.encrypted == Some(false) {
            return Err(Refusal::combination("KmsKeyId needs Encrypted to be true"));
        }
        let mut key = spec.key.clone().or_else(|| (spec.encrypted == Some(true)).then(|| OWN_KEY.into()));
        if let Some(snapshot) = &spec.snapshot {
            let (size, key_before) = self.source(snapshot)?;
            least = size;
            key = key.or(key_before);
        }
        let size_gib = match (spec.size_gib, &spec.snapshot) {
            (Some(size), _) => size,
            (None, Some(_)) => least,
            (None, None) => return Err(Refusal::missing("size/snapshot")),
        };
        if size_gib < least || size_gib > LARGEST_GIB {
            return Err(Refusal::new(
                "InvalidParameterValue",
                format!("Volume of {size_gib}GiB is not between {least}GiB and {LARGEST_GIB}GiB"),
            ));
        }
        let kind = spec.kind.clone().unwrap_or_else(|| "gp2".into());
        let (iops, throughput) = match kind.as_str() {
            "gp2" => (Some((size_gib * 3).clamp(100, 16_000)), None),
            "gp3" => (Some(spec.iops.unwrap_or(3_000)), Some(spec.throughput.unwrap_or(125))),
            "io1" | "io2" => (Some(spec.iops.ok_or_else(|| Refusal::missing("iops"))?), None),
            "st1" | "sc1" | "standard" => (None, None),
            other => return Err(Refusal::value(other, "volumeType", "Expected: a type of volume.")),
        };
        if spec.multi_attach && !matches!(kind.as_str(), "io1" | "io2") {
            return Err(Refusal::combination("Multi-Attach is for io1 and io2 volumes"));
        }
        let id = match id {
            Some(id) => id,
            None => VolumeId::new(self.new_id("vol-")),
        };
        Ok(Volume {
            id,
            state: VolumeState::Creating,
            size_gib,
            kind,
            iops,
            throughput,
            zone: zone.clone(),
            key,
            multi_attach: spec.multi_attach,
            snapshot: spec.snapshot.clone(),
            created: self.now(),
            attachments: Vec::new(),
            outpost: None,
            tags,
        })
    }

    /// Size of a snapshot that a volume can be made from, and what encrypts it.
    fn source(&mut self, snapshot: &SnapshotId) -> Result<(u32, Option<SmolStr>), Refusal> {
        if snapshot.as_str() == builtin::SNAPSHOT {
            return Ok((builtin::SIZE_GIB, None));
        }
        let found = self.site().snapshots.get(snapshot).ok_or_else(|| id::no_snapshot(snapshot))?;
        if found.state != SnapshotState::Completed {
            return Err(Refusal::new("IncorrectState", format!("The snapshot '{snapshot}' is not completed.")));
        }
        Ok((found.size_gib, found.key.clone()))
    }

    pub(crate) fn attach_volume(&mut self, request: AttachVolume) -> Result<Attachment, Refusal> {
        let now = self.now();
        let site = self.site();
        let AttachVolume { volume: volume_id, instance: instance_id, device } = request;
        let volume = site.volumes.get_mut(&volume_id).ok_or_else(|| id::no_volume(&volume_id))?;
        let instance = site.instances.get_mut(&instance_id).ok_or_else(|| id::no_instance(&instance_id))?;
        if !matches!(
            instance.state,
            InstanceState::Pending | InstanceState::Running | InstanceState::Stopping | InstanceState::Stopped
        ) {
            return Err(Refusal::new("IncorrectState", format!("Instance '{instance_id}' is not 'running'.")));
        }
        if volume.zone != instance.zone {
            return Err(Refusal::new(
                "InvalidVolume.ZoneMismatch",
                format!("The volume '{volume_id}' is not in the same availability zone as instance '{instance_id}'"),
            ));
        }
        if instance.devices.contains_key(&device) {
            return Err(Refusal::value(&device, "device", format!("{device} is already in use.")));
        }
        let room = volume.multi_attach && volume.attachments.len() < MOST_ATTACHMENTS;
        let already = volume.attachments.iter().any(|a| a.instance == instance_id);
        match volume.state {
            VolumeState::Available => {}
            VolumeState::InUse if room && !already => {}
            VolumeState::InUse => {
                return Err(Refusal::new("VolumeInUse", format!("{volume_id} is already attached to an instance")));
            }
            _ => {
                return Err(Refusal::new("IncorrectState", format!("The volume '{volume_id}' is not 'available'.")));
            }
        }
        let attachment = Attachment {
            volume: volume_id.clone(),
            instance: instance_id.clone(),
            device: device.clone(),
            state: "attaching",
            since: now,
            delete_on_termination: false,
        };
        volume.state = VolumeState::InUse;
        volume.attachments.push(attachment.clone());
        instance.devices.insert(device, volume_id.clone());
        self.settles(Due::Attached(volume_id, instance_id));
        Ok(attachment)
    }

    pub(crate) fn detach_volume(&mut self, request: &DetachVolume) -> Result<Attachment, Refusal> {
        let site = self.site();
        let volume = site.volumes.get_mut(&request.volume).ok_or_else(|| id::no_volume(&request.volume))?;
        if volume.attachments.len() > 1 && request.instance.is_none() {
            return Err(Refusal::missing("InstanceId"));
        }
        let attachment = volume
            .attachments
            .iter_mut()
            .filter(|a| request.instance.as_ref().is_none_or(|i| a.instance == *i))
            .find(|a| request.device.as_ref().is_none_or(|d| a.device == *d))
            .ok_or_else(|| {
                Refusal::new("IncorrectState", format!("Volume '{}' is not attached so.", request.volume))
            })?;
        let instance = site.instances.get(&attachment.instance);
        if instance.is_some_and(|i| i.state == InstanceState::Running && i.root_device == attachment.device) {
            return Err(Refusal::new(
                "IncorrectState",
                format!("Unable to detach root volume '{}' from a running instance", request.volume),
            ));
        }
        attachment.state = "detaching";
        let attachment = attachment.clone();
        self.settles(Due::Detached(request.volume.clone(), attachment.instance.clone()));
        Ok(attachment)
    }

    pub(crate) fn delete_volume(&mut self, request: &DeleteVolume) -> Result<(), Refusal> {
        let id = &request.volume;
        let volume = self.site().volumes.get_mut(id).ok_or_else(|| id::no_volume(id))?;
        match volume.state {
            VolumeState::InUse => {
                let on = volume.attachments.first().map(|a| a.instance.to_string()).unwrap_or_default();
                return Err(Refusal::new("VolumeInUse", format!("Volume {id} is currently attached to {on}")));
            }
            VolumeState::Deleting => return Err(id::no_volume(id)),
            _ => volume.state = VolumeState::Deleting,
        }
        self.settles(Due::VolumeGone(id.clone()));
        Ok(())
    }

    pub(crate) fn describe_volumes(&mut self, request: &DescribeVolumes) -> Result<Part<Volume>, Refusal> {
        let now = self.now();
        let most = self.state.rules.page;
        let wanted = |v: &Volume| request.filters.pass(&v.tags, |name| filter_values(v, name));
        let site = self.site();
        if request.paging.ids.is_empty() {
            let cursor = request.paging.cursor("DescribeVolumes", most, now)?;
            return Ok(cursor.page(&site.volumes, |v| v.created <= cursor.began && wanted(v)));
        }
        let ids: BTreeSet<VolumeId> = request.paging.ids.iter().map(|i| id::volume(i)).collect::<Result<_, _>>()?;
        let mut items = Vec::new();
        for id in &ids {
            let found = site.volumes.get(id).ok_or_else(|| id::no_volume(id))?;
            if wanted(found) {
                items.push(found.clone());
            }
        }
        Ok(Part { items, next: None })
    }
}

fn filter_values(v: &Volume, name: &str) -> Vec<String> {
    let each = |value: fn(&Attachment) -> String| v.attachments.iter().map(value).collect();
    match name {
        "attachment.attach-time" => each(|a| iso(a.since)),
        "attachment.delete-on-termination" => each(|a| a.delete_on_termination.to_string()),
        "attachment.device" => each(|a| a.device.to_string()),
        "attachment.instance-id" => each(|a| a.instance.to_string()),
        "attachment.status" => each(|a| a.state.to_owned()),
        "availability-zone" => vec![v.zone.to_string()],
        "create-time" => vec![iso(v.created)],
        "encrypted" => vec![v.key.is_some().to_string()],
        "multi-attach-enabled" => vec![v.multi_attach.to_string()],
        "size" => vec![v.size_gib.to_string()],
        "snapshot-id" => v.snapshot.iter().map(ToString::to_string).collect(),
        "status" => vec![volume_state(v.state).to_owned()],
        "volume-id" => vec![v.id.to_string()],
        _ => vec![v.kind.to_string()],
    }
}
