//! What the configuration tags of instances and volumes say together
//! (docs/semantics.md 2): for each volume, its schedules, policies and zone.
//!
//! Resolving is silent; what is wrong with a tag is told once per resource by
//! [`crate::plan`]'s problems.

mod unlisted;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use smol_str::SmolStr;

use crate::calendar;
use crate::id::{InstanceId, VolumeId};
use crate::inventory::{Instance, InstanceState, Inventory, Volume};
use crate::job::Untagged;
use crate::retention::{Policy, to_record};
use crate::schedule::{Backup, Schedule};
use crate::setting::Settings;
use crate::tags::{self, Tags};
pub use unlisted::Unlisted;

/// What one configuration key says on one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// The resource does not carry the key.
    Nothing,
    /// This value; several keys that match and agree are one.
    Value(&'a str),
    /// Keys that match and disagree: all of their values.
    Conflict(Vec<(&'a str, &'a str)>),
}

/// What `key` says among `tags`: keys match without regard to case, blanks,
/// `-` and `_`, values without regard to case and surrounding blanks.
pub fn said<'a>(tags: &'a Tags, key: &'a str) -> Said<'a> {
    said_as(tags, key, |_, _| false)
}

/// What a configuration key says among `tags`. Values that mean the same, such as `7` and
/// `7d`, do not contradict each other; what they mean does not depend on any setting.
pub fn said_of<'a>(tags: &'a Tags, key: &'a str, settings: &Settings) -> Said<'a> {
    let keys = &settings.keys;
    if tags::same_key(key, &keys.backup) {
        said_as(tags, key, |one, other| same(Backup::parse(one), Backup::parse(other)))
    } else if tags::same_key(key, &keys.retention) || tags::same_key(key, &keys.copy_retention) {
        said_as(tags, key, |one, other| match (Policy::parse(one), Policy::parse(other)) {
            (Ok(Policy::Age(one)), Ok(Policy::Age(other))) => one.is_as_long(other),
            (one, other) => same(one, other),
        })
    } else {
        said(tags, key)
    }
}

/// Whether both were understood, and mean the same.
fn same<T: PartialEq, E>(one: Result<T, E>, other: Result<T, E>) -> bool {
    matches!((one, other), (Ok(one), Ok(other)) if one == other)
}

fn said_as<'a>(tags: &'a Tags, key: &'a str, means_the_same: impl Fn(&str, &str) -> bool) -> Said<'a> {
    let mut all = tags.loose(key).map(|(key, value)| (key.as_str(), value.as_str()));
    let Some((first_key, first)) = all.next() else { return Said::Nothing };
    let agrees = |value: &str| {
        value.trim().to_lowercase() == first.trim().to_lowercase() || means_the_same(value.trim(), first.trim())
    };
    let others: Vec<(&str, &str)> = all.collect();
    if others.iter().all(|(_, value)| agrees(value)) {
        Said::Value(first.trim())
    } else {
        Said::Conflict(std::iter::once((first_key, first)).chain(others).collect())
    }
}

/// The first configuration key that is on the resource twice with different meanings:
/// then nothing of it expires.
fn contradiction<'a>(tags: &'a Tags, settings: &'a Settings) -> Option<(&'a str, Vec<(&'a str, &'a str)>)> {
    let keys = &settings.keys;
    // The retention first: of several it is the one whose meaning decides.
    std::iter::once(keys.retention.as_str()).chain(keys.all()).find_map(|key| match said_of(tags, key, settings) {
        Said::Conflict(values) => Some((key, values)),
        Said::Nothing | Said::Value(_) => None,
    })
}

/// Whether any configuration key is on the resource twice with different meanings:
/// then nothing of it expires.
pub fn conflicted(tags: &Tags, settings: &Settings) -> bool {
    contradiction(tags, settings).is_some()
}

/// A contradiction as it is recorded on snapshots in place of a policy. It is unparsable
/// on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conflict<'a> {
    /// The key that contradicted itself, if the record names it.
    pub(crate) key: Option<&'a str>,
    /// A record of 0.1 without a key: whether it was the retention.
    pub(crate) of_retention: bool,
}

