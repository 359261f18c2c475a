//! Whole runs: observe, decide, check, apply, report; and saved plans.

use std::time::Duration;

use ebskeep_core::apply::Progress;
use ebskeep_core::cloud::{Cloud as _, CloudError, ErrorKind};
use ebskeep_core::inventory::{LockState, StorageTier};
use ebskeep_core::job::{Event, Planned, Request, Run, SavedPlan};
use ebskeep_core::paced::Pacing;
use ebskeep_core::plan::{Action, Job, Plan};
use ebskeep_core::report::{Conclusion, LOCKS_UNKNOWN, NOT_LISTED, Outcome, Report, TIERS_UNKNOWN};
use ebskeep_core::setting::Settings;
use ebskeep_core::stop::{Stop, Why};
use ebskeep_core::tags::{DELETED, Tags};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::fake::{Fake, Fault, START, Virtual};
use crate::plans::tags;

/// What every run here has.
struct Setting {
    fake: Fake,
    clock: Virtual,
    settings: Settings,
    stop: Stop,
    pacing: Pacing,
}

impl Setting {
    /// An instance with two volumes, tagged `Backup=Yes`, and of the first
    /// volume three daily snapshots of the original's, two of them past their
    /// date.
    fn new() -> Self {
        let fake = Fake::new();
        fake.instance("i-1", &["vol-1", "vol-2"]);
        fake.world.borrow_mut().instances.get_mut("i-1").unwrap().tags = tags([("Backup", "Yes"), ("Name", "web")]);
        for (id, days, delete_on) in
            [("snap-a", 20, "2026-02-16"), ("snap-b", 19, "2026-02-17"), ("snap-c", 1, "2026-03-07")]
        {
            fake.snapshot(id, "vol-1", days, tags([("Type", "Automated"), ("DeleteOn", delete_on)]));
        }
        let mut settings = Settings::default();
        settings.set("max-delete", "10").unwrap();
        let pacing = Pacing::new(settings.api_share);
        Self { fake, clock: Virtual::new(), settings, stop: Stop::new(), pacing }
    }

    fn run(&self) -> Run<'_, Fake, Virtual> {
        Run::new(&self.fake, self.fake.place(), &self.clock, &self.settings, &self.stop, &self.pacing, &|_, _| {})
    }

    async fn plan(&self) -> Planned {
        self.run().plan(&Request::new(Job::ALL)).await.unwrap()
    }

    async fn apply(&self) -> Report {
        let run = self.run();
        let planned = run.plan(&Request::new(Job::ALL)).await.unwrap();
        run.apply(planned).await
    }

    async fn apply_saved(&self, saved: &Value) -> Report {
        let saved: SavedPlan = serde_json::from_value(saved.clone()).unwrap();
        self.run().apply_saved(&saved, &Request::new([])).await.unwrap()
    }

    fn ids(&self) -> Vec<String> {
        self.fake.world.borrow().snapshots.keys().cloned().collect()
    }
}

/// The check that refuses, and its words.
fn refusal(plan: &Plan) -> (&str, &str) {
    let refusals: Vec<_> = plan.refusals().collect();
    let [refusal] = refusals.as_slice() else { panic!("not one refusal: {refusals:?}") };
    (refusal.check, &refusal.detail)
}

