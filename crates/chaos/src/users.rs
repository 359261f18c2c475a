//! What people and other tools do in a world of retention: to tags, volumes,
//! instances, snapshots and images, at any time, without a word.

use std::collections::BTreeMap;

use ebskeep_core::id::{InstanceId, Place, SnapshotId, VolumeId};
use ebskeep_core::inventory::{InstanceState, SnapshotState, StorageTier, VolumeState};
use ebskeep_core::tags::Tags;
use ebskeep_sim::{Act, Census, Deed, LockMode, PutState, World};
use jiff::{SignedDuration, Timestamp};
use smol_str::SmolStr;

use crate::later::{Intent, Later};
use crate::rng::Rng;
use crate::scene::act;
use crate::witness::Witness;
use crate::words::{LONG, SCHEDULES, ZONES};

/// How far back what was deleted can be restored.
const BIN: SignedDuration = SignedDuration::from_hours(5 * 24);

/// So many of the oldest snapshots are interfered with while a run goes on.
const OLDEST: usize = 6;

/// Sets a random scene in a Place: a few volumes, and instances with some more. Tells which
/// volumes are on several instances.
///
/// # Errors
///
/// If sim refuses a deed.
pub fn people(world: &World, place: &Place, rng: &mut Rng) -> anyhow::Result<Vec<VolumeId>> {
    for _ in 0..rng.between(1, 2) {
        act(world, place, volume(configured(rng)))?;
    }
    let shared = rng.percent(30);
    for _ in 0..if shared { 2 } else { rng.between(1, 2) } {
        let made = act(world, place, instance(rng))?;
        for volume in made.volumes.values() {
            if rng.percent(40) {
                let tags = configured(rng);
                act(world, place, Deed::Tag { resources: vec![volume.as_str().into()], tags })?;
            }
        }
    }
    if shared { Ok(vec![on_all_instances(world, place, rng)?]) } else { Ok(Vec::new()) }
}

/// A volume on all instances that there are; most often they alone say what is wanted.
fn on_all_instances(world: &World, place: &Place, rng: &mut Rng) -> anyhow::Result<VolumeId> {
    let tags = if rng.percent(25) { configured(rng) } else { Tags::new() };
    let deed = Deed::CreateVolume { id: None, size_gib: 8, kind: None, multi_attach: true, key: None, tags };
    let volume = VolumeId::new(act(world, place, deed)?.id.unwrap_or_default().as_str());
    for instance in world.census(place).instances {
        act(world, place, Deed::Attach { volume: volume.clone(), instance: instance.id, device: "/dev/sdm".into() })?;
    }
    Ok(volume)
}

fn volume(tags: Tags) -> Deed {
    Deed::CreateVolume { id: None, size_gib: 8, kind: None, multi_attach: false, key: None, tags }
}

fn instance(rng: &mut Rng) -> Deed {
    let devices = ["/dev/sdf", "/dev/sdg"].into_iter().take(usize::try_from(rng.between(0, 2)).unwrap_or(0));
    let volumes: BTreeMap<SmolStr, u32> = devices.map(|device| (device.into(), 8)).collect();
    Deed::Run { id: None, image: None, volumes, tags: configured(rng), volume_tags: Tags::new() }
}

/// Configuration tags of a resource: most want backups, some say nothing of how long.
fn configured(rng: &mut Rng) -> Tags {
    let mut tags = Tags::new();
    if rng.percent(92) {
        tags.set("Backup", rng.pick(&SCHEDULES).map_or("daily", |(text, _)| *text));
    }
    if rng.percent(70) {
        tags.set("Retention", rng.pick(&LONG).map_or("2", |(text, ..)| *text));
    }
    if rng.percent(30) {
        tags.set("Name", "box");
    }
    if rng.percent(15) {
        tags.set("Backup_TimeZone", rng.pick(&ZONES).map_or("UTC", |(name, _)| *name));
    }
    tags
}

/// A day, so many after today, as people write it.
pub(crate) fn day(now: Timestamp, after: i64) -> String {
    let then = now.checked_add(SignedDuration::from_hours(24 * after)).unwrap_or(now);
    then.strftime("%Y-%m-%d").to_string()
}

/// One who is about to do something.
#[derive(Debug)]
pub struct User<'a> {
    /// In which world.
    pub world: &'a World,
    /// Whose account, and where.
    pub place: &'a Place,
    /// Who is told what happens to snapshots.
    pub witness: &'a Witness,
    /// What it is chosen by.
    pub rng: &'a mut Rng,
    /// What is put off.
    pub later: &'a mut Later,
    /// What the deed at hand is counted as once it is done.
    pub counts: Option<&'static str>,
}

