//! The real process, killed at any moment: nothing is lost by it, nothing is left
//! behind that the next run does not put right.

mod scene;
mod verbs;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ebskeep_core::cloud::Cloud as _;
use ebskeep_core::id::SnapshotId;
use ebskeep_core::tags::Tags;
use ebskeep_sim::{CHANGES, Past, World};
use serde_json::Value;

use crate::server::{Fate, Server, hermetic, program};
use crate::world::{left, place};
use scene::{PER_VOLUME, Scene, Weather, copy, home, primary, put, share, wait};

const APPLY: [&str; 4] = ["apply", "--yes", "--format", "json"];

/// When a process is killed: at which of its calls, counted from one.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Of those that change something, before or after it took effect.
    Mutating { at: usize, after: bool },
    /// Of those that change something in one way: the first.
    First { action: &'static str, after: bool },
    /// Of all, before it took effect.
    Any { at: usize },
}

impl Moment {
    /// Whether it is now, with these actions called so far; and whether after its effect.
    fn is_now(self, calls: &[String]) -> (bool, bool) {
        let action = calls.last().map_or("", String::as_str);
        let changes = |action: &str| CHANGES.contains(&action);
        match self {
            Self::Mutating { at, after } => {
                (changes(action) && calls.iter().filter(|call| changes(call)).count() == at, after)
            }
            Self::First { action: first, after } => {
                (action == first && calls.iter().filter(|call| *call == first).count() == 1, after)
            }
            Self::Any { at } => (calls.len() == at, false),
        }
    }
}

/// How a process was killed.
struct Death {
    /// In which call.
    action: String,
    /// Whether it had changed anything by then.
    changed: bool,
}

/// A run that is killed at a moment; none, if it came to its end before.
fn killed(world: &World, arguments: &[&str], moment: Moment) -> Option<Death> {
    killed_where(world, arguments, moment, |_| None)
}

/// The same, where some requests arrive as others.
fn killed_where(
    world: &World,
    arguments: &[&str],
    moment: Moment,
    instead: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) -> Option<Death> {
    let (hit, hits): (Sender<Death>, Receiver<Death>) = channel();
    let (dead, deads) = channel::<()>();
    let deads = Arc::new(Mutex::new(deads));
    let shared = Mutex::new((Vec::new(), hit));
    let server = Server::with(world, move |body| {
        let mut shared = shared.lock().unwrap();
        let (calls, hit) = &mut *shared;
        calls.push(action_of(body).to_owned());
        let (now, after) = moment.is_now(calls);
        if !now {
            return instead(body).map_or(Fate::Answered, Fate::AnsweredAs);
        }
        let (action, earlier) = calls.split_last().unwrap();
        let changed = after || earlier.iter().any(|call| CHANGES.contains(&call.as_str()));
        let (death, hit, deads) = (Death { action: action.clone(), changed }, hit.clone(), Arc::clone(&deads));
        drop(shared);
        // Until the process is dead; then whoever waits for this is gone.
        let die = move || {
            hit.send(death).unwrap();
            let _ = deads.lock().unwrap().recv();
        };
        if after {
            return Fate::AnsweredAfter(Box::new(die));
        }
        die();
        Fate::Dropped
    });
    let mut child = spawn(&server, arguments);
    let begun = Instant::now();
    let death = loop {
        match hits.recv_timeout(Duration::from_millis(20)) {
            Ok(death) => break Some(death),
            Err(never) => {
                if let Some(status) = child.try_wait().unwrap() {
                    assert!(status.success(), "it ended by itself with {status}");
                    break None;
                }
                let waits = never == RecvTimeoutError::Timeout && begun.elapsed() < Duration::from_mins(1);
                if !waits {
                    child.kill().unwrap();
                }
                assert!(waits, "neither its end nor its call: {never}");
            }
        }
    };
    // SIGKILL. One that has ended is not harmed by it.
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), death.as_ref().map(|_| 9), "{status}");
    drop(dead);
    // What it had sent takes effect, before anybody else begins.
    server.drained();
    death
}

