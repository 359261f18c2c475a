//! What the check `unforeseen-deletions` holds back, and what it lets go: backlogs, dates and
//! slots that no job writes, and failed snapshots. Expected by hand from docs/semantics.md 4.

use std::collections::BTreeSet;

use ebskeep_core::check::check;
use ebskeep_core::id::{AccountId, Place, Region, VolumeId};
use ebskeep_core::inventory::{
    Inventory, Listing, Lock, LockState, Snapshot, SnapshotState, StorageTier, TierStatus, Volume, VolumeState,
};
use ebskeep_core::job::Request;
use ebskeep_core::plan::{CheckResult, Job, Plan, decide};
use ebskeep_core::setting::Settings;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::fake::snapshot;
use crate::plans::tags;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);
const SECOND: SignedDuration = SignedDuration::from_secs(1);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A Region with nothing in it.
fn empty(now: &str) -> Inventory {
    Inventory::empty(Place { account: AccountId::new("111122223333"), region: Region::new("eu-west-1") }, at(now))
}

fn volume(world: &mut Inventory, id: &str, pairs: &[(&str, &str)]) {
    world.volumes.items.push(Volume {
        id: VolumeId::new(id),
        state: VolumeState::Available,
        size_gib: 8,
        attachments: Vec::new(),
        site: None,
        tags: pairs.iter().copied().collect(),
    });
}

/// A good one of ours whose slot is the instant it began.
fn backup<'w>(
    world: &'w mut Inventory,
    id: &str,
    volume: &str,
    started: Timestamp,
    pairs: &[(&str, &str)],
) -> &'w mut Snapshot {
    let slot = started.to_string();
    let mut tags = tags([("Type", "Automated"), ("ebskeep:slot", slot.as_str())]);
    for (key, value) in pairs {
        tags.set(*key, *value);
    }
    let Listing { items, .. } = &mut world.snapshots;
    items.push(snapshot(id, volume, started, tags));
    items.last_mut().unwrap()
}

/// The UTC date so many days after an instant.
fn date(started: Timestamp, days: i64) -> String {
    (started + (24 * days).hours()).strftime("%Y-%m-%d").to_string()
}

/// Settings that are not the default.
fn settings(pairs: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::default();
    for (name, value) in pairs {
        settings.set(name, value).unwrap();
    }
    settings
}

/// What a world's plan comes to.
struct Told {
    plan: Plan,
    check: CheckResult,
    /// The snapshots whose deletions a check refuses.
    held: BTreeSet<String>,
    /// Those that are deleted.
    going: BTreeSet<String>,
}

fn told(world: &Inventory, jobs: &[Job], settings: &Settings) -> Told {
    let mut world = world.clone();
    world.snapshots.items.sort_by(|a, b| a.id.cmp(&b.id));
    let request = Request::new(jobs.iter().copied());
    let mut plan = decide(&world, &request, settings);
    plan.checks = check(&plan, &world, &request, settings);
    let (held, going) = plan.deletions();
    let ids = |all: Vec<&ebskeep_core::plan::Deletion>| all.iter().map(|one| one.snapshot_id.to_string()).collect();
    let (held, going) = (ids(held), ids(going));
    let check = plan.checks.iter().find(|check| check.check == "unforeseen-deletions").unwrap().clone();
    Told { plan, check, held, going }
}

fn ids<const N: usize>(ids: [&str; N]) -> BTreeSet<String> {
    ids.map(str::to_owned).into()
}

#[test]
fn what_was_due_exactly_the_backlog_ago_is_overdue() {
    let _proof = ebskeep_proofs::proves(&["4.32"]);
    let now = at("2026-03-20T12:00:00Z");
    // A record of 24 hours ends a day after the start. Another one had begun by then, so R5 kept
    // that one and not this.
    for (backlog, started, overdue) in [
        ("7d", now - 8 * DAY, true),
        ("7d", now - 8 * DAY + SECOND, false),
        ("36h", now - 60 * HOUR, true),
        ("36h", now - 60 * HOUR + SECOND, false),
        ("1000y", now - 300 * DAY, false),
    ] {
        let mut world = empty("2026-03-20T12:00:00Z");
        volume(&mut world, "vol-1", &[("Backup", "No"), ("Retention", "24h")]);
        let record = [("ebskeep:retention", "24h")];
        backup(&mut world, "snap-1", "vol-1", started, &record);
        backup(&mut world, "snap-2", "vol-1", started + HOUR, &record);
        backup(&mut world, "snap-3", "vol-1", now - HOUR, &record);
        let told = told(&world, &[Job::Expire], &settings(&[("max-delete", "0"), ("backlog", backlog)]));
        assert_eq!(told.held, if overdue { ids(["snap-1"]) } else { ids([]) }, "{backlog} {started}");
        assert!(told.going.contains("snap-2"), "{backlog} {started}: {}", told.check.detail);
    }
}

