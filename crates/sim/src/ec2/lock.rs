//! LockSnapshot, UnlockSnapshot, DescribeLockedSnapshots.
//!
//! Source of states and bounds: the actions' pages in the EC2 API reference;
//! "Amazon EBS snapshot lock" in the EBS User Guide. The codes that AWS refuses
//! with are not documented: [`NOT_PERMITTED`] stands for them.

use std::collections::BTreeSet;
use std::time::Duration;

use ebskeep_core::id::SnapshotId;
use ebskeep_core::inventory::SnapshotState;
use ebskeep_core::tags::Tags;
use jiff::Timestamp;

use super::filter::Filters;
use super::paging::{Paging, Part};
use super::{Read, Scene, id};
use crate::model::{Ends, Lock, LockMode, Snapshot};
use crate::params::Params;
use crate::refusal::Refusal;

/// The code for what a lock forbids.
pub(crate) const NOT_PERMITTED: &str = "OperationNotPermitted";

/// Days a lock may last.
const DAYS: std::ops::RangeInclusive<u32> = 1..=36_500;
/// Hours a compliance lock may take to set.
const COOL_OFF: std::ops::RangeInclusive<u32> = 1..=72;

/// What LockSnapshot is told.
pub(crate) struct LockSnapshot {
    pub(crate) snapshot: SnapshotId,
    pub(crate) mode: LockMode,
    pub(crate) ends: Ends,
    pub(crate) cool_off_hours: Option<u32>,
}

impl Read for LockSnapshot {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        let snapshot = id::snapshot(&params.need("SnapshotId")?)?;
        let mode = params.need("LockMode")?;
        let mode = LockMode::named(&mode)
            .ok_or_else(|| Refusal::value(&mode, "LockMode", "Expected: 'compliance' or 'governance'."))?;
        let ends = match (params.number("LockDuration")?, params.time("ExpirationDate")?) {
            (Some(days), None) => Ends::AfterDays(days),
            (None, Some(at)) => Ends::At(at),
            (Some(_), Some(_)) => {
                return Err(Refusal::combination("LockDuration cannot be used with ExpirationDate"));
            }
            (None, None) => return Err(Refusal::missing("LockDuration")),
        };
        Ok(Self { snapshot, mode, ends, cool_off_hours: params.number("CoolOffPeriod")? })
    }
}

/// What UnlockSnapshot is told.
pub(crate) struct UnlockSnapshot {
    pub(crate) snapshot: SnapshotId,
}

impl Read for UnlockSnapshot {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        Ok(Self { snapshot: id::snapshot(&params.need("SnapshotId")?)? })
    }
}

/// What DescribeLockedSnapshots is told.
pub(crate) struct DescribeLockedSnapshots {
    paging: Paging,
    filters: Filters,
}

impl Read for DescribeLockedSnapshots {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        Ok(Self { paging: Paging::read(params, "SnapshotId")?, filters: Filters::read_named(params, &["lock-state"])? })
    }
}

/// A snapshot and its lock as they are now.
#[derive(Clone, Debug)]
pub(crate) struct LockView {
    pub(crate) snapshot: Snapshot,
    pub(crate) lock: Lock,
    pub(crate) state: &'static str,
}

impl LockView {
    fn of(snapshot: &Snapshot, now: Timestamp) -> Option<Self> {
        let lock = snapshot.lock.clone()?;
        let state = lock.state(snapshot, now);
        Some(Self { snapshot: snapshot.clone(), lock, state })
    }
}

