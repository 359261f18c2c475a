//! The port of a product with a planted mistake, as its calls show it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ebskeep_core::cloud::{
    Begun, Cloud, CloudError, Clouds, CopySnapshot, CreateSnapshot, CreateSnapshots, ErrorKind, Identity, Page, Query,
    Role, Sharing, Token, Untag,
};
use ebskeep_core::id::{AccountId, Place, Region, SnapshotId};
use ebskeep_core::inventory::{
    Image, Instance, Lock, Snapshot, SnapshotState, StorageTier, TierStatus, Volume, VolumeState,
};
use ebskeep_core::tags::Tags;
use jiff::{SignedDuration, Timestamp};
use smol_str::SmolStr;

use crate::flaw::Flaw;
use crate::scene::OTHER;

/// The port of a product with a flaw, or of the product as it is.
#[derive(Clone, Debug)]
pub struct Flawed<C> {
    inner: C,
    flaw: Option<Flaw>,
    /// How far the machine's clock is off.
    off: SignedDuration,
    /// AWS's time by its last answer, for one that makes up another.
    heard: Rc<Cell<Option<Timestamp>>>,
    /// What was listed last, for one that looks no more, or at something else.
    listed: Rc<RefCell<BTreeMap<SnapshotId, Snapshot>>>,
}

