//! Copies of snapshots in other Regions.

use std::time::Duration;

use ebskeep_core::cloud::{Cloud as _, CopyKey, CopySnapshot, ErrorKind, Query};
use ebskeep_core::id::{Place, Region, SnapshotId};
use ebskeep_core::inventory::{Snapshot, SnapshotState};
use ebskeep_sim::{Act, Deed};
use smol_str::SmolStr;

use crate::backend::AnyCloud;
use crate::check::{Failure, Verdict, equal, holds, refused, set};
use crate::stage::{REGION, Stage, filter, ids, one, pages, tags};

super::cases!("copies":
    a_copy_is_in_its_region_with_the_tags_of_its_call,
    its_volume_is_none_of_ours,
    it_is_pending_then_completed,
    it_is_found_by_what_it_is_a_copy_of,
    three_regions_have_each_their_own,
    twice_is_two,
    an_encrypted_source_gives_an_encrypted_copy,
    a_key_that_cannot_be_used_fails_the_copy_later,
    a_key_of_another_region_fails_the_copy_later,
    an_unknown_source_is_not_found,
    a_pending_source_begins_no_copy,
    an_archived_source_begins_no_copy,
    a_source_is_looked_for_in_the_region_named,
    a_region_takes_twenty_at_once,
    twenty_here_leave_room_elsewhere,
    fifty_one_tags_begin_no_copy,
);

/// Where the copies of a stage go.
pub(super) const THERE: &str = "eu-central-1";
const FURTHER: &str = "us-east-1";

/// A good snapshot.
pub(super) async fn good(s: &Stage, tags: &[(&str, &str)]) -> Result<SnapshotId, Failure> {
    let id = s.begin(&s.volume(&[]).await?, tags).await?;
    s.pass(Duration::from_mins(10));
    Ok(id)
}

/// A good snapshot of an encrypted volume, under the account's own key.
pub(super) async fn encrypted(s: &Stage) -> Result<SnapshotId, Failure> {
    encrypted_under(s, &[]).await
}

/// A good snapshot of an encrypted volume, with what more is said of its key.
pub(super) async fn encrypted_under(s: &Stage, key: &[(&str, &str)]) -> Result<SnapshotId, Failure> {
    let zone = format!("{REGION}a");
    let params = [&[("AvailabilityZone", zone.as_str()), ("Size", "4"), ("Encrypted", "true")], key].concat();
    let volume = s.raw("CreateVolume", &params).await?.one("volumeId")?;
    let id = s.begin(&volume.as_str().into(), &[]).await?;
    s.pass(Duration::from_mins(10));
    Ok(id)
}

pub(super) fn copy(source: &SnapshotId) -> CopySnapshot {
    CopySnapshot {
        source_region: Region::new(REGION),
        source: source.clone(),
        description: "a copy (copy of it)".to_owned(),
        tags: tags(&[("Type", "Automated"), ("Source_SnapshotId", source.as_str())]),
        encrypted: None,
    }
}

pub(super) async fn seen(cloud: &AnyCloud, id: &SnapshotId) -> Result<Snapshot, Failure> {
    one(cloud.describe_snapshots(&ids([id.as_str()]), None).await?)
}

async fn listed(cloud: &AnyCloud, query: &Query) -> Result<Vec<SnapshotId>, Failure> {
    let all = pages(async |token| cloud.describe_snapshots(query, token).await).await?;
    Ok(all.into_iter().flatten().map(|snapshot| snapshot.id).collect())
}

async fn a_copy_is_in_its_region_with_the_tags_of_its_call(s: &Stage) -> Verdict {
    let source = good(s, &[("Name", "web"), ("Team", "blue")]).await?;
    let there = s.elsewhere(THERE);
    let id = there.copy_snapshot(&copy(&source)).await?;
    holds("it has an id of its own", id != source)?;
    let made = seen(&there, &id).await?;
    equal("tags", made.tags, tags(&[("Type", "Automated"), ("Source_SnapshotId", source.as_str())]))?;
    equal("description", made.description.as_str(), "a copy (copy of it)")?;
    equal("owner", &made.owner, &s.place.account)?;
    equal("size", made.size_gib, s.snapshot(&source).await?.size_gib)?;
    equal("encrypted", made.encrypted, false)?;
    let here = s.cloud.describe_snapshots(&ids([id.as_str()]), None).await;
    refused("the copy here", here, ErrorKind::NotFound, Some("InvalidSnapshot.NotFound"))?;
    equal("tags of the source", s.snapshot(&source).await?.tags, tags(&[("Name", "web"), ("Team", "blue")]))
}

