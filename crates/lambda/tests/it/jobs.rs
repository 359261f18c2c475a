//! What each shape of event does.

use ebskeep_sim::Deed;
use serde_json::json;

use crate::scene::{AWAY, HOME, START, Scene};

#[tokio::test(start_paused = true)]
async fn create_takes_what_is_due_and_a_second_call_takes_nothing() {
    let scene = Scene::new();
    let web = scene.instance(HOME, &[("Name", "web"), ("Backup", "Yes")]);
    scene.instance(HOME, &[("Name", "no backup")]);
    let ended = scene.invoke(json!({"job": "create"})).await;
    assert_eq!(ended.error, None, "{ended:?}");
    assert_eq!(scene.backed_up(HOME), [web]);
    assert_eq!(ended.answer["conclusion"], "done");
    assert_eq!(ended.answer["jobs"], json!(["create"]));
    assert_eq!(ended.answer.get("autosnap"), None);
    assert_eq!(ended.answer["places"][0]["region"], HOME);
    assert_eq!(ended.answer["places"][0]["outcomes"]["done"], 1);
    assert_eq!(ended.answer["places"][0]["summary"]["create"], 1);

    let again = scene.invoke(json!({"job": "create"})).await;
    assert_eq!((again.error, scene.snapshots(HOME).len()), (None, 1));
}

#[tokio::test(start_paused = true)]
async fn expire_deletes_what_nothing_keeps() {
    let scene = Scene::with(&[("EBSKEEP_JOB", "expire")]);
    let web = scene.instance(HOME, &[("Name", "web"), ("Backup", "Yes")]);
    let kept = [scene.backup(&web, 0, 7), scene.backup(&web, 1, 7)];
    scene.backup(&web, 30, 7);
    let ended = scene.invoke(json!({})).await;
    assert_eq!(ended.error, None, "{ended:?}");
    let mut left = scene.ids(HOME);
    left.sort();
    let mut kept = kept.to_vec();
    kept.sort();
    assert_eq!(left, kept);
    assert_eq!(ended.answer["places"][0]["summary"]["delete"], 1);
}

