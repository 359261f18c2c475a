//! All that a world knows, and what falls due in it.

use std::collections::BTreeMap;
use std::time::Duration;

use ebskeep_core::id::{AccountId, InstanceId, Place, Region, SnapshotId, VolumeId};
use ebskeep_core::inventory::{InstanceState, SnapshotState, StorageTier, VolumeState};
use jiff::Timestamp;
use smol_str::SmolStr;

use crate::fault::Armed;
use crate::history::{Call, Deleted, Past};
use crate::keys::Keys;
use crate::model::{Site, Sites, Snapshot};
use crate::region::Regions;
use crate::rules::Rules;
use crate::seed::Seeded;
use crate::time::{Time, later};

/// How long a terminated instance is still listed. Source: EC2 User Guide,
/// "Terminate Amazon EC2 instances": about an hour.
const LISTED_AFTER_END: Duration = Duration::from_hours(1);

/// Something that will happen.
#[derive(Clone, Debug)]
pub(crate) enum Due {
    /// A copy is through, or was never to be.
    CopyEnds { id: SnapshotId, fails: Option<SmolStr> },
    /// A snapshot is through: good, or failed with a message.
    SnapshotEnds { id: SnapshotId, volume: VolumeId, fails: Option<SmolStr> },
    /// A snapshot has come to another storage tier.
    TierIs(SnapshotId, StorageTier),
    /// A snapshot can be used, for a time.
    RestoredForATime(SnapshotId),
    /// That time is over.
    RestoreEnds(SnapshotId),
    /// An instance reaches a state, unless it went another way meanwhile.
    InstanceIs { id: InstanceId, from: InstanceState, to: InstanceState },
    /// A terminated instance is listed no more.
    InstanceForgotten(InstanceId),
    /// A new volume can be used.
    VolumeReady(VolumeId),
    /// A deleted volume is gone.
    VolumeGone(VolumeId),
    /// A volume has come to an instance.
    Attached(VolumeId, InstanceId),
    /// A volume has left an instance.
    Detached(VolumeId, InstanceId),
}

/// What is not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denial {
    pub(crate) account: AccountId,
    pub(crate) region: Option<Region>,
    pub(crate) action: Option<SmolStr>,
    pub(crate) code: SmolStr,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) time: Time,
    /// The latest instant this state was brought to.
    pub(crate) now: Timestamp,
    pub(crate) rules: Rules,
    pub(crate) sites: Sites,
    pub(crate) regions: Regions,
    pub(crate) ids: Seeded,
    pub(crate) request_ids: Seeded,
    pub(crate) delays: Seeded,
    pub(crate) faults: Vec<Armed>,
    pub(crate) denials: Vec<Denial>,
    pub(crate) calls: Vec<Call>,
    pub(crate) buried: Vec<Past>,
    /// What was good when it was deleted, and can come back.
    pub(crate) bin: BTreeMap<(Place, SnapshotId), Snapshot>,
    pub(crate) sets: u64,
    pub(crate) keys: Keys,
    /// The external ids that roles ask for, by account and role name.
    pub(crate) external_ids: BTreeMap<(AccountId, SmolStr), SmolStr>,
    due: BTreeMap<(Timestamp, u64), (Place, Due)>,
    dues: u64,
}

impl State {
    pub(crate) fn new(seed: u64, start: Timestamp) -> Self {
        let start = later(start, Duration::ZERO);
        Self {
            time: Time::standing(start),
            now: start,
            rules: Rules::default(),
            sites: BTreeMap::new(),
            regions: Regions::default(),
            // Streams of their own, so that a request id more or less (the
            // port has none) changes no resource's id.
            ids: Seeded::new(seed),
            request_ids: Seeded::new(seed ^ 0x7265_7175_6573_7473),
            delays: Seeded::new(seed ^ 0x6465_6c61_7973_0000),
            faults: Vec::new(),
            denials: Vec::new(),
            calls: Vec::new(),
            buried: Vec::new(),
            bin: BTreeMap::new(),
            sets: 0,
            keys: Keys::default(),
            external_ids: BTreeMap::new(),
            due: BTreeMap::new(),
            dues: 0,
        }
    }

    pub(crate) fn site(&mut self, place: &Place) -> &mut Site {
        self.sites.entry(place.clone()).or_default()
    }

    /// Lets everything happen that is due by now. What happens because of
    /// something that fell due earlier counts from then, not from now.
    pub(crate) fn settle(&mut self) {
        // Never backwards: two runtimes' clocks may disagree.
        self.now = self.time.now().max(self.now);
        while let Some(entry) = self.due.first_entry() {
            let (at, _) = *entry.key();
            if at > self.now {
                break;
            }
            let (place, due) = entry.remove();
            self.happen(at, &place, due);
        }
    }

    pub(crate) fn schedule(&mut self, at: Timestamp, place: &Place, due: Due) {
        self.dues += 1;
        self.due.insert((at, self.dues), (place.clone(), due));
    }

