//! Which due volumes go together: crash-consistent sets and single snapshots
//! (docs/semantics.md 6), and the tags of sets (5).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use smol_str::{SmolStr, format_smolstr};

use super::create::{Create, Due, Lineages};
use super::policy::{Around, governing, longest};
use super::snapshot_tags::{Dress, dress, set_description};
use super::{Action, FinishTags, NewSet, NewSnapshot, Notice, SetMember};
use crate::config::{Fleet, Scope};
use crate::id::{InstanceId, VolumeId};
use crate::inventory::{Instance, Inventory, SnapshotState};
use crate::lineage::{self, Managed, SourceVolume};
use crate::setting::Settings;
use crate::site::Location;
use crate::tags::{self, Tags};

/// Data volumes that one CreateSnapshots call can leave out. Source: EC2's API
/// reference, InstanceSpecification `ExcludeDataVolumeIds`.
const MAX_EXCLUDED: usize = 40;

/// Volumes that one CreateSnapshots call can take. Source: Amazon EBS User
/// Guide, "Create multi-volume snapshots".
const MAX_MEMBERS: usize = 128;

/// Tags that decide about deletion and copying: in a set's own call only where
/// all members agree.
const DECIDING: [&str; 5] = [tags::DELETE_ON, tags::RETENTION, tags::TZ, tags::COPY_TO, tags::COPY_RETENTION];

/// Turns due volumes into creations: sets where there are several of one
/// instance and slot and AWS's limits allow it, else one by one.
pub(super) fn group(
    due: Vec<Due<'_>>,
    lineages: &Lineages<'_>,
    inventory: &Inventory,
    settings: &Settings,
    out: &mut Create,
) {
    let mut alone = Vec::new();
    let mut groups: BTreeMap<(&InstanceId, Timestamp), Vec<Due<'_>>> = BTreeMap::new();
    for due in due {
        match due.scope.instance {
            Some(instance) => groups.entry((&instance.id, due.slot)).or_default().push(due),
            None => alone.push(due),
        }
    }
    let broken = broken_sets(lineages);
    for ((instance, slot), members) in groups {
        let whole = members.first().and_then(|member| member.scope.instance);
        let exclusions = whole.and_then(|instance| exclusions(instance, &members));
        if let Some(places) = differing_places(&members) {
            let detail = format!(
                "snapshots of its volumes are stored in different places ({places}), and a set needs one; they are \
                 taken one by one"
            );
            out.findings.push(Notice { resource: SmolStr::new(instance.as_str()), code: "set-broken", detail });
            alone.extend(members);
        } else if let Some(failed) = broken.get(instance).filter(|_| members.len() > 1) {
            let detail = format!("{failed} of its latest set failed; its volumes are taken one by one this time");
            out.findings.push(Notice { resource: SmolStr::new(instance.as_str()), code: "set-broken", detail });
            alone.extend(members);
        } else if let (Some(whole), Some(exclusions)) = (whole, exclusions) {
            let set = set(whole, slot, &members, exclusions, inventory.now, settings, out);
            out.actions.push(Action::CreateSet(Box::new(set)));
        } else {
            alone.extend(members);
        }
    }
    alone.sort_by(|a, b| a.volume.id.cmp(&b.volume.id));
    for due in alone {
        let dress = dressed(&due, inventory.now, settings);
        told_dropped(&due, &dress, out);
        out.actions.push(Action::CreateSnapshot(Box::new(new_snapshot(&due, dress))));
    }
}

