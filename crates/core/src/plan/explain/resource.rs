//! Volumes and instances explained.

use smol_str::SmolStr;

use super::{Asked, Configured, ExplainedInstance, ExplainedVolume, OnInstance, Presence, in_force};
use crate::config::{self, Scope, Wanted};
use crate::id::{SnapshotId, VolumeId};
use crate::inventory::{Instance, Snapshot};
use crate::lineage::{self, LineageKey, Managed};
use crate::plan::ExpireVerdict;
use crate::plan::history::Lineage;
use crate::tags::Tags;

/// A volume, listed or known by its snapshots; `None` if it is neither.
pub(super) fn volume(id: &VolumeId, asked: &Asked<'_>) -> Option<ExplainedVolume> {
    let world = &asked.world;
    let listed = world.inventory.volumes.items.iter().find(|volume| volume.id == *id);
    let key = key(id, asked);
    let snapshots = asked.lineages.get(&key);
    if listed.is_none() && snapshots.is_none() {
        return None;
    }
    let none: Vec<Managed<'_>> = Vec::new();
    let snapshots = snapshots.unwrap_or(&none);
    let scopes = listed.map(|volume| world.fleet.scopes(volume)).unwrap_or_default();
    Some(ExplainedVolume {
        volume_id: id.clone(),
        presence: match listed {
            Some(volume) if lineage::exists(volume) => Presence::Exists,
            _ if world.inventory.confirmed_gone.contains(id) => Presence::Gone,
            _ => Presence::NotKnown,
        },
        size_gib: listed.map(|volume| volume.size_gib),
        tags: listed.map_or_else(Tags::new, |volume| volume.tags.clone()),
        configured: scopes.iter().map(|scope| configured(scope, asked)).collect(),
        create: asked.create(id),
        policies: in_force(&Lineage::new(&key, snapshots, world)),
        lineage: asked.members(snapshots),
        not_ours: not_ours(id, asked),
        notices: asked.notices(id.as_str()),
    })
}

fn not_ours(id: &VolumeId, asked: &Asked<'_>) -> Vec<SnapshotId> {
    let of_volume = asked.world.inventory.snapshots.items.iter().filter(|snapshot| snapshot.volume == *id);
    let ignored = |snapshot: &&Snapshot| {
        asked.verdict(&snapshot.id).is_some_and(|verdict| verdict.verdict == ExpireVerdict::Ignore)
    };
    let mut theirs: Vec<&Snapshot> = of_volume.filter(ignored).collect();
    theirs.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.started));
    theirs.into_iter().map(|snapshot| snapshot.id.clone()).collect()
}

fn key(volume: &VolumeId, asked: &Asked<'_>) -> LineageKey {
    let place = &asked.world.inventory.place;
    LineageKey { account: place.account.clone(), region: place.region.clone(), volume: volume.clone(), copies: false }
}

fn configured(scope: &Scope<'_>, asked: &Asked<'_>) -> Configured {
    let Scope { instance: _, unlisted: _, device, backup, retention, zone, zone_tag: _, copy_to, copy_retention: _ } =
        scope;
    let now = asked.world.inventory.now;
    let slot = match backup {
        Wanted::On(schedule) => Some(schedule.slot(now, zone, now)),
        Wanted::No | Wanted::Excluded(_) => None,
    };
    let next_slot = match backup {
        Wanted::On(schedule) => schedule.slot_after(now, zone),
        Wanted::No | Wanted::Excluded(_) => None,
    };
    Configured {
        instance_id: scope.instance_id().cloned(),
        device: device.clone(),
        backup: match backup {
            Wanted::No => "no tag asks for a backup".to_owned(),
            Wanted::Excluded(why) => format!("excluded: {why}"),
            Wanted::On(schedule) => schedule.to_string(),
        },
        slot,
        next_slot,
        time_zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        retention: retention.as_ref().map(|tagged| format!("{} (tag on {})", tagged.text, tagged.on)),
        copy_to: copy_to.clone(),
    }
}

/// An instance.
pub(super) fn instance(instance: &Instance, asked: &Asked<'_>) -> ExplainedInstance {
    let none: Vec<Managed<'_>> = Vec::new();
    let on = |name: &SmolStr, id: &VolumeId| {
        let key = key(id, asked);
        let snapshots = asked.lineages.get(&key).unwrap_or(&none);
        OnInstance {
            device: name.clone(),
            volume_id: id.clone(),
            create: asked.create(id),
            policies: in_force(&Lineage::new(&key, snapshots, &asked.world)),
            snapshots: snapshots.len(),
            newest_good: snapshots.iter().find(|managed| managed.is_good()).map(|managed| managed.time),
        }
    };
    ExplainedInstance {
        instance_id: instance.id.clone(),
        counts: config::counts(instance.state),
        tags: instance.tags.clone(),
        volumes: instance.devices.iter().map(|device| on(&device.name, &device.volume)).collect(),
        notices: asked.notices(instance.id.as_str()),
    }
}
