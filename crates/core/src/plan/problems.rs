//! What is wrong with configuration tags, told once per resource: what it is,
//! what it means today, and what to write instead.

use jiff::civil::Date;
use smol_str::SmolStr;

use super::Notice;
use crate::calendar;
use crate::config::{self, Fleet, Said, said, said_of};
use crate::destination::Destinations;
use crate::inventory::{Inventory, Snapshot};
use crate::lineage::{self, Managed};
use crate::retention::Policy;
use crate::schedule::Backup;
use crate::setting::Settings;
use crate::tags::{self, Tags};

/// A tag that does not mean what somebody may have meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Amiss {
    /// The resource's id.
    pub(crate) resource: SmolStr,
    /// A stable name, such as `bad-retention`.
    pub(crate) code: &'static str,
    /// The key as tagged; of several that contradict each other the first.
    pub(crate) key: SmolStr,
    /// Its value; of several that contradict each other the first.
    pub(crate) value: SmolStr,
    /// What is wrong.
    pub(crate) wrong: String,
    /// What it means until it is mended.
    pub(crate) means: String,
}

impl From<Amiss> for Notice {
    fn from(amiss: Amiss) -> Self {
        let Amiss { resource, code, key: _, value: _, wrong, means } = amiss;
        Self { resource, code, detail: format!("{wrong}. {means}") }
    }
}

/// Bad configuration on live instances and volumes.
pub(crate) fn problems(inventory: &Inventory, fleet: &Fleet<'_>, settings: &Settings) -> Vec<Amiss> {
    let mut found = Vec::new();
    let instances = fleet.instances().map(|instance| (instance.id.as_str(), &instance.tags));
    let volumes = inventory.volumes.items.iter().filter(|volume| lineage::exists(volume));
    for (id, tags) in instances.chain(volumes.map(|volume| (volume.id.as_str(), &volume.tags))) {
        on_resource(id, tags, inventory, settings, &mut found);
    }
    found
}

fn on_resource(id: &str, tags: &Tags, inventory: &Inventory, settings: &Settings, found: &mut Vec<Amiss>) {
    let mut problem = |code, key: &str, wrong, means: String| {
        let tagged = tags.loose(key).next();
        let (key, value) = tagged.map_or((key.into(), SmolStr::default()), |(key, value)| (key.clone(), value.clone()));
        found.push(Amiss { resource: SmolStr::new(id), code, key, value, wrong, means });
    };
    let keys = &settings.keys;
    for key in keys.all() {
        if let Said::Conflict(values) = said_of(tags, key, settings) {
            let all: Vec<String> = values.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let meaning = if key == keys.backup {
                "It is backed up on the default schedule, and nothing of it expires"
            } else {
                "Nothing of it expires"
            };
            let wrong = format!("{} contradict each other; leave one", all.join(" and "));
            problem("conflict", key, wrong, meaning.to_owned());
        }
    }
    if let Said::Value(value) = said_of(tags, &keys.backup, settings)
        && let Err(why) = Backup::parse(value)
    {
        let meaning = format!("It is backed up on the default schedule, {}", settings.default_schedule);
        problem("bad-backup", &keys.backup, format!("{}={value:?}: {why}", keys.backup), meaning);
    }
    for (key, code, meaning) in [
        (&keys.retention, "bad-retention", "Everything it governs is kept"),
        (&keys.copy_retention, "bad-copy-retention", "Every copy it governs is kept"),
    ] {
        if let Said::Value(value) = said_of(tags, key, settings)
            && let Err(why) = Policy::parse(value)
        {
            problem(code, key, format!("{key}={value:?}: {why}"), meaning.to_owned());
        }
    }
    if let Said::Value(value) = said(tags, &keys.time_zone)
        && calendar::zone(value).is_none()
    {
        let wrong = format!("{}={value:?} is no IANA time zone such as Europe/London", keys.time_zone);
        problem("bad-time-zone", &keys.time_zone, wrong, "The default zone schedules it".to_owned());
    }
    if let Said::Value(value) = said(tags, &keys.copy_dest) {
        let Destinations { wanted: _, here, unreadable } = Destinations::parse(value, &inventory.place);
        if !here.is_empty() {
            let wrong = format!("{}={value:?} names this account and Region itself", keys.copy_dest);
            problem("bad-copy-dest", &keys.copy_dest, wrong, "There is no copy in one's own place".to_owned());
        }
        if !unreadable.is_empty() {
            let entries = unreadable.join(" ");
            let wrong = format!(
                "{}={value:?}: {entries:?} is no destination such as eu-west-1 or 123456789012/eu-west-1",
                keys.copy_dest
            );
            let means = "Nothing is copied there, and snapshots that record it are kept as ones that wait for a copy";
            problem("bad-copy-dest", &keys.copy_dest, wrong, means.to_owned());
        }
    }
}

/// Configuration that means nothing: entries of the skip list without a match.
pub(crate) fn findings(fleet: &Fleet<'_>, settings: &Settings) -> Vec<Amiss> {
    let mut found = Vec::new();
    for instance in fleet.instances() {
        for entry in config::skip_list(&instance.tags, settings) {
            let matches = |device: &crate::inventory::Device| {
                entry.eq_ignore_ascii_case(&device.name) || entry.eq_ignore_ascii_case(device.volume.as_str())
            };
            if !instance.devices.iter().any(matches) {
                let key = &settings.keys.skip_volumes;
                let tagged = instance.tags.loose(key).next();
                found.push(Amiss {
                    resource: SmolStr::new(instance.id.as_str()),
                    code: "skip-matches-nothing",
                    key: tagged.map_or_else(|| key.clone(), |(key, _)| key.clone()),
                    value: tagged.map(|(_, value)| value.clone()).unwrap_or_default(),
                    wrong: format!("{key} names {entry:?}, which is neither a device nor a volume of it"),
                    means: "Nothing is left out by it".to_owned(),
                });
            }
        }
    }
    found
}

/// Dates on a snapshot of ours that nobody can read.
pub(crate) fn dates<'a>(managed: &Managed<'a>) -> impl Iterator<Item = Amiss> + use<'a> {
    let Managed { snapshot, bears, .. } = managed;
    let snapshot: &'a Snapshot = snapshot;
    let keys =
        [(bears.delete_on, tags::DELETE_ON, "bad-delete-on"), (bears.keep_until, tags::KEEP_UNTIL, "bad-keep-until")];
    keys.into_iter().filter(|(bears, ..)| *bears).flat_map(move |(_, key, code)| {
        let unreadable = snapshot.tags.loose(key).filter(|(_, value)| value.trim().parse::<Date>().is_err());
        unreadable.map(move |(key, value)| Amiss {
            resource: SmolStr::new(snapshot.id.as_str()),
            code,
            key: key.clone(),
            value: value.clone(),
            wrong: format!("{key}={value:?} is no date such as 2026-12-31"),
            means: "The snapshot is kept".to_owned(),
        })
    })
}
