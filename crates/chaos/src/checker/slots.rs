//! What must hold of backups: one in each slot, and one of every volume that is due.

use std::collections::BTreeMap;

use ebskeep_core::id::VolumeId;
use ebskeep_core::inventory::{Snapshot, SnapshotState};
use ebskeep_sim::Past;
use smol_str::SmolStr;

use super::keep::{lineage, time, values, wanted};
use super::{Facts, UNDER_WAY, Wrong, is_outsider, tag};

/// Why there may be two in a slot, as it is counted.
const UNKNOWN: &str = "two in a slot, where an outcome was not known";
const OVERLAP: &str = "two in a slot, where runs overlapped";

/// From so many failed snapshots on a volume is left alone.
const FAILED: usize = 3;

/// Holds a world against all that must hold of its backups.
pub(super) fn check(facts: &Facts, wrong: &mut Wrong<'_>) {
    none_is_taken_twice(facts, wrong);
    every_due_volume_has_its_backup(facts, wrong);
}

/// Our primaries, by deployment, volume and slot; no two accounts have a volume of one id.
fn slots(facts: &Facts) -> BTreeMap<(&str, &VolumeId, &str), Vec<&Past>> {
    let mut slots: BTreeMap<_, Vec<&Past>> = BTreeMap::new();
    for past in &facts.history {
        let ours =
            facts.has_primaries(&past.place) && !is_outsider(&past.made_by) && tag(past, "Source_SnapshotId").is_none();
        if let (true, Some(slot)) = (ours, tag(past, "ebskeep:slot")) {
            let deployment = tag(past, "ebskeep:deployment").unwrap_or_default();
            slots.entry((deployment, &past.volume, slot)).or_default().push(past);
        }
    }
    slots
}

/// A snapshot and an older one that was there, and had not failed, when it was taken.
struct Twins<'a> {
    deployment: &'a str,
    volume: &'a VolumeId,
    slot: &'a str,
    one: &'a Past,
    two: &'a Past,
}

fn twins(facts: &Facts) -> Vec<Twins<'_>> {
    let mut found = Vec::new();
    for ((deployment, volume, slot), mut all) in slots(facts) {
        all.sort_by_key(|past| past.started);
        for (at, two) in all.iter().enumerate() {
            let counts = |one: &&&Past| {
                let gone = one.deleted.as_ref().is_some_and(|end| end.at <= two.started);
                one.state != "error" && !gone
            };
            if let Some(one) = all.iter().take(at).find(counts) {
                found.push(Twins { deployment, volume, slot, one, two });
            }
        }
    }
    found
}

fn none_is_taken_twice(facts: &Facts, wrong: &mut Wrong<'_>) {
    for twins in twins(facts) {
        if excuse(facts, &twins).is_none() {
            let Twins { deployment, volume, slot, one, two } = twins;
            let detail = format!("{deployment}: {} and {} of {volume} for {slot}", one.id, two.id);
            wrong("two-in-a-slot", detail);
        }
    }
    for ((deployment, volume, slot), all) in slots(facts) {
        let good: Vec<_> = all.iter().filter(|past| past.deleted.is_none() && past.state == "completed").collect();
        let told = |past: &Past| facts.last_findings.contains(&("surplus".to_owned(), SmolStr::new(past.id.as_str())));
        if good.len() > 1 && good.iter().filter(|past| told(past)).count() + 1 < good.len() {
            let ids: Vec<_> = good.iter().map(|past| past.id.as_str()).collect();
            wrong("surplus-not-told", format!("{deployment}: {ids:?} of {volume} for {slot}"));
        }
    }
}

/// What a second one may have come of: an outcome of this volume's or its instance's
/// was not known, or two runs overlapped.
fn excuse(facts: &Facts, twins: &Twins<'_>) -> Option<&'static str> {
    let Twins { volume, one, two, .. } = twins;
    let about = [Some(volume.as_str()), tag(one, "ebskeep:instance"), tag(two, "ebskeep:instance")];
    let unknown = facts.unknown_before(two.started, |call| {
        matches!(call.action.as_str(), "CreateSnapshot" | "CreateSnapshots")
            && call.params.values().any(|value| about.contains(&Some(value.as_str())))
    });
    if unknown {
        return Some(UNKNOWN);
    }
    facts.overlapped(&two.place, two.started).then_some(OVERLAP)
}

/// What each snapshot that is one too many came of, for those who count them.
pub(super) fn surplus(facts: &Facts) -> Vec<&'static str> {
    twins(facts).iter().filter_map(|twins| excuse(facts, twins)).collect()
}

fn every_due_volume_has_its_backup(facts: &Facts, wrong: &mut Wrong<'_>) {
    let creators = facts.sites.iter().flat_map(|site| site.creators.iter().map(move |creator| (site, creator)));
    for (site, (limits, ran)) in creators {
        for volume in &site.census.volumes {
            let Some(every) = wanted(&site.census, volume) else { continue };
            let due = every.slot(ran.checked_sub(UNDER_WAY).unwrap_or(*ran));
            let taken = lineage(&site.census, &volume.id, &limits.deployment);
            // Three failed ones of which each is held by hand stand in the way for good; that is told.
            let by_hand =
                |s: &Snapshot| ["KeepForever", "KeepUntil"].iter().any(|key| !values(&s.tags, key).is_empty());
            let failed = taken.iter().filter(|s| s.state == SnapshotState::Error && by_hand(s)).count();
            let told = facts.last_findings.contains(&("failing".to_owned(), SmolStr::new(volume.id.as_str())));
            if failed >= FAILED && told {
                continue;
            }
            if !taken.iter().any(|s| s.state != SnapshotState::Error && time(s) >= due) {
                let (name, place) = (&limits.deployment, &site.place);
                let detail = format!("{name} at {place}: nothing of {} for {due}, after {ran}", volume.id);
                wrong("due-and-not-there", detail);
            }
        }
    }
}
