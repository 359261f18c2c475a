//! What is logged: each decision that changes something, once, and the end.

use ebskeep_sim::Deed;
use serde_json::{Value, json};

use crate::scene::{AWAY, HOME, Scene};

fn of<'a>(log: &'a [Value], event: &str) -> Vec<&'a Value> {
    log.iter().filter(|line| line["event"] == event).collect()
}

#[tokio::test(start_paused = true)]
async fn each_decision_that_changes_something_is_one_line() {
    let scene = Scene::new();
    let web = scene.instance(HOME, &[("Name", "web"), ("Backup", "Yes")]);
    let old = scene.backup(&web, 30, 7);
    let newer = scene.backup(&web, 2, 7);

    assert_eq!(scene.invoke(json!({"job": "create"})).await.error, None);
    let log = scene.log();
    let made = scene.ids(HOME).into_iter().find(|id| *id != old && *id != newer).unwrap();
    let [line] = of(&log, "action")[..] else { panic!("{log:?}") };
    assert_eq!((&line["resource"], &line["volume_id"]), (&web.as_str().into(), &web.as_str().into()));
    assert_eq!((&line["snapshot_id"], &line["outcome"]), (&made.as_str().into(), &"done".into()));
    assert_eq!((&line["level"], &line["request_id"], &line["region"]), (&"INFO".into(), &"0-1".into(), &HOME.into()));
    assert_eq!(line["reasons"][0]["rule"], "due");
    assert_ne!(line["reasons"][0]["detail"], "");
    assert!(line["timestamp"].as_str().unwrap().starts_with("2026-03-01T00:00:"), "{line}");

    assert_eq!(scene.invoke(json!({"job": "expire"})).await.error, None);
    let log = scene.log();
    let [line] = of(&log, "action")[..] else { panic!("{log:?}") };
    assert_eq!((&line["action"], &line["resource"]), (&"delete-snapshot".into(), &old.as_str().into()));
    assert_eq!(line["volume_id"], web.as_str());
    assert!(!line["reasons"].as_array().unwrap().is_empty(), "{line}");
}

#[tokio::test(start_paused = true)]
async fn members_of_a_set_are_a_line_each() {
    let scene = Scene::new();
    let deed = Deed::Run {
        id: None,
        image: None,
        volumes: [("/dev/sdf".into(), 1)].into(),
        tags: [("Backup", "Yes")].into_iter().collect(),
        volume_tags: ebskeep_core::tags::Tags::new(),
    };
    let instance = scene.act(HOME, deed).id.unwrap();
    assert_eq!(scene.invoke(json!({"job": "create"})).await.error, None);
    let log = scene.log();
    let lines = of(&log, "action");
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert_eq!((&line["action"], &line["instance_id"]), (&"create-set".into(), &instance.as_str().into()));
        assert_eq!(line["reasons"][0]["rule"], "due");
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_ends_with_each_region_and_the_result() {
    let scene = Scene::new();
    scene.instance(HOME, &[("Backup", "Yse"), ("Retention", "-1")]);
    assert_eq!(scene.invoke(json!({"job": "create", "regions": [HOME, AWAY]})).await.error, None);
    let log = scene.log();
    assert_eq!(of(&log, "problem").len(), 2, "{log:?}");
    assert_eq!(of(&log, "problem")[0]["level"], "WARN");
    assert_eq!(of(&log, "region").len(), 2);
    let last = log.last().unwrap();
    assert_eq!((&last["event"], &last["conclusion"]), (&"result".into(), &"done".into()));
    assert_eq!(last["outcomes"]["done"], 1);
    assert_eq!(last.get("region"), None);
}

#[tokio::test(start_paused = true)]
async fn refusals_and_errors_are_lines_too() {
    let scene = Scene::new();
    let web = scene.volume(&[("Retention", "7")]);
    scene.backup(&web, 1, 7);
    // Backups of live volumes, and nothing is tagged: a wrong key, says a check.
    assert_eq!(scene.invoke(json!({"job": "expire"})).await.error.as_deref(), Some("Refused"));
    let log = scene.log();
    let [line] = of(&log, "refusal")[..] else { panic!("{log:?}") };
    assert_eq!(line["level"], "ERROR");
    assert_eq!(log.last().unwrap()["conclusion"], "refused");

    assert_eq!(scene.invoke(json!({"job": "tidy"})).await.error.as_deref(), Some("Failed"));
    let log = scene.log();
    let [line] = &log[..] else { panic!("{log:?}") };
    assert_eq!((&line["event"], &line["level"]), (&"result".into(), &"ERROR".into()));
    assert!(line["error"].as_str().unwrap().contains("tidy"));
}

#[tokio::test(start_paused = true)]
async fn what_was_not_begun_is_counted_and_not_told_line_by_line() {
    let scene = Scene::new();
    for _ in 0..200 {
        scene.volume(&[("Backup", "Yes")]);
    }
    let time = std::time::Duration::from_secs(40);
    let ended = scene.invoke_for(json!({"job": "create"}), time).await;
    assert_eq!(ended.error.as_deref(), Some("Unfinished"));
    let log = scene.log();
    assert_eq!(of(&log, "action").len(), scene.snapshots(HOME).len());
    assert_eq!(log.last().unwrap()["outcomes"]["not-started"], 200 - scene.snapshots(HOME).len());
}
