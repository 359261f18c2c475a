//! Plans that no decider makes, and the check that refuses each: the deciders are
//! replaced by a forger who changes one thing.

use std::collections::BTreeSet;

use ebskeep_core::check::check;
use ebskeep_core::id::{AccountId, Place, Region, SnapshotId, VolumeId};
use ebskeep_core::inventory::{
    Attachment, Device, Image, Instance, InstanceState, Inventory, Listing, Lock, LockState, Snapshot, SnapshotState,
    StorageTier, TierMove, TierStatus, Volume, VolumeState,
};
use ebskeep_core::job::Request;
use ebskeep_core::plan::{Action, Deletion, ExpireVerdict, FinishTags, Job, NewSet, Plan, decide};
use ebskeep_core::setting::Settings;
use ebskeep_core::tags::Tags;
use jiff::{SignedDuration, Timestamp};
use smol_str::SmolStr;

use crate::fake::{START, snapshot};
use crate::plans::tags;
use crate::source_gone::marks;

/// One change of the world.
type Change = fn(&mut Inventory);

fn days_ago(days: i64) -> Timestamp {
    START - SignedDuration::from_hours(24 * days)
}

/// Ours, of a volume, begun so many days ago, with nothing that keeps it.
fn ours(id: &str, volume: &str, days: i64) -> Snapshot {
    let slot = days_ago(days).to_string();
    snapshot(id, volume, days_ago(days), tags([("Type", "Automated"), ("ebskeep:slot", &slot)]))
}

/// Two volumes, on an instance and alone: the first is due and has an old and a
/// new snapshot, of which the old one is to go; the other has one.
fn world() -> Inventory {
    let volume = |id: &str, retention: &str| Volume {
        id: VolumeId::new(id),
        state: VolumeState::InUse,
        size_gib: 8,
        attachments: Vec::new(),
        site: None,
        tags: if retention.is_empty() { tags([("Backup", "daily")]) } else { tags([("Retention", retention)]) },
    };
    Inventory {
        place: Place { account: AccountId::new("111122223333"), region: Region::new("eu-west-1") },
        now: START,
        observed_at: START,
        machine_clock: Some(START),
        instances: Listing::complete(vec![Instance {
            id: "i-1".into(),
            state: InstanceState::Running,
            root_device: None,
            devices: vec![Device { name: "/dev/sdf".into(), volume: "vol-1".into() }],
            tags: Tags::new(),
        }]),
        volumes: Listing::complete(vec![volume("vol-1", ""), volume("vol-2", "30")]),
        snapshots: Listing::complete(vec![
            ours("snap-1", "vol-1", 20),
            ours("snap-2", "vol-1", 1),
            ours("snap-3", "vol-2", 1),
        ]),
        images: Listing::default(),
        locks: Listing::default(),
        tiers: Listing::default(),
        confirmed_gone: [].into(),
        destinations: Vec::new(),
        listing_mismatch: None,
    }
}

fn snap<'a>(world: &'a mut Inventory, id: &str) -> &'a mut Snapshot {
    world.snapshots.items.iter_mut().find(|s| s.id.as_str() == id).unwrap()
}

/// Forges a deletion, verdict and all.
fn deleting(plan: &mut Plan, world: &Inventory, id: &str) {
    let id = SnapshotId::new(id);
    let snapshot = world.snapshots.items.iter().find(|s| s.id == id);
    if let Some(verdict) = plan.snapshots.iter_mut().find(|v| v.snapshot_id == id) {
        verdict.verdict = ExpireVerdict::Delete;
    }
    plan.actions.retain(|action| !matches!(action, Action::DeleteSnapshot(d) if d.snapshot_id == id));
    plan.actions.push(Action::DeleteSnapshot(Deletion {
        volume_id: snapshot.map_or_else(|| "vol-1".into(), |s| s.volume.clone()),
        tags: snapshot.map(|s| s.tags.clone()).unwrap_or_default(),
        size_gib: 8,
        failed: false,
        archived: false,
        restore_expires: None,
        snapshot_id: id,
    }));
}

/// The names of the checks that refuse a forged plan.
fn refusals(world: &Inventory, forge: impl FnOnce(&mut Plan)) -> Vec<(&'static str, String)> {
    let mut settings = Settings::default();
    settings.set("max-delete", "1000").unwrap();
    let request = Request::new(Job::ALL);
    let mut plan = decide(world, &request, &settings);
    forge(&mut plan);
    let checks = check(&plan, world, &request, &settings);
    checks.into_iter().filter(|check| !check.ok).map(|check| (check.check, check.detail)).collect()
}

