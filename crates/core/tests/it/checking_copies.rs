//! Plans of copies that no decider makes, and the check that refuses each.

use ebskeep_core::check::check;
use ebskeep_core::destination::Destination;
use ebskeep_core::id::{AccountId, Place, Region};
use ebskeep_core::inventory::{DestinationSnapshots, Inventory, Listing, Snapshot, SnapshotState, StorageTier};
use ebskeep_core::job::Request;
use ebskeep_core::plan::{Action, FollowSource, Job, MarkCopied, NewCopy, Plan, Unshare, decide};
use ebskeep_core::setting::Settings;
use ebskeep_core::tags::Tags;
use jiff::SignedDuration;

use crate::fake::{START, snapshot};
use crate::plans::tags;

/// One change of a snapshot.
type Change = fn(&mut Snapshot);

const ACCOUNT: &str = "111122223333";
const THEIRS: &str = "222233334444";

fn home() -> Place {
    Place { account: AccountId::new(ACCOUNT), region: Region::new("eu-west-1") }
}

fn primary(id: &str, more: &[(&str, &str)]) -> Snapshot {
    let began = START - SignedDuration::from_hours(6);
    let slot = began.to_string();
    let mut of = tags([("Type", "Automated"), ("ebskeep:slot", &slot), ("ebskeep:retention", "14")]);
    for (key, value) in more {
        of.set(*key, *value);
    }
    snapshot(id, "vol-1", began, of)
}

fn copy_of(id: &str, source: &str, state: SnapshotState) -> Snapshot {
    let of = tags([
        ("Type", "Automated"),
        ("Source_SnapshotId", source),
        ("ebskeep:source-region", "eu-west-1"),
        ("ebskeep:source-account", ACCOUNT),
        ("ebskeep:volume", "vol-1"),
        ("KeepUntil", "2026-12-31"),
        ("DeleteOn", "2026-06-30"),
    ]);
    let mut copy = snapshot(id, "vol-ffffffff", START - SignedDuration::from_hours(1), of);
    copy.state = state;
    copy
}

/// Two that are to be copied to us-east-1, one of which is there, and one that is shared.
fn world() -> Inventory {
    let mut inventory = Inventory::empty(home(), START);
    inventory.snapshots = Listing::complete(vec![
        primary("snap-1", &[("ebskeep:copy-to", "us-east-1")]),
        primary("snap-2", &[("ebskeep:copy-to", "us-east-1")]),
        primary("snap-3", &[("ebskeep:shared-with", "222233334444/eu-west-1")]),
    ]);
    let there = |account: &str, region: &str, items: Vec<Snapshot>| DestinationSnapshots {
        place: Place { account: AccountId::new(account), region: Region::new(region) },
        snapshots: Listing::complete(items),
    };
    inventory.destinations = vec![
        there(ACCOUNT, "us-east-1", vec![copy_of("snap-c2", "snap-2", SnapshotState::Completed)]),
        there(THEIRS, "eu-west-1", Vec::new()),
    ];
    inventory
}

fn refusals(world: &Inventory, forge: impl FnOnce(&mut Plan)) -> Vec<(&'static str, String)> {
    let (request, settings) = (Request::new([Job::Copy]), Settings::default());
    let mut plan = decide(world, &request, &settings);
    forge(&mut plan);
    let checks = check(&plan, world, &request, &settings);
    checks.into_iter().filter(|check| !check.ok).map(|check| (check.check, check.detail)).collect()
}

#[track_caller]
fn refused(world: &Inventory, forge: impl FnOnce(&mut Plan), check: &str, part: &str) {
    let refusals = refusals(world, forge);
    assert!(refusals.iter().any(|(name, detail)| *name == check && detail.contains(part)), "{refusals:?}");
}

/// The copy that the decider plans, changed.
fn changed(change: impl Fn(&mut NewCopy)) -> impl FnOnce(&mut Plan) {
    move |plan| {
        for action in &mut plan.actions {
            if let Action::CopySnapshot(copy) = action {
                change(copy);
            }
        }
    }
}

#[test]
fn what_the_copier_decides_passes() {
    let plan = decide(&world(), &Request::new([Job::Copy]), &Settings::default());
    let kinds: Vec<bool> = plan.actions.iter().map(|action| matches!(action, Action::CopySnapshot(_))).collect();
    assert_eq!(kinds, [false, false, true], "a mark, a share taken back and a copy: {:?}", plan.actions);
    assert_eq!(refusals(&world(), |_| {}), []);
}

