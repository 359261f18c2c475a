//! What is told of instances.

use std::time::Duration;

use ebskeep_core::cloud::Cloud as _;
use ebskeep_core::inventory::{Device, InstanceState};

use crate::check::{Verdict, equal, holds, set};
use crate::stage::{ROOT, Stage, pages, tags};

super::cases!("instances":
    root_and_devices_are_told,
    tags_are_told,
    running_and_stopped_are_told,
    a_terminated_instance_is_listed,
    a_volume_attached_later_is_a_device,
    a_detached_volume_is_no_device,
);

async fn root_and_devices_are_told(s: &Stage) -> Verdict {
    let launched = s.launch(&["/dev/sdf", "/dev/sdg"]).await?;
    let instance = s.seen_instance(&launched.id).await?;
    equal("root device", instance.root_device.as_deref(), Some(ROOT))?;
    let device = |name: &str| launched.on(name).map(|v| Device { name: name.into(), volume: v.clone() });
    equal("devices", set(instance.devices), set([device(ROOT)?, device("/dev/sdf")?, device("/dev/sdg")?]))
}

async fn tags_are_told(s: &Stage) -> Verdict {
    let pairs = [("Name", "web"), ("Backup", "daily @ 03:30"), ("empty", "")];
    let launched = s.launch_tagged(&[], &pairs).await?;
    equal("tags", s.seen_instance(&launched.id).await?.tags, tags(&pairs))
}

async fn running_and_stopped_are_told(s: &Stage) -> Verdict {
    let launched = s.launch(&["/dev/sdf"]).await?;
    s.pass(Duration::from_secs(1));
    equal("state", s.seen_instance(&launched.id).await?.state, InstanceState::Running)?;
    s.raw("StopInstances", &[("InstanceId.1", launched.id.as_str())]).await?;
    s.pass(Duration::from_secs(1));
    let stopped = s.seen_instance(&launched.id).await?;
    equal("state", stopped.state, InstanceState::Stopped)?;
    equal("devices kept", stopped.devices.len(), 2)
}

async fn a_terminated_instance_is_listed(s: &Stage) -> Verdict {
    let launched = s.launch(&["/dev/sdf"]).await?;
    s.raw("TerminateInstances", &[("InstanceId.1", launched.id.as_str())]).await?;
    s.pass(Duration::from_secs(1));
    let all = pages(async |token| s.cloud.describe_instances(&ebskeep_core::cloud::Query::All, token).await).await?;
    let seen = all.concat().into_iter().find(|i| i.id == launched.id);
    equal("state", seen.map(|i| i.state), Some(InstanceState::Terminated))
}

async fn a_volume_attached_later_is_a_device(s: &Stage) -> Verdict {
    let (launched, volume) = (s.launch(&[]).await?, s.volume(&[]).await?);
    let params = [("VolumeId", volume.as_str()), ("InstanceId", launched.id.as_str()), ("Device", "/dev/sdh")];
    s.raw("AttachVolume", &params).await?;
    let devices = s.seen_instance(&launched.id).await?.devices;
    holds("it is there", devices.contains(&Device { name: "/dev/sdh".into(), volume }))
}

async fn a_detached_volume_is_no_device(s: &Stage) -> Verdict {
    let launched = s.launch(&["/dev/sdf"]).await?;
    let volume = launched.on("/dev/sdf")?;
    let params = [("VolumeId", volume.as_str()), ("InstanceId", launched.id.as_str()), ("Device", "/dev/sdf")];
    s.raw("DetachVolume", &params).await?;
    s.pass(Duration::from_secs(1));
    let devices = s.seen_instance(&launched.id).await?.devices;
    equal("devices", devices.into_iter().map(|d| d.name).collect::<Vec<_>>(), vec![ROOT.into()])?;
    equal("attachments", s.seen_volume(volume).await?.attachments, vec![])
}