#[track_caller]
fn refused(world: &Inventory, forge: impl FnOnce(&mut Plan), expected: &[(&str, &str)]) {
    let refusals = refusals(world, forge);
    let fits = refusals.len() == expected.len()
        && refusals.iter().zip(expected).all(|((name, detail), (check, part))| name == check && detail.contains(part));
    assert!(fits, "{refusals:?} instead of {expected:?}");
}

#[test]
fn what_the_deciders_decide_passes() {
    refused(&world(), |_| {}, &[]);
    refused(&world(), |plan| deleting(plan, &world(), "snap-1"), &[]);
}

#[test]
fn a_second_snapshot_for_one_slot_is_refused() {
    let _proof = ebskeep_proofs::proves(&["4.7"]);
    let created = |plan: &Plan| plan.actions.iter().find(|a| matches!(a, Action::CreateSnapshot(_))).cloned().unwrap();
    refused(&world(), |plan| plan.actions.push(created(plan)), &[("one-per-slot", "vol-1 would be snapshotted twice")]);
    // One that is there already: good, or begun less than a day ago.
    let mut later = world();
    snap(&mut later, "snap-2").tags.set("ebskeep:slot", START.to_string());
    snap(&mut later, "snap-2").started = START + SignedDuration::from_secs(1);
    let plan_before = decide(&world(), &Request::new(Job::ALL), &Settings::default());
    let again = created(&plan_before);
    refused(&later, |plan| plan.actions.push(again.clone()), &[("one-per-slot", "has snap-2 for the slot")]);
    for (state, started, refuses) in [
        (SnapshotState::Pending, START, true),
        (SnapshotState::Error, START, false),
        (SnapshotState::Recoverable, START, false),
        // What was taken before its slot was not taken for it.
        (SnapshotState::Completed, days_ago(1), false),
    ] {
        let mut world = later.clone();
        (snap(&mut world, "snap-2").state, snap(&mut world, "snap-2").started) = (state, started);
        let got = refusals(&world, |plan| plan.actions = vec![again.clone()]);
        let got: Vec<_> = got.iter().map(|(check, _)| *check).filter(|check| *check == "one-per-slot").collect();
        assert_eq!(!got.is_empty(), refuses, "{state:?} begun {started}");
    }
}

/// The set of an instance whose two volumes are due.
fn with_a_set() -> Inventory {
    let mut world = world();
    world.snapshots.items.clear();
    world.instances.items[0].tags.set("Backup", "daily");
    world.instances.items[0].devices.push(Device { name: "/dev/sdg".into(), volume: "vol-2".into() });
    world
}

#[test]
fn members_of_a_set_are_counted_and_looked_up_as_what_is_taken_alone() {
    let _proof = ebskeep_proofs::proves(&["4.7", "4.8"]);
    let world = with_a_set();
    refused(&world, |_| {}, &[]);
    let sets = |plan: &mut Plan| -> Vec<NewSet> {
        let sets = plan.actions.iter().filter_map(|action| match action {
            Action::CreateSet(set) => Some((**set).clone()),
            _ => None,
        });
        sets.collect()
    };
    let again = |plan: &mut Plan| {
        let set = sets(plan).pop().unwrap();
        assert_eq!(set.members.len(), 2);
        plan.actions.push(Action::CreateSet(Box::new(set)));
    };
    refused(&world, again, &[("one-per-slot", "vol-1 would be snapshotted twice; vol-2 would be snapshotted twice")]);
    // Keys that the set and a member both write count once.
    let with = |all: usize| {
        move |plan: &mut Plan| {
            let mut set = sets(plan).pop().unwrap();
            let own = &mut set.members[1].own_tags;
            own.set("Type", "Automated");
            let mut keys: BTreeSet<SmolStr> = BTreeSet::new();
            for tags in [&set.tags, &set.carried, &*own] {
                keys.extend(tags.iter().map(|(key, _)| key.clone()));
            }
            (keys.len()..all).for_each(|n| own.set(format!("extra-{n}"), ""));
            plan.actions = vec![Action::CreateSet(Box::new(set))];
        }
    };
    refused(&world, with(50), &[]);
    refused(&world, with(51), &[("tag-limit", "a snapshot of vol-2 would have 51 tags")]);
}

