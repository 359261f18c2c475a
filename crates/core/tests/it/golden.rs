//! The golden tables of `tests/golden/retention.txt`: each is lived through by
//! `plan::decide`, and has to come out line for line.

use std::fmt::Write as _;

use ebskeep_core::calendar;
use ebskeep_core::id::{AccountId, Place, Region};
use ebskeep_core::inventory::{Inventory, Listing, Snapshot, SnapshotState, Volume, VolumeState};
use ebskeep_core::job::Request;
use ebskeep_core::plan::{ExpireVerdict, Job, SnapshotVerdict, decide};
use ebskeep_core::schedule::Schedule;
use ebskeep_core::setting::Settings;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::fake::snapshot;
use crate::plans::tags;

/// Every snapshot of a table is of this volume.
const VOLUME: &str = "vol-a";

/// A table: its first line, and the lines under it without comments.
struct Table<'t> {
    head: &'t str,
    lines: Vec<String>,
}

fn tables(text: &str) -> Vec<Table<'_>> {
    let mut tables: Vec<Table<'_>> = Vec::new();
    for line in text.lines() {
        if let Some(row) = line.strip_prefix("  ") {
            let row = row.split('#').next().unwrap().trim_end();
            tables.last_mut().unwrap().lines.push(row.to_owned());
        } else if !line.is_empty() && !line.starts_with('#') {
            tables.push(Table { head: line, lines: Vec::new() });
        }
    }
    tables
}

fn instant(text: &str) -> Timestamp {
    let form = if text.split(' ').count() == 2 { "%Y-%m-%d %H:%M%:z" } else { "%Y-%m-%d %a %H:%M%:z" };
    strtime::parse(form, text).and_then(|parsed| parsed.to_timestamp()).unwrap_or_else(|why| panic!("{text}: {why}"))
}

/// The slots of `daily, FIRST to LAST without DATE…`, newest first.
fn slots(text: &str, zone: &TimeZone) -> Vec<Timestamp> {
    let (text, without) = text.split_once(" without ").unwrap_or((text, ""));
    let (schedule, span) = text.split_once(", ").unwrap();
    let (first, last) = span.split_once(" to ").unwrap();
    let (schedule, first, last) = (Schedule::parse(schedule).unwrap(), instant(first), instant(last));
    let before = first.checked_sub(SignedDuration::from_nanos(1)).unwrap();
    let all = std::iter::successors(schedule.slot_after(before, zone), |at| schedule.slot_after(*at, zone));
    let mut slots: Vec<Timestamp> = all.take_while(|at| *at <= last).collect();
    assert_eq!((slots.first(), slots.last()), (Some(&first), Some(&last)), "{text} begins and ends with a slot");
    slots.retain(|at| !without.split(' ').any(|date| date == zone.to_datetime(*at).date().to_string()));
    slots.reverse();
    slots
}

/// A good one, begun a while after its slot.
fn taken(id: usize, slot: Timestamp, late: SignedDuration) -> Snapshot {
    let tags = tags([("Type", "Automated"), ("ebskeep:slot", &slot.to_string())]);
    snapshot(&format!("snap-{id:04}"), VOLUME, slot + late, tags)
}

/// The snapshots of a table, newest first. In one without a schedule those of
/// one slot began one after the other, the last line first.
fn taken_by(table: &Table<'_>, schedule: Option<&str>, zone: &TimeZone) -> Vec<Snapshot> {
    let minute = SignedDuration::from_mins(1);
    if let Some(schedule) = schedule {
        return slots(schedule, zone).into_iter().enumerate().map(|(id, slot)| taken(id, slot, minute)).collect();
    }
    let mut all = Vec::new();
    for (id, line) in table.lines.iter().enumerate() {
        let (time, rest) = line.split_once("  ").unwrap();
        let late = minute - SignedDuration::from_secs(i64::try_from(id).unwrap());
        let state = match rest.trim() {
            "[pending]" => SnapshotState::Pending,
            "[error]" => SnapshotState::Error,
            _ => SnapshotState::Completed,
        };
        all.push(Snapshot { state, ..taken(id, instant(time), late) });
    }
    all
}

/// What is there, long after: a volume nobody backs up any more, under that policy.
fn world(policy: &str, zone: &str, snapshots: &[Snapshot]) -> Inventory {
    let now = "2036-01-01T00:00:00Z".parse().unwrap();
    Inventory {
        volumes: Listing::complete(vec![Volume {
            id: VOLUME.into(),
            state: VolumeState::Available,
            size_gib: 8,
            attachments: Vec::new(),
            site: None,
            tags: tags([("Backup", "No"), ("Retention", policy), ("Backup_TimeZone", zone)]),
        }]),
        snapshots: Listing::complete(snapshots.to_vec()),
        ..Inventory::empty(Place { account: AccountId::new("111122223333"), region: Region::new("eu-west-1") }, now)
    }
}

/// The rules of retention among the reasons, of what stays.
fn rules(verdict: &SnapshotVerdict) -> String {
    let of_rules = |rule: &&str| !["newest-good", "pending"].contains(rule);
    let kept = verdict.reasons.iter().filter(|_| verdict.verdict == ExpireVerdict::Keep);
    kept.map(|reason| reason.rule).filter(of_rules).collect::<Vec<_>>().join(" ")
}

/// The lines that a table would have by what is decided.
fn decided(table: &Table<'_>) -> Vec<String> {
    let mut parts = table.head.split(" | ");
    let (policy, zone_name, schedule) = (parts.next().unwrap(), parts.next().unwrap(), parts.next());
    let zone = calendar::zone(zone_name).unwrap();
    let snapshots = taken_by(table, schedule, &zone);
    let plan = decide(&world(policy, zone_name, &snapshots), &Request::new([Job::Expire]), &Settings::default());
    assert_eq!(plan.snapshots.len(), snapshots.len());
    let mut lines = Vec::new();
    for (snapshot, verdict) in snapshots.iter().zip(&plan.snapshots) {
        let slot: Timestamp = snapshot.tags.get("ebskeep:slot").unwrap().parse().unwrap();
        let kept = rules(verdict);
        let what = match snapshot.state {
            SnapshotState::Pending => "[pending]",
            SnapshotState::Error => "[error]",
            _ if kept.is_empty() && schedule.is_some() => continue,
            _ if kept.is_empty() => "-",
            _ => &kept,
        };
        lines.push(format!("{}  {what}", slot.to_zoned(zone.clone()).strftime("%Y-%m-%d %a %H:%M%:z")));
    }
    lines
}

#[test]
fn golden_tables_of_what_rules_keep() {
    let _proof =
        ebskeep_proofs::proves(&["2.3.2", "2.3.4", "2.3.5", "2.3.6", "2.3.7", "2.3.8", "2.3.9", "2.3.10", "2.3.11"]);
    let tables = tables(include_str!("../golden/retention.txt"));
    assert!(tables.len() > 40, "the tables were not read");
    let mut wrong = String::new();
    for table in &tables {
        let (got, expected) = (decided(table), &table.lines);
        if got != *expected {
            writeln!(wrong, "{}\n  {}\nbut the table has\n  {}\n", table.head, got.join("\n  "), expected.join("\n  "))
                .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
