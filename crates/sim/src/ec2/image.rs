//! RegisterImage, CreateImage, DeregisterImage, DisableImage, EnableImage,
//! their deprecation, DescribeImages.

use std::collections::BTreeSet;

use ebskeep_core::id::{ImageId, InstanceId, SnapshotId};
use ebskeep_core::inventory::SnapshotState;
use ebskeep_core::tags::Tags;
use jiff::Timestamp;
use smol_str::SmolStr;

use super::filter::Filters;
use super::launch::{Mapped, Mapping, mappings};
use super::paging::{Paging, Part};
use super::{Read, Scene, builtin, description, id, tag};
use crate::model::{Image, ImageDevice};
use crate::params::Params;
use crate::refusal::Refusal;
use crate::wire::xml::iso;

const FILTERS: [&str; 16] = [
    "architecture",
    "block-device-mapping.device-name",
    "block-device-mapping.snapshot-id",
    "block-device-mapping.volume-size",
    "block-device-mapping.volume-type",
    "creation-date",
    "description",
    "image-id",
    "image-type",
    "is-public",
    "name",
    "owner-id",
    "root-device-name",
    "root-device-type",
    "state",
    "virtualization-type",
];

/// What RegisterImage is told.
pub(crate) struct RegisterImage {
    pub(crate) id: Option<ImageId>,
    pub(crate) name: SmolStr,
    pub(crate) description: SmolStr,
    pub(crate) architecture: SmolStr,
    pub(crate) root_device: SmolStr,
    pub(crate) mappings: Vec<Mapping>,
    pub(crate) tags: Tags,
}

impl Read for RegisterImage {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        // Said by most callers; here every image is like this.
        match params.take("VirtualizationType").as_deref() {
            None | Some("hvm") => {}
            Some(other) => return Err(Refusal::value(other, "virtualizationType", "Expected: 'hvm'.")),
        }
        params.flag("EnaSupport")?;
        Ok(Self {
            id: None,
            name: params.need("Name")?.into(),
            description: description(params)?,
            architecture: params.take("Architecture").unwrap_or_else(|| "i386".into()).into(),
            root_device: params.need("RootDeviceName")?.into(),
            mappings: mappings(params)?,
            tags: tag::specifications(params, &["image"])?.remove("image").unwrap_or_default(),
        })
    }
}

/// What CreateImage is told.
pub(crate) struct CreateImage {
    instance: InstanceId,
    name: SmolStr,
    description: SmolStr,
    image_tags: Tags,
    snapshot_tags: Tags,
}

impl Read for CreateImage {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        // Whether the instance restarts changes nothing in its image here.
        params.flag("NoReboot")?;
        let mut tags = tag::specifications(params, &["image", "snapshot"])?;
        Ok(Self {
            instance: id::instance(&params.need("InstanceId")?)?,
            name: params.need("Name")?.into(),
            description: description(params)?,
            image_tags: tags.remove("image").unwrap_or_default(),
            snapshot_tags: tags.remove("snapshot").unwrap_or_default(),
        })
    }
}

/// What the actions on one image are told.
pub(crate) struct ThisImage {
    pub(crate) image: ImageId,
}

impl Read for ThisImage {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        Ok(Self { image: id::image(&params.need("ImageId")?)? })
    }
}

/// What EnableImageDeprecation is told.
pub(crate) struct EnableImageDeprecation {
    pub(crate) image: ImageId,
    pub(crate) at: Timestamp,
}

impl Read for EnableImageDeprecation {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        Ok(Self {
            image: id::image(&params.need("ImageId")?)?,
            at: params.time("DeprecateAt")?.ok_or_else(|| Refusal::missing("DeprecateAt"))?,
        })
    }
}

/// What DescribeImages is told. An owner sees its own deprecated images in any
/// case, and only own ones are deprecated here.
pub(crate) struct DescribeImages {
    paging: Paging,
    filters: Filters,
    owners: Vec<SmolStr>,
    disabled: bool,
}

impl Read for DescribeImages {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        let paging = Paging::read(params, "ImageId")?;
        params.flag("IncludeDeprecated")?;
        Ok(Self {
            paging,
            filters: Filters::read(params, &FILTERS)?,
            owners: params.list("Owner")?,
            disabled: params.flag("IncludeDisabled")?.unwrap_or(false),
        })
    }
}