#[test]
fn what_began_just_five_minutes_after_now_passes() {
    for (seconds, refuses) in [(300, false), (301, true)] {
        let mut world = world();
        snap(&mut world, "snap-3").started = START + SignedDuration::from_secs(seconds);
        let clock = refusals(&world, |_| {}).into_iter().any(|(check, _)| check == "clock");
        assert_eq!(clock, refuses, "{seconds} s");
    }
}

#[test]
fn a_pending_snapshot_has_its_slot_for_less_than_a_day() {
    let plan = decide(&world(), &Request::new(Job::ALL), &Settings::default());
    let mut created = plan.actions.iter().find(|a| matches!(a, Action::CreateSnapshot(_))).cloned().unwrap();
    if let Action::CreateSnapshot(new) = &mut created {
        new.slot = days_ago(2);
    }
    for (begun, state, refuses) in [
        (START - SignedDuration::from_hours(24) + SignedDuration::from_secs(1), SnapshotState::Pending, true),
        (START - SignedDuration::from_hours(24), SnapshotState::Pending, false),
        (START - SignedDuration::from_hours(24), SnapshotState::Completed, true),
        (days_ago(2), SnapshotState::Completed, true),
        (days_ago(2), SnapshotState::Pending, false),
    ] {
        let mut world = world();
        let taken = snap(&mut world, "snap-2");
        taken.tags.set("ebskeep:slot", days_ago(2).to_string());
        (taken.state, taken.started) = (state, begun);
        let again = refusals(&world, |plan| plan.actions = vec![created.clone()]);
        let again = again.iter().any(|(check, _)| *check == "one-per-slot");
        assert_eq!(again, refuses, "{state:?} begun {begun}");
    }
}

#[test]
fn tags_that_are_finished_count_with_those_that_are_there_but_aws_s() {
    let mut world = world();
    let there = snap(&mut world, "snap-2");
    for n in 0..46 {
        there.tags.set(format!("extra-{n}"), "");
    }
    for n in 0..3 {
        there.tags.set(format!("aws:some-{n}"), "");
    }
    // Two of its own and the 46: the new ones come on top.
    let finish = |keys: &'static [&'static str]| {
        move |plan: &mut Plan| {
            plan.actions = vec![Action::FinishTags(Box::new(FinishTags {
                snapshot_id: "snap-2".into(),
                volume_id: "vol-1".into(),
                tags: keys.iter().map(|key| (*key, "")).collect(),
                remove: Vec::new(),
            }))];
        }
    };
    let refuses = |keys| refusals(&world, finish(keys)).iter().any(|(check, _)| *check == "tag-limit");
    assert!(!refuses(&["new-1", "new-2"]));
    assert!(!refuses(&["new-1", "new-2", "Type"]));
    assert!(refuses(&["new-1", "new-2", "new-3"]));
}

#[test]
fn as_many_unforeseen_deletions_as_are_allowed_pass() {
    for (most, refuses) in [("1", false), ("0", true)] {
        let mut settings = Settings::default();
        settings.set("max-delete", most).unwrap();
        let request = Request::new(Job::ALL);
        let mut plan = decide(&world(), &request, &settings);
        deleting(&mut plan, &world(), "snap-1");
        let checks = check(&plan, &world(), &request, &settings);
        let unforeseen = checks.iter().find(|check| check.check == "unforeseen-deletions").unwrap();
        assert_eq!(!unforeseen.ok, refuses, "{most}: {}", unforeseen.detail);
    }
}

#[test]
fn a_quarter_of_all_ours_may_go_unforeseen_and_not_one_more() {
    let _proof = ebskeep_proofs::proves(&["4.10"]);
    let mut world = world();
    world.snapshots.items.extend((3..24).map(|days| ours(&format!("snap-old-{days}"), "vol-1", days)));
    for (going, refuses) in [(6, false), (7, true)] {
        let refusals = refusals(&world, |plan| {
            plan.actions.clear();
            (3..3 + going).for_each(|days| deleting(plan, &world, &format!("snap-old-{days}")));
        });
        let unforeseen = refusals.iter().any(|(check, _)| *check == "unforeseen-deletions");
        assert_eq!(unforeseen, refuses, "{going} of 24: {refusals:?}");
    }
}

