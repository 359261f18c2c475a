//! What the plan would be with another tag or setting, beside what it is now.
//!
//! Pure: it changes a copy of the inventory, asks the deciders and the checks
//! again, and compares. It has no opinion of its own.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;
use smol_str::SmolStr;

use crate::config;
use crate::id::{AccountId, Region, SnapshotId, VolumeId};
use crate::inventory::Inventory;
use crate::job::{Grace, Request, planned};
use crate::lineage;
use crate::plan::{CheckResult, CreateVerdict, ExpireVerdict, Notice, Plan, Reason, SnapshotVerdict, VolumeVerdict};
use crate::setting::{Settings, TABLE};
use crate::tags::{self, Tags};

/// The name and version of the comparison's JSON form.
pub const SCHEMA: &str = "ebskeep.what-if/1";

/// One change to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// This tag on what is asked about, instead of what is there.
    Tag {
        /// A configuration key.
        key: SmolStr,
        /// Its value.
        value: SmolStr,
    },
    /// None of this tag there.
    NoTag {
        /// A configuration key.
        key: SmolStr,
    },
    /// This setting.
    Setting {
        /// Its name.
        name: SmolStr,
        /// Its value.
        value: SmolStr,
    },
}

impl Change {
    /// Reads `Retention=daily=7 weekly=4` (a configuration key, or a setting by
    /// its name), or `Retention-`, which takes the tag away. The error says what
    /// is wrong and what to write.
    pub fn parse(text: &str, settings: &Settings) -> Result<Self, String> {
        let keys = settings.keys.all();
        let key_of = |name: &str| keys.iter().find(|key| tags::same_key(key, name)).map(|key| SmolStr::new(*key));
        let known = || {
            let names: Vec<&str> = TABLE.iter().map(|setting| setting.name).collect();
            format!("the tags are {}; the settings are {}", keys.join(", "), names.join(", "))
        };
        let Some((name, value)) = text.split_once('=') else {
            let key = text.trim().strip_suffix('-').and_then(key_of);
            return key.map(|key| Self::NoTag { key }).ok_or_else(|| {
                format!("{text:?} is no change; write Retention=14, minimum=3, or Retention- to take a tag away")
            });
        };
        if let Some(key) = key_of(name) {
            return Ok(Self::Tag { key, value: value.into() });
        }
        let name = name.trim();
        if !TABLE.iter().any(|setting| setting.name == name) {
            return Err(format!("{name:?} is neither a tag nor a setting; {}", known()));
        }
        settings.clone().set(name, value).map_err(|why| why.to_string())?;
        Ok(Self::Setting { name: name.into(), value: value.into() })
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tag { key, value } => write!(f, "{key}={value}"),
            Self::NoTag { key } => write!(f, "no {key}"),
            Self::Setting { name, value } => write!(f, "--{name} {value}"),
        }
    }
}

/// Why a comparison cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhatIfError {
    /// What is asked about is no volume or instance here.
    #[error("{0} is no volume or instance here")]
    Unknown(SmolStr),
    /// A tag would change, and there is nothing that it could be on.
    #[error("no volume or instance carries {0}, and none is named, so there is nothing to change")]
    NothingTagged(SmolStr),
    /// The settings contradict each other.
    #[error(transparent)]
    Settings(#[from] crate::setting::SettingError),
}

/// `ebskeep.what-if/1`: the plan with a change, beside the one without.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct WhatIf {
    /// `ebskeep.what-if/1`.
    pub schema: String,
    /// The instant everything was decided at.
    #[schemars(with = "String")]
    pub now: Timestamp,
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub region: Region,
    /// What would be changed, as given.
    pub changes: Vec<String>,
    /// The resources whose tags would be changed.
    #[schemars(with = "Vec<String>")]
    pub on: Vec<SmolStr>,
    /// Counts as it is.
    pub as_it_is: Counts,
    /// Counts with the change, at once: a changed policy keeps more at once, and
    /// less after a grace.
    pub at_once: Counts,
    /// Counts with the change, once the grace is over.
    pub after_grace: Counts,
    /// How long that grace is, in words.
    pub grace: String,
    /// Snapshots about which anything changes. Sorted by volume, oldest first.
    pub snapshots: Vec<Changed>,
    /// Volumes that would be backed up otherwise, or not at all.
    pub volumes: Vec<VolumeChanged>,
    /// Checks that would refuse the plan that they do not refuse as it is.
    pub refused: Vec<CheckResult>,
    /// Problems that the change would make.
    pub problems: Vec<Notice>,
}

/// How many snapshots of ours, and of what size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counts {
    /// That stay.
    pub keep: usize,
    /// The full sizes of the volumes of those, in GiB, added up.
    pub keep_gib: u64,
    /// That the next expire run would delete.
    pub delete: usize,
    /// The full sizes of the volumes of those, in GiB, added up.
    pub delete_gib: u64,
}

