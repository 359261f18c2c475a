//! Tags of ours that are understood and do nothing where they are.

use smol_str::SmolStr;

use super::tags::Live;
use super::{Entry, Instead, Look, Severity};
use crate::config::{Said, Scope, Wanted, said};
use crate::inventory::{Instance, Volume};
use crate::tags::{self, Tags};

/// All of them.
pub(super) fn entries(live: &Live<'_>) -> Vec<Entry> {
    let mut found = Vec::new();
    // What else would make them do something is not known otherwise.
    if live.is_whole() {
        for instance in live.fleet.instances() {
            on_instance(instance, live, &mut found);
        }
        for (volume, scopes) in live.volumes.values() {
            on_volume(volume, scopes, live, &mut found);
        }
    }
    for managed in live.lineages.values().flatten() {
        let id = managed.snapshot.id.as_str();
        for key in live.settings.keys.all() {
            let keep = Instead { key: tags::KEEP_UNTIL.into(), value: None };
            let instead = (key == live.settings.keys.retention).then_some(keep);
            let wrong = format!("{key} means something on instances and volumes, not on snapshots");
            idle(id, &managed.snapshot.tags, key, &wrong, instead, &mut found);
        }
    }
    found
}

fn on_instance(instance: &Instance, live: &Live<'_>, found: &mut Vec<Entry>) {
    let Instance { id, tags: own, .. } = instance;
    let keys = &live.settings.keys;
    let backed_up = live.backed_up.contains(id) || said(own, &keys.backup) != Said::Nothing;
    let of_it = || live.of_instance.get(id).into_iter().flatten();
    // What is ours of its volumes stays under its policy.
    if !backed_up && of_it().all(|volume| live.lineage(&volume.id).is_empty()) {
        without_backup(id.as_str(), own, "it and its volumes are", live, found);
    }
    let copied = said(own, &keys.copy_dest) != Said::Nothing
        || of_it().any(|volume| said(&volume.tags, &keys.copy_dest) != Said::Nothing);
    if !copied {
        without_copies(id.as_str(), own, live, found);
    }
    elsewhere(id.as_str(), own, found);
}

fn on_volume(volume: &Volume, scopes: &[Scope<'_>], live: &Live<'_>, found: &mut Vec<Entry>) {
    let Volume { id, tags: own, .. } = volume;
    let keys = &live.settings.keys;
    if scopes.iter().all(|scope| scope.backup == Wanted::No) && live.lineage(id).is_empty() {
        without_backup(id.as_str(), own, "it is", live, found);
    }
    if scopes.iter().all(|scope| scope.copy_to.is_none()) {
        without_copies(id.as_str(), own, live, found);
    }
    let skip = &keys.skip_volumes;
    let instead = Instead { key: keys.backup.clone(), value: Some("No".to_owned()) };
    let wrong = format!("{skip} means something on instances, not on volumes");
    idle(id.as_str(), own, skip, &wrong, Some(instead), found);
    elsewhere(id.as_str(), own, found);
}

/// What says how, where nothing says whether.
fn without_backup(id: &str, own: &Tags, what: &str, live: &Live<'_>, found: &mut Vec<Entry>) {
    let keys = &live.settings.keys;
    for key in [&keys.retention, &keys.time_zone, &keys.copy_dest] {
        let instead = Instead { key: keys.backup.clone(), value: Some("Yes".to_owned()) };
        let wrong = format!("{key} says how, and no {} says that {what} backed up", keys.backup);
        idle(id, own, key, &wrong, Some(instead), found);
    }
}

fn without_copies(id: &str, own: &Tags, live: &Live<'_>, found: &mut Vec<Entry>) {
    let keys = &live.settings.keys;
    let instead = Instead { key: keys.copy_dest.clone(), value: None };
    let wrong = format!("{} says how long copies stay, and no {} says where to", keys.copy_retention, keys.copy_dest);
    idle(id, own, &keys.copy_retention, &wrong, Some(instead), found);
}

/// Keys of snapshots on what is none. `KeepForever` means something there too.
fn elsewhere(id: &str, own: &Tags, found: &mut Vec<Entry>) {
    for key in [tags::DELETE_ON, tags::KEEP_UNTIL] {
        idle(id, own, key, &format!("{key} means something on snapshots alone"), None, found);
    }
}

fn idle(id: &str, own: &Tags, key: &str, wrong: &str, instead: Option<Instead>, found: &mut Vec<Entry>) {
    found.extend(own.loose(key).map(|(key, value)| Entry {
        severity: Severity::Finding,
        code: "no-effect",
        key: Some(key.clone()),
        value: Some(value.clone()),
        resource: SmolStr::new(id),
        wrong: wrong.to_owned(),
        means: "It does nothing".to_owned(),
        instead: instead.clone(),
        look: Look::Tags,
    }));
}
