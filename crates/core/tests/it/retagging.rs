//! Writing tags on snapshots that are there: the last look, the order, and what
//! AWS refuses or leaves unanswered.

use ebskeep_core::cloud::ErrorKind;
use ebskeep_core::paced::{Paced, Pacing};
use ebskeep_core::report::{Conclusion, Outcome};
use ebskeep_core::retag::{Retag, Tagged};
use ebskeep_core::stop::{Stop, Why};
use ebskeep_core::tags::Tags;

use crate::fake::{Fake, Fault, Virtual};
use crate::plans::tags;

fn before() -> Tags {
    tags([("keep-until", "2026-04-01"), ("Name", "db")])
}

/// A snapshot to hold, whose hold is spelt otherwise.
fn wanted(id: &str) -> Retag {
    Retag {
        snapshot_id: id.into(),
        tags: before(),
        set: tags([("KeepUntil", "2027-01-01")]),
        remove: vec!["keep-until".into()],
    }
}

fn scene(ids: &[&str]) -> (Fake, Vec<Retag>) {
    let fake = Fake::new();
    for id in ids {
        fake.snapshot(id, "vol-1", 30, before());
    }
    (fake, ids.iter().map(|id| wanted(id)).collect())
}

async fn run(fake: &Fake, retags: &[Retag]) -> Tagged {
    run_until(fake, retags, &Stop::new()).await
}

async fn run_until(fake: &Fake, retags: &[Retag], stop: &Stop) -> Tagged {
    let clock = Virtual::new();
    ebskeep_core::apply::retag(&Paced::new(fake, &clock, stop, &Pacing::new(100)), retags).await
}

fn outcomes(tagged: &Tagged) -> Vec<Outcome> {
    tagged.results.iter().map(|result| result.outcome).collect()
}