    fn happen(&mut self, at: Timestamp, place: &Place, due: Due) {
        match due {
            Due::CopyEnds { id, fails } => self.end_copy(at, place, &id, fails),
            Due::SnapshotEnds { id, volume, fails } => self.end_snapshot(at, place, &id, &volume, fails),
            Due::TierIs(id, tier) => self.end_tiering(at, place, &id, tier),
            Due::RestoredForATime(id) => {
                if let Some(tiering) = self.site(place).snapshots.get_mut(&id).and_then(|s| s.tiering.as_mut()) {
                    tiering.operation = "temporary-restore-completed";
                }
            }
            Due::RestoreEnds(id) => {
                if let Some(snapshot) = self.site(place).snapshots.get_mut(&id) {
                    // Unless it was given another end.
                    snapshot.restore_expires = snapshot.restore_expires.filter(|until| *until > at);
                }
            }
            Due::InstanceIs { id, from, to } => {
                let Some(instance) = self.site(place).instances.get_mut(&id).filter(|i| i.state == from) else {
                    return;
                };
                instance.state = to;
                if to == InstanceState::Terminated {
                    self.release_volumes(place, &id);
                    self.schedule(later(at, LISTED_AFTER_END), place, Due::InstanceForgotten(id));
                }
            }
            Due::InstanceForgotten(id) => {
                self.site(place).instances.remove(&id);
            }
            Due::VolumeReady(id) => {
                if let Some(volume) = self.site(place).volumes.get_mut(&id)
                    && volume.state == VolumeState::Creating
                {
                    volume.state = VolumeState::Available;
                }
            }
            Due::VolumeGone(id) => {
                self.site(place).volumes.remove(&id);
            }
            Due::Attached(volume, instance) => {
                if let Some(volume) = self.site(place).volumes.get_mut(&volume) {
                    for a in &mut volume.attachments {
                        if a.instance == instance && a.state == "attaching" {
                            a.state = "attached";
                        }
                    }
                }
            }
            Due::Detached(volume, instance) => self.detach(place, &volume, &instance),
        }
    }

    /// A pending snapshot is good now, or has failed and takes its set along.
    pub(crate) fn end_snapshot(
        &mut self,
        at: Timestamp,
        place: &Place,
        id: &SnapshotId,
        volume: &VolumeId,
        fails: Option<SmolStr>,
    ) {
        let site = self.site(place);
        let Some(snapshot) = site.snapshots.get_mut(id) else {
            // Deleted while pending: it counted until here.
            site.landed(volume, id);
            return;
        };
        if snapshot.state != SnapshotState::Pending {
            return;
        }
        let Some(message) = fails else {
            snapshot.state = SnapshotState::Completed;
            snapshot.completed = Some(at);
            site.landed(volume, id);
            return;
        };
        let siblings = snapshot.set.and_then(|set| site.sets.get(&set).cloned()).unwrap_or_else(|| vec![id.clone()]);
        for sibling in siblings {
            if let Some(s) = site.snapshots.get_mut(&sibling)
                && s.state == SnapshotState::Pending
            {
                s.state = SnapshotState::Error;
                s.message = Some(if sibling == *id {
                    message.clone()
                } else {
                    SmolStr::new_static("Another snapshot of the same set failed.")
                });
            }
        }
    }

    /// A snapshot has come to another storage tier.
    fn end_tiering(&mut self, at: Timestamp, place: &Place, id: &SnapshotId, tier: StorageTier) {
        let Some(snapshot) = self.site(place).snapshots.get_mut(id) else { return };
        snapshot.tier = tier;
        snapshot.restore_expires = None;
        let operation = match tier {
            StorageTier::Archive => {
                snapshot.archived = Some(at);
                "archival-completed"
            }
            StorageTier::Standard => "permanent-restore-completed",
        };
        if let Some(tiering) = &mut snapshot.tiering {
            tiering.operation = operation;
        }
    }

    /// Takes a snapshot away for good.
    pub(crate) fn bury(&mut self, place: &Place, id: &SnapshotId, by: &SmolStr) {
        let at = self.now;
        let site = self.site(place);
        let Some(snapshot) = site.snapshots.remove(id) else { return };
        if snapshot.state != SnapshotState::Pending {
            site.landed(&snapshot.volume, id);
        }
        let past = Past::of(place, &snapshot, Some(Deleted { at, by: by.clone() }));
        self.buried.push(past);
        if snapshot.state == SnapshotState::Completed {
            self.bin.insert((place.clone(), id.clone()), snapshot);
        }
    }

    /// Brings a deleted snapshot back as it was; says whether it could.
    pub(crate) fn unbury(&mut self, place: &Place, id: &SnapshotId) -> bool {
        let Some(snapshot) = self.bin.remove(&(place.clone(), id.clone())) else { return false };
        self.buried.retain(|past| past.id != *id || past.place != *place);
        self.site(place).snapshots.insert(id.clone(), snapshot);
        true
    }

    /// A volume leaves an instance.
    pub(crate) fn detach(&mut self, place: &Place, volume: &VolumeId, instance: &InstanceId) {
        let site = self.site(place);
        if let Some(i) = site.instances.get_mut(instance) {
            i.devices.retain(|_, v| v != volume);
        }
        if let Some(v) = site.volumes.get_mut(volume) {
            v.attachments.retain(|a| a.instance != *instance);
            if v.attachments.is_empty() && v.state == VolumeState::InUse {
                v.state = VolumeState::Available;
            }
        }
    }

    /// What becomes of the volumes of an instance that is no more.
    fn release_volumes(&mut self, place: &Place, instance: &InstanceId) {
        let site = self.site(place);
        let volumes: Vec<(VolumeId, bool)> = site
            .instances
            .get(instance)
            .into_iter()
            .flat_map(|i| i.devices.values())
            .filter_map(|id| site.volumes.get(id))
            .map(|v| (v.id.clone(), v.attachments.iter().any(|a| a.instance == *instance && a.delete_on_termination)))
            .collect();
        for (volume, delete) in volumes {
            self.detach(place, &volume, instance);
            let site = self.site(place);
            if delete && site.volumes.get(&volume).is_some_and(|v| v.attachments.is_empty()) {
                site.volumes.remove(&volume);
            }
        }
    }
}
