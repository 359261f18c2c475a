//! What outsiders do: people, other tools, and AWS itself.
//!
//! They pass no bucket and meet no fault, and may choose the ids of what they
//! make, so that a scene can be told in names. What they do obeys the same
//! semantics as calls do, and is done at once: no state takes time to change.

use std::collections::BTreeMap;

use ebskeep_core::id::{AccountId, ImageId, InstanceId, Place, Region, SnapshotId, VolumeId};
use ebskeep_core::inventory::{SnapshotState, StorageTier};
use ebskeep_core::tags::Tags;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::ec2::image::{EnableImageDeprecation, RegisterImage, ThisImage};
use crate::ec2::instance::TheseInstances;
use crate::ec2::launch::{Mapped, Mapping, RunInstances};
use crate::ec2::lock::{LockSnapshot, UnlockSnapshot};
use crate::ec2::share::ModifySnapshotAttribute;
use crate::ec2::snapshot::DeleteSnapshot;
use crate::ec2::tag::{CreateTags, DeleteTags};
use crate::ec2::volume::{AttachVolume, CreateVolume, DeleteVolume, DetachVolume, VolumeSpec};
use crate::ec2::{Scene, id};
use crate::model::{Ends, LockMode, Shared, Snapshot, Tiering};
use crate::refusal::Refusal;
use crate::state::{Denial, Due, State};

/// A deed and where it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Whose account.
    pub account: AccountId,
    /// Which Region.
    pub region: Region,
    /// What is done.
    #[serde(flatten)]
    pub deed: Deed,
}

impl Act {
    /// A deed at a place.
    pub fn at(place: &Place, deed: Deed) -> Self {
        Self { account: place.account.clone(), region: place.region.clone(), deed }
    }
}

