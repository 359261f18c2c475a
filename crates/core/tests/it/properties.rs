//! What holds for every world: random small worlds in, promises about the plan.

use std::collections::BTreeSet;

use ebskeep_core::calendar;
use ebskeep_core::check::check;
use ebskeep_core::id::{AccountId, ImageId, InstanceId, Place, Region, SnapshotId, VolumeId};
use ebskeep_core::inventory::{
    Attachment, Device, Image, Instance, InstanceState, Inventory, Listing, Snapshot, SnapshotState, StorageTier,
    Volume, VolumeState,
};
use ebskeep_core::job::Request;
use ebskeep_core::lineage::classify;
use ebskeep_core::plan::{Action, CreateVerdict, Deletion, ExpireVerdict, Job, NewSnapshot, Plan, decide};
use ebskeep_core::setting::Settings;
use ebskeep_core::tags::Tags;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::RngSeed;

const ACCOUNT: &str = "111122223333";
const VOLUMES: usize = 3;

pub(super) fn now() -> Timestamp {
    "2026-03-10T00:05:00Z".parse().unwrap()
}

pub(super) fn tags(rows: &[&str]) -> Tags {
    rows.iter().map(|row| row.split_once('=').unwrap()).collect()
}

fn config() -> impl Strategy<Value = Tags> {
    let all = vec![
        "Backup=Yes",
        "Backup=hourly",
        "Backup=daily @ 03:30",
        "Backup=30 */4 * * mon-sat",
        "Backup=No",
        "Backup=Yse",
        "backup=every-run",
        "Retention=7",
        "Retention=1",
        "Retention=30",
        "Retention=forever",
        "Retention=daily=7",
        "Retention=last=1",
        "Retention=hourly=3 weekly=2",
        "Retention=within=2d within-monthly=2m",
        "Retention=1m1h",
        "Retention=x",
        "retention=14",
        "KeepForever=1",
        "Skip_Backup_Volumes=/dev/sdf",
        "Backup_TimeZone=Asia/Kathmandu",
        "Backup_TimeZone=America/New_York",
        "Team=a",
        "Name=web",
    ];
    subsequence(all, 0..5).prop_map(|rows| tags(&rows))
}

fn marks() -> impl Strategy<Value = Tags> {
    let all = vec![
        "KeepForever=",
        "keep_until=2026-03-09",
        "KeepUntil=2026-02-01",
        "KeepUntil=?",
        "DeleteOn=2026-03-10",
        "DeleteOn=2026-03-11",
        "DeleteOn=2026-02-01",
        "DeleteOn=?",
        "ebskeep:retention=7",
        "ebskeep:retention=90",
        "ebskeep:retention=unset",
        "ebskeep:retention=forever",
        "ebskeep:retention=daily=2 monthly=2",
        "ebskeep:retention=last=1",
        "ebskeep:tz=America/New_York",
        "aws:backup:x=1",
        "dlm:managed=1",
        "ebskeep:deployment=test",
        "ebskeep:deleted=2026-03-09T00:00:00Z",
        "ebskeep:set=i-0@x",
    ];
    subsequence(all, 0..4).prop_map(|rows| tags(&rows))
}

/// Snapshots of our making, of the original's, and other people's.
fn snapshot(id: usize) -> impl Strategy<Value = Snapshot> {
    let kind = select(vec!["ours", "ours", "ours", "original", "manual"]);
    let state = select(vec![
        SnapshotState::Completed,
        SnapshotState::Completed,
        SnapshotState::Completed,
        SnapshotState::Completed,
        SnapshotState::Pending,
        SnapshotState::Error,
        SnapshotState::Recoverable,
    ]);
    let age_hours = prop_oneof![0..72_i64, 0..4_000_i64];
    (kind, state, 0..VOLUMES + 1, age_hours, marks(), 0..20_u8).prop_map(
        move |(kind, state, volume, age, mut tags, rare)| {
            let started = now() - SignedDuration::from_hours(age);
            if kind != "manual" {
                tags.set("Type", "Automated");
            }
            // A failed one goes after an hour, and the policy recorded on it with it: what only it
            // recorded governs no longer, and planning again is rightly another plan.
            if state == SnapshotState::Error {
                tags.remove("ebskeep:retention");
            }
            if kind == "ours" {
                tags.set("ebskeep:slot", started.to_string());
            } else if kind == "original" && tags.get("DeleteOn").is_none() {
                let date = calendar::utc_date(started + SignedDuration::from_hours(7 * 24));
                tags.set("DeleteOn", date.to_string());
            }
            Snapshot {
                id: SnapshotId::new(format!("snap-{id:02}")),
                owner: AccountId::new(if rare == 0 { "999988887777" } else { ACCOUNT }),
                volume: VolumeId::new(format!("vol-{volume}")),
                state,
                state_message: None,
                started,
                size_gib: 8,
                tier: if rare == 1 { StorageTier::Archive } else { StorageTier::Standard },
                restore_expires: None,
                site: None,
                encrypted: false,
                description: "".into(),
                tags,
            }
        },
    )
}

