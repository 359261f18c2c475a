//! Asking for resources by id.

use ebskeep_core::cloud::{Cloud as _, ErrorKind, Query};
use smol_str::SmolStr;

use crate::check::{Verdict, equal, refused, set};
use crate::stage::{Stage, filter, ids};

super::cases!("ids":
    instances_are_found_by_id,
    volumes_are_found_by_id,
    snapshots_are_found_by_id,
    images_are_found_by_id,
    an_unknown_instance_is_not_found,
    an_unknown_volume_is_not_found,
    an_unknown_snapshot_is_not_found,
    an_unknown_image_is_not_found,
    one_unknown_instance_among_known_is_not_found,
    one_unknown_volume_among_known_is_not_found,
    one_unknown_snapshot_among_known_is_not_found,
    one_unknown_image_among_known_is_not_found,
    a_deleted_volume_is_not_found,
    a_malformed_id_is_invalid,
    no_ids_are_refused_without_a_call,
    more_than_1000_ids_are_refused_without_a_call,
    no_filter_is_refused_without_a_call,
);

async fn instances_are_found_by_id(s: &Stage) -> Verdict {
    let made = [s.run(1, &[], &[]).await?, s.run(1, &[], &[]).await?, s.run(1, &[], &[]).await?];
    let page = s.cloud.describe_instances(&ids([made[2].as_str(), made[0].as_str()]), None).await?;
    equal("next", page.next, None)?;
    equal("how many", page.items.len(), 2)?;
    equal("which", set(page.items.into_iter().map(|i| i.id)), set([made[0].clone(), made[2].clone()]))
}

async fn volumes_are_found_by_id(s: &Stage) -> Verdict {
    let made = [s.volume(&[]).await?, s.volume(&[]).await?, s.volume(&[]).await?];
    let page = s.cloud.describe_volumes(&ids([made[2].as_str(), made[0].as_str()]), None).await?;
    equal("next", page.next, None)?;
    equal("how many", page.items.len(), 2)?;
    equal("which", set(page.items.into_iter().map(|v| v.id)), set([made[0].clone(), made[2].clone()]))
}

async fn snapshots_are_found_by_id(s: &Stage) -> Verdict {
    let volume = s.volume(&[]).await?;
    let made = [s.begin(&volume, &[]).await?, s.begin(&volume, &[]).await?, s.begin(&volume, &[]).await?];
    let page = s.cloud.describe_snapshots(&ids([made[2].as_str(), made[0].as_str()]), None).await?;
    equal("next", page.next, None)?;
    equal("how many", page.items.len(), 2)?;
    equal("which", set(page.items.into_iter().map(|i| i.id)), set([made[0].clone(), made[2].clone()]))
}

async fn images_are_found_by_id(s: &Stage) -> Verdict {
    let made = [s.register().await?.0, s.register().await?.0];
    let page = s.cloud.describe_images(&ids([made[1].as_str()]), None).await?;
    equal("which", page.items.into_iter().map(|i| i.id).collect::<Vec<_>>(), vec![made[1].clone()])
}

/// Well-formed ids of nothing.
const NO_INSTANCE: &str = "i-0123456789abcdef0";
const NO_VOLUME: &str = "vol-0123456789abcdef0";
const NO_SNAPSHOT: &str = "snap-0123456789abcdef0";
const NO_IMAGE: &str = "ami-0123456789abcdef0";

async fn an_unknown_instance_is_not_found(s: &Stage) -> Verdict {
    let got = s.cloud.describe_instances(&ids([NO_INSTANCE]), None).await;
    refused("it", got, ErrorKind::NotFound, Some("InvalidInstanceID.NotFound"))
}

async fn an_unknown_volume_is_not_found(s: &Stage) -> Verdict {
    let got = s.cloud.describe_volumes(&ids([NO_VOLUME]), None).await;
    refused("it", got, ErrorKind::NotFound, Some("InvalidVolume.NotFound"))
}

async fn an_unknown_snapshot_is_not_found(s: &Stage) -> Verdict {
    let got = s.cloud.describe_snapshots(&ids([NO_SNAPSHOT]), None).await;
    refused("it", got, ErrorKind::NotFound, Some("InvalidSnapshot.NotFound"))
}