/// What an outsider does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Deed {
    /// Launches an instance with these volumes. It is running at once.
    Run {
        /// Its id, if it matters.
        #[serde(default)]
        id: Option<InstanceId>,
        /// The image; Amazon's, if none. Its root volume comes with it.
        #[serde(default)]
        image: Option<ImageId>,
        /// Volumes besides the root: device name and size in GiB.
        #[serde(default)]
        volumes: BTreeMap<SmolStr, u32>,
        /// Its tags.
        #[serde(default)]
        tags: Tags,
        /// The tags of all its volumes.
        #[serde(default)]
        volume_tags: Tags,
    },
    /// Stops an instance.
    Stop {
        /// Which.
        instance: InstanceId,
    },
    /// Starts an instance.
    Start {
        /// Which.
        instance: InstanceId,
    },
    /// Terminates an instance; its volumes go or stay as they were told.
    Terminate {
        /// Which.
        instance: InstanceId,
    },
    /// Makes a volume, in the Region's first zone.
    CreateVolume {
        /// Its id, if it matters.
        #[serde(default)]
        id: Option<VolumeId>,
        /// Its size in GiB.
        size_gib: u32,
        /// Its type; `gp3`, if none.
        #[serde(default)]
        kind: Option<SmolStr>,
        /// Whether several instances may have it (makes it `io2`).
        #[serde(default)]
        multi_attach: bool,
        /// The KMS key that encrypts it, if one does: an id, an alias or an
        /// ARN. `alias/aws/ebs` is the account's own, which cannot be shared.
        #[serde(default)]
        key: Option<SmolStr>,
        /// Its tags.
        #[serde(default)]
        tags: Tags,
    },
    /// Attaches a volume.
    Attach {
        /// Which.
        volume: VolumeId,
        /// To what.
        instance: InstanceId,
        /// As what.
        device: SmolStr,
    },
    /// Detaches a volume.
    Detach {
        /// Which.
        volume: VolumeId,
        /// From what, if it is on several.
        #[serde(default)]
        instance: Option<InstanceId>,
    },
    /// Deletes a volume.
    DeleteVolume {
        /// Which.
        volume: VolumeId,
    },
    /// Puts a snapshot there, with a past. One put `pending` stays so until
    /// [`Deed::Lose`] or [`Deed::Finish`].
    PutSnapshot {
        /// Its id, if it matters.
        #[serde(default)]
        id: Option<SnapshotId>,
        /// The volume it says it came from; it need not exist.
        volume: VolumeId,
        /// When it began.
        started: Timestamp,
        /// Its state; `completed`, if none.
        #[serde(default)]
        state: PutState,
        /// Its size in GiB; that of its volume, if none, or 8.
        #[serde(default)]
        size_gib: Option<u32>,
        /// Its description.
        #[serde(default)]
        description: SmolStr,
        /// Its tags; `aws:` ones too.
        #[serde(default)]
        tags: Tags,
    },
    /// Deletes a snapshot.
    DeleteSnapshot {
        /// Which.
        snapshot: SnapshotId,
    },
    /// Lets a pending snapshot fail.
    Lose {
        /// Which.
        snapshot: SnapshotId,
        /// What AWS says about it.
        message: SmolStr,
    },
    /// Lets a pending snapshot complete.
    Finish {
        /// Which.
        snapshot: SnapshotId,
    },
    /// Moves a completed snapshot to the archive tier.
    Archive {
        /// Which.
        snapshot: SnapshotId,
        /// When it was archived; now, if none.
        #[serde(default)]
        at: Option<Timestamp>,
    },
    /// Locks a snapshot.
    Lock {
        /// Which.
        snapshot: SnapshotId,
        /// How.
        mode: LockMode,
        /// For how long.
        days: u32,
        /// Hours in which a compliance lock can be undone.
        #[serde(default)]
        cool_off_hours: Option<u32>,
    },
    /// Unlocks a snapshot, if its lock can be undone.
    Unlock {
        /// Which.
        snapshot: SnapshotId,
    },
    /// Moves a snapshot to the Recycle Bin.
    Bin {
        /// Which.
        snapshot: SnapshotId,
    },
    /// Takes a snapshot out of the Recycle Bin, or brings back one that was good
    /// when it was deleted.
    Restore {
        /// Which.
        snapshot: SnapshotId,
    },
    /// Writes tags, `aws:` ones too, on anything.
    Tag {
        /// On what.
        resources: Vec<SmolStr>,
        /// Which.
        tags: Tags,
    },
    /// Removes tags by key, `aws:` ones too, from anything; all, if no key is
    /// named.
    Untag {
        /// From what.
        resources: Vec<SmolStr>,
        /// Which.
        keys: Vec<SmolStr>,
    },
    /// Registers an image.
    RegisterImage {
        /// Its id, if it matters.
        #[serde(default)]
        id: Option<ImageId>,
        /// Its name.
        name: SmolStr,
        /// The snapshot of its root.
        root: SnapshotId,
        /// Snapshots of other devices, by device name.
        #[serde(default)]
        data: BTreeMap<SmolStr, SnapshotId>,
    },
    /// Deregisters an image.
    DeregisterImage {
        /// Which.
        image: ImageId,
    },
    /// Disables an image.
    DisableImage {
        /// Which.
        image: ImageId,
    },
    /// Deprecates an image as of now.
    DeprecateImage {
        /// Which.
        image: ImageId,
    },
    /// Takes a permission from the account.
    Deny {
        /// For this action; for all, if none.
        #[serde(default)]
        action: Option<SmolStr>,
        /// In all Regions, not only this one.
        #[serde(default)]
        everywhere: bool,
        /// The code to answer; `UnauthorizedOperation`, if none.
        #[serde(default)]
        code: Option<SmolStr>,
    },
    /// Gives the account all its permissions back.
    AllowAll,
    /// Takes a KMS key from the account in this Region: copies of what it
    /// encrypts, and copies that it is to encrypt, fail once they have begun.
    DenyKey {
        /// As it is named where it is used.
        key: SmolStr,
    },
    /// Gives it back.
    AllowKey {
        /// Which.
        key: SmolStr,
    },
    /// Lets another account make volumes and copies of a snapshot.
    Share {
        /// Which.
        snapshot: SnapshotId,
        /// With whom.
        with: AccountId,
    },
    /// No longer lets it.
    Unshare {
        /// Which.
        snapshot: SnapshotId,
        /// With whom.
        with: AccountId,
    },
    /// Lets a role of this account be assumed only by whoever knows this.
    DemandExternalId {
        /// The role's name, without its path.
        role: SmolStr,
        /// What has to be known.
        external_id: SmolStr,
    },
    /// Switches the Region off, for all accounts.
    DisableRegion,
    /// Switches the Region on, for all accounts.
    EnableRegion,
}