fn action_of(body: &str) -> &str {
    body.split('&').find_map(|pair| pair.strip_prefix("Action=")).unwrap_or("")
}

fn spawn(server: &Server, arguments: &[&str]) -> Child {
    let mut command = Command::new(program());
    command.env_clear().envs(hermetic()).envs(server.variables()).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// A run of `apply` to its end; its report, which says what the world says.
fn clean(world: &World) -> Value {
    let ids = || left(world).into_iter().collect::<BTreeSet<_>>();
    let before = ids();
    let output = Server::of(world).ebskeep().args(APPLY).output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert_eq!(output.status.code(), Some(0), "{stdout}{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let untrue = untrue(&report, &before, &ids());
    assert_eq!(untrue, [""; 0], "{stdout}");
    report
}

/// What a report says that is not so, or does not say that is.
fn untrue(report: &Value, before: &BTreeSet<String>, after: &BTreeSet<String>) -> Vec<String> {
    let mut untrue = Vec::new();
    let (mut made, mut gone) = (BTreeSet::new(), BTreeSet::new());
    for result in report["results"].as_array().unwrap() {
        if result["outcome"] != "done" {
            untrue.push(format!("not done: {result}"));
        }
        let action = &report["actions"][usize::try_from(result["action"].as_u64().unwrap()).unwrap()]["action"];
        match action.as_str().unwrap() {
            "create-snapshot" | "create-set" | "copy-snapshot" => {
                made.insert(result["snapshot_id"].as_str().unwrap_or_default().to_owned());
            }
            "delete-snapshot" => drop(gone.insert(result["resource"].as_str().unwrap().to_owned())),
            _ => {}
        }
    }
    for (what, told, so) in [("made", made, after - before), ("deleted", gone, before - after)] {
        if told != so {
            untrue.push(format!("{what}: {so:?}, told: {told:?}"));
        }
    }
    if report["conclusion"] != "done" {
        untrue.push(format!("concluded: {}", report["conclusion"]));
    }
    untrue
}

/// What a report finds: code and resource.
fn findings(report: &Value) -> BTreeSet<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = report["findings"].as_array().unwrap();
    all.iter().map(|finding| (text(&finding["code"]), text(&finding["resource"]))).collect()
}

/// Runs that nobody kills, until there is nothing left that follows from the first.
fn ends_well(scene: &Scene, unseen: &BTreeSet<String>, what: &str) {
    clean(&scene.world);
    assert_eq!(scene.amiss(unseen), [""; 0], "{what}");
    // What was taken meanwhile is copied by the next, and unshared by the last.
    scene.settle();
    clean(&scene.world);
    scene.settle();
    let report = clean(&scene.world);
    assert_eq!(scene.amiss(unseen), [""; 0], "{what}, two runs later");
    assert_eq!(scene.unfinished(&findings(&report)), [""; 0], "{what}, two runs later");
}

/// The calls of a run that nobody kills: how many, and those that change something.
fn calls_of_a_run() -> (usize, Vec<String>) {
    let scene = Scene::new(Weather::Clear);
    let before = scene.world.calls().len();
    clean(&scene.world);
    let calls: Vec<String> = scene.world.calls()[before..].iter().map(|call| call.action.to_string()).collect();
    let mutating = calls.iter().filter(|action| CHANGES.contains(&action.as_str())).cloned().collect();
    (calls.len(), mutating)
}

/// Anything, but the same in each run of the test: the `n`th number below `most` of a
/// sequence (`SplitMix64`).
fn drawn(n: usize, most: usize) -> usize {
    let mut z = (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    usize::try_from((z ^ (z >> 31)) % most as u64).unwrap()
}

const KILLS: usize = 100;

/// What came of all kills.
#[derive(Default)]
struct Tally {
    worlds: usize,
    kills: usize,
    /// After something was changed, and before all was.
    between: usize,
    /// By action, and whether it had taken effect.
    hit: BTreeMap<(String, bool), usize>,
    /// Two where one would do.
    surplus: usize,
}

/// One world: a kill, in every other another one right after it, then runs that end well.
fn round(n: usize, all: usize, mutating: usize, tally: &Mutex<Tally>) {
    let weather = match n % 5 {
        3 => Weather::Slow,
        4 => Weather::Stale,
        _ => Weather::Clear,
    };
    // Before and after the effect of the first call of each action, then of each call that
    // changes something, round and round; now and then anywhere.
    let (turn, after) = (n / 2, n.is_multiple_of(2));
    let first = match turn.checked_sub(CHANGES.len()) {
        None => Moment::First { action: CHANGES[turn], after },
        Some(_) if n % 16 == 9 => Moment::Any { at: 1 + drawn(n, all) },
        Some(turn) => Moment::Mutating { at: 1 + turn % mutating, after },
    };
    let second = Moment::Mutating { at: 2 + drawn(n, 6), after: drawn(n + 1_000, 2) == 0 };
    let moments = if n % 4 < 2 { vec![first] } else { vec![first, second] };
    let what = format!("world {n}, {weather:?}, {moments:?}");
    let scene = Scene::new(weather);
    let mut unseen = BTreeSet::new();
    for moment in moments {
        let before = scene.made();
        let death = killed(&scene.world, &APPLY, moment);
        if weather == Weather::Stale {
            unseen.extend(&scene.made() - &before);
        }
        scene.after_a_kill();
        // The second may have come to its end: few calls were left.
        let Some(Death { action, changed }) = death else { continue };
        let undone = !scene.amiss(&unseen).is_empty();
        let mut tally = tally.lock().unwrap();
        tally.kills += 1;
        tally.between += usize::from(changed && undone);
        if let Moment::Mutating { after, .. } | Moment::First { after, .. } = moment {
            *tally.hit.entry((action, after)).or_default() += 1;
        }
    }
    ends_well(&scene, &unseen, &what);
    let mut tally = tally.lock().unwrap();
    tally.worlds += 1;
    tally.surplus += scene.surplus();
}

#[test]
fn a_hundred_kills_lose_nothing_and_leave_nothing_behind() {
    let (all, mutating) = calls_of_a_run();
    let every: BTreeSet<&str> = mutating.iter().map(String::as_str).collect();
    assert_eq!(every.into_iter().collect::<Vec<_>>(), CHANGES, "in {mutating:?}");
    let (tally, next) = (Mutex::new(Tally::default()), Mutex::new(0..));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while tally.lock().unwrap().kills < KILLS {
                    let n = next.lock().unwrap().next().unwrap();
                    round(n, all, mutating.len(), &tally);
                }
            });
        }
    });
    let Tally { worlds, kills, between, hit, surplus } = tally.into_inner().unwrap();
    let told = format!("{kills} kills, {between} of them in between, {worlds} worlds, surplus {surplus}, {hit:?}");
    assert!(between >= KILLS * 8 / 10, "{told}");
    for action in CHANGES {
        for after in [false, true] {
            assert!(hit.contains_key(&(action.to_owned(), after)), "never {action}, after its effect {after}: {told}");
        }
    }
    // Or nobody saw that what AWS did not list may be made twice, and is told.
    assert!(surplus > 0, "{told}");
}

