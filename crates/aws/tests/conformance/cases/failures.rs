//! What goes wrong, in the kinds that callers act on.

use std::time::Duration;

use ebskeep_core::cloud::{Cloud as _, Clouds as _, ErrorKind, Query};
use ebskeep_sim::{Act, Deed, Fault, Rules, What, When};

use crate::check::{Failure, Verdict, equal, holds, refused};
use crate::stage::{Stage, creation, ids};

super::cases!("failures":
    errors_name_the_action_and_the_resource,
    what_is_not_permitted_is_denied,
    a_region_not_enabled_is_denied,
    a_denied_region_leaves_the_others,
    an_unknown_key_is_denied,
    an_empty_bucket_is_throttled,
    a_throttled_call_did_nothing,
    a_full_region_is_a_quota,
    an_answer_lost_leaves_a_creation_unknown,
    an_answer_cut_off_leaves_a_creation_unknown,
    an_answer_lost_leaves_a_listing_to_be_asked_again,
    an_internal_error_leaves_a_deletion_unknown,
    a_request_lost_did_nothing,
    a_new_snapshot_may_be_missing_for_a_while,
    tags_at_war_are_a_concurrency_limit,
);

async fn errors_name_the_action_and_the_resource(s: &Stage) -> Verdict {
    let id = "snap-0123456789abcdef0";
    match s.cloud.delete_snapshot(&id.into()).await {
        Ok(()) => Err(Failure::new("it was taken")),
        Err(error) => {
            equal("operation", error.operation, "DeleteSnapshot")?;
            equal("resource", error.resource.as_deref(), Some(id))
        }
    }?;
    match s.cloud.describe_volumes(&ids(["vol-0123456789abcdef0"]), None).await {
        Ok(_) => Err(Failure::new("it was taken")),
        Err(error) => {
            equal("operation", error.operation, "DescribeVolumes")?;
            equal("resource", error.resource.as_deref(), Some("vol-0123456789abcdef0"))
        }
    }
}

fn deny(s: &Stage, action: &str) -> Verdict {
    let deed = Deed::Deny { action: Some(action.into()), everywhere: false, code: None };
    s.world()?.act(Act::at(&s.place, deed))?;
    Ok(())
}

async fn what_is_not_permitted_is_denied(s: &Stage) -> Verdict {
    let id = s.begin(&s.volume(&[]).await?, &[]).await?;
    deny(s, "DeleteSnapshot")?;
    let got = s.cloud.delete_snapshot(&id).await;
    refused("it", got, ErrorKind::Denied, Some("UnauthorizedOperation"))?;
    s.snapshot(&id).await.map(drop)
}

async fn a_region_not_enabled_is_denied(s: &Stage) -> Verdict {
    let got = s.elsewhere("il-central-1").describe_volumes(&Query::All, None).await;
    refused("it", got, ErrorKind::Denied, Some("OptInRequired"))
}

async fn a_denied_region_leaves_the_others(s: &Stage) -> Verdict {
    deny(s, "DescribeSnapshots")?;
    let got = s.cloud.describe_snapshots(&Query::All, None).await;
    refused("here", got, ErrorKind::Denied, Some("UnauthorizedOperation"))?;
    s.elsewhere("us-east-1").describe_snapshots(&Query::All, None).await?;
    Ok(())
}

async fn an_unknown_key_is_denied(s: &Stage) -> Verdict {
    let stranger = s.with_key("AKIAUNKNOWN").await?;
    let got = stranger.at(&s.place).describe_volumes(&Query::All, None).await;
    refused("it", got, ErrorKind::Denied, Some("AuthFailure"))
}

fn buckets(s: &Stage) -> Verdict {
    let world = s.world()?;
    world.rules(Rules { buckets: true, share: 1, ..world.current_rules() });
    Ok(())
}

/// Asks until it is refused.
async fn exhausted(s: &Stage) -> Verdict {
    for _ in 0..1_000 {
        match s.cloud.describe_snapshots(&Query::All, None).await {
            Ok(_) => {}
            got => return refused("it", got, ErrorKind::Throttled, Some("RequestLimitExceeded")),
        }
    }
    Err(Failure::new("a thousand calls at one instant were taken"))
}

async fn an_empty_bucket_is_throttled(s: &Stage) -> Verdict {
    buckets(s)?;
    exhausted(s).await?;
    s.pass(Duration::from_mins(5));
    s.cloud.describe_snapshots(&Query::All, None).await?;
    Ok(())
}

