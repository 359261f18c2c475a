//! Locks on snapshots: told, over, and holding fast.

use std::time::Duration;

use ebskeep_core::cloud::{Cloud as _, ErrorKind, Query};
use ebskeep_core::id::SnapshotId;
use ebskeep_core::inventory::{Lock, LockState};

use crate::check::{Failure, Verdict, equal, holds, refused, set};
use crate::stage::{Stage, filter, ids, one, pages};

super::cases!("locks":
    nothing_locked_is_one_empty_page,
    a_lock_is_told_with_its_end,
    a_lock_is_told_as_what_it_is,
    a_cooling_off_period_ends,
    a_lock_that_is_over_is_told_as_expired,
    one_unlocked_is_told_no_more,
    a_pending_snapshots_lock_does_not_run_yet,
    locks_come_to_the_last_page,
    by_state,
    an_unknown_snapshot_is_not_found,
    a_locked_snapshot_cannot_be_deleted,
    one_whose_lock_is_over_can_be_deleted,
);

/// A good snapshot, locked for a day.
async fn locked(s: &Stage, mode: &str, extra: &[(&str, &str)]) -> Result<SnapshotId, Failure> {
    let id = s.begin(&s.volume(&[]).await?, &[]).await?;
    s.pass(Duration::from_mins(2));
    lock(s, &id, mode, extra).await?;
    Ok(id)
}

async fn lock(s: &Stage, id: &SnapshotId, mode: &str, extra: &[(&str, &str)]) -> Verdict {
    let params = [("SnapshotId", id.as_str()), ("LockMode", mode), ("LockDuration", "1")];
    s.raw("LockSnapshot", &[params.as_slice(), extra].concat()).await.map(drop)
}

async fn seen(s: &Stage, id: &SnapshotId) -> Result<Lock, Failure> {
    one(s.cloud.describe_locked_snapshots(&ids([id.as_str()]), None).await?)
}

async fn all(s: &Stage, query: &Query) -> Result<Vec<Lock>, Failure> {
    Ok(pages(async |token| s.cloud.describe_locked_snapshots(query, token).await).await?.concat())
}

async fn nothing_locked_is_one_empty_page(s: &Stage) -> Verdict {
    s.begin(&s.volume(&[]).await?, &[]).await?;
    let page = s.cloud.describe_locked_snapshots(&Query::All, None).await?;
    equal("locks", (page.items, page.next), (Vec::new(), None))
}

async fn a_lock_is_told_with_its_end(s: &Stage) -> Verdict {
    let before = s.now();
    let id = locked(s, "governance", &[]).await?;
    let lock = seen(s, &id).await?;
    equal("of which", &lock.snapshot, &id)?;
    let Some(expires) = lock.expires else { return Err(Failure::new("it does not say until when")) };
    let off = expires.duration_since(before).as_secs() - 24 * 60 * 60;
    holds(&format!("{expires} is a day after {before}"), off.abs() < 600)?;
    equal("in the listing", all(s, &Query::All).await?, vec![lock])
}

async fn a_lock_is_told_as_what_it_is(s: &Stage) -> Verdict {
    let id = locked(s, "governance", &[]).await?;
    equal("governance", seen(s, &id).await?.state, LockState::Governance)?;
    let id = locked(s, "compliance", &[]).await?;
    equal("compliance", seen(s, &id).await?.state, LockState::Compliance)
}

async fn a_cooling_off_period_ends(s: &Stage) -> Verdict {
    let id = locked(s, "compliance", &[("CoolOffPeriod", "2")]).await?;
    equal("at first", seen(s, &id).await?.state, LockState::ComplianceCooloff)?;
    s.pass(Duration::from_hours(2));
    equal("later", seen(s, &id).await?.state, LockState::Compliance)
}

async fn a_lock_that_is_over_is_told_as_expired(s: &Stage) -> Verdict {
    let id = locked(s, "compliance", &[]).await?;
    s.pass(Duration::from_hours(25));
    equal("state", seen(s, &id).await?.state, LockState::Expired)?;
    equal("listed", all(s, &Query::All).await?.len(), 1)
}

async fn one_unlocked_is_told_no_more(s: &Stage) -> Verdict {
    let id = locked(s, "governance", &[]).await?;
    s.raw("UnlockSnapshot", &[("SnapshotId", id.as_str())]).await?;
    equal("by id", s.cloud.describe_locked_snapshots(&ids([id.as_str()]), None).await?.items, Vec::new())?;
    equal("listed", all(s, &Query::All).await?, Vec::new())
}

async fn a_pending_snapshots_lock_does_not_run_yet(s: &Stage) -> Verdict {
    let volume = s.volume(&[]).await?;
    let id = s.cloud.create_snapshot(&crate::stage::creation(&volume, &[])).await?.id;
    lock(s, &id, "governance", &[]).await?;
    equal("at first", seen(s, &id).await?.expires, None)?;
    s.pass(Duration::from_mins(10));
    holds("it has an end once the snapshot is good", seen(s, &id).await?.expires.is_some())
}

async fn locks_come_to_the_last_page(s: &Stage) -> Verdict {
    s.small_pages(3);
    let mut made = Vec::new();
    for _ in 0..8 {
        made.push(locked(s, "governance", &[]).await?);
        s.begin(&s.volume(&[]).await?, &[]).await?;
    }
    let listed = all(s, &Query::All).await?;
    equal("how many", listed.len(), 8)?;
    equal("which", set(listed.into_iter().map(|lock| lock.snapshot)), set(made))
}

async fn by_state(s: &Stage) -> Verdict {
    let soft = locked(s, "governance", &[]).await?;
    locked(s, "compliance", &[]).await?;
    let found = all(s, &filter("lock-state", &["governance"])).await?;
    equal("governance", set(found.into_iter().map(|lock| lock.snapshot)), set([soft]))?;
    equal("both", all(s, &filter("lock-state", &["governance", "compliance"])).await?.len(), 2)?;
    let query = filter("snapshot-id", &["snap-0123456789abcdef0"]);
    refused("another filter", s.cloud.describe_locked_snapshots(&query, None).await, ErrorKind::Invalid, None)
}

async fn an_unknown_snapshot_is_not_found(s: &Stage) -> Verdict {
    let got = s.cloud.describe_locked_snapshots(&ids(["snap-0123456789abcdef0"]), None).await;
    refused("it", got, ErrorKind::NotFound, Some("InvalidSnapshot.NotFound"))
}

async fn a_locked_snapshot_cannot_be_deleted(s: &Stage) -> Verdict {
    for mode in ["governance", "compliance"] {
        let id = locked(s, mode, &[]).await?;
        // AWS does not say with which code.
        refused(mode, s.cloud.delete_snapshot(&id).await, ErrorKind::Other, None)?;
        s.snapshot(&id).await?;
    }
    Ok(())
}

async fn one_whose_lock_is_over_can_be_deleted(s: &Stage) -> Verdict {
    let (over, undone) = (locked(s, "compliance", &[]).await?, locked(s, "governance", &[]).await?);
    s.raw("UnlockSnapshot", &[("SnapshotId", undone.as_str())]).await?;
    s.cloud.delete_snapshot(&undone).await?;
    s.pass(Duration::from_hours(25));
    s.cloud.delete_snapshot(&over).await?;
    equal("what is left", s.all_snapshots().await?, set([]))
}
