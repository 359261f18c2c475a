//! Snapshots of one volume: begun, told, deleted.

use std::time::Duration;

use ebskeep_core::cloud::{Cloud as _, ErrorKind};
use ebskeep_core::inventory::{SnapshotState, StorageTier};
use ebskeep_core::tags::Tags;
use ebskeep_sim::{Act, Deed};
use smol_str::SmolStr;

use crate::check::{Verdict, equal, holds, refused, set};
use crate::stage::{Stage, creation, ids, tags};

super::cases!("snapshots":
    a_snapshot_is_told_as_it_was_asked_for,
    it_begins_when_it_was_asked_for,
    it_has_exactly_its_tags,
    it_may_have_no_tags,
    tags_may_be_of_any_language_and_256_long,
    text_that_means_something_to_xml_survives,
    fifty_tags_are_taken,
    fifty_one_tags_begin_nothing,
    a_tag_of_awss_begins_nothing,
    a_description_of_255_characters_is_taken,
    of_an_encrypted_volume_it_is_encrypted,
    of_an_unknown_volume_there_is_none,
    it_is_pending_then_completed,
    one_volume_has_one_in_15_seconds,
    one_volume_has_five_at_once,
    it_outlives_its_volume,
    a_deleted_one_is_not_found,
    one_deleted_twice_is_not_found,
    an_unknown_one_cannot_be_deleted,
    a_pending_one_can_be_deleted,
    one_of_aws_backup_cannot_be_deleted,
    one_in_the_recycle_bin_is_recoverable,
    an_archived_one_says_so,
    one_that_failed_says_why,
);

async fn a_snapshot_is_told_as_it_was_asked_for(s: &Stage) -> Verdict {
    let volume = s.volume(&[("on", "the volume")]).await?;
    let begun = s.cloud.create_snapshot(&creation(&volume, &[("a", "1")])).await?;
    equal("volume in the answer", &begun.volume, &volume)?;
    let seen = s.snapshot(&begun.id).await?;
    equal("id", &seen.id, &begun.id)?;
    equal("volume", &seen.volume, &volume)?;
    equal("owner", &seen.owner, &s.place.account)?;
    equal("description", seen.description.as_str(), "of a case")?;
    equal("size", seen.size_gib, 4)?;
    equal("encrypted", seen.encrypted, false)?;
    equal("tier", seen.tier, StorageTier::Standard)?;
    equal("message", seen.state_message.filter(|text| !text.is_empty()), None)
}

async fn it_begins_when_it_was_asked_for(s: &Stage) -> Verdict {
    s.pass(Duration::from_hours(1));
    let volume = s.volume(&[]).await?;
    let (before, begun) = (s.now(), s.cloud.create_snapshot(&creation(&volume, &[])).await?);
    let started = s.snapshot(&begun.id).await?.started;
    holds(&format!("{started} is about {before}"), started.duration_since(before).unsigned_abs().as_secs() < 30)
}

async fn it_has_exactly_its_tags(s: &Stage) -> Verdict {
    let volume = s.volume(&[("of", "the volume")]).await?;
    let pairs = [("Type", "Automated"), ("ebskeep:slot", "2026-01-05T03:00:00Z"), ("Name", ""), ("name", "lower")];
    let id = s.begin(&volume, &pairs).await?;
    equal("tags", s.snapshot(&id).await?.tags, tags(&pairs))
}

async fn it_may_have_no_tags(s: &Stage) -> Verdict {
    let id = s.begin(&s.volume(&[("of", "the volume")]).await?, &[]).await?;
    equal("tags", s.snapshot(&id).await?.tags, Tags::new())
}

async fn tags_may_be_of_any_language_and_256_long(s: &Stage) -> Verdict {
    let (key, value) = ("ключ".repeat(32), "値".repeat(256));
    let pairs = [(key.as_str(), value.as_str()), ("emoji", "🦀 & co"), (" blanks ", "  within  ")];
    let id = s.begin(&s.volume(&[]).await?, &pairs).await?;
    equal("tags", s.snapshot(&id).await?.tags, tags(&pairs))
}

async fn text_that_means_something_to_xml_survives(s: &Stage) -> Verdict {
    let text = "a<b> & \"c\" 'd' ]]> &amp; %20 +";
    let volume = s.volume(&[]).await?;
    let mut request = creation(&volume, &[(text, text)]);
    text.clone_into(&mut request.description);
    let id = s.cloud.create_snapshot(&request).await?.id;
    let seen = s.snapshot(&id).await?;
    equal("description", seen.description.as_str(), text)?;
    equal("tags", seen.tags, tags(&[(text, text)]))
}