#[test]
fn what_another_rule_kept_until_lately_is_not_overdue() {
    let _proof = ebskeep_proofs::proves(&["4.32"]);
    let now = at("2026-03-20T12:00:00Z");
    // What is on a snapshot that its record let go long ago, and whether it is overdue.
    for (key, value, overdue) in [
        ("KeepUntil", "2026-03-18", false),
        ("KeepUntil", "2026-03-12", true),
        // Noon of the next day is its end.
        ("KeepUntil", "2026-03-13", false),
        ("DeleteOn", "2026-03-14", false),
        ("DeleteOn", "2026-03-13", true),
        // What is passed over: a mark of a deletion, a copy that was wanted.
        ("ebskeep:deleted", "2026-03-05T00:00:00Z", true),
        ("ebskeep:copied-to", "us-east-1", true),
    ] {
        let mut world = empty("2026-03-20T12:00:00Z");
        volume(&mut world, "vol-1", &[("Backup", "No"), ("Retention", "24h")]);
        let record = ("ebskeep:retention", "24h");
        let tags = [record, (key, value), ("ebskeep:copy-to", "us-east-1")];
        let tags = if key == "ebskeep:copied-to" { &tags[..] } else { &tags[..2] };
        backup(&mut world, "snap-1", "vol-1", now - 40 * DAY, tags);
        backup(&mut world, "snap-2", "vol-1", now - 7 * DAY, &[record]);
        backup(&mut world, "snap-3", "vol-1", now - HOUR, &[record]);
        let told = told(&world, &[Job::Expire], &settings(&[("max-delete", "0")]));
        let expected = if overdue { ids(["snap-1"]) } else { ids([]) };
        assert_eq!(told.held, expected, "{key}={value}: {}", told.check.detail);
    }
}

/// What kept it for a fixed time after something else had happened: to the second.
#[test]
fn what_was_kept_for_a_fixed_time_until_lately_is_not_overdue() {
    let _proof = ebskeep_proofs::proves(&["4.32"]);
    let now = at("2026-03-20T12:00:00Z");
    let then = now - 7 * DAY;
    let record = ("ebskeep:retention", "24h");
    let held = |world: &Inventory| {
        let told = told(world, &[Job::Expire], &settings(&[("max-delete", "0")]));
        let both = told.held.union(&told.going).cloned().collect::<BTreeSet<_>>();
        assert_eq!(both, ids(["snap-1"]), "{}", told.check.detail);
        told.held.contains("snap-1")
    };
    for (later, overdue) in [(SignedDuration::ZERO, true), (SECOND, false)] {
        let mut gone = empty("2026-03-20T12:00:00Z");
        gone.confirmed_gone = ["vol-1".into()].into();
        let mark = format!("{} vol-1", then - 7 * DAY + later);
        // A mark that names another volume is none.
        let copied = ("ebskeep:gone", "2026-03-19T00:00:00Z vol-x");
        backup(&mut gone, "snap-1", "vol-1", now - 40 * DAY, &[record, copied]);
        backup(&mut gone, "snap-2", "vol-1", now - 39 * DAY, &[record, ("ebskeep:gone", mark.as_str())]);
        assert_eq!(held(&gone), overdue, "a week after the mark and {later:?}");

        let mut archive = empty("2026-03-20T12:00:00Z");
        volume(&mut archive, "vol-1", &[("Backup", "No"), ("Retention", "24h")]);
        backup(&mut archive, "snap-1", "vol-1", now - 200 * DAY, &[record]).tier = StorageTier::Archive;
        backup(&mut archive, "snap-2", "vol-1", now - 150 * DAY, &[record]);
        archive.tiers = Listing::complete(vec![TierStatus {
            snapshot: "snap-1".into(),
            tier: StorageTier::Archive,
            archived_at: Some(then - 90 * DAY + later),
            restore_expires: None,
            moving: None,
        }]);
        assert_eq!(held(&archive), overdue, "90 days after it was archived and {later:?}");

        let mut locked = archive.clone();
        locked.tiers = Listing::default();
        locked.snapshots.items[0].tier = StorageTier::Standard;
        let expires = Some(then + later);
        locked.locks = Listing::complete(vec![Lock { snapshot: "snap-1".into(), state: LockState::Expired, expires }]);
        assert_eq!(held(&locked), overdue, "at the end of its lock and {later:?}");

        // A day of its rules and 90 of the history.
        let mut history = empty("2026-03-20T12:00:00Z");
        history.confirmed_gone = ["vol-1".into()].into();
        let began = then - 91 * DAY + later;
        let mark = format!("{began} vol-1");
        backup(&mut history, "snap-1", "vol-1", began, &[("ebskeep:retention", "daily=1"), ("ebskeep:gone", &mark)]);
        assert_eq!(held(&history), overdue, "at the end of the history and {later:?}");

        let mut elsewhere = empty("2026-03-20T12:00:00Z");
        for (id, source, began, made) in [
            ("snap-1", "snap-s1", now - 40 * DAY, then - 2 * DAY + later),
            ("snap-2", "snap-s2", now - 39 * DAY, now - 38 * DAY),
        ] {
            let started = began.to_string();
            let copy = backup(
                &mut elsewhere,
                id,
                "vol-ffffffff",
                began,
                &[
                    record,
                    ("Source_SnapshotId", source),
                    ("ebskeep:volume", "vol-1"),
                    ("ebskeep:source-region", "us-east-1"),
                    ("ebskeep:source-account", "111122223333"),
                    ("ebskeep:started", started.as_str()),
                ],
            );
            copy.started = made;
        }
        assert_eq!(held(&elsewhere), overdue, "48 hours after it was copied and {later:?}");
    }
}