/// A snapshot about which something changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Changed {
    /// The snapshot.
    pub snapshot_id: SnapshotId,
    /// Its volume.
    pub volume_id: VolumeId,
    /// When it began.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// Its volume's size in GiB (full, not incremental).
    pub size_gib: u32,
    /// As it is.
    pub as_it_is: Fate,
    /// With the change, at once.
    pub at_once: Fate,
    /// With the change, once the grace is over.
    pub after_grace: Fate,
}

/// What becomes of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Fate {
    /// Keep or delete.
    pub verdict: ExpireVerdict,
    /// What keeps it, or kept it until then.
    pub reasons: Vec<Reason>,
    /// The first UTC date on which it would go, where one can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub expires_on: Option<Date>,
}

/// A volume that would be backed up otherwise: now, for another slot, or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VolumeChanged {
    /// The volume.
    pub volume_id: VolumeId,
    /// As it is.
    pub as_it_is: CreateVerdict,
    /// With the change.
    pub with: CreateVerdict,
    /// Why, with the change.
    pub reasons: Vec<Reason>,
}

impl WhatIf {
    /// Whether the change makes any difference.
    pub fn differs(&self) -> bool {
        !(self.snapshots.is_empty() && self.volumes.is_empty() && self.refused.is_empty() && self.problems.is_empty())
    }
}

/// Plans what is requested with the changes and without. They are made on the volumes and
/// instances named; where none is, on those that carry the changed key or the
/// `Backup` key.
///
/// # Errors
///
/// If there is nothing that a change could be made on.
pub fn what_if(
    inventory: &Inventory,
    changes: &[Change],
    ids: &[SmolStr],
    request: &Request,
    settings: &Settings,
) -> Result<WhatIf, WhatIfError> {
    let mut changed_settings = settings.clone();
    let mut other = inventory.clone();
    let mut on: Vec<SmolStr> = Vec::new();
    for id in ids {
        let there = inventory.instances.items.iter().any(|i| i.id.as_str() == id)
            || inventory.volumes.items.iter().any(|v| v.id.as_str() == id);
        if !there {
            return Err(WhatIfError::Unknown(id.clone()));
        }
    }
    for change in changes {
        match change {
            Change::Setting { name, value } => changed_settings.set(name, value)?,
            Change::Tag { key, value } => on.extend(retag(&mut other, key, Some(value), ids, settings)?),
            Change::NoTag { key } => on.extend(retag(&mut other, key, None, ids, settings)?),
        }
    }
    changed_settings.validate()?;
    on.sort();
    on.dedup();
    let after = Request { grace: Grace::Over, ..request.clone() };
    let as_it_is = planned(inventory.clone(), request, settings).plan;
    let at_once = planned(other.clone(), request, &changed_settings).plan;
    let after_grace = planned(other, &after, &changed_settings).plan;
    let sizes: BTreeMap<&SnapshotId, u32> = inventory.snapshots.items.iter().map(|s| (&s.id, s.size_gib)).collect();
    Ok(WhatIf {
        schema: SCHEMA.to_owned(),
        now: inventory.now,
        account: inventory.place.account.clone(),
        region: inventory.place.region.clone(),
        changes: changes.iter().map(ToString::to_string).collect(),
        on,
        as_it_is: counts(&as_it_is, &sizes),
        at_once: counts(&at_once, &sizes),
        after_grace: counts(&after_grace, &sizes),
        grace: changed_settings.policy_grace.to_string(),
        snapshots: snapshots(inventory, [&as_it_is, &at_once, &after_grace]),
        volumes: volumes(&as_it_is, &at_once),
        refused: refused(&as_it_is, [&at_once, &after_grace]),
        problems: at_once.problems.iter().filter(|problem| !as_it_is.problems.contains(problem)).cloned().collect(),
    })
}

/// Writes or removes a tag, in whatever spelling it is there; says on what.
fn retag(
    inventory: &mut Inventory,
    key: &str,
    value: Option<&SmolStr>,
    ids: &[SmolStr],
    settings: &Settings,
) -> Result<Vec<SmolStr>, WhatIfError> {
    let wanted = |id: &str, tags: &Tags| {
        if ids.is_empty() {
            [key, &settings.keys.backup].iter().any(|key| tags.loose(key).next().is_some())
        } else {
            ids.iter().any(|wanted| wanted == id)
        }
    };
    let instances = inventory.instances.items.iter_mut().filter(|i| config::counts(i.state));
    let instances = instances.map(|instance| (SmolStr::new(instance.id.as_str()), &mut instance.tags));
    let volumes = inventory.volumes.items.iter_mut().filter(|volume| lineage::exists(volume));
    let volumes = volumes.map(|volume| (SmolStr::new(volume.id.as_str()), &mut volume.tags));
    let mut on = Vec::new();
    for (id, tags) in instances.chain(volumes) {
        if !wanted(&id, tags) {
            continue;
        }
        let there: Vec<SmolStr> = tags.loose(key).map(|(key, _)| key.clone()).collect();
        for key in there {
            tags.remove(&key);
        }
        if let Some(value) = value {
            tags.set(key, value.clone());
        }
        on.push(id);
    }
    if on.is_empty() { Err(WhatIfError::NothingTagged(settings.keys.backup.clone())) } else { Ok(on) }
}

