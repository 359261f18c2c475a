//! The second opinion: refuses a finished plan that no run should carry out
//! (docs/semantics.md 4).
//!
//! Shares no code with the deciders: it reads raw tags and the finished plan,
//! by rules of its own that are simpler and stricter than theirs. A mistake in
//! a decider is to meet a different mind here.

mod policy;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use self::policy::{Backup, span_is_over};
use crate::id::{SnapshotId, VolumeId};
use crate::inventory::{
    InstanceState, Inventory, LockState, Snapshot, SnapshotState, StorageTier, Volume, VolumeState,
};
use crate::job::{Request, Untagged};
use crate::plan::{Action, CheckResult, Deletion, ExpireVerdict, Job, Plan};
use crate::setting::Settings;
use crate::tags::Tags;

/// The machine's clock, and the youngest of our snapshots, may differ from
/// AWS's clock by this much (docs/semantics.md 4).
const CLOCK_TOLERANCE_MINUTES: i64 = 5;

/// Managed snapshots from which on the share of unforeseen deletions counts
/// (docs/semantics.md 4).
const PERCENT_COUNTS_ABOVE: usize = 20;

/// Tags AWS takes on one resource.
const MAX_TAGS: usize = 50;

/// Instances in these states do not count.
const NOT_LIVE: [InstanceState; 3] = [InstanceState::ShuttingDown, InstanceState::Terminated, InstanceState::Other];

/// All checks of a plan, passed and failed.
pub fn check(plan: &Plan, inventory: &Inventory, request: &Request, settings: &Settings) -> Vec<CheckResult> {
    let world = World::new(plan, inventory, settings);
    let mut results = vec![clock(&world)];
    if request.untagged == Untagged::NotBackedUp {
        results.push(backup_key(&world));
    }
    if plan.jobs.contains(&Job::Create) {
        results.push(listed(&world, "snapshots-listed", Job::Create, &["snapshots"]));
        results.push(one_per_slot(&world));
        results.push(tag_limit(&world));
    }
    if plan.jobs.contains(&Job::Expire) {
        results.push(listed(&world, "all-listed", Job::Expire, &["instances", "volumes", "snapshots", "images"]));
        results.push(unforeseen(&world));
        results.push(last_good(&world));
        results.push(reason_to_stay(&world));
    }
    results
}

/// The plan and what it was made from, arranged for looking up by plain facts.
struct World<'a> {
    plan: &'a Plan,
    inventory: &'a Inventory,
    settings: &'a Settings,
    snapshots: BTreeMap<&'a SnapshotId, &'a Snapshot>,
    live_volumes: BTreeMap<&'a VolumeId, &'a Volume>,
    deletions: Vec<&'a Deletion>,
    /// What AWS says is locked now.
    locked: BTreeSet<&'a SnapshotId>,
    /// What AWS says has been archived for 90 days.
    long_archived: BTreeSet<&'a SnapshotId>,
    /// The tags of instances that count, by the volumes they have.
    instances: BTreeMap<&'a VolumeId, Vec<&'a Tags>>,
    /// Ours, by where they came from.
    histories: BTreeMap<Origin<'a>, Vec<&'a Snapshot>>,
}

/// Where a snapshot came from: of one made here the volume alone.
type Origin<'a> = (&'a str, &'a str, &'a str);

