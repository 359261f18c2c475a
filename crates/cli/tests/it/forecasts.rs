//! `ebskeep forecast`: without AWS, for an imagined volume and from files.

use std::path::Path;

use serde_json::{Value, json};

use crate::server::{directory, ebskeep};

#[track_caller]
fn told(arguments: &[&str], code: i32) -> String {
    let output = ebskeep().arg("forecast").args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn document(arguments: &[&str], code: i32) -> Value {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--format", "json"]).collect();
    serde_json::from_str(&told(&arguments, code)).unwrap()
}

/// A volume of 10 GiB that is backed up daily for a week, one of 20 GiB that is
/// not any more, and a snapshot made by hand.
fn files(name: &str, kinds: &[&str]) -> String {
    let tags = |tags: &[(&str, &str)]| -> Value {
        tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
    };
    let snapshot = |id: &str, volume: &str, started: &str, size: u32, own: &[(&str, &str)]| {
        json!({
            "SnapshotId": id, "VolumeId": volume, "OwnerId": "123456789012", "State": "completed",
            "StartTime": started, "VolumeSize": size, "Tags": tags(own)
        })
    };
    let all = json!({
        "Reservations": [], "Images": [],
        "Volumes": [
            {"VolumeId": "vol-1", "State": "available", "Size": 10,
                "Tags": tags(&[("Backup", "daily"), ("Retention", "7")])},
            {"VolumeId": "vol-2", "State": "available", "Size": 20, "Tags": tags(&[("Backup", "No")])},
        ],
        "Snapshots": [
            snapshot("snap-1", "vol-1", "2026-03-09T00:00:00Z", 10, &[("Type", "Automated"),
                ("ebskeep:slot", "2026-03-09T00:00:00Z"), ("ebskeep:retention", "7"), ("DeleteOn", "2026-03-16")]),
            snapshot("snap-2", "vol-2", "2026-03-09T00:00:00Z", 20, &[("Type", "Automated"),
                ("ebskeep:slot", "2026-03-09T00:00:00Z"), ("KeepForever", "")]),
            snapshot("snap-3", "vol-2", "2026-03-09T00:00:00Z", 20, &[("Name", "by hand")]),
        ],
    });
    let some: serde_json::Map<String, Value> =
        kinds.iter().map(|kind| ((*kind).to_owned(), all[*kind].clone())).collect();
    let file = directory(name).join("inventory.json");
    std::fs::write(&file, Value::from(some).to_string()).unwrap();
    file.to_str().unwrap().to_owned()
}

const ALL: [&str; 4] = ["Reservations", "Images", "Volumes", "Snapshots"];
const WHERE: [&str; 4] = ["--region", "eu-west-1", "--start", "2026-03-10"];

fn looks(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line:?} is longer than 80 columns");
        assert_eq!(line.trim_end(), line, "no blanks at ends");
    }
    assert!(!text.contains('\x1b'));
}

#[test]
fn a_forecast_of_one_volume() {
    let arguments = ["--schedule", "every 12h", "--retention", "10d", "--zone", "Europe/London", "--size", "1500"];
    let span = ["--start", "2026-03-20", "--for", "60d", "--on", "2026-03-24"];
    let text = told(&[&arguments[..], &span].concat(), 0);
    looks(&text);
    insta::assert_snapshot!(text);
}

const COPIED: [&str; 8] = [
    "--retention",
    "14",
    "--copy-to",
    "eu-central-1 111122223333/us-east-1",
    "--copy-retention",
    "daily=3",
    "--start",
    "2026-03-20",
];

#[test]
fn a_forecast_of_one_volume_and_its_copies() {
    let text = told(&[&COPIED[..], &["--for", "30d", "--on", "2026-04-10"]].concat(), 0);
    looks(&text);
    insta::assert_snapshot!(text);
}

#[test]
fn copies_are_counted_where_they_are() {
    let forecast = document(&[&COPIED[..], &["--for", "30d", "--on", "2026-04-10"]].concat(), 0);
    assert_eq!(forecast["subject"]["copy_retention"], "daily=3");
    let there = forecast["copies"].as_array().unwrap();
    let destinations: Vec<&Value> = there.iter().map(|one| &one["destination"]).collect();
    assert_eq!(destinations, ["eu-central-1", "111122223333/us-east-1"]);
    for one in there {
        // Three days, each to its end.
        assert_eq!((&one["totals"]["at_end"], &one["totals"]["created"]), (&json!(3), &json!(30)));
        assert_eq!(one["on"][0]["snapshots"].as_array().unwrap().len(), 3);
        assert_eq!(one["days"].as_array().unwrap().len(), 30);
    }
    assert_eq!(forecast["totals"]["at_end"], 14, "they are not among the snapshots here");
    let alone = document(&["--retention", "14", "--start", "2026-03-20", "--for", "30d"], 0);
    assert_eq!(alone.get("copies"), None);
    assert_eq!(alone["days"], forecast["days"], "a copy that is made holds up no deletion");

    let svg = told(&[&COPIED[..], &["--for", "30d", "--chart", "-"]].concat(), 0);
    assert_eq!(svg.matches("stroke-dasharray").count(), 2);
    assert!(svg.contains("dashed: copies in eu-central-1, 111122223333/us-east-1"), "{svg}");
    for wrong in [
        &["--copy-to", "mars"][..],
        &["--copy-to", " "],
        &["--copy-retention", "3"],
        &["--copy-to", "eu-west-1", "--copy-retention", "soon"],
    ] {
        told(wrong, 2);
    }
}