/// Instances 0 and 1; volume 0 on 0, volume 1 on both, volume 2 loose; volume 3
/// is not listed, and may be known to be gone.
pub(super) fn world() -> impl Strategy<Value = Inventory> {
    let snapshots = (0..14_usize).map(snapshot).collect::<Vec<_>>();
    let instances = prop::collection::vec(config(), 2);
    let volumes = prop::collection::vec(config(), VOLUMES);
    (instances, volumes, snapshots, 0..15_usize, 0..14_usize, any::<bool>()).prop_map(
        |(instances, volumes, mut snapshots, keep, in_image, gone)| {
            snapshots.truncate(keep);
            let attached = [vec![0], vec![0, 1], vec![]];
            let device = |volume: usize| ["/dev/xvda", "/dev/sdf", "/dev/sdg"].get(volume).copied().unwrap();
            Inventory {
                place: Place { account: AccountId::new(ACCOUNT), region: Region::new("eu-west-1") },
                now: now(),
                observed_at: now(),
                machine_clock: Some(now()),
                instances: Listing::complete(
                    instances
                        .into_iter()
                        .enumerate()
                        .map(|(n, tags)| Instance {
                            id: InstanceId::new(format!("i-{n}")),
                            state: InstanceState::Running,
                            root_device: Some(device(0).into()),
                            devices: (0..VOLUMES)
                                .filter(|volume| attached.get(*volume).unwrap().contains(&n))
                                .map(|volume| Device {
                                    name: device(volume).into(),
                                    volume: VolumeId::new(format!("vol-{volume}")),
                                })
                                .collect(),
                            tags,
                        })
                        .collect(),
                ),
                volumes: Listing::complete(
                    volumes
                        .into_iter()
                        .enumerate()
                        .map(|(n, tags)| Volume {
                            id: VolumeId::new(format!("vol-{n}")),
                            state: VolumeState::InUse,
                            size_gib: 8,
                            attachments: attached
                                .get(n)
                                .unwrap()
                                .iter()
                                .map(|i| Attachment {
                                    instance: InstanceId::new(format!("i-{i}")),
                                    device: device(n).into(),
                                    attached_at: None,
                                })
                                .collect(),
                            site: None,
                            tags,
                        })
                        .collect(),
                ),
                images: Listing::complete(vec![Image {
                    id: ImageId::new("ami-1"),
                    state: "available".into(),
                    snapshots: vec![SnapshotId::new(format!("snap-{in_image:02}"))],
                }]),
                locks: Listing::default(),
                tiers: Listing::default(),
                snapshots: Listing::complete(snapshots),
                confirmed_gone: gone.then(|| VolumeId::new("vol-3")).into_iter().collect(),
                destinations: Vec::new(),
                listing_mismatch: None,
            }
        },
    )
}

fn plan(inventory: &Inventory) -> Plan {
    plan_of(inventory, Request::new(Job::ALL))
}

fn plan_of(inventory: &Inventory, request: Request) -> Plan {
    let settings = Settings::default();
    let mut plan = decide(inventory, &request, &settings);
    plan.checks = check(&plan, inventory, &request, &settings);
    plan
}

pub(super) fn deleted(plan: &Plan) -> BTreeSet<SnapshotId> {
    plan.snapshots.iter().filter(|v| v.verdict == ExpireVerdict::Delete).map(|v| v.snapshot_id.clone()).collect()
}

fn ours(snapshot: &Snapshot, inventory: &Inventory) -> bool {
    classify(snapshot, &inventory.place, "default").is_ok()
}