impl<'a> World<'a> {
    fn new(plan: &'a Plan, inventory: &'a Inventory, settings: &'a Settings) -> Self {
        let gone = |state| matches!(state, VolumeState::Deleting | VolumeState::Deleted);
        let mut world = Self {
            plan,
            inventory,
            settings,
            snapshots: inventory.snapshots.items.iter().map(|s| (&s.id, s)).collect(),
            live_volumes: inventory.volumes.items.iter().filter(|v| !gone(v.state)).map(|v| (&v.id, v)).collect(),
            deletions: plan
                .actions
                .iter()
                .filter_map(|action| match action {
                    Action::DeleteSnapshot(deletion) => Some(deletion),
                    Action::CreateSnapshot(_) | Action::CreateSet(_) | Action::FinishTags(_) => None,
                })
                .collect(),
            locked: inventory
                .locks
                .items
                .iter()
                .filter(|lock| lock.state != LockState::Expired)
                .map(|lock| &lock.snapshot)
                .collect(),
            long_archived: inventory
                .tiers
                .items
                .iter()
                .filter(|tier| tier.archived_at.is_some_and(|at| at.as_second() + 90 * 86_400 <= plan.now.as_second()))
                .map(|tier| &tier.snapshot)
                .collect(),
            instances: BTreeMap::new(),
            histories: BTreeMap::new(),
        };
        for instance in inventory.instances.items.iter().filter(|i| !NOT_LIVE.contains(&i.state)) {
            for device in &instance.devices {
                world.instances.entry(&device.volume).or_default().push(&instance.tags);
            }
        }
        let mut histories: BTreeMap<Origin<'_>, Vec<&Snapshot>> = BTreeMap::new();
        for snapshot in inventory.snapshots.items.iter().filter(|s| world.ours(s)) {
            histories.entry(origin(snapshot)).or_default().push(snapshot);
        }
        world.histories = histories;
        world
    }

    /// Whether a snapshot's own tags say that it is ours, read plainly.
    fn ours(&self, snapshot: &Snapshot) -> bool {
        let tag = |key| snapshot.tags.get(key);
        let automated = tag("Type").is_some_and(|value| value.eq_ignore_ascii_case("automated"));
        let deployment = tag("ebskeep:deployment").unwrap_or("default") == self.settings.deployment.as_str();
        let copy = tag("Source_SnapshotId").is_some() && tag("ebskeep:volume").is_some();
        let began = utc_date(snapshot.started);
        let dated = tag("DeleteOn").and_then(|text| text.trim().parse::<Date>().ok()).is_some_and(|date| date > began);
        let volume = tag("ebskeep:volume").is_none_or(|volume| volume == snapshot.volume.as_str());
        let made_here = (tag("ebskeep:slot").is_some() || dated) && volume;
        let foreign = snapshot.tags.iter().any(|(key, _)| {
            let key = key.to_lowercase();
            key.starts_with("aws:backup:") || key.starts_with("aws:dlm:") || key == "dlm:managed"
        });
        let owned = snapshot.owner == self.inventory.place.account && !foreign;
        owned && automated && deployment && (copy || made_here)
    }

    /// Ours of a volume here.
    fn ours_of(&self, volume: &'a VolumeId) -> &[&'a Snapshot] {
        self.histories.get(&("", "", volume.as_str())).map_or(&[], Vec::as_slice)
    }

    /// The volume of a snapshot made here, if it is live.
    fn live_volume(&self, snapshot: &Snapshot) -> Option<&'a Volume> {
        let copy = snapshot.tags.get("Source_SnapshotId").is_some();
        self.live_volumes.get(&snapshot.volume).copied().filter(|_| !copy)
    }

    /// The tags of the instances that have a volume.
    fn instances_of(&self, volume: &VolumeId) -> Vec<&'a Tags> {
        self.instances.get(volume).cloned().unwrap_or_default()
    }

    /// Whether a snapshot is less than an hour old. A copy is as old as its source,
    /// whatever its own start.
    fn is_young(&self, snapshot: &Snapshot) -> bool {
        let copy = snapshot.tags.get("Source_SnapshotId").is_some();
        !copy && snapshot.started.as_second() + 60 * 60 > self.plan.now.as_second()
    }

    /// How many are ours.
    fn managed(&self) -> usize {
        self.histories.values().map(Vec::len).sum()
    }
}

fn origin(snapshot: &Snapshot) -> Origin<'_> {
    let tag = |key| snapshot.tags.get(key).unwrap_or_default();
    match snapshot.tags.get("Source_SnapshotId") {
        Some(_) => (tag("ebskeep:source-account"), tag("ebskeep:source-region"), tag("ebskeep:volume")),
        None => ("", "", snapshot.volume.as_str()),
    }
}

fn result(check: &'static str, job: Option<Job>, wrong: Vec<String>, fine: impl FnOnce() -> String) -> CheckResult {
    let ok = wrong.is_empty();
    CheckResult { check, ok, job, detail: if ok { fine() } else { some_of(&wrong) } }
}

/// The first few, and how many more.
fn some_of(wrong: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = wrong.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    match wrong.len().checked_sub(SHOWN) {
        None | Some(0) => shown,
        Some(more) => format!("{shown}; and {more} more"),
    }
}

