//! What tags do that match: how many instances and volumes under which schedule
//! and policy. And whether anything matches at all.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;
use smol_str::SmolStr;

use super::near::{Meant, Near};
use super::tags::Live;
use super::{Entry, Instead, Look, Severity, hints};
use crate::config::{Said, Wanted, counts as in_a_state_that_counts, said_of};
use crate::retention::Policy;
use crate::schedule::Backup;
use crate::tags::Tags;

/// What tags do in one Place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TagCounts {
    /// Instances in a state that counts.
    pub instances: usize,
    /// Volumes that exist.
    pub volumes: usize,
    /// Volumes that are backed up.
    pub backed_up: usize,
    /// Volumes that a tag excludes.
    pub excluded: usize,
    /// Volumes of which no tag says anything.
    pub untagged: usize,
    /// By schedule, as it is written; a volume on several instances can be under
    /// several.
    pub schedules: Vec<Matched>,
    /// By policy, of what is backed up: as it is told, `not understood`, or `no
    /// tag`, where the recorded policy or the default holds.
    pub policies: Vec<Matched>,
}

/// How many are under one schedule or policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Matched {
    /// The schedule or policy.
    pub under: String,
    /// Instances whose own tag says so.
    pub instances: usize,
    /// Volumes for which it holds.
    pub volumes: usize,
}

/// Instances and volumes, by what they are under.
#[derive(Default)]
struct Tally(BTreeMap<String, (usize, usize)>);

impl Tally {
    fn into_rows(self) -> Vec<Matched> {
        let row = |(under, (instances, volumes))| Matched { under, instances, volumes };
        self.0.into_iter().map(row).collect()
    }
}

/// Counts.
pub(super) fn counts(live: &Live<'_>) -> TagCounts {
    let settings = live.settings;
    let (mut schedules, mut policies) = (Tally::default(), Tally::default());
    let mut counts = TagCounts { volumes: live.volumes.len(), ..TagCounts::default() };
    for instance in live.fleet.instances() {
        counts.instances += 1;
        let backup = said_of(&instance.tags, &settings.keys.backup, settings);
        let schedule = match backup {
            Said::Nothing => settings.default_backup.clone(),
            Said::Value(value) => match Backup::parse(value) {
                Ok(Backup::No) => None,
                Ok(Backup::On(schedule)) => Some(schedule),
                Ok(Backup::Default) | Err(_) => Some(settings.default_schedule.clone()),
            },
            Said::Conflict(_) => Some(settings.default_schedule.clone()),
        };
        if let Some(schedule) = schedule {
            schedules.0.entry(schedule.to_string()).or_default().0 += 1;
        }
        let retention = match said_of(&instance.tags, &settings.keys.retention, settings) {
            Said::Nothing => None,
            Said::Value(value) => Some(policy(Policy::parse(value).ok().as_ref())),
            Said::Conflict(_) => Some(policy(None)),
        };
        if let Some(retention) = retention {
            policies.0.entry(retention).or_default().0 += 1;
        }
    }
    for (_, scopes) in live.volumes.values() {
        let on: Vec<_> = scopes
            .iter()
            .filter_map(|scope| match &scope.backup {
                Wanted::On(schedule) => Some((schedule.to_string(), scope)),
                Wanted::No | Wanted::Excluded(_) => None,
            })
            .collect();
        if on.is_empty() {
            let excluded = scopes.iter().any(|scope| matches!(scope.backup, Wanted::Excluded(_)));
            *(if excluded { &mut counts.excluded } else { &mut counts.untagged }) += 1;
            continue;
        }
        counts.backed_up += 1;
        let mut under: Vec<String> = on.iter().map(|(schedule, _)| schedule.clone()).collect();
        let mut held: Vec<String> = on
            .iter()
            .map(|(_, scope)| match &scope.retention {
                None => "no tag".to_owned(),
                Some(tagged) => policy(tagged.policy.as_ref().ok()),
            })
            .collect();
        for (tally, all) in [(&mut schedules, &mut under), (&mut policies, &mut held)] {
            all.sort();
            all.dedup();
            for one in all.drain(..) {
                tally.0.entry(one).or_default().1 += 1;
            }
        }
    }
    TagCounts { schedules: schedules.into_rows(), policies: policies.into_rows(), ..counts }
}

fn policy(understood: Option<&Policy>) -> String {
    understood.map_or_else(|| "not understood".to_owned(), ToString::to_string)
}

/// Whether there is something here and nothing that says `Backup`.
pub(super) fn nothing(live: &Live<'_>) -> Option<Entry> {
    let settings = live.settings;
    let key = &settings.keys.backup;
    let carries = |tags: &Tags| tags.loose(key).next().is_some();
    let instances = || live.fleet.instances().map(|instance| &instance.tags);
    let resources = || instances().chain(live.volumes.values().map(|(volume, _)| &volume.tags));
    let gone = live.inventory.instances.items.iter();
    let gone = gone.filter(|instance| !in_a_state_that_counts(instance.state) && carries(&instance.tags)).count();
    let anything = gone > 0 || resources().next().is_some();
    if !live.is_whole() || !anything || resources().any(carries) || settings.default_backup.is_some() {
        return None;
    }
    let mut known = BTreeMap::new();
    let mut near: BTreeMap<&SmolStr, usize> = BTreeMap::new();
    for (other, _) in resources().flat_map(Tags::iter) {
        if let Some(Near { meant: Meant::Backup, tool: _ }) = hints::near(other, settings, &mut known) {
            *near.entry(other).or_default() += 1;
        }
    }
    let carry = |number: usize| if number == 1 { "carries" } else { "carry" };
    let mut wrong = format!("No resource in {} carries {key}", live.inventory.place.region);
    // Writing to a String cannot fail.
    for (other, number) in near {
        let _ = write!(wrong, "; {number} {} {other}", carry(number));
    }
    if gone > 0 {
        let _ = write!(wrong, "; {gone} {} it and {} terminated", carry(gone), if gone == 1 { "is" } else { "are" });
    }
    Some(Entry {
        severity: Severity::Finding,
        code: "matched-nothing",
        key: Some(key.clone()),
        value: None,
        resource: SmolStr::new(live.inventory.place.region.as_str()),
        wrong,
        means: "Nothing here is backed up".to_owned(),
        instead: Some(Instead { key: key.clone(), value: Some("Yes".to_owned()) }),
        look: Look::Tags,
    })
}
