//! The port of [`ebskeep_core::cloud`], without a wire.
//!
//! Every call is put in the parameters the wire has and takes the same road
//! through [`World`], so that logs, limits and faults are the same for both.
//! Another account's Place is reached as by a role of that account: at once,
//! or through one that is assumed first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ebskeep_core::cloud::{
    Begun, Cloud, CloudError, Clouds, CopyKey, CopySnapshot, CreateSnapshot, CreateSnapshots, ErrorKind, Identity,
    Page, Query, Role, Sharing, Token, Untag,
};
use ebskeep_core::id::{AccountId, Place, Region, SnapshotId, VolumeId};
use ebskeep_core::inventory::{self, Image, Instance, Lock, LockState, Snapshot, TierMove, TierStatus, Volume};
use ebskeep_core::site::LocalSite;
use ebskeep_core::tags::Tags;
use jiff::Timestamp;
use smol_str::SmolStr;

use crate::ec2::lock::LockView;
use crate::ec2::paging::Part;
use crate::ec2::presigned;
use crate::ec2::{self, InstanceView};
use crate::model;
use crate::params::Params;
use crate::refusal::Refusal;
use crate::region::partition;
use crate::sts::{self, Caller};
use crate::world::{Answer, Asked, Delivery, World};

/// The Region that account-wide calls are made in.
const HOME: &str = "us-east-1";

/// The EC2 actions by which the port changes something.
pub const CHANGES: [&str; 7] = [
    "CopySnapshot",
    "CreateSnapshot",
    "CreateSnapshots",
    "CreateTags",
    "DeleteSnapshot",
    "DeleteTags",
    "ModifySnapshotAttribute",
];

/// All of a world that one access key reaches.
#[derive(Clone, Debug)]
pub struct SimClouds {
    world: World,
    caller: Option<Caller>,
    sessions: Sessions,
}

/// The sessions begun so far: by a role's ARN and the external id shown, who
/// one is there, and until when.
type Sessions = Arc<Mutex<BTreeMap<(String, Option<SmolStr>), (SmolStr, Timestamp)>>>;

impl SimClouds {
    pub(crate) fn new(world: World, key: &str) -> Self {
        Self { world, caller: Caller::new(key, None, Region::new(HOME)), sessions: Sessions::default() }
    }
}

/// One Place of a world.
#[derive(Clone, Debug)]
pub struct SimCloud {
    world: World,
    place: Place,
    caller: Option<Caller>,
    through: Option<Through>,
}

/// A role to be assumed before the first call.
#[derive(Clone, Debug)]
struct Through {
    arn: String,
    external_id: Option<SmolStr>,
    sessions: Sessions,
}

impl Clouds for SimClouds {
    type Cloud = SimCloud;

    async fn identity(&self) -> Result<Identity, CloudError> {
        let answer =
            call(&self.world, self.caller.as_ref(), "sts", "GetCallerIdentity", None, Params::default()).await?;
        match answer.0 {
            Answer::Sts(sts::Answer::Identity { account, arn }) => Ok(Identity {
                partition: arn.split(':').nth(1).unwrap_or("aws").to_owned(),
                arn: arn.to_string(),
                account,
            }),
            other => Err(odd("GetCallerIdentity", &other)),
        }
    }

    async fn regions(&self) -> Result<Vec<Region>, CloudError> {
        let answer = call(&self.world, self.caller.as_ref(), "ec2", "DescribeRegions", None, Params::default()).await?;
        match answer.0 {
            Answer::Ec2(ec2::Answer::Regions(regions)) => Ok(regions.into_iter().map(|r| r.name).collect()),
            other => Err(odd("DescribeRegions", &other)),
        }
    }

    fn at(&self, place: &Place) -> SimCloud {
        let caller = self.caller.as_ref().map(|home| Caller {
            account: place.account.clone(),
            region: place.region.clone(),
            arn: if place.account == home.account { home.arn.clone() } else { role_of(place) },
        });
        SimCloud { world: self.world.clone(), place: place.clone(), caller, through: None }
    }

