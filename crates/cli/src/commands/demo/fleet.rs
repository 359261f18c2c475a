//! The demo's fleet, and what befalls it: tags as people write them, the good
//! and the bad.

use std::collections::BTreeMap;

use ebskeep_core::id::{ImageId, InstanceId, Place, SnapshotId, VolumeId};
use ebskeep_core::tags::Tags;
use ebskeep_sim::{Act, Deed, PutState, Refusal, World};
use jiff::{Timestamp, ToSpan};
use smol_str::SmolStr;

/// What the story needs to know of the fleet later on.
pub(crate) struct Fleet {
    place: Place,
    /// The root volume of web-1.
    web: VolumeId,
    /// An instance that will be terminated.
    worker: InstanceId,
}

impl Fleet {
    /// Builds it, as it is on the day ebskeep comes.
    pub(crate) fn build(world: &World, place: &Place) -> Result<Self, Refusal> {
        let act = |deed| world.act(Act::at(place, deed));
        let run = |id: &str, volumes: &[(&str, u32)], tags: &[(&str, &str)]| {
            let volumes: BTreeMap<SmolStr, u32> =
                volumes.iter().map(|(device, gib)| ((*device).into(), *gib)).collect();
            let tags = tags.iter().copied().collect();
            act(Deed::Run { id: Some(InstanceId::new(id)), image: None, volumes, tags, volume_tags: Tags::new() })
        };
        let web = run(
            "i-0000000000000eb01",
            &[("/dev/sdf", 100)],
            &[("Name", "web-1"), ("Team", "shop"), ("Backup", "Yes"), ("Retention", "7")],
        );
        let web = web?.volumes.remove("/dev/xvda").unwrap_or_else(|| VolumeId::new("vol-0"));
        let database = run(
            "i-0000000000000db01",
            &[("/dev/sdf", 500), ("/dev/sdg", 200)],
            &[("Name", "db-1"), ("Backup", "every 6h"), ("Retention", "2w"), ("Backup_TimeZone", "Europe/London")],
        )?;
        // Scratch space: not worth a backup.
        if let Some(scratch) = database.volumes.get("/dev/sdg") {
            act(Deed::Tag {
                resources: vec![scratch.as_str().into()],
                tags: [("Name", "db-1 scratch"), ("Backup", "No")].into_iter().collect(),
            })?;
        }
        run("i-0000000000000ae01", &[], &[("Name", "mail-1"), ("backup", "yes"), ("Retention", "7 days")])?;
        run("i-0000000000000bd01", &[("/dev/sdf", 50)], &[("Name", "build-1")])?;
        let worker = InstanceId::new("i-0000000000000fa01");
        run(worker.as_str(), &[], &[("Name", "worker-1"), ("Backup", "Yes"), ("Retention", "3")])?;
        act(Deed::CreateVolume {
            id: Some(VolumeId::new("vol-0000000000000ac01")),
            size_gib: 1_000,
            kind: None,
            multi_attach: false,
            key: None,
            tags: [("Name", "archive"), ("Backup", "weekly"), ("Retention", "6m")].into_iter().collect(),
        })?;

        let fleet = Self { place: place.clone(), web, worker };
        fleet.past(world)?;
        Ok(fleet)
    }

    /// What the original tool and people left behind.
    fn past(&self, world: &World) -> Result<(), Refusal> {
        let now = world.now();
        let put = |id: &str, days: i64, tags: &[(&str, &str)], delete_on: Option<i64>| {
            let started = days_from(now, -days);
            let mut tags: Tags = tags.iter().copied().collect();
            if let Some(days) = delete_on {
                tags.set("DeleteOn", days_from(now, days).strftime("%Y-%m-%d").to_string());
            }
            world.act(Act::at(
                &self.place,
                Deed::PutSnapshot {
                    id: Some(SnapshotId::new(id)),
                    volume: self.web.clone(),
                    started,
                    state: PutState::Completed,
                    size_gib: None,
                    description: SmolStr::default(),
                    tags,
                },
            ))
        };
        let original = [("Type", "Automated")];
        put("snap-0000000000000de01", 20, &original, Some(-13))?;
        put("snap-0000000000000de02", 2, &original, Some(5))?;
        put("snap-0000000000000fe01", 300, &[("Type", "Automated"), ("KeepForever", "audit 2026")], Some(-293))?;
        put("snap-0000000000000ad01", 90, &[("Name", "before the upgrade")], None)?;
        Ok(())
    }

    /// What befalls it at the end of a day, and how to tell of it.
    pub(crate) fn befalls(&self, day: i32, world: &World) -> Result<Option<&'static str>, Refusal> {
        let act = |deed| world.act(Act::at(&self.place, deed));
        match day {
            8 => {
                let newest =
                    world.history().into_iter().filter(|past| past.volume == self.web && past.deleted.is_none());
                let Some(newest) = newest.max_by_key(|past| past.started) else { return Ok(None) };
                act(Deed::RegisterImage {
                    id: Some(ImageId::new("ami-0000000000000eb01")),
                    name: "web".into(),
                    root: newest.id,
                    data: BTreeMap::new(),
                })?;
                Ok(Some("somebody makes an image of web-1 from its latest backup"))
            }
            15 => {
                act(Deed::Terminate { instance: self.worker.clone() })?;
                Ok(Some("worker-1 is terminated, and its volume is gone"))
            }
            22 => {
                act(Deed::Tag {
                    resources: vec!["i-0000000000000bd01".into()],
                    tags: [("Backup", "Yse"), ("Retention", "1m")].into_iter().collect(),
                })?;
                Ok(Some("somebody tags build-1 with Backup=Yse, a slip"))
            }
            _ => Ok(None),
        }
    }
}

fn days_from(now: Timestamp, days: i64) -> Timestamp {
    now.saturating_add((days * 24).hours()).unwrap_or(now)
}
