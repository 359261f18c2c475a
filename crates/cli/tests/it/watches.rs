//! `watch`: how it ends, and how what it finds looks.

use serde_json::{Value, json};

use crate::runs::{ends, valid};
use crate::server::{Server, directory, ebskeep};
use crate::world::{backup, calls, refuse, volume, volume_in, world};

#[test]
fn it_ends_by_what_it_found_and_changes_nothing() {
    let _proof = ebskeep_proofs::proves(&["6.70", "6.77"]);
    let world = world();
    let of = volume(&world, &[("Backup", "Yes"), ("Retention", "7")]);
    backup(&world, &of, 0);
    let server = Server::of(&world);
    for arguments in [&["watch"][..], &["watch", "--only", "tags"], &["watch", "--now", "2030-01-01T00:00:00Z"]] {
        let ran = ends(&server, arguments, 0);
        let told = ran.stdout.contains("All that this version looks for: tags.")
            && ran.stdout.contains("1 volume  daily")
            && ran.stdout.contains("Summary: nothing found");
        assert!(told, "{}", ran.stdout);
    }
    volume(&world, &[("Bakcup", "Yes")]);
    let ran = ends(&server, &["watch"], 5);
    assert!(ran.stdout.contains("Write:  Backup=Yes") && ran.stdout.contains("1 near miss"), "{}", ran.stdout);
    refuse(&world, "DescribeVolumes", "UnauthorizedOperation", None);
    let ran = ends(&server, &["watch"], 3);
    assert!(ran.stdout.contains("Not everything could be listed"), "{}", ran.stdout);
    for action in ["DescribeInstances", "DescribeSnapshots", "DescribeImages"] {
        refuse(&world, action, "UnauthorizedOperation", None);
    }
    let ran = ends(&server, &["watch"], 1);
    assert_eq!(ran.stdout, "");
    ends(&server, &["watch", "--only", "volumes"], 2);
    let calls = world.calls();
    let reads = |action: &str| action.starts_with("Describe") || action.starts_with("Get");
    assert!(calls.iter().all(|call| reads(&call.action)), "{calls:?}");
}

#[test]
fn neither_it_nor_create_asks_for_volumes_that_are_gone() {
    let _proof = ebskeep_proofs::proves(&["6.130"]);
    let world = world();
    volume(&world, &[("Backup", "Yes")]);
    for n in 0..3 {
        backup(&world, &format!("vol-{n:017x}"), 120);
    }
    let server = Server::of(&world);
    for (arguments, asked) in [
        (&["watch"][..], 1),
        (&["plan", "create"], 1),
        (&["plan", "copy"], 1),
        // The listing, one filter, and each that it does not return.
        (&["plan", "expire"], 5),
        (&["plan", "create", "expire"], 5),
    ] {
        let before = calls(&world, "DescribeVolumes");
        ends(&server, arguments, 0);
        assert_eq!(calls(&world, "DescribeVolumes") - before, asked, "{arguments:?}");
    }
}

#[test]
fn images_that_cannot_be_listed_are_none_of_its_business() {
    let world = world();
    volume(&world, &[("Backup", "Yes")]);
    refuse(&world, "DescribeImages", "UnauthorizedOperation", None);
    ends(&Server::of(&world), &["watch"], 0);
}

#[test]
fn regions_side_by_side_end_with_5_if_one_of_them_would() {
    let world = world();
    volume(&world, &[("Backup", "Yes")]);
    volume_in(&world, "us-east-1", &[("Backup", "Yse")]);
    let server = Server::of(&world);
    let both = ["watch", "--region", "eu-west-1", "--region", "us-east-1"];
    let ran = ends(&server, &both, 5);
    assert!(ran.stdout.contains("in eu-west-1") && ran.stdout.contains("in us-east-1"), "{}", ran.stdout);
    let arguments: Vec<&str> = both.into_iter().chain(["--format", "json"]).collect();
    let document = valid(&ends(&server, &arguments, 5), "ebskeep.watches/1");
    let summaries: Vec<&Value> =
        document["watches"].as_array().unwrap().iter().map(|w| &w["summary"]["problems"]).collect();
    assert_eq!((summaries, &document["errors"]), (vec![&json!(0), &json!(1)], &json!([])));

    for action in ["DescribeVolumes", "DescribeInstances", "DescribeSnapshots", "DescribeImages"] {
        refuse(&world, action, "UnauthorizedOperation", Some("us-east-1"));
    }
    let document = valid(&ends(&server, &arguments, 3), "ebskeep.watches/1");
    assert_eq!(document["errors"][0]["region"], "us-east-1");
}

