//! Taking an instance's volumes together.

use std::time::Duration;

use ebskeep_core::apply::Applied;
use ebskeep_core::cloud::ErrorKind;
use ebskeep_core::plan::Action;
use ebskeep_core::report::Outcome;
use ebskeep_core::site::{LocalSite, Location, Stored};
use ebskeep_core::tags;

use crate::fake::{self, Fake, Fault, START};
use crate::plans::{codes, new, outcomes, plan, run, set};

fn pair() -> Fake {
    let fake = Fake::new();
    fake.instance("i-1", &["vol-1", "vol-2"]);
    fake
}

async fn take(fake: &Fake) -> Applied {
    run(fake, &plan([set("i-1", &["vol-1", "vol-2"])])).await
}

#[tokio::test(start_paused = true)]
async fn all_members_are_taken_by_one_call_and_then_get_their_own_tags() {
    let _proof = ebskeep_proofs::proves(&["5.19", "5.21"]);
    let fake = pair();
    let applied = take(&fake).await;
    assert_eq!(outcomes(&applied), [Outcome::Done; 2]);
    assert_eq!((fake.calls("CreateSnapshots").len(), fake.calls("CreateSnapshot").len()), (1, 0));
    for (result, volume) in applied.results.iter().zip(["vol-1", "vol-2"]) {
        assert_eq!(result.resource, volume);
        let now = fake.tags_of(result.snapshot_id.as_ref().unwrap().as_str()).unwrap();
        assert_eq!((now.get(tags::VOLUME), now.get("DeleteOn")), (Some(volume), Some("2026-03-08")));
        assert_eq!((now.get(tags::RETENTION), now.get("team")), (None, Some("blue")));
    }
    // First written, then removed: a crash between the two keeps too long.
    let calls = fake.world.borrow().calls.clone();
    for id in ["snap-new1", "snap-new2"] {
        let of: Vec<_> = calls.iter().filter(|call| call.about == id).map(|call| call.operation).collect();
        assert_eq!(of, ["CreateTags", "DeleteTags"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_aws_does_not_know_yet_is_tagged_a_little_later() {
    let fake = pair();
    fake.world.borrow_mut().lag = Duration::from_secs(5);
    assert_eq!(outcomes(&take(&fake).await), [Outcome::Done; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_member_whose_own_tags_are_not_written_is_taken_but_not_done() {
    let fake = pair();
    fake.fault(Fault::new("CreateTags", ErrorKind::Denied).about("snap-new2"));
    let applied = take(&fake).await;
    assert_eq!(outcomes(&applied), [Outcome::Done, Outcome::Failed]);
    let second = &applied.results[1];
    assert_eq!(second.snapshot_id.as_ref().unwrap().as_str(), "snap-new2");
    assert!(second.detail.starts_with("taken, but its own tags were not written"), "{}", second.detail);
    assert!(second.detail.ends_with("the next run writes them"));
    // What it bears until then keeps it.
    assert_eq!(fake.tags_of("snap-new2").unwrap().get(tags::RETENTION), Some(tags::UNSET));
}

#[tokio::test(start_paused = true)]
async fn a_refused_set_is_taken_one_by_one_whatever_the_reason() {
    let _proof = ebskeep_proofs::proves(&["6.4"]);
    let kinds = [
        ErrorKind::Denied,
        ErrorKind::Invalid,
        ErrorKind::NotFound,
        ErrorKind::Quota,
        ErrorKind::Other,
        ErrorKind::ConcurrencyLimit,
        ErrorKind::PerVolumeRate,
        ErrorKind::Throttled,
        ErrorKind::Unavailable,
    ];
    for kind in kinds {
        let fake = pair();
        fake.fault(Fault::new("CreateSnapshots", kind).always());
        let applied = take(&fake).await;
        assert_eq!(outcomes(&applied), [Outcome::Done; 2], "{kind}");
        assert_eq!(codes(&applied), ["set-broken"], "{kind}");
        assert!(applied.results[0].detail.contains("set-broken"), "{}", applied.results[0].detail);
        let calls = fake.calls("CreateSnapshot");
        assert_eq!(calls.iter().map(|call| call.about.as_str()).collect::<Vec<_>>(), ["vol-1", "vol-2"]);
        assert_eq!(fake.tags_of("snap-new1").unwrap().get("DeleteOn"), Some("2026-03-08"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_set_that_another_run_took_a_moment_ago_is_not_taken_twice() {
    let fake = pair();
    fake.fault(Fault::new("CreateSnapshots", ErrorKind::PerVolumeRate));
    for volume in ["vol-1", "vol-2"] {
        let id = format!("snap-theirs-{volume}");
        let theirs = fake::snapshot(&id, volume, START, new(volume).tags);
        fake.world.borrow_mut().snapshots.insert(id, theirs);
    }
    let applied = take(&fake).await;
    assert_eq!(outcomes(&applied), [Outcome::Done; 2]);
    assert!(applied.results.iter().all(|r| r.snapshot_id.as_ref().unwrap().as_str().starts_with("snap-theirs")));
    assert_eq!((fake.calls("CreateSnapshots").len(), fake.calls("CreateSnapshot").len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn in_a_refused_set_one_volumes_failure_never_stops_anothers() {
    let _proof = ebskeep_proofs::proves(&["6.5"]);
    let fake = pair();
    fake.fault(Fault::new("CreateSnapshots", ErrorKind::Other).always());
    fake.fault(Fault::new("CreateSnapshot", ErrorKind::Other).about("vol-1").always());
    assert_eq!(outcomes(&take(&fake).await), [Outcome::Failed, Outcome::Done]);
}

#[tokio::test(start_paused = true)]
async fn a_set_refused_because_of_its_tags_is_taken_with_ours_alone() {
    let _proof = ebskeep_proofs::proves(&["5.17"]);
    let fake = pair();
    fake.world.borrow_mut().bad_keys = ["team"].into();
    let applied = take(&fake).await;
    assert_eq!(outcomes(&applied), [Outcome::Done; 2]);
    assert_eq!(codes(&applied), ["carried-tags-refused"]);
    assert_eq!((fake.calls("CreateSnapshots").len(), fake.calls("CreateSnapshot").len()), (2, 0));
    assert_eq!(fake.tags_of("snap-new1").unwrap().get("team"), None);
}

#[tokio::test(start_paused = true)]
async fn a_members_carried_tag_that_aws_refuses_costs_it_no_tag_of_ours() {
    let fake = pair();
    fake.world.borrow_mut().bad_keys = ["only-mine"].into();
    let mut action = set("i-1", &["vol-1", "vol-2"]);
    if let Action::CreateSet(set) = &mut action {
        set.members[0].own_tags.set("only-mine", "x");
    }
    let applied = run(&fake, &plan([action])).await;
    assert_eq!(outcomes(&applied), [Outcome::Done; 2]);
    assert_eq!(codes(&applied), ["carried-tags-refused"]);
    assert_eq!(fake.tags_of("snap-new1").unwrap().get("DeleteOn"), Some("2026-03-08"));
}

#[tokio::test(start_paused = true)]
async fn a_member_whose_tag_of_ours_aws_refuses_is_left_for_the_next_run() {
    let fake = pair();
    fake.world.borrow_mut().bad_keys = ["DeleteOn", "ebskeep:volume"].into();
    let applied = take(&fake).await;
    assert_eq!(outcomes(&applied), [Outcome::Failed; 2]);
    // Once with all, once with what is also written on one taken alone.
    assert_eq!(fake.calls("CreateTags").len(), 4);
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_answer_the_set_is_looked_up_and_its_members_tagged() {
    let fake = pair();
    fake.world.borrow_mut().lag = Duration::from_secs(3);
    fake.fault(Fault::new("CreateSnapshots", ErrorKind::Unknown).after_effect());
    let applied = take(&fake).await;
    assert_eq!(outcomes(&applied), [Outcome::Done; 2]);
    assert_eq!(fake.world.borrow().snapshots.len(), 2);
    let asked = &fake.calls("DescribeSnapshots")[0].about;
    assert!(
        asked.contains("volume-id=vol-1") && asked.contains("vol-2") && asked.contains("tag:ebskeep:slot="),
        "{asked}"
    );
    assert_eq!(fake.tags_of("snap-new2").unwrap().get("DeleteOn"), Some("2026-03-08"));
}

#[tokio::test(start_paused = true)]
async fn a_lost_set_of_which_one_is_missing_gets_that_one_alone() {
    let fake = pair();
    fake.fault(Fault::new("CreateSnapshots", ErrorKind::Unknown).after_effect());
    fake.after("CreateSnapshots", |world| {
        world.snapshots.remove("snap-new2");
    });
    let applied = take(&fake).await;
    assert_eq!(outcomes(&applied), [Outcome::Done; 2]);
    assert_eq!((fake.calls("CreateSnapshots").len(), fake.calls("CreateSnapshot").len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_lost_set_of_which_nothing_is_there_is_tried_once_more() {
    let fake = pair();
    fake.fault(Fault::new("CreateSnapshots", ErrorKind::Unknown));
    assert_eq!(outcomes(&take(&fake).await), [Outcome::Done; 2]);
    assert_eq!(fake.calls("CreateSnapshots").len(), 2);

    let fake = pair();
    fake.fault(Fault::new("CreateSnapshots", ErrorKind::Unknown).always());
    assert_eq!(outcomes(&take(&fake).await), [Outcome::Unknown; 2]);
    assert_eq!((fake.calls("CreateSnapshots").len(), fake.calls("CreateSnapshot").len()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_lost_set_that_cannot_be_looked_up_stays_unknown() {
    let fake = pair();
    fake.fault(Fault::new("CreateSnapshots", ErrorKind::Unknown));
    fake.fault(Fault::new("DescribeSnapshots", ErrorKind::Denied).always());
    assert_eq!(outcomes(&take(&fake).await), [Outcome::Unknown; 2]);
    assert_eq!((fake.calls("CreateSnapshots").len(), fake.calls("CreateSnapshot").len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_volume_attached_since_it_was_planned_is_told() {
    let _proof = ebskeep_proofs::proves(&["6.10"]);
    let fake = Fake::new();
    fake.instance("i-1", &["vol-1", "vol-2", "vol-late"]);
    let applied = take(&fake).await;
    assert_eq!(outcomes(&applied), [Outcome::Done; 2]);
    assert_eq!(codes(&applied), ["stray-set-member"]);
    assert_eq!(applied.notes[0].resource, "snap-new3");
    assert!(applied.notes[0].detail.contains("vol-late"));
}

#[tokio::test(start_paused = true)]
async fn a_volume_detached_since_it_was_planned_is_taken_alone() {
    let fake = Fake::new();
    fake.instance("i-1", &["vol-1"]);
    fake.volume("vol-2");
    let applied = take(&fake).await;
    assert_eq!(outcomes(&applied), [Outcome::Done; 2]);
    assert_eq!(fake.calls("CreateSnapshot").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_set_refused_for_its_place_is_taken_one_by_one_at_the_other() {
    let _proof = ebskeep_proofs::proves(&["6.123", "6.124"]);
    let site = LocalSite::Outpost("arn:aws:outposts:eu-west-1:111122223333:outpost/op-1".into());
    let location = Some(Location { site: site.clone(), stored: Stored::Region });
    let mut action = set("i-1", &["vol-1", "vol-2"]);
    let Action::CreateSet(planned) = &mut action else { panic!("{action:?}") };
    planned.location = location.clone();
    planned.members.iter_mut().for_each(|member| member.alone.location = location.clone());
    let fake = pair();
    fake.world.borrow_mut().no_region = Some(ErrorKind::Invalid);
    let applied = run(&fake, &plan([action])).await;
    assert_eq!(outcomes(&applied), [Outcome::Done; 2]);
    let mut codes = codes(&applied);
    codes.sort_unstable();
    assert_eq!(codes, ["place-refused", "place-refused", "set-broken"]);
    let mut sites = fake.world.borrow().sites.clone();
    sites.sort();
    assert_eq!(sites, [None, None, None, Some(site.clone()), Some(site)]);
}
