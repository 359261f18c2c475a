//! RunInstances, and block device mappings, which images share.
//!
//! Takes the parameters that say what volumes and tags there will be, and
//! refuses the rest: networks, keys and profiles are not simulated. Without
//! `DeleteOnTermination` the root volume goes with its instance and others
//! stay, as the EC2 User Guide tells of volumes ("Preserve data when an
//! instance is terminated").

use std::collections::BTreeMap;

use ebskeep_core::id::{ImageId, InstanceId, VolumeId};
use ebskeep_core::inventory::{InstanceState, VolumeState};
use ebskeep_core::tags::Tags;
use smol_str::SmolStr;

use super::once::ClientToken;
use super::volume::VolumeSpec;
use super::{InstanceView, Read, Scene, builtin, id, tag};
use crate::model::{Attachment, Instance};
use crate::params::Params;
use crate::refusal::Refusal;
use crate::state::Due;

/// The most instances one call may launch.
const MOST: u32 = 10_000;

/// One `BlockDeviceMapping.N`.
#[derive(Clone, Debug)]
pub(crate) struct Mapping {
    pub(crate) device: SmolStr,
    pub(crate) what: Mapped,
}

/// What is behind a device name.
#[derive(Clone, Debug)]
pub(crate) enum Mapped {
    /// An EBS volume.
    Ebs { spec: VolumeSpec, delete_on_termination: Option<bool> },
    /// A disk of the host: no volume.
    InstanceStore,
    /// Nothing, though the image says otherwise.
    Nothing,
}

/// Takes all `BlockDeviceMapping.N` out.
pub(crate) fn mappings(params: &mut Params) -> Result<Vec<Mapping>, Refusal> {
    let mut found = Vec::new();
    for mut group in params.groups("BlockDeviceMapping")? {
        let device = group.need("DeviceName").map_err(|_| Refusal::missing("BlockDeviceMapping.N.DeviceName"))?;
        let what = if group.take("NoDevice").is_some() {
            Mapped::Nothing
        } else if group.take("VirtualName").is_some() {
            Mapped::InstanceStore
        } else {
            let mut ebs = group.under("Ebs");
            let spec = VolumeSpec::read(&mut ebs, "VolumeSize")?;
            let delete_on_termination = ebs.flag("DeleteOnTermination")?;
            ebs.finish_under("BlockDeviceMapping.N.Ebs")?;
            Mapped::Ebs { spec, delete_on_termination }
        };
        group.finish_under("BlockDeviceMapping")?;
        found.push(Mapping { device: device.into(), what });
    }
    Ok(found)
}

/// What RunInstances is told.
pub(crate) struct RunInstances {
    pub(crate) id: Option<InstanceId>,
    pub(crate) image: Option<ImageId>,
    pub(crate) kind: SmolStr,
    pub(crate) count: u32,
    pub(crate) zone: Option<SmolStr>,
    pub(crate) mappings: Vec<Mapping>,
    pub(crate) instance_tags: Tags,
    pub(crate) volume_tags: Tags,
    pub(crate) client_token: Option<ClientToken>,
}

impl Read for RunInstances {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        let client_token = ClientToken::read(params, "RunInstances");
        let least: u32 = params.number("MinCount")?.ok_or_else(|| Refusal::missing("MinCount"))?;
        let count: u32 = params.number("MaxCount")?.ok_or_else(|| Refusal::missing("MaxCount"))?;
        if least == 0 || least > count || count > MOST {
            return Err(Refusal::value(count, "maxCount", format!("Expected: minCount to {MOST}.")));
        }
        let mut placement = params.under("Placement");
        let zone = placement.take("AvailabilityZone").map(SmolStr::new);
        placement.finish_under("Placement")?;
        let mut tags = tag::specifications(params, &["instance", "volume"])?;
        Ok(Self {
            id: None,
            image: params.take("ImageId").map(|i| id::image(&i)).transpose()?,
            kind: params.take("InstanceType").unwrap_or_else(|| "m1.small".into()).into(),
            count,
            zone,
            mappings: mappings(params)?,
            instance_tags: tags.remove("instance").unwrap_or_default(),
            volume_tags: tags.remove("volume").unwrap_or_default(),
            client_token,
        })
    }
}

