//! Tags written on snapshots later, and taken off again.

use ebskeep_core::cloud::{Cloud as _, ErrorKind, Untag};
use ebskeep_core::id::SnapshotId;
use ebskeep_core::tags::Tags;

use super::snapshots::many;
use crate::check::{Failure, Verdict, equal, refused};
use crate::stage::{Stage, tags};

super::cases!("tags":
    writing_replaces_values_and_keeps_other_keys,
    several_snapshots_are_written_at_once,
    one_unknown_snapshot_leaves_all_unwritten,
    an_unknown_snapshot_is_not_found,
    keys_tell_case_apart,
    the_fifty_first_tag_is_one_too_many,
    a_snapshot_with_fifty_takes_new_values,
    one_snapshot_at_its_limit_leaves_all_unwritten,
    a_key_of_awss_is_refused,
    a_value_of_257_characters_is_refused,
    a_key_of_129_characters_is_refused,
    removing_goes_by_key,
    removing_by_value_leaves_other_values,
    removing_what_is_not_there_is_fine,
    several_snapshots_lose_tags_at_once,
    no_snapshots_are_refused_without_a_call,
    no_tags_are_refused_without_a_call,
    no_keys_are_refused_without_a_call,
);

const NOBODY: &str = "snap-0123456789abcdef0";

async fn two(s: &Stage, pairs: &[(&str, &str)]) -> Result<[SnapshotId; 2], Failure> {
    let volume = s.volume(&[]).await?;
    Ok([s.begin(&volume, pairs).await?, s.begin(&volume, pairs).await?])
}

async fn on(s: &Stage, id: &SnapshotId) -> Result<Tags, Failure> {
    Ok(s.snapshot(id).await?.tags)
}

async fn writing_replaces_values_and_keeps_other_keys(s: &Stage) -> Verdict {
    let [one, _] = two(s, &[("a", "old"), ("b", "2")]).await?;
    s.cloud.create_tags(std::slice::from_ref(&one), &tags(&[("a", "new"), ("c", "")])).await?;
    equal("tags", on(s, &one).await?, tags(&[("a", "new"), ("b", "2"), ("c", "")]))
}

async fn several_snapshots_are_written_at_once(s: &Stage) -> Verdict {
    let both = two(s, &[]).await?;
    let mark = tags(&[("ebskeep:deleted", "2026-01-05T03:00:00Z")]);
    s.cloud.create_tags(&both, &mark).await?;
    equal("one", on(s, &both[0]).await?, mark.clone())?;
    equal("two", on(s, &both[1]).await?, mark)
}

async fn one_unknown_snapshot_leaves_all_unwritten(s: &Stage) -> Verdict {
    let [one, two] = two(s, &[("a", "old")]).await?;
    let got = s.cloud.create_tags(&[one.clone(), NOBODY.into(), two.clone()], &tags(&[("a", "new")])).await;
    refused("it", got, ErrorKind::NotFound, Some("InvalidSnapshot.NotFound"))?;
    equal("one", on(s, &one).await?, tags(&[("a", "old")]))?;
    equal("two", on(s, &two).await?, tags(&[("a", "old")]))
}

async fn an_unknown_snapshot_is_not_found(s: &Stage) -> Verdict {
    let got = s.cloud.create_tags(&[NOBODY.into()], &tags(&[("a", "1")])).await;
    refused("it", got, ErrorKind::NotFound, Some("InvalidSnapshot.NotFound"))
}

async fn keys_tell_case_apart(s: &Stage) -> Verdict {
    let [one, _] = two(s, &[("KeepForever", "1")]).await?;
    s.cloud.create_tags(std::slice::from_ref(&one), &tags(&[("keepforever", "2")])).await?;
    s.cloud.delete_tags(std::slice::from_ref(&one), &["KEEPFOREVER".into()]).await?;
    equal("tags", on(s, &one).await?, tags(&[("KeepForever", "1"), ("keepforever", "2")]))
}

async fn full(s: &Stage) -> Result<SnapshotId, Failure> {
    let id = s.begin(&s.volume(&[]).await?, &[]).await?;
    s.cloud.create_tags(std::slice::from_ref(&id), &Tags::from_iter(many(50))).await?;
    Ok(id)
}

async fn the_fifty_first_tag_is_one_too_many(s: &Stage) -> Verdict {
    let id = full(s).await?;
    let got = s.cloud.create_tags(std::slice::from_ref(&id), &tags(&[("one", "more")])).await;
    refused("it", got, ErrorKind::Quota, Some("TagLimitExceeded"))?;
    equal("tags", on(s, &id).await?, Tags::from_iter(many(50)))
}

