//! What holds of random worlds, and that the checker finds what does not.

use std::collections::{BTreeMap, BTreeSet};

use ebskeep_chaos::checker::INVARIANTS;
use ebskeep_chaos::flaw::Flaw;
use ebskeep_chaos::life::live;
use ebskeep_proofs::proves;

/// Worlds in each run of the tests.
const SEEDS: u64 = 120;
/// Worlds in which a planted mistake must show.
const ENOUGH: u64 = 60;
/// Worlds that are looked at for all that a mistake does.
const LOOK: u64 = 6;

/// What must have happened at least once in those worlds: else they show nothing.
const MUST_HAPPEN: [&str; 22] = [
    "call CopySnapshot lost after",
    "call CopySnapshot lost before",
    "call CopySnapshot refused",
    "call CreateSnapshot lost after",
    "call CreateTags lost after",
    "call DeleteSnapshot lost after",
    "call ModifySnapshotAttribute lost after",
    "call ModifySnapshotAttribute refused",
    "call AssumeRole refused",
    "copied into another account",
    "death CopySnapshot after",
    "death CopySnapshot before",
    "death CreateTags after",
    "death CreateTags before",
    "death ModifySnapshotAttribute after",
    "death ModifySnapshotAttribute before",
    "death DeleteSnapshot after",
    "outcome copy-snapshot Done",
    "outcome mark-copied Done",
    "outcome follow-source Done",
    "outcome unshare Done",
    "outcome delete-snapshot Done",
];

#[test]
fn whatever_befalls_them_every_wanted_copy_is_made_and_nothing_goes_before_it() {
    let _proof = proves(&["R6.1", "R6.2", "6.78", "6.81", "6.83", "6.84", "6.86", "6.91"]);
    let mut coverage: BTreeMap<String, u64> = BTreeMap::new();
    let mut wrong = Vec::new();
    for seed in 0..SEEDS {
        let life = live(seed, None).unwrap();
        for (what, times) in life.coverage {
            *coverage.entry(what).or_default() += times;
        }
        let violations = life.violations.into_iter();
        wrong.extend(violations.map(|v| format!("cargo xtask chaos --from {seed} --seeds 1 --story: {v:?}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let missing: Vec<_> = MUST_HAPPEN.iter().filter(|what| !coverage.contains_key(**what)).collect();
    assert!(missing.is_empty(), "never happened: {missing:?}\nof {coverage:#?}");
}

#[test]
fn the_same_seed_is_the_same_world() {
    for seed in [3, 17] {
        assert_eq!(live(seed, None).unwrap().story, live(seed, None).unwrap().story);
    }
}

/// The table of planted mistakes: in which world each first shows, and as what.
/// Each invariant is there for some of them.
#[test]
fn each_planted_mistake_is_found_and_each_invariant_finds_some() {
    let mut missed = Vec::new();
    let mut seen = BTreeSet::new();
    for flaw in Flaw::ALL {
        let mut first = None;
        for seed in 0..ENOUGH {
            if seed >= LOOK && first.is_some() {
                break;
            }
            for violation in live(seed, Some(flaw)).unwrap().violations {
                first.get_or_insert((seed + 1, violation.what));
                seen.insert(violation.what);
            }
        }
        match first {
            Some((seeds, what)) => println!("{flaw:?}: {what} after {seeds} worlds"),
            None => missed.push(flaw),
        }
    }
    assert!(missed.is_empty(), "not found in {ENOUGH} worlds: {missed:?}");
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), INVARIANTS, "invariants that found something");
}
