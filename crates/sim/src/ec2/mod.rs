//! What each action means, apart from how it is asked and told.
//!
//! One module for each kind of resource; in it, one typed request and one
//! function for each action. Both the port and the wire end here.

pub(crate) mod builtin;
pub(crate) mod copy;
pub(crate) mod filter;
pub(crate) mod id;
pub(crate) mod image;
pub(crate) mod instance;
pub(crate) mod launch;
pub(crate) mod lock;
pub(crate) mod once;
pub(crate) mod paging;
pub(crate) mod presigned;
pub(crate) mod region;
pub(crate) mod share;
pub(crate) mod snapshot;
pub(crate) mod tag;
pub(crate) mod tier;
pub(crate) mod volume;

use std::time::Duration;

use ebskeep_core::id::{ImageId, InstanceId, Place, SnapshotId};
use ebskeep_core::inventory::InstanceState;
use jiff::Timestamp;
use smol_str::SmolStr;

use crate::model::{Attachment, Image, Site, Snapshot, Volume};
use crate::params::Params;
use crate::refusal::Refusal;
use crate::region::RegionInfo;
use crate::state::{Due, State};
use crate::time::later;
use lock::LockView;
use paging::Part;
use tier::TierChange;

/// Where an action takes place, for whom, and what goes wrong with it.
pub(crate) struct Scene<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) place: &'a Place,
    /// The caller's ARN.
    pub(crate) by: SmolStr,
    /// Whether it is AWS itself that acts, which may write `aws:` tags.
    pub(crate) is_aws: bool,
    /// DescribeSnapshots lacks what is younger.
    pub(crate) stale_by: Duration,
    /// Snapshots begun now will fail.
    pub(crate) fails: Option<SmolStr>,
}

impl Scene<'_> {
    pub(crate) fn now(&self) -> Timestamp {
        self.state.now
    }

    pub(crate) fn site(&mut self) -> &mut Site {
        self.state.site(self.place)
    }

    pub(crate) fn new_id(&mut self, prefix: &str) -> SmolStr {
        self.state.ids.id(prefix)
    }

    /// Something will happen once states have had their time to change.
    pub(crate) fn settles(&mut self, due: Due) {
        let at = later(self.state.now, self.state.rules.settles_after);
        self.state.schedule(at, self.place, due);
    }
}

/// What an action answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Instances(Part<InstanceView>),
    Reservation(Vec<InstanceView>),
    StateChanges(Vec<StateChange>),
    Volumes(Part<Volume>),
    Volume(Volume),
    Attachment(Attachment),
    Snapshots(Part<Snapshot>),
    Snapshot(Box<Snapshot>),
    Copy(Box<Snapshot>),
    Attribute(share::Attribute),
    SnapshotSet(Vec<Snapshot>),
    Locks(Part<LockView>),
    Lock(Box<LockView>),
    Unlocked(SnapshotId),
    Tiers(Part<Snapshot>),
    TierChange(TierChange),
    Images(Part<Image>),
    ImageId(ImageId),
    Regions(Vec<RegionInfo>),
    /// `<return>true</return>`.
    Done,
}

/// An instance and its volumes as it sees them.
#[derive(Clone, Debug)]
pub(crate) struct InstanceView {
    pub(crate) instance: crate::model::Instance,
    pub(crate) devices: Vec<Attachment>,
}

/// What StartInstances and its kin answer for one instance.
#[derive(Clone, Debug)]
pub(crate) struct StateChange {
    pub(crate) id: InstanceId,
    pub(crate) before: InstanceState,
    pub(crate) after: InstanceState,
}

/// A typed request, taken out of parameters.
pub(crate) trait Read: Sized {
    fn read(params: &mut Params) -> Result<Self, Refusal>;
}

/// The whole request; nothing may be left over, and a dry run ends here.
fn read<R: Read>(mut params: Params) -> Result<R, Refusal> {
    let dry = params.flag("DryRun")?.unwrap_or(false);
    let request = R::read(&mut params)?;
    params.finish()?;
    if dry {
        return Err(Refusal::new("DryRunOperation", "Request would have succeeded, but DryRun flag is set."));
    }
    Ok(request)
}

/// Whether EC2 here knows an action.
pub(crate) fn known(action: &str) -> bool {
    ACTIONS.contains(&action)
}

