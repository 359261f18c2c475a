//! What must hold of backups in the end: one of every volume that is due, and what is one
//! too many is told.

use std::collections::BTreeMap;

use ebskeep_core::id::VolumeId;
use ebskeep_core::inventory::{Snapshot, SnapshotState};
use ebskeep_sim::Past;
use jiff::Timestamp;
use smol_str::SmolStr;

use super::keep::{lineage, time, values, wanted};
use super::{Facts, Site, UNDER_WAY, Violation, Wrong, is_outsider, tag};

/// From so many failed snapshots on the next attempt waits.
const FAILED: usize = 3;

/// Holds a world against all that must hold of its backups.
pub(super) fn check(facts: &Facts, wrong: &mut Wrong<'_>) {
    surplus_is_told(facts, wrong);
    every_due_volume_has_its_backup(facts, wrong);
}

/// Failed and pending snapshots of one volume from which on AWS takes no more of it.
const AWS_LIMIT: usize = 5;

/// Whether each due volume has its backup though nothing removes failed snapshots.
pub fn goes_on(site: &Site) -> Vec<Violation> {
    let mut found = Vec::new();
    for (limits, ran) in &site.creators {
        for volume in &site.census.volumes {
            let then = ran.checked_sub(UNDER_WAY).unwrap_or(*ran);
            let Some(due) = wanted(&site.census, volume, limits).iter().map(|every| every.slot(then)).max() else {
                continue;
            };
            let taken = |deployment: &str| lineage(&site.census, &volume.id, deployment);
            let of_it = site.census.snapshots.iter().filter(|s| s.volume == volume.id);
            let in_the_way = |s: &&Snapshot| matches!(s.state, SnapshotState::Error | SnapshotState::Pending);
            let in_the_way = of_it.filter(in_the_way).count();
            let there = taken(&limits.deployment).iter().any(|s| s.state != SnapshotState::Error && time(s) >= due);
            if !there && in_the_way < AWS_LIMIT {
                let (name, place) = (&limits.deployment, &site.place);
                let detail = format!("{name} at {place}: nothing of {} for {due}, after {ran}", volume.id);
                found.push(Violation::new("fleet-goes-on", detail));
            }
        }
    }
    found
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

/// What is one too many in its slot is told by the last run.
fn surplus_is_told(facts: &Facts, wrong: &mut Wrong<'_>) {
    for ((deployment, volume, slot), all) in slots(facts) {
        // A slot after the start, as a script may have written it, is none.
        let for_it = |past: &Past| slot.parse::<Timestamp>().is_ok_and(|slot| slot <= past.started);
        let good: Vec<_> =
            all.iter().filter(|past| past.deleted.is_none() && past.state == "completed" && for_it(past)).collect();
        let told = |past: &Past| facts.last_findings.contains(&("surplus".to_owned(), SmolStr::new(past.id.as_str())));
        if good.len() > 1 && good.iter().filter(|past| told(past)).count() + 1 < good.len() {
            let ids: Vec<_> = good.iter().map(|past| past.id.as_str()).collect();
            wrong("surplus-not-told", format!("{deployment}: {ids:?} of {volume} for {slot}"));
        }
    }
}

fn every_due_volume_has_its_backup(facts: &Facts, wrong: &mut Wrong<'_>) {
    let creators = facts.sites.iter().flat_map(|site| site.creators.iter().map(move |creator| (site, creator)));
    for (site, (limits, ran)) in creators {
        for volume in &site.census.volumes {
            let then = ran.checked_sub(UNDER_WAY).unwrap_or(*ran);
            let every = wanted(&site.census, volume, limits);
            let Some(due) = every.iter().map(|every| every.slot(then)).max() else { continue };
            let taken = lineage(&site.census, &volume.id, &limits.deployment);
            // Three failed ones of which each is held by hand put off the next attempt; that is reported.
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
