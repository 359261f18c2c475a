//! Deleting: the last look, the mark, and what AWS refuses.

use ebskeep_core::apply::{Applied, Progress};
use ebskeep_core::cloud::ErrorKind;
use ebskeep_core::inventory::{LockState, SnapshotState, StorageTier};
use ebskeep_core::plan::Action;
use ebskeep_core::report::Outcome;
use ebskeep_core::tags::{DELETED, Tags};
use jiff::SignedDuration;

use crate::fake::{Fake, Fault, START};
use crate::plans::{delete, deletions, old, only, outcomes, plan, run, run_told};

/// A snapshot that is to go, changed a little before the run.
async fn delete_after(change: impl FnOnce(&Fake)) -> (Fake, Applied) {
    let fake = Fake::new();
    let plan = deletions(&fake, &["snap-1"]);
    change(&fake);
    let applied = run(&fake, &plan).await;
    (fake, applied)
}

fn many(count: usize) -> (Fake, ebskeep_core::plan::Plan) {
    let fake = Fake::new();
    let ids: Vec<String> = (0..count).map(|n| format!("snap-{n:04}")).collect();
    let plan = deletions(&fake, &ids.iter().map(String::as_str).collect::<Vec<_>>());
    (fake, plan)
}

#[tokio::test(start_paused = true)]
async fn what_was_planned_as_failed_and_is_good_by_the_last_look_stays_and_the_other_way_round() {
    let fake = Fake::new();
    let mut all = deletions(&fake, &["snap-1", "snap-2"]);
    for action in all.actions.iter_mut().take(1) {
        let Action::DeleteSnapshot(deletion) = action else { panic!("{action:?}") };
        deletion.failed = true;
    }
    fake.world.borrow_mut().snapshots.get_mut("snap-2").unwrap().state = SnapshotState::Error;
    let applied = run(&fake, &all).await;
    assert_eq!(outcomes(&applied), [Outcome::Changed; 2]);
    assert!(fake.calls("DeleteSnapshot").is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_archived_since_it_was_planned_stays() {
    let _proof = ebskeep_proofs::proves(&["6.13"]);
    let fake = Fake::new();
    let all = deletions(&fake, &["snap-1"]);
    fake.world.borrow_mut().snapshots.get_mut("snap-1").unwrap().tier = StorageTier::Archive;
    assert_eq!(outcomes(&run(&fake, &all).await), [Outcome::Changed]);
}

#[tokio::test(start_paused = true)]
async fn what_was_archived_when_it_was_planned_goes_and_stays_if_it_was_taken_out_since() {
    let fake = Fake::new();
    let mut all = deletions(&fake, &["snap-1", "snap-2"]);
    for action in &mut all.actions {
        let Action::DeleteSnapshot(deletion) = action else { panic!("{action:?}") };
        deletion.archived = true;
    }
    fake.archive("snap-1", 100);
    let applied = run(&fake, &all).await;
    assert_eq!(outcomes(&applied), [Outcome::Done, Outcome::Changed]);
    assert!(applied.results[1].detail.contains("taken out of the archive"), "{}", applied.results[1].detail);
}

#[tokio::test(start_paused = true)]
async fn what_was_restored_since_it_was_planned_stays_and_what_was_restored_as_planned_goes() {
    let _proof = ebskeep_proofs::proves(&["6.13"]);
    let fake = Fake::new();
    let mut all = deletions(&fake, &["snap-1", "snap-2", "snap-3", "snap-4"]);
    for (action, planned) in all.actions.iter_mut().zip([None, Some(-1), Some(-1), Some(-1)]) {
        let Action::DeleteSnapshot(deletion) = action else { panic!("{action:?}") };
        deletion.restore_expires = planned.map(|days| START + SignedDuration::from_hours(24 * days));
    }
    for (id, days) in [("snap-1", 3), ("snap-2", -1), ("snap-3", 3)] {
        fake.archive(id, 100);
        fake.restore_for(id, days);
    }
    let applied = run(&fake, &all).await;
    assert_eq!(outcomes(&applied), [Outcome::Changed, Outcome::Done, Outcome::Changed, Outcome::Changed]);
    assert!(applied.results[0].detail.contains("restore from the archive changed"), "{}", applied.results[0].detail);
}

#[tokio::test(start_paused = true)]
async fn each_batch_is_looked_at_and_marked_with_one_call_each() {
    let _proof = ebskeep_proofs::proves(&["6.12"]);
    let (fake, plan) = many(250);
    let applied = run(&fake, &plan).await;
    assert!(applied.results.iter().all(|result| result.outcome == Outcome::Done));
    assert!(fake.world.borrow().snapshots.is_empty());
    assert_eq!((fake.calls("DescribeSnapshots").len(), fake.calls("CreateTags").len()), (3, 3));
    assert!(fake.calls("DeleteTags").is_empty());
    assert!(fake.calls("DescribeSnapshots").iter().all(|call| call.about.split(',').count() <= 100));
}

#[tokio::test(start_paused = true)]
async fn it_is_marked_with_awss_time_before_it_is_deleted() {
    let _proof = ebskeep_proofs::proves(&["6.14"]);
    let (fake, applied) = delete_after(|fake| {
        fake.fault(Fault::new("DeleteSnapshot", ErrorKind::Unknown).always());
    })
    .await;
    assert_eq!(only(&applied).outcome, Outcome::Unknown);
    // Perhaps deleted: if it comes back from the Recycle Bin, its mark tells.
    assert_eq!(fake.tags_of("snap-1").unwrap().get(DELETED), Some("2026-03-01T00:00:00Z"));
    let marked = fake.calls("CreateTags")[0].at;
    assert!(marked <= fake.calls("DeleteSnapshot")[0].at);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_gone_before_the_look_or_after_it_is_success() {
    let _proof = ebskeep_proofs::proves(&["6.15"]);
    let (fake, applied) = delete_after(|fake| fake.world.borrow_mut().snapshots.clear()).await;
    assert_eq!(only(&applied).outcome, Outcome::AlreadyDone);
    assert!(fake.calls("DeleteSnapshot").is_empty());

    let (_, applied) = delete_after(|fake| {
        fake.after("CreateTags", |world| world.snapshots.clear());
    })
    .await;
    assert_eq!(only(&applied).outcome, Outcome::AlreadyDone);

    let (_, applied) = delete_after(|fake| {
        fake.after("DescribeSnapshots", |world| world.snapshots.clear());
    })
    .await;
    assert_eq!(only(&applied).outcome, Outcome::AlreadyDone);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_whose_answer_was_lost_is_success() {
    let (fake, applied) = delete_after(|fake| {
        fake.fault(Fault::new("DeleteSnapshot", ErrorKind::Unknown).after_effect());
    })
    .await;
    assert!(only(&applied).outcome.is_success());
    assert!(fake.world.borrow().snapshots.is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_that_is_gone_costs_the_rest_of_its_batch_nothing() {
    let (fake, plan) = many(150);
    fake.world.borrow_mut().snapshots.remove("snap-0007");
    fake.world.borrow_mut().page = 40;
    let applied = run(&fake, &plan).await;
    let done = applied.results.iter().filter(|result| result.outcome == Outcome::Done).count();
    assert_eq!(done, 149);
    assert_eq!(applied.results[7].outcome, Outcome::AlreadyDone);
}

#[tokio::test(start_paused = true)]
async fn any_tag_changed_since_it_was_planned_keeps_it() {
    let _proof = ebskeep_proofs::proves(&["6.13"]);
    let changes: [fn(&mut Tags); 3] = [
        |tags| tags.set("KeepForever", ""),
        |tags| tags.set("DeleteOn", "2026-12-01"),
        |tags| {
            tags.remove("Type");
        },
    ];
    for change in changes {
        let (fake, applied) = delete_after(|fake| {
            change(&mut fake.world.borrow_mut().snapshots.get_mut("snap-1").unwrap().tags);
        })
        .await;
        assert_eq!(only(&applied).outcome, Outcome::Changed);
        assert!(only(&applied).detail.contains("changed since it was planned"), "{}", only(&applied).detail);
        assert!(fake.calls("CreateTags").is_empty() && fake.calls("DeleteSnapshot").is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn our_own_mark_is_no_change() {
    let (_, applied) = delete_after(|fake| {
        let mut world = fake.world.borrow_mut();
        world.snapshots.get_mut("snap-1").unwrap().tags.set(DELETED, "2026-02-28T00:00:00Z");
    })
    .await;
    assert_eq!(only(&applied).outcome, Outcome::Done);
}

#[tokio::test(start_paused = true)]
async fn a_state_that_no_plan_deletes_in_keeps_it() {
    let _proof = ebskeep_proofs::proves(&["6.13"]);
    for state in [SnapshotState::Pending, SnapshotState::Recoverable, SnapshotState::Recovering, SnapshotState::Other] {
        let (fake, applied) = delete_after(|fake| {
            fake.world.borrow_mut().snapshots.get_mut("snap-1").unwrap().state = state;
        })
        .await;
        assert_eq!(only(&applied).outcome, Outcome::Changed);
        assert!(fake.calls("DeleteSnapshot").is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn what_aws_refuses_is_reported_unmarked_and_stops_nothing_else() {
    let _proof = ebskeep_proofs::proves(&["6.14", "6.16"]);
    let fake = Fake::new();
    let plan = deletions(&fake, &["snap-1", "snap-2", "snap-3", "snap-4", "snap-5"]);
    fake.lock("snap-5", LockState::Expired);
    fake.world.borrow_mut().in_use.insert("snap-1".into());
    fake.lock("snap-2", LockState::Governance);
    fake.fault(Fault::new("DeleteSnapshot", ErrorKind::Denied).about("snap-3").always());
    fake.fault(Fault::new("DeleteSnapshot", ErrorKind::Invalid).about("snap-4").always());
    let applied = run(&fake, &plan).await;
    let expected = [Outcome::InUse, Outcome::Failed, Outcome::Denied, Outcome::Failed, Outcome::Done];
    assert_eq!(outcomes(&applied), expected);
    assert!(applied.results[0].detail.contains("deregister the image"));
    assert!(applied.results[1].detail.contains("SnapshotLocked"), "{}", applied.results[1].detail);
    assert!(applied.results[2].detail.contains("allow ec2:DeleteSnapshot"));
    for id in ["snap-1", "snap-2", "snap-3", "snap-4"] {
        assert_eq!(fake.tags_of(id), Some(old()));
    }
    assert_eq!(fake.calls("DeleteTags").len(), 1);
}

/// Two runs delete it at once: the other one marks it after us, and AWS refuses
/// it to us. Were its mark taken off, what it deletes and somebody restores
/// would be no restored one to anybody, and go again.
#[tokio::test(start_paused = true)]
async fn a_mark_that_another_run_wrote_over_ours_is_not_ours_to_take_off() {
    let _proof = ebskeep_proofs::proves(&["6.14"]);
    let (fake, applied) = delete_after(|fake| {
        fake.world.borrow_mut().in_use.insert("snap-1".into());
        fake.after("CreateTags", |world| {
            world.snapshots.get_mut("snap-1").unwrap().tags.set(DELETED, "2026-03-01T00:00:07Z");
        });
    })
    .await;
    assert_eq!(only(&applied).outcome, Outcome::InUse);
    assert_eq!(fake.tags_of("snap-1").unwrap().get(DELETED), Some("2026-03-01T00:00:07Z"));
}

/// The other way round: ours took the place of the other run's mark, and must
/// stay until that run has deleted it, or looks again.
#[tokio::test(start_paused = true)]
async fn a_mark_stays_on_what_aws_kept_for_a_minute_and_holds_up_no_other_deletion() {
    let _proof = ebskeep_proofs::proves(&["6.14"]);
    let (fake, plan) = many(250);
    fake.world.borrow_mut().in_use.extend(["snap-0003".into(), "snap-0240".into()]);
    let applied = run(&fake, &plan).await;
    assert_eq!(applied.results.iter().filter(|result| result.outcome == Outcome::Done).count(), 248);
    let marks = fake.calls("CreateTags");
    let marked = |id: &str| marks.iter().find(|call| call.about.contains(id)).unwrap().at;
    let unmarks = fake.calls("DeleteTags");
    let last = fake.calls("DeleteSnapshot").last().unwrap().at;
    for id in ["snap-0003", "snap-0240"] {
        let unmarked = unmarks.iter().find(|call| call.about == id).unwrap().at;
        assert!((60. ..63.).contains(&(unmarked - marked(id))), "{id}: {} s", unmarked - marked(id));
        assert!(unmarked > last, "{id}: other deletions waited");
        assert_eq!(fake.tags_of(id), Some(old()));
    }
}

/// A run that takes minutes does not leave all of them for its end, where it may be
/// told to stop.
#[tokio::test(start_paused = true)]
async fn a_mark_that_may_go_is_taken_off_between_two_batches() {
    let (fake, plan) = many(800);
    fake.world.borrow_mut().in_use.insert("snap-0003".into());
    run(&fake, &plan).await;
    let last = fake.calls("DeleteSnapshot").last().unwrap().at;
    let unmarked = fake.calls("DeleteTags")[0].at;
    assert!(unmarked >= 60. && unmarked + 20. < last, "{unmarked} s of {last} s");
    assert_eq!(fake.tags_of("snap-0003"), Some(old()));
}

/// Whether it came to be is not known: it may be on it, and would keep the snapshot
/// for 14 days if it stayed.
#[tokio::test(start_paused = true)]
async fn a_mark_whose_writing_had_no_answer_is_taken_off_too() {
    let (fake, applied) = delete_after(|fake| {
        fake.fault(Fault::new("CreateTags", ErrorKind::Unknown).after_effect().always());
    })
    .await;
    assert_eq!(only(&applied).outcome, Outcome::Failed);
    assert_eq!(fake.tags_of("snap-1"), Some(old()));

    // The first mark is on it, the second perhaps: whichever it is goes.
    for after_effect in [false, true] {
        let (fake, applied) = delete_after(|fake| {
            fake.fault(Fault::new("DeleteSnapshot", ErrorKind::Throttled).always());
            let fault = || Fault::new("CreateTags", ErrorKind::Unknown).always();
            let fault = if after_effect { fault().after_effect() } else { fault() };
            fake.after("DeleteSnapshot", |world| world.faults.push(fault));
        })
        .await;
        assert_eq!(only(&applied).outcome, Outcome::Failed, "{after_effect}");
        assert_eq!(fake.tags_of("snap-1"), Some(old()), "{after_effect}");
    }
}

/// Its first attempt had no answer, further ones came too late, and then nobody could look:
/// it may be gone, so nobody says that it is not.
#[tokio::test(start_paused = true)]
async fn what_may_be_deleted_and_cannot_be_looked_at_is_not_said_to_stay() {
    let after = async |look: Option<Fault>| {
        let (fake, applied) = delete_after(|fake| {
            fake.fault(Fault::new("DeleteSnapshot", ErrorKind::Unknown).after_effect());
            fake.fault(Fault::new("DeleteSnapshot", ErrorKind::Throttled).always());
            fake.after("DeleteSnapshot", |world| world.faults.extend(look));
        })
        .await;
        assert!(fake.calls("DescribeSnapshots").len() > 1, "it was not too late");
        only(&applied).outcome
    };
    assert_eq!(after(Some(Fault::new("DescribeSnapshots", ErrorKind::Denied).always())).await, Outcome::Unknown);
    assert_eq!(after(None).await, Outcome::AlreadyDone);
}

/// One of them may not be tagged: of the others that says nothing, also where the call for
/// all had no answer first.
#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_marked_after_a_lost_answer_costs_the_others_nothing() {
    let fake = Fake::new();
    let plan = deletions(&fake, &["snap-1", "snap-2", "snap-3"]);
    fake.fault(Fault::new("CreateTags", ErrorKind::Unknown));
    fake.fault(Fault::new("CreateTags", ErrorKind::Denied).about("snap-2").always());
    let applied = run(&fake, &plan).await;
    assert_eq!(outcomes(&applied), [Outcome::Done, Outcome::Denied, Outcome::Done]);
}

/// So whoever watches sees it at once, and one that is killed meanwhile has told it.
#[tokio::test(start_paused = true)]
async fn what_aws_refused_is_told_before_its_mark_is_taken_off() {
    let fake = Fake::new();
    let all = deletions(&fake, &["snap-1"]);
    fake.world.borrow_mut().in_use.insert("snap-1".into());
    let told = std::cell::RefCell::new(Vec::new());
    run_told(&fake, &all, &ebskeep_core::stop::Stop::new(), &|progress| {
        let what = match progress {
            Progress::Finished { result, .. } => format!("{:?}", result.outcome),
            Progress::Unmarks(after) => format!("unmarks after {} s", after.as_secs()),
        };
        assert!(fake.calls("DeleteTags").is_empty());
        told.borrow_mut().push(what);
    })
    .await;
    assert_eq!(told.into_inner(), ["InUse", "unmarks after 60 s"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_told_to_stop_leaves_the_mark_on_and_says_so() {
    let fake = Fake::new();
    let plan = deletions(&fake, &["snap-1"]);
    fake.world.borrow_mut().in_use.insert("snap-1".into());
    let stop = ebskeep_core::stop::Stop::new();
    let raised = async {
        tokio::time::sleep(std::time::Duration::from_secs(30)).await;
        stop.raise(ebskeep_core::stop::Why::Deadline);
    };
    let (applied, ()) = tokio::join!(crate::plans::run_until(&fake, &plan, &stop), raised);
    assert_eq!(only(&applied).outcome, Outcome::InUse);
    assert!(only(&applied).detail.contains("its mark ebskeep:deleted stays on it"), "{}", only(&applied).detail);
    assert!(only(&applied).detail.contains("within the hour"), "{}", only(&applied).detail);
    assert!(fake.calls("DeleteTags").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_stays_on_is_told() {
    let (_, applied) = delete_after(|fake| {
        fake.world.borrow_mut().in_use.insert("snap-1".into());
        fake.fault(Fault::new("DeleteTags", ErrorKind::Denied).always());
    })
    .await;
    assert_eq!(only(&applied).outcome, Outcome::InUse);
    assert!(only(&applied).detail.contains("its mark ebskeep:deleted stays on it"), "{}", only(&applied).detail);
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_went_with_its_snapshot_is_nothing_to_tell() {
    let (_, applied) = delete_after(|fake| {
        fake.world.borrow_mut().in_use.insert("snap-1".into());
        fake.after("DeleteSnapshot", |world| world.snapshots.clear());
    })
    .await;
    assert_eq!(only(&applied).outcome, Outcome::InUse);
    assert!(!only(&applied).detail.contains("stays on it"), "{}", only(&applied).detail);
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_marked_is_not_deleted_and_costs_the_others_nothing() {
    let fake = Fake::new();
    let plan = deletions(&fake, &["snap-1", "snap-2", "snap-3"]);
    fake.fault(Fault::new("CreateTags", ErrorKind::Denied).about("snap-2").always());
    let applied = run(&fake, &plan).await;
    assert_eq!(outcomes(&applied), [Outcome::Done, Outcome::Denied, Outcome::Done]);
    assert!(applied.results[1].detail.contains("allow ec2:CreateTags"), "{}", applied.results[1].detail);
    assert_eq!(fake.tags_of("snap-2"), Some(old()));
}

#[tokio::test(start_paused = true)]
async fn one_with_fifty_tags_cannot_be_marked_and_stays() {
    let _proof = ebskeep_proofs::proves(&["5.16"]);
    let fake = Fake::new();
    let mut all = deletions(&fake, &["snap-1", "snap-2"]);
    let mut fifty = old();
    (0..48).for_each(|n| fifty.set(format!("tag-{n}"), ""));
    fake.world.borrow_mut().snapshots.get_mut("snap-1").unwrap().tags = fifty.clone();
    let ebskeep_core::plan::Action::DeleteSnapshot(deletion) = &mut all.actions[0] else { unreachable!() };
    deletion.tags = fifty.clone();
    let applied = run(&fake, &all).await;
    assert_eq!(outcomes(&applied), [Outcome::Failed, Outcome::Done]);
    assert!(applied.results[0].detail.contains("remove one of its tags"));
    assert_eq!(fake.tags_of("snap-1"), Some(fifty));
}

#[tokio::test(start_paused = true)]
async fn one_with_fifty_tags_and_an_earlier_mark_among_them_is_marked_again() {
    let fake = Fake::new();
    let mut all = deletions(&fake, &["snap-1"]);
    let mut fifty = old();
    (0..47).for_each(|n| fifty.set(format!("tag-{n}"), ""));
    fifty.set(DELETED, "2026-02-28T00:00:00Z");
    fake.world.borrow_mut().snapshots.get_mut("snap-1").unwrap().tags = fifty.clone();
    let ebskeep_core::plan::Action::DeleteSnapshot(deletion) = &mut all.actions[0] else { unreachable!() };
    deletion.tags = fifty;
    assert_eq!(outcomes(&run(&fake, &all).await), [Outcome::Done]);
}

#[tokio::test(start_paused = true)]
async fn without_a_look_nothing_is_deleted() {
    let _proof = ebskeep_proofs::proves(&["6.12"]);
    let (fake, applied) = delete_after(|fake| {
        fake.fault(Fault::new("DescribeSnapshots", ErrorKind::Unknown).always());
    })
    .await;
    assert_eq!(only(&applied).outcome, Outcome::Failed);
    assert!(only(&applied).detail.contains("the last look failed"));
    assert!(fake.calls("DeleteSnapshot").is_empty() && fake.calls("CreateTags").is_empty());
}

/// For each deletion the seconds since the last look that held its id.
fn look_ages(fake: &Fake) -> Vec<f64> {
    let world = fake.world.borrow();
    let looked = |id: &str, at: f64| {
        let looks = world.calls.iter().filter(|c| c.operation == "DescribeSnapshots" && c.at <= at);
        looks.filter(|c| c.about.contains(id)).map(|c| c.at).fold(f64::NEG_INFINITY, f64::max)
    };
    let deletes = world.calls.iter().filter(|call| call.operation == "DeleteSnapshot");
    deletes.map(|call| call.at - looked(&call.about, call.at)).collect()
}

#[tokio::test(start_paused = true)]
async fn no_deletion_is_attempted_more_than_a_minute_after_its_look() {
    let _proof = ebskeep_proofs::proves(&["6.12"]);
    let (fake, plan) = many(300);
    fake.fault(Fault::new("DeleteSnapshot", ErrorKind::Throttled).about("snap-000").times(60));
    fake.world.borrow_mut().latency = std::time::Duration::from_secs(2);
    let applied = run(&fake, &plan).await;
    assert!(applied.results.iter().all(|result| result.outcome == Outcome::Done));
    assert!(fake.calls("DescribeSnapshots").len() > 3, "nothing was ever late: this shows nothing");
    let ages = look_ages(&fake);
    assert!(ages.iter().all(|age| *age <= 60.), "{ages:?}");
}

#[tokio::test(start_paused = true)]
async fn one_changed_between_two_looks_stays_and_loses_its_mark() {
    let (fake, applied) = delete_after(|fake| {
        fake.fault(Fault::new("DeleteSnapshot", ErrorKind::Throttled).times(8));
        fake.after("DeleteSnapshot", |world| {
            world.snapshots.get_mut("snap-1").unwrap().tags.set("KeepForever", "yes");
        });
    })
    .await;
    assert_eq!(only(&applied).outcome, Outcome::Changed);
    let mut kept = old();
    kept.set("KeepForever", "yes");
    assert_eq!(fake.tags_of("snap-1"), Some(kept));
}

#[tokio::test(start_paused = true)]
async fn when_aws_takes_no_deletions_the_run_ends_all_the_same() {
    let (fake, applied) = delete_after(|fake| {
        fake.fault(Fault::new("DeleteSnapshot", ErrorKind::Throttled).always());
    })
    .await;
    assert_eq!(only(&applied).outcome, Outcome::Failed);
    assert_eq!(fake.tags_of("snap-1"), Some(old()));
}

#[tokio::test(start_paused = true)]
async fn results_are_told_as_they_come_and_each_once() {
    let fake = Fake::new();
    let mut all = deletions(&fake, &["snap-1", "snap-2"]);
    all.actions.push(delete("snap-unknown"));
    let told = std::cell::RefCell::new(Vec::new());
    run_told(&fake, &all, &ebskeep_core::stop::Stop::new(), &|progress| {
        if let Progress::Finished { action: _, result, done, total } = progress {
            told.borrow_mut().push((result.resource.to_string(), done, total));
        }
    })
    .await;
    let mut told = told.into_inner();
    assert_eq!(told.iter().map(|(_, done, total)| (*done, *total)).collect::<Vec<_>>(), [(1, 3), (2, 3), (3, 3)]);
    told.sort();
    assert_eq!(told.iter().map(|(id, _, _)| id.as_str()).collect::<Vec<_>>(), ["snap-1", "snap-2", "snap-unknown"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_to_do_makes_no_call() {
    let fake = Fake::new();
    assert!(run(&fake, &plan([])).await.results.is_empty());
    assert!(fake.world.borrow().calls.is_empty());
}
