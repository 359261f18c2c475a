//! Tags that are wrong, do nothing, or nearly mean something.
//!
//! What is wrong with tags that are understood to be ours is the plan's to say;
//! here it gets what to write instead, and what the plan passes over in silence
//! is added.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use smol_str::SmolStr;

use super::matched::TagCounts;
use super::near::Meant;
use super::{Entry, Instead, Look, Severity, fixed, hints, idle, matched, value};
use crate::calendar;
use crate::config::{Fleet, Said, Scope, Wanted, said};
use crate::id::{InstanceId, Place, VolumeId};
use crate::inventory::{Inventory, Volume};
use crate::job::{Request, Untagged};
use crate::lineage::{self, LineageKey, Managed};
use crate::plan::problems::{self, Amiss};
use crate::plan::{self, Job, Notice};
use crate::retention::Policy;
use crate::setting::Settings;
use crate::tags::{self, Tags};

/// Findings of the plan that are about tags on what is there: the key, and what
/// they mean where they do not say it themselves.
const ABOUT_TAGS: [(&str, Option<&str>, &str); 6] = [
    (
        "backup-stopped",
        None,
        "Nothing of it is backed up; what there is stays under its policy, and the newest as long as it exists",
    ),
    ("retention-recorded", None, "A tag that is gone shortens nothing"),
    ("keep-forever", Some(tags::KEEP_FOREVER), "Nothing of it ever expires"),
    ("delete-on-removed", None, "Nothing says when it goes"),
    ("bad-slot", Some(tags::SLOT), "Rules take it for a little younger than it is"),
    ("not-ours", None, "It is never deleted, and counts as no backup"),
];

/// What is live, and what its tags come to.
pub(super) struct Live<'a> {
    pub(super) inventory: &'a Inventory,
    pub(super) settings: &'a Settings,
    pub(super) fleet: &'a Fleet<'a>,
    /// Volumes that exist, with what is said for each.
    pub(super) volumes: BTreeMap<&'a VolumeId, (&'a Volume, Vec<Scope<'a>>)>,
    /// The volumes of each instance that counts.
    pub(super) of_instance: BTreeMap<&'a InstanceId, Vec<&'a Volume>>,
    /// Instances that have a volume which is backed up because of them.
    pub(super) backed_up: BTreeSet<&'a InstanceId>,
    /// Snapshots that are ours, by lineage, newest first.
    pub(super) lineages: BTreeMap<LineageKey, Vec<Managed<'a>>>,
}

impl<'a> Live<'a> {
    fn new(inventory: &'a Inventory, settings: &'a Settings, fleet: &'a Fleet<'a>) -> Self {
        let volumes = inventory.volumes.items.iter().filter(|volume| lineage::exists(volume));
        let mut live = Self {
            inventory,
            settings,
            fleet,
            volumes: volumes.map(|volume| (&volume.id, (volume, fleet.scopes(volume)))).collect(),
            of_instance: BTreeMap::new(),
            backed_up: BTreeSet::new(),
            lineages: lineage::lineages(inventory, settings),
        };
        for (volume, scopes) in live.volumes.values() {
            for scope in scopes {
                let Some(instance) = scope.instance else { continue };
                live.of_instance.entry(&instance.id).or_default().push(volume);
                if matches!(scope.backup, Wanted::On(_)) {
                    live.backed_up.insert(&instance.id);
                }
            }
        }
        live
    }

    /// Whether all instances and volumes were seen, so that what is not there is
    /// not there.
    pub(super) fn is_whole(&self) -> bool {
        self.inventory.instances.is_complete() && self.inventory.volumes.is_complete()
    }

    /// Whether UTC is certainly the zone in which a `Backup` on this instance or volume
    /// counts, for each volume that it is about: today, and with tags of zones mended.
    pub(super) fn counts_in_utc(&self, resource: &str) -> bool {
        let in_utc = |tags: &Tags| {
            let zone_named = match said(tags, &self.settings.keys.time_zone) {
                Said::Nothing => true,
                Said::Value(name) => calendar::zone(name).is_some_and(|zone| self.is_utc(&zone)),
                Said::Conflict(_) => false,
            };
            let meant = |key: &SmolStr| hints::near(key, self.settings, &mut BTreeMap::new());
            zone_named && tags.iter().all(|(key, _)| meant(key).is_none_or(|near| near.meant != Meant::TimeZone))
        };
        let of_volume = |volume: &Volume| {
            let scopes = self.volumes.get(&volume.id).map_or(&[][..], |(_, scopes)| scopes);
            let instances = scopes.iter().filter_map(|scope| scope.instance);
            in_utc(&volume.tags)
                && scopes.iter().all(|scope| self.is_utc(&scope.zone))
                && instances.map(|instance| &instance.tags).all(in_utc)
        };
        if let Some((volume, _)) = self.volumes.get(&VolumeId::new(resource)) {
            return of_volume(volume);
        }
        let id = InstanceId::new(resource);
        let volumes = self.of_instance.get(&id).into_iter().flatten();
        self.fleet.instance(&id).is_some_and(|instance| in_utc(&instance.tags))
            && self.is_utc(&self.settings.time_zone)
            && volumes.copied().all(of_volume)
    }