/// Of a volume that is gone nothing newer comes: its rules foresee the end of the
/// whole history once the longest of them, and the grace, is over for its newest.
#[test]
fn the_history_of_a_gone_volume_is_foreseen_to_go_once_its_longest_rule_and_the_grace_are_over() {
    let grace = Settings::default().orphan_grace;
    let grace = jiff::Span::new().days(grace.to_string().trim_end_matches(" days").parse::<i64>().unwrap());
    for (rules, longest) in [
        ("hourly=48", Some(jiff::Span::new().hours(48))),
        ("daily=7", Some(jiff::Span::new().days(7))),
        ("weekly=4", Some(jiff::Span::new().weeks(4))),
        ("monthly=2", Some(jiff::Span::new().months(2))),
        ("yearly=1", Some(jiff::Span::new().years(1))),
        ("daily=7 monthly=2", Some(jiff::Span::new().months(2))),
        ("within=10d", Some(jiff::Span::new().days(10))),
        ("within-daily=1m", Some(jiff::Span::new().months(1))),
        ("last=3", None),
        ("daily=all", None),
        ("last=3 daily=7", None),
    ] {
        let newest = |hours: i64| {
            let utc = START.to_zoned(jiff::tz::TimeZone::UTC);
            let longest = longest.unwrap_or(jiff::Span::new().years(5));
            let begun = utc.checked_sub(grace).and_then(|at| at.checked_sub(longest)).unwrap().timestamp();
            begun + SignedDuration::from_hours(hours)
        };
        // An end that is up to 26 hours off, by zones and daylight saving, counts.
        for (hours, over) in [(26, longest.is_some()), (27, false)] {
            let mut world = world();
            world.confirmed_gone = [VolumeId::new("vol-9")].into();
            let begun = newest(hours);
            let slot = begun.to_string();
            let tags = tags([("Type", "Automated"), ("ebskeep:slot", &slot), ("ebskeep:retention", rules)]);
            world.snapshots.items.push(snapshot("snap-9", "vol-9", begun, tags));
            let mut settings = Settings::default();
            settings.set("max-delete", "0").unwrap();
            let request = Request::new(Job::ALL);
            let mut plan = decide(&world, &request, &settings);
            plan.actions.clear();
            deleting(&mut plan, &world, "snap-9");
            let checks = check(&plan, &world, &request, &settings);
            let unforeseen = checks.iter().find(|check| check.check == "unforeseen-deletions").unwrap();
            assert_eq!(unforeseen.ok, over, "{rules} begun {begun}: {}", unforeseen.detail);
        }
    }
}

#[test]
fn more_than_fifty_tags_are_refused() {
    let _proof = ebskeep_proofs::proves(&["4.8"]);
    let with = |all: usize| {
        move |plan: &mut Plan| {
            for action in &mut plan.actions {
                if let Action::CreateSnapshot(new) = action {
                    let more = all - new.tags.iter().count();
                    new.carried = (0..more).map(|n| (format!("extra-{n}"), "x")).collect();
                }
            }
        }
    };
    refused(&world(), with(50), &[]);
    refused(&world(), with(51), &[("tag-limit", "a snapshot of vol-1 would have 51 tags")]);
}