#[tokio::test(start_paused = true)]
async fn autosnaps_event_backs_up_and_expires_without_opt_in_and_says_so() {
    let scene = Scene::with(&[("EBSKEEP_JOB", "expire")]);
    let here = scene.instance(HOME, &[("Name", "untagged")]);
    let there = scene.instance(AWAY, &[("Name", "untagged")]);
    scene.instance(HOME, &[("Name", "excluded"), ("Backup", "No")]);
    scene.instance("eu-central-1", &[("Name", "elsewhere")]);
    let old = scene.backup(&here, 20, 2);
    let newer = scene.backup(&here, 0, 2);

    let ended = scene.invoke(json!({"regions": [HOME, AWAY], "retention_days": 2})).await;
    assert_eq!(ended.error, None, "{ended:?}");
    assert_eq!(ended.answer["jobs"], json!(["create", "expire"]));
    assert_eq!(ended.answer["autosnap"], json!({"retention_days": 2, "untagged_running_instances": "every-run"}));
    assert_eq!(scene.backed_up(AWAY), [there]);
    assert_eq!(scene.backed_up(HOME), [here.clone(), here]);
    assert_eq!(scene.backed_up("eu-central-1"), []);
    assert!(scene.ids(HOME).contains(&newer) && !scene.ids(HOME).contains(&old));
    let made = scene.snapshots(AWAY);
    assert_eq!(made[0].tags.get("DeleteOn"), Some("2026-03-03"));

    // The function's own Region, if it names none.
    scene.world.advance(std::time::Duration::from_hours(1));
    let ended = scene.invoke(json!({"retention_days": 1})).await;
    assert_eq!(ended.error, None, "{ended:?}");
    assert_eq!((scene.snapshots(HOME).len(), scene.snapshots(AWAY).len()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn deletions_that_a_check_refuses_hold_up_no_backup() {
    let scene = Scene::new();
    let here = scene.instance(HOME, &[("Name", "untagged")]);
    let old = [scene.backup(&here, 20, 30), scene.backup(&here, 21, 30)];
    // A hold lifted, as it were: nothing on them foresaw that they go now.
    for snapshot in &old {
        let keys = vec!["DeleteOn".into(), "ebskeep:slot".into()];
        scene.act(HOME, Deed::Untag { resources: vec![snapshot.as_str().into()], keys });
        let tags = [("DeleteOn", "2026-02-20")].into_iter().collect();
        scene.act(HOME, Deed::Tag { resources: vec![snapshot.as_str().into()], tags });
    }
    scene.backup(&here, 0, 30);
    let ended = scene.invoke(json!({"regions": [HOME], "max-delete": 1})).await;
    assert_eq!(ended.error.as_deref(), Some("Refused"), "{ended:?}");
    assert_eq!(ended.answer["refusals"][0]["job"], "expire");
    assert_eq!(ended.answer["places"][0]["outcomes"]["done"], 1);
    assert_eq!(ended.answer["places"][0]["outcomes"]["not-started"], 2);
    assert_eq!(scene.snapshots(HOME).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_ebs_tells_from_which_nothing_follows_is_answered_and_logged_and_nothing_is_called() {
    let scene = Scene::with(&[("EBSKEEP_JOB", "expire")]);
    let ended = scene
        .invoke(json!({
            "detail-type": "EBS Snapshot Notification", "source": "aws.ec2", "region": HOME,
            "detail": {"event": "copySnapshot", "result": "succeeded", "snapshot_id": "snap-01234567"},
        }))
        .await;
    assert_eq!(ended.error, None, "{ended:?}");
    assert_eq!((&ended.answer["conclusion"], &ended.answer["jobs"]), (&json!("done"), &json!([])));
    assert!(ended.answer["nothing"].as_str().unwrap().contains("copySnapshot"));
    assert!(scene.world.calls().is_empty());
    let log = scene.log();
    assert_eq!(log.len(), 1);
    assert_eq!((&log[0]["event"], &log[0]["nothing"]), (&json!("result"), &ended.answer["nothing"]));
}

#[tokio::test(start_paused = true)]
async fn what_ebs_tells_to_be_complete_is_copied_at_once_and_nothing_else_until_the_sweep() {
    let scene = Scene::new();
    let wanted = [("Backup", "Yes"), ("Copy_Dest", AWAY)];
    for _ in 0..4 {
        scene.instance(HOME, &wanted);
    }
    assert_eq!(scene.invoke(json!({"job": "create"})).await.error, None);
    let made: Vec<String> = scene.snapshots(HOME).iter().map(|past| past.id.to_string()).collect();
    let copied = || -> Vec<String> {
        let there = scene.snapshots(AWAY);
        let mut sources: Vec<String> =
            there.iter().map(|past| past.tags.get("Source_SnapshotId").unwrap().to_owned()).collect();
        sources.sort();
        sources
    };
    let sorted = |which: &[usize]| -> Vec<String> {
        let mut ids: Vec<String> = which.iter().map(|at| made[*at].clone()).collect();
        ids.sort();
        ids
    };
    // The account's and the Region's places in the ARN are AWS's to mix up.
    let one = |id: String| {
        json!({
            "detail-type": "EBS Snapshot Notification", "source": "aws.ec2", "region": HOME,
            "detail": {"event": "createSnapshot", "result": "succeeded", "snapshot_id": id},
        })
    };
    for event in [one(format!("arn:aws:ec2::{HOME}:snapshot/{}", made[0])), one(made[0].clone())] {
        assert_eq!(scene.invoke(event).await.error, None);
        assert_eq!(copied(), sorted(&[0]), "told twice it is copied once, and no other is");
    }
    let member = |at: usize, status: &str| json!({"snapshot_id": format!("arn:aws:ec2:{HOME}::snapshot/{}", made[at]), "source": "v", "status": status});
    let set = json!({
        "detail-type": "EBS Multi-Volume Snapshots Completion Status", "source": "aws.ec2", "region": HOME,
        "detail": {"event": "createSnapshots", "result": "succeeded",
            "snapshots": [member(1, "completed"), member(2, "error")]},
    });
    assert_eq!(scene.invoke(set).await.error, None);
    assert_eq!(copied(), sorted(&[0, 1]));
    assert_eq!(scene.invoke(json!({"job": "copy"})).await.error, None);
    assert_eq!(copied(), sorted(&[0, 1, 2, 3]), "the sweep copies what no event told of");
}

#[tokio::test(start_paused = true)]
async fn what_ebs_tells_of_snapshots_that_are_not_ours_does_nothing() {
    let scene = Scene::new();
    let web = scene.instance(HOME, &[("Name", "web"), ("Backup", "Yes")]);
    let unwanted = scene.backup(&web, 0, 7);
    for id in ["snap-0123456789abcdef0", unwanted.as_str()] {
        let ended = scene
            .invoke(json!({
                "detail-type": "EBS Snapshot Notification", "source": "aws.ec2", "region": HOME,
                "detail": {"event": "createSnapshot", "result": "succeeded", "snapshot_id": id},
            }))
            .await;
        assert_eq!((ended.error, &ended.answer["jobs"]), (None, &json!(["copy"])), "{}", ended.answer);
    }
    assert!(scene.world.calls().iter().all(|call| ["GetCallerIdentity", "DescribeSnapshots"].contains(&&*call.action)));
    assert_eq!(scene.changes(), []);
}

#[tokio::test(start_paused = true)]
async fn a_trigger_delivered_twice_takes_one_snapshot_of_every_run() {
    let scene = Scene::new();
    let scheduled = START.to_string();
    scene.world.advance(std::time::Duration::from_secs(90));
    let db = scene.instance(HOME, &[("Name", "db"), ("Backup", "every-run")]);
    for _ in 0..2 {
        let ended = scene.invoke(json!({"job": "create", "time": scheduled})).await;
        assert_eq!(ended.error, None, "{ended:?}");
        assert_eq!(ended.answer["trigger"], scheduled);
        scene.world.advance(std::time::Duration::from_secs(90));
    }
    assert_eq!(scene.backed_up(HOME), [db]);
    assert_eq!(scene.snapshots(HOME)[0].tags.get("ebskeep:slot"), Some(&*scheduled));
}

#[tokio::test(start_paused = true)]
async fn all_regions_are_those_enabled_for_the_account() {
    let scene = Scene::new();
    scene.instance(HOME, &[("Backup", "Yes")]);
    scene.instance("ap-southeast-2", &[("Backup", "Yes")]);
    let ended = scene.invoke(json!({"job": "create", "regions": ["all"]})).await;
    assert_eq!(ended.error, None, "{ended:?}");
    assert_eq!((scene.snapshots(HOME).len(), scene.snapshots("ap-southeast-2").len()), (1, 1));
    assert!(ended.answer["places"].as_array().unwrap().len() > 10);
}

#[tokio::test(start_paused = true)]
async fn settings_come_from_the_event_then_from_the_variables() {
    for (event, delete_on) in [
        (json!({"job": "create"}), "2026-03-05"),
        (json!({"job": "create", "default-retention": "9"}), "2026-03-10"),
        (json!({"job": "create", "default-retention": 9}), "2026-03-10"),
    ] {
        let scene = Scene::with(&[("EBSKEEP_DEFAULT_RETENTION", "4")]);
        scene.instance(HOME, &[("Backup", "Yes")]);
        assert_eq!(scene.invoke(event).await.error, None);
        assert_eq!(scene.snapshots(HOME)[0].tags.get("DeleteOn"), Some(delete_on));
    }
}
