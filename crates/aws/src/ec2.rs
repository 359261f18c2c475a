//! EC2 in one Place: each method of the port as one call and one attempt.

use std::sync::{Arc, OnceLock};

use ebskeep_core::cloud::{
    Begun, Cloud, CloudError, CopySnapshot, CreateSnapshot, CreateSnapshots, ErrorKind, Page, Query, Sharing, Token,
    Untag,
};
use ebskeep_core::id::{AccountId, Place, SnapshotId};
use ebskeep_core::inventory::{Image, Instance, Lock, Snapshot, TierStatus, Volume};
use ebskeep_core::tags::Tags;

use crate::call::{Answer, Caller};
use crate::wire::request::{self, Call, Refused};
use crate::wire::response;

/// EC2 in one account and Region.
#[derive(Clone, Debug)]
pub struct Ec2 {
    caller: Arc<Caller>,
    place: Place,
    account: Arc<OnceLock<AccountId>>,
}

impl Ec2 {
    pub(crate) fn new(caller: Arc<Caller>, place: Place, account: Arc<OnceLock<AccountId>>) -> Self {
        Self { caller, place, account }
    }

    /// Any EC2 action with parameters as they travel, and the answer's body.
    /// For tests that set a scene (RunInstances, AttachVolume, …); the jobs
    /// call what the port has. Errors are told as for a call that changes
    /// something.
    pub async fn raw(&self, action: &str, params: &[(String, String)]) -> Result<Vec<u8>, CloudError> {
        Ok(self.send(&request::raw(action, params)).await?.body)
    }

    /// Sends a call, if the credentials are of this Place's account. They may
    /// be of another one if the account came from elsewhere than
    /// [`ebskeep_core::cloud::Clouds::identity`].
    async fn send(&self, call: &Call) -> Result<Answer, CloudError> {
        match self.account.get() {
            Some(ours) if *ours != self.place.account => Err(call.failed(
                ErrorKind::Denied,
                format!("the credentials are of account {ours}, not of {}", self.place.account),
            )),
            _ => self.caller.send(call, &self.place.region).await,
        }
    }
}

/// A call that is not made.
fn refused(operation: &'static str) -> impl FnOnce(Refused) -> CloudError {
    move |refused| CloudError {
        kind: ErrorKind::Invalid,
        operation,
        resource: None,
        code: None,
        source: Some(Box::new(refused)),
    }
}

impl Cloud for Ec2 {
    fn place(&self) -> &Place {
        &self.place
    }

    async fn describe_instances(&self, query: &Query, token: Option<&Token>) -> Result<Page<Instance>, CloudError> {
        let call = request::describe_instances(query, token).map_err(refused("DescribeInstances"))?;
        self.send(&call).await?.page(&call, response::instances)
    }

    async fn describe_volumes(&self, query: &Query, token: Option<&Token>) -> Result<Page<Volume>, CloudError> {
        let call = request::describe_volumes(query, token).map_err(refused("DescribeVolumes"))?;
        self.send(&call).await?.page(&call, response::volumes)
    }

    async fn describe_snapshots(&self, query: &Query, token: Option<&Token>) -> Result<Page<Snapshot>, CloudError> {
        let call = request::describe_snapshots(query, token).map_err(refused("DescribeSnapshots"))?;
        self.send(&call).await?.page(&call, response::snapshots)
    }

    async fn describe_images(&self, query: &Query, token: Option<&Token>) -> Result<Page<Image>, CloudError> {
        let call = request::describe_images(query, token).map_err(refused("DescribeImages"))?;
        self.send(&call).await?.page(&call, response::images)
    }

    async fn describe_locked_snapshots(&self, query: &Query, token: Option<&Token>) -> Result<Page<Lock>, CloudError> {
        let call = request::describe_locked_snapshots(query, token).map_err(refused("DescribeLockedSnapshots"))?;
        self.send(&call).await?.page(&call, response::locks)
    }

    async fn describe_snapshot_tier_status(
        &self,
        query: &Query,
        token: Option<&Token>,
    ) -> Result<Page<TierStatus>, CloudError> {
        let call =
            request::describe_snapshot_tier_status(query, token).map_err(refused("DescribeSnapshotTierStatus"))?;
        self.send(&call).await?.page(&call, response::tiers)
    }

    async fn create_snapshot(&self, request: &CreateSnapshot) -> Result<Begun, CloudError> {
        let call = request::create_snapshot(request);
        self.send(&call).await?.read(&call, response::create_snapshot)
    }

    async fn create_snapshots(&self, request: &CreateSnapshots) -> Result<Vec<Begun>, CloudError> {
        let call = request::create_snapshots(request);
        self.send(&call).await?.read(&call, response::create_snapshots)
    }

    async fn copy_snapshot(&self, request: &CopySnapshot) -> Result<SnapshotId, CloudError> {
        let call = request::copy_snapshot(request, &self.place.region);
        self.send(&call).await?.read(&call, response::copy_snapshot)
    }

    async fn describe_snapshot_sharing(&self, id: &SnapshotId) -> Result<Vec<AccountId>, CloudError> {
        let call = request::describe_snapshot_sharing(id);
        self.send(&call).await?.read(&call, response::sharing)
    }

    async fn modify_snapshot_sharing(&self, id: &SnapshotId, change: &Sharing) -> Result<(), CloudError> {
        let call = request::modify_snapshot_sharing(id, change);
        self.send(&call).await?.read(&call, |body| response::done(body, "ModifySnapshotAttributeResponse"))
    }

    async fn delete_snapshot(&self, id: &SnapshotId) -> Result<(), CloudError> {
        let call = request::delete_snapshot(id);
        self.send(&call).await?.read(&call, |body| response::done(body, "DeleteSnapshotResponse"))
    }

    async fn create_tags(&self, ids: &[SnapshotId], tags: &Tags) -> Result<(), CloudError> {
        let call = request::create_tags(ids, tags).map_err(refused("CreateTags"))?;
        self.send(&call).await?.read(&call, |body| response::done(body, "CreateTagsResponse"))
    }

    async fn delete_tags(&self, ids: &[SnapshotId], tags: &[Untag]) -> Result<(), CloudError> {
        let call = request::delete_tags(ids, tags).map_err(refused("DeleteTags"))?;
        self.send(&call).await?.read(&call, |body| response::done(body, "DeleteTagsResponse"))
    }
}