impl<C> Flawed<C> {
    /// The same, with this flaw, on a machine whose clock is off.
    pub fn new(inner: C, flaw: Option<Flaw>, off: SignedDuration) -> Self {
        Self { inner, flaw, off, heard: Rc::default(), listed: Rc::default() }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn other<D>(&self, inner: D) -> Flawed<D> {
        let (heard, listed) = (Rc::clone(&self.heard), Rc::clone(&self.listed));
        Flawed { inner, flaw: self.flaw, off: self.off, heard, listed }
    }

    /// An answer as this product reads it.
    fn read<T>(&self, answer: Result<Page<T>, CloudError>) -> Result<Page<T>, CloudError> {
        let mut page = match answer {
            Err(error) if self.has(Flaw::GapTakenForEnd) && error.kind != ErrorKind::NotFound => {
                let Some(at) = self.heard.get() else { return Err(error) };
                Page { items: Vec::new(), next: None, at }
            }
            answer => answer?,
        };
        self.heard.set(Some(page.at));
        if self.has(Flaw::MachineClockBelieved) {
            page.at = page.at.checked_add(self.off).unwrap_or(page.at);
        }
        Ok(page)
    }

    /// Snapshots as this product sees them.
    fn seen(&self, mut page: Page<Snapshot>, second: bool) -> Page<Snapshot> {
        match self.flaw {
            Some(Flaw::HalfListing) => page.next = None,
            Some(Flaw::CopiesNotSeen) => page.items.retain(|s| s.tags.get("Source_SnapshotId").is_none()),
            Some(Flaw::PendingNotSeen) => page.items.retain(|s| s.state != SnapshotState::Pending),
            Some(Flaw::SurplusNotSeen) => {
                let mut slots = BTreeSet::new();
                page.items.retain(|s| {
                    let slot = s.tags.get("ebskeep:slot").unwrap_or(s.id.as_str());
                    slots.insert((s.volume.clone(), SmolStr::new(slot)))
                });
            }
            _ => {}
        }
        for snapshot in &mut page.items {
            self.misread(snapshot, second);
        }
        page
    }

    fn misread(&self, snapshot: &mut Snapshot, second: bool) {
        let copy = snapshot.tags.get("Source_SnapshotId").is_some();
        let hidden: &[&str] = match self.flaw {
            Some(Flaw::PendingTakenForGood) if copy && snapshot.state == SnapshotState::Pending => {
                snapshot.state = SnapshotState::Completed;
                &[]
            }
            Some(Flaw::FailedTakenForGood) if snapshot.state == SnapshotState::Error => {
                snapshot.state = SnapshotState::Completed;
                &[]
            }
            Some(Flaw::FailedTakenForOld) if snapshot.state == SnapshotState::Error => {
                let older = snapshot.started.checked_sub(SignedDuration::from_hours(2));
                snapshot.started = older.unwrap_or(snapshot.started);
                &[]
            }
            Some(Flaw::FailedTakenForFresh) if snapshot.state == SnapshotState::Error => {
                snapshot.started = self.heard.get().unwrap_or(snapshot.started);
                &[]
            }
            Some(Flaw::FailedTakenForPending) if snapshot.state == SnapshotState::Error => {
                snapshot.state = SnapshotState::Pending;
                &[]
            }
            Some(flaw @ (Flaw::CopiesTakenForEnded | Flaw::OtherCopiesTakenForEnded))
                if copy && (second || flaw == Flaw::CopiesTakenForEnded) =>
            {
                let of = |key| snapshot.tags.get(key).unwrap_or_default();
                let mark = format!("{} {}", of("ebskeep:started"), of("ebskeep:volume"));
                snapshot.tags.set("ebskeep:source-gone", mark);
                &[]
            }
            Some(flaw @ (Flaw::GoneMarkTakenForOlder | Flaw::GoneTakenForMarked)) if !copy => {
                if flaw == Flaw::GoneTakenForMarked || snapshot.tags.get("ebskeep:gone").is_some() {
                    snapshot.tags.set("ebskeep:gone", format!("{} {}", snapshot.started, snapshot.volume));
                }
                &[]
            }
            Some(Flaw::PolicyMarkNotSeen) => &["ebskeep:policy-since"],
            Some(flaw @ (Flaw::SharedSlotTrusted | Flaw::FarSlotTrusted)) if !copy => {
                let slot = snapshot.tags.get("ebskeep:slot").and_then(|slot| slot.parse::<Timestamp>().ok());
                let far = |slot: &Timestamp| snapshot.started.duration_since(*slot) > SignedDuration::from_hours(26);
                let trusted =
                    slot.filter(|slot| *slot <= snapshot.started && (flaw == Flaw::SharedSlotTrusted || far(slot)));
                snapshot.started = trusted.unwrap_or(snapshot.started);
                &[]
            }
            Some(Flaw::CopyPolicyMisread) if copy => {
                snapshot.tags.set("ebskeep:retention", "6h");
                &["DeleteOn"]
            }
            Some(Flaw::ArchivedNotSeen) => {
                snapshot.tier = StorageTier::Standard;
                &[]
            }
            Some(Flaw::DeploymentNotSeen) => &["ebskeep:deployment"],
            Some(Flaw::CopyToNotSeen) => &["ebskeep:copy-to"],
            Some(Flaw::HoldNotSeen) => &["KeepForever"],
            Some(Flaw::SecondAccountHoldNotSeen) if second => &["KeepForever"],
            // AWS lists tags in no order that means anything: here by the id.
            Some(Flaw::HoldByTagOrder) if snapshot.id.as_str().ends_with(|c: char| c < '8') => &["KeepForever"],
            Some(Flaw::RecordNotSeen) => &["ebskeep:retention"],
            Some(Flaw::DateNotSeen) => &["DeleteOn"],
            Some(Flaw::KeepUntilNotSeen) => &["KeepUntil"],
            Some(Flaw::RestoredNotSeen) => &["ebskeep:deleted"],
            Some(Flaw::MarksNotSeen) => &["dlm:managed", "aws:dlm:lifecycle-policy-id"],
            _ => &[],
        };
        for key in hidden {
            snapshot.tags.remove(key);
        }
    }

    /// The tags of a volume or instance as this product reads them.
    fn misconfigured(&self, tags: &mut Tags) {
        match self.flaw {
            Some(Flaw::ZoneNotSeen) => drop(tags.remove("Backup_TimeZone")),
            Some(Flaw::EveryRunTakenForDaily) if tags.get("Backup") == Some("every-run") => tags.set("Backup", "daily"),
            _ => {}
        }
    }

    /// The answer to a last look by one who remembers what was listed.
    fn remembered(&self, ids: &[SmolStr], at: Timestamp) -> Page<Snapshot> {
        let listed = self.listed.borrow();
        let items = ids.iter().filter_map(|id| listed.get(&SnapshotId::new(id.as_str()))).cloned().collect();
        Page { items, next: None, at }
    }
}

impl<C: Cloud> Flawed<C> {
    /// Whether this is the second account.
    fn in_second(&self) -> bool {
        self.inner.place().account.as_str() == OTHER
    }

    /// Those of them that are not marked as deleted.
    async fn not_marked(&self, ids: &[SnapshotId]) -> Result<Vec<SnapshotId>, CloudError> {
        let query = Query::Ids(ids.iter().map(|id| id.as_str().into()).collect());
        let there = self.inner.describe_snapshots(&query, None).await?.items.into_iter();
        Ok(there
            .filter(|snapshot| snapshot.tags.get("ebskeep:deleted").is_none())
            .map(|snapshot| snapshot.id)
            .collect())
    }
}

impl<C: Clouds> Clouds for Flawed<C> {
    type Cloud = Flawed<C::Cloud>;

