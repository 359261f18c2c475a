//! What a report concludes, and its JSON form.

use ebskeep_core::destination::Destination;
use ebskeep_core::plan::{CheckResult, CopyState, CopyVerdict, Job, Notice, PASSED_OVER};
use ebskeep_core::report::{ActionResult, Conclusion, NOT_LISTED, Outcome, Report};
use ebskeep_core::stop::Why;
use serde_json::json;

use crate::plans::{create, plan};

fn report(outcomes: &[Outcome]) -> Report {
    let results = outcomes.iter().enumerate().map(|(action, outcome)| ActionResult {
        action,
        resource: format!("vol-{action}").into(),
        outcome: *outcome,
        snapshot_id: None,
        detail: String::new(),
    });
    let actions = (0..outcomes.len()).map(|n| create(&format!("vol-{n}")));
    Report { plan: plan(actions), results: results.collect(), notes: Vec::new(), stopped: None }
}

fn finding(code: &'static str) -> Notice {
    Notice { resource: "vol-1".into(), code, detail: String::new() }
}

#[test]
fn a_run_ends_as_done_partly_done_or_failed() {
    use Outcome::{AlreadyDone, Changed, Denied, Done, Failed, InUse, NotStarted, Unknown};
    let _proof = ebskeep_proofs::proves(&["6.20"]);
    let cases: &[(&[Outcome], Conclusion, u8)] = &[
        (&[], Conclusion::Done, 0),
        (&[Done, AlreadyDone], Conclusion::Done, 0),
        (&[Done, Failed], Conclusion::Partial, 3),
        (&[AlreadyDone, InUse], Conclusion::Partial, 3),
        (&[Done, Unknown], Conclusion::Partial, 3),
        (&[Changed], Conclusion::Partial, 3),
        (&[Failed, Denied, InUse, Unknown, NotStarted], Conclusion::Failed, 1),
    ];
    for (outcomes, conclusion, code) in cases {
        let report = report(outcomes);
        assert_eq!((report.conclusion(), report.exit_code()), (*conclusion, *code), "{outcomes:?}");
    }
}

#[test]
fn what_could_not_be_seen_or_was_passed_over_twice_ends_as_partly_done() {
    for code in [NOT_LISTED, PASSED_OVER] {
        let mut report = report(&[Outcome::Done]);
        report.plan.findings = vec![finding(code)];
        assert_eq!(report.conclusion(), Conclusion::Partial);
        assert_eq!(report.exit_code(), 3);
    }
    let mut report = report(&[Outcome::Done]);
    report.plan.findings = vec![finding("backup-stopped")];
    assert_eq!(report.conclusion(), Conclusion::Done);
}

#[test]
fn a_refused_plan_ends_as_refused_with_nothing_started() {
    let mut report = report(&[]);
    report.plan.checks = vec![CheckResult::new("clock", false, None, "")];
    assert_eq!((report.conclusion(), report.exit_code()), (Conclusion::Refused, 4));
    assert!(report.plan.is_refused_whole());
}

#[test]
fn a_run_of_which_one_job_was_refused_ends_as_refused_whatever_the_other_did() {
    let mut report = report(&[Outcome::Done, Outcome::NotStarted]);
    report.plan.jobs = Job::ALL.to_vec();
    let check = CheckResult::new("all-listed", false, Some(Job::Expire), "");
    report.plan.checks = vec![check];
    assert_eq!((report.conclusion(), report.exit_code()), (Conclusion::Refused, 4));
    assert!(!report.plan.is_refused_whole());
    assert!(report.plan.refusal_of(Job::Create).is_none());
}

#[test]
fn a_stopped_run_ends_as_unfinished_whatever_its_checks_said_of_a_world_half_seen() {
    let mut report = report(&[Outcome::NotStarted]);
    report.stopped = Some(Why::Interrupted);
    report.plan.checks = vec![CheckResult::new("complete", false, None, "")];
    assert_eq!((report.conclusion(), report.exit_code()), (Conclusion::Unfinished, 130));
    report.results[0].outcome = Outcome::Done;
    assert_eq!(report.exit_code(), 3);
    // A set's member that was taken and not tagged was taken.
    report.results[0].outcome = Outcome::Failed;
    report.results[0].snapshot_id = Some("snap-1".into());
    assert_eq!(report.exit_code(), 3);
}

#[test]
fn the_json_form_is_the_plans_with_what_became_of_it() {
    let mut report = report(&[Outcome::Done, Outcome::InUse]);
    report.stopped = Some(Why::Deadline);
    report.results[0].snapshot_id = Some("snap-1".into());
    let form = serde_json::to_value(&report).unwrap();
    assert_eq!(form["schema"], "ebskeep.report/1");
    assert_eq!((&form["conclusion"], &form["stopped"]), (&json!("unfinished"), &json!("deadline")));
    assert_eq!(form["outcomes"]["in-use"], 1);
    assert_eq!(form["outcomes"].as_object().unwrap().len(), Outcome::ALL.len());
    let done = json!({ "action": 0, "resource": "vol-0", "outcome": "done", "snapshot_id": "snap-1" });
    assert_eq!(form["results"][0], done);
    // Every field of the plan is in it, unchanged but for the schema's name.
    let plan = serde_json::to_value(&report.plan).unwrap();
    for (key, value) in plan.as_object().unwrap() {
        assert!(key == "schema" || form[key] == *value, "{key}");
    }
}

#[test]
fn its_schema_names_every_field() {
    let mut report = report(&[Outcome::Done]);
    report.stopped = Some(Why::Deadline);
    report.plan.copies.push(CopyVerdict {
        snapshot_id: "snap-1".into(),
        volume_id: "vol-1".into(),
        destination: Destination::parse("us-east-1").unwrap(),
        verdict: CopyState::Copy,
        reasons: Vec::new(),
        copy_id: None,
    });
    let schema = schemars::schema_for!(Report);
    let properties = schema.get("properties").unwrap().as_object().unwrap();
    let form = serde_json::to_value(&report).unwrap();
    let keys: Vec<_> = form.as_object().unwrap().keys().collect();
    assert_eq!(properties.keys().collect::<Vec<_>>(), keys);
}
