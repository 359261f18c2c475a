//! Storage tiers: what is archived, and since when.

use std::time::Duration;

use ebskeep_core::cloud::{Cloud as _, ErrorKind, Query};
use ebskeep_core::id::SnapshotId;
use ebskeep_core::inventory::{StorageTier, TierStatus};

use crate::check::{Failure, Verdict, equal, holds, refused, set};
use crate::stage::{Stage, filter, ids, one, pages};

super::cases!("tiers":
    an_archived_one_says_since_when,
    one_never_archived_says_that_it_is_not,
    by_snapshot_and_an_unknown_one_is_no_error,
    by_volume,
    statuses_come_to_the_last_page,
    one_restored_for_a_time_says_until_when,
    one_restored_for_good_is_archived_no_more,
    ids_are_refused_without_a_call,
    an_unknown_filter_is_refused,
);

/// A good snapshot.
async fn good(s: &Stage) -> Result<SnapshotId, Failure> {
    let id = s.begin(&s.volume(&[]).await?, &[]).await?;
    s.pass(Duration::from_mins(2));
    Ok(id)
}

async fn archived(s: &Stage) -> Result<SnapshotId, Failure> {
    let id = good(s).await?;
    s.raw("ModifySnapshotTier", &[("SnapshotId", id.as_str()), ("StorageTier", "archive")]).await?;
    s.pass(Duration::from_mins(2));
    Ok(id)
}

fn of(id: &SnapshotId) -> Query {
    filter("snapshot-id", &[id.as_str()])
}

async fn seen(s: &Stage, id: &SnapshotId) -> Result<TierStatus, Failure> {
    one(s.cloud.describe_snapshot_tier_status(&of(id), None).await?)
}

async fn all(s: &Stage, query: &Query) -> Result<Vec<TierStatus>, Failure> {
    Ok(pages(async |token| s.cloud.describe_snapshot_tier_status(query, token).await).await?.concat())
}

async fn an_archived_one_says_since_when(s: &Stage) -> Verdict {
    let before = s.now();
    let id = archived(s).await?;
    let status = seen(s, &id).await?;
    equal("which", &status.snapshot, &id)?;
    equal("tier", status.tier, StorageTier::Archive)?;
    equal("restored until", status.restore_expires, None)?;
    let Some(at) = status.archived_at else { return Err(Failure::new("it does not say since when")) };
    holds(&format!("{at} is about {before}"), at.duration_since(before).unsigned_abs().as_secs() < 600)?;
    equal("in the snapshots' listing", s.snapshot(&id).await?.tier, StorageTier::Archive)
}

async fn one_never_archived_says_that_it_is_not(s: &Stage) -> Verdict {
    let id = good(s).await?;
    let status = seen(s, &id).await?;
    equal("tier", (status.tier, status.archived_at), (StorageTier::Standard, None))
}

async fn by_snapshot_and_an_unknown_one_is_no_error(s: &Stage) -> Verdict {
    let (one, _) = (archived(s).await?, archived(s).await?);
    let unknown = "snap-0123456789abcdef0";
    let found = all(s, &filter("snapshot-id", &[one.as_str(), unknown])).await?;
    equal("with", set(found.into_iter().map(|status| status.snapshot)), set([one]))?;
    equal("alone", all(s, &filter("snapshot-id", &[unknown])).await?, Vec::new())
}

async fn by_volume(s: &Stage) -> Verdict {
    let (one, _) = (archived(s).await?, archived(s).await?);
    let volume = s.snapshot(&one).await?.volume;
    let found = all(s, &filter("volume-id", &[volume.as_str()])).await?;
    equal("of one", set(found.into_iter().map(|status| status.snapshot)), set([one]))
}

async fn statuses_come_to_the_last_page(s: &Stage) -> Verdict {
    s.small_pages(3);
    let mut made = Vec::new();
    for _ in 0..8 {
        made.push(archived(s).await?);
    }
    let query = filter("snapshot-id", &made.iter().map(SnapshotId::as_str).collect::<Vec<_>>());
    let listed = all(s, &query).await?;
    equal("how many", listed.len(), 8)?;
    equal("which", set(listed.into_iter().map(|status| status.snapshot)), set(made))
}

async fn one_restored_for_a_time_says_until_when(s: &Stage) -> Verdict {
    let id = archived(s).await?;
    let before = s.now();
    s.raw("RestoreSnapshotTier", &[("SnapshotId", id.as_str()), ("TemporaryRestoreDays", "3")]).await?;
    let status = seen(s, &id).await?;
    let Some(until) = status.restore_expires else { return Err(Failure::new("it does not say until when")) };
    let off = until.duration_since(before).as_secs() - 72 * 60 * 60;
    holds(&format!("{until} is three days after {before}"), off.abs() < 30)?;
    holds("it still says since when", status.archived_at.is_some())
}

async fn one_restored_for_good_is_archived_no_more(s: &Stage) -> Verdict {
    let id = archived(s).await?;
    s.raw("RestoreSnapshotTier", &[("SnapshotId", id.as_str()), ("PermanentRestore", "true")]).await?;
    s.pass(Duration::from_mins(2));
    equal("tier", seen(s, &id).await?.tier, StorageTier::Standard)?;
    equal("in the snapshots' listing", s.snapshot(&id).await?.tier, StorageTier::Standard)
}

async fn ids_are_refused_without_a_call(s: &Stage) -> Verdict {
    let before = s.calls();
    let got = s.cloud.describe_snapshot_tier_status(&ids(["snap-0123456789abcdef0"]), None).await;
    refused("it", got, ErrorKind::Invalid, None)?;
    equal("calls made", s.calls() - before, 0)
}

async fn an_unknown_filter_is_refused(s: &Stage) -> Verdict {
    good(s).await?;
    let got = s.cloud.describe_snapshot_tier_status(&filter("storage-tier", &["archive"]), None).await;
    refused("it", got, ErrorKind::Invalid, Some("InvalidParameterValue"))
}