async fn a_snapshot_with_fifty_takes_new_values(s: &Stage) -> Verdict {
    let id = full(s).await?;
    s.cloud.create_tags(std::slice::from_ref(&id), &tags(&[("key-7", "new")])).await?;
    equal("value", on(s, &id).await?.get("key-7"), Some("new"))
}

async fn one_snapshot_at_its_limit_leaves_all_unwritten(s: &Stage) -> Verdict {
    let (empty, full) = (s.begin(&s.volume(&[]).await?, &[]).await?, full(s).await?);
    let got = s.cloud.create_tags(&[empty.clone(), full], &tags(&[("one", "more")])).await;
    refused("it", got, ErrorKind::Quota, Some("TagLimitExceeded"))?;
    equal("the other one's", on(s, &empty).await?, Tags::new())
}

async fn never_written(s: &Stage, key: &str, value: &str) -> Verdict {
    let [one, _] = two(s, &[]).await?;
    let got = s.cloud.create_tags(std::slice::from_ref(&one), &tags(&[(key, value)])).await;
    refused("it", got, ErrorKind::Invalid, Some("InvalidParameterValue"))?;
    equal("tags", on(s, &one).await?, Tags::new())
}

async fn a_key_of_awss_is_refused(s: &Stage) -> Verdict {
    never_written(s, "aws:backup:source-resource", "arn").await
}

async fn a_value_of_257_characters_is_refused(s: &Stage) -> Verdict {
    never_written(s, "key", &"v".repeat(257)).await
}

async fn a_key_of_129_characters_is_refused(s: &Stage) -> Verdict {
    never_written(s, &"k".repeat(129), "value").await
}

async fn removing_goes_by_key(s: &Stage) -> Verdict {
    let [one, _] = two(s, &[("a", "any value"), ("b", "2"), ("c", "")]).await?;
    s.cloud.delete_tags(std::slice::from_ref(&one), &["a".into(), "c".into()]).await?;
    equal("tags", on(s, &one).await?, tags(&[("b", "2")]))
}

/// AWS's API reference, DeleteTags, "Tag.N": with a value, only that tag; with an
/// empty one, only an empty one.
async fn removing_by_value_leaves_other_values(s: &Stage) -> Verdict {
    let both = two(s, &[("a", "1"), ("b", "2"), ("c", "3"), ("d", "")]).await?;
    s.cloud.create_tags(&both[1..], &tags(&[("a", "another")])).await?;
    let valued = |key: &str, value: &str| Untag { key: key.into(), value: Some(value.into()) };
    s.cloud.delete_tags(&both, &[valued("a", "1"), valued("b", "not 2"), valued("c", ""), valued("d", "")]).await?;
    equal("one", on(s, &both[0]).await?, tags(&[("b", "2"), ("c", "3")]))?;
    equal("two", on(s, &both[1]).await?, tags(&[("a", "another"), ("b", "2"), ("c", "3")]))
}

async fn removing_what_is_not_there_is_fine(s: &Stage) -> Verdict {
    let [one, _] = two(s, &[("a", "1")]).await?;
    s.cloud.delete_tags(std::slice::from_ref(&one), &["z".into()]).await?;
    equal("tags", on(s, &one).await?, tags(&[("a", "1")]))
}

async fn several_snapshots_lose_tags_at_once(s: &Stage) -> Verdict {
    let both = two(s, &[("a", "1"), ("b", "2")]).await?;
    s.cloud.delete_tags(&both, &["a".into()]).await?;
    equal("one", on(s, &both[0]).await?, tags(&[("b", "2")]))?;
    equal("two", on(s, &both[1]).await?, tags(&[("b", "2")]))
}

async fn no_snapshots_are_refused_without_a_call(s: &Stage) -> Verdict {
    let before = s.calls();
    refused("written", s.cloud.create_tags(&[], &tags(&[("a", "1")])).await, ErrorKind::Invalid, None)?;
    refused("removed", s.cloud.delete_tags(&[], &["a".into()]).await, ErrorKind::Invalid, None)?;
    equal("calls made", s.calls() - before, 0)
}

async fn no_tags_are_refused_without_a_call(s: &Stage) -> Verdict {
    let before = s.calls();
    refused("it", s.cloud.create_tags(&[NOBODY.into()], &Tags::new()).await, ErrorKind::Invalid, None)?;
    equal("calls made", s.calls() - before, 0)
}

/// To AWS no keys would mean all of them.
async fn no_keys_are_refused_without_a_call(s: &Stage) -> Verdict {
    let [one, _] = two(s, &[("a", "1")]).await?;
    let before = s.calls();
    refused("it", s.cloud.delete_tags(std::slice::from_ref(&one), &[]).await, ErrorKind::Invalid, None)?;
    equal("calls made", s.calls() - before, 0)?;
    equal("tags", on(s, &one).await?, tags(&[("a", "1")]))
}