async fn an_unknown_image_is_not_found(s: &Stage) -> Verdict {
    let got = s.cloud.describe_images(&ids([NO_IMAGE]), None).await;
    refused("it", got, ErrorKind::NotFound, Some("InvalidAMIID.NotFound"))
}

async fn one_unknown_instance_among_known_is_not_found(s: &Stage) -> Verdict {
    let known = s.run(1, &[], &[]).await?;
    let got = s.cloud.describe_instances(&ids([known.as_str(), NO_INSTANCE]), None).await;
    refused("both", got, ErrorKind::NotFound, Some("InvalidInstanceID.NotFound"))
}

async fn one_unknown_volume_among_known_is_not_found(s: &Stage) -> Verdict {
    let known = s.volume(&[]).await?;
    let got = s.cloud.describe_volumes(&ids([known.as_str(), NO_VOLUME]), None).await;
    refused("both", got, ErrorKind::NotFound, Some("InvalidVolume.NotFound"))
}

async fn one_unknown_snapshot_among_known_is_not_found(s: &Stage) -> Verdict {
    let known = s.begin(&s.volume(&[]).await?, &[]).await?;
    let got = s.cloud.describe_snapshots(&ids([known.as_str(), NO_SNAPSHOT]), None).await;
    refused("both", got, ErrorKind::NotFound, Some("InvalidSnapshot.NotFound"))
}

async fn one_unknown_image_among_known_is_not_found(s: &Stage) -> Verdict {
    let (known, _) = s.register().await?;
    let got = s.cloud.describe_images(&ids([known.as_str(), NO_IMAGE]), None).await;
    refused("both", got, ErrorKind::NotFound, Some("InvalidAMIID.NotFound"))
}

/// What confirms that a volume is gone.
async fn a_deleted_volume_is_not_found(s: &Stage) -> Verdict {
    let volume = s.volume(&[]).await?;
    s.raw("DeleteVolume", &[("VolumeId", volume.as_str())]).await?;
    s.pass(std::time::Duration::from_secs(1));
    let got = s.cloud.describe_volumes(&ids([volume.as_str()]), None).await;
    refused("it", got, ErrorKind::NotFound, Some("InvalidVolume.NotFound"))
}

async fn a_malformed_id_is_invalid(s: &Stage) -> Verdict {
    let got = s.cloud.describe_snapshots(&ids(["snap-nonsense"]), None).await;
    refused("a snapshot", got, ErrorKind::Invalid, None)?;
    let got = s.cloud.describe_instances(&ids(["nonsense"]), None).await;
    refused("an instance", got, ErrorKind::Invalid, None)
}

/// Every listing refuses the query, and no call is made.
async fn no_call_is_made_for(s: &Stage, query: &Query) -> Verdict {
    let before = s.calls();
    refused("instances", s.cloud.describe_instances(query, None).await, ErrorKind::Invalid, None)?;
    refused("volumes", s.cloud.describe_volumes(query, None).await, ErrorKind::Invalid, None)?;
    refused("snapshots", s.cloud.describe_snapshots(query, None).await, ErrorKind::Invalid, None)?;
    refused("images", s.cloud.describe_images(query, None).await, ErrorKind::Invalid, None)?;
    refused("locks", s.cloud.describe_locked_snapshots(query, None).await, ErrorKind::Invalid, None)?;
    refused("tiers", s.cloud.describe_snapshot_tier_status(query, None).await, ErrorKind::Invalid, None)?;
    equal("calls made", s.calls() - before, 0)
}

async fn no_ids_are_refused_without_a_call(s: &Stage) -> Verdict {
    no_call_is_made_for(s, &Query::Ids(Vec::new())).await
}

async fn more_than_1000_ids_are_refused_without_a_call(s: &Stage) -> Verdict {
    no_call_is_made_for(s, &Query::Ids(vec![SmolStr::new(NO_SNAPSHOT); 1_001])).await
}

async fn no_filter_is_refused_without_a_call(s: &Stage) -> Verdict {
    no_call_is_made_for(s, &Query::Filters(Vec::new())).await?;
    no_call_is_made_for(s, &filter("volume-id", &[])).await?;
    no_call_is_made_for(s, &filter("", &["any"])).await
}
