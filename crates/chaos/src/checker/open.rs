//! Creations whose answer did not come, until somebody has looked what became of them.
//!
//! A look closes those that it would have shown. One by ids shows other snapshots, and none that
//! nobody knows of yet. One without a filter shows everything, one of all copies all copies, one by
//! a volume or by the source of copies what is of that; of a slot, what is for that. Where a set is
//! looked for, the look names volumes, and the call that may have begun it named an instance: which
//! volumes are on that, the world says, as it is after the step.
//!
//! All other filters close nothing: ids once more, what is pending, what began within some hours.
//! The last are parts of a listing, whose first page has no filter.
//!
//! Not told apart: pages, of which each counts, since whoever lists reads on or says that he could
//! not; deployments; and whether it was the one without an answer who looked.

use std::collections::{BTreeMap, BTreeSet};

use ebskeep_core::id::Place;
use ebskeep_sim::{Call, World};

/// What a creation is of: the action, the volume, instance or source, and of an instance the
/// volumes that are left out, since there may be several sets, of volumes due at other times.
pub(super) type Same = (&'static str, String, Vec<String>);

/// The tag that a creation and a look for it name.
const SLOT: &str = "ebskeep:slot";

/// What nobody has looked for yet, and the slot it is for.
#[derive(Debug, Default)]
pub(super) struct Open(BTreeMap<Place, BTreeMap<Same, Option<String>>>);

impl Open {
    /// The answer of this creation did not come.
    pub(super) fn add(&mut self, place: &Place, same: Same, call: &Call) {
        self.0.entry(place.clone()).or_default().insert(same, slot(call));
    }

    /// Whether the same was begun, and nobody has looked since.
    pub(super) fn has(&self, place: &Place, same: &Same) -> bool {
        self.0.get(place).is_some_and(|open| open.contains_key(same))
    }

    /// Somebody listed snapshots, or looked at some, and was answered.
    pub(super) fn looked(&mut self, place: &Place, call: &Call, world: &World) {
        let Some(open) = self.0.get_mut(place).filter(|open| !open.is_empty()) else { return };
        if call.params.keys().any(|key| key.starts_with("SnapshotId.")) {
            return;
        }
        let look = Look { filters: filters(call), place, world };
        open.retain(|same, slot| !look.shows(same, slot.as_deref()));
    }
}

/// The slot that a creation is tagged with.
fn slot(call: &Call) -> Option<String> {
    let (key, _) = call.params.iter().find(|(key, value)| key.ends_with(".Key") && *value == SLOT)?;
    call.params.get(&format!("{}.Value", key.strip_suffix(".Key")?)).cloned()
}

/// The values of each filter of a call, by the filter's name.
pub(super) fn filters(call: &Call) -> BTreeMap<&str, BTreeSet<&str>> {
    let named = |key: &str| key.starts_with("Filter.") && key.ends_with(".Name");
    let all = call.params.iter().filter(|(key, _)| named(key));
    all.map(|(key, name)| {
        let values = format!("{}.Value.", key.trim_end_matches(".Name"));
        let values = call.params.iter().filter(|(key, _)| key.starts_with(&values)).map(|(_, value)| value.as_str());
        (name.as_str(), values.collect())
    })
    .collect()
}

/// A look, by what it asks for.
struct Look<'a> {
    filters: BTreeMap<&'a str, BTreeSet<&'a str>>,
    place: &'a Place,
    world: &'a World,
}

impl Look<'_> {
    /// Whether it would show a snapshot that this creation made.
    fn shows(&self, (action, about, _): &Same, slot: Option<&str>) -> bool {
        self.filters.iter().all(|(name, values)| match *name {
            "tag-key" => *action == "CopySnapshot" && values.contains("Source_SnapshotId"),
            "tag:Source_SnapshotId" => *action == "CopySnapshot" && values.contains(about.as_str()),
            "volume-id" if *action == "CreateSnapshot" => values.contains(about.as_str()),
            "volume-id" if *action == "CreateSnapshots" => {
                let on = self.on(about);
                values.iter().all(|volume| on.contains(*volume))
            }
            "tag:ebskeep:slot" => slot.is_some_and(|slot| values.contains(slot)),
            _ => false,
        })
    }

    /// The volumes on an instance.
    fn on(&self, instance: &str) -> BTreeSet<String> {
        let on = |volume: &ebskeep_core::inventory::Volume| {
            volume.attachments.iter().any(|attachment| attachment.instance.as_str() == instance)
        };
        let volumes = self.world.census(self.place).volumes.into_iter();
        volumes.filter(on).map(|volume| volume.id.to_string()).collect()
    }
}