#[test]
fn a_forecast_of_what_is_in_files() {
    let file = files("forecast", &ALL);
    let arguments = [&WHERE[..], &["--for", "30d", "--on", "2026-03-12", "-v", "--inventory", &file]].concat();
    let text = told(&arguments, 0);
    looks(&text);
    insta::assert_snapshot!(text);
}

#[test]
fn every_form_of_it_keeps_to_its_width() {
    let file = files("forecast-widths", &ALL);
    let inventory = [&WHERE[..], &["--for", "5y", "--on", "2026-03-12", "--inventory", &file]].concat();
    let lives = [&WHERE[2..], &["--for", "20d", "--retention", "36h", "--lives", "-v", "--on", "2026-03-12"]].concat();
    for arguments in
        [&[][..], &["-q"], &["--for", "1d"], &["--for", "100y", "--schedule", "monthly"], &inventory, &lives]
    {
        looks(&told(arguments, 0));
    }
}

#[test]
fn its_document_is_what_its_schema_says() {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema/ebskeep.forecast-1.schema.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(schema).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let file = files("forecast-schema", &ALL);
    let from_files = [&WHERE[..], &["--for", "30d", "--on", "2026-03-12", "--lives", "--inventory", &file]].concat();
    let imagined = ["--for", "30d", "--lives"];
    let copied = [&COPIED[..], &["--on", "2026-04-10"]].concat();
    for arguments in [&from_files[..], &imagined, &copied] {
        let document = document(arguments, 0);
        assert_eq!(document["schema"], "ebskeep.forecast/1");
        let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}

#[test]
fn files_are_lived_through_from_the_start_volume_by_volume() {
    let file = files("forecast-files", &ALL);
    let arguments = [&WHERE[..], &["--for", "30d", "--on", "2026-03-12", "--inventory", &file]].concat();
    let forecast = document(&arguments, 0);
    // One of the 9th, one of the 10th, which ends at midnight; from the 16th on the last 7.
    let counts: Vec<u64> =
        forecast["days"].as_array().unwrap().iter().map(|d| d["snapshots"].as_u64().unwrap()).collect();
    assert_eq!(counts.len(), 30);
    assert_eq!(counts[..8], [3, 4, 5, 6, 7, 8, 8, 8]);
    assert_eq!(forecast["totals"]["at_end"], 8);
    assert_eq!(forecast["totals"]["gib_at_end"], 7 * 10 + 20);
    assert_eq!(forecast["subject"]["not_ours"], 1);
    assert_eq!(forecast["volumes"][1]["totals"]["created"], 0, "Backup=No");
    let on: Vec<&Value> = forecast["on"][0]["snapshots"].as_array().unwrap().iter().collect();
    let ids: Vec<&Value> = on.iter().map(|present| &present["snapshot_id"]).collect();
    assert_eq!(ids, [&Value::Null, &Value::Null, &Value::Null, &json!("snap-1"), &json!("snap-2")]);
    assert_eq!(on[3]["deleted"], "2026-03-16T00:10:00Z");
    assert_eq!(on[4]["reasons"][0]["rule"], "keep-forever");
}

#[test]
fn what_was_not_listed_is_told_and_ends_as_partly_done() {
    let file = files("forecast-partly", &["Volumes", "Snapshots"]);
    let arguments = [&WHERE[..], &["--for", "30d", "--inventory", &file]].concat();
    let text = told(&arguments, 3);
    assert!(text.contains("Partly known, because") && text.contains("no file has Images"), "{text}");
}

#[test]
fn the_chart_is_a_picture_in_a_file() {
    let file = directory("chart").join("forecast.svg");
    let path = file.to_str().unwrap();
    let retention = ["--retention", "daily=7,weekly=4", "--start", "2026-01-01", "--for", "1y"];
    let text = told(&[&retention[..], &["--chart", path]].concat(), 0);
    assert!(text.contains("Summary"), "the text is there all the same");
    let svg = std::fs::read_to_string(file).unwrap();
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"") && svg.ends_with("</svg>\n"), "{svg}");
    for part in ["Retention daily=7,weekly=4", "2026-01-01 to 2026-12-31", ">2026-03<", "<path d=\"M72.0"] {
        assert!(svg.contains(part), "{part}: {svg}");
    }
    assert_eq!(told(&[&retention[..], &["--chart", "-"]].concat(), 0), svg, "on stdout it stands alone");
    told(&[&retention[..], &["--chart", "-", "--format", "json"]].concat(), 2);
    let many = "hourly=24,daily=7,weekly=4,monthly=12,yearly=3,within=1y2m3d4h,within-daily=2y,within-weekly=3y";
    let svg = told(&["--retention", many, "--start", "2026-01-01", "--for", "1m", "--chart", "-"], 0);
    let heading = svg.lines().find(|line| line.contains("font-size=\"16\"")).unwrap();
    assert!(heading.split('>').nth(1).unwrap().chars().count() < 90, "it has room: {heading}");
}
