//! Locks and storage tiers.

use std::time::Duration;

use ebskeep_core::cloud::{Cloud, ErrorKind, Filter, Query};
use ebskeep_core::id::SnapshotId;
use ebskeep_core::inventory::{LockState, StorageTier, TierMove};
use ebskeep_sim::{Act, Deed, LockMode, PutState, Rules, World};

use crate::helper::{act, at_once, cloud, code, place, put, snapshot_of, text, volume, world};

/// A good snapshot.
fn good(world: &World) -> SnapshotId {
    SnapshotId::new(act(world, put(&volume(world), "2026-01-01T00:00:00Z")))
}

fn lock(world: &World, snapshot: &SnapshotId, mode: LockMode, cool_off_hours: Option<u32>) {
    act(world, Deed::Lock { snapshot: snapshot.clone(), mode, days: 1, cool_off_hours });
}

fn states(world: &World) -> Vec<LockState> {
    let page = at_once(cloud(world).describe_locked_snapshots(&Query::All, None)).unwrap();
    page.items.into_iter().map(|lock| lock.state).collect()
}

#[test]
fn a_locked_snapshot_goes_neither_by_a_call_nor_by_an_outsider() {
    let world = world();
    let id = good(&world);
    lock(&world, &id, LockMode::Governance, None);
    let refusal = at_once(cloud(&world).delete_snapshot(&id)).unwrap_err();
    assert_eq!((refusal.kind, refusal.code.as_deref()), (ErrorKind::Other, Some("OperationNotPermitted")));
    assert!(world.act(Act::at(&place(), Deed::DeleteSnapshot { snapshot: id.clone() })).is_err());
    act(&world, Deed::Unlock { snapshot: id.clone() });
    at_once(cloud(&world).delete_snapshot(&id)).unwrap();
}

#[test]
fn a_lock_goes_through_its_states() {
    let world = world();
    let id = good(&world);
    lock(&world, &id, LockMode::Governance, None);
    assert_eq!(states(&world), [LockState::Governance]);
    lock(&world, &id, LockMode::Compliance, Some(2));
    assert_eq!(states(&world), [LockState::ComplianceCooloff]);
    world.advance(Duration::from_hours(2));
    assert_eq!(states(&world), [LockState::Compliance]);
    world.advance(Duration::from_hours(22));
    assert_eq!(states(&world), [LockState::Expired]);
    at_once(cloud(&world).delete_snapshot(&id)).unwrap();
    assert_eq!(states(&world), []);
}

#[test]
fn a_lock_of_a_pending_snapshot_runs_from_when_it_is_good() {
    let world = world();
    let begun = at_once(cloud(&world).create_snapshot(&snapshot_of(&volume(&world)))).unwrap();
    lock(&world, &begun.id, LockMode::Governance, None);
    let expires = || at_once(cloud(&world).describe_locked_snapshots(&Query::All, None)).unwrap().items[0].expires;
    assert_eq!(expires(), None);
    world.advance(Duration::from_mins(1));
    assert_eq!(expires(), Some("2026-01-03T03:05:05Z".parse().unwrap()));
}

#[test]
fn what_cannot_be_locked_or_unlocked_and_how_it_is_refused() {
    let world = world();
    let (fast, soft, free) = (good(&world), good(&world), good(&world));
    lock(&world, &fast, LockMode::Compliance, None);
    lock(&world, &soft, LockMode::Governance, None);
    let mut failed = put(&volume(&world), "2026-01-01T00:00:00Z");
    if let Deed::PutSnapshot { state, .. } = &mut failed {
        *state = PutState::Error;
    }
    let failed = SnapshotId::new(act(&world, failed));
    for (what, id, params, expected) in [
        ("no mode", &free, vec![("LockDuration", "1")], "MissingParameter"),
        ("no end", &free, vec![("LockMode", "governance")], "MissingParameter"),
        ("another mode", &free, vec![("LockMode", "soft"), ("LockDuration", "1")], "InvalidParameterValue"),
        ("no time", &free, vec![("LockMode", "governance"), ("LockDuration", "0")], "InvalidParameterValue"),
        ("a century", &free, vec![("LockMode", "governance"), ("LockDuration", "36501")], "InvalidParameterValue"),
        (
            "the past",
            &free,
            vec![("LockMode", "governance"), ("ExpirationDate", "2026-01-01T00:00:00Z")],
            "InvalidParameterValue",
        ),
        (
            "two ends",
            &free,
            vec![("LockMode", "governance"), ("LockDuration", "1"), ("ExpirationDate", "2027-01-01T00:00:00Z")],
            "InvalidParameterCombination",
        ),
        (
            "governance cools not off",
            &free,
            vec![("LockMode", "governance"), ("LockDuration", "1"), ("CoolOffPeriod", "1")],
            "InvalidParameterCombination",
        ),
        (
            "too long to cool off",
            &free,
            vec![("LockMode", "compliance"), ("LockDuration", "1"), ("CoolOffPeriod", "73")],
            "InvalidParameterValue",
        ),
        ("a failed one", &failed, vec![("LockMode", "governance"), ("LockDuration", "1")], "IncorrectState"),
        ("softer", &fast, vec![("LockMode", "governance"), ("LockDuration", "9")], "OperationNotPermitted"),
        (
            "shorter",
            &fast,
            vec![("LockMode", "compliance"), ("ExpirationDate", "2026-01-02T04:00:00Z")],
            "OperationNotPermitted",
        ),
        ("longer", &fast, vec![("LockMode", "compliance"), ("LockDuration", "2")], ""),
        ("soft ones may change", &soft, vec![("LockMode", "governance"), ("LockDuration", "1")], ""),
    ] {
        let params = [vec![("SnapshotId", id.as_str())], params].concat();
        assert_eq!(code(&world, "LockSnapshot", &params), expected, "{what}");
    }
    for (id, expected) in [(&fast, "OperationNotPermitted"), (&free, "IncorrectState"), (&soft, "")] {
        assert_eq!(code(&world, "UnlockSnapshot", &[("SnapshotId", id.as_str())]), expected);
    }
    assert_eq!(code(&world, "UnlockSnapshot", &[("SnapshotId", "snap-00000000")]), "InvalidSnapshot.NotFound");
}

