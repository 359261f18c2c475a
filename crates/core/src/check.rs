//! The second opinion: refuses a finished plan that no run should carry out
//! (docs/semantics.md 4).
//!
//! Shares no code with the deciders: it reads raw tags and the finished plan,
//! by rules of its own that are simpler and stricter than theirs. A mistake in
//! a decider is to meet a different mind here.

mod copies;
mod history;
mod instances;
mod marks;
mod overdue;
mod policy;
mod unforeseen;
mod world;

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use self::policy::{Read, units_descend};
use self::world::{Listed, Origin, World, origin};
use crate::id::{SnapshotId, VolumeId};
use crate::inventory::{InstanceState, Inventory, Snapshot, SnapshotState, Volume};
use crate::job::{Grace, Request, Untagged};
use crate::plan::{Action, CheckResult, ExpireVerdict, Job, Plan, Refuses};
use crate::setting::Settings;
use crate::tags::Tags;

/// The machine's clock, and the youngest of our snapshots, may differ from
/// AWS's clock by this much (docs/semantics.md 4).
const CLOCK_TOLERANCE_MINUTES: i64 = 5;

/// Tags AWS takes on one resource.
const MAX_TAGS: usize = 50;

/// Instances in these states do not count.
const NOT_LIVE: [InstanceState; 3] = [InstanceState::ShuttingDown, InstanceState::Terminated, InstanceState::Other];

/// All checks of a plan, passed and failed.
pub fn check(plan: &Plan, inventory: &Inventory, request: &Request, settings: &Settings) -> Vec<CheckResult> {
    let default_retention = policy::default_text(settings);
    let world = World::new(plan, inventory, settings, &default_retention);
    let mut results = vec![clock(&world)];
    if request.untagged == Untagged::NotBackedUp {
        results.push(backup_key(&world));
    }
    if plan.jobs.contains(&Job::Create) {
        results.push(listed(&world, "snapshots-listed", Job::Create, &["snapshots"]));
        results.push(one_per_slot(&world));
        results.push(tag_limit(&world));
    }
    if plan.jobs.contains(&Job::Copy) {
        results.extend(copies::copies(&world));
    }
    if plan.jobs.contains(&Job::Expire) {
        results.push(all_listed(&world));
        let mut histories = by_history(&world);
        results.push(unforeseen::unforeseen(&world, &mut histories));
        results.push(last_good(&world));
        results.push(reason_to_stay(&world, &mut histories, request.grace));
        results.push(marks::marks(&world));
    }
    results
}

fn result(check: &'static str, job: Option<Job>, wrong: Vec<String>, fine: impl FnOnce() -> String) -> CheckResult {
    let ok = wrong.is_empty();
    CheckResult::new(check, ok, job, if ok { fine() } else { some_of(&wrong) })
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
    // Not the plan's `now`, which may be one that was asked for: a saved plan's, or the past.
    let ahead = |snapshot: &Snapshot| snapshot.started.as_second() - world.inventory.observed_at.as_second();
    let ours = world.listed.iter().filter(|listed| listed.ours).map(|listed| listed.snapshot);
    let mut late: Vec<&Snapshot> = ours.filter(|snapshot| ahead(snapshot) > tolerance).collect();
    late.sort_by_key(|snapshot| origin(snapshot));
    wrong.extend(late.into_iter().map(|snapshot| format!("{} began {} s after now", snapshot.id, ahead(snapshot))));
    result("clock", None, wrong, || {
        format!("within {CLOCK_TOLERANCE_MINUTES} minutes of AWS's, and nothing of ours began later than now")
    })
}

/// Managed snapshots of live volumes, but not one live resource with the key:
/// the key setting is wrong.
fn backup_key(world: &World<'_>) -> CheckResult {
    let key = &world.settings.keys.backup;
    let instances = world.inventory.instances.items.iter().filter(|i| !NOT_LIVE.contains(&i.state)).map(|i| &i.tags);
    let volumes = world.live_volumes.values();
    let tagged =
        instances.chain(volumes.map(|v| &v.tags)).any(|tags| tags.iter().any(|(k, _)| folded(k).eq(folded(key))));
    let of_live: usize = world.live_volumes.keys().map(|volume| world.ours_of(volume).count()).sum();
    let mut wrong = Vec::new();
    // Where untagged volumes are backed up nobody needs the key.
    if of_live > 0 && !tagged && world.settings.default_backup.is_none() {
        wrong.push(format!(
            "there are {of_live} snapshots of ours of volumes that exist, but nothing is tagged {}; \
             is key-backup set right? If backups are over, tag one resource {}=No",
            world.settings.keys.backup, world.settings.keys.backup
        ));
    }
    let result = result("backup-key", None, wrong, || {
        "the key that says what is backed up is in use, or there is nothing of ours yet".to_owned()
    });
    spares_failed(result)
}

