//! The good snapshots of a lineage in the order in which rules count them, and whether
//! the lineage has an end.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::lineage::{Managed, SourceVolume};
use crate::marks::gone_since;
use crate::tags;

/// How long before the start a slot may be before it is doubtful: a day that daylight
/// saving makes longer, and an hour of delay (docs/semantics.md 2.3).
const SLOT_BEFORE_START: SignedDuration = SignedDuration::from_hours(26);

/// The good snapshots of a lineage that count, newest first.
#[derive(Debug)]
pub(super) struct Order<'a> {
    /// The snapshots.
    pub(super) good: Vec<&'a Managed<'a>>,
    /// What the rules sort each of them by.
    pub(super) times: Arc<[Timestamp]>,
    /// The place of each snapshot of the lineage among the good ones.
    pub(super) ranks: Vec<Option<usize>>,
}

impl<'a> Order<'a> {
    /// The orders of a lineage, its snapshots newest first: with slots as they are written,
    /// one snapshot for each; and where any slot is doubtful, with the start in its place.
    pub(super) fn all(snapshots: &'a [Managed<'a>]) -> Vec<Self> {
        let (written, doubt) = Self::as_written(snapshots);
        if doubt { vec![written, Self::by_start(snapshots)] } else { vec![written] }
    }

    /// The order with slots as they are written, and whether any of them is doubtful.
    fn as_written(snapshots: &'a [Managed<'a>]) -> (Self, bool) {
        let mut order = Self { good: Vec::new(), times: Arc::default(), ranks: Vec::with_capacity(snapshots.len()) };
        let (mut last_slot, mut doubt) = (None, false);
        for managed in snapshots {
            // What has the same slot has the same time, so it comes before any other slot.
            let surplus = managed.is_good() && managed.slot.is_some() && managed.slot == last_slot;
            let counts = managed.is_good() && !surplus;
            doubt |= surplus || (counts && is_far(managed));
            order.ranks.push(counts.then_some(order.good.len()));
            if counts {
                order.good.push(managed);
                last_slot = managed.slot.or(last_slot);
            }
        }
        order.times = order.good.iter().map(|managed| managed.time).collect();
        (order, doubt)
    }

    /// The order with the start in place of each doubtful slot.
    fn by_start(snapshots: &'a [Managed<'a>]) -> Self {
        let doubtful = doubtful(snapshots);
        let mut good: Vec<(Timestamp, usize, &Managed<'_>)> = Vec::new();
        for (at, (managed, doubtful)) in snapshots.iter().zip(&doubtful).enumerate() {
            if managed.is_good() {
                good.push((if *doubtful { managed.start } else { managed.time }, at, managed));
            }
        }
        good.sort_by(|(time, _, one), (other_time, _, other)| {
            let key = |time: &Timestamp, managed: &Managed<'_>| (*time, managed.start);
            key(other_time, other).cmp(&key(time, one)).then_with(|| other.snapshot.id.cmp(&one.snapshot.id))
        });
        let mut ranks = vec![None; snapshots.len()];
        for (rank, (_, at, _)) in good.iter().enumerate() {
            if let Some(place) = ranks.get_mut(*at) {
                *place = Some(rank);
            }
        }
        let times = good.iter().map(|(time, ..)| *time).collect();
        Self { good: good.into_iter().map(|(_, _, managed)| managed).collect(), times, ranks }
    }
}

/// Whether the slot is more than 26 hours before the start.
pub(super) fn is_far(managed: &Managed<'_>) -> bool {
    managed.slot.is_some_and(|slot| slot.duration_until(managed.start) > SLOT_BEFORE_START)
}

/// Which of the snapshots have a slot that is doubtful: far before the start, or shared
/// with another good one.
fn doubtful(snapshots: &[Managed<'_>]) -> Vec<bool> {
    let mut slots: Vec<Timestamp> = snapshots.iter().filter(|m| m.is_good()).filter_map(|m| m.slot).collect();
    slots.sort_unstable();
    let shared = |slot: &Timestamp| {
        let from = slots.partition_point(|other| other < slot);
        slots.get(from + 1) == Some(slot)
    };
    snapshots.iter().map(|m| is_far(m) || m.slot.as_ref().is_some_and(shared)).collect()
}

/// Whether the history of a volume ends, and since when that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It does not: the volume exists.
    None,
    /// No mark says that the volume is deleted: nothing has begun.
    NotBegun,
    /// The volume was first found deleted then.
    Begun(Timestamp),
}

impl Ending {
    /// Whether the lineage of such a volume ends, by the marks on its snapshots.
    pub(super) fn of(volume: SourceVolume<'_>, snapshots: &[Managed<'_>], now: Timestamp) -> Self {
        match volume {
            SourceVolume::Exists(_) => Self::None,
            SourceVolume::NotSeen => Self::NotBegun,
            SourceVolume::Gone | SourceVolume::CannotBeKnown => {
                Self::marked(snapshots, now).map_or(Self::NotBegun, Self::Begun)
            }
        }
    }

    /// When the volume of a lineage was first found deleted, by the marks on its snapshots.
    pub(super) fn marked(snapshots: &[Managed<'_>], now: Timestamp) -> Option<Timestamp> {
        let first = snapshots.first()?;
        let key = if first.key.copies { tags::SOURCE_GONE } else { tags::GONE };
        let newest = snapshots.iter().map(|managed| managed.start).max()?;
        let marks =
            snapshots.iter().filter_map(|managed| gone_since(managed.snapshot.tags.get(key)?, &managed.key.volume));
        // A snapshot that began after the mark shows that the volume came back.
        marks.filter(|at| *at >= newest && *at <= now).max()
    }
}
