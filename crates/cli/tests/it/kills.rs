//! The real process, killed at any moment of `apply`: nothing is lost by it, nothing is
//! left behind that the next run does not put right.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ebskeep_core::cloud::{Cloud as _, Clouds as _, Sharing};
use ebskeep_core::id::{Place, SnapshotId, VolumeId};
use ebskeep_core::tags::Tags;
use ebskeep_sim::{Act, Deed, Past, PutState, World};
use jiff::{Timestamp, ToSpan};

use crate::server::{Fate, Server, hermetic, program};
use crate::world::{ACCOUNT, act, by_hand, left, place, volume, world};

const AWAY: &str = "us-east-1";
const THEIRS: &str = "222222222222";

/// Every action that changes anything.
const MUTATING: [&str; 7] = [
    "CopySnapshot",
    "CreateSnapshot",
    "CreateSnapshots",
    "CreateTags",
    "DeleteSnapshot",
    "DeleteTags",
    "ModifySnapshotAttribute",
];

/// A world in which one run calls each of them, and what must become of it.
struct Scene {
    world: World,
    /// Volumes that are due.
    due: Vec<VolumeId>,
    /// What keeps every run from deleting it.
    stay: Vec<String>,
    /// What the first run that ends well must have deleted.
    go: Vec<String>,
    /// Primaries, and the Places where each must have one copy.
    copied: Vec<(String, Vec<Place>)>,
    /// What nobody of us made.
    given: BTreeSet<String>,
}

impl Scene {
    fn new() -> Self {
        let world = world();
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
        let set: Vec<VolumeId> = volumes_of(&world, &instance);
        let alone = volume(&world, &yes);
        let mut stay = vec![by_hand(&world, &alone), primary(&world, &alone, 1, &[])];
        stay.push(primary(&world, &alone, 60, &[("KeepForever", "")]));
        let go = [20, 30, 40, 50].map(|age| primary(&world, &alone, age, &[])).to_vec();

        let theirs = Place { account: THEIRS.into(), region: AWAY.into() };
        let both = format!("{AWAY} {THEIRS}/{AWAY}");
        let wanted = volume(&world, &[&yes[..], &[("Copy_Dest", both.as_str())]].concat());
        let to_copy = primary(&world, &wanted, 1, &[("ebskeep:copy-to", both.as_str())]);
        let there = format!("{THEIRS}/{AWAY}");
        let done = volume(&world, &[&yes[..], &[("Copy_Dest", there.as_str())]].concat());
        let marks = [("ebskeep:copy-to", there.as_str()), ("ebskeep:shared-with", there.as_str())];
        let shared = primary(&world, &done, 1, &marks);
        share(&world, &shared);
        copy(&world, &theirs, &shared);
        stay.extend([to_copy.clone(), shared.clone()]);
        let due = set.into_iter().chain([alone, wanted, done].map(VolumeId::new)).collect();
        let copied = vec![(to_copy, vec![place(AWAY), theirs.clone()]), (shared, vec![theirs])];
        let given = left(&world).into_iter().collect();
        Self { world, due, stay, go, copied, given }
    }

    /// What does not hold, in words.
    fn amiss(&self) -> Vec<String> {
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
        let mut slots: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        let today = self.world.now().strftime("%Y-%m-%dT").to_string();
        for past in &there {
            let tag = |key: &str| past.tags.get(key).unwrap_or_default();
            let ours = tag("Type") == "Automated" && !tag("ebskeep:slot").is_empty();
            if !ours && !self.given.contains(past.id.as_str()) {
                amiss.push(format!("{} was made and is without its tags", past.id));
            }
            if !tag("ebskeep:deleted").is_empty() {
                amiss.push(format!("{} is marked as deleted and is there", past.id));
            }
            if ours && tag("Source_SnapshotId").is_empty() {
                *slots.entry((past.volume.as_str(), tag("ebskeep:slot"))).or_default() += 1;
            }
        }
        for ((volume, slot), count) in &slots {
            if *count > 1 {
                amiss.push(format!("{count} snapshots of {volume} for {slot}"));
            }
        }
        for volume in &self.due {
            if !slots.keys().any(|(of, slot)| *of == volume.as_str() && slot.starts_with(&today)) {
                amiss.push(format!("{volume} was due and has no backup"));
            }
        }
        for (primary, places) in &self.copied {
            for place in places {
                let of = |past: &&&Past| past.place == *place && past.tags.get("Source_SnapshotId") == Some(primary);
                let count = there.iter().filter(of).count();
                if count != 1 {
                    amiss.push(format!("{count} copies of {primary} in {place:?}"));
                }
            }
        }
        amiss
    }

