//! The second opinion on copies: sources, destinations, marks, holds and shares, read
//! plainly from tags. Nothing here is the deciders'.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;

use super::marks::{has_room, is_gone};
use super::policy::copies_are_over;
use super::world::World;
use super::{MAX_TAGS, folded, result};
use crate::id::{AccountId, Place, Region, SnapshotId};
use crate::inventory::{Listing, Snapshot, SnapshotState, StorageTier};
use crate::plan::{Action, CheckResult, FollowSource, Job, MarkCopied, NewCopy, Unshare, WriteMarks};
use crate::setting::Settings;
use crate::tags::Tags;

/// Copies under way at one destination. Source: as for the limits of EBS, "Concurrent
/// snapshot copies per destination Region".
const AT_ONCE: usize = 20;

/// Seconds for which a copy stays after it began: 48 hours.
const FRESH: i64 = 48 * 60 * 60;

/// All checks of what `copy` would do.
pub(super) fn copies(world: &World<'_>) -> [CheckResult; 3] {
    [sources(world), once(world), marks(world)]
}

/// Why a copy, or the source of copies, stays.
pub(super) fn stays(snapshot: &Snapshot, home: &Place, now: Timestamp, settings: &Settings) -> Option<&'static str> {
    let tag = |key| snapshot.tags.get(key);
    if tag("Source_SnapshotId").is_some() {
        let fresh = snapshot.started.as_second() + FRESH > now.as_second();
        return fresh.then_some("it is a copy made less than 48 hours ago");
    }
    // AWS copies nothing that is stored on an Outpost or in a Local Zone.
    let copyable = snapshot.state != SnapshotState::Error && snapshot.site.is_none();
    let wanted = tag("ebskeep:copy-to").filter(|_| copyable)?;
    let done = places(tag("ebskeep:copied-to").unwrap_or_default(), home);
    let missing = entries(wanted).any(|entry| match place(entry, home) {
        Some(place) => place != *home && !done.contains(&place),
        None => true,
    });
    let text = tag("ebskeep:copy-retention").or_else(|| tag("ebskeep:retention")).filter(|text| *text != "unset");
    // Without a policy its DeleteOn decides, which has a check of its own.
    let over =
        text.is_none_or(|text| copies_are_over(text, tag("ebskeep:tz").unwrap_or_default(), snapshot, now, settings));
    (missing && !over).then_some("a copy of it is wanted and not known to be good")
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',', '\t', '\n', '\r']).filter(|entry| !entry.is_empty())
}

/// The Place an entry names: a Region, or twelve digits, a slash and a Region.
fn place(entry: &str, home: &Place) -> Option<Place> {
    let entry = entry.to_lowercase();
    let (account, region) = entry.split_once('/').unwrap_or((home.account.as_str(), &entry));
    let digits = account.chars().filter(char::is_ascii_digit).count();
    let region_like = region.ends_with(|c: char| c.is_ascii_digit()) && region.matches('-').count() >= 2;
    let known = digits == 12
        && account.len() == 12
        && region_like
        && region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    known.then(|| Place { account: AccountId::new(account), region: Region::new(region) })
}

fn places(text: &str, home: &Place) -> BTreeSet<Place> {
    entries(text).filter_map(|entry| place(entry, home)).collect()
}

fn begun<'a>(world: &World<'a>) -> impl Iterator<Item = &'a NewCopy> + use<'a> {
    world.plan.actions.iter().filter_map(|action| match action {
        Action::CopySnapshot(copy) => Some(&**copy),
        _ => None,
    })
}

/// Never a copy of a copy, nor of what is not good, nor where no tag wants one, nor
/// with more tags than AWS takes.
fn sources(world: &World<'_>) -> CheckResult {
    let home = &world.inventory.place;
    let mut wrong = Vec::new();
    for copy in begun(world) {
        let id = &copy.snapshot_id;
        let mut no = |why: &str| wrong.push(format!("{id} to {}: {why}", copy.destination));
        let Some(source) = world.find(id) else {
            no("it is not in the listing");
            continue;
        };
        let tag = |key| source.tags.get(key);
        if source.owner != home.account || tag("Source_SnapshotId").is_some() || source.volume.is_dummy() {
            no("it is no snapshot of a volume here");
        }
        if source.state != SnapshotState::Completed || source.tier != StorageTier::Standard {
            no("it is not good, or it is archived");
        }
        if source.site.is_some() {
            no("it is not stored in the Region");
        }
        if tag("ebskeep:retention") == Some("unset") {
            no("its own tags were never written");
        }
        if source.encrypted != copy.encrypted {
            no("an encrypted source gives an encrypted copy, and no other does");
        }
        let to = copy.destination.place(&home.account);
        if to == *home || !places(tag("ebskeep:copy-to").unwrap_or_default(), home).contains(&to) {
            no("its tags do not name that destination");
        }
        if places(tag("ebskeep:copied-to").unwrap_or_default(), home).contains(&to) {
            no("it was copied there before");
        }
        let keys: BTreeSet<_> = copy.tags.iter().chain(copy.carried.iter()).map(|(key, _)| key).collect();
        if keys.len() > MAX_TAGS {
            no(&format!("it would have {} tags; AWS takes {MAX_TAGS}", keys.len()));
        }
        let says = |key: &str, value: &str| copy.tags.get(key) == Some(value);
        let alone = says("Source_SnapshotId", id.as_str())
            && says("ebskeep:source-region", home.region.as_str())
            && says("ebskeep:source-account", home.account.as_str())
            && says("ebskeep:volume", copy.volume_id.as_str())
            && copy
                .tags
                .get("ebskeep:started")
                .is_some_and(|text| text.parse::<Timestamp>().is_ok_and(|at| at == source.started));
        if !alone {
            no("its tags would not say what it is a copy of");
        }
    }
    result("copy-source", Some(Job::Copy), wrong, || {
        "only good snapshots of volumes here, where their tags say".to_owned()
    })
}