fn since(world: &World, id: &SnapshotId) -> (StorageTier, Option<jiff::Timestamp>) {
    let filter = Filter { name: "snapshot-id".into(), values: vec![id.as_str().into()] };
    let query = Query::Filters(vec![filter]);
    let page = at_once(cloud(world).describe_snapshot_tier_status(&query, None)).unwrap();
    let [status] = page.items.as_slice() else { panic!("{page:?}") };
    (status.tier, status.archived_at)
}

#[test]
fn an_outsider_archives_with_a_past() {
    let world = world();
    let id = good(&world);
    assert_eq!(since(&world, &id), (StorageTier::Standard, None));
    let at = "2025-06-07T08:09:10Z".parse().unwrap();
    act(&world, Deed::Archive { snapshot: id.clone(), at: Some(at) });
    assert_eq!(since(&world, &id), (StorageTier::Archive, Some(at)));
}

#[test]
fn archiving_takes_its_time_and_one_on_its_way_is_moved_no_further() {
    let world = world();
    let mut rules = world.current_rules();
    rules.settles_after = Duration::from_hours(5);
    world.rules(rules);
    let id = good(&world);
    let params = [("SnapshotId", id.as_str())];
    let (_, body) = crate::helper::ask(&world, "ModifySnapshotTier", &params);
    assert_eq!(text(&body, "tieringStartTime").as_deref(), Some("2026-01-02T03:04:05.000Z"), "{body}");
    assert_eq!(since(&world, &id), (StorageTier::Standard, None), "on its way");
    assert_eq!(code(&world, "ModifySnapshotTier", &params), "IncorrectState");
    world.advance(Duration::from_hours(5));
    assert_eq!(since(&world, &id), (StorageTier::Archive, Some("2026-01-02T08:04:05Z".parse().unwrap())));
    assert_eq!(code(&world, "ModifySnapshotTier", &params), "IncorrectState");
    for (more, expected) in [
        (&[][..], "MissingParameter"),
        (&[("PermanentRestore", "true"), ("TemporaryRestoreDays", "1")], "InvalidParameterCombination"),
        (&[("PermanentRestore", "true")], ""),
        (&[("PermanentRestore", "true")], "IncorrectState"),
    ] {
        assert_eq!(code(&world, "RestoreSnapshotTier", &[&params, more].concat()), expected, "{more:?}");
    }
    world.advance(Duration::from_hours(5));
    assert_eq!(since(&world, &id).0, StorageTier::Standard);
}

#[test]
fn a_temporary_restore_ends_by_itself() {
    let world = world();
    let id = good(&world);
    world.rules(Rules { settles_after: Duration::from_hours(5), ..Rules::default() });
    act(&world, Deed::Archive { snapshot: id.clone(), at: None });
    let params = [("SnapshotId", id.as_str()), ("TemporaryRestoreDays", "2")];
    assert_eq!(code(&world, "RestoreSnapshotTier", &params), "");
    let until = || at_once(cloud(&world).describe_snapshot_tier_status(&Query::All, None)).unwrap().items[0].clone();
    let end = Some("2026-01-04T03:04:05Z".parse().unwrap());
    assert_eq!((until().restore_expires, until().moving), (end, Some(TierMove::TemporaryRestore)));
    let listed = || at_once(cloud(&world).describe_snapshots(&Query::All, None)).unwrap().items[0].clone();
    assert_eq!(listed().restore_expires, end);
    assert_eq!(code(&world, "RestoreSnapshotTier", &params), "IncorrectState", "it is on its way");
    world.advance(Duration::from_hours(5));
    assert_eq!((until().restore_expires, until().moving), (end, None));
    world.advance(Duration::from_hours(43));
    assert_eq!((until().tier, until().restore_expires), (StorageTier::Archive, None));
    assert_eq!((listed().tier, listed().restore_expires), (StorageTier::Archive, None));
}