/// A check that holds back no failed snapshot: nothing can be restored from one, and it counts
/// against AWS's limits.
fn spares_failed(result: CheckResult) -> CheckResult {
    CheckResult { refuses: if result.ok { Refuses::All } else { Refuses::AllButFailed }, ..result }
}

/// The four kinds were listed to their end. Of failed snapshots only the snapshots matter.
fn all_listed(world: &World<'_>) -> CheckResult {
    let result = listed(world, "all-listed", Job::Expire, &["instances", "volumes", "snapshots", "images"]);
    if world.inventory.snapshots.is_complete() { spares_failed(result) } else { result }
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
    let gaps: Vec<_> = gaps
        .into_iter()
        .filter(|(what, _)| needed.contains(what))
        .filter_map(|(what, gap)| Some((what, gap.as_ref()?)))
        .collect();
    let mut wrong: Vec<String> =
        gaps.iter().map(|(what, gap)| format!("{what} could not be listed completely: {gap}")).collect();
    // Four listings that one cause ended have one remedy.
    let mut remedies: Vec<&str> =
        gaps.iter().map(|(_, gap)| gap.remedy.as_str()).filter(|remedy| !remedy.is_empty()).collect();
    remedies.sort_unstable();
    remedies.dedup();
    if !remedies.is_empty() {
        wrong.push(format!("to fix it: {}", remedies.join("; ")));
    }
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
        let has = |s: &&Snapshot| {
            let good = matches!(s.state, SnapshotState::Completed | SnapshotState::Pending);
            let fresh =
                s.state != SnapshotState::Pending || s.started.as_second() > world.plan.now.as_second() - 24 * 60 * 60;
            // A slot after the start is no slot anybody goes by.
            let its = s.tags.get("ebskeep:slot").and_then(|text| text.parse().ok()).filter(|its| *its <= s.started);
            good && fresh && its == Some(slot)
        };
        if let Some(there) = world.ours_of(volume).find(has) {
            wrong.push(format!("{volume} has {} for the slot {slot} already", there.id));
        }
    };
    for action in &world.plan.actions {
        match action {
            Action::CreateSnapshot(new) => look(&new.volume_id, new.slot),
            Action::CreateSet(set) => set.members.iter().for_each(|m| look(&m.alone.volume_id, m.alone.slot)),
            _ => {}
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
                let present = world.find(&finish.snapshot_id).map(|s| &s.tags);
                let keys: BTreeSet<_> =
                    present.into_iter().chain([&finish.tags]).flat_map(|t| t.iter().map(|(k, _)| k)).collect();
                look(&finish.volume_id, keys.iter().filter(|k| !k.starts_with("aws:")).count());
            }
            _ => {}
        }
    }
    result("tag-limit", Some(Job::Create), wrong, || format!("at most {MAX_TAGS} tags on each"))
}

/// A history of which something is to be deleted.
struct History<'w, 'a> {
    /// What is to be deleted, by its places among what is listed.
    going: Vec<usize>,
    /// All that came from the same volume, by its places.
    all: &'w [usize],
    /// What the checks read of those that are ours.
    read: Read<'a>,
}

/// The histories of which something is to be deleted.
fn by_history<'w, 'a>(world: &'w World<'a>) -> Vec<History<'w, 'a>> {
    let mut histories = Vec::new();
    for places in world.histories.values() {
        let is_going = |place: &usize| world.listed.get(*place).is_some_and(|listed| listed.deletions > 0);
        let going: Vec<usize> = places.iter().copied().filter(is_going).collect();
        if !going.is_empty() {
            let ours = world.at(places).filter(|listed| listed.ours);
            let read = Read::new(ours.map(|listed| listed.snapshot));
            histories.push(History { going, all: places, read });
        }
    }
    histories
}

