//! Who one is, where one is, and what the clock says.

use ebskeep_core::cloud::{Cloud as _, Clouds as _, ErrorKind, Query};
use ebskeep_core::id::Region;

use crate::check::{Verdict, equal, holds, refused, set};
use crate::stage::{Stage, ids, pages};

super::cases!("place":
    identity_names_account_partition_and_caller,
    regions_are_sorted,
    regions_not_opted_in_to_are_not_listed,
    a_cloud_knows_its_place,
    regions_are_kept_apart,
    accounts_are_kept_apart,
    every_page_tells_the_clock_of_aws,
);

async fn identity_names_account_partition_and_caller(s: &Stage) -> Verdict {
    let who = s.clouds.identity().await?;
    equal("account", &who.account, &s.place.account)?;
    equal("partition", who.partition.as_str(), "aws")?;
    holds("the ARN names the account", who.arn.starts_with("arn:aws:") && who.arn.contains(who.account.as_str()))
}

async fn regions_are_sorted(s: &Stage) -> Verdict {
    let regions = s.clouds.regions().await?;
    holds("sorted, each once", regions.is_sorted_by(|a, b| a < b))?;
    for known in ["eu-west-1", "us-east-1", "ap-southeast-2"] {
        holds(known, regions.contains(&Region::new(known)))?;
    }
    Ok(())
}

async fn regions_not_opted_in_to_are_not_listed(s: &Stage) -> Verdict {
    let regions = s.clouds.regions().await?;
    holds("il-central-1 is not listed", !regions.contains(&Region::new("il-central-1")))?;
    holds("af-south-1 is not listed", !regions.contains(&Region::new("af-south-1")))
}

async fn a_cloud_knows_its_place(s: &Stage) -> Verdict {
    equal("place", s.cloud.place(), &s.place)
}

async fn regions_are_kept_apart(s: &Stage) -> Verdict {
    let volume = s.volume(&[]).await?;
    let snapshot = s.begin(&volume, &[]).await?;
    let there = s.elsewhere("us-east-1");
    let volumes = there.describe_volumes(&ids([volume.as_str()]), None).await;
    refused("the volume", volumes, ErrorKind::NotFound, Some("InvalidVolume.NotFound"))?;
    let deleted = there.delete_snapshot(&snapshot).await;
    refused("the snapshot", deleted, ErrorKind::NotFound, Some("InvalidSnapshot.NotFound"))?;
    let listed = pages(async |token| there.describe_snapshots(&Query::All, token).await).await?;
    equal("snapshots there", listed.concat().len(), 0)?;
    equal("snapshots here", s.all_snapshots().await?, set([snapshot]))
}

async fn accounts_are_kept_apart(s: &Stage) -> Verdict {
    let other = s.of_another_account().await?;
    let ours = s.begin(&s.volume(&[]).await?, &[]).await?;
    let theirs = other.begin(&other.volume(&[]).await?, &[]).await?;
    equal("ours", s.all_snapshots().await?, set([ours]))?;
    equal("theirs", other.all_snapshots().await?, set([theirs.clone()]))?;
    let deleted = s.cloud.delete_snapshot(&theirs).await;
    refused("theirs, deleted by us", deleted, ErrorKind::NotFound, Some("InvalidSnapshot.NotFound"))
}

async fn every_page_tells_the_clock_of_aws(s: &Stage) -> Verdict {
    let stamps = [
        s.cloud.describe_instances(&Query::All, None).await?.at,
        s.cloud.describe_volumes(&Query::All, None).await?.at,
        s.cloud.describe_snapshots(&Query::All, None).await?.at,
        s.cloud.describe_images(&Query::All, None).await?.at,
    ];
    for at in stamps {
        equal("a Date has whole seconds", at.subsec_nanosecond(), 0)?;
        let off = s.now().duration_since(at).unsigned_abs();
        holds(&format!("{at} is now"), off.as_secs() < 30)?;
    }
    Ok(())
}
