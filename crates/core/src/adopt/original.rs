//! The migration report: what the first run of ebskeep changes where
//! aws-ebs-snapshots-lambda was at work (docs/legacy.md). What goes and what stays
//! is the plan's answer; what the old manager does is told from its code.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use super::tool::{is_automated, is_leftover};
use crate::calendar;
use crate::config::Fleet;
use crate::id::{SnapshotId, VolumeId};
use crate::inventory::{Instance, Inventory, Snapshot};
use crate::job::{self, Request, Untagged};
use crate::lineage;
use crate::plan::{CheckResult, CreateVerdict, Job, Notice, SnapshotVerdict, VolumeVerdict};
use crate::retention::Policy;
use crate::setting::Settings;
use crate::tags;
use codes::{CRASHED, IMMORTAL, NEWLY, NO_LONGER, TWICE};

/// What the first run of ebskeep changes.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Migration {
    /// Every snapshot of the original (and of forks that tag as it does), by id.
    pub snapshots: Vec<Old>,
    /// Instances and volumes to which something else happens from now on.
    pub resources: Vec<Notice>,
    /// Deletions of the first `expire`, whoever made what they delete.
    pub deletions: usize,
    /// Snapshots that are ours from the first run on.
    pub managed: usize,
    /// The checks that refuse the first run.
    pub refusals: Vec<CheckResult>,
}

/// One snapshot of the original.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Old {
    /// The snapshot.
    pub snapshot_id: SnapshotId,
    /// When it began.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// What the old manager makes of it.
    pub state: OldState,
    /// Whether and where `KeepForever` is among its tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_forever: Option<KeepForever>,
    /// What the first `expire` does with it.
    pub verdict: SnapshotVerdict,
}

/// What the old manager makes of a snapshot by its `DeleteOn`. It deletes on that
/// day alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OldState {
    /// The day is past: it never deletes it.
    Past,
    /// The day is today: it deletes it today, if it runs.
    DueToday,
    /// The day is to come.
    ToCome,
    /// The day is not after the day it began, from a `Retention` of zero or less.
    Backwards,
    /// The date cannot be read: it never deletes it.
    BadDate,
    /// There is none: it never deletes it.
    NoDate,
    /// Its run ended before it was tagged: it never deletes it.
    Leftover,
}

/// Where `KeepForever` stood among the tags as AWS listed them. The old manager
/// spares a snapshot only if it came last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeepForever {
    /// Last: the old manager spares it.
    Last,
    /// Before others: the old manager deletes it on its day.
    NotLast,
    /// Not known.
    Unknown,
}

/// What happens to instances and volumes.
pub(crate) mod codes {
    /// The old creator fails for everybody at a `Retention` that is no number.
    pub(crate) const CRASHED: &str = "old-crash";
    /// The old creator dates what it makes on or before the day it began.
    pub(crate) const IMMORTAL: &str = "old-immortal";
    /// The old creator snapshots a volume once for each of its instances.
    pub(crate) const TWICE: &str = "old-twice";
    /// Backed up from now on.
    pub(crate) const NEWLY: &str = "newly-backed-up";
    /// Not backed up any more.
    pub(crate) const NO_LONGER: &str = "no-longer-backed-up";
}

/// What the first run changes.
pub fn migration(inventory: &Inventory, settings: &Settings) -> Migration {
    let plan = job::planned(inventory.clone(), &Request::new(Job::ALL), settings).plan;
    let mut verdicts: BTreeMap<&SnapshotId, &SnapshotVerdict> =
        plan.snapshots.iter().map(|verdict| (&verdict.snapshot_id, verdict)).collect();
    let snapshots = inventory.snapshots.items.iter().filter(|snapshot| is_old(snapshot, inventory));
    let today = calendar::utc_date(inventory.now);
    let old = snapshots.filter_map(|snapshot| {
        Some(Old {
            snapshot_id: snapshot.id.clone(),
            started: snapshot.started,
            state: state(snapshot, today),
            keep_forever: keep_forever(snapshot),
            verdict: verdicts.remove(&snapshot.id)?.clone(),
        })
    });
    Migration {
        snapshots: old.collect(),
        resources: resources(inventory, &plan.volumes, settings),
        deletions: plan.summary.delete,
        managed: plan.summary.keep + plan.summary.delete,
        refusals: plan.refusals().cloned().collect(),
    }
}

