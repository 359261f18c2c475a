//! A small EC2 in memory, with state, virtual time and faults on order; in as many
//! Places as are asked for.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use ebskeep_core::cloud::{
    Begun, Clock, Cloud, CloudError, Clouds, CopySnapshot, CreateSnapshot, CreateSnapshots, ErrorKind, Identity, Page,
    Query, Role, Sharing, Token, Untag,
};
use ebskeep_core::id::{AccountId, Place, Region, SnapshotId, VolumeId};
use ebskeep_core::inventory::{
    Attachment, Device, Image, Instance, InstanceState, Lock, LockState, Snapshot, SnapshotState, StorageTier,
    TierStatus, Volume, VolumeState,
};
use ebskeep_core::site::LocalSite;
use ebskeep_core::tags::{MAX_TAGS, Tags};
use jiff::{SignedDuration, Timestamp};
use smol_str::SmolStr;

/// When every test begins, by AWS's clock and the machine's.
pub(crate) const START: Timestamp = Timestamp::constant(1_772_323_200, 0);

/// Virtual time: tokio's, paused.
#[derive(Clone)]
pub(crate) struct Virtual {
    began: tokio::time::Instant,
}

impl Virtual {
    pub(crate) fn new() -> Self {
        Self { began: tokio::time::Instant::now() }
    }
}

impl Clock for Virtual {
    fn now(&self) -> Timestamp {
        START + SignedDuration::try_from(self.began.elapsed()).unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Something that goes wrong with a call.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) operation: &'static str,
    /// Only calls that are about this.
    pub(crate) about: Option<&'static str>,
    /// And about nothing else.
    pub(crate) alone: bool,
    /// How often.
    pub(crate) times: usize,
    pub(crate) kind: ErrorKind,
    pub(crate) code: Option<&'static str>,
    pub(crate) message: &'static str,
    /// The call takes effect all the same, and its answer is lost.
    pub(crate) after: bool,
    /// How long the call hangs first.
    pub(crate) hangs: Duration,
}

impl Fault {
    pub(crate) fn new(operation: &'static str, kind: ErrorKind) -> Self {
        Self {
            operation,
            about: None,
            alone: false,
            times: 1,
            kind,
            // AWS never denies without a code.
            code: (kind == ErrorKind::Denied).then_some("UnauthorizedOperation"),
            message: "as ordered",
            after: false,
            hangs: Duration::ZERO,
        }
    }

    pub(crate) fn about(self, about: &'static str) -> Self {
        Self { about: Some(about), ..self }
    }

    pub(crate) fn about_alone(self, about: &'static str) -> Self {
        Self { about: Some(about), alone: true, ..self }
    }

    pub(crate) fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    pub(crate) fn always(self) -> Self {
        self.times(usize::MAX)
    }

    fn is_about(&self, about: &str) -> bool {
        self.about.is_none_or(|this| if self.alone { about == this } else { about.contains(this) })
    }

    pub(crate) fn said(self, code: &'static str, message: &'static str) -> Self {
        Self { code: Some(code), message, ..self }
    }

    pub(crate) fn after_effect(self) -> Self {
        Self { after: true, ..self }
    }

    pub(crate) fn hangs(self, seconds: u64) -> Self {
        Self { hangs: Duration::from_secs(seconds), ..self }
    }
}

/// A call that was made.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) operation: &'static str,
    pub(crate) about: String,
    /// Seconds since the start.
    pub(crate) at: f64,
}

pub(crate) fn place(account: &str, region: &str) -> Place {
    Place { account: account.into(), region: region.into() }
}