#[test]
fn the_last_good_one_of_a_volume_that_is_not_gone_is_refused() {
    let _proof = ebskeep_proofs::proves(&["4.11"]);
    let mut young = world();
    snap(&mut young, "snap-3").started = days_ago(60);
    let last = ("last-good", "all 1 good snapshots of vol-2 would go");
    refused(&young, |plan| deleting(plan, &young, "snap-3"), &[last]);
    // Not listed is not gone.
    let mut unlisted = young.clone();
    unlisted.volumes.items.pop();
    let lately = ("reason-to-stay", "snap-3: its volume is not listed, and was not found deleted long enough ago");
    refused(&unlisted, |plan| deleting(plan, &unlisted, "snap-3"), &[last, lately]);
    unlisted.confirmed_gone.insert("vol-2".into());
    refused(&unlisted, |plan| deleting(plan, &unlisted, "snap-3"), &[lately]);
    // A week after the mark, and not a second before; by the mark of this volume alone.
    let mark = |at: Timestamp, volume: &str| {
        let mut marked = unlisted.clone();
        snap(&mut marked, "snap-3").tags.set("ebskeep:gone", format!("{at} {volume}"));
        marked
    };
    let (week, less) = (days_ago(7), days_ago(7).checked_add(jiff::SignedDuration::from_secs(1)).unwrap());
    for (marked, expected) in [
        (mark(week, "vol-2"), &[][..]),
        (mark(less, "vol-2"), &[lately][..]),
        (mark(week, "vol-1"), &[lately][..]),
        (mark(days_ago(61), "vol-2"), &[lately][..]),
    ] {
        refused(&marked, |plan| deleting(plan, &marked, "snap-3"), expected);
    }
    // A failed or pending one is no backup.
    for state in [SnapshotState::Error, SnapshotState::Pending] {
        let mut world = young.clone();
        world.snapshots.items.push(Snapshot { state, ..ours("snap-4", "vol-2", 2) });
        refused(&world, |plan| deleting(plan, &world, "snap-3"), &[last]);
    }
    // A copy is none of the volume's own, also where nobody can tell whence it came.
    let mut copied = young.clone();
    copied.snapshots.items.push(ours("snap-4", "vol-2", 2));
    let copy = &mut copied.snapshots.items[3].tags;
    copy.set("Source_SnapshotId", "snap-9");
    copy.set("ebskeep:volume", "vol-2");
    refused(&copied, |plan| deleting(plan, &copied, "snap-3"), &[last]);
    // And it may be the last.
    copied.snapshots.items[3].started = days_ago(90);
    let expected = "all 1 good snapshots of vol-2 would go";
    let said = refusals(&copied, |plan| deleting(plan, &copied, "snap-4"));
    assert!(said.iter().all(|(_, detail)| !detail.contains(expected)), "{said:?}");
    // Nor is it ours while its tags do not say of what it is one.
    assert!(said.iter().any(|(_, detail)| detail.contains("snap-4: it is not ours")), "{said:?}");
    let mut world = young.clone();
    world.snapshots.items.push(ours("snap-4", "vol-2", 2));
    refused(&world, |plan| deleting(plan, &world, "snap-3"), &[]);
}

#[test]
fn nothing_of_a_volume_on_an_instance_that_is_not_listed_goes() {
    let _proof = ebskeep_proofs::proves(&["2.0.34", "4.12"]);
    let attached = |instance: &str| {
        let mut world = world();
        let there = Attachment { instance: instance.into(), device: "/dev/sdf".into(), attached_at: None };
        world.volumes.items[0].attachments = vec![there];
        world
    };
    let says = [("reason-to-stay", "snap-1: its volume is attached to an instance that is not listed")];
    let on_another = attached("i-9");
    refused(&on_another, |plan| deleting(plan, &on_another, "snap-1"), &says);
    // One that is listed, in whatever state, is known.
    let mut terminated = attached("i-1");
    refused(&terminated, |plan| deleting(plan, &terminated, "snap-1"), &[]);
    terminated.instances.items[0].state = InstanceState::Terminated;
    refused(&terminated, |plan| deleting(plan, &terminated, "snap-1"), &[]);
    // On both: one is enough.
    let mut on_two = attached("i-1");
    let other = Attachment { instance: "i-9".into(), device: "/dev/sdg".into(), attached_at: None };
    on_two.volumes.items[0].attachments.push(other);
    refused(&on_two, |plan| deleting(plan, &on_two, "snap-1"), &says);
    // A failed one holds nothing, and is in the way.
    let mut failed = attached("i-9");
    snap(&mut failed, "snap-1").state = SnapshotState::Error;
    refused(&failed, |plan| deleting(plan, &failed, "snap-1"), &[]);
}

#[test]
fn no_key_is_asked_for_where_untagged_volumes_are_backed_up() {
    let _proof = ebskeep_proofs::proves(&["2.0.32"]);
    let mut world = world();
    world.volumes.items[0].tags = Tags::new();
    let refuses = |value: &str| {
        let mut settings = Settings::default();
        settings.set("default-backup", value).unwrap();
        let request = Request::new(Job::ALL);
        let plan = decide(&world, &request, &settings);
        let checks = check(&plan, &world, &request, &settings);
        checks.iter().any(|check| check.check == "backup-key" && !check.ok)
    };
    assert_eq!((refuses(""), refuses("daily")), (true, false));
}