/// Something of everything.
fn inventory() -> String {
    let tags = |tags: &[(&str, &str)]| -> Value {
        tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
    };
    let instance = |n: usize, own: &[(&str, &str)]| {
        json!({
            "InstanceId": format!("i-0123456789abcde{n:02}"), "State": {"Name": "running"},
            "BlockDeviceMappings":
                [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeId": format!("vol-0123456789abcde{n:02}")}}],
            "Tags": tags(own)
        })
    };
    let mut instances = vec![
        instance(0, &[("Name", "db"), ("Backup", "daily @ 03:30"), ("Retention", "daily=7 weekly=4")]),
        instance(1, &[("Name", "mail"), ("Backup", "Yse"), ("Retention", "7 days")]),
        instance(2, &[("Backup", "Yes"), ("Backup_TimeZone", "London"), ("Copy_Retention", "1y")]),
        instance(3, &[("Bakcup", "Yes"), ("RetentionDays", "14")]),
        instance(4, &[("Backup", "No"), ("backup", "Yes")]),
    ];
    instances.extend((5..14).map(|n| instance(n, &[("Name", "web"), ("backup-policy", "gold")])));
    let snapshot = |n: usize, own: &[(&str, &str)]| {
        json!({
            "SnapshotId": format!("snap-0123456789abcde{n:02}"), "VolumeId": "vol-0123456789abcde00",
            "OwnerId": "123456789012", "State": "completed", "StartTime": "2026-03-09T03:40:00Z",
            "VolumeSize": 100, "Tags": tags(own)
        })
    };
    let volumes: Vec<Value> = (0..15)
        .map(|n| {
            let (state, own) = if n == 14 { ("available", tags(&[("Retention", "7")])) } else { ("in-use", json!([])) };
            json!({"VolumeId": format!("vol-0123456789abcde{n:02}"), "State": state, "Size": 100, "Tags": own})
        })
        .collect();
    let slot = ("ebskeep:slot", "2026-03-09T03:30:00Z");
    json!({
        "Reservations": [{"Instances": instances}],
        "Volumes": volumes,
        "Snapshots": [
            snapshot(0, &[("Type", "Automated"), slot, ("ebskeep:retention", "7"), ("DeleteOn", "2026-03-16"),
                ("KeepUtil", "31/12/2026")]),
            snapshot(1, &[("Type", "Automated"), ("DeleteOn", "16.03.2026")])
        ],
        "Images": []
    })
    .to_string()
}

fn output(name: &str, more: &[&str]) -> std::process::Output {
    let file = directory("watching").join(format!("{name}.json"));
    std::fs::write(&file, inventory()).unwrap();
    let whose = ["--region", "eu-west-1", "--now", "2026-03-10T02:00:00Z"];
    ebskeep().arg("watch").args(more).args(whose).arg("--inventory").arg(file).output().unwrap()
}

fn text(name: &str, more: &[&str]) -> String {
    let output = output(name, more);
    assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    for line in text.lines() {
        assert!(line.chars().count() <= 80 && line.trim_end() == line, "{line:?}");
    }
    text
}

#[test]
fn what_watch_finds() {
    insta::assert_snapshot!(text("short", &[]));
}

#[test]
fn what_watch_finds_in_brief() {
    insta::assert_snapshot!(text("brief", &["-q"]));
}

#[test]
fn what_watch_finds_in_full_names_every_resource() {
    let (short, full) = (text("named", &[]), text("named", &["-v"]));
    assert!(short.contains("and 3 more") && !short.contains("i-0123456789abcde13"), "{short}");
    assert!(!full.contains(" more") && full.contains("i-0123456789abcde13"), "{full}");
}

#[test]
fn what_watch_finds_as_json() {
    let document = valid(&crate::runs::Ran::of(&output("json", &["--format", "json"])), "ebskeep.watch/1");
    assert_eq!(document["looks"], json!(["tags"]));
    let first = &document["entries"][0];
    assert_eq!(
        (&first["severity"], &first["code"], &first["look"]),
        (&json!("problem"), &json!("bad-backup"), &json!("tags"))
    );
    assert_eq!(first["instead"], json!({"key": "Backup", "value": "Yes"}));
    let near = document["entries"].as_array().unwrap().iter().filter(|entry| entry["key"] == "backup-policy");
    assert_eq!(near.count(), 9, "one for each resource");
}