/// The state a snapshot is put there in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PutState {
    /// Good; as of when it began.
    #[default]
    Completed,
    /// Not yet through.
    Pending,
    /// Failed.
    Error,
}

/// What a deed made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acted {
    /// The id of what was made, if something was.
    pub id: Option<SmolStr>,
    /// The volumes of a new instance, by device name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes: BTreeMap<SmolStr, VolumeId>,
}

impl Acted {
    fn made(id: impl std::fmt::Display) -> Self {
        Self { id: Some(smol_str::format_smolstr!("{id}")), volumes: BTreeMap::new() }
    }
}

impl Act {
    pub(crate) fn happen(self, state: &mut State) -> Result<Acted, Refusal> {
        let place = Place { account: self.account, region: self.region };
        let takes = std::mem::take(&mut state.rules.settles_after);
        let result = happen(state, &place, self.deed);
        state.settle();
        state.rules.settles_after = takes;
        result
    }
}

fn happen(state: &mut State, place: &Place, deed: Deed) -> Result<Acted, Refusal> {
    let partition = crate::region::partition(&place.region);
    let by = smol_str::format_smolstr!("arn:{partition}:iam::{}:user/outsider", place.account);
    let mut scene = Scene { state, place, by, is_aws: true, stale_by: std::time::Duration::ZERO, fails: None };
    match deed {
        Deed::Run { id, image, volumes, tags, volume_tags } => return scene.run(id, image, volumes, tags, volume_tags),
        Deed::Stop { instance } => drop(scene.stop_instances(&these(&instance)?)?),
        Deed::Start { instance } => drop(scene.start_instances(&these(&instance)?)?),
        Deed::Terminate { instance } => drop(scene.terminate_instances(&these(&instance)?)?),
        Deed::CreateVolume { id, size_gib, kind, multi_attach, key, tags } => {
            let kind = kind.unwrap_or_else(|| if multi_attach { "io2" } else { "gp3" }.into());
            let iops = kind.starts_with("io").then_some(100);
            let spec = VolumeSpec {
                size_gib: Some(size_gib),
                kind: Some(kind),
                iops,
                key,
                multi_attach,
                ..VolumeSpec::default()
            };
            let zone = smol_str::format_smolstr!("{}a", place.region);
            let id = id.map(|v| id::volume(v.as_str())).transpose()?;
            if let Some(id) = &id {
                unused(scene.site().volumes.contains_key(id), id)?;
            }
            let volume =
                scene.create_volume(CreateVolume { id, zone, outpost: None, spec, tags, client_token: None })?;
            return Ok(Acted::made(volume.id));
        }
        Deed::Attach { volume, instance, device } => {
            drop(scene.attach_volume(AttachVolume { volume, instance, device })?);
        }
        Deed::Detach { volume, instance } => {
            drop(scene.detach_volume(&DetachVolume { volume, instance, device: None })?);
        }
        Deed::DeleteVolume { volume } => scene.delete_volume(&DeleteVolume { volume })?,
        Deed::PutSnapshot { id, volume, started, state, size_gib, description, tags } => {
            return scene.put(id, volume, started, state, size_gib, description, tags);
        }
        Deed::DeleteSnapshot { snapshot } => scene.delete_snapshot(&DeleteSnapshot { snapshot })?,
        Deed::Lose { snapshot, message } => scene.end(&snapshot, Some(message))?,
        Deed::Finish { snapshot } => scene.end(&snapshot, None)?,
        Deed::Archive { snapshot, at } => {
            let at = at.unwrap_or(scene.now());
            let found = scene.there(&snapshot, SnapshotState::Completed)?;
            found.tier = StorageTier::Archive;
            found.archived = Some(at);
            found.tiering = Some(Tiering { began: at, operation: "archival-completed" });
        }
        Deed::Lock { snapshot, mode, days, cool_off_hours } => {
            let ends = Ends::AfterDays(days);
            scene.lock_snapshot(&LockSnapshot { snapshot, mode, ends, cool_off_hours })?;
        }
        Deed::Unlock { snapshot } => drop(scene.unlock_snapshot(&UnlockSnapshot { snapshot })?),
        Deed::Bin { snapshot } => {
            scene.there(&snapshot, SnapshotState::Completed)?.state = SnapshotState::Recoverable;
        }
        Deed::Restore { snapshot } if scene.state.unbury(place, &snapshot) => {}
        Deed::Restore { snapshot } => {
            scene.there(&snapshot, SnapshotState::Recoverable)?.state = SnapshotState::Completed;
        }
        Deed::Tag { resources, tags } => {
            let resources = resources.iter().map(id::taggable).collect::<Result<_, _>>()?;
            scene.create_tags(&CreateTags { resources, tags })?;
        }
        Deed::Untag { resources, keys } => {
            let resources = resources.iter().map(id::taggable).collect::<Result<_, _>>()?;
            scene.delete_tags(&DeleteTags { resources, tags: keys.into_iter().map(|k| (k, None)).collect() })?;
        }
        Deed::RegisterImage { id, name, root, data } => {
            let mapping = |device: SmolStr, snapshot: SnapshotId| Mapping {
                device,
                what: Mapped::Ebs {
                    spec: VolumeSpec { snapshot: Some(snapshot), ..VolumeSpec::default() },
                    delete_on_termination: None,
                },
            };
            let root_device = SmolStr::new_static("/dev/xvda");
            let mut mappings = vec![mapping(root_device.clone(), root)];
            mappings.extend(data.into_iter().map(|(device, snapshot)| mapping(device, snapshot)));
            let id = id.map(|i| id::image(i.as_str())).transpose()?;
            if let Some(id) = &id {
                unused(scene.site().images.contains_key(id), id)?;
            }
            return Ok(Acted::made(scene.register_image(RegisterImage {
                id,
                name,
                description: SmolStr::default(),
                architecture: "x86_64".into(),
                root_device,
                mappings,
                tags: Tags::new(),
            })?));
        }
        Deed::DeregisterImage { image } => scene.deregister_image(&ThisImage { image })?,
        Deed::DisableImage { image } => scene.disable_image(&ThisImage { image })?,
        Deed::DeprecateImage { image } => {
            let at = scene.now();
            scene.enable_image_deprecation(&EnableImageDeprecation { image, at })?;
        }
        Deed::Deny { action, everywhere, code } => scene.state.denials.push(Denial {
            account: place.account.clone(),
            region: (!everywhere).then(|| place.region.clone()),
            action,
            code: code.unwrap_or_else(|| "UnauthorizedOperation".into()),
        }),
        Deed::AllowAll => scene.state.denials.retain(|d| d.account != place.account),
        Deed::DenyKey { key } => scene.state.keys.deny(place, key),
        Deed::AllowKey { key } => scene.state.keys.allow(place, key),
        Deed::Share { snapshot, with } => scene.share(snapshot, Shared::only(with), Shared::default())?,
        Deed::Unshare { snapshot, with } => scene.share(snapshot, Shared::default(), Shared::only(with))?,
        Deed::DemandExternalId { role, external_id } => {
            scene.state.external_ids.insert((place.account.clone(), role), external_id);
        }
        Deed::DisableRegion => scene.state.regions.disable(&place.region),
        Deed::EnableRegion => scene.state.regions.enable(&place.region),
    }
    Ok(Acted::default())
}

