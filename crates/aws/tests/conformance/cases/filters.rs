//! Filters.

use std::collections::BTreeSet;

use ebskeep_core::cloud::{Cloud as _, ErrorKind, Query};
use ebskeep_core::id::SnapshotId;

use crate::check::{Failure, Verdict, equal, refused, set};
use crate::stage::{Stage, filter, one_filter, pages};

super::cases!("filters":
    by_volume,
    by_snapshot_and_an_unknown_one_is_no_error,
    of_several_values_any_may_match,
    all_filters_must_match,
    by_the_value_of_a_tag,
    by_the_key_of_a_tag,
    by_state,
    by_description,
    values_tell_case_apart,
    a_star_is_any_text,
    a_question_mark_is_one_character,
    an_escaped_star_is_a_star,
    values_may_be_of_any_language,
    instances_by_state,
    instances_by_their_volume,
    volumes_by_instance,
    volumes_by_their_ids_and_unknown_ones_are_no_error,
    two_hundred_values_are_taken_and_one_more_is_refused,
    images_by_snapshot,
    an_unknown_filter_is_refused,
);

/// Snapshots by the name of their `kind` tag.
async fn found(s: &Stage, query: &Query) -> Result<BTreeSet<String>, Failure> {
    let listed = pages(async |token| s.cloud.describe_snapshots(query, token).await).await?.concat();
    Ok(listed.iter().map(|snapshot| snapshot.tags.get("kind").unwrap_or("none").to_owned()).collect())
}

/// One snapshot for each kind, of one volume.
async fn kinds(s: &Stage, kinds: &[&str]) -> Result<Vec<SnapshotId>, Failure> {
    let volume = s.volume(&[]).await?;
    let mut made = Vec::new();
    for kind in kinds {
        made.push(s.begin(&volume, &[("kind", kind)]).await?);
    }
    Ok(made)
}

fn named(names: &[&str]) -> BTreeSet<String> {
    set(names.iter().map(ToString::to_string))
}

async fn by_volume(s: &Stage) -> Verdict {
    let (one, two) = (s.volume(&[]).await?, s.volume(&[]).await?);
    s.begin(&one, &[("kind", "of-one")]).await?;
    s.begin(&two, &[("kind", "of-two")]).await?;
    equal("one", found(s, &filter("volume-id", &[one.as_str()])).await?, named(&["of-one"]))?;
    let both = filter("volume-id", &[one.as_str(), two.as_str()]);
    equal("both", found(s, &both).await?, named(&["of-one", "of-two"]))
}

async fn by_snapshot_and_an_unknown_one_is_no_error(s: &Stage) -> Verdict {
    let made = kinds(s, &["a", "b"]).await?;
    let unknown = "snap-0123456789abcdef0";
    equal("with", found(s, &filter("snapshot-id", &[made[0].as_str(), unknown])).await?, named(&["a"]))?;
    equal("alone", found(s, &filter("snapshot-id", &[unknown])).await?, named(&[]))
}

async fn of_several_values_any_may_match(s: &Stage) -> Verdict {
    kinds(s, &["a", "b", "c"]).await?;
    equal("two", found(s, &filter("tag:kind", &["a", "c", "z"])).await?, named(&["a", "c"]))
}

async fn all_filters_must_match(s: &Stage) -> Verdict {
    let made = kinds(s, &["a", "b"]).await?;
    let query = |kind| {
        Query::Filters(vec![
            one_filter("snapshot-id", &[made[0].as_str(), made[1].as_str()]),
            one_filter("tag:kind", &[kind]),
        ])
    };
    equal("one", found(s, &query("b")).await?, named(&["b"]))?;
    equal("none", found(s, &query("c")).await?, named(&[]))
}

async fn by_the_value_of_a_tag(s: &Stage) -> Verdict {
    let volume = s.volume(&[]).await?;
    s.begin(&volume, &[("kind", "a"), ("ebskeep:slot", "2026-01-05T03:00:00Z")]).await?;
    s.begin(&volume, &[("kind", "b"), ("ebskeep:slot", "2026-01-05T04:00:00Z")]).await?;
    s.begin(&volume, &[("kind", "2026-01-05T03:00:00Z")]).await?;
    equal("slot", found(s, &filter("tag:ebskeep:slot", &["2026-01-05T03:00:00Z"])).await?, named(&["a"]))
}

async fn by_the_key_of_a_tag(s: &Stage) -> Verdict {
    let volume = s.volume(&[]).await?;
    s.begin(&volume, &[("kind", "a"), ("marked", "")]).await?;
    s.begin(&volume, &[("kind", "marked")]).await?;
    equal("key", found(s, &filter("tag-key", &["marked"])).await?, named(&["a"]))
}

async fn by_state(s: &Stage) -> Verdict {
    kinds(s, &["a"]).await?;
    s.pass(std::time::Duration::from_mins(2));
    equal("completed", found(s, &filter("status", &["completed"])).await?, named(&["a"]))?;
    equal("error", found(s, &filter("status", &["error", "recoverable"])).await?, named(&[]))
}

async fn by_description(s: &Stage) -> Verdict {
    kinds(s, &["a"]).await?;
    equal("same", found(s, &filter("description", &["of a case"])).await?, named(&["a"]))?;
    equal("part", found(s, &filter("description", &["of a"])).await?, named(&[]))
}

async fn values_tell_case_apart(s: &Stage) -> Verdict {
    kinds(s, &["Daily", "daily"]).await?;
    equal("lower", found(s, &filter("tag:kind", &["daily"])).await?, named(&["daily"]))?;
    equal("upper", found(s, &filter("tag:kind", &["DAILY"])).await?, named(&[]))?;
    equal("key", found(s, &filter("tag:Kind", &["daily"])).await?, named(&[]))
}