/// The places where the members' snapshots are stored, if they are not all the same.
fn differing_places(members: &[Due<'_>]) -> Option<String> {
    let places: BTreeSet<&Option<Location>> = members.iter().map(|member| &member.location).collect();
    let names =
        places.iter().map(|place| place.as_ref().map_or_else(|| "in the Region".to_owned(), Location::to_string));
    (places.len() > 1).then(|| names.collect::<Vec<_>>().join(", "))
}

fn dressed(due: &Due<'_>, now: Timestamp, settings: &Settings) -> Dress {
    dress(due.volume, &due.scope, &due.scopes, due.policy.as_ref(), (due.slot, now), settings)
}

fn new_snapshot(due: &Due<'_>, dress: Dress) -> NewSnapshot {
    NewSnapshot {
        volume_id: due.volume.id.clone(),
        slot: due.slot,
        description: dress.description,
        tags: dress.tags,
        carried: dress.carried,
        location: due.location.clone(),
    }
}

fn told_dropped(due: &Due<'_>, dress: &Dress, out: &mut Create) {
    if !dress.dropped.is_empty() {
        let detail =
            format!("carried tags left out to stay within AWS's {}: {}", tags::MAX_TAGS, dress.dropped.join(", "));
        out.finding(due.volume, "tags-dropped", detail);
    }
}

/// What a set of these members leaves out, or `None` if they are to go alone.
struct Exclusions {
    boot: bool,
    data: Vec<VolumeId>,
}

fn exclusions(instance: &Instance, members: &[Due<'_>]) -> Option<Exclusions> {
    let taken: BTreeSet<&VolumeId> = members.iter().map(|member| &member.volume.id).collect();
    let listed: BTreeSet<&VolumeId> = instance.devices.iter().map(|device| &device.volume).collect();
    // A member that the instance does not list would not be in the set.
    if taken.len() < 2 || taken.len() > MAX_MEMBERS || !taken.is_subset(&listed) {
        return None;
    }
    let mut exclusions = Exclusions { boot: false, data: Vec::new() };
    for device in instance.devices.iter().filter(|device| !taken.contains(&device.volume)) {
        if instance.root_device.as_ref() == Some(&device.name) {
            exclusions.boot = true;
        } else {
            exclusions.data.push(device.volume.clone());
        }
    }
    exclusions.data.sort();
    (exclusions.data.len() <= MAX_EXCLUDED).then_some(exclusions)
}

fn set(
    instance: &Instance,
    slot: Timestamp,
    members: &[Due<'_>],
    exclusions: Exclusions,
    now: Timestamp,
    settings: &Settings,
    out: &mut Create,
) -> NewSet {
    let dressed: Vec<(&Due<'_>, Dress)> = members
        .iter()
        .map(|due| {
            let dress = dressed(due, now, settings);
            told_dropped(due, &dress, out);
            (due, dress)
        })
        .collect();
    let mut shared = common(dressed.iter().map(|(_, dress)| &dress.tags));
    let agreed = DECIDING.iter().all(|key| {
        let mut values = dressed.iter().map(|(_, dress)| dress.tags.get(key));
        let first = values.next();
        values.all(|value| Some(value) == first)
    });
    if !agreed {
        for key in DECIDING {
            shared.remove(key);
        }
        shared.set(tags::RETENTION, tags::UNSET);
    }
    shared.set(tags::SET, format_smolstr!("{}@{slot}", instance.id));
    let carried = common(dressed.iter().map(|(_, dress)| &dress.carried));
    let location = members.first().and_then(|member| member.location.clone());
    let members: Vec<SetMember> = dressed
        .into_iter()
        .map(|(due, dress)| {
            let own_tags = dress
                .tags
                .iter()
                .chain(dress.carried.iter())
                .filter(|(key, value)| shared.get(key) != Some(value) && carried.get(key) != Some(value))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            let remove = left_over(&shared, &dress.tags);
            SetMember { own_tags, remove, alone: new_snapshot(due, dress) }
        })
        .collect();
    NewSet {
        instance_id: instance.id.clone(),
        slot,
        description: set_description(instance, members.len()),
        exclude_boot: exclusions.boot,
        exclude_data: exclusions.data,
        tags: shared,
        carried,
        location,
        members,
    }
}

/// The stand-in policy is removed from a member whose policy is the default,
/// which is not recorded.
fn left_over(present: &Tags, wanted: &Tags) -> Vec<SmolStr> {
    let stands_in = present.get(tags::RETENTION) == Some(tags::UNSET) && wanted.get(tags::RETENTION).is_none();
    if stands_in { vec![SmolStr::new_static(tags::RETENTION)] } else { Vec::new() }
}

/// The tags that all have with the same value.
fn common<'a>(mut all: impl Iterator<Item = &'a Tags>) -> Tags {
    let Some(first) = all.next() else { return Tags::new() };
    let mut common = first.clone();
    for tags in all {
        let differ: Vec<SmolStr> =
            common.iter().filter(|(key, value)| tags.get(key) != Some(value)).map(|(key, _)| key.clone()).collect();
        for key in differ {
            common.remove(&key);
        }
    }
    common
}

/// Instances whose latest set has a member that failed, and which.
fn broken_sets(lineages: &Lineages<'_>) -> BTreeMap<InstanceId, String> {
    let mut latest: BTreeMap<InstanceId, (Timestamp, Option<String>)> = BTreeMap::new();
    for managed in lineages.iter().filter(|(key, _)| !key.copies).flat_map(|(_, snapshots)| snapshots) {
        let tags = &managed.snapshot.tags;
        let (Some(_), Some(instance)) = (tags.get(tags::SET), tags.get(tags::INSTANCE)) else { continue };
        let failed = (managed.snapshot.state == SnapshotState::Error).then(|| managed.snapshot.id.to_string());
        let entry = latest.entry(InstanceId::new(instance)).or_insert((managed.time, None));
        if managed.time > entry.0 {
            *entry = (managed.time, failed);
        } else if managed.time == entry.0 && entry.1.is_none() {
            entry.1 = failed;
        }
    }
    latest.into_iter().filter_map(|(instance, (_, failed))| Some((instance, failed?))).collect()
}

/// Members of sets whose own tags were never written, because a run died
/// between its two calls: written now.
pub(super) fn finish_tags(
    lineages: &Lineages<'_>,
    inventory: &Inventory,
    fleet: &Fleet<'_>,
    settings: &Settings,
    out: &mut Create,
) {
    let volumes = lineage::volumes_by_id(inventory);
    for (key, snapshots) in lineages.iter().filter(|(key, _)| !key.copies) {
        for managed in snapshots.iter().filter(|managed| is_half_dressed(managed)) {
            let present = &managed.snapshot.tags;
            let instance = present.get(tags::INSTANCE);
            let wanted = match lineage::source_volume(key, inventory, &volumes) {
                SourceVolume::Exists(volume) => {
                    let scopes = fleet.scopes(volume);
                    let its_own = |scope: &&Scope<'_>| {
                        let same =
                            inventory.instances.is_complete() && scope.instance.map(|i| i.id.as_str()) == instance;
                        // What the volume itself says holds whatever became of the instance.
                        same || scope.retention.as_ref().is_some_and(|tagged| tagged.on == volume.id.as_str())
                    };
                    match scopes.iter().find(its_own) {
                        Some(scope) => {
                            let around = Around::existing(volume, &scopes, settings, inventory.now);
                            let governing = governing(snapshots, &around);
                            let policy = longest(&governing, managed.start);
                            let dress = dress(volume, scope, &scopes, policy, (managed.time, managed.start), settings);
                            dress.tags.iter().chain(dress.carried.iter()).map(|(k, v)| (k.clone(), v.clone())).collect()
                        }
                        // What its instance says will be known to a later run.
                        None if !inventory.instances.is_complete() || !fleet.unlisted(volume).is_empty() => continue,
                        // What its instance said is known no more.
                        None => from_record(managed, snapshots),
                    }
                }
                // Not listed, and not all was: it may exist and be asked by a later run.
                SourceVolume::NotSeen if !inventory.volumes.is_complete() => continue,
                _ => from_record(managed, snapshots),
            };
            let action = finish(managed, &wanted);
            if !action.tags.is_empty() || !action.remove.is_empty() {
                out.actions.push(Action::FinishTags(Box::new(action)));
            }
        }
    }
}

/// A member of a set that lacks what its second call writes.
fn is_half_dressed(managed: &Managed<'_>) -> bool {
    let tags = &managed.snapshot.tags;
    let member = tags.get(tags::SET).is_some();
    let usable = !matches!(managed.snapshot.state, SnapshotState::Error | SnapshotState::Recoverable);
    member && usable && (managed.is_unfinished() || tags.get(tags::VOLUME).is_none())
}

/// Where the volume is no longer there to ask: what the newest other snapshot
/// of the lineage says.
fn from_record(managed: &Managed<'_>, snapshots: &[Managed<'_>]) -> Tags {
    let mut wanted = Tags::new();
    wanted.set(tags::VOLUME, managed.key.volume.as_str());
    if managed.is_unfinished()
        && let Some(other) = snapshots.iter().find(|other| other.recorded_retention().is_some())
    {
        for key in [tags::RETENTION, tags::TZ] {
            if let Some(value) = other.snapshot.tags.get(key) {
                wanted.set(key, value);
            }
        }
        let age =
            other.recorded_retention().and_then(|text| crate::retention::Policy::parse_record(text).ok()?.whole_days());
        if let Some(age) = age {
            let date = crate::calendar::date_after(crate::calendar::utc_date(managed.start), age);
            wanted.set(tags::DELETE_ON, date.to_string());
        }
    }
    wanted
}

/// What is missing of `wanted`. Nothing that is there is changed, save the
/// stand-in for the policy.
fn finish(managed: &Managed<'_>, wanted: &Tags) -> FinishTags {
    let present = &managed.snapshot.tags;
    let mut room = tags::MAX_TAGS.saturating_sub(present.counted());
    let mut missing = Tags::new();
    // Ours first: they matter, carried ones do not.
    let (ours, carried): (Vec<_>, Vec<_>) = wanted
        .iter()
        .partition(|(key, _)| key.starts_with("ebskeep:") || [tags::NAME, tags::DELETE_ON].contains(&key.as_str()));
    for (key, value) in ours.into_iter().chain(carried) {
        let decided = !managed.is_unfinished() && DECIDING.contains(&key.as_str());
        let replaces = key == tags::RETENTION && managed.is_unfinished();
        if replaces {
            missing.set(key.clone(), value.clone());
        } else if present.get(key).is_none() && !decided && room > 0 {
            missing.set(key.clone(), value.clone());
            room -= 1;
        }
    }
    // That the default governs only live tags can say, with which all else of ours comes. Of
    // a record that names no policy the stand-in stays, which keeps.
    let asked = wanted.get(tags::DEPLOYMENT).is_some();
    let remove = if asked { left_over(present, wanted) } else { Vec::new() };
    FinishTags {
        snapshot_id: managed.snapshot.id.clone(),
        volume_id: managed.key.volume.clone(),
        tags: missing,
        remove,
    }
}