impl<'a> Conflict<'a> {
    /// What new snapshots record: `conflict Retention: 7 | 365`.
    fn record(key: &str, values: &[(&str, &str)]) -> SmolStr {
        let values: Vec<&str> = values.iter().map(|(_, value)| *value).collect();
        cut(&format!("conflict {key}: {}", values.join(" | ")))
    }

    /// Reads a record; `None` where it is not about a contradiction. 0.1 wrote the values
    /// alone (`7 | 365`), or `conflict` and the retention, without the key.
    pub(crate) fn parse(record: &'a str) -> Option<Self> {
        let Some(rest) = record.strip_prefix("conflict") else {
            return record.contains(" | ").then_some(Self { key: None, of_retention: true });
        };
        let named = rest.strip_prefix(' ').filter(|rest| !rest.starts_with('|'));
        let key = named.and_then(|named| named.split_once(": ")).map(|(key, _)| key);
        (key.is_some() || rest.is_empty() || rest.starts_with(" |")).then_some(Self { key, of_retention: false })
    }
}

/// What the tags of one volume and of one instance it is attached to say
/// together. A volume attached to several has one for each.
#[derive(Clone, Debug, PartialEq)]
pub struct Scope<'a> {
    /// The instance, if the volume is attached to one that counts.
    pub instance: Option<&'a Instance>,
    /// The instance that the volume is attached to, if a complete listing lacks it: its tags
    /// are not known.
    pub unlisted: Option<&'a InstanceId>,
    /// The device name there.
    pub device: Option<SmolStr>,
    /// Whether and when it is backed up.
    pub backup: Wanted,
    /// The policy from tags, if any says one.
    pub retention: Option<Tagged>,
    /// The zone, from a tag or the setting.
    pub zone: TimeZone,
    /// The zone's name as the tag gives it, if it came from one.
    pub zone_tag: Option<SmolStr>,
    /// Destinations of copies, as the tag gives them.
    pub copy_to: Option<SmolStr>,
    /// The policy of copies as text, which is recorded on snapshots.
    pub copy_retention: Option<SmolStr>,
}

impl Scope<'_> {
    /// The instance, listed or not.
    pub fn instance_id(&self) -> Option<&InstanceId> {
        self.instance.map(|instance| &instance.id).or(self.unlisted)
    }
}

/// Whether a volume is backed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// No tag says so.
    No,
    /// A tag says that it is not: why, in words.
    Excluded(String),
    /// On this schedule.
    On(Schedule),
}

/// A policy from a tag of a live resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// The text that is recorded on snapshots: as tagged, or marked as invalid where a
    /// record with that text would be valid. Of a conflict all values, which no policy
    /// can be read from.
    pub text: SmolStr,
    /// What it means, or why it means nothing.
    pub policy: Result<Policy, String>,
    /// The volume's or instance's id.
    pub on: SmolStr,
}

/// Everything live that tags can be read from, arranged for looking up.
pub struct Fleet<'a> {
    instances: BTreeMap<&'a InstanceId, &'a Instance>,
    devices: BTreeMap<&'a VolumeId, BTreeMap<&'a InstanceId, &'a SmolStr>>,
    unlisted: BTreeMap<&'a VolumeId, Vec<Unlisted<'a>>>,
    settings: &'a Settings,
    untagged: Untagged,
}

impl<'a> Fleet<'a> {
    /// Arranges an inventory. Attachments are taken from both sides, the
    /// volume's and the instance's, since either listing may be incomplete.
    pub fn new(inventory: &'a Inventory, settings: &'a Settings, untagged: Untagged) -> Self {
        let instances: BTreeMap<_, _> =
            inventory.instances.items.iter().filter(|i| counts(i.state)).map(|i| (&i.id, i)).collect();
        let mut devices: BTreeMap<&VolumeId, BTreeMap<&InstanceId, &SmolStr>> = BTreeMap::new();
        for volume in &inventory.volumes.items {
            for attachment in &volume.attachments {
                devices.entry(&volume.id).or_default().insert(&attachment.instance, &attachment.device);
            }
        }
        for instance in instances.values() {
            for device in &instance.devices {
                devices.entry(&device.volume).or_default().insert(&instance.id, &device.name);
            }
        }
        let unlisted = unlisted::find(inventory, &settings.deployment);
        Self { instances, devices, unlisted, settings, untagged }
    }

