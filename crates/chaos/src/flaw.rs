//! Planted mistakes: the same product with one thing wrong, as its calls would show
//! it. They prove that the checker can fail.

use ebskeep_core::cloud::{
    Begun, Cloud, CloudError, Clouds, CopySnapshot, CreateSnapshot, CreateSnapshots, ErrorKind, Identity, Page, Query,
    Role, Sharing, Token,
};
use ebskeep_core::id::{AccountId, Place, Region, SnapshotId};
use ebskeep_core::inventory::{Image, Instance, Lock, Snapshot, SnapshotState, TierStatus, Volume};
use ebskeep_core::tags::Tags;
use smol_str::SmolStr;

/// One mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flaw {
    /// A copy is made without tags, which are written by a second call.
    TagsAfterCopy,
    /// A copy whose outcome is not known is begun again without a look.
    BlindRetryOfCopy,
    /// A listing that fails on the way is taken for whole.
    HalfListing,
    /// Copies that are there are not seen.
    CopiesNotSeen,
    /// A copy that is not through is taken for good.
    PendingTakenForGood,
    /// `ebskeep:copied-to` is never written.
    NeverMarked,
    /// A share is not taken back.
    ShareKept,
    /// The tag that tells of a share is not written.
    ShareNotNoted,
    /// Holds are not written on copies.
    HoldNotFollowed,
    /// What wants a copy is deleted all the same.
    CopyToNotSeen,
    /// `KeepForever` is not seen.
    HoldNotSeen,
}

impl Flaw {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::TagsAfterCopy,
        Self::BlindRetryOfCopy,
        Self::HalfListing,
        Self::CopiesNotSeen,
        Self::PendingTakenForGood,
        Self::NeverMarked,
        Self::ShareKept,
        Self::ShareNotNoted,
        Self::HoldNotFollowed,
        Self::CopyToNotSeen,
        Self::HoldNotSeen,
    ];
}

/// The port of a product with a flaw, or of the product as it is.
#[derive(Clone, Debug)]
pub struct Flawed<C> {
    inner: C,
    flaw: Option<Flaw>,
}

impl<C> Flawed<C> {
    /// The same, with this flaw.
    pub fn new(inner: C, flaw: Option<Flaw>) -> Self {
        Self { inner, flaw }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn other<D>(&self, inner: D) -> Flawed<D> {
        Flawed { inner, flaw: self.flaw }
    }

    /// Snapshots as this product sees them.
    fn seen(&self, mut page: Page<Snapshot>) -> Page<Snapshot> {
        if self.has(Flaw::CopiesNotSeen) {
            page.items.retain(|snapshot| snapshot.tags.get("Source_SnapshotId").is_none());
        }
        for snapshot in &mut page.items {
            let copy = snapshot.tags.get("Source_SnapshotId").is_some();
            if copy && snapshot.state == SnapshotState::Pending && self.has(Flaw::PendingTakenForGood) {
                snapshot.state = SnapshotState::Completed;
            }
            let hidden: &[&str] = match self.flaw {
                Some(Flaw::CopyToNotSeen) => &["ebskeep:copy-to"],
                Some(Flaw::HoldNotSeen) => &["KeepForever"],
                _ => &[],
            };
            for key in hidden {
                snapshot.tags.remove(key);
            }
        }
        page
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
        self.inner.describe_instances(query, token).await
    }

    async fn describe_volumes(&self, query: &Query, token: Option<&Token>) -> Result<Page<Volume>, CloudError> {
        self.inner.describe_volumes(query, token).await
    }

    async fn describe_snapshots(&self, query: &Query, token: Option<&Token>) -> Result<Page<Snapshot>, CloudError> {
        match self.inner.describe_snapshots(query, token).await {
            Ok(page) if self.has(Flaw::HalfListing) => Ok(self.seen(Page { next: None, ..page })),
            Ok(page) => Ok(self.seen(page)),
            Err(error) => Err(error),
        }
    }

    async fn describe_images(&self, query: &Query, token: Option<&Token>) -> Result<Page<Image>, CloudError> {
        self.inner.describe_images(query, token).await
    }

    async fn describe_locked_snapshots(&self, query: &Query, token: Option<&Token>) -> Result<Page<Lock>, CloudError> {
        self.inner.describe_locked_snapshots(query, token).await
    }

    async fn describe_snapshot_tier_status(
        &self,
        query: &Query,
        token: Option<&Token>,
    ) -> Result<Page<TierStatus>, CloudError> {
        self.inner.describe_snapshot_tier_status(query, token).await
    }

    async fn create_snapshot(&self, request: &CreateSnapshot) -> Result<Begun, CloudError> {
        self.inner.create_snapshot(request).await
    }

    async fn create_snapshots(&self, request: &CreateSnapshots) -> Result<Vec<Begun>, CloudError> {
        self.inner.create_snapshots(request).await
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
        self.inner.delete_snapshot(id).await
    }

    async fn create_tags(&self, ids: &[SnapshotId], tags: &Tags) -> Result<(), CloudError> {
        let writes = |key: &str| tags.get(key).is_some();
        let swallowed = match self.flaw {
            Some(Flaw::NeverMarked) => writes("ebskeep:copied-to"),
            Some(Flaw::ShareNotNoted) => writes("ebskeep:shared-with"),
            Some(Flaw::HoldNotFollowed) => writes("KeepForever") || writes("KeepUntil"),
            _ => false,
        };
        if swallowed { Ok(()) } else { self.inner.create_tags(ids, tags).await }
    }

    async fn delete_tags(&self, ids: &[SnapshotId], keys: &[SmolStr]) -> Result<(), CloudError> {
        self.inner.delete_tags(ids, keys).await
    }
}