fn counts(plan: &Plan, sizes: &BTreeMap<&SnapshotId, u32>) -> Counts {
    let mut counts = Counts::default();
    for verdict in &plan.snapshots {
        let gib = u64::from(sizes.get(&verdict.snapshot_id).copied().unwrap_or_default());
        match verdict.verdict {
            ExpireVerdict::Keep => {
                counts.keep += 1;
                counts.keep_gib += gib;
            }
            ExpireVerdict::Delete => {
                counts.delete += 1;
                counts.delete_gib += gib;
            }
            ExpireVerdict::Ignore => {}
        }
    }
    counts
}

/// What changes about snapshots. The plans tell of the same ones in one order.
fn snapshots(inventory: &Inventory, [as_it_is, at_once, after_grace]: [&Plan; 3]) -> Vec<Changed> {
    let mut changed: Vec<Changed> = Vec::new();
    let plans = as_it_is.snapshots.iter().zip(&at_once.snapshots).zip(&after_grace.snapshots);
    let all: BTreeMap<_, _> = inventory.snapshots.items.iter().map(|snapshot| (&snapshot.id, snapshot)).collect();
    for ((before, soon), later) in plans {
        let told = |verdict: &SnapshotVerdict| (verdict.verdict, verdict.expires_on);
        let Some(snapshot) = all.get(&before.snapshot_id) else { continue };
        if told(before) == told(soon) && told(before) == told(later) {
            continue;
        }
        changed.push(Changed {
            snapshot_id: before.snapshot_id.clone(),
            volume_id: before.volume_id.clone(),
            started: snapshot.started,
            size_gib: snapshot.size_gib,
            as_it_is: fate(before),
            at_once: fate(soon),
            after_grace: fate(later),
        });
    }
    changed.sort_by(|a, b| (&a.volume_id, a.started, &a.snapshot_id).cmp(&(&b.volume_id, b.started, &b.snapshot_id)));
    changed
}

fn fate(verdict: &SnapshotVerdict) -> Fate {
    let SnapshotVerdict { snapshot_id: _, volume_id: _, verdict, reasons, expires_on } = verdict.clone();
    Fate { verdict, reasons, expires_on }
}

fn volumes(as_it_is: &Plan, with: &Plan) -> Vec<VolumeChanged> {
    // Whether it is backed up at all, and for which slot: also where nothing is due now.
    let told = |volume: &VolumeVerdict| {
        let rules: Vec<&str> = volume.reasons.iter().map(|reason| reason.rule).collect();
        (volume.verdict, volume.slot, rules)
    };
    let pairs = as_it_is.volumes.iter().zip(&with.volumes);
    pairs
        .filter(|(before, after)| told(before) != told(after))
        .map(|(before, after)| VolumeChanged {
            volume_id: after.volume_id.clone(),
            as_it_is: before.verdict,
            with: after.verdict,
            reasons: after.reasons.clone(),
        })
        .collect()
}

fn refused(as_it_is: &Plan, with: [&Plan; 2]) -> Vec<CheckResult> {
    let before: Vec<&str> = as_it_is.refusals().map(|check| check.check).collect();
    let mut refused: Vec<CheckResult> = Vec::new();
    for check in with.into_iter().flat_map(Plan::refusals) {
        if !before.contains(&check.check) && !refused.iter().any(|other| other.check == check.check) {
            refused.push(check.clone());
        }
    }
    refused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_tags_or_settings_and_nothing_else() {
        let settings = Settings::default();
        for (text, shown) in [
            ("Retention=daily=7 weekly=4", "Retention=daily=7 weekly=4"),
            ("retention=14", "Retention=14"),
            ("Backup-", "no Backup"),
            ("copy_dest=", "Copy_Dest="),
            ("minimum=3", "--minimum 3"),
            ("policy-grace=1d", "--policy-grace 1d"),
        ] {
            assert_eq!(
                Change::parse(text, &settings).map(|change| change.to_string()),
                Ok(shown.to_owned()),
                "{text:?}"
            );
        }
        for text in ["", "Retention", "Owner=me", "minimum=0", "minimum-", "=7"] {
            assert!(Change::parse(text, &settings).is_err(), "{text:?}");
        }
    }
}
