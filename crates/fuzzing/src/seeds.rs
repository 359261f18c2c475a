//! What the targets begin with: good input of every kind, and some that is known to
//! be bad. The fuzzer's corpus is written from these:
//! `cargo run -p ebskeep-fuzzing --example corpus`.

use serde_json::{Value, json};

use crate::plan::to_be_saved;
use crate::scene::{AGES, id, world};

/// Words that mean something in some kind of text: what a mutation puts in.
pub const WORDS: [&str; 64] = [
    "Yes",
    "No",
    "daily",
    "weekly",
    "hourly",
    "monthly",
    "yearly",
    "every-run",
    "every 6h",
    "every 15m",
    "@",
    " @ 03:30",
    "sun",
    "31",
    "* * * * *",
    "*/15",
    "0-23/2",
    "forever",
    "7",
    "36h",
    "1y6m",
    "daily=7",
    "weekly=4",
    "last=3",
    "within=30d",
    "within-daily=1y",
    "=all",
    "=0",
    "unset",
    "conflict",
    " | ",
    "99999999999999999999",
    "-1",
    "+",
    ",",
    "UTC",
    "Europe/London",
    "Asia/Kathmandu",
    "vol-1",
    "/dev/xvda",
    "2026-02-01",
    "2026-03-10T12:00:00Z",
    "9999-12-31",
    "\u{feff}",
    "\u{0}",
    "\u{1b}[2J",
    "\u{202e}",
    "ü",
    "日",
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ":",
    "null",
    "true",
    "0",
    "1e999",
    "\"job\":\"expire\"",
    "\"regions\":[\"eu-west-1\"]",
    "\n",
    " ",
];

/// Values of tags, each behind the letter of each tag.
pub fn tags() -> Vec<Vec<u8>> {
    const VALUES: [&str; 34] = [
        "Yes",
        "no",
        "every-run",
        "hourly",
        "every 15m",
        "every 6h",
        "every 2d",
        "daily @ 03:30",
        "weekly @ sun 03:30",
        "monthly @ 31 03:30",
        "0 3 * * *",
        "*/5 8-18 * 1,7 mon-fri",
        "7",
        "14d",
        "2w",
        "6m",
        "1y6m",
        "36h",
        "forever",
        "daily=7 weekly=4 monthly=12 yearly=3",
        "last=3,within=1y2m3d4h",
        "daily=all",
        "daily=0",
        "",
        "unset",
        "1 000",
        "UTC",
        "Europe/London",
        "Mars/Olympus",
        "eu-west-1, 123456789012/us-east-1",
        "/dev/xvda vol-1",
        "2026-02-01",
        "2026-02-01T00:00:00Z",
        "web \u{1b}[31m",
    ];
    let letters = "BRZSCcDUFrsn".bytes();
    letters.flat_map(|letter| VALUES.map(|value| [&[letter], value.as_bytes()].concat())).collect()
}

