//! What users are going to do some days from now: they put right what they did, and change
//! their minds.

use ebskeep_core::id::Place;
use ebskeep_sim::Deed;
use jiff::{SignedDuration, Timestamp};

/// What is to come, in no order.
#[derive(Debug, Default)]
pub struct Later(Vec<Intent>);

/// Something that a user is going to do.
#[derive(Clone, Debug)]
pub struct Intent {
    /// When.
    pub at: Timestamp,
    /// Where.
    pub place: Place,
    /// What.
    pub deed: Deed,
    /// What it is counted as once it is done, if it is.
    pub counts: Option<&'static str>,
}

impl Later {
    /// Puts it off by so many hours.
    pub fn add(&mut self, now: Timestamp, hours: u64, place: &Place, deed: Deed, counts: Option<&'static str>) {
        let hours = SignedDuration::from_hours(i64::try_from(hours).unwrap_or(0));
        let at = now.checked_add(hours).unwrap_or(now);
        self.0.push(Intent { at, place: place.clone(), deed, counts });
    }

    /// What is due by now, the oldest first. It is no longer to come.
    pub fn due(&mut self, now: Timestamp) -> Vec<Intent> {
        let (mut due, rest) = self.0.drain(..).partition::<Vec<_>, _>(|intent| intent.at <= now);
        self.0 = rest;
        due.sort_by_key(|intent| intent.at);
        due
    }
}

#[cfg(test)]
mod tests {
    use ebskeep_core::id::VolumeId;

    use super::*;
    use crate::scene;

    #[test]
    fn what_is_due_comes_once_and_in_its_order() {
        let (now, place) = (Timestamp::UNIX_EPOCH, scene::home());
        let deletes = |id: &str| Deed::DeleteVolume { volume: VolumeId::new(id) };
        let mut later = Later::default();
        later.add(now, 3, &place, deletes("vol-3"), None);
        later.add(now, 1, &place, deletes("vol-1"), Some("done"));
        later.add(now, 9, &place, deletes("vol-9"), None);
        assert!(later.due(now).is_empty());
        let then = now + SignedDuration::from_hours(3);
        let due = later.due(then);
        let named: Vec<String> = due.iter().map(|intent| format!("{:?}", intent.deed)).collect();
        assert_eq!(named, ["vol-1", "vol-3"].map(|id| format!("{:?}", deletes(id))));
        assert_eq!(due.iter().filter_map(|intent| intent.counts).collect::<Vec<_>>(), ["done"]);
        assert!(later.due(then).is_empty());
    }
}