fn utc_date(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// The machine's clock against AWS's, and our snapshots against now.
fn clock(world: &World<'_>) -> CheckResult {
    let tolerance = CLOCK_TOLERANCE_MINUTES * 60;
    let mut wrong = Vec::new();
    if let Some(machine) = world.inventory.machine_clock {
        let off = (machine.as_second() - world.inventory.observed_at.as_second()).abs();
        if off > tolerance {
            wrong.push(format!("this machine's clock is {off} s off AWS's; set it right"));
        }
    }
    for snapshot in world.histories.values().flatten() {
        // Not the plan's `now`, which may be one that was asked for: a saved plan's, or the past.
        let ahead = snapshot.started.as_second() - world.inventory.observed_at.as_second();
        if ahead > tolerance {
            wrong.push(format!("{} began {ahead} s after now", snapshot.id));
        }
    }
    result("clock", None, wrong, || {
        format!("within {CLOCK_TOLERANCE_MINUTES} minutes of AWS's, and nothing of ours began later than now")
    })
}

/// Managed snapshots of live volumes, but not one live resource with the key:
/// the key setting is wrong.
fn backup_key(world: &World<'_>) -> CheckResult {
    let key = folded(&world.settings.keys.backup);
    let instances = world.inventory.instances.items.iter().filter(|i| !NOT_LIVE.contains(&i.state)).map(|i| &i.tags);
    let volumes = world.live_volumes.values();
    let tagged = instances.chain(volumes.map(|v| &v.tags)).any(|tags| tags.iter().any(|(k, _)| folded(k) == key));
    let of_live: usize = world.live_volumes.keys().map(|volume| world.ours_of(volume).len()).sum();
    let mut wrong = Vec::new();
    if of_live > 0 && !tagged {
        wrong.push(format!(
            "there are {of_live} snapshots of ours of volumes that exist, but nothing is tagged {}; \
             is key-backup set right? If backups are over, tag one resource {}=No",
            world.settings.keys.backup, world.settings.keys.backup
        ));
    }
    result("backup-key", None, wrong, || {
        "the key that says what is backed up is in use, or there is nothing of ours yet".to_owned()
    })
}

/// What had to be listed to its end was.
fn listed(world: &World<'_>, check: &'static str, job: Job, needed: &[&str]) -> CheckResult {
    let inventory = world.inventory;
    let gaps = [
        ("instances", &inventory.instances.gap),
        ("volumes", &inventory.volumes.gap),
        ("snapshots", &inventory.snapshots.gap),
        ("images", &inventory.images.gap),
    ];
    let wrong = gaps
        .into_iter()
        .filter(|(what, _)| needed.contains(what))
        .filter_map(|(what, gap)| gap.as_ref().map(|gap| format!("{what} could not be listed completely: {gap}")))
        .collect();
    result(check, Some(job), wrong, || format!("{} listed to the last page", needed.join(", ")))
}

/// Never two snapshots of one volume in one slot.
fn one_per_slot(world: &World<'_>) -> CheckResult {
    let mut wrong = Vec::new();
    let mut seen: BTreeSet<&VolumeId> = BTreeSet::new();
    let mut look = |volume, slot: Timestamp| {
        if !seen.insert(volume) {
            wrong.push(format!("{volume} would be snapshotted twice"));
        }
        let has = |s: &&&Snapshot| {
            let good = matches!(s.state, SnapshotState::Completed | SnapshotState::Pending);
            let fresh =
                s.state != SnapshotState::Pending || s.started.as_second() > world.plan.now.as_second() - 24 * 60 * 60;
            // A slot after the start is no slot anybody goes by.
            let its = s.tags.get("ebskeep:slot").and_then(|text| text.parse().ok()).filter(|its| *its <= s.started);
            good && fresh && its == Some(slot)
        };
        if let Some(there) = world.ours_of(volume).iter().find(has) {
            wrong.push(format!("{volume} has {} for the slot {slot} already", there.id));
        }
    };
    for action in &world.plan.actions {
        match action {
            Action::CreateSnapshot(new) => look(&new.volume_id, new.slot),
            Action::CreateSet(set) => set.members.iter().for_each(|m| look(&m.alone.volume_id, m.alone.slot)),
            Action::FinishTags(_) | Action::DeleteSnapshot(_) => {}
        }
    }
    result("one-per-slot", Some(Job::Create), wrong, || "no volume is snapshotted twice for one slot".to_owned())
}

/// Never more tags than AWS takes.
fn tag_limit(world: &World<'_>) -> CheckResult {
    let mut wrong = Vec::new();
    let mut look = |volume: &VolumeId, count: usize| {
        if count > MAX_TAGS {
            wrong.push(format!("a snapshot of {volume} would have {count} tags; AWS takes {MAX_TAGS}"));
        }
    };
    for action in &world.plan.actions {
        match action {
            Action::CreateSnapshot(new) => look(&new.volume_id, new.tags.iter().count() + new.carried.iter().count()),
            Action::CreateSet(set) => {
                for member in &set.members {
                    let all = [&set.tags, &set.carried, &member.own_tags];
                    let keys: BTreeSet<_> = all.into_iter().flat_map(|tags| tags.iter().map(|(k, _)| k)).collect();
                    look(&member.alone.volume_id, keys.len());
                }
            }
            Action::FinishTags(finish) => {
                let present = world.snapshots.get(&finish.snapshot_id).map(|s| &s.tags);
                let keys: BTreeSet<_> =
                    present.into_iter().chain([&finish.tags]).flat_map(|t| t.iter().map(|(k, _)| k)).collect();
                look(&finish.volume_id, keys.iter().filter(|k| !k.starts_with("aws:")).count());
            }
            Action::DeleteSnapshot(_) => {}
        }
    }
    result("tag-limit", Some(Job::Create), wrong, || format!("at most {MAX_TAGS} tags on each"))
}

/// Deletions that the snapshot's own record does not foresee: too many at once
/// mean that the world has changed, and wait for a person.
fn unforeseen(world: &World<'_>) -> CheckResult {
    let mut unforeseen = 0;
    for (history, deletions) in by_history(world) {
        let good: Vec<Backup<'_>> = policy::good(history);
        let mut read = policy::Read::default();
        unforeseen += deletions.iter().filter(|snapshot| !foreseen(snapshot, &good, &mut read, world)).count();
    }
    // What is not even listed is foreseen by nothing.
    unforeseen += world.deletions.iter().filter(|d| !world.snapshots.contains_key(&d.snapshot_id)).count();
    let managed = world.managed();
    let (most, percent) = (world.settings.max_delete, world.settings.max_delete_percent);
    let mut wrong = Vec::new();
    if unforeseen > most {
        wrong.push(format!("{unforeseen} unforeseen deletions, more than max-delete {most}"));
    }
    if managed > PERCENT_COUNTS_ABOVE && unforeseen * 100 > managed * percent {
        wrong.push(format!(
            "{unforeseen} unforeseen deletions of {managed} snapshots of ours, more than max-delete-percent {percent}"
        ));
    }
    result("unforeseen-deletions", Some(Job::Expire), wrong, || {
        format!("{unforeseen} of {} deletions unforeseen, of {managed} snapshots of ours", world.deletions.len())
    })
}

/// What is to be deleted, with all of ours that came from the same volume.
fn by_history<'w, 'a>(world: &'w World<'a>) -> Vec<(&'w [&'a Snapshot], Vec<&'a Snapshot>)> {
    let mut by_origin: BTreeMap<Origin<'a>, Vec<&'a Snapshot>> = BTreeMap::new();
    for snapshot in world.deletions.iter().filter_map(|deletion| world.snapshots.get(&deletion.snapshot_id)) {
        by_origin.entry(origin(snapshot)).or_default().push(snapshot);
    }
    let with_history = |(origin, deletions)| (world.histories.get(&origin).map_or(&[][..], Vec::as_slice), deletions);
    by_origin.into_iter().map(with_history).collect()
}