    fn through(&self, place: &Place, role: &Role) -> SimCloud {
        let partition = partition(&place.region);
        let through = Through {
            arn: format!("arn:{partition}:iam::{}:role/{}", place.account, role.name),
            external_id: role.external_id.clone(),
            sessions: Arc::clone(&self.sessions),
        };
        let caller = self.caller.clone();
        SimCloud { world: self.world.clone(), place: place.clone(), caller, through: Some(through) }
    }
}

fn role_of(place: &Place) -> SmolStr {
    smol_str::format_smolstr!("arn:{}:sts::{}:assumed-role/sim/sim", partition(&place.region), place.account)
}

impl SimCloud {
    async fn ask(
        &self,
        action: &'static str,
        resource: Option<&str>,
        params: Params,
    ) -> Result<(ec2::Answer, Timestamp), CloudError> {
        let caller = match &self.through {
            None => self.caller.clone(),
            Some(through) => Some(self.assumed(through).await?),
        };
        match call(&self.world, caller.as_ref(), "ec2", action, resource, params).await? {
            (Answer::Ec2(answer), at) => Ok((answer, at)),
            (other, _) => Err(odd(action, &other)),
        }
    }

    /// Who we are in a role: by a session that lasts, or by a new one.
    async fn assumed(&self, through: &Through) -> Result<Caller, CloudError> {
        let Through { arn, external_id, sessions } = through;
        let wanted = (arn.clone(), external_id.clone());
        let here =
            |arn: SmolStr| Caller { account: self.place.account.clone(), region: self.place.region.clone(), arn };
        let known = sessions.lock().unwrap_or_else(PoisonError::into_inner).get(&wanted).cloned();
        if let Some((who, expires)) = known
            && self.world.now() < expires
        {
            return Ok(here(who));
        }
        let mut params: Params = [("RoleArn", arn.as_str()), ("RoleSessionName", "ebskeep")].into_iter().collect();
        if let Some(id) = external_id {
            params.set("ExternalId", id.as_str());
        }
        match call(&self.world, self.caller.as_ref(), "sts", "AssumeRole", Some(arn), params).await?.0 {
            Answer::Sts(sts::Answer::Assumed { arn: who, expires, .. }) => {
                let who = SmolStr::new(who);
                sessions.lock().unwrap_or_else(PoisonError::into_inner).insert(wanted, (who.clone(), expires));
                Ok(here(who))
            }
            other => Err(odd("AssumeRole", &other)),
        }
    }
}

async fn call(
    world: &World,
    caller: Option<&Caller>,
    service: &'static str,
    action: &'static str,
    resource: Option<&str>,
    params: Params,
) -> Result<(Answer, Timestamp), CloudError> {
    let failed = |kind, code: Option<SmolStr>, message: String| CloudError {
        kind,
        operation: action,
        resource: resource.map(str::to_owned),
        code,
        source: Some(Box::new(Said(message))),
    };
    let refused = |refusal: Refusal| failed(kind_of(action, &refusal), Some(refusal.code.clone()), refusal.message);
    world.travel().await;
    let Some(caller) = caller else {
        return Err(refused(Refusal::new(
            "AuthFailure",
            "AWS was not able to validate the provided access credentials",
        )));
    };
    let reply = world.call(caller, Asked { service, action: action.to_owned(), params });
    if reply.delivery != Delivery::Whole {
        let message = "the connection broke before the answer was complete";
        return Err(failed(unanswered(action), None, message.to_owned()));
    }
    reply.answer.map(|answer| (answer, reply.at)).map_err(refused)
}

/// AWS's words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Said(String);

fn odd(operation: &'static str, answer: &Answer) -> CloudError {
    CloudError {
        kind: ErrorKind::Other,
        operation,
        resource: None,
        code: None,
        source: Some(Box::new(Said(format!("an answer to another question: {answer:?}")))),
    }
}

fn invalid(operation: &'static str, why: &str) -> CloudError {
    CloudError {
        kind: ErrorKind::Invalid,
        operation,
        resource: None,
        code: None,
        source: Some(Box::new(Said(why.to_owned()))),
    }
}