/// What a filter by when a snapshot began does.
#[derive(Clone, Copy, Default)]
pub(crate) enum StartTime {
    #[default]
    Filters,
    IsIgnored,
    FindsNothing,
    /// All but one snapshot.
    Forgets(&'static str),
}

type Hook = (&'static str, Box<dyn FnOnce(&mut World)>);

/// All there is.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) instances: BTreeMap<String, Instance>,
    pub(crate) volumes: BTreeMap<String, Volume>,
    /// Volumes that exist and are not listed.
    pub(crate) unlisted: BTreeSet<String>,
    /// Volumes that exist and that no filter finds.
    pub(crate) unfiltered: BTreeSet<String>,
    pub(crate) snapshots: BTreeMap<String, Snapshot>,
    pub(crate) images: BTreeMap<String, Image>,
    pub(crate) locks: BTreeMap<String, Lock>,
    /// By snapshot; of those that are asked for.
    pub(crate) tiers: BTreeMap<String, TierStatus>,
    /// Snapshots an image uses.
    pub(crate) in_use: BTreeSet<String>,
    /// What is answered where a new snapshot is to be stored in the Region.
    pub(crate) no_region: Option<ErrorKind>,
    /// What is answered where it is to be stored on an Outpost.
    pub(crate) no_outpost: Option<ErrorKind>,
    /// Where AWS was asked to store new snapshots, call by call.
    pub(crate) sites: Vec<Option<LocalSite>>,
    /// Tag keys AWS refuses.
    pub(crate) bad_keys: BTreeSet<&'static str>,
    /// How long new snapshots are missing from listings, and unknown to tags.
    pub(crate) lag: Duration,
    /// How long each call takes.
    pub(crate) latency: Duration,
    /// Items on a page; 0 for all.
    pub(crate) page: usize,
    /// The first item of each page is the last of the one before, too.
    pub(crate) overlap: bool,
    /// This listing gives its first page's token again and again.
    pub(crate) circle: Option<&'static str>,
    /// What its filter `start-time` does.
    pub(crate) start_time: StartTime,
    texts: RefCell<BTreeMap<Timestamp, SmolStr>>,
    pub(crate) faults: Vec<Fault>,
    /// Run once, after the next call of that name.
    pub(crate) hooks: Vec<Hook>,
    pub(crate) calls: Vec<Call>,
    /// By snapshot: the accounts that may use it.
    pub(crate) shared: BTreeMap<String, BTreeSet<AccountId>>,
    /// Snapshots under a key that cannot be shared.
    pub(crate) own_key: BTreeSet<String>,
    /// The role by which it was reached, if by one.
    pub(crate) role: Option<Role>,
    /// How long a source that is shared stays unseen by the other account.
    pub(crate) sharing_lag: Duration,
    seen_from: BTreeMap<(String, AccountId), Timestamp>,
    known_from: BTreeMap<String, Timestamp>,
    made: u32,
}

/// All Places there are.
type Worlds = Rc<RefCell<BTreeMap<Place, Rc<RefCell<World>>>>>;

/// The fake itself: one Place of it, and the way to the others.
#[derive(Clone)]
pub(crate) struct Fake {
    place: Place,
    clock: Virtual,
    pub(crate) world: Rc<RefCell<World>>,
    all: Worlds,
}

impl Fake {
    pub(crate) fn new() -> Self {
        Self::of(&place("111122223333", "eu-west-1"), Virtual::new(), &Worlds::default())
    }

    fn of(place: &Place, clock: Virtual, all: &Worlds) -> Self {
        let world = Rc::clone(all.borrow_mut().entry(place.clone()).or_default());
        Self { place: place.clone(), clock, world, all: Rc::clone(all) }
    }

    /// Another Place of it.
    pub(crate) fn elsewhere(&self, account: &str, region: &str) -> Self {
        Self::of(&place(account, region), self.clock.clone(), &self.all)
    }

    pub(crate) fn volume(&self, id: &str) {
        let volume = Volume {
            id: id.into(),
            state: VolumeState::InUse,
            size_gib: 8,
            attachments: Vec::new(),
            site: None,
            tags: Tags::new(),
        };
        self.world.borrow_mut().volumes.insert(id.into(), volume);
    }

    /// An instance with these volumes, the first its root.
    pub(crate) fn instance(&self, id: &str, volumes: &[&str]) {
        let devices: Vec<Device> = (volumes.iter().enumerate())
            .map(|(n, volume)| Device { name: format!("/dev/sd{n}").into(), volume: (*volume).into() })
            .collect();
        for device in &devices {
            self.volume(device.volume.as_str());
            let attachment = Attachment { instance: id.into(), device: device.name.clone(), attached_at: None };
            let mut world = self.world.borrow_mut();
            world.volumes.get_mut(device.volume.as_str()).unwrap().attachments.push(attachment);
        }
        let instance = Instance {
            id: id.into(),
            state: InstanceState::Running,
            root_device: Some("/dev/sd0".into()),
            devices,
            tags: Tags::new(),
        };
        self.world.borrow_mut().instances.insert(id.into(), instance);
    }