/// Whether a snapshot has a slot and its own record, `DeleteOn` and
/// `ebskeep:retention`, keeps it no longer. What is recorded as forever or as
/// nothing readable is never foreseen to go.
fn foreseen<'a>(snapshot: &'a Snapshot, good: &[Backup<'a>], read: &mut policy::Read<'a>, world: &World<'_>) -> bool {
    let tag = |key| snapshot.tags.get(key);
    let (today, now) = (utc_date(world.plan.now), world.plan.now);
    let date = tag("DeleteOn").map(|text| text.trim().parse::<Date>().is_ok_and(|date| date <= today));
    let record = tag("ebskeep:retention").map(|text| {
        let zone = tag("ebskeep:tz").unwrap_or_default();
        let gone = snapshot.tags.get("Source_SnapshotId").is_some()
            || world.inventory.confirmed_gone.contains(&snapshot.volume);
        let ended = gone && span_is_over(text, zone, good, now, world.settings);
        ended || !read.keeps(text, zone, snapshot, good, now, world.settings)
    });
    let says = date.is_some() || record.is_some();
    tag("ebskeep:slot").is_some() && says && date != Some(false) && record != Some(false)
}

/// Never the last good snapshot of a volume that exists.
fn last_good(world: &World<'_>) -> CheckResult {
    let going: BTreeSet<&SnapshotId> = world.deletions.iter().map(|deletion| &deletion.snapshot_id).collect();
    let volumes: BTreeSet<&VolumeId> = world.deletions.iter().map(|deletion| &deletion.volume_id).collect();
    let mut left: BTreeMap<&VolumeId, (usize, usize)> = BTreeMap::new();
    for volume in volumes {
        for snapshot in world.ours_of(volume).iter().filter(|s| s.state == SnapshotState::Completed) {
            let (staying, leaving) = left.entry(volume).or_default();
            if going.contains(&snapshot.id) { *leaving += 1 } else { *staying += 1 }
        }
    }
    let wrong = left
        .into_iter()
        .filter(|(volume, _)| !world.inventory.confirmed_gone.contains(volume))
        .filter(|(_, (staying, leaving))| *staying == 0 && *leaving > 0)
        .map(|(volume, (_, leaving))| {
            format!("all {leaving} good snapshots of {volume} would go, and it is not known to be gone")
        })
        .collect();
    result("last-good", Some(Job::Expire), wrong, || "every volume that exists keeps a good snapshot".to_owned())
}