    async fn identity(&self) -> Result<Identity, CloudError> {
        self.inner.identity().await
    }

    async fn regions(&self) -> Result<Vec<Region>, CloudError> {
        self.inner.regions().await
    }

    fn at(&self, place: &Place) -> Self::Cloud {
        self.other(self.inner.at(place))
    }

    fn through(&self, place: &Place, role: &Role) -> Self::Cloud {
        self.other(self.inner.through(place, role))
    }
}

impl<C: Cloud> Cloud for Flawed<C> {
    fn place(&self) -> &Place {
        self.inner.place()
    }

    async fn describe_instances(&self, query: &Query, token: Option<&Token>) -> Result<Page<Instance>, CloudError> {
        let mut page = self.read(self.inner.describe_instances(query, token).await)?;
        if self.has(Flaw::InstanceTagsNotSeen) {
            page.items.iter_mut().for_each(|instance| instance.tags = Tags::new());
        }
        if self.has(Flaw::OneInstanceSeen) {
            // Then volumes alone tell what they are on.
            page.items.iter_mut().for_each(|instance| instance.devices.clear());
        }
        page.items.iter_mut().for_each(|instance| self.misconfigured(&mut instance.tags));
        Ok(page)
    }

    async fn describe_volumes(&self, query: &Query, token: Option<&Token>) -> Result<Page<Volume>, CloudError> {
        let mut page = self.read(self.inner.describe_volumes(query, token).await)?;
        if self.has(Flaw::OneInstanceSeen) {
            page.items.iter_mut().for_each(|volume| volume.attachments.truncate(1));
        }
        page.items.iter_mut().for_each(|volume| self.misconfigured(&mut volume.tags));
        if self.has(Flaw::UnattachedTakenForGone) {
            page.items.retain(|volume| volume.state == VolumeState::InUse);
            if let (Query::Ids(ids), true) = (query, page.items.is_empty()) {
                return Err(CloudError {
                    kind: ErrorKind::NotFound,
                    operation: "DescribeVolumes",
                    resource: ids.first().map(ToString::to_string),
                    code: Some("InvalidVolume.NotFound".into()),
                    source: None,
                });
            }
        }
        Ok(page)
    }

    async fn describe_snapshots(&self, query: &Query, token: Option<&Token>) -> Result<Page<Snapshot>, CloudError> {
        if let (true, Query::Ids(ids)) = (self.has(Flaw::LastLookSkipped), query) {
            // A page of something small tells AWS's time.
            let at = self.inner.describe_images(&Query::All, None).await?.at;
            return Ok(self.remembered(ids, at));
        }
        let page = self.seen(self.read(self.inner.describe_snapshots(query, token).await)?, self.in_second());
        if self.has(Flaw::LastLookSkipped) || self.has(Flaw::LookElsewhere) {
            let listed = page.items.iter().map(|snapshot| (snapshot.id.clone(), snapshot.clone()));
            self.listed.borrow_mut().extend(listed);
        }
        Ok(page)
    }

    async fn describe_images(&self, query: &Query, token: Option<&Token>) -> Result<Page<Image>, CloudError> {
        let mut page = self.read(self.inner.describe_images(query, token).await)?;
        if self.has(Flaw::ImagesNotSeen) {
            page.items.clear();
        }
        Ok(page)
    }

    async fn describe_locked_snapshots(&self, query: &Query, token: Option<&Token>) -> Result<Page<Lock>, CloudError> {
        self.read(self.inner.describe_locked_snapshots(query, token).await)
    }

    async fn describe_snapshot_tier_status(
        &self,
        query: &Query,
        token: Option<&Token>,
    ) -> Result<Page<TierStatus>, CloudError> {
        self.read(self.inner.describe_snapshot_tier_status(query, token).await)
    }

