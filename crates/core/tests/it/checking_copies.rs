//! Plans of copies that no decider makes, and the check that refuses each.

use ebskeep_core::check::check;
use ebskeep_core::destination::Destination;
use ebskeep_core::id::{AccountId, Place, Region};
use ebskeep_core::inventory::{DestinationSnapshots, Inventory, Listing, Snapshot, SnapshotState, StorageTier};
use ebskeep_core::job::Request;
use ebskeep_core::plan::{Action, Deletion, FollowSource, Job, MarkCopied, NewCopy, Plan, Unshare, decide};
use ebskeep_core::setting::Settings;
use ebskeep_core::site::LocalSite;
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
    let with = |all: usize| {
        changed(move |copy| copy.carried = (copy.tags.iter().count()..all).map(|n| (format!("k{n}"), "")).collect())
    };
    assert_eq!(refusals(&world(), with(50)), []);
    refused(&world(), with(51), "copy-source", "it would have 51 tags; AWS takes 50");
    // Each of what says whence it came, and of what.
    for key in
        ["Source_SnapshotId", "ebskeep:source-region", "ebskeep:source-account", "ebskeep:volume", "ebskeep:started"]
    {
        let other = changed(|copy| copy.tags.set(key, "2026-01-01T00:00:00Z"));
        refused(&world(), other, "copy-source", "would not say what it is a copy of");
    }
    // What the plan was made of is no longer so.
    let changes: [(Change, &str); 7] = [
        (|s| s.state = SnapshotState::Pending, "not good"),
        (|s| s.tier = StorageTier::Archive, "archived"),
        (|s| s.site = Some(Box::new(LocalSite::LocalZone("us-west-2-lax-1a".into()))), "not stored in the Region"),
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
    // Those that say of what they are one, and those that AWS made and nobody has tagged yet.
    let with = |under_way: usize| {
        let mut world = world();
        let pending = (0..under_way).map(|n| {
            let mut copy = copy_of(&format!("snap-p{n}"), "snap-0", SnapshotState::Pending);
            if n % 2 == 0 {
                copy.tags = Tags::new();
            } else {
                copy.volume = "vol-7".into();
            }
            copy
        });
        world.destinations[0].snapshots.items.extend(pending);
        world
    };
    let checks = check(&plan, &with(19), &request, &settings);
    assert!(checks.iter().all(|check| check.ok), "{checks:?}");
    let full = with(20);
    let mut blind = world();
    blind.destinations[0].snapshots.gap = Some("denied".into());
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
    // A mark that is lost would be made again and cost a copy; another key is none of its business.
    let mut before = world();
    before.snapshots.items[0].tags.set("ebskeep:copied-to", "us-east-1");
    for mark in [tags([]), tags([("ebskeep:copied-to", "us-east-1"), ("KeepForever", "")])] {
        let marked = |plan: &mut Plan| {
            let (snapshot_id, volume_id) = ("snap-1".into(), "vol-1".into());
            let mark = MarkCopied { snapshot_id, volume_id, before: Tags::new(), tags: mark };
            plan.actions = vec![Action::MarkCopied(Box::new(mark))];
        };
        refused(&before, marked, "copy-marks", "more than where it was copied to would be written");
    }
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
    for (key, value) in [
        ("KeepUntil", "2026-06-30"),
        ("KeepUntil", "2026-12-31"),
        ("DeleteOn", "2026-01-01"),
        ("ebskeep:retention", "1"),
    ] {
        refused(&world(), |plan| plan.actions.push(follow(key, value)), "copy-marks", "may shorten it");
    }
    for (key, value) in [("KeepUntil", "2027-06-30"), ("KeepForever", ""), ("KeepReason", "court order")] {
        assert_eq!(refusals(&world(), |plan| plan.actions.push(follow(key, value))), []);
    }
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
    // One of it that is done, and one of another that is not, need none.
    let ended = [("snap-3", SnapshotState::Completed), ("snap-2", SnapshotState::Pending)];
    under_way.destinations[1].snapshots.items = ended.map(|(of, state)| copy_of("snap-c3", of, state)).into();
    assert_eq!(refusals(&under_way, |plan| plan.actions = vec![unshare("snap-3", THEIRS)]), []);
}

/// What `expire` is told of a deletion of the first of these: why it stays, if that is
/// about copies.
fn stays(first: Snapshot) -> Vec<String> {
    let mut world = Inventory::empty(home(), START);
    let id = first.id.clone();
    let began = first.started;
    world.snapshots.items.push(first);
    // So that it is the last of nothing.
    world.snapshots.items.push(primary("snap-2", &[]));
    let (request, settings) = (Request::new([Job::Expire]), Settings::default());
    let mut plan = decide(&world, &request, &settings);
    plan.actions = vec![Action::DeleteSnapshot(Deletion {
        snapshot_id: id.clone(),
        volume_id: "vol-1".into(),
        tags: Tags::new(),
        size_gib: 8,
        failed: false,
        archived: false,
        restore_expires: None,
    })];
    let checks = check(&plan, &world, &request, &settings);
    let detail = checks.into_iter().find(|check| check.check == "reason-to-stay").unwrap().detail;
    let about = detail.split("; ").filter(|why| why.contains("copy") && why.starts_with(id.as_str()));
    about.map(|why| format!("{began}: {why}")).collect()
}