    /// Whether the clocks of a zone show UTC from now on.
    fn is_utc(&self, zone: &TimeZone) -> bool {
        let now = self.inventory.now;
        zone.to_offset(now).seconds() == 0 && zone.following(now).next().is_none()
    }

    /// The snapshots of ours of a volume here.
    pub(super) fn lineage(&self, volume: &VolumeId) -> &[Managed<'a>] {
        let Place { account, region } = self.inventory.place.clone();
        let key = LineageKey { account, region, volume: volume.clone(), copies: false };
        self.lineages.get(&key).map_or(&[], Vec::as_slice)
    }
}

/// Everything about tags, and what those that match do.
pub(super) fn look(inventory: &Inventory, settings: &Settings) -> (Vec<Entry>, TagCounts) {
    let fleet = Fleet::new(inventory, settings, Untagged::NotBackedUp);
    let live = Live::new(inventory, settings, &fleet);
    let mut entries: Vec<Entry> = Vec::new();
    let configured = problems::problems(inventory, &fleet, settings).into_iter();
    let dated = live.lineages.values().flatten();
    let dated = dated.flat_map(problems::dates);
    entries.extend(configured.chain(dated).map(|amiss| of_amiss(amiss, Severity::Problem, &live)));
    let skipped = problems::findings(&fleet, settings).into_iter();
    entries.extend(skipped.map(|amiss| of_amiss(amiss, Severity::Finding, &live)));
    let plan = plan::decide(inventory, &Request::new([Job::Expire]), settings);
    entries.extend(plan.findings.iter().filter_map(|notice| of_plan(notice, &live)));
    entries.extend(idle::entries(&live));
    entries.extend(fixed::entries(&live));
    entries.extend(hints::on_resources(&live));
    entries.extend(hints::on_snapshots(&live));
    entries.extend(matched::nothing(&live));
    (entries, matched::counts(&live))
}

/// A bad tag, with what to write instead.
fn of_amiss(amiss: Amiss, severity: Severity, live: &Live<'_>) -> Entry {
    let Amiss { resource, code, key, value, wrong, means } = amiss;
    let keys = &live.settings.keys;
    let (ours, value_instead) = match code {
        "bad-backup" => (keys.backup.as_str(), value::backup(&value, live.counts_in_utc(&resource))),
        "bad-retention" => (keys.retention.as_str(), value::retention(&value)),
        "bad-copy-retention" => (keys.copy_retention.as_str(), value::retention(&value)),
        "bad-time-zone" => (keys.time_zone.as_str(), value::zone(&value)),
        "bad-delete-on" => (tags::DELETE_ON, value::date(&value)),
        "bad-keep-until" => (tags::KEEP_UNTIL, value::date(&value)),
        _ => ("", None),
    };
    let instead = value_instead.map(|value| Instead { key: ours.into(), value: Some(value) });
    Entry { severity, code, key: Some(key), value: Some(value), resource, wrong, means, instead, look: Look::Tags }
}

/// The policy recorded for a volume as the value of a tag, if it would count in the
/// zone in which the record counts.
fn recorded(volume: &VolumeId, live: &Live<'_>) -> Option<String> {
    let record = live.lineage(volume).iter().find(|managed| managed.recorded_retention().is_some())?;
    let text = record.recorded_retention()?;
    let policy = Policy::parse_record(text).ok()?;
    let zone = match record.snapshot.tags.get(tags::TZ) {
        Some(name) => calendar::zone(name)?,
        None => live.settings.time_zone.clone(),
    };
    let (_, scopes) = live.volumes.get(volume)?;
    let same_zone = scopes.iter().all(|scope| scope.zone == zone);
    let as_it_stands = Policy::parse(text).as_ref() == Ok(&policy);
    same_zone.then(|| if as_it_stands { text.to_owned() } else { policy.to_tag() })
}

/// A finding of the plan, if it is about a tag.
fn of_plan(notice: &Notice, live: &Live<'_>) -> Option<Entry> {
    let Notice { resource, code, detail } = notice;
    let (code, key, means) = ABOUT_TAGS.iter().find(|(about, _, _)| about == code)?;
    let keys = &live.settings.keys;
    let write = |key: &SmolStr, value: &str| Instead { key: key.clone(), value: Some(value.to_owned()) };
    let (key, instead) = match *code {
        "backup-stopped" => (keys.backup.clone(), Some(write(&keys.backup, "No"))),
        "retention-recorded" => {
            let recorded = recorded(&VolumeId::new(resource.as_str()), live);
            (keys.retention.clone(), recorded.map(|text| write(&keys.retention, &text)))
        }
        "delete-on-removed" => {
            (SmolStr::new_static(tags::DELETE_ON), Some(write(&SmolStr::new_static(tags::KEEP_FOREVER), "Yes")))
        }
        _ => (key.map(SmolStr::new_static).unwrap_or_default(), None),
    };
    Some(Entry {
        severity: Severity::Finding,
        code,
        instead,
        key: Some(key).filter(|key| !key.is_empty()),
        value: None,
        resource: resource.clone(),
        wrong: detail.clone(),
        means: (*means).to_owned(),
        look: Look::Tags,
    })
}