impl Scene<'_> {
    pub(crate) fn register_image(&mut self, request: RegisterImage) -> Result<ImageId, Refusal> {
        tag::check(&request.tags, self.is_aws)?;
        self.free_name(&request.name)?;
        let mut devices = Vec::new();
        for Mapping { device, what } in request.mappings {
            let Mapped::Ebs { spec, delete_on_termination } = what else { continue };
            let Some(snapshot) = spec.snapshot else { continue };
            let found = self.site().snapshots.get(&snapshot).ok_or_else(|| id::no_snapshot(&snapshot))?;
            if found.state != SnapshotState::Completed {
                return Err(Refusal::new("IncorrectState", format!("The snapshot '{snapshot}' is not completed.")));
            }
            devices.push(ImageDevice {
                size_gib: spec.size_gib.unwrap_or(found.size_gib),
                kind: spec.kind.unwrap_or_else(|| "gp2".into()),
                encrypted: found.key.is_some(),
                delete_on_termination: delete_on_termination.unwrap_or(device == request.root_device),
                snapshot,
                name: device,
            });
        }
        if !devices.iter().any(|d| d.name == request.root_device) {
            return Err(Refusal::new(
                "InvalidBlockDeviceMapping",
                "The root device needs a snapshot in the block device mapping",
            ));
        }
        let id = match request.id {
            Some(id) => id,
            None => ImageId::new(self.new_id("ami-")),
        };
        self.add_image(Image {
            id: id.clone(),
            owner: self.place.account.clone(),
            name: request.name,
            description: request.description,
            architecture: request.architecture,
            root_device: request.root_device,
            created: self.now(),
            disabled: false,
            deprecated_at: None,
            devices,
            tags: request.tags,
        });
        Ok(id)
    }

    /// Snapshots of all volumes of an instance, and an image of them.
    pub(crate) fn create_image(&mut self, request: CreateImage) -> Result<ImageId, Refusal> {
        tag::check(&request.image_tags, self.is_aws)?;
        self.free_name(&request.name)?;
        let view = self.view(&request.instance)?;
        let id = ImageId::new(self.new_id("ami-"));
        let mut params = Params::default();
        params.set("InstanceSpecification.InstanceId", request.instance.as_str());
        params.set("Description", format!("Created by CreateImage({}) for {id}", request.instance));
        params.set("TagSpecification.1.ResourceType", "snapshot");
        params.set_tags("TagSpecification.1.Tag", &request.snapshot_tags);
        let snapshots = self.create_snapshots(super::read(params)?)?;
        let devices = view
            .devices
            .iter()
            .filter_map(|a| {
                let snapshot = snapshots.iter().find(|s| s.volume == a.volume)?;
                Some(ImageDevice {
                    name: a.device.clone(),
                    snapshot: snapshot.id.clone(),
                    size_gib: snapshot.size_gib,
                    kind: self.site().volumes.get(&a.volume).map_or_else(|| "gp2".into(), |v| v.kind.clone()),
                    encrypted: snapshot.key.is_some(),
                    delete_on_termination: a.delete_on_termination,
                })
            })
            .collect();
        self.add_image(Image {
            id: id.clone(),
            owner: self.place.account.clone(),
            name: request.name,
            description: request.description,
            architecture: "x86_64".into(),
            root_device: view.instance.root_device,
            created: self.now(),
            disabled: false,
            deprecated_at: None,
            devices,
            tags: request.image_tags,
        });
        Ok(id)
    }

    fn free_name(&mut self, name: &SmolStr) -> Result<(), Refusal> {
        match self.site().images.values().find(|i| i.name == *name) {
            Some(other) => Err(Refusal::new(
                "InvalidAMIName.Duplicate",
                format!("AMI name {name} is already in use by AMI {}", other.id),
            )),
            None => Ok(()),
        }
    }

    fn add_image(&mut self, image: Image) {
        let site = self.site();
        if let Some(root) = image.root_snapshot() {
            site.roots.entry(root.clone()).or_default().insert(image.id.clone());
        }
        site.images.insert(image.id.clone(), image);
    }

    fn own_image(&mut self, id: &ImageId) -> Result<&mut Image, Refusal> {
        self.site().images.get_mut(id).ok_or_else(|| id::no_image(id))
    }

    pub(crate) fn deregister_image(&mut self, request: &ThisImage) -> Result<(), Refusal> {
        let root: Option<SnapshotId> = self.own_image(&request.image)?.root_snapshot().cloned();
        let site = self.site();
        site.images.remove(&request.image);
        if let Some(root) = root
            && let Some(users) = site.roots.get_mut(&root)
        {
            users.remove(&request.image);
            if users.is_empty() {
                site.roots.remove(&root);
            }
        }
        Ok(())
    }

    pub(crate) fn disable_image(&mut self, request: &ThisImage) -> Result<(), Refusal> {
        self.own_image(&request.image)?.disabled = true;
        Ok(())
    }

    pub(crate) fn enable_image(&mut self, request: &ThisImage) -> Result<(), Refusal> {
        self.own_image(&request.image)?.disabled = false;
        Ok(())
    }

    pub(crate) fn enable_image_deprecation(&mut self, request: &EnableImageDeprecation) -> Result<(), Refusal> {
        self.own_image(&request.image)?.deprecated_at = Some(request.at);
        Ok(())
    }

    pub(crate) fn disable_image_deprecation(&mut self, request: &ThisImage) -> Result<(), Refusal> {
        self.own_image(&request.image)?.deprecated_at = None;
        Ok(())
    }

    pub(crate) fn describe_images(&mut self, request: &DescribeImages) -> Result<Part<Image>, Refusal> {
        let now = self.now();
        let most = self.state.rules.page;
        let account = self.place.account.clone();
        let owned = |i: &Image| {
            request.owners.is_empty()
                || request.owners.iter().any(|o| match o.as_str() {
                    "self" => i.owner == account,
                    "amazon" => i.owner.as_str() == builtin::OWNER,
                    other => i.owner.as_str() == other,
                })
        };
        let wanted = |i: &Image| {
            owned(i)
                && (request.disabled || !i.disabled)
                && request.filters.pass(&i.tags, |name| filter_values(i, name))
        };
        let site = self.site();
        // Amazon's image is everybody's: looked at only if it can be meant.
        let mut all = std::borrow::Cow::Borrowed(&site.images);
        if owned(&builtin::image()) {
            all.to_mut().insert(ImageId::new(builtin::IMAGE), builtin::image());
        }
        if request.paging.ids.is_empty() {
            let cursor = request.paging.cursor("DescribeImages", most, now)?;
            return Ok(cursor.page(&all, |i| i.created <= cursor.began && wanted(i)));
        }
        let ids: BTreeSet<ImageId> = request.paging.ids.iter().map(|i| id::image(i)).collect::<Result<_, _>>()?;
        let mut items = Vec::new();
        for id in &ids {
            let found = all.get(id).ok_or_else(|| id::no_image(id))?;
            if wanted(found) {
                items.push(found.clone());
            }
        }
        Ok(Part { items, next: None })
    }
}

fn filter_values(i: &Image, name: &str) -> Vec<String> {
    let each = |value: fn(&ImageDevice) -> String| i.devices.iter().map(value).collect();
    vec![match name {
        "architecture" => i.architecture.to_string(),
        "block-device-mapping.device-name" => return each(|d| d.name.to_string()),
        "block-device-mapping.snapshot-id" => return each(|d| d.snapshot.to_string()),
        "block-device-mapping.volume-size" => return each(|d| d.size_gib.to_string()),
        "block-device-mapping.volume-type" => return each(|d| d.kind.to_string()),
        "creation-date" => iso(i.created),
        "description" => i.description.to_string(),
        "image-id" => i.id.to_string(),
        "image-type" => "machine".to_owned(),
        "is-public" => (i.owner.as_str() == builtin::OWNER).to_string(),
        "name" => i.name.to_string(),
        "owner-id" => i.owner.to_string(),
        "root-device-name" => i.root_device.to_string(),
        "root-device-type" => "ebs".to_owned(),
        "state" => i.state().to_owned(),
        _ => "hvm".to_owned(),
    }]
}