#[test]
fn a_copy_of_what_is_no_source_is_refused() {
    let _proof = ebskeep_proofs::proves(&["4.24"]);
    refused(&world(), changed(|copy| copy.snapshot_id = "snap-9".into()), "copy-source", "not in the listing");
    let far = Destination::parse("ap-south-1").unwrap();
    refused(&world(), changed(|copy| copy.destination = far.clone()), "copy-source", "do not name that destination");
    refused(&world(), changed(|copy| copy.tags = Tags::new()), "copy-source", "would not say what it is a copy of");
    refused(&world(), changed(|copy| copy.encrypted = true), "copy-source", "encrypted");
    let many = |copy: &mut NewCopy| copy.carried = (0..50).map(|n| (format!("k{n}"), "")).collect();
    refused(&world(), changed(many), "copy-source", "AWS takes 50");
    // What the plan was made of is no longer so.
    let changes: [(Change, &str); 6] = [
        (|s| s.state = SnapshotState::Pending, "not good"),
        (|s| s.tier = StorageTier::Archive, "archived"),
        (|s| s.owner = THEIRS.into(), "no snapshot of a volume here"),
        (|s| s.tags.set("Source_SnapshotId", "snap-0"), "no snapshot of a volume here"),
        (|s| s.tags.set("ebskeep:retention", "unset"), "never written"),
        (|s| s.tags.set("ebskeep:copied-to", "us-east-1"), "copied there before"),
    ];
    let (request, settings) = (Request::new([Job::Copy]), Settings::default());
    let plan = decide(&world(), &request, &settings);
    for (change, part) in changes {
        let mut world = world();
        change(&mut world.snapshots.items[0]);
        let checks = check(&plan, &world, &request, &settings);
        let refuses = checks.iter().any(|c| !c.ok && c.check == "copy-source" && c.detail.contains(part));
        assert!(refuses, "{part}: {checks:?}");
    }
}

#[test]
fn a_second_copy_and_one_too_many_are_refused() {
    let _proof = ebskeep_proofs::proves(&["4.25"]);
    let again = |plan: &mut Plan| plan.actions.push(plan.actions.last().unwrap().clone());
    refused(&world(), again, "copy-once", "twice");
    refused(&world(), changed(|copy| copy.snapshot_id = "snap-2".into()), "copy-once", "has the copy snap-c2");
    let (request, settings) = (Request::new([Job::Copy]), Settings::default());
    let plan = decide(&world(), &request, &settings);
    let mut full = world();
    let pending = (0..20).map(|n| copy_of(&format!("snap-p{n}"), "snap-0", SnapshotState::Pending));
    full.destinations[0].snapshots.items.extend(pending);
    let mut blind = world();
    blind.destinations[0].snapshots.gap = Some("denied".to_owned());
    for (world, part) in [(full, "20 are under way"), (blind, "could not be seen")] {
        let checks = check(&plan, &world, &request, &settings);
        assert!(checks.iter().any(|c| !c.ok && c.check == "copy-once" && c.detail.contains(part)), "{checks:?}");
    }
}

#[test]
fn marks_that_are_not_so_and_what_shortens_are_refused() {
    let _proof = ebskeep_proofs::proves(&["4.26"]);
    let marked = |value: &str| {
        Action::MarkCopied(Box::new(MarkCopied {
            snapshot_id: "snap-1".into(),
            volume_id: "vol-1".into(),
            before: Tags::new(),
            tags: tags([("ebskeep:copied-to", value)]),
        }))
    };
    refused(&world(), |plan| plan.actions.push(marked("us-east-1")), "copy-marks", "no good copy is at");
    let follow = |key: &str, value: &str| {
        Action::FollowSource(Box::new(FollowSource {
            snapshot_id: "snap-c2".into(),
            destination: Destination::parse("us-east-1").unwrap(),
            source_id: "snap-2".into(),
            volume_id: "vol-1".into(),
            before: Tags::new(),
            tags: tags([(key, value)]),
        }))
    };
    for (key, value) in [("KeepUntil", "2026-06-30"), ("DeleteOn", "2026-01-01"), ("ebskeep:retention", "1")] {
        refused(&world(), |plan| plan.actions.push(follow(key, value)), "copy-marks", "may shorten it");
    }
    assert_eq!(refusals(&world(), |plan| plan.actions.push(follow("KeepUntil", "2027-06-30"))), []);
    let unshare = |id: &str, account: &str| {
        Action::Unshare(Box::new(Unshare {
            snapshot_id: id.into(),
            volume_id: "vol-1".into(),
            account: account.into(),
            left: None,
        }))
    };
    refused(&world(), |plan| plan.actions.push(unshare("snap-1", THEIRS)), "copy-marks", "no tag says");
    let mut under_way = world();
    under_way.destinations[1].snapshots.items = vec![copy_of("snap-c3", "snap-3", SnapshotState::Pending)];
    refused(&under_way, |plan| plan.actions.push(unshare("snap-3", THEIRS)), "copy-marks", "may still need the share");
}