#[test]
fn what_has_a_reason_to_stay_is_refused() {
    let _proof = ebskeep_proofs::proves(&["4.12"]);
    let tagged = |key: &'static str, value: &'static str| (key, value);
    // Of tags on the snapshot: which, and what is said if it stays.
    for ((key, value), says) in [
        (tagged("KeepForever", ""), Some("KeepForever")),
        (tagged("keep-forever", "no"), Some("KeepForever")),
        (tagged("KeepUntil", "2026-03-01"), Some("KeepUntil")),
        (tagged("KeepUntil", "2026-02-28"), Some("KeepUntil")),
        (tagged("KeepUntil", "2026-02-27"), None),
        (tagged("KeepUntil", "soon"), Some("KeepUntil")),
        (tagged("DeleteOn", "2026-03-02"), Some("DeleteOn")),
        (tagged("delete_on", "2026-03-02"), Some("DeleteOn")),
        (tagged("DeleteOn", "2026-03-01"), None),
        (tagged("DeleteOn", "soon"), Some("DeleteOn")),
        (tagged("aws:backup:source-resource", "x"), Some("another service manages it")),
        (tagged("aws:dlm:lifecycle-policy-id", "x"), Some("another service manages it")),
        (tagged("dlm:managed", "true"), Some("another service manages it")),
        (tagged("ebskeep:retention", "unset"), Some("its own tags were never written")),
        (tagged("ebskeep:deployment", "test"), Some("it is not ours")),
        (tagged("ebskeep:volume", "vol-9"), Some("it is not ours")),
        (tagged("Type", "Manual"), Some("it is not ours")),
    ] {
        let mut world = world();
        snap(&mut world, "snap-1").tags.set(key, value);
        let got = refusals(&world, |plan| deleting(plan, &world, "snap-1"));
        let said = got.iter().find(|(check, _)| *check == "reason-to-stay").map(|(_, detail)| detail.as_str());
        assert_eq!(said.is_some(), says.is_some(), "{key}={value}: {got:?}");
        assert!(said.unwrap_or_default().contains(says.unwrap_or_default()), "{key}={value}: {got:?}");
    }
    // Failed or not, its own hold keeps it; of a failed copy it is that of its source.
    for (copied, keeps) in [(false, true), (true, false)] {
        let mut world = world();
        let failed = snap(&mut world, "snap-1");
        failed.state = SnapshotState::Error;
        failed.tags.set("KeepForever", "");
        failed.tags.set("KeepUntil", "2099-01-01");
        if copied {
            failed.tags.set("Source_SnapshotId", "snap-9");
        }
        let got = refusals(&world, |plan| deleting(plan, &world, "snap-1"));
        let held = got.iter().any(|(_, why)| why.contains("KeepForever") && why.contains("KeepUntil"));
        assert_eq!(held, keeps, "{got:?}");
    }
    // What another service marks, in any case of letters, is not ours either.
    for key in ["aws:backup:source-resource", "aws:dlm:lifecycle-policy-id", "dlm:managed", "AWS:DLM:x", "DLM:Managed"]
    {
        let mut world = world();
        snap(&mut world, "snap-1").tags.set(key, "x");
        let got = refusals(&world, |plan| deleting(plan, &world, "snap-1"));
        let got: Vec<_> = got.into_iter().filter(|(check, _)| *check == "reason-to-stay").collect();
        assert_eq!(got.len(), 1, "{key}");
        assert!(
            got[0].1.contains("another service manages it") && got[0].1.contains("it is not ours"),
            "{key}: {got:?}"
        );
    }
    let facts: [(Change, &str); 19] = [
        (|w| snap(w, "snap-1").tags = dated(0), "it is not ours"),
        (|w| snap(w, "snap-1").started = START - SignedDuration::from_secs(3599), "it is less than an hour old"),
        (|w| snap(w, "snap-1").owner = AccountId::new("999988887777"), "it is not ours"),
        (|w| snap(w, "snap-1").state = SnapshotState::Pending, "it is neither completed nor failed"),
        (|w| snap(w, "snap-1").state = SnapshotState::Recoverable, "it is neither completed nor failed"),
        (|w| snap(w, "snap-1").tier = StorageTier::Archive, "it is not known to be archived for 90 days"),
        (|w| archived(w, 89), "it is not known to be archived for 90 days"),
        (|w| restored(w, 89, 0), "it is not known to be archived for 90 days"),
        (|w| restored(w, 90, 1), "its temporary restore from the archive is not over"),
        (
            |w| {
                restored(w, 90, 1);
                w.tiers.items[0].restore_expires = None;
            },
            "its temporary restore from the archive is not over",
        ),
        (
            |w| {
                restored(w, 90, 0);
                w.tiers.items.clear();
            },
            "it is not known to be archived for 90 days",
        ),
        (
            |w| {
                restored(w, 90, 0);
                w.tiers.items[0].restore_expires = Some(START + SignedDuration::from_secs(1));
            },
            "its temporary restore from the archive is not over",
        ),
        (
            |w| {
                archived(w, 90);
                w.tiers.items[0].moving = Some(TierMove::TemporaryRestore);
            },
            "it is on its way between the storage tiers",
        ),
        (
            |w| {
                let (id, state) = ("ami-1".into(), "available".into());
                w.images.items.push(Image { id, state, snapshots: vec!["snap-1".into()] });
            },
            "an image uses it",
        ),
        (|w| locked(w, LockState::Governance), "it is locked"),
        (|w| w.volumes.items[0].tags.set("Retention", "30"), "the retention that is tagged on its volume or instance"),
        (|w| w.volumes.items[0].tags.set("retention", "last=5"), "the retention that is tagged on its volume"),
        (|w| w.instances.items[0].tags.set("Retention", "a while"), "the retention that is tagged on its volume"),
        (|w| w.instances.items[0].tags.set("Retention", "forever"), "the retention that is tagged on its volume"),
    ];
    for (change, says) in facts {
        let mut world = world();
        change(&mut world);
        let got = refusals(&world, |plan| deleting(plan, &world, "snap-1"));
        assert!(
            got.iter().any(|(check, detail)| *check == "reason-to-stay" && detail.contains(says)),
            "{says}: {got:?}"
        );
    }
    let passing: [Change; 8] = [
        |w| snap(w, "snap-1").tags = dated(1),
        |w| snap(w, "snap-1").started = START - SignedDuration::from_secs(3600),
        |w| archived(w, 90),
        |w| restored(w, 90, 0),
        |w| {
            restored(w, 90, 1);
            w.tiers.items[0].restore_expires = Some(START);
        },
        |w| locked(w, LockState::Expired),
        |w| w.volumes.items[0].tags.set("Retention", "7"),
        |w| {
            w.volumes.items[0].tags.set("Retention", "7");
            w.instances.items[0].tags.set("Retention", "30");
        },
    ];
    for (n, change) in passing.into_iter().enumerate() {
        let mut world = world();
        change(&mut world);
        let got = refusals(&world, |plan| deleting(plan, &world, "snap-1"));
        assert!(got.iter().all(|(check, _)| *check != "reason-to-stay"), "{n}: {got:?}");
    }
}

