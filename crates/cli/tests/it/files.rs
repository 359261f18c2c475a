//! Planning from files.

use std::path::PathBuf;
use std::process::Output;

use serde_json::{Value, json};

use crate::server::{directory, ebskeep};

/// Files in a directory of their own.
struct Files(PathBuf);

impl Files {
    fn new(name: &str) -> Self {
        Self(directory(name))
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn plan(files: &[&str], more: &[&str]) -> Output {
    let whose = ["--region", "eu-west-1", "--now", "2026-03-10T12:00:00Z", "--format", "json"];
    ebskeep().arg("plan").args(more).args(whose).arg("--inventory").args(files).output().unwrap()
}

#[track_caller]
fn planned(files: &[&str], more: &[&str], code: i32) -> Value {
    let output = plan(files, more);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn snapshot(id: &str, volume: &str, started: &str, tags: &[(&str, &str)]) -> Value {
    let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
    json!({
        "SnapshotId": id, "VolumeId": volume, "OwnerId": "123456789012", "State": "completed", "StartTime": started,
        "VolumeSize": 8, "Encrypted": false, "Description": "", "StorageTier": "standard", "Progress": "100%", "Tags": tags
    })
}

const OURS: [(&str, &str); 3] = [("Type", "Automated"), ("ebskeep:retention", "7"), ("DeleteOn", "2025-06-08")];

/// Two backups of one volume, a year old, made by us.
fn old_backups() -> Value {
    let slot = |slot: &'static str| -> Vec<(&str, &str)> { OURS.into_iter().chain([("ebskeep:slot", slot)]).collect() };
    json!({"Snapshots": [
        snapshot("snap-1", "vol-1", "2025-06-01T00:10:00.123000+00:00", &slot("2025-06-01T00:00:00Z")),
        snapshot("snap-2", "vol-1", "2025-05-31T00:10:00Z", &slot("2025-05-31T00:00:00Z")),
    ]})
}

fn verdicts(plan: &Value) -> Vec<(String, String)> {
    let snapshots = plan["snapshots"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    snapshots.iter().map(|s| (text(&s["snapshot_id"]), text(&s["verdict"]))).collect()
}

#[test]
fn a_volume_in_no_file_is_gone_only_if_some_file_lists_volumes() {
    let files = Files::new("gone");
    let snapshots = files.file("snapshots.json", old_backups().to_string());
    let rest = files.file("rest.json", json!({"Reservations": [], "Images": []}).to_string());
    let volumes = files.file("volumes.json", json!({"Volumes": []}).to_string());
    let other = |id| json!({"Volumes": [{"VolumeId": id, "State": "available", "Size": 8, "Attachments": [], "Tags": [{"Key": "Backup", "Value": "Yes"}]}]});

    // Gone: it is marked, and nothing of it goes for a week.
    let marked = |plan: &Value| plan["actions"].as_array().unwrap().iter().any(|a| a["action"] == "write-marks");
    let with = planned(&[&snapshots, &rest, &volumes], &["expire"], 0);
    assert_eq!(verdicts(&with), [("snap-1".into(), "keep".into()), ("snap-2".into(), "keep".into())]);
    assert!(marked(&with), "{with}");

    let without = planned(&[&snapshots, &rest], &["expire"], 4);
    assert_eq!(verdicts(&without), [("snap-1".into(), "keep".into()), ("snap-2".into(), "keep".into())]);
    assert!(!marked(&without), "{without}");
    let check = without["checks"].as_array().unwrap().iter().find(|c| c["check"] == "all-listed").unwrap();
    assert!(check["ok"] == false && check["detail"].as_str().unwrap().contains("no file has Volumes"), "{check}");

    let listed = files.file("listed.json", other("vol-1").to_string());
    let there = planned(&[&snapshots, &rest, &listed], &["expire"], 0);
    assert_eq!(verdicts(&there)[0], ("snap-1".into(), "keep".into()));
    // One among other volumes is missed as well.
    let elsewhere = files.file("elsewhere.json", other("vol-2").to_string());
    assert!(marked(&planned(&[&snapshots, &rest, &elsewhere], &["expire"], 0)));
    assert!(!marked(&there), "{there}");
}

#[test]
fn what_goes_on_elsewhere_was_not_listed_to_its_end() {
    let files = Files::new("token");
    let mut snapshots = old_backups();
    snapshots["NextToken"] = "more".into();
    let snapshots = files.file("snapshots.json", snapshots.to_string());
    let rest = files
        .file("rest.json", json!({"Reservations": [], "Images": [], "Volumes": [], "NextToken": null}).to_string());
    for job in ["create", "expire"] {
        let plan = planned(&[&snapshots, &rest], &[job], 4);
        let refused: Vec<&Value> = plan["checks"].as_array().unwrap().iter().filter(|c| c["ok"] == false).collect();
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(refused[0]["detail"].as_str().unwrap().contains("NextToken"), "{refused:?}");
    }
}

/// A text as UTF-16 without a mark, in this order of bytes.
fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

/// What Windows PowerShell's `>` writes.
#[test]
fn files_in_utf_16_with_a_mark_are_read() {
    let _proof = ebskeep_proofs::proves(&["6.114"]);
    let files = Files::new("utf-16");
    let rest = json!({"Reservations": [], "Images": [], "Volumes": []}).to_string();
    let mut old = old_backups();
    old["Snapshots"][0]["Tags"][0]["Value"] = "Automated".into();
    old["Snapshots"][0]["Description"] = "größer 💾".into();
    let marked = |text: &str| format!("\u{feff}{text}\r\n");
    let plain = [files.file("snapshots.json", old.to_string()), files.file("rest.json", &rest)];
    let expected = planned(&plain.each_ref().map(String::as_str), &["expire"], 0);
    for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
        let snapshots = files.file("snapshots16.json", utf16(&marked(&old.to_string()), bytes));
        let rest = files.file("rest16.json", utf16(&marked(&rest), bytes));
        assert_eq!(planned(&[&snapshots, &rest], &["expire"], 0), expected);
    }
    // Both in one file, which has one mark.
    let both = files.file("both.json", utf16(&marked(&format!("{old}\r\n{rest}")), u16::to_le_bytes));
    assert_eq!(planned(&[&both], &["expire"], 0), expected);
}

/// The pages of a listing of two snapshots, the first of them empty.
fn pages() -> [Value; 3] {
    let old = old_backups();
    [
        json!({"Snapshots": [], "NextToken": "abc"}),
        json!({"Snapshots": [old["Snapshots"][0]], "NextToken": "def"}),
        json!({"Snapshots": [old["Snapshots"][1]]}),
    ]
}

#[test]
fn all_pages_of_a_listing_are_one_listing_in_one_file_or_in_several() {
    let _proof = ebskeep_proofs::proves(&["6.113"]);
    let files = Files::new("pages");
    let rest = files.file("rest.json", json!({"Reservations": [], "Images": [], "Volumes": []}).to_string());
    let [first, second, last] = pages();
    let whole = files.file("whole.json", old_backups().to_string());
    let expected = verdicts(&planned(&[&whole, &rest], &["expire"], 0));
    for (name, text) in [
        ("after-another.json", format!("{first}\n{second}{last}")),
        ("in-an-array.json", format!("[{first}, {second}, {last}]")),
        ("in-any-order.json", format!("[{last}, {second}, {first}]")),
    ] {
        let file = files.file(name, text);
        let plan = planned(&[&file, &rest], &["expire"], 0);
        assert_eq!(verdicts(&plan), expected, "{name}");
        // The token of the snapshots says nothing of the locks.
        let (code, detail) = unread(&plan)[0];
        assert!(code == "locks-unknown" && !detail.contains("NextToken"), "{detail}");
        assert!(detail.contains("aws ec2 describe-locked-snapshots"), "{detail}");
    }
    let one = files.file("1.json", first.to_string());
    let two = files.file("2.json", second.to_string());
    let three = files.file("3.json", last.to_string());
    assert_eq!(verdicts(&planned(&[&one, &two, &three, &rest], &["expire"], 0)), expected);
}

/// Of pages of any kind.
#[test]
fn pages_that_are_not_all_of_one_listing_are_refused_with_what_to_run() {
    let _proof = ebskeep_proofs::proves(&["6.113"]);
    let files = Files::new("not-all-pages");
    let snapshots = files.file("snapshots.json", old_backups().to_string());
    let locks = files.file("locks.json", json!({"Snapshots": []}).to_string());
    let others = files.file("others.json", json!({"Reservations": [], "Images": []}).to_string());
    let volumes = |token: Option<&str>| match token {
        Some(token) => json!({"Volumes": [], "NextToken": token}),
        None => json!({"Volumes": []}),
    };
    for (name, pages, said) in [
        ("first", vec![Some("a")], "has a NextToken: there are further pages of Volumes"),
        ("no-last", vec![Some("a"), Some("b")], "has a NextToken: there are further pages of Volumes"),
        ("two-lasts", vec![Some("a"), None, None], "2 lists of Volumes have no NextToken and 1 more have one"),
        ("twice", vec![Some("a"), Some("a"), None], "two pages of Volumes have the same NextToken"),
    ] {
        let text: String = pages.iter().map(|token| volumes(*token).to_string()).collect();
        let file = files.file(name, text);
        let plan = planned(&[&snapshots, &locks, &others, &file], &["expire"], 4);
        let refused = plan["checks"].as_array().unwrap().iter().find(|check| check["check"] == "all-listed").unwrap();
        let detail = refused["detail"].as_str().unwrap();
        assert!(
            detail.contains(said) && detail.contains("aws ec2 describe-volumes` without --no-paginate"),
            "{detail}"
        );
    }
    // An empty list of locks does not end the pages of the snapshots.
    let [_, second, _] = pages();
    let second = files.file("second.json", second.to_string());
    let volumes = files.file("volumes.json", volumes(None).to_string());
    let plan = planned(&[&second, &locks, &others, &volumes], &["expire"], 4);
    assert!(plan["checks"].to_string().contains("further pages of Snapshots"), "{}", plan["checks"]);
    assert_eq!(unread(&plan), []);
}

#[test]
fn everything_the_deciders_look_at_is_read() {
    let all = json!({
        "Reservations": [{"ReservationId": "r-1", "Instances": [{
            "InstanceId": "i-1", "State": {"Code": 16, "Name": "running"}, "RootDeviceName": "/dev/xvda",
            "BlockDeviceMappings": [
                {"DeviceName": "/dev/xvda", "Ebs": {"VolumeId": "vol-1", "Status": "attached"}},
                {"DeviceName": "/dev/sdf", "Ebs": {"VolumeId": "vol-2"}}
            ],
            "Tags": [{"Key": "Name", "Value": "db"}, {"Key": "Backup", "Value": "Yes"}]
        }]}, {"Instances": [{"InstanceId": "i-2", "State": {"Name": "terminated"}, "Tags": [{"Key": "Backup", "Value": "Yes"}]}]}],
        "Volumes": [
            {"VolumeId": "vol-1", "State": "in-use", "Size": 8, "Attachments": [{"InstanceId": "i-1", "Device": "/dev/xvda"}]},
            {"VolumeId": "vol-2", "State": "in-use", "Size": 100, "Attachments": [{"InstanceId": "i-1", "Device": "/dev/sdf"}],
             "Tags": [{"Key": "Backup", "Value": "No"}]},
            {"VolumeId": "vol-3", "State": "creating", "Size": 1, "Tags": [{"Key": "Backup", "Value": "Yes"}]}
        ],
        "Images": [{"ImageId": "ami-1", "State": "disabled", "BlockDeviceMappings": [
            {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": "snap-2"}}, {"VirtualName": "ephemeral0"}
        ]}],
        "ResponseMetadata": {"HTTPStatusCode": 200}
    });
    // Both in one file, one after the other, through standard input.
    let text = format!("{all}\n{}", old_backups());
    let whose = ["--region", "eu-west-1", "--now", "2026-03-10T12:00:00Z", "--format", "json"];
    let output = ebskeep().arg("plan").args(whose).args(["--inventory", "-"]).write_stdin(text).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&plan["account"], &plan["now"]), (&"123456789012".into(), &"2026-03-10T12:00:00Z".into()));
    let rule = |list: &str, index: usize| plan[list][index]["reasons"][0]["rule"].clone();
    assert_eq!([rule("volumes", 0), rule("volumes", 1), rule("volumes", 2)], ["due", "excluded", "volume-state"]);
    assert_eq!(plan["actions"][0]["description"], "db - vol-1 (/dev/xvda)");
    let rules = |index: usize| -> Vec<&str> {
        let reasons = plan["snapshots"][index]["reasons"].as_array().unwrap();
        reasons.iter().map(|reason| reason["rule"].as_str().unwrap()).collect()
    };
    // The volume is to be backed up, and its newest backup is a year old.
    assert_eq!(rules(0), ["newest-good", "backups-failing"]);
    assert_eq!(rules(1), ["backups-failing", "in-use"]);
}

/// The findings about what could not be read of single snapshots.
fn unread(plan: &Value) -> Vec<(&str, &str)> {
    let findings = plan["findings"].as_array().unwrap().iter();
    let told = findings.map(|f| (f["code"].as_str().unwrap(), f["detail"].as_str().unwrap()));
    told.filter(|(code, _)| code.ends_with("-unknown")).collect()
}

#[test]
fn locks_and_tiers_are_read_and_where_no_file_has_them_the_plan_says_so() {
    let files = Files::new("locks");
    let mut old = old_backups();
    let rest = files.file("rest.json", json!({"Reservations": [], "Images": [], "Volumes": []}).to_string());
    let snapshots = files.file("snapshots.json", old.to_string());
    // As `aws ec2 describe-locked-snapshots` prints them: under the key of snapshots.
    let lock = json!({"Snapshots": [{
        "OwnerId": "123456789012", "SnapshotId": "snap-2", "LockState": "governance", "LockDuration": 1,
        "LockCreatedOn": "2026-03-09T00:00:00.123000+00:00", "LockExpiresOn": "2026-03-10T00:00:00.123000+00:00"
    }]});
    let locks = files.file("locks.json", lock.to_string());
    let none = files.file("none.json", json!({"Snapshots": []}).to_string());

    let without = planned(&[&snapshots, &rest], &["expire"], 0);
    let (code, detail) = unread(&without)[0];
    assert!(code == "locks-unknown" && detail.contains("aws ec2 describe-locked-snapshots"), "{detail}");
    assert_eq!(unread(&without).len(), 1, "nothing is archived");
    assert_eq!(unread(&planned(&[&snapshots, &rest], &["create"], 0)), []);
    // A list that is empty is the one that is missing, whatever the order.
    for given in [[&snapshots, &rest, &locks], [&locks, &snapshots, &rest], [&none, &snapshots, &rest]] {
        let with = planned(&given.map(String::as_str), &["expire"], 0);
        assert_eq!(unread(&with), [], "{given:?}");
        assert_eq!(verdicts(&with).len(), 2, "{given:?}");
    }
    // Locks alone are no listing of snapshots.
    let alone = planned(&[&locks, &rest], &["expire", "--account", "123456789012"], 4);
    assert!(alone["checks"].to_string().contains("no file has Snapshots"), "{}", alone["checks"]);

    old["Snapshots"][1]["StorageTier"] = "archive".into();
    let archived = files.file("archived.json", old.to_string());
    let tiers = json!({"SnapshotTierStatuses": [
        {"SnapshotId": "snap-2", "VolumeId": "vol-1", "Status": "completed", "StorageTier": "archive",
         "LastTieringOperationStatus": "archival-completed", "ArchivalCompleteTime": "2026-03-01T00:00:00.123000+00:00"},
        {"SnapshotId": "snap-1", "StorageTier": "standard"}
    ]});
    let tiers = files.file("tiers.json", tiers.to_string());
    let without = planned(&[&archived, &locks, &rest], &["expire"], 0);
    let (code, detail) = unread(&without)[0];
    assert!(code == "tiers-unknown" && detail.contains("aws ec2 describe-snapshot-tier-status"), "{detail}");
    let with = planned(&[&archived, &locks, &rest, &tiers], &["expire"], 0);
    assert_eq!(unread(&with), []);
    assert_eq!(verdicts(&with)[1], ("snap-2".into(), "keep".into()));
}

#[test]
fn a_restore_from_the_archive_in_the_files_keeps() {
    let files = Files::new("restored");
    let old = |id: &str, tier: &str, more: Value| {
        let mut snapshot = json!({
            "SnapshotId": id, "VolumeId": "vol-1", "OwnerId": "123456789012", "State": "completed",
            "StartTime": "2025-06-01T00:00:10Z", "VolumeSize": 8, "StorageTier": tier,
            "Tags": [{"Key": "Type", "Value": "Automated"}, {"Key": "DeleteOn", "Value": "2025-06-08"}],
        });
        snapshot.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        snapshot
    };
    let until = json!({"RestoreExpiryTime": "2030-01-20T00:00:00.000Z"});
    let status = |id: &str, archived: &str, operation: &str, more: Value| {
        let mut status = json!({"SnapshotId": id, "StorageTier": "archive", "ArchivalCompleteTime": archived,
            "LastTieringOperationStatus": operation});
        status.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        status
    };
    let none = json!({});
    let listed = json!({
        "Reservations": [], "Images": [],
        "Volumes": [{"VolumeId": "vol-1", "State": "available", "Size": 8,
            "Tags": [{"Key": "Backup", "Value": "No"}]}],
        "Snapshots": [
            old("snap-1-restored", "standard", until.clone()), old("snap-2-restoring", "archive", none.clone()),
            old("snap-3-shown", "standard", until.clone()), old("snap-4-archived", "archive", none.clone()),
            old("snap-5-newest", "standard", json!({"StartTime": "2025-06-02T00:00:10Z"})),
        ],
    });
    let statuses = json!({"SnapshotTierStatuses": [
        status("snap-1-restored", "2025-06-12T00:00:00Z", "temporary-restore-completed", until),
        status("snap-2-restoring", "2025-06-12T00:00:00Z", "temporary-restore-in-progress", none.clone()),
        status("snap-3-shown", "2025-06-12T00:00:00Z", "temporary-restore-completed", none.clone()),
        status("snap-4-archived", "2025-06-12T00:00:00Z", "archival-completed", none),
    ]});
    let (listed, statuses) =
        (files.file("listed.json", listed.to_string()), files.file("statuses.json", statuses.to_string()));
    let plan = planned(&[&listed, &statuses], &["expire", "--account", "123456789012"], 0);
    let verdicts: Vec<_> = verdicts(&plan).into_iter().map(|(_, verdict)| verdict).collect();
    assert_eq!(verdicts, ["keep", "keep", "keep", "delete", "keep"], "{}", plan["snapshots"]);
}

#[test]
fn an_empty_page_that_is_not_the_last_is_a_gap_in_both_of_what_it_may_be() {
    let files = Files::new("empty-page");
    let page = files.file("page.json", json!({"Snapshots": [], "NextToken": "more"}).to_string());
    let rest = files.file("rest.json", json!({"Reservations": [], "Images": [], "Volumes": []}).to_string());
    let plan = planned(&[&page, &rest], &["expire", "--account", "123456789012"], 4);
    assert!(unread(&plan)[0].1.contains("no file has the locks"), "{}", plan["findings"]);
    assert!(plan["checks"].to_string().contains("snapshots could not be listed completely"), "{}", plan["checks"]);
}

#[test]
fn damage_ends_with_2_and_names_the_file_and_the_line() {
    let files = Files::new("damage");
    let good = serde_json::to_string_pretty(&old_backups()).unwrap();
    let at = good.lines().position(|line| line.contains("\"VolumeId\"")).unwrap() + 1;
    for (name, text, said) in [
        ("comma.json", good.replacen("\"VolumeId\"", "\"VolumeId", 1), format!("line {at}")),
        ("missing.json", good.replacen("\"VolumeId\"", "\"Volume\"", 1), "missing field `VolumeId`".to_owned()),
        ("state.json", good.replacen("\"State\"", "\"LockState\"", 1), "missing".to_owned()),
        (
            "lock.json",
            json!({"Snapshots": [{"SnapshotId": "snap-1", "LockState": "governance", "LockExpiresOn": "never"}]})
                .to_string(),
            "\"never\" is no time".to_owned(),
        ),
        ("tier.json", json!({"SnapshotTierStatuses": [{}]}).to_string(), "missing field `SnapshotId`".to_owned()),
        ("date.json", good.replacen("2025-05-31T00:10:00Z", "last week", 1), "\"last week\" is no time".to_owned()),
        ("cut.json", good.chars().take(good.len() / 2).collect(), "ends in the middle".to_owned()),
        ("text.txt", "SNAPSHOTS\tsnap-1".to_owned(), "line 1".to_owned()),
        ("empty.json", String::new(), "none of Reservations".to_owned()),
        ("list.json", "[]".to_owned(), "none of Reservations".to_owned()),
        ("numbers.json", "[1]".to_owned(), "expected an object with Reservations".to_owned()),
        ("half.json", "\u{feff}{".to_owned(), "ends in the middle".to_owned()),
        ("other.json", "{\"Regions\": []}".to_owned(), "none of Reservations".to_owned()),
        ("twice.json", good.replace("ebskeep:slot", "Type"), "\"Type\" is there twice".to_owned()),
    ] {
        let file = files.file(name, text);
        let output = plan(&[&file], &["expire"]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}: {stderr}");
        assert!(stderr.contains(&file) && stderr.contains(&said), "{name}: {said}: {stderr}");
        assert!(output.stdout.is_empty(), "{name}");
    }
    for (name, bytes, said) in [
        (
            "unmarked.json",
            utf16("{}", u16::to_le_bytes),
            "it is UTF-16LE without a byte order mark; convert it with `iconv",
        ),
        (
            "unpaired.json",
            [&[0xff, 0xfe][..], b"{\0\0\xd8}\0"].concat(),
            "invalid UTF-16LE: half a character at byte 4",
        ),
    ] {
        let file = files.file(name, bytes);
        let output = plan(&[&file], &["expire"]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}: {stderr}");
        assert!(stderr.contains(&file) && stderr.contains(said), "{name}: {stderr}");
    }
    let binary = files.file("binary.json", [b'{', b'"', 0xff, 0xfe, b'"']);
    assert_eq!(plan(&[&binary], &[]).status.code(), Some(2));
}

#[test]
fn whose_the_files_are_must_be_known() {
    let files = Files::new("whose");
    let mut two = old_backups();
    two["Snapshots"][1]["OwnerId"] = "999999999999".into();
    let two = files.file("two.json", two.to_string());
    let none = files.file("none.json", json!({"Volumes": []}).to_string());
    for (arguments, said) in [
        (&["--region", "eu-west-1", "--inventory", &two][..], "several owners"),
        (&["--region", "eu-west-1", "--inventory", &none], "--account"),
        (&["--account", "123", "--region", "eu-west-1", "--inventory", &none], "twelve digits"),
        (&["--account", "123456789012", "--inventory", &none], "--region"),
        (&["--account", "123456789012", "--region", "all", "--inventory", &none], "one Region"),
        (&["--profile", "x", "--account", "123456789012", "--region", "eu-west-1", "--inventory", &none], "--profile"),
        (&["--region", "eu-west-1", "--inventory", &none, "expire"], "name jobs and ids before it"),
        (&["--region", "eu-west-1", "--out", "x", "--inventory", &none], "--out"),
        (&["--region", "eu-west-1", "--inventory", "-", "-"], "only once"),
    ] {
        let output = ebskeep().arg("plan").args(arguments).write_stdin("{\"Volumes\": []}").output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
    }
    let foreign = planned(&[&two, &none], &["expire", "--account", "123456789012"], 4);
    assert_eq!(verdicts(&foreign)[1].1, "ignore", "what another account owns is not ours");
}