/// What it means that an answer did not come: a listing or a session can be
/// asked for again, a change may have been made.
fn unanswered(action: &str) -> ErrorKind {
    if ["Describe", "Get", "Assume"].iter().any(|asks| action.starts_with(asks)) {
        ErrorKind::Unavailable
    } else {
        ErrorKind::Unknown
    }
}

/// What callers act on, by code, else by status.
fn kind_of(action: &str, refusal: &Refusal) -> ErrorKind {
    match refusal.code.as_str() {
        "RequestLimitExceeded" | "Throttling" | "ThrottlingException" | "RequestThrottled" | "SlowDown" => {
            ErrorKind::Throttled
        }
        "SnapshotCreationPerVolumeRateExceeded" => ErrorKind::PerVolumeRate,
        "ConcurrentSnapshotLimitExceeded"
        | "PendingSnapshotLimitExceeded"
        | "ResourceLimitExceeded"
        | "ConcurrentTagAccess" => ErrorKind::ConcurrencyLimit,
        "SnapshotLimitExceeded" | "TagLimitExceeded" => ErrorKind::Quota,
        "UnauthorizedOperation"
        | "AccessDenied"
        | "AuthFailure"
        | "Blocked"
        | "ExpiredToken"
        | "IncompleteSignature"
        | "InvalidClientTokenId"
        | "MissingAuthenticationToken"
        | "OptInRequired"
        | "PendingVerification"
        | "RequestExpired"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => ErrorKind::Denied,
        // A share of what is encrypted; elsewhere it is a lock that forbids.
        "OperationNotPermitted" if action == "ModifySnapshotAttribute" => ErrorKind::Denied,
        "MissingParameter"
        | "MissingAction"
        | "UnknownParameter"
        | "MalformedQueryString"
        | "TagPolicyViolation"
        | "Unsupported"
        | "UnsupportedOperation"
        | "ValidationError"
        | "FilterLimitExceeded" => ErrorKind::Invalid,
        code if code.starts_with("Invalid") => match () {
            () if code.ends_with("NotFound") => ErrorKind::NotFound,
            () if code.ends_with("InUse") => ErrorKind::InUse,
            () => ErrorKind::Invalid,
        },
        _ => match refusal.status {
            429 => ErrorKind::Throttled,
            401 | 403 => ErrorKind::Denied,
            500.. => unanswered(action),
            _ => ErrorKind::Other,
        },
    }
}

/// What says who may make volumes and copies of a snapshot.
const PERMISSION: &str = "createVolumePermission";

/// Ids that one request takes. Source: EC2 API reference.
const MOST_IDS: usize = 1_000;

/// The parameters of a listing, and the one thing it is about, if it is one.
fn listing<'a>(
    operation: &'static str,
    id: &str,
    query: &'a Query,
    token: Option<&Token>,
) -> Result<(Params, Option<&'a str>), CloudError> {
    let mut params = Params::default();
    let mut about = None;
    match query {
        Query::All => params.set("MaxResults", "1000"),
        Query::Ids(ids) => {
            let ids: Vec<&str> = ids.iter().map(SmolStr::as_str).collect();
            about = counted(operation, &ids)?;
            params.set_list(id, ids);
        }
        Query::Filters(filters) => {
            if filters.is_empty() || filters.iter().any(|f| f.name.is_empty() || f.values.is_empty()) {
                return Err(invalid(operation, "a filter without a name or values: to AWS that would mean everything"));
            }
            params.set("MaxResults", "1000");
            for (n, filter) in (1..).zip(filters) {
                params.set(format!("Filter.{n}.Name"), filter.name.as_str());
                params.set_list(&format!("Filter.{n}.Value"), filter.values.iter().map(SmolStr::as_str));
            }
        }
    }
    if let Some(Token(token)) = token {
        params.set("NextToken", token.as_str());
    }
    Ok((params, about))
}