    /// A good snapshot, begun `days` before the start.
    pub(crate) fn snapshot(&self, id: &str, volume: &str, days: i64, tags: Tags) {
        let started = START - SignedDuration::from_hours(24 * days);
        let snapshot = snapshot(id, volume, started, tags);
        self.world.borrow_mut().snapshots.insert(id.into(), snapshot);
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.world.borrow_mut().faults.push(fault);
    }

    /// A lock on a snapshot, as it is now.
    pub(crate) fn lock(&self, id: &str, state: LockState) {
        let lock = Lock { snapshot: id.into(), state, expires: Some(START + SignedDuration::from_hours(24)) };
        self.world.borrow_mut().locks.insert(id.into(), lock);
    }

    /// Moves a snapshot to the archive, so many days before the start.
    pub(crate) fn archive(&self, id: &str, days: i64) {
        let mut world = self.world.borrow_mut();
        world.snapshots.get_mut(id).unwrap().tier = StorageTier::Archive;
        let archived_at = Some(START - SignedDuration::from_hours(24 * days));
        let status = TierStatus {
            snapshot: id.into(),
            tier: StorageTier::Archive,
            archived_at,
            restore_expires: None,
            moving: None,
        };
        world.tiers.insert(id.into(), status);
    }

    /// Restores one from the archive, for so many days from the start.
    pub(crate) fn restore_for(&self, id: &str, days: i64) {
        let until = Some(START + SignedDuration::from_hours(24 * days));
        let mut world = self.world.borrow_mut();
        let snapshot = world.snapshots.get_mut(id).unwrap();
        (snapshot.tier, snapshot.restore_expires) = (StorageTier::Standard, until);
        let status = world.tiers.get_mut(id).unwrap();
        (status.tier, status.restore_expires) = (StorageTier::Standard, until);
    }

    /// Runs `act` once, when the next call of that name has taken effect.
    pub(crate) fn after(&self, operation: &'static str, act: impl FnOnce(&mut World) + 'static) {
        self.world.borrow_mut().hooks.push((operation, Box::new(act)));
    }

    pub(crate) fn calls(&self, operation: &str) -> Vec<Call> {
        self.world.borrow().calls.iter().filter(|call| call.operation == operation).cloned().collect()
    }

    pub(crate) fn tags_of(&self, id: &str) -> Option<Tags> {
        self.world.borrow().snapshots.get(id).map(|snapshot| snapshot.tags.clone())
    }

    /// Seconds since the start.
    pub(crate) fn elapsed(&self) -> f64 {
        self.clock.now().duration_since(START).as_secs_f64()
    }

    async fn call<T>(
        &self,
        operation: &'static str,
        about: &str,
        effect: impl FnOnce(&mut World, Timestamp) -> Result<T, CloudError>,
    ) -> Result<T, CloudError> {
        let (latency, fault) = {
            let mut world = self.world.borrow_mut();
            world.calls.push(Call { operation, about: about.to_owned(), at: self.elapsed() });
            let fault = (world.faults.iter_mut())
                .find(|f| f.times > 0 && f.operation == operation && f.is_about(about))
                .map(|fault| {
                    fault.times -= 1;
                    fault.clone()
                });
            (world.latency, fault)
        };
        tokio::time::sleep(latency + fault.as_ref().map(|f| f.hangs).unwrap_or_default()).await;
        let mut world = self.world.borrow_mut();
        let answer = match fault {
            Some(fault) => {
                if fault.after {
                    effect(&mut world, self.clock.now())?;
                }
                Err(CloudError {
                    kind: fault.kind,
                    operation,
                    resource: Some(about.to_owned()),
                    code: fault.code.map(SmolStr::new),
                    source: Some(fault.message.into()),
                })
            }
            None => effect(&mut world, self.clock.now()),
        };
        if let Some(at) = world.hooks.iter().position(|(name, _)| *name == operation) {
            let (_, act) = world.hooks.remove(at);
            act(&mut world);
        }
        answer
    }
}

impl World {
    fn page<T: Clone>(&self, what: &'static str, all: &[T], token: Option<&Token>, at: Timestamp) -> Page<T> {
        let from: usize = token.map_or(0, |token| token.0.parse().unwrap());
        let size = if self.page == 0 { all.len().max(1) } else { self.page };
        let end = (from + size).min(all.len());
        let start = if self.overlap { from.saturating_sub(1) } else { from };
        let next = if self.circle == Some(what) {
            Some(Token(size.to_string()))
        } else {
            (end < all.len()).then(|| Token(end.to_string()))
        };
        Page { items: all[start.min(end)..end].to_vec(), next, at }
    }