/// So many tags.
pub(super) fn many(count: usize) -> Vec<(String, String)> {
    (0..count).map(|n| (format!("key-{n}"), n.to_string())).collect()
}

async fn fifty_tags_are_taken(s: &Stage) -> Verdict {
    let volume = s.volume(&[]).await?;
    let request = ebskeep_core::cloud::CreateSnapshot { tags: Tags::from_iter(many(50)), ..creation(&volume, &[]) };
    let id = s.cloud.create_snapshot(&request).await?.id;
    equal("tags", s.snapshot(&id).await?.tags, request.tags)
}

async fn fifty_one_tags_begin_nothing(s: &Stage) -> Verdict {
    let volume = s.volume(&[]).await?;
    let request = ebskeep_core::cloud::CreateSnapshot { tags: Tags::from_iter(many(51)), ..creation(&volume, &[]) };
    refused("it", s.cloud.create_snapshot(&request).await, ErrorKind::Quota, Some("TagLimitExceeded"))?;
    equal("snapshots", s.all_snapshots().await?, set([]))
}

async fn a_tag_of_awss_begins_nothing(s: &Stage) -> Verdict {
    let volume = s.volume(&[]).await?;
    let request = creation(&volume, &[("aws:backup:source-resource", "arn")]);
    refused("it", s.cloud.create_snapshot(&request).await, ErrorKind::Invalid, Some("InvalidParameterValue"))?;
    equal("snapshots", s.all_snapshots().await?, set([]))
}

async fn a_description_of_255_characters_is_taken(s: &Stage) -> Verdict {
    let mut request = creation(&s.volume(&[]).await?, &[]);
    request.description = "ä".repeat(255);
    let id = s.cloud.create_snapshot(&request).await?.id;
    equal("description", s.snapshot(&id).await?.description.as_str(), request.description.as_str())
}

async fn of_an_encrypted_volume_it_is_encrypted(s: &Stage) -> Verdict {
    let zone = format!("{}a", s.place.region);
    let params = [("AvailabilityZone", zone.as_str()), ("Size", "4"), ("Encrypted", "true")];
    let volume = s.raw("CreateVolume", &params).await?.one("volumeId")?;
    let id = s.begin(&volume.as_str().into(), &[]).await?;
    equal("encrypted", s.snapshot(&id).await?.encrypted, true)
}

async fn of_an_unknown_volume_there_is_none(s: &Stage) -> Verdict {
    let request = creation(&"vol-0123456789abcdef0".into(), &[]);
    refused("it", s.cloud.create_snapshot(&request).await, ErrorKind::NotFound, Some("InvalidVolume.NotFound"))?;
    equal("snapshots", s.all_snapshots().await?, set([]))
}

async fn it_is_pending_then_completed(s: &Stage) -> Verdict {
    let volume = s.volume(&[]).await?;
    let id = s.cloud.create_snapshot(&creation(&volume, &[])).await?.id;
    equal("at first", s.snapshot(&id).await?.state, SnapshotState::Pending)?;
    s.pass(Duration::from_mins(10));
    equal("later", s.snapshot(&id).await?.state, SnapshotState::Completed)
}

async fn one_volume_has_one_in_15_seconds(s: &Stage) -> Verdict {
    let request = creation(&s.volume(&[]).await?, &[]);
    s.cloud.create_snapshot(&request).await?;
    let code = Some("SnapshotCreationPerVolumeRateExceeded");
    refused("at once", s.cloud.create_snapshot(&request).await, ErrorKind::PerVolumeRate, code)?;
    equal("begun", s.all_snapshots().await?.len(), 1)?;
    s.pass(Duration::from_secs(15));
    s.cloud.create_snapshot(&request).await?;
    Ok(())
}

async fn one_volume_has_five_at_once(s: &Stage) -> Verdict {
    if let Ok(world) = s.world() {
        world.rules(ebskeep_sim::Rules { completes_after: Duration::from_hours(1), ..world.current_rules() });
    }
    let volume = s.volume(&[]).await?;
    for _ in 0..5 {
        s.begin(&volume, &[]).await?;
    }
    let sixth = s.cloud.create_snapshot(&creation(&volume, &[])).await;
    refused("the sixth", sixth, ErrorKind::ConcurrencyLimit, Some("ConcurrentSnapshotLimitExceeded"))?;
    equal("begun", s.all_snapshots().await?.len(), 5)?;
    s.pass(Duration::from_hours(1));
    s.cloud.create_snapshot(&creation(&volume, &[])).await?;
    Ok(())
}