/// Never anything that plainly has a reason to stay, or is not ours.
fn reason_to_stay(world: &World<'_>) -> CheckResult {
    let today = utc_date(world.plan.now);
    let in_images: BTreeSet<&SnapshotId> = world.inventory.images.items.iter().flat_map(|i| &i.snapshots).collect();
    let verdicts: BTreeMap<&SnapshotId, ExpireVerdict> =
        world.plan.snapshots.iter().map(|v| (&v.snapshot_id, v.verdict)).collect();
    let live_policies = kept_by_live_tags(world);
    let deleted: BTreeSet<&SnapshotId> = world.deletions.iter().map(|d| &d.snapshot_id).collect();
    let mut wrong = Vec::new();
    for deletion in &world.deletions {
        let id = &deletion.snapshot_id;
        let Some(snapshot) = world.snapshots.get(id) else {
            wrong.push(format!("{id} is not in the listing"));
            continue;
        };
        let mut stays = stays(snapshot, today, world.plan.now);
        if world.is_young(snapshot) && !replaced(snapshot, world, &deleted) {
            stays.push("it is less than an hour old, and no other as young takes its place");
        }
        if world.locked.contains(id) {
            stays.push("it is locked");
        }
        let long_archived = world.long_archived.contains(id);
        if snapshot.tier == StorageTier::Archive && !long_archived {
            stays.push("it is not known to be archived for 90 days");
        }
        if live_policies.get(id) == Some(&true) {
            stays.push("the retention that is tagged on its volume or instance keeps it");
        }
        if verdicts.get(id) != Some(&ExpireVerdict::Delete) {
            stays.push("its verdict is not delete");
        }
        if !world.ours(snapshot) {
            stays.push("it is not ours");
        }
        if in_images.contains(id) {
            stays.push("an image uses it");
        }
        wrong.extend(stays.into_iter().map(|why| format!("{id}: {why}")));
    }
    let silent =
        world.plan.snapshots.iter().filter(|v| v.verdict == ExpireVerdict::Delete && !deleted.contains(&v.snapshot_id));
    wrong.extend(silent.map(|v| format!("{}: its verdict is delete, but no action does it", v.snapshot_id)));
    if deleted.len() != world.deletions.len() {
        wrong.push("a snapshot would be deleted twice".to_owned());
    }
    result("reason-to-stay", Some(Job::Expire), wrong, || {
        format!("{} deletions, none with a reason to stay", world.deletions.len())
    })
}

