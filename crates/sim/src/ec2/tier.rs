//! ModifySnapshotTier, RestoreSnapshotTier, DescribeSnapshotTierStatus.
//!
//! Source: the actions' pages in the EC2 API reference; "Archive Amazon EBS
//! snapshots" in the EBS User Guide. Archiving and restoring take as long here
//! as other changes of state (`settles-after`), where AWS takes up to 72 hours.

use std::time::Duration;

use ebskeep_core::id::SnapshotId;
use ebskeep_core::inventory::{SnapshotState, StorageTier};
use ebskeep_core::tags::Tags;
use jiff::Timestamp;

use super::filter::Filters;
use super::paging::{Paging, Part};
use super::{Read, Scene, id};
use crate::model::{Snapshot, Tiering};
use crate::params::Params;
use crate::refusal::Refusal;
use crate::state::Due;
use crate::time::later;

const FILTERS: [&str; 3] = ["last-tiering-operation", "snapshot-id", "volume-id"];

/// What ModifySnapshotTier is told.
pub(crate) struct ModifySnapshotTier {
    snapshot: SnapshotId,
}

impl Read for ModifySnapshotTier {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        let snapshot = id::snapshot(&params.need("SnapshotId")?)?;
        match params.take("StorageTier").as_deref() {
            None | Some("archive") => Ok(Self { snapshot }),
            Some(other) => Err(Refusal::value(other, "StorageTier", "Expected: 'archive'.")),
        }
    }
}

/// What RestoreSnapshotTier is told.
pub(crate) struct RestoreSnapshotTier {
    snapshot: SnapshotId,
    /// For good, if none.
    days: Option<u32>,
}

impl Read for RestoreSnapshotTier {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        let snapshot = id::snapshot(&params.need("SnapshotId")?)?;
        let permanent = params.flag("PermanentRestore")?.unwrap_or(false);
        match (permanent, params.number("TemporaryRestoreDays")?) {
            (true, None) => Ok(Self { snapshot, days: None }),
            (false, Some(days)) => Ok(Self { snapshot, days: Some(days) }),
            (true, Some(_)) => Err(Refusal::combination("PermanentRestore cannot be used with TemporaryRestoreDays")),
            (false, None) => Err(Refusal::missing("TemporaryRestoreDays")),
        }
    }
}

/// What DescribeSnapshotTierStatus is told. There are no ids to ask for.
pub(crate) struct DescribeSnapshotTierStatus {
    paging: Paging,
    filters: Filters,
}

impl Read for DescribeSnapshotTierStatus {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        Ok(Self { paging: Paging::read_without_ids(params)?, filters: Filters::read_named(params, &FILTERS)? })
    }
}

/// A change of tier that began.
#[derive(Clone, Debug)]
pub(crate) struct TierChange {
    pub(crate) id: SnapshotId,
    pub(crate) began: Timestamp,
    pub(crate) way: Way,
}

/// Which way a snapshot goes.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    Archive,
    RestoreForGood,
    RestoreFor { days: u32 },
}

impl Scene<'_> {
    pub(crate) fn modify_snapshot_tier(&mut self, request: &ModifySnapshotTier) -> Result<TierChange, Refusal> {
        let id = &request.snapshot;
        let began = self.now();
        let snapshot = self.movable(id, StorageTier::Standard)?;
        snapshot.tiering = Some(Tiering { began, operation: "archival-in-progress" });
        self.settles(Due::TierIs(id.clone(), StorageTier::Archive));
        Ok(TierChange { id: id.clone(), began, way: Way::Archive })
    }

    pub(crate) fn restore_snapshot_tier(&mut self, request: &RestoreSnapshotTier) -> Result<TierChange, Refusal> {
        let RestoreSnapshotTier { snapshot: id, days } = request;
        let began = self.now();
        let snapshot = self.movable(id, StorageTier::Archive)?;
        let way = match *days {
            None => {
                snapshot.tiering = Some(Tiering { began, operation: "permanent-restore-in-progress" });
                self.settles(Due::TierIs(id.clone(), StorageTier::Standard));
                Way::RestoreForGood
            }
            // A snapshot restored for a time stays in the archive, too.
            Some(days) => {
                let until = later(began, Duration::from_hours(24 * u64::from(days)));
                snapshot.tiering = Some(Tiering { began, operation: "temporary-restore-in-progress" });
                snapshot.restore_expires = Some(until);
                self.settles(Due::RestoredForATime(id.clone()));
                self.state.schedule(until, self.place, Due::RestoreEnds(id.clone()));
                Way::RestoreFor { days }
            }
        };
        Ok(TierChange { id: id.clone(), began, way })
    }

    /// A good snapshot in this tier that is not on its way to another.
    fn movable(&mut self, id: &SnapshotId, from: StorageTier) -> Result<&mut Snapshot, Refusal> {
        let snapshot = self.site().snapshots.get_mut(id).ok_or_else(|| id::no_snapshot(id))?;
        let moving = snapshot.tiering.as_ref().is_some_and(|tiering| tiering.operation.ends_with("in-progress"));
        if snapshot.state != SnapshotState::Completed || snapshot.tier != from || moving {
            return Err(Refusal::new("IncorrectState", format!("The snapshot {id} cannot be moved between tiers now")));
        }
        Ok(snapshot)
    }

    pub(crate) fn describe_snapshot_tier_status(
        &mut self,
        request: &DescribeSnapshotTierStatus,
    ) -> Result<Part<Snapshot>, Refusal> {
        let now = self.now();
        let cursor = request.paging.cursor("DescribeSnapshotTierStatus", self.state.rules.page, now)?;
        let wanted = |s: &Snapshot| {
            request.filters.pass(&Tags::new(), |name| match name {
                "last-tiering-operation" => s.tiering.iter().map(|tiering| tiering.operation.to_owned()).collect(),
                "snapshot-id" => vec![s.id.to_string()],
                _ => vec![s.volume.to_string()],
            })
        };
        Ok(cursor.page(&self.site().snapshots, |s| s.made <= cursor.began && wanted(s)))
    }
}
