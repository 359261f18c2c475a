//! What is told of volumes.

use std::time::Duration;

use ebskeep_core::cloud::{Cloud as _, ErrorKind};
use ebskeep_core::inventory::{Attachment, VolumeState};

use crate::check::{Verdict, equal, refused, set};
use crate::stage::{Stage, ids, tags};

super::cases!("volumes":
    an_unattached_volume_is_available,
    an_attached_volume_is_in_use_and_tells_where,
    every_attachment_of_a_multi_attach_volume_is_told,
    a_terminated_instance_takes_its_root_volume_along,
    a_terminated_instance_leaves_its_data_volume,
);

async fn an_unattached_volume_is_available(s: &Stage) -> Verdict {
    let pairs = [("Name", "data"), ("Retention", "daily=7 weekly=4")];
    let id = s.volume(&pairs).await?;
    s.pass(Duration::from_secs(1));
    let volume = s.seen_volume(&id).await?;
    equal("state", volume.state, VolumeState::Available)?;
    equal("size", volume.size_gib, 4)?;
    equal("attachments", volume.attachments, vec![])?;
    equal("tags", volume.tags, tags(&pairs))
}

async fn an_attached_volume_is_in_use_and_tells_where(s: &Stage) -> Verdict {
    let launched = s.launch(&["/dev/sdf"]).await?;
    let volume = s.seen_volume(launched.on("/dev/sdf")?).await?;
    equal("state", volume.state, VolumeState::InUse)?;
    let there = Attachment { instance: launched.id.clone(), device: "/dev/sdf".into(), attached_at: None };
    equal("since when", volume.attachments.iter().all(|there| there.attached_at.is_some()), true)?;
    equal("attachments", places(volume.attachments), vec![there])?;
    equal("size of the root", s.seen_volume(launched.root()?).await?.size_gib, 8)
}

async fn every_attachment_of_a_multi_attach_volume_is_told(s: &Stage) -> Verdict {
    let (one, two) = (s.launch(&[]).await?, s.launch(&[]).await?);
    let zone = format!("{}a", s.place.region);
    let created = s
        .raw(
            "CreateVolume",
            &[
                ("AvailabilityZone", &zone),
                ("Size", "4"),
                ("VolumeType", "io2"),
                ("Iops", "100"),
                ("MultiAttachEnabled", "true"),
            ],
        )
        .await?;
    let volume = created.one("volumeId")?;
    s.pass(Duration::from_secs(1));
    for (instance, device) in [(&one.id, "/dev/sdf"), (&two.id, "/dev/sdg")] {
        let params = [("VolumeId", volume.as_str()), ("InstanceId", instance.as_str()), ("Device", device)];
        s.raw("AttachVolume", &params).await?;
    }
    let seen = s.seen_volume(&volume.as_str().into()).await?;
    let there = |instance, device: &str| Attachment { instance, device: device.into(), attached_at: None };
    let expected = set([there(one.id, "/dev/sdf"), there(two.id, "/dev/sdg")]);
    equal("attachments", set(places(seen.attachments)), expected)
}

/// Attachments without the time, which is the backend's.
fn places(attachments: Vec<Attachment>) -> Vec<Attachment> {
    attachments.into_iter().map(|there| Attachment { attached_at: None, ..there }).collect()
}

async fn a_terminated_instance_takes_its_root_volume_along(s: &Stage) -> Verdict {
    let launched = s.launch(&[]).await?;
    s.raw("TerminateInstances", &[("InstanceId.1", launched.id.as_str())]).await?;
    s.pass(Duration::from_secs(1));
    let root = s.cloud.describe_volumes(&ids([launched.root()?.as_str()]), None).await;
    refused("the root", root, ErrorKind::NotFound, Some("InvalidVolume.NotFound"))
}

async fn a_terminated_instance_leaves_its_data_volume(s: &Stage) -> Verdict {
    let launched = s.launch(&["/dev/sdf"]).await?;
    s.raw("TerminateInstances", &[("InstanceId.1", launched.id.as_str())]).await?;
    s.pass(Duration::from_secs(1));
    let data = s.seen_volume(launched.on("/dev/sdf")?).await?;
    equal("data", (data.state, data.attachments), (VolumeState::Available, vec![]))
}
