//! Snapshots that another account may use, and calls in that account.

use std::time::Duration;

use ebskeep_core::cloud::{Cloud as _, Clouds as _, CopyKey, CopySnapshot, ErrorKind, Query, Role, Sharing};
use ebskeep_core::id::{AccountId, Place, Region};
use ebskeep_core::inventory::SnapshotState;
use ebskeep_sim::{Act, Deed};

use super::copies::{THERE, copy, encrypted, encrypted_under, good, not_accessible, seen};
use crate::backend::AnyCloud;
use crate::check::{Failure, Verdict, equal, holds, refused, set};
use crate::stage::{REGION, Stage, pages};

super::cases!("sharing":
    a_new_snapshot_is_shared_with_nobody,
    one_can_be_shared_and_unshared,
    twice_is_the_same_as_once,
    an_unknown_snapshot_can_neither_be_looked_at_nor_shared,
    one_under_the_accounts_own_key_cannot_be_shared,
    through_a_role_one_is_in_the_other_account,
    through_a_role_one_session_serves_all_regions,
    one_not_shared_cannot_be_copied_by_another_account,
    one_shared_can_be_copied_through_a_role,
    one_no_longer_shared_can_no_longer_be_copied,
    one_under_a_key_is_copied_by_who_may_use_the_key,
    a_role_that_asks_for_an_external_id_is_told_it,
    a_role_that_cannot_be_assumed_denies_every_call,
);

fn role() -> Role {
    Role { name: "backup/ebskeep-copies".into(), external_id: None }
}

/// The other account's Place, through the role.
fn through(s: &Stage, other: &Stage, region: &str) -> AnyCloud {
    s.clouds.through(&Place { account: other.place.account.clone(), region: Region::new(region) }, &role())
}

async fn a_new_snapshot_is_shared_with_nobody(s: &Stage) -> Verdict {
    let id = good(s, &[]).await?;
    equal("accounts", s.cloud.describe_snapshot_sharing(&id).await?, Vec::new())
}

async fn one_can_be_shared_and_unshared(s: &Stage) -> Verdict {
    let (one, other) = (AccountId::new("111122223333"), AccountId::new("444455556666"));
    let (id, bystander) = (good(s, &[]).await?, good(s, &[]).await?);
    for account in [&other, &one] {
        s.cloud.modify_snapshot_sharing(&id, &Sharing::Add(account.clone())).await?;
    }
    equal("shared", s.cloud.describe_snapshot_sharing(&id).await?, vec![one.clone(), other.clone()])?;
    s.cloud.modify_snapshot_sharing(&id, &Sharing::Remove(other)).await?;
    equal("with one left", s.cloud.describe_snapshot_sharing(&id).await?, vec![one])?;
    equal("another snapshot", s.cloud.describe_snapshot_sharing(&bystander).await?, Vec::new())
}

async fn twice_is_the_same_as_once(s: &Stage) -> Verdict {
    let one = AccountId::new("111122223333");
    let id = good(s, &[]).await?;
    for _ in 0..2 {
        s.cloud.modify_snapshot_sharing(&id, &Sharing::Add(one.clone())).await?;
        equal("shared", s.cloud.describe_snapshot_sharing(&id).await?, vec![one.clone()])?;
    }
    for _ in 0..2 {
        s.cloud.modify_snapshot_sharing(&id, &Sharing::Remove(one.clone())).await?;
        equal("unshared", s.cloud.describe_snapshot_sharing(&id).await?, Vec::new())?;
    }
    Ok(())
}

async fn an_unknown_snapshot_can_neither_be_looked_at_nor_shared(s: &Stage) -> Verdict {
    let unknown = "snap-0123456789abcdef0".into();
    let code = Some("InvalidSnapshot.NotFound");
    refused("the look", s.cloud.describe_snapshot_sharing(&unknown).await, ErrorKind::NotFound, code)?;
    let change = Sharing::Add("111122223333".into());
    refused("the share", s.cloud.modify_snapshot_sharing(&unknown, &change).await, ErrorKind::NotFound, code)
}

async fn one_under_the_accounts_own_key_cannot_be_shared(s: &Stage) -> Verdict {
    let id = encrypted(s).await?;
    let change = Sharing::Add("111122223333".into());
    // AWS does not document the code; this is what others were answered.
    let got = s.cloud.modify_snapshot_sharing(&id, &change).await;
    refused("it", got, ErrorKind::Denied, Some("OperationNotPermitted"))?;
    equal("accounts", s.cloud.describe_snapshot_sharing(&id).await?, Vec::new())
}

async fn through_a_role_one_is_in_the_other_account(s: &Stage) -> Verdict {
    let other = s.of_another_account().await?;
    let ours = good(s, &[]).await?;
    let theirs = good(&other, &[]).await?;
    let cloud = through(s, &other, REGION);
    equal("place", cloud.place(), &other.place)?;
    let listed = pages(async |token| cloud.describe_snapshots(&Query::All, token).await).await?.concat();
    equal("theirs", set(listed.into_iter().map(|snapshot| snapshot.id)), set([theirs]))?;
    equal("ours, as ourselves", s.all_snapshots().await?, set([ours]))
}

