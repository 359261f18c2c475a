//! The facts of a reason.

use std::fmt;

use serde::{Serialize, Serializer};
use smol_str::SmolStr;

use super::keep::Place;

/// The facts of a reason, in plain words. Those of which a plan may hold a million
/// become words when they are told: nobody reads most of them.
#[derive(Clone)]
pub struct Detail(Facts);

#[derive(Clone)]
enum Facts {
    Words(SmolStr),
    /// What a retention rule keeps something for.
    Place(Place),
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Facts::Words(words) => f.write_str(words),
            Facts::Place(place) => place.fmt(f),
        }
    }
}

impl fmt::Debug for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

/// The same words.
impl PartialEq for Detail {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Facts::Words(one), Facts::Words(two)) => one == two,
            _ => self.to_string() == other.to_string(),
        }
    }
}

impl Eq for Detail {}

impl Serialize for Detail {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<SmolStr> for Detail {
    fn from(words: SmolStr) -> Self {
        Self(Facts::Words(words))
    }
}

impl From<&'static str> for Detail {
    fn from(words: &'static str) -> Self {
        Self(Facts::Words(SmolStr::new_static(words)))
    }
}

impl From<String> for Detail {
    fn from(words: String) -> Self {
        Self(Facts::Words(words.into()))
    }
}

impl From<Place> for Detail {
    fn from(place: Place) -> Self {
        Self(Facts::Place(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Place as Where, VolumeId};
    use crate::inventory::Inventory;
    use crate::job::Request;
    use crate::plan::{Job, decide};
    use crate::setting::Settings;

    #[test]
    fn words_made_when_they_are_told_are_the_same_words() {
        let place = Where { account: "123456789012".into(), region: "eu-west-1".into() };
        let mut world = Inventory::empty(place.clone(), "2026-03-10T12:00:00Z".parse().unwrap());
        let tags = [("Type", "Automated"), ("ebskeep:slot", "2026-03-08T00:00:00Z"), ("ebskeep:retention", "daily=7")];
        world.snapshots.items.push(crate::inventory::Snapshot {
            id: "snap-1".into(),
            owner: place.account,
            volume: VolumeId::new("vol-1"),
            state: crate::inventory::SnapshotState::Completed,
            state_message: None,
            started: "2026-03-08T00:01:00Z".parse().unwrap(),
            size_gib: 8,
            tier: crate::inventory::StorageTier::Standard,
            restore_expires: None,
            site: None,
            encrypted: false,
            description: SmolStr::default(),
            tags: tags.into_iter().collect(),
        });
        let plan = decide(&world, &Request::new([Job::Expire]), &Settings::default());
        let lazy = plan.snapshots[0].reasons.iter().find(|reason| reason.rule == "daily").unwrap().detail.clone();
        assert!(matches!(lazy.0, Facts::Place(_)));
        let words = "daily 1 of 7: the newest of 2026-03-08 (recorded on snap-1)";
        assert_eq!(lazy.to_string(), words);
        assert_eq!(format!("{lazy:?}"), format!("{words:?}"));
        assert_eq!(serde_json::to_value(&lazy).unwrap(), words);
        assert_eq!((&lazy, &lazy), (&Detail::from(words), &lazy.clone()));
        assert_ne!(lazy, Detail::from("other words"));
        assert_eq!(Detail::from(words), Detail::from(words.to_owned()));
        assert_ne!(Detail::from(words), Detail::from("other words"));
    }
}
