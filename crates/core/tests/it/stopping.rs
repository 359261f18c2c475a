//! What a run does once it is told to stop.

use std::time::Duration;

use ebskeep_core::cloud::ErrorKind;
use ebskeep_core::plan::{CheckResult, Job, Plan, Refuses};
use ebskeep_core::report::{Outcome, Report};
use ebskeep_core::stop::{Stop, Why};
use ebskeep_core::tags;

use crate::fake::{Fake, Fault};
use crate::plans::{create, deletions, outcomes, plan, run_until, set};

/// Carries a plan out and stops it after so many seconds.
async fn stop_after(fake: &Fake, plan: &Plan, seconds: u64) -> ebskeep_core::apply::Applied {
    let stop = Stop::new();
    let (applied, ()) = futures::join!(run_until(fake, plan, &stop), async {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        stop.raise(Why::Interrupted);
    });
    applied
}

#[tokio::test(start_paused = true)]
async fn what_was_not_begun_is_told_as_not_started() {
    let fake = Fake::new();
    fake.instance("i-1", &["vol-1", "vol-2"]);
    let mut all = deletions(&fake, &["snap-1"]);
    all.actions.extend([create("vol-1"), set("i-1", &["vol-1", "vol-2"])]);
    let stop = Stop::new();
    stop.raise(Why::Interrupted);
    let applied = run_until(&fake, &all, &stop).await;
    assert_eq!(outcomes(&applied), [Outcome::NotStarted; 4]);
    assert!(applied.notes.is_empty());
    assert!(fake.world.borrow().calls.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_job_that_a_check_refuses_does_nothing_and_holds_up_no_other() {
    let _proof = ebskeep_proofs::proves(&["4.1", "4.2"]);
    let fake = Fake::new();
    fake.instance("i-1", &["vol-1", "vol-2"]);
    let mut all = deletions(&fake, &["snap-1"]);
    all.jobs = Job::ALL.to_vec();
    all.actions.extend([create("vol-1"), set("i-1", &["vol-1", "vol-2"])]);
    let refuse = |job| vec![CheckResult::new("a-check", false, job, "")];
    all.checks = refuse(Some(Job::Expire));
    let applied = run_until(&fake, &all, &Stop::new()).await;
    assert_eq!(outcomes(&applied), [Outcome::NotStarted, Outcome::Done, Outcome::Done, Outcome::Done]);
    assert!(fake.calls("DeleteSnapshot").is_empty());
    assert!(applied.results[0].detail.contains("a-check"));

    let fake = Fake::new();
    fake.instance("i-1", &["vol-1", "vol-2"]);
    all.checks = refuse(None);
    let applied = run_until(&fake, &all, &Stop::new()).await;
    assert_eq!(outcomes(&applied), [Outcome::NotStarted; 4]);
    let results: Vec<_> = applied.results.iter().map(|r| (r.action, r.resource.as_str())).collect();
    assert_eq!(results, [(0, "snap-1"), (1, "vol-1"), (2, "vol-1"), (2, "vol-2")]);
    assert!(fake.world.borrow().calls.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_a_check_holds_back_is_not_begun_and_the_others_are_done() {
    let _proof = ebskeep_proofs::proves(&["4.30"]);
    let fake = Fake::new();
    fake.volume("vol-1");
    let mut all = deletions(&fake, &["snap-1", "snap-2", "snap-3"]);
    all.jobs = vec![Job::Create, Job::Expire];
    all.actions.push(create("vol-1"));
    let holds = vec!["snap-1".into(), "snap-3".into()];
    let check = CheckResult::new("a-check", false, Some(Job::Expire), "");
    all.checks = vec![CheckResult { refuses: Refuses::Deletions, holds, ..check }];
    let applied = run_until(&fake, &all, &Stop::new()).await;
    assert_eq!(outcomes(&applied), [Outcome::NotStarted, Outcome::Done, Outcome::NotStarted, Outcome::Done]);
    assert_eq!(applied.results[0].detail, "held back by the check a-check");
    assert_eq!(fake.calls("DeleteSnapshot").len(), 1);
    assert!(!all.is_refused_whole() && all.refusal_of(Job::Expire).is_none());
    let json = serde_json::to_value(&all.checks[0]).unwrap();
    assert_eq!((&json["refuses"], &json["holds"]), (&"deletions".into(), &serde_json::json!(["snap-1", "snap-3"])));
    let report = Report { plan: all, results: applied.results, notes: Vec::new(), stopped: None };
    assert_eq!(report.exit_code(), 4);
}

#[tokio::test(start_paused = true)]
async fn calls_in_flight_are_awaited_and_no_new_one_is_made() {
    let fake = Fake::new();
    let ids: Vec<String> = (0..300).map(|n| format!("vol-{n:03}")).collect();
    for id in &ids {
        fake.volume(id);
    }
    fake.world.borrow_mut().latency = Duration::from_secs(3);
    let applied = stop_after(&fake, &plan(ids.iter().map(|id| create(id))), 10).await;
    let count = |outcome| outcomes(&applied).into_iter().filter(|o| *o == outcome).count();
    assert_eq!(count(Outcome::Done) + count(Outcome::NotStarted), 300);
    assert_eq!(count(Outcome::Done), fake.world.borrow().snapshots.len());
    assert!(count(Outcome::NotStarted) > 100);
    assert!(fake.calls("CreateSnapshot").iter().all(|call| call.at <= 10.));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_is_given_up_after_ten_seconds_as_unknown() {
    let fake = Fake::new();
    fake.volume("vol-1");
    fake.fault(Fault::new("CreateSnapshot", ErrorKind::Other).hangs(3600));
    let applied = stop_after(&fake, &plan([create("vol-1")]), 5).await;
    assert_eq!(outcomes(&applied), [Outcome::Unknown]);
    assert!((fake.elapsed() - 15.).abs() < 0.1);
    // No look after the stop: that would be a new call.
    assert!(fake.calls("DescribeSnapshots").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_set_taken_before_the_stop_and_not_tagged_says_so() {
    let fake = Fake::new();
    fake.instance("i-1", &["vol-1", "vol-2"]);
    fake.world.borrow_mut().latency = Duration::from_secs(3);
    let applied = stop_after(&fake, &plan([set("i-1", &["vol-1", "vol-2"])]), 1).await;
    assert_eq!(outcomes(&applied), [Outcome::Failed; 2]);
    assert!(applied.results.iter().all(|r| r.snapshot_id.is_some() && r.detail.contains("the next run writes them")));
    assert!(fake.calls("CreateTags").is_empty());
}

#[tokio::test(start_paused = true)]
async fn deletions_stop_in_the_middle_and_what_is_left_keeps_a_fresh_mark() {
    let fake = Fake::new();
    let ids: Vec<String> = (0..90).map(|n| format!("snap-{n:03}")).collect();
    let plan = deletions(&fake, &ids.iter().map(String::as_str).collect::<Vec<_>>());
    fake.world.borrow_mut().latency = Duration::from_secs(1);
    let applied = stop_after(&fake, &plan, 5).await;
    let left: Vec<_> = applied.results.iter().filter(|r| r.outcome == Outcome::NotStarted).collect();
    assert!(!left.is_empty() && left.len() < 90);
    assert_eq!(fake.world.borrow().snapshots.len(), left.len());
    for result in left {
        assert!(result.detail.contains("run expire again within the hour"), "{}", result.detail);
        let mark = fake.tags_of(&result.resource).unwrap();
        assert!(mark.get(tags::DELETED).unwrap() < "2026-03-01T00:01");
    }
    assert!(fake.world.borrow().calls.iter().all(|call| call.at <= 5.));
}