async fn through_a_role_one_session_serves_all_regions(s: &Stage) -> Verdict {
    let other = s.of_another_account().await?;
    let source = good(&other, &[]).await?;
    let id = through(s, &other, THERE).copy_snapshot(&copy(&source)).await?;
    equal("owner", seen(&through(s, &other, THERE), &id).await?.owner, other.place.account.clone())?;
    let here = through(s, &other, REGION).describe_snapshots(&crate::stage::ids([id.as_str()]), None).await;
    refused("the copy here", here, ErrorKind::NotFound, Some("InvalidSnapshot.NotFound"))?;
    through(s, &other, THERE).delete_snapshot(&id).await?;
    Ok(())
}

async fn one_not_shared_cannot_be_copied_by_another_account(s: &Stage) -> Verdict {
    let other = s.of_another_account().await?;
    let source = good(s, &[]).await?;
    for region in [REGION, THERE] {
        let got = through(s, &other, region).copy_snapshot(&copy(&source)).await;
        refused(region, got, ErrorKind::NotFound, Some("InvalidSnapshot.NotFound"))?;
    }
    Ok(())
}

async fn one_shared_can_be_copied_through_a_role(s: &Stage) -> Verdict {
    let other = s.of_another_account().await?;
    let source = good(s, &[]).await?;
    s.cloud.modify_snapshot_sharing(&source, &Sharing::Add(other.place.account.clone())).await?;
    for region in [REGION, THERE] {
        let cloud = through(s, &other, region);
        let id = cloud.copy_snapshot(&copy(&source)).await?;
        s.pass(Duration::from_hours(1));
        let made = seen(&cloud, &id).await?;
        equal("owner", &made.owner, &other.place.account)?;
        equal("state", made.state, SnapshotState::Completed)?;
        equal("tags", &made.tags, &copy(&source).tags)?;
        holds("it is not ours", !s.all_snapshots().await?.contains(&id))?;
    }
    Ok(())
}

async fn one_no_longer_shared_can_no_longer_be_copied(s: &Stage) -> Verdict {
    let other = s.of_another_account().await?;
    let source = good(s, &[]).await?;
    let cloud = through(s, &other, THERE);
    let account = other.place.account.clone();
    s.cloud.modify_snapshot_sharing(&source, &Sharing::Add(account.clone())).await?;
    cloud.copy_snapshot(&copy(&source)).await?;
    s.cloud.modify_snapshot_sharing(&source, &Sharing::Remove(account)).await?;
    let got = cloud.copy_snapshot(&copy(&source)).await;
    refused("it", got, ErrorKind::NotFound, Some("InvalidSnapshot.NotFound"))
}

async fn one_under_a_key_is_copied_by_who_may_use_the_key(s: &Stage) -> Verdict {
    let other = s.of_another_account().await?;
    let key = format!("arn:aws:kms:{REGION}:{}:key/1", s.place.account);
    s.world()?;
    let source = encrypted_under(s, &[("KmsKeyId", &key)]).await?;
    s.cloud.modify_snapshot_sharing(&source, &Sharing::Add(other.place.account.clone())).await?;
    let cloud = through(s, &other, THERE);
    let request = CopySnapshot { encrypted: Some(CopyKey::Named("alias/theirs".into())), ..copy(&source) };
    let end = async || {
        let id = cloud.copy_snapshot(&request).await?;
        s.pass(Duration::from_hours(1));
        let made = seen(&cloud, &id).await?;
        Ok::<_, Failure>((made.state, made.state_message.map(String::from), made.encrypted))
    };
    equal("with the key", end().await?, (SnapshotState::Completed, None, true))?;
    let reader = Place { account: other.place.account.clone(), region: Region::new(REGION) };
    s.world()?.act(Act::at(&reader, Deed::DenyKey { key: key.as_str().into() }))?;
    let (state, message) = not_accessible();
    equal("without", end().await?, (state, message, true))
}

async fn a_role_that_asks_for_an_external_id_is_told_it(s: &Stage) -> Verdict {
    let other = s.of_another_account().await?;
    let theirs = good(&other, &[]).await?;
    let external_id = "e-1";
    let deed = Deed::DemandExternalId { role: "ebskeep-copies".into(), external_id: external_id.into() };
    s.world()?.act(Act::at(&other.place, deed))?;
    for shown in [None, Some("e-2")] {
        let cloud = s.clouds.through(&other.place, &Role { external_id: shown.map(Into::into), ..role() });
        let got = cloud.describe_snapshots(&Query::All, None).await;
        refused("without it", got, ErrorKind::Denied, Some("AccessDenied"))?;
    }
    let cloud = s.clouds.through(&other.place, &Role { external_id: Some(external_id.into()), ..role() });
    let listed = pages(async |token| cloud.describe_snapshots(&Query::All, token).await).await?.concat();
    equal("with it", set(listed.into_iter().map(|snapshot| snapshot.id)), set([theirs]))
}

async fn a_role_that_cannot_be_assumed_denies_every_call(s: &Stage) -> Verdict {
    let other = s.of_another_account().await?;
    let source = good(&other, &[]).await?;
    let deed = Deed::Deny { action: Some("AssumeRole".into()), everywhere: true, code: Some("AccessDenied".into()) };
    s.world()?.act(Act::at(&s.place, deed))?;
    let cloud = through(s, &other, REGION);
    let code = Some("AccessDenied");
    refused("a listing", cloud.describe_snapshots(&Query::All, None).await, ErrorKind::Denied, code)?;
    refused("a copy", cloud.copy_snapshot(&copy(&source)).await, ErrorKind::Denied, code)?;
    equal("theirs", other.all_snapshots().await?, set([source]))
}