fn verbs(plan: &Plan) -> Vec<&'static str> {
    plan.actions.iter().map(Action::name).collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_takes_what_is_due_and_deletes_what_nothing_keeps_and_then_has_nothing_to_do() {
    let setting = Setting::new();
    let report = setting.apply().await;
    assert_eq!(report.conclusion(), Conclusion::Done, "{report:#?}");
    assert_eq!(verbs(&report.plan), ["create-set", "delete-snapshot", "delete-snapshot"]);
    assert_eq!(setting.ids(), ["snap-c", "snap-new1", "snap-new2"]);
    tokio::time::sleep(Duration::from_mins(1)).await;
    let again = setting.apply().await;
    assert_eq!((again.conclusion(), again.results.len()), (Conclusion::Done, 0), "{:#?}", again.plan.actions);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_is_the_plan_and_changes_nothing() {
    let setting = Setting::new();
    setting.plan().await;
    let world = setting.fake.world.borrow();
    assert!(world.calls.iter().all(|call| call.operation.starts_with("Describe")));
}

#[tokio::test(start_paused = true)]
async fn a_run_tells_its_pages_its_plan_and_each_result() {
    let setting = Setting::new();
    let told = std::cell::RefCell::new(Vec::new());
    let on_event = |_: &_, event: Event<'_>| {
        told.borrow_mut().push(match event {
            Event::Listed { .. } => "listed",
            Event::Planned(_) => "planned",
            Event::Applying(Progress::Finished { .. }) => "finished",
            Event::Applying(Progress::Unmarks(_)) => "unmarks",
        });
    };
    let Setting { fake, clock, settings, stop, pacing } = &setting;
    let run = Run::new(fake, fake.place(), clock, settings, stop, pacing, &on_event);
    let planned = run.plan(&Request::new(Job::ALL)).await.unwrap();
    run.apply(planned).await;
    let expected = [vec!["listed"; 4], vec!["planned"], vec!["finished"; 4]].concat();
    assert_eq!(told.into_inner(), expected);
}

#[tokio::test(start_paused = true)]
async fn create_goes_on_with_the_volumes_it_saw_and_ends_as_partly_done() {
    let _proof = ebskeep_proofs::proves(&["4.22"]);
    let setting = Setting::new();
    setting.fake.fault(Fault::new("DescribeImages", ErrorKind::Denied).always());
    let run = setting.run();
    let planned = run.plan(&Request::new([Job::Create])).await.unwrap();
    assert!(planned.plan.findings.iter().any(|f| f.code == NOT_LISTED && f.resource == "images"));
    assert_eq!(planned.plan.summary.findings, planned.plan.findings.len());
    let report = run.apply(planned).await;
    assert!(report.results.iter().all(|result| result.outcome == Outcome::Done) && !report.results.is_empty());
    assert_eq!(report.conclusion(), Conclusion::Partial);
}

/// One listing that fails so, and what the finding and the checks then say to do.
async fn advice_where(kind: ErrorKind, code: &'static str) -> Vec<String> {
    let setting = Setting::new();
    setting.fake.archive("snap-c", 1);
    for operation in ["DescribeVolumes", "DescribeLockedSnapshots", "DescribeSnapshotTierStatus"] {
        setting.fake.fault(Fault::new(operation, kind).always().said(code, "as AWS says."));
    }
    let run = setting.run();
    let plan = run.plan(&Request::new([Job::Create, Job::Expire])).await.unwrap().plan;
    let unseen = [NOT_LISTED, LOCKS_UNKNOWN, TIERS_UNKNOWN];
    let findings = plan.findings.iter().filter(|finding| unseen.contains(&finding.code));
    let checks = plan.checks.iter().filter(|check| check.check == "all-listed" && !check.ok);
    findings.map(|finding| finding.detail.clone()).chain(checks.map(|check| check.detail.clone())).collect()
}