async fn a_throttled_call_did_nothing(s: &Stage) -> Verdict {
    let id = s.begin(&s.volume(&[]).await?, &[]).await?;
    let what = What::Refuse { code: "RequestLimitExceeded".into(), status: None, message: String::new() };
    s.world()?.fault(Fault { when: When::next("DeleteSnapshot"), what });
    let got = s.cloud.delete_snapshot(&id).await;
    refused("it", got, ErrorKind::Throttled, Some("RequestLimitExceeded"))?;
    s.snapshot(&id).await.map(drop)
}

async fn a_full_region_is_a_quota(s: &Stage) -> Verdict {
    let volume = s.volume(&[]).await?;
    let world = s.world()?;
    world.rules(Rules { snapshots_per_region: 1, ..world.current_rules() });
    s.begin(&volume, &[]).await?;
    let got = s.cloud.create_snapshot(&creation(&volume, &[])).await;
    refused("the second", got, ErrorKind::Quota, Some("SnapshotLimitExceeded"))
}

async fn unknown_but_made(s: &Stage, what: What) -> Verdict {
    let volume = s.volume(&[]).await?;
    s.world()?.fault(Fault { when: When::next("CreateSnapshot"), what });
    let got = s.cloud.create_snapshot(&creation(&volume, &[])).await;
    refused("it", got, ErrorKind::Unknown, None)?;
    equal("there is one", s.all_snapshots().await?.len(), 1)
}

async fn an_answer_lost_leaves_a_creation_unknown(s: &Stage) -> Verdict {
    unknown_but_made(s, What::LostAfter).await
}

async fn an_answer_cut_off_leaves_a_creation_unknown(s: &Stage) -> Verdict {
    unknown_but_made(s, What::CutBody).await
}

async fn an_answer_lost_leaves_a_listing_to_be_asked_again(s: &Stage) -> Verdict {
    s.volume(&[]).await?;
    for what in [What::LostBefore, What::LostAfter, What::CutBody] {
        s.world()?.fault(Fault { when: When::next("DescribeVolumes"), what });
        let got = s.cloud.describe_volumes(&Query::All, None).await;
        refused("it", got, ErrorKind::Unavailable, None)?;
        equal("again", s.cloud.describe_volumes(&Query::All, None).await?.items.len(), 1)?;
    }
    Ok(())
}

async fn an_internal_error_leaves_a_deletion_unknown(s: &Stage) -> Verdict {
    let id = s.begin(&s.volume(&[]).await?, &[]).await?;
    let what = |status| What::Refuse { code: "InternalError".into(), status: Some(status), message: String::new() };
    s.world()?.fault(Fault { when: When::next("DeleteSnapshot"), what: what(500) });
    refused("deletion", s.cloud.delete_snapshot(&id).await, ErrorKind::Unknown, Some("InternalError"))?;
    s.world()?.fault(Fault { when: When::next("DescribeSnapshots"), what: what(500) });
    let got = s.cloud.describe_snapshots(&Query::All, None).await;
    refused("listing", got, ErrorKind::Unavailable, Some("InternalError"))
}

/// The caller cannot tell it from one whose answer was lost.
async fn a_request_lost_did_nothing(s: &Stage) -> Verdict {
    let volume = s.volume(&[]).await?;
    s.world()?.fault(Fault { when: When::next("CreateSnapshot"), what: What::LostBefore });
    let got = s.cloud.create_snapshot(&creation(&volume, &[])).await;
    refused("it", got, ErrorKind::Unknown, None)?;
    equal("there is none", s.all_snapshots().await?.len(), 0)
}

async fn a_new_snapshot_may_be_missing_for_a_while(s: &Stage) -> Verdict {
    let world = s.world()?;
    world.rules(Rules { stale_for: Duration::from_secs(40), ..world.current_rules() });
    let id = s.begin(&s.volume(&[]).await?, &[]).await?;
    holds("not listed yet", !s.all_snapshots().await?.contains(&id))?;
    s.cloud.create_tags(std::slice::from_ref(&id), &crate::stage::tags(&[("a", "1")])).await?;
    s.pass(Duration::from_mins(1));
    equal("listed, and tagged", s.snapshot(&id).await?.tags.get("a"), Some("1"))
}

async fn tags_at_war_are_a_concurrency_limit(s: &Stage) -> Verdict {
    let id = s.begin(&s.volume(&[]).await?, &[]).await?;
    let what = What::Refuse { code: "ConcurrentTagAccess".into(), status: None, message: String::new() };
    s.world()?.fault(Fault { when: When::next("CreateTags"), what });
    let got = s.cloud.create_tags(&[id], &crate::stage::tags(&[("a", "1")])).await;
    refused("it", got, ErrorKind::ConcurrencyLimit, Some("ConcurrentTagAccess"))
}
