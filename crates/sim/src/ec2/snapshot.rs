//! CreateSnapshot, CreateSnapshots, DeleteSnapshot, DescribeSnapshots.
//!
//! Source of limits and codes: the actions' pages in the EC2 API reference;
//! "Quotas for Amazon EBS". Of CreateSnapshots AWS says that if one snapshot
//! of a set fails, the others end in `error`; here a limit that one volume is
//! over refuses the call, and what fails later takes those still pending along.

use std::collections::BTreeSet;
use std::time::Duration;

use ebskeep_core::id::{InstanceId, SnapshotId, VolumeId};
use ebskeep_core::inventory::{InstanceState, SnapshotState, VolumeState};
use ebskeep_core::site::LocalSite;
use ebskeep_core::tags::Tags;
use smol_str::SmolStr;

use super::filter::Filters;
use super::paging::{Paging, Part};
use super::{Read, Scene, description, id, lock, tag};
use crate::model::{Snapshot, Volume, snapshot_state, tier};
use crate::params::Params;
use crate::refusal::Refusal;
use crate::state::Due;
use crate::time::later;

/// Between the beginnings of two snapshots of one volume.
const BETWEEN: Duration = Duration::from_secs(15);
/// Volumes that one CreateSnapshots takes, and those it can be told to leave
/// out.
const MOST_IN_SET: usize = 128;
const MOST_EXCLUDED: usize = 40;

const FILTERS: [&str; 11] = [
    "description",
    "encrypted",
    "owner-alias",
    "owner-id",
    "progress",
    "snapshot-id",
    "start-time",
    "status",
    "storage-tier",
    "volume-id",
    "volume-size",
];

/// Where a snapshot is to be stored.
struct StoredIn {
    outpost: Option<SmolStr>,
    location: Option<SmolStr>,
}

impl StoredIn {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        let outpost = params.take("OutpostArn").map(SmolStr::new);
        let location = params.take("Location").map(SmolStr::new);
        match location.as_deref() {
            None | Some("local" | "regional") => Ok(Self { outpost, location }),
            Some(other) => Err(Refusal::value(other, "Location", "Expected: 'regional' or 'local'.")),
        }
    }

    /// The Outpost or Local Zone for a snapshot of this volume; `None` for the Region.
    /// AWS documents the rules, and no codes.
    fn of(&self, volume: &Volume) -> Result<Option<LocalSite>, Refusal> {
        let site = volume.site();
        let outpost = match &site {
            Some(LocalSite::Outpost(arn)) => Some(arn),
            _ => None,
        };
        match &self.outpost {
            Some(named) if outpost != Some(named) => {
                return Err(Refusal::value(named, "OutpostArn", "Expected: the Outpost of the volume."));
            }
            Some(_) => return Ok(site),
            None => {}
        }
        match (self.location.as_deref(), &site) {
            (Some(_), None | Some(LocalSite::Outpost(_))) => {
                Err(Refusal::combination("Location is for volumes in Local Zones"))
            }
            (Some("local"), Some(LocalSite::LocalZone(_))) => Ok(site),
            _ => Ok(None),
        }
    }
}

/// What CreateSnapshot is told.
pub(crate) struct CreateSnapshot {
    volume: VolumeId,
    stored: StoredIn,
    description: SmolStr,
    tags: Tags,
}

impl Read for CreateSnapshot {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        Ok(Self {
            volume: id::volume(&params.need("VolumeId")?)?,
            stored: StoredIn::read(params)?,
            description: description(params)?,
            tags: tag::specifications(params, &["snapshot"])?.remove("snapshot").unwrap_or_default(),
        })
    }
}

/// What CreateSnapshots is told.
pub(crate) struct CreateSnapshots {
    instance: InstanceId,
    exclude_boot: bool,
    exclude_data: BTreeSet<VolumeId>,
    stored: StoredIn,
    description: SmolStr,
    tags: Tags,
    copy_tags: bool,
}

