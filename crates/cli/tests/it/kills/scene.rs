//! A world in which one run of `apply` calls everything that changes something, and
//! what must become of it: tags read as plain text, no code of what decides.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ebskeep_core::cloud::{Cloud as _, Clouds as _, Query, Sharing};
use ebskeep_core::id::{Place, SnapshotId, VolumeId};
use ebskeep_core::tags::Tags;
use ebskeep_sim::{Act, Deed, Past, PutState, Rules, SimCloud, World};
use jiff::{Timestamp, ToSpan};

use crate::world::{ACCOUNT, act, by_hand, left, place, volume};

const AWAY: &str = "us-east-1";
const THEIRS: &str = "222222222222";

/// How soon AWS shows and finishes what is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weather {
    /// At once.
    Clear,
    /// What is begun is pending for a while.
    Slow,
    /// What is begun is not listed for a while: a run that dies leaves what the next
    /// cannot know of.
    Stale,
}

/// That while: longer than AWS makes the next run wait, and no more, since the machine's
/// clock stays behind.
const LATE: Duration = Duration::from_secs(40);

pub(super) struct Scene {
    pub(super) world: World,
    weather: Weather,
    /// Volumes that are due, and the days that their backups are kept.
    pub(super) due: BTreeMap<VolumeId, i64>,
    /// What keeps every run from deleting it.
    pub(super) stay: Vec<String>,
    /// What the first run that ends well must have deleted.
    go: Vec<String>,
    /// Primaries, and the Places where each must have one copy.
    pub(super) copied: Vec<(String, Vec<Place>)>,
    /// What was there before anybody ran.
    given: BTreeSet<String>,
}

/// After this AWS takes another snapshot of the same volume.
pub(super) const PER_VOLUME: Duration = Duration::from_secs(16);

/// The days that `Retention` says: of an instance and what has none of its own, and of
/// one volume of that instance.
const DAYS: i64 = 7;
const OTHER_DAYS: i64 = 14;

impl Scene {
    pub(super) fn new(weather: Weather) -> Self {
        // Where the day is about to end, a little before: every run is of one day.
        let now = Timestamp::now();
        let ends = (now + 3.minutes()).strftime("%F").to_string() != now.strftime("%F").to_string();
        let world = World::new(1, if ends { now - 3.minutes() } else { now });
        let at_once = Rules { completes_after: Duration::ZERO, ..Rules::default() };
        world.rules(at_once.clone());
        let yes = [("Backup", "Yes"), ("Retention", "7")];
        let instance = act(
            &world,
            Deed::Run {
                id: None,
                image: None,
                volumes: [("/dev/sdf".into(), 8)].into(),
                tags: yes.into_iter().collect(),
                volume_tags: Tags::new(),
            },
        );
        let set = volumes_of(&world, &instance);
        // The members disagree: the one call cannot write what decides.
        let other = [("Retention", "14")].into_iter().collect();
        act(&world, Deed::Tag { resources: vec![set[0].as_str().into()], tags: other });
        let alone = volume(&world, &yes);
        let mut stay = vec![by_hand(&world, &alone), primary(&world, &alone, 1, &[])];
        stay.push(primary(&world, &alone, 60, &[("KeepForever", "")]));
        stay.push(primary(&world, &alone, 45, &[("KeepUntil", "2099-12-31")]));
        let go = [20, 30, 40, 50].map(|age| primary(&world, &alone, age, &[])).to_vec();
        // The newest good one of a volume that is backed up no more.
        let over = volume(&world, &[("Backup", "No")]);
        stay.push(primary(&world, &over, 70, &[]));

        let theirs = Place { account: THEIRS.into(), region: AWAY.into() };
        let both = format!("{AWAY} {THEIRS}/{AWAY}");
        let wanted = volume(&world, &[&yes[..], &[("Copy_Dest", both.as_str())]].concat());
        let to_copy = primary(&world, &wanted, 1, &[("ebskeep:copy-to", both.as_str())]);
        let there = format!("{THEIRS}/{AWAY}");
        let done = volume(&world, &[&yes[..], &[("Copy_Dest", there.as_str())]].concat());
        let marks = [("ebskeep:copy-to", there.as_str()), ("ebskeep:shared-with", there.as_str()), ("KeepForever", "")];
        let shared = primary(&world, &done, 1, &marks);
        share(&world, &shared);
        copy(&world, &theirs, &shared);
        stay.extend([to_copy.clone(), shared.clone()]);
        let mut due: BTreeMap<VolumeId, i64> = [(set[0].clone(), OTHER_DAYS), (set[1].clone(), DAYS)].into();
        due.extend([alone, wanted, done].map(|volume| (VolumeId::new(volume), DAYS)));
        let copied = vec![(to_copy, vec![place(AWAY), theirs.clone()]), (shared, vec![theirs])];
        let given = left(&world).into_iter().collect();
        world.rules(match weather {
            Weather::Clear => at_once,
            Weather::Slow => Rules { completes_after: LATE, ..at_once },
            Weather::Stale => Rules { stale_for: LATE, ..at_once },
        });
        let scene = Self { world, weather, due, stay, go, copied, given };
        scene.settle();
        scene
    }

