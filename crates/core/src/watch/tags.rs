//! Tags that are wrong, do nothing, or nearly mean something.
//!
//! What is wrong with tags that are understood to be ours is the plan's to say;
//! here it gets what to write instead, and what the plan passes over in silence
//! is added.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::matched::TagCounts;
use super::{Entry, Instead, Look, Severity, hints, idle, matched, value};
use crate::config::{Fleet, Scope, Wanted};
use crate::id::{InstanceId, Place, VolumeId};
use crate::inventory::{Inventory, Volume};
use crate::job::{Request, Untagged};
use crate::lineage::{self, LineageKey, Managed};
use crate::plan::problems::{self, Amiss};
use crate::plan::{self, Job, Notice};
use crate::retention::Policy;
use crate::setting::Settings;
use crate::tags;

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
    entries.extend(configured.chain(dated).map(|amiss| of_amiss(amiss, Severity::Problem, settings)));
    let skipped = problems::findings(&fleet, settings).into_iter();
    entries.extend(skipped.map(|amiss| of_amiss(amiss, Severity::Finding, settings)));
    let plan = plan::decide(inventory, &Request::new([Job::Expire]), settings);
    entries.extend(plan.findings.iter().filter_map(|notice| of_plan(notice, &live)));
    entries.extend(idle::entries(&live));
    entries.extend(hints::on_resources(&live));
    entries.extend(hints::on_snapshots(&live));
    entries.extend(matched::nothing(&live));
    (entries, matched::counts(&live))
}

/// A bad tag, with what to write instead.
fn of_amiss(amiss: Amiss, severity: Severity, settings: &Settings) -> Entry {
    let Amiss { resource, code, key, value, wrong, means } = amiss;
    let keys = &settings.keys;
    let (ours, value_instead) = match code {
        "bad-backup" => (keys.backup.as_str(), value::backup(&value)),
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

/// A finding of the plan, if it is about a tag.
fn of_plan(notice: &Notice, live: &Live<'_>) -> Option<Entry> {
    let Notice { resource, code, detail } = notice;
    let (code, key, means) = ABOUT_TAGS.iter().find(|(about, _, _)| about == code)?;
    let keys = &live.settings.keys;
    let write = |key: &SmolStr, value: &str| Instead { key: key.clone(), value: Some(value.to_owned()) };
    let (key, instead) = match *code {
        "backup-stopped" => (keys.backup.clone(), Some(write(&keys.backup, "No"))),
        "retention-recorded" => {
            let recorded = live.lineage(&VolumeId::new(resource.as_str())).iter().find_map(Managed::recorded_retention);
            let recorded = recorded.filter(|text| Policy::parse(text).is_ok());
            (keys.retention.clone(), recorded.map(|text| write(&keys.retention, text)))
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