    /// Whether it began in one of these, each the beginning of a date and `*`.
    fn began(&self, snapshot: &Snapshot, values: &[SmolStr]) -> bool {
        // Kept, since a listing in parts asks for it a hundred times.
        let mut texts = self.texts.borrow_mut();
        let started = texts.entry(snapshot.started).or_insert_with(|| snapshot.started.to_string().into());
        let wildcard = |value: &SmolStr| started.starts_with(value.strip_suffix('*').unwrap());
        match self.start_time {
            StartTime::Filters => values.iter().any(wildcard),
            StartTime::IsIgnored => true,
            StartTime::FindsNothing => false,
            StartTime::Forgets(id) => snapshot.id.as_str() != id && values.iter().any(wildcard),
        }
    }

    fn knows(&self, id: &str, now: Timestamp) -> bool {
        self.snapshots.contains_key(id) && self.shows(id, now)
    }

    /// Whether it is listed, if it is there.
    fn shows(&self, id: &str, now: Timestamp) -> bool {
        self.known_from.get(id).is_none_or(|from| *from <= now)
    }

    fn taggable(&self, ids: &[SnapshotId], now: Timestamp) -> Result<(), CloudError> {
        match ids.iter().find(|id| !self.knows(id.as_str(), now)) {
            Some(id) => Err(refusal(ErrorKind::NotFound, "CreateTags", id.as_str(), "InvalidSnapshot.NotFound")),
            None => Ok(()),
        }
    }

    fn check_tags(&self, operation: &'static str, about: &str, tags: &Tags) -> Result<(), CloudError> {
        if tags.counted() > MAX_TAGS {
            return Err(refusal(ErrorKind::Quota, operation, about, "TagLimitExceeded"));
        }
        if tags.iter().any(|(key, _)| self.bad_keys.contains(key.as_str())) {
            let mut error = refusal(ErrorKind::Invalid, operation, about, "InvalidParameterValue");
            error.source = Some("Tag key is not allowed".into());
            return Err(error);
        }
        Ok(())
    }

    fn check_site(&mut self, operation: &'static str, about: &str, site: Option<&LocalSite>) -> Result<(), CloudError> {
        self.sites.push(site.cloned());
        match if site.is_some() { self.no_outpost } else { self.no_region } {
            Some(kind) => Err(refusal(kind, operation, about, "InvalidParameterCombination")),
            None => Ok(()),
        }
    }

    fn make(&mut self, volume: &VolumeId, tags: &Tags, now: Timestamp) -> Begun {
        self.made += 1;
        let id = format!("snap-new{}", self.made);
        let mut made = snapshot(&id, volume.as_str(), now, tags.clone());
        made.state = SnapshotState::Pending;
        self.snapshots.insert(id.clone(), made);
        self.known_from.insert(id.clone(), now + SignedDuration::try_from(self.lag).unwrap());
        Begun { id: SnapshotId::new(id), volume: volume.clone() }
    }
}

pub(crate) fn snapshot(id: &str, volume: &str, started: Timestamp, tags: Tags) -> Snapshot {
    Snapshot {
        id: id.into(),
        owner: "111122223333".into(),
        volume: volume.into(),
        state: SnapshotState::Completed,
        state_message: None,
        started,
        size_gib: 8,
        tier: StorageTier::Standard,
        restore_expires: None,
        site: None,
        encrypted: false,
        description: SmolStr::default(),
        tags,
    }
}

fn refusal(kind: ErrorKind, operation: &'static str, about: &str, code: &str) -> CloudError {
    let source = Some(format!("{about}: refused by the fake").into());
    CloudError { kind, operation, resource: Some(about.to_owned()), code: Some(code.into()), source }
}

fn about(query: &Query) -> String {
    match query {
        Query::All => "all".to_owned(),
        Query::Ids(ids) => ids.join(","),
        Query::Filters(filters) => {
            let filters: Vec<_> = filters.iter().map(|f| format!("{}={}", f.name, f.values.join("|"))).collect();
            filters.join(" ")
        }
    }
}

impl Clouds for Fake {
    type Cloud = Self;

