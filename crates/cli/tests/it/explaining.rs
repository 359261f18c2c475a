//! `explain`, over files.

use ebskeep_proofs::proves;
use serde_json::{Value, json};

use crate::server::{directory, ebskeep};

/// Forty daily backups of a volume of 100 GiB on an instance, under rules; one
/// that is somebody else's.
fn inventory(name: &str) -> String {
    let day = |back: i64| {
        let newest: jiff::civil::Date = "2026-03-12".parse().unwrap();
        newest.saturating_sub(jiff::Span::new().days(back)).to_string()
    };
    let snapshot = |back: i64| {
        json!({
            "SnapshotId": format!("snap-{back:02}"), "VolumeId": "vol-1", "OwnerId": "123456789012", "State": "completed",
            "StartTime": format!("{}T00:05:00Z", day(back)), "VolumeSize": 100, "Tags": [
                {"Key": "Type", "Value": "Automated"}, {"Key": "ebskeep:retention", "Value": "daily=7 weekly=4"},
                {"Key": "ebskeep:slot", "Value": format!("{}T00:00:00Z", day(back))}, {"Key": "Name", "Value": "db /dev/xvda"}
            ]
        })
    };
    let mut snapshots: Vec<Value> = [0, 1, 2, 3, 4, 5, 6, 11, 18, 19].into_iter().map(snapshot).collect();
    snapshots.push(json!({
        "SnapshotId": "snap-theirs", "VolumeId": "vol-1", "OwnerId": "123456789012", "State": "completed",
        "StartTime": "2026-03-01T00:05:00Z", "VolumeSize": 100, "Tags": []
    }));
    let all = json!({
        "Reservations": [{"Instances": [{
            "InstanceId": "i-1", "State": {"Name": "running"},
            "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeId": "vol-1"}}],
            "Tags": [
                {"Key": "Name", "Value": "db"}, {"Key": "Backup", "Value": "daily"},
                {"Key": "Retention", "Value": "daily=7 weekly=4"}
            ]
        }]}],
        "Images": [], "Volumes": [{"VolumeId": "vol-1", "State": "in-use", "Size": 100}], "Snapshots": snapshots,
    });
    let file = directory(name).join("all.json");
    std::fs::write(&file, all.to_string()).unwrap();
    file.to_str().unwrap().to_owned()
}

fn ask(args: &[&str], file: &str) -> std::process::Output {
    let whose = ["--region", "eu-west-1", "--now", "2026-03-12T12:00:00Z", "--inventory", file];
    ebskeep().arg("explain").args(args).args(whose).output().unwrap()
}

fn document(args: &[&str], file: &str) -> Value {
    let output = ask(&[args, &["--format", "json"]].concat(), file);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema/ebskeep.explain-1.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(schema).unwrap()).unwrap();
    jsonschema::validate(&schema, &document).unwrap();
    document
}

#[test]
fn a_page_looks_like_this() {
    let file = inventory("explain-looks");
    for (name, ids) in [("snapshot", &["snap-04"][..]), ("volume_and_instance", &["vol-1", "i-1"])] {
        let output = ask(ids, &file);
        assert_eq!(output.status.code(), Some(0));
        insta::assert_snapshot!(name, String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn each_rule_says_what_it_says_and_the_end_is_that_of_the_years_to_come() {
    let _proof = proves(&["6.53", "6.54", "6.55"]);
    let file = inventory("explain-rules");
    let document = document(&["snap-04", "snap-19", "snap-theirs", "vol-1", "i-1"], &file);
    let subjects = document["subjects"].as_array().unwrap();
    let numbers: Vec<&str> =
        subjects[0]["rules"].as_array().unwrap().iter().map(|r| r["number"].as_str().unwrap()).collect();
    for number in ["R1", "R2", "R3", "R4", "R5", "R7", "R8", "R9", "R11"] {
        assert!(numbers.contains(&number), "{number} of {numbers:?}");
    }
    let says = |subject: usize, rule: &str| -> Value {
        let rules = subjects[subject]["rules"].as_array().unwrap();
        rules.iter().find(|says| says["rule"] == rule).unwrap_or_else(|| panic!("{rule}")).clone()
    };
    assert_eq!(says(0, "daily")["says"], "keeps");
    // Sunday the 8th is the newest of its week too, and stays for four weeks: to the Monday on which
    // the fifth begins, when the first backup of that week is there.
    assert_eq!(says(0, "weekly")["says"], "keeps");
    assert_eq!(subjects[0]["goes"]["when"], "on");
    assert_eq!(subjects[0]["goes"]["date"], "2026-03-30");
    assert_eq!(subjects[0]["policies"][0]["source"], "tag on i-1");
    // The Saturday before a Sunday that stays: nothing keeps it.
    assert_eq!((&subjects[1]["verdict"], &subjects[1]["goes"]["when"]), (&json!("delete"), &json!("now")));
    assert_eq!((&subjects[2]["role"], &subjects[2]["rules"][0]["number"]), (&json!("not-ours"), &json!("R10")));
    assert_eq!((&subjects[3]["kind"], &subjects[3]["configured"][0]["backup"]), (&json!("volume"), &json!("daily")));
    assert_eq!((&subjects[4]["kind"], &subjects[4]["volumes"][0]["snapshots"]), (&json!("instance"), &json!(10)));
}

#[test]
fn what_is_not_there_is_told_and_what_is_no_id_is_refused() {
    let file = inventory("explain-unknown");
    for (ids, code, says) in [
        (&["db"][..], 2, "no id of a snapshot"),
        (&["snap-nowhere"], 2, "not there"),
        (&["snap-nowhere", "snap-00"], 3, "not there"),
    ] {
        let output = ask(ids, &file);
        assert_eq!(output.status.code(), Some(code), "{ids:?}");
        let all = [output.stdout, output.stderr].concat();
        assert!(String::from_utf8_lossy(&all).contains(says), "{ids:?}");
    }
}