/// Whether another good one as young stays in place of a good one: under rules a
/// schedule of minutes, or a second run for a slot, makes more than are kept.
fn replaced(snapshot: &Snapshot, world: &World<'_>, deleted: &BTreeSet<&SnapshotId>) -> bool {
    let good = |s: &Snapshot| s.state == SnapshotState::Completed;
    let history = world.histories.get(&origin(snapshot)).map_or(&[][..], Vec::as_slice);
    good(snapshot) && history.iter().any(|s| good(s) && world.is_young(s) && !deleted.contains(&s.id))
}

/// Whether what is to be deleted is kept by the retention on its live volume, or
/// else on an instance that has it.
fn kept_by_live_tags<'a>(world: &World<'a>) -> BTreeMap<&'a SnapshotId, bool> {
    let keys = &world.settings.keys;
    let mut kept = BTreeMap::new();
    for (history, deletions) in by_history(world) {
        let Some(volume) = deletions.first().and_then(|s| world.live_volume(s)) else { continue };
        let good: Vec<Backup<'_>> = policy::good(history);
        let mut read = policy::Read::default();
        let of_volume = loosely(&volume.tags, &keys.retention);
        let zone_of_volume = loosely(&volume.tags, &keys.time_zone);
        let instances = world.instances_of(&volume.id);
        let tags: Vec<Option<&Tags>> =
            if instances.is_empty() { vec![None] } else { instances.into_iter().map(Some).collect() };
        for tags in tags {
            let from = |own: Option<&'a str>, key: &str| own.or_else(|| tags.and_then(|tags| loosely(tags, key)));
            let Some(text) = from(of_volume, &keys.retention) else { continue };
            let zone = from(zone_of_volume, &keys.time_zone).unwrap_or_default();
            // An age counts from the start in whole dates or to the second; rules need a good one.
            for snapshot in deletions.iter().filter(|s| s.state == SnapshotState::Completed) {
                let keeps = read.keeps(text, zone, snapshot, &good, world.plan.now, world.settings);
                *kept.entry(&snapshot.id).or_insert(false) |= keeps;
            }
        }
    }
    kept
}

/// The value of a key, read without regard to case, blanks, `-` and `_`.
fn loosely<'t>(tags: &'t Tags, key: &str) -> Option<&'t str> {
    tags.iter().find(|(k, _)| folded(k) == folded(key)).map(|(_, value)| value.trim())
}

fn folded(key: &str) -> String {
    key.trim().to_lowercase().replace(['-', '_'], "")
}

/// Plain reasons on the snapshot itself.
fn stays(snapshot: &Snapshot, today: Date, now: Timestamp) -> Vec<&'static str> {
    let mut stays = Vec::new();
    let failed = snapshot.state == SnapshotState::Error;
    if !matches!(snapshot.state, SnapshotState::Completed | SnapshotState::Error) {
        stays.push("it is neither completed nor failed");
    }
    for (key, value) in snapshot.tags.iter() {
        let written = key.as_str();
        let key = folded(key);
        let date = value.trim().parse::<Date>();
        if key == "keepforever" {
            stays.push("KeepForever");
        } else if key == "keepuntil" {
            // Noon UTC of the next day: the day itself is over everywhere.
            let over = date.is_ok_and(|date| {
                let noon = date.saturating_add(1.day()).at(12, 0, 0, 0).to_zoned(TimeZone::UTC);
                noon.is_ok_and(|noon| noon.timestamp() <= now)
            });
            if !over {
                stays.push("KeepUntil");
            }
        } else if key == "deleteon" && !failed {
            if !date.is_ok_and(|date| date <= today) {
                stays.push("DeleteOn");
            }
        } else if key.starts_with("aws:backup:") || key.starts_with("aws:dlm:") || key == "dlm:managed" {
            stays.push("another service manages it");
        } else if written == "ebskeep:retention" && value == "unset" && !failed {
            stays.push("its own tags were never written");
        }
    }
    stays
}