/// Never the last good snapshot of a volume that exists.
fn last_good(world: &World<'_>) -> CheckResult {
    let mut wrong = Vec::new();
    for (Origin { copied, volume, .. }, places) in &world.histories {
        let good = world.at(places).filter(|l| l.ours && l.snapshot.state == SnapshotState::Completed);
        let (leaving, staying): (Vec<_>, Vec<_>) = good.partition(|listed| listed.deletions > 0);
        let all = staying.is_empty() && !leaving.is_empty();
        if !copied && all && !world.inventory.confirmed_gone.contains(&VolumeId::new(*volume)) {
            let leaving = leaving.len();
            wrong.push(format!("all {leaving} good snapshots of {volume} would go, and it is not known to be gone"));
        }
    }
    let result =
        result("last-good", Some(Job::Expire), wrong, || "every volume that exists keeps a good snapshot".to_owned());
    spares_failed(result)
}

/// Never anything that plainly has a reason to stay, or is not ours.
fn reason_to_stay<'a>(world: &World<'a>, histories: &mut [History<'_, 'a>], grace: Grace) -> CheckResult {
    let today = utc_date(world.plan.now);
    let in_images: BTreeSet<&SnapshotId> = world.inventory.images.items.iter().flat_map(|i| &i.snapshots).collect();
    let live_policies = kept_by_live_tags(world, histories);
    let mut of_history = history::stays(world, histories, grace);
    let on_unlisted = instances::on_unlisted(world.inventory);
    let mut wrong = Vec::new();
    // Failed ones with a reason of their own.
    let mut holds = BTreeSet::new();
    for (deletion, place) in &world.deletions {
        let id = &deletion.snapshot_id;
        let mut hold = || deletion.failed && holds.insert(id.clone());
        let Some((place, listed)) = place.and_then(|place| Some((place, world.listed.get(place)?))) else {
            hold();
            wrong.push(format!("{id} is not in the listing"));
            continue;
        };
        let snapshot = listed.snapshot;
        let mut stays = stays(snapshot, today, world.plan.now);
        if world.is_young(snapshot) && !replaced(snapshot, world) {
            stays.push("it is less than an hour old, and no other as young takes its place");
        }
        if world.locked.contains(id) {
            stays.push("it is locked");
        }
        stays.extend(world.stays_in_archive(snapshot));
        if live_policies.get(place) == Some(&true) {
            stays.push("the retention that is tagged on its volume or instance keeps it");
        }
        if listed.verdict != Some(ExpireVerdict::Delete) {
            stays.push("its verdict is not delete");
        }
        stays.extend(of_history.remove(&place).unwrap_or_default());
        if !listed.ours {
            stays.push("it is not ours");
        }
        stays.extend(copies::stays(snapshot, &world.inventory.place, world.plan.now, world.settings));
        stays.extend(instances::stays(snapshot, &on_unlisted));
        if in_images.contains(id) {
            stays.push("an image uses it");
        }
        if deletion.failed && snapshot.state != SnapshotState::Error {
            stays.push("it did not fail");
        }
        if !stays.is_empty() {
            hold();
        }
        wrong.extend(stays.into_iter().map(|why| format!("{id}: {why}")));
    }
    let silent = world.silent.iter();
    wrong.extend(silent.map(|id| format!("{id}: its verdict is delete, but no action does it")));
    let deleted = world.listed.iter().filter(|listed| listed.deletions > 0).count();
    if deleted + world.unlisted.len() != world.deletions.len() {
        wrong.push("a snapshot would be deleted twice".to_owned());
    }
    let result = result("reason-to-stay", Some(Job::Expire), wrong, || {
        format!("{} deletions, none with a reason to stay", world.deletions.len())
    });
    CheckResult { holds: holds.into_iter().collect(), ..spares_failed(result) }
}

/// Whether another good one as young stays in place of a good one: under rules a
/// schedule of minutes, or a second run for a slot, makes more than are kept.
fn replaced(snapshot: &Snapshot, world: &World<'_>) -> bool {
    let good = |s: &Snapshot| s.state == SnapshotState::Completed;
    let stays = |l: &Listed<'_>| l.ours && good(l.snapshot) && world.is_young(l.snapshot) && l.deletions == 0;
    let history = world.histories.get(&origin(snapshot));
    good(snapshot) && history.is_some_and(|places| world.at(places).any(stays))
}

