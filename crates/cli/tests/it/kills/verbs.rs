//! The verbs that a person gives, killed in each call by which they write: what is held
//! stays, and the same verb once more ends as if nobody had been killed.

use std::collections::BTreeMap;

use ebskeep_core::tags::Tags;
use ebskeep_sim::{CHANGES, Deed, World};

use super::{Moment, killed};
use crate::server::Server;
use crate::world::{act, backup, left, legacy, snapshot, volume, world};

/// A world, the ids that it is about, and what is said about them.
type Scene = fn() -> (World, Vec<String>, Vec<String>);

fn words(verb: &[&str], ids: &[String]) -> Vec<String> {
    verb.iter().map(|word| (*word).to_owned()).chain(ids.iter().cloned()).collect()
}

/// Two that would go, and a backup of today beside them.
fn two_old(tags: &[(&str, &str)]) -> (World, Vec<String>) {
    let world = world();
    let of = volume(&world, &[("Backup", "Yes"), ("Retention", "7")]);
    backup(&world, &of, 0);
    let old = vec![legacy(&world, &of), legacy(&world, &of)];
    if !tags.is_empty() {
        let resources = old.iter().map(|id| id.as_str().into()).collect();
        act(&world, Deed::Tag { resources, tags: tags.iter().copied().collect() });
    }
    (world, old)
}

/// Held already, by a key in another spelling, which goes.
fn holding() -> (World, Vec<String>, Vec<String>) {
    let (world, old) = two_old(&[("keep-until", "2098-01-01")]);
    let verb = words(&["hold", "--until", "2099-12-31", "--reason", "court order"], &old);
    (world, old, verb)
}

fn releasing() -> (World, Vec<String>, Vec<String>) {
    let (world, old) = two_old(&[("KeepForever", ""), ("KeepUntil", "2098-01-01"), ("KeepReason", "court order")]);
    let verb = words(&["release", "--yes"], &old);
    (world, old, verb)
}

/// Another tool's, past their dates.
fn adopting() -> (World, Vec<String>, Vec<String>) {
    let (world, _) = two_old(&[]);
    let mut theirs = Vec::new();
    for date in ["2024-01-01", "2024-01-02", "2024-01-03"] {
        let of = volume(&world, &[("Backup", "Yes"), ("Retention", "7")]);
        backup(&world, &of, 0);
        let started = world.now() - jiff::SignedDuration::from_hours(24 * 60);
        theirs.push(snapshot(&world, &of, started, [("DeleteOn", date)].into_iter().collect()));
    }
    (world, theirs, words(&["adopt", "--yes"], &[]))
}

fn to_its_end(world: &World, arguments: &[String]) {
    let output = Server::of(world).ebskeep().args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The tags of those that are there, in the order of `ids`.
fn tags_of(world: &World, ids: &[String]) -> Vec<Option<Tags>> {
    let history = world.history();
    let there: BTreeMap<&str, &Tags> =
        history.iter().filter(|past| past.deleted.is_none()).map(|past| (past.id.as_str(), &past.tags)).collect();
    ids.iter().map(|id| there.get(id.as_str()).map(|tags| (*tags).clone())).collect()
}

/// Kills it before and after the effect of each call by which it changes something. How
/// many kills that were; `held` if no `expire` is to delete any of it right after one.
fn killed_in_each(scene: Scene, held: bool) -> usize {
    let (world, ids, verb) = scene();
    to_its_end(&world, &verb);
    let wanted = tags_of(&world, &ids);
    let calls = world.calls().iter().filter(|call| CHANGES.contains(&call.action.as_str())).count();
    assert_ne!(tags_of(&scene().0, &ids), wanted, "it changes something");
    for at in 1..=calls {
        for after in [false, true] {
            let (world, ids, verb) = scene();
            let before = left(&world);
            let arguments: Vec<&str> = verb.iter().map(String::as_str).collect();
            killed(&world, &arguments, Moment::Mutating { at, after }).unwrap();
            assert_eq!(left(&world), before, "it deletes nothing");
            if held {
                assert_eq!(gone(&world, &ids), [""; 0], "{verb:?} killed at {at}, after its effect: {after}");
            }
            to_its_end(&world, &verb);
            assert_eq!(tags_of(&world, &ids), wanted, "{verb:?} killed at {at}, after its effect: {after}");
        }
    }
    2 * calls
}

/// Which of them a run of `expire` deletes.
fn gone(world: &World, ids: &[String]) -> Vec<String> {
    to_its_end(world, &words(&["apply", "expire", "--yes"], &[]));
    let left = left(world);
    ids.iter().filter(|id| !left.contains(id)).cloned().collect()
}

#[test]
fn a_hold_that_is_killed_keeps_and_the_next_is_whole() {
    assert!(killed_in_each(holding, true) >= 4, "it writes the one key, and removes the other");
}

#[test]
fn a_release_that_is_killed_is_begun_again() {
    assert!(killed_in_each(releasing, false) >= 2);
}

#[test]
fn what_a_killed_adoption_took_does_not_go_at_once() {
    assert!(killed_in_each(adopting, true) >= 2);
}

#[test]
fn that_nothing_holds_is_seen() {
    let (world, old) = two_old(&[]);
    assert_eq!(gone(&world, &old), old);
}