/// What an account looks like once a plan was carried out and time stood still.
pub(crate) fn carried_out(inventory: &Inventory, plan: &Plan) -> Inventory {
    let mut after = inventory.clone();
    let mut begin = |new: &NewSnapshot, tags: Tags| {
        after.snapshots.items.push(Snapshot {
            id: SnapshotId::new(format!("snap-new-{}", new.volume_id)),
            owner: AccountId::new(ACCOUNT),
            volume: new.volume_id.clone(),
            state: SnapshotState::Pending,
            state_message: None,
            started: plan.now,
            size_gib: 8,
            tier: StorageTier::Standard,
            restore_expires: None,
            site: None,
            encrypted: false,
            description: new.description.as_str().into(),
            tags,
        });
    };
    for action in &plan.actions {
        match action {
            Action::CreateSnapshot(new) => begin(new, merged(&[&new.tags, &new.carried])),
            Action::CreateSet(set) => {
                for member in &set.members {
                    let mut tags = merged(&[&set.tags, &set.carried, &member.own_tags]);
                    for key in &member.remove {
                        tags.remove(key);
                    }
                    begin(&member.alone, tags);
                }
            }
            _ => {}
        }
    }
    let gone = deleted(plan);
    after.snapshots.items.retain(|snapshot| !gone.contains(&snapshot.id));
    for action in &plan.actions {
        let (id, tags, remove) = match action {
            Action::FinishTags(finish) => (&finish.snapshot_id, &finish.tags, &finish.remove),
            Action::WriteMarks(marks) => (&marks.snapshot_id, &marks.tags, &marks.remove),
            _ => continue,
        };
        for snapshot in after.snapshots.items.iter_mut().filter(|s| s.id == *id) {
            snapshot.tags = merged(&[&snapshot.tags, tags]);
            for key in remove {
                snapshot.tags.remove(key);
            }
        }
    }
    after.snapshots.items.sort_by(|a, b| a.id.cmp(&b.id));
    after
}

fn merged(all: &[&Tags]) -> Tags {
    all.iter().flat_map(|tags| tags.iter()).map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// Days of create and expire on one volume, each as it is carried out: the tags
/// of the volume day by day, and how many snapshots there are after the last.
fn live(days: i64, tags_on: impl Fn(i64) -> Tags) -> usize {
    let start = now();
    let mut world = Inventory {
        volumes: Listing::complete(vec![Volume {
            id: VolumeId::new("vol-a"),
            state: VolumeState::Available,
            size_gib: 8,
            attachments: Vec::new(),
            site: None,
            tags: Tags::new(),
        }]),
        ..Inventory::empty(Place { account: AccountId::new(ACCOUNT), region: Region::new("eu-west-1") }, start)
    };
    for day in 0..days {
        world.now = start + SignedDuration::from_hours(24 * day);
        world.observed_at = world.now;
        world.volumes.items[0].tags = tags_on(day);
        let plan = plan(&world);
        assert!(plan.checks.iter().all(|check| check.ok), "day {day}: {:?}", plan.checks);
        world = carried_out(&world, &plan);
        for snapshot in &mut world.snapshots.items {
            if snapshot.state == SnapshotState::Pending {
                snapshot.state = SnapshotState::Completed;
                snapshot.id = SnapshotId::new(format!("snap-{day:03}"));
            }
        }
    }
    world.snapshots.items.len()
}

#[test]
fn a_removed_tag_shortens_nothing_however_long_ago() {
    let _proof = ebskeep_proofs::proves(&["2.4.2", "2.4.4"]);
    let kept = |_| tags(&["Backup=Yes", "Retention=30"]);
    let removed = |day| if day < 5 { tags(&["Backup=Yes", "Retention=30"]) } else { tags(&["Backup=Yes"]) };
    let steady = live(100, kept);
    assert!((30..=31).contains(&steady), "{steady}");
    assert_eq!(live(100, removed), steady);
    // To return to the default, write it out.
    let written = |day| tags(if day < 5 { &["Backup=Yes", "Retention=30"] } else { &["Backup=Yes", "Retention=7"] });
    assert!((7..=8).contains(&live(100, written)));
}

/// The same worlds on every run, so that a red run means a changed program.
/// `PROPTEST_CASES` looks at more of them.
pub(super) fn config_of_runs() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: default.cases.max(1_500),
        rng_seed: RngSeed::Fixed(2026),
        failure_persistence: None,
        ..default
    }
}

