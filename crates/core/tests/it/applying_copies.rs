//! Copying: what is made, marked, shared and taken back, over several Places.

use std::time::Duration;

use ebskeep_core::apply::Applied;
use ebskeep_core::cloud::{ErrorKind, Role};
use ebskeep_core::destination::Destination;
use ebskeep_core::inventory::SnapshotState;
use ebskeep_core::plan::{Action, FollowSource, MarkCopied, NewCopy, Unshare};
use ebskeep_core::report::Outcome;
use ebskeep_core::tags::{self, COPIED_TO, SHARED_WITH, Tags};

use crate::fake::{Fake, Fault};
use crate::plans::{codes, delete, deletions, old, only, outcomes, plan, run, tags};

const HOME: &str = "111122223333";
const OTHER: &str = "444455556666";

fn to(text: &str) -> Destination {
    Destination::parse(text).unwrap()
}

/// What makes a copy of `source` ours.
fn lineage(source: &str) -> Tags {
    tags([
        (tags::TYPE, "Automated"),
        (tags::SOURCE_SNAPSHOT, source),
        (tags::SOURCE_REGION, "eu-west-1"),
        (tags::SOURCE_ACCOUNT, HOME),
        (tags::VOLUME, "vol-1"),
    ])
}

fn new_copy(source: &str, destination: &str) -> NewCopy {
    let destination = to(destination);
    NewCopy {
        snapshot_id: source.into(),
        volume_id: "vol-1".into(),
        shared_with: destination.account.is_some().then(|| destination.to_string().into()),
        destination,
        description: format!("(copy of {source} from eu-west-1)"),
        tags: lineage(source),
        carried: tags([("Team", "web")]),
        encrypted: false,
        kms_key_id: None,
        size_gib: 8,
    }
}

fn copy(source: &str, destination: &str) -> Action {
    Action::CopySnapshot(Box::new(new_copy(source, destination)))
}

fn unshare(source: &str) -> Action {
    Action::Unshare(Box::new(Unshare {
        snapshot_id: source.into(),
        volume_id: "vol-1".into(),
        account: OTHER.into(),
        left: None,
    }))
}

/// A good snapshot, `snap-1`, and what else there is.
fn scene(change: impl FnOnce(&Fake)) -> Fake {
    let fake = Fake::new();
    fake.snapshot("snap-1", "vol-1", 1, old());
    change(&fake);
    fake
}

/// What there is in a Place.
fn there(fake: &Fake, account: &str, region: &str) -> Vec<String> {
    fake.elsewhere(account, region).world.borrow().snapshots.keys().cloned().collect()
}

fn shared(fake: &Fake) -> Vec<String> {
    let world = fake.world.borrow();
    world.shared.get("snap-1").into_iter().flatten().map(ToString::to_string).collect()
}

fn shared_tag(fake: &Fake) -> Option<String> {
    fake.tags_of("snap-1").unwrap().get(SHARED_WITH).map(str::to_owned)
}

