//! What is wrong with configuration tags, told once per resource: what it is,
//! what it means today, and what to write instead.

use smol_str::SmolStr;

use super::Notice;
use crate::calendar;
use crate::config::{self, Fleet, Said, said};
use crate::inventory::Inventory;
use crate::lineage;
use crate::retention::Policy;
use crate::schedule::Backup;
use crate::setting::Settings;
use crate::tags::Tags;

/// Bad configuration on live instances and volumes.
pub(super) fn problems(inventory: &Inventory, fleet: &Fleet<'_>, settings: &Settings) -> Vec<Notice> {
    let mut found = Vec::new();
    let instances = fleet.instances().map(|instance| (instance.id.as_str(), &instance.tags));
    let volumes = inventory.volumes.items.iter().filter(|volume| lineage::exists(volume));
    for (id, tags) in instances.chain(volumes.map(|volume| (volume.id.as_str(), &volume.tags))) {
        on_resource(id, tags, inventory, settings, &mut found);
    }
    found
}

fn on_resource(id: &str, tags: &Tags, inventory: &Inventory, settings: &Settings, found: &mut Vec<Notice>) {
    let mut problem = |code, detail| found.push(Notice { resource: SmolStr::new(id), code, detail });
    let keys = &settings.keys;
    for key in keys.all() {
        if let Said::Conflict(values) = said(tags, key) {
            let all: Vec<String> = values.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let meaning = if key == keys.backup { "it is backed up on the default schedule, and " } else { "" };
            let detail =
                format!("{} contradict each other: {meaning}nothing of it expires; leave one", all.join(" and "));
            problem("conflict", detail);
        }
    }
    if let Said::Value(value) = said(tags, &keys.backup)
        && let Err(why) = Backup::parse(value)
    {
        let detail = format!(
            "{}={value:?}: {why}. It is backed up on the default schedule, {}",
            keys.backup, settings.default_schedule
        );
        problem("bad-backup", detail);
    }
    for (key, code, meaning) in [
        (&keys.retention, "bad-retention", "Everything it governs is kept"),
        (&keys.copy_retention, "bad-copy-retention", "Every copy it governs is kept"),
    ] {
        if let Said::Value(value) = said(tags, key)
            && let Err(why) = Policy::parse(value)
        {
            problem(code, format!("{key}={value:?}: {why}. {meaning}"));
        }
    }
    if let Said::Value(value) = said(tags, &keys.time_zone)
        && calendar::zone(value).is_none()
    {
        let detail = format!(
            "{}={value:?} is no IANA time zone such as Europe/London. The default zone schedules it",
            keys.time_zone
        );
        problem("bad-time-zone", detail);
    }
    if let Said::Value(value) = said(tags, &keys.copy_dest) {
        let place = &inventory.place;
        let here = |dest: &str| dest == place.region.as_str() || dest == place.to_string();
        let destinations = value.split(|c: char| c.is_whitespace() || c == ',');
        if destinations.into_iter().any(here) {
            problem("bad-copy-dest", format!("{}={value:?} names this account and Region itself", keys.copy_dest));
        }
    }
}

/// Configuration that means nothing: entries of the skip list without a match.
pub(super) fn findings(fleet: &Fleet<'_>, settings: &Settings) -> Vec<Notice> {
    let mut found = Vec::new();
    for instance in fleet.instances() {
        for entry in config::skip_list(&instance.tags, settings) {
            let matches = |device: &crate::inventory::Device| {
                entry.eq_ignore_ascii_case(&device.name) || entry.eq_ignore_ascii_case(device.volume.as_str())
            };
            if !instance.devices.iter().any(matches) {
                let key = &settings.keys.skip_volumes;
                let detail = format!("{key} names {entry:?}, which is neither a device nor a volume of it");
                found.push(Notice {
                    resource: SmolStr::new(instance.id.as_str()),
                    code: "skip-matches-nothing",
                    detail,
                });
            }
        }
    }
    found
}