    /// Until a run that knows nothing of the killed one may begin all of it again.
    pub(super) fn after_a_kill(&self) {
        if self.weather != Weather::Clear {
            self.world.advance(PER_VOLUME);
        }
    }

    /// Until all that was begun is listed and good.
    pub(super) fn settle(&self) {
        if self.weather != Weather::Clear {
            self.world.advance(LATE + Duration::from_secs(1));
        }
    }

    /// What does not hold, in words. Where AWS did not list what a killed run had made,
    /// `unseen`, there may be another.
    pub(super) fn amiss(&self, unseen: &BTreeSet<String>) -> Vec<String> {
        let mut amiss = Vec::new();
        let history = self.world.history();
        let there: Vec<&Past> = history.iter().filter(|past| past.deleted.is_none()).collect();
        let ids: BTreeSet<&str> = there.iter().map(|past| past.id.as_str()).collect();
        for id in self.stay.iter().filter(|id| !ids.contains(id.as_str())) {
            amiss.push(format!("{id} is gone and had a reason to stay"));
        }
        for id in self.go.iter().filter(|id| ids.contains(id.as_str())) {
            amiss.push(format!("{id} is still there"));
        }
        for past in &history {
            if !self.given.contains(past.id.as_str()) && past.deleted.is_some() {
                amiss.push(format!("{} was made today and is gone", past.id));
            }
        }
        for past in &there {
            let ours = tag(past, "Type") == "Automated" && !tag(past, "ebskeep:slot").is_empty();
            if !ours && !self.given.contains(past.id.as_str()) {
                amiss.push(format!("{} was made and is without its tags", past.id));
            }
            if !tag(past, "ebskeep:deleted").is_empty() {
                amiss.push(format!("{} is marked as deleted and is there", past.id));
            }
        }
        let slots = slots(&there);
        for ((volume, slot), all) in &slots {
            let known = all.iter().filter(|past| !unseen.contains(past.id.as_str())).count();
            if known > 1 || (known < all.len() && all.len() > 1 && self.weather != Weather::Stale) {
                amiss.push(format!("{} snapshots of {volume} for {slot}", all.len()));
            }
        }
        let today = self.world.now().strftime("%FT").to_string();
        for volume in self.due.keys() {
            if !slots.keys().any(|(of, slot)| *of == volume.as_str() && slot.starts_with(&today)) {
                amiss.push(format!("{volume} was due and has no backup"));
            }
        }
        for (primary, places) in &self.copied {
            for place in places {
                let of = |past: &&&Past| past.place == *place && tag(past, "Source_SnapshotId") == primary;
                let all: Vec<&&Past> = there.iter().filter(of).collect();
                let known = all.iter().filter(|past| !unseen.contains(past.id.as_str())).count();
                if all.is_empty() || known > 1 || (all.len() > 1 && self.weather != Weather::Stale) {
                    amiss.push(format!("{} copies of {primary} in {place:?}", all.len()));
                }
            }
        }
        amiss
    }

    /// What does not hold in the end, once all was listed and good: shares that are left,
    /// tags that tell of some, holds that were not followed, tags of a set that are not
    /// each member's own, and a surplus that nobody was told of.
    pub(super) fn unfinished(&self, told: &BTreeSet<(String, String)>) -> Vec<String> {
        let mut unfinished = Vec::new();
        let history = self.world.history();
        let there: Vec<&Past> = history.iter().filter(|past| past.deleted.is_none()).collect();
        for past in &there {
            if !past.shared_with.is_empty() || past.tags.get("ebskeep:shared-with").is_some() {
                unfinished.push(format!("{} is still shared with {:?}", past.id, past.shared_with));
            }
            let source = tag(past, "Source_SnapshotId");
            let held = |past: &Past| past.tags.get("KeepForever").is_some();
            if there.iter().any(|of| of.id.as_str() == source && held(of)) && !held(past) {
                unfinished.push(format!("{} is not held as {source} is", past.id));
            }
            let Some(days) = self.due.get(&past.volume) else { continue };
            if self.given.contains(past.id.as_str()) {
                continue;
            }
            let until = (past.started + (days * 24).hours()).strftime("%F").to_string();
            let own = [
                ("ebskeep:volume", past.volume.as_str()),
                ("ebskeep:retention", &days.to_string()),
                ("DeleteOn", until.as_str()),
            ];
            for (key, value) in own.into_iter().filter(|(key, value)| tag(past, key) != *value) {
                unfinished.push(format!("{} has {key}={:?}, not {value:?}", past.id, tag(past, key)));
            }
        }
        let mut told_of = |code: &str, all: &[&Past]| {
            let is_told = |past: &&Past| told.contains(&(code.to_owned(), past.id.to_string()));
            let source = all.first().map(|past| tag(past, "Source_SnapshotId")).unwrap_or_default();
            if all.len() > 1 && !all.iter().any(is_told) && !told.contains(&(code.to_owned(), source.to_owned())) {
                unfinished.push(format!("nobody is told that {} is a surplus", all[0].id));
            }
        };
        for all in slots(&there).values() {
            told_of("surplus", all);
        }
        for (primary, places) in &self.copied {
            for place in places {
                let of = |past: &&&Past| past.place == *place && tag(past, "Source_SnapshotId") == primary;
                told_of("surplus-copy", &there.iter().filter(of).copied().collect::<Vec<_>>());
            }
        }
        unfinished
    }