async fn one(fake: &Fake, action: Action) -> Applied {
    run(fake, &plan([action])).await
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_begun_where_it_is_to_be_and_its_result_says_where() {
    let fake = scene(|_| {});
    let applied = one(&fake, copy("snap-1", "us-east-1")).await;
    let result = only(&applied);
    assert_eq!(
        (result.outcome, result.detail.as_str(), result.resource.as_str()),
        (Outcome::Done, "us-east-1", "snap-1")
    );
    let away = fake.elsewhere(HOME, "us-east-1");
    let made = away.world.borrow().snapshots[result.snapshot_id.as_ref().unwrap().as_str()].clone();
    assert_eq!((made.state, made.volume.as_str()), (SnapshotState::Pending, "vol-ffffffff"));
    let mut expected = lineage("snap-1");
    expected.set("Team", "web");
    assert_eq!(made.tags, expected);
    assert_eq!(made.description, "(copy of snap-1 from eu-west-1)");
    assert!(away.world.borrow().role.is_none(), "no role for one's own account");
    assert!(fake.world.borrow().calls.is_empty(), "nothing is done at home");
}

#[tokio::test(start_paused = true)]
async fn a_copy_whose_answer_is_lost_is_found_where_it_is_and_not_made_twice() {
    let fake = scene(|fake| {
        let away = fake.elsewhere(HOME, "us-east-1");
        away.world.borrow_mut().lag = Duration::from_secs(9);
        away.fault(Fault::new("CopySnapshot", ErrorKind::Unknown).after_effect());
    });
    let applied = one(&fake, copy("snap-1", "us-east-1")).await;
    assert_eq!(only(&applied).outcome, Outcome::Done);
    assert_eq!(there(&fake, HOME, "us-east-1"), [only(&applied).snapshot_id.as_ref().unwrap().as_str()]);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_is_not_found_after_an_unknown_outcome_is_tried_once_more() {
    for (times, outcome, calls) in [(1, Outcome::Done, 2), (2, Outcome::Unknown, 2)] {
        let fake = scene(|fake| {
            fake.elsewhere(HOME, "us-east-1").fault(Fault::new("CopySnapshot", ErrorKind::Unknown).times(times));
            // Somebody else's copy of it, and one of ours that failed, are none of this run's.
            let away = fake.elsewhere(HOME, "us-east-1");
            away.snapshot("snap-theirs", "vol-ffffffff", 0, tags([(tags::SOURCE_SNAPSHOT, "snap-1")]));
            away.snapshot("snap-failed", "vol-ffffffff", 0, lineage("snap-1"));
            away.world.borrow_mut().snapshots.get_mut("snap-failed").unwrap().state = SnapshotState::Error;
        });
        let applied = one(&fake, copy("snap-1", "us-east-1")).await;
        assert_eq!(only(&applied).outcome, outcome, "{applied:?}");
        let away = fake.elsewhere(HOME, "us-east-1");
        assert_eq!((away.calls("CopySnapshot").len(), away.calls("DescribeSnapshots").len()), (calls, 4));
        // Looks at 2, 4, 8 and 16 s.
        assert!((16.0..17.0).contains(&away.calls("CopySnapshot")[1].at));
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_may_be_there_is_not_made_again_unseen() {
    let fake = scene(|fake| {
        let away = fake.elsewhere(HOME, "us-east-1");
        away.fault(Fault::new("CopySnapshot", ErrorKind::Unknown));
        away.fault(Fault::new("DescribeSnapshots", ErrorKind::Denied).always());
    });
    let applied = one(&fake, copy("snap-1", "us-east-1")).await;
    assert_eq!(only(&applied).outcome, Outcome::Unknown);
    assert!(only(&applied).detail.contains("could not look for it"), "{}", only(&applied).detail);
    assert_eq!(fake.elsewhere(HOME, "us-east-1").calls("CopySnapshot").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_copy_refused_for_its_tags_is_tried_once_more_with_ours_alone() {
    let fake = scene(|fake| {
        fake.elsewhere(HOME, "us-east-1").world.borrow_mut().bad_keys.insert("Team");
    });
    let applied = one(&fake, copy("snap-1", "us-east-1")).await;
    assert_eq!(only(&applied).outcome, Outcome::Done);
    assert_eq!(codes(&applied), ["carried-tags-refused"]);
    let away = fake.elsewhere(HOME, "us-east-1");
    assert_eq!(away.tags_of(only(&applied).snapshot_id.as_ref().unwrap().as_str()), Some(lineage("snap-1")));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_gone_is_told_as_changed() {
    let fake = Fake::new();
    let applied = one(&fake, copy("snap-1", "us-east-1")).await;
    assert_eq!(only(&applied).outcome, Outcome::Changed);
    assert!(there(&fake, HOME, "us-east-1").is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_destination_that_is_denied_or_full_or_slow_holds_up_no_other_and_no_deletion_at_home() {
    let fake = scene(|fake| {
        let denied = Fault::new("CopySnapshot", ErrorKind::Denied).said("UnauthorizedOperation", "not authorized");
        fake.elsewhere(HOME, "us-east-1").fault(denied.always());
        let full = Fault::new("CopySnapshot", ErrorKind::ConcurrencyLimit).said("ResourceLimitExceeded", "20 at most");
        fake.elsewhere(HOME, "us-east-2").fault(full.always());
        fake.elsewhere(HOME, "us-west-1").fault(Fault::new("CopySnapshot", ErrorKind::Other).hangs(600));
    });
    let mut all = deletions(&fake, &["snap-old"]);
    all.actions.extend(["us-east-1", "us-east-2", "us-west-1", "us-west-2"].map(|to| copy("snap-1", to)));
    let applied = run(&fake, &all).await;
    let expected = [Outcome::Done, Outcome::Denied, Outcome::Failed, Outcome::Failed, Outcome::Done];
    assert_eq!(outcomes(&applied), expected, "{applied:#?}");
    assert!(
        applied.results[1].detail.contains("us-east-1: ") && applied.results[1].detail.contains("ec2:CopySnapshot")
    );
    assert!(applied.results[2].detail.contains("the next run tries again"), "{}", applied.results[2].detail);
    assert!(fake.elsewhere(HOME, "us-west-2").calls("CopySnapshot")[0].at < 1.0);
    let deleted = fake.calls("DeleteSnapshot")[0].at;
    assert!((60.0..70.0).contains(&deleted), "deletions wait for copies, and not long: {deleted}");
}

#[tokio::test(start_paused = true)]
async fn deletions_wait_for_copies() {
    let fake = scene(|fake| {
        fake.elsewhere(HOME, "us-east-1").world.borrow_mut().latency = Duration::from_secs(5);
    });
    let mut all = deletions(&fake, &["snap-old"]);
    all.actions.push(copy("snap-1", "us-east-1"));
    run(&fake, &all).await;
    assert!(fake.calls("DeleteSnapshot")[0].at >= 5.0);
}

#[tokio::test(start_paused = true)]
async fn for_another_account_the_source_is_marked_then_shared_and_copied_as_its_role() {
    let fake = scene(|fake| fake.world.borrow_mut().latency = Duration::from_secs(1));
    let applied = one(&fake, copy("snap-1", "444455556666/eu-west-1")).await;
    assert_eq!(only(&applied).outcome, Outcome::Done, "{applied:?}");
    assert_eq!(only(&applied).detail, "444455556666/eu-west-1");
    let away = fake.elsewhere(OTHER, "eu-west-1");
    assert_eq!(there(&fake, OTHER, "eu-west-1").len(), 1);
    assert_eq!(away.world.borrow().role, Some(Role { name: "ebskeep-copy".into(), external_id: None }));
    let order: Vec<_> = fake.world.borrow().calls.iter().map(|call| call.operation).collect();
    assert_eq!(
        order,
        ["DescribeSnapshots", "DescribeSnapshotAttribute", "CreateTags", "ModifySnapshotAttribute"],
        "the tag comes before the share"
    );
    // It stays while AWS copies: a later run takes it back.
    assert_eq!((shared(&fake), shared_tag(&fake).as_deref()), (vec![OTHER.to_owned()], Some("444455556666/eu-west-1")));
}

#[tokio::test(start_paused = true)]
async fn a_source_is_shared_once_for_all_that_copy_it() {
    let fake = scene(|_| {});
    let third = "777788889999";
    let destinations = ["444455556666/eu-west-1", "444455556666/us-east-1", "777788889999/us-east-1"];
    let all = plan(destinations.map(|to| {
        let shared_with = Some(destinations.join(" ").into());
        Action::CopySnapshot(Box::new(NewCopy { shared_with, ..new_copy("snap-1", to) }))
    }));
    let applied = run(&fake, &all).await;
    assert_eq!(outcomes(&applied), [Outcome::Done; 3], "{applied:?}");
    assert_eq!(fake.calls("CreateTags").len(), 1);
    assert_eq!(fake.calls("ModifySnapshotAttribute").len(), 2);
    assert_eq!(shared(&fake), [OTHER, third]);
    assert_eq!(shared_tag(&fake), Some(destinations.join(" ")));
}

#[tokio::test(start_paused = true)]
async fn what_another_account_does_not_see_yet_is_tried_for_a_while() {
    for (lag, outcome) in [(9, Outcome::Done), (60, Outcome::Failed)] {
        let fake = scene(|fake| fake.world.borrow_mut().sharing_lag = Duration::from_secs(lag));
        let applied = one(&fake, copy("snap-1", "444455556666/eu-west-1")).await;
        assert_eq!(only(&applied).outcome, outcome, "{applied:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_share_of_somebody_elses_is_used_but_neither_marked_nor_taken_back() {
    let fake = scene(|fake| {
        fake.world.borrow_mut().shared.entry("snap-1".into()).or_default().insert(OTHER.into());
    });
    let applied = one(&fake, copy("snap-1", "444455556666/eu-west-1")).await;
    assert_eq!(only(&applied).outcome, Outcome::Done, "{applied:?}");
    assert!(fake.calls("CreateTags").is_empty() && fake.calls("ModifySnapshotAttribute").is_empty());
    // A plan that was wrong about it does no harm either.
    let applied = one(&fake, unshare("snap-1")).await;
    assert_eq!(only(&applied).outcome, Outcome::AlreadyDone, "{applied:?}");
    assert_eq!(shared(&fake), [OTHER]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ends_between_mark_and_share_leaves_what_the_next_takes_back() {
    let fake = scene(|fake| {
        fake.fault(Fault::new("ModifySnapshotAttribute", ErrorKind::Denied));
    });
    let applied = one(&fake, copy("snap-1", "444455556666/eu-west-1")).await;
    assert_eq!(only(&applied).outcome, Outcome::Denied);
    assert!(there(&fake, OTHER, "eu-west-1").is_empty());
    assert_eq!((shared(&fake).len(), shared_tag(&fake).as_deref()), (0, Some("444455556666/eu-west-1")));
    let applied = one(&fake, unshare("snap-1")).await;
    assert_eq!(only(&applied).outcome, Outcome::Done, "{applied:?}");
    assert_eq!(shared_tag(&fake), None);
}

#[tokio::test(start_paused = true)]
async fn a_share_is_taken_back_before_what_tells_of_it_and_others_stay() {
    let fake = scene(|fake| {
        let mut world = fake.world.borrow_mut();
        world.shared.entry("snap-1".into()).or_default().extend([OTHER.into(), "777788889999".into()]);
        let text = "444455556666/eu-west-1 444455556666/us-east-1 777788889999/eu-west-1";
        world.snapshots.get_mut("snap-1").unwrap().tags.set(SHARED_WITH, text);
    });
    let applied = one(&fake, unshare("snap-1")).await;
    assert_eq!(only(&applied).outcome, Outcome::Done);
    assert_eq!(shared(&fake), ["777788889999"]);
    assert_eq!(shared_tag(&fake).as_deref(), Some("777788889999/eu-west-1"));
    let order: Vec<_> = fake.world.borrow().calls.iter().map(|call| call.operation).collect();
    assert_eq!(order, ["DescribeSnapshots", "ModifySnapshotAttribute", "CreateTags"]);
}

#[tokio::test(start_paused = true)]
async fn a_share_that_could_not_be_taken_back_keeps_its_mark() {
    let fake = scene(|fake| {
        let mut world = fake.world.borrow_mut();
        world.shared.entry("snap-1".into()).or_default().insert(OTHER.into());
        world.snapshots.get_mut("snap-1").unwrap().tags.set(SHARED_WITH, "444455556666/eu-west-1");
        drop(world);
        fake.fault(Fault::new("ModifySnapshotAttribute", ErrorKind::Unknown).always());
    });
    let applied = one(&fake, unshare("snap-1")).await;
    assert_eq!(only(&applied).outcome, Outcome::Unknown);
    assert_eq!(shared_tag(&fake).as_deref(), Some("444455556666/eu-west-1"));
}

#[tokio::test(start_paused = true)]
async fn a_source_under_the_accounts_own_key_is_refused_with_the_remedy() {
    let fake = scene(|fake| {
        let mut world = fake.world.borrow_mut();
        world.own_key.insert("snap-1".into());
        world.snapshots.get_mut("snap-1").unwrap().encrypted = true;
    });
    let secret = NewCopy { encrypted: true, ..new_copy("snap-1", "444455556666/eu-west-1") };
    let all = plan([Action::CopySnapshot(Box::new(secret)), copy("snap-1", "us-east-1")]);
    let applied = run(&fake, &all).await;
    assert_eq!(outcomes(&applied), [Outcome::Failed, Outcome::Done]);
    for word in ["444455556666", "aws/ebs", "customer managed key"] {
        assert!(applied.results[0].detail.contains(word), "{}", applied.results[0].detail);
    }
    assert!(fake.elsewhere(OTHER, "eu-west-1").calls("CopySnapshot").is_empty());
}

#[tokio::test(start_paused = true)]
async fn marks_and_holds_are_written_after_a_last_look() {
    let copied = lineage("snap-1");
    let mark = |before: Tags| {
        Action::MarkCopied(Box::new(MarkCopied {
            snapshot_id: "snap-1".into(),
            volume_id: "vol-1".into(),
            before,
            tags: tags([(COPIED_TO, "us-east-1")]),
        }))
    };
    let follow = |before: Tags| {
        Action::FollowSource(Box::new(FollowSource {
            snapshot_id: "snap-copy".into(),
            destination: to("us-east-1"),
            source_id: "snap-1".into(),
            volume_id: "vol-1".into(),
            before,
            tags: tags([(tags::KEEP_FOREVER, "yes")]),
        }))
    };
    let fake = scene(|fake| fake.elsewhere(HOME, "us-east-1").snapshot("snap-copy", "vol-ffffffff", 0, copied.clone()));
    let applied = run(&fake, &plan([mark(old()), follow(copied.clone())])).await;
    assert_eq!(outcomes(&applied), [Outcome::Done, Outcome::Done], "{applied:?}");
    assert_eq!(applied.results[1].detail, "us-east-1");
    assert_eq!(fake.tags_of("snap-1").unwrap().get(COPIED_TO), Some("us-east-1"));
    let away = fake.elsewhere(HOME, "us-east-1");
    assert_eq!(away.tags_of("snap-copy").unwrap().get(tags::KEEP_FOREVER), Some("yes"));
    // What is not as it was is left for the next run.
    let applied = run(&fake, &plan([mark(old()), follow(copied)])).await;
    assert_eq!(outcomes(&applied), [Outcome::Changed, Outcome::Changed]);
    assert!(applied.results[1].detail.starts_with("us-east-1: "), "{}", applied.results[1].detail);
}

#[tokio::test(start_paused = true)]
async fn what_this_run_itself_wrote_keeps_nothing_from_going() {
    let marked = || {
        let mut marked = old();
        marked.set(SHARED_WITH, "444455556666/eu-west-1");
        marked
    };
    let fake = Fake::new();
    fake.snapshot("snap-1", "vol-1", 30, marked());
    let Action::DeleteSnapshot(deletion) = delete("snap-1") else { panic!("no deletion") };
    let deletion = Action::DeleteSnapshot(ebskeep_core::plan::Deletion { tags: marked(), ..deletion });
    let applied = run(&fake, &plan([unshare("snap-1"), deletion])).await;
    assert_eq!(outcomes(&applied), [Outcome::Done, Outcome::Done], "{applied:?}");
    assert_eq!(fake.tags_of("snap-1"), None);
}