    async fn identity(&self) -> Result<Identity, CloudError> {
        let account = self.place.account.clone();
        Ok(Identity { arn: format!("arn:aws:iam::{account}:root"), account, partition: "aws".to_owned() })
    }

    async fn regions(&self) -> Result<Vec<Region>, CloudError> {
        Ok(self.all.borrow().keys().map(|place| place.region.clone()).collect())
    }

    fn at(&self, place: &Place) -> Self {
        Self::of(place, self.clock.clone(), &self.all)
    }

    fn through(&self, place: &Place, role: &Role) -> Self {
        let there = Clouds::at(self, place);
        there.world.borrow_mut().role = Some(role.clone());
        there
    }
}

impl Fake {
    /// The source of a copy, if this account can see it.
    fn source(&self, request: &CopySnapshot) -> Option<Snapshot> {
        let id = request.source.as_str();
        let now = self.clock.now();
        self.all.borrow().iter().find_map(|(place, world)| {
            let world = world.borrow();
            let seen = place.account == self.place.account
                || world.shared.get(id).is_some_and(|with| with.contains(&self.place.account))
                    && world.seen_from.get(&(id.to_owned(), self.place.account.clone())).is_none_or(|at| *at <= now);
            let here = place.region == request.source_region && seen;
            world.snapshots.get(id).filter(|source| here && source.state == SnapshotState::Completed).cloned()
        })
    }
}

impl Cloud for Fake {
    fn place(&self) -> &Place {
        &self.place
    }

    async fn describe_instances(&self, query: &Query, token: Option<&Token>) -> Result<Page<Instance>, CloudError> {
        self.call("DescribeInstances", &about(query), |world, now| {
            let all: Vec<_> = world.instances.values().cloned().collect();
            Ok(world.page("instances", &all, token, now))
        })
        .await
    }

    async fn describe_volumes(&self, query: &Query, token: Option<&Token>) -> Result<Page<Volume>, CloudError> {
        self.call("DescribeVolumes", &about(query), |world, now| {
            let all: Vec<_> = match query {
                Query::Ids(ids) => {
                    if let Some(gone) = ids.iter().find(|id| !world.volumes.contains_key(id.as_str())) {
                        return Err(refusal(ErrorKind::NotFound, "DescribeVolumes", gone, "InvalidVolume.NotFound"));
                    }
                    ids.iter().map(|id| world.volumes[id.as_str()].clone()).collect()
                }
                Query::All => {
                    let listed = world.volumes.values().filter(|v| !world.unlisted.contains(v.id.as_str()));
                    listed.cloned().collect()
                }
                Query::Filters(filters) => {
                    if filters.iter().any(|filter| filter.values.len() > 200) {
                        let code = "FilterLimitExceeded";
                        return Err(refusal(ErrorKind::Invalid, "DescribeVolumes", "a filter", code));
                    }
                    let pass = |volume: &&Volume| {
                        filters.iter().all(|filter| {
                            assert_eq!(filter.name, "volume-id", "the fake knows this filter alone");
                            filter.values.iter().any(|value| value == volume.id.as_str())
                        })
                    };
                    let listed = world.volumes.values().filter(|v| !world.unfiltered.contains(v.id.as_str()));
                    listed.filter(pass).cloned().collect()
                }
            };
            Ok(world.page("volumes", &all, token, now))
        })
        .await
    }