/// Refuses no ids and too many; gives the one, if it is one.
fn counted<'a>(operation: &'static str, ids: &[&'a str]) -> Result<Option<&'a str>, CloudError> {
    match ids {
        [] => Err(invalid(operation, "no ids: to AWS that would mean everything")),
        [one] => Ok(Some(one)),
        ids if ids.len() > MOST_IDS => Err(invalid(operation, "more than 1,000 ids")),
        _ => Ok(None),
    }
}

fn page<T, U>(part: Part<T>, at: Timestamp, told: impl Fn(T) -> U) -> Page<U> {
    // The wire's `Date` tells whole seconds.
    let at = Timestamp::from_second(at.as_second()).unwrap_or(at);
    Page { items: part.items.into_iter().map(told).collect(), next: part.next.map(Token), at }
}

impl Cloud for SimCloud {
    fn place(&self) -> &Place {
        &self.place
    }

    async fn describe_instances(&self, query: &Query, token: Option<&Token>) -> Result<Page<Instance>, CloudError> {
        const ACTION: &str = "DescribeInstances";
        let (mut params, about) = listing(ACTION, "InstanceId", query, token)?;
        params.set("IncludeManagedResources", "true");
        match self.ask(ACTION, about, params).await? {
            (ec2::Answer::Instances(part), at) => Ok(page(part, at, instance)),
            (other, _) => Err(odd(ACTION, &Answer::Ec2(other))),
        }
    }

    async fn describe_volumes(&self, query: &Query, token: Option<&Token>) -> Result<Page<Volume>, CloudError> {
        const ACTION: &str = "DescribeVolumes";
        let (mut params, about) = listing(ACTION, "VolumeId", query, token)?;
        params.set("IncludeManagedResources", "true");
        match self.ask(ACTION, about, params).await? {
            (ec2::Answer::Volumes(part), at) => Ok(page(part, at, volume)),
            (other, _) => Err(odd(ACTION, &Answer::Ec2(other))),
        }
    }

    async fn describe_snapshots(&self, query: &Query, token: Option<&Token>) -> Result<Page<Snapshot>, CloudError> {
        const ACTION: &str = "DescribeSnapshots";
        let (mut params, about) = listing(ACTION, "SnapshotId", query, token)?;
        params.set("Owner.1", "self");
        match self.ask(ACTION, about, params).await? {
            (ec2::Answer::Snapshots(part), at) => Ok(page(part, at, snapshot)),
            (other, _) => Err(odd(ACTION, &Answer::Ec2(other))),
        }
    }

    async fn describe_images(&self, query: &Query, token: Option<&Token>) -> Result<Page<Image>, CloudError> {
        const ACTION: &str = "DescribeImages";
        let (mut params, about) = listing(ACTION, "ImageId", query, token)?;
        params.set("Owner.1", "self");
        params.set("IncludeDeprecated", "true");
        params.set("IncludeDisabled", "true");
        match self.ask(ACTION, about, params).await? {
            (ec2::Answer::Images(part), at) => Ok(page(part, at, image)),
            (other, _) => Err(odd(ACTION, &Answer::Ec2(other))),
        }
    }

    async fn describe_locked_snapshots(&self, query: &Query, token: Option<&Token>) -> Result<Page<Lock>, CloudError> {
        const ACTION: &str = "DescribeLockedSnapshots";
        let (params, about) = listing(ACTION, "SnapshotId", query, token)?;
        match self.ask(ACTION, about, params).await? {
            (ec2::Answer::Locks(part), at) => Ok(page(part, at, lock)),
            (other, _) => Err(odd(ACTION, &Answer::Ec2(other))),
        }
    }

    async fn describe_snapshot_tier_status(
        &self,
        query: &Query,
        token: Option<&Token>,
    ) -> Result<Page<TierStatus>, CloudError> {
        const ACTION: &str = "DescribeSnapshotTierStatus";
        if matches!(query, Query::Ids(_)) {
            return Err(invalid(ACTION, "AWS takes no ids here"));
        }
        let (params, about) = listing(ACTION, "SnapshotId", query, token)?;
        match self.ask(ACTION, about, params).await? {
            (ec2::Answer::Tiers(part), at) => Ok(page(part, at, tier_status)),
            (other, _) => Err(odd(ACTION, &Answer::Ec2(other))),
        }
    }

    async fn create_snapshot(&self, request: &CreateSnapshot) -> Result<Begun, CloudError> {
        const ACTION: &str = "CreateSnapshot";
        let CreateSnapshot { volume, description, tags, site } = request;
        let mut params = Params::default();
        stored_in(&mut params, site.as_ref());
        params.set("VolumeId", volume.as_str());
        new_snapshot(&mut params, description, tags);
        match self.ask(ACTION, Some(volume.as_str()), params).await? {
            (ec2::Answer::Snapshot(begun), _) => Ok(Begun { id: begun.id, volume: begun.volume }),
            (other, _) => Err(odd(ACTION, &Answer::Ec2(other))),
        }
    }

    async fn create_snapshots(&self, request: &CreateSnapshots) -> Result<Vec<Begun>, CloudError> {
        const ACTION: &str = "CreateSnapshots";
        let CreateSnapshots { instance, exclude_boot, exclude_data, description, tags, site } = request;
        let mut params = Params::default();
        stored_in(&mut params, site.as_ref());
        params.set("InstanceSpecification.InstanceId", instance.as_str());
        params.set("InstanceSpecification.ExcludeBootVolume", exclude_boot.to_string());
        params.set_list("InstanceSpecification.ExcludeDataVolumeId", exclude_data.iter().map(VolumeId::as_str));
        new_snapshot(&mut params, description, tags);
        match self.ask(ACTION, Some(instance.as_str()), params).await? {
            (ec2::Answer::SnapshotSet(set), _) => {
                Ok(set.into_iter().map(|s| Begun { id: s.id, volume: s.volume }).collect())
            }
            (other, _) => Err(odd(ACTION, &Answer::Ec2(other))),
        }
    }

    async fn copy_snapshot(&self, request: &CopySnapshot) -> Result<SnapshotId, CloudError> {
        const ACTION: &str = "CopySnapshot";
        let CopySnapshot { source_region, source, description, tags, encrypted } = request;
        let here = &self.place.region;
        let mut params: Params = [
            ("SourceRegion", source_region.as_str()),
            ("SourceSnapshotId", source.as_str()),
            ("DestinationRegion", here.as_str()),
        ]
        .into_iter()
        .collect();
        params.set("PresignedUrl", presigned::without_wire(self.place.account.as_str(), source_region, source, here));
        if let Some(key) = encrypted {
            params.set("Encrypted", "true");
            if let CopyKey::Named(key) = key {
                params.set("KmsKeyId", key.as_str());
            }
        }
        new_snapshot(&mut params, description, tags);
        match self.ask(ACTION, Some(source.as_str()), params).await? {
            (ec2::Answer::Copy(copy), _) => Ok(copy.id),
            (other, _) => Err(odd(ACTION, &Answer::Ec2(other))),
        }
    }

    async fn describe_snapshot_sharing(&self, id: &SnapshotId) -> Result<Vec<AccountId>, CloudError> {
        const ACTION: &str = "DescribeSnapshotAttribute";
        let params = [("Attribute", PERMISSION), ("SnapshotId", id.as_str())].into_iter().collect();
        match self.ask(ACTION, Some(id.as_str()), params).await? {
            (ec2::Answer::Attribute(attribute), _) => {
                Ok(attribute.shared.unwrap_or_default().accounts.into_iter().collect())
            }
            (other, _) => Err(odd(ACTION, &Answer::Ec2(other))),
        }
    }

    async fn modify_snapshot_sharing(&self, id: &SnapshotId, change: &Sharing) -> Result<(), CloudError> {
        let (operation, account) = match change {
            Sharing::Add(account) => ("add", account),
            Sharing::Remove(account) => ("remove", account),
        };
        let params = [
            ("Attribute", PERMISSION),
            ("OperationType", operation),
            ("SnapshotId", id.as_str()),
            ("UserId.1", account.as_str()),
        ];
        self.ask("ModifySnapshotAttribute", Some(id.as_str()), params.into_iter().collect()).await.map(drop)
    }

    async fn delete_snapshot(&self, id: &SnapshotId) -> Result<(), CloudError> {
        let params = [("SnapshotId", id.as_str())].into_iter().collect();
        self.ask("DeleteSnapshot", Some(id.as_str()), params).await.map(drop)
    }

    async fn create_tags(&self, ids: &[SnapshotId], tags: &Tags) -> Result<(), CloudError> {
        if tags.is_empty() {
            return Err(invalid("CreateTags", "no tags"));
        }
        let ids: Vec<&str> = ids.iter().map(SnapshotId::as_str).collect();
        let about = counted("CreateTags", &ids)?;
        let mut params = Params::default();
        params.set_list("ResourceId", ids);
        params.set_tags("Tag", tags);
        self.ask("CreateTags", about, params).await.map(drop)
    }

    async fn delete_tags(&self, ids: &[SnapshotId], tags: &[Untag]) -> Result<(), CloudError> {
        if tags.is_empty() {
            return Err(invalid("DeleteTags", "no tags: to AWS that would mean all of them"));
        }
        let ids: Vec<&str> = ids.iter().map(SnapshotId::as_str).collect();
        let about = counted("DeleteTags", &ids)?;
        let mut params = Params::default();
        params.set_list("ResourceId", ids);
        for (n, tag) in (1..).zip(tags) {
            params.set(format!("Tag.{n}.Key"), tag.key.as_str());
            if let Some(value) = &tag.value {
                params.set(format!("Tag.{n}.Value"), value.as_str());
            }
        }
        self.ask("DeleteTags", about, params).await.map(drop)
    }
}

/// Where a new snapshot is stored, if not in the Region.
fn stored_in(params: &mut Params, site: Option<&LocalSite>) {
    match site {
        Some(LocalSite::Outpost(arn)) => params.set("OutpostArn", arn.as_str()),
        Some(LocalSite::LocalZone(_)) => params.set("Location", "local"),
        None => {}
    }
}

fn new_snapshot(params: &mut Params, description: &str, tags: &Tags) {
    params.set("Description", description);
    if !tags.is_empty() {
        params.set("TagSpecification.1.ResourceType", "snapshot");
        params.set_tags("TagSpecification.1.Tag", tags);
    }
}

pub(crate) fn instance(view: InstanceView) -> Instance {
    let InstanceView { instance, devices } = view;
    Instance {
        id: instance.id,
        state: instance.state,
        root_device: Some(instance.root_device),
        devices: devices.into_iter().map(|a| inventory::Device { name: a.device, volume: a.volume }).collect(),
        tags: instance.tags,
    }
}

pub(crate) fn volume(volume: model::Volume) -> Volume {
    let site = volume.site();
    Volume {
        id: volume.id,
        state: volume.state,
        size_gib: volume.size_gib,
        attachments: volume
            .attachments
            .into_iter()
            .map(|a| inventory::Attachment { instance: a.instance, device: a.device, attached_at: Some(a.since) })
            .collect(),
        site,
        tags: volume.tags,
    }
}

pub(crate) fn snapshot(snapshot: model::Snapshot) -> Snapshot {
    Snapshot {
        id: snapshot.id,
        owner: snapshot.owner,
        volume: snapshot.volume,
        state: snapshot.state,
        state_message: snapshot.message,
        started: snapshot.started,
        size_gib: snapshot.size_gib,
        tier: snapshot.tier,
        restore_expires: snapshot.restore_expires,
        site: snapshot.site.map(Box::new),
        encrypted: snapshot.key.is_some(),
        description: snapshot.description,
        tags: snapshot.tags,
    }
}

fn lock(view: LockView) -> Lock {
    let LockView { snapshot, lock, state } = view;
    Lock { expires: lock.expires(&snapshot), snapshot: snapshot.id, state: LockState::from_aws(state) }
}

fn tier_status(snapshot: model::Snapshot) -> TierStatus {
    TierStatus {
        snapshot: snapshot.id,
        tier: snapshot.tier,
        archived_at: snapshot.archived,
        restore_expires: snapshot.restore_expires,
        moving: snapshot.tiering.and_then(|tiering| TierMove::in_progress(tiering.operation)),
    }
}

pub(crate) fn image(image: model::Image) -> Image {
    Image {
        state: image.state().into(),
        id: image.id,
        snapshots: image.devices.into_iter().map(|d| d.snapshot).collect(),
    }
}
