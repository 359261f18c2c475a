//! What there is at one destination, arranged for looking up by source.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan};

use crate::id::{Place, SnapshotId};
use crate::inventory::{DestinationSnapshots, Snapshot, SnapshotState};
use crate::lineage::{Managed, classify};
use crate::setting::Settings;
use crate::tags;

/// Hours within which failed attempts count.
const DAY: i64 = 24;

/// One destination.
pub(super) struct There<'a> {
    /// Why not all of it could be seen, if so.
    pub(super) gap: Option<&'a str>,
    /// Copies under way, whoever began them.
    pub(super) in_flight: usize,
    /// Ours from `home`, by source; the newest first.
    copies: BTreeMap<&'a str, Vec<&'a Snapshot>>,
}

impl<'a> There<'a> {
    /// What was seen at a destination of what is in `home`.
    pub(super) fn new(seen: &'a DestinationSnapshots, home: &Place, settings: &Settings) -> Self {
        let mut copies: BTreeMap<&str, Vec<&Snapshot>> = BTreeMap::new();
        let mut in_flight = 0;
        for snapshot in &seen.snapshots.items {
            let source = snapshot.tags.get(tags::SOURCE_SNAPSHOT);
            if snapshot.state == SnapshotState::Pending && (source.is_some() || snapshot.volume.is_dummy()) {
                in_flight += 1;
            }
            let from_here = classify(snapshot, &seen.place, &settings.deployment).is_ok_and(|managed| {
                let key = &managed.key;
                key.copies && key.account == home.account && key.region == home.region
            });
            if let Some(source) = source.filter(|_| from_here) {
                copies.entry(source).or_default().push(snapshot);
            }
        }
        for of_one in copies.values_mut() {
            of_one.sort_by(|a, b| (b.started, &b.id).cmp(&(a.started, &a.id)));
        }
        Self { gap: seen.snapshots.gap.as_ref().map(|gap| gap.why.as_str()), in_flight, copies }
    }

    /// The copies of one primary.
    pub(super) fn of(&self, managed: &Managed<'_>) -> Copies<'a, '_> {
        let id: &SnapshotId = &managed.snapshot.id;
        Copies(self.copies.get(id.as_str()).map_or(&[], Vec::as_slice))
    }
}

/// The copies of one primary at one destination, newest first.
#[derive(Clone, Copy)]
pub(super) struct Copies<'a, 'l>(&'l [&'a Snapshot]);

impl<'a, 'l> Copies<'a, 'l> {
    /// The newest good one.
    pub(super) fn good(self) -> Option<&'a Snapshot> {
        self.all_good().next()
    }

    /// All good ones.
    pub(super) fn all_good(self) -> impl Iterator<Item = &'a Snapshot> + use<'a, 'l> {
        self.in_state(SnapshotState::Completed)
    }

    /// All, in any state.
    pub(super) fn all(self) -> impl Iterator<Item = &'a Snapshot> + use<'a, 'l> {
        self.0.iter().copied()
    }

    /// The newest that is under way.
    pub(super) fn pending(self) -> Option<&'a Snapshot> {
        self.in_state(SnapshotState::Pending).next()
    }

    /// The newest good one, else the newest under way.
    pub(super) fn newest(self) -> Option<&'a Snapshot> {
        self.good().or_else(|| self.pending())
    }

    /// Those that can be restored from, or will be.
    pub(super) fn alive(self) -> impl Iterator<Item = &'a Snapshot> + use<'a, 'l> {
        self.all_good().chain(self.in_state(SnapshotState::Pending))
    }

    /// Those that failed within a day, by their own start.
    pub(super) fn failed_lately(self, now: Timestamp) -> Vec<&'a Snapshot> {
        let lately = |copy: &&Snapshot| copy.started.saturating_add(DAY.hours()).is_ok_and(|end| end > now);
        self.in_state(SnapshotState::Error).filter(lately).collect()
    }

    fn in_state(self, state: SnapshotState) -> impl Iterator<Item = &'a Snapshot> + use<'a, 'l> {
        self.0.iter().copied().filter(move |copy| copy.state == state)
    }
}