proptest! {
    #![proptest_config(config_of_runs())]

    #[test]
    fn every_snapshot_has_one_verdict_with_a_reason(inventory in world()) {
        let plan = plan(&inventory);
        let ids: Vec<_> = plan.snapshots.iter().map(|v| &v.snapshot_id).collect();
        let listed: Vec<_> = inventory.snapshots.items.iter().map(|s| &s.id).collect();
        prop_assert_eq!(ids, listed);
        prop_assert!(plan.snapshots.iter().all(|v| !v.reasons.is_empty()));
        prop_assert!(plan.volumes.iter().all(|v| !v.reasons.is_empty()));
        prop_assert_eq!(plan.summary.keep + plan.summary.delete + plan.summary.ignore, plan.snapshots.len());
        let acted: BTreeSet<_> = plan.actions.iter().filter_map(|a| match a {
            Action::DeleteSnapshot(d) => Some(d.snapshot_id.clone()),
            _ => None,
        }).collect();
        prop_assert_eq!(acted, deleted(&plan));
    }

    /// Whatever `Retention` said for a day or more: without it, or with a shorter one, what it kept
    /// stays for its grace, though no backup recorded it.
    #[test]
    fn a_retention_that_no_snapshot_records_has_its_grace_as_well(
        inventory in world(),
        to in select(vec![None, Some("1h"), Some("last=1")]),
        only_instances in any::<bool>(),
    ) {
        let _proof = ebskeep_proofs::proves(&["2.4.29", "2.4.30", "2.4.31"]);
        let first = plan_of(&inventory, Request::new([Job::Expire]));
        let mut later = carried_out(&inventory, &first);
        let change = |tags: &mut Tags| {
            let keys: Vec<_> = tags.iter().map(|(key, _)| key.clone()).filter(|key| key.eq_ignore_ascii_case("retention")).collect();
            for key in keys {
                tags.remove(&key);
            }
            if let Some(to) = to {
                tags.set("Retention", to);
            }
        };
        later.instances.items.iter_mut().for_each(|instance| change(&mut instance.tags));
        if !only_instances {
            later.volumes.items.iter_mut().for_each(|volume| change(&mut volume.tags));
        }
        let a_day_old = |volume: &VolumeId| {
            let good = |s: &&Snapshot| s.volume == *volume && s.state == SnapshotState::Completed && ours(s, &later);
            let newest = later.snapshots.items.iter().filter(good).map(|snapshot| snapshot.started).max();
            newest.is_some_and(|newest| now().duration_since(newest) > SignedDuration::from_hours(26))
        };
        let governed = |id: &SnapshotId| {
            let verdict = first.snapshots.iter().find(|verdict| verdict.snapshot_id == *id);
            // What stays by a policy of before has its end.
            verdict.is_some_and(|verdict| verdict.reasons.iter().all(|reason| reason.rule != "policy-grace"))
        };
        let going = deleted(&plan_of(&later, Request::new([Job::Expire])));
        let unforeseen: Vec<_> = later.snapshots.items.iter()
            .filter(|s| going.contains(&s.id) && a_day_old(&s.volume) && governed(&s.id))
            .collect();
        prop_assert!(unforeseen.is_empty(), "{:?}", unforeseen);
    }

    #[test]
    fn nothing_deleted_has_a_reason_to_stay(inventory in world()) {
        let _proof = ebskeep_proofs::proves(&["0.1"]);
        let plan = plan(&inventory);
        let today = calendar::utc_date(now());
        let used: Vec<_> = inventory.images.items.iter().flat_map(|i| &i.snapshots).collect();
        for snapshot in inventory.snapshots.items.iter().filter(|s| deleted(&plan).contains(&s.id)) {
            prop_assert!(ours(snapshot, &inventory));
            prop_assert!(!used.contains(&&snapshot.id));
            prop_assert!(matches!(snapshot.state, SnapshotState::Completed | SnapshotState::Error));
            prop_assert_eq!(snapshot.tier, StorageTier::Standard);
            for (key, value) in snapshot.tags.iter() {
                let key = key.to_lowercase().replace(['-', '_'], "");
                prop_assert!(!key.starts_with("aws:") && key != "dlm:managed" && key != "keepforever");
                if key == "keepuntil" {
                    prop_assert!(value == "2026-02-01", "held until {}", value);
                }
                if key == "deleteon" && snapshot.state != SnapshotState::Error {
                    prop_assert!(value.parse::<jiff::civil::Date>().is_ok_and(|date| date <= today), "{}", value);
                }
            }
        }
        // The second opinion has nothing to say against it either.
        for check in plan.checks.iter().filter(|c| ["reason-to-stay", "last-good", "one-per-slot", "tag-limit"].contains(&c.check)) {
            prop_assert!(check.ok, "{}: {}", check.check, check.detail);
        }
    }

    #[test]
    fn the_newest_good_of_a_volume_that_exists_is_never_deleted(inventory in world()) {
        let _proof = ebskeep_proofs::proves(&["R5.1"]);
        let gone = deleted(&plan(&inventory));
        for volume in &inventory.volumes.items {
            let good = inventory.snapshots.items.iter().filter(|s| {
                s.volume == volume.id && s.state == SnapshotState::Completed && ours(s, &inventory)
            });
            let newest = good.max_by_key(|s| (classify(s, &inventory.place, "default").unwrap().time, s.started, s.id.clone()));
            if let Some(newest) = newest {
                prop_assert!(!gone.contains(&newest.id), "{}", newest.id);
            }
        }
    }

    /// Save where the missing one alone says what the policy is: then nobody
    /// can know it (docs/semantics.md 2.4).
    #[test]
    fn a_snapshot_missing_from_a_listing_never_makes_another_go(inventory in world(), missing in 0..14_usize) {
        let _proof = ebskeep_proofs::proves(&["2.5.1"]);
        let id = SnapshotId::new(format!("snap-{missing:02}"));
        let records = inventory.snapshots.items.iter().any(|s| s.id == id && s.tags.get("ebskeep:retention").is_some());
        if records {
            return Ok(());
        }
        let mut fewer = inventory.clone();
        fewer.snapshots.items.retain(|s| s.id != id);
        let (with, without) = (deleted(&plan(&inventory)), deleted(&plan(&fewer)));
        prop_assert!(without.is_subset(&with), "{:?} go only because {} was not listed", without.difference(&with).collect::<Vec<_>>(), id);
    }

    #[test]
    fn planning_twice_gives_the_same(inventory in world()) {
        prop_assert_eq!(plan(&inventory), plan(&inventory));
    }

    #[test]
    fn after_a_plan_is_carried_out_there_is_nothing_left_to_do(inventory in world()) {
        let first = plan(&inventory);
        let second = plan(&carried_out(&inventory, &first));
        // A volume left alone for its failed snapshots is free again once those are deleted.
        let freed: BTreeSet<_> = first.volumes.iter()
            .filter(|v| v.reasons.iter().any(|r| r.rule == "failing"))
            .map(|v| v.volume_id.clone())
            .collect();
        // With a deleted snapshot goes the policy it recorded, which may have been in its grace; and of one
        // that has neither a record nor a date, that it was taken under the default.
        let says = |d: &Deletion| d.tags.get("ebskeep:retention").is_some() || d.tags.get("DeleteOn").is_none();
        let unrecorded: BTreeSet<_> = first.actions.iter().filter_map(|action| match action {
            Action::DeleteSnapshot(d) => says(d).then_some(&d.volume_id),
            _ => None,
        }).collect();
        let finished: BTreeSet<_> = first.actions.iter().filter_map(|action| match action {
            Action::FinishTags(finish) => Some(&finish.snapshot_id),
            _ => None,
        }).collect();
        let created: BTreeSet<_> = first.volumes.iter()
            .filter(|v| v.verdict == CreateVerdict::Create)
            .map(|v| v.volume_id.clone())
            .collect();
        let left: Vec<_> = second.actions.iter().filter(|action| match action {
            Action::CreateSnapshot(new) => !freed.contains(&new.volume_id),
            Action::CreateSet(set) => !set.members.iter().all(|member| freed.contains(&member.alone.volume_id)),
            // One whose own tags were just written may have been waiting for nothing else.
            Action::DeleteSnapshot(deletion) => {
                !finished.contains(&deletion.snapshot_id) && !unrecorded.contains(&deletion.volume_id)
            }
            // A mark, too, is needed no more once a new snapshot records the policy, or what recorded an
            // earlier one is gone.
            Action::WriteMarks(marks) => {
                let told_elsewhere = unrecorded.contains(&marks.volume_id) || created.contains(&marks.volume_id);
                !marks.tags.is_empty() || !told_elsewhere
            }
            // What the new snapshot of its lineage records may be what it was waiting for.
            Action::FinishTags(finish) => !created.contains(&finish.volume_id),
            _ => true,
        }).collect();
        prop_assert!(left.is_empty(), "{:?}", left);
    }

    #[test]
    fn the_order_of_resources_and_attachments_changes_nothing(inventory in world(), seed in any::<u64>()) {
        let mut shuffled = inventory.clone();
        let turn = |len: usize| if len == 0 { 0 } else { usize::try_from(seed % 97).unwrap() % len };
        let by = turn(shuffled.snapshots.items.len());
        shuffled.snapshots.items.rotate_left(by);
        shuffled.volumes.items.reverse();
        shuffled.instances.items.reverse();
        for volume in &mut shuffled.volumes.items {
            volume.attachments.reverse();
        }
        for instance in &mut shuffled.instances.items {
            instance.devices.reverse();
        }
        prop_assert_eq!(plan(&shuffled), plan(&inventory));
    }
}