/// Whether what is to be deleted is kept by the retention on its live volume, or
/// else on an instance that has it: by its place among what is listed.
fn kept_by_live_tags<'a>(world: &World<'a>, histories: &mut [History<'_, 'a>]) -> Vec<bool> {
    let mut kept = vec![false; world.listed.len()];
    for History { going, read, all: _ } in histories {
        let Some(volume) = world.at(going).find_map(|listed| world.live_volume(listed.snapshot)) else { continue };
        for Live { text, zone } in live(world, volume) {
            let Some(text) = text else { continue };
            // An age counts from the start in whole dates or to the second; rules need a good one.
            for place in going.iter() {
                let snapshot = world.listed.get(*place).map(|listed| listed.snapshot);
                let good = snapshot.filter(|snapshot| snapshot.state == SnapshotState::Completed);
                if let (Some(snapshot), Some(kept)) = (good, kept.get_mut(*place)) {
                    *kept |= !units_descend(text)
                        || read.keeps(text, zone.unwrap_or_default(), snapshot, world.plan.now, world.settings);
                }
            }
        }
    }
    kept
}

/// What the tags of a volume say together with those of one instance that has it.
struct Live<'a> {
    /// The retention, if they name one.
    text: Option<&'a str>,
    /// The name of the zone, if they name one.
    zone: Option<&'a str>,
}

/// What live tags say of a volume: once for each instance that has it.
fn live<'a>(world: &World<'a>, volume: &'a Volume) -> Vec<Live<'a>> {
    let keys = &world.settings.keys;
    let instances = world.instances_of(&volume.id);
    let tags: Vec<Option<&Tags>> =
        if instances.is_empty() { vec![None] } else { instances.into_iter().map(Some).collect() };
    let said = |tags: Option<&'a Tags>, key: &str| {
        loosely(&volume.tags, key).or_else(|| tags.and_then(|tags| loosely(tags, key)))
    };
    tags.into_iter().map(|tags| Live { text: said(tags, &keys.retention), zone: said(tags, &keys.time_zone) }).collect()
}

/// The value of a key, read without regard to case, blanks, `-` and `_`.
fn loosely<'t>(tags: &'t Tags, key: &str) -> Option<&'t str> {
    tags.iter().find(|(k, _)| folded(k).eq(folded(key))).map(|(_, value)| value.trim())
}

fn folded(key: &str) -> impl Iterator<Item = char> {
    key.trim().chars().flat_map(char::to_lowercase).filter(|c| !['-', '_'].contains(c))
}

/// Plain reasons on the snapshot itself.
fn stays(snapshot: &Snapshot, today: Date, now: Timestamp) -> Vec<&'static str> {
    let mut stays = Vec::new();
    let failed = snapshot.state == SnapshotState::Error;
    // What holds on a failed copy came from its source.
    let held = !failed || snapshot.tags.get("Source_SnapshotId").is_none();
    if !matches!(snapshot.state, SnapshotState::Completed | SnapshotState::Error) {
        stays.push("it is neither completed nor failed");
    }
    for (key, value) in snapshot.tags.iter() {
        if key == "ebskeep:retention" {
            if value == "unset" && !failed {
                stays.push("its own tags were never written");
            }
            continue;
        }
        // None of the names below begins otherwise, and most keys do.
        if !matches!(folded(key).next(), Some('k' | 'd' | 'a')) {
            continue;
        }
        let is = |name: &str| folded(key).eq(name.chars());
        let begins = |mark: &str| folded(key).take(mark.len()).eq(mark.chars());
        let date = || value.trim().parse::<Date>();
        if is("keepforever") && held {
            stays.push("KeepForever");
        } else if is("keepuntil") && held {
            // Noon UTC of the next day: the day itself is over everywhere.
            let over = date().is_ok_and(|date| {
                let noon = date.saturating_add(1.day()).at(12, 0, 0, 0).to_zoned(TimeZone::UTC);
                noon.is_ok_and(|noon| noon.timestamp() <= now)
            });
            if !over {
                stays.push("KeepUntil");
            }
        } else if is("deleteon") && !failed {
            if !date().is_ok_and(|date| date <= today) {
                stays.push("DeleteOn");
            }
        } else if begins("aws:backup:") || begins("aws:dlm:") || is("dlm:managed") {
            stays.push("another service manages it");
        }
    }
    stays
}