/// The tags of the original's: no slot, but a date after the day on which it began. This
/// one is so many days after that.
fn dated(days: i64) -> Tags {
    let date = days_ago(20 - days).to_string();
    tags([("Type", "Automated"), ("DeleteOn", date.split('T').next().unwrap())])
}

fn archived(world: &mut Inventory, days: i64) {
    snap(world, "snap-1").tier = StorageTier::Archive;
    world.tiers.items.push(TierStatus {
        snapshot: "snap-1".into(),
        tier: StorageTier::Archive,
        archived_at: Some(days_ago(days)),
        restore_expires: None,
        moving: None,
    });
}

/// Restored for a time, which is over in so many seconds.
fn restored(world: &mut Inventory, archived_days: i64, seconds: i64) {
    archived(world, archived_days);
    let until = Some(START + SignedDuration::from_secs(seconds));
    let snapshot = snap(world, "snap-1");
    (snapshot.tier, snapshot.restore_expires) = (StorageTier::Standard, until);
    (world.tiers.items[0].tier, world.tiers.items[0].restore_expires) = (StorageTier::Standard, until);
}

fn locked(world: &mut Inventory, state: LockState) {
    world.locks.items.push(Lock { snapshot: "snap-1".into(), state, expires: None });
}

#[test]
fn a_plan_that_contradicts_itself_is_refused() {
    let _proof = ebskeep_proofs::proves(&["4.12"]);
    let world = world();
    let kept = |plan: &mut Plan| {
        deleting(plan, &world, "snap-1");
        plan.snapshots[0].verdict = ExpireVerdict::Keep;
    };
    refused(&world, kept, &[("reason-to-stay", "snap-1: its verdict is not delete")]);
    let silent = |plan: &mut Plan| {
        deleting(plan, &world, "snap-1");
        plan.actions.retain(|action| !matches!(action, Action::DeleteSnapshot(_)));
    };
    refused(&world, silent, &[("reason-to-stay", "snap-1: its verdict is delete, but no action does it")]);
    let twice = |plan: &mut Plan| {
        deleting(plan, &world, "snap-1");
        plan.actions.push(plan.actions.last().cloned().unwrap());
    };
    refused(&world, twice, &[("reason-to-stay", "a snapshot would be deleted twice")]);
    // And of nothing more than what is wrong with it.
    let unlisted = refusals(&world, |plan| deleting(plan, &world, "snap-9"));
    assert_eq!(unlisted, [("reason-to-stay", "snap-9 is not in the listing".to_owned())]);
}

