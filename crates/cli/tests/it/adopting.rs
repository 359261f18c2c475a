//! Adopting snapshots of other tools, and the report for who comes from the
//! original.

use ebskeep_sim::World;
use serde_json::{Value, json};

use crate::runs::{Ran, ends, valid};
use crate::server::{Server, directory, ebskeep};
use crate::world::{backup, calls, snapshot, volume, world};

/// A volume of ours with a backup, and one of another tool's, past its date.
fn scene() -> (World, Server, String) {
    let world = world();
    let of = volume(&world, &[("Backup", "Yes"), ("Retention", "7")]);
    backup(&world, &of, 1);
    let started = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * 60);
    let theirs = snapshot(&world, &of, started, [("DeleteOn", "2024-01-01")].into_iter().collect());
    let server = Server::of(&world);
    (world, server, theirs)
}

fn verdict(server: &Server, id: &str) -> Value {
    let Ran { stdout, .. } = ends(server, &["plan", "expire", "--format", "json"], 0);
    let plan: Value = serde_json::from_str(&stdout).unwrap();
    plan["snapshots"].as_array().unwrap().iter().find(|s| s["snapshot_id"] == id).unwrap().clone()
}

#[test]
fn without_yes_they_are_only_shown_and_with_it_they_are_ours() {
    let _proof = ebskeep_proofs::proves(&["6.43"]);
    let (world, server, theirs) = scene();
    let ran = ends(&server, &["adopt"], 0);
    assert!(ran.stdout.contains("Brown") && ran.stdout.contains("1 snapshot can be adopted"), "{}", ran.stdout);
    assert!(ran.stderr.contains("adopt --yes"), "{}", ran.stderr);
    assert_eq!(calls(&world, "CreateTags"), 0);
    assert_eq!(verdict(&server, &theirs)["verdict"], "ignore");

    let shown = valid(&ends(&server, &["adopt", "--format", "json"], 0), "ebskeep.adopt/1");
    let adopted = &shown["tools"][0]["lineages"][0]["snapshots"][0]["adopted"];
    assert_eq!((&shown["conclusion"], &shown["results"]), (&Value::Null, &json!([])));
    let done = valid(&ends(&server, &["adopt", "--yes", "--format", "json"], 0), "ebskeep.adopt/1");
    assert_eq!((&done["conclusion"], &done["results"][0]["outcome"]), (&"done".into(), &"done".into()));
    assert_eq!(verdict(&server, &theirs), adopted["after"], "it is as it was shown");

    let ran = ends(&server, &["adopt", "--yes"], 0);
    assert!(ran.stdout.contains("none that can be recognised"), "{}", ran.stdout);
    assert_eq!(calls(&world, "CreateTags"), 1);
}

#[test]
fn another_instant_files_and_other_tools_change_nothing() {
    let (world, server, _) = scene();
    for (arguments, code, said) in [
        (&["adopt", "--from", "shelvery", "--yes"][..], 0, "none that can be recognised"),
        (&["adopt", "--now", "2030-01-01T00:00:00Z"], 0, "1 snapshot can be adopted"),
        (&["adopt", "--now", "2030-01-01T00:00:00Z", "--yes"], 2, "--now"),
        (&["adopt", "--inventory", "x.json", "--yes"], 2, "--inventory"),
        (&["adopt", "--from", "dlm"], 2, "aws-missing-tools"),
        (&["adopt", "--region", "all"], 2, "one Region"),
    ] {
        let ran = ends(&server, arguments, code);
        assert!(format!("{}{}", ran.stdout, ran.stderr).contains(said), "{arguments:?}: {}{}", ran.stdout, ran.stderr);
    }
    assert_eq!(calls(&world, "CreateTags"), 0);
}