impl Read for CreateSnapshots {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        let mut inner = params.under("InstanceSpecification");
        let instance = inner.need("InstanceId").map_err(|_| Refusal::missing("InstanceSpecification.InstanceId"))?;
        let exclude_boot = inner.flag("ExcludeBootVolume")?.unwrap_or(false);
        let excluded = inner.list("ExcludeDataVolumeId")?;
        inner.finish_under("InstanceSpecification")?;
        if excluded.len() > MOST_EXCLUDED {
            return Err(Refusal::new(
                "InvalidParameterValue",
                format!("At most {MOST_EXCLUDED} data volumes can be excluded"),
            ));
        }
        let copy_tags = match params.take("CopyTagsFromSource").as_deref() {
            None => false,
            Some("volume") => true,
            Some(other) => return Err(Refusal::value(other, "CopyTagsFromSource", "Expected: 'volume'.")),
        };
        Ok(Self {
            instance: id::instance(&instance)?,
            exclude_boot,
            exclude_data: excluded.iter().map(|v| id::volume(v)).collect::<Result<_, _>>()?,
            stored: StoredIn::read(params)?,
            description: description(params)?,
            tags: tag::specifications(params, &["snapshot"])?.remove("snapshot").unwrap_or_default(),
            copy_tags,
        })
    }
}

/// What DeleteSnapshot is told.
pub(crate) struct DeleteSnapshot {
    pub(crate) snapshot: SnapshotId,
}

impl Read for DeleteSnapshot {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        Ok(Self { snapshot: id::snapshot(&params.need("SnapshotId")?)? })
    }
}

/// What DescribeSnapshots is told.
pub(crate) struct DescribeSnapshots {
    paging: Paging,
    filters: Filters,
    owners: Vec<SmolStr>,
}

impl Read for DescribeSnapshots {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        Ok(Self {
            paging: Paging::read(params, "SnapshotId")?,
            filters: Filters::read(params, &FILTERS)?,
            owners: params.list("Owner")?,
        })
    }
}