/// One change of the plan.
type Forge = fn(&mut Plan, &Inventory);

/// One failed snapshot and one good one go, and a backup is due. For each change of the world or
/// of the plan: which checks object, and which of the three are carried out all the same.
#[test]
fn a_failed_snapshot_is_held_back_by_few_checks() {
    let _proof = ebskeep_proofs::proves(&["4.36"]);
    let nothing: Forge = |_, _| {};
    // Whether the backup, the good one's deletion and the failed one's go ahead.
    let cases: [(&str, Change, Forge, [bool; 3]); 13] = [
        ("", |_| {}, nothing, [true, true, true]),
        ("all-listed", |w| w.images.gap = Some("cut".into()), nothing, [true, false, true]),
        ("all-listed", |w| w.instances.gap = Some("cut".into()), nothing, [true, false, true]),
        ("all-listed", |w| w.volumes.gap = Some("cut".into()), nothing, [true, false, true]),
        ("snapshots-listed", |w| w.snapshots.gap = Some("cut".into()), nothing, [false, false, false]),
        ("backup-key", |w| w.volumes.items[0].tags = Tags::new(), nothing, [false, false, true]),
        ("clock", |w| w.machine_clock = Some(days_ago(1)), nothing, [false, false, false]),
        (
            "last-good",
            |w| snap(w, "snap-3").started = days_ago(60),
            |p, w| deleting(p, w, "snap-3"),
            [true, false, true],
        ),
        (
            "marks",
            |_| {},
            |p, _| p.actions.push(marks("snap-1", None, tags([("ebskeep:gone", "no")]))),
            [true, false, true],
        ),
        ("reason-to-stay", |w| snap(w, "snap-1").tags.set("KeepForever", ""), nothing, [true, false, true]),
        ("reason-to-stay", |w| snap(w, "snap-f").tags.set("KeepUntil", "soon"), nothing, [true, false, false]),
        ("reason-to-stay", |w| snap(w, "snap-f").state = SnapshotState::Completed, nothing, [true, false, false]),
        ("reason-to-stay", |w| w.snapshots.items.retain(|s| s.id.as_str() != "snap-f"), nothing, [true, false, false]),
    ];
    for (check_name, change, forge, expected) in cases {
        let mut before = world();
        before.snapshots.items.push(Snapshot { state: SnapshotState::Error, ..ours("snap-f", "vol-2", 2) });
        let (request, settings) = (Request::new(Job::ALL), Settings::default());
        let mut plan = decide(&before, &request, &settings);
        deleting(&mut plan, &before, "snap-1");
        let [mut created, mut good, mut failed] = [None, None, None];
        for action in &plan.actions {
            match action {
                Action::CreateSnapshot(_) => created = Some(action.clone()),
                Action::DeleteSnapshot(d) if d.snapshot_id.as_str() == "snap-1" => good = Some(action.clone()),
                Action::DeleteSnapshot(_) => failed = Some(action.clone()),
                _ => {}
            }
        }
        let mut world = before.clone();
        change(&mut world);
        forge(&mut plan, &world);
        plan.checks = check(&plan, &world, &request, &settings);
        let refused: Vec<_> = plan.refusals().map(|check| check.check).collect();
        assert!(
            refused.contains(&check_name) || check_name.is_empty() && refused.is_empty(),
            "{check_name}: {refused:?}"
        );
        let carried = [created, good, failed].map(|action| plan.refusal_of_action(&action.unwrap()).is_none());
        assert_eq!(carried, expected, "{check_name}: {:?}", plan.refusals().collect::<Vec<_>>());
    }
}

/// It is planned as a failed one only where it is one.
#[test]
fn a_deletion_that_only_says_that_its_snapshot_failed_is_refused() {
    let _proof = ebskeep_proofs::proves(&["4.36"]);
    let world = world();
    let lying = |plan: &mut Plan| {
        deleting(plan, &world, "snap-1");
        for action in &mut plan.actions {
            if let Action::DeleteSnapshot(deletion) = action {
                deletion.failed = true;
            }
        }
    };
    refused(&world, lying, &[("reason-to-stay", "snap-1: it did not fail")]);
}
