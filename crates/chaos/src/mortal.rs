//! A process that dies: the k-th call of a run is its last.
//!
//! Around the port. Before its effect or after it, the call never comes back, and
//! whoever drives the run is told and drops it, as the end of a process would. What
//! is in flight beside it is dropped too.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ebskeep_core::cloud::{
    Begun, Cloud, CloudError, Clouds, CopySnapshot, CreateSnapshot, CreateSnapshots, Identity, Page, Query, Role,
    Sharing, Token, Untag,
};
use ebskeep_core::id::{AccountId, Place, Region, SnapshotId};
use ebskeep_core::inventory::{Image, Instance, Lock, Snapshot, TierStatus, Volume};
use ebskeep_core::tags::Tags;
use futures::channel::oneshot;
use jiff::Timestamp;

use crate::checker::keep::Limits;
use crate::witness::Witness;

/// When and how a run dies, if it does.
#[derive(Clone, Debug)]
pub struct Fate {
    inner: Rc<Inner>,
}

/// A death to come.
#[derive(Clone, Copy, Debug)]
pub struct Death {
    /// In the call after so many.
    pub after: u64,
    /// Only calls of this action count; all, if none is named.
    pub only: Option<&'static str>,
    /// That last call takes effect.
    pub after_effect: bool,
}

#[derive(Debug)]
struct Inner {
    /// Calls that still go well.
    left: Cell<Option<u64>>,
    /// Which calls count; all of them, if none is named.
    only: Option<&'static str>,
    /// The last call takes effect.
    after_effect: bool,
    told: RefCell<Option<oneshot::Sender<&'static str>>>,
    /// The call that was the last.
    last: Cell<Option<&'static str>>,
}

impl Fate {
    /// Lives on.
    pub fn lives() -> Self {
        let inner = Inner {
            left: Cell::new(None),
            only: None,
            after_effect: false,
            told: RefCell::default(),
            last: Cell::default(),
        };
        Self { inner: Rc::new(inner) }
    }

    /// Dies so; the other end is told in which call.
    pub fn dies(death: Death) -> (Self, oneshot::Receiver<&'static str>) {
        let (told, hears) = oneshot::channel();
        let Death { after, only, after_effect } = death;
        let inner = Inner {
            left: Cell::new(Some(after)),
            only,
            after_effect,
            told: RefCell::new(Some(told)),
            last: Cell::default(),
        };
        (Self { inner: Rc::new(inner) }, hears)
    }

    /// The call it died in, and whether that took effect.
    pub fn death(&self) -> Option<(&'static str, bool)> {
        self.inner.last.get().map(|call| (call, self.inner.after_effect))
    }

    async fn call<T>(&self, name: &'static str, call: impl Future<Output = T>) -> T {
        let Some(left) = self.inner.left.get() else { return call.await };
        let dead = self.inner.last.get().is_some();
        if !dead && self.inner.only.is_some_and(|only| only != name) {
            return call.await;
        }
        if left > 0 {
            self.inner.left.set(Some(left - 1));
            return call.await;
        }
        if self.inner.after_effect && self.inner.last.get().is_none() {
            self.inner.last.set(Some(name));
            let _answer = call.await;
        }
        self.inner.last.set(Some(self.inner.last.get().unwrap_or(name)));
        let told = self.inner.told.borrow_mut().take();
        if let Some(told) = told {
            let _ = told.send(name);
        }
        futures::future::pending().await
    }
}

/// The port of one who may die, and whose deletions are seen.
#[derive(Clone, Debug)]
pub struct Mortal<C> {
    inner: C,
    fate: Fate,
    witness: Witness,
    limits: Rc<Limits>,
    began: Timestamp,
}

impl<C> Mortal<C> {
    /// The same, with this fate; of a deployment with these limits, in a run that begins now.
    pub fn new(inner: C, fate: Fate, witness: &Witness, limits: &Limits, began: Timestamp) -> Self {
        Self { inner, fate, witness: witness.clone(), limits: Rc::new(limits.clone()), began }
    }

    fn other<D>(&self, inner: D) -> Mortal<D> {
        let (fate, witness, limits) = (self.fate.clone(), self.witness.clone(), Rc::clone(&self.limits));
        Mortal { inner, fate, witness, limits, began: self.began }
    }
}

