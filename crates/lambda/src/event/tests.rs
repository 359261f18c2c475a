//! Every shape of event, and every way to get one wrong.

use ebskeep_core::retention::Policy;
use serde_json::json;

use super::*;

fn variables(given: &[(&str, &str)]) -> Variables {
    Variables::new(given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

fn asked(event: &Value, given: &[(&str, &str)]) -> Asked {
    read(event, &variables(given)).unwrap_or_else(|error| panic!("{event}: {error}"))
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// As EventBridge's rules and (with another `source`, and `detail` as text) its
/// Scheduler send it to a target without an input of its own.
fn scheduled() -> Value {
    json!({
        "version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event",
        "source": "aws.events", "account": "123456789012", "time": "2026-03-01T03:00:00Z", "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:123456789012:rule/nightly"], "detail": {}
    })
}

#[test]
fn a_job_comes_before_everything_else() {
    for (event, job) in [
        (json!({"job": "create"}), Job::Create),
        (json!({"job": "expire"}), Job::Expire),
        (json!({"job": " expire "}), Job::Expire),
        (json!({"job": "create", "regions": ["eu-west-1"]}), Job::Create),
    ] {
        let asked = asked(&event, &[("EBSKEEP_JOB", "nonsense")]);
        assert_eq!((asked.shape, &asked.request), (Shape::Job, &Request::new([job])), "{event}");
    }
}

#[test]
fn autosnaps_events_create_then_expire_with_its_retention_and_without_opt_in() {
    let _proof = ebskeep_proofs::proves(&["6.31"]);
    for (event, days, regions) in [
        (json!({"regions": ["eu-west-1"]}), 2, Regions::These(vec!["eu-west-1".into()])),
        (json!({"regions": ["eu-west-1"], "retention_days": 5}), 5, Regions::These(vec!["eu-west-1".into()])),
        (json!({"retention_days": 30}), 30, Regions::Home),
        (json!({"retention_days": "3"}), 3, Regions::Home),
    ] {
        let asked = asked(&event, &[("EBSKEEP_JOB", "create")]);
        assert_eq!(asked.shape, Shape::Autosnap { retention_days: days }, "{event}");
        assert_eq!(asked.regions, regions, "{event}");
        assert_eq!(asked.request.jobs, [Job::Create, Job::Expire], "{event}");
        assert_eq!(asked.request.untagged, Untagged::RunningEveryRun, "{event}");
        assert_eq!(asked.settings.default_retention, Policy::parse(&days.to_string()).unwrap(), "{event}");
    }
}

#[test]
fn every_other_event_does_the_functions_job() {
    for event in [json!({}), json!(null), json!({"time": "2026-03-01T03:00:00Z"}), scheduled()] {
        let asked = asked(&event, &[("EBSKEEP_JOB", "expire")]);
        assert_eq!((asked.shape, &*asked.request.jobs), (Shape::Variable, &[Job::Expire][..]), "{event}");
        assert_eq!(asked.request.untagged, Untagged::NotBackedUp, "{event}");
        assert_eq!(asked.regions, Regions::Home, "{event}");
    }
}

/// As EBS sends it when one snapshot ended.
fn notification(detail: &Value) -> Value {
    json!({
        "version": "0", "id": "01234567-0123-0123-0123-0123456789ab", "detail-type": "EBS Snapshot Notification",
        "source": "aws.ec2", "account": "123456789012", "time": "2026-03-01T03:00:00Z", "region": "us-east-1",
        "resources": ["arn:aws:ec2::us-east-1:snapshot/snap-01234567"], "detail": detail
    })
}

fn completion(detail: &Value) -> Value {
    let mut event = notification(detail);
    event["detail-type"] = json!("EBS Multi-Volume Snapshots Completion Status");
    event
}

fn only(asked: &Asked) -> Vec<&str> {
    asked.request.only.iter().flatten().map(ebskeep_core::id::SnapshotId::as_str).collect()
}

#[test]
fn a_snapshot_that_ebs_tells_of_is_copied_however_its_id_is_written() {
    for id in [
        "arn:aws:ec2::us-east-1:snapshot/snap-01234567",
        "arn:aws:ec2:us-east-1::snapshot/snap-01234567",
        "arn:aws:ec2:us-east-1:123456789012:snapshot/snap-01234567",
        "arn:aws:ec2:::snapshot/snap-01234567",
        "arn:aws-us-gov:ec2::us-gov-west-1:snapshot/snap-01234567",
        "snap-01234567",
    ] {
        let detail = json!({"event": "createSnapshot", "result": "succeeded", "cause": "", "snapshot_id": id});
        let asked = asked(&notification(&detail), &[("EBSKEEP_JOB", "create")]);
        assert_eq!((&asked.shape, &*asked.request.jobs), (&Shape::Completed, &[Job::Copy][..]), "{id}");
        assert_eq!(only(&asked), ["snap-01234567"], "{id}");
        assert_eq!(asked.regions, Regions::These(vec!["us-east-1".into()]));
        assert_eq!(asked.request.trigger, None, "its time is no schedule's");
    }
}

#[test]
fn of_a_set_those_that_are_complete_are_copied() {
    let member = |id: &str, status: &str| json!({"snapshot_id": id, "source": "vol-1", "status": status});
    let detail = json!({
        "event": "createSnapshots", "result": "failed", "cause": "one of them",
        "snapshots": [
            member("arn:aws:ec2::us-east-1:snapshot/snap-02", "completed"), member("snap-01", "completed"),
            member("arn:aws:ec2::us-east-1:snapshot/snap-03", "error"),
        ]
    });
    let of_set = asked(&completion(&detail), &[]);
    assert_eq!((of_set.shape.clone(), only(&of_set)), (Shape::Completed, vec!["snap-01", "snap-02"]));
    let detail = json!({"event": "createSnapshots", "result": "failed", "snapshots": [member("snap-01", "error")]});
    assert!(matches!(asked(&completion(&detail), &[]).shape, Shape::Nothing(_)));
}

#[test]
fn what_ebs_tells_from_which_nothing_follows_is_no_error() {
    let id = "arn:aws:ec2::us-east-1:snapshot/snap-01234567";
    for (event, result) in [
        ("createSnapshot", "failed"),
        ("copySnapshot", "succeeded"),
        ("copySnapshot", "failed"),
        ("shareSnapshot", "succeeded"),
        ("archiveSnapshot", "succeeded"),
        ("a-new-one", "succeeded"),
    ] {
        let detail = json!({"event": event, "result": result, "snapshot_id": id, "source": "vol-1"});
        let asked = asked(&notification(&detail), &[("EBSKEEP_JOB", "copy")]);
        let Shape::Nothing(why) = &asked.shape else { panic!("{event} {result}: {:?}", asked.shape) };
        assert!(why.contains(event), "{why}");
        assert_eq!((asked.request.jobs.len(), asked.request.only), (0, None));
    }
}

#[test]
fn the_triggers_scheduled_time_is_taken_from_either_scheduler_and_from_inputs() {
    let mut scheduler = scheduled();
    scheduler["source"] = json!("aws.scheduler");
    scheduler["detail"] = json!("{}");
    for event in
        [scheduled(), scheduler, json!({"time": "2026-03-01T03:00:00Z"}), json!({"time": "2026-03-01T04:00:00+01:00"})]
    {
        let asked = asked(&event, &[("EBSKEEP_JOB", "create")]);
        assert_eq!(asked.request.trigger, Some(instant("2026-03-01T03:00:00Z")), "{event}");
    }
    assert_eq!(asked(&json!({"job": "create"}), &[]).request.trigger, None);
}

#[test]
fn regions_are_a_list_or_one_name_or_all() {
    let these = |names: &[&str]| Regions::These(names.iter().map(|name| Region::from(*name)).collect());
    for (given, regions) in [
        (json!(["us-gov-west-1", "eu-west-1", "eu-west-1"]), these(&["eu-west-1", "us-gov-west-1"])),
        (json!("eu-west-1"), these(&["eu-west-1"])),
        (json!(["all"]), Regions::All),
        (json!("all"), Regions::All),
    ] {
        assert_eq!(asked(&json!({"job": "create", "regions": given}), &[]).regions, regions);
    }
}

#[test]
fn event_over_variable_over_default() {
    let _proof = ebskeep_proofs::proves(&["7.2"]);
    let given = [("EBSKEEP_MAX_DELETE", "7"), ("EBSKEEP_MINIMUM", "3"), ("HOME", "/root"), ("EBSKEEP_JOB", "create")];
    let asked = asked(&json!({"max-delete": 9, "deployment": "b"}), &given);
    let expected = Settings { max_delete: 9, minimum: 3, deployment: "b".into(), ..Settings::default() };
    assert_eq!(asked.settings, expected);
}

#[test]
fn every_setting_is_a_field_and_a_variable() {
    let _proof = ebskeep_proofs::proves(&["7.1"]);
    for setting in TABLE {
        let by_event = json!({"job": "create", setting.name: setting.default});
        assert_eq!(asked(&by_event, &[]).settings, Settings::default(), "{}", setting.name);
        let by_variable = [(&*setting.variable(), setting.default)];
        assert_eq!(asked(&json!({"job": "create"}), &by_variable).settings, Settings::default(), "{}", setting.name);
        // Where nothing is a value, something else is none.
        let nonsense = if setting.default.is_empty() { "?" } else { "" };
        let wrong = variables(&[(&*setting.variable(), nonsense)]);
        let error = read(&json!({"job": "create"}), &wrong).unwrap_err().to_string();
        assert!(error.contains(&setting.variable()), "{error}");
    }
}

#[test]
fn what_is_wrong_is_named_with_the_remedy() {
    let _proof = ebskeep_proofs::proves(&["7.3"]);
    let event_of_ec2 = json!({
        "detail-type": "EC2 Instance State-change Notification", "source": "aws.ec2", "detail": {"state": "stopped"}
    });
    let good = json!({"event": "createSnapshot", "result": "succeeded", "snapshot_id": "snap-01"});
    let beside = |name: &str, value: Value| {
        let mut event = notification(&good);
        event[name] = value;
        event
    };
    let id = |id: Value| notification(&json!({"event": "createSnapshot", "result": "succeeded", "snapshot_id": id}));
    for (event, given, named) in [
        (json!([]), &[][..], &["a list", "JSON object"][..]),
        (json!("create"), &[], &["text", "JSON object"]),
        (json!({"job": "copy-everything"}), &[], &["the event", "copy-everything", "create, copy, expire"]),
        (json!({"job": "Create"}), &[], &["Create", "create, copy, expire"]),
        (json!({"job": ""}), &[], &["\"\"", "create, copy, expire"]),
        (json!({"job": ["create"]}), &[], &["job", "[\"create\"]"]),
        (json!({"job": null}), &[], &["job", "null"]),
        (json!({"jobs": ["create", "expire"]}), &[("EBSKEEP_JOB", "create")], &["jobs", "write \"job\""]),
        (json!({}), &[], &["\"job\"", "EBSKEEP_JOB", "create, copy, expire"]),
        (scheduled(), &[], &["EBSKEEP_JOB"]),
        (json!({}), &[("EBSKEEP_JOB", "both")], &["EBSKEEP_JOB", "both", "create, copy, expire"]),
        (json!({"job": "create", "region": "eu-west-1"}), &[], &["region", "\"regions\""]),
        (json!({"job": "create", "max_delete": 1}), &[], &["max_delete", "\"max-delete\""]),
        (json!({"job": "create", "dryRun": true}), &[], &["dryRun", "known are job", "max-delete"]),
        (json!({"job": "create", "detail": {}}), &[], &["detail"]),
        (json!({"job": "create", "max-delete": "lots"}), &[], &["max-delete", "lots"]),
        (json!({"job": "create", "max-delete": true}), &[], &["max-delete", "true"]),
        (json!({"job": "create", "time": "yesterday"}), &[], &["time", "yesterday"]),
        (json!({"job": "create", "time": 5}), &[], &["time", "5"]),
        (json!({"job": "create", "regions": []}), &[], &["regions", "[]"]),
        (json!({"job": "create", "regions": [1]}), &[], &["regions", "[1]"]),
        (json!({"job": "create", "regions": ["all", "eu-west-1"]}), &[], &["regions"]),
        (json!({"job": "create", "regions": ["evil.example/"]}), &[], &["regions", "evil.example/"]),
        (json!({"job": "create", "regions": {"a": 1}}), &[], &["regions"]),
        (json!({"job": "create", "retention_days": 2}), &[], &["retention_days", "default-retention"]),
        (json!({"retention_days": 0}), &[], &["retention_days", "0"]),
        (json!({"retention_days": -1}), &[], &["retention_days", "-1"]),
        (json!({"retention_days": 2.5}), &[], &["retention_days", "2.5"]),
        (json!({"retention_days": "two"}), &[], &["retention_days", "two"]),
        (json!({"retention_days": 2, "default-retention": 9}), &[], &["default-retention", "retention_days"]),
        (json!({"job": "create"}), &[("EBSKEEP_MAX_DELTE", "1")], &["EBSKEEP_MAX_DELTE"]),
        (json!({"job": "create"}), &[("EBSKEEP_MAX_DELETE", "x")], &["EBSKEEP_MAX_DELETE", "x"]),
        (json!({"job": "create", "key-backup": "Retention"}), &[], &["same key"]),
        (event_of_ec2, &[("EBSKEEP_JOB", "create")], &["EC2 Instance State-change", "aws.ec2", "input"]),
        (beside("job", json!("expire")), &[], &["job", "says itself"]),
        (beside("regions", json!(["eu-west-1"])), &[], &["regions", "says itself"]),
        (beside("region", json!("evil.example/")), &[], &["region", "evil.example/"]),
        (beside("detail", json!("{}")), &[], &["detail", "snapshot_id"]),
        (beside("max-delete", json!("lots")), &[], &["max-delete", "lots"]),
        (beside("dryRun", json!(true)), &[], &["dryRun"]),
        (notification(&json!({"event": "createSnapshot"})), &[], &["detail", "result"]),
        (completion(&json!({"event": "createSnapshots", "result": "succeeded"})), &[], &["detail", "snapshots"]),
        (id(json!("arn:aws:ec2::us-east-1:snapshot/*")), &[], &["detail", "snapshot/*"]),
        (id(json!("vol-01")), &[], &["detail", "vol-01"]),
        (id(json!(7)), &[], &["detail"]),
    ] {
        let error = read(&event, &variables(given)).map_err(|error| error.to_string());
        let Err(error) = error else { panic!("{event} with {given:?} was taken") };
        for word in named {
            assert!(error.contains(word), "{event}: {error:?} does not name {word:?}");
        }
    }
}

#[test]
fn an_error_stays_short_whatever_the_event() {
    let long = "x".repeat(100_000);
    for event in [
        json!({"job": long}),
        json!({long.clone(): 1}),
        json!({"job": "create", "regions": [long]}),
        json!({"job": "create", "time": long}),
        json!({"job": "create", "max-delete": long}),
        json!({"source": long, "detail-type": long}),
        notification(&json!({"event": "createSnapshot", "result": "succeeded", "snapshot_id": long})),
    ] {
        let length = read(&event, &Variables::default()).unwrap_err().to_string().len();
        assert!(length < 2_000, "{length}");
    }
}