/// An account in which the original and some others were at work.
fn inventory() -> String {
    let tags = |tags: &[(&str, &str)]| -> Value {
        tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
    };
    let snapshot = |id: &str, volume: &str, day: &str, description: &str, own: &[(&str, &str)]| {
        json!({
            "SnapshotId": id, "VolumeId": volume, "OwnerId": "123456789012", "State": "completed",
            "StartTime": format!("{day}T00:10:00Z"), "VolumeSize": 100, "Description": description, "Tags": tags(own)
        })
    };
    let dated = |date: &'static str| [("Type", "Automated"), ("DeleteOn", date)];
    let forever = [("KeepForever", "x"), ("Type", "Automated"), ("DeleteOn", "2026-03-20")];
    json!({
        "Reservations": [{"Instances": [{
            "InstanceId": "i-0123456789abcdef0", "State": {"Name": "running"}, "RootDeviceName": "/dev/xvda",
            "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeId": "vol-0123456789abcdef0"}}],
            "Tags": tags(&[("Name", "web"), ("Backup", "Yes"), ("Retention", "2w")])
        }]}],
        "Volumes": [
            {"VolumeId": "vol-0123456789abcdef0", "State": "in-use", "Size": 100},
            {"VolumeId": "vol-0123456789abcdef1", "State": "available", "Size": 100, "Tags": tags(&[("Backup", "Yes")])}
        ],
        "Snapshots": [
            snapshot("snap-0123456789abcdef0", "vol-0123456789abcdef0", "2026-03-09", "", &dated("2026-03-23")),
            snapshot("snap-0123456789abcdef1", "vol-0123456789abcdef0", "2026-02-01", "", &dated("2026-02-15")),
            snapshot("snap-0123456789abcdef2", "vol-0123456789abcdef0", "2026-02-02", "", &dated("2026-02-16")),
            snapshot("snap-0123456789abcdef3", "vol-0123456789abcdef0", "2026-03-06", "", &forever),
            snapshot("snap-0123456789abcdef4", "vol-0123456789abcdef0", "2026-02-03",
                "web - vol-0123456789abcdef0 (/dev/xvda)", &[]),
            snapshot("snap-0123456789abcdef5", "vol-0123456789abcdef9", "2026-01-03", "", &[("DeleteOn", "2026-12-31")]),
            snapshot("snap-0123456789abcdef6", "vol-0123456789abcdef9", "2026-01-04", "", &[("DeleteOn", "2026-02-01")]),
            snapshot("snap-0123456789abcdef7", "vol-ffffffff", "2026-01-04", "", &[("shelvery:name", "x")]),
            snapshot("snap-0123456789abcdef8", "vol-0123456789abcdef9", "2026-01-05", "by AWS",
                &[("DeleteOn", "2026-02-01"), ("aws:backup:source-resource", "x")])
        ],
        "Images": []
    })
    .to_string()
}

fn text(name: &str, more: &[&str]) -> String {
    let file = directory("adopting").join(format!("{name}.json"));
    std::fs::write(&file, inventory()).unwrap();
    let whose = ["--region", "eu-west-1", "--now", "2026-03-10T12:00:00Z"];
    let output = ebskeep().arg("adopt").args(more).args(whose).arg("--inventory").arg(file).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("snap-0123456789abcdef8"), "what AWS Backup made is never among them");
    for line in text.lines() {
        assert!(line.chars().count() <= 80 && line.trim_end() == line, "{line:?}");
    }
    text
}

#[test]
fn snapshots_of_other_tools() {
    insta::assert_snapshot!(text("short", &[]));
}

#[test]
fn snapshots_of_other_tools_in_full() {
    insta::assert_snapshot!(text("full", &["-v"]));
}

#[test]
fn coming_from_the_original() {
    insta::assert_snapshot!(text("original", &["--from", "original", "--max-delete", "1"]));
}

#[test]
fn coming_from_the_original_as_json() {
    let file = directory("adopting").join("json.json");
    std::fs::write(&file, inventory()).unwrap();
    let whose = ["--from", "original", "--region", "eu-west-1", "--now", "2026-03-10T12:00:00Z", "--format", "json"];
    let output = ebskeep().arg("adopt").args(whose).arg("--inventory").arg(file).output().unwrap();
    let document = valid(&Ran::of(&output), "ebskeep.adopt/1");
    let migration = &document["migration"];
    assert_eq!((&migration["deletions"], migration["snapshots"].as_array().unwrap().len()), (&json!(2), 5));
    let forever = &migration["snapshots"][3];
    assert_eq!((&forever["keep_forever"], &forever["state"]), (&"not-last".into(), &"to-come".into()));
}
