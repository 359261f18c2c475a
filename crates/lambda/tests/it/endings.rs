//! Every way in which an invocation does not do all it should.

use std::time::Duration;

use ebskeep_core::cloud::Clock;
use ebskeep_lambda::handler::LAST;
use ebskeep_lambda::result::LIMIT;
use ebskeep_sim::{Fault, Rules, What, When};
use jiff::SignedDuration;
use serde_json::json;

use crate::scene::{AWAY, HOME, Scene};

fn refuse(code: &str) -> What {
    What::Refuse { code: code.into(), status: None, message: "as ordered".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_a_check_refuses_is_refused_and_nothing_is_done() {
    let scene = Scene::new();
    let web = scene.instance(HOME, &[("Backup", "Yes"), ("Retention", "7")]);
    scene.backup(&web, 0, 7);
    // No slot, so nothing foresaw their end.
    for days_ago in 20..27 {
        let old = scene.backup(&web, days_ago, 7);
        let untag = ebskeep_sim::Deed::Untag {
            resources: vec![old.as_str().into()],
            keys: vec!["ebskeep:slot".into(), "ebskeep:deployment".into(), "ebskeep:volume".into()],
        };
        scene.act(HOME, untag);
    }
    let ended = scene.invoke(json!({"job": "expire", "max-delete": 5})).await;
    assert_eq!(ended.error.as_deref(), Some("Refused"), "{ended:?}");
    assert_eq!(ended.answer["conclusion"], "refused");
    assert_eq!(ended.answer["refusals"][0]["region"], HOME);
    assert_ne!(ended.answer["refusals"][0]["detail"], "");
    assert_eq!(ended.answer["places"][0]["outcomes"]["not-started"], 7);
    assert_eq!(ended.answer["failures"], json!([]), "what was not begun did not fail");
    assert_eq!(scene.snapshots(HOME).len(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_denied_region_leaves_the_others_alone_and_the_whole_partly_done() {
    let scene = Scene::new();
    scene.instance(HOME, &[("Backup", "Yes")]);
    scene.instance(AWAY, &[("Backup", "Yes")]);
    for action in ["DescribeSnapshots", "DescribeVolumes", "DescribeInstances", "DescribeImages"] {
        scene.deny(AWAY, action);
    }
    let ended = scene.invoke(json!({"job": "create", "regions": [AWAY, HOME]})).await;
    assert_eq!(ended.error.as_deref(), Some("Partial"), "{ended:?}");
    let places = &ended.answer["places"];
    assert_eq!((&places[0]["region"], &places[0]["conclusion"]), (&HOME.into(), &"done".into()));
    assert_eq!((&places[1]["region"], &places[1]["conclusion"]), (&AWAY.into(), &"failed".into()));
    assert!(places[1]["error"].as_str().unwrap().contains("UnauthorizedOperation"), "{places}");
    assert_eq!((scene.snapshots(HOME).len(), scene.snapshots(AWAY).len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn one_denied_deletion_of_two_is_partly_done_and_named() {
    let scene = Scene::new();
    let web = scene.instance(HOME, &[("Backup", "Yes")]);
    scene.backup(&web, 0, 7);
    let (gone, stays) = (scene.backup(&web, 20, 7), scene.backup(&web, 21, 7));
    let when = When { times: None, ..When::about("DeleteSnapshot", stays.as_str()) };
    scene.world.fault(Fault { when, what: refuse("UnauthorizedOperation") });
    let ended = scene.invoke(json!({"job": "expire"})).await;
    assert_eq!(ended.error.as_deref(), Some("Partial"), "{ended:?}");
    let failure = &ended.answer["failures"][0];
    assert_eq!((&failure["resource"], &failure["outcome"]), (&stays.as_str().into(), &"denied".into()));
    assert_eq!(failure["action"], "delete-snapshot");
    assert!(!scene.ids(HOME).contains(&gone) && scene.ids(HOME).contains(&stays));
}

#[tokio::test(start_paused = true)]
async fn nothing_done_of_what_was_planned_is_failed() {
    let scene = Scene::new();
    scene.instance(HOME, &[("Backup", "Yes")]);
    scene.deny(HOME, "CreateSnapshot");
    scene.deny(HOME, "CreateSnapshots");
    let ended = scene.invoke(json!({"job": "create"})).await;
    assert_eq!(ended.error.as_deref(), Some("Failed"), "{ended:?}");
    assert_eq!(ended.answer["failures"][0]["outcome"], "denied");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_makes_no_sense_is_failed_before_any_call() {
    let scene = Scene::new();
    for (event, named) in
        [(json!({"job": "defragment"}), "defragment"), (json!({}), "EBSKEEP_JOB"), (json!([]), "list")]
    {
        let ended = scene.invoke(event).await;
        assert_eq!(ended.error.as_deref(), Some("Failed"), "{ended:?}");
        assert!(ended.answer["error"].as_str().unwrap().contains(named), "{ended:?}");
    }
    assert_eq!(scene.world.calls(), []);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_it_in_time_and_the_next_call_does_the_rest() {
    let scene = Scene::new();
    let volumes: Vec<_> = (0..200).map(|_| scene.volume(&[("Backup", "Yes")])).collect();
    let deadline = scene.clock.now() + SignedDuration::from_secs(40);
    // At AWS's pace 200 take longer than 40 s.
    let ended = scene.invoke_for(json!({"job": "create"}), Duration::from_secs(40)).await;
    assert_eq!(ended.error.as_deref(), Some("Unfinished"), "{ended:?}");
    assert_eq!(ended.answer["places"][0]["stopped"], "deadline");
    let done = scene.snapshots(HOME).len();
    assert!(done > 80 && done < volumes.len(), "{done}");
    assert_eq!(ended.answer["places"][0]["outcomes"]["done"], done);
    assert_eq!(ended.answer["places"][0]["outcomes"]["not-started"], volumes.len() - done);
    assert_eq!(ended.answer["failures"], json!([]));
    let last = deadline - SignedDuration::try_from(LAST).unwrap();
    assert!(scene.changes().iter().all(|at| *at <= last), "no new work in the last 20 s");

    let again = scene.invoke(json!({"job": "create"})).await;
    assert_eq!(again.error, None, "{again:?}");
    let mut backed_up = scene.backed_up(HOME);
    backed_up.sort();
    let mut volumes = volumes;
    volumes.sort();
    assert_eq!(backed_up, volumes, "each once");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_already_near_begins_nothing() {
    for seconds in [1, 15, 20] {
        let scene = Scene::new();
        scene.instance(HOME, &[("Backup", "Yes")]);
        let ended = scene.invoke_for(json!({"job": "create"}), Duration::from_secs(seconds)).await;
        assert_eq!(ended.error.as_deref(), Some("Unfinished"), "{ended:?}");
        assert_eq!(scene.world.calls(), []);
        assert_eq!(scene.invoke(json!({"job": "create"})).await.error, None, "it is safe to call again");
        assert_eq!(scene.snapshots(HOME).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_take_long_do_not_outlast_the_deadline() {
    let slow = |seconds| Rules { latency: Duration::from_secs(seconds), ..Rules::default() };
    // The stop comes after 10 s: in the question who we are, or in a listing.
    for latency in [6, 9, 15, 600] {
        let scene = Scene::new();
        scene.instance(HOME, &[("Backup", "Yes")]);
        scene.world.rules(slow(latency));
        let ended = scene.invoke_for(json!({"job": "create"}), Duration::from_secs(30)).await;
        assert_eq!(ended.error.as_deref(), Some("Unfinished"), "{latency} s: {ended:?}");
        assert_eq!(scene.snapshots(HOME), []);
    }
    // Nor does a listing that is never answered.
    let scene = Scene::new();
    assert_eq!(scene.invoke(json!({"job": "create"})).await.error, None);
    scene.world.rules(slow(600));
    let ended = scene.invoke_for(json!({"job": "create"}), Duration::from_secs(30)).await;
    assert_eq!(ended.error.as_deref(), Some("Unfinished"), "{ended:?}");
    assert_eq!(ended.answer["places"][0]["stopped"], "deadline");
}

#[tokio::test(start_paused = true)]
async fn who_we_are_is_asked_until_it_is_answered_and_then_remembered() {
    let scene = Scene::new();
    let when = When { times: Some(2), ..When::next("GetCallerIdentity") };
    scene.world.fault(Fault { when, what: refuse("Throttling") });
    for _ in 0..2 {
        assert_eq!(scene.invoke(json!({"job": "create"})).await.error, None);
    }
    let asked = scene.world.calls().iter().filter(|call| call.action == "GetCallerIdentity").count();
    assert_eq!(asked, 3);
}

#[tokio::test(start_paused = true)]
async fn who_we_are_denied_is_failed_and_says_so() {
    let scene = Scene::new();
    scene.world.fault(Fault { when: When::every("GetCallerIdentity"), what: refuse("ExpiredToken") });
    let ended = scene.invoke(json!({"job": "create"})).await;
    assert_eq!(ended.error.as_deref(), Some("Failed"), "{ended:?}");
    assert!(ended.answer["error"].as_str().unwrap().contains("ExpiredToken"), "{ended:?}");
    assert_eq!(scene.world.calls().len(), 1, "not asked again: it does not pass by itself");
}

#[tokio::test(start_paused = true)]
async fn thousands_of_denials_fit_the_answer_with_another_regions_problem() {
    let scene = Scene::new();
    let web = scene.volume(&[("Backup", "Yes")]);
    scene.backup(&web, 0, 7);
    for _ in 0..2_000 {
        scene.backup(&web, 20, 7);
    }
    scene.deny(HOME, "DeleteSnapshot");
    scene.instance(AWAY, &[("Backup", "Yse")]);
    // A backlog of so many of one volume waits unless the limits say otherwise.
    let limits = json!({"job": "expire", "regions": [HOME, AWAY], "max-delete": 5000, "max-delete-percent": 100});
    let ended = scene.invoke(limits).await;
    assert_eq!(ended.error.as_deref(), Some("Partial"), "{:?}", ended.answer["places"]);
    assert!(ended.length <= LIMIT, "{}", ended.length);
    assert_eq!(ended.answer["truncated"], true);
    let told = ended.answer["failures"].as_array().unwrap().len();
    assert!(told > 300, "{told}");
    assert_eq!(ended.answer["left_out"]["failures"], 2_000 - told);
    assert_eq!(ended.answer["problems"][0]["region"], AWAY);
    let denied = ended.answer["places"].as_array().unwrap().iter().find(|place| place["region"] == HOME).unwrap();
    assert_eq!(denied["outcomes"]["denied"], 2_000);
    assert_eq!(scene.snapshots(HOME).len(), 2_001);
}