#[test]
fn what_must_not_be_is_seen() {
    type Harm = fn(&Scene);
    let harms: [(Harm, &str); 9] = [
        (
            |scene| drop(put(&scene.world, &place("eu-west-1"), &a_volume(scene), scene.world.now(), [])),
            "without its tags",
        ),
        (|scene| gone(&scene.world, &scene.stay[2]), "had a reason to stay"),
        (|scene| gone(&scene.world, &todays(scene)), "was made today and is gone"),
        (|scene| tagged(&scene.world, &scene.stay[0], "ebskeep:deleted"), "is marked as deleted"),
        (|scene| share(&scene.world, &scene.stay[0]), "still shared"),
        (|scene| drop(primary(&scene.world, &a_volume(scene), 0, &[])), "2 snapshots of"),
        (|scene| copy(&scene.world, &scene.copied[0].1[0], &scene.copied[0].0), "2 copies of"),
        (|scene| tagged(&scene.world, &scene.copied[0].0, "KeepForever"), "is not held as"),
        (|scene| tagged(&scene.world, &todays(scene), "DeleteOn"), "has DeleteOn="),
    ];
    for (harm, told) in harms {
        let scene = Scene::new(Weather::Clear);
        ends_well(&scene, &BTreeSet::new(), "with nobody killed");
        harm(&scene);
        let amiss = [scene.amiss(&BTreeSet::new()), scene.unfinished(&BTreeSet::new())].concat();
        assert!(amiss.iter().any(|line| line.contains(told)), "{told}: {amiss:?}");
    }
    // And of a run that was killed before it did anything all is missing.
    let scene = Scene::new(Weather::Clear);
    killed(&scene.world, &APPLY, Moment::Mutating { at: 1, after: false }).unwrap();
    let amiss = scene.amiss(&BTreeSet::new());
    for told in ["was due and has no backup", "is still there", "0 copies of"] {
        assert!(amiss.iter().any(|line| line.contains(told)), "{told}: {amiss:?}");
    }
}