    /// Shares that are left, and tags that tell of some.
    fn shares(&self) -> Vec<String> {
        let history = self.world.history();
        let there = history.iter().filter(|past| past.deleted.is_none());
        let shared = |past: &&Past| !past.shared_with.is_empty() || past.tags.get("ebskeep:shared-with").is_some();
        there.filter(shared).map(|past| format!("{} is still shared with {:?}", past.id, past.shared_with)).collect()
    }
}

fn volumes_of(world: &World, instance: &str) -> Vec<VolumeId> {
    let cloud = home(world);
    let page = wait(cloud.describe_instances(&ebskeep_core::cloud::Query::Ids(vec![instance.into()]), None)).unwrap();
    page.items[0].devices.iter().map(|device| device.volume.clone()).collect()
}

/// A good backup that began so many days ago, as `create` tags it, and more.
fn primary(world: &World, of: &str, days: i64, more: &[(&str, &str)]) -> String {
    let started = world.now() - (days * 24).hours();
    let (slot, delete_on) = (started.strftime("%Y-%m-%dT00:00:00Z"), (started + (7 * 24).hours()).strftime("%Y-%m-%d"));
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

fn put<'t>(
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

fn home(world: &World) -> ebskeep_sim::SimCloud {
    world.clouds(&format!("AKIASIM{ACCOUNT}")).at(&place("eu-west-1"))
}

fn share(world: &World, id: &str) {
    wait(home(world).modify_snapshot_sharing(&SnapshotId::new(id), &Sharing::Add(THEIRS.into()))).unwrap();
}

/// The good copy of a primary, as the copier tags it.
fn copy(world: &World, at: &Place, of: &str) {
    let history = world.history();
    let source = history.iter().find(|past| past.id.as_str() == of).unwrap();
    let started = source.started.to_string();
    let mut tags: Vec<(&str, &str)> = source.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    tags.retain(|(key, _)| !["ebskeep:shared-with", "ebskeep:copy-to"].contains(key));
    tags.extend([
        ("Source_SnapshotId", of),
        ("ebskeep:source-region", "eu-west-1"),
        ("ebskeep:source-account", ACCOUNT),
        ("ebskeep:started", started.as_str()),
    ]);
    put(world, at, "vol-ffffffff", world.now(), tags);
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// When a process is killed: at which of its calls, counted from one.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Of those that change something, before or after it took effect.
    Mutating { at: usize, after: bool },
    /// Of all.
    Any { at: usize },
}

/// The calls of a run so far.
#[derive(Default)]
struct Count {
    all: usize,
    mutating: usize,
}

/// A run that is killed at a moment; the action that it was killed in.
fn killed(scene: &Scene, moment: Moment) -> String {
    let (hit, hits): (Sender<String>, Receiver<String>) = channel();
    let (dead, deads) = channel::<()>();
    let shared = Mutex::new((Count::default(), hit, Arc::new(Mutex::new(deads))));
    let server = Server::with(&scene.world, move |body| {
        let action = action_of(body);
        let (now, hit, deads) = {
            let mut shared = shared.lock().unwrap();
            let (count, hit, deads) = &mut *shared;
            count.all += 1;
            count.mutating += usize::from(MUTATING.contains(&action));
            let now = match moment {
                Moment::Mutating { at, .. } => MUTATING.contains(&action) && count.mutating == at,
                Moment::Any { at } => count.all == at,
            };
            (now, hit.clone(), Arc::clone(deads))
        };
        if !now {
            return Fate::Answered;
        }
        let action = action.to_owned();
        // Until the process is dead; then whoever waits for this is gone.
        let die = move || {
            hit.send(action).unwrap();
            let _ = deads.lock().unwrap().recv();
        };
        if matches!(moment, Moment::Mutating { after: true, .. }) {
            return Fate::AnsweredAfter(Box::new(die));
        }
        die();
        Fate::Dropped
    });
    let mut child = spawn(&server, &["apply", "--yes"]);
    let action = hits.recv_timeout(Duration::from_secs(30)).unwrap();
    // SIGKILL.
    child.kill().unwrap();
    child.wait().unwrap();
    dead.send(()).unwrap();
    // What it had sent takes effect, before anybody else begins.
    let begun = std::time::Instant::now();
    while server.open() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "its connections never ended");
        std::thread::sleep(Duration::from_millis(1));
    }
    action
}

fn action_of(body: &str) -> &str {
    body.split('&').find_map(|pair| pair.strip_prefix("Action=")).unwrap_or("")
}