async fn a_star_is_any_text(s: &Stage) -> Verdict {
    kinds(s, &["daily", "hourly", "day"]).await?;
    equal("begins", found(s, &filter("tag:kind", &["da*"])).await?, named(&["daily", "day"]))?;
    equal("ends", found(s, &filter("tag:kind", &["*ly"])).await?, named(&["daily", "hourly"]))?;
    equal("any", found(s, &filter("tag:kind", &["*"])).await?, named(&["daily", "hourly", "day"]))
}

async fn a_question_mark_is_one_character(s: &Stage) -> Verdict {
    kinds(s, &["cat", "coat", "ct"]).await?;
    equal("one", found(s, &filter("tag:kind", &["c?t"])).await?, named(&["cat"]))
}

async fn an_escaped_star_is_a_star(s: &Stage) -> Verdict {
    kinds(s, &["a*c", "abc"]).await?;
    equal("star", found(s, &filter("tag:kind", &["a\\*c"])).await?, named(&["a*c"]))
}

async fn values_may_be_of_any_language(s: &Stage) -> Verdict {
    kinds(s, &["täglich", "毎日"]).await?;
    equal("one", found(s, &filter("tag:kind", &["毎日"])).await?, named(&["毎日"]))?;
    equal("two", found(s, &filter("tag:kind", &["t?glich"])).await?, named(&["täglich"]))
}

async fn instances_by_state(s: &Stage) -> Verdict {
    let (up, down) = (s.run(1, &[], &[]).await?, s.run(1, &[], &[]).await?);
    s.raw("StopInstances", &[("InstanceId.1", down.as_str())]).await?;
    s.pass(std::time::Duration::from_secs(1));
    let states = |values: &[&str]| filter("instance-state-name", values);
    let page = s.cloud.describe_instances(&states(&["pending", "running"]), None).await?;
    equal("up", set(page.items.into_iter().map(|i| i.id)), set([up]))?;
    let page = s.cloud.describe_instances(&states(&["stopping", "stopped"]), None).await?;
    equal("down", set(page.items.into_iter().map(|i| i.id)), set([down]))
}

async fn instances_by_their_volume(s: &Stage) -> Verdict {
    let (one, _) = (s.launch(&["/dev/sdf"]).await?, s.launch(&["/dev/sdf"]).await?);
    let query = filter("block-device-mapping.volume-id", &[one.on("/dev/sdf")?.as_str()]);
    let page = s.cloud.describe_instances(&query, None).await?;
    equal("which", set(page.items.into_iter().map(|i| i.id)), set([one.id]))
}

async fn volumes_by_instance(s: &Stage) -> Verdict {
    let (one, _) = (s.launch(&["/dev/sdf"]).await?, s.launch(&["/dev/sdf"]).await?);
    let page = s.cloud.describe_volumes(&filter("attachment.instance-id", &[one.id.as_str()]), None).await?;
    equal("which", set(page.items.into_iter().map(|v| v.id)), set(one.volumes.into_values()))
}

async fn volumes_by_their_ids_and_unknown_ones_are_no_error(s: &Stage) -> Verdict {
    let (one, two, _) = (s.volume(&[]).await?, s.volume(&[]).await?, s.volume(&[]).await?);
    let unknown = "vol-0123456789abcdef0";
    for (values, expected) in [
        (vec![one.as_str(), unknown, two.as_str()], vec![one.clone(), two.clone()]),
        (vec![two.as_str()], vec![two.clone()]),
        (vec![unknown], vec![]),
    ] {
        let query = filter("volume-id", &values);
        let listed = pages(async |token| s.cloud.describe_volumes(&query, token).await).await?.concat();
        equal("which", set(listed.into_iter().map(|v| v.id)), set(expected))?;
    }
    Ok(())
}

async fn two_hundred_values_are_taken_and_one_more_is_refused(s: &Stage) -> Verdict {
    let known = s.volume(&[]).await?;
    let mut ids: Vec<String> = (1..200).map(|n| format!("vol-{n:017x}")).collect();
    ids.push(known.to_string());
    let query = |ids: &[String]| filter("volume-id", &ids.iter().map(String::as_str).collect::<Vec<_>>());
    let listed = pages(async |token| s.cloud.describe_volumes(&query(&ids), token).await).await?.concat();
    equal("of 200", set(listed.into_iter().map(|v| v.id)), set([known]))?;
    ids.push("vol-0123456789abcdef0".to_owned());
    let refusal = s.cloud.describe_volumes(&query(&ids), None).await;
    refused("201", refusal, ErrorKind::Invalid, Some("FilterLimitExceeded"))
}

async fn images_by_snapshot(s: &Stage) -> Verdict {
    let ((image, snapshot), _) = (s.register().await?, s.register().await?);
    let query = filter("block-device-mapping.snapshot-id", &[snapshot.as_str()]);
    let page = s.cloud.describe_images(&query, None).await?;
    equal("which", set(page.items.into_iter().map(|i| i.id)), set([image]))
}

async fn an_unknown_filter_is_refused(s: &Stage) -> Verdict {
    s.begin(&s.volume(&[]).await?, &[]).await?;
    let query = filter("colour", &["blue"]);
    refused(
        "snapshots",
        s.cloud.describe_snapshots(&query, None).await,
        ErrorKind::Invalid,
        Some("InvalidParameterValue"),
    )?;
    refused("volumes", s.cloud.describe_volumes(&query, None).await, ErrorKind::Invalid, Some("InvalidParameterValue"))
}