#[test]
fn what_a_run_does_wrong_before_it_is_killed_is_seen() {
    // What creates says nothing of tags; what deletes means another.
    let untagged = |body: &str| {
        let kept = body.split('&').filter(|pair| !pair.starts_with("TagSpecification"));
        action_of(body).starts_with("CreateSnapshot").then(|| kept.collect::<Vec<_>>().join("&"))
    };
    let scene = Scene::new(Weather::Clear);
    killed_where(&scene.world, &APPLY, Moment::First { action: "CopySnapshot", after: true }, untagged).unwrap();
    scene.world.advance(PER_VOLUME);
    clean(&scene.world);
    let amiss = scene.amiss(&BTreeSet::new());
    assert!(amiss.iter().any(|line| line.contains("without its tags")), "{amiss:?}");

    let scene = Scene::new(Weather::Clear);
    let stays = scene.stay[1].clone();
    let other = move |body: &str| {
        let id = |pair: &str| if pair.starts_with("SnapshotId=") { format!("SnapshotId={stays}") } else { pair.into() };
        (action_of(body) == "DeleteSnapshot").then(|| body.split('&').map(id).collect::<Vec<_>>().join("&"))
    };
    let before: BTreeSet<String> = left(&scene.world).into_iter().collect();
    let server = Server::with(&scene.world, move |body| other(body).map_or(Fate::Answered, Fate::AnsweredAs));
    let output = server.ebskeep().args(APPLY).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let amiss = scene.amiss(&BTreeSet::new());
    assert!(amiss.iter().any(|line| line.contains("had a reason to stay")), "{amiss:?}");
    let untrue = untrue(&report, &before, &left(&scene.world).into_iter().collect());
    assert!(untrue.iter().any(|line| line.starts_with("deleted: ")), "{untrue:?}");
}

fn a_volume(scene: &Scene) -> String {
    scene.due.keys().next().unwrap().to_string()
}

/// A backup that was made in this test.
fn todays(scene: &Scene) -> String {
    let (made, history) = (scene.made(), scene.world.history());
    let of = |past: &&Past| made.contains(past.id.as_str()) && scene.due.contains_key(&past.volume);
    history.iter().find(of).unwrap().id.to_string()
}

fn gone(world: &World, id: &str) {
    wait(home(world).delete_snapshot(&SnapshotId::new(id))).unwrap();
}

fn tagged(world: &World, id: &str, key: &str) {
    let tags: Tags = [(key, "2026-01-01T00:00:00Z")].into_iter().collect();
    wait(home(world).create_tags(&[SnapshotId::new(id)], &tags)).unwrap();
}