/// One copy for each source and destination, at most twenty at a time, and none where
/// it cannot be seen what is there.
fn once(world: &World<'_>) -> CheckResult {
    let home = &world.inventory.place;
    let mut wrong = Vec::new();
    let mut planned: BTreeMap<Place, Vec<&NewCopy>> = BTreeMap::new();
    for copy in begun(world) {
        planned.entry(copy.destination.place(&home.account)).or_default().push(copy);
    }
    for (to, copies) in planned {
        let Some(there) = world.inventory.destination(&to).filter(|there| there.is_complete()) else {
            wrong.push(format!("what is at {to} could not be seen"));
            continue;
        };
        let pending = |s: &&Snapshot| s.state == SnapshotState::Pending;
        let a_copy = |s: &&Snapshot| s.tags.get("Source_SnapshotId").is_some() || s.volume.is_dummy();
        let in_flight = there.items.iter().filter(pending).filter(a_copy).count();
        if in_flight + copies.len() > AT_ONCE {
            wrong.push(format!("{} copies at {to}, where {in_flight} are under way", copies.len()));
        }
        let mut seen = BTreeSet::new();
        for copy in copies {
            let alive = |s: &&Snapshot| matches!(s.state, SnapshotState::Pending | SnapshotState::Completed);
            let twin = there.items.iter().filter(alive).find(|s| is_copy_of(s, &copy.snapshot_id, world));
            if let Some(twin) = twin {
                wrong.push(format!("{} has the copy {} at {to} already", copy.snapshot_id, twin.id));
            }
            if !seen.insert(&copy.snapshot_id) {
                wrong.push(format!("{} would be copied to {to} twice", copy.snapshot_id));
            }
        }
    }
    result("copy-once", Some(Job::Copy), wrong, || format!("nothing twice, and at most {AT_ONCE} at a time"))
}

/// Whether a snapshot at a destination is ours and was copied from this one.
fn is_copy_of(snapshot: &Snapshot, source: &SnapshotId, world: &World<'_>) -> bool {
    let home = &world.inventory.place;
    let says = |key: &str, value: &str| snapshot.tags.get(key) == Some(value);
    says("Source_SnapshotId", source.as_str())
        && says("ebskeep:source-region", home.region.as_str())
        && says("ebskeep:source-account", home.account.as_str())
        && snapshot.tags.get("Type").is_some_and(|value| value.eq_ignore_ascii_case("automated"))
        && snapshot.tags.get("ebskeep:deployment").unwrap_or("default") == world.settings.deployment.as_str()
}

/// Marks say what is there; holds only keep longer; only our own shares are taken back.
fn marks(world: &World<'_>) -> CheckResult {
    let mut wrong = Vec::new();
    for action in &world.plan.actions {
        match action {
            Action::MarkCopied(mark) => wrong.extend(marked(mark, world)),
            Action::FollowSource(follow) => wrong.extend(followed(follow, world)),
            Action::Unshare(unshare) => wrong.extend(unshared(unshare, world)),
            Action::WriteMarks(marks) => {
                let at =
                    marks.destination.as_ref().map(|destination| destination.place(&world.inventory.place.account));
                wrong.extend(at.into_iter().flat_map(|at| source_gone(marks, &at, world)));
            }
            _ => {}
        }
    }
    result("copy-marks", Some(Job::Copy), wrong, || "what is written is so, and shortens nothing".to_owned())
}

fn marked(mark: &MarkCopied, world: &World<'_>) -> Vec<String> {
    let home = &world.inventory.place;
    let id = &mark.snapshot_id;
    let before = world.find(id).and_then(|source| source.tags.get("ebskeep:copied-to"));
    let (before, after) = (
        places(before.unwrap_or_default(), home),
        places(mark.tags.get("ebskeep:copied-to").unwrap_or_default(), home),
    );
    let mut wrong = Vec::new();
    if mark.tags.iter().any(|(key, _)| key != "ebskeep:copied-to") || !before.is_subset(&after) {
        wrong.push(format!("{id}: more than where it was copied to would be written"));
    }
    for to in after.difference(&before) {
        let there = world.inventory.destination(to).map(|there| there.items.as_slice()).unwrap_or_default();
        let good = |s: &&Snapshot| s.state == SnapshotState::Completed;
        if !there.iter().filter(good).any(|s| is_copy_of(s, id, world)) {
            wrong.push(format!("{id}: no good copy is at {to}"));
        }
    }
    wrong
}