#[tokio::test(start_paused = true)]
async fn tags_are_set_before_others_are_removed_and_alike_ones_share_calls() {
    let _proof = ebskeep_proofs::proves(&["6.42"]);
    let ids: Vec<String> = (0..250).map(|n| format!("snap-{n:03}")).collect();
    let (fake, mut retags) = scene(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    retags[7].set.set("KeepReason", "another");
    let tagged = run(&fake, &retags).await;
    assert!(tagged.results.iter().all(|result| result.outcome == Outcome::Done));
    assert_eq!(tagged.results[7].resource, "snap-007");
    assert_eq!(fake.tags_of("snap-249"), Some(tags([("KeepUntil", "2027-01-01"), ("Name", "db")])));
    assert_eq!(fake.tags_of("snap-007").unwrap().get("KeepReason"), Some("another"));
    // 249 alike in batches of 100, and the one.
    assert_eq!((fake.calls("CreateTags").len(), fake.calls("DeleteTags").len()), (4, 4));
    let order: Vec<&str> = fake.world.borrow().calls.iter().map(|call| call.operation).collect();
    assert_eq!(order[..3], ["DescribeSnapshots", "CreateTags", "DeleteTags"]);
    assert_eq!((tagged.conclusion(), tagged.something_done()), (Conclusion::Done, true));
}

#[tokio::test(start_paused = true)]
async fn what_changed_or_went_since_it_was_shown_is_not_touched() {
    let _proof = ebskeep_proofs::proves(&["6.42"]);
    let (fake, retags) = scene(&["snap-1", "snap-2", "snap-3"]);
    fake.world.borrow_mut().snapshots.get_mut("snap-1").unwrap().tags.set("Name", "web");
    fake.world.borrow_mut().snapshots.remove("snap-2");
    let tagged = run(&fake, &retags).await;
    assert_eq!(outcomes(&tagged), [Outcome::Changed, Outcome::Changed, Outcome::Done]);
    assert!(tagged.results[0].detail.contains("\"Name\" changed"), "{}", tagged.results[0].detail);
    assert_eq!(fake.tags_of("snap-1").unwrap().get("KeepUntil"), None);
    assert_eq!(tagged.conclusion(), Conclusion::Partial);
}

#[tokio::test(start_paused = true)]
async fn one_that_goes_after_the_look_costs_the_others_nothing() {
    let (fake, retags) = scene(&["snap-1", "snap-2"]);
    fake.after("DescribeSnapshots", |world| {
        world.snapshots.remove("snap-1");
    });
    assert_eq!(outcomes(&run(&fake, &retags).await), [Outcome::Changed, Outcome::Done]);
}

#[tokio::test(start_paused = true)]
async fn nothing_to_write_makes_no_call() {
    let (fake, mut retags) = scene(&["snap-1"]);
    retags[0].set = Tags::new();
    retags[0].remove = Vec::new();
    let tagged = run(&fake, &retags).await;
    assert_eq!(outcomes(&tagged), [Outcome::AlreadyDone]);
    assert!(fake.world.borrow().calls.is_empty());
    assert_eq!((tagged.conclusion(), tagged.something_done()), (Conclusion::Done, false));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_again_and_in_the_end_told_as_unknown() {
    let (fake, retags) = scene(&["snap-1"]);
    fake.fault(Fault::new("CreateTags", ErrorKind::Unknown).after_effect());
    fake.fault(Fault::new("DeleteTags", ErrorKind::Unknown).after_effect());
    assert_eq!(outcomes(&run(&fake, &retags).await), [Outcome::Done]);

    let (fake, retags) = scene(&["snap-1"]);
    fake.fault(Fault::new("CreateTags", ErrorKind::Unknown).always());
    let tagged = run(&fake, &retags).await;
    assert_eq!(outcomes(&tagged), [Outcome::Unknown]);
    assert!(fake.calls("DeleteTags").is_empty(), "nothing is removed before what replaces it is known to be there");
    assert_eq!(tagged.conclusion(), Conclusion::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_denial_is_an_outcome_and_says_how_far_it_came() {
    let (fake, retags) = scene(&["snap-1", "snap-2"]);
    fake.fault(Fault::new("CreateTags", ErrorKind::Denied).about("snap-1").times(2));
    let tagged = run(&fake, &retags).await;
    assert_eq!(outcomes(&tagged), [Outcome::Denied, Outcome::Done]);
    assert!(tagged.results[0].detail.contains("allow ec2:CreateTags"), "{}", tagged.results[0].detail);
    assert_eq!(fake.tags_of("snap-1"), Some(before()));

    let (fake, retags) = scene(&["snap-1"]);
    fake.fault(Fault::new("DeleteTags", ErrorKind::Denied).always());
    let tagged = run(&fake, &retags).await;
    assert_eq!(outcomes(&tagged), [Outcome::Denied]);
    assert!(tagged.results[0].detail.contains("the old ones not removed"), "{}", tagged.results[0].detail);
    assert_eq!(fake.tags_of("snap-1").unwrap().get("KeepUntil"), Some("2027-01-01"), "the longer hold is on");

    let (fake, retags) = scene(&["snap-1"]);
    fake.fault(Fault::new("DescribeSnapshots", ErrorKind::Denied).always());
    assert_eq!(outcomes(&run(&fake, &retags).await), [Outcome::Denied]);
    assert!(fake.calls("CreateTags").is_empty(), "without a last look nothing is written");
}

#[tokio::test(start_paused = true)]
async fn a_stop_leaves_the_rest_unbegun() {
    let (fake, retags) = scene(&["snap-1"]);
    let stop = Stop::new();
    stop.raise(Why::Interrupted);
    let tagged = run_until(&fake, &retags, &stop).await;
    assert_eq!(outcomes(&tagged), [Outcome::NotStarted]);
    assert_eq!((tagged.conclusion(), tagged.something_done()), (Conclusion::Unfinished, false));
    assert!(fake.world.borrow().calls.is_empty());
}