#[tokio::test(start_paused = true)]
async fn what_to_do_about_a_listing_that_broke_off_follows_what_aws_answered() {
    let _proof = ebskeep_proofs::proves(&["4.40"]);
    for (kind, code, to_do) in [
        (ErrorKind::Throttled, "RequestLimitExceeded", "run again later"),
        (ErrorKind::Denied, "UnauthorizedOperation", "allow ec2:Describe"),
        (ErrorKind::Denied, "ExpiredToken", "renew the credentials"),
    ] {
        let told = advice_where(kind, code).await;
        // Three findings and a check.
        assert_eq!(told.len(), 4, "{told:#?}");
        for told in told {
            assert!(told.contains(code) && told.contains(to_do), "{to_do}: {told}");
            assert_eq!(told.contains("allow"), to_do.starts_with("allow"), "{told}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn locks_and_tiers_that_could_not_be_read_are_told_and_hold_up_nothing() {
    let _proof = ebskeep_proofs::proves(&["3.1", "3.3"]);
    let setting = Setting::new();
    setting.fake.archive("snap-c", 1);
    for operation in ["DescribeLockedSnapshots", "DescribeSnapshotTierStatus"] {
        setting.fake.fault(Fault::new(operation, ErrorKind::Denied).always().said("UnauthorizedOperation", "no"));
    }
    let report = setting.apply().await;
    assert_eq!((report.conclusion(), report.exit_code()), (Conclusion::Done, 0), "{report:#?}");
    let told: Vec<_> = report.plan.findings.iter().map(|f| (f.code, f.detail.as_str())).collect();
    let locks = "which snapshots are locked could not be read: DescribeLockedSnapshots on all: \
                 UnauthorizedOperation: no. AWS refuses to delete a locked one in any case. What to do: allow \
                 ec2:DescribeLockedSnapshots to the role or user that ebskeep uses";
    let tiers = "since when snapshots are archived could not be read: DescribeSnapshotTierStatus on \
                 snapshot-id=snap-c: UnauthorizedOperation: no. Archived ones are kept (1 here). What to do: allow \
                 ec2:DescribeSnapshotTierStatus to the role or user that ebskeep uses";
    assert_eq!(told, [(LOCKS_UNKNOWN, locks), (TIERS_UNKNOWN, tiers)]);
    assert_eq!(report.plan.summary.findings, 2);
    assert_eq!(setting.ids(), ["snap-c", "snap-new1", "snap-new2"], "the rest went");
}

#[tokio::test(start_paused = true)]
async fn what_was_archived_for_90_days_goes_and_what_was_not_or_is_locked_stays() {
    let _proof = ebskeep_proofs::proves(&["R9.1", "R9.3"]);
    let setting = Setting::new();
    setting.fake.archive("snap-a", 90);
    setting.fake.archive("snap-b", 89);
    let report = setting.apply().await;
    assert_eq!(report.conclusion(), Conclusion::Done, "{report:#?}");
    assert_eq!(setting.ids(), ["snap-b", "snap-c", "snap-new1", "snap-new2"]);
    let setting = Setting::new();
    setting.fake.archive("snap-a", 90);
    setting.fake.lock("snap-a", LockState::Governance);
    setting.fake.lock("snap-b", LockState::Expired);
    let report = setting.apply().await;
    assert_eq!(report.conclusion(), Conclusion::Done, "{report:#?}");
    assert_eq!(setting.ids(), ["snap-a", "snap-c", "snap-new1", "snap-new2"]);
}

#[tokio::test(start_paused = true)]
async fn what_expire_alone_looks_at_is_not_told_where_nothing_expires() {
    let setting = Setting::new();
    setting.fake.archive("snap-c", 1);
    for operation in ["DescribeLockedSnapshots", "DescribeSnapshotTierStatus"] {
        setting.fake.fault(Fault::new(operation, ErrorKind::Denied).always());
    }
    let planned = setting.run().plan(&Request::new([Job::Create])).await.unwrap();
    assert_eq!(planned.plan.findings, []);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_whose_lock_nobody_could_read_stays_and_the_refusal_is_told() {
    let setting = Setting::new();
    setting.fake.lock("snap-a", LockState::Compliance);
    setting.fake.fault(Fault::new("DescribeLockedSnapshots", ErrorKind::Denied).always());
    let report = setting.apply().await;
    assert_eq!(report.conclusion(), Conclusion::Partial);
    let failed: Vec<_> = report.results.iter().filter(|result| result.outcome == Outcome::Failed).collect();
    let [failed] = failed.as_slice() else { panic!("{:#?}", report.results) };
    assert!(failed.resource == "snap-a" && failed.detail.contains("SnapshotLocked"), "{failed:?}");
    assert!(setting.ids().contains(&"snap-a".to_owned()));
    assert_eq!(setting.fake.tags_of("snap-a").unwrap().get(DELETED), None, "its mark is off again");
}

#[tokio::test(start_paused = true)]
async fn expire_is_refused_where_anything_could_not_be_listed_and_backups_are_taken_all_the_same() {
    let setting = Setting::new();
    setting.fake.fault(Fault::new("DescribeImages", ErrorKind::Denied).always());
    let report = setting.apply().await;
    assert_eq!((report.conclusion(), report.exit_code()), (Conclusion::Refused, 4));
    assert_eq!(report.plan.summary.refused, 1);
    assert_eq!(report.results.len(), 4);
    for result in &report.results {
        let deletes = report.plan.actions[result.action].job() == Job::Expire;
        assert_eq!(result.outcome, if deletes { Outcome::NotStarted } else { Outcome::Done }, "{result:?}");
    }
    assert!(report.results.iter().any(|result| result.outcome == Outcome::Done));
    assert!(setting.fake.calls("DeleteSnapshot").is_empty());
}

#[tokio::test(start_paused = true)]
async fn where_nothing_answers_there_is_no_plan_but_an_error() {
    let setting = Setting::new();
    for operation in ["DescribeInstances", "DescribeVolumes", "DescribeSnapshots", "DescribeImages"] {
        setting.fake.fault(Fault::new(operation, ErrorKind::Denied).always());
    }
    let error: CloudError = setting.run().plan(&Request::new(Job::ALL)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
}

#[tokio::test(start_paused = true)]
async fn a_run_stopped_while_it_observes_is_unfinished_not_refused() {
    let setting = Setting::new();
    setting.fake.fault(Fault::new("DescribeImages", ErrorKind::Unknown).hangs(60));
    let run = setting.run();
    let request = Request::new(Job::ALL);
    let (planned, ()) = futures::join!(run.plan(&request), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        setting.stop.raise(Why::Deadline);
    });
    let report = run.apply(planned.unwrap()).await;
    assert_eq!((report.stopped, report.conclusion()), (Some(Why::Deadline), Conclusion::Unfinished));
    assert_eq!(report.exit_code(), 130);
}

#[tokio::test(start_paused = true)]
async fn a_stop_after_everything_was_done_changes_nothing() {
    let setting = Setting::new();
    let run = setting.run();
    let planned = run.plan(&Request::new([])).await.unwrap();
    setting.stop.raise(Why::Interrupted);
    assert_eq!(run.apply(planned).await.conclusion(), Conclusion::Done);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_waited_more_than_an_hour_for_a_yes_is_refused() {
    let _proof = ebskeep_proofs::proves(&["4.13"]);
    for (seconds, conclusion) in [(3600, Conclusion::Done), (3601, Conclusion::Refused)] {
        let setting = Setting::new();
        let run = setting.run();
        let planned = run.plan(&Request::new(Job::ALL)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let report = run.apply(planned).await;
        assert_eq!(report.conclusion(), conclusion, "{:?}", report.plan.checks);
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_held_between_plan_and_deletion_stays() {
    let setting = Setting::new();
    let run = setting.run();
    let planned = run.plan(&Request::new(Job::ALL)).await.unwrap();
    setting.fake.world.borrow_mut().snapshots.get_mut("snap-a").unwrap().tags.set("KeepForever", "");
    let report = run.apply(planned).await;
    assert_eq!(report.conclusion(), Conclusion::Partial);
    assert!(setting.ids().contains(&"snap-a".to_owned()));
    assert_eq!(setting.fake.tags_of("snap-a").unwrap().get(DELETED), None);
}

// Saved plans.

/// A plan as it stands in a file, made so long ago.
async fn saved(setting: &Setting, wait: Duration) -> Value {
    let planned = setting.plan().await;
    tokio::time::sleep(wait).await;
    serde_json::from_str(&serde_json::to_string(&planned.plan).unwrap()).unwrap()
}

const A_WHILE: Duration = Duration::from_mins(30);

#[tokio::test(start_paused = true)]
async fn a_saved_plan_is_carried_out_if_a_fresh_one_at_its_now_holds_all_of_it() {
    let setting = Setting::new();
    let saved = saved(&setting, A_WHILE).await;
    let report = setting.apply_saved(&saved).await;
    assert_eq!(report.conclusion(), Conclusion::Done, "{:#?}", report.plan.checks);
    assert_eq!(report.plan.now, START);
    assert_eq!(setting.ids(), ["snap-c", "snap-new1", "snap-new2"]);
}

#[tokio::test(start_paused = true)]
async fn only_the_saved_actions_are_carried_out() {
    let _proof = ebskeep_proofs::proves(&["6.30"]);
    let setting = Setting::new();
    let mut saved = saved(&setting, A_WHILE).await;
    saved["actions"].as_array_mut().unwrap().truncate(2);
    let report = setting.apply_saved(&saved).await;
    assert_eq!(report.conclusion(), Conclusion::Done, "{:#?}", report.plan.checks);
    assert_eq!((report.plan.summary.actions, report.results.len()), (2, 3));
    assert_eq!(setting.ids(), ["snap-b", "snap-c", "snap-new1", "snap-new2"]);
}

/// Carries out a saved plan after a change, which must refuse it with nothing
/// done; gives the check and its words.
async fn refused(wait: Duration, change: impl FnOnce(&Setting, &mut Value)) -> (String, String) {
    let setting = Setting::new();
    let mut saved = saved(&setting, wait).await;
    change(&setting, &mut saved);
    setting.fake.world.borrow_mut().calls.clear();
    let report = setting.apply_saved(&saved).await;
    assert_eq!(report.conclusion(), Conclusion::Refused);
    assert!(setting.fake.world.borrow().calls.iter().all(|call| call.operation.starts_with("Describe")));
    let (check, detail) = refusal(&report.plan);
    (check.to_owned(), detail.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_saved_plan_older_than_an_hour_is_refused() {
    let _proof = ebskeep_proofs::proves(&["6.29", "4.14"]);
    let (check, detail) = refused(Duration::from_secs(3700), |_, _| {}).await;
    assert_eq!(check, "saved-plan-age");
    assert!(detail.contains("1h 1m 40s old"), "{detail}");
}

#[tokio::test(start_paused = true)]
async fn a_saved_plan_from_the_future_is_refused() {
    let setting = Setting::new();
    let mut saved = saved(&setting, Duration::ZERO).await;
    saved["now"] = json!((START + SignedDuration::from_mins(10)).to_string());
    let report = setting.apply_saved(&saved).await;
    assert!(
        report.plan.refusals().any(|c| c.check == "saved-plan-age" && c.detail.contains("after AWS's present time"))
    );
    assert!(report.results.iter().all(|result| result.outcome == Outcome::NotStarted));
}

#[tokio::test(start_paused = true)]
async fn a_saved_plan_for_another_account_region_or_schema_is_refused() {
    let _proof = ebskeep_proofs::proves(&["4.14"]);
    for (field, value, check) in [
        ("account", "999999999999", "saved-plan-place"),
        ("region", "us-east-1", "saved-plan-place"),
        ("schema", "ebskeep.plan/2", "saved-plan-schema"),
    ] {
        let (refused_by, detail) = refused(A_WHILE, |_, saved| saved[field] = json!(value)).await;
        assert_eq!(refused_by, check);
        assert!(detail.contains(value), "{detail}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_edited_to_delete_a_kept_a_foreign_or_an_unknown_snapshot_is_refused() {
    let _proof = ebskeep_proofs::proves(&["6.30"]);
    for (id, words) in
        [("snap-c", "delete-on"), ("snap-foreign", "not-ours"), ("snap-unknown", "which knows nothing of it")]
    {
        let (check, detail) = refused(A_WHILE, |setting, saved| {
            setting.fake.snapshot("snap-foreign", "vol-1", 20, Tags::new());
            saved["actions"][1]["snapshot_id"] = json!(id);
        })
        .await;
        assert_eq!(check, "saved-plan-actions");
        assert!(detail.starts_with(&format!("action 2 of the saved plan, delete-snapshot {id}, ")), "{detail}");
        assert!(detail.contains(words), "{detail}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_edited_to_do_one_thing_twice_is_refused() {
    let (check, detail) = refused(A_WHILE, |_, saved| {
        let first = saved["actions"][0].clone();
        saved["actions"].as_array_mut().unwrap().push(first);
    })
    .await;
    assert_eq!(check, "saved-plan-actions");
    assert!(detail.starts_with("action 4 of the saved plan, create-set i-1, "), "{detail}");
}

#[tokio::test(start_paused = true)]
async fn the_first_difference_is_named() {
    let _proof = ebskeep_proofs::proves(&["6.28", "4.15"]);
    let (_, detail) = refused(A_WHILE, |_, saved| saved["actions"][1]["size_gib"] = json!(9)).await;
    assert!(detail.ends_with("delete-snapshot snap-a, differs in \"size_gib\": 9 there, 8 now"), "{detail}");
}

#[tokio::test(start_paused = true)]
async fn a_world_changed_since_refuses_the_saved_plan() {
    let _proof = ebskeep_proofs::proves(&["6.28"]);
    let (check, detail) = refused(A_WHILE, |setting, _| {
        let mut world = setting.fake.world.borrow_mut();
        world.snapshots.get_mut("snap-b").unwrap().tags.set("KeepForever", "");
    })
    .await;
    assert_eq!(check, "saved-plan-actions");
    assert!(detail.contains("snap-b") && detail.contains("keep-forever"), "{detail}");
}

#[test]
fn a_saved_plan_with_an_unknown_field_in_an_action_is_no_plan() {
    let text = json!({
        "schema": "ebskeep.plan/1", "now": "2026-03-01T00:00:00Z", "account": "1", "region": "r", "jobs": ["expire"],
        "actions": [{ "action": "delete-snapshot", "snapshot_id": "snap-1", "volume_id": "vol-1", "tags": {},
                      "size_gib": 1, "force": true }],
    });
    let error = serde_json::from_value::<SavedPlan>(text).unwrap_err();
    assert!(error.to_string().contains("force"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn another_now_is_decided_at_and_awss_clock_is_still_checked() {
    let _proof = ebskeep_proofs::proves(&["4.21"]);
    let setting = Setting::new();
    let later: Timestamp = "2026-03-05T00:00:00Z".parse().unwrap();
    let request = Request { now: Some(later), ..Request::new(Job::ALL) };
    let planned = setting.run().plan(&request).await.unwrap();
    assert_eq!((planned.plan.now, planned.inventory.observed_at), (later, START));
    assert_eq!(planned.plan.refusals().count(), 0, "{:?}", planned.plan.checks);
}

#[tokio::test(start_paused = true)]
async fn where_locks_and_archives_cannot_be_read_the_plan_says_so_and_archived_ones_stay() {
    let _proof = ebskeep_proofs::proves(&["3.1", "3.3"]);
    let setting = Setting::new();
    setting.fake.world.borrow_mut().snapshots.get_mut("snap-a").unwrap().tier = StorageTier::Archive;
    let found = |planned: &Planned| -> Vec<&'static str> {
        let codes = planned.plan.findings.iter().map(|finding| finding.code);
        codes.filter(|code| [LOCKS_UNKNOWN, TIERS_UNKNOWN].contains(code)).collect()
    };
    assert_eq!(found(&setting.plan().await), Vec::<&str>::new());
    setting.fake.fault(Fault::new("DescribeLockedSnapshots", ErrorKind::Denied).always());
    setting.fake.fault(Fault::new("DescribeSnapshotTierStatus", ErrorKind::Denied).always());
    let planned = setting.plan().await;
    assert_eq!(found(&planned), [LOCKS_UNKNOWN, TIERS_UNKNOWN]);
    assert!(planned.plan.refusals().next().is_none(), "{:?}", planned.plan.checks);
    // A locked one is refused by AWS itself: an outcome, in AWS's words.
    let locked = Fault::new("DeleteSnapshot", ErrorKind::Other).about("snap-b").said("SnapshotLocked", "it is locked");
    setting.fake.fault(locked.always());
    let report = setting.apply().await;
    assert_eq!(report.conclusion(), Conclusion::Partial, "{report:#?}");
    assert!(report.results.iter().any(|result| result.outcome == Outcome::Failed), "{:?}", report.results);
    assert!(setting.ids().contains(&"snap-a".to_owned()), "an archived one went");
}

/// What is there, by volume and with its tags: ids may differ, and when a new
/// one began.
fn there(setting: &Setting) -> Vec<(String, Tags)> {
    let world = setting.fake.world.borrow();
    let mut all: Vec<_> = world.snapshots.values().map(|s| (s.volume.to_string(), s.tags.clone())).collect();
    all.sort_by_key(|(volume, tags)| (volume.clone(), format!("{tags:?}")));
    all
}

/// A run that takes a set whose members differ, so that it needs a second call,
/// and deletes two. Each call takes a second.
fn long_run() -> Setting {
    let setting = Setting::new();
    let mut world = setting.fake.world.borrow_mut();
    world.volumes.get_mut("vol-2").unwrap().tags = tags([("Retention", "30")]);
    world.latency = Duration::from_secs(1);
    drop(world);
    setting
}

#[tokio::test(start_paused = true)]
async fn wherever_a_run_dies_the_next_one_is_right() {
    let _proof = ebskeep_proofs::proves(&["1.0.8"]);
    let undisturbed = long_run();
    let report = undisturbed.apply().await;
    assert_eq!(report.conclusion(), Conclusion::Done, "{report:#?}");
    let took = Duration::from_secs_f64(undisturbed.fake.elapsed());
    let (mut lived, mut halfway) = (Duration::from_millis(500), 0);
    while lived < took {
        let setting = long_run();
        let before = there(&setting);
        // Dropped in the middle of whatever it was doing.
        assert!(tokio::time::timeout(lived, setting.apply()).await.is_err(), "after {lived:?} nothing was left to do");
        let left = there(&setting);
        halfway += usize::from(left != before && left != there(&undisturbed));
        tokio::time::sleep(Duration::from_mins(1)).await;
        let next = setting.apply().await;
        assert_eq!(next.conclusion(), Conclusion::Done, "died after {lived:?}: {next:#?}");
        assert_eq!(there(&setting), there(&undisturbed), "died after {lived:?}");
        lived += Duration::from_millis(500);
    }
    assert!(halfway > 3, "only {halfway} of them died with half of it done");
}

#[tokio::test(start_paused = true)]
async fn a_slow_region_and_a_denied_one_hold_up_no_other() {
    let setting = Setting::new();
    let regions = ["eu-west-1", "us-east-1", "ap-south-1"].map(|region| setting.fake.elsewhere("111122223333", region));
    let [quick, slow, denied] = &regions;
    for other in [slow, denied] {
        other.volume("vol-9");
        other.world.borrow_mut().volumes.get_mut("vol-9").unwrap().tags = tags([("Backup", "Yes")]);
    }
    slow.world.borrow_mut().latency = Duration::from_secs(50);
    denied.fault(Fault::new("CreateSnapshot", ErrorKind::Denied).always());
    let Setting { fake: _, clock, settings, stop, pacing } = &setting;
    let runs = regions.iter().map(async |region| {
        let run = Run::new(region, region.place(), clock, settings, stop, pacing, &|_, _| {});
        let planned = run.plan(&Request::new([Job::Create])).await.unwrap();
        (run.apply(planned).await.conclusion(), region.elapsed())
    });
    let ended = futures::future::join_all(runs).await;
    assert!(ended[0].0 == Conclusion::Done && ended[0].1 < 1., "{ended:?}");
    assert!(ended[1].0 == Conclusion::Done && ended[1].1 > 99., "{ended:?}");
    assert!(ended[2].0 != Conclusion::Done && ended[2].1 < 1., "{ended:?}");
    // Each at its own pace: what one takes from its bucket is no other's.
    assert_eq!(quick.calls("CreateSnapshots").len(), 1);
}