impl User<'_> {
    /// Does something, to anything; tells what in words.
    pub fn acts(&mut self) -> String {
        let census = self.world.census(self.place);
        self.counts = None;
        let deed = match self.rng.below(13) {
            10 => self.writes_in_bulk(&census),
            11 => self.changes_again(&census),
            12 => self.deletes_and_restores(&census),
            0..3 => self.tags_a_snapshot(&census),
            3..5 => self.does_to_a_snapshot(&census),
            5..8 => self.tags_a_resource(&census),
            _ => self.does_to_a_resource(&census),
        };
        self.does(deed)
    }

    /// Does something to an old snapshot while a run goes on that may be about to
    /// delete it.
    pub fn interferes(&mut self) -> String {
        let mut census = self.world.census(self.place);
        census.snapshots.sort_by_key(|snapshot| snapshot.started);
        census.snapshots.truncate(OLDEST);
        let deed = if self.rng.percent(30) { self.image(&census, false) } else { self.tags_a_snapshot(&census) };
        self.does(deed)
    }

    /// An image of a snapshot, and of another one if that does not matter now: AWS
    /// refuses to delete an image's root alone.
    fn image(&mut self, census: &Census, data: bool) -> Option<Deed> {
        let name = format!("image-{}", self.rng.below(1_000_000)).into();
        let root = self.snapshot(census, true)?;
        let other = if data { self.snapshot(census, true) } else { None };
        let data = other.map(|snapshot| ("/dev/sdf".into(), snapshot)).into_iter().collect();
        Some(Deed::RegisterImage { id: None, name, root, data })
    }

    fn does(&mut self, deed: Option<Deed>) -> String {
        let Some(deed) = deed else { return String::new() };
        let words = format!("{deed:?}");
        let touched: Vec<SnapshotId> = match &deed {
            Deed::Tag { resources, .. } | Deed::Untag { resources, .. } => {
                resources.iter().map(|id| SnapshotId::new(id.as_str())).collect()
            }
            Deed::Restore { snapshot } => vec![snapshot.clone()],
            _ => Vec::new(),
        };
        let ended = match &deed {
            Deed::Restore { snapshot } => self.ours_at(snapshot),
            _ => None,
        };
        match self.world.act(Act::at(self.place, deed)) {
            Ok(_) => {
                for id in &touched {
                    self.witness.touched(id);
                }
                if let (Some(id), Some(at)) = (touched.first(), ended) {
                    self.witness.restored(id, at);
                }
                words
            }
            // Such as deleting a volume that is attached: then nobody does.
            Err(refusal) => {
                self.counts = None;
                format!("refused ({}): {words}", refusal.code)
            }
        }
    }

    /// When we deleted a snapshot, if we did.
    fn ours_at(&self, id: &SnapshotId) -> Option<Timestamp> {
        let history = self.world.history();
        let end = history.iter().find(|past| past.id == *id)?.deleted.as_ref()?;
        (!end.by.ends_with("user/outsider")).then_some(end.at)
    }

    fn snapshot(&mut self, census: &Census, good: bool) -> Option<SnapshotId> {
        let wanted = |state| !good || state == SnapshotState::Completed;
        let all: Vec<_> = census.snapshots.iter().filter(|s| wanted(s.state)).map(|s| &s.id).collect();
        self.rng.pick(&all).map(|id| (*id).clone())
    }

    /// A policy that is changed twice within its grace, or a contradiction that is put right
    /// days later.
    fn changes_again(&mut self, census: &Census) -> Option<Deed> {
        let resources = vec![self.resource(census)?];
        let (now, hours) = (self.world.now(), self.rng.between(12, 9 * 24));
        let mut policy = || self.rng.pick(&LONG).map_or("2", |(text, ..)| *text);
        let (first, second) = (policy(), policy());
        let tag = |key: &str, value: &str| Deed::Tag {
            resources: resources.clone(),
            tags: [(key, value)].into_iter().collect(),
        };
        if self.rng.percent(50) {
            self.later.add(now, hours, self.place, tag("Retention", second), Some("a policy was changed twice"));
            return Some(tag("Retention", first));
        }
        let mut both = Tags::new();
        both.set("Retention", first);
        both.set("retention", second);
        let corrected = Deed::Untag { resources: resources.clone(), keys: vec!["retention".into()] };
        self.later.add(now, hours, self.place, corrected, Some("a contradiction was put right late"));
        Some(Deed::Tag { resources, tags: both })
    }

    /// A volume that is deleted by mistake, and days later is there again, with its id and its tags.
    fn deletes_and_restores(&mut self, census: &Census) -> Option<Deed> {
        let one = self.rng.pick(&census.volumes)?.clone();
        let (now, delete) = (self.world.now(), Deed::DeleteVolume { volume: one.id.clone() });
        let again = Deed::CreateVolume {
            id: Some(one.id.clone()),
            size_gib: 8,
            kind: None,
            multi_attach: false,
            key: None,
            tags: one.tags,
        };
        let hours = self.rng.between(3, 16 * 24);
        self.later.add(now, hours, self.place, again, Some("a deleted volume was restored"));
        match one.attachments.first() {
            None => Some(delete),
            Some(attachment) => {
                self.later.add(now, 1, self.place, delete, None);
                Some(Deed::Detach { volume: one.id, instance: Some(attachment.instance.clone()) })
            }
        }
    }

    /// Does what was put off.
    pub fn does_what_is_due(&mut self, intent: Intent) -> String {
        self.counts = intent.counts;
        self.does(Some(intent.deed))
    }

    fn tags_a_snapshot(&mut self, census: &Census) -> Option<Deed> {
        let id: SmolStr = self.snapshot(census, false)?.as_str().into();
        let now = self.world.now();
        let tag = |key: &str, value: &str| Deed::Tag {
            resources: vec![id.clone()],
            tags: [(key, value)].into_iter().collect(),
        };
        let days = i64::try_from(self.rng.between(0, 4)).unwrap_or(0);
        Some(match self.rng.below(10) {
            0 => tag("KeepForever", ""),
            1 => tag("keep-forever", "please"),
            2 | 3 => tag("KeepUntil", &day(now, days)),
            4 => tag("KeepUntil", "next year"),
            5 => Deed::Untag {
                resources: vec![id],
                keys: vec!["KeepForever".into(), "keep-forever".into(), "KeepUntil".into()],
            },
            6 | 7 => tag("DeleteOn", &day(now, days + 3)),
            8 => tag("DeleteOn", if days == 0 { "soon" } else { "2026-01-01" }),
            _ => Deed::Untag { resources: vec![id], keys: vec!["DeleteOn".into()] },
        })
    }

    fn does_to_a_snapshot(&mut self, census: &Census) -> Option<Deed> {
        Some(match self.rng.below(12) {
            0 => Deed::DeleteSnapshot { snapshot: self.snapshot(census, false)? },
            1..4 => Deed::Restore { snapshot: self.deleted()? },
            4 => Deed::Lock {
                snapshot: self.snapshot(census, true)?,
                mode: LockMode::Governance,
                days: u32::try_from(self.rng.between(1, 3)).unwrap_or(1),
                cool_off_hours: None,
            },
            5 => {
                let snapshot = self.snapshot(census, true)?;
                let standard =
                    |id: &SnapshotId| census.snapshots.iter().any(|s| s.id == *id && s.tier == StorageTier::Standard);
                Deed::Archive { snapshot: Some(snapshot).filter(standard)?, at: None }
            }
            6 => match census.snapshots.iter().find(|s| s.state == SnapshotState::Recoverable) {
                Some(binned) => Deed::Restore { snapshot: binned.id.clone() },
                None => Deed::Bin { snapshot: self.snapshot(census, true)? },
            },
            7 | 8 => self.image(census, true)?,
            9 => {
                let images: Vec<_> = census.images.iter().map(|image| image.id.clone()).collect();
                Deed::DeregisterImage { image: self.rng.pick(&images)?.clone() }
            }
            _ => self.foreign(census)?,
        })
    }

    /// Something that was deleted, mostly by us, and not long ago.
    fn deleted(&mut self) -> Option<SnapshotId> {
        let now = self.world.now();
        let mut all: Vec<SnapshotId> = Vec::new();
        for past in self.world.history() {
            let Some(end) = past.deleted.filter(|end| now.duration_since(end.at) < BIN) else { continue };
            if past.place == *self.place && past.state == "completed" && !end.by.ends_with("user/outsider") {
                all.push(past.id);
            }
        }
        self.rng.pick(&all).cloned()
    }

    /// A snapshot that is not ours, or that the original tool left behind.
    fn foreign(&mut self, census: &Census) -> Option<Deed> {
        let now = self.world.now();
        let volumes: Vec<&VolumeId> = census.volumes.iter().map(|volume| &volume.id).collect();
        let volume = (*self.rng.pick(&volumes)?).clone();
        let ago = i64::try_from(self.rng.between(2, 9)).unwrap_or(2);
        let started = now.checked_sub(SignedDuration::from_hours(24 * ago)).ok()?;
        let automated = ("Type", "Automated");
        let slot = started.to_string();
        let (begun, past) = (day(started, 0), day(started, 1));
        let tags: Vec<(&str, &str)> = match self.rng.below(6) {
            0 => vec![],
            1 => vec![automated],
            2 => vec![automated, ("ebskeep:slot", &slot), ("DeleteOn", &past), ("dlm:managed", "true")],
            3 => vec![automated, ("ebskeep:slot", &slot), ("DeleteOn", &past), ("aws:dlm:lifecycle-policy-id", "p")],
            4 => vec![automated, ("DeleteOn", &begun)],
            _ => vec![automated, ("DeleteOn", &past)],
        };
        Some(Deed::PutSnapshot {
            id: None,
            volume,
            started,
            state: PutState::Completed,
            size_gib: None,
            description: SmolStr::default(),
            tags: tags.into_iter().collect(),
        })
    }

    /// Any volume or instance that there is.
    fn resource(&mut self, census: &Census) -> Option<SmolStr> {
        let volumes = census.volumes.iter().map(|volume| SmolStr::new(volume.id.as_str()));
        let there = census.instances.iter().filter(|i| i.state != InstanceState::Terminated);
        let all: Vec<SmolStr> = volumes.chain(there.map(|i| SmolStr::new(i.id.as_str()))).collect();
        self.rng.pick(&all).cloned()
    }

    fn tags_a_resource(&mut self, census: &Census) -> Option<Deed> {
        let resources = vec![self.resource(census)?];
        let policy = self.rng.pick(&LONG).map_or("2", |(text, ..)| *text);
        let tag = |key: &str, value: &str| Deed::Tag {
            resources: resources.clone(),
            tags: [(key, value)].into_iter().collect(),
        };
        let zone = self.rng.pick(&ZONES).map_or("UTC", |(name, _)| *name);
        Some(match self.rng.below(13) {
            0..3 => tag("Retention", policy),
            12 if self.rng.percent(60) => tag("Backup_TimeZone", zone),
            12 => Deed::Untag { resources, keys: vec!["Backup_TimeZone".into()] },
            3 | 4 => Deed::Tag { resources, tags: configured(self.rng) },
            5..8 => Deed::Untag { resources, keys: vec!["Retention".into(), "retention".into()] },
            8 => Deed::Untag { resources, keys: vec!["Backup".into(), "backup".into()] },
            9 => tag(if self.rng.percent(50) { "retention" } else { "backup" }, "9d"),
            10 => tag("KeepForever", "yes"),
            _ => Deed::Untag { resources, keys: vec!["KeepForever".into()] },
        })
    }

    fn does_to_a_resource(&mut self, census: &Census) -> Option<Deed> {
        let of = |state: VolumeState| -> Vec<VolumeId> {
            census.volumes.iter().filter(|volume| volume.state == state).map(|volume| volume.id.clone()).collect()
        };
        let (free, used) = (of(VolumeState::Available), of(VolumeState::InUse));
        let in_state = |state: InstanceState| -> Vec<InstanceId> {
            census.instances.iter().filter(|i| i.state == state).map(|i| i.id.clone()).collect()
        };
        let (running, stopped) = (in_state(InstanceState::Running), in_state(InstanceState::Stopped));
        let (few, twice) = (census.volumes.len() < 4, self.rng.percent(15));
        Some(match self.rng.below(12) {
            0..3 => {
                let volume = self.rng.pick(&used)?.clone();
                let on = census.volumes.iter().filter(|one| one.id == volume).flat_map(|one| &one.attachments);
                let on: Vec<InstanceId> = on.map(|attachment| attachment.instance.clone()).collect();
                Deed::Detach { volume, instance: self.rng.pick(&on).cloned() }
            }
            // What takes several instances may be on one already.
            3 | 4 => Deed::Attach {
                volume: self.rng.pick(if twice { &used } else { &free })?.clone(),
                instance: self.rng.pick(&running)?.clone(),
                device: "/dev/sdh".into(),
            },
            5 => Deed::DeleteVolume { volume: self.rng.pick(&free)?.clone() },
            6 => Deed::Terminate { instance: self.rng.pick(&running)?.clone() },
            7 => Deed::Stop { instance: self.rng.pick(&running)?.clone() },
            8 => Deed::Start { instance: self.rng.pick(&stopped)?.clone() },
            9 if few => instance(self.rng),
            10 if few => volume(configured(self.rng)),
            _ => return None,
        })
    }
}