fn these(instance: &InstanceId) -> Result<TheseInstances, Refusal> {
    Ok(TheseInstances { ids: vec![id::instance(instance.as_str())?] })
}

fn unused(used: bool, id: &impl std::fmt::Display) -> Result<(), Refusal> {
    if used { Err(Refusal::new("InvalidParameterValue", format!("{id} is there already"))) } else { Ok(()) }
}

impl Scene<'_> {
    fn run(
        &mut self,
        id: Option<InstanceId>,
        image: Option<ImageId>,
        volumes: BTreeMap<SmolStr, u32>,
        tags: Tags,
        volume_tags: Tags,
    ) -> Result<Acted, Refusal> {
        let id = id.map(|i| id::instance(i.as_str())).transpose()?;
        if let Some(id) = &id {
            unused(self.site().instances.contains_key(id), id)?;
        }
        let mappings = volumes
            .into_iter()
            .map(|(device, size)| Mapping {
                device,
                what: Mapped::Ebs {
                    spec: VolumeSpec { size_gib: Some(size), kind: Some("gp3".into()), ..VolumeSpec::default() },
                    delete_on_termination: None,
                },
            })
            .collect();
        let made = self.run_instances(RunInstances {
            id,
            image,
            kind: "t3.micro".into(),
            count: 1,
            zone: None,
            mappings,
            instance_tags: tags,
            volume_tags,
            client_token: None,
        })?;
        let acted = made
            .into_iter()
            .next()
            .map(|view| Acted { id: Some(view.instance.id.as_str().into()), volumes: view.instance.devices });
        Ok(acted.unwrap_or_default())
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one deed")]
    fn put(
        &mut self,
        id: Option<SnapshotId>,
        volume: VolumeId,
        started: Timestamp,
        state: PutState,
        size_gib: Option<u32>,
        description: SmolStr,
        tags: Tags,
    ) -> Result<Acted, Refusal> {
        let id = match id {
            Some(id) => id::snapshot(id.as_str())?,
            None => SnapshotId::new(self.new_id("snap-")),
        };
        let volume = id::volume(volume.as_str())?;
        crate::ec2::tag::check(&tags, true)?;
        unused(self.site().snapshots.contains_key(&id), &id)?;
        let (made, made_by, owner) = (self.now(), self.by.clone(), self.place.account.clone());
        let source = self.site().volumes.get(&volume);
        let size_gib = size_gib.or(source.map(|v| v.size_gib)).unwrap_or(8);
        let key = source.and_then(|v| v.key.clone());
        let snapshot = Snapshot {
            state: match state {
                PutState::Completed => SnapshotState::Completed,
                PutState::Pending => SnapshotState::Pending,
                PutState::Error => SnapshotState::Error,
            },
            message: (state == PutState::Error).then(|| "An internal error occurred.".into()),
            started,
            completed: (state == PutState::Completed).then_some(started),
            key,
            description,
            tags,
            ..Snapshot::begun(id.clone(), owner, volume.clone(), size_gib, made, made_by)
        };
        let site = self.site();
        if state != PutState::Completed {
            site.in_flight.entry(volume.clone()).or_default().insert(id.clone());
        }
        let latest = site.latest_start.entry(volume).or_insert(started);
        *latest = started.max(*latest);
        site.snapshots.insert(id.clone(), snapshot);
        Ok(Acted::made(id))
    }

    fn share(&mut self, snapshot: SnapshotId, add: Shared, remove: Shared) -> Result<(), Refusal> {
        self.modify_snapshot_attribute(&ModifySnapshotAttribute { snapshot, add, remove })
    }

    /// A snapshot in this state.
    fn there(&mut self, id: &SnapshotId, state: SnapshotState) -> Result<&mut Snapshot, Refusal> {
        let found = self.site().snapshots.get_mut(id).ok_or_else(|| id::no_snapshot(id))?;
        if found.state == state {
            Ok(found)
        } else {
            let is = crate::model::snapshot_state(found.state);
            Err(Refusal::new("IncorrectState", format!("The snapshot {id} is {is}")))
        }
    }

    fn end(&mut self, id: &SnapshotId, fails: Option<SmolStr>) -> Result<(), Refusal> {
        let found = self.there(id, SnapshotState::Pending)?;
        let (id, volume) = (id.clone(), found.volume.clone());
        let due = match found.copy_of {
            Some(_) => Due::CopyEnds { id, fails },
            None => Due::SnapshotEnds { id, volume, fails },
        };
        let now = self.now();
        self.state.schedule(now, self.place, due);
        Ok(())
    }
}