impl Scene<'_> {
    pub(crate) fn create_snapshot(&mut self, request: CreateSnapshot) -> Result<Snapshot, Refusal> {
        tag::check(&request.tags, self.is_aws)?;
        let volume = self.snapshottable(&request.volume)?;
        let site = self.stored(&request.stored, &volume)?;
        self.room_for(1)?;
        Ok(self.begin(&volume, site, request.description, request.tags, None))
    }

    pub(crate) fn create_snapshots(&mut self, request: CreateSnapshots) -> Result<Vec<Snapshot>, Refusal> {
        tag::check(&request.tags, self.is_aws)?;
        let Some(instance) = self.site().instances.get(&request.instance).cloned() else {
            return Err(id::no_instance(&request.instance));
        };
        if matches!(instance.state, InstanceState::ShuttingDown | InstanceState::Terminated) {
            return Err(Refusal::new(
                "IncorrectInstanceState",
                format!("The instance '{}' is not in a state from which it can be snapshotted.", instance.id),
            ));
        }
        let root = instance.devices.get(&instance.root_device);
        for excluded in &request.exclude_data {
            if Some(excluded) == root || !instance.devices.values().any(|v| v == excluded) {
                return Err(Refusal::value(
                    excluded,
                    "ExcludeDataVolumeIds",
                    format!("Expected: data volumes of {}.", instance.id),
                ));
            }
        }
        let mut volumes = Vec::new();
        for volume in instance.devices.values() {
            if !(request.exclude_data.contains(volume) || request.exclude_boot && Some(volume) == root) {
                let volume = self.snapshottable(volume)?;
                let site = self.stored(&request.stored, &volume)?;
                volumes.push((volume, site));
            }
        }
        if volumes.is_empty() {
            return Err(Refusal::new("InvalidParameterValue", "No volumes are left to take snapshots of"));
        }
        if volumes.len() > MOST_IN_SET {
            return Err(Refusal::new(
                "InvalidParameterValue",
                format!("At most {MOST_IN_SET} volumes can be in one set of snapshots"),
            ));
        }
        self.room_for(volumes.len())?;
        let mut wanted = Vec::new();
        for (volume, site) in volumes {
            let mut tags = Tags::new();
            if request.copy_tags {
                tags = volume
                    .tags
                    .iter()
                    .filter(|(k, _)| !k.starts_with("aws:"))
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect();
            }
            request.tags.iter().for_each(|(k, v)| tags.set(k.clone(), v.clone()));
            tag::check(&tags, self.is_aws)?;
            wanted.push((volume, site, tags));
        }
        self.state.sets += 1;
        let set = self.state.sets;
        let begun: Vec<Snapshot> = wanted
            .into_iter()
            .map(|(volume, site, tags)| self.begin(&volume, site, request.description.clone(), tags, Some(set)))
            .collect();
        self.site().sets.insert(set, begun.iter().map(|s| s.id.clone()).collect());
        Ok(begun)
    }

    /// The volume, if a snapshot of it can begin now.
    fn snapshottable(&mut self, volume: &VolumeId) -> Result<Volume, Refusal> {
        let now = self.now();
        let site = self.site();
        let Some(found) = site.volumes.get(volume).cloned() else {
            return Err(id::no_volume(volume));
        };
        if !matches!(found.state, VolumeState::Available | VolumeState::InUse) {
            return Err(Refusal::new(
                "IncorrectState",
                format!("The volume '{volume}' is not 'available' or 'in-use'."),
            ));
        }
        if site.latest_start.get(volume).is_some_and(|latest| now < later(*latest, BETWEEN)) {
            return Err(Refusal::new(
                "SnapshotCreationPerVolumeRateExceeded",
                "The maximum per volume CreateSnapshot request rate has been exceeded. Use an increasing or variable sleep interval between requests.",
            ));
        }
        let most = if matches!(found.kind.as_str(), "st1" | "sc1") { 1 } else { 5 };
        if site.in_flight.get(volume).map_or(0, BTreeSet::len) >= most {
            return Err(Refusal::new(
                "ConcurrentSnapshotLimitExceeded",
                format!("Maximum allowed in-progress snapshots for a single volume exceeded ({volume})."),
            ));
        }
        Ok(found)
    }

    pub(super) fn room_for(&mut self, snapshots: usize) -> Result<(), Refusal> {
        let most = self.state.rules.snapshots_per_region;
        if self.site().snapshots.len() + snapshots > most {
            return Err(Refusal::new(
                "SnapshotLimitExceeded",
                format!("Maximum number of snapshots ({most}) reached."),
            ));
        }
        Ok(())
    }

    /// Where a snapshot of this volume goes. All of a volume's are in one place.
    /// Source: Amazon EBS User Guide, "Local snapshots".
    fn stored(&mut self, asked: &StoredIn, volume: &Volume) -> Result<Option<LocalSite>, Refusal> {
        let site = asked.of(volume)?;
        if volume.site().is_none() {
            return Ok(site);
        }
        let others =
            self.site().snapshots.values().filter(|s| s.volume == volume.id && s.state != SnapshotState::Error);
        let newest = others.max_by_key(|s| s.started).map(|s| s.site.is_some());
        match newest {
            Some(local) if local != site.is_some() => {
                let place = if local { "local" } else { "in the Region" };
                Err(Refusal::combination(format!("The most recent snapshot of {} is {place}", volume.id)))
            }
            _ => Ok(site),
        }
    }

    fn begin(
        &mut self,
        volume: &Volume,
        site: Option<LocalSite>,
        description: SmolStr,
        tags: Tags,
        set: Option<u64>,
    ) -> Snapshot {
        let now = self.now();
        let id = SnapshotId::new(self.new_id("snap-"));
        let (owner, by) = (self.place.account.clone(), self.by.clone());
        let snapshot = Snapshot {
            key: volume.key.clone(),
            site,
            description,
            tags,
            set,
            ..Snapshot::begun(id.clone(), owner, volume.id.clone(), volume.size_gib, now, by)
        };
        let site = self.site();
        site.snapshots.insert(id.clone(), snapshot.clone());
        site.latest_start.insert(volume.id.clone(), now);
        site.in_flight.entry(volume.id.clone()).or_default().insert(id.clone());
        let at = later(now, self.state.rules.completes_after);
        let fails = self.fails.clone();
        self.state.schedule(at, self.place, Due::SnapshotEnds { id, volume: volume.id.clone(), fails });
        snapshot
    }

    pub(crate) fn delete_snapshot(&mut self, request: &DeleteSnapshot) -> Result<(), Refusal> {
        let id = &request.snapshot;
        let now = self.now();
        let site = self.site();
        let Some(snapshot) = site.snapshots.get(id) else {
            return Err(id::no_snapshot(id));
        };
        if snapshot.tags.iter().any(|(key, _)| key.starts_with("aws:backup:")) {
            return Err(Refusal::new(
                "InvalidParameterValue",
                "This snapshot is managed by the AWS Backup service and cannot be deleted via EC2 APIs.",
            ));
        }
        let now_locked =
            snapshot.lock.as_ref().map(|lock| lock.state(snapshot, now)).filter(|state| *state != "expired");
        if let Some(state) = now_locked {
            return Err(lock::locked(id, state));
        }
        if let Some(image) = site.roots.get(id).and_then(|images| images.first()) {
            return Err(Refusal::new(
                "InvalidSnapshot.InUse",
                format!("The snapshot {id} is currently in use by {image}"),
            ));
        }
        if matches!(snapshot.state, SnapshotState::Recoverable | SnapshotState::Recovering) {
            return Err(Refusal::new("IncorrectState", format!("The snapshot {id} is in the Recycle Bin")));
        }
        let by = self.by.clone();
        self.state.bury(self.place, id, &by);
        Ok(())
    }

    pub(crate) fn describe_snapshots(&mut self, request: &DescribeSnapshots) -> Result<Part<Snapshot>, Refusal> {
        let now = self.now();
        let stale_by = self.stale_by.max(self.state.rules.stale_for);
        let most = self.state.rules.page;
        let account = self.place.account.clone();
        // Whoever asks for others' gets none, not even those shared with them.
        let owned = request.owners.is_empty() || request.owners.iter().any(|o| o == "self" || o == account.as_str());
        let listed = |s: &Snapshot| stale_by.is_zero() || now >= later(s.made, stale_by);
        let wanted = |s: &Snapshot| owned && request.filters.pass(&s.tags, |name| filter_values(s, name));
        let site = self.site();
        if request.paging.ids.is_empty() {
            let cursor = request.paging.cursor("DescribeSnapshots", most, now)?;
            return Ok(cursor.page(&site.snapshots, |s| s.made <= cursor.began && listed(s) && wanted(s)));
        }
        let ids: BTreeSet<SnapshotId> = request.paging.ids.iter().map(|i| id::snapshot(i)).collect::<Result<_, _>>()?;
        let mut items = Vec::new();
        for id in &ids {
            let found = site.snapshots.get(id).filter(|s| listed(s)).ok_or_else(|| id::no_snapshot(id))?;
            if wanted(found) {
                items.push(found.clone());
            }
        }
        Ok(Part { items, next: None })
    }
}

pub(crate) fn progress(snapshot: &Snapshot) -> &'static str {
    match snapshot.state {
        SnapshotState::Pending | SnapshotState::Error => "0%",
        _ => "100%",
    }
}

fn filter_values(s: &Snapshot, name: &str) -> Vec<String> {
    vec![match name {
        "description" => s.description.to_string(),
        "encrypted" => s.key.is_some().to_string(),
        "owner-id" => s.owner.to_string(),
        "progress" => progress(s).to_owned(),
        "snapshot-id" => s.id.to_string(),
        "start-time" => super::super::wire::xml::iso(s.started),
        "status" => snapshot_state(s.state).to_owned(),
        "storage-tier" => tier(s.tier).to_owned(),
        "volume-id" => s.volume.to_string(),
        "volume-size" => s.size_gib.to_string(),
        // `owner-alias`: only AWS's own snapshots have one.
        _ => return Vec::new(),
    }]
}