/// A policy in its grace kept it: nothing is overdue that the grace let go a moment ago.
#[test]
fn what_a_grace_kept_until_lately_is_not_overdue() {
    let _proof = ebskeep_proofs::proves(&["4.32"]);
    let now = at("2026-03-20T12:00:00Z");
    // Rules were changed from last=30 to last=2 so many days ago; the grace is 20 days.
    for (days, overdue) in [(21, false), (27, false), (28, true)] {
        let mut world = empty("2026-03-20T12:00:00Z");
        volume(&mut world, "vol-1", &[("Backup", "No"), ("Retention", "last=2")]);
        for n in 0..20 {
            let age = days - n;
            let started = now - age * DAY - HOUR;
            let rules = if n == 0 { "last=30" } else { "last=2" };
            if age >= 0 {
                backup(&mut world, &format!("snap-{n:02}"), "vol-1", started, &[("ebskeep:retention", rules)]);
            }
        }
        let settings = settings(&[("policy-grace", "20d"), ("max-delete", "1000"), ("max-delete-percent", "50")]);
        let told = told(&world, &[Job::Expire], &settings);
        assert!(!told.going.is_empty() || overdue, "{days}");
        assert_eq!(!told.held.is_empty(), overdue, "{days}: {} {:?}", told.check.detail, told.held);
    }
}

/// Tags as they are written in a table.
type Pairs<'t> = &'t [(&'t str, &'t str)];