    async fn create_snapshot(&self, request: &CreateSnapshot) -> Result<Begun, CloudError> {
        match self.flaw {
            Some(flaw @ (Flaw::CreationNeverMade | Flaw::SecondAccountForgotten))
                if flaw == Flaw::CreationNeverMade || self.in_second() =>
            {
                Ok(Begun { id: SnapshotId::new("snap-00000000000000000"), volume: request.volume.clone() })
            }
            Some(Flaw::TagsAfterCreate) => {
                let bare = CreateSnapshot { tags: Tags::new(), ..request.clone() };
                let begun = self.inner.create_snapshot(&bare).await?;
                self.inner.create_tags(std::slice::from_ref(&begun.id), &request.tags).await?;
                Ok(begun)
            }
            _ => match self.inner.create_snapshot(request).await {
                Err(error) if error.kind == ErrorKind::Unknown && self.has(Flaw::BlindRetryOfCreate) => {
                    self.inner.create_snapshot(request).await
                }
                Err(error) if error.kind == ErrorKind::Unknown && self.has(Flaw::LookElsewhere) => {
                    let listed = self.listed.borrow().keys().next().cloned();
                    let Some(any) = listed else { return Err(error) };
                    let query = Query::Ids(vec![any.as_str().into()]);
                    let _ = self.inner.describe_snapshots(&query, None).await;
                    self.inner.create_snapshot(request).await
                }
                Err(error) if error.kind == ErrorKind::Unknown && self.has(Flaw::UnknownTakenForFailure) => {
                    Err(CloudError { kind: ErrorKind::Other, ..error })
                }
                answer => answer,
            },
        }
    }

    async fn create_snapshots(&self, request: &CreateSnapshots) -> Result<Vec<Begun>, CloudError> {
        match self.inner.create_snapshots(request).await {
            Err(error) if error.kind == ErrorKind::Unknown && self.has(Flaw::UnknownTakenForFailure) => {
                Err(CloudError { kind: ErrorKind::Other, ..error })
            }
            answer => answer,
        }
    }

    async fn copy_snapshot(&self, request: &CopySnapshot) -> Result<SnapshotId, CloudError> {
        match self.flaw {
            Some(Flaw::TagsAfterCopy) => {
                let bare = CopySnapshot { tags: Tags::new(), ..request.clone() };
                let id = self.inner.copy_snapshot(&bare).await?;
                self.inner.create_tags(std::slice::from_ref(&id), &request.tags).await?;
                Ok(id)
            }
            Some(Flaw::BlindRetryOfCopy) => match self.inner.copy_snapshot(request).await {
                Err(error) if error.kind == ErrorKind::Unknown => self.inner.copy_snapshot(request).await,
                answer => answer,
            },
            _ => self.inner.copy_snapshot(request).await,
        }
    }

    async fn describe_snapshot_sharing(&self, id: &SnapshotId) -> Result<Vec<AccountId>, CloudError> {
        self.inner.describe_snapshot_sharing(id).await
    }

    async fn modify_snapshot_sharing(&self, id: &SnapshotId, change: &Sharing) -> Result<(), CloudError> {
        match change {
            Sharing::Remove(_) if self.has(Flaw::ShareKept) => Ok(()),
            _ => self.inner.modify_snapshot_sharing(id, change).await,
        }
    }

    async fn delete_snapshot(&self, id: &SnapshotId) -> Result<(), CloudError> {
        if self.has(Flaw::DeletionNeverMade) {
            return Ok(());
        }
        match self.inner.delete_snapshot(id).await {
            Err(error) if error.kind == ErrorKind::Denied && self.has(Flaw::DenialTakenForGone) => {
                Err(CloudError { kind: ErrorKind::NotFound, ..error })
            }
            answer => answer,
        }
    }

    async fn create_tags(&self, ids: &[SnapshotId], tags: &Tags) -> Result<(), CloudError> {
        let writes = |key: &str| tags.get(key).is_some();
        let swallowed = match self.flaw {
            Some(Flaw::NeverMarked) => writes("ebskeep:copied-to"),
            Some(Flaw::ShareNotNoted) => writes("ebskeep:shared-with"),
            Some(Flaw::HoldNotFollowed) => writes("KeepForever") || writes("KeepUntil"),
            Some(Flaw::DeletionNotMarked) => writes("ebskeep:deleted"),
            Some(Flaw::MemberTagsNotWritten) => writes("ebskeep:volume"),
            _ => false,
        };
        if self.has(Flaw::MarkNotRenewed) && writes("ebskeep:deleted") {
            let bare = self.not_marked(ids).await?;
            return if bare.is_empty() { Ok(()) } else { self.inner.create_tags(&bare, tags).await };
        }
        if swallowed { Ok(()) } else { self.inner.create_tags(ids, tags).await }
    }

    async fn delete_tags(&self, ids: &[SnapshotId], tags: &[Untag]) -> Result<(), CloudError> {
        self.inner.delete_tags(ids, tags).await
    }
}