async fn its_volume_is_none_of_ours(s: &Stage) -> Verdict {
    let source = good(s, &[]).await?;
    let there = s.elsewhere(THERE);
    let id = there.copy_snapshot(&copy(&source)).await?;
    let (made, source) = (seen(&there, &id).await?, s.snapshot(&source).await?);
    holds("it is not the source's volume", made.volume != source.volume)
}

async fn it_is_pending_then_completed(s: &Stage) -> Verdict {
    let source = good(s, &[]).await?;
    let there = s.elsewhere(THERE);
    let id = there.copy_snapshot(&copy(&source)).await?;
    equal("at first", seen(&there, &id).await?.state, SnapshotState::Pending)?;
    equal("among the pending", listed(&there, &filter("status", &["pending"])).await?, vec![id.clone()])?;
    s.pass(Duration::from_hours(1));
    equal("later", seen(&there, &id).await?.state, SnapshotState::Completed)?;
    equal("none is pending", listed(&there, &filter("status", &["pending"])).await?, Vec::new())
}

async fn it_is_found_by_what_it_is_a_copy_of(s: &Stage) -> Verdict {
    let (source, other) = (good(s, &[]).await?, good(s, &[]).await?);
    let there = s.elsewhere(THERE);
    let id = there.copy_snapshot(&copy(&source)).await?;
    let second = there.copy_snapshot(&copy(&other)).await?;
    let of_it = filter("tag:Source_SnapshotId", &[source.as_str()]);
    equal("of the one", listed(&there, &of_it).await?, vec![id.clone()])?;
    let all = listed(&there, &filter("tag-key", &["Source_SnapshotId"])).await?;
    equal("all copies", set(all), set([id, second]))
}

async fn three_regions_have_each_their_own(s: &Stage) -> Verdict {
    let source = good(s, &[]).await?;
    let (near, far) = (s.elsewhere(THERE), s.elsewhere(FURTHER));
    let first = near.copy_snapshot(&copy(&source)).await?;
    let second = far.copy_snapshot(&copy(&source)).await?;
    equal("there", listed(&near, &Query::All).await?, vec![first])?;
    equal("further", listed(&far, &Query::All).await?, vec![second])?;
    equal("here", s.all_snapshots().await?, set([source]))
}

async fn twice_is_two(s: &Stage) -> Verdict {
    let source = good(s, &[]).await?;
    let there = s.elsewhere(THERE);
    let made = [there.copy_snapshot(&copy(&source)).await?, there.copy_snapshot(&copy(&source)).await?];
    equal("copies", set(listed(&there, &Query::All).await?), set(made))
}

async fn an_encrypted_source_gives_an_encrypted_copy(s: &Stage) -> Verdict {
    let source = encrypted(s).await?;
    let there = s.elsewhere(THERE);
    let request = CopySnapshot { encrypted: Some(CopyKey::Default), ..copy(&source) };
    let id = there.copy_snapshot(&request).await?;
    s.pass(Duration::from_hours(1));
    let made = seen(&there, &id).await?;
    equal("encrypted and good", (made.encrypted, made.state), (true, SnapshotState::Completed))
}

/// Begins a copy under a key, and tells how it ends.
async fn end_under(s: &Stage, source: &SnapshotId, key: &str) -> Result<(SnapshotState, Option<String>), Failure> {
    let there = s.elsewhere(THERE);
    let request = CopySnapshot { encrypted: Some(CopyKey::Named(key.into())), ..copy(source) };
    let id = there.copy_snapshot(&request).await?;
    equal("at first", seen(&there, &id).await?.state, SnapshotState::Pending)?;
    s.pass(Duration::from_hours(1));
    let made = seen(&there, &id).await?;
    Ok((made.state, made.state_message.map(String::from)))
}