async fn it_outlives_its_volume(s: &Stage) -> Verdict {
    let volume = s.volume(&[]).await?;
    let id = s.begin(&volume, &[]).await?;
    s.pass(Duration::from_mins(2));
    s.raw("DeleteVolume", &[("VolumeId", volume.as_str())]).await?;
    s.pass(Duration::from_secs(1));
    equal("its volume", s.snapshot(&id).await?.volume, volume)
}

async fn a_deleted_one_is_not_found(s: &Stage) -> Verdict {
    let volume = s.volume(&[]).await?;
    let (one, two) = (s.begin(&volume, &[]).await?, s.begin(&volume, &[]).await?);
    s.pass(Duration::from_mins(2));
    s.cloud.delete_snapshot(&one).await?;
    let gone = s.cloud.describe_snapshots(&ids([one.as_str()]), None).await;
    refused("afterwards", gone, ErrorKind::NotFound, Some("InvalidSnapshot.NotFound"))?;
    equal("what is left", s.all_snapshots().await?, set([two]))
}

async fn one_deleted_twice_is_not_found(s: &Stage) -> Verdict {
    let id = s.begin(&s.volume(&[]).await?, &[]).await?;
    s.cloud.delete_snapshot(&id).await?;
    refused("again", s.cloud.delete_snapshot(&id).await, ErrorKind::NotFound, Some("InvalidSnapshot.NotFound"))
}

async fn an_unknown_one_cannot_be_deleted(s: &Stage) -> Verdict {
    let got = s.cloud.delete_snapshot(&"snap-0123456789abcdef0".into()).await;
    refused("it", got, ErrorKind::NotFound, Some("InvalidSnapshot.NotFound"))
}

async fn a_pending_one_can_be_deleted(s: &Stage) -> Verdict {
    let id = s.cloud.create_snapshot(&creation(&s.volume(&[]).await?, &[])).await?.id;
    s.cloud.delete_snapshot(&id).await?;
    equal("what is left", s.all_snapshots().await?, set([]))
}

async fn one_of_aws_backup_cannot_be_deleted(s: &Stage) -> Verdict {
    let id = s.begin(&s.volume(&[]).await?, &[]).await?;
    let resources = vec![SmolStr::new(id.as_str())];
    let deed =
        Deed::Tag { resources, tags: tags(&[("aws:backup:source-resource", "arn:aws:ec2:eu-west-1::volume/x")]) };
    act(s, deed)?;
    refused("it", s.cloud.delete_snapshot(&id).await, ErrorKind::Invalid, Some("InvalidParameterValue"))?;
    holds("its mark is told", s.snapshot(&id).await?.tags.get("aws:backup:source-resource").is_some())
}

async fn one_in_the_recycle_bin_is_recoverable(s: &Stage) -> Verdict {
    let id = s.begin(&s.volume(&[]).await?, &[]).await?;
    s.pass(Duration::from_mins(2));
    act(s, Deed::Bin { snapshot: id.clone() })?;
    equal("state", s.snapshot(&id).await?.state, SnapshotState::Recoverable)
}

async fn an_archived_one_says_so(s: &Stage) -> Verdict {
    let id = s.begin(&s.volume(&[]).await?, &[]).await?;
    s.pass(Duration::from_mins(2));
    if s.world().is_ok() {
        act(s, Deed::Archive { snapshot: id.clone(), at: None })?;
    } else {
        s.raw("ModifySnapshotTier", &[("SnapshotId", id.as_str()), ("StorageTier", "archive")]).await?;
    }
    equal("tier", s.snapshot(&id).await?.tier, StorageTier::Archive)
}

async fn one_that_failed_says_why(s: &Stage) -> Verdict {
    let id = s.cloud.create_snapshot(&creation(&s.volume(&[]).await?, &[])).await?.id;
    act(s, Deed::Lose { snapshot: id.clone(), message: "the disk broke".into() })?;
    let seen = s.snapshot(&id).await?;
    equal("state", seen.state, SnapshotState::Error)?;
    equal("why", seen.state_message.as_deref(), Some("the disk broke"))
}

fn act(s: &Stage, deed: Deed) -> Verdict {
    let done = s.world()?.act(Act::at(&s.place, deed));
    done.map(drop).map_err(|refusal| crate::check::Failure::new(format!("{refusal:?}")))
}