    /// The instance, if it is in a state that counts.
    pub fn instance(&self, id: &InstanceId) -> Option<&'a Instance> {
        self.instances.get(id).copied()
    }

    /// The instances that count, by id.
    pub fn instances(&self) -> impl Iterator<Item = &'a Instance> {
        self.instances.values().copied()
    }

    /// The instances that the volume is attached to and that a complete listing lacks, by id.
    pub fn unlisted(&self, volume: &Volume) -> &[Unlisted<'a>] {
        self.unlisted.get(&volume.id).map_or(&[], Vec::as_slice)
    }

    /// The scopes of a volume: one for each instance that counts and has it,
    /// by instance id, then one for each that a complete listing lacks; one without an instance
    /// if there is none.
    pub fn scopes(&self, volume: &'a Volume) -> Vec<Scope<'a>> {
        let attached: Vec<_> = self
            .devices
            .get(&volume.id)
            .into_iter()
            .flatten()
            .filter_map(|(id, device)| self.instances.get(id).map(|instance| (*instance, (*device).clone())))
            .collect();
        let unlisted = self.unlisted(volume);
        if attached.is_empty() && unlisted.is_empty() {
            return vec![self.scope(volume, None, None)];
        }
        let listed = attached.into_iter().map(|(instance, device)| self.scope(volume, Some(instance), Some(device)));
        listed.chain(unlisted.iter().map(|unlisted| self.scope_of_unlisted(volume, unlisted))).collect()
    }

    /// What is known where the instance is not: what the volume itself says, and whether the
    /// instance's volumes were backed up lately.
    fn scope_of_unlisted(&self, volume: &'a Volume, unlisted: &Unlisted<'a>) -> Scope<'a> {
        let mut scope = self.scope(volume, None, Some(unlisted.device.clone()));
        scope.unlisted = Some(unlisted.instance);
        if scope.backup == Wanted::No && unlisted.backed_up_lately {
            scope.backup = Wanted::On(self.settings.default_schedule.clone());
        }
        scope
    }

    /// The instances that the volume listing says the volume is attached to
    /// and that were not seen: what they say is not known.
    pub fn unseen_instances(&self, volume: &Volume) -> Vec<InstanceId> {
        let all = volume.attachments.iter().map(|a| &a.instance);
        all.filter(|id| !self.instances.contains_key(id)).cloned().collect()
    }

    fn scope(&self, volume: &'a Volume, instance: Option<&'a Instance>, device: Option<SmolStr>) -> Scope<'a> {
        let keys = &self.settings.keys;
        let first = |key: &'a str| match said_of(&volume.tags, key, self.settings) {
            Said::Nothing => instance.map_or(Said::Nothing, |i| said_of(&i.tags, key, self.settings)),
            own => own,
        };
        let text = |key: &'a str| match first(key) {
            Said::Nothing => None,
            Said::Value(value) => Some(SmolStr::new(value)),
            Said::Conflict(values) => Some(joined(&values)),
        };
        let zone_tag = text(&keys.time_zone);
        Scope {
            backup: self.backup(volume, instance, device.as_deref()),
            retention: self.retention(volume, instance),
            zone: zone_tag.as_deref().and_then(calendar::zone).unwrap_or_else(|| self.settings.time_zone.clone()),
            zone_tag,
            copy_to: text(&keys.copy_dest),
            copy_retention: text(&keys.copy_retention).map(|value| to_record(&value)),
            instance,
            unlisted: None,
            device,
        }
    }

    fn backup(&self, volume: &Volume, instance: Option<&Instance>, device: Option<&str>) -> Wanted {
        let key = self.settings.keys.backup.as_str();
        match said_of(&volume.tags, key, self.settings) {
            Said::Nothing => {}
            own => return self.wanted(&own, volume.id.as_str()),
        }
        let Some(instance) = instance else { return self.untagged() };
        let from_instance = match said_of(&instance.tags, key, self.settings) {
            Said::Nothing if self.untagged == Untagged::RunningEveryRun && instance.state == InstanceState::Running => {
                Wanted::On(Schedule::EveryRun)
            }
            said => self.wanted(&said, instance.id.as_str()),
        };
        let skipped = matches!(from_instance, Wanted::On(_))
            && skip_list(&instance.tags, self.settings).iter().any(|entry| {
                entry.eq_ignore_ascii_case(volume.id.as_str()) || device.is_some_and(|d| entry.eq_ignore_ascii_case(d))
            });
        if skipped {
            Wanted::Excluded(format!("{} of {} lists it", self.settings.keys.skip_volumes, instance.id))
        } else {
            from_instance
        }
    }

    /// What holds where no tag says anything.
    fn untagged(&self) -> Wanted {
        self.settings.default_backup.clone().map_or(Wanted::No, Wanted::On)
    }

    fn wanted(&self, said: &Said<'_>, on: &str) -> Wanted {
        match said {
            Said::Nothing => self.untagged(),
            Said::Value(value) => match Backup::parse(value) {
                Ok(Backup::No) => Wanted::Excluded(format!("{}={value} on {on}", self.settings.keys.backup)),
                Ok(Backup::On(schedule)) => Wanted::On(schedule),
                // What nobody understands is backed up all the same.
                Ok(Backup::Default) | Err(_) => Wanted::On(self.settings.default_schedule.clone()),
            },
            Said::Conflict(_) => Wanted::On(self.settings.default_schedule.clone()),
        }
    }

    fn retention(&self, volume: &Volume, instance: Option<&Instance>) -> Option<Tagged> {
        let resources = [Some((&volume.tags, volume.id.as_str())), instance.map(|i| (&i.tags, i.id.as_str()))];
        let key = self.settings.keys.retention.as_str();
        // A contradiction on either resource, in whatever key, keeps everything.
        let found = resources.iter().flatten().find_map(|(tags, on)| {
            let (key, values) = contradiction(tags, self.settings)?;
            Some((Conflict::record(key, &values), *on))
        });
        if let Some((text, on)) = found {
            let policy = Err("its tags contradict each other, so nothing of it expires".to_owned());
            return Some(Tagged { text, policy, on: SmolStr::new(on) });
        }
        resources.into_iter().flatten().find_map(|(tags, on)| match said_of(tags, key, self.settings) {
            Said::Value(value) => {
                Some(Tagged { text: to_record(value), policy: Policy::parse(value), on: SmolStr::new(on) })
            }
            _ => None,
        })
    }
}

/// The entries of `Skip_Backup_Volumes`: volume ids or device names. Of a
/// contradiction none counts, so that everything is backed up.
pub fn skip_list(tags: &Tags, settings: &Settings) -> Vec<String> {
    match said(tags, &settings.keys.skip_volumes) {
        Said::Value(value) => {
            let entries = value.split(|c: char| c.is_whitespace() || c == ',');
            entries.filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether instances in this state count: pending, running, stopping, stopped.
pub fn counts(state: InstanceState) -> bool {
    match state {
        InstanceState::Pending | InstanceState::Running | InstanceState::Stopping | InstanceState::Stopped => true,
        InstanceState::ShuttingDown | InstanceState::Terminated | InstanceState::Other => false,
    }
}

fn joined(values: &[(&str, &str)]) -> SmolStr {
    let values: Vec<&str> = values.iter().map(|(_, value)| *value).collect();
    cut(&values.join(" | "))
}

/// At most what a tag's value can hold.
fn cut(text: &str) -> SmolStr {
    text.chars().take(crate::tags::MAX_VALUE).collect()
}