/// What AWS says of a copy whose key it cannot use (EBS User Guide, "Copy an
/// Amazon EBS snapshot").
pub(super) fn not_accessible() -> (SnapshotState, Option<String>) {
    (SnapshotState::Error, Some("Given key ID is not accessible".to_owned()))
}

async fn a_key_that_cannot_be_used_fails_the_copy_later(s: &Stage) -> Verdict {
    let source = encrypted(s).await?;
    let there = Place { account: s.place.account.clone(), region: Region::new(THERE) };
    let key = SmolStr::new_static("alias/backups");
    s.world()?.act(Act::at(&there, Deed::DenyKey { key: key.clone() }))?;
    equal("under it", end_under(s, &source, &key).await?, not_accessible())?;
    equal("under another", end_under(s, &source, "alias/others").await?.0, SnapshotState::Completed)?;
    s.world()?.act(Act::at(&there, Deed::AllowKey { key: key.clone() }))?;
    equal("once it can be used", end_under(s, &source, &key).await?.0, SnapshotState::Completed)
}

async fn a_key_of_another_region_fails_the_copy_later(s: &Stage) -> Verdict {
    s.world()?;
    let source = encrypted(s).await?;
    let arn = format!("arn:aws:kms:{REGION}:{}:key/1", s.place.account);
    equal("under it", end_under(s, &source, &arn).await?, not_accessible())
}

async fn a_pending_source_begins_no_copy(s: &Stage) -> Verdict {
    let source = s.begin(&s.volume(&[]).await?, &[]).await?;
    let got = s.elsewhere(THERE).copy_snapshot(&copy(&source)).await;
    refused("it", got, ErrorKind::Other, Some("IncorrectState"))
}

async fn an_archived_source_begins_no_copy(s: &Stage) -> Verdict {
    let source = good(s, &[]).await?;
    s.world()?.act(Act::at(&s.place, Deed::Archive { snapshot: source.clone(), at: None }))?;
    let got = s.elsewhere(THERE).copy_snapshot(&copy(&source)).await;
    refused("it", got, ErrorKind::Other, Some("IncorrectState"))
}

async fn an_unknown_source_is_not_found(s: &Stage) -> Verdict {
    let got = s.elsewhere(THERE).copy_snapshot(&copy(&"snap-0123456789abcdef0".into())).await;
    refused("it", got, ErrorKind::NotFound, Some("InvalidSnapshot.NotFound"))
}

async fn a_source_is_looked_for_in_the_region_named(s: &Stage) -> Verdict {
    let source = good(s, &[]).await?;
    let request = CopySnapshot { source_region: Region::new(FURTHER), ..copy(&source) };
    let got = s.elsewhere(THERE).copy_snapshot(&request).await;
    refused("it", got, ErrorKind::NotFound, Some("InvalidSnapshot.NotFound"))
}

async fn a_region_takes_twenty_at_once(s: &Stage) -> Verdict {
    let source = good(s, &[]).await?;
    let there = s.elsewhere(THERE);
    for _ in 0..20 {
        there.copy_snapshot(&copy(&source)).await?;
    }
    let got = there.copy_snapshot(&copy(&source)).await;
    refused("the 21st", got, ErrorKind::ConcurrencyLimit, Some("ResourceLimitExceeded"))?;
    equal("copies", listed(&there, &Query::All).await?.len(), 20)?;
    s.pass(Duration::from_hours(1));
    there.copy_snapshot(&copy(&source)).await?;
    Ok(())
}

async fn twenty_here_leave_room_elsewhere(s: &Stage) -> Verdict {
    let source = good(s, &[]).await?;
    let there = s.elsewhere(THERE);
    for _ in 0..20 {
        there.copy_snapshot(&copy(&source)).await?;
    }
    s.elsewhere(FURTHER).copy_snapshot(&copy(&source)).await?;
    Ok(())
}

async fn fifty_one_tags_begin_no_copy(s: &Stage) -> Verdict {
    let source = good(s, &[]).await?;
    let there = s.elsewhere(THERE);
    let many = (0..51).map(|n| (format!("k{n}"), String::new())).collect();
    let got = there.copy_snapshot(&CopySnapshot { tags: many, ..copy(&source) }).await;
    refused("it", got, ErrorKind::Quota, Some("TagLimitExceeded"))?;
    equal("copies", listed(&there, &Query::All).await?, Vec::new())
}