fn spawn(server: &Server, arguments: &[&str]) -> Child {
    let mut command = Command::new(program());
    command.env_clear().envs(hermetic()).envs(server.variables()).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// A run to its end.
fn clean(scene: &Scene, arguments: &[&str]) -> String {
    let output = Server::of(&scene.world).ebskeep().args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    assert_eq!(output.status.code(), Some(0), "{said}");
    said
}

/// The calls of a run that nobody kills: all, and those that change something.
fn calls_of_a_run() -> (usize, Vec<String>) {
    let scene = Scene::new();
    let before = scene.world.calls().len();
    clean(&scene, &["apply", "--yes"]);
    assert_eq!(scene.amiss(), [""; 0], "with nobody killed");
    let calls: Vec<String> = scene.world.calls()[before..].iter().map(|call| call.action.to_string()).collect();
    let mutating = calls.iter().filter(|action| MUTATING.contains(&action.as_str())).cloned().collect();
    (calls.len(), mutating)
}

const KILLS: usize = 100;

#[test]
fn a_hundred_kills_lose_nothing_and_leave_nothing_behind() {
    let (all, mutating) = calls_of_a_run();
    let every: BTreeSet<&str> = mutating.iter().map(String::as_str).collect();
    assert_eq!(every.into_iter().collect::<Vec<_>>(), MUTATING, "in {mutating:?}");
    // Before and after the effect of each call that changes something, round and
    // round; each eighth anywhere.
    let last = mutating.len();
    let moment = |n: usize| match n % 8 {
        7 => Moment::Any { at: 1 + n * 7 % all },
        _ => Moment::Mutating { at: 1 + n % last, after: (n / last).is_multiple_of(2) },
    };
    let next = AtomicUsize::new(0);
    let hit: Mutex<BTreeMap<(String, bool), usize>> = Mutex::default();
    let between = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::SeqCst);
                    if n >= KILLS {
                        break;
                    }
                    let (scene, moment) = (Scene::new(), moment(n));
                    let action = killed(&scene, moment);
                    if let Moment::Mutating { at, after } = moment {
                        *hit.lock().unwrap().entry((action, after)).or_default() += 1;
                        let edge = (at == 1 && !after) || (at == last && after);
                        between.fetch_add(usize::from(!edge), Ordering::SeqCst);
                    }
                    let said = clean(&scene, &["apply", "--yes"]);
                    assert_eq!(scene.amiss(), [""; 0], "kill {n}, {moment:?}; then:\n{said}");
                    // What was taken meanwhile is copied by the next, and unshared by the last.
                    clean(&scene, &["apply", "copy"]);
                    clean(&scene, &["apply", "copy"]);
                    assert_eq!(scene.shares(), [""; 0], "kill {n}, {moment:?}");
                    assert_eq!(scene.amiss(), [""; 0], "kill {n}, {moment:?}, two runs later");
                }
            });
        }
    });
    let hit = hit.into_inner().unwrap();
    for action in MUTATING {
        for after in [false, true] {
            let key = (action.to_owned(), after);
            assert!(hit.contains_key(&key), "never killed in {action}, after its effect: {after}: {hit:?}");
        }
    }
    let between = between.into_inner();
    assert!(between >= 80, "{between} between the first and the last change");
}

#[test]
fn what_must_not_be_is_seen() {
    type Harm = fn(&Scene);
    let harms: [(Harm, &str); 6] = [
        (
            |scene| drop(put(&scene.world, &place("eu-west-1"), scene.due[0].as_str(), scene.world.now(), [])),
            "without its tags",
        ),
        (|scene| gone(&scene.world, &scene.stay[2]), "had a reason to stay"),
        (|scene| drop(primary(&scene.world, scene.due[0].as_str(), 0, &[])), "2 snapshots of"),
        (|scene| mark(&scene.world, &scene.stay[0]), "is marked as deleted"),
        (|scene| share(&scene.world, &scene.stay[0]), "still shared"),
        (
            |scene| {
                let (of, places) = &scene.copied[1];
                copy(&scene.world, &places[0], of);
            },
            "2 copies of",
        ),
    ];
    for (harm, told) in harms {
        let scene = Scene::new();
        clean(&scene, &["apply", "--yes"]);
        for _ in 0..2 {
            clean(&scene, &["apply", "copy"]);
        }
        harm(&scene);
        let amiss = [scene.amiss(), scene.shares()].concat();
        assert!(amiss.len() == 1 && amiss[0].contains(told), "{told}: {amiss:?}");
    }
    // And of a run that was killed before it did anything all is missing.
    let scene = Scene::new();
    killed(&scene, Moment::Mutating { at: 1, after: false });
    let amiss = scene.amiss();
    for told in ["was due and has no backup", "is still there", "0 copies of"] {
        assert!(amiss.iter().any(|line| line.contains(told)), "{told}: {amiss:?}");
    }
}

fn gone(world: &World, id: &str) {
    wait(home(world).delete_snapshot(&SnapshotId::new(id))).unwrap();
}

fn mark(world: &World, id: &str) {
    let cloud = home(world);
    let marks: Tags = [("ebskeep:deleted", "2026-01-01T00:00:00Z")].into_iter().collect();
    wait(cloud.create_tags(&[SnapshotId::new(id)], &marks)).unwrap();
}
