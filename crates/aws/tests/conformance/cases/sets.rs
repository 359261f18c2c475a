//! Snapshots of an instance's volumes, taken together.

use std::time::Duration;

use ebskeep_core::cloud::{Cloud as _, CreateSnapshots, ErrorKind};
use ebskeep_core::inventory::SnapshotState;
use ebskeep_core::tags::Tags;
use ebskeep_sim::{Fault, What, When};

use super::snapshots::many;
use crate::check::{Verdict, equal, refused, set};
use crate::stage::{Stage, creation_of_all, tags};

super::cases!("sets":
    every_volume_has_a_member,
    members_share_tags_and_description,
    a_set_may_leave_out_the_boot_volume,
    a_set_may_leave_out_data_volumes,
    the_boot_volume_is_no_data_volume_to_leave_out,
    a_stopped_instance_has_sets_too,
    an_unknown_instance_has_none,
    a_terminated_instance_has_none,
    fifty_one_tags_begin_none,
    a_volume_at_its_rate_limit_stops_the_set,
    a_member_that_fails_takes_the_others_along,
);

async fn every_volume_has_a_member(s: &Stage) -> Verdict {
    let launched = s.launch(&["/dev/sdf", "/dev/sdg"]).await?;
    let before = s.all_snapshots().await?;
    let begun = s.cloud.create_snapshots(&creation_of_all(&launched.id, &[])).await?;
    equal("how many", begun.len(), 3)?;
    equal("of which", set(begun.iter().map(|b| b.volume.clone())), set(launched.volumes.into_values()))?;
    for member in &begun {
        equal("volume as listed", &s.snapshot(&member.id).await?.volume, &member.volume)?;
    }
    let new = s.all_snapshots().await?.difference(&before).cloned().collect();
    equal("new snapshots", set(begun.into_iter().map(|b| b.id)), new)
}

async fn members_share_tags_and_description(s: &Stage) -> Verdict {
    let launched = s.launch_tagged(&["/dev/sdf"], &[("of", "the instance")]).await?;
    let pairs = [("Type", "Automated"), ("ebskeep:set", "s-1"), ("ebskeep:retention", "unset")];
    for member in s.cloud.create_snapshots(&creation_of_all(&launched.id, &pairs)).await? {
        let seen = s.snapshot(&member.id).await?;
        equal("tags", seen.tags, tags(&pairs))?;
        equal("description", seen.description.as_str(), "of a set")?;
    }
    Ok(())
}

async fn a_set_may_leave_out_the_boot_volume(s: &Stage) -> Verdict {
    let launched = s.launch(&["/dev/sdf", "/dev/sdg"]).await?;
    let request = CreateSnapshots { exclude_boot: true, ..creation_of_all(&launched.id, &[]) };
    let begun = s.cloud.create_snapshots(&request).await?;
    let wanted = set([launched.on("/dev/sdf")?.clone(), launched.on("/dev/sdg")?.clone()]);
    equal("of which", set(begun.into_iter().map(|b| b.volume)), wanted)
}

async fn a_set_may_leave_out_data_volumes(s: &Stage) -> Verdict {
    let launched = s.launch(&["/dev/sdf", "/dev/sdg", "/dev/sdh"]).await?;
    let exclude_data = vec![launched.on("/dev/sdf")?.clone(), launched.on("/dev/sdh")?.clone()];
    let request = CreateSnapshots { exclude_data, ..creation_of_all(&launched.id, &[]) };
    let begun = s.cloud.create_snapshots(&request).await?;
    let wanted = set([launched.root()?.clone(), launched.on("/dev/sdg")?.clone()]);
    equal("of which", set(begun.into_iter().map(|b| b.volume)), wanted)
}

async fn the_boot_volume_is_no_data_volume_to_leave_out(s: &Stage) -> Verdict {
    let launched = s.launch(&["/dev/sdf"]).await?;
    let before = s.all_snapshots().await?;
    let request =
        CreateSnapshots { exclude_data: vec![launched.root()?.clone()], ..creation_of_all(&launched.id, &[]) };
    refused("it", s.cloud.create_snapshots(&request).await, ErrorKind::Invalid, None)?;
    equal("snapshots", s.all_snapshots().await?, before)
}

async fn a_stopped_instance_has_sets_too(s: &Stage) -> Verdict {
    let launched = s.launch(&["/dev/sdf"]).await?;
    s.raw("StopInstances", &[("InstanceId.1", launched.id.as_str())]).await?;
    s.pass(Duration::from_secs(1));
    equal("members", s.cloud.create_snapshots(&creation_of_all(&launched.id, &[])).await?.len(), 2)
}

async fn an_unknown_instance_has_none(s: &Stage) -> Verdict {
    let got = s.cloud.create_snapshots(&creation_of_all(&"i-0123456789abcdef0".into(), &[])).await;
    refused("it", got, ErrorKind::NotFound, Some("InvalidInstanceID.NotFound"))?;
    equal("snapshots", s.all_snapshots().await?, set([]))
}

async fn a_terminated_instance_has_none(s: &Stage) -> Verdict {
    let launched = s.launch(&[]).await?;
    s.raw("TerminateInstances", &[("InstanceId.1", launched.id.as_str())]).await?;
    s.pass(Duration::from_secs(1));
    let before = s.all_snapshots().await?;
    // AWS does not say whether it refuses, or finds no volumes.
    if let Ok(begun) = s.cloud.create_snapshots(&creation_of_all(&launched.id, &[])).await {
        equal("members", begun.len(), 0)?;
    }
    equal("snapshots", s.all_snapshots().await?, before)
}

async fn fifty_one_tags_begin_none(s: &Stage) -> Verdict {
    let launched = s.launch(&["/dev/sdf"]).await?;
    let before = s.all_snapshots().await?;
    let request = CreateSnapshots { tags: Tags::from_iter(many(51)), ..creation_of_all(&launched.id, &[]) };
    refused("it", s.cloud.create_snapshots(&request).await, ErrorKind::Quota, Some("TagLimitExceeded"))?;
    equal("snapshots", s.all_snapshots().await?, before)
}

async fn a_volume_at_its_rate_limit_stops_the_set(s: &Stage) -> Verdict {
    let launched = s.launch(&["/dev/sdf"]).await?;
    let one = crate::stage::creation(launched.on("/dev/sdf")?, &[]);
    s.cloud.create_snapshot(&one).await?;
    let before = s.all_snapshots().await?;
    let got = s.cloud.create_snapshots(&creation_of_all(&launched.id, &[])).await;
    refused("it", got, ErrorKind::PerVolumeRate, Some("SnapshotCreationPerVolumeRateExceeded"))?;
    equal("snapshots", s.all_snapshots().await?, before)
}

async fn a_member_that_fails_takes_the_others_along(s: &Stage) -> Verdict {
    let launched = s.launch(&["/dev/sdf", "/dev/sdg"]).await?;
    let what = What::SnapshotFails { message: "the disk broke".into() };
    s.world()?.fault(Fault { when: When::next("CreateSnapshots"), what });
    let begun = s.cloud.create_snapshots(&creation_of_all(&launched.id, &[])).await?;
    s.pass(Duration::from_mins(10));
    for member in begun {
        equal("state", s.snapshot(&member.id).await?.state, SnapshotState::Error)?;
    }
    Ok(())
}