#[test]
fn what_is_stored_outside_the_region_waits_for_no_copy() {
    let _proof = ebskeep_proofs::proves(&["6.125"]);
    let mut old = primary("snap-1", &[("ebskeep:copy-to", "us-east-1"), ("ebskeep:copy-retention", "forever")]);
    assert_eq!(stays(old.clone()).len(), 1);
    old.site = Some(Box::new(LocalSite::Outpost("arn:aws:outposts:eu-west-1:1:outpost/op-1".into())));
    assert_eq!(stays(old), Vec::<String>::new());
}

#[test]
fn what_a_copy_is_wanted_of_stays_as_long_as_copies_are_kept() {
    let _proof = ebskeep_proofs::proves(&["4.12"]);
    let old = |days: i64, tags: &[(&str, &str)]| {
        let mut old = primary("snap-1", tags);
        old.started = START - SignedDuration::from_hours(24 * days);
        old
    };
    let (to, done) = (("ebskeep:copy-to", "us-east-1"), ("ebskeep:copied-to", "us-east-1"));
    let (week, fortnight) = (("ebskeep:copy-retention", "7"), ("ebskeep:copy-retention", "14"));
    let copies = |value: &'static str| ("ebskeep:copy-retention", value);
    for (tags, wanted) in [
        (vec![to, fortnight], true),
        (vec![to, week], false),
        (vec![fortnight], false),
        (vec![to, done, fortnight], false),
        // One of two is there.
        (vec![("ebskeep:copy-to", "us-east-1 eu-central-1"), done, fortnight], true),
        // Where it is already, it needs no copy; what nobody can read may be anywhere.
        (vec![("ebskeep:copy-to", "eu-west-1"), fortnight], false),
        (vec![("ebskeep:copy-to", "everywhere"), fortnight], true),
        // The policy of copies comes before that of primaries, and without one it is that.
        (vec![to, week, ("ebskeep:retention", "14")], false),
        (vec![to, fortnight, ("ebskeep:retention", "7")], true),
        (vec![to, ("ebskeep:retention", "14")], true),
        (vec![to, ("ebskeep:retention", "7")], false),
        (vec![to, ("ebskeep:retention", "unset")], false),
        // Rules last as long as the longest of them, or without end.
        (vec![to, copies("daily=7")], false),
        (vec![to, copies("daily=14")], true),
        (vec![to, copies("daily=7 weekly=2")], true),
        (vec![to, copies("weekly=2 daily=7")], true),
        (vec![to, copies("hourly=48 within=9d")], false),
        (vec![to, copies("last=2")], true),
        (vec![to, copies("monthly=all")], true),
        (vec![to, copies("nonsense=2")], true),
        (vec![to, copies("last=9d")], true),
        // A calendar that nobody knows matters to rules, and to an age by hours at most.
        (vec![to, copies("daily=7"), ("ebskeep:tz", "Mars/Olympus")], true),
        (vec![to, week, ("ebskeep:tz", "Mars/Olympus")], false),
        (vec![to, fortnight, ("ebskeep:tz", "Mars/Olympus")], true),
    ] {
        let said = stays(old(10, &tags));
        assert_eq!(said.len(), usize::from(wanted), "{tags:?}: {said:?}");
        assert!(said.iter().all(|why| why.contains("a copy of it is wanted")), "{said:?}");
    }
    // An end that is up to 26 hours off, by zones and daylight saving, counts.
    for (policy, ends_after) in [("7", 24 * 7), ("daily=7", 24 * 7), ("hourly=48", 48)] {
        for (hours, wanted) in [(ends_after - 26, false), (ends_after - 27, true)] {
            let mut young = primary("snap-1", &[to, copies(policy)]);
            young.started = START - SignedDuration::from_hours(hours);
            assert_eq!(!stays(young).is_empty(), wanted, "{policy}, {hours} hours old");
        }
    }
    let mut failed = old(10, &[to, fortnight]);
    failed.state = SnapshotState::Error;
    assert_eq!(stays(failed), [""; 0], "nothing can be copied from it");
}

#[test]
fn a_destination_that_is_no_place_is_never_reached() {
    let _proof = ebskeep_proofs::proves(&["4.12"]);
    for (entry, known) in [
        ("us-east-1", true),
        ("us-gov-east-1", true),
        ("222233334444/us-east-1", true),
        ("22223333444/us-east-1", false),
        ("2222333344445/us-east-1", false),
        ("2222-33334444/us-east-1", false),
        ("22223333444x/us-east-1", false),
        ("useast1", false),
        ("us-east-", false),
        ("us-east_-1", false),
        ("222233334444/useast1", false),
        ("222233334444/us-east_-1", false),
    ] {
        let tags = [("ebskeep:copy-to", entry), ("ebskeep:copied-to", entry)];
        let mut old = primary("snap-1", &tags);
        old.started = START - SignedDuration::from_hours(48);
        assert_eq!(stays(old).is_empty(), known, "{entry}");
    }
}

#[test]
fn a_copy_stays_for_48_hours() {
    let _proof = ebskeep_proofs::proves(&["4.12"]);
    for (seconds, kept) in [(48 * 3600, false), (48 * 3600 - 1, true), (0, true)] {
        let mut copy = copy_of("snap-1", "snap-9", SnapshotState::Completed);
        copy.started = START - SignedDuration::from_secs(seconds);
        let said = stays(copy);
        let says = said.iter().any(|why| why.contains("a copy made less than 48 hours ago"));
        assert_eq!(says, kept, "{seconds} s: {said:?}");
    }
}