impl Scene<'_> {
    pub(crate) fn lock_snapshot(&mut self, request: &LockSnapshot) -> Result<LockView, Refusal> {
        let LockSnapshot { snapshot: id, mode, ends, cool_off_hours } = request;
        let now = self.now();
        let good = match ends {
            Ends::AfterDays(days) => DAYS.contains(days),
            Ends::At(at) => *at > now,
        };
        if !good {
            return Err(Refusal::new("InvalidParameterValue", "A lock lasts from 1 to 36500 days from now on"));
        }
        if cool_off_hours.is_some_and(|hours| !COOL_OFF.contains(&hours)) {
            return Err(Refusal::new("InvalidParameterValue", "A cooling-off period lasts from 1 to 72 hours"));
        }
        if *mode == LockMode::Governance && cool_off_hours.is_some() {
            return Err(Refusal::combination("CoolOffPeriod cannot be used with LockMode governance"));
        }
        let snapshot = self.site().snapshots.get_mut(id).ok_or_else(|| id::no_snapshot(id))?;
        if !matches!(snapshot.state, SnapshotState::Completed | SnapshotState::Pending) {
            return Err(Refusal::new("IncorrectState", format!("The snapshot {id} cannot be locked")));
        }
        let cool_off = cool_off_hours.map(|hours| Duration::from_hours(u64::from(hours)));
        let new = Lock { mode: *mode, ends: ends.clone(), created: now, cool_off };
        if let Some(old) = snapshot.lock.as_ref().filter(|old| old.state(snapshot, now) == "compliance") {
            let longer = new.expires(snapshot) >= old.expires(snapshot);
            if *mode != LockMode::Compliance || cool_off_hours.is_some() || !longer {
                let why = format!("The snapshot {id} is locked in compliance mode: its lock can only be extended");
                return Err(Refusal::new(NOT_PERMITTED, why));
            }
        }
        snapshot.lock = Some(new);
        LockView::of(snapshot, now).ok_or_else(|| id::no_snapshot(id))
    }

    pub(crate) fn unlock_snapshot(&mut self, request: &UnlockSnapshot) -> Result<SnapshotId, Refusal> {
        let id = &request.snapshot;
        let now = self.now();
        let snapshot = self.site().snapshots.get_mut(id).ok_or_else(|| id::no_snapshot(id))?;
        match snapshot.lock.as_ref().map(|lock| lock.state(snapshot, now)) {
            None | Some("expired") => Err(Refusal::new("IncorrectState", format!("The snapshot {id} is not locked"))),
            Some("compliance") => {
                Err(Refusal::new(NOT_PERMITTED, format!("The snapshot {id} is locked in compliance mode")))
            }
            Some(_) => {
                snapshot.lock = None;
                Ok(id.clone())
            }
        }
    }

    pub(crate) fn describe_locked_snapshots(
        &mut self,
        request: &DescribeLockedSnapshots,
    ) -> Result<Part<LockView>, Refusal> {
        let now = self.now();
        let most = self.state.rules.page;
        let site = self.site();
        let wanted = |s: &Snapshot| {
            s.lock.as_ref().is_some_and(|lock| {
                let state = lock.state(s, now);
                request.filters.pass(&Tags::new(), |_| vec![state.to_owned()])
            })
        };
        let view = |part: Part<Snapshot>| Part {
            items: part.items.iter().filter_map(|s| LockView::of(s, now)).collect(),
            next: part.next,
        };
        if request.paging.ids.is_empty() {
            let cursor = request.paging.cursor("DescribeLockedSnapshots", most, now)?;
            return Ok(view(cursor.page(&site.snapshots, |s| s.made <= cursor.began && wanted(s))));
        }
        let ids: BTreeSet<SnapshotId> = request.paging.ids.iter().map(|i| id::snapshot(i)).collect::<Result<_, _>>()?;
        let mut items = Vec::new();
        for id in &ids {
            let found = site.snapshots.get(id).ok_or_else(|| id::no_snapshot(id))?;
            items.extend(Some(found).filter(|s| wanted(s)).cloned());
        }
        Ok(view(Part { items, next: None }))
    }
}

/// Why a locked snapshot does not go.
pub(crate) fn locked(id: &SnapshotId, state: &'static str) -> Refusal {
    Refusal::new(NOT_PERMITTED, format!("The snapshot {id} is locked ({state}) and cannot be deleted"))
}