impl<C: Clouds> Clouds for Mortal<C> {
    type Cloud = Mortal<C::Cloud>;

    async fn identity(&self) -> Result<Identity, CloudError> {
        self.fate.call("GetCallerIdentity", self.inner.identity()).await
    }

    async fn regions(&self) -> Result<Vec<Region>, CloudError> {
        self.fate.call("DescribeRegions", self.inner.regions()).await
    }

    fn at(&self, place: &Place) -> Self::Cloud {
        self.other(self.inner.at(place))
    }

    fn through(&self, place: &Place, role: &Role) -> Self::Cloud {
        self.other(self.inner.through(place, role))
    }
}

impl<C: Cloud> Cloud for Mortal<C> {
    fn place(&self) -> &Place {
        self.inner.place()
    }

    async fn describe_instances(&self, query: &Query, token: Option<&Token>) -> Result<Page<Instance>, CloudError> {
        self.fate.call("DescribeInstances", self.inner.describe_instances(query, token)).await
    }

    async fn describe_volumes(&self, query: &Query, token: Option<&Token>) -> Result<Page<Volume>, CloudError> {
        self.fate.call("DescribeVolumes", self.inner.describe_volumes(query, token)).await
    }

    async fn describe_snapshots(&self, query: &Query, token: Option<&Token>) -> Result<Page<Snapshot>, CloudError> {
        self.fate.call("DescribeSnapshots", self.inner.describe_snapshots(query, token)).await
    }

    async fn describe_images(&self, query: &Query, token: Option<&Token>) -> Result<Page<Image>, CloudError> {
        self.fate.call("DescribeImages", self.inner.describe_images(query, token)).await
    }

    async fn describe_locked_snapshots(&self, query: &Query, token: Option<&Token>) -> Result<Page<Lock>, CloudError> {
        self.fate.call("DescribeLockedSnapshots", self.inner.describe_locked_snapshots(query, token)).await
    }

    async fn describe_snapshot_tier_status(
        &self,
        query: &Query,
        token: Option<&Token>,
    ) -> Result<Page<TierStatus>, CloudError> {
        self.fate.call("DescribeSnapshotTierStatus", self.inner.describe_snapshot_tier_status(query, token)).await
    }

    async fn create_snapshot(&self, request: &CreateSnapshot) -> Result<Begun, CloudError> {
        self.fate.call("CreateSnapshot", self.inner.create_snapshot(request)).await
    }

    async fn create_snapshots(&self, request: &CreateSnapshots) -> Result<Vec<Begun>, CloudError> {
        self.fate.call("CreateSnapshots", self.inner.create_snapshots(request)).await
    }

    async fn copy_snapshot(&self, request: &CopySnapshot) -> Result<SnapshotId, CloudError> {
        self.fate.call("CopySnapshot", self.inner.copy_snapshot(request)).await
    }

    async fn describe_snapshot_sharing(&self, id: &SnapshotId) -> Result<Vec<AccountId>, CloudError> {
        self.fate.call("DescribeSnapshotAttribute", self.inner.describe_snapshot_sharing(id)).await
    }

    async fn modify_snapshot_sharing(&self, id: &SnapshotId, change: &Sharing) -> Result<(), CloudError> {
        self.fate.call("ModifySnapshotAttribute", self.inner.modify_snapshot_sharing(id, change)).await
    }

    async fn delete_snapshot(&self, id: &SnapshotId) -> Result<(), CloudError> {
        self.witness.sees(self.inner.place(), id, &self.limits, self.began);
        self.fate.call("DeleteSnapshot", self.inner.delete_snapshot(id)).await
    }

    async fn create_tags(&self, ids: &[SnapshotId], tags: &Tags) -> Result<(), CloudError> {
        self.fate.call("CreateTags", self.inner.create_tags(ids, tags)).await
    }

    async fn delete_tags(&self, ids: &[SnapshotId], tags: &[Untag]) -> Result<(), CloudError> {
        self.fate.call("DeleteTags", self.inner.delete_tags(ids, tags)).await
    }
}