/// The EC2 actions this world serves.
pub const ACTIONS: [&str; 34] = [
    "AttachVolume",
    "CopySnapshot",
    "CreateImage",
    "CreateSnapshot",
    "CreateSnapshots",
    "CreateTags",
    "CreateVolume",
    "DeleteSnapshot",
    "DeleteTags",
    "DeleteVolume",
    "DeregisterImage",
    "DescribeImages",
    "DescribeInstances",
    "DescribeLockedSnapshots",
    "DescribeRegions",
    "DescribeSnapshotAttribute",
    "DescribeSnapshotTierStatus",
    "DescribeSnapshots",
    "DescribeVolumes",
    "DetachVolume",
    "DisableImage",
    "DisableImageDeprecation",
    "EnableImage",
    "EnableImageDeprecation",
    "LockSnapshot",
    "ModifySnapshotAttribute",
    "ModifySnapshotTier",
    "RegisterImage",
    "RestoreSnapshotTier",
    "RunInstances",
    "StartInstances",
    "StopInstances",
    "TerminateInstances",
    "UnlockSnapshot",
];

/// Does what an action asks.
pub(crate) fn perform(scene: &mut Scene<'_>, action: &str, params: Params) -> Result<Answer, Refusal> {
    Ok(match action {
        "AttachVolume" => Answer::Attachment(scene.attach_volume(read(params)?)?),
        "CopySnapshot" => Answer::Copy(Box::new(scene.copy_snapshot(read(params)?)?)),
        "CreateImage" => Answer::ImageId(scene.create_image(read(params)?)?),
        "CreateSnapshot" => Answer::Snapshot(Box::new(scene.create_snapshot(read(params)?)?)),
        "CreateSnapshots" => Answer::SnapshotSet(scene.create_snapshots(read(params)?)?),
        "CreateTags" => done(scene.create_tags(&read(params)?)?),
        "CreateVolume" => Answer::Volume(scene.create_volume(read(params)?)?),
        "DeleteSnapshot" => done(scene.delete_snapshot(&read(params)?)?),
        "DeleteTags" => done(scene.delete_tags(&read(params)?)?),
        "DeleteVolume" => done(scene.delete_volume(&read(params)?)?),
        "DeregisterImage" => done(scene.deregister_image(&read(params)?)?),
        "DescribeImages" => Answer::Images(scene.describe_images(&read(params)?)?),
        "DescribeInstances" => Answer::Instances(scene.describe_instances(&read(params)?)?),
        "DescribeLockedSnapshots" => Answer::Locks(scene.describe_locked_snapshots(&read(params)?)?),
        "DescribeRegions" => Answer::Regions(scene.describe_regions(&read(params)?)?),
        "DescribeSnapshotAttribute" => Answer::Attribute(scene.describe_snapshot_attribute(read(params)?)?),
        "DescribeSnapshotTierStatus" => Answer::Tiers(scene.describe_snapshot_tier_status(&read(params)?)?),
        "DescribeSnapshots" => Answer::Snapshots(scene.describe_snapshots(&read(params)?)?),
        "DescribeVolumes" => Answer::Volumes(scene.describe_volumes(&read(params)?)?),
        "DetachVolume" => Answer::Attachment(scene.detach_volume(&read(params)?)?),
        "DisableImage" => done(scene.disable_image(&read(params)?)?),
        "DisableImageDeprecation" => done(scene.disable_image_deprecation(&read(params)?)?),
        "EnableImage" => done(scene.enable_image(&read(params)?)?),
        "EnableImageDeprecation" => done(scene.enable_image_deprecation(&read(params)?)?),
        "LockSnapshot" => Answer::Lock(Box::new(scene.lock_snapshot(&read(params)?)?)),
        "ModifySnapshotAttribute" => done(scene.modify_snapshot_attribute(&read(params)?)?),
        "ModifySnapshotTier" => Answer::TierChange(scene.modify_snapshot_tier(&read(params)?)?),
        "RegisterImage" => Answer::ImageId(scene.register_image(read(params)?)?),
        "RestoreSnapshotTier" => Answer::TierChange(scene.restore_snapshot_tier(&read(params)?)?),
        "RunInstances" => Answer::Reservation(scene.run_instances(read(params)?)?),
        "StartInstances" => Answer::StateChanges(scene.start_instances(&read(params)?)?),
        "StopInstances" => Answer::StateChanges(scene.stop_instances(&read(params)?)?),
        "TerminateInstances" => Answer::StateChanges(scene.terminate_instances(&read(params)?)?),
        "UnlockSnapshot" => Answer::Unlocked(scene.unlock_snapshot(&read(params)?)?),
        _ => {
            return Err(Refusal::new(
                "InvalidAction",
                format!("The action {action} is not valid for this web service."),
            ));
        }
    })
}

fn done((): ()) -> Answer {
    Answer::Done
}

/// `description` as the snapshot and image actions take it.
fn description(params: &mut Params) -> Result<SmolStr, Refusal> {
    let text = params.take("Description").unwrap_or_default();
    if text.chars().count() > 255 {
        return Err(Refusal::new("InvalidParameterValue", "The description is longer than 255 characters"));
    }
    tag::writable(&text, "description")?;
    Ok(text.into())
}
