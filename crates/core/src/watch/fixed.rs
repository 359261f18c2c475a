//! Zones whose name says one half of the year, and which never change their clocks.

use smol_str::SmolStr;

use super::tags::Live;
use super::{Entry, Instead, Look, Severity};
use crate::config::{Said, said};
use crate::tags::Tags;

/// The name, the same zone under a name that says what it is, and the zone with
/// daylight saving time for which it is often taken.
const FIXED: [(&str, &str, &str); 2] =
    [("EST", "Etc/GMT+5", "America/New_York"), ("MST", "Etc/GMT+7", "America/Denver")];

/// All of them, on instances and volumes.
pub(super) fn entries(live: &Live<'_>) -> Vec<Entry> {
    let instances = live.fleet.instances().map(|instance| (instance.id.as_str(), &instance.tags));
    let volumes = live.volumes.values().map(|(volume, _)| (volume.id.as_str(), &volume.tags));
    instances.chain(volumes).filter_map(|(id, own)| entry(id, own, live)).collect()
}

fn entry(id: &str, own: &Tags, live: &Live<'_>) -> Option<Entry> {
    let ours = &live.settings.keys.time_zone;
    let Said::Value(value) = said(own, ours) else { return None };
    let (name, same, taken_for) = FIXED.iter().find(|(name, _, _)| value.eq_ignore_ascii_case(name))?;
    let key = own.loose(ours).next().map(|(key, _)| key.clone())?;
    Some(Entry {
        severity: Severity::NearMiss,
        code: "fixed-zone",
        key: Some(key),
        value: Some(SmolStr::new(value)),
        resource: SmolStr::new(id),
        wrong: format!("{name} has no daylight saving time; {taken_for} has"),
        means: format!(
            "Its backups are an hour late in summer on the clocks of {taken_for}; write that name if they should follow \
             these clocks, or the suggested name if not"
        ),
        instead: Some(Instead { key: ours.clone(), value: Some((*same).to_owned()) }),
        look: Look::Tags,
    })
}
