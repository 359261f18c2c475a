//! `plan --what-if`, over files.

use serde_json::{Value, json};

use crate::server::{directory, ebskeep};

/// Twelve daily backups of one volume, each of 100 GiB, under `daily=30`.
fn inventory(name: &str) -> String {
    let snapshot = |day: usize| {
        json!({
            "SnapshotId": format!("snap-{day:02}"), "VolumeId": "vol-1", "OwnerId": "123456789012", "State": "completed",
            "StartTime": format!("2026-03-{day:02}T00:10:00Z"), "VolumeSize": 100, "Tags": [
                {"Key": "Type", "Value": "Automated"}, {"Key": "ebskeep:retention", "Value": "daily=30"},
                {"Key": "ebskeep:slot", "Value": format!("2026-03-{day:02}T00:00:00Z")}
            ]
        })
    };
    let all = json!({
        "Reservations": [], "Images": [],
        "Volumes": [{"VolumeId": "vol-1", "State": "available", "Size": 100, "Tags": [
            {"Key": "Backup", "Value": "daily"}, {"Key": "Retention", "Value": "daily=30"}
        ]}],
        "Snapshots": (1..=12).map(snapshot).collect::<Vec<_>>(),
    });
    let file = directory(name).join("all.json");
    std::fs::write(&file, all.to_string()).unwrap();
    file.to_str().unwrap().to_owned()
}

fn ask(args: &[&str], file: &str) -> std::process::Output {
    let whose = ["--region", "eu-west-1", "--now", "2026-03-12T12:00:00Z", "--inventory", file];
    ebskeep().arg("plan").args(args).args(whose).output().unwrap()
}

#[test]
fn a_shorter_retention_looks_like_this() {
    let file = inventory("what-if-looks");
    let output = ask(&["--what-if", "Retention=daily=4 weekly=2"], &file);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_document_is_as_its_schema_says_and_the_exit_code_tells_a_difference() {
    let file = inventory("what-if-json");
    let output = ask(&["--what-if", "Retention=daily=4", "--format", "json", "--detailed-exitcode"], &file);
    assert_eq!(output.status.code(), Some(5));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let schema = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/schema/ebskeep.what-if-1.schema.json"
    ))
    .unwrap();
    jsonschema::validate(&serde_json::from_str(&schema).unwrap(), &document).unwrap();
    assert_eq!((&document["after_grace"]["delete"], &document["at_once"]["delete"]), (&json!(8), &json!(0)));
    let same = ask(&["--what-if", "Retention=daily=30", "--detailed-exitcode"], &file);
    assert_eq!(same.status.code(), Some(0), "{}", String::from_utf8_lossy(&same.stdout));
}

#[test]
fn what_is_no_change_or_no_resource_is_told_before_anything_is_looked_at() {
    let file = inventory("what-if-usage");
    for (args, says) in [
        (&["--what-if", "Retention"][..], "no change"),
        (&["--what-if", "Owner=me"], "neither a tag nor a setting"),
        (&["--what-if", "minimum=none"], "whole number"),
        (&["vol-9", "--what-if", "Retention=7"], "no volume or instance here"),
        (&["vol-1"], "go with --what-if"),
        (&["snap-1", "--what-if", "Retention=7"], "none of create, copy and expire"),
    ] {
        let output = ask(args, &file);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(says), "{args:?}: {stderr}");
    }
}