fn followed(follow: &FollowSource, world: &World<'_>) -> Vec<String> {
    let home = &world.inventory.place;
    let id = &follow.snapshot_id;
    let to = follow.destination.place(&home.account);
    let there = world.inventory.destination(&to).map(|there| there.items.as_slice()).unwrap_or_default();
    let Some(copy) = there.iter().find(|s| s.id == *id).filter(|s| is_copy_of(s, &follow.source_id, world)) else {
        return vec![format!("{id} at {to} is no copy of {}", follow.source_id)];
    };
    let mut wrong = Vec::new();
    for (key, value) in follow.tags.iter() {
        let fine = match key.as_str() {
            "KeepForever" | "KeepReason" => true,
            "KeepUntil" | "DeleteOn" => keeps_longer(key, value, &copy.tags),
            _ => false,
        };
        if !fine {
            wrong.push(format!("{id} at {to}: {key}={value} may shorten it"));
        }
    }
    wrong
}

/// Whether a date is later than what the copy bears under that key, in any spelling.
fn keeps_longer(key: &str, value: &str, before: &Tags) -> bool {
    let name: String = folded(key).collect();
    let mut all = before.iter().filter(|(k, _)| folded(k).eq(name.chars())).map(|(_, value)| value.trim());
    match value.trim().parse::<Date>() {
        Ok(date) => all.all(|before| before.parse::<Date>().is_ok_and(|before| before < date)),
        // What nobody can read keeps.
        Err(_) => true,
    }
}

/// That the source of copies was deleted ends them, so it has to be so; that it was not
/// keeps them, and has to be so as well.
fn source_gone(marks: &WriteMarks, at: &Place, world: &World<'_>) -> Vec<String> {
    let id = &marks.snapshot_id;
    let there = world.inventory.destination(at);
    let Some(copy) = there.and_then(|there| there.items.iter().find(|s| s.id == *id)) else {
        return vec![format!("{id} is not in the listing of {at}")];
    };
    let volume = &marks.volume_id;
    let ours = copy.tags.get("ebskeep:volume") == Some(volume.as_str())
        && copy.tags.get("Source_SnapshotId").is_some_and(|source| is_copy_of(copy, &source.into(), world));
    let mut wrong = Vec::new();
    if !ours {
        wrong.push(format!("{id} at {at} is no copy of ours of {volume} here"));
    }
    if !marks.remove.is_empty() || marks.tags.iter().any(|(key, _)| key != "ebskeep:source-gone") {
        wrong.push(format!("{id} at {at}: more than whether its volume is deleted would be written"));
    }
    let text = marks.tags.get("ebskeep:source-gone").unwrap_or_default();
    let named = || {
        let texts = world.ours_of(volume).flat_map(|s| ["ebskeep:copy-to", "ebskeep:copied-to"].map(|k| s.tags.get(k)));
        texts.flatten().any(|text| places(text, &world.inventory.place).contains(at))
    };
    let listed = || world.inventory.snapshots.is_complete() && there.is_some_and(Listing::is_complete);
    let fine = match text {
        "no" => world.live_volumes.contains_key(volume),
        text => text == format!("{} {volume}", world.plan.now) && is_gone(volume, world) && listed() && named(),
    };
    if !fine {
        wrong.push(format!("{id} at {at}: ebskeep:source-gone={text} is not known to be so"));
    }
    if !has_room(marks, copy) {
        wrong.push(format!("{id} at {at}: without its mark before a deletion it could not be deleted"));
    }
    wrong
}

fn unshared(unshare: &Unshare, world: &World<'_>) -> Vec<String> {
    let home = &world.inventory.place;
    let Unshare { snapshot_id: id, account, .. } = unshare;
    let with = world.find(id).and_then(|source| source.tags.get("ebskeep:shared-with")).unwrap_or_default();
    let theirs: Vec<Place> = places(with, home).into_iter().filter(|to| to.account == *account).collect();
    if theirs.is_empty() || *account == home.account {
        return vec![format!("{id}: no tag says that ebskeep shared it with {account}")];
    }
    let mut wrong = Vec::new();
    for to in theirs {
        let there = world.inventory.destination(&to).filter(|there| there.is_complete());
        let pending = |s: &Snapshot| s.state == SnapshotState::Pending && is_copy_of(s, id, world);
        if there.is_none_or(|there| there.items.iter().any(pending)) {
            wrong.push(format!("{id}: a copy of it at {to} may still need the share"));
        }
    }
    wrong
}
