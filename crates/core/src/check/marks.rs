//! The second opinion on what `expire` notes on snapshots for later runs. A mark begins a
//! grace after which snapshots go, so one that is not so deletes too soon.
//!
//! Reads raw tags, by rules of its own.

use jiff::Timestamp;

use super::world::World;
use super::{MAX_TAGS, result, spares_failed};
use crate::id::VolumeId;
use crate::inventory::Snapshot;
use crate::plan::{Action, CheckResult, Job, WriteMarks};

/// The keys that `expire` may write and remove.
const KEYS: [&str; 2] = ["ebskeep:gone", "ebskeep:policy-since"];

/// Only marks that are so, on snapshots of ours that were made here.
pub(super) fn marks(world: &World<'_>) -> CheckResult {
    let mut wrong = Vec::new();
    for action in &world.plan.actions {
        if let Action::WriteMarks(marks) = action
            && marks.destination.is_none()
        {
            wrong.extend(of_one(marks, world).into_iter().map(|why| format!("{}: {why}", marks.snapshot_id)));
        }
    }
    spares_failed(result("marks", Some(Job::Expire), wrong, || "what is noted for later runs is so".to_owned()))
}

fn of_one(marks: &WriteMarks, world: &World<'_>) -> Vec<String> {
    let Some(snapshot) = world.find(&marks.snapshot_id) else { return vec!["it is not in the listing".to_owned()] };
    let mut wrong = Vec::new();
    if !world.ours_of(&snapshot.volume).any(|ours| ours.id == snapshot.id) {
        wrong.push("it is no snapshot of ours of a volume here".to_owned());
    }
    let keys = marks.tags.iter().map(|(key, _)| key).chain(&marks.remove);
    let others = keys.filter(|key| !KEYS.contains(&key.as_str()));
    wrong.extend(others.map(|key| format!("{key} is no mark of expire's")));
    for (key, value) in marks.tags.iter() {
        let fine = match key.as_str() {
            "ebskeep:gone" => says_gone(value, snapshot, world),
            "ebskeep:policy-since" => says_since(value, snapshot, world),
            // Told above.
            _ => true,
        };
        if !fine {
            wrong.push(format!("{key}={value} is not so"));
        }
    }
    if !has_room(marks, snapshot) {
        wrong.push("without its mark before a deletion it could not be deleted".to_owned());
    }
    wrong
}

/// `<now> <volume>` of the snapshot's own volume, which AWS says does not exist.
fn says_gone(value: &str, snapshot: &Snapshot, world: &World<'_>) -> bool {
    value == format!("{} {}", world.plan.now, snapshot.volume) && is_gone(&snapshot.volume, world)
}

/// Whether a volume is confirmed to be deleted, and no listing has it in any state.
pub(super) fn is_gone(volume: &VolumeId, world: &World<'_>) -> bool {
    let listed = world.live_volumes.contains_key(volume) || world.leaving.contains(volume);
    world.inventory.volumes.is_complete() && !listed && world.inventory.confirmed_gone.contains(volume)
}

/// `<first>/<now> <volume> <policies>`, where the first instant is now or the one in the present
/// mark, and what that one names is not lost.
fn says_since(value: &str, snapshot: &Snapshot, world: &World<'_>) -> bool {
    let Some((first, last, policies)) = since(value, snapshot) else { return false };
    let present = snapshot.tags.get("ebskeep:policy-since").and_then(|text| since(text, snapshot));
    let begins = first == last || present.is_some_and(|(present, ..)| present == first);
    // One that is in the future, or older than its snapshot, was not written by a run.
    let believed = present.filter(|(first, last, _)| snapshot.started <= *first && *last <= world.plan.now);
    let named = believed.map_or("", |(.., policies)| policies.split(" was ").next().unwrap_or_default());
    let written: Vec<&str> = policies.split(" was ").flat_map(|list| list.split(" + ")).collect();
    let kept = named.is_empty() || named.split(" + ").all(|policy| written.contains(&policy));
    begins && kept && first <= last && last == world.plan.now
}

/// The instants and the policies of a mark about a snapshot's own volume.
fn since<'t>(text: &'t str, snapshot: &Snapshot) -> Option<(Timestamp, Timestamp, &'t str)> {
    let (times, of) = text.split_once(' ')?;
    let (first, last) = times.split_once('/')?;
    let policies = of.strip_prefix(snapshot.volume.as_str())?.strip_prefix(' ')?;
    Some((first.parse().ok()?, last.parse().ok()?, policies))
}

/// Whether what is written leaves room for `ebskeep:deleted`.
pub(super) fn has_room(marks: &WriteMarks, snapshot: &Snapshot) -> bool {
    let new = |key: &str| snapshot.tags.get(key).is_none();
    let written = marks.tags.iter().filter(|(key, _)| new(key)).count();
    let own = snapshot.tags.iter().filter(|(key, _)| !key.starts_with("aws:")).count();
    written == 0 || own + written + usize::from(new("ebskeep:deleted")) <= MAX_TAGS
}