impl Scene<'_> {
    pub(crate) fn run_instances(&mut self, request: RunInstances) -> Result<Vec<InstanceView>, Refusal> {
        if let Some(made) = self.made_before(request.client_token.as_ref())? {
            return made.iter().map(|id| self.view(&InstanceId::new(id.clone()))).collect();
        }
        tag::check(&request.instance_tags, self.is_aws)?;
        tag::check(&request.volume_tags, self.is_aws)?;
        let zone = request.zone.clone().unwrap_or_else(|| format!("{}a", self.place.region).into());
        self.zone(&zone)?;
        let image = match &request.image {
            None => builtin::image(),
            Some(id) if id.as_str() == builtin::IMAGE => builtin::image(),
            Some(id) => self.site().images.get(id).cloned().ok_or_else(|| id::no_image(id))?,
        };
        if image.disabled {
            return Err(Refusal::new(
                "InvalidAMIID.Unavailable",
                format!("The image ID '{}' is not available", image.id),
            ));
        }
        // The image's devices, as the request changes them.
        let mut devices: BTreeMap<SmolStr, (VolumeSpec, bool)> = BTreeMap::new();
        for d in &image.devices {
            let spec = VolumeSpec {
                size_gib: Some(d.size_gib),
                snapshot: Some(d.snapshot.clone()),
                kind: Some(d.kind.clone()),
                encrypted: Some(d.encrypted),
                ..VolumeSpec::default()
            };
            devices.insert(d.name.clone(), (spec, d.delete_on_termination));
        }
        for mapping in &request.mappings {
            match &mapping.what {
                Mapped::Nothing | Mapped::InstanceStore => {
                    devices.remove(&mapping.device);
                }
                Mapped::Ebs { spec, delete_on_termination } => {
                    let (base, deletes) = devices.remove(&mapping.device).unwrap_or_default();
                    let spec = VolumeSpec {
                        size_gib: spec.size_gib.or(if spec.snapshot.is_some() { None } else { base.size_gib }),
                        snapshot: spec.snapshot.clone().or(base.snapshot),
                        kind: spec.kind.clone().or(base.kind),
                        encrypted: spec.encrypted.or(base.encrypted),
                        ..spec.clone()
                    };
                    devices.insert(mapping.device.clone(), (spec, delete_on_termination.unwrap_or(deletes)));
                }
            }
        }
        let reservation = self.new_id("r-");
        let mut made = Vec::new();
        for index in 0..request.count {
            made.push(self.launch(&request, index, &reservation, &image.id, &image.root_device, &zone, &devices)?);
        }
        let ids = made.iter().map(|id| id.as_str().into()).collect();
        self.made_once(request.client_token, ids);
        made.iter().map(|id| self.view(id)).collect()
    }

    #[expect(clippy::too_many_arguments, reason = "one step of run_instances, with what it has worked out")]
    fn launch(
        &mut self,
        request: &RunInstances,
        index: u32,
        reservation: &SmolStr,
        image: &ImageId,
        root_device: &SmolStr,
        zone: &SmolStr,
        devices: &BTreeMap<SmolStr, (VolumeSpec, bool)>,
    ) -> Result<InstanceId, Refusal> {
        let now = self.now();
        let id = match &request.id {
            Some(id) => id.clone(),
            None => InstanceId::new(self.new_id("i-")),
        };
        let mut behind: BTreeMap<SmolStr, VolumeId> = BTreeMap::new();
        let mut volumes = Vec::new();
        for (device, (spec, deletes)) in devices {
            let mut volume = self.made_volume(None, spec, zone, request.volume_tags.clone())?;
            volume.state = VolumeState::InUse;
            volume.attachments.push(Attachment {
                volume: volume.id.clone(),
                instance: id.clone(),
                device: device.clone(),
                state: "attaching",
                since: now,
                delete_on_termination: *deletes,
            });
            behind.insert(device.clone(), volume.id.clone());
            volumes.push(volume);
        }
        for volume in volumes {
            self.settles(Due::Attached(volume.id.clone(), id.clone()));
            self.site().volumes.insert(volume.id.clone(), volume);
        }
        let instance = Instance {
            id: id.clone(),
            reservation: reservation.clone(),
            index,
            image: image.clone(),
            kind: request.kind.clone(),
            zone: zone.clone(),
            state: InstanceState::Pending,
            launched: now,
            root_device: root_device.clone(),
            devices: behind,
            tags: request.instance_tags.clone(),
        };
        self.site().instances.insert(id.clone(), instance);
        self.settles(Due::InstanceIs { id: id.clone(), from: InstanceState::Pending, to: InstanceState::Running });
        Ok(id)
    }
}