    /// How many there are of a volume and slot, or of a primary and Place, beyond one.
    pub(super) fn surplus(&self) -> usize {
        let history = self.world.history();
        let there: Vec<&Past> = history.iter().filter(|past| past.deleted.is_none()).collect();
        let mut copies: BTreeMap<(&str, &Place), usize> = BTreeMap::new();
        for past in there.iter().filter(|past| past.tags.get("Source_SnapshotId").is_some()) {
            *copies.entry((tag(past, "Source_SnapshotId"), &past.place)).or_default() += 1;
        }
        let counts = copies.into_values().chain(slots(&there).into_values().map(|all| all.len()));
        counts.map(|count| count - 1).sum()
    }

    /// What was made since the beginning and is there.
    pub(super) fn made(&self) -> BTreeSet<String> {
        left(&self.world).into_iter().filter(|id| !self.given.contains(id)).collect()
    }
}

fn tag<'p>(past: &'p Past, key: &str) -> &'p str {
    past.tags.get(key).unwrap_or_default()
}

/// Our primaries by volume and slot.
fn slots<'p>(there: &[&'p Past]) -> BTreeMap<(&'p str, &'p str), Vec<&'p Past>> {
    let mut slots: BTreeMap<(&str, &str), Vec<&Past>> = BTreeMap::new();
    for past in there {
        let ours = tag(past, "Type") == "Automated" && !tag(past, "ebskeep:slot").is_empty();
        if ours && past.tags.get("Source_SnapshotId").is_none() {
            slots.entry((past.volume.as_str(), tag(past, "ebskeep:slot"))).or_default().push(past);
        }
    }
    slots
}

fn volumes_of(world: &World, instance: &str) -> Vec<VolumeId> {
    let page = wait(home(world).describe_instances(&Query::Ids(vec![instance.into()]), None)).unwrap();
    page.items[0].devices.iter().map(|device| device.volume.clone()).collect()
}

/// A good backup that began so many days ago, as `create` tags it, and more.
pub(super) fn primary(world: &World, of: &str, days: i64, more: &[(&str, &str)]) -> String {
    let started = world.now() - (days * 24).hours();
    let (slot, delete_on) = (started.strftime("%FT00:00:00Z"), (started + (DAYS * 24).hours()).strftime("%F"));
    let (slot, delete_on) = (slot.to_string(), delete_on.to_string());
    let ours = [
        ("Type", "Automated"),
        ("DeleteOn", delete_on.as_str()),
        ("ebskeep:slot", slot.as_str()),
        ("ebskeep:volume", of),
        ("ebskeep:deployment", "default"),
        ("ebskeep:retention", "7"),
    ];
    put(world, &place("eu-west-1"), of, started, ours.iter().chain(more).copied())
}

pub(super) fn put<'t>(
    world: &World,
    place: &Place,
    of: &str,
    started: Timestamp,
    tags: impl IntoIterator<Item = (&'t str, &'t str)>,
) -> String {
    let deed = Deed::PutSnapshot {
        id: None,
        volume: VolumeId::new(of),
        started,
        state: PutState::Completed,
        size_gib: Some(8),
        description: "".into(),
        tags: tags.into_iter().collect(),
    };
    world.act(Act::at(place, deed)).unwrap().id.unwrap().to_string()
}

pub(super) fn home(world: &World) -> SimCloud {
    world.clouds(&format!("AKIASIM{ACCOUNT}")).at(&place("eu-west-1"))
}

pub(super) fn share(world: &World, id: &str) {
    wait(home(world).modify_snapshot_sharing(&SnapshotId::new(id), &Sharing::Add(THEIRS.into()))).unwrap();
}

/// The good copy of a primary, as the copier tags it.
pub(super) fn copy(world: &World, at: &Place, of: &str) {
    let history = world.history();
    let source = history.iter().find(|past| past.id.as_str() == of).unwrap();
    let started = source.started.to_string();
    let mut tags: Vec<(&str, &str)> = source.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    tags.retain(|(key, _)| !["ebskeep:shared-with", "ebskeep:copy-to", "KeepForever"].contains(key));
    tags.extend([
        ("Source_SnapshotId", of),
        ("ebskeep:source-region", "eu-west-1"),
        ("ebskeep:source-account", ACCOUNT),
        ("ebskeep:started", started.as_str()),
    ]);
    put(world, at, "vol-ffffffff", world.now(), tags);
}

pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
