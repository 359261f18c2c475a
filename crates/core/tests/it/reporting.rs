//! What a report concludes, and its JSON form.

use ebskeep_core::destination::Destination;
use ebskeep_core::plan::{Action, CheckResult, CopyState, CopyVerdict, Job, Notice, PASSED_OVER};
use ebskeep_core::report::text::{Detail, Style, plan_text, report_text};
use ebskeep_core::report::{ActionResult, Conclusion, NOT_LISTED, Outcome, Report};
use ebskeep_core::stop::Why;
use serde_json::json;

use crate::plans::{create, delete, plan};

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

/// So many deletions of 8 GiB each, of so many volumes in turn.
fn deletions(number: usize, volumes: usize) -> Vec<Action> {
    let one = |n: usize| match delete(&format!("snap-{n:017x}")) {
        Action::DeleteSnapshot(mut deletion) => {
            deletion.volume_id = format!("vol-{:017x}", n % volumes).as_str().into();
            Action::DeleteSnapshot(deletion)
        }
        other => other,
    };
    (0..number).map(one).collect()
}

fn style(detail: Detail) -> Style {
    Style { colour: false, detail }
}

#[test]
fn a_plan_of_many_deletions_names_its_volumes_and_verbose_lists_all() {
    let _proof = ebskeep_proofs::proves(&["6.115"]);
    let refusal = CheckResult::new("unforeseen-deletions", false, Some(Job::Expire), "87000".to_owned());
    let mut many = plan(deletions(87_000, 1_000));
    many.jobs = vec![Job::Expire];
    many.checks = vec![refusal];
    many.findings = vec![finding("bad-slot"); 30];
    let text = plan_text(&many, &style(Detail::Normal));
    assert!(text.lines().count() < 300, "{} lines", text.lines().count());
    assert!(
        text.contains("\nDELETE 87,000 snapshots that no rule keeps any more (of volumes of 696,000 GiB)\n"),
        "{text}"
    );
    assert!(text.contains("  vol-00000000000000013    87  of 696 GiB\n"), "{text}");
    assert!(!text.contains("vol-00000000000000014"), "{text}");
    assert!(text.contains("and 85,260 more, of 980 volumes; -v lists all"), "{text}");
    // What has to be decided about is never cut.
    assert_eq!(text.matches("bad-slot").count(), 30, "{text}");
    assert!(text.contains("REFUSED") && text.contains("unforeseen-deletions"), "{text}");
    let full = plan_text(&many, &style(Detail::Full));
    assert_eq!(full.matches("  snap-").count(), 87_000);

    // At the edge: a hundred are listed one by one.
    for (number, listed) in [(100, 100), (101, 0)] {
        let text = plan_text(&plan(deletions(number, 3)), &style(Detail::Normal));
        assert_eq!(text.matches("  snap-").count(), listed, "{text}");
        assert!(text.contains(&format!("DELETE {number} snapshots")), "{text}");
        assert_eq!(text.contains("-v lists all"), listed == 0, "{text}");
    }
}

/// The result of each action in turn.
fn deleted(number: usize, outcome: impl Fn(usize) -> Outcome) -> Report {
    let results = (0..number).map(|action| ActionResult {
        action,
        resource: format!("snap-{action:017x}").into(),
        outcome: outcome(action),
        snapshot_id: None,
        detail: String::new(),
    });
    Report { plan: plan(deletions(number, 1_000)), results: results.collect(), notes: Vec::new(), stopped: None }
}

#[test]
fn a_report_of_many_deletions_is_cut_like_its_plan() {
    let _proof = ebskeep_proofs::proves(&["6.115"]);
    let done = deleted(87_000, |_| Outcome::Done);
    let text = report_text(&done, &style(Detail::Normal));
    assert!(text.lines().count() < 150, "{} lines", text.lines().count());
    assert!(text.contains("Deleted 87,000 snapshots") && text.contains("and 86,900 more; -v lists all"), "{text}");
    assert_eq!(report_text(&done, &style(Detail::Full)).matches("  snap-").count(), 87_000);
    assert!(!report_text(&deleted(100, |_| Outcome::Done), &style(Detail::Normal)).contains("-v lists all"));

    // What failed has something to say, and comes before what was not begun.
    let stopped = deleted(87_000, |n| if n % 2_900 == 2_899 { Outcome::Denied } else { Outcome::NotStarted });
    for detail in [Detail::Brief, Detail::Normal] {
        let text = report_text(&stopped, &style(detail));
        assert!(text.lines().count() < 150, "{} lines", text.lines().count());
        assert_eq!(text.matches("not permitted").count(), 30, "{text}");
        assert!(text.contains("Not done: 87,000") && text.contains("and 86,950 not begun; -v lists all"), "{text}");
    }
    let edge = report_text(&deleted(50, |_| Outcome::Denied), &style(Detail::Normal));
    assert_eq!((edge.matches("not permitted").count(), edge.contains("-v lists all")), (50, false));
}