    async fn describe_snapshots(&self, query: &Query, token: Option<&Token>) -> Result<Page<Snapshot>, CloudError> {
        self.call("DescribeSnapshots", &about(query), |world, now| {
            let known = world.snapshots.values().filter(|s| world.shows(s.id.as_str(), now));
            let all: Vec<_> = match query {
                Query::All => known.collect(),
                Query::Ids(ids) => {
                    if let Some(gone) = ids.iter().find(|id| !world.knows(id, now)) {
                        let code = "InvalidSnapshot.NotFound";
                        return Err(refusal(ErrorKind::NotFound, "DescribeSnapshots", gone, code));
                    }
                    ids.iter().map(|id| &world.snapshots[id.as_str()]).collect()
                }
                Query::Filters(filters) => known
                    .filter(|snapshot| {
                        filters.iter().all(|filter| {
                            let value = match filter.name.as_str() {
                                "volume-id" => Some(snapshot.volume.as_str()),
                                "snapshot-id" => Some(snapshot.id.as_str()),
                                "status" => Some(snapshot.state.as_aws()),
                                "start-time" => return world.began(snapshot, &filter.values),
                                "tag-key" => {
                                    return filter.values.iter().any(|key| snapshot.tags.get(key).is_some());
                                }
                                name => snapshot.tags.get(name.strip_prefix("tag:").unwrap()),
                            };
                            value.is_some_and(|value| filter.values.iter().any(|v| v == value))
                        })
                    })
                    .collect(),
            };
            let Page { items, next, at } = world.page("snapshots", &all, token, now);
            Ok(Page { items: items.into_iter().cloned().collect(), next, at })
        })
        .await
    }

    async fn describe_images(&self, query: &Query, token: Option<&Token>) -> Result<Page<Image>, CloudError> {
        self.call("DescribeImages", &about(query), |world, now| {
            let all: Vec<_> = world.images.values().cloned().collect();
            Ok(world.page("images", &all, token, now))
        })
        .await
    }

    async fn describe_locked_snapshots(&self, query: &Query, token: Option<&Token>) -> Result<Page<Lock>, CloudError> {
        self.call("DescribeLockedSnapshots", &about(query), |world, now| {
            let all: Vec<_> = world.locks.values().cloned().collect();
            Ok(world.page("locks", &all, token, now))
        })
        .await
    }

    async fn describe_snapshot_tier_status(
        &self,
        query: &Query,
        token: Option<&Token>,
    ) -> Result<Page<TierStatus>, CloudError> {
        self.call("DescribeSnapshotTierStatus", &about(query), |world, now| {
            let Query::Filters(filters) = query else {
                return Err(refusal(ErrorKind::Invalid, "DescribeSnapshotTierStatus", "no filter", "InvalidRequest"));
            };
            let asked = |id: &String| filters.iter().all(|filter| filter.values.iter().any(|value| value == id));
            let all: Vec<_> = world.tiers.iter().filter(|(id, _)| asked(id)).map(|(_, tier)| tier.clone()).collect();
            Ok(world.page("tiers", &all, token, now))
        })
        .await
    }

    async fn create_snapshot(&self, request: &CreateSnapshot) -> Result<Begun, CloudError> {
        let id = request.volume.as_str();
        self.call("CreateSnapshot", id, |world, now| {
            if !world.volumes.contains_key(id) {
                return Err(refusal(ErrorKind::NotFound, "CreateSnapshot", id, "InvalidVolume.NotFound"));
            }
            world.check_tags("CreateSnapshot", id, &request.tags)?;
            world.check_site("CreateSnapshot", id, request.site.as_ref())?;
            Ok(world.make(&request.volume, &request.tags, now))
        })
        .await
    }

    async fn create_snapshots(&self, request: &CreateSnapshots) -> Result<Vec<Begun>, CloudError> {
        let id = request.instance.as_str();
        self.call("CreateSnapshots", id, |world, now| {
            let Some(instance) = world.instances.get(id).cloned() else {
                return Err(refusal(ErrorKind::NotFound, "CreateSnapshots", id, "InvalidInstanceID.NotFound"));
            };
            world.check_tags("CreateSnapshots", id, &request.tags)?;
            world.check_site("CreateSnapshots", id, request.site.as_ref())?;
            let taken = instance.devices.iter().filter(|device| {
                let root = instance.root_device.as_ref() == Some(&device.name);
                !((root && request.exclude_boot) || request.exclude_data.contains(&device.volume))
            });
            Ok(taken.map(|device| world.make(&device.volume, &request.tags, now)).collect())
        })
        .await
    }

