//! How text looks: 80 columns, the same every time, what matters last.

use serde_json::{Value, json};

use crate::server::{directory, ebskeep};

/// An inventory with something of everything, read at one instant.
fn inventory() -> String {
    let tags = |tags: &[(&str, &str)]| -> Value {
        tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
    };
    let snapshot = |id: &str, volume: &str, started: &str, own: &[(&str, &str)]| {
        json!({
            "SnapshotId": id, "VolumeId": volume, "OwnerId": "123456789012", "State": "completed",
            "StartTime": started, "VolumeSize": 100, "Tags": tags(own)
        })
    };
    let ours = [("Type", "Automated")];
    let with =
        |more: &[(&'static str, &'static str)]| -> Vec<(&str, &str)> { ours.iter().chain(more).copied().collect() };
    json!({
        "Reservations": [{"Instances": [
            {
                "InstanceId": "i-0123456789abcdef0", "State": {"Name": "running"}, "RootDeviceName": "/dev/xvda",
                "BlockDeviceMappings": [
                    {"DeviceName": "/dev/xvda", "Ebs": {"VolumeId": "vol-0123456789abcdef0"}},
                    {"DeviceName": "/dev/sdf", "Ebs": {"VolumeId": "vol-0123456789abcdef1"}}
                ],
                "Tags": tags(&[("Name", "a-database-with-a-long-name"), ("Backup", "Yes"), ("Retention", "7d")])
            },
            {
                "InstanceId": "i-0123456789abcdef1", "State": {"Name": "stopped"},
                "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeId": "vol-0123456789abcdef2"}}],
                "Tags": tags(&[("Name", "mail"), ("Backup", "Yse"), ("Retention", "seven days")])
            }
        ]}],
        "Volumes": [
            {"VolumeId": "vol-0123456789abcdef0", "State": "in-use", "Size": 100},
            {"VolumeId": "vol-0123456789abcdef1", "State": "in-use", "Size": 100},
            {"VolumeId": "vol-0123456789abcdef2", "State": "in-use", "Size": 100},
            {"VolumeId": "vol-0123456789abcdef3", "State": "available", "Size": 100}
        ],
        "Snapshots": [
            snapshot("snap-0123456789abcdef0", "vol-0123456789abcdef0", "2026-03-09T00:10:00Z",
                &with(&[("ebskeep:slot", "2026-03-09T00:00:00Z"), ("DeleteOn", "2026-03-16"), ("ebskeep:retention", "7d")])),
            snapshot("snap-0123456789abcdef1", "vol-0123456789abcdef0", "2026-03-01T00:10:00Z",
                &with(&[("ebskeep:slot", "2026-03-01T00:00:00Z"), ("DeleteOn", "2026-03-08"), ("ebskeep:retention", "7d")])),
            snapshot("snap-0123456789abcdef2", "vol-0123456789abcdef0", "2025-03-01T00:10:00Z",
                &with(&[("DeleteOn", "2025-03-08"), ("KeepForever", "audit")])),
            snapshot("snap-0123456789abcdef3", "vol-0123456789abcdef2", "2026-03-10T00:10:00Z",
                &with(&[("ebskeep:slot", "2026-03-10T00:00:00Z")])),
            snapshot("snap-0123456789abcdef4", "vol-0123456789abcdef2", "2026-02-10T00:10:00Z", &[("Name", "by hand")])
        ],
        "Images": []
    })
    .to_string()
        // And nothing is locked.
        + &json!({"Snapshots": []}).to_string()
}

fn text(name: &str, more: &[&str]) -> String {
    let file = directory("looks").join(format!("{name}.json"));
    std::fs::write(&file, inventory()).unwrap();
    let whose = ["--region", "eu-west-1", "--now", "2026-03-10T12:00:00Z"];
    let output = ebskeep().arg("plan").args(more).args(whose).arg("--inventory").arg(file).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line:?} is longer than 80 columns");
        assert_eq!(line.trim_end(), line, "no blanks at ends");
    }
    assert!(!text.contains('\x1b'));
    text
}

#[test]
fn a_plan() {
    insta::assert_snapshot!(text("plan", &[]));
}

#[test]
fn a_plan_in_full() {
    insta::assert_snapshot!(text("full", &["-v"]));
}

#[test]
fn a_plan_in_brief() {
    insta::assert_snapshot!(text("brief", &["-q"]));
}

#[test]
fn a_refused_plan() {
    insta::assert_snapshot!(text("refused", &["expire", "--max-delete", "0", "--key-backup", "Sicherung"]));
}

#[test]
fn the_help_of_the_command() {
    for arguments in [&["--help"][..], &["-h"], &["plan", "--help"], &["apply", "-h"], &["demo", "--help"]] {
        let help = String::from_utf8(ebskeep().args(arguments).output().unwrap().stdout).unwrap();
        for line in help.lines() {
            assert!(line.chars().count() <= 100, "{arguments:?}: {line:?}");
        }
    }
    let demo = String::from_utf8(ebskeep().args(["demo", "--help"]).output().unwrap().stdout).unwrap();
    assert!(!demo.contains("--max-delete") && !demo.contains("--profile"), "flags that mean nothing to it: {demo}");
}

#[test]
fn the_demo_shows_every_kind_of_thing_and_is_always_the_same() {
    let demo = || {
        let output = ebskeep().arg("demo").output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let first = demo();
    for word in [
        "30 days",
        "CREATE",
        "DELETE",
        "KEEP",
        "in-use",
        "keep-forever",
        "newest-good",
        "bad-retention",
        "bad-backup",
        "not ours",
        "excluded",
        "What is left",
        "in a set of",
    ] {
        assert!(first.contains(word), "{word}:\n{first}");
    }
    assert!(!first.contains("REFUSED"));
    assert!(first.lines().all(|line| line.chars().count() <= 80), "{first}");
    assert_eq!(first, demo());
}
