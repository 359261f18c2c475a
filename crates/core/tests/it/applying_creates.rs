//! Taking snapshots of single volumes.

use std::time::Duration;

use ebskeep_core::cloud::ErrorKind;
use ebskeep_core::inventory::{Snapshot, SnapshotState};
use ebskeep_core::plan::{Action, NewSnapshot};
use ebskeep_core::report::Outcome;
use ebskeep_core::site::{LocalSite, Location, Stored};
use ebskeep_core::tags::{self, Tags};
use jiff::SignedDuration;

use crate::fake::{self, Fake, Fault, START};
use crate::plans::{codes, create, delete, deletions, finish, new, only, ours, outcomes, plan, run};

fn volumes(ids: &[&str]) -> Fake {
    let fake = Fake::new();
    for id in ids {
        fake.volume(id);
    }
    fake
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_bears_our_tags_and_those_carried_over_from_the_first_moment() {
    let _proof = ebskeep_proofs::proves(&["5.1"]);
    let fake = volumes(&["vol-1"]);
    let mut new = new("vol-1");
    new.carried.set("Type", "theirs");
    let applied = run(&fake, &plan([Action::CreateSnapshot(Box::new(new))])).await;
    let result = only(&applied);
    assert_eq!((result.outcome, result.resource.as_str(), result.detail.as_str()), (Outcome::Done, "vol-1", ""));
    let made = fake.tags_of(result.snapshot_id.as_ref().unwrap().as_str()).unwrap();
    assert_eq!(
        (made.get("Type"), made.get("team"), made.get("ebskeep:deployment")),
        (Some("Automated"), Some("blue"), Some("default"))
    );
    assert!(fake.calls("CreateTags").is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_failure_stops_nothing_else() {
    let fake = volumes(&["vol-1", "vol-2", "vol-3"]);
    fake.fault(Fault::new("CreateSnapshot", ErrorKind::Denied).about("vol-2").always());
    let applied = run(&fake, &plan([create("vol-1"), create("vol-2"), create("vol-3")])).await;
    assert_eq!(outcomes(&applied), [Outcome::Done, Outcome::Denied, Outcome::Done]);
    assert!(applied.results[1].detail.contains("allow ec2:CreateSnapshot"), "{}", applied.results[1].detail);
}

#[tokio::test(start_paused = true)]
async fn a_volume_snapshotted_just_now_is_looked_at_again_after_fifteen_seconds_and_then_taken() {
    let _proof = ebskeep_proofs::proves(&["6.9"]);
    let fake = volumes(&["vol-1"]);
    fake.fault(Fault::new("CreateSnapshot", ErrorKind::PerVolumeRate));
    let applied = run(&fake, &plan([create("vol-1")])).await;
    assert_eq!(only(&applied).outcome, Outcome::Done);
    let at: Vec<_> = fake.calls("CreateSnapshot").iter().map(|call| call.at.round()).collect();
    assert_eq!((at, fake.calls("DescribeSnapshots").len()), (vec![0., 15.], 1));
}

#[tokio::test(start_paused = true)]
async fn hundreds_of_volumes_that_wait_hold_up_none_that_need_not() {
    let busy: Vec<String> = (0..300).map(|n| format!("vol-busy{n}")).collect();
    let free: Vec<String> = (0..10).map(|n| format!("vol-free{n}")).collect();
    let ids: Vec<&str> = busy.iter().chain(&free).map(String::as_str).collect();
    let fake = volumes(&ids);
    fake.fault(Fault::new("CreateSnapshot", ErrorKind::PerVolumeRate).about("vol-busy").times(150));
    fake.fault(Fault::new("CreateSnapshot", ErrorKind::ConcurrencyLimit).about("vol-busy").times(150));
    let applied = run(&fake, &plan(ids.iter().map(|id| create(id)))).await;
    assert!(outcomes(&applied).iter().all(|outcome| *outcome == Outcome::Done));
    let last = |what| fake.calls("CreateSnapshot").iter().rfind(|call| call.about.starts_with(what)).unwrap().at;
    // 310 calls at 80 in a burst and then 4 a second; the waiting ones come after.
    assert!(last("vol-free") < 59. && last("vol-busy") > 100., "{} {}", last("vol-free"), last("vol-busy"));
}

#[tokio::test(start_paused = true)]
async fn what_another_run_took_for_the_same_slot_a_moment_ago_is_not_taken_twice() {
    let _proof = ebskeep_proofs::proves(&["6.9", "2.1.19"]);
    let fake = volumes(&["vol-1"]);
    fake.fault(Fault::new("CreateSnapshot", ErrorKind::PerVolumeRate));
    let theirs = fake::snapshot("snap-theirs", "vol-1", START, new("vol-1").tags);
    fake.world.borrow_mut().snapshots.insert("snap-theirs".into(), theirs);
    let applied = run(&fake, &plan([create("vol-1")])).await;
    let result = only(&applied);
    assert_eq!((result.outcome, result.snapshot_id.as_ref().unwrap().as_str()), (Outcome::AlreadyDone, "snap-theirs"));
    assert_eq!(fake.calls("CreateSnapshot").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_volume_gone_since_it_was_planned_is_told_as_such() {
    let fake = volumes(&[]);
    let applied = run(&fake, &plan([create("vol-1")])).await;
    assert_eq!(only(&applied).outcome, Outcome::Changed);
    assert!(only(&applied).detail.contains("gone since it was planned"));
}

#[tokio::test(start_paused = true)]
async fn refused_because_of_its_tags_it_is_taken_with_ours_alone() {
    let _proof = ebskeep_proofs::proves(&["5.17"]);
    let fake = volumes(&["vol-1"]);
    fake.world.borrow_mut().bad_keys = ["team"].into();
    let applied = run(&fake, &plan([create("vol-1")])).await;
    assert_eq!(only(&applied).outcome, Outcome::Done);
    assert!(only(&applied).detail.contains("without the tags carried over"));
    assert_eq!(codes(&applied), ["carried-tags-refused"]);
    let id = only(&applied).snapshot_id.clone().unwrap();
    assert_eq!(fake.tags_of(id.as_str()), Some(ours()));
}

#[tokio::test(start_paused = true)]
async fn refused_because_of_our_own_tags_it_is_tried_once_more_and_no_more() {
    let _proof = ebskeep_proofs::proves(&["5.17"]);
    let fake = volumes(&["vol-1"]);
    fake.world.borrow_mut().bad_keys = ["Type"].into();
    let applied = run(&fake, &plan([create("vol-1")])).await;
    assert_eq!(only(&applied).outcome, Outcome::Failed);
    assert_eq!(fake.calls("CreateSnapshot").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn with_no_tags_carried_over_there_is_nothing_to_try_without() {
    let fake = volumes(&["vol-1"]);
    fake.world.borrow_mut().bad_keys = ["Type"].into();
    let bare = NewSnapshot { carried: Tags::new(), ..new("vol-1") };
    let applied = run(&fake, &plan([Action::CreateSnapshot(Box::new(bare))])).await;
    assert_eq!(only(&applied).outcome, Outcome::Failed);
    assert_eq!(fake.calls("CreateSnapshot").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn refused_for_something_else_it_is_not_tried_without_tags() {
    let fake = volumes(&["vol-1"]);
    let fault = Fault::new("CreateSnapshot", ErrorKind::Quota).said("SnapshotLimitExceeded", "100000 are there");
    fake.fault(fault.always());
    let applied = run(&fake, &plan([create("vol-1")])).await;
    assert_eq!(only(&applied).outcome, Outcome::Failed);
    assert_eq!(fake.calls("CreateSnapshot").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_answer_the_slot_is_looked_up_and_the_snapshot_found() {
    let _proof = ebskeep_proofs::proves(&["6.6", "6.7"]);
    let fake = volumes(&["vol-1"]);
    fake.world.borrow_mut().lag = Duration::from_secs(10);
    fake.fault(Fault::new("CreateSnapshot", ErrorKind::Unknown).after_effect());
    let applied = run(&fake, &plan([create("vol-1")])).await;
    assert_eq!(only(&applied).outcome, Outcome::Done);
    assert_eq!(only(&applied).snapshot_id.as_ref().unwrap().as_str(), "snap-new1");
    assert_eq!(fake.calls("CreateSnapshot").len(), 1);
    let looks: Vec<_> = fake.calls("DescribeSnapshots").iter().map(|call| call.at.round()).collect();
    assert_eq!(looks, [2., 4., 8., 16.]);
    let about = &fake.calls("DescribeSnapshots")[0].about;
    assert!(about.contains("volume-id=vol-1") && about.contains("tag:ebskeep:slot="), "{about}");
}

#[tokio::test(start_paused = true)]
async fn once_found_it_is_looked_for_no_longer() {
    let fake = volumes(&["vol-1"]);
    fake.fault(Fault::new("CreateSnapshot", ErrorKind::Unknown).after_effect());
    run(&fake, &plan([create("vol-1")])).await;
    assert_eq!(fake.calls("DescribeSnapshots").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_call_that_did_nothing_it_is_taken_once() {
    let _proof = ebskeep_proofs::proves(&["6.7"]);
    let fake = volumes(&["vol-1"]);
    fake.fault(Fault::new("CreateSnapshot", ErrorKind::Unknown));
    let applied = run(&fake, &plan([create("vol-1")])).await;
    assert_eq!(only(&applied).outcome, Outcome::Done);
    assert_eq!(fake.world.borrow().snapshots.len(), 1);
    assert!((fake.calls("CreateSnapshot").last().unwrap().at - 16.).abs() < 0.1);
}

#[tokio::test(start_paused = true)]
async fn unknown_twice_stays_unknown() {
    let fake = volumes(&["vol-1"]);
    fake.fault(Fault::new("CreateSnapshot", ErrorKind::Unknown).always());
    let applied = run(&fake, &plan([create("vol-1")])).await;
    assert_eq!(only(&applied).outcome, Outcome::Unknown);
    assert_eq!(fake.calls("CreateSnapshot").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_a_look_there_is_no_second_attempt() {
    let _proof = ebskeep_proofs::proves(&["6.8"]);
    let fake = volumes(&["vol-1"]);
    fake.fault(Fault::new("CreateSnapshot", ErrorKind::Unknown));
    fake.fault(Fault::new("DescribeSnapshots", ErrorKind::Denied).always());
    let applied = run(&fake, &plan([create("vol-1")])).await;
    assert_eq!(only(&applied).outcome, Outcome::Unknown);
    assert_eq!(fake.calls("CreateSnapshot").len(), 1);
    assert!(only(&applied).detail.contains("could not look for it"));
}

/// Whether a snapshot that is there passes for the one whose answer was lost.
async fn passes_for_ours(change: impl FnOnce(&mut Snapshot)) -> bool {
    let fake = volumes(&["vol-1"]);
    let mut there = fake::snapshot("snap-there", "vol-1", START, ours());
    change(&mut there);
    fake.world.borrow_mut().snapshots.insert("snap-there".into(), there);
    fake.fault(Fault::new("CreateSnapshot", ErrorKind::Unknown));
    run(&fake, &plan([create("vol-1")])).await;
    fake.calls("CreateSnapshot").len() == 1
}

#[tokio::test(start_paused = true)]
async fn only_what_this_run_can_have_begun_passes_for_the_lost_snapshot() {
    assert!(passes_for_ours(|_| {}).await);
    assert!(passes_for_ours(|s| s.started = START - SignedDuration::from_secs(30)).await);
    assert!(!passes_for_ours(|s| s.started = START - SignedDuration::from_mins(5)).await);
    assert!(!passes_for_ours(|s| s.state = SnapshotState::Error).await);
    assert!(!passes_for_ours(|s| s.volume = "vol-2".into()).await);
    assert!(!passes_for_ours(|s| s.tags.set(tags::DEPLOYMENT, "other")).await);
    assert!(!passes_for_ours(|s| s.tags.set(tags::SLOT, "2026-01-01T00:00:00Z")).await);
}

#[tokio::test(start_paused = true)]
async fn creations_come_first_then_unwritten_tags_then_deletions() {
    let _proof = ebskeep_proofs::proves(&["6.17"]);
    let fake = volumes(&["vol-1"]);
    let mut all = deletions(&fake, &["snap-old"]);
    fake.snapshot("snap-half", "vol-1", 1, ours());
    all.actions = vec![delete("snap-old"), finish("snap-half"), create("vol-1")];
    let applied = run(&fake, &all).await;
    assert_eq!(outcomes(&applied), [Outcome::Done; 3]);
    let order: Vec<_> = fake.world.borrow().calls.iter().map(|call| call.operation).collect();
    assert_eq!(
        order,
        ["CreateSnapshot", "CreateTags", "DeleteTags", "DescribeSnapshots", "CreateTags", "DeleteSnapshot"]
    );
    // Results keep the plan's order.
    let resources: Vec<_> = applied.results.iter().map(|result| result.resource.as_str()).collect();
    assert_eq!(resources, ["snap-old", "snap-half", "vol-1"]);
}

#[tokio::test(start_paused = true)]
async fn tags_left_unwritten_are_written_before_the_old_one_is_removed() {
    let fake = volumes(&[]);
    let mut half = ours();
    half.set(tags::RETENTION, tags::UNSET);
    fake.snapshot("snap-half", "vol-1", 1, half);
    fake.fault(Fault::new("DeleteTags", ErrorKind::Denied));
    let applied = run(&fake, &plan([finish("snap-half")])).await;
    assert_eq!(only(&applied).outcome, Outcome::Denied);
    let now = fake.tags_of("snap-half").unwrap();
    assert_eq!((now.get("DeleteOn"), now.get(tags::RETENTION)), (Some("2026-03-08"), Some("unset")));
    run(&fake, &plan([finish("snap-half")])).await;
    assert_eq!(fake.tags_of("snap-half").unwrap().get(tags::RETENTION), None);
}

#[tokio::test(start_paused = true)]
async fn tags_of_a_snapshot_that_is_gone_are_nobodys() {
    let fake = volumes(&[]);
    let applied = run(&fake, &plan([finish("snap-half")])).await;
    assert_eq!(only(&applied).outcome, Outcome::Changed);
}

#[tokio::test(start_paused = true)]
async fn volumes_that_have_to_wait_hold_up_no_others() {
    let ids: Vec<String> = (0..60).map(|n| format!("vol-{n:02}")).collect();
    let fake = volumes(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    fake.fault(Fault::new("CreateSnapshot", ErrorKind::ConcurrencyLimit).about("vol-0").always());
    let applied = run(&fake, &plan(ids.iter().map(|id| create(id)))).await;
    assert_eq!(applied.results.iter().filter(|r| r.outcome == Outcome::Done).count(), 50);
    let late = fake.calls("CreateSnapshot").into_iter().filter(|call| !call.about.starts_with("vol-0"));
    assert!(late.map(|call| call.at).fold(0., f64::max) < 1.);
}

fn outpost() -> LocalSite {
    LocalSite::Outpost("arn:aws:outposts:eu-west-1:111122223333:outpost/op-1".into())
}

/// A snapshot of a volume on an Outpost.
fn on_outpost(volume: &str, stored: Stored) -> Action {
    let location = Some(Location { site: outpost(), stored });
    Action::CreateSnapshot(Box::new(NewSnapshot { location, ..new(volume) }))
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_stored_where_the_plan_says() {
    for (stored, site) in [(Stored::Region, None), (Stored::Local, Some(outpost()))] {
        let fake = volumes(&["vol-1"]);
        let applied = run(&fake, &plan([on_outpost("vol-1", stored)])).await;
        assert_eq!((only(&applied).outcome, only(&applied).detail.as_str()), (Outcome::Done, ""));
        assert_eq!(fake.world.borrow().sites, [site]);
    }
}

#[tokio::test(start_paused = true)]
async fn refused_for_its_place_it_is_tried_once_at_the_other() {
    let _proof = ebskeep_proofs::proves(&["6.123"]);
    for kind in [ErrorKind::Invalid, ErrorKind::Other] {
        for (stored, sites) in [(Stored::Region, [None, Some(outpost())]), (Stored::Local, [Some(outpost()), None])] {
            let fake = volumes(&["vol-1"]);
            match stored {
                Stored::Region => fake.world.borrow_mut().no_region = Some(kind),
                Stored::Local => fake.world.borrow_mut().no_outpost = Some(kind),
            }
            let applied = run(&fake, &plan([on_outpost("vol-1", stored)])).await;
            assert_eq!(only(&applied).outcome, Outcome::Done);
            assert!(only(&applied).detail.contains("refused to store it"), "{}", only(&applied).detail);
            assert_eq!(codes(&applied), ["place-refused"]);
            assert_eq!(fake.world.borrow().sites, sites);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn refused_at_both_places_it_is_tried_no_more() {
    let _proof = ebskeep_proofs::proves(&["6.123"]);
    let fake = volumes(&["vol-1"]);
    (fake.world.borrow_mut().no_region, fake.world.borrow_mut().no_outpost) =
        (Some(ErrorKind::Invalid), Some(ErrorKind::Invalid));
    let applied = run(&fake, &plan([on_outpost("vol-1", Stored::Region)])).await;
    assert_eq!(only(&applied).outcome, Outcome::Failed);
    assert_eq!(fake.calls("CreateSnapshot").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_refusal_of_a_place_is_not_tried_at_another() {
    let _proof = ebskeep_proofs::proves(&["6.126"]);
    for (kind, calls) in [
        (ErrorKind::Denied, 1),
        (ErrorKind::Quota, 1),
        (ErrorKind::NotFound, 1),
        // Looked for in between, and tried once more where it was to be stored.
        (ErrorKind::Unknown, 2),
    ] {
        let fake = volumes(&["vol-1"]);
        fake.world.borrow_mut().no_region = Some(kind);
        let applied = run(&fake, &plan([on_outpost("vol-1", Stored::Region)])).await;
        assert_ne!(only(&applied).outcome, Outcome::Done, "{kind}");
        assert_eq!(fake.world.borrow().sites, vec![None; calls], "{kind}");
        assert!(codes(&applied).is_empty(), "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_tags_is_no_refusal_of_a_place() {
    let _proof = ebskeep_proofs::proves(&["6.126"]);
    let fake = volumes(&["vol-1"]);
    fake.world.borrow_mut().bad_keys = ["Type"].into();
    let applied = run(&fake, &plan([on_outpost("vol-1", Stored::Region)])).await;
    assert_eq!(only(&applied).outcome, Outcome::Failed);
    assert_eq!(codes(&applied), ["carried-tags-refused"]);
    assert_eq!(fake.calls("CreateSnapshot").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn of_a_volume_in_the_region_there_is_no_other_place() {
    let fake = volumes(&["vol-1"]);
    fake.world.borrow_mut().no_region = Some(ErrorKind::Invalid);
    let applied = run(&fake, &plan([create("vol-1")])).await;
    assert_eq!(only(&applied).outcome, Outcome::Failed);
    assert_eq!(fake.calls("CreateSnapshot").len(), 1);
}
