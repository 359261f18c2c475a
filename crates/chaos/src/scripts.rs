//! What scripts of users do in a world of retention: they write one thing on many snapshots.

use ebskeep_core::inventory::{Snapshot, SnapshotState};
use ebskeep_core::tags::Tags;
use ebskeep_sim::{Census, Deed};
use jiff::SignedDuration;
use smol_str::SmolStr;

use crate::users::{User, day};

/// Tags by which runs remember something, besides the slot.
const MARKS: [&str; 4] = ["ebskeep:gone", "ebskeep:policy-since", "ebskeep:source-gone", "ebskeep:deleted"];

/// Of the numbers by which a script is chosen, those of one that writes dates.
const DATE: std::ops::RangeInclusive<u64> = 3..=5;

impl User<'_> {
    /// A script writes one thing on all snapshots of a volume: a slot, a date, the marks of
    /// one of them, or all tags of one; or a slot of years ago on one.
    pub(crate) fn writes_in_bulk(&mut self, census: &Census) -> Option<Deed> {
        let slotted = |s: &&Snapshot| s.state == SnapshotState::Completed && s.tags.get("ebskeep:slot").is_some();
        let all: Vec<_> = census.snapshots.iter().filter(slotted).collect();
        let what = self.rng.below(8);
        // A date is all that keeps what has no policy of its own.
        let by_date = |s: &&Snapshot| !DATE.contains(&what) || s.tags.get("ebskeep:retention").is_none();
        let such: Vec<_> = all.iter().copied().filter(by_date).collect();
        let one = (*self.rng.pick(&such)?).clone();
        let of_it: Vec<&Snapshot> = all
            .iter()
            .copied()
            .filter(|s| {
                s.volume == one.volume && s.tags.get("ebskeep:deployment") == one.tags.get("ebskeep:deployment")
            })
            .collect();
        if what == 0 {
            let tags = [("ebskeep:slot", "1970-01-01T00:00:00Z")].into_iter().collect();
            return Some(Deed::Tag { resources: vec![one.id.as_str().into()], tags });
        }
        let marked = |s: &&Snapshot| !Self::marks_of(&s.tags).is_empty();
        let (counts, tags) = match what {
            1 | 2 => ("a script wrote one slot on many", Self::slot_of(&of_it)?),
            3..=5 => ("a script wrote one date on many", self.date()),
            6 => {
                // Of any volume: a mark that names another one says nothing.
                let bearer = *self.rng.pick(&all.iter().copied().filter(marked).collect::<Vec<_>>())?;
                ("a script wrote the marks of one on many", Self::marks_of(&bearer.tags))
            }
            _ => ("a script wrote all tags of one on many", one.tags.clone()),
        };
        let resources: Vec<SmolStr> = of_it.iter().map(|s| SmolStr::new(s.id.as_str())).collect();
        if resources.len() <= 2 || tags.is_empty() {
            return None;
        }
        self.counts = Some(counts);
        Some(Deed::Tag { resources, tags })
    }

    /// The slot of the oldest.
    fn slot_of(of_it: &[&Snapshot]) -> Option<Tags> {
        let slot = of_it.iter().filter_map(|s| s.tags.get("ebskeep:slot")).min()?;
        Some([("ebskeep:slot", slot)].into_iter().collect())
    }

    /// A date that is over, by a little or by weeks.
    fn date(&mut self) -> Tags {
        let ago = i64::try_from(self.rng.between(1, 30)).unwrap_or(1);
        let then = self.world.now().checked_sub(SignedDuration::from_hours(24 * ago));
        [("DeleteOn", day(then.unwrap_or(self.world.now()), 0))].into_iter().collect()
    }

    fn marks_of(tags: &Tags) -> Tags {
        MARKS.iter().filter_map(|key| Some((*key, tags.get(key)?))).collect()
    }
}