/// Whether the original made it, or something that tags as it does.
fn is_old(snapshot: &Snapshot, inventory: &Inventory) -> bool {
    let marked = snapshot.tags.iter().any(|(key, _)| key.starts_with("ebskeep:"));
    let elsewhere = snapshot.owner != inventory.place.account || lineage::foreign_mark(&snapshot.tags).is_some();
    !marked && !elsewhere && (is_automated(snapshot) || is_leftover(snapshot))
}

fn state(snapshot: &Snapshot, today: Date) -> OldState {
    match snapshot.tags.get(tags::DELETE_ON).map(|value| value.trim().parse::<Date>()) {
        None if is_leftover(snapshot) => OldState::Leftover,
        None => OldState::NoDate,
        Some(Err(_)) => OldState::BadDate,
        Some(Ok(date)) if date <= calendar::utc_date(snapshot.started) => OldState::Backwards,
        Some(Ok(date)) if date < today => OldState::Past,
        Some(Ok(date)) if date == today => OldState::DueToday,
        Some(Ok(_)) => OldState::ToCome,
    }
}

fn keep_forever(snapshot: &Snapshot) -> Option<KeepForever> {
    snapshot.tags.loose(tags::KEEP_FOREVER).next()?;
    // It knew this one spelling.
    if snapshot.tags.get(tags::KEEP_FOREVER).is_none() {
        return Some(KeepForever::NotLast);
    }
    Some(match snapshot.tags.keep_forever_last() {
        Some(true) => KeepForever::Last,
        Some(false) => KeepForever::NotLast,
        None => KeepForever::Unknown,
    })
}

/// To which instances and volumes something else happens from now on.
fn resources(inventory: &Inventory, volumes: &[VolumeVerdict], settings: &Settings) -> Vec<Notice> {
    let fleet = Fleet::new(inventory, settings, Untagged::NotBackedUp);
    // It knew this key and this value alone, and no volume's tags.
    let its: Vec<&Instance> = fleet.instances().filter(|instance| instance.tags.get("Backup") == Some("Yes")).collect();
    let mut notices = Vec::new();
    let mut tell = |resource: &str, code, detail: String| {
        notices.push(Notice { resource: resource.into(), code, detail });
    };
    let mut covered: BTreeMap<&VolumeId, BTreeSet<&str>> = BTreeMap::new();
    for instance in its {
        for device in &instance.devices {
            covered.entry(&device.volume).or_default().insert(instance.id.as_str());
        }
        let Some(value) = instance.tags.get("Retention") else { continue };
        let here = match Policy::parse(value) {
            Ok(_) => "it is understood here".to_owned(),
            Err(why) => format!("here it is a problem ({why}), and keeps"),
        };
        match value.trim().parse::<i64>() {
            Err(_) => tell(instance.id.as_str(), CRASHED, format!("Retention={value}: {here}")),
            Ok(days) if days <= 0 => tell(instance.id.as_str(), IMMORTAL, format!("Retention={value}: {here}")),
            Ok(_) => {}
        }
    }
    for (volume, instances) in covered.iter().filter(|(_, instances)| instances.len() > 1) {
        let all: Vec<&str> = instances.iter().copied().collect();
        tell(volume.as_str(), TWICE, format!("on {}", all.join(", ")));
    }
    for verdict in volumes {
        let rule = verdict.reasons.first().map_or("", |reason| reason.rule);
        let unwanted = matches!(rule, "not-tagged" | "excluded" | "not-seen");
        let detail = || verdict.reasons.first().map_or_else(String::new, |reason| reason.detail.to_string());
        let was = covered.contains_key(&verdict.volume_id);
        if !was && (verdict.verdict == CreateVerdict::Create || !unwanted) {
            tell(verdict.volume_id.as_str(), NEWLY, detail());
        } else if was && rule == "excluded" {
            tell(verdict.volume_id.as_str(), NO_LONGER, detail());
        }
    }
    notices.sort();
    notices
}