    async fn copy_snapshot(&self, request: &CopySnapshot) -> Result<SnapshotId, CloudError> {
        let id = request.source.as_str();
        let source = self.source(request);
        let owner = self.place.account.clone();
        self.call("CopySnapshot", id, |world, now| {
            let Some(source) = source else {
                return Err(refusal(ErrorKind::NotFound, "CopySnapshot", id, "InvalidSnapshot.NotFound"));
            };
            world.check_tags("CopySnapshot", id, &request.tags)?;
            let begun = world.make(&VolumeId::new("vol-ffffffff"), &request.tags, now);
            let copy = world.snapshots.get_mut(begun.id.as_str()).unwrap();
            copy.owner = owner;
            copy.size_gib = source.size_gib;
            copy.encrypted = source.encrypted || request.encrypted.is_some();
            copy.description = request.description.as_str().into();
            Ok(begun.id)
        })
        .await
    }

    async fn describe_snapshot_sharing(&self, id: &SnapshotId) -> Result<Vec<AccountId>, CloudError> {
        let id = id.as_str();
        self.call("DescribeSnapshotAttribute", id, |world, _| {
            Ok(world.shared.get(id).into_iter().flatten().cloned().collect())
        })
        .await
    }

    async fn modify_snapshot_sharing(&self, id: &SnapshotId, change: &Sharing) -> Result<(), CloudError> {
        let id = id.as_str();
        self.call("ModifySnapshotAttribute", &format!("{id} {change:?}"), |world, now| {
            if !world.knows(id, now) {
                return Err(refusal(ErrorKind::NotFound, "ModifySnapshotAttribute", id, "InvalidSnapshot.NotFound"));
            }
            match change {
                Sharing::Add(account) => {
                    if world.own_key.contains(id) {
                        let code = "InvalidParameterValue";
                        return Err(refusal(ErrorKind::Invalid, "ModifySnapshotAttribute", id, code));
                    }
                    let seen_from = now + SignedDuration::try_from(world.sharing_lag).unwrap();
                    world.seen_from.insert((id.to_owned(), account.clone()), seen_from);
                    world.shared.entry(id.to_owned()).or_default().insert(account.clone());
                }
                Sharing::Remove(account) => {
                    world.shared.entry(id.to_owned()).or_default().remove(account);
                }
            }
            Ok(())
        })
        .await
    }

    async fn delete_snapshot(&self, id: &SnapshotId) -> Result<(), CloudError> {
        let id = id.as_str();
        self.call("DeleteSnapshot", id, |world, _| {
            if world.in_use.contains(id) {
                return Err(refusal(ErrorKind::InUse, "DeleteSnapshot", id, "InvalidSnapshot.InUse"));
            }
            if world.locks.get(id).is_some_and(|lock| lock.state != LockState::Expired) {
                return Err(refusal(ErrorKind::Other, "DeleteSnapshot", id, "SnapshotLocked"));
            }
            match world.snapshots.remove(id) {
                Some(_) => Ok(()),
                None => Err(refusal(ErrorKind::NotFound, "DeleteSnapshot", id, "InvalidSnapshot.NotFound")),
            }
        })
        .await
    }

    async fn create_tags(&self, ids: &[SnapshotId], tags: &Tags) -> Result<(), CloudError> {
        let about: Vec<&str> = ids.iter().map(SnapshotId::as_str).collect();
        self.call("CreateTags", &about.join(","), |world, now| {
            world.taggable(ids, now)?;
            world.check_tags("CreateTags", &about.join(","), tags)?;
            for id in &about {
                let mut all = world.snapshots[*id].tags.clone();
                tags.iter().for_each(|(key, value)| all.set(key.clone(), value.clone()));
                world.check_tags("CreateTags", id, &all)?;
            }
            for id in &about {
                let snapshot = world.snapshots.get_mut(*id).unwrap();
                tags.iter().for_each(|(key, value)| snapshot.tags.set(key.clone(), value.clone()));
            }
            Ok(())
        })
        .await
    }

    async fn delete_tags(&self, ids: &[SnapshotId], tags: &[Untag]) -> Result<(), CloudError> {
        assert!(!tags.is_empty(), "DeleteTags without tags removes all");
        let about: Vec<&str> = ids.iter().map(SnapshotId::as_str).collect();
        self.call("DeleteTags", &about.join(","), |world, now| {
            world.taggable(ids, now)?;
            for id in &about {
                let snapshot = world.snapshots.get_mut(*id).unwrap();
                for Untag { key, value } in tags {
                    if value.is_none() || snapshot.tags.get(key) == value.as_deref() {
                        snapshot.tags.remove(key);
                    }
                }
            }
            Ok(())
        })
        .await
    }
}
