//! What a world is about, and in a world of copies its fleet and its users.

use std::collections::BTreeMap;

use ebskeep_core::id::{AccountId, InstanceId, Place, Region, SnapshotId, VolumeId};
use ebskeep_core::tags::Tags;
use ebskeep_sim::{Act, Deed, Past, World};

use crate::rng::Rng;
use crate::users;
use crate::words::SHORT;

/// Whose snapshots are copied.
pub const ACCOUNT: &str = "111111111111";
/// The account that takes copies too, or in some worlds of retention has backups of its own.
pub const OTHER: &str = "222222222222";
/// The Regions there are for us; the first is home.
pub const REGIONS: [&str; 3] = ["eu-west-1", "us-east-1", "ap-south-1"];

/// What a world is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Days of copies to other Regions and another account.
    Copies,
    /// Weeks of backups and what becomes of them.
    Retention,
}

impl Theme {
    /// That of the world of a seed: one in three is of copies.
    pub fn of(seed: u64) -> Self {
        if seed.is_multiple_of(3) { Self::Copies } else { Self::Retention }
    }
}

/// Where the primaries are.
pub fn home() -> Place {
    place(ACCOUNT, REGIONS[0])
}

/// Where a second account has primaries of its own.
pub fn second() -> Place {
    place(OTHER, REGIONS[0])
}

/// Everywhere that copies can be wanted.
pub fn destinations() -> Vec<Place> {
    let near = REGIONS[1..].iter().map(|region| place(ACCOUNT, region));
    near.chain(REGIONS[..2].iter().map(|region| place(OTHER, region))).collect()
}

fn place(account: &str, region: &str) -> Place {
    Place { account: AccountId::new(account), region: Region::new(region) }
}

/// The fleet of one world of copies.
#[derive(Debug)]
pub struct Fleet {
    /// Volumes that exist; in a world of retention whoever acts looks for himself.
    pub volumes: Vec<VolumeId>,
    /// In a world of retention, those that are on several instances at first.
    pub shared: Vec<VolumeId>,
}

impl Fleet {
    /// Sets a random scene in the Places that have primaries; in a world of copies that is home
    /// alone.
    ///
    /// # Errors
    ///
    /// If sim refuses a deed.
    pub fn new(world: &World, theme: Theme, sites: &[Place], rng: &mut Rng) -> anyhow::Result<Self> {
        let mut fleet = Self { volumes: Vec::new(), shared: Vec::new() };
        if theme == Theme::Retention {
            for place in sites {
                fleet.shared.extend(users::people(world, place, rng)?);
            }
            return Ok(fleet);
        }
        for number in 0..rng.between(1, 3) {
            let id = VolumeId::new(format!("vol-{number:017x}"));
            let deed = Deed::CreateVolume {
                id: Some(id.clone()),
                size_gib: 8,
                kind: None,
                multi_attach: false,
                key: None,
                tags: configured(rng),
            };
            act(world, &home(), deed)?;
            fleet.volumes.push(id);
        }
        if rng.percent(50) {
            let id = InstanceId::new("i-00000000000000001");
            let volumes: BTreeMap<_, _> = [("/dev/sdf".into(), 8), ("/dev/sdg".into(), 8)].into();
            let deed =
                Deed::Run { id: Some(id), image: None, volumes, tags: configured(rng), volume_tags: Tags::new() };
            let made = act(world, &home(), deed)?;
            fleet.volumes.extend(made.volumes.into_values());
        }
        Ok(fleet)
    }

    /// Something a user does in a world of copies, in words.
    pub fn somebody_acts(&mut self, world: &World, rng: &mut Rng) -> String {
        let history = world.history();
        let there = |wanted: &dyn Fn(&Past) -> bool| -> Vec<(Place, SnapshotId)> {
            let left = history.iter().filter(|past| past.deleted.is_none() && wanted(past));
            left.map(|past| (past.place.clone(), past.id.clone())).collect()
        };
        let is_copy = |past: &Past| past.tags.get("Source_SnapshotId").is_some();
        let (primaries, copies) = (there(&|past| !is_copy(past)), there(&is_copy));
        let hold = |key: &str, value: &str| -> Tags { [(key, value)].into_iter().collect() };
        let (place, deed) = match rng.below(8) {
            0 => match rng.pick(&primaries) {
                Some((place, id)) => {
                    (place.clone(), Deed::Tag { resources: vec![id.as_str().into()], tags: hold("KeepForever", "") })
                }
                None => return String::new(),
            },
            1 => match rng.pick(&primaries) {
                Some((place, id)) => {
                    let until = world.now().strftime("%Y-%m-%d").to_string();
                    (place.clone(), Deed::Tag { resources: vec![id.as_str().into()], tags: hold("KeepUntil", &until) })
                }
                None => return String::new(),
            },
            2 => match rng.pick(&copies) {
                Some((place, id)) => (place.clone(), Deed::DeleteSnapshot { snapshot: id.clone() }),
                None => return String::new(),
            },
            3 => match rng.pick(&primaries) {
                Some((place, id)) => (place.clone(), Deed::DeleteSnapshot { snapshot: id.clone() }),
                None => return String::new(),
            },
            4 | 5 => match rng.pick(&self.volumes) {
                Some(id) => (home(), Deed::Tag { resources: vec![id.as_str().into()], tags: configured(rng) }),
                None => return String::new(),
            },
            6 => match rng.pick(&self.volumes) {
                Some(id) => {
                    let keys = vec![if rng.percent(50) { "Copy_Dest" } else { "Retention" }.into()];
                    (home(), Deed::Untag { resources: vec![id.as_str().into()], keys })
                }
                None => return String::new(),
            },
            _ => match rng.pick(&self.volumes).cloned().filter(|_| rng.percent(20)) {
                Some(id) => {
                    self.volumes.retain(|volume| *volume != id);
                    (home(), Deed::DeleteVolume { volume: id })
                }
                None => return String::new(),
            },
        };
        let words = format!("{deed:?}");
        match world.act(Act::at(&place, deed)) {
            Ok(_) => words,
            // Such as deleting a volume that is attached: then nobody does.
            Err(refusal) => format!("refused ({}): {words}", refusal.code),
        }
    }
}

/// Configuration tags of a resource that is backed up.
fn configured(rng: &mut Rng) -> Tags {
    let mut tags = Tags::new();
    tags.set("Backup", *rng.pick(&["daily", "every 6h", "every 12h", "every 4h"]).unwrap_or(&"daily"));
    if rng.percent(85) {
        tags.set("Retention", rng.pick(&SHORT).map_or("2", |(text, ..)| *text));
    }
    let mut wanted: Vec<String> = Vec::new();
    for place in destinations() {
        if rng.percent(45) {
            let region = &place.region;
            wanted.push(if place.account.as_str() == ACCOUNT {
                region.to_string()
            } else {
                format!("{}/{region}", place.account)
            });
        }
    }
    if rng.percent(5) {
        wanted.push(REGIONS[0].to_owned());
    }
    if !wanted.is_empty() {
        tags.set("Copy_Dest", wanted.join(if rng.percent(50) { " " } else { "," }));
    }
    if rng.percent(40) {
        tags.set("Copy_Retention", rng.pick(&SHORT).map_or("2", |(text, ..)| *text));
    }
    tags
}

/// Does what sets a scene.
pub(crate) fn act(world: &World, place: &Place, deed: Deed) -> anyhow::Result<ebskeep_sim::Acted> {
    world.act(Act::at(place, deed)).map_err(|refusal| anyhow::anyhow!("sim refused: {refusal:?}"))
}