/// What else there is by when it began, the tags of the newest, and what is expected.
type Row<'t> = (&'t [(Timestamp, Pairs<'t>)], Pairs<'t>, bool);

/// Four under a record of a day, a newer one like them, and what else is said of the
/// lineage: whether they are overdue.
#[test]
fn what_was_in_its_grace_a_week_ago_was_not_due_then() {
    let _proof = ebskeep_proofs::proves(&["4.32"]);
    let now = at("2026-03-20T12:00:00Z");
    let then = now - 7 * DAY;
    let day = ("ebskeep:retention", "24h");
    let month = ("ebskeep:retention", "30d");
    let dated = date(then, 60);
    let since = |first: Timestamp, volume: &str| format!("{first}/{now} {volume} 1d UTC");
    let (ended, left, other) =
        (since(then - 7 * DAY, "vol-1"), since(then - 7 * DAY + SECOND, "vol-1"), since(then - DAY, "vol-x"));
    // What else there is, by when it began, with its tags; the tags of the newest; whether
    // the four are overdue.
    let rows: [Row<'_>; 8] = [
        // Under the default, which is 30 days.
        (&[(then - 3 * DAY, &[])], &[day], false),
        (&[(then - 3 * DAY, &[("DeleteOn", &dated)])], &[day], true),
        (&[(then - 3 * DAY, &[("ebskeep:retention", "unset")])], &[day], true),
        // The last one before the grace.
        (&[(then - 8 * DAY, &[month]), (then - 7 * DAY, &[day])], &[day], true),
        (&[(then - 8 * DAY, &[month]), (then - 7 * DAY + SECOND, &[day])], &[day], false),
        // A mark that another policy has governed for so long.
        (&[(then - 30 * DAY, &[month])], &[day, ("ebskeep:policy-since", &ended)], true),
        (&[(then - 30 * DAY, &[month])], &[day, ("ebskeep:policy-since", &left)], false),
        (&[(then - 30 * DAY, &[month])], &[day, ("ebskeep:policy-since", &other)], true),
    ];
    for (n, (others, newest, overdue)) in rows.into_iter().enumerate() {
        let mut world = empty("2026-03-20T12:00:00Z");
        volume(&mut world, "vol-1", &[("Backup", "No"), ("Retention", "24h")]);
        for (id, hours) in [("snap-1", 0), ("snap-2", 1), ("snap-3", 2), ("snap-4", 3)] {
            backup(&mut world, id, "vol-1", then - 20 * DAY + hours * HOUR, &[day]);
        }
        for (at, (started, tags)) in others.iter().enumerate() {
            backup(&mut world, &format!("snap-other-{at}"), "vol-1", *started, tags);
        }
        backup(&mut world, "snap-new", "vol-1", then - 2 * DAY, newest);
        let told = told(&world, &[Job::Expire], &settings(&[("default-retention", "30d")]));
        let four = ids(["snap-1", "snap-2", "snap-3", "snap-4"]);
        assert_eq!(told.held.is_superset(&four), overdue, "{n}: {} {:?}", told.check.detail, told.held);
        assert_eq!(told.going.is_superset(&four), !overdue, "{n}: {} {:?}", told.check.detail, told.going);
    }
}

/// Monthly backups of 150 volumes under rules that count from the newest: each month one goes.
#[test]
fn rules_that_count_from_the_newest_have_a_steady_state() {
    let _proof = ebskeep_proofs::proves(&["4.18", "4.32"]);
    let mut world = empty("2026-03-01T00:30:00Z");
    for n in 0..150 {
        let id = format!("vol-{n:03}");
        volume(&mut world, &id, &[("Backup", "monthly"), ("Retention", "within=45d")]);
        for month in ["2026-01", "2026-02", "2026-03"] {
            let started = at(&format!("{month}-01T00:00:00Z"));
            backup(&mut world, &format!("snap-{month}-{n:03}"), &id, started, &[("ebskeep:retention", "within=45d")]);
        }
    }
    let told = told(&world, &[Job::Create, Job::Expire], &Settings::default());
    assert_eq!((told.held.len(), told.going.len()), (0, 150), "{}", told.check.detail);
    assert!(told.check.detail.starts_with("0 of 150"), "{}", told.check.detail);
}

/// Of four, seven and eight good ones, in an account with nothing else.
#[test]
fn more_than_three_and_more_than_half_of_one_lineage_wait() {
    let _proof = ebskeep_proofs::proves(&["4.34"]);
    let now = at("2026-03-20T12:00:00Z");
    for (overdue, good, percent, held) in [
        (3, 5, "25", false),
        (4, 8, "25", false),
        (4, 7, "25", true),
        // Whoever has read them allows a larger share.
        (4, 7, "57", true),
        (4, 7, "58", false),
        (4, 7, "100", false),
    ] {
        let mut world = empty("2026-03-20T12:00:00Z");
        volume(&mut world, "vol-1", &[("Backup", "No"), ("Retention", "24h")]);
        let record = [("ebskeep:retention", "24h")];
        for n in 0..overdue {
            backup(&mut world, &format!("snap-old-{n}"), "vol-1", now - (30 + n) * DAY, &record);
        }
        // What R5 kept as of a week ago: due, and not overdue.
        backup(&mut world, "snap-then", "vol-1", now - 8 * DAY, &record);
        for n in 1..good - overdue {
            backup(&mut world, &format!("snap-new-{n}"), "vol-1", now - n * HOUR, &record);
        }
        let told = told(&world, &[Job::Expire], &settings(&[("max-delete-percent", percent)]));
        let old: BTreeSet<String> = (0..overdue).map(|n| format!("snap-old-{n}")).collect();
        assert_eq!(told.held, if held { old } else { ids([]) }, "{overdue} of {good}: {}", told.check.detail);
        assert!(told.going.contains("snap-then"), "what is foreseen goes: {}", told.check.detail);
        assert_eq!(told.check.detail.contains(&format!("{overdue} of the {good} good snapshots of vol-1")), held);
    }
}

#[test]
fn a_slot_that_no_job_writes_is_unforeseen() {
    let _proof = ebskeep_proofs::proves(&["4.33"]);
    let now = at("2026-03-20T12:00:00Z");
    let started = now - 2 * DAY;
    let hours = |hours: i32| (started - hours * HOUR).to_string();
    let between = 25 * HOUR;
    for (slot, twin, unforeseen) in [
        (started.to_string(), None, false),
        (hours(26), None, false),
        // Far before, and another one began in between.
        ((started - 26 * HOUR - SECOND).to_string(), None, true),
        ("1970-01-01T00:00:00Z".to_owned(), None, true),
        ((started + SECOND).to_string(), None, true),
        ("soon".to_owned(), None, true),
        // Another one has the same, good or failed.
        (hours(1), Some(SnapshotState::Completed), true),
        (hours(1), Some(SnapshotState::Error), false),
    ] {
        let mut world = empty("2026-03-20T12:00:00Z");
        volume(&mut world, "vol-1", &[("Backup", "No"), ("Retention", "24h")]);
        let record = [("ebskeep:retention", "24h")];
        backup(&mut world, "snap-1", "vol-1", started, &record).tags.set("ebskeep:slot", slot.as_str());
        backup(&mut world, "snap-9", "vol-1", now - HOUR, &record);
        backup(&mut world, "snap-between", "vol-1", started - between, &record);
        if let Some(state) = twin {
            let other = backup(&mut world, "snap-2", "vol-1", started + HOUR, &record);
            other.tags.set("ebskeep:slot", slot.as_str());
            other.state = state;
        }
        let told = told(&world, &[Job::Expire], &settings(&[("max-delete", "0")]));
        assert_eq!(told.held.contains("snap-1"), unforeseen, "{slot} {twin:?}: {}", told.check.detail);
        assert!(told.held.contains("snap-1") != told.going.contains("snap-1"), "{slot} {twin:?}");
    }
}

#[test]
fn a_date_before_the_default_retention_is_unforeseen_where_nothing_else_is_recorded() {
    let _proof = ebskeep_proofs::proves(&["4.33"]);
    let started = at("2026-03-10T03:00:00Z");
    for (default, tags, unforeseen) in [
        ("7", vec![("DeleteOn", "2026-03-17")], false),
        ("7", vec![("DeleteOn", "2026-03-16")], true),
        ("7", vec![("DeleteOn", "2026-03-16"), ("ebskeep:retention", "6")], false),
        ("1m", vec![("DeleteOn", "2026-03-16")], true),
        ("3", vec![("DeleteOn", "2026-03-16")], false),
        // With hours or rules no date is written. One that is there is somebody's.
        ("141h", vec![("DeleteOn", "2026-03-16")], false),
        ("142h", vec![("DeleteOn", "2026-03-16")], true),
        ("daily=6", vec![("DeleteOn", "2026-03-17")], false),
        ("daily=7", vec![("DeleteOn", "2026-03-16")], true),
        ("forever", vec![("DeleteOn", "2026-03-17")], true),
    ] {
        let mut world = empty("2026-03-19T12:00:00Z");
        volume(&mut world, "vol-1", &[("Backup", "No")]);
        backup(&mut world, "snap-1", "vol-1", started, &tags);
        backup(&mut world, "snap-9", "vol-1", at("2026-03-19T03:00:00Z"), &[("DeleteOn", "2026-03-26")]);
        let told = told(&world, &[Job::Expire], &settings(&[("max-delete", "0"), ("default-retention", default)]));
        assert_eq!(told.held.contains("snap-1"), unforeseen, "{default} {tags:?}: {}", told.check.detail);
        assert!(told.held.contains("snap-1") != told.going.contains("snap-1"), "{default} {tags:?}");
    }
}

/// Dailies of a volume, all of which a script gave the date of yesterday, in an account with
/// nothing else: those that were not due yet wait.
#[test]
fn a_script_that_writes_yesterdays_date_on_everything_waits_for_a_person() {
    let _proof = ebskeep_proofs::proves(&["4.33", "4.34"]);
    let now = at("2026-03-20T10:00:00Z");
    let mut world = empty("2026-03-20T10:00:00Z");
    volume(&mut world, "vol-1", &[("Backup", "daily @ 03:00")]);
    for n in 0..11 {
        let started = at("2026-03-20T03:00:00Z") - n * DAY;
        backup(&mut world, &format!("snap-{n:02}"), "vol-1", started, &[("DeleteOn", &date(now, -1))]);
    }
    let told = told(&world, &[Job::Create, Job::Expire], &Settings::default());
    // The newest stays; the three oldest were due by the default of 7 days.
    let early: BTreeSet<String> = (1..8).map(|n| format!("snap-{n:02}")).collect();
    assert_eq!(told.held, early, "{}", told.check.detail);
    assert_eq!(told.going, ids(["snap-08", "snap-09", "snap-10"]));
}

/// The same with a default of 30 days: twelve days later there are as many new ones, and still
/// those that a script wrote on wait.
#[test]
fn new_backups_do_not_end_what_a_script_holds_back() {
    let _proof = ebskeep_proofs::proves(&["4.45"]);
    let settings = |percent| settings(&[("default-retention", "30d"), ("max-delete-percent", percent)]);
    let now = at("2026-04-01T10:00:00Z");
    for (written, percent, held) in [(11, "25", true), (3, "25", false), (4, "25", true), (4, "100", false)] {
        let mut world = empty("2026-04-01T10:00:00Z");
        volume(&mut world, "vol-1", &[("Backup", "daily @ 03:00")]);
        for n in 0..12 {
            backup(
                &mut world,
                &format!("snap-new-{n:02}"),
                "vol-1",
                at("2026-04-01T03:00:00Z") - n * DAY,
                &[("DeleteOn", &date(now - n * DAY, 30))],
            );
        }
        for n in 0..written {
            let started = at("2026-03-20T03:00:00Z") - n * DAY;
            backup(&mut world, &format!("snap-old-{n:02}"), "vol-1", started, &[("DeleteOn", "2026-03-19")]);
        }
        let told = told(&world, &[Job::Create, Job::Expire], &settings(percent));
        let old: BTreeSet<String> = (0..written).map(|n| format!("snap-old-{n:02}")).collect();
        let (expected, other) = if held { (&told.held, &told.going) } else { (&told.going, &told.held) };
        assert_eq!((expected, other), (&old, &BTreeSet::new()), "{written} {percent}: {}", told.check.detail);
    }
}

/// Weekly backups whose slot is Monday and that are taken on Sundays: the steady state passes.
#[test]
fn backups_that_always_come_days_after_their_slot_have_a_steady_state() {
    let _proof = ebskeep_proofs::proves(&["4.33"]);
    let mut world = empty("2026-03-29T13:00:00Z");
    volume(&mut world, "vol-1", &[("Backup", "weekly"), ("Retention", "last=4")]);
    for n in 0..5 {
        let sunday = at("2026-03-29T12:00:00Z") - n * 7 * DAY;
        let one = backup(&mut world, &format!("snap-{n}"), "vol-1", sunday, &[("ebskeep:retention", "last=4")]);
        one.tags.set("ebskeep:slot", (sunday - 6 * DAY - 12 * HOUR).to_string());
    }
    let told = told(&world, &[Job::Expire], &settings(&[("max-delete", "0")]));
    assert_eq!((told.held, told.going), (ids([]), ids(["snap-4"])), "{}", told.check.detail);
}

/// 150 volumes of which R5 kept the backup of last month until this month's came; and 500
/// snapshots that were restored from the Recycle Bin 14 days ago.
#[test]
fn a_steady_state_goes_while_what_was_restored_waits() {
    let _proof = ebskeep_proofs::proves(&["4.18", "4.31", "4.32"]);
    let now = at("2026-03-01T00:30:00Z");
    let mut world = empty("2026-03-01T00:30:00Z");
    for n in 0..150 {
        let id = format!("vol-monthly-{n:03}");
        volume(&mut world, &id, &[("Backup", "monthly")]);
        for (month, start) in [(2, "2026-02-01T00:00:10Z"), (3, "2026-03-01T00:00:10Z")] {
            let date = date(at(start), 7);
            let snapshot = backup(&mut world, &format!("snap-{month}-{n:03}"), &id, at(start), &[("DeleteOn", &date)]);
            snapshot.tags.set("ebskeep:slot", start.replace("10Z", "00Z"));
        }
    }
    let steady = told(&world, &[Job::Create, Job::Expire], &Settings::default());
    assert!(steady.held.is_empty() && steady.check.ok, "{}", steady.check.detail);
    assert_eq!(steady.going.len(), 150);
    assert!(steady.check.detail.starts_with("0 of 150"), "{}", steady.check.detail);

    for n in 0..50 {
        let id = format!("vol-daily-{n:02}");
        volume(&mut world, &id, &[("Backup", "daily")]);
        for days in (0..8).chain(30..40) {
            let started = at("2026-03-01T00:00:00Z") - days * DAY;
            let date = date(started, 7);
            let one = backup(&mut world, &format!("snap-{n:02}-{days:02}"), &id, started, &[("DeleteOn", &date)]);
            if days >= 30 {
                one.tags.set("ebskeep:deleted", (now - 14 * DAY - HOUR).to_string());
            }
        }
    }
    let both = told(&world, &[Job::Create, Job::Expire], &Settings::default());
    assert_eq!(both.held.len(), 500, "{}", both.check.detail);
    assert!(both.held.iter().all(|id| !id.starts_with("snap-2-")), "{:?}", both.held);
    // And one of each daily volume, due today.
    assert_eq!(both.going.len(), 150 + 50);
}

/// 60 volumes whose expire did not run for eight days: what was due for a week or longer waits,
/// and the number of what waits stays the same from then on.
#[test]
fn after_expire_was_blocked_for_eight_days_what_waits_does_not_grow() {
    let _proof = ebskeep_proofs::proves(&["4.18", "4.31"]);
    let first = at("2026-03-20T00:00:00Z");
    let mut world = empty("2026-03-20T00:05:00Z");
    let take = |world: &mut Inventory, n: usize, started: Timestamp| {
        let tags = [("ebskeep:retention", "14"), ("DeleteOn", &*date(started, 14))];
        let id = format!("snap-{n:02}-{}", started.strftime("%m%d"));
        backup(world, &id, &format!("vol-{n:02}"), started, &tags);
    };
    for n in 0..60 {
        volume(&mut world, &format!("vol-{n:02}"), &[("Backup", "daily"), ("Retention", "14")]);
        // The last one that went was of 15 days before the last good run.
        (0..23).for_each(|days| take(&mut world, n, first - days * DAY));
    }
    for day in 0..10 {
        world.now = first + day * DAY + SignedDuration::from_mins(5);
        world.observed_at = world.now;
        if day > 0 {
            (0..60).for_each(|n| take(&mut world, n, first + day * DAY));
        }
        let told = told(&world, &[Job::Create, Job::Expire], &Settings::default());
        // Of 14 to 22 days: those of 21 and 22 were due a week ago.
        assert_eq!(told.held.len(), 120, "day {day}: {}", told.check.detail);
        assert_eq!(told.going.len(), if day == 0 { 60 * 7 } else { 60 }, "day {day}");
        world.snapshots.items.retain(|snapshot| !told.going.contains(snapshot.id.as_str()));
    }
}

/// 300 failed snapshots and 100 good ones to delete.
#[test]
fn failed_snapshots_are_in_neither_number_of_the_limits() {
    let _proof = ebskeep_proofs::proves(&["4.35"]);
    // Good ones in all, and whether 100 of them are too many.
    for (good, pending, too_many) in [(400, 0, false), (399, 0, true), (399, 50, true)] {
        let mut world = empty("2026-03-20T12:00:00Z");
        let now = world.now;
        let record = [("ebskeep:retention", "24h")];
        for n in 0..100 {
            let id = format!("vol-{n:03}");
            volume(&mut world, &id, &[("Backup", "No"), ("Retention", "24h")]);
            // Due since yesterday, and no record says so.
            backup(&mut world, &format!("snap-due-{n:03}"), &id, now - 2 * DAY, &[("DeleteOn", "2026-03-19")])
                .tags
                .remove("ebskeep:slot");
            (0..3).for_each(|failed| {
                let failed = backup(&mut world, &format!("snap-f{failed}-{n:03}"), &id, now - 2 * HOUR, &record);
                failed.state = SnapshotState::Error;
            });
        }
        for n in 0..good - 100 {
            let id = format!("vol-{:03}", n % 100);
            backup(&mut world, &format!("snap-new-{n:03}"), &id, now - HOUR - n * SECOND, &record);
        }
        for n in 0..pending {
            let one = backup(&mut world, &format!("snap-p-{n:03}"), &format!("vol-{n:03}"), now - HOUR, &record);
            one.state = SnapshotState::Pending;
        }
        let told = told(&world, &[Job::Expire], &Settings::default());
        assert_eq!(told.held.len(), if too_many { 100 } else { 0 }, "{good}: {}", told.check.detail);
        assert!(told.held.iter().all(|id| id.starts_with("snap-due-")), "{:?}", told.held);
        assert_eq!(told.going.iter().filter(|id| id.starts_with("snap-f")).count(), 300);
        let numbers =
            if too_many { "100 unforeseen deletions of 399" } else { "100 of 100 deletions unforeseen, of 400" };
        assert!(told.check.detail.contains(numbers), "{}", told.check.detail);
    }
}

/// 101 hourly volumes, of which an encryption key was broken from 01:00 to 03:30.
#[test]
fn many_failed_snapshots_block_neither_expire_nor_the_backups() {
    let _proof = ebskeep_proofs::proves(&["2.1.30", "4.35", "4.36"]);
    let mut world = empty("2026-03-09T05:10:00Z");
    for n in 1..=101 {
        let id = format!("vol-{n:03}");
        volume(&mut world, &id, &[("Backup", "hourly")]);
        for hour in 0..4 {
            let started = at(&format!("2026-03-09T0{hour}:00:05Z"));
            let one = backup(&mut world, &format!("snap-{n:03}-{hour}"), &id, started, &[("DeleteOn", "2026-03-16")]);
            one.tags.set("ebskeep:slot", format!("2026-03-09T0{hour}:00:00Z"));
            if hour > 0 {
                one.state = SnapshotState::Error;
            }
        }
    }
    let told = told(&world, &[Job::Create, Job::Expire], &Settings::default());
    assert!(told.plan.refusals().next().is_none(), "{:?}", told.plan.checks);
    assert_eq!(told.plan.summary.create, 101);
    assert_eq!(told.going.len(), 303);
}

/// A key that is broken from 06:00 to 08:30, and a creator that runs every ten minutes, or every
/// hour: when it makes an attempt.
fn attempts(backup_tag: &str, last_good: &str, every: i64) -> Vec<String> {
    let mut world = empty("2026-03-09T05:00:00Z");
    volume(&mut world, "vol-1", &[("Backup", backup_tag)]);
    backup(&mut world, "snap-good", "vol-1", at(last_good), &[]);
    let mut attempts = Vec::new();
    for run in 0..=5 * 60 / every {
        world.now = at("2026-03-09T05:00:10Z") + SignedDuration::from_mins(every * run);
        world.observed_at = world.now;
        let plan = decide(&world, &Request::new([Job::Create]), &Settings::default());
        if plan.summary.create == 0 {
            continue;
        }
        let broken = world.now > at("2026-03-09T06:00:00Z") && world.now < at("2026-03-09T08:30:00Z");
        attempts.push(world.now.strftime("%H:%M").to_string());
        let now = world.now;
        let one = backup(&mut world, &format!("snap-{run:02}"), "vol-1", now, &[]);
        one.tags.set("ebskeep:slot", now.strftime("%Y-%m-%dT%H:00:00Z").to_string());
        if broken {
            one.state = SnapshotState::Error;
        }
    }
    attempts
}

#[test]
fn attempts_go_on_within_the_hour_after_three_have_failed() {
    let _proof = ebskeep_proofs::proves(&["2.1.23", "2.1.31"]);
    // Three at once, one 50 minutes later, then one each hour (54 minutes, in steps of ten).
    let hourly = ["05:00", "06:00", "06:10", "06:20", "07:10", "08:10", "09:10", "10:00"];
    assert_eq!(attempts("hourly", "2026-03-09T04:00:10Z", 10), hourly);
    // A daily backup is not put off to the next day.
    let daily = ["06:00", "07:00", "08:00", "09:00"];
    assert_eq!(attempts("daily @ 06:00", "2026-03-08T06:00:10Z", 60), daily);
    // Then 50 minutes, 100, …
    let daily = ["06:00", "06:10", "06:20", "07:10", "08:50"];
    assert_eq!(attempts("daily @ 06:00", "2026-03-08T06:00:10Z", 10), daily);
}