/// Files of an inventory.
pub fn inventories() -> Vec<Vec<u8>> {
    let listed = |tags: &ebskeep_core::tags::Tags| -> Value {
        tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
    };
    let world = world();
    let instances = json!({"Reservations": [{"Instances": [{
        "InstanceId": "i-1", "State": {"Name": "running"}, "RootDeviceName": "/dev/xvda",
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeId": "vol-1"}}],
        "Tags": listed(&world.instances.items[0].tags),
    }]}]});
    let volumes = json!({"Volumes": [{
        "VolumeId": "vol-1", "State": "in-use", "Size": 8,
        "Attachments": [{"InstanceId": "i-1", "Device": "/dev/xvda"}], "Tags": [{"Key": "Backup", "Value": "Yes"}],
    }]});
    let snapshots: Value = (world.snapshots.items.iter())
        .map(|snapshot| {
            json!({
                "SnapshotId": snapshot.id, "VolumeId": snapshot.volume, "OwnerId": snapshot.owner, "State": "completed",
                "StartTime": snapshot.started, "VolumeSize": 8, "Encrypted": true, "StorageTier": "standard",
                "Description": "web", "Tags": listed(&snapshot.tags),
            })
        })
        .collect();
    let snapshots = json!({"Snapshots": snapshots});
    let images = json!({"Images": [{
        "ImageId": "ami-1", "State": "available",
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": id(AGES[5])}}],
    }]});
    let locks = json!({"Snapshots": [{
        "SnapshotId": id(AGES[3]), "OwnerId": "111122223333", "LockState": "governance", "LockDuration": 30,
        "LockCreatedOn": "2026-03-01T00:00:00Z", "LockExpiresOn": "2026-03-31T00:00:00Z",
    }]});
    let tiers = json!({"SnapshotTierStatuses": [{
        "SnapshotId": id(AGES[4]), "VolumeId": "vol-1", "OwnerId": "111122223333", "Status": "completed",
        "StorageTier": "archive", "ArchivalCompleteTime": "2026-01-01T00:00:00Z", "Tags": [],
    }]});
    let all = [&instances, &volumes, &snapshots, &images, &locks, &tiers].map(ToString::to_string);
    let further = json!({"Snapshots": [], "NextToken": "x"}).to_string();
    let mut files =
        vec![all.join("\n"), all[1..].concat(), format!("{}{further}", all[2]), format!("\u{feff}{}", all[3])];
    files.extend(all);
    files.extend(["{}", "[]", "{\"Volumes\": [{}]}", "{\"Snapshots\": null}"].map(str::to_owned));
    files.into_iter().map(String::into_bytes).collect()
}

/// Files of plans.
pub fn plans() -> Vec<Vec<u8>> {
    let whole = serde_json::to_value(to_be_saved()).unwrap_or_default();
    let part = |change: &dyn Fn(&mut Value)| {
        let mut plan = whole.clone();
        change(&mut plan);
        plan
    };
    let edited = [
        part(&|plan| plan["actions"] = json!([])),
        part(&|plan| drop(plan["actions"].as_array_mut().map(Vec::pop))),
        part(&|plan| plan["jobs"] = json!(["expire"])),
        part(&|plan| plan["region"] = json!("us-east-1")),
        part(&|plan| plan["schema"] = json!("ebskeep.plan/2")),
        json!({"schema": "ebskeep.plans/1", "plans": [whole]}),
        json!({"schema": "ebskeep.plans/1", "plans": []}),
        whole.clone(),
    ];
    edited.into_iter().map(|plan| plan.to_string().into_bytes()).collect()
}

/// Events.
pub fn events() -> Vec<Vec<u8>> {
    let events = [
        json!({"job": "create"}),
        json!({"job": "expire", "regions": ["eu-west-1", "us-east-1"], "max-delete": 5}),
        json!({"job": "create", "default-retention": "3", "time": "2026-03-01T03:00:00Z"}),
        json!({"regions": ["eu-west-1"], "retention_days": 3}),
        json!({"regions": "all"}),
        json!({"retention_days": "2"}),
        json!({
            "version": "0", "id": "x", "detail-type": "Scheduled Event", "source": "aws.events", "account": "1",
            "time": "2026-03-01T03:00:00Z", "region": "eu-west-1", "resources": [], "detail": {},
        }),
        json!({"detail-type": "EBS Snapshot Notification", "source": "aws.ec2", "detail": {}}),
        json!({
            "detail-type": "EBS Snapshot Notification", "source": "aws.ec2", "region": "us-east-1",
            "detail": {
                "event": "createSnapshot", "result": "succeeded",
                "snapshot_id": "arn:aws:ec2::us-east-1:snapshot/snap-01234567",
            },
        }),
        json!({
            "detail-type": "EBS Multi-Volume Snapshots Completion Status", "source": "aws.ec2",
            "detail": {
                "event": "createSnapshots", "result": "succeeded",
                "snapshots": [{"snapshot_id": "snap-01234567", "source": "vol-1", "status": "completed"}],
            },
        }),
        json!({}),
        json!(null),
        json!([{"job": "expire"}]),
        json!({"jobs": ["create", "expire"]}),
        json!({"job": "expire", "retention_days": 1}),
        json!({"Job": "expire"}),
    ];
    events.iter().map(|event| event.to_string().into_bytes()).collect()
}
